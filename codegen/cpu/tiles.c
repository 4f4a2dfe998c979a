/* Positions of a plane in tiles of accumulators, tiles in blocks. Tiles are whole: the last one starts early enough to end with the plane, and
   computes again what the one before it has done, inside the same block. */
#include "codegen/cpu/cpu.h"

#define ROW_TURNS 4                  /* of a vector that goes from the buffer into its row of outputs: so long nothing is multiplied */
#define BUFFER_FLOATS 4096           /* of unfinished outputs: half of a small L1 cache */
#define BLOCK_INPUT_FLOATS 131072    /* a block's input stays in L2 while all output channels pass over it */
#define ENOUGH_ITEMS 16              /* to share among threads */

int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value > high ? (high > low ? high : low) : value < low ? low : value;
}

void tiles_of(const Planes *planes, int lanes, int size, int rows, int64_t items, int64_t channels, Tiles *tiles)
{
    const int64_t floats = (int64_t)size * lanes;
    *tiles = (Tiles){.lanes = lanes, .size = size, .positions = planes->positions, .tiles = divide_up(planes->positions, floats)};
    int64_t room = BLOCK_INPUT_FLOATS / channels;
    if (!planes->contiguous && room > BUFFER_FLOATS / rows)
        room = BUFFER_FLOATS / rows;
    int64_t blocks = divide_up(tiles->tiles, clamp(room / floats, 2, tiles->tiles));
    if (blocks * items < ENOUGH_ITEMS)
        blocks = divide_up(ENOUGH_ITEMS, items);
    /* two tiles at least, so that the last one overlaps none of another block */
    tiles->blocks = clamp(blocks, 1, tiles->tiles / 2);
    tiles->block_floats = divide_up(tiles->tiles, tiles->blocks) * floats;
    tiles->last = tiles->tiles == 1 ? 0 : planes->positions - floats;
    if (planes->positions < floats)
        tiles->part = (int)(planes->positions - (int64_t)(size - 1) * lanes);
}

/* Brackets of sizes that behave alike. */
static const int bracket_ends[] = {1, 3, 5, 8, 12, 16, 20, 24};

int tiles_sizes(const Planes *planes, int lanes, int most, int sizes[static MOST_SIZES])
{
    const int64_t vectors = divide_up(planes->positions, lanes);
    int count = 0, size = 1;
    for (int b = 0; b < COUNT(bracket_ends) && size <= most && size <= vectors; b++) {
        int64_t least = INT64_MAX;
        for (; size <= bracket_ends[b] && size <= most && size <= vectors; size++) {
            const int64_t covered = divide_up(vectors, size) * size;
            if (covered <= least) {
                least = covered;
                sizes[count] = size;
            }
        }
        count++;
    }
    return count;
}

/* ---- text ---- */

void tiles_open(const Emission *emission, const Planes *planes, const Tiles *tiles)
{
    Out *out = emission->out;
    const long long floats = (long long)tiles->size * tiles->lanes, count = tiles->tiles, blocks = tiles->blocks;
    if (blocks == 1) {
        out_open(out, "for (int64_t tile = 0; tile < %lld; tile++)", count);
    } else {
        out_line(out, "const int64_t from = block * %lld / %lld, past = (block + 1) * %lld / %lld;", count, blocks, count, blocks);
        if (!planes->contiguous)
            out_line(out, "const int64_t first = from * %lld;", floats);
        out_open(out, "for (int64_t tile = from; tile < past; tile++)");
    }
    out_line(out, "const int64_t at = tile < %lld ? tile * %lld : %lld;", count - 1, floats, (long long)tiles->last);
}

const char *tiles_load(const Emission *emission, const Planes *planes, const Tiles *tiles, const char *from, int vector)
{
    const bool part = planes->mode == PLANES_NONE && tiles->part > 0 && vector == tiles->size - 1;
    if (part)
        return arena_format(emission->arena, "v_load_part(%s + %d, %d)", from, vector * tiles->lanes, tiles->part);
    return arena_format(emission->arena, "v_load(%s + %d)", from, vector * tiles->lanes);
}

void tiles_store(const Emission *emission, const Planes *planes, const Tiles *tiles, const char *prefix, const char *start, int row)
{
    for (int v = 0; v < tiles->size; v++) {
        const char *vector = arena_format(emission->arena, "%s%d", prefix, v);
        if (!planes->contiguous) {
            out_line(emission->out, "v_store(buffer + (at%s + %lld), %s);", tiles->blocks > 1 ? " - first" : "",
                     (long long)(row * tiles->block_floats + v * tiles->lanes), vector);
            continue;
        }
        const bool part = tiles->part > 0 && tiles->part < tiles->lanes && v == tiles->size - 1;
        epilogue_put(emission, arena_format(emission->arena, "%s + at + %d", start, v * tiles->lanes), vector,
                     part ? arena_format(emission->arena, "%d", tiles->part) : NULL);
    }
}

