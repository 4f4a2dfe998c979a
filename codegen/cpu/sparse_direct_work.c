/* sparse_direct in blocks of input channels: what it costs. */
#include "codegen/cpu/sparse_direct.h"

#include <math.h>

/* How often things happen in all items of the stage. */
typedef struct Runs {
    double items, tiles, packs;      /* tiles: of all blocks; packs: of one channel's planes */
    double lists;                    /* that have nonzeros, or biases */
    double rounds, rests;            /* of the loops over nonzeros: of `together` rows at once, and of one alone */
    double largest;                  /* nonzeros of the fullest share, over the average */
} Runs;

/* A row's part in a block, when its nonzeros fall into blocks at random: expected blocks with one at least. */
static double blocks_used(const Blocks *blocks, double nonzeros)
{
    const double count = (double)blocks->blocks;
    return count * (1 - pow(1 - 1 / count, nonzeros));
}

static Runs runs_of(const Problem *problem, const Blocks *blocks)
{
    const Pattern *pattern = problem->pattern;
    const double strips = (double)(blocks->window.batch * blocks->strips), passes = strips * (double)blocks->tiles, together = blocks->together;
    Runs runs = {.items = strips * (double)blocks->shares, .largest = 1};
    runs.tiles = runs.items * (double)(blocks->blocks * blocks->tiles);
    runs.packs = runs.items * (double)blocks->channels;
    double lists = 0, rests = 0, fullest = 0;
    for (int64_t share = 0; share < blocks->shares; share++) {
        double sum = 0, longest = 0;
        for (int64_t r = 0; r < blocks_share_rows(blocks, share); r++) {
            const double nonzeros = pattern->row_nonzeros[blocks_first_row(blocks, share) + r];
            lists += 1 + blocks_used(blocks, nonzeros) * (double)(blocks->blocks - 1) / (double)blocks->blocks;
            sum += nonzeros;
            longest = fmax(longest, nonzeros);
        }
        /* in order, neighbours differ by little: from the longest row down to the shortest once in each block */
        rests += (together - 1) * fmin(longest, sum / together) / 2;
        fullest = fmax(fullest, sum);
    }
    runs.lists = passes * lists / together;
    runs.rests = passes * rests;
    runs.rounds = passes * ((double)pattern->nonzeros - rests) / together;
    runs.largest = pattern->nonzeros > 0 ? fullest * (double)blocks->shares / (double)pattern->nonzeros : 1;
    return runs;
}

static void meter_nonzeros(Meter *meter, const Blocks *blocks, double count, double split)
{
    meter_scalar_load(meter, 2 * count);
    meter_other(meter, (blocks->vectors > 1 ? 1 : 0) * count);
    meter_fma_load(meter, count * blocks->vectors, split);
}

static void meter_walk(Meter *meter, const Blocks *blocks, const Runs *runs)
{
    const double together = blocks->together, sums = together * blocks->vectors;
    const double split = split_share_of(blocks->lanes, blocks->planes.taps, window_taps(&blocks->window), blocks->channel);
    meter_loop(meter, runs->rounds);
    meter_nonzeros(meter, blocks, together, split);
    meter_other(meter, 3);
    meter_hot(meter);
    meter->runs = runs->rests / fmax(1, together - 1);
    for (int r = 0; r < together - 1; r++) {
        meter_nonzeros(meter, blocks, 1, split);
        meter_other(meter, 3);
    }
    meter->runs = runs->lists;
    meter_other(meter, 8 + 6 * together);
    meter_scalar_load(meter, 1 + 2 * together);
    meter_load(meter, sums, 0);
    meter_store(meter, sums);
    const double links = (runs->rounds + runs->rests) / runs->lists;
    meter_chain(meter, links, links * (6 + sums));
}

static void meter_finish(Meter *meter, const Problem *problem, const Tiling *tiling, const Blocks *blocks)
{
    Planes whole = blocks->planes;
    whole.contiguous = false;
    if (!layout_plain(&tiling->out))
        whole.padding = (int64_t)tiling->out.rows * tiling->out.pitch - blocks->window.out_height * blocks->window.out_width;
    const Tiles tiles = {.lanes = blocks->lanes, .blocks = blocks->strips};
    meter->runs = (double)(blocks->window.batch * blocks->window.outputs);
    meter_tiles_finish(meter, problem, &blocks->window, &whole, &tiles);
}

#define GAPS 4

/* The core looks ahead over so many instructions, which are a third as many nonzeros where a multiply-add takes three of them. There a list's end
   (a branch, sums on their way) hides less, and misses of level 1 do: planes are slow from less of it on. Measured on 13x13 planes on Zen 4: with
   AVX2 a list costs 15 cycles more than its instructions, with SSE4.2 28; there blocks of 16, 26 and 39 KB took 0.85, 0.93 and 0.98 ms. */
static double list_mispredicts(const Isa *isa)
{
    return isa->fuses ? 1.2 : 2;
}

