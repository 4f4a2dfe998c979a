/* A layer's unit for whoever wants to write it in another way: what it reads and writes, how, and a contract that tells later whether that still holds. */
#include "codegen/internal.h"

#include <string.h>

extern const char runtime_tulle_h[];

/* ---- what lies where ---- */

static void add_layout(Text *text, const Layout *layout)
{
    if (layout_plain(layout))
        text_add(text, ", plain: row after row, nothing between");
    else
        text_format(text, ", in planes of %d rows of %d elements: element (y, x) is at (%d + y) * %d + %d + x, everything else in a plane is zero, and %d elements "
                    "behind the last one may be read", layout->rows, layout->pitch, layout->top, layout->pitch, layout->left, layout->slack);
}

static void add_operand(Text *text, const Emission *emission, const char *what, const Value *value, bool written)
{
    const Place *place = &emission->plan->places[value->id];
    if (place->kind == PLACE_NONE || (value_constant(value) && !written))
        return;
    text_format(text, "  %s %s %s, %s", what, type_info(value->type)->c_name, shape_text(text->arena, &value->shape),
                written ? emit_write(emission, value) : emit_read(emission, value));
    add_layout(text, &place->layout);
    text_add(text, written && !layout_plain(&place->layout) ? "; the zeros are written, too, in every run\n" : "\n");
}

/* The layer's values and its memory, a line each. */
static const char *places_text(const Emission *emission)
{
    Text text = text_new(emission->arena);
    const Node *node = emission->problem->node;
    const LayerPlan *layer = emission->layer;
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] != NULL)
            add_operand(&text, emission, "reads", node->inputs[i], false);
    for (int e = 0; e < node->epilogue_count; e++)
        for (int i = 1; i < node->epilogue[e]->input_count; i++)
            if (node->epilogue[e]->inputs[i] != NULL)
                add_operand(&text, emission, "reads, for what is fused behind it,", node->epilogue[e]->inputs[i], false);
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] != NULL)
            add_operand(&text, emission, "writes", node->outputs[i], true);
    if (layer->scratch_bytes > 0)
        text_format(&text, "  %zu bytes that its stages share, %s\n", layer->scratch_bytes, emit_scratch(emission, "char", 0));
    if (layer->thread_bytes > 0)
        text_format(&text, "  %zu bytes of each part's own, for one stage at a time, %s\n", layer->thread_bytes, emit_thread_scratch(emission, "char", 0));
    if (emission->plan->slices > 1)
        text_format(&text, "  All of it is of one slice of the batch, c->slice of %lld.\n", (long long)emission->plan->slices);
    return text.data;
}

static const char *weights_text(const Emission *emission)
{
    Text text = text_new(emission->arena);
    for (int i = 0; i < emission->packed->count; i++) {
        const PackedArray *array = &emission->packed->arrays[i];
        text_format(&text, "  %zu bytes of %s, %s%s%s\n", array->bytes, array->c_type, emit_packed(emission, i),
                    array->value != NULL ? ": as in the model, " : "", array->value != NULL ? shape_text(text.arena, &array->value->shape) : "");
    }
    return text.data;
}

static const char *stages_text(const Emission *emission)
{
    Text text = text_new(emission->arena);
    for (int s = 0; s < emission->layer->stage_count; s++)
        text_format(&text, "  %s_%d: '%s', items: %lld\n", emission->name, s, emission->layer->stages[s].says,
                    (long long)emission->layer->stages[s].items);
    return text.data;
}

/* ---- the contract ---- */

static const char *digest(Arena *arena, const char *text, size_t length)
{
    char hex[65];
    sha256_hex(text, length, hex);
    return arena_string(arena, hex, 16);
}

static void set_contract(const Emission *emission, const Unit *unit, ContractLine *lines, Arena *arena)
{
    const char *places = places_text(emission), *weights = weights_text(emission), *stages = stages_text(emission);
    const LayerPlan *layer = emission->layer;
    const ContractLine made[CONTRACT_LINES] = {
        {"interface", digest(arena, runtime_tulle_h, strlen(runtime_tulle_h)), "what a stage is given, struct tulle_context", false},
        {"target", emission->plan->target->isa.name, "the instruction set", true},
        {"name", arena_format(arena, "%s", emission->name), "the name that its functions begin with", true},
        {"kernel", arena_format(arena, "%s:%s", layer->kernel->name, tiling_text(arena, &layer->tiling)), "the kernel and its tiling", true},
        {"stages", digest(arena, stages, strlen(stages)), "its stages and their items", false},
        {"places", digest(arena, places, strlen(places)), "where its values lie in memory, and how", false},
        {"weights", digest(arena, weights, strlen(weights)), "how its weights are packed", false},
        {"code", digest(arena, unit->text + unit->own, unit->exports - unit->own), "what tulle itself writes for it", false},
    };
    memcpy(lines, made, sizeof made);
}

