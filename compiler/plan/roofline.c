/* The roofline model: from counts to seconds. A stage takes about as long as the slowest of what it needs: multiply-add ports, other ports, the
   supply of instructions, the latency of chained sums, and the link to each level of memory; a layer as long as its stages together. What overlaps
   with nothing (wrong guesses of branches, barriers) is added. docs/model.md explains the terms. */
#include "compiler/plan/internal.h"

#include <assert.h>
#include <math.h>

#define STAGE_CYCLES 100.0           /* entering a stage: a call through a pointer, its first misses */

static const char *const names[BOUND_COUNT] = {
    [BOUND_MULTIPLY] = "multiply", [BOUND_VECTOR] = "arithmetic", [BOUND_LOAD] = "loads", [BOUND_STORE] = "stores",
    [BOUND_INSTRUCTIONS] = "instructions", [BOUND_LATENCY] = "latency", [BOUND_L2] = "L2", [BOUND_L3] = "L3", [BOUND_MEMORY] = "memory",
};

const char *bound_name(Bound bound, bool gpu)
{
    return gpu && bound == BOUND_LOAD ? "shared memory" : names[bound];
}

double machine_peak(const Machine *machine, int threads)
{
    const double cores = threads < machine->cores ? threads : machine->cores;
    return cores * machine->ghz * 1e9 * machine->fma_ports * machine->vector_bytes / sizeof(float);
}

/* ---- memory ---- */

/* The part of data touched again after `distance` other bytes that a cache of this size still has. A cache is not perfectly fair: it begins to
   lose some before it is full, and keeps some after. */
double cache_keeps(double distance, double bytes)
{
    const double part = (1.25 * bytes - distance) / (0.5 * bytes);
    return bytes <= 0 || part <= 0 ? 0 : part < 1 ? part : 1;
}

/* A core's part of a cache that others share. */
static double cache_share(double bytes, double sharers, int threads)
{
    const double users = sharers < threads ? sharers : threads;
    return users > 1 ? bytes / users : bytes;
}

static double distance_of(const Traffic *traffic, const Surroundings *surroundings)
{
    switch (traffic->touch) {
    case TOUCH_WEIGHTS:
    case TOUCH_CODE: return surroundings->weights_distance;
    case TOUCH_INPUT:
    case TOUCH_OUTPUT:
    case TOUCH_ASKED: return surroundings->input_distance;
    default: return traffic->distance;
    }
}

/* Bytes that cross the links into level 1, into level 2 and into the last level. */
typedef struct Crossing { double l2, l3, memory; } Crossing;

/* What is priced apart: code that runs for the first time, and outputs whose place this run has not touched yet. */
typedef enum Part { PART_CODE, PART_FRESH, PART_ASKED, PART_OTHER } Part;

static double part_of(const Traffic *traffic, const Surroundings *surroundings, Part part)
{
    const Touch touch = traffic->touch;
    const double fresh = touch == TOUCH_OUTPUT || touch == TOUCH_ASKED ? surroundings->fresh : 0;
    if (part == PART_OTHER)
        return touch == TOUCH_CODE ? 0 : 1 - fresh;
    return part == PART_CODE ? touch == TOUCH_CODE : touch == (part == PART_FRESH ? TOUCH_OUTPUT : TOUCH_ASKED) ? fresh : 0;
}

static Crossing crossing_of(const StageWork *work, const Machine *machine, const Surroundings *surroundings, Part part)
{
    const int threads = surroundings->threads;
    const double l2 = cache_share(machine->l2_bytes, machine->l2_cores, threads), l3 = cache_share(machine->l3_bytes, machine->l3_cores, threads);
    Crossing crossing = {0, 0, 0};
    for (int i = 0; i < work->traffic_count; i++) {
        const Traffic *traffic = &work->traffic[i];
        const double bytes = traffic->bytes * part_of(traffic, surroundings, part);
        const bool fresh = part == PART_FRESH || part == PART_ASKED;
        const double distance = fresh ? surroundings->weights_distance : distance_of(traffic, surroundings);
        const double past_l1 = bytes * (1 - cache_keeps(distance, machine->l1_bytes));
        const double past_l2 = fmin(past_l1, bytes * (1 - cache_keeps(distance, l2)));
        crossing.l2 += past_l1;
        crossing.l3 += past_l2;
        crossing.memory += fmin(past_l2, bytes * (1 - cache_keeps(distance, l3)));
    }
    return crossing;
}

