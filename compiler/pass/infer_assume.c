/* A shape operand that is an input of the graph: the declared shapes may leave only one value for it. It is then taken for a constant,
   and generated code checks it at run time (graph->assumed). What can be written in several ways, as a Reshape's -1, is accepted in all. */
#include "infer.h"

#include <string.h>

typedef struct Guess {
    const Node *node;
    int64_t *rows;           /* choices x count; row 0 is what the compiler takes */
    int64_t count;           /* numbers in the operand */
    int choices;
} Guess;

typedef bool Determine(Inference *inference, Guess *guess);

/* The shape that the model declares for a value: as a graph's output, or because what reads it keeps the shape and is one. */
static bool declared_shape(const Value *value, Shape *shape)
{
    for (int steps = 0; value && steps < 64; steps++) {
        if (value->output_index >= 0 && value->declared.rank >= 0) {
            *shape = value->declared;
            return true;
        }
        const Node *user = value->user_count > 0 ? value->users[0] : NULL;
        bool keeps = user && user->inputs[0] == value && (op_info(user->op)->shape_class == CLASS_UNARY || user->op == OP_Identity ||
                     user->op == OP_Cast || user->op == OP_Clip || user->op == OP_Softmax || user->op == OP_LogSoftmax);
        value = keeps ? user->outputs[0] : NULL;
    }
    return false;
}

static bool all_known(const Shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            return false;
    return true;
}

static bool declared_result(const Node *node, Shape *shape)
{
    return declared_shape(node->outputs[0], shape) && all_known(shape);
}

static int64_t *new_rows(Inference *inference, Guess *guess, int choices)
{
    guess->choices = choices;
    guess->rows = arena_array(inference->graph->ctx->scratch, int64_t, guess->count * choices);
    return guess->rows;
}

/* ---- one function an operator ---- */

/* One dimension that is not declared follows from the number of elements. */
static bool solve_dimension(const Shape *x, Shape *y)
{
    Wide product = 1;
    int open = -1;
    for (int i = 0; i < y->rank; i++) {
        if (y->dims[i] < 0 && open >= 0)
            return false;
        if (y->dims[i] < 0)
            open = i;
        else
            product *= y->dims[i];
        if (product > INT64_MAX)
            return false;
    }
    if (open < 0)
        return true;
    if (product == 0 || shape_count(x) % (int64_t)product != 0)
        return false;
    y->dims[open] = shape_count(x) / (int64_t)product;
    return true;
}

static bool determine_reshape(Inference *inference, Guess *guess)
{
    const Shape *x = &guess->node->inputs[0]->shape;
    Shape y;
    if (!declared_shape(guess->node->outputs[0], &y) || y.rank != guess->count || !solve_dimension(x, &y))
        return false;
    bool zero_copies = node_int(guess->node, ATTR_allowzero, 0) == 0;
    int64_t *rows = new_rows(inference, guess, 3);
    for (int i = 0; i < y.rank; i++) {
        rows[i] = y.dims[i];
        rows[guess->count + i] = -1;
        rows[2 * guess->count + i] = zero_copies && i < x->rank && x->dims[i] == y.dims[i] ? 0 : y.dims[i];
    }
    return true;
}

static bool determine_expand(Inference *inference, Guess *guess)
{
    const Shape *x = &guess->node->inputs[0]->shape;
    Shape y;
    if (!declared_result(guess->node, &y) || y.rank < guess->count || y.rank < x->rank || (y.rank > x->rank && y.rank > guess->count))
        return false;
    int64_t *rows = new_rows(inference, guess, 2);
    for (int i = 1; i <= guess->count; i++) {
        int64_t wanted = y.dims[y.rank - i], own = i <= x->rank ? x->dims[x->rank - i] : -1;
        rows[guess->count - i] = wanted;
        rows[2 * guess->count - i] = own == wanted ? 1 : wanted;
    }
    return true;
}

static bool determine_shape(Inference *inference, Guess *guess)
{
    Shape y;
    if (!declared_result(guess->node, &y) || y.rank != guess->count)
        return false;
    memcpy(new_rows(inference, guess, 1), y.dims, (size_t)y.rank * sizeof y.dims[0]);
    return true;
}

static bool determine_tile(Inference *inference, Guess *guess)
{
    const Shape *x = &guess->node->inputs[0]->shape;
    Shape y;
    if (!declared_result(guess->node, &y) || y.rank != guess->count || y.rank != x->rank)
        return false;
    int64_t *rows = new_rows(inference, guess, 1);
    for (int i = 0; i < y.rank; i++) {
        if (x->dims[i] == 0 || y.dims[i] % x->dims[i] != 0)
            return false;
        rows[i] = y.dims[i] / x->dims[i];
    }
    return true;
}

