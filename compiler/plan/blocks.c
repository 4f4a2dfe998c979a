/* Packs blocks that are alive for a while into one stretch of memory, so that blocks alive together never overlap. The best packing is a hard
   problem; placing them one by one, each into the tightest gap, comes near the lower bound, and the best of several orders nearer. */
#include "compiler/plan/internal.h"

#include <stdlib.h>
#include <string.h>

#define MOST_FOR_ALL_ORDERS 4096     /* past this many blocks, one order has to do: placing takes time quadratic in their number */

#define MOST_TO_SPREAD 512           /* looking for their places takes time with the third power of their number */

typedef int BlockOrder(const void *a, const void *b);    /* of pointers to blocks */

size_t block_round(size_t bytes)
{
    size_t more;
    return checked_add(bytes, BLOCK_ALIGNMENT - 1, &more) ? more / BLOCK_ALIGNMENT * BLOCK_ALIGNMENT : SIZE_MAX;
}

static int earlier(const Block *a, const Block *b)
{
    return a->first != b->first ? (a->first > b->first) - (a->first < b->first) : (a > b) - (a < b);
}

static int by_size(const void *a, const void *b)
{
    const Block *x = *(Block *const *)a, *y = *(Block *const *)b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : earlier(x, y);
}

static int by_area(const void *a, const void *b)
{
    const Block *x = *(Block *const *)a, *y = *(Block *const *)b;
    double of_x = (double)x->bytes * (x->last - x->first + 1), of_y = (double)y->bytes * (y->last - y->first + 1);
    return of_x != of_y ? (of_x < of_y) - (of_x > of_y) : earlier(x, y);
}

static int by_start(const void *a, const void *b)
{
    const Block *x = *(Block *const *)a, *y = *(Block *const *)b;
    return x->first != y->first ? earlier(x, y) : by_size(a, b);
}

static bool together(const Block *a, const Block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The offset of the tightest gap between the placed blocks (sorted by offset) that are alive together with `block`; behind them all if none is
   wide enough. */
static size_t tightest_gap(const Block *block, Block *const *placed, int count)
{
    size_t best = SIZE_MAX, best_width = SIZE_MAX, free_from = 0;
    for (int i = 0; i < count; i++) {
        const Block *other = placed[i];
        if (!together(block, other))
            continue;
        if (other->offset > free_from) {
            size_t width = other->offset - free_from;
            if (width >= block->bytes && width < best_width) {
                best = free_from;
                best_width = width;
            }
        }
        if (other->offset + other->bytes > free_from)
            free_from = other->offset + other->bytes;
    }
    return best_width != SIZE_MAX ? best : free_from;
}

static void insert_by_offset(Block **placed, int count, Block *block)
{
    int at = count;
    for (; at > 0 && placed[at - 1]->offset > block->offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = block;
}

/* Places the blocks in the given order; the size of the whole. */
static size_t place_in_order(Block **sorted, Block **placed, int count)
{
    size_t whole = 0;
    for (int i = 0; i < count; i++) {
        sorted[i]->offset = tightest_gap(sorted[i], placed, i);
        insert_by_offset(placed, i, sorted[i]);
        size_t end = sorted[i]->offset + sorted[i]->bytes;
        whole = end > whole ? end : whole;
    }
    return whole;
}

/* Rounds all sizes; false if their sum, which no offset exceeds, overflows. */
static bool round_sizes(Block *blocks, int count)
{
    size_t sum = 0;
    for (int i = 0; i < count; i++) {
        blocks[i].bytes = block_round(blocks[i].bytes);
        if (!checked_add(sum, blocks[i].bytes, &sum))
            return false;
    }
    return true;
}

size_t blocks_place(Block *blocks, int count, Arena *scratch)
{
    static BlockOrder *const orders[] = {by_size, by_area, by_start};
    if (!round_sizes(blocks, count))
        return SIZE_MAX;
    Block **sorted = arena_array(scratch, Block *, count + 1), **placed = arena_array(scratch, Block *, count + 1);
    size_t *best = arena_array(scratch, size_t, count + 1), smallest = SIZE_MAX;
    for (int order = 0; order < (count > MOST_FOR_ALL_ORDERS ? 1 : COUNT(orders)); order++) {
        for (int i = 0; i < count; i++)
            sorted[i] = &blocks[i];
        qsort(sorted, (size_t)count, sizeof *sorted, orders[order]);
        size_t whole = place_in_order(sorted, placed, count);
        if (whole >= smallest)
            continue;
        smallest = whole;
        for (int i = 0; i < count; i++)
            best[i] = blocks[i].offset;
    }
    for (int i = 0; i < count; i++)
        blocks[i].offset = best[i];
    return smallest;
}

/* ---- blocks that rest before they are written again ---- */

typedef struct Rest {                /* the best place so far */
    size_t offset;
    double bytes;                    /* touched since another block last stood there; at most `enough` */
} Rest;

/* What was touched between the death of any block that this offset would overwrite and the birth of this one; negative if one is still alive. */
static double rest_at(const Block *block, size_t offset, const Block *blocks, int count, const double *passed, double least, double enough)
{
    double rest = enough;
    for (int i = 0; i < count && rest > least; i++) {
        const Block *other = &blocks[i];
        if (other == block || offset >= other->offset + other->bytes || other->offset >= offset + block->bytes)
            continue;
        if (together(block, other))
            return -1;
        const double since = other->last < block->first ? passed[block->first] - passed[other->last + 1] : enough;
        rest = since < rest ? since : rest;
    }
    return rest;
}

static void try_offset(Rest *best, const Block *block, size_t offset, size_t whole, const Block *blocks, int count, const double *passed, double enough)
{
    if (offset > whole || block->bytes > whole - offset)
        return;
    const double rest = rest_at(block, offset, blocks, count, passed, best->bytes, enough);
    if (rest > best->bytes)
        *best = (Rest){offset, rest};
}

void blocks_spread(Block *blocks, int count, size_t whole, const double *passed, double enough, Arena *scratch)
{
    if (count > MOST_TO_SPREAD)
        return;
    Block **sorted = arena_array(scratch, Block *, count + 1);
    for (int i = 0; i < count; i++)
        sorted[i] = &blocks[i];
    qsort(sorted, (size_t)count, sizeof *sorted, by_start);
    for (int i = 0; i < count; i++) {
        Block *block = sorted[i];
        Rest best = {block->offset, rest_at(block, block->offset, blocks, count, passed, -1, enough)};
        for (int o = 0; o < count && best.bytes < enough; o++) {
            const Block *other = &blocks[o];
            try_offset(&best, block, other->offset + other->bytes, whole, blocks, count, passed, enough);
            if (other->offset >= block->bytes)
                try_offset(&best, block, other->offset - block->bytes, whole, blocks, count, passed, enough);
        }
        block->offset = best.offset;
    }
}

size_t blocks_bound(const Block *blocks, int count, int stages, Arena *scratch)
{
    /* What begins and ends at each stage, summed up in order; unsigned sums may wrap on the way and come right. */
    size_t *change = arena_array(scratch, size_t, stages + 2), alive = 0, most = 0;
    for (int i = 0; i < count; i++) {
        change[blocks[i].first] += block_round(blocks[i].bytes);
        change[blocks[i].last + 1] -= block_round(blocks[i].bytes);
    }
    for (int stage = 0; stage < stages; stage++) {
        alive += change[stage];
        most = alive > most ? alive : most;
    }
    return most;
}
