/* The order of a scope's nodes: the given one if it is legal, otherwise the legal one nearest to it. */
#include "frontends/importer.h"

#include <string.h>

typedef struct Edges {           /* producer -> reader, in compressed rows */
    int *first, *readers, *waiting;
    int count;
} Edges;

typedef struct Ordering {
    Scope *scope;
    NodeProto *const *nodes;
    int count;
    Edges edges;
    bool twice, legal;
    bool fill;                   /* the second time, readers are written */
    int *next;
} Ordering;

static const char *node_text(const Scope *scope, const NodeProto *node)
{
    Arena *arena = scope->importer->arena;
    const char *name = node->name && *node->name ? node->name : node->n_output > 0 ? node->output[0] : "";
    return arena_format(arena, "node '%s' (%s)", name_quote(arena, name), name_quote(arena, node->op_type));
}

static void declare(Ordering *ordering, const NodeProto *node, const char *output, int number)
{
    Symbol *symbol = *output ? scope_add(ordering->scope, output) : NULL;
    if (symbol)
        symbol->producer = number;
    if (symbol || !*output)
        return;
    scope_complain_twice(ordering->scope, node_text(ordering->scope, node), output);
    ordering->twice = true;
}

static void declare_outputs(Ordering *ordering)
{
    for (int i = 0; i < ordering->count; i++) {
        const NodeProto *node = ordering->nodes[i];
        for (size_t k = 0; k < node->n_output; k++)
            declare(ordering, node, node->output[k], i);
        if (node->name && *node->name) {
            void **times = name_slot(&ordering->scope->node_names, node->name);
            *times = (void *)((uintptr_t)*times + 1);
        }
    }
}

static void see_read(Ordering *ordering, int reader, const char *name)
{
    const Symbol *symbol = name_find(&ordering->scope->symbols, name);
    if (!symbol || symbol->producer < 0)
        return;
    int producer = symbol->producer;
    ordering->legal &= producer < reader;
    if (ordering->fill) {
        ordering->edges.readers[ordering->next[producer]++] = reader;
        ordering->edges.waiting[reader]++;
    } else {
        ordering->edges.first[producer + 1]++;
        ordering->edges.count++;
    }
}

/* Names that a subgraph makes itself; they hide ours. */
typedef struct Hidden {
    NameMap names;
    const struct Hidden *outer;
} Hidden;

static void hide(Hidden *hidden, const char *name)
{
    if (name && *name)
        *name_slot(&hidden->names, name) = hidden;
}

static bool is_hidden(const Hidden *hidden, const char *name)
{
    for (; hidden; hidden = hidden->outer)
        if (name_find(&hidden->names, name))
            return true;
    return false;
}

static void see_name(Ordering *ordering, int reader, const char *name, const Hidden *hidden)
{
    if (name && *name && !is_hidden(hidden, name))
        see_read(ordering, reader, name);
}

static void see_node(Ordering *ordering, int reader, const NodeProto *node, const Hidden *outer);

static void see_graph(Ordering *ordering, int reader, const GraphProto *graph, const Hidden *outer)
{
    Hidden hidden = {name_map(ordering->scope->importer->arena), outer};
    for (size_t i = 0; i < graph->n_input; i++)
        hide(&hidden, graph->input[i]->name);
    for (size_t i = 0; i < graph->n_initializer; i++)
        hide(&hidden, graph->initializer[i]->name);
    for (size_t i = 0; i < graph->n_sparse_initializer; i++)
        hide(&hidden, graph->sparse_initializer[i]->values ? graph->sparse_initializer[i]->values->name : NULL);
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_output; k++)
            hide(&hidden, graph->node[i]->output[k]);
    for (size_t i = 0; i < graph->n_node; i++)
        see_node(ordering, reader, graph->node[i], &hidden);
    for (size_t i = 0; i < graph->n_output; i++)
        see_name(ordering, reader, graph->output[i]->name, &hidden);
}

