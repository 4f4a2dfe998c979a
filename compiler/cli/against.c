/* Another engine beside ours: ONNX Runtime in a Python of the user's, with the same model, inputs and threads, in turns with ours. The Python gets its
   text on its command line and talks through a socket: there is no file. It ends with us, however we end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

enum { TURNS = 10, MOST_LINE = 5000, MOST_TIMES = 100000, MOST_MESSAGES = 1 << 20, SILENT_MINUTES = 10 };

static const double turn_seconds = 0.1;

/* Threads look for work for a while before they fall asleep. Our side's clock of the processor stands still when it gained less than `still` in a pause. */
static const struct timespec pause_time = {.tv_nsec = 10000000};
static const double still_seconds = 0.0005, longest_pause = 0.5;

extern const char against_py[];

typedef struct Other {               /* the Python */
    Context *ctx;
    const char *program;
    const char *doing;               /* "loaded the model": what we wait for */
    pid_t process;
    int socket;                      /* what we say */
    int messages;                    /* memory that its standard error goes to */
    FILE *answers;
    void *workspace;                 /* ours, while they race */
    bool terminal, shown;            /* the progress line */
    char line[MOST_LINE];
} Other;

typedef struct Samples {             /* seconds of runs */
    double *items;
    int count, capacity;
} Samples;

/* ---- its process ---- */

static const char *python(void)
{
    const char *named = getenv("TULLE_PYTHON");
    return named && *named ? named : "python3";
}

static const char *quoted(const Other *other, const char *text)
{
    return text_quote(other->ctx->graph, text, strlen(text));
}

static void hide_progress(Other *other)
{
    if (other->shown)
        fprintf(stderr, "\r%*s\r", 60, "");
    other->shown = false;
}

static void show_progress(Other *other, const char *says, int turn)
{
    if (!other->terminal)
        return;
    hide_progress(other);
    fprintf(stderr, turn > 0 ? "%s ... turn %d " : "%s ... ", says, turn);
    fflush(stderr);
    other->shown = true;
}

static void stop(Other *other)
{
    hide_progress(other);
    if (other->process > 0)
        child_kill(other->process);
    fclose(other->answers);
    close(other->socket);
    close(other->messages);
    free(other->workspace);
}

static _Noreturn void fail_other(Other *other, const char *hint, const char *what)
{
    stop(other);
    fail(other->ctx, STATUS_USAGE, "--against onnxruntime", hint, "%s", what);
}

/* The last line of its standard error; NULL: it said nothing. */
static const char *last_words(const Other *other)
{
    char text[MOST_LINE];
    struct stat messages;
    if (fstat(other->messages, &messages) != 0)
        return NULL;
    const off_t from = messages.st_size > (off_t)sizeof text ? messages.st_size - (off_t)sizeof text : 0;
    ssize_t end = pread(other->messages, text, sizeof text, from);
    while (end > 0 && strchr("\n\r ", text[end - 1]))
        end--;
    ssize_t begin = end;
    while (begin > 0 && text[begin - 1] != '\n')
        begin--;
    return end > begin ? text_quote(other->ctx->graph, text + begin, (size_t)(end - begin)) : NULL;
}

/* It closed its end of the talk, as one that ends does: a second for that. False: it goes on. */
static bool ended(Other *other, int *status)
{
    for (int wait = 0; wait < 100; wait++) {
        if (waitpid(other->process, status, WNOHANG) == other->process) {
            kill(-other->process, SIGKILL);      /* what it started */
            other->process = 0;
            return true;
        }
        nanosleep(&pause_time, NULL);
    }
    return false;
}

