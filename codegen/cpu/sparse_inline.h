/* What the files of sparse_inline share: which nonzeros stand in which body, and what a body does with its sums. Private to them. */
#ifndef TULLE_CODEGEN_CPU_SPARSE_INLINE_H
#define TULLE_CODEGEN_CPU_SPARSE_INLINE_H

#include "codegen/cpu/cpu.h"

/* The numbers of a tiling. INLINE_BLOCKS: of an image; or if below 0, so many images are a block. INLINE_TAIL: whether the outputs behind the last
   whole tile have a text of their own. */
enum { INLINE_MODE, INLINE_VECTORS, INLINE_ROWS, INLINE_CHUNK, INLINE_GROUPS, INLINE_BLOCKS, INLINE_TAIL };

typedef enum InlineFinish {
    FINISH_STORE,        /* positions are outputs: the last body of a group applies the epilogue and stores whole vectors */
    FINISH_LANES,        /* it takes the outputs out of each vector of positions, by a table of lanes, and stores so many */
    FINISH_ROWS          /* it leaves positions in a buffer, whose rows are taken out behind it */
} InlineFinish;

typedef enum InlineDialect { DIALECT_C, DIALECT_AVX512, DIALECT_AVX2, DIALECT_NEON } InlineDialect;

/* An epilogue that bodies know: a residual, then a bound at 0 or constant bounds. */
typedef struct InlineEpilogue {
    bool add, relu;
    int bounds;                      /* constants: 0 or 2 */
    float low, high;
} InlineEpilogue;

typedef struct InlineGroup {         /* output channels whose sums are in registers at a time */
    int first, rows;                 /* in Inline.order */
    int64_t nonzeros;
} InlineGroup;

typedef struct InlineSet {           /* groups that bodies walk together, of one group of the convolution */
    int first_group, groups, part;   /* part: the convolution's group */
    int rows;
    int first_body, chunks;          /* bodies: each walks a range of columns for all the set's groups */
    int64_t nonzeros;
} InlineSet;

typedef struct InlineTapMasks { int row, column; } InlineTapMasks;      /* numbers of masks, of lanes whose row and column are inside; -1: all are */

enum { INLINE_TAIL_MASKS = 7 };      /* registers for them */

typedef struct InlineTail {          /* outputs behind the last whole tile, for which there is a text of their own; none: outputs is 0 */
    int outputs, lanes;              /* lanes of its vectors */
    int mask_count;
    uint16_t masks[INLINE_TAIL_MASKS];       /* different ones; the first is that of the outputs */
    const int8_t *of_taps;           /* which of them, from 1 on; 0: the tap lies outside for all of them */
    double reached;                  /* share of the taps that do not */
} InlineTail;

typedef struct Inline {
    Window window;
    Planes planes;
    InlineDialect dialect;
    InlineFinish finish;
    InlineEpilogue epilogue;         /* not of FINISH_ROWS */
    int lanes, vectors;              /* of positions, a tile */
    int64_t tiles, blocks, block_tiles;      /* of an image, without the tail; block_tiles: the most of a block, with the tail */
    InlineTail tail;
    int64_t images, strips;          /* the most that a block spans; such spans: a body is called for all images of one before the next body */
    int64_t back;                    /* positions by which the last tile overlaps the one before it */
    int64_t stride, image_floats;    /* of the buffer: from row to row, from image to image */
    bool buffered;                   /* there is one */
    bool sets_outside;               /* items of one set follow one another, else those of one block */
    const int32_t *order;            /* [outputs]: output channels as groups take them */
    InlineGroup *groups;
    InlineSet *sets;
    uint64_t groups_number;          /* one number for equal groups */
    int group_count, set_count, body_count;
    int most_rows;                   /* of a set */
    int code_lines, weight_lines;    /* that a body fetches ahead, with every tile */
    int mask_count, mask_words;      /* of a tile of PLANES_MASKED, and 64-bit words that hold them */
    int record;                      /* bytes of a tile's record of masks or lanes */
    const InlineTapMasks *masks;     /* of taps */
    bool lined;                      /* input comes by lines */
    int64_t past_line;               /* lines behind a tile's beginning that the last tile may read */
} Inline;

/* ---- sparse_inline.c ---- */

