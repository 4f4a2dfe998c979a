/* This machine: what the system says, what is measured, and for the rest the row of the nearest known core; kept in the user's cache folder. */
#include "targets/probe.h"

#include <math.h>
#include <string.h>

/* ---- the instruction set: the widest we have words for ---- */

#if defined(PROBE_X86)

extern const ProbeLoops probe_loops_avx512, probe_loops_avx2, probe_loops_sse42, probe_loops_portable;

static ProbeWidths probe_widths(void)
{
    __builtin_cpu_init();
    ProbeWidths widths = {.isa = "portable"};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        widths.isa = "avx2";
        if (__builtin_cpu_supports("avx512f")) {
            const bool more = __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
            widths.isa = more ? "avx512" : "avx512f";
            widths.loops[widths.count++] = &probe_loops_avx512;
        }
        widths.loops[widths.count++] = &probe_loops_avx2;
    }
    if (__builtin_cpu_supports("sse4.2")) {
        widths.isa = widths.count ? widths.isa : "sse4.2";
        widths.loops[widths.count++] = &probe_loops_sse42;
    }
    if (!widths.count)
        widths.loops[widths.count++] = &probe_loops_portable;
    return widths;
}

#elif defined(PROBE_NEON)

extern const ProbeLoops probe_loops_neon;

static ProbeWidths probe_widths(void)
{
    return (ProbeWidths){.isa = "neon", .loops = {&probe_loops_neon}, .count = 1};
}

#else

extern const ProbeLoops probe_loops_portable;

static ProbeWidths probe_widths(void)
{
    return (ProbeWidths){.isa = "portable", .loops = {&probe_loops_portable}, .count = 1};
}

#endif

/* ---- the numbers ---- */

static void take(double *number, double said)
{
    if (said > 0)
        *number = said;
}

/* Hypervisors tell stories. A level 2 that would be smaller than level 1, or hidden, is the nearest known core's; such a level 3 is none. */
static void take_caches(const ProbeSystem *system, Machine *machine)
{
    take(&machine->line_bytes, system->line_bytes);
    take(&machine->l1i_bytes, system->l1i_bytes);
    take(&machine->l1_bytes, system->l1_bytes);
    if (system->l1_bytes > 0) {
        const bool told = system->l2_bytes >= system->l1_bytes;
        machine->l2_bytes = told ? system->l2_bytes : fmax(machine->l2_bytes, machine->l1_bytes);
        machine->l2_cores = told ? fmax(1, system->l2_cores) : machine->l2_cores;
        machine->l3_bytes = system->l3_bytes >= fmax(machine->l1_bytes, machine->l2_bytes) ? system->l3_bytes : 0;
        machine->l3_cores = machine->l3_bytes > 0 ? fmax(1, system->l3_cores) : 0;
        machine->l3_bandwidth = machine->l3_bytes > 0 ? fmax(machine->l3_bandwidth, 1) : 0;
    }
}

static void clamp(Machine *machine)
{
#define NUMBER(name, unit, least, most, needed, what) machine->name = fmin(most, fmax(least, machine->name));
#include "targets/numbers.inc"
#undef NUMBER
}

static void measure(Context *ctx, const ProbeSystem *system, const ProbeWidths *widths, Machine *machine)
{
    const Isa *isa = isa_named(widths->isa);
    *machine = *machine_nearest(isa->name, system->vendor, system->family, system->number);
    machine->name = "native";
    machine->says = *system->model ? text_quote(ctx->graph, system->model, strlen(system->model)) : "this machine";
    machine->isa = isa->name;
    machine->registers = isa->registers;
    machine->cores = system->cores;
    take_caches(system, machine);
    clamp(machine);
    probe_measure(widths, system->memory_bytes, machine);
    probe_team(widths->loops[0], system, machine);
    const double peak = 2 * machine->cores * machine->ghz * machine->fma_ports * machine->vector_bytes / sizeof(float);    /* GFLOP/s */
    machine->sgemm_gflops = probe_digits(0.85 * peak, 3);
    clamp(machine);
}

void probe_native(Context *ctx, Machine *machine)
{
    const ProbeWidths widths = probe_widths();
    ProbeSystem system;
    probe_system(ctx, &system);
    measure(ctx, &system, &widths, machine);
}

void probe_cached(Context *ctx, Machine *machine, bool again)
{
    const ProbeWidths widths = probe_widths();
    ProbeSystem system;
    probe_system(ctx, &system);
    const char *path = probe_path(ctx, &system, widths.isa);
    if (!again && path && probe_recall(ctx, path, machine) && strcmp(machine->isa, widths.isa) == 0)
        return;
    fprintf(stderr, "tulle: measuring this machine%s%s\n", path ? ", once: kept in " : "", path ? text_quote(ctx->scratch, path, strlen(path)) : "");
    measure(ctx, &system, &widths, machine);
    if (path)
        probe_keep(ctx, path, machine);
}
