/* Reads models and prints their graphs, or counts why they are refused: for tests of the frontend, and for a look at what it makes of a model.

       onnx_dump [--dim NAME=SIZE]... MODEL          the graph, checked, as text
       onnx_dump --twice MODEL...                    each is read, dumped, parsed and dumped again; the texts must be equal. One line each       */
#include <stdlib.h>
#include <string.h>

#include "frontends/frontends.h"

typedef struct Job {
    const char *path;
    FrontendOptions options;
    bool twice, different;
} Job;

static Status dump(Context *ctx, void *argument)
{
    Job *job = argument;
    Graph *graph = onnx_read(ctx, job->path, &job->options);
    graph_index(graph);
    graph_verify(graph, "onnx_read");
    if (!job->twice) {
        graph_dump(graph, stdout);
        return STATUS_FINE;
    }
    char *first = NULL, *second = NULL;
    size_t first_size = 0, second_size = 0;
    FILE *out = open_memstream(&first, &first_size);
    graph_dump(graph, out);
    fclose(out);
    out = open_memstream(&second, &second_size);
    graph_dump(graph_parse(ctx, first, first_size), out);
    fclose(out);
    job->different = first_size != second_size || memcmp(first, second, first_size) != 0;
    free(first);
    free(second);
    return STATUS_FINE;
}

int main(int count, char **arguments)
{
    NamedDimension dimensions[16];
    Job job = {.options = {.dimensions = dimensions}};
    int at = 1, faults = 0;
    for (; at + 1 < count && arguments[at][0] == '-'; at++) {
        if (strcmp(arguments[at], "--twice") == 0) {
            job.twice = true;
            continue;
        }
        char *equals = strchr(arguments[++at], '=');
        if (!equals || job.options.dimension_count == COUNT(dimensions))
            return STATUS_USAGE;
        *equals = 0;
        dimensions[job.options.dimension_count++] = (NamedDimension){arguments[at], atoll(equals + 1)};
    }
    for (; at < count; at++) {
        job.path = arguments[at];
        job.different = false;
        Status status = context_run(dump, &job);
        if (!job.twice)
            return (int)status;
        printf("%d %s%s\n", (int)status, job.path, job.different ? ": the text changes when it is parsed and dumped again" : "");
        fflush(stdout);
        faults += job.different || status == STATUS_INTERNAL;
    }
    return faults != 0;
}
