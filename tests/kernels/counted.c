/* Layers of common shapes, each for one kernel, in a program whose counts counts.py holds against what runs.
   Usage: counted TARGET FOLDER TILINGS [KERNEL]: with at most so many tilings of each layer, up to 6, writes counted.c, counted.h, counted.weights
   and counted.json, what work() says of every layer. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"
#include "layers.h"

#include <stdlib.h>
#include <string.h>

typedef struct Case {
    const char *kernel;
    Op op;
    int64_t input[4], output[4];     /* up to four axes, the unused ones 0 */
    int64_t window, stride, pad, group;
    int percent;                     /* of the weights that are not zero; products: 0 for a second matrix that is no constant */
    Op fused;                        /* OP_Identity: nothing */
} Case;

static const Case cases[] = {
    {"sparse_direct", OP_Conv, {1, 24, 14, 14}, {1, 12, 14, 14}, 3, 1, 1, 1, 10, OP_Relu},
    {"sparse_direct", OP_Conv, {1, 64, 14, 14}, {1, 16, 14, 14}, 1, 1, 0, 1, 12, OP_Identity},
    {"sparse_direct", OP_Conv, {1, 8, 27, 27}, {1, 12, 14, 14}, 3, 2, 1, 1, 30, OP_Add},
    {"sparse_direct", OP_Conv, {1, 32, 7, 7}, {1, 24, 7, 7}, 3, 1, 1, 2, 15, OP_Relu},
    {"sparse_direct", OP_Conv, {1, 4, 56, 56}, {1, 3, 56, 56}, 3, 1, 1, 1, 30, OP_Relu},
    {"sparse_lowered", OP_Conv, {1, 24, 14, 14}, {1, 12, 14, 14}, 3, 1, 1, 1, 10, OP_Relu},
    {"sparse_lowered", OP_Conv, {1, 8, 27, 27}, {1, 12, 14, 14}, 3, 2, 1, 1, 30, OP_Add},
    {"sparse_panel", OP_Conv, {1, 24, 14, 14}, {1, 12, 14, 14}, 3, 1, 1, 1, 30, OP_Relu},
    {"sparse_panel", OP_Conv, {1, 64, 16, 16}, {1, 18, 16, 16}, 1, 1, 0, 1, 40, OP_Identity},
    {"sparse_pointwise", OP_Conv, {1, 256, 16, 16}, {1, 32, 16, 16}, 1, 1, 0, 1, 12, OP_Relu},
    {"sparse_pointwise", OP_Conv, {1, 64, 14, 14}, {1, 48, 14, 14}, 1, 1, 0, 2, 25, OP_Identity},
    {"sparse_pointwise", OP_Conv, {1, 40, 27, 27}, {1, 24, 14, 14}, 1, 2, 0, 1, 20, OP_Add},
    {"sparse_inline", OP_Conv, {1, 24, 14, 14}, {1, 40, 14, 14}, 3, 1, 1, 1, 10, OP_Relu},
    {"sparse_inline", OP_Conv, {1, 96, 14, 14}, {1, 32, 14, 14}, 1, 1, 0, 1, 12, OP_Add},
    {"sparse_inline", OP_Conv, {1, 16, 27, 27}, {1, 24, 14, 14}, 3, 2, 1, 2, 20, OP_Identity},
    {"sparse_fc", OP_Gemm, {1, 300}, {1, 150}, 0, 0, 0, 0, 10, OP_Relu},
    {"sparse_fc", OP_Gemm, {24, 100}, {24, 40}, 0, 0, 0, 0, 20, OP_Identity},
    {"depthwise", OP_Conv, {1, 5, 28, 28}, {1, 5, 28, 28}, 3, 1, 1, 5, 100, OP_Relu},
    {"depthwise", OP_Conv, {1, 4, 28, 28}, {1, 4, 14, 14}, 3, 2, 1, 4, 100, OP_Identity},
    {"dense_direct", OP_Conv, {1, 5, 14, 14}, {1, 16, 14, 14}, 3, 1, 1, 1, 100, OP_Relu},
    {"dense_direct", OP_Conv, {1, 24, 14, 14}, {1, 20, 14, 14}, 1, 1, 0, 1, 100, OP_Identity},
    {"dense_direct", OP_Conv, {1, 2, 23, 23}, {1, 8, 9, 9}, 7, 2, 0, 1, 100, OP_Relu},
    {"dense_implicit", OP_Conv, {1, 2, 23, 23}, {1, 8, 9, 9}, 7, 2, 0, 1, 100, OP_Relu},
    {"dense_implicit", OP_Conv, {1, 24, 14, 14}, {1, 20, 14, 14}, 1, 1, 0, 1, 100, OP_Identity},
    {"dense_implicit", OP_Conv, {1, 10, 14, 14}, {1, 32, 14, 14}, 3, 1, 1, 1, 100, OP_Relu},
    {"dense_winograd", OP_Conv, {1, 24, 14, 14}, {1, 40, 14, 14}, 3, 1, 1, 1, 100, OP_Relu},
    {"dense_winograd", OP_Conv, {1, 32, 8, 24}, {1, 32, 8, 24}, 3, 1, 1, 1, 100, OP_Identity},
    {"dense_gemm", OP_Gemm, {1, 200}, {1, 120}, 0, 0, 0, 0, 100, OP_Relu},
    {"dense_gemm", OP_Gemm, {30, 60}, {30, 70}, 0, 0, 0, 0, 100, OP_Identity},
    {"dense_gemm", OP_MatMul, {20, 60}, {20, 64}, 0, 0, 0, 0, 0, OP_Identity},
    {"pooling", OP_MaxPool, {1, 4, 28, 28}, {1, 4, 14, 14}, 3, 2, 1, 4, 100, OP_Identity},
    {"pooling", OP_MaxPool, {1, 8, 14, 14}, {1, 8, 14, 14}, 3, 1, 1, 8, 100, OP_Identity},
    {"pooling", OP_AveragePool, {1, 4, 28, 28}, {1, 4, 14, 14}, 2, 2, 0, 4, 100, OP_Identity},
    {"pooling", OP_AveragePool, {1, 5, 28, 28}, {1, 5, 28, 28}, 3, 1, 1, 5, 100, OP_Identity},
    {"global_pooling", OP_GlobalAveragePool, {1, 64, 7, 7}, {1, 64, 1, 1}, 0, 0, 0, 0, 100, OP_Identity},
    {"global_pooling", OP_GlobalMaxPool, {1, 40, 14, 14}, {1, 40, 1, 1}, 0, 0, 0, 0, 100, OP_Identity},
    {"elementwise", OP_Relu, {1, 16, 28, 28}, {1, 16, 28, 28}, 0, 0, 0, 0, 100, OP_Identity},
    {"elementwise", OP_Add, {1, 16, 28, 28}, {1, 16, 28, 28}, 0, 0, 0, 0, 100, OP_Relu},
    {"elementwise", OP_Sigmoid, {1, 4, 28, 28}, {1, 4, 28, 28}, 0, 0, 0, 0, 100, OP_Identity},
    {"softmax", OP_Softmax, {2, 1000}, {2, 1000}, 0, 0, 0, 0, 100, OP_Identity},
    {"lrn", OP_LRN, {1, 12, 13, 13}, {1, 12, 13, 13}, 0, 0, 0, 0, 100, OP_Identity},
    {"normalization", OP_LayerNormalization, {12, 200}, {12, 200}, 0, 0, 0, 0, 100, OP_Identity},
    {"elementwise", OP_BatchNormalization, {1, 16, 28, 28}, {1, 16, 28, 28}, 0, 0, 0, 0, 100, OP_Relu},
    {"reference", OP_Conv, {1, 2, 12, 12}, {1, 4, 12, 12}, 3, 1, 1, 1, 100, OP_Relu},
};

