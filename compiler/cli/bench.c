/* tulle bench: compiles the model in process and times it, layer by layer, beside what the machine could do and what an earlier run took. */
#include <math.h>
#include <string.h>

#include "compiler/cli/cli.h"

static const double measured_seconds = 1, noisy_spread = 0.05;

/* ---- an earlier run ---- */

static _Noreturn void fail_earlier(Context *ctx, const char *path, const char *hint, const char *what)
{
    fail(ctx, STATUS_USAGE, text_quote(ctx->graph, path, strlen(path)), hint, "%s", what);
}

static const Json *read_earlier(Context *ctx, const char *path)
{
    const Json *all = json_read(ctx, path), *layers = json_member(all, "layers");
    if (!layers || layers->kind != JSON_ARRAY)
        fail_earlier(ctx, path, "give a file that 'tulle bench --json' wrote", "there are no layers in it");
    return all;
}

/* A member's time in milliseconds; 0 if there is none. */
static double time_of(const Json *json, const char *name)
{
    const Json *time = json_member(json, name);
    return time && time->kind == JSON_NUMBER && time->number > 0 ? time->number : 0;
}

/* By the names of the layers: a model that was changed meanwhile is compared where it is the same. */
static const double *match_earlier(Context *ctx, const Options *options, const Json *all, const struct tulle_model *model)
{
    double *earlier = arena_array(ctx->graph, double, model->layer_count + 1);
    int found = 0;
    for (const Json *layer = json_member(all, "layers")->first; layer; layer = layer->next) {
        const Json *name = json_member(layer, "name");
        for (int i = 0; i < model->layer_count && name && name->kind == JSON_STRING && time_of(layer, "median_ms") > 0; i++)
            if (earlier[i] <= 0 && model->layers[i].stage_count && !strcmp(model->layers[i].name, name->text)) {
                earlier[i] = time_of(layer, "median_ms");
                found++;
                break;
            }
    }
    if (!found)
        fail_earlier(ctx, options->compare, "it is of another model", "none of its layers is one of this model's");
    return earlier;
}

/* Times of other circumstances say nothing of a change to the model, unless one knows. */
static void warn_of_difference(Context *ctx, const Json *all, int threads, bool cold, const struct tulle_model *model)
{
    const struct { const char *name; double now; } numbers[] = {{"threads", threads}, {"batch", (double)bench_batch(model)}};
    for (int i = 0; i < COUNT(numbers); i++) {
        const Json *before = json_member(all, numbers[i].name);
        if (before && before->kind == JSON_NUMBER && fabs(before->number - numbers[i].now) > 0)
            say(ctx, "note: the earlier run had %s %g, this one has %g", numbers[i].name, before->number, numbers[i].now);
    }
    const Json *was_cold = json_member(all, "cold");
    if (was_cold && was_cold->kind == JSON_WORD && (strcmp(was_cold->text, "true") == 0) != cold)
        say(ctx, "note: the earlier run was %s", cold ? "not cold, this one is" : "cold, this one is not");
    const Json *target = json_member(all, "target");
    if (target && target->kind == JSON_STRING && strcmp(target->text, model->target))
        say(ctx, "note: the earlier run was for target %s, this one is for %s", text_quote(ctx->graph, target->text, strlen(target->text)), model->target);
}

/* ---- this run ---- */

static void **new_outputs(Context *ctx, const struct tulle_model *model)
{
    void **outputs = arena_array(ctx->graph, void *, model->output_count + 1);
    for (int i = 0; i < model->output_count; i++)
        outputs[i] = arena_alloc(ctx->graph, model->outputs[i].bytes + 1, 1);
    return outputs;
}

/* FLOP/s of the cores that the threads keep busy. */
static double peak_of(const Plan *plan)
{
    const Machine *machine = &plan->target->machine;
    return 2 * machine_peak(machine, plan->threads < machine->cores ? plan->threads : (int)machine->cores);
}

static void measure(Context *ctx, const Program *program, void *const *inputs, void *const *outputs, const BenchOptions *how, BenchTimes *times)
{
    int status;
    program_watch("its run as a whole", how->threads);
    const bool fine = bench_measure(program->model, (const void *const *)inputs, outputs, how, times, &status);
    program_watch(NULL, 0);
    if (fine)
        return;
    bench_free(times);
    if (status != TULLE_OK)
        program_fail(ctx, status);
    fail(ctx, STATUS_MODEL, NULL, NULL, "out of memory");
}

/* False: out of memory. */
static bool report(Context *ctx, const struct tulle_model *model, const BenchOptions *how, BenchTimes *times, const BenchBeside *beside)
{
    const bool fine = bench_report(stdout, model, how, times, beside);
    const double spread = bench_spread(times);
    bench_free(times);
    if (fine && spread > noisy_spread)
        say(ctx, "note: the machine is noisy: half of the runs lie %.0f %% apart or more; what else runs on it?", 100 * spread);
    return fine;
}

Status bench_command(Context *ctx, const Options *options)
{
    const char *path = driver_model(ctx, options);
    const Json *before = options->compare ? read_earlier(ctx, options->compare) : NULL;
    if (options->against)
        against_check(ctx, options, path);
    const Plan *plan = driver_plan(ctx, options, path);
    void **inputs = data_inputs(ctx, options, plan->whole);
    const Program *program = program_load(ctx, options, plan);
    const BenchOptions how = {.threads = options->threads ? (int)options->threads : 1, .repeat = (int)options->repeat, .seconds = measured_seconds,
                              .json = options->json, .hot = options->hot, .cold = options->cold};
    kernel_sources_check(ctx, options, plan, program, inputs);
    BenchBeside beside = {.peak = peak_of(plan)};
    if (before) {
        beside.earlier = match_earlier(ctx, options, before, program->model);
        beside.earlier_whole = time_of(before, "median_ms");
        warn_of_difference(ctx, before, how.threads, how.cold, program->model);
    }
    void **outputs = new_outputs(ctx, program->model);
    const Race race = {program->model, inputs, outputs, how.threads, how.repeat};
    if (options->against)
        beside.against = against_race(ctx, path, &race);
    BenchTimes times;
    measure(ctx, program, inputs, outputs, &how, &times);
    beside.counts = counters_measure(ctx, program->model, inputs, outputs, &how);
    if (!report(ctx, program->model, &how, &times, &beside))
        fail(ctx, STATUS_MODEL, NULL, NULL, "out of memory");
    kernel_sources_bench(ctx, options, plan, program, inputs, how.threads);
    return STATUS_FINE;
}
