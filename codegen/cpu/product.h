/* Matrix products as kernels see them: y[batch][m][n] = alpha sum_k a[m][k] b[k][n] + beta c[m][n]. Gemm, MatMul, and convolutions whose window is
   their whole input. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_PRODUCT_H
#define TULLE_CODEGEN_PRODUCT_H

#include "codegen/cpu/cpu.h"

typedef struct Product {
    int64_t m, n, k;
    int64_t a_row, a_column;         /* strides of a[m][k] */
    int64_t b_row, b_column;         /* of b[k][n] */
    int64_t batch, a_batch, b_batch; /* matrices of y; how many different ones of a and b there are: 1 or more */
    int batch_rank;
    int64_t batch_dims[MAX_RANK];    /* of y */
    int64_t a_step[MAX_RANK], b_step[MAX_RANK];   /* in matrices, 0 where broadcast */
    float alpha, beta;
    const Value *c;                  /* NULL if there is none */
    int64_t c_row, c_column;         /* strides, 0 where broadcast */
} Product;

bool product_of(const Node *node, Product *product);
/* The number of a's (b's) matrix for matrix `index` of y, in C. */
const char *product_matrix(Arena *arena, const Product *product, const int64_t *steps, const char *index);
/* c is a constant that only depends on n: it can be packed as beta * c. */
bool product_plain_bias(const Product *product);
const float *product_bias(const Product *product, int64_t multiple, Arena *arena);   /* [n rounded up], zeros where there is none */

/* dense_gemm.c: its tiles of accumulators and its loop over k, for others that multiply panels. */
int product_tilings(const Problem *problem, int64_t m, int64_t n, Tiling *list, int most);    /* size: rows, vectors */
void meter_product(Meter *meter, int rows, int vectors, int64_t k);    /* in every run `rows` x `vectors` sums over k */

typedef struct ProductSums {         /* one such tile: rows of a times a panel [k][vectors * lanes] */
    int rows, vectors, lanes;
    int64_t k, a_row, a_column;      /* strides of a, in floats */
    int64_t ahead;                   /* floats of the panel that are asked for before they are read; 0: none */
} ProductSums;

/* The text that meter_product counts: from the pointers `line` (to a's first row) and `from` (to the panel), both of which it moves, to sums that
   product_sum() names. */
void product_emit_sums(const Emission *emission, const ProductSums *sums);
const char *product_sum(const Emission *emission, int row, int vector);

#endif