#define STORE_QUEUE 64               /* stores on their way to level 1 */
#define EARLY_MISPREDICTS 4          /* what a tile waits for them, as branches guessed wrong */

/* A block so small that its stores have not left the core when its planes are read at other offsets, which cores do not forward: that of a group of
   one channel, above all. Measured on Zen 4 with AVX-512, 3x3 and depthwise: 60 cycles a tile on 7x7 planes, 90 on 14x14, 130 on 28x28. */
static double early_mispredicts(const Blocks *blocks, const Runs *runs)
{
    return blocks->block * blocks->channel <= STORE_QUEUE * blocks->lanes ? EARLY_MISPREDICTS * runs->tiles : 0;
}

double direct_crowding(const Isa *isa)
{
    return isa->fuses ? 1 : 1.75;
}

/* Rows of weights until one reads a plane again: what lies in between grows with their number, which chance gives. */
static double touched_between(double part, double quantile)
{
    if (part >= 1)
        return 1;
    const double rows = ceil(log(1 - quantile) / log(1 - part));
    return 1 - pow(1 - part, fmax(1, rows));
}

static void touch(const Problem *problem, const Blocks *blocks, const Runs *runs, StageWork *stage)
{
    const Window *window = &blocks->window;
    const double nonzeros = (double)problem->pattern->nonzeros, item = blocks->lanes * 4.0 * blocks->vectors;
    const double weights = nonzeros * (4 + (blocks->largest_offset <= UINT16_MAX ? 2 : 4)), planes = (double)(blocks->planes.count * blocks->block);
    const double part_weights = weights / (double)(blocks->shares * blocks->blocks), rows = (double)blocks->outputs;
    const double packed = 4.0 * (double)(blocks->block * blocks->channel), sums = 4.0 * rows * (double)blocks->sums;
    const double below = 4.0 * (double)(blocks->planes.plane - blocks->planes.positions), seen = item + fmax(0, below);
    const double walks = runs->lists * blocks->together, each = (runs->rounds * blocks->together + runs->rests) / walks;
    const double part = 1 - pow(1 - 1 / planes, each), block = planes * seen;
    /* of a plane that several nonzeros of a row read, lines further down, too */
    const double overlap = fmin(1, (each / (planes * part) - 1) / 2), bytes = walks * planes * part * (item + overlap * (seen - item));
    const double crowded = direct_crowding(&problem->target->isa) * (block + part_weights / rows + item);
    const double image = 4.0 * (double)(window->channels * window->height * window->width), batch = (double)window->batch;
    stage_touch(stage, TOUCH_INPUT, batch * image);
    stage_touch_again(stage, batch * image * (double)(blocks->group_shares * blocks->strips - 1), image + sums + weights);
    stage_touch_again(stage, runs->items * (double)blocks->blocks * packed, packed + sums);              /* written ... */
    stage_touch_again(stage, runs->tiles * block, packed + part_weights + item * rows);                 /* and read for every tile */
    for (int i = 0; i < GAPS; i++)
        stage_touch_again(stage, bytes / GAPS, crowded * touched_between(part, (i + 0.5) / GAPS));
    stage_touch_again(stage, 2 * walks * item, sums + packed + part_weights);      /* sums come and go */
    stage_touch_again(stage, runs->items * sums, sums);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, weights * (batch * (double)(blocks->strips * blocks->tiles) - 1), part_weights + block + item * rows);
    epilogue_touch(stage, problem);
}

void blocks_work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Blocks blocks;
    blocks_of(problem, tiling, &blocks);
    const Runs runs = runs_of(problem, &blocks);
    const double nonzeros = (double)problem->pattern->nonzeros, parts = (double)(blocks.shares * blocks.blocks);
    Meter meter = meter_begin(problem, work);
    meter.runs = runs.packs;
    meter_other(&meter, 8);
    meter_planes(&meter, &blocks.strip, &blocks.planes, blocks.lanes);
    meter.runs = runs.tiles;
    meter_other(&meter, 12);
    meter_walk(&meter, &blocks, &runs);
    meter_finish(&meter, problem, tiling, &blocks);
    meter_end(&meter);
    meter.stage->mispredicts = list_mispredicts(meter.isa) * runs.lists + early_mispredicts(&blocks, &runs);
    meter.stage->largest_item = runs.largest;
    touch(problem, &blocks, &runs, meter.stage);
    work->multiply_adds = (double)blocks.window.batch * nonzeros * (double)(blocks.window.out_height * blocks.window.out_width);
    work->weight_bytes = 4 * (nonzeros + 1 + (double)(blocks.shares * (blocks.outputs + 1))) + epilogue_bytes(problem);
    work->index_bytes = (nonzeros + 1) * (blocks.largest_offset <= UINT16_MAX ? 2 : 4);
    work->index_bytes += parts * (8 + 4 * (double)(blocks.lists * blocks.together));
}
