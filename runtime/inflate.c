/* Deflate (RFC 1951), unpacking only. Written for hostile data: every read and write is bounded, every code is checked before use.
   Decoding takes short codes from a table and long ones bit by bit in canonical order. */
#include <string.h>

#include "npy.h"

enum { LONGEST = 15, LENGTH_SYMBOLS = 288, DISTANCE_SYMBOLS = 30, FAST_BITS = 9, END_OF_BLOCK = 256 };

typedef struct Reader {
    const unsigned char *data;
    size_t size, position;
    uint64_t bits;               /* bits already taken from data, lowest first */
    int bit_count;
    bool failed;                 /* more bits were asked for than there are; from then on they read as 0 */
} Reader;

typedef struct Code {
    uint16_t count[LONGEST + 1];         /* symbols of each length */
    uint16_t symbols[LENGTH_SYMBOLS];    /* in canonical order */
    uint16_t fast[1 << FAST_BITS];       /* symbol * 16 + length for the next FAST_BITS bits; 0: a longer code */
} Code;

typedef struct Writer {
    unsigned char *data;
    size_t size, length;
} Writer;

static void reader_fill(Reader *reader, int wanted)
{
    while (reader->bit_count < wanted && reader->position < reader->size) {
        reader->bits |= (uint64_t)reader->data[reader->position++] << reader->bit_count;
        reader->bit_count += 8;
    }
}

static unsigned read_bits(Reader *reader, int wanted)
{
    reader_fill(reader, wanted);
    if (reader->bit_count < wanted) {
        reader->failed = true;
        return 0;
    }
    unsigned value = (unsigned)(reader->bits & ((1u << wanted) - 1));
    reader->bits >>= wanted;
    reader->bit_count -= wanted;
    return value;
}

/* Every code's value written backwards, as the stream has it, in all entries of the table that begin with it. */
static void code_fill_fast(Code *code, const uint8_t *lengths, int symbols)
{
    unsigned next[LONGEST + 1] = {0};
    for (int length = 1; length < LONGEST; length++)
        next[length + 1] = (next[length] + code->count[length]) << 1;
    memset(code->fast, 0, sizeof code->fast);
    for (int symbol = 0; symbol < symbols; symbol++) {
        int length = lengths[symbol];
        if (!length)
            continue;
        unsigned value = next[length]++, reversed = 0;
        if (length > FAST_BITS)
            continue;
        for (int bit = 0; bit < length; bit++)
            reversed |= (value >> bit & 1) << (length - 1 - bit);
        for (unsigned entry = reversed; entry < 1u << FAST_BITS; entry += 1u << length)
            code->fast[entry] = (uint16_t)(symbol << 4 | length);
    }
}

/* False if the lengths claim more codes than there are, or leave codes without a symbol (which only a code of one symbol may). */
static bool code_build(Code *code, const uint8_t *lengths, int symbols)
{
    memset(code->count, 0, sizeof code->count);
    for (int symbol = 0; symbol < symbols; symbol++)
        code->count[lengths[symbol]]++;
    int used = symbols - code->count[0], left = 1;
    code->count[0] = 0;
    for (int length = 1; length <= LONGEST; length++) {
        left = 2 * left - code->count[length];
        if (left < 0)
            return false;
    }
    if (left > 0 && (used > 1 || code->count[1] != used))
        return false;
    uint16_t offsets[LONGEST + 2] = {0};
    for (int length = 1; length <= LONGEST; length++)
        offsets[length + 1] = (uint16_t)(offsets[length] + code->count[length]);
    for (int symbol = 0; symbol < symbols; symbol++)
        if (lengths[symbol])
            code->symbols[offsets[lengths[symbol]]++] = (uint16_t)symbol;
    code_fill_fast(code, lengths, symbols);
    return true;
}

/* In canonical order the codes of one length are consecutive numbers, and follow on those of the length before. -1: no such code. */
static int decode_long(Reader *reader, const Code *code)
{
    int value = 0, first = 0, index = 0;
    for (int length = 1; length <= LONGEST; length++) {
        value |= (int)read_bits(reader, 1);
        if (reader->failed)
            return -1;
        int count = code->count[length];
        if (value - first < count)
            return code->symbols[index + value - first];
        index += count;
        first = (first + count) << 1;
        value <<= 1;
    }
    return -1;
}

static int decode(Reader *reader, const Code *code)
{
    reader_fill(reader, FAST_BITS);
    unsigned entry = code->fast[reader->bits & ((1u << FAST_BITS) - 1)];
    int length = (int)(entry & 15);
    if (!entry || length > reader->bit_count)
        return decode_long(reader, code);
    reader->bits >>= length;
    reader->bit_count -= length;
    return (int)(entry >> 4);
}

static bool copy_back(Writer *writer, size_t distance, size_t length)
{
    if (distance > writer->length || length > writer->size - writer->length)
        return false;
    unsigned char *to = writer->data + writer->length;
    for (size_t i = 0; i < length; i++)      /* byte by byte: the two may overlap, and then the copy repeats itself */
        to[i] = to[i - distance];
    writer->length += length;
    return true;
}

