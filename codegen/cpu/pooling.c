/* Largest and average values of windows over one or two axes, first down the columns, then along the rows: an output row's input rows are combined
   into one line in the thread's own memory, whose padding is there already, and windows along the line are combined in vectors, every second element
   taken apart for strides of 2, others gathered. The input is read where it lies. Averages divide by how many elements a window counts. A NaN makes
   every window that sees it NaN. */
#include "codegen/cpu/lines.h"
#include "codegen/cpu/pooling.h"

#define MOST_UNROLLED 64             /* taps down, and along */
#define BUFFER_FLOATS 2048           /* of lines: still in L1, but written long before they are read at other offsets, which cores do not forward */

/* ---- how many elements a window counts: rows times columns ---- */

static bool counts_padding(const Node *node)
{
    return node_int(node, ATTR_count_include_pad, 0) != 0;
}

/* Of `taps`, those inside the input, or the padded input; 1 if there are none, as their sum is 0 whatever it is divided by. */
static int64_t counted(bool padding, int64_t start, int64_t taps, int64_t dilation, int64_t size, int64_t pad_after)
{
    int64_t count = 0;
    for (int64_t t = 0; t < taps; t++) {
        const int64_t at = start + t * dilation;
        count += (padding || at >= 0) && at < size + (padding ? pad_after : 0);
    }
    return count > 0 ? count : 1;
}

static int64_t counted_rows(const Window *window, bool padding, int64_t p)
{
    return counted(padding, p * window->stride_y - window->pad_top, window->kernel_height, window->dilation_y, window->height, window->pad_bottom);
}

static int64_t counted_columns(const Window *window, bool padding, int64_t q)
{
    return counted(padding, q * window->stride_x - window->pad_left, window->kernel_width, window->dilation_x, window->width, window->pad_right);
}

static bool counts_even(const Window *window, bool padding)
{
    for (int64_t p = 1; p < window->out_height; p++)
        if (counted_rows(window, padding, p) != counted_rows(window, padding, 0))
            return false;
    for (int64_t q = 1; q < window->out_width; q++)
        if (counted_columns(window, padding, q) != counted_columns(window, padding, 0))
            return false;
    return true;
}

/* ---- geometry ---- */

static int64_t largest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void pooling_of(const Problem *problem, const Tiling *tiling, Pooling *pooling)
{
    const Node *node = problem->node;
    window_of(node, &pooling->window);
    const Window *window = &pooling->window;
    const Layout *in = &tiling->in;
    pooling->lanes = problem_lanes(problem);
    pooling->average = node->op == OP_AveragePool;
    pooling->even = pooling->average && counts_even(window, counts_padding(node));
    pooling->stride = window->out_width == 1 ? 1 : window->stride_x;
    const int64_t across = (window->kernel_width - 1) * window->dilation_x, down = (window->kernel_height - 1) * window->dilation_y;
    const int64_t seen = (window->out_width - 1) * window->stride_x + across + 1 - window->pad_left;
    pooling->columns = seen < window->width ? seen : window->width;
    /* one vector at least, which may reach past the last output; the store of a line's only vector does so, too */
    const int64_t read = largest(window->out_width, pooling->lanes) * pooling->stride + across + 1;
    pooling->pitch = divide_up(largest(read, window->pad_left + pooling->lanes), 16) * 16;
    const int64_t room = BUFFER_FLOATS / pooling->pitch;
    pooling->lines = room < 1 ? 1 : room < window->out_height ? room : window->out_height;
    pooling->group = room < 2 * window->out_height ? 1 : room / window->out_height;
    pooling->row = layout_plain(in) ? window->width : in->pitch;
    pooling->plane = layout_plain(in) ? window->height * window->width : (int64_t)in->rows * in->pitch;
    pooling->origin = layout_plain(in) ? 0 : (int64_t)in->top * in->pitch + in->left;
    pooling->above_or_below = window->pad_top > 0 || (window->out_height - 1) * window->stride_y - window->pad_top + down >= window->height;
    pooling->asks = 4.0 * (double)(window->batch * window->channels * window->height * window->width) > problem->target->machine.l2_bytes;
}

