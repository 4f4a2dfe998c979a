/* Every pass, in order, and the driver that runs them. */
#include "pass.h"

#include <string.h>

const Pass passes[] = {
    {"unused",    "drop what the outputs do not need, so that its faults do not matter", pass_dead},
    {"infer",     "types and shapes; shape operands into attributes; constant folding",  pass_infer},
    {"dead",      "drop what only shapes were asked of",                                 pass_dead},
    {"views",     "reshapes into views; operators that do nothing away; a place of its own for every output", pass_views},
    {"batchnorm", "per-channel factors and shifts into the layer before them",           pass_batchnorm},
    {"pad",       "padding into convolutions and poolings",                              pass_pad},
    {"fuse",      "activations into their producers; residual additions offered",        pass_fuse},
    {"sparsity",  "weights under the threshold become zeros",                            pass_sparsity},
    {"sweep",     "drop the constants that nothing reads any more",                      pass_dead},
};
const int pass_count = COUNT(passes);

static void run(Graph *graph, const Pass *pass, const PassOptions *options)
{
    pass->run(graph, options);
    graph_verify(graph, pass->name);
    if (options->dump && (strcmp(options->dump, pass->name) == 0 || strcmp(options->dump, "all") == 0))
        graph_dump(graph, options->dump_to);
    arena_reset(graph->ctx->scratch);
}

void passes_run(Graph *graph, const PassOptions *options)
{
    for (int i = 0; i < pass_count; i++)
        run(graph, &passes[i], options);
}

void pass_run_named(Graph *graph, const char *name, const PassOptions *options)
{
    for (int i = 0; i < pass_count; i++)
        if (strcmp(passes[i].name, name) == 0) {
            run(graph, &passes[i], options);
            return;
        }
    fail(graph->ctx, STATUS_USAGE, NULL, NULL, "there is no pass '%s'", name);
}
