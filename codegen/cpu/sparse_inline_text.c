/* Bodies as text: one call of a word a line's part, in C or in assembler, whose words sparse_inline_words.c defines. */
#include "codegen/cpu/sparse_inline.h"

#include <string.h>

#define LINE_BYTES 64
#define LINE_FLOATS 16

enum { LINES = 28, TOP = 31 };       /* registers of AVX-512: of lines, and of a column's input */

/* ---- what dialects have in common ---- */

static bool assembler(const Inline *inl)
{
    return inl->dialect != DIALECT_C;
}

static bool neon(const Inline *inl)
{
    return inl->dialect == DIALECT_NEON;
}

/* Offsets in memory count floats in C, bytes in assembler. */
static int64_t offset(const InlineWriter *writer, int64_t floats)
{
    return assembler(writer->inl) ? 4 * floats : floats;
}

/* ---- the stream of weights ---- */

/* Where the next `count` weights stand from the pointer, which is moved on when they pass what short instructions reach. */
static int64_t take_weights(InlineWriter *writer, int count)
{
    if (!assembler(writer->inl)) {
        writer->weight += count;
        return writer->weight - count;
    }
    const int64_t behind = inline_reach(writer->inl->dialect), ahead = neon(writer->inl) ? NEON_REACH : behind;
    if (writer->weight + count - writer->base > ahead) {
        const int64_t base = neon(writer->inl) ? writer->weight / 8 * 8 : writer->weight + behind;
        writer_word(&writer->words, 'W', 4 * (base - writer->base));
        writer->base = base;
    }
    writer->weight += count;
    return 4 * (writer->weight - count - writer->base);
}

/* ---- what the walk meets ---- */

static int64_t buffer_at(const InlineWriter *writer, int row, int vector)
{
    return offset(writer, (writer->group_row + row) * writer->inl->stride + vector * writer->inl->lanes);
}

/* Where a row of the group goes: into the buffer, or to the results. */
static int64_t result_at(const InlineWriter *writer, int row, int vector)
{
    const Inline *inl = writer->inl;
    const int64_t plane = inl->window.out_height * inl->window.out_width, channel = inl->order[writer->group->first + row];
    if (inl->finish == FINISH_ROWS)
        return buffer_at(writer, row, vector);
    return offset(writer, channel * plane + (inl->finish == FINISH_LANES ? 0 : vector * inl->lanes));
}

void inline_text_open(void *user, const InlineGroup *group, bool first)
{
    InlineWriter *writer = user;
    const int vectors = writer->inl->vectors;
    writer->group = group;
    writer->asked_channel = -1;
    writer->begun = false;
    writer->turn = 0;
    inline_lines_forget(&writer->lines);
    if (writer->use) {
        writer->weight += first ? group->rows : 0;
        return;
    }
    if (!assembler(writer->inl))
        writer_open_word(&writer->words, '{');
    for (int row = 0; row < group->rows; row++) {
        const int64_t at = first ? take_weights(writer, 1) : 0;
        for (int v = 0; v < vectors; v++)
            if (first)
                writer_word_two(&writer->words, 'B', at, row * vectors + v);
            else
                writer_word_two(&writer->words, 'A', buffer_at(writer, row, v), row * vectors + v);
    }
}

/* Lines of code and weights that will be wanted soon are asked for in equal shares of each tile, spread over its nonzeros. */
static void fetch_ahead(InlineWriter *writer)
{
    const Inline *inl = writer->inl;
    const int64_t code = divide_up(writer->count * inl->code_lines, writer->all), weights = divide_up(writer->count * inl->weight_lines, writer->all);
    for (; writer->asked_code < inl->code_lines && writer->asked_code < code; writer->asked_code++)
        writer_word(&writer->words, 'P', writer->asked_code * LINE_BYTES);
    for (; writer->asked_weights < inl->weight_lines && writer->asked_weights < weights; writer->asked_weights++)
        writer_word(&writer->words, 'Q', writer->asked_weights * LINE_BYTES);
}

