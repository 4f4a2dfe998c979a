/* Per-channel factors and shifts: BatchNormalization with constants, and Add, Sub, Mul, Div by a constant per channel. */
#include "affine.h"

#include "edit.h"

#include <math.h>

Affine affine_identity(Arena *arena, int64_t channels)
{
    Affine affine = {.channels = channels, .factor = arena_array(arena, double, channels + 1), .shift = arena_array(arena, double, channels + 1)};
    for (int64_t c = 0; c < channels; c++)
        affine.factor[c] = 1;
    return affine;
}

/* One element, or one a channel: all of the constant's other dimensions are 1. */
static bool per_channel(const Value *constant, const Value *x, int axis, int64_t channels)
{
    const Shape *shape = &constant->shape;
    int at = axis - (x->shape.rank - shape->rank);
    if (!constant_readable(constant) || shape->rank > x->shape.rank)
        return false;
    if (shape_count(shape) == 1)
        return true;
    return at >= 0 && shape->dims[at] == channels && shape_count(shape) == channels;
}

static double element(const Value *constant, int64_t channel)
{
    return constant_real(constant, shape_count(&constant->shape) == 1 ? 0 : channel);
}

static bool from_batchnorm(Affine *step, const Node *node, const Value *x, int axis)
{
    if (axis != 1 || node->inputs[0] != x)
        return false;
    for (int i = 1; i < 5; i++)
        if (node->inputs[i]->shape.rank != 1 || !constant_readable(node->inputs[i]))
            return false;
    double epsilon = node_real(node, ATTR_epsilon, 1e-5);
    for (int64_t c = 0; c < step->channels; c++) {
        step->factor[c] = constant_real(node->inputs[1], c) / sqrt(constant_real(node->inputs[4], c) + epsilon);
        step->shift[c] = constant_real(node->inputs[2], c) - constant_real(node->inputs[3], c) * step->factor[c];
    }
    return true;
}

static bool from_binary(Affine *step, const Node *node, const Value *x, int axis)
{
    bool first = node->inputs[0] == x;
    const Value *other = node->inputs[first];
    if (other == x || !per_channel(other, x, axis, step->channels) || (!first && node->op == OP_Div))
        return false;
    for (int64_t c = 0; c < step->channels; c++) {
        double constant = element(other, c);
        switch (node->op) {
        case OP_Mul: step->factor[c] = constant; break;
        case OP_Div: step->factor[c] = 1 / constant; break;
        case OP_Add: step->shift[c] = constant; break;
        default: step->factor[c] = first ? 1 : -1, step->shift[c] = first ? -constant : constant;
        }
    }
    return true;
}

static bool all_finite(const Affine *affine)
{
    for (int64_t c = 0; c < affine->channels; c++)
        if (!isfinite(affine->factor[c]) || !isfinite(affine->shift[c]))
            return false;
    return true;
}

bool affine_apply(Affine *affine, const Node *node, const Value *x, int axis, Arena *arena)
{
    Affine step = affine_identity(arena, affine->channels);
    bool binary = node->op == OP_Mul || node->op == OP_Div || node->op == OP_Add || node->op == OP_Sub;
    bool known = node->op == OP_BatchNormalization ? from_batchnorm(&step, node, x, axis) : binary && from_binary(&step, node, x, axis);
    if (!known || node->epilogue_count > 0 || !shape_equal(&node->outputs[0]->shape, &x->shape))
        return false;
    for (int64_t c = 0; c < step.channels; c++) {
        step.shift[c] += step.factor[c] * affine->shift[c];
        step.factor[c] *= affine->factor[c];
        step.scales = step.scales || step.factor[c] != 1;
    }
    if (!all_finite(&step))
        return false;
    *affine = step;
    return true;
}
