/* Element types and shapes. */
#include "compiler/graph/graph.h"

#include <assert.h>
#include <string.h>

static const TypeInfo types[TYPE_COUNT] = {
    [TYPE_UNKNOWN] = {"?", "void", 0, false, false, false},
    [TYPE_F32] = {"f32", "float", 4, true, true, false},
    [TYPE_F64] = {"f64", "double", 8, true, true, false},
    [TYPE_F16] = {"f16", "uint16_t", 2, true, true, false},
    [TYPE_BF16] = {"bf16", "uint16_t", 2, true, true, false},
    [TYPE_I8] = {"i8", "int8_t", 1, false, true, true},
    [TYPE_I16] = {"i16", "int16_t", 2, false, true, true},
    [TYPE_I32] = {"i32", "int32_t", 4, false, true, true},
    [TYPE_I64] = {"i64", "int64_t", 8, false, true, true},
    [TYPE_U8] = {"u8", "uint8_t", 1, false, false, true},
    [TYPE_U16] = {"u16", "uint16_t", 2, false, false, true},
    [TYPE_U32] = {"u32", "uint32_t", 4, false, false, true},
    [TYPE_U64] = {"u64", "uint64_t", 8, false, false, true},
    [TYPE_BOOL] = {"bool", "uint8_t", 1, false, false, false},
};

const TypeInfo *type_info(Type type)
{
    assert(type < TYPE_COUNT);
    return &types[type];
}

Type type_named(const char *name)
{
    for (int type = TYPE_UNKNOWN + 1; type < TYPE_COUNT; type++)
        if (strcmp(types[type].name, name) == 0)
            return (Type)type;
    return TYPE_UNKNOWN;
}

int64_t shape_count(const Shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dims[i];
    return count;
}

bool shape_bytes(const Shape *shape, Type type, size_t *bytes)
{
    size_t size = (size_t)type_info(type)->bytes, nonzero = size;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0)
            return false;
        /* Also with a zero among them the other dimensions must not overflow: strides are made from them. */
        if (shape->dims[i] > 0 && !checked_multiply(nonzero, (size_t)shape->dims[i], &nonzero))
            return false;
        size *= (size_t)shape->dims[i];
    }
    *bytes = size;
    return nonzero <= INT64_MAX;
}

bool shape_equal(const Shape *a, const Shape *b)
{
    return a->rank == b->rank && (a->rank <= 0 || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0);
}

const char *shape_text(Arena *arena, const Shape *shape)
{
    Text text = text_new(arena);
    text_add(&text, "[");
    for (int i = 0; i < shape->rank; i++) {
        text_add(&text, i ? "," : "");
        if (shape->dims[i] < 0)
            text_add(&text, "?");
        else
            text_format(&text, "%lld", (long long)shape->dims[i]);
    }
    text_add(&text, "]");
    return text.data;
}

void shape_strides(const Shape *shape, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape->dims[i];
    }
}
