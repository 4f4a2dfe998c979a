/* Machines as text: what is written reads back as the same machine, in any locale, and every kind of bad file is told with its line and what to do. */
#include "targets/targets.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool parse(Context *ctx, const char *text, Machine *machine, MachineFault *fault)
{
    return machine_parse(ctx->graph, text, strlen(text), machine, fault);
}

static const Machine *row(const char *name)
{
    for (int i = 0; i < machine_count; i++)
        if (strcmp(machines[i].name, name) == 0)
            return &machines[i];
    fail_msg("no row %s", name);
    return NULL;
}

/* ---- rows ---- */

static void expect_same(const Machine *machine, const Machine *again)
{
    assert_string_equal(machine->name, again->name);
    assert_string_equal(machine->says, again->says);
    assert_string_equal(machine->isa, again->isa);
    assert_string_equal(machine->core ? machine->core : "none", again->core ? again->core : "none");
    for (int i = 0; i < machine_number_count; i++)
        assert_true(machine_number(machine, i) == machine_number(again, i));
}

/* Reading makes all the checks of numbers.inc, so this also says that no row is missing a number that its kind needs. */
static Status rows_read_back(Context *ctx, void *nothing)
{
    (void)nothing;
    for (int i = 0; i < machine_count; i++) {
        Machine again;
        MachineFault fault = {0, "", NULL};
        if (!parse(ctx, machine_text(ctx->graph, &machines[i]), &again, &fault))
            fail_msg("%s, line %d: %s", machines[i].name, fault.line, fault.what);
        expect_same(&machines[i], &again);
    }
    return STATUS_FINE;
}

/* Numbers that no short decimal has. */
static Status odd_numbers_read_back(Context *ctx, void *nothing)
{
    (void)nothing;
    Machine machine = *row("zen4"), again;
    MachineFault fault;
    machine.ghz = 3.0999999999999996;
    machine.l2_bandwidth = 100.0 / 3;
    machine.memory_bandwidth = 0.1 + 0.2;
    machine.barrier_us = 5e-324;
    machine.says = "";
    assert_true(parse(ctx, machine_text(ctx->graph, &machine), &again, &fault));
    expect_same(&machine, &again);
    return STATUS_FINE;
}

static Status locales_change_nothing(Context *ctx, void *nothing)
{
    (void)nothing;
    static const char *const with_commas[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "fr_FR.utf8"};
    const char *text = machine_text(ctx->graph, row("zen4")), *changed = NULL;
    for (int i = 0; i < COUNT(with_commas) && !changed; i++)
        changed = setlocale(LC_ALL, with_commas[i]);
    Machine again;
    MachineFault fault;
    const char *same = machine_text(ctx->graph, row("zen4"));
    const bool read = parse(ctx, text, &again, &fault);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, same);
    assert_true(read && again.ghz == 3.1);
    if (!changed)
        print_message("no locale with a decimal comma is installed: only C was tested\n");
    return STATUS_FINE;
}

static Status forms_that_are_fine(Context *ctx, void *nothing)
{
    (void)nothing;
    Machine machine;
    MachineFault fault;
    Text text = text_new(ctx->graph);
    text_add(&text, "\r\n# words\n   # more\n\tname\tmy.board_2-b   # mine\r\nsays  the # one, größer \r\n");
    text_add(&text, strstr(machine_text(ctx->graph, row("cortex-a53")), "isa"));
    text.data[text.length - 1] = ' ';            /* no end of line at the end */
    assert_true(parse(ctx, text.data, &machine, &fault));
    assert_string_equal(machine.name, "my.board_2-b");
    assert_string_equal(machine.says, "the # one, größer");
    assert_true(machine.l1_bytes == 32768);
    return STATUS_FINE;
}

/* ---- bad files ---- */

typedef struct Bad {
    const char *key, *line;          /* this key's line is replaced, "": left out; NULL: the line is put in front */
    const char *what, *hint;         /* in the message; hint NULL: whatever */
    bool without_line;               /* the message is about no line */
} Bad;

