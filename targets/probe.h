/* How this machine is measured. Private to targets/probe*.c. */
#ifndef TULLE_PROBE_H
#define TULLE_PROBE_H

#include "targets/targets.h"

/* ---- probe_system.c: what the system says ---- */

typedef struct ProbeSystem {
    const char *model, *vendor;              /* "" where it does not say */
    int family, number, stepping;            /* of the model; on Arm architecture, part and revision */
    int cores;                               /* that this process may use; two threads of one core count once */
    const int *processors;                   /* [cores], one of each */
    double memory_bytes;                     /* that it may use */
    double line_bytes, l1i_bytes, l1_bytes, l2_bytes, l3_bytes, l2_cores, l3_cores;    /* 0 where it does not say */
} ProbeSystem;

void probe_system(Context *ctx, ProbeSystem *system);

/* ---- probe_loops.c: one of these for each instruction set ---- */

typedef struct ProbeLoops {
    int vector_bytes;
    int streams;                             /* instructions a turn */
    int clock_adds;                          /* of a turn of clock(), each waiting for the one before */
    size_t block_bytes;                      /* of a turn of load() and store() */
    void (*clock)(int64_t turns);            /* whole-number additions, with multiply-adds beside them */
    void (*multiply)(int64_t turns);         /* multiply-adds (multiplications where they do not fuse), independent ones */
    void (*arithmetic)(int64_t turns);       /* as many additions beside them */
    void (*latency)(int64_t turns);          /* multiply-adds (additions where they do not fuse), each waiting for the one before */
    void (*load)(const float *data, size_t bytes);     /* once from end to end: whole turns only */
    void (*store)(float *data, size_t bytes);
} ProbeLoops;

/* ---- probe_measure.c: one core ---- */

enum { MOST_PROBE_LOOPS = 4 };

typedef struct ProbeWidths {                 /* what this processor can run, the widest first */
    const char *isa;
    const ProbeLoops *loops[MOST_PROBE_LOOPS];
    int count;
} ProbeWidths;

double probe_now(void);                      /* seconds */
double probe_median(double *numbers, int count);                     /* of one or more, which are sorted */
double probe_digits(double number, int count);                       /* rounded to so many of its first digits */

/* Memory that was touched; NULL if there is none to be had. */
float *probe_memory(size_t bytes);
void probe_memory_free(float *data, size_t bytes);
size_t probe_memory_bytes(const Machine *machine, double memory_bytes);    /* enough to be outside of all caches, if the machine has it */

double probe_hertz(const ProbeLoops *loops, int repetitions);        /* of the core that runs this, under vector load, now */
/* Fills in what it can measure: widths, ports and latencies, bandwidths of one core. Needs the sizes of caches. Gives the share of the time in which
   other programs had the core. */
double probe_measure(const ProbeWidths *widths, double memory_bytes, Machine *machine);

/* ---- probe_doubt.c: what to think of it ---- */

bool probe_steady(const Machine *before, const Machine *after);      /* what was measured is the same, about */
/* Puts the row's number in the place of each that no core like it can have. "ghz 0.2, ...": which, as measured; "": none. */
const char *probe_doubt(Arena *arena, const Machine *row, Machine *measured);

/* ---- probe_cache.c: what was measured before ---- */

bool probe_recall(Context *ctx, const char *path, Machine *machine);     /* false: there is nothing, or nothing whole */
void probe_keep(Context *ctx, const char *path, const Machine *machine);
/* Where this machine's numbers are kept: the file's name says which machine, instruction set and version. NULL: the user has no such folder. */
const char *probe_path(Context *ctx, const ProbeSystem *system, const char *isa, const char *name);

/* ---- probe_team.c: all cores ---- */

/* Clock, memory_all and barrier_us, with a thread for each core. */
void probe_team(const ProbeLoops *loops, const ProbeSystem *system, Machine *machine);

#endif
