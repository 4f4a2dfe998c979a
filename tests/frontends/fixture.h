/* Models written byte by byte, read by the frontend, and what came of it: the tests here need no Python. */
#ifndef TULLE_TESTS_FRONTENDS_FIXTURE_H
#define TULLE_TESTS_FRONTENDS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "frontends/frontends.h"

#include <cmocka.h>    /* after ours: it has a macro called fail */

/* ---- protobuf: messages grow, and are consumed by the message that takes them in ---- */

typedef struct Bytes {
    unsigned char *data;
    size_t size, room;
} Bytes;

enum { FLOAT = 1, UINT8 = 2, INT8 = 3, UINT16 = 4, INT16 = 5, INT32 = 6, INT64 = 7, STRING = 8, BOOLEAN = 9, FLOAT16 = 10, DOUBLE = 11, UINT32 = 12,
       UINT64 = 13, COMPLEX64 = 14, BFLOAT16 = 16, FLOAT8 = 17, INT4 = 22 };    /* ONNX's element types */

void put_raw(Bytes *message, const void *bytes, size_t size);
void put_varint(Bytes *message, uint64_t value);
void put_number(Bytes *message, int field, int64_t value);
void put_float(Bytes *message, int field, float value);
void put_bytes(Bytes *message, int field, const void *bytes, size_t size);
void put_text(Bytes *message, int field, const char *text);
void put_message(Bytes *message, int field, Bytes inner);
void put_list(Bytes *message, int field, const char *names);          /* "a,b,,c": one field each, empty ones too; "": none */

/* ---- ONNX ---- */

Bytes attribute_int(const char *name, int64_t value);
Bytes attribute_ints(const char *name, const char *values);           /* "1,2,3" */
Bytes attribute_float(const char *name, float value);
Bytes attribute_floats(const char *name, const char *values);
Bytes attribute_word(const char *name, const char *value);
Bytes attribute_tensor(const char *name, Bytes tensor);
Bytes attribute_sparse(const char *name, Bytes sparse);
Bytes attribute_graph(const char *name, Bytes graph);
Bytes attribute_reference(const char *name, const char *refers_to, int kind);

Bytes tensor_head(const char *name, int type, const char *dims);      /* without elements */
Bytes tensor_raw(const char *name, int type, const char *dims, const void *bytes, size_t size);
Bytes tensor_floats(const char *name, const char *dims, const char *values);      /* raw float32 */
Bytes tensor_ints(const char *name, const char *dims, const char *values);        /* raw int64 */
Bytes value_info(const char *name, int type, const char *dims);       /* dims: "1,N,?"; NULL: no shape */

/* A node; attributes end with a zero message. Inputs and outputs as put_list has them. */
Bytes node_of(const char *op, const char *name, const char *inputs, const char *outputs, ...);
#define node(op, name, inputs, outputs, ...) node_of(op, name, inputs, outputs, ##__VA_ARGS__, (Bytes){0})

enum { NODE = 1, INITIALIZER = 5, INPUT = 11, OUTPUT = 12, SPARSE = 15 };    /* fields of a graph */

/* A graph's bytes; parts come as pairs of field and message, ended by 0. */
Bytes graph_of(int field, ...);
#define graph(...) graph_of(__VA_ARGS__, 0)

enum { FUNCTIONS = 25 };                                               /* field of a model */
Bytes model_of(int opset, Bytes graph, Bytes function);                /* function: zero message if none */
Bytes function_of(const char *domain, const char *name, const char *inputs, const char *outputs, const char *attributes, int opset, ...);
#define function(domain, name, inputs, outputs, attributes, opset, ...) \
    function_of(domain, name, inputs, outputs, attributes, opset, ##__VA_ARGS__, (Bytes){0})

/* ---- reading ---- */

typedef struct Outcome {
    Status status;
    char *said, *dump;       /* what went to stderr; the graph as text */
} Outcome;

const char *test_folder(void);                                         /* made when first asked for, removed at exit */
const char *write_file(const char *name, const void *bytes, size_t size);   /* in that folder; gives the path */
Outcome run_captured(Status (*work)(Context *, void *), void *argument);
Outcome read_path(const char *path, const FrontendOptions *options);
Outcome read_model(Bytes model, const FrontendOptions *options);       /* consumes the model; options: NULL for none */
void outcome_free(Outcome outcome);

/* They read, compare and free. `words`: all must be in the text, ended by NULL. */
void expect_graph_of(Bytes model, const FrontendOptions *options, ...);
#define expect_graph(model, ...) expect_graph_of(model, NULL, __VA_ARGS__, NULL)
#define expect_graph_with(model, options, ...) expect_graph_of(model, options, __VA_ARGS__, NULL)
void expect_failure_of(Bytes model, const FrontendOptions *options, Status status, ...);
#define expect_failure(model, status, ...) expect_failure_of(model, NULL, status, __VA_ARGS__, NULL)
#define expect_failure_with(model, options, status, ...) expect_failure_of(model, options, status, __VA_ARGS__, NULL)

#endif
