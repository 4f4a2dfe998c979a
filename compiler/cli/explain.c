/* tulle explain: what the model of the machine says of every layer, or of one layer's every candidate. */
#include <math.h>
#include <string.h>

#include "compiler/cli/explain.h"

static LayerView *view_named(Explanation *explanation, const char *name)
{
    const int layer = layer_named(explanation->plan->graph, NULL, name);
    for (int i = 0; i < explanation->count; i++)
        if (explanation->views[i].layer == layer)
            return &explanation->views[i];
    const Node *node = explanation->plan->graph->nodes[layer];
    fail(explanation->ctx, STATUS_USAGE, node_where(explanation->plan->graph, node), NULL,
         "this layer is only seen in another shape: there is nothing to explain");
}

static void draw(Context *ctx, const Explanation *explanation, const char *path)
{
    OutputFile *file = output_open(ctx, path);
    draw_explanation(output_stream(file), explanation);
    output_commit(file);
    if (strcmp(path, "-") != 0)
        driver_written(ctx, &path, 1);
}

static void check_options(Context *ctx, const Options *options, const char *layer)
{
    if (options->json && options->svg && !strcmp(options->svg, "-"))
        fail(ctx, STATUS_USAGE, NULL, NULL, "--json and --svg - cannot both go to standard output");
    if (asked_for_paper(ctx, options) && layer)
        fail(ctx, STATUS_USAGE, NULL, NULL, "the paper's formula knows no candidates: leave out --alpha or the layer");
    if (options->svg && layer)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--svg draws the whole network, not one layer");
    if (options->svg && strcmp(options->svg, "-") != 0)
        driver_refuse_same(ctx, options->arguments.items[0], options->svg);
}

/* A machine that no kernel has counts for. */
static void check_priced(const Explanation *explanation)
{
    const Target *target = explanation->plan->target;
    if (!isfinite(explanation->seconds))
        fail(explanation->ctx, STATUS_UNSUPPORTED, NULL, "machines with another ISA have: see 'tulle targets'",
             "'%s' has no prices: there are no kernels for %s yet",
             text_quote(explanation->ctx->graph, target->machine.name, strlen(target->machine.name)), target->isa.name);
}

/* Candidates and useful ranges of the layer that is looked at; of all, where more than the table is shown. The paper's formula has its own. */
static void ask_further(Explanation *explanation, LayerView *only)
{
    const Options *options = explanation->options;
    for (int i = 0; i < explanation->count && !explanation->by_paper; i++) {
        LayerView *view = &explanation->views[i];
        if (only ? view == only : options->json || options->svg)
            explanation_candidates(explanation, view);
    }
    if ((only || options->json) && !explanation->by_paper)
        explanation_ranges(explanation, only);
}

static void show(const Explanation *explanation, const LayerView *view)
{
    const Options *options = explanation->options;
    if (options->svg)
        draw(explanation->ctx, explanation, options->svg);
    if (options->json)
        explain_json(explanation, view);
    else if (view)
        explain_layer(explanation, view);
    else if (!options->svg || strcmp(options->svg, "-") != 0)
        explain_table(explanation);
}

Status explain_command(Context *ctx, const Options *given)
{
    Options options = *given;
    const char *layer = driver_layer(ctx, &options, "explain"), *model = driver_model(ctx, &options);
    check_options(ctx, &options, layer);
    Explanation *explanation = explanation_make(ctx, &options, driver_plan(ctx, &options, model));
    LayerView *view = layer ? view_named(explanation, layer) : NULL;
    if (options.alpha)
        explanation_by_paper(explanation);
    check_priced(explanation);
    ask_further(explanation, view);
    show(explanation, view);
    return STATUS_FINE;
}
