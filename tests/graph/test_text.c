/* The graph as text: what is dumped parses to the same graph; what is no graph is refused with its place. */
#include "captured.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/graph/graph.h"

static char *dumped(const Graph *graph, size_t *length)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, length);
    assert_non_null(stream);
    graph_dump(graph, stream);
    fclose(stream);
    return text;
}

/* Dumps, parses, dumps: the texts are equal. Gives the parsed graph. */
static Graph *assert_round_trip(const Graph *graph)
{
    size_t length, again_length;
    char *text = dumped(graph, &length);
    Graph *parsed = graph_parse(graph->ctx, text, length);
    char *again = dumped(parsed, &again_length);
    assert_string_equal(text, again);
    free(text);
    free(again);
    return parsed;
}

/* ---- round trips ---- */

static void set_attribute(Graph *graph, Node *node, AttributeName name, int count)
{
    const int64_t ints[] = {INT64_MIN, 0, INT64_MAX};
    const double reals[] = {0.1, -INFINITY, 1e-310};
    if (attribute_kind(name) == KIND_INTS)
        node_set_ints(graph, node, name, ints, count);
    else if (attribute_kind(name) == KIND_REALS)
        node_set_reals(graph, node, name, reals, count);
    else
        node_set_word(graph, node, name, count ? "a \"word\"\n" : "");
}

/* Every operator with its most operands, then with only those that it needs; every attribute in turn. */
static Status dump_all_operators(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "all \"operators\"\\");
    Shape shape = {.rank = 2, .dims = {2, 3}};
    Value *x = graph_input(graph, "x", TYPE_F32, &shape);
    for (int i = 0; i < 2 * OP_COUNT; i++) {
        Op op = (Op)(i / 2);
        const OpInfo *info = op_info(op);
        Value *inputs[8] = {x, NULL, x, x, x, x, x, x}, *outputs[2] = {graph_value(graph, NULL), graph_value(graph, NULL)};
        int most = info->most_inputs < 0 ? 8 : info->most_inputs;
        for (int k = 0; k < info->fewest_inputs; k++)
            inputs[k] = x;
        int output_count = info->most_outputs == 1 ? 1 : 2;
        const char *name = i % 2 ? NULL : arena_format(ctx->graph, "%s (%d)", info->name, i);
        Node *node = graph_add(graph, op, name, inputs, i % 2 ? most : info->fewest_inputs, outputs, output_count);
        for (int k = 0; k < 4; k++)
            set_attribute(graph, node, (AttributeName)((3 * i + k * 7) % ATTR_COUNT), (i + k) % 4);
        for (int k = 0; k < output_count; k++)
            outputs[k]->known = false;
    }
    graph_verify(graph, "building");
    Graph *parsed = assert_round_trip(graph);
    graph_verify(parsed, "parsing");
    assert_int_equal(parsed->node_count, 2 * OP_COUNT);
    for (int i = 0; i < parsed->node_count; i++) {
        const Node *a = graph->nodes[i], *b = parsed->nodes[i];
        assert_true(a->op == b->op && a->input_count == b->input_count);
        assert_true(a->output_count == b->output_count && a->attribute_count == b->attribute_count);
        assert_string_equal(a->name, b->name);
    }
    return STATUS_FINE;
}

static void every_operator_round_trips(void **state)
{
    (void)state;
    assert_int_equal(captured(dump_all_operators, NULL), STATUS_FINE);
}

/* Constants of every type and of sizes on both sides of what is listed; the bytes come back as they were. */
static Status dump_constants(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "");
    srand(3);
    for (int type = TYPE_UNKNOWN + 1; type < TYPE_COUNT; type++)
        for (int count = 0; count < 300; count = count * 3 + 1) {
            Shape shape = {.rank = 1, .dims = {count}};
            size_t bytes;
            assert_true(shape_bytes(&shape, (Type)type, &bytes));
            unsigned char *noise = arena_alloc(ctx->graph, bytes, 1), *same = arena_alloc(ctx->graph, bytes, 1);
            for (size_t i = 0; i < bytes; i++) {
                noise[i] = (unsigned char)rand();
                same[i] = (unsigned char)(0x30 + i % (size_t)type_info((Type)type)->bytes);
            }
            graph_constant(graph, NULL, (Type)type, &shape, noise);
            graph_constant(graph, NULL, (Type)type, &shape, same);
        }
    Graph *parsed = assert_round_trip(graph);
    assert_int_equal(parsed->value_count, graph->value_count);
    for (int i = 0; i < graph->value_count; i++) {
        const Value *a = graph->values[i], *b = parsed->values[i];
        size_t bytes = 0;
        assert_true(a->type == b->type && shape_equal(&a->shape, &b->shape) && shape_bytes(&a->shape, a->type, &bytes) && b->data);
        assert_memory_equal(a->data, b->data, bytes);
    }
    return STATUS_FINE;
}

