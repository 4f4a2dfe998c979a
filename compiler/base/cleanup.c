/* Removes what is unfinished: at the command's end, at exit, and when a signal ends us. All of it is safe in a signal handler: no memory, no
   streams, only system calls; the entries of a folder are read with raw getdents64. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compiler/base/cleanup.h"

enum { SLOTS = 32, MOST_DEPTH = 8, MOST_ROUNDS = 4 };

typedef struct Slot {
    atomic_int kind;         /* written last, so that the path of a slot in use is whole */
    char path[PATH_MAX];
} Slot;

static Slot slots[SLOTS];
static pid_t owner;          /* a forked child must not remove its parent's files */

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU, SIGABRT};
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};       /* our own, or a mapped file that someone made shorter */

/* ---- removing ---- */

typedef struct Entry {       /* of getdents64, as the kernel lays it out */
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
} Entry;

static void remove_folder(int parent, const char *name, int depth);

static void remove_entry(int folder, const char *name, int depth)
{
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return;
    if (unlinkat(folder, name, 0) != 0 && (errno == EISDIR || errno == EPERM) && depth < MOST_DEPTH)
        remove_folder(folder, name, depth + 1);
}

static void remove_entries(int folder, int depth)
{
    _Alignas(Entry) char buffer[2048];
    for (long got; (got = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0;)
        for (long at = 0; at < got;) {
            const Entry *entry = (const Entry *)(const void *)(buffer + at);
            remove_entry(folder, entry->name, depth);
            at += entry->length;
        }
}

/* More than one round: a file system may skip entries while others are removed. */
static void remove_folder(int parent, const char *name, int depth)
{
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return;
    for (int round = 0; round < MOST_ROUNDS; round++) {
        lseek(folder, 0, SEEK_SET);
        remove_entries(folder, depth);
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno != ENOTEMPTY)
            break;
    }
    close(folder);
}

static void remove_slot(Slot *slot)
{
    int kind = atomic_load(&slot->kind);
    if (kind == CLEANUP_FILE)
        unlink(slot->path);
    else if (kind == CLEANUP_FOLDER)
        remove_folder(AT_FDCWD, slot->path, 0);
    atomic_store(&slot->kind, CLEANUP_NONE);
}

void cleanup_remove(int slot)
{
    remove_slot(&slots[slot]);
}

void cleanup_remove_all(CleanupKind kind)
{
    for (int i = 0; i < SLOTS; i++)
        if (atomic_load(&slots[i].kind) == (int)kind && owner == getpid())
            remove_slot(&slots[i]);
}

/* ---- when: at exit and on signals ---- */

static void at_exit(void)
{
    cleanup_remove_all(CLEANUP_FILE);
    cleanup_remove_all(CLEANUP_FOLDER);
}

/* The default action is back in place (SA_RESETHAND); raised again, it takes effect when we return, and the exit status names the signal. */
static void on_signal(int number)
{
    int error = errno;
    at_exit();
    errno = error;
    raise(number);
}

static void install(int number)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_ONSTACK)}, before;
    sigfillset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        sigaction(number, &action, NULL);
}

/* A signal that is ignored (nohup), or that a sanitizer handles, stays so. A file past its size limit shall be an error of write(), which has a message. */
static void prepare(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    atexit(at_exit);
    static char stack[1 << 16];          /* the fault may be that there is no stack left */
    stack_t before;
    if (sigaltstack(NULL, &before) == 0 && (before.ss_flags & SS_DISABLE))
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (int i = 0; i < COUNT(endings); i++)
        install(endings[i]);
    for (int i = 0; i < COUNT(faults); i++)
        install(faults[i]);
    signal(SIGXFSZ, SIG_IGN);
}

void cleanup_hold(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    for (int i = 0; i < COUNT(endings); i++)
        sigaddset(&held, endings[i]);
    sigprocmask(SIG_BLOCK, &held, before);
}

void cleanup_release(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* ---- the table ---- */

int cleanup_add(Context *ctx, CleanupKind kind, const char *path)
{
    if (!ctx->messages)      /* a library leaves its program's signals alone */
        prepare();
    owner = getpid();
    if (strlen(path) >= PATH_MAX)
        fail(ctx, STATUS_USAGE, NULL, NULL, "a path of %zu bytes is too long", strlen(path));
    for (int i = 0; i < SLOTS; i++)
        if (atomic_load(&slots[i].kind) == CLEANUP_NONE) {
            strcpy(slots[i].path, path);
            atomic_store(&slots[i].kind, (int)kind);
            return i;
        }
    fail(ctx, STATUS_INTERNAL, NULL, NULL, "more than %d unfinished files and folders at once", SLOTS);
}

void cleanup_forget(int slot)
{
    atomic_store(&slots[slot].kind, CLEANUP_NONE);
}
