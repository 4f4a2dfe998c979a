/* libtulle as a program uses it: through its header and its shared object alone. */
#include "compiler/library/tulle_guide.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char conv[512], large[512];
static const struct tulle_guide_setting machine = {.target = "generic-avx2", .threads = 2};

/* ---- what is said on the way ---- */

static int saved[2];
static FILE *captured[2];

static int capture(void **state)
{
    (void)state;
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        captured[i] = tmpfile();
        saved[i] = dup(i + 1);
        dup2(fileno(captured[i]), i + 1);
    }
    return 0;
}

static int check_silence(void **state)
{
    (void)state;
    long said = 0;
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        said += lseek(i + 1, 0, SEEK_END);
        dup2(saved[i], i + 1);
        close(saved[i]);
        fclose(captured[i]);
    }
    return said != 0;
}

/* ---- tests ---- */

static char *ask_once(const char *model, const struct tulle_guide_question *question)
{
    char *json, *error;
    assert_int_equal(tulle_guide_once(model, &machine, question, &json, &error), TULLE_GUIDE_FINE);
    assert_null(error);
    return json;
}

static void one_question_is_answered(void **state)
{
    (void)state;
    const struct tulle_guide_density densities[] = {{"product", 0.01}};
    char *json = ask_once(large, NULL), *pruned = ask_once(large, &(struct tulle_guide_question){.densities = densities, .density_count = 1});
    assert_non_null(strstr(json, "\"threads\": 2"));
    assert_non_null(strstr(json, "\"projection\": null"));
    assert_non_null(strstr(json, "\"name\": \"product\""));
    assert_non_null(strstr(pruned, "\"density\": 0.01"));
    assert_non_null(strstr(pruned, "a projection"));
    tulle_guide_free(json);
    tulle_guide_free(pruned);
}

static void a_model_is_read_once_and_asked_often(void **state)
{
    (void)state;
    struct tulle_guide *guide;
    char *first = NULL, *json, *error;
    assert_int_equal(tulle_guide_open(large, &machine, &guide, &error), TULLE_GUIDE_FINE);
    for (int i = 0; i < 20; i++) {
        const struct tulle_guide_density densities[] = {{"product", 0.5 / (i + 1)}};
        const struct tulle_guide_question question = {.densities = densities, .density_count = i % 2, .max_ms = i % 3 * 0.01};
        assert_int_equal(tulle_guide_ask(guide, &question, &json, &error), TULLE_GUIDE_FINE);
        if (i == 0)
            first = json;
        else
            tulle_guide_free(json);
    }
    assert_int_equal(tulle_guide_ask(guide, NULL, &json, NULL), TULLE_GUIDE_FINE);
    assert_string_equal(json, first);
    char *once = ask_once(large, NULL);
    assert_string_equal(json, once);
    tulle_guide_free(once);
    tulle_guide_free(json);
    tulle_guide_free(first);
    tulle_guide_close(guide);
    tulle_guide_close(NULL);
}

static void expect_error(int expected, int status, char *json, char *error, const char *words)
{
    assert_int_equal(status, expected);
    assert_null(json);
    assert_non_null(error);
    if (!strstr(error, words))
        fail_msg("no '%s' in: %s", words, error);
    tulle_guide_free(error);
}

