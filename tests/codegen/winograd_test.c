/* Winograd's convolutions: the bound of their error, which holds where that of direct sums does not and is close enough to find faults; where the
   kernel applies; how many multiplications it saves. tests/kernels compares its results. */
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"
#include "compiler/reference/reference.h"
#include "harness.h"

#include <math.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#if defined(__aarch64__)
#define TARGET "generic-neon"
#else
#define TARGET "generic-sse4.2"
#endif

enum { CHANNELS = 5, OUTPUTS = 3, HEIGHT = 14, WIDTH = 11, RESULTS = OUTPUTS * HEIGHT * WIDTH };

/* The weight of (output, channel, tap), the input at (channel, row, column). */
typedef double Weight(int k, int c, int tap);
typedef double Input(int c, int y, int x);

static double noise(int a, int b, int c)
{
    uint32_t state = (uint32_t)(a * 7919 + b * 104729 + c * 1299709 + 12345);
    for (int i = 0; i < 3; i++)
        state = state * 1664525u + 1013904223u;
    return (double)((int)(state >> 8) % 2001 - 1000) / 1024;
}

static double everyday_weight(int k, int c, int tap) { return noise(k, c, tap); }
static double everyday_input(int c, int y, int x) { return noise(c + 100, y, x); }
/* The output is one input, and other inputs of its tile are a million times larger: exact where sums are direct. */
static double lone_weight(int k, int c, int tap) { return c == k && tap == 0 ? 0.75 : 0; }
static double peaked_input(int c, int y, int x) { return y % 4 == 3 && x % 4 == 2 ? 1e6 * (1 + noise(c, y, x) / 8) : noise(c, y, x); }
/* Large everywhere, with signs that neighbours cancel in sums and add up in transforms. */
static double smooth_weight(int k, int c, int tap) { return 1 + noise(k, c, tap) / 1024; }
static double alternating_input(int c, int y, int x) { return ((x ^ y ^ c) & 1 ? -1e4 : 1e4) + noise(c, y, x); }

static const char *layer_text(Context *ctx, Weight *weight)
{
    Text text = text_new(ctx->graph);
    text_format(&text, "graph \"one\"\ninput %%x : f32[1,%d,%d,%d]\nconst %%w : f32[%d,%d,3,3] =", CHANNELS, HEIGHT, WIDTH, OUTPUTS, CHANNELS);
    for (int i = 0; i < OUTPUTS * CHANNELS * 9; i++)
        text_format(&text, " %.9g", (double)(float)weight(i / CHANNELS / 9, i / 9 % CHANNELS, i % 9));
    text_add(&text, "\n%y : ? = Conv(%x, %w) {pads=[1,1,1,1]} \"conv\"\noutput %y\n");
    return text.data;
}

static const Plan *forced_plan(Context *ctx, const char *text, const char *tiling)
{
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    const ForcedKernel forced = {.layer = "conv", .kernel = "dense_winograd", .tiling = tiling};
    return plan_make(graph, target_named(ctx, TARGET), &(PlanOptions){.forced = &forced, .forced_count = 1});
}

typedef struct Errors {
    double of_bound;                 /* the largest error in terms of the kernel's bound */
    double of_direct;                /* ... of that for sums as they are defined */
    double bound_of_result;          /* the largest bound in terms of the largest result */
} Errors;

