/* Converters of the operators' rows: forms of older versions, and attributes that choose between operators, become the graph's one dialect. */
#include "frontends/importer.h"

#include <string.h>

static int64_t elements(const Value *value)
{
    return value->known ? shape_count(&value->shape) : -1;
}

/* ---- broadcasting before opset 7 ---- */

/* The same value with `count` dimensions of one behind its own. */
static Value *append_ones(Call *call, Value *value, int rank, int count)
{
    if (count <= 0 || rank + count > MAX_RANK)
        return value;
    int64_t axes[MAX_RANK];
    Shape shape = value->shape;
    shape.rank = rank + count;
    for (int i = 0; i < count; i++) {
        axes[i] = rank + i;
        shape.dims[rank + i] = 1;
    }
    if (value->data)
        return graph_constant(call->importer->graph, name_unique(&call->importer->taken_values, value->name), value->type, &shape, value->data);
    return call_add(call, OP_Unsqueeze, "operand", (Value *[]){value, call_constant(call, "axes", TYPE_I64, &(Shape){1, {count}}, axes)}, 2);
}

/* Add, Mul, Less ... with `axis`: where the second operand's first dimension lies in the first operand. Without it both end together, as today. */
bool convert_broadcast(Call *call)
{
    int64_t axis = call_int(call, "axis", -1);
    if (!call_int(call, "broadcast", 0) || !call_attribute(call, "axis", ARGUMENT_INT))
        return !call->failed;
    int wide = sketch_of(call->importer, call->inputs[0]).rank, narrow = sketch_of(call->importer, call->inputs[1]).rank;
    if (wide < 0 || narrow < 0)
        return call_refuse(call, "converting the model to a newer opset helps",
                           "broadcasting along an axis, of a value whose rank is not known, is not supported");
    if (axis < 0)
        axis += wide;
    if (axis < 0 || axis > wide - narrow)
        return call_fault(call, "its attribute 'axis' does not fit its operands of ranks %d and %d", wide, narrow);
    if (narrow > 0)
        call->inputs[1] = append_ones(call, call->inputs[1], narrow, wide - narrow - (int)axis);
    return true;
}

/* One slope a channel; newer versions broadcast as all operators do. */
bool convert_prelu(Call *call)
{
    int rank = sketch_of(call->importer, call->inputs[0]).rank, slope = sketch_of(call->importer, call->inputs[1]).rank;
    if (slope != 1 || elements(call->inputs[1]) == 1)
        return true;
    if (rank < 0)
        return call_refuse(call, "converting the model to a newer opset helps",
                           "slopes of channels, of a value whose rank is not known, are not supported");
    call->inputs[1] = append_ones(call, call->inputs[1], 1, rank - 2);
    return true;
}

/* ---- any number of operands ---- */

bool convert_variadic(Call *call)
{
    bool mean = strcmp(call->proto->op_type, "Mean") == 0;
    int count = call->input_count;
    if (count == 1) {
        call->op = OP_Identity;
        return true;
    }
    Value *sum = call->inputs[0];
    for (int i = 1; i < count - (mean ? 0 : 1); i++)
        sum = call_add(call, call->op, "part", (Value *[]){sum, call->inputs[i]}, 2);
    call->inputs[1] = mean ? call_number(call, "count", call->inputs[0], count) : call->inputs[count - 1];
    call->inputs[0] = sum;
    call->input_count = 2;
    call->op = mean ? OP_Div : call->op;
    return true;
}

/* ---- attributes that became operands ---- */

bool convert_clip(Call *call)
{
    const float most = 3.402823466e+38f;
    double low = call_real(call, "min", (double)-most), high = call_real(call, "max", (double)most);
    if (call->failed)
        return false;
    call->inputs[1] = call_number(call, "min", call->inputs[0], low);
    call->inputs[2] = call_number(call, "max", call->inputs[0], high);
    call->input_count = 3;
    return true;
}

bool convert_pad(Call *call)
{
    if (!call_attribute(call, "value", ARGUMENT_REAL))
        return !call->failed;
    call->inputs[2] = call_number(call, "value", call->inputs[0], call_real(call, "value", 0));
    call->input_count = 3;
    return true;
}

