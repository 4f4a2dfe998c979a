/* Reads the text of dump.c back: one statement a line. docs/graph-text.md describes the language. What is accepted has the right number of
   operands and defines values before they are read; types and shapes that do not fit are the inference's to find. */
#include "compiler/graph/lexer.h"

#include <string.h>

enum { MOST_OPERANDS = 4096, MOST_CHOICES = 64 };

typedef struct Parser {
    Lexer lexer;
    Graph *graph;
    Node *last;                  /* what "then" follows */
} Parser;

/* ---- values ---- */

static const char *value_name(Parser *parser)
{
    lexer_expect(&parser->lexer, "%");
    return lexer_name(&parser->lexer);
}

static const char *new_name(Parser *parser)
{
    const char *place = lexer_place(&parser->lexer), *name = value_name(parser);
    if (graph_value_named(parser->graph, name))
        lexer_fail(&parser->lexer, place, "there is already a value of this name");
    return name;
}

static Value *known_value(Parser *parser)
{
    const char *place = lexer_place(&parser->lexer);
    Value *value = graph_value_named(parser->graph, value_name(parser));
    if (!value)
        lexer_fail(&parser->lexer, place, "no value of this name is defined above");
    return value;
}

/* A shape; with `declared` also "?" for a dimension that is not known. */
static Shape parse_shape(Parser *parser, bool declared)
{
    Shape shape = {0};
    Lexer *lexer = &parser->lexer;
    lexer_expect(lexer, "[");
    if (lexer_accept(lexer, "]"))
        return shape;
    do {
        if (shape.rank == MAX_RANK)
            lexer_fail(lexer, lexer_place(lexer), "a shape has at most %d dimensions", MAX_RANK);
        shape.dims[shape.rank++] = declared && lexer_accept(lexer, "?") ? -1 : lexer_whole(lexer, 0, INT64_MAX);
    } while (lexer_accept(lexer, ","));
    lexer_expect(lexer, "]");
    return shape;
}

static Type type_word(Parser *parser)
{
    const char *place = lexer_place(&parser->lexer);
    Type type = type_named(lexer_identifier(&parser->lexer, "an element type, such as f32"));
    if (type == TYPE_UNKNOWN)
        lexer_fail(&parser->lexer, place, "expected an element type: f32 f64 f16 bf16 i8 i16 i32 i64 u8 u16 u32 u64 bool");
    return type;
}

/* ": f32[1,2]"; false for ": f32" and ": ?", whose shape is not known yet. */
static bool parse_type(Parser *parser, Type *type, Shape *shape)
{
    Lexer *lexer = &parser->lexer;
    lexer_expect(lexer, ":");
    if (lexer_accept(lexer, "?"))
        return false;
    *type = type_word(parser);
    if (!lexer_at(lexer, '['))
        return false;
    const char *place = lexer_place(lexer);
    *shape = parse_shape(parser, false);
    size_t bytes;
    if (!shape_bytes(shape, *type, &bytes))
        lexer_fail(lexer, place, "this shape has too many elements");
    return true;
}

static void parse_whole_type(Parser *parser, Type *type, Shape *shape)
{
    const char *place = lexer_place(&parser->lexer);
    if (!parse_type(parser, type, shape))
        lexer_fail(&parser->lexer, place, "expected a type and a shape, such as ': f32[1,3]'");
}

/* ---- elements ---- */

static void parse_element(Parser *parser, Type type, unsigned char *data)
{
    const TypeInfo *info = type_info(type);
    if (info->real) {
        double real = lexer_real(&parser->lexer);
        float single = (float)real;
        memcpy(data, type == TYPE_F32 ? (void *)&single : (void *)&real, (size_t)info->bytes);
    } else if (type == TYPE_U64) {
        uint64_t number = lexer_unsigned(&parser->lexer);
        memcpy(data, &number, sizeof number);
    } else {
        int bits = 8 * info->bytes - info->is_signed;
        int64_t most = bits == 63 ? INT64_MAX : ((int64_t)1 << bits) - 1;
        int64_t number = lexer_whole(&parser->lexer, info->is_signed ? -most - 1 : 0, most);
        memcpy(data, &number, (size_t)info->bytes);      /* little-endian: its low bytes */
    }
}

