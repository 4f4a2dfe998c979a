/* The words that bodies are made of, as macros of C or of an assembler:
   B w,k  sum k begins with weight w        A o,k  ... with what lies at o of the buffer      S o,k  sum k into the buffer
   Nn o,w,k..  n weights from w on times the input at o, each added to a sum for every vector of the tile
   Z, C w  a zero, two bounds              V o  lanes of a vector that are outputs            Y o,k  sum k, finished, to o of the results
   W n  the weights' pointer moves on      P o, Q o  code and weights that will be wanted soon are fetched into level 2
   I o  ... and input into level 1 */
#include "codegen/cpu/sparse_inline.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES 64
int64_t inline_reach(InlineDialect dialect)
{
    return dialect == DIALECT_AVX512 ? 128 : dialect == DIALECT_AVX2 ? 32 : 0;
}

/* ---- x86: rdi the input, rsi weights, rdx the buffer, rcx results, r9 the residual, r8 tiles, r11 what the last tile starts earlier, or lanes;
   rax, r10 code and weights ahead ---- */

typedef struct Registers { char letter; int top, high; } Registers;    /* zmm or ymm; the last of them; where an upper bound is kept */

static Registers registers_of(const Inline *inl)
{
    return inl->dialect == DIALECT_AVX512 ? (Registers){'z', 31, 28} : (Registers){'y', 15, 14};
}

static void asm_open(Out *out, const char *head)
{
    out_line(out, "\".macro %s\\n\"", head);
    out->indent++;
}

static void asm_close(Out *out)
{
    out->indent--;
    out_line(out, "\".endm\\n\"");
}

/* A column whose input is in a register. */
static void x86_lined_column(const Emission *emission, int count)
{
    Out *out = emission->out;
    Text head = text_new(emission->arena);
    text_format(&head, "N%dx x,w", count);
    for (int i = 0; i < count; i++)
        text_format(&head, ",k%d", i);
    asm_open(out, head.data);
    for (int i = 0; i < count; i++)
        out_line(out, "\"vfmadd231ps %d+\\\\w(%%rsi){1to16},%%zmm\\\\x,%%zmm\\\\k%d\\n\"", 4 * i, i);
    asm_close(out);
}

/* Lines into registers, and vectors out of two of them. */
static void x86_lines(Out *out)
{
    asm_open(out, "L o,k");
    out_line(out, "\"vmovups \\\\o(%%rdi),%%zmm\\\\k\\n\"");
    asm_close(out);
    asm_open(out, "H s,a,b");
    out_line(out, "\"valignd $\\\\s,%%zmm\\\\a,%%zmm\\\\b,%%zmm31\\n\"");
    asm_close(out);
}

static void x86_column(const Emission *emission, const Inline *inl, int count)
{
    Out *out = emission->out;
    const Registers r = registers_of(inl);
    Text head = text_new(emission->arena);
    text_format(&head, "N%d o,w", count);
    for (int i = 0; i < count * inl->vectors; i++)
        text_format(&head, ",k%d", i);
    asm_open(out, head.data);
    for (int v = 0; v < inl->vectors; v++)
        out_line(out, "\"vmovups %d+\\\\o(%%rdi),%%%cmm%d\\n\"", 4 * v * inl->lanes, r.letter, r.top - v);
    for (int i = 0; i < count; i++) {
        if (inl->vectors == 1 && inl->dialect == DIALECT_AVX512) {
            out_line(out, "\"vfmadd231ps %d+\\\\w(%%rsi){1to16},%%zmm%d,%%zmm\\\\k%d\\n\"", 4 * i, r.top, i);
            continue;
        }
        out_line(out, "\"vbroadcastss %d+\\\\w(%%rsi),%%%cmm%d\\n\"", 4 * i, r.letter, r.top - inl->vectors);
        for (int v = 0; v < inl->vectors; v++)
            out_line(out, "\"vfmadd231ps %%%cmm%d,%%%cmm%d,%%%cmm\\\\k%d\\n\"", r.letter, r.top - v, r.letter, r.top - inl->vectors, r.letter,
                     i * inl->vectors + v);
    }
    asm_close(out);
}

