/* Convolutions with constant weights, zeros multiplied like the rest: a few output channels times a few vectors of positions stay in registers while
   all (input channel, tap) pairs are walked; each loaded vector serves all the channels. Any geometry over one or two axes. Infinities and NaNs
   spread as in the operator's definition, where padding is a zero that weights are multiplied with. */
#include "codegen/cpu/cpu.h"

#include <math.h>

#define LINE_FLOATS 16
#define ASK_INSTRUCTIONS 6           /* to find where the tile's outputs lie */

typedef struct Dense {
    Window window;
    Planes planes;
    Tiles tiles;
    int rows;                        /* output channels at once */
    int64_t group_outputs, group_channels, group_blocks;
} Dense;

static void dense_of(const Problem *problem, const Tiling *tiling, Dense *dense)
{
    window_of(problem->node, &dense->window);
    const Window *window = &dense->window;
    const int lanes = problem_lanes(problem);
    planes_for(problem, window, tiling, &dense->planes);
    dense->rows = tiling->size[2];
    dense->group_outputs = window->outputs / window->group;
    dense->group_channels = window->channels / window->group;
    dense->group_blocks = divide_up(dense->group_outputs, dense->rows);
    tiles_of(&dense->planes, lanes, tiling->size[1], dense->rows, window->batch * window->group * dense->group_blocks, dense->group_channels,
             &dense->tiles);
}

static Terms terms_of(const Dense *dense)
{
    return (Terms){dense->group_channels, dense->planes.channel, dense->planes.taps, window_taps(&dense->window)};
}

/* Channels at once; beside the accumulators a tile needs its loaded vectors and one weight. */
static const int row_choices[] = {1, 2, 3, 4, 6, 8};

#define SIZES_EACH 2                 /* of every number of channels: the largest, which load least, before smaller ones, which waste less */

static int largest_tile(const Problem *problem, int rows)
{
    const int fit = problem->target->isa.kept / (rows + 1);
    return fit > 12 ? 12 : fit > 1 ? fit : 1;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Planes planes;
    window_of(problem->node, &window);
    PlaneMode modes[PLANE_MODES];
    const int mode_count = planes_modes(problem, &window, false, modes), lanes = problem_lanes(problem);
    int count = 0, sizes[MOST_SIZES];
    for (int m = 0; m < mode_count; m++) {
        planes_of(&window, modes[m], lanes, problem->graph->ctx->scratch, &planes);
        for (int i = COUNT(row_choices) - 1; i >= 0; i--) {
            if (i > 0 && row_choices[i] > window.outputs / window.group)
                continue;
            const int last = tiles_sizes(&planes, lanes, largest_tile(problem, row_choices[i]), sizes) - 1;
            for (int size = last; size >= 0 && size > last - SIZES_EACH; size--)
                count = planes_tilings(problem, &window, &planes, (Tiling){.size = {modes[m], sizes[size], row_choices[i]}}, list, count, most);
        }
    }
    return count;
}

/* ---- what it costs ---- */

/* A tap: its vectors are loaded once for all channels, or are operands where there is one, or two and no table of taps; a weight is broadcast for
   each. */
static void meter_step(Meter *meter, const Dense *dense)
{
    const double size = dense->tiles.size, rows = dense->rows;
    const double split = split_share_of(dense->tiles.lanes, dense->planes.taps, window_taps(&dense->window), dense->planes.channel);
    if (rows == 1 || (rows == 2 && window_taps(&dense->window) == 1)) {
        meter_fma_load(meter, rows * size, split);
    } else {
        meter_load(meter, size, split);
        meter_fma(meter, rows * size);
    }
    meter_load(meter, rows, 0);
}