static void constants_come_back_bit_for_bit(void **state)
{
    (void)state;
    assert_int_equal(captured(dump_constants, NULL), STATUS_FINE);
}

static Status dump_odd_numbers(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "");
    const float singles[] = {0, -0.0f, 0.1f, 1e-45f, 3.4028235e38f, -INFINITY, 16777216, 1 / 3.0f};
    const double doubles[] = {0.1, 5e-324, 1.7976931348623157e308, -0.0, 1 / 3.0, 9007199254740993.0, INFINITY, 123456789.123456789};
    Shape shape = {.rank = 1, .dims = {8}};
    graph_constant(graph, "singles", TYPE_F32, &shape, singles);
    graph_constant(graph, "doubles", TYPE_F64, &shape, doubles);
    Graph *parsed = assert_round_trip(graph);
    assert_memory_equal(graph_value_named(parsed, "singles")->data, singles, sizeof singles);
    assert_memory_equal(graph_value_named(parsed, "doubles")->data, doubles, sizeof doubles);
    return STATUS_FINE;
}

static void odd_numbers_round_trip(void **state)
{
    (void)state;
    assert_int_equal(captured(dump_odd_numbers, NULL), STATUS_FINE);
}

static const char *const strange[] = {"", " ", "_", "a b", "a:0", "/conv1/Conv_output_0", "\"", "\\", "\\x41", "new\nline", "\xc3\xa4", "\xff\x01", "#", "%", "=",
                                      "input", "then", "*/"};

static Status dump_strange_names(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, strange[9]);
    Shape shape = {0};
    Value *last = graph_input(graph, "start", TYPE_F32, &shape);
    for (int i = 0; i < COUNT(strange); i++) {
        Value *next = graph_value(graph, strange[i]);
        graph_add(graph, OP_Relu, strange[i], &last, 1, &next, 1);
        last = next;
    }
    graph_output(graph, last);
    Graph *parsed = assert_round_trip(graph);
    assert_string_equal(parsed->name, strange[9]);
    for (int i = 0; i < COUNT(strange); i++) {
        assert_string_equal(parsed->nodes[i]->name, strange[i]);
        assert_string_equal(parsed->nodes[i]->outputs[0]->name, strange[i]);
    }
    return STATUS_FINE;
}

static void strange_names_round_trip(void **state)
{
    (void)state;
    assert_int_equal(captured(dump_strange_names, NULL), STATUS_FINE);
}

#define WHOLE \
    "graph \"whole\" sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n" \
    "input %x : f32[1,1,4,4]\n" \
    "input %shape : i64[2]\n" \
    "const %w : f32[2,1,1,1] = 0.5 -1\n" \
    "const %low : f32[] = 0\n" \
    "const %gate : f32[1,2,8,8] = all 0.25\n" \
    "%r : f32[1,2,4,4] = Conv(%x, %w) {strides=[1,1]} \"res\"\n" \
    "%c : f32[1,2,4,4] = Conv(%x, %w) {group=1, pads=[0,0,0,0], strides=[1,1]} \"conv\"\n" \
    "  then Add(%r) \"addition\"\n" \
    "  then Clip(%low) \"clip\"\n" \
    "  then Elu() {alpha=0.5} \"elu\"\n" \
    "%d : ?, _ = MaxPool(%c) {kernel_shape=[2,2]} \"pool\"\n" \
    "%e : ? = Resize(%d, _, %low) {mode=\"nearest\"} \"resize\"\n" \
    "%q : u8 = QuantizeLinear(%e, %low) \"quantize\"\n" \
    "%s : f32[1,2,4,4] = Add(%c, %r) \"sum\"\n" \
    "%h : ? = Cast(%s) {to=f16} \"cast\"\n" \
    "offer \"sum\" to \"res\"\n" \
    "offer \"sum\" to \"conv\"\n" \
    "output %q declared [1,?]\n" \
    "output %h\n" \
    "output %h\n" \
    "assume %shape 2 = 1 6 1 -1\n"

