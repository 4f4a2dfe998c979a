/* Building calls: parameters with their names, and boxes of items walked by strides. */
#include "internal.h"

#include <assert.h>
#include <string.h>

void build_int(Builder *builder, const char *name, int64_t value)
{
    assert(builder->p_count < MOST_INTS);
    builder->p_names[builder->p_count] = name;
    builder->p[builder->p_count++] = value;
}

void build_ints(Builder *builder, const char *name, const int64_t *values, int count)
{
    for (int i = 0; i < count; i++)
        build_int(builder, i == 0 ? name : NULL, values[i]);
}

void build_real(Builder *builder, const char *name, double value)
{
    assert(builder->r_count < MOST_REALS);
    builder->r_names[builder->r_count] = name;
    builder->r[builder->r_count++] = value;
}

void build_elements(Builder *builder, bool in_place)
{
    builder->items = shape_count(build_result(builder));
    builder->contiguous = true;
    builder->in_place = in_place;
}

const Value *build_input(const Builder *builder, int index)
{
    return index < builder->node->input_count ? builder->node->inputs[index] : NULL;
}

const Shape *build_result(const Builder *builder)
{
    for (int i = 0; i < builder->node->output_count; i++)
        if (builder->node->outputs[i])
            return &builder->node->outputs[i]->shape;
    assert(!"a node without outputs");
    return NULL;
}

int64_t build_product(const int64_t *values, int count)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        product *= values[i];
    return product;
}

int64_t build_inner(const Shape *shape, int axis)
{
    return build_product(shape->dims + axis + 1, shape->rank - axis - 1);
}

/* ---- boxes ---- */

void box_axis(Box *box, int64_t size, int64_t stride_0, int64_t stride_1, int64_t stride_2)
{
    assert(box->rank < MOST_AXES);
    box->dims[box->rank] = size;
    box->strides[0][box->rank] = stride_0;
    box->strides[1][box->rank] = stride_1;
    box->strides[2][box->rank++] = stride_2;
}

static bool walked_as_one(const Box *box, int outer, int inner)
{
    for (int i = 0; i < MOST_OPERANDS; i++)
        if (box->strides[i][outer] != box->strides[i][inner] * box->dims[inner])
            return false;
    return true;
}

void box_merge(Box *box)
{
    Box merged = {0};
    for (int axis = 0; axis < box->rank; axis++) {
        int64_t size = box->dims[axis], last = merged.rank - 1;
        if (size == 1)
            continue;
        box_axis(&merged, size, box->strides[0][axis], box->strides[1][axis], box->strides[2][axis]);
        if (last >= 0 && walked_as_one(&merged, (int)last, (int)last + 1)) {
            merged.rank--;
            merged.dims[last] *= size;
            for (int i = 0; i < MOST_OPERANDS; i++)
                merged.strides[i][last] = merged.strides[i][last + 1];
        }
    }
    if (merged.rank == 0)
        box_axis(&merged, 1, 1, 1, 1);
    *box = merged;
}

void box_broadcast(const Shape *from, const Shape *to, int64_t *strides)
{
    int64_t own[MAX_RANK];
    shape_strides(from, own);
    for (int i = 0; i < to->rank; i++) {
        int axis = i - (to->rank - from->rank);
        strides[i] = axis < 0 || from->dims[axis] == 1 ? 0 : own[axis];
    }
}

void build_box(Builder *builder, const Box *box, const char *const *stride_names)
{
    build_ints(builder, "sizes", box->dims, box->rank);
    for (int i = 0; i < MOST_OPERANDS && stride_names[i]; i++)
        build_ints(builder, stride_names[i], box->strides[i], box->rank);
}
