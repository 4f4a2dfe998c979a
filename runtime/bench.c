/* Times a model: the whole run, then each layer with the clock read between stages, then, if asked to, each layer again and again by itself.
   Medians over repeated runs after a warm-up; cold ones with the caches swept before each. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "npy.h"

enum { FEWEST_RUNS = 10, MOST_PROFILES = 1000, LINE = 64 };      /* profiles keep a number for each stage; bytes of a cache line */
static const double warm_up_seconds = 0.1, hot_seconds = 0.02;

typedef struct Bench {
    const struct tulle_model *model;
    const void *const *inputs;
    void *const *outputs;
    void *workspace;
    size_t workspace_bytes;
    const BenchOptions *options;
    BenchTimes *times;
    double *samples;                 /* of runs, while one thing is measured */
    int capacity;                    /* of samples; MOST_PROFILES at least */
    double *stages;                  /* [MOST_PROFILES][stage_count] */
    BenchSweep sweep;                /* for cold runs; else without memory */
} Bench;

double bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between two samples where it falls there. */
static double quantile(const double *sorted, int count, double part)
{
    const double at = part * (count - 1);
    const int below = (int)at;
    return below + 1 < count ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) : sorted[count - 1];
}

BenchTime bench_time(double *samples, int count)
{
    qsort(samples, (size_t)count, sizeof *samples, compare_seconds);
    return (BenchTime){samples[0], quantile(samples, count, 0.25), quantile(samples, count, 0.5), quantile(samples, count, 0.75)};
}

/* ---- cold runs ---- */

/* The caches of these threads' cores, as the C library knows them, twice; bounded, since hypervisors tell stories. */
static size_t sweep_size(int threads)
{
    const size_t least = (size_t)64 << 20, most = (size_t)256 << 20;
    long own = 0, shared = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
    own = sysconf(_SC_LEVEL2_CACHE_SIZE);
    shared = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    const size_t bytes = 2 * ((own > 0 ? (size_t)own * (size_t)threads : 0) + (shared > 0 ? (size_t)shared : 0));
    return bytes < least ? least : bytes > most ? most : bytes;
}

/* A stage like a model's, of memory that is its workspace: a thread's share of all lines is read and written. */
static void sweep_share(const struct tulle_context *context, int part, int parts)
{
    const size_t lines = (*(const size_t *)context->inputs[0] + LINE - 1) / LINE, end = lines * ((size_t)part + 1) / (size_t)parts;
    volatile char *memory = context->workspace;
    for (size_t line = lines * (size_t)part / (size_t)parts; line < end; line++)
        memory[line * LINE]++;
}

static int sweep_check(const struct tulle_context *context)
{
    (void)context;
    return TULLE_OK;
}

bool bench_sweep_new(BenchSweep *sweep, int threads)
{
    const size_t bytes = sweep_size(threads);
    *sweep = (BenchSweep){tensors_memory(bytes), bytes, threads};
    return sweep->memory != NULL;
}

/* By the threads that run the model, so that each sweeps its own core's caches. */
void bench_sweep(const BenchSweep *sweep)
{
    static tulle_stage *const stages[] = {sweep_share};
    static const unsigned char waits[] = {0};
    const struct tulle_tensor size = {.name = "bytes", .bytes = sizeof sweep->bytes};
    const struct tulle_model model = {.abi = TULLE_ABI, .inputs = &size, .input_count = 1, .stages = stages, .waits = waits, .stage_count = 1,
                                      .slices = 1, .workspace_bytes = sweep->bytes, .check = sweep_check};
    const void *const inputs[] = {&sweep->bytes};
    if (sweep->memory)
        tulle_run(&model, inputs, NULL, sweep->memory, sweep->bytes, sweep->threads);
}

/* ---- runs ---- */

static int run_once(Bench *bench, double *seconds)
{
    double start = bench_now();
    int status = tulle_run(bench->model, bench->inputs, bench->outputs, bench->workspace, bench->workspace_bytes, bench->options->threads);
    *seconds = bench_now() - start;
    return status;
}

static int warm_up(Bench *bench)
{
    double spent = 0, seconds = 0;
    int status = TULLE_OK;
    for (int run = 0; run < BENCH_MOST_RUNS && (run < 2 || spent < warm_up_seconds) && status == TULLE_OK; run++) {
        status = run_once(bench, &seconds);
        spent += seconds;
    }
    return status;
}

static bool make_room(Bench *bench, int runs)
{
    if (runs < bench->capacity)
        return true;
    double *larger = realloc(bench->samples, 2 * (size_t)bench->capacity * sizeof *larger);
    if (!larger)
        return false;
    bench->samples = larger;
    bench->capacity *= 2;
    return true;
}

/* Whole runs, until there are enough and their time is up. False: out of memory, or status says why. */
static bool measure_whole(Bench *bench, int *status)
{
    const int fewest = bench->options->repeat > FEWEST_RUNS ? bench->options->repeat : FEWEST_RUNS;
    const double start = bench_now();
    double spent = 0;                /* sweeping takes longer than many a model: then the clock on the wall decides */
    int runs = 0;
    while (runs < BENCH_MOST_RUNS && (runs < fewest || spent < bench->options->seconds)) {
        if (!make_room(bench, runs))
            return false;
        bench_sweep(&bench->sweep);
        *status = run_once(bench, &bench->samples[runs]);
        if (*status != TULLE_OK)
            return false;
        spent = bench->sweep.memory ? bench_now() - start : spent + bench->samples[runs];
        runs++;
    }
    bench->times->runs = runs;
    bench->times->whole = bench_time(bench->samples, runs);
    return true;
}

