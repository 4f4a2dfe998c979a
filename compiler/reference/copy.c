/* Operators that only move elements, each element's place following from strides: one text, by the size of elements. */
#include "internal.h"

#include <string.h>

extern const char reference_text_copy[];
#include "text/prelude.h"

#define EACH EACH_UNSIGNED
#define NAME JOIN(ref_copy_, SUFFIX)
#define TEXT "text/copy.h"
#include "each.h"

static const Template copy = {"ref_copy", reference_text_copy, {RUNS_UNSIGNED(ref_copy)}};

enum { FROM, TO };                       /* the box's operands */

static void build_copy(Builder *builder, Box *box, int64_t from, int64_t to)
{
    int64_t items = build_product(box->dims, box->rank);
    box_merge(box);
    instance_of(builder, &copy, template_size(builder->node->inputs[0]->type));
    build_int(builder, "axes", box->rank);
    build_int(builder, "first place read", items == 0 ? 0 : from);
    build_int(builder, "first place written", items == 0 ? 0 : to);
    build_box(builder, box, (const char *const[]){"strides read", "strides written", NULL});
    builder->items = items;
}

/* The whole result in order, read at `from` by strides: one an axis of the result. */
static void build_read(Builder *builder, const int64_t *strides, int64_t from)
{
    const Shape *y = build_result(builder);
    int64_t own[MAX_RANK];
    Box box = {0};
    shape_strides(y, own);
    for (int i = 0; i < y->rank; i++)
        box_axis(&box, y->dims[i], strides[i], own[i], 0);
    build_copy(builder, &box, from, 0);
    builder->contiguous = true;
}

static void same_bytes_build(Builder *builder)
{
    Box box = {0};
    box_axis(&box, shape_count(build_result(builder)), 1, 1, 0);
    build_copy(builder, &box, 0, 0);
    builder->contiguous = true;
}

static void transpose_build(Builder *builder)
{
    const Shape *x = &builder->node->inputs[0]->shape;
    int64_t own[MAX_RANK], strides[MAX_RANK];
    int count;
    const int64_t *perm = node_ints(builder->node, ATTR_perm, &count);
    shape_strides(x, own);
    for (int i = 0; i < x->rank; i++)
        strides[i] = own[perm[i]];
    build_read(builder, strides, 0);
}

static void slice_build(Builder *builder)
{
    const Shape *x = &builder->node->inputs[0]->shape, *y = build_result(builder);
    int64_t own[MAX_RANK], strides[MAX_RANK], from = 0;
    int count;
    const int64_t *starts = node_ints(builder->node, ATTR_starts, &count), *steps = node_ints(builder->node, ATTR_steps, &count);
    shape_strides(x, own);
    for (int i = 0; i < x->rank; i++) {
        strides[i] = y->dims[i] > 1 ? own[i] * steps[i] : 0;     /* a step that is never made may be of any size */
        from += own[i] * starts[i];
    }
    build_read(builder, strides, from);
}

static void expand_build(Builder *builder)
{
    int64_t strides[MAX_RANK];
    box_broadcast(&builder->node->inputs[0]->shape, build_result(builder), strides);
    build_read(builder, strides, 0);
}

static void tile_build(Builder *builder)
{
    const Shape *x = &builder->node->inputs[0]->shape, *y = build_result(builder);
    int64_t x_strides[MAX_RANK], y_strides[MAX_RANK];
    Box box = {0};
    shape_strides(x, x_strides);
    shape_strides(y, y_strides);
    for (int i = 0; i < x->rank; i++) {
        box_axis(&box, x->dims[i] > 0 ? y->dims[i] / x->dims[i] : 0, 0, y_strides[i] * x->dims[i], 0);
        box_axis(&box, x->dims[i], x_strides[i], y_strides[i], 0);
    }
    build_copy(builder, &box, 0, 0);
    builder->contiguous = true;
}

