/* What surrounds the bodies of sparse_inline: constants, the loop over items, the way from sums to outputs. */
#include "codegen/cpu/sparse_inline.h"

#include <string.h>

#define LINE_BYTES 64

enum { WEIGHTS, STARTS, LANES };

/* ---- which lanes of a vector of positions are outputs ---- */

typedef struct Record {              /* as FINISH_LANES reads it; bytes */
    uint8_t lanes[16];
    int32_t place, next;
    uint16_t mask;
    uint8_t unused[6];
} Record;

static int64_t tile_begin(const Inline *inl, int64_t tile)
{
    return tile * inl->vectors * inl->lanes - (tile == inl->tiles - 1 ? inl->back : 0);
}

/* Outputs before this position. */
static int64_t outputs_before(const Inline *inl, int64_t position)
{
    const int64_t row = position / inl->planes.pitch, column = position % inl->planes.pitch, width = inl->window.out_width;
    return row * width + (column < width ? column : width);
}

static Record record_at(const Inline *inl, int64_t position)
{
    Record record = {.place = (int32_t)(4 * outputs_before(inl, position))};
    int count = 0;
    for (int lane = 0; lane < inl->lanes; lane++)
        if (position + lane < inl->planes.positions && (position + lane) % inl->planes.pitch < inl->window.out_width)
            record.lanes[count++] = (uint8_t)lane;
    record.mask = (uint16_t)((1u << count) - 1);
    return record;
}

/* Tiles of a block follow one another; none behind its last. */
static void add_records(const Inline *inl, Packed *packed)
{
    Record *records = arena_array(packed->arena, Record, inl->tiles * inl->vectors);
    for (int64_t block = 0; block < inl->blocks; block++) {
        const int64_t past = (block + 1) * inl->tiles / inl->blocks;
        for (int64_t tile = block * inl->tiles / inl->blocks; tile < past; tile++)
            for (int v = 0; v < inl->vectors; v++) {
                Record *record = &records[tile * inl->vectors + v];
                *record = record_at(inl, tile_begin(inl, tile) + v * inl->lanes);
                record->next = tile + 1 < past ? (int32_t)(4 * (tile_begin(inl, tile + 1) - tile_begin(inl, tile))) : 0;
            }
    }
    packed_add(packed, "unsigned char", records, sizeof *records * (size_t)(inl->tiles * inl->vectors));
}

/* A tile's masks, and behind them how far the next tile is, in bytes: 0 behind the last of a block. */
static void add_masks(const Inline *inl, Packed *packed)
{
    unsigned char *records = arena_array(packed->arena, unsigned char, inl->tiles * inl->record);
    uint16_t *masks = arena_array(packed->arena, uint16_t, inl->mask_count);
    for (int64_t block = 0; block < inl->blocks; block++) {
        const int64_t past = (block + 1) * inl->tiles / inl->blocks;
        for (int64_t tile = block * inl->tiles / inl->blocks; tile < past; tile++) {
            unsigned char *record = records + tile * inl->record;
            const int64_t begin = tile_begin(inl, tile);
            const int32_t next = tile + 1 < past ? (int32_t)(4 * (tile_begin(inl, tile + 1) - begin)) : 0;
            inline_masks_at(inl, begin, masks);
            memcpy(record, masks, sizeof *masks * (size_t)inl->mask_count);
            memcpy(record + inl->record - (int)sizeof next, &next, sizeof next);
        }
    }
    packed_add(packed, "unsigned char", records, (size_t)(inl->tiles * inl->record));
}

void inline_pack_all(const Problem *problem, const Inline *inl, Packed *packed)
{
    int32_t *starts = arena_array(packed->arena, int32_t, inl->body_count);
    int64_t count = 0;
    const float *weights = inline_pack(problem, inl, packed->arena, starts, &count);
    packed_add(packed, "float", weights, (size_t)count * sizeof(float));
    packed_add(packed, "int32_t", starts, (size_t)inl->body_count * sizeof(int32_t));
    if (inl->finish == FINISH_LANES)
        add_records(inl, packed);
    if (inl->mask_count > 0)
        add_masks(inl, packed);
    epilogue_pack(problem, packed);
}

static bool has_records(const Inline *inl)
{
    return inl->finish == FINISH_LANES || inl->mask_count > 0;
}

/* ---- text ---- */

/* Numbers of the sets: where their bodies begin, and their rows, with the output channels that these are. */
static void define_tables(const Emission *emission, const Inline *inl)
{
    int64_t *numbers = arena_array(emission->arena, int64_t, inl->set_count + inl->window.outputs + 1);
    for (int s = 0; s < inl->set_count; s++)
        numbers[s] = inl->sets[s].first_body;
    numbers[inl->set_count] = inl->body_count;
    table_define(emission, "bodies", numbers, inl->set_count + 1);
    if (inl->finish != FINISH_ROWS)
        return;
    numbers[0] = 0;
    for (int s = 0; s < inl->set_count; s++)
        numbers[s + 1] = numbers[s] + inl->sets[s].rows;
    table_define(emission, "rows", numbers, inl->set_count + 1);
    for (int s = 0, k = 0; s < inl->set_count; s++) {
        const int first = inl->groups[inl->sets[s].first_group].first;
        for (int row = 0; row < inl->sets[s].rows; row++)
            numbers[k++] = inl->order[first + row];
    }
    table_define(emission, "channels", numbers, inl->window.outputs);
}