const char *contract_value(const char *text, const char *name, Arena *arena)
{
    const char *start = arena_format(arena, "contract %s ", name), *at = strstr(text, "\n   The contract: ");
    do
        at = at != NULL ? strchr(at + 1, '\n') : NULL;
    while (at != NULL && strncmp(at + 1 + strspn(at + 1, " \t"), start, strlen(start)) != 0);
    if (at == NULL)
        return NULL;
    at += 1 + strspn(at + 1, " \t") + strlen(start);
    return arena_string(arena, at, strcspn(at, " \t\r\n"));
}

/* ---- the guide ---- */

static void add_rules(Text *text)
{
    text_add(text, "\nWhat a stage must do:\n"
             "  It is 'static void NAME(const struct tulle_context *c, int part, int parts)', and does the share 'part' of 'parts' of its items; here items\n"
             "  [items * part / parts, items * (part + 1) / parts). Any cut will do, as long as parts write different places and results do not depend on how\n"
             "  many parts there are. All parts of a stage are done before any of the next one begins; the parts of one run at the same time, or one\n"
             "  after the other.\n"
             "  It keeps nothing from run to run: no variables of static storage but constants. It reads and writes what is listed above, and nothing else.\n"
             "  Values in c->workspace and the weights are aligned to 64 bytes, those of the caller as their type demands.\n"
             "  Right is what 'tulle verify' accepts: of products |error| <= 2^-23 * (terms + 8) * sum|w||x|, of others 1e-5 of the layer's largest element.\n");
}

static void add_contract(Text *text, const ContractLine *lines)
{
    text_add(text, "\nThe contract: it tells, when the file is given back, whether all this still holds. Leave these lines as they are.\n");
    for (int i = 0; i < CONTRACT_LINES; i++)
        text_format(text, "contract %s %s\n", lines[i].name, lines[i].value);
}

static const char *quoted(Arena *arena, const char *name)
{
    return text_quote(arena, name, strlen(name));
}

void unit_explain(const Emission *emission, Unit *unit, Arena *arena)
{
    ContractLine *lines = arena_array(arena, ContractLine, CONTRACT_LINES);
    const LayerPlan *layer = emission->layer;
    const Isa *isa = &emission->plan->target->isa;
    Text text = text_new(emission->arena);
    set_contract(emission, unit, lines, arena);
    text_format(&text, "Layer '%s' of model '%s': %s. As tulle %s writes it for %s, to be edited and given back:\n",
                quoted(emission->arena, layer->problem.node->name), quoted(emission->arena, emission->plan->graph->name), operators_text(emission->arena, layer->problem.node), TULLE_VERSION,
                isa->name);
    text_add(&text, "    tulle verify MODEL --kernel-source LAYER=FILE\n    tulle bench MODEL --kernel-source LAYER=FILE\n");
    text_format(&text, "Without tulle it is checked by: gcc -std=gnu11 %s -fsyntax-only FILE. It must stand alone: no headers but the compiler's own.\n",
                isa->compiler_flags != NULL ? isa->compiler_flags : "");
    text_format(&text, "\nKernel %s (%s), tiling %s.\n", layer->kernel->name, layer->kernel->says, tiling_text(emission->arena, &layer->tiling));
    text_format(&text, "\nIts stages, in this order:\n%s\nIts values:\n%s", stages_text(emission), places_text(emission));
    if (emission->packed->count > 0)
        text_format(&text, "\nIts weights, packed by the kernel in the order in which the stages below read them:\n%s", weights_text(emission));
    add_rules(&text);
    add_contract(&text, lines);
    Out guide = {.text = text_new(arena)};
    out_comment(&guide, "%s", text.data);
    unit->guide = guide.text.data;
    unit->contract = lines;
}

const char *unit_export(const Unit *unit, Arena *arena)
{
    Text text = text_new(arena);
    text_add(&text, unit->guide);
    text_add(&text, unit->story);
    text_add_bytes(&text, unit->text, unit->exports);
    return text.data;
}
