/* Tensors in every encoding, sparse ones, ones in other files, and bad ones of each kind. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const Bytes none;

/* A model whose only node looks at the tensor 'w'. */
static Bytes model_around(int field, Bytes tensor)
{
    return model_of(21, graph(field, tensor, NODE, node("Identity", "look", "w", "y"), OUTPUT, value_info("y", FLOAT, NULL)), none);
}

enum { RAW = 9, FLOAT_DATA = 4, INT32_DATA = 5, INT64_DATA = 7, DOUBLE_DATA = 10, UINT64_DATA = 11 };

typedef struct Encoding {
    int type;
    const char *dims;
    int field;
    const char *bytes;
    size_t size;
    const char *expected;        /* in the graph's text */
} Encoding;
#define BYTES(text) text, sizeof text - 1

static const Encoding encodings[] = {
    {FLOAT, "2", RAW, BYTES("\0\0\x80\x3f\0\0\0\xc0"), "const %w : f32[2] = 1 -2"},
    {FLOAT, "2", FLOAT_DATA, BYTES("\0\0\x80\x3f\0\0\0\xc0"), "const %w : f32[2] = 1 -2"},
    {FLOAT, "", FLOAT_DATA, BYTES("\0\0\x80\x3f"), "const %w : f32[] = 1"},
    {DOUBLE, "1", RAW, BYTES("\0\0\0\0\0\0\xf8\x3f"), "const %w : f64[1] = 1.5"},
    {DOUBLE, "1", DOUBLE_DATA, BYTES("\0\0\0\0\0\0\xf8\x3f"), "const %w : f64[1] = 1.5"},
    {INT8, "3", RAW, BYTES("\x01\xff\x80"), "const %w : i8[3] = 1 -1 -128"},
    {INT8, "3", INT32_DATA, BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x80\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
     "const %w : i8[3] = 127 -1 -128"},
    {INT8, "1", INT32_DATA, BYTES("\xff\xff\xff\xff\x0f"), "const %w : i8[1] = -1"}, /* written in 32 bits */
    {UINT8, "2", RAW, BYTES("\x01\xff"), "const %w : u8[2] = 1 255"},
    {UINT8, "2", INT32_DATA, BYTES("\x01\xff\x01"), "const %w : u8[2] = 1 255"},
    {INT16, "1", RAW, BYTES("\xfe\xff"), "const %w : i16[1] = -2"},
    {INT16, "1", INT32_DATA, BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "const %w : i16[1] = -2"},
    {UINT16, "1", RAW, BYTES("\xfe\xff"), "const %w : u16[1] = 65534"},
    {UINT16, "1", INT32_DATA, BYTES("\xfe\xff\x03"), "const %w : u16[1] = 65534"},
    {INT32, "1", RAW, BYTES("\xfe\xff\xff\xff"), "const %w : i32[1] = -2"},
    {INT32, "1", INT32_DATA, BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "const %w : i32[1] = -2"},
    {UINT32, "1", RAW, BYTES("\xfe\xff\xff\xff"), "const %w : u32[1] = 4294967294"},
    {UINT32, "1", UINT64_DATA, BYTES("\xfe\xff\xff\xff\x0f"), "const %w : u32[1] = 4294967294"},
    {INT64, "1", RAW, BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff"), "const %w : i64[1] = -2"},
    {INT64, "2", INT64_DATA, BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x05"), "const %w : i64[2] = -2 5"},
    {UINT64, "1", RAW, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), "const %w : u64[1] = 18446744073709551615"},
    {UINT64, "1", UINT64_DATA, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "const %w : u64[1] = 18446744073709551615"},
    {BOOLEAN, "4", RAW, BYTES("\0\1\2\xff"), "const %w : bool[4] = 0 1 1 1"},
    {BOOLEAN, "3", INT32_DATA, BYTES("\0\1\2"), "const %w : bool[3] = 0 1 1"},
    {FLOAT16, "2", RAW, BYTES("\0\x3c\0\xc0"), "const %w : f16[2] = hex 003c00c0"},
    {FLOAT16, "2", INT32_DATA, BYTES("\x80\x78\x80\x80\x03"), "const %w : f16[2] = hex 003c00c0"},
    {BFLOAT16, "2", RAW, BYTES("\x80\x3f\0\xc0"), "const %w : bf16[2] = hex 803f00c0"},
    {BFLOAT16, "1", INT32_DATA, BYTES("\x80\x7f"), "const %w : bf16[1] = hex 803f"},
    {FLOAT, "0", RAW, BYTES(""), "const %w : f32[0] ="},
    {FLOAT, "2,0", FLOAT_DATA, BYTES(""), "const %w : f32[2,0] ="},
    {INT64, "0", INT64_DATA, BYTES(""), "const %w : i64[0] ="},
};

static void every_encoding(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(encodings); i++) {
        const Encoding *encoding = &encodings[i];
        Bytes tensor = tensor_head("w", encoding->type, encoding->dims);
        put_bytes(&tensor, encoding->field, encoding->bytes, encoding->size);
        expect_graph(model_around(INITIALIZER, tensor), encoding->expected);
    }
}