static double memory_cycles(double bytes, const Machine *machine, double share)
{
    return fmax(bytes * share / machine->memory_bandwidth, bytes / machine->memory_all) * machine->ghz;
}

static void price_crossing(const Crossing *crossing, const Machine *machine, double share, double *cycles)
{
    if (machine->l2_bytes > 0)
        cycles[BOUND_L2] = crossing->l2 * share / machine->l2_bandwidth;
    if (machine->l3_bytes > 0)
        cycles[BOUND_L3] = crossing->l3 * share / machine->l3_bandwidth;
    cycles[BOUND_MEMORY] = memory_cycles(crossing->memory, machine, share);
}

/* What comes in while the core works: all but code, and the lines of fresh outputs from memory that nobody has asked for. Of fresh outputs as much
   goes back to memory as comes. */
static void price_memory(const StageWork *work, const Machine *machine, const Surroundings *surroundings, double share, double *cycles)
{
    Crossing crossing = crossing_of(work, machine, surroundings, PART_OTHER);
    const Crossing fresh = crossing_of(work, machine, surroundings, PART_FRESH), asked = crossing_of(work, machine, surroundings, PART_ASKED);
    crossing.l2 += fresh.l2 + asked.l2;
    crossing.l3 += fresh.l3 + asked.l3;
    crossing.memory += 2 * asked.memory;
    price_crossing(&crossing, machine, share, cycles);
}

/* Code that runs for the first time: the core waits for each of its lines, from wherever it comes. */
static double code_cycles(const StageWork *work, const Machine *machine, const Surroundings *surroundings, double share)
{
    const Crossing crossing = crossing_of(work, machine, surroundings, PART_CODE);
    double cycles[BOUND_COUNT] = {0};
    price_crossing(&crossing, machine, share, cycles);
    return cycles[BOUND_L2] + cycles[BOUND_L3] + cycles[BOUND_MEMORY];
}

/* Fresh places of outputs that lie in memory: each line is read before it is written, and one that was written a run ago goes back in its place.
   Stores wait for their lines one behind the other, and soon the core waits with them. */
static double fresh_cycles(const StageWork *work, const Machine *machine, const Surroundings *surroundings, double share)
{
    return memory_cycles(2 * crossing_of(work, machine, surroundings, PART_FRESH).memory, machine, share);
}

/* ---- instructions ---- */

/* Instructions a cycle that reach the ports: from the micro-op cache if the loop fits it, else through the decoders, from the instruction cache or,
   of a loop larger than that, from level 2. */
static double supply(const StageWork *work, const Target *target)
{
    const Machine *machine = &target->machine;
    const double average = target->isa.instruction_bytes, count = work->code_instructions > 0 ? work->code_instructions : work->code_bytes / average;
    const double bytes_each = count > 0 ? work->code_bytes / count : average;
    if (machine->micro_ops > 0 && count <= machine->micro_ops)
        return machine->issue_width;
    const bool far = machine->l1i_bytes > 0 && work->code_bytes > machine->l1i_bytes;
    const double fetched = far ? fmin(machine->fetch_bytes, machine->l2_bandwidth) : machine->fetch_bytes;
    return fmin(machine->decode_width, fetched / bytes_each);
}

static void price_instructions(const StageWork *work, const Target *target, double share, double *cycles)
{
    const Machine *machine = &target->machine;
    const double bytes = work->vector_bytes > 0 ? work->vector_bytes : target->isa.vector_bytes;
    const double turns = share * fmax(1, bytes / machine->vector_bytes);
    const double narrow = work->narrow_fma * share;
    cycles[BOUND_MULTIPLY] = ((work->fma - work->narrow_fma + work->apart) * turns + narrow) / machine->fma_ports;
    cycles[BOUND_VECTOR] = ((work->vector - work->narrow_fma) * turns + narrow) / machine->vector_ports;
    cycles[BOUND_LOAD] = (work->loads - work->narrow_loads + work->split_loads * machine->split_load_slots) * turns / machine->load_ports +
                         work->narrow_loads * share / machine->load_ports;
    cycles[BOUND_STORE] = work->stores * turns / machine->store_ports;
    cycles[BOUND_INSTRUCTIONS] = work->instructions * share / supply(work, target);
    cycles[BOUND_LATENCY] = work->chain * share * machine->fma_latency;
}

