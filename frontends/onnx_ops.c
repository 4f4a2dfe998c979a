/* The operators of ONNX that tulle knows: a row for each version in which an operator changed in a way that matters here.

   Columns: name, first version, operator of the graph, inputs (fewest, most; -1: any number), attributes, converter.
   Attributes are words of the form  [mark]name[[]][!][=default] :
       axis=1             an int with a default, which the node carries if the model is silent; with a point: a float
       mode='a|b'         a string, one of a and b; the first is the default
       kernel_shape[]!    a list; ! : it must be there.  end : an int or float (as ops.h says) that may be absent
       +flatten=1         the version has no such attribute, our dialect has: the node carries it
       @to                read by the converter
       ~momentum          of no consequence to inference
   Every other attribute is an error. Types of attributes follow from ops.h and the default.                                            */
#include "frontends/importer.h"

#include <string.h>

#define WINDOW "auto_pad='NOTSET|SAME_UPPER|SAME_LOWER|VALID' pads[] strides[]"
#define CONVOLUTION WINDOW " dilations[] group=1 kernel_shape[]"
#define POOLING WINDOW " kernel_shape[]!"
#define RESIZE_MODES "mode='nearest|linear|cubic' cubic_coeff_a=-0.75 exclude_outside=0 extrapolation_value=0.0 " \
                     "nearest_mode='round_prefer_floor|round_prefer_ceil|floor|ceil' "
#define UPSAMPLING "+coordinate_transformation_mode='asymmetric' +nearest_mode='floor' +cubic_coeff_a=-0.75 +exclude_outside=0 " \
                   "+extrapolation_value=0.0 +antialias=0 +keep_aspect_ratio_policy='stretch'"
#define RESIZE_OLD UPSAMPLING " mode='nearest|linear'"
#define RESIZE_11 RESIZE_MODES "coordinate_transformation_mode='half_pixel|pytorch_half_pixel|align_corners|asymmetric|tf_half_pixel_for_nn|" \
                               "tf_crop_and_resize' +antialias=0 +keep_aspect_ratio_policy='stretch'"
#define RESIZE_18 RESIZE_MODES "coordinate_transformation_mode='half_pixel|half_pixel_symmetric|pytorch_half_pixel|align_corners|asymmetric|" \
                               "tf_crop_and_resize' antialias=0 axes[] keep_aspect_ratio_policy='stretch|not_larger|not_smaller'"

