/* Random small layers through every kernel that takes them, in every layout they read, leaving results in layouts drawn at random; on every
   instruction set that this machine or an emulator can run, against the naive reference in double.
   Usage: kernels_test [--isa NAME] [--layers COUNT] [--seed SEED] [--keep FOLDER]. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"
#include "layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Platform {            /* how one instruction set is compiled and run here */
    const char *target, *compiler, *before;
    bool (*runs)(void);
} Platform;

typedef struct Options {
    const char *isa, *keep;
    int layers;
    uint64_t seed;
    const char *source;              /* tulle's own, for runner.c */
} Options;

typedef struct Bench {               /* one program with all layers, one copy a kernel that fits */
    const Options *options;
    Context *ctx;
    Graph *graph;
    const Target *target;
    const char *folder;
    ForcedKernel *forced;
    int forced_count, forced_capacity;
    uint64_t *seeds;                 /* by forced layer */
    int seed_capacity;
    const Plan *plan;
    int padded_inputs, padded_outputs;
    void **data;                     /* what every value should be, by id */
    int failures;
} Bench;

/* ---- platforms ---- */

static bool always(void)
{
    return true;
}

static bool found(const char *tool)
{
    return system(tool) == 0;
}

#if defined(__x86_64__)
static bool has_sse(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw");
}

static bool has_neon(void)
{
    return found("command -v aarch64-linux-gnu-gcc >/dev/null") && found("command -v qemu-aarch64 >/dev/null");
}
#endif

static const Platform platforms[] = {
    {"generic", "cc", "", always},
#if defined(__x86_64__)
    {"generic-sse4.2", "cc", "", has_sse},
    {"generic-avx2", "cc", "", has_avx2},
    {"generic-avx512", "cc", "", has_avx512},
    {"generic-neon", "aarch64-linux-gnu-gcc -static", "qemu-aarch64 ", has_neon},
#elif defined(__aarch64__)
    {"generic-neon", "cc", "", always},
#endif
};

/* ---- making the program ---- */

static Problem problem_of(const Bench *bench, const Node *node)
{
    Problem problem = {.graph = bench->graph, .node = node, .target = bench->target, .pattern = pattern_of(bench->graph, node), .density = 1};
    if (problem.pattern)
        problem.density = (double)problem.pattern->nonzeros / (double)(problem.pattern->rows * problem.pattern->columns);
    return problem;
}

static void force(Bench *bench, const char *layer, const char *kernel, uint64_t seed)
{
    Arena *arena = bench->ctx->graph;
    bench->forced = arena_grow(arena, bench->forced, &bench->forced_capacity, bench->forced_count, sizeof *bench->forced);
    bench->seeds = arena_grow(arena, bench->seeds, &bench->seed_capacity, bench->forced_count, sizeof *bench->seeds);
    bench->forced[bench->forced_count] = (ForcedKernel){.layer = layer, .kernel = kernel};
    bench->seeds[bench->forced_count++] = seed;
}

/* The layer in a graph of its own says which kernels take it; then the program gets a copy for each. */
static void add_layer(Bench *bench, uint64_t seed)
{
    Graph *graph = bench->graph, *trial = graph_new(bench->ctx, "trial");
    bench->graph = trial;
    const Node *node = layer_add(trial, "trial", seed);
    const Problem problem = problem_of(bench, node);
    bench->graph = graph;
    for (int i = 0; i < kernel_count; i++) {
        if (strcmp(kernels[i]->name, "reference") == 0 || kernel_projected(kernels[i]) || !kernels[i]->fits(&problem))
            continue;
        const char *name = arena_format(bench->ctx->graph, "%llu.%s", (unsigned long long)seed, kernels[i]->name);
        layer_add(graph, name, seed);
        force(bench, name, kernels[i]->name, seed);
    }
}

/* ---- layouts ---- */

static int padded_tilings(const Problem *problem, const Kernel *kernel, Tiling *list, int most)
{
    const int count = kernel->tilings(problem, list, most);
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (!layout_plain(&list[i].in))
            list[kept++] = list[i];
    return kept;
}

static Layout draw_layout(uint64_t *state, const Shape *shape)
{
    const int64_t height = shape->rank == 4 ? shape->dims[2] : 1;
    const int32_t top = (int32_t)random_between(state, 0, 3), left = (int32_t)random_between(state, 0, 3);
    const int32_t rows = top + (int32_t)(height + random_between(state, 0, 2)), slack = (int32_t)random_between(state, 0, 16);
    return (Layout){top, left, rows, left + (int32_t)(shape->dims[shape->rank - 1] + random_between(state, 0, 3)), slack};
}

