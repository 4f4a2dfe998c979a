/* Lines of planes in vectors: what poolings and depthwise convolutions share. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_LINES_H
#define TULLE_CODEGEN_LINES_H

#include "codegen/cpu/cpu.h"

/* The vector of from[at], from[at + stride] ..., for `from` an expression of a pointer: strides past 2 use a table, line_steps. */
const char *line_load(const Emission *emission, int64_t stride, const char *from, int64_t at);
void line_steps(const Emission *emission, int64_t stride);
/* The loads of `count` vectors that begin at 0, `step`, 2 * `step` ... */
void meter_line_loads(Meter *meter, int64_t stride, int64_t count, int64_t step);

/* Opens a loop over the vectors of a line of `count` elements, `i` the first element of each: the last one overlaps the one before it. A line
   shorter than a vector has one, too. */
void line_vectors_open(const Emission *emission, const char *i, int64_t count, int lanes);
int64_t line_vectors(int64_t count, int lanes);          /* their number, 0 for an empty line */
double line_loop(int64_t rounds);                        /* instructions of such a loop, a round: compilers unroll short ones */

/* epilogue_put of a line's vector at element `index` of the output; of a line of `width` elements, shorter than a vector, as long as it ends before
   `end` as a whole vector: what it overwrites comes later. Stores of a part of a vector are dear. */
void line_put(const Emission *emission, const char *index, const char *vector, int64_t width, const char *end);
void meter_line_put(Meter *meter, const Problem *problem, int64_t width);

#endif
