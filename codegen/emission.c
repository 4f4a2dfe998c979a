/* What a kernel's emit() writes with: the head of a stage, and expressions for every place it may read or write. */
#include "codegen/internal.h"

#include <string.h>

void emit_stage_open(const Emission *emission, int stage)
{
    Out *out = emission->out;
    long long items = emission->layer->stages[stage].items;
    out_open(out, "static void %s_%d(const struct tulle_context *c, int part, int parts)", emission->name, stage);
    out_line(out, "const int64_t begin = INT64_C(%lld) * part / parts, end = INT64_C(%lld) * (part + 1) / parts;", items, items);
}

static const PackedArray *packed_of(const Emission *emission, const Value *value)
{
    for (int i = 0; i < emission->packed->count; i++)
        if (emission->packed->arrays[i].value == value)
            return &emission->packed->arrays[i];
    fail(emission->plan->graph->ctx, STATUS_INTERNAL, emission->name, NULL, "a constant that pack() did not name");
}

static const char *constant_at(const Emission *emission, const PackedArray *array)
{
    return arena_format(emission->arena, "(const %s *)(const void *)(%s + %zu)", array->c_type, emission->weights, array->offset);
}

/* Of the slice of the batch that is being computed. */
static const char *caller_at(const Emission *emission, const char *list, const Value *value, const char *qualifier, int index)
{
    const char *c_type = type_info(value->type)->c_name;
    size_t bytes = 0;
    if (emission->plan->slices == 1)
        return arena_format(emission->arena, "(%s%s *)c->%s[%d]", qualifier, c_type, list, index);
    shape_bytes(&value->shape, value->type, &bytes);
    return arena_format(emission->arena, "(%s%s *)(%svoid *)((%schar *)c->%s[%d] + (size_t)c->slice * %zu)", qualifier, c_type, qualifier, qualifier,
                        list, index, bytes);
}

static const char *place_at(const Emission *emission, const Value *value, const char *qualifier)
{
    const Place *place = &emission->plan->places[value->id];
    const char *c_type = type_info(value->type)->c_name;
    switch (place->kind) {
    case PLACE_INPUT:
        return caller_at(emission, "inputs", emission->plan->graph->inputs[place->index], qualifier, place->index);
    case PLACE_OUTPUT:
        return caller_at(emission, "outputs", emission->plan->graph->outputs[place->index], qualifier, place->index);
    case PLACE_WORKSPACE:
        return arena_format(emission->arena, "(%s%s *)(%svoid *)(c->workspace + %zu)", qualifier, c_type, qualifier, place->offset);
    default:
        fail(emission->plan->graph->ctx, STATUS_INTERNAL, emission->name, NULL, "a value without a place");
    }
}

const char *emit_read(const Emission *emission, const Value *value)
{
    return value_constant(value) ? constant_at(emission, packed_of(emission, value)) : place_at(emission, value, "const ");
}

const char *emit_write(const Emission *emission, const Value *value)
{
    if (emission->plan->places[value->id].kind == PLACE_INPUT)
        fail(emission->plan->graph->ctx, STATUS_INTERNAL, emission->name, NULL, "an input would be written");
    return place_at(emission, value, "");
}

const char *emit_packed(const Emission *emission, int array)
{
    return constant_at(emission, &emission->packed->arrays[array]);
}

const char *emit_scratch(const Emission *emission, const char *c_type, size_t offset)
{
    return arena_format(emission->arena, "(%s *)(void *)(c->workspace + %zu)", c_type, emission->layer->scratch_offset + offset);
}

const char *emit_thread_scratch(const Emission *emission, const char *c_type, size_t offset)
{
    return arena_format(emission->arena, "(%s *)(void *)(c->workspace + %zu + (size_t)part * %zu)", c_type,
                        emission->plan->workspace_bytes + offset, emission->plan->thread_bytes);
}

void emit_helper(const Emission *emission, const char *key, const char *text)
{
    Helpers *helpers = emission->helpers;
    for (int i = 0; i < helpers->count; i++)
        if (strcmp(helpers->keys[i], key) == 0)
            return;
    helpers->keys = arena_grow(helpers->arena, helpers->keys, &helpers->capacity, helpers->count, sizeof *helpers->keys);
    helpers->keys[helpers->count++] = arena_string(helpers->arena, key, strlen(key));
    out_paste(&helpers->out, text);
    out_blank(&helpers->out);
}