/* Lets the layer read its input, an input of the program's, in a layout the kernel names, and leave its result in any. */
static void draw_layouts(Bench *bench, LayerPlan *layer, uint64_t seed)
{
    Tiling list[256];
    uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15u | 1;
    const Node *node = layer->problem.node;
    const int count = padded_tilings(&layer->problem, layer->kernel, list, COUNT(list));
    if (count > 0 && node->inputs[0]->input_index >= 0 && random_between(&state, 0, 1) == 0) {
        layer->tiling = list[random_between(&state, 0, count - 1)];
        bench->padded_inputs++;
    }
    Tiling laid = layer->tiling;
    if (node->outputs[0]->shape.rank == 3 || node->outputs[0]->shape.rank == 4)
        laid.out = draw_layout(&state, &node->outputs[0]->shape);
    if (layer->kernel->writes && random_between(&state, 0, 1) == 0 && layer->kernel->writes(&layer->problem, &laid)) {
        bench->padded_outputs += !layout_plain(&laid.out);
        layer->tiling = laid;
    }
    layer->stage_count = 0;
    layer->scratch_bytes = layer->thread_bytes = 0;
    layer->kernel->stages(&layer->problem, &layer->tiling, layer);
}

static void plan_layouts(Bench *bench, Plan *plan)
{
    plan->stage_count = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        draw_layouts(bench, &plan->layers[l], bench->options->seed + (uint64_t)l);
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

/* ---- the program ---- */

static void write_program(Bench *bench)
{
    const PlanOptions options = {.forced = bench->forced, .forced_count = bench->forced_count, .random = bench->options->seed + 1};
    graph_index(bench->graph);
    graph_verify(bench->graph, "the test");
    Plan *plan = plan_make(bench->graph, bench->target, &options);
    plan_layouts(bench, plan);
    bench->plan = plan;
    Arena *arena = bench->ctx->graph;
    const ModuleOptions module = {.prefix = "random", .source_path = arena_format(arena, "%s/random.c", bench->folder),
                                  .header_path = arena_format(arena, "%s/random.h", bench->folder),
                                  .weights_path = arena_format(arena, "%s/random.weights", bench->folder)};
    ModuleFiles files;
    module_write(bench->ctx, plan, &module, &files);
    outputs_commit(files.files, files.count);
}

/* ---- what should come out ---- */

static const void *operand(void *user, const Value *value)
{
    const Bench *bench = user;
    return value_constant(value) ? value->data : bench->data[value->id];
}

static size_t floats_of(const Bench *bench, const Value *value, bool slack)
{
    Layout layout = bench->plan->places[value->id].layout;
    layout.slack = slack ? layout.slack : 0;
    return layout_bytes(&value->shape, TYPE_F32, &layout) / sizeof(float);
}

/* Where plain element `i` lies. */
static size_t index_of(const Bench *bench, const Value *value, int64_t i)
{
    const Layout *layout = &bench->plan->places[value->id].layout;
    const Shape *shape = &value->shape;
    if (layout_plain(layout))
        return (size_t)i;
    const int64_t width = shape->dims[shape->rank - 1], height = shape->rank == 4 ? shape->dims[2] : 1;
    const int64_t plane = i / (width * height), y = i / width % height, x = i % width;
    return (size_t)((plane * layout->rows + layout->top + y) * layout->pitch + layout->left + x);
}

/* As the layout has it, behind the last plane NaNs: nothing may depend on them. */
static void write_input(const Bench *bench, const Value *value, const float *data, FILE *file)
{
    const size_t floats = floats_of(bench, value, true), planes = floats_of(bench, value, false);
    float *laid = arena_array(bench->ctx->scratch, float, floats + 1);
    for (int64_t i = 0; i < shape_count(&value->shape); i++)
        laid[index_of(bench, value, i)] = data[i];
    for (size_t i = planes; i < floats; i++)
        laid[i] = nanf("");
    fwrite(laid, sizeof *laid, floats, file);
}

/* The bytes of every input and output, which layouts make larger, then the inputs. */
static void write_sizes(const Bench *bench, FILE *file)
{
    for (int i = 0; i < bench->graph->input_count; i++)
        fwrite(&(uint64_t){4 * floats_of(bench, bench->graph->inputs[i], true)}, sizeof(uint64_t), 1, file);
    for (int i = 0; i < bench->graph->output_count; i++)
        fwrite(&(uint64_t){4 * floats_of(bench, bench->graph->outputs[i], false)}, sizeof(uint64_t), 1, file);
}

static void write_inputs(Bench *bench)
{
    FILE *file = fopen(arena_format(bench->ctx->graph, "%s/inputs", bench->folder), "wb");
    write_sizes(bench, file);
    for (int i = 0; i < bench->graph->input_count; i++) {
        const Value *value = bench->graph->inputs[i];
        const int64_t count = shape_count(&value->shape);
        /* equal for every copy of a layer: drawn from the layer's number and the input's */
        uint64_t state = strtoull(value->name, NULL, 10) * 1000003u + (uint64_t)value->name[strlen(value->name) - 1] + 1;
        float *data = arena_array(bench->ctx->graph, float, count + 1);
        random_floats(&state, data, count);
        if (layer_kind(strtoull(value->name, NULL, 10)) == LAYER_UNARY || layer_kind(strtoull(value->name, NULL, 10)) == LAYER_BINARY)
            random_specials(&state, data, count);
        bench->data[value->id] = data;
        write_input(bench, value, data, file);
    }
    if (fclose(file) != 0)
        fail(bench->ctx, STATUS_INTERNAL, NULL, NULL, "cannot write the inputs");
}

static void compute(Bench *bench, const Node *node)
{
    const void *inputs[8] = {NULL};
    Value *y = node->outputs[0];
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] ? operand(bench, node->inputs[i]) : NULL;
    bench->data[y->id] = arena_array(bench->ctx->graph, float, shape_count(&y->shape) + 1);
    reference_run(bench->graph, node, inputs, &bench->data[y->id], operand, bench, bench->ctx->scratch);
}