/* ---- the graph ---- */

static Shape shape_from(const int64_t *dims)
{
    Shape shape = {0, {0}};
    while (shape.rank < 4 && dims[shape.rank] > 0) {
        shape.dims[shape.rank] = dims[shape.rank];
        shape.rank++;
    }
    return shape;
}

static Value *weights_of(Graph *graph, const char *name, Shape shape, int percent)
{
    uint64_t state = 88172645463325252u;
    const int64_t count = shape_count(&shape);
    float *data = arena_array(graph->arena, float, count + 1);
    for (int64_t i = 0; i < count; i++)
        data[i] = random_between(&state, 0, 99) < percent ? (float)random_between(&state, 1, 1000) / 1000 : 0;
    return graph_constant(graph, name, TYPE_F32, &shape, data);
}

static void add_window(Graph *graph, Node *node, const Case *one)
{
    const int64_t window[2] = {one->window, one->window}, strides[2] = {one->stride, one->stride}, dilations[2] = {1, 1};
    const int64_t pads[4] = {one->pad, one->pad, one->pad, one->pad};
    node_set_ints(graph, node, ATTR_kernel_shape, window, 2);
    node_set_ints(graph, node, ATTR_strides, strides, 2);
    node_set_ints(graph, node, ATTR_dilations, dilations, 2);
    node_set_ints(graph, node, ATTR_pads, pads, 4);
    if (node->op == OP_Conv)
        node_set_int(graph, node, ATTR_group, one->group);
}

