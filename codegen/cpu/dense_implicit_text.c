/* The text of dense_implicit.c. */
#include "codegen/cpu/dense_implicit.h"

/* What a padded output's planes, and its rows, have more than plain ones. */
static int64_t plane_gap(const Emission *emission, const Implicit *implicit)
{
    const Layout *layout = &emission->layer->tiling.out;
    const Window *window = &implicit->window;
    return layout_plain(layout) ? 0 : (int64_t)layout->rows * layout->pitch - window->out_height * window->out_width;
}

static int64_t row_gap(const Emission *emission, const Implicit *implicit)
{
    const Layout *layout = &emission->layer->tiling.out;
    return layout_plain(layout) ? 0 : layout->pitch - implicit->window.out_width;
}

/* NAME_turn_N: a square of sums, of which N rows are outputs, into as many planes as there are channels. */
static void define_turn(const Emission *emission, const Implicit *implicit, int count)
{
    Out *out = emission->out;
    const long long plane = implicit->window.out_height * implicit->window.out_width, gap = plane_gap(emission, implicit);
    const char *part = count < implicit->lanes ? arena_format(emission->arena, "%d", count) : NULL;
    out_open(out, "V_INLINE void %s_turn_%d(float *%s%s, int64_t at, int64_t channels, v_float *r)", emission->name, count, gap > 0 ? "to" : "y",
             epilogue_parameters(emission));
    out_line(out, "v_transpose(r);");
    for (int i = 0; i < implicit->lanes; i++) {
        out_open(out, "if (channels > %d)", i);
        if (gap > 0)
            out_line(out, "float *const y = to + %lld;", i * gap);
        epilogue_put(emission, arena_format(emission->arena, "at + %lld", i * plane), arena_format(emission->arena, "r[%d]", i), part);
        out_close(out, "");
    }
    out_close(out, "");
    out_blank(out);
}

/* `count` outputs of the tile from row `first` on, in vector `v` of their channels. */
static void emit_turn(const Emission *emission, const Implicit *implicit, int first, int count, int v)
{
    Out *out = emission->out;
    Text rows = text_new(emission->arena);
    for (int i = 0; i < implicit->lanes; i++)
        text_format(&rows, i < count ? "%ss%d_%d" : "%sv_zero()", i == 0 ? "" : ", ", first + i, v);
    const int64_t plane = implicit->window.out_height * implicit->window.out_width, channel = v * implicit->lanes;
    const int64_t high = first / implicit->wide, moved = channel * plane_gap(emission, implicit) + high * row_gap(emission, implicit);
    const int64_t at = channel * plane + high * implicit->width + first % implicit->wide;
    out_line(out, "v_float r%d_%d[] = {%s};", first, v, rows.data);
    out_line(out, "%s_turn_%d(to + %lld%s, at + %lld, channels - %lld, r%d_%d);", emission->name, count, (long long)moved,
             epilogue_arguments(emission), (long long)at, (long long)channel, first, v);
}

static void emit_turns(const Emission *emission, const Implicit *implicit)
{
    for (int v = 0; v < implicit->vectors; v++)
        for (int high = 0; high < implicit->high; high++)
            for (int wide = 0; wide < implicit->wide; wide += implicit->lanes) {
                const int left = implicit->wide - wide;
                emit_turn(emission, implicit, high * implicit->wide + wide, left < implicit->lanes ? left : implicit->lanes, v);
            }
}

static void emit_term(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    for (int v = 0; v < implicit->vectors; v++)
        out_line(out, "const v_float w%d = v_load(w + %d);", v, v * implicit->lanes);
    for (int row = 0; row < tile_rows(implicit); row++) {
        out_line(out, "const v_float x%d = v_set1(from[%lld]);", row,
                 (long long)(row / implicit->wide * implicit->down + row % implicit->wide * implicit->right));
        for (int v = 0; v < implicit->vectors; v++)
            out_line(out, "s%d_%d = v_fma(x%d, w%d, s%d_%d);", row, v, row, v, row, v);
    }
    out_line(out, "w += %lld;", (long long)panel_width(implicit));
}

static void emit_sums(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    const Terms terms = implicit_terms(implicit);
    for (int row = 0; row < tile_rows(implicit); row++)
        for (int v = 0; v < implicit->vectors; v++)
            out_line(out, "v_float s%d_%d = v_load(bias + %d);", row, v, v * implicit->lanes);
    out_line(out, "const float *w = weights + unit * %lld;", (long long)(terms_of(implicit) * panel_width(implicit)));
    out_line(out, "const float *image = x + (input + (p * %lld + q * %lld));", (long long)implicit->down, (long long)implicit->right);
    terms_open(emission, &terms);
    emit_term(emission, implicit);
    terms_close(emission, &terms);
}

/* The tile whose first output is (p, q). */
static void emit_tile(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    out_line(out, "const int64_t at = out + (p * %lld + q);", (long long)implicit->width);
    out_line(out, "float *const to = y + (moved + p * %lld);", (long long)row_gap(emission, implicit));
    emit_sums(emission, implicit);
    emit_turns(emission, implicit);
}