static void emit_item(const Emission *emission, const Inline *inl)
{
    Out *out = emission->out;
    const long long sets = inl->set_count, blocks = inl->blocks, batch = inl->window.batch, strips = inl->strips;
    if (inl->sets_outside)
        out_line(out, "const int64_t set = item / %lld, strip = item %% %lld;", blocks * strips, blocks * strips);
    else
        out_line(out, "const int64_t set = item %% %lld, strip = item / %lld;", sets, sets);
    out_line(out, "const int64_t n0 = strip / %lld * %lld / %lld, n1 = (strip / %lld + 1) * %lld / %lld, block = strip %% %lld;", blocks, batch,
             strips, blocks, batch, strips, blocks);
    out_line(out, "const int64_t from = block * %lld / %lld, past = (block + 1) * %lld / %lld;", (long long)inl->tiles, blocks, (long long)inl->tiles,
             blocks);
}

static const char *buffer_of(const Emission *emission, const Inline *inl)
{
    return inl->images == 1 ? "buffer" : arena_format(emission->arena, "buffer + (n - n0) * %lld", (long long)inl->image_floats);
}

static void emit_call(const Emission *emission, const Inline *inl)
{
    Out *out = emission->out;
    const long long floats = (long long)inl->vectors * inl->lanes, plane = inl->window.out_height * inl->window.out_width;
    const bool residual = inl->finish != FINISH_ROWS && inl->epilogue.add;
    const char *there = inl->finish == FINISH_STORE ? arena_format(emission->arena, " + from * %lld", floats) : "";
    const int64_t tiles = inl->block_tiles;
    const char *image = arena_format(emission->arena, "n * %lld%s", (long long)inl->window.outputs * plane, there);
    out_open(out, "const struct inline_body call =");
    out_line(out, ".x = x + (n * %lld + from * %lld), .weights = weights + starts[b], .tiles = past - from,", (long long)inl->planes.image, floats);
    if (inl->buffered)
        out_line(out, ".sums = %s,", buffer_of(emission, inl));
    out_line(out, ".y = %s,", inl->finish == FINISH_ROWS ? buffer_of(emission, inl) : arena_format(emission->arena, "y + (%s)", image));
    if (residual)
        out_line(out, ".r = r0 + (%s),", image);
    if (has_records(inl))
        out_line(out, ".lanes = lanes + from * %d,", inl->record);
    if (inl->back > 0)
        out_line(out, ".back = past == %lld ? %lld : 0,", (long long)inl->tiles, (long long)inl->back * (inl->dialect == DIALECT_C ? 1 : 4));
    if (inl->images > 1 && (inl->dialect == DIALECT_AVX512 || inl->dialect == DIALECT_AVX2))
        out_line(out, ".code_ahead = (n - n0) * %lld, .weights_ahead = (n - n0) * %lld,", (long long)(tiles * inl->code_lines * LINE_BYTES),
                 (long long)(tiles * inl->weight_lines * LINE_BYTES));
    out_close(out, ";");
    out_line(out, "%s_bodies[b](&call);", emission->name);
}

static void emit_calls(const Emission *emission, const Inline *inl)
{
    Out *out = emission->out;
    out_line(out, "for (int64_t b = bodies[set]; b < bodies[set + 1]; b++)");
    out->indent++;
    out_open(out, "for (int64_t n = n0; n < n1; n++)");
    emit_call(emission, inl);
    out_close(out, "");
    out->indent--;
}

static void emit_rows(const Emission *emission, const Inline *inl)
{
    Out *out = emission->out;
    const long long floats = (long long)inl->vectors * inl->lanes, positions = inl->planes.positions;
    const long long plane = inl->window.out_height * inl->window.out_width;
    out_line(out, "const int64_t first = from * %lld, end = past * %lld < %lld ? past * %lld : %lld;", floats, floats, positions, floats, positions);
    out_line(out, "for (int64_t n = n0; n < n1; n++)");
    out_line(out, "    for (int64_t k = rows[set]; k < rows[set + 1]; k++)");
    out_line(out, "        %s_rows(y%s, (n * %lld + channels[k]) * %lld, %s + (k - rows[set]) * %lld, first, end);", emission->name,
             epilogue_arguments(emission), (long long)inl->window.outputs, plane, buffer_of(emission, inl), (long long)inl->stride);
}

static void emit_stage(const Emission *emission, const Inline *inl)
{
    Out *out = emission->out;
    emit_stage_open(emission, planes_packs(&inl->planes) ? 1 : 0);
    define_tables(emission, inl);
    out_line(out, "const float *const x = %s;", planes_read(emission, &inl->planes));
    out_line(out, "const float *const weights = %s;", emit_packed(emission, WEIGHTS));
    out_line(out, "const int32_t *const starts = %s;", emit_packed(emission, STARTS));
    if (has_records(inl))
        out_line(out, "const unsigned char *const lanes = %s;", emit_packed(emission, LANES));
    if (inl->buffered)
        out_line(out, "float *const buffer = %s;", emit_thread_scratch(emission, "float", 0));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(emission, inl);
    emit_calls(emission, inl);
    if (inl->finish == FINISH_ROWS)
        emit_rows(emission, inl);
    out_close(out, "");
    out_close(out, "");
}

void inline_emit(const Emission *emission, const Inline *inl)
{
    const Tiles tiles = {.lanes = inl->lanes};
    if (inl->finish == FINISH_ROWS || inl->dialect == DIALECT_C)
        epilogue_define(emission);
    if (inl->finish == FINISH_ROWS)
        tiles_define_rows(emission, &inl->window, &inl->planes, &tiles);
    if (planes_packs(&inl->planes))
        planes_emit_stage(emission, &inl->window, &inl->planes);
    inline_bodies(emission, inl);
    emit_stage(emission, inl);
}
