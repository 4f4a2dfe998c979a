/* What dense_gemm.c and the stage that packs its second matrix share. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_DENSE_GEMM_H
#define TULLE_CODEGEN_DENSE_GEMM_H

#include "codegen/cpu/product.h"

typedef struct Gemm {
    Product product;
    int rows, vectors, ways;         /* of the tile; accumulators each, for tiles too small to hide the latency of v_fma */
    int lanes;
    int64_t blocks, tall;            /* blocks of rows: the first `tall` have `rows`, the others one less */
    int64_t panels, panel;           /* panels of b; floats of one */
    bool constant;
    int64_t ahead;                   /* floats of b that are asked for before they are read; 0: none */
} Gemm;

/* dense_gemm_pack.c: a first stage, where b is no constant. */
int64_t gemm_pack_items(const Gemm *gemm);
void gemm_pack_work(const Problem *problem, const Gemm *gemm, Work *work);
void gemm_emit_pack(const Emission *emission, const Gemm *gemm);

#endif
