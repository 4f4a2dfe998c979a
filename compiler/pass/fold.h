/* Private to the passes: folding, and what bounds it. */
#ifndef TULLE_FOLD_H
#define TULLE_FOLD_H

#include "compiler/reference/reference.h"

typedef struct FoldBudget {
    double bytes, steps;     /* that folding may still make and take, over the whole graph */
} FoldBudget;

FoldBudget fold_budget(const Graph *graph);
/* Only constants feed the node, and its results are worth keeping: taken off the budget then. */
bool fold_affordable(FoldBudget *budget, const Node *node);

#endif
