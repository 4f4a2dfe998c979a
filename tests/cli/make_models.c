/* Writes the small ONNX models of the command line's tests into a folder, field by field: the tests of the binary need no Python. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Message { unsigned char *data; size_t size, capacity; } Message;

/* All messages grow within one block: nothing is freed, nothing is lost. */
static unsigned char pool[32 << 20];
static size_t pool_used;

static void grow(Message *message)
{
    size_t capacity = message->capacity ? 2 * message->capacity : 64;
    if (capacity > sizeof pool - pool_used)
        abort();
    if (message->size)
        memcpy(pool + pool_used, message->data, message->size);
    message->data = pool + pool_used;
    message->capacity = capacity;
    pool_used += capacity;
}

static void put_byte(Message *message, unsigned value)
{
    if (message->size == message->capacity)
        grow(message);
    message->data[message->size++] = (unsigned char)value;
}

static void put_varint(Message *message, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        put_byte(message, (unsigned)(value & 127) | 128);
    put_byte(message, (unsigned)value);
}

static void put_number(Message *message, int field, int64_t value)
{
    put_varint(message, (uint64_t)field << 3);
    put_varint(message, (uint64_t)value);
}

static void put_bytes(Message *message, int field, const void *bytes, size_t size)
{
    put_varint(message, (uint64_t)field << 3 | 2);
    put_varint(message, size);
    for (size_t i = 0; i < size; i++)
        put_byte(message, ((const unsigned char *)bytes)[i]);
}

static void put_text(Message *message, int field, const char *text)
{
    put_bytes(message, field, text, strlen(text));
}

static void put_message(Message *message, int field, const Message *inner)
{
    put_bytes(message, field, inner->data, inner->size);
}

/* shape: "2,3,N": numbers, or names of symbolic dimensions. */
static Message shape_message(const char *shape)
{
    Message message = {.size = 0};
    while (*shape) {
        Message dimension = {.size = 0};
        char word[16] = "";
        size_t length = strcspn(shape, ",");
        memcpy(word, shape, length);
        if (word[0] >= '0' && word[0] <= '9')
            put_number(&dimension, 1, atoll(word));
        else
            put_text(&dimension, 2, word);
        put_message(&message, 1, &dimension);
        shape += length + (shape[length] == ',');
    }
    return message;
}

static void put_value(Message *graph, int field, const char *name, int type, const char *shape)
{
    Message tensor = {.size = 0}, kind = {.size = 0}, value = {.size = 0}, dimensions = shape_message(shape);
    put_number(&tensor, 1, type);
    put_message(&tensor, 2, &dimensions);
    put_message(&kind, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &kind);
    put_message(graph, field, &value);
}

enum { FLOAT = 1, INT64 = 7, INPUT = 11, OUTPUT = 12 };

static void put_node(Message *graph, const char *op, const char *name, const char *first, const char *second, const char *output, const Message *attribute)
{
    Message node = {.size = 0};
    put_text(&node, 1, first);
    if (second)
        put_text(&node, 1, second);
    put_text(&node, 2, output);
    put_text(&node, 3, name);
    put_text(&node, 4, op);
    if (attribute)
        put_message(&node, 5, attribute);
    put_message(graph, 1, &node);
}

static void write_model(const char *folder, const char *name, const Message *graph)
{
    char path[512];
    Message model = {.size = 0}, opset = {.size = 0};
    put_number(&opset, 2, 17);
    put_number(&model, 1, 8);
    put_message(&model, 7, graph);
    put_message(&model, 8, &opset);
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(model.data, 1, model.size, stream) != model.size || fclose(stream))
        exit(1);
}

/* y = relu(a + b): two inputs. */
static void write_add(const char *folder)
{
    Message graph = {.size = 0};
    put_text(&graph, 2, "add");
    put_node(&graph, "Add", "sum", "a", "b", "s", NULL);
    put_node(&graph, "Relu", "rectify", "s", NULL, "y", NULL);
    put_value(&graph, INPUT, "a", FLOAT, "2,3");
    put_value(&graph, INPUT, "b", FLOAT, "2,3");
    put_value(&graph, OUTPUT, "y", FLOAT, "2,3");
    write_model(folder, "add", &graph);
}

/* One input of symbolic size, two outputs. */
static void write_signs(const char *folder)
{
    Message graph = {.size = 0};
    put_text(&graph, 2, "signs");
    put_node(&graph, "Neg", "minus", "x", NULL, "n", NULL);
    put_node(&graph, "Abs", "size", "x", NULL, "s", NULL);
    put_value(&graph, INPUT, "x", FLOAT, "batch,width");
    put_value(&graph, OUTPUT, "n", FLOAT, "batch,width");
    put_value(&graph, OUTPUT, "s", FLOAT, "batch,width");
    write_model(folder, "signs", &graph);
}

