/* Private to codegen/jit: objects in the user's cache folder, by the hash of all that they are made of. */
#ifndef TULLE_JIT_CACHE_H
#define TULLE_JIT_CACHE_H

#include "codegen/jit/plugin.h"
#include "codegen/kernel.h"

int objects_open(Context *ctx);      /* the folder, to be closed; -1: there is none, or, with a word about it, others could write there */
const char *objects_key(Context *ctx, const JitPlugin *plugin, const Isa *isa, const Unit *unit);
bool objects_read(int folder, const char *key, JitBytes *object);            /* malloc()ed; false if it is not there, or not whole */
void objects_write(int folder, const char *key, const JitBytes *object);     /* never fail()s: other threads may be at work */
void objects_trim(Context *ctx, int folder);                                 /* removes what was not used for the longest time, past the bound */

#endif
