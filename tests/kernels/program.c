/* Random layers as one program: copies of them for kernels and tilings, layouts drawn at random. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

/* ---- copies ---- */

static Problem problem_of(const Bench *bench, const Graph *graph, const Node *node)
{
    Problem problem = {.graph = graph, .node = node, .target = bench->target, .pattern = pattern_of(graph, node), .density = 1,
                       .threads = bench->threads, .rules = bench->rules};
    if (problem.pattern)
        problem.density = (double)problem.pattern->nonzeros / (double)(problem.pattern->rows * problem.pattern->columns);
    return problem;
}

static bool under_test(const Bench *bench, const Kernel *kernel, const Problem *problem)
{
    const bool wanted = bench->options->kernel == NULL || strcmp(kernel->name, bench->options->kernel) == 0;
    /* `reference` is what others are compared with, and the only one without vectors */
    const bool reference = strcmp(kernel->name, "reference") == 0;
    return wanted && !kernel_projected(kernel) && reference == (bench->target->isa.vocabulary == NULL) && kernel->fits(problem);
}

static void add_copy(Bench *bench, uint64_t seed, const Kernel *kernel, const Tiling *tiling)
{
    Arena *arena = bench->ctx->graph;
    const char *sizes = tiling_text(arena, tiling);
    const char *name = arena_format(arena, "%llu.%d.%s.%s", (unsigned long long)seed, bench->copy_count, kernel->name, sizes);
    layer_add(bench->graph, name, seed);
    bench->copies = arena_grow(arena, bench->copies, &bench->copy_capacity, bench->copy_count, sizeof *bench->copies);
    bench->copies[bench->copy_count++] = (Copy){seed, name, kernel, *tiling};
}

/* A line for each tiling that there is: how often it was drawn, whether it reads padded planes. */
static void note_tiling(const Bench *bench, const Kernel *kernel, const Tiling *tiling, int drawn)
{
    fprintf(bench->reached, "%s %s %s %d %d\n", bench->platform->isa, kernel->name, tiling_text(bench->ctx->scratch, tiling), drawn,
            !layout_plain(&tiling->in));
}

/* Layouts other than the plain one only for what the caller gives: here nothing else lays its result out for one reader. */
static int tilings_of(const Problem *problem, const Kernel *kernel, Tiling *list)
{
    const int count = kernel->tilings(problem, list, MOST_TILINGS);
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (layout_plain(&list[i].in) || problem->node->inputs[0]->input_index >= 0)
            list[kept++] = list[i];
    return kept;
}

/* Where the draws for a kernel begin: on each instruction set elsewhere, whatever else is in the program. */
static uint64_t draw_state(const Bench *bench, const Kernel *kernel, uint64_t seed)
{
    uint64_t state = seed + 1;
    for (const char *at = bench->platform->isa; *at != '\0'; at++)
        state = state * UINT64_C(0x100000001b3) + (unsigned char)*at;
    for (const char *at = kernel->name; *at != '\0'; at++)
        state = state * UINT64_C(0x100000001b3) + (unsigned char)*at;
    return state * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

/* Large tiles fit few layers: where they do they are drawn more often. */
static int64_t weight_of(const Tiling *tiling)
{
    int64_t weight = 1;
    for (int i = 0; i < COUNT(tiling->size); i++)
        weight += tiling->size[i] < 32 ? tiling->size[i] : 32;
    return weight;
}

static int draw_tiling(uint64_t *state, const Tiling *list, int count)
{
    int64_t sum = 0;
    int one = 0;
    for (int i = 0; i < count; i++)
        sum += weight_of(&list[i]);
    for (int64_t left = random_between(state, 0, sum - 1); left >= weight_of(&list[one]); one++)
        left -= weight_of(&list[one]);
    return one;
}

/* Some of the kernel's tilings, each once. */
static void add_tilings(Bench *bench, const Problem *problem, const Kernel *kernel, uint64_t seed)
{
    Tiling list[MOST_TILINGS];
    int left = tilings_of(problem, kernel, list);
    uint64_t state = draw_state(bench, kernel, seed);
    for (int drawn = 0; drawn < bench->options->tilings && left > 0; drawn++) {
        const int one = draw_tiling(&state, list, left);
        note_tiling(bench, kernel, &list[one], 1);
        add_copy(bench, seed, kernel, &list[one]);
        list[one] = list[--left];
    }
    for (int i = 0; i < left; i++)
        note_tiling(bench, kernel, &list[i], 0);
}

/* The layer in a graph of its own says which kernels take it; then the program gets the copies. */
static void add_layer(Bench *bench, uint64_t seed)
{
    Graph *trial = graph_new(bench->ctx, "trial");
    const Node *node = layer_add(trial, "trial", seed);
    const Problem problem = problem_of(bench, trial, node);
    graph_index(trial);
    for (int i = 0; i < kernel_count; i++)
        if (under_test(bench, kernels[i], &problem))
            add_tilings(bench, &problem, kernels[i], seed);
}

const Copy *bench_copy(const Bench *bench, const char *name)
{
    return &bench->copies[atoi(strchr(name, '.') + 1)];
}

/* ---- layouts ---- */

static Layout draw_layout(uint64_t *state, const Shape *shape)
{
    const int64_t height = shape->rank == 4 ? shape->dims[2] : 1;
    const int32_t top = (int32_t)random_between(state, 0, 3), left = (int32_t)random_between(state, 0, 3);
    const int32_t rows = top + (int32_t)(height + random_between(state, 0, 2)), slack = (int32_t)random_between(state, 0, 16);
    return (Layout){top, left, rows, left + (int32_t)(shape->dims[shape->rank - 1] + random_between(state, 0, 3)), slack};
}

/* The copy's tiling; its result in any layout that the kernel can write. */
static void set_tiling(Bench *bench, LayerPlan *layer, const Copy *copy)
{
    const Shape *result = &layer->problem.node->outputs[0]->shape;
    uint64_t state = (copy->seed + 1) * 0x9e3779b97f4a7c15u | 1;
    layer->tiling = copy->tiling;
    Tiling laid = layer->tiling;
    if (result->rank == 3 || result->rank == 4)
        laid.out = draw_layout(&state, result);
    if (layer->kernel->writes && random_between(&state, 0, 1) == 0 && layer->kernel->writes(&layer->problem, &laid))
        layer->tiling = laid;
    bench->padded_inputs += !layout_plain(&layer->tiling.in);
    bench->padded_outputs += !layout_plain(&layer->tiling.out);
    layer->stage_count = 0;
    layer->scratch_bytes = layer->thread_bytes = 0;
    layer->kernel->stages(&layer->problem, &layer->tiling, layer);
}

static void set_tilings(Bench *bench, Plan *plan)
{
    plan->stage_count = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        const Copy *copy = bench_copy(bench, plan->layers[l].problem.node->name);
        if (strcmp(plan->layers[l].problem.node->name, copy->name) == 0)
            set_tiling(bench, &plan->layers[l], copy);
        plan->layers[l].first_stage = plan->stage_count;
        plan->stage_count += plan->layers[l].stage_count;
    }
    memory_plan(plan);
    for (int l = 0; l < plan->layer_count; l++) {
        const Value *x = plan->layers[l].problem.node->inputs[0];
        if (x->input_index >= 0)
            plan->places[x->id].layout = plan->layers[l].tiling.in;
    }
}

