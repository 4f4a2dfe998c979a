/* What densities reach a limit of time or size with as little pruning as possible. The fewer weights a layer has left, the more each of them matters:
   removing one counts 1/density, so that each halving of a layer's density counts as much as the weights that the layer has. Of all layers the steps
   are taken in the order of what they save for what they count, until the limit is met: at the end a further step would save about as much for its
   count everywhere. A layer's steps are those of its curve's lower convex hull, since what comes before a gain (down to the density where
   sparse kernels begin to win) must be paid for, too. */
#include "compiler/plan/guide.h"
#include "compiler/plan/internal.h"

#include <math.h>
#include <stdlib.h>

enum { CURVE = 24, ROUNDS = 8, HALVINGS = 12 };

typedef double Measure(const GuidePoint *point);

static double seconds_of(const GuidePoint *point)
{
    return point->seconds;
}

static double bytes_of(const GuidePoint *point)
{
    return point->bytes;
}

/* ---- one set of weights, with all layers that use it ---- */

typedef struct Unit {
    int first, last;                 /* of its rows */
    double weights, from, top, bottom;           /* densities: where it is, where gain begins, how far it may go */
} Unit;

typedef struct Reaching {
    const Guide *guide;
    Measure *measure;
    int *unit_of, *next;             /* [rows]: and the next row of the same unit, -1 behind the last */
    Unit *units;
    int count;
} Reaching;

static double value_at(const Reaching *reaching, int unit, double density)
{
    const Guide *guide = reaching->guide;
    double sum = 0;
    for (int i = reaching->units[unit].first; i >= 0; i = reaching->next[i]) {
        const GuidePoint point = guide->model->point(guide, guide->layers[i].layer, density);
        sum += reaching->measure(&point);
    }
    return sum;
}

static void join(Unit *unit, const GuideLayer *row, double density)
{
    const bool fixed = row->kept || row->high <= 0;
    unit->top = fmax(unit->top, row->high);
    unit->bottom = fmax(unit->bottom, row->kept ? density : fixed ? 0 : row->low);
}

static void find_units(Reaching *reaching, const double *densities)
{
    const Guide *guide = reaching->guide;
    Arena *arena = guide->arena;
    reaching->units = arena_array(arena, Unit, guide->count + 1);
    reaching->unit_of = arena_array(arena, int, guide->count + 1);
    reaching->next = arena_array(arena, int, guide->count + 1);
    int *numbers = arena_array(arena, int, guide->plan->graph->value_count + 1);     /* of units by their weights, from 1 on */
    for (int i = 0; i < guide->count; i++) {
        const GuideLayer *row = &guide->layers[i];
        int *number = &numbers[layer_weights(guide->plan, row->layer)];
        if (*number == 0) {
            reaching->units[reaching->count] = (Unit){.first = i, .last = i, .weights = row->weights, .from = densities[i]};
            *number = ++reaching->count;
        }
        Unit *unit = &reaching->units[*number - 1];
        reaching->next[unit->last] = i;
        reaching->next[i] = -1;
        reaching->unit_of[i] = *number - 1;
        unit->last = i;
        join(unit, row, densities[i]);
    }
    for (int u = 0; u < reaching->count; u++) {
        Unit *unit = &reaching->units[u];
        unit->bottom = unit->top > 0 ? fmin(unit->from, unit->bottom) : unit->from;
        unit->top = fmin(unit->from, unit->top);
    }
}

/* ---- steps ---- */

typedef struct Step {
    int unit;
    double from, to;                 /* densities */
    double saved, worth;             /* of the measure; for what it counts */
} Step;

typedef struct CurvePoint { double density, value; } CurvePoint;

/* What is saved on the way from a to b for what that counts, each weight of the layer counting 1. */
static double slope(const CurvePoint *a, const CurvePoint *b)
{
    return (a->value - b->value) / log(a->density / b->density);
}

/* Drops points above the lower hull. Densities fall. */
static int hull_of(CurvePoint *points, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        while (kept > 1 && slope(&points[kept - 2], &points[kept - 1]) <= slope(&points[kept - 1], &points[i]))
            kept--;
        points[kept++] = points[i];
    }
    return kept;
}

/* As few digits as a file of densities needs; never below a useful range's end, which has fewer. */
static double rounded(double density)
{
    const double unit = pow(10, floor(log10(density)) - 3);
    return floor(density / unit + 1e-6) * unit;
}