static const Bad bad_files[] = {
    {"ghz", "gzh 3", "nothing is called 'gzh'", "did you mean 'ghz'?", false},
    {"ghz", "Frequency 3", "nothing is called 'Frequency'", "prints a file with all of them", false},
    {"ghz", "ghz 3\nghz 3", "'ghz' is given again", NULL, false},
    {"name", "name a\nname b", "'name' is given again", NULL, false},
    {"isa", "isa avx2\nisa avx2", "'isa' is given again", NULL, false},
    {"ghz", "", "what a CPU needs is missing: ghz", "tulle targets NAME", true},
    {"ghz", "ghz", "'' is not a number", NULL, false},
    {"ghz", "ghz fast", "'fast' is not a number", NULL, false},
    {"ghz", "ghz 3 4", "'3 4' is not a number", NULL, false},
    {"ghz", "ghz 3,1", "'3,1' is not a number", NULL, false},
    {"ghz", "ghz = 3", "'= 3' is not a number", NULL, false},
    {"ghz", "ghz 0x3", "'0x3' is not a number", NULL, false},
    {"ghz", "ghz nan", "'nan' is not a number", NULL, false},
    {"ghz", "ghz inf", "'inf' is not a number", NULL, false},
    {"ghz", "ghz 1.2.3", "'1.2.3' is not a number", NULL, false},
    {"ghz", "ghz 1e999", "ghz is inf: it must be from 0.01 to 10 GHz", "vector load", false},
    {"ghz", "ghz 1111111111111111111111111111111111111111111111111111111111111111", "is not a number", NULL, false},
    {"ghz", "ghz 2600", "ghz is 2600: it must be from 0.01 to 10 GHz", "clock", false},
    {"ghz", "ghz -3", "ghz is -3: it must be from 0.01 to 10 GHz", NULL, false},
    {"ghz", "ghz 0", "ghz is 0: a CPU needs it", NULL, false},
    {"micro_ops", "micro_ops -1", "micro_ops is -1: it must be from 0 to 65536", NULL, false},
    {"l2_bytes", "l2_bytes 0", "l2_bytes is 0: a CPU needs it", NULL, false},
    {"l2_bytes", "l2_bytes 262144.5", "bytes are whole", NULL, false},
    {"l2_bytes", "l2_bytes 16384", "l2_bytes is 16384: less than l1_bytes, which is 32768", NULL, false},
    {"l3_bytes", "l3_bytes 65536", "l3_bytes is 65536: less than l2_bytes, which is 262144", NULL, false},
    {"l3_bandwidth", "", "l3_bandwidth must be, too", "there is no level 3", false},
    {"vector_bytes", "vector_bytes 64", "vector_bytes is 64: a vector of avx2 has 32", NULL, false},
    {"isa", "isa avx3", "there is no instruction set 'avx3'", "did you mean 'avx2'?", false},
    {"isa", "isa", "there is no instruction set ''", NULL, false},
    {"isa", "", "the isa is missing", "isa avx2", true},
    {"name", "", "the name is missing", "name my-board", true},
    {"name", "name */ int x; /*", "is no name for a machine", "letters, digits", false},
    {"name", "name", "'' is no name for a machine", NULL, false},
    {"name", "name größe", "is no name for a machine", NULL, false},
    {"name", "name abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm", "is no name for a machine", "64 at most", false},
    {"core", "core", "'' is no name for a core", NULL, false},
    {"core", "core sky lake", "is no name for a core", "letters, digits", false},
    {"says", "says \033[31m", "cannot be shown", NULL, false},
    {"says", "says a\xe2\x80\xae" "b", "cannot be shown", NULL, false},
};

/* The file of an i5-8250u, with the line of `key` replaced; `at` gets the number of the line. */
static const char *spoiled(Context *ctx, const Bad *bad, int *at)
{
    const char *text = machine_text(ctx->graph, row("i5-8250u"));
    const char *line = strstr(text, arena_format(ctx->graph, "\n%s ", bad->key));
    assert_non_null(line);
    line++;
    *at = 1;
    for (const char *before = text; before < line; before++)
        *at += *before == '\n';
    Text file = text_new(ctx->graph);
    text_add_bytes(&file, text, (size_t)(line - text));
    text_add(&file, bad->line);
    text_add(&file, strchr(line, '\n'));
    return file.data;
}

