/* Models written byte by byte, read by the frontend, and what came of it. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the sanitizers write while stderr is captured. */
void __sanitizer_set_report_fd(void *descriptor) __attribute__((weak));

/* ---- protobuf ---- */

void put_raw(Bytes *message, const void *bytes, size_t size)
{
    if (message->size + size > message->room) {
        message->room = 2 * (message->size + size) + 64;
        message->data = realloc(message->data, message->room);
        assert_non_null(message->data);
    }
    if (size > 0)
        memcpy(message->data + message->size, bytes, size);
    message->size += size;
}

void put_varint(Bytes *message, uint64_t value)
{
    for (; value > 127; value >>= 7)
        put_raw(message, &(unsigned char){(unsigned char)((value & 127) | 128)}, 1);
    put_raw(message, &(unsigned char){(unsigned char)value}, 1);
}

void put_number(Bytes *message, int field, int64_t value)
{
    put_varint(message, (uint64_t)field << 3);
    put_varint(message, (uint64_t)value);
}

void put_float(Bytes *message, int field, float value)
{
    put_varint(message, (uint64_t)field << 3 | 5);
    put_raw(message, &value, 4);
}

void put_bytes(Bytes *message, int field, const void *bytes, size_t size)
{
    put_varint(message, (uint64_t)field << 3 | 2);
    put_varint(message, size);
    put_raw(message, bytes, size);
}

void put_text(Bytes *message, int field, const char *text)
{
    put_bytes(message, field, text, strlen(text));
}

void put_message(Bytes *message, int field, Bytes inner)
{
    put_bytes(message, field, inner.data, inner.size);
    free(inner.data);
}

void put_list(Bytes *message, int field, const char *names)
{
    while (*names) {
        size_t length = strcspn(names, ",");
        put_bytes(message, field, names, length);
        names += length;
        if (*names == ',' && !*++names)
            put_text(message, field, "");
    }
}

/* ---- attributes ---- */

enum { KIND_FLOAT = 1, KIND_INT, KIND_STRING, KIND_TENSOR, KIND_GRAPH, KIND_FLOATS, KIND_INT_LIST, KIND_SPARSE = 11 };

static Bytes attribute(const char *name, int kind)
{
    Bytes message = {0};
    put_text(&message, 1, name);
    put_number(&message, 20, kind);
    return message;
}

Bytes attribute_int(const char *name, int64_t value)
{
    Bytes message = attribute(name, KIND_INT);
    put_number(&message, 3, value);
    return message;
}

Bytes attribute_float(const char *name, float value)
{
    Bytes message = attribute(name, KIND_FLOAT);
    put_float(&message, 2, value);
    return message;
}

Bytes attribute_word(const char *name, const char *value)
{
    Bytes message = attribute(name, KIND_STRING);
    put_text(&message, 4, value);
    return message;
}

Bytes attribute_ints(const char *name, const char *values)
{
    Bytes message = attribute(name, KIND_INT_LIST);
    for (char *end; *values; values = *end ? end + 1 : end)
        put_number(&message, 8, strtoll(values, &end, 10));
    return message;
}

Bytes attribute_floats(const char *name, const char *values)
{
    Bytes message = attribute(name, KIND_FLOATS);
    for (char *end; *values; values = *end ? end + 1 : end)
        put_float(&message, 7, strtof(values, &end));
    return message;
}

static Bytes attribute_inner(const char *name, int kind, int field, Bytes inner)
{
    Bytes message = attribute(name, kind);
    put_message(&message, field, inner);
    return message;
}

Bytes attribute_tensor(const char *name, Bytes tensor)
{
    return attribute_inner(name, KIND_TENSOR, 5, tensor);
}

Bytes attribute_graph(const char *name, Bytes graph_message)
{
    return attribute_inner(name, KIND_GRAPH, 6, graph_message);
}

Bytes attribute_sparse(const char *name, Bytes sparse)
{
    return attribute_inner(name, KIND_SPARSE, 22, sparse);
}

Bytes attribute_reference(const char *name, const char *refers_to, int kind)
{
    Bytes message = attribute(name, kind);
    put_text(&message, 21, refers_to);
    return message;
}

/* ---- tensors and values ---- */

