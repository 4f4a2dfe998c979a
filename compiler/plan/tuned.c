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

static LayerKey problem_key(const Problem *problem, Arena *arena)
{
    Text text = text_new(arena);
    text_format(&text, "%d threads\n", problem->threads);
    add_node(&text, problem->node);
    for (int i = 0; i < problem->node->epilogue_count; i++)
        add_node(&text, problem->node->epilogue[i]);
    if (problem->pattern != NULL)
        add_pattern(&text, problem->pattern);
    return key_of(text.data, text.length);
}

static LayerKey numbered(const LayerKey *key, int number, Arena *arena)
{
    const char *text = arena_format(arena, "%s %d", key->text, number);
    return key_of(text, strlen(text));
}

LayerKey *layer_keys(const Plan *plan, Arena *arena)
{
    LayerKey *keys = arena_array(arena, LayerKey, plan->layer_count + 1);
    int *found = arena_array(arena, int, plan->layer_count + 1);
    NameMap first = name_map(arena);
    for (int l = 0; l < plan->layer_count; l++) {
        LayerKey *key = arena_new_of(arena, LayerKey);
        *key = keys[l] = problem_key(&plan->layers[l].problem, arena);
        void **slot = name_slot(&first, key->text);
        if (*slot == NULL)
            *slot = &found[l];
        const int number = (*(int *)*slot)++;
        if (number > 0)
            keys[l] = numbered(key, number, arena);
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