static void parse_list(Parser *parser, Type type, size_t count, unsigned char *data)
{
    for (size_t i = 0; i < count; i++) {
        if (lexer_line_end(&parser->lexer))
            lexer_fail(&parser->lexer, parser->lexer.at, "expected %zu elements, there are %zu", count, i);
        parse_element(parser, type, data + i * (size_t)type_info(type)->bytes);
    }
}

static void parse_repeated(Parser *parser, Type type, size_t count, unsigned char *data)
{
    unsigned char element[8] = {0};
    size_t size = (size_t)type_info(type)->bytes;
    parse_element(parser, type, element);
    for (size_t i = 0; i < count; i++)
        memcpy(data + i * size, element, size);
}

/* "all 0.5", "hex 0000803f...", or the elements one by one. An element of a list takes a character or more: a count that the text cannot hold is
   refused before there is memory for it; what "all" may fill is bounded for the same reason. */
static const void *parse_data(Parser *parser, Type type, size_t count)
{
    Lexer *lexer = &parser->lexer;
    size_t size = (size_t)type_info(type)->bytes;
    bool hex = lexer_accept_word(lexer, "hex"), all = !hex && lexer_accept_word(lexer, "all");
    const char *place = lexer_place(lexer);
    if (count * size > (all ? (size_t)1 << 30 : (size_t)(lexer->end - place) * 8))
        lexer_fail(lexer, place, "expected %zu elements", count);
    if (!hex && (type == TYPE_F16 || type == TYPE_BF16))
        lexer_fail(lexer, place, "elements of half precision are written as hex");
    unsigned char *data = arena_alloc(parser->graph->arena, count, size);
    if (hex)
        lexer_hex(lexer, data, count * size);
    else
        (all ? parse_repeated : parse_list)(parser, type, count, data);
    return data;
}

/* ---- attributes ---- */

static int64_t parse_int(Parser *parser, AttributeName name)
{
    const char *at = lexer_place(&parser->lexer);
    if (name == ATTR_to && at < parser->lexer.end && *at >= 'a' && *at <= 'z')
        return type_word(parser);
    return lexer_whole(&parser->lexer, INT64_MIN, INT64_MAX);
}

static void parse_numbers(Parser *parser, Node *node, AttributeName name)
{
    Lexer *lexer = &parser->lexer;
    bool list = lexer_accept(lexer, "["), real = attribute_kind(name) == KIND_REALS;
    int64_t *ints = NULL;
    double *reals = NULL;
    int count = 0, capacity = 0;
    if (!list || !lexer_accept(lexer, "]")) {
        do {
            if (real) {
                reals = arena_grow(parser->graph->arena, reals, &capacity, count, sizeof *reals);
                reals[count++] = lexer_real(lexer);
            } else {
                ints = arena_grow(parser->graph->arena, ints, &capacity, count, sizeof *ints);
                ints[count++] = parse_int(parser, name);
            }
        } while (list && lexer_accept(lexer, ","));
        if (list)
            lexer_expect(lexer, "]");
    }
    if (real)
        node_set_reals(parser->graph, node, name, reals, count);
    else
        node_set_ints(parser->graph, node, name, ints, count);
}

