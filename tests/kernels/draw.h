/* What layers are drawn with: private to layers.c and windows.c. */
#ifndef TULLE_TEST_DRAW_H
#define TULLE_TEST_DRAW_H

#include "layers.h"

typedef struct Draw {                /* what a layer is made with */
    Graph *graph;
    const char *name;
    uint64_t state;
    int inputs;                      /* named so far */
} Draw;

static inline Shape shape_of(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (Shape){rank, {a, b, c, d}};
}

/* ---- layers.c ---- */

int64_t draw_between(Draw *draw, int64_t low, int64_t high);
bool draw_chance(Draw *draw, int one_in);
Value *draw_input(Draw *draw, Shape shape);
Value *draw_constant(Draw *draw, Shape shape, const float *data);
Value *draw_dense(Draw *draw, Shape shape);                              /* a constant without more zeros than chance gives */
const float *draw_sparse(Draw *draw, int64_t rows, int64_t columns);     /* any density; now and then whole rows and columns of zeros */
Node *draw_node(Draw *draw, Op op, Value *const *inputs, int count, Shape shape);
void draw_epilogue(Draw *draw, Node *host);

/* ---- windows.c ---- */

Node *draw_conv(Draw *draw, bool depthwise);
Node *draw_pool(Draw *draw);
Node *draw_global(Draw *draw);

#endif
