/* What sparse_pointwise costs. */
#include "codegen/cpu/sparse_pointwise.h"

#include <math.h>

/* A strip of `size` vectors, `strips` of them: a nonzero's offset and value are loaded, its address added up, then a multiply-add a vector. */
static void meter_nonzeros(Meter *meter, double count, double size, double split)
{
    meter_scalar_load(meter, 2 * count);
    meter_other(meter, (size > 1 ? 1 : 0) * count);
    meter_fma_load(meter, count * size, split);
}

static double read_split(const Pointwise *pointwise)
{
    const int64_t zero = 0;
    return pointwise->copies ? 0 : split_share_of(pointwise->lanes, &zero, 1, pointwise->planes.channel);
}

static void meter_copy(Meter *meter, const Pointwise *pointwise, double size, double strips)
{
    const int64_t zero = 0;
    if (!pointwise->copies)
        return;
    meter_loop(meter, strips * (double)(pointwise->units * pointwise->channels));
    meter_load(meter, size, split_share_of(pointwise->lanes, &zero, 1, pointwise->planes.channel));
    meter_store(meter, size);
    meter_other(meter, 4);
}

/* The end of a row: stored for the next block, or put. */
static void meter_row_end(Meter *meter, const Problem *problem, const Pointwise *pointwise, int size, double strips)
{
    const double rows = strips * (double)pointwise->window.outputs, blocks = (double)pointwise->blocks;
    const bool part = pointwise->part > 0 && strips > 0, contiguous = pointwise->planes.contiguous;
    meter->runs = rows * (contiguous ? blocks - 1 : blocks);
    if (pointwise->blocks > 1 || !contiguous)
        meter_store(meter, size);
    meter->runs = rows;
    if (contiguous) {
        meter_put(meter, problem, size - part, 0);
        meter_ask(meter, problem, ceil(size * pointwise->lanes / 16.0));
        if (part)
            meter_put(meter, problem, 1, pointwise->part);
        meter_other(meter, part);
    } else {
        meter_other(meter, 20);
    }
}

static void meter_strips(Meter *meter, const Problem *problem, const Pointwise *pointwise, int size, double strips)
{
    const int ways = sum_ways(size);
    const double nonzeros = (double)problem->pattern->nonzeros, blocks = (double)pointwise->blocks;
    const double rows = (double)pointwise->window.outputs * blocks, mean = nonzeros / rows;
    /* of the last round of a row all lengths are as likely */
    const double rounds = ways == 1 ? nonzeros : rows * fmax(0, mean / ways - (ways - 1) / (2.0 * ways) * (1 - exp(-mean)));
    meter_copy(meter, pointwise, size, strips);
    meter_loop(meter, strips * rounds);
    meter_nonzeros(meter, ways, size, read_split(pointwise));
    meter_other(meter, 3);
    meter_hot(meter);
    meter->runs = strips * (nonzeros - rounds * ways);
    if (ways > 1) {
        meter_nonzeros(meter, 1, size, read_split(pointwise));
        meter_other(meter, 3);
    }
    meter->runs = strips * rows;
    meter_scalar_load(meter, 2);
    meter_other(meter, 10 + (ways > 1 ? 4 + 4 * ways : 0) + (blocks > 1 ? 3 : 0));
    meter_move(meter, size * (ways - 1));
    meter_vector(meter, size * (ways - 1));
    meter->runs = strips * (double)pointwise->window.outputs;
    meter_scalar_load(meter, 1);
    meter_move(meter, size);
    meter->runs = strips * (double)pointwise->window.outputs * (blocks - 1);
    if (blocks > 1)
        meter_load(meter, size, 0);
    meter_row_end(meter, problem, pointwise, size, strips);
    meter->runs = strips * rows;
    meter_chain(meter, mean / ways, mean * (4 + size) + 20);
    meter->runs = strips * (double)pointwise->units * blocks;
    meter_other(meter, 25);
}

/* Where lengths change, and where rows are too long for the core to remember their end. The short ones of a few nonzeros it learns as a whole. */
#define SHORT_ROW 6

static double mispredicts(const Problem *problem, const Pointwise *pointwise)
{
    const double remembered = 32, rows = (double)pointwise_largest_unit(pointwise), blocks = (double)(pointwise->blocks * pointwise->units);
    const double mean = (double)problem->pattern->nonzeros / (double)(pointwise->window.outputs * pointwise->blocks);
    const double lengths = mean / sum_ways(pointwise->large) > remembered ? rows : fmin(rows, 1 + 5 * sqrt(mean) * mean / (mean + SHORT_ROW));
    return (double)(pointwise->strips * pointwise->window.batch) * blocks * lengths;
}

