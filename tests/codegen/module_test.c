/* Whole programs: written, compiled by both compilers with every warning an error, loaded, and compared with the reference bit by bit. */
#include "harness.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

static const char network[] =
    "graph \"network\"\n"
    "input %x : f32[2,3,9,7]\n"
    "const %w : f32[4,3,1,1] = 1 0 -0.5   0 2 0   0.25 0 0   3 0 1\n"
    "const %b : f32[4] = 0.5 0 -1 2\n"
    "const %k : f32[4,1,3,3] = 1 0 1 0 2 0 1 0 1  0 1 0 1 0 1 0 1 0  -1 -1 -1 0 0 0 1 1 1  0.5 0 0 0 0.5 0 0 0 0.5\n"
    "const %g : f32[3,4] = 1 0 0 2  0 -1 0.5 0  0.125 0 3 0\n"
    "%c : ? = Conv(%x, %w, %b) {strides=[1,1]} \"first\"\n"
    "%r : ? = LeakyRelu(%c) {alpha=0.1} \"act\"\n"
    "%d : ? = Conv(%r, %k) {group=4, pads=[1,1,1,1]} \"second\"\n"
    "%s : ? = Add(%d, %c) \"sum\"\n"
    "%t : ? = Sigmoid(%s)\n"
    "%p, %i : ? = MaxPool(%t) {kernel_shape=[2,2], strides=[2,2], ceil_mode=1} \"pool\"\n"
    "%m : ? = Concat(%p, %p) {axis=1}\n"
    "%n : ? = ReduceMean(%m, _) {keepdims=0} \"mean\"\n"
    "%v : ? = GlobalAveragePool(%p)\n"
    "%f : ? = Flatten(%v)\n"
    "%y : ? = Gemm(%f, %g) {transB=1} \"classify\"\n"
    "%z : ? = Softmax(%y) {axis=1} \"probabilities\"\n"
    "output %z\noutput %n\noutput %i\noutput %f\n";

static const char wholes[] =
    "graph \"wholes\"\n"
    "input %a : i64[3,4]\n"
    "input %b : i64[4]\n"
    "input %q : bool[3,4]\n"
    "%s : ? = Add(%a, %b)\n"
    "%t : ? = Where(%q, %s, %a)\n"
    "%u : ? = Transpose(%t) {perm=[1,0]}\n"
    "%c : ? = Cast(%u) {to=1}\n"
    "%l, %r : ? = Split(%c) {axis=0, split=[1,3]}\n"
    "output %u\noutput %l\noutput %r\noutput %q\n";

/* Parts without elements, parts that nobody asks for. */
static const char pieces[] =
    "graph \"parts\"\n"
    "input %x : f32[7,5]\n"
    "input %e : f32[0,5]\n"
    "%a, %b, %c : ? = Split(%x) {axis=0, split=[0,7,0]}\n"
    "%d, _, %f : ? = Split(%x) {axis=1, split=[1,3,1]}\n"
    "%g : ? = Concat(%d, %f, %b, %x) {axis=1}\n"
    "%h : ? = Concat(%e, %e) {axis=1}\n"
    "input %m : f32[2,0]\n"
    "const %w : f32[0,3] =\n"
    "const %u : f32[1,5] = 1 2 3 4 5\n"
    "%p : ? = MatMul(%m, %w)\n"
    "%s : ? = Mul(%e, %u)\n"
    "output %p\noutput %s\n"
    "output %a\noutput %b\noutput %g\noutput %h\noutput %c\n";

static const char nothing[] = "graph \"nothing\"\ninput %x : f32[2]\ninput %none : f32[0,3]\nconst %k : f32[2] = 1 2\n"
                              "%e : ? = Relu(%none)\noutput %x\noutput %k\noutput %e\n";

static const char *const graphs[] = {network, wholes, pieces, nothing};

/* ---- results ---- */