static AttributeName attribute_word(Parser *parser, const Node *node)
{
    const char *place = lexer_place(&parser->lexer), *word = lexer_identifier(&parser->lexer, "the name of an attribute");
    AttributeName name = attribute_named(word);
    if (name == ATTR_COUNT) {
        const char *names[ATTR_COUNT];
        for (int i = 0; i < ATTR_COUNT; i++)
            names[i] = attribute_text((AttributeName)i);
        const char *nearest = text_nearest(word, names, ATTR_COUNT);
        lexer_fail(&parser->lexer, place, nearest ? "no attribute has this name; did you mean %s?" : "no attribute has this name", nearest);
    }
    if (node_has(node, name))
        lexer_fail(&parser->lexer, place, "this attribute is there twice");
    return name;
}

static void parse_attributes(Parser *parser, Node *node)
{
    Lexer *lexer = &parser->lexer;
    if (!lexer_accept(lexer, "{") || lexer_accept(lexer, "}"))
        return;
    do {
        AttributeName name = attribute_word(parser, node);
        lexer_expect(lexer, "=");
        if (attribute_kind(name) == KIND_WORD)
            node_set_word(parser->graph, node, name, lexer_name(lexer));
        else
            parse_numbers(parser, node, name);
    } while (lexer_accept(lexer, ","));
    lexer_expect(lexer, "}");
}

/* ---- nodes ---- */

typedef struct Operands {
    Value **values;
    int count, capacity;
} Operands;

static void operand_add(Parser *parser, Operands *operands, Value *value)
{
    if (operands->count == MOST_OPERANDS)
        lexer_fail(&parser->lexer, parser->lexer.at, "more than %d operands or results", MOST_OPERANDS);
    operands->values = arena_grow(parser->graph->arena, operands->values, &operands->capacity, operands->count, sizeof(Value *));
    operands->values[operands->count++] = value;
}

static Op operator_word(Parser *parser)
{
    const char *place = lexer_place(&parser->lexer), *word = lexer_identifier(&parser->lexer, "an operator");
    Op op = op_named(word);
    if (op == OP_COUNT) {
        const char *names[OP_COUNT];
        for (int i = 0; i < OP_COUNT; i++)
            names[i] = op_info((Op)i)->name;
        const char *nearest = text_nearest(word, names, OP_COUNT);
        lexer_fail(&parser->lexer, place, nearest ? "no operator has this name; did you mean %s?" : "no operator has this name", nearest);
    }
    return op;
}

static void check_counts(Parser *parser, const char *place, Op op, const Operands *inputs, int output_count)
{
    const OpInfo *info = op_info(op);
    for (int i = 0; i < info->fewest_inputs; i++)
        if ((i >= inputs->count || !inputs->values[i]) && op_shape_operand(op, i) == ATTR_COUNT)
            lexer_fail(&parser->lexer, place, "%s needs operand %d", info->name, i);
    if (info->most_inputs >= 0 && inputs->count > info->most_inputs)
        lexer_fail(&parser->lexer, place, "%s takes at most %d operands, here are %d", info->name, info->most_inputs, inputs->count);
    if (info->most_outputs >= 0 && output_count > info->most_outputs)
        lexer_fail(&parser->lexer, place, "%s has at most %d results, here are %d", info->name, info->most_outputs, output_count);
}

static void parse_operands(Parser *parser, Operands *inputs)
{
    Lexer *lexer = &parser->lexer;
    if (!lexer_accept(lexer, "(") || lexer_accept(lexer, ")"))
        return;
    do
        operand_add(parser, inputs, lexer_accept(lexer, "_") ? NULL : known_value(parser));
    while (lexer_accept(lexer, ","));
    lexer_expect(lexer, ")");
}

static const char *node_name(Parser *parser)
{
    if (lexer_line_end(&parser->lexer))
        return NULL;
    const char *place = lexer_place(&parser->lexer), *name = lexer_quoted(&parser->lexer);
    if (graph_node_named(parser->graph, name))
        lexer_fail(&parser->lexer, place, "there is already a node of this name");
    return name;
}

