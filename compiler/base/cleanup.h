/* Private to base: what must not be left behind. A fixed table, so that a signal handler can walk it. */
#ifndef TULLE_CLEANUP_H
#define TULLE_CLEANUP_H

#include <signal.h>

#include "compiler/base/base.h"

typedef enum CleanupKind { CLEANUP_NONE, CLEANUP_FILE, CLEANUP_FOLDER } CleanupKind;

/* Signals that would end us are held between cleanup_hold and cleanup_release: making (or renaming) a file and noting it are one step. */
void cleanup_hold(sigset_t *before);
void cleanup_release(const sigset_t *before);

int cleanup_add(Context *ctx, CleanupKind kind, const char *path);   /* a slot of the table */
void cleanup_forget(int slot);                                       /* it may stay, or is gone already */
void cleanup_remove(int slot);
void cleanup_remove_all(CleanupKind kind);

void mappings_drop(Context *ctx);                                    /* file.c: unmaps what file_map and file_keep noted */
void outputs_drop(void);                                             /* file.c: closes and removes all outputs that were not committed */

#endif
