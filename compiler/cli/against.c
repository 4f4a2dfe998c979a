/* Another engine beside ours: ONNX Runtime in a Python of the user's, with the same model, inputs and threads, in turns with ours. The Python gets its
   text on its command line and talks through a socket: there is no file. It ends with us, however we end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

enum { TURNS = 10, MOST_LINE = 5000, MOST_TIMES = 100000 };

static const double turn_seconds = 0.1;
static const struct timespec settle = {.tv_nsec = 20000000};     /* threads look for work so long before they fall asleep */

extern const char against_py[];

typedef struct Other {               /* the Python */
    Context *ctx;
    const char *program;
    pid_t process;
    int socket;                      /* what we say */
    FILE *answers;
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

static _Noreturn void child_start(const char *const *words, int talk, pid_t parent)
{
    setpgid(0, 0);                   /* Ctrl-C is for us: it would print where it was */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (getppid() == parent && null >= 0 && dup2(talk, 0) == 0 && dup2(talk, 1) == 1 && dup2(null, 2) == 2)
        execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
}

static void stop(Other *other)
{
    kill(other->process, SIGKILL);
    while (waitpid(other->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    fclose(other->answers);
    close(other->socket);
}

static const char *quoted(const Other *other, const char *text)
{
    return text_quote(other->ctx->graph, text, strlen(text));
}

static _Noreturn void fail_other(Other *other, const char *hint, const char *what)
{
    stop(other);
    fail(other->ctx, STATUS_USAGE, "--against onnxruntime", hint, "%s", what);
}

static const char *how_to_get_it(const Other *other)
{
    return arena_format(other->ctx->graph, "'%s -m pip install onnxruntime numpy' gets it; TULLE_PYTHON=/path/to/python3 names another Python",
                        quoted(other, other->program));
}

/* A line of its answer that begins with `word`; what stands behind that. */
static const char *answer(Other *other, const char *word)
{
    const size_t length = strlen(word);
    if (!fgets(other->line, sizeof other->line, other->answers))
        fail_other(other, how_to_get_it(other), arena_format(other->ctx->graph, "'%s' cannot be run, or ended early", quoted(other, other->program)));
    other->line[strcspn(other->line, "\n")] = 0;
    if (strncmp(other->line, word, length) == 0 && (other->line[length] == ' ' || other->line[length] == 0))
        return other->line + length + (other->line[length] == ' ');
    if (strncmp(other->line, "missing ", 8) == 0)
        fail_other(other, how_to_get_it(other),
                   arena_format(other->ctx->graph, "'%s' has no onnxruntime: %s", quoted(other, other->program), quoted(other, other->line + 8)));
    fail_other(other, NULL, arena_format(other->ctx->graph, "it said: %s", quoted(other, other->line)));
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

static void start(Other *other, const char *model, int threads)
{
    Context *ctx = other->ctx;
    const char *const words[] = {other->program, "-c", against_py, model, arena_format(ctx->graph, "%d", threads), NULL};
    const pid_t parent = getpid();
    int pair[2];
    fflush(NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || (other->process = fork()) < 0)
        fail(ctx, STATUS_INTERNAL, "--against onnxruntime", NULL, "'%s' cannot be started: %s", quoted(other, other->program), strerror(errno));
    if (other->process == 0)
        child_start(words, pair[1], parent);
    close(pair[1]);
    other->socket = pair[0];
    other->answers = fdopen(fcntl(pair[0], F_DUPFD_CLOEXEC, 0), "r");
    if (!other->answers)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "out of memory");
}

/* ---- the race ---- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void add_sample(Context *ctx, Samples *samples, double seconds)
{
    samples->items = arena_grow(ctx->graph, samples->items, &samples->capacity, samples->count, sizeof *samples->items);
    samples->items[samples->count++] = seconds;
}

static void their_turn(Other *other, Samples *samples)
{
    tell(other, arena_format(other->ctx->graph, "turn %g\n", turn_seconds));
    const long count = strtol(answer(other, "times"), NULL, 10);
    for (long i = 0; i < count && count <= MOST_TIMES; i++) {
        double seconds;
        if (fread(&seconds, sizeof seconds, 1, other->answers) != 1 || !(seconds > 0) || !isfinite(seconds))
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
    const double before = now();
    const int status = tulle_run(race->model, inputs, race->outputs, racer->workspace, racer->workspace_bytes, race->threads);
    const double seconds = now() - before;
    if (status != TULLE_OK) {
        stop(other);
        program_fail(other->ctx, status);
    }
    return seconds;
}

static void our_turn(Other *other, const Racer *racer, Samples *samples)
{
    nanosleep(&settle, NULL);
    program_watch("its run as a whole", racer->race->threads);
    run_once(other, racer);
    const double begin = now();
    for (int run = 0; run < MOST_TIMES && (run == 0 || now() - begin < turn_seconds); run++)
        add_sample(other->ctx, samples, run_once(other, racer));
    program_watch(NULL, 0);
}

/* Who begins changes: what a turn does to the clock or the caches falls on both. */
static void run_race(Other *other, const Racer *racer, Samples *ours, Samples *theirs)
{
    for (int turn = 0; turn < TURNS || ours->count < racer->race->repeat || theirs->count < racer->race->repeat; turn++) {
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
    if (fread(theirs, 1, bytes, other->answers) != bytes)
        fail_other(other, NULL, "it ended early");
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
    Other other = {.ctx = ctx, .program = python()};
    Samples ours = {0}, theirs = {0};
    start(&other, model, race->threads);
    const char *version = answer(&other, "ready");
    against->engine = arena_format(ctx->graph, "onnxruntime %s", quoted(&other, version));
    tell_inputs(&other, race->model, race->inputs);
    answer(&other, "loaded");
    Racer racer = {.race = race, .workspace_bytes = tulle_workspace_bytes(race->model, race->threads)};
    racer.workspace = tensors_memory(racer.workspace_bytes);
    if (!racer.workspace)
        fail_other(&other, NULL, "out of memory");
    run_race(&other, &racer, &ours, &theirs);
    free(racer.workspace);
    against->runs = theirs.count < ours.count ? theirs.count : ours.count;
    against->ours = bench_time(ours.items, ours.count);
    against->theirs = bench_time(theirs.items, theirs.count);
    for (int i = 0; i < race->model->output_count; i++)
        compare_output(&other, &race->model->outputs[i], race->outputs[i], against);
    tell(&other, "end\n");
    stop(&other);
    return against;
}

void against_check(Context *ctx, const Options *options)
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
}