/* From struct inline_body: what the last tile starts earlier is in the seventh field, lanes are in the eighth; what is ahead in the last two. */
static void x86_enter(Out *out, const Inline *inl, bool lanes)
{
    static const char *const fields[] = {"rsi", "rdx", "rcx", "r9", "r8", "r11", "r11"};
    asm_open(out, lanes ? "ENTER_LANES" : "ENTER");
    for (int i = 0; i < COUNT(fields); i++)
        if (i != (lanes ? 5 : 6))
            out_line(out, "\"mov %d(%%rdi),%%%s\\n\"", 8 * (i + 1), fields[i]);
    out_line(out, "\"add $%d,%%rsi\\n\"", 4 * (int)inline_reach(inl->dialect));
    out_line(out, "\"lea %d+1f(%%rip),%%rax\\nadd 64(%%rdi),%%rax\\nlea %d(%%rsi),%%r10\\nadd 72(%%rdi),%%r10\\n\"", INLINE_CODE_AHEAD,
             INLINE_WEIGHTS_AHEAD);
    out_line(out, "\"mov (%%rdi),%%rdi\\n\"");
    asm_close(out);
}

static int tile_bytes(const Inline *inl)
{
    return 4 * inl->vectors * inl->lanes;
}

static void x86_ahead(Out *out, const Inline *inl)
{
    out_line(out, "\"add $%d,%%rax\\nadd $%d,%%r10\\n\"", LINE_BYTES * inl->code_lines, LINE_BYTES * inl->weight_lines);
}

static void x86_leave(Out *out, const Inline *inl)
{
    const int step = tile_bytes(inl);
    asm_open(out, "LEAVE w");
    out_line(out, "\"add $\\\\w,%%rsi\\nadd $%d,%%rdi\\nadd $%d,%%rdx\\nadd $%d,%%rcx\\nadd $%d,%%r9\\n\"", step, step, step, step);
    x86_ahead(out, inl);
    out_line(out, "\"dec %%r8\\nje 2f\\ncmp $1,%%r8\\njne 1b\\n\"");
    out_line(out, "\"sub %%r11,%%rdi\\nsub %%r11,%%rcx\\nsub %%r11,%%r9\\njmp 1b\\n\"");
    out_line(out, "\"2:\\n\"");
    asm_close(out);
}

/* Masks of lanes, four in a word; one of a word's, two at once; and inputs that are masked: from memory, out of two lines, a line
   itself. A tile's record ends with the way to the next. */
static void x86_masks(Out *out, const Inline *inl)
{
    asm_open(out, "E o,k");
    out_line(out, "\"kmovq \\\\o(%%r11),%%k\\\\k\\n\"");
    asm_close(out);
    asm_open(out, "F n,a,k");
    out_line(out, "\"kshiftrq $\\\\n,%%k\\\\a,%%k\\\\k\\n\"");
    asm_close(out);
    asm_open(out, "D a,b,k");
    out_line(out, "\"kandw %%k\\\\a,%%k\\\\b,%%k\\\\k\\n\"");
    asm_close(out);
    asm_open(out, "G o,m");
    out_line(out, "\"vmovups \\\\o(%%rdi),%%zmm31{%%k\\\\m}{z}\\n\"");
    asm_close(out);
    asm_open(out, "J s,a,b,m");
    out_line(out, "\"valignd $\\\\s,%%zmm\\\\a,%%zmm\\\\b,%%zmm31{%%k\\\\m}{z}\\n\"");
    asm_close(out);
    asm_open(out, "K a,m");
    out_line(out, "\"vmovaps %%zmm\\\\a,%%zmm31{%%k\\\\m}{z}\\n\"");
    asm_close(out);
    asm_open(out, "LEAVE_MASKS w");
    out_line(out, "\"movslq %d(%%r11),%%r8\\nadd $\\\\w,%%rsi\\nadd $%d,%%rdx\\nadd $%d,%%r11\\n\"", inl->record - 4, tile_bytes(inl), inl->record);
    out_line(out, "\"add %%r8,%%rdi\\nadd %%r8,%%rcx\\nadd %%r8,%%r9\\n\"");
    x86_ahead(out, inl);
    out_line(out, "\"test %%r8,%%r8\\njne 1b\\n\"");
    asm_close(out);
}

/* The line where the next tile's vector ends, of results and of the residual. */
static void x86_results_ahead(Out *out, const Inline *inl, const char *index)
{
    const int end = tile_bytes(inl) + 4 * (inl->lanes - 1);
    out_line(out, "\"prefetchw %d+\\\\o(%%rcx%s)\\n\"", end, index);
    if (inl->epilogue.add)
        out_line(out, "\"prefetcht0 %d+\\\\o(%%r9%s)\\n\"", end, index);
}

