/* What could compute a layer, and at what price: every kernel that fits, in every tiling, in what surrounds the layer. Selection, explain and guide
   all ask here. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what surrounds a layer ---- */

static double value_bytes(const Value *value)
{
    return value == NULL ? 0 : (double)shape_count(&value->shape) * type_info(value->type)->bytes;
}

/* The value whose bytes these are. */
static const Value *source_of(const Value *value)
{
    while (value->producer != NULL && value->producer->op == OP_View)
        value = value->producer->inputs[0];
    return value;
}

/* Bytes that a layer touches, constants apart: what it reads, further operands of its epilogue included, and what it makes. */
static double activation_bytes(const Node *node)
{
    double bytes = 0;
    for (int i = 0; i < node->input_count; i++)
        bytes += value_constant(node->inputs[i]) ? 0 : value_bytes(node->inputs[i]);
    for (int i = 0; i < node->output_count; i++)
        bytes += value_bytes(node->outputs[i]);
    for (int e = 0; e < node->epilogue_count; e++)
        for (int i = 1; i < node->epilogue[e]->input_count; i++)
            bytes += value_constant(node->epilogue[e]->inputs[i]) ? 0 : value_bytes(node->epilogue[e]->inputs[i]);
    return bytes;
}

/* Before kernels are chosen: weights with zeros are taken as the smaller of all of them and a value with a 16-bit offset for each nonzero. */
static double constant_bytes(const Node *node, const Pattern *pattern)
{
    double bytes = 0;
    for (int i = 0; i < node->input_count; i++) {
        if (!value_constant(node->inputs[i]))
            continue;
        const double whole = value_bytes(node->inputs[i]);
        bytes += i == 1 && pattern != NULL ? fmin(whole, (type_info(node->inputs[i]->type)->bytes + 2.0) * (double)pattern->nonzeros) : whole;
    }
    return bytes;
}

typedef struct Network {
    const Graph *graph;
    double *before;                  /* [nodes + 1]: bytes that the layers before this one touch, each layer's sum for itself */
    double *constants;               /* [nodes] */
    int *made;                       /* by value id: the layer that makes it; -1: none */
    double whole;                    /* different bytes that one run touches */
} Network;

static void read_value(const Value *value, int layer, int *last)
{
    if (value != NULL && !value_constant(value))
        last[source_of(value)->id] = layer;
}

static void find_last(const Graph *graph, int *last)
{
    for (int l = 0; l < graph->node_count; l++) {
        const Node *node = graph->nodes[l];
        for (int i = 0; i < node->input_count; i++)
            read_value(node->inputs[i], l, last);
        for (int e = 0; e < node->epilogue_count; e++)
            for (int i = 1; i < node->epilogue[e]->input_count; i++)
                read_value(node->epilogue[e]->inputs[i], l, last);
    }
    for (int i = 0; i < graph->output_count; i++)
        last[source_of(graph->outputs[i])->id] = graph->node_count - 1;
}

/* By value id: the layer that reads it last; that makes it, where none reads it. */
static const int *last_readers(const Network *network, Arena *arena)
{
    int *last = arena_array(arena, int, network->graph->value_count + 1);
    for (int id = 0; id < network->graph->value_count; id++)
        last[id] = network->made[id] > 0 ? network->made[id] : 0;
    find_last(network->graph, last);
    return last;
}

/* Places in the workspace are used again, so a run touches as many bytes as its values need together at the worst layer. */
static double most_alive(const Network *network, Arena *arena)
{
    const Graph *graph = network->graph;
    double *change = arena_array(arena, double, graph->node_count + 2), alive = 0, most = 0;
    const int *last = last_readers(network, arena);
    for (int id = 0; id < graph->value_count; id++) {
        const Value *value = graph->values[id];
        if (value == NULL || (network->made[id] < 0 && value->input_index < 0) || value_constant(value) || source_of(value) != value)
            continue;
        change[value->input_index >= 0 ? 0 : network->made[id]] += value_bytes(value);
        change[last[id] + 1] -= value_bytes(value);
    }
    for (int l = 0; l < graph->node_count; l++)
        most = fmax(most, alive += change[l]);
    return most;
}

