/* Bodies of sparse_inline: those that read their input as it is and mask what lies outside. In planes narrower than their padding different taps
   have the same offset, and only one of them needs no mask; of large kernels masks are taken out of several words; behind the last whole vector few
   outputs, or many, are left. Numbers are such that sums are exact. */
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"
#include "harness.h"

#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { CHANNELS = 24, OUTPUTS = 40 };

typedef struct Case { int height, width, kernel_height, kernel_width; const char *pads; } Case;

static const char *const endings[] = {           /* behind the sum; outputs have the input's rows and columns */
    "%%y : ? = Conv(%%x, %%w) {pads=%s} \"conv\"\n",
    "%%s : ? = Conv(%%x, %%w) {pads=%s} \"conv\"\n%%t : ? = Add(%%s, %%r)\n%%y : ? = Relu(%%t)\n",
    "const %%low : f32[] = -20\nconst %%high : f32[] = 30\n%%s : ? = Conv(%%x, %%w) {pads=%s} \"conv\"\n%%y : ? = Clip(%%s, %%low, %%high)\n",
};

typedef struct Run { const Case *one; const char *target, *tiling; int ending; bool no_assembler; } Run;

static const char *layer_text(Context *ctx, const Run *run)
{
    const Case *one = run->one;
    Text text = text_new(ctx->graph);
    text_format(&text, "graph \"one\"\ninput %%x : f32[2,%d,%d,%d]\n", CHANNELS, one->height, one->width);
    if (run->ending == 1)
        text_format(&text, "input %%r : f32[2,%d,%d,%d]\n", OUTPUTS, one->height, one->width);
    text_format(&text, "const %%w : f32[%d,%d,%d,%d] =", OUTPUTS, CHANNELS, one->kernel_height, one->kernel_width);
    for (int i = 0; i < OUTPUTS * CHANNELS * one->kernel_height * one->kernel_width; i++)
        text_format(&text, " %d", i % 3 == 0 ? 0 : i * 7 % 5 - 2);
    text_add(&text, "\n");
    text_format(&text, endings[run->ending], one->pads);
    text_add(&text, "output %y\n");
    return text.data;
}

static Status compare(Context *ctx, void *argument)
{
    const Run *run = argument;
    const char *text = layer_text(ctx, run), *folder = harness_folder(ctx, "inline");
    const ForcedKernel forced = {.layer = "conv", .kernel = "sparse_inline", .tiling = run->tiling};
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    const Plan *plan = plan_make(graph, target_named(ctx, run->target), &(PlanOptions){
        .forced = &forced, .forced_count = 1, .rules = {.no_assembler = run->no_assembler}});
    harness_write_plan(ctx, plan, folder, "one", true);
    Program program = harness_load(ctx, "gcc", arena_format(ctx->graph, "-O1 -fopenmp %s", plan->target->isa.compiler_flags), folder, "one");
    Buffers inputs = harness_inputs(ctx, program.model, 7), right = harness_reference(ctx, text, &inputs);
    Buffers outputs = harness_run(ctx, &program, &inputs, 2);
    harness_expect_same(&outputs, &right);
    return STATUS_FINE;
}

static bool runs_here(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw");
#else
    return false;
#endif
}

static void expect_right(const Case *cases, int count, const char *target, const char *tiling)
{
    if (!runs_here())
        skip();
    for (int i = 0; i < count; i++) {
        Run run = {&cases[i], target, tiling, i % COUNT(endings), false};
        assert_int_equal(context_run(compare, &run), STATUS_FINE);
    }
}

static void narrow_planes_are_right(void **state)
{
    static const Case cases[] = {{20, 1, 3, 3, "[1,1,1,1]"}, {20, 1, 3, 3, "[0,2,2,0]"}, {11, 2, 3, 5, "[1,2,1,2]"}, {11, 3, 3, 7, "[2,3,0,3]"},
                                 {5, 5, 3, 3, "[1,1,1,1]"}};
    (void)state;
    expect_right(cases, COUNT(cases), "generic-avx512", "4,1,28,1200,1,1");
}

static void large_kernels_are_right(void **state)
{
    static const Case cases[] = {{9, 13, 5, 5, "[2,2,2,2]"}, {13, 9, 7, 7, "[3,3,3,3]"}, {8, 20, 3, 11, "[1,5,1,5]"}, {20, 4, 9, 9, "[4,8,4,0]"}};
    (void)state;
    expect_right(cases, COUNT(cases), "generic-avx512", "4,1,28,1200,1,1");
}

/* Behind the last whole vector, in a text of their own: in a quarter, a half and all of a vector, with each ending; both images in a block; planes
   that nothing has to be masked in. */
static void last_outputs_are_right(void **state)
{
    static const Case masked[] = {{7, 7, 3, 3, "[1,1,1,1]"}, {7, 7, 3, 3, "[1,1,1,1]"}, {7, 7, 3, 3, "[1,1,1,1]"}, {14, 14, 3, 3, "[1,1,1,1]"},
                                  {13, 13, 3, 3, "[1,1,1,1]"}, {6, 6, 3, 1, "[1,0,1,0]"}, {3, 17, 3, 3, "[0,2,2,0]"}, {7, 7, 5, 5, "[2,2,2,2]"}};
    static const Case plain[] = {{7, 7, 1, 1, "[0,0,0,0]"}, {7, 7, 1, 1, "[0,0,0,0]"}, {4, 5, 1, 1, "[0,0,0,0]"}, {2, 11, 1, 1, "[0,0,0,0]"}};
    (void)state;
    expect_right(masked, COUNT(masked), "generic-avx512", "4,1,28,1200,1,1,1");
    expect_right(masked, 3, "generic-avx512", "4,1,28,1200,1,-2,1");
    expect_right(plain, COUNT(plain), "zen4", "0,1,28,1200,1,1,1");
}

/* Several groups of output channels in a body of C: constants of their endings are in its text, not among the weights. */
static void endings_are_right_in_c(void **state)
{
    static const Case one = {7, 8, 1, 1, "[0,0,0,0]"};
    (void)state;
    if (!runs_here())
        skip();
    for (int ending = 0; ending < COUNT(endings); ending++) {
        Run run = {&one, "generic-avx2", "0,2,6,5000,4,1", ending, true};
        assert_int_equal(context_run(compare, &run), STATUS_FINE);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(narrow_planes_are_right), cmocka_unit_test(large_kernels_are_right),
                                       cmocka_unit_test(last_outputs_are_right), cmocka_unit_test(endings_are_right_in_c)};
    if (argc != 2)
        return 2;
    harness_runtime_folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
