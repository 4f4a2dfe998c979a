/* Values in padded layouts inside a program: what a consumer wants padded, its producer leaves so. Same bits as in the plain program, fewer
   stages. */
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"
#include "harness.h"

#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#if defined(__aarch64__)
#define TARGET "generic-neon"
#else
#define TARGET "generic-sse4.2"
#endif

static const char plane_head[] = "graph \"planes\"\ninput %x : f32[2,4,13,11]\n";
static const char plane_layers[] =
    "%a : ? = Conv(%x, %w) {pads=[1,1,1,1]} \"a\"\n"
    "%p : ? = MaxPool(%a) {kernel_shape=[2,2], strides=[1,1]} \"p\"\n"
    "%b : ? = Conv(%p, %v) {pads=[2,0,0,3], dilations=[2,1], group=2} \"b\"\n"
    "%t : ? = AveragePool(%b) {kernel_shape=[2,2], pads=[1,1,0,0]} \"t\"\n"
    "%c : ? = Conv(%t, %k) {pads=[1,1,1,1], group=4} \"c\"\n"
    "%s : ? = Add(%c, %b) \"s\"\n"
    "%d : ? = Conv(%s, %w) {pads=[1,1,1,1]} \"d\"\n"
    "%e : ? = Conv(%d, %w) {pads=[1,1,1,1]} \"e\"\n"
    "%q : ? = AveragePool(%e) {kernel_shape=[3,3], pads=[1,1,1,1]} \"q\"\n"
    "output %q\noutput %b\n";

static const char line_head[] = "graph \"lines\"\ninput %x : f32[3,4,37]\n";
static const char line_layers[] =
    "%a : ? = Conv(%x, %w) {pads=[2,0]} \"a\"\n"
    "%b : ? = Conv(%a, %w) {pads=[1,1]} \"b\"\n"
    "%c : ? = Conv(%b, %w) {pads=[0,4], dilations=[2]} \"c\"\n"
    "output %c\n";

static void weights(Text *text, const char *name, const char *shape, int count)
{
    text_format(text, "const %%%s : f32%s =", name, shape);
    for (int i = 0; i < count; i++)
        text_format(text, " %d", i % 3 == 0 ? 0 : i * 7 % 5 - 2);
    text_add(text, "\n");
}

static const char *network_text(Context *ctx, bool lines)
{
    Text text = text_new(ctx->graph);
    text_add(&text, lines ? line_head : plane_head);
    weights(&text, "w", lines ? "[4,4,3]" : "[4,4,3,3]", lines ? 48 : 144);
    if (!lines) {
        weights(&text, "v", "[4,2,3,3]", 72);
        weights(&text, "k", "[4,1,3,3]", 36);
    }
    text_add(&text, lines ? line_layers : plane_layers);
    return text.data;
}

/* ---- laying out ---- */

static LayerPlan *layer_of(Plan *plan, const Node *node)
{
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].problem.node == node)
            return &plan->layers[l];
    return NULL;
}

static int readers(const Plan *plan, const Value *value)
{
    int count = value->output_index >= 0;
    for (int l = 0; l < plan->layer_count; l++) {
        const Node *node = plan->layers[l].problem.node;
        for (int i = 0; i < node->input_count; i++)
            count += node->inputs[i] == value;
        for (int e = 0; e < node->epilogue_count; e++)
            for (int i = 1; i < node->epilogue[e]->input_count; i++)
                count += node->epilogue[e]->inputs[i] == value;
    }
    return count;
}

/* Fills planes from plain input in a stage of its own. */
static bool packs(const LayerPlan *layer, const Tiling *tiling)
{
    LayerPlan tried = {.problem = layer->problem};
    layer->kernel->stages(&layer->problem, tiling, &tried);
    return tried.stage_count > 0 && strcmp(tried.stages[0].says, "pack") == 0;
}

/* The first plain tiling that packs, whatever prices prefer today; the plan's own where none does. */
static Tiling plain_tiling(const LayerPlan *layer)
{
    Tiling list[MOST_TILINGS];
    const int count = layer->kernel->tilings(&layer->problem, list, MOST_TILINGS);
    for (int i = 0; i < count; i++)
        if (layout_plain(&list[i].in) && packs(layer, &list[i]))
            return list[i];
    list[0] = layer->tiling;
    list[0].in = list[0].out = (Layout){0};
    return list[0];
}