static Status parse_whole(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_parse(ctx, WHOLE, strlen(WHOLE));
    graph_verify(graph, "parsing");
    size_t length;
    char *text = dumped(graph, &length);
    assert_string_equal(text, WHOLE);
    free(text);
    Node *conv = graph_node_named(graph, "conv");
    assert_true(conv->epilogue_count == 3 && conv->epilogue[1]->input_count == 2 && conv->epilogue[2]->input_count == 1);
    assert_true(conv->residual_offer_count == 1 && conv->residual_offers[0] == graph_node_named(graph, "sum"));
    assert_int_equal(node_int(graph_node_named(graph, "cast"), ATTR_to, 0), TYPE_F16);
    assert_null(graph_node_named(graph, "resize")->inputs[1]);
    assert_null(graph_node_named(graph, "pool")->outputs[1]);
    Value *q = graph_value_named(graph, "q"), *h = graph_value_named(graph, "h");
    assert_true(q->type == TYPE_U8 && !q->known && q->declared.rank == 2 && q->declared.dims[1] == -1 && h->declared.rank == -1 && h->output_index == 1);
    assert_true(graph->assumed_count == 1 && graph->assumed[0].choices == 2 && ((const int64_t *)graph->assumed[0].expected)[3] == -1);
    assert_true(h->type == TYPE_UNKNOWN && graph_value_named(graph, "r")->user_count == 2);
    return STATUS_FINE;
}

static void every_construct_means_what_the_manual_says(void **state)
{
    (void)state;
    assert_int_equal(captured(parse_whole, NULL), STATUS_FINE);
}

#define LOCALE "LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \".\"\\ngrouping 3;3\\nEND LC_NUMERIC\\n"

/* In a locale made on the spot, whose decimal point is a comma. */
static void locale_does_not_show(void **state)
{
    (void)state;
    char *folder = test_folder(), command[512];
    snprintf(command, sizeof command, "cd %s && printf '" LOCALE "' >comma && localedef -c -i comma -f ANSI_X3.4-1968 ./xx_XX >/dev/null 2>&1", folder);
    int made = system(command);
    setenv("LOCPATH", folder, 1);
    bool set = setlocale(LC_ALL, "xx_XX") != NULL;
    char half[8];
    snprintf(half, sizeof half, "%.1f", 0.5);
    Status status = captured(dump_odd_numbers, NULL), whole = captured(parse_whole, NULL);
    setlocale(LC_ALL, "C");
    snprintf(command, sizeof command, "rm -r %s/*", folder);
    assert_int_equal(system(command), 0);
    test_folder_remove(folder);
    assert_true(status == STATUS_FINE && whole == STATUS_FINE);
    if (!set || strcmp(half, "0,5") != 0)
        print_message("localedef gave %d: only the standard locale was tried\n", made);
}

static Status parse_by_hand(Context *ctx, void *argument)
{
    (void)argument;
    static const char text[] = "# a comment\r\n\n  graph \"g\" # the name\ninput %x :f32[ 2 , 2 ]\r\n%y = LeakyRelu( % x ) { alpha = 1e-2 }\n%z = Cast(%y){to=1}   \n"
                               "%a = Pad(%z) {mode=edge, pads=[]}\n\toutput%a\n#end";
    Graph *graph = graph_parse(ctx, text, sizeof text - 1);
    assert_true(graph->node_count == 3 && graph->output_count == 1);
    assert_string_equal(graph->nodes[0]->name, "y");
    assert_true(node_real(graph->nodes[0], ATTR_alpha, 0) == 1e-2);
    assert_string_equal(node_word(graph->nodes[2], ATTR_mode, ""), "edge");
    graph_verify(graph, "parsing");
    return STATUS_FINE;
}

static void blanks_comments_and_names_are_optional(void **state)
{
    (void)state;
    assert_int_equal(captured(parse_by_hand, NULL), STATUS_FINE);
}

/* ---- refusals ---- */

