/* What bench.c measured, as a table or as JSON, with what the compiler predicted beside it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npy.h"

typedef struct BenchReport {
    const struct tulle_model *model;
    const BenchTimes *times;
    const BenchOptions *options;
    const BenchBeside *beside;
    bool predicted;                  /* the compiler's predictions are for this number of threads */
    bool alone;                      /* the program is the model and nothing else */
} BenchReport;

int64_t bench_batch(const struct tulle_model *model)
{
    return model->input_count && model->inputs[0].rank ? model->inputs[0].dims[0] : 1;
}

/* 2 operations a multiply-add; effective counts those that the zeros saved as if they had been done. */
static double effective_gflops(const BenchReport *bench, int layer)
{
    double seconds = bench->times->layers[layer].median;
    return seconds > 0 ? 2e-9 * bench->model->layers[layer].multiply_adds / seconds : 0;
}

/* The half of all samples in the middle lies so far apart, as a part of the median. */
static double spread(const BenchTime *time)
{
    return time->median > 0 ? (time->high - time->low) / time->median : 0;
}

/* What was done with what is not zero over what the cores can do at their peak: the flat part of the roofline, since inside a network most of what a
   layer reads lies in caches. 0 where nothing is known. */
static double roof_share(const BenchReport *bench, int layer)
{
    return bench->beside->peak > 0 ? 1e9 * effective_gflops(bench, layer) * bench->model->layers[layer].density / bench->beside->peak : 0;
}

/* In milliseconds; 0 where there is none. */
static double predicted_of(const BenchReport *bench, int layer)
{
    return bench->predicted ? bench->model->layers[layer].predicted_ms : 0;
}

/* Of all layers; 0 if nothing was predicted. */
static double predicted_ms(const BenchReport *bench)
{
    double sum = 0;
    for (int i = 0; i < bench->model->layer_count; i++)
        sum += predicted_of(bench, i);
    return sum;
}

/* What this process has held in memory at most, in bytes; 0 where the system does not say, or where a compiler held most of it. (getrusage() would
   also count what started it.) */
