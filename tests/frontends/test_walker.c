/* The walker and what stands behind it: no bytes whatever may do harm. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static const Bytes none;

/* A model with something of everything. */
static Bytes rich_model(void)
{
    Bytes branch = graph(NODE, node("Relu", "inner", "t", "b"), OUTPUT, value_info("b", FLOAT, "1,4"));
    Bytes other = graph(NODE, node("Neg", "inner", "t", "b"), OUTPUT, value_info("b", FLOAT, "1,4"));
    Bytes sparse = {0};
    put_message(&sparse, 1, tensor_floats("s", "2", "1,2"));
    put_message(&sparse, 2, tensor_ints("i", "2", "1,3"));
    put_number(&sparse, 3, 4);
    Bytes body = function("own", "Twice", "v", "r", "", 17, node("Add", "add", "v,v", "r"));
    Bytes main_graph = graph(INPUT, value_info("x", FLOAT, "N,4"), INITIALIZER, tensor_floats("w", "4", "1,2,3,4"), SPARSE, sparse,
                             INITIALIZER, tensor_raw("yes", BOOLEAN, "", "\1", 1), NODE, node("Mul", "scale", "x,w", "m"),
                             NODE, node("own.Twice", "call", "m", "u"), NODE, node("Add", "shift", "u,s", "t"),
                             NODE, node("If", "choice", "yes", "f", attribute_graph("then_branch", branch), attribute_graph("else_branch", other)),
                             NODE, node("Softmax", "soft", "f", "y", attribute_int("axis", 1)), OUTPUT, value_info("y", FLOAT, "N,4"));
    return model_of(17, main_graph, body);
}

static void good_model_is_read(void **state)
{
    (void)state;
    expect_graph(rich_model(), "input %x : f32[1,4]", "const %s : f32[4] = 0 1 0 2", "\"call/add\"", "= Relu(%t)",
                 "Softmax(%f) {axis=1, flatten=0} \"soft\"");
}

static void check_damaged(const unsigned char *data, size_t size, const char *what, uint64_t which)
{
    Outcome outcome = read_path(write_file("damaged.onnx", data, size), NULL);
    bool documented = outcome.status == STATUS_FINE || outcome.status == STATUS_MODEL || outcome.status == STATUS_UNSUPPORTED;
    if (!documented || (outcome.status != STATUS_FINE && !strstr(outcome.said, "error:")))
        fail_msg("%s %llu: status %d\n%s", what, (unsigned long long)which, (int)outcome.status, outcome.said);
    outcome_free(outcome);
}

static void truncated_at_every_byte(void **state)
{
    (void)state;
    Bytes model = rich_model();
    for (size_t size = 0; size < model.size; size++)
        check_damaged(model.data, size, "truncated at", size);
    free(model.data);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void flipped_bits(void **state)
{
    (void)state;
    Bytes model = rich_model();
    unsigned char *copy = malloc(model.size);
    uint64_t seed = 7;
    for (uint64_t round = 0; round < 4000; round++) {
        memcpy(copy, model.data, model.size);
        for (uint64_t flips = 1 + next_random(&seed) % 6; flips > 0; flips--)
            copy[next_random(&seed) % model.size] ^= (unsigned char)(1u << next_random(&seed) % 8);
        check_damaged(copy, model.size, "flipped copy", round);
    }
    free(copy);
    free(model.data);
}

static void overwritten_bytes(void **state)
{
    (void)state;
    Bytes model = rich_model();
    static const unsigned char nasty[] = {0x00, 0x7f, 0x80, 0xff};
    for (size_t at = 0; at < model.size; at++)
        for (int i = 0; i < COUNT(nasty); i++) {
            unsigned char before = model.data[at];
            model.data[at] = nasty[i];
            check_damaged(model.data, model.size, "byte overwritten", at);
            model.data[at] = before;
        }
    free(model.data);
}

/* Made from the inside out, and then once around: 10,000 messages in each other. */
static void nested_messages(void **state)
{
    (void)state;
    Bytes inner = {0};
    for (int i = 0; i < 3334; i++) {
        static const int fields[] = {6, 5, 1};    /* a graph in an attribute in a node */
        for (int k = 0; k < 3; k++) {
            Bytes outer = {0};
            put_message(&outer, fields[k], inner);
            inner = outer;
        }
    }
    Bytes model = {0};
    put_message(&model, 7, inner);
    expect_failure(model, STATUS_MODEL, "nested");
}

static void many_tiny_messages(void **state)
{
    (void)state;
    Bytes nodes = {0};
    for (int i = 0; i < 9 << 20; i++)
        put_raw(&nodes, "\x0a", 2);    /* field 1, of no bytes: a node */
    expect_failure(model_of(17, nodes, none), STATUS_MODEL, "8 million messages");
}

static Bytes model_with(const char *bytes, size_t size)
{
    Bytes model = {0};
    put_raw(&model, bytes, size);
    return model;
}
#define WITH(bytes) model_with(bytes, sizeof bytes - 1)

static void wire_format_faults(void **state)
{
    (void)state;
    expect_failure(WITH("\x08"), STATUS_MODEL, "the file ends within a number");
    expect_failure(WITH("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), STATUS_MODEL, "more than ten bytes");
    expect_failure(WITH("\x0b\x0c"), STATUS_MODEL, "kind that ONNX does not use");
    expect_failure(WITH("\x00\x01"), STATUS_MODEL, "field number that cannot be");
    expect_failure(WITH("\x3a\x05\x0a"), STATUS_MODEL, "longer than what holds it");
    expect_failure(WITH("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), STATUS_MODEL, "longer than what holds it");
    expect_failure(WITH("\x38\x01"), STATUS_MODEL, "of another kind than ONNX says");
    expect_failure(WITH("\x3a\x00\x3a\x00"), STATUS_MODEL, "is there twice");
    expect_failure(WITH("\x3a\x04\x12\x02"
                        "a\0"), STATUS_MODEL, "a zero byte in a name");
    expect_failure(WITH("\x08\x09"), STATUS_MODEL, "no graph");
}

static void unknown_fields_are_skipped(void **state)
{
    (void)state;
    Bytes model = rich_model();
    put_text(&model, 2, "a producer");
    put_text(&model, 1000, "from the future");
    put_number(&model, 1001, 5);
    put_float(&model, 1002, 1);
    put_varint(&model, 1003 << 3 | 1);
    put_raw(&model, "12345678", 8);
    expect_graph(model, "\"call/add\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_model_is_read),  cmocka_unit_test(truncated_at_every_byte), cmocka_unit_test(flipped_bits),
        cmocka_unit_test(overwritten_bytes),   cmocka_unit_test(nested_messages),         cmocka_unit_test(many_tiny_messages),
        cmocka_unit_test(wire_format_faults),  cmocka_unit_test(unknown_fields_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
