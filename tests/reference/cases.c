#include "cases.h"

#include <stdlib.h>
#include <string.h>

#define REAL "f32 f64 "
#define WHOLE "i8 i16 i32 i64 u8 u16 u32 u64 "
#define HALF "f16 bf16 "
#define ANY REAL WHOLE HALF "bool "

/* `@` stands for each of the types. Further types of operands are written out. */
static const struct { const char *types, *text; } structured[] = {
    {REAL, "input %a : @[2,4,7,19]\ninput %b : @[6,2,3,2]\ninput %c : @[6]\n%y : ? = Conv(%a, %b, %c) {group=2, pads=[1,0,1,1], strides=[2,1]}"},
    {REAL, "input %a : @[1,3,40]\ninput %b : @[2,3,5]\n%y : ? = Conv(%a, %b) {pads=[7,2], strides=[3], dilations=[2]}"},
    {REAL, "input %a : @[1,2,90]\ninput %b : @[2,2,4]\n%y : ? = Conv(%a, %b) {pads=[9,9], dilations=[21]}"},
    {REAL, "input %a : @[1,2,3,4,5]\ninput %b : @[2,2,2,2,2]\n%y : ? = Conv(%a, %b) {pads=[1,1,1,0,0,0]}"},
    {REAL, "input %a : @[2,4,3,5]\ninput %b : @[4,3,2,3]\ninput %c : @[6]\n"
           "%y : ? = ConvTranspose(%a, %b, %c) {group=2, strides=[2,3], pads=[0,1,1,0], output_padding=[1,0]}"},
    {REAL, "input %a : @[1,2,40]\ninput %b : @[2,1,3]\n%y : ? = ConvTranspose(%a, %b) {strides=[2], dilations=[2]}"},
    {REAL, "input %a : @[1,1,2,2,3]\ninput %b : @[1,2,2,2,2]\n%y : ? = ConvTranspose(%a, %b) {strides=[1,2,1]}"},
    {REAL WHOLE, "input %a : @[3,5]\ninput %b : @[5,20]\ninput %c : @[20]\n%y : ? = Gemm(%a, %b, %c)"},
    {REAL WHOLE, "input %a : @[5,3]\ninput %b : @[20,5]\ninput %c : @[3,1]\n%y : ? = Gemm(%a, %b, %c) {transA=1, transB=1, alpha=0.5, beta=2}"},
    {REAL WHOLE, "input %a : @[2,1,3,4]\ninput %b : @[5,4,2]\n%y : ? = MatMul(%a, %b)"},
    {REAL WHOLE, "input %a : @[4]\ninput %b : @[3,4,33]\n%y : ? = MatMul(%a, %b)"},
    {REAL WHOLE, "input %a : @[3,4]\ninput %b : @[4]\n%y : ? = MatMul(%a, %b)"},
    {REAL, "input %a : @[2,3,4]\ninput %b : @[3]\ninput %c : @[3]\ninput %d : @[3]\ninput %e : @[3]\n"
           "%y : ? = BatchNormalization(%a, %b, %c, %d, %e)"},
    {REAL, "input %a : @[2,3,4]\ninput %b : @[3,4]\ninput %c : @[3,4]\ninput %d : @[3,4]\ninput %e : @[3,4]\n"
           "%y : ? = BatchNormalization(%a, %b, %c, %d, %e)"},
    {REAL, "input %a : @[2,7,3,2]\n%y : ? = LRN(%a) {size=4, alpha=0.1}"},
    {REAL, "input %a : @[2,3,4,5]\ninput %b : @[3]\ninput %c : @[3]\n%y : ? = InstanceNormalization(%a, %b, %c)"},
    {REAL, "input %a : @[2,3,4]\ninput %b : @[3,1]\ninput %c : @[4]\n%y : ?, %m : ?, %i : ? = LayerNormalization(%a, %b, %c) {axis=1}"},
    {REAL, "input %a : @[2,3,4]\ninput %b : @[4]\n%y : ? = LayerNormalization(%a, %b)"},
    {REAL, "input %a : @[2,3,4]\n%y : ? = Softmax(%a) {axis=1}"},
    {REAL, "input %a : @[2,3,4]\n%y : ? = Softmax(%a) {axis=1, flatten=1}"},
    {REAL, "input %a : @[2,3,4]\n%y : ? = LogSoftmax(%a)"},
    {REAL WHOLE, "input %a : @[2,2,5,6]\n%y : ?, %i : ? = MaxPool(%a) {kernel_shape=[3,2], strides=[2,1], pads=[1,0,1,1], ceil_mode=1}"},
    {REAL WHOLE, "input %a : @[1,2,3,4,5]\n%y : ?, %i : ? = MaxPool(%a) {kernel_shape=[2,2,2], storage_order=1, dilations=[1,2,1]}"},
    {REAL, "input %a : @[2,2,5,6]\n%y : ? = AveragePool(%a) {kernel_shape=[3,2], strides=[2,3], pads=[1,0,1,1], ceil_mode=1}"},
    {REAL, "input %a : @[2,2,9]\n%y : ? = AveragePool(%a) {kernel_shape=[3], strides=[2], pads=[1,1], count_include_pad=1, dilations=[2]}"},
    {REAL, "input %a : @[2,2,5,6]\n%y : ? = GlobalMaxPool(%a)"},
    {REAL, "input %a : @[2,2,5]\n%y : ? = GlobalAveragePool(%a)"},
    {REAL WHOLE, "input %a : @[7]\ninput %b : @[]\ninput %c : @[]\n%y : ? = Clip(%a, %b, %c)"},
    {REAL WHOLE, "input %a : @[7]\ninput %b : @[]\n%y : ? = Clip(%a, _, %b)"},
    {REAL WHOLE, "input %a : @[7]\n%y : ? = Clip(%a)"},
    {ANY, "input %c : bool[3,1]\ninput %a : @[2,1,4]\ninput %b : @[4]\n%y : ? = Where(%c, %a, %b)"},
    {ANY, "input %a : @[2,3]\n%y : ? = Concat(%a) {axis=0}"},
    {ANY, "input %a : @[2,3]\ninput %b : @[2,1]\n%y : ? = Concat(%a, %b, %a) {axis=1}"},
    {ANY, "input %a : @[2,5]\n%y : ?, _, %z : ? = Split(%a) {axis=1, split=[2,1,2]}"},
    {ANY, "input %a : @[4,5,6]\n%y : ? = Slice(%a) {starts=[3,1], ends=[-10,5], axes=[0,2], steps=[-2,3]}"},
    {ANY, "input %a : @[3,4,2]\ninput %i : i64[2,2]\n%y : ? = Gather(%a, %i) {axis=1}"},
    {ANY, "input %a : @[3]\ninput %i : i32[]\n%y : ? = Gather(%a, %i) {axis=0}"},
    {ANY, "input %a : @[3,4]\n%y : ? = Pad(%a) {pads=[1,2,0,-1], mode=constant}"},
    {ANY, "input %a : @[3,4]\ninput %v : @[]\n%y : ? = Pad(%a, _, %v) {pads=[1,0,0,3]}"},
    {ANY, "input %a : @[3,4]\n%y : ? = Pad(%a) {pads=[1,2,2,3], mode=reflect}"},
    {ANY, "input %a : @[3,4]\n%y : ? = Pad(%a) {pads=[1,2,2,3], mode=edge}"},
    {ANY, "input %a : @[3,4]\n%y : ? = Pad(%a) {pads=[5,2,2,9], mode=wrap}"},
    {ANY, "input %a : @[1,2,3,4]\n%y : ? = Resize(%a) {scales=[1.,1.,2.,0.7], mode=nearest}"},
    {ANY, "input %a : @[3,4]\n%y : ? = Resize(%a) {sizes=[5,3], mode=nearest, coordinate_transformation_mode=tf_crop_and_resize, "
          "roi=[-0.5,0.,1.5,0.5], extrapolation_value=1.}"},
    {REAL WHOLE, "input %a : @[1,2,3,4]\n%y : ? = Resize(%a) {scales=[1.,1.,2.,0.7], mode=linear}"},
    {REAL WHOLE, "input %a : @[2,9,8]\n%y : ? = Resize(%a) {sizes=[2,4,3], mode=cubic, antialias=1, exclude_outside=1}"},
    {ANY, "input %a : @[2,6]\n%y : ? = Reshape(%a) {shape=[3,4]}"},
    {ANY, "input %a : @[2,3,4]\n%y : ? = Transpose(%a) {perm=[2,0,1]}"},
    {ANY, "input %a : @[2,1,3]\n%y : ? = Expand(%a) {shape=[2,2,4,1]}"},
    {ANY, "input %a : @[2,3]\n%y : ? = Tile(%a) {repeats=[2,3]}"},
    {ANY, "input %a : @[2,8,2,3]\n%y : ? = DepthToSpace(%a) {blocksize=2}"},
    {ANY, "input %a : @[2,8,2,3]\n%y : ? = DepthToSpace(%a) {blocksize=2, mode=CRD}"},
    {ANY, "input %a : @[2,2,4,6]\n%y : ? = SpaceToDepth(%a) {blocksize=2}"},
    {REAL WHOLE, "input %a : @[4,3,5]\n%y : ? = ArgMax(%a) {axis=1}"},
    {REAL WHOLE, "input %a : @[4,3,5]\n%y : ? = ArgMin(%a) {axis=0, select_last_index=1, keepdims=0}"},
    {"i8 i16 u8 u16", "input %a : f32[2,3,4]\ninput %s : f32[3]\ninput %z : @[3]\n%y : ? = QuantizeLinear(%a, %s, %z) {axis=1}"},
    {"i8 i16 u8 u16", "input %a : f64[2,3]\ninput %s : f64[]\ninput %z : @[]\n%y : ? = QuantizeLinear(%a, %s, %z)"},
    {"i8 i16 u8 u16", "input %a : i32[2,4]\ninput %s : f32[2,2]\ninput %z : @[2,2]\n%y : ? = QuantizeLinear(%a, %s, %z) {block_size=2}"},
    {"i8 i16 i32 u8 u16 u32", "input %a : @[2,3,4]\ninput %s : f32[2,2,4]\ninput %z : @[2,2,4]\n"
                              "%y : ? = DequantizeLinear(%a, %s, %z) {block_size=2}"},
    {"i8 i16 i32 u8 u16 u32", "input %a : @[2,3]\ninput %s : f64[]\n%y : ? = DequantizeLinear(%a, %s)"},
};

