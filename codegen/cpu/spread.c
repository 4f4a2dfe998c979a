/* Threads take neighbouring shares of what stands in a row: things of unequal size, sorted, must be spread. */
#include "codegen/cpu/cpu.h"

/* The order of reversed bits. */
int *spread_order(int count, Arena *arena)
{
    int *order = arena_array(arena, int, count + 1), found = 0, bits = 0;
    while (1 << bits < count)
        bits++;
    for (int i = 0; i < 1 << bits; i++) {
        int reversed = 0;
        for (int bit = 0; bit < bits; bit++)
            reversed |= (i >> bit & 1) << (bits - 1 - bit);
        if (reversed < count)
            order[found++] = reversed;
    }
    return order;
}
