/* Usage: promises_test texts                         bad texts are told from good ones
          promises_test layers [COUNT [SEED]]         random layers through every kernel, on every instruction set
          promises_test file TARGET FILE.c ...        what `tulle compile FILE -o -` wrote for the target
   Exit code 77 where there is no libclang. */
#include "../kernels/bench.h"
#include "promises.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Words { int count; char **items; } Words;

static Status told(const Tally *tally)
{
    printf("%d texts: %d functions, %d calls, %d variables of static storage, %d pieces of assembler with %d instructions, %d loops (%d by constants, %d by a share, "
           "%d by tables); %d promises broken\n", tally->texts, tally->functions, tally->calls, tally->statics, tally->assembler, tally->instructions, tally->loops,
           tally->constant, tally->share, tally->table, tally->faults);
    return tally->faults > 0 ? STATUS_MISMATCH : STATUS_FINE;
}

/* ---- texts that break a promise ---- */

#define STAGE "struct tulle_context { const void *const *inputs; void *const *outputs; char *workspace; int slice; };\n" \
              "static const int table[3] = {1, 2, 3};\n"                                                             \
              "static void conv_0(const struct tulle_context *c, int part, int parts)\n{\n"                          \
              "    const long begin = 100L * part / parts, end = 100L * (part + 1) / parts;\n"                       \
              "    const float *x = c->inputs[0]; float *y = c->outputs[0]; (void)x; (void)y; (void)begin; (void)end;\n"

