/* Convolution and pooling windows, and the planes they read: the input as it is, or copied so that every tap of a window reads contiguous vectors.
   Striding, dilation and padding are all gone once the planes are filled; what is left of them is a list of constant offsets. */
#include "codegen/cpu/cpu.h"

#define MOST_TAPS 4096               /* kernels of more are left to others: finding their planes would take longer than multiplying */
#define MOST_FLOATS (1 << 28)        /* of all planes */
#define MOST_COUNTABLE 1e15          /* of what is computed with whole numbers before those limits */
#define LINE_FLOATS 16               /* of a cache line */
#define SAME_SETS (8 * LINE_FLOATS)  /* planes of a multiple of this many floats share an eighth of a cache's sets, or fewer */
#define MOST_OWN_FLOATS (1 << 24)    /* of one channel's, for every thread */

static bool spatial_sizes(const Node *node, Window *window)
{
    const Shape *x = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;
    if ((x->rank != 3 && x->rank != 4) || y->rank != x->rank)
        return false;
    window->batch = x->dims[0];
    window->channels = x->dims[1];
    window->outputs = y->dims[1];
    window->height = x->rank == 4 ? x->dims[2] : 1;
    window->width = x->dims[x->rank - 1];
    window->out_height = y->rank == 4 ? y->dims[2] : 1;
    window->out_width = y->dims[y->rank - 1];
    return true;
}

/* The kernel's size: an attribute of poolings, the shape of a convolution's weights. */
static const int64_t *kernel_sizes(const Node *node)
{
    int count = 0;
    const int64_t *sizes = node_ints(node, ATTR_kernel_shape, &count);
    return node->op == OP_Conv ? node->inputs[1]->shape.dims + 2 : sizes;
}

/* So that no product of two of them overflows. */
static bool sizes_moderate(const Window *window)
{
    const int64_t sizes[] = {window->batch, window->channels, window->outputs, window->height, window->width, window->out_height, window->out_width,
                             window->kernel_height, window->kernel_width, window->stride_y, window->stride_x, window->dilation_y,
                             window->dilation_x};
    const int64_t pads[] = {window->pad_top, window->pad_left, window->pad_bottom, window->pad_right};
    for (int i = 0; i < COUNT(sizes); i++)
        if (sizes[i] < 1 || sizes[i] > 1 << 28)
            return false;
    for (int i = 0; i < COUNT(pads); i++)
        if (pads[i] < 0 || pads[i] > 1 << 28)
            return false;
    return window->kernel_height * window->dilation_y < 1 << 30 && window->kernel_width * window->dilation_x < 1 << 30;
}

bool window_of(const Node *node, Window *window)
{
    if (!spatial_sizes(node, window))
        return false;
    const int axes = node->inputs[0]->shape.rank - 2, x = axes - 1;
    const int64_t *kernel = kernel_sizes(node);
    int count = 0;
    const int64_t *strides = node_ints(node, ATTR_strides, &count), *pads = node_ints(node, ATTR_pads, &count);
    const int64_t *dilations = node_ints(node, ATTR_dilations, &count);
    const bool flat = axes == 1;
    window->kernel_height = flat ? 1 : kernel[0];
    window->kernel_width = kernel[x];
    window->stride_y = flat || !strides ? 1 : strides[0];
    window->stride_x = strides ? strides[x] : 1;
    window->dilation_y = flat || !dilations ? 1 : dilations[0];
    window->dilation_x = dilations ? dilations[x] : 1;
    window->pad_top = flat || !pads ? 0 : pads[0];
    window->pad_left = pads ? pads[x] : 0;
    window->pad_bottom = flat || !pads ? 0 : pads[axes];
    window->pad_right = pads ? pads[axes + x] : 0;
    window->group = node->op == OP_Conv ? node_int(node, ATTR_group, 1) : window->channels;
    return sizes_moderate(window);
}

int64_t window_taps(const Window *window)
{
    return window->kernel_height * window->kernel_width;
}

/* ---- planes ---- */

static int64_t largest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smallest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t round_up(int64_t a, int64_t multiple)
{
    return divide_up(a, multiple) * multiple;
}

