/* How often each tiling of each kernel was drawn, on each instruction set. Private to kernels_test. */
#ifndef TULLE_TEST_REACHED_H
#define TULLE_TEST_REACHED_H

#include <stdbool.h>
#include <stdio.h>

typedef struct Reached Reached;

Reached *reached_new(void);
void reached_free(Reached *reached);
/* Adds the lines "ISA KERNEL TILING DRAWN PADDED", one a tiling of a layer, and "ISA - COPIES READ-PADDED LEFT-PADDED", one a program. */
void reached_read(Reached *reached, FILE *file);
/* A line an instruction set; with `table` a line a tiling, too, and how many there are that no draw reached. */
void reached_print(Reached *reached, bool table);

#endif
