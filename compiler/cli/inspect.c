/* tulle inspect: what a layer becomes, in sections that can be asked for. */
#include "compiler/cli/inspect.h"

#include <string.h>

const Section inspect_sections[] = {
    {"layer", "why it is computed so", false, NEEDS_PLAN, NULL, inspect_layer, inspect_layer_json},
    {"counts", "what the plan counts, and what it costs", false, NEEDS_PLAN, NULL, inspect_counts, inspect_counts_json},
    {"nests", "its loops as they are written, how often each runs, and its arrays", false, NEEDS_COMPILER, NULL, inspect_nests, inspect_nests_json},
    {"code", "what is compiled, instructions by what they do", false, NEEDS_CODE, NULL, inspect_code, inspect_code_json},
    {"loops", "its inner loops, a round of each", false, NEEDS_CODE, NULL, inspect_loops, inspect_loops_json},
    {"zeros", "where the zeros lie", false, NEEDS_PLAN, NULL, inspect_zeros, inspect_zeros_json},
    {"granularity", "the same weights as elements, vectors, kernels and filters", false, NEEDS_PLAN, NULL, inspect_granularity,
     inspect_granularity_json},
    {"c", "its C", true, NEEDS_PLAN, inspect_c, NULL, NULL},
    {"source", "all of the C that is compiled", true, NEEDS_PLAN, inspect_source, NULL, NULL},
    {"ir", "LLVM's intermediate form, optimised", true, NEEDS_COMPILER, inspect_ir, NULL, NULL},
    {"assembly", "its assembly", true, NEEDS_COMPILER, inspect_assembly, NULL, NULL},
    {"hot", "the first loop, instruction by instruction", true, NEEDS_CODE, inspect_hot, NULL, NULL},
};
const int inspect_section_count = COUNT(inspect_sections);

/* ---- sections ---- */

bool inspect_asked(const Options *options, const Section *section)
{
    for (int i = 0; i < options->show.count; i++)
        if (!strcmp(options->show.items[i], section->name))
            return true;
    return options->show.count == 0 && !section->asked;
}

static void check_sections(Context *ctx, const Options *options)
{
    const char *names[COUNT(inspect_sections)];
    Text list = text_new(ctx->graph);
    for (int i = 0; i < inspect_section_count; i++) {
        names[i] = inspect_sections[i].name;
        text_format(&list, "%s%s", i ? ", " : "the sections are ", names[i]);
    }
    for (int i = 0; i < options->show.count; i++) {
        const char *word = options->show.items[i];
        bool known = false;
        for (int s = 0; s < inspect_section_count; s++)
            known |= !strcmp(word, names[s]);
        if (!known)
            fail(ctx, STATUS_USAGE, NULL, options_hint(ctx, word, names, inspect_section_count, list.data), "there is no section '%s'",
                 text_quote(ctx->graph, word, strlen(word)));
    }
}

static bool is_missing(const Inspection *inspection, const Section *section)
{
    return inspection->missing && section->needs != NEEDS_PLAN;
}

/* A text that is asked for alone is printed as it is: for an editor, a compiler, a pipe. */
static void print_sections(const Inspection *inspection)
{
    bool first = true;
    for (int i = 0; i < inspect_section_count; i++) {
        const Section *section = &inspect_sections[i];
        if (!inspect_asked(inspection->options, section))
            continue;
        const bool bare = section->text && inspection->options->show.count == 1;
        if (!bare)
            printf("%s%s:\n", first ? "" : "\n", section->says);
        first = false;
        if (is_missing(inspection, section))
            printf("not shown: %s\n", inspection->missing);
        else if (section->text)
            fputs(section->text(inspection), stdout);
        else
            section->print(inspection);
    }
}

void inspect_sections_json(const Inspection *inspection, JsonWriter *json)
{
    json_add_string(json, "missing", inspection->missing);
    for (int i = 0; i < inspect_section_count; i++) {
        const Section *section = &inspect_sections[i];
        if (!inspect_asked(inspection->options, section))
            continue;
        if (section->text || is_missing(inspection, section)) {
            json_add_string(json, section->name, is_missing(inspection, section) ? NULL : section->text(inspection));
            continue;
        }
        json_open(json, section->name, '{');
        section->json(inspection, json);
        json_close(json);
    }
}

static void print_json(const Inspection *inspection)
{
    JsonWriter json = {.stream = stdout};
    json_open(&json, NULL, '{');
    json_add_string(&json, "model", inspection->plan->graph->name);
    json_add_string(&json, "target", inspection->plan->target->machine.name);
    inspect_sections_json(inspection, &json);
    json_close(&json);
}

static void draw(const Inspection *inspection, const char *path)
{
    if (!inspection->layer->problem.pattern)
        fail(inspection->ctx, STATUS_USAGE, node_where(inspection->plan->graph, inspection->layer->problem.node), NULL,
             "there is nothing to draw: %s", zeros_missing(inspection));
    OutputFile *file = output_open(inspection->ctx, path);
    draw_zeros(output_stream(file), inspection);
    output_commit(file);
    if (strcmp(path, "-") != 0)
        driver_written(inspection->ctx, &path, 1);
}

