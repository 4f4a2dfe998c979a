/* Times a model: the whole run, then each layer with the clock read between stages, then, if asked to, each layer again and again by itself.
   Medians over repeated runs after a warm-up. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "npy.h"

enum { FEWEST_RUNS = 10, MOST_RUNS = 1000, MOST_COLUMNS = 10 };
static const double warm_up_seconds = 0.1, measured_seconds = 0.5, hot_seconds = 0.02;

typedef struct Bench {
    const struct tulle_model *model;
    const void *const *inputs;
    void *const *outputs;
    void *workspace;
    size_t workspace_bytes;
    int threads, runs;
    double median, least;            /* seconds of a whole run */
    double *samples;                 /* [runs] while one thing is measured */
    double *stages;                  /* [runs][stage_count] */
    double *layers;                  /* [layer_count]: median seconds */
    double *hot;                     /* [layer_count]: ... of the layer alone; NULL: not asked for */
    bool predicted;                  /* the compiler's predictions are for this number of threads */
} Bench;

static double now(void)
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

static double median(double *samples, int count)
{
    qsort(samples, (size_t)count, sizeof *samples, compare_seconds);
    return count % 2 ? samples[count / 2] : 0.5 * (samples[count / 2 - 1] + samples[count / 2]);
}

static int run_once(Bench *bench, double *seconds)
{
    double start = now();
    int status = tulle_run(bench->model, bench->inputs, bench->outputs, bench->workspace, bench->workspace_bytes, bench->threads);
    *seconds = now() - start;
    return status;
}

static int warm_up(Bench *bench)
{
    double spent = 0, seconds = 0;
    int status = TULLE_OK;
    for (int run = 0; run < MOST_RUNS && (run < 2 || spent < warm_up_seconds) && status == TULLE_OK; run++) {
        status = run_once(bench, &seconds);
        spent += seconds;
    }
    return status;
}

/* Whole runs, until there are enough and their time is up. */
static int measure_whole(Bench *bench)
{
    double spent = 0;
    while (bench->runs < MOST_RUNS && (bench->runs < FEWEST_RUNS || spent < measured_seconds)) {
        int status = run_once(bench, &bench->samples[bench->runs]);
        if (status != TULLE_OK)
            return status;
        spent += bench->samples[bench->runs++];
    }
    bench->median = median(bench->samples, bench->runs);
    bench->least = bench->samples[0];
    return TULLE_OK;
}

/* As many runs again with the clock read between stages. */
static int measure_layers(Bench *bench)
{
    const size_t stage_count = (size_t)bench->model->stage_count;
    for (int run = 0; run < bench->runs; run++) {
        int status = tulle_profile(bench->model, bench->inputs, bench->outputs, bench->workspace, bench->workspace_bytes, bench->threads,
                                   bench->stages + (size_t)run * stage_count);
        if (status != TULLE_OK)
            return status;
    }
    for (int i = 0; i < bench->model->layer_count; i++) {
        const struct tulle_layer *layer = &bench->model->layers[i];
        for (int run = 0; run < bench->runs; run++) {
            bench->samples[run] = 0;
            for (int stage = 0; stage < layer->stage_count; stage++)
                bench->samples[run] += bench->stages[(size_t)run * stage_count + (size_t)(layer->first_stage + stage)];
        }
        bench->layers[i] = median(bench->samples, bench->runs);
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
        *status = tulle_profile(&alone, bench->inputs, bench->outputs, bench->workspace, bench->workspace_bytes, bench->threads, seconds);
        for (int run = 0; run < times; run++) {
            bench->samples[run] = 0;
            for (int stage = 0; stage < layer->stage_count; stage++)
                bench->samples[run] += seconds[layer->first_stage + run * layer->stage_count + stage];
        }
        result = *status == TULLE_OK ? bench->model->slices * median(bench->samples, times) : -1;
    }
    free(stages);
    free(seconds);
    return result;
}

static bool measure_hot(Bench *bench, int *status)
{
    for (int i = 0; i < bench->model->layer_count; i++) {
        const struct tulle_layer *layer = &bench->model->layers[i];
        double times = hot_seconds / (bench->layers[i] + 1e-9);
        times = times < FEWEST_RUNS ? FEWEST_RUNS : times > MOST_RUNS ? MOST_RUNS : times;
        if (layer->stage_count && (bench->hot[i] = measure_alone(bench, layer, (int)times, status)) < 0)
            return false;
    }
    return true;
}

/* ---- telling ---- */

static int64_t batch_of(const struct tulle_model *model)
{
    return model->input_count && model->inputs[0].rank ? model->inputs[0].dims[0] : 1;
}

