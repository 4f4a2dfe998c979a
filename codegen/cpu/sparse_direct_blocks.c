/* sparse_direct in blocks of input channels: its geometry, tables and text. */
#include "codegen/cpu/sparse_direct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LISTED UINT16_MAX       /* lists are of 16-bit numbers */

static int64_t rounded_up(int64_t a, int64_t multiple)
{
    return divide_up(a, multiple) * multiple;
}

static void divide_work(const Tiling *tiling, Blocks *blocks)
{
    const Window *window = &blocks->window;
    blocks->channels = window->channels / window->group;
    blocks->block = tiling->size[SIZE_CHANNELS];
    blocks->blocks = divide_up(blocks->channels, blocks->block);
    blocks->strips = divide_up(window->out_height, tiling->size[SIZE_ROWS]);
    blocks->group_outputs = window->outputs / window->group;
    blocks->outputs = divide_up(blocks->group_outputs, tiling->size[SIZE_SHARES]);
    blocks->group_shares = divide_up(blocks->group_outputs, blocks->outputs);
    blocks->shares = blocks->group_shares * window->group;
    blocks->lists = divide_up(blocks->outputs, blocks->together);
}

void blocks_of(const Problem *problem, const Tiling *tiling, Blocks *blocks)
{
    *blocks = (Blocks){.lanes = problem_lanes(problem), .vectors = tiling->size[SIZE_VECTORS]};
    blocks->together = sum_ways(blocks->vectors);
    window_of(problem->node, &blocks->window);
    divide_work(tiling, blocks);
    blocks->strip = blocks->window;
    blocks->strip.out_height = tiling->size[SIZE_ROWS];
    planes_of(&blocks->strip, (PlaneMode)tiling->size[SIZE_MODE], blocks->lanes, problem->graph->ctx->scratch, &blocks->planes);
    if (!layout_plain(&tiling->in))
        blocks->planes.source = tiling->in.pitch;
    const int64_t tile = (int64_t)blocks->vectors * blocks->lanes;
    blocks->tiles = divide_up(blocks->planes.positions, tile);
    blocks->sums = blocks->tiles * tile + (blocks->tiles * tile % 256 == 0 ? 16 : 0);     /* rows of 1 KB would share a few sets of a cache */
    blocks->channel = rounded_up(blocks->planes.channel, blocks->lanes);
    blocks->private_planes = rounded_up(blocks->block * blocks->channel + blocks->sums - blocks->planes.positions + blocks->lanes, 16);
    int64_t largest = 0;
    for (int64_t t = 0; t < window_taps(&blocks->window); t++)
        largest = blocks->planes.taps[t] > largest ? blocks->planes.taps[t] : largest;
    blocks->largest_offset = largest + (blocks->block - 1) * blocks->channel;
}

int64_t blocks_first_row(const Blocks *blocks, int64_t share)
{
    return share / blocks->group_shares * blocks->group_outputs + share % blocks->group_shares * blocks->outputs;
}

int64_t blocks_share_rows(const Blocks *blocks, int64_t share)
{
    const int64_t past = (share / blocks->group_shares + 1) * blocks->group_outputs, rest = past - blocks_first_row(blocks, share);
    return rest < blocks->outputs ? rest : blocks->outputs;
}

void blocks_stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Blocks blocks;
    blocks_of(problem, tiling, &blocks);
    layer->stages[layer->stage_count++] = (StagePlan){.items = blocks.window.batch * blocks.strips * blocks.shares, .says = "multiply"};
    layer->thread_bytes = 4 * (size_t)(blocks.private_planes + (blocks.outputs + 1) * blocks.sums);
}

/* ---- what there is to choose ---- */

#define MOST_STRIPS 3