int pooling_asked_rows(const Pooling *pooling)
{
    const Window *window = &pooling->window;
    const int64_t fresh = window->dilation_y == 1 && window->stride_y < window->kernel_height ? window->stride_y : window->kernel_height;
    return pooling->asks ? (int)fresh : 0;
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    if ((node->op != OP_MaxPool && node->op != OP_AveragePool) || !problem_vector(problem) || !window_of(node, &window))
        return false;
    if ((node->output_count > 1 && node->outputs[1]) || window.kernel_height > MOST_UNROLLED || window.kernel_width > MOST_UNROLLED)
        return false;
    /* a line in L2; the offsets that are gathered have 16 bits */
    const int64_t width = window.out_width * window.stride_x + window.kernel_width * window.dilation_x + window.pad_left;
    return width < 1 << 16 && window.stride_x * problem_lanes(problem) <= UINT16_MAX;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Planes planes;
    window_of(problem->node, &window);
    /* the layout that a convolution with the same window reads */
    if (planes_of(&window, PLANES_PADDED, problem_lanes(problem), problem->graph->ctx->scratch, &planes))
        return planes_tilings(problem, &window, &planes, (Tiling){.size = {0}}, list, 0, most);
    return kernel_one_tiling(problem, list, most);
}

int64_t pooling_buffer(const Pooling *pooling)
{
    return pooling->pitch * pooling->lines * pooling->group;
}

int64_t pooling_outside(const Pooling *pooling)
{
    return pooling->above_or_below && pooling->columns > 0 ? divide_up(pooling->columns, 16) * 16 : 0;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Pooling pooling;
    pooling_of(problem, tiling, &pooling);
    layer->stages[layer->stage_count++] = (StagePlan){.items = pooling.window.batch * pooling.window.channels, .says = "pool"};
    layer->thread_bytes = 4 * (size_t)(pooling_buffer(&pooling) + pooling_outside(&pooling));
}

enum { ROW_COUNTS, COLUMN_COUNTS };

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Pooling pooling;
    pooling_of(problem, tiling, &pooling);
    const Window *window = &pooling.window;
    const bool padding = counts_padding(problem->node);
    if (pooling.average && !pooling.even) {
        const int64_t floats = window->out_width + pooling.lanes;
        float *rows = arena_array(packed->arena, float, window->out_height), *columns = arena_array(packed->arena, float, floats);
        for (int64_t p = 0; p < window->out_height; p++)
            rows[p] = (float)counted_rows(window, padding, p);
        for (int64_t q = 0; q < floats; q++)
            columns[q] = q < window->out_width ? (float)counted_columns(window, padding, q) : 1;
        packed_add(packed, "float", rows, (size_t)window->out_height * sizeof *rows);
        packed_add(packed, "float", columns, (size_t)floats * sizeof *columns);
    }
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

static const char *combine_text(const Pooling *pooling)
{
    return pooling->average ? "v_add" : "v_max";
}

/* One vector of the line: columns i .. of all rows. */
static void emit_down_vector(const Emission *emission, const Pooling *pooling, bool part)
{
    Out *out = emission->out;
    for (int64_t r = 0; r < pooling->window.kernel_height; r++) {
        const char *load = part ? arena_format(emission->arena, "v_load_part(row%lld, %lld)", (long long)r, (long long)pooling->columns)
                                : arena_format(emission->arena, "v_load(row%lld + i)", (long long)r);
        if (r == 0)
            out_line(out, "v_float a = %s;", load);
        else
            out_line(out, "a = %s(a, %s);", combine_text(pooling), load);
    }
    for (int64_t r = pooling->window.kernel_height - pooling_asked_rows(pooling); r < pooling->window.kernel_height; r++)
        out_line(out, "v_prefetch(row%lld + %s%d);", (long long)r, part ? "" : "i + ", POOLING_AHEAD);
    if (part && !pooling->average)
        out_line(out, "a = v_select(inside, a, padding);");
    out_line(out, "v_store(to%s, a);", part ? "" : " + i");
}

/* Opens the loops over the lines that the buffer holds, of a group of channels or of a part of one. */
static void open_lines(const Emission *emission, const Pooling *pooling)
{
    Out *out = emission->out;
    const long long height = pooling->window.out_height;
    if (pooling->group > 1)
        out_open(out, "for (int64_t item = group; item < last; item++)");
    if (pooling->lines < height)
        out_open(out, "for (int64_t p = first; p < past; p++)");
    else
        out_open(out, "for (int64_t p = 0; p < %lld; p++)", height);
    const char *number = pooling->group > 1 ? arena_format(emission->arena, "((item - group) * %lld + p)", height)
                         : pooling->lines < height ? "(p - first)" : "p";
    out_line(out, "float *const line = buffer + %s * %lld;", number, (long long)pooling->pitch);
}

