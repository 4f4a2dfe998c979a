/* Inside the plugin: the C++ files' functions for plugin.c, as plugin.h describes them. */
#ifndef TULLE_JIT_CLANG_H
#define TULLE_JIT_CLANG_H

#include "codegen/jit/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const char *const clang_flags[];
void clang_prepare(void);
JitHead *clang_head(const char *const *flags, const char *includes, JitBytes *messages);
void clang_head_free(JitHead *head);
int clang_compile(const JitHead *head, const char *name, const char *text, size_t length, JitForm form, JitBytes *result, JitBytes *messages);
const JitListing *listing_make(const char *object, size_t length, const char *core, JitBytes *messages);   /* listing.cpp */
void listing_free(const JitListing *listing);
int listing_throughput(const JitListing *listing, int function, size_t first, size_t count, JitThroughput *throughput, JitBytes *messages);   /* throughput.cpp */

int object_symbols(const char *object, size_t length, JitSymbolTold *told, void *user, JitBytes *messages);    /* symbols.cpp */

/* locate.cpp */
int object_locate(const JitObject *object, const void *address, JitPlace *place);

/* reader.c, by libclang */
int text_read(const char *const *flags, const char *path, const char *text, size_t length, JitReading *reading, JitBytes *messages);
void reading_free(JitReading *reading);

void bytes_give(JitBytes *bytes, const char *data, size_t length);   /* plugin.c: a copy, empty where there is no memory */

#ifdef __cplusplus
}
#endif
#endif
