/* What must not outlive the process: unfinished outputs and private folders. Private to compiler/base. */
#ifndef TULLE_CLEANUP_H
#define TULLE_CLEANUP_H

typedef enum CleanupKind { CLEANUP_FREE, CLEANUP_FILE, CLEANUP_FOLDER } CleanupKind;

int cleanup_add(const char *path, CleanupKind kind);   /* its slot; installs the signal handlers the first time */
void cleanup_forget(int slot);

#endif