static Status parse_text(Context *ctx, void *argument)
{
    Graph *graph = graph_parse(ctx, argument, strlen(argument));
    assert_round_trip(graph);
    return STATUS_FINE;
}

#define HEAD "graph \"g\"\ninput %x : f32[2]\n"

static const struct { const char *text, *place, *words; } refused[] = {
    {"", "1:1", "expected 'graph'"},
    {"graph g", "1:7", "expected '\"'"},
    {"graph \"g", "1:7", "does not end"},
    {"graph \"a\\q\"", "1:9", "\\x and two hexadecimal"},
    {"graph \"a\\x00\"", "1:9", "not 00"},
    {"graph \"g\" sha256 12", "1:18", "64 hexadecimal"},
    {HEAD "%y = Rellu(%x)", "3:6", "did you mean Relu"},
    {HEAD "%y = Zzzzzz(%x)", "3:6", "no operator has this name"},
    {HEAD "%y = Elu(%x) {stride=1}", "3:15", "did you mean strides"},
    {HEAD "%y = Relu(%x) {alpha=1, alpha=2}", "3:25", "twice"},
    {HEAD "%y = Relu(%z)", "3:11", "no value of this name"},
    {HEAD "%y = Relu(%y)", "3:6", "its own result"},
    {HEAD "%x = Relu(%x)", "3:1", "already a value"},
    {HEAD "%y = Relu()", "3:6", "needs operand 0"},
    {HEAD "%y = Add(%x, _)", "3:6", "needs operand 1"},
    {HEAD "%y = Relu(%x, %x)", "3:6", "at most 1 operands"},
    {HEAD "%y, %z = Relu(%x)", "3:10", "at most 1 results"},
    {HEAD "%y = Relu(%x) \"a\" b", "3:19", "end of the line"},
    {HEAD "%y = Relu(%x) \"a\"\n%z = Relu(%y) \"a\"", "4:15", "already a node"},
    {HEAD "then Relu()", "3:6", "no node above"},
    {HEAD "%y = Relu(%x)\nthen Softmax()", "4:6", "element by element"},
    {HEAD "%y = Relu(%x)\nthen Add(%y)", "4:6", "its own result"},
    {HEAD "offer \"a\" to \"b\"", "3:7", "no node of this name"},
    {HEAD "%y = Relu(%x) \"a\"\noffer \"a\" to \"a\"", "4:7", "only an Add"},
    {HEAD "assume %x 0 = 1", "3:11", "from 1 to"},
    {HEAD "%y = Relu(%x)\nassume %y 1 = 1", "4:8", "only an input"},
    {HEAD "output %z", "3:8", "no value of this name"},
    {HEAD "nonsense", "3:1", "expected input, const"},
    {HEAD "input %z : ?", "3:10", "a type and a shape"},
    {HEAD "input %z : float[2]", "3:12", "element type"},
    {HEAD "input %z : f32[-1]", "3:16", "from 0 to"},
    {HEAD "input %z : f32[1,2,3,4,5,6,7,8,9]", "3:32", "at most 8"},
    {HEAD "input %z : f32[9999999999999999999]", "3:16", "from 0 to"},
    {HEAD "input %z : f32[4294967296,4294967296]", "3:15", "too many"},
    {HEAD "const %z : f32[2] = 1", "3:22", "expected 2 elements, there are 1"},
    {HEAD "const %z : f32[2] = 1 2 3", "3:25", "end of the line"},
    {HEAD "const %z : f32[2] = 1 2x", "3:23", "expected a number"},
    {HEAD "const %z : i8[1] = 128", "3:20", "from -128 to 127"},
    {HEAD "const %z : u8[1] = -1", "3:20", "from 0 to 255"},
    {HEAD "const %z : u64[1] = -1", "3:21", "from 0 to 18446744073709551615"},
    {HEAD "const %z : i64[1] = 1.5", "3:21", "whole number"},
    {HEAD "const %z : f16[1] = 1.5", "3:21", "as hex"},
    {HEAD "const %z : f32[1] = hex 0000803", "3:31", "byte 4 of 4"},
    {HEAD "const %z : u8[1] = hex 00000", "3:26", "end of the line"},
    {HEAD "const %z : f32[99999999999] = 1", "3:31", "expected 99999999999 elements"},
    {HEAD "const %z : f32[99999999999] = all 1", "3:35", "expected 99999999999 elements"},
    {HEAD "const %z : f32[1] = 111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111", "", ""},
};

