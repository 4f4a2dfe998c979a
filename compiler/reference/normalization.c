/* Normalisations and Softmax. */
#include "internal.h"

extern const char reference_text_batch_normalization[], reference_text_lrn[], reference_text_instance_normalization[];
extern const char reference_text_layer_normalization[], reference_text_softmax[];
#include "text/prelude.h"

#define EACH EACH_REAL
#define NAME JOIN(ref_batch_normalization_, SUFFIX)
#define TEXT "text/batch_normalization.h"
#include "each.h"
#define EACH EACH_REAL
#define NAME JOIN(ref_lrn_, SUFFIX)
#define TEXT "text/lrn.h"
#include "each.h"
#define EACH EACH_REAL
#define NAME JOIN(ref_instance_normalization_, SUFFIX)
#define TEXT "text/instance_normalization.h"
#include "each.h"
#define EACH EACH_REAL
#define NAME JOIN(ref_layer_normalization_, SUFFIX)
#define TEXT "text/layer_normalization.h"
#include "each.h"

#define SOFTMAX_RESULT __builtin_exp(distance) / sum
#define LOG_SOFTMAX_RESULT distance - __builtin_log(sum)
#define RESULT SOFTMAX_RESULT
#define EACH EACH_REAL
#define NAME JOIN(ref_softmax_, SUFFIX)
#define TEXT "text/softmax.h"
#include "each.h"
#undef RESULT
#define RESULT LOG_SOFTMAX_RESULT
#define EACH EACH_REAL
#define NAME JOIN(ref_log_softmax_, SUFFIX)
#define TEXT "text/softmax.h"
#include "each.h"
#undef RESULT

static const Template batch_normalization = {"ref_batch_normalization", reference_text_batch_normalization, {RUNS_REAL(ref_batch_normalization)}};
static const Template lrn = {"ref_lrn", reference_text_lrn, {RUNS_REAL(ref_lrn)}};
static const Template instance_normalization = {"ref_instance_normalization", reference_text_instance_normalization,
                                                {RUNS_REAL(ref_instance_normalization)}};
static const Template layer_normalization = {"ref_layer_normalization", reference_text_layer_normalization, {RUNS_REAL(ref_layer_normalization)}};
static const Template softmax = {"ref_softmax", reference_text_softmax, {RUNS_REAL(ref_softmax)}};
static const Template log_softmax = {"ref_log_softmax", reference_text_softmax, {RUNS_REAL(ref_log_softmax)}};

/* All of these work on the same types. */
static const char *refuses(const Node *node)
{
    return template_refuses(&softmax, node->inputs[0]->type);
}

static void batch_normalization_build(Builder *builder)
{
    const Shape *x = &builder->node->inputs[0]->shape, *scale = &builder->node->inputs[1]->shape;
    instance_of(builder, &batch_normalization, builder->node->inputs[0]->type);
    build_int(builder, "channels", shape_count(scale));
    build_int(builder, "elements of a channel", x->rank > 1 && scale->rank == 1 ? build_inner(x, 1) : 1);
    build_real(builder, "epsilon", node_real(builder->node, ATTR_epsilon, 1e-5));
    build_elements(builder, true);
}

static void lrn_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int64_t size = node_int(node, ATTR_size, 1);
    instance_of(builder, &lrn, node->inputs[0]->type);
    build_int(builder, "channels", x->dims[1]);
    build_int(builder, "elements of a channel", build_inner(x, 1));
    build_int(builder, "neighbours in front", (size - 1) / 2);
    build_int(builder, "neighbours behind", size / 2);
    build_real(builder, "alpha / size", node_real(node, ATTR_alpha, 1e-4) / (double)size);
    build_real(builder, "beta", node_real(node, ATTR_beta, 0.75));
    build_real(builder, "bias", node_real(node, ATTR_bias, 1));
    build_elements(builder, false);
}

static void instance_normalization_build(Builder *builder)
{
    const Shape *x = &builder->node->inputs[0]->shape;
    instance_of(builder, &instance_normalization, builder->node->inputs[0]->type);
    build_int(builder, "channels", x->dims[1]);
    build_int(builder, "elements of a channel", build_inner(x, 1));
    build_real(builder, "epsilon", node_real(builder->node, ATTR_epsilon, 1e-5));
    build_elements(builder, true);
    builder->items = x->dims[0] * x->dims[1];
}

static void layer_normalization_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int axis = (int)node_int(node, ATTR_axis, 0);
    Shape row = {.rank = x->rank - axis};
    int64_t scale[MAX_RANK], bias[MAX_RANK] = {0};
    Box box = {0};
    for (int i = 0; i < row.rank; i++)
        row.dims[i] = x->dims[axis + i];
    box_broadcast(&node->inputs[1]->shape, &row, scale);
    if (build_input(builder, 2))
        box_broadcast(&build_input(builder, 2)->shape, &row, bias);
    for (int i = 0; i < row.rank; i++)
        box_axis(&box, row.dims[i], scale[i], bias[i], 0);
    box_merge(&box);
    instance_of(builder, &layer_normalization, node->inputs[0]->type);
    build_int(builder, "elements of a row", shape_count(&row));
    build_int(builder, "axes of a row", box.rank);
    build_box(builder, &box, (const char *const[]){"strides in scale", "strides in bias", NULL});
    build_real(builder, "epsilon", node_real(node, ATTR_epsilon, 1e-5));
    builder->items = build_product(x->dims, axis);
    builder->contiguous = builder->in_place = true;
}

/* flatten: everything from axis on is one line. */
static void build_softmax(Builder *builder, const Template *template, const char *result)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int axis = (int)node_int(node, ATTR_axis, 0);
    bool flatten = node_int(node, ATTR_flatten, 0) != 0;
    int64_t inner = flatten || x->rank == 0 ? 1 : build_inner(x, axis);
    instance_define(builder, "RESULT", result);
    instance_of(builder, template, node->inputs[0]->type);
    build_int(builder, "size of the axis", flatten ? build_product(x->dims + axis, x->rank - axis) : x->rank == 0 ? 1 : x->dims[axis]);
    build_int(builder, "stride of the axis", inner);
    builder->items = x->rank == 0 ? 1 : build_product(x->dims, axis) * inner;
    builder->contiguous = inner == 1;
    builder->in_place = true;
}

static void softmax_build(Builder *builder)
{
    build_softmax(builder, &softmax, STRING(SOFTMAX_RESULT));
}

static void log_softmax_build(Builder *builder)
{
    build_softmax(builder, &log_softmax, STRING(LOG_SOFTMAX_RESULT));
}

const Family family_batch_normalization = {refuses, batch_normalization_build};
const Family family_lrn = {refuses, lrn_build};
const Family family_instance_normalization = {refuses, instance_normalization_build};
const Family family_layer_normalization = {refuses, layer_normalization_build};
const Family family_softmax = {refuses, softmax_build};
const Family family_log_softmax = {refuses, log_softmax_build};
