/* From a graph to a plan: residual additions, kernels, stages, memory. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

#include <assert.h>

Problem plan_problem(const Plan *plan, const Node *node, const Pattern *pattern)
{
    Problem problem = {.graph = plan->graph, .node = node, .target = plan->target, .threads = plan->threads, .density = 1, .pattern = pattern,
                       .rules = plan->options.rules};
    if (pattern != NULL)
        problem.density = (double)pattern->nonzeros / ((double)pattern->rows * (double)pattern->columns);
    return problem;
}

/* What is known of the nodes, in their order. */
static Problem *problems_of(const Plan *plan, const Pattern *const *patterns)
{
    const Graph *graph = plan->graph;
    Problem *problems = arena_array(graph->arena, Problem, graph->node_count + 1);
    for (int l = 0; l < graph->node_count; l++)
        problems[l] = plan_problem(plan, graph->nodes[l], patterns != NULL ? patterns[l] : pattern_of(graph, graph->nodes[l]));
    return problems;
}

/* Of the same nodes in another order, with others among them. */
static Problem *problems_again(const Plan *plan, const Problem *before, int before_count)
{
    const Graph *graph = plan->graph;
    Problem *problems = arena_array(graph->arena, Problem, graph->node_count + 1);
    int at = 0;
    for (int l = 0; l < graph->node_count; l++) {
        for (int i = 0; i < before_count && before[at].node != graph->nodes[l]; i++)
            at = (at + 1) % before_count;
        problems[l] = before[at];
        assert(problems[l].node == graph->nodes[l]);
    }
    return problems;
}

static void describe_layers(Plan *plan, const PlanOptions *options, const Pattern *const *patterns)
{
    Graph *graph = plan->graph;
    Arena *scratch = graph->ctx->scratch;
    graph_index(graph);
    const int count = graph->node_count;
    const Problem *before = problems_of(plan, patterns);
    residuals_take(graph, before, network_surroundings(graph, before, NULL, plan->threads, scratch), options);
    const Problem *problems = problems_again(plan, before, count);
    const Surroundings *surroundings = network_surroundings(graph, problems, NULL, plan->threads, scratch);
    plan->layer_count = graph->node_count;
    plan->layers = arena_array(graph->arena, LayerPlan, plan->layer_count + 1);
    for (int l = 0; l < plan->layer_count; l++) {
        plan->layers[l].problem = problems[l];
        plan->layers[l].surroundings = surroundings[l];
    }
}

static void number_stages(Plan *plan)
{
    for (int l = 0; l < plan->layer_count; l++) {
        const Kernel *kernel = plan->layers[l].kernel;
        assert((plan->layers[l].stage_count == 0) == (kernel == NULL || kernel->joins));
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

void plan_settle(Plan *plan)
{
    number_stages(plan);
    memory_plan(plan);
    barriers_plan(plan);
    assert(ends_plain(plan));
}

Plan *plan_with(Graph *graph, const Target *target, const PlanOptions *options, const Pattern *const *patterns, int64_t slices)
{
    Plan *plan = arena_new_of(graph->arena, Plan);
    plan->graph = graph;
    plan->whole = graph;
    plan->slices = slices;
    plan->target = target;
    plan->options = *options;
    plan->threads = options->threads > 0 ? options->threads : 1;
    plan->places = arena_array(graph->arena, Place, graph->value_count + 1);
    describe_layers(plan, options, patterns);
    kernels_select(plan, options);
    plan_settle(plan);
    return plan;
}

Plan *plan_make(Graph *graph, const Target *target, const PlanOptions *options)
{
    return plan_with(graph, target, options, NULL, 1);
}
