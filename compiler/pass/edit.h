/* Private to the passes: editing in bulk, so that a pass over n nodes stays linear in n.

   A pass walks the old order and keeps or drops each node; aliases say which value readers shall read instead of another. All inputs are
   brought up to date once, in rewrite_end, so that until then a pass resolves what it looks at. */
#ifndef TULLE_EDIT_H
#define TULLE_EDIT_H

#include "compiler/graph/graph.h"

typedef struct Rewrite {
    Graph *graph;
    Node **nodes;            /* the new order */
    int count, capacity;
    Value **aliases;         /* by value id; NULL: reads itself */
    int alias_capacity;
} Rewrite;

Rewrite rewrite_begin(Graph *graph);
void rewrite_keep(Rewrite *rewrite, Node *node);
void rewrite_drop(Node *node);                                        /* outputs it still produces lose their producer */
void rewrite_alias(Rewrite *rewrite, Value *from, Value *to);         /* readers of `from` shall read `to`; never the other way round as well */
Value *rewrite_resolve(const Rewrite *rewrite, Value *value);
void rewrite_end(Rewrite *rewrite);

/* A node of our own, not yet in the order, named after its output, which knows it as its producer. */
Node *edit_node(Graph *graph, Op op, Value *const *inputs, int input_count, Value *output);
Value *edit_value(Graph *graph, const char *name, Type type, const Shape *shape);     /* NULL: a fresh name */
Value *edit_constant(Graph *graph, Type type, const Shape *shape, const void *data);
void edit_output(Node *node, int index, Value *value);                /* `value` is from now on produced there; the old one loses its producer */
void edit_inputs(Node *node, int count);                              /* keeps the first `count` inputs, less absent ones at the end */

/* The real weights of a convolution or product, as far as they are constant and can be read; else NULL. */
Value *weights_of(const Node *node);
bool value_read_once(const Value *value);                             /* by one node, and it is no output of the graph; needs graph_index */
Shape shape_of(int rank, const int64_t *dims);

#endif
