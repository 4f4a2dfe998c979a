/* Removes unfinished outputs and private folders after fail(), at exit, and when a signal ends the process.
   The handler may only call what is safe in one, so paths sit in a fixed table and folders are listed with raw system calls. */
#define _GNU_SOURCE /* struct dirent64 */
#include "compiler/base/cleanup.h"
#include "compiler/base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOTS 64

static struct {
    volatile sig_atomic_t kind;
    char path[PATH_MAX];
} slots[SLOTS];

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGALRM, SIGQUIT};

/* Files in the folder, one level deep: nothing of ours makes folders within. */
static void empty_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return;
    _Alignas(struct dirent64) char buffer[2048];
    for (long size; (size = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0;)
        for (long at = 0; at < size;) {
            const struct dirent64 *entry = (const void *)(buffer + at);
            unlinkat(folder, entry->d_name, 0);
            at += entry->d_reclen;
        }
    close(folder);
}

static void remove_slot(int slot)
{
    int kind = slots[slot].kind;
    slots[slot].kind = CLEANUP_FREE;
    if (kind == CLEANUP_FILE)
        unlink(slots[slot].path);
    if (kind == CLEANUP_FOLDER) {
        empty_folder(slots[slot].path);
        rmdir(slots[slot].path);
    }
}

void scratch_remove_all(void)
{
    for (int slot = 0; slot < SLOTS; slot++)
        remove_slot(slot);
}

static void on_signal(int number)
{
    scratch_remove_all();
    signal(number, SIG_DFL);
    raise(number);
}

static void install(void)
{
    static bool installed;
    if (installed)
        return;
    installed = true;
    atexit(scratch_remove_all);
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < COUNT(deadly); i++) {
        struct sigaction before;
        if (sigaction(deadly[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(deadly[i], &action, NULL);
    }
}

int cleanup_add(const char *path, CleanupKind kind)
{
    install();
    for (int slot = 0; slot < SLOTS; slot++)
        if (slots[slot].kind == CLEANUP_FREE && strlen(path) < sizeof slots[slot].path) {
            memcpy(slots[slot].path, path, strlen(path) + 1);
            slots[slot].kind = kind;
            return slot;
        }
    return -1;
}

void cleanup_forget(int slot)
{
    if (slot >= 0)
        slots[slot].kind = CLEANUP_FREE;
}

const char *scratch_folder(Context *ctx)
{
    const char *base = getenv("TMPDIR");
    char *path = arena_format(ctx->graph, "%s/tulle-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(path))
        fail(ctx, STATUS_USAGE, NULL, "set TMPDIR to a folder that can be written", "no temporary folder %s: %s", path, strerror(errno));
    if (cleanup_add(path, CLEANUP_FOLDER) < 0) {
        rmdir(path);
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "too many temporary folders");
    }
    return path;
}