static void meter_tile(Meter *meter, const Problem *problem, const Dense *dense)
{
    const Terms terms = terms_of(dense);
    const double size = dense->tiles.size, rows = dense->rows, count = (double)(terms.channels * terms.tap_count);
    const double runs = meter_terms_begin(meter, &terms);
    meter_step(meter, dense);
    meter_terms_end(meter, &terms, runs);
    meter_other(meter, 14 + ASK_INSTRUCTIONS + ceil(size * dense->tiles.lanes / LINE_FLOATS) * rows);
    meter_load(meter, rows, 0);
    meter_move(meter, rows * (size - 1));
    const double bytes = meter->bytes;
    meter->runs = runs * (double)dense->group_outputs / (double)dense->group_blocks;      /* rows past the last are not stored */
    meter_tiles_store(meter, problem, &dense->planes, &dense->tiles);
    meter->bytes += (meter->bytes - bytes) * (rows - 1);
    meter->runs = runs;
    meter_chain(meter, count, count * (4 + size + rows + size * rows));
}

/* A block of output channels walks a block of positions tile by tile; then the next block of channels comes, over the same positions. */
static void touch(const Problem *problem, const Dense *dense, StageWork *stage)
{
    const Window *window = &dense->window;
    const double batch = (double)window->batch, units = (double)(window->group * dense->group_blocks), blocks = (double)dense->tiles.blocks;
    const double input = 4 * (double)dense->planes.image, block = input / blocks / (double)window->group;
    const double unit = 4.0 * dense->rows * (double)(dense->group_channels * window_taps(window) + 1), weights = units * unit;
    const double covered = 4.0 * dense->rows * (double)dense->tiles.block_floats, tiles = (double)dense->tiles.tiles / blocks;
    if (planes_packs(&dense->planes))
        stage_touch_again(stage, batch * input, batch * input * 1.5);
    else
        stage_touch(stage, TOUCH_INPUT, batch * input);
    stage_touch_again(stage, batch * blocks * (units - (double)window->group) * block, block + unit + covered);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, batch * blocks * (tiles - 1) * weights, unit + block / tiles);
    stage_touch_again(stage, (batch * blocks - 1) * weights, weights + input / blocks + units * covered);
    if (!dense->planes.contiguous)
        stage_touch_again(stage, 2 * batch * blocks * units * covered, covered + block + unit);
    epilogue_touch_asked(stage, problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Dense dense;
    dense_of(problem, tiling, &dense);
    const Window *window = &dense.window;
    const double batch = (double)window->batch, outputs = (double)window->outputs, terms = (double)(dense.group_channels * window_taps(window));
    const double units = (double)(window->group * dense.group_blocks), outer = (double)(window->out_height * window->out_width);
    if (planes_packs(&dense.planes))
        planes_work(problem, window, &dense.planes, work);
    Meter meter = meter_begin(problem, work);
    meter.runs = batch * units * (double)dense.tiles.tiles;
    meter_tile(&meter, problem, &dense);
    meter.runs = batch * units * (double)dense.tiles.blocks;
    meter_other(&meter, 48);
    meter.runs = batch * outputs;
    meter_tiles_finish(&meter, problem, window, &dense.planes, &dense.tiles);
    meter.runs = 0;                      /* text alone: a call for every row */
    meter_other(&meter, dense.planes.contiguous ? 0 : 10 * dense.rows);
    meter_end(&meter);
    touch(problem, &dense, meter.stage);
    work->multiply_adds = batch * outputs * terms * outer;
    work->weight_bytes = 4 * units * dense.rows * (terms + 1) + epilogue_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Dense dense;
    dense_of(problem, tiling, &dense);
    const Window *window = &dense.window;
    if (planes_packs(&dense.planes))
        planes_stage(window, &dense.planes, layer);
    const int64_t items = window->batch * dense.tiles.blocks * window->group * dense.group_blocks;
    layer->stages[layer->stage_count++] = (StagePlan){.items = items, .says = "multiply"};
    if (!dense.planes.contiguous)
        layer->thread_bytes = 4 * (size_t)(dense.rows * dense.tiles.block_floats);
}

