/* Times two programs of one model in turns, layer by layer, so that what else the machine does meets both alike. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/cli/cli.h"

enum { FEWEST_PAIRS = 15, MOST_PAIRS = 400, MOST_BLOCK = 8 };
static const double rounding = 1e-3;          /* of results, relative to the largest */
static const double block_seconds = 1e-3;    /* of runs that are timed in one turn, at least, if they are short */

typedef struct Side {
    const struct tulle_model *model;
    void *workspace;
    size_t workspace_bytes;
    void **outputs;
    double *stages;                  /* [stage_count]: of one run */
    double *block;                   /* [MOST_BLOCK][layer_count + 1] */
    double *times;                   /* [MOST_PAIRS][layer_count + 1]: of turns; the last of a row is the whole */
} Side;

typedef struct Pairing {
    Context *ctx;
    void *const *inputs;
    int threads, columns;
    BenchSweep sweep;                /* without memory where caches stay as they are */
} Pairing;

/* ---- a turn ---- */

/* As users run it: the clock between stages costs barriers that it would not have. */
static double run_whole(const Pairing *pairing, const Side *side)
{
    const double start = bench_now();
    const int status = tulle_run(side->model, (const void *const *)pairing->inputs, side->outputs, side->workspace, side->workspace_bytes, pairing->threads);
    if (status != TULLE_OK)
        program_fail(pairing->ctx, status);
    return bench_now() - start;
}

static void run_stages(const Pairing *pairing, const Side *side, double *row)
{
    const struct tulle_model *model = side->model;
    const int status = tulle_profile(model, (const void *const *)pairing->inputs, side->outputs, side->workspace, side->workspace_bytes, pairing->threads, side->stages);
    if (status != TULLE_OK)
        program_fail(pairing->ctx, status);
    for (int l = 0; l < model->layer_count; l++) {
        row[l] = 0;
        for (int s = 0; s < model->layers[l].stage_count; s++)
            row[l] += side->stages[model->layers[l].first_stage + s];
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *numbers, int count)
{
    qsort(numbers, (size_t)count, sizeof *numbers, compare_numbers);
    return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
}

/* A few runs, or with cold caches one, after what brings the caches to where they shall be: a run that is not timed, or a sweep. Of each layer the median.
   Gives the seconds that the turn took. */
static double take_turn(const Pairing *pairing, const Side *side, double *row)
{
    const int most = pairing->sweep.memory ? 1 : MOST_BLOCK;
    const double start = bench_now();
    double numbers[MOST_BLOCK], timed = 0;
    int count = 0;
    if (!pairing->sweep.memory)
        run_whole(pairing, side);
    while (count < most && (count == 0 || timed < block_seconds)) {
        double *one = side->block + (size_t)count++ * (size_t)pairing->columns;
        bench_sweep(&pairing->sweep);
        run_stages(pairing, side, one);
        bench_sweep(&pairing->sweep);
        timed += one[pairing->columns - 1] = run_whole(pairing, side);
    }
    for (int c = 0; c < pairing->columns; c++) {
        for (int i = 0; i < count; i++)
            numbers[i] = side->block[(size_t)i * (size_t)pairing->columns + (size_t)c];
        row[c] = median(numbers, count);
    }
    return bench_now() - start;
}

/* ---- many ---- */

static Side side_new(const Pairing *pairing, Arena *arena, const Program *program)
{
    const struct tulle_model *model = program->model;
    Side side = {.model = model, .workspace_bytes = tulle_workspace_bytes(model, pairing->threads)};
    side.workspace = tensors_memory(side.workspace_bytes);
    if (!side.workspace)
        fail(pairing->ctx, STATUS_MODEL, NULL, NULL, "out of memory");
    side.outputs = arena_array(arena, void *, model->output_count + 1);
    for (int i = 0; i < model->output_count; i++)
        side.outputs[i] = arena_alloc(arena, model->outputs[i].bytes + 1, 1);
    side.stages = arena_array(arena, double, model->stage_count + 1);
    side.block = arena_array(arena, double, MOST_BLOCK * pairing->columns);
    side.times = arena_array(arena, double, MOST_PAIRS * pairing->columns);
    return side;
}

static PairTime pair_time(const Pairing *pairing, const Side *first, const Side *second, int count, int column)
{
    double ratios[MOST_PAIRS], seconds[MOST_PAIRS];
    for (int i = 0; i < count; i++) {
        const size_t at = (size_t)i * (size_t)pairing->columns + (size_t)column;
        seconds[i] = second->times[at];
        ratios[i] = first->times[at] > 0 ? second->times[at] / first->times[at] : 1;
    }
    const int outside = interval_outside(count);
    const double middle = median(ratios, count);
    return (PairTime){median(seconds, count), middle, ratios[outside], ratios[count - 1 - outside]};
}

/* With other kernels sums are rounded otherwise, no more. Whole numbers may be positions of a largest element, and change with that. */
static bool same_outputs(const struct tulle_model *model, const Side *first, const Side *second)
{
    bool same = true;
    for (int o = 0; o < model->output_count; o++) {
        const struct tulle_tensor *tensor = &model->outputs[o];
        const int64_t count = (int64_t)(tensor->bytes / (size_t)npy_type_bytes(tensor->type));
        double largest = 0;
        if (!type_info((Type)tensor->type)->real)
            continue;
        for (int64_t i = 0; i < count; i++) {
            const double element = fabs(tensors_element(tensor->type, first->outputs[o], (size_t)i));
            largest = isfinite(element) ? fmax(largest, element) : largest;
        }
        same = same && compare_tensors((Type)tensor->type, first->outputs[o], second->outputs[o], count, rounding, rounding * largest, NULL).index < 0;
    }
    return same;
}

Pairs pairs_measure(Context *ctx, const Program *first, const Program *second, void *const *inputs, const PairOptions *options)
{
    Pairing pairing = {.ctx = ctx, .inputs = inputs, .threads = options->threads, .columns = first->model->layer_count + 1};
    Arena *arena = arena_new(ctx, "times", SIZE_MAX / 2);
    const Side sides[] = {side_new(&pairing, arena, first), side_new(&pairing, arena, second)};
    double spent[2] = {0, 0};
    if (options->cold && !bench_sweep_new(&pairing.sweep, options->threads))
        fail(ctx, STATUS_MODEL, NULL, NULL, "out of memory");
    Pairs pairs = {.layers = arena_array(ctx->graph, PairTime, first->model->layer_count + 1)};
    program_watch("its run as a whole", options->threads);
    for (; pairs.count < MOST_PAIRS && (pairs.count < FEWEST_PAIRS || fmin(spent[0], spent[1]) < options->seconds); pairs.count++)
        for (int turn = 0; turn < 2; turn++) {
            const int side = (pairs.count + turn) % 2;
            spent[side] += take_turn(&pairing, &sides[side], sides[side].times + (size_t)pairs.count * (size_t)pairing.columns);
        }
    program_watch(NULL, 0);
    for (int l = 0; l < first->model->layer_count; l++)
        pairs.layers[l] = pair_time(&pairing, &sides[0], &sides[1], pairs.count, l);
    pairs.whole = pair_time(&pairing, &sides[0], &sides[1], pairs.count, pairing.columns - 1);
    pairs.same = same_outputs(first->model, &sides[0], &sides[1]);
    free(sides[0].workspace);
    free(sides[1].workspace);
    free(pairing.sweep.memory);
    arena_free(arena);
    return pairs;
}