/* OPERATOR(operands) {attributes} "name"; `inputs` holds the operands that come before those in the text. */
static Node *parse_call(Parser *parser, Operands *inputs, const Operands *outputs, bool detached)
{
    const char *place = lexer_place(&parser->lexer);
    Op op = operator_word(parser);
    parse_operands(parser, inputs);
    check_counts(parser, place, op, inputs, outputs->count);
    Node described = {0};
    parse_attributes(parser, &described);
    const char *name = node_name(parser);
    Node *node = (detached ? graph_detached : graph_add)(parser->graph, op, name, inputs->values, inputs->count, outputs->values, outputs->count);
    node->attributes = described.attributes;
    node->attribute_count = described.attribute_count;
    return node;
}

static void parse_results(Parser *parser, Operands *outputs)
{
    Lexer *lexer = &parser->lexer;
    if (!lexer_at(lexer, '%') && !lexer_at(lexer, '_'))
        lexer_fail(lexer, lexer_place(lexer), "expected input, const, output, assume, offer, then, or the results of a node");
    do {
        if (lexer_accept(lexer, "_")) {
            operand_add(parser, outputs, NULL);
            continue;
        }
        Value *value = graph_value(parser->graph, new_name(parser));
        operand_add(parser, outputs, value);
        if (lexer_at(lexer, ':'))
            value->known = parse_type(parser, &value->type, &value->shape);
    } while (lexer_accept(lexer, ","));
    lexer_expect(lexer, "=");
}

/* Its results have names before its operands are read: they must not be among these. */
static void parse_node(Parser *parser)
{
    Operands inputs = {0}, outputs = {0};
    int first = parser->graph->value_count;
    parse_results(parser, &outputs);
    const char *place = lexer_place(&parser->lexer);
    Node *node = parse_call(parser, &inputs, &outputs, false);
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] && node->inputs[i]->id >= first)
            lexer_fail(&parser->lexer, place, "a node reads its own result");
    parser->last = node;
}

/* ---- statements ---- */

static void parse_input(Parser *parser)
{
    const char *name = new_name(parser);
    Type type;
    Shape shape;
    parse_whole_type(parser, &type, &shape);
    graph_input(parser->graph, name, type, &shape);
}

static void parse_constant(Parser *parser)
{
    const char *name = new_name(parser);
    Type type;
    Shape shape;
    parse_whole_type(parser, &type, &shape);
    lexer_expect(&parser->lexer, "=");
    const void *data = parse_data(parser, type, (size_t)shape_count(&shape));
    graph_constant(parser->graph, name, type, &shape, data);
}

static void parse_output(Parser *parser)
{
    Value *value = known_value(parser);
    if (lexer_accept_word(&parser->lexer, "declared"))
        value->declared = parse_shape(parser, true);
    graph_output(parser->graph, value);
}

static void parse_assumption(Parser *parser)
{
    Graph *graph = parser->graph;
    const char *place = lexer_place(&parser->lexer);
    Value *value = known_value(parser);
    if (value->input_index < 0)
        lexer_fail(&parser->lexer, place, "only an input's value can be assumed");
    int64_t choices = lexer_whole(&parser->lexer, 1, MOST_CHOICES);
    size_t count;
    if (!checked_multiply((size_t)choices, (size_t)shape_count(&value->shape), &count) || count > SIZE_MAX / 16)
        lexer_fail(&parser->lexer, place, "too many elements");
    lexer_expect(&parser->lexer, "=");
    AssumedInput *more = arena_array(graph->arena, AssumedInput, graph->assumed_count + 1);
    if (graph->assumed_count)
        memcpy(more, graph->assumed, (size_t)graph->assumed_count * sizeof *more);
    more[graph->assumed_count++] = (AssumedInput){value, parse_data(parser, value->type, count), (int)choices};
    graph->assumed = more;
}

static Node **node_append(Graph *graph, Node *const *nodes, int count, Node *node)
{
    Node **more = arena_array(graph->arena, Node *, count + 1);
    if (count)
        memcpy(more, nodes, (size_t)count * sizeof *more);
    more[count] = node;
    return more;
}

