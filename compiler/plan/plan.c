/* From a graph to a plan: residual additions, kernels, stages, memory. */
#include "compiler/plan/internal.h"

#include <assert.h>

static void describe_layer(Plan *plan, int l)
{
    Problem *problem = &plan->layers[l].problem;
    problem->graph = plan->graph;
    problem->node = plan->graph->nodes[l];
    problem->target = plan->target;
    problem->threads = plan->threads;
    problem->pattern = pattern_of(plan->graph, problem->node);
    problem->density = 1;
    if (problem->pattern != NULL && problem->pattern->rows > 0 && problem->pattern->columns > 0)
        problem->density = (double)problem->pattern->nonzeros / ((double)problem->pattern->rows * (double)problem->pattern->columns);
}

static void number_stages(Plan *plan)
{
    for (int l = 0; l < plan->layer_count; l++) {
        assert((plan->layers[l].stage_count == 0) == (plan->layers[l].kernel == NULL));
        plan->layers[l].first_stage = plan->stage_count;
        plan->stage_count += plan->layers[l].stage_count;
    }
}

/* What the caller gives and gets, and what is only seen in another shape, has no layout of its own. */
static bool ends_plain(const Plan *plan)
{
    bool plain = true;
    for (int i = 0; i < plan->graph->input_count; i++)
        plain = plain && layout_plain(&plan->places[plan->graph->inputs[i]->id].layout);
    for (int i = 0; i < plan->graph->output_count; i++)
        plain = plain && layout_plain(&plan->places[plan->graph->outputs[i]->id].layout);
    for (int l = 0; l < plan->layer_count; l++)
        plain = plain && (plan->layers[l].kernel != NULL || layout_plain(&plan->places[plan->layers[l].problem.node->inputs[0]->id].layout));
    return plain;
}

Plan *plan_make(Graph *graph, const Target *target, const PlanOptions *options)
{
    residuals_take(graph);
    Plan *plan = arena_new_of(graph->arena, Plan);
    plan->graph = graph;
    plan->target = target;
    plan->threads = options->threads > 0 ? options->threads : 1;
    plan->layer_count = graph->node_count;
    plan->layers = arena_array(graph->arena, LayerPlan, graph->node_count + 1);
    plan->places = arena_array(graph->arena, Place, graph->value_count + 1);
    for (int l = 0; l < plan->layer_count; l++)
        describe_layer(plan, l);
    kernels_select(plan, options);
    number_stages(plan);
    memory_plan(plan);
    assert(ends_plain(plan));
    return plan;
}
