/* The passes, and the pipeline that runs them. Includes graph, reference. */
#ifndef TULLE_PASS_H
#define TULLE_PASS_H

#include "compiler/graph/graph.h"
#include "compiler/reference/reference.h"

typedef struct LayerDensity { const char *layer; double density; } LayerDensity;

typedef struct PassOptions {
    double threshold;        /* --threshold: smaller weights count as zeros */
    double prune;            /* --prune: the density of every layer; 0: not given */
    const LayerDensity *densities;   /* --prune-file: of single layers */
    int density_count;
    const char *dump;        /* --dump PASS: print the graph to `dump_to` after this pass; "all" for every pass */
    FILE *dump_to;
} PassOptions;

typedef struct Pass {
    const char *name, *says; /* what --dump takes; one line for --help */
    void (*run)(Graph *graph, const PassOptions *options);
} Pass;

extern const Pass passes[];
extern const int pass_count;

/* pipeline.c: every pass in order; the driver verifies, dumps and resets the scratch arena after each. */
void passes_run(Graph *graph, const PassOptions *options);
void pass_run_named(Graph *graph, const char *name, const PassOptions *options);   /* one pass, for tests */

/* infer.c: types and shapes, operands into attributes, folding of what only constants feed. */
void pass_infer(Graph *graph, const PassOptions *options);
/* fold.c: computes a node that only constants feed through the reference; its outputs become constants, the caller drops the node. False: it
   cannot. Used by infer. */
bool fold_node(Graph *graph, Node *node);
/* dead.c */
void pass_dead(Graph *graph, const PassOptions *options);
/* combine.c: activations written out in several operators (x * sigmoid(x)) become the one they are */
void pass_combine(Graph *graph, const PassOptions *options);
/* batchnorm.c: factors and shifts a channel into the weights of the convolution or product before them; what is left becomes a
   multiply and an add */
void pass_batchnorm(Graph *graph, const PassOptions *options);
/* pad.c: zero padding into convolutions and poolings */
void pass_pad(Graph *graph, const PassOptions *options);
/* views.c: Reshape, Flatten, Squeeze, Unsqueeze, Identity become View, or Copy where a place of their own is needed; no-op transposes, slices,
   casts too */
void pass_views(Graph *graph, const PassOptions *options);
/* fuse.c: activations become epilogues; residual additions are offered to the planner */
void pass_fuse(Graph *graph, const PassOptions *options);
/* sparsity.c: weights under the threshold become zeros */
void pass_sparsity(Graph *graph, const PassOptions *options);
/* prune.c: weights are pruned by magnitude to densities that the model does not have: a projection, and marked as one */
void pass_prune(Graph *graph, const PassOptions *options);

/* residual.c, the planner's half of a residual offer: `addition` becomes an epilogue of `host`, with any activation behind it. Needs ids
   (graph_index) from before the first of a series of these calls. */
void fuse_residual(Graph *graph, Node *host, Node *addition);

#endif
