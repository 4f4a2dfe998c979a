/* This machine: what the system says, what is measured, and for the rest the row of the nearest known core; kept in the user's cache folder. */
#include "targets/probe.h"

#include <math.h>
#include <string.h>

/* ---- the instruction sets that we have words for, the widest first ---- */

typedef struct ProbeIsa { const char *name; const ProbeLoops *loops; } ProbeIsa;

enum { MOST_PROBE_ISAS = 6 };

extern const ProbeLoops probe_loops_portable;

#if defined(PROBE_X86)

extern const ProbeLoops probe_loops_avx512, probe_loops_avx2, probe_loops_sse42;

static int probe_isas(ProbeIsa isas[static MOST_PROBE_ISAS])
{
    __builtin_cpu_init();
    const bool fuses = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), wide = fuses && __builtin_cpu_supports("avx512f");
    const bool more = __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    int count = 0;
    if (wide && more)
        isas[count++] = (ProbeIsa){"avx512", &probe_loops_avx512};
    if (wide)
        isas[count++] = (ProbeIsa){"avx512f", &probe_loops_avx512};
    if (fuses)
        isas[count++] = (ProbeIsa){"avx2", &probe_loops_avx2};
    if (__builtin_cpu_supports("sse4.2"))
        isas[count++] = (ProbeIsa){"sse4.2", &probe_loops_sse42};
    isas[count++] = (ProbeIsa){"portable", &probe_loops_portable};
    return count;
}

#elif defined(PROBE_NEON)

extern const ProbeLoops probe_loops_neon;

static int probe_isas(ProbeIsa isas[static MOST_PROBE_ISAS])
{
    isas[0] = (ProbeIsa){"neon", &probe_loops_neon};
    isas[1] = (ProbeIsa){"portable", &probe_loops_portable};
    return 2;
}

#else

static int probe_isas(ProbeIsa isas[static MOST_PROBE_ISAS])
{
    isas[0] = (ProbeIsa){"portable", &probe_loops_portable};
    return 1;
}

#endif

static _Noreturn void fail_isa(Context *ctx, const char *isa, const ProbeIsa *isas, int count)
{
    const char *hint = "there are";
    for (int i = 0; i < count; i++)
        hint = arena_format(ctx->scratch, "%s%s native-%s", hint, i ? "," : "", isas[i].name);
    fail(ctx, STATUS_USAGE, NULL, hint, "this machine has no instruction set '%s' that tulle writes", text_quote(ctx->scratch, isa, strlen(isa)));
}

/* Loops of `isa` and of those narrower than it, the portable ones where there are no others; NULL: of all. */
static ProbeWidths probe_widths(Context *ctx, const char *isa)
{
    ProbeIsa isas[MOST_PROBE_ISAS];
    const int count = probe_isas(isas);
    int first = 0;
    while (isa && first < count && strcmp(isas[first].name, isa) != 0)
        first++;
    if (first == count)
        fail_isa(ctx, isa, isas, count);
    ProbeWidths widths = {.isa = isas[first].name, .loops = {isas[first].loops}, .count = 1};
    for (int i = first + 1; i < count - 1; i++)
        if (isas[i].loops != widths.loops[widths.count - 1])
            widths.loops[widths.count++] = isas[i].loops;
    return widths;
}

/* ---- the numbers ---- */

#define BUSY 0.1                     /* of the time that others had: nobody is to be told of less */

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

/* Measured on a busy machine, and kept: who knows can measure again. */
static void tell_doubts(const Machine *row, const char *doubts, double busy)
{
    if (*doubts)
        fprintf(stderr, "tulle: not believed, and taken from '%s' instead: %s\n", row->name, doubts);
    if (busy > BUSY)
        fprintf(stderr, "tulle: other programs had %.0f %% of the core meanwhile\n", 100 * busy);
    if (*doubts || busy > BUSY)
        fprintf(stderr, "tulle: 'tulle targets --probe' measures again, when the machine is idle\n");
}

static void measure(Context *ctx, const ProbeSystem *system, const ProbeWidths *widths, Machine *machine)
{
    const Isa *isa = isa_named(widths->isa);
    const Machine *row = machine_nearest(isa->name, system->vendor, system->family, system->number);
    *machine = *row;
    machine->core = NULL;            /* the nearest one's is not this one's: who needs it asks LLVM */
    machine->says = *system->model ? text_quote(ctx->graph, system->model, strlen(system->model)) : "this machine";
    machine->isa = isa->name;
    machine->registers = isa->registers;
    machine->cores = system->cores;
    take_caches(system, machine);
    clamp(machine);
    const double busy = probe_measure(widths, system->memory_bytes, machine);
    tell_doubts(row, probe_doubt(ctx->scratch, row, machine), busy);
    probe_team(widths->loops[0], system, machine);
    const double peak = 2 * machine->cores * machine->ghz * machine->fma_ports * machine->vector_bytes / sizeof(float);    /* GFLOP/s */
    machine->sgemm_gflops = probe_digits(0.85 * peak, 3);
    clamp(machine);
}

static bool recall(Context *ctx, const char *path, const char *name, const char *isa, Machine *machine)
{
    return path && probe_recall(ctx, path, machine) && strcmp(machine->isa, isa) == 0 && strcmp(machine->name, name) == 0;
}

/* Commands that start side by side all measure, but the first to finish is believed by all: numbers that changed would change what is written. */
void probe_cached(Context *ctx, const char *name, const char *isa, bool again, Machine *machine)
{
    const ProbeWidths widths = probe_widths(ctx, isa);
    ProbeSystem system;
    probe_system(ctx, &system);
    const char *path = probe_path(ctx, &system, widths.isa, name);
    if (!again && recall(ctx, path, name, widths.isa, machine))
        return;
    fprintf(stderr, "tulle: measuring this machine%s%s\n", path ? ", once: kept in " : "", path ? text_quote(ctx->scratch, path, strlen(path)) : "");
    measure(ctx, &system, &widths, machine);
    machine->name = name;
    Machine other;
    if (!again && recall(ctx, path, name, widths.isa, &other))
        *machine = other;
    else if (path)
        probe_keep(ctx, path, machine);
}