/* How far behind the pointer this input is: the pointer moves there first where loads do not reach it. */
static int64_t take_input(InlineWriter *writer, int64_t floats)
{
    if (!neon(writer->inl))
        return offset(writer, floats);
    if (!neon_input_reached(4 * floats - writer->input, writer->inl->vectors)) {
        const int64_t moved = neon_input_moved(4 * floats);
        writer_word(&writer->words, 'R', moved - writer->input);
        writer->input = moved;
    }
    return 4 * floats - writer->input;
}

/* `variant`: a letter behind the word's name; 0: none. `input`: of this column, or of the next one. */
static void put_column(InlineWriter *writer, const InlineColumn *column, char variant, int64_t input, int64_t weights)
{
    const int vectors = writer->inl->vectors;
    writer_open_word(&writer->words, 'N');
    writer_number(&writer->words, column->count);
    if (variant)
        writer_letter(&writer->words, variant);
    writer_first_operand(&writer->words, input);
    writer_operand(&writer->words, weights);
    for (int i = 0; i < column->count; i++)
        for (int v = 0; v < vectors; v++)
            writer_operand(&writer->words, column->rows[i] * vectors + v);
    writer_close_word(&writer->words);
    writer->count += column->count;
    if (assembler(writer->inl))
        fetch_ahead(writer);
}

/* The column that waits, and the load of the next one, where there is one. */
static void put_waiting(InlineWriter *writer, const InlineColumn *next)
{
    const InlineColumn column = writer->waiting;
    if (column.count == 0)
        return;
    const int variant = neon_variant(writer->weight, writer->turn);
    writer->waiting = next ? *next : (InlineColumn){.count = 0};
    writer->turn = 1 - writer->turn;
    if (writer->use) {
        writer->use->columns[column.count] |= (uint16_t)(1 << variant);
        writer->weight += column.count;
        return;
    }
    const int64_t weights = take_weights(writer, column.count);
    if (!writer->begun)
        writer_word(&writer->words, 'L', weights);
    writer->begun = true;
    put_column(writer, &column, (char)('a' + variant), take_input(writer, next ? next->input : column.input), weights);
}

/* The first group that meets a channel asks for what the next tile reads of it at the last tap. */
static void fetch_input(InlineWriter *writer, int64_t channel)
{
    const Inline *inl = writer->inl;
    const int64_t tile = (int64_t)inl->vectors * inl->lanes, last = inl->planes.taps[window_taps(&inl->window) - 1];
    if (!assembler(inl) || writer->asked_channel == channel || writer->group != inline_first_group(inl, writer->set))
        return;
    writer->asked_channel = channel;
    for (int64_t past = LINE_FLOATS; past < tile + LINE_FLOATS; past += LINE_FLOATS)
        writer_word(&writer->words, 'I', offset(writer, channel * inl->planes.channel + last + tile + (past < tile ? past : tile) - 1));
}

void inline_text_masks(InlineWriter *writer, const InlineMaskSteps *steps)
{
    for (int i = 0; i < steps->count; i++) {
        const InlineMaskStep *step = &steps->step[i];
        writer_word_three(&writer->words, step->bits > 0 ? 'F' : 'D', step->bits > 0 ? step->bits : step->with, step->from, step->to);
    }
}

/* The register of the column's mask; 0: it has none. */
static int take_mask(InlineWriter *writer, const InlineColumn *column)
{
    const InlineMaskSteps steps = inline_mask_steps(writer->inl, column->tap, &writer->held);
    inline_text_masks(writer, &steps);
    return steps.mask;
}

/* Puts a column's input into its register, if it needs more than to be loaded, or is no line as it is. */
static bool put_input(InlineWriter *writer, const InlineColumn *column, const InlineStep *step)
{
    const int mask = take_mask(writer, column);
    if (step->low < 0 && mask > 0)
        writer_word_two(&writer->words, 'G', offset(writer, column->input), mask);
    else if (step->low >= 0 && step->shift > 0 && mask > 0)
        writer_word_four(&writer->words, 'J', step->shift, LINES + step->low, LINES + step->high, mask);
    else if (step->low >= 0 && step->shift > 0)
        writer_word_three(&writer->words, 'H', step->shift, LINES + step->low, LINES + step->high);
    else if (step->low >= 0 && mask > 0)
        writer_word_two(&writer->words, 'K', LINES + step->low, mask);
    else
        return false;
    return true;
}

