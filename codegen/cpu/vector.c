/* f32 operators as expressions of the vector vocabulary: the one table for epilogues and for elementwise layers. What has no row is computed
   element by element in double, from the row of elementwise.inc. */
#include "codegen/cpu/cpu.h"

/* What an expression issues: multiply-adds, other arithmetic and how much of it are products, bounds, maxima and minima, divisions and roots. */
typedef struct VectorRow { Op op; int fma, other, products, bounds, extremes, divisions; const char *text; } VectorRow;

static const VectorRow rows[] = {
    {OP_Abs, 0, 1, 0, 0, 0, 0, "v_abs(a)"},
    {OP_Neg, 0, 1, 0, 0, 0, 0, "v_neg(a)"},
    {OP_Ceil, 0, 1, 0, 0, 0, 0, "v_ceil(a)"},
    {OP_Floor, 0, 1, 0, 0, 0, 0, "v_floor(a)"},
    {OP_Round, 0, 1, 0, 0, 0, 0, "v_round(a)"},
    {OP_Sqrt, 0, 0, 0, 0, 0, 1, "v_sqrt(a)"},
    {OP_Exp, 8, 15, 5, 2, 0, 0, "v_exp(a)"},
    {OP_Log, 6, 40, 9, 0, 0, 1, "v_log(a)"},
    {OP_Tanh, 9, 15, 3, 2, 0, 1, "v_tanh(a)"},
    {OP_Reciprocal, 0, 0, 0, 0, 0, 1, "v_div(v_set1(1.0f), a)"},
    {OP_Relu, 0, 0, 0, 1, 0, 0, "v_relu(a)"},
    {OP_Sigmoid, 8, 20, 5, 2, 0, 1, "v_sigmoid(a)"},
    {OP_HardSigmoid, 1, 0, 0, 2, 0, 0, "v_unit(v_fma(p, a, q))"},
    {OP_HardSwish, 1, 1, 1, 2, 0, 0, "v_mul(a, v_unit(v_fma(a, v_set1(0x1.555556p-3f), v_set1(0.5f))))"},
    {OP_Swish, 8, 22, 7, 2, 0, 1, "v_mul(a, v_sigmoid(v_mul(p, a)))"},
    {OP_GeluTanh, 10, 21, 8, 2, 0, 1,
     "v_mul(v_mul(v_set1(0.5f), a), v_add(v_set1(1.0f), "
     "v_tanh(v_mul(v_set1(0x1.988454p-1f), v_fma(v_mul(v_mul(v_set1(0x1.6e4e26p-5f), a), a), a, a)))))"},
    {OP_Erf, 21, 23, 6, 3, 0, 0, "v_erf(a)"},
    {OP_Gelu, 21, 27, 9, 3, 0, 0, "v_mul(v_mul(v_set1(0.5f), a), v_add(v_set1(1.0f), v_erf(v_mul(a, v_set1(0x1.6a09e6p-1f)))))"},
    {OP_Softsign, 0, 2, 0, 0, 0, 1, "v_div(a, v_add(v_set1(1.0f), v_abs(a)))"},
    {OP_Elu, 9, 12, 3, 2, 0, 0, "v_select(v_less(a, v_zero()), v_mul(p, v_expm1(a)), a)"},
    {OP_Celu, 9, 12, 3, 2, 0, 1, "v_select(v_less(a, v_zero()), v_mul(p, v_expm1(v_div(a, p))), a)"},
    {OP_Selu, 9, 13, 4, 2, 0, 0, "v_mul(q, v_select(v_less(a, v_zero()), v_mul(p, v_expm1(a)), a))"},
    {OP_LeakyRelu, 0, 3, 1, 0, 0, 0, "v_select(v_less(a, v_zero()), v_mul(p, a), a)"},
    {OP_ThresholdedRelu, 0, 2, 0, 0, 0, 0, "v_select(v_less(p, a), a, v_zero())"},
    {OP_Shrink, 0, 7, 0, 0, 0, 0, "v_select(v_less(a, v_neg(p)), v_add(a, q), v_select(v_less(p, a), v_sub(a, q), v_zero()))"},
    {OP_Add, 0, 1, 0, 0, 0, 0, "v_add(a, b)"},
    {OP_Sub, 0, 1, 0, 0, 0, 0, "v_sub(a, b)"},
    {OP_Mul, 0, 1, 1, 0, 0, 0, "v_mul(a, b)"},
    {OP_Div, 0, 0, 0, 0, 0, 1, "v_div(a, b)"},
    {OP_Max, 0, 0, 0, 0, 1, 0, "v_max(a, b)"},
    {OP_Min, 0, 0, 0, 0, 1, 0, "v_min(a, b)"},
    {OP_BatchNormalization, 1, 0, 0, 0, 0, 0, "v_fma(a, b, s)"},
    {OP_PRelu, 0, 3, 1, 0, 0, 0, "v_select(v_less(a, v_zero()), v_mul(a, b), a)"},
};

static const VectorRow *row_of(Op op)
{
    for (int i = 0; i < COUNT(rows); i++)
        if (rows[i].op == op)
            return &rows[i];
    return NULL;
}

const char *vector_expression(Op op)
{
    const VectorRow *row = row_of(op);
    return row ? row->text : NULL;
}

void meter_expression(Meter *meter, Op op)
{
    const VectorRow *row = row_of(op);
    if (row == NULL)
        return;
    meter_fma(meter, row->fma);
    meter_times(meter, row->products);
    meter_vector(meter, row->other - row->products);
    meter_bound(meter, row->bounds);
    meter_extreme(meter, row->extremes);
    meter_divide(meter, row->divisions);
}

void vector_parameters(const Emission *emission, const Node *node, bool as_double)
{
    const OpInfo *info = op_info(node->op);
    for (int i = 0; i < 2; i++) {
        if (info->parameters[i] == ATTR__)
            continue;
        const double value = node_real(node, info->parameters[i], 0);
        const char *text = out_float(emission->arena, value, as_double ? TYPE_F64 : TYPE_F32);
        if (as_double)
            out_line(emission->out, "const double %c = %s;", "pq"[i], text);
        else
            out_line(emission->out, "const v_float %c = v_set1(%s);", "pq"[i], text);
    }
}

static bool operand_f32(const Value *value)
{
    return value == NULL || (value->type == TYPE_F32 && shape_count(&value->shape) > 0);
}

bool problem_vector(const Problem *problem)
{
    const Node *node = problem->node;
    bool fits = problem->target->isa.vocabulary != NULL && node->output_count > 0 && node->outputs[0] != NULL;
    for (int i = 0; i < node->input_count; i++)
        fits = fits && operand_f32(node->inputs[i]);
    for (int i = 0; i < node->output_count; i++)
        fits = fits && operand_f32(node->outputs[i]);
    return fits && epilogue_fits(node);
}

int problem_lanes(const Problem *problem)
{
    return problem->target->isa.vector_bytes / (int)sizeof(float);
}
