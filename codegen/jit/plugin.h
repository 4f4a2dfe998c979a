/* Between jit.c and the library that knows LLVM and clang: plain C. Texts and objects are bytes in memory; what is handed out is freed by release(). */
#ifndef TULLE_JIT_PLUGIN_H
#define TULLE_JIT_PLUGIN_H

#include <stddef.h>

#define JIT_PLUGIN_VERSION 3
#define JIT_PLUGIN_FILE "libtulle_jit.so"
#define JIT_PLUGIN_ENTRY "tulle_jit_plugin"

typedef struct JitBytes { char *data; size_t length; } JitBytes;     /* a zero stands behind them */

typedef struct JitHead JitHead;      /* the includes that many texts begin with, compiled once */

typedef struct JitSymbol { const char *name; const void *address; } JitSymbol;

typedef struct JitObject { const char *name, *data; size_t length; } JitObject;

typedef struct JitPlugin {
    int version;                     /* the first in every version; nothing else is touched when it is another one */
    const char *compiler;            /* "clang 19.1.7": part of the cache's key ... */
    const char *const *flags;        /* ... and what clang is always called with, up to NULL */
    const char *headers;             /* the folder of clang's own ones, without which nothing compiles */
    void (*prepare)(void);           /* once, before all below */
    /* `flags` as on a command line, with a zero behind the last. NULL and messages where the head is at fault. */
    JitHead *(*head)(const char *const *flags, const char *includes, JitBytes *messages);
    void (*head_free)(JitHead *head);
    /* An object of a text that begins with the head's includes. Any number of threads may compile with one head. False: messages has the faults. */
    int (*compile)(const JitHead *head, const char *name, const char *text, size_t length, JitBytes *object, JitBytes *messages);
    /* Links them with each other, with the symbols, and with what this process offers, and gives the address of `entry`. They stay until unload().
       NULL: messages says why. */
    void *(*load)(const JitObject *objects, int object_count, const JitSymbol *symbols, int symbol_count, const char *entry, JitBytes *messages);
    void (*unload)(const void *entry);
    void (*release)(JitBytes *bytes);
} JitPlugin;

#ifdef __cplusplus
extern "C"
#endif
const JitPlugin *tulle_jit_plugin(void);

#endif
