/* Kernels that are priced but not written: what they count against the layers that they stand for. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

#include <math.h>
#include <setjmp.h>
#include <cmocka.h>

static const char *const cores[] = {"atom-c2750", "xeon-e5-2697v4", "skylake-server", "cortex-a72"};
static const Surroundings surroundings = {1, 1e9, 1e6, 0};

typedef struct Shaped { int64_t channels, size, outputs, kernel, stride, group; } Shaped;    /* a convolution, padded by half its kernel */

/* 'x' where a weight is: of (output, channel, tap). */
typedef bool (*Mask)(int64_t output, int64_t channel, int64_t tap);

static bool all(int64_t output, int64_t channel, int64_t tap) { (void)output, (void)channel, (void)tap; return true; }
static bool fiftieth(int64_t output, int64_t channel, int64_t tap) { return (output * 7 + channel * 3 + tap * 11 + output * channel) % 53 == 0; }
static bool quarter_of_channels(int64_t output, int64_t channel, int64_t tap) { return output % 2 == 0 && channel % 2 == 1 && tap >= 0; }
static bool third_of_taps(int64_t output, int64_t channel, int64_t tap) { return (channel + tap) % 3 == 0 && output >= 0; }

static Problem problem_of(Context *ctx, const Shaped *shaped, Mask mask, const char *machine)
{
    Graph *graph = graph_new(ctx, "g");
    const int64_t out = (shaped->size + shaped->kernel / 2 * 2 - shaped->kernel) / shaped->stride + 1, taps = shaped->kernel * shaped->kernel;
    const int64_t columns = shaped->channels / shaped->group * taps, pad = shaped->kernel / 2;
    float *data = arena_array(ctx->graph, float, shaped->outputs * columns);
    for (int64_t i = 0; i < shaped->outputs * columns; i++)
        data[i] = mask(i / columns, i % columns / taps, i % taps);
    const Shape in = {4, {1, shaped->channels, shaped->size, shaped->size}};
    const Shape w = {4, {shaped->outputs, columns / taps, shaped->kernel, shaped->kernel}};
    Value *x = graph_input(graph, "x", TYPE_F32, &in), *y = graph_value(graph, "y");
    y->type = TYPE_F32;
    y->shape = (Shape){4, {1, shaped->outputs, out, out}};
    Node *node = graph_add(graph, OP_Conv, "c", (Value *[]){x, graph_constant(graph, "w", TYPE_F32, &w, data)}, 2, &y, 1);
    node_set_ints(graph, node, ATTR_pads, (int64_t[]){pad, pad, pad, pad}, 4);
    node_set_ints(graph, node, ATTR_strides, (int64_t[]){shaped->stride, shaped->stride}, 2);
    node_set_ints(graph, node, ATTR_dilations, (int64_t[]){1, 1}, 2);
    node_set_ints(graph, node, ATTR_kernel_shape, (int64_t[]){shaped->kernel, shaped->kernel}, 2);
    node_set_int(graph, node, ATTR_group, shaped->group);
    Problem problem = {.graph = graph, .node = node, .target = target_named(ctx, machine), .pattern = pattern_of(graph, node), .threads = 1};
    problem.density = (double)problem.pattern->nonzeros / ((double)problem.pattern->rows * (double)problem.pattern->columns);
    return problem;
}

/* The kernel's cheapest plain tiling. */
static Candidate cheapest(const Problem *problem, const char *name)
{
    const Kernel *kernel = kernel_named(name);
    Tiling list[MOST_TILINGS];
    Candidate best = {0};
    assert_true(kernel->fits(problem));
    const int count = kernel->tilings(problem, list, MOST_TILINGS);
    assert_true(count > 0 && count < MOST_TILINGS && layout_plain(&list[0].in));
    for (int i = 0; i < count; i++) {
        Candidate candidate;
        if (!layout_plain(&list[i].in))
            continue;
        candidate_price(problem, kernel, &list[i], &surroundings, &candidate);
        assert_true(candidate.price.seconds > 0 && candidate.price.seconds < 10);
        int stages = 0;
        while (stages < MAX_STAGES && candidate.stages[stages].items > 0)
            stages++;
        assert_int_equal(stages, candidate.work.stage_count);
        if (best.kernel == NULL || candidate.price.seconds < best.price.seconds)
            best = candidate;
    }
    return best;
}