static double peak_bytes(const BenchReport *bench)
{
    FILE *file = bench->alone ? fopen("/proc/self/status", "r") : NULL;
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

static const char *const counter_names[BENCH_COUNTERS] = {
    [COUNT_CYCLES] = "cycles", [COUNT_INSTRUCTIONS] = "instructions", [COUNT_L1_MISSES] = "l1_misses", [COUNT_CACHE_MISSES] = "cache_misses",
    [COUNT_BRANCH_MISSES] = "branch_misses", [COUNT_PAGE_FAULTS] = "page_faults", [COUNT_CPU] = "cpu_ns",
};

static void print_counters(FILE *stream, const BenchCount *count)
{
    fputs(", \"counters\": {", stream);
    for (int i = 0; i < BENCH_COUNTERS; i++) {
        fprintf(stream, "%s\"%s\": ", i ? ", " : "", counter_names[i]);
        report_json_number(stream, count->of[i] >= 0 ? count->of[i] : NAN);
    }
    fputs("}", stream);
}

static void print_layer(FILE *stream, const BenchReport *bench, int index)
{
    const struct tulle_layer *layer = &bench->model->layers[index];
    fputs("{\"name\": ", stream);
    report_json_string(stream, layer->name);
    fputs(", \"op\": ", stream);
    report_json_string(stream, layer->op);
    fputs(", \"kernel\": ", stream);
    report_json_string(stream, layer->kernel);
    fprintf(stream, ", \"density\": %.6g", layer->density);
    const BenchTime *time = &bench->times->layers[index];
    print_time(stream, "median_ms", time->median * 1e3, true);
    print_time(stream, "low_ms", time->low * 1e3, true);
    print_time(stream, "high_ms", time->high * 1e3, true);
    print_time(stream, "predicted_ms", layer->predicted_ms, bench->predicted && layer->predicted_ms > 0);
    print_time(stream, "hot_ms", bench->times->hot ? bench->times->hot[index] * 1e3 : 0, bench->times->hot != NULL);
    print_time(stream, "predicted_hot_ms", layer->predicted_hot_ms, bench->predicted && layer->predicted_hot_ms > 0);
    if (bench->beside->peak > 0)
        print_time(stream, "roof_share", roof_share(bench, index), roof_share(bench, index) > 0);
    if (bench->beside->earlier)
        print_time(stream, "earlier_ms", bench->beside->earlier[index], bench->beside->earlier[index] > 0);
    if (bench->beside->counts)
        print_counters(stream, &bench->beside->counts->layers[index]);
    fprintf(stream, ", \"gflops\": %.6g, \"effective_gflops\": %.6g}", effective_gflops(bench, index) * layer->density, effective_gflops(bench, index));
}

static void print_against(FILE *stream, const BenchAgainst *against)
{
    fputs(", \"against\": {\"engine\": ", stream);
    report_json_string(stream, against->engine);
    fprintf(stream, ", \"runs\": %d", against->runs);
    print_time(stream, "median_ms", against->theirs.median * 1e3, true);
    print_time(stream, "low_ms", against->theirs.low * 1e3, true);
    print_time(stream, "high_ms", against->theirs.high * 1e3, true);
    print_time(stream, "our_median_ms", against->ours.median * 1e3, true);
    print_time(stream, "our_low_ms", against->ours.low * 1e3, true);
    print_time(stream, "our_high_ms", against->ours.high * 1e3, true);
    print_time(stream, "ratio", against->theirs.median / against->ours.median, against->ours.median > 0);
    print_time(stream, "largest_difference", against->difference, isfinite(against->difference));
    print_time(stream, "largest_element", against->largest, isfinite(against->largest));
    fputs("}", stream);
}

static void print_json(FILE *stream, const BenchReport *bench)
{
    const struct tulle_model *model = bench->model;
    fputs("{\"model\": ", stream);
    report_json_string(stream, model->name);
    fputs(", \"target\": ", stream);
    report_json_string(stream, model->target);
    fprintf(stream, ", \"threads\": %d, \"batch\": %lld, \"runs\": %d, \"median_ms\": %.6g, \"min_ms\": %.6g", bench->options->threads,
            (long long)bench_batch(model), bench->times->runs, bench->times->whole.median * 1e3, bench->times->whole.least * 1e3);
    print_time(stream, "low_ms", bench->times->whole.low * 1e3, true);
    print_time(stream, "high_ms", bench->times->whole.high * 1e3, true);
    fprintf(stream, ", \"cold\": %s", bench->options->cold ? "true" : "false");
    print_time(stream, "predicted_ms", predicted_ms(bench), predicted_ms(bench) > 0);
    if (bench->beside->earlier)
        print_time(stream, "earlier_ms", bench->beside->earlier_whole, bench->beside->earlier_whole > 0);
    const double peak = peak_bytes(bench);
    if (peak > 0)
        fprintf(stream, ", \"peak_bytes\": %.0f", peak);
    if (bench->beside->counts) {
        print_counters(stream, &bench->beside->counts->whole);
        fputs(", \"counters_missing\": ", stream);
        if (bench->beside->counts->missing)
            report_json_string(stream, bench->beside->counts->missing);
        else
            fputs("null", stream);
    }
    if (bench->beside->against)
        print_against(stream, bench->beside->against);
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

/* ---- the table ---- */

enum { CELL = 24 };

typedef enum Shown { ALWAYS, IF_HOT, IF_BESIDE, IF_EARLIER, IF_COUNTED } Shown;

typedef struct Column {
    const char *title;
    Shown shown;
    void (*fill)(const BenchReport *bench, int layer, char cell[CELL]);      /* leaves it empty where nothing is known */
} Column;

static void milliseconds(double time, char cell[CELL])
{
    snprintf(cell, CELL, time < 0.01 ? "%.6f" : "%.4f", time);
}

static void fill_density(const BenchReport *bench, int layer, char cell[CELL])
{
    if (bench->model->layers[layer].multiply_adds > 0)
        snprintf(cell, CELL, "%.1f %%", bench->model->layers[layer].density * 100);
}

static void fill_median(const BenchReport *bench, int layer, char cell[CELL])
{
    milliseconds(bench->times->layers[layer].median * 1e3, cell);
}

static void fill_spread(const BenchReport *bench, int layer, char cell[CELL])
{
    snprintf(cell, CELL, "%.1f %%", 100 * spread(&bench->times->layers[layer]));
}

static void fill_predicted(const BenchReport *bench, int layer, char cell[CELL])
{
    if (predicted_of(bench, layer) > 0)
        snprintf(cell, CELL, "%.3g", predicted_of(bench, layer));
}

static void fill_error(const BenchReport *bench, int layer, char cell[CELL])
{
    const double measured = bench->times->layers[layer].median * 1e3;
    if (predicted_of(bench, layer) > 0 && measured > 0)
        snprintf(cell, CELL, "%+.0f %%", 100 * (predicted_of(bench, layer) / measured - 1));
}

static void fill_hot(const BenchReport *bench, int layer, char cell[CELL])
{
    milliseconds(bench->times->hot[layer] * 1e3, cell);
}

static void fill_predicted_hot(const BenchReport *bench, int layer, char cell[CELL])
{
    if (bench->predicted && bench->model->layers[layer].predicted_hot_ms > 0)
        snprintf(cell, CELL, "%.3g", bench->model->layers[layer].predicted_hot_ms);
}

/* Layers that do no multiplications show no rate. */
static void fill_rate(const BenchReport *bench, int layer, char cell[CELL])
{
    if (bench->model->layers[layer].multiply_adds > 0)
        snprintf(cell, CELL, "%.1f", effective_gflops(bench, layer) * bench->model->layers[layer].density);
}

static void fill_effective(const BenchReport *bench, int layer, char cell[CELL])
{
    if (bench->model->layers[layer].multiply_adds > 0)
        snprintf(cell, CELL, "%.1f", effective_gflops(bench, layer));
}

static void fill_roof(const BenchReport *bench, int layer, char cell[CELL])
{
    if (roof_share(bench, layer) > 0)
        snprintf(cell, CELL, "%.0f %%", 100 * roof_share(bench, layer));
}

static void fill_earlier(const BenchReport *bench, int layer, char cell[CELL])
{
    if (bench->beside->earlier[layer] > 0)
        milliseconds(bench->beside->earlier[layer], cell);
}

static void fill_change(const BenchReport *bench, int layer, char cell[CELL])
{
    if (bench->beside->earlier[layer] > 0 && bench->times->layers[layer].median > 0)
        snprintf(cell, CELL, "%.2fx", bench->beside->earlier[layer] / (bench->times->layers[layer].median * 1e3));
}

/* Instructions a cycle; 0 where nothing is known. */
static double ipc_of(const BenchCount *count)
{
    return count->of[COUNT_CYCLES] > 0 ? fmax(0, count->of[COUNT_INSTRUCTIONS]) / count->of[COUNT_CYCLES] : 0;
}

static void fill_ipc(const BenchReport *bench, int layer, char cell[CELL])
{
    if (ipc_of(&bench->beside->counts->layers[layer]) > 0)
        snprintf(cell, CELL, "%.2f", ipc_of(&bench->beside->counts->layers[layer]));
}

static const Column columns[] = {
    {"nonzero", ALWAYS, fill_density}, {"median ms", ALWAYS, fill_median}, {"spread", IF_BESIDE, fill_spread}, {"predicted", ALWAYS, fill_predicted},
    {"error", IF_BESIDE, fill_error}, {"hot ms", IF_HOT, fill_hot}, {"predicted", IF_HOT, fill_predicted_hot}, {"GFLOP/s", ALWAYS, fill_rate},
    {"effective", ALWAYS, fill_effective}, {"of roof", IF_BESIDE, fill_roof}, {"IPC", IF_COUNTED, fill_ipc},
    {"earlier", IF_EARLIER, fill_earlier}, {"faster", IF_EARLIER, fill_change},
};
enum { COLUMNS = sizeof columns / sizeof *columns, NAMES = 3 };

static bool shown(const BenchReport *bench, const Column *column)
{
    switch (column->shown) {
    case IF_HOT: return bench->times->hot != NULL;
    case IF_BESIDE: return bench->beside->peak > 0;
    case IF_EARLIER: return bench->beside->earlier != NULL;
    case IF_COUNTED: return bench->beside->counts && ipc_of(&bench->beside->counts->whole) > 0;
    default: return true;
    }
}

/* Cells of the title's row (layer < 0) or of a layer; how many they are. */
static int fill_row(const BenchReport *bench, int layer, char (*texts)[CELL], const char **cells)
{
    static const char *const titles[NAMES] = {"layer", "operator", "kernel"};
    const struct tulle_layer *what = layer < 0 ? NULL : &bench->model->layers[layer];
    const char *const names[NAMES] = {what ? what->name : titles[0], what ? what->op : titles[1], what ? what->kernel : titles[2]};
    int count = NAMES;
    memcpy(cells, names, sizeof names);
    for (int i = 0; i < COLUMNS; i++) {
        if (!shown(bench, &columns[i]))
            continue;
        if (what)
            columns[i].fill(bench, layer, texts[i]);
        cells[count++] = what ? texts[i] : columns[i].title;
    }
    return count;
}

/* What was to be had of them. */
static void print_counts(FILE *stream, const BenchCounts *counts)
{
    static const struct { BenchCounter counter; const char *says; double unit; } rows[] = {
        {COUNT_CYCLES, "%.4g million cycles", 1e6}, {COUNT_INSTRUCTIONS, "%.4g million instructions", 1e6}, {COUNT_L1_MISSES, "%.4g misses of L1", 1},
        {COUNT_CACHE_MISSES, "%.4g of the last cache", 1}, {COUNT_BRANCH_MISSES, "%.4g branches foreseen wrongly", 1},
        {COUNT_PAGE_FAULTS, "%.4g page faults", 1}, {COUNT_CPU, "%.4g ms of CPU time", 1e6},
    };
    const char *between = "a run takes ";
    for (int i = 0; i < BENCH_COUNTERS; i++)
        if (counts->whole.of[rows[i].counter] >= 0) {
            fputs(between, stream);
            fprintf(stream, rows[i].says, counts->whole.of[rows[i].counter] / rows[i].unit);
            between = ", ";
        }
    if (between[0] == ',')
        fputs("\n", stream);
    if (counts->missing)
        fprintf(stream, "%s: %s\n", counts->whole.of[COUNT_CYCLES] < 0 ? "no hardware counters" : "some counters are missing", counts->missing);
}

static void tell_against(FILE *stream, const BenchAgainst *against)
{
    fprintf(stream, "%s, in turns: median %.4g ms, spread %.1f %%; tulle %.4g ms, spread %.1f %%: %.2fx as fast\n", against->engine,
            against->theirs.median * 1e3, 100 * spread(&against->theirs), against->ours.median * 1e3, 100 * spread(&against->ours),
            against->theirs.median / against->ours.median);
    fputs("its times include a call from Python, about 0.005 ms a run\n", stream);
    fprintf(stream, "results differ by %.3g at most; the largest element is %.3g\n", against->difference, against->largest);
}

static void print_whole(FILE *stream, const BenchReport *bench)
{
    const BenchTime *whole = &bench->times->whole;
    fprintf(stream, "whole run: median %.4g ms, least %.4g ms, spread %.1f %% of %d runs, %d thread%s, target %s", whole->median * 1e3, whole->least * 1e3,
            100 * spread(whole), bench->times->runs, bench->options->threads, bench->options->threads == 1 ? "" : "s", bench->model->target);
    if (predicted_ms(bench) > 0)
        fprintf(stream, ", predicted %.4g ms", predicted_ms(bench));
    else if (!bench->predicted)
        fprintf(stream, "; predictions are for %d (--threads)", bench->model->threads);
    if (bench->beside->earlier_whole > 0 && whole->median > 0)
        fprintf(stream, "; earlier %.4g ms, %.2fx", bench->beside->earlier_whole, bench->beside->earlier_whole / (whole->median * 1e3));
    const double peak = peak_bytes(bench);
    if (peak > 0)
        fprintf(stream, "; peak memory %.1f MB", peak / 1e6);
    fputs("\n", stream);
    if (bench->options->cold)
        fputs("cold: the caches were swept before each run; predictions are for runs that follow one another\n", stream);
    if (bench->beside->counts)
        print_counts(stream, bench->beside->counts);
    if (bench->beside->against)
        tell_against(stream, bench->beside->against);
}

static bool print_table(FILE *stream, const BenchReport *bench)
{
    const size_t most = (size_t)bench->model->layer_count + 1;
    char(*texts)[CELL] = calloc(most * COLUMNS, sizeof *texts);
    const char **cells = calloc(most * (NAMES + COLUMNS), sizeof *cells);
    if (texts && cells) {
        const int width = fill_row(bench, -1, texts, cells);
        int rows = 1;
        for (int i = 0; i < bench->model->layer_count; i++)
            if (bench->model->layers[i].stage_count) {
                fill_row(bench, i, texts + rows * COLUMNS, cells + rows * width);
                rows++;
            }
        report_table(stream, cells, rows, width, NAMES);
        print_whole(stream, bench);
    }
    const bool fine = texts && cells;
    free(texts);
    free(cells);
    return fine;
}

bool bench_report(FILE *stream, const struct tulle_model *model, const BenchOptions *options, const BenchTimes *times, const BenchBeside *beside)
{
    static const BenchBeside nothing;
    const BenchReport bench = {model, times, options, beside ? beside : &nothing, options->threads == model->threads, !beside};
    if (!options->json)
        return print_table(stream, &bench);
    print_json(stream, &bench);
    return true;
}

double bench_spread(const BenchTimes *times)
{
    return spread(&times->whole);
}