/* x, scales: since opset 11 a region of interest stands between them. */
bool convert_resize_scales(Call *call)
{
    call->inputs[2] = call->inputs[1];
    call->inputs[1] = NULL;
    call->input_count = 3;
    return true;
}

/* Before opset 7: of images, by two attributes. */
bool convert_upsample(Call *call)
{
    const char *mode = call_word(call, "mode", "nearest");
    double scales[] = {1, 1, call_real(call, "height_scale", 1), call_real(call, "width_scale", 1)};
    bool linear = strcmp(mode, "bilinear") == 0;
    if (!linear && strcmp(mode, "nearest") != 0)
        return call_fault(call, "its attribute 'mode' is '%s', not nearest or bilinear", name_quote(call->importer->arena, mode));
    call_set_reals(call, ATTR_scales, scales, COUNT(scales));
    call_set_word(call, ATTR_mode, linear ? "linear" : "nearest");
    return !call->failed;
}

/* In opset 11 all operands are written, and one that does not matter is empty. */
bool convert_resize(Call *call)
{
    for (int i = 1; i < call->input_count; i++)
        if (call->inputs[i] && elements(call->inputs[i]) == 0)
            call->inputs[i] = NULL;
    return true;
}

bool convert_split(Call *call)
{
    int64_t count = call_int(call, "num_outputs", call->output_count);
    if (call->failed)
        return false;
    if (count != call->output_count)
        return call_fault(call, "it has %d outputs, and its attribute 'num_outputs' says %lld", call->output_count, (long long)count);
    return true;
}

/* ---- attributes that say which operator it is ---- */

bool convert_bit_shift(Call *call)
{
    const char *direction = call_word(call, "direction", "");
    bool left = strcmp(direction, "LEFT") == 0;
    if (!left && strcmp(direction, "RIGHT") != 0)
        return call_fault(call, "its attribute 'direction' is '%s', not LEFT or RIGHT", name_quote(call->importer->arena, direction));
    call->op = left ? OP_ShiftLeft : OP_ShiftRight;
    return !call->failed;
}

bool convert_mod(Call *call)
{
    call->op = call_int(call, "fmod", 0) ? OP_Fmod : OP_Mod;
    return !call->failed;
}

bool convert_gelu(Call *call)
{
    const char *approximation = call_word(call, "approximate", "none");
    bool tanh = strcmp(approximation, "tanh") == 0;
    if (!tanh && strcmp(approximation, "none") != 0)
        return call_fault(call, "its attribute 'approximate' is '%s', not none or tanh", name_quote(call->importer->arena, approximation));
    call->op = tanh ? OP_GeluTanh : OP_Gelu;
    return !call->failed;
}

/* ---- types ---- */

static bool set_type(Call *call, int64_t number)
{
    const DataType *type = data_type(number >= INT32_MIN && number <= INT32_MAX ? (int32_t)number : -1);
    if (type->type == TYPE_UNKNOWN)
        return call_refuse(call, NULL, "the element type %s (%lld) is not supported", type->name, (long long)number);
    call_set_int(call, ATTR_to, type->type);
    return true;
}

bool convert_cast(Call *call)
{
    int64_t number = call_int(call, "to", 0);
    return !call->failed && set_type(call, number);
}

/* output_dtype: the type of the result where no zero point gives it. precision: of the division, which we do in double. */
bool convert_quantize(Call *call)
{
    int64_t number = call_int(call, "output_dtype", 0), precision = call_int(call, "precision", 0);
    if (!call->failed && precision != 0 && precision != 1)
        return call_refuse(call, NULL, "quantizing with precision %s is not supported", data_type((int32_t)precision)->name);
    return !call->failed && (number == 0 || set_type(call, number));
}

/* ---- training: statistics of the batch are computed, chance is not for us ---- */

static bool refuse_training(Call *call, const char *what)
{
    return call_refuse(call, "export the model for inference", "%s is not supported", what);
}

