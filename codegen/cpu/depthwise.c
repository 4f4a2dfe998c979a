/* Convolutions in which every output channel has one input channel. The lines of a channel are copied into the thread's own memory, where their
   padding is already, or read where they lie if their layout has it; some output rows are computed at once, so that a vector of the input serves all
   taps and rows that want it. Small channels are copied together: long before they are read at other offsets, which cores do not forward. */
#include "codegen/cpu/depthwise.h"

#include <math.h>

#define MOST_UNROLLED_TAPS 64
#define MOST_ROWS 8
#define BUFFER_FLOATS 4096           /* of lines: half of a small L1 */
#define MOST_LINE_FLOATS (1 << 16)

static int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }

/* Input lines that so many groups need. */
int64_t depthwise_lines(const Depthwise *depthwise, int64_t groups)
{
    const Window *window = &depthwise->window;
    const int64_t outputs = smallest(groups * depthwise->rows, window->out_height);
    return (outputs - 1) * window->stride_y + (window->kernel_height - 1) * window->dilation_y + 1;
}

static void own_lines(Depthwise *depthwise)
{
    const Window *window = &depthwise->window;
    const int64_t seen = (window->out_width - 1) * window->stride_x + depthwise->across + 1 - window->pad_left;
    /* one vector at least is read, and written */
    const int64_t read = largest(window->out_width, depthwise->lanes) * depthwise->stride + depthwise->across + 1;
    depthwise->columns = largest(0, smallest(seen, window->width));
    depthwise->pitch = divide_up(largest(read, window->pad_left + depthwise->lanes), 16) * 16;
    while (depthwise->strip > 1 && depthwise_lines(depthwise, depthwise->strip) * depthwise->pitch > BUFFER_FLOATS)
        depthwise->strip--;
    depthwise->strips = divide_up(depthwise->groups, depthwise->strip);
    depthwise->lines = depthwise_lines(depthwise, depthwise->strip);
    depthwise->channel = depthwise->lines * depthwise->pitch;
    depthwise->together = depthwise->strips == 1 ? largest(1, BUFFER_FLOATS / depthwise->channel) : 1;
}

void depthwise_of(const Problem *problem, const Tiling *tiling, Depthwise *depthwise)
{
    Window *window = &depthwise->window;
    *depthwise = (Depthwise){.lanes = problem_lanes(problem), .rows = tiling->size[1], .strips = 1, .together = 1};
    depthwise->given = !layout_plain(&tiling->in);
    window_of(problem->node, window);
    depthwise->multiplier = window->outputs / window->channels;
    depthwise->stride = window->out_width == 1 ? 1 : window->stride_x;
    depthwise->across = (window->kernel_width - 1) * window->dilation_x;
    depthwise->groups = depthwise->strip = divide_up(window->out_height, depthwise->rows);
    if (!depthwise->given) {
        own_lines(depthwise);
        return;
    }
    Planes planes;
    planes_for(problem, window, tiling, &planes);
    depthwise->pitch = planes.pitch;
    depthwise->channel = planes.channel;
    depthwise->first = planes.taps[0];
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    if (node->op != OP_Conv || !problem_vector(problem) || !weights_constant(node) || !window_of(node, &window))
        return false;
    if (window.group != window.channels || window_taps(&window) > MOST_UNROLLED_TAPS)
        return false;
    /* lines stay in caches; the offsets that are gathered have 16 bits */
    const int64_t width = window.out_width * window.stride_x + window.kernel_width * window.dilation_x + window.pad_left;
    const int64_t height = MOST_ROWS * window.stride_y + window.kernel_height * window.dilation_y;
    return width < MOST_LINE_FLOATS && height < MOST_LINE_FLOATS && width * height < 64 * MOST_LINE_FLOATS &&
           window.stride_x * problem_lanes(problem) <= UINT16_MAX;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    static const int8_t sizes[] = {MOST_ROWS, 7, 5, 4, 3, 2, 1};
    const Isa *isa = &problem->target->isa;
    Window window;
    Planes planes;
    window_of(problem->node, &window);
    const bool laid = planes_of(&window, PLANES_PADDED, problem_lanes(problem), problem->graph->ctx->scratch, &planes);
    int count = 0;
    for (int i = 0; i < COUNT(sizes); i++) {
        const Tiling tiling = {.size = {PLANES_PADDED, sizes[i]}};
        /* sums, a vector of the input, a weight; products, where they are not fused with sums */
        const int registers = sizes[i] * (isa->fuses ? 1 : 3) + 4;
        if (sizes[i] > 1 && (sizes[i] > window.out_height || registers > isa->registers))
            continue;
        if (laid)
            count = planes_tilings(problem, &window, &planes, tiling, list, count, most);
        else if (count < most)
            list[count++] = tiling;
    }
    return count;
}

