/* What is known of machines: instruction sets, machines, and this machine as probed. Includes base. */
#ifndef TULLE_TARGETS_H
#define TULLE_TARGETS_H

#include "compiler/base/base.h"

/* ---- isas.c: one row an instruction set ---- */

typedef struct Isa {
    const char *name;            /* "scalar", "sse4.2", "avx2", "avx512", "neon", "portable" */
    const char *vocabulary;      /* the text of vocab/NAME.h; NULL for scalar, which has no vectors */
    const char *guard;           /* a preprocessor condition the output is checked with, e.g. "defined(__AVX2__)"; NULL: any */
    int vector_bytes, registers;
    bool fuses;                  /* v_fma is one instruction */
    const char *compiler_flags;  /* what the output is to be compiled with, "-mavx2 -mfma" */
    const char *compiler;        /* the cross compiler on Debian, NULL: the machine's own cc */
} Isa;

const Isa *isa_named(const char *name);

/* ---- machines.c: numbers only, each with its source (the roofline model's issue fills in the known machines) ---- */

typedef struct Machine {
    const char *name, *says;
    const char *isa;
    int cores;
    double ghz;
    int64_t l1_bytes, l2_bytes, l3_bytes;
} Machine;

typedef struct Target {
    Isa isa;
    Machine machine;
} Target;

extern const Machine machines[];
extern const int machine_count;

/* "native" is probed. STATUS_USAGE with the nearest name for an unknown one. */
const Target *target_named(Context *ctx, const char *name);

/* ---- probe.c ---- */

void probe_native(Context *ctx, Machine *machine);

#endif
