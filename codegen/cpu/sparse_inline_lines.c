/* Input by lines: a vector of 64 bytes that begins inside a cache line takes two turns of the load ports and more, one that is aligned out of two
   registers none. So of AVX-512's bodies with a vector a tile, the lines that neighbouring taps share are loaded once and stay in registers. Tiles
   begin on lines, so all of this is known to the text. */
#include "codegen/cpu/sparse_inline.h"

#include <math.h>

#define LINE_FLOATS 16

void inline_lines_forget(InlineLines *lines)
{
    for (int i = 0; i < INLINE_LINES; i++)
        lines->line[i] = -1;
}

/* The register that has this line; -1: none. */
static int register_of(const InlineLines *lines, int64_t line)
{
    for (int i = 0; i < INLINE_LINES; i++)
        if (lines->line[i] == line)
            return i;
    return -1;
}

/* Columns come in rising order, mostly: the lowest line is done with. */
static int take_register(InlineLines *lines, int64_t line, int64_t other)
{
    int best = -1;
    for (int i = 0; i < INLINE_LINES; i++)
        if (lines->line[i] != other && (best < 0 || lines->line[i] < lines->line[best]))
            best = i;
    lines->line[best] = line;
    return best;
}

static int want(InlineLines *lines, int64_t line, int64_t other, InlineStep *step)
{
    const int have = register_of(lines, line);
    if (have >= 0)
        return have;
    step->line[step->loads] = line;
    step->to[step->loads] = take_register(lines, line, other);
    return step->to[step->loads++];
}

static bool touches(int64_t offset, int64_t line)
{
    return offset >= 0 && (offset / LINE_FLOATS == line || (offset + LINE_FLOATS - 1) / LINE_FLOATS == line);
}

InlineStep inline_lines_step(const Inline *inl, InlineLines *lines, int64_t offset, int64_t next)
{
    const int64_t line = offset / LINE_FLOATS, end = (offset + LINE_FLOATS - 1) / LINE_FLOATS;
    const bool has_first = register_of(lines, line) >= 0, has_last = register_of(lines, end) >= 0;
    InlineStep step = {.low = -1, .high = -1, .shift = (int)(offset % LINE_FLOATS)};
    if (offset < 0 || end >= inl->past_line || (!has_first && !has_last && !touches(next, line) && !touches(next, end)))
        return step;
    step.low = want(lines, line, end, &step);
    step.high = want(lines, end, line, &step);
    return step;
}

/* ---- counting ---- */

typedef struct Taken { int64_t offset, tap; } Taken;     /* tap -1: there is none */

static void count_column(const Inline *inl, InlineLines *lines, int *held, Taken taken, int64_t next, InlineInput *input)
{
    const int64_t offset = taken.offset;
    const InlineStep step = inline_lines_step(inl, lines, offset, next);
    input->loads += step.low < 0 ? 1 : step.loads;
    input->split += step.low < 0 && step.shift > 0;
    input->aligned += step.low >= 0 && step.shift > 0;
    const InlineMaskSteps steps = inline_mask_steps(inl, taken.tap, held);
    input->copied += step.low >= 0 && step.shift == 0 && steps.mask > 0;
    input->masks += steps.count;
}

/* Is the column used by a group without known bits? So many of them are. */
static bool by_chance(uint64_t number, double share)
{
    number *= 0x9e3779b97f4a7c15u;
    number ^= number >> 29;
    number *= 0xbf58476d1ce4e5b9u;
    return (double)(number >> 40) < share * 0x1p24;
}

/* Of a word of columns, which the group uses. */
static uint64_t columns_used(const Problem *problem, const Inline *inl, int group, double share, int64_t word)
{
    const Pattern *pattern = problem->pattern;
    uint64_t used = 0;
    for (int64_t column = 64 * word; pattern->bits == NULL && column < pattern->columns && column < 64 * (word + 1); column++)
        used |= (uint64_t)by_chance((uint64_t)(column * inl->group_count + group), share) << column % 64;
    for (int i = 0; pattern->bits != NULL && i < inl->groups[group].rows; i++)
        used |= pattern->bits[inl->order[inl->groups[group].first + i] * pattern_words(pattern->columns) + word];
    return used;
}

static void count_group(const Problem *problem, const Inline *inl, int group, double used, InlineInput *input)
{
    const int64_t columns = problem->pattern->columns, taps = window_taps(&inl->window), channels = inl->window.channels / inl->window.group;
    const int64_t first = group / (inl->group_count / inl->window.group) * channels;
    InlineLines lines;
    Taken waiting = {-1, -1};
    int held = -1;
    inline_lines_forget(&lines);
    for (int64_t word = 0; word < pattern_words(columns); word++)
        for (uint64_t left = columns_used(problem, inl, group, used / (double)columns, word); left != 0; left &= left - 1) {
            const int64_t column = 64 * word + __builtin_ctzll(left);
            const int64_t tap = column % taps, offset = (first + column / taps) * inl->planes.channel + inl->planes.taps[tap];
            if (waiting.tap >= 0)
                count_column(inl, &lines, &held, waiting, offset, input);
            waiting = (Taken){offset, tap};
        }
    if (waiting.tap >= 0)
        count_column(inl, &lines, &held, waiting, -1, input);
}

/* One number for equal groups over planes whose taps lie alike. */
static int64_t planes_number(const Inline *inl)
{
    uint64_t number = inline_mix(inline_mix(inl->groups_number, inl->planes.channel), inl->past_line);
    for (int64_t t = 0; t < window_taps(&inl->window); t++)
        number = inline_mix(number, inl->planes.taps[t]);
    return (int64_t)(number >> 1);
}

const InlineInput *inline_inputs(const Problem *problem, const Inline *inl)
{
    const double *used = inline_used(problem, inl);
    bool fresh;
    InlineInput *inputs = pattern_note(problem->pattern, "inline inputs", planes_number(inl), (size_t)inl->group_count * sizeof *inputs, &fresh);
    for (int g = 0; fresh && g < inl->group_count; g++)
        count_group(problem, inl, g, used[g], &inputs[g]);
    return inputs;
}
