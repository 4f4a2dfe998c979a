/* A projection: empty output channels and unused input channels removed, with the neighbours shrunk to match, and a dense kernel on the smaller layer
   that is left. What a network's pass must do for it (constants that empty channels leave behind) costs nothing at run time. A layer with an addition
   fused must keep all its outputs, which the other operand has, too: where some of them are empty, it does not fit.

   It is of the sparse kernels: a layer's dense price is that of all its weights, the one that gains are counted against, and must not fall when the
   layer is pruned. Being a projection it never takes a layer from a dense kernel. Useful multiply-adds are those of the layer that is left. */
#include "codegen/cpu/resized.h"

static const char *const names[] = {"dense_direct", "dense_gemm", "dense_implicit", "dense_winograd"};
static const Inner inner = {names, COUNT(names)};

static bool compacted(const Problem *problem, Problem *left)
{
    const Pattern *pattern = problem->pattern == NULL ? NULL : pattern_compacted(problem->pattern, problem->graph->ctx->scratch);
    return pattern != NULL && pattern->rows > 0 && pattern->channels > 0 && resized_channels(problem, pattern, left);
}

static bool fits(const Problem *problem)
{
    Problem left;
    return problem_vector(problem) && compacted(problem, &left) && inner_fits(&inner, &left);
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Problem left;
    compacted(problem, &left);
    return inner_tilings(&inner, &left, list, most);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Problem left;
    Tiling own;
    compacted(problem, &left);
    inner_of(&inner, tiling, &own)->work(&left, &own, work);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Problem left;
    Tiling own;
    compacted(problem, &left);
    inner_of(&inner, tiling, &own)->stages(&left, &own, layer);
}

const Kernel kernel_dense_compact = {
    .name = "dense_compact", .sparse = true,
    .says = "empty channels removed, every weight of the smaller layer multiplied",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
