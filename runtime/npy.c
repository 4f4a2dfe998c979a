/* numpy's .npy files: the header is a Python dictionary of three entries, then the elements follow. Read and written; .npz is in npz.c. */
#include "npy.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct { enum tulle_type type; const char *code, *name; int bytes; } types[] = {
    {TULLE_F32, "f4", "float32", 4}, {TULLE_F64, "f8", "float64", 8}, {TULLE_F16, "f2", "float16", 2}, {TULLE_BF16, "V2", "bfloat16", 2},
    {TULLE_I8, "i1", "int8", 1},     {TULLE_I16, "i2", "int16", 2},   {TULLE_I32, "i4", "int32", 4},   {TULLE_I64, "i8", "int64", 8},
    {TULLE_U8, "u1", "uint8", 1},    {TULLE_U16, "u2", "uint16", 2},  {TULLE_U32, "u4", "uint32", 4},  {TULLE_U64, "u8", "uint64", 8},
    {TULLE_BOOL, "b1", "bool", 1},
};
enum { TYPE_COUNT = sizeof types / sizeof types[0] };
static const char magic[6] = "\x93NUMPY";

const char *npy_type_name(enum tulle_type type)
{
    for (int i = 0; i < TYPE_COUNT; i++)
        if (types[i].type == type)
            return types[i].name;
    return "?";
}

int npy_type_bytes(enum tulle_type type)
{
    for (int i = 0; i < TYPE_COUNT; i++)
        if (types[i].type == type)
            return types[i].bytes;
    return 0;
}

bool npy_bad(NpyError *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    for (char *at = error->text; *at; at++)
        if (iscntrl((unsigned char)*at))
            *at = '?';
    return false;
}

/* ---- the header ---- */

typedef struct Header {
    char descr[16];
    bool fortran, has_descr, has_fortran, has_shape;
    int rank;
    int64_t dims[8];
} Header;

typedef struct Scan { const char *at, *end; } Scan;

static void skip_space(Scan *scan)
{
    while (scan->at < scan->end && isspace((unsigned char)*scan->at))
        scan->at++;
}

static bool take(Scan *scan, const char *word)
{
    skip_space(scan);
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

static bool take_string(Scan *scan, char *text, size_t size)
{
    skip_space(scan);
    if (scan->at == scan->end || (*scan->at != '\'' && *scan->at != '"'))
        return false;
    char quote = *scan->at++;
    size_t length = 0;
    for (; scan->at < scan->end && *scan->at != quote; scan->at++) {
        if (length + 1 >= size || !isprint((unsigned char)*scan->at))
            return false;
        text[length++] = *scan->at;
    }
    text[length] = 0;
    return scan->at < scan->end && *scan->at++ == quote;
}

static bool take_number(Scan *scan, int64_t *number)
{
    skip_space(scan);
    const char *start = scan->at;
    int64_t value = 0;
    for (; scan->at < scan->end && isdigit((unsigned char)*scan->at); scan->at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *scan->at - '0', &value))
            return false;
    *number = value;
    (void)take(scan, "L");       /* Python 2 wrote long integers so */
    return scan->at > start;
}

static bool take_shape(Scan *scan, Header *header)
{
    if (!take(scan, "("))
        return false;
    while (!take(scan, ")")) {
        if (header->rank == 8 || !take_number(scan, &header->dims[header->rank]))
            return false;
        header->rank++;
        if (!take(scan, ",")) {
            if (!take(scan, ")"))
                return false;
            break;
        }
    }
    return header->has_shape = true;
}

static bool take_entry(Scan *scan, Header *header)
{
    char key[16];
    if (!take_string(scan, key, sizeof key) || !take(scan, ":"))
        return false;
    if (!strcmp(key, "descr"))
        return header->has_descr = take_string(scan, header->descr, sizeof header->descr);
    if (!strcmp(key, "fortran_order")) {
        header->fortran = take(scan, "True");
        return header->has_fortran = header->fortran || take(scan, "False");
    }
    return !strcmp(key, "shape") && take_shape(scan, header);
}

