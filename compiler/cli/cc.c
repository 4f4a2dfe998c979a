/* Calls the C compiler: without a shell, in a process group that dies with us, its messages kept in a file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

enum { MESSAGE_LINES = 12, MESSAGE_BYTES = 4000 };

/* ---- finding it ---- */

static bool on_path(Context *ctx, const char *program)
{
    if (strchr(program, '/'))
        return access(program, X_OK) == 0;
    const char *at = getenv("PATH");
    for (at = at ? at : "/usr/local/bin:/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        const char *path = arena_format(ctx->graph, "%.*s/%s", (int)length, at, program);
        struct stat status;
        if (length && access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode))
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

/* The Debian package that has a compiler: "aarch64-linux-gnu-gcc" is in gcc-aarch64-linux-gnu. */
static const char *package_of(Context *ctx, const char *program)
{
    if (path_ends(program, "-gcc") && !strchr(program, '/')) {
        const char *machine = arena_string(ctx->graph, program, strlen(program) - strlen("-gcc"));
        const char *library = !strncmp(machine, "aarch64", 7) ? " libc6-dev-arm64-cross" : !strcmp(machine, "arm-linux-gnueabihf") ? " libc6-dev-armhf-cross" : "";
        return arena_format(ctx->graph, "gcc-%s%s", machine, library);
    }
    return !strncmp(program, "clang", 5) ? arena_format(ctx->graph, "%s libomp-dev", program) : "gcc libc6-dev";
}

Compiler *compiler_find(Context *ctx, const Options *options, const Target *target)
{
    const char *command = options->compiler ? options->compiler : target->isa.compiler;
    if (!command)
        command = getenv("CC");
    if (!command || !command[strspn(command, " \t")])
        command = "cc";
    Compiler *compiler = arena_new_of(ctx->graph, Compiler);
    compiler->words = text_words(ctx->graph, command, &compiler->count);
    compiler->flags = target->isa.compiler_flags;
    if (!compiler->count)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--cc names no command");
    const char *program = compiler->words[0];
    if (!on_path(ctx, program))
        fail(ctx, STATUS_USAGE, NULL, arena_format(ctx->graph, "install it with 'apt-get install %s', or choose another with --cc", package_of(ctx, program)),
             "the C compiler '%s' is not installed", text_quote(ctx->graph, program, strlen(program)));
    compiler->folder = scratch_folder(ctx);
    return compiler;
}

/* ---- running a program ---- */

typedef struct Child {
    pid_t pid;
    sigset_t waited, before;         /* the signals we wait for, and the mask to go back to */
    const char *says;                /* for the progress line */
    bool terminal, shown;
} Child;

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* One of ours ended us: the compiler and all that it started go first, then the signal takes its course, which removes the folder. */
static void child_end(Child *child, int signal_number)
{
    child_kill(child->pid);
    raise(signal_number);
    sigprocmask(SIG_SETMASK, &child->before, NULL);
    _exit(128 + signal_number);
}

static void child_progress(Child *child, int seconds)
{
    if (!child->terminal || seconds < 1)
        return;
    fprintf(stderr, "\r%s ... %d s ", child->says, seconds);
    fflush(stderr);
    child->shown = true;
}

static int child_wait(Child *child)
{
    for (int seconds = 0;;) {
        int status, got = sigtimedwait(&child->waited, NULL, &(struct timespec){1, 0});
        if (got > 0 && got != SIGCHLD)
            child_end(child, got);
        if (waitpid(child->pid, &status, WNOHANG) == child->pid) {
            if (child->shown)
                fprintf(stderr, "\r%*s\r", (int)strlen(child->says) + 16, "");
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        child_progress(child, got < 0 && errno == EAGAIN ? ++seconds : seconds);
    }
}

/* Its exit status; its words are in the file `log`. */
static int run_words(Context *ctx, const char *const *words, const char *folder, const char *log)
{
    Child child = {.says = words[0], .terminal = isatty(2)};
    sigemptyset(&child.waited);
    sigaddset(&child.waited, SIGCHLD);
    for (int i = 0; i < COUNT(endings); i++)
        sigaddset(&child.waited, endings[i]);
    sigprocmask(SIG_BLOCK, &child.waited, &child.before);
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC), out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    child.pid = child_begin(words, (const int[]){null, out, out}, folder, &child.before);
    int status = child.pid > 0 ? child_wait(&child) : -1, reason = errno;
    close(null);
    close(out);
    sigprocmask(SIG_SETMASK, &child.before, NULL);
    if (status < 0)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "'%s' cannot be started: %s", words[0], strerror(reason));
    return status;
}

