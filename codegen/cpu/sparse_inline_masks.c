/* Masks of lanes: of those whose input lies outside, in planes that are read as they are, and of those behind the last output. */
#include "codegen/cpu/sparse_inline.h"

#include <math.h>

#define TAIL_WORTH 0.02              /* of a layer's multiply-adds, which a text of its own for the last tile must save: it is read for one tile */

bool inline_mask_kept(const Inline *inl, int mask)
{
    return mask <= INLINE_MASKS_KEPT || inl->mask_count <= INLINE_MASKS_KEPT + 1;
}

/* Does every output find this tap of PLANES_MASKED inside? An offset of 0 does not say so: in a plane of one column the tap a row below and a column
   to the left has it too, and lies outside. */
static bool always_inside(const Window *window, int64_t tap)
{
    return tap / window->kernel_width * window->dilation_y == window->pad_top && tap % window->kernel_width * window->dilation_x == window->pad_left;
}

/* Each tap but the one in the middle has a mask of the lanes whose input lies inside. */
void inline_masks(Inline *inl, Arena *arena)
{
    const int64_t taps = window_taps(&inl->window);
    int8_t *masks = arena_array(arena, int8_t, taps);
    for (int64_t t = 0; t < taps && inl->planes.mode == PLANES_MASKED; t++)
        masks[t] = (int8_t)(always_inside(&inl->window, t) ? 0 : ++inl->mask_count);
    inl->masks = masks;
    inl->record = inl->mask_count > 0 ? (int)divide_up(2 * inl->mask_count + 4, INLINE_RECORD) * INLINE_RECORD : INLINE_RECORD * inl->vectors;
}

uint16_t inline_mask_at(const Inline *inl, int64_t position, int64_t tap)
{
    const Window *window = &inl->window;
    const int64_t down = tap / window->kernel_width * window->dilation_y - window->pad_top;
    const int64_t right = tap % window->kernel_width * window->dilation_x - window->pad_left;
    unsigned mask = 0;
    for (int lane = 0; lane < inl->lanes; lane++) {
        const int64_t row = (position + lane) / window->width + down, column = (position + lane) % window->width + right;
        if (row >= 0 && row < window->height && column >= 0 && column < window->width)
            mask |= 1u << lane;
    }
    return (uint16_t)mask;
}


/* ---- the outputs behind the last whole tile ---- */

static uint16_t tail_mask_at(const Inline *inl, int64_t tap)
{
    const uint16_t outputs = (uint16_t)((1u << inl->tail.outputs) - 1);
    return inl->planes.mode == PLANES_MASKED ? inline_mask_at(inl, inl->planes.positions - inl->tail.outputs, tap) & outputs : outputs;
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
    return fmax(1, 4 * lanes / problem->target->machine.vector_bytes);
}

/* Few outputs behind the last whole tile, which few taps reach, or which a part of a vector holds, are worth a text of their own. */
void inline_tail(const Problem *problem, Inline *inl)
{
    const int outputs = (int)(inl->planes.positions % inl->lanes), lanes = outputs <= 4 ? 4 : outputs <= 8 ? 8 : inl->lanes;
    if (inl->dialect != DIALECT_AVX512 || inl->vectors > 1 || inl->finish != FINISH_STORE || outputs == 0 || inl->tiles < 2)
        return;
    inl->tail = (InlineTail){.outputs = outputs, .lanes = problem->target->isa.parts ? lanes : inl->lanes};
    const bool fits = tail_masks(inl, problem->graph->ctx->scratch);
    const double takes = inl->tail.reached * turns(problem, inl->tail.lanes) / turns(problem, inl->lanes);
    if (!fits || 1 - takes < TAIL_WORTH * (double)inl->tiles) {
        inl->tail = (InlineTail){.outputs = 0};
        return;
    }
    inl->tiles--;
    inl->back = 0;
}
