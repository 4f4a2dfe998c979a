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

static int64_t probe_bytes(int name)
{
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

void probe_native(Context *ctx, Machine *machine)
{
    const char *model = cpuinfo(ctx, "model name");
    const char *says = *model ? model : "this machine";
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *machine = (Machine){
        .name = "native", .says = text_quote(ctx->graph, says, strlen(says)), .isa = probe_isa(),
        .cores = cores > 0 ? (int)cores : 1, .ghz = probe_ghz(ctx),
        .l1_bytes = probe_bytes(_SC_LEVEL1_DCACHE_SIZE), .l2_bytes = probe_bytes(_SC_LEVEL2_CACHE_SIZE),
        .l3_bytes = probe_bytes(_SC_LEVEL3_CACHE_SIZE),
    };
}
