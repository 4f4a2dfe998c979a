/* What the two halves of the kernel `pooling` share. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_POOLING_H
#define TULLE_CODEGEN_POOLING_H

#include "codegen/cpu/cpu.h"

typedef struct Pooling {
    Window window;
    int lanes;
    bool average, even;              /* even: all windows count the same */
    int64_t stride;                  /* along a line; 1 where it holds one output */
    int64_t columns;                 /* of the input, that windows see; 0 or less: none */
    int64_t pitch, lines, group;     /* of the buffer; lines of a channel, channels */
    int64_t origin, row, plane;      /* of the input: its first element, elements from row to row and from channel to channel */
    bool above_or_below;             /* windows reach into rows of padding */
    bool asks;                       /* lines of the input and of the result are asked for ahead: level 2 does not hold them */
} Pooling;

enum { POOLING_AHEAD = 2048, POOLING_RESULT_AHEAD = 512 };    /* floats: of the input while other lines are combined, of the result */

void pooling_of(const Problem *problem, const Tiling *tiling, Pooling *pooling);
int pooling_asked_rows(const Pooling *pooling);          /* of a window's rows, those that the windows above it have not seen; its last ones */
int64_t pooling_buffer(const Pooling *pooling);          /* floats: of the lines */
int64_t pooling_outside(const Pooling *pooling);         /* of a row of padding, for windows that reach above or below the input */
void pooling_work(const Problem *problem, const Tiling *tiling, Work *work);     /* pooling_work.c */

#endif
