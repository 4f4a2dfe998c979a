/* The graph: values and nodes; building, editing, checking, printing and parsing it. Includes base. */
#ifndef TULLE_GRAPH_H
#define TULLE_GRAPH_H

#include "compiler/base/base.h"
#include "ops.h"

#define MAX_RANK 8

/* ---- type.c: element types and shapes ---- */

typedef enum Type {
    TYPE_UNKNOWN, TYPE_F32, TYPE_F64, TYPE_F16, TYPE_BF16,
    TYPE_I8, TYPE_I16, TYPE_I32, TYPE_I64, TYPE_U8, TYPE_U16, TYPE_U32, TYPE_U64, TYPE_BOOL,
    TYPE_COUNT
} Type;

typedef struct TypeInfo {
    const char *name;        /* in the graph's text: "f32", "bool" */
    const char *c_name;      /* in generated C: "float", "int64_t", "uint8_t" for bool, "uint16_t" for f16 and bf16 */
    int bytes;
    bool real, is_signed, integer;   /* bool is none of them; f16 and bf16 are real, but can only be moved and cast */
} TypeInfo;

const TypeInfo *type_info(Type type);
Type type_named(const char *name);   /* TYPE_UNKNOWN if there is none */

typedef struct Shape {
    int rank;
    int64_t dims[MAX_RANK];  /* all known; -1 only in Value.declared */
} Shape;

int64_t shape_count(const Shape *shape);              /* elements; shapes in a graph were checked not to overflow */
bool shape_bytes(const Shape *shape, Type type, size_t *bytes);   /* false on overflow or a negative dimension */
bool shape_equal(const Shape *a, const Shape *b);
const char *shape_text(Arena *arena, const Shape *shape);         /* "[1,64,56,56]" */
void shape_strides(const Shape *shape, int64_t *strides);         /* row-major, in elements */

/* ---- graph.c: the structure ---- */

typedef struct Node Node;
typedef struct Graph Graph;

typedef struct Value {
    int id;                  /* dense in 0 .. graph->value_count-1: index for tables of passes and plans */
    const char *name;        /* the model's name, any bytes, unique; never an identifier in output */
    Type type;
    Shape shape;
    bool known;              /* type and shape are set (inputs and constants from the start, the rest by inference) */
    const void *data;        /* constant: its elements, little-endian, dense; may point into the mapped model, so any alignment. Else NULL */
    Node *producer;          /* NULL for inputs and constants */
    int input_index;         /* position among the graph's inputs, or -1 */
    int output_index;        /* position among the graph's outputs, or -1 (the first one, if it is there twice) */
    Shape declared;          /* outputs: the shape the model declares, -1 where unknown; rank -1 if it declares none */
    Node **users;            /* set by graph_index(): nodes that read it, epilogues included, each once */
    int user_count;
} Value;

typedef struct Attribute {
    AttributeName name;
    int count;
    union {
        const int64_t *ints;
        const double *reals;
        const char *word;
    };
} Attribute;

struct Node {
    int id;                  /* position in graph->nodes after graph_index() */
    Op op;
    const char *name;        /* the layer's name in the model's language: unique; see DESIGN.md */
    Value **inputs;          /* NULL entries for absent optional inputs */
    int input_count;
    Value **outputs;         /* NULL entries for outputs nobody asked for */
    int output_count;
    Attribute *attributes;
    int attribute_count;
    /* Elementwise nodes fused behind this one, applied in order to output 0. Each is an ordinary node whose input 0 and output 0 are this node's
       output 0; a further input is a value of the output's shape and type (the other side of a residual addition) or a constant of one element
       (bounds of Clip), or NULL. Their names are kept for --kernel and verify. */
    Node **epilogue;
    int epilogue_count;
    Node **residual_offers;  /* Add nodes that could become an epilogue here; the planner takes or leaves them (pass/fuse.c offers) */
    int residual_offer_count;
};

/* Inputs whose value the compiler assumed, because the declared shapes determine it; the generated code compares at run time. */
typedef struct AssumedInput {
    Value *input;
    const void *expected;    /* choices x shape_count(input) elements of its type, row by row. Row 0 is a value that works (tools may feed it) */
    int choices;             /* at least 1: element i is right if it equals element i of any row (a Reshape's 6 may be written -1) */
} AssumedInput;

struct Graph {
    Context *ctx;
    Arena *arena;
    const char *name;        /* raw bytes from the model */
    char sha256[65];         /* of the model file; empty if there is none */
    Value **values;          /* by id; pass/dead.c drops some and gives the rest new ids */
    int value_count, value_capacity;
    Node **nodes;            /* in an order of execution */
    int node_count, node_capacity;
    Value **inputs;
    int input_count;
    Value **outputs;
    int output_count;
    AssumedInput *assumed;
    int assumed_count;
    const char *projection;  /* in words, what was changed to see what it would bring (pass/prune.c); NULL: this is the model itself */
};