/* The allowed difference of every element. Epilogues are functions that make an error at most half as large again. */
static double *tolerances(const Bench *bench, const Node *node)
{
    const void *inputs[8] = {NULL};
    const int64_t count = shape_count(&node->outputs[0]->shape);
    double *allowed = arena_array(bench->ctx->scratch, double, count + 1);
    int64_t *terms = arena_array(bench->ctx->scratch, int64_t, count + 1);
    const float *expected = bench->data[node->outputs[0]->id];
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] ? operand((void *)(uintptr_t)bench, node->inputs[i]) : NULL;
    const bool summed = reference_magnitudes(bench->graph, node, inputs, allowed, terms, bench->ctx->scratch);
    for (int64_t i = 0; i < count; i++) {
        const double sum = summed ? 0x1p-23 * (double)(terms[i] + 8) * allowed[i] : node->op == OP_GeluTanh || node->op == OP_LRN ? 1e-6 : 0x1p-23;
        const double grown = node->epilogue_count > 0 ? 3.4 * sum + 0x1p-21 : sum;   /* 1.5 for each of three */
        allowed[i] = grown + 0x1p-20 * fabs((double)expected[i]);
    }
    return allowed;
}

/* The elements of a result, plain. What lies between them must be zero. */
static const float *read_result(Bench *bench, const Value *y, FILE *results)
{
    const size_t floats = floats_of(bench, y, false), count = (size_t)shape_count(&y->shape);
    float *laid = arena_array(bench->ctx->scratch, float, floats + 1), *plain = arena_array(bench->ctx->scratch, float, count + 1);
    if (fread(laid, sizeof *laid, floats, results) != floats)
        fail(bench->ctx, STATUS_INTERNAL, NULL, NULL, "too few results");
    for (size_t i = 0; i < count; i++) {
        plain[i] = laid[index_of(bench, y, (int64_t)i)];
        laid[index_of(bench, y, (int64_t)i)] = 0;
    }
    for (size_t i = 0; i < floats; i++)
        if (laid[i] != 0) {
            printf("%s on %s: the padding at %zu is %.9g\n", y->name, bench->target->machine.name, i, (double)laid[i]);
            bench->failures++;
            break;
        }
    return plain;
}

