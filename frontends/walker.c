/* Walks a protobuf message before protobuf-c does, which recurses without a limit and copies everything: bounds depth and number of messages,
   checks lengths, and writes a slim copy with only the fields that our descriptors know, the elements of tensors replaced by their places. */
#include "frontends/importer.h"

#include <string.h>

#define MOST_DEPTH 100              /* protobuf's own limit, and what other readers accept */
#define MOST_MESSAGES (8 << 20)     /* protobuf-c spends up to 200 bytes on a message of two */
#define LENGTH_BYTES 5              /* of a submessage: written before its length is known, padded */

typedef enum Wire { WIRE_VARINT = 0, WIRE_EIGHT = 1, WIRE_BYTES = 2, WIRE_FOUR = 5 } Wire;

typedef struct Walk {
    Context *ctx;
    const unsigned char *data;
    unsigned char *out;             /* NULL: only counting */
    size_t written;
    int64_t messages;
    int depth;
    const ProtobufCMessageDescriptor *kind;   /* of the innermost message, for errors */
} Walk;

typedef struct Field {
    const ProtobufCFieldDescriptor *known;    /* NULL: none of ours */
    uint32_t tag;
    Wire wire;
    size_t begin, end;              /* of the value, without its length */
} Field;

static _Noreturn void bad(const Walk *walk, size_t at, const char *what)
{
    fail(walk->ctx, STATUS_MODEL, NULL, "is this an ONNX file, and is it complete?", "at byte %zu, in %s: %s", at, walk->kind->short_name, what);
}

static void put(Walk *walk, const void *bytes, size_t size)
{
    if (walk->out)
        memcpy(walk->out + walk->written, bytes, size);
    walk->written += size;
}

static void put_varint(Walk *walk, uint64_t value)
{
    unsigned char bytes[10];
    size_t size = 0;
    for (; value > 127; value >>= 7)
        bytes[size++] = (unsigned char)(value & 127) | 128;
    bytes[size++] = (unsigned char)value;
    put(walk, bytes, size);
}

/* A length in five bytes, however small: legal, and it can be filled in later. */
static void put_length_at(Walk *walk, size_t position, size_t length)
{
    for (int i = 0; walk->out && i < LENGTH_BYTES; i++)
        walk->out[position + (size_t)i] = (unsigned char)((length >> (7 * i) & 127) | (i < LENGTH_BYTES - 1 ? 128 : 0));
}

static uint64_t get_varint(const Walk *walk, size_t *at, size_t end)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (*at == end)
            bad(walk, *at, "the file ends within a number");
        unsigned char byte = walk->data[(*at)++];
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    bad(walk, *at, "a number of more than ten bytes");
}

static size_t skip(const Walk *walk, size_t at, size_t end, uint64_t bytes)
{
    if (bytes > end - at)
        bad(walk, at, "a field is longer than what holds it");
    return at + (size_t)bytes;
}

static Field get_field(const Walk *walk, size_t *at, size_t end)
{
    size_t start = *at;
    uint64_t tag = get_varint(walk, at, end);
    Field field = {.tag = (uint32_t)tag, .wire = (Wire)(tag & 7)};
    if (tag > UINT32_MAX || tag >> 3 == 0)
        bad(walk, start, "a field number that cannot be");
    if (field.wire == WIRE_BYTES) {
        uint64_t length = get_varint(walk, at, end);
        field.begin = *at;
        *at = skip(walk, *at, end, length);
    } else {
        field.begin = *at;
        if (field.wire == WIRE_VARINT)
            get_varint(walk, at, end);
        else if (field.wire == WIRE_EIGHT || field.wire == WIRE_FOUR)
            *at = skip(walk, *at, end, field.wire == WIRE_EIGHT ? 8 : 4);
        else
            bad(walk, start, "a field of a kind that ONNX does not use");
    }
    field.end = *at;
    field.known = protobuf_c_message_descriptor_get_field(walk->kind, (unsigned)(tag >> 3));
    return field;
}

static Wire wire_of(ProtobufCType type)
{
    static const Wire wires[] = {
        [PROTOBUF_C_TYPE_INT32] = WIRE_VARINT, [PROTOBUF_C_TYPE_INT64] = WIRE_VARINT, [PROTOBUF_C_TYPE_FLOAT] = WIRE_FOUR,
        [PROTOBUF_C_TYPE_STRING] = WIRE_BYTES, [PROTOBUF_C_TYPE_BYTES] = WIRE_BYTES,  [PROTOBUF_C_TYPE_MESSAGE] = WIRE_BYTES,
    };
    return wires[type];
}

