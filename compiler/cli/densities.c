/* --prune-file: densities of single layers as text, the form that samples/zoo/make.py reads too. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/cli/cli.h"

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* A copy without the comment and the blanks at both ends. */
static char *bare_line(Arena *arena, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] == '#' && (i == 0 || is_blank(bytes[i - 1])))
            length = i;
    while (length > 0 && is_blank(bytes[length - 1]))
        length--;
    for (; length > 0 && is_blank(*bytes); bytes++)
        length--;
    return arena_string(arena, bytes, length);
}

/* The density is the last word: a layer's name may hold blanks. Cuts the line between them. */
static bool line_split(char *line, LayerDensity *one)
{
    char *last = line + strlen(line), *end;
    while (last > line && !is_blank(last[-1]))
        last--;
    one->density = strtod(last, &end);
    one->layer = line;
    char *name_end = last;
    while (name_end > line && is_blank(name_end[-1]))
        name_end--;
    const bool fine = name_end > line && end > last && *end == 0 && one->density > 0 && one->density <= 1;
    *name_end = 0;
    return fine;
}

static _Noreturn void fail_line(Context *ctx, int number, const char *line)
{
    fail(ctx, STATUS_USAGE, arena_format(ctx->graph, "line %d", number), "a line is LAYER DENSITY, the density above 0 and at most 1",
         "'%s' is no layer with a density", text_quote(ctx->graph, line, strlen(line)));
}

void densities_read(Context *ctx, const char *path, PassOptions *options)
{
    const char *before = ctx->file;
    const FileView file = file_map(ctx, path);
    const char *at = (const char *)file.data, *end = at + file.size;
    LayerDensity *densities = NULL;
    int capacity = 0;
    for (int number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *start = at, *line_end = newline ? newline : end;
        char *line = bare_line(ctx->graph, start, (size_t)(line_end - start));
        const bool text = !memchr(start, 0, (size_t)(line_end - start));
        at = newline ? newline + 1 : end;
        if (text && !*line)
            continue;
        densities = arena_grow(ctx->graph, densities, &capacity, options->density_count, sizeof *densities);
        if (!text || !line_split(line, &densities[options->density_count++]))
            fail_line(ctx, number, bare_line(ctx->graph, start, (size_t)(line_end - start)));
    }
    options->densities = densities;
    ctx->file = before;
}