static const char *const reductions[] = {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
                                         "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"};

/* ---- elements ---- */

double case_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) / (1 << 24);
}

double element_get(const void *data, Type type, int64_t i)
{
    switch (type) {
    case TYPE_F32: return ((const float *)data)[i];
    case TYPE_F64: return ((const double *)data)[i];
    case TYPE_I8: return ((const int8_t *)data)[i];
    case TYPE_I16: return ((const int16_t *)data)[i];
    case TYPE_I32: return ((const int32_t *)data)[i];
    case TYPE_I64: return (double)((const int64_t *)data)[i];
    case TYPE_U16: case TYPE_F16: case TYPE_BF16: return ((const uint16_t *)data)[i];
    case TYPE_U32: return ((const uint32_t *)data)[i];
    case TYPE_U64: return (double)((const uint64_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

void element_set(void *data, Type type, int64_t i, double value)
{
    switch (type) {
    case TYPE_F32: ((float *)data)[i] = (float)value; break;
    case TYPE_F64: ((double *)data)[i] = value; break;
    case TYPE_I8: ((int8_t *)data)[i] = (int8_t)value; break;
    case TYPE_I16: ((int16_t *)data)[i] = (int16_t)value; break;
    case TYPE_I32: ((int32_t *)data)[i] = (int32_t)value; break;
    case TYPE_I64: ((int64_t *)data)[i] = (int64_t)value; break;
    case TYPE_U16: case TYPE_F16: case TYPE_BF16: ((uint16_t *)data)[i] = (uint16_t)value; break;
    case TYPE_U32: ((uint32_t *)data)[i] = (uint32_t)value; break;
    case TYPE_U64: ((uint64_t *)data)[i] = (uint64_t)value; break;
    default: ((uint8_t *)data)[i] = (uint8_t)value; break;
    }
}

/* Small numbers of either sign, every fifth a zero; whole ones include the ends of the type. Indices may be negative, never outside. */
static double number(Type type, bool index, uint32_t *seed)
{
    const TypeInfo *info = type_info(type);
    double u = case_random(seed), bits = info->bytes * 8;
    if (index)
        return (double)(int64_t)(6 * u) - 3;
    if (type == TYPE_BOOL)
        return u < 0.5;
    if (type == TYPE_F16 || type == TYPE_BF16)
        return (double)(int64_t)(65536 * u);
    if (u < 0.2)
        return 0;
    if (info->real)
        return 5 * u - 2.4;
    if (u > 0.95)
        return info->is_signed ? -__builtin_ldexp(1, (int)bits - 1) : __builtin_ldexp(1, (int)bits - 1);
    return info->is_signed ? (double)(int64_t)(14 * u) - 7 : (double)(int64_t)(14 * u);
}

static void *filled(const Node *node, int index, uint32_t *seed)
{
    const Value *value = node->inputs[index];
    int64_t count = shape_count(&value->shape);
    bool quantizing = node->op == OP_QuantizeLinear || node->op == OP_DequantizeLinear, variance = node->op == OP_BatchNormalization && index == 4;
    char *data = malloc((size_t)count * (size_t)type_info(value->type)->bytes);   /* exactly, for the address sanitizer */
    for (int64_t i = 0; i < count; i++) {
        double v = number(value->type, node->op == OP_Gather && index == 1, seed);
        element_set(data, value->type, i, variance || (quantizing && index == 1) ? __builtin_fabs(v) + 0.25 : v);
    }
    return data;
}

/* ---- cases ---- */

void case_make(Context *ctx, const char *text, uint32_t seed, Case *one)
{
    const char *outputs = strstr(text, "%z : ?") ? "\noutput %y\noutput %z\n" : strstr(text, "%i : ? =") || strstr(text, ", %i : ?") ?
        "\noutput %y\noutput %i\n" : "\noutput %y\n";
    Text whole = text_new(ctx->graph);
    text_format(&whole, "graph \"case\"\n%s%s", text, outputs);
    Graph *graph = graph_parse(ctx, whole.data, whole.length);
    pass_infer(graph, &(PassOptions){0});
    const Node *node = graph->nodes[graph->node_count - 1];
    *one = (Case){.text = whole.data, .graph = graph, .node = node};
    one->inputs = arena_array(graph->arena, const void *, node->input_count);
    one->outputs = arena_array(graph->arena, void *, node->output_count);
    one->output_bytes = arena_array(graph->arena, size_t, node->output_count);
    for (int i = 0; i < node->input_count; i++)
        one->inputs[i] = node->inputs[i] ? filled(node, i, &seed) : NULL;
    for (int i = 0; i < node->output_count; i++) {
        const Value *value = node->outputs[i];
        if (value) {
            shape_bytes(&value->shape, value->type, &one->output_bytes[i]);
            one->outputs[i] = malloc(one->output_bytes[i]);
            memset(one->outputs[i], 0xff, one->output_bytes[i]);
        }
    }
}

void case_free(Case *one)
{
    for (int i = 0; i < one->node->input_count; i++)
        free((void *)(uintptr_t)one->inputs[i]);
    for (int i = 0; i < one->node->output_count; i++)
        free(one->outputs[i]);
}

const Shape *case_result(const Case *one)
{
    return &one->node->outputs[0]->shape;
}

typedef struct Runner {
    Context *ctx;
    void (*work)(Case *one, void *argument);
    void *argument;
    int count;
} Runner;

static void run_one(Runner *runner, const char *text)
{
    Case one;
    case_make(runner->ctx, text, (uint32_t)runner->count + 1, &one);
    runner->work(&one, runner->argument);
    case_free(&one);
    runner->count++;
    arena_reset(runner->ctx->scratch);
}

/* The text once for each of the types, which stand between blanks. */
static void run_types(Runner *runner, const char *types, const char *pattern)
{
    char list[128];
    snprintf(list, sizeof list, "%s", types);
    for (char *type = strtok(list, " "); type; type = strtok(NULL, " ")) {
        Text text = text_new(runner->ctx->graph);
        for (const char *at = pattern; *at; at++)
            if (*at == '@')
                text_add(&text, type);
            else
                text_add_bytes(&text, at, 1);
        run_one(runner, text.data);
    }
}

static const char *types_of(const OpInfo *info)
{
    static char types[128];
    snprintf(types, sizeof types, "%s%s%s%s", info->types & REALS ? "f32 f64 " : "", info->types & INTS ? "i8 i16 i32 i64 " : "",
             info->types & UINTS ? "u8 u16 u32 u64 " : "", info->types & BOOLS ? "bool" : "");
    return types;
}

static void run_elementwise(Runner *runner)
{
    for (int op = 0; op < OP_COUNT; op++) {
        const OpInfo *info = op_info((Op)op);
        char text[256];
        if (info->shape_class == CLASS_UNARY)
            snprintf(text, sizeof text, "input %%a : @[61]\n%%y : ? = %s(%%a)", info->name);
        else
            snprintf(text, sizeof text, "input %%a : @[3,4,5]\ninput %%b : @[%s]\n%%y : ? = %s(%%a, %%b)", op % 2 ? "4,1" : "3,4,5", info->name);
        if (info->shape_class != CLASS_STRUCTURED)
            run_types(runner, types_of(info), text);
    }
}

int cases_run(Context *ctx, void (*work)(Case *one, void *argument), void *argument)
{
    Runner runner = {ctx, work, argument, 0};
    for (int i = 0; i < COUNT(structured); i++)
        run_types(&runner, structured[i].types, structured[i].text);
    run_elementwise(&runner);
    for (int i = 0; i < COUNT(reductions); i++) {
        char text[256];
        bool extremum = strstr(reductions[i], "Max") || strstr(reductions[i], "Min");
        snprintf(text, sizeof text, "input %%a : @[2,3,4,5]\n%%y : ? = %s(%%a) {axes=[0,2]}", reductions[i]);
        run_types(&runner, extremum ? REAL WHOLE "bool" : REAL WHOLE, text);
    }
    for (int to = TYPE_F32; to < TYPE_COUNT; to++) {
        char text[256];
        snprintf(text, sizeof text, "input %%a : @[61]\n%%y : ? = Cast(%%a) {to=%s}", type_info((Type)to)->name);
        run_types(&runner, ANY, text);
    }
    return runner.count;
}