static Status compare(Context *ctx, void *argument)
{
    static const char *const compilers[] = {"gcc", "clang-19"}, *const flags[] = {"-O2 -fopenmp", "-O0"};
    const char *folder = harness_folder(ctx, "compare");
    harness_write(ctx, argument, "scalar", folder, "net", false);
    for (int c = 0; c < COUNT(compilers); c++)
        for (int f = 0; f < COUNT(flags); f++) {
            Program program = harness_load(ctx, compilers[c], flags[f], folder, "net");
            Buffers inputs = harness_inputs(ctx, program.model, 5), right = harness_reference(ctx, argument, &inputs);
            for (int threads = 1; threads <= 3; threads++) {
                Buffers outputs = harness_run(ctx, &program, &inputs, threads);
                harness_expect_same(&outputs, &right);
            }
        }
    return STATUS_FINE;
}

static void programs_compute_what_the_reference_does(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(graphs); i++)
        assert_int_equal(context_run(compare, (void *)(uintptr_t)graphs[i]), STATUS_FINE);
}

static Status warnings(Context *ctx, void *argument)
{
    static const char *const targets[] = {"scalar", "generic"};
    (void)argument;
    for (int t = 0; t < COUNT(targets); t++) {
        const char *folder = harness_folder(ctx, targets[t]);
        harness_write(ctx, network, targets[t], folder, "net", false);
        for (int level = 0; level <= 3; level++)
            harness_command(ctx, "cd %s && for cc in gcc clang-19; do "
                                 "$cc -std=gnu11 -O%d -Wall -Wextra -Wconversion -Werror -c net.c -o net.o || exit 1; done", folder, level);
    }
    return STATUS_FINE;
}

static void programs_are_clean_at_every_level(void **state)
{
    (void)state;
    assert_int_equal(context_run(warnings, NULL), STATUS_FINE);
}

/* A pool of the caller's own: parts of a stage in any order, any number of them. */
static Buffers run_by_hand(Context *ctx, const struct tulle_model *model, const Buffers *inputs, int parts)
{
    Buffers outputs = {.count = model->output_count};
    char *workspace = aligned_alloc(TULLE_ALIGNMENT, model->workspace_bytes + (size_t)parts * model->thread_bytes);
    for (int i = 0; i < model->output_count; i++) {
        outputs.bytes[i] = model->outputs[i].bytes;
        outputs.data[i] = arena_alloc(ctx->graph, outputs.bytes[i] + 1, 1);
    }
    struct tulle_context context = {(const void *const *)inputs->data, outputs.data, workspace, 0};
    assert_int_equal(model->check(&context), TULLE_OK);
    for (int stage = 0; stage < model->stage_count; stage++)
        for (int part = parts - 1; part >= 0; part--)
            model->stages[stage](&context, part, parts);
    free(workspace);
    return outputs;
}

static Status by_hand(Context *ctx, void *argument)
{
    const char *folder = harness_folder(ctx, "hand"), *target = argument;
    harness_write(ctx, network, target, folder, "net", false);
    Program program = harness_load(ctx, "gcc", "-O2", folder, "net");
    Buffers inputs = harness_inputs(ctx, program.model, 8), right = harness_run(ctx, &program, &inputs, 1);
    for (int parts = 1; parts < 40; parts += 6) {
        Buffers outputs = run_by_hand(ctx, program.model, &inputs, parts);
        harness_expect_same(&outputs, &right);
    }
    return STATUS_FINE;
}

static void stages_can_be_driven_by_hand(void **state)
{
    (void)state;
    assert_int_equal(context_run(by_hand, (void *)(uintptr_t)"scalar"), STATUS_FINE);
    assert_int_equal(context_run(by_hand, (void *)(uintptr_t)"generic"), STATUS_FINE);
}

/* ---- the same text everywhere ---- */

/* A locale whose decimal point is a comma, made on the spot; false if that cannot be done here. */
static bool comma_locale(Context *ctx)
{
    const char *folder = harness_folder(ctx, "locale");
    const char *command = arena_format(ctx->graph, "cd %s && "
        "printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \".\"\\ngrouping 3;3\\nEND LC_NUMERIC\\n' >comma && "
        "localedef -c -i comma -f ANSI_X3.4-1968 ./xx_XX >log 2>&1; test -e xx_XX/LC_NUMERIC", folder);
    return system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_ALL, "xx_XX") != NULL;
}

