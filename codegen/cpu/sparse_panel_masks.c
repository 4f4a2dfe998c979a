/* Which output channels form a panel, which of them use the same columns, and which sets of them get a loop of their own. */
#include "codegen/cpu/sparse_panel.h"

#include <string.h>

#define LOOP_COST 10.0               /* of entering a loop and leaving it, in vectors' loads */

/* ---- the order of output channels ---- */

/* Rows of about as many nonzeros share most: two dense ones almost all columns. */
static void order_rows(const Problem *problem, Panel *panel)
{
    Arena *arena = problem->graph->ctx->scratch;
    const int32_t *order = pattern_order(problem->pattern);
    const int *spread = spread_order((int)panel->group_panels, arena);
    panel->order = arena_array(arena, int32_t, panel->panels * panel->rows);
    for (int64_t p = 0; p < panel->panels; p++)
        for (int r = 0; r < panel->rows; r++) {
            const int64_t group = p / panel->group_panels, k = (int64_t)spread[p % panel->group_panels] * panel->rows + r;
            panel->order[p * panel->rows + r] = k < panel->group_outputs ? order[group * panel->group_outputs + k] : -1;
        }
}

/* ---- what they share ---- */

/* The words' columns by mask: each row halves every set that the rows before it made. */
static void count_word(const Problem *problem, const Panel *panel, const int32_t *rows, int64_t word, double *total)
{
    uint64_t sets[MOST_MASKS] = {~UINT64_C(0)};
    const int64_t words = pattern_words(problem->pattern->columns);
    for (int r = 0; r < panel->rows; r++) {
        const uint64_t bits = rows[r] < 0 ? 0 : problem->pattern->bits[rows[r] * words + word];
        for (int mask = 0; mask < 1 << r; mask++) {
            sets[mask | 1 << r] = sets[mask] & bits;
            sets[mask] &= ~bits;
        }
    }
    for (int mask = 1; mask < 1 << panel->rows; mask++)
        total[mask] += (double)__builtin_popcountll(sets[mask]);
}

/* Without positions: as chance would have it. */
static void count_by_chance(const Problem *problem, const Panel *panel, const int32_t *rows, double *total)
{
    const Pattern *pattern = problem->pattern;
    double sets[MOST_MASKS] = {(double)pattern->columns};
    for (int r = 0; r < panel->rows; r++) {
        const double density = rows[r] < 0 ? 0 : (double)pattern->row_nonzeros[rows[r]] / (double)pattern->columns;
        for (int mask = 0; mask < 1 << r; mask++) {
            sets[mask | 1 << r] = sets[mask] * density;
            sets[mask] *= 1 - density;
        }
    }
    for (int mask = 1; mask < 1 << panel->rows; mask++)
        total[mask] += sets[mask];
}

static void count_masks(const Problem *problem, Panel *panel)
{
    bool fresh;
    double *total = pattern_note(problem->pattern, "panel masks", panel->rows, sizeof panel->total, &fresh);
    for (int64_t p = 0; fresh && p < panel->panels; p++) {
        const int32_t *rows = panel->order + p * panel->rows;
        if (problem->pattern->bits == NULL)
            count_by_chance(problem, panel, rows, total);
        for (int64_t word = 0; problem->pattern->bits != NULL && word < pattern_words(problem->pattern->columns); word++)
            count_word(problem, panel, rows, word, total);
    }
    memcpy(panel->total, total, sizeof panel->total);
}

/* ---- loops ---- */

/* The largest set inside `mask` that has a loop; of equals the first. */
static int piece_of(const bool *kept, int mask)
{
    int best = 0;
    for (int part = mask; part > 0; part = (part - 1) & mask)
        if (kept[part] && __builtin_popcount((unsigned)part) >= __builtin_popcount((unsigned)best))
            best = part;
    return best;
}

/* A set that is rare is taken apart, which costs another load of the input: then no value is multiplied that is not a nonzero's. */
static void choose_loops(Panel *panel)
{
    const double runs = (double)(panel->panels * panel->slabs), vectors = panel->tiles.size + 2;
    bool kept[MOST_MASKS] = {false};
    for (int mask = 1; mask < 1 << panel->rows; mask++)
        kept[mask] = (mask & (mask - 1)) == 0 || panel->total[mask] * vectors > runs * LOOP_COST;
    for (int mask = 1; mask < 1 << panel->rows; mask++) {
        panel->piece[mask] = piece_of(kept, mask);
        for (int left = mask; left > 0; left &= ~panel->piece[left])
            panel->entries[panel->piece[left]] += panel->total[mask];
        if (kept[mask])
            panel->masks[panel->mask_count++] = mask;
    }
}

void panel_masks(const Problem *problem, Panel *panel)
{
    order_rows(problem, panel);
    count_masks(problem, panel);
    choose_loops(panel);
}
