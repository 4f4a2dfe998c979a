/* Patterns that weights do not have yet: at another density, and without what is empty. Only counts are made up, never positions. */
#include "compiler/plan/internal.h"

#include <math.h>

/* The factor for which the counts, none above `most`, have this sum. Each round finds counts that are capped, so a few are enough. */
static double factor_for(const int32_t *counts, int64_t count, int64_t most, double total)
{
    double factor = 0;
    for (int round = 0; round < 64; round++) {
        double free = 0, capped = 0;
        for (int64_t i = 0; i < count; i++)
            if ((double)counts[i] * factor >= (double)most)
                capped += (double)most;
            else
                free += counts[i];
        const double next = free > 0 ? (total - capped) / free : factor;
        if (next <= factor)
            break;
        factor = next;
    }
    return factor;
}

/* Spreads what is left over counts below `most`: those above zero first, so that what is empty stays so while it can. */
static void fill_up(int32_t *counts, int64_t count, int64_t most, int64_t left, bool empty)
{
    int64_t open = 0;
    for (int64_t i = 0; i < count; i++)
        open += counts[i] < most && (counts[i] > 0 || empty);
    for (int64_t i = 0; i < count && left > 0; i++) {
        if (counts[i] >= most || (counts[i] == 0 && !empty))
            continue;
        const int64_t share = (left + open - 1) / open, room = most - counts[i], more = share < room ? share : room;
        counts[i] += (int32_t)more;
        left -= more;
        open--;
    }
}

static int64_t sum_of(const int32_t *counts, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += counts[i];
    return sum;
}

/* Counts in the same proportions, none above `most`, that sum to `total` exactly: what rounding takes from one, the next ones get. */
static int32_t *scaled(const int32_t *counts, int64_t count, int64_t most, int64_t total, Arena *arena)
{
    int32_t *made = arena_array(arena, int32_t, count + 1);
    const double factor = factor_for(counts, count, most, (double)total);
    int64_t left = total;
    double carried = 0;
    for (int64_t i = 0; i < count; i++) {
        const double exact = fmin((double)most, counts[i] * factor) + (counts[i] > 0 ? carried : 0);
        const double whole = fmax(0, fmin(fmin(floor(exact + 0.5), (double)most), (double)left));
        carried = counts[i] > 0 ? exact - whole : carried;
        made[i] = (int32_t)whole;
        left -= made[i];
    }
    fill_up(made, count, most, left, false);
    fill_up(made, count, most, total - sum_of(made, count), true);
    return made;
}

static int64_t zeros_in(const int32_t *counts, int64_t count)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++)
        zeros += counts[i] == 0;
    return zeros;
}

static int64_t channels_empty(const Pattern *pattern)
{
    int64_t empty = 0;
    for (int64_t c = 0; c < pattern->columns; c += pattern->taps)
        empty += zeros_in(pattern->column_nonzeros + c, pattern->taps) == pattern->taps;
    return empty;
}

static bool grouped(const Pattern *pattern)
{
    return pattern->channels * pattern->taps != pattern->columns;
}

/* Kernels that would have a nonzero if each weight had one with the same chance. */
static double kernels_by_chance(const Pattern *pattern, double nonzeros)
{
    const double pairs = (double)pattern->rows * (double)(pattern->columns / pattern->taps), density = nonzeros / (pairs * (double)pattern->taps);
    return pairs * (1 - pow(1 - fmin(density, 1), (double)pattern->taps));
}

/* As many more or fewer as there would be by chance. */
static int64_t kernels_scaled(const Pattern *pattern, int64_t nonzeros)
{
    if (nonzeros == 0 || pattern->nonzeros == 0)
        return (int64_t)kernels_by_chance(pattern, (double)nonzeros);
    const double ratio = kernels_by_chance(pattern, (double)nonzeros) / kernels_by_chance(pattern, (double)pattern->nonzeros);
    const double least = ceil((double)nonzeros / (double)pattern->taps), pairs = (double)pattern->rows * (double)(pattern->columns / pattern->taps);
    return (int64_t)fmin(fmin(pairs, (double)nonzeros), fmax(least, floor((double)pattern->kernels * ratio + 0.5)));
}

static int64_t distinct_scaled(const Pattern *pattern, int64_t rows, bool full)
{
    const int64_t most = full || pattern->distinct_rows == 0 ? 1 : pattern->distinct_rows;
    return most < rows ? most : rows;
}

const Pattern *pattern_at_density(const Pattern *pattern, double density, Arena *arena)
{
    const double all = (double)pattern->rows * (double)pattern->columns;
    const int64_t total = (int64_t)fmin(all, fmax(0, floor(all * density + 0.5)));
    Pattern *made = arena_new_of(arena, Pattern);
    *made = *pattern;
    if (total == pattern->nonzeros)
        return made;
    made->nonzeros = total;
    made->bits = NULL;
    made->notes = pattern_notes_new(arena);
    made->row_nonzeros = scaled(pattern->row_nonzeros, pattern->rows, pattern->columns, total, arena);
    made->column_nonzeros = scaled(pattern->column_nonzeros, pattern->columns, pattern->rows, total, arena);
    made->empty_rows = zeros_in(made->row_nonzeros, made->rows);
    made->empty_columns = zeros_in(made->column_nonzeros, made->columns);
    made->empty_channels = !grouped(made) ? channels_empty(made) : (double)total < all ? pattern->empty_channels : 0;
    made->kernels = kernels_scaled(pattern, total);
    made->distinct_rows = distinct_scaled(pattern, made->rows - made->empty_rows, (double)total == all);
    made->imbalance = pattern_imbalance(made);
    return made;
}

const Pattern *pattern_compacted(const Pattern *pattern, Arena *arena)
{
    if (grouped(pattern) || (pattern->empty_rows == 0 && pattern->empty_channels == 0))
        return NULL;
    Pattern *made = arena_new_of(arena, Pattern);
    int32_t *rows = arena_array(arena, int32_t, pattern->rows + 1), *columns = arena_array(arena, int32_t, pattern->columns + 1);
    const int64_t taps = pattern->taps;
    *made = *pattern;
    made->bits = NULL;
    made->notes = pattern_notes_new(arena);
    made->rows = made->columns = made->channels = 0;
    for (int64_t i = 0; i < pattern->rows; i++)
        if (pattern->row_nonzeros[i] > 0)
            rows[made->rows++] = pattern->row_nonzeros[i];
    for (int64_t c = 0; c < pattern->columns; c += taps) {
        if (zeros_in(pattern->column_nonzeros + c, taps) == taps)
            continue;
        made->channels++;
        for (int64_t t = 0; t < taps; t++)
            columns[made->columns++] = pattern->column_nonzeros[c + t];
    }
    made->row_nonzeros = rows;
    made->column_nonzeros = columns;
    made->empty_rows = made->empty_channels = 0;
    made->empty_columns -= pattern->empty_channels * taps;
    made->imbalance = pattern_imbalance(made);
    return made;
}
