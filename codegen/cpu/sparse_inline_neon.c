/* The words of bodies, for the assembler of aarch64 (sparse_inline_words.c says what they do). Offsets of loads are short here, weights are loaded
   four at a time, and cores in order wait for what they load. So the text's input pointer moves along with the columns, and registers come in pairs:
   while one has the input or the weights that are used, the other is loaded. Which of them a column finds is part of its word's name.

   x0 the input, x1 weights, x2 the buffer, x3 results, x4 from results to the residual, x5 tiles, x6 what the last tile starts earlier, x7, x8 code
   and weights ahead, x9 addresses on their way; v31, v30 weights; below them two sets of the tile's input vectors; sums from v0 on. */
#include "codegen/cpu/sparse_inline.h"

#include <math.h>

#define LINE_BYTES 64
#define VECTOR_BYTES 16
#define FOUR 4                       /* weights of a load */
/* Immediates: of an addition; the most of a load at a multiple of 16; of one at any address; of a prefetch. */
enum { MOST_ADDED = 4095, MOST_SCALED = 65520, MOST_ANY = 255, LEAST_ANY = -256, MOST_FETCHED = 32760 };

/* ---- what the text has to know ---- */

bool neon_input_reached(int64_t offset, int vectors)
{
    const int64_t last = offset + VECTOR_BYTES * (vectors - 1);
    return offset >= LEAST_ANY && last <= (offset % VECTOR_BYTES == 0 ? MOST_SCALED : MOST_ANY);
}

/* What follows lies ahead, most often. */
int64_t neon_input_moved(int64_t offset)
{
    return offset - LEAST_ANY;
}

int neon_variant(int64_t weight, int turn)
{
    return (int)(weight % (2 * FOUR)) + 2 * FOUR * turn;
}

/* ---- words ---- */

static void word_open(Out *out, const char *head)
{
    out_line(out, "\".macro %s\\n\"", head);
    out->indent++;
}

static void word_close(Out *out)
{
    out->indent--;
    out_line(out, "\".endm\\n\"");
}

static void word_of(Out *out, const char *head, const char *text)
{
    word_open(out, head);
    out_line(out, "\"%s\\n\"", text);
    word_close(out);
}

/* The register of vector `v` of the input, of the set that columns use in this turn. */
static int input_register(const Inline *inl, int turn, int v)
{
    return 29 - turn * inl->vectors - v;
}

static int weights_register(int64_t weight)
{
    return 31 - (int)(weight / FOUR % 2);
}

/* The four weights behind those that are begun are loaded; so is the next column's input. */
static void define_column(const Emission *emission, const Inline *inl, int count, int variant)
{
    Out *out = emission->out;
    const int turn = variant / (2 * FOUR), first = variant % (2 * FOUR);
    Text head = text_new(emission->arena);
    text_format(&head, "N%d%c o,w", count, 'a' + variant);
    for (int i = 0; i < count * inl->vectors; i++)
        text_format(&head, ",k%d", i);
    word_open(out, head.data);
    for (int v = 0; v < inl->vectors; v++)
        out_line(out, "\"ldr q%d,[x0,#\\\\o+%d]\\n\"", input_register(inl, 1 - turn, v), VECTOR_BYTES * v);
    for (int i = 0; i < count; i++) {
        if ((first + i) % FOUR == 0)
            out_line(out, "\"ldr q%d,[x1,#\\\\w+%d]\\n\"", weights_register(first + i + FOUR), 4 * i + VECTOR_BYTES);
        for (int v = 0; v < inl->vectors; v++)
            out_line(out, "\"fmla v\\\\k%d\\\\().4s,v%d.4s,v%d.s[%d]\\n\"", i * inl->vectors + v, input_register(inl, turn, v),
                     weights_register(first + i), (first + i) % FOUR);
    }
    word_close(out);
}

/* J r,n: n is added to a pointer. T r,o: x9 is so far behind a pointer. */
static void define_addresses(Out *out)
{
    word_open(out, "T r,o");
    out_line(out, "\".if (\\\\o)>=0 && (\\\\o)<16777216\\n\"");
    out_line(out, "\"add x9,x\\\\r,#((\\\\o)>>12),lsl #12\\nadd x9,x9,#((\\\\o)&4095)\\n\"");
    out_line(out, "\".else\\nmovz w9,#((\\\\o)&65535)\\nmovk w9,#(((\\\\o)>>16)&65535),lsl #16\\nadd x9,x\\\\r,w9,sxtw\\n.endif\\n\"");
    word_close(out);
    word_open(out, "J r,n");
    out_line(out, "\".if (\\\\n)>=0 && (\\\\n)<=%d\\nadd x\\\\r,x\\\\r,#(\\\\n)\\n\"", MOST_ADDED);
    out_line(out, "\".elseif (\\\\n)<0 && (\\\\n)>=-%d\\nsub x\\\\r,x\\\\r,#(0-(\\\\n))\\n\"", MOST_ADDED);
    out_line(out, "\".elseif (\\\\n)>0 && (\\\\n)<16777216\\n\"");
    out_line(out, "\"add x\\\\r,x\\\\r,#((\\\\n)>>12),lsl #12\\nadd x\\\\r,x\\\\r,#((\\\\n)&4095)\\n\"");
    out_line(out, "\".else\\nmovz w9,#((\\\\n)&65535)\\nmovk w9,#(((\\\\n)>>16)&65535),lsl #16\\nadd x\\\\r,x\\\\r,w9,sxtw\\n.endif\\n\"");
    word_close(out);
}

