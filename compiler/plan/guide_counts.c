/* Layers at any density as our own kernels' counts price them. */
#include "codegen/kernel.h"
#include "compiler/plan/guide.h"
#include "compiler/plan/internal.h"

#include <math.h>

#define PRECISION 1.004              /* of densities that are searched for */
#define CLOSE 1.002                  /* no nearer than this to a density that was asked for */
#define NEAR 3                       /* prices are lines between densities so near to each other, about */
#define LEAST_GAIN 1.05              /* what cannot become this much faster is not worth pruning */

/* ---- one layer at one density ---- */

static bool cheapest_at(const Guide *guide, int layer, double density, unsigned which, Candidate *best)
{
    const LayerPlan *plan = &guide->plan->layers[layer];
    Problem problem = plan->problem;
    Arena *arena = arena_new(problem.graph->ctx, "density", SIZE_MAX / 2);
    if (density != problem.density) {
        problem.pattern = pattern_at_density(problem.pattern, density, arena);
        problem.density = density;
    }
    const bool found = problem_cheapest(&problem, &plan->surroundings, which, best);
    arena_free(arena);
    return found;
}

static double stored_bytes(const Work *work)
{
    return work->weight_bytes + work->index_bytes;
}

static GuidePoint point_of(const Candidate *candidate)
{
    return (GuidePoint){candidate->price.seconds, stored_bytes(&candidate->work), candidate->kernel->name};
}

static GuidePoint dense_point(const Guide *guide, int layer)
{
    Candidate best;
    return cheapest_at(guide, layer, 1, CANDIDATE_DENSE, &best) ? point_of(&best) : (GuidePoint){0, 0, NULL};
}

static GuidePoint better_point(const Guide *guide, int layer, double density)
{
    Candidate sparse;
    const GuidePoint *dense = &guide->dense[layer];
    if (!cheapest_at(guide, layer, density, CANDIDATE_SPARSE, &sparse) || sparse.price.seconds >= dense->seconds)
        return *dense;
    return point_of(&sparse);
}

/* ---- the useful range ---- */

typedef struct Search {
    const Guide *guide;
    int layer;
    double dense;                    /* seconds */
    Price nothing;                   /* of the sparse side with a single nonzero: what does not go away with them */
} Search;

/* Above 0: it gains. */
static double gains(const Search *search, const Price *price)
{
    return search->dense - price->seconds;
}

/* Above 0: less of the time depends on the nonzeros than does not, and most of what pruning can save is saved. */
static double ended(const Search *search, const Price *price)
{
    const Price *nothing = &search->nothing;
    const double depends = fmax(price->compute_seconds - nothing->compute_seconds, price->memory_seconds - nothing->memory_seconds);
    const double rest = fmax(nothing->compute_seconds, nothing->memory_seconds);
    return fmin(rest - depends, search->dense - price->seconds - MOST_OF_GAIN * (search->dense - nothing->seconds));
}

typedef double Margin(const Search *search, const Price *price);

/* Densities that were priced: the largest that holds, the smallest that does not. */
typedef struct Known { double yes, no, margin_yes, margin_no; } Known;

/* Where a line through both ends crosses 0: a few of those are closer than as many halves. */
static double next_density(const Known *known, double middle)
{
    if (known->no > known->yes * NEAR || isinf(known->margin_no))
        return middle;
    const double crossing = known->yes + (known->no - known->yes) * known->margin_yes / (known->margin_yes - known->margin_no);
    const double least = known->yes * CLOSE, most = known->no / CLOSE;
    return least < most ? fmin(most, fmax(least, crossing)) : middle;
}

static void ask(const Search *search, Margin *margin, double density, Known *known)
{
    Candidate sparse;
    const bool found = cheapest_at(search->guide, search->layer, density, CANDIDATE_SPARSE, &sparse);
    const double left = found ? margin(search, &sparse.price) : -INFINITY;
    *(left > 0 ? &known->yes : &known->no) = density;
    *(left > 0 ? &known->margin_yes : &known->margin_no) = left;
}

/* The largest density between one for which the margin is above 0 and one for which it is not, as halving finds it. */
static double last_density(const Search *search, Margin *margin, Known known)
{
    double yes = known.yes, no = known.no;
    while (no / yes > PRECISION) {
        const double middle = sqrt(yes * no);
        if (middle > known.yes && middle < known.no)
            ask(search, margin, next_density(&known, middle), &known);
        else if (middle <= known.yes)
            yes = middle;
        else
            no = middle;
    }
    return yes;
}