/* A length symbol of 257 and more, with the distance behind it. */
static bool inflate_match(Reader *reader, Writer *writer, int symbol, const Code *distances)
{
    static const uint16_t length_base[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
                                             4097, 6145, 8193, 12289, 16385, 24577};
    symbol -= END_OF_BLOCK + 1;
    if (symbol >= (int)(sizeof length_extra))
        return false;
    size_t length = length_base[symbol] + read_bits(reader, length_extra[symbol]);
    int code = decode(reader, distances);
    if (code < 0 || code >= DISTANCE_SYMBOLS)
        return false;
    size_t distance = distance_base[code] + read_bits(reader, code < 4 ? 0 : code / 2 - 1);
    return !reader->failed && copy_back(writer, distance, length);
}

static bool inflate_coded(Reader *reader, Writer *writer, const Code *lengths, const Code *distances)
{
    for (;;) {
        int symbol = decode(reader, lengths);
        if (symbol < 0)
            return false;
        if (symbol == END_OF_BLOCK)
            return true;
        if (symbol > END_OF_BLOCK) {
            if (!inflate_match(reader, writer, symbol, distances))
                return false;
        } else {
            if (writer->length == writer->size)
                return false;
            writer->data[writer->length++] = (unsigned char)symbol;
        }
    }
}

static bool inflate_stored(Reader *reader, Writer *writer)
{
    reader->position -= (size_t)(reader->bit_count / 8);     /* whole bytes that were read ahead go back */
    reader->bits = 0;
    reader->bit_count = 0;
    unsigned length = read_bits(reader, 16), complement = read_bits(reader, 16);
    if (reader->failed || length != (~complement & 0xffff) || length > reader->size - reader->position || length > writer->size - writer->length)
        return false;
    memcpy(writer->data + writer->length, reader->data + reader->position, length);
    reader->position += length;
    writer->length += length;
    return true;
}

static bool inflate_fixed(Reader *reader, Writer *writer)
{
    uint8_t lengths[LENGTH_SYMBOLS], distances[DISTANCE_SYMBOLS + 2];
    for (int i = 0; i < LENGTH_SYMBOLS; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    memset(distances, 5, sizeof distances);
    Code length_code, distance_code;
    return code_build(&length_code, lengths, LENGTH_SYMBOLS) && code_build(&distance_code, distances, DISTANCE_SYMBOLS + 2) &&
           inflate_coded(reader, writer, &length_code, &distance_code);
}

/* The run-length coded list of code lengths that opens a dynamic block. */
static bool read_lengths(Reader *reader, const Code *code, uint8_t *lengths, int count)
{
    for (int i = 0; i < count;) {
        int symbol = decode(reader, code);
        if (symbol < 0)
            return false;
        if (symbol < 16) {
            lengths[i++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 16 && i == 0)
            return false;
        uint8_t value = symbol == 16 ? lengths[i - 1] : 0;
        int repeat = symbol == 16 ? 3 + (int)read_bits(reader, 2) : symbol == 17 ? 3 + (int)read_bits(reader, 3) : 11 + (int)read_bits(reader, 7);
        if (reader->failed || repeat > count - i)
            return false;
        memset(lengths + i, value, (size_t)repeat);
        i += repeat;
    }
    return true;
}

static bool inflate_dynamic(Reader *reader, Writer *writer)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    int lengths_count = 257 + (int)read_bits(reader, 5), distances_count = 1 + (int)read_bits(reader, 5), order_count = 4 + (int)read_bits(reader, 4);
    if (lengths_count > 286 || distances_count > DISTANCE_SYMBOLS)
        return false;
    uint8_t first[19] = {0}, lengths[286 + DISTANCE_SYMBOLS] = {0};
    for (int i = 0; i < order_count; i++)
        first[order[i]] = (uint8_t)read_bits(reader, 3);
    Code code, distances;
    if (reader->failed || !code_build(&code, first, 19) || !read_lengths(reader, &code, lengths, lengths_count + distances_count))
        return false;
    return lengths[END_OF_BLOCK] && code_build(&code, lengths, lengths_count) && code_build(&distances, lengths + lengths_count, distances_count) &&
           inflate_coded(reader, writer, &code, &distances);
}

bool inflate_bytes(const unsigned char *in, size_t in_bytes, unsigned char *out, size_t out_bytes)
{
    static bool (*const blocks[])(Reader *, Writer *) = {inflate_stored, inflate_fixed, inflate_dynamic};
    Reader reader = {.data = in, .size = in_bytes};
    Writer writer = {.data = out, .size = out_bytes};
    bool last = false;
    while (!last) {
        last = read_bits(&reader, 1);
        unsigned kind = read_bits(&reader, 2);
        if (reader.failed || kind > 2 || !blocks[kind](&reader, &writer))
            return false;
    }
    return writer.length == out_bytes;
}