static _Noreturn void fail_ended(Other *other)
{
    Arena *arena = other->ctx->graph;
    const char *program = quoted(other, other->program), *hint = NULL, *what;
    int status = 0;
    if (!ended(other, &status))
        what = arena_format(arena, "'%s' closed its output while it %s", program, other->doing);
    else if (WIFSIGNALED(status))
        what = arena_format(arena, "'%s' was ended by signal %d (%s) while it %s", program, WTERMSIG(status), strsignal(WTERMSIG(status)), other->doing);
    else if (WEXITSTATUS(status) == 127)
        what = arena_format(arena, "'%s' cannot be run", program);
    else
        what = arena_format(arena, "'%s' ended with status %d while it %s", program, WEXITSTATUS(status), other->doing);
    if (other->process == 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        hint = "is there enough memory?";
    else if (other->process == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
        hint = "TULLE_PYTHON=/path/to/python3 names a Python";
    const char *last = last_words(other);
    fail_other(other, hint, last ? arena_format(arena, "%s; its last words: %s", what, last) : what);
}

/* An answer is missing: it has ended, or says nothing for too long. */
static _Noreturn void fail_silent(Other *other, int error)
{
    if (error == EAGAIN || error == EWOULDBLOCK)
        fail_other(other, NULL, arena_format(other->ctx->graph, "'%s' said nothing for %d minutes while it %s", quoted(other, other->program), SILENT_MINUTES,
                                             other->doing));
    fail_ended(other);
}

/* A line of its answer that begins with `word`; what stands behind that. */
static const char *answer(Other *other, const char *word)
{
    const size_t length = strlen(word);
    struct stat messages;
    errno = 0;
    if (!fgets(other->line, sizeof other->line, other->answers))
        fail_silent(other, errno);
    if (fstat(other->messages, &messages) == 0 && messages.st_size > MOST_MESSAGES && ftruncate(other->messages, 0) != 0)
        fail_other(other, NULL, "out of memory");
    other->line[strcspn(other->line, "\n")] = 0;
    if (strncmp(other->line, word, length) == 0 && (other->line[length] == ' ' || other->line[length] == 0))
        return other->line + length + (other->line[length] == ' ');
    const char *program = quoted(other, other->program);
    if (strncmp(other->line, "missing ", 8) == 0)
        fail_other(other, arena_format(other->ctx->graph, "'%s -m pip install onnxruntime numpy' gets it; TULLE_PYTHON=/path/to/python3 names another Python", program),
                   arena_format(other->ctx->graph, "'%s' has no onnxruntime: %s", program, quoted(other, other->line + 8)));
    fail_other(other, NULL, arena_format(other->ctx->graph, "it said: %s", quoted(other, other->line)));
}

static void read_bytes(Other *other, void *bytes, size_t size)
{
    errno = 0;
    if (fread(bytes, 1, size, other->answers) != size)
        fail_silent(other, errno);
}

static void tell_bytes(Other *other, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        const ssize_t sent = send(other->socket, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return;                  /* it has ended: the next answer is missing */
        at += sent;
        size -= (size_t)sent;
    }
}

static void tell(Other *other, const char *line)
{
    tell_bytes(other, line, strlen(line));
}

/* A name may have any bytes but zero; '-' is in front, so that none is empty. */
static const char *hexadecimal(Arena *arena, const char *name)
{
    Text text = text_new(arena);
    text_add(&text, "-");
    for (; *name; name++)
        text_format(&text, "%02x", (unsigned char)*name);
    return text.data;
}

static void tell_inputs(Other *other, const struct tulle_model *model, void *const *inputs)
{
    for (int i = 0; i < model->input_count; i++) {
        const struct tulle_tensor *tensor = &model->inputs[i];
        Text line = text_new(other->ctx->graph);
        text_format(&line, "input %s %s %zu", hexadecimal(other->ctx->graph, tensor->name), npy_type_name(tensor->type), tensor->bytes);
        for (int d = 0; d < tensor->rank; d++)
            text_format(&line, " %lld", (long long)tensor->dims[d]);
        text_add(&line, "\n");
        tell(other, line.data);
        tell_bytes(other, inputs[i], tensor->bytes);
    }
    tell(other, "start\n");
}

static _Noreturn void fail_start(Other *other)
{
    fail(other->ctx, STATUS_INTERNAL, "--against onnxruntime", NULL, "'%s' cannot be started: %s", quoted(other, other->program), strerror(errno));
}

static void start(Other *other, const char *model, int threads)
{
    Context *ctx = other->ctx;
    const char *const words[] = {other->program, "-c", against_py, model, arena_format(ctx->graph, "%d", threads), NULL};
    const struct timeval limit = {.tv_sec = 60 * SILENT_MINUTES};
    int pair[2];
    other->doing = "started";
    other->messages = memfd_create("messages", MFD_CLOEXEC);
    if (other->messages < 0 || fcntl(other->messages, F_SETFL, O_APPEND) != 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        fail_start(other);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    other->process = child_begin(words, (const int[]){pair[1], pair[1], other->messages}, NULL, NULL);
    if (other->process < 0)
        fail_start(other);
    close(pair[1]);
    other->socket = pair[0];
    other->answers = fdopen(fcntl(pair[0], F_DUPFD_CLOEXEC, 0), "r");
    if (!other->answers)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "out of memory");
}

/* ---- the race ---- */

static double clock_seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Until our threads have fallen asleep: the other side's turn is next, and it waits likewise. */
static void settle(void)
{
    const double end = bench_now() + longest_pause;
    for (bool still = false; !still && bench_now() < end;) {
        const double before = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
        nanosleep(&pause_time, NULL);
        still = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - before < still_seconds;
    }
}

static void add_sample(Context *ctx, Samples *samples, double seconds)
{
    samples->items = arena_grow(ctx->graph, samples->items, &samples->capacity, samples->count, sizeof *samples->items);
    samples->items[samples->count++] = seconds;
}

static void their_turn(Other *other, Samples *samples)
{
    tell(other, arena_format(other->ctx->graph, "turn %g\n", turn_seconds));
    char *end;
    const char *said = answer(other, "times");
    const long count = strtol(said, &end, 10);
    if (end == said || *end || count < 1 || count > MOST_TIMES)
        fail_other(other, NULL, arena_format(other->ctx->graph, "it tells '%s' times of a turn, not 1 to %d", quoted(other, said), MOST_TIMES));
    for (long i = 0; i < count; i++) {
        double seconds;
        read_bytes(other, &seconds, sizeof seconds);
        if (!(seconds > 0) || !isfinite(seconds))
            fail_other(other, NULL, "its times are no times");
        add_sample(other->ctx, samples, seconds);
    }
}

typedef struct Racer {
    const Race *race;
    void *workspace;
    size_t workspace_bytes;
} Racer;

static double run_once(Other *other, const Racer *racer)
{
    const Race *race = racer->race;
    const void *const *inputs = (const void *const *)race->inputs;
    const double before = bench_now();
    const int status = tulle_run(race->model, inputs, race->outputs, racer->workspace, racer->workspace_bytes, race->threads);
    const double seconds = bench_now() - before;
    if (status != TULLE_OK) {
        stop(other);
        program_fail(other->ctx, status);
    }
    return seconds;
}

static void our_turn(Other *other, const Racer *racer, Samples *samples)
{
    program_watch("its run as a whole", racer->race->threads);
    run_once(other, racer);
    const double begin = bench_now();
    for (int run = 0; run < MOST_TIMES && (run == 0 || bench_now() - begin < turn_seconds); run++)
        add_sample(other->ctx, samples, run_once(other, racer));
    program_watch(NULL, 0);
    settle();
}

/* Who begins changes: what a turn does to the clock or the caches falls on both. */
static void run_race(Other *other, const Racer *racer, Samples *ours, Samples *theirs)
{
    other->doing = "ran it";
    settle();
    for (int turn = 0; turn < TURNS || ours->count < racer->race->repeat || theirs->count < racer->race->repeat; turn++) {
        show_progress(other, "onnxruntime and tulle run the model", turn + 1);
        if (turn % 2)
            their_turn(other, theirs);
        our_turn(other, racer, ours);
        if (turn % 2 == 0)
            their_turn(other, theirs);
    }
}

/* ---- the results ---- */

/* The largest difference so far, and the largest element; NAN where theirs is of another type or size. */
static void compare_output(Other *other, const struct tulle_tensor *tensor, const void *ours, BenchAgainst *against)
{
    char type[32] = "";
    size_t bytes = 0;
    tell(other, arena_format(other->ctx->graph, "output %s\n", hexadecimal(other->ctx->graph, tensor->name)));
    if (sscanf(answer(other, "value"), "%31s %zu", type, &bytes) != 2 || bytes != tensor->bytes || strcmp(type, npy_type_name(tensor->type)) != 0)
        fail_other(other, NULL, arena_format(other->ctx->graph, "its output '%s' has another type or size than ours", quoted(other, tensor->name)));
    char *theirs = arena_alloc(other->ctx->graph, bytes + 1, 1);
    read_bytes(other, theirs, bytes);
    const int64_t count = (int64_t)bytes / npy_type_bytes(tensor->type);
    for (int64_t i = 0; i < count; i++) {
        const double a = tensors_element(tensor->type, theirs, (size_t)i), b = tensors_element(tensor->type, ours, (size_t)i);
        const double difference = a == b || (isnan(a) && isnan(b)) ? 0 : fabs(a - b);
        against->difference = difference > against->difference || isnan(difference) ? difference : against->difference;
        against->largest = fabs(a) > against->largest ? fabs(a) : against->largest;
    }
}

const BenchAgainst *against_race(Context *ctx, const char *model, const Race *race)
{
    BenchAgainst *against = arena_new_of(ctx->graph, BenchAgainst);
    Other other = {.ctx = ctx, .program = python(), .terminal = isatty(2)};
    Samples ours = {0}, theirs = {0};
    start(&other, model, race->threads);
    const char *version = answer(&other, "ready");
    against->engine = arena_format(ctx->graph, "onnxruntime %s", quoted(&other, version));
    other.doing = "loaded the model";
    show_progress(&other, "onnxruntime loads the model", 0);
    tell_inputs(&other, race->model, race->inputs);
    answer(&other, "loaded");
    Racer racer = {.race = race, .workspace_bytes = tulle_workspace_bytes(race->model, race->threads)};
    racer.workspace = other.workspace = tensors_memory(racer.workspace_bytes);
    if (!racer.workspace)
        fail_other(&other, NULL, "out of memory");
    run_race(&other, &racer, &ours, &theirs);
    against->runs = theirs.count < ours.count ? theirs.count : ours.count;
    against->ours = bench_time(ours.items, ours.count);
    against->theirs = bench_time(theirs.items, theirs.count);
    for (int i = 0; i < race->model->output_count; i++)
        compare_output(&other, &race->model->outputs[i], race->outputs[i], against);
    tell(&other, "end\n");
    stop(&other);
    return against;
}

/* The other engine looks for weights in files beneath the model's own folder, and asks nobody. */
static bool elsewhere(Context *ctx, const Options *options, const char *model)
{
    struct stat ours, theirs;
    const char *folder = path_folder(ctx->graph, model);
    return options->external_data && stat(options->external_data, &ours) == 0 && stat(*folder ? folder : ".", &theirs) == 0 &&
           (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino);
}

void against_check(Context *ctx, const Options *options, const char *model)
{
    static const char *const engines[] = {"onnxruntime"};
    const char *changes = options->threshold > 0 ? "--threshold" : options->prune > 0 ? "--prune" : options->prune_file ? "--prune-file" : NULL;
    if (strcmp(options->against, engines[0]) != 0)
        fail(ctx, STATUS_USAGE, NULL, options_hint(ctx, options->against, engines, COUNT(engines), "onnxruntime is the one there is"),
             "there is no engine '%s' to run against", text_quote(ctx->graph, options->against, strlen(options->against)));
    if (changes)
        fail(ctx, STATUS_USAGE, NULL, "save the pruned model, and run that", "%s changes the weights, which the other engine would not know: "
             "it does not go with --against", changes);
    if (options->cold)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--cold does not go with --against: the other engine's caches cannot be swept in time");
    if (elsewhere(ctx, options, model))
        fail(ctx, STATUS_USAGE, NULL, "keep them in the model's folder, and allow that one",
             "--allow-external-data allows another folder than the model's, where the other engine looks for weights: it does not go with --against");
}