static void faults_are_told_as_text(void **state)
{
    (void)state;
    const struct { const char *model; struct tulle_guide_setting setting; const char *layer; double density; int status; const char *words; } cases[] = {
        {"/nowhere.onnx", {.target = "generic-avx2"}, NULL, 0, TULLE_GUIDE_BAD_MODEL, "No such file"},
        {conv, {.target = "generic-avx"}, NULL, 0, TULLE_GUIDE_WRONG_USE, "did you mean 'generic-avx2'"},
        {conv, {.target = "generic-avx2", .formula = "papers"}, NULL, 0, TULLE_GUIDE_WRONG_USE, "'counts' and 'paper'"},
        {conv, {.target = "generic-avx2", .target_file = "x"}, NULL, 0, TULLE_GUIDE_WRONG_USE, "two machines"},
        {conv, {.target = "generic-avx2", .threads = -1}, NULL, 0, TULLE_GUIDE_WRONG_USE, "from 0 on"},
        {conv, {.target = "generic-avx2"}, "conv2", 0.5, TULLE_GUIDE_WRONG_USE, "did you mean 'conv1'"},
        {conv, {.target = "generic-avx2"}, "conv1", 1.5, TULLE_GUIDE_WRONG_USE, "at most 1"},
        {conv, {.target = "generic-avx2"}, "conv1", 0, TULLE_GUIDE_WRONG_USE, "above 0"},
        {NULL, {.target = "generic-avx2"}, NULL, 0, TULLE_GUIDE_WRONG_USE, "path is needed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tulle_guide_density density = {cases[i].layer, cases[i].density};
        const struct tulle_guide_question question = {.densities = &density, .density_count = cases[i].layer != NULL};
        char *json, *error;
        const int status = tulle_guide_once(cases[i].model, &cases[i].setting, &question, &json, &error);
        expect_error(cases[i].status, status, json, error, cases[i].words);
    }
}

static void a_guide_goes_on_after_a_fault(void **state)
{
    (void)state;
    struct tulle_guide *guide;
    char *json, *error;
    assert_int_equal(tulle_guide_open(conv, &machine, &guide, NULL), TULLE_GUIDE_FINE);
    const char *const keep[] = {"conv7"};
    int status = tulle_guide_ask(guide, &(struct tulle_guide_question){.max_ms = 1, .keep = keep, .keep_count = 1}, &json, &error);
    expect_error(TULLE_GUIDE_WRONG_USE, status, json, error, "did you mean 'conv1'");
    status = tulle_guide_ask(guide, &(struct tulle_guide_question){.density_count = 1}, &json, &error);
    expect_error(TULLE_GUIDE_WRONG_USE, status, json, error, "nothing is counted");
    const struct tulle_guide_density twice[] = {{"conv1", 0.5}, {"conv1", 0.4}};
    status = tulle_guide_ask(guide, &(struct tulle_guide_question){.densities = twice, .density_count = 2}, &json, &error);
    expect_error(TULLE_GUIDE_WRONG_USE, status, json, error, "two densities");
    assert_int_equal(tulle_guide_ask(guide, &(struct tulle_guide_question){.max_megabytes = -1}, &json, NULL), TULLE_GUIDE_WRONG_USE);
    assert_int_equal(tulle_guide_ask(guide, NULL, &json, &error), TULLE_GUIDE_FINE);
    tulle_guide_free(json);
    tulle_guide_close(guide);
}

static void the_program_s_locale_does_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    char *before = ask_once(conv, NULL);
    bool set = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !set; i++)
        set = setlocale(LC_ALL, names[i]) != NULL;
    char *after = ask_once(conv, NULL);
    setlocale(LC_ALL, "C");
    assert_string_equal(before, after);
    tulle_guide_free(before);
    tulle_guide_free(after);
    if (!set)
        skip();                      /* there is no locale here that writes 0,5 */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_question_is_answered, capture, check_silence),
        cmocka_unit_test_setup_teardown(a_model_is_read_once_and_asked_often, capture, check_silence),
        cmocka_unit_test_setup_teardown(faults_are_told_as_text, capture, check_silence),
        cmocka_unit_test_setup_teardown(a_guide_goes_on_after_a_fault, capture, check_silence),
        cmocka_unit_test_setup_teardown(the_program_s_locale_does_not_matter, capture, check_silence),
    };
    if (argc != 2)
        return 1;
    snprintf(conv, sizeof conv, "%s/conv.onnx", argv[1]);
    snprintf(large, sizeof large, "%s/large.onnx", argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
