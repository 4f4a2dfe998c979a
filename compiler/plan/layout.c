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

static int64_t height_of(const Shape *shape)
{
    return shape->rank == 4 ? shape->dims[2] : 1;
}

bool layout_holds(const Shape *shape, Type type, const Layout *layout)
{
    if ((shape->rank != 3 && shape->rank != 4) || layout->top < 0 || layout->left < 0 || layout->slack < 0)
        return false;
    return height_of(shape) <= (int64_t)layout->rows - layout->top && shape->dims[shape->rank - 1] <= (int64_t)layout->pitch - layout->left &&
           layout_bytes(shape, type, layout) != SIZE_MAX;
}

size_t layout_bytes(const Shape *shape, Type type, const Layout *layout)
{
    size_t bytes = 0;
    if (layout_plain(layout))
        return shape_bytes(shape, type, &bytes) ? bytes : SIZE_MAX;
    const size_t plane = (size_t)layout->rows * (size_t)layout->pitch, each = (size_t)type_info(type)->bytes;
    if (!checked_multiply((size_t)shape->dims[0], (size_t)shape->dims[1], &bytes) || !checked_multiply(bytes, plane, &bytes) ||
        !checked_add(bytes, (size_t)layout->slack, &bytes) || !checked_multiply(bytes, each, &bytes))
        return SIZE_MAX;
    return bytes;
}

void layout_take(const Shape *shape, Type type, const Layout *layout, const void *from, void *to)
{
    const int64_t planes = shape->dims[0] * shape->dims[1], height = height_of(shape);
    const size_t each = (size_t)type_info(type)->bytes, row = (size_t)shape->dims[shape->rank - 1] * each;
    const char *source = from;
    char *target = to;
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t y = 0; y < height; y++, target += row) {
            const int64_t element = (plane * layout->rows + layout->top + y) * layout->pitch + layout->left;
            memcpy(target, source + (size_t)element * each, row);
        }
}

const char *tiling_text(Arena *arena, const Tiling *tiling)
{
    int used = COUNT(tiling->size);
    while (used > 0 && tiling->size[used - 1] == 0)
        used--;
    Text text = text_new(arena);
    for (int i = 0; i < used; i++)
        text_format(&text, "%s%d", i == 0 ? "" : ",", tiling->size[i]);
    return used == 0 ? "-" : text.data;
}
