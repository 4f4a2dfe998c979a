/* Residual additions: two layers meet in an addition, and either could take it as an epilogue, with whatever follows it; or it stays a layer of its
   own. The cheapest of these, each layer priced by itself with its best kernel. Of equals the host that comes last in order: then the other side is
   there already when the sum is formed. A host takes the addition's place in the order if the other side is not there before it runs. */
#include <math.h>

#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"

typedef struct Offer {
    Node *host, *addition;
    int host_id, addition_id;        /* before any addition is taken */
} Offer;

typedef struct Residuals {
    Graph *graph;
    const Problem *problems;         /* by id */
    const Surroundings *surroundings;
    const PlanOptions *options;
    Offer *offers;
    int count;
} Residuals;

static int offer_count(const Graph *graph)
{
    int count = 0;
    for (int i = 0; i < graph->node_count; i++)
        count += graph->nodes[i]->residual_offer_count;
    return count;
}

/* In order of their hosts. */
static void collect(Residuals *residuals)
{
    const Graph *graph = residuals->graph;
    residuals->offers = arena_array(graph->ctx->scratch, Offer, offer_count(graph) + 1);
    for (int i = 0; i < graph->node_count; i++) {
        Node *host = graph->nodes[i];
        for (int k = 0; k < host->residual_offer_count; k++)
            residuals->offers[residuals->count++] = (Offer){host, host->residual_offers[k], i, host->residual_offers[k]->id};
    }
}

/* ---- what it would cost ---- */

/* A copy that works on the sum: an epilogue. */
static Node *copy_behind(const Node *node, Value *other, Value *result, Arena *arena)
{
    Node *copy = arena_copy(arena, node, sizeof *node);
    copy->inputs = arena_copy(arena, node->inputs, (size_t)node->input_count * sizeof *node->inputs);
    copy->outputs = arena_copy(arena, &result, sizeof result);
    copy->inputs[0] = result;
    if (other != NULL)
        copy->inputs[1] = other;
    copy->epilogue_count = 0;
    return copy;
}

/* The host as it would be; nothing of the graph is changed. */
static Node *host_with(const Node *host, const Node *addition, Arena *arena)
{
    Value *result = addition->outputs[0], *other = addition->inputs[addition->inputs[0] == host->outputs[0]];
    Node *with = arena_copy(arena, host, sizeof *host);
    int count = 0;
    with->outputs = arena_copy(arena, &result, sizeof result);
    with->epilogue = arena_array(arena, Node *, host->epilogue_count + 1 + addition->epilogue_count);
    for (int i = 0; i < host->epilogue_count; i++)
        with->epilogue[count++] = copy_behind(host->epilogue[i], NULL, result, arena);
    with->epilogue[count++] = copy_behind(addition, other, result, arena);
    for (int i = 0; i < addition->epilogue_count; i++)
        with->epilogue[count++] = copy_behind(addition->epilogue[i], NULL, result, arena);
    with->epilogue_count = count;
    return with;
}

static double layer_seconds(const Residuals *residuals, int id, const Node *node)
{
    Problem problem = residuals->problems[id];
    problem.node = node;
    const ForcedKernel *forced = forced_kernel(node, residuals->options);
    return problem_seconds(&problem, &residuals->surroundings[id], forced == NULL ? NULL : forced->kernel);
}

/* What the host takes longer. */
static double added_seconds(const Residuals *residuals, const Offer *offer)
{
    const Node *with = host_with(offer->host, offer->addition, residuals->graph->ctx->scratch);
    const double after = layer_seconds(residuals, offer->host_id, with), before = layer_seconds(residuals, offer->host_id, offer->host);
    return isfinite(after) && !isfinite(before) ? 0 : after - before;
}

/* ---- the choice ---- */

/* The offer to take, -1: none. Differences below a thousandth of what the addition costs alone are none. */
static int cheapest(const Residuals *residuals, const int *offers, int count)
{
    const Offer *first = &residuals->offers[offers[0]];
    const double alone = layer_seconds(residuals, first->addition_id, first->addition), unit = isfinite(alone) ? alone / 1000 : 1e-9;
    double least = isfinite(alone) ? 1000 : INFINITY;
    int best = -1;
    for (int i = 0; i < count; i++) {
        const double added = added_seconds(residuals, &residuals->offers[offers[i]]);
        if (isfinite(added) && round(added / unit) <= least) {
            least = round(added / unit);
            best = offers[i];
        }
    }
    return best;
}

/* Any host that some kernel computes with the addition, or none. */
static int drawn(const Residuals *residuals, const int *offers, int count)
{
    const Offer *first = &residuals->offers[offers[0]];
    const uint64_t seed = residuals->options->random;
    const bool alone = isfinite(layer_seconds(residuals, first->addition_id, first->addition));
    uint64_t least = alone ? random_number(seed, first->addition, "residual", 0) : UINT64_MAX;
    int best = -1;
    for (int i = 0; i < count; i++) {
        const uint64_t number = random_number(seed, first->addition, "residual", i + 1);
        if (isfinite(added_seconds(residuals, &residuals->offers[offers[i]])) && number < least) {
            least = number;
            best = offers[i];
        }
    }
    return best;
}

/* Of those for the same addition, so that each is asked about once. */
static bool first_offer(const Residuals *residuals, int offer)
{
    int i = 0;
    while (residuals->offers[i].addition != residuals->offers[offer].addition)
        i++;
    return i == offer;
}

static int choose(const Residuals *residuals, const Node *addition)
{
    int offers[2], count = 0;        /* an addition has two sides */
    for (int i = 0; i < residuals->count && count < COUNT(offers); i++)
        if (residuals->offers[i].addition == addition)
            offers[count++] = i;
    return (residuals->options->random != 0 ? drawn : cheapest)(residuals, offers, count);
}

void residuals_take(Graph *graph, const Problem *problems, const Surroundings *surroundings, const PlanOptions *options)
{
    Residuals residuals = {.graph = graph, .problems = problems, .surroundings = surroundings, .options = options};
    collect(&residuals);
    bool *taken = arena_array(graph->ctx->scratch, bool, residuals.count + 1);
    for (int i = 0; i < residuals.count; i++) {
        const int best = first_offer(&residuals, i) ? choose(&residuals, residuals.offers[i].addition) : -1;
        if (best >= 0)
            taken[best] = true;
    }
    for (int i = residuals.count - 1; i >= 0; i--)
        if (taken[i])
            fuse_residual(graph, residuals.offers[i].host, residuals.offers[i].addition);
    graph_index(graph);
}
