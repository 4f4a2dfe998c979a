/* A projection: empty output channels and unused input channels removed, with the neighbours shrunk to match, and a dense kernel on the smaller layer
   that is left. What a network's pass must do for it (constants that empty channels leave behind) costs nothing at run time. A layer with an addition
   fused must keep all its outputs, which the other operand has, too: where some of them are empty, it does not fit.

   It is of the sparse kernels: a layer's dense price is that of all its weights, the one that gains are counted against, and must not fall when the
   layer is pruned. Being a projection it never takes a layer from a dense kernel. Useful multiply-adds are those of the layer that is left. */
#include "codegen/cpu/resized.h"

enum { INNER = 5 };                  /* Tiling.size: which of these kernels has the rest of the tiling */
static const char *const inner_names[] = {"dense_direct", "dense_gemm", "dense_implicit", "dense_winograd"};

static const Kernel *inner_of(const Tiling *tiling, Tiling *own)
{
    *own = *tiling;
    own->size[INNER] = 0;
    return kernel_named(inner_names[tiling->size[INNER]]);
}

static bool compacted(const Problem *problem, Problem *left)
{
    const Pattern *pattern = problem->pattern == NULL ? NULL : pattern_compacted(problem->pattern, problem->graph->ctx->scratch);
    return pattern != NULL && pattern->rows > 0 && pattern->channels > 0 && resized_channels(problem, pattern, left);
}

static bool fits(const Problem *problem)
{
    Problem left;
    if (!problem_vector(problem) || !compacted(problem, &left))
        return false;
    for (int i = 0; i < COUNT(inner_names); i++)
        if (kernel_named(inner_names[i])->fits(&left))
            return true;
    return false;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Problem left;
    int kept = 0;
    compacted(problem, &left);
    for (int i = 0; i < COUNT(inner_names); i++) {
        const Kernel *inner = kernel_named(inner_names[i]);
        const int count = inner->fits(&left) ? inner->tilings(&left, list + kept, most - kept) : 0, from = kept;
        for (int t = from; t < from + count; t++) {
            if (!layout_plain(&list[t].in))
                continue;
            list[kept] = list[t];
            list[kept++].size[INNER] = i;
        }
    }
    return kept;
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Problem left;
    Tiling own;
    compacted(problem, &left);
    inner_of(tiling, &own)->work(&left, &own, work);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Problem left;
    Tiling own;
    compacted(problem, &left);
    inner_of(tiling, &own)->stages(&left, &own, layer);
}

const Kernel kernel_dense_compact = {
    .name = "dense_compact", .sparse = true,
    .says = "empty channels removed, every weight of the smaller layer multiplied",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