static double index_bytes(const Problem *problem, const Pointwise *pointwise)
{
    const double rows = (double)(pointwise->window.outputs * pointwise->blocks);
    return ((double)problem->pattern->nonzeros + 1) * (pointwise_largest_offset(pointwise) <= UINT16_MAX ? 2 : 4) +
           rows * (pointwise_largest_block(pointwise) <= UINT16_MAX ? 2 : 4) + rows * (pointwise_largest_unit(pointwise) <= UINT16_MAX ? 2 : 4) +
           4 * (double)(pointwise->units * pointwise->blocks);
}

#define GAPS 4

/* The next row that reads the same channel of a strip comes after a number of rows that chance gives. */
static void touch_strip(const Pointwise *pointwise, double nonzeros, double strip, double between, double passes, StageWork *stage)
{
    const double rows = (double)pointwise->outputs / (double)pointwise->parts;
    const double density = fmin(1, nonzeros / ((double)pointwise->window.outputs * (double)pointwise->channels));
    const double again = passes * strip * rows * density;
    for (int i = 0; i < GAPS; i++) {
        const double apart = density >= 1 ? 1 : fmax(1, ceil(log(1 - (i + 0.5) / GAPS) / log(1 - density)));
        const double kept = density >= 1 ? 1 : 1 - pow(1 - density, apart);
        stage_touch_again(stage, again / GAPS, strip * kept + between * apart);
    }
}

static void touch(const Problem *problem, const Pointwise *pointwise, StageWork *stage)
{
    const double batch = (double)pointwise->window.batch, units = (double)pointwise->units, blocks = (double)pointwise->blocks;
    const double strips = batch * (double)pointwise->strips, nonzeros = (double)problem->pattern->nonzeros;
    const double input = 4 * batch * (double)pointwise->planes.image * pattern_read(problem->pattern), group = (double)pointwise->window.group;
    const double weights = 4 * nonzeros + index_bytes(problem, pointwise);
    const double vectors = 4.0 * pointwise->lanes * (double)pointwise->vectors / (double)pointwise->strips;
    const double strip = vectors * (double)pointwise->channels / blocks, sums = vectors * (double)pointwise->outputs / (double)pointwise->parts;
    const double passed = weights / units / blocks, row = passed / ((double)pointwise->outputs / (double)pointwise->parts);
    if (planes_packs(&pointwise->planes))
        stage_touch_again(stage, input, 6 * batch * (double)pointwise->planes.image);
    else
        stage_touch(stage, TOUCH_INPUT, input);
    stage_touch_again(stage, (units - group) / group * input, input / group + weights / units);
    if (pointwise->copies)
        stage_touch_again(stage, strips * units * blocks * strip, 2 * strip + sums + passed);
    touch_strip(pointwise, nonzeros, strip, row + vectors, strips * units * blocks, stage);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, (strips - 1) * weights, weights / units + strip * blocks + sums);
    stage_touch_again(stage, 2 * strips * units * (blocks - 1) * sums, sums + strip + passed);
    epilogue_touch_asked(stage, problem);
}

void pointwise_work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Pointwise pointwise;
    pointwise_of(problem, tiling, &pointwise);
    const Window *window = &pointwise.window;
    const double batch = (double)window->batch, nonzeros = (double)problem->pattern->nonzeros;
    if (planes_packs(&pointwise.planes))
        planes_work(problem, window, &pointwise.planes, work);
    Meter meter = meter_begin(problem, work);
    meter_strips(&meter, problem, &pointwise, pointwise.large, batch * (double)pointwise.larges);
    if (pointwise.larges < pointwise.strips)
        meter_strips(&meter, problem, &pointwise, pointwise.small, batch * (double)(pointwise.strips - pointwise.larges));
    meter.runs = batch * (double)window->outputs;
    const Tiles tiles = {.lanes = pointwise.lanes, .blocks = pointwise.strips};
    meter_tiles_finish(&meter, problem, window, &pointwise.planes, &tiles);
    meter_end(&meter);
    meter.stage->mispredicts = mispredicts(problem, &pointwise);
    touch(problem, &pointwise, meter.stage);
    work->multiply_adds = batch * nonzeros * (double)(window->out_height * window->out_width);
    work->weight_bytes = 4 * (nonzeros + 1 + (double)window->outputs) + epilogue_bytes(problem);
    work->index_bytes = index_bytes(problem, &pointwise);
}