static void add_attributes(Graph *graph, Node *node, const Case *one)
{
    if (one->window > 0)
        add_window(graph, node, one);
    if (node->op == OP_AveragePool)
        node_set_int(graph, node, ATTR_count_include_pad, 0);
    if (node->op == OP_Softmax || node->op == OP_LayerNormalization)
        node_set_int(graph, node, ATTR_axis, 1);
    if (node->op == OP_LRN) {
        node_set_int(graph, node, ATTR_size, 5);
        node_set_real(graph, node, ATTR_alpha, 1e-4);
        node_set_real(graph, node, ATTR_beta, 0.75);
        node_set_real(graph, node, ATTR_bias, 1);
    }
}

static void fuse(Graph *graph, Node *host, Op op, const char *name)
{
    Value *second = op == OP_Add ? graph_input(graph, arena_format(graph->arena, "%s.residual", name), TYPE_F32, &host->outputs[0]->shape) : NULL;
    Value *const inputs[2] = {host->outputs[0], second};
    host->epilogue = arena_new_of(graph->arena, Node *);
    host->epilogue[0] = graph_detached(graph, op, arena_format(graph->arena, "%s.fused", name), inputs, second ? 2 : 1, &host->outputs[0], 1);
    host->epilogue_count = 1;
}

static Node *add_case(Graph *graph, const Case *one, const char *name)
{
    const Shape x = shape_from(one->input), y = shape_from(one->output);
    Value *inputs[5] = {graph_input(graph, arena_format(graph->arena, "%s.x", name), TYPE_F32, &x)};
    const char *second = arena_format(graph->arena, "%s.w", name), *bias = arena_format(graph->arena, "%s.b", name);
    int count = 1;
    if (one->op == OP_Conv)
        inputs[count++] = weights_of(graph, second, (Shape){4, {y.dims[1], x.dims[1] / one->group, one->window, one->window}}, one->percent);
    const Shape matrix = {2, {x.dims[1], y.dims[1]}};
    if (one->op == OP_Gemm || one->op == OP_MatMul)
        inputs[count++] = one->percent > 0 ? weights_of(graph, second, matrix, one->percent) : graph_input(graph, second, TYPE_F32, &matrix);
    if (one->op == OP_Conv || one->op == OP_Gemm)
        inputs[count++] = weights_of(graph, bias, (Shape){1, {y.dims[1]}}, 100);
    const int normalizes = one->op == OP_BatchNormalization ? 5 : one->op == OP_LayerNormalization ? 3 : 0;
    for (; count < normalizes; count++)
        inputs[count] = weights_of(graph, arena_format(graph->arena, "%s.c%d", name, count), (Shape){1, {x.dims[1]}}, 100);
    if (one->op == OP_Add)
        inputs[count++] = graph_input(graph, second, TYPE_F32, &x);
    Value *result = graph_value(graph, arena_format(graph->arena, "%s.y", name));
    result->type = TYPE_F32;
    result->shape = y;
    result->known = true;
    graph_output(graph, result);
    Node *node = graph_add(graph, one->op, name, inputs, count, &result, 1);
    add_attributes(graph, node, one);
    if (one->fused != OP_Identity)
        fuse(graph, node, one->fused, name);
    return node;
}

/* ---- tilings: the first, the last, and some in between, all on plain inputs ---- */

#define MOST_COPIES 6

static int plain_tilings(const Problem *problem, const Kernel *kernel, Tiling *list)
{
    const int count = kernel->tilings(problem, list, MOST_TILINGS);
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (layout_plain(&list[i].in))
            list[kept++] = list[i];
    return kept;
}

typedef struct Program {
    Graph *graph;
    const Target *target;
    Tiling tilings[COUNT(cases) * MOST_COPIES];
    ForcedKernel forced[COUNT(cases) * MOST_COPIES];
    int count, most_copies;
} Program;

