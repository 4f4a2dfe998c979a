/* Operators of every age become the graph's one dialect. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static const Bytes none;

/* x and z: [1,2,4,4]; c: [2]; k, n: whole numbers; h: half precision; d: double; w: constants. */
static Bytes around(int opset, Bytes node_message)
{
    return model_of(opset,
                    graph(INPUT, value_info("x", FLOAT, "1,2,4,4"), INPUT, value_info("z", FLOAT, "1,2,4,4"), INPUT, value_info("c", FLOAT, "2"),
                          INPUT, value_info("k", INT64, "2"), INPUT, value_info("u", UINT8, "2"), INPUT, value_info("h", FLOAT16, "2"), INPUT,
                          value_info("d", DOUBLE, "2"), INITIALIZER, tensor_floats("w", "2", "3,4"), INITIALIZER, tensor_floats("e", "0", ""),
                          INITIALIZER, tensor_floats("s4", "4", "1,1,2,2"), INITIALIZER, tensor_raw("yes", BOOLEAN, "", "\1", 1), INITIALIZER,
                          tensor_raw("no", BOOLEAN, "", "\0", 1), INITIALIZER, tensor_floats("zero", "", "0"), NODE, node_message, OUTPUT,
                          value_info("y", FLOAT, NULL)),
                    none);
}

#define becomes(opset, node_message, ...) expect_graph(around(opset, node_message), __VA_ARGS__)
#define fails(opset, node_message, status, ...) expect_failure(around(opset, node_message), status, __VA_ARGS__)

static void defaults_are_those_of_the_version(void **state)
{
    (void)state;
    becomes(6, node("Softmax", "n", "x", "y"), "Softmax(%x) {axis=1, flatten=1}");
    becomes(13, node("Softmax", "n", "x", "y"), "Softmax(%x) {axis=-1, flatten=0}");
    becomes(13, node("LogSoftmax", "n", "x", "y", attribute_int("axis", 2)), "LogSoftmax(%x) {axis=2, flatten=0}");
    becomes(6, node("Conv", "n", "x,z", "y", attribute_ints("pads", "1,1,1,1")), "Conv(%x, %z) {auto_pad=\"NOTSET\", group=1, pads=[1,1,1,1]}");
    becomes(22, node("Conv", "n", "x,z,c", "y", attribute_word("auto_pad", "SAME_UPPER"), attribute_int("group", 2)),
            "{auto_pad=\"SAME_UPPER\", group=2}");
    becomes(9, node("Selu", "n", "x", "y"), "{alpha=1.6732631921768188, gamma=1.0507010221481323}");
    becomes(9, node("LRN", "n", "x", "y", attribute_int("size", 5)), "alpha=9.999999747378752e-05, beta=0.75, bias=1, size=5");
    becomes(9, node("HardSigmoid", "n", "x", "y"), "{alpha=0.20000000298023224, beta=0.5}");
    becomes(10, node("QuantizeLinear", "n", "x,c,u", "y"), "{axis=1, block_size=0}");
    becomes(23, node("QuantizeLinear", "n", "x,c", "y", attribute_int("output_dtype", INT8), attribute_int("axis", -1)),
            "{axis=-1, block_size=0, to=");
    becomes(7, node("AveragePool", "n", "x", "y", attribute_ints("kernel_shape", "2,2")), "ceil_mode=0", "count_include_pad=0");
    becomes(11, node("ArgMax", "n", "x", "y"), "{axis=0, keepdims=1, select_last_index=0}");
    becomes(15, node("Shape", "n", "x", "y", attribute_int("end", 2)), "{end=2, start=0}");
    becomes(10, node("IsInf", "n", "x", "y", attribute_int("detect_negative", 0)), "{detect_negative=0, detect_positive=1}");
}