/* ---- around a tile ---- */

/* The lower halves of v8 to v15 belong to the caller. What is ahead is in the last two fields. */
static void define_enter(Out *out)
{
    word_open(out, "ENTER");
    out_line(out, "\"stp d8,d9,[sp,#-64]!\\nstp d10,d11,[sp,#16]\\nstp d12,d13,[sp,#32]\\nstp d14,d15,[sp,#48]\\n\"");
    out_line(out, "\"ldp x10,x11,[x0,#64]\\nldp x9,x1,[x0]\\nldp x2,x3,[x0,#16]\\n\"");
    out_line(out, "\"ldp x4,x5,[x0,#32]\\nldr x6,[x0,#48]\\nmov x0,x9\\nsub x4,x4,x3\\n\"");
    out_line(out, "\"adr x7,1f\\nT 7,%d\\nadd x7,x9,x10\\nT 1,%d\\nadd x8,x9,x11\\n\"", INLINE_CODE_AHEAD, INLINE_WEIGHTS_AHEAD);
    word_close(out);
}

static void define_leave(Out *out, const Inline *inl)
{
    const int step = VECTOR_BYTES * inl->vectors;
    word_open(out, "LEAVE w,x");
    out_line(out, "\".if \\\\w\\nJ 1,\\\\w\\n.endif\\nJ 0,\\\\x+%d\\nadd x2,x2,#%d\\nadd x3,x3,#%d\\n\"", step, step, step);
    out_line(out, "\"J 7,%d\\nJ 8,%d\\n\"", LINE_BYTES * inl->code_lines, LINE_BYTES * inl->weight_lines);
    out_line(out, "\"subs x5,x5,#1\\nb.eq 2f\\ncmp x5,#1\\nb.ne 1b\\nsub x0,x0,x6\\nsub x3,x3,x6\\ncbnz x5,1b\\n\"");
    out_line(out, "\"2:\\n\"");
    word_close(out);
    word_open(out, "RETURN");
    out_line(out, "\"ldp d10,d11,[sp,#16]\\nldp d12,d13,[sp,#32]\\nldp d14,d15,[sp,#48]\\nldp d8,d9,[sp],#64\\nret\\n\"");
    word_close(out);
}

/* Rows of the buffer begin at multiples of 64 bytes. */
static void define_buffer(Out *out)
{
    static const char *const words[] = {"A o,k", "S o,k"}, *const names[] = {"ldr", "str"};
    for (int i = 0; i < COUNT(words); i++) {
        word_open(out, words[i]);
        out_line(out, "\".if \\\\o<=%d\\n%s q\\\\k,[x2,#\\\\o]\\n.else\\nT 2,\\\\o\\n%s q\\\\k,[x9]\\n.endif\\n\"", MOST_SCALED, names[i], names[i]);
        word_close(out);
    }
}

static void define_store(Out *out, const Inline *inl)
{
    const InlineEpilogue none = {.add = false}, *epilogue = inl->finish == FINISH_ROWS ? &none : &inl->epilogue;
    word_open(out, "Y o,k");
    out_line(out, "\"T 3,\\\\o\\n\"");
    if (epilogue->add)
        out_line(out, "\"ldr q29,[x9,x4]\\nfadd v\\\\k\\\\().4s,v\\\\k\\\\().4s,v29.4s\\n\"");
    if (epilogue->relu || epilogue->bounds > 0)
        out_line(out, "\"fmax v\\\\k\\\\().4s,v\\\\k\\\\().4s,v31.4s\\n\"");
    if (epilogue->bounds > 0)
        out_line(out, "\"fmin v\\\\k\\\\().4s,v\\\\k\\\\().4s,v30.4s\\n\"");
    out_line(out, "\"str q\\\\k,[x9]\\n\"");
    word_close(out);
}

static void define_ahead(Out *out, const char *head, int pointer)
{
    word_open(out, head);
    out_line(out, "\".if \\\\o<=%d\\nprfm pldl2keep,[x%d,#\\\\o]\\n\"", MOST_FETCHED, pointer);
    out_line(out, "\".else\\nT %d,\\\\o\\nprfm pldl2keep,[x9]\\n.endif\\n\"", pointer);
    word_close(out);
}

/* ---- all ---- */

