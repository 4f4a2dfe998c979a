/* The one loader of tensors: every element type and encoding, lengths compared with shapes before anything is used. Elements that stand in the
   file as we need them are used where they are, at any alignment; all others are decoded into memory that lives as long as the graph. */
#include "frontends/importer.h"

#include <string.h>

/* ---- element types ---- */

static const DataType data_types[] = {
    {1, "float", TYPE_F32},          {2, "uint8", TYPE_U8},           {3, "int8", TYPE_I8},           {4, "uint16", TYPE_U16},
    {5, "int16", TYPE_I16},          {6, "int32", TYPE_I32},          {7, "int64", TYPE_I64},         {9, "bool", TYPE_BOOL},
    {10, "float16", TYPE_F16},       {11, "double", TYPE_F64},        {12, "uint32", TYPE_U32},       {13, "uint64", TYPE_U64},
    {16, "bfloat16", TYPE_BF16},     {0, "undefined", TYPE_UNKNOWN},  {8, "string", TYPE_UNKNOWN},    {14, "complex64", TYPE_UNKNOWN},
    {15, "complex128", TYPE_UNKNOWN}, {17, "float8e4m3fn", TYPE_UNKNOWN}, {18, "float8e4m3fnuz", TYPE_UNKNOWN}, {19, "float8e5m2", TYPE_UNKNOWN},
    {20, "float8e5m2fnuz", TYPE_UNKNOWN}, {21, "uint4", TYPE_UNKNOWN}, {22, "int4", TYPE_UNKNOWN},    {23, "float4e2m1", TYPE_UNKNOWN},
    {24, "float8e8m0", TYPE_UNKNOWN}, {25, "uint2", TYPE_UNKNOWN},    {26, "int2", TYPE_UNKNOWN},
};
static const DataType data_type_unknown = {-1, "of a number that ONNX does not define", TYPE_UNKNOWN};

const DataType *data_type(int32_t number)
{
    for (int i = 0; i < COUNT(data_types); i++)
        if (data_types[i].number == number)
            return &data_types[i];
    return &data_type_unknown;
}

const DataType *data_type_of(Type type)
{
    for (int i = 0; i < COUNT(data_types); i++)
        if (data_types[i].type == type)
            return &data_types[i];
    return &data_type_unknown;
}

bool shape_load(Source *source, const char *where, size_t rank, const int64_t *dims, Type type, Shape *shape, size_t *bytes)
{
    if (rank > MAX_RANK) {
        complain(source->ctx, STATUS_UNSUPPORTED, where, NULL, "it has %zu dimensions, more than %d", rank, MAX_RANK);
        return false;
    }
    shape->rank = (int)rank;
    for (size_t i = 0; i < rank; i++)
        shape->dims[i] = dims[i];
    if (shape_bytes(shape, type, bytes))
        return true;
    complain(source->ctx, STATUS_MODEL, where, NULL, "its shape %s is negative or too large", shape_text(source->arena, shape));
    return false;
}

/* ---- elements in typed fields ---- */

typedef struct Pieces {
    size_t count;
    const ProtobufCBinaryData *tokens;
} Pieces;

/* What the typed field that belongs to a type holds. */
typedef enum Coding { CODING_FIXED, CODING_SIGNED, CODING_UNSIGNED } Coding;

static Pieces typed_field(const TensorProto *proto, Type type, Coding *coding)
{
    *coding = type == TYPE_F32 || type == TYPE_F64 ? CODING_FIXED : type == TYPE_U32 || type == TYPE_U64 ? CODING_UNSIGNED : CODING_SIGNED;
    switch (type) {
    case TYPE_F32: return (Pieces){proto->n_float_data, proto->float_data};
    case TYPE_F64: return (Pieces){proto->n_double_data, proto->double_data};
    case TYPE_I64: return (Pieces){proto->n_int64_data, proto->int64_data};
    case TYPE_U32:
    case TYPE_U64: return (Pieces){proto->n_uint64_data, proto->uint64_data};
    default: return (Pieces){proto->n_int32_data, proto->int32_data};
    }
}

static size_t elements_in(const Source *source, Pieces pieces, Coding coding, size_t element)
{
    size_t count = 0;
    for (size_t i = 0; i < pieces.count; i++) {
        FileView piece = source_piece(source, pieces.tokens[i]);
        if (coding == CODING_FIXED)
            count += piece.size % element == 0 ? piece.size / element : SIZE_MAX / 2;
        for (size_t at = 0; coding != CODING_FIXED && at < piece.size; at++)
            count += piece.data[at] < 128;
    }
    return count;
}

typedef struct Range {
    int64_t low, high;
} Range;

/* What a typed field may hold for a type; f16 and bf16 stand there as their bits. */
static Range range_of(Type type)
{
    const TypeInfo *info = type_info(type);
    int bits = info->bytes * 8;
    if (type == TYPE_BOOL || type == TYPE_I64 || type == TYPE_U64)
        return (Range){INT64_MIN, INT64_MAX};
    if (info->integer && info->is_signed)
        return (Range){-((int64_t)1 << (bits - 1)), ((int64_t)1 << (bits - 1)) - 1};
    return (Range){0, ((int64_t)1 << bits) - 1};
}

static void store(unsigned char *to, Type type, uint64_t value)
{
    if (type == TYPE_BOOL)
        value = value != 0;
    memcpy(to, &value, (size_t)type_info(type)->bytes);    /* little-endian, as is the host */
}

