/* tulle tune: programs with other kernels run in turns with the one that the model of the machine chose. What was surely faster is put together, and
   stays as far as it proves itself there. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "codegen/kernel.h"
#include "compiler/cli/cli.h"

enum { USUAL_CANDIDATES = 8, MOST_REVISIONS = 6 };
static const double trial_seconds = 0.3, proof_seconds = 1;     /* of each of the two programs */
static const double noisy_width = 0.1;                          /* of the interval of the whole */

typedef struct Tune {
    Context *ctx;
    const Options *options;
    const Plan *plan;                /* the model's */
    Program *program;                /* ... compiled */
    void **inputs;
    int threads, most;
    const char *path;
    TunedFile *file;
    TunedMachine *machine;
    Tuning *tuning;
    int programs;                    /* measured in this run */
} Tune;

/* ---- the file ---- */

static const char *layer_says(const Tune *tune, int l)
{
    const Node *node = tune->plan->layers[l].problem.node;
    Arena *arena = tune->ctx->graph;
    return arena_format(arena, "%s (%s%s%s, %d thread%s)", text_quote(arena, node->name, strlen(node->name)), operators_text(arena, node),
                        node->outputs[0] ? " " : "", node->outputs[0] ? shape_text(arena, &node->outputs[0]->shape) : "", tune->threads, tune->threads > 1 ? "s" : "");
}

static bool is_choice(const LayerPlan *layer, const TunedChoice *choice, Arena *arena)
{
    return !strcmp(layer->kernel->name, choice->kernel) && !strcmp(tiling_text(arena, &layer->tiling), choice->tiling) &&
           layout_equal(&layer->tiling.in, &choice->in) && layout_equal(&layer->tiling.out, &choice->out);
}

static void save_layer(const Tune *tune, int l, const LayerPlan *best)
{
    Arena *arena = tune->ctx->graph;
    TunedChoice *choices;
    const int count = tuning_measured(tune->tuning, arena, l, &choices);
    if (count == 0)
        return;
    TunedLayer *layer = tuned_layer(tune->ctx, tune->machine, choices[0].key);
    const TunedChoice *before = layer->best >= 0 ? &layer->choices[layer->best] : NULL;
    *layer = (TunedLayer){.says = layer_says(tune, l), .choices = choices, .count = count, .best = -1};
    for (int i = 0; i < count; i++)
        if (best ? is_choice(best, &choices[i], arena) : before && tuned_same(before, &choices[i]))
            layer->best = i;
}

/* best: the plan whose choices are the best; NULL: not known yet, and what an earlier run found stays. */
static void save(const Tune *tune, const Plan *best)
{
    for (int l = 0; l < tune->plan->layer_count; l++)
        save_layer(tune, l, best ? &best->layers[l] : NULL);
    tuned_write(tune->ctx, tune->file, tune->path);
}

/* ---- one program beside the model's ---- */

static void show(const char *what)
{
    if (isatty(2))
        fprintf(stderr, *what ? "\r%-60s" : "\r%60s\r", what);
}

static Pairs measure(Tune *tune, const Program *first, const Trial *trial, double seconds)
{
    Program *second = program_load(tune->ctx, tune->options, trial->plan);
    const Pairs pairs = pairs_measure(tune->ctx, first, second, tune->inputs, &(PairOptions){tune->threads, seconds, tune->options->cold});
    program_unload(tune->ctx, second);
    tune->programs++;
    return pairs;
}

static void note(const Tune *tune, const Trial *trial, const Pairs *pairs)
{
    for (int l = 0; l < tune->plan->layer_count; l++) {
        const PairTime *time = &pairs->layers[l];
        if (tune->plan->layers[l].kernel && time->seconds > 0)
            tuning_note(tune->tuning, trial, l, time->seconds, time->ratio, time->low, time->high);
    }
}

static bool knows_nothing(const Tune *tune)
{
    TunedChoice *choices;
    for (int l = 0; l < tune->plan->layer_count; l++)
        if (tuning_measured(tune->tuning, tune->ctx->scratch, l, &choices) > 0)
            return false;
    return true;
}

/* The best dense kernels first: nothing may be slower than they are. Of a model without a choice its own program is all there is. */
static void try_candidates(Tune *tune)
{
    for (int i = 0; i <= 2 * tune->most; i++) {
        const Trial trial = tuning_trial(tune->tuning, i ? TRIAL_NEXT : TRIAL_DENSE, tune->most);
        if (trial.fresh == 0 && i == 0)
            continue;
        if (trial.fresh == 0 && !knows_nothing(tune))
            return;
        show(arena_format(tune->ctx->graph, "program %d: other kernels for %d layer%s", tune->programs + 1, trial.fresh, trial.fresh > 1 ? "s" : ""));
        const Pairs pairs = measure(tune, tune->program, &trial, trial_seconds);
        note(tune, &trial, &pairs);
        save(tune, NULL);
    }
}

