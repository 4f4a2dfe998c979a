/* What explain shows, gathered before any of it is written: the table, one layer, JSON and the picture read the same numbers. Includes cli.h. */
#ifndef TULLE_EXPLAIN_H
#define TULLE_EXPLAIN_H

#include "compiler/cli/cli.h"

/* One layer, whichever model priced it. Rates and bytes that do not apply are 0. */
typedef struct LayerView {
    int layer;                       /* its number in the plan */
    const char *name, *op, *kernel, *bound;
    const Shape *shape;              /* of its first output; NULL if nobody asked for one */
    double density;                  /* of its weights; 1 without */
    double dense_flops;              /* 2 a multiply-add, zeros not left out; 0: nothing is multiplied */
    double bytes;                    /* touched for the first time */
    double seconds, hot_seconds;     /* in the network; alone, over and over */
    const char *dense_kernel;        /* NULL: nothing to compare with */
    double dense_seconds, dense_bytes;
    double alpha, beta;
    bool sparse;                     /* leaves zeros out */
    bool ranged;                     /* there is a useful range of density */
    double useful_low, useful_high;
    const Candidate *candidates;     /* the cheapest first, projections included */
    int candidate_count;
} LayerView;

typedef struct Explanation {
    Context *ctx;
    const Options *options;
    const Plan *plan;
    const char *model;               /* its name, any bytes */
    int64_t batch;
    bool by_paper;                   /* --alpha paper: no candidates, all cores of the machine */
    LayerView *views;
    int count;
    double seconds, dense_seconds;   /* of the whole network: as planned; with the best dense kernel in every layer */
    double dense_flops, real_flops;
    double cores;                    /* that the threads asked for keep busy; of a GPU all */
    double peak, bandwidth;          /* FLOP/s and bytes/s from memory, of those cores */
} Explanation;

/* ---- explain_view.c: gathering ---- */

Explanation *explanation_make(Context *ctx, const Options *options, const Plan *plan);
void explanation_candidates(Explanation *explanation, LayerView *view);    /* asks for them */
void explanation_ranges(Explanation *explanation, const LayerView *only);  /* the useful ranges of density; NULL: of all layers */
void explanation_sum(Explanation *explanation);
bool asked_for_paper(Context *ctx, const Options *options);                /* explain_paper.c: by --alpha; anything else there is wrong use */
void explanation_by_paper(Explanation *explanation);                       /* explain_paper.c: prices by the paper's formula instead */
double view_gain(const LayerView *view);                                   /* over the best dense kernel; 0: nothing to compare with */
double view_intensity(const LayerView *view);                              /* FLOPs done for each byte touched first */
double view_rate(const LayerView *view);                                   /* FLOP/s done */
double view_effective_rate(const LayerView *view);                         /* as if the zeros had been done, too */
double work_bytes(const Work *work, bool gpu);                             /* first touches of all stages */
double price_cycles(const Price *price, Bound bound);                      /* of all stages */
double price_lost(const Price *price);
bool candidate_chosen(const Candidate *candidate, const LayerPlan *layer);

/* ---- explain_words.c: numbers and reasons as people read them ---- */

const char *brief_milliseconds(Arena *arena, double seconds);              /* of three digits; "0" */
const char *figures_text(Arena *arena, double number);                     /* three significant digits, no exponent; "" for 0 */
const char *share_text(Arena *arena, double share);                        /* "0.132 %": three significant digits */
const char *times_text(Arena *arena, double ratio);                        /* "1.9x" */
/* As many digits behind the point for every layer, by the whole's time. */
const char *milliseconds_text(const Explanation *explanation, double seconds);
const char *short_name(Arena *arena, const char *name, int most);          /* cut in the middle */
const char *percent_text(Arena *arena, double part);
const char *layout_text(Arena *arena, const Layout *layout);
const char *cycles_text(Arena *arena, double cycles);                      /* "2.1 M" */
/* Why this candidate is not what the plan has: "1.9x slower: bound by loads, 2.1 M cycles where sparse_direct needs 1.1 M". */
const char *lost_text(const Explanation *explanation, const Candidate *candidate, const LayerPlan *layer);
const char *machine_line(const Explanation *explanation);                  /* "MODEL on MACHINE (ISA), 2 threads: ..." */
const char *total_line(const Explanation *explanation);
const char *paper_line(const Explanation *explanation);                    /* NULL: by our kernels' counts */
const char *projection_line(const Explanation *explanation);               /* NULL: nothing is projected */
const char *slices_line(const Explanation *explanation);        /* NULL: the batch runs as a whole */

/* ---- explain_table.c, explain_layer.c, explain_json.c, draw_*.c: showing ---- */

void explain_table(const Explanation *explanation);
void explain_layer(const Explanation *explanation, const LayerView *view);
/* only: this layer with all candidates; NULL: all layers, the cheapest candidate of each kernel. */
void explain_json(const Explanation *explanation, const LayerView *only);
void draw_explanation(FILE *stream, const Explanation *explanation);
/* Their parts of the picture; each gives the y where it ends. */
double draw_roofline(FILE *stream, const Explanation *explanation, double top);
double draw_bars(FILE *stream, const Explanation *explanation, double top);
double bars_height(const Explanation *explanation);
enum { PICTURE_WIDTH = 840 };

#endif
