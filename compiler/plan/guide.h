/* What pruning would bring: for each layer with constant weights the range of densities in which it pays, what to do, what it has brought and would
   bring; for the network the same; and the densities that a limit of time or size needs. docs/guide.md says what the words mean. Includes plan. */
#ifndef TULLE_GUIDE_H
#define TULLE_GUIDE_H

#include "compiler/plan/plan.h"

typedef enum Verdict {
    VERDICT_DENSE,                   /* leave it dense: no density gains anything */
    VERDICT_PRUNE,                   /* to `low` */
    VERDICT_STOP,                    /* it is at `low` or below: further zeros gain nothing */
    VERDICT_RESTORE                  /* it has zeros, but too few to gain by them */
} Verdict;

typedef struct GuidePoint {          /* one layer at one density */
    double seconds, bytes;           /* bytes: of its weights and their indices in the program */
    const char *kernel;              /* NULL where the model knows none */
} GuidePoint;

typedef struct GuideLayer {
    int layer;                       /* of the plan */
    bool kept;                       /* by --keep */
    double weights, density;
    double low, high;                /* the useful range; both 0 if there is none */
    Verdict verdict;
    double goal;                     /* the range's end: `low`, or the present density where that is lower or there is no range. Of layers that
                                        share their weights the highest: they have one density */
    double dense_seconds;
    GuidePoint now, end;             /* at `density`, at `goal`, inside the network */
    double structured_at;            /* the present density, if it gains; else `goal` */
    double structured_below;         /* a layer of fewer rows, this share of them, is as fast by a dense kernel as this one at `structured_at` */
    double compact_seconds;          /* without its empty rows and channels by a dense kernel; 0: it has none, or they cannot be left out */
} GuideLayer;

typedef struct GuideTotal {
    double seconds, bytes;
    double density;                  /* of all weights that have a row */
} GuideTotal;

typedef struct GuideLimits {
    double seconds, bytes;           /* 0: none */
    const bool *keep;                /* by layer of the plan; NULL: none */
} GuideLimits;

typedef struct Guide {
    const Plan *plan;
    const struct GuideModel *model;
    Arena *arena;
    const GuidePoint *dense;         /* by layer of the plan: its best dense kernel; 0 seconds: no row */
    GuideLayer *layers;
    int count;
    double other_seconds;            /* of layers without a row */
    double dense_seconds;            /* the network's, if every row were dense; others included */
    GuideTotal now, end;
    /* the limits' answer; `densities` is NULL where none was asked for */
    GuideLimits limits;
    bool reached;
    double *densities;               /* [count] that reach them, or else come nearest */
    GuideTotal suggested;
} Guide;

/* What prices layers: our kernels' counts, or the paper's formula. Layers are numbered as in the plan. */
typedef struct GuideModel {
    const char *name;                /* "counts", "paper" */
    void (*check)(const Plan *plan);                                                  /* fails where the machine has no numbers for it; NULL: never */
    GuidePoint (*dense)(const Guide *guide, int layer);                               /* the best dense kernel; 0 seconds: no price, no row */
    GuidePoint (*point)(const Guide *guide, int layer, double density);               /* the better of sparse and dense, the layer by itself */
    void (*range)(const Guide *guide, int layer, double *low, double *high);
    double (*structured)(const Guide *guide, int layer, double seconds);              /* of its rows that a dense kernel computes in this time */
    double (*compact)(const Guide *guide, int layer);                                 /* GuideLayer.compact_seconds */
    /* All layers together at these densities (0: as it is): points[layer] for each of the plan. */
    void (*network)(const Guide *guide, const double *densities, GuidePoint *points);
} GuideModel;

extern const GuideModel guide_counts;    /* guide_counts.c */
extern const GuideModel guide_paper;     /* guide_paper.c */

/* Everything lies in `arena`; the plan is not changed. */
Guide *guide_make(const Plan *plan, const GuideModel *model, const GuideLimits *limits, Arena *arena);

/* The same plan as if its layers had these densities (0: as it is): kernels and prices, no places; it cannot be emitted. */
const Plan *plan_projected(const Plan *plan, const double *densities, Arena *arena);
/* The weights that this layer of the plan multiplies with: below graph->value_count, and the same number for layers that share them. */
int layer_weights(const Plan *plan, int layer);

/* guide_limits.c, for guide_make: sets densities, reached and suggested. */
void guide_reach(Guide *guide);
/* guide.c, for guide_limits.c */
GuideTotal guide_total(const Guide *guide, const double *densities, GuidePoint *points);   /* densities[count]; points[layers of the plan], filled */

#endif
