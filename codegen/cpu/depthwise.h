/* What depthwise.c and its text share. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_DEPTHWISE_H
#define TULLE_CODEGEN_DEPTHWISE_H

#include "codegen/cpu/lines.h"

typedef struct Depthwise {
    Window window;
    int lanes, rows;                 /* rows of outputs at once */
    int64_t multiplier;              /* output channels of an input channel */
    int64_t stride, across;          /* along a line: 1 where it holds one output; from the first tap to the last */
    bool given;                      /* the input's layout has the padding */
    int64_t pitch, channel, first;   /* of the lines: elements from one to the next, from channel to channel, of the first output's first tap */
    int64_t columns;                 /* of the input, that are copied */
    int64_t groups, strip, strips;   /* of `rows` rows: in all, in a strip, whose lines the buffer holds */
    int64_t lines, together;         /* lines of a strip; channels whose lines are copied together */
} Depthwise;

enum { DEPTHWISE_WEIGHTS, DEPTHWISE_BIASES };

void depthwise_of(const Problem *problem, const Tiling *tiling, Depthwise *depthwise);
int64_t depthwise_lines(const Depthwise *depthwise, int64_t groups);               /* input lines that so many groups need */
bool depthwise_line_wanted(const Depthwise *depthwise, int64_t line);              /* of a group's: by some row's tap */
bool depthwise_weights_kept(const Depthwise *depthwise, const Isa *isa);           /* in registers, all of them */
void depthwise_emit(const Emission *emission);                                     /* depthwise_text.c */

#endif
