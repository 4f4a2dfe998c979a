/* The text of depthwise.c. */
#include "codegen/cpu/depthwise.h"

static int64_t smallest(int64_t a, int64_t b) { return a < b ? a : b; }

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
    const bool kept = depthwise_weights_kept(depthwise, &emission->problem->target->isa);
    for (int i = 0; i < depthwise->rows; i++)
        out_line(out, "v_float a%d = v_set1(bias[k]);", i);
    for (int64_t line = 0; line < depthwise_lines(depthwise, 1); line++)
        for (int64_t s = 0; s < window->kernel_width && depthwise_line_wanted(depthwise, line); s++) {
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
    for (long long t = 0; t < taps && depthwise_weights_kept(depthwise, &emission->problem->target->isa); t++)
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

void depthwise_emit(const Emission *emission)
{
    Depthwise depthwise;
    depthwise_of(emission->problem, &emission->layer->tiling, &depthwise);
    Out *out = emission->out;
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "const float *const weights = %s;", emit_packed(emission, DEPTHWISE_WEIGHTS));
    out_line(out, "const float *const bias = %s;", emit_packed(emission, DEPTHWISE_BIASES));
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
