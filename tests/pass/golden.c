#define _GNU_SOURCE
/* Runs pass tests: golden FOLDER|FILE..., golden --update FILE... writes what was found into the files (read it before you commit it).

   A test file:
     # what is tested, any number of lines
     passes infer fuse            which passes, in order; "all" is the whole pipeline
     threshold 0.1                optional
     prune 0.1                    optional
     density LAYER 0.1            optional, any number
     residual HOST ADDITION       optional, any number: fuse_residual, after the passes
     graph "t"                    the input
     ...
     ----                         then the expected graph; or "---- fails STATUS" and the expected messages                             */
#include "compiler/pass/pass.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Residual { const char *host, *addition; } Residual;

typedef struct Test {
    char *passes;
    double threshold, prune;
    LayerDensity densities[16];
    int density_count;
    Residual residuals[16];
    int residual_count;
    char *graph, *expected;          /* `expected` begins at the "----" line */
    char *found;                     /* in the same form */
} Test;

/* ---- reading ---- */

static char *read_all(FILE *file)
{
    size_t capacity = 1 << 12, length = 0, got;
    char *text = malloc(capacity);
    while (text && (got = fread(text + length, 1, capacity - length - 1, file)) > 0) {
        length += got;
        if (capacity - length < 1024)
            text = realloc(text, capacity *= 2);
    }
    if (!text)
        abort();
    text[length] = 0;
    return text;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(2);
    }
    char *text = read_all(file);
    fclose(file);
    return text;
}

static void read_setting(Test *test, char *line)
{
    char *rest = strchr(line, ' ');
    if (line[0] == '#' || line[0] == 0)
        return;
    if (!rest) {
        fprintf(stderr, "cannot read '%s'\n", line);
        exit(2);
    }
    *rest++ = 0;
    if (strcmp(line, "passes") == 0)
        test->passes = rest;
    else if (strcmp(line, "threshold") == 0)
        test->threshold = atof(rest);
    else if (strcmp(line, "prune") == 0)
        test->prune = atof(rest);
    else if (strcmp(line, "density") == 0 && test->density_count < COUNT(test->densities)) {
        const char *layer = strtok(rest, " ");
        test->densities[test->density_count++] = (LayerDensity){layer, atof(strtok(NULL, " "))};
    }
    else if (strcmp(line, "residual") == 0 && test->residual_count < COUNT(test->residuals))
        test->residuals[test->residual_count++] = (Residual){strtok(rest, " "), strtok(NULL, " ")};
}

/* Splits `text` in place. Settings are lines before "graph "; the rest is split at "----". */
static void read_test(Test *test, char *text)
{
    while (strncmp(text, "graph ", 6) != 0) {
        char *end = strchr(text, '\n');
        if (!end) {
            fprintf(stderr, "no graph\n");
            exit(2);
        }
        *end = 0;
        read_setting(test, text);
        text = end + 1;
    }
    test->graph = text;
    char *rule = strstr(text, "\n----");
    test->expected = rule ? rule + 1 : text + strlen(text);
}

/* ---- running ---- */

static Node *called(Graph *graph, const char *name)
{
    for (int i = 0; i < graph->node_count; i++)
        if (strcmp(graph->nodes[i]->name, name) == 0)
            return graph->nodes[i];
    fail(graph->ctx, STATUS_USAGE, NULL, NULL, "no node is called %s", name);
}

static void run_passes(Graph *graph, Test *test, const PassOptions *options)
{
    char *state;
    for (char *name = strtok_r(test->passes, " ", &state); name; name = strtok_r(NULL, " ", &state))
        if (strcmp(name, "all") == 0)
            passes_run(graph, options);
        else
            pass_run_named(graph, name, options);
}

static Status run_test(Context *ctx, void *argument)
{
    Test *test = argument;
    size_t length = (size_t)(test->expected - test->graph);
    Graph *graph = graph_parse(ctx, test->graph, length);
    PassOptions options = {.threshold = test->threshold, .prune = test->prune, .densities = test->densities,
                           .density_count = test->density_count};
    run_passes(graph, test, &options);
    for (int i = 0; i < test->residual_count; i++) {
        fuse_residual(graph, called(graph, test->residuals[i].host), called(graph, test->residuals[i].addition));
        graph_index(graph);
        graph_verify(graph, "residual");
    }
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fputs("----\n", out);
    graph_dump(graph, out);
    fclose(out);
    test->found = text;
    return STATUS_FINE;
}

/* What a failing test prints is its result: stderr goes into a file meanwhile. */
static void run_captured(Test *test)
{
    FILE *messages = tmpfile();
    int saved = dup(STDERR_FILENO);
    if (!messages || saved < 0)
        abort();
    fflush(stderr);
    dup2(fileno(messages), STDERR_FILENO);
    Status status = context_run(run_test, test);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(messages);
    char *text = read_all(messages);
    fclose(messages);
    if (status != STATUS_FINE && asprintf(&test->found, "---- fails %d\n%s", status, text) < 0)
        abort();
    free(text);
}

static bool write_found(const char *path, const Test *test, const char *head)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fputs(head, file);
    fputs(test->found, file);
    return fclose(file) == 0;
}

static bool run_file(const char *path, bool update)
{
    Test test = {.passes = (char[]){""}};
    char *text = read_file(path), *head = strdup(text);
    read_test(&test, text);
    head[test.expected - text] = 0;
    run_captured(&test);
    bool same = strcmp(test.found, test.expected) == 0;
    if (!same && !update)
        printf("%s: expected\n%s\nfound\n%s\n", path, test.expected, test.found);
    if (!same && update)
        same = write_found(path, &test, head);
    free(test.found);
    free(head);
    free(text);
    return same;
}

static int is_test(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 6 && strcmp(entry->d_name + length - 6, ".graph") == 0;
}

static int run_path(const char *path, bool update, int *count)
{
    struct dirent **entries;
    int failed = 0, found = scandir(path, &entries, is_test, alphasort);
    if (found < 0) {
        ++*count;
        return !run_file(path, update);
    }
    for (int i = 0; i < found; i++) {
        char *file;
        if (asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
            abort();
        failed += !run_file(file, update);
        ++*count;
        free(file);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    bool update = argc > 1 && strcmp(argv[1], "--update") == 0;
    int failed = 0, count = 0;
    for (int i = 1 + update; i < argc; i++)
        failed += run_path(argv[i], update, &count);
    printf("%d tests, %d failed\n", count, failed);
    return failed > 0 || count == 0;
}