static Errors errors_of(Context *ctx, Weight *weight, Input *input, const char *tiling, const char *name)
{
    const char *text = layer_text(ctx, weight), *folder = harness_folder(ctx, name);
    const Plan *plan = forced_plan(ctx, text, tiling);
    harness_write_plan(ctx, plan, folder, "one", true);
    const Program program = harness_load(ctx, "cc", arena_format(ctx->graph, "-O1 %s -I%s", plan->target->isa.compiler_flags, harness_runtime_folder),
                                         folder, "one");
    Buffers inputs = harness_inputs(ctx, program.model, 1);
    float *x = inputs.data[0];
    for (int i = 0; i < CHANNELS * HEIGHT * WIDTH; i++)
        x[i] = (float)input(i / (HEIGHT * WIDTH), i / WIDTH % HEIGHT, i % WIDTH);
    const Buffers found = harness_run(ctx, &program, &inputs, 2), expected = harness_reference(ctx, text, &inputs);
    const LayerPlan *layer = &plan->layers[0];
    const void *const operands[] = {x, layer->problem.node->inputs[1]->data};
    double sums[RESULTS], direct[RESULTS], largest = 0;
    int64_t terms[RESULTS], direct_terms[RESULTS];
    assert_true(kernel_magnitudes(layer->kernel, &layer->problem, &layer->tiling, operands, sums, terms, ctx->scratch));
    assert_true(kernel_magnitudes(NULL, &layer->problem, &layer->tiling, operands, direct, direct_terms, ctx->scratch));
    Errors errors = {0};
    for (int i = 0; i < RESULTS; i++) {
        const double right = (double)((const float *)expected.data[0])[i], error = fabs((double)((const float *)found.data[0])[i] - right);
        const double bound = 0x1p-23 * (double)(terms[i] + 8) * sums[i], other = 0x1p-23 * (double)(direct_terms[i] + 8) * direct[i];
        errors.of_bound = fmax(errors.of_bound, error / bound);
        errors.of_direct = fmax(errors.of_direct, other > 0 ? error / other : 0);
        errors.bound_of_result = fmax(errors.bound_of_result, bound);
        largest = fmax(largest, fabs(right));
    }
    errors.bound_of_result /= largest;
    return errors;
}

static const char *const tilings[] = {"12,1,4,1", "11,1,2,2,1"};    /* sides of 4 and of 2 */

static Status check_bound(Context *ctx, void *argument)
{
    (void)argument;
    for (int i = 0; i < COUNT(tilings); i++) {
        const Errors everyday = errors_of(ctx, everyday_weight, everyday_input, tilings[i], arena_format(ctx->graph, "everyday%d", i));
        const Errors peaked = errors_of(ctx, lone_weight, peaked_input, tilings[i], arena_format(ctx->graph, "peaked%d", i));
        const Errors waves = errors_of(ctx, smooth_weight, alternating_input, tilings[i], arena_format(ctx->graph, "waves%d", i));
        assert_true(everyday.of_bound <= 1 && peaked.of_bound <= 1 && waves.of_bound <= 1);
        assert_true(everyday.of_bound > 1e-4 && peaked.of_bound > 1e-4 && waves.of_bound > 1e-4);    /* what is 10,000 times worse is seen */
        assert_true(everyday.bound_of_result < 1e-3);      /* and so is a thousandth of the result */
        assert_true(peaked.of_direct > 1000);              /* the bound of direct sums is another */
    }
    return STATUS_FINE;
}

/* ---- where it applies, and what it saves ---- */

typedef struct Shaped { int64_t channels, size, outputs, kernel, stride, dilation; } Shaped;

static Problem problem_of(Context *ctx, const Shaped *shaped, const char *machine)
{
    Graph *graph = graph_new(ctx, "g");
    const int64_t reach = (shaped->kernel - 1) * shaped->dilation, pad = reach / 2, out = (shaped->size + 2 * pad - reach - 1) / shaped->stride + 1;
    float *data = arena_array(ctx->graph, float, shaped->outputs * shaped->channels * shaped->kernel * shaped->kernel);
    Value *y = graph_value(graph, "y");
    y->type = TYPE_F32;
    y->shape = (Shape){4, {1, shaped->outputs, out, out}};
    Value *inputs[] = {graph_input(graph, "x", TYPE_F32, &(Shape){4, {1, shaped->channels, shaped->size, shaped->size}}),
                       graph_constant(graph, "w", TYPE_F32, &(Shape){4, {shaped->outputs, shaped->channels, shaped->kernel, shaped->kernel}}, data)};
    Node *node = graph_add(graph, OP_Conv, "c", inputs, 2, &y, 1);
    node_set_ints(graph, node, ATTR_pads, (int64_t[]){pad, pad, pad, pad}, 4);
    node_set_ints(graph, node, ATTR_strides, (int64_t[]){shaped->stride, shaped->stride}, 2);
    node_set_ints(graph, node, ATTR_dilations, (int64_t[]){shaped->dilation, shaped->dilation}, 2);
    return (Problem){.graph = graph, .node = node, .target = target_named(ctx, machine), .pattern = pattern_of(graph, node), .density = 1};
}

