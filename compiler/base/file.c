/* Whole inputs, mapped; outputs that appear whole or not at all; private temporary folders. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/base/cleanup.h"

/* ---- inputs ---- */

static _Noreturn void cannot_read(Context *ctx, int file, const char *why)
{
    if (file >= 0)
        close(file);
    fail(ctx, STATUS_MODEL, NULL, NULL, "cannot be read: %s", why);
}

struct Mapping {
    struct Mapping *next;
    void *data;
    size_t size;
    dev_t device;
    ino_t inode;
};

void file_keep(Context *ctx, const FileView *view, const struct stat *status)
{
    struct Mapping *mapping = malloc(sizeof *mapping);
    if (!mapping)
        fail(ctx, STATUS_MODEL, NULL, NULL, "out of memory");
    *mapping = (struct Mapping){ctx->mappings, (void *)(uintptr_t)view->data, view->size, status->st_dev, status->st_ino};
    ctx->mappings = mapping;
}

static bool kept(const Context *ctx, const struct stat *status)
{
    for (const struct Mapping *mapping = ctx->mappings; mapping; mapping = mapping->next)
        if (mapping->device == status->st_dev && mapping->inode == status->st_ino)
            return true;
    return false;
}

static void drop(struct Mapping **link)
{
    struct Mapping *mapping = *link;
    *link = mapping->next;
    munmap(mapping->data, mapping->size);
    free(mapping);
}

void mappings_drop(Context *ctx)
{
    while (ctx->mappings)
        drop(&ctx->mappings);
}

void file_drop(Context *ctx, const FileView *view)
{
    for (struct Mapping **link = &ctx->mappings; *link; link = &(*link)->next)
        if ((*link)->data == view->data) {
            drop(link);
            return;
        }
}

FileView file_map(Context *ctx, const char *path)
{
    ctx->file = path;
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);    /* a named pipe must not block us; it is refused below */
    if (file < 0 || fstat(file, &status) != 0)
        cannot_read(ctx, file, strerror(errno));
    if (!S_ISREG(status.st_mode))
        cannot_read(ctx, file, S_ISDIR(status.st_mode) ? "it is a folder" : "it is not a regular file");
    if (status.st_size == 0)
        cannot_read(ctx, file, "the file is empty");
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    int error = errno;
    close(file);
    if (data == MAP_FAILED)
        cannot_read(ctx, -1, strerror(error));
    const FileView view = {.data = data, .size = (size_t)status.st_size};
    file_keep(ctx, &view, &status);
    return view;
}

/* ---- outputs ---- */

struct OutputFile {
    Context *ctx;
    OutputFile *next;        /* among those not yet committed */
    char *path;              /* as the user gave it, for messages */
    char *target;            /* what is replaced at the end; NULL: written directly (stdout, a device, a pipe) */
    char *temporary;
    int slot;                /* of the cleanup table; -1: none */
    FILE *stream;
    char *buffer;            /* the stream's; NULL: its own */
};

/* What is written in large pieces lies in large pieces in the page cache, and fewer entries of the processor's page tables lead there: programs run
   2 to 4 % faster from such a file than from one that was written page by page (16 MB of code and weights, Zen 4). */
enum { BUFFER_BYTES = 1 << 20 };

static OutputFile *outputs;

/* The message opens with the output, not with the model that was being read. */
static _Noreturn void cannot_write(Context *ctx, const char *path, int error)
{
    ctx->file = NULL;
    const char *why = error ? strerror(error) : "the disk refuses it";
    fail(ctx, STATUS_USAGE, NULL, NULL, "cannot write '%s': %s", text_quote(ctx->graph, path, strlen(path)), why);
}

static void output_free(OutputFile *output)
{
    for (OutputFile **link = &outputs; *link; link = &(*link)->next)
        if (*link == output) {
            *link = output->next;
            break;
        }
    if (output->stream && output->stream != stdout)
        fclose(output->stream);
    if (output->slot >= 0)
        cleanup_remove(output->slot);
    free(output->path);
    free(output->target);
    free(output->temporary);
    free(output->buffer);
    free(output);
}

void outputs_drop(void)
{
    while (outputs)
        output_free(outputs);
}

/* A file behind a link is replaced where it is; the link stays. */
static char *target_of(const char *path)
{
    char *target = realpath(path, NULL);
    return target ? target : strdup(path);
}