typedef struct Range { size_t from, past; } Range;

typedef struct Touched {             /* bytes of the workspace that a run has touched: ranges apart from one another, in any order */
    Range *ranges;
    int count;
} Touched;

/* Adds a block to them, joined with what it meets; how many of its bytes are new. */
static size_t touch_block(Touched *touched, const Block *block)
{
    const Range own = {block->offset, block->offset + block->bytes};
    Range joined = own;
    size_t fresh = block->bytes;
    int kept = 0;
    for (int i = 0; i < touched->count; i++) {
        const Range range = touched->ranges[i];
        if (range.past < own.from || range.from > own.past) {
            touched->ranges[kept++] = range;
            continue;
        }
        fresh -= (range.past < own.past ? range.past : own.past) - (range.from > own.from ? range.from : own.from);
        joined = (Range){range.from < joined.from ? range.from : joined.from, range.past > joined.past ? range.past : joined.past};
    }
    touched->ranges[kept] = joined;
    touched->count = kept + 1;
    return fresh;
}

/* Values in the workspace as memory.c places them where kernels need no scratch memory, and none works in place; where each value's block is. */
static Block *place_values(const Network *network, int *block_of, int *count, Arena *arena)
{
    const Graph *graph = network->graph;
    Block *blocks = arena_array(arena, Block, graph->value_count + 1);
    const int *last = last_readers(network, arena);
    for (int id = 0; id < graph->value_count; id++) {
        const Value *value = graph->values[id];
        block_of[id] = -1;
        if (value == NULL || network->made[id] < 0 || value_constant(value) || source_of(value) != value)
            continue;
        block_of[id] = *count;
        blocks[(*count)++] = (Block){block_round((size_t)value_bytes(value)), 0, network->made[id], last[id]};
    }
    blocks_place(blocks, *count, arena);
    return blocks;
}

/* The share of each layer's outputs whose place in the workspace this run has not touched before. */
static const double *fresh_shares(const Network *network, Arena *arena)
{
    const Graph *graph = network->graph;
    int *block_of = arena_array(arena, int, graph->value_count + 1), count = 0;
    const Block *blocks = place_values(network, block_of, &count, arena);
    double *fresh = arena_array(arena, double, graph->node_count + 1);
    Touched touched = {arena_array(arena, Range, count + 1), 0};
    for (int l = 0; l < graph->node_count; l++) {
        double made = 0, untouched = 0;
        for (int i = 0; i < graph->nodes[l]->output_count; i++) {
            const Value *value = graph->nodes[l]->outputs[i];
            if (value == NULL || block_of[value->id] < 0)
                continue;
            made += (double)blocks[block_of[value->id]].bytes;
            untouched += (double)touch_block(&touched, &blocks[block_of[value->id]]);
        }
        fresh[l] = made > 0 ? untouched / made : 0;
    }
    return fresh;
}

static void describe_network(const Graph *graph, const Problem *problems, const double *constants, Arena *arena, Network *network)
{
    *network = (Network){.graph = graph};
    network->before = arena_array(arena, double, graph->node_count + 1);
    network->constants = arena_array(arena, double, graph->node_count + 1);
    network->made = arena_array(arena, int, graph->value_count + 1);
    for (int id = 0; id < graph->value_count; id++)
        network->made[id] = -1;
    for (int l = 0; l < graph->node_count; l++) {
        const Node *node = graph->nodes[l];
        const bool view = node->op == OP_View;
        network->constants[l] = view ? 0 : constants != NULL ? constants[l] : constant_bytes(node, problems[l].pattern);
        network->before[l + 1] = network->before[l] + (view ? 0 : network->constants[l] + activation_bytes(node));
        network->whole += network->constants[l];
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] != NULL)
                network->made[node->outputs[i]->id] = l;
    }
    network->whole += most_alive(network, arena);
}

/* Bytes touched since an element of input 0 was written: what the layers in between touch; of the layer that made it the part that came after the
   element, of this one the part that comes before it: half of each, on average. What the caller gives comes from as far as the weights. */
