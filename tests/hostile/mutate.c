/* Compiles damaged copies of a model, in process: truncated at every byte, or with random bits flipped.
   Each must end with a documented status and, unless it compiled, a message; nothing may be left behind. Run under the sanitizers.

       mutate MODEL truncate
       mutate MODEL flip COUNT SEED                                                                                               */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codegen/kernel.h"
#include "compiler/pass/pass.h"
#include "frontends/frontends.h"

#define SECONDS_PER_COPY 30

/* Where the sanitizers write while stderr is captured. */
void __sanitizer_set_report_fd(void *descriptor) __attribute__((weak));

typedef struct Job {
    char model[64], folder[80];
} Job;

static Status compile(Context *ctx, void *argument)
{
    const Job *job = argument;
    Graph *graph = onnx_read(ctx, job->model, &(FrontendOptions){0});
    passes_run(graph, &(PassOptions){0});
    const Plan *plan = plan_make(graph, target_named(ctx, "scalar"), &(PlanOptions){0});
    ModuleOptions options = {.prefix = "net",
                             .source_path = arena_format(ctx->graph, "%s/net.c", job->folder),
                             .header_path = arena_format(ctx->graph, "%s/net.h", job->folder),
                             .weights_path = arena_format(ctx->graph, "%s/net.weights", job->folder)};
    ModuleFiles files = {0};
    module_write(ctx, plan, &options, &files);
    return STATUS_FINE;    /* not committed: the files must go */
}

static int entries(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    if (dir)
        closedir(dir);
    return count;
}

static void write_model(const Job *job, const unsigned char *bytes, size_t size)
{
    /* A new file each time: earlier ones may still be mapped. */
    unlink(job->model);
    FILE *file = fopen(job->model, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(job->model);
        exit(1);
    }
}

/* The status, with what was said captured in `said`. */
static Status run_captured(Job *job, int capture, char *said, size_t room)
{
    int terminal = dup(2);
    if (ftruncate(capture, 0) != 0 || lseek(capture, 0, SEEK_SET) != 0)
        exit(1);
    fflush(stderr);
    dup2(capture, 2);
    alarm(SECONDS_PER_COPY);
    Status status = context_run(compile, job);
    alarm(0);
    fflush(stderr);
    dup2(terminal, 2);
    close(terminal);
    ssize_t length = pread(capture, said, room - 1, 0);
    said[length > 0 ? length : 0] = 0;
    return status;
}

static bool check(Job *job, int capture, const unsigned char *bytes, size_t size, const char *what, size_t which, int counts[6])
{
    char said[4096];
    write_model(job, bytes, size);
    Status status = run_captured(job, capture, said, sizeof said);
    const char *fault = NULL;
    if (status != STATUS_FINE && status != STATUS_MODEL && status != STATUS_UNSUPPORTED)
        fault = "an exit code that a model cannot cause";
    else if (status != STATUS_FINE && !strstr(said, "error:"))
        fault = "no message";
    else if (entries(job->folder) != 0)
        fault = "output files left behind";
    if (fault)
        printf("%s %zu: %s (status %d)\n%s\n", what, which, fault, (int)status, said);
    else
        counts[status]++;
    return !fault;
}

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int truncate_everywhere(Job *job, int capture, const unsigned char *bytes, size_t size, int counts[6])
{
    int faults = 0;
    for (size_t length = 0; length < size; length++)
        faults += !check(job, capture, bytes, length, "truncated at", length, counts);
    return faults;
}

static int flip_bits(Job *job, int capture, const unsigned char *bytes, size_t size, int copies, uint64_t seed, int counts[6])
{
    int faults = 0;
    unsigned char *damaged = malloc(size);
    for (int copy = 0; damaged && copy < copies; copy++) {
        memcpy(damaged, bytes, size);
        for (uint64_t flips = 1 + next_random(&seed) % 8; flips > 0; flips--)
            damaged[next_random(&seed) % size] ^= (unsigned char)(1u << next_random(&seed) % 8);
        faults += !check(job, capture, damaged, size, "flipped copy", (size_t)copy, counts);
    }
    free(damaged);
    return faults;
}

static unsigned char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size + 1);
    if (!bytes || fread(bytes, 1, *size, file) != *size)
        exit(1);
    fclose(file);
    return bytes;
}

int main(int count, char **arguments)
{
    bool truncating = count == 3 && strcmp(arguments[2], "truncate") == 0;
    bool flipping = count == 5 && strcmp(arguments[2], "flip") == 0;
    if (!truncating && !flipping) {
        fprintf(stderr, "usage: mutate MODEL truncate | mutate MODEL flip COUNT SEED\n");
        return 1;
    }
    size_t size;
    unsigned char *bytes = read_whole(arguments[1], &size);
    Job job = {"/tmp/tulle-mutate-XXXXXX", ""};
    if (!mkdtemp(job.model))
        return 1;
    snprintf(job.folder, sizeof job.folder, "%s/out", job.model);
    mkdir(job.folder, 0700);
    strcat(job.model, "/m.onnx");
    int capture = fileno(tmpfile());
    if (__sanitizer_set_report_fd)
        __sanitizer_set_report_fd((void *)(intptr_t)dup(2));
    int counts[6] = {0};
    int faults = truncating ? truncate_everywhere(&job, capture, bytes, size, counts)
                            : flip_bits(&job, capture, bytes, size, atoi(arguments[3]), (uint64_t)atoll(arguments[4]), counts);
    printf("%s: %d compiled, %d bad models, %d unsupported, %d faults\n", arguments[2], counts[STATUS_FINE], counts[STATUS_MODEL],
           counts[STATUS_UNSUPPORTED], faults);
    unlink(job.model);
    rmdir(job.folder);
    *strrchr(job.model, '/') = 0;
    rmdir(job.model);
    free(bytes);
    return faults != 0;
}
