/* Convolutions in which every output channel has one input channel. The lines of a channel are copied into the thread's own memory, where their
   padding is already, or read where they lie if their layout has it; some output rows are computed at once, so that a vector of the input serves all
   taps and rows that want it. Small channels are copied together: long before they are read at other offsets, which cores do not forward. */
#include "codegen/cpu/lines.h"

#include <math.h>

#define MOST_UNROLLED_TAPS 64
#define MOST_ROWS 8
#define BUFFER_FLOATS 4096           /* of lines: half of a small L1 */
#define MOST_LINE_FLOATS (1 << 16)

typedef struct Depthwise {
    Window window;
    int lanes, rows;                 /* rows of outputs at once */
    int64_t multiplier;              /* output channels of an input channel */
    int64_t stride, across;          /* along a line: 1 where it holds one output; from the first tap to the last */
    bool given;                      /* the input's layout has the padding */
    int64_t pitch, channel, first;   /* of the lines: elements from one to the next, from channel to channel, of the first output's first tap */
    int64_t columns;                 /* of the input, that are copied */
    int64_t groups, strip, strips;   /* of `rows` rows: in all, in a strip, whose lines the buffer holds */
    int64_t lines, together;         /* lines of a strip; channels whose lines are copied together */
} Depthwise;

static int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t largest(int64_t a, int64_t b) { return a > b ? a : b; }

/* Input lines that so many groups need. */
static int64_t lines_of(const Depthwise *depthwise, int64_t groups)
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
    while (depthwise->strip > 1 && lines_of(depthwise, depthwise->strip) * depthwise->pitch > BUFFER_FLOATS)
        depthwise->strip--;
    depthwise->strips = divide_up(depthwise->groups, depthwise->strip);
    depthwise->lines = lines_of(depthwise, depthwise->strip);
    depthwise->channel = depthwise->lines * depthwise->pitch;
    depthwise->together = depthwise->strips == 1 ? largest(1, BUFFER_FLOATS / depthwise->channel) : 1;
}

static void depthwise_of(const Problem *problem, const Tiling *tiling, Depthwise *depthwise)
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
static bool weights_kept(const Depthwise *depthwise, const Isa *isa)
{
    return depthwise->rows * (isa->fuses ? 1 : 3) + window_taps(&depthwise->window) + 2 <= isa->registers;
}

/* ---- what it costs ---- */

/* All rows of a group want those of its input's rows that are some row's tap. */
static bool line_wanted(const Depthwise *depthwise, int64_t line)
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
    const bool kept = weights_kept(depthwise, meter->isa);
    for (int64_t line = 0; line < lines_of(depthwise, 1); line++)
        if (line_wanted(depthwise, line))
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
    const double copied = copied_lines(depthwise), lines = channels * (depthwise->strips > 1 ? copied : fmin(copied, (double)depthwise->window.height));
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

enum { WEIGHTS, BIASES };

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    (void)tiling;
    const Node *node = problem->node;
    const int64_t outputs = node->outputs[0]->shape.dims[1];
    packed_value(packed, node->inputs[1]);
    packed_add(packed, "float", weights_bias(node, outputs, 1, packed->arena), (size_t)outputs * sizeof(float));
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

/* The first row of group `group`: the last group overlaps the one before it. */
static const char *row_text(const Emission *emission, const Depthwise *depthwise, const char *group)
{
    const int64_t height = depthwise->window.out_height, rows = depthwise->rows;
    if (height % rows == 0)
        return arena_format(emission->arena, "%s * %lld", group, (long long)rows);
    return arena_format(emission->arena, "(%s < %lld ? %s * %lld : %lld)", group, (long long)(height / rows), group, (long long)rows,
                        (long long)(height - rows));
}

static void emit_copied_line(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    if (depthwise->columns < depthwise->lanes) {
        out_line(out, "v_store(to, v_load_part(from, %lld));", (long long)depthwise->columns);
        return;
    }
    line_vectors_open(emission, "i", depthwise->columns, depthwise->lanes);
    out_line(out, "v_store(to + i, v_load(from + i));");
    out_close(out, "");
}

/* The lines of a whole channel: those outside of the input stay as they are. */
static void emit_copied_channel(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const Window *window = &depthwise->window;
    const long long past = smallest(window->pad_top + window->height, depthwise->lines);
    out_open(out, "for (int64_t line = %lld; line < %lld; line++)", (long long)window->pad_top, past);
    out_line(out, "const float *const from = plane + (line - %lld) * %lld;", (long long)window->pad_top, (long long)window->width);
    out_line(out, "float *const to = lines + (line * %lld + %lld);", (long long)depthwise->pitch, (long long)window->pad_left);
    emit_copied_line(emission, depthwise);
    out_close(out, "");
}