#define UNARY_ROW(name, since) {#name, since, OP_##name, 1, 1, "", NULL}
#define BINARY_ROW(name, since) {#name, since, OP_##name, 2, 2, "", NULL}
#define OLD_BINARY_ROWS(name) {#name, 1, OP_##name, 2, 2, "@axis @broadcast", convert_broadcast}, BINARY_ROW(name, 7)
#define REDUCE_ROWS(name, operand_since) \
    {#name, 1, OP_##name, 1, 1, "axes[] keepdims=1 +noop_with_empty_axes=0", NULL}, \
    {#name, operand_since, OP_##name, 1, 2, "keepdims=1 noop_with_empty_axes=0", NULL}
#define ARG_ROWS(name) \
    {#name, 1, OP_##name, 1, 1, "axis=0 keepdims=1 +select_last_index=0", NULL}, \
    {#name, 12, OP_##name, 1, 1, "axis=0 keepdims=1 select_last_index=0", NULL}
#define SOFTMAX_ROWS(name) \
    {#name, 1, OP_##name, 1, 1, "axis=1 +flatten=1", NULL}, \
    {#name, 13, OP_##name, 1, 1, "axis=-1 +flatten=0", NULL}

/* clang-format off */
const OperatorRow operator_rows[] = {
    /* products and convolutions */
    {"Conv", 1, OP_Conv, 2, 3, CONVOLUTION, NULL},
    {"ConvTranspose", 1, OP_ConvTranspose, 2, 3, CONVOLUTION " output_padding[] output_shape[]", NULL},
    {"Gemm", 1, OP_Gemm, 3, 3, "alpha=1.0 beta=1.0 transA=0 transB=0 ~broadcast", NULL},
    {"Gemm", 7, OP_Gemm, 3, 3, "alpha=1.0 beta=1.0 transA=0 transB=0", NULL},
    {"Gemm", 11, OP_Gemm, 2, 3, "alpha=1.0 beta=1.0 transA=0 transB=0", NULL},
    {"MatMul", 1, OP_MatMul, 2, 2, "", NULL},

    /* normalisations */
    {"BatchNormalization", 1, OP_BatchNormalization, 5, 5, "epsilon=0.00001 ~is_test ~momentum ~spatial", convert_batch_normalization},
    {"BatchNormalization", 7, OP_BatchNormalization, 5, 5, "epsilon=0.00001 ~momentum ~spatial", convert_batch_normalization},
    {"BatchNormalization", 9, OP_BatchNormalization, 5, 5, "epsilon=0.00001 ~momentum", convert_batch_normalization},
    {"BatchNormalization", 14, OP_BatchNormalization, 5, 5, "epsilon=0.00001 @momentum @training_mode", convert_batch_normalization},
    {"InstanceNormalization", 1, OP_InstanceNormalization, 3, 3, "epsilon=0.00001", NULL},
    {"LayerNormalization", 17, OP_LayerNormalization, 2, 3, "axis=-1 epsilon=0.00001 @stash_type", convert_layer_normalization},
    {"LRN", 1, OP_LRN, 1, 1, "alpha=0.0001 beta=0.75 bias=1.0 size!", NULL},
    SOFTMAX_ROWS(Softmax),
    SOFTMAX_ROWS(LogSoftmax),

    /* pooling */
    {"MaxPool", 1, OP_MaxPool, 1, 1, POOLING " +ceil_mode=0 +storage_order=0", NULL},
    {"MaxPool", 8, OP_MaxPool, 1, 1, POOLING " +ceil_mode=0 storage_order=0", NULL},
    {"MaxPool", 10, OP_MaxPool, 1, 1, POOLING " ceil_mode=0 storage_order=0 dilations[]", NULL},
    {"AveragePool", 1, OP_AveragePool, 1, 1, POOLING " +ceil_mode=0 +count_include_pad=0", NULL},
    {"AveragePool", 7, OP_AveragePool, 1, 1, POOLING " +ceil_mode=0 count_include_pad=0", NULL},
    {"AveragePool", 10, OP_AveragePool, 1, 1, POOLING " ceil_mode=0 count_include_pad=0", NULL},
    {"AveragePool", 19, OP_AveragePool, 1, 1, POOLING " ceil_mode=0 count_include_pad=0 dilations[]", NULL},
    UNARY_ROW(GlobalMaxPool, 1),
    UNARY_ROW(GlobalAveragePool, 1),

    /* types */
    {"Cast", 6, OP_Cast, 1, 1, "+saturate=1 @to!", convert_cast},
    {"Cast", 19, OP_Cast, 1, 1, "saturate=1 @to!", convert_cast},
    {"Cast", 24, OP_Cast, 1, 1, "saturate=1 @to! ~round_mode", convert_cast},
    {"CastLike", 15, OP_CastLike, 2, 2, "+saturate=1", NULL},
    {"CastLike", 19, OP_CastLike, 2, 2, "saturate=1", NULL},
    {"CastLike", 24, OP_CastLike, 2, 2, "saturate=1 ~round_mode", NULL},
    {"QuantizeLinear", 10, OP_QuantizeLinear, 2, 3, "+axis=1 +block_size=0", NULL},
    {"QuantizeLinear", 13, OP_QuantizeLinear, 2, 3, "axis=1 +block_size=0", NULL},
    {"QuantizeLinear", 19, OP_QuantizeLinear, 2, 3, "axis=1 +block_size=0 ~saturate", NULL},
    {"QuantizeLinear", 21, OP_QuantizeLinear, 2, 3, "axis=1 block_size=0 ~saturate @output_dtype", convert_quantize},
    {"QuantizeLinear", 23, OP_QuantizeLinear, 2, 3, "axis=1 block_size=0 ~saturate @output_dtype @precision", convert_quantize},
    {"DequantizeLinear", 10, OP_DequantizeLinear, 2, 3, "+axis=1 +block_size=0", NULL},
    {"DequantizeLinear", 13, OP_DequantizeLinear, 2, 3, "axis=1 +block_size=0", NULL},
    {"DequantizeLinear", 21, OP_DequantizeLinear, 2, 3, "axis=1 block_size=0", NULL},
    {"DequantizeLinear", 23, OP_DequantizeLinear, 2, 3, "axis=1 block_size=0 @output_dtype", convert_quantize},

    /* moving data */
    {"Concat", 1, OP_Concat, 1, -1, "axis=1", NULL},
    {"Concat", 4, OP_Concat, 1, -1, "axis!", NULL},
    {"Split", 2, OP_Split, 1, 1, "axis=0 split[]", NULL},
    {"Split", 13, OP_Split, 1, 2, "axis=0", NULL},
    {"Split", 18, OP_Split, 1, 2, "axis=0 @num_outputs", convert_split},
    {"Slice", 1, OP_Slice, 1, 1, "axes[] ends[]! starts[]!", NULL},
    {"Slice", 10, OP_Slice, 3, 5, "", NULL},
    {"Gather", 1, OP_Gather, 2, 2, "axis=0", NULL},
    {"Pad", 2, OP_Pad, 1, 1, "mode='constant|reflect|edge' pads[]! @value", convert_pad},
    {"Pad", 11, OP_Pad, 2, 3, "mode='constant|reflect|edge'", NULL},
    {"Pad", 18, OP_Pad, 2, 4, "mode='constant|reflect|edge'", NULL},
    {"Pad", 19, OP_Pad, 2, 4, "mode='constant|reflect|edge|wrap'", NULL},
    {"Upsample", 1, OP_Resize, 1, 1, UPSAMPLING " @mode @height_scale! @width_scale!", convert_upsample},
    {"Upsample", 7, OP_Resize, 1, 1, RESIZE_OLD " scales[]!", NULL},
    {"Upsample", 9, OP_Resize, 2, 2, RESIZE_OLD, convert_resize_scales},
    {"Upsample", 10, OP_Resize, 0, -1, "@mode", convert_withdrawn},
    {"Resize", 10, OP_Resize, 2, 2, RESIZE_OLD, convert_resize_scales},
    {"Resize", 11, OP_Resize, 1, 4, RESIZE_11, convert_resize},
    {"Resize", 18, OP_Resize, 1, 4, RESIZE_18, convert_resize},
    {"Reshape", 1, OP_Reshape, 1, 1, "shape[]! +allowzero=0", NULL},
    {"Reshape", 5, OP_Reshape, 2, 2, "+allowzero=0", NULL},
    {"Reshape", 14, OP_Reshape, 2, 2, "allowzero=0", NULL},
    {"Flatten", 1, OP_Flatten, 1, 1, "axis=1", NULL},
    {"Squeeze", 1, OP_Squeeze, 1, 1, "axes[]", NULL},
    {"Squeeze", 13, OP_Squeeze, 1, 2, "", NULL},
    {"Unsqueeze", 1, OP_Unsqueeze, 1, 1, "axes[]!", NULL},
    {"Unsqueeze", 13, OP_Unsqueeze, 2, 2, "", NULL},
    {"Transpose", 1, OP_Transpose, 1, 1, "perm[]", NULL},
    {"Expand", 8, OP_Expand, 2, 2, "", NULL},
    {"Tile", 6, OP_Tile, 2, 2, "", NULL},
    {"DepthToSpace", 1, OP_DepthToSpace, 1, 1, "blocksize! +mode='DCR'", NULL},
    {"DepthToSpace", 11, OP_DepthToSpace, 1, 1, "blocksize! mode='DCR|CRD'", NULL},
    {"SpaceToDepth", 1, OP_SpaceToDepth, 1, 1, "blocksize!", NULL},
    UNARY_ROW(Identity, 1),
    {"Dropout", 1, OP_Dropout, 1, 1, "~is_test ~ratio", convert_dropout_mask},
    {"Dropout", 7, OP_Dropout, 1, 1, "~ratio", convert_dropout_mask},
    {"Dropout", 10, OP_Dropout, 1, 1, "~ratio", NULL},
    {"Dropout", 12, OP_Dropout, 1, 3, "~seed", convert_dropout},
    {"Where", 9, OP_Where, 3, 3, "", NULL},

    /* constants and shapes */
    {"Constant", 1, OP_Identity, 0, 0, "@value", convert_constant},
    {"Constant", 11, OP_Identity, 0, 0, "@value @sparse_value", convert_constant},
    {"Constant", 12, OP_Identity, 0, 0,
     "@value @sparse_value @value_float @value_floats @value_int @value_ints @value_string @value_strings", convert_constant},
    {"ConstantOfShape", 9, OP_ConstantOfShape, 1, 1, "@value", convert_constant_of_shape},
    {"Shape", 1, OP_Shape, 1, 1, "+start=0", NULL},
    {"Shape", 15, OP_Shape, 1, 1, "start=0 end", NULL},
    UNARY_ROW(Size, 1),
    {"Range", 11, OP_Range, 3, 3, "", NULL},
    {"Range", 27, OP_Range, 3, 3, "~stash_type", NULL},

    /* reductions */
    REDUCE_ROWS(ReduceL1, 18),
    REDUCE_ROWS(ReduceL2, 18),
    REDUCE_ROWS(ReduceLogSum, 18),
    REDUCE_ROWS(ReduceLogSumExp, 18),
    REDUCE_ROWS(ReduceMax, 18),
    REDUCE_ROWS(ReduceMean, 18),
    REDUCE_ROWS(ReduceMin, 18),
    REDUCE_ROWS(ReduceProd, 18),
    REDUCE_ROWS(ReduceSum, 13),
    REDUCE_ROWS(ReduceSumSquare, 18),
    ARG_ROWS(ArgMax),
    ARG_ROWS(ArgMin),

    /* elementwise, of one operand */
    UNARY_ROW(Abs, 1), UNARY_ROW(Acos, 7), UNARY_ROW(Acosh, 9), UNARY_ROW(Asin, 7), UNARY_ROW(Asinh, 9), UNARY_ROW(Atan, 7), UNARY_ROW(Atanh, 9),
    UNARY_ROW(BitwiseNot, 18), UNARY_ROW(Ceil, 1), UNARY_ROW(Cos, 7), UNARY_ROW(Cosh, 9), UNARY_ROW(Erf, 9), UNARY_ROW(Exp, 1), UNARY_ROW(Floor, 1),
    UNARY_ROW(HardSwish, 14), UNARY_ROW(IsNaN, 9), UNARY_ROW(Log, 1), UNARY_ROW(Mish, 18), UNARY_ROW(Neg, 1), UNARY_ROW(Not, 1),
    UNARY_ROW(Reciprocal, 1), UNARY_ROW(Relu, 1), UNARY_ROW(Round, 11), UNARY_ROW(Sigmoid, 1), UNARY_ROW(Sign, 9), UNARY_ROW(Sin, 7),
    UNARY_ROW(Sinh, 9), UNARY_ROW(Softplus, 1), UNARY_ROW(Softsign, 1), UNARY_ROW(Sqrt, 1), UNARY_ROW(Tan, 7), UNARY_ROW(Tanh, 1),
    {"Celu", 12, OP_Celu, 1, 1, "alpha=1.0", NULL},
    {"Clip", 1, OP_Clip, 1, 1, "@max @min", convert_clip},
    {"Clip", 11, OP_Clip, 1, 3, "", NULL},
    {"Elu", 1, OP_Elu, 1, 1, "alpha=1.0", NULL},
    {"Gelu", 20, OP_Gelu, 1, 1, "@approximate", convert_gelu},
    {"HardSigmoid", 1, OP_HardSigmoid, 1, 1, "alpha=0.2 beta=0.5", NULL},
    {"IsInf", 10, OP_IsInf, 1, 1, "detect_negative=1 detect_positive=1", NULL},
    {"LeakyRelu", 1, OP_LeakyRelu, 1, 1, "alpha=0.01", NULL},
    {"Selu", 1, OP_Selu, 1, 1, "alpha=1.6732 gamma=1.0507", NULL},
    {"Selu", 6, OP_Selu, 1, 1, "alpha=1.67326319217681884765625 gamma=1.05070102214813232421875", NULL},
    {"Shrink", 9, OP_Shrink, 1, 1, "bias=0.0 lambd=0.5", NULL},
    {"Swish", 24, OP_Swish, 1, 1, "alpha=1.0", NULL},
    {"ThresholdedRelu", 1, OP_ThresholdedRelu, 1, 1, "alpha=1.0", NULL},

    /* elementwise, of two operands and more */
    OLD_BINARY_ROWS(Add), OLD_BINARY_ROWS(Sub), OLD_BINARY_ROWS(Mul), OLD_BINARY_ROWS(Div), OLD_BINARY_ROWS(Pow),
    OLD_BINARY_ROWS(And), OLD_BINARY_ROWS(Or), OLD_BINARY_ROWS(Xor), OLD_BINARY_ROWS(Equal), OLD_BINARY_ROWS(Greater), OLD_BINARY_ROWS(Less),
    BINARY_ROW(GreaterOrEqual, 12), BINARY_ROW(LessOrEqual, 12), BINARY_ROW(BitwiseAnd, 18), BINARY_ROW(BitwiseOr, 18), BINARY_ROW(BitwiseXor, 18),
    {"PRelu", 1, OP_PRelu, 2, 2, "", convert_prelu},
    BINARY_ROW(PRelu, 7),
    {"Mod", 10, OP_Mod, 2, 2, "@fmod", convert_mod},
    {"BitShift", 11, OP_ShiftLeft, 2, 2, "@direction!", convert_bit_shift},
    {"Max", 1, OP_Max, 1, -1, "", convert_variadic},
    {"Min", 1, OP_Min, 1, -1, "", convert_variadic},
    {"Sum", 1, OP_Add, 1, -1, "", convert_variadic},
    {"Mean", 1, OP_Add, 1, -1, "", convert_variadic},
};
/* clang-format on */
const int operator_row_count = COUNT(operator_rows);

const OperatorRow *operator_find(const char *name, int64_t version, int *since)
{
    const OperatorRow *found = NULL;
    *since = 0;
    for (int i = 0; i < operator_row_count; i++) {
        const OperatorRow *row = &operator_rows[i];
        if (strcmp(row->name, name) != 0)
            continue;
        if (*since == 0)
            *since = row->since;
        if (row->since <= version)
            found = row;
    }
    return found;
}
