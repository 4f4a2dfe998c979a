/* Constant folding: a node that only constants feed is computed by the reference, once, here. Bounded in bytes and in time,
   so that no model, however it is made, can keep the compiler busy or fill its memory; what is not folded is computed at run time. */
#include "fold.h"

#include "pass.h"

/* Five times the model's own constants: bytes that stand for quantized reals become four each. */
FoldBudget fold_budget(const Graph *graph)
{
    FoldBudget budget = {.bytes = 64 << 20, .steps = 4e9};
    for (int i = 0; i < graph->value_count; i++) {
        const Value *value = graph->values[i];
        if (value_constant(value))
            budget.bytes += 5.0 * (double)shape_count(&value->shape) * type_info(value->type)->bytes;
    }
    return budget;
}

static bool same_bytes(const Node *node)
{
    switch (node->op) {
    case OP_Reshape: case OP_Flatten: case OP_Squeeze: case OP_Unsqueeze: case OP_Identity: case OP_View: case OP_Copy:
        return true;
    case OP_Cast:
        return node->inputs[0]->type == node->outputs[0]->type;
    default:
        return false;
    }
}

static double bytes_of(Value *const *values, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        if (values[i])
            sum += (double)shape_count(&values[i]->shape) * type_info(values[i]->type)->bytes;
    return sum;
}

/* An estimate, high rather than low. */
static double steps_of(const Node *node)
{
    double elements = node->outputs[0] ? (double)shape_count(&node->outputs[0]->shape) : 0;
    double operands = bytes_of(node->inputs, node->input_count);
    const Shape *weights = node->input_count > 1 && node->inputs[1] ? &node->inputs[1]->shape : NULL;
    int taps;
    const int64_t *kernel = node_ints(node, ATTR_kernel_shape, &taps);
    double window = 8;
    for (int i = 0; i < taps; i++)
        window *= (double)kernel[i];
    switch (node->op) {
    case OP_Conv: case OP_ConvTranspose: case OP_Gemm: case OP_MatMul:
        return elements * (double)shape_count(weights);
    case OP_LRN:
        return elements * (double)node_int(node, ATTR_size, 1);
    case OP_Resize:
        return elements * (double)shape_count(&node->inputs[0]->shape);
    default:
        return elements * window + operands;
    }
}

bool fold_affordable(FoldBudget *budget, const Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] && !value_constant(node->inputs[i]))
            return false;
    if (same_bytes(node))
        return true;
    double made = bytes_of(node->outputs, node->output_count), steps = steps_of(node);
    if (made > 4 * bytes_of(node->inputs, node->input_count) + (1 << 20) || made > budget->bytes || steps > budget->steps)
        return false;
    budget->bytes -= made;
    budget->steps -= steps;
    return true;
}

/* The reference wants elements at their natural alignment, and a mapped model promises nothing: such a constant is copied, once. */
static const void *aligned(Graph *graph, Value *value)
{
    size_t element = (size_t)type_info(value->type)->bytes;
    if ((uintptr_t)value->data % element != 0)
        value->data = arena_copy(graph->arena, value->data, (size_t)shape_count(&value->shape) * element);
    return value->data;
}

static void become_constant(Value *value, const void *data)
{
    value->data = data;
    value->producer = NULL;
}

static void compute(Graph *graph, Node *node)
{
    Arena *scratch = graph->ctx->scratch;
    const void **inputs = arena_array(scratch, const void *, node->input_count + 1);
    void **outputs = arena_array(scratch, void *, node->output_count + 1);
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] ? aligned(graph, node->inputs[i]) : NULL;
    for (int i = 0; i < node->output_count; i++) {
        const Value *value = node->outputs[i];
        if (value)                               /* one element more, so that an empty result has data too */
            outputs[i] = arena_alloc(graph->arena, (size_t)shape_count(&value->shape) + 1, (size_t)type_info(value->type)->bytes);
    }
    reference_run(graph, node, inputs, outputs, NULL, NULL, scratch);     /* no epilogue yet, so nothing to look up */
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            become_constant(node->outputs[i], outputs[i]);
}

bool fold_node(Graph *graph, Node *node)
{
    const char *why;
    if (same_bytes(node)) {
        become_constant(node->outputs[0], node->inputs[0]->data);
        return true;
    }
    if (!reference_supports(node, &why))
        return false;
    compute(graph, node);
    return true;
}