/* Those of a strip that begins at output row `first`. */
static void emit_copied_strip(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const Window *window = &depthwise->window;
    out_open(out, "for (int64_t line = 0; line < %lld; line++)", (long long)depthwise->lines);
    out_line(out, "const int64_t row = first * %lld - %lld + line;", (long long)window->stride_y, (long long)window->pad_top);
    out_line(out, "float *const to = lines + (line * %lld + %lld);", (long long)depthwise->pitch, (long long)window->pad_left);
    out_open(out, "if (row >= 0 && row < %lld)", (long long)window->height);
    out_line(out, "const float *const from = plane + row * %lld;", (long long)window->width);
    emit_copied_line(emission, depthwise);
    out_close(out, " else {");
    out->indent++;
    out_line(out, "for (int64_t i = 0; i < %lld; i++)", (long long)depthwise->columns);
    out_line(out, "    to[i] = 0.0f;");
    out_close(out, "");
    out_close(out, "");
}

/* The rows' sums, input line by input line. */
static void emit_sums(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    Arena *arena = emission->arena;
    const Window *window = &depthwise->window;
    const bool kept = weights_kept(depthwise, &emission->problem->target->isa);
    for (int i = 0; i < depthwise->rows; i++)
        out_line(out, "v_float a%d = v_set1(bias[k]);", i);
    for (int64_t line = 0; line < lines_of(depthwise, 1); line++)
        for (int64_t s = 0; s < window->kernel_width && line_wanted(depthwise, line); s++) {
            const char *from = arena_format(arena, "from + %lld", (long long)(line * depthwise->pitch));
            out_line(out, "const v_float x%lld_%lld = v_keep(%s);", (long long)line, (long long)s,
                     line_load(emission, depthwise->stride, from, s * window->dilation_x));
            for (int i = 0; i < depthwise->rows; i++) {
                const int64_t down = line - i * window->stride_y, tap = down / window->dilation_y * window->kernel_width + s;
                if (down < 0 || down % window->dilation_y != 0 || down / window->dilation_y >= window->kernel_height)
                    continue;
                const char *weight = arena_format(arena, kept ? "w%lld" : "v_set1(w[%lld])", (long long)tap);
                out_line(out, "a%d = v_fma(%s, x%lld_%lld, a%d);", i, weight, (long long)line, (long long)s, i);
            }
        }
}

static void emit_puts(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const Window *window = &depthwise->window;
    const Layout *layout = &emission->layer->tiling.out;
    const long long width = window->out_width, plane = width * window->out_height;
    /* strips pass over all output channels in turn: the next one's first rows are there already */
    const char *end = depthwise->strips > 1 && depthwise->multiplier > 1 ? arena_format(emission->arena, "out + %lld", plane)
                                                                         : arena_format(emission->arena, "end * %lld", depthwise->multiplier * plane);
    for (int i = 0; i < depthwise->rows; i++) {
        const char *index = arena_format(emission->arena, "at + %lld", i * width), *sum = arena_format(emission->arena, "a%d", i);
        if (layout_plain(layout)) {
            line_put(emission, index, sum, width, end);
            continue;
        }
        out_line(out, "{");
        out->indent++;
        out_line(out, "float *const y = moved + %lld;", i * (layout->pitch - width));
        line_put(emission, index, sum, width, end);
        out_close(out, "");
    }
}

/* What lies between and around the rows of a padded channel, once they are all there. */
static void emit_gaps(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const Layout *layout = &emission->layer->tiling.out;
    const int64_t height = depthwise->window.out_height, width = depthwise->window.out_width, pitch = layout->pitch;
    const int64_t lead = layout->top * pitch + layout->left, past = layout->rows * pitch - lead;
    if (lead > 0) {
        out_line(out, "for (int64_t i = %lld; i < 0; i++)", (long long)-lead);
        out_line(out, "    there[i] = 0.0f;");
    }
    if (pitch > width) {
        out_line(out, "for (int64_t p = 0; p < %lld; p++)", (long long)(height - 1));
        out_line(out, "    for (int64_t i = %lld; i < %lld; i++)", (long long)width, (long long)pitch);
        out_line(out, "        there[p * %lld + i] = 0.0f;", (long long)pitch);
    }
    out_line(out, "for (int64_t i = %lld; i < %lld; i++)", (long long)((height - 1) * pitch + width), (long long)past);
    out_line(out, "    there[i] = 0.0f;");
}

