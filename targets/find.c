/* Finding a machine: by its name, or as the known core nearest to a processor. */
#include "targets/targets.h"

#include <assert.h>
#include <string.h>

#define NATIVE "native"
#define NATIVE_LENGTH (sizeof NATIVE - 1)

static const Machine *machine_named(const char *name)
{
    for (int i = 0; i < machine_count; i++)
        if (strcmp(machines[i].name, name) == 0)
            return &machines[i];
    return NULL;
}

bool machine_known(const Machine *machine)
{
    const Machine *known = machine_named(machine->name);
    if (!known || strcmp(known->isa, machine->isa) != 0)
        return false;
    for (int i = 0; i < machine_number_count; i++)
        if (machine_number(known, i) != machine_number(machine, i))
            return false;
    return true;
}

static _Noreturn void fail_unknown(Context *ctx, const char *name)
{
    const char **names = arena_array(ctx->scratch, const char *, machine_count + 1);
    for (int i = 0; i < machine_count; i++)
        names[i] = machines[i].name;
    names[machine_count] = NATIVE;
    const char *quoted = text_quote(ctx->scratch, name, strlen(name));
    const char *nearest = text_nearest(name, names, machine_count + 1);
    const char *hint = "'tulle targets' lists them";
    if (nearest)
        hint = arena_format(ctx->scratch, "did you mean '%s'? 'tulle targets' lists them all", nearest);
    fail(ctx, STATUS_USAGE, NULL, hint, "there is no target named '%s'", quoted);
}

static const Target *target_of(Context *ctx, const Machine *machine)
{
    Target *target = arena_new_of(ctx->graph, Target);
    target->machine = *machine;
    target->isa = *isa_named(machine->isa);
    return target;
}

bool target_is_native(const char *name)
{
    return strncmp(name, NATIVE, NATIVE_LENGTH) == 0 && (name[NATIVE_LENGTH] == '\0' || name[NATIVE_LENGTH] == '-');
}

const Target *target_native(Context *ctx, const char *name, bool again)
{
    Machine machine;
    probe_cached(ctx, name, name[NATIVE_LENGTH] ? name + NATIVE_LENGTH + 1 : NULL, again, &machine);
    return target_of(ctx, &machine);
}

const Target *target_named(Context *ctx, const char *name)
{
    if (target_is_native(name))
        return target_native(ctx, name, false);
    const Machine *machine = machine_named(name);
    if (!machine)
        fail_unknown(ctx, name);
    return target_of(ctx, machine);
}

/* ---- the nearest known core ---- */

#define ARM "0x41"

/* Models first to last of a vendor's family are this machine's core, or nearer to it than to any other here; the first row that fits counts. Numbers
   as /proc/cpuinfo has them. */
static const struct { const char *vendor; int family, first, last; const char *machine; } processors[] = {
    {"GenuineIntel", 6, 55, 55, "atom-c2750"},          /* Silvermont: Bay Trail */
    {"GenuineIntel", 6, 74, 77, "atom-c2750"},          /* Merrifield, Airmont, Avoton; 75 is none */
    {"GenuineIntel", 6, 90, 93, "atom-c2750"},          /* Moorefield, Goldmont, SoFIA */
    {"GenuineIntel", 6, 95, 95, "atom-c2750"},          /* Denverton */
    {"GenuineIntel", 6, 122, 122, "atom-c2750"},        /* Goldmont Plus */
    {"GenuineIntel", 6, 134, 134, "atom-c2750"},        /* Tremont */
    {"GenuineIntel", 6, 150, 150, "atom-c2750"},        /* Elkhart Lake */
    {"GenuineIntel", 6, 156, 156, "atom-c2750"},        /* Jasper Lake */
    {"GenuineIntel", 6, 60, 63, "xeon-e5-2697v4"},      /* Haswell, Broadwell */
    {"GenuineIntel", 6, 69, 71, "xeon-e5-2697v4"},
    {"GenuineIntel", 6, 79, 79, "xeon-e5-2697v4"},
    {"GenuineIntel", 6, 86, 86, "xeon-e5-2697v4"},
    {"GenuineIntel", 6, 87, 87, "xeon-phi-7250"},
    {"GenuineIntel", 6, 133, 133, "xeon-phi-7250"},     /* Knights Mill */
    {"GenuineIntel", 6, 78, 78, "i5-8250u"},            /* Skylake to Comet Lake */
    {"GenuineIntel", 6, 94, 94, "i5-8250u"},
    {"GenuineIntel", 6, 142, 142, "i5-8250u"},
    {"GenuineIntel", 6, 158, 158, "i5-8250u"},
    {"GenuineIntel", 6, 165, 166, "i5-8250u"},
    {"GenuineIntel", 6, 85, 85, "skylake-server"},      /* Cascade and Cooper Lake, too */
    {"GenuineIntel", 6, 106, 108, "skylake-server"},    /* Ice Lake: servers */
    {"GenuineIntel", 6, 125, 126, "skylake-server"},    /* Ice Lake, Tiger Lake, Rocket Lake: clients */
    {"GenuineIntel", 6, 140, 141, "skylake-server"},
    {"GenuineIntel", 6, 167, 167, "skylake-server"},
    {"GenuineIntel", 6, 143, 143, "sapphire-rapids"},
    {"GenuineIntel", 6, 151, 154, "sapphire-rapids"},   /* Alder Lake's large cores */
    {"GenuineIntel", 6, 173, 174, "sapphire-rapids"},   /* Granite Rapids */
    {"GenuineIntel", 6, 183, 186, "sapphire-rapids"},   /* Raptor Lake; 190 has Alder Lake's small cores alone: as any with AVX2 */
    {"GenuineIntel", 6, 191, 191, "sapphire-rapids"},
    {"GenuineIntel", 6, 207, 207, "sapphire-rapids"},   /* Emerald Rapids */
    {"AuthenticAMD", 23, 0, 47, "generic-avx2"},        /* Zen: 16-byte units */
    {"AuthenticAMD", 23, 48, 255, "zen4"},              /* Zen 2: the same ports and widths */
    {"AuthenticAMD", 25, 0, 255, "zen4"},               /* Zen 3, Zen 4 */
    {"AuthenticAMD", 26, 0, 255, "zen4"},               /* Zen 5 */
    {ARM, 8, 0xd03, 0xd05, "cortex-a53"},               /* A53, A35, A55 */
    {ARM, 8, 0xd07, 0xd0a, "cortex-a72"},               /* A57, A72, A73, A75 */
    {ARM, 8, 0xd0b, 0xd0e, "neoverse-n1"},              /* A76, N1, A77, A76AE */
    {ARM, 8, 0xd46, 0xd46, "cortex-a53"},               /* A510: in order */
    {ARM, 8, 0xd40, 0xd4f, "neoverse-n1"},              /* V1, A78, X1, N2, V2 and on */
};

/* The first row of an instruction set is the generic one. */
static const Machine *machine_generic(const char *isa)
{
    for (int i = 0; i < machine_count; i++)
        if (strcmp(machines[i].isa, isa) == 0)
            return &machines[i];
    assert(!"every instruction set has a machine");
    return NULL;
}

const Machine *machine_nearest(const char *isa, const char *vendor, int family, int model)
{
    for (int i = 0; i < COUNT(processors); i++) {
        const bool kin = strcmp(vendor, processors[i].vendor) == 0 && family == processors[i].family;
        if (kin && model >= processors[i].first && model <= processors[i].last)
            return machine_named(processors[i].machine);
    }
    return machine_generic(isa);
}
