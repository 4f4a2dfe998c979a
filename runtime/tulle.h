/* tulle's runtime interface: what generated programs and their callers share. Pasted into every generated header, so that generated
   code needs no file of ours; the guard lets several models and the runtime meet in one program. C11 and C++.
   docs/generated-code.md tells how to use it. */
#ifndef TULLE_H
#define TULLE_H
#define TULLE_ABI 4

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TULLE_OK = 0,
    TULLE_NULL_POINTER = 1,      /* an input, output or the workspace is missing */
    TULLE_SMALL_WORKSPACE = 2,   /* fewer bytes than PREFIX_WORKSPACE_BYTES(threads), or not aligned to TULLE_ALIGNMENT */
    TULLE_BAD_THREADS = 3,       /* threads < 1 */
    TULLE_ASSUMED_INPUT = 4,     /* an input that shapes were derived from does not have the value the compiler assumed */
    TULLE_OTHER_ABI = 5          /* the model was written by a compiler of another generation than this runtime */
};
#define TULLE_ALIGNMENT 64

enum tulle_type {
    TULLE_F32 = 1, TULLE_F64, TULLE_F16, TULLE_BF16,
    TULLE_I8, TULLE_I16, TULLE_I32, TULLE_I64, TULLE_U8, TULLE_U16, TULLE_U32, TULLE_U64, TULLE_BOOL
};

struct tulle_tensor {
    const char *name;            /* the model's name, any bytes but zero */
    enum tulle_type type;
    int rank;
    int64_t dims[8];
    size_t bytes;                /* 0 for a tensor without elements; its pointer may then be NULL */
};

/* Everything a stage needs to know; lives for one run. */
struct tulle_context {
    const void *const *inputs;
    void *const *outputs;
    char *workspace;
    int slice;                   /* of the batch: 0 .. slices-1 of the model, one after the other */
};

/* Does share `part` of `parts` of one stage. Stages are run in order, all parts of one before any of the next; and all of them for a slice of the
   batch before any for the next slice. */
typedef void tulle_stage(const struct tulle_context *context, int part, int parts);

struct tulle_layer {
    const char *name, *op;       /* the model's, any bytes but zero; "Conv" */
    const char *kernel;          /* "view" for a layer that needs no work and has no stages */
    double density;              /* nonzeros of its weights; 1 where it has none */
    double multiply_adds;        /* of the layer without its zeros left out, all slices' */
    int first_stage, stage_count;
    double predicted_ms;         /* in the network, all slices', by the compiler's model of the target; 0: not known */
    double predicted_hot_ms;     /* ... alone, over and over */
};

struct tulle_model {
    int abi;                     /* TULLE_ABI of the compiler that wrote it */
    const char *name, *target, *version, *sha256;
    const struct tulle_tensor *inputs, *outputs;
    int input_count, output_count;
    tulle_stage *const *stages;
    const unsigned char *waits;  /* by stage: 0 where it may start before the stages in front of it are done */
    int stage_count;
    int slices;                  /* of a batch that runs a few images at a time: all stages so often, with context.slice counting; else 1 */
    const struct tulle_layer *layers;
    int layer_count;
    int threads;                 /* that times were predicted for */
    size_t workspace_bytes, thread_bytes;   /* a run with t threads needs workspace_bytes + t * thread_bytes */
    int (*check)(const struct tulle_context *context);   /* assumed inputs; TULLE_OK or TULLE_ASSUMED_INPUT */
};

/* In the runtime library (tulle.c); programs that only call PREFIX_run do not need it. */
size_t tulle_workspace_bytes(const struct tulle_model *model, int threads);
int tulle_run(const struct tulle_model *model, const void *const *inputs, void *const *outputs, void *workspace, size_t workspace_bytes, int threads);
/* The same with the clock read between stages: seconds[i] gets the time of stage i, all slices'. */
int tulle_profile(const struct tulle_model *model, const void *const *inputs, void *const *outputs, void *workspace, size_t workspace_bytes,
                  int threads, double *seconds);
const char *tulle_status_text(int status);

#ifdef __cplusplus
}
#endif
#endif
