/* Ranges and prices become rows, verdicts and totals. Whatever prices the layers stands behind GuideModel. */
#include "compiler/plan/guide.h"
#include "compiler/plan/internal.h"

#include <assert.h>
#include <math.h>

#define DENSE_FROM 0.99              /* of the weights not zero: what training leaves at zero by accident makes no layer sparse */

/* ---- the plan at other densities ---- */

int layer_weights(const Plan *plan, int layer)
{
    assert(plan->layers[layer].problem.pattern != NULL);
    return plan->layers[layer].problem.node->inputs[1]->id;
}

static Problem problem_projected(const Problem *problem, const Graph *graph, double density, Arena *arena)
{
    Problem projected = *problem;
    projected.graph = graph;
    if (density > 0 && problem->pattern != NULL && density != problem->density) {
        projected.pattern = pattern_at_density(problem->pattern, density, arena);
        projected.density = density;
    }
    return projected;
}

const Plan *plan_projected(const Plan *plan, const double *densities, Arena *arena)
{
    Graph *graph = arena_new_of(arena, Graph);
    Plan *projected = arena_new_of(arena, Plan);
    Problem *problems = arena_array(arena, Problem, plan->layer_count + 1);
    *graph = *plan->graph;
    graph->arena = arena;            /* for what selection notes down */
    *projected = (Plan){.graph = graph, .target = plan->target, .threads = plan->threads, .options = plan->options, .layer_count = plan->layer_count};
    projected->layers = arena_array(arena, LayerPlan, plan->layer_count + 1);
    projected->places = arena_array(arena, Place, graph->value_count + 1);
    for (int l = 0; l < plan->layer_count; l++)
        problems[l] = problem_projected(&plan->layers[l].problem, graph, densities[l], arena);
    const Surroundings *surroundings = network_surroundings(graph, problems, NULL, plan->threads, arena);
    for (int l = 0; l < plan->layer_count; l++) {
        projected->layers[l].problem = problems[l];
        projected->layers[l].surroundings = surroundings[l];
    }
    kernels_select(projected, &plan->options);
    return projected;
}

/* ---- totals ---- */

GuideTotal guide_total(const Guide *guide, const double *densities, GuidePoint *points)
{
    const int layers = guide->plan->layer_count;
    double *by_layer = arena_array(guide->arena, double, layers + 1);
    GuideTotal total = {0, 0, 0};
    double weights = 0;
    for (int i = 0; i < guide->count; i++) {
        const GuideLayer *row = &guide->layers[i];
        by_layer[row->layer] = densities[i];
        weights += row->weights;
        total.density += row->weights * densities[i];
    }
    guide->model->network(guide, by_layer, points);
    for (int l = 0; l < layers; l++) {
        total.seconds += points[l].seconds;
        total.bytes += points[l].bytes;
    }
    total.density = weights > 0 ? total.density / weights : 1;
    return total;
}

static void add_totals(Guide *guide)
{
    Arena *arena = guide->arena;
    const int layers = guide->plan->layer_count;
    GuidePoint *now = arena_array(arena, GuidePoint, layers + 1), *end = arena_array(arena, GuidePoint, layers + 1);
    double *present = arena_array(arena, double, guide->count + 1), *goals = arena_array(arena, double, guide->count + 1);
    for (int i = 0; i < guide->count; i++) {
        present[i] = guide->layers[i].density;
        goals[i] = guide->layers[i].goal;
    }
    guide->now = guide_total(guide, present, now);
    guide->end = guide_total(guide, goals, end);
    for (int l = 0; l < layers; l++)
        guide->other_seconds += guide->dense[l].seconds > 0 ? 0 : now[l].seconds;
    guide->dense_seconds = guide->other_seconds;
    for (int i = 0; i < guide->count; i++) {
        GuideLayer *row = &guide->layers[i];
        row->now = now[row->layer];
        row->end = end[row->layer];
        guide->dense_seconds += row->dense_seconds;
    }
}

/* ---- rows ---- */

static Verdict verdict_of(const GuideLayer *row)
{
    if (row->density > row->high)
        return row->density <= DENSE_FROM ? VERDICT_RESTORE : row->high > 0 ? VERDICT_PRUNE : VERDICT_DENSE;
    return row->density > row->low ? VERDICT_PRUNE : VERDICT_STOP;
}

static void fill_row(const Guide *guide, GuideLayer *row)
{
    const GuideModel *model = guide->model;
    const Pattern *pattern = guide->plan->layers[row->layer].problem.pattern;
    row->weights = (double)pattern->rows * (double)pattern->columns;
    row->density = guide->plan->layers[row->layer].problem.density;
    row->dense_seconds = guide->dense[row->layer].seconds;
    model->range(guide, row->layer, &row->low, &row->high);
    row->verdict = verdict_of(row);
    row->goal = row->high > 0 ? fmin(row->density, row->low) : row->density;
}

/* Weights have one density, whatever layers share them: no layer is taken past the end of its range. */
static void share_goals(const Guide *guide)
{
    double *goals = arena_array(guide->arena, double, guide->plan->graph->value_count + 1);
    for (int i = 0; i < guide->count; i++) {
        double *goal = &goals[layer_weights(guide->plan, guide->layers[i].layer)];
        *goal = guide->layers[i].high > 0 ? fmax(*goal, guide->layers[i].goal) : *goal;
    }
    for (int i = 0; i < guide->count; i++) {
        const double goal = goals[layer_weights(guide->plan, guide->layers[i].layer)];
        guide->layers[i].goal = goal > 0 ? goal : guide->layers[i].goal;
    }
}

static void compare_structured(const Guide *guide, GuideLayer *row)
{
    const GuideModel *model = guide->model;
    row->structured_at = row->density <= row->high ? row->density : row->goal;
    row->structured_below = model->structured(guide, row->layer, model->point(guide, row->layer, row->structured_at).seconds);
    row->compact_seconds = model->compact(guide, row->layer);
}

static void add_rows(Guide *guide)
{
    const Plan *plan = guide->plan;
    GuidePoint *dense = arena_array(guide->arena, GuidePoint, plan->layer_count + 1);
    guide->dense = dense;
    guide->layers = arena_array(guide->arena, GuideLayer, plan->layer_count + 1);
    for (int l = 0; l < plan->layer_count; l++) {
        if (plan->layers[l].problem.pattern == NULL)
            continue;
        dense[l] = guide->model->dense(guide, l);
        if (dense[l].seconds <= 0)
            continue;
        GuideLayer *row = &guide->layers[guide->count++];
        row->layer = l;
        row->kept = guide->limits.keep != NULL && guide->limits.keep[l];
        fill_row(guide, row);
    }
    share_goals(guide);
    for (int i = 0; i < guide->count; i++)
        compare_structured(guide, &guide->layers[i]);
}

Guide *guide_make(const Plan *plan, const GuideModel *model, const GuideLimits *limits, Arena *arena)
{
    if (model->check != NULL)
        model->check(plan);
    Guide *guide = arena_new_of(arena, Guide);
    *guide = (Guide){.plan = plan, .model = model, .arena = arena, .limits = *limits};
    add_rows(guide);
    add_totals(guide);
    if (limits->seconds > 0 || limits->bytes > 0)
        guide_reach(guide);
    return guide;
}
