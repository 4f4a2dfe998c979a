/* Attributes of nodes: a few a node, found by walking. */
#include "compiler/graph/graph.h"

#include <assert.h>
#include <string.h>

static const struct { const char *name; AttributeKind kind; } names[ATTR_COUNT] = {
#define INTS KIND_INTS
#define REALS KIND_REALS
#define WORD KIND_WORD
#define A(attribute, attribute_kind) [ATTR_##attribute] = {#attribute, attribute_kind},
    ATTRIBUTES(A)
#undef A
#undef INTS
#undef REALS
#undef WORD
};

static Attribute *find(const Node *node, AttributeName name)
{
    for (int i = 0; i < node->attribute_count; i++)
        if (node->attributes[i].name == name)
            return &node->attributes[i];
    return NULL;
}

static const Attribute *find_kind(const Node *node, AttributeName name, AttributeKind kind)
{
    assert(names[name].kind == kind);
    (void)kind;
    return find(node, name);
}

bool node_has(const Node *node, AttributeName name)
{
    return find(node, name) != NULL;
}

int64_t node_int(const Node *node, AttributeName name, int64_t absent)
{
    const Attribute *attribute = find_kind(node, name, KIND_INTS);
    return attribute && attribute->count > 0 ? attribute->ints[0] : absent;
}

double node_real(const Node *node, AttributeName name, double absent)
{
    const Attribute *attribute = find_kind(node, name, KIND_REALS);
    return attribute && attribute->count > 0 ? attribute->reals[0] : absent;
}

const char *node_word(const Node *node, AttributeName name, const char *absent)
{
    const Attribute *attribute = find_kind(node, name, KIND_WORD);
    return attribute ? attribute->word : absent;
}

const int64_t *node_ints(const Node *node, AttributeName name, int *count)
{
    const Attribute *attribute = find_kind(node, name, KIND_INTS);
    *count = attribute ? attribute->count : 0;
    return attribute ? attribute->ints : NULL;
}

const double *node_reals(const Node *node, AttributeName name, int *count)
{
    const Attribute *attribute = find_kind(node, name, KIND_REALS);
    *count = attribute ? attribute->count : 0;
    return attribute ? attribute->reals : NULL;
}

static Attribute *set(Graph *graph, Node *node, AttributeName name, int count)
{
    Attribute *attribute = find(node, name);
    if (!attribute) {
        Attribute *more = arena_array(graph->arena, Attribute, node->attribute_count + 1);
        if (node->attribute_count)
            memcpy(more, node->attributes, (size_t)node->attribute_count * sizeof *more);
        node->attributes = more;
        attribute = &more[node->attribute_count++];
    }
    *attribute = (Attribute){.name = name, .count = count};
    return attribute;
}

void node_set_ints(Graph *graph, Node *node, AttributeName name, const int64_t *values, int count)
{
    assert(names[name].kind == KIND_INTS);
    const int64_t *copy = arena_copy(graph->arena, values, (size_t)count * sizeof *values);
    set(graph, node, name, count)->ints = copy;
}

void node_set_int(Graph *graph, Node *node, AttributeName name, int64_t value)
{
    node_set_ints(graph, node, name, &value, 1);
}

void node_set_reals(Graph *graph, Node *node, AttributeName name, const double *values, int count)
{
    assert(names[name].kind == KIND_REALS);
    const double *copy = arena_copy(graph->arena, values, (size_t)count * sizeof *values);
    set(graph, node, name, count)->reals = copy;
}

void node_set_real(Graph *graph, Node *node, AttributeName name, double value)
{
    node_set_reals(graph, node, name, &value, 1);
}

void node_set_word(Graph *graph, Node *node, AttributeName name, const char *value)
{
    assert(names[name].kind == KIND_WORD);
    const char *copy = arena_string(graph->arena, value, strlen(value));
    set(graph, node, name, 1)->word = copy;
}

void node_unset(Node *node, AttributeName name)
{
    Attribute *attribute = find(node, name);
    if (attribute)
        *attribute = node->attributes[--node->attribute_count];
}

const char *attribute_text(AttributeName name)
{
    return names[name].name;
}

AttributeKind attribute_kind(AttributeName name)
{
    return names[name].kind;
}

AttributeName attribute_named(const char *name)
{
    for (int i = 0; i < ATTR_COUNT; i++)
        if (strcmp(names[i].name, name) == 0)
            return (AttributeName)i;
    return ATTR_COUNT;
}
