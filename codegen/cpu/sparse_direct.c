/* Convolutions with constant weights, zeros left out: a tile of positions of one output channel stays in registers while the channel's nonzeros are
   walked, each a value and the constant offset of its input. Where planes are read by several taps, their channels may come in blocks
   (sparse_direct_blocks.c). Any stride, dilation, padding, group; one or two axes. An infinity
   or NaN of the input reaches the outputs through nonzeros only: a zero times infinity is not computed. */
#include "codegen/cpu/sparse_direct.h"

#include <math.h>

typedef struct Sparse {
    Window window;
    Planes planes;
    Tiles tiles;
    int ways;                        /* accumulators a vector: small tiles need several to hide the latency of v_fma */
    int64_t largest_offset;
} Sparse;

static bool in_blocks(const Tiling *tiling)
{
    return tiling->size[SIZE_CHANNELS] > 0;
}

static void sparse_of(const Problem *problem, const Tiling *tiling, Sparse *sparse)
{
    const Node *node = problem->node;
    window_of(node, &sparse->window);
    const Window *window = &sparse->window;
    const int lanes = problem_lanes(problem);
    planes_for(problem, window, tiling, &sparse->planes);
    const int64_t group_channels = window->channels / window->group;
    tiles_of(&sparse->planes, lanes, tiling->size[1], 1, window->batch * window->outputs, group_channels, &sparse->tiles);
    sparse->ways = sum_ways(tiling->size[1]);
    int64_t largest = 0;
    for (int64_t t = 0; t < window_taps(window); t++)
        largest = sparse->planes.taps[t] > largest ? sparse->planes.taps[t] : largest;
    sparse->largest_offset = largest + (window->channels - 1) * sparse->planes.channel;
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    PlaneMode modes[PLANE_MODES];
    if (node->op != OP_Conv || !problem_vector(problem) || !weights_constant(node) || !problem->pattern || !window_of(node, &window))
        return false;
    return problem->pattern->nonzeros < INT32_MAX && planes_modes(problem, &window, false, modes) > 0;
}

/* Accumulators that the compiler keeps in registers, beside loaded operands where instructions do not load them themselves: gcc loads all of those
   first, and each needs a register, too. */
static int most_sums(const Isa *isa)
{
    return isa->registers < 32 ? 13 : isa->folds ? 24 : 14;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Planes planes;
    window_of(problem->node, &window);
    const int lanes = problem_lanes(problem), limit = most_sums(&problem->target->isa);
    PlaneMode modes[PLANE_MODES];
    const int mode_count = planes_modes(problem, &window, false, modes);
    int count = 0, sizes[MOST_SIZES];
    for (int i = 0; i < mode_count; i++) {
        planes_of(&window, modes[i], lanes, problem->graph->ctx->scratch, &planes);
        for (int size = tiles_sizes(&planes, lanes, limit, sizes) - 1; size >= 0; size--)
            count = planes_tilings(problem, &window, &planes, (Tiling){.size = {modes[i], sizes[size]}}, list, count, most);
    }
    return blocks_tilings(problem, &window, limit, list, count, most);
}

/* ---- what it costs ---- */

/* Rows of the weights, as the loops over their nonzeros meet them. */
typedef struct Rows {
    double rounds, rest;             /* of all rows: runs of the loop over `ways` nonzeros, and nonzeros left over for the other */
    double chain;                    /* rounds and rests one after the other */
    double largest;                  /* nonzeros of the longest */
    double planes;                   /* of the input that a row touches, on average */
    double part;                     /* of all planes that it could touch */
} Rows;

static Rows rows_of(const Problem *problem, const Sparse *sparse)
{
    const Pattern *pattern = problem->pattern;
    Rows rows = {0, 0, 0, 0, 0, 0};
    walk_rounds(pattern, sparse->ways, &rows.rounds, &rows.rest);
    for (int64_t k = 0; k < pattern->rows; k++)
        rows.largest = fmax(rows.largest, pattern->row_nonzeros[k]);
    rows.chain = rows.rounds + rows.rest;
    /* n nonzeros at random leave a plane out with (1 - 1/planes)^n */
    const double each = (double)(sparse->window.channels / sparse->window.group * (sparse->planes.channel / sparse->planes.plane));
    rows.part = 1 - pow(1 - 1 / each, (double)pattern->nonzeros / (double)pattern->rows);
    rows.planes = each * rows.part;
    return rows;
}

