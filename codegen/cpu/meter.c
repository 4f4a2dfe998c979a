/* What emitted text issues: kernels walk their text as emit does and say what stands there and how often it runs. The numbers of instructions are
   those that gcc 12 -O2 makes of the vocabulary's words; tests/kernels/counts.py holds them against what runs. */
#include "codegen/cpu/cpu.h"

#include <math.h>

#define LINE_FLOATS 16               /* of a cache line */
#define WINDOW_INSTRUCTIONS 250      /* that a core looks ahead: loops shorter than this run beside the next ones */
#define DIVISION_TURNS 11            /* of the ports that a division or a root keeps busy, in additions */
#define STAGE_INSTRUCTIONS 35        /* a stage's share of the items, its pointers, registers saved */

/* Bytes of an instruction: one of whole vectors with an operand in memory, one of registers, any other. */
typedef struct Lengths { double memory, vector, other; } Lengths;

/* The one family with fused multiply-adds whose operands are all registers. */
static bool aarch64(const Isa *isa)
{
    return isa->fuses && !isa->folds;
}

static Lengths lengths_of(const Isa *isa)
{
    if (!isa->folds)
        return aarch64(isa) ? (Lengths){4, 4, 4} : (Lengths){5.5, 3.7, 4};
    return isa->vector_bytes == 64 ? (Lengths){7.5, 6, 4.2} : (Lengths){6.3, 4.6, 4.2};
}

Meter meter_begin(const Problem *problem, Work *work)
{
    Meter meter = {.isa = &problem->target->isa, .work = work, .stage = work_stage(work), .runs = 1};
    meter_other(&meter, STAGE_INSTRUCTIONS);
    return meter;
}

void meter_end(Meter *meter)
{
    meter->work->code_bytes += meter->bytes;
}

void meter_issue(Meter *meter, double instructions, double bytes)
{
    meter->stage->instructions += meter->runs * instructions;
    meter->bytes += bytes;
}

void meter_other(Meter *meter, double count)
{
    meter_issue(meter, count, count * lengths_of(meter->isa).other);
}

/* An instruction of aarch64 loads two neighbours, which the compiler finds for some of them. */
static double load_instructions(const Meter *meter, double count)
{
    return aarch64(meter->isa) && count > 1 ? 0.65 * count : count;
}

void meter_load(Meter *meter, double count, double split)
{
    const double instructions = load_instructions(meter, count);
    meter_issue(meter, instructions, instructions * lengths_of(meter->isa).memory);
    meter->stage->loads += meter->runs * count;
    meter->stage->split_loads += meter->runs * count * split;
}

void meter_scalar_load(Meter *meter, double count)
{
    meter_other(meter, count);
    meter->stage->loads += meter->runs * count;
}

void meter_store(Meter *meter, double count)
{
    meter_issue(meter, count, count * lengths_of(meter->isa).memory);
    meter->stage->stores += meter->runs * count;
}

void meter_vector(Meter *meter, double count)
{
    meter_issue(meter, count, count * lengths_of(meter->isa).vector);
    meter->stage->vector += meter->runs * count;
}

void meter_move(Meter *meter, double count)
{
    meter_issue(meter, count, count * lengths_of(meter->isa).vector);
}

void meter_shuffles(Meter *meter, double count)
{
    meter_move(meter, count);
    meter->stage->apart += meter->runs * count;
}

void meter_operand(Meter *meter, double count, double split)
{
    const Lengths lengths = lengths_of(meter->isa);
    meter_load(meter, count, split);
    if (!meter->isa->folds)
        return;
    meter->stage->instructions -= meter->runs * count;
    meter->bytes -= count * lengths.vector;
}

void meter_vector_load(Meter *meter, double count, double split)
{
    meter_operand(meter, count, split);
    meter_vector(meter, count);
}

void meter_fma(Meter *meter, double count)
{
    meter->stage->fma += meter->runs * count;
    meter_vector(meter, count);
    if (meter->isa->fuses)
        return;
    meter_vector(meter, count);      /* the sum */
    meter_move(meter, count);        /* the product overwrites one of its operands */
}

