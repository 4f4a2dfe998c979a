/* The direct sparse convolution of paper 003 (after Escoin). A block computes one output channel of a few images (size[0]: the paper's sub-batch); a
   thread has one position of each of them, so (value, offset) pairs, which the block stages in shared memory, are read once for all the images. Rows
   are filled up with zeros to the longest, as the paper does (size[1]): every warp runs equally long, known beforehand. Or they stay as they are. */
#include "codegen/cuda/cuda.h"

#include <math.h>

#define MOST_THREADS 1024            /* of a block; larger planes are walked in tiles */
#define PAIR_BYTES 8
#define UNEQUAL 1.28                 /* what unequal rows cost, by the paper's measurement */

typedef struct Sparse {
    Layer layer;
    double images, threads;          /* of a block */
    bool filled;
    double row, nonzeros;            /* zeros that fill rows up included: of a row, on average, and of all */
    double blocks;
} Sparse;

static void sparse_of(const Problem *problem, const Tiling *tiling, Sparse *sparse)
{
    const Pattern *pattern = problem->pattern;
    cuda_layer(problem, &sparse->layer);
    sparse->images = tiling->size[0];
    sparse->threads = fmin(MOST_THREADS, ceil(sparse->layer.positions / WARP) * WARP);
    sparse->filled = tiling->size[1] != 0;
    sparse->row = pattern->rows > 0 ? (sparse->filled ? pattern->imbalance : 1) * (double)pattern->nonzeros / (double)pattern->rows : 0;
    sparse->nonzeros = sparse->row * (double)pattern->rows;
    sparse->blocks = (double)pattern->rows * ceil(sparse->layer.batch / sparse->images);
}

static bool fits(const Problem *problem)
{
    Layer layer;
    return problem->node->op == OP_Conv && problem->pattern != NULL && cuda_layer(problem, &layer) && layer.window.batch > 0;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    int count = 0;
    Layer layer;
    cuda_layer(problem, &layer);
    for (int images = 8; images >= 1; images /= 2)
        for (int filled = 1; filled >= 0 && count < most; filled--)
            if ((images == 1 || images <= layer.batch) && (filled || problem->pattern->imbalance > 1))
                list[count++] = (Tiling){.size = {images, filled}};
    return count;
}

/* Input that a block reads of one channel at a time: its threads' positions, strides between them included. */
static double tile_bytes(const Sparse *sparse)
{
    const Window *window = &sparse->layer.window;
    return sparse->threads * (double)(window->stride_x * window->stride_y) * sparse->images * sparse->layer.bytes;
}

/* Level 1 saves two kinds of loads. A channel's further nonzeros find the lines that its first one brought, if the tiles of all resident blocks fit.
   And blocks of the same images on one multiprocessor walk the channels in step, since all rows are equally long: what one fetches serves all.
   Blocks of an image come one after the other, so it has as many of them there as there are output channels for each multiprocessor. */
static double fetched(const Sparse *sparse, const Pattern *pattern, const LaunchWork *launch, const Machine *machine)
{
    const double resident = launch_resident(launch, machine), shared = resident * launch->block_shared_bytes;
    const double together = sparse->filled ? fmax(1, fmin(resident, (double)pattern->rows / machine->cores)) : 1;
    const bool fits_l1 = tile_bytes(sparse) * resident + shared <= machine->l1_bytes;
    const double reads = fits_l1 ? (double)pattern->kernels / together : sparse->nonzeros;
    return reads * sparse->layer.batch * sparse->layer.positions * (tile_bytes(sparse) / (sparse->threads * sparse->images));
}

/* An image is streamed again for every round of blocks that cannot be resident with the first, unless level 2 keeps it. */
static double streamed(const Sparse *sparse, const Pattern *pattern, const LaunchWork *launch, const Machine *machine)
{
    const double images = sparse->layer.input / sparse->layer.batch * sparse->images;
    const double rounds = ceil((double)pattern->rows / (launch_resident(launch, machine) * machine->cores));
    return images <= machine->l2_bytes ? 1 : rounds;
}

/* Of the busiest multiprocessor, as far as the dealing out of blocks does not say it: where all blocks run at once, the longest row holds all up. */
static double unequal(const Sparse *sparse, const Pattern *pattern, const LaunchWork *launch, const Machine *machine)
{
    const double waves = ceil(sparse->blocks / (launch_resident(launch, machine) * machine->cores));
    return sparse->filled ? 1 : fmax(UNEQUAL, pattern->imbalance / waves);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Sparse sparse;
    sparse_of(problem, tiling, &sparse);
    const Layer *layer = &sparse.layer;
    const Machine *machine = &problem->target->machine;
    const double warps = ceil(layer->positions / WARP), walks = ceil(layer->batch / sparse.images) * warps;    /* of all nonzeros by a warp */
    const double steps = walks * sparse.nonzeros, outputs = layer->batch * (double)problem->pattern->rows * warps, images = sparse.images;
    const double staged = sparse.blocks * sparse.row * PAIR_BYTES;
    LaunchWork *launch = cuda_launch(work, sparse.blocks, sparse.threads, 24 + 2 * images, fmin(sparse.row, 1024) * PAIR_BYTES);
    launch->fma = steps * images;
    launch->instructions = steps * (4 + 2 * images) + outputs * 10 + staged / PAIR_BYTES / WARP * 6;
    launch->shared_loads = steps + 2 * staged / 128;
    launch->global_loads = steps * images * cuda_lines(layer) + outputs + staged / 128;
    launch->in_flight = images;
    launch->imbalance = unequal(&sparse, problem->pattern, launch, machine);
    launch->l2_bytes = fetched(&sparse, problem->pattern, launch, machine) + staged;
    const double packed = sparse.nonzeros * PAIR_BYTES;
    launch->memory_bytes = layer->input * streamed(&sparse, problem->pattern, launch, machine) + layer->activations - layer->input + packed;
    work->multiply_adds = (double)problem->pattern->nonzeros * layer->batch * layer->positions;
    work->weight_bytes = sparse.nonzeros * layer->bytes;
    work->index_bytes = packed - work->weight_bytes;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *plan)
{
    Sparse sparse;
    sparse_of(problem, tiling, &sparse);
    cuda_stage(plan, sparse.blocks, "multiply");
}

const Kernel kernel_cuda_sparse_direct = {
    .name = "cuda_sparse_direct", .sparse = true,
    .says = "nonzeros as values and offsets in shared memory, a block an output channel of a few images",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
