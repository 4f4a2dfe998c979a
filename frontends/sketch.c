/* What little the frontend must know of values before inference: the ranks that old broadcasting asks for, the types of constants that take the
   place of attributes, and conditions of If that only constants and declared shapes determine. Everything may be unknown here. */
#include "frontends/importer.h"

Sketch sketch_of(const Importer *importer, const Value *value)
{
    if (!value)
        return (Sketch){TYPE_UNKNOWN, -1};
    if (value->known)
        return (Sketch){value->type, value->shape.rank};
    return value->id < importer->sketch_capacity ? importer->sketches[value->id] : (Sketch){TYPE_UNKNOWN, -1};
}

static void set_sketch(Importer *importer, const Value *value, Sketch sketch)
{
    int before = importer->sketch_capacity;
    while (value->id >= importer->sketch_capacity) {
        importer->sketches = arena_grow(importer->arena, importer->sketches, &importer->sketch_capacity, importer->sketch_capacity,
                                        sizeof *importer->sketches);
        for (; before < importer->sketch_capacity; before++)
            importer->sketches[before] = (Sketch){TYPE_UNKNOWN, -1};
    }
    importer->sketches[value->id] = sketch;
}

/* ---- ranks and types by operator; what is not here keeps the type and the rank of its first input ---- */

enum { RANK_SAME, RANK_NONE, RANK_TWO, RANK_ONE, RANK_ZERO, RANK_WIDEST, RANK_OPERAND, RANK_AXES };
enum { TYPE_SAME, TYPE_SECOND, TYPE_LAST, TYPE_TO, TYPE_INDEX, TYPE_TRUTH };

static const struct { unsigned char rank, type; } rules[OP_COUNT] = {
    [OP_Gemm] = {RANK_TWO, TYPE_SAME},
    [OP_MatMul] = {RANK_NONE, TYPE_SAME},
    [OP_Cast] = {RANK_SAME, TYPE_TO},
    [OP_CastLike] = {RANK_SAME, TYPE_SECOND},
    [OP_Where] = {RANK_WIDEST, TYPE_SECOND},
    [OP_Gather] = {RANK_NONE, TYPE_SAME},
    [OP_Reshape] = {RANK_OPERAND, TYPE_SAME},
    [OP_Flatten] = {RANK_TWO, TYPE_SAME},
    [OP_Squeeze] = {RANK_NONE, TYPE_SAME},
    [OP_Unsqueeze] = {RANK_AXES, TYPE_SAME},
    [OP_Expand] = {RANK_NONE, TYPE_SAME},
    [OP_Shape] = {RANK_ONE, TYPE_INDEX},
    [OP_Size] = {RANK_ZERO, TYPE_INDEX},
    [OP_ConstantOfShape] = {RANK_NONE, TYPE_SECOND},
    [OP_Range] = {RANK_ONE, TYPE_SAME},
    [OP_ReduceL1] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceL2] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceLogSum] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceLogSumExp] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceMax] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceMean] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceMin] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceProd] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceSum] = {RANK_NONE, TYPE_SAME},
    [OP_ReduceSumSquare] = {RANK_NONE, TYPE_SAME},
    [OP_ArgMax] = {RANK_NONE, TYPE_INDEX},
    [OP_ArgMin] = {RANK_NONE, TYPE_INDEX},
    [OP_QuantizeLinear] = {RANK_SAME, TYPE_LAST},
    [OP_DequantizeLinear] = {RANK_SAME, TYPE_SECOND},
};

static bool reduces(Op op)
{
    return op >= OP_ReduceL1 && op <= OP_ReduceSumSquare;
}

static int widest(const Importer *importer, const Node *node)
{
    int rank = 0;
    for (int i = 0; i < node->input_count; i++) {
        int one = sketch_of(importer, node->inputs[i]).rank;
        if (one < 0)
            return -1;
        rank = one > rank ? one : rank;
    }
    return rank;
}

/* The rank that a constant shape operand, or the attribute it became, gives. */
static int operand_rank(const Node *node)
{
    int count = 0;
    if (node_ints(node, ATTR_shape, &count))
        return count;
    const Value *shape = node->input_count > 1 ? node->inputs[1] : NULL;
    return shape && shape->known && shape->shape.rank == 1 && shape->shape.dims[0] <= MAX_RANK ? (int)shape->shape.dims[0] : -1;
}

static int axes_rank(const Node *node, int rank)
{
    int given = 0;
    const Value *axes = node->input_count > 1 ? node->inputs[1] : NULL;
    bool stated = node_ints(node, ATTR_axes, &given) != NULL;
    int64_t count = axes && axes->known ? shape_count(&axes->shape) : given;
    if (rank < 0 || count > MAX_RANK - rank || !(stated || (axes && axes->known)))
        return -1;
    return rank + (int)count;
}

