/* Writes a whole program: opening comment, weights, the vocabulary it uses, helpers, the stages of every layer, tables, entry points.
   Layer by layer the weights are packed, written and forgotten, so that no second copy of them ever exists. */
#include "codegen/internal.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

typedef struct Module {
    Context *ctx;
    const Plan *plan;
    const ModuleOptions *options;
    Arena *arena;                    /* lives until all is written; ctx->scratch is reset with every layer */
    const char **names;              /* of the layers, in C */
    const char *weights_name;
    Out top, header_text, stages;
    Helpers helpers;
    FILE *source;
} Module;

/* ---- names ---- */

void check_prefix(Context *ctx, const char *prefix)
{
    static const char *const taken[] = {"tulle", "program", "ref"};      /* by the runtime, tables.c, the reference's prelude */
    bool good = isalpha((unsigned char)prefix[0]) || prefix[0] == '_';
    for (const char *at = prefix; *at != '\0'; at++)
        good &= isalnum((unsigned char)*at) || *at == '_';
    if (!good)
        fail(ctx, STATUS_USAGE, "--prefix", "letters, digits and underscores, not starting with a digit", "'%s' is not a name in C",
             text_quote(ctx->graph, prefix, strlen(prefix)));
    for (int i = 0; i < COUNT(taken); i++)
        if (strcmp(prefix, taken[i]) == 0)
            fail(ctx, STATUS_USAGE, "--prefix", "choose another one", "names that start with '%s' are taken", prefix);
}

/* The names of our own files stand in an #include and in an assembler's string. */
static void check_path(Context *ctx, const char *path)
{
    const char *name = path == NULL ? "" : base_name(path);
    for (const char *at = name; *at != '\0'; at++)
        if (*at == '"' || *at == '\\' || *at == '%' || (unsigned char)*at < ' ')
            fail(ctx, STATUS_USAGE, NULL, "choose another name for the output", "a file called '%s' cannot be included from C",
                 text_quote(ctx->graph, name, strlen(name)));
}

