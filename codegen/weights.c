/* All constants of a program as one object, written while the layers are packed: nothing but offsets is kept. Up to 1 MB they stand in the source
   as a string literal, which compilers read an order of magnitude faster than initialiser lists; past that they go to a file that the source
   takes in, unless a single file was asked for. */
#include "codegen/internal.h"

#include <string.h>

#define MOST_INSIDE ((size_t)1 << 20)
#define MOST_COMPARED ((size_t)1 << 20)  /* larger made arrays are not searched for twins */
#define LITERAL_COLUMNS 140

typedef struct Written {             /* an array that is there already */
    const Value *value;              /* if it is a constant as it is */
    char sha256[65];                 /* if it was made and is small enough; else "" */
    size_t bytes, offset;
} Written;

typedef enum Mode { MODE_HELD, MODE_FILE, MODE_LITERAL } Mode;

struct Weights {
    Context *ctx;
    Arena *arena;
    WeightsOptions options;
    Mode mode;                       /* HELD: not yet known whether it will be a file */
    unsigned char *held;             /* the first MOST_INSIDE bytes */
    size_t bytes;
    OutputFile *file;
    Written *written;
    int written_count, written_capacity;
    char line[LITERAL_COLUMNS + 8];  /* of the literal, open */
    int column;
    int pending;                     /* byte of the literal whose shortest form depends on the next; -1: none */
};

Weights *weights_new(Context *ctx, Arena *arena, const WeightsOptions *options)
{
    Weights *weights = arena_new_of(arena, Weights);
    weights->ctx = ctx;
    weights->arena = arena;
    weights->options = *options;
    weights->held = arena_array(arena, unsigned char, MOST_INSIDE);
    weights->pending = -1;
    return weights;
}

/* ---- as a literal ---- */

static void end_line(Weights *weights)
{
    weights->line[weights->column++] = '"';
    weights->line[weights->column++] = '\n';
    fwrite(weights->line, 1, (size_t)weights->column, weights->options.source);
    weights->column = 0;
}

static void begin_line(Weights *weights)
{
    memcpy(weights->line, "    \"", 5);
    weights->column = 5;
}

static bool printable(int byte)
{
    return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\' && byte != '?';
}

/* Octal in as few digits as can be told from what follows. */
static void add_octal(Weights *weights, int byte, int next)
{
    bool digit_next = next >= '0' && next <= '7';
    char *at = weights->line + weights->column;
    int digits = digit_next || byte >= 64 ? 3 : byte >= 8 ? 2 : 1;
    *at++ = '\\';
    for (int digit = digits - 1; digit >= 0; digit--)
        *at++ = (char)('0' + (byte >> (3 * digit) & 7));
    weights->column += 1 + digits;
}

static void flush_pending(Weights *weights, int next)
{
    int byte = weights->pending;
    if (byte < 0)
        return;
    if (weights->column == 0)
        begin_line(weights);
    if (printable(byte))
        weights->line[weights->column++] = (char)byte;
    else
        add_octal(weights, byte, next);
    if (weights->column >= LITERAL_COLUMNS)
        end_line(weights);
}

static void literal_bytes(Weights *weights, const unsigned char *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        flush_pending(weights, data[i]);
        weights->pending = data[i];
    }
}

static void literal_start(Weights *weights)
{
    /* A layer without elements may have weights that nothing reads. */
    fprintf(weights->options.source, "_Alignas(%d) static const char %s[] __attribute__((unused)) =\n", WEIGHT_ALIGNMENT, weights->options.name);
    weights->mode = MODE_LITERAL;
    literal_bytes(weights, weights->held, weights->bytes);
}

static void literal_end(Weights *weights)
{
    /* Compilers see the object's size: a vector load in a loop that never runs must not look as if it went past the end. */
    static const unsigned char padding[WEIGHT_ALIGNMENT];
    literal_bytes(weights, padding, sizeof padding);
    flush_pending(weights, -1);
    if (weights->column > 0)
        end_line(weights);
    fprintf(weights->options.source, "    ;\n\n");
}