/* One row of weights and one tile: sums set to the bias, nonzeros walked, ways added up, stored. */
static void meter_tile(Meter *meter, const Problem *problem, const Sparse *sparse, const Rows *rows, double batch)
{
    const double size = sparse->tiles.size, ways = sparse->ways, tiles = batch * (double)sparse->tiles.tiles;
    const double split = split_share_of(sparse->tiles.lanes, sparse->planes.taps, window_taps(&sparse->window), sparse->planes.channel);
    meter->runs = tiles;
    walk_meter(meter, sparse->tiles.size, sparse->ways, rows->rounds, rows->rest, split);
    meter->runs = tiles * (double)sparse->window.outputs;
    meter_other(meter, (sparse->planes.contiguous ? 9 : 7 + size) + (ways > 1 ? 10 : 0));
    meter_scalar_load(meter, 3);
    meter_move(meter, size * ways);
    meter_vector(meter, size * (ways - 1));
    meter_tiles_store(meter, problem, &sparse->planes, &sparse->tiles);
    const double nonzeros = rows->chain / (double)sparse->window.outputs;
    meter_chain(meter, nonzeros, nonzeros * (7 + size * ways));
}

/* Which loops end where the core does not expect it: each new row's; and of rows of more than a few dozen rounds every tile's, although it has the
   same length as the one before. */
static double mispredicts(const Problem *problem, const Sparse *sparse, const Rows *rows)
{
    const double remembered = 32, outputs = (double)problem->pattern->rows, batch = (double)sparse->window.batch;
    const bool remembers = rows->rounds / outputs <= remembered;
    return batch * outputs * (remembers ? (double)sparse->tiles.blocks : (double)sparse->tiles.tiles);
}

#define GAPS 4

/* A plane is touched again after a number of rows that chance gives: with probability (1-part)^(j-1) part after j. In the `quantile` of all cases
   after so many of them, and then this part of everything has been touched in between. */
static double touched_between(double part, double quantile)
{
    if (part >= 1)
        return 1;
    const double rows = ceil(log(1 - quantile) / log(1 - part));
    return 1 - pow(1 - part, fmax(1, rows));
}

/* Nonzeros of a plane after the first read lines further down, which the first ones of a later tile read again: what lies in between is what a tile
   reads of all planes. */
static void touch_below(const Problem *problem, const Sparse *sparse, const Rows *rows, StageWork *stage)
{
    const Planes *planes = &sparse->planes;
    const double item = 4.0 * sparse->tiles.size * sparse->tiles.lanes, below = 4 * fmax(0, (double)(planes->plane - planes->positions));
    const double each = (double)problem->pattern->nonzeros / (double)problem->pattern->rows, overlap = fmin(1, (each / fmax(1, rows->planes) - 1) / 2);
    const double passes = (double)(sparse->window.batch * sparse->window.outputs * sparse->tiles.tiles);
    if (overlap > 0)
        stage_touch_again(stage, passes * rows->planes * overlap * below,
                          rows->planes * (item + below) * direct_crowding(&problem->target->isa));
}

/* What is read again and again, and what lies in between. A row of weights is walked once for every tile of a block; then comes the next row, over
   the same block of the planes; when all rows have passed, the next block. */