/* ---- the proof ---- */

/* What was faster among other neighbours may not be here: noted as it is now, it is not chosen again. */
static bool holds(const Tune *tune, const Trial *trial, const Pairs *pairs)
{
    bool fine = true;
    for (int l = 0; l < tune->plan->layer_count; l++)
        fine = fine && (!tuning_changed(tune->tuning, trial, l) || pairs->layers[l].ratio < 1);
    return fine;
}

typedef struct Proof {
    Trial trial;
    Pairs pairs;
} Proof;

/* The best of what was measured, as far as it holds in one program; nothing at all if that is slower as a whole. */
static Proof prove(Tune *tune)
{
    Proof proof = {tuning_trial(tune->tuning, TRIAL_BEST, tune->most), {.count = 0}};
    for (int revision = 0; proof.trial.changed > 0 && revision < MOST_REVISIONS; revision++) {
        show(arena_format(tune->ctx->graph, "the best of all, for %d layer%s", proof.trial.changed, proof.trial.changed > 1 ? "s" : ""));
        proof.pairs = measure(tune, tune->program, &proof.trial, proof_seconds);
        note(tune, &proof.trial, &proof.pairs);
        if (holds(tune, &proof.trial, &proof.pairs) && proof.pairs.whole.ratio < 1)
            return proof;
        proof.trial = tuning_trial(tune->tuning, TRIAL_BEST, tune->most);
    }
    proof.trial.plan = (Plan *)tune->plan;
    proof.trial.changed = 0;
    return proof;
}

/* ---- telling ---- */

static const char *choice_text(Arena *arena, const LayerPlan *layer)
{
    return arena_format(arena, "%s:%s%s", layer->kernel->name, tiling_text(arena, &layer->tiling),
                        layout_plain(&layer->tiling.in) && layout_plain(&layer->tiling.out) ? "" : " padded");
}

static int kernel_layers(const Plan *plan)
{
    int count = 0;
    for (int l = 0; l < plan->layer_count; l++)
        count += plan->layers[l].kernel != NULL;
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
        printf("the model's choices are as fast as any that were tried\n");
    else
        printf("%d of %d layers changed: %.4g ms, %.3f times faster than the model's choices (95 %%: %.3f-%.3f)\n", proof->trial.changed, kernel_layers(tune->plan),
               whole->seconds * 1e3, 1 / whole->ratio, 1 / whole->high, 1 / whole->low);
}

static void tell(const Tune *tune, const Proof *proof)
{
    const PairTime *whole = &proof->pairs.whole;
    (tune->options->json ? print_json : print_result)(tune, proof);
    fflush(stdout);
    if (proof->trial.changed > 0 && whole->high - whole->low > noisy_width)
        say(tune->ctx, "note: the machine is noisy: tune again when nothing else runs on it, to find more");
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

static void load_inputs(Tune *tune)
{
    const struct tulle_model *model = data_model(tune->plan->whole);
    tune->inputs = arena_array(tune->ctx->graph, void *, model->input_count + 1);
    for (int i = 0; i < tune->options->inputs.count; i++)
        data_load(tune->ctx, model, tune->options->inputs.items[i], tune->inputs);
    data_random(tune->plan->whole, model, 1, tune->inputs);
}

Status tune_command(Context *ctx, const Options *options)
{
    const char *model = driver_model(ctx, options);
    Tune tune = {.ctx = ctx, .options = options, .threads = options->threads ? (int)options->threads : 1,
                 .most = options->candidates ? (int)options->candidates : USUAL_CANDIDATES, .path = output_path(ctx, options, model)};
    tune.file = tuned_read(ctx, tune.path);
    tune.plan = driver_plan(ctx, options, model);
    tune.machine = tuned_machine(ctx, tune.file, tune.plan->target, options->cold);
    tune.tuning = tuning_new(tune.plan);
    for (int l = 0; l < tune.machine->count; l++)
        if (tune.machine->layers[l].count)
            tuning_recall(tune.tuning, tune.machine->layers[l].choices, tune.machine->layers[l].count);
    load_inputs(&tune);
    tune.program = program_load(ctx, options, tune.plan);
    try_candidates(&tune);
    const Proof proof = prove(&tune);
    show("");
    save(&tune, proof.trial.plan);
    tell(&tune, &proof);
    return STATUS_FINE;
}