/* Input rows (columns) from the first that a window touches, in padding, to the last. */
static int64_t reach(int64_t outputs, int64_t stride, int64_t taps, int64_t dilation)
{
    return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

static bool plain_input_serves(const Window *window)
{
    const int64_t rows = reach(window->out_height, window->stride_y, window->kernel_height, window->dilation_y);
    const int64_t columns = reach(window->out_width, window->stride_x, window->kernel_width, window->dilation_x);
    return window->pad_top == 0 && window->pad_left == 0 && rows <= window->height && columns <= window->width &&
           (window->stride_y == 1 || window->out_height == 1) && (window->stride_x == 1 || window->out_width == 1);
}

static bool output_covers_input(const Window *window)
{
    return window->stride_y == 1 && window->stride_x == 1 && window->out_height == window->height && window->out_width == window->width;
}

static bool reads_input(PlaneMode mode)
{
    return mode == PLANES_NONE || mode == PLANES_MASKED;
}

/* A row of padded planes in input columns. What a row needs on its right may be found in the padding on the left of the next one. */
static int64_t padded_row(const Window *window)
{
    const int64_t need = reach(window->out_width, window->stride_x, window->kernel_width, window->dilation_x);
    const int64_t real = largest(0, smallest(window->width, need - window->pad_left));
    int64_t row = largest(window->pad_left + real, need - window->pad_left);
    row = largest(row, window->out_width * window->stride_x);
    return round_up(row, window->stride_x);
}

/* The plane that holds rows from `row` and columns from `column` on, added if it is new. */
static int64_t plane_number(Planes *planes, int64_t row, int64_t column)
{
    for (int64_t i = 0; i < planes->count; i++)
        if (planes->row[i] == row && planes->column[i] == column)
            return i;
    planes->row[planes->count] = row;
    planes->column[planes->count] = column;
    return planes->count++;
}

/* Rows of an aligned plane that one vector holds: rows are vectors, or vectors are rows. */
static int64_t rows_a_vector(const Planes *planes, int lanes)
{
    return planes->mode == PLANES_ALIGNED && planes->pitch < lanes ? lanes / planes->pitch : 1;
}

static int64_t tap_offset(const Window *window, Planes *planes, int lanes, int64_t r, int64_t s)
{
    const int64_t y = r * window->dilation_y, x = s * window->dilation_x;
    if (planes->mode == PLANES_NONE || planes->mode == PLANES_MASKED)
        return (y - window->pad_top) * planes->pitch + x - window->pad_left;
    const bool columns = planes->mode != PLANES_PADDED;
    const int64_t down = y / window->stride_y, apart = down % rows_a_vector(planes, lanes);
    const int64_t row = y % window->stride_y + apart * window->stride_y - window->pad_top;
    const int64_t column = (columns ? x : x % window->stride_x) - window->pad_left;
    return plane_number(planes, row, column) * planes->plane + (down - apart) * planes->pitch + (columns ? 0 : x / window->stride_x);
}

/* The least that vectors divide, or that divides them. */
static int64_t aligned_pitch(int64_t width, int lanes)
{
    int64_t pitch = 1;
    while (pitch < width && pitch < lanes)
        pitch *= 2;
    return pitch < lanes ? pitch : round_up(width, lanes);
}

static void set_pitch(const Window *window, int lanes, Planes *planes)
{
    const int64_t below = (window->kernel_height - 1) * window->dilation_y / window->stride_y;
    switch (planes->mode) {
    case PLANES_NONE:
    case PLANES_MASKED:
        planes->pitch = window->width;
        planes->rows = window->height;
        return;
    case PLANES_PADDED:
        planes->pitch = padded_row(window) / window->stride_x;
        break;
    case PLANES_ALIGNED:
        planes->pitch = aligned_pitch(window->out_width, lanes);
        break;
    default:
        planes->pitch = window->out_width;
        break;
    }
    planes->rows = window->out_height + below;
}

/* Elements behind a plane's last row that stand for the padding on that row's right. */
static int64_t wrapped(const Window *window, const Planes *planes)
{
    const int64_t need = reach(window->out_width, window->stride_x, window->kernel_width, window->dilation_x);
    const int64_t beyond = need - planes->pitch * window->stride_x;
    /* planes that all begin in the same few sets of a cache would drive each other out */
    if (planes->mode == PLANES_ALIGNED)
        return planes->pitch * planes->rows % SAME_SETS == 0 ? LINE_FLOATS : 0;
    return planes->mode != PLANES_PADDED || beyond <= 0 ? 0 : divide_up(beyond, window->stride_x);
}

static void set_sizes(const Window *window, int lanes, Planes *planes)
{
    const int64_t count = reads_input(planes->mode) ? 1 : planes->count;
    planes->channel = count * planes->plane;
    planes->image = planes->channel * window->channels;
    planes->positions = (window->out_height - 1) * planes->pitch + window->out_width;
    planes->contiguous = planes->pitch == window->out_width || window->out_height == 1;
    planes->slack = reads_input(planes->mode) ? 0 : planes->pitch + lanes;
}

bool planes_of(const Window *window, PlaneMode mode, int lanes, Arena *arena, Planes *planes)
{
    *planes = (Planes){.mode = mode};
    if ((mode == PLANES_NONE && !plain_input_serves(window)) || (mode == PLANES_MASKED && !output_covers_input(window)))
        return false;
    const int64_t taps = window_taps(window);
    if (taps > MOST_TAPS)
        return false;
    set_pitch(window, lanes, planes);
    if (!reads_input(mode) && (double)planes->pitch * (double)planes->rows * (double)taps * (double)window->channels > MOST_COUNTABLE)
        return false;
    planes->rows = round_up(planes->rows, rows_a_vector(planes, lanes));
    planes->wrap = wrapped(window, planes);
    planes->source = window->width;
    planes->plane = planes->pitch * planes->rows + planes->wrap;
    planes->row = arena_array(arena, int64_t, taps);
    planes->column = arena_array(arena, int64_t, taps);
    planes->taps = arena_array(arena, int64_t, taps);
    for (int64_t t = 0; t < taps; t++)
        planes->taps[t] = tap_offset(window, planes, lanes, t / window->kernel_width, t % window->kernel_width);
    set_sizes(window, lanes, planes);
    /* a plane a column is as many times more to read: it must save a third of the positions at least */
    return mode != PLANES_COLUMNS || padded_row(window) / window->stride_x * 2 >= planes->pitch * 3;
}

/* The layout of an input that has these planes already: strides would split them. What a plane's last row needs behind it takes one row more, but
   the only row of outputs may as well be longer. */
static bool layout_of(const Window *window, const Planes *planes, int lanes, Layout *layout)
{
    if (planes->mode != PLANES_PADDED || window->stride_y != 1 || window->stride_x != 1)
        return false;
    const bool flat = window->out_height == 1;
    const int64_t pitch = planes->pitch + (flat ? planes->wrap : 0), rows = planes->rows + (!flat && planes->wrap > 0);
    const double image = (double)pitch * (double)rows * (double)window->channels;
    if (image >= INT32_MAX || image * (double)window->batch > MOST_FLOATS)
        return false;
    *layout = (Layout){(int32_t)window->pad_top, (int32_t)window->pad_left, (int32_t)rows, (int32_t)pitch, lanes};
    return window->pad_top + window->height <= rows && window->pad_left + window->width <= pitch;
}

static void take_layout(const Window *window, const Layout *layout, int lanes, Planes *planes)
{
    planes->given = true;
    planes->pitch = layout->pitch;
    planes->rows = layout->rows;
    planes->wrap = 0;
    planes->plane = planes->pitch * planes->rows;
    for (int64_t t = 0; t < window_taps(window); t++) {
        const int64_t y = t / window->kernel_width * window->dilation_y, x = t % window->kernel_width * window->dilation_x;
        planes->taps[t] = (layout->top - window->pad_top + y) * planes->pitch + layout->left - window->pad_left + x;
    }
    set_sizes(window, lanes, planes);
}

void planes_for(const Problem *problem, const Window *window, const Tiling *tiling, Planes *planes)
{
    const int lanes = problem_lanes(problem);
    planes_of(window, (PlaneMode)tiling->size[0], lanes, problem->graph->ctx->scratch, planes);
    if (!layout_plain(&tiling->in))
        take_layout(window, &tiling->in, lanes, planes);
    if (layout_plain(&tiling->out))
        return;
    planes->contiguous = false;
    planes->padding = (int64_t)tiling->out.rows * tiling->out.pitch - window->out_height * window->out_width;
}

bool planes_packs(const Planes *planes)
{
    return !reads_input(planes->mode) && !planes->given;
}

int planes_tilings(const Problem *problem, const Window *window, const Planes *planes, Tiling tiling, Tiling *list, int count, int most)
{
    Layout layout;
    if (count < most)
        list[count++] = tiling;
    if (count < most && layout_of(window, planes, problem_lanes(problem), &layout)) {
        list[count] = tiling;
        list[count++].in = layout;
    }
    return count;
}

int planes_modes(const Problem *problem, const Window *window, bool one_channel, PlaneMode modes[static PLANE_MODES])
{
    int count = 0;
    for (int mode = 0; mode < PLANE_MODES; mode++) {
        Planes planes;
        if (!planes_of(window, (PlaneMode)mode, problem_lanes(problem), problem->graph->ctx->scratch, &planes))
            continue;
        const double floats = one_channel ? (double)planes.channel : (double)window->batch * (double)planes.image;
        if (planes.image < INT32_MAX && (mode == PLANES_NONE || floats <= (one_channel ? MOST_OWN_FLOATS : MOST_FLOATS)))
            modes[count++] = (PlaneMode)mode;
    }
    return count;
}

/* ---- a stage that fills the planes of all channels ---- */

void planes_stage(const Window *window, const Planes *planes, LayerPlan *layer)
{
    layer->stages[layer->stage_count++] = (StagePlan){.items = window->batch * window->channels, .says = "pack"};
    layer->scratch_bytes = 4 * (size_t)(window->batch * planes->image + planes->slack);
}

void planes_work(const Problem *problem, const Window *window, const Planes *planes, Work *work)
{
    Meter meter = meter_begin(problem, work);
    meter_loop(&meter, (double)(window->batch * window->channels));
    meter_other(&meter, 6);
    meter_planes(&meter, window, planes, problem_lanes(problem));
    meter_hot(&meter);
    meter_end(&meter);
    stage_touch(meter.stage, TOUCH_INPUT, 4.0 * (double)(window->batch * window->channels * window->height * window->width));
    stage_touch(meter.stage, TOUCH_OUTPUT, 4.0 * (double)(window->batch * planes->image));
}

void planes_emit_stage(const Emission *emission, const Window *window, const Planes *planes)
{
    Out *out = emission->out;
    planes_define_pack(emission, window, planes, "0.0f");
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "float *const planes = %s;", emit_scratch(emission, "float", 0));
    out_line(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "    %s_pack(planes + item * %lld, x + item * %lld, 0);", emission->name, (long long)planes->channel,
             (long long)(window->height * window->width));
    out_comment(out, "Read past the last plane, for positions that nobody takes.");
    out_line(out, "if (end == %lld)", (long long)(window->batch * window->channels));
    out_line(out, "    for (int64_t i = 0; i < %lld; i++)", (long long)planes->slack);
    out_line(out, "        planes[%lld + i] = 0.0f;", (long long)(window->batch * planes->image));
    out_close(out, "");
    out_blank(out);
}

