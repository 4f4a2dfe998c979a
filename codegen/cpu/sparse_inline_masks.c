/* Masks of lanes: of those whose input lies outside, in planes that are read as they are, and of those behind the last output. */
#include "codegen/cpu/sparse_inline.h"

#include <math.h>

#define TAIL_WORTH 0.02              /* of a layer's multiply-adds: what a text of its own for the last tile must save */

/* ---- planes that are read as they are ----
   A lane's input lies inside if its row does and its column does: so there is a mask for each row and each column of the kernel, and a tap's is both
   at once. Four of them come from memory as one word, for that is slow: a word takes the ports of nine multiply-adds on Zen 4, by microbenchmark,
   while shifting masks and joining them takes none. */

enum { OF_WORD = 4, MOST_WORDS = 4, ROW_REGISTER = 6, TAP_REGISTER = 7 };

/* Rows or columns of the kernel at which some outputs find nothing. */
static int64_t places_outside(int64_t places, int64_t dilation, int64_t pad)
{
    return places - (pad % dilation == 0 && pad / dilation < places);
}

/* Number of a row's or a column's mask, of those that begin with `first`; -1 if all outputs find something there. */
static int number_from(int64_t first, int64_t place, int64_t dilation, int64_t pad)
{
    return place * dilation == pad ? -1 : (int)(first + place - (pad % dilation == 0 && place * dilation > pad));
}

static int64_t columns_outside(const Window *window)
{
    return places_outside(window->kernel_width, window->dilation_x, window->pad_left);
}

static int64_t masks_of(const Window *window)
{
    return columns_outside(window) + places_outside(window->kernel_height, window->dilation_y, window->pad_top);
}

bool inline_masks_serve(const Window *window)
{
    return masks_of(window) <= OF_WORD * MOST_WORDS;
}

/* Columns of the kernel have the first numbers, for they change more often. */
static InlineTapMasks masks_of_tap(const Window *window, int64_t tap)
{
    return (InlineTapMasks){
        .row = number_from(columns_outside(window), tap / window->kernel_width, window->dilation_y, window->pad_top),
        .column = number_from(0, tap % window->kernel_width, window->dilation_x, window->pad_left),
    };
}

void inline_masks(Inline *inl, Arena *arena)
{
    const int64_t taps = window_taps(&inl->window);
    const bool masked = inl->planes.mode == PLANES_MASKED;
    InlineTapMasks *of_taps = arena_array(arena, InlineTapMasks, taps);
    for (int64_t t = 0; t < taps; t++)
        of_taps[t] = masked ? masks_of_tap(&inl->window, t) : (InlineTapMasks){-1, -1};
    inl->masks = of_taps;
    inl->mask_count = masked ? (int)masks_of(&inl->window) : 0;
    inl->mask_words = (int)divide_up(inl->mask_count, OF_WORD);
    inl->record = inl->mask_count > 0 ? (int)divide_up(8 * inl->mask_words + 4, 16) * 16 : INLINE_RECORD * inl->vectors;
}

/* Lanes from this position on whose row, or column, is inside at this place of the kernel. */
static uint16_t lanes_inside(const Inline *inl, int64_t position, bool rows, int64_t place)
{
    const Window *window = &inl->window;
    const int64_t moved = rows ? place * window->dilation_y - window->pad_top : place * window->dilation_x - window->pad_left;
    unsigned mask = 0;
    for (int lane = 0; lane < inl->lanes; lane++) {
        const int64_t at = (rows ? (position + lane) / window->width : (position + lane) % window->width) + moved;
        if (at >= 0 && at < (rows ? window->height : window->width))
            mask |= 1u << lane;
    }
    return (uint16_t)mask;
}

void inline_masks_at(const Inline *inl, int64_t position, uint16_t *masks)
{
    const int64_t width = inl->window.kernel_width;
    for (int64_t t = 0; t < window_taps(&inl->window); t++) {
        if (inl->masks[t].row >= 0)
            masks[inl->masks[t].row] = lanes_inside(inl, position, true, t / width);
        if (inl->masks[t].column >= 0)
            masks[inl->masks[t].column] = lanes_inside(inl, position, false, t % width);
    }
}

/* Words are in the first registers, the lowest of their masks at hand; others follow shifted down, as many as there is room for; 0: not at hand. */
static int register_of(const Inline *inl, int number)
{
    const int rank = number - number / OF_WORD - 1, place = inl->mask_words + 1 + rank;
    return number % OF_WORD == 0 ? 1 + number / OF_WORD : place < ROW_REGISTER ? place : 0;
}