static Status same_text(Context *ctx, void *argument)
{
    (void)argument;
    const char *one = harness_folder(ctx, "one"), *other = harness_folder(ctx, "another, with blanks");
    const Plan *plan = harness_plan(ctx, network, "native"), *again = harness_plan(ctx, network, "native");
    harness_write_plan(ctx, plan, one, "net", false);
    bool made = comma_locale(ctx);
    if (!made)
        print_message("no other locale here: compared in another folder only\n");
    char number[16];
    snprintf(number, sizeof number, "%.1f", 0.5);
    assert_string_equal(number, made ? "0,5" : "0.5");
    harness_write_plan(ctx, again, other, "net", false);
    setlocale(LC_ALL, "C");
    harness_command(ctx, "cd %s && for f in net.c net.h; do cmp $f \"%s/$f\" || exit 1; done; ! grep -n '%s' net.c net.h", one, other, one);
    return STATUS_FINE;
}

static void text_does_not_depend_on_folder_or_locale(void **state)
{
    (void)state;
    assert_int_equal(context_run(same_text, NULL), STATUS_FINE);
}

/* ---- beside others ---- */

static const char two_models[] = "#include \"alpha.h\"\n#include \"beta.h\"\n"
    "#ifdef __cplusplus\n#include <cstdio>\n#else\n#include <stdio.h>\n#endif\n"
    "alignas(64) static char workspace_a[ALPHA_WORKSPACE_BYTES(2)], workspace_b[BETA_WORKSPACE_BYTES(2)];\n"
    "static ALPHA_INPUT_0_TYPE x[ALPHA_INPUT_0_COUNT];\n"
    "static ALPHA_OUTPUT_0_TYPE z[ALPHA_OUTPUT_0_COUNT];\n"
    "static long long whole[2][12]; static float rest[12];\n"
    "int main(void)\n{\n"
    "    static float n[64]; static long long i[1024]; static float f[64];\n"
    "    static const int shape[] = ALPHA_INPUT_0_SHAPE;\n"
    "    const void *ins[] = {x}; void *outs[] = {z, n, i, f};\n"
    "    const void *wins[] = {whole[0], whole[1], rest}; void *wouts[] = {whole[0] + 0, rest, rest, rest};\n"
    "    static long long u[12]; static float l[3], r[9]; static unsigned char q[12]; wouts[0] = u; wouts[1] = l; wouts[2] = r; wouts[3] = q;\n"
    "    if (ALPHA_OUTPUT_COUNT != 4 || BETA_INPUT_COUNT != 3 || ALPHA_INPUT_0_RANK != 4 || shape[1] != 3) return 1;\n"
    "    if (alpha_run(ins, outs, workspace_a, sizeof workspace_a, 2) != TULLE_OK) return 2;\n"
    "    if (beta_run(wins, wouts, workspace_b, sizeof workspace_b, 2) != TULLE_OK) return 3;\n"
    "    double seconds[100], all = 0;\n"
    "    if (tulle_profile(alpha_model(), ins, outs, workspace_a, tulle_workspace_bytes(alpha_model(), 2), 2, seconds) != TULLE_OK) return 4;\n"
    "    for (int s = 0; s < alpha_model()->stage_count; s++) { if (seconds[s] < 0) return 5; all += seconds[s]; }\n"
    "    return all > 0 && all < 10 && z[0] + z[1] + z[2] > 0.999f && z[0] + z[1] + z[2] < 1.001f ? 0 : 6;\n"
    "}\n";