static const char *layer_name(Arena *arena, const LayerPlan *layer, int number)
{
    char *name = arena_format(arena, "%s%d", op_info(layer->problem.node->op)->name, number);
    for (char *at = name; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return name;
}

const char **layer_names(Arena *arena, const Plan *plan)
{
    const char **names = arena_array(arena, const char *, plan->layer_count + 1);
    for (int l = 0; l < plan->layer_count; l++)
        names[l] = layer_name(arena, &plan->layers[l], l);
    return names;
}

/* ---- the parts ---- */

static void put(Module *module, const char *text)
{
    fputs(text, module->source);
}

static void write_top(Module *module)
{
    Out *out = &module->top;
    const Isa *isa = &module->plan->target->isa;
    story_open(out, module->plan, module->names, module->options);
    if (isa->guard != NULL) {
        out_line(out, "#if !(%s)", isa->guard);
        out_line(out, "#error \"compile this file with %s\"", isa->compiler_flags);
        out_line(out, "#endif");
    }
    out_paste(out, "#ifdef __clang__\n#pragma STDC FP_CONTRACT OFF\n#endif\n\n#include <stddef.h>\n#include <stdint.h>\n\n");
    if (module->options->single_file || module->options->header_path == NULL)
        out_paste(out, module->header_text.text.data);
    else
        out_line(out, "#include \"%s\"", base_name(module->options->header_path));
    out_blank(out);
    put(module, out->text.data);
}

static bool lies_plain(const Plan *plan, const Value *value)
{
    return value == NULL || layout_plain(&plan->places[value->id].layout);
}

/* Input 0 lies as the tiling reads it, output 0 as it is left, all else plain. */
static bool layouts_agree(const Plan *plan, const LayerPlan *layer)
{
    const Node *node = layer->problem.node;
    bool agree = node->input_count == 0 || node->inputs[0] == NULL || layout_equal(&plan->places[node->inputs[0]->id].layout, &layer->tiling.in);
    if (node->output_count > 0 && node->outputs[0] != NULL)
        agree = agree && layout_equal(&plan->places[node->outputs[0]->id].layout, &layer->tiling.out);
    for (int i = 1; i < node->input_count; i++)
        agree = agree && lies_plain(plan, node->inputs[i]);
    for (int e = 0; e < node->epilogue_count; e++)
        for (int i = 1; i < node->epilogue[e]->input_count; i++)
            agree = agree && lies_plain(plan, node->epilogue[e]->inputs[i]);
    return agree;
}

void layer_pack(const Plan *plan, const LayerPlan *layer, Packed *packed)
{
    assert(layouts_agree(plan, layer));
    if (layer->kernel->pack != NULL)
        layer->kernel->pack(&layer->problem, &layer->tiling, packed);
}

static void write_layer(Module *module, Weights *weights, int l)
{
    const LayerPlan *layer = &module->plan->layers[l];
    Arena *arena = module->ctx->scratch;
    Packed packed = {.arena = arena};
    if (layer->kernel == NULL)
        return;
    layer_pack(module->plan, layer, &packed);
    weights_add(weights, &packed);
    story_layer(&module->stages, layer, module->names[l]);
    Emission emission = {&module->stages, module->plan,      layer, &layer->problem, &packed, module->names[l],
                         module->weights_name, module->options->prefix, arena, &module->helpers};
    layer->kernel->emit(&emission);
    out_blank(&module->stages);
    arena_reset(arena);
}

static OutputFile *write_layers(Module *module, size_t *weight_bytes)
{
    WeightsOptions options = {module->weights_name, module->options->weights_path, module->source,
                              module->options->single_file || module->options->weights_path == NULL};
    Weights *weights = weights_new(module->ctx, module->arena, &options);
    for (int l = 0; l < module->plan->layer_count; l++)
        write_layer(module, weights, l);
    return weights_end(weights, weight_bytes);
}

static void write_code(Module *module)
{
    const char *vocabulary = module->plan->target->isa.vocabulary;
    const char *const codes[] = {module->helpers.out.text.data, module->stages.text.data};
    if (vocabulary != NULL)
        put(module, vocabulary_used(module->arena, vocabulary, codes, COUNT(codes)));
    put(module, "\n");
    put(module, codes[0]);
    put(module, codes[1]);
    Out tables = {.text = text_new(module->arena)};
    tables_write(&tables, module->plan, module->names, module->options->prefix);
    tables_write_run(&tables, module->options->prefix);
    put(module, tables.text.data);
}

static void write_header(Module *module, ModuleFiles *files)
{
    header_write(&module->header_text, module->plan, module->options);
    if (module->options->header_path == NULL)
        return;
    OutputFile *header = output_open(module->ctx, module->options->header_path);
    fputs(module->header_text.text.data, output_stream(header));
    files->files[files->count++] = header;
}

void module_write(Context *ctx, const Plan *plan, const ModuleOptions *options, ModuleFiles *files)
{
    check_prefix(ctx, options->prefix);
    check_path(ctx, options->header_path);
    check_path(ctx, options->weights_path);
    arena_reset(ctx->scratch);
    Module module = {.ctx = ctx, .plan = plan, .options = options, .arena = ctx->graph};
    module.names = layer_names(module.arena, plan);
    module.weights_name = arena_format(module.arena, "%s_weights", options->prefix);
    module.top.text = text_new(module.arena);
    module.header_text.text = text_new(module.arena);
    module.stages.text = text_new(module.arena);
    module.helpers = (Helpers){.out = {.text = text_new(module.arena)}, .arena = module.arena};

    *files = (ModuleFiles){.count = 0};
    OutputFile *source = output_open(ctx, options->source_path);
    files->files[files->count++] = source;
    module.source = output_stream(source);
    write_header(&module, files);
    write_top(&module);
    OutputFile *weights = write_layers(&module, &files->weight_bytes);
    if (weights != NULL)
        files->files[files->count++] = weights;
    write_code(&module);
}
