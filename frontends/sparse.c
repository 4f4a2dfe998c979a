/* Sparse tensors become dense ones; every index is checked. */
#include "frontends/importer.h"

#include <string.h>

/* What no pruned layer comes near to: a model of a few bytes shall not become gigabytes of weights. */
#define MOST_ZEROS 1024              /* for each value that is given, past the first elements */
#define FREE_ELEMENTS (16 << 20)

typedef struct Filling {
    Source *source;
    const char *where;
    TensorFile values, indices, *dense;
    int64_t count;               /* elements that are given */
} Filling;

static bool bad(const Filling *filling, const char *what)
{
    complain(filling->source->ctx, STATUS_MODEL, filling->where, NULL, "%s", what);
    return false;
}

static bool coordinates(const Filling *filling)
{
    return filling->indices.shape.rank == 2;
}

static bool indices_fit(const Filling *filling)
{
    const Shape *shape = &filling->indices.shape;
    if (filling->indices.type != TYPE_I64)
        return bad(filling, "its indices are not of type int64");
    if (filling->values.shape.rank != 1)
        return bad(filling, "its values are not a list");
    bool fit = shape->rank == 1 || (shape->rank == 2 && shape->dims[1] == filling->dense->shape.rank);
    if (!fit || shape->dims[0] != filling->count)
        return bad(filling, "its indices do not fit its values: one index, or one coordinate for each dimension, belongs to each value");
    return true;
}

static bool dense_enough(const Filling *filling)
{
    int64_t count = shape_count(&filling->dense->shape);
    if (count <= FREE_ELEMENTS || count / MOST_ZEROS <= filling->count)
        return true;
    complain(filling->source->ctx, STATUS_UNSUPPORTED, filling->where, "write it as a dense tensor",
             "it gives %lld values of %lld elements: fewer than one in %d", (long long)filling->count, (long long)count, MOST_ZEROS);
    return false;
}

/* The linear position of value `i`, or -1 if it lies outside. */
static int64_t position_of(const Filling *filling, int64_t i)
{
    const Shape *shape = &filling->dense->shape;
    const char *data = filling->indices.data;
    int64_t index, position = 0;
    if (!coordinates(filling)) {
        memcpy(&index, data + 8 * i, 8);
        return index >= 0 && index < shape_count(shape) ? index : -1;
    }
    for (int axis = 0; axis < shape->rank; axis++) {
        memcpy(&index, data + 8 * (i * shape->rank + axis), 8);
        if (index < 0 || index >= shape->dims[axis])
            return -1;
        position = position * shape->dims[axis] + index;
    }
    return position;
}

static bool fill(const Filling *filling, unsigned char *dense, unsigned char *given)
{
    size_t bytes = (size_t)type_info(filling->dense->type)->bytes;
    const unsigned char *values = filling->values.data;
    for (int64_t i = 0; i < filling->count; i++) {
        int64_t position = position_of(filling, i);
        if (position < 0)
            return bad(filling, "one of its indices lies outside its shape");
        if (given[position / 8] >> (position % 8) & 1)
            return bad(filling, "one of its indices is there twice");
        given[position / 8] |= (unsigned char)(1 << (position % 8));
        memcpy(dense + (size_t)position * bytes, values + (size_t)i * bytes, bytes);
    }
    return true;
}

bool sparse_load(Source *source, const char *where, const SparseTensorProto *proto, TensorFile *tensor)
{
    Filling filling = {.source = source, .where = where, .dense = tensor};
    if (!proto->values || !proto->indices)
        return bad(&filling, "a sparse tensor needs values and indices");
    size_t bytes;
    if (!tensor_load(source, where, proto->values, &filling.values) || !tensor_load(source, where, proto->indices, &filling.indices) ||
        !shape_load(source, where, proto->n_dims, proto->dims, filling.values.type, &tensor->shape, &bytes))
        return false;
    tensor->name = filling.values.name;
    tensor->type = filling.values.type;
    filling.count = shape_count(&filling.values.shape);
    if (!indices_fit(&filling) || !dense_enough(&filling))
        return false;
    unsigned char *dense = arena_alloc(source->ctx->graph, bytes + 1, 1);
    tensor->data = dense;
    return fill(&filling, dense, arena_alloc(source->arena, bytes / 8 + 1, 1));
}