static Status check_fits(Context *ctx, void *argument)
{
    (void)argument;
    const Kernel *kernel = kernel_named("dense_winograd");
    static const Shaped others[] = {{8, 14, 8, 3, 2, 1}, {8, 14, 8, 3, 1, 2}, {8, 14, 8, 5, 1, 1}, {8, 14, 8, 1, 1, 1}};
    for (int i = 0; i < COUNT(others); i++) {
        const Problem problem = problem_of(ctx, &others[i], TARGET);
        assert_false(kernel->fits(&problem));
    }
    Problem problem = problem_of(ctx, &(Shaped){8, 14, 8, 3, 1, 1}, TARGET);
    assert_true(kernel->fits(&problem));
    problem.rules = (Rules){.no_winograd = true};
    assert_false(kernel->fits(&problem));
    problem.rules = (Rules){.strict_nonfinite = true};
    assert_false(kernel->fits(&problem));
    return STATUS_FINE;
}

/* Of a layer whose size and channels leave nothing over, in tilings that do not either, a half, squared, and three quarters, squared, are saved: all
   multiply-adds of the products, counted where the transforms have none, or at most a tenth more. */
static Status check_savings(Context *ctx, void *argument)
{
    (void)argument;
    static const char *const cores[] = {"atom-c2750", "xeon-e5-2697v4", "skylake-server", "cortex-a72"};
    for (int m = 0; m < COUNT(cores); m++) {
        const Problem problem = problem_of(ctx, &(Shaped){192, 64, 192, 3, 1, 1}, cores[m]);
        const double lanes = problem.target->isa.vector_bytes / 4.0, direct = 64.0 * 64 * 9 * 192 * 192 / lanes;
        Tiling list[MOST_TILINGS];
        const int count = kernel_named("dense_winograd")->tilings(&problem, list, MOST_TILINGS);
        bool seen[5] = {false};
        for (int i = 0; i < count; i++) {
            const int rows = list[i].size[0], vectors = list[i].size[1], side = list[i].size[2];
            if (64 / side * (64 / side) % rows != 0 || 192 % (vectors * (int)lanes) != 0)
                continue;
            Work work = {0};
            kernel_named("dense_winograd")->work(&problem, &list[i], &work);
            double fma = 0;
            for (int s = 0; s < work.stage_count; s++)
                fma += work.stages[s].fma;
            seen[side] = true;
            assert_true(fma >= direct / (side == 2 ? 2.25 : 4) && fma < 1.1 * direct / (side == 2 ? 2.25 : 4));
            assert_true(work.weight_bytes >= 4.0 * 192 * 192 * (side == 2 ? 16 : 36));
        }
        assert_true(seen[2] && seen[4]);
    }
    return STATUS_FINE;
}

static void run(Status (*check)(Context *, void *))
{
    assert_int_equal(context_run(check, NULL), STATUS_FINE);
}

static void its_bound_holds_and_is_close(void **state) { (void)state; run(check_bound); }
static void it_applies_to_3x3_of_stride_1_unless_forbidden(void **state) { (void)state; run(check_fits); }
static void it_saves_multiplications(void **state) { (void)state; run(check_savings); }

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    harness_runtime_folder = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(its_bound_holds_and_is_close),
                                       cmocka_unit_test(it_applies_to_3x3_of_stride_1_unless_forbidden), cmocka_unit_test(it_saves_multiplications)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
