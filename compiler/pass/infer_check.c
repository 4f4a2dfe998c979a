/* What the rules of inference check their operands with; every function tells the fault it finds. See infer.h. */
#include "infer.h"

#include <string.h>

bool infer_fault(Inference *inference, const Node *node, Status status, const char *hint, const char *what, ...)
{
    Graph *graph = inference->graph;
    Text text = text_new(graph->arena);
    va_list arguments;
    va_start(arguments, what);
    text_vformat(&text, what, arguments);
    va_end(arguments);
    complain(graph->ctx, status, node_where(graph, node), hint, "%s", text.data);
    return false;
}

const char *infer_input_text(Inference *inference, const Node *node, int index)
{
    const char *name = node->inputs[index]->name;
    return arena_format(inference->graph->arena, "input %d '%s'", index, text_quote(inference->graph->arena, name, strlen(name)));
}

static const char *dims(Inference *inference, const Shape *shape)
{
    return shape_text(inference->graph->arena, shape);
}

static bool present(const Node *node, int index)
{
    return index < node->input_count && node->inputs[index];
}

/* ---- types ---- */

bool infer_classes(Inference *inference, const Node *node, int index, unsigned classes)
{
    if (!present(node, index) || type_class(node->inputs[index]->type) & classes)
        return true;
    Text expected = text_new(inference->graph->arena);
    static const char *const names[] = {"real", "signed", "unsigned", "bool"};
    for (int i = 0; i < COUNT(names); i++)
        if (classes & 1u << i)
            text_format(&expected, "%s%s", expected.length ? " or " : "", names[i]);
    return infer_fault(inference, node, STATUS_MODEL, NULL, "%s has elements of type %s, expected a %s type",
                       infer_input_text(inference, node, index), type_info(node->inputs[index]->type)->name, expected.data);
}

bool infer_same_type(Inference *inference, const Node *node, int index, int other)
{
    if (!present(node, index) || node->inputs[index]->type == node->inputs[other]->type)
        return true;
    return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s, expected %s as input %d is", infer_input_text(inference, node, index),
                       type_info(node->inputs[index]->type)->name, type_info(node->inputs[other]->type)->name, other);
}

/* ---- shapes ---- */

bool infer_rank(Inference *inference, const Node *node, int index, int least, int most)
{
    if (!present(node, index))
        return true;
    const Shape *shape = &node->inputs[index]->shape;
    if (shape->rank >= least && shape->rank <= most)
        return true;
    const char *input = infer_input_text(inference, node, index);
    if (least == most)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s, expected %d dimensions", input, dims(inference, shape), least);
    return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s, expected %d to %d dimensions", input, dims(inference, shape), least, most);
}

bool infer_shape_is(Inference *inference, const Node *node, int index, const Shape *expected)
{
    if (!present(node, index) || shape_equal(&node->inputs[index]->shape, expected))
        return true;
    return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s, expected %s", infer_input_text(inference, node, index),
                       dims(inference, &node->inputs[index]->shape), dims(inference, expected));
}

bool infer_single(Inference *inference, const Node *node, int index)
{
    if (!present(node, index) || shape_count(&node->inputs[index]->shape) == 1)
        return true;
    return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s, expected one element", infer_input_text(inference, node, index),
                       dims(inference, &node->inputs[index]->shape));
}

static bool cannot_broadcast(Inference *inference, const Node *node, const Shape *a, const Shape *b)
{
    return infer_fault(inference, node, STATUS_MODEL, NULL, "shapes %s and %s do not fit: dimensions, counted from the last, must be equal or 1",
                       dims(inference, a), dims(inference, b));
}

bool infer_broadcast(Inference *inference, const Node *node, Shape *shape, const Shape *other)
{
    Shape result = shape->rank >= other->rank ? *shape : *other;
    for (int i = 1; i <= shape->rank && i <= other->rank; i++) {
        int64_t a = shape->dims[shape->rank - i], b = other->dims[other->rank - i];
        if (a != b && a != 1 && b != 1)
            return cannot_broadcast(inference, node, shape, other);
        result.dims[result.rank - i] = a == 1 ? b : a;
    }
    *shape = result;
    return true;
}

bool infer_broadcast_to(Inference *inference, const Node *node, int index, const Shape *shape)
{
    if (!present(node, index))
        return true;
    const Shape *from = &node->inputs[index]->shape;
    bool fits = from->rank <= shape->rank;
    for (int i = 1; fits && i <= from->rank; i++)
        fits = from->dims[from->rank - i] == 1 || from->dims[from->rank - i] == shape->dims[shape->rank - i];
    return fits || infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %s, which cannot be broadcast to %s",
                               infer_input_text(inference, node, index), dims(inference, from), dims(inference, shape));
}