static void attributes_and_operands_of_old(void **state)
{
    (void)state;
    becomes(6, node("Slice", "n", "x", "y", attribute_ints("starts", "1"), attribute_ints("ends", "2"), attribute_ints("axes", "1")),
            "{axes=1, ends=2, starts=1}");
    becomes(6, node("Clip", "n", "x", "y", attribute_float("min", 0), attribute_float("max", 6)), "const %n/min : f32[] = 0",
            "const %n/max : f32[] = 6", "Clip(%x, %n/min, %n/max) \"n\"");
    becomes(6, node("Clip", "n", "d", "y", attribute_float("min", 0)), "const %n/min : f64[] = 0", "const %n/max : f64[] = 3.4");
    becomes(6, node("Clip", "n", "h", "y", attribute_float("min", 0)), "CastLike(%n/min, %h)");
    becomes(2, node("Pad", "n", "x", "y", attribute_ints("pads", "0,0,1,1,0,0,1,1"), attribute_float("value", 2)), "Pad(%x, _, %n/value)",
            "pads=[0,0,1,1,0,0,1,1]");
    becomes(7, node("Upsample", "n", "x", "y", attribute_floats("scales", "1,1,2,2"), attribute_word("mode", "linear")),
            "Resize(%x) {", "coordinate_transformation_mode=\"asymmetric\"", "mode=\"linear\", nearest_mode=\"floor\"", "scales=[1,1,2,2]");
    becomes(
        6, node("Upsample", "n", "x", "y", attribute_float("height_scale", 2), attribute_float("width_scale", 3), attribute_word("mode", "bilinear")),
        "mode=\"linear\"", "scales=[1,1,2,3]");
    becomes(9, node("Upsample", "n", "x,s4", "y"), "Resize(%x, _, %s4) {", "mode=\"nearest\"");
    becomes(10, node("Resize", "n", "x,s4", "y"), "Resize(%x, _, %s4) {", "mode=\"nearest\"", "asymmetric");
    becomes(11, node("Resize", "n", "x,e,s4", "y"), "Resize(%x, _, %s4)", "half_pixel");
    becomes(11, node("Resize", "n", "x,e,e,k", "y"), "Resize(%x, _, _, %k)");
    becomes(6, node("Squeeze", "n", "x", "y", attribute_ints("axes", "0")), "{axes=0}");
    becomes(6, node("ReduceSum", "n", "x", "y", attribute_ints("axes", "0,1"), attribute_int("keepdims", 0)),
            "{axes=[0,1], keepdims=0, noop_with_empty_axes=0}");
    becomes(13, node("ReduceSum", "n", "x,k", "y"), "ReduceSum(%x, %k) {keepdims=1, noop_with_empty_axes=0}");
    becomes(6,
            node("BatchNormalization", "n", "x,c,c,c,c", "y", attribute_int("is_test", 1), attribute_int("spatial", 1),
                 attribute_float("momentum", 0.5f)),
            "{epsilon=9.999999747378752e-06}");
    becomes(6, node("Relu", "n", "x", "y", attribute_ints("consumed_inputs", "0")), "Relu(%x) \"n\"");
    becomes(10, node("Dropout", "n", "x", "y,mask", attribute_float("ratio", 0.3f)), "%y : ?, %mask : ? = Dropout(%x)");
    becomes(6, node("Dropout", "n", "x", "y,mask", attribute_float("ratio", 0.3f)), "%y : ?, %n/kept : ? = Dropout(%x)",
            "%mask : ? = CastLike(%n/kept, %x)");
    becomes(13, node("Dropout", "n", "x,c,no", "y"), "Dropout(%x)");
    becomes(13, node("Dropout", "n", "x,zero,yes", "y"), "Dropout(%x)");
}

static void broadcasting_of_old(void **state)
{
    (void)state;
    becomes(6, node("Add", "n", "x,z", "y"), "Add(%x, %z)");
    becomes(6, node("Mul", "n", "x,w", "y", attribute_int("broadcast", 1), attribute_int("axis", 1)), "f32[2,1,1] = 3 4", "Mul(%x, %\"w#2\")");
    becomes(6, node("Less", "n", "x,c", "y", attribute_int("broadcast", 1), attribute_int("axis", -3)), "Unsqueeze(%c, %n/axes)", "= 1 2",
            "Less(%x, %n/operand)");
    becomes(6, node("Add", "n", "x,c", "y", attribute_int("broadcast", 1)), "Add(%x, %c)");
    becomes(6, node("PRelu", "n", "x,w", "y"), "f32[2,1,1] = 3 4", "PRelu(%x, %\"w#2\")");
    becomes(7, node("PRelu", "n", "x,w", "y"), "PRelu(%x, %w)");
    fails(6, node("Add", "n", "x,c", "y", attribute_int("broadcast", 1), attribute_int("axis", 4)), STATUS_MODEL, "node 'n' (Add)", "'axis'");
    fails(7, node("Add", "n", "x,c", "y", attribute_int("broadcast", 1)), STATUS_MODEL, "'broadcast' does not exist in opset 7");
}

