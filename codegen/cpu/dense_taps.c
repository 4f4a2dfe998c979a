/* A projection: weights whose zeros are whole columns, that is taps (c, r, s) that no output channel uses, as structured learning leaves them. The
   loops of the kernels that walk (channel, tap) pairs, over a constant list of those in use instead of all of them. Of the sparse kernels, as
   dense_compact is and for its reasons. */
#include "codegen/cpu/resized.h"

static const char *const names[] = {"dense_direct", "dense_implicit"};
static const Inner inner = {names, COUNT(names)};

static double kept(const Pattern *pattern)
{
    return 1 - (double)pattern->empty_columns / (double)pattern->columns;
}

/* A few columns are empty by accident. Channels that are empty in all taps are dense_compact's. */
static bool fits(const Problem *problem)
{
    const Pattern *pattern = problem->pattern;
    return pattern != NULL && pattern->taps > 1 && pattern->empty_columns < pattern->columns && pattern->empty_columns * 16 >= pattern->columns &&
           pattern->empty_columns * pattern->channels > pattern->empty_channels * pattern->columns && inner_fits(&inner, problem);
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    return inner_tilings(&inner, problem, list, most);
}

/* The list's offsets take the place of those that the kernel reads for each tap. All that its multiplying stage does shrinks but for its stores;
   what it issues to store an output is little beside what it issues to compute it. Filling planes takes as long as before. */
static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    const Pattern *pattern = problem->pattern;
    const double part = kept(pattern), weights = 4 * (double)pattern->rows * (double)pattern->columns;
    Tiling own;
    inner_of(&inner, tiling, &own)->work(problem, &own, work);
    StageWork *stage = &work->stages[work->stage_count - 1];
    double *const counts[] = {&stage->instructions, &stage->fma, &stage->vector, &stage->loads, &stage->split_loads, &stage->chain};
    for (int i = 0; i < COUNT(counts); i++)
        *counts[i] *= part;
    for (int i = 0; i < stage->traffic_count; i++)
        if (stage->traffic[i].touch == TOUCH_WEIGHTS || stage->traffic[i].touch == TOUCH_AGAIN)
            stage->traffic[i].bytes *= part;
    work->multiply_adds *= part;
    work->weight_bytes -= (1 - part) * weights;
    work->index_bytes = 4 * part * (double)pattern->columns;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Tiling own;
    inner_of(&inner, tiling, &own)->stages(problem, &own, layer);
}

const Kernel kernel_dense_taps = {
    .name = "dense_taps", .sparse = true,
    .says = "a dense product over the list of taps that any output channel uses",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
