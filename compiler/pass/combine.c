/* Activations that exporters write out in several operators become the one operator they are: one pass over the tensor instead of five, and
   one that can follow in its producer's epilogue. Needs: closed form, views settled. */
#include "edit.h"
#include "pass.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* x is any tensor, a number a constant of one element that near; numbers after a colon are the operator's parameters p and q.
   Add and Mul match in either order. Everything but x and the result must be read once. */
static const struct { const char *written_out; Op op; } forms[] = {
    {"Mul(x,Sigmoid(x))", OP_Swish},
    {"Mul(x,HardSigmoid:0.16666667:0.5(x))", OP_HardSwish},
    {"Div(Mul(x,Clip(Add(x,3),0,6)),6)", OP_HardSwish},
    {"Mul(Mul(x,Clip(Add(x,3),0,6)),0.16666667)", OP_HardSwish},
    {"Mul(x,Div(Clip(Add(x,3),0,6),6))", OP_HardSwish},
    {"Mul(x,Mul(Clip(Add(x,3),0,6),0.16666667))", OP_HardSwish},
    {"Mul(x,Tanh(Softplus(x)))", OP_Mish},
    {"Mul(Mul(x,Add(Erf(Div(x,1.41421356)),1)),0.5)", OP_Gelu},
    {"Mul(Mul(x,0.5),Add(Erf(Div(x,1.41421356)),1))", OP_Gelu},
    {"Mul(x,Mul(Add(Erf(Div(x,1.41421356)),1),0.5))", OP_Gelu},
    {"Mul(Mul(x,0.5),Add(Erf(Mul(x,0.70710678)),1))", OP_Gelu},
    {"Mul(Mul(x,Add(Erf(Mul(x,0.70710678)),1)),0.5)", OP_Gelu},
    {"Mul(Mul(x,0.5),Add(Tanh(Mul(Add(x,Mul(Pow(x,3),0.044715)),0.79788456)),1))", OP_GeluTanh},
    {"Mul(Mul(x,Add(Tanh(Mul(Add(x,Mul(Pow(x,3),0.044715)),0.79788456)),1)),0.5)", OP_GeluTanh},
};

typedef struct Form Form;
struct Form {                /* one place in a form */
    Op op;                   /* OP_COUNT: x or a number */
    bool is_number;
    double number, parameters[2];
    int parameter_count, operand_count;
    Form *operands[3];
};

static Form *parse(Arena *arena, const char **text)
{
    Form *form = arena_new_of(arena, Form);
    form->op = OP_COUNT;
    if (**text == 'x') {
        ++*text;
        return form;
    }
    if (isdigit((unsigned char)**text)) {
        form->is_number = true;
        form->number = strtod(*text, (char **)text);
        return form;
    }
    size_t length = strcspn(*text, ":(");
    form->op = op_named(arena_string(arena, *text, length));
    *text += length;
    while (**text == ':') {
        ++*text;
        form->parameters[form->parameter_count++] = strtod(*text, (char **)text);
    }
    do {
        ++*text;
        form->operands[form->operand_count++] = parse(arena, text);
    } while (**text == ',');
    ++*text;
    return form;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-5 * fabs(b);
}

static bool parameters_match(const Form *form, const Node *node)
{
    for (int i = 0; i < form->parameter_count; i++)
        if (!near(node_real(node, op_info(node->op)->parameters[i], 0), form->parameters[i]))
            return false;
    return true;
}

static bool matches(const Form *form, Value *value, Value **x, bool root);

static bool operands_match(const Form *form, const Node *node, Value **x, bool swapped)
{
    for (int i = 0; i < form->operand_count; i++)
        if (!matches(form->operands[i], node->inputs[swapped ? 1 - i : i], x, false))
            return false;
    return true;
}

static bool matches(const Form *form, Value *value, Value **x, bool root)
{
    if (form->is_number)
        return constant_readable(value) && shape_count(&value->shape) == 1 && near(constant_real(value, 0), form->number);
    if (form->op == OP_COUNT) {
        *x = *x ? *x : value;
        return value && *x == value;
    }
    const Node *node = value ? value->producer : NULL;
    if (!node || node->op != form->op || node->epilogue_count > 0 || node->input_count != form->operand_count ||
        (!root && !value_read_once(value)) || !parameters_match(form, node))
        return false;
    Value *before = *x;
    if (operands_match(form, node, x, false))
        return true;
    *x = before;
    return (form->op == OP_Add || form->op == OP_Mul) && operands_match(form, node, x, true);
}

static void combine(Graph *graph, Node *node, Op op, Value *x)
{
    node->op = op;
    node->inputs[0] = x;
    edit_inputs(node, 1);
    node->attribute_count = 0;
    if (op == OP_Swish)
        node_set_real(graph, node, ATTR_alpha, 1);
}

static void try_forms(Graph *graph, Node *node, Form *const *parsed)
{
    Value *y = node->outputs[0];
    for (int i = 0; i < COUNT(forms); i++) {
        Value *x = NULL;
        if (type_info(y->type)->real && parsed[i]->op == node->op && matches(parsed[i], y, &x, true) && shape_equal(&x->shape, &y->shape)) {
            combine(graph, node, forms[i].op, x);
            return;
        }
    }
}

void pass_combine(Graph *graph, const PassOptions *options)
{
    Form *parsed[COUNT(forms)];
    for (int i = 0; i < COUNT(forms); i++)
        parsed[i] = parse(graph->ctx->scratch, &(const char *){forms[i].written_out});
    graph_index(graph);
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i]->op == OP_Mul || graph->nodes[i]->op == OP_Div)
            try_forms(graph, graph->nodes[i], parsed);
    pass_dead(graph, options);
}
