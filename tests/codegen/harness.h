/* Compiles graphs given as text through everything, loads the result, and computes what it should be. */
#ifndef TULLE_TEST_HARNESS_H
#define TULLE_TEST_HARNESS_H

#include "codegen/kernel.h"
#include "runtime/tulle.h"

#define MOST_TENSORS 16

typedef int RunFunction(const void *const *inputs, void *const *outputs, void *workspace, size_t workspace_bytes, int threads);
typedef const struct tulle_model *ModelFunction(void);

typedef struct Program {
    RunFunction *run;
    const struct tulle_model *model;
} Program;

/* Parses, runs all passes, plans. */
const Plan *harness_plan(Context *ctx, const char *text, const char *target);
/* Writes FOLDER/PREFIX.c and what belongs to it. */
void harness_write_plan(Context *ctx, const Plan *plan, const char *folder, const char *prefix, bool single_file);
void harness_write(Context *ctx, const char *text, const char *target, const char *folder, const char *prefix, bool single_file);    /* both */
/* Runs a shell command made from the format; the test fails if it does. */
void harness_command(Context *ctx, const char *format, ...) PRINTF_LIKE(2, 3);
const char *harness_folder(Context *ctx, const char *name);     /* a new one, in the private temporary folder */
/* Compiles FOLDER/PREFIX.c into a shared library and loads it. */
Program harness_load(Context *ctx, const char *compiler, const char *flags, const char *folder, const char *prefix);

typedef struct Buffers {
    void *data[MOST_TENSORS];
    size_t bytes[MOST_TENSORS];
    int count;
} Buffers;

Buffers harness_inputs(Context *ctx, const struct tulle_model *model, uint32_t seed);           /* small numbers of either sign */
Buffers harness_run(Context *ctx, const Program *program, const Buffers *inputs, int threads);  /* outputs and workspace start as NaNs */
/* What the graph's outputs are: types inferred, nothing fused, node by node through the reference that is compiled in. */
Buffers harness_reference(Context *ctx, const char *text, const Buffers *inputs);
void harness_expect_same(const Buffers *a, const Buffers *b);

extern const char *harness_runtime_folder;

#endif
