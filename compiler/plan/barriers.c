/* Where threads must wait for one another: a layer may start while others still work on the layers before it, as long as it touches nothing that those
   write, and writes nothing that they touch. Branches of a network need no barrier between them. Stages of one layer always wait. */
#include "compiler/plan/internal.h"

#define MOST_SPANS 64                /* remembered since the last barrier: past them, waiting is simpler than comparing */

typedef struct Span {                /* of the workspace, or of one of the caller's outputs */
    int space;                       /* -1: the workspace */
    size_t from, to;
    bool written;
} Span;

typedef struct Spans {
    Span list[MOST_SPANS];
    int count;
    bool full;
} Spans;

static void add_span(Spans *spans, Span span)
{
    if (span.from == span.to)
        return;
    if (spans->count < MOST_SPANS)
        spans->list[spans->count++] = span;
    else
        spans->full = true;
}

static void add_value(Spans *spans, const Plan *plan, const Value *value, bool written)
{
    if (value == NULL)
        return;
    const Place *place = &plan->places[value->id];
    const size_t bytes = layout_bytes(&value->shape, value->type, &place->layout);
    if (place->kind == PLACE_WORKSPACE)
        add_span(spans, (Span){-1, place->offset, place->offset + bytes, written});
    else if (place->kind == PLACE_OUTPUT)
        add_span(spans, (Span){place->index, 0, bytes, written});
}

static void add_layer(Spans *spans, const Plan *plan, const LayerPlan *layer)
{
    const Node *node = layer->problem.node;
    for (int i = 0; i < node->input_count; i++)
        add_value(spans, plan, node->inputs[i], false);
    for (int e = 0; e < node->epilogue_count; e++)
        for (int i = 1; i < node->epilogue[e]->input_count; i++)
            add_value(spans, plan, node->epilogue[e]->inputs[i], false);
    for (int i = 0; i < node->output_count; i++)
        add_value(spans, plan, node->outputs[i], true);
    add_span(spans, (Span){-1, layer->scratch_offset, layer->scratch_offset + layer->scratch_bytes, true});
}

static bool in_conflict(const Spans *a, const Spans *b)
{
    if (a->full || b->full)
        return true;
    for (int i = 0; i < a->count; i++)
        for (int j = 0; j < b->count; j++) {
            const Span *x = &a->list[i], *y = &b->list[j];
            if (x->space == y->space && x->from < y->to && y->from < x->to && (x->written || y->written))
                return true;
        }
    return false;
}

void barriers_plan(Plan *plan)
{
    Spans open = {.count = 0};       /* of layers that may still be running */
    for (int l = 0; l < plan->layer_count; l++) {
        LayerPlan *layer = &plan->layers[l];
        Spans mine = {.count = 0};
        if (layer->stage_count == 0)
            continue;
        add_layer(&mine, plan, layer);
        layer->waits = in_conflict(&open, &mine);
        if (layer->waits || layer->stage_count > 1)
            open = (Spans){.count = 0};
        for (int i = 0; i < mine.count; i++)
            add_span(&open, mine.list[i]);
        open.full = open.full || mine.full;
    }
}
