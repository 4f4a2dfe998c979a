/* What Winograd's convolutions cost, function by function of their text. */
#include "codegen/cpu/dense_winograd.h"

#include <math.h>

/* What the pieces of rows of tiles are, summed over all of them. */
typedef struct Pieces {
    double inputs, outputs;          /* how many there are of one vector of channels, before and behind the product */
    double turns, zeros;             /* vectors of pixels brought together, pixels of padding */
    double lines;                    /* of results */
    double whole, parts, left;       /* vectors of results of a channel: whole ones, others, and their elements */
} Pieces;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void add_input(const Winograd *winograd, int64_t row, int64_t begin, int64_t end, Pieces *pieces)
{
    const Window *window = &winograd->window;
    const int64_t left = begin * winograd->side - window->pad_left, right = end * winograd->side + 2 - window->pad_left;
    const int64_t first = left > 0 ? least(left, right) : least(0, right), stop = least(right, window->width), past = stop > first ? stop : first;
    for (int64_t i = 0; i < winograd->reach; i++) {
        const int64_t y = row * winograd->side + i - window->pad_top;
        const bool inside = y >= 0 && y < window->height;
        pieces->turns += inside ? (double)divide_up(past - first, winograd->lanes) : 0;
        pieces->zeros += (double)(inside ? right - left - (past - first) : right - left);
    }
    pieces->inputs++;
}

static void add_output(const Winograd *winograd, int64_t row, int64_t begin, int64_t end, Pieces *pieces)
{
    const Window *window = &winograd->window;
    const double rows = (double)least(winograd->side, window->out_height - row * winograd->side);
    const int64_t columns = least(end * winograd->side, window->out_width) - begin * winograd->side;
    pieces->outputs++;
    pieces->lines += rows;
    pieces->whole += rows * (double)(columns / winograd->lanes);
    pieces->parts += columns % winograd->lanes > 0 ? rows : 0;
    pieces->left += rows * (double)(columns % winograd->lanes);
}

static void pieces_of(const Winograd *winograd, Pieces *pieces)
{
    *pieces = (Pieces){.inputs = 0};
    for (int64_t tile = 0, count = 0; tile < winograd->tiles; tile += count) {
        const int64_t row = tile / winograd->wide % winograd->tall, column = tile % winograd->wide;
        count = least(winograd->wide - column, winograd->panel - tile % winograd->panel);
        add_output(winograd, row, column, column + count, pieces);
        if (!winograd->shared)
            add_input(winograd, row, column, column + count, pieces);
    }
    for (int64_t line = 0; winograd->shared && line < winograd_lines(winograd); line++)
        add_input(winograd, line % winograd->tall, 0, winograd->wide, pieces);
}

/* The shuffles of v_transpose. */
static void meter_transpose(Meter *meter, int lanes)
{
    meter_shuffles(meter, lanes * log2(lanes));
}

/* A multiplication alone counts as arithmetic where multiply-adds are another instruction. */
static void meter_multiply(Meter *meter, double count)
{
    meter->stage->fma += meter->isa->fuses ? 0 : meter->runs * count;
    meter_vector(meter, count);
}

/* ---- the transforms ---- */

static void meter_forward(Meter *meter, const Winograd *winograd)
{
    const double lines = 2 * winograd->reach;
    meter_load(meter, winograd->side == 4 ? 84 : 24, 0);
    if (winograd->side == 4)
        meter_fma(meter, 12 * lines);
    else
        meter_vector(meter, 4 * lines);
    meter_store(meter, winograd->elements);
    meter_other(meter, 14);
}

static void meter_inputs(Meter *meter, const Winograd *winograd, const Pieces *pieces)
{
    const double vectors = (double)(winograd->window.group * winograd->channel_blocks);
    const int64_t width = winograd->window.width, pixels = least(width, winograd->lanes);
    meter->runs = vectors * pieces->inputs;
    meter_other(meter, 40);
    meter->runs = vectors * pieces->inputs * winograd->reach;
    meter_other(meter, 16);
    meter->runs = vectors * pieces->turns;
    meter_other(meter, 12);
    const double runs = meter->runs, channels = (double)winograd->channels / (double)winograd->channel_blocks;
    meter->runs = runs * channels / winograd->lanes;
    for (int i = 0; i < winograd->lanes; i++)
        if (width < winograd->lanes)
            meter_part(meter, (int)pixels);
        else
            meter_load(meter, 1, split_share(winograd->lanes));
    meter->runs = runs;
    meter_transpose(meter, winograd->lanes);
    meter_store(meter, (double)pixels);
    meter->runs = vectors * pieces->zeros;
    meter_store(meter, 1);
    meter_other(meter, 3);
    meter_loop(meter, vectors * (double)winograd->tiles);
    meter_forward(meter, winograd);
}

static void meter_backward(Meter *meter, const Winograd *winograd)
{
    if (winograd->side == 4) {
        meter_load(meter, 60, 0);
        meter_vector(meter, 6 * 6 + 4 * 8);
        meter_multiply(meter, 6 * 2);
        meter_fma(meter, 6 * 4 + 4 * 6);
    } else {
        meter_load(meter, 24, 0);
        meter_vector(meter, 4 * 4 + 2 * 6);
    }
    meter_store(meter, winograd->side * winograd->side);
    meter_other(meter, 8);
}