static const struct { const char *says, *text; int faults; } texts[] = {
    {"constants", STAGE "for (int i = 0; i < 10; i++) y[i] = x[i]; }", 0},
    {"a share", STAGE "for (long i = begin; i < end; i += 4) y[i] = x[i]; }", 0},
    {"a const table", STAGE "for (int i = table[part]; i < table[part + 1]; i++) y[i] = x[i]; }", 0},
    {"derived from both", STAGE "for (long k = begin; k < end; k++) { const long n = k * table[1] < 7 ? k : 7; for (long i = 0; i < n; i++) y[i] = x[i]; } }", 0},
    {"a pointer up to another", STAGE "for (const int *p = table, *stop = p + table[2]; p != stop; p++) y[*p] = 0; }", 0},
    {"a local array of constants", STAGE "int most[2] = {3, 4}; most[1] = table[0]; for (int i = 0; i < most[part]; i++) y[i] = 0; }", 0},
    {"halving", "int bits(unsigned n);\nint bits(unsigned n) { int count = 0; for (; n != 0; n >>= 1) count++; return count; }", 0},
    {"a builtin", STAGE "y[0] = __builtin_expf(x[0]); }", 0},
    {"a variable that changes", "static int count;\nint next(void);\nint next(void) { return ++count; }", 1},
    {"a local variable that stays", STAGE "static int runs; y[0] = (float)++runs; }", 1},
    {"a table that may be written", "float weights[2] = {1, 2};", 1},
    {"a pointer that may be turned", "static const float two = 2; static const float *at = &two; float get(void); float get(void) { return *at; }", 1},
    {"a foreign function", "double expm1(double x);\n" STAGE "y[0] = (float)expm1(x[0]); }", 1},
    {"memory", STAGE "char *m = __builtin_malloc(10); y[0] = m[0]; }", 1},
    {"a stack that grows", STAGE "char *m = __builtin_alloca((unsigned long)part); y[0] = m[0]; }", 1},
    {"output", "int puts(const char *);\n" STAGE "puts(\"here\"); }", 1},
    {"a pointer to a function", "typedef void work(void);\nvoid go(work *one);\nvoid go(work *one) { one(); }", 1},
    {"recursion", "static int down(int n) { return n > 0 ? down(n - 1) : 0; } int go(void); int go(void) { return down(3); }", 1},
    {"recursion by two", "static int a(int n); static int b(int n) { return a(n); } static int a(int n) { return n > 0 ? b(n - 1) : 0; } int go(void); int go(void) { return a(3); }", 1},
    {"recursion through a table", "static int a(int n); static int (*const all[])(int) = {a}; static int a(int n) { return n > 0 ? all[0](n - 1) : 0; }\n"
     "int go(void); int go(void) { return a(3); }", 1},
    {"a table of functions", "static int a(int n); static int (*const all[])(int) = {a}; static int a(int n) { int k = 0; for (int i = 0; i < n; i++) k++; return k; }\n"
     "int go(void); int go(void) { return all[0](3); }", 0},
    {"through a table of functions", "static int a(int n); static int (*const all[])(int) = {a}; static int a(int n) { int k = 0; for (int i = 0; i < n; i++) k++; return k; }\n"
     STAGE "y[0] = (float)all[0]((int)x[0]); }", 1},
    {"through memory of another type", STAGE "const int *n = (const int *)(const void *)(x + 3); for (int i = 0; i < n[0]; i++) y[i] = x[i]; }", 1},
    {"a bound from the input", STAGE "const int *n = c->inputs[1]; for (int i = 0; i < n[0]; i++) y[i] = x[i]; }", 1},
    {"a bound from the workspace", STAGE "for (int i = 0; i < *(int *)(void *)(c->workspace + 64); i++) y[i] = x[i]; }", 1},
    {"a bound from a real number", STAGE "for (int i = 0; i < (int)x[0]; i++) y[i] = x[i]; }", 1},
    {"a condition on a real number", STAGE "float r = x[0]; while (r > 1) r = r / 2; y[0] = r; }", 1},
    {"through a variable", STAGE "int n = 3; if (x[0] > 0) n = (int)x[1]; for (int i = 0; i < n; i++) y[i] = x[i]; }", 1},
    {"through a local array", STAGE "int n[2] = {1, 2}; n[1] = (int)x[0]; for (int i = 0; i < n[0]; i++) y[i] = x[i]; }", 1},
    {"through a pointer to it", STAGE "int n = 2, *at = &n; *at = (int)x[0]; for (int i = 0; i < n; i++) y[i] = x[i]; }", 1},
    {"through a parameter", "static void fill(float *y, int n) { for (int i = 0; i < n; i++) y[i] = 0; }\n" STAGE "fill(y, 3); fill(y, (int)x[0]); }", 1},
    {"through a result", "static int count(const float *x) { return (int)x[0]; }\n" STAGE "for (int i = 0; i < count(x); i++) y[i] = 0; }", 1},
    {"through a function that writes", "static void set(int *n, const float *x) { *n = (int)x[0]; }\n" STAGE "int n; set(&n, x); for (int i = 0; i < n; i++) y[i] = 0; }", 1},
    {"a parameter that nobody in sight gives", "void fill(float *y, int n);\nvoid fill(float *y, int n) { for (int i = 0; i < n; i++) y[i] = 0; }", 1},
    {"an endless loop", STAGE "for (;;) y[0]++; }", 1},
    {"a condition that always holds", STAGE "while (1) y[0]++; }", 1},
    {"no step", STAGE "int i = 0; while (i < 10) y[0]++; }", 1},
    {"a limit that runs ahead", STAGE "int n = 10; for (int i = 0; i < n; i++) n++; }", 1},
    {"away from the limit", STAGE "for (int i = 0; i < 10; i--) y[0]++; }", 1},
    {"never below zero", STAGE "for (unsigned i = 10; i >= 0; i--) y[0]++; }", 1},
    {"a limit beyond the counter's type", STAGE "for (unsigned char i = 0; i < 300; i++) y[0]++; }", 1},
    {"over the end of the counter's type", STAGE "for (unsigned char i = 0; i < 255; i += 2) y[0]++; }", 1},
    {"a counter reset through a pointer", STAGE "for (int i = 0; i < 10; i++) { int *p = &i; *p = 0; } }", 1},
    {"a pointer to the counter from before", STAGE "int i, *p = &i; for (i = 0; i < 10; i++) *p = 0; }", 1},
    {"a pointer to a walking pointer", STAGE "for (const int *at = table, *stop = table + 3; at < stop; at++) { const int **p = &at; *p = table; } }", 1},
    {"a counter reset by name", STAGE "for (int i = 0; i < 10; i++) if (i == 9) i = 0; }", 1},
    {"a step that goes back", STAGE "for (int i = 0; i < 10; i++, i--) y[0]++; }", 1},
    {"a step that a turn leaves out", STAGE "int i = 0; while (i < 10) { if (i == 3) continue; i++; } }", 1},
    {"a step under a condition", STAGE "int i = 0; while (i < 10) { if (part) i++; } }", 1},
    {"a step of nothing", STAGE "int n = 0; for (int i = 0; i < 10; i += n) y[0]++; }", 1},
    {"halving of a negative number", STAGE "for (int i = part; i != 0; i >>= 1) y[0]++; }", 1},
    {"halving undone", STAGE "for (unsigned i = 8; i != 0; i >>= 1) i = 8; }", 1},
    {"past an unequal limit", STAGE "for (unsigned i = 1; i != 10; i += 2) y[0]++; }", 1},
    {"a limit in an array that grows", STAGE "int n[1] = {9}; for (int i = 0; i < n[0]; i++) n[0]++; }", 1},
    {"do", STAGE "int i = 0; do y[0]++; while (i < 10); }", 1},
    {"halving down to one", STAGE "for (int i = part; i > 1; i /= 2) y[i] = 0; }", 0},
    {"the loop within goes on", STAGE "long i = begin; while (i < end) { const long stop = i + table[1]; for (; i < stop; i++) y[i] = 0; } }", 0},
    {"a limit that no number of 60 bits is", STAGE "for (long i = 0; i > -0x7fffffffffffffff - 1; i -= 0x7fffffffffffffff) y[0]++; }", 1},
    {"a step in the body", STAGE "int i = 0; while (i < 10) { y[i] = 0; i++; } }", 0},
    {"down to zero", STAGE "for (unsigned i = 10; i > 0; i--) y[i] = 0; }", 0},
    {"one of two conditions", STAGE "for (int i = 0; x[i] > 0 && i < 10; i++) y[i] = 0; }", 1},
    {"either of two conditions", STAGE "int go = 1; for (int i = 0; go && i < 10; i++) go = table[i % 3]; }", 0},
    {"a jump", STAGE "again: y[0]++; if (x[0] > y[0]) goto again; }", 1},
    {"a step from the input", STAGE "for (int i = 0; i < 100; i += (int)x[0]) y[i] = 0; }", 1},
    {"assembler that calls", "__asm__(\".text\\nbody:\\ncall exit\\nret\\n\");", 1},
    {"assembler behind a label", "__asm__(\".text\\nbody: syscall\\nret\\n\");", 1},
    {"assembler in a function", STAGE "__asm__(\"bl exit\"); }", 1},
    {"under a macro's name", "#define NAME down\nstatic int NAME(int n) { static int runs; while (n != 7) n = *&runs; return n > 0 ? NAME(n - 1) : ++runs; }\n"
     "int go(void); int go(void) { return NAME(3); }", 3},
    {"a call of a macro's name", "#define NAME count\nstatic int NAME(const float *x) { return (int)x[0]; }\n" STAGE "for (int i = 0; i < count(x); i++) y[i] = 0; }", 1},
    {"no C", "static int (", 1},
};