/* Heights of strips: the whole image, and such parts of it that the sums of all output channels leave half of level 2 free, or three quarters. */
static int strip_rows(const Problem *problem, const Window *window, int64_t pitch, int32_t rows[static MOST_STRIPS])
{
    const double row = 4.0 * (double)pitch * (double)(window->outputs / window->group), room = problem->target->machine.l2_bytes;
    int count = 0;
    for (int part = 2; part <= 4; part *= 2) {
        int64_t most = (int64_t)(room / part / row);
        most = most < 1 ? 1 : most > window->out_height ? window->out_height : most;
        const int32_t even = (int32_t)divide_up(window->out_height, divide_up(window->out_height, most));
        if (count == 0 || rows[count - 1] != even)
            rows[count++] = even;
    }
    if (rows[0] < window->out_height && row * (double)window->out_height < room * 4)
        rows[count++] = (int32_t)window->out_height;
    return count;
}

#define MOST_TILES 3

/* Vectors of a tile, large, middling and small: of each kind those that cover the fewest positions. */
static int tile_vectors(int64_t vectors, int limit, int sizes[static MOST_TILES])
{
    int count = 0;
    for (int past = limit; count < MOST_TILES && past >= 1; past = past * 2 / 3) {
        int best = past < vectors ? past : (int)vectors;
        for (int size = best; size > past * 2 / 3; size--)
            if (divide_up(vectors, size) * size < divide_up(vectors, best) * best)
                best = size;
        if (count == 0 || best < sizes[count - 1])
            sizes[count++] = best;
    }
    return count;
}

/* Input channels of a block whose planes take this part of level 1, as far as a tile reads them; blocks of equal size. */
static int32_t block_channels(const Problem *problem, const Window *window, const Planes *planes, double tile, double part)
{
    const double beyond = (double)(planes->plane - planes->positions), each = 4 * (double)planes->count * (tile + fmax(0, beyond));
    const int64_t channels = window->channels / window->group, room = (int64_t)(part * problem->target->machine.l1_bytes / each);
    const int64_t most = room < 1 ? 1 : room > channels ? channels : room;
    return (int32_t)divide_up(channels, divide_up(channels, most));
}

static bool countable(const Problem *problem, const Tiling *tiling)
{
    Blocks blocks;
    blocks_of(problem, tiling, &blocks);
    return blocks.outputs < MOST_LISTED && blocks.block * window_taps(&blocks.window) < MOST_LISTED && blocks.largest_offset < INT32_MAX &&
           (double)blocks.private_planes + (double)(blocks.outputs + 1) * (double)blocks.sums < 1 << 26;
}

/* The input may be plain or padded, as planes of the whole would be. */
static int add_tiling(const Problem *problem, const Window *window, Tiling tiling, Tiling *list, int count, int most)
{
    Planes padded;
    for (int i = 0; i < count; i++)
        if (memcmp(&list[i], &tiling, sizeof tiling) == 0)
            return count;
    if (!countable(problem, &tiling) || !planes_of(window, PLANES_PADDED, problem_lanes(problem), problem->graph->ctx->scratch, &padded))
        return count;
    return planes_tilings(problem, window, &padded, tiling, list, count, most);
}

static int channel_tilings(const Problem *problem, const Window *window, const Planes *planes, Tiling tiling, Tiling *list, int count, int most)
{
    static const double parts[] = {0.55, 0.9, 1.25};
    const int32_t shares[] = {1, problem->threads > 1 ? problem->threads : 1};
    const double tile = (double)tiling.size[SIZE_VECTORS] * problem_lanes(problem);
    for (int i = 0; i < COUNT(parts); i++)
        for (int j = 0; j < COUNT(shares); j++) {
            tiling.size[SIZE_CHANNELS] = block_channels(problem, window, planes, tile, parts[i]);
            tiling.size[SIZE_SHARES] = shares[j];
            count = add_tiling(problem, window, tiling, list, count, most);
        }
    return count;
}