static Status together(Context *ctx, void *argument)
{
    (void)argument;
    const char *folder = harness_folder(ctx, "together");
    harness_write(ctx, network, "scalar", folder, "alpha", true);
    harness_write(ctx, wholes, "scalar", folder, "beta", false);
    FILE *file = fopen(arena_format(ctx->graph, "%s/main.c", folder), "wb");
    fprintf(file, "#ifndef __cplusplus\n#include <stdalign.h>\n#endif\n%s", two_models);
    fclose(file);
    harness_command(ctx, "cd %s && cp main.c main.cc && gcc -std=gnu11 -O1 -fopenmp -Wall -Wextra -Wconversion -Werror -c alpha.c beta.c %s/tulle.c",
                    folder, harness_runtime_folder);
    harness_command(ctx, "cd %s && gcc -std=c11 -Wall -Wextra -Werror main.c alpha.o beta.o tulle.o -fopenmp -lm -o c && ./c", folder);
    harness_command(ctx, "cd %s && g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror main.cc alpha.o beta.o tulle.o -fopenmp -lm -o cc && ./cc",
                    folder);
    harness_command(ctx, "cd %s && clang++-19 -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only main.cc", folder);
    harness_command(ctx, "cd %s && test \"$(nm -g --defined-only alpha.o | awk '{print $3}' | sort | tr '\\n' ' ')\" = 'alpha_model alpha_run '",
                    folder);
    /* of the C library, the mathematical functions and what compilers make of loops */
    harness_command(ctx, "cd %s && gcc -std=gnu11 -O2 -c alpha.c beta.c && ! nm -u alpha.o beta.o | "
                         "grep -vE '^$|:$|U (mem(cpy|set|move)|exp|expm1|log|log1p|tanh|_GLOBAL_OFFSET_TABLE_)$'", folder);
    harness_command(ctx, "cd %s && gcc -fsanitize=address,undefined -fno-sanitize-recover=all -I%s main.c alpha.c beta.c %s/tulle.c -lm -o own &&"
                         " ./own", folder, harness_runtime_folder, harness_runtime_folder);
    /* serial, from the sources alone */
    harness_command(ctx, "cd %s && gcc -std=gnu11 -I%s main.c alpha.c beta.c %s/tulle.c -lm -o own && ./own", folder, harness_runtime_folder,
                    harness_runtime_folder);
    return STATUS_FINE;
}

static void several_models_and_languages_meet(void **state)
{
    (void)state;
    assert_int_equal(context_run(together, NULL), STATUS_FINE);
}

/* ---- weights ---- */

/* More than 1 MB of them, with every byte value, unaligned lengths, and a constant that two layers share. */
static const char *many_weights(Arena *arena)
{
    Text text = text_new(arena);
    text_add(&text, "graph \"many\"\ninput %x : f32[1,600]\nconst %w : f32[600,600] = hex ");
    uint32_t state = 99;
    for (int i = 0; i < 600 * 600; i++) {
        state = state * 1664525u + 1013904223u;
        text_format(&text, "%06x%02x", state >> 8, 0x3d + (state >> 9 & 1) * 0x80);
    }
    text_add(&text, "\nconst %b : f32[3] = 1 2 3\n"
                    "%h : ? = MatMul(%x, %w)\n%i : ? = Tanh(%h)\n%j : ? = MatMul(%i, %w)\n"
                    "%k : ? = Reshape(%j) {shape=[200,3]}\n%y : ? = Add(%k, %b)\noutput %y\n");
    return text.data;
}

static Status weigh(Context *ctx, void *argument)
{
    (void)argument;
    const char *text = many_weights(ctx->graph), *folder = harness_folder(ctx, "weigh");
    Buffers inputs = {0}, right = {0};
    for (int single = 0; single < 2; single++) {
        const char *prefix = single ? "one" : "two";
        harness_write(ctx, text, "scalar", folder, prefix, single != 0);
        harness_command(ctx, "cd %s && test %s -e %s.weights", folder, single ? "!" : "", prefix);
        for (int c = 0; c < 2; c++) {
            Program program = harness_load(ctx, c ? "clang-19" : "gcc", "-O1", folder, prefix);
            if (inputs.count == 0) {
                inputs = harness_inputs(ctx, program.model, 3);
                right = harness_reference(ctx, text, &inputs);
            }
            Buffers outputs = harness_run(ctx, &program, &inputs, 1);
            harness_expect_same(&outputs, &right);
        }
    }
    /* the shared matrix once, and the bias behind it */
    harness_command(ctx, "cd %s && test $(stat -c %%s two.weights) -eq %d", folder, 600 * 600 * 4 + 12);
    /* the weights are seen by the linker, but not beyond the program or library that they are linked into */
    harness_command(ctx, "cd %s && test \"$(nm -D --defined-only two*.so | awk '{print $3}' | grep '^two_' | sort -u | tr '\\n' ' ')\" = "
                         "'two_model two_run '", folder);
    return STATUS_FINE;
}

