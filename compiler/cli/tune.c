/* tulle tune: programs with other kernels run in turns with the one that the model of the machine chose. What was surely faster is put together, and
   stays as far as it proves itself there. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "codegen/kernel.h"
#include "compiler/cli/cli.h"

enum { USUAL_CANDIDATES = 8, MOST_CANDIDATES = 1024, LOADS = 3 };
static const double trial_seconds = 0.3, proof_seconds = 0.5;   /* of each of the two programs */
#define WRONG_RATIO 1000            /* of a kernel that computes something else */
static const double noisy_width = 0.05;                         /* of the interval of a program's time, as a whole */

typedef struct Tune {
    Context *ctx;
    const Options *options;
    const Plan *plan;                /* the model's */
    Program *program;                /* ... compiled */
    void **inputs;
    int threads, most;
    const char *path, *title;        /* title: of the machine in the file */
    Tuning *tuning;
    int programs;                    /* measured in this run */
    double width;                    /* the widest of the intervals of whole programs */
} Tune;

/* ---- the file ---- */

static const char *layer_says(const Tune *tune, int l)
{
    const Node *node = tune->plan->layers[l].problem.node;
    Arena *arena = tune->ctx->graph;
    return arena_format(arena, "%s (%s%s%s, %d thread%s)", text_quote(arena, node->name, strlen(node->name)), operators_text(arena, node),
                        node->outputs[0] ? " " : "", node->outputs[0] ? shape_text(arena, &node->outputs[0]->shape) : "", tune->threads, tune->threads > 1 ? "s" : "");
}

static void save_layer(const Tune *tune, TunedMachine *machine, int l, const Trial *best)
{
    TunedChoice *choices;
    int has;
    const int count = tuning_measured(tune->tuning, tune->ctx->graph, l, best, &choices, &has);
    if (count == 0)
        return;
    TunedLayer *layer = tuned_layer(tune->ctx, machine, choices[0].key);
    const TunedChoice *before = layer->best >= 0 ? &layer->choices[layer->best] : NULL;
    for (int i = 0; i < count && !best && before; i++)
        if (tuned_same(before, &choices[i]))
            has = i;
    layer->says = layer_says(tune, l);
    layer->choices = choices;
    layer->count = layer->capacity = count;
    layer->best = has;
}

static TunedMachine *open_file(const Tune *tune, TunedFile **file)
{
    *file = tuned_read(tune->ctx, tune->path);
    TunedMachine *machine = tuned_machine(tune->ctx, *file, tune->title);
    if (strcmp(machine->version, TULLE_VERSION)) {
        machine->count = 0;
        machine->numbers = name_map(tune->ctx->graph);
        machine->version = TULLE_VERSION;
    }
    return machine;
}

/* best: of the whole; NULL: not known yet, and what an earlier run found stays. The file is read again, since others may have written to it. */
static void save(const Tune *tune, const Trial *best)
{
    TunedFile *file;
    TunedMachine *machine = open_file(tune, &file);
    for (int l = 0; l < tune->plan->layer_count; l++)
        save_layer(tune, machine, l, best);
    tuned_write(tune->ctx, file, tune->path);
}

/* ---- a program beside the model's ---- */

static void show(const char *what)
{
    if (isatty(2))
        fprintf(stderr, *what ? "\r%-60s" : "\r%60s\r", what);
}

static Pairs measure(Tune *tune, const Trial *trial, double seconds)
{
    Program *other = program_load(tune->ctx, tune->options, trial->plan);
    const Pairs pairs = pairs_measure(tune->ctx, tune->program, other, tune->inputs, &(PairOptions){tune->threads, seconds, tune->options->cold});
    program_unload(tune->ctx, other);
    tune->programs++;
    tune->width = fmax(tune->width, pairs.whole.high - pairs.whole.low);
    return pairs;
}

/* What computes something else is never taken. */
static void note(const Tune *tune, const Trial *trial, const Pairs *pairs)
{
    if (!pairs->same)
        say(tune->ctx, "note: a program with other kernels gave other results than the model's choices; none of its kernels is taken. Please report it");
    for (int l = 0; l < tune->plan->layer_count; l++) {
        const PairTime *time = &pairs->layers[l];
        const bool wrong = !pairs->same && tuning_changed(tune->tuning, trial, l);
        if (tune->plan->layers[l].kernel && time->seconds > 0)
            tuning_note(tune->tuning, trial, l, time->seconds, time->ratio, time->low, wrong ? WRONG_RATIO : time->high);
    }
}

