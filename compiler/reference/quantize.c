/* QuantizeLinear and DequantizeLinear. A scale belongs to the tensor, to a step of an axis, or to a block of steps.
   Whole types are those of up to 32 bits; scales have the type of the reals, float where none is real. */
#include "internal.h"

extern const char reference_text_quantize[], reference_text_dequantize[];
#include "text/prelude.h"

#define EACH_QUANTIZED EACH_SIGNED_32 | EACH_UNSIGNED_32
#define RUNS_QUANTIZED(stem) [TYPE_I8] = stem##_i8, [TYPE_I16] = stem##_i16, [TYPE_I32] = stem##_i32, [TYPE_U8] = stem##_u8, \
                             [TYPE_U16] = stem##_u16, [TYPE_U32] = stem##_u32

/* W is what is divided in: no more precise than other implementations, which decides ties. */
#define T float
#define S float
#define W float
#define U T_OF(SUFFIX)
#define NAME JOIN(ref_quantize_f32_, SUFFIX)
#define EACH EACH_QUANTIZED
#define TEXT "text/quantize.h"
#include "each.h"
#define T int32_t
#define W double
#define U T_OF(SUFFIX)
#define NAME JOIN(ref_quantize_i32_, SUFFIX)
#define EACH EACH_QUANTIZED
#define TEXT "text/quantize.h"
#include "each.h"
#define U float
#define NAME JOIN(ref_dequantize_f32_, SUFFIX)
#define EACH EACH_QUANTIZED
#define TEXT "text/dequantize.h"
#include "each.h"
#undef S
#define T double
#define S double
#define W double
#define U T_OF(SUFFIX)
#define NAME JOIN(ref_quantize_f64_, SUFFIX)
#define EACH EACH_QUANTIZED
#define TEXT "text/quantize.h"
#include "each.h"
#define U double
#define NAME JOIN(ref_dequantize_f64_, SUFFIX)
#define EACH EACH_QUANTIZED
#define TEXT "text/dequantize.h"
#include "each.h"
#undef S

/* Templates whose table goes by the whole type. */
static const Template quantize_f32 = {"ref_quantize_f32", reference_text_quantize, {RUNS_QUANTIZED(ref_quantize_f32)}};
static const Template quantize_i32 = {"ref_quantize_i32", reference_text_quantize, {RUNS_QUANTIZED(ref_quantize_i32)}};
static const Template quantize_f64 = {"ref_quantize_f64", reference_text_quantize, {RUNS_QUANTIZED(ref_quantize_f64)}};
static const Template dequantize_f32 = {"ref_dequantize_f32", reference_text_dequantize, {RUNS_QUANTIZED(ref_dequantize_f32)}};
static const Template dequantize_f64 = {"ref_dequantize_f64", reference_text_dequantize, {RUNS_QUANTIZED(ref_dequantize_f64)}};

static const struct { Type x, scale; const Template *template; const char *t, *s, *w; } quantizing[] = {
    {TYPE_F32, TYPE_F32, &quantize_f32, "float", "float", "float"},
    {TYPE_I32, TYPE_F32, &quantize_i32, "int32_t", "float", "double"},
    {TYPE_F64, TYPE_F64, &quantize_f64, "double", "double", "double"},
};

static int quantizing_of(const Node *node)
{
    for (int i = 0; i < COUNT(quantizing); i++)
        if (quantizing[i].x == node->inputs[0]->type && quantizing[i].scale == node->inputs[1]->type)
            return i;
    return -1;
}

static const char *quantize_refuses(const Node *node)
{
    int i = quantizing_of(node);
    if (i < 0)
        return "quantizing other than f32 or i32 by a scale of f32, or f64 by one of f64";
    return quantizing[i].template->runs[node->outputs[0]->type] ? NULL : "quantizing to 64 bits";
}

/* Where the scale of an element is: a stride for what is outside the axis, along it and within. */
static void build_places(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape, *scale = &node->inputs[1]->shape;
    int64_t block = node_int(node, ATTR_block_size, 0);
    int axis = (int)node_int(node, ATTR_axis, 0);
    bool single = block == 0 && shape_count(scale) == 1;
    int64_t inner = x->rank == 0 ? 1 : build_inner(x, axis), steps = x->rank == 0 ? 1 : x->dims[axis];
    build_int(builder, "elements within a step", inner);
    build_int(builder, "steps", steps);
    build_int(builder, "steps that share a scale", block == 0 ? 1 : block);
    build_int(builder, "strides of scales", block == 0 ? 0 : scale->dims[axis] * inner);
    build_int(builder, NULL, single ? 0 : block == 0 ? 1 : inner);
    build_int(builder, NULL, block == 0 ? 0 : 1);
    build_elements(builder, false);
}

static void quantize_build(Builder *builder)
{
    int i = quantizing_of(builder->node);
    instance_define(builder, "T", quantizing[i].t);
    instance_define(builder, "S", quantizing[i].s);
    instance_define(builder, "W", quantizing[i].w);
    instance_of(builder, quantizing[i].template, builder->node->outputs[0]->type);
    build_places(builder);
}

static const char *dequantize_refuses(const Node *node)
{
    Type scale = node->inputs[1]->type, to = node->outputs[0]->type;
    if (scale != to || (to != TYPE_F32 && to != TYPE_F64))
        return "dequantizing other than to f32 by a scale of f32, or f64 by one of f64";
    return dequantize_f32.runs[node->inputs[0]->type] ? NULL : "dequantizing from 64 bits";
}

static void dequantize_build(Builder *builder)
{
    bool wide = builder->node->outputs[0]->type == TYPE_F64;
    instance_define(builder, "S", wide ? "double" : "float");
    instance_define(builder, "U", wide ? "double" : "float");
    instance_of(builder, wide ? &dequantize_f64 : &dequantize_f32, builder->node->inputs[0]->type);
    build_places(builder);
}

const Family family_quantize = {quantize_refuses, quantize_build};
const Family family_dequantize = {dequantize_refuses, dequantize_build};
