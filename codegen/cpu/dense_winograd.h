/* Winograd's F(2x2,3x3) and F(4x4,3x3): geometry, matrices and packing for dense_winograd*.c. Private to codegen/cpu.

   An output tile of side x side needs (side + 2)^2 input elements and, once those and the weights are transformed, as many products: the elements of
   the transform. Vectors hold as many neighbouring channels as there are lanes, of the input in the first transform, of the output in the second, so
   that tiles can stand in any number. Tiles of all images are numbered row after row; a panel is some of them in a row. */
#ifndef TULLE_CODEGEN_WINOGRAD_H
#define TULLE_CODEGEN_WINOGRAD_H

#include "codegen/cpu/cpu.h"

#define MOST_SIDE 4
#define MOST_REACH (MOST_SIDE + 2)
#define MOST_VECTORS 6

/* What a tiling's numbers mean. */
enum { TILING_ROWS, TILING_VECTORS, TILING_SIDE, TILING_BLOCKS, TILING_SHARED };

typedef struct Winograd {
    Window window;
    int side, reach, elements;       /* of a tile: outputs, inputs along an axis; products */
    int lanes;
    int rows, vectors;               /* the product's accumulators: tiles times vectors of output channels */
    int blocks;                      /* of rows in a panel */
    bool shared;                     /* inputs are transformed by a stage of their own, for all threads */
    int64_t tall, wide, tiles;       /* tiles of a column, of a row; of all images */
    int64_t row_blocks;              /* of all tiles: the last may be more than there are */
    int64_t panel, panels;           /* tiles of a panel, the last of which may have fewer blocks */
    int64_t channels, outputs;       /* of a group */
    int64_t channel_blocks;          /* vectors of a group's input channels */
    int64_t output_blocks, width;    /* blocks of `width` output channels */
    /* Floats: from an element to the next in a panel's inputs and products, one line more than they take, since steps of a power of two would put
       all elements of a tile into one set of the cache; all inputs of a panel and group. */
    int64_t input_step, product_step, inputs;
    int64_t piece;                   /* tiles of a row that are transformed together, at most */
    int64_t input_pitch, output_pitch;    /* pixels of a line of such a piece, with room for whole vectors around it */
} Winograd;

void winograd_of(const Problem *problem, const Tiling *tiling, Winograd *winograd);
int64_t winograd_lines(const Winograd *winograd);        /* rows of tiles, of all images */

/* The floats of a thread's memory, one piece behind the other. */
typedef struct WinogradPrivate { int64_t pixels, inputs, products, results, all; } WinogradPrivate;

WinogradPrivate winograd_private(const Winograd *winograd);

/* ---- dense_winograd_numbers.c ---- */

/* The points beside 0 and infinity: one pair of either sign for an output tile of 2, two for one of 4. */
const double *winograd_points(int side);
enum { WINOGRAD_WEIGHTS, WINOGRAD_BIASES };
int64_t winograd_weight_floats(const Winograd *winograd);
void winograd_pack(const Problem *problem, const Tiling *tiling, Packed *packed);
void winograd_magnitudes(const Problem *problem, const Tiling *tiling, const void *const *inputs, double *sums, int64_t *terms, Arena *arena);

/* ---- dense_winograd_transforms.c ---- */

typedef struct WinogradWriter {
    const Emission *emission;
    const Winograd *winograd;
    Out *out;
} WinogradWriter;

const char *winograd_name(const WinogradWriter *writer, const char *base, int a, int b);
void winograd_define_forward(const WinogradWriter *writer);      /* NAME_forward(from, to): the pixels of a tile to its elements */
void winograd_define_backward(const WinogradWriter *writer);     /* NAME_backward(from, bias, to): products of a tile to its outputs */

/* ---- dense_winograd_work.c, dense_winograd_text.c ---- */

void winograd_work(const Problem *problem, const Tiling *tiling, Work *work);
void winograd_emit(const Emission *emission);

#endif
