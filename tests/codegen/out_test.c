/* Strings, comments and numbers on their way into C: what compilers read back is what went in, whatever the bytes. */
#include "codegen/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#define STRINGS 300

static uint32_t random_state = 7;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(random_state >> 8) * limit) >> 24);
}

/* Bytes that go wrong, in any mixture. */
static size_t nasty(char *bytes, size_t most)
{
    static const char *const pieces[] = {"*/", "/*", "//", "?" "?/", "?" "?", "\\", "\n", "\\\n", "\"", "%s%n", "\r", "\t", "#define x", "*\\\n/",
                                         "\xe2\x80\xae",
                                         "\xff", "7", "?", "*", "/", " ", "int", "\x01", "'", "u8", "R\"(", "\\u0041", "\x7f"};
    size_t length = 0;
    for (int i = (int)random_below(12); i >= 0; i--) {
        const char *piece = pieces[random_below(COUNT(pieces))];
        for (; *piece != '\0' && length < most; piece++)
            bytes[length++] = *piece;
        if (random_below(3) == 0 && length < most)
            bytes[length++] = (char)random_below(256);
    }
    return length;
}

/* Compiles with everything that could object, runs; all must be well. */
static void compile_and_run(Context *ctx, const char *text, const char *extra)
{
    static const char *const compilers[] = {"gcc", "clang-19"};
    const char *folder = scratch_folder(ctx);
    FILE *file = fopen(arena_format(ctx->scratch, "%s/t.c", folder), "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    for (int i = 0; i < COUNT(compilers); i++) {
        const char *command = arena_format(ctx->scratch, "cd %s && %s -Wall -Wextra -Wconversion -Werror %s t.c -o t && ./t", folder, compilers[i],
                                           extra);
        assert_int_equal(system(command), 0);
    }
}

static Status strings_and_comments(Context *ctx, void *argument)
{
    Out out = {.text = text_new(ctx->graph)};
    out_line(&out, "#include <string.h>");
    out_open(&out, "int main(void)");
    for (int i = 0; i < STRINGS; i++) {
        char bytes[64], plain[64 * 4 + 1] = "";
        size_t length = nasty(bytes, sizeof bytes);
        out_comment(&out, "%.*s", (int)length, bytes);
        for (size_t k = 0; k < length; k++)
            sprintf(plain + strlen(plain), "%d,", (signed char)bytes[k]);
        out_line(&out, "static const char a%d[] = %s;", i, out_string(ctx->graph, bytes, length));
        out_line(&out, "static const char b%d[] = {%s0};", i, plain);
        out_line(&out, "if (sizeof a%d != sizeof b%d || memcmp(a%d, b%d, sizeof a%d) != 0)", i, i, i, i, i);
        out_line(&out, "    return 1;");
    }
    out_line(&out, "return 0;");
    out_close(&out, "");
    compile_and_run(ctx, out.text.data, argument);
    return STATUS_FINE;
}

static void any_bytes_survive_as_strings_and_comments(void **state)
{
    (void)state;
    assert_int_equal(context_run(strings_and_comments, (void *)(uintptr_t)"-std=gnu11"), STATUS_FINE);
    assert_int_equal(context_run(strings_and_comments, (void *)(uintptr_t)"-std=c11 -trigraphs"), STATUS_FINE);
}

static double random_number(int i)
{
    static const double special[] = {0,   -0.0,    1,         -1,  0.1,      1e300,     -1e-300, 5e-324,
                                     999999, 1000000, 1e6 + 0.5, 3.5, INFINITY, -INFINITY, 1e-45,   16777217};
    if (i < COUNT(special))
        return special[i];
    union { uint64_t bits; double number; } any = {0};
    for (int part = 0; part < 3; part++)
        any.bits = any.bits << 20 ^ random_below(1u << 24);
    return any.number;
}

