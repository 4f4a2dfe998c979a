/* Between jit.c and the library that knows LLVM and clang: plain C. Texts and objects are bytes in memory; what is handed out is freed by release(). */
#ifndef TULLE_JIT_PLUGIN_H
#define TULLE_JIT_PLUGIN_H

#include <stddef.h>

#include "codegen/jit/reading.h"

#define JIT_PLUGIN_VERSION 7
#define JIT_PLUGIN_FILE "libtulle_jit.so"
#define JIT_PLUGIN_ENTRY "tulle_jit_plugin"

typedef struct JitBytes { char *data; size_t length; } JitBytes;     /* a zero stands behind them */

typedef struct JitHead JitHead;      /* the includes that many texts begin with, compiled once */

typedef struct JitSymbol { const char *name; const void *address; } JitSymbol;

typedef struct JitObject {
    const char *name, *data;
    size_t length;
    const char *anchor;              /* a function of it, by the name that all see; NULL: none */
    const void *address;             /* ... where it was loaded to: set by load() */
} JitObject;

typedef struct JitPlace {            /* in the text that code was made from */
    char function[128], file[512];   /* "" if they are not known, and line 0 */
    int line;
} JitPlace;

typedef enum JitForm { JIT_OBJECT, JIT_ASSEMBLY, JIT_IR, JIT_NOTHING } JitForm;   /* what a text is compiled to; assembly and IR are texts; nothing: it is only checked */

/* What an object takes from outside; defines for all to see; chooses by code of its own as it is loaded; keeps in a section that can be written, or that
   runs by itself. */
typedef enum JitSymbolKind { SYMBOL_TAKEN, SYMBOL_SHOWN, SYMBOL_CHOSEN, SYMBOL_KEPT } JitSymbolKind;
typedef void JitSymbolTold(void *user, JitSymbolKind kind, const char *name, const char *section);     /* name: "" where there is none */

/* ---- objects as they are read ---- */

enum {                               /* JitInstruction.is */
    JIT_LOADS = 1, JIT_STORES = 2, JIT_BRANCH = 4, JIT_CALL = 8, JIT_RETURN = 16,
    JIT_VECTOR = 32                  /* names a vector register */
};

typedef struct JitInstruction {
    unsigned long long address, target;      /* target: of a jump; its own address + 1 where none is known */
    unsigned long long registers;    /* vector registers that it names: bit n is number n */
    unsigned bytes, is;
    const char *text;                /* "vaddps %ymm0, %ymm1, %ymm2": as assemblers read it, on one line; targets of jumps count from the function */
} JitInstruction;

typedef struct JitFunction {
    const char *name;
    const JitInstruction *instructions;
    size_t count;
    unsigned long long bytes;
} JitFunction;

typedef struct JitListing {          /* an object, taken apart */
    const JitFunction *functions;
    int function_count;
    unsigned long long code_bytes, table_bytes;      /* of its functions; of its constants */
    const char *core;                /* whose model throughput() asks; NULL: none */
} JitListing;

typedef struct JitPort { const char *name; double cycles; } JitPort;

enum { JIT_MOST_PORTS = 64 };

typedef struct JitThroughput {       /* of a loop in the model of a core; numbers of one round */
    double cycles;                   /* simulated, many rounds on end, without cache misses */
    double bound;                    /* what the busiest resource, or the width, needs at least */
    const char *busiest;             /* that resource; NULL: the width */
    const char *members[JIT_MOST_PORTS];     /* of that resource, where it is a group of units */
    int member_count;
    double micro_ops;
    int width;                       /* micro-ops dispatched in a cycle */
    int in_order;
    JitPort ports[JIT_MOST_PORTS];   /* those that did anything */
    int port_count;
} JitThroughput;

typedef struct JitPlugin {
    int version;                     /* the first in every version; nothing else is touched when it is another one */
    const char *compiler;            /* "clang 19.1.7": part of the cache's key ... */
    const char *const *flags;        /* ... and what clang is always called with, up to NULL */
    const char *headers;             /* the folder of clang's own ones, without which nothing compiles */
    void (*prepare)(void);           /* once, before all below */
    /* `flags` as on a command line, with a zero behind the last. NULL and messages where the head is at fault. */
    JitHead *(*head)(const char *const *flags, const char *includes, JitBytes *messages);
    void (*head_free)(JitHead *head);
    /* A text that begins with the head's includes. Any number of threads may compile with one head. False: messages has the faults. */
    int (*compile)(const JitHead *head, const char *name, const char *text, size_t length, JitForm form, JitBytes *result, JitBytes *messages);
    /* Links them with each other, with the symbols, and with what this process offers, and gives the address of `entry`. They stay until unload().
       NULL: messages says why. */
    void *(*load)(JitObject *objects, int object_count, const JitSymbol *symbols, int symbol_count, const char *entry, JitBytes *messages);
    void (*unload)(const void *entry);
    /* Where an address in this object, as it was loaded, comes from. False: it is not in it. */
    int (*locate)(const JitObject *object, const void *address, JitPlace *place);
    /* Tells of all symbols of these kinds. False: messages says why not. */
    int (*symbols)(const char *object, size_t length, JitSymbolTold *told, void *user, JitBytes *messages);
    /* core: as compilers call it, "native" for this machine's; NULL: none. NULL: messages says why. */
    const JitListing *(*list)(const char *object, size_t length, const char *core, JitBytes *messages);
    void (*list_free)(const JitListing *listing);
    /* Of `count` instructions of a function, the last of which jumps to the first. False: messages says what the core's model lacks. */
    int (*throughput)(const JitListing *listing, int function, size_t first, size_t count, JitThroughput *throughput, JitBytes *messages);
    void (*release)(JitBytes *bytes);
    /* `path` is the text's name in messages. False: they say why it cannot be read. */
    int (*read)(const char *const *flags, const char *path, const char *text, size_t length, JitReading *reading, JitBytes *messages);
    void (*reading_free)(JitReading *reading);
} JitPlugin;

#ifdef __cplusplus
extern "C"
#endif
const JitPlugin *tulle_jit_plugin(void);

#endif
