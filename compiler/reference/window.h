/* The windows of convolutions and poolings as parameters: three axes, missing ones in front. Implemented in convolution.c. */
#ifndef TULLE_REFERENCE_WINDOW_H
#define TULLE_REFERENCE_WINDOW_H

#include "internal.h"

const char *window_refuses(const Node *node);
void build_window_ints(Builder *builder, const char *name, const int64_t *values, int count, int64_t filling);
void build_window(Builder *builder, const int64_t *kernel);    /* sizes, kernel, strides, dilations, pads in front; items are lines of the result */

#endif