/* ---- Concat and Split: a part at a time ---- */

static int64_t before_part(Value *const *values, int part, int axis)
{
    int64_t sum = 0;
    for (int i = 0; i < part; i++)
        sum += values[i]->shape.dims[axis];
    return sum;
}

static void concat_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[builder->part]->shape, *y = build_result(builder);
    int axis = (int)node_int(node, ATTR_axis, 0);
    int64_t x_strides[MAX_RANK], y_strides[MAX_RANK];
    Box box = {0};
    shape_strides(x, x_strides);
    shape_strides(y, y_strides);
    for (int i = 0; i < x->rank; i++)
        box_axis(&box, x->dims[i], x_strides[i], y_strides[i], 0);
    build_copy(builder, &box, 0, before_part(node->inputs, builder->part, axis) * y_strides[axis]);
    builder->contiguous = node->input_count == 1;
}

static void split_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int axis = (int)node_int(node, ATTR_axis, 0), count;
    const int64_t *sizes = node_ints(node, ATTR_split, &count);
    int64_t x_strides[MAX_RANK], y_strides[MAX_RANK], before = 0;
    Shape y = *x;
    Box box = {0};
    for (int i = 0; i < builder->part; i++)
        before += sizes[i];
    y.dims[axis] = sizes[builder->part];
    shape_strides(x, x_strides);
    shape_strides(&y, y_strides);
    for (int i = 0; i < x->rank; i++)
        box_axis(&box, y.dims[i], x_strides[i], y_strides[i], 0);
    build_copy(builder, &box, before * x_strides[axis], 0);
    builder->contiguous = node->output_count == 1;
}

/* ---- blocks of space and depth: x seen with six axes ---- */

static void build_blocks(Builder *builder, const int64_t dims[6], const int order[6])
{
    int64_t strides[6];
    Box box = {0};
    for (int i = 5; i >= 0; i--)
        strides[i] = i == 5 ? 1 : strides[i + 1] * dims[i + 1];
    for (int i = 0; i < 6; i++)
        box_axis(&box, dims[order[i]], strides[order[i]], 0, 0);
    for (int i = 5; i >= 0; i--)
        box.strides[TO][i] = i == 5 ? 1 : box.strides[TO][i + 1] * box.dims[i + 1];
    build_copy(builder, &box, 0, 0);
    builder->contiguous = true;
}

static void depth_to_space_build(Builder *builder)
{
    const Node *node = builder->node;
    const int64_t *x = node->inputs[0]->shape.dims, block = node_int(node, ATTR_blocksize, 1), depth = x[1] / (block * block);
    if (strcmp(node_word(node, ATTR_mode, "DCR"), "CRD") == 0)
        build_blocks(builder, (const int64_t[]){x[0], depth, block, block, x[2], x[3]}, (const int[]){0, 1, 4, 2, 5, 3});
    else
        build_blocks(builder, (const int64_t[]){x[0], block, block, depth, x[2], x[3]}, (const int[]){0, 3, 4, 1, 5, 2});
}

static void space_to_depth_build(Builder *builder)
{
    const Node *node = builder->node;
    const int64_t *x = node->inputs[0]->shape.dims, block = node_int(node, ATTR_blocksize, 1);
    build_blocks(builder, (const int64_t[]){x[0], x[1], x[2] / block, block, x[3] / block, block}, (const int[]){0, 3, 5, 1, 2, 4});
}

const Family family_same_bytes = {NULL, same_bytes_build};
const Family family_transpose = {NULL, transpose_build};
const Family family_slice = {NULL, slice_build};
const Family family_expand = {NULL, expand_build};
const Family family_tile = {NULL, tile_build};
const Family family_concat = {NULL, concat_build};
const Family family_split = {NULL, split_build};
const Family family_depth_to_space = {NULL, depth_to_space_build};
const Family family_space_to_depth = {NULL, space_to_depth_build};
