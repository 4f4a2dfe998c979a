/* Measures one core: widths, ports and latencies, bandwidths. Everything is run many times, in turns, and the fastest run counts: others on the
   machine can only make it slower. */
#define _GNU_SOURCE
#include "targets/probe.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 8, MOST_PASSES = 6, MOST_PIECES = 64, L1_TRAFFIC = 1 << 21, COMPUTE_TURNS = 2000, BRANCHES = 20000 };

#define MIB 1048576.0

static const double round_seconds = 0.5e-3;      /* of each loop, at least one run of it */
static const double width_seconds = 0.2;
static const double pass_seconds = 0.6, core_seconds = 2.5;   /* of the rounds of a pass, and of all passes, at most */

double probe_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- memory ---- */

float *probe_memory(size_t bytes)
{
    float *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return NULL;
    for (size_t i = 0; i < bytes / sizeof *data; i++)
        data[i] = 1.0f;
    return data;
}

void probe_memory_free(float *data, size_t bytes)
{
    if (data)
        munmap(data, bytes);
}

/* Machines whose caches hold more than 64 MB together get some of them measured along. */
size_t probe_memory_bytes(const Machine *machine, double memory_bytes)
{
    const double caches = machine->l3_bytes * (machine->l3_cores > 0 ? ceil(machine->cores / machine->l3_cores) : 1);
    const double wanted = fmin(256 * MIB, fmax(64 * MIB, 4 * caches));
    return (size_t)fmax(MIB, fmin(wanted, memory_bytes / 8));
}

/* ---- a loop to be timed ---- */

typedef struct Task {
    void (*compute)(int64_t turns);              /* one of these three */
    void (*load)(const float *data, size_t bytes);
    void (*store)(float *data, size_t bytes);
    int64_t turns;                               /* or times over the data */
    float *data;
    size_t bytes, piece;                         /* piece: of loads that take long, what is timed by itself; 0: all at once */
    double work;                                 /* of one run: instructions, or bytes */
    double seconds;                              /* of the fastest run; 0: not run yet */
} Task;

static void run_task(const Task *task)
{
    if (task->compute) {
        task->compute(task->turns);
        return;
    }
    for (int64_t turn = 0; turn < task->turns; turn++) {
        if (task->load)
            task->load(task->data, task->bytes);
        else
            task->store(task->data, task->bytes);
    }
}