/* Old writers gave each element its own field. */
static void unpacked_elements(void **state)
{
    (void)state;
    Bytes floats = tensor_head("w", FLOAT, "2");
    put_float(&floats, FLOAT_DATA, 1);
    put_float(&floats, FLOAT_DATA, -2);
    expect_graph(model_around(INITIALIZER, floats), "const %w : f32[2] = 1 -2");
    Bytes whole = tensor_head("w", INT64, "3");
    put_number(&whole, INT64_DATA, 300);
    put_bytes(&whole, INT64_DATA, "\1\2", 2);    /* and both ways at once */
    expect_graph(model_around(INITIALIZER, whole), "const %w : i64[3] = 300 1 2");
    Bytes doubles = tensor_head("w", DOUBLE, "1");
    put_varint(&doubles, DOUBLE_DATA << 3 | 1);
    put_raw(&doubles, &(double){1.5}, 8);
    expect_graph(model_around(INITIALIZER, doubles), "const %w : f64[1] = 1.5");
    Bytes wrong = tensor_head("w", FLOAT, "1");
    put_number(&wrong, FLOAT_DATA, 300);
    expect_failure(model_around(INITIALIZER, wrong), STATUS_MODEL, "of another kind than ONNX says");
}

typedef struct Fault {
    int type;
    const char *dims;
    int field;
    const char *bytes;
    size_t size;
    Status status;
    const char *says;
} Fault;

static const Fault faults[] = {
    {FLOAT, "4", RAW, BYTES("123456789012"), STATUS_MODEL, "asks for 16 bytes, its data holds 12"},
    {FLOAT, "4", RAW, BYTES("12345678901234567890"), STATUS_MODEL, "asks for 16 bytes, its data holds 20"},
    {FLOAT, "4", RAW, BYTES(""), STATUS_MODEL, "its data holds 0"},
    {FLOAT, "2", FLOAT_DATA, BYTES("1234"), STATUS_MODEL, "its data holds 1"},
    {FLOAT, "1", FLOAT_DATA, BYTES("12345"), STATUS_MODEL, "a length that is none"},
    {FLOAT, "1", INT32_DATA, BYTES("\1"), STATUS_MODEL, "its data holds 0"},
    {INT64, "1", INT64_DATA, BYTES("\1\2"), STATUS_MODEL, "its data holds 2"},
    {INT64, "1", INT64_DATA, BYTES("\1\x80"), STATUS_MODEL, "its data holds"},
    {INT8, "1", INT32_DATA, BYTES("\x80\x01"), STATUS_MODEL, "128 does not fit its type i8"},
    {UINT8, "1", INT32_DATA, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), STATUS_MODEL, "-1 does not fit its type u8"},
    {FLOAT16, "1", INT32_DATA, BYTES("\x80\x80\x04"), STATUS_MODEL, "65536 does not fit"},
    {UINT32, "1", UINT64_DATA, BYTES("\x80\x80\x80\x80\x10"), STATUS_MODEL, "does not fit"},
    {FLOAT, "-1", RAW, BYTES("1234"), STATUS_MODEL, "negative or too large"},
    {FLOAT, "1099511627776,1099511627776", RAW, BYTES("1234"), STATUS_MODEL, "negative or too large"},
    {FLOAT, "9223372036854775807,2,0", RAW, BYTES(""), STATUS_MODEL, "negative or too large"},
    {FLOAT, "4611686018427387904", RAW, BYTES("1234"), STATUS_MODEL, "negative or too large"},
    {FLOAT, "1,1,1,1,1,1,1,1,1", RAW, BYTES("1234"), STATUS_UNSUPPORTED, "9 dimensions"},
    {STRING, "1", RAW, BYTES("a"), STATUS_UNSUPPORTED, "string"},
    {COMPLEX64, "1", RAW, BYTES("12345678"), STATUS_UNSUPPORTED, "complex64"},
    {FLOAT8, "1", RAW, BYTES("1"), STATUS_UNSUPPORTED, "float8e4m3fn"},
    {INT4, "1", RAW, BYTES("1"), STATUS_UNSUPPORTED, "int4"},
    {0, "1", RAW, BYTES("1"), STATUS_MODEL, "undefined"},
    {99, "1", RAW, BYTES("1"), STATUS_MODEL, "99"},
};