static void weights_are_a_file_or_a_literal(void **state)
{
    (void)state;
    assert_int_equal(context_run(weigh, NULL), STATUS_FINE);
}

/* ---- what callers do wrong ---- */

static Status misuse(Context *ctx, void *argument)
{
    (void)argument;
    const char *folder = harness_folder(ctx, "misuse");
    harness_write(ctx, nothing, "scalar", folder, "net", false);
    Program program = harness_load(ctx, "gcc", "-O1 -fopenmp", folder, "net");
    float x[2] = {3, 4}, y[2], k[2];
    const void *inputs[] = {x, NULL}, *absent[] = {NULL, NULL};     /* nothing is needed for a tensor without elements */
    void *outputs[] = {y, k, NULL}, *lacking[] = {y, NULL, NULL};
    _Alignas(64) char workspace[256];
    size_t bytes = program.model->workspace_bytes + 2 * program.model->thread_bytes;
    assert_true(bytes >= 64 && bytes <= sizeof workspace);
    assert_int_equal(program.run(inputs, outputs, workspace, bytes, 2), TULLE_OK);
    assert_true(y[0] == 3 && y[1] == 4 && k[0] == 1 && k[1] == 2);
    assert_int_equal(program.run(absent, outputs, workspace, bytes, 2), TULLE_NULL_POINTER);
    assert_int_equal(program.run(NULL, outputs, workspace, bytes, 2), TULLE_NULL_POINTER);
    assert_int_equal(program.run(inputs, lacking, workspace, bytes, 2), TULLE_NULL_POINTER);
    assert_int_equal(program.run(inputs, NULL, workspace, bytes, 2), TULLE_NULL_POINTER);
    assert_int_equal(program.run(inputs, outputs, NULL, bytes, 2), TULLE_NULL_POINTER);
    assert_int_equal(program.run(inputs, outputs, workspace, program.model->workspace_bytes - 1, 2), TULLE_SMALL_WORKSPACE);
    assert_int_equal(program.run(inputs, outputs, workspace + 8, bytes, 2), TULLE_SMALL_WORKSPACE);
    assert_int_equal(program.run(inputs, outputs, workspace, bytes, 0), TULLE_BAD_THREADS);
    return STATUS_FINE;
}

static void misuse_is_told_by_a_status(void **state)
{
    (void)state;
    assert_int_equal(context_run(misuse, NULL), STATUS_FINE);
}

static const char assuming[] = "graph \"assuming\"\n"
                               "input %x : f32[2,3]\n"
                               "input %s : i64[2]\n"
                               "input %f : f32[3]\n"
                               "%y : f32[3,2] = Reshape(%x) {shape=[3,2]}\n"
                               "output %y\n"
                               "assume %s 2 = 3 2 -1 -1\n"
                               "assume %f 1 = 1.5 -0.0 inf\n";

