/* Products and convolutions on GPUs, every weight multiplied: tiles of the output in registers, the input gathered on the way (an implicit matrix
   of all windows). Blocks take 64 or 128 rows and columns; what a tile covers beyond the layer is computed for nothing. Or, for products of a
   few columns (size[0] = 1), a warp reads one row of weights and multiplies it with all columns: the weights are one stream. */
#include "codegen/cuda/cuda.h"

#include <math.h>

#define FEW 16                       /* columns of which a warp keeps the sums */

static Batch batch_of(const Layer *layer, const Tiling *tiling)
{
    return (Batch){.count = layer->groups, .m = layer->outputs, .n = layer->batch * layer->positions, .k = layer->channels * layer->taps,
                   .rows = tiling->size[0], .columns = tiling->size[1], .weight = 1, .bytes = layer->bytes, .half = layer->half};
}

static bool fits(const Problem *problem)
{
    Layer layer;
    return cuda_layer(problem, &layer);
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    static const int sizes[][2] = {{128, 128}, {128, 64}, {64, 128}, {64, 64}};
    int count = 0;
    Layer layer;
    cuda_layer(problem, &layer);
    for (int i = 0; i < COUNT(sizes) && count < most; i++)
        list[count++] = (Tiling){.size = {sizes[i][0], sizes[i][1]}};
    if (layer.batch * layer.positions <= FEW && count < most)
        list[count++] = (Tiling){.size = {1, FEW}};
    return count;
}

#define ROW_WARPS 8.0                /* of a block */

static void row_work(Work *work, const Batch *batch)
{
    const double rows = batch->count * batch->m, steps = rows * ceil(batch->k / WARP), words = batch->bytes / 4;
    LaunchWork *launch = cuda_launch(work, ceil(rows / ROW_WARPS), ROW_WARPS * WARP, 64, 0);
    launch->fma = steps * batch->n;
    launch->instructions = steps * (2 + 2 * batch->n) + rows * batch->n * 10;    /* sums go round the warp in five steps */
    launch->global_loads = steps * words * (1 + batch->n);
    launch->in_flight = 8;
    launch->l2_bytes = steps * WARP * batch->bytes * (1 + batch->n / ROW_WARPS);    /* the block's warps share columns in level 1 */
}

static double block_count(const Batch *batch)
{
    return batch->rows > 1 ? batch_blocks(batch) : ceil(batch->count * batch->m / ROW_WARPS);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Layer layer;
    cuda_layer(problem, &layer);
    const Batch batch = batch_of(&layer, tiling);
    if (batch.rows > 1)
        cuda_batch(work, &batch);
    else
        row_work(work, &batch);
    work->launches[0].memory_bytes = layer.activations + layer.weights;
    work->multiply_adds = batch.count * batch.m * batch.n * batch.k;
    work->weight_bytes = layer.constant ? layer.weights : 0;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *plan)
{
    Layer layer;
    cuda_layer(problem, &layer);
    const Batch batch = batch_of(&layer, tiling);
    cuda_stage(plan, block_count(&batch), "multiply");
}

const Kernel kernel_cuda_dense_gemm = {
    .name = "cuda_dense_gemm",
    .says = "a matrix product by tiles, the input's windows gathered on the way",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
