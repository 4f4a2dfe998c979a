/* Writes a program in units, for a compiler in this process: each layer's functions, with the part of the vocabulary and the helpers that they use,
   so that a change of one layer costs no more than that layer; then the tables. Weights stay where they are packed, and each unit knows its own by name. */
#include "codegen/internal.h"

#include <string.h>

#define PROGRAM_UNIT "program"

typedef struct UnitWriter {
    const Plan *plan;
    const char *prefix;
    const char *const *names, *const *exported;      /* of the layers: inside their unit, and for all units */
    Arena *arena;
    Units *units;
} UnitWriter;

extern const char runtime_tulle_h[];

/* ---- what every unit begins with ---- */

/* The lines in front of a vocabulary's first operation that take in headers. */
static void add_includes(Text *text, const char *vocabulary)
{
    static const char include[] = "#include <";
    for (const char *at = vocabulary; (at = strstr(at, include)) != NULL; at++) {
        const char *end = strchr(at, '\n');
        text_add_bytes(text, at, (size_t)(end - at) + 1);
    }
}

static const char *includes_of(const UnitWriter *writer)
{
    const char *vocabulary = writer->plan->target->isa.vocabulary;
    Text text = text_new(writer->arena);
    text_add(&text, "#include <stddef.h>\n#include <stdint.h>\n");
    if (vocabulary != NULL)
        add_includes(&text, vocabulary);
    return text.data;
}

static Text unit_open(const UnitWriter *writer)
{
    Text text = text_new(writer->arena);
    text_add(&text, writer->units->includes);
    text_add(&text, runtime_tulle_h);
    return text;
}

static void unit_close(const UnitWriter *writer, const Text *text, Unit *unit)
{
    unit->text = text->data;
    unit->length = text->length;
    writer->units->items[writer->units->count++] = *unit;
}

/* ---- a layer ---- */

/* Behind each other in one block, as its unit finds them. */
static const void *place_weights(Arena *arena, Packed *packed, size_t *weight_bytes)
{
    size_t bytes = 0;
    for (int i = 0; i < packed->count; i++) {
        packed->arrays[i].offset = bytes;
        bytes += (packed->arrays[i].bytes + WEIGHT_ALIGNMENT - 1) / WEIGHT_ALIGNMENT * WEIGHT_ALIGNMENT;
    }
    char *block = arena_alloc(arena, bytes + WEIGHT_ALIGNMENT, 1);
    for (int i = 0; i < packed->count; i++)
        if (packed->arrays[i].bytes > 0)
            memcpy(block + packed->arrays[i].offset, packed->arrays[i].data, packed->arrays[i].bytes);
    *weight_bytes = bytes;
    return block;
}

static const char *story_of(const UnitWriter *writer, int l)
{
    Out out = {.text = text_new(writer->arena)};
    story_layer(&out, &writer->plan->layers[l], writer->names[l]);
    return out.text.data;
}

/* Stages are static: the tables know them by another name. */
static void add_exports(const UnitWriter *writer, Text *text, int l)
{
    for (int s = 0; s < writer->plan->layers[l].stage_count; s++)
        text_format(text, "extern tulle_stage %s_%d __attribute__((alias(\"%s_%d\")));\n", writer->exported[l], s, writer->names[l], s);
}

