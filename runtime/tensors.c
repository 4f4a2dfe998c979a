/* Between files and a model: which array belongs to which input, whether it fits, random ones in their place, and a summary of what came out. */
#define _DEFAULT_SOURCE      /* madvise */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "npy.h"

/* ---- memory ---- */

/* Whole huge pages only: no byte more is taken than asked for. */
void *tensors_memory(size_t bytes)
{
    const size_t huge = (size_t)2 << 20, alignment = bytes >= huge ? huge : TULLE_ALIGNMENT;
    if (bytes > SIZE_MAX / 2)
        return NULL;
    void *memory = aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
#ifdef MADV_HUGEPAGE
    if (memory && bytes >= huge)
        madvise(memory, bytes / huge * huge, MADV_HUGEPAGE);     /* a wish: refused, nothing is lost */
#endif
    return memory;
}

/* ---- names, types, shapes ---- */

int tensors_named(const struct tulle_tensor *tensors, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(tensors[i].name, name))
            return i;
    return -1;
}

static void list_names(const struct tulle_tensor *tensors, int count, char *text, size_t size)
{
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < count && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s'%s'", i ? ", " : "", tensors[i].name);
}

/* A name may hold '=' itself, so the names are tried first; a file whose own name holds one is taken as it is. */
bool tensors_split(const struct tulle_tensor *tensors, int count, const char *argument, int *index, const char **path, NpyError *error)
{
    for (*index = 0; *index < count; ++*index) {
        size_t length = strlen(tensors[*index].name);
        if (!strncmp(argument, tensors[*index].name, length) && argument[length] == '=') {
            *path = argument + length + 1;
            return **path || npy_bad(error, "'%s' names no file", argument);
        }
    }
    *index = -1;
    *path = argument;
    const char *equals = strchr(argument, '='), *slash = strchr(argument, '/');
    if (!equals || (slash && slash < equals))
        return true;
    char names[160];
    list_names(tensors, count, names, sizeof names);
    return npy_bad(error, "there is none named '%.*s'; the model has %s", (int)(equals - argument), argument, names);
}

bool tensors_check(const struct tulle_tensor *tensor, const NpyArray *array, NpyError *error)
{
    char wanted[96], found[96];
    report_shape(wanted, sizeof wanted, tensor->rank, tensor->dims);
    report_shape(found, sizeof found, array->rank, array->dims);
    if (array->type != tensor->type)
        return npy_bad(error, "holds %s, but '%s' takes %s: convert it with array.astype(numpy.%s)", npy_type_name(array->type), tensor->name,
                   npy_type_name(tensor->type), npy_type_name(tensor->type));
    bool same = array->rank == tensor->rank;
    for (int i = 0; same && i < tensor->rank; i++)
        same = array->dims[i] == tensor->dims[i];
    if (!same)
        return npy_bad(error, "has shape %s, but '%s' takes %s", found, tensor->name, wanted);
    return array->bytes == tensor->bytes || npy_bad(error, "has %zu bytes, but '%s' takes %zu", array->bytes, tensor->name, tensor->bytes);
}

static bool take_one(const struct tulle_tensor *tensors, int index, NpyArray *array, void **inputs, NpyError *error)
{
    if (inputs[index])
        return npy_bad(error, "gives '%s' a second time", tensors[index].name);
    if (!tensors_check(&tensors[index], array, error))
        return false;
    inputs[index] = array->data;
    array->data = NULL;
    return true;
}

