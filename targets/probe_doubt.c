/* What to think of measured numbers: whether another pass found anything, and which of them no core of the kind can have. */
#include <math.h>
#include <string.h>

#include "targets/probe.h"

#define STEADY 0.03                  /* a pass that finds no more than this has found nothing */
#define VAGUE 3                      /* rows that promise an instruction set only stand for cores so many times as fast or slow */

/* What is measured, and how many times as much or as little as of its nearest known core is still believed. Caches and memory differ between
   machines with the same core, and are shared with guests of the same machine. */
static const struct { const char *name; double farthest; } measures[] = {
    {"ghz", 2.5}, {"fma_ports", 2.5}, {"fma_latency", 2.5}, {"vector_ports", 3}, {"load_ports", 3}, {"store_ports", 3}, {"mispredict_cycles", 4},
    {"l2_bandwidth", 5}, {"l3_bandwidth", 8}, {"memory_bandwidth", 8},
};

static double *number_of(Machine *machine, const char *name)
{
    for (int i = 0; i < machine_number_count; i++)
        if (strcmp(machine_numbers[i].name, name) == 0)
            return (double *)(void *)((char *)machine + machine_numbers[i].place);
    return NULL;
}

bool probe_steady(const Machine *before, const Machine *after)
{
    Machine old = *before, new = *after;
    for (int i = 0; i < COUNT(measures); i++) {
        const double a = *number_of(&old, measures[i].name), b = *number_of(&new, measures[i].name);
        if (fabs(a - b) > STEADY * fmax(a, b))
            return false;
    }
    return true;
}

static bool vague(const Machine *row)
{
    return strncmp(row->name, "generic", 7) == 0 || strcmp(row->name, "scalar") == 0;
}

const char *probe_doubt(Arena *arena, const Machine *row, Machine *measured)
{
    Machine known = *row;
    Text names = text_new(arena);
    for (int i = 0; i < COUNT(measures); i++) {
        const double expected = *number_of(&known, measures[i].name), farthest = measures[i].farthest * (vague(row) ? VAGUE : 1);
        double *found = number_of(measured, measures[i].name);
        if (!(expected > 0) || *found <= 0 || (*found <= expected * farthest && *found * farthest >= expected))
            continue;
        text_format(&names, "%s%s %.3g", names.length > 0 ? ", " : "", measures[i].name, *found);
        *found = expected;
    }
    return names.data;
}
