/* Measures all cores at once: the clock that they hold together, what memory gives them, what a barrier takes. */
#define _GNU_SOURCE
#include "targets/probe.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { PASSES = 2, PIECES = 16, MOST_MEMBERS = 512, CLOCK_REPETITIONS = 200, BATCH = 20, SPINS = 2000 };

/* Others may hold some cores for a whole slice of the scheduler's; these are several. */
static const double memory_seconds = 0.15, barrier_seconds = 0.1;

/* A barrier that always takes longer has met other programs on the cores, not the machine. */
static const double longest_barrier = 5e-6;

typedef struct Team {
    const ProbeLoops *loops;
    size_t bytes;                                /* of each member's memory */
    atomic_int size;                             /* 0: not known yet */
    atomic_int arrived, turn;
    atomic_bool stop, starved;
    double pass_seconds, barrier_seconds;        /* the fastest of this pass; 0: none */
} Team;

typedef struct Member {
    Team *team;
    int index, processor;
    double hertz;
    pthread_t thread;
} Member;

/* As OpenMP's: all arrive at one counter and look at one turn; those who wait for long let others run. */
static void team_wait(Team *team)
{
    const int turn = atomic_load(&team->turn);
    if (atomic_fetch_add(&team->arrived, 1) == atomic_load(&team->size) - 1) {
        atomic_store(&team->arrived, 0);
        atomic_fetch_add(&team->turn, 1);
        return;
    }
    for (int spin = 1; atomic_load(&team->turn) == turn; spin++)
        if (spin % SPINS == 0)
            sched_yield();
}

/* The first member decides, all hear of it. Between two calls there must be a team_wait(). */
static bool goes_on(const Member *member, double deadline)
{
    if (member->index == 0)
        atomic_store(&member->team->stop, probe_now() > deadline);
    team_wait(member->team);
    return !atomic_load(&member->team->stop);
}

static void keep_least(double *least, double seconds)
{
    if (*least <= 0 || seconds < *least)
        *least = seconds;
}

/* Pieces that are shorter than the system lets a program run while others wait: for most of them all cores are ours, and the median stands for all. */
static void pass_memory(const Member *member, const float *data)
{
    Team *team = member->team;
    const size_t piece = team->bytes / PIECES / team->loops->block_bytes * team->loops->block_bytes;
    double seconds[PIECES];
    for (int i = 0; i < PIECES; i++) {
        team_wait(team);
        const double start = probe_now();
        team->loops->load(data + (size_t)i * piece / sizeof *data, piece);
        team_wait(team);
        seconds[i] = probe_now() - start;
    }
    if (member->index == 0 && piece > 0)
        keep_least(&team->pass_seconds, probe_median(seconds, PIECES) * (double)team->bytes / (double)piece);
}

static void measure_memory(const Member *member)
{
    Team *team = member->team;
    float *data = probe_memory(team->bytes);
    if (!data)
        atomic_store(&team->starved, true);
    team_wait(team);
    const bool starved = atomic_load(&team->starved);
    const double deadline = probe_now() + memory_seconds;
    while (!starved && goes_on(member, deadline))
        pass_memory(member, data);
    probe_memory_free(data, team->bytes);
}

static void measure_barrier(const Member *member)
{
    const double deadline = probe_now() + barrier_seconds;
    while (goes_on(member, deadline)) {
        const double start = probe_now();
        for (int i = 0; i < BATCH; i++)
            team_wait(member->team);
        if (member->index == 0)
            keep_least(&member->team->barrier_seconds, (probe_now() - start) / BATCH);
    }
}

static void *member_run(void *argument)
{
    Member *member = argument;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(member->processor, &own);
    pthread_setaffinity_np(pthread_self(), sizeof own, &own);    /* else two of them share a core while another one is idle */
    while (atomic_load(&member->team->size) == 0)
        sched_yield();
    team_wait(member->team);
    member->hertz = probe_hertz(member->team->loops, CLOCK_REPETITIONS);
    team_wait(member->team);
    measure_memory(member);
    team_wait(member->team);
    measure_barrier(member);
    return NULL;
}

/* As many of them as the system allows. */
static int run_members(Team *team, Member *members, const ProbeSystem *system, int wanted)
{
    int size = 0;
    for (int i = 0; i < wanted; i++)
        members[i] = (Member){.team = team, .index = i, .processor = system->processors[i]};
    while (size < wanted && pthread_create(&members[size].thread, NULL, member_run, &members[size]) == 0)
        size++;
    atomic_store(&team->size, size);
    for (int i = 0; i < size; i++)
        pthread_join(members[i].thread, NULL);
    return size;
}

/* Of the passes: each may have had another number of members, and its times are theirs. */
typedef struct Best {
    int size;                                    /* the largest team */
    double hertz, memory;                        /* that all of a team hold at once; bytes/s of all together */
    double barrier_seconds;                      /* of teams of that size */
} Best;

static void run_team(Team *team, Member *members, const ProbeSystem *system, int wanted, Best *best)
{
    atomic_store(&team->size, 0);
    team->pass_seconds = team->barrier_seconds = 0;
    const int size = run_members(team, members, system, wanted);
    double hertz = size > 0 ? members[0].hertz : 0;
    for (int i = 1; i < size; i++)
        hertz = fmin(hertz, members[i].hertz);
    best->hertz = fmax(best->hertz, hertz);
    if (team->pass_seconds > 0)
        best->memory = fmax(best->memory, (double)size * (double)team->bytes / team->pass_seconds);
    if (size > best->size)
        best->barrier_seconds = 0;
    if (size >= best->size && team->barrier_seconds > 0)
        keep_least(&best->barrier_seconds, team->barrier_seconds);
    best->size = size > best->size ? size : best->size;
}

void probe_team(const ProbeLoops *loops, const ProbeSystem *system, Machine *machine)
{
    const int wanted = system->cores < MOST_MEMBERS ? system->cores : MOST_MEMBERS;
    Member *members = calloc((size_t)wanted, sizeof *members);
    if (!members)
        return;
    Team team = {.loops = loops, .bytes = probe_memory_bytes(machine, system->memory_bytes) / (size_t)wanted};
    Best best = {0};
    for (int pass = 0; pass < PASSES; pass++)
        run_team(&team, members, system, wanted, &best);
    machine->ghz = probe_digits(best.size > 0 ? fmin(machine->ghz, best.hertz / 1e9) : machine->ghz, 3);
    machine->memory_all = machine->memory_bandwidth;
    if (best.memory > 0)
        machine->memory_all = fmax(machine->memory_bandwidth, probe_digits(best.memory / 1e9, 3));
    machine->barrier_us = best.size > 1 ? probe_digits(fmin(best.barrier_seconds, longest_barrier) * 1e6, 2) : 0;
    free(members);
}
