/* Bodies as text: one call of a word a line's part, in C or in assembler, whose words sparse_inline_words.c defines. */
#include "codegen/cpu/sparse_inline.h"

#include <string.h>

#define LINE_BYTES 64
#define LINE_FLOATS 16

enum { LINES = 28, TOP = 31 };       /* registers of AVX-512: of lines, and of a column's input */

typedef struct Column {              /* that a group uses */
    int64_t channel, tap, input;     /* where its input lies: floats */
    int count, rows[INLINE_MOST_ROWS];
} Column;

typedef struct Writer {
    const Emission *emission;
    const Inline *inl;
    InlineUse *use;                  /* noted down in a first walk; NULL: written in a second one */
    const InlineGroup *group;
    int group_row;                   /* of the buffer */
    int body;
    const InlineSet *set;
    bool last, tail;                 /* its last body; the outputs behind the last whole tile are at hand */
    int64_t asked_channel;           /* the last whose input was fetched for the next tile */
    int64_t weight, base, begin;     /* number of the next weight; which the pointer stands at, and where it stood at first */
    int64_t count, all;              /* nonzeros of this body so far; all that it has, about */
    int64_t asked_code, asked_weights;       /* lines fetched ahead so far */
    Column waiting;                  /* where columns load the input of the next, or lines for it: not written yet; count 0: there is none */
    InlineLines lines;
    int64_t input;                   /* bytes by which the input's pointer has moved on */
    int held;                        /* the row's mask that a register has; -1: none */
    int turn;                        /* which of two sets of registers has the waiting column's input */
    bool begun;                      /* the group's columns are */
    WordWriter words;
} Writer;

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
static int64_t offset(const Writer *writer, int64_t floats)
{
    return assembler(writer->inl) ? 4 * floats : floats;
}

/* ---- the stream of weights ---- */

/* Where the next `count` weights stand from the pointer, which is moved on when they pass what short instructions reach. */
static int64_t take_weights(Writer *writer, int count)
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

static int64_t buffer_at(const Writer *writer, int row, int vector)
{
    return offset(writer, (writer->group_row + row) * writer->inl->stride + vector * writer->inl->lanes);
}

/* Where a row of the group goes: into the buffer, or to the results. */
static int64_t result_at(const Writer *writer, int row, int vector)
{
    const Inline *inl = writer->inl;
    const int64_t plane = inl->window.out_height * inl->window.out_width, channel = inl->order[writer->group->first + row];
    if (inl->finish == FINISH_ROWS)
        return buffer_at(writer, row, vector);
    return offset(writer, channel * plane + (inl->finish == FINISH_LANES ? 0 : vector * inl->lanes));
}

