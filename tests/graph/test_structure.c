/* Building and editing graphs. */
#include "captured.h"

#include <string.h>

#include "compiler/graph/graph.h"

static const Shape four = {.rank = 1, .dims = {4}};

static Node *add(Graph *graph, Op op, const char *name, Value *a, Value *b, Value *out)
{
    return graph_add(graph, op, name, (Value *[]){a, b}, 2, &out, 1);
}

static Status name_things(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "g");
    char name[] = "x";
    Value *x = graph_input(graph, name, TYPE_F32, &four);
    name[0] = 'y';
    assert_string_equal(x->name, "x");
    Value *fresh[100];
    for (int i = 0; i < COUNT(fresh); i++) {
        fresh[i] = graph_value(graph, NULL);
        assert_int_equal(fresh[i]->id, i + 1);
        assert_ptr_equal(graph_value_named(graph, fresh[i]->name), fresh[i]);
    }
    Node *first = add(graph, OP_Relu, NULL, x, NULL, fresh[0]);
    assert_string_equal(first->name, fresh[0]->name);
    assert_int_equal(first->input_count, 1);
    Node *second = graph_add(graph, OP_Relu, first->name[0] ? "named" : NULL, &x, 1, (Value *[]){NULL, fresh[1]}, 2);
    assert_ptr_equal(graph_node_named(graph, "named"), second);
    Node *third = graph_detached(graph, OP_Relu, NULL, &x, 1, &fresh[0], 1);
    assert_string_not_equal(third->name, first->name);
    assert_null(graph_value_named(graph, "nobody"));
    assert_null(graph_node_named(graph, "x"));
    return STATUS_FINE;
}

static void names_are_copied_unique_and_found(void **state)
{
    (void)state;
    assert_int_equal(captured(name_things, NULL), STATUS_FINE);
}

static Status index_graph(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "g");
    Value *x = graph_input(graph, "x", TYPE_F32, &four), *v[2] = {graph_value(graph, "a"), graph_value(graph, "b")};
    Node *a = graph_add(graph, OP_Relu, "a", &x, 1, &v[0], 1);
    Node *b = graph_add(graph, OP_Add, "b", (Value *[]){v[0], v[0]}, 2, &v[1], 1);
    assert_true(v[0]->producer == a && v[1]->producer == b);
    graph_output(graph, v[1]);
    graph_output(graph, v[1]);
    assert_true(graph->output_count == 2 && v[1]->output_index == 0);
    graph->nodes[0] = b;
    graph->nodes[1] = a;
    graph_index(graph);
    assert_true(b->id == 0 && a->id == 1);
    assert_true(v[0]->user_count == 1 && v[0]->users[0] == b);
    assert_true(x->user_count == 1 && v[1]->user_count == 0);
    return STATUS_FINE;
}

static void nodes_are_added_and_indexed(void **state)
{
    (void)state;
    assert_int_equal(captured(index_graph, NULL), STATUS_FINE);
}

static Status use_in_epilogue(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "g");
    Value *x = graph_input(graph, "x", TYPE_F32, &four), *z = graph_input(graph, "z", TYPE_F32, &four), *y = graph_value(graph, "y");
    Node *host = graph_add(graph, OP_Relu, "host", &x, 1, &y, 1);
    Node *behind = graph_detached(graph, OP_Add, "behind", (Value *[]){y, z}, 2, &y, 1);
    host->epilogue = &behind;
    host->epilogue_count = 1;
    graph_index(graph);
    assert_true(z->user_count == 1 && z->users[0] == host);
    assert_int_equal(y->user_count, 0);
    behind->inputs[1] = x;
    graph_index(graph);
    assert_true(x->user_count == 1 && x->users[0] == host && z->user_count == 0);
    graph_verify(graph, "this test");
    return STATUS_FINE;
}

static void epilogues_count_as_users_once(void **state)
{
    (void)state;
    assert_int_equal(captured(use_in_epilogue, NULL), STATUS_FINE);
}

