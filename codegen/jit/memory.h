/* Inside the plugin: where plugin.c has code loaded. */
#ifndef TULLE_JIT_MEMORY_H
#define TULLE_JIT_MEMORY_H

#include <llvm-c/LLJIT.h>

#ifdef __cplusplus
extern "C"
#endif
LLVMErrorRef memory_session(LLVMOrcLLJITRef *session);   /* memory.cpp */

#endif