static double three_digits(double density, double (*round_to)(double))
{
    const double unit = pow(10, floor(log10(density)) - 2);
    return round_to(density / unit) * unit;
}

static void useful_range(const Guide *guide, int layer, double *low, double *high)
{
    const Pattern *pattern = guide->plan->layers[layer].problem.pattern;
    const double least = 1 / ((double)pattern->rows * (double)pattern->columns);
    Search search = {.guide = guide, .layer = layer, .dense = guide->dense[layer].seconds};
    Candidate fewest, all;
    *low = *high = 0;
    if (!cheapest_at(guide, layer, least, CANDIDATE_SPARSE, &fewest) || fewest.price.seconds * LEAST_GAIN > search.dense)
        return;
    search.nothing = fewest.price;
    if (!cheapest_at(guide, layer, 1, CANDIDATE_SPARSE, &all))
        return;
    Known known = {least, 1, gains(&search, &fewest.price), gains(&search, &all.price)};
    *high = known.margin_no > 0 ? 1 : three_digits(last_density(&search, gains, known), floor);
    known = (Known){least, *high, ended(&search, &fewest.price), ended(&search, &all.price)};
    if (*high < 1)
        ask(&search, ended, *high, &known);
    *low = *high == 1 && known.margin_no > 0 ? 1 : fmin(*high, three_digits(last_density(&search, ended, known), ceil));
}

/* ---- structured: the same layer with fewer rows ---- */

/* Where a layer's rows (output channels) stand. */
typedef struct Rows {
    int weight_axis, output_axis;
    int64_t groups;                  /* each has as many rows */
} Rows;

static Rows rows_of(const Node *node)
{
    const int weight_rank = node->inputs[1]->shape.rank, output_rank = node->outputs[0]->shape.rank;
    switch (node->op) {
    case OP_Conv: return (Rows){0, 1, node_int(node, ATTR_group, 1)};
    case OP_ConvTranspose: return (Rows){1, 1, node_int(node, ATTR_group, 1)};
    case OP_Gemm: return (Rows){node_int(node, ATTR_transB, 0) ? 0 : 1, 1, 1};
    default: return (Rows){weight_rank - 1, output_rank - 1, 1};
    }
}

static Value *resized(Arena *arena, const Value *value, int axis, int64_t size)
{
    Value *copy = arena_copy(arena, value, sizeof *value);
    if (axis >= 0 && axis < copy->shape.rank && copy->shape.dims[axis] != 1)
        copy->shape.dims[axis] = size;
    return copy;
}

typedef struct Shrinking {
    Arena *arena;
    const Value *output;             /* as it was, and as it becomes */
    Value *smaller;
    int axis;
    int64_t rows;
} Shrinking;

/* Copies a node; what has the output's shape shrinks with it. Weights shrink elsewhere. */
static Node *shrunk(const Shrinking *shrinking, const Node *node)
{
    Arena *arena = shrinking->arena;
    Node *copy = arena_copy(arena, node, sizeof *node);
    copy->inputs = arena_copy(arena, node->inputs, (size_t)node->input_count * sizeof *node->inputs);
    copy->outputs = arena_copy(arena, node->outputs, (size_t)node->output_count * sizeof *node->outputs);
    copy->outputs[0] = shrinking->smaller;
    for (int i = 0; i < copy->input_count; i++)
        if (copy->inputs[i] != NULL && shape_equal(&copy->inputs[i]->shape, &shrinking->output->shape))
            copy->inputs[i] = resized(arena, copy->inputs[i], shrinking->axis, shrinking->rows);
    return copy;
}

static Node *with_rows(const Node *node, const Rows *rows, int64_t count, Arena *arena)
{
    const Value *output = node->outputs[0];
    const Shrinking shrinking = {arena, output, resized(arena, output, rows->output_axis, count), rows->output_axis, count};
    Node *copy = shrunk(&shrinking, node);
    copy->inputs[0] = node->inputs[0];
    copy->inputs[1] = resized(arena, node->inputs[1], rows->weight_axis, node->op == OP_ConvTranspose ? count / rows->groups : count);
    if (node->input_count > 2 && node->inputs[2] != NULL)
        copy->inputs[2] = resized(arena, node->inputs[2], node->inputs[2]->shape.rank - 1, count);
    copy->epilogue = arena_array(arena, Node *, node->epilogue_count + 1);
    for (int e = 0; e < node->epilogue_count; e++)
        copy->epilogue[e] = shrunk(&shrinking, node->epilogue[e]);
    return copy;
}

