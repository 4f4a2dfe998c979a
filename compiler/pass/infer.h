/* Private to the inference pass: what the rules of the operators share.

   A rule checks a node's operands, completes its attributes to closed form (ops.h) and sets its outputs. It tells every fault through
   infer_fault and returns false then; the outputs stay unknown and the nodes behind are passed over in silence. */
#ifndef TULLE_INFER_H
#define TULLE_INFER_H

#include "edit.h"
#include "fold.h"

/* Larger tensors are refused: nothing tulle is for has them, and hostile models do. */
#define MOST_TENSOR_BYTES ((size_t)1 << 36)

typedef struct Inference {
    Graph *graph;
    Rewrite order;           /* nodes whose inference is done */
    FoldBudget budget;
    int *assumed;            /* by position of a graph's input: 1 + its place in graph->assumed, or 0 */
    int assumed_capacity;    /* of graph->assumed */
} Inference;

typedef bool InferRule(Inference *inference, Node *node);
typedef __int128 Wide;       /* for sums and products of dimensions from strangers */

/* infer.c */
void infer_node(Inference *inference, Node *node);    /* a node that a rule puts before its own; goes into the order */

/* infer_operand.c: operands that describe shapes become attributes */
bool infer_operands(Inference *inference, Node *node);
/* infer_assume.c: the value of a graph's input, where declared shapes determine it; NULL and a complaint otherwise */
const Value *infer_assume(Inference *inference, const Node *node, int index);

/* infer_check.c: faults, and checks that tell them */
bool infer_fault(Inference *inference, const Node *node, Status status, const char *hint, const char *what, ...) PRINTF_LIKE(5, 6);
const char *infer_input_text(Inference *inference, const Node *node, int index);             /* "input 1 'conv1.weight'" */
bool infer_classes(Inference *inference, const Node *node, int index, unsigned classes);     /* types; absent inputs pass, here and below */
bool infer_same_type(Inference *inference, const Node *node, int index, int other);
bool infer_rank(Inference *inference, const Node *node, int index, int least, int most);
bool infer_shape_is(Inference *inference, const Node *node, int index, const Shape *expected);
bool infer_single(Inference *inference, const Node *node, int index);                        /* one element */
bool infer_axis(Inference *inference, Node *node, int rank, int64_t absent, int *axis);      /* made non-negative, set */
bool infer_axes(Inference *inference, const Node *node, AttributeName name, const int64_t *axes, int count, int rank, bool chosen[MAX_RANK]);
bool infer_list(Inference *inference, Node *node, AttributeName name, int count, int64_t absent, int64_t least, const int64_t **list);
bool infer_flag(Inference *inference, Node *node, AttributeName name, int64_t absent, bool *flag);
bool infer_word(Inference *inference, Node *node, AttributeName name, const char *const *words, int count);   /* the first is the default */
void infer_real(Inference *inference, Node *node, AttributeName name, double absent);
bool infer_broadcast(Inference *inference, const Node *node, Shape *shape, const Shape *other);               /* both ways, into `shape` */
bool infer_broadcast_to(Inference *inference, const Node *node, int index, const Shape *shape);               /* one way */
bool infer_dimension(Inference *inference, const Node *node, Shape *shape, Wide dimension);                   /* appends, checked */
bool infer_output(Inference *inference, const Node *node, int index, Type type, const Shape *shape);
bool infer_like(Inference *inference, const Node *node);                                     /* output 0 is as input 0 */

/* one rule an operator or a family of them */
InferRule infer_unary, infer_binary, infer_where, infer_clip, infer_cast, infer_cast_like;                    /* infer_elementwise.c */
InferRule infer_conv, infer_conv_transpose;                                                                   /* infer_conv.c */
InferRule infer_max_pool, infer_average_pool, infer_global_pool;                                              /* infer_pool.c */
InferRule infer_gemm, infer_matmul;                                                                           /* infer_product.c */
InferRule infer_batch_normalization, infer_lrn, infer_instance_normalization, infer_layer_normalization, infer_softmax;   /* infer_norm.c */
InferRule infer_reshape, infer_flatten, infer_squeeze, infer_unsqueeze, infer_identity, infer_dropout, infer_transpose;   /* infer_shape.c */
InferRule infer_expand, infer_tile, infer_same_bytes;
InferRule infer_concat, infer_split, infer_slice, infer_gather, infer_pad, infer_depth_to_space, infer_space_to_depth;    /* infer_part.c */
InferRule infer_resize;                                                                                       /* infer_resize.c */
InferRule infer_reduce, infer_arg;                                                                            /* infer_reduce.c */
InferRule infer_shape, infer_size, infer_constant_of_shape, infer_range;                                      /* infer_constant.c */
InferRule infer_quantize, infer_dequantize;                                                                   /* infer_quantize.c */

/* infer_window.c: the sliding window that convolutions and poolings share. Appends the spatial dimensions to `result`, completes
   strides, dilations and pads, and makes auto_pad into pads. */
bool infer_window(Inference *inference, Node *node, const Shape *input, const int64_t *kernel, bool ceiling, Shape *result);

#endif