bool convert_dropout(Call *call)
{
    double training = 0, ratio = 0.5;
    if (call->input_count > 2 && call->inputs[2] && !sketch_scalar(call->inputs[2], &training))
        return refuse_training(call, "Dropout whose training_mode is only known at run time");
    if (training != 0 && call->input_count > 1 && call->inputs[1] && !sketch_scalar(call->inputs[1], &ratio))
        return refuse_training(call, "Dropout in training mode");
    if (training != 0 && ratio != 0)
        return refuse_training(call, "Dropout in training mode");
    call->input_count = 1;
    return true;
}

/* Before opset 10 the mask is of the input's type, ours is bool. */
bool convert_dropout_mask(Call *call)
{
    Importer *importer = call->importer;
    if (call->output_count < 2 || !call->output_names[1])
        return true;
    Value *mask = call_output(call, 1), *x = call->inputs[0];
    call->outputs[1] = graph_value(importer->graph, name_unique(&importer->taken_values, arena_format(importer->arena, "%s/kept", call->name)));
    call_finish(call);
    call_add_to(call, OP_CastLike, "mask", (Value *[]){call->outputs[1], x}, 2, mask);
    call->outputs[1] = mask;
    return false;
}

/* Over all axes but that of the channels. */
static Value *channel_mean(Call *call, Value *x, int rank, bool keep)
{
    int64_t axes[MAX_RANK] = {0};
    for (int i = 1; i < rank - 1; i++)
        axes[i] = i + 1;
    Value *list = call_constant(call, "axes", TYPE_I64, &(Shape){1, {rank - 1}}, axes);
    Value *mean = call_add(call, OP_ReduceMean, "mean", (Value *[]){x, list}, 2);
    node_set_int(call->importer->graph, mean->producer, ATTR_keepdims, keep);
    node_set_int(call->importer->graph, mean->producer, ATTR_noop_with_empty_axes, 0);
    return mean;
}

/* output = before * momentum + now * (1 - momentum) */
static void running(Call *call, int output, Value *before, Value *now)
{
    double momentum = call_real(call, "momentum", (double)0.9f);
    if (!call->output_names[output])
        return;
    Value *old = call_add(call, OP_Mul, "old", (Value *[]){before, call_number(call, "momentum", before, momentum)}, 2);
    Value *new = call_add(call, OP_Mul, "new", (Value *[]){now, call_number(call, "rest", now, 1 - momentum)}, 2);
    call_add_to(call, OP_Add, "running", (Value *[]){old, new}, 2, call_output(call, output));
}

/* Mean and variance of the batch take the place of the operands. */
static bool normalize_by_batch(Call *call)
{
    Value *x = call->inputs[0];
    int rank = sketch_of(call->importer, x).rank;
    if (rank < 2)
        return refuse_training(call, "BatchNormalization in training mode, of a value whose rank is not known,");
    Value *deviation = call_add(call, OP_Sub, "deviation", (Value *[]){x, channel_mean(call, x, rank, true)}, 2);
    Value *square = call_add(call, OP_Mul, "square", (Value *[]){deviation, deviation}, 2);
    Value *mean = channel_mean(call, x, rank, false), *variance = channel_mean(call, square, rank, false);
    if (call->output_count > 1)
        running(call, 1, call->inputs[3], mean);
    if (call->output_count > 2)
        running(call, 2, call->inputs[4], variance);
    call->inputs[3] = mean;
    call->inputs[4] = variance;
    call->output_count = 1;
    return !call->failed;
}

bool convert_batch_normalization(Call *call)
{
    bool training = call_int(call, "training_mode", 0) != 0;
    if (call->failed)
        return false;
    if (training && call->output_count <= 3)
        return normalize_by_batch(call);
    for (int i = 1; i < call->output_count; i++)
        if (call->output_names[i])
            return refuse_training(call, "an output of running statistics");
    call->output_count = 1;
    return true;
}

bool convert_layer_normalization(Call *call)
{
    int64_t type = call_int(call, "stash_type", 1);
    if (call->failed || type == 1)
        return !call->failed;
    return call_refuse(call, NULL, "a stash_type other than float is not supported");
}

bool convert_withdrawn(Call *call)
{
    return call_fault(call, "the operator was withdrawn in opset 10; Resize takes its place");
}
