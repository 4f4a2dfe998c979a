/* Files: whole inputs, outputs that appear whole or not at all, folders that go away, whatever ends us. */
#define _GNU_SOURCE
#include "captured.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- reading ---- */

static Status map(Context *ctx, void *argument)
{
    FileView view = file_map(ctx, argument);
    assert_int_equal(view.size, 5);
    assert_memory_equal(view.data, "hello", 5);
    return STATUS_FINE;
}

static char *path_in(const char *folder, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_holds(const char *path, const char *text)
{
    char found[64] = {0};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(found, 1, sizeof found - 1, file), strlen(text));
    fclose(file);
    assert_string_equal(found, text);
}

static void inputs_are_mapped_or_refused_with_the_reason(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "f");
    assert_int_equal(captured(map, path), STATUS_MODEL);
    assert_said("/f: cannot be read: No such file");
    write_file(path, "");
    assert_int_equal(captured(map, path), STATUS_MODEL);
    assert_said("/f: cannot be read: the file is empty");
    write_file(path, "hello");
    assert_int_equal(captured(map, path), STATUS_FINE);
    unlink(path);
    assert_int_equal(captured(map, folder), STATUS_MODEL);
    assert_said("it is a folder");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(captured(map, path), STATUS_MODEL);
    assert_said("it is not a regular file");
    unlink(path);
    free(path);
    test_folder_remove(folder);
}

/* ---- writing ---- */

typedef struct Job {
    const char *path, *second;
    int bytes;               /* to write */
    bool fails, stays_open;
    int ready;               /* a pipe: written to when everything is in place */
} Job;

static Status write_output(Context *ctx, void *argument)
{
    const Job *job = argument;
    OutputFile *outputs[] = {output_open(ctx, job->path), job->second ? output_open(ctx, job->second) : NULL};
    for (int i = 0; i < job->bytes; i++)
        putc('x', output_stream(outputs[0]));
    if (job->second)
        fputs("second", output_stream(outputs[1]));
    if (job->fails)
        fail(ctx, STATUS_MODEL, NULL, NULL, "half way");
    if (!job->stays_open)
        outputs_commit(outputs, job->second ? 2 : 1);
    return STATUS_FINE;
}

static void output_appears_only_when_committed(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c");
    write_file(path, "old");
    assert_int_equal(captured(write_output, &(Job){.path = path, .bytes = 3, .fails = true}), STATUS_MODEL);
    assert_holds(path, "old");
    assert_int_equal(captured(write_output, &(Job){.path = path, .bytes = 3, .stays_open = true}), STATUS_FINE);
    assert_holds(path, "old");
    assert_int_equal(test_entries(folder), 1);
    assert_int_equal(captured(write_output, &(Job){.path = path, .bytes = 3}), STATUS_FINE);
    assert_holds(path, "xxx");
    assert_int_equal(test_entries(folder), 1);
    unlink(path);
    free(path);
    test_folder_remove(folder);
}

static Status write_over_input(Context *ctx, void *argument)
{
    file_map(ctx, argument);
    return write_output(ctx, &(Job){.path = argument, .bytes = 3});
}

static void what_is_being_read_is_not_written(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "net.weights");
    write_file(path, "old");
    assert_int_equal(captured(write_over_input, path), STATUS_USAGE);
    assert_said("would overwrite what is being read");
    assert_holds(path, "old");
    assert_int_equal(test_entries(folder), 1);
    unlink(path);
    free(path);
    test_folder_remove(folder);
}

static void output_has_the_usual_mode(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c");
    mode_t before = umask(027);
    assert_int_equal(captured(write_output, &(Job){.path = path, .bytes = 1}), STATUS_FINE);
    umask(before);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    unlink(path);
    free(path);
    test_folder_remove(folder);
}

static void link_stays_a_link(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c"), *link = path_in(folder, "link");
    write_file(path, "old");
    assert_int_equal(symlink("o.c", link), 0);
    assert_int_equal(captured(write_output, &(Job){.path = link, .bytes = 2}), STATUS_FINE);
    struct stat status;
    assert_true(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));
    assert_holds(path, "xx");
    unlink(path);
    unlink(link);
    free(path);
    free(link);
    test_folder_remove(folder);
}

static void unwritable_outputs_are_refused_with_the_reason(void **state)
{
    (void)state;
    char *folder = test_folder();
    assert_int_equal(captured(write_output, &(Job){.path = folder}), STATUS_USAGE);
    assert_said("Is a directory");
    assert_int_equal(captured(write_output, &(Job){.path = "/nowhere/at/all.c"}), STATUS_USAGE);
    assert_said("cannot write '/nowhere/at/all.c': No such file");
    assert_int_equal(captured(write_output, &(Job){.path = "/dev/full", .bytes = 5}), STATUS_USAGE);
    assert_said("cannot write '/dev/full': No space left");
    assert_int_equal(captured(write_output, &(Job){.path = "/dev/null", .bytes = 5}), STATUS_FINE);
    struct stat status;
    assert_true(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
    test_folder_remove(folder);
}

static void one_full_output_stops_them_all(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c");
    assert_int_equal(captured(write_output, &(Job){.path = path, .second = "/dev/full", .bytes = 100000}), STATUS_USAGE);
    assert_int_equal(test_entries(folder), 0);
    free(path);
    test_folder_remove(folder);
}

static void full_disk_leaves_nothing(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c");
    if (mount("tmpfs", folder, "tmpfs", 0, "size=16k") != 0) {
        free(path);
        test_folder_remove(folder);
        skip();
    }
    Status status = captured(write_output, &(Job){.path = path, .bytes = 100000});
    int left = test_entries(folder);
    umount(folder);
    assert_int_equal(status, STATUS_USAGE);
    assert_said("No space left");
    assert_int_equal(left, 0);
    free(path);
    test_folder_remove(folder);
}

/* In a process of its own, since the limit stays. */
static void file_size_limit_is_an_error_and_no_signal(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c");
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
        freopen("/dev/null", "w", stderr);
        _exit(context_run(write_output, &(Job){.path = path, .bytes = 100000}));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == STATUS_USAGE);
    assert_int_equal(test_entries(folder), 0);
    free(path);
    test_folder_remove(folder);
}

