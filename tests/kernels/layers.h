/* Small random layers in closed form, for kernels to compute. */
#ifndef TULLE_TEST_LAYERS_H
#define TULLE_TEST_LAYERS_H

#include "compiler/graph/graph.h"

typedef enum LayerKind { LAYER_CONV, LAYER_DEPTHWISE, LAYER_GEMM, LAYER_MATMUL, LAYER_POOL, LAYER_GLOBAL, LAYER_UNARY, LAYER_BINARY, LAYER_SOFTMAX,
                         LAYER_LRN, LAYER_NORM, LAYER_KINDS } LayerKind;

/* Adds the layer that `seed` draws, called `name`, with inputs of its own; its result is an output of the graph. Equal seeds draw equal layers. */
Node *layer_add(Graph *graph, const char *name, uint64_t seed);
LayerKind layer_kind(uint64_t seed);

/* Numbers of either sign up to 1, some of them zeros. */
void random_floats(uint64_t *state, float *data, int64_t count);
/* Makes some of them infinite, NaNs, negative zeros, huge and tiny. */
void random_specials(uint64_t *state, float *data, int64_t count);
int64_t random_between(uint64_t *state, int64_t low, int64_t high);

#endif
