/* What dense_implicit.c, its counts and its text share. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_DENSE_IMPLICIT_H
#define TULLE_CODEGEN_DENSE_IMPLICIT_H

#include "codegen/cpu/cpu.h"

typedef struct Implicit {
    Window window;
    Planes planes;                   /* none in place */
    int lanes, vectors, wide, high;
    int64_t group_outputs, group_channels, units;    /* of a group; panels of its weights */
    bool flat;                       /* neighbouring rows of outputs are one row */
    int64_t height, width;           /* of outputs, as tiles see them */
    int64_t down, right;             /* input elements from one output to the one below, beside */
    int64_t channel, image;          /* input elements */
    const int64_t *taps;
    int64_t rows, columns, strips;   /* of tiles; an item does a strip of rows (flat: of columns) for one panel */
} Implicit;

static inline int tile_rows(const Implicit *implicit)
{
    return implicit->wide * implicit->high;
}

static inline int64_t panel_width(const Implicit *implicit)
{
    return (int64_t)implicit->vectors * implicit->lanes;
}

static inline int64_t terms_of(const Implicit *implicit)
{
    return implicit->group_channels * window_taps(&implicit->window);
}

static inline Terms implicit_terms(const Implicit *implicit)
{
    return (Terms){implicit->group_channels, implicit->channel, implicit->taps, window_taps(&implicit->window)};
}

void implicit_of(const Problem *problem, const Tiling *tiling, Implicit *implicit);

/* dense_implicit_work.c, dense_implicit_text.c: of the kernel. The arrays that are packed are the weights, the biases. */
void implicit_work(const Problem *problem, const Tiling *tiling, Work *work);
void implicit_emit(const Emission *emission);

enum { IMPLICIT_WEIGHTS, IMPLICIT_BIASES };

#endif
