/* Reductions, by the rows of reduce.inc, and ArgMax and ArgMin. As in elementwise.c, what is compiled in has one loop a type and calls the
   row's functions; what is pasted has the row's expressions in its loop. */
#include "internal.h"

#include <string.h>

extern const char reference_text_reduce[], reference_text_arg[];
#include "text/prelude.h"

/* ---- the functions of a row; `whole` ones for each class of whole types ---- */

typedef struct RealSteps {
    double start;
    double (*step)(double s, double a), (*finish)(double s, int64_t n);
} RealSteps;

typedef struct SignedSteps {
    int64_t (*start)(int64_t lowest, int64_t highest), (*step)(int64_t s, int64_t a), (*finish)(int64_t s, int64_t n);
} SignedSteps;

typedef struct UnsignedSteps {
    uint64_t (*start)(uint64_t lowest, uint64_t highest), (*step)(uint64_t s, uint64_t a), (*finish)(uint64_t s, int64_t n);
} UnsignedSteps;

#define NONE 0
#define REDUCE(name, real_start, real_step, real_finish, start, step, finish) \
    static double real_step_##name(double s, double a) { return real_step; } \
    static double real_finish_##name(double s, int64_t n) { return (void)n, real_finish; } \
    static const RealSteps REAL_##name = {real_start, real_step_##name, real_finish_##name};
#include "reduce.inc"
#undef REDUCE

#define LOWEST lowest
#define HIGHEST highest
#define W int64_t
#define NEGATIVE(v) NEGATIVE_SIGNED(v)
#define REDUCE(name, real_start, real_step, real_finish, start, step, finish) \
    static int64_t signed_start_##name(int64_t lowest, int64_t highest) { return (void)lowest, (void)highest, start; } \
    static int64_t signed_step_##name(int64_t s, int64_t a) { return (void)s, (void)a, step; } \
    static int64_t signed_finish_##name(int64_t s, int64_t n) { return (void)s, (void)n, finish; } \
    static const SignedSteps SIGNED_##name = {signed_start_##name, signed_step_##name, signed_finish_##name};
#include "reduce.inc"
#undef REDUCE
#undef W
#undef NEGATIVE

#define W uint64_t
#define NEGATIVE(v) NEGATIVE_UNSIGNED(v)
#define REDUCE(name, real_start, real_step, real_finish, start, step, finish) \
    static uint64_t unsigned_start_##name(uint64_t lowest, uint64_t highest) { return (void)lowest, (void)highest, start; } \
    static uint64_t unsigned_step_##name(uint64_t s, uint64_t a) { return (void)s, (void)a, step; } \
    static uint64_t unsigned_finish_##name(uint64_t s, int64_t n) { return (void)s, (void)n, finish; } \
    static const UnsignedSteps UNSIGNED_##name = {unsigned_start_##name, unsigned_step_##name, unsigned_finish_##name};
#include "reduce.inc"
#undef REDUCE
#undef W
#undef NEGATIVE
#undef LOWEST
#undef HIGHEST

/* ---- a loop a type: for reals, for whole types as they are, for whole types as reals ---- */

#define EACH_WHOLE EACH_SIGNED | EACH_UNSIGNED | EACH_BOOL
#define STEP steps->step(s, a)
#define FINISH steps->finish(s, n)
#define START steps->start
#define EACH EACH_REAL
#define NAME(...) JOIN(reduce_, SUFFIX)(const RealSteps *steps, __VA_ARGS__)
#define TEXT "text/reduce.h"
#include "each.h"
#undef START

#define STEPS_SIGNED SignedSteps
#define STEPS_UNSIGNED UnsignedSteps
#define START steps->start((W)LOWEST, (W)HIGHEST)
#define EACH EACH_WHOLE
#define NAME(...) JOIN(reduce_, SUFFIX)(const JOIN(STEPS_, CLASS_OF(SUFFIX)) *steps, __VA_ARGS__)
#define TEXT "text/reduce.h"
#include "each.h"
#undef START
#undef FINISH

#define START steps->start
#define FINISH SATURATE(steps->finish(s, n))
#define W double
#define EACH EACH_WHOLE
#define NAME(...) JOIN(reduce_as_real_, SUFFIX)(const RealSteps *steps, __VA_ARGS__)
#define TEXT "text/reduce.h"
#include "each.h"
#undef START
#undef FINISH
#undef STEP

/* ---- the two together ---- */

#define RUN(name, loop, steps) \
    static void name(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end) \
    { \
        loop(&steps, p, r, in, out, begin, end); \
    }
#define REDUCE(name, ...) RUN(JOIN(run_##name##_, SUFFIX), JOIN(reduce_, SUFFIX), JOIN(JOIN(CLASS_OF(SUFFIX), _), name))
#define EACH EACH_REAL | EACH_WHOLE
#define NAME
#define TEXT "reduce.inc"
#include "each.h"
#undef REDUCE
#define REDUCE(name, ...) RUN(JOIN(run_as_real_##name##_, SUFFIX), JOIN(reduce_as_real_, SUFFIX), REAL_##name)
#define EACH EACH_WHOLE
#define NAME
#define TEXT "reduce.inc"
#include "each.h"
#undef REDUCE

