/* Choices that were measured, from --tuned: which layer they are for, and which of its choices they are. */
#include "compiler/plan/choices.h"

#include <stdlib.h>
#include <string.h>

/* ---- what decides how fast a layer is ---- */

static void add_attribute(Text *text, const Attribute *attribute)
{
    const AttributeKind kind = attribute_kind(attribute->name);
    text_format(text, " %s", attribute_text(attribute->name));
    if (kind == KIND_WORD) {
        text_format(text, "=%s", attribute->word);
        return;
    }
    for (int i = 0; i < attribute->count; i++)
        if (kind == KIND_INTS)
            text_format(text, ",%lld", (long long)attribute->ints[i]);
        else
            text_format(text, ",%.17g", attribute->reals[i]);
}

static void add_value(Text *text, const Value *value)
{
    if (value == NULL)
        text_add(text, " -");
    else
        text_format(text, " %s%s%s", value_constant(value) ? "=" : "", type_info(value->type)->name, shape_text(text->arena, &value->shape));
}

/* In the order of names: that in which passes set them does not show. */
static void add_node(Text *text, const Node *node)
{
    text_add(text, op_info(node->op)->name);
    for (int name = 0; name < ATTR_COUNT; name++)
        for (int i = 0; i < node->attribute_count; i++)
            if ((int)node->attributes[i].name == name)
                add_attribute(text, &node->attributes[i]);
    for (int i = 0; i < node->input_count; i++)
        add_value(text, node->inputs[i]);
    text_add(text, " ->");
    for (int i = 0; i < node->output_count; i++)
        add_value(text, node->outputs[i]);
    text_add(text, "\n");
}

static void add_digest(Text *text, const void *data, int64_t count, size_t size)
{
    char hex[65];
    sha256_hex(data, (size_t)count * size, hex);
    text_format(text, " %s", hex);
}

static void add_pattern(Text *text, const Pattern *pattern)
{
    add_digest(text, pattern->row_nonzeros, pattern->rows, sizeof *pattern->row_nonzeros);
    add_digest(text, pattern->column_nonzeros, pattern->columns, sizeof *pattern->column_nonzeros);
    if (pattern->bits != NULL)
        add_digest(text, pattern->bits, pattern->rows * pattern_words(pattern->columns), sizeof *pattern->bits);
}

static LayerKey key_of(const char *text, size_t length)
{
    char hex[65];
    LayerKey key = {""};
    sha256_hex(text, length, hex);
    memcpy(key.text, hex, KEY_BYTES - 1);
    return key;
}

static LayerKey problem_key(const Plan *plan, const Problem *problem, Arena *arena)
{
    const Rules *rules = &problem->rules;
    Text text = text_new(arena);
    text_format(&text, "%d threads %lld slices %d%d%d\n", problem->threads, (long long)plan->slices, rules->no_assembler, rules->no_winograd, rules->strict_nonfinite);
    add_node(&text, problem->node);
    for (int i = 0; i < problem->node->epilogue_count; i++)
        add_node(&text, problem->node->epilogue[i]);
    if (problem->pattern != NULL)
        add_pattern(&text, problem->pattern);
    return key_of(text.data, text.length);
}

/* By layer: the layers that write what it reads and read what it writes, by their own keys: they decide how values lie between them. */
static const Text *neighbours_of(const Graph *graph, const LayerKey *own, Arena *arena)
{
    Text *around = arena_array(arena, Text, graph->node_count + 1);
    int *made = arena_array(arena, int, graph->value_count + 1);
    for (int id = 0; id < graph->value_count; id++)
        made[id] = -1;
    for (int l = 0; l < graph->node_count; l++) {
        const Node *node = graph->nodes[l];
        around[l] = text_new(arena);
        text_add(&around[l], own[l].text);
        for (int i = 0; i < node->input_count; i++) {
            const int from = node->inputs[i] == NULL ? -1 : made[node->inputs[i]->id];
            if (from < 0)
                continue;
            text_format(&around[l], " from %s", own[from].text);
            text_format(&around[from], " to %s", own[l].text);
        }
        for (int i = 0; i < node->output_count; i++)
            if (node->outputs[i] != NULL)
                made[node->outputs[i]->id] = l;
    }
    return around;
}

/* How often it came before. */
static int number_of(NameMap *seen, const char *key, Arena *arena)
{
    void **slot = name_slot(seen, key);
    if (*slot == NULL)
        *slot = arena_new_of(arena, int);
    return (*(int *)*slot)++;
}

LayerKey *layer_keys(const Plan *plan, Arena *arena)
{
    LayerKey *own = arena_array(arena, LayerKey, plan->layer_count + 1), *keys = arena_array(arena, LayerKey, plan->layer_count + 1);
    NameMap seen = name_map(arena);
    for (int l = 0; l < plan->layer_count; l++)
        own[l] = problem_key(plan, &plan->layers[l].problem, arena);
    const Text *around = neighbours_of(plan->graph, own, arena);
    for (int l = 0; l < plan->layer_count; l++) {
        const char *text = arena_format(arena, "%s %d", around[l].data, number_of(&seen, around[l].data, arena));
        keys[l] = key_of(text, strlen(text));
    }
    return keys;
}

/* ---- which choice ---- */

const TunedChoice *tuned_choice(const Selecting *selecting, int layer)
{
    const PlanOptions *options = selecting->options;
    for (int i = options->tuned_count - 1; i >= 0; i--)
        if (strcmp(options->tuned[i].key, selecting->keys[layer].text) == 0)
            return &options->tuned[i];
    return NULL;
}

bool tuned_is(const TunedChoice *tuned, const Choice *choice)
{
    const Tiling *tiling = &choice->tiling;
    if (strcmp(tuned->kernel, choice->kernel->name) != 0 || !layout_equal(&tuned->in, &tiling->in) || !layout_equal(&tuned->out, &tiling->out))
        return false;
    const char *at = tuned->tiling;
    for (int i = 0; i < COUNT(tiling->size); i++) {
        char *end = (char *)at;
        const long size = strtol(at, &end, 10);
        if (size != tiling->size[i])
            return false;
        at = *end == ',' ? end + 1 : end;
    }
    return *at == '\0' || strcmp(at, "-") == 0;
}
