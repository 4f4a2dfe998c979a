/* Residual additions: two convolutions meet in an addition, and either could take it as an epilogue. The one that comes last in order does:
   then the other side is there already when the sum is formed, and nothing is moved. */
#include "compiler/pass/pass.h"
#include "compiler/plan/internal.h"

typedef struct Offer {
    Node *host, *addition;
    int addition_id;
} Offer;

static int offer_count(const Graph *graph)
{
    int count = 0;
    for (int i = 0; i < graph->node_count; i++)
        count += graph->nodes[i]->residual_offer_count;
    return count;
}

/* Offers in order of their hosts; ids are kept because nodes leave the graph while offers are taken. */
static int collect(const Graph *graph, Offer *offers)
{
    int count = 0;
    for (int i = 0; i < graph->node_count; i++) {
        Node *host = graph->nodes[i];
        for (int k = 0; k < host->residual_offer_count; k++)
            offers[count++] = (Offer){host, host->residual_offers[k], host->residual_offers[k]->id};
    }
    return count;
}

void residuals_take(Graph *graph)
{
    graph_index(graph);
    Arena *scratch = graph->ctx->scratch;
    Offer *offers = arena_array(scratch, Offer, offer_count(graph) + 1);
    bool *taken = arena_array(scratch, bool, graph->node_count + 1);
    for (int i = collect(graph, offers) - 1; i >= 0; i--) {
        if (taken[offers[i].addition_id])
            continue;
        taken[offers[i].addition_id] = true;
        fuse_residual(graph, offers[i].host, offers[i].addition);
    }
    graph_index(graph);
}
