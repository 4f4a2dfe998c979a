/* What sparse_panel costs. */
#include "codegen/cpu/sparse_panel.h"

#include <math.h>

double panel_entries(const Panel *panel)
{
    double entries = 0;
    for (int m = 0; m < panel->mask_count; m++)
        entries += panel->entries[panel->masks[m]];
    return entries;
}

/* One loop: of an entry its offset, the vectors it shares, then a weight and multiply-adds for each of its rows. */
static void meter_mask(Meter *meter, const Panel *panel, int mask, double tiles, double split)
{
    const double rows = __builtin_popcount((unsigned)mask), size = panel->tiles.size, runs = (double)(panel->panels * panel->slabs);
    meter->runs = tiles * panel->entries[mask];
    meter_scalar_load(meter, 1);
    meter_load(meter, rows, 0);
    if (rows > 1) {
        meter_load(meter, size, split);
        meter_fma(meter, rows * size);
    } else {
        meter_fma_load(meter, size, split);
    }
    meter_other(meter, 5);
    meter->runs = tiles * runs;
    meter_scalar_load(meter, 1);
    meter_other(meter, 4);
}

static void meter_loops(Meter *meter, const Problem *problem, const Panel *panel, double tiles)
{
    const double size = panel->tiles.size, rows = panel->rows;
    const double split = split_share_of(panel->tiles.lanes, panel->planes.taps, window_taps(&panel->window), panel->planes.channel);
    meter_loop(meter, tiles);
    for (int m = 0; m < panel->mask_count; m++)
        meter_mask(meter, panel, panel->masks[m], tiles, split);
    meter_hot(meter);
    meter->runs = tiles * (double)(panel->panels * panel->slabs);
    meter_other(meter, panel->slabs > 1 ? 4 : 0);
    meter->runs = tiles * (double)panel->panels;
    meter_other(meter, 14);
    meter_load(meter, rows, 0);
    meter_move(meter, rows * (size - 1));
    const double entries = panel_entries(panel) / (double)panel->panels;
    meter_chain(meter, entries / rows, entries * (6 + size + rows));
    const double before = meter->bytes;
    meter->runs = tiles * (double)panel->window.outputs;
    meter_tiles_store(meter, problem, &panel->planes, &panel->tiles);
    meter->bytes += (meter->bytes - before) * (rows - 1);
}

static double index_bytes(const Panel *panel)
{
    const double lengths = (double)(panel->panels * panel->slabs * panel->mask_count);
    return (panel_entries(panel) + 1) * (panel_largest_offset(panel) <= UINT16_MAX ? 2 : 4) +
           lengths * (panel->slab * window_taps(&panel->window) <= UINT16_MAX ? 2 : 4) + 4 * (double)(panel->panels * (panel->rows + 2));
}

/* A panel walks a block of positions tile by tile; then the next panel comes, over the same positions. Inside a tile each mask passes over a slab. */
static void touch(const Problem *problem, const Panel *panel, double weights, StageWork *stage)
{
    const Window *window = &panel->window;
    const double batch = (double)window->batch, panels = (double)panel->panels, blocks = (double)panel->tiles.blocks;
    const double input = 4 * (double)panel->planes.image, block = input / blocks / (double)window->group, unit = weights / panels;
    const double covered = 4.0 * panel->rows * (double)panel->tiles.block_floats, tiles = (double)panel->tiles.tiles / blocks;
    const double lines = 4.0 * panel->tiles.size * panel->tiles.lanes + 64, slab = block / tiles / (double)panel->slabs;
    if (planes_packs(&panel->planes))
        stage_touch_again(stage, batch * input, batch * input * 1.5);
    else
        stage_touch(stage, TOUCH_INPUT, batch * input);
    stage_touch_again(stage, batch * blocks * (panels - (double)window->group) * block, block + unit + covered);
    const double inside = panel_entries(panel) * lines - panels * block / tiles;
    stage_touch_again(stage, batch * (double)panel->tiles.tiles * fmax(0, inside), slab + unit / (double)panel->slabs);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, batch * blocks * (tiles - 1) * weights, unit + block / tiles);
    stage_touch_again(stage, (batch * blocks - 1) * weights, weights + input / blocks + panels * covered);
    if (!panel->planes.contiguous)
        stage_touch_again(stage, 2 * batch * blocks * panels * covered, covered + block + unit);
    epilogue_touch(stage, problem);
}

void panel_work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Panel panel;
    panel_of(problem, tiling, &panel);
    const Window *window = &panel.window;
    const double batch = (double)window->batch, outputs = (double)window->outputs, nonzeros = (double)problem->pattern->nonzeros;
    if (planes_packs(&panel.planes))
        planes_work(problem, window, &panel.planes, work);
    Meter meter = meter_begin(problem, work);
    meter_loops(&meter, problem, &panel, batch * (double)panel.tiles.tiles);
    meter.runs = batch * (double)(panel.panels * panel.tiles.blocks);
    meter_other(&meter, 40 + 4 * panel.rows);
    meter.runs = batch * outputs;
    meter_tiles_finish(&meter, problem, window, &panel.planes, &panel.tiles);
    meter.runs = 0;                      /* text alone: a call for every row */
    meter_other(&meter, panel.planes.contiguous ? 0 : 10 * panel.rows);
    meter_end(&meter);
    meter.stage->mispredicts = 0.5 * batch * (double)(panel.tiles.tiles * panel.panels * panel.slabs * panel.mask_count);
    work->multiply_adds = batch * nonzeros * (double)(window->out_height * window->out_width);
    work->weight_bytes = 4 * (nonzeros + 1 + (double)(panel.panels * panel.rows)) + epilogue_bytes(problem);
    work->index_bytes = index_bytes(&panel);
    touch(problem, &panel, work->weight_bytes + work->index_bytes, meter.stage);
}
