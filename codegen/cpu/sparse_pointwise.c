/* Convolutions of one tap with constant weights, zeros left out. A strip of a few vectors of positions of a block of input channels stays in L1 while
   all output channels pass over it; the sums of a strip wait in the thread's own memory for the next block. Rows of weights are sorted by length in
   every block, so that loops over them end where the core expects it. Strided and padded inputs come through planes. An infinity or NaN of the input
   reaches the outputs through nonzeros only. */
#include "codegen/cpu/sparse_pointwise.h"

#include <math.h>
#include <stdlib.h>

#define LINE_FLOATS 16
#define L1_PART 0.75                 /* of level 1 that a strip may fill */
#define WEIGHTS_PART 0.5             /* of level 2 that weights may fill which are read once a strip */
#define ITEMS_EACH 4                 /* of every thread, at least */

static int64_t at_least_one(double count)
{
    return count > 1 ? (int64_t)ceil(count) : 1;
}

/* More parts of the output channels where there are not enough strips for all threads, or where weights do not stay in level 2 from strip to
   strip. */
static int64_t parts_of(const Problem *problem, const Pointwise *pointwise)
{
    const double group = (double)pointwise->window.group, strips = (double)(pointwise->strips * pointwise->window.batch);
    const double bytes = 6 * (double)problem->pattern->nonzeros / group, room = WEIGHTS_PART * problem->target->machine.l2_bytes;
    int64_t parts = strips > 1 && room > 0 ? at_least_one(bytes / room) : 1;
    if (problem->threads > 1 && strips * group * (double)parts < ITEMS_EACH * problem->threads)
        parts = at_least_one(ITEMS_EACH * problem->threads / (strips * group));
    return parts < pointwise->outputs ? parts : pointwise->outputs;
}

enum { SIZE_MODE, SIZE_VECTORS, SIZE_BLOCKS, SIZE_COPIES };

void pointwise_of(const Problem *problem, const Tiling *tiling, Pointwise *pointwise)
{
    *pointwise = (Pointwise){.lanes = problem_lanes(problem), .large = tiling->size[SIZE_VECTORS], .blocks = tiling->size[SIZE_BLOCKS],
                             .copies = tiling->size[SIZE_COPIES] != 0};
    Window *window = &pointwise->window;
    window_of(problem->node, window);
    planes_for(problem, window, tiling, &pointwise->planes);
    const Planes *planes = &pointwise->planes;
    pointwise->vectors = divide_up(planes->positions, pointwise->lanes);
    pointwise->strips = divide_up(pointwise->vectors, pointwise->large);
    pointwise->small = (int)(pointwise->vectors / pointwise->strips);
    pointwise->larges = pointwise->small == pointwise->large ? pointwise->strips : pointwise->vectors - pointwise->small * pointwise->strips;
    pointwise->part = (int)(planes->positions % pointwise->lanes);
    pointwise->channels = window->channels / window->group;
    pointwise->outputs = window->outputs / window->group;
    pointwise->parts = parts_of(problem, pointwise);
    pointwise->units = pointwise->parts * window->group;
    pointwise->step = pointwise->copies ? (int64_t)pointwise->large * pointwise->lanes : planes->channel;
}

/* The first row of a unit; units of a group follow one another. */
static int64_t unit_start(const Pointwise *pointwise, int64_t unit)
{
    return unit / pointwise->parts * pointwise->outputs + unit % pointwise->parts * pointwise->outputs / pointwise->parts;
}

static int64_t block_start(const Pointwise *pointwise, int64_t block)
{
    return block * pointwise->channels / pointwise->blocks;
}

int64_t pointwise_largest_block(const Pointwise *pointwise)
{
    return divide_up(pointwise->channels, pointwise->blocks);
}

int64_t pointwise_largest_unit(const Pointwise *pointwise)
{
    return divide_up(pointwise->outputs, pointwise->parts);
}