static int add_steps(const Reaching *reaching, int u, Step *steps)
{
    const Unit *unit = &reaching->units[u];
    CurvePoint points[CURVE + 2];
    int count = 0, added = 0;
    if (unit->bottom >= unit->from)
        return 0;
    points[count++] = (CurvePoint){unit->from, value_at(reaching, u, unit->from)};
    for (int i = 0; i <= CURVE; i++) {
        const double density = fmax(unit->bottom, rounded(unit->top * pow(unit->bottom / unit->top, (double)i / CURVE)));
        if (density < points[count - 1].density)
            points[count++] = (CurvePoint){density, value_at(reaching, u, density)};
    }
    count = hull_of(points, count);
    for (int i = 1; i < count; i++) {
        const double saved = points[i - 1].value - points[i].value;
        if (saved > 0)
            steps[added++] = (Step){u, points[i - 1].density, points[i].density, saved, slope(&points[i - 1], &points[i]) / unit->weights};
    }
    return added;
}

/* A unit's own steps are in order already: they are worth less and less. */
static int by_worth(const void *a, const void *b)
{
    const Step *x = a, *y = b;
    if (x->worth != y->worth)
        return x->worth > y->worth ? -1 : 1;
    return x->unit != y->unit ? x->unit - y->unit : (x->to < y->to) - (x->to > y->to);
}

/* Of the last step only as much as is needed. */
static double part_of_step(const Reaching *reaching, const Step *step, double needed)
{
    const double before = value_at(reaching, step->unit, step->from);
    double enough = step->to, little = step->from;
    for (int i = 0; i < HALVINGS; i++) {
        const double middle = (enough + little) / 2;
        if (before - value_at(reaching, step->unit, middle) >= needed)
            enough = middle;
        else
            little = middle;
    }
    return fmax(step->to, rounded(enough));
}

/* Sets the units' densities so that this much is saved; false if all steps together do not save it. */
static bool save(const Reaching *reaching, const Step *steps, int count, double needed, double *densities)
{
    for (int u = 0; u < reaching->count; u++)
        densities[u] = reaching->units[u].from;
    for (int i = 0; i < count && needed > 0; i++) {
        densities[steps[i].unit] = steps[i].saved <= needed ? steps[i].to : part_of_step(reaching, &steps[i], needed);
        needed -= steps[i].saved;
    }
    return needed <= 0;
}

/* ---- a limit ---- */

static GuideTotal total_of(const Reaching *reaching, const double *by_unit, double *densities)
{
    const Guide *guide = reaching->guide;
    for (int i = 0; i < guide->count; i++)
        densities[i] = by_unit[reaching->unit_of[i]];
    return guide_total(guide, densities, arena_array(guide->arena, GuidePoint, guide->plan->layer_count + 1));
}

static double measured(Measure *measure, const GuideTotal *total)
{
    const GuidePoint point = {total->seconds, total->bytes, NULL};
    return measure(&point);
}

/* Layers priced alone do not sum up to the network, where they share layouts: what is to be saved is set right until the network's own price is
   met. */
static void reach(Guide *guide, Measure *measure, double limit, double *densities)
{
    Arena *arena = guide->arena;
    Reaching reaching = {.guide = guide, .measure = measure};
    find_units(&reaching, densities);
    Step *steps = arena_array(arena, Step, (guide->count + 1) * (CURVE + 1));
    int count = 0;
    for (int u = 0; u < reaching.count; u++)
        count += add_steps(&reaching, u, steps + count);
    qsort(steps, (size_t)count, sizeof *steps, by_worth);
    double *by_unit = arena_array(arena, double, guide->count + 1), *tried = arena_array(arena, double, guide->count + 1);
    double needed = measured(measure, &guide->suggested) - limit;
    bool met = false;
    for (int round = 0; round < ROUNDS; round++) {
        const bool enough = save(&reaching, steps, count, needed, by_unit);
        const GuideTotal total = total_of(&reaching, by_unit, tried);
        const double over = measured(measure, &total) - limit;
        if (over <= 0 ? !met || total.density > guide->suggested.density : !met) {
            met = over <= 0;
            guide->suggested = total;
            for (int i = 0; i < guide->count; i++)
                densities[i] = tried[i];
        }
        if ((over > 0 && !enough) || (over <= 0 && -over < 0.002 * limit))
            break;
        needed += over + (over > 0 ? 0.0005 * limit : 0);
    }
}

void guide_reach(Guide *guide)
{
    const GuideLimits *limits = &guide->limits;
    guide->densities = arena_array(guide->arena, double, guide->count + 1);
    guide->suggested = guide->now;
    for (int i = 0; i < guide->count; i++)
        guide->densities[i] = guide->layers[i].density;
    if (limits->seconds > 0 && guide->suggested.seconds > limits->seconds)
        reach(guide, seconds_of, limits->seconds, guide->densities);
    if (limits->bytes > 0 && guide->suggested.bytes > limits->bytes)
        reach(guide, bytes_of, limits->bytes, guide->densities);
    const GuideTotal *total = &guide->suggested;
    guide->reached = (limits->seconds <= 0 || total->seconds <= limits->seconds) && (limits->bytes <= 0 || total->bytes <= limits->bytes);
}
