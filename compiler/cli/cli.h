/* The command line: one table of commands, one of options, one file a command, and what they share. Includes everything; nobody includes it. */
#ifndef TULLE_CLI_H
#define TULLE_CLI_H

#include <signal.h>
#include <sys/types.h>

#include "compiler/base/base.h"
#include "compiler/pass/pass.h"
#include "compiler/plan/plan.h"
#include "runtime/npy.h"

/* ---- options.c ---- */

typedef struct Strings {             /* values of an option that may be given several times, in order */
    const char **items;
    int count, capacity;
} Strings;

typedef unsigned CommandSet;         /* bits of main.c's commands */

typedef struct Options {
    CommandSet command;              /* the one that runs */
    Strings arguments;               /* what is no option: the model, folders */
    const char *target, *target_file, *prefix, *type, *dump, *external_data, *output_path, *compiler;
    const char *select, *prune_file, *alpha, *svg, *optimize;
    Rules rules;
    int64_t threads, batch, max_code;    /* 0: not given */
    double threshold, tolerance;
    double prune;                    /* 0: not given */
    double max_time, max_size;       /* ms, MB; 0: not given */
    int64_t repeat;                  /* 0: not given */
    const char *compare, *tuned, *against, *export_path;
    int64_t candidates;              /* 0: not given */
    bool single_file, static_link, json, quick, probe, hot, cold, no_cache, help;
    Strings dimensions, kernels, kernel_sources, inputs, outputs, keep, show, diff;
} Options;

enum {
    COMPILE = 1, BUILD = 2, RUN = 4, VERIFY = 8, TARGETS = 16, EXPLAIN = 32, GUIDE = 64, BENCH = 128, INSPECT = 256,
    TUNE = 512,
    ASKING = EXPLAIN | GUIDE, RUNNING = RUN | VERIFY | BENCH | TUNE, WRITING = COMPILE | BUILD | RUNNING | INSPECT,
    PLANNING = WRITING | ASKING, ANY = 1023
};

enum { MOST_THREADS = 1024 };

void options_parse(Context *ctx, char *const *words, int count, CommandSet command, const char *command_name, Options *options);
void options_help(FILE *stream, CommandSet command);
/* "did you mean 'x'?" and what else to do, for a word that is none of the candidates. */
const char *options_hint(Context *ctx, const char *word, const char *const *candidates, int count, const char *otherwise);

/* ---- main.c ---- */

typedef struct Command {
    const char *name;
    CommandSet bit;
    const char *arguments, *says;    /* the usage line's end; one line */
    const char *more;                /* --help: what it does, and examples */
    Status (*run)(Context *ctx, const Options *options);
} Command;

Status compile_command(Context *ctx, const Options *options);
Status build_command(Context *ctx, const Options *options);
Status run_command(Context *ctx, const Options *options);
Status verify_command(Context *ctx, const Options *options);
Status targets_command(Context *ctx, const Options *options);
Status explain_command(Context *ctx, const Options *options);
Status guide_command(Context *ctx, const Options *options);
Status bench_command(Context *ctx, const Options *options);
Status inspect_command(Context *ctx, const Options *options);
Status tune_command(Context *ctx, const Options *options);

/* ---- driver.c: from a model's path to a plan ---- */

const char *driver_model(Context *ctx, const Options *options);                  /* the model's path; any other number of arguments is wrong use */
/* The layer's name behind the model's, taken from the arguments; NULL: there is none. */
const char *driver_layer(Context *ctx, Options *options, const char *command);
Graph *driver_graph(Context *ctx, const Options *options, const char *model);    /* after all passes */
const Target *driver_target(Context *ctx, const Options *options);               /* named, in a file, or this machine */
Plan *driver_plan(Context *ctx, const Options *options, const char *model);      /* a GPU is refused for commands that write code */
/* Writes source, header and weights, all called `name`, into a folder of ours; gives the source's path. */
const char *driver_source(Context *ctx, const Plan *plan, const char *folder, const char *name, const char *prefix, size_t *weight_bytes);
void driver_refuse_same(Context *ctx, const char *model, const char *path);      /* that an output is the model itself */
/* Splits "a=b" at the last '=', a name of the model's in front of it; wrong use of `option` if there is none. */
const char *driver_pair(Context *ctx, const char *option, const char *text, const char **value);
const char *driver_prefix(Context *ctx, const Options *options, const char *path);
/* Parts of paths: "a/b.c" has the folder "a/", the stem "b", the ending ".c". */
const char *path_stem(Arena *arena, const char *path);
const char *path_folder(Arena *arena, const char *path);
bool path_ends(const char *path, const char *ending);
const char *bytes_text(Arena *arena, double bytes);                              /* "1.5 MB" */
void driver_summary(Context *ctx, const Plan *plan, size_t weight_bytes);        /* a line on stderr */
void driver_written(Context *ctx, const char *const *paths, int count);          /* "wrote out.c (12 KB)" on stderr */

