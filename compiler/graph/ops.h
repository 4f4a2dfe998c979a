/* The operators of the graph and their attributes: the one list.

   The graph speaks one dialect, near the newest ONNX opset. The frontend turns every older form into it; the inference pass brings nodes
   into *closed form*: shape-like operands (the OPERAND rows) have become attributes and their inputs are gone, every attribute named
   below is present, auto_pad has become pads, negative axes are non-negative, lists that depend on the rank are complete.
   After inference all later code may rely on closed form. Optional inputs that are absent are NULL; trailing ones are not counted.

   OP(name, fewest inputs, most inputs (-1: any), most outputs)                                                                         */
#ifndef TULLE_OPS_H
#define TULLE_OPS_H

#define STRUCTURED_OPS(OP) \
    /* x[N,C,spatial 1..3], w[K,C/group,...], bias[K]?     {strides, dilations, pads (begins then ends), group} */ \
    OP(Conv, 2, 3, 1) \
    /* x, w[C,K/group,...], bias?                           {strides, dilations, pads, output_padding, group} (output_shape has become pads) */ \
    OP(ConvTranspose, 2, 3, 1) \
    /* a[M,K], b[K,N], c? (broadcast to [M,N])              {alpha, beta, transA, transB} */ \
    OP(Gemm, 2, 3, 1) \
    OP(MatMul, 2, 2, 1) \
    /* x, scale, bias, mean, variance                       {epsilon}; scale may also have the shape x[1:] (opset < 9, spatial = 0) */ \
    OP(BatchNormalization, 5, 5, 1) \
    /*                                                      {size, alpha, beta, bias} */ \
    OP(LRN, 1, 1, 1) \
    OP(InstanceNormalization, 3, 3, 1) /*                   {epsilon} */ \
    /* x, scale, bias? -> y, mean?, 1/deviation?            {axis, epsilon} */ \
    OP(LayerNormalization, 2, 3, 3) \
    /*                                                      {axis, flatten: 1 = one block from axis to the end (opset < 13)} */ \
    OP(Softmax, 1, 1, 1) \
    OP(LogSoftmax, 1, 1, 1) \
    /* x -> y, indices?                                     {kernel_shape, strides, dilations, pads, ceil_mode, storage_order} */ \
    OP(MaxPool, 1, 1, 2) \
    OP(AveragePool, 1, 1, 1) /*                             {kernel_shape, strides, dilations, pads, ceil_mode, count_include_pad} */ \
    OP(GlobalMaxPool, 1, 1, 1) \
    OP(GlobalAveragePool, 1, 1, 1) \
    OP(Clip, 1, 3, 1) /* x, low?, high?: operands may be known only at run time */ \
    OP(Cast, 1, 1, 1) /*                                    {to: a Type, saturate} */ \
    OP(CastLike, 2, 2, 1) /* becomes Cast in inference      {saturate} */ \
    OP(Where, 3, 3, 1) \
    OP(Concat, 1, -1, 1) /*                                 {axis} */ \
    OP(Split, 1, 2, -1) /*                                  {axis, split: sizes} */ \
    OP(Slice, 1, 5, 1) /*                                   {starts, steps: one per axis of x; lengths follow from the output's shape} */ \
    OP(Gather, 2, 2, 1) /* index known at run time or not   {axis} */ \
    OP(Pad, 1, 4, 1) /* x, -, value?                        {pads: begins then ends for every axis, mode: constant|reflect|edge|wrap} */ \
    /*                                                      {scales: one real per axis, sizes: output dims were given, roi, mode: nearest|linear|cubic, \
                                                             coordinate_transformation_mode, nearest_mode, cubic_coeff_a, exclude_outside, \
                                                             extrapolation_value, antialias} */ \
    OP(Resize, 1, 4, 1) \
    OP(Reshape, 1, 2, 1) /* the output's shape says all     {} */ \
    OP(Flatten, 1, 1, 1) \
    OP(Squeeze, 1, 2, 1) \
    OP(Unsqueeze, 1, 2, 1) \
    OP(Identity, 1, 1, 1) \
    OP(Dropout, 1, 1, 2) /* inference only: becomes Identity and a constant mask */ \
    OP(Transpose, 1, 1, 1) /*                               {perm} */ \
    OP(Expand, 1, 2, 1) \
    OP(Tile, 1, 2, 1) \
    OP(Shape, 1, 1, 1) /* these four always become constants in inference: {start, end} */ \
    OP(Size, 1, 1, 1) \
    OP(ConstantOfShape, 1, 2, 1) /* shape, value (a constant of one element)? */ \
    OP(Range, 3, 3, 1) \
    OP(DepthToSpace, 1, 1, 1) /*                            {blocksize, mode: DCR|CRD} */ \
    OP(SpaceToDepth, 1, 1, 1) /*                            {blocksize} */ \
    /* all reductions:                                      {axes (complete, sorted; empty: none), keepdims} */ \
    OP(ReduceL1, 1, 2, 1) \
    OP(ReduceL2, 1, 2, 1) \
    OP(ReduceLogSum, 1, 2, 1) \
    OP(ReduceLogSumExp, 1, 2, 1) \
    OP(ReduceMax, 1, 2, 1) \
    OP(ReduceMean, 1, 2, 1) \
    OP(ReduceMin, 1, 2, 1) \
    OP(ReduceProd, 1, 2, 1) \
    OP(ReduceSum, 1, 2, 1) \
    OP(ReduceSumSquare, 1, 2, 1) \
    OP(ArgMax, 1, 1, 1) /*                                  {axis, keepdims, select_last_index} */ \
    OP(ArgMin, 1, 1, 1) \
    /* x, scale, zero point?                                {axis, block_size: 0 = none; type of the result follows from output 0} */ \
    OP(QuantizeLinear, 2, 3, 1) \
    OP(DequantizeLinear, 2, 3, 1) \
    /* ours, made by passes: the same bytes seen in another shape; the same bytes in another place */ \
    OP(View, 1, 1, 1) \
    OP(Copy, 1, 1, 1)

