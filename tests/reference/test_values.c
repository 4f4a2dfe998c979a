/* What operators mean, by values worked out by hand. */
#include "cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The numbers of each input, and of each result, between semicolons. */
static const struct { const char *text, *inputs, *expected; } rows[] = {
    /* whole numbers: division truncates, by zero gives 0, and nothing overflows into undefined behaviour */
    {"input %a : i32[5]\ninput %b : i32[5]\n%y : ? = Div(%a, %b)", "7 -7 7 -7 5; 2 2 -2 -2 0", "3 -3 -3 3 0"},
    {"input %a : i64[1]\ninput %b : i64[1]\n%y : ? = Div(%a, %b)", "-9223372036854775808; -1", "-9223372036854775808"},
    {"input %a : i8[2]\ninput %b : i8[2]\n%y : ? = Div(%a, %b)", "-128 100; -1 7", "-128 14"},
    {"input %a : u64[2]\ninput %b : u64[2]\n%y : ? = Div(%a, %b)", "7 9223372036854775808; 2 2", "3 4611686018427387904"},
    {"input %a : i32[4]\ninput %b : i32[4]\n%y : ? = Mod(%a, %b)", "7 -7 7 -7; 3 3 -3 -3", "1 2 -2 -1"},
    {"input %a : i32[5]\ninput %b : i32[5]\n%y : ? = Fmod(%a, %b)", "7 -7 7 -7 -2147483648; 3 3 -3 -3 -1", "1 -1 1 -1 0"},
    {"input %a : u8[3]\ninput %b : u8[3]\n%y : ? = Mod(%a, %b)", "200 7 5; 7 0 255", "4 0 5"},
    {"input %a : f32[2]\ninput %b : f32[2]\n%y : ? = Fmod(%a, %b)", "5.5 -5.5; -2 2", "1.5 -1.5"},
    {"input %a : i32[7]\ninput %b : i32[7]\n%y : ? = Pow(%a, %b)", "2 -2 -1 0 2 1 5; 10 3 -3 0 -1 -5 20", "1024 -8 -1 1 0 1 1977800241"},
    {"input %a : f32[3]\ninput %b : f32[3]\n%y : ? = Pow(%a, %b)", "2 9 2; 10 0.5 -1", "1024 3 0.5"},
    {"input %a : u8[3]\ninput %b : u8[3]\n%y : ? = ShiftLeft(%a, %b)", "1 255 1; 7 1 8", "128 254 0"},
    {"input %a : u8[3]\ninput %b : u8[3]\n%y : ? = ShiftRight(%a, %b)", "128 255 255; 7 9 4", "1 0 15"},
    {"input %a : i8[3]\n%y : ? = Abs(%a)", "-128 -5 5", "-128 5 5"},
    {"input %a : i8[3]\n%y : ? = Neg(%a)", "-128 -5 5", "-128 5 -5"},
    {"input %a : u8[2]\n%y : ? = BitwiseNot(%a)", "0 170", "255 85"},
    {"input %a : u8[4]\n%y : ? = Shrink(%a) {lambd=1.5, bias=1.5}", "0 1 2 200", "0 0 0 198"},
    {"input %a : i8[2]\ninput %b : i8[2]\n%y : ? = Mul(%a, %b)", "100 -128; 3 -1", "44 -128"},
    {"input %a : i32[3]\ninput %b : i32[3]\n%y : ? = PRelu(%a, %b)", "-3 3 0; 2 2 2", "-6 3 0"},
    /* NaN goes through; rounding is half to even */
    {"input %a : f32[3]\ninput %b : f32[3]\n%y : ? = Max(%a, %b)", "nan 1 2; 1 nan 1", "nan nan 2"},
    {"input %a : f32[3]\ninput %b : f32[3]\n%y : ? = Min(%a, %b)", "nan 1 2; 1 nan 1", "nan nan 1"},
    {"input %a : f32[4]\n%y : ? = Sign(%a)", "-2 0 3 nan", "-1 0 1 nan"},
    {"input %a : f32[3]\n%y : ? = Relu(%a)", "-2 3 nan", "0 3 nan"},
    {"input %a : f32[4]\n%y : ? = HardSigmoid(%a) {alpha=0.5, beta=0.5}", "-9 0.5 9 nan", "0 0.75 1 nan"},
    {"input %a : f32[4]\n%y : ? = HardSwish(%a)", "-4 0 3 6", "0 0 3 6"},
    {"input %a : f32[5]\n%y : ? = Round(%a)", "0.5 1.5 2.5 -1.5 3.2", "0 2 2 -2 3"},
    {"input %a : f32[3]\n%y : ? = IsInf(%a) {detect_negative=0, detect_positive=1}", "inf -inf 1", "1 0 0"},
    {"input %a : f32[2]\n%y : ? = IsNaN(%a)", "nan 1", "1 0"},
    {"input %a : f64[3]\n%y : ? = Elu(%a) {alpha=2.}", "-1 0 1", "-1.2642411176571153 0 1"},
    {"input %a : f64[3]\n%y : ? = Softplus(%a)", "0 1000 -1000", "0.6931471805599453 1000 0"},
    {"input %a : f64[3]\n%y : ? = Gelu(%a)", "1 -1 0", "0.8413447460685429 -0.15865525393145705 0"},
    {"input %a : f64[3]\n%y : ? = Mish(%a)", "1 0 800", "0.8650983882673103 0 800"},
    {"input %a : bool[4]\ninput %b : bool[4]\n%y : ? = Xor(%a, %b)", "0 0 1 1; 0 1 0 1", "0 1 1 0"},
    {"input %a : i64[2]\ninput %b : i64[2,1]\n%y : ? = Less(%a, %b)", "1 2; 2 3", "1 0 1 1"},
    /* bounds */
    {"input %a : f32[4]\ninput %b : f32[]\ninput %c : f32[]\n%y : ? = Clip(%a, %b, %c)", "-5 0 5 nan; -1; 1", "-1 0 1 nan"},
    {"input %a : f32[3]\ninput %b : f32[]\ninput %c : f32[]\n%y : ? = Clip(%a, %b, %c)", "-5 2 5; 3; 1", "1 1 1"},
    {"input %c : bool[2,1]\ninput %a : i32[2]\ninput %b : i32[]\n%y : ? = Where(%c, %a, %b)", "1 0; 1 2; 9", "1 2 9 9"},
    /* casts: toward zero, limited to the type, whole to whole wraps, to the nearest half */
    {"input %a : f32[6]\n%y : ? = Cast(%a) {to=i8}", "300 -300 nan 1.9 -1.9 inf", "127 -128 0 1 -1 127"},
    {"input %a : f32[3]\n%y : ? = Cast(%a) {to=u64}", "-1 1e30 7.9", "0 18446744073709551615 7"},
    {"input %a : f64[3]\n%y : ? = Cast(%a) {to=i64}", "1e30 -1e30 nan", "9223372036854775807 -9223372036854775808 0"},
    {"input %a : f32[4]\n%y : ? = Cast(%a) {to=bool}", "0 -0 nan 0.5", "0 0 1 1"},
    {"input %a : i32[3]\n%y : ? = Cast(%a) {to=i8}", "300 -129 5", "44 127 5"},
    {"input %a : i64[1]\n%y : ? = Cast(%a) {to=f32}", "16777217", "16777216"},
    {"input %a : f32[7]\n%y : ? = Cast(%a) {to=f16}", "1 65520 65519 1e-8 nan -2 6.2e-8", "15360 31744 31743 0 32256 49152 1"},
    {"input %a : f32[4]\n%y : ? = Cast(%a) {to=bf16}", "1.00390625 1.01171875 -0 3.4e38", "16256 16258 32768 32640"},
    {"input %a : f16[4]\n%y : ? = Cast(%a) {to=f32}", "15360 1 64512 31743", "1 5.9604644775390625e-8 -inf 65504"},
    {"input %a : bf16[2]\n%y : ? = Cast(%a) {to=i32}", "17152 49024", "128 -1"},
    /* convolutions and products; a zero weight is not computed */
    {"input %x : f32[1,1,4]\ninput %w : f32[1,1,3]\n%y : ? = Conv(%x, %w)", "1 2 3 4; 1 0 -1", "-2 -2"},
    {"input %x : f32[1,1,4]\ninput %w : f32[1,1,3]\ninput %b : f32[1]\n%y : ? = Conv(%x, %w, %b) {pads=[1,1]}", "1 2 3 4; 1 0 -1; 10", "8 8 8 13"},
    {"input %x : f32[1,1,3]\ninput %w : f32[1,1,2]\n%y : ? = Conv(%x, %w)", "inf 1 2; 0 1", "1 2"},
    {"input %x : f32[1,2,2]\ninput %w : f32[2,1,1]\n%y : ? = Conv(%x, %w) {group=2}", "1 2 3 4; 10 100", "10 20 300 400"},
    {"input %x : f32[1,1,2]\ninput %w : f32[1,1,3]\n%y : ? = ConvTranspose(%x, %w) {strides=[2]}", "1 2; 1 1 1", "1 1 3 2 2"},
    {"input %x : f32[1,1,2]\ninput %w : f32[1,1,2]\ninput %b : f32[1]\n%y : ? = ConvTranspose(%x, %w, %b) {dilations=[2], pads=[1,0]}",
     "1 2; 1 10; 5", "7 15 25"},
    {"input %a : f32[2,2]\ninput %b : f32[2,2]\ninput %c : f32[2]\n%y : ? = Gemm(%a, %b, %c) {alpha=2., beta=0.5}",
     "1 2 3 4; 1 0 0 1; 10 20", "7 14 11 18"},
    {"input %a : i32[1,2]\ninput %b : i32[1,2]\ninput %c : i32[]\n%y : ? = Gemm(%a, %b, %c) {transB=1}", "2147483647 1; 2 3; 4", "5"},
    {"input %a : f32[2]\ninput %b : f32[2,3]\n%y : ? = MatMul(%a, %b)", "1 10; 1 2 3 4 5 6", "41 52 63"},
    /* pools */
    {"input %x : f32[1,1,5]\n%y : ? = AveragePool(%x) {kernel_shape=[3], strides=[2], pads=[1,1], count_include_pad=1}", "1 2 3 4 5", "1 3 3"},
    {"input %x : f32[1,1,5]\n%y : ? = AveragePool(%x) {kernel_shape=[3], strides=[2], pads=[1,1]}", "1 2 3 4 5", "1.5 3 4.5"},
    {"input %x : f32[1,1,5]\n%y : ? = AveragePool(%x) {kernel_shape=[2], strides=[2], ceil_mode=1, count_include_pad=1}",
     "1 2 3 4 5", "1.5 3.5 5"},
    {"input %x : f32[1,1,2,3]\n%y : ?, %i : ? = MaxPool(%x) {kernel_shape=[2,2]}", "1 5 3 4 2 6", "5 6; 1 5"},
    {"input %x : f32[1,1,2,3]\n%y : ?, %i : ? = MaxPool(%x) {kernel_shape=[2,2], storage_order=1}", "1 5 3 4 2 6", "5 6; 2 5"},
    {"input %x : i8[1,2,2]\n%y : ?, %i : ? = MaxPool(%x) {kernel_shape=[2], pads=[1,0]}", "-7 -8 -3 -4", "-7 -7 -3 -3; 0 0 2 2"},
    {"input %x : f32[1,1,3]\n%y : ? = MaxPool(%x) {kernel_shape=[2]}", "1 nan 0", "nan nan"},
    {"input %x : f32[1,2,3]\n%y : ? = GlobalAveragePool(%x)", "1 2 3 4 5 9", "2 6"},
    {"input %x : f32[1,2,3]\n%y : ? = GlobalMaxPool(%x)", "1 3 2 -4 -5 -9", "3 -4"},
    /* normalisations */
    {"input %x : f64[1,2,2]\ninput %s : f64[2]\ninput %b : f64[2]\ninput %m : f64[2]\ninput %v : f64[2]\n"
     "%y : ? = BatchNormalization(%x, %s, %b, %m, %v) {epsilon=1.}", "1 2 3 4; 2 3; 1 0; 1 3; 3 8", "1 2 0 1"},
    {"input %x : f64[1,3,1]\n%y : ? = LRN(%x) {size=3, alpha=3., beta=1., bias=1.}", "1 2 3",
     "0.16666666666666666 0.13333333333333333 0.21428571428571427"},
    {"input %x : f64[1,1,2]\ninput %s : f64[1]\ninput %b : f64[1]\n%y : ? = InstanceNormalization(%x, %s, %b) {epsilon=0.}", "1 3; 2; 1", "-1 3"},
    {"input %x : f64[1,2]\ninput %s : f64[2]\ninput %b : f64[]\n%y : ? = LayerNormalization(%x, %s, %b) {epsilon=0.}", "1 3; 2 4; 1", "-1 5"},
    {"input %x : f32[2]\n%y : ? = Softmax(%x)", "1000 1000", "0.5 0.5"},
    {"input %x : f64[2,1]\n%y : ? = LogSoftmax(%x) {axis=0}", "1000 1000", "-0.6931471805599453 -0.6931471805599453"},
    {"input %x : f64[2,1]\n%y : ? = Softmax(%x) {axis=0, flatten=1}", "1 1", "0.5 0.5"},
    /* reductions */
    {"input %x : i32[3]\n%y : ? = ReduceMean(%x)", "1 2 4", "2"},
    {"input %x : i8[2]\n%y : ? = ReduceProd(%x)", "100 3", "44"},
    {"input %x : i32[2]\n%y : ? = ReduceL2(%x)", "3 -4", "5"},
    {"input %x : u8[2]\n%y : ? = ReduceL1(%x)", "200 100", "44"},
    {"input %x : f64[2]\n%y : ? = ReduceLogSumExp(%x)", "1000 1000", "1000.6931471805599"},
    {"input %x : f32[2,2]\n%y : ? = ReduceMax(%x) {axes=[1]}", "1 2 nan 3", "2 nan"},
    {"input %x : f32[2,0]\n%y : ? = ReduceSum(%x) {axes=[1]}", "", "0 0"},
    {"input %x : f32[2,0]\n%y : ? = ReduceMax(%x) {axes=[1]}", "", "-inf -inf"},
    {"input %x : i16[1,0]\n%y : ? = ReduceMin(%x) {axes=[1]}", "", "32767"},
    {"input %x : bool[2,2]\n%y : ? = ReduceMin(%x) {axes=[1]}", "1 1 0 1", "1 0"},
    {"input %x : f32[2,3]\n%y : ? = ReduceSum(%x) {axes=[0], keepdims=0}", "1 2 3 10 20 30", "11 22 33"},
    {"input %x : f32[4]\n%y : ? = ArgMax(%x)", "1 3 3 2", "1"},
    {"input %x : f32[4]\n%y : ? = ArgMax(%x) {select_last_index=1}", "1 3 3 2", "2"},
    {"input %x : f32[4]\n%y : ? = ArgMin(%x)", "1 nan 0 nan", "1"},
    /* moving */
    {"input %x : i32[3]\n%y : ? = Pad(%x) {pads=[4,4], mode=reflect}", "1 2 3", "1 2 3 2 1 2 3 2 1 2 3"},
    {"input %x : i32[3]\n%y : ? = Pad(%x) {pads=[4,2], mode=wrap}", "1 2 3", "3 1 2 3 1 2 3 1 2"},
    {"input %x : i32[1]\n%y : ? = Pad(%x) {pads=[2,1], mode=reflect}", "7", "7 7 7 7"},
    {"input %x : i32[2,2]\ninput %v : i32[]\n%y : ? = Pad(%x, _, %v) {pads=[0,1,-1,0]}", "1 2 3 4; 9", "9 1 2"},
    {"input %x : i32[3]\ninput %i : i64[4]\n%y : ? = Gather(%x, %i) {axis=0}", "10 20 30; -1 5 -9 1", "30 30 10 20"},
    {"input %x : i32[4]\n%y : ? = Slice(%x) {starts=[3], ends=[-9], steps=[-2]}", "1 2 3 4", "4 2"},
    {"input %x : i32[2,3]\n%y : ? = Transpose(%x)", "1 2 3 4 5 6", "1 4 2 5 3 6"},
    {"input %x : i32[2,1]\n%y : ? = Expand(%x) {shape=[2]}", "1 2", "1 1 2 2"},
    {"input %x : i32[1,2]\n%y : ? = Tile(%x) {repeats=[2,2]}", "1 2", "1 2 1 2 1 2 1 2"},
    {"input %x : i32[2,1]\ninput %z : i32[2,2]\n%y : ? = Concat(%x, %z) {axis=1}", "1 2; 3 4 5 6", "1 3 4 2 5 6"},
    {"input %x : i32[2,3]\n%y : ?, %z : ? = Split(%x) {axis=1, split=[1,2]}", "1 2 3 4 5 6", "1 4; 2 3 5 6"},
    {"input %x : i32[1,4,1,1]\n%y : ? = DepthToSpace(%x) {blocksize=2}", "1 2 3 4", "1 2 3 4"},
    {"input %x : i32[1,8,1,1]\n%y : ? = DepthToSpace(%x) {blocksize=2}", "1 2 3 4 5 6 7 8", "1 3 5 7 2 4 6 8"},
    {"input %x : i32[1,8,1,1]\n%y : ? = DepthToSpace(%x) {blocksize=2, mode=CRD}", "1 2 3 4 5 6 7 8", "1 2 3 4 5 6 7 8"},
    {"input %x : i32[1,1,2,4]\n%y : ? = SpaceToDepth(%x) {blocksize=2}", "1 2 3 4 5 6 7 8", "1 3 2 4 5 7 6 8"},
    {"input %x : f32[2]\n%y : ? = Resize(%x) {scales=[2.], mode=nearest}", "1 2", "1 1 2 2"},
    {"input %x : f32[2]\n%y : ? = Resize(%x) {scales=[2.], mode=linear}", "1 2", "1 1.25 1.75 2"},
    {"input %x : u8[2]\n%y : ? = Resize(%x) {scales=[2.], mode=linear}", "1 4", "1 1 3 4"},
    {"input %x : i8[4]\n%y : ? = Resize(%x) {scales=[2.], mode=cubic}", "-128 127 -128 127", "-128 -61 96 87 -88 -97 60 127"},
    {"input %x : f32[2]\n%y : ? = Resize(%x) {sizes=[3], mode=linear, coordinate_transformation_mode=align_corners}", "1 2", "1 1.5 2"},
    {"input %x : f32[4]\n%y : ? = Resize(%x) {sizes=[2], mode=linear, antialias=1}", "1 1 3 3", "1.25 2.75"},
    {"input %x : f32[4]\n%y : ? = Resize(%x) {sizes=[2], mode=linear, antialias=1, exclude_outside=1}", "1 1 3 3",
     "1.2857142857142858 2.7142857142857144"},
    {"input %x : f64[3]\n%y : ? = Resize(%x) {sizes=[3], mode=nearest, coordinate_transformation_mode=tf_crop_and_resize, roi=[0.5,1.5], "
     "extrapolation_value=-1.}", "1 2 3", "2 3 -1"},
    /* quantising */
    {"input %x : f32[6]\ninput %s : f32[]\ninput %z : i8[]\n%y : ? = QuantizeLinear(%x, %s, %z)", "0.5 1.5 2.5 -300 300 nan; 1; 0",
     "0 2 2 -128 127 0"},
    {"input %x : f32[2,2]\ninput %s : f32[2]\ninput %z : u8[2]\n%y : ? = QuantizeLinear(%x, %s, %z) {axis=0}", "1 2 3 4; 1 2; 0 100", "1 2 102 102"},
    {"input %x : u8[2]\ninput %s : f32[]\ninput %z : u8[]\n%y : ? = DequantizeLinear(%x, %s, %z)", "0 255; 0.5; 128", "-64 63.5"},
    {"input %x : i32[4]\ninput %s : f32[2]\n%y : ? = DequantizeLinear(%x, %s) {axis=0, block_size=2}", "1 2 3 4; 10 100", "10 20 300 400"},
};