static const Pattern *full_pattern(const Pattern *like, int64_t rows, Arena *arena)
{
    int32_t *by_row = arena_array(arena, int32_t, rows + 1), *by_column = arena_array(arena, int32_t, like->columns + 1);
    for (int64_t i = 0; i < rows; i++)
        by_row[i] = (int32_t)like->columns;
    for (int64_t i = 0; i < like->columns; i++)
        by_column[i] = (int32_t)rows;
    Pattern *pattern = arena_new_of(arena, Pattern);
    *pattern = (Pattern){.rows = rows, .columns = like->columns, .nonzeros = rows * like->columns, .taps = like->taps, .channels = like->channels,
                         .row_nonzeros = by_row, .column_nonzeros = by_column, .kernels = rows * like->columns / like->taps,
                         .distinct_rows = 1, .imbalance = 1, .notes = pattern_notes_new(arena)};
    return pattern;
}

/* A pattern has as many rows as the output's axis, or, where the weights are several matrices, as many for each. */
static double dense_seconds_of(const LayerPlan *layer, const Rows *rows, int64_t all, int64_t count)
{
    Arena *arena = arena_new(layer->problem.graph->ctx, "fewer rows", SIZE_MAX / 2);
    Problem problem = layer->problem;
    problem.node = with_rows(problem.node, rows, count, arena);
    problem.pattern = full_pattern(layer->problem.pattern, layer->problem.pattern->rows / all * count, arena);
    problem.density = 1;
    Candidate best;
    const double seconds = problem_cheapest(&problem, &layer->surroundings, CANDIDATE_DENSE, &best) ? best.price.seconds : INFINITY;
    arena_free(arena);
    return seconds;
}

static double structured_share(const Guide *guide, int layer, double seconds)
{
    const LayerPlan *plan = &guide->plan->layers[layer];
    const Rows rows = rows_of(plan->problem.node);
    const bool matrix = plan->problem.node->inputs[1]->shape.rank > 1;     /* a product with a vector has one row, and no axis for it */
    if (seconds >= guide->dense[layer].seconds || !matrix)
        return 1;
    const int64_t all = plan->problem.node->outputs[0]->shape.dims[rows.output_axis], units = all / rows.groups;
    int64_t fits = 0, too_many = units;
    while (too_many - fits > 1) {
        const int64_t middle = fits + (too_many - fits) / 2;
        if (dense_seconds_of(plan, &rows, all, middle * rows.groups) <= seconds)
            fits = middle;
        else
            too_many = middle;
    }
    return (double)fits / (double)units;
}

static double compact_seconds(const Guide *guide, int layer)
{
    const LayerPlan *plan = &guide->plan->layers[layer];
    const Pattern *pattern = plan->problem.pattern;
    const Kernel *kernel = kernel_named("dense_compact");
    Tiling tilings[MOST_TILINGS];
    double least = 0;
    if (kernel == NULL || (pattern->empty_rows == 0 && pattern->empty_channels == 0) || !kernel->fits(&plan->problem))
        return 0;
    const int count = kernel->tilings(&plan->problem, tilings, MOST_TILINGS);
    for (int t = 0; t < count; t++) {
        Candidate candidate;
        candidate_price(&plan->problem, kernel, &tilings[t], &plan->surroundings, &candidate);
        if (layout_plain(&tilings[t].in) && (least == 0 || candidate.price.seconds < least))
            least = candidate.price.seconds;
    }
    return least;
}

/* ---- the network ---- */

static void price_network(const Guide *guide, const double *densities, GuidePoint *points)
{
    const Plan *plan = guide->plan;
    bool same = true;
    for (int l = 0; l < plan->layer_count; l++)
        same = same && (densities[l] == 0 || densities[l] == plan->layers[l].problem.density);
    if (!same)
        plan = plan_projected(plan, densities, guide->arena);
    for (int l = 0; l < plan->layer_count; l++) {
        const LayerPlan *layer = &plan->layers[l];
        points[l] = (GuidePoint){layer->price.seconds, stored_bytes(&layer->work), layer->kernel == NULL ? NULL : layer->kernel->name};
    }
}

const GuideModel guide_counts = {"counts", NULL, dense_point, better_point, useful_range, structured_share, compact_seconds, price_network};
