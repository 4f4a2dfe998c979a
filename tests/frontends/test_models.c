/* The model as a whole: names, order, dimensions, functions, branches, versions; and every way in which these can be wrong. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static const Bytes none;

static Bytes plain(Bytes graph_message)
{
    return model_of(17, graph_message, none);
}

#define X value_info("x", FLOAT, "1,4")
#define Y value_info("y", FLOAT, NULL)

/* ---- names and order ---- */

static void order_is_kept_where_legal(void **state)
{
    (void)state;
    expect_graph(
        plain(graph(INPUT, X, NODE, node("Relu", "b", "x", "b"), NODE, node("Neg", "a", "x", "a"), NODE, node("Add", "c", "a,b", "y"), OUTPUT, Y)),
        "%b : ? = Relu(%x) \"b\"\n%a : ? = Neg(%x) \"a\"\n%y : ? = Add(%a, %b) \"c\"");
    expect_graph(plain(graph(INPUT, X, NODE, node("Add", "c", "a,b", "y"), NODE, node("Relu", "b", "a", "b"), NODE, node("Neg", "a", "x", "a"),
                             NODE, node("Abs", "d", "x", "z"), OUTPUT, Y)),
                 "%a : ? = Neg(%x) \"a\"\n%b : ? = Relu(%a) \"b\"\n%y : ? = Add(%a, %b) \"c\"\n%z : ? = Abs(%x) \"d\"");
}

static void structural_faults(void **state)
{
    (void)state;
    expect_failure(plain(graph(INPUT, X, NODE, node("Add", "first", "x,b", "a"), NODE, node("Relu", "second", "a", "b"), NODE,
                               node("Relu", "third", "b", "y"), OUTPUT, Y)),
                   STATUS_MODEL, "cycle");
    expect_failure(plain(graph(INPUT, X, NODE, node("Add", "self", "x,y", "y"), OUTPUT, Y)), STATUS_MODEL, "node 'self' (Add)", "cycle");
    expect_failure(plain(graph(INPUT, X, NODE, node("Relu", "act", "nowhere", "y"), OUTPUT, Y)), STATUS_MODEL, "node 'act' (Relu)", "'nowhere'");
    expect_failure(plain(graph(INPUT, X, NODE, node("Relu", "one", "x", "y"), NODE, node("Relu", "two", "x", "y"), OUTPUT, Y)), STATUS_MODEL, "'two'",
                   "two producers", "'y'");
    expect_failure(plain(graph(INPUT, X, NODE, node("Split", "one", "x", "y,y"), OUTPUT, Y)), STATUS_MODEL, "two producers");
    expect_failure(plain(graph(INPUT, X, NODE, node("Relu", "one", "x", "x"), OUTPUT, Y)), STATUS_MODEL, "two producers");
    expect_failure(plain(graph(INPUT, X, INPUT, X, NODE, node("Relu", "one", "x", "y"), OUTPUT, Y)), STATUS_MODEL, "two producers");
    expect_failure(plain(graph(INITIALIZER, tensor_floats("w", "1", "1"), INITIALIZER, tensor_floats("w", "1", "1"), NODE,
                               node("Relu", "one", "w", "y"), OUTPUT, Y)),
                   STATUS_MODEL, "two producers");
    expect_failure(plain(graph(INPUT, X, NODE, node("Relu", "one", "x", "z"), OUTPUT, Y)), STATUS_MODEL, "output 'y'");
    expect_failure(plain(graph(INPUT, X, NODE, node("Relu", "one", "x", "y"))), STATUS_MODEL, "no outputs");
    expect_failure(plain(graph(INPUT, X, INPUT, value_info("", FLOAT, "1"), NODE, node("Relu", "one", "x", "y"), OUTPUT, Y)), STATUS_MODEL,
                   "an input has no name");
    expect_failure(plain(graph(INITIALIZER, tensor_floats("", "1", "1"), OUTPUT, Y)), STATUS_MODEL, "an initialiser has no name");
}

