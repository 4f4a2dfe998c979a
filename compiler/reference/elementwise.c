/* Elementwise operators, by the rows of elementwise.inc, and Clip. What is pasted has the row's expression in its loop; what is compiled in
   has one loop a type that calls the row's function, so that there are not as many loops as rows times types. */
#include "internal.h"

#include <string.h>

extern const char reference_text_unary[], reference_text_binary[], reference_text_clip[];
#include "text/prelude.h"

/* ---- a function a row and class ---- */

#define NONE 0
#define UNUSED ((void)a, (void)b, (void)p, (void)q, (void)bits)
#define UNARY(name, types, result, real, integer, ...) FUNCTION(name, real, integer)
#define BINARY(name, types, result, real, integer) FUNCTION(name, real, integer)

typedef double RealFunction(double a, double b, double p, double q, unsigned bits);
#define FUNCTION(name, real, integer) \
    static double REAL_##name(double a, double b, double p, double q, unsigned bits) { return UNUSED, (double)(real); }
#include "compiler/graph/elementwise.inc"
#undef FUNCTION

#define BITS bits
typedef int64_t SignedFunction(int64_t a, int64_t b, double p, double q, unsigned bits);
#define W int64_t
#define NEGATIVE(v) NEGATIVE_SIGNED(v)
#define SATURATE(v) SATURATE_SIGNED(v)
#define FUNCTION(name, real, integer) \
    static int64_t SIGNED_##name(int64_t a, int64_t b, double p, double q, unsigned bits) { return UNUSED, (int64_t)(integer); }
#include "compiler/graph/elementwise.inc"
#undef FUNCTION
#undef W
#undef NEGATIVE
#undef SATURATE

typedef uint64_t UnsignedFunction(uint64_t a, uint64_t b, double p, double q, unsigned bits);
#define W uint64_t
#define NEGATIVE(v) NEGATIVE_UNSIGNED(v)
#define SATURATE(v) SATURATE_UNSIGNED(v)
#define FUNCTION(name, real, integer) \
    static uint64_t UNSIGNED_##name(uint64_t a, uint64_t b, double p, double q, unsigned bits) { return UNUSED, (uint64_t)(integer); }
#include "compiler/graph/elementwise.inc"
#undef FUNCTION
#undef W
#undef NEGATIVE
#undef SATURATE
#undef UNARY
#undef BINARY

/* ---- a loop a type, for results of the same type and for bool ---- */

#define FUNCTION_REAL RealFunction
#define FUNCTION_SIGNED SignedFunction
#define FUNCTION_UNSIGNED UnsignedFunction
#define SCALAR JOIN(FUNCTION_, CLASS_OF(SUFFIX)) *scalar
#define EACH_NUMBER EACH_REAL | EACH_SIGNED | EACH_UNSIGNED

#define EXPRESSION scalar(a, 0, reals[0], reals[1], 8 * sizeof(T))
#define EACH EACH_NUMBER | EACH_BOOL
#define NAME(...) JOIN(UNARY_SAME_, SUFFIX)(SCALAR, __VA_ARGS__)
#define TEXT "text/unary.h"
#include "each.h"
#define EACH EACH_NUMBER | EACH_BOOL
#define NAME(...) JOIN(UNARY_BOOL_, SUFFIX)(SCALAR, __VA_ARGS__)
#define U uint8_t
#define TEXT "text/unary.h"
#include "each.h"
#undef EXPRESSION

#define EXPRESSION scalar(a, b, 0, 0, 8 * sizeof(T))
#define EACH EACH_NUMBER | EACH_BOOL
#define NAME(...) JOIN(BINARY_SAME_, SUFFIX)(SCALAR, __VA_ARGS__)
#define TEXT "text/binary.h"
#include "each.h"
#define EACH EACH_NUMBER | EACH_BOOL
#define NAME(...) JOIN(BINARY_BOOL_, SUFFIX)(SCALAR, __VA_ARGS__)
#define U uint8_t
#define TEXT "text/binary.h"
#include "each.h"
#undef EXPRESSION

/* ---- the two together: a function a row and type ---- */

