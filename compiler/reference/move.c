/* Operators that only move elements, but whose places strides alone cannot tell: Where, Gather, Pad. By the size of elements. */
#include "internal.h"

#include <string.h>

extern const char reference_text_where[], reference_text_gather[], reference_text_pad[];
#include "text/prelude.h"

#define EACH EACH_UNSIGNED
#define NAME JOIN(ref_where_, SUFFIX)
#define TEXT "text/where.h"
#include "each.h"
#define EACH EACH_UNSIGNED
#define NAME JOIN(ref_pad_, SUFFIX)
#define TEXT "text/pad.h"
#include "each.h"
#define I int32_t
#define EACH EACH_UNSIGNED
#define NAME JOIN(ref_gather_i32_, SUFFIX)
#define TEXT "text/gather.h"
#include "each.h"
#undef I
#define I int64_t
#define EACH EACH_UNSIGNED
#define NAME JOIN(ref_gather_i64_, SUFFIX)
#define TEXT "text/gather.h"
#include "each.h"
#undef I

static const Template where = {"ref_where", reference_text_where, {RUNS_UNSIGNED(ref_where)}};
static const Template pad = {"ref_pad", reference_text_pad, {RUNS_UNSIGNED(ref_pad)}};
static const Template gather_i32 = {"ref_gather_i32", reference_text_gather, {RUNS_UNSIGNED(ref_gather_i32)}};
static const Template gather_i64 = {"ref_gather_i64", reference_text_gather, {RUNS_UNSIGNED(ref_gather_i64)}};

static void where_build(Builder *builder)
{
    const Shape *y = build_result(builder);
    int64_t strides[3][MAX_RANK];
    Box box = {0};
    for (int i = 0; i < 3; i++)
        box_broadcast(&builder->node->inputs[i]->shape, y, strides[i]);
    for (int i = 0; i < y->rank; i++)
        box_axis(&box, y->dims[i], strides[0][i], strides[1][i], strides[2][i]);
    box_merge(&box);
    instance_of(builder, &where, template_size(builder->node->inputs[1]->type));
    build_int(builder, "axes", box.rank);
    build_ints(builder, "sizes", box.dims, box.rank);
    build_ints(builder, "strides of the condition", box.strides[0], box.rank);
    build_ints(builder, "strides of the second", box.strides[1], box.rank);
    build_ints(builder, "strides of the third", box.strides[2], box.rank);
    build_elements(builder, false);
}

static const char *gather_refuses(const Node *node)
{
    Type index = node->inputs[1]->type;
    return index == TYPE_I32 || index == TYPE_I64 ? NULL : "indices of a type other than i32 and i64";
}

static void gather_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int axis = (int)node_int(node, ATTR_axis, 0);
    bool wide = node->inputs[1]->type == TYPE_I64;
    instance_define(builder, "I", wide ? "int64_t" : "int32_t");
    instance_of(builder, wide ? &gather_i64 : &gather_i32, template_size(node->inputs[0]->type));
    build_int(builder, "slices", x->dims[axis]);
    build_int(builder, "elements of a slice", build_inner(x, axis));
    build_int(builder, "numbers in the index", shape_count(&node->inputs[1]->shape));
    build_elements(builder, false);
}

/* Places are computed in 64 bits: no honest padding comes near this. */
static const char *pad_refuses(const Node *node)
{
    const int64_t limit = (int64_t)1 << 40;
    int count;
    const int64_t *pads = node_ints(node, ATTR_pads, &count);
    for (int i = 0; i < count; i++)
        if (pads[i] >= limit || pads[i] <= -limit)
            return "padding of 2^40 elements and more";
    return NULL;
}

static int64_t pad_mode(const Node *node)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const char *mode = node_word(node, ATTR_mode, modes[0]);
    for (int i = 0; i < COUNT(modes); i++)
        if (strcmp(mode, modes[i]) == 0)
            return i;
    return 0;
}

static void pad_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *y = build_result(builder), *x = &node->inputs[0]->shape;
    const Shape scalar = {1, {1}};
    int64_t strides[MAX_RANK], zero = 0;
    int count;
    const int64_t *front = node_ints(node, ATTR_pads, &count);
    if (x->rank == 0) {
        x = y = &scalar;
        front = &zero;
    }
    shape_strides(x, strides);
    instance_of(builder, &pad, template_size(node->inputs[0]->type));
    build_int(builder, "axes", x->rank);
    build_int(builder, "mode", pad_mode(node));
    build_ints(builder, "sizes", y->dims, y->rank);
    build_ints(builder, "sizes of x", x->dims, x->rank);
    build_ints(builder, "strides in x", strides, x->rank);
    build_ints(builder, "pads in front", front, x->rank);
    build_elements(builder, false);
}

const Family family_where = {NULL, where_build};
const Family family_gather = {gather_refuses, gather_build};
const Family family_pad = {pad_refuses, pad_build};