static void meter_back(Meter *meter, const Problem *problem, const Winograd *winograd, const Pieces *pieces)
{
    const double vectors = (double)(winograd->window.group * divide_up(winograd->outputs, winograd->lanes)), lanes = winograd->lanes;
    meter->runs = (double)(winograd->window.group * winograd->output_blocks) * pieces->outputs;
    meter_other(meter, 40);
    meter->runs = vectors * pieces->outputs;
    meter_other(meter, 40);
    meter_load(meter, 1, 0);
    meter->runs = vectors * (double)winograd->tiles;
    meter_backward(meter, winograd);
    meter->runs = vectors * pieces->lines;
    meter_other(meter, 8);
    meter->runs = vectors * (pieces->whole + pieces->parts);
    meter_load(meter, lanes, 0);
    meter_transpose(meter, winograd->lanes);
    meter_other(meter, 10);
    meter->runs = (double)winograd->window.outputs / lanes * pieces->whole;
    meter_put(meter, problem, lanes, 0);
    meter->runs = (double)winograd->window.outputs / lanes * pieces->parts;
    meter_put(meter, problem, lanes, pieces->parts > 0 ? (int)fmax(1, round(pieces->left / pieces->parts)) : 1);
}

/* ---- the product ---- */

static void meter_step(Meter *meter, const Winograd *winograd)
{
    const double rows = winograd->rows, vectors = winograd->vectors;
    if (winograd->rows <= 2) {
        meter_fma_load(meter, rows * vectors, 0);
    } else {
        meter_load(meter, vectors, 0);
        meter_fma(meter, rows * vectors);
    }
    if (winograd->vectors == 1 && winograd->rows > 2 && meter->isa->vector_bytes == 64)
        meter_operand(meter, rows, 0);               /* broadcast on the way */
    else
        meter_load(meter, rows, 0);
    meter->stage->narrow_loads += meter->runs * rows;
    meter_other(meter, 4);
}

static void meter_multiplied(Meter *meter, const Winograd *winograd)
{
    const double products = (double)(winograd->window.group * winograd->output_blocks * winograd->row_blocks) * winograd->elements;
    const double sums = (double)winograd->rows * winograd->vectors, channels = (double)winograd->channels;
    meter_loop(meter, products * channels);
    meter_step(meter, winograd);
    meter_hot(meter);
    meter->runs = products * (double)winograd->channel_blocks;
    meter_other(meter, 5);
    meter->runs = products;
    meter_move(meter, sums);
    meter_store(meter, sums);
    meter_other(meter, 14);
    meter_chain(meter, channels, channels * (sums + winograd->rows + winograd->vectors + 4));
}

/* ---- traffic ---- */

static void touch_inputs(const Winograd *winograd, const Pieces *pieces, StageWork *stage)
{
    const Window *window = &winograd->window;
    const double planes = (double)(window->batch * window->channels), plane = 4.0 * (double)(window->height * window->width);
    const double pixels = 4.0 * winograd->reach * (double)(winograd->piece * winograd->side + 2) * winograd->lanes;
    const double read = (double)(window->group * winograd->channel_blocks) * pieces->turns * 4.0 * winograd->lanes * winograd->lanes;
    stage_touch(stage, TOUCH_INPUT, planes * plane);
    stage_touch_again(stage, fmax(0, read - planes * plane), pixels * (winograd->shared ? 2 : (double)winograd->channel_blocks));
    stage_touch_again(stage, 2 * read, pixels);
}

/* The inputs of a panel serve all output channels, the weights all panels. */
static void touch_products(const Winograd *winograd, StageWork *stage)
{
    const double panels = (double)(winograd->panels * winograd->window.group), blocks = (double)winograd->output_blocks;
    const double inputs = 4.0 * (double)winograd->inputs, weights = 4.0 * (double)winograd_weight_floats(winograd);
    const double block = weights / blocks / (double)winograd->window.group, products = 4.0 * winograd->elements * (double)winograd->product_step;
    const double covered = 4.0 * (double)(winograd->outputs * winograd->panel) * winograd->side * winograd->side;
    if (winograd->shared) {
        stage_touch_again(stage, panels * inputs, panels * inputs * 1.5);
    } else {
        stage_touch_again(stage, panels * inputs, inputs);
        stage_touch_again(stage, panels * inputs, inputs * 1.5 + blocks * products + weights + covered);     /* written over the last panel's */
    }
    stage_touch_again(stage, panels * (blocks - 1) * inputs, inputs + block + products);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, ((double)winograd->panels - 1) * weights, weights + inputs + blocks * products + covered);
    if (winograd->blocks > 1)
        stage_touch_again(stage, (double)winograd->panels * (winograd->blocks - 1) * weights,
                          (block + inputs) / winograd->elements);
    stage_touch_again(stage, panels * blocks * products, products);
    stage_touch_again(stage, panels * blocks * products, products + inputs + block);
}

void winograd_work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Winograd winograd;
    Pieces pieces;
    winograd_of(problem, tiling, &winograd);
    pieces_of(&winograd, &pieces);
    const Window *window = &winograd.window;
    Meter meter = meter_begin(problem, work);
    meter_inputs(&meter, &winograd, &pieces);
    touch_inputs(&winograd, &pieces, meter.stage);
    if (winograd.shared) {
        meter_hot(&meter);
        stage_touch(meter.stage, TOUCH_OUTPUT, 4.0 * (double)(winograd.panels * window->group * winograd.inputs));
        meter_end(&meter);
        meter = meter_begin(problem, work);
    }
    meter_multiplied(&meter, &winograd);
    meter_back(&meter, problem, &winograd, &pieces);
    meter_end(&meter);
    touch_products(&winograd, meter.stage);
    epilogue_touch(meter.stage, problem);
    work->multiply_adds = (double)(window->batch * window->outputs * window->out_height * window->out_width * winograd.channels) * 9;
    work->weight_bytes = 4.0 * (double)(winograd_weight_floats(&winograd) + window->group * winograd.output_blocks * winograd.width) +
                         epilogue_bytes(problem);
}
