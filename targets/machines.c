/* The machines: numbers only, one row each, in the order of numbers.inc, with their sources.

   Sources, by the word that stands in the comments:
     paper    paper 000 (direct sparse convolutions), Table 1 and Section 3.2
     Intel    Intel 64 and IA-32 Architectures Optimization Reference Manual; AMD: Software Optimization Guide of the family; Arm: of the core
     Agner    Agner Fog, Instruction tables, and The microarchitecture of Intel, AMD and VIA CPUs
     LLVM     scheduling models of LLVM 14, as llvm-mca prints them; gcc: those of gcc (config/arm/cortex-a53.md)
     makers   the maker's product page or white paper; WikiChip where the maker has none
     C&C      chipsandcheese.com, articles on that core
     Jia      Jia et al., Dissecting the NVIDIA Volta GPU Architecture via Microbenchmarking, 2018
   What stands beside "derived" was published by nobody we know of, and follows from what the comment says. In particular:
     one core's memory bandwidth     lines of 64 bytes that it keeps in flight, over the latency of memory
     a barrier                       there and back along a tree of the cores, a hand-over of a cache line each step
     sgemm_gflops                    85 % of peak, what good libraries reach on large matrices; GPUs 90 %
   Loads that straddle two lines are two accesses, that is one slot more, wherever no comment says otherwise (Intel, Arm).
   A core is named where LLVM 19 has a model of its own for it: Knights Landing is lent Haswell's there, the Cortex-A72 an A57's.
   Generic rows promise an instruction set and nothing more: their numbers are derived, each from the cores it names, four to a machine. */
#include "targets/targets.h"

#define KIB 1024.0
#define MIB (1024 * KIB)
#define SGEMM(cores, ghz, ports, bytes) (0.85 * (cores) * (ghz) * (ports) * (bytes) / 2)    /* two operations on four bytes */

