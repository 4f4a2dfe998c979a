/* The cheapest assignment over a graph: nodes in order, each with options; an option reads the output of one earlier node in a layout and leaves its
   own in another. Exact: what the rest can cost depends only on the layouts of the outputs that are still to be read, so of all ways to come to
   the same such layouts only the cheapest is kept. Where those are too many, the cheapest are. */
#include "compiler/plan/internal.h"

#include <assert.h>
#include <stdlib.h>

enum { LAYOUT_BITS = 2, MOST_LIVE = 32 };    /* a key holds the layouts of all outputs that are still to be read */

typedef struct State {
    uint64_t key;
    int64_t cost;
    int parent, option;              /* the state before, and what led here */
} State;

typedef struct Step {                /* after a node */
    State *states;
    int count;
} Step;

typedef struct Assign {
    const AssignNode *nodes;
    int count, most_states;
    Arena *arena;
    Step *steps;                     /* [count + 1] */
    int *last;                       /* [count]: the node that reads its output last; itself if none does */
    int *slot;                       /* [count]: where the layout of its output stands in the keys; -1: always plain */
    uint32_t used;                   /* slots */
    State *buffer;
    int capacity;
} Assign;

static int layout_at(uint64_t key, int slot)
{
    return slot < 0 ? 0 : (int)(key >> (slot * LAYOUT_BITS)) & (MOST_LAYOUTS - 1);
}

static uint64_t with_layout(uint64_t key, int slot, int layout)
{
    if (slot < 0)
        return key;
    key &= ~((uint64_t)(MOST_LAYOUTS - 1) << (slot * LAYOUT_BITS));
    return key | (uint64_t)layout << (slot * LAYOUT_BITS);
}

static void find_last_readers(Assign *assign)
{
    for (int n = 0; n < assign->count; n++) {
        assign->last[n] = n;
        if (assign->nodes[n].from >= 0)
            assign->last[assign->nodes[n].from] = n;
    }
}

static bool may_be_padded(const AssignNode *node)
{
    for (int i = 0; i < node->option_count; i++)
        if (node->options[i].out != 0)
            return true;
    return false;
}

/* The lowest that is free. With none left, the output is plain. */
static int take_slot(Assign *assign, int n)
{
    if (assign->last[n] == n || !may_be_padded(&assign->nodes[n]))
        return -1;
    for (int slot = 0; slot < MOST_LIVE; slot++)
        if ((assign->used >> slot & 1) == 0) {
            assign->used |= UINT32_C(1) << slot;
            return slot;
        }
    return -1;
}

static void release_slot(Assign *assign, int n)
{
    if (assign->slot[n] >= 0)
        assign->used &= ~(UINT32_C(1) << assign->slot[n]);
}

/* ---- a step ---- */

static void add_state(Assign *assign, int *count, State state)
{
    assign->buffer = arena_grow(assign->arena, assign->buffer, &assign->capacity, *count, sizeof *assign->buffer);
    assign->buffer[(*count)++] = state;
}

/* Layers that take years are all the same. */
static int64_t sum_of(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int expand(Assign *assign, int n)
{
    const AssignNode *node = &assign->nodes[n];
    const Step *before = &assign->steps[n];
    const int from = node->from < 0 ? -1 : assign->slot[node->from];
    int count = 0;
    for (int s = 0; s < before->count; s++) {
        const State *state = &before->states[s];
        const uint64_t key = node->from >= 0 && assign->last[node->from] == n ? with_layout(state->key, from, 0) : state->key;
        for (int i = 0; i < node->option_count; i++) {
            const AssignOption *option = &node->options[i];
            const bool possible = option->out == 0 || assign->slot[n] >= 0 || assign->last[n] == n;
            if (possible && option->in == layout_at(state->key, from))
                add_state(assign, &count, (State){with_layout(key, assign->slot[n], option->out), sum_of(state->cost, option->cost), s, i});
        }
    }
    return count;
}

static int by_found(const State *a, const State *b)
{
    return a->parent != b->parent ? (a->parent > b->parent) - (a->parent < b->parent) : a->option - b->option;
}

static int by_key(const void *a, const void *b)
{
    const State *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->cost != y->cost ? (x->cost < y->cost ? -1 : 1) : by_found(x, y);
}

static int by_cost(const void *a, const void *b)
{
    const State *x = a, *y = b;
    return x->cost != y->cost ? (x->cost < y->cost ? -1 : 1) : (x->key > y->key) - (x->key < y->key);
}

/* Of states with the same key the cheapest; of equals, the one found first. */
static int keep_cheapest(State *states, int count)
{
    int kept = 0;
    qsort(states, (size_t)count, sizeof *states, by_key);
    for (int i = 0; i < count; i++)
        if (kept == 0 || states[kept - 1].key != states[i].key)
            states[kept++] = states[i];
    return kept;
}

static void step(Assign *assign, int n)
{
    assign->slot[n] = take_slot(assign, n);
    const int count = expand(assign, n);
    int kept = keep_cheapest(assign->buffer, count);
    assert(kept > 0);
    if (kept > assign->most_states) {
        qsort(assign->buffer, (size_t)kept, sizeof *assign->buffer, by_cost);
        kept = assign->most_states;
    }
    assign->steps[n + 1] = (Step){arena_copy(assign->arena, assign->buffer, (size_t)kept * sizeof *assign->buffer), kept};
    const int from = assign->nodes[n].from;
    if (from >= 0 && assign->last[from] == n)
        release_slot(assign, from);
}

int64_t assign_cheapest(const AssignNode *nodes, int count, int most_states, Arena *arena, int *chosen)
{
    Assign assign = {.nodes = nodes, .count = count, .most_states = most_states, .arena = arena};
    State start = {0, 0, -1, -1};
    assign.steps = arena_array(arena, Step, count + 1);
    assign.last = arena_array(arena, int, count + 1);
    assign.slot = arena_array(arena, int, count + 1);
    assign.steps[0] = (Step){&start, 1};
    find_last_readers(&assign);
    for (int n = 0; n < count; n++)
        step(&assign, n);
    assert(assign.steps[count].count == 1);      /* nothing is left to be read */
    const State *state = &assign.steps[count].states[0];
    const int64_t cost = state->cost;
    for (int n = count - 1; n >= 0; n--) {
        chosen[n] = state->option;
        state = &assign.steps[n].states[state->parent];
    }
    return cost;
}