#define RUNS_WHOLE(stem) RUNS_SIGNED(stem), RUNS_UNSIGNED(stem), [TYPE_BOOL] = stem##_boolean
static const struct {
    Op op;
    const char *start, *step, *finish, *whole_start, *whole_step, *whole_finish;
    ReferenceFunction *runs[TYPE_COUNT], *as_real[TYPE_COUNT];
} rows[] = {
#define REDUCE(name, start, step, finish, whole_start, whole_step, whole_finish) \
    {OP_##name, #start, #step, #finish, #whole_start, #whole_step, #whole_finish, {RUNS_REAL(run_##name), RUNS_WHOLE(run_##name)}, \
     {RUNS_WHOLE(run_as_real_##name)}},
#include "reduce.inc"
#undef REDUCE
};

static int row_of(Op op)
{
    int row = 0;
    while (rows[row].op != op)
        row++;
    return row;
}

/* ---- building ---- */

static const char *reduce_refuses(const Node *node)
{
    static const Template any = {0};
    Type type = node->inputs[0]->type;
    return rows[row_of(node->op)].runs[type] ? NULL : template_refuses(&any, type);
}

static void define_steps(Builder *builder, const char *start, const char *step, const char *finish)
{
    instance_define(builder, "START", start);
    instance_define(builder, "STEP", step);
    instance_define(builder, "FINISH", finish);
}

static void reduce_instance(Builder *builder, int row, Type type)
{
    const char *name = arena_format(builder->arena, "ref_%s_%s", op_info(rows[row].op)->name, type_info(type)->name);
    bool real = type_info(type)->real, as_real = !real && strcmp(rows[row].whole_start, "NONE") == 0;
    if (real)
        define_steps(builder, rows[row].start, rows[row].step, rows[row].finish);
    else if (as_real)
        define_steps(builder, rows[row].start, rows[row].step, arena_format(builder->arena, "SATURATE(%s)", rows[row].finish));
    else
        define_steps(builder, rows[row].whole_start, rows[row].whole_step, rows[row].whole_finish);
    if (as_real)
        instance_define(builder, "W", "double");
    instance_named(builder, name, reference_text_reduce, (as_real ? rows[row].as_real : rows[row].runs)[type]);
    instance_define_typed(builder, type);
}

static bool in_axes(const Node *node, int axis)
{
    int count;
    const int64_t *axes = node_ints(node, ATTR_axes, &count);
    for (int i = 0; i < count; i++)
        if (axes[i] == axis)
            return true;
    return false;
}

static void reduce_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int64_t strides[MAX_RANK];
    Box kept = {0}, reduced = {0};
    shape_strides(x, strides);
    for (int i = 0; i < x->rank; i++)
        box_axis(in_axes(node, i) ? &reduced : &kept, x->dims[i], strides[i], 0, 0);
    box_merge(&kept);
    box_merge(&reduced);
    reduce_instance(builder, row_of(node->op), node->inputs[0]->type);
    build_int(builder, "elements of a group", build_product(reduced.dims, reduced.rank));
    build_int(builder, "axes kept", kept.rank);
    build_int(builder, "axes reduced", reduced.rank);
    build_box(builder, &kept, (const char *const[]){"strides kept", NULL});
    build_box(builder, &reduced, (const char *const[]){"strides reduced", NULL});
    build_elements(builder, false);
}

const Family family_reduce = {reduce_refuses, reduce_build};

/* ---- ArgMax and ArgMin ---- */

#define LARGER_REAL(v, w) ((v) > (w) || ((v) != (v) && (w) == (w)))
#define SMALLER_REAL(v, w) ((v) < (w) || ((v) != (v) && (w) == (w)))
#define LARGER_SIGNED(v, w) ((v) > (w))
#define SMALLER_SIGNED(v, w) ((v) < (w))
#define LARGER_UNSIGNED(v, w) ((v) > (w))
#define SMALLER_UNSIGNED(v, w) ((v) < (w))

#define BETTER(v, w) JOIN(LARGER_, CLASS_OF(SUFFIX))(v, w)
#define EACH EACH_REAL | EACH_SIGNED | EACH_UNSIGNED
#define NAME JOIN(ref_arg_max_, SUFFIX)
#define TEXT "text/arg.h"
#include "each.h"
#undef BETTER
#define BETTER(v, w) JOIN(SMALLER_, CLASS_OF(SUFFIX))(v, w)
#define EACH EACH_REAL | EACH_SIGNED | EACH_UNSIGNED
#define NAME JOIN(ref_arg_min_, SUFFIX)
#define TEXT "text/arg.h"
#include "each.h"
#undef BETTER

static const Template arg_max = {"ref_arg_max", reference_text_arg, {RUNS_NUMBER(ref_arg_max)}};
static const Template arg_min = {"ref_arg_min", reference_text_arg, {RUNS_NUMBER(ref_arg_min)}};

static const char *arg_refuses(const Node *node)
{
    return template_refuses(&arg_max, node->inputs[0]->type);
}

static void build_arg(Builder *builder, const Template *template, const char *real, const char *whole)
{
    const Node *node = builder->node;
    const Shape *x = &node->inputs[0]->shape;
    int axis = (int)node_int(node, ATTR_axis, 0);
    instance_define(builder, "BETTER(v, w)", type_info(node->inputs[0]->type)->real ? real : whole);
    instance_of(builder, template, node->inputs[0]->type);
    build_int(builder, "size of the axis", x->rank == 0 ? 1 : x->dims[axis]);
    build_int(builder, "stride of the axis", x->rank == 0 ? 1 : build_inner(x, axis));
    build_int(builder, "last of equal ones", node_int(node, ATTR_select_last_index, 0));
    build_elements(builder, false);
}

static void arg_max_build(Builder *builder)
{
    build_arg(builder, &arg_max, STRING(LARGER_REAL(v, w)), STRING(LARGER_SIGNED(v, w)));
}

static void arg_min_build(Builder *builder)
{
    build_arg(builder, &arg_min, STRING(SMALLER_REAL(v, w)), STRING(SMALLER_SIGNED(v, w)));
}

const Family family_arg_max = {arg_refuses, arg_max_build};
const Family family_arg_min = {arg_refuses, arg_min_build};
