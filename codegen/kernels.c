/* The table of kernels, made from kernels.inc. */
#include "codegen/kernel.h"

#include <string.h>

#define KERNEL(name) extern const Kernel kernel_##name;
#include "codegen/kernels.inc"
#undef KERNEL

const Kernel *const kernels[] = {
#define KERNEL(name) &kernel_##name,
#include "codegen/kernels.inc"
#undef KERNEL
};

const int kernel_count = COUNT(kernels);

const Kernel *kernel_named(const char *name)
{
    for (int i = 0; i < kernel_count; i++)
        if (strcmp(kernels[i]->name, name) == 0)
            return kernels[i];
    return NULL;
}

bool kernel_magnitudes(const Kernel *kernel, const Problem *problem, const Tiling *tiling, const void *const *inputs, double *sums, int64_t *terms,
                       Arena *arena)
{
    if (kernel == NULL || kernel->magnitudes == NULL)
        return reference_magnitudes(problem->graph, problem->node, inputs, sums, terms, arena);
    kernel->magnitudes(problem, tiling, inputs, sums, terms, arena);
    return true;
}

int kernel_one_tiling(const Problem *problem, Tiling *tilings, int most)
{
    (void)problem;
    if (most > 0)
        tilings[0] = (Tiling){0};
    return most > 0;
}
