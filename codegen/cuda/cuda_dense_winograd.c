/* Winograd's F(2x2,3x3) on GPUs in one launch, as Lavin and Gray describe it and cuDNN does: a block takes 32 or 64 output channels and 32 tiles of 2
   x 2 outputs, transforms 4 x 4 inputs of a few channels into shared memory, multiplies the 16 products there, and transforms the sums back in
   registers. Weights are transformed before. In f32 alone: transforms and sums of 16 bits lose too much. Inputs are transformed again by every block
   of output channels. */
#include "codegen/cuda/cuda.h"

#include <math.h>

#define TILES 32.0                   /* of a block */
#define PRODUCTS 16.0                /* multiply-adds of a tile, where 4 outputs of 9 taps each would be 36 */
#define ADDITIONS_IN 32.0            /* B'xB of 4 x 4, one pass after the other */
#define ADDITIONS_OUT 24.0           /* A'mA, from 4 x 4 to 2 x 2 */

typedef struct Winograd {
    Layer layer;
    double tiles, rows;              /* of the layer; output channels of a block */
    double blocks;
} Winograd;

static void winograd_of(const Problem *problem, const Tiling *tiling, Winograd *winograd)
{
    cuda_layer(problem, &winograd->layer);
    const Layer *layer = &winograd->layer;
    winograd->tiles = layer->batch * (double)divide_up(layer->window.out_height, 2) * (double)divide_up(layer->window.out_width, 2);
    winograd->rows = tiling->size[0];
    winograd->blocks = layer->groups * ceil(layer->outputs / winograd->rows) * ceil(winograd->tiles / TILES);
}

static bool fits(const Problem *problem)
{
    Layer layer;
    if (problem->node->op != OP_Conv || !cuda_layer(problem, &layer) || !layer.constant || layer.half)
        return false;
    const Window *window = &layer.window;
    return window->kernel_height == 3 && window->kernel_width == 3 && window->stride_y == 1 && window->stride_x == 1 && window->dilation_y == 1 &&
           window->dilation_x == 1;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    (void)problem;
    int count = 0;
    for (int rows = 64; rows >= 32 && count < most; rows /= 2)
        list[count++] = (Tiling){.size = {rows}};
    return count;
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Winograd winograd;
    winograd_of(problem, tiling, &winograd);
    const Layer *layer = &winograd.layer;
    const double words = layer->bytes / 4, threads = 256;
    const double steps = winograd.blocks * ceil(layer->channels / 8) * 8;      /* of one input channel */
    const double inputs = steps * TILES, weights = steps * winograd.rows;      /* tiles that are brought in */
    const double shared_bytes = 2 * 8 * PRODUCTS * (TILES + winograd.rows) * layer->bytes;
    LaunchWork *launch = cuda_launch(work, winograd.blocks, threads, 128, shared_bytes);
    launch->fma = steps * TILES * winograd.rows * PRODUCTS / WARP;
    launch->instructions = launch->fma * 1.25 + inputs * (ADDITIONS_IN + 2 * PRODUCTS) / WARP +
                           winograd.blocks * TILES * winograd.rows * (ADDITIONS_OUT + 8) / WARP;
    /* every product of `rows` x 32 as in a matrix product of tiles of 8 x 8; tiles overlap by half, so that a quarter of an input tile is new */
    launch->shared_loads = words * (launch->fma / 8 + (2 * inputs + weights) * PRODUCTS / WARP);
    launch->global_loads = words * (1.5 * inputs * PRODUCTS / WARP + weights * PRODUCTS / WARP);
    launch->in_flight = 16;
    launch->l2_bytes = (inputs * PRODUCTS / 2 + weights * PRODUCTS) * layer->bytes;
    launch->memory_bytes = layer->activations + layer->weights * PRODUCTS / 9;
    work->multiply_adds = layer->groups * layer->outputs * layer->batch * layer->positions * layer->channels * layer->taps;
    work->weight_bytes = layer->weights * PRODUCTS / 9;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *plan)
{
    Winograd winograd;
    winograd_of(problem, tiling, &winograd);
    cuda_stage(plan, winograd.blocks, "transform, multiply");
}

const Kernel kernel_cuda_dense_winograd = {
    .name = "cuda_dense_winograd",
    .says = "F(2x2,3x3), transforms and products in one launch",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
