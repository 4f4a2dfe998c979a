/* What a machine's processors are worth together, right now: cores FIRST SECOND... prints how many times longer the same work takes on all of them at once
   than on one alone (1: each is a core of its own; 2: two of them share one), and the nanoseconds that a cache line needs from the first to the last.
   A virtual machine's processors are moved from time to time, and nothing else says so. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 256, CHAINS = 12, TURNS = 150000, REPEATS = 5, PASSES = 4000 };

static atomic_int waiting, ball;
static int count;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void pin(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)processor, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        perror("cores: sched_setaffinity");
        exit(1);
    }
}

/* Independent multiplications and additions that keep the units busy, whose results stay near 1. */
static double work(void)
{
    double sums[CHAINS], total = 0;
    const double start = now();
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++)
        sums[i] = 1 + 1e-3 * i;
    for (int turn = 0; turn < TURNS; turn++)
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++)
            sums[i] = sums[i] * 0.5 + 0.5;
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++)
        total += sums[i];
    return total > 0 ? now() - start : 0;
}

static void meet(int round)
{
    atomic_fetch_add(&waiting, 1);
    while (atomic_load(&waiting) < round * count)
        sched_yield();
}

static double pass(int self, int last)
{
    const double start = now();
    for (int turn = 0; turn < PASSES; turn++)
        if (self == 0 || self == last) {
            const int mine = self == 0 ? 0 : 1;
            while (atomic_load_explicit(&ball, memory_order_acquire) != mine)
                ;
            atomic_store_explicit(&ball, 1 - mine, memory_order_release);
        }
    return (now() - start) / (2 * PASSES);
}

typedef struct Part {
    int self, processor;
    double alone, together, handover;
} Part;

static void *run(void *argument)
{
    Part *part = argument;
    pin(part->processor);
    int round = 0;
    part->alone = part->together = part->handover = 1e9;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        meet(++round);
        if (part->self == 0) {
            const double seconds = work();
            part->alone = seconds < part->alone ? seconds : part->alone;
        }
        meet(++round);
        const double seconds = work();
        part->together = seconds < part->together ? seconds : part->together;
        meet(++round);
        const double handover = pass(part->self, count - 1);
        part->handover = handover < part->handover ? handover : part->handover;
    }
    return NULL;
}

int main(int argument_count, char **arguments)
{
    static Part parts[MOST];
    pthread_t threads[MOST];
    count = argument_count - 1;
    if (count < 2 || count > MOST) {
        fprintf(stderr, "usage: cores FIRST SECOND...\n");
        return 1;
    }
    for (int i = 0; i < count; i++) {
        parts[i] = (Part){.self = i, .processor = atoi(arguments[i + 1])};
        if (pthread_create(&threads[i], NULL, run, &parts[i]) != 0) {
            fprintf(stderr, "cores: no more threads\n");
            return 1;
        }
    }
    double slowest = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        slowest = parts[i].together > slowest ? parts[i].together : slowest;
    }
    printf("{\"slowdown\": %.3f, \"handover_ns\": %.1f}\n", slowest / parts[0].alone, 1e9 * parts[0].handover);
    return 0;
}