/* A record of lanes: 16 numbers of lanes, where their outputs begin, how far the next tile's input is (0: none), the mask of so many outputs. */
static void x86_lanes(Out *out, const Inline *inl)
{
    const InlineEpilogue *epilogue = &inl->epilogue;
    asm_open(out, "V o");
    out_line(out, "\"vpmovzxbd \\\\o(%%r11),%%zmm30\\nmovslq 16+\\\\o(%%r11),%%r8\\nkmovw 24+\\\\o(%%r11),%%k1\\n\"");
    asm_close(out);
    asm_open(out, "Y o,k");
    out_line(out, "\"vpermps %%zmm\\\\k,%%zmm30,%%zmm29\\n\"");
    if (epilogue->add)
        out_line(out, "\"vaddps \\\\o(%%r9,%%r8),%%zmm29,%%zmm29{%%k1}\\n\"");
    if (epilogue->relu || epilogue->bounds > 0)
        out_line(out, "\"vmaxps %%zmm29,%%zmm31,%%zmm29\\n\"");
    if (epilogue->bounds > 0)
        out_line(out, "\"vminps %%zmm29,%%zmm28,%%zmm29\\n\"");
    out_line(out, "\"vmovups %%zmm29,\\\\o(%%rcx,%%r8){%%k1}\\n\"");
    x86_results_ahead(out, inl, ",%r8");
    asm_close(out);
    asm_open(out, "LEAVE_LANES w");
    out_line(out, "\"movslq 20(%%r11),%%r8\\nadd $\\\\w,%%rsi\\nadd $%d,%%rdx\\nadd $%d,%%r11\\nadd %%r8,%%rdi\\n\"", tile_bytes(inl),
             INLINE_RECORD * inl->vectors);
    x86_ahead(out, inl);
    out_line(out, "\"test %%r8,%%r8\\njne 1b\\n\"");
    asm_close(out);
}

static void x86_store(Out *out, const Inline *inl)
{
    const InlineEpilogue none = {.add = false}, *epilogue = inl->finish == FINISH_ROWS ? &none : &inl->epilogue;
    const Registers r = registers_of(inl);
    asm_open(out, "Y o,k");
    if (epilogue->add)
        out_line(out, "\"vaddps \\\\o(%%r9),%%%cmm\\\\k,%%%cmm\\\\k\\n\"", r.letter, r.letter);
    if (epilogue->relu || epilogue->bounds > 0)
        out_line(out, "\"vmaxps %%%cmm\\\\k,%%%cmm%d,%%%cmm\\\\k\\n\"", r.letter, r.letter, r.top, r.letter);
    if (epilogue->bounds > 0)
        out_line(out, "\"vminps %%%cmm\\\\k,%%%cmm%d,%%%cmm\\\\k\\n\"", r.letter, r.letter, r.high, r.letter);
    out_line(out, "\"vmovups %%%cmm\\\\k,\\\\o(%%rcx)\\n\"", r.letter);
    if (inl->finish != FINISH_ROWS)
        x86_results_ahead(out, inl, "");
    asm_close(out);
}

static char tail_letter(const Inline *inl)
{
    return inl->tail.lanes == 4 ? 'x' : inl->tail.lanes == 8 ? 'y' : 'z';
}

static void x86_tail_column(const Emission *emission, const Inline *inl, int count)
{
    Out *out = emission->out;
    const char letter = tail_letter(inl);
    Text head = text_new(emission->arena);
    text_format(&head, "N%dt x,w", count);
    for (int i = 0; i < count; i++)
        text_format(&head, ",k%d", i);
    asm_open(out, head.data);
    for (int i = 0; i < count; i++)
        out_line(out, "\"vfmadd231ps %d+\\\\w(%%rsi){1to%d},%%%cmm\\\\x,%%%cmm\\\\k%d\\n\"", 4 * i, inl->tail.lanes, letter, letter, i);
    asm_close(out);
}