static void compare(Bench *bench, const Node *node, FILE *results)
{
    const Value *y = node->outputs[0];
    const int64_t count = shape_count(&y->shape);
    const double *allowed = tolerances(bench, node);
    const float *const elements = read_result(bench, y, results);
    const float *expected = bench->data[y->id];
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; i++) {
        const float got = elements[i];
        const double difference = fabs((double)got - (double)expected[i]);
        if (difference <= allowed[i] || got == expected[i] || (isnan(got) && isnan(expected[i])))
            continue;
        if (wrong++ == 0)
            printf("%s on %s: element %lld of %s is %.9g, not %.9g (+- %.3g)\n", y->name, bench->target->machine.name, (long long)i,
                   shape_text(bench->ctx->scratch, &y->shape), (double)got, (double)expected[i], allowed[i]);
    }
    bench->failures += wrong > 0;
}

static void compare_all(Bench *bench)
{
    FILE *results = fopen(arena_format(bench->ctx->graph, "%s/outputs", bench->folder), "rb");
    for (int i = 0; i < bench->graph->node_count; i++)
        compute(bench, bench->graph->nodes[i]);
    for (int i = 0; i < bench->graph->output_count; i++)
        compare(bench, bench->graph->outputs[i]->producer, results);
    fclose(results);
}

/* ---- running it ---- */

static void command(Bench *bench, const char *text)
{
    if (system(text) == 0)
        return;
    printf("failed: %s\n", text);
    bench->failures++;
}

static void build_and_run(Bench *bench, const Platform *platform)
{
    Arena *arena = bench->ctx->graph;
    const char *folder = bench->folder;
    command(bench, arena_format(arena,
                                "%s -std=gnu11 -O2 %s -ffp-contract=off -Wall -Wextra -Wconversion -Werror -I%s -DPROGRAM_HEADER='\"random.h\"' "
                                "-o %s/runner %s/runner.c %s/random.c -lm",
                                platform->compiler, bench->target->isa.compiler_flags, folder, folder, bench->options->source, folder));
    if (bench->failures == 0)
        command(bench, arena_format(arena, "%s%s/runner %s/inputs %s/outputs", platform->before, folder, folder, folder));
}

static Status test_platform(Bench *bench, const Platform *platform)
{
    Context *ctx = bench->ctx;
    bench->target = target_named(ctx, platform->target);
    bench->folder = bench->options->keep ? bench->options->keep : scratch_folder(ctx);
    bench->folder = arena_format(ctx->graph, "%s/%s", bench->folder, platform->target);
    mkdir(bench->folder, 0700);
    bench->graph = graph_new(ctx, "random layers");
    for (int i = 0; i < bench->options->layers; i++)
        add_layer(bench, bench->options->seed + (uint64_t)i);
    bench->data = arena_array(ctx->graph, void *, bench->graph->value_count + 1);
    write_program(bench);
    write_inputs(bench);
    build_and_run(bench, platform);
    if (bench->failures == 0)
        compare_all(bench);
    printf("%s: %d layers, %d with a kernel of their own, %d read padded, %d left padded, %d failures\n", platform->target, bench->options->layers,
           bench->forced_count, bench->padded_inputs, bench->padded_outputs, bench->failures);
    fflush(stdout);
    return bench->failures > 0 ? STATUS_MISMATCH : STATUS_FINE;
}

static const Platform *current;

static Status test_current(Context *ctx, void *argument)
{
    Bench bench = {.options = argument, .ctx = ctx};
    return test_platform(&bench, current);
}

static int usage(void)
{
    fprintf(stderr, "usage: kernels_test SOURCE [--isa NAME] [--layers COUNT] [--seed SEED] [--keep FOLDER]\n");
    return STATUS_USAGE;
}

int main(int argc, char **argv)
{
    Options options = {.layers = 60, .seed = 1};
    if (argc < 2)
        return usage();
    options.source = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--isa") == 0)
            options.isa = argv[i + 1];
        else if (strcmp(argv[i], "--layers") == 0)
            options.layers = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--keep") == 0)
            options.keep = argv[i + 1];
        else
            return usage();
    }
    int failed = 0;
    for (int i = 0; i < COUNT(platforms); i++) {
        current = &platforms[i];
        if (options.isa && !strstr(current->target, options.isa))
            continue;
        if (!current->runs())
            printf("%s: skipped, cannot run here\n", current->target);
        else
            failed += context_run(test_current, &options) != STATUS_FINE;
    }
    return failed > 0;
}
