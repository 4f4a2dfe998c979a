/* The researcher's door: --kernel-source LAYER=FILE puts a user's functions in place of a layer's own. The file is a stranger's: its size is bounded, its
   contract must still hold, and libclang says whether it has the stages that the layer needs, before anything of it is compiled. */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "codegen/jit/jit.h"
#include "compiler/cli/cli.h"

enum { MOST_BYTES = 16 << 20 };
static const double pair_seconds = 1;        /* that each side runs, at least */

typedef struct Source {
    Context *ctx;
    const Plan *plan;
    const LayerPlan *layer;
    const char *name;                /* of the layer, as the user gave it */
    const char *path, *where;        /* where: quoted, for messages */
    const char *text;
    size_t length;
} Source;

static const char *quoted(Context *ctx, const char *text)
{
    return text_quote(ctx->graph, text, strlen(text));
}

/* ---- the file ---- */

static void load(Source *source)
{
    Context *ctx = source->ctx;
    const char *model = ctx->file;
    const FileView file = file_map(ctx, source->path);
    ctx->file = model;
    if (file.size > MOST_BYTES)
        fail(ctx, STATUS_USAGE, source->where, NULL, "%s are too many for a layer's functions: %s at most", bytes_text(ctx->graph, (double)file.size),
             bytes_text(ctx->graph, MOST_BYTES));
    for (size_t i = 0; i < file.size; i++)
        if (file.data[i] < ' ' && !isspace(file.data[i]))
            fail(ctx, STATUS_USAGE, source->where, "'tulle inspect MODEL LAYER --export FILE' writes a file to start from", "it is no C text: byte %zu is %d", i, file.data[i]);
    const size_t mark = file.size > 3 && memcmp(file.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;      /* some editors begin a text in UTF-8 so */
    source->text = arena_string(ctx->graph, (const char *)file.data + mark, file.size - mark);
    source->length = file.size - mark;
}

/* All that the file rests on must be as it was when it was written. */
static void check_contract(const Source *source, const Unit *ours)
{
    Context *ctx = source->ctx;
    Text changed = text_new(ctx->graph), missing = text_new(ctx->graph);
    for (int i = 0; i < CONTRACT_LINES; i++) {
        const ContractLine *line = &ours->contract[i];
        const char *value = contract_value(source->text, line->name, ctx->graph);
        if (value == NULL)
            text_format(&missing, "%s'contract %s'", missing.length ? ", " : "", line->name);
        else if (strcmp(value, line->value) != 0)
            text_format(&changed, line->plain ? "%s%s (%s, and in the file %s)" : "%s%s", changed.length ? "; " : "", line->says, line->value, quoted(ctx, value));
    }
    const char *hint = arena_format(ctx->graph, "'tulle inspect MODEL %s --export FILE', with the options of this run, writes it as it is now: carry your changes over",
                                    quoted(ctx, source->name));
    if (missing.length)
        fail(ctx, STATUS_USAGE, source->where, hint, "the file does not say what it rests on: it lacks the lines %s", missing.data);
    if (changed.length)
        fail(ctx, STATUS_USAGE, source->where, hint, "it was written for another plan; these have changed: %s", changed.data);
}

/* ---- its functions ---- */

/* The number of the stage that a function of this name would be; -1: it is none. */
static int stage_number(const char *function, const char *layer)
{
    const size_t length = strlen(layer);
    if (strncmp(function, layer, length) != 0 || function[length] != '_' || strlen(function) > length + 4)
        return -1;
    int number = 0;
    const char *at = function + length + 1;
    for (; isdigit((unsigned char)*at); at++)
        number = 10 * number + (*at - '0');
    const bool leading = function[length + 1] == '0' && at > function + length + 2;      /* "conv3_00" is no stage's name */
    return *at != '\0' || at == function + length + 1 || leading ? -1 : number;
}

static const char *place(const Source *source, const JitFact *fact)
{
    return arena_format(source->ctx->graph, "%s:%d:%d", source->where, fact->line, fact->column);
}

static void check_function(const Source *source, const char *layer, const JitFact *fact, bool *found)
{
    Context *ctx = source->ctx;
    const int stage = stage_number(fact->name, layer), count = source->layer->stage_count;
    const char *name = quoted(ctx, fact->name), *where = place(source, fact);
    if (stage >= count)
        complain(ctx, STATUS_USAGE, where, NULL, "'%s' is one stage too many: the layer has %d, from %s_0 on", name, count, layer);
    else if (stage >= 0 && strcmp(fact->type, JIT_STAGE_TYPE) != 0)
        complain(ctx, STATUS_USAGE, where, NULL, "'%s' is '%s', and must be '" JIT_STAGE_TYPE "'", name, quoted(ctx, fact->type));
    else if (fact->visible)
        complain(ctx, STATUS_USAGE, where, NULL, "'%s' must be static: others of its name may be in the program", name);
    if (stage >= 0 && stage < count)
        found[stage] = true;
}

/* By the compiler that sees no other files, before libclang, which sees all: what the text would take in is told, and not opened. */
static void check_text(const Source *source, const Units *units)
{
    Context *ctx = source->ctx;
    Unit unit = {.name = "source", .text = ""};
    const Units alone = {.items = &unit, .count = 1, .includes = units->includes};
    unit_replace(units, &unit, source->path, source->text, source->length, ctx->graph);
    jit_compile(ctx, &source->plan->target->isa, &alone, 0, JIT_NOTHING);
}

static void check_functions(const Source *source, const char *layer)
{
    Context *ctx = source->ctx;
    JitReading reading;
    const char *fault = jit_read(ctx, &source->plan->target->isa, source->path, source->text, source->length, &reading);
    if (fault != NULL)
        fail(ctx, STATUS_USAGE, source->where, NULL, "libclang does not read it:\n%s", text_lines(ctx->graph, fault, strlen(fault)));
    bool found[MAX_STAGES] = {false};
    for (int i = 0; i < reading.count; i++) {
        const JitFact *fact = &reading.facts[i];
        if (fact->kind == FACT_FUNCTION)
            check_function(source, layer, fact, found);
        else if (fact->kind == FACT_STATIC && fact->changes)
            complain(ctx, STATUS_USAGE, place(source, fact), "make it const, or a local variable", "'%s' keeps a value between calls: stages run at the same time, "
                     "and results must not depend on it", quoted(ctx, fact->name));
    }
    for (int s = 0; s < source->layer->stage_count; s++)
        if (!found[s])
            complain(ctx, STATUS_USAGE, source->where, NULL, "stage %d, '%s', is missing: 'static void %s_%d(const struct tulle_context *c, int part, int parts)'", s,
                     source->layer->stages[s].says, layer, s);
    fail_complaints(ctx);
}

/* ---- all of them ---- */

static Source source_of(Context *ctx, const Plan *plan, const char *pair)
{
    Source source = {.ctx = ctx, .plan = plan};
    source.name = driver_pair(ctx, "--kernel-source", pair, &source.path);
    source.where = quoted(ctx, source.path);
    source.layer = &plan->layers[layer_named(plan->graph, "--kernel-source", source.name)];
    if (source.layer->stage_count == 0)
        fail(ctx, STATUS_USAGE, node_where(plan->graph, source.layer->problem.node), NULL, "this layer has no functions that could be replaced");
    return source;
}

void kernel_sources_take(Context *ctx, const Options *options, const Plan *plan, Units *units, Arena *arena)
{
    const char *model = ctx->file;
    ctx->file = NULL;                /* messages begin with the user's file */
    for (int i = 0; i < options->kernel_sources.count; i++) {
        Source source = source_of(ctx, plan, options->kernel_sources.items[i]);
        const int layer = (int)(source.layer - plan->layers);
        Units ours;
        int at = 0;
        while (at < units->count && units->items[at].layer != layer)
            at++;
        if (at == units->count)
            continue;                /* the units are of another layer alone */
        if (units->items[at].path != NULL)
            fail(ctx, STATUS_USAGE, source.where, NULL, "layer '%s' has two files", quoted(ctx, source.name));
        load(&source);
        units_make_layer(plan, PROGRAM_PREFIX, layer, arena, &ours);
        check_contract(&source, &ours.items[0]);
        crash_watch(arena_format(ctx->graph, "tulle: error: %s: the compiler crashed: is an expression too long, or nested too deep?\n", source.where));
        check_text(&source, units);
        check_functions(&source, units->items[at].name);
        crash_watch(NULL);
        unit_replace(units, &units->items[at], source.path, source.text, source.length, arena);
    }
    ctx->file = model;
}

/* ---- right, and how fast ---- */

static void **new_outputs(Context *ctx, const struct tulle_model *model)
{
    void **outputs = arena_array(ctx->graph, void *, model->output_count + 1);
    for (int i = 0; i < model->output_count; i++)
        outputs[i] = program_memory(ctx, model->outputs[i].bytes);
    return outputs;
}

static _Noreturn void fail_fault(Context *ctx, const char *fault)
{
    ctx->file = NULL;                /* the fault begins with the user's */
    fail(ctx, STATUS_MISMATCH, NULL, "nothing is timed before it is right", "%s", fault);
}

void kernel_sources_check(Context *ctx, const Options *options, const Plan *plan, const Program *program, void *const *inputs)
{
    for (int i = 0; i < options->kernel_sources.count; i++) {
        const Source source = source_of(ctx, plan, options->kernel_sources.items[i]);
        void **outputs = new_outputs(ctx, program->model), **guarded = program_guard(ctx, program->model, inputs);
        const Walk walk = stages_walk(ctx, plan, program, guarded, outputs, options->tolerance, (int)(source.layer - plan->layers));
        program_unguard(program->model, guarded);
        if (walk.fault)
            fail_fault(ctx, walk.fault);
        if (walk.wrong)
            fail(ctx, STATUS_MISMATCH, source.where, "nothing is timed before it is right", "layer '%s' differs from the reference on the same inputs: %s%s",
                 quoted(ctx, source.name), quoted(ctx, walk.value->name), difference_text(ctx->graph, &walk.value->shape, &walk.difference));
        say(ctx, "note: layer '%s' from %s agrees with the reference", quoted(ctx, source.name), source.where);
        for (int o = 0; o < program->model->output_count; o++)
            program_release(outputs[o], program->model->outputs[o].bytes);
    }
}

void kernel_sources_bench(Context *ctx, const Options *options, const Plan *plan, const Program *program, void *const *inputs, int threads)
{
    Options without = *options;
    without.kernel_sources.count = 0;
    if (options->kernel_sources.count == 0)
        return;
    Program *ours = program_load(ctx, &without, plan);
    const Pairs pairs = pairs_measure(ctx, ours, program, inputs, &(PairOptions){threads, pair_seconds, options->cold});
    for (int i = 0; i < options->kernel_sources.count; i++) {
        const Source source = source_of(ctx, plan, options->kernel_sources.items[i]);
        const PairTime *time = &pairs.layers[source.layer - plan->layers];
        say(ctx, "note: layer '%s', in turns: %s takes %.4g ms, ours (%s) %.4g ms: %.3f times ours (%.3f to %.3f, in 95 of 100 cases)", quoted(ctx, source.name),
            source.where, time->seconds * 1e3, source.layer->kernel->name, time->seconds / time->ratio * 1e3, time->ratio, time->low, time->high);
    }
    program_unload(ctx, ours);
}

/* ---- ours, for a start ---- */

/* A file that was written so, and is another one now, is somebody's work. */
static void refuse_edited(Context *ctx, const char *path, const char *text)
{
    struct stat status;
    if (strcmp(path, "-") == 0 || stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0 || status.st_size > MOST_BYTES)
        return;
    FILE *file = fopen(path, "rb");
    char *there = arena_alloc(ctx->graph, (size_t)status.st_size + 1, 1);
    const size_t length = file ? fread(there, 1, (size_t)status.st_size, file) : 0;
    if (file)
        fclose(file);
    there[length] = '\0';
    if (contract_value(there, "name", ctx->graph) != NULL && strcmp(there, text) != 0)
        fail(ctx, STATUS_USAGE, quoted(ctx, path), "choose another name, or remove it", "it has been edited, or is of another plan: it is not written over");
}

void kernel_source_export(Context *ctx, const Options *options, const Plan *plan, int layer)
{
    const char *path = options->export_path;
    Units units;
    if (plan->layers[layer].stage_count == 0)
        fail(ctx, STATUS_USAGE, node_where(plan->graph, plan->layers[layer].problem.node), NULL, "this layer has no functions that could be replaced");
    driver_refuse_same(ctx, options->arguments.items[0], path);
    units_make_layer(plan, PROGRAM_PREFIX, layer, ctx->graph, &units);
    const char *text = unit_export(&units.items[0], ctx->graph);
    refuse_edited(ctx, path, text);
    OutputFile *file = output_open(ctx, path);
    fputs(text, output_stream(file));
    output_commit(file);
    if (strcmp(path, "-") != 0)
        driver_written(ctx, &path, 1);
}