static bool parse_header(const char *text, size_t length, Header *header)
{
    Scan scan = {text, text + length};
    if (!take(&scan, "{"))
        return false;
    while (!take(&scan, "}")) {
        if (!take_entry(&scan, header))
            return false;
        if (take(&scan, ","))
            continue;
        if (!take(&scan, "}"))
            return false;
        break;
    }
    return header->has_descr && header->has_fortran && header->has_shape;
}

/* ---- the elements ---- */

static bool find_type(const char *descr, NpyArray *array, NpyError *error)
{
    char order = descr[0];
    const char *code = strchr("<>|=", order) && order ? descr + 1 : descr;
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(code, types[i].code))
            continue;
        if (order == '>' && types[i].bytes > 1)
            return npy_bad(error, "is big-endian (%s); save it with array.astype(array.dtype.newbyteorder('<'))", descr);
        array->type = types[i].type;
        return true;
    }
    return npy_bad(error, "holds elements of type '%s', which is no type of number that tulle knows", descr);
}

static bool count_bytes(const Header *header, NpyArray *array, NpyError *error)
{
    size_t bytes = (size_t)npy_type_bytes(array->type);
    array->rank = header->rank;
    bool empty = false;
    for (int i = 0; i < header->rank; i++) {
        array->dims[i] = header->dims[i];
        empty = empty || header->dims[i] == 0;
        if (header->dims[i] && __builtin_mul_overflow(bytes, (size_t)header->dims[i], &bytes))
            return npy_bad(error, "has a shape whose size overflows");
    }
    array->bytes = empty ? 0 : bytes;
    return true;
}

/* From column-major to row-major: walks the target in order, keeps the source's position by its strides. */
static void transpose(const NpyArray *array, const unsigned char *from, unsigned char *to)
{
    size_t element = (size_t)npy_type_bytes(array->type), position = 0, strides[8], stride = element;
    int64_t index[8] = {0};
    for (int i = 0; i < array->rank; i++) {
        strides[i] = stride;
        stride *= (size_t)array->dims[i];
    }
    for (size_t done = 0; done < array->bytes; done += element) {
        memcpy(to + done, from + position, element);
        for (int i = array->rank - 1; i >= 0; i--) {
            position += strides[i];
            if (++index[i] < array->dims[i])
                break;
            position -= strides[i] * (size_t)array->dims[i];
            index[i] = 0;
        }
    }
}

static bool take_data(const Header *header, const unsigned char *data, size_t size, NpyArray *array, NpyError *error)
{
    if (size != array->bytes)
        return npy_bad(error, "needs %zu bytes for its shape, but %zu follow the header", array->bytes, size);
    array->data = malloc(size ? size : 1);
    if (!array->data)
        return npy_bad(error, "needs %zu bytes of memory, which are not to be had", size);
    if (header->fortran && header->rank > 1)
        transpose(array, data, array->data);
    else if (size)
        memcpy(array->data, data, size);
    if (array->type == TULLE_BOOL)
        for (size_t i = 0; i < size; i++)
            ((unsigned char *)array->data)[i] = ((unsigned char *)array->data)[i] != 0;
    return true;
}

bool npy_parse_member(const unsigned char *bytes, size_t size, NpyArray *array, NpyError *error)
{
    if (size < 10 || memcmp(bytes, magic, sizeof magic))
        return npy_bad(error, "is not a .npy file");
    int version = bytes[6];
    size_t fixed = version == 1 ? 10 : 12, length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (version < 1 || version > 3)
        return npy_bad(error, "is a .npy file of version %d; 1 to 3 are known", version);
    if (version > 1 && size >= fixed)
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (size < fixed || length > size - fixed)
        return npy_bad(error, "ends within its header");
    Header header = {0};
    if (!parse_header((const char *)bytes + fixed, length, &header))
        return npy_bad(error, "has a header that cannot be read: arrays of numbers with up to 8 dimensions are expected");
    return find_type(header.descr, array, error) && count_bytes(&header, array, error) &&
           take_data(&header, bytes + fixed + length, size - fixed - length, array, error);
}