static int rank_of(const Importer *importer, const Node *node)
{
    int rank = node->input_count > 0 ? sketch_of(importer, node->inputs[0]).rank : -1;
    if (reduces(node->op) && node_int(node, ATTR_keepdims, 1))
        return rank;
    if (op_info(node->op)->shape_class == CLASS_BINARY)
        return widest(importer, node);
    switch (rules[node->op].rank) {
    case RANK_SAME: return rank;
    case RANK_TWO: return 2;
    case RANK_ONE: return 1;
    case RANK_ZERO: return 0;
    case RANK_WIDEST: return widest(importer, node);
    case RANK_OPERAND: return operand_rank(node);
    case RANK_AXES: return axes_rank(node, rank);
    default: return -1;
    }
}

static Type type_of(const Importer *importer, const Node *node, int output)
{
    const Value *first = node->input_count > 0 ? node->inputs[0] : NULL, *second = node->input_count > 1 ? node->inputs[1] : NULL;
    if (op_info(node->op)->result_bool || (node->op == OP_Dropout && output == 1))
        return TYPE_BOOL;
    if (node->op == OP_MaxPool && output == 1)
        return TYPE_I64;
    switch (rules[node->op].type) {
    case TYPE_SAME: return sketch_of(importer, first).type;
    case TYPE_SECOND: return sketch_of(importer, second).type;
    case TYPE_LAST: return node->input_count > 2 ? sketch_of(importer, node->inputs[2]).type : TYPE_U8;
    case TYPE_TO: return (Type)node_int(node, ATTR_to, TYPE_UNKNOWN);
    default: return TYPE_I64;
    }
}

void sketch_node(Importer *importer, const Node *node)
{
    int rank = rank_of(importer, node);
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            set_sketch(importer, node->outputs[i], (Sketch){type_of(importer, node, i), rank});
}

/* ---- numbers that are known now ---- */

#define MOST_STEPS 12

static bool element(const Value *value, int64_t index, double *number)
{
    if (!constant_readable(value))
        return false;
    *number = constant_real(value, index);
    return true;
}

static bool scalar(const Value *value, int steps, double *number);

/* Gather of one dimension out of a known shape, or of one element out of a constant. */
static bool gathered(const Node *node, int steps, double *number)
{
    const Value *data = node->inputs[0];
    double index;
    if (!scalar(node->inputs[1], steps, &index))
        return false;
    const Node *shape = data->producer && data->producer->op == OP_Shape ? data->producer : NULL;
    const Value *seen = shape ? shape->inputs[0] : data;
    if (!seen->known || (shape && node_int(shape, ATTR_start, 0) != 0) || (shape && node_has(shape, ATTR_end)) ||
        (!shape && (!seen->data || seen->shape.rank != 1)))
        return false;
    double count = shape ? seen->shape.rank : (double)seen->shape.dims[0];
    index += index < 0 ? count : 0;
    if (!(index >= 0 && index < count))
        return false;
    if (!shape)
        return element(seen, (int64_t)index, number);
    *number = (double)seen->shape.dims[(int)index];
    return true;
}

static bool combined(const Node *node, int steps, double *number)
{
    double a, b;
    if (!scalar(node->inputs[0], steps, &a) || !scalar(node->inputs[1], steps, &b))
        return false;
    switch (node->op) {
    case OP_And: *number = a != 0 && b != 0; return true;
    case OP_Or: *number = a != 0 || b != 0; return true;
    case OP_Xor: *number = (a != 0) != (b != 0); return true;
    case OP_Equal: *number = a == b; return true;
    case OP_Greater: *number = a > b; return true;
    case OP_GreaterOrEqual: *number = a >= b; return true;
    case OP_Less: *number = a < b; return true;
    case OP_LessOrEqual: *number = a <= b; return true;
    case OP_Add: *number = a + b; return true;
    case OP_Sub: *number = a - b; return true;
    case OP_Mul: *number = a * b; return true;
    default: return false;
    }
}

static bool computed(const Node *node, int steps, double *number)
{
    switch (node->op) {
    case OP_Identity:
    case OP_Squeeze:
    case OP_Unsqueeze:
    case OP_Reshape: return scalar(node->inputs[0], steps, number);
    case OP_Cast: {
        const TypeInfo *info = type_info((Type)node_int(node, ATTR_to, TYPE_F64));
        bool known = scalar(node->inputs[0], steps, number);
        if (known && !info->real)
            *number = info->integer ? __builtin_trunc(*number) : *number != 0;
        return known;
    }
    case OP_Not:
        if (!scalar(node->inputs[0], steps, number))
            return false;
        *number = *number == 0;
        return true;
    case OP_Size:
        *number = node->inputs[0]->known ? (double)shape_count(&node->inputs[0]->shape) : 0;
        return node->inputs[0]->known;
    case OP_Gather: return gathered(node, steps, number);
    default: return op_info(node->op)->shape_class == CLASS_BINARY && combined(node, steps, number);
    }
}

static bool scalar(const Value *value, int steps, double *number)
{
    if (steps == 0)
        return false;
    if (value->data)
        return shape_count(&value->shape) == 1 && element(value, 0, number);
    return value->producer && computed(value->producer, steps - 1, number);
}

bool sketch_scalar(const Value *value, double *number)
{
    return scalar(value, MOST_STEPS, number);
}