/* 2 operations a multiply-add; effective counts those that the zeros saved as if they had been done. */
static double effective_gflops(const Bench *bench, int layer)
{
    double seconds = bench->layers[layer];
    return seconds > 0 ? 2e-9 * bench->model->layers[layer].multiply_adds / seconds : 0;
}

/* Of all layers; 0 if nothing was predicted. */
static double predicted_ms(const Bench *bench)
{
    double sum = 0;
    for (int i = 0; bench->predicted && i < bench->model->layer_count; i++)
        sum += bench->model->layers[i].predicted_ms;
    return sum;
}

/* What this process has held in memory at most, in bytes; 0 where the system does not say. (getrusage() would also count what started it.) */
static double peak_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];
    double kilobytes = 0;
    while (file && kilobytes == 0 && fgets(line, sizeof line, file))
        if (!strncmp(line, "VmHWM:", 6))
            kilobytes = strtod(line + 6, NULL);
    if (file)
        fclose(file);
    return 1024 * kilobytes;
}

static void print_time(FILE *stream, const char *name, double milliseconds, bool known)
{
    if (known)
        fprintf(stream, ", \"%s\": %.6g", name, milliseconds);
    else
        fprintf(stream, ", \"%s\": null", name);
}

static void print_layer(FILE *stream, const Bench *bench, int index)
{
    const struct tulle_layer *layer = &bench->model->layers[index];
    fputs("{\"name\": ", stream);
    report_json_string(stream, layer->name);
    fputs(", \"op\": ", stream);
    report_json_string(stream, layer->op);
    fputs(", \"kernel\": ", stream);
    report_json_string(stream, layer->kernel);
    fprintf(stream, ", \"density\": %.6g", layer->density);
    print_time(stream, "median_ms", bench->layers[index] * 1e3, true);
    print_time(stream, "predicted_ms", layer->predicted_ms, bench->predicted && layer->predicted_ms > 0);
    print_time(stream, "hot_ms", bench->hot ? bench->hot[index] * 1e3 : 0, bench->hot != NULL);
    print_time(stream, "predicted_hot_ms", layer->predicted_hot_ms, bench->predicted && layer->predicted_hot_ms > 0);
    fprintf(stream, ", \"gflops\": %.6g, \"effective_gflops\": %.6g}", effective_gflops(bench, index) * layer->density, effective_gflops(bench, index));
}

static void print_json(FILE *stream, const Bench *bench)
{
    const struct tulle_model *model = bench->model;
    fputs("{\"model\": ", stream);
    report_json_string(stream, model->name);
    fputs(", \"target\": ", stream);
    report_json_string(stream, model->target);
    fprintf(stream, ", \"threads\": %d, \"batch\": %lld, \"runs\": %d, \"median_ms\": %.6g, \"min_ms\": %.6g", bench->threads,
            (long long)batch_of(model), bench->runs, bench->median * 1e3, bench->least * 1e3);
    print_time(stream, "predicted_ms", predicted_ms(bench), predicted_ms(bench) > 0);
    const double peak = peak_bytes();
    if (peak > 0)
        fprintf(stream, ", \"peak_bytes\": %.0f", peak);
    fputs(", \"layers\": [", stream);
    const char *between = "\n  ";
    for (int i = 0; i < model->layer_count; i++) {
        if (!model->layers[i].stage_count)
            continue;
        fputs(between, stream);
        print_layer(stream, bench, i);
        between = ",\n  ";
    }
    fputs("]}\n", stream);
}

typedef struct Row { char density[16], times[4][24], gflops[24], effective[24]; } Row;

/* Measured and predicted in the network, then alone; nothing where nothing is known. */
static int fill_times(const Bench *bench, int index, Row *row, const char **cells)
{
    const struct tulle_layer *layer = &bench->model->layers[index];
    const double times[] = {bench->layers[index] * 1e3, layer->predicted_ms, bench->hot ? bench->hot[index] * 1e3 : 0, layer->predicted_hot_ms};
    int count = 0;
    for (int i = 0; i < (bench->hot ? 4 : 2); i++) {
        const bool known = i % 2 == 0 || (bench->predicted && times[i] > 0);
        snprintf(row->times[i], sizeof row->times[i], i % 2 ? "%.3g" : times[i] < 0.01 ? "%.6f" : "%.4f", times[i]);
        cells[count++] = known ? row->times[i] : "";
    }
    return count;
}