/* ---- whole files ---- */

bool npy_parse(const void *bytes, size_t size, NpyFile *file, NpyError *error)
{
    *file = (NpyFile){0};
    if (size >= 2 && !memcmp(bytes, "PK", 2))
        return npz_parse(bytes, size, file, error);
    if (size < sizeof magic || memcmp(bytes, magic, sizeof magic))
        return npy_bad(error, "is neither .npy nor .npz");
    file->arrays = calloc(1, sizeof *file->arrays);
    if (!file->arrays)
        return npy_bad(error, "out of memory");
    file->count = 1;
    if (npy_parse_member(bytes, size, file->arrays, error))
        return true;
    npy_free(file);
    return false;
}

static unsigned char *read_all(FILE *stream, size_t *size, NpyError *error)
{
    size_t capacity = 1 << 16, length = 0;
    unsigned char *bytes = malloc(capacity);
    while (bytes) {
        length += fread(bytes + length, 1, capacity - length, stream);
        if (length < capacity)
            break;
        unsigned char *more = capacity > SIZE_MAX / 2 ? NULL : realloc(bytes, capacity *= 2);
        if (!more)
            free(bytes);
        bytes = more;
    }
    *size = length;
    if (!bytes)
        npy_bad(error, "is too large for the memory there is");
    return bytes;
}

bool npy_load(const char *path, NpyFile *file, NpyError *error)
{
    *file = (NpyFile){0};
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return npy_bad(error, "cannot be opened: %s", strerror(errno));
    size_t size;
    errno = 0;
    unsigned char *bytes = read_all(stream, &size, error);
    bool fine = bytes && !ferror(stream);
    if (bytes && !fine)
        npy_bad(error, "cannot be read: %s", strerror(errno));
    fclose(stream);
    fine = fine && npy_parse(bytes, size, file, error);
    free(bytes);
    return fine;
}

void npy_free(NpyFile *file)
{
    for (int i = 0; i < file->count; i++) {
        free(file->arrays[i].name);
        free(file->arrays[i].data);
    }
    free(file->arrays);
    *file = (NpyFile){0};
}

/* ---- writing ---- */

/* Header and padding, so that the elements start at a multiple of 64. Its length, or 0 with the reason in error. */
size_t npy_header(const NpyArray *array, char text[NPY_HEADER_MOST], NpyError *error)
{
    const size_t size = NPY_HEADER_MOST;
    const char *code = NULL;
    for (int i = 0; i < TYPE_COUNT; i++)
        if (types[i].type == array->type)
            code = types[i].code;
    if (!code) {
        npy_bad(error, "has a type that .npy files cannot hold");
        return 0;
    }
    int length = snprintf(text, size, "%.6s%c%c__{'descr': '%s%s', 'fortran_order': False, 'shape': (", magic, 1, 0,
                          npy_type_bytes(array->type) == 1 ? "|" : "<", code);
    for (int i = 0; i < array->rank; i++)
        length += snprintf(text + length, size - (size_t)length, "%lld%s", (long long)array->dims[i], array->rank == 1 ? "," : i + 1 < array->rank ? ", " : "");
    length += snprintf(text + length, size - (size_t)length, "), }");
    while (length % 64 != 63)
        text[length++] = ' ';
    text[length++] = '\n';
    text[8] = (char)((length - 10) & 0xff);
    text[9] = (char)((length - 10) >> 8);
    return (size_t)length;
}

bool npy_write(FILE *stream, const NpyArray *array, NpyError *error)
{
    char header[NPY_HEADER_MOST];
    size_t length = npy_header(array, header, error);
    if (!length)
        return false;
    fwrite(header, 1, length, stream);
    if (array->bytes)
        fwrite(array->data, 1, array->bytes, stream);
    return true;
}