static void unsupported_nodes_are_listed_at_once(void **state)
{
    (void)state;
    expect_failure(plain(graph(INPUT, X, NODE, node("Wobble", "odd", "x", "a"), NODE, node("com.strange.Conv", "even", "a", "b"), NODE,
                               node("GRU", NULL, "b", "c"), NODE, node("Relu", "fine", "c", "y"), OUTPUT, Y)),
                   STATUS_UNSUPPORTED, "node 'odd' (Wobble): the operator Wobble is not supported", "node 'even' (Conv)", "com.strange",
                   "node 'c' (GRU)");
    expect_failure(plain(graph(INPUT, X, NODE, node("Gelu", "new", "x", "y"), OUTPUT, Y)), STATUS_MODEL, "exists from opset 20 on", "opset 17");
    expect_failure(plain(graph(INPUT, X, NODE, node("Loop", "again", "x", "y"), OUTPUT, Y)), STATUS_UNSUPPORTED, "Loop");
    expect_failure(plain(graph(INPUT, X, NODE, node("", "nothing", "x", "y"), OUTPUT, Y)), STATUS_MODEL, "no operator");
}

static void layers_have_names_of_their_own(void **state)
{
    (void)state;
    expect_graph(plain(graph(INPUT, X, NODE, node("Relu", "same", "x", "a"), NODE, node("Neg", "same", "a", "b"), NODE, node("Abs", "", "b", "c"),
                             NODE, node("Exp", NULL, "c", "d"), NODE, node("Log", "y", "d", "e"), NODE, node("Sqrt", NULL, "e", "y"), OUTPUT, Y)),
                 "Relu(%x) \"a\"", "Neg(%a) \"b\"", "Abs(%b) \"c\"", "Exp(%c) \"d\"", "Log(%d) \"y\"", "Sqrt(%e) \"y#2\"");
    char *longest = malloc(65537);
    memset(longest, 'n', 65536);
    longest[65536] = 0;
    expect_graph(plain(graph(INPUT, X, NODE, node("Relu", longest, "x", "y"), NODE, node("Relu", "quote\" */ \n?\?/\x80", "x", "z"), OUTPUT, Y)),
                 longest, "quote");
    expect_failure(plain(graph(INPUT, X, NODE, node("Wobble", "red\x1b[31m\nline", "x", "y"), OUTPUT, Y)), STATUS_UNSUPPORTED, "red\\x1b[31m\\nline");
    free(longest);
}

static void inputs_with_initialisers_are_constants(void **state)
{
    (void)state;
    expect_graph(plain(graph(INPUT, X, INPUT, value_info("w", FLOAT, "4"), INITIALIZER, tensor_floats("w", "4", "1,2,3,4"), NODE,
                             node("Add", "add", "x,w", "y"), OUTPUT, Y)),
                 "input %x : f32[1,4]\nconst %w : f32[4] = 1 2 3 4");
}

static void outputs_may_be_anything(void **state)
{
    (void)state;
    expect_graph(
        plain(graph(INPUT, X, INITIALIZER, tensor_floats("w", "1", "5"), OUTPUT, value_info("x", FLOAT, "1,4"), OUTPUT, value_info("w", FLOAT, "?"))),
        "output %x declared [1,4]", "output %w declared [?]");
}

static Bytes with_kind(int field, const char *name, int kind)
{
    Bytes type = {0}, message = {0};
    put_message(&type, kind, none);
    put_text(&message, 1, name);
    put_message(&message, 2, type);
    return graph(field, message, NODE, node("Identity", "", "x", "y"), OUTPUT, Y);
}