bool tiles_writes(const Problem *problem, const Tiling *tiling)
{
    const Value *output = problem->node->outputs[0];
    return layout_plain(&tiling->out) || layout_holds(&output->shape, output->type, &tiling->out);
}

/* Positions `from` .. `to` of the buffer lie in one row of outputs, the first of them at element `start`. */
static void define_row(const Emission *emission, int lanes)
{
    Out *out = emission->out;
    out_open(out, "V_INLINE void %s_row(float *y%s, int64_t start, const float *from, int64_t count)", emission->name, epilogue_parameters(emission));
    out_line(out, "int64_t i = 0;");
    out_open(out, "for (; i + %d <= count; i += %d)", lanes, lanes);
    epilogue_put(emission, "start + i", "v_load(from + i)", NULL);
    out_close(out, "");
    out_open(out, "if (i < count)");
    out_line(out, "const int rest = (int)(count - i) %% %d;", lanes);
    epilogue_put(emission, "start + i", "v_load_part(from + i, rest)", "rest");
    out_close(out, "");
    out_close(out, "");
    out_blank(out);
}

void emit_zeros(const Emission *emission, const char *condition, const char *array, int64_t from, int64_t to)
{
    Out *out = emission->out;
    if (from == to)
        return;
    out_open(out, "if (%s)", condition);
    out_line(out, "for (int64_t i = %lld; i < %lld; i++)", (long long)from, (long long)to);
    out_line(out, "    %s[i] = 0.0f;", array);
    out_close(out, "");
}

/* A padded output: who has a row's end fills the gap behind it, who has the first row's beginning what comes before it, and so on, so that each
   element is written by one part. `y` is moved by so much that plain indices, which residuals have too, mean the padded row's elements; that is
   forwards, to `there` at the most, as rows and planes are no shorter padded than plain. */
static void padded_rows(const Emission *emission, const Window *window, const Planes *planes)
{
    Out *out = emission->out;
    const Layout *layout = &emission->layer->tiling.out;
    const int64_t width = window->out_width, height = window->out_height, lead = (int64_t)layout->top * layout->pitch + layout->left;
    const int64_t last = lead + (height - 1) * layout->pitch + width, pitch = layout->pitch;
    out_line(out, "float *const plane = y + start / %lld * %lld;", (long long)(height * width), (long long)(layout->rows * pitch));
    emit_zeros(emission, "first == 0", "plane", 0, lead);
    out_open(out, "for (int64_t row = first / %lld; row * %lld < past; row++)", (long long)planes->pitch, (long long)planes->pitch);
    out_line(out, "const int64_t left = row * %lld, right = left + %lld;", (long long)planes->pitch, (long long)width);
    out_line(out, "const int64_t from = left > first ? left : first, to = right < past ? right : past;");
    out_line(out, "const int64_t line = start + row * %lld;", (long long)width);
    out_line(out, "float *const there = plane + (%lld + row * %lld);", (long long)lead, (long long)pitch);
    out_line(out, "if (from < to)");
    out_line(out, "    %s_row(there - line%s, line + (from - left), buffer + (from - first), to - from);", emission->name,
             epilogue_arguments(emission));
    const char *ended = arena_format(emission->arena, "from < to && to == right && row < %lld", (long long)(height - 1));
    emit_zeros(emission, ended, "there", width, height > 1 ? pitch : width);
    out_close(out, "");
    emit_zeros(emission, arena_format(emission->arena, "past == %lld", (long long)planes->positions), "plane", last, layout->rows * pitch);
}

static void plain_rows(const Emission *emission, const Window *window, const Planes *planes)
{
    Out *out = emission->out;
    const long long pitch = planes->pitch, width = window->out_width;
    out_open(out, "for (int64_t row = first / %lld; row * %lld < past; row++)", pitch, pitch);
    out_line(out, "const int64_t left = row * %lld, right = left + %lld;", pitch, width);
    out_line(out, "const int64_t from = left > first ? left : first, to = right < past ? right : past;");
    out_line(out, "if (from < to)");
    out_line(out, "    %s_row(y%s, start + row * %lld + (from - left), buffer + (from - first), to - from);", emission->name,
             epilogue_arguments(emission), width);
    out_close(out, "");
}