/* The tail's words: pointers move on, a mask, masked input, a sum to its outputs. */
static void x86_tail(Out *out, const Inline *inl)
{
    const InlineEpilogue *epilogue = &inl->epilogue;
    asm_open(out, "O n");
    out_line(out, "\"add $\\\\n,%%rdi\\nadd $\\\\n,%%rcx\\nadd $\\\\n,%%r9\\n\"");
    asm_close(out);
    asm_open(out, "M n,k");
    out_line(out, "\"mov $\\\\n,%%r8d\\nkmovw %%r8d,%%k\\\\k\\n\"");
    asm_close(out);
    asm_open(out, "T o,m");
    out_line(out, "\"vmovups \\\\o(%%rdi),%%%cmm31{%%k\\\\m}{z}\\n\"", tail_letter(inl));
    asm_close(out);
    asm_open(out, "U o,k");
    if (epilogue->add)
        out_line(out, "\"vaddps \\\\o(%%r9),%%zmm\\\\k,%%zmm\\\\k{%%k1}\\n\"");
    if (epilogue->relu || epilogue->bounds > 0)
        out_line(out, "\"vmaxps %%zmm\\\\k,%%zmm31,%%zmm\\\\k\\n\"");
    if (epilogue->bounds > 0)
        out_line(out, "\"vminps %%zmm\\\\k,%%zmm28,%%zmm\\\\k\\n\"");
    out_line(out, "\"vmovups %%zmm\\\\k,\\\\o(%%rcx){%%k1}\\n\"");
    asm_close(out);
}

static void x86_simple(Out *out, const char *head, const char *format, Registers r)
{
    asm_open(out, head);
    out_line(out, format, r.letter);
    asm_close(out);
}

/* Sums begun, left in the buffer and taken from there; zero, and two bounds. */
static void x86_sums(Out *out, Registers r)
{
    x86_simple(out, "B w,k", "\"vbroadcastss \\\\w(%%rsi),%%%cmm\\\\k\\n\"", r);
    x86_simple(out, "A o,k", "\"vmovups \\\\o(%%rdx),%%%cmm\\\\k\\n\"", r);
    x86_simple(out, "S o,k", "\"vmovups %%%cmm\\\\k,\\\\o(%%rdx)\\n\"", r);
    asm_open(out, "Z o");
    out_line(out, "\"%s %%%cmm%d,%%%cmm%d,%%%cmm%d\\n\"", r.letter == 'z' ? "vpxord" : "vxorps", r.letter, r.top, r.letter, r.top, r.letter, r.top);
    asm_close(out);
    asm_open(out, "C w");
    out_line(out, "\"vbroadcastss \\\\w(%%rsi),%%%cmm%d\\nvbroadcastss 4+\\\\w(%%rsi),%%%cmm%d\\n\"", r.letter, r.top, r.letter, r.high);
    asm_close(out);
}

/* What has no operand but a number, or none. */
static void x86_steps(Out *out)
{
    static const char *const words[][2] = {{"W n", "add $\\\\n,%rsi"}, {"P o", "prefetcht1 \\\\o(%rax)"}, {"Q o", "prefetcht1 \\\\o(%r10)"},
                                           {"I o", "prefetcht0 \\\\o(%rdi)"}, {"RETURN", "vzeroupper\\nret"}};
    for (int i = 0; i < COUNT(words); i++) {
        asm_open(out, words[i][0]);
        out_line(out, "\"%s\\n\"", words[i][1]);
        asm_close(out);
    }
}

static void x86_columns(const Emission *emission, const Inline *inl, const InlineUse *use)
{
    for (int count = 1; count <= INLINE_MOST_ROWS; count++) {
        if (use->columns[count])
            x86_column(emission, inl, count);
        if (use->columns[count] && inl->lined)
            x86_lined_column(emission, count);
        if (use->columns[count] && inl->tail.outputs > 0)
            x86_tail_column(emission, inl, count);
    }
}

static void x86_define(const Emission *emission, const Inline *inl, const InlineUse *use)
{
    Out *out = emission->out;
    out_line(out, "__asm__(");
    out->indent++;
    x86_enter(out, inl, false);
    if (inl->finish == FINISH_LANES || inl->mask_count > 0)
        x86_enter(out, inl, true);
    x86_leave(out, inl);
    x86_sums(out, registers_of(inl));
    x86_steps(out);
    if (inl->finish == FINISH_LANES)
        x86_lanes(out, inl);
    else
        x86_store(out, inl);
    if (inl->lined)
        x86_lines(out);
    if (inl->mask_count > 0)
        x86_masks(out, inl);
    if (inl->tail.outputs > 0)
        x86_tail(out, inl);
    x86_columns(emission, inl, use);
    out->indent--;
    out_line(out, ");");
}