static void types_that_are_refused(void **state)
{
    (void)state;
    expect_failure(plain(with_kind(INPUT, "x", 4)), STATUS_UNSUPPORTED, "input 'x'", "a sequence");
    expect_failure(plain(with_kind(INPUT, "x", 5)), STATUS_UNSUPPORTED, "input 'x'", "a map");
    expect_failure(plain(with_kind(INPUT, "x", 9)), STATUS_UNSUPPORTED, "input 'x'", "an optional");
    expect_failure(plain(graph(INPUT, value_info("x", STRING, "1"), NODE, node("Identity", "", "x", "y"), OUTPUT, Y)), STATUS_UNSUPPORTED,
                   "input 'x'", "string");
    expect_failure(plain(graph(INPUT, value_info("x", FLOAT, NULL), NODE, node("Identity", "", "x", "y"), OUTPUT, Y)), STATUS_UNSUPPORTED,
                   "input 'x'", "number of dimensions");
    expect_failure(plain(graph(INPUT, value_info("x", FLOAT, "1,1,1,1,1,1,1,1,1"), NODE, node("Identity", "", "x", "y"), OUTPUT, Y)),
                   STATUS_UNSUPPORTED, "9 dimensions");
    expect_failure(plain(graph(INPUT, value_info("x", FLOAT, "1099511627776,1099511627776"), NODE, node("Identity", "", "x", "y"), OUTPUT, Y)),
                   STATUS_MODEL, "input 'x'", "too large");
    expect_graph(plain(graph(INPUT, value_info("x", FLOAT, ""), INPUT, value_info("z", FLOAT, "1,2,3,4,5,6,7,8"), NODE,
                             node("Identity", "", "x", "y"), OUTPUT, Y)),
                 "input %x : f32[]", "input %z : f32[1,2,3,4,5,6,7,8]");
}

static void versions(void **state)
{
    (void)state;
    expect_failure(model_of(28, graph(INPUT, X, NODE, node("Relu", "", "x", "y"), OUTPUT, Y), none), STATUS_UNSUPPORTED, "opset 28 is newer than 27");
    expect_graph(model_of(27, graph(INPUT, X, NODE, node("Relu", "", "x", "y"), OUTPUT, Y), none), "Relu");
    expect_graph(model_of(1, graph(INPUT, value_info("x", BOOLEAN, "1"), NODE, node("ai.onnx.Not", "", "x", "y"), OUTPUT, Y), none), "Not");
    Bytes future = model_of(17, graph(INPUT, X, OUTPUT, value_info("x", FLOAT, NULL)), none), silent = {0};
    put_number(&future, 1, 14);
    expect_failure(future, STATUS_UNSUPPORTED, "IR version 14");
    put_message(&silent, 7, graph(INPUT, X, NODE, node("Relu", "act", "x", "y"), OUTPUT, Y));
    expect_failure(silent, STATUS_MODEL, "act", "opset");
}

/* ---- dimensions ---- */

static Bytes sized(const char *dims)
{
    return plain(graph(INPUT, value_info("x", FLOAT, dims), INPUT, value_info("z", FLOAT, "N,width"), NODE, node("Relu", "", "x", "y"), OUTPUT,
                       value_info("y", FLOAT, dims)));
}

static void symbolic_dimensions(void **state)
{
    (void)state;
    NamedDimension named[] = {{"width", 7}, {"x:2", 5}, {"N", 3}};
    FrontendOptions width = {.dimensions = named, .dimension_count = 1}, two = {.dimensions = named, .dimension_count = 2};
    FrontendOptions all = {.dimensions = named, .dimension_count = 3}, batch = {.dimensions = named, .dimension_count = 1, .batch = 4};
    expect_graph_with(sized("N,3,width"), &width, "input %x : f32[1,3,7]", "input %z : f32[1,7]", "output %y declared [1,3,7]");
    expect_graph_with(sized("N,3,?"), &two, "input %x : f32[1,3,5]", "output %y declared [1,3,?]");
    expect_graph_with(sized("?,N,?"), &all, "input %x : f32[1,3,5]");
    expect_graph_with(sized("N,3,width"), &batch, "input %x : f32[4,3,7]", "input %z : f32[4,7]");
    expect_graph_with(sized("2,3,0"), &batch, "input %x : f32[2,3,0]", "input %z : f32[4,7]");
    expect_graph_with(sized("-1,3,4"), &width, "input %x : f32[1,3,4]");
}

