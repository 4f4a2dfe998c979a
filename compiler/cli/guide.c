/* tulle guide: where pruning pays on a machine, where it does not, and what a limit asks for. */
#include "compiler/cli/explain.h"
#include "compiler/cli/guide.h"
#include "compiler/library/guide_json.h"

/* --keep, by layer of the plan. */
static const bool *kept_layers(Context *ctx, const Strings *names, const Plan *plan)
{
    bool *keep = arena_array(ctx->graph, bool, plan->layer_count + 1);
    for (int i = 0; i < names->count; i++) {
        const int layer = layer_named(plan->graph, "--keep", names->items[i]);
        if (!plan->layers[layer].problem.pattern)
            fail(ctx, STATUS_USAGE, node_where(plan->graph, plan->layers[layer].problem.node), NULL, "--keep: it has no constant weights to keep");
        keep[layer] = true;
    }
    return keep;
}

Status guide_command(Context *ctx, const Options *options)
{
    const char *path = driver_model(ctx, options);
    const GuideModel *model = asked_for_paper(ctx, options) ? &guide_paper : &guide_counts;
    if (options->keep.count && options->max_time <= 0 && options->max_size <= 0)
        fail(ctx, STATUS_USAGE, NULL, "give --max-time or --max-size, too", "--keep is about how a limit is reached");
    const Plan *plan = driver_plan(ctx, options, path);
    const GuideLimits limits = {options->max_time * 1e-3, options->max_size * 1e6, kept_layers(ctx, &options->keep, plan)};
    const Guide *guide = guide_make(plan, model, &limits, ctx->graph);
    if (options->json)
        guide_json(stdout, guide, plan->graph->projection);
    else
        guide_table(ctx, guide);
    return STATUS_FINE;
}
