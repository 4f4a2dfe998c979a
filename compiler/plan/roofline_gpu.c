/* The same model for GPUs. A vector is a warp, a core a multiprocessor; a launch takes as long as the slowest of what it needs, and a launch more.
   Blocks are dealt out to multiprocessors in whole numbers, so the busiest one has more than its share where blocks are few. What differs from a
   core: dozens of warps take turns, and hide each other's latency as far as there are enough of them. */
#include "compiler/plan/internal.h"

#include <assert.h>
#include <math.h>

#define WARP 32.0
#define MOST_BLOCKS 32.0             /* of a multiprocessor at a time, from Maxwell to Hopper */
#define SUSTAINED 0.75               /* of what level 2 and the load units give a loop that only reads: loads here wait for others. No source */
#define GLOBAL_LATENCY 200.0         /* cycles; Jia: 193 on Volta from level 2, where most loads of a large layer end; Hopper a little more */

static double warps_of(const LaunchWork *launch)
{
    return ceil(launch->block_threads / WARP);
}

double launch_resident(const LaunchWork *launch, const Machine *machine)
{
    const double threads = warps_of(launch) * WARP;
    double blocks = fmin(MOST_BLOCKS, floor(machine->resident_threads / threads));
    blocks = fmin(blocks, floor(machine->registers / (threads * launch->thread_registers)));
    if (launch->block_shared_bytes > 0)
        blocks = fmin(blocks, floor(machine->shared_bytes / launch->block_shared_bytes));
    return fmax(1, blocks);
}

/* Part of the peak that multiply-adds reach in the best dense products: register banks and the loop's own instructions cost the rest. */
static double reached(const Target *target)
{
    const Machine *machine = &target->machine;
    const double peak = 2e-9 * machine_peak(machine, (int)machine->cores);
    return machine->sgemm_gflops > 0 && machine->sgemm_gflops < peak ? machine->sgemm_gflops / peak : 1;
}

/* Cycles in which warps wait for what they have loaded, all of those that are resident waiting at once. */
static double waiting(const LaunchWork *launch, double resident)
{
    const double together = resident * warps_of(launch) * fmax(1, launch->in_flight);
    return launch->global_loads * GLOBAL_LATENCY / together;
}

StagePrice launch_price(const LaunchWork *launch, const Target *target, const Surroundings *surroundings)
{
    const Machine *machine = &target->machine;
    assert(launch->blocks >= 1 && launch->block_threads >= 1 && launch->thread_registers >= 1);
    const double busiest = ceil(launch->blocks / machine->cores) / launch->blocks, share = busiest * fmax(1, launch->imbalance);
    const double resident = fmin(launch_resident(launch, machine), ceil(launch->blocks / machine->cores));
    const double rate = machine->fma_ports * reached(target) * (launch->half && machine->half_rate > 0 ? machine->half_rate : 1);
    const double kept = cache_keeps(surroundings->weights_distance, machine->l2_bytes);
    StagePrice price = {{0}, 0, BOUND_MULTIPLY, 0};
    price.cycles[BOUND_MULTIPLY] = launch->fma * share / rate;
    price.cycles[BOUND_INSTRUCTIONS] = launch->instructions * share / machine->issue_width;
    price.cycles[BOUND_LOAD] = (launch->shared_loads + launch->global_loads) * share / (machine->load_ports * SUSTAINED);
    price.cycles[BOUND_LATENCY] = waiting(launch, resident) * share;
    price.cycles[BOUND_L2] = launch->l2_bytes * share / (machine->l2_bandwidth * SUSTAINED);
    price.cycles[BOUND_MEMORY] = launch->memory_bytes * (1 - kept) / machine->memory_bandwidth * machine->ghz;
    price.lost = machine->barrier_us * machine->ghz * 1e3;
    for (int i = 0; i < BOUND_COUNT; i++)
        if (price.cycles[i] > price.cycles[price.bound])
            price.bound = (Bound)i;
    price.seconds = (price.cycles[price.bound] + price.lost) / (machine->ghz * 1e9);
    return price;
}
