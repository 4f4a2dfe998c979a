/* Whole inputs, mapped; and outputs that appear complete or not at all. */
#include "compiler/base/base.h"
#include "compiler/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct OutputFile {
    Context *ctx;
    const char *path, *temporary;    /* temporary: NULL for stdout */
    FILE *stream;
    int slot;                        /* in the table of what to remove */
};

FileView file_map(Context *ctx, const char *path)
{
    ctx->file = path;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
        fail(ctx, STATUS_MODEL, NULL, NULL, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(status.st_mode)) {
        close(descriptor);
        fail(ctx, STATUS_MODEL, NULL, NULL, "cannot be read: it is %s", S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
    }
    if (status.st_size == 0) {
        close(descriptor);
        fail(ctx, STATUS_MODEL, NULL, NULL, "the file is empty");
    }
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    if (data == MAP_FAILED)
        fail(ctx, STATUS_MODEL, NULL, NULL, "cannot be mapped: %s", strerror(errno));
    return (FileView){data, (size_t)status.st_size};
}

static _Noreturn void refuse_output(OutputFile *output, const char *what, int error)
{
    output->ctx->file = NULL;
    fail(output->ctx, STATUS_USAGE, output->path, error == ENOSPC ? "free some space, or choose another place with -o" : "choose another place with -o",
         "%s: %s", what, strerror(error));
}

/* The mode that a newly created file would have: mkstemp gives 0600. */
static mode_t usual_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

OutputFile *output_open(Context *ctx, const char *path)
{
    OutputFile *output = arena_new_of(ctx->graph, OutputFile);
    *output = (OutputFile){.ctx = ctx, .path = path, .slot = -1};
    if (strcmp(path, "-") == 0) {
        output->stream = stdout;
        return output;
    }
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        refuse_output(output, "cannot be written", EISDIR);
    char *temporary = arena_format(ctx->graph, "%s.XXXXXX", path);
    int descriptor = mkstemp(temporary);
    if (descriptor < 0)
        refuse_output(output, "cannot be written", errno);
    output->temporary = temporary;
    output->slot = cleanup_add(temporary, CLEANUP_FILE);
    output->stream = fdopen(descriptor, "wb");
    if (!output->stream || fchmod(descriptor, usual_mode()) != 0)
        refuse_output(output, "cannot be written", errno);
    return output;
}

FILE *output_stream(OutputFile *output)
{
    return output->stream;
}

/* Everything is on its way to the disk, or the command fails. */
static void finish(OutputFile *output)
{
    if (!output->stream)
        return;
    errno = 0;
    bool bad = ferror(output->stream) || fflush(output->stream) != 0;
    int error = errno;
    if (output->temporary && fclose(output->stream) != 0 && !bad) {
        bad = true;
        error = errno;
    }
    output->stream = NULL;
    if (bad)
        refuse_output(output, "cannot be written", error ? error : ENOSPC);
}

void outputs_commit(OutputFile **outputs, int count)
{
    for (int i = 0; i < count; i++)
        finish(outputs[i]);
    for (int i = 0; i < count; i++) {
        if (!outputs[i]->temporary)
            continue;
        if (rename(outputs[i]->temporary, outputs[i]->path) != 0)
            refuse_output(outputs[i], "cannot be put in place", errno);
        cleanup_forget(outputs[i]->slot);
    }
}

void output_commit(OutputFile *output)
{
    outputs_commit(&output, 1);
}