/* With whichever kernel that leaves no zeros out is the fastest. */
static Candidate cheapest_dense(const Problem *problem)
{
    Candidate best = {.kernel = NULL};
    for (int k = 0; k < kernel_count; k++) {
        if (kernels[k]->sparse || kernel_projected(kernels[k]) || !kernels[k]->fits(problem))
            continue;
        const Candidate candidate = cheapest(problem, kernels[k]->name);
        if (best.kernel == NULL || candidate.price.seconds < best.price.seconds)
            best = candidate;
    }
    return best;
}

static const Shaped shapes[] = {{64, 28, 96, 3, 1, 1}, {32, 27, 48, 5, 1, 2}, {48, 28, 64, 3, 2, 1}, {64, 14, 64, 1, 2, 1}, {256, 13, 384, 3, 1, 1}};

/* Where little is left to multiply, writing every element for every tap is what costs (paper 000). At higher densities, rows without gaps may pay for
   it: 13 wide planes have 14 positions a row in the direct kernel. */
static Status lowered(Context *ctx, void *argument)
{
    (void)argument;
    for (int m = 0; m < COUNT(cores); m++)
        for (int s = 0; s < COUNT(shapes); s++) {
            const Problem problem = problem_of(ctx, &shapes[s], fiftieth, cores[m]);
            const Candidate direct = cheapest(&problem, "sparse_direct"), other = cheapest(&problem, "sparse_lowered");
            const double outputs = (double)shape_count(&problem.node->outputs[0]->shape) / (double)shapes[s].outputs;
            const double elements = (double)(shapes[s].channels * shapes[s].kernel * shapes[s].kernel) * outputs;
            if (shapes[s].stride == 1)
                assert_true(other.price.seconds > 1.1 * direct.price.seconds);
            assert_true(other.work.multiply_adds == direct.work.multiply_adds);
            assert_true(other.work.stages[0].stores >= elements / (problem.target->isa.vector_bytes / 4) && other.work.stages[0].stores <= elements);
        }
    const Problem plain = problem_of(ctx, &(Shaped){64, 14, 64, 1, 1, 1}, fiftieth, cores[0]);
    assert_false(kernel_named("sparse_lowered")->fits(&plain));
    return STATUS_FINE;
}

/* Half of the rows and half of the channels: the price of the layer that is a quarter as large, to the last digit. */
static Status compacted(Context *ctx, void *argument)
{
    (void)argument;
    for (int m = 0; m < COUNT(cores); m++) {
        const Shaped whole = {64, 28, 96, 3, 1, 1}, half = {32, 28, 48, 3, 1, 1};
        const Problem problem = problem_of(ctx, &whole, quarter_of_channels, cores[m]), small = problem_of(ctx, &half, all, cores[m]);
        const Candidate left = cheapest(&problem, "dense_compact"), expected = cheapest_dense(&small);
        assert_true(left.price.seconds == expected.price.seconds);
        assert_true(left.work.weight_bytes == expected.work.weight_bytes);
        assert_true(left.price.seconds < cheapest_dense(&problem).price.seconds / 3);
        const Problem full = problem_of(ctx, &whole, all, cores[m]);
        assert_false(kernel_named("dense_compact")->fits(&full));
        assert_false(kernel_named("dense_taps")->fits(&full));
        assert_false(kernel_named("dense_taps")->fits(&problem));    /* nothing beyond empty channels */
    }
    return STATUS_FINE;
}

static Status taps(Context *ctx, void *argument)
{
    (void)argument;
    for (int m = 0; m < COUNT(cores); m++) {
        const Problem problem = problem_of(ctx, &shapes[0], third_of_taps, cores[m]);
        const Candidate left = cheapest(&problem, "dense_taps"), direct = cheapest(&problem, "dense_direct"),
                        implicit = cheapest(&problem, "dense_implicit");
        const double whole = fmin(direct.price.seconds, implicit.price.seconds);
        assert_true(fabs(left.work.multiply_adds / direct.work.multiply_adds - 1.0 / 3) < 1e-9);
        assert_true(left.price.seconds < whole / 2 && left.price.seconds > whole / 3.1);
        assert_false(kernel_named("dense_compact")->fits(&problem));
    }
    return STATUS_FINE;
}

static void run(Status (*work)(Context *, void *))
{
    assert_int_equal(context_run(work, NULL), STATUS_FINE);
}

static void lowering_writes_every_element_for_every_tap(void **state) { (void)state; run(lowered); }
static void a_compacted_layer_costs_what_the_smaller_one_does(void **state) { (void)state; run(compacted); }
static void taps_that_nobody_uses_cost_nothing(void **state) { (void)state; run(taps); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lowering_writes_every_element_for_every_tap), cmocka_unit_test(a_compacted_layer_costs_what_the_smaller_one_does),
        cmocka_unit_test(taps_that_nobody_uses_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
