/* Sizes of layers and counts of launches for the kernels of GPUs. */
#include "codegen/cuda/cuda.h"

#include <math.h>

static double value_bytes(const Value *value)
{
    return value == NULL || value_constant(value) ? 0 : (double)shape_count(&value->shape) * type_info(value->type)->bytes;
}

double cuda_activations(const Node *node)
{
    double bytes = 0;
    for (int i = 0; i < node->input_count; i++)
        bytes += value_bytes(node->inputs[i]);
    for (int i = 0; i < node->output_count; i++)
        bytes += value_bytes(node->outputs[i]);
    for (int e = 0; e < node->epilogue_count; e++)
        for (int i = 1; i < node->epilogue[e]->input_count; i++)
            bytes += value_bytes(node->epilogue[e]->inputs[i]);
    return bytes;
}

static void layer_of_window(Layer *layer)
{
    const Window *window = &layer->window;
    layer->batch = (double)window->batch;
    layer->groups = (double)window->group;
    layer->outputs = (double)(window->outputs / window->group);
    layer->channels = (double)(window->channels / window->group);
    layer->taps = (double)window_taps(window);
    layer->positions = (double)(window->out_height * window->out_width);
}

static void layer_of_product(const Product *product, Layer *layer)
{
    layer->window = (Window){.stride_x = 1, .stride_y = 1};
    layer->batch = (double)product->m;
    layer->groups = (double)product->batch;
    layer->outputs = (double)product->n;
    layer->channels = (double)product->k;
    layer->taps = layer->positions = 1;
}

static bool type_served(const Node *node, Type type)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != NULL && node->inputs[i]->type != type)
            return false;
    return type == TYPE_F32 || type == TYPE_F16;
}

bool cuda_layer(const Problem *problem, Layer *layer)
{
    const Node *node = problem->node;
    Product product;
    const bool known = node->op == OP_Conv || node->op == OP_Gemm || node->op == OP_MatMul;
    if (!problem->target->isa.gpu || !known || !type_served(node, node->inputs[0]->type))
        return false;
    const double bytes = type_info(node->inputs[0]->type)->bytes;
    *layer = (Layer){.bytes = bytes, .half = node->inputs[0]->type == TYPE_F16, .constant = value_constant(node->inputs[1])};
    if (node->op == OP_Conv && window_of(node, &layer->window))
        layer_of_window(layer);
    else if (product_of(node, &product))
        layer_of_product(&product, layer);
    else
        return false;
    layer->input = value_bytes(node->inputs[0]);
    layer->weights = bytes * (double)shape_count(&node->inputs[1]->shape);
    layer->activations = cuda_activations(node);
    return layer->outputs >= 1 && layer->channels >= 1 && layer->positions >= 1 && layer->batch >= 1;
}

double cuda_lines(const Layer *layer)
{
    const double row = fmax(1, (double)layer->window.out_width), pads = (double)(layer->window.pad_left + layer->window.pad_right);
    const double between = (WARP - 1) * (double)layer->window.stride_x + floor(WARP / row) * pads;    /* elements from the first to the last */
    return 1 + between * layer->bytes / 128;
}

LaunchWork *cuda_launch(Work *work, double blocks, double threads, double registers, double shared_bytes)
{
    LaunchWork *launch = work_launch(work);
    launch->blocks = fmax(1, blocks);
    launch->block_threads = threads;
    launch->thread_registers = registers;
    launch->block_shared_bytes = shared_bytes;
    launch->imbalance = 1;
    return launch;
}

void cuda_stage(LayerPlan *plan, double blocks, const char *says)
{
    plan->stages[plan->stage_count++] = (StagePlan){.items = (int64_t)fmin(fmax(1, blocks), INT32_MAX), .says = says};
}

void cuda_stream(Work *work, double elements, double bytes, double instructions)
{
    LaunchWork *launch = cuda_launch(work, ceil(elements / 1024), 256, 32, 0);
    launch->instructions = elements / WARP * instructions;
    launch->global_loads = bytes / 128;
    launch->in_flight = 4;           /* elements of a thread */
    launch->l2_bytes = launch->memory_bytes = bytes;
}

/* ---- products ---- */

#define THREAD_TILE 8.0
#define DEEP 8.0                     /* columns of both operands that a block stages at a time: k is rounded up to it */

double batch_blocks(const Batch *batch)
{
    return batch->count * ceil(batch->m / batch->rows) * ceil(batch->n / batch->columns);
}

/* A thread reads 2 x 8 numbers of a step from shared memory in four loads of 16 bytes; a warp's requests meet in so few banks' lines that each takes
   two turns. The block stages rows + columns numbers a step, which pass through registers. */
LaunchWork *cuda_batch(Work *work, const Batch *batch)
{
    const double blocks = batch_blocks(batch), threads = batch->rows * batch->columns / (THREAD_TILE * THREAD_TILE), warps = threads / WARP;
    const double steps = blocks * ceil(batch->k / DEEP) * DEEP, lanes = batch->half ? 2 : 1, staged = (batch->rows + batch->columns) / WARP;
    const double words = batch->bytes / 4, shared = 2 * (batch->rows + batch->columns) * DEEP * batch->bytes;    /* two buffers */
    LaunchWork *launch = cuda_launch(work, blocks, threads, 128, shared);
    launch->half = batch->half;
    launch->fma = steps * warps * THREAD_TILE * THREAD_TILE * batch->weight;
    launch->instructions = launch->fma / lanes + steps * (warps * 6 + words * staged * 4);
    launch->shared_loads = steps * words * (warps * 8 + staged);
    launch->global_loads = steps * words * staged * 1.5;     /* of one operand rows are as they come, of the other they start anywhere */
    launch->in_flight = 8;
    launch->l2_bytes = steps * (batch->rows + batch->columns) * batch->bytes;
    return launch;
}
