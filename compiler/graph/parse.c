/* Reads the text of dump.c back: recursive descent, one statement a line. docs/graph-text.md describes the language. */
#include "compiler/graph/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST_OPERANDS 4096
#define LONGEST_NUMBER 64

typedef struct NamedValue { const char *name; Value *value; } NamedValue;

typedef struct Parser {
    Context *ctx;
    Graph *graph;
    const char *text, *at, *end;
    NamedValue *slots;           /* open addressing by name */
    int slot_capacity, slot_count;
} Parser;

/* ---- errors: line, column and a caret ---- */

static _Noreturn void parse_fail(const Parser *parser, const char *expected)
{
    const char *line = parser->text, *end;
    int number = 1;
    for (const char *c = parser->text; c < parser->at; c++)
        if (*c == '\n') {
            line = c + 1;
            number++;
        }
    for (end = line; end < parser->end && *end != '\n' && end - line < 100;)
        end++;
    int column = (int)(parser->at - line);
    const char *shown = text_quote(parser->ctx->graph, line, (size_t)(end - line));
    const char *hint = column < 100 ? arena_format(parser->ctx->graph, "%s\n        %*s^", shown, column, "") : shown;
    fail(parser->ctx, STATUS_MODEL, arena_format(parser->ctx->graph, "line %d, column %d", number, column + 1), hint, "expected %s", expected);
}

/* ---- words ---- */

static void skip_blanks(Parser *parser)
{
    while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\r'))
        parser->at++;
    if (parser->at < parser->end && *parser->at == '#')
        while (parser->at < parser->end && *parser->at != '\n')
            parser->at++;
}

static bool at_line_end(Parser *parser)
{
    skip_blanks(parser);
    return parser->at >= parser->end || *parser->at == '\n';
}

static bool accept(Parser *parser, const char *word)
{
    skip_blanks(parser);
    size_t length = strlen(word);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
        return false;
    parser->at += length;
    return true;
}

static void expect(Parser *parser, const char *word)
{
    if (!accept(parser, word))
        parse_fail(parser, arena_format(parser->ctx->graph, "'%s'", word));
}

static void expect_line_end(Parser *parser)
{
    if (!at_line_end(parser))
        parse_fail(parser, "the end of the line");
}