static void dimensions_left_over(void **state)
{
    (void)state;
    expect_failure(sized("N,height,width,?"), STATUS_UNSUPPORTED, "3 dimensions have no size", "'height' (input 'x')", "'width' (input 'x', 'z')",
                   "'x:3'", "--dim height=SIZE --dim width=SIZE --dim x:3=SIZE");
    expect_failure(sized("height,N,width,4"), STATUS_UNSUPPORTED, "2 dimensions have no size", "'N' (input 'x', 'z')", "'width'");
    NamedDimension wrong[] = {{"width", 7}, {"heigth", 5}};
    FrontendOptions misspelt = {.dimensions = wrong, .dimension_count = 2};
    expect_failure_with(sized("N,height,3"), &misspelt, STATUS_USAGE, "--dim heigth", "did you mean 'height'?");
    NamedDimension contrary[] = {{"width", 7}, {"width", 8}}, negative[] = {{"width", -7}};
    expect_failure_with(sized("N,3"), (&(FrontendOptions){.dimensions = contrary, .dimension_count = 2}), STATUS_USAGE, "another size");
    expect_failure_with(sized("N,3"), (&(FrontendOptions){.dimensions = negative, .dimension_count = 1}), STATUS_USAGE, "negative");
    expect_failure_with(plain(graph(INPUT, X, OUTPUT, value_info("x", FLOAT, NULL))), (&(FrontendOptions){.batch = 8}), STATUS_USAGE, "--batch 8");
}

/* ---- functions ---- */

static Bytes calling(const char *call, Bytes definition, Bytes attribute_of_call)
{
    return model_of(17, graph(INPUT, X, NODE, node(call, "call", "x", "y", attribute_of_call), OUTPUT, Y), definition);
}

static void functions_are_inlined(void **state)
{
    (void)state;
    expect_graph(calling("own.Twice", function("own", "Twice", "v", "r", "", 17, node("Relu", "act", "v", "t"), node("Add", "", "t,v", "r")), none),
                 "%call/t : ? = Relu(%x) \"call/act\"\n%y : ? = Add(%call/t, %x) \"y\"");
    /* Its own opset: there Softmax had another default. */
    expect_graph(calling("own.Old", function("own", "Old", "v", "r", "", 11, node("Softmax", "s", "v", "r")), none),
                 "Softmax(%x) {axis=1, flatten=1} \"call/s\"");
    /* A function that gives its input back. */
    expect_graph(calling("own.Same", function("own", "Same", "v", "v", "", 17, node("Relu", "s", "v", "r")), none), "%y : ? = Identity(%x) \"y\"");
    /* An optional input that is left out. */
    expect_graph(calling("own.Bound", function("own", "Bound", "v,low,high", "r", "", 17, node("Clip", "c", "v,low,high", "r")), none),
                 "%y : ? = Clip(%x) \"call/c\"");
    /* Operators that we know are not replaced by somebody's body. */
    expect_graph(calling("Relu", function("", "Relu", "v", "r", "", 17, node("Neg", "n", "v", "r")), none), "%y : ? = Relu(%x)");
    expect_graph(calling("Fancy", function("ai.onnx", "Fancy", "v", "r", "", 17, node("Neg", "n", "v", "r")), none), "%y : ? = Neg(%x) \"call/n\"");
}

static Bytes function_with_default(void)
{
    Bytes definition = function("own", "Leaky", "v", "r", "slope", 17, node("LeakyRelu", "l", "v", "r", attribute_reference("alpha", "slope", 1)));
    put_message(&definition, 11, attribute_float("slope", 0.25f));
    return definition;
}

static void attributes_of_calls(void **state)
{
    (void)state;
    expect_graph(calling("own.Leaky", function_with_default(), attribute_float("slope", 0.5f)), "LeakyRelu(%x) {alpha=0.5}");
    expect_graph(calling("own.Leaky", function_with_default(), none), "LeakyRelu(%x) {alpha=0.25}");
    /* Left out altogether: the operator's own default holds. */
    expect_graph(calling("own.L",
                         function("own", "L", "v", "r", "slope", 17, node("LeakyRelu", "l", "v", "r", attribute_reference("alpha", "slope", 1))),
                         none),
                 "LeakyRelu(%x) {alpha=0.00999999977");
    expect_failure(plain(graph(INPUT, X, NODE, node("LeakyRelu", "l", "x", "y", attribute_reference("alpha", "slope", 1)), OUTPUT, Y)), STATUS_MODEL,
                   "refers to 'slope'");
}

