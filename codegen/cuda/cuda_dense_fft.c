/* Convolution by Fourier transforms of tiles (cuDNN's FFT_TILING): tiles of 16 or 32 squared, of which taps - 1 rows and columns are overlap; real
   input, so half the frequencies and one more are kept. Four launches: transform the input's tiles and the weights, one product of complex matrices
   for each frequency, transform back. cuDNN transforms weights in every call, and so it is counted. */
#include "codegen/cuda/cuda.h"

#include <math.h>

#define COMPLEX 8.0                  /* bytes: sums of frequencies lose too much in 16 bits */

typedef struct Fourier {
    Layer layer;
    double size, frequencies, tiles; /* of a tile; tiles of one channel of all images */
    Batch batch;
} Fourier;

static void fourier_of(const Problem *problem, const Tiling *tiling, Fourier *fourier)
{
    cuda_layer(problem, &fourier->layer);
    const Layer *layer = &fourier->layer;
    const Window *window = &layer->window;
    const int64_t size = tiling->size[0], high = size - window->kernel_height + 1, wide = size - window->kernel_width + 1;
    fourier->size = (double)size;
    fourier->frequencies = (double)(size * (size / 2 + 1));
    fourier->tiles = layer->batch * (double)(divide_up(window->out_height, high) * divide_up(window->out_width, wide));
    fourier->batch = (Batch){.count = fourier->frequencies * layer->groups, .m = layer->outputs, .n = fourier->tiles, .k = layer->channels,
                             .rows = 64, .columns = 64, .weight = 4, .bytes = COMPLEX};
}

static bool fits(const Problem *problem)
{
    Layer layer;
    if (problem->node->op != OP_Conv || !cuda_layer(problem, &layer) || !layer.constant || layer.half)
        return false;
    const Window *window = &layer.window;
    const int64_t high = window->kernel_height, wide = window->kernel_width;
    return high > 1 && wide > 1 && high <= 15 && wide <= 15 && window->stride_y == 1 && window->stride_x == 1 && window->dilation_y == 1 &&
           window->dilation_x == 1;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    (void)problem;
    int count = 0;
    for (int size = 32; size >= 16 && count < most; size /= 2)
        list[count++] = (Tiling){.size = {size}};
    return count;
}

/* A two-dimensional transform of one tile: size rows, half as many columns, 2.5 n log2 n operations each for complex numbers, half for real ones. */
static double operations(const Fourier *fourier)
{
    return 2.5 * fourier->size * fourier->size * log2(fourier->size);
}

static void transform(Work *work, const Fourier *fourier, double tiles, double plain_bytes)
{
    const double numbers = tiles * fourier->frequencies;
    cuda_stream(work, numbers, plain_bytes + numbers * COMPLEX, operations(fourier) / fourier->frequencies + 8);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Fourier fourier;
    fourier_of(problem, tiling, &fourier);
    const Layer *layer = &fourier.layer;
    const Batch *batch = &fourier.batch;
    const double inputs = layer->groups * layer->channels * fourier.tiles, outputs = layer->groups * layer->outputs * fourier.tiles;
    const double filters = layer->groups * layer->outputs * layer->channels;
    transform(work, &fourier, inputs, layer->input);
    transform(work, &fourier, filters, layer->weights);
    cuda_batch(work, batch)->memory_bytes = fourier.frequencies * COMPLEX * (inputs + filters + outputs);
    transform(work, &fourier, outputs, layer->activations - layer->input);
    work->multiply_adds = filters * layer->taps * layer->batch * layer->positions;
    work->weight_bytes = layer->weights;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *plan)
{
    Fourier fourier;
    fourier_of(problem, tiling, &fourier);
    const double columns = fourier.tiles * fourier.frequencies / 1024, channels = fourier.layer.groups * fourier.layer.channels;
    cuda_stage(plan, channels * columns, "transform input");
    cuda_stage(plan, channels * fourier.layer.outputs * fourier.frequencies / 1024, "transform weights");
    cuda_stage(plan, batch_blocks(&fourier.batch), "multiply");
    cuda_stage(plan, fourier.layer.groups * fourier.layer.outputs * columns, "transform output");
}

const Kernel kernel_cuda_dense_fft = {
    .name = "cuda_dense_fft",
    .says = "Fourier transforms of tiles, a product of matrices for each frequency",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