static void one_operator_for_another(void **state)
{
    (void)state;
    becomes(20, node("Gelu", "n", "x", "y", attribute_word("approximate", "tanh")), "GeluTanh(%x) \"n\"");
    becomes(20, node("Gelu", "n", "x", "y"), "Gelu(%x) \"n\"");
    becomes(11, node("BitShift", "n", "u,u", "y", attribute_word("direction", "LEFT")), "ShiftLeft(%u, %u)");
    becomes(11, node("BitShift", "n", "u,u", "y", attribute_word("direction", "RIGHT")), "ShiftRight(%u, %u)");
    becomes(13, node("Mod", "n", "x,z", "y", attribute_int("fmod", 1)), "Fmod(%x, %z)");
    becomes(13, node("Mod", "n", "k,k", "y"), "Mod(%k, %k)");
    becomes(8, node("Sum", "n", "x", "y"), "Identity(%x) \"n\"");
    becomes(8, node("Max", "n", "x,z,c", "y"), "%n/part : ? = Max(%x, %z) \"n/part\"\n%y : ? = Max(%n/part, %c) \"n\"");
    becomes(8, node("Mean", "n", "x,z,c", "y"), "const %n/count : f32[] = 3", "Add(%x, %z) \"n/part\"", "Add(%n/part, %c) \"n/part#2\"",
            "Div(%\"n/part#2\", %n/count) \"n\"");
    fails(20, node("Gelu", "n", "x", "y", attribute_word("approximate", "sort of")), STATUS_MODEL, "'sort of'");
    fails(11, node("BitShift", "n", "u,u", "y", attribute_word("direction", "UP")), STATUS_MODEL, "'UP'");
    fails(11, node("BitShift", "n", "u,u", "y"), STATUS_MODEL, "'direction' is missing");
}

static void constants_in_all_forms(void **state)
{
    (void)state;
    Bytes sparse = {0};
    put_message(&sparse, 1, tensor_floats("s", "1", "7"));
    put_message(&sparse, 2, tensor_ints("i", "1", "1"));
    put_number(&sparse, 3, 2);
    becomes(9, node("Constant", "n", "", "y", attribute_tensor("value", tensor_ints("", "2", "5,6"))), "const %y : i64[2] = 5 6");
    becomes(12, node("Constant", "n", "", "y", attribute_float("value_float", 1.5f)), "const %y : f32[] = 1.5");
    becomes(12, node("Constant", "n", "", "y", attribute_floats("value_floats", "1.5,2")), "const %y : f32[2] = 1.5 2");
    becomes(12, node("Constant", "n", "", "y", attribute_int("value_int", -3)), "const %y : i64[] = -3");
    becomes(12, node("Constant", "n", "", "y", attribute_ints("value_ints", "-3,4")), "const %y : i64[2] = -3 4");
    becomes(11, node("Constant", "n", "", "y", attribute_sparse("sparse_value", sparse)), "const %y : f32[2] = 0 7");
    becomes(9, node("ConstantOfShape", "n", "k", "y"), "const %n/value : f32[] = 0", "ConstantOfShape(%k, %n/value)");
    becomes(9, node("ConstantOfShape", "n", "k", "y", attribute_tensor("value", tensor_ints("", "1", "5"))), "const %n/value : i64[] = 5");
    fails(12, node("Constant", "n", "", "y", attribute_word("value_string", "a")), STATUS_UNSUPPORTED, "node 'n' (Constant)", "string");
    fails(12, node("Constant", "n", "", "y", attribute_int("value_int", 1), attribute_float("value_float", 1)), STATUS_MODEL, "twice");
    fails(12, node("Constant", "n", "", "y"), STATUS_MODEL, "states no value");
    fails(9, node("ConstantOfShape", "n", "k", "y", attribute_tensor("value", tensor_ints("", "2", "5,6"))), STATUS_MODEL, "2 elements");
}