/* The layer's tiling again, but its input padded; false if there is no such. */
static bool padded_again(const LayerPlan *layer, Tiling *tiling)
{
    Tiling list[MOST_TILINGS];
    const int count = layer->kernel->tilings(&layer->problem, list, MOST_TILINGS);
    for (int i = 0; i < count; i++)
        if (!layout_plain(&list[i].in) && memcmp(list[i].size, layer->tiling.size, sizeof list[i].size) == 0) {
            *tiling = list[i];
            return true;
        }
    return false;
}

static void plan_again(Plan *plan)
{
    plan->stage_count = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        LayerPlan *layer = &plan->layers[l];
        layer->stage_count = 0;
        layer->scratch_bytes = layer->thread_bytes = 0;
        layer->first_stage = plan->stage_count;
        layer->kernel->stages(&layer->problem, &layer->tiling, layer);
        plan->stage_count += layer->stage_count;
    }
    memory_plan(plan);
}

static void make_plain(Plan *plan)
{
    for (int l = 0; l < plan->layer_count; l++)
        plan->layers[l].tiling = plain_tiling(&plan->layers[l]);
    plan_again(plan);
}

/* How many values are padded now. */
static int pad_values(Plan *plan)
{
    int padded = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        LayerPlan *layer = &plan->layers[l];
        const Value *x = layer->problem.node->inputs[0];
        LayerPlan *producer = layer_of(plan, x->producer);
        Tiling tiling, left;
        if (producer == NULL || producer->kernel->writes == NULL || readers(plan, x) != 1 || !padded_again(layer, &tiling))
            continue;
        left = producer->tiling;
        left.out = tiling.in;
        if (!producer->kernel->writes(&producer->problem, &left))
            continue;
        producer->tiling = left;
        tiling.out = layer->tiling.out;
        layer->tiling = tiling;
        padded++;
    }
    plan_again(plan);
    return padded;
}

/* ---- running ---- */

static Plan *network_plan(Context *ctx, const char *text, const char *kernel)
{
    const ForcedKernel forced[] = {{"a", kernel, NULL}, {"b", kernel, NULL}, {"d", kernel, NULL}, {"e", kernel, NULL}, {"c", "depthwise", NULL}};
    const bool lines = strstr(text, "\"lines\"") != NULL;
    const ForcedKernel in_lines[] = {{"a", kernel, NULL}, {"b", kernel, NULL}, {"c", kernel, NULL}};
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    return plan_make(graph, target_named(ctx, TARGET),
                     &(PlanOptions){.forced = lines ? in_lines : forced, .forced_count = lines ? COUNT(in_lines) : COUNT(forced)});
}

static Program program_of(Context *ctx, const Plan *plan, const char *name)
{
    const char *folder = harness_folder(ctx, name);
    harness_write_plan(ctx, plan, folder, "net", false);
    return harness_load(ctx, "gcc", arena_format(ctx->graph, "-O1 -fopenmp %s", plan->target->isa.compiler_flags), folder, "net");
}

typedef struct Case { bool lines; const char *kernel; int padded, saved; } Case;    /* values that are padded, stages that are saved */

static Status compare(Context *ctx, void *argument)
{
    const Case *test = argument;
    const char *text = network_text(ctx, test->lines);
    Plan *plan = network_plan(ctx, text, test->kernel);
    make_plain(plan);
    Program plain = program_of(ctx, plan, "plain");
    const int stages = plan->stage_count, padded = pad_values(plan);
    assert_int_equal(padded, test->padded);
    assert_int_equal(stages - plan->stage_count, test->saved);
    for (int l = 0; l < plan->layer_count; l++)
        assert_false(!layout_plain(&plan->layers[l].tiling.in) && packs(&plan->layers[l], &plan->layers[l].tiling));
    Program laid = program_of(ctx, plan, "padded");
    Buffers inputs = harness_inputs(ctx, plain.model, 3), right = harness_run(ctx, &plain, &inputs, 1);
    for (int threads = 1; threads <= 5; threads += 2) {
        Buffers outputs = harness_run(ctx, &laid, &inputs, threads);
        harness_expect_same(&outputs, &right);
    }
    return STATUS_FINE;
}

static void padded_values_change_no_bit(void **state)
{
    static const Case cases[] = {
        {false, "sparse_direct", 6, 3}, {false, "dense_direct", 6, 3}, {true, "sparse_direct", 2, 2}, {true, "dense_direct", 2, 2}};
    (void)state;
    for (int i = 0; i < COUNT(cases); i++)
        assert_int_equal(context_run(compare, (void *)(uintptr_t)&cases[i]), STATUS_FINE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(padded_values_change_no_bit)};
    if (argc != 2)
        return 2;
    harness_runtime_folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