bool infer_dimension(Inference *inference, const Node *node, Shape *shape, Wide dimension)
{
    if (dimension < 0 || dimension > INT64_MAX)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "dimension %d of the result would be %s", shape->rank,
                           dimension < 0 ? "negative" : "larger than 2^63");
    if (shape->rank == MAX_RANK)
        return infer_fault(inference, node, STATUS_UNSUPPORTED, NULL, "the result has more than %d dimensions", MAX_RANK);
    shape->dims[shape->rank++] = (int64_t)dimension;
    return true;
}

bool infer_output(Inference *inference, const Node *node, int index, Type type, const Shape *shape)
{
    if (index >= node->output_count || !node->outputs[index])
        return true;
    size_t bytes;
    if (!shape_bytes(shape, type, &bytes) || bytes > MOST_TENSOR_BYTES)
        return infer_fault(inference, node, STATUS_UNSUPPORTED, NULL, "output %d would be %s of %s: more than 2^36 bytes", index,
                           dims(inference, shape), type_info(type)->name);
    Value *value = node->outputs[index];
    value->type = type;
    value->shape = *shape;
    value->known = true;
    return true;
}

bool infer_like(Inference *inference, const Node *node)
{
    return infer_output(inference, node, 0, node->inputs[0]->type, &node->inputs[0]->shape);
}

/* ---- attributes ---- */

bool infer_axis(Inference *inference, Node *node, int rank, int64_t absent, int *axis)
{
    int64_t given = node_int(node, ATTR_axis, absent);
    if (given < -rank || given >= rank)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "axis is %lld, expected %d to %d", (long long)given, -rank, rank - 1);
    *axis = (int)(given < 0 ? given + rank : given);
    node_set_int(inference->graph, node, ATTR_axis, *axis);
    return true;
}

bool infer_axes(Inference *inference, const Node *node, AttributeName name, const int64_t *axes, int count, int rank, bool chosen[MAX_RANK])
{
    memset(chosen, 0, MAX_RANK * sizeof *chosen);
    for (int i = 0; i < count; i++) {
        if (axes[i] < -rank || axes[i] >= rank)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "%s has %lld, expected %d to %d", attribute_text(name), (long long)axes[i],
                               -rank, rank - 1);
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (chosen[axis])
            return infer_fault(inference, node, STATUS_MODEL, NULL, "%s has %lld twice", attribute_text(name), (long long)axis);
        chosen[axis] = true;
    }
    return true;
}

bool infer_list(Inference *inference, Node *node, AttributeName name, int count, int64_t absent, int64_t least, const int64_t **list)
{
    int found;
    const int64_t *given = node_ints(node, name, &found);
    if (!given) {
        int64_t filled[2 * MAX_RANK];
        for (int i = 0; i < count; i++)
            filled[i] = absent;
        node_set_ints(inference->graph, node, name, filled, count);
        given = node_ints(node, name, &found);
    }
    if (found != count)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "%s has %d numbers, expected %d", attribute_text(name), found, count);
    for (int i = 0; i < count; i++)
        if (given[i] < least)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "%s has %lld, expected at least %lld", attribute_text(name),
                               (long long)given[i], (long long)least);
    *list = given;
    return true;
}

bool infer_flag(Inference *inference, Node *node, AttributeName name, int64_t absent, bool *flag)
{
    int64_t given = node_int(node, name, absent);
    if (given != 0 && given != 1)
        return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is %lld, expected 0 or 1", attribute_text(name), (long long)given);
    *flag = given == 1;
    node_set_int(inference->graph, node, name, given);
    return true;
}

bool infer_word(Inference *inference, Node *node, AttributeName name, const char *const *words, int count)
{
    const char *given = node_word(node, name, words[0]);
    Text expected = text_new(inference->graph->arena);
    for (int i = 0; i < count; i++) {
        if (strcmp(given, words[i]) == 0) {
            node_set_word(inference->graph, node, name, words[i]);
            return true;
        }
        text_format(&expected, "%s%s", i == 0 ? "" : i == count - 1 ? " or " : ", ", words[i]);
    }
    return infer_fault(inference, node, STATUS_MODEL, NULL, "%s is '%s', expected %s", attribute_text(name),
                       text_quote(inference->graph->arena, given, strlen(given)), expected.data);
}

void infer_real(Inference *inference, Node *node, AttributeName name, double absent)
{
    node_set_real(inference->graph, node, name, node_real(node, name, absent));
}