/* All that a node reads, what its subgraphs take from outside included. */
static void see_node(Ordering *ordering, int reader, const NodeProto *node, const Hidden *outer)
{
    for (size_t i = 0; i < node->n_input; i++)
        see_name(ordering, reader, node->input[i], outer);
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->g)
            see_graph(ordering, reader, node->attribute[i]->g, outer);
}

static void see_all(Ordering *ordering)
{
    for (int i = 0; i < ordering->count; i++)
        see_node(ordering, i, ordering->nodes[i], NULL);
}

static void build_edges(Ordering *ordering)
{
    Arena *arena = ordering->scope->importer->arena;
    Edges *edges = &ordering->edges;
    for (int i = 0; i < ordering->count; i++)
        edges->first[i + 1] += edges->first[i];
    edges->readers = arena_array(arena, int, edges->count + 1);
    edges->waiting = arena_array(arena, int, ordering->count + 1);
    ordering->next = arena_copy(arena, edges->first, (size_t)(ordering->count + 1) * sizeof(int));
    ordering->fill = true;
    see_all(ordering);
}

/* ---- a heap of numbers, the smallest first ---- */

static void heap_push(int *heap, int count, int number)
{
    int at = count;
    for (; at > 0 && heap[(at - 1) / 2] > number; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = number;
}

static int heap_pop(int *heap, int count)
{
    int top = heap[0], last = heap[count - 1], at = 0;
    for (int child = 1; child < count - 1; child = 2 * at + 1) {
        child += child + 1 < count - 1 && heap[child + 1] < heap[child];
        if (heap[child] >= last)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* Nodes whose inputs are there, the earliest first. Gives the number of nodes that could be placed. */
static int place(Ordering *ordering, int *order)
{
    const Edges *edges = &ordering->edges;
    int *heap = arena_array(ordering->scope->importer->arena, int, ordering->count + 1), ready = 0, placed = 0;
    for (int i = 0; i < ordering->count; i++)
        if (edges->waiting[i] == 0)
            heap_push(heap, ready++, i);
    while (ready > 0) {
        int node = heap_pop(heap, ready--);
        order[placed++] = node;
        for (int k = edges->first[node]; k < edges->first[node + 1]; k++)
            if (--edges->waiting[edges->readers[k]] == 0)
                heap_push(heap, ready++, edges->readers[k]);
    }
    return placed;
}

/* Some node that is left over waits for another that is: following those, one arrives on a cycle. */
static int node_on_cycle(const Ordering *ordering)
{
    const Edges *edges = &ordering->edges;
    int *waits_for = arena_array(ordering->scope->importer->arena, int, ordering->count), at = 0;
    for (int node = 0; node < ordering->count; node++)
        for (int k = edges->first[node]; edges->waiting[node] > 0 && k < edges->first[node + 1]; k++)
            if (edges->waiting[edges->readers[k]] > 0)
                waits_for[edges->readers[k]] = node;
    while (edges->waiting[at] == 0)
        at++;
    for (int step = 0; step < ordering->count; step++)
        at = waits_for[at];
    return at;
}

int *order_nodes(Scope *scope, NodeProto *const *nodes, int count)
{
    Arena *arena = scope->importer->arena;
    Ordering ordering = {.scope = scope, .nodes = nodes, .count = count, .legal = true};
    ordering.edges.first = arena_array(arena, int, count + 2);
    int *order = arena_array(arena, int, count + 1);
    declare_outputs(&ordering);
    if (ordering.twice)
        return NULL;
    see_all(&ordering);
    for (int i = 0; i < count; i++)
        order[i] = i;
    if (ordering.legal)
        return order;
    build_edges(&ordering);
    if (place(&ordering, order) == count)
        return order;
    complain(scope->importer->ctx, STATUS_MODEL, node_text(scope, nodes[node_on_cycle(&ordering)]), NULL,
             "the node is part of a cycle: it needs its own output");
    return NULL;
}