/* As many runs again, up to MOST_PROFILES, with the clock read between stages. */
static int measure_layers(Bench *bench)
{
    const size_t stage_count = (size_t)bench->model->stage_count;
    const int runs = bench->times->runs < MOST_PROFILES ? bench->times->runs : MOST_PROFILES;
    for (int run = 0; run < runs; run++) {
        bench_sweep(&bench->sweep);
        int status = tulle_profile(bench->model, bench->inputs, bench->outputs, bench->workspace, bench->workspace_bytes, bench->options->threads,
                                   bench->stages + (size_t)run * stage_count);
        if (status != TULLE_OK)
            return status;
    }
    for (int i = 0; i < bench->model->layer_count; i++) {
        const struct tulle_layer *layer = &bench->model->layers[i];
        for (int run = 0; run < runs; run++) {
            bench->samples[run] = 0;
            for (int stage = 0; stage < layer->stage_count; stage++)
                bench->samples[run] += bench->stages[(size_t)run * stage_count + (size_t)(layer->first_stage + stage)];
        }
        bench->times->layers[i] = bench_time(bench->samples, runs);
    }
    return TULLE_OK;
}

/* Of one slice of the batch: everything up to the layer, then the layer `times` times: it finds all it touches where the last one left it (one that
   works in place its own result as its input). The median of the layer's time, times the slices; negative: out of memory, or status says why. */
static double measure_alone(Bench *bench, const struct tulle_layer *layer, int times, int *status)
{
    struct tulle_model alone = *bench->model;
    alone.slices = 1;
    alone.stage_count = layer->first_stage + times * layer->stage_count;
    tulle_stage **stages = calloc((size_t)alone.stage_count, sizeof *stages);
    double *seconds = calloc((size_t)alone.stage_count, sizeof *seconds), result = -1;
    if (stages && seconds) {
        for (int i = 0; i < alone.stage_count; i++)
            stages[i] = bench->model->stages[i < layer->first_stage ? i : layer->first_stage + (i - layer->first_stage) % layer->stage_count];
        alone.stages = stages;
        *status = tulle_profile(&alone, bench->inputs, bench->outputs, bench->workspace, bench->workspace_bytes, bench->options->threads, seconds);
        for (int run = 0; run < times; run++) {
            bench->samples[run] = 0;
            for (int stage = 0; stage < layer->stage_count; stage++)
                bench->samples[run] += seconds[layer->first_stage + run * layer->stage_count + stage];
        }
        result = *status == TULLE_OK ? bench->model->slices * bench_time(bench->samples, times).median : -1;
    }
    free(stages);
    free(seconds);
    return result;
}

static bool measure_hot(Bench *bench, int *status)
{
    for (int i = 0; i < bench->model->layer_count; i++) {
        const struct tulle_layer *layer = &bench->model->layers[i];
        double times = hot_seconds / (bench->times->layers[i].median + 1e-9);
        times = times < FEWEST_RUNS ? FEWEST_RUNS : times > MOST_PROFILES ? MOST_PROFILES : times;
        if (layer->stage_count && (bench->times->hot[i] = measure_alone(bench, layer, (int)times, status)) < 0)
            return false;
    }
    return true;
}

static bool allocate(Bench *bench)
{
    const size_t layers = (size_t)bench->model->layer_count + 1;
    bench->workspace_bytes = tulle_workspace_bytes(bench->model, bench->options->threads);
    bench->workspace = tensors_memory(bench->workspace_bytes);
    bench->capacity = MOST_PROFILES;
    bench->samples = calloc(MOST_PROFILES, sizeof *bench->samples);
    bench->stages = calloc(MOST_PROFILES * (size_t)bench->model->stage_count + 1, sizeof *bench->stages);
    bench->times->layers = calloc(layers, sizeof *bench->times->layers);
    bench->times->hot = bench->options->hot ? calloc(layers, sizeof *bench->times->hot) : NULL;
    return bench->workspace && bench->samples && bench->stages && bench->times->layers && (bench->times->hot || !bench->options->hot) &&
           (!bench->options->cold || bench_sweep_new(&bench->sweep, bench->options->threads));
}

bool bench_measure(const struct tulle_model *model, const void *const *inputs, void *const *outputs, const BenchOptions *options, BenchTimes *times,
                   int *status)
{
    *times = (BenchTimes){.runs = 0};
    Bench bench = {.model = model, .inputs = inputs, .outputs = outputs, .options = options, .times = times};
    bool fine = allocate(&bench);
    *status = TULLE_OK;
    if (fine)
        *status = warm_up(&bench);
    if (fine && *status == TULLE_OK)
        fine = measure_whole(&bench, status);
    if (fine && *status == TULLE_OK)
        *status = measure_layers(&bench);
    if (fine && *status == TULLE_OK && options->hot)
        fine = measure_hot(&bench, status);
    free(bench.workspace);
    free(bench.sweep.memory);
    free(bench.samples);
    free(bench.stages);
    return fine && *status == TULLE_OK;
}

void bench_free(BenchTimes *times)
{
    free(times->layers);
    free(times->hot);
}
