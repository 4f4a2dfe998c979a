/* The machines: numbers only, one row each, with their source. Generic rows promise an instruction set and nothing more; 0 is unknown. */
#include "targets/targets.h"

#include <string.h>

/* A middling core of the last ten years: what a generic row is priced as. */
#define MIDDLING .cores = 4, .ghz = 2.5, .registers = 16, .fma_ports = 1, .fma_latency = 4, .vector_ports = 2, .load_ports = 2, .store_ports = 1, \
    .split_load_slots = 1, .decode_width = 4, .issue_width = 4, .fetch_bytes = 16, .micro_ops = 1536, .mispredict_cycles = 16, .line_bytes = 64, \
    .l1i_bytes = 32768, .l1_bytes = 32768, .l2_bytes = 524288, .l2_cores = 1, .l2_bandwidth = 24, .l3_bytes = 8388608, .l3_cores = 4, \
    .l3_bandwidth = 10, .memory_bandwidth = 10, .memory_all = 20, .barrier_us = 1

const Machine machines[] = {
    {"scalar", "the reference operators, pasted; any machine", "scalar", MIDDLING, .vector_bytes = 4},
    {"generic", "any machine, in the vector extensions of gcc and clang", "portable", MIDDLING, .vector_bytes = 16},
    {"generic-sse4.2", "any x86-64 with SSE4.2 (Atoms since Silvermont)", "sse4.2", MIDDLING, .vector_bytes = 16},
    {"generic-avx2", "any x86-64 with AVX2 and FMA (since Haswell, Zen)", "avx2", MIDDLING, .vector_bytes = 32},
    {"generic-avx512", "any x86-64 with AVX-512 F, VL, DQ, BW (Skylake-X, Zen 4)", "avx512", MIDDLING, .vector_bytes = 64},
    {"generic-neon", "any aarch64", "neon", MIDDLING, .vector_bytes = 16},
};
const int machine_count = COUNT(machines);

static const Machine *machine_named(const char *name)
{
    for (int i = 0; i < machine_count; i++)
        if (strcmp(machines[i].name, name) == 0)
            return &machines[i];
    return NULL;
}

static _Noreturn void fail_unknown(Context *ctx, const char *name)
{
    const char *names[COUNT(machines) + 1];
    for (int i = 0; i < machine_count; i++)
        names[i] = machines[i].name;
    names[machine_count] = "native";
    const char *quoted = text_quote(ctx->scratch, name, strlen(name));
    const char *nearest = text_nearest(name, names, COUNT(names));
    const char *hint = "'tulle targets' lists them";
    if (nearest)
        hint = arena_format(ctx->scratch, "did you mean '%s'? 'tulle targets' lists them all", nearest);
    fail(ctx, STATUS_USAGE, NULL, hint, "there is no target named '%s'", quoted);
}

const Target *target_named(Context *ctx, const char *name)
{
    Target *target = arena_new_of(ctx->graph, Target);
    if (strcmp(name, "native") == 0) {
        probe_native(ctx, &target->machine);
    } else {
        const Machine *machine = machine_named(name);
        if (!machine)
            fail_unknown(ctx, name);
        target->machine = *machine;
    }
    target->isa = *isa_named(target->machine.isa);
    return target;
}