static int strip_tilings(const Problem *problem, const Window *window, PlaneMode mode, int32_t rows, int limit, Tiling *list, int count, int most)
{
    Planes planes;
    Window strip = *window;
    strip.out_height = rows;
    const int lanes = problem_lanes(problem);
    int sizes[MOST_TILES];
    if (!planes_of(&strip, mode, lanes, problem->graph->ctx->scratch, &planes))
        return count;
    const int size_count = tile_vectors(divide_up(planes.positions, lanes), limit, sizes);
    for (int i = 0; i < size_count; i++)
        count = channel_tilings(problem, window, &planes, (Tiling){.size = {mode, sizes[i], 0, rows}}, list, count, most);
    return count;
}

int blocks_tilings(const Problem *problem, const Window *window, int limit, Tiling *list, int count, int most)
{
    static const PlaneMode modes[] = {PLANES_ALIGNED, PLANES_PADDED};
    if (window_taps(window) == 1)    /* nothing is read twice: planes as they are serve better */
        return count;
    for (int m = 0; m < COUNT(modes); m++) {
        Planes planes;
        int32_t rows[MOST_STRIPS];
        if (!planes_of(window, modes[m], problem_lanes(problem), problem->graph->ctx->scratch, &planes))
            continue;
        const int strips = strip_rows(problem, window, planes.pitch, rows);
        for (int i = 0; i < strips; i++)
            count = strip_tilings(problem, window, modes[m], rows[i], limit, list, count, most);
    }
    return count;
}

/* ---- packing ---- */

typedef struct Row {                 /* of weights: its part in a block of channels */
    int64_t first, past;             /* columns */
    int32_t nonzeros, number;        /* number: in the share */
    const void *weights;             /* of the whole row */
} Row;

typedef struct Tables {
    const Blocks *blocks;
    float *values;
    int64_t *offsets;
    int32_t *starts;
    uint16_t *lists;
    int64_t count;
} Tables;

static int by_nonzeros(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    return x->nonzeros != y->nonzeros ? (x->nonzeros < y->nonzeros ? 1 : -1) : x->number < y->number ? -1 : 1;
}

/* The next nonzero of the row goes into the tables. */
static void take_nonzero(Tables *tables, Row *row)
{
    const Blocks *blocks = tables->blocks;
    const int64_t taps = window_taps(&blocks->window);
    while (read_float(row->weights, row->first) == 0)
        row->first++;
    tables->values[tables->count] = read_float(row->weights, row->first);
    tables->offsets[tables->count++] = row->first / taps % blocks->block * blocks->channel + blocks->planes.taps[row->first % taps];
    row->first++;
}

/* Rows that pass together, the first with the most nonzeros. */
static void take_list(Tables *tables, Row *rows, uint16_t *list)
{
    const int together = tables->blocks->together;
    const int32_t rounds = rows[together - 1].nonzeros;
    list[0] = (uint16_t)rounds;
    for (int32_t i = 0; i < rounds; i++)
        for (int r = 0; r < together; r++)
            take_nonzero(tables, &rows[r]);
    for (int r = 0; r < together; r++) {
        const int32_t rest = rows[r].nonzeros - rounds;
        if (r < together - 1)
            list[r + 1] = (uint16_t)rest;
        for (int32_t i = 0; i < rest; i++)
            take_nonzero(tables, &rows[r]);
        list[together + r] = (uint16_t)rows[r].number;
    }
}

static int32_t count_nonzeros(const Row *row)
{
    int32_t count = 0;
    for (int64_t i = row->first; i < row->past; i++)
        count += read_float(row->weights, i) != 0;
    return count;
}

