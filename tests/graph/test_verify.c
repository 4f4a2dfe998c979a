/* Every invariant of graph.h, broken once: verify names the pass, the node and what is wrong. */
#include "captured.h"

#include <string.h>

#include "compiler/graph/graph.h"

#define SOUND \
    "graph \"g\"\n" \
    "input %x : f32[2,2]\n" \
    "input %z : f32[2,2]\n" \
    "const %c : f32[] = 1\n" \
    "%a : f32[2,2] = Relu(%x) \"a\"\n" \
    "%b : f32[2,2] = Elu(%a) {alpha=1} \"b\"\n" \
    "  then Add(%x) \"b+\"\n" \
    "  then Clip(%c) \"b|\"\n" \
    "%d : f32[2,2] = Add(%b, %a) \"d\"\n" \
    "offer \"d\" to \"b\"\n" \
    "output %d\n"

typedef struct Sound {
    Graph *graph;
    Node *a, *b, *d;
    Value *x, *z, *va, *vb, *vd, *c;
} Sound;

typedef void Break(Sound *sound);

static Status verify_broken(Context *ctx, void *argument)
{
    Graph *graph = graph_parse(ctx, SOUND, strlen(SOUND));
    Sound sound = {graph, graph->nodes[0], graph->nodes[1], graph->nodes[2],
                   graph_value_named(graph, "x"), graph_value_named(graph, "z"), graph_value_named(graph, "a"),
                   graph_value_named(graph, "b"), graph_value_named(graph, "d"), graph_value_named(graph, "c")};
    (*(Break *const *)argument)(&sound);
    graph_verify(graph, "shuffle");
    return STATUS_FINE;
}

#define BREAK(name, ...) static void name(Sound *s) { Graph *g = s->graph; (void)g; __VA_ARGS__; }
BREAK(nothing, (void)s)
BREAK(wrong_id, s->va->id = 7)
BREAK(no_type, s->va->type = TYPE_UNKNOWN)
BREAK(negative_dimension, s->va->shape.dims[0] = -1)
BREAK(absurd_rank, s->va->shape.rank = 9)
BREAK(constant_and_result, s->va->data = "")
BREAK(input_and_result, s->x->producer = s->a)
BREAK(unknown_constant, s->c->known = false)
BREAK(lost_input, s->z->input_index = -1)
BREAK(swapped_inputs, g->inputs[0] = s->z; g->inputs[1] = s->x)
BREAK(output_not_made, s->vd->producer = NULL; g->node_count = 2; s->b->residual_offer_count = 0)
BREAK(output_not_marked, s->vd->output_index = -1)
BREAK(output_misnumbered, s->va->output_index = 0)
BREAK(wrong_order, Node *t = g->nodes[0]; g->nodes[0] = g->nodes[1]; g->nodes[1] = t)
BREAK(cycle, s->a->inputs[0] = s->vd)
BREAK(reads_nothing, s->va->producer = NULL; g->nodes++; g->node_count = 2)
BREAK(reads_foreign, static Value foreign = {.id = 2}; s->b->inputs[0] = &foreign)
BREAK(made_twice, s->b->outputs[0] = s->va; s->b->epilogue_count = s->b->residual_offer_count = 0)
BREAK(wrong_producer, s->va->producer = s->b)
BREAK(gone_producer, g->nodes++; g->node_count = 2; s->b->inputs[0] = s->x; s->d->inputs[1] = s->x)
BREAK(missing_operand, s->d->input_count = 1)
BREAK(absent_operand, s->d->inputs[0] = NULL)
BREAK(too_many_operands, static Value *three[3]; three[0] = three[1] = three[2] = s->x; s->d->inputs = three; s->d->input_count = 3)
BREAK(absent_last, static Value *two[2]; two[0] = s->x; s->a->op = OP_Clip; s->a->inputs = two; s->a->input_count = 2)
BREAK(no_result, s->d->output_count = 0)
BREAK(null_node, g->nodes[1] = NULL)
BREAK(bad_attribute, s->b->attributes[0].name = ATTR_COUNT)
BREAK(valueless_attribute, s->b->attributes[0].reals = NULL)
BREAK(attribute_twice, node_set_int(g, s->b, ATTR_group, 1); s->b->attributes[1].name = ATTR_alpha)
BREAK(structured_epilogue, s->b->epilogue[0]->op = OP_Softmax)
BREAK(bool_epilogue, s->b->epilogue[0]->op = OP_Less)
BREAK(epilogue_elsewhere, s->b->epilogue[0]->inputs[0] = s->x)
BREAK(epilogue_operand_missing, s->b->epilogue[0]->input_count = 1)
BREAK(epilogue_operand_shape, s->x->shape.dims[0] = 3; s->a->inputs[0] = s->z)
BREAK(epilogue_operand_type, s->c->type = TYPE_I32)
BREAK(epilogue_reads_later, s->b->epilogue[0]->inputs[1] = s->vd)
BREAK(epilogue_reads_itself, s->b->epilogue[0]->inputs[1] = s->vb)
BREAK(epilogue_nested, s->b->epilogue[0]->epilogue_count = 1)
BREAK(offer_no_addition, s->d->op = OP_Mul)
BREAK(offer_gone, s->vd->producer = NULL; g->node_count = 2; g->output_count = 0; s->vd->output_index = -1)
BREAK(offer_elsewhere, s->d->inputs[0] = s->x)
BREAK(values_same_name, s->va->name = "x")
BREAK(nodes_same_name, s->a->name = "b+")
BREAK(bad_assumption, static AssumedInput one; one.input = s->va; one.choices = 1; one.expected = ""; g->assumed = &one; g->assumed_count = 1)