static void touch(const Problem *problem, const Sparse *sparse, const Rows *rows, StageWork *stage)
{
    const Window *window = &sparse->window;
    const double batch = (double)window->batch, outputs = (double)window->outputs, blocks = (double)sparse->tiles.blocks;
    const double nonzeros = (double)problem->pattern->nonzeros, input = 4 * (double)sparse->planes.image, plane = 4 * (double)sparse->planes.plane;
    const double weights = nonzeros * (4 + (sparse->largest_offset <= UINT16_MAX ? 2 : 4)) + 8 * outputs;
    const double covered = 4 * (double)sparse->tiles.block_floats, row = rows->planes * plane / blocks;
    const double tiles = (double)sparse->tiles.tiles / blocks, once = input / blocks + weights / outputs + covered;
    const double again = once * direct_crowding(&problem->target->isa);
    if (planes_packs(&sparse->planes))
        stage_touch_again(stage, batch * input, batch * input * 1.5);
    else
        stage_touch(stage, TOUCH_INPUT, batch * input * pattern_read(problem->pattern));
    touch_below(problem, sparse, rows, stage);
    for (int i = 0; i < GAPS; i++)
        stage_touch_again(stage, batch * blocks * (outputs - 1) * row / GAPS, again * touched_between(rows->part, (i + 0.5) / GAPS));
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, batch * blocks * (tiles - 1) * weights, weights / outputs + row / tiles);
    stage_touch_again(stage, (batch * blocks - 1) * weights, weights + input / blocks + outputs * covered);
    if (!sparse->planes.contiguous)
        stage_touch_again(stage, batch * blocks * outputs * covered, covered + row + weights / outputs);
    epilogue_touch(stage, problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Sparse sparse;
    if (in_blocks(tiling)) {
        blocks_work(problem, tiling, work);
        return;
    }
    sparse_of(problem, tiling, &sparse);
    const Window *window = &sparse.window;
    const double nonzeros = (double)problem->pattern->nonzeros, batch = (double)window->batch, outputs = (double)window->outputs;
    const Rows rows = rows_of(problem, &sparse);
    if (planes_packs(&sparse.planes))
        planes_work(problem, window, &sparse.planes, work);
    Meter meter = meter_begin(problem, work);
    meter_tile(&meter, problem, &sparse, &rows, batch);
    meter.runs = batch * outputs * (double)sparse.tiles.blocks;
    meter_other(&meter, 30);
    meter.runs = batch * outputs;
    meter_tiles_finish(&meter, problem, window, &sparse.planes, &sparse.tiles);
    meter_end(&meter);
    const double each = (double)sparse.tiles.size + 7, fixed = 25 + 3 * (double)sparse.tiles.size;
    meter.stage->mispredicts = mispredicts(problem, &sparse, &rows);
    meter.stage->largest_item = (rows.largest * each + fixed) / (nonzeros / outputs * each + fixed);
    touch(problem, &sparse, &rows, meter.stage);
    work->multiply_adds = batch * nonzeros * (double)(window->out_height * window->out_width);
    work->weight_bytes = 4 * (nonzeros + 1 + outputs) + epilogue_bytes(problem);
    work->index_bytes = (nonzeros + 1) * (sparse.largest_offset <= UINT16_MAX ? 2 : 4) + 4 * (outputs + 1);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Sparse sparse;
    if (in_blocks(tiling)) {
        blocks_stages(problem, tiling, layer);
        return;
    }
    sparse_of(problem, tiling, &sparse);
    const Window *window = &sparse.window;
    if (planes_packs(&sparse.planes))
        planes_stage(window, &sparse.planes, layer);
    layer->stages[layer->stage_count++] = (StagePlan){.items = window->batch * sparse.tiles.blocks * window->outputs, .says = "multiply"};
    if (!sparse.planes.contiguous)
        layer->thread_bytes = 4 * (size_t)sparse.tiles.block_floats;
}

/* ---- packing: values, offsets, where each output channel starts, biases ---- */

enum { VALUES, OFFSETS, STARTS, BIASES };

typedef struct Table {
    float *values;
    int64_t *offsets;
    int32_t *starts;
    int64_t count;
} Table;

