/* Compares two tensors of one type, element by element, within bounds. */
#include <math.h>
#include <string.h>

#include "compiler/cli/cli.h"

static bool is_real(Type type)
{
    return type_info(type)->real;
}

/* Integers may have more digits than a double: equal means the same bytes. */
static bool same_bytes(Type type, const void *a, const void *b, int64_t i)
{
    size_t bytes = (size_t)type_info(type)->bytes;
    return memcmp((const char *)a + (size_t)i * bytes, (const char *)b + (size_t)i * bytes, bytes) == 0;
}

/* How far beyond what is allowed, from 0 on; negative: within. An infinity or NaN on one side alone is infinitely far. */
static double excess(double expected, double found, double allowed)
{
    if (isnan(expected) && isnan(found))
        return -1;
    if (expected == found)
        return -1;
    double difference = fabs(expected - found);
    if (!isfinite(difference))
        return (double)INFINITY;
    return difference <= allowed ? -1 : difference - allowed;
}

Difference compare_tensors(Type type, const void *expected, const void *found, int64_t count, double relative, double absolute, const double *bounds)
{
    Difference result = {.index = -1};
    double worst = -1;
    for (int64_t i = 0; i < count; i++) {
        double a = tensors_element((enum tulle_type)type, expected, (size_t)i), b = tensors_element((enum tulle_type)type, found, (size_t)i);
        double allowed = bounds ? bounds[i] : absolute + relative * fabs(a), over = is_real(type) ? excess(a, b, allowed) : same_bytes(type, expected, found, i) ? -1 : fabs(a - b);
        if (isfinite(a) && isfinite(b) && fabs(a - b) > result.largest)
            result.largest = fabs(a - b);
        if (over < 0)
            continue;
        result.count++;
        if (over > worst) {
            worst = over;
            result.index = i;
            result.expected = a;
            result.found = b;
            result.allowed = is_real(type) ? allowed : 0;
        }
    }
    return result;
}

const char *index_text(Arena *arena, const Shape *shape, int64_t index)
{
    int64_t strides[MAX_RANK];
    shape_strides(shape, strides);
    Text text = text_new(arena);
    text_add(&text, "[");
    for (int i = 0; i < shape->rank; i++) {
        text_format(&text, "%s%lld", i ? "," : "", (long long)(index / strides[i]));
        index %= strides[i];
    }
    text_add(&text, "]");
    return text.data;
}