/* Rows past the share's last are empty, and all share a number of their own. */
static void pack_block(Tables *tables, const void *weights, int64_t share, int64_t block, Row *rows)
{
    const Blocks *blocks = tables->blocks;
    const int64_t taps = window_taps(&blocks->window), columns = blocks->channels * taps, width = blocks->block * taps;
    const int64_t real = blocks_share_rows(blocks, share), number = share * blocks->blocks + block, all = blocks->lists * blocks->together;
    int64_t used = 0;
    for (int64_t r = 0; r < all; r++) {
        const int64_t first = block * width, past = first + width < columns ? first + width : columns;
        const unsigned char *line = r < real ? (const unsigned char *)weights + (blocks_first_row(blocks, share) + r) * columns * 4 : NULL;
        rows[r] = (Row){first, past, 0, (int32_t)(r < real ? r : blocks->outputs), line};
        rows[r].nonzeros = r < real ? count_nonzeros(&rows[r]) : 0;
        used += rows[r].nonzeros > 0;
    }
    qsort(rows, (size_t)all, sizeof *rows, by_nonzeros);
    tables->starts[2 * number] = (int32_t)tables->count;
    tables->starts[2 * number + 1] = (int32_t)divide_up(block == 0 ? real : used, blocks->together);
    for (int64_t l = 0; l < blocks->lists; l++)
        take_list(tables, rows + l * blocks->together, tables->lists + 2 * blocks->together * (number * blocks->lists + l));
}

static const float *share_biases(const Problem *problem, const Blocks *blocks, Arena *arena)
{
    const float *plain = weights_bias(problem->node, blocks->window.outputs, 1, arena);
    float *biases = arena_array(arena, float, blocks->shares * (blocks->outputs + 1));
    for (int64_t share = 0; share < blocks->shares; share++)
        for (int64_t r = 0; r < blocks_share_rows(blocks, share); r++)
            biases[share * (blocks->outputs + 1) + r] = plain[blocks_first_row(blocks, share) + r];
    return biases;
}

void blocks_pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Blocks blocks;
    blocks_of(problem, tiling, &blocks);
    Arena *arena = packed->arena;
    const int64_t nonzeros = problem->pattern->nonzeros, parts = blocks.shares * blocks.blocks;
    const int64_t listed = parts * blocks.lists * 2 * blocks.together, biases = blocks.shares * (blocks.outputs + 1);
    /* one more, so that no array is empty */
    Tables tables = {&blocks, arena_array(arena, float, nonzeros + 1), arena_array(arena, int64_t, nonzeros + 1),
                     arena_array(arena, int32_t, 2 * parts), arena_array(arena, uint16_t, listed), 0};
    Row *rows = arena_array(arena, Row, blocks.lists * blocks.together);
    for (int64_t share = 0; share < blocks.shares; share++)
        for (int64_t block = 0; block < blocks.blocks; block++)
            pack_block(&tables, problem->node->inputs[1]->data, share, block, rows);
    packed_add(packed, "float", tables.values, (size_t)(nonzeros + 1) * sizeof(float));
    packed_offsets(packed, tables.offsets, nonzeros + 1, blocks.largest_offset);
    packed_add(packed, "int32_t", tables.starts, (size_t)(2 * parts) * sizeof(int32_t));
    packed_add(packed, "uint16_t", tables.lists, (size_t)listed * sizeof(uint16_t));
    packed_add(packed, "float", share_biases(problem, &blocks, arena), (size_t)biases * sizeof(float));
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

static const char *sum_of(const Emission *emission, int vector, int row)
{
    return row == 0 ? arena_format(emission->arena, "a%d", vector) : arena_format(emission->arena, "a%d_%d", vector, row);
}

static void emit_nonzero(const Emission *emission, const Blocks *blocks, int place, int row)
{
    Out *out = emission->out;
    out_line(out, "const float *const from%d = tile_planes + offset[i + %d];", place, place);
    out_line(out, "const v_float w%d = v_set1(value[i + %d]);", place, place);
    for (int v = 0; v < blocks->vectors; v++) {
        const char *sum = sum_of(emission, v, row);
        out_line(out, "%s = v_fma(w%d, v_load(from%d + %d), %s);", sum, place, place, v * blocks->lanes, sum);
    }
}