/* In registers beside the sums, and products where they are not fused with sums. */
bool depthwise_weights_kept(const Depthwise *depthwise, const Isa *isa)
{
    return depthwise->rows * (isa->fuses ? 1 : 3) + window_taps(&depthwise->window) + 2 <= isa->registers;
}

/* ---- what it costs ---- */

/* All rows of a group want those of its input's rows that are some row's tap. */
bool depthwise_line_wanted(const Depthwise *depthwise, int64_t line)
{
    const Window *window = &depthwise->window;
    for (int64_t i = 0; i < depthwise->rows; i++) {
        const int64_t down = line - i * window->stride_y;
        if (down >= 0 && down % window->dilation_y == 0 && down / window->dilation_y < window->kernel_height)
            return true;
    }
    return false;
}

/* The vectors of one line, each kept in a register for all rows that want it. */
static void meter_inputs(Meter *meter, const Depthwise *depthwise)
{
    if (depthwise->stride == 1)
        meter_load(meter, (double)depthwise->window.kernel_width, split_share(depthwise->lanes));
    else
        meter_line_loads(meter, depthwise->stride, depthwise->window.kernel_width, depthwise->window.dilation_x);
}

static void meter_group(Meter *meter, const Problem *problem, const Depthwise *depthwise)
{
    const Window *window = &depthwise->window;
    const double taps = (double)window_taps(window), rows = depthwise->rows;
    const bool kept = depthwise_weights_kept(depthwise, meter->isa);
    for (int64_t line = 0; line < depthwise_lines(depthwise, 1); line++)
        if (depthwise_line_wanted(depthwise, line))
            meter_inputs(meter, depthwise);
    meter_move(meter, rows);
    if (!kept && (meter->isa->vector_bytes == 64 || !meter->isa->fuses))
        meter_fma_load(meter, taps * rows, 0);
    else
        meter_fma(meter, taps * rows);
    if (!kept && meter->isa->vector_bytes < 64 && meter->isa->fuses) {
        meter_load(meter, taps, 0);
        meter_operand(meter, taps, 0);
    }
    for (int i = 0; i < depthwise->rows; i++)
        meter_line_put(meter, problem, window->out_width);
    meter_other(meter, line_loop(line_vectors(window->out_width, depthwise->lanes)));
    /* where the last vector overlaps, its place is chosen */
    meter_other(meter, window->out_width > depthwise->lanes && window->out_width % depthwise->lanes != 0 ? 6 + rows : 0);
    meter_chain(meter, taps, taps * (rows + 1));
}

/* Lines of a channel as often as they are copied: neighbouring strips share some. */
static double copied_lines(const Depthwise *depthwise)
{
    return (double)(depthwise->strips == 1 ? depthwise->lines : depthwise->strips * depthwise->lines);
}