static void faulty_tensors(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(faults); i++) {
        const Fault *fault = &faults[i];
        Bytes tensor = tensor_head("w", fault->type, fault->dims);
        put_bytes(&tensor, fault->field, fault->bytes, fault->size);
        expect_failure(model_around(INITIALIZER, tensor), fault->status, "tensor 'w'", fault->says);
    }
    Bytes twice = tensor_floats("w", "1", "1");
    put_float(&twice, FLOAT_DATA, 1);
    expect_failure(model_around(INITIALIZER, twice), STATUS_MODEL, "data twice");
    expect_failure(model_around(INITIALIZER, tensor_head("w", FLOAT, "2")), STATUS_MODEL, "its data holds 0");
    Bytes segment = tensor_floats("w", "1", "1");
    put_message(&segment, 3, none);
    expect_failure(model_around(INITIALIZER, segment), STATUS_UNSUPPORTED, "segments");
}

/* A type that tulle does not know is no fault of a tensor that nobody reads. */
static void unused_tensors_are_not_judged(void **state)
{
    (void)state;
    expect_graph(model_of(17, graph(INITIALIZER, tensor_raw("odd", FLOAT8, "1", "1", 1), INPUT, value_info("x", FLOAT, "1"),
                                    NODE, node("Relu", "", "x", "y"), OUTPUT, value_info("y", FLOAT, NULL)), none), "Relu(%x) \"y\"");
}

/* ---- sparse ---- */

static Bytes sparse_of(Bytes values, Bytes indices, const char *dims)
{
    Bytes sparse = {0};
    put_message(&sparse, 1, values);
    put_message(&sparse, 2, indices);
    for (char *end; *dims; dims = *end ? end + 1 : end)
        put_number(&sparse, 3, strtoll(dims, &end, 10));
    return sparse;
}

static void sparse_tensors(void **state)
{
    (void)state;
    expect_graph(model_around(SPARSE, sparse_of(tensor_floats("w", "2", "1,2"), tensor_ints("i", "2", "3,0"), "4")), "f32[4] = 2 0 0 1");
    expect_graph(model_around(SPARSE, sparse_of(tensor_floats("w", "2", "1,2"), tensor_ints("i", "2,2", "0,1,1,2"), "2,3")),
                 "f32[2,3] = 0 1 0 0 0 2");
    expect_graph(model_around(SPARSE, sparse_of(tensor_floats("w", "0", ""), tensor_ints("i", "0", ""), "2")), "f32[2] = 0 0");
    expect_graph(model_around(SPARSE, sparse_of(tensor_raw("w", INT8, "1", "\5", 1), tensor_ints("i", "1", "2"), "3")), "i8[3] = 0 0 5");
}

