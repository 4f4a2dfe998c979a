/* Flows are directed, as numbers are assigned; memory that pointers share is united (Steensgaard's analysis), so that one look at the text is enough. */
#include "codegen/jit/reader.h"
#include "codegen/jit/sources.h"

#include <stdbool.h>
#include <stdlib.h>

typedef struct Cell {
    int same;                        /* the cell that it was united with; itself: it stands for all of them */
    int pointee;                     /* 0: not known yet */
    unsigned from;
} Cell;

typedef struct Flow { int from, to; } Flow;

struct Sources {
    Cell *cells;
    Flow *flows;
    int cell_count, cell_capacity, flow_count, flow_capacity;
};

Sources *sources_new(void)
{
    Sources *sources = calloc(1, sizeof *sources);
    if (sources == NULL)
        abort();
    source_cell(sources, 0);
    return sources;
}

void sources_free(Sources *sources)
{
    free(sources->cells);
    free(sources->flows);
    free(sources);
}

int source_cell(Sources *sources, unsigned from)
{
    sources->cells = reader_grow(sources->cells, sources->cell_count, &sources->cell_capacity, sizeof *sources->cells);
    sources->cells[sources->cell_count] = (Cell){sources->cell_count, 0, from};
    return sources->cell_count++;
}

static int find(const Sources *sources, int cell)
{
    while (sources->cells[cell].same != cell) {
        const int next = sources->cells[cell].same;
        sources->cells[cell].same = sources->cells[next].same;
        cell = next;
    }
    return cell;
}

void source_add(Sources *sources, int cell, unsigned from)
{
    if (cell != CELL_CONSTANT)
        sources->cells[find(sources, cell)].from |= from;
}

int source_pointee(Sources *sources, int cell)
{
    if (cell == CELL_CONSTANT)
        return source_cell(sources, 0);
    const int one = find(sources, cell);
    if (sources->cells[one].pointee == 0) {
        const int made = source_cell(sources, 0);
        sources->cells[one].pointee = made;
    }
    return sources->cells[one].pointee;
}

void source_unite(Sources *sources, int a, int b)
{
    while (a != CELL_CONSTANT && b != CELL_CONSTANT) {
        a = find(sources, a);
        b = find(sources, b);
        if (a == b)
            return;
        const int x = sources->cells[a].pointee, y = sources->cells[b].pointee;
        sources->cells[b].same = a;
        sources->cells[a].from |= sources->cells[b].from;
        sources->cells[a].pointee = x != 0 ? x : y;
        a = x;
        b = y;
    }
}

void source_point(Sources *sources, int pointer, int memory)
{
    if (pointer != CELL_CONSTANT)
        source_unite(sources, source_pointee(sources, pointer), memory);
}

void source_flow(Sources *sources, int from, int to)
{
    if (from == CELL_CONSTANT || to == CELL_CONSTANT || from == to)
        return;
    sources->flows = reader_grow(sources->flows, sources->flow_count, &sources->flow_capacity, sizeof *sources->flows);
    sources->flows[sources->flow_count++] = (Flow){from, to};
}

void sources_solve(Sources *sources)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < sources->flow_count; i++) {
            const unsigned from = sources->cells[find(sources, sources->flows[i].from)].from;
            Cell *to = &sources->cells[find(sources, sources->flows[i].to)];
            changed |= (to->from | from) != to->from;
            to->from |= from;
        }
    }
}

unsigned source_from(const Sources *sources, int cell)
{
    return cell == CELL_CONSTANT ? 0 : sources->cells[find(sources, cell)].from;
}
