/* The machines: numbers only, one row each, with their source. Generic rows promise an instruction set and nothing more; 0 is unknown. */
#include "targets/targets.h"

#include <string.h>

const Machine machines[] = {
    /* name             says                                                        isa         cores GHz   L1     L2       L3 */
    {"scalar",         "the reference operators, pasted; any machine",             "scalar",   0,    0.0,  0,     0,       0},
    {"generic",        "any machine, in the vector extensions of gcc and clang",   "portable", 0,    0.0,  0,     0,       0},
    {"generic-sse4.2", "any x86-64 with SSE4.2 (Atoms since Silvermont)",          "sse4.2",   0,    0.0,  0,     0,       0},
    {"generic-avx2",   "any x86-64 with AVX2 and FMA (since Haswell, Zen)",        "avx2",     0,    0.0,  0,     0,       0},
    {"generic-avx512", "any x86-64 with AVX-512 F, VL, DQ, BW (Skylake-X, Zen 4)", "avx512",   0,    0.0,  0,     0,       0},
    {"generic-neon",   "any aarch64",                                              "neon",     0,    0.0,  0,     0,       0},
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
