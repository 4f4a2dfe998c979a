/* A compiler in this process: C text to objects that are loaded at once. No program is called and no file is made but those of the cache.
   LLVM and clang are behind plugin.h, in a library of its own that is loaded when it is first needed: without it all other commands work, and start
   in no time. */
#ifndef TULLE_JIT_H
#define TULLE_JIT_H

#include "codegen/kernel.h"

/* NULL, or why there is no compiler in this process: a sentence. */
const char *jit_missing(Context *ctx);

typedef struct JitOptions {
    int jobs;                        /* units that are compiled at the same time */
    bool no_cache;
    void (*progress)(void *user, int done, int count);   /* called by the caller's thread, now and then; may be NULL */
    void *user;
} JitOptions;

/* Compiles what the cache has not, loads all, and gives the address of the function units->model. fail()s with the compiler's words. The code stays
   until it is unloaded; the weights are used where they are. */
void *jit_load(Context *ctx, const Isa *isa, const Units *units, const JitOptions *options);
void jit_unload(Context *ctx, const void *entry);

#endif
