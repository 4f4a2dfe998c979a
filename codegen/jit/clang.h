/* Inside the plugin: clang.cpp's functions for plugin.c, as plugin.h describes them. */
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
int clang_compile(const JitHead *head, const char *name, const char *text, size_t length, JitBytes *object, JitBytes *messages);

void bytes_give(JitBytes *bytes, const char *data, size_t length);   /* plugin.c: a copy, empty where there is no memory */

#ifdef __cplusplus
}
#endif
#endif
