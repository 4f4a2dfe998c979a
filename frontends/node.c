/* One node on its way into the graph: its names, inputs and attributes; then the operator's row, a function's body or a branch. */
#include "frontends/importer.h"

#include <stdarg.h>
#include <string.h>

#define SPARE_INPUTS 8
#define MOST_OPERANDS 16384            /* and results: what follows a node's parts may look at all of them for each */

/* ---- complaints ---- */

const char *call_where(const Call *call)
{
    Arena *arena = call->importer->arena;
    return arena_format(arena, "node '%s' (%s)", name_quote(arena, call->name), name_quote(arena, call->proto->op_type));
}

static bool complain_of(Call *call, Status status, const char *hint, const char *format, va_list arguments)
{
    Text text = text_new(call->importer->arena);
    text_vformat(&text, format, arguments);
    complain(call->importer->ctx, status, call_where(call), hint, "%s", text.data);
    call->failed = true;
    return false;
}

bool call_refuse(Call *call, const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain_of(call, STATUS_UNSUPPORTED, hint, format, arguments);
    va_end(arguments);
    return false;
}

bool call_fault(Call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain_of(call, STATUS_MODEL, NULL, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- what a call gives ---- */

Value *call_output(Call *call, int index)
{
    if (!call->outputs[index] && call->output_names[index]) {
        call->outputs[index] = graph_value(call->importer->graph, call->output_names[index]);
        scope_bind(call->scope, call->proto->output[index], call->outputs[index]);
    }
    return call->outputs[index];
}

void call_give(Call *call, int index, Value *value)
{
    call->outputs[index] = value;
    scope_bind(call->scope, call->proto->output[index], value);
}

static const char *fresh(NameMap *taken, const Call *call, const char *tag)
{
    return name_unique(taken, arena_format(call->importer->arena, "%s/%s", call->name, tag));
}

void call_add_to(Call *call, Op op, const char *tag, Value *const *inputs, int input_count, Value *output)
{
    Importer *importer = call->importer;
    sketch_node(importer, graph_add(importer->graph, op, fresh(&importer->taken_nodes, call, tag), inputs, input_count, &output, 1));
}

Value *call_add(Call *call, Op op, const char *tag, Value *const *inputs, int input_count)
{
    Value *output = graph_value(call->importer->graph, fresh(&call->importer->taken_values, call, tag));
    call_add_to(call, op, tag, inputs, input_count, output);
    return output;
}

Value *call_constant(Call *call, const char *tag, Type type, const Shape *shape, const void *data)
{
    Importer *importer = call->importer;
    void *copy = arena_copy(importer->ctx->graph, data, (size_t)shape_count(shape) * (size_t)type_info(type)->bytes);
    return graph_constant(importer->graph, fresh(&importer->taken_values, call, tag), type, shape, copy);
}

/* A type that is not known here, or that C cannot write, is left to the graph: a float that becomes it. */
Value *call_number(Call *call, const char *tag, Value *like, double number)
{
    Type type = sketch_of(call->importer, like).type;
    Shape scalar = {0};
    if (type == TYPE_F64)
        return call_constant(call, tag, type, &scalar, &number);
    Value *single = call_constant(call, tag, TYPE_F32, &scalar, &(float){(float)number});
    return type == TYPE_F32 ? single : call_add(call, OP_CastLike, tag, (Value *[]){single, like}, 2);
}

/* ---- the node itself ---- */

static int trimmed(Value *const *values, int count)
{
    while (count > 0 && !values[count - 1])
        count--;
    return count;
}

static bool counts_fit(Call *call, const OpInfo *info)
{
    for (int i = 0; i < info->fewest_inputs; i++)
        if (i >= call->input_count || !call->inputs[i])
            return call_fault(call, "its input %d is missing", i);
    if (info->most_inputs >= 0 && call->input_count > info->most_inputs)
        return call_fault(call, "it has %d inputs, %d at most are possible", call->input_count, info->most_inputs);
    if (info->most_outputs >= 0 && call->output_count > info->most_outputs)
        return call_fault(call, "it has %d outputs, %d at most are possible", call->output_count, info->most_outputs);
    return true;
}

static void apply_settings(Graph *graph, Node *node, const Call *call)
{
    for (int i = 0; i < call->setting_count; i++) {
        const Attribute *setting = &call->settings[i];
        AttributeKind kind = attribute_kind(setting->name);
        if (kind == KIND_INTS)
            node_set_ints(graph, node, setting->name, setting->ints, setting->count);
        else if (kind == KIND_REALS)
            node_set_reals(graph, node, setting->name, setting->reals, setting->count);
        else
            node_set_word(graph, node, setting->name, setting->word);
    }
}

Node *call_finish(Call *call)
{
    Graph *graph = call->importer->graph;
    for (int i = 0; i < call->output_count; i++)
        call_output(call, i);
    call->input_count = trimmed(call->inputs, call->input_count);
    int wanted = trimmed(call->outputs, call->output_count);
    if (wanted == 0)
        return NULL;    /* nobody asks for anything it computes */
    if (call->op != OP_Split)
        call->output_count = wanted;
    if (!call->outputs[0] && call->op != OP_Split)    /* the rest of the compiler may rely on it */
        call->outputs[0] = graph_value(graph, fresh(&call->importer->taken_values, call, "0"));
    if (!counts_fit(call, op_info(call->op)))
        return NULL;
    Node *node = graph_add(graph, call->op, call->name, call->inputs, call->input_count, call->outputs, call->output_count);
    apply_settings(graph, node, call);
    sketch_node(call->importer, node);
    return node;
}

/* ---- finding out what it is ---- */

static bool inputs_given(Call *call, const OperatorRow *row)
{
    int given = trimmed(call->inputs, call->input_count);
    if (given < row->fewest || (row->most >= 0 && given > row->most)) {
        const char *range = row->most < 0            ? arena_format(call->importer->arena, "at least %d", row->fewest)
                            : row->most > row->fewest ? arena_format(call->importer->arena, "%d to %d", row->fewest, row->most)
                                                      : arena_format(call->importer->arena, "%d", row->fewest);
        return call_fault(call, "it has %d input%s, and needs %s", given, given == 1 ? "" : "s", range);
    }
    for (int i = 0; i < (row->most < 0 ? given : row->fewest); i++)
        if (!call->inputs[i])
            return call_fault(call, "its input %d is missing", i);
    return true;
}

static void import_operator(Call *call, const OperatorRow *row)
{
    call->op = row->op;
    if (!inputs_given(call, row))
        return;
    settings_read(call, row->attributes);
    if (!call->failed && (!row->convert || row->convert(call)))
        call_finish(call);
}

/* No row and no function: why not? */
static void refuse_operator(Call *call, int since)
{
    const char *type = name_quote(call->importer->arena, call->proto->op_type);
    if (!domain_is_onnx(call->proto->domain))
        call_refuse(call, "only ONNX's own operators, and functions that the model defines", "the operator %s of the domain %s is not supported",
                    type, name_quote(call->importer->arena, call->proto->domain));
    else if (since > 0)
        call_fault(call, "the operator %s exists from opset %d on, the model is of opset %lld", type, since, (long long)call->version);
    else
        call_refuse(call, NULL, "the operator %s is not supported", type);
}

static void import_as(Call *call)
{
    const char *type = call->proto->op_type;
    bool onnx = domain_is_onnx(call->proto->domain);
    int since = 0;
    const OperatorRow *row = onnx ? operator_find(type, call->version, &since) : NULL;
    const FunctionProto *function = row ? NULL : function_find(call->importer, call->proto);
    if (onnx && call->version == 0 && !function)
        call_fault(call, "the model does not say which opset it is of");
    else if (onnx && strcmp(type, "If") == 0)
        import_branch(call);
    else if (row)
        import_operator(call, row);
    else if (function)
        import_function(call, function);
    else
        refuse_operator(call, since);
}

/* ---- reading it ---- */

static void name_call(Call *call)
{
    const NodeProto *proto = call->proto;
    Arena *arena = call->importer->arena;
    const char *first = NULL;
    call->output_count = (int)proto->n_output;
    call->outputs = arena_array(arena, Value *, proto->n_output + 1);
    call->output_names = arena_array(arena, const char *, proto->n_output + 1);
    for (size_t i = 0; i < proto->n_output; i++) {
        call->output_names[i] = *proto->output[i] ? scope_value_name(call->scope, proto->output[i]) : NULL;
        first = first ? first : call->output_names[i];
    }
    call->name = scope_node_name(call->scope, proto, first);
}

static void read_inputs(Call *call)
{
    const NodeProto *proto = call->proto;
    call->input_count = (int)proto->n_input;
    call->inputs = arena_array(call->importer->arena, Value *, proto->n_input + SPARE_INPUTS);
    for (size_t i = 0; i < proto->n_input; i++)
        if (!scope_read(call->scope, proto->input[i], &call->inputs[i]))
            call_fault(call, "its input '%s' is no node's output, no input and no initialiser", name_quote(call->importer->arena, proto->input[i]));
}

void import_node(Scope *scope, const NodeProto *proto)
{
    Importer *importer = scope->importer;
    if (++importer->nodes > MOST_NODES)
        fail(importer->ctx, STATUS_UNSUPPORTED, NULL, NULL, "more than %d nodes, those of functions' bodies included", MOST_NODES);
    Call call = {.scope = scope, .importer = importer, .proto = proto, .version = scope->environment->version};
    name_call(&call);
    read_inputs(&call);
    arguments_resolve(&call);
    if (proto->n_input > MOST_OPERANDS || proto->n_output > MOST_OPERANDS)
        call_refuse(&call, "split it into several nodes", "more than %d operands or results are not supported", MOST_OPERANDS);
    else if (!proto->op_type || !*proto->op_type)
        call_fault(&call, "it has no operator");
    else if (!call.failed)
        import_as(&call);
    for (int i = 0; i < call.output_count; i++)
        call_output(&call, i);    /* after a complaint too: who reads it shall not complain again */
}