static Status check_texts(Context *ctx)
{
    int wrong = 0;
    for (int i = 0; i < COUNT(texts); i++) {
        Tally tally = {0};
        printf("-- %s\n", texts[i].says);
        promises_check(ctx, isa_named("scalar"), "text.c", texts[i].text, strlen(texts[i].text), &tally);
        if (tally.faults != texts[i].faults) {
            printf("WRONG: %d faults, not %d\n", tally.faults, texts[i].faults);
            wrong++;
        }
    }
    printf("%d texts, %d told wrongly\n", COUNT(texts), wrong);
    return wrong > 0 ? STATUS_MISMATCH : STATUS_FINE;
}

/* ---- files ---- */

static void check_file(Context *ctx, const Isa *isa, const char *path, Tally *tally)
{
    const FileView file = file_map(ctx, path);
    const char *text = arena_string(ctx->graph, (const char *)file.data, file.size);
    promises_check(ctx, isa, path, text, file.size, tally);
}

static Status check_files(Context *ctx, const Words *words)
{
    Tally tally = {0};
    const Target *target = target_named(ctx, words->items[2]);
    for (int i = 3; i < words->count; i++)
        check_file(ctx, &target->isa, words->items[i], &tally);
    return told(&tally);
}

/* ---- random layers ---- */