static const struct { Break *breaks; const char *node, *words; } broken[] = {
    {wrong_id, "", "value 3 carries the number 7"},
    {no_type, "node 'a' (Relu)", "value 'a' has no type"},
    {negative_dimension, "node 'a'", "without a size"},
    {absurd_rank, "node 'a'", "the rank 9"},
    {constant_and_result, "node 'a'", "more than one of constant, input and result"},
    {input_and_result, "node 'a'", "more than one of"},
    {unknown_constant, "", "constant 'c' has no shape"},
    {lost_input, "", "input 1 is lost"},
    {swapped_inputs, "", "takes itself for input 0"},
    {output_not_made, "", "output 0 is not computed"},
    {output_not_marked, "", "output 0, 'd', carries the number -1"},
    {output_misnumbered, "node 'a'", "takes itself for output 0"},
    {wrong_order, "node 'b'", "before that is computed by node 'a'"},
    {cycle, "node 'a'", "a cycle"},
    {reads_nothing, "node 'b'", "which nothing computes"},
    {reads_foreign, "node 'b'", "not in the graph"},
    {made_twice, "node 'b'", "computed twice"},
    {wrong_producer, "node 'a'", "does not know it as its producer"},
    {gone_producer, "", "a producer that is not in the graph"},
    {missing_operand, "node 'd'", "operand 1 is missing"},
    {absent_operand, "node 'd'", "operand 0 is missing"},
    {too_many_operands, "node 'd'", "3 operands, at most 2"},
    {absent_last, "node 'a'", "absent, but counted"},
    {no_result, "node 'd'", "0 results"},
    {null_node, "", "node 1 is missing"},
    {bad_attribute, "node 'b'", "attribute 0 is malformed"},
    {valueless_attribute, "node 'b'", "alpha has no value"},
    {attribute_twice, "node 'b'", "alpha is there twice"},
    {structured_epilogue, "node 'b'", "epilogue Softmax cannot work in place"},
    {bool_epilogue, "node 'b'", "epilogue Less cannot work in place"},
    {epilogue_elsewhere, "node 'b'", "epilogue Add does not work on its result"},
    {epilogue_operand_missing, "node 'b+'", "operand 1 is missing"},
    {epilogue_operand_shape, "node 'b'", "operand 'x' of its epilogue Add has another"},
    {epilogue_operand_type, "node 'b'", "operand 'c' of its epilogue Clip has another"},
    {epilogue_reads_later, "node 'b'", "before that is computed"},
    {epilogue_reads_itself, "node 'b'", "before that is computed"},
    {epilogue_nested, "node 'b'", "of its own"},
    {offer_no_addition, "node 'b'", "no addition of this graph"},
    {offer_gone, "node 'b'", "no addition of this graph"},
    {offer_elsewhere, "node 'b'", "does not read its result"},
    {values_same_name, "", "two values are called 'x'"},
    {nodes_same_name, "", "two nodes are called 'b+'"},
    {bad_assumption, "", "assumption 0 is malformed"},
};

static void sound_graphs_pass(void **state)
{
    (void)state;
    Break *breaks = nothing;
    assert_int_equal(captured(verify_broken, &breaks), STATUS_FINE);
    assert_string_equal(said, "");
}

static void every_broken_invariant_is_named(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(broken); i++) {
        Break *breaks = broken[i].breaks;
        assert_int_equal(captured(verify_broken, &breaks), STATUS_INTERNAL);
        assert_said("after shuffle: ");
        assert_said(broken[i].node);
        assert_said(broken[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_graphs_pass),
        cmocka_unit_test(every_broken_invariant_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