static bool knows_nothing(const Tune *tune)
{
    TunedChoice *choices;
    int has;
    for (int l = 0; l < tune->plan->layer_count; l++)
        if (tuning_measured(tune->tuning, tune->ctx->scratch, l, NULL, &choices, &has) > 0)
            return false;
    return true;
}

/* The best dense kernels first: no layer should stay slower than they are. Of a model without a choice its own program is all there is. */
static void try_candidates(Tune *tune)
{
    for (int i = 0; i <= 2 * tune->most; i++) {
        const Trial trial = tuning_trial(tune->tuning, i ? TRIAL_NEXT : TRIAL_DENSE, tune->most);
        if (trial.fresh == 0 && i == 0)
            continue;
        if (trial.fresh == 0 && !knows_nothing(tune))
            return;
        show(arena_format(tune->ctx->graph, "program %d: other kernels for %d layer%s", tune->programs + 1, trial.fresh, trial.fresh > 1 ? "s" : ""));
        const Pairs pairs = measure(tune, &trial, trial_seconds);
        note(tune, &trial, &pairs);
        save(tune, NULL);
    }
}

/* ---- the proof ---- */

typedef struct Proof {
    Trial trial;
    Pairs pairs;                     /* of LOADS loads: the middle one's ratio, the lowest end, the highest one */
    PairTime *worst;                 /* [layers + 1]: the slowest load's; the last is the whole's */
} Proof;

static void join_loads(PairTime *all, PairTime *worst, const PairTime *loads[LOADS])
{
    *all = *worst = *loads[0];
    for (int i = 0; i < LOADS; i++) {
        int below = 0;
        for (int j = 0; j < LOADS; j++)
            below += loads[j]->ratio < loads[i]->ratio || (!(loads[j]->ratio > loads[i]->ratio) && j < i);
        if (below == LOADS / 2)
            *all = *loads[i];
        if (loads[i]->ratio > worst->ratio)
            *worst = *loads[i];
    }
    for (int i = 0; i < LOADS; i++) {
        all->low = fmin(all->low, loads[i]->low);
        all->high = fmax(all->high, loads[i]->high);
    }
}

/* Where code and values happen to lie makes layers faster or slower by hundredths: both programs are loaded anew each time. */
static void measure_loads(Tune *tune, Proof *proof)
{
    const int layers = tune->plan->layer_count;
    Pairs loads[LOADS];
    for (int i = 0; i < LOADS; i++) {
        program_unload(tune->ctx, tune->program);
        tune->program = program_load(tune->ctx, tune->options, tune->plan);
        loads[i] = measure(tune, &proof->trial, proof_seconds);
    }
    proof->pairs = (Pairs){.layers = arena_array(tune->ctx->graph, PairTime, layers + 1), .same = loads[0].same};
    proof->worst = arena_array(tune->ctx->graph, PairTime, layers + 1);
    for (int l = 0; l <= layers; l++) {
        const PairTime *times[LOADS];
        for (int i = 0; i < LOADS; i++)
            times[i] = l < layers ? &loads[i].layers[l] : &loads[i].whole;
        join_loads(l < layers ? &proof->pairs.layers[l] : &proof->pairs.whole, &proof->worst[l], times);
    }
}

/* What was faster among other neighbours may not be here: a layer that is not so in each load is the model's from now on. */
static bool holds(const Tune *tune, const Proof *proof)
{
    bool fine = proof->pairs.same;
    for (int l = 0; l < tune->plan->layer_count; l++)
        if (tuning_changed(tune->tuning, &proof->trial, l) && (proof->worst[l].ratio >= 1 || !proof->pairs.same)) {
            tuning_give_up(tune->tuning, l);
            fine = false;
        }
    return fine;
}

/* No load says that the whole is slower, but for what two runs of one program differ by. */
static bool whole_holds(const Tune *tune, const Proof *proof)
{
    return proof->pairs.whole.ratio < 1 && proof->worst[tune->plan->layer_count].low <= 1;
}