static void close_lines(const Emission *emission, const Pooling *pooling)
{
    out_close(emission->out, "");
    if (pooling->group > 1)
        out_close(emission->out, "");
}

static void emit_down(const Emission *emission, const Pooling *pooling)
{
    Out *out = emission->out;
    const Window *window = &pooling->window;
    if (pooling->columns <= 0)
        return;
    open_lines(emission, pooling);
    out_line(out, "const float *const plane = x + (item * %lld + %lld);", (long long)pooling->plane, (long long)pooling->origin);
    out_line(out, "const int64_t top = p * %lld - %lld;", (long long)window->stride_y, (long long)window->pad_top);
    for (int64_t r = 0; r < window->kernel_height; r++) {
        const char *at = arena_format(emission->arena, "top + %lld", (long long)(r * window->dilation_y));
        const char *row = arena_format(emission->arena, "plane + (%s) * %lld", at, (long long)pooling->row);
        if (pooling->above_or_below)
            row = arena_format(emission->arena, "%s >= 0 && %s < %lld ? %s : outside", at, at, (long long)window->height, row);
        out_line(out, "const float *const row%lld = %s;", (long long)r, row);
    }
    out_line(out, "float *const to = line + %lld;", (long long)window->pad_left);
    if (pooling->columns < pooling->lanes) {
        emit_down_vector(emission, pooling, true);
    } else {
        line_vectors_open(emission, "i", pooling->columns, pooling->lanes);
        emit_down_vector(emission, pooling, false);
        out_close(out, "");
    }
    close_lines(emission, pooling);
}

/* Tap s of outputs q .. as an expression. */
static const char *tap_text(const Emission *emission, const Pooling *pooling, int64_t s)
{
    const char *from = arena_format(emission->arena, "line + q * %lld", (long long)pooling->stride);
    return line_load(emission, pooling->stride, from, s * pooling->window.dilation_x);
}

static void emit_along_vector(const Emission *emission, const Pooling *pooling)
{
    Out *out = emission->out;
    const Window *window = &pooling->window;
    out_line(out, "v_float a = %s;", tap_text(emission, pooling, 0));
    for (int64_t s = 1; s < window->kernel_width; s++)
        out_line(out, "a = %s(a, %s);", combine_text(pooling), tap_text(emission, pooling, s));
    if (pooling->even) {
        const bool padding = counts_padding(emission->problem->node);
        const double count = (double)(counted_rows(window, padding, 0) * counted_columns(window, padding, 0));
        out_line(out, "a = v_div(a, v_set1(%s));", out_float(emission->arena, count, TYPE_F32));
    } else if (pooling->average) {
        out_line(out, "a = v_div(a, v_mul(v_set1(rows[p]), v_load(columns + q)));");
    }
    const char *start = arena_format(emission->arena, "out + p * %lld + q", (long long)window->out_width);
    const char *end = arena_format(emission->arena, "end * %lld", (long long)(window->out_height * window->out_width));
    if (pooling->asks)
        out_line(out, "v_prefetch(y + (%s + %d));", start, POOLING_RESULT_AHEAD);
    line_put(emission, start, "a", window->out_width, end);
}

static void emit_line(const Emission *emission, const Pooling *pooling)
{
    line_vectors_open(emission, "q", pooling->window.out_width, pooling->lanes);
    emit_along_vector(emission, pooling);
    out_close(emission->out, "");
}

/* Row p of a padded result: y is moved by so much that plain indices mean its elements. The gap behind it is filled, too. */
static void emit_padded_line(const Emission *emission, const Pooling *pooling)
{
    Out *out = emission->out;
    const Layout *layout = &emission->layer->tiling.out;
    const int64_t height = pooling->window.out_height, width = pooling->window.out_width, pitch = layout->pitch, plane = layout->rows * pitch;
    const int64_t lead = layout->top * pitch + layout->left;
    out_line(out, "float *const there = y + (item * %lld + %lld + p * %lld);", (long long)plane, (long long)lead, (long long)pitch);
    emit_zeros(emission, "p == 0", "there", -lead, 0);
    out_line(out, "{");
    out->indent++;
    out_line(out, "float *const y = there - (out + p * %lld);", (long long)width);
    emit_line(emission, pooling);
    out_close(out, "");
    emit_zeros(emission, arena_format(emission->arena, "p < %lld", (long long)(height - 1)), "there", width, height > 1 ? pitch : width);
    emit_zeros(emission, arena_format(emission->arena, "p == %lld", (long long)(height - 1)), "there", width,
               plane - lead - (height - 1) * pitch);
}

