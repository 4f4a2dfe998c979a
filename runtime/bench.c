/* Times a model: the whole run, then each layer with the clock read between stages. Medians over repeated runs after a warm-up. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "npy.h"

enum { FEWEST_RUNS = 10, MOST_RUNS = 1000, COLUMNS = 7 };
static const double warm_up_seconds = 0.1, measured_seconds = 0.5;

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

static void print_json(FILE *stream, const Bench *bench)
{
    const struct tulle_model *model = bench->model;
    fputs("{\"model\": ", stream);
    report_json_string(stream, model->name);
    fputs(", \"target\": ", stream);
    report_json_string(stream, model->target);
    fprintf(stream, ", \"threads\": %d, \"batch\": %lld, \"runs\": %d, \"median_ms\": %.6g, \"min_ms\": %.6g, \"layers\": [", bench->threads,
            (long long)batch_of(model), bench->runs, bench->median * 1e3, bench->least * 1e3);
    const char *between = "\n  ";
    for (int i = 0; i < model->layer_count; i++) {
        const struct tulle_layer *layer = &model->layers[i];
        if (!layer->stage_count)
            continue;
        fprintf(stream, "%s{\"name\": ", between);
        report_json_string(stream, layer->name);
        fputs(", \"op\": ", stream);
        report_json_string(stream, layer->op);
        fputs(", \"kernel\": ", stream);
        report_json_string(stream, layer->kernel);
        fprintf(stream, ", \"density\": %.6g, \"median_ms\": %.6g, \"predicted_ms\": null, \"gflops\": %.6g, \"effective_gflops\": %.6g}", layer->density,
                bench->layers[i] * 1e3, effective_gflops(bench, i) * layer->density, effective_gflops(bench, i));
        between = ",\n  ";
    }
    fputs("]}\n", stream);
}

typedef struct Row { char density[16], milliseconds[24], gflops[24], effective[24]; } Row;

/* Layers that do no multiplications show no rate. */
static void fill_row(const Bench *bench, int index, Row *row, const char **cells)
{
    const struct tulle_layer *layer = &bench->model->layers[index];
    double rate = effective_gflops(bench, index);
    snprintf(row->density, sizeof row->density, "%.1f %%", layer->density * 100);
    snprintf(row->milliseconds, sizeof row->milliseconds, bench->layers[index] < 1e-5 ? "%.6f" : "%.4f", bench->layers[index] * 1e3);
    snprintf(row->gflops, sizeof row->gflops, "%.1f", rate * layer->density);
    snprintf(row->effective, sizeof row->effective, "%.1f", rate);
    bool product = layer->multiply_adds > 0;
    const char *const filled[COLUMNS] = {layer->name, layer->op, layer->kernel, product ? row->density : "", row->milliseconds,
                                         product ? row->gflops : "", product ? row->effective : ""};
    memcpy(cells, filled, sizeof filled);
}

static bool print_table(FILE *stream, const Bench *bench)
{
    static const char *const titles[COLUMNS] = {"layer", "operator", "kernel", "nonzero", "median ms", "GFLOP/s", "effective"};
    int layers = bench->model->layer_count, rows = 1;
    Row *texts = calloc((size_t)layers + 1, sizeof *texts);
    const char **cells = calloc(((size_t)layers + 1) * COLUMNS, sizeof *cells);
    if (texts && cells) {
        memcpy(cells, titles, sizeof titles);
        for (int i = 0; i < layers; i++)
            if (bench->model->layers[i].stage_count) {
                fill_row(bench, i, &texts[rows], cells + rows * COLUMNS);
                rows++;
            }
        report_table(stream, cells, rows, COLUMNS, 3);
        fprintf(stream, "whole run: median %.4g ms, least %.4g ms of %d runs, %d thread%s, target %s\n", bench->median * 1e3, bench->least * 1e3,
                bench->runs, bench->threads, bench->threads == 1 ? "" : "s", bench->model->target);
    }
    bool fine = texts && cells;
    free(texts);
    free(cells);
    return fine;
}

static bool allocate(Bench *bench)
{
    bench->workspace_bytes = tulle_workspace_bytes(bench->model, bench->threads);
    bench->workspace = aligned_alloc(TULLE_ALIGNMENT, (bench->workspace_bytes / TULLE_ALIGNMENT + 1) * TULLE_ALIGNMENT);
    bench->samples = calloc(MOST_RUNS, sizeof *bench->samples);
    bench->stages = calloc(MOST_RUNS * (size_t)bench->model->stage_count + 1, sizeof *bench->stages);
    bench->layers = calloc((size_t)bench->model->layer_count + 1, sizeof *bench->layers);
    return bench->workspace && bench->samples && bench->stages && bench->layers;
}

bool bench_model(FILE *stream, const struct tulle_model *model, const void *const *inputs, void *const *outputs, int threads, bool json, int *status)
{
    Bench bench = {.model = model, .inputs = inputs, .outputs = outputs, .threads = threads};
    bool fine = allocate(&bench);
    *status = TULLE_OK;
    if (fine)
        *status = warm_up(&bench);
    if (fine && *status == TULLE_OK)
        *status = measure_whole(&bench);
    if (fine && *status == TULLE_OK)
        *status = measure_layers(&bench);
    if (fine && *status == TULLE_OK)
        fine = json ? (print_json(stream, &bench), true) : print_table(stream, &bench);
    free(bench.workspace);
    free(bench.samples);
    free(bench.stages);
    free(bench.layers);
    return fine && *status == TULLE_OK;
}