static void give_all_up(const Tune *tune)
{
    for (int l = 0; l < tune->plan->layer_count; l++)
        tuning_give_up(tune->tuning, l);
}

/* The best of what was measured, as far as it holds in one program. Each revision has fewer changes than the one before. */
static Proof prove(Tune *tune)
{
    Proof proof = {.trial = tuning_trial(tune->tuning, TRIAL_BEST, tune->most)};
    tuning_settle(tune->tuning, &proof.trial);
    while (proof.trial.changed > 0) {
        show(arena_format(tune->ctx->graph, "the best of all, for %d layer%s", proof.trial.changed, proof.trial.changed > 1 ? "s" : ""));
        measure_loads(tune, &proof);
        if (holds(tune, &proof)) {
            if (whole_holds(tune, &proof)) {
                note(tune, &proof.trial, &proof.pairs);
                return proof;
            }
            give_all_up(tune);
        }
        proof.trial = tuning_trial(tune->tuning, TRIAL_BEST, tune->most);
    }
    return proof;
}

/* ---- telling ---- */

static const char *choice_text(Arena *arena, const LayerPlan *layer)
{
    return arena_format(arena, "%s:%s%s", layer->kernel->name, tiling_text(arena, &layer->tiling),
                        layout_plain(&layer->tiling.in) && layout_plain(&layer->tiling.out) ? "" : " padded");
}

static int working_layers(const Plan *plan)
{
    int count = 0;
    for (int l = 0; l < plan->layer_count; l++)
        count += plan->layers[l].stage_count > 0;
    return count;
}

static void print_table(const Tune *tune, const Proof *proof)
{
    enum { COLUMNS = 6 };
    Arena *arena = tune->ctx->graph;
    const char **cells = arena_array(arena, const char *, (proof->trial.changed + 1) * COLUMNS);
    const char *const titles[COLUMNS] = {"layer", "the model's choice", "faster", "ms", "times faster", "95 %"};
    int rows = 1;
    memcpy(cells, titles, sizeof titles);
    for (int l = 0; l < tune->plan->layer_count && proof->trial.changed > 0; l++) {
        if (!tuning_changed(tune->tuning, &proof->trial, l))
            continue;
        const PairTime *time = &proof->pairs.layers[l];
        const char *const row[COLUMNS] = {
            text_quote(arena, tune->plan->layers[l].problem.node->name, strlen(tune->plan->layers[l].problem.node->name)), choice_text(arena, &tune->plan->layers[l]),
            choice_text(arena, &proof->trial.plan->layers[l]), arena_format(arena, "%.4g", time->seconds * 1e3), arena_format(arena, "%.2f", 1 / time->ratio),
            arena_format(arena, "%.2f-%.2f", 1 / time->high, 1 / time->low)};
        memcpy(cells + rows++ * COLUMNS, row, sizeof row);
    }
    if (rows > 1)
        report_table(stdout, cells, rows, COLUMNS, 3);
}

static void json_time(JsonWriter *json, const PairTime *time)
{
    json_add_number(json, "median_ms", time->seconds * 1e3);
    json_add_number(json, "ratio", time->ratio);
    json_add_number(json, "low", time->low);
    json_add_number(json, "high", time->high);
}

static void json_layer(JsonWriter *json, Arena *arena, const LayerPlan *model, const LayerPlan *tuned, const PairTime *time)
{
    json_open(json, NULL, '{');
    json_add_string(json, "name", model->problem.node->name);
    json_add_string(json, "op", op_info(model->problem.node->op)->name);
    json_add_string(json, "model_kernel", model->kernel->name);
    json_add_string(json, "model_tiling", tiling_text(arena, &model->tiling));
    json_add_string(json, "kernel", tuned->kernel->name);
    json_add_string(json, "tiling", tiling_text(arena, &tuned->tiling));
    json_time(json, time);
    json_close(json);
}