bool tensors_take(const struct tulle_tensor *tensors, int count, int index, NpyFile *file, void **inputs, NpyError *error)
{
    char names[160];
    list_names(tensors, count, names, sizeof names);
    if (file->count == 0)
        return npy_bad(error, "holds no arrays");
    if (file->count == 1 && index < 0 && count == 1)
        index = 0;
    if (file->count == 1 && index >= 0)
        return take_one(tensors, index, &file->arrays[0], inputs, error);
    if (index >= 0 && !file->zip)
        return npy_bad(error, "holds %d arrays where one is wanted", file->count);
    for (int i = 0; i < file->count; i++) {
        NpyArray *array = &file->arrays[i];
        if (!array->name)
            return npy_bad(error, "could be any of %s: write NAME=FILE", names);
        int named = tensors_named(tensors, count, array->name);
        if (index >= 0 && named != index)
            continue;
        if (named < 0)
            return npy_bad(error, "has an array '%s', but the model's inputs are %s", array->name, names);
        if (!take_one(tensors, named, array, inputs, error))
            return false;
    }
    return index < 0 || inputs[index] || npy_bad(error, "has no array '%s'", tensors[index].name);
}

void tensors_describe(FILE *stream, const struct tulle_tensor *tensors, int count, const char *indent)
{
    for (int i = 0; i < count; i++) {
        char shape[96];
        report_shape(shape, sizeof shape, tensors[i].rank, tensors[i].dims);
        const char *const cells[] = {indent, tensors[i].name, npy_type_name(tensors[i].type), shape};
        report_table(stream, cells, 1, 4, 4);
    }
}

/* ---- random values ---- */

static uint64_t mix(uint64_t *state)      /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A 16-bit real between 1/32 and 1, either sign: bits of the fraction, and the exponent field of 1/32. */
static uint16_t random_half(uint64_t bits, int fraction, unsigned lowest)
{
    unsigned exponent = lowest + (unsigned)(bits >> 32) % 5;
    return (uint16_t)((bits & 1) << 15 | exponent << fraction | (unsigned)(bits >> 8 & ((1u << fraction) - 1)));
}

static void random_element(enum tulle_type type, uint64_t bits, void *data, size_t i)
{
    double real = (double)(int64_t)bits * 0x1p-63;
    switch (type) {
    case TULLE_F32: ((float *)data)[i] = (float)((double)(int)(bits >> 40) * 0x1p-23 - 1); break;
    case TULLE_F64: ((double *)data)[i] = real; break;
    case TULLE_F16: ((uint16_t *)data)[i] = random_half(bits, 10, 10); break;
    case TULLE_BF16: ((uint16_t *)data)[i] = random_half(bits, 7, 122); break;
    case TULLE_I8: case TULLE_U8: ((uint8_t *)data)[i] = (uint8_t)bits; break;
    case TULLE_I16: case TULLE_U16: ((uint16_t *)data)[i] = (uint16_t)bits; break;
    case TULLE_I32: case TULLE_U32: ((uint32_t *)data)[i] = bits & 1; break;
    case TULLE_I64: case TULLE_U64: ((uint64_t *)data)[i] = bits & 1; break;
    case TULLE_BOOL: ((uint8_t *)data)[i] = bits & 1; break;
    }
}

static size_t element_count(const struct tulle_tensor *tensor)
{
    int bytes = npy_type_bytes(tensor->type);
    return bytes ? tensor->bytes / (size_t)bytes : 0;
}

void tensors_random(const struct tulle_tensor *tensor, uint64_t seed, void *data)
{
    for (size_t i = 0; i < element_count(tensor); i++)
        random_element(tensor->type, mix(&seed), data, i);
}

/* ---- summary ---- */

static double half_value(uint16_t bits, int fraction, int bias)
{
    int exponent = (bits & 0x7fff) >> fraction, most = (1 << (15 - fraction)) - 1;
    double mantissa = bits & ((1 << fraction) - 1), sign = bits & 0x8000 ? -1 : 1;
    if (exponent == most)
        return mantissa != 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * ldexp(exponent ? mantissa + (1 << fraction) : mantissa, (exponent ? exponent : 1) - bias - fraction);
}