int64_t pointwise_largest_offset(const Pointwise *pointwise)
{
    return (pointwise_largest_block(pointwise) - 1) * pointwise->step;
}

/* Floats of a strip's copy, whole cache lines; of the sums behind it: those of all rows that wait for the next block, or of one on its way into
   padded rows. */
static int64_t copy_floats(const Pointwise *pointwise)
{
    return pointwise->copies ? divide_up(pointwise_largest_block(pointwise) * pointwise->step, 16) * 16 : 0;
}

static int64_t sum_rows(const Pointwise *pointwise)
{
    return pointwise->blocks > 1 ? pointwise_largest_unit(pointwise) : pointwise->planes.contiguous ? 0 : 1;
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    PlaneMode modes[PLANE_MODES];
    if (node->op != OP_Conv || !problem_vector(problem) || !weights_constant(node) || !problem->pattern || !window_of(node, &window))
        return false;
    return window_taps(&window) == 1 && problem->pattern->nonzeros < INT32_MAX && planes_modes(problem, &window, false, modes) > 0;
}

/* See sparse_direct. */
static int most_sums(const Isa *isa)
{
    return isa->registers < 32 ? 12 : isa->folds ? 24 : 14;
}

static const int strip_choices[] = {1, 2, 3, 4, 6, 8, 12, 16, 24};

typedef struct Search {
    const Problem *problem;
    Window window;
    Planes planes;
    Tiling *list;
    int count, most;
} Search;

/* Strips of this size as they are, and of so many blocks of channels that they stay in level 1; read in place, where vectors may end behind the
   last position, or copied. */
static void add_sizes(Search *search, int size)
{
    const int lanes = problem_lanes(search->problem);
    const int64_t channels = search->window.channels / search->window.group;
    const double l1 = search->problem->target->machine.l1_bytes, strip = 4.0 * size * lanes * (double)channels;
    const int64_t fitting = l1 > 0 ? at_least_one(strip / (L1_PART * l1)) : 1, blocks[] = {fitting < channels ? fitting : channels, 1};
    const bool in_place = search->planes.mode != PLANES_NONE || search->planes.positions % lanes == 0;
    for (int copies = in_place ? 0 : 1; copies <= 1; copies++)
        for (int b = 0; b < (blocks[0] > 1 ? 2 : 1); b++)
            search->count = planes_tilings(search->problem, &search->window, &search->planes,
                                           (Tiling){.size = {(int32_t)search->planes.mode, size, (int32_t)blocks[b], copies}}, search->list,
                                           search->count, search->most);
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Search search = {.problem = problem, .list = list, .most = most};
    window_of(problem->node, &search.window);
    const int lanes = problem_lanes(problem), limit = most_sums(&problem->target->isa);
    PlaneMode modes[PLANE_MODES];
    const int mode_count = planes_modes(problem, &search.window, false, modes);
    for (int m = 0; m < mode_count; m++) {
        planes_of(&search.window, modes[m], lanes, problem->graph->ctx->scratch, &search.planes);
        const int64_t vectors = divide_up(search.planes.positions, lanes);
        int64_t last = 0;
        for (int i = 0; i < COUNT(strip_choices) && strip_choices[i] <= limit; i++) {
            const int64_t size = divide_up(vectors, divide_up(vectors, strip_choices[i]));
            if (size != last)
                add_sizes(&search, (int)size);
            last = size;
        }
    }
    return search.count;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Pointwise pointwise;
    pointwise_of(problem, tiling, &pointwise);
    const Window *window = &pointwise.window;
    if (planes_packs(&pointwise.planes))
        planes_stage(window, &pointwise.planes, layer);
    layer->stages[layer->stage_count++] = (StagePlan){.items = window->batch * pointwise.units * pointwise.strips, .says = "multiply"};
    layer->thread_bytes = 4 * (size_t)(copy_floats(&pointwise) + sum_rows(&pointwise) * pointwise.large * pointwise.lanes);
}

