/* libtulle: what 'tulle guide' says, inside another program, such as a training loop. docs/guide.md describes the answer and its fields;
   samples/guide calls this from Python. Nothing is printed, nothing ends the program, and no signal is touched. Calls may come from any thread;
   they wait for each other. */
#ifndef TULLE_GUIDE_LIBRARY_H
#define TULLE_GUIDE_LIBRARY_H

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return: the exit codes of the command line. */
enum {
    TULLE_GUIDE_FINE = 0,
    TULLE_GUIDE_WRONG_USE = 1,       /* an unknown target or layer, a density outside of 0 to 1 */
    TULLE_GUIDE_BAD_MODEL = 2,       /* the model cannot be read, or memory is short */
    TULLE_GUIDE_UNSUPPORTED = 3,     /* it has operators that tulle does not know */
    TULLE_GUIDE_INTERNAL = 5         /* our own fault */
};

struct tulle_guide_setting {
    const char *target;              /* a name that 'tulle targets' lists; NULL: this machine */
    const char *target_file;         /* a machine of your own, as --target-file takes it; NULL: none. One of the two */
    const char *formula;             /* "counts" (or NULL), or "paper": the paper's formula, as --alpha paper */
    int threads;                     /* that the model will run with; 0: 1 */
    int batch;                       /* of a symbolic first dimension; 0: 1 */
};

struct tulle_guide_density {
    const char *layer;
    double density;                  /* above 0, at most 1 */
};

struct tulle_guide_question {        /* all zero: the model as it is */
    const struct tulle_guide_density *densities;
    int density_count;               /* layers that are not named have the model's own */
    double max_ms, max_megabytes;    /* limits; 0: none */
    const char *const *keep;         /* layers that limits must not touch */
    int keep_count;
};

struct tulle_guide;

/* The same bytes as 'tulle guide MODEL --json --prune-file F', F having the densities: weights are pruned by magnitude. *json is zero-terminated, NULL
   if something went wrong; *error then says what, in lines (NULL if there is not even memory for that). Both are to be given to tulle_guide_free;
   error may be NULL. */
int tulle_guide_once(const char *model, const struct tulle_guide_setting *setting, const struct tulle_guide_question *question, char **json,
                     char **error);

/* The fast way to ask often: the model is read once. Of layers with a density of their own the counts by row and column are estimated from the model's,
   instead of pruning its weights: times differ by a few percent from those of tulle_guide_once. A density above the model's own is taken as it is,
   where tulle_guide_once, which has no weights to add, stays at the model's. */
int tulle_guide_open(const char *model, const struct tulle_guide_setting *setting, struct tulle_guide **guide, char **error);
int tulle_guide_ask(struct tulle_guide *guide, const struct tulle_guide_question *question, char **json, char **error);
void tulle_guide_close(struct tulle_guide *guide);                   /* NULL is fine */

void tulle_guide_free(char *text);                                   /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