static void meter_copy(Meter *meter, const Depthwise *depthwise, double channels)
{
    const double copied = copied_lines(depthwise), there = depthwise->strips > 1 ? copied : fmin(copied, (double)depthwise->window.height);
    const double lines = channels * there;
    if (depthwise->given)
        return;
    meter->runs = lines;
    meter_other(meter, depthwise->strips > 1 ? 8 : 4);
    meter->runs = lines * (double)line_vectors(depthwise->columns, depthwise->lanes);
    if (depthwise->columns < depthwise->lanes)
        meter_part(meter, (int)depthwise->columns);
    else
        meter_load(meter, 1, 0);
    meter_store(meter, 1);
    meter_other(meter, line_loop(line_vectors(depthwise->columns, depthwise->lanes)));
    meter->runs = (double)(depthwise->channel * depthwise->together / depthwise->lanes);
    meter_store(meter, 1);
    meter_other(meter, 2);
}

static void meter_gaps(Meter *meter, const Depthwise *depthwise, const Layout *layout, double outputs)
{
    const int64_t height = depthwise->window.out_height, plane = height * depthwise->window.out_width;
    if (layout_plain(layout))
        return;
    meter->runs = outputs * (double)height;
    meter_other(meter, 4);
    meter->runs = outputs * (double)((int64_t)layout->rows * layout->pitch - plane);
    meter_store(meter, 1);
    meter_other(meter, 2);
}

static void touch(const Problem *problem, const Depthwise *depthwise, StageWork *stage)
{
    const Window *window = &depthwise->window;
    const double channels = (double)(window->batch * window->channels), buffer = 4 * (double)(depthwise->channel * depthwise->together);
    const double plane = 4 * (double)(depthwise->given ? depthwise->channel : window->height * window->width);
    stage_touch(stage, TOUCH_INPUT, channels * plane);
    if (!depthwise->given)
        stage_touch_again(stage, channels * 4 * copied_lines(depthwise) * (double)depthwise->pitch * (1 + (double)depthwise->multiplier), 2 * buffer);
    else
        stage_touch_again(stage, channels * (double)(depthwise->multiplier - 1) * plane, 2 * plane);
    stage_touch(stage, TOUCH_WEIGHTS, 4 * (double)(window->outputs * (window_taps(window) + 1)));
    epilogue_touch(stage, problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Depthwise depthwise;
    depthwise_of(problem, tiling, &depthwise);
    const Window *window = &depthwise.window;
    const double channels = (double)(window->batch * window->channels), outputs = (double)(window->batch * window->outputs);
    const double taps = (double)window_taps(window), groups = outputs * (double)depthwise.groups;
    Meter meter = meter_begin(problem, work);
    meter_loop(&meter, groups * (double)line_vectors(window->out_width, depthwise.lanes));
    meter_group(&meter, problem, &depthwise);
    meter_hot(&meter);
    meter.runs = groups;
    meter_other(&meter, 4);
    meter.runs = outputs * (double)depthwise.strips;
    meter_other(&meter, 10);
    meter_load(&meter, taps + 1, 0);
    meter_copy(&meter, &depthwise, channels);
    meter_gaps(&meter, &depthwise, &tiling->out, outputs);
    meter.runs = 0;
    meter_other(&meter, 60);             /* text of loops unrolled */
    meter_end(&meter);
    touch(problem, &depthwise, meter.stage);
    work->multiply_adds = outputs * taps * (double)(window->out_height * window->out_width);
    work->weight_bytes = 4.0 * (double)window->outputs * (taps + 1) + epilogue_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Depthwise depthwise;
    depthwise_of(problem, tiling, &depthwise);
    layer->stages[layer->stage_count++] = (StagePlan){.items = depthwise.window.batch * depthwise.window.channels, .says = "multiply"};
    if (!depthwise.given)
        layer->thread_bytes = 4 * (size_t)(depthwise.channel * depthwise.together);
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    (void)tiling;
    const Node *node = problem->node;
    const int64_t outputs = node->outputs[0]->shape.dims[1];
    packed_value(packed, node->inputs[1]);
    packed_add(packed, "float", weights_bias(node, outputs, 1, packed->arena), (size_t)outputs * sizeof(float));
    epilogue_pack(problem, packed);
}

const Kernel kernel_depthwise = {
    .name = "depthwise",
    .says = "one input channel an output channel, rows of outputs together",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = work, .stages = stages, .pack = pack, .emit = depthwise_emit,
};