/* ---- the command ---- */

static void inspect_all(const Options *options, const Plan *plan)
{
    JsonWriter json = {.stream = stdout};
    if (options->json)
        inspect_table_json(plan, &json);
    else
        inspect_table(plan);
}

/* Sections that need a compiler say what is missing; a text that is asked for by its name fails. */
static void add_code(Inspection *inspection)
{
    Context *ctx = inspection->ctx;
    bool compiler = false, code = inspection->options->diff.count > 0;
    for (int i = 0; i < inspect_section_count; i++) {
        const Section *section = &inspect_sections[i];
        const bool asked = inspect_asked(inspection->options, section);
        compiler |= asked && section->needs != NEEDS_PLAN;
        code |= asked && section->needs == NEEDS_CODE;
    }
    inspection->missing = compiler || code ? jit_missing(ctx) : NULL;
    if (inspection->missing && compiler && inspection->options->show.count > 0)
        fail(ctx, STATUS_UNSUPPORTED, NULL, "C, counts and zeros are shown without: --show c", "nothing can be compiled to be shown: %s",
             inspection->missing);
    if (code && !inspection->missing)
        inspection->code = code_of(ctx, inspection->options, inspection->plan, &inspection->units);
}

Inspection *inspection_make(Context *ctx, const Options *options, const Plan *plan, const char *layer)
{
    Inspection *inspection = arena_new_of(ctx->graph, Inspection);
    const int number = layer_named(plan->graph, NULL, layer);
    *inspection = (Inspection){.ctx = ctx, .options = options, .plan = plan, .number = number, .layer = &plan->layers[number]};
    if (!inspection->layer->kernel)
        fail(ctx, STATUS_USAGE, node_where(plan->graph, plan->graph->nodes[number]), NULL,
             "this layer is only seen in another shape: there is nothing to inspect");
    units_make_layer(plan, PROGRAM_PREFIX, number, ctx->graph, &inspection->units);
    kernel_sources_take(ctx, options, plan, &inspection->units, ctx->graph);
    inspection->unit = &inspection->units.items[0];
    add_code(inspection);
    return inspection;
}

void inspection_end(const Inspection *inspection)
{
    if (inspection->code)
        code_free(inspection->ctx, inspection->code);
}

static bool to_output(const char *path)
{
    return path && !strcmp(path, "-");
}

/* Files, and another layer beside it, are not what is written to be edited. */
static void check_export(Context *ctx, const Options *options)
{
    const char *other = options->svg                      ? "--svg"
                        : options->json                   ? "--json"
                        : options->diff.count > 0         ? "--diff"
                        : options->show.count > 0         ? "--show"
                                                          : NULL;
    if (options->export_path && other)
        fail(ctx, STATUS_USAGE, NULL, "ask for it in a call of its own", "--export writes the layer's C and nothing else: leave out %s", other);
}

static void check_options(Context *ctx, const Options *options, const char *layer)
{
    const char *of_layer = options->svg                  ? "--svg"
                           : options->show.count > 0     ? "--show"
                           : options->diff.count > 0     ? "--diff"
                           : options->export_path        ? "--export"
                                                         : NULL;
    check_sections(ctx, options);
    check_export(ctx, options);
    if (!layer && of_layer)
        fail(ctx, STATUS_USAGE, NULL, "'tulle inspect MODEL.onnx' lists the layers", "%s is about one layer: name it", of_layer);
    if (options->diff.count > 2)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--diff compares two choices, and can be given once");
    if (options->diff.count > 0 && options->kernel_sources.count > 0)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--diff compares two of our choices: leave out --kernel-source");
    if (options->diff.count > 0 && options->svg)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--svg draws one layer's zeros, which no choice changes: leave out --diff");
    if (to_output(options->svg) && (options->json || options->show.count > 0))
        fail(ctx, STATUS_USAGE, NULL, NULL, "%s and --svg - cannot both go to standard output", options->json ? "--json" : "--show");
    if (options->svg && !to_output(options->svg))
        driver_refuse_same(ctx, options->arguments.items[0], options->svg);
}

Status inspect_command(Context *ctx, const Options *given)
{
    Options options = *given;
    const char *layer = driver_layer(ctx, &options, "inspect"), *model = driver_model(ctx, &options);
    check_options(ctx, &options, layer);
    if (options.diff.count > 0) {
        inspect_diff(ctx, &options, model, layer);
        return STATUS_FINE;
    }
    const Plan *plan = driver_plan(ctx, &options, model);
    if (!layer) {
        inspect_all(&options, plan);
        return STATUS_FINE;
    }
    if (options.export_path) {
        kernel_source_export(ctx, &options, plan, layer_named(plan->graph, NULL, layer));
        return STATUS_FINE;
    }
    const Inspection *inspection = inspection_make(ctx, &options, plan, layer);
    if (options.svg)
        draw(inspection, options.svg);
    if (options.json)
        print_json(inspection);
    else if (!to_output(options.svg))
        print_sections(inspection);
    inspection_end(inspection);
    return STATUS_FINE;
}