/* ---- what ends us ---- */

static char *make_folder(Context *ctx)
{
    const char *folder = scratch_folder(ctx);
    struct stat status;
    assert_true(stat(folder, &status) == 0 && S_ISDIR(status.st_mode) && (status.st_mode & 0777) == 0700);
    for (int i = 0; i < 300; i++)
        write_file(arena_format(ctx->graph, "%s/a file with a fairly long name %d", folder, i), "x");
    const char *deeper = arena_format(ctx->graph, "%s/deeper", folder);
    assert_int_equal(mkdir(deeper, 0700), 0);
    write_file(arena_format(ctx->graph, "%s/f", deeper), "x");
    assert_int_equal(symlink("/etc/passwd", arena_format(ctx->graph, "%s/link", deeper)), 0);
    return strdup(folder);
}

static Status use_folder(Context *ctx, void *argument)
{
    char **kept = argument;
    *kept = make_folder(ctx);
    fail(ctx, STATUS_MODEL, NULL, NULL, "after all that");
}

static void scratch_folder_goes_with_all_it_holds(void **state)
{
    (void)state;
    char *folder = NULL;
    assert_int_equal(captured(use_folder, &folder), STATUS_MODEL);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(access("/etc/passwd", F_OK), 0);
    free(folder);
}

static Status work_until_ended(Context *ctx, void *argument)
{
    const Job *job = argument;
    OutputFile *output = output_open(ctx, job->path);
    fputs("half", output_stream(output));
    fflush(output_stream(output));
    char *folder = make_folder(ctx);
    ssize_t written = write(job->ready, folder, strlen(folder) + 1);
    free(folder);
    for (;;)
        pause();
    return written > 0 ? STATUS_FINE : STATUS_INTERNAL;
}

/* In a program of its own: the test library catches some of these signals itself. */
static void end_by(int number, char *folder, const char *path)
{
    int ready[2];
    char scratch[256] = {0};
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        char pipe_number[16];
        snprintf(pipe_number, sizeof pipe_number, "%d", ready[1]);
        execl("/proc/self/exe", "test_base_file", path, pipe_number, (char *)NULL);
        _exit(127);
    }
    assert_true(read(ready[0], scratch, sizeof scratch - 1) > 0);
    assert_int_equal(test_entries(folder), 1);
    assert_int_equal(access(scratch, F_OK), 0);
    kill(child, number);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), number);
    assert_int_equal(access(scratch, F_OK), -1);
    assert_int_equal(test_entries(folder), 0);
    close(ready[0]);
    close(ready[1]);
}

static void signals_leave_nothing_and_show_in_the_status(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c");
    int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGABRT, SIGBUS};
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (int i = 0; i < COUNT(numbers); i++)
#ifdef __SANITIZE_ADDRESS__
        if (numbers[i] != SIGBUS)            /* the sanitizer's own */
#endif
        end_by(numbers[i], folder, path);
    free(path);
    test_folder_remove(folder);
}

static Status leave(Context *ctx, void *argument)
{
    const Job *job = argument;
    fputs("half", output_stream(output_open(ctx, job->path)));
    scratch_folder(ctx);
    exit(9);
}

static void exit_leaves_nothing(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c");
    pid_t child = fork();
    if (child == 0) {
        setenv("TMPDIR", folder, 1);
        context_run(leave, &(Job){.path = path});
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 9);
    assert_int_equal(test_entries(folder), 0);
    free(path);
    test_folder_remove(folder);
}

static Status fork_in_the_middle(Context *ctx, void *argument)
{
    const Job *job = argument;
    OutputFile *output = output_open(ctx, job->path);
    const char *folder = scratch_folder(ctx);
    pid_t child = fork();
    if (child == 0)
        exit(0);
    waitpid(child, NULL, 0);
    assert_int_equal(access(folder, F_OK), 0);
    output_commit(output);
    return STATUS_FINE;
}

static void child_processes_do_not_clean_up_for_us(void **state)
{
    (void)state;
    char *folder = test_folder(), *path = path_in(folder, "o.c");
    assert_int_equal(captured(fork_in_the_middle, &(Job){.path = path}), STATUS_FINE);
    assert_int_equal(unlink(path), 0);
    free(path);
    test_folder_remove(folder);
}

/* With arguments, the program that end_by() ends. */
int main(int count, char **arguments)
{
    if (count == 3)
        return context_run(work_until_ended, &(Job){.path = arguments[1], .ready = atoi(arguments[2])});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_are_mapped_or_refused_with_the_reason),
        cmocka_unit_test(output_appears_only_when_committed),
        cmocka_unit_test(what_is_being_read_is_not_written),
        cmocka_unit_test(output_has_the_usual_mode),
        cmocka_unit_test(link_stays_a_link),
        cmocka_unit_test(unwritable_outputs_are_refused_with_the_reason),
        cmocka_unit_test(one_full_output_stops_them_all),
        cmocka_unit_test(full_disk_leaves_nothing),
        cmocka_unit_test(file_size_limit_is_an_error_and_no_signal),
        cmocka_unit_test(scratch_folder_goes_with_all_it_holds),
        cmocka_unit_test(signals_leave_nothing_and_show_in_the_status),
        cmocka_unit_test(exit_leaves_nothing),
        cmocka_unit_test(child_processes_do_not_clean_up_for_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
