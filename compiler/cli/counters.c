/* Counts what a model's layers do on the processor: stages that read the counters of the thread they run on stand between the model's own. Each thread
   opens its own: a counter follows one thread, and those of the pool were there before us. Runs that are counted are not timed. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

enum { COUNTED_RUNS = 10 };

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

typedef struct Member {              /* of the pool: its share of a run */
    pid_t thread;                    /* whose counters these are; 0: not opened yet */
    int files[BENCH_COUNTERS];       /* -1: not to be had */
    Reading before[BENCH_COUNTERS];
    Reading (*sums)[BENCH_COUNTERS]; /* [layers] */
    int layer;                       /* of those with stages, the next */
    int error;                       /* why there are no cycles */
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

static void open_all(Member *member, pid_t thread)
{
    close_all(member);
    member->thread = thread;
    for (int i = 0; i < BENCH_COUNTERS; i++) {
        member->files[i] = open_event(i);
        if (i == COUNT_CYCLES)
            member->error = member->files[i] < 0 ? errno : 0;
    }
}

static Reading read_event(const Member *member, int counter)
{
    Reading reading = {0, 0, 0};
    if (member->files[counter] >= 0 && read(member->files[counter], &reading, sizeof reading) != (ssize_t)sizeof reading)
        reading = (Reading){0, 0, 0};
    return reading;
}

/* ---- stages around a layer's ---- */

static void layer_begins(const struct tulle_context *context, int part, int parts)
{
    Member *member = &counting->members[part];
    (void)context;
    (void)parts;
    if (member->thread != gettid())
        open_all(member, gettid());
    for (int i = BENCH_COUNTERS - 1; i >= 0; i--)        /* the time last, and at the end first: reading takes some, too */
        member->before[i] = read_event(member, i);
}

static void layer_ends(const struct tulle_context *context, int part, int parts)
{
    Member *member = &counting->members[part];
    (void)context;
    (void)parts;
    for (int i = 0; i < BENCH_COUNTERS; i++) {
        const Reading now = read_event(member, i);
        Reading *sum = &member->sums[member->layer][i];
        sum->value += now.value - member->before[i].value;
        sum->enabled += now.enabled - member->before[i].enabled;
        sum->running += now.running - member->before[i].running;
    }
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

/* A run's count, of all threads; -1 where none of them could tell. */
static double count_of(int threads, int layer, int counter)
{
    double sum = -1;
    for (int t = 0; t < threads; t++) {
        const Member *member = &counting->members[t];
        const Reading *reading = &member->sums[layer][counter];
        if (member->thread == 0 || member->files[counter] < 0 || (reading->running == 0 && reading->value == 0 && reading->enabled > 0))
            continue;
        const double share = reading->running > 0 ? (double)reading->enabled / (double)reading->running : 1;
        sum = (sum < 0 ? 0 : sum) + (double)reading->value * share / COUNTED_RUNS;
    }
    return sum;
}

static void add_up(const struct tulle_model *model, int threads, BenchCounts *counts)
{
    int layer = 0;
    for (int i = 0; i < BENCH_COUNTERS; i++)
        counts->whole.of[i] = -1;
    for (int l = 0; l < model->layer_count; l++) {
        for (int i = 0; i < BENCH_COUNTERS && model->layers[l].stage_count > 0; i++) {
            const double count = counts->layers[l].of[i] = count_of(threads, layer, i);
            if (count >= 0)
                counts->whole.of[i] = (counts->whole.of[i] < 0 ? 0 : counts->whole.of[i]) + count;
        }
        layer += model->layers[l].stage_count > 0;
    }
}

static bool run_counted(const struct tulle_model *model, void *const *inputs, void *const *outputs, int threads)
{
    const size_t bytes = tulle_workspace_bytes(model, threads);
    void *workspace = tensors_memory(bytes);
    bool fine = workspace != NULL;
    program_watch("its run as a whole", threads);
    for (int run = 0; run <= COUNTED_RUNS && fine; run++) {
        fine = tulle_run(model, (const void *const *)inputs, outputs, workspace, bytes, threads) == TULLE_OK;
        for (int t = 0; t < threads && run == 0; t++)        /* the first one opens counters, and warms up */
            memset(counting->members[t].sums, 0, (size_t)counting->layers * sizeof *counting->members[t].sums);
    }
    program_watch(NULL, 0);
    free(workspace);
    return fine;
}

const BenchCounts *counters_measure(Context *ctx, const struct tulle_model *model, void *const *inputs, void *const *outputs, int threads)
{
    BenchCounts *counts = arena_new_of(ctx->graph, BenchCounts);
    Counting own = {.members = arena_array(ctx->graph, Member, threads + 1)};
    for (int l = 0; l < model->layer_count; l++)
        own.layers += model->layers[l].stage_count > 0;
    for (int t = 0; t < threads; t++)
        own.members[t].sums = arena_alloc(ctx->graph, (size_t)own.layers + 1, sizeof *own.members->sums);
    counts->layers = arena_array(ctx->graph, BenchCount, model->layer_count + 1);
    counting = &own;
    const struct tulle_model counted = with_counters(ctx, model);
    const bool fine = own.layers > 0 && run_counted(&counted, inputs, outputs, threads);
    if (fine)
        add_up(model, threads, counts);
    counts->missing = fine && own.members[0].error ? why_not(ctx, own.members[0].error) : NULL;
    for (int t = 0; t < threads; t++)
        close_all(&own.members[t]);
    counting = NULL;
    return fine ? counts : NULL;
}