/* The busiest thread's part of the stage. Items go to threads in equal numbers, one at least. */
static double busiest_share(const StageWork *work, int64_t items, int threads)
{
    if (threads <= 1 || items < 1)
        return 1;
    const double most = ceil((double)items / threads) / (double)items, largest = work->largest_item / (double)items;
    return fmin(1, fmax(most, largest));
}

static Bound highest(const double *cycles)
{
    int best = 0;
    for (int i = 1; i < BOUND_COUNT; i++)
        if (cycles[i] > cycles[best])
            best = i;
    return (Bound)best;
}

static double most_of(const double *cycles, int first, int past)
{
    double most = 0;
    for (int i = first; i < past; i++)
        most = fmax(most, cycles[i]);
    return most;
}

/* The slowest of the core's resources and the links to the levels of memory work at the same time, but they hinder each other: a line that comes in
   takes the cache's port from a load. Where one is far slower it alone counts; where two are equal, loops were measured to take 1.4 times as long. */
static double together(const double *cycles)
{
    const double core = most_of(cycles, BOUND_MULTIPLY, BOUND_L2);
    double squares = core * core;
    for (int level = BOUND_L2; level < BOUND_COUNT; level++)
        squares += cycles[level] * cycles[level];
    return sqrt(squares);
}

static StagePrice stage_price(const StageWork *work, const Target *target, int64_t items, const Surroundings *surroundings)
{
    const Machine *machine = &target->machine;
    const double share = busiest_share(work, items, surroundings->threads);
    StagePrice price = {{0}, 0, BOUND_MULTIPLY, 0};
    price_instructions(work, target, share, price.cycles);
    price_memory(work, machine, surroundings, share, price.cycles);
    price.lost = STAGE_CYCLES + work->mispredicts * share * machine->mispredict_cycles;
    price.lost += code_cycles(work, machine, surroundings, share) + fresh_cycles(work, machine, surroundings, share);
    if (surroundings->threads > 1)
        price.lost += machine->barrier_us * machine->ghz * 1e3;
    price.bound = highest(price.cycles);
    price.seconds = (together(price.cycles) + price.lost) / (machine->ghz * 1e9);
    return price;
}

/* Threads past the machine's cores take turns with the others. */
static Surroundings on_cores(const Surroundings *surroundings, const Machine *machine)
{
    Surroundings here = *surroundings;
    here.threads = (int)fmin(here.threads, machine->cores);
    return here;
}

Price work_price(const Work *work, const Target *target, const StagePlan *stages, const Surroundings *surroundings)
{
    const double hertz = target->machine.ghz * 1e9;
    const Surroundings here = on_cores(surroundings, &target->machine);
    Price price = {.stage_count = work->stage_count};
    int longest = 0;
    for (int s = 0; s < work->stage_count; s++) {
        StagePrice *stage = &price.stages[s];
        *stage = target->isa.gpu ? launch_price(&work->launches[s], target, &here)
                                 : stage_price(&work->stages[s], target, stages[s].items, &here);
        price.seconds += stage->seconds;
        price.compute_seconds += (most_of(stage->cycles, BOUND_MULTIPLY, BOUND_L2) + stage->lost) / hertz;
        price.memory_seconds += most_of(stage->cycles, BOUND_L2, BOUND_COUNT) / hertz;
        if (stage->seconds > price.stages[longest].seconds)
            longest = s;
    }
    price.bound = price.stages[longest].bound;
    return price;
}

double work_alpha(const Work *work, const Price *price, const Target *target, int threads)
{
    const double peak = machine_peak(&target->machine, target->isa.gpu ? (int)target->machine.cores : threads);
    return work->multiply_adds > 0 ? price->compute_seconds * peak / work->multiply_adds : 0;
}

double work_beta(const Work *work, int64_t nonzeros)
{
    return nonzeros > 0 ? (work->weight_bytes + work->index_bytes + work->code_bytes) / (4.0 * (double)nonzeros) : 0;
}
