/* Inference of operators whose results are known once shapes are: Shape, Size, ConstantOfShape, Range. */
#include "infer.h"

#include <math.h>

static bool constant_of(Inference *inference, Node *node, Type type, const Shape *shape, const void *data)
{
    if (!infer_output(inference, node, 0, type, shape))
        return false;
    Value *value = node->outputs[0];
    value->data = data;
    value->producer = NULL;
    node->outputs[0] = NULL;                     /* nothing is left to compute: infer_node drops the node */
    return true;
}

static int64_t clamp_axis(int64_t axis, int rank)
{
    if (axis < 0)
        axis += rank;
    return axis < 0 ? 0 : axis > rank ? rank : axis;
}

bool infer_shape(Inference *inference, Node *node)
{
    const Shape *x = &node->inputs[0]->shape;
    int64_t start = clamp_axis(node_int(node, ATTR_start, 0), x->rank), end = clamp_axis(node_int(node, ATTR_end, x->rank), x->rank);
    int64_t count = end > start ? end - start : 0;
    int64_t *sizes = arena_array(inference->graph->arena, int64_t, count + 1);
    for (int64_t i = 0; i < count; i++)
        sizes[i] = x->dims[start + i];
    return constant_of(inference, node, TYPE_I64, &(Shape){1, {count}}, sizes);
}

bool infer_size(Inference *inference, Node *node)
{
    int64_t *size = arena_new_of(inference->graph->arena, int64_t);
    *size = shape_count(&node->inputs[0]->shape);
    return constant_of(inference, node, TYPE_I64, &(Shape){0}, size);
}

/* One element spread over a shape: an Expand, which folding makes a constant unless it is very large. */
bool infer_constant_of_shape(Inference *inference, Node *node)
{
    static const float zero = 0;
    Value *value = node->input_count > 1 ? node->inputs[1] : NULL;
    if (!node_has(node, ATTR_shape))
        return infer_fault(inference, node, STATUS_MODEL, NULL, "shape is missing");
    if (value && (!value_constant(value) || !infer_single(inference, node, 1)))
        return value_constant(value) ? false : infer_fault(inference, node, STATUS_MODEL, NULL, "value is no constant");
    const void *data = value ? value->data : &zero;
    Value **inputs = arena_array(inference->graph->arena, Value *, 1);
    inputs[0] = edit_constant(inference->graph, value ? value->type : TYPE_F32, &(Shape){0}, data);
    node->inputs = inputs;
    node->input_count = 1;
    if (!infer_expand(inference, node))
        return false;
    node->op = OP_Expand;
    return true;
}

/* ---- Range ---- */

static bool range_count(Inference *inference, const Node *node, double *count)
{
    const Value *start = node->inputs[0], *limit = node->inputs[1], *delta = node->inputs[2];
    if (type_info(start->type)->integer) {
        Wide step = constant_int(delta, 0), distance = (Wide)constant_int(limit, 0) - constant_int(start, 0);
        if (step == 0)
            return infer_fault(inference, node, STATUS_MODEL, NULL, "the step is 0");
        Wide steps = distance / step + (distance % step != 0 && (distance < 0) == (step < 0));
        *count = steps < 0 ? 0 : (double)steps;
        return true;
    }
    double step = constant_real(delta, 0), distance = constant_real(limit, 0) - constant_real(start, 0);
    *count = fmax(ceil(distance / step), 0);
    return isfinite(distance / step) || infer_fault(inference, node, STATUS_MODEL, NULL, "start, limit and step do not make a range");
}

static void write_range(const Value *start, const Value *delta, int64_t count, void *data)
{
    double first = constant_real(start, 0), step = constant_real(delta, 0);
    uint64_t whole_first = (uint64_t)constant_int(start, 0), whole_step = (uint64_t)constant_int(delta, 0);
    for (int64_t i = 0; i < count; i++)
        switch (start->type) {
        case TYPE_F32: ((float *)data)[i] = (float)(first + (double)i * step); break;
        case TYPE_F64: ((double *)data)[i] = first + (double)i * step; break;
        case TYPE_I16: ((int16_t *)data)[i] = (int16_t)(whole_first + (uint64_t)i * whole_step); break;
        case TYPE_I32: ((int32_t *)data)[i] = (int32_t)(whole_first + (uint64_t)i * whole_step); break;
        default: ((int64_t *)data)[i] = (int64_t)(whole_first + (uint64_t)i * whole_step);
        }
}

static bool range_operands(Inference *inference, const Node *node)
{
    static const char *const hint = "its length must be known before the model runs; make the operands constants";
    for (int i = 0; i < 3; i++) {
        if (!infer_same_type(inference, node, i, 0) || !infer_single(inference, node, i))
            return false;
        if (!value_constant(node->inputs[i]))
            return infer_fault(inference, node, STATUS_UNSUPPORTED, hint, "%s is known only at run time", infer_input_text(inference, node, i));
    }
    Type type = node->inputs[0]->type;
    if (type == TYPE_F32 || type == TYPE_F64 || type == TYPE_I16 || type == TYPE_I32 || type == TYPE_I64)
        return true;
    return infer_fault(inference, node, STATUS_UNSUPPORTED, NULL, "a range of %s", type_info(type)->name);
}

bool infer_range(Inference *inference, Node *node)
{
    double count = 0;
    if (!range_operands(inference, node) || !range_count(inference, node, &count))
        return false;
    Type type = node->inputs[0]->type;
    double bytes = count * type_info(type)->bytes;
    if (bytes > inference->budget.bytes)
        return infer_fault(inference, node, STATUS_UNSUPPORTED, NULL, "a range of %.0f elements is too large for a constant", count);
    inference->budget.bytes -= bytes;
    void *data = arena_alloc(inference->graph->arena, (size_t)count + 1, (size_t)type_info(type)->bytes);
    write_range(node->inputs[0], node->inputs[2], (int64_t)count, data);
    return constant_of(inference, node, type, &(Shape){1, {(int64_t)count}}, data);
}
