/* Random small layers through every kernel that takes them, in tilings and layouts drawn at random, on every instruction set that this machine or an
   emulator can run, against the naive reference in double.
   Usage: kernels_test SOURCE [--isa NAME] [--kernel NAME] [--layers COUNT] [--tilings COUNT] [--seed SEED] [--jobs COUNT] [--keep FOLDER]
   [--flags FLAGS] [--table]. A layer that failed is alone with its own --seed and --layers 1; --table tells how often each tiling was reached. */
#include "bench.h"
#include "reached.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_JOBS 64

/* ---- platforms ---- */

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
static bool has_sse(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512f(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

static bool has_avx512(void)
{
    return has_avx512f() && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}

static bool has_neon(void)
{
    return system("command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null") == 0;
}
#endif

static const Platform platforms[] = {
    {"scalar", "scalar", "cc", "", always},
    {"portable", "generic", "cc", "", always},
    {"portable16", "generic-portable16", "cc", "", always},
#if defined(__x86_64__)
    {"sse4.2", "generic-sse4.2", "cc", "", has_sse},
    {"avx2", "generic-avx2", "cc", "", has_avx2},
    {"avx512f", "xeon-phi-7250", "cc", "", has_avx512f},
    {"avx512", "generic-avx512", "cc", "", has_avx512},
    {"avx512-halved", "zen4", "cc", "", has_avx512},
    {"neon", "generic-neon", "aarch64-linux-gnu-gcc -static", "qemu-aarch64 ", has_neon},
#elif defined(__aarch64__)
    {"neon", "generic-neon", "cc", "", always},
#endif
};

static bool asked_for(const Options *options, const Platform *platform)
{
    return options->isa == NULL || strcmp(options->isa, platform->isa) == 0;
}

/* ---- a program ---- */

static Status test_program(Context *ctx, void *argument)
{
    Bench *bench = argument;
    bench->ctx = ctx;
    bench->target = target_named(ctx, bench->platform->target);
    bench->graph = graph_new(ctx, "random layers");
    bench->folder = bench->options->keep ? bench->options->keep : scratch_folder(ctx);
    bench->folder = arena_format(ctx->graph, "%s/%s-%llu", bench->folder, bench->platform->isa, (unsigned long long)bench->first);
    mkdir(bench->folder, 0700);
    bench_write(bench);
    bench_inputs(bench);
    bench_run(bench);
    if (bench->failures == 0)
        bench_compare(bench);
    fprintf(bench->reached, "%s - %d %d %d\n", bench->platform->isa, bench->copy_count, bench->padded_inputs, bench->padded_outputs);
    return bench->failures > 0 ? STATUS_MISMATCH : STATUS_FINE;
}

/* The layers of a batch on all platforms. */
static int test_batch(const Options *options, uint64_t first, int layers, FILE *reached)
{
    int failed = 0;
    for (int i = 0; i < COUNT(platforms); i++) {
        Bench bench = {.options = options, .platform = &platforms[i], .first = first, .layers = layers, .reached = reached};
        if (asked_for(options, &platforms[i]) && platforms[i].runs())
            failed += context_run(test_program, &bench) != STATUS_FINE;
        fflush(stdout);
    }
    return failed;
}

/* ---- batches, some at a time, each in a process of its own ---- */

typedef struct Job {
    pid_t process;                   /* 0: none */
    FILE *reached;
} Job;

typedef struct Run {
    const Options *options;
    Reached *reached;
    Job jobs[MOST_JOBS];
    int layers, done, failed;        /* layers begun, batches finished, batches that failed */
    time_t start;
} Run;

static void say_progress(const Run *run)
{
    if (run->options->layers > 10 * BATCH && run->done % 10 == 0) {
        printf("%d of %d batches of %d layers, %d s, %d failed\n", run->done, (run->options->layers + BATCH - 1) / BATCH, BATCH,
               (int)(time(NULL) - run->start), run->failed);
        fflush(stdout);
    }
}

static void finish_one(Run *run)
{
    int status = 0;
    const pid_t process = wait(&status);
    for (int i = 0; i < run->options->jobs; i++) {
        Job *job = &run->jobs[i];
        if (process <= 0 || job->process != process)
            continue;
        reached_read(run->reached, job->reached);
        fclose(job->reached);
        *job = (Job){0};
        run->done++;
        run->failed += status != 0;
        say_progress(run);
    }
}

/* Batches end where seeds are multiples of BATCH: so a seed is compiled with the same options in whatever run. */
static void start_one(Run *run, Job *job)
{
    const uint64_t first = run->options->seed + (uint64_t)run->layers;
    int layers = BATCH - (int)(first % BATCH);
    layers = layers < run->options->layers - run->layers ? layers : run->options->layers - run->layers;
    job->reached = tmpfile();
    run->layers += layers;
    fflush(stdout);
    job->process = fork();
    if (job->process < 0 || job->reached == NULL) {
        perror("kernels_test");
        exit(2);
    }
    if (job->process == 0) {
        const int failed = test_batch(run->options, first, layers, job->reached);
        fflush(job->reached);
        exit(failed > 0);
    }
}

static int run_all(const Options *options)
{
    Run run = {.options = options, .reached = reached_new(), .start = time(NULL)};
    int running = 0;
    while (run.layers < options->layers || running > 0) {
        if (run.layers < options->layers && running < options->jobs) {
            int free = 0;
            while (run.jobs[free].process != 0)
                free++;
            start_one(&run, &run.jobs[free]);
            running++;
        } else {
            finish_one(&run);
            running--;
        }
    }
    for (int i = 0; i < COUNT(platforms); i++)
        if (asked_for(options, &platforms[i]) && !platforms[i].runs())
            printf("%s: skipped, cannot run here\n", platforms[i].isa);
    reached_print(run.reached, options->table);
    reached_free(run.reached);
    printf("%d layers, %d of %d batches failed, %d s\n", options->layers, run.failed, run.done, (int)(time(NULL) - run.start));
    return run.failed > 0;
}

/* ---- the command ---- */

static int usage(void)
{
    fprintf(stderr, "usage: kernels_test SOURCE [--isa NAME] [--kernel NAME] [--layers COUNT] [--tilings COUNT] [--seed SEED] [--jobs COUNT]\n"
                    "                           [--keep FOLDER] [--flags FLAGS] [--table]\n");
    return STATUS_USAGE;
}

static bool parse(int count, char **words, Options *options)
{
    const struct { const char *name, **text; int *number; } known[] = {
        {"--isa", &options->isa, NULL}, {"--kernel", &options->kernel, NULL}, {"--keep", &options->keep, NULL}, {"--flags", &options->flags, NULL},
        {"--layers", NULL, &options->layers}, {"--tilings", NULL, &options->tilings}, {"--jobs", NULL, &options->jobs}};
    for (int i = 0; i < count; i++) {
        int which = 0;
        while (which < COUNT(known) && strcmp(words[i], known[which].name) != 0)
            which++;
        if (strcmp(words[i], "--table") == 0)
            options->table = true;
        else if (i + 1 == count || (which == COUNT(known) && strcmp(words[i], "--seed") != 0))
            return false;
        else if (which == COUNT(known))
            options->seed = strtoull(words[++i], NULL, 10);
        else if (known[which].text)
            *known[which].text = words[++i];
        else
            *known[which].number = atoi(words[++i]);
    }
    return options->layers > 0 && options->tilings > 0 && options->jobs > 0 && options->jobs <= MOST_JOBS;
}

int main(int argc, char **argv)
{
    Options options = {.source = argv[1], .layers = 60, .tilings = 1, .jobs = 1, .seed = 1};
    if (argc < 2 || !parse(argc - 2, argv + 2, &options))
        return usage();
    return run_all(&options);
}
