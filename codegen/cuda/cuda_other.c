/* Anything else on a GPU: it streams its operands through once, one thread an element of the output. Transposed convolutions multiply on the way. */
#include "codegen/cuda/cuda.h"

static double elements(const Problem *problem)
{
    double most = 1;
    for (int i = 0; i < problem->node->output_count; i++)
        if (problem->node->outputs[i] != NULL && (double)shape_count(&problem->node->outputs[i]->shape) > most)
            most = (double)shape_count(&problem->node->outputs[i]->shape);
    return most;
}

static bool fits(const Problem *problem)
{
    const char *why;
    return problem->target->isa.gpu && reference_supports(problem->node, &why);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    (void)tiling;
    const Node *node = problem->node;
    const bool weighted = dense_multiply_adds(node) > 0 && value_constant(node->inputs[1]);
    work->multiply_adds = dense_multiply_adds(node);
    work->weight_bytes = weighted ? (double)shape_count(&node->inputs[1]->shape) * type_info(node->inputs[1]->type)->bytes : 0;
    cuda_stream(work, elements(problem), cuda_activations(node) + work->weight_bytes, 16);
    LaunchWork *launch = &work->launches[0];
    launch->fma = work->multiply_adds / WARP;
    launch->instructions += 4 * launch->fma;
    launch->global_loads += 2 * launch->fma;    /* an input and a weight each */
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *plan)
{
    (void)tiling;
    cuda_stage(plan, elements(problem) / 1024, "stream");
}

const Kernel kernel_cuda_other = {
    .name = "cuda_other",
    .says = "one thread an element",
    .fits = fits, .tilings = kernel_one_tiling, .work = work, .stages = stages,
};
