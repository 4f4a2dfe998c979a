/* --alpha paper: the same rows by the formula of paper 000. It prices convolutions and products with constant weights only, on all cores of a machine
   whose row has an SGEMM rate and an alpha. */
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/plan/paper.h"

bool asked_for_paper(Context *ctx, const Options *options)
{
    static const char *const names[] = {"paper"};
    if (options->alpha && strcmp(options->alpha, names[0]) != 0)
        fail(ctx, STATUS_USAGE, NULL, options_hint(ctx, options->alpha, names, COUNT(names), "without --alpha our kernels' counts are priced"),
             "--alpha takes 'paper', not '%s'", text_quote(ctx->graph, options->alpha, strlen(options->alpha)));
    return options->alpha;
}

static void price_by_paper(LayerView *view, const Paper *paper)
{
    const double x = view->density, sparse = paper_sparse(paper, x), dense = paper_dense(paper);
    const bool starved = paper_sparse_bandwidth(paper, x) > paper_sparse_compute(paper, x);
    view->sparse = sparse < dense;
    view->kernel = view->sparse ? "direct sparse" : "SGEMM";
    view->bound = view->sparse && starved ? "bandwidth" : "compute";
    view->seconds = view->sparse ? sparse : dense;
    view->hot_seconds = 0;
    view->dense_kernel = "SGEMM";
    view->dense_seconds = dense;
    view->dense_bytes = paper->activation_bytes + paper->weight_bytes;
    view->bytes = view->sparse ? paper->activation_bytes + paper->beta * x * paper->weight_bytes : view->dense_bytes;
    view->alpha = paper->alpha;
    view->beta = paper->beta;
    paper_range(paper, &view->useful_low, &view->useful_high);
    view->ranged = true;
}

void explanation_by_paper(Explanation *explanation)
{
    const Plan *plan = explanation->plan;
    const Machine *machine = &plan->target->machine;
    paper_check(explanation->ctx, machine);
    int kept = 0;
    for (int i = 0; i < explanation->count; i++) {
        Paper paper;
        if (!paper_of(plan->layers[explanation->views[i].layer].problem.node, machine, &paper))
            continue;
        explanation->views[kept] = explanation->views[i];
        price_by_paper(&explanation->views[kept++], &paper);
    }
    explanation->count = kept;
    explanation->by_paper = true;
    explanation->peak = machine->sgemm_gflops * 1e9;
    explanation->bandwidth = machine->memory_all * 1e9;
    explanation_sum(explanation);
}