/* The end of a piece within a number has been counted out: every number here ends. */
static uint64_t next_number(const FileView *piece, size_t *at)
{
    uint64_t value = 0;
    for (int shift = 0; *at < piece->size; shift += 7) {
        unsigned char byte = piece->data[(*at)++];
        if (shift < 64)
            value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    return value;
}

static bool decode_numbers(Source *source, const char *where, Pieces pieces, Type type, unsigned char *to)
{
    size_t bytes = (size_t)type_info(type)->bytes;
    Range range = range_of(type);
    for (size_t i = 0; i < pieces.count; i++) {
        FileView piece = source_piece(source, pieces.tokens[i]);
        for (size_t at = 0; at < piece.size;) {
            uint64_t number = next_number(&piece, &at);
            if (bytes < 4 || type == TYPE_I32)
                number = (uint64_t)(int32_t)number;    /* int32_data: protobuf keeps 32 bits, however many were written */
            if ((int64_t)number < range.low || (int64_t)number > range.high) {
                complain(source->ctx, STATUS_MODEL, where, NULL, "the element %lld does not fit its type %s", (long long)number,
                         type_info(type)->name);
                return false;
            }
            store(to, type, number);
            to += bytes;
        }
    }
    return true;
}

static void join_pieces(const Source *source, Pieces pieces, unsigned char *to)
{
    for (size_t i = 0; i < pieces.count; i++) {
        FileView piece = source_piece(source, pieces.tokens[i]);
        memcpy(to, piece.data, piece.size);
        to += piece.size;
    }
}

static bool ends_within_a_number(const Source *source, Pieces pieces)
{
    for (size_t i = 0; i < pieces.count; i++) {
        FileView piece = source_piece(source, pieces.tokens[i]);
        if (piece.size > 0 && piece.data[piece.size - 1] >= 128)
            return true;
    }
    return false;
}

static bool load_typed(Source *source, const char *where, const TensorProto *proto, TensorFile *tensor, size_t bytes)
{
    Coding coding;
    Pieces pieces = typed_field(proto, tensor->type, &coding);
    size_t element = (size_t)type_info(tensor->type)->bytes;
    size_t found = elements_in(source, pieces, coding, element);
    if (found != bytes / element || (coding != CODING_FIXED && ends_within_a_number(source, pieces))) {
        complain(source->ctx, STATUS_MODEL, where, NULL, "its shape %s asks for %zu elements of type %s, its data holds %s%zu",
                 shape_text(source->arena, &tensor->shape), bytes / element, type_info(tensor->type)->name,
                 found > SIZE_MAX / 4 ? "a length that is none: " : "", found > SIZE_MAX / 4 ? 0 : found);
        return false;
    }
    if (coding == CODING_FIXED && pieces.count == 1) {
        tensor->data = source_piece(source, pieces.tokens[0]).data;
        return true;
    }
    unsigned char *data = arena_alloc(source->ctx->graph, bytes + 1, 1);
    tensor->data = data;
    if (coding != CODING_FIXED)
        return decode_numbers(source, where, pieces, tensor->type, data);
    join_pieces(source, pieces, data);
    return true;
}

/* ---- raw elements ---- */

/* Bytes that are neither 0 nor 1 would be two kinds of true. */
static const void *clean_bools(Source *source, const unsigned char *bytes, size_t count)
{
    size_t at = 0;
    while (at < count && bytes[at] <= 1)
        at++;
    if (at == count)
        return bytes;
    unsigned char *clean = arena_copy(source->ctx->graph, bytes, count);
    for (; at < count; at++)
        clean[at] = clean[at] != 0;
    return clean;
}

static bool load_raw(Source *source, const char *where, FileView raw, TensorFile *tensor, size_t bytes)
{
    tensor->data = raw.data;
    if (raw.size == bytes)
        return true;
    complain(source->ctx, STATUS_MODEL, where, NULL, "its shape %s of %s asks for %zu bytes, its data holds %zu",
             shape_text(source->arena, &tensor->shape), type_info(tensor->type)->name, bytes, raw.size);
    return false;
}

static bool has_typed(const TensorProto *proto)
{
    return proto->n_float_data || proto->n_double_data || proto->n_int32_data || proto->n_int64_data || proto->n_uint64_data;
}

static bool load_elements(Source *source, const char *where, const TensorProto *proto, TensorFile *tensor, size_t bytes)
{
    bool external = proto->has_data_location && proto->data_location == 1;
    if (proto->has_raw_data + has_typed(proto) + external > 1) {
        complain(source->ctx, STATUS_MODEL, where, NULL, "it has its data twice, in different fields");
        return false;
    }
    if (external)
        return external_load(source, where, proto, bytes, &tensor->data);
    if (proto->has_raw_data)
        return load_raw(source, where, source_piece(source, proto->raw_data), tensor, bytes);
    return load_typed(source, where, proto, tensor, bytes);
}

bool tensor_load(Source *source, const char *where, const TensorProto *proto, TensorFile *tensor)
{
    const DataType *type = data_type(proto->data_type);
    *tensor = (TensorFile){.name = proto->name ? proto->name : "", .type = type->type};
    if (type->type == TYPE_UNKNOWN) {
        bool bad = type->number <= 0;
        complain(source->ctx, bad ? STATUS_MODEL : STATUS_UNSUPPORTED, where, NULL, "the element type %s (%d) is not supported", type->name,
                 proto->data_type);
        return false;
    }
    if (proto->segment) {
        complain(source->ctx, STATUS_UNSUPPORTED, where, NULL, "tensors in segments are not supported");
        return false;
    }
    size_t bytes;
    if (!shape_load(source, where, proto->n_dims, proto->dims, tensor->type, &tensor->shape, &bytes) ||
        !load_elements(source, where, proto, tensor, bytes))
        return false;
    if (bytes == 0)
        tensor->data = arena_alloc(source->ctx->graph, 1, 1);    /* a constant has data, even of no elements */
    if (tensor->type == TYPE_BOOL)
        tensor->data = clean_bools(source, tensor->data, bytes);
    return true;
}