/* Ratios are to the model's choices, measured in turns. Layers that did not change are not there. */
static void print_json(const Tune *tune, const Proof *proof)
{
    static const PairTime unchanged = {NAN, 1, 1, 1};
    JsonWriter json = {.stream = stdout};
    json_open(&json, NULL, '{');
    json_add_string(&json, "model", tune->program->model->name);
    json_add_string(&json, "target", tune->program->model->target);
    json_add_number(&json, "threads", tune->threads);
    json_add_number(&json, "batch", (double)bench_batch(tune->program->model));
    json_add_bool(&json, "cold", tune->options->cold);
    json_add_number(&json, "programs", tune->programs);
    json_time(&json, proof->trial.changed ? &proof->pairs.whole : &unchanged);
    json_open(&json, "layers", '[');
    for (int l = 0; l < tune->plan->layer_count && proof->trial.changed > 0; l++)
        if (tuning_changed(tune->tuning, &proof->trial, l))
            json_layer(&json, tune->ctx->graph, &tune->plan->layers[l], &proof->trial.plan->layers[l], &proof->pairs.layers[l]);
    json_close(&json);
    json_close(&json);
}

static void print_result(const Tune *tune, const Proof *proof)
{
    const PairTime *whole = &proof->pairs.whole;
    print_table(tune, proof);
    if (proof->trial.changed == 0)
        printf("of what was tried nothing is surely faster than the model's choices\n");
    else
        printf("%d of %d layers changed: %.4g ms, %.3f times faster than the model's choices (95 %%: %.3f-%.3f)\n", proof->trial.changed, working_layers(tune->plan),
               whole->seconds * 1e3, 1 / whole->ratio, 1 / whole->high, 1 / whole->low);
}

static void tell(const Tune *tune, const Proof *proof)
{
    (tune->options->json ? print_json : print_result)(tune, proof);
    fflush(stdout);
    if (tune->width > noisy_width)
        say(tune->ctx, "note: the machine is noisy: intervals are up to %.0f %% wide. Tune again when nothing else runs on it, to find more", 100 * tune->width);
    fprintf(stderr, "wrote %s: %d program%s measured\n", text_quote(tune->ctx->graph, tune->path, strlen(tune->path)), tune->programs, tune->programs == 1 ? "" : "s");
}

/* ---- the command ---- */

static const char *output_path(Context *ctx, const Options *options, const char *model)
{
    const char *path = options->output_path ? options->output_path : arena_format(ctx->graph, "%s.tuned", path_stem(ctx->graph, model));
    if (!strcmp(path, "-"))
        fail(ctx, STATUS_USAGE, "-o", NULL, "what was measured is kept in a file, so that it can be gone on with");
    driver_refuse_same(ctx, model, path);
    return path;
}

static void recall(const Tune *tune)
{
    TunedFile *file;
    const TunedMachine *machine = open_file(tune, &file);
    for (int l = 0; l < machine->count; l++)
        if (machine->layers[l].count)
            tuning_recall(tune->tuning, machine->layers[l].choices, machine->layers[l].count);
}

static void check(Context *ctx, const Options *options)
{
    if (options->candidates > MOST_CANDIDATES)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--candidates takes %d at most", MOST_CANDIDATES);
    if (options->kernels.count > 0)
        fail(ctx, STATUS_USAGE, NULL, "edit the line 'best' of a layer to hold it to a kernel", "'tulle tune' does not take --kernel: its file is for the model as it is");
}

Status tune_command(Context *ctx, const Options *options)
{
    check(ctx, options);
    const char *model = driver_model(ctx, options);
    Tune tune = {.ctx = ctx, .options = options, .threads = options->threads ? (int)options->threads : 1,
                 .most = options->candidates ? (int)options->candidates : USUAL_CANDIDATES, .path = output_path(ctx, options, model)};
    tuned_read(ctx, tune.path);      /* before the work: a file that is none, or cannot be written */
    tune.plan = driver_plan(ctx, options, model);
    tune.title = tuned_title(ctx, tune.plan->target, options->cold);
    tune.tuning = tuning_new(tune.plan);
    recall(&tune);
    tune.inputs = data_inputs(ctx, options, tune.plan->whole);
    program_check(ctx, tune.plan);
    save(&tune, NULL);
    tune.program = program_load(ctx, options, tune.plan);
    try_candidates(&tune);
    const Proof proof = prove(&tune);
    show("");
    save(&tune, &proof.trial);
    tell(&tune, &proof);
    return STATUS_FINE;
}