static Status bad_files_are_told(Context *ctx, void *nothing)
{
    (void)nothing;
    for (int i = 0; i < COUNT(bad_files); i++) {
        const Bad *bad = &bad_files[i];
        Machine machine;
        MachineFault fault = {0, "", NULL};
        int line;
        const char *text = spoiled(ctx, bad, &line);
        if (parse(ctx, text, &machine, &fault))
            fail_msg("'%s' was taken", bad->line);
        if (!strstr(fault.what, bad->what) || (bad->hint && (!fault.hint || !strstr(fault.hint, bad->hint))))
            fail_msg("'%s': %s, hint: %s", bad->line, fault.what, fault.hint ? fault.hint : "none");
        line += strchr(bad->line, '\n') != NULL;
        if (strcmp(bad->key, "l3_bandwidth") == 0)
            line = fault.line;                   /* of l3_bytes */
        assert_int_equal(fault.line, bad->without_line ? 0 : line);
    }
    return STATUS_FINE;
}

static Status gpus_need_other_numbers(Context *ctx, void *nothing)
{
    (void)nothing;
    Machine machine = *row("v100"), again;
    MachineFault fault;
    machine.shared_bytes = 0;
    assert_false(parse(ctx, machine_text(ctx->graph, &machine), &again, &fault));
    assert_string_equal(fault.what, "shared_bytes is 0: a GPU needs it");
    machine = *row("v100");
    machine.isa = "avx512";
    machine.vector_bytes = 64;
    assert_false(parse(ctx, machine_text(ctx->graph, &machine), &again, &fault));
    assert_non_null(strstr(fault.what, "a CPU needs it"));
    assert_false(parse(ctx, "name a\nisa cuda\n", &again, &fault));
    assert_non_null(strstr(fault.what, "what a GPU needs is missing: cores, ghz, vector_bytes"));
    return STATUS_FINE;
}

static Status what_is_no_text(Context *ctx, void *nothing)
{
    (void)nothing;
    Machine machine;
    MachineFault fault;
    char *large = arena_alloc(ctx->graph, 1, (1 << 16) + 1);
    memset(large, '\n', (1 << 16) + 1);
    assert_false(machine_parse(ctx->graph, large, (1 << 16) + 1, &machine, &fault));
    assert_non_null(strstr(fault.what, "65537 bytes are no target file"));
    assert_false(machine_parse(ctx->graph, large, 1 << 16, &machine, &fault));
    assert_string_equal(fault.what, "the name is missing");
    assert_false(machine_parse(ctx->graph, "name a\0\n", 8, &machine, &fault));
    assert_non_null(strstr(fault.what, "zero byte"));
    assert_false(machine_parse(ctx->graph, "", 0, &machine, &fault));
    return STATUS_FINE;
}

/* Any bytes: an answer, and no more memory than a small multiple of the file's. */
static Status noise(Context *ctx, void *nothing)
{
    (void)nothing;
    const char *text = machine_text(ctx->graph, row("zen4"));
    const size_t length = strlen(text);
    unsigned state = 1;
    for (int round = 0; round < 3000; round++) {
        char *bytes = arena_copy(ctx->scratch, text, length);
        for (int i = 0; i <= round % 8; i++) {
            state = state * 1664525u + 1013904223u;
            bytes[(state >> 8) % length] = (char)(state >> 24);
        }
        Machine machine;
        MachineFault fault = {0, NULL, NULL};
        if (!machine_parse(ctx->scratch, bytes, length - state % 64, &machine, &fault))
            assert_non_null(fault.what);
        arena_reset(ctx->scratch);
    }
    assert_true(arena_peak(ctx->scratch) < (size_t)1 << 20);
    return STATUS_FINE;
}

#define IN_CONTEXT(name) \
    static void test_##name(void **state) \
    { \
        (void)state; \
        assert_int_equal(context_run(name, NULL), STATUS_FINE); \
    }
IN_CONTEXT(rows_read_back)
IN_CONTEXT(odd_numbers_read_back)
IN_CONTEXT(locales_change_nothing)
IN_CONTEXT(forms_that_are_fine)
IN_CONTEXT(bad_files_are_told)
IN_CONTEXT(gpus_need_other_numbers)
IN_CONTEXT(what_is_no_text)
IN_CONTEXT(noise)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_read_back),        cmocka_unit_test(test_odd_numbers_read_back),    cmocka_unit_test(test_locales_change_nothing),
        cmocka_unit_test(test_forms_that_are_fine),   cmocka_unit_test(test_bad_files_are_told),       cmocka_unit_test(test_gpus_need_other_numbers),
        cmocka_unit_test(test_what_is_no_text),       cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
