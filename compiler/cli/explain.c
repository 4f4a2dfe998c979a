/* tulle explain: what the model of the machine says of every layer, or of one layer's every candidate. */
#include <string.h>

#include "compiler/cli/explain.h"

/* The model and, perhaps, a layer. */
static const char *layer_argument(Context *ctx, Options *options)
{
    if (options->arguments.count > 2)
        fail(ctx, STATUS_USAGE, NULL, "the usage is: tulle explain MODEL.onnx [LAYER]", "one layer at a time: what is '%s' for?",
             text_quote(ctx->graph, options->arguments.items[2], strlen(options->arguments.items[2])));
    if (options->arguments.count < 2)
        return NULL;
    options->arguments.count = 1;
    return options->arguments.items[1];
}

static LayerView *view_named(Explanation *explanation, const char *name)
{
    const int layer = layer_named(explanation->plan->graph, NULL, name);
    for (int i = 0; i < explanation->count; i++)
        if (explanation->views[i].layer == layer)
            return &explanation->views[i];
    const Node *node = explanation->plan->graph->nodes[layer];
    fail(explanation->ctx, STATUS_USAGE, node_where(explanation->plan->graph, node), NULL, "this layer is only seen in another shape: there is nothing to explain");
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
    if (options->alpha && strcmp(options->alpha, "paper") != 0)
        fail(ctx, STATUS_USAGE, NULL, "leave it out for the alpha that follows from our kernels' counts", "--alpha takes 'paper', not '%s'",
             text_quote(ctx->graph, options->alpha, strlen(options->alpha)));
    if (options->alpha && layer)
        fail(ctx, STATUS_USAGE, NULL, NULL, "the paper's formula knows no candidates: leave out --alpha or the layer");
    if (options->svg && layer)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--svg draws the whole network, not one layer");
    if (options->svg && strcmp(options->svg, "-") != 0)
        driver_refuse_same(ctx, options->arguments.items[0], options->svg);
}

Status explain_command(Context *ctx, const Options *given)
{
    Options options = *given;
    const char *layer = layer_argument(ctx, &options), *model = driver_model(ctx, &options);
    check_options(ctx, &options, layer);
    Explanation *explanation = explanation_make(ctx, &options, driver_plan(ctx, &options, model));
    LayerView *view = layer ? view_named(explanation, layer) : NULL;
    if (options.alpha)
        explanation_by_paper(explanation);
    else if (view)
        explanation_candidates(explanation, view);
    else if (options.json || options.svg)
        for (int i = 0; i < explanation->count; i++)
            explanation_candidates(explanation, &explanation->views[i]);
    if (options.svg)
        draw(ctx, explanation, options.svg);
    if (options.json)
        explain_json(explanation, view);
    else if (view)
        explain_layer(explanation, view);
    else if (!options.svg || strcmp(options.svg, "-") != 0)
        explain_table(explanation);
    return STATUS_FINE;
}