static void mistakes_are_told_with_line_column_and_caret(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(refused); i++) {
        Status status = captured(parse_text, (void *)(uintptr_t)refused[i].text);
        if (!*refused[i].place) {
            assert_int_equal(status, STATUS_FINE);
            continue;
        }
        assert_int_equal(status, STATUS_MODEL);
        char place[32];
        snprintf(place, sizeof place, "error: %s: ", refused[i].place);
        assert_said(place);
        assert_said(refused[i].words);
    }
    assert_int_equal(captured(parse_text, "graph \"g\"\ninput %\"\xc3\xa4\x01\" : f33[1]"), STATUS_MODEL);
    assert_said("\n    input %\"\xc3\xa4?\" : f33[1]\n                  ^\n");
}

typedef struct Piece { const char *text; size_t length; } Piece;

static Status parse_piece(Context *ctx, void *argument)
{
    const Piece *piece = argument;
    Graph *graph = graph_parse(ctx, piece->text, piece->length);
    assert_round_trip(graph);
    return STATUS_FINE;
}

/* The copy has no byte behind it that may be read. */
static void parse_damaged(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    Status status = captured(parse_piece, &(Piece){copy, length});
    assert_true(status == STATUS_FINE || status == STATUS_MODEL);
    assert_true(status == STATUS_FINE || strstr(said, "error: "));
    free(copy);
}

static void truncated_text_is_refused_or_read(void **state)
{
    (void)state;
    for (size_t length = 0; length < strlen(WHOLE); length++)
        parse_damaged(WHOLE, length);
}

static void noise_in_the_text_is_refused_or_read(void **state)
{
    (void)state;
    static const char likely[] = "%_\"\\,:=[]{}()#\n 0179-.ex?hexallinput\xff";
    srand(11);
    for (int round = 0; round < 4000; round++) {
        char text[sizeof WHOLE + 64] = WHOLE;
        size_t length = sizeof WHOLE - 1;
        for (int edit = rand() % 3; edit >= 0; edit--) {
            size_t at = (size_t)rand() % length, span = (size_t)rand() % 6;
            if (rand() % 3 == 0 && at + span < length) {
                memmove(text + at, text + at + span, length - at - span);
                length -= span;
            } else if (rand() % 2 && length + span < sizeof text && at + 2 * span < length) {
                memmove(text + at + span, text + at, length - at);
                length += span;
            } else {
                text[at] = rand() % 4 ? likely[(size_t)rand() % (sizeof likely - 1)] : (char)rand();
            }
        }
        parse_damaged(text, length);
    }
}

static Status parse_many(Context *ctx, void *argument)
{
    (void)argument;
    Text text = text_new(ctx->graph);
    text_add(&text, "graph \"g\"\ninput %v0 : f32[2]\n");
    for (int i = 0; i < 100000; i++)
        text_format(&text, "%%v%d : f32[2] = Relu(%%v%d) \"n%d\"\n", i + 1, i, i);
    text_add(&text, "output %v100000\n");
    Graph *graph = graph_parse(ctx, text.data, text.length);
    assert_int_equal(graph->node_count, 100000);
    size_t length;
    char *again = dumped(graph, &length);
    assert_string_equal(again, text.data);
    free(again);
    return STATUS_FINE;
}

static void large_graphs_are_parsed_quickly(void **state)
{
    (void)state;
    assert_int_equal(captured(parse_many, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_round_trips),
        cmocka_unit_test(constants_come_back_bit_for_bit),
        cmocka_unit_test(odd_numbers_round_trip),
        cmocka_unit_test(locale_does_not_show),
        cmocka_unit_test(strange_names_round_trip),
        cmocka_unit_test(every_construct_means_what_the_manual_says),
        cmocka_unit_test(blanks_comments_and_names_are_optional),
        cmocka_unit_test(mistakes_are_told_with_line_column_and_caret),
        cmocka_unit_test(truncated_text_is_refused_or_read),
        cmocka_unit_test(noise_in_the_text_is_refused_or_read),
        cmocka_unit_test(large_graphs_are_parsed_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