Bytes tensor_head(const char *name, int type, const char *dims)
{
    Bytes message = {0};
    for (char *end; *dims; dims = *end ? end + 1 : end)
        put_number(&message, 1, strtoll(dims, &end, 10));
    put_number(&message, 2, type);
    put_text(&message, 8, name);
    return message;
}

Bytes tensor_raw(const char *name, int type, const char *dims, const void *bytes, size_t size)
{
    Bytes message = tensor_head(name, type, dims);
    put_bytes(&message, 9, bytes, size);
    return message;
}

Bytes tensor_floats(const char *name, const char *dims, const char *values)
{
    Bytes elements = {0};
    for (char *end; *values; values = *end ? end + 1 : end)
        put_raw(&elements, &(float){strtof(values, &end)}, 4);
    Bytes message = tensor_raw(name, FLOAT, dims, elements.data, elements.size);
    free(elements.data);
    return message;
}

Bytes tensor_ints(const char *name, const char *dims, const char *values)
{
    Bytes elements = {0};
    for (char *end; *values; values = *end ? end + 1 : end)
        put_raw(&elements, &(int64_t){strtoll(values, &end, 10)}, 8);
    Bytes message = tensor_raw(name, INT64, dims, elements.data, elements.size);
    free(elements.data);
    return message;
}

static Bytes shape_message(const char *dims)
{
    Bytes shape = {0};
    while (*dims) {
        Bytes dimension = {0};
        size_t length = strcspn(dims, ",");
        if (*dims == '-' || (*dims >= '0' && *dims <= '9'))
            put_number(&dimension, 1, atoll(dims));
        else if (*dims != '?')
            put_bytes(&dimension, 2, dims, length);
        put_message(&shape, 1, dimension);
        dims += length + (dims[length] == ',');
    }
    return shape;
}

Bytes value_info(const char *name, int type, const char *dims)
{
    Bytes tensor = {0}, kind = {0}, message = {0};
    put_number(&tensor, 1, type);
    if (dims)
        put_message(&tensor, 2, shape_message(dims));
    put_message(&kind, 1, tensor);
    put_text(&message, 1, name);
    put_message(&message, 2, kind);
    return message;
}

/* ---- nodes, graphs, models ---- */

Bytes node_of(const char *op, const char *name, const char *inputs, const char *outputs, ...)
{
    Bytes message = {0};
    put_list(&message, 1, inputs);
    put_list(&message, 2, outputs);
    if (name)
        put_text(&message, 3, name);
    const char *dot = strrchr(op, '.');    /* "domain.Op" */
    put_text(&message, 4, dot ? dot + 1 : op);
    if (dot)
        put_bytes(&message, 7, op, (size_t)(dot - op));
    va_list attributes;
    va_start(attributes, outputs);
    for (Bytes one; (one = va_arg(attributes, Bytes)).data;)
        put_message(&message, 5, one);
    va_end(attributes);
    return message;
}

Bytes graph_of(int field, ...)
{
    Bytes message = {0};
    put_text(&message, 2, "g");
    va_list parts;
    va_start(parts, field);
    for (; field != 0; field = va_arg(parts, int))
        put_message(&message, field, va_arg(parts, Bytes));
    va_end(parts);
    return message;
}

static Bytes opset_import(const char *domain, int opset)
{
    Bytes message = {0};
    put_text(&message, 1, domain);
    put_number(&message, 2, opset);
    return message;
}

Bytes model_of(int opset, Bytes graph_message, Bytes function_message)
{
    Bytes message = {0};
    put_number(&message, 1, 9);
    put_message(&message, 8, opset_import("", opset));
    put_message(&message, 7, graph_message);
    if (function_message.data)
        put_message(&message, FUNCTIONS, function_message);
    return message;
}

Bytes function_of(const char *domain, const char *name, const char *inputs, const char *outputs, const char *attributes, int opset, ...)
{
    Bytes message = {0};
    put_text(&message, 1, name);
    put_list(&message, 4, inputs);
    put_list(&message, 5, outputs);
    put_list(&message, 6, attributes);
    put_message(&message, 9, opset_import("", opset));
    put_text(&message, 10, domain);
    va_list nodes;
    va_start(nodes, opset);
    for (Bytes one; (one = va_arg(nodes, Bytes)).data;)
        put_message(&message, 7, one);
    va_end(nodes);
    return message;
}

