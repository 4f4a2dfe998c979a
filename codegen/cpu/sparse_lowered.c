/* A projection: the input's windows laid out as a matrix (im2col), then the sparse weights in rows times that matrix, which is what a 1x1 layer of
   sparse_direct does: the baseline "lowered" of paper 000. Every element of the input is written and read once for each tap. */
#include "codegen/cpu/resized.h"

#include <assert.h>

static const Kernel *direct(void)
{
    return kernel_named("sparse_direct");
}

/* A window of one tap, stride 1, is a matrix already. */
static bool lowers(const Window *window)
{
    return window_taps(window) > 1 || window->stride_y > 1 || window->stride_x > 1;
}

static double lowered_bytes(const Window *window)
{
    return 4.0 * (double)(window->batch * window->channels) * (double)(window_taps(window) * window->out_height * window->out_width);
}

static bool fits(const Problem *problem)
{
    Window window;
    if (!direct()->fits(problem) || !window_of(problem->node, &window) || !lowers(&window) || lowered_bytes(&window) > INT32_MAX)
        return false;
    Problem lowered;
    resized_lowered(problem, &window, &lowered);
    return direct()->fits(&lowered);
}

/* Those of the 1x1 layer that read the matrix as it is. */
static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Problem lowered;
    window_of(problem->node, &window);
    resized_lowered(problem, &window, &lowered);
    const int count = direct()->tilings(&lowered, list, most);
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (list[i].size[0] == PLANES_NONE && layout_plain(&list[i].in))
            list[kept++] = list[i];
    return kept;
}

/* For every channel and tap the rows of outputs, a vector at a time where they are contiguous in the input, too. */
static void lower(const Problem *problem, const Window *window, Work *work)
{
    const int lanes = problem_lanes(problem);
    const double planes = (double)(window->batch * window->channels), taps = (double)window_taps(window), rows = (double)window->out_height;
    const double width = (double)window->out_width, whole = window->stride_x == 1 ? (double)(window->out_width / lanes) : 0, pairs = planes * taps;
    const double input = 4 * planes * (double)(window->height * window->width), lowered = lowered_bytes(window);
    Meter meter = meter_begin(problem, work);
    meter.runs = pairs;
    meter_other(&meter, 15);
    meter.runs = pairs * rows;
    meter_other(&meter, 14);
    meter_loop(&meter, pairs * rows * whole);
    meter_load(&meter, 1, split_share(lanes));
    meter_store(&meter, 1);
    meter_other(&meter, 3);
    meter_hot(&meter);
    meter.runs = pairs * rows * (width - whole * lanes);
    meter_scalar_load(&meter, 1);
    meter_store(&meter, 1);
    meter_other(&meter, 3);
    meter_end(&meter);
    stage_touch(meter.stage, TOUCH_INPUT, input);
    stage_touch_again(meter.stage, input * (taps - 1), (input + lowered / taps) / planes);
    stage_touch(meter.stage, TOUCH_OUTPUT, lowered);
}

/* What the 1x1 layer takes for its input was written by the stage before. A residual, which comes behind it, may be as large. */
static void from_before(StageWork *stage, double lowered)
{
    int input = 0;
    while (input < stage->traffic_count && stage->traffic[input].touch != TOUCH_INPUT)
        input++;
    assert(input < stage->traffic_count && stage->traffic[input].bytes == lowered);
    stage->traffic[input] = (Traffic){TOUCH_AGAIN, lowered, 1.5 * lowered};
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Window window;
    Problem lowered;
    window_of(problem->node, &window);
    resized_lowered(problem, &window, &lowered);
    lower(problem, &window, work);
    direct()->work(&lowered, tiling, work);
    from_before(&work->stages[1], lowered_bytes(&window));
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Window window;
    Problem lowered;
    window_of(problem->node, &window);
    resized_lowered(problem, &window, &lowered);
    layer->stages[layer->stage_count++] = (StagePlan){.items = window.batch * window.channels, .says = "lower"};
    direct()->stages(&lowered, tiling, layer);
    layer->scratch_bytes = (size_t)lowered_bytes(&window);
}

const Kernel kernel_sparse_lowered = {
    .name = "sparse_lowered", .sparse = true,
    .says = "windows laid out as a matrix, then sparse rows times that matrix",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