/* Shape-like operands: input `index` of the operator becomes attribute `attribute` (ints, or reals for scales and roi). */
#define SHAPE_OPERANDS(OPERAND) \
    OPERAND(Reshape, 1, shape) \
    OPERAND(Expand, 1, shape) \
    OPERAND(ConstantOfShape, 0, shape) \
    OPERAND(Tile, 1, repeats) \
    OPERAND(Split, 1, split) \
    OPERAND(Slice, 1, starts) \
    OPERAND(Slice, 2, ends) \
    OPERAND(Slice, 3, axes) \
    OPERAND(Slice, 4, steps) \
    OPERAND(Pad, 1, pads) \
    OPERAND(Pad, 3, axes) \
    OPERAND(Resize, 1, roi) \
    OPERAND(Resize, 2, scales) \
    OPERAND(Resize, 3, sizes) \
    OPERAND(Squeeze, 1, axes) \
    OPERAND(Unsqueeze, 1, axes) \
    OPERAND(ReduceL1, 1, axes) \
    OPERAND(ReduceL2, 1, axes) \
    OPERAND(ReduceLogSum, 1, axes) \
    OPERAND(ReduceLogSumExp, 1, axes) \
    OPERAND(ReduceMax, 1, axes) \
    OPERAND(ReduceMean, 1, axes) \
    OPERAND(ReduceMin, 1, axes) \
    OPERAND(ReduceProd, 1, axes) \
    OPERAND(ReduceSum, 1, axes) \
    OPERAND(ReduceSumSquare, 1, axes)

/* Attribute names; the graph's text uses them. Kinds: INTS (one or many), REALS, WORD. */
#define ATTRIBUTES(A) \
    A(allowzero, INTS) A(alpha, REALS) A(antialias, INTS) A(auto_pad, WORD) A(axes, INTS) A(axis, INTS) A(beta, REALS) A(bias, REALS) \
    A(block_size, INTS) A(blocksize, INTS) A(ceil_mode, INTS) A(coordinate_transformation_mode, WORD) A(count_include_pad, INTS) \
    A(cubic_coeff_a, REALS) A(detect_negative, REALS) A(detect_positive, REALS) A(dilations, INTS) A(end, INTS) A(ends, INTS) \
    A(epsilon, REALS) A(exclude_outside, INTS) A(extrapolation_value, REALS) A(flatten, INTS) A(gamma, REALS) A(group, INTS) \
    A(keep_aspect_ratio_policy, WORD) A(keepdims, INTS) A(kernel_shape, INTS) A(lambd, REALS) A(mode, WORD) A(nearest_mode, WORD) \
    A(noop_with_empty_axes, INTS) A(output_padding, INTS) A(output_shape, INTS) A(pads, INTS) A(perm, INTS) A(repeats, INTS) A(roi, REALS) \
    A(saturate, INTS) A(scales, REALS) A(select_last_index, INTS) A(shape, INTS) A(size, INTS) A(sizes, INTS) A(split, INTS) A(start, INTS) \
    A(starts, INTS) A(steps, INTS) A(storage_order, INTS) A(strides, INTS) A(to, INTS) A(transA, INTS) A(transB, INTS)

typedef enum Op {
#define OP(name, fewest, most, outputs) OP_##name,
    STRUCTURED_OPS(OP)
#undef OP
#define UNARY(name, ...) OP_##name,
#define BINARY(name, ...) OP_##name,
#include "elementwise.inc"
#undef UNARY
#undef BINARY
    OP_COUNT
} Op;

typedef enum AttributeKind { KIND_INTS, KIND_REALS, KIND_WORD } AttributeKind;

typedef enum AttributeName {
#define A(name, kind) ATTR_##name,
    ATTRIBUTES(A)
#undef A
    ATTR_COUNT,
    ATTR__ = ATTR_COUNT /* "no parameter" in elementwise.inc */
} AttributeName;

#endif
