/* --kernel LAYER=NAME[:TILING]: which layer, which kernel, and what to say when there is no such. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

#include <string.h>

static bool layer_called(const Node *node, const char *name)
{
    if (strcmp(node->name, name) == 0)
        return true;
    for (int i = 0; i < node->epilogue_count; i++)
        if (strcmp(node->epilogue[i]->name, name) == 0)
            return true;
    return false;
}

const ForcedKernel *forced_kernel(const Node *node, const PlanOptions *options)
{
    for (int i = options->forced_count - 1; i >= 0; i--)
        if (layer_called(node, options->forced[i].layer))
            return &options->forced[i];
    return NULL;
}

static const char *quoted(Context *ctx, const char *name)
{
    return text_quote(ctx->graph, name, strlen(name));
}

/* `otherwise`: what to say when no name is near. */
static const char *did_you_mean(Context *ctx, const char *word, const char *const *names, int count, const char *otherwise)
{
    const char *near = text_nearest(word, names, count);
    return near == NULL ? otherwise : arena_format(ctx->graph, "did you mean '%s'?", quoted(ctx, near));
}

int layer_named(const Graph *graph, const char *option, const char *layer)
{
    Context *ctx = graph->ctx;
    const char **names = arena_array(ctx->scratch, const char *, graph->node_count + 1);
    for (int i = 0; i < graph->node_count; i++) {
        if (layer_called(graph->nodes[i], layer))
            return i;
        names[i] = graph->nodes[i]->name;
    }
    const char *otherwise = "a layer is named after its node, or its first output; 'tulle inspect MODEL.onnx' lists them";
    const char *hint = did_you_mean(ctx, layer, names, graph->node_count, otherwise);
    fail(ctx, STATUS_USAGE, option, hint, "there is no layer named '%s'", quoted(ctx, layer));
}

void forced_kernel_check(Context *ctx, const char *kernel)
{
    const Kernel *found = kernel_named(kernel);
    if (found != NULL && !kernel_projected(found))
        return;
    const char **names = arena_array(ctx->graph, const char *, kernel_count);
    Text list = text_new(ctx->graph);
    int count = 0;
    for (int i = 0; i < kernel_count; i++) {
        if (kernel_projected(kernels[i]))
            continue;
        names[count++] = kernels[i]->name;
        text_format(&list, "%s%s", count > 1 ? ", " : "the kernels are ", kernels[i]->name);
    }
    if (found != NULL)
        fail(ctx, STATUS_UNSUPPORTED, "--kernel", list.data, "kernel '%s' is priced only: it cannot be written yet", found->name);
    fail(ctx, STATUS_USAGE, "--kernel", did_you_mean(ctx, kernel, names, count, list.data), "there is no kernel named '%s'", quoted(ctx, kernel));
}
