/* This machine as measured: its numbers are those of a machine, and what was measured is kept, found again, and replaced when it is damaged. */
#include "targets/probe.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

enum { MOST = 1 << 16 };

static char folder[] = "/tmp/tulle-probe-XXXXXX";    /* the user's cache, of these tests */
static char said[MOST];                              /* on stderr, by the latest probe() */
static Machine machine;                              /* its result; no strings in it outlive the call */
static char text[MOST];                              /* that as text */

static Status probe_work(Context *ctx, void *again)
{
    probe_cached(ctx, "native", NULL, *(bool *)again, &machine);
    snprintf(text, sizeof text, "%s", machine_text(ctx->graph, &machine));
    return STATUS_FINE;
}

static Status probe(bool again)
{
    FILE *file = tmpfile();
    const int before = dup(STDERR_FILENO);
    assert_non_null(file);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    const Status status = context_run(probe_work, &again);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return status;
}

/* The only file in the cache; fails if there is another one. */
static const char *kept_path(void)
{
    static char path[512];
    int count = 0;
    snprintf(path, sizeof path, "%s/tulle", folder);
    DIR *files = opendir(path);
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files));)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/tulle/%.200s", folder, entry->d_name);
            count++;
        }
    closedir(files);
    assert_int_equal(count, 1);
    return path;
}

static void read_kept(char kept[static MOST])
{
    FILE *file = fopen(kept_path(), "r");
    assert_non_null(file);
    kept[fread(kept, 1, MOST - 1, file)] = '\0';
    fclose(file);
}