static void add_copies(Program *program, int number)
{
    Context *ctx = program->graph->ctx;
    const Case *one = &cases[number];
    const Kernel *kernel = kernel_named(one->kernel);
    Graph *trial = graph_new(ctx, "trial");
    const Node *node = add_case(trial, one, "trial");
    const Problem problem = {.graph = trial, .node = node, .target = program->target, .pattern = pattern_of(trial, node), .density = 1};
    if (!kernel->fits(&problem))
        return;
    Tiling list[MOST_TILINGS];
    const int count = plain_tilings(&problem, kernel, list), copies = count < program->most_copies ? count : program->most_copies;
    for (int i = 0; i < copies; i++) {
        const char *name = arena_format(ctx->graph, "case%d.%d", number, i);
        add_case(program->graph, one, name);
        program->tilings[program->count] = list[copies == 1 ? 0 : i * (count - 1) / (copies - 1)];
        program->forced[program->count++] = (ForcedKernel){.layer = name, .kernel = one->kernel};
    }
}

static Plan *plan_program(Program *program)
{
    const PlanOptions options = {.forced = program->forced, .forced_count = program->count};
    graph_index(program->graph);
    Plan *plan = plan_make(program->graph, program->target, &options);
    plan->stage_count = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        LayerPlan *layer = &plan->layers[l];
        layer->tiling = program->tilings[l];
        layer->stage_count = 0;
        layer->scratch_bytes = layer->thread_bytes = 0;
        layer->kernel->stages(&layer->problem, &layer->tiling, layer);
        layer->work = (Work){0};
        layer->kernel->work(&layer->problem, &layer->tiling, &layer->work);
        layer->first_stage = plan->stage_count;
        plan->stage_count += layer->stage_count;
    }
    memory_plan(plan);
    return plan;
}

/* ---- what is written ---- */

static void write_counts(const Plan *plan, FILE *file)
{
    fprintf(file, "[");
    for (int l = 0; l < plan->layer_count; l++) {
        const LayerPlan *layer = &plan->layers[l];
        const int32_t *size = layer->tiling.size;
        fprintf(file, "%s\n{\"name\": \"%s\", \"kernel\": \"%s\", \"op\": \"%s\", \"tiling\": \"%d %d %d\", ", l > 0 ? "," : "",
                layer->problem.node->name, layer->kernel->name, op_info(layer->problem.node->op)->name, size[0], size[1], size[2]);
        fprintf(file, "\"code_bytes\": %.0f, \"stages\": [", layer->work.code_bytes);
        for (int s = 0; s < layer->work.stage_count; s++) {
            const StageWork *stage = &layer->work.stages[s];
            fprintf(file, "%s{\"instructions\": %.0f, \"fma\": %.0f, \"vector\": %.0f, \"loads\": %.0f, \"split_loads\": %.0f, \"stores\": %.0f}",
                    s > 0 ? ", " : "", stage->instructions, stage->fma, stage->vector, stage->loads, stage->split_loads, stage->stores);
        }
        fprintf(file, "]}");
    }
    fprintf(file, "]\n");
}

typedef struct Arguments {
    const char *target, *folder;
    int copies;
    const char *kernel;              /* NULL: all */
} Arguments;

static Status write_all(Context *ctx, void *argument)
{
    const Arguments *arguments = argument;
    Program *program = arena_new_of(ctx->graph, Program);
    program->graph = graph_new(ctx, "counted layers");
    program->target = target_named(ctx, arguments->target);
    program->most_copies = arguments->copies;
    for (int i = 0; i < COUNT(cases); i++)
        if (arguments->kernel == NULL || strcmp(arguments->kernel, cases[i].kernel) == 0)
            add_copies(program, i);
    const Plan *plan = plan_program(program);
    const char *folder = arguments->folder;
    const ModuleOptions module = {.prefix = "counted", .source_path = arena_format(ctx->graph, "%s/counted.c", folder),
                                  .header_path = arena_format(ctx->graph, "%s/counted.h", folder),
                                  .weights_path = arena_format(ctx->graph, "%s/counted.weights", folder)};
    ModuleFiles files;
    module_write(ctx, plan, &module, &files);
    outputs_commit(files.files, files.count);
    FILE *file = fopen(arena_format(ctx->graph, "%s/counted.json", folder), "w");
    if (file == NULL)
        fail(ctx, STATUS_USAGE, folder, NULL, "cannot write there");
    write_counts(plan, file);
    return fclose(file) == 0 ? STATUS_FINE : STATUS_USAGE;
}

int main(int argc, char **argv)
{
    Arguments arguments = {.copies = argc > 3 ? atoi(argv[3]) : 0};
    if (arguments.copies < 1 || arguments.copies > MOST_COPIES) {
        fprintf(stderr, "usage: counted TARGET FOLDER TILINGS [KERNEL]\n");
        return STATUS_USAGE;
    }
    arguments.target = argv[1];
    arguments.folder = argv[2];
    arguments.kernel = argc > 4 ? argv[4] : NULL;
    return context_run(write_all, &arguments);
}