static void add_row(const Sparse *sparse, const void *weights, int64_t k, Table *table)
{
    const Window *window = &sparse->window;
    const int64_t channels = window->channels / window->group, taps = window_taps(window);
    const int64_t first = k / (window->outputs / window->group) * channels;
    for (int64_t i = 0; i < channels * taps; i++) {
        const float value = read_float(weights, k * channels * taps + i);
        if (value == 0)
            continue;
        table->values[table->count] = value;
        table->offsets[table->count++] = (first + i / taps) * sparse->planes.channel + sparse->planes.taps[i % taps];
    }
    table->starts[k + 1] = (int32_t)table->count;
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Sparse sparse;
    if (in_blocks(tiling)) {
        blocks_pack(problem, tiling, packed);
        return;
    }
    sparse_of(problem, tiling, &sparse);
    const int64_t nonzeros = problem->pattern->nonzeros, outputs = sparse.window.outputs;
    /* one more, so that no array is empty */
    Table table = {.values = arena_array(packed->arena, float, nonzeros + 1), .offsets = arena_array(packed->arena, int64_t, nonzeros + 1),
                   .starts = arena_array(packed->arena, int32_t, outputs + 1)};
    for (int64_t k = 0; k < outputs; k++)
        add_row(&sparse, problem->node->inputs[1]->data, k, &table);
    packed_add(packed, "float", table.values, (size_t)(nonzeros + 1) * sizeof(float));
    packed_offsets(packed, table.offsets, nonzeros + 1, sparse.largest_offset);
    packed_add(packed, "int32_t", table.starts, (size_t)(outputs + 1) * sizeof(int32_t));
    packed_add(packed, "float", weights_bias(problem->node, outputs, 1, packed->arena), (size_t)outputs * sizeof(float));
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

static void emit_multiply_stage(const Emission *emission, const Sparse *sparse)
{
    Out *out = emission->out;
    const Window *window = &sparse->window;
    const bool packed = planes_packs(&sparse->planes);
    emit_stage_open(emission, packed ? 1 : 0);
    out_line(out, "const float *const x = %s;", planes_read(emission, &sparse->planes));
    out_line(out, "const float *const value = %s;", emit_packed(emission, VALUES));
    out_line(out, "const %s *const offset = %s;", offset_type(sparse->largest_offset), emit_packed(emission, OFFSETS));
    out_line(out, "const int32_t *const start = %s;", emit_packed(emission, STARTS));
    out_line(out, "const float *const bias = %s;", emit_packed(emission, BIASES));
    if (!sparse->planes.contiguous)
        out_line(out, "float *const buffer = %s;", emit_thread_scratch(emission, "float", 0));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "const int64_t k = item %% %lld, strip = item / %lld;", (long long)window->outputs, (long long)window->outputs);
    out_line(out, "const int64_t n = strip / %lld%s;", (long long)sparse->tiles.blocks,
             sparse->tiles.blocks == 1 ? "" : arena_format(emission->arena, ", block = strip %% %lld", (long long)sparse->tiles.blocks));
    out_line(out, "const int64_t out = (n * %lld + k) * %lld;", (long long)window->outputs,
             (long long)(window->out_height * window->out_width));
    tiles_open(emission, &sparse->planes, &sparse->tiles);
    sums_declare(emission, sparse->tiles.size, sparse->ways, "v_set1(bias[k])");
    out_line(out, "const float *const image = x + (n * %lld + at);", (long long)sparse->planes.image);
    walk_emit(emission, &(Walk){&sparse->planes, &sparse->tiles, sparse->ways, "k", "image", "offset"});
    tiles_store(emission, &sparse->planes, &sparse->tiles, "a", "out", 0);
    out_close(out, "");
    tiles_finish(emission, &sparse->planes, &sparse->tiles, "out", 0);
    out_close(out, "");
    out_close(out, "");
}

static void emit(const Emission *emission)
{
    Sparse sparse;
    if (in_blocks(&emission->layer->tiling)) {
        blocks_emit(emission);
        return;
    }
    sparse_of(emission->problem, &emission->layer->tiling, &sparse);
    epilogue_define(emission);
    tiles_define_rows(emission, &sparse.window, &sparse.planes, &sparse.tiles);
    if (planes_packs(&sparse.planes))
        planes_emit_stage(emission, &sparse.window, &sparse.planes);
    emit_multiply_stage(emission, &sparse);
}

const Kernel kernel_sparse_direct = {
    .name = "sparse_direct", .sparse = true,
    .says = "nonzeros as values and offsets, a tile of positions of one output channel in registers",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