/* The shape is an input, too: only one value of it fits what the output is declared as. */
static void write_reshape(const char *folder)
{
    Message graph = {.size = 0};
    put_text(&graph, 2, "reshape");
    put_node(&graph, "Reshape", "reshape1", "x", "shape", "y", NULL);
    put_value(&graph, INPUT, "x", FLOAT, "2,3");
    put_value(&graph, INPUT, "shape", INT64, "2");
    put_value(&graph, OUTPUT, "y", FLOAT, "3,2");
    write_model(folder, "reshape", &graph);
}

/* A convolution whose weights are mostly zeros. */
static void write_conv(const char *folder)
{
    Message graph = {.size = 0}, weights = {.size = 0}, pads = {.size = 0};
    float values[4 * 2 * 3 * 3] = {0};
    for (int i = 0; i < 72; i += 5)
        values[i] = (float)(i % 7) * 0.25f - 0.5f;
    for (int i = 0; i < 4; i++)
        put_number(&weights, 1, (int[]){4, 2, 3, 3}[i]);
    put_number(&weights, 2, FLOAT);
    put_text(&weights, 8, "w");
    put_bytes(&weights, 9, values, sizeof values);
    put_text(&pads, 1, "pads");
    for (int i = 0; i < 4; i++)
        put_number(&pads, 8, 1);
    put_number(&pads, 20, 7);
    put_text(&graph, 2, "conv");
    put_node(&graph, "Conv", "conv1", "x", "w", "c", &pads);
    put_node(&graph, "Relu", "relu1", "c", NULL, "y", NULL);
    put_message(&graph, 5, &weights);
    put_value(&graph, INPUT, "x", FLOAT, "1,2,6,7");
    put_value(&graph, OUTPUT, "y", FLOAT, "1,4,6,7");
    write_model(folder, "conv", &graph);
}

/* A fully connected layer with 2 MB of weights: past what a source holds. */
static void write_large(const char *folder)
{
    static float values[1024 * 512];
    Message graph = {.size = 0}, weights = {.size = 0};
    for (int i = 0; i < 1024 * 512; i++)
        values[i] = (float)(i % 31 - 15) / 16;
    put_number(&weights, 1, 1024);
    put_number(&weights, 1, 512);
    put_number(&weights, 2, FLOAT);
    put_text(&weights, 8, "w");
    put_bytes(&weights, 9, values, sizeof values);
    put_text(&graph, 2, "large");
    put_node(&graph, "MatMul", "product", "x", "w", "y", NULL);
    put_message(&graph, 5, &weights);
    put_value(&graph, INPUT, "x", FLOAT, "1,1024");
    put_value(&graph, OUTPUT, "y", FLOAT, "1,512");
    write_model(folder, "large", &graph);
}

/* An operator that nobody has. */
static void write_unknown(const char *folder)
{
    Message graph = {.size = 0};
    put_text(&graph, 2, "unknown");
    put_node(&graph, "Frobnicate", "first", "x", NULL, "t", NULL);
    put_node(&graph, "Transmogrify", "second", "t", NULL, "y", NULL);
    put_value(&graph, INPUT, "x", FLOAT, "2");
    put_value(&graph, OUTPUT, "y", FLOAT, "2");
    write_model(folder, "unknown", &graph);
}

/* A .npy file of floats 0, 1, 2 ... minus half their number. */
static void write_array(const char *folder, const char *name, const char *shape, int count)
{
    char path[512], header[128];
    int length = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    snprintf(path, sizeof path, "%s/%s.npy", folder, name);
    FILE *stream = fopen(path, "wb");
    if (!stream)
        exit(1);
    fwrite("\x93NUMPY\1", 1, 8, stream);
    fputc(length, stream);
    fputc(0, stream);
    fputs(header, stream);
    for (int i = 0; i < count; i++)
        fwrite(&(float){(float)i - (float)count / 2}, 4, 1, stream);
    if (fclose(stream))
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 1;
    write_add(argv[1]);
    write_signs(argv[1]);
    write_reshape(argv[1]);
    write_conv(argv[1]);
    write_large(argv[1]);
    write_unknown(argv[1]);
    write_array(argv[1], "six", "2, 3", 6);
    write_array(argv[1], "flat", "6,", 6);
    write_array(argv[1], "image", "1, 2, 6, 7", 84);
    return 0;
}
