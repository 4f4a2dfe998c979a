/* Layers at any density as the paper's formula prices them: whole machine, one alpha. It knows convolutions and products; all else costs nothing. */
#include "compiler/plan/guide.h"
#include "compiler/plan/paper.h"

#include <math.h>

static void check(const Plan *plan)
{
    paper_check(plan->graph->ctx, &plan->target->machine);
}

static bool paper_at(const Guide *guide, int layer, Paper *paper)
{
    return paper_of(guide->plan->layers[layer].problem.node, &guide->plan->target->machine, paper);
}

static GuidePoint dense_point(const Guide *guide, int layer)
{
    Paper paper;
    if (!paper_at(guide, layer, &paper))
        return (GuidePoint){0, 0, NULL};
    return (GuidePoint){paper_dense(&paper), paper.weight_bytes, "dense"};
}

static GuidePoint better_point(const Guide *guide, int layer, double density)
{
    Paper paper;
    if (!paper_at(guide, layer, &paper) || paper_speedup(&paper, density) <= 1)
        return dense_point(guide, layer);
    return (GuidePoint){paper_sparse(&paper, density), paper.beta * density * paper.weight_bytes, "sparse"};
}

static void useful_range(const Guide *guide, int layer, double *low, double *high)
{
    Paper paper;
    *low = *high = 0;
    if (paper_at(guide, layer, &paper))
        paper_range(&paper, low, high);
}

/* The paper's own comparison takes structured layers as ideal: alpha_g = 1. */
static double structured_share(const Guide *guide, int layer, double seconds)
{
    Paper paper;
    return paper_at(guide, layer, &paper) ? fmin(1, seconds / paper_dense(&paper)) : 1;
}

/* ... and a layer without its empty rows and channels as the dense layer of that size. */
static double compact_seconds(const Guide *guide, int layer)
{
    Paper paper;
    const Pattern *pattern = guide->plan->layers[layer].problem.pattern, *compacted = pattern_compacted(pattern, guide->arena);
    if (compacted == NULL || !paper_at(guide, layer, &paper))
        return 0;
    return paper_dense(&paper) * ((double)compacted->rows / (double)pattern->rows) * ((double)compacted->columns / (double)pattern->columns);
}

static void price_network(const Guide *guide, const double *densities, GuidePoint *points)
{
    for (int l = 0; l < guide->plan->layer_count; l++)
        points[l] = better_point(guide, l, densities[l] > 0 ? densities[l] : guide->plan->layers[l].problem.density);
}

const GuideModel guide_paper = {"paper", check, dense_point, better_point, useful_range, structured_share, compact_seconds, price_network};
