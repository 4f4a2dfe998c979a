/* Keeps what was measured in the user's cache folder, as a target file. Whatever goes wrong with it only costs measuring again. */
#include "targets/probe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_VERSION = 3, MOST_BYTES = 1 << 16 };    /* the version changes with what is measured, or how */

/* ---- where ---- */

const char *probe_path(Context *ctx, const ProbeSystem *system, const char *isa, const char *name)
{
    const char *key = arena_format(ctx->scratch, "%s %d\n%s\n%s %d %d %d\n%s %d\n%.0f %.0f %.0f %.0f %.0f %.0f %.0f", TULLE_VERSION, PROBE_VERSION,
                                   system->model, system->vendor, system->family, system->number, system->stepping, isa, system->cores,
                                   system->line_bytes, system->l1i_bytes, system->l1_bytes, system->l2_bytes, system->l2_cores, system->l3_bytes,
                                   system->l3_cores);
    char hex[65];
    sha256_hex(key, strlen(key), hex);
    return cache_path(ctx->graph, arena_format(ctx->scratch, "%s-%.16s.target", name, hex));
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

void probe_keep(Context *ctx, const char *path, const Machine *machine)
{
    const char *text = machine_text(ctx->graph, machine), *name = strrchr(path, '/') + 1;
    const int folder = cache_folder(ctx, arena_string(ctx->scratch, path, (size_t)(name - 1 - path)));
    if (folder < 0 || !cache_write(folder, name, text, strlen(text)))
        fprintf(stderr, "tulle: cannot keep them there (%s): the next command measures again\n", strerror(errno));
    if (folder >= 0)
        close(folder);
}
