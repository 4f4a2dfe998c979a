/* From nodes to calls: the table of families, and filling a ReferenceCall. */
#include "internal.h"

#include <assert.h>

extern const char reference_text_prelude[];

/* What inference always turns into constants or other nodes (Shape, Size, ConstantOfShape, Range, CastLike, Dropout) has no row. */
static const struct Row {
    const Family *family;
    int inputs, outputs;                 /* how many the texts look at */
} rows[OP_COUNT] = {
#define UNARY(name, ...) [OP_##name] = {&family_elementwise, 1, 1},
#define BINARY(name, ...) [OP_##name] = {&family_elementwise, 2, 1},
#include "compiler/graph/elementwise.inc"
#undef UNARY
#undef BINARY
    [OP_Conv] = {&family_conv, 3, 1},
    [OP_ConvTranspose] = {&family_conv_transpose, 3, 1},
    [OP_Gemm] = {&family_gemm, 3, 1},
    [OP_MatMul] = {&family_matmul, 3, 1},
    [OP_BatchNormalization] = {&family_batch_normalization, 5, 1},
    [OP_LRN] = {&family_lrn, 1, 1},
    [OP_InstanceNormalization] = {&family_instance_normalization, 3, 1},
    [OP_LayerNormalization] = {&family_layer_normalization, 3, 3},
    [OP_Softmax] = {&family_softmax, 1, 1},
    [OP_LogSoftmax] = {&family_log_softmax, 1, 1},
    [OP_MaxPool] = {&family_max_pool, 1, 2},
    [OP_AveragePool] = {&family_average_pool, 1, 1},
    [OP_GlobalMaxPool] = {&family_global_max_pool, 1, 2},
    [OP_GlobalAveragePool] = {&family_global_average_pool, 1, 1},
    [OP_Clip] = {&family_clip, 3, 1},
    [OP_Cast] = {&family_cast, 1, 1},
    [OP_Where] = {&family_where, 3, 1},
    [OP_Concat] = {&family_concat, 1, 1},
    [OP_Split] = {&family_split, 1, 1},
    [OP_Slice] = {&family_slice, 1, 1},
    [OP_Gather] = {&family_gather, 2, 1},
    [OP_Pad] = {&family_pad, 2, 1},
    [OP_Resize] = {&family_resize, 1, 1},
    [OP_Reshape] = {&family_same_bytes, 1, 1},
    [OP_Flatten] = {&family_same_bytes, 1, 1},
    [OP_Squeeze] = {&family_same_bytes, 1, 1},
    [OP_Unsqueeze] = {&family_same_bytes, 1, 1},
    [OP_Identity] = {&family_same_bytes, 1, 1},
    [OP_View] = {&family_same_bytes, 1, 1},
    [OP_Copy] = {&family_same_bytes, 1, 1},
    [OP_Transpose] = {&family_transpose, 1, 1},
    [OP_Expand] = {&family_expand, 1, 1},
    [OP_Tile] = {&family_tile, 1, 1},
    [OP_DepthToSpace] = {&family_depth_to_space, 1, 1},
    [OP_SpaceToDepth] = {&family_space_to_depth, 1, 1},
    [OP_ReduceL1] = {&family_reduce, 1, 1},
    [OP_ReduceL2] = {&family_reduce, 1, 1},
    [OP_ReduceLogSum] = {&family_reduce, 1, 1},
    [OP_ReduceLogSumExp] = {&family_reduce, 1, 1},
    [OP_ReduceMax] = {&family_reduce, 1, 1},
    [OP_ReduceMean] = {&family_reduce, 1, 1},
    [OP_ReduceMin] = {&family_reduce, 1, 1},
    [OP_ReduceProd] = {&family_reduce, 1, 1},
    [OP_ReduceSum] = {&family_reduce, 1, 1},
    [OP_ReduceSumSquare] = {&family_reduce, 1, 1},
    [OP_ArgMax] = {&family_arg_max, 1, 1},
    [OP_ArgMin] = {&family_arg_min, 1, 1},
    [OP_QuantizeLinear] = {&family_quantize, 3, 1},
    [OP_DequantizeLinear] = {&family_dequantize, 3, 1},
};

const char *reference_prelude(void)
{
    return reference_text_prelude;
}

bool reference_supports(const Node *node, const char **why)
{
    const Family *family = rows[node->op].family;
    *why = !family ? "no naive operator" : family->refuses ? family->refuses(node) : NULL;
    return !*why;
}

int reference_parts(const Node *node)
{
    return node->op == OP_Concat ? node->input_count : node->op == OP_Split ? node->output_count : 1;
}

int reference_inputs(const Node *node, int part, int *indices, int most)
{
    int count = rows[node->op].inputs;
    assert(count <= most);
    for (int i = 0; i < count; i++) {
        int index = node->op == OP_Concat ? part : node->op == OP_Pad && i == 1 ? 2 : i;
        indices[i] = index < node->input_count && node->inputs[index] ? index : -1;
    }
    return count;
}

int reference_outputs(const Node *node, int part, int *indices, int most)
{
    int count = rows[node->op].outputs;
    assert(count <= most);
    for (int i = 0; i < count; i++) {
        int index = node->op == OP_Split ? part : i;
        indices[i] = index < node->output_count && node->outputs[index] ? index : -1;
    }
    return count;
}

/* The builder's arrays, kept for the call's life. Never empty, so that texts may take addresses. */
static void fill(const Builder *builder, ReferenceCall *call)
{
    Arena *arena = builder->arena;
    *call = (ReferenceCall){
        .function = builder->name, .text = builder->text, .run = builder->run,
        .defines = arena_copy(arena, builder->defines, sizeof builder->defines), .define_count = builder->define_count,
        .p = arena_copy(arena, builder->p, (size_t)(builder->p_count + 1) * sizeof *builder->p), .p_count = builder->p_count,
        .p_names = arena_copy(arena, builder->p_names, (size_t)(builder->p_count + 1) * sizeof *builder->p_names),
        .r = arena_copy(arena, builder->r, (size_t)(builder->r_count + 2) * sizeof *builder->r), .r_count = builder->r_count,
        .r_names = arena_copy(arena, builder->r_names, (size_t)(builder->r_count + 2) * sizeof *builder->r_names),
        .items = builder->items, .contiguous = builder->contiguous, .in_place = builder->in_place,
    };
}

void reference_call(const Graph *graph, const Node *node, int part, Arena *arena, ReferenceCall *call)
{
    Builder *builder = arena_new_of(arena, Builder);
    (void)graph;
    builder->arena = arena;
    builder->node = node;
    builder->part = part;
    rows[node->op].family->build(builder);
    fill(builder, call);
}
