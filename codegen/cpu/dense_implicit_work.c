/* What dense_implicit.c costs: a walk through its text. */
#include "codegen/cpu/dense_implicit.h"

#include <math.h>

/* A term: the panel's vectors are loaded, each output's input is broadcast and multiplied with all of them. Multiply-adds of AVX-512 broadcast an
   operand that they alone use; compilers load again what only two of them use. */
static void meter_term(Meter *meter, const Implicit *implicit)
{
    const double rows = tile_rows(implicit);
    if (implicit->vectors == 1 && meter->isa->folds && meter->isa->vector_bytes == 64) {
        meter_load(meter, 1, 0);
        meter_fma_load(meter, rows, 0);
    } else if (rows <= 2) {
        meter_load(meter, rows, 0);
        meter_fma_load(meter, rows * implicit->vectors, 0);
    } else {
        meter_load(meter, implicit->vectors + rows, 0);
        meter_fma(meter, rows * implicit->vectors);
    }
}

/* Squares of sums are turned, then stored channel by channel. */
static void meter_turns(Meter *meter, const Problem *problem, const Implicit *implicit)
{
    const int lanes = implicit->lanes, rest = implicit->wide % lanes;
    const double runs = meter->runs, squares = (double)implicit->high * implicit->vectors, full = implicit->wide / lanes;
    meter_shuffles(meter, squares * (full + (rest > 0)) * lanes * log2(lanes));
    meter_other(meter, squares * 2);
    meter->runs = runs * (double)implicit->group_outputs / (double)(implicit->units * panel_width(implicit));
    meter_put(meter, problem, squares * full * lanes, 0);
    if (rest > 0)
        meter_put(meter, problem, squares * lanes, rest);
    meter->runs = runs;
}

static void meter_tile(Meter *meter, const Problem *problem, const Implicit *implicit)
{
    const Terms terms = implicit_terms(implicit);
    const double sums = (double)tile_rows(implicit) * implicit->vectors, each = 4 + implicit->vectors + tile_rows(implicit) + sums;
    const double runs = meter_terms_begin(meter, &terms), count = (double)terms_of(implicit);
    meter_term(meter, implicit);
    meter_terms_end(meter, &terms, runs);
    meter_other(meter, 14);
    meter_load(meter, implicit->vectors, 0);
    meter_move(meter, sums - implicit->vectors);
    meter_turns(meter, problem, implicit);
    meter_chain(meter, count, count * each);
}

/* The zeros around a padded output's rows. */
static void meter_gaps(Meter *meter, const Problem *problem, const Tiling *tiling, const Implicit *implicit)
{
    const Window *window = &implicit->window;
    if (layout_plain(&tiling->out))
        return;
    const double planes = (double)(window->batch * window->outputs), outputs = (double)(window->out_height * window->out_width);
    meter->runs = planes * (double)(window->out_height + implicit->strips);
    meter_other(meter, 9);
    meter->runs = planes * ((double)tiling->out.rows * tiling->out.pitch - outputs) / problem_lanes(problem);
    meter_store(meter, 1);
    meter_other(meter, 2);
}

/* Each panel passes over a strip tile by tile; then the next panel comes, over the same strip. */
static void touch(const Problem *problem, const Implicit *implicit, StageWork *stage)
{
    const Window *window = &implicit->window;
    const double batch = (double)window->batch, groups = (double)window->group, units = (double)implicit->units, strips = (double)implicit->strips;
    const double tiles = (double)(implicit->rows * implicit->columns), panel = 4.0 * (double)(panel_width(implicit) * (terms_of(implicit) + 1));
    const double image = 4 * (double)implicit->image / groups, weights = groups * units * panel;
    /* a tile's rows of input begin anywhere in a line; those above and below are read again by the next row of tiles */
    const double lines = 1 + 60.0 / (4.0 * implicit->wide), halo = fmax(1, (double)window->kernel_height / (double)window->stride_y);
    const double tile = image / tiles * lines * halo;
    const double outputs = 4.0 * (double)(panel_width(implicit) * implicit->height * implicit->width) / strips;
    if (planes_packs(&implicit->planes))
        stage_touch_again(stage, batch * groups * image, batch * groups * image * 1.5);
    else
        stage_touch(stage, TOUCH_INPUT, batch * groups * image);
    stage_touch_again(stage, batch * groups * (units - 1) * image, image / strips + panel + outputs);
    stage_touch_again(stage, batch * groups * units * (tiles * tile - image), panel + (double)implicit->columns * tile);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, batch * (tiles - strips) * weights, panel + tile);
    stage_touch_again(stage, (batch * strips - 1) * weights, weights + image * groups / strips + groups * units * outputs);
    epilogue_touch_asked(stage, problem);
}

void implicit_work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Implicit implicit;
    implicit_of(problem, tiling, &implicit);
    const Window *window = &implicit.window;
    const double batch = (double)window->batch, units = (double)(window->group * implicit.units), terms = (double)terms_of(&implicit);
    if (planes_packs(&implicit.planes))
        planes_work(problem, window, &implicit.planes, work);
    Meter meter = meter_begin(problem, work);
    meter.runs = batch * units * (double)(implicit.rows * implicit.columns);
    meter_tile(&meter, problem, &implicit);
    meter.runs = batch * units * (double)implicit.strips;
    meter_other(&meter, 48);
    meter_gaps(&meter, problem, tiling, &implicit);
    meter_end(&meter);
    touch(problem, &implicit, meter.stage);
    work->multiply_adds = batch * (double)window->outputs * terms * (double)(window->out_height * window->out_width);
    work->weight_bytes = 4 * units * (double)panel_width(&implicit) * (terms + 1) + epilogue_bytes(problem);
}
