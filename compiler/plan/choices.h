/* The choices that layers have: what the files select.c, choices.c and choose.c share. Private to them. */
#ifndef TULLE_PLAN_CHOICES_H
#define TULLE_PLAN_CHOICES_H

#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

/* A sparse kernel is taken where it is predicted to be faster than every dense one by this much: both are known to two or four hundredths where
   densities come near 1, and no layer should be slower for its zeros (docs/model.md). */
#define SPARSE_MARGIN 1.04

typedef struct Choice {
    const Kernel *kernel;
    Tiling tiling;
    int in, out;                     /* layouts, by their numbers in the lists of the two values */
    int64_t price;                   /* as the model has it */
    int64_t cost;                    /* what the cheapest assignment adds up */
    double code_bytes, bytes;        /* that it adds to the program: its loops, and with weights and offsets */
} Choice;

typedef struct Selection {           /* of a layer */
    const ForcedKernel *forced;      /* NULL: any */
    const TunedChoice *tuned;        /* wanted above all others; NULL: none */
    int kernels;                     /* that fit */
    Choice *choices;                 /* as the kernels and their tilings come; first without prices, for plain outputs */
    int count, capacity;
    int from;                        /* the layer that makes input 0, if that may be padded; -1 */
    bool may_pad;                    /* nobody needs its output plain, so far */
    Layout layouts[MOST_LAYOUTS];    /* that its output may have; the first is plain */
    int layout_count;
} Selection;

typedef struct Selecting {
    Plan *plan;
    const PlanOptions *options;
    Arena *arena;
    Selection *layers;
    const LayerKey *keys;            /* NULL: nothing is tuned */
} Selecting;

/* choices.c. In this order, each for all layers; complains about layers that nothing fits. */
void choices_find(const Selecting *selecting, int layer);
void choices_layouts(const Selecting *selecting);
void choices_price(const Selecting *selecting, int layer);
void choices_price_again(const Selecting *selecting, int layer);   /* in other surroundings */

/* tuned.c */
const TunedChoice *tuned_choice(const Selecting *selecting, int layer);     /* NULL: there is none */
bool tuned_is(const TunedChoice *tuned, const Choice *choice);

/* select.c: makes them the plan's. */
void choices_take(const Selecting *selecting, const int *chosen);

#define MOST_COST (INT64_C(1) << 52)

/* choose.c: the number of a choice for each layer, which agree on the layouts between them. */
void choose_cheapest(const Selecting *selecting, int *chosen);     /* within the limits of the options */
void choose_by_cost(const Selecting *selecting, int *chosen);      /* whatever their limits */
void choose_randomly(const Selecting *selecting, int *chosen);
bool choice_better(const Choice *a, const Choice *b);              /* cheaper; of equals, the first by name */

#endif