static void add_shift(InlineMaskSteps *steps, int number, int to)
{
    steps->step[steps->count++] = (InlineMaskStep){.bits = 16 * (number % OF_WORD), .from = 1 + number / OF_WORD, .to = to};
}

InlineMaskSteps inline_masks_begin(const Inline *inl)
{
    InlineMaskSteps steps = {.count = 0};
    for (int number = 0; number < inl->mask_count; number++)
        if (number % OF_WORD != 0 && register_of(inl, number) > 0)
            add_shift(&steps, number, register_of(inl, number));
    return steps;
}

InlineMaskSteps inline_mask_steps(const Inline *inl, int64_t tap, int *held)
{
    const InlineTapMasks of_tap = inl->masks[tap];
    InlineMaskSteps steps = {.count = 0};
    int row = of_tap.row >= 0 ? register_of(inl, of_tap.row) : 0, column = of_tap.column >= 0 ? register_of(inl, of_tap.column) : 0;
    if (of_tap.row >= 0 && row == 0) {
        row = ROW_REGISTER;
        if (*held != of_tap.row)
            add_shift(&steps, of_tap.row, row);
        *held = of_tap.row;
    }
    if (of_tap.column >= 0 && column == 0) {
        column = TAP_REGISTER;
        add_shift(&steps, of_tap.column, column);
    }
    steps.mask = row > 0 ? row : column;
    if (row > 0 && column > 0) {
        steps.mask = TAP_REGISTER;
        steps.step[steps.count++] = (InlineMaskStep){.from = row, .with = column, .to = TAP_REGISTER};
    }
    return steps;
}

/* ---- the outputs behind the last whole tile ---- */

static uint16_t tail_mask_at(const Inline *inl, int64_t tap)
{
    const uint16_t outputs = (uint16_t)((1u << inl->tail.outputs) - 1);
    const int64_t begin = inl->planes.positions - inl->tail.outputs, width = inl->window.kernel_width;
    return inl->planes.mode == PLANES_MASKED ? lanes_inside(inl, begin, true, tap / width) & lanes_inside(inl, begin, false, tap % width) & outputs
                                             : outputs;
}

/* The number of this mask, a new one if need be; 0 of none, and of one too many. */
static int number_of_mask(InlineTail *tail, uint16_t mask)
{
    int i = 0;
    while (i < tail->mask_count && tail->masks[i] != mask)
        i++;
    if (mask == 0 || i == INLINE_TAIL_MASKS)
        return 0;
    tail->masks[i] = mask;
    tail->mask_count += i == tail->mask_count;
    return i + 1;
}

/* Sets the masks of taps; false if there are too many. The first is that of the outputs. */
static bool tail_masks(Inline *inl, Arena *arena)
{
    const int64_t taps = window_taps(&inl->window);
    InlineTail *tail = &inl->tail;
    int8_t *of_taps = arena_array(arena, int8_t, taps);
    int reached = 0;
    number_of_mask(tail, (uint16_t)((1u << tail->outputs) - 1));
    for (int64_t t = 0; t < taps; t++) {
        const uint16_t mask = tail_mask_at(inl, t);
        of_taps[t] = (int8_t)number_of_mask(tail, mask);
        if (mask != 0 && of_taps[t] == 0)
            return false;
        reached += mask != 0;
    }
    tail->of_taps = of_taps;
    tail->reached = (double)reached / (double)taps;
    return true;
}

static double turns(const Problem *problem, int lanes)
{
    return fmax(1, 4.0 * lanes / problem->target->machine.vector_bytes);
}

/* Few taps reach them, or a part of a vector holds them. */
void inline_tail(const Problem *problem, Inline *inl)
{
    const int outputs = (int)(inl->planes.positions % inl->lanes), lanes = outputs <= 4 ? 4 : outputs <= 8 ? 8 : inl->lanes;
    const bool whole = inl->dialect == DIALECT_AVX512 && inl->vectors == 1 && inl->finish == FINISH_STORE;
    if (!whole || outputs == 0 || inl->tiles < 2)
        return;
    inl->tail = (InlineTail){.outputs = outputs, .lanes = problem->target->isa.extended ? lanes : inl->lanes};
    const bool fits = tail_masks(inl, problem->graph->ctx->scratch);
    const double takes = inl->tail.reached * turns(problem, inl->tail.lanes) / turns(problem, inl->lanes);
    if (!fits || 1 - takes < TAIL_WORTH * (double)inl->tiles) {
        inl->tail = (InlineTail){.outputs = 0};
        return;
    }
    inl->tiles--;
    inl->back = 0;
}