static void write_kept(const char *bytes, size_t length)
{
    FILE *file = fopen(kept_path(), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void forget(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tulle", folder);
    if (access(path, F_OK) == 0) {
        unlink(kept_path());
        rmdir(path);
    }
}

static Status check_numbers(Context *ctx, void *nothing)
{
    (void)nothing;
    Machine same;
    MachineFault fault = {0, "", NULL};
    if (!machine_parse(ctx->graph, text, strlen(text), &same, &fault))
        fail_msg("%s", fault.what);
    assert_string_equal(machine_text(ctx->graph, &same), text);
    for (int i = 0; i < machine_number_count; i++) {
        assert_true(machine_number(&same, i) >= machine_numbers[i].least);
        assert_true(machine_number(&same, i) <= machine_numbers[i].most);
    }
    return STATUS_FINE;
}

static void numbers_are_those_of_a_machine(void **state)
{
    (void)state;
    assert_int_equal(probe(true), STATUS_FINE);
    assert_int_equal(context_run(check_numbers, NULL), STATUS_FINE);
    assert_true(machine.cores <= (double)sysconf(_SC_NPROCESSORS_ONLN));
    assert_true(machine.vector_ports >= machine.fma_ports);
    assert_true(machine.memory_all >= machine.memory_bandwidth);
    assert_true(machine.cores > 1 || machine.barrier_us <= 0);
    /* a multiply-add waits for something on every processor, and none of ours does ten instructions in a cycle */
    assert_true(machine.fma_latency >= 2 && machine.fma_latency <= 16);
    assert_true(machine.fma_ports <= 9 && machine.load_ports <= 9);
}

static void what_was_measured_is_found_again(void **state)
{
    (void)state;
    char first[MOST], kept[MOST];
    forget();
    assert_int_equal(probe(false), STATUS_FINE);
    assert_non_null(strstr(said, "measuring this machine"));
    assert_non_null(strstr(said, kept_path()));
    snprintf(first, sizeof first, "%s", text);
    read_kept(kept);
    assert_string_equal(kept, first);
    assert_int_equal(probe(false), STATUS_FINE);
    assert_string_equal(said, "");
    assert_string_equal(text, first);
    /* and it is the file that is read: another number in it is seen */
    char *number = strstr(kept, "\nbarrier_us");
    assert_non_null(number);
    memcpy(number + 20, "123 #", 5);
    write_kept(kept, strlen(kept));
    assert_int_equal(probe(false), STATUS_FINE);
    assert_true(fabs(machine.barrier_us - 123) < 1e-9);
    assert_int_equal(probe(true), STATUS_FINE);
    assert_false(fabs(machine.barrier_us - 123) < 1e-9);
    read_kept(kept);
    assert_string_equal(kept, text);
}

static void expect_replaced(const char *bytes, size_t length)
{
    char kept[MOST];
    write_kept(bytes, length);
    assert_int_equal(probe(false), STATUS_FINE);
    assert_non_null(strstr(said, "measuring this machine"));
    read_kept(kept);
    assert_string_equal(kept, text);
    assert_int_equal(context_run(check_numbers, NULL), STATUS_FINE);
}

static void a_damaged_file_is_replaced(void **state)
{
    (void)state;
    static char large[2 * MOST];
    char kept[MOST];
    assert_int_equal(probe(false), STATUS_FINE);
    read_kept(kept);
    expect_replaced("", 0);
    expect_replaced(kept, strlen(kept) / 2);
    memset(large, '#', sizeof large);
    expect_replaced(large, sizeof large);
    char other[MOST];                            /* a machine, but none that runs here */
    const char *isa = strstr(kept, "\nisa "), *rest = isa ? strchr(isa + 1, '\n') : NULL;
    assert_non_null(rest);
    snprintf(other, sizeof other, "%.*s\nisa %-15s%s", (int)(isa - kept), kept, strstr(kept, " neon\n") ? "avx512" : "neon", rest);
    expect_replaced(other, strlen(other));
    char *number = strstr(kept, "\nghz");
    assert_non_null(number);
    memcpy(number + 20, "-1", 2);
    expect_replaced(kept, strlen(kept));
}

static void without_a_folder_it_is_measured_each_time(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", "/dev/null/nothing", 1);
    assert_int_equal(probe(false), STATUS_FINE);
    assert_non_null(strstr(said, "cannot keep"));
    assert_int_equal(context_run(check_numbers, NULL), STATUS_FINE);
    const char *home = getenv("HOME");
    char *before = home ? strdup(home) : NULL;
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(probe(false), STATUS_FINE);
    assert_non_null(strstr(said, "measuring this machine"));
    assert_null(strstr(said, "kept"));
    if (before)
        setenv("HOME", before, 1);
    free(before);
    setenv("XDG_CACHE_HOME", folder, 1);
}

static void two_at_once_do_not_disturb_each_other(void **state)
{
    (void)state;
    char kept[MOST];
    forget();
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(probe(false) == STATUS_FINE && context_run(check_numbers, NULL) == STATUS_FINE ? 0 : 1);
    }
    for (int i = 0; i < 2; i++) {
        int status = 1;
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    read_kept(kept);     /* there is one file, and it is whole */
    assert_int_equal(probe(false), STATUS_FINE);
    assert_string_equal(said, "");
    assert_string_equal(text, kept);
}

/* A hypervisor may tell anything of the caches: what is measured stays bounded, and is the number of some machine. */
static Status check_wrong_caches(Context *ctx, void *nothing)
{
    (void)nothing;
    const double sizes[][3] = {{1024, 0, 0}, {1e7, 1e9, 1e10}, {65536, 65536, 65536}, {32768, 0, 1e9}};
    for (int i = 0; i < COUNT(sizes); i++) {
        Machine wrong = target_named(ctx, "generic-sse4.2")->machine;
        wrong.l1_bytes = sizes[i][0];
        wrong.l2_bytes = sizes[i][1];
        wrong.l3_bytes = sizes[i][2];
        assert_true(probe_memory_bytes(&wrong, 1e12) <= 256u << 20);
        assert_true(probe_memory_bytes(&wrong, 64e6) <= 8000000);
    }
    return STATUS_FINE;
}

static void memory_is_bounded_whatever_the_caches(void **state)
{
    (void)state;
    assert_int_equal(context_run(check_wrong_caches, NULL), STATUS_FINE);
}

static Status check_doubts(Context *ctx, void *nothing)
{
    (void)nothing;
    const Machine *row = &target_named(ctx, "xeon-e5-2697v4")->machine, *generic = &target_named(ctx, "generic-avx2")->machine;
    Machine found = *row;
    assert_string_equal(probe_doubt(ctx->graph, row, &found), "");
    found.ghz *= 1.5;                            /* another model of the same family */
    found.memory_bandwidth /= 4;
    assert_string_equal(probe_doubt(ctx->graph, row, &found), "");
    found.ghz = row->ghz / 10;                   /* as if it had stood still most of the time */
    found.fma_ports = 9;
    assert_string_equal(probe_doubt(ctx->graph, row, &found), arena_format(ctx->graph, "ghz %.3g, fma_ports 9", row->ghz / 10));
    assert_true(fabs(found.ghz - row->ghz) < 1e-9 && fabs(found.fma_ports - row->fma_ports) < 1e-9);
    assert_true(fabs(found.memory_bandwidth - row->memory_bandwidth / 4) < 1e-9);
    found = *generic;                            /* of a processor that nobody knows more is believed */
    found.ghz = 5.7;
    assert_string_equal(probe_doubt(ctx->graph, generic, &found), "");
    found.ghz = 0.1;
    assert_string_not_equal(probe_doubt(ctx->graph, generic, &found), "");
    return STATUS_FINE;
}

static void what_no_core_can_have_is_not_believed(void **state)
{
    (void)state;
    assert_int_equal(context_run(check_doubts, NULL), STATUS_FINE);
}

static Status check_steady(Context *ctx, void *nothing)
{
    (void)nothing;
    const Machine *row = &target_named(ctx, "generic-avx2")->machine;
    Machine other = *row;
    assert_true(probe_steady(row, &other));
    other.l2_bandwidth *= 1.02;
    assert_true(probe_steady(row, &other));
    other.l2_bandwidth *= 1.1;
    assert_false(probe_steady(row, &other));
    other = *row;
    other.micro_ops += 1000;                     /* nobody measures these */
    assert_true(probe_steady(row, &other));
    return STATUS_FINE;
}

static void a_pass_that_finds_nothing_ends_it(void **state)
{
    (void)state;
    assert_int_equal(context_run(check_steady, NULL), STATUS_FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_a_machine),
        cmocka_unit_test(what_was_measured_is_found_again),
        cmocka_unit_test(a_damaged_file_is_replaced),
        cmocka_unit_test(without_a_folder_it_is_measured_each_time),
        cmocka_unit_test(two_at_once_do_not_disturb_each_other),
        cmocka_unit_test(memory_is_bounded_whatever_the_caches),
        cmocka_unit_test(what_no_core_can_have_is_not_believed),
        cmocka_unit_test(a_pass_that_finds_nothing_ends_it),
    };
    if (!mkdtemp(folder))
        return 1;
    setenv("XDG_CACHE_HOME", folder, 1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forget();
    rmdir(folder);
    return failed;
}
