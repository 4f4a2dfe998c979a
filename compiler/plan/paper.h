/* The formula of paper 000 ("Faster CNNs with direct sparse convolutions and guided pruning"), as printed: a whole machine's achievable FLOP/s and
   bandwidth, one alpha a machine, no counts of ours. For comparing with the paper (--alpha paper). Includes graph, targets. */
#ifndef TULLE_PAPER_H
#define TULLE_PAPER_H

#include "compiler/graph/graph.h"
#include "targets/targets.h"

typedef struct Paper {
    double flops;                    /* C: of the dense layer, 2 a multiply-add */
    double activation_bytes;         /* S_A: input and output */
    double lowered_bytes;            /* S_A when the input is first copied into a matrix, a column a tap: that matrix, and the output */
    double weight_bytes;             /* S_W: of the dense weights */
    double compute, bandwidth;       /* F in FLOP/s, B in bytes/s: all cores of the machine */
    double alpha, beta;
} Paper;

/* False: the node is no convolution or product with constant weights, or the machine's row has no SGEMM rate, bandwidth or alpha. */
bool paper_of(const Node *node, const Machine *machine, Paper *paper);

void paper_check(Context *ctx, const Machine *machine);               /* wrong use of --alpha paper if its row has none of these */
double paper_dense(const Paper *paper);                               /* seconds */
double paper_sparse_compute(const Paper *paper, double density);
double paper_sparse_bandwidth(const Paper *paper, double density);
double paper_sparse(const Paper *paper, double density);              /* the larger of the two */
double paper_speedup(const Paper *paper, double density);             /* of sparse over dense */
Paper paper_lowered(const Paper *paper);                              /* the same layer by lowering: its activations' bytes are the lowered ones */

/* The useful range of density: above `high` sparse is slower than dense, at `low` the two bounds meet, and below it the bandwidth is the bound. Where
   the bandwidth is the bound at every density that gains, as in fully connected layers, nine tenths of what it can gain are gained at `low`. Both
   are 0 if no density gains anything. */
void paper_range(const Paper *paper, double *low, double *high);

#endif