/* Layers that do no multiplications show no rate. */
static int fill_row(const Bench *bench, int index, Row *row, const char **cells)
{
    const struct tulle_layer *layer = &bench->model->layers[index];
    double rate = effective_gflops(bench, index);
    snprintf(row->density, sizeof row->density, "%.1f %%", layer->density * 100);
    snprintf(row->gflops, sizeof row->gflops, "%.1f", rate * layer->density);
    snprintf(row->effective, sizeof row->effective, "%.1f", rate);
    bool product = layer->multiply_adds > 0;
    const char *const what[] = {layer->name, layer->op, layer->kernel, product ? row->density : ""};
    int count = (int)(sizeof what / sizeof *what);
    memcpy(cells, what, sizeof what);
    count += fill_times(bench, index, row, cells + count);
    cells[count++] = product ? row->gflops : "";
    cells[count++] = product ? row->effective : "";
    return count;
}

static void print_whole(FILE *stream, const Bench *bench)
{
    fprintf(stream, "whole run: median %.4g ms, least %.4g ms of %d runs, %d thread%s, target %s", bench->median * 1e3, bench->least * 1e3, bench->runs,
            bench->threads, bench->threads == 1 ? "" : "s", bench->model->target);
    if (predicted_ms(bench) > 0)
        fprintf(stream, ", predicted %.4g ms", predicted_ms(bench));
    else if (!bench->predicted)
        fprintf(stream, "; predictions are for %d (tulle build --threads)", bench->model->threads);
    const double peak = peak_bytes();
    if (peak > 0)
        fprintf(stream, "; peak memory %.1f MB", peak / 1e6);
    fputs("\n", stream);
}

static bool print_table(FILE *stream, const Bench *bench)
{
    static const char *const titles[] = {"layer", "operator", "kernel", "nonzero", "median ms", "predicted", "GFLOP/s", "effective"};
    static const char *const hot_titles[] = {"layer", "operator", "kernel", "nonzero", "median ms", "predicted", "hot ms", "predicted", "GFLOP/s",
                                             "effective"};
    const int layers = bench->model->layer_count, columns = bench->hot ? MOST_COLUMNS : MOST_COLUMNS - 2;
    int rows = 1;
    Row *texts = calloc((size_t)layers + 1, sizeof *texts);
    const char **cells = calloc(((size_t)layers + 1) * MOST_COLUMNS, sizeof *cells);
    if (texts && cells) {
        memcpy(cells, bench->hot ? hot_titles : titles, (size_t)columns * sizeof *cells);
        for (int i = 0; i < layers; i++)
            if (bench->model->layers[i].stage_count) {
                fill_row(bench, i, &texts[rows], cells + rows * columns);
                rows++;
            }
        report_table(stream, cells, rows, columns, 3);
        print_whole(stream, bench);
    }
    bool fine = texts && cells;
    free(texts);
    free(cells);
    return fine;
}

static bool allocate(Bench *bench, const BenchOptions *options)
{
    bench->workspace_bytes = tulle_workspace_bytes(bench->model, bench->threads);
    bench->workspace = tensors_memory(bench->workspace_bytes);
    bench->samples = calloc(MOST_RUNS, sizeof *bench->samples);
    bench->stages = calloc(MOST_RUNS * (size_t)bench->model->stage_count + 1, sizeof *bench->stages);
    bench->layers = calloc((size_t)bench->model->layer_count + 1, sizeof *bench->layers);
    bench->hot = options->hot ? calloc((size_t)bench->model->layer_count + 1, sizeof *bench->hot) : NULL;
    return bench->workspace && bench->samples && bench->stages && bench->layers && (bench->hot || !options->hot);
}

bool tulle_bench(FILE *stream, const struct tulle_model *model, const void *const *inputs, void *const *outputs, const BenchOptions *options, int *status)
{
    Bench bench = {.model = model, .inputs = inputs, .outputs = outputs, .threads = options->threads, .predicted = options->threads == model->threads};
    bool fine = allocate(&bench, options);
    *status = TULLE_OK;
    if (fine)
        *status = warm_up(&bench);
    if (fine && *status == TULLE_OK)
        *status = measure_whole(&bench);
    if (fine && *status == TULLE_OK)
        *status = measure_layers(&bench);
    if (fine && *status == TULLE_OK && options->hot)
        fine = measure_hot(&bench, status);
    if (fine && *status == TULLE_OK)
        fine = options->json ? (print_json(stream, &bench), true) : print_table(stream, &bench);
    free(bench.workspace);
    free(bench.samples);
    free(bench.stages);
    free(bench.layers);
    free(bench.hot);
    return fine && *status == TULLE_OK;
}