static void emit_column(const Emission *emission, const Implicit *implicit, const char *number)
{
    const long long wide = implicit->wide, width = implicit->width;
    if (width % wide == 0)
        out_line(emission->out, "const int64_t q = %s * %lld;", number, wide);
    else
        out_line(emission->out, "const int64_t q = %s < %lld ? %s * %lld : %lld;", number, width / wide, number, wide, width - wide);
}

static void emit_tiles(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    const long long lines = implicit->flat ? implicit->columns : implicit->rows, strips = implicit->strips;
    out_line(out, "const int64_t first = strip %% %lld * %lld / %lld;", strips, lines, strips);
    out_line(out, "const int64_t past = (strip %% %lld + 1) * %lld / %lld;", strips, lines, strips);
    out_open(out, "for (int64_t line = first; line < past; line++)");
    if (implicit->flat) {
        out_line(out, "const int64_t p = 0;");
        emit_column(emission, implicit, "line");
        emit_tile(emission, implicit);
    } else {
        out_line(out, "const int64_t p = line * %d;", implicit->high);
        out_open(out, "for (int64_t column = 0; column < %lld; column++)", (long long)implicit->columns);
        emit_column(emission, implicit, "column");
        emit_tile(emission, implicit);
        out_close(out, "");
    }
    out_close(out, "");
}

/* The zeros around the rows that this item has written. */
static void emit_gaps(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    const Layout *layout = &emission->layer->tiling.out;
    const Window *window = &implicit->window;
    const int64_t lead = (int64_t)layout->top * layout->pitch + layout->left, pitch = layout->pitch, size = layout->rows * pitch;
    if (layout_plain(layout) || size == window->out_height * window->out_width)
        return;
    out_open(out, "for (int64_t i = 0; i < %lld && i < channels; i++)", (long long)panel_width(implicit));
    out_line(out, "float *const plane = y + (n * %lld + k + i) * %lld;", (long long)window->outputs, (long long)size);
    emit_zeros(emission, "first == 0", "plane", 0, lead);
    if (!implicit->flat && pitch > window->out_width) {
        out_open(out, "for (int64_t row = first * %d; row < past * %d; row++)", implicit->high, implicit->high);
        out_line(out, "float *const there = plane + (%lld + row * %lld);", (long long)lead, (long long)pitch);
        emit_zeros(emission, arena_format(emission->arena, "row < %lld", (long long)(window->out_height - 1)), "there", window->out_width, pitch);
        out_close(out, "");
    }
    emit_zeros(emission, arena_format(emission->arena, "past == %lld", (long long)(implicit->flat ? implicit->columns : implicit->rows)), "plane",
               lead + (window->out_height - 1) * pitch + window->out_width, size);
    out_close(out, "");
}

static void emit_item(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    const Window *window = &implicit->window;
    const Layout *layout = &emission->layer->tiling.out;
    const long long units = implicit->units, width = panel_width(implicit), outputs = implicit->group_outputs;
    const long long lead = layout_plain(layout) ? 0 : layout->top * layout->pitch + layout->left;
    out_line(out, "const int64_t unit = item %% %lld, strip = item / %lld, n = strip / %lld;", window->group * units, window->group * units,
             (long long)implicit->strips);
    out_line(out, "const int64_t group = unit / %lld, k = group * %lld + unit %% %lld * %lld;", units, outputs, units, width);
    if (outputs % width == 0)
        out_line(out, "const int64_t channels = %lld;", width);
    else
        out_line(out, "const int64_t channels = %lld - unit %% %lld * %lld;", outputs, units, width);
    out_line(out, "const int64_t input = n * %lld + group * %lld;", (long long)implicit->image,
             (long long)(implicit->group_channels * implicit->channel));
    out_line(out, "const int64_t out = (n * %lld + k) * %lld;", (long long)window->outputs, (long long)(window->out_height * window->out_width));
    out_line(out, "const int64_t moved = (n * %lld + k) * %lld + %lld;", (long long)window->outputs, (long long)plane_gap(emission, implicit), lead);
    out_line(out, "const float *const bias = biases + unit * %lld;", width);
    emit_tiles(emission, implicit);
    emit_gaps(emission, implicit);
}

static void emit_turn_helpers(const Emission *emission, const Implicit *implicit)
{
    const int rest = implicit->wide % implicit->lanes;
    if (implicit->wide >= implicit->lanes)
        define_turn(emission, implicit, implicit->lanes);
    if (rest > 0)
        define_turn(emission, implicit, rest);
}

void implicit_emit(const Emission *emission)
{
    Implicit implicit;
    implicit_of(emission->problem, &emission->layer->tiling, &implicit);
    Out *out = emission->out;
    const bool packed = planes_packs(&implicit.planes);
    const Terms terms = implicit_terms(&implicit);
    epilogue_define(emission);
    emit_turn_helpers(emission, &implicit);
    if (packed)
        planes_emit_stage(emission, &implicit.window, &implicit.planes);
    terms_define(emission, &terms);
    emit_stage_open(emission, packed ? 1 : 0);
    out_line(out, "const float *const x = %s;", planes_read(emission, &implicit.planes));
    out_line(out, "const float *const weights = %s;", emit_packed(emission, IMPLICIT_WEIGHTS));
    out_line(out, "const float *const biases = %s;", emit_packed(emission, IMPLICIT_BIASES));
    terms_pointer(emission, &terms);
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(emission, &implicit);
    out_close(out, "");
    out_close(out, "");
}