void tiles_define_rows(const Emission *emission, const Window *window, const Planes *planes, const Tiles *tiles)
{
    if (planes->contiguous)
        return;
    Out *out = emission->out;
    const bool plain = layout_plain(&emission->layer->tiling.out);
    define_row(emission, tiles->lanes);
    const char *where = plain ? "" : arena_format(emission->arena, ", into rows of %d among zeros", emission->layer->tiling.out.pitch);
    out_comment(out, "Positions first .. past: rows of %lld outputs, one every %lld positions%s.", (long long)window->out_width,
                (long long)planes->pitch, where);
    out_open(out, "static void %s_rows(float *y%s, int64_t start, const float *buffer, int64_t first, int64_t past)", emission->name,
             epilogue_parameters(emission));
    (plain ? plain_rows : padded_rows)(emission, window, planes);
    out_close(out, "");
    out_blank(out);
}

void tiles_finish(const Emission *emission, const Planes *planes, const Tiles *tiles, const char *start, int row)
{
    if (planes->contiguous)
        return;
    const long long floats = (long long)tiles->size * tiles->lanes, positions = tiles->positions;
    const char *past = arena_format(emission->arena, "%lld", positions);
    if (tiles->blocks > 1)
        past = arena_format(emission->arena, "past * %lld < %lld ? past * %lld : %lld", floats, positions, floats, positions);
    out_line(emission->out, "%s_rows(y%s, %s, buffer + %lld, %s, %s);", emission->name, epilogue_arguments(emission), start,
             (long long)(row * tiles->block_floats), tiles->blocks > 1 ? "first" : "0", past);
}

/* ---- counting ---- */

void meter_tiles_store(Meter *meter, const Problem *problem, const Planes *planes, const Tiles *tiles)
{
    if (!planes->contiguous) {
        meter_store(meter, tiles->size);
        return;
    }
    const int part = tiles->part < tiles->lanes ? tiles->part : 0;
    meter_put(meter, problem, tiles->size - (part > 0), 0);
    if (part > 0)
        meter_put(meter, problem, 1, part);
}

/* Rows among zeros: the loops that fill the gaps, mostly of an element or two. */
static void meter_gaps(Meter *meter, const Planes *planes, double rows)
{
    const double runs = meter->runs;
    meter->runs = runs * rows;
    meter_other(meter, 9);
    meter->runs = runs * (double)planes->padding;
    meter_store(meter, 1);
    meter_other(meter, 2);
    meter->runs = runs;
}

void meter_tiles_finish(Meter *meter, const Problem *problem, const Window *window, const Planes *planes, const Tiles *tiles)
{
    if (planes->contiguous)
        return;
    const double runs = meter->runs, blocks = (double)tiles->blocks, rows = (double)window->out_height + blocks - 1;
    const int64_t vectors = window->out_width / tiles->lanes, rest = window->out_width % tiles->lanes;
    /* without blocks the compiler may see where rows begin and end: in small programs it does, in large ones not */
    const bool whole = tiles->blocks == 1;
    meter->runs = runs * blocks;
    meter_other(meter, whole ? 25 : 38);
    meter->runs = runs * rows;
    meter_other(meter, (whole ? 9 : 19) + (vectors > 0 ? 4 : 0));
    meter->runs = runs * rows * (double)vectors;
    meter_load(meter, 1, split_share(tiles->lanes));
    meter_put(meter, problem, 1, 0);
    meter_other(meter, 3);
    meter->stage->apart += meter->runs * ROW_TURNS;
    meter->runs = rest > 0 ? runs * rows : 0;
    meter_other(meter, whole ? 7 : 9);
    meter_part(meter, (int)rest);
    meter_put(meter, problem, 1, (int)rest);
    meter->runs = runs;
    if (planes->padding > 0)
        meter_gaps(meter, planes, rows);
}

void planes_touch_private(StageWork *stage, const Window *window, const Planes *planes, const Tiles *tiles, double passes, double beside)
{
    const double channels = (double)(window->batch * window->channels), plane = 4 * (double)planes->channel;
    const double input = planes->given ? plane : 4 * (double)(window->height * window->width);
    const double buffer = planes->contiguous ? 0 : 4 * (double)tiles->block_floats;
    stage_touch(stage, TOUCH_INPUT, channels * input);
    if (planes_packs(planes))
        stage_touch_again(stage, 2 * channels * plane, plane + input);
    stage_touch_again(stage, 2 * channels * (passes * (double)tiles->blocks) * buffer, buffer + plane + beside);
}