static bool determine_split(Inference *inference, Guess *guess)
{
    const Node *node = guess->node;
    const Shape *x = &node->inputs[0]->shape;
    int64_t axis = node_int(node, ATTR_axis, 0), left = 0;
    axis += axis < 0 ? x->rank : 0;
    if (axis < 0 || axis >= x->rank || node->output_count != guess->count)
        return false;
    int64_t *rows = new_rows(inference, guess, 1);
    int open = -1;
    left = x->dims[axis];
    for (int i = 0; i < node->output_count; i++) {
        Shape y;
        bool known = declared_shape(node->outputs[i], &y) && y.rank == x->rank && y.dims[axis] >= 0 && y.dims[axis] <= left;
        if (!known && open >= 0)
            return false;
        if (!known)
            open = i;
        else
            left -= y.dims[axis];
        rows[i] = known ? y.dims[axis] : 0;
    }
    if (open >= 0)
        rows[open] = left;
    return true;
}

static bool determine_sizes(Inference *inference, Guess *guess)
{
    int count, rank = guess->node->inputs[0]->shape.rank;
    const int64_t *axes = node_ints(guess->node, ATTR_axes, &count);
    Shape y;
    if (!declared_result(guess->node, &y) || y.rank != rank || guess->count != (axes ? count : rank) ||
        strcmp(node_word(guess->node, ATTR_keep_aspect_ratio_policy, "stretch"), "stretch") != 0)
        return false;
    int64_t *rows = new_rows(inference, guess, 1);
    for (int64_t i = 0; i < guess->count; i++) {
        int64_t axis = axes ? axes[i] + (axes[i] < 0 ? rank : 0) : i;
        if (axis < 0 || axis >= rank)
            return false;
        rows[i] = y.dims[axis];
    }
    return true;
}

/* ---- axes: every set of so many axes is tried ---- */

typedef bool Explains(const Node *node, const Shape *x, const Shape *y, unsigned set);

static int members(unsigned set)
{
    return __builtin_popcount(set);
}

/* y with the axes of `set` left out is x, and they are 1. */
static bool without(const Shape *y, const Shape *x, unsigned set)
{
    int next = 0;
    for (int i = 0; i < y->rank; i++)
        if (set >> i & 1 ? y->dims[i] != 1 : next >= x->rank || y->dims[i] != x->dims[next++])
            return false;
    return next == x->rank;
}

static bool explains_squeeze(const Node *node, const Shape *x, const Shape *y, unsigned set)
{
    (void)node;
    return without(x, y, set);
}

static bool explains_unsqueeze(const Node *node, const Shape *x, const Shape *y, unsigned set)
{
    (void)node;
    return without(y, x, set);
}

static bool explains_reduction(const Node *node, const Shape *x, const Shape *y, unsigned set)
{
    bool keep = node_int(node, ATTR_keepdims, 1) != 0;
    int next = 0;
    for (int i = 0; i < x->rank; i++) {
        bool gone = set >> i & 1;
        if (gone && !keep)
            continue;
        if (next >= y->rank || y->dims[next++] != (gone ? 1 : x->dims[i]))
            return false;
    }
    return next == y->rank;
}

static unsigned unit_axes(const Shape *shape)
{
    unsigned set = 0;
    for (int i = 0; i < shape->rank; i++)
        set |= shape->dims[i] == 1 ? 1u << i : 0;
    return set;
}

static void axis_rows(Inference *inference, Guess *guess, unsigned first, unsigned any, int rank)
{
    int64_t *rows = new_rows(inference, guess, 1 + 2 * members(any)), *row = rows;
    for (int i = 0; i < rank; i++)
        if (first >> i & 1)
            *row++ = i;
    for (int i = 0; i < rank; i++)
        for (int64_t k = 0; any >> i & 1 && k < 2 * guess->count; k++)
            *row++ = k < guess->count ? i : i - rank;
}

/* Several sets may explain the shapes if they differ only in axes of `free`, where the choice changes nothing. */
static bool determine_axes(Inference *inference, Guess *guess, int rank, unsigned free, Explains *explains)
{
    const Shape *x = &guess->node->inputs[0]->shape;
    Shape y;
    unsigned first = 0, any = 0;
    if (!declared_result(guess->node, &y))
        return false;
    for (unsigned set = 1; rank <= MAX_RANK && set < 1u << rank; set++) {
        if (members(set) != guess->count || !explains(guess->node, x, &y, set))
            continue;
        if (any && (set & ~free) != (first & ~free))
            return false;
        first = any ? first : set;
        any |= set;
    }
    if (any)
        axis_rows(inference, guess, first, any, rank);
    return any != 0;
}

