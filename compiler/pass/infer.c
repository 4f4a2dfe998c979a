/* Inference: one walk in order of execution that gives every value its type and shape, brings every node into closed form (ops.h),
   and folds what only constants feed. Every fault of the model is told; a node with a fault leaves its outputs unknown, and what reads
   them is passed over in silence. Needs: order of execution. Establishes: closed form. */
#include "infer.h"
#include "pass.h"

#include <string.h>

static InferRule *const structured_rules[OP_COUNT] = {
    [OP_Conv] = infer_conv,
    [OP_ConvTranspose] = infer_conv_transpose,
    [OP_Gemm] = infer_gemm,
    [OP_MatMul] = infer_matmul,
    [OP_BatchNormalization] = infer_batch_normalization,
    [OP_LRN] = infer_lrn,
    [OP_InstanceNormalization] = infer_instance_normalization,
    [OP_LayerNormalization] = infer_layer_normalization,
    [OP_Softmax] = infer_softmax,
    [OP_LogSoftmax] = infer_softmax,
    [OP_MaxPool] = infer_max_pool,
    [OP_AveragePool] = infer_average_pool,
    [OP_GlobalMaxPool] = infer_global_pool,
    [OP_GlobalAveragePool] = infer_global_pool,
    [OP_Clip] = infer_clip,
    [OP_Cast] = infer_cast,
    [OP_CastLike] = infer_cast_like,
    [OP_Where] = infer_where,
    [OP_Concat] = infer_concat,
    [OP_Split] = infer_split,
    [OP_Slice] = infer_slice,
    [OP_Gather] = infer_gather,
    [OP_Pad] = infer_pad,
    [OP_Resize] = infer_resize,
    [OP_Reshape] = infer_reshape,
    [OP_Flatten] = infer_flatten,
    [OP_Squeeze] = infer_squeeze,
    [OP_Unsqueeze] = infer_unsqueeze,
    [OP_Identity] = infer_identity,
    [OP_Dropout] = infer_dropout,
    [OP_Transpose] = infer_transpose,
    [OP_Expand] = infer_expand,
    [OP_Tile] = infer_tile,
    [OP_Shape] = infer_shape,
    [OP_Size] = infer_size,
    [OP_ConstantOfShape] = infer_constant_of_shape,
    [OP_Range] = infer_range,
    [OP_DepthToSpace] = infer_depth_to_space,
    [OP_SpaceToDepth] = infer_space_to_depth,
    [OP_ReduceL1] = infer_reduce,
    [OP_ReduceL2] = infer_reduce,
    [OP_ReduceLogSum] = infer_reduce,
    [OP_ReduceLogSumExp] = infer_reduce,
    [OP_ReduceMax] = infer_reduce,
    [OP_ReduceMean] = infer_reduce,
    [OP_ReduceMin] = infer_reduce,
    [OP_ReduceProd] = infer_reduce,
    [OP_ReduceSum] = infer_reduce,
    [OP_ReduceSumSquare] = infer_reduce,
    [OP_ArgMax] = infer_arg,
    [OP_ArgMin] = infer_arg,
    [OP_QuantizeLinear] = infer_quantize,
    [OP_DequantizeLinear] = infer_dequantize,
    [OP_View] = infer_same_bytes,
    [OP_Copy] = infer_same_bytes,
};

static InferRule *rule_of(Op op)
{
    switch (op_info(op)->shape_class) {
    case CLASS_UNARY: return infer_unary;
    case CLASS_BINARY: return infer_binary;
    default: return structured_rules[op];
    }
}

/* ---- one node ---- */

/* Operands are there, and what they are is known; a value that is unknown had its fault told where it was made. */
static bool operands_ready(Inference *inference, const Node *node)
{
    int fewest = op_info(node->op)->fewest_inputs;
    for (int i = 0; i < fewest || i < node->input_count; i++) {
        const Value *value = i < node->input_count ? node->inputs[i] : NULL;
        /* a closed form has shape operands no more; Concat takes any number, none of them absent */
        if (!value && ((i < fewest && op_shape_operand(node->op, i) == ATTR_COUNT) || node->op == OP_Concat))
            return infer_fault(inference, node, STATUS_MODEL, NULL, "input %d is missing", i);
        if (value && !value->known)
            return false;
    }
    return true;
}

static bool any_output(const Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            return true;
    return false;
}

static void forget_outputs(Inference *inference, Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            node->outputs[i]->known = false;
    rewrite_keep(&inference->order, node);
}

void infer_node(Inference *inference, Node *node)
{
    const char *why = NULL;
    Graph *graph = inference->graph;
    if (!any_output(node))
        return;
    if (!node->outputs[0] && node->op != OP_Split)               /* rules and kernels may rely on the first output */
        edit_output(node, 0, graph_value(graph, NULL));
    if (!operands_ready(inference, node) || !infer_operands(inference, node) || !rule_of(node->op)(inference, node)) {
        forget_outputs(inference, node);
        return;
    }
    if (!any_output(node) || (fold_affordable(&inference->budget, node) && fold_node(graph, node)))
        return;
    rewrite_keep(&inference->order, node);
    if (!reference_supports(node, &why))
        infer_fault(inference, node, STATUS_UNSUPPORTED, NULL, "not supported: %s", why);
}

static void check_inputs(const Graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        const Value *input = graph->inputs[i];
        size_t bytes;
        if (!shape_bytes(&input->shape, input->type, &bytes) || bytes > MOST_TENSOR_BYTES)
            complain(graph->ctx, STATUS_UNSUPPORTED, NULL, NULL, "input '%s' is %s of %s: more than 2^36 bytes",
                     text_quote(graph->arena, input->name, strlen(input->name)), shape_text(graph->arena, &input->shape),
                     type_info(input->type)->name);
    }
    fail_complaints(graph->ctx);
}

void pass_infer(Graph *graph, const PassOptions *options)
{
    (void)options;
    check_inputs(graph);
    graph_index(graph);
    Inference inference = {.graph = graph, .order = rewrite_begin(graph), .budget = fold_budget(graph), .assumed_capacity = graph->assumed_count};
    inference.assumed = arena_array(graph->ctx->scratch, int, graph->input_count + 1);
    for (int i = 0; i < graph->assumed_count; i++)
        inference.assumed[graph->assumed[i].input->input_index] = i + 1;
    for (int i = 0; i < graph->node_count; i++)
        infer_node(&inference, graph->nodes[i]);
    rewrite_end(&inference.order);
    fail_complaints(graph->ctx);
}
