/* The tables of machines and instruction sets, the probe, and what is said to those who ask for a machine we do not know. */
#include "targets/targets.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

static Status every_machine_has_an_instruction_set(Context *ctx, void *nothing)
{
    (void)nothing;
    for (int i = 0; i < machine_count; i++) {
        const Target *target = target_named(ctx, machines[i].name);
        assert_string_equal(target->machine.name, machines[i].name);
        assert_string_equal(target->isa.name, machines[i].isa);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(machines[i].name, machines[j].name);
    }
    return STATUS_FINE;
}

static Status vocabularies_end_with_the_functions_in_their_words(Context *ctx, void *nothing)
{
    (void)nothing;
    for (int i = 0; i < machine_count; i++) {
        const Isa *isa = &target_named(ctx, machines[i].name)->isa;
        if (isa->gpu)
            continue;
        if (strcmp(isa->name, "scalar") == 0) {
            assert_null(isa->vocabulary);
            continue;
        }
        const char *first = strstr(isa->vocabulary, "/* op: v_load */"), *last = strstr(isa->vocabulary, "/* op: v_exp */");
        assert_non_null(first);
        assert_true(last > first);
        assert_int_equal(isa->vector_bytes % 16, 0);
    }
    return STATUS_FINE;
}

static Status native_is_probed(Context *ctx, void *nothing)
{
    (void)nothing;
    const Target *target = target_named(ctx, "native");
    assert_string_equal(target->machine.name, "native");
    assert_int_equal(target->machine.cores, sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(target->machine.ghz >= 0 && target->machine.ghz < 10);
    assert_true(target->machine.l1_bytes <= target->machine.l2_bytes || target->machine.l2_bytes == 0);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        assert_true(target->isa.vector_bytes >= 32);
    assert_string_not_equal(target->isa.name, "neon");
#endif
    return STATUS_FINE;
}

static Status unknown(Context *ctx, void *name)
{
    target_named(ctx, name);
    return STATUS_FINE;
}

/* Runs with stderr in a file; the file's text. */
static void expect_refusal(const char *name, const char *hint)
{
    char path[] = "/tmp/tulle-targets-XXXXXX", text[1024] = "";
    const int file = mkstemp(path), before = dup(STDERR_FILENO);
    assert_true(file >= 0 && before >= 0);
    fflush(stderr);
    dup2(file, STDERR_FILENO);
    const Status status = context_run(unknown, (void *)(uintptr_t)name);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    assert_true(pread(file, text, sizeof text - 1, 0) > 0);
    close(file);
    close(before);
    unlink(path);
    assert_int_equal(status, STATUS_USAGE);
    assert_non_null(strstr(text, hint));
}

static void unknown_names_are_answered_with_the_nearest(void **state)
{
    (void)state;
    expect_refusal("generic-avx51", "did you mean 'generic-avx512'?");
    expect_refusal("nativ", "did you mean 'native'?");
    expect_refusal("zzzzzzzzzzzzzzzz", "tulle targets");
}

#define IN_CONTEXT(name) \
    static void test_##name(void **state) \
    { \
        (void)state; \
        assert_int_equal(context_run(name, NULL), STATUS_FINE); \
    }
IN_CONTEXT(every_machine_has_an_instruction_set)
IN_CONTEXT(vocabularies_end_with_the_functions_in_their_words)
IN_CONTEXT(native_is_probed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_machine_has_an_instruction_set),
        cmocka_unit_test(test_vocabularies_end_with_the_functions_in_their_words),
        cmocka_unit_test(test_native_is_probed),
        cmocka_unit_test(unknown_names_are_answered_with_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