/* ---- densities.c: --prune-file ---- */

/* Lines of 'LAYER DENSITY', the density above 0 and at most 1; blank lines, and what stands behind a '#' at a line's start or behind a blank, do not
   count. STATUS_USAGE with path and line for anything else. */
void densities_read(Context *ctx, const char *path, PassOptions *options);

/* ---- tuned_file.c: what 'tulle tune' measured, as text; docs/tune.md describes it ---- */

typedef struct TunedLayer {
    char key[KEY_BYTES];
    const char *says;                /* for readers: the layer's name and what it is */
    TunedChoice *choices;            /* the first is the model's */
    int count, capacity;
    int best;                        /* its number; -1: not known yet */
} TunedLayer;

typedef struct TunedMachine {
    const char *name, *version;      /* version: of the tulle that measured it */
    TunedLayer *layers;
    int count, capacity;
    NameMap numbers;                 /* of layers, by their keys; from 1 on */
} TunedMachine;

typedef struct TunedFile {
    TunedMachine *machines;
    int count, capacity;
} TunedFile;

/* STATUS_USAGE with path and line for what is none; without machines if there is no such file, or an empty one. */
TunedFile *tuned_read(Context *ctx, const char *path);
void tuned_write(Context *ctx, const TunedFile *file, const char *path);
const char *tuned_title(Context *ctx, const Target *target, bool cold);  /* of a machine: what stands behind the word in the file */
TunedMachine *tuned_machine(Context *ctx, TunedFile *file, const char *title);           /* made if it is not there */
bool tuned_same(const TunedChoice *a, const TunedChoice *b);             /* the same kernel in the same tiling and layouts */
TunedLayer *tuned_layer(Context *ctx, TunedMachine *machine, const char *key);          /* made, without choices, if it is not there */
void tuned_take(Context *ctx, const char *path, const Target *target, PlanOptions *options);     /* --tuned. Wrong use, if nothing was tuned on this machine */
void tuned_check(Context *ctx, const char *path, const Plan *plan);      /* ... if nothing of it was of this model; a word, if not all was */

/* ---- child.c: other programs ---- */

/* Starts words[0], found on the PATH, with these as its standard files and `mask` as its signal mask (NULL: ours), in a process group of its own that is
   killed when we end. temporary: its TMPDIR, so that what it leaves there goes with our folder; NULL: ours. Below 0, and errno: it cannot be started; it
   exits with 127 if it cannot be run. */
pid_t child_begin(const char *const *words, const int files[3], const char *temporary, const sigset_t *mask);
void child_kill(pid_t child);            /* with all that it started, and waits for it */

/* ---- cc.c: the C compiler ---- */

typedef struct Compiler {
    const char *const *words;        /* the command, split at spaces */
    int count;
    const char *flags;               /* of the target, and ours */
    const char *folder;              /* where its files and its messages go */
} Compiler;

/* --cc, or the target's own, or $CC, or cc. Wrong use if it is not installed; the hint says which package has it. */
Compiler *compiler_find(Context *ctx, const Options *options, const Target *target);
/* Runs it with these arguments. threads: what it makes starts threads: with OpenMP or else, with a word about it, without. fail()s with its first lines. */
void compiler_run(Context *ctx, const Compiler *compiler, bool threads, const char *const *arguments, int count);
/* Any program that belongs to it ("ar"), found by the compiler's prefix. */
void compiler_tool(Context *ctx, const Compiler *compiler, const char *tool, const char *const *arguments, int count);

/* ---- program.c: a model compiled for this process ---- */

#define PROGRAM_PREFIX "model"       /* of its names in C */

struct Units;