const Machine machines[] = {
    /* ---- any machine of an instruction set ---- */
    {
        "scalar", "the reference operators, pasted; any machine", "scalar",
        /* a core that does one number at a time: no multiply-adds, one multiplication and one addition a cycle, else as generic-sse4.2 */
        .cores = 4, .ghz = 2, .vector_bytes = 4, .registers = 16, .fma_ports = 1, .fma_latency = 3, .vector_ports = 2, .load_ports = 1,
        .store_ports = 1, .split_load_slots = 1, .decode_width = 3, .issue_width = 3, .fetch_bytes = 16, .mispredict_cycles = 12,
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 2, .l2_bandwidth = 12,
        .memory_bandwidth = 6, .memory_all = 15, .barrier_us = 0.5, .sgemm_gflops = SGEMM(4, 2, 1, 4),
    },
    {
        "generic", "any machine, in the vector extensions of gcc and clang", "portable",
        /* as generic-sse4.2: vectors of 16 bytes, multiplication and addition apart */
        .cores = 4, .ghz = 2, .vector_bytes = 16, .registers = 16, .fma_ports = 1, .fma_latency = 3, .vector_ports = 2, .load_ports = 1,
        .store_ports = 1, .split_load_slots = 1, .decode_width = 3, .issue_width = 3, .fetch_bytes = 16, .mispredict_cycles = 12,
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 2, .l2_bandwidth = 12,
        .memory_bandwidth = 6, .memory_all = 15, .barrier_us = 0.5, .sgemm_gflops = SGEMM(4, 2, 1, 16),
    },
    {
        "generic-portable16", "any machine, in vectors of 16 floats: what AVX-512 computes, slowly", "portable16",
        /* as generic, with vectors and registers of AVX-512, so that its tilings are there */
        .cores = 4, .ghz = 2, .vector_bytes = 64, .registers = 32, .fma_ports = 0.25, .fma_latency = 3, .vector_ports = 0.5, .load_ports = 0.25,
        .store_ports = 0.25, .split_load_slots = 1, .decode_width = 3, .issue_width = 3, .fetch_bytes = 16, .mispredict_cycles = 12,
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 2, .l2_bandwidth = 12,
        .memory_bandwidth = 6, .memory_all = 15, .barrier_us = 0.5, .sgemm_gflops = SGEMM(4, 2, 0.25, 64),
    },
    {
        "generic-sse4.2", "any x86-64 with SSE4.2 (Atoms since Silvermont)", "sse4.2",
        /* who has no AVX2 today is an Atom: between Silvermont below and Goldmont (Agner: decodes 3, MULPS each cycle, ADDPS in 3, one load) */
        .cores = 4, .ghz = 2, .vector_bytes = 16, .registers = 16, .fma_ports = 1, .fma_latency = 3, .vector_ports = 2, .load_ports = 1,
        .store_ports = 1, .split_load_slots = 1, .decode_width = 3, .issue_width = 3, .fetch_bytes = 16, .mispredict_cycles = 12,
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 24 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 2, .l2_bandwidth = 12,
        .memory_bandwidth = 6, .memory_all = 15, .barrier_us = 0.5, .sgemm_gflops = SGEMM(4, 2, 1, 16),
    },
    {
        "generic-avx2", "any x86-64 with AVX2 and FMA (since Haswell, Zen)", "avx2",
        /* Haswell to Coffee Lake and Zen 2 and 3 agree on ports and widths; caches and memory as of a desktop of four cores, two channels of DDR4 */
        .cores = 4, .ghz = 3, .vector_bytes = 32, .registers = 16, .fma_ports = 2, .fma_latency = 4, .vector_ports = 2, .load_ports = 2,
        .store_ports = 1, .split_load_slots = 1, .decode_width = 4, .issue_width = 4, .fetch_bytes = 16, .micro_ops = 1536, .mispredict_cycles = 16,
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 256 * KIB, .l2_cores = 1, .l2_bandwidth = 28,
        .l3_bytes = 8 * MIB, .l3_cores = 4, .l3_bandwidth = 18, .memory_bandwidth = 16, .memory_all = 28, .barrier_us = 0.3,
        .sgemm_gflops = SGEMM(4, 3, 2, 32),
    },
    {
        "generic-avx512", "any x86-64 with AVX-512 F, VL, DQ, BW (Skylake-X, Zen 4)", "avx512",
        /* between a Zen 4, which takes two turns (one multiply-add and one load a cycle), and a Xeon (two each): one and a half. The rest is
           nearer to the Xeon, of which four cores are taken with their part of caches and memory */
        .cores = 4, .ghz = 2.8, .vector_bytes = 64, .registers = 32, .fma_ports = 1.5, .fma_latency = 4, .vector_ports = 2, .load_ports = 1.5,
        .store_ports = 1, .split_load_slots = 1, .decode_width = 4, .issue_width = 4, .fetch_bytes = 16, .micro_ops = 1536, .mispredict_cycles = 16,
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 1, .l2_bandwidth = 40,
        .l3_bytes = 8 * MIB, .l3_cores = 4, .l3_bandwidth = 12, .memory_bandwidth = 14, .memory_all = 40, .barrier_us = 0.4,
        .sgemm_gflops = SGEMM(4, 2.8, 1.5, 64),
    },
    {
        "generic-neon", "any aarch64", "neon",
        /* a Cortex-A76, which a small board has today, between cortex-a72 and neoverse-n1 below (a server's A76) */
        .cores = 4, .ghz = 2, .vector_bytes = 16, .registers = 32, .fma_ports = 2, .fma_latency = 2, .vector_ports = 2, .load_ports = 2,
        .store_ports = 1, .split_load_slots = 1, .decode_width = 4, .issue_width = 4, .fetch_bytes = 16, .mispredict_cycles = 11,
        .line_bytes = 64, .l1i_bytes = 64 * KIB, .l1_bytes = 64 * KIB, .l2_bytes = 512 * KIB, .l2_cores = 1, .l2_bandwidth = 16,
        .l3_bytes = 2 * MIB, .l3_cores = 4, .l3_bandwidth = 10, .memory_bandwidth = 9, .memory_all = 14, .barrier_us = 0.3,
        .sgemm_gflops = SGEMM(4, 2, 2, 16),
    },

    /* ---- the three machines of paper 000 ---- */
    {
        "atom-c2750", "Atom C2750, 8 cores of Silvermont, paper 000", "sse4.2",
        .core = "silvermont",
        .cores = 8, .ghz = 2.4,                                          /* paper */
        /* Agner, LLVM: MULPS every second cycle, ADDPS each cycle after 3, on ports of their own. One memory port of 16 bytes. Straddling,
           derived: between one more access and the 14 cycles of the Atom before it (7-cpu.com). Intel: two decoders, 16 bytes, no micro-op cache;
           10 cycles lost */
        .vector_bytes = 16, .registers = 16, .fma_ports = 0.5, .fma_latency = 3, .vector_ports = 2, .load_ports = 1, .store_ports = 1,
        .split_load_slots = 4, .decode_width = 2, .issue_width = 2, .fetch_bytes = 16, .micro_ops = 0, .mispredict_cycles = 10,
        /* WikiChip: 1 MB of L2 for two cores, no L3. L2 derived: half of what level 1 gives, as two cores share it */
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 24 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 2, .l2_bandwidth = 8,
        .memory_bandwidth = 5.4,                                         /* derived: 8 lines in 95 ns */
        .memory_all = 15,                                                /* paper */
        .barrier_us = 0.6,                                               /* derived: 3 steps of 100 ns */
        .sgemm_gflops = 62, .paper_alpha = 1.2,                          /* paper */
    },
    {
        "xeon-e5-2697v4", "two Xeon E5-2697 v4, 36 cores of Broadwell, paper 000", "avx2",
        .core = "broadwell",
        .cores = 36, .ghz = 2.3,     /* paper; it says one socket of 18, but its SGEMM and STREAM figures are more than one can do */
        /* Agner, LLVM: multiply-adds on two ports after 5, additions on one of them after 3; two loads of 32 bytes and a store. Intel: 4 decoders,
           16 bytes, 1,536 micro-ops, 4 renamed a cycle. Agner: 15 to 20 cycles lost */
        .vector_bytes = 32, .registers = 16, .fma_ports = 2, .fma_latency = 5, .vector_ports = 2, .load_ports = 2, .store_ports = 1,
        .split_load_slots = 1, .decode_width = 4, .issue_width = 4, .fetch_bytes = 16, .micro_ops = 1536, .mispredict_cycles = 16,
        /* derived: i5-8250u's caches, a seventh less from L2 and a fifth less from a ring of 18 */
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 256 * KIB, .l2_cores = 1, .l2_bandwidth = 25,
        .l3_bytes = 45 * MIB, .l3_cores = 18, .l3_bandwidth = 14,
        .memory_bandwidth = 11.4,                                        /* derived: 16 lines in 90 ns */
        .memory_all = 122,                                               /* paper */
        .barrier_us = 1.5,                                               /* derived: 6 steps of 126 ns (C&C, between sockets) */
        .sgemm_gflops = 2150, .paper_alpha = 3,                          /* paper */
    },
    {
        "xeon-phi-7250", "Xeon Phi 7250, 68 cores of Knights Landing, paper 000", "avx512f",
        .cores = 68, .ghz = 1.4,                                         /* paper */
        /* Intel (chapter on Knights Landing): two vector units, 6 cycles; two loads, a store; two micro-ops decoded and renamed from 16 bytes, no
           micro-op cache. Lost, derived: Silvermont's 10 and two more stages */
        .vector_bytes = 64, .registers = 32, .fma_ports = 2, .fma_latency = 6, .vector_ports = 2, .load_ports = 2, .store_ports = 1,
        .split_load_slots = 1, .decode_width = 2, .issue_width = 2, .fetch_bytes = 16, .micro_ops = 0, .mispredict_cycles = 12,
        /* makers: 1 MB of L2 for two cores, which gives a line a cycle; derived: half of it to each. MCDRAM is addressed as memory: no L3 */
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 2, .l2_bandwidth = 32,
        .memory_bandwidth = 12.8,                                        /* derived: 32 lines of two cores' L2 in 160 ns */
        .memory_all = 480,                                               /* paper */
        .barrier_us = 2.1,                                               /* derived: 7 steps of 150 ns */
        .sgemm_gflops = 4540,                                            /* paper */
        .paper_alpha = 3.58, .paper_alpha_fitted = 1,                    /* not in the paper: what its 3.1 times at x = 0.09 asks for */
    },

    /* ---- x86 since ---- */
    {
        "i5-8250u", "Core i5-8250U, 4 cores of Kaby Lake, paper 004", "avx2",
        .core = "skylake",
        .cores = 4, .ghz = 2.3,      /* derived: between 1.6, which its 15 W always allow, and 3.4, which they allow for seconds (makers) */
        /* Agner, LLVM: multiply-adds and additions on two ports after 4; two loads of 32 bytes, a store. Intel: decoders of 4 and 16 bytes, 1,536
           micro-ops, 4 renamed a cycle. Agner: 16 cycles lost */
        .vector_bytes = 32, .registers = 16, .fma_ports = 2, .fma_latency = 4, .vector_ports = 2, .load_ports = 2, .store_ports = 1,
        .split_load_slots = 1, .decode_width = 4, .issue_width = 4, .fetch_bytes = 16, .micro_ops = 1536, .mispredict_cycles = 16,
        /* Intel, cache parameters of Skylake: 29 bytes sustained from L2 (a cycle takes the line in, one reads it: uarch-bench's wiki), 18 from L3 */
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 256 * KIB, .l2_cores = 1, .l2_bandwidth = 29,
        .l3_bytes = 6 * MIB, .l3_cores = 4, .l3_bandwidth = 18,
        /* two channels of DDR4-2400 are 38.4; derived: one core half, all three quarters of it */
        .memory_bandwidth = 19, .memory_all = 29,
        .barrier_us = 0.2,                                               /* derived: 2 steps of 50 ns */
        .sgemm_gflops = SGEMM(4, 2.3, 2, 32),
    },
    {
        "skylake-server", "Xeon Gold 6148, 20 cores of Skylake Server (Cascade Lake is the same core)", "avx512",
        .core = "skylake-avx512",
        .cores = 20, .ghz = 2.2,                                         /* WikiChip: all cores under AVX-512 */
        /* Agner, LLVM: ports 0 and 5 multiply-add and add 64 bytes each after 4; two loads of 64 bytes, a store. Front end: as Kaby Lake */
        .vector_bytes = 64, .registers = 32, .fma_ports = 2, .fma_latency = 4, .vector_ports = 2, .load_ports = 2, .store_ports = 1,
        .split_load_slots = 1, .decode_width = 4, .issue_width = 4, .fetch_bytes = 16, .micro_ops = 1536, .mispredict_cycles = 16,
        /* derived: from L2 a line in one cycle and a half, as one takes it in and a half reads it; from L3 16 lines in 70 cycles, and two thirds of
           that, as lines that L2 drops go the same way */
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 1, .l2_bandwidth = 43,
        .l3_bytes = 27.5 * MIB, .l3_cores = 20, .l3_bandwidth = 10,
        .memory_bandwidth = 12,                                          /* derived: 16 lines in 85 ns */
        .memory_all = 102,                                               /* derived: 80 % of six channels of DDR4-2666 */
        .barrier_us = 0.6,                                               /* derived: 5 steps of 60 ns */
        .sgemm_gflops = SGEMM(20, 2.2, 2, 64),
    },
    {
        "sapphire-rapids", "Xeon Platinum 8480+, 56 cores of Golden Cove", "avx512",
        .core = "sapphirerapids",
        .cores = 56, .ghz = 2.6,                                         /* derived: between 2.0 and 3.0, base and all-core clock (makers) */
        /* Intel, LLVM: ports 0 and 5 multiply-add and add 64 bytes each after 4; two loads of 64 bytes, one store. Straddling: our own
           measurement, 90 GFLOP/s of 200 with operands that all but one in sixteen straddle: (1 + 15/16 s) = 200/90. Intel: 6 decoders from 32
           bytes, 4,096 micro-ops, 6 renamed; C&C: 17 cycles lost */
        .vector_bytes = 64, .registers = 32, .fma_ports = 2, .fma_latency = 4, .vector_ports = 2, .load_ports = 2, .store_ports = 1,
        .split_load_slots = 1.3, .decode_width = 6, .issue_width = 6, .fetch_bytes = 32, .micro_ops = 4096, .mispredict_cycles = 17,
        /* L2 derived as for skylake-server. L3 derived: 48 lines in flight over 70 ns, and two thirds of it, as there */
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 48 * KIB, .l2_bytes = 2 * MIB, .l2_cores = 1, .l2_bandwidth = 43,
        .l3_bytes = 105 * MIB, .l3_cores = 56, .l3_bandwidth = 11,
        .memory_bandwidth = 16,                                          /* derived: between 16 lines of L1 and 48 of L2 in 110 ns, 9 and 28 */
        .memory_all = 245,                                               /* derived: 80 % of eight channels of DDR5-4800 */
        .barrier_us = 1,                                                 /* derived: 6 steps of 80 ns */
        .half_rate = 2,                                                  /* AVX512-FP16 */
        .sgemm_gflops = SGEMM(56, 2.6, 2, 64),
    },
    {
        "zen4", "EPYC 9554, 64 cores of Zen 4", "avx512",
        .core = "znver4",
        .cores = 64, .ghz = 3.1,                                         /* makers: base clock */
        /* AMD: 32-byte units, on which 64-byte vectors take two turns: two that multiply-add after 4, two that add; two loads, a store. Straddling:
           of a 64-byte load's two halves one does, so half a slot for each. 4 decoders from 32 bytes, 6,912 micro-ops, 6 renamed; 13 cycles lost */
        .vector_bytes = 32, .registers = 32, .fma_ports = 2, .fma_latency = 4, .vector_ports = 4, .load_ports = 2, .store_ports = 1,
        .split_load_slots = 0.5, .decode_width = 4, .issue_width = 6, .fetch_bytes = 32, .micro_ops = 6912, .mispredict_cycles = 13,
        /* makers: 32 MB of L3 for each 8 cores. AMD: 32 bytes from L2 and L3; C&C reach 31 (Zen 2's L2) and, derived from their L3 curves, 24 */
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 1, .l2_bandwidth = 31,
        .l3_bytes = 32 * MIB, .l3_cores = 8, .l3_bandwidth = 24,
        .memory_bandwidth = 28,                                          /* derived: 48 lines in 110 ns */
        .memory_all = 370,                                               /* derived: 80 % of twelve channels of DDR5-4800 */
        .barrier_us = 1.2,                                               /* derived: 6 steps of 100 ns */
        .sgemm_gflops = SGEMM(64, 3.1, 2, 32),
    },

    /* ---- Arm ---- */
    {
        "cortex-a53", "Raspberry Pi 3 B+, 4 cores of Cortex-A53", "neon",
        .core = "cortex-a53",
        .cores = 4, .ghz = 1.4,                                          /* makers */
        /* LLVM: a 16-byte multiply-add a cycle, on both 8-byte pipes; gcc: 8 cycles, 4 to the next sum. Arm (reference manual): 8 bytes a cycle from
           level 1, 16 into it. In order, two instructions a cycle. Lost, derived: its 8 stages */
        .vector_bytes = 16, .registers = 32, .fma_ports = 1, .fma_latency = 4, .vector_ports = 1, .load_ports = 0.5, .store_ports = 1,
        .split_load_slots = 1, .decode_width = 2, .issue_width = 2, .fetch_bytes = 16, .micro_ops = 0, .mispredict_cycles = 8,
        .line_bytes = 64, .l1i_bytes = 32 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 512 * KIB, .l2_cores = 4,    /* makers */
        .l2_bandwidth = 4,                                               /* derived: half of level 1's 8 bytes, as four cores share it */
        .memory_bandwidth = 2,                                           /* derived: 5 lines in 160 ns */
        .memory_all = 2.8,           /* derived: 78 % of 32 bits of LPDDR2-900, as Texas Instruments (SPRAD45) measures of its A53's memory */
        .barrier_us = 0.4,                                               /* derived: 2 steps of 100 ns */
        .sgemm_gflops = SGEMM(4, 1.4, 1, 16),
    },
    {
        "cortex-a72", "Raspberry Pi 4, 4 cores of Cortex-A72", "neon",
        .cores = 4, .ghz = 1.5,                                          /* makers */
        /* LLVM: a 16-byte multiply-add a cycle, on both 8-byte pipes (C&C); Arm: 7 cycles, 3 to the next sum; one load, a 16-byte store in
           two. Three decoded from 16 bytes. Lost, derived: its 15 stages */
        .vector_bytes = 16, .registers = 32, .fma_ports = 1, .fma_latency = 3, .vector_ports = 1, .load_ports = 1, .store_ports = 0.5,
        .split_load_slots = 1, .decode_width = 3, .issue_width = 3, .fetch_bytes = 16, .micro_ops = 0, .mispredict_cycles = 15,
        .line_bytes = 64, .l1i_bytes = 48 * KIB, .l1_bytes = 32 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 4,
        .l2_bandwidth = 8,                                               /* derived: half of level 1's 16 bytes, as four cores share it */
        .memory_bandwidth = 4.8, .memory_all = 5.5,                      /* sci-pi.org.uk: STREAM's triad of one core; its copy, the bus's limit */
        .barrier_us = 0.4,                                               /* derived: 2 steps of 100 ns */
        .sgemm_gflops = SGEMM(4, 1.5, 1, 16),
    },
    {
        "neoverse-n1", "Graviton 2, 64 cores of Neoverse N1", "neon",
        .core = "neoverse-n1",
        .cores = 64, .ghz = 2.5,                                         /* makers */
        /* Arm: two units multiply-add 16 bytes after 4, 2 to the next sum; two loads, a store; four decoded from 16 bytes; WikiChip (A76): 11 lost */
        .vector_bytes = 16, .registers = 32, .fma_ports = 2, .fma_latency = 2, .vector_ports = 2, .load_ports = 2, .store_ports = 1,
        .split_load_slots = 1, .decode_width = 4, .issue_width = 4, .fetch_bytes = 16, .micro_ops = 0, .mispredict_cycles = 11,
        /* C&C: 19 bytes from L2. L3 derived: 48 lines in flight (Arm) over 35 ns */
        .line_bytes = 64, .l1i_bytes = 64 * KIB, .l1_bytes = 64 * KIB, .l2_bytes = 1 * MIB, .l2_cores = 1, .l2_bandwidth = 19,
        .l3_bytes = 32 * MIB, .l3_cores = 64, .l3_bandwidth = 12,
        .memory_bandwidth = 21,                                          /* Arm (learn.arm.com): one core of a Graviton 2 */
        .memory_all = 164,                                               /* derived: 80 % of eight channels of DDR4-3200 */
        .barrier_us = 0.7,                                               /* derived: 6 steps of 60 ns */
        .half_rate = 2,                                                  /* FEAT_FP16 */
        .sgemm_gflops = SGEMM(64, 2.5, 2, 16),
    },

    /* ---- GPUs: a vector is a warp of 32 threads, a core a multiprocessor ---- */
    {
        "v100", "V100-SXM2, 80 multiprocessors of Volta, paper 003", "cuda",
        .cores = 80, .ghz = 1.53,                                        /* makers: with it, 15.7 TFLOP/s */
        /* makers: 64 lanes, four schedulers. Jia: 4 cycles; 128 bytes a cycle from shared memory; 128 KB level 1.5 for code */
        .vector_bytes = 128, .registers = 65536, .fma_ports = 2, .fma_latency = 4, .load_ports = 1, .issue_width = 4,
        .line_bytes = 128, .l1i_bytes = 128 * KIB, .l1_bytes = 128 * KIB, .l2_bytes = 6 * MIB, .l2_cores = 80,
        .l2_bandwidth = 19.5,                                            /* Jia: 2,155 GB/s at 1.38 GHz, over 80 */
        .memory_bandwidth = 750, .memory_all = 750,                      /* Jia: measured, of 900 */
        .barrier_us = 0.9,           /* makers (Getting started with CUDA graphs): 3.8 us for each of many kernels of 2.9 */
        .shared_bytes = 96 * KIB, .resident_threads = 2048, .half_rate = 2,
        .sgemm_gflops = 0.9 * 15667,
    },
    {
        "h100", "H100-SXM5, 132 multiprocessors of Hopper", "cuda",
        .cores = 132, .ghz = 1.98,                                       /* makers: with it, 66.9 TFLOP/s */
        /* makers: 128 lanes, four schedulers, 228 KB of shared memory in 256 of level 1. Latencies and code cache: derived, as Volta's */
        .vector_bytes = 128, .registers = 65536, .fma_ports = 4, .fma_latency = 4, .load_ports = 1, .issue_width = 4,
        .line_bytes = 128, .l1i_bytes = 128 * KIB, .l1_bytes = 256 * KIB, .l2_bytes = 50 * MIB, .l2_cores = 132,
        .l2_bandwidth = 28,                                              /* C&C: 5.6 TB/s of the PCIe card, over 114 at 1.755 GHz */
        .memory_bandwidth = 3000, .memory_all = 3000,                    /* derived: 90 % of 3,352 (makers) */
        .barrier_us = 0.9,                                               /* derived: as v100 */
        .shared_bytes = 228 * KIB, .resident_threads = 2048, .half_rate = 2,
        .sgemm_gflops = 0.9 * 66908,
    },
    {
        "h200", "H200, 132 multiprocessors of Hopper", "cuda",
        /* an H100 with faster memory */
        .cores = 132, .ghz = 1.98,
        .vector_bytes = 128, .registers = 65536, .fma_ports = 4, .fma_latency = 4, .load_ports = 1, .issue_width = 4,
        .line_bytes = 128, .l1i_bytes = 128 * KIB, .l1_bytes = 256 * KIB, .l2_bytes = 50 * MIB, .l2_cores = 132, .l2_bandwidth = 28,
        .memory_bandwidth = 4300, .memory_all = 4300,                    /* derived: 90 % of 4,800 (makers) */
        .barrier_us = 0.9, .shared_bytes = 228 * KIB, .resident_threads = 2048, .half_rate = 2,
        .sgemm_gflops = 0.9 * 66908,
    },
};
const int machine_count = COUNT(machines);