static bool anywhere(void)
{
    return true;
}

static const Platform platforms[] = {
    {"scalar", "scalar", "", "", anywhere}, {"portable", "generic", "", "", anywhere}, {"sse4.2", "generic-sse4.2", "", "", anywhere},
    {"avx2", "generic-avx2", "", "", anywhere}, {"avx512f", "xeon-phi-7250", "", "", anywhere}, {"avx512", "generic-avx512", "", "", anywhere},
    {"avx512-halved", "zen4", "", "", anywhere}, {"neon", "generic-neon", "", "", anywhere}};

/* The header's text in place of the line that takes it in: libclang is shown one text. */
static void check_program(Bench *bench, Tally *tally)
{
    Context *ctx = bench->ctx;
    static const char line[] = "#include \"random.h\"\n";
    const FileView source = file_map(ctx, arena_format(ctx->graph, "%s/random.c", bench->folder)), header = file_map(ctx, arena_format(ctx->graph, "%s/random.h", bench->folder));
    const char *text = arena_string(ctx->graph, (const char *)source.data, source.size), *at = strstr(text, line);
    Text whole = text_new(ctx->graph);
    text_add_bytes(&whole, text, at != NULL ? (size_t)(at - text) : source.size);
    text_add_bytes(&whole, (const char *)header.data, header.size);
    text_add(&whole, at != NULL ? at + sizeof line - 1 : "");
    promises_check(ctx, &bench->target->isa, bench->platform->isa, whole.data, whole.length, tally);
}

static void check_layers(Context *ctx, int layers, uint64_t seed, const Platform *platform, FILE *reached, Tally *tally)
{
    const Options options = {.layers = layers, .tilings = 1, .jobs = 1, .seed = seed};
    Bench bench = {.options = &options, .platform = platform, .first = seed, .layers = layers, .reached = reached, .ctx = ctx};
    bench.target = target_named(ctx, platform->target);
    bench.graph = graph_new(ctx, "random layers");
    bench.folder = scratch_folder(ctx);
    bench_write(&bench);
    check_program(&bench, tally);
}

static Status check_all_layers(Context *ctx, const Words *words)
{
    const int layers = words->count > 2 ? atoi(words->items[2]) : BATCH;
    const uint64_t seed = words->count > 3 ? strtoull(words->items[3], NULL, 10) : 1;
    Tally tally = {0};
    FILE *reached = tmpfile();
    if (reached == NULL)
        return STATUS_USAGE;
    for (int i = 0; i < COUNT(platforms); i++)
        check_layers(ctx, layers < BATCH ? layers : BATCH, seed, &platforms[i], reached, &tally);
    fclose(reached);
    return told(&tally);
}

/* ---- the command ---- */

static Status check(Context *ctx, void *argument)
{
    const Words *words = argument;
    const char *what = words->count > 1 ? words->items[1] : "", *missing = jit_missing(ctx);
    if (missing != NULL) {
        printf("skipped: %s\n", missing);
        return 77;
    }
    if (strcmp(what, "texts") == 0)
        return check_texts(ctx);
    if (strcmp(what, "layers") == 0)
        return check_all_layers(ctx, words);
    if (strcmp(what, "file") == 0 && words->count > 3)
        return check_files(ctx, words);
    fprintf(stderr, "usage: promises_test texts | layers [COUNT [SEED]] | file TARGET FILE.c ...\n");
    return STATUS_USAGE;
}

int main(int argc, char **argv)
{
    Words words = {argc, argv};
    return (int)context_run(check, &words);
}