/* The column that waits, with what it takes from lines; `next` is the one behind it, or NULL. */
static void put_lined(InlineWriter *writer, const InlineColumn *next)
{
    const InlineColumn column = writer->waiting;
    if (column.count == 0)
        return;
    writer->waiting = next ? *next : (InlineColumn){.count = 0};
    const InlineStep step = inline_lines_step(writer->inl, &writer->lines, column.input, next ? next->input : -1);
    for (int i = 0; i < step.loads; i++)
        writer_word_two(&writer->words, 'L', step.line[i] * LINE_BYTES, LINES + step.to[i]);
    const bool taken = put_input(writer, &column, &step);
    const int64_t weights = take_weights(writer, column.count);
    if (step.low < 0 && !taken)
        put_column(writer, &column, 0, offset(writer, column.input), weights);
    else
        put_column(writer, &column, 'x', taken ? TOP : LINES + step.low, weights);
    fetch_input(writer, column.channel);
}

/* Weights of taps that reach none of the tail's outputs are passed over. */
static void put_tail_column(InlineWriter *writer, const InlineColumn *column, int mask)
{
    if (mask == 0) {
        writer->weight += column->count;
        return;
    }
    const int64_t weights = take_weights(writer, column->count);
    writer_word_two(&writer->words, 'T', offset(writer, column->input), mask);
    put_column(writer, column, 't', TOP, weights);
}

void inline_text_column(void *user, int64_t channel, int64_t tap, const int *rows, int count)
{
    InlineWriter *writer = user;
    const Planes *planes = &writer->inl->planes;
    InlineColumn column = {.channel = channel, .tap = tap, .input = channel * planes->channel + planes->taps[tap], .count = count};
    memcpy(column.rows, rows, (size_t)count * sizeof *rows);
    if (writer->tail) {
        put_tail_column(writer, &column, writer->inl->tail.of_taps[tap]);
    } else if (writer->inl->lined) {
        if (writer->use)
            writer->use->columns[count] = 3;
        else if (writer->waiting.count > 0)
            put_lined(writer, &column);
        else
            writer->waiting = column;
    } else if (neon(writer->inl) && writer->waiting.count > 0) {
        put_waiting(writer, &column);
    } else if (neon(writer->inl)) {
        if (!writer->use)
            writer_word(&writer->words, 'X', take_input(writer, column.input));
        writer->waiting = column;
    } else if (writer->use) {
        writer->use->columns[count] = 1;
    } else {
        const int64_t weights = take_weights(writer, count);
        put_column(writer, &column, 0, take_input(writer, column.input), weights);
        fetch_input(writer, channel);
    }
}

/* Finished sums go to the output, or to the buffer from where rows are taken out. */
static void finish_group(InlineWriter *writer)
{
    const Inline *inl = writer->inl;
    const InlineEpilogue *epilogue = &inl->epilogue;
    const bool rows = inl->finish == FINISH_ROWS;
    if (assembler(inl) && !rows && epilogue->relu)
        writer_word(&writer->words, 'Z', 0);
    if (inline_bounds(inl) > 0)
        writer_word(&writer->words, 'C', take_weights(writer, inline_bounds(inl)));
    for (int v = 0; v < inl->vectors; v++) {
        if (inl->finish == FINISH_LANES)
            writer_word(&writer->words, 'V', v * INLINE_RECORD);
        for (int row = 0; row < writer->group->rows; row++)
            writer_word_two(&writer->words, writer->tail ? 'U' : 'Y', result_at(writer, row, v), row * inl->vectors + v);
    }
}

void inline_text_close(void *user, const InlineGroup *group, bool last)
{
    InlineWriter *writer = user;
    const int vectors = writer->inl->vectors;
    (writer->inl->lined ? put_lined : put_waiting)(writer, NULL);
    if (writer->use) {
        writer->weight += last ? inline_bounds(writer->inl) : 0;
        return;
    }
    if (last)
        finish_group(writer);
    for (int row = 0; row < group->rows && !last; row++)
        for (int v = 0; v < vectors; v++)
            writer_word_two(&writer->words, 'S', buffer_at(writer, row, v), row * vectors + v);
    if (!assembler(writer->inl))
        writer_open_word(&writer->words, '}');
    writer->group_row += group->rows;
}