#define RUN(name, loop, suffix) \
    static void JOIN(run_##name##_, suffix)(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end) \
    { \
        JOIN(loop, suffix)(JOIN(JOIN(CLASS_OF(suffix), _), name), p, r, in, out, begin, end); \
    }
#define UNARY(name, types, result, ...) RUN(name, UNARY_##result##_, SUFFIX)
#define BINARY(name, types, result, ...) RUN(name, BINARY_##result##_, SUFFIX)
#define EACH EACH_NUMBER | EACH_BOOL
#define NAME
#define TEXT "compiler/graph/elementwise.inc"
#include "each.h"
#undef UNARY
#undef BINARY

static ReferenceFunction *const runs[OP_COUNT][TYPE_COUNT] = {
#define UNARY(name, ...) [OP_##name] = {RUNS_NUMBER(run_##name), [TYPE_BOOL] = run_##name##_boolean},
#define BINARY(name, ...) [OP_##name] = {RUNS_NUMBER(run_##name), [TYPE_BOOL] = run_##name##_boolean},
#include "compiler/graph/elementwise.inc"
#undef UNARY
#undef BINARY
};

/* ---- building ---- */

static const char *expression_of(Op op, Type type)
{
    const OpInfo *info = op_info(op);
    unsigned class = type_class(type);
    return !(info->types & class) ? NULL : class == REALS ? info->real_expression : info->integer_expression;
}

static const char *elementwise_refuses(const Node *node)
{
    static const Template any = {0};
    Type type = node->inputs[0]->type;
    return runs[node->op][type] && expression_of(node->op, type) ? NULL : template_refuses(&any, type);
}

static void build_parameters(Builder *builder, const OpInfo *info)
{
    static const char *const names[] = {"p", "q"}, *const places[] = {"reals[0]", "reals[1]"};
    for (int i = 0; i < 2 && info->parameters[i] != ATTR__; i++) {
        instance_define(builder, names[i], places[i]);
        build_real(builder, attribute_text(info->parameters[i]), node_real(builder->node, info->parameters[i], 0));
    }
}

static void build_broadcast(Builder *builder)
{
    const Shape *y = build_result(builder);
    int64_t a[MAX_RANK], b[MAX_RANK];
    Box box = {0};
    box_broadcast(&builder->node->inputs[0]->shape, y, a);
    box_broadcast(&builder->node->inputs[1]->shape, y, b);
    for (int i = 0; i < y->rank; i++)
        box_axis(&box, y->dims[i], a[i], b[i], i + 1 < y->rank ? build_inner(y, i) : 1);
    box_merge(&box);
    build_int(builder, "axes", box.rank);
    build_box(builder, &box, (const char *const[]){"strides of the first", "strides of the second", NULL});
}

static void elementwise_build(Builder *builder)
{
    const Node *node = builder->node;
    const OpInfo *info = op_info(node->op);
    Type type = node->inputs[0]->type;
    bool unary = info->shape_class == CLASS_UNARY;
    instance_define(builder, "EXPRESSION", expression_of(node->op, type));
    if (info->result_bool)
        instance_define(builder, "U", "uint8_t");
    if (template_mentions(expression_of(node->op, type), "BITS"))
        instance_define(builder, "BITS", "8 * sizeof(T)");
    build_parameters(builder, info);
    instance_named(builder, arena_format(builder->arena, "ref_%s_%s", info->name, type_info(type)->name),
                   unary ? reference_text_unary : reference_text_binary, runs[node->op][type]);
    instance_define_typed(builder, type);
    if (!unary)
        build_broadcast(builder);
    bool same_type = !info->result_bool || type == TYPE_BOOL;
    build_elements(builder, same_type && shape_equal(&node->inputs[0]->shape, build_result(builder)));
}

const Family family_elementwise = {elementwise_refuses, elementwise_build};

/* ---- Clip ---- */

#define EACH EACH_NUMBER
#define NAME JOIN(ref_clip_, SUFFIX)
#define TEXT "text/clip.h"
#include "each.h"

static const Template clip = {"ref_clip", reference_text_clip, {RUNS_NUMBER(ref_clip)}};

static const char *clip_refuses(const Node *node)
{
    return template_refuses(&clip, node->inputs[0]->type);
}

static void clip_build(Builder *builder)
{
    instance_of(builder, &clip, builder->node->inputs[0]->type);
    build_elements(builder, true);
}

const Family family_clip = {clip_refuses, clip_build};