/* Output channel j of the input channel: the groups from .. past. */
static void emit_output(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const Window *window = &depthwise->window;
    const Layout *layout = &emission->layer->tiling.out;
    const long long taps = window_taps(window), multiplier = depthwise->multiplier, strip = depthwise->strip;
    out_line(out, "const int64_t k = item %% %lld * %lld + j;", (long long)window->channels, multiplier);
    out_line(out, "const float *const w = weights + k * %lld;", taps);
    out_line(out, "const int64_t out = (item * %lld + j) * %lld;", multiplier, (long long)(window->out_height * window->out_width));
    if (!layout_plain(layout))
        out_line(out, "float *const there = y + ((item * %lld + j) * %lld + %lld);", multiplier, (long long)((int64_t)layout->rows * layout->pitch),
                 (long long)((int64_t)layout->top * layout->pitch + layout->left));
    for (long long t = 0; t < taps && weights_kept(depthwise, &emission->problem->target->isa); t++)
        out_line(out, "const v_float w%lld = v_set1(w[%lld]);", t, t);
    if (depthwise->strips > 1) {
        out_line(out, "const int64_t past = (strip + 1) * %lld < %lld ? (strip + 1) * %lld : %lld;", strip, (long long)depthwise->groups, strip,
                 (long long)depthwise->groups);
        out_open(out, "for (int64_t group = strip * %lld; group < past; group++)", strip);
    } else {
        out_open(out, "for (int64_t group = 0; group < %lld; group++)", (long long)depthwise->groups);
    }
    out_line(out, "const int64_t p = %s;", row_text(emission, depthwise, "group"));
    if (!layout_plain(layout))           /* y by so much further that plain indices of row p mean the elements of the padded row */
        out_line(out, "float *const moved = there + (p * %lld - out);", layout->pitch - (long long)window->out_width);
    line_vectors_open(emission, "q", window->out_width, depthwise->lanes);
    /* one index, and rows constants apart: else compilers keep a pointer for each row, on the stack */
    out_line(out, "const int64_t at = out + (p * %lld + q);", (long long)window->out_width);
    out_line(out, "const float *const from = lines + (%s * %lld + q * %lld);", depthwise->strips > 1 ? "(p - first)" : "p",
             (long long)(window->stride_y * depthwise->pitch), (long long)depthwise->stride);
    emit_sums(emission, depthwise);
    emit_puts(emission, depthwise);
    out_close(out, "");
    out_close(out, "");
    if (layout_plain(layout))
        return;
    if (depthwise->strips > 1)
        out_open(out, "if (past == %lld)", (long long)depthwise->groups);
    emit_gaps(emission, depthwise);
    if (depthwise->strips > 1)
        out_close(out, "");
}

static void emit_channel(const Emission *emission, const Depthwise *depthwise)
{
    out_open(emission->out, "for (int64_t j = 0; j < %lld; j++)", (long long)depthwise->multiplier);
    emit_output(emission, depthwise);
    out_close(emission->out, "");
}

/* Copied and computed: several channels, then their outputs; or strip by strip of one. */
static void emit_copying(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const long long together = depthwise->together, plane = depthwise->window.height * depthwise->window.width;
    if (depthwise->strips > 1) {
        out_open(out, "for (int64_t item = begin; item < end; item++)");
        out_line(out, "const float *const plane = x + item * %lld;", plane);
        out_open(out, "for (int64_t strip = 0; strip < %lld; strip++)", (long long)depthwise->strips);
        const char *group = arena_format(emission->arena, "strip * %lld", (long long)depthwise->strip);
        out_line(out, "const int64_t first = %s;", row_text(emission, depthwise, group));
        emit_copied_strip(emission, depthwise);
        emit_channel(emission, depthwise);
        out_close(out, "");
        out_close(out, "");
        return;
    }
    out_open(out, "for (int64_t start = begin; start < end; start += %lld)", together);
    out_line(out, "const int64_t stop = start + %lld < end ? start + %lld : end;", together, together);
    for (int half = 0; half < 2; half++) {
        out_open(out, "for (int64_t item = start; item < stop; item++)");
        out_line(out, "float *const lines = buffer + (item - start) * %lld;", (long long)depthwise->channel);
        if (half == 0) {
            out_line(out, "const float *const plane = x + item * %lld;", plane);
            emit_copied_channel(emission, depthwise);
        } else {
            emit_channel(emission, depthwise);
        }
        out_close(out, "");
    }
    out_close(out, "");
}

static void emit_buffer(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const char *name = depthwise->strips > 1 ? "lines" : "buffer";
    out_line(out, "float *const %s = %s;", name, emit_thread_scratch(emission, "float", 0));
    out_line(out, "for (int64_t i = 0; i < %lld; i += %d)", (long long)(depthwise->channel * depthwise->together), depthwise->lanes);
    out_line(out, "    v_store(%s + i, v_set1(-0.0f));", name);    /* a zero; of the other kind compilers make a call of memset */
}

static void emit(const Emission *emission)
{
    Depthwise depthwise;
    depthwise_of(emission->problem, &emission->layer->tiling, &depthwise);
    Out *out = emission->out;
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "const float *const weights = %s;", emit_packed(emission, WEIGHTS));
    out_line(out, "const float *const bias = %s;", emit_packed(emission, BIASES));
    line_steps(emission, depthwise.stride);
    if (!depthwise.given)
        emit_buffer(emission, &depthwise);
    epilogue_pointers(emission);
    if (depthwise.given) {
        out_open(out, "for (int64_t item = begin; item < end; item++)");
        out_line(out, "const float *const lines = x + (item * %lld + %lld);", (long long)depthwise.channel, (long long)depthwise.first);
        emit_channel(emission, &depthwise);
        out_close(out, "");
    } else {
        emit_copying(emission, &depthwise);
    }
    out_close(out, "");
}

const Kernel kernel_depthwise = {
    .name = "depthwise",
    .says = "one input channel an output channel, rows of outputs together",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