static void faulty_sparse_tensors(void **state)
{
    (void)state;
    static const struct { const char *index_dims, *indices, *dims, *says; } rows[] = {
        {"2", "0,4", "4", "outside its shape"},     {"2", "-1,2", "4", "outside its shape"},   {"2", "2,2", "4", "there twice"},
        {"1", "1", "4", "do not fit"},              {"3", "1,2,3", "4", "do not fit"},         {"2,2", "0,1,2,1", "2,4", "outside its shape"},
        {"2,2", "0,1,0,-1", "2,4", "outside"},      {"2,3", "0,1,0,1,1,1", "2,4", "do not fit"}, {"2,2", "0,1,0,1", "2,4", "there twice"},
        {"2", "0,1", "-4", "negative or too large"}, {"2", "0,1", "4294967296,4294967296", "negative or too large"},
    };
    for (int i = 0; i < COUNT(rows); i++)
        expect_failure(
            model_around(SPARSE, sparse_of(tensor_floats("w", "2", "1,2"), tensor_ints("i", rows[i].index_dims, rows[i].indices), rows[i].dims)),
            STATUS_MODEL, rows[i].says);
    expect_failure(model_around(SPARSE, sparse_of(tensor_floats("w", "1", "1"), tensor_floats("i", "1", "1"), "4")), STATUS_MODEL,
                   "not of type int64");
    expect_failure(model_around(SPARSE, sparse_of(tensor_floats("w", "1,1", "1"), tensor_ints("i", "1", "1"), "4")), STATUS_MODEL, "not a list");
    expect_failure(model_around(SPARSE, sparse_of(tensor_floats("w", "2", "1,2"), tensor_ints("i", "2", "3,0"), "2147483648")), STATUS_UNSUPPORTED,
                   "tensor 'w'", "2 values of 2147483648 elements");
    Bytes lonely = {0};
    put_message(&lonely, 1, tensor_floats("w", "1", "1"));
    expect_failure(model_around(SPARSE, lonely), STATUS_MODEL, "values and indices");
}

/* ---- other files ---- */

static Bytes external(const char *location, size_t length, const char *key, const char *value)
{
    Bytes tensor = tensor_head("w", FLOAT, "4"), entry = {0};
    put_number(&tensor, 14, 1);
    put_text(&entry, 1, "location");
    put_bytes(&entry, 2, location, length);
    put_message(&tensor, 13, entry);
    if (key) {
        Bytes other = {0};
        put_text(&other, 1, key);
        put_text(&other, 2, value);
        put_message(&tensor, 13, other);
    }
    return model_around(INITIALIZER, tensor);
}

static char inside[128];

/* data/good.bin, data/short.bin, data/folder/deep.bin; and secrets outside with links to them. */
static void make_files(void)
{
    char path[512], other[512];
    static const float elements[] = {9, 1, 2, 3, 4};
    snprintf(inside, sizeof inside, "%s/data", test_folder());
    if (mkdir(inside, 0700) != 0)
        return;
    write_file("secret.bin", elements, 16);
    write_file("data/good.bin", elements, 20);
    write_file("data/short.bin", elements, 8);
    write_file("data/empty.bin", elements, 0);
    snprintf(path, sizeof path, "%s/folder", inside);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file("data/folder/deep.bin", elements + 1, 16);
    snprintf(other, sizeof other, "%s/secret.bin", test_folder());
    snprintf(path, sizeof path, "%s/soft.bin", inside);
    assert_int_equal(symlink(other, path), 0);
    snprintf(path, sizeof path, "%s/hard.bin", inside);
    assert_int_equal(link(other, path), 0);
    snprintf(path, sizeof path, "%s/up", inside);
    assert_int_equal(symlink(test_folder(), path), 0);
    snprintf(path, sizeof path, "%s/pipe", inside);
    assert_int_equal(mkfifo(path, 0600), 0);
}

static void external_data(void **state)
{
    (void)state;
    make_files();
    FrontendOptions allowed = {.external_data = inside};
    expect_graph_with(external("good.bin", 8, "offset", "4"), &allowed, "f32[4] = 1 2 3 4");
    expect_graph_with(external("good.bin", 8, "length", "16"), &allowed, "f32[4] = 9 1 2 3");
    expect_graph_with(external("folder/deep.bin", 15, "checksum", "whatever"), &allowed, "f32[4] = 1 2 3 4");
    expect_failure(external("good.bin", 8, NULL, NULL), STATUS_UNSUPPORTED, "tensor 'w'", "--allow-external-data");
}

