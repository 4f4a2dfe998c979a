/* What the kernels for GPUs share: the layer's sizes, and launches counted in warps. All of them are projections for now: priced, not written.
   Private to codegen/cuda. */
#ifndef TULLE_CODEGEN_CUDA_H
#define TULLE_CODEGEN_CUDA_H

#include "codegen/cpu/product.h"

#define WARP 32

typedef struct Layer {               /* a convolution, or a product as one whose outputs are columns of the result */
    Window window;                   /* of a convolution; a product has one tap, and an image of one row for each of its rows */
    double batch, groups, outputs, channels, taps;   /* outputs and channels of a group */
    double positions;                /* outputs of an image and channel */
    double input, weights, activations;              /* bytes: activations are all that is read and written beside the weights */
    double bytes;                    /* of an element */
    bool half, constant;             /* constant weights */
} Layer;

bool cuda_layer(const Problem *problem, Layer *layer);   /* false: not on a GPU, another operator, other types than f32 and f16 throughout */
double cuda_activations(const Node *node);               /* bytes of what it reads and writes, its epilogue included, constants left out */
/* Lines of 128 bytes that a warp touches when it reads consecutive positions, on average over all alignments. */
double cuda_lines(const Layer *layer);
/* The next stage of the work, with blocks and registers given. */
LaunchWork *cuda_launch(Work *work, double blocks, double threads, double registers, double shared_bytes);
/* One stage of the plan for each launch, "transform", "multiply" ... */
void cuda_stage(LayerPlan *plan, double blocks, const char *says);
/* A launch that reads and writes memory and does `instructions` an element on the way. */
void cuda_stream(Work *work, double elements, double bytes, double instructions);

/* A batch of products [m][k] x [k][n] in one launch: every block makes a tile of `rows` by `columns`, every thread 8 x 8 of it. */
typedef struct Batch {
    double count, m, n, k;
    double rows, columns;
    double weight;                   /* multiply-adds of one element with another: 1, of complex numbers 4 */
    double bytes;                    /* of an element */
    bool half;
} Batch;

double batch_blocks(const Batch *batch);
LaunchWork *cuda_batch(Work *work, const Batch *batch);  /* memory_bytes are left to the caller */

#endif