static bool determine_squeeze(Inference *inference, Guess *guess)
{
    return determine_axes(inference, guess, guess->node->inputs[0]->shape.rank, ~0u, explains_squeeze);
}

static bool determine_unsqueeze(Inference *inference, Guess *guess)
{
    if (guess->count > MAX_RANK)
        return false;
    return determine_axes(inference, guess, guess->node->inputs[0]->shape.rank + (int)guess->count, ~0u, explains_unsqueeze);
}

static bool determine_reduction(Inference *inference, Guess *guess)
{
    const Shape *x = &guess->node->inputs[0]->shape;
    return determine_axes(inference, guess, x->rank, unit_axes(x), explains_reduction);
}

/* ---- the table, and recording what was assumed ---- */

static Determine *determine_for(Op op, AttributeName name)
{
    switch (op) {
    case OP_Reshape: return determine_reshape;
    case OP_Expand: return determine_expand;
    case OP_ConstantOfShape: return determine_shape;
    case OP_Tile: return determine_tile;
    case OP_Split: return determine_split;
    case OP_Squeeze: return determine_squeeze;
    case OP_Unsqueeze: return determine_unsqueeze;
    case OP_Resize: return name == ATTR_sizes ? determine_sizes : NULL;
    default: return name == ATTR_axes && op != OP_Slice && op != OP_Pad ? determine_reduction : NULL;
    }
}

static const void *rows_as(Inference *inference, const Guess *guess, Type type)
{
    int64_t count = guess->count * guess->choices;
    if (type == TYPE_I64)
        return arena_copy(inference->graph->arena, guess->rows, (size_t)count * sizeof(int64_t));
    int32_t *narrow = arena_array(inference->graph->arena, int32_t, count);
    for (int64_t i = 0; i < count; i++)
        narrow[i] = (int32_t)guess->rows[i];
    return narrow;
}

static const Value *record(Inference *inference, Value *input, const Guess *guess)
{
    Graph *graph = inference->graph;
    const void *expected = rows_as(inference, guess, input->type);
    graph->assumed = arena_grow(graph->arena, graph->assumed, &inference->assumed_capacity, graph->assumed_count, sizeof *graph->assumed);
    graph->assumed[graph->assumed_count++] = (AssumedInput){input, expected, guess->choices};
    inference->assumed[input->input_index] = graph->assumed_count;
    return edit_constant(graph, input->type, &input->shape, expected);
}

/* A second reader of the same input: it uses the value that was assumed, which only that very value makes right for both. */
static const Value *assumed_before(Inference *inference, const Value *input)
{
    int place = input->input_index >= 0 ? inference->assumed[input->input_index] : 0;
    if (place == 0)
        return NULL;
    AssumedInput *assumed = &inference->graph->assumed[place - 1];
    assumed->choices = 1;
    return edit_constant(inference->graph, input->type, &input->shape, assumed->expected);
}

static const Value *refuse(Inference *inference, const Node *node, int index, bool is_input, bool determinable)
{
    static const char *const hints[] = {"make what it is computed from initializers, or simplify the model with onnxsim", "make it an initializer",
                                        "make it an initializer, or declare the shapes of the model's outputs"};
    infer_fault(inference, node, STATUS_UNSUPPORTED, hints[is_input + (is_input && determinable)], "%s (%s) is known only at run time%s",
                infer_input_text(inference, node, index), attribute_text(op_shape_operand(node->op, index)),
                is_input ? ", and the declared shapes do not determine it" : "");
    return NULL;
}

const Value *infer_assume(Inference *inference, const Node *node, int index)
{
    static const int64_t nothing;
    Value *input = node->inputs[index];
    AttributeName name = op_shape_operand(node->op, index);
    const Value *before = assumed_before(inference, input);
    if (before)
        return before;
    Guess guess = {.node = node, .count = shape_count(&input->shape)};
    Determine *determine = determine_for(node->op, name);
    if (guess.count == 0)
        return edit_constant(inference->graph, input->type, &input->shape, &nothing);
    if (input->input_index < 0 || input->shape.rank != 1 || (input->type != TYPE_I64 && input->type != TYPE_I32) || guess.count > INT16_MAX ||
        !determine || !determine(inference, &guess))
        return refuse(inference, node, index, input->input_index >= 0, determine);
    return record(inference, input, &guess);
}