static Status numbers(Context *ctx, void *argument)
{
    (void)argument;
    Out out = {.text = text_new(ctx->graph)};
    out_line(&out, "#include <string.h>");
    out_open(&out, "int main(void)");
    out_line(&out, "double d; float f; unsigned long long u; unsigned v;");
    for (int i = 0; i < 500; i++) {
        double number = random_number(i);
        float single = (float)number;
        uint64_t bits;
        uint32_t single_bits;
        if (isnan(number))
            continue;
        memcpy(&bits, &number, sizeof bits);
        memcpy(&single_bits, &single, sizeof single_bits);
        const char *exact = out_float(ctx->graph, number, TYPE_F64), *exact_single = out_float(ctx->graph, (double)single, TYPE_F32);
        out_line(&out, "d = %s; memcpy(&u, &d, sizeof u); if (u != %lluu) return 1;", exact, (unsigned long long)bits);
        out_line(&out, "f = %s; memcpy(&v, &f, sizeof v); if (v != %uu) return 2;", exact_single, single_bits);
    }
    out_line(&out, "d = %s; if (d == d) return 3;", out_float(ctx->graph, NAN, TYPE_F64));
    out_line(&out, "f = %s; if (f == f) return 4;", out_float(ctx->graph, NAN, TYPE_F32));
    out_line(&out, "return 0;");
    out_close(&out, "");
    compile_and_run(ctx, out.text.data, "-std=gnu11");
    return STATUS_FINE;
}

static void numbers_are_exact(void **state)
{
    (void)state;
    assert_int_equal(context_run(numbers, NULL), STATUS_FINE);
}

static Status layout(Context *ctx, void *argument)
{
    (void)argument;
    Out out = {.text = text_new(ctx->graph)};
    out_open(&out, "static int f(int a)");
    out_open(&out, "for (int i = 0; i < %d; i++)", 3);
    out_line(&out, "a += i;");
    out_close(&out, "");
    out_line(&out, "return a;");
    out_close(&out, "");
    out_blank(&out);
    out_open(&out, "static const int t[] =");
    out_line(&out, "1,");
    out_close(&out, ";");
    assert_string_equal(out.text.data, "static int f(int a)\n{\n    for (int i = 0; i < 3; i++) {\n        a += i;\n    }\n    return a;\n}\n\n"
                                       "static const int t[] = {\n    1,\n};\n");
    return STATUS_FINE;
}

static void text_indents_itself(void **state)
{
    (void)state;
    assert_int_equal(context_run(layout, NULL), STATUS_FINE);
}

static Status long_comment(Context *ctx, void *argument)
{
    (void)argument;
    Out out = {.text = text_new(ctx->graph)};
    Text words = text_new(ctx->graph);
    for (int i = 0; i < 200; i++)
        text_add(&words, i % 50 == 49 ? "\nparagraph " : "word ");
    out_comment(&out, "%s", words.data);
    for (const char *line = out.text.data; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 150);
    return STATUS_FINE;
}

static void comments_are_wrapped(void **state)
{
    (void)state;
    assert_int_equal(context_run(long_comment, NULL), STATUS_FINE);
}

/* ---- the vocabulary ---- */

static const char vocabulary[] = "#include <vectors.h>\n"
                                 "typedef int v_float;\n"
                                 "/* op: v_one */\n"
                                 "int v_one(void);\n"
                                 "/* end */\n"
                                 "/* op: v_two */\n"
                                 "/* needs: v_one */\n"
                                 "int v_two(void); /* calls v_one */\n"
                                 "/* end */\n"
                                 "/* between */\n"
                                 "/* op: v_twofold */\n"
                                 "/* needs: v_two */\n"
                                 "int v_twofold(void);\n"
                                 "/* end */\n"
                                 "/* op: v_other */\n"
                                 "int v_other(void);\n"
                                 "/* end */\n";

static Status cut(Context *ctx, void *argument)
{
    (void)argument;
    const char *const nothing[] = {"int x = v_onee + xv_one + v_;", ""};
    assert_string_equal(vocabulary_used(ctx->graph, vocabulary, nothing, 2), "");
    const char *const two[] = {"", "x = v_two();"};
    assert_string_equal(vocabulary_used(ctx->graph, vocabulary, two, 2),
                        "#include <vectors.h>\ntypedef int v_float;\nint v_one(void);\nint v_two(void); /* calls v_one */\n");
    const char *const fold[] = {"v_twofold", "v_other"};
    assert_string_equal(vocabulary_used(ctx->graph, vocabulary, fold, 2),
                        "#include <vectors.h>\ntypedef int v_float;\nint v_one(void);\nint v_two(void); /* calls v_one */\nint v_twofold(void);\n"
                        "int v_other(void);\n");
    return STATUS_FINE;
}

static void only_what_is_used_is_cut_out(void **state)
{
    (void)state;
    assert_int_equal(context_run(cut, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bytes_survive_as_strings_and_comments),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(text_indents_itself),
        cmocka_unit_test(comments_are_wrapped),
        cmocka_unit_test(only_what_is_used_is_cut_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