const char *planes_read(const Emission *emission, const Planes *planes)
{
    const Value *input = emission->problem->node->inputs[0];
    return planes_packs(planes) ? emit_scratch(emission, "const float", 0) : emit_read(emission, input);
}

/* ---- planes of one channel at a time, in the thread's own memory ---- */

int64_t planes_private_floats(const Planes *planes)
{
    return planes_packs(planes) ? round_up(planes->channel + planes->slack, 16) : 0;   /* what follows starts a cache line */
}

void planes_private(const Emission *emission, const Planes *planes, const char *fill)
{
    Out *out = emission->out;
    if (planes_packs(planes)) {
        out_line(out, "float *const planes = %s;", emit_thread_scratch(emission, "float", 0));
        out_line(out, "for (int64_t i = 0; i < %lld; i++)", (long long)planes->slack);
        out_line(out, "    planes[%lld + i] = %s;", (long long)planes->channel, fill);
    }
    if (!planes->contiguous)
        out_line(out, "float *const buffer = %s;", emit_thread_scratch(emission, "float", 4 * (size_t)planes_private_floats(planes)));
}

void planes_channel(const Emission *emission, const Window *window, const Planes *planes)
{
    const int64_t elements = planes->given ? planes->channel : window->height * window->width;
    const char *channel = arena_format(emission->arena, "x + item * %lld", (long long)elements);
    if (planes_packs(planes))
        out_line(emission->out, "%s_pack(planes, %s, 0);", emission->name, channel);
    else
        out_line(emission->out, "const float *const planes = %s;", channel);
}

bool planes_fit(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    PlaneMode modes[PLANE_MODES];
    return node->op == OP_Conv && problem_vector(problem) && weights_constant(node) && window_of(node, &window) &&
           planes_modes(problem, &window, false, modes) > 0;
}
