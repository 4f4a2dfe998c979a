/* Keeps what was measured in the user's cache folder, as a target file. Whatever goes wrong with it only costs measuring again. */
#define _GNU_SOURCE
#include "targets/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE_VERSION = 2, MOST_BYTES = 1 << 16 };    /* the version changes with what is measured, or how */

/* ---- where ---- */

static const char *cache_folder(Arena *arena)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return arena_format(arena, "%s/tulle", cache);
    return home && *home == '/' ? arena_format(arena, "%s/.cache/tulle", home) : NULL;
}

const char *probe_path(Context *ctx, const ProbeSystem *system, const char *isa, const char *name)
{
    const char *folder = cache_folder(ctx->graph);
    const char *key = arena_format(ctx->scratch, "%s %d\n%s\n%s %d %d %d\n%s %d\n%.0f %.0f %.0f %.0f %.0f %.0f %.0f", TULLE_VERSION, PROBE_VERSION,
                                   system->model, system->vendor, system->family, system->number, system->stepping, isa, system->cores,
                                   system->line_bytes, system->l1i_bytes, system->l1_bytes, system->l2_bytes, system->l2_cores, system->l3_bytes,
                                   system->l3_cores);
    char hex[65];
    sha256_hex(key, strlen(key), hex);
    return folder ? arena_format(ctx->graph, "%s/%s-%.16s.target", folder, name, hex) : NULL;
}

/* ---- reading ---- */

bool probe_recall(Context *ctx, const char *path, Machine *machine)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char *text = arena_alloc(ctx->graph, MOST_BYTES + 1, 1);
    const size_t length = fread(text, 1, MOST_BYTES + 1, file);
    const bool read = !ferror(file);
    fclose(file);
    MachineFault fault;
    return read && machine_parse(ctx->graph, text, length, machine, &fault);
}

/* ---- writing ---- */

static bool make_folders(const char *path, Arena *arena)
{
    char *folder = arena_string(arena, path, strlen(path));
    for (char *at = folder + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return true;
}

static bool write_text(int descriptor, const char *text)
{
    FILE *file = fdopen(descriptor, "w");
    if (!file) {
        close(descriptor);
        return false;
    }
    const bool written = fputs(text, file) >= 0;
    return fclose(file) == 0 && written;
}

/* Under a name of its own, then renamed: whoever reads meanwhile finds a whole file, the old or the new one. */
static bool write_whole(Context *ctx, const char *path, const char *text)
{
    char *temporary = arena_format(ctx->scratch, "%s.XXXXXX", path);
    const int descriptor = mkostemp(temporary, O_CLOEXEC);
    if (descriptor < 0)
        return false;
    if (write_text(descriptor, text) && rename(temporary, path) == 0)
        return true;
    const int error = errno;
    unlink(temporary);
    errno = error;
    return false;
}

void probe_keep(Context *ctx, const char *path, const Machine *machine)
{
    if (!make_folders(path, ctx->scratch) || !write_whole(ctx, path, machine_text(ctx->graph, machine)))
        fprintf(stderr, "tulle: cannot keep them there (%s): the next command measures again\n", strerror(errno));
}
