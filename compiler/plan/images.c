/* Does a graph treat the images of a batch apart? Images lie along axis 0 of all inputs and outputs, and every operator must take image i of its
   operands to image i of its results, whatever the others are: then any number of images gives the same results as all at once. Proved operator by
   operator; what no rule speaks of mixes images. Needs: closed form, no views of constants. */
#include "compiler/plan/internal.h"

#include <string.h>

/* ---- operands ---- */

static bool carries(const Value *value, int64_t images)
{
    return value != NULL && value->data == NULL && value->shape.rank > 0 && value->shape.dims[0] == images && shape_count(&value->shape) > 0;
}

/* A constant that each image meets alike when it is broadcast to this rank. */
static bool shared(const Value *value, int rank)
{
    return value_constant(value) && (value->shape.rank < rank || (value->shape.rank == rank && value->shape.dims[0] == 1));
}

static bool shared_or_absent(const Value *value, int rank)
{
    return value == NULL || shared(value, rank);
}

/* All operands behind the first are constants; of what extents does not matter, none of them is the images'. */
static bool constants_follow(const Node *node)
{
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i] != NULL && !value_constant(node->inputs[i]))
            return false;
    return true;
}

/* ---- rules: of nodes whose first operand carries images, unless another is named, and whose results have their number on axis 0 ---- */

typedef bool Rule(const Node *node, int64_t images);

static bool by_image(const Node *node, int64_t images)
{
    return carries(node->inputs[0], images) && constants_follow(node);
}

/* Operands are broadcast against one another, aligned at their last axes. */
static bool by_element(const Node *node, int64_t images)
{
    const int rank = node->outputs[0]->shape.rank;
    for (int i = 0; i < node->input_count; i++) {
        const Value *value = node->inputs[i];
        if (value != NULL && !shared(value, rank) && !(carries(value, images) && value->shape.rank == rank))
            return false;
    }
    return true;
}

/* Positions of the largest count through all images. */
static bool by_pool(const Node *node, int64_t images)
{
    return by_image(node, images) && (node->output_count < 2 || node->outputs[1] == NULL);
}

static bool by_axis(const Node *node, int64_t images)
{
    return by_image(node, images) && node_int(node, ATTR_axis, 0) > 0;
}

static bool by_layer_norm(const Node *node, int64_t images)
{
    const int rank = node->inputs[0]->shape.rank;
    for (int i = 1; i < node->input_count; i++)
        if (!shared_or_absent(node->inputs[i], rank))
            return false;
    return by_axis(node, images);
}

static bool by_gemm(const Node *node, int64_t images)
{
    return carries(node->inputs[0], images) && node_int(node, ATTR_transA, 0) == 0 && value_constant(node->inputs[1]) &&
           (node->input_count < 3 || shared_or_absent(node->inputs[2], 2));
}

/* The images are rows of the left matrix, or one matrix each. */
static bool by_matmul(const Node *node, int64_t images)
{
    const Value *a = node->inputs[0], *b = node->inputs[1];
    const int rank = node->outputs[0]->shape.rank;
    if (value_constant(b))
        return carries(a, images) && (a->shape.rank == 2 ? b->shape.rank <= 2 : a->shape.rank > 2 && shared(b, a->shape.rank));
    if (value_constant(a))
        return carries(b, images) && b->shape.rank > 2 && shared(a, b->shape.rank);
    return rank > 2 && carries(a, images) && carries(b, images) && a->shape.rank == rank && b->shape.rank == rank;
}

static bool by_concat(const Node *node, int64_t images)
{
    for (int i = 0; i < node->input_count; i++)
        if (!carries(node->inputs[i], images))
            return false;
    return node_int(node, ATTR_axis, 0) > 0;
}

static bool by_slice(const Node *node, int64_t images)
{
    const int64_t *starts = node_ints(node, ATTR_starts, &(int){0}), *steps = node_ints(node, ATTR_steps, &(int){0});
    return by_image(node, images) && starts[0] == 0 && steps[0] == 1;
}

/* Of each image some places; or rows of a table, each image its own. */
static bool by_gather(const Node *node, int64_t images)
{
    const int64_t axis = node_int(node, ATTR_axis, 0);
    return axis > 0 ? by_image(node, images) : value_constant(node->inputs[0]) && carries(node->inputs[1], images);
}

static bool by_pad(const Node *node, int64_t images)
{
    const int64_t *pads = node_ints(node, ATTR_pads, &(int){0});
    return by_image(node, images) && pads[0] == 0 && pads[node->inputs[0]->shape.rank] == 0;
}

