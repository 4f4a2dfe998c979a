/* What docs/generated-code.md promises of a text, held against what libclang finds in it. */
#ifndef TULLE_TEST_PROMISES_H
#define TULLE_TEST_PROMISES_H

#include "codegen/jit/jit.h"

typedef struct Tally { int texts, functions, loops, constant, share, table, calls, statics, assembler, instructions, faults; } Tally;

/* Prints each broken promise with its line, and counts all. */
void promises_check(Context *ctx, const Isa *isa, const char *name, const char *text, size_t length, Tally *tally);

#endif