/* ---- packing: weights [group][block of rows][channel][tap][row], tap offsets, biases by block ---- */

enum { WEIGHTS, BIASES };

static void pack_block(const Dense *dense, const Node *node, int64_t group, int64_t block, float *weights, float *biases)
{
    const int64_t terms = dense->group_channels * window_taps(&dense->window);
    const Value *bias = node->input_count > 2 ? node->inputs[2] : NULL;
    for (int row = 0; row < dense->rows; row++) {
        const int64_t within = block * dense->rows + row, k = group * dense->group_outputs + within;
        if (within >= dense->group_outputs)
            return;
        if (bias)
            biases[row] = read_float(bias->data, k);
        for (int64_t i = 0; i < terms; i++)
            weights[i * dense->rows + row] = read_float(node->inputs[1]->data, k * terms + i);
    }
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Dense dense;
    dense_of(problem, tiling, &dense);
    const int64_t blocks = dense.window.group * dense.group_blocks, terms = dense.group_channels * window_taps(&dense.window);
    float *weights = arena_array(packed->arena, float, blocks * terms * dense.rows);
    float *biases = arena_array(packed->arena, float, blocks * dense.rows);
    for (int64_t b = 0; b < blocks; b++)
        pack_block(&dense, problem->node, b / dense.group_blocks, b % dense.group_blocks, weights + b * terms * dense.rows, biases + b * dense.rows);
    packed_add(packed, "float", weights, (size_t)(blocks * terms * dense.rows) * sizeof(float));
    packed_add(packed, "float", biases, (size_t)(blocks * dense.rows) * sizeof(float));
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

static void emit_step(const Emission *emission, const Dense *dense)
{
    Out *out = emission->out;
    for (int v = 0; v < dense->tiles.size; v++)
        out_line(out, "const v_float x%d = %s;", v, tiles_load(emission, &dense->planes, &dense->tiles, "from", v));
    for (int row = 0; row < dense->rows; row++) {
        out_line(out, "const v_float w%d = v_set1(w[%d]);", row, row);
        for (int v = 0; v < dense->tiles.size; v++)
            out_line(out, "a%d_%d = v_fma(w%d, x%d, a%d_%d);", row, v, row, v, row, v);
    }
    out_line(out, "w += %d;", dense->rows);
}

/* Where outputs of the tile will be stored is asked for before its product begins: lines of a result that no cache holds come in meanwhile. */
static void emit_ask(const Emission *emission, const Dense *dense)
{
    Out *out = emission->out;
    const Window *window = &dense->window;
    const Layout *layout = &emission->layer->tiling.out;
    const bool plain = layout_plain(layout);
    const long long width = window->out_width, pitch = dense->planes.pitch, plane = plain ? window->out_height * width : layout->rows * layout->pitch;
    const long long to = plain ? width : layout->pitch, lead = plain ? 0 : layout->top * layout->pitch + layout->left;
    const char *at = pitch == to || window->out_height == 1 ? "at" : arena_format(emission->arena, "at / %lld * %lld + at %% %lld", pitch, to, pitch);
    out_line(out, "const float *const result = y + ((n * %lld + k) * %lld + %s + %lld);", (long long)window->outputs, plane, at, lead);
    for (int row = 0; row < dense->rows; row++)
        for (int i = 0; i < dense->tiles.size * dense->tiles.lanes; i += LINE_FLOATS)
            out_line(out, "v_prefetch(result + %lld);", row * plane + i);
}

static void emit_product(const Emission *emission, const Dense *dense)
{
    Out *out = emission->out;
    const Terms terms = terms_of(dense);
    for (int row = 0; row < dense->rows; row++)
        for (int v = 0; v < dense->tiles.size; v++)
            out_line(out, "v_float a%d_%d = v_set1(bias[%d]);", row, v, row);
    out_line(out, "const float *w = weights + unit * %lld;", (long long)(terms.channels * terms.tap_count * dense->rows));
    out_line(out, "const float *image = x + (input + at);");
    terms_open(emission, &terms);
    emit_step(emission, dense);
    terms_close(emission, &terms);
}

/* Row `row` of a block that holds fewer channels than the others does not exist. */
static void open_row(const Emission *emission, const Dense *dense, int row)
{
    const int64_t last = dense->group_outputs - (dense->group_blocks - 1) * dense->rows;
    if (row >= last)
        out_open(emission->out, "if (unit %% %lld != %lld)", (long long)dense->group_blocks, (long long)dense->group_blocks - 1);
}

static void close_row(const Emission *emission, const Dense *dense, int row)
{
    if (row >= dense->group_outputs - (dense->group_blocks - 1) * dense->rows)
        out_close(emission->out, "");
}

static void emit_item(const Emission *emission, const Dense *dense)
{
    Out *out = emission->out;
    const Window *window = &dense->window;
    const long long units = window->group * dense->group_blocks, blocks = dense->tiles.blocks, group_blocks = dense->group_blocks;
    const long long plane = window->out_height * window->out_width;
    out_line(out, "const int64_t unit = item %% %lld, strip = item / %lld;", units, units);
    out_line(out, "const int64_t n = strip / %lld%s;", blocks, blocks == 1 ? "" : arena_format(emission->arena, ", block = strip %% %lld", blocks));
    out_line(out, "const int64_t group = unit / %lld;", group_blocks);
    out_line(out, "const int64_t k = group * %lld + unit %% %lld * %d;", (long long)dense->group_outputs, group_blocks, dense->rows);
    out_line(out, "const int64_t input = n * %lld + group * %lld;", (long long)dense->planes.image,
             (long long)(dense->group_channels * dense->planes.channel));
    out_line(out, "const float *const bias = biases + unit * %d;", dense->rows);
    out_line(out, "const int64_t out = (n * %lld + k) * %lld;", (long long)window->outputs, plane);
    tiles_open(emission, &dense->planes, &dense->tiles);
    emit_ask(emission, dense);
    emit_product(emission, dense);
    for (int row = 0; row < dense->rows; row++) {
        open_row(emission, dense, row);
        tiles_store(emission, &dense->planes, &dense->tiles, arena_format(emission->arena, "a%d_", row),
                    arena_format(emission->arena, "out + %lld", row * plane), row);
        close_row(emission, dense, row);
    }
    out_close(out, "");
    for (int row = 0; row < dense->rows && !dense->planes.contiguous; row++) {
        open_row(emission, dense, row);
        tiles_finish(emission, &dense->planes, &dense->tiles, arena_format(emission->arena, "out + %lld", row * plane), row);
        close_row(emission, dense, row);
    }
}

static void emit(const Emission *emission)
{
    Dense dense;
    dense_of(emission->problem, &emission->layer->tiling, &dense);
    Out *out = emission->out;
    const bool packed = planes_packs(&dense.planes);
    const Terms terms = terms_of(&dense);
    epilogue_define(emission);
    tiles_define_rows(emission, &dense.window, &dense.planes, &dense.tiles);
    if (packed)
        planes_emit_stage(emission, &dense.window, &dense.planes);
    terms_define(emission, &terms);
    emit_stage_open(emission, packed ? 1 : 0);
    out_line(out, "const float *const x = %s;", planes_read(emission, &dense.planes));
    out_line(out, "const float *const weights = %s;", emit_packed(emission, WEIGHTS));
    out_line(out, "const float *const biases = %s;", emit_packed(emission, BIASES));
    terms_pointer(emission, &terms);
    if (!dense.planes.contiguous)
        out_line(out, "float *const buffer = %s;", emit_thread_scratch(emission, "float", 0));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(emission, &dense);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_dense_direct = {
    .name = "dense_direct",
    .says = "every weight, a block of output channels times a tile of positions in registers",
    .fits = planes_fit, .tilings = tilings, .writes = tiles_writes, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