/* Rows together as long as all have nonzeros, then what the longer ones have more. */
static void emit_walk(const Emission *emission, const Blocks *blocks)
{
    Out *out = emission->out;
    const int together = blocks->together;
    const char *times = together > 1 ? arena_format(emission->arena, "%d * ", together) : "";
    out_open(out, "for (const int32_t stop = i + %slist[0]; i < stop; i += %d)", times, together);
    for (int r = 0; r < together; r++)
        emit_nonzero(emission, blocks, r, r);
    out_close(out, "");
    for (int r = 0; r < together - 1; r++) {
        out_open(out, "for (const int32_t stop = i + list[%d]; i < stop; i++)", r + 1);
        emit_nonzero(emission, blocks, 0, r);
        out_close(out, "");
    }
}

static void emit_sums(const Emission *emission, const Blocks *blocks)
{
    Out *out = emission->out;
    for (int r = 0; r < blocks->together; r++) {
        out_line(out, "float *const sums%d = tile_sums + list[%d] * %lld;", r, blocks->together + r, (long long)blocks->sums);
        for (int v = 0; v < blocks->vectors; v++)
            out_line(out, "v_float %s;", sum_of(emission, v, r));
    }
    out_open(out, "if (block == 0)");
    for (int r = 0; r < blocks->together; r++)
        for (int v = 0; v < blocks->vectors; v++)
            out_line(out, "%s = v_set1(biases[list[%d]]);", sum_of(emission, v, r), blocks->together + r);
    out_close(out, " else {");
    out->indent++;
    for (int r = 0; r < blocks->together; r++)
        for (int v = 0; v < blocks->vectors; v++)
            out_line(out, "%s = v_load(sums%d + %d);", sum_of(emission, v, r), r, v * blocks->lanes);
    out_close(out, "");
}

static void emit_tiles(const Emission *emission, const Blocks *blocks)
{
    Out *out = emission->out;
    const long long tile = (long long)blocks->vectors * blocks->lanes;
    out_open(out, "for (int64_t tile = 0; tile < %lld; tile++)", (long long)blocks->tiles);
    out_line(out, "const float *const tile_planes = planes + tile * %lld;", tile);
    out_line(out, "float *const tile_sums = sums + tile * %lld;", tile);
    out_line(out, "const uint16_t *list = lists + (share * %lld + block) * %lld;", (long long)blocks->blocks,
             (long long)(blocks->lists * 2 * blocks->together));
    out_line(out, "int32_t i = part_start[0];");
    out_open(out, "for (int32_t left = part_start[1]; left > 0; left--, list += %d)", 2 * blocks->together);
    emit_sums(emission, blocks);
    emit_walk(emission, blocks);
    for (int r = 0; r < blocks->together; r++)
        for (int v = 0; v < blocks->vectors; v++)
            out_line(out, "v_store(sums%d + %d, %s);", r, v * blocks->lanes, sum_of(emission, v, r));
    out_close(out, "");
    out_close(out, "");
}

static void emit_block(const Emission *emission, const Blocks *blocks)
{
    Out *out = emission->out;
    const Window *window = &blocks->window;
    const Layout *in = &emission->layer->tiling.in;
    const bool plain = layout_plain(in);
    const int64_t elements = plain ? window->height * window->width : (int64_t)in->rows * in->pitch;
    out_open(out, "for (int64_t block = 0; block < %lld; block++)", (long long)blocks->blocks);
    out_line(out, "const int64_t first = share / %lld * %lld + block * %lld;", (long long)blocks->group_shares, (long long)blocks->channels,
             (long long)blocks->block);
    out_line(out, "const int64_t channels = block < %lld ? %lld : %lld;", (long long)(blocks->blocks - 1), (long long)blocks->block,
             (long long)(blocks->channels - (blocks->blocks - 1) * blocks->block));
    out_line(out, "for (int64_t c = 0; c < channels; c++)");
    out_line(out, "    %s_pack(planes + c * %lld, x + ((n * %lld + first + c) * %lld + %lld), strip * %lld);", emission->name,
             (long long)blocks->channel, (long long)window->channels, (long long)elements, plain ? 0LL : (long long)in->top * in->pitch + in->left,
             (long long)(blocks->strip.out_height * window->stride_y));
    out_line(out, "const int32_t *const part_start = start + 2 * (share * %lld + block);", (long long)blocks->blocks);
    emit_tiles(emission, blocks);
    out_close(out, "");
}