typedef struct Program {
    const struct tulle_model *model;
    const void *entry;               /* of code compiled in process; NULL: a C compiler's, in `library` */
    void *library;
    Arena *texts;                    /* its weights are among them, but for those of users' layers */
    const struct Units *units;       /* what it was compiled from in process; NULL */
} Program;

void program_check(Context *ctx, const Plan *plan);      /* wrong use, where its code cannot be loaded here */
Program *program_load(Context *ctx, const Options *options, const Plan *plan);
const char *program_source(const Program *program, int layer);   /* the user's file that a layer is from; NULL: it is ours */
/* Copies of a model's inputs on pages that may not be written. */
void **program_guard(Context *ctx, const struct tulle_model *model, void *const *inputs);
void program_unguard(const struct tulle_model *model, void **guarded);
void program_unload(Context *ctx, Program *program);     /* one of several; the last goes with the process */
/* Memory that ends where a page begins that may not be touched, filled with bytes 0xFF (NaN in every real type). */
void *program_memory(Context *ctx, size_t bytes);
void program_freeze(void *memory, size_t bytes);         /* makes it read-only */
void program_release(void *memory, size_t bytes);
void program_run(Context *ctx, const Program *program, void *const *inputs, void *const *outputs, int threads);
_Noreturn void program_fail(Context *ctx, int status);   /* for any status of the runtime's but TULLE_OK */

/* ---- crash.c ---- */

/* From here to the next call a crash is told as the generated code's, with what runs (a layer, or the whole), on so many threads; NULL: none of it is
   running. Code that was compiled in process is told with its layer, stage and line. */
void program_watch(const char *what, int threads);
void crash_thread(void);                 /* on each further thread that may crash */
void crash_watch(const char *text);      /* the same of anything on this thread: what to print; NULL: it is over */

/* ---- kernel_source.c: a user's functions for a layer ---- */

/* Those that --kernel-source names take the place of the units' own. Wrong use, with file and line, if they are not what the layer needs. */
void kernel_sources_take(Context *ctx, const Options *options, const Plan *plan, struct Units *units, Arena *arena);
/* Holds each such layer against the reference, on these inputs: it is told, and STATUS_MISMATCH, if one is wrong. */
void kernel_sources_check(Context *ctx, const Options *options, const Plan *plan, const Program *program, void *const *inputs);
/* Times them in turns with ours, and prints both. */
void kernel_sources_bench(Context *ctx, const Options *options, const Plan *plan, const Program *program, void *const *inputs, int threads);
void kernel_source_export(Context *ctx, const Options *options, const Plan *plan, int layer);    /* --export: ours, for a start */

/* ---- interval.c ---- */

/* So many of `count` sorted samples lie outside of the interval at each end that holds the median in 95 of 100 cases; -1: they are too few (below 6). */
int interval_outside(int count);

/* ---- pairs.c: two programs of one model, timed in turns ---- */

typedef struct PairOptions {
    int threads;
    double seconds;                  /* that each is run at least; longer on a busy machine */
    bool cold;                       /* with caches swept before each run */
} PairOptions;

typedef struct PairTime {
    double seconds;                  /* the second program's median */
    double ratio, low, high;         /* of its time to the first one's: the median, and the interval that has it in 95 of 100 cases */
} PairTime;

typedef struct Pairs {
    PairTime whole;
    PairTime *layers;                /* [layer_count] */
    int count;
    bool same;                       /* their results are the same but for rounding */
} Pairs;

Pairs pairs_measure(Context *ctx, const Program *first, const Program *second, void *const *inputs, const PairOptions *options);

/* ---- data.c: inputs and outputs in files ---- */

const struct tulle_model *data_model(const Graph *graph);                        /* inputs and outputs only: known before anything is compiled */
void data_load(Context *ctx, const struct tulle_model *model, const char *argument, void **inputs);
/* Those that --input gives; the others random, the same ones each time. */
void **data_inputs(Context *ctx, const Options *options, const Graph *graph);
NpyFile data_read(Context *ctx, const char *path);                               /* .npy, .npz or .pb; data in ctx->graph, not to be freed */
void data_save(Context *ctx, const struct tulle_model *model, const Strings *arguments, void *const *outputs);
void data_random(const Graph *graph, const struct tulle_model *model, uint64_t seed, void **inputs);   /* those that are NULL; assumed inputs as assumed */