/* ---- packing: for every unit and block its rows, the longest first: their lengths and numbers; values and offsets in the same order ---- */

enum { VALUES, OFFSETS, LENGTHS, ROWS, STARTS, BIASES };

typedef struct Row { int64_t row, length; } Row;

typedef struct Table {
    float *values;
    int64_t *offsets, *lengths, *rows;
    int32_t *starts;
    int64_t count, row_count, start_count;
} Table;

static int by_length(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    return x->length != y->length ? (x->length < y->length ? 1 : -1) : (x->row < y->row ? -1 : x->row > y->row);
}

static void add_row(const Pointwise *pointwise, const void *weights, int64_t k, int64_t block, Table *table)
{
    const int64_t from = block_start(pointwise, block), past = block_start(pointwise, block + 1);
    for (int64_t c = from; c < past; c++) {
        const float value = read_float(weights, k * pointwise->channels + c);
        if (value == 0)
            continue;
        table->values[table->count] = value;
        table->offsets[table->count++] = (c - from) * pointwise->step;
    }
}

static void add_block(const Pointwise *pointwise, const void *weights, int64_t unit, int64_t block, Row *rows, Table *table)
{
    const int64_t first = unit_start(pointwise, unit), count = unit_start(pointwise, unit + 1) - first;
    const int64_t from = block_start(pointwise, block), past = block_start(pointwise, block + 1);
    for (int64_t r = 0; r < count; r++) {
        rows[r] = (Row){r, 0};
        for (int64_t c = from; c < past; c++)
            rows[r].length += read_float(weights, (first + r) * pointwise->channels + c) != 0;
    }
    qsort(rows, (size_t)count, sizeof *rows, by_length);
    table->starts[table->start_count++] = (int32_t)table->count;
    for (int64_t r = 0; r < count; r++) {
        table->lengths[table->row_count] = rows[r].length;
        table->rows[table->row_count++] = rows[r].row;
        add_row(pointwise, weights, first + rows[r].row, block, table);
    }
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Pointwise pointwise;
    pointwise_of(problem, tiling, &pointwise);
    Arena *arena = packed->arena;
    const int64_t nonzeros = problem->pattern->nonzeros, outputs = pointwise.window.outputs, rows = outputs * pointwise.blocks;
    const int64_t starts = pointwise.units * pointwise.blocks;
    /* one more, so that no array is empty */
    Table table = {.values = arena_array(arena, float, nonzeros + 1), .offsets = arena_array(arena, int64_t, nonzeros + 1),
                   .lengths = arena_array(arena, int64_t, rows), .rows = arena_array(arena, int64_t, rows),
                   .starts = arena_array(arena, int32_t, starts)};
    Row *sorted = arena_array(arena, Row, outputs);
    for (int64_t unit = 0; unit < pointwise.units; unit++)
        for (int64_t block = 0; block < pointwise.blocks; block++)
            add_block(&pointwise, problem->node->inputs[1]->data, unit, block, sorted, &table);
    packed_add(packed, "float", table.values, (size_t)(nonzeros + 1) * sizeof(float));
    packed_offsets(packed, table.offsets, nonzeros + 1, pointwise_largest_offset(&pointwise));
    packed_offsets(packed, table.lengths, rows, pointwise_largest_block(&pointwise));
    packed_offsets(packed, table.rows, rows, pointwise_largest_unit(&pointwise));
    packed_add(packed, "int32_t", table.starts, (size_t)starts * sizeof(int32_t));
    packed_add(packed, "float", weights_bias(problem->node, outputs, 1, arena), (size_t)outputs * sizeof(float));
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

/* Channels from .. past of the strip, densely. */
static void emit_copy(const Emission *emission, const Pointwise *pointwise, int size, int64_t last)
{
    Out *out = emission->out;
    out_open(out, "for (int64_t channel = from; channel < past; channel++)");
    out_line(out, "const float *const line = image + channel * %lld;", (long long)pointwise->planes.channel);
    out_line(out, "float *const to = strip + (channel - from) * %lld;", (long long)pointwise->step);
    for (int v = 0; v < size; v++) {
        const int at = v * pointwise->lanes;
        if (pointwise->part > 0 && pointwise->planes.mode == PLANES_NONE && !pointwise->planes.given && v == size - 1 && last >= 0)
            out_line(out, "v_store(to + %d, at == %lld ? v_load_part(line + %d, %d) : v_load(line + %d));", at, (long long)last, at,
                     pointwise->part, at);
        else
            out_line(out, "v_store(to + %d, v_load(line + %d));", at, at);
    }
    out_close(out, "");
}

static void emit_nonzero(const Emission *emission, int lanes, int size, int way)
{
    Out *out = emission->out;
    out_line(out, "const float *const from%d = base + offset[%d];", way, way);
    out_line(out, "const v_float w%d = v_set1(value[%d]);", way, way);
    for (int v = 0; v < size; v++) {
        const char *sum = sum_name(emission, v, way);
        out_line(out, "%s = v_fma(w%d, v_load(from%d + %d), %s);", sum, way, way, v * lanes, sum);
    }
}

static void emit_sums(const Emission *emission, const Pointwise *pointwise, int size)
{
    Out *out = emission->out;
    if (pointwise->blocks > 1)
        out_line(out, "float *const sum = sums + k * %d;", pointwise->large * pointwise->lanes);
    for (int v = 0; v < size; v++)
        if (pointwise->blocks == 1)
            out_line(out, "v_float a%d = v_set1(bias[k]);", v);
        else
            out_line(out, "v_float a%d = block == 0 ? v_set1(bias[k]) : v_load(sum + %d);", v, v * pointwise->lanes);
}

static void emit_walk(const Emission *emission, const Pointwise *pointwise, int size)
{
    Out *out = emission->out;
    const int ways = sum_ways(size);
    out_line(out, "const int64_t k = row[r];");
    out_line(out, "const float *const stop = value + length[r];");
    emit_sums(emission, pointwise, size);
    sums_declare(emission, size, ways, NULL);
    if (ways > 1) {
        out_open(out, "for (; stop - value >= %d; value += %d, offset += %d)", ways, ways, ways);
        for (int way = 0; way < ways; way++)
            emit_nonzero(emission, pointwise->lanes, size, way);
        out_close(out, "");
    }
    out_open(out, "for (; value != stop; value++, offset++)");
    emit_nonzero(emission, pointwise->lanes, size, 0);
    out_close(out, "");
    sums_join(emission, size, ways);
}

/* Of each row of outputs a strip is a few lines, far from the next row's: the core sees no stream in them. The next strip's are asked for. */
static void emit_ask(const Emission *emission, const Pointwise *pointwise, int size)
{
    const long long plane = pointwise->window.out_height * pointwise->window.out_width;
    const int floats = size * pointwise->lanes;
    out_line(emission->out, "const int64_t next = out + k * %lld + at + %d;", plane, floats);
    for (int i = 0; i < floats; i += LINE_FLOATS)
        epilogue_ask(emission, arena_format(emission->arena, "next + %d", i));
}

static void emit_put(const Emission *emission, const Pointwise *pointwise, int size, int64_t last)
{
    Out *out = emission->out;
    const long long plane = pointwise->window.out_height * pointwise->window.out_width;
    emit_ask(emission, pointwise, size);
    for (int v = 0; v < size; v++) {
        const char *index = arena_format(emission->arena, "out + k * %lld + at + %d", plane, v * pointwise->lanes);
        const bool part = pointwise->part > 0 && v == size - 1 && last >= 0;
        if (part) {
            out_line(out, "if (at == %lld)", (long long)last);
            out->indent++;
            epilogue_put(emission, index, arena_format(emission->arena, "a%d", v), arena_format(emission->arena, "%d", pointwise->part));
            out->indent--;
            out_line(out, "else");
            out->indent++;
        }
        epilogue_put(emission, index, arena_format(emission->arena, "a%d", v), NULL);
        out->indent -= part;
    }
}

/* A row's end: its sums wait, or are put. */
static void emit_end(const Emission *emission, const Pointwise *pointwise, int size, int64_t last)
{
    Out *out = emission->out;
    const bool waits = pointwise->blocks > 1, contiguous = pointwise->planes.contiguous;
    const long long plane = pointwise->window.out_height * pointwise->window.out_width, end = pointwise->blocks - 1;
    if (waits && contiguous)
        out_open(out, "if (block < %lld)", end);
    for (int v = 0; v < size && (waits || !contiguous); v++)
        out_line(out, "v_store(%s + %d, a%d);", waits ? "sum" : "sums", v * pointwise->lanes, v);
    if (waits && contiguous) {
        out_line(out, "continue;");
        out_close(out, "");
    }
    if (contiguous) {
        emit_put(emission, pointwise, size, last);
        return;
    }
    if (waits)
        out_line(out, "if (block == %lld)", end);
    out->indent += waits;
    out_line(out, "%s_rows(y%s, out + k * %lld, %s, at, %s);", emission->name, epilogue_arguments(emission), plane, waits ? "sum" : "sums",
             arena_format(emission->arena, "at + %d < %lld ? at + %d : %lld", size * pointwise->lanes, (long long)pointwise->planes.positions,
                          size * pointwise->lanes, (long long)pointwise->planes.positions));
    out->indent -= waits;
}

/* NAME_strip: all blocks and rows of a unit, over a strip of `size` vectors. `last`: where the strip begins that ends with the plane; -1: it is of
   the other size. */
static void define_strip(const Emission *emission, const Pointwise *pointwise, int size, int64_t last)
{
    Out *out = emission->out;
    const long long blocks = pointwise->blocks;
    const bool own = pointwise->copies, sums = sum_rows(pointwise) > 0;
    out_line(out, "static __attribute__((noinline))");
    out_open(out, "void %s_strip%d(float *y%s, const float *image, %s%sint64_t unit, int64_t first, int64_t rows, int64_t out, int64_t at)",
             emission->name, size, epilogue_parameters(emission), own ? "float *strip, " : "", sums ? "float *sums, " : "");
    out_line(out, "const float *const bias = %s + first;", emit_packed(emission, BIASES));
    out_line(out, "const %s *length = %s + first * %lld;", offset_type(pointwise_largest_block(pointwise)), emit_packed(emission, LENGTHS), blocks);
    out_line(out, "const %s *row = %s + first * %lld;", offset_type(pointwise_largest_unit(pointwise)), emit_packed(emission, ROWS), blocks);
    out_line(out, "const int32_t start = *(%s + unit * %lld);", emit_packed(emission, STARTS), blocks);
    out_line(out, "const float *value = %s + start;", emit_packed(emission, VALUES));
    out_line(out, "const %s *offset = %s + start;", offset_type(pointwise_largest_offset(pointwise)), emit_packed(emission, OFFSETS));
    out_open(out, "for (int64_t block = 0; block < %lld; block++, length += rows, row += rows)", blocks);
    out_line(out, "const int64_t from = block * %lld / %lld%s;", (long long)pointwise->channels, blocks,
             !own ? "" : arena_format(emission->arena, ", past = (block + 1) * %lld / %lld", (long long)pointwise->channels, blocks));
    if (own)
        emit_copy(emission, pointwise, size, last);
    out_line(out, "const float *const base = %s;", own ? "strip" : arena_format(emission->arena, "image + from * %lld", (long long)pointwise->step));
    out_open(out, "for (int64_t r = 0; r < rows; r++)");
    emit_walk(emission, pointwise, size);
    emit_end(emission, pointwise, size, last);
    out_close(out, "");
    out_close(out, "");
    out_close(out, "");
    out_blank(out);
}

static void emit_call(const Emission *emission, const Pointwise *pointwise, int size, const char *at)
{
    const bool own = pointwise->copies, sums = sum_rows(pointwise) > 0;
    out_line(emission->out, "%s_strip%d(y%s, image + %s, %s%sunit, first, rows, out, %s);", emission->name, size, epilogue_arguments(emission), at,
             own ? "strip, " : "", sums ? "sums, " : "", at);
}

static void emit_item(const Emission *emission, const Pointwise *pointwise)
{
    Out *out = emission->out;
    const Window *window = &pointwise->window;
    const long long strips = pointwise->strips, units = pointwise->units, parts = pointwise->parts, outputs = pointwise->outputs;
    const int floats = pointwise->large * pointwise->lanes, less = (pointwise->large - pointwise->small) * pointwise->lanes;
    out_line(out, "const int64_t number = item %% %lld, unit = item / %lld %% %lld, n = item / %lld;", strips, strips, units, strips * units);
    out_line(out, "const int64_t group = unit / %lld, slice = unit %% %lld;", parts, parts);
    out_line(out, "const int64_t first = group * %lld + slice * %lld / %lld;", outputs, outputs, parts);
    out_line(out, "const int64_t rows = group * %lld + (slice + 1) * %lld / %lld - first;", outputs, outputs, parts);
    out_line(out, "const int64_t out = (n * %lld + first) * %lld;", (long long)window->outputs, (long long)(window->out_height * window->out_width));
    out_line(out, "const float *const image = x + n * %lld + group * %lld;", (long long)pointwise->planes.image,
             (long long)(pointwise->channels * pointwise->planes.channel));
    const char *at = arena_format(emission->arena, "number * %d", floats);
    if (pointwise->larges == pointwise->strips) {
        emit_call(emission, pointwise, pointwise->large, at);
        return;
    }
    out_line(out, "if (number < %lld)", (long long)pointwise->larges);
    out->indent++;
    emit_call(emission, pointwise, pointwise->large, at);
    out->indent--;
    out_line(out, "else");
    out->indent++;
    emit_call(emission, pointwise, pointwise->small,
              arena_format(emission->arena, "number * %d + %lld", floats - less, (long long)pointwise->larges * less));
    out->indent--;
}

static void emit(const Emission *emission)
{
    Pointwise pointwise;
    pointwise_of(emission->problem, &emission->layer->tiling, &pointwise);
    Out *out = emission->out;
    const bool packed = planes_packs(&pointwise.planes), one_size = pointwise.larges == pointwise.strips;
    const Tiles tiles = {.lanes = pointwise.lanes};
    const int64_t end = (pointwise.vectors - (one_size ? pointwise.large : pointwise.small)) * pointwise.lanes;
    epilogue_define(emission);
    tiles_define_rows(emission, &pointwise.window, &pointwise.planes, &tiles);
    if (packed)
        planes_emit_stage(emission, &pointwise.window, &pointwise.planes);
    define_strip(emission, &pointwise, pointwise.large, one_size ? end : -1);
    if (!one_size)
        define_strip(emission, &pointwise, pointwise.small, end);
    emit_stage_open(emission, packed ? 1 : 0);
    out_line(out, "const float *const x = %s + %lld;", planes_read(emission, &pointwise.planes), (long long)pointwise.planes.taps[0]);
    if (pointwise.copies)
        out_line(out, "float *const strip = %s;", emit_thread_scratch(emission, "float", 0));
    if (sum_rows(&pointwise) > 0)
        out_line(out, "float *const sums = %s;", emit_thread_scratch(emission, "float", 4 * (size_t)copy_floats(&pointwise)));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(emission, &pointwise);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_sparse_pointwise = {
    .name = "sparse_pointwise", .sparse = true,
    .says = "nonzeros of a 1x1 kernel as values and offsets, all output channels over a strip of positions",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = pointwise_work, .stages = stages, .pack = pack, .emit = emit,
};