void inline_of(const Problem *problem, const Tiling *tiling, Inline *inl);
int64_t inline_items(const Inline *inl);
/* The group of a set that meets the input first; NULL where a set before it has brought the input into level 2. */
const InlineGroup *inline_first_group(const Inline *inl, const InlineSet *set);

/* ---- sparse_inline_groups.c ---- */

uint64_t inline_mix(uint64_t number, int64_t next);                              /* how such a number is made of several */
void inline_groups(const Problem *problem, Inline *inl, const Tiling *tiling);   /* output channels in groups, groups in sets */

/* ---- sparse_inline_walk.c: the order of nonzeros, of which weights, text and counts are made ---- */

typedef struct InlineVisitor {
    void *user;
    void (*open)(void *user, const InlineGroup *group, bool first);              /* sums begin with the bias, or go on */
    void (*column)(void *user, int64_t channel, int64_t tap, const int *rows, int count);    /* channel of the input; rows of the group */
    void (*close)(void *user, const InlineGroup *group, bool last);
    void (*tail)(void *user);        /* NULL, or called behind each body, which is then walked once more */
} InlineVisitor;

/* Walks the bodies of a set, one after the other: `body` is called before each. */
void inline_walk(const Problem *problem, const Inline *inl, const InlineSet *set, void (*body)(void *user, int body), const InlineVisitor *visitor);
/* Columns that each group uses: exactly, or by chance where the pattern has no bits. */
const double *inline_used(const Problem *problem, const Inline *inl);
/* The bodies' streams of weights one after the other; where each starts. */
float *inline_pack(const Problem *problem, const Inline *inl, Arena *arena, int32_t *starts, int64_t *count);
int inline_bounds(const Inline *inl);                    /* constants behind a group's last weights: of C they are in the text */
int64_t inline_weight_count(const Problem *problem, const Inline *inl);          /* floats of all bodies' streams */

/* ---- sparse_inline_lines.c: input by lines that stay in registers ---- */

enum { INLINE_LINES = 3 };           /* registers for them */

typedef struct InlineLines { int64_t line[INLINE_LINES]; } InlineLines;      /* that a body has in registers; -1: none */

typedef struct InlineStep {          /* how a column's input is come by */
    int loads, to[2];                /* of lines, first; into which of the registers */
    int64_t line[2];
    int low, high, shift;            /* the input lies in these two from element `shift` on; low -1: it is loaded from where it lies */
} InlineStep;

void inline_lines_forget(InlineLines *lines);
/* For the column whose input is at `offset` from the tile's beginning, the next one's at `next`; -1: there is none. */
InlineStep inline_lines_step(const Inline *inl, InlineLines *lines, int64_t offset, int64_t next);

typedef struct InlineInput {         /* of a group's columns */
    double loads, split;             /* of input; straddling ones */
    double aligned, copied, masks;   /* vectors out of two lines, masked copies of one, steps to a mask */
} InlineInput;

const InlineInput *inline_inputs(const Problem *problem, const Inline *inl);     /* of each group */

/* ---- sparse_inline_masks.c ---- */

/* Of registers: shifted down by bits; or if that is 0, both at once. */
typedef struct InlineMaskStep { int bits, from, with, to; } InlineMaskStep;
typedef struct InlineMaskSteps { int count, mask; InlineMaskStep step[4]; } InlineMaskSteps;

bool inline_masks_serve(const Window *window);           /* they are few enough */
void inline_masks(Inline *inl, Arena *arena);            /* which taps have which */
void inline_masks_at(const Inline *inl, int64_t position, uint16_t *masks);      /* sets masks[inl->mask_count] */
InlineMaskSteps inline_masks_begin(const Inline *inl);   /* of each tile, behind its words */
/* To a tap's mask, whose register is `mask`; 0: it has none. *held: whose row a register has by now; -1: none. */
InlineMaskSteps inline_mask_steps(const Inline *inl, int64_t tap, int *held);
/* Takes the last tile out of the others, where that saves something: text is read that serves one tile only. */
void inline_tail(const Problem *problem, Inline *inl);

/* ---- sparse_inline_writer.c: lines of words with numbers behind them ---- */

enum { INLINE_COLUMNS = 140 };       /* of a line, and what one more word takes */

typedef struct WordWriter {
    Out *out;
    bool assembler;                  /* words are its macros, lines its strings; else C's */
    char line[INLINE_COLUMNS + 400];
    int length;
} WordWriter;