/* The sums of a share's rows into the output. */
static void emit_finish(const Emission *emission, const Blocks *blocks, const Planes *whole)
{
    Out *out = emission->out;
    const Window *window = &blocks->window;
    const long long strip = (long long)(blocks->strip.out_height * whole->pitch), all = (long long)whole->positions;
    out_line(out, "const int64_t row = share / %lld * %lld + share %% %lld * %lld;", (long long)blocks->group_shares,
             (long long)blocks->group_outputs, (long long)blocks->group_shares, (long long)blocks->outputs);
    out_line(out, "const int64_t rest = (share / %lld + 1) * %lld - row, rows = rest < %lld ? rest : %lld;", (long long)blocks->group_shares,
             (long long)blocks->group_outputs, (long long)blocks->outputs, (long long)blocks->outputs);
    out_line(out, "const int64_t past = (strip + 1) * %lld < %lld ? (strip + 1) * %lld : %lld;", strip, all, strip, all);
    out_line(out, "for (int64_t k = 0; k < rows; k++)");
    out_line(out, "    %s_rows(y%s, (n * %lld + row + k) * %lld, sums + k * %lld, strip * %lld, past);", emission->name, epilogue_arguments(emission),
             (long long)window->outputs, (long long)(window->out_height * window->out_width), (long long)blocks->sums, strip);
}

static void emit_stage(const Emission *emission, const Blocks *blocks, const Planes *whole)
{
    Out *out = emission->out;
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "const float *const value = %s;", emit_packed(emission, BLOCK_VALUES));
    out_line(out, "const %s *const offset = %s;", offset_type(blocks->largest_offset), emit_packed(emission, BLOCK_OFFSETS));
    out_line(out, "const int32_t *const start = %s;", emit_packed(emission, BLOCK_STARTS));
    out_line(out, "const uint16_t *const lists = %s;", emit_packed(emission, BLOCK_LISTS));
    out_line(out, "const float *const bias = %s;", emit_packed(emission, BLOCK_BIASES));
    out_line(out, "float *const planes = %s;", emit_thread_scratch(emission, "float", 0));
    out_line(out, "float *const sums = %s;", emit_thread_scratch(emission, "float", 4 * (size_t)blocks->private_planes));
    epilogue_pointers(emission);
    out_comment(out, "What is read behind the planes, for positions that nobody takes.");
    out_line(out, "for (int64_t i = %lld; i < %lld; i++)", (long long)((blocks->block - 1) * blocks->channel), (long long)blocks->private_planes);
    out_line(out, "    planes[i] = 0.0f;");
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "const int64_t share = item %% %lld, image = item / %lld;", (long long)blocks->shares, (long long)blocks->shares);
    out_line(out, "const int64_t strip = image %% %lld, n = image / %lld;", (long long)blocks->strips, (long long)blocks->strips);
    out_line(out, "const float *const biases = bias + share * %lld;", (long long)(blocks->outputs + 1));
    emit_block(emission, blocks);
    emit_finish(emission, blocks, whole);
    out_close(out, "");
    out_close(out, "");
}

void blocks_emit(const Emission *emission)
{
    Blocks blocks;
    blocks_of(emission->problem, &emission->layer->tiling, &blocks);
    Planes whole = blocks.planes;
    whole.contiguous = false;
    whole.positions = (blocks.window.out_height - 1) * whole.pitch + blocks.window.out_width;
    const Tiles tiles = {.lanes = blocks.lanes};
    epilogue_define(emission);
    tiles_define_rows(emission, &blocks.window, &whole, &tiles);
    planes_define_pack(emission, &blocks.window, &blocks.planes, "0.0f");
    emit_stage(emission, &blocks, &whole);
}