static Status assume(Context *ctx, void *argument)
{
    (void)argument;
    const char *folder = harness_folder(ctx, "assume");
    harness_write(ctx, assuming, "scalar", folder, "net", false);
    Program program = harness_load(ctx, "clang-19", "-O2", folder, "net");
    static const struct { int64_t s[2]; float f[3]; int status; } cases[] = {
        {{3, 2}, {1.5f, 0, __builtin_inff()}, TULLE_OK},
        {{-1, 2}, {1.5f, 0, __builtin_inff()}, TULLE_OK},
        {{3, -1}, {1.5f, -0.0f, __builtin_inff()}, TULLE_OK},
        {{2, 3}, {1.5f, 0, __builtin_inff()}, TULLE_ASSUMED_INPUT},
        {{3, 1}, {1.5f, 0, __builtin_inff()}, TULLE_ASSUMED_INPUT},
        {{3, 2}, {1.5f, 0, 3}, TULLE_ASSUMED_INPUT},
    };
    float x[6] = {1, 2, 3, 4, 5, 6};
    for (int i = 0; i < COUNT(cases); i++) {
        float y[6] = {0};
        _Alignas(64) char workspace[256];
        const void *inputs[] = {x, cases[i].s, cases[i].f};
        assert_int_equal(program.run(inputs, (void *[]){y}, workspace, sizeof workspace, 1), cases[i].status);
        assert_int_equal(y[5] == 6, cases[i].status == TULLE_OK);
    }
    return STATUS_FINE;
}

static void assumed_inputs_are_compared(void **state)
{
    (void)state;
    assert_int_equal(context_run(assume, NULL), STATUS_FINE);
}

/* ---- names from strangers ---- */

static const char hostile[] = "graph \"*/ int main; /*\\x0a#error \\x22 ?" "?/ \\x5c\"\n"
                              "input %\"*/ #include <x>\\x0a\" : f32[4]\n"
                              "%\"int\" : ? = Tanh(%\"*/ #include <x>\\x0a\") \"\\x5c\\x22); system(\\x22\"\n"
                              "%\"?" "?/\\xe2\\x80\\xae\" : ? = Exp(%\"int\") \"*\\x5c\\x0a/\"\n"
                              "output %\"?" "?/\\xe2\\x80\\xae\"\n";

static Status strange_names(Context *ctx, void *argument)
{
    (void)argument;
    const char *folder = harness_folder(ctx, "names");
    harness_write(ctx, hostile, "scalar", folder, "net", true);
    for (int c = 0; c < 2; c++) {
        Program program = harness_load(ctx, c ? "clang-19" : "gcc", "-O1 -trigraphs", folder, "net");
        assert_string_equal(program.model->inputs[0].name, "*/ #include <x>\n");
        assert_string_equal(program.model->outputs[0].name, "?" "?/\xe2\x80\xae");
        assert_string_equal(program.model->layers[0].name, "\\\"); system(\"");
        assert_string_equal(program.model->name, "*/ int main; /*\n#error \" ?" "?/ \\");
    }
    return STATUS_FINE;
}

static void names_stay_data(void **state)
{
    (void)state;
    assert_int_equal(context_run(strange_names, NULL), STATUS_FINE);
}

static Status bad_prefix(Context *ctx, void *argument)
{
    harness_write(ctx, nothing, "scalar", harness_folder(ctx, "prefix"), argument, false);
    return STATUS_FINE;
}

static void prefixes_must_be_names(void **state)
{
    static const char *const bad[] = {"", "1a", "a-b", "a b", "tulle", "program", "ref", "\xc3\xa4"};
    (void)state;
    for (int i = 0; i < COUNT(bad); i++)
        assert_int_equal(context_run(bad_prefix, (void *)(uintptr_t)bad[i]), STATUS_USAGE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_compute_what_the_reference_does),
        cmocka_unit_test(programs_are_clean_at_every_level),
        cmocka_unit_test(stages_can_be_driven_by_hand),
        cmocka_unit_test(text_does_not_depend_on_folder_or_locale),
        cmocka_unit_test(several_models_and_languages_meet),
        cmocka_unit_test(weights_are_a_file_or_a_literal),
        cmocka_unit_test(misuse_is_told_by_a_status),
        cmocka_unit_test(assumed_inputs_are_compared),
        cmocka_unit_test(names_stay_data),
        cmocka_unit_test(prefixes_must_be_names),
    };
    if (argc != 2)
        return 2;
    harness_runtime_folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