/* ---- as a file ---- */

static void file_start(Weights *weights)
{
    weights->file = output_open(weights->ctx, weights->options.path);
    weights->mode = MODE_FILE;
    fwrite(weights->held, 1, weights->bytes, output_stream(weights->file));
}

static void file_end(Weights *weights)
{
    const char *name = weights->options.name;
    FILE *source = weights->options.source;
    fprintf(source, "/* %zu bytes; the compiler looks for the file beside this source if told so by -I. */\n", weights->bytes);
    fprintf(source, "__asm__(\".pushsection .rodata\\n\"\n");
    fprintf(source, "        \".balign %d\\n\"\n", WEIGHT_ALIGNMENT);
    fprintf(source, "        \".globl %s\\n\"\n        \".hidden %s\\n\"\n        \".type %s, %%object\\n\"\n", name, name, name);
    fprintf(source, "        \".size %s, %zu\\n\"\n        \"%s:\\n\"\n", name, weights->bytes, name);
    fprintf(source, "        \".incbin \\\"%s\\\"\\n\"\n        \".popsection\\n\");\n", base_name(weights->options.path));
    fprintf(source, "extern const char %s[] __attribute__((visibility(\"hidden\")));\n\n", name);
}

/* ---- both ---- */

static void put(Weights *weights, const void *data, size_t bytes)
{
    if (weights->mode == MODE_HELD && bytes > MOST_INSIDE - weights->bytes) {
        if (weights->options.single_file)
            literal_start(weights);
        else
            file_start(weights);
    }
    if (weights->mode == MODE_LITERAL)
        literal_bytes(weights, data, bytes);
    else if (weights->mode == MODE_FILE)
        fwrite(data, 1, bytes, output_stream(weights->file));
    else if (bytes > 0)
        memcpy(weights->held + weights->bytes, data, bytes);
    weights->bytes += bytes;
}

static const Written *find_twin(const Weights *weights, const PackedArray *array, const char *sha256)
{
    for (int i = 0; i < weights->written_count; i++) {
        const Written *written = &weights->written[i];
        if (written->bytes != array->bytes)
            continue;
        if ((array->value != NULL && written->value == array->value) || (sha256[0] != '\0' && strcmp(written->sha256, sha256) == 0))
            return written;
    }
    return NULL;
}

static void add_array(Weights *weights, PackedArray *array)
{
    static const char zeros[WEIGHT_ALIGNMENT];
    Written fresh = {.value = array->value, .bytes = array->bytes};
    if (array->bytes <= MOST_COMPARED)
        sha256_hex(array->data, array->bytes, fresh.sha256);
    const Written *twin = find_twin(weights, array, fresh.sha256);
    if (twin != NULL) {
        array->offset = twin->offset;
        return;
    }
    put(weights, zeros, (WEIGHT_ALIGNMENT - weights->bytes % WEIGHT_ALIGNMENT) % WEIGHT_ALIGNMENT);
    array->offset = fresh.offset = weights->bytes;
    put(weights, array->data, array->bytes);
    weights->written = arena_grow(weights->arena, weights->written, &weights->written_capacity, weights->written_count, sizeof *weights->written);
    weights->written[weights->written_count++] = fresh;
}

void weights_add(Weights *weights, Packed *packed)
{
    for (int i = 0; i < packed->count; i++)
        add_array(weights, &packed->arrays[i]);
}

OutputFile *weights_end(Weights *weights, size_t *bytes)
{
    *bytes = weights->bytes;
    if (weights->mode == MODE_HELD && weights->written_count > 0)       /* also if all of them are empty: their addresses are passed on */
        literal_start(weights);
    if (weights->mode == MODE_LITERAL)
        literal_end(weights);
    else if (weights->mode == MODE_FILE)
        file_end(weights);
    return weights->file;
}
