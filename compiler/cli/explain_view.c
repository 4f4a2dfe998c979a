/* From a plan to what explain shows: a view a layer, and the sums. */
#include <math.h>
#include <string.h>

#include "codegen/kernel.h"
#include "compiler/cli/explain.h"
#include "compiler/plan/guide.h"

/* ---- sums over stages ---- */

static double stage_bytes(const StageWork *stage)
{
    double bytes = 0;
    for (int i = 0; i < stage->traffic_count; i++)
        if (stage->traffic[i].touch != TOUCH_AGAIN)
            bytes += stage->traffic[i].bytes;
    return bytes;
}

double work_bytes(const Work *work, bool gpu)
{
    double bytes = 0;
    for (int s = 0; s < work->stage_count; s++)
        bytes += gpu ? work->launches[s].memory_bytes : stage_bytes(&work->stages[s]);
    return bytes;
}

double price_cycles(const Price *price, Bound bound)
{
    double cycles = 0;
    for (int s = 0; s < price->stage_count; s++)
        cycles += price->stages[s].cycles[bound];
    return cycles;
}

double price_lost(const Price *price)
{
    double lost = 0;
    for (int s = 0; s < price->stage_count; s++)
        lost += price->stages[s].lost;
    return lost;
}

bool candidate_chosen(const Candidate *candidate, const LayerPlan *layer)
{
    const Tiling *a = &candidate->tiling, *b = &layer->tiling;
    const bool same_tiling = candidate->kernel == layer->kernel && memcmp(a->size, b->size, sizeof a->size) == 0;
    return same_tiling && layout_equal(&a->in, &b->in) && layout_equal(&a->out, &b->out);
}

/* ---- one layer ---- */

double view_gain(const LayerView *view)
{
    return view->dense_kernel && view->seconds > 0 ? view->dense_seconds / view->seconds : 0;
}

double view_intensity(const LayerView *view)
{
    return view->bytes > 0 ? view->dense_flops * view->density / view->bytes : 0;
}

double view_rate(const LayerView *view)
{
    return view_effective_rate(view) * view->density;
}

double view_effective_rate(const LayerView *view)
{
    return view->seconds > 0 ? view->dense_flops / view->seconds : 0;
}

static LayerView view_of(const Plan *plan, int number)
{
    const LayerPlan *layer = &plan->layers[number];
    const Node *node = layer->problem.node;
    const bool gpu = plan->target->isa.gpu;
    LayerView view = {
        .layer = number, .name = node->name, .op = op_info(node->op)->name, .kernel = layer->kernel->name,
        .bound = layer->stage_count == 0 ? "nothing" : bound_name(layer->price.bound, gpu),
        .shape = node->output_count > 0 && node->outputs[0] ? &node->outputs[0]->shape : NULL,
        .density = layer->problem.density, .dense_flops = 2 * dense_multiply_adds(node), .bytes = work_bytes(&layer->work, gpu),
        .sparse = layer->kernel->sparse, .seconds = layer->price.seconds, .hot_seconds = layer->hot.seconds,
    };
    if (view.dense_flops > 0) {
        view.alpha = work_alpha(&layer->work, &layer->price, plan->target, plan->threads);
        view.beta = layer->problem.pattern ? work_beta(&layer->work, layer->problem.pattern->nonzeros) : 0;
    }
    if (layer->dense_kernel) {
        view.dense_kernel = layer->dense_kernel->name;
        view.dense_seconds = layer->dense_seconds;
    }
    return view;
}

void explanation_candidates(Explanation *explanation, LayerView *view)
{
    Candidate *candidates;
    view->candidate_count = plan_candidates(explanation->plan, view->layer, explanation->ctx->graph, &candidates);
    view->candidates = candidates;
    const LayerPlan *layer = &explanation->plan->layers[view->layer];
    for (int i = 0; i < view->candidate_count && view->dense_bytes <= 0; i++)
        if (candidates[i].kernel == layer->dense_kernel)
            view->dense_bytes = work_bytes(&candidates[i].work, explanation->plan->target->isa.gpu);
}

/* As guide finds them. */
void explanation_ranges(Explanation *explanation, const LayerView *only)
{
    const Plan *plan = explanation->plan;
    GuidePoint *dense = arena_array(explanation->ctx->graph, GuidePoint, plan->layer_count + 1);
    const Guide guide = {.plan = plan, .model = &guide_counts, .arena = explanation->ctx->graph, .dense = dense};
    for (int i = 0; i < explanation->count; i++) {
        LayerView *view = &explanation->views[i];
        if (!plan->layers[view->layer].problem.pattern || (only && view != only))
            continue;
        dense[view->layer] = guide_counts.dense(&guide, view->layer);
        view->ranged = dense[view->layer].seconds > 0;
        if (view->ranged)
            guide_counts.range(&guide, view->layer, &view->useful_low, &view->useful_high);
    }
}

/* ---- the network ---- */

void explanation_sum(Explanation *explanation)
{
    explanation->seconds = explanation->dense_seconds = explanation->dense_flops = explanation->real_flops = 0;
    for (int i = 0; i < explanation->count; i++) {
        const LayerView *view = &explanation->views[i];
        explanation->seconds += view->seconds;
        explanation->dense_seconds += view->dense_kernel ? view->dense_seconds : view->seconds;
        explanation->dense_flops += view->dense_flops;
        explanation->real_flops += view->dense_flops * view->density;
    }
}

static double cores_used(const Plan *plan)
{
    const double cores = plan->target->machine.cores;
    return plan->target->isa.gpu ? cores : fmin(cores, plan->threads);
}

Explanation *explanation_make(Context *ctx, const Options *options, const Plan *plan)
{
    const Graph *graph = plan->graph;
    const Machine *machine = &plan->target->machine;
    Explanation *explanation = arena_new_of(ctx->graph, Explanation);
    *explanation = (Explanation){.ctx = ctx, .options = options, .plan = plan, .model = graph->name};
    explanation->batch = graph->input_count > 0 && graph->inputs[0]->shape.rank > 0 ? plan->whole->inputs[0]->shape.dims[0] : 1;
    explanation->cores = cores_used(plan);
    explanation->peak = 2 * machine_peak(machine, (int)explanation->cores);
    explanation->bandwidth = 1e9 * fmin(machine->memory_all, machine->memory_bandwidth * explanation->cores);
    explanation->views = arena_array(ctx->graph, LayerView, plan->layer_count + 1);
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].kernel)
            explanation->views[explanation->count++] = view_of(plan, l);
    explanation_sum(explanation);
    return explanation;
}