void writer_word(WordWriter *writer, char name, int64_t number);
void writer_word_two(WordWriter *writer, char name, int64_t a, int64_t b);
void writer_word_three(WordWriter *writer, char name, int64_t a, int64_t b, int64_t c);
void writer_word_four(WordWriter *writer, char name, int64_t a, int64_t b, int64_t c, int64_t d);
/* A word in parts: its name, perhaps longer by numbers and letters, one operand, others. */
void writer_open_word(WordWriter *writer, char name);
void writer_number(WordWriter *writer, int64_t number);
void writer_letter(WordWriter *writer, char letter);
void writer_first_operand(WordWriter *writer, int64_t number);
void writer_operand(WordWriter *writer, int64_t number);
void writer_close_word(WordWriter *writer);
void writer_end_line(WordWriter *writer);

/* ---- bodies: sparse_inline_bodies.c around them, sparse_inline_text.c inside, its words: sparse_inline_words.c, sparse_inline_neon.c ---- */

void inline_bodies(const Emission *emission, const Inline *inl);                  /* defines them, and NAME_bodies[] */

enum { INLINE_MOST_ROWS = 28, INLINE_RECORD = 32 };     /* bytes that FINISH_LANES has for a vector of positions */

typedef struct InlineUse {           /* the words of a text */
    uint16_t columns[INLINE_MOST_ROWS + 1];  /* by how many nonzeros: a bit for each variant; bit 0 where there are none */
} InlineUse;

int64_t inline_reach(InlineDialect dialect);             /* weights that short instructions reach on either side of the pointer */
void words_define(const Emission *emission, const Inline *inl, const InlineUse *use);
void words_purge(const Emission *emission, const Inline *inl, const InlineUse *use);

/* Bytes of code and of weights that run before what is fetched now. Bodies follow one another in memory, those of the next layer too, and so do their
   weights: one number for all layers, so that the first bodies of the next one are there when it begins. */
enum { INLINE_CODE_AHEAD = 49152, INLINE_WEIGHTS_AHEAD = 19456 };

/* Of aarch64: variants of a column's word; floats that all loads of weights reach; floats that are loaded, but not used, behind a body's weights. */
enum { NEON_VARIANTS = 16, NEON_REACH = 4088, NEON_BEHIND = 8 };
int neon_variant(int64_t weight, int turn);              /* of a column that begins with this weight of its body */
bool neon_input_reached(int64_t offset, int vectors);    /* by loads at so many bytes from the pointer */
int64_t neon_input_moved(int64_t offset);                /* where the pointer is put, so that they are */
void neon_define(const Emission *emission, const Inline *inl, const InlineUse *use);
/* What this dialect has beside others, of a group's sums and of its columns. */
void neon_meter_sums(Meter *meter, const Inline *inl, const InlineSet *set, double sums, double passes);
void neon_meter_columns(Meter *meter, const Inline *inl, const InlineSet *set, double columns);
void neon_purge(const Emission *emission, const InlineUse *use);

/* ---- what those share ---- */

typedef struct InlineColumn {        /* that a group uses */
    int64_t channel, tap, input;     /* where its input lies: floats */
    int count, rows[INLINE_MOST_ROWS];
} InlineColumn;

typedef struct InlineWriter {
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
    InlineColumn waiting;            /* where columns load the input of the next, or lines for it: not written yet; count 0: there is none */
    InlineLines lines;
    int64_t input;                   /* bytes by which the input's pointer has moved on */
    int held;                        /* the row's mask that a register has; -1: none */
    int turn;                        /* which of two sets of registers has the waiting column's input */
    bool begun;                      /* the group's columns are */
    WordWriter words;
} InlineWriter;

void inline_text_open(void *user, const InlineGroup *group, bool first);         /* a visitor's, of an InlineWriter */
void inline_text_column(void *user, int64_t channel, int64_t tap, const int *rows, int count);
void inline_text_close(void *user, const InlineGroup *group, bool last);
void inline_text_masks(InlineWriter *writer, const InlineMaskSteps *steps);

/* ---- sparse_inline_emit.c ---- */

void inline_pack_all(const Problem *problem, const Inline *inl, Packed *packed);
void inline_emit(const Emission *emission, const Inline *inl);

/* ---- sparse_inline_work.c ---- */

void inline_work(const Problem *problem, const Inline *inl, Work *work);

#endif
