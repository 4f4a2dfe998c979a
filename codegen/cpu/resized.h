/* The same layer in other sizes, so that a projection can ask an emitted kernel for its counts there. Only shapes and patterns change: there is no
   data behind them. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_RESIZED_H
#define TULLE_CODEGEN_RESIZED_H

#include "codegen/cpu/cpu.h"

/* Output and input channels as the pattern has them. False: not a convolution without groups, nor a product with one matrix of weights. */
bool resized_channels(const Problem *problem, const Pattern *pattern, Problem *resized);

#endif
