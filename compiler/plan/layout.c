/* How activations lie in memory. */
#include "compiler/plan/plan.h"

#include <string.h>

bool layout_plain(const Layout *layout)
{
    return layout->pitch == 0;
}

bool layout_equal(const Layout *a, const Layout *b)
{
    return a->top == b->top && a->left == b->left && a->rows == b->rows && a->pitch == b->pitch && a->slack == b->slack;
}

size_t layout_bytes(const Shape *shape, Type type, const Layout *layout)
{
    size_t bytes = 0;
    if (layout_plain(layout))
        return shape_bytes(shape, type, &bytes) ? bytes : SIZE_MAX;
    const size_t planes = (size_t)(shape->dims[0] * shape->dims[1]), plane = (size_t)layout->rows * (size_t)layout->pitch;
    const size_t each = (size_t)type_info(type)->bytes;
    if (!checked_multiply(planes, plane, &bytes) || !checked_add(bytes, (size_t)layout->slack, &bytes) || !checked_multiply(bytes, each, &bytes))
        return SIZE_MAX;
    return bytes;
}
