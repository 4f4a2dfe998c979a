/* The picture of a layer's zeros: rows and channels as a grid, darker where more is not zero, sums along its sides, and the kernel's positions. */
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/inspect.h"
#include "compiler/cli/svg.h"

enum { MOST_CELLS = 64, LEFT = 60, TOP = 74, SIDE = 448, BAR = 100, GAP = 14, TAP = 44, SHADES = 8, FOOT = 40 };

typedef struct Grid {                /* rows and channels, in cells of several each */
    int64_t rows, channels, taps, groups;
    int down, across;                /* cells */
    double *cells;                   /* [down][across]: the share that is not zero; NULL: only the sums are known */
    double *row_share, *channel_share;       /* [down], [across] */
    double *tap_share;
} Grid;

static int64_t cell_start(int64_t count, int cells, int cell)
{
    return count * cell / cells;
}

static double *shares(Arena *arena, const int64_t *counts, int64_t count, int cells, double each)
{
    double *result = arena_array(arena, double, cells);
    for (int i = 0; i < cells; i++) {
        const int64_t from = cell_start(count, cells, i), to = cell_start(count, cells, i + 1);
        for (int64_t c = from; c < to; c++)
            result[i] += (double)counts[c] / ((double)(to - from) * each);
    }
    return result;
}

static double *cells_of(Arena *arena, const Pattern *pattern, const Grid *grid)
{
    double *cells = arena_array(arena, double, grid->down * grid->across);
    int *across = arena_array(arena, int, grid->channels);
    for (int i = 0; i < grid->across; i++)
        for (int64_t c = cell_start(grid->channels, grid->across, i); c < cell_start(grid->channels, grid->across, i + 1); c++)
            across[c] = i;
    for (int d = 0; d < grid->down; d++)
        for (int64_t r = cell_start(grid->rows, grid->down, d); r < cell_start(grid->rows, grid->down, d + 1); r++)
            for (int64_t c = 0; c < pattern->columns; c++)
                cells[d * grid->across + across[c / pattern->taps]] += pattern->bits[r * pattern_words(pattern->columns) + c / 64] >> (c % 64) & 1;
    for (int i = 0; i < grid->down * grid->across; i++) {
        const int d = i / grid->across, a = i % grid->across;
        const int64_t rows = cell_start(grid->rows, grid->down, d + 1) - cell_start(grid->rows, grid->down, d);
        const int64_t channels = cell_start(grid->channels, grid->across, a + 1) - cell_start(grid->channels, grid->across, a);
        cells[i] /= (double)(rows * channels * pattern->taps);
    }
    return cells;
}

static Grid grid_of(Arena *arena, const Pattern *pattern)
{
    Grid grid = {.rows = pattern->rows, .taps = pattern->taps, .groups = zeros_groups(pattern)};
    const int64_t *by_channel = zeros_by_channel(pattern, arena, &grid.channels);
    grid.down = grid.rows < MOST_CELLS ? (int)grid.rows : MOST_CELLS;
    grid.across = grid.channels < MOST_CELLS ? (int)grid.channels : MOST_CELLS;
    grid.row_share = shares(arena, zeros_by_row(pattern, arena), grid.rows, grid.down, (double)pattern->columns);
    grid.channel_share = shares(arena, by_channel, grid.channels, grid.across, (double)(grid.rows * grid.taps));
    grid.tap_share = shares(arena, zeros_by_tap(pattern, arena), grid.taps, (int)grid.taps, (double)(grid.rows * grid.channels));
    grid.cells = pattern->bits ? cells_of(arena, pattern, &grid) : NULL;
    return grid;
}

static double greatest(const double *shares, int count)
{
    double most = 0;
    for (int i = 0; i < count; i++)
        most = shares[i] > most ? shares[i] : most;
    return most;
}

/* Of the darkest; nothing at all stays white. */
static void draw_shade(FILE *stream, double share, double most, double x, double y, double width, double height)
{
    static const char *const looks[SHADES] = {"shade1", "shade2", "shade3", "shade4", "shade5", "shade6", "shade7", "shade8"};
    const int shade = most > 0 ? (int)(share / most * SHADES) : 0;
    if (share > 0)
        svg_box(stream, looks[shade < SHADES ? shade : SHADES - 1], x, y, width, height);
}

static void draw_cells(FILE *stream, const Grid *grid)
{
    const double width = (double)SIDE / grid->across, height = (double)SIDE / grid->down;
    const double most = grid->cells ? greatest(grid->cells, grid->down * grid->across) : 0;
    for (int i = 0; grid->cells && i < grid->down * grid->across; i++)
        draw_shade(stream, grid->cells[i], most, LEFT + i % grid->across * width, TOP + i / grid->across * height, width, height);
    if (!grid->cells)
        svg_text(stream, "small middle", LEFT + SIDE / 2, TOP + SIDE / 2, 0, "only the sums of rows and columns are kept of this layer");
    svg_box(stream, "frame", LEFT, TOP, SIDE, SIDE);
}

