/* Products and convolutions on GPUs, every weight multiplied: tiles of the output in registers, the input gathered on the way (an implicit matrix
   of all windows). Blocks take 64 or 128 rows and columns; what a tile covers beyond the layer is computed for nothing. */
#include "codegen/cuda/cuda.h"

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
    (void)problem;
    for (int i = 0; i < COUNT(sizes) && count < most; i++)
        list[count++] = (Tiling){.size = {sizes[i][0], sizes[i][1]}};
    return count;
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Layer layer;
    cuda_layer(problem, &layer);
    const Batch batch = batch_of(&layer, tiling);
    cuda_batch(work, &batch)->memory_bytes = layer.activations + layer.weights;
    work->multiply_adds = batch.count * batch.m * batch.n * batch.k;
    work->weight_bytes = layer.constant ? layer.weights : 0;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *plan)
{
    Layer layer;
    cuda_layer(problem, &layer);
    const Batch batch = batch_of(&layer, tiling);
    cuda_stage(plan, batch_blocks(&batch), "multiply");
}

const Kernel kernel_cuda_dense_gemm = {
    .name = "cuda_dense_gemm",
    .says = "a matrix product by tiles, the input's windows gathered on the way",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