/* ---- C ---- */

static void c_column(const Emission *emission, const Inline *inl, int count)
{
    Text head = text_new(emission->arena), body = text_new(emission->arena);
    for (int v = 0; v < inl->vectors; v++)
        text_format(&body, " const v_float x%d = v_load(x + (o) + %d);", v, v * inl->lanes);
    for (int i = 0; i < count; i++) {
        text_format(&body, " const v_float w%d = v_set1(weights[(w) + %d]);", i, i);
        for (int v = 0; v < inl->vectors; v++) {
            const int k = i * inl->vectors + v;
            text_format(&head, ", k%d", k);
            text_format(&body, " s##k%d = v_fma(w%d, x%d, s##k%d);", k, i, v, k);
        }
    }
    out_line(emission->out, "#define N%d(o, w%s) {%s }", count, head.data, body.data);
}

static void c_define(const Emission *emission, const Inline *inl, const InlineUse *use)
{
    Out *out = emission->out;
    out_line(out, "#define B(w, k) v_float s##k = v_set1(weights[w]);");
    out_line(out, "#define A(o, k) v_float s##k = v_load(sums + (o));");
    out_line(out, "#define S(o, k) v_store(sums + (o), s##k);");
    if (inl->finish == FINISH_ROWS)
        out_line(out, "#define Y(o, k) v_store(y + (o), s##k);");
    else
        out_line(out, "#define Y(o, k) %s_put(y + (o), s##k%s);", emission->name, inl->epilogue.add ? ", r + (o)" : "");
    for (int count = 1; count <= INLINE_MOST_ROWS; count++)
        if (use->columns[count])
            c_column(emission, inl, count);
}

/* ---- all ---- */

void words_define(const Emission *emission, const Inline *inl, const InlineUse *use)
{
    if (inl->dialect == DIALECT_C)
        c_define(emission, inl, use);
    else if (inl->dialect == DIALECT_NEON)
        neon_define(emission, inl, use);
    else
        x86_define(emission, inl, use);
}

/* ---- their end ---- */

static void purge_words(Out *out, const char *format, const char *words)
{
    char word[16];
    for (int length; *words != '\0'; words += length + (words[length] == ' ')) {
        length = (int)strcspn(words, " ");
        snprintf(word, sizeof word, "%.*s", length, words);
        out_line(out, format, word);
    }
}

static void purge_columns(const Emission *emission, const Inline *inl, const InlineUse *use, const char *format)
{
    for (int count = 1; count <= INLINE_MOST_ROWS; count++) {
        if (use->columns[count])
            out_line(emission->out, format, arena_format(emission->arena, "N%d", count));
        if (use->columns[count] && inl->lined)
            out_line(emission->out, format, arena_format(emission->arena, "N%dx", count));
        if (use->columns[count] && inl->tail.outputs > 0)
            out_line(emission->out, format, arena_format(emission->arena, "N%dt", count));
    }
}

static void x86_purge(const Emission *emission, const Inline *inl, const InlineUse *use)
{
    static const char format[] = "\".purgem %s\\n\"";
    Out *out = emission->out;
    out_line(out, "__asm__(");
    purge_words(out, format, "B A S Y Z C W P Q I ENTER LEAVE RETURN");
    if (inl->finish == FINISH_LANES || inl->mask_count > 0)
        purge_words(out, format, "ENTER_LANES");
    if (inl->finish == FINISH_LANES)
        purge_words(out, format, "V LEAVE_LANES");
    if (inl->mask_count > 0)
        purge_words(out, format, "E F D G J K LEAVE_MASKS");
    if (inl->tail.outputs > 0)
        purge_words(out, format, "O M T U");
    if (inl->lined)
        purge_words(out, format, "L H");
    purge_columns(emission, inl, use, format);
    out_line(out, ");");
}

void words_purge(const Emission *emission, const Inline *inl, const InlineUse *use)
{
    if (inl->dialect == DIALECT_NEON) {
        neon_purge(emission, use);
        return;
    }
    if (inl->dialect == DIALECT_C) {
        purge_words(emission->out, "#undef %s", "B A S Y");
        purge_columns(emission, inl, use, "#undef %s");
    } else {
        x86_purge(emission, inl, use);
    }
    out_blank(emission->out);
}