Graph *graph_new(Context *ctx, const char *name);
Value *graph_value(Graph *graph, const char *name);                          /* a new value; name copied; NULL makes a fresh unique one */
Value *graph_input(Graph *graph, const char *name, Type type, const Shape *shape);
Value *graph_constant(Graph *graph, const char *name, Type type, const Shape *shape, const void *data);   /* data not copied */
void graph_output(Graph *graph, Value *value);
/* A node behind all others. A name must not be taken; NULL makes one from the first output's. Absent inputs at the end are not counted. */
Node *graph_add(Graph *graph, Op op, const char *name, Value *const *inputs, int input_count, Value *const *outputs, int output_count);
/* The same outside of the order of nodes: for epilogues, and for passes that make a new order. The outputs do not yet know it as their producer. */
Node *graph_detached(Graph *graph, Op op, const char *name, Value *const *inputs, int input_count, Value *const *outputs, int output_count);
void graph_index(Graph *graph);                                              /* ids of nodes, users of values; valid until the next edit */
Value *graph_value_named(const Graph *graph, const char *name);              /* NULL if there is none */
Node *graph_node_named(const Graph *graph, const char *name);                /* of all nodes ever made, epilogues included; NULL if there is none */
bool value_constant(const Value *value);                                     /* has data (NULL value: false) */
const char *node_where(const Graph *graph, const Node *node);                /* "node 'conv1' (Conv)", quoted: the `where` of fail() */

/* ---- constant.c: elements of constants as numbers, at any alignment ---- */

bool constant_readable(const Value *value);                                  /* a constant that the two below can read: any type but f16 and bf16 */
int64_t constant_int(const Value *value, int64_t index);                     /* reals are truncated, and what is too large becomes the nearest */
double constant_real(const Value *value, int64_t index);

/* ---- attribute.c ---- */

bool node_has(const Node *node, AttributeName name);
int64_t node_int(const Node *node, AttributeName name, int64_t absent);
double node_real(const Node *node, AttributeName name, double absent);
const char *node_word(const Node *node, AttributeName name, const char *absent);
const int64_t *node_ints(const Node *node, AttributeName name, int *count);  /* NULL and 0 if absent */
const double *node_reals(const Node *node, AttributeName name, int *count);
void node_set_int(Graph *graph, Node *node, AttributeName name, int64_t value);
void node_set_ints(Graph *graph, Node *node, AttributeName name, const int64_t *values, int count);   /* copied; replaces */
void node_set_real(Graph *graph, Node *node, AttributeName name, double value);
void node_set_reals(Graph *graph, Node *node, AttributeName name, const double *values, int count);
void node_set_word(Graph *graph, Node *node, AttributeName name, const char *value);
void node_unset(Node *node, AttributeName name);
const char *attribute_text(AttributeName name);
AttributeKind attribute_kind(AttributeName name);
AttributeName attribute_named(const char *name);                             /* ATTR_COUNT if there is none */

/* ---- op.c: what ops.h says, at run time ---- */

typedef enum OpShapeClass { CLASS_STRUCTURED, CLASS_UNARY, CLASS_BINARY } OpShapeClass;
enum { REALS = 1, INTS = 2, UINTS = 4, BOOLS = 8 };      /* types of elementwise.inc */

typedef struct OpInfo {
    const char *name;
    OpShapeClass shape_class;
    int fewest_inputs, most_inputs, most_outputs;        /* -1: any */
    unsigned types;                                      /* elementwise only */
    bool result_bool;                                    /* elementwise only: the result is bool */
    AttributeName parameters[2];                         /* elementwise only: p and q; ATTR__ if none */
    const char *real_expression, *integer_expression;    /* elementwise only; NULL if not defined */
} OpInfo;

const OpInfo *op_info(Op op);
Op op_named(const char *name);                           /* OP_COUNT if there is none */
unsigned type_class(Type type);                          /* REALS, INTS, UINTS or BOOLS */
/* The attribute that input `index` of an operator becomes, or ATTR_COUNT if that input is an ordinary operand. */
AttributeName op_shape_operand(Op op, int index);
const char *operators_text(Arena *arena, const Node *node);    /* "Conv+Relu": with what is fused behind it */

/* ---- verify.c: the graph's invariants; our passes must keep them, a frontend's graph may break them only by the model's fault ---- */

/* Names unique, edges consistent both ways, order of execution, no cycle, operand counts, epilogue form, constants' sizes. */
void graph_verify(const Graph *graph, const char *after);    /* `after`: the pass that ran, named in the message; fail(STATUS_INTERNAL) */

/* ---- dump.c, parse.c: the graph as text. docs/graph-text.md describes it; parse(dump(g)) dumps to the same text ---- */

void graph_dump(const Graph *graph, FILE *out);
Graph *graph_parse(Context *ctx, const char *text, size_t length);

#endif