/* Where a coordinate among as many is itself. */
static bool by_resize(const Node *node, int64_t images)
{
    static const char *const exact[] = {"half_pixel", "asymmetric", "align_corners"};
    const double *scales = node_reals(node, ATTR_scales, &(int){0});
    const char *mode = node_word(node, ATTR_coordinate_transformation_mode, "half_pixel");
    bool found = false;
    for (int i = 0; i < COUNT(exact); i++)
        found = found || strcmp(mode, exact[i]) == 0;
    return found && by_image(node, images) && scales != NULL && scales[0] == 1;
}

static bool by_transpose(const Node *node, int64_t images)
{
    return by_image(node, images) && node_ints(node, ATTR_perm, &(int){0})[0] == 0;
}

static bool by_same_rank(const Node *node, int64_t images)
{
    return by_image(node, images) && node->inputs[0]->shape.rank == node->outputs[0]->shape.rank;
}

static bool by_reduction(const Node *node, int64_t images)
{
    int count;
    const int64_t *axes = node_ints(node, ATTR_axes, &count);
    for (int i = 0; i < count; i++)
        if (axes[i] == 0)
            return false;
    return by_image(node, images);
}

/* One scale for all, or one for each place of an axis. */
static bool by_quantization(const Node *node, int64_t images)
{
    for (int i = 1; i < node->input_count; i++) {
        const Value *value = node->inputs[i];
        const bool one = value == NULL || (value_constant(value) && shape_count(&value->shape) == 1);
        if (!one && !(value_constant(value) && value->shape.rank == 1 && node_int(node, ATTR_axis, 0) > 0))
            return false;
    }
    return by_image(node, images);
}

static Rule *const structured_rules[OP_COUNT] = {
    [OP_Conv] = by_image, [OP_ConvTranspose] = by_image, [OP_Gemm] = by_gemm, [OP_MatMul] = by_matmul, [OP_BatchNormalization] = by_image,
    [OP_LRN] = by_image, [OP_InstanceNormalization] = by_image, [OP_LayerNormalization] = by_layer_norm, [OP_Softmax] = by_axis,
    [OP_LogSoftmax] = by_axis, [OP_MaxPool] = by_pool, [OP_AveragePool] = by_pool, [OP_GlobalMaxPool] = by_image, [OP_GlobalAveragePool] = by_image,
    [OP_Clip] = by_element, [OP_Cast] = by_image, [OP_Where] = by_element, [OP_Concat] = by_concat, [OP_Split] = by_axis, [OP_Slice] = by_slice,
    [OP_Gather] = by_gather, [OP_Pad] = by_pad, [OP_Resize] = by_resize, [OP_Transpose] = by_transpose, [OP_Expand] = by_same_rank,
    [OP_Tile] = by_same_rank, [OP_DepthToSpace] = by_image, [OP_SpaceToDepth] = by_image, [OP_ReduceL1] = by_reduction,
    [OP_ReduceL2] = by_reduction, [OP_ReduceLogSum] = by_reduction, [OP_ReduceLogSumExp] = by_reduction, [OP_ReduceMax] = by_reduction,
    [OP_ReduceMean] = by_reduction, [OP_ReduceMin] = by_reduction, [OP_ReduceProd] = by_reduction, [OP_ReduceSum] = by_reduction,
    [OP_ReduceSumSquare] = by_reduction, [OP_ArgMax] = by_axis, [OP_ArgMin] = by_axis, [OP_QuantizeLinear] = by_quantization,
    [OP_DequantizeLinear] = by_quantization, [OP_View] = by_image, [OP_Copy] = by_image,
};

/* ---- nodes ---- */

static bool node_apart(const Node *node, int64_t images)
{
    Rule *rule = op_info(node->op)->shape_class == CLASS_STRUCTURED ? structured_rules[node->op] : by_element;
    if (rule == NULL || node->input_count == 0 || node->inputs[0] == NULL || node->output_count == 0)
        return false;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] != NULL && !carries(node->outputs[i], images))
            return false;
    if (node->op != OP_Split && node->outputs[0] == NULL)
        return false;
    return rule(node, images);
}

int64_t graph_images(const Graph *graph)
{
    if (graph->input_count == 0 || graph->output_count == 0 || graph->assumed_count > 0 || graph->inputs[0]->shape.rank == 0)
        return 1;
    const int64_t images = graph->inputs[0]->shape.dims[0];
    bool apart = images > 1;
    for (int i = 0; i < graph->input_count; i++)
        apart = apart && carries(graph->inputs[i], images);
    for (int i = 0; i < graph->output_count; i++)
        apart = apart && carries(graph->outputs[i], images) && graph->outputs[i]->producer != NULL;
    for (int i = 0; i < graph->node_count && apart; i++) {
        const Node *node = graph->nodes[i];
        apart = node_apart(node, images);
        for (int e = 0; e < node->epilogue_count; e++)
            apart = apart && node_apart(node->epilogue[e], images);
    }
    return apart ? images : 1;
}