/* Functions number 0 to `depth`, each calling the one before twice. */
static Bytes calling_top(int depth)
{
    Bytes model = {0}, import = {0};
    char name[32], callee[32];
    put_number(&import, 2, 17);
    put_message(&model, 8, import);
    put_message(&model, FUNCTIONS, function("own", "F0", "v", "r", "", 17, node("Relu", "", "v", "r")));
    for (int i = 1; i <= depth; i++) {
        snprintf(name, sizeof name, "F%d", i);
        snprintf(callee, sizeof callee, "own.F%d", i - 1);
        put_message(&model, FUNCTIONS, function("own", name, "v", "r", "", 17, node(callee, "a", "v", "t"), node(callee, "b", "t", "r")));
    }
    snprintf(callee, sizeof callee, "own.F%d", depth);
    put_message(&model, 7, graph(INPUT, X, NODE, node(callee, "deep", "x", "y"), OUTPUT, Y));
    return model;
}

/* A function with many defaults, the last of which is asked for, called again and again. */
static Bytes calling_often(int defaults, int calls)
{
    Bytes body = {0}, definition = function_with_default();
    char name[32], input[32] = "x";
    for (int i = 0; i < defaults; i++)
        put_message(&definition, 11, attribute_float("other", 1.0f));
    put_message(&definition, 11, attribute_float("last", 1.0f));
    put_message(&definition, 7, node("LeakyRelu", "m", "r", "s", attribute_reference("alpha", "last", 1)));
    for (int i = 0; i < calls; i++) {
        snprintf(name, sizeof name, "t%d", i);
        put_message(&body, NODE, node("own.Leaky", "", input, name));
        strcpy(input, name);
    }
    put_message(&body, NODE, node("Relu", "", input, "y"));
    put_message(&body, INPUT, X);
    put_message(&body, OUTPUT, Y);
    return model_of(17, body, definition);
}

static void functions_that_do_harm(void **state)
{
    (void)state;
    expect_failure(calling("own.Self", function("own", "Self", "v", "r", "", 17, node("own.Self", "again", "v", "r")), none), STATUS_MODEL,
                   "calls itself");
    expect_graph(calling_top(3), "\"deep/b/b/t\"");
    expect_failure(calling_top(40), STATUS_UNSUPPORTED, "more than 500000 nodes");
    expect_failure(calling_often(20000, 3000), STATUS_UNSUPPORTED, "called too often");
    expect_failure(calling("own.F", function("own", "F", "v", "r", "", 17, node("Relu", "", "w", "r")), none), STATUS_MODEL, "'w'");
    expect_failure(calling("own.F", function("own", "F", "v", "r", "", 17, node("Relu", "", "v", "s")), none), STATUS_MODEL, "'r'");
    expect_failure(calling("own.F", function("own", "F", "", "r", "", 17, node("Relu", "", "v", "r")), none), STATUS_MODEL,
                   "1 inputs, the function takes 0");
    expect_failure(calling("own.F", function("own", "F", "v,v", "r", "", 17, node("Relu", "", "v", "r")), none), STATUS_MODEL, "two inputs 'v'");
    expect_failure(calling("own.F", function("own", "F", "v", "r", "", 17, node("Wobble", "deep", "v", "r")), none), STATUS_UNSUPPORTED,
                   "node 'call/deep' (Wobble)");
    Bytes twice = calling("own.F", function("own", "F", "v", "r", "", 17, node("Relu", "", "v", "r")), none);
    put_message(&twice, FUNCTIONS, function("own", "F", "v", "r", "", 17, node("Neg", "", "v", "r")));
    expect_failure(twice, STATUS_MODEL, "function 'F' twice");
}

/* ---- If ---- */