/* ---- reading ---- */

static char folder[64], last_path[256];

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (*folder && system(command) != 0)
        fprintf(stderr, "%s was not removed\n", folder);
}

const char *test_folder(void)
{
    if (*folder)
        return folder;
    snprintf(folder, sizeof folder, "%s/tulle-frontends-XXXXXX", getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 30 ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(folder));
    atexit(remove_folder);
    return folder;
}

const char *write_file(const char *name, const void *bytes, size_t size)
{
    snprintf(last_path, sizeof last_path, "%s/%s", test_folder(), name);
    unlink(last_path);    /* what was there may still be mapped */
    FILE *file = fopen(last_path, "wb");
    assert_non_null(file);
    assert_true(size == 0 || fwrite(bytes, 1, size, file) == size);
    assert_int_equal(fclose(file), 0);
    return last_path;
}

typedef struct Reading {
    const char *path;
    FrontendOptions options;
    FILE *dump;
} Reading;

static Status read_and_dump(Context *ctx, void *argument)
{
    Reading *reading = argument;
    Graph *result = onnx_read(ctx, reading->path, &reading->options);
    graph_index(result);
    graph_verify(result, "onnx_read");
    graph_dump(result, reading->dump);
    return STATUS_FINE;
}

static char *captured(int descriptor)
{
    struct stat info;
    fflush(stderr);
    assert_int_equal(fstat(descriptor, &info), 0);
    char *text = calloc(1, (size_t)info.st_size + 1);
    assert_non_null(text);
    assert_int_equal(pread(descriptor, text, (size_t)info.st_size, 0), info.st_size);
    return text;
}

Outcome run_captured(Status (*work)(Context *, void *), void *argument)
{
    static FILE *capture;
    if (!capture && __sanitizer_set_report_fd)
        __sanitizer_set_report_fd((void *)(intptr_t)dup(2));
    if (!capture)
        capture = tmpfile();
    assert_non_null(capture);
    int terminal = dup(2);
    fflush(stderr);
    assert_int_equal(ftruncate(fileno(capture), 0), 0);
    lseek(fileno(capture), 0, SEEK_SET);
    dup2(fileno(capture), 2);
    Outcome outcome = {.status = context_run(work, argument)};
    outcome.said = captured(fileno(capture));
    dup2(terminal, 2);
    close(terminal);
    return outcome;
}

Outcome read_path(const char *path, const FrontendOptions *options)
{
    char *dump = NULL;
    size_t size = 0;
    Reading reading = {.path = path, .options = options ? *options : (FrontendOptions){0}, .dump = open_memstream(&dump, &size)};
    Outcome outcome = run_captured(read_and_dump, &reading);
    fclose(reading.dump);
    outcome.dump = dump;
    return outcome;
}

Outcome read_model(Bytes model, const FrontendOptions *options)
{
    Outcome outcome = read_path(write_file("m.onnx", model.data, model.size), options);
    free(model.data);
    return outcome;
}

void outcome_free(Outcome outcome)
{
    free(outcome.said);
    free(outcome.dump);
}

static void expect_words(const char *text, va_list words)
{
    for (const char *word; (word = va_arg(words, const char *));)
        if (!strstr(text, word))
            fail_msg("'%s' is not in:\n%s", word, text);
}

void expect_graph_of(Bytes model, const FrontendOptions *options, ...)
{
    Outcome outcome = read_model(model, options);
    if (outcome.status != STATUS_FINE)
        fail_msg("status %d:\n%s", (int)outcome.status, outcome.said);
    va_list words;
    va_start(words, options);
    expect_words(outcome.dump, words);
    va_end(words);
    outcome_free(outcome);
}

void expect_failure_of(Bytes model, const FrontendOptions *options, Status status, ...)
{
    Outcome outcome = read_model(model, options);
    if (outcome.status != status)
        fail_msg("status %d, expected %d:\n%s%s", (int)outcome.status, (int)status, outcome.said, outcome.dump);
    va_list words;
    va_start(words, status);
    expect_words(outcome.said, words);
    va_end(words);
    outcome_free(outcome);
}