static void external_attacks(void **state)
{
    (void)state;
    make_files();
    FrontendOptions allowed = {.external_data = inside};
    char absolute[512];
    int length = snprintf(absolute, sizeof absolute, "%s/secret.bin", test_folder());
    static const struct { const char *location, *says;
    } rows[] = {
        {"../secret.bin", "downwards"},
        {"folder/../../secret.bin", "downwards"},
        {"./good.bin", "downwards"},
        {"", "downwards"},
        {".", "downwards"},
        {"folder//deep.bin", "downwards"},
        {"good.bin/", "only folders"},
        {"soft.bin", "symbolic"},
        {"up/secret.bin", "symbolic"},
        {"hard.bin", "hard links"},
        {"folder", "not a regular file"},
        {"pipe", "not a regular file"},
        {"short.bin", "too short"},
        {"empty.bin", "too short"},
        {"absent.bin", "No such file"},
        {"good.bin/more", "only folders"},
    };
    for (int i = 0; i < COUNT(rows); i++)
        expect_failure_with(external(rows[i].location, strlen(rows[i].location), NULL, NULL), &allowed, STATUS_MODEL, "tensor 'w'", rows[i].says);
    expect_failure_with(external(absolute, (size_t)length, NULL, NULL), &allowed, STATUS_MODEL, "downwards");
    expect_failure_with(external("good.bin\0x", 10, NULL, NULL), &allowed, STATUS_MODEL, "zero byte");
    static const struct { const char *key, *value, *says; } numbers[] = {
        {"offset", "-4", "not a number"},   {"offset", "99999999999999999999", "not a number"}, {"offset", "18446744073709551615", "too short"},
        {"offset", "8", "too short"},       {"offset", "", "not a number"},                     {"offset", "0x4", "not a number"},
        {"length", "17", "its length is not what"}, {"length", "zero", "not a number"},
    };
    for (int i = 0; i < COUNT(numbers); i++)
        expect_failure_with(external("good.bin", 8, numbers[i].key, numbers[i].value), &allowed, STATUS_MODEL, "tensor 'w'", numbers[i].says);
    FrontendOptions nowhere = {.external_data = "/nowhere/at/all"};
    expect_failure_with(external("good.bin", 8, NULL, NULL), &nowhere, STATUS_MODEL, "the folder of --allow-external-data");
}

/* ---- files of one tensor ---- */

typedef struct Trip {
    const char *path, *again;
    TensorFile tensor;
} Trip;

static Status there_and_back(Context *ctx, void *argument)
{
    Trip *trip = argument;
    onnx_read_tensor(ctx, trip->path, &trip->tensor);
    assert_null(ctx->file);
    FILE *out = fopen(trip->again, "wb");
    onnx_write_tensor(ctx, &trip->tensor, out);
    fclose(out);
    onnx_read_tensor(ctx, trip->again, &trip->tensor);
    assert_string_equal(trip->tensor.name, "t");
    assert_int_equal(trip->tensor.type, TYPE_I64);
    assert_int_equal(trip->tensor.shape.rank, 2);
    assert_int_equal(trip->tensor.shape.dims[1], 3);
    assert_memory_equal(trip->tensor.data, ((int64_t[]){1, 2, 3, 4, 5, -6}), 48);
    return STATUS_FINE;
}

static Status read_only(Context *ctx, void *argument)
{
    TensorFile tensor;
    onnx_read_tensor(ctx, argument, &tensor);
    return STATUS_FINE;
}

static void tensor_files(void **state)
{
    (void)state;
    char path[256], again[256];
    Bytes tensor = tensor_ints("t", "2,3", "1,2,3,4,5,-6");
    snprintf(path, sizeof path, "%s", write_file("t.pb", tensor.data, tensor.size));
    snprintf(again, sizeof again, "%s/again.pb", test_folder());
    Trip trip = {path, again, {0}};
    assert_int_equal(context_run(there_and_back, &trip), STATUS_FINE);
    for (size_t size = 0; size < tensor.size; size++) {
        Outcome outcome = run_captured(read_only, (void *)(uintptr_t)write_file("t.pb", tensor.data, size));
        assert_int_equal(outcome.status, STATUS_MODEL);
        assert_non_null(strstr(outcome.said, "t.pb"));
        outcome_free(outcome);
    }
    free(tensor.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoding),        cmocka_unit_test(unpacked_elements), cmocka_unit_test(faulty_tensors),
        cmocka_unit_test(unused_tensors_are_not_judged), cmocka_unit_test(sparse_tensors), cmocka_unit_test(faulty_sparse_tensors),
        cmocka_unit_test(external_data),         cmocka_unit_test(external_attacks),  cmocka_unit_test(tensor_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