/* A run of characters from `set`, as a string; empty if there is none. */
static const char *take(Parser *parser, const char *set)
{
    skip_blanks(parser);
    const char *start = parser->at;
    while (parser->at < parser->end && *parser->at && strchr(set, *parser->at))
        parser->at++;
    return arena_string(parser->ctx->graph, start, (size_t)(parser->at - start));
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define IDENTIFIER LETTERS "0123456789_"

static int hex_digit(const Parser *parser, const char *at)
{
    char c = at < parser->end ? *at : 0;
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *quoted(Parser *parser)
{
    expect(parser, "\"");
    Text text = text_new(parser->ctx->graph);
    for (; parser->at < parser->end && *parser->at != '"' && *parser->at != '\n'; parser->at++) {
        char c = *parser->at;
        if (c == '\\') {
            int high = hex_digit(parser, parser->at + 2), low = high < 0 ? -1 : hex_digit(parser, parser->at + 3);
            if (low < 0 || parser->at[1] != 'x' || high + low == 0)
                parse_fail(parser, "\\x and two hexadecimal digits, not 00");
            c = (char)(high * 16 + low);
            parser->at += 3;
        }
        text_add_bytes(&text, &c, 1);
    }
    expect(parser, "\"");
    return text.data;
}

static int64_t whole_number(Parser *parser)
{
    const char *start = parser->at;
    const char *digits = take(parser, "-0123456789");
    char *end;
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (!*digits || *end || errno) {
        parser->at = start;
        parse_fail(parser, "a whole number");
    }
    return number;
}

static double real_number(Parser *parser)
{
    const char *start = parser->at;
    const char *digits = take(parser, "+-.0123456789abcdefghijklmnopqrstuvwxyz");
    char *end;
    double number = strtod(digits, &end);
    if (!*digits || *end || strlen(digits) > LONGEST_NUMBER) {
        parser->at = start;
        parse_fail(parser, "a number");
    }
    return number;
}

/* ---- values ---- */

static NamedValue *value_slot(const Parser *parser, const char *name)
{
    uint32_t hash = 5381;
    for (const char *c = name; *c; c++)
        hash = hash * 33 ^ (unsigned char)*c;
    uint32_t mask = (uint32_t)parser->slot_capacity - 1;
    for (uint32_t i = hash & mask;; i = (i + 1) & mask)
        if (!parser->slots[i].name || strcmp(parser->slots[i].name, name) == 0)
            return &parser->slots[i];
}

static void remember(Parser *parser, Value *value)
{
    if (2 * (parser->slot_count + 1) > parser->slot_capacity) {
        NamedValue *old = parser->slots;
        int count = parser->slot_capacity;
        parser->slot_capacity = count ? 2 * count : 64;
        parser->slots = arena_array(parser->ctx->graph, NamedValue, parser->slot_capacity);
        for (int i = 0; i < count; i++)
            if (old[i].name)
                *value_slot(parser, old[i].name) = old[i];
    }
    *value_slot(parser, value->name) = (NamedValue){value->name, value};
    parser->slot_count++;
}

static Value *lookup(const Parser *parser, const char *name)
{
    return parser->slot_capacity ? value_slot(parser, name)->value : NULL;
}

/* %name or %"name" */
static const char *value_name(Parser *parser)
{
    expect(parser, "%");
    if (parser->at < parser->end && *parser->at == '"')
        return quoted(parser);
    const char *name = take(parser, IDENTIFIER ".:/-");
    if (!*name)
        parse_fail(parser, "a name");
    return name;
}

static const char *new_name(Parser *parser)
{
    const char *start = parser->at;
    const char *name = value_name(parser);
    if (lookup(parser, name)) {
        parser->at = start;
        parse_fail(parser, "a name that is not yet taken");
    }
    return name;
}

static Value *known_value(Parser *parser)
{
    const char *start = parser->at;
    Value *value = lookup(parser, value_name(parser));
    if (!value) {
        parser->at = start;
        parse_fail(parser, "a value that is defined above");
    }
    return value;
}

static Shape parse_shape(Parser *parser, bool unknown_allowed)
{
    Shape shape = {0};
    expect(parser, "[");
    if (accept(parser, "]"))
        return shape;
    do {
        if (shape.rank == MAX_RANK)
            parse_fail(parser, "at most 8 dimensions");
        if (unknown_allowed && accept(parser, "?"))
            shape.dims[shape.rank++] = -1;
        else if ((shape.dims[shape.rank++] = whole_number(parser)) < 0)
            parse_fail(parser, "a dimension of zero or more");
    } while (accept(parser, ","));
    expect(parser, "]");
    return shape;
}

/* ": f32[1,2]"; false for ": ?" */
static bool parse_type(Parser *parser, Type *type, Shape *shape)
{
    expect(parser, ":");
    if (accept(parser, "?"))
        return false;
    const char *start = parser->at;
    *type = type_named(take(parser, IDENTIFIER));
    if (*type == TYPE_UNKNOWN) {
        parser->at = start;
        parse_fail(parser, "an element type such as f32, i64 or bool");
    }
    *shape = parse_shape(parser, false);
    size_t bytes;
    if (!shape_bytes(shape, *type, &bytes))
        parse_fail(parser, "a shape whose size can be counted");
    return true;
}

/* ---- data ---- */

static void parse_hex(Parser *parser, unsigned char *data, size_t bytes)
{
    skip_blanks(parser);
    for (size_t i = 0; i < bytes; i++, parser->at += 2) {
        int high = hex_digit(parser, parser->at), low = hex_digit(parser, parser->at + 1);
        if (high < 0 || low < 0)
            parse_fail(parser, "two hexadecimal digits a byte, as many bytes as the shape holds");
        data[i] = (unsigned char)(high * 16 + low);
    }
}

static void parse_element(Parser *parser, Type type, char *data)
{
    if (type == TYPE_F32) {
        float number = (float)real_number(parser);
        memcpy(data, &number, sizeof number);
    } else if (type == TYPE_F64) {
        double number = real_number(parser);
        memcpy(data, &number, sizeof number);
    } else if (type == TYPE_U64) {
        uint64_t number = strtoull(take(parser, "0123456789"), NULL, 10);
        memcpy(data, &number, sizeof number);
    } else {
        int64_t number = whole_number(parser);    /* little-endian: its low bytes */
        memcpy(data, &number, (size_t)type_info(type)->bytes);
    }
}

static const void *parse_data(Parser *parser, Type type, int64_t count)
{
    int size = type_info(type)->bytes;
    bool hex = accept(parser, "hex");
    /* Each element takes a character or more: refuse sizes that the text cannot hold before making room for them. */
    if (count > parser->end - parser->at || (count * size) / 8 > parser->end - parser->at)
        parse_fail(parser, "as many elements as the shape holds");
    char *data = arena_alloc(parser->ctx->graph, (size_t)count, (size_t)size);
    if (hex)
        parse_hex(parser, (unsigned char *)data, (size_t)(count * size));
    for (int64_t i = 0; !hex && i < count; i++) {
        if (at_line_end(parser) || ((type == TYPE_F16 || type == TYPE_BF16)))
            parse_fail(parser, "as many elements as the shape holds (half precision as hex)");
        parse_element(parser, type, data + i * size);
    }
    return data;
}

/* ---- nodes ---- */

static void parse_ints(Parser *parser, Node *node, AttributeName name, bool list)
{
    int64_t values[MOST_OPERANDS];
    int count = 0;
    if (!list || !accept(parser, "]")) {
        do {
            if (count == MOST_OPERANDS)
                parse_fail(parser, "a shorter list");
            values[count++] = whole_number(parser);
        } while (list && accept(parser, ","));
        if (list)
            expect(parser, "]");
    }
    node_set_ints(parser->graph, node, name, values, count);
}

static void parse_reals(Parser *parser, Node *node, AttributeName name, bool list)
{
    double values[MOST_OPERANDS];
    int count = 0;
    if (!list || !accept(parser, "]")) {
        do {
            if (count == MOST_OPERANDS)
                parse_fail(parser, "a shorter list");
            values[count++] = real_number(parser);
        } while (list && accept(parser, ","));
        if (list)
            expect(parser, "]");
    }
    node_set_reals(parser->graph, node, name, values, count);
}

static void parse_attributes(Parser *parser, Node *node)
{
    if (!accept(parser, "{") || accept(parser, "}"))
        return;
    do {
        const char *start = parser->at;
        AttributeName name = attribute_named(take(parser, IDENTIFIER));
        if (name == ATTR_COUNT) {
            parser->at = start;
            parse_fail(parser, "the name of an attribute (compiler/graph/ops.h lists them)");
        }
        expect(parser, "=");
        AttributeKind kind = attribute_kind(name);
        if (kind == KIND_WORD)
            node_set_word(parser->graph, node, name, quoted(parser));
        else if (kind == KIND_INTS)
            parse_ints(parser, node, name, accept(parser, "["));
        else
            parse_reals(parser, node, name, accept(parser, "["));
    } while (accept(parser, ","));
    expect(parser, "}");
}

static Node *node_called(const Graph *graph, const char *name)
{
    for (int i = 0; i < graph->node_count; i++) {
        if (strcmp(graph->nodes[i]->name, name) == 0)
            return graph->nodes[i];
        for (int e = 0; e < graph->nodes[i]->epilogue_count; e++)
            if (strcmp(graph->nodes[i]->epilogue[e]->name, name) == 0)
                return graph->nodes[i]->epilogue[e];
    }
    return NULL;
}

typedef struct Call {            /* Op(inputs) before its node exists */
    Op op;
    Value *inputs[MOST_OPERANDS];
    int input_count;
} Call;

static void parse_call(Parser *parser, Call *call, int first)
{
    const char *start = parser->at;
    call->op = op_named(take(parser, IDENTIFIER));
    if (call->op == OP_COUNT) {
        parser->at = start;
        parse_fail(parser, "an operator (compiler/graph/ops.h lists them)");
    }
    call->input_count = first;
    expect(parser, "(");
    if (accept(parser, ")"))
        return;
    do {
        if (call->input_count == MOST_OPERANDS)
            parse_fail(parser, "fewer operands");
        call->inputs[call->input_count++] = accept(parser, "_") ? NULL : known_value(parser);
    } while (accept(parser, ","));
    expect(parser, ")");
}

/* {attributes} "name": attributes come before the name, but the node needs its name first, so they are parsed twice over. */
static Node *finish_call(Parser *parser, const Call *call, Value *const *outputs, int output_count, bool detached)
{
    skip_blanks(parser);
    const char *attributes = parser->at;
    Node skipped = {0};
    parse_attributes(parser, &skipped);
    const char *name = NULL, *start = parser->at;
    if (!at_line_end(parser))
        name = quoted(parser);
    const char *end = parser->at;
    if (name && node_called(parser->graph, name)) {
        parser->at = start;
        parse_fail(parser, "a node's name that is not yet taken");
    }
    Node *node = (detached ? graph_detached : graph_add)(parser->graph, call->op, name, call->inputs, call->input_count, outputs, output_count);
    parser->at = attributes;
    parse_attributes(parser, node);
    parser->at = end;
    expect_line_end(parser);
    return node;
}

static void parse_epilogue(Parser *parser)
{
    Node *host = parser->graph->node_count ? parser->graph->nodes[parser->graph->node_count - 1] : NULL;
    if (!host || host->output_count < 1 || !host->outputs[0])
        parse_fail(parser, "a node to put this behind");
    Call *call = arena_new_of(parser->ctx->graph, Call);
    parse_call(parser, call, 1);
    call->inputs[0] = host->outputs[0];
    Node *behind = finish_call(parser, call, host->outputs, 1, true);
    Node **more = arena_array(parser->ctx->graph, Node *, host->epilogue_count + 1);
    if (host->epilogue_count)
        memcpy(more, host->epilogue, (size_t)host->epilogue_count * sizeof *more);
    more[host->epilogue_count++] = behind;
    host->epilogue = more;
}

static void parse_node(Parser *parser)
{
    Value *outputs[MOST_OPERANDS];
    int count = 0;
    do {
        if (count == MOST_OPERANDS)
            parse_fail(parser, "fewer results");
        if (accept(parser, "_")) {
            outputs[count++] = NULL;
            continue;
        }
        Value *value = outputs[count++] = graph_value(parser->graph, new_name(parser));
        remember(parser, value);
        value->known = parse_type(parser, &value->type, &value->shape);
    } while (accept(parser, ","));
    expect(parser, "=");
    Call *call = arena_new_of(parser->ctx->graph, Call);
    parse_call(parser, call, 0);
    for (int i = 0; i < call->input_count; i++)
        for (int k = 0; k < count; k++)
            if (call->inputs[i] && call->inputs[i] == outputs[k])
                parse_fail(parser, "operands other than the node's own results");
    finish_call(parser, call, outputs, count, false);
}

/* ---- statements ---- */

static void parse_input(Parser *parser)
{
    const char *name = new_name(parser);
    Type type;
    Shape shape;
    if (!parse_type(parser, &type, &shape))
        parse_fail(parser, "the type of the input");
    remember(parser, graph_input(parser->graph, name, type, &shape));
}

static void parse_constant(Parser *parser)
{
    const char *name = new_name(parser);
    Type type;
    Shape shape;
    if (!parse_type(parser, &type, &shape))
        parse_fail(parser, "the type of the constant");
    expect(parser, "=");
    const void *data = parse_data(parser, type, shape_count(&shape));
    remember(parser, graph_constant(parser->graph, name, type, &shape, data));
}

static void parse_output(Parser *parser)
{
    Value *value = known_value(parser);
    if (accept(parser, "declared"))
        value->declared = parse_shape(parser, true);
    graph_output(parser->graph, value);
}

static void parse_assumption(Parser *parser)
{
    Value *value = known_value(parser);
    int64_t choices = whole_number(parser);
    if (value->input_index < 0 || choices < 1 || choices > 64)
        parse_fail(parser, "an input of the graph and 1 to 64 choices");
    expect(parser, "=");
    Graph *graph = parser->graph;
    AssumedInput *more = arena_array(graph->arena, AssumedInput, graph->assumed_count + 1);
    if (graph->assumed_count)
        memcpy(more, graph->assumed, (size_t)graph->assumed_count * sizeof *more);
    int64_t count;
    if (__builtin_mul_overflow(choices, shape_count(&value->shape), &count))
        parse_fail(parser, "a countable number of elements");
    more[graph->assumed_count++] = (AssumedInput){value, parse_data(parser, value->type, count), (int)choices};
    graph->assumed = more;
}

static void parse_offer(Parser *parser)
{
    Node *addition = node_called(parser->graph, quoted(parser));
    expect(parser, "to");
    Node *host = node_called(parser->graph, quoted(parser));
    if (!addition || !host)
        parse_fail(parser, "the names of two nodes above");
    Node **more = arena_array(parser->graph->arena, Node *, host->residual_offer_count + 1);
    if (host->residual_offer_count)
        memcpy(more, host->residual_offers, (size_t)host->residual_offer_count * sizeof *more);
    more[host->residual_offer_count++] = addition;
    host->residual_offers = more;
}

static const struct { const char *word; void (*parse)(Parser *); } statements[] = {
    {"input ", parse_input}, {"const ", parse_constant}, {"output ", parse_output},
    {"assume ", parse_assumption}, {"offer ", parse_offer}, {"then ", parse_epilogue},
};

static void parse_statement(Parser *parser)
{
    for (int i = 0; i < COUNT(statements); i++)
        if (accept(parser, statements[i].word)) {
            statements[i].parse(parser);
            return;
        }
    parse_node(parser);
}

Graph *graph_parse(Context *ctx, const char *text, size_t length)
{
    Parser parser = {.ctx = ctx, .text = text, .at = text, .end = text + length};
    while (at_line_end(&parser) && parser.at < parser.end)
        parser.at++;
    expect(&parser, "graph ");
    parser.graph = graph_new(ctx, quoted(&parser));
    while (parser.at < parser.end) {
        if (!at_line_end(&parser)) {
            parse_statement(&parser);
            expect_line_end(&parser);
        }
        parser.at += parser.at < parser.end;
    }
    graph_index(parser.graph);
    return parser.graph;
}
