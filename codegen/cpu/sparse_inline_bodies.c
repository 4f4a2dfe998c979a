/* Bodies as functions: what stands around their text, and the table of them all. */
#include "codegen/cpu/sparse_inline.h"

static void open_assembler(InlineWriter *writer, const char *name)
{
    Out *out = writer->emission->out;
    const bool lanes = (writer->inl->finish == FINISH_LANES && writer->last) || writer->inl->mask_count > 0;
    out_line(out, "__asm__(\".pushsection .text\\n.p2align 6\\n.globl %s\\n.hidden %s\\n.type %s, %%function\\n%s:\\n%s\\n1:\\n\"", name, name,
             name, name, lanes ? "ENTER_LANES" : "ENTER");
    out->indent++;
    for (int word = 0; word < writer->inl->mask_words; word++)
        writer_word_two(&writer->words, 'E', 8 * word, word + 1);
    const InlineMaskSteps steps = inline_masks_begin(writer->inl);
    inline_text_masks(writer, &steps);
}

/* The end of the loop over tiles. */
static void leave(InlineWriter *writer)
{
    const Inline *inl = writer->inl;
    Out *out = writer->emission->out;
    writer_end_line(&writer->words);
    if (inl->finish == FINISH_LANES && writer->last)
        out_line(out, "\"LEAVE_LANES %lld\\n\"", 4 * (long long)(writer->begin - writer->base));
    else if (inl->mask_count > 0)
        out_line(out, "\"LEAVE_MASKS %lld\\n\"", 4 * (long long)(writer->begin - writer->base));
    else if (inl->dialect == DIALECT_NEON)
        out_line(out, "\"LEAVE %lld,%lld\\n\"", 4 * (long long)(writer->begin - writer->base), -(long long)writer->input);
    else
        out_line(out, "\"LEAVE %lld\\n\"", 4 * (long long)(writer->begin - writer->base));
}

static void close_assembler(InlineWriter *writer, const char *name)
{
    Out *out = writer->emission->out;
    if (writer->tail)
        writer_end_line(&writer->words);
    else
        leave(writer);
    out_line(out, "\"RETURN\\n.size %s,.-%s\\n.popsection\\n\");", name, name);
    out->indent--;
}

static void open_c(InlineWriter *writer, const char *name)
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

static void close_c(InlineWriter *writer)
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

static const char *body_name(const InlineWriter *writer, int body)
{
    const Emission *emission = writer->emission;
    return writer->words.assembler ? arena_format(emission->arena, "%s_%s_b%d", emission->prefix, emission->name, body)
                                  : arena_format(emission->arena, "%s_b%d", emission->name, body);
}

static void end_body(InlineWriter *writer)
{
    if (writer->body < 0 || writer->use)
        return;
    if (writer->words.assembler)
        close_assembler(writer, body_name(writer, writer->body));
    else
        close_c(writer);
}

static void begin_body(InlineWriter *writer)
{
    writer->group_row = 0;
    writer->weight = writer->input = 0;
    writer->begin = writer->base = inline_reach(writer->inl->dialect);
    writer->count = writer->asked_code = writer->asked_weights = 0;
    writer->held = -1;
}

static void text_body(void *user, int body)
{
    InlineWriter *writer = user;
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
    if (writer->words.assembler)
        open_assembler(writer, body_name(writer, body));
    else
        open_c(writer, body_name(writer, body));
}

/* Behind the loop the pointers of sums and code stand at the tail already; those of input and results do where the loop has no records. */
static void text_tail(void *user)
{
    InlineWriter *writer = user;
    const Inline *inl = writer->inl;
    leave(writer);
    begin_body(writer);
    writer->tail = true;
    writer->all = (int64_t)((double)writer->all * inl->tail.reached) + 1;
    if (inl->mask_count > 0)
        writer_word(&writer->words, 'O', 4 * inl->lanes);
    for (int mask = 0; mask < inl->tail.mask_count; mask++)
        writer_word_two(&writer->words, 'M', inl->tail.masks[mask], mask + 1);
}

static void walk(InlineWriter *writer)
{
    const InlineVisitor visitor = {writer, inline_text_open, inline_text_column, inline_text_close, writer->inl->tail.outputs > 0 && !writer->use ? text_tail : NULL};
    writer->body = -1;
    for (int s = 0; s < writer->inl->set_count; s++)
        inline_walk(writer->emission->problem, writer->inl, &writer->inl->sets[s], text_body, &visitor);
    end_body(writer);
}

static void define_table(const InlineWriter *writer)
{
    const Inline *inl = writer->inl;
    Out *out = writer->emission->out;
    if (writer->words.assembler) {
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
    InlineWriter *writer = arena_new_of(emission->arena, InlineWriter);
    emit_helper(emission, "inline_body", call_text);
    *writer = (InlineWriter){.emission = emission, .inl = inl, .use = &use, .words = {.out = emission->out, .assembler = inl->dialect != DIALECT_C}};
    walk(writer);
    words_define(emission, inl, &use);
    writer->use = NULL;
    walk(writer);
    words_purge(emission, inl, &use);
    define_table(writer);
}
