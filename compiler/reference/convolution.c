/* Conv and ConvTranspose: up to three spatial axes, fewer ones filled with axes of one element in front. */
#include "window.h"

extern const char reference_text_conv[], reference_text_conv_transpose[];
#include "text/prelude.h"

#define EACH EACH_REAL
#define NAME JOIN(ref_conv_, SUFFIX)
#define TEXT "text/conv.h"
#include "each.h"
#define EACH EACH_REAL
#define NAME JOIN(ref_conv_transpose_, SUFFIX)
#define TEXT "text/conv_transpose.h"
#include "each.h"

/* The same with absolute values, for bounds. */
#define EACH EACH_REAL
#define NAME JOIN(magnitude_conv_, SUFFIX)
#define LOAD(v) __builtin_fabs((double)(v))
#define U double
#define TEXT "text/conv.h"
#include "each.h"
#define EACH EACH_REAL
#define NAME JOIN(magnitude_conv_transpose_, SUFFIX)
#define LOAD(v) __builtin_fabs((double)(v))
#define U double
#define TEXT "text/conv_transpose.h"
#include "each.h"

static const Template conv = {"ref_conv", reference_text_conv, {RUNS_REAL(ref_conv)}};
static const Template conv_transpose = {"ref_conv_transpose", reference_text_conv_transpose, {RUNS_REAL(ref_conv_transpose)}};
const MagnitudeRuns magnitude_conv = {magnitude_conv_f32, magnitude_conv_f64};
const MagnitudeRuns magnitude_conv_transpose = {magnitude_conv_transpose_f32, magnitude_conv_transpose_f64};

static bool all_below(const Node *node, AttributeName name, int64_t limit)
{
    int count;
    const int64_t *values = node_ints(node, name, &count);
    for (int i = 0; i < count; i++)
        if (values[i] >= limit)
            return false;
    return true;
}

/* Places are computed in 64 bits: no honest window comes near this. */
const char *window_refuses(const Node *node)
{
    const int64_t limit = (int64_t)1 << 31;
    bool fits = all_below(node, ATTR_kernel_shape, limit) && all_below(node, ATTR_strides, limit) && all_below(node, ATTR_dilations, limit) &&
                all_below(node, ATTR_pads, limit);
    return fits ? NULL : "windows of 2^31 elements and more";
}

void build_window_ints(Builder *builder, const char *name, const int64_t *values, int count, int64_t filling)
{
    for (int i = count; i < 3; i++)
        build_int(builder, i == count ? name : NULL, filling);
    build_ints(builder, count < 3 ? NULL : name, values, count);
}

void build_window(Builder *builder, const int64_t *kernel)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape, *y = build_result(builder);
    int count = x->rank - 2, given;
    build_window_ints(builder, "size of x", x->dims + 2, count, 1);
    build_window_ints(builder, "size of the result", y->dims + 2, count, 1);
    build_window_ints(builder, "kernel", kernel, count, 1);
    build_window_ints(builder, "strides", node_ints(node, ATTR_strides, &given), count, 1);
    build_window_ints(builder, "dilations", node_ints(node, ATTR_dilations, &given), count, 1);
    build_window_ints(builder, "pads in front", node_ints(node, ATTR_pads, &given), count, 0);
    builder->items = build_product(y->dims, y->rank - 1);
    builder->contiguous = true;
}

static const char *conv_refuses(const Node *node)
{
    const char *why = template_refuses(&conv, node->inputs[0]->type);
    return why ? why : window_refuses(node);
}

static void conv_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *w = &node->inputs[1]->shape;
    instance_of(builder, &conv, node->inputs[0]->type);
    build_int(builder, "channels of a group", w->dims[1]);
    build_int(builder, "filters", w->dims[0]);
    build_int(builder, "filters of a group", w->dims[0] / node_int(node, ATTR_group, 1));
    build_window(builder, w->dims + 2);
}

static void conv_transpose_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *w = &node->inputs[1]->shape;
    int64_t group = node_int(node, ATTR_group, 1);
    instance_of(builder, &conv_transpose, node->inputs[0]->type);
    build_int(builder, "channels of a group", w->dims[0] / group);
    build_int(builder, "filters", w->dims[1] * group);
    build_int(builder, "filters of a group", w->dims[1]);
    build_window(builder, w->dims + 2);
}

const Family family_conv = {conv_refuses, conv_build};
const Family family_conv_transpose = {conv_refuses, conv_transpose_build};
