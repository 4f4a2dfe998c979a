/* What poolings cost: lines down the columns of the input, then windows along them. */
#include "codegen/cpu/lines.h"
#include "codegen/cpu/pooling.h"

static void meter_combine(Meter *meter, const Pooling *pooling, double count)
{
    if (pooling->average)
        meter_vector(meter, count);
    else
        meter_extreme(meter, count);
}

static void meter_down(Meter *meter, const Pooling *pooling, double lines)
{
    const Window *window = &pooling->window;
    const double taps = (double)window->kernel_height;
    meter->runs = lines;
    meter_other(meter, 3 + taps * (pooling->above_or_below ? 3 : 0.5));
    meter_loop(meter, lines * (double)line_vectors(pooling->columns, pooling->lanes));
    if (pooling->columns < pooling->lanes)
        for (int t = 0; t < window->kernel_height; t++)
            meter_part(meter, (int)pooling->columns);
    else
        meter_load(meter, 1, 0), meter_operand(meter, taps - 1, split_share(pooling->lanes));
    meter_combine(meter, pooling, taps - 1);
    meter_other(meter, pooling_asked_rows(pooling));
    meter_store(meter, 1);
    meter_other(meter, line_loop(line_vectors(pooling->columns, pooling->lanes)));
    meter_hot(meter);
}

static void meter_along(Meter *meter, const Problem *problem, const Pooling *pooling, double lines)
{
    const Window *window = &pooling->window;
    const int64_t width = window->out_width;
    meter->runs = lines;
    meter_other(meter, 4);
    meter->runs = lines * (double)line_vectors(width, pooling->lanes);
    meter_line_loads(meter, pooling->stride, window->kernel_width, window->dilation_x);
    meter_combine(meter, pooling, (double)window->kernel_width - 1);
    if (pooling->average) {
        meter_load(meter, pooling->even ? 0 : 1, 0);
        meter_vector(meter, pooling->even ? 0 : 1);
        meter_divide(meter, 1);
    }
    meter_other(meter, pooling->asks);
    meter_line_put(meter, problem, width);
    meter_other(meter, line_loop(line_vectors(width, pooling->lanes)));
}

/* Rows among zeros: the loops that fill the gaps, mostly of an element or two. */
static void meter_gaps(Meter *meter, const Pooling *pooling, const Layout *layout, double channels)
{
    const int64_t outputs = pooling->window.out_height * pooling->window.out_width;
    if (layout_plain(layout))
        return;
    meter->runs = channels * (double)pooling->window.out_height;
    meter_other(meter, 9);
    meter->runs = channels * (double)((int64_t)layout->rows * layout->pitch - outputs);
    meter_store(meter, 1);
    meter_other(meter, 2);
}

static double counts_bytes(const Pooling *pooling)
{
    return pooling->average && !pooling->even ? 4 * (double)(pooling->window.out_height + pooling->window.out_width + pooling->lanes) : 0;
}

void pooling_work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Pooling pooling;
    pooling_of(problem, tiling, &pooling);
    const Window *window = &pooling.window;
    const double channels = (double)(window->batch * window->channels), lines = channels * (double)window->out_height;
    const double buffer = 4 * (double)pooling_buffer(&pooling), input = 4 * channels * (double)(window->height * window->width);
    Meter meter = meter_begin(problem, work);
    meter_down(&meter, &pooling, lines);
    meter_along(&meter, problem, &pooling, lines);
    meter_gaps(&meter, &pooling, &tiling->out, channels);
    meter.runs = lines / (double)(pooling.lines * pooling.group);
    meter_other(&meter, 15);
    meter.runs = (double)(pooling_buffer(&pooling) + pooling_outside(&pooling)) / pooling.lanes;
    meter_store(&meter, 1);
    meter_other(&meter, 2);
    meter.runs = 0;
    meter_other(&meter, 55);             /* text of loops unrolled */
    meter_end(&meter);
    stage_touch(meter.stage, TOUCH_INPUT, input);
    stage_touch_again(meter.stage, 2 * buffer * lines / (double)(pooling.lines * pooling.group), 2 * buffer);
    stage_touch(meter.stage, TOUCH_WEIGHTS, counts_bytes(&pooling));
    (pooling.asks ? epilogue_touch_asked : epilogue_touch)(meter.stage, problem);
    work->multiply_adds = lines * (double)(window->out_width * window_taps(window));
    work->weight_bytes = counts_bytes(&pooling) + epilogue_bytes(problem);
}