static Status set_attributes(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "g");
    Value *x = graph_input(graph, "x", TYPE_F32, &four);
    Node *node = graph_detached(graph, OP_Conv, "c", &x, 1, &x, 1);
    int count = 9;
    assert_true(node_int(node, ATTR_group, 7) == 7 && node_real(node, ATTR_alpha, 0.5) == 0.5 && !node_has(node, ATTR_group));
    assert_true(node_ints(node, ATTR_pads, &count) == NULL && count == 0);
    assert_string_equal(node_word(node, ATTR_mode, "edge"), "edge");
    int64_t pads[] = {1, 2};
    node_set_ints(graph, node, ATTR_pads, pads, 2);
    node_set_real(graph, node, ATTR_alpha, 0.25);
    node_set_word(graph, node, ATTR_mode, "wrap");
    pads[0] = 3;
    assert_true(node_ints(node, ATTR_pads, &count)[0] == 1 && count == 2);
    node_set_int(graph, node, ATTR_pads, 5);
    assert_true(node_ints(node, ATTR_pads, &count)[0] == 5 && count == 1 && node->attribute_count == 3);
    node_unset(node, ATTR_pads);
    assert_true(!node_has(node, ATTR_pads) && node_real(node, ATTR_alpha, 0) == 0.25 && node->attribute_count == 2);
    assert_string_equal(node_word(node, ATTR_mode, NULL), "wrap");
    node_set_reals(graph, node, ATTR_roi, NULL, 0);
    assert_true(node_has(node, ATTR_roi) && (node_reals(node, ATTR_roi, &count), count == 0));
    return STATUS_FINE;
}

static void attributes_are_copied_replaced_and_removed(void **state)
{
    (void)state;
    assert_int_equal(captured(set_attributes, NULL), STATUS_FINE);
}

static Status measure_shapes(Context *ctx, void *argument)
{
    (void)argument;
    Shape shape = {.rank = 3, .dims = {2, 3, 4}}, scalar = {0}, huge = {.rank = 2, .dims = {1ll << 40, 1ll << 40}};
    Shape none = {.rank = 3, .dims = {1ll << 40, 0, 1ll << 40}}, open = {.rank = 2, .dims = {2, -1}};
    size_t bytes = 0;
    int64_t strides[MAX_RANK];
    assert_true(shape_count(&shape) == 24 && shape_count(&scalar) == 1);
    assert_true(shape_bytes(&shape, TYPE_F64, &bytes) && bytes == 192);
    assert_true(shape_bytes(&scalar, TYPE_BOOL, &bytes) && bytes == 1);
    assert_false(shape_bytes(&huge, TYPE_U8, &bytes));
    assert_false(shape_bytes(&none, TYPE_U8, &bytes));
    assert_false(shape_bytes(&open, TYPE_U8, &bytes));
    shape_strides(&shape, strides);
    assert_true(strides[0] == 12 && strides[1] == 4 && strides[2] == 1);
    assert_true(shape_equal(&shape, &shape) && !shape_equal(&shape, &open) && !shape_equal(&scalar, &shape));
    assert_string_equal(shape_text(ctx->graph, &shape), "[2,3,4]");
    assert_string_equal(shape_text(ctx->graph, &scalar), "[]");
    return STATUS_FINE;
}

static void shapes_are_measured_with_care(void **state)
{
    (void)state;
    assert_int_equal(captured(measure_shapes, NULL), STATUS_FINE);
}

static Status build_many(Context *ctx, void *argument)
{
    (void)argument;
    Graph *graph = graph_new(ctx, "g");
    Value *last = graph_input(graph, "x", TYPE_F32, &four);
    for (int i = 0; i < 200000; i++) {
        Value *next = graph_value(graph, i % 2 ? NULL : arena_format(ctx->scratch, "layer %d", i));
        graph_add(graph, OP_Relu, NULL, &last, 1, &next, 1);
        last = next;
    }
    graph_output(graph, last);
    graph_index(graph);
    graph_verify(graph, "this test");
    assert_int_equal(graph_node_named(graph, "layer 199998")->id, 199998);
    return STATUS_FINE;
}

/* Quadratic work would take minutes here. */
static void large_graphs_are_built_and_checked_quickly(void **state)
{
    (void)state;
    assert_int_equal(captured(build_many, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_copied_unique_and_found),
        cmocka_unit_test(nodes_are_added_and_indexed),
        cmocka_unit_test(epilogues_count_as_users_once),
        cmocka_unit_test(attributes_are_copied_replaced_and_removed),
        cmocka_unit_test(shapes_are_measured_with_care),
        cmocka_unit_test(large_graphs_are_built_and_checked_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
