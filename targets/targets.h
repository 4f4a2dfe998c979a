/* What is known of machines: instruction sets, machines, and this machine as probed. Includes base. */
#ifndef TULLE_TARGETS_H
#define TULLE_TARGETS_H

#include "compiler/base/base.h"

/* ---- isas.c: one row an instruction set ---- */

typedef struct Isa {
    const char *name;            /* "scalar", "sse4.2", "avx2", "avx512", "avx512f", "neon", "portable", "portable16"; "cuda" */
    const char *vocabulary;      /* the text of vocab/NAME.h; NULL for scalar, which has no vectors, and cuda */
    const char *guard;           /* a preprocessor condition the output is checked with, e.g. "defined(__AVX2__)"; NULL: any */
    int vector_bytes, registers;
    /* Sums and the vectors that a step multiplies into them, of the most that stay in registers in a loop with gcc 12 and clang 19: beside them both
       want one for the broadcast number, of two operands one more for the product, and clang on AVX2 and NEON one and three for numbers ahead.
       tests/assembly/spills.py --all shows it. */
    int kept;
    double instruction_bytes;    /* a loop's average */
    bool fuses;                  /* v_fma is one instruction */
    bool folds;                  /* a load can be an operand of the instruction that uses it */
    bool extended;               /* AVX-512 with VL, DQ and BW: halves and quarters of a vector, masks of 64 bits */
    bool gpu;                    /* priced only: there are no kernels to emit yet */
    const char *compiler_flags;  /* what the output is to be compiled with, "-mavx2 -mfma" */
    const char *compiler;        /* the cross compiler on Debian, NULL: the machine's own cc */
    const char *architecture;    /* whose instructions these are, "x86_64", "aarch64"; NULL: any */
} Isa;

const Isa *isa_named(const char *name);                  /* NULL if there is none */
bool isa_foreign(const Isa *isa);                        /* of another architecture than this program's: its code cannot be loaded here */

/* ---- machines.c: numbers only, each with its source; find.c: how they are found ---- */

typedef struct Machine {
    const char *name, *says;
    const char *isa;
    const char *core;                /* as LLVM calls its scheduling model, "broadwell"; NULL: it has none of this core */
#define NUMBER(name, unit, least, most, needed, what) double name;
#include "targets/numbers.inc"
#undef NUMBER
} Machine;

typedef struct Target {
    Isa isa;
    Machine machine;
} Target;

extern const Machine machines[];
extern const int machine_count;

/* "native" is probed, or what an earlier probe found. STATUS_USAGE with the nearest name for an unknown one. */
const Target *target_named(Context *ctx, const char *name);
/* This machine: "native", or "native-ISA" for one of its narrower instruction sets. again: probed whatever was found before. */
bool target_is_native(const char *name);
const Target *target_native(Context *ctx, const char *name, bool again);
bool machine_known(const Machine *machine);              /* one of the table, with the table's numbers */
/* The known core nearest to a processor, named as /proc/cpuinfo does (of Arm: implementer, architecture, part); else the generic row of the ISA.
   The row may be of another ISA than the one asked for, when the processor's system hides some of its instructions. */
const Machine *machine_nearest(const char *isa, const char *vendor, int family, int model);

/* ---- target_file.c: a machine as text, one number a line: "l2_bytes 1048576  # of which ..." ---- */

typedef struct MachineNumber {   /* numbers.inc as a table */
    const char *name, *unit, *what;
    double least, most;
    bool cpu_needs, gpu_needs;
    size_t place;                /* in Machine */
} MachineNumber;

extern const MachineNumber machine_numbers[];
extern const int machine_number_count;
double machine_number(const Machine *machine, int number);

const char *machine_text(Arena *arena, const Machine *machine);              /* the whole file, every number with what it is */
const char *machine_brief(Arena *arena, const Machine *machine);             /* "isa avx2, cores 4, ghz 3.4, ...": what is not 0 */

typedef struct MachineFault {
    int line;                    /* 0: of the machine as a whole */
    const char *what, *hint;     /* hint may be NULL */
} MachineFault;

/* false and the first fault for: an unknown or repeated name, a missing, negative or absurd number, a cache smaller than the one inside it, an
   unknown ISA, what is no text. The strings are in the arena. */
bool machine_parse(Arena *arena, const char *text, size_t length, Machine *machine, MachineFault *fault);
/* The same of a file: STATUS_USAGE with path and line. */
const Target *target_file(Context *ctx, const char *path);

/* ---- probe_system.c: what the system says ---- */

int machine_cores(Context *ctx);     /* that this process may use; two threads of one core count once */

/* ---- probe.c, probe_loops.c: this machine ---- */

/* What it says of itself, what was measured (under 5 seconds), and for the rest the row of the nearest known core; as programs of instruction set `isa`
   see it, the widest there is if that is NULL. Kept in the user's cache folder ($XDG_CACHE_HOME/tulle or ~/.cache/tulle), and measured again when it is
   not there, is of another machine or of another version of tulle. `again`: in any case. A folder that cannot be written is a word on stderr, no failure. */
void probe_cached(Context *ctx, const char *name, const char *isa, bool again, Machine *machine);

#endif