/* ---- counters.c: what the processor counts ---- */

/* Of ten runs with this many threads, cold ones if asked for. What cannot be counted is told in `missing`. */
const BenchCounts *counters_measure(Context *ctx, const struct tulle_model *model, void *const *inputs, void *const *outputs, const BenchOptions *how);

/* ---- against.c: another engine, in turns with ours ---- */

typedef struct Race {
    const struct tulle_model *model;
    void *const *inputs, *const *outputs;
    int threads, repeat;             /* runs of each at least */
} Race;

/* Options that do not go with it, or another name than onnxruntime. */
void against_check(Context *ctx, const Options *options, const char *model);
/* $TULLE_PYTHON or python3 runs the model. Wrong use where that fails, with what it said last, and with a word on how to get onnxruntime where it lacks it. */
const BenchAgainst *against_race(Context *ctx, const char *model, const Race *race);

/* ---- json.c ---- */

typedef enum JsonKind { JSON_WORD, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;

typedef struct Json {
    JsonKind kind;                   /* WORD: null, true or false */
    const char *name;                /* as a member of an object; else NULL */
    const char *text;                /* of a string, in UTF-8; the word */
    double number;
    struct Json *first, *next;       /* its members; the next one beside it */
} Json;

const Json *json_read(Context *ctx, const char *path);           /* STATUS_USAGE with path and line for what is no JSON */
const Json *json_member(const Json *json, const char *name);     /* NULL if there is none, or it is no object */

/* ---- json_writer.c ---- */

typedef struct JsonWriter {          /* start with its stream alone */
    FILE *stream;
    char closers[16];                /* of what is open */
    int depth;
    bool more;                       /* something stands before, in what is open */
} JsonWriter;

/* name: NULL in arrays, and of the whole. */
void json_open(JsonWriter *json, const char *name, char opener);
void json_close(JsonWriter *json);                               /* what was opened last; a line's end behind the whole */
void json_add_string(JsonWriter *json, const char *name, const char *text);      /* NULL: null */
void json_add_number(JsonWriter *json, const char *name, double number);         /* not finite: null */
void json_add_bool(JsonWriter *json, const char *name, bool truth);

/* ---- compare.c: two tensors ---- */

typedef struct Difference {
    int64_t index;                   /* of the element farthest outside its bound; -1: none is outside */
    double expected, found, allowed; /* of that element */
    double largest;                  /* largest |expected - found| there is */
    int64_t count;                   /* elements outside */
} Difference;

/* bounds: allowed difference per element, or NULL: absolute + relative * |expected|. NaN equals NaN; integers and bools must be equal. */
Difference compare_tensors(Type type, const void *expected, const void *found, int64_t count, double relative, double absolute, const double *bounds);
const char *index_text(Arena *arena, const Shape *shape, int64_t index);         /* "[0,3,1,1]" */

/* ---- stages.c: verify's walk ---- */

typedef struct Walk {
    const Node *wrong;               /* the first layer whose result from tulle's own inputs is outside its bound; NULL: none */
    const char *kernel;
    const Value *value;
    Difference difference;
    const char *fault;               /* what a user's layer does that it must not: a sentence that begins with its file; NULL: nothing */
    double drift;                    /* largest difference to the reference on its own values, relative to a layer's largest element */
    const Node *drift_node;
    int layers;                      /* compared */
} Walk;

/* only: the one layer that is compared, those before it are just run; -1: all. */
Walk stages_walk(Context *ctx, const Plan *plan, const Program *program, void *const *inputs, void *const *outputs, double tolerance, int only);
/* ---- kernel_trial.c: a user's layer in that walk ---- */

typedef struct KernelTrial KernelTrial;

/* Before its stages run; NULL: the layer is ours. */
KernelTrial *kernel_trial(Context *ctx, const Plan *plan, const Program *program, const LayerPlan *layer, const struct tulle_context *context);
/* After they ran in one part: NULL, or what is wrong, as a sentence. */
const char *kernel_trial_whole(const KernelTrial *trial);
/* Runs them again, in other numbers of parts; `expected` by value id, plain. */
const char *kernel_trial_parts(const KernelTrial *trial, const void *const *expected);
void kernel_trial_end(const KernelTrial *trial);

const char *difference_text(Arena *arena, const Shape *shape, const Difference *difference);

#endif