static void draw_sums(FILE *stream, const Grid *grid)
{
    const double width = (double)SIDE / grid->across, height = (double)SIDE / grid->down;
    const double widest = greatest(grid->row_share, grid->down), highest = greatest(grid->channel_share, grid->across);
    for (int i = 0; i < grid->down && widest > 0; i++)
        svg_box(stream, "fill", LEFT + SIDE + GAP, TOP + i * height, BAR * grid->row_share[i] / widest, height);
    for (int i = 0; i < grid->across && highest > 0; i++) {
        const double high = BAR * grid->channel_share[i] / highest;
        svg_box(stream, "fill", LEFT + i * width, TOP + SIDE + GAP + BAR - high, width, high);
    }
}

static const char *channels_label(Arena *arena, const Grid *grid)
{
    const char *word = grid->channels == 1 ? "channel" : "channels";
    if (grid->groups > 1)
        return arena_format(arena, "%lld input %s of each of %lld groups", (long long)grid->channels, word, (long long)grid->groups);
    return arena_format(arena, "%lld input %s", (long long)grid->channels, word);
}

static void draw_labels(FILE *stream, Arena *arena, const Grid *grid)
{
    svg_text(stream, "small middle", LEFT + SIDE / 2, TOP - 6, 0, channels_label(arena, grid));
    svg_text(stream, "small middle", LEFT - 8, TOP + SIDE / 2, -90, arena_format(arena, "%lld rows (output channels)", (long long)grid->rows));
    svg_text(stream, "small", LEFT + SIDE + GAP, TOP - 6, 0,
             arena_format(arena, "density of rows, to %s", percent_text(arena, greatest(grid->row_share, grid->down))));
    svg_text(stream, "small", LEFT, TOP + SIDE + GAP + BAR + 14, 0,
             arena_format(arena, "density of channels, to %s", percent_text(arena, greatest(grid->channel_share, grid->across))));
}

/* Planes of kernels of three dimensions stand apart. */
static double tap_top(int64_t tap, int64_t width, int64_t height)
{
    return (double)(tap / width) * TAP + (double)(tap / (width * height)) * GAP;
}

static void draw_taps(FILE *stream, Arena *arena, const Grid *grid, int64_t width, int64_t height, double left)
{
    const double most = greatest(grid->tap_share, (int)grid->taps);
    if (grid->taps < 2)
        return;
    svg_text(stream, "small", left, TOP - 6, 0, "density at each position of the kernel");
    for (int64_t t = 0; t < grid->taps; t++) {
        const double x = left + (double)(t % width) * TAP, y = TOP + tap_top(t, width, height);
        draw_shade(stream, grid->tap_share[t], 3 * most, x, y, TAP, TAP);        /* no darker than a third, to be written on */
        svg_text(stream, "small middle", x + TAP / 2, y + TAP / 2 + 3, 0, percent_text(arena, grid->tap_share[t]));
        svg_box(stream, "frame", x, y, TAP, TAP);
    }
}

/* Of at most so many positions: a kernel as large as an image is not drawn. */
enum { MOST_TAPS = 400 };

void draw_zeros(FILE *stream, const Inspection *inspection)
{
    Arena *arena = inspection->ctx->graph;
    const Pattern *pattern = inspection->layer->problem.pattern;
    const Node *node = inspection->layer->problem.node;
    Grid grid = grid_of(arena, pattern);
    const int64_t width = zeros_kernel_width(inspection), height = zeros_kernel_height(inspection);
    const bool taps = grid.taps > 1 && grid.taps <= MOST_TAPS;
    const double left = LEFT + SIDE + BAR + 4 * GAP, whole = left + (taps ? (double)(width < 5 ? 5 : width) * TAP : 0) + GAP;
    const double grid_height = TOP + SIDE + GAP + BAR + FOOT, tap_height = taps ? TOP + tap_top(grid.taps - 1, width, height) + TAP + FOOT : 0;
    svg_open(stream, whole, grid_height > tap_height ? grid_height : tap_height, node->name);
    svg_text(stream, "bold", LEFT, 24, 0, short_name(arena, node->name, 60));
    svg_text(stream, "", LEFT, 44, 0,
             arena_format(arena, "%lld of %lld weights are not zero: %s. Darker: more of them.", (long long)pattern->nonzeros,
                          (long long)(pattern->rows * pattern->columns), percent_text(arena, inspection->layer->problem.density)));
    draw_cells(stream, &grid);
    draw_sums(stream, &grid);
    draw_labels(stream, arena, &grid);
    if (taps)
        draw_taps(stream, arena, &grid, width, height, left);
    svg_close(stream);
}