/* X o: a group's first column is loaded. L w: the weights that it begins with, and the four behind them. */
static void define_begin(Out *out, const Inline *inl)
{
    word_open(out, "X o");
    for (int v = 0; v < inl->vectors; v++)
        out_line(out, "\"ldr q%d,[x0,#\\\\o+%d]\\n\"", input_register(inl, 0, v), VECTOR_BYTES * v);
    word_close(out);
    word_open(out, "L w");
    out_line(out, "\".if \\\\w&16\\nldr q30,[x1,#(\\\\w&~15)]\\n.else\\nldr q31,[x1,#(\\\\w&~15)]\\n.endif\\n\"");
    out_line(out, "\".if (\\\\w&28)>16\\nldr q31,[x1,#(\\\\w&~15)+16]\\n\"");
    out_line(out, "\".elseif (\\\\w&28)<16 && (\\\\w&12)\\nldr q30,[x1,#(\\\\w&~15)+16]\\n.endif\\n\"");
    word_close(out);
}

void neon_define(const Emission *emission, const Inline *inl, const InlineUse *use)
{
    Out *out = emission->out;
    out_line(out, "__asm__(");
    out->indent++;
    define_addresses(out);
    define_enter(out);
    define_leave(out, inl);
    define_buffer(out);
    define_store(out, inl);
    define_begin(out, inl);
    word_of(out, "B w,k", "ldr s\\\\k,[x1,#\\\\w]\\ndup v\\\\k\\\\().4s,v\\\\k\\\\().s[0]");
    word_of(out, "Z o", "movi v31.4s,#0");
    word_of(out, "C w", "ldr s31,[x1,#\\\\w]\\nldr s30,[x1,#\\\\w+4]\\ndup v31.4s,v31.s[0]\\ndup v30.4s,v30.s[0]");
    word_of(out, "W n", "J 1,\\\\n");
    word_of(out, "R n", "J 0,\\\\n");
    define_ahead(out, "P o", 7);
    define_ahead(out, "Q o", 8);
    for (int count = 1; count <= INLINE_MOST_ROWS; count++)
        for (int variant = 0; variant < NEON_VARIANTS; variant++)
            if (use->columns[count] >> variant & 1)
                define_column(emission, inl, count, variant);
    out->indent--;
    out_line(out, ");");
}

void neon_purge(const Emission *emission, const InlineUse *use)
{
    static const char *const words[] = {"T", "J", "ENTER", "LEAVE", "RETURN", "A", "S", "Y", "X", "L", "B", "Z", "C", "W", "R", "P", "Q"};
    Out *out = emission->out;
    out_line(out, "__asm__(");
    for (int i = 0; i < COUNT(words); i++)
        out_line(out, "\".purgem %s\\n\"", words[i]);
    for (int count = 1; count <= INLINE_MOST_ROWS; count++)
        for (int variant = 0; variant < NEON_VARIANTS; variant++)
            if (use->columns[count] >> variant & 1)
                out_line(out, "\".purgem N%d%c\\n\"", count, 'a' + variant);
    out_line(out, ");");
    out_blank(out);
}

/* ---- counts ---- */

#define ADDRESS_INSTRUCTIONS 2.0     /* T, and J past what one addition reaches */

/* Weights that sums begin with are spread over a register's lanes; results, and rows of the buffer that loads do not reach, have addresses of their
   own. */
void neon_meter_sums(Meter *meter, const Inline *inl, const InlineSet *set, double sums, double passes)
{
    const double far = fmax(0, 1 - MOST_SCALED / (4.0 * (double)inl->stride * set->rows));
    meter_vector(meter, sums);
    meter_other(meter, ADDRESS_INSTRUCTIONS * sums * (1 + 2 * passes * far));
}

/* The input's pointer moves to each channel, and on over taps that lie far apart; small planes may be reached from one place. A group's first column
   in a body is loaded on its own, with the weights it begins with. */
void neon_meter_columns(Meter *meter, const Inline *inl, const InlineSet *set, double columns)
{
    const Planes *planes = &inl->planes;
    const double channels = (double)(inl->window.channels / inl->window.group), channel = 4 * (double)planes->channel, any = MOST_ANY - LEAST_ANY;
    int64_t least = INT64_MAX, most = INT64_MIN, odd = planes->channel % FOUR;
    for (int64_t tap = 0; tap < window_taps(&inl->window); tap++) {
        least = planes->taps[tap] < least ? planes->taps[tap] : least;
        most = planes->taps[tap] > most ? planes->taps[tap] : most;
        odd += (planes->taps[tap] - planes->taps[0]) % FOUR != 0;
    }
    const double span = 4 * (double)(most - least), each = floor(span / any) + 1;
    const double places = odd == 0 ? channels * channel / MOST_SCALED : channel < any ? channels * channel / any : channels * each;
    const double steps = odd == 0 || channel > MOST_ADDED ? ADDRESS_INSTRUCTIONS : 1;
    meter_other(meter, steps * fmin(places, columns));
    meter_load(meter, (inl->vectors + 1.75) * set->chunks, 0);
}
