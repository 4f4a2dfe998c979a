/* Nodes for every operator and type the reference knows, with operands filled with numbers. */
#ifndef TULLE_REFERENCE_CASES_H
#define TULLE_REFERENCE_CASES_H

#include "compiler/pass/pass.h"
#include "compiler/reference/reference.h"

#include "captured.h"

/* One node, inferred, its inputs filled. */
typedef struct Case {
    const char *text;            /* the graph it came from, for messages */
    Graph *graph;
    const Node *node;
    const void **inputs;
    void **outputs;              /* room for each, filled with 0xff */
    size_t *output_bytes;
} Case;

/* Calls work for every case, one after the other. Gives how many there were. */
int cases_run(Context *ctx, void (*work)(Case *one, void *argument), void *argument);

/* A case from a graph as text: one node, whose inputs are the graph's. The seed decides the numbers. */
void case_make(Context *ctx, const char *text, uint32_t seed, Case *one);
void case_free(Case *one);                                       /* its inputs and outputs */

double case_random(uint32_t *seed);                              /* 0 <= x < 1, the same everywhere */
double element_get(const void *data, Type type, int64_t index);  /* f16 and bf16 as their bits */
void element_set(void *data, Type type, int64_t index, double value);
#define case_fails(...) (print_error(__VA_ARGS__), print_error("\n"), assert_true(false))
const Shape *case_result(const Case *one);                       /* of output 0 */

#endif