static int compare_seconds(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double probe_median(double *numbers, int count)
{
    qsort(numbers, (size_t)count, sizeof *numbers, compare_seconds);
    return numbers[count / 2];
}

/* Longer than the system lets a program run while others wait: each piece is timed, and the median stands for all. */
static double time_pieces(const Task *task)
{
    double seconds[MOST_PIECES];
    int count = 0;
    for (size_t at = 0; at + task->piece <= task->bytes && count < MOST_PIECES; at += task->piece) {
        const double start = probe_now();
        task->load(task->data + at / sizeof *task->data, task->piece);
        seconds[count++] = probe_now() - start;
    }
    return probe_median(seconds, count) * (double)task->bytes / (double)task->piece;
}

static double run_seconds(const Task *task)
{
    const double start = probe_now();
    if (task->piece > 0)
        return time_pieces(task);
    run_task(task);
    return probe_now() - start;
}

static void time_task(Task *task)
{
    const double start = probe_now();
    do {
        const double seconds = run_seconds(task);
        if (task->seconds <= 0 || seconds < task->seconds)
            task->seconds = seconds;
    } while (probe_now() - start < round_seconds);
}

static void time_tasks(Task *tasks, int count, double most_seconds)
{
    const double start = probe_now();
    for (int round = 0; round < ROUNDS && probe_now() - start < most_seconds; round++)
        for (int i = 0; i < count; i++)
            if (tasks[i].turns > 0)
                time_task(&tasks[i]);
}

static double task_rate(const Task *task)
{
    return task->seconds > 0 ? task->work / task->seconds : 0;
}

static Task compute_task(void (*compute)(int64_t turns), double work)
{
    return (Task){.compute = compute, .turns = COMPUTE_TURNS, .work = COMPUTE_TURNS * work};
}

/* Reads or writes the data again and again: whole turns of the loops, enough of them for the clock to tell. */
static Task memory_task(const ProbeLoops *loops, bool loads, float *data, double bytes)
{
    const size_t used = (size_t)bytes / loops->block_bytes * loops->block_bytes;
    Task task = {.data = data, .bytes = used};
    if (loads)
        task.load = loops->load;
    else
        task.store = loops->store;
    if (data && used)
        task.turns = 1 + (int64_t)(L1_TRAFFIC / used);
    if (loads && task.turns == 1 && used > L1_TRAFFIC * 4)
        task.piece = (used / MOST_PIECES + loops->block_bytes) / loops->block_bytes * loops->block_bytes;
    task.work = (double)task.turns * (double)used;
    return task;
}

/* ---- branches ---- */

/* Random bits decide, those of the mask; none of them: always the same way. */
static void branches(int64_t turns, uint64_t mask)
{
    static uint64_t random = 88172645463325252u;
    uint64_t bits = random, taken = 0;
    for (int64_t turn = 0; turn < turns; turn++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        if (bits & mask) {
            taken++;
            __asm__ volatile("" : "+r"(taken));      /* no conditional move instead */
        }
    }
    random = bits;
}

static void random_branches(int64_t turns)
{
    branches(turns, 1u << 20);
}

static void steady_branches(int64_t turns)
{
    branches(turns, 0);
}

/* ---- numbers that noise seldom changes ---- */

double probe_digits(double number, int count)
{
    const int places = number > 0 ? count - 1 - (int)floor(log10(number)) : 0;
    const double scale = pow(10, abs(places));
    return places > 0 ? round(number * scale) / scale : round(number / scale) * scale;
}

/* Numbers of ports and cycles are whole on most processors. */
static double nearly_whole(double number)
{
    return number > 0.5 && fabs(number - round(number)) < 0.08 * number ? round(number) : probe_digits(number, 2);
}

static void set(double *number, double measured)
{
    if (measured > 0 && isfinite(measured))
        *number = measured;
}

/* ---- one core ---- */

double probe_hertz(const ProbeLoops *loops, int repetitions)
{
    double least = 0;
    for (int i = 0; i < repetitions; i++) {
        const double start = probe_now();
        loops->clock(COMPUTE_TURNS / 4);
        const double seconds = probe_now() - start;
        if (i == repetitions / 2 || seconds < least)     /* the first half warms up */
            least = seconds;
    }
    return COMPUTE_TURNS / 4 * (double)loops->clock_adds / least;
}

/* Of the widths that reach the peak the narrowest: where the widest instructions take two turns, the units are half as wide. */
static const ProbeLoops *choose_width(const ProbeWidths *widths)
{
    Task tasks[MOST_PROBE_LOOPS];
    for (int i = 0; i < widths->count; i++)
        tasks[i] = compute_task(widths->loops[i]->multiply, (double)widths->loops[i]->streams * widths->loops[i]->vector_bytes);
    time_tasks(tasks, widths->count, width_seconds);
    int best = 0;
    for (int i = 1; i < widths->count; i++)
        if (task_rate(&tasks[i]) > 0.93 * task_rate(&tasks[best]))
            best = i;
    return widths->loops[best];
}

static const double level3_parts[] = {1, 0.75, 0.5};

enum { CLOCK, MULTIPLY, ARITHMETIC, LATENCY, LOAD, WIDE, SPLIT, STORE, STEADY, RANDOM, LEVEL2, LEVEL3, LEVEL3_PARTS,
       MEMORY = LEVEL3_PARTS + COUNT(level3_parts), TASKS };

static void make_tasks(const ProbeWidths *widths, const ProbeLoops *loops, const Machine *machine, float *data, double bytes, Task *tasks)
{
    /* well inside each level, and outside of the one before, also where others use a shared one or a hypervisor is wrong about its size */
    const double l1 = fmin(machine->l1_bytes, bytes) / 2, l2 = fmax(machine->l2_bytes / 2, machine->l1_bytes * 2);
    const double l3 = fmax(machine->l3_bytes / 4, l2 * 4);
    tasks[CLOCK] = compute_task(loops->clock, loops->clock_adds);
    tasks[MULTIPLY] = compute_task(loops->multiply, loops->streams);
    tasks[ARITHMETIC] = compute_task(loops->arithmetic, loops->streams * 2);
    tasks[LATENCY] = compute_task(loops->latency, loops->streams);
    tasks[LOAD] = memory_task(loops, true, data, l1);
    tasks[WIDE] = memory_task(widths->loops[0], true, data, l1);
    tasks[SPLIT] = memory_task(widths->loops[0], true, data ? data + 1 : NULL, l1);
    tasks[STORE] = memory_task(loops, false, data, l1);
    tasks[STEADY] = (Task){.compute = steady_branches, .turns = BRANCHES, .work = BRANCHES};
    tasks[RANDOM] = (Task){.compute = random_branches, .turns = BRANCHES, .work = BRANCHES};
    tasks[LEVEL2] = memory_task(loops, true, data, machine->l2_bytes > 0 ? fmin(l2, bytes) : 0);
    tasks[LEVEL3] = memory_task(loops, true, data, machine->l3_bytes > 0 ? fmin(l3, bytes) : 0);
    for (int part = 0; part < COUNT(level3_parts); part++)
        tasks[LEVEL3_PARTS + part] = memory_task(loops, true, data, machine->l3_bytes > 0 ? fmin(level3_parts[part] * machine->l3_bytes, bytes) : 0);
    tasks[MEMORY] = memory_task(loops, true, data, bytes);
}

/* Further slots of loads that straddle lines: vectors of the widest loops, those that kernels use, each of them in one or more turns. */
static double split_slots(const Task *tasks, const ProbeLoops *wide, const Machine *machine, double hertz)
{
    const double loads = tasks[SPLIT].work / wide->vector_bytes, turns = wide->vector_bytes / machine->vector_bytes;
    const double straddling = loads * fmin(1, wide->vector_bytes / machine->line_bytes);
    const double cycles = (tasks[SPLIT].seconds - tasks[WIDE].seconds) * hertz;
    return fmax(0, cycles * machine->load_ports / turns / straddling);
}

/* What a core has of the last level: others, guests of the same machine too, use it as well. The largest part of it that is still read half from
   there; a quarter at least. */
static double level3_bytes(const Task *tasks, const Machine *machine)
{
    const double from_it = 1 / task_rate(&tasks[LEVEL3]), from_memory = 1 / task_rate(&tasks[MEMORY]);
    for (int part = 0; part < COUNT(level3_parts); part++)
        if (1 / task_rate(&tasks[LEVEL3_PARTS + part]) < (from_it + from_memory) / 2)
            return level3_parts[part] * machine->l3_bytes;
    return 0.25 * machine->l3_bytes;
}

static void set_core(const Task *tasks, const ProbeWidths *widths, const ProbeLoops *loops, Machine *machine)
{
    const double hertz = task_rate(&tasks[CLOCK]), vectors = hertz * loops->vector_bytes;
    machine->ghz = hertz / 1e9;
    machine->vector_bytes = loops->vector_bytes;
    set(&machine->fma_ports, nearly_whole(task_rate(&tasks[MULTIPLY]) / hertz));
    set(&machine->vector_ports, fmax(machine->fma_ports, nearly_whole(task_rate(&tasks[ARITHMETIC]) / hertz)));
    set(&machine->fma_latency, round(hertz / task_rate(&tasks[LATENCY])));
    set(&machine->mispredict_cycles, round((tasks[RANDOM].seconds - tasks[STEADY].seconds) * hertz / (BRANCHES / 2)));
    if (!tasks[LOAD].turns)
        return;
    set(&machine->load_ports, nearly_whole(task_rate(&tasks[LOAD]) / vectors));
    set(&machine->store_ports, nearly_whole(task_rate(&tasks[STORE]) / vectors));
    machine->split_load_slots = probe_digits(split_slots(tasks, widths->loops[0], machine, hertz), 2);
    set(&machine->l2_bandwidth, probe_digits(task_rate(&tasks[LEVEL2]) / hertz, 3));
    set(&machine->l3_bandwidth, probe_digits(task_rate(&tasks[LEVEL3]) / hertz, 3));
    if (machine->l3_bytes > 0)
        machine->l3_bytes = fmax(machine->l2_bytes, level3_bytes(tasks, machine));
    set(&machine->memory_bandwidth, probe_digits(task_rate(&tasks[MEMORY]) / 1e9, 3));
}

static double processor_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Passes, until one finds nothing more. */
static Machine best_of_passes(Task *tasks, const ProbeWidths *widths, const ProbeLoops *loops, const Machine *asked)
{
    const double start = probe_now();
    Machine best = *asked;
    for (int pass = 0; pass < MOST_PASSES && probe_now() - start < core_seconds; pass++) {
        const Machine before = best;
        best = *asked;
        time_tasks(tasks, TASKS, pass_seconds);
        set_core(tasks, widths, loops, &best);
        if (pass > 0 && probe_steady(&before, &best))
            break;
    }
    return best;
}

double probe_measure(const ProbeWidths *widths, double memory_bytes, Machine *machine)
{
    const ProbeLoops *loops = choose_width(widths);
    const size_t bytes = probe_memory_bytes(machine, memory_bytes);
    float *data = probe_memory(bytes);
    Task tasks[TASKS];
    make_tasks(widths, loops, machine, data, (double)bytes, tasks);
    const double start = probe_now(), had = processor_now();
    *machine = best_of_passes(tasks, widths, loops, machine);
    const double busy = 1 - (processor_now() - had) / (probe_now() - start);
    probe_memory_free(data, bytes);
    return busy;
}