void meter_fma_load(Meter *meter, double count, double split)
{
    if (meter->isa->fuses) {
        meter_operand(meter, count, split);
        meter->stage->fma += meter->runs * count;
        meter_vector(meter, count);
        return;
    }
    meter_load(meter, count, split);     /* overwritten by the product */
    meter->stage->fma += meter->runs * count;
    meter_vector(meter, 2 * count);
}

/* On the ports of multiply-adds: products everywhere; comparisons, maxima and minima on cores of x86. */
void meter_times(Meter *meter, double count)
{
    meter_vector(meter, count);
    meter->stage->apart += meter->runs * count;
}

static void meter_compare(Meter *meter, double count)
{
    meter_vector(meter, count);
    meter->stage->apart += aarch64(meter->isa) ? 0 : meter->runs * count;
}

void meter_extreme(Meter *meter, double count)
{
    /* x86 has no NaNs in its maxima: a comparison and a selection more */
    meter_compare(meter, aarch64(meter->isa) ? count : 2 * count);
    meter_vector(meter, aarch64(meter->isa) ? 0 : count);
    meter_move(meter, meter->isa->fuses ? 0 : 2 * count);    /* old instructions overwrite an operand */
}

void meter_bound(Meter *meter, double count)
{
    meter_compare(meter, aarch64(meter->isa) ? 2 * count : count);
}

void meter_extreme_load(Meter *meter, double count, double split)
{
    meter_extreme(meter, count);
    meter_operand(meter, count, split);
}

void meter_divide(Meter *meter, double count)
{
    meter_vector(meter, count);
    meter->stage->vector += meter->runs * count * (DIVISION_TURNS - 1);
}

static bool masks(const Isa *isa)
{
    return isa->vector_bytes >= 32;
}

void meter_part(Meter *meter, int part)
{
    if (masks(meter->isa))
        meter_load(meter, 1, 0);
    else
        meter_scalar_load(meter, part == 3 ? 3 : 1);
}

void meter_store_part(Meter *meter, int part)
{
    meter_store(meter, masks(meter->isa) || part == 1 ? 1 : part);
    if (!masks(meter->isa))
        meter_move(meter, part - 1);
}

/* Four at a time, then put together; indices come four a load where that can be. */
void meter_gather(Meter *meter)
{
    const double lanes = meter->isa->vector_bytes / 4.0;
    if (aarch64(meter->isa)) {
        meter_scalar_load(meter, 2 * lanes);
        meter_other(meter, lanes);           /* such a load takes no index beside its base */
        return;
    }
    meter_scalar_load(meter, lanes * 5 / 4);
    meter_other(meter, lanes * 7 / 4);
    meter_move(meter, lanes - 1);
}

void meter_widest(Meter *meter)
{
    const double halvings = log2(meter->isa->vector_bytes / 4.0);
    meter_extreme(meter, halvings);
    meter_move(meter, 2 * halvings);
    meter_store(meter, 1);
    meter_scalar_load(meter, 1);
}

void meter_sum(Meter *meter)
{
    const double halvings = log2(meter->isa->vector_bytes / 4.0);
    meter_vector(meter, halvings);
    meter_move(meter, halvings);
}

/* ---- loops ---- */

void meter_chain(Meter *meter, double links, double instructions)
{
    meter->stage->chain += meter->runs * links * fmin(1, instructions / WINDOW_INSTRUCTIONS);
}

void meter_loop(Meter *meter, double runs)
{
    meter->runs = runs;
    meter->loop = meter->bytes;
}

void meter_hot(Meter *meter)
{
    meter->stage->code_bytes = meter->bytes - meter->loop;
}

/* ---- where vectors lie in cache lines ---- */

double split_share(int lanes)
{
    return (double)(lanes - 1) / LINE_FLOATS;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

double split_share_of(int lanes, const int64_t *offsets, int64_t count, int64_t step)
{
    const int64_t each = common_divisor(common_divisor(step, lanes), LINE_FLOATS);
    int64_t split = 0, all = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t at = 0; at < LINE_FLOATS; at += each, all++)
            split += (offsets[i] + at) % LINE_FLOATS > LINE_FLOATS - lanes;
    return all > 0 ? (double)split / (double)all : 0;
}