static double input_distance(const Network *network, int layer)
{
    const Node *node = network->graph->nodes[layer];
    const Value *input = node->input_count > 0 && node->inputs[0] != NULL ? source_of(node->inputs[0]) : NULL;
    const int from = input == NULL ? -1 : network->made[input->id];
    const double *before = network->before;
    if (from < 0)
        return network->whole;
    const double between = before[layer] - before[from + 1], half = (before[from + 1] - before[from] + before[layer + 1] - before[layer]) / 2;
    return fmin(network->whole, between + half);
}

Surroundings *network_surroundings(const Graph *graph, const Problem *problems, const double *constants, int threads, Arena *arena)
{
    Network network;
    Surroundings *list = arena_array(arena, Surroundings, graph->node_count + 1);
    describe_network(graph, problems, constants, arena, &network);
    const double *fresh = fresh_shares(&network, arena);
    for (int l = 0; l < graph->node_count; l++)
        list[l] = (Surroundings){threads, network.whole, input_distance(&network, l), fresh[l]};
    return list;
}

/* ---- one candidate ---- */

/* Alone and over and over, a layer meets its own bytes only. */
static Surroundings hot_surroundings(const Problem *problem, const Work *work, const LayerPlan *layer)
{
    const double own = work->weight_bytes + work->index_bytes + work->code_bytes + activation_bytes(problem->node) + (double)layer->scratch_bytes;
    return (Surroundings){problem->threads, own, own, 0};
}

void candidate_price(const Problem *problem, const Kernel *kernel, const Tiling *tiling, const Surroundings *surroundings, Candidate *candidate)
{
    *candidate = (Candidate){.kernel = kernel, .tiling = *tiling};
    LayerPlan layer = {.problem = *problem};
    kernel->work(problem, tiling, &candidate->work);
    kernel->stages(problem, tiling, &layer);
    memcpy(candidate->stages, layer.stages, sizeof candidate->stages);
    const Surroundings alone = hot_surroundings(problem, &candidate->work, &layer);
    candidate->price = work_price(&candidate->work, problem->target, candidate->stages, surroundings);
    candidate->hot = work_price(&candidate->work, problem->target, candidate->stages, &alone);
}

#define MOST_PICOSECONDS (INT64_C(1) << 52)
#define SIGNIFICANT 1000             /* three digits: the model is no better than that */

int64_t price_rounded(double seconds)
{
    const double exact = seconds * 1e12;
    if (!(exact < (double)MOST_PICOSECONDS))
        return MOST_PICOSECONDS;
    int64_t picoseconds = llround(exact), unit = 1;
    while (picoseconds / unit >= SIGNIFICANT)
        unit *= 10;
    return (picoseconds + unit / 2) / unit * unit;
}

/* ---- all of a layer ---- */

Pricing pricing_begin(Context *ctx)
{
    const Pricing pricing = {ctx, ctx->scratch};
    ctx->scratch = arena_new(ctx, "pricing", SIZE_MAX / 2);
    return pricing;
}

void pricing_next(const Pricing *pricing)
{
    arena_reset(pricing->ctx->scratch);
}

void pricing_end(const Pricing *pricing)
{
    arena_free(pricing->ctx->scratch);
    pricing->ctx->scratch = pricing->kept;
}

static bool kernel_among(const Kernel *kernel, unsigned which, const Target *target)
{
    const unsigned side = kernel->sparse ? CANDIDATE_SPARSE : CANDIDATE_DENSE;
    return (which & side) != 0 && (kernel_choosable(kernel, target) || (which & CANDIDATE_PROJECTED) != 0);
}

static bool cheaper(const Candidate *a, const Candidate *b)
{
    const int64_t left = price_rounded(a->price.seconds), right = price_rounded(b->price.seconds);
    return left != right ? left < right : strcmp(a->kernel->name, b->kernel->name) < 0;
}

static bool cheapest_of(const Pricing *pricing, const Problem *problem, const Surroundings *surroundings, const Kernel *kernel, bool found,
                        Candidate *best)
{
    Tiling tilings[MOST_TILINGS];
    const int count = kernel->tilings(problem, tilings, MOST_TILINGS);
    for (int t = 0; t < count; t++) {
        Candidate candidate;
        if (!layout_plain(&tilings[t].in))
            continue;
        pricing_next(pricing);
        candidate_price(problem, kernel, &tilings[t], surroundings, &candidate);
        if (!found || cheaper(&candidate, best))
            *best = candidate;
        found = true;
    }
    return found;
}