/* Numbers one after the other: protobuf-c counts them by their last bytes. */
static void check_packed(const Walk *walk, const Field *field)
{
    if (wire_of(field->known->type) == WIRE_FOUR) {
        if ((field->end - field->begin) % 4 != 0)
            bad(walk, field->begin, "a list of floats of an odd length");
        return;
    }
    for (size_t at = field->begin; at < field->end;)
        get_varint(walk, &at, field->end);
}

/* Elements one by one, each with its own tag, as old writers did. */
static Wire wire_of_element(unsigned field)
{
    return field == 9 ? WIRE_BYTES : field == 4 ? WIRE_FOUR : field == 10 ? WIRE_EIGHT : WIRE_VARINT;    /* raw, float, double, integers */
}

static bool holds_elements(const Walk *walk, const ProtobufCFieldDescriptor *field)
{
    return walk->kind == &onnx__tensor_proto__descriptor && field->type == PROTOBUF_C_TYPE_BYTES;
}

static void walk_message(Walk *walk, const ProtobufCMessageDescriptor *kind, size_t at, size_t end);

static void put_piece(Walk *walk, const Field *field)
{
    if (field->wire != WIRE_BYTES && field->wire != wire_of_element(field->known->id))
        bad(walk, field->begin, "elements of another kind than ONNX says");
    Piece piece = {field->begin, field->end - field->begin};
    put_varint(walk, field->known->id << 3 | WIRE_BYTES);
    put_varint(walk, sizeof piece);
    put(walk, &piece, sizeof piece);
}

static void put_message(Walk *walk, const Field *field)
{
    put_varint(walk, field->tag);
    size_t position = walk->written;
    walk->written += LENGTH_BYTES;
    walk_message(walk, field->known->descriptor, field->begin, field->end);
    size_t length = walk->written - position - LENGTH_BYTES;
    if (length > INT32_MAX)
        bad(walk, field->begin, "more than 2 GiB of messages");
    put_length_at(walk, position, length);
}

static void put_plain(Walk *walk, const Field *field)
{
    put_varint(walk, field->tag);
    if (field->wire == WIRE_BYTES)
        put_varint(walk, field->end - field->begin);
    put(walk, walk->data + field->begin, field->end - field->begin);
}

static void walk_field(Walk *walk, const Field *field)
{
    const ProtobufCFieldDescriptor *known = field->known;
    if (holds_elements(walk, known)) {
        put_piece(walk, field);
        return;
    }
    bool repeated = known->label == PROTOBUF_C_LABEL_REPEATED;
    bool packed = repeated && field->wire == WIRE_BYTES && wire_of(known->type) != WIRE_BYTES;
    if (packed)
        check_packed(walk, field);
    else if (field->wire != wire_of(known->type))
        bad(walk, field->begin, "a field of another kind than ONNX says");
    if (known->type == PROTOBUF_C_TYPE_STRING && memchr(walk->data + field->begin, 0, field->end - field->begin))
        bad(walk, field->begin, "a zero byte in a name");
    if (known->type == PROTOBUF_C_TYPE_MESSAGE)
        put_message(walk, field);
    else
        put_plain(walk, field);
}

static void walk_message(Walk *walk, const ProtobufCMessageDescriptor *kind, size_t at, size_t end)
{
    const ProtobufCMessageDescriptor *around = walk->kind;
    walk->kind = kind;
    if (++walk->depth > MOST_DEPTH)
        bad(walk, at, "messages are nested more than 100 deep");
    if (++walk->messages > MOST_MESSAGES)
        bad(walk, at, "more than 8 million messages");
    uint64_t seen = 0;
    while (at < end) {
        Field field = get_field(walk, &at, end);
        if (!field.known)
            continue;
        /* protobuf would merge the two: nobody writes that. */
        uint64_t bit = 1ull << (field.known - kind->fields);
        if (field.known->type == PROTOBUF_C_TYPE_MESSAGE && field.known->label != PROTOBUF_C_LABEL_REPEATED && (seen & bit))
            bad(walk, field.begin, "a field that may be there once is there twice");
        seen |= bit;
        walk_field(walk, &field);
    }
    walk->depth--;
    walk->kind = around;
}

Slim walker_slim(Context *ctx, Arena *arena, FileView file, const ProtobufCMessageDescriptor *kind)
{
    Walk count = {.ctx = ctx, .data = file.data, .kind = kind};
    walk_message(&count, kind, 0, file.size);
    Walk copy = {.ctx = ctx, .data = file.data, .kind = kind, .out = arena_alloc(arena, count.written + 1, 1)};
    walk_message(&copy, kind, 0, file.size);
    return (Slim){copy.out, copy.written};
}
