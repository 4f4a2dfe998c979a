/* A program of random layers, each in a copy for every kernel that takes it: made, built, run and compared. Private to kernels_test. */
#ifndef TULLE_TEST_BENCH_H
#define TULLE_TEST_BENCH_H

#include "codegen/kernel.h"
#include "compiler/plan/internal.h"
#include "layers.h"

#include <stdio.h>

#define BATCH 40                     /* layers of a program, at most */

typedef struct Platform {            /* how one instruction set is compiled and run here */
    const char *isa, *target, *compiler, *before;
    bool (*runs)(void);
} Platform;

typedef struct Options {
    const char *source;              /* the folder of runner.c */
    const char *isa, *kernel;        /* only these; NULL: all */
    const char *keep;                /* a folder that stays; NULL: none */
    const char *flags;               /* more of them for the compiler */
    int layers, tilings, jobs;       /* tilings: drawn of each kernel for each layer, on each instruction set */
    bool table;
    uint64_t seed;                   /* of the first layer: the next has the next */
} Options;

typedef struct Copy {                /* a layer for one kernel */
    uint64_t seed;
    const char *name;
    const Kernel *kernel;
    Tiling tiling;
} Copy;

typedef struct Expected {            /* of a layer, whatever computes it */
    float *made, *out;
    const double *allowed;           /* the difference of every element of `out`, of kernels without a bound of their own */
} Expected;

typedef struct Bench {
    const Options *options;
    const Platform *platform;
    uint64_t first;                  /* seed */
    int layers;
    FILE *reached;                   /* which tilings there were, and which were drawn */
    Context *ctx;
    Graph *graph;
    const Target *target;
    int threads;                     /* that the program is planned for: results must not depend on it */
    Rules rules;
    const char *folder;
    Copy *copies;
    int copy_count, copy_capacity;
    const Plan *plan;
    void **data;                     /* what every value should be, by id */
    Expected *expected;              /* by layer */
    const double **allowed;          /* by the id of an output: the difference of every element */
    int padded_inputs, padded_outputs, failures;
} Bench;

/* program.c */
void bench_write(Bench *bench);                                          /* draws the layers and writes the program */
void bench_run(Bench *bench);                                            /* builds and runs it */
const Copy *bench_copy(const Bench *bench, const char *name);            /* of a layer's or a value's name */
size_t bench_floats(const Bench *bench, const Value *value, bool slack);
size_t bench_index(const Bench *bench, const Value *value, int64_t i);   /* where plain element `i` lies */

/* compare.c */
void bench_inputs(Bench *bench);                                         /* writes the program's inputs */
void bench_compare(Bench *bench);                                        /* its outputs against the naive reference in double */

#endif
