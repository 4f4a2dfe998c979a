/* A compiler in this process: C text to objects that are loaded at once. No program is called and no file is made but those of the cache.
   LLVM and clang are behind plugin.h, in a library of its own that is loaded when it is first needed: without it all other commands work, and start
   in no time. */
#ifndef TULLE_JIT_H
#define TULLE_JIT_H

#include "codegen/jit/plugin.h"
#include "codegen/kernel.h"

/* NULL, or why there is no compiler in this process: a sentence. */
const char *jit_missing(Context *ctx);

typedef struct JitOptions {
    int jobs;                        /* units that are compiled at the same time */
    bool no_cache;
    void (*progress)(void *user, int done, int count);   /* called by the caller's thread, now and then; may be NULL */
    void *user;
    void (*started)(void);           /* called by each thread that compiles, first; may be NULL */
} JitOptions;

/* Compiles what the cache has not, loads all, and gives the address of the function units->model. fail()s with the compiler's words. The code stays
   until it is unloaded; the weights are used where they are. */
void *jit_load(Context *ctx, const Isa *isa, const Units *units, const JitOptions *options);
const Unit *jit_compiling(void);     /* that this thread compiles now; NULL */
void jit_unload(Context *ctx, const void *entry);
/* Of an address in what is loaded: the unit, and where in its text. NULL: it is nowhere there. `units` must still be there. */
const Unit *jit_locate(const void *address, JitPlace *place);

/* ---- single.c: one unit, to be looked at; for any target ---- */

/* Compiles it: an object, or a text. fail()s with the compiler's words, and without one as jit_missing says. */
const JitBytes *jit_compile(Context *ctx, const Isa *isa, const Units *units, int unit, JitForm form);
/* An object, from the cache if it has it: what 'run' loads is what is looked at. */
const JitBytes *jit_object(Context *ctx, const Isa *isa, const Units *units, int unit, bool no_cache);
/* As the plugin's functions of these names; a listing that cannot be made is our fault. */
const JitListing *jit_list(Context *ctx, const JitBytes *object, const char *core);
void jit_list_free(Context *ctx, const JitListing *listing);
bool jit_throughput(Context *ctx, const JitListing *listing, int function, size_t first, size_t count, JitThroughput *throughput, const char **why);

/* What libclang finds in a text for this instruction set, others' too; `path` is its name in messages. The facts live in ctx->graph. NULL, or what the
   text's first fault is. */
const char *jit_read(Context *ctx, const Isa *isa, const char *path, const char *text, size_t length, JitReading *reading);

/* ---- for this folder ---- */

const JitPlugin *jit_plugin(Context *ctx, const char **why);     /* NULL: `why` says why there is none */
_Noreturn void jit_fail(Context *ctx, const JitPlugin *plugin, const char *what, const char *messages);
_Noreturn void jit_fail_unit(Context *ctx, const JitPlugin *plugin, const Unit *unit, const char *messages);     /* or the user's file is at fault */
/* strange.c: fail()s if a user's object has what it must not have. */
void jit_check_object(Context *ctx, const JitPlugin *plugin, const Unit *unit, const char *object, size_t length);

#endif