size_t bench_floats(const Bench *bench, const Value *value, bool slack)
{
    Layout layout = bench->plan->places[value->id].layout;
    layout.slack = slack ? layout.slack : 0;
    return layout_bytes(&value->shape, TYPE_F32, &layout) / sizeof(float);
}

size_t bench_index(const Bench *bench, const Value *value, int64_t i)
{
    const Layout *layout = &bench->plan->places[value->id].layout;
    const Shape *shape = &value->shape;
    if (layout_plain(layout))
        return (size_t)i;
    const int64_t width = shape->dims[shape->rank - 1], height = shape->rank == 4 ? shape->dims[2] : 1;
    const int64_t plane = i / (width * height), y = i / width % height, x = i % width;
    return (size_t)((plane * layout->rows + layout->top + y) * layout->pitch + layout->left + x);
}

/* ---- the program ---- */

static PlanOptions plan_options(const Bench *bench)
{
    Arena *arena = bench->ctx->graph;
    ForcedKernel *forced = arena_array(arena, ForcedKernel, bench->copy_count + 1);
    for (int i = 0; i < bench->copy_count; i++) {
        const Copy *copy = &bench->copies[i];
        forced[i] = (ForcedKernel){.layer = copy->name, .kernel = copy->kernel->name, .tiling = tiling_text(arena, &copy->tiling)};
    }
    return (PlanOptions){.forced = forced, .forced_count = bench->copy_count, .threads = bench->threads, .rules = bench->rules};
}

void bench_write(Bench *bench)
{
    Arena *arena = bench->ctx->graph;
    const uint64_t batch = bench->first / BATCH;
    bench->threads = 1 + (int)(batch % 3);
    bench->rules.no_assembler = batch % 4 == 1;
    for (int i = 0; i < bench->layers; i++)
        add_layer(bench, bench->first + (uint64_t)i);
    bench->data = arena_array(arena, void *, bench->graph->value_count + 1);
    const PlanOptions options = plan_options(bench);
    graph_index(bench->graph);
    graph_verify(bench->graph, "the test");
    Plan *plan = plan_make(bench->graph, bench->target, &options);
    set_tilings(bench, plan);
    bench->plan = plan;
    const ModuleOptions module = {.prefix = "random", .source_path = arena_format(arena, "%s/random.c", bench->folder),
                                  .header_path = arena_format(arena, "%s/random.h", bench->folder),
                                  .weights_path = arena_format(arena, "%s/random.weights", bench->folder)};
    ModuleFiles files;
    module_write(bench->ctx, plan, &module, &files);
    outputs_commit(files.files, files.count);
}

/* ---- building and running it ---- */

static void command(Bench *bench, const char *text)
{
    if (bench->failures == 0 && system(text) != 0) {
        printf("failed: %s\n", text);
        bench->failures++;
    }
}

/* One program in four is compiled as users do it, the others faster. */
void bench_run(Bench *bench)
{
    Arena *arena = bench->ctx->graph;
    const char *folder = bench->folder, *more = bench->options->flags ? bench->options->flags : "";
    const char *optimize = bench->first / BATCH % 4 == 0 ? "-O2" : "-O1";
    const char *strict = "-ffp-contract=off -Wall -Wextra -Wconversion -Werror -fmax-errors=3";
    command(bench, arena_format(arena, "%s -std=gnu11 %s %s %s %s -I%s -DPROGRAM_HEADER='\"random.h\"' -o %s/runner %s/runner.c %s/random.c -lm",
                                bench->platform->compiler, optimize, strict, bench->target->isa.compiler_flags, more, folder, folder,
                                bench->options->source, folder));
    command(bench, arena_format(arena, "%s%s/runner %s/inputs %s/outputs", bench->platform->before, folder, folder, folder));
}