static void casts(void **state)
{
    (void)state;
    becomes(13, node("Cast", "n", "x", "y", attribute_int("to", INT64)), "Cast(%x) {saturate=1, to=");
    fails(13, node("Cast", "n", "x", "y", attribute_int("to", STRING)), STATUS_UNSUPPORTED, "string");
    fails(19, node("Cast", "n", "x", "y", attribute_int("to", FLOAT8)), STATUS_UNSUPPORTED, "float8e4m3fn");
    fails(13, node("Cast", "n", "x", "y", attribute_int("to", (int64_t)1 << 40)), STATUS_UNSUPPORTED, "not define");
    fails(13, node("Cast", "n", "x", "y"), STATUS_MODEL, "'to' is missing");
}

static void training_is_refused(void **state)
{
    (void)state;
    fails(13, node("Dropout", "n", "x,c,yes", "y"), STATUS_UNSUPPORTED, "Dropout in training mode", "inference");
    fails(13, node("Dropout", "n", "x,c,k", "y"), STATUS_UNSUPPORTED, "only known at run time");
    fails(7, node("BatchNormalization", "n", "x,c,c,c,c", "y,m,v"), STATUS_UNSUPPORTED, "running statistics");
    becomes(14, node("BatchNormalization", "n", "x,c,c,c,c", "y,m,v", attribute_int("training_mode", 1)),
            "BatchNormalization(%x, %c, %c, %\"n/mean#2\", %\"n/mean#3\")");
}

static void faults_of_nodes(void **state)
{
    (void)state;
    fails(13, node("Conv", "n", "x", "y"), STATUS_MODEL, "node 'n' (Conv)", "it has 1 input, and needs 2 to 3");
    fails(13, node("Conv", "n", "x,", "y"), STATUS_MODEL, "1 input, and needs");
    fails(13, node("Conv", "n", ",z", "y"), STATUS_MODEL, "its input 0 is missing");
    fails(13, node("Relu", "n", "x,z", "y"), STATUS_MODEL, "it has 2 inputs, and needs 1");
    fails(13, node("Relu", "n", "x", "y,a"), STATUS_MODEL, "2 outputs, 1 at most");
    fails(13, node("Concat", "n", "x,z", "y"), STATUS_MODEL, "'axis' is missing");
    fails(13, node("Concat", "n", "x,,z", "y", attribute_int("axis", 0)), STATUS_MODEL, "input 1 is missing");
    fails(13, node("Concat", "n", "x,z", "y", attribute_float("axis", 1)), STATUS_MODEL, "'axis' must be an int and is a float");
    fails(13, node("Softmax", "n", "x", "y", attribute_int("axis", 1), attribute_int("axis", 2)), STATUS_MODEL, "'axis' is there twice");
    fails(13, node("Softmax", "n", "x", "y", attribute_int("speed", 1)), STATUS_MODEL, "'speed' does not exist in opset 13");
    fails(13, node("Pad", "n", "x,k", "y", attribute_word("mode", "wrap")), STATUS_MODEL, "'mode' is 'wrap', not one of constant|reflect|edge");
    fails(10, node("Upsample", "n", "x,s4", "y"), STATUS_MODEL, "withdrawn");
    fails(18, node("Split", "n", "x", "y,a", attribute_int("num_outputs", 3)), STATUS_MODEL, "2 outputs", "says 3");
}

static void outputs_that_nobody_wants(void **state)
{
    (void)state;
    becomes(13, node("Split", "n", "x", ",y,"), "_, %y : ?, _ = Split(%x)");
    becomes(13, node("MaxPool", "n", "x", "y,", attribute_ints("kernel_shape", "2,2")), "%y : ? = MaxPool(%x)");
    becomes(13, node("MaxPool", "n", "x", ",y", attribute_ints("kernel_shape", "2,2")), "%n/0 : ?, %y : ? = MaxPool(%x)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_version),
        cmocka_unit_test(attributes_and_operands_of_old),
        cmocka_unit_test(broadcasting_of_old),
        cmocka_unit_test(one_operator_for_another),
        cmocka_unit_test(constants_in_all_forms),
        cmocka_unit_test(casts),
        cmocka_unit_test(training_is_refused),
        cmocka_unit_test(faults_of_nodes),
        cmocka_unit_test(outputs_that_nobody_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