/* The index-th list of a text. */
static const char *list_of(const char *text, int index)
{
    while (index-- > 0 && text)
        text = strchr(text, ';') ? strchr(text, ';') + 1 : NULL;
    return text;
}

static double next_number(const char **text)
{
    char *end;
    double value = strtod(*text, &end);
    assert_ptr_not_equal(*text, end);
    *text = end;
    return value;
}

static void fill(const Case *one, const char *text)
{
    for (int i = 0; i < one->node->input_count; i++) {
        const Value *value = one->node->inputs[i];
        if (!value)
            continue;
        const char *list = list_of(text, value->input_index);
        for (int64_t k = 0; k < shape_count(&value->shape); k++)
            element_set((void *)(uintptr_t)one->inputs[i], value->type, k, next_number(&list));
    }
}

/* Floats must be the nearest to the expected number; a double may be off in its last bits, where it went through the C library. */
static bool alike(double found, double expected, Type type)
{
    if (type == TYPE_F32)
        expected = (double)(float)expected;
    return found == expected || (isnan(found) && isnan(expected)) || (type == TYPE_F64 && fabs(found - expected) < 4e-16 * fabs(expected));
}

static int faults_of(const Case *one, const char *text)
{
    int faults = 0;
    for (int i = 0; i < one->node->output_count && list_of(text, i); i++) {
        const Value *value = one->node->outputs[i];
        const char *list = list_of(text, i);
        for (int64_t k = 0; k < shape_count(&value->shape); k++) {
            double found = element_get(one->outputs[i], value->type, k), expected = next_number(&list);
            if (!alike(found, expected, value->type)) {
                print_error("%s\nresult %d, element %lld: %.17g, expected %.17g\n", one->text, i, (long long)k, found, expected);
                faults++;
            }
        }
        faults += list[strspn(list, " ")] != ';' && list[strspn(list, " ")] != '\0';    /* numbers left over */
    }
    return faults;
}

static Status check_rows(Context *ctx, void *argument)
{
    int *faults = argument;
    for (int i = 0; i < COUNT(rows); i++) {
        Case one;
        case_make(ctx, rows[i].text, 1, &one);
        fill(&one, rows[i].inputs);
        reference_run(one.graph, one.node, one.inputs, one.outputs, NULL, NULL, ctx->scratch);
        *faults += faults_of(&one, rows[i].expected);
        case_free(&one);
    }
    return STATUS_FINE;
}

static void operators_give_the_values_worked_out_by_hand(void **state)
{
    int faults = 0;
    (void)state;
    assert_int_equal(context_run(check_rows, &faults), STATUS_FINE);
    assert_int_equal(faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(operators_give_the_values_worked_out_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