/* Noted before it is made, with signals held: at no moment is there a file that nobody would remove. */
static int open_temporary(OutputFile *output)
{
    static unsigned serial;
    sigset_t before;
    cleanup_hold(&before);
    for (int attempt = 0; attempt < 100; attempt++) {
        free(output->temporary);
        if (asprintf(&output->temporary, "%s.%ld-%u.tmp", output->target, (long)getpid(), serial++) < 0)
            output->temporary = NULL;
        int file = output->temporary ? open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
        int error = errno;
        if (file >= 0) {
            output->slot = cleanup_add(output->ctx, CLEANUP_FILE, output->temporary);
            cleanup_release(&before);
            return file;
        }
        if (error != EEXIST) {
            cleanup_release(&before);
            errno = error;
            return -1;
        }
    }
    cleanup_release(&before);
    errno = EEXIST;
    return -1;
}

static void output_start(OutputFile *output)
{
    struct stat status;
    bool there = stat(output->path, &status) == 0;
    if (there && S_ISDIR(status.st_mode))
        cannot_write(output->ctx, output->path, EISDIR);
    if (there && access(output->path, W_OK) != 0)
        cannot_write(output->ctx, output->path, errno);
    if (there && kept(output->ctx, &status)) {
        output->ctx->file = NULL;
        fail(output->ctx, STATUS_USAGE, NULL, "give the output another name", "writing '%s' would overwrite what is being read",
             text_quote(output->ctx->graph, output->path, strlen(output->path)));
    }
    int file;
    if (there && !S_ISREG(status.st_mode)) {
        file = open(output->path, O_WRONLY | O_CLOEXEC);
    } else {
        output->target = target_of(output->path);
        file = open_temporary(output);
    }
    output->stream = file >= 0 ? fdopen(file, "wb") : NULL;
    if (!output->stream)
        cannot_write(output->ctx, output->path, errno);
    output->buffer = malloc(BUFFER_BYTES);
    if (output->buffer)
        setvbuf(output->stream, output->buffer, _IOFBF, BUFFER_BYTES);
}

OutputFile *output_open(Context *ctx, const char *path)
{
    OutputFile *output = calloc(1, sizeof *output);
    if (!output || !(output->path = strdup(path)))
        fail(ctx, STATUS_USAGE, NULL, NULL, "out of memory");
    output->ctx = ctx;
    output->slot = -1;
    output->next = outputs;
    outputs = output;
    if (!strcmp(path, "-"))
        output->stream = stdout;
    else
        output_start(output);
    return output;
}

FILE *output_stream(OutputFile *output)
{
    return output->stream;
}

/* Everything has reached the file, or fail(). Closing can still report a full disk. */
static void output_check(OutputFile *output)
{
    errno = 0;
    int flushed = fflush(output->stream), error = errno;
    bool failed = flushed != 0 || ferror(output->stream);
    if (output->stream != stdout) {
        if (fclose(output->stream) != 0 && !failed) {
            failed = true;
            error = errno;
        }
        output->stream = NULL;
    }
    if (failed)
        cannot_write(output->ctx, output->path, error);
}

static void output_rename(OutputFile *output)
{
    if (!output->target)
        return;
    sigset_t before;
    cleanup_hold(&before);
    int renamed = rename(output->temporary, output->target), error = errno;
    if (renamed == 0) {
        cleanup_forget(output->slot);
        output->slot = -1;
    }
    cleanup_release(&before);
    if (renamed != 0)
        cannot_write(output->ctx, output->path, error);
}

void outputs_commit(OutputFile **finished, int count)
{
    for (int i = 0; i < count; i++)
        output_check(finished[i]);
    for (int i = 0; i < count; i++)
        output_rename(finished[i]);
    for (int i = 0; i < count; i++)
        output_free(finished[i]);
}

void output_commit(OutputFile *output)
{
    outputs_commit(&output, 1);
}

/* ---- private folders ---- */

const char *scratch_folder(Context *ctx)
{
    const char *parent = getenv("TMPDIR");
    char *path = arena_format(ctx->graph, "%s/tulle-XXXXXX", parent && *parent ? parent : "/tmp");
    sigset_t before;
    cleanup_hold(&before);
    bool made = mkdtemp(path) != NULL;
    int error = errno;
    if (made)
        cleanup_add(ctx, CLEANUP_FOLDER, path);
    cleanup_release(&before);
    if (!made)
        fail(ctx, STATUS_USAGE, NULL, "set TMPDIR to a folder that can be written", "cannot make a temporary folder '%s': %s",
             text_quote(ctx->graph, path, strlen(path)), strerror(error));
    return path;
}

void scratch_remove_all(void)
{
    cleanup_remove_all(CLEANUP_FOLDER);
}