/* "then Add(%other)": an operator that works element by element, fused behind the node above. */
static void parse_epilogue(Parser *parser)
{
    Node *host = parser->last;
    const char *place = lexer_place(&parser->lexer);
    if (!host || !host->outputs[0])
        lexer_fail(&parser->lexer, place, "there is no node above whose first result this could follow");
    Operands inputs = {0}, outputs = {.values = host->outputs, .count = 1};
    operand_add(parser, &inputs, host->outputs[0]);
    Node *node = parse_call(parser, &inputs, &outputs, true);
    if (op_info(node->op)->shape_class == CLASS_STRUCTURED && node->op != OP_Clip)
        lexer_fail(&parser->lexer, place, "%s cannot follow in the same place: it does not work element by element", op_info(node->op)->name);
    for (int i = 1; i < node->input_count; i++)
        for (int k = 0; k < host->output_count; k++)
            if (node->inputs[i] && node->inputs[i] == host->outputs[k])
                lexer_fail(&parser->lexer, place, "a node reads its own result");
    host->epilogue = node_append(parser->graph, host->epilogue, host->epilogue_count++, node);
}

static Node *known_node(Parser *parser)
{
    const char *place = lexer_place(&parser->lexer);
    Node *node = graph_node_named(parser->graph, lexer_quoted(&parser->lexer));
    if (!node || node->id < 0)
        lexer_fail(&parser->lexer, place, "no node of this name is defined above");
    return node;
}

static void parse_offer(Parser *parser)
{
    const char *place = lexer_place(&parser->lexer);
    Node *addition = known_node(parser);
    if (addition->op != OP_Add)
        lexer_fail(&parser->lexer, place, "only an Add can be offered");
    lexer_expect(&parser->lexer, "to");
    Node *host = known_node(parser);
    host->residual_offers = node_append(parser->graph, host->residual_offers, host->residual_offer_count++, addition);
}

static void parse_graph(Parser *parser)
{
    Lexer *lexer = &parser->lexer;
    if (!lexer_accept_word(lexer, "graph"))
        lexer_fail(lexer, lexer_place(lexer), "expected 'graph' and the graph's name in quotes");
    parser->graph = graph_new(lexer->ctx, lexer_quoted(lexer));
    if (!lexer_accept_word(lexer, "sha256"))
        return;
    const char *place = lexer_place(lexer), *digits = lexer_identifier(lexer, "a hash");
    if (strspn(digits, "0123456789abcdef") != 64 || digits[64])
        lexer_fail(lexer, place, "expected the 64 hexadecimal digits of a hash");
    memcpy(parser->graph->sha256, digits, 65);
}

static const struct { const char *word; void (*parse)(Parser *); } statements[] = {
    {"input", parse_input}, {"const", parse_constant}, {"output", parse_output},
    {"assume", parse_assumption}, {"offer", parse_offer}, {"then", parse_epilogue},
};

static void parse_statement(Parser *parser)
{
    for (int i = 0; i < COUNT(statements); i++)
        if (lexer_accept_word(&parser->lexer, statements[i].word)) {
            statements[i].parse(parser);
            return;
        }
    parse_node(parser);
}

Graph *graph_parse(Context *ctx, const char *text, size_t length)
{
    Parser parser = {.lexer = {.ctx = ctx, .text = text, .at = text, .end = text + length}};
    Lexer *lexer = &parser.lexer;
    while (lexer_line_end(lexer) && lexer->at < lexer->end)
        lexer->at++;
    parse_graph(&parser);
    while (lexer->at < lexer->end) {
        if (!lexer_line_end(lexer))
            parse_statement(&parser);
        if (!lexer_line_end(lexer))
            lexer_fail(lexer, lexer->at, "expected the end of the line");
        lexer->at += lexer->at < lexer->end;
    }
    graph_index(parser.graph);
    return parser.graph;
}