static Bytes choosing(Bytes condition)
{
    Bytes yes = graph(NODE, node("Relu", "yes", "t", "b"), OUTPUT, value_info("b", FLOAT, NULL));
    Bytes no = graph(INITIALIZER, tensor_floats("c", "1", "5"), NODE, node("Add", "no", "t,c", "b"), OUTPUT, value_info("b", FLOAT, NULL));
    return plain(graph(INPUT, X, NODE, node("If", "choice", "k", "y", attribute_graph("then_branch", yes), attribute_graph("else_branch", no)),
                       NODE, node("Neg", "neg", "x", "t"), NODE, condition, OUTPUT, Y));
}

static Bytes truth(const char *value)
{
    return node("Constant", "", "", "k", attribute_tensor("value", tensor_raw("", BOOLEAN, "", value, 1)));
}

static Bytes branch(const char *name, const char *op, const char *output)
{
    return attribute_graph(name, graph(NODE, node(op, "", "x", output), OUTPUT, value_info(output, FLOAT, NULL)));
}

static void branches_of_known_conditions(void **state)
{
    (void)state;
    expect_graph(choosing(truth("\1")), "%t : ? = Neg(%x) \"neg\"\n%y : ? = Relu(%t) \"yes\"");
    expect_graph(choosing(truth("\0")), "const %c : f32[1] = 5", "%y : ? = Add(%t, %c) \"no\"");
    Bytes size = node("Size", "", "x", "s"), equal = node("Equal", "", "s,four", "k");
    Bytes through = node("If", "", "k", "y", attribute_graph("then_branch", graph(OUTPUT, value_info("x", FLOAT, NULL))),
                         branch("else_branch", "Relu", "b"));
    expect_graph(plain(graph(INPUT, X, INITIALIZER, tensor_ints("four", "", "4"), NODE, size, NODE, equal, NODE, through, OUTPUT, Y)),
                 "%y : ? = Identity(%x) \"y\"");
    /* The names within may be those of its own outputs. */
    Bytes same = node("If", "", "k", "y", branch("then_branch", "Relu", "y"), branch("else_branch", "Neg", "y"));
    expect_graph(plain(graph(INPUT, X, INITIALIZER, tensor_raw("k", BOOLEAN, "", "\1", 1), NODE, same, OUTPUT, Y)), "%y : ? = Relu(%x) \"y\"");
}

static void branches_that_are_refused(void **state)
{
    (void)state;
    expect_failure(choosing(node("IsNaN", "", "x", "k")), STATUS_UNSUPPORTED, "node 'choice' (If)", "condition");
    Bytes half = node("If", "choice", "k", "y", branch("then_branch", "Relu", "b"));
    expect_failure(plain(graph(INPUT, X, INITIALIZER, tensor_raw("k", BOOLEAN, "", "\0", 1), NODE, half, OUTPUT, Y)), STATUS_MODEL,
                   "'else_branch' is missing");
    Bytes nothing = attribute_graph("then_branch", graph(NODE, node("Relu", "", "x", "b")));
    Bytes empty = node("If", "choice", "k", "y", nothing);
    expect_failure(plain(graph(INPUT, X, INITIALIZER, tensor_raw("k", BOOLEAN, "", "\1", 1), NODE, empty, OUTPUT, Y)), STATUS_MODEL,
                   "1 outputs, its branch 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept_where_legal),
        cmocka_unit_test(structural_faults),
        cmocka_unit_test(unsupported_nodes_are_listed_at_once),
        cmocka_unit_test(layers_have_names_of_their_own),
        cmocka_unit_test(inputs_with_initialisers_are_constants),
        cmocka_unit_test(outputs_may_be_anything),
        cmocka_unit_test(types_that_are_refused),
        cmocka_unit_test(versions),
        cmocka_unit_test(symbolic_dimensions),
        cmocka_unit_test(dimensions_left_over),
        cmocka_unit_test(functions_are_inlined),
        cmocka_unit_test(attributes_of_calls),
        cmocka_unit_test(functions_that_do_harm),
        cmocka_unit_test(branches_of_known_conditions),
        cmocka_unit_test(branches_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
