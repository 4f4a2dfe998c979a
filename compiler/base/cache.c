/* The user's cache folder: what costs time to find out, and can be found out again. Whatever goes wrong with it is no failure. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/base/cleanup.h"

const char *cache_path(Arena *arena, const char *name)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return arena_format(arena, "%s/tulle/%s", cache, name);
    return home && *home == '/' ? arena_format(arena, "%s/.cache/tulle/%s", home, name) : NULL;
}

/* Nobody else may write where machine code is read from. */
int cache_folder(Context *ctx, const char *path)
{
    char *folder = arena_format(ctx->scratch, "%s/", path);
    for (char *at = folder + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return -1;
        *at = '/';
    }
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool write_data(int descriptor, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        const ssize_t written = write(descriptor, at, size);
        if (written < 0 && errno != EINTR)
            return false;
        at += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Nothing is left behind by a name that could not be given, nor hides why. */
static bool rename_file(int folder, const char *temporary, const char *name)
{
    if (renameat(folder, temporary, folder, name) == 0)
        return true;
    const int error = errno;
    unlinkat(folder, temporary, 0);
    errno = error;
    return false;
}

/* A file that has no name yet gets one in place of an older file's. */
static bool name_file(int folder, int descriptor, const char *temporary, const char *name)
{
    char nameless[32];
    sigset_t before;
    snprintf(nameless, sizeof nameless, "/proc/self/fd/%d", descriptor);
    cleanup_hold(&before);
    const bool named = linkat(AT_FDCWD, nameless, folder, temporary, AT_SYMLINK_FOLLOW) == 0 && rename_file(folder, temporary, name);
    cleanup_release(&before);
    return named;
}

/* Without a name until all is written: nothing is left behind whatever ends us. */
static bool write_nameless(int folder, const char *temporary, const char *name, const void *data, size_t size)
{
    const int descriptor = openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return false;
    const bool written = write_data(descriptor, data, size) && name_file(folder, descriptor, temporary, name);
    const int error = errno;
    close(descriptor);
    errno = error;
    return written;
}

/* Not every file system has files without a name, and not every container has /proc. Signals wait until all is written. */
static bool write_named(int folder, const char *temporary, const char *name, const void *data, size_t size)
{
    sigset_t before;
    cleanup_hold(&before);
    const int descriptor = openat(folder, temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = descriptor >= 0 && write_data(descriptor, data, size);
    int error = errno;
    if (descriptor >= 0 && !written)
        unlinkat(folder, temporary, 0);
    if (descriptor >= 0)
        close(descriptor);
    if (written) {
        written = rename_file(folder, temporary, name);
        error = errno;
    }
    cleanup_release(&before);
    errno = error;
    return written;
}

bool cache_write(int folder, const char *name, const void *data, size_t size)
{
    static unsigned serial;
    char temporary[NAME_MAX + 1];
    const int length = snprintf(temporary, sizeof temporary, "%s.%ld-%u", name, (long)getpid(), serial++);
    if (length >= (int)sizeof temporary) {
        errno = ENAMETOOLONG;
        return false;
    }
    return write_nameless(folder, temporary, name, data, size) || (errno != ENOSPC && errno != EDQUOT && write_named(folder, temporary, name, data, size));
}
