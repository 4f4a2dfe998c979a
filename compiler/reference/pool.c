/* Poolings: up to three spatial axes; the global ones see all spatial axes as one. */
#include "internal.h"
#include "window.h"

extern const char reference_text_max_pool[], reference_text_average_pool[];
#include "text/prelude.h"

#define EACH EACH_REAL | EACH_SIGNED | EACH_UNSIGNED
#define NAME JOIN(ref_max_pool_, SUFFIX)
#define TEXT "text/max_pool.h"
#include "each.h"
#define EACH EACH_REAL
#define NAME JOIN(ref_average_pool_, SUFFIX)
#define TEXT "text/average_pool.h"
#include "each.h"

static const Template max_pool = {"ref_max_pool", reference_text_max_pool, {RUNS_NUMBER(ref_max_pool)}};
static const Template average_pool = {"ref_average_pool", reference_text_average_pool, {RUNS_REAL(ref_average_pool)}};

static const char *max_pool_refuses(const Node *node)
{
    const char *why = template_refuses(&max_pool, node->inputs[0]->type);
    return why ? why : window_refuses(node);
}

static const char *average_pool_refuses(const Node *node)
{
    const char *why = template_refuses(&average_pool, node->inputs[0]->type);
    return why ? why : window_refuses(node);
}

static void max_pool_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int count = x->rank - 2, given;
    int64_t told[MAX_RANK];
    instance_of(builder, &max_pool, node->inputs[0]->type);
    build_window(builder, node_ints(node, ATTR_kernel_shape, &given));
    bool column_major = node_int(node, ATTR_storage_order, 0) == 1;
    for (int i = 0; i < count; i++)
        told[i] = column_major ? build_product(x->dims + 2, i) : build_inner(x, 2 + i);
    build_window_ints(builder, "strides in the places told", told, count, 0);
}

static void average_pool_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int count = x->rank - 2, given;
    int64_t padded[MAX_RANK];
    instance_of(builder, &average_pool, node->inputs[0]->type);
    build_window(builder, node_ints(node, ATTR_kernel_shape, &given));
    const int64_t *pads = node_ints(node, ATTR_pads, &given);
    for (int i = 0; i < count; i++)
        padded[i] = x->dims[2 + i] + pads[count + i];
    build_window_ints(builder, "size with pads behind", padded, count, 1);
    build_int(builder, "padding counts", node_int(node, ATTR_count_include_pad, 0));
}

/* ---- global ---- */

static const char *global_max_refuses(const Node *node)
{
    return template_refuses(&max_pool, node->inputs[0]->type);
}

static const char *global_average_refuses(const Node *node)
{
    return template_refuses(&average_pool, node->inputs[0]->type);
}

static void build_global(Builder *builder, const Template *template)
{
    const Shape *x = &builder->node->inputs[0]->shape;
    const int64_t size = build_product(x->dims + 2, x->rank - 2), one = 1, zero = 0;
    instance_of(builder, template, builder->node->inputs[0]->type);
    build_window_ints(builder, "size of x", &size, 1, 1);
    build_window_ints(builder, "size of the result", &one, 1, 1);
    build_window_ints(builder, "kernel", &size, 1, 1);
    build_window_ints(builder, "strides", &one, 1, 1);
    build_window_ints(builder, "dilations", &one, 1, 1);
    build_window_ints(builder, "pads in front", &zero, 1, 0);
    builder->items = x->dims[0] * x->dims[1];
    builder->contiguous = true;
}

static void global_max_build(Builder *builder)
{
    const int64_t one = 1;
    build_global(builder, &max_pool);
    build_window_ints(builder, "strides in the places told", &one, 1, 0);
}

static void global_average_build(Builder *builder)
{
    const Shape *x = &builder->node->inputs[0]->shape;
    const int64_t size = build_product(x->dims + 2, x->rank - 2);
    build_global(builder, &average_pool);
    build_window_ints(builder, "size with pads behind", &size, 1, 1);
    build_int(builder, "padding counts", 0);
}

const Family family_max_pool = {max_pool_refuses, max_pool_build};
const Family family_average_pool = {average_pool_refuses, average_pool_build};
const Family family_global_max_pool = {global_max_refuses, global_max_build};
const Family family_global_average_pool = {global_average_refuses, global_average_build};