double tensors_element(enum tulle_type type, const void *data, size_t i)
{
    switch (type) {
    case TULLE_F32: return (double)((const float *)data)[i];
    case TULLE_F64: return ((const double *)data)[i];
    case TULLE_F16: return half_value(((const uint16_t *)data)[i], 10, 15);
    case TULLE_BF16: return half_value(((const uint16_t *)data)[i], 7, 127);
    case TULLE_I8: return ((const int8_t *)data)[i];
    case TULLE_I16: return ((const int16_t *)data)[i];
    case TULLE_I32: return ((const int32_t *)data)[i];
    case TULLE_I64: return (double)((const int64_t *)data)[i];
    case TULLE_U8: case TULLE_BOOL: return ((const uint8_t *)data)[i];
    case TULLE_U16: return ((const uint16_t *)data)[i];
    case TULLE_U32: return ((const uint32_t *)data)[i];
    case TULLE_U64: return (double)((const uint64_t *)data)[i];
    }
    return 0;
}

enum { TOP = 5 };

typedef struct Summary {
    double least, most, sum;
    size_t count, finite, top[TOP];
    int top_count;
} Summary;

static Summary summarise(const struct tulle_tensor *tensor, const void *data)
{
    Summary summary = {.least = (double)INFINITY, .most = -(double)INFINITY, .count = element_count(tensor)};
    for (size_t i = 0; i < summary.count; i++) {
        double value = tensors_element(tensor->type, data, i);
        if (!isfinite(value))
            continue;
        summary.finite++;
        summary.sum += value;
        summary.least = value < summary.least ? value : summary.least;
        summary.most = value > summary.most ? value : summary.most;
        int rank = summary.top_count;
        while (rank > 0 && value > tensors_element(tensor->type, data, summary.top[rank - 1]))
            rank--;
        if (rank == TOP)
            continue;
        summary.top_count += summary.top_count < TOP;
        memmove(&summary.top[rank + 1], &summary.top[rank], sizeof summary.top[0] * (size_t)(summary.top_count - rank - 1));
        summary.top[rank] = i;
    }
    return summary;
}

static void print_json(FILE *stream, const struct tulle_tensor *tensor, const void *data, const Summary *summary)
{
    char shape[96];
    report_shape(shape, sizeof shape, tensor->rank, tensor->dims);
    fputs("{\"name\": ", stream);
    report_json_string(stream, tensor->name);
    fprintf(stream, ", \"type\": \"%s\", \"shape\": %s, \"finite\": %zu, \"least\": ", npy_type_name(tensor->type), shape, summary->finite);
    report_json_number(stream, summary->least);
    fputs(", \"most\": ", stream);
    report_json_number(stream, summary->most);
    fputs(", \"mean\": ", stream);
    report_json_number(stream, summary->finite ? summary->sum / (double)summary->finite : (double)NAN);
    fputs(", \"top\": [", stream);
    for (int i = 0; i < summary->top_count; i++) {
        fprintf(stream, "%s{\"index\": %zu, \"value\": ", i ? ", " : "", summary->top[i]);
        report_json_number(stream, tensors_element(tensor->type, data, summary->top[i]));
        fputc('}', stream);
    }
    fputs("]}", stream);
}

static void print_plain(FILE *stream, const struct tulle_tensor *tensor, const void *data, const Summary *summary)
{
    tensors_describe(stream, tensor, 1, "");
    if (summary->finite < summary->count)
        fprintf(stream, "    %zu of %zu elements are infinite or not a number\n", summary->count - summary->finite, summary->count);
    if (!summary->finite)
        return;
    fprintf(stream, "    least %.6g, most %.6g, mean %.6g\n    largest:", summary->least, summary->most, summary->sum / (double)summary->finite);
    for (int i = 0; i < summary->top_count; i++)
        fprintf(stream, "%s [%zu] %.6g", i ? "," : "", summary->top[i], tensors_element(tensor->type, data, summary->top[i]));
    fputc('\n', stream);
}

void tensors_summary(FILE *stream, const struct tulle_tensor *tensors, void *const *data, int count, bool json)
{
    if (json)
        fputs("{\"outputs\": [", stream);
    for (int i = 0; i < count; i++) {
        Summary summary = summarise(&tensors[i], data[i]);
        if (json && i)
            fputs(", ", stream);
        (json ? print_json : print_plain)(stream, &tensors[i], data[i], &summary);
    }
    if (json)
        fputs("]}\n", stream);
}
