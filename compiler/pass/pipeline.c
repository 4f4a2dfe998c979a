/* Every pass, in order, and the driver that runs them. */
#include "pass.h"

#include <string.h>

const Pass passes[] = {
    {"unused",    "drop what the outputs do not need, so that its faults do not matter", pass_dead},
    {"infer",     "types and shapes; shape operands into attributes; constant folding",  pass_infer},
    {"dead",      "drop what only shapes were asked of",                                 pass_dead},
    {"views",     "reshapes into views; operators that do nothing away; a place of its own for every output", pass_views},
    {"sparsity",  "weights under the threshold become zeros",                            pass_sparsity},
    {"combine",   "activations written out in several operators become one",             pass_combine},
    {"batchnorm", "per-channel factors and shifts into the layer before them",           pass_batchnorm},
    {"pad",       "padding into convolutions and poolings",                              pass_pad},
    {"fuse",      "activations into their producers; residual additions offered",        pass_fuse},
    {"prune",     "weights of --prune's density, the largest kept",                      pass_prune},
    {"sweep",     "drop the constants that nothing reads any more",                      pass_dead},
};
const int pass_count = COUNT(passes);

static const Pass *pass_called(Graph *graph, const char *name)
{
    const char *names[COUNT(passes)];
    for (int i = 0; i < pass_count; i++) {
        if (strcmp(passes[i].name, name) == 0)
            return &passes[i];
        names[i] = passes[i].name;
    }
    Text all = text_new(graph->arena);
    const char *nearest = text_nearest(name, names, pass_count);
    for (int i = 0; i < pass_count; i++)
        text_format(&all, "%s%s", i ? ", " : "", names[i]);
    fail(graph->ctx, STATUS_USAGE, NULL, nearest ? arena_format(graph->arena, "did you mean %s?", nearest) : NULL,
         "there is no pass '%s'; there are %s", text_quote(graph->arena, name, strlen(name)), all.data);
}

static void dump(const Graph *graph, const Pass *pass, const PassOptions *options)
{
    bool all = strcmp(options->dump, "all") == 0;
    if (all)
        fprintf(options->dump_to, "# after %s: %s\n", pass->name, pass->says);
    if (all || strcmp(options->dump, pass->name) == 0)
        graph_dump(graph, options->dump_to);
}

static void run(Graph *graph, const Pass *pass, const PassOptions *options)
{
    pass->run(graph, options);
    graph_verify(graph, pass->name);
    if (options->dump)
        dump(graph, pass, options);
    arena_reset(graph->ctx->scratch);
}

void passes_run(Graph *graph, const PassOptions *options)
{
    if (options->dump && strcmp(options->dump, "all") != 0)
        pass_called(graph, options->dump);
    for (int i = 0; i < pass_count; i++)
        run(graph, &passes[i], options);
}

void pass_run_named(Graph *graph, const char *name, const PassOptions *options)
{
    run(graph, pass_called(graph, name), options);
}
