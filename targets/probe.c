/* This machine, as it says itself: the widest instruction set we have words for, cores, clock and caches. */
#include "targets/targets.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *probe_isa(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
        return "avx512";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "avx2";
    if (__builtin_cpu_supports("sse4.2"))
        return "sse4.2";
    return "portable";
#elif defined(__aarch64__)
    return "neon";
#else
    return "portable";
#endif
}

/* One line of a file of the system's, without its end; "" if there is none. */
static const char *line_of(char line[static 64], const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file || !fgets(line, 64, file))
        line[0] = '\0';
    if (file)
        fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* The first core's data cache of this level. The kernel's account comes first: the C library knows no caches on Arm, and adds up some others. */
static int64_t probe_cache(Context *ctx, int level, int name)
{
    char line[64];
    for (int index = 0; index < 8; index++) {
        const char *folder = arena_format(ctx->scratch, "/sys/devices/system/cpu/cpu0/cache/index%d", index);
        if (atoi(line_of(line, arena_format(ctx->scratch, "%s/level", folder))) != level)
            continue;
        if (strcmp(line_of(line, arena_format(ctx->scratch, "%s/type", folder)), "Instruction") == 0)
            continue;
        char *unit = NULL;
        const int64_t size = strtoll(line_of(line, arena_format(ctx->scratch, "%s/size", folder)), &unit, 10);
        return size * (*unit == 'K' ? 1 << 10 : *unit == 'M' ? 1 << 20 : 1);
    }
    const long bytes = sysconf(name);
    return bytes > 0 ? bytes : 0;
}

/* The value after the colon of the first line of /proc/cpuinfo that begins with `key`; "" if there is none. */
static const char *cpuinfo(Context *ctx, const char *key)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[512];
    const char *found = "";
    while (file && !*found && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0)
            continue;
        colon += 1 + (colon[1] == ' ');
        found = arena_string(ctx->graph, colon, strcspn(colon, "\n"));
    }
    if (file)
        fclose(file);
    return found;
}

/* The highest clock the system knows of; else the one the kernel last saw. */
static double probe_ghz(Context *ctx)
{
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "re");
    double kilohertz = 0;
    if (file) {
        if (fscanf(file, "%lf", &kilohertz) != 1)
            kilohertz = 0;
        fclose(file);
    }
    return kilohertz > 0 ? kilohertz / 1e6 : strtod(cpuinfo(ctx, "cpu MHz"), NULL) / 1e3;
}

/* The known core that is nearest to this processor. */
static const Machine *probe_nearest(Context *ctx, const char *isa)
{
#if defined(__aarch64__)
    const char *vendor = cpuinfo(ctx, "CPU implementer"), *family = cpuinfo(ctx, "CPU architecture"), *model = cpuinfo(ctx, "CPU part");
#else
    const char *vendor = cpuinfo(ctx, "vendor_id"), *family = cpuinfo(ctx, "cpu family"), *model = cpuinfo(ctx, "model\t");
#endif
    return machine_nearest(isa, vendor, (int)strtol(family, NULL, 0), (int)strtol(model, NULL, 0));
}

void probe_native(Context *ctx, Machine *machine)
{
    const char *model = cpuinfo(ctx, "model name");
    const char *says = *model ? model : "this machine";
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const Isa *isa = isa_named(probe_isa());
    *machine = *probe_nearest(ctx, isa->name);
    machine->name = "native";
    machine->isa = isa->name;
    machine->registers = isa->registers;
    machine->vector_bytes = machine->vector_bytes < isa->vector_bytes ? machine->vector_bytes : isa->vector_bytes;
    machine->says = text_quote(ctx->graph, says, strlen(says));
    machine->cores = cores > 0 ? (double)cores : 1;
    machine->l1_bytes = (double)probe_cache(ctx, 1, _SC_LEVEL1_DCACHE_SIZE);
    machine->l2_bytes = (double)probe_cache(ctx, 2, _SC_LEVEL2_CACHE_SIZE);
    machine->l3_bytes = (double)probe_cache(ctx, 3, _SC_LEVEL3_CACHE_SIZE);
    machine->ghz = probe_ghz(ctx) > 0 ? probe_ghz(ctx) : machine->ghz;
}
