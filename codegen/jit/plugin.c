/* The library that knows LLVM and clang: clang.cpp compiles, ORC loads, listing.cpp and throughput.cpp read what was compiled. */
#include "codegen/jit/clang.h"
#include "codegen/jit/memory.h"

#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <stdlib.h>
#include <string.h>

void bytes_give(JitBytes *bytes, const char *data, size_t length)
{
    bytes->data = malloc(length + 1);
    bytes->length = bytes->data != NULL ? length : 0;
    if (bytes->data == NULL)
        return;
    memcpy(bytes->data, data, length);
    bytes->data[length] = '\0';
}

static void release(JitBytes *bytes)
{
    free(bytes->data);
    *bytes = (JitBytes){0};
}

/* True, and the words of it, if there is an error. */
static int failed(LLVMErrorRef error, JitBytes *messages)
{
    if (error == LLVMErrorSuccess)
        return 0;
    char *text = LLVMGetErrorMessage(error);
    bytes_give(messages, text, strlen(text));
    LLVMDisposeErrorMessage(text);
    return 1;
}

/* ---- loading ---- */

static LLVMErrorRef define_symbols(LLVMOrcLLJITRef jit, const JitSymbol *symbols, int count)
{
    LLVMOrcCSymbolMapPair *pairs = calloc((size_t)count + 1, sizeof *pairs);
    if (pairs == NULL)
        abort();
    for (int i = 0; i < count; i++) {
        pairs[i].Name = LLVMOrcLLJITMangleAndIntern(jit, symbols[i].name);
        pairs[i].Sym = (LLVMJITEvaluatedSymbol){(LLVMOrcExecutorAddress)(uintptr_t)symbols[i].address, {LLVMJITSymbolGenericFlagsExported, 0}};
    }
    const LLVMOrcMaterializationUnitRef unit = LLVMOrcAbsoluteSymbols(pairs, (size_t)count);
    const LLVMErrorRef error = LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(jit), unit);
    if (error != LLVMErrorSuccess)
        LLVMOrcDisposeMaterializationUnit(unit);
    free(pairs);
    return error;
}

/* What compilers call by themselves, and the functions of the mathematics library. */
static LLVMErrorRef offer_process(LLVMOrcLLJITRef jit)
{
    LLVMOrcDefinitionGeneratorRef process;
    const LLVMErrorRef error = LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(&process, LLVMOrcLLJITGetGlobalPrefix(jit), NULL, NULL);
    if (error == LLVMErrorSuccess)
        LLVMOrcJITDylibAddGenerator(LLVMOrcLLJITGetMainJITDylib(jit), process);
    return error;
}

static LLVMErrorRef add_object(LLVMOrcLLJITRef jit, const JitObject *object)
{
    LLVMMemoryBufferRef bytes = LLVMCreateMemoryBufferWithMemoryRangeCopy(object->data, object->length, object->name);
    return LLVMOrcLLJITAddObjectFile(jit, LLVMOrcLLJITGetMainJITDylib(jit), bytes);
}

static JitBytes linker_words;

/* What the linker says goes past the caller of a lookup, who hears only that something failed. The first of it counts. */
static void note_error(void *user, LLVMErrorRef error)
{
    (void)user;
    if (linker_words.data == NULL)
        failed(error, &linker_words);
    else
        LLVMConsumeError(error);
}

/* Looking for one symbol links its object and, from there, all that it leads to. */
static int link_entry(LLVMOrcLLJITRef jit, const char *entry, LLVMOrcExecutorAddress *address, JitBytes *messages)
{
    release(&linker_words);
    LLVMOrcExecutionSessionSetErrorReporter(LLVMOrcLLJITGetExecutionSession(jit), note_error, NULL);
    const int good = !failed(LLVMOrcLLJITLookup(jit, address, entry), messages);
    if (!good && linker_words.data != NULL) {
        release(messages);
        *messages = linker_words;
        linker_words = (JitBytes){0};
    }
    return good;
}

typedef struct Loaded {
    LLVMOrcLLJITRef jit;
    const void *entry;
    struct Loaded *next;
} Loaded;

static Loaded *loaded;

static void *keep(LLVMOrcLLJITRef jit, LLVMOrcExecutorAddress address)
{
    Loaded *one = malloc(sizeof *one);
    if (one == NULL)
        abort();
    *one = (Loaded){jit, (const void *)(uintptr_t)address, loaded};
    loaded = one;
    return (void *)(uintptr_t)address;
}

static void unload(const void *entry)
{
    Loaded **at = &loaded;
    while (*at != NULL && (*at)->entry != entry)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    Loaded *one = *at;
    *at = one->next;
    LLVMConsumeError(LLVMOrcDisposeLLJIT(one->jit));
    free(one);
}

static void find_anchors(LLVMOrcLLJITRef jit, JitObject *objects, int count)
{
    for (int i = 0; i < count; i++) {
        LLVMOrcExecutorAddress address = 0;
        if (objects[i].anchor != NULL)
            LLVMConsumeError(LLVMOrcLLJITLookup(jit, &address, objects[i].anchor));
        objects[i].address = (const void *)(uintptr_t)address;
    }
}

static void *load(JitObject *objects, int object_count, const JitSymbol *symbols, int symbol_count, const char *entry, JitBytes *messages)
{
    LLVMOrcLLJITRef jit;
    LLVMOrcExecutorAddress address = 0;
    if (failed(memory_session(&jit), messages))
        return NULL;
    int bad = failed(offer_process(jit), messages) || failed(define_symbols(jit, symbols, symbol_count), messages);
    for (int i = 0; i < object_count && !bad; i++)
        bad = failed(add_object(jit, &objects[i]), messages);
    if (!bad && link_entry(jit, entry, &address, messages)) {
        find_anchors(jit, objects, object_count);
        return keep(jit, address);
    }
    LLVMConsumeError(LLVMOrcDisposeLLJIT(jit));
    return NULL;
}

const JitPlugin *tulle_jit_plugin(void)
{
    static const JitPlugin plugin = {
        .version = JIT_PLUGIN_VERSION, .compiler = "clang " TULLE_LLVM_VERSION, .flags = clang_flags, .headers = TULLE_CLANG_HEADERS "/include",
        .prepare = clang_prepare, .head = clang_head, .head_free = clang_head_free, .compile = clang_compile, .load = load, .unload = unload,
        .locate = object_locate, .symbols = object_symbols, .list = listing_make, .list_free = listing_free, .throughput = listing_throughput, .release = release,
        .read = text_read, .reading_free = reading_free,
    };
    return &plugin;
}