static void add_layer(const UnitWriter *writer, int l, bool alone)
{
    const LayerPlan *layer = &writer->plan->layers[l];
    Arena *scratch = writer->plan->graph->ctx->scratch;
    const char *name = writer->names[l], *vocabulary = writer->plan->target->isa.vocabulary;
    Packed packed = {.arena = scratch};
    layer_pack(writer->plan, layer, &packed);
    Unit unit = {.name = name, .layer = l, .says = node_where(writer->plan->graph, layer->problem.node), .story = story_of(writer, l)};
    if (layer->stage_count > 0)
        unit.anchor = arena_format(writer->arena, "%s_0", writer->exported[l]);
    if (packed.count > 0) {
        unit.weights_name = arena_format(writer->arena, "%s_weights", writer->exported[l]);
        unit.weights = place_weights(writer->arena, &packed, &unit.weight_bytes);
    }
    Helpers helpers = {.out = {.text = text_new(scratch)}, .arena = scratch};
    Out stages = {.text = text_new(scratch)};
    const Emission emission = {&stages, writer->plan, layer, &layer->problem, &packed, name, unit.weights_name, writer->prefix, scratch, &helpers};
    layer->kernel->emit(&emission);
    const char *const codes[] = {helpers.out.text.data, stages.text.data};
    Text text = unit_open(writer);
    if (vocabulary != NULL)
        text_add(&text, vocabulary_used(scratch, vocabulary, codes, COUNT(codes)));
    unit.own = text.length;
    if (unit.weights_name != NULL)
        text_format(&text, "extern const char %s[];\n", unit.weights_name);
    text_add(&text, codes[0]);
    text_add(&text, codes[1]);
    unit.exports = text.length;
    add_exports(writer, &text, l);
    unit.text = text.data;
    if (alone)
        unit_explain(&emission, &unit, writer->arena);
    unit_close(writer, &text, &unit);
    arena_reset(scratch);
}

/* ---- the tables ---- */

static void add_tables(const UnitWriter *writer)
{
    const Plan *plan = writer->plan;
    Out out = {.text = unit_open(writer)};
    for (int l = 0; l < plan->layer_count; l++)
        for (int s = 0; s < plan->layers[l].stage_count; s++)
            out_line(&out, "extern tulle_stage %s_%d;", writer->exported[l], s);
    tables_write(&out, plan, writer->exported, writer->prefix);
    unit_close(writer, &out.text, &(Unit){.name = PROGRAM_UNIT, .layer = -1});
}

static UnitWriter writer_of(const Plan *plan, const char *prefix, Arena *arena, Units *units)
{
    check_prefix(plan->graph->ctx, prefix);
    arena_reset(plan->graph->ctx->scratch);
    UnitWriter writer = {.plan = plan, .prefix = prefix, .arena = arena, .units = units, .names = layer_names(arena, plan)};
    const char **exported = arena_array(arena, const char *, plan->layer_count + 1);
    for (int l = 0; l < plan->layer_count; l++)
        exported[l] = arena_format(arena, "%s_%s", prefix, writer.names[l]);
    writer.exported = exported;
    *units = (Units){.items = arena_array(arena, Unit, plan->layer_count + 1)};
    units->includes = includes_of(&writer);
    return writer;
}

void units_make(const Plan *plan, const char *prefix, Arena *arena, Units *units)
{
    const UnitWriter writer = writer_of(plan, prefix, arena, units);
    units->model = arena_format(arena, "%s_model", prefix);
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].kernel != NULL)
            add_layer(&writer, l, false);
    add_tables(&writer);
}

void units_make_layer(const Plan *plan, const char *prefix, int layer, Arena *arena, Units *units)
{
    const UnitWriter writer = writer_of(plan, prefix, arena, units);
    add_layer(&writer, layer, true);
}

/* Lines count from where the file begins: what compilers and debuggers say of them is then the file's. The blank line ends that of the last include,
   which clang has compiled apart. */
void unit_replace(const Units *units, Unit *unit, const char *path, const char *text, size_t length, Arena *arena)
{
    Text whole = text_new(arena);
    text_add(&whole, units->includes);
    text_format(&whole, "\n#line 1 %s\n", out_string(arena, path, strlen(path)));
    text_add_bytes(&whole, text, length);
    int lines = 2;                   /* what is not closed at the file's end is told there */
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    text_format(&whole, "\n\n#line %d %s\n", lines, out_string(arena, path, strlen(path)));
    text_add(&whole, unit->text + unit->exports);
    unit->own = strlen(units->includes);
    unit->text = whole.data;
    unit->length = whole.length;
    unit->path = path;
}