/* ---- its messages ---- */

/* The first lines, without the temporary folder's name and without anything that a terminal would obey. */
static const char *first_lines(Context *ctx, const char *log, const char *folder)
{
    char bytes[MESSAGE_BYTES];
    FILE *stream = fopen(log, "r");
    size_t size = stream ? fread(bytes, 1, sizeof bytes, stream) : 0;
    if (stream)
        fclose(stream);
    Text text = text_new(ctx->graph);
    size_t folder_length = strlen(folder);
    int lines = 0;
    for (size_t i = 0; i < size && lines < MESSAGE_LINES; i++) {
        if (size - i > folder_length && !memcmp(bytes + i, folder, folder_length) && bytes[i + folder_length] == '/') {
            i += folder_length;
            continue;
        }
        bool plain = (unsigned char)bytes[i] >= 32 || bytes[i] == '\n' || bytes[i] == '\t';
        text_add_bytes(&text, plain ? &bytes[i] : "?", 1);
        lines += bytes[i] == '\n';
    }
    while (text.length && text.data[text.length - 1] == '\n')
        text.data[--text.length] = 0;
    return text.length ? text.data : "(it said nothing)";
}

static _Noreturn void fail_program(Context *ctx, const Compiler *compiler, const char *program, const char *log, int status)
{
    if (status == 127)
        fail(ctx, STATUS_USAGE, NULL, NULL, "'%s' cannot be run", program);
    struct stat room;
    const char *hint = status == 128 + SIGKILL ? "it was killed: is there enough memory?" : "if the model is fine, this is a fault of tulle: please report it";
    if (stat(log, &room) == 0 && room.st_size == 0 && status < 128)
        hint = "is the disk full?";
    fail(ctx, STATUS_INTERNAL, NULL, hint, "'%s' failed with status %d:\n%s", program, status, first_lines(ctx, log, compiler->folder));
}

/* ---- what commands call ---- */

static int try_compile(Context *ctx, const Compiler *compiler, bool openmp, const char *const *arguments, int count, const char *log)
{
    int flag_count, length = 0;
    const char *const *flags = text_words(ctx->graph, compiler->flags ? compiler->flags : "", &flag_count);
    const char **words = arena_array(ctx->graph, const char *, compiler->count + flag_count + count + 8);
    for (int i = 0; i < compiler->count; i++)
        words[length++] = compiler->words[i];
    words[length++] = "-O2";
    words[length++] = "-std=gnu11";
    words[length++] = "-ffp-contract=off";
    if (openmp)
        words[length++] = "-fopenmp";
    for (int i = 0; i < flag_count; i++)
        words[length++] = flags[i];
    for (int i = 0; i < count; i++)
        words[length++] = arguments[i];
    return run_words(ctx, words, compiler->folder, log);
}

void compiler_run(Context *ctx, const Compiler *compiler, bool threads, const char *const *arguments, int count)
{
    const char *log = arena_format(ctx->graph, "%s/messages", compiler->folder), *second = arena_format(ctx->graph, "%s/messages2", compiler->folder);
    int status = try_compile(ctx, compiler, threads, arguments, count, log);
    if (status == 0)
        return;
    if (!threads || status >= 127)
        fail_program(ctx, compiler, compiler->words[0], log, status);
    if (try_compile(ctx, compiler, false, arguments, count, second) != 0)
        fail_program(ctx, compiler, compiler->words[0], second, status);
    fprintf(stderr, "tulle: note: '%s' has no OpenMP here: the result runs on one thread\n", compiler->words[0]);
}

void compiler_tool(Context *ctx, const Compiler *compiler, const char *tool, const char *const *arguments, int count)
{
    const char *program = compiler->words[0], *log = arena_format(ctx->graph, "%s/messages", compiler->folder);
    if (path_ends(program, "-gcc"))
        program = arena_format(ctx->graph, "%.*s-%s", (int)(strlen(program) - strlen("-gcc")), program, tool);
    else
        program = tool;
    if (!on_path(ctx, program))
        fail(ctx, STATUS_USAGE, NULL, "install it with 'apt-get install binutils'", "'%s' is not installed", program);
    const char **words = arena_array(ctx->graph, const char *, count + 2);
    words[0] = program;
    memcpy(words + 1, arguments, sizeof *words * (size_t)count);
    int status = run_words(ctx, words, compiler->folder, log);
    if (status)
        fail_program(ctx, compiler, program, log, status);
}