static void emit_along(const Emission *emission, const Pooling *pooling)
{
    Out *out = emission->out;
    open_lines(emission, pooling);
    out_line(out, "const int64_t out = item * %lld;", (long long)(pooling->window.out_height * pooling->window.out_width));
    (layout_plain(&emission->layer->tiling.out) ? emit_line : emit_padded_line)(emission, pooling);
    close_lines(emission, pooling);
}

/* Small channels share the buffer, large ones fill it several times. */
static void emit_items(const Emission *emission, const Pooling *pooling)
{
    Out *out = emission->out;
    const long long height = pooling->window.out_height, lines = pooling->lines, group = pooling->group;
    if (group > 1) {
        out_open(out, "for (int64_t group = begin; group < end; group += %lld)", group);
        out_line(out, "const int64_t last = group + %lld < end ? group + %lld : end;", group, group);
    } else {
        out_open(out, "for (int64_t item = begin; item < end; item++)");
    }
    if (lines < height) {
        out_open(out, "for (int64_t first = 0; first < %lld; first += %lld)", height, lines);
        out_line(out, "const int64_t past = first + %lld < %lld ? first + %lld : %lld;", lines, height, lines, height);
    }
    emit_down(emission, pooling);
    emit_along(emission, pooling);
    if (lines < height)
        out_close(out, "");
    out_close(out, "");
}

static void emit_buffer(const Emission *emission, const Pooling *pooling, const char *fill)
{
    Out *out = emission->out;
    const long long floats = pooling_buffer(pooling), outside = pooling_outside(pooling);
    out_line(out, "float *const buffer = %s;", emit_thread_scratch(emission, "float", 0));
    if (outside > 0)
        out_line(out, "const float *const outside = buffer + %lld;", floats);
    out_line(out, "for (int64_t i = 0; i < %lld; i += %d)", floats + outside, pooling->lanes);
    out_line(out, "    v_store(buffer + i, v_set1(%s));", fill);
}

/* What takes a vector's first columns, and what lies behind them. */
static void emit_inside(const Emission *emission, const Pooling *pooling, const char *fill)
{
    Text ones = text_new(emission->arena);
    for (int64_t i = 0; i < pooling->lanes; i++)
        text_format(&ones, "%s%s", i == 0 ? "" : ", ", i < pooling->columns ? "1.0f" : "0.0f");
    out_line(emission->out, "static const float ones[%d] = {%s};", pooling->lanes, ones.data);
    out_line(emission->out, "const v_mask inside = v_less(v_zero(), v_load(ones));");
    out_line(emission->out, "const v_float padding = v_set1(%s);", fill);
}

static void emit(const Emission *emission)
{
    Pooling pooling;
    pooling_of(emission->problem, &emission->layer->tiling, &pooling);
    Out *out = emission->out;
    const char *fill = pooling.average ? "-0.0f" : "-__builtin_inff()";    /* what changes no sum, and no maximum */
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    if (pooling.columns > 0)
        out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    if (pooling.average && !pooling.even) {
        out_line(out, "const float *const rows = %s;", emit_packed(emission, ROW_COUNTS));
        out_line(out, "const float *const columns = %s;", emit_packed(emission, COLUMN_COUNTS));
    }
    emit_buffer(emission, &pooling, fill);
    if (pooling.columns > 0 && pooling.columns < pooling.lanes && !pooling.average)
        emit_inside(emission, &pooling, fill);
    line_steps(emission, pooling.stride);
    epilogue_pointers(emission);
    emit_items(emission, &pooling);
    out_close(out, "");
}

const Kernel kernel_pooling = {
    .name = "pooling",
    .says = "windows down the columns, then along the rows",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = pooling_work, .stages = stages, .pack = pack, .emit = emit,
};
