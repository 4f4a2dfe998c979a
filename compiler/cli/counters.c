/* Counts what a model's layers do on the processor: stages that read the counters of the thread they run on stand between the model's own. Each thread
   opens its own: a counter follows one thread, and those of the pool were there before us. Runs that are counted are not timed. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

enum { COUNTED_RUNS = 10, EMPTY_PAIRS = 101, NEVER_RAN = -1 };      /* NEVER_RAN: beside the system's errors */

#define CACHE_EVENT(cache, operation, result) ((cache) | (operation) << 8 | (result) << 16)

static const struct { uint32_t type; uint64_t number; } events[BENCH_COUNTERS] = {
    [COUNT_CYCLES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    [COUNT_INSTRUCTIONS] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    [COUNT_L1_MISSES] = {PERF_TYPE_HW_CACHE, CACHE_EVENT(PERF_COUNT_HW_CACHE_L1D, PERF_COUNT_HW_CACHE_OP_READ, PERF_COUNT_HW_CACHE_RESULT_MISS)},
    [COUNT_CACHE_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    [COUNT_BRANCH_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
    [COUNT_PAGE_FAULTS] = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    [COUNT_CPU] = {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
};

/* As read() gives it: the processor has few counters, and takes turns where more are asked for. */
typedef struct Reading { uint64_t value, enabled, running; } Reading;

typedef struct Sum {                 /* of a layer, in all runs; without what counting it took */
    int64_t value;
    uint64_t enabled, running;
} Sum;

typedef struct Member {              /* of the pool: its share of a run */
    pid_t thread;                    /* whose counters these are; 0: it has not run */
    int files[BENCH_COUNTERS];       /* -1: not to be had */
    int errors[BENCH_COUNTERS];      /* why not; stays when it once was so */
    int64_t own[BENCH_COUNTERS];     /* what begin and end count with nothing between: their median */
    Reading before[BENCH_COUNTERS];
    Sum (*sums)[BENCH_COUNTERS];     /* [layers] */
    int layer;                       /* of those with stages, the next */
} Member;

typedef struct Counting {
    int layers;                      /* with stages */
    Member *members;
} Counting;

static Counting *counting;           /* stages have no other way to what is not the model's */

/* ---- a thread's counters ---- */

static int open_event(int counter)
{
    struct perf_event_attr attributes = {.type = events[counter].type, .size = sizeof attributes, .config = events[counter].number, .exclude_kernel = 1,
                                         .exclude_hv = 1, .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING};
    return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void close_all(Member *member)
{
    for (int i = 0; i < BENCH_COUNTERS && member->thread != 0; i++)
        if (member->files[i] >= 0)
            close(member->files[i]);
    member->thread = 0;
}

static Reading read_event(Member *member, int counter)
{
    Reading reading = {0, 0, 0};
    if (member->files[counter] < 0)
        return reading;
    const ssize_t size = read(member->files[counter], &reading, sizeof reading);
    if (size == (ssize_t)sizeof reading)
        return reading;
    member->errors[counter] = size < 0 ? errno : EIO;
    return (Reading){0, 0, 0};
}

/* The time last, and at the end first: reading takes some, too. */
static void read_before(Member *member)
{
    for (int i = BENCH_COUNTERS - 1; i >= 0; i--)
        member->before[i] = read_event(member, i);
}

static void read_after(Member *member, Sum sums[BENCH_COUNTERS])
{
    for (int i = 0; i < BENCH_COUNTERS; i++) {
        const Reading now = read_event(member, i), before = member->before[i];
        if (member->errors[i] != 0)
            continue;                /* it would count from nothing */
        sums[i].value += (int64_t)(now.value - before.value) - member->own[i];
        sums[i].enabled += now.enabled - before.enabled;
        sums[i].running += now.running - before.running;
    }
}

static int compare_counts(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* On its own thread. Reading a counter is a call to the system: short layers would have more of those than of work. */
static void measure_own(Member *member)
{
    int64_t found[BENCH_COUNTERS][EMPTY_PAIRS];
    memset(member->own, 0, sizeof member->own);
    for (int pair = 0; pair < EMPTY_PAIRS; pair++) {
        Sum sums[BENCH_COUNTERS] = {{0, 0, 0}};
        read_before(member);
        read_after(member, sums);
        for (int i = 0; i < BENCH_COUNTERS; i++)
            found[i][pair] = sums[i].value;
    }
    for (int i = 0; i < BENCH_COUNTERS; i++) {
        qsort(found[i], EMPTY_PAIRS, sizeof found[i][0], compare_counts);
        member->own[i] = found[i][EMPTY_PAIRS / 2];
    }
}

static void open_all(Member *member, pid_t thread)
{
    close_all(member);
    member->thread = thread;
    for (int i = 0; i < BENCH_COUNTERS; i++) {
        member->files[i] = open_event(i);
        if (member->files[i] < 0)
            member->errors[i] = errno;
    }
    measure_own(member);
}

/* ---- stages around a layer's ---- */

static void layer_begins(const struct tulle_context *context, int part, int parts)
{
    Member *member = &counting->members[part];
    (void)context;
    (void)parts;
    if (member->thread != gettid())
        open_all(member, gettid());
    read_before(member);
}

static void layer_ends(const struct tulle_context *context, int part, int parts)
{
    Member *member = &counting->members[part];
    (void)context;
    (void)parts;
    read_after(member, member->sums[member->layer]);
    member->layer = (member->layer + 1) % counting->layers;
}

/* The model with these around each layer. Who is done with its share of a layer counts no waiting for the others. */
static struct tulle_model with_counters(Context *ctx, const struct tulle_model *model)
{
    struct tulle_model counted = *model;
    const int most = model->stage_count + 2 * counting->layers;
    tulle_stage **stages = arena_array(ctx->graph, tulle_stage *, most + 1);
    unsigned char *waits = arena_array(ctx->graph, unsigned char, most + 1);
    counted.stage_count = 0;
    for (int l = 0; l < model->layer_count; l++) {
        const struct tulle_layer *layer = &model->layers[l];
        if (layer->stage_count == 0)
            continue;
        waits[counted.stage_count] = model->waits[layer->first_stage];
        stages[counted.stage_count++] = layer_begins;
        for (int s = 0; s < layer->stage_count; s++) {
            waits[counted.stage_count] = s > 0 && model->waits[layer->first_stage + s];
            stages[counted.stage_count++] = model->stages[layer->first_stage + s];
        }
        stages[counted.stage_count++] = layer_ends;
    }
    counted.stages = stages;
    counted.waits = waits;
    return counted;
}

/* ---- all of it ---- */

static const char *why_not(Context *ctx, int error)
{
    int paranoid = 0;
    if (error == ENOENT || error == EOPNOTSUPP || error == ENODEV)
        return "this machine offers none, as most virtual ones: run it where the processor's own can be reached";
    if (error == EMFILE || error == ENFILE)
        return arena_format(ctx->graph, "each thread needs %d open files: 'ulimit -n 4096' allows more, or give fewer --threads", BENCH_COUNTERS);
    if (error == NEVER_RAN)
        return "other programs hold the processor's counters, as perf does";
    if (error == ENOSYS)
        return "this kernel has no perf events";
    if (error != EACCES && error != EPERM)
        return strerror(error);
    FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
    if (file && fscanf(file, "%d", &paranoid) != 1)
        paranoid = 0;
    if (file)
        fclose(file);
    if (paranoid > 2)
        return arena_format(ctx->graph, "the system does not allow them: perf_event_paranoid is %d; as root, 'sysctl kernel.perf_event_paranoid=2' does", paranoid);
    return "something does not allow them, as containers do: run it outside, or allow perf_event_open";
}

/* A run's count, of all threads that ran; -1 where one of them could not tell. */
static double count_of(int threads, int layer, int counter)
{
    double sum = 0;
    for (int t = 0; t < threads; t++) {
        Member *member = &counting->members[t];
        const Sum *own = &member->sums[layer][counter];
        if (member->thread == 0)
            continue;
        if (member->errors[counter] == 0 && own->running == 0 && own->enabled > 0)
            member->errors[counter] = NEVER_RAN;
        if (member->errors[counter] != 0)
            return -1;
        const double share = own->running > 0 ? (double)own->enabled / (double)own->running : 1;
        sum += fmax(0, (double)own->value) * share / COUNTED_RUNS;
    }
    return sum;
}

static void add_up(const struct tulle_model *model, int threads, BenchCounts *counts)
{
    int layer = 0;
    for (int l = 0; l < model->layer_count; l++) {
        if (model->layers[l].stage_count == 0)
            continue;
        for (int i = 0; i < BENCH_COUNTERS; i++) {
            const double count = counts->layers[l].of[i] = count_of(threads, layer, i);
            counts->whole.of[i] = count >= 0 && (layer == 0 || counts->whole.of[i] >= 0) ? fmax(0, counts->whole.of[i]) + count : -1;
        }
        layer++;
    }
}

/* What the user can do something about comes first, then the cycles, which machines without counters lack. */
static int error_of(int threads)
{
    int found = 0;
    for (int t = 0; t < threads; t++)
        for (int i = 0; i < BENCH_COUNTERS; i++) {
            const int error = counting->members[t].errors[i];
            if (error == EMFILE || error == ENFILE)
                return error;
            found = error != 0 && (found == 0 || i == COUNT_CYCLES) ? error : found;
        }
    return found;
}

/* Gives why it failed, or NULL. */
static const char *run_counted(const struct tulle_model *model, void *const *inputs, void *const *outputs, const BenchOptions *how)
{
    const size_t bytes = tulle_workspace_bytes(model, how->threads);
    BenchSweep sweep = {.memory = NULL};
    void *workspace = tensors_memory(bytes);
    int status = TULLE_OK;
    const bool fine = workspace && (!how->cold || bench_sweep_new(&sweep, how->threads));
    program_watch("its run as a whole", how->threads);
    for (int run = 0; run <= COUNTED_RUNS && fine && status == TULLE_OK; run++) {
        bench_sweep(&sweep);
        status = tulle_run(model, (const void *const *)inputs, outputs, workspace, bytes, how->threads);
        for (int t = 0; t < how->threads && run == 0; t++)       /* the first one opens counters, and warms up */
            memset(counting->members[t].sums, 0, (size_t)counting->layers * sizeof *counting->members[t].sums);
    }
    program_watch(NULL, 0);
    free(sweep.memory);
    free(workspace);
    return !fine ? "out of memory" : status != TULLE_OK ? tulle_status_text(status) : NULL;
}

static const char *count(Context *ctx, const struct tulle_model *model, void *const *inputs, void *const *outputs, const BenchOptions *how, BenchCounts *counts)
{
    if (counting->layers == 0)
        return "no layer does anything";
    const struct tulle_model counted = with_counters(ctx, model);
    const char *failed = run_counted(&counted, inputs, outputs, how);
    if (failed)
        return failed;
    add_up(model, how->threads, counts);
    const int error = error_of(how->threads);
    return error != 0 ? why_not(ctx, error) : NULL;
}

const BenchCounts *counters_measure(Context *ctx, const struct tulle_model *model, void *const *inputs, void *const *outputs, const BenchOptions *how)
{
    BenchCounts *counts = arena_new_of(ctx->graph, BenchCounts);
    Counting own = {.members = arena_array(ctx->graph, Member, how->threads + 1)};
    for (int l = 0; l < model->layer_count; l++)
        own.layers += model->layers[l].stage_count > 0;
    for (int t = 0; t < how->threads; t++)
        own.members[t].sums = arena_alloc(ctx->graph, (size_t)own.layers + 1, sizeof *own.members->sums);
    counts->layers = arena_array(ctx->graph, BenchCount, model->layer_count + 1);
    for (int i = 0; i < BENCH_COUNTERS; i++) {
        counts->whole.of[i] = -1;
        for (int l = 0; l < model->layer_count; l++)
            counts->layers[l].of[i] = -1;
    }
    counting = &own;
    counts->missing = count(ctx, model, inputs, outputs, how, counts);
    for (int t = 0; t < how->threads; t++)
        close_all(&own.members[t]);
    counting = NULL;
    return counts;
}
