/* The tables of machines and instruction sets, the probe, and what is said to those who ask for a machine we do not know. */
#include "targets/targets.h"

#include <stdlib.h>
#include <math.h>
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
    assert_in_range(target->machine.cores, 1, sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(target->machine.ghz >= 0 && target->machine.ghz < 10);
    assert_true(target->machine.l1_bytes <= target->machine.l2_bytes || target->machine.l2_bytes == 0);
    assert_true(target->machine.vector_bytes <= target->isa.vector_bytes);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        assert_true(target->isa.vector_bytes >= 32);
    assert_string_not_equal(target->isa.name, "neon");
#endif
    return STATUS_FINE;
}

/* The same machine in fewer words. */
static Status narrower_sets_are_targets(Context *ctx, void *nothing)
{
    (void)nothing;
    const Target *native = target_named(ctx, "native"), *narrow = target_named(ctx, "native-portable");
    assert_string_equal(narrow->machine.name, "native-portable");
    assert_string_equal(narrow->isa.name, "portable");
    assert_true(fabs(narrow->machine.cores - native->machine.cores) < 0.5);
    assert_true(narrow->machine.vector_bytes <= narrow->isa.vector_bytes);
    assert_string_equal(target_named(ctx, arena_format(ctx->scratch, "native-%s", native->isa.name))->isa.name, native->isa.name);
    return STATUS_FINE;
}

static void processors_have_a_nearest_core(void **state)
{
    (void)state;
    static const struct { const char *vendor; int family, model; const char *isa, *machine; } known[] = {
        {"GenuineIntel", 6, 0x4d, "sse4.2", "atom-c2750"},      {"GenuineIntel", 6, 0x5c, "sse4.2", "atom-c2750"},
        {"GenuineIntel", 6, 0x9c, "sse4.2", "atom-c2750"},      {"GenuineIntel", 6, 0x4f, "avx2", "xeon-e5-2697v4"},
        {"GenuineIntel", 6, 0x3c, "avx2", "xeon-e5-2697v4"},    {"GenuineIntel", 6, 0x57, "avx512f", "xeon-phi-7250"},
        {"GenuineIntel", 6, 0x8e, "avx2", "i5-8250u"},          {"GenuineIntel", 6, 0x55, "avx512", "skylake-server"},
        {"GenuineIntel", 6, 0x6a, "avx512", "skylake-server"},  {"GenuineIntel", 6, 0x8f, "avx512", "sapphire-rapids"},
        {"GenuineIntel", 6, 0xcf, "avx512", "sapphire-rapids"}, {"GenuineIntel", 6, 0x97, "avx2", "sapphire-rapids"},
        {"AuthenticAMD", 25, 17, "avx512", "zen4"},             {"AuthenticAMD", 25, 97, "avx512", "zen4"},
        {"AuthenticAMD", 23, 49, "avx2", "zen4"},               {"AuthenticAMD", 23, 1, "avx2", "generic-avx2"},
        {"AuthenticAMD", 26, 2, "avx512", "zen4"},              {"AuthenticAMD", 21, 2, "sse4.2", "generic-sse4.2"},
        {"0x41", 8, 0xd03, "neon", "cortex-a53"},               {"0x41", 8, 0xd08, "neon", "cortex-a72"},
        {"0x41", 8, 0xd0c, "neon", "neoverse-n1"},              {"0x41", 8, 0xd40, "neon", "neoverse-n1"},
        {"0x41", 8, 0xd46, "neon", "cortex-a53"},               {"GenuineIntel", 6, 0xbe, "avx2", "generic-avx2"},
        {"0x61", 8, 0x22, "neon", "generic-neon"},              {"GenuineIntel", 6, 0xf0, "avx512", "generic-avx512"},
        {"GenuineIntel", 5, 0x4d, "sse4.2", "generic-sse4.2"},  {"", 0, 0, "portable", "generic"},
    };
    for (int i = 0; i < COUNT(known); i++)
        assert_string_equal(machine_nearest(known[i].isa, known[i].vendor, known[i].family, known[i].model)->name, known[i].machine);
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
    expect_refusal("native-armv9", "there are native-");
    expect_refusal("cortex-a73", "did you mean 'cortex-a");
    expect_refusal("h300", "did you mean 'h");
    expect_refusal("xeon-e5-2697", "did you mean 'xeon-e5-2697v4'?");
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
IN_CONTEXT(narrower_sets_are_targets)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_machine_has_an_instruction_set),
        cmocka_unit_test(test_vocabularies_end_with_the_functions_in_their_words),
        cmocka_unit_test(test_native_is_probed),
        cmocka_unit_test(test_narrower_sets_are_targets),
        cmocka_unit_test(unknown_names_are_answered_with_the_nearest),
        cmocka_unit_test(processors_have_a_nearest_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