static bool cheapest_named(const Problem *problem, const Surroundings *surroundings, unsigned which, const char *name, Candidate *best)
{
    const Pricing pricing = pricing_begin(problem->graph->ctx);
    bool found = false;
    for (int k = 0; k < kernel_count; k++)
        if (kernel_among(kernels[k], which, problem->target) && (name == NULL || strcmp(kernels[k]->name, name) == 0) && kernels[k]->fits(problem))
            found = cheapest_of(&pricing, problem, surroundings, kernels[k], found, best);
    pricing_end(&pricing);
    return found;
}

bool problem_cheapest(const Problem *problem, const Surroundings *surroundings, unsigned which, Candidate *best)
{
    return cheapest_named(problem, surroundings, which, NULL, best);
}

double problem_seconds(const Problem *problem, const Surroundings *surroundings, const char *forced)
{
    Candidate best;
    return cheapest_named(problem, surroundings, CANDIDATE_SPARSE | CANDIDATE_DENSE, forced, &best) ? best.price.seconds : INFINITY;
}

typedef struct Rank {
    int64_t price;
    const char *kernel;
    int order;
} Rank;

static int by_rank(const void *a, const void *b)
{
    const Rank *x = a, *y = b;
    if (x->price != y->price)
        return x->price < y->price ? -1 : 1;
    const int names = strcmp(x->kernel, y->kernel);
    return names != 0 ? names : x->order - y->order;
}

static Candidate *in_order(const Candidate *candidates, int count, Arena *arena)
{
    Rank *ranks = arena_array(arena, Rank, count + 1);
    Candidate *sorted = arena_array(arena, Candidate, count + 1);
    for (int i = 0; i < count; i++)
        ranks[i] = (Rank){price_rounded(candidates[i].price.seconds), candidates[i].kernel->name, i};
    qsort(ranks, (size_t)count, sizeof *ranks, by_rank);
    for (int i = 0; i < count; i++)
        sorted[i] = candidates[ranks[i].order];
    return sorted;
}

bool kernel_leaves(const Kernel *kernel, const Problem *problem, const Tiling *tiling)
{
    return layout_plain(&tiling->out) || (kernel->writes != NULL && kernel->writes(problem, tiling));
}

/* A tiling reads plain input, or the layout that the layer's input has. */
static int add_tilings(const Pricing *pricing, const LayerPlan *layer, const Kernel *kernel, Tiling *list, int count, Candidate *candidates)
{
    int added = 0;
    for (int t = 0; t < count; t++) {
        if (!layout_plain(&list[t].in) && !layout_equal(&list[t].in, &layer->tiling.in))
            continue;
        Tiling tiling = list[t];
        tiling.out = layer->tiling.out;
        if (!kernel_leaves(kernel, &layer->problem, &tiling))
            tiling.out = (Layout){0};
        pricing_next(pricing);
        candidate_price(&layer->problem, kernel, &tiling, &layer->surroundings, &candidates[added++]);
    }
    return added;
}

int plan_candidates(const Plan *plan, int layer, Arena *arena, Candidate **candidates)
{
    const LayerPlan *one = &plan->layers[layer];
    const Pricing pricing = pricing_begin(plan->graph->ctx);
    Candidate *all = NULL;
    Tiling tilings[MOST_TILINGS];
    int count = 0, held = 0;
    for (int k = 0; k < kernel_count && one->problem.node->op != OP_View; k++) {
        if (!kernels[k]->fits(&one->problem))
            continue;
        const int more = kernels[k]->tilings(&one->problem, tilings, MOST_TILINGS);
        all = arena_resize(arena, all, (size_t)held * sizeof *all, (size_t)(count + more) * sizeof *all);
        held = count + more > held ? count + more : held;
        count += add_tilings(&pricing, one, kernels[k], tilings, more, all + count);
    }
    *candidates = in_order(all, count, arena);
    pricing_end(&pricing);
    return count;
}
