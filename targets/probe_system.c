/* What the system says of this machine: its processor, the cores and memory that this process may use, the first core's caches. */
#define _GNU_SOURCE
#include "targets/probe.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 256 };

/* One line of a file of the system's, without its end; "" if there is none. */
static const char *line_of(char line[static LINE], const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file || !fgets(line, LINE, file))
        line[0] = '\0';
    if (file)
        fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* What stands behind the colon of the first line of /proc/cpuinfo whose key is this; "" if there is none. */
static const char *cpuinfo(Context *ctx, const char *key)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[LINE];
    const char *found = "";
    while (file && !*found && fgets(line, sizeof line, file)) {
        const size_t length = strlen(key);
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, length) != 0 || length + strspn(line + length, "\t ") != (size_t)(colon - line))
            continue;
        colon += 1 + (colon[1] == ' ');
        found = arena_string(ctx->graph, colon, strcspn(colon, "\n"));
    }
    if (file)
        fclose(file);
    return found;
}

/* ---- processors in lists such as "0-3,8,10-11" ---- */

static bool in_list(const char *list, int processor)
{
    while (*list) {
        char *end = NULL;
        const long first = strtol(list, &end, 10), last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        if (end == list || (processor >= first && processor <= last))
            return end != list;
        list = *end ? end + 1 : end;
    }
    return false;
}

/* Whether none of the processors in front of this one that we may use is another thread of its core. */
static bool first_of_core(Context *ctx, const cpu_set_t *ours, int processor)
{
    char line[LINE];
    line_of(line, arena_format(ctx->scratch, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", processor));
    for (int i = 0; i < processor; i++)
        if (CPU_ISSET(i, ours) && in_list(line, i))
            return false;
    return true;
}

/* A processor of each core that this process may run on. More processors than a set holds are not asked for. */
static cpu_set_t our_cores(Context *ctx)
{
    cpu_set_t ours, cores;
    CPU_ZERO(&ours);
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof ours, &ours) != 0 || CPU_COUNT(&ours) == 0)
        CPU_SET(0, &ours);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &ours) && first_of_core(ctx, &ours, i))
            CPU_SET(i, &cores);
    return cores;
}

static const int *processors_of(Context *ctx, const cpu_set_t *cores)
{
    int *processors = arena_array(ctx->graph, int, CPU_COUNT(cores)), count = 0;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, cores))
            processors[count++] = i;
    return processors;
}

static int cores_in(const cpu_set_t *cores, const char *list)
{
    int count = 0;
    for (int i = 0; i < CPU_SETSIZE; i++)
        count += CPU_ISSET(i, cores) && in_list(list, i);
    return count;
}

/* Processors' time that a container grants, in whole processors; many where nothing limits it. */
static int granted_cores(void)
{
    char line[LINE];
    double quota = 0, period = 0;
    if (sscanf(line_of(line, "/sys/fs/cgroup/cpu.max"), "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0 && quota / period < CPU_SETSIZE)
        return (int)ceil(quota / period);
    return CPU_SETSIZE;
}

/* ---- caches ---- */

static double bytes_text(const char *text)
{
    char *unit = NULL;
    const double size = strtod(text, &unit);
    return size * (*unit == 'K' ? 1024 : *unit == 'M' ? 1024 * 1024 : 1);
}

/* A cache as its folder describes it, into the numbers it belongs to. */
static void read_cache(Context *ctx, const cpu_set_t *cores, const char *folder, ProbeSystem *system)
{
    char line[LINE];
    const int level = atoi(line_of(line, arena_format(ctx->scratch, "%s/level", folder)));
    const bool code = strcmp(line_of(line, arena_format(ctx->scratch, "%s/type", folder)), "Instruction") == 0;
    const double bytes = bytes_text(line_of(line, arena_format(ctx->scratch, "%s/size", folder)));
    const double sharers = cores_in(cores, line_of(line, arena_format(ctx->scratch, "%s/shared_cpu_list", folder)));
    if (level == 1 && code) {
        system->l1i_bytes = bytes;
    } else if (level == 1) {
        system->l1_bytes = bytes;
        system->line_bytes = bytes_text(line_of(line, arena_format(ctx->scratch, "%s/coherency_line_size", folder)));
    } else if (level == 2) {
        system->l2_bytes = bytes;
        system->l2_cores = sharers;
    } else if (level == 3) {
        system->l3_bytes = bytes;
        system->l3_cores = sharers;
    }
}

static void ask_library(double *number, int name)
{
    const long value = *number > 0 ? 0 : sysconf(name);
    if (value > 0)
        *number = (double)value;
}

/* The kernel's account comes first: the C library knows no caches on Arm, and adds up some others. */
static void read_caches(Context *ctx, const cpu_set_t *cores, ProbeSystem *system)
{
    int processor = 0;
    while (!CPU_ISSET(processor, cores))
        processor++;
    for (int index = 0; index < 8; index++)
        read_cache(ctx, cores, arena_format(ctx->scratch, "/sys/devices/system/cpu/cpu%d/cache/index%d", processor, index), system);
    ask_library(&system->l1i_bytes, _SC_LEVEL1_ICACHE_SIZE);
    ask_library(&system->l1_bytes, _SC_LEVEL1_DCACHE_SIZE);
    ask_library(&system->line_bytes, _SC_LEVEL1_DCACHE_LINESIZE);
    ask_library(&system->l2_bytes, _SC_LEVEL2_CACHE_SIZE);
    ask_library(&system->l3_bytes, _SC_LEVEL3_CACHE_SIZE);
}

/* ---- all of it ---- */

static double usable_memory(void)
{
    char line[LINE];
    const double installed = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    const double granted = strtod(line_of(line, "/sys/fs/cgroup/memory.max"), NULL);     /* "max" where nothing limits it */
    return granted > 0 && granted < installed ? granted : installed;
}

static int number_of(const char *text)
{
    return (int)strtol(text, NULL, 0);
}

static int usable_cores(const cpu_set_t *ours)
{
    const int count = CPU_COUNT(ours), granted = granted_cores();
    return count < granted ? count : granted;
}

int machine_cores(Context *ctx)
{
    const cpu_set_t cores = our_cores(ctx);
    return usable_cores(&cores);
}

void probe_system(Context *ctx, ProbeSystem *system)
{
    const cpu_set_t cores = our_cores(ctx);
    *system = (ProbeSystem){.model = cpuinfo(ctx, "model name"), .vendor = cpuinfo(ctx, "vendor_id"), .family = number_of(cpuinfo(ctx, "cpu family")),
                            .number = number_of(cpuinfo(ctx, "model")), .stepping = number_of(cpuinfo(ctx, "stepping"))};
    if (!*system->vendor) {
        system->vendor = cpuinfo(ctx, "CPU implementer");
        system->family = number_of(cpuinfo(ctx, "CPU architecture"));
        system->number = number_of(cpuinfo(ctx, "CPU part"));
        system->stepping = number_of(cpuinfo(ctx, "CPU revision"));
    }
    system->cores = usable_cores(&cores);
    system->processors = processors_of(ctx, &cores);
    system->memory_bytes = usable_memory();
    read_caches(ctx, &cores, system);
}