static void text_open(void *user, const InlineGroup *group, bool first)
{
    Writer *writer = user;
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
static void fetch_ahead(Writer *writer)
{
    const Inline *inl = writer->inl;
    const int64_t code = divide_up(writer->count * inl->code_lines, writer->all), weights = divide_up(writer->count * inl->weight_lines, writer->all);
    for (; writer->asked_code < inl->code_lines && writer->asked_code < code; writer->asked_code++)
        writer_word(&writer->words, 'P', writer->asked_code * LINE_BYTES);
    for (; writer->asked_weights < inl->weight_lines && writer->asked_weights < weights; writer->asked_weights++)
        writer_word(&writer->words, 'Q', writer->asked_weights * LINE_BYTES);
}

/* How far behind the pointer this input is: the pointer moves there first where loads do not reach it. */
static int64_t take_input(Writer *writer, int64_t floats)
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
static void put_column(Writer *writer, const Column *column, char variant, int64_t input, int64_t weights)
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
static void put_waiting(Writer *writer, const Column *next)
{
    const Column column = writer->waiting;
    if (column.count == 0)
        return;
    const int variant = neon_variant(writer->weight, writer->turn);
    writer->waiting = next ? *next : (Column){.count = 0};
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
static void fetch_input(Writer *writer, int64_t channel)
{
    const Inline *inl = writer->inl;
    const int64_t tile = (int64_t)inl->vectors * inl->lanes, last = inl->planes.taps[window_taps(&inl->window) - 1];
    if (!assembler(inl) || writer->asked_channel == channel || writer->group != inline_first_group(inl, writer->set))
        return;
    writer->asked_channel = channel;
    for (int64_t past = LINE_FLOATS; past < tile + LINE_FLOATS; past += LINE_FLOATS)
        writer_word(&writer->words, 'I', offset(writer, channel * inl->planes.channel + last + tile + (past < tile ? past : tile) - 1));
}

static void put_mask_steps(Writer *writer, const InlineMaskSteps *steps)
{
    for (int i = 0; i < steps->count; i++) {
        const InlineMaskStep *step = &steps->step[i];
        writer_word_three(&writer->words, step->bits > 0 ? 'F' : 'D', step->bits > 0 ? step->bits : step->with, step->from, step->to);
    }
}

/* The register of the column's mask; 0: it has none. */
static int take_mask(Writer *writer, const Column *column)
{
    const InlineMaskSteps steps = inline_mask_steps(writer->inl, column->tap, &writer->held);
    put_mask_steps(writer, &steps);
    return steps.mask;
}

/* Puts a column's input into its register, if it needs more than to be loaded, or is no line as it is. */
static bool put_input(Writer *writer, const Column *column, const InlineStep *step)
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
static void put_lined(Writer *writer, const Column *next)
{
    const Column column = writer->waiting;
    if (column.count == 0)
        return;
    writer->waiting = next ? *next : (Column){.count = 0};
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
static void put_tail_column(Writer *writer, const Column *column, int mask)
{
    if (mask == 0) {
        writer->weight += column->count;
        return;
    }
    const int64_t weights = take_weights(writer, column->count);
    writer_word_two(&writer->words, 'T', offset(writer, column->input), mask);
    put_column(writer, column, 't', TOP, weights);
}

static void text_column(void *user, int64_t channel, int64_t tap, const int *rows, int count)
{
    Writer *writer = user;
    const Planes *planes = &writer->inl->planes;
    Column column = {.channel = channel, .tap = tap, .input = channel * planes->channel + planes->taps[tap], .count = count};
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
static void finish_group(Writer *writer)
{
    const Inline *inl = writer->inl;
    const InlineEpilogue *epilogue = &inl->epilogue;
    const bool rows = inl->finish == FINISH_ROWS;
    if (assembler(inl) && !rows && epilogue->relu)
        writer_word(&writer->words, 'Z', 0);
    if (assembler(inl) && !rows && epilogue->bounds > 0)
        writer_word(&writer->words, 'C', take_weights(writer, epilogue->bounds));
    for (int v = 0; v < inl->vectors; v++) {
        if (inl->finish == FINISH_LANES)
            writer_word(&writer->words, 'V', v * INLINE_RECORD);
        for (int row = 0; row < writer->group->rows; row++)
            writer_word_two(&writer->words, writer->tail ? 'U' : 'Y', result_at(writer, row, v), row * inl->vectors + v);
    }
}

static void text_close(void *user, const InlineGroup *group, bool last)
{
    Writer *writer = user;
    const int vectors = writer->inl->vectors;
    (writer->inl->lined ? put_lined : put_waiting)(writer, NULL);
    if (writer->use) {
        writer->weight += last && writer->inl->finish != FINISH_ROWS ? writer->inl->epilogue.bounds : 0;
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

/* ---- around a body ---- */

static void open_assembler(Writer *writer, const char *name)
{
    Out *out = writer->emission->out;
    const bool lanes = (writer->inl->finish == FINISH_LANES && writer->last) || writer->inl->mask_count > 0;
    out_line(out, "__asm__(\".pushsection .text\\n.p2align 6\\n.globl %s\\n.hidden %s\\n.type %s, %%function\\n%s:\\n%s\\n1:\\n\"", name, name,
             name, name, lanes ? "ENTER_LANES" : "ENTER");
    out->indent++;
    for (int word = 0; word < writer->inl->mask_words; word++)
        writer_word_two(&writer->words, 'E', 8 * word, word + 1);
    const InlineMaskSteps steps = inline_masks_begin(writer->inl);
    put_mask_steps(writer, &steps);
}

/* The end of the loop over tiles. */
static void leave(Writer *writer)
{
    const Inline *inl = writer->inl;
    Out *out = writer->emission->out;
    writer_end_line(&writer->words);
    if (inl->finish == FINISH_LANES && writer->last)
        out_line(out, "\"LEAVE_LANES %lld\\n\"", 4 * (long long)(writer->begin - writer->base));
    else if (inl->mask_count > 0)
        out_line(out, "\"LEAVE_MASKS %lld\\n\"", 4 * (long long)(writer->begin - writer->base));
    else if (neon(inl))
        out_line(out, "\"LEAVE %lld,%lld\\n\"", 4 * (long long)(writer->begin - writer->base), -(long long)writer->input);
    else
        out_line(out, "\"LEAVE %lld\\n\"", 4 * (long long)(writer->begin - writer->base));
}

static void close_assembler(Writer *writer, const char *name)
{
    Out *out = writer->emission->out;
    if (writer->tail)
        writer_end_line(&writer->words);
    else
        leave(writer);
    out_line(out, "\"RETURN\\n.size %s,.-%s\\n.popsection\\n\");", name, name);
    out->indent--;
}

static void open_c(Writer *writer, const char *name)
{
    const Inline *inl = writer->inl;
    Out *out = writer->emission->out;
    out_open(out, "static void %s(const struct inline_body *body)", name);
    out_line(out, "const float *x = body->x, *const weights = body->weights;");
    if (inl->buffered)
        out_line(out, "float *sums = body->sums;");
    if (writer->last)
        out_line(out, "float *y = body->y;");
    if (writer->last && inl->finish != FINISH_ROWS && inl->epilogue.add)
        out_line(out, "const float *r = body->r;");
    out_open(out, "for (int64_t tile = 0; tile < body->tiles; tile++)");
}

static void close_c(Writer *writer)
{
    const Inline *inl = writer->inl;
    const int step = inl->vectors * inl->lanes;
    const bool add = writer->last && inl->finish != FINISH_ROWS && inl->epilogue.add;
    Out *out = writer->emission->out;
    writer_end_line(&writer->words);
    out_line(out, "const int64_t step = tile + 2 == body->tiles ? %d - body->back : %d;", step, step);
    out_line(out, "x += step;");
    if (inl->buffered)
        out_line(out, "sums += %d;", step);
    if (writer->last)
        out_line(out, "y += step;");
    if (add)
        out_line(out, "r += step;");
    out_close(out, "");
    out_close(out, "");
}

static const char *body_name(const Writer *writer, int body)
{
    const Emission *emission = writer->emission;
    return assembler(writer->inl) ? arena_format(emission->arena, "%s_%s_b%d", emission->prefix, emission->name, body)
                                  : arena_format(emission->arena, "%s_b%d", emission->name, body);
}

static void end_body(Writer *writer)
{
    if (writer->body < 0 || writer->use)
        return;
    if (assembler(writer->inl))
        close_assembler(writer, body_name(writer, writer->body));
    else
        close_c(writer);
}

static void begin_body(Writer *writer)
{
    writer->group_row = 0;
    writer->weight = writer->input = 0;
    writer->begin = writer->base = inline_reach(writer->inl->dialect);
    writer->count = writer->asked_code = writer->asked_weights = 0;
    writer->held = -1;
}

static void text_body(void *user, int body)
{
    Writer *writer = user;
    end_body(writer);
    writer->body = body;
    writer->tail = false;
    begin_body(writer);
    for (int s = 0; s < writer->inl->set_count; s++) {
        const InlineSet *set = &writer->inl->sets[s];
        if (body < set->first_body)
            break;
        writer->set = set;
        writer->last = body == set->first_body + set->chunks - 1;
        writer->all = set->nonzeros / set->chunks + 1;
    }
    if (writer->use)
        return;
    if (assembler(writer->inl))
        open_assembler(writer, body_name(writer, body));
    else
        open_c(writer, body_name(writer, body));
}

/* Behind the loop the pointers of sums and code stand at the tail already; those of input and results do where the loop has no records. */
static void text_tail(void *user)
{
    Writer *writer = user;
    const Inline *inl = writer->inl;
    if (writer->use)
        return;
    leave(writer);
    begin_body(writer);
    writer->tail = true;
    writer->all = (int64_t)((double)writer->all * inl->tail.reached) + 1;
    if (inl->mask_count > 0)
        writer_word(&writer->words, 'O', 4 * inl->lanes);
    for (int mask = 0; mask < inl->tail.mask_count; mask++)
        writer_word_two(&writer->words, 'M', inl->tail.masks[mask], mask + 1);
}

static void walk(Writer *writer)
{
    const InlineVisitor visitor = {writer, text_open, text_column, text_close, writer->inl->tail.outputs > 0 ? text_tail : NULL};
    writer->body = -1;
    for (int s = 0; s < writer->inl->set_count; s++)
        inline_walk(writer->emission->problem, writer->inl, &writer->inl->sets[s], text_body, &visitor);
    end_body(writer);
}

static void define_table(const Writer *writer)
{
    const Inline *inl = writer->inl;
    Out *out = writer->emission->out;
    if (assembler(inl)) {
        for (int b = 0; b < inl->body_count; b++)
            out_line(out, "void %s(const struct inline_body *body) __attribute__((visibility(\"hidden\")));", body_name(writer, b));
    }
    out_open(out, "static void (*const %s_bodies[%d])(const struct inline_body *body) =", writer->emission->name, inl->body_count);
    for (int b = 0; b < inl->body_count; b++)
        out_line(out, "%s,", body_name(writer, b));
    out_close(out, ";");
    out_blank(out);
}

static const char call_text[] =
    "/* What a body is called with: its input, its weights, where its sums wait and where results go, a residual beside them; tiles, and by\n"
    "   how much the last one starts earlier; for each tile's vectors which lanes are outputs; how much code and weights, in bytes,\n"
    "   earlier calls fetched ahead. */\n"
    "struct inline_body {\n"
    "    const float *x, *weights;\n"
    "    float *sums, *y;\n"
    "    const float *r;\n"
    "    int64_t tiles, back;\n"
    "    const unsigned char *lanes;\n"
    "    int64_t code_ahead, weights_ahead;\n"
    "};\n";

void inline_bodies(const Emission *emission, const Inline *inl)
{
    InlineUse use = {{0}};
    Writer *writer = arena_new_of(emission->arena, Writer);
    emit_helper(emission, "inline_body", call_text);
    *writer = (Writer){.emission = emission, .inl = inl, .use = &use, .words = {.out = emission->out, .assembler = assembler(inl)}};
    walk(writer);
    words_define(emission, inl, &use);
    writer->use = NULL;
    walk(writer);
    words_purge(emission, inl, &use);
    define_table(writer);
}
