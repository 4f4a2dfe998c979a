/* Compiles the units that the cache has not, several at a time, and loads all: threads take the longest first, while the caller's thread keeps what
   they have done and tells of it. */
#define _GNU_SOURCE
#include "codegen/jit/jit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codegen/jit/cache.h"

#define MESSAGE_BYTES 4000
#define STACK_BYTES ((size_t)8 << 20)

/* ---- the plugin ---- */

/* Beside the program, where the build leaves it. NULL: `error` says why, or is NULL itself where there is no such file. */
static void *open_plugin(Context *ctx, const char **error)
{
    char *program = arena_alloc(ctx->scratch, 4096, 1);
    const ssize_t length = readlink("/proc/self/exe", program, 4095);
    const char *slash = length > 0 ? strrchr(program, '/') : NULL;
    const char *path = slash != NULL ? arena_format(ctx->scratch, "%.*s" JIT_PLUGIN_FILE, (int)(slash + 1 - program), program) : NULL;
    *error = NULL;
    if (path == NULL || access(path, F_OK) != 0)
        return NULL;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    *error = handle == NULL ? dlerror() : NULL;
    return handle;
}

static const JitPlugin *refuse(const char **why, const char *reason)
{
    *why = reason;
    return NULL;
}

static const JitPlugin *find_plugin(Context *ctx, const char **why)
{
    const char *error;
    void *handle = open_plugin(ctx, &error);
    if (error != NULL)
        return refuse(why, arena_format(ctx->graph, JIT_PLUGIN_FILE " cannot be loaded: %s", text_quote(ctx->graph, error, strlen(error))));
    if (handle == NULL)
        return refuse(why, "this tulle was built without LLVM, or " JIT_PLUGIN_FILE " is not beside it");
    const JitPlugin *(*entry)(void);
    *(void **)&entry = dlsym(handle, JIT_PLUGIN_ENTRY);
    if (entry == NULL)
        return refuse(why, JIT_PLUGIN_FILE " is none of tulle's: it has no " JIT_PLUGIN_ENTRY);
    const JitPlugin *plugin = entry();
    if (plugin->version != JIT_PLUGIN_VERSION)
        return refuse(why, JIT_PLUGIN_FILE " is of another version of tulle");
    if (access(arena_format(ctx->scratch, "%s/stddef.h", plugin->headers), R_OK) != 0)
        return refuse(why, arena_format(ctx->graph, "clang's headers are not in %s ('apt-get install libclang-common-19-dev')", plugin->headers));
    plugin->prepare();
    return plugin;
}

const JitPlugin *jit_plugin(Context *ctx, const char **why)
{
    static const JitPlugin *plugin;
    if (plugin == NULL)
        plugin = find_plugin(ctx, why);
    return plugin;
}

const char *jit_missing(Context *ctx)
{
    const char *why = NULL;
    return jit_plugin(ctx, &why) != NULL ? NULL : why;
}

/* ---- compiling ---- */

typedef enum State { WAITING, CACHED, DONE, FAILED, KEPT } State;

typedef struct Job {
    const Unit *unit;
    const char *key;                 /* in the cache */
    State state;
    JitBytes object, messages;
} Job;

typedef struct Team {
    const JitPlugin *plugin;
    const JitHead *head;
    const JitOptions *options;
    int folder;                      /* of the cache; -1: there is none */
    Job **queue;                     /* the longest first */
    int count, next, done;
    bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} Team;

typedef struct Loading {
    Context *ctx;
    const JitPlugin *plugin;
    const Isa *isa;
    const Units *units;
    const JitOptions *options;
    int folder;                      /* as a team's */
    Job *jobs;
} Loading;

static _Thread_local const Unit *compiling;

const Unit *jit_compiling(void)
{
    return compiling;
}

static void *work(void *argument)
{
    Team *team = argument;
    if (team->options->started != NULL)
        team->options->started();
    pthread_mutex_lock(&team->mutex);
    while (team->next < team->count && !team->stop) {
        Job *job = team->queue[team->next++];
        pthread_mutex_unlock(&team->mutex);
        compiling = job->unit;
        const bool good = team->plugin->compile(team->head, job->unit->name, job->unit->text, job->unit->length, JIT_OBJECT, &job->object, &job->messages);
        compiling = NULL;
        pthread_mutex_lock(&team->mutex);
        job->state = good ? DONE : FAILED;
        team->stop |= !good;
        team->done++;
        pthread_cond_signal(&team->changed);
    }
    pthread_mutex_unlock(&team->mutex);
    return NULL;
}

static void keep_done(Team *team)
{
    for (int i = 0; i < team->count; i++) {
        pthread_mutex_lock(&team->mutex);
        const bool fresh = team->queue[i]->state == DONE;
        pthread_mutex_unlock(&team->mutex);
        if (!fresh)
            continue;
        if (team->folder >= 0)
            objects_write(team->folder, team->queue[i]->key, &team->queue[i]->object);
        team->queue[i]->state = KEPT;
    }
}

static void tell(const Team *team, int done)
{
    if (team->options->progress != NULL)
        team->options->progress(team->options->user, done, team->count);
}

/* Until nobody works any more. What is done is kept at once: who interrupts us finds it next time. While others work, nothing here may fail(), which
   would take from under them what they work on; so nothing here uses an arena. */
static void watch(Team *team)
{
    pthread_mutex_lock(&team->mutex);
    for (int told = -1; team->done < team->next || (team->next < team->count && !team->stop);) {
        const int done = team->done;
        if (done == told) {
            pthread_cond_wait(&team->changed, &team->mutex);
            continue;
        }
        pthread_mutex_unlock(&team->mutex);
        keep_done(team);
        tell(team, done);
        told = done;
        pthread_mutex_lock(&team->mutex);
    }
    pthread_mutex_unlock(&team->mutex);
}

/* Signals are the caller's, who holds them while a file has a name that it shall not keep; only what is a thread's own fault comes to it. Clang
   recurses deep, and what a thread has of stack by itself is the user's to set. */
static int start_threads(Team *team, pthread_t *threads, int count)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    sigset_t all, before;
    pthread_attr_t attributes;
    int started = 0;
    sigfillset(&all);
    for (int i = 0; i < COUNT(faults); i++)
        sigdelset(&all, faults[i]);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < count && pthread_create(&threads[started], &attributes, work, team) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

static void run_team(Context *ctx, Team *team)
{
    const int most = team->options->jobs < team->count ? team->options->jobs : team->count;
    pthread_t *threads = arena_array(ctx->graph, pthread_t, most + 1);
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->changed, NULL);
    const int started = start_threads(team, threads, most);
    if (started > 0)
        watch(team);
    else
        work(team);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    keep_done(team);
    tell(team, team->count);
}

_Noreturn void jit_fail(Context *ctx, const JitPlugin *plugin, const char *what, const char *messages)
{
    fail(ctx, STATUS_INTERNAL, NULL, "if the model is fine, this is a fault of tulle: please report it", "%s by %s failed:\n%.*s", what, plugin->compiler, MESSAGE_BYTES,
         messages != NULL ? messages : "(it said nothing)");
}

void jit_fail_unit(Context *ctx, const JitPlugin *plugin, const Unit *unit, const char *messages)
{
    if (unit->path == NULL)
        jit_fail(ctx, plugin, arena_format(ctx->graph, "compiling '%s'", unit->name), messages);
    ctx->file = NULL;                /* the message begins with the user's file */
    fail(ctx, STATUS_USAGE, text_quote(ctx->graph, unit->path, strlen(unit->path)), NULL, "%s does not compile it:\n%s", plugin->compiler,
         messages != NULL ? text_lines(ctx->graph, messages, strnlen(messages, MESSAGE_BYTES)) : "(it said nothing)");
}

static int by_length(const void *a, const void *b)
{
    const size_t x = (*(Job *const *)a)->unit->length, y = (*(Job *const *)b)->unit->length;
    return (x < y) - (x > y);
}

static void compile_queue(const Loading *loading, Team *team)
{
    Context *ctx = loading->ctx;
    const char *flags = loading->isa->compiler_flags;
    JitBytes messages = {0};
    JitHead *head = team->plugin->head(text_words(ctx->graph, flags != NULL ? flags : "", NULL), loading->units->includes, &messages);
    if (head == NULL)
        jit_fail(ctx, team->plugin, "compiling the vector headers", messages.data);
    qsort(team->queue, (size_t)team->count, sizeof(Job *), by_length);
    team->head = head;
    run_team(ctx, team);
    team->plugin->head_free(head);
    for (int i = 0; i < team->count; i++)
        if (team->queue[i]->state == FAILED)
            jit_fail_unit(ctx, team->plugin, team->queue[i]->unit, team->queue[i]->messages.data);
    if (team->folder >= 0)
        objects_trim(ctx, team->folder);
}

/* again: all, whatever is kept. True: some are from the cache. */
static bool compile_all(Loading *loading, bool again)
{
    const int count = loading->units->count;
    Context *ctx = loading->ctx;
    Team team = {.plugin = loading->plugin, .options = loading->options, .folder = loading->folder, .queue = arena_array(ctx->graph, Job *, count + 1)};
    loading->jobs = arena_array(ctx->graph, Job, count + 1);
    for (int i = 0; i < count; i++) {
        Job *job = &loading->jobs[i];
        job->unit = &loading->units->items[i];
        job->key = team.folder >= 0 ? objects_key(ctx, team.plugin, loading->isa, job->unit) : NULL;
        if (team.folder >= 0 && !again && objects_read(team.folder, job->key, &job->object))
            job->state = CACHED;
        else
            team.queue[team.count++] = job;
    }
    if (team.count > 0)
        compile_queue(loading, &team);
    return team.count < count;
}

/* ---- loading ---- */

/* What is loaded: its objects are kept, for their line tables. */
typedef struct Linked {
    const void *entry;
    const JitPlugin *plugin;
    const Units *units;
    struct Linked *next;
    int count;
    JitObject objects[];
} Linked;

static Linked *linked;

static void free_linked(Linked *one)
{
    for (int i = 0; i < one->count; i++)
        free((char *)(uintptr_t)one->objects[i].data);       /* as release() does, and the cache */
    free(one);
}

/* The address of what gives the model. NULL: messages says why. */
static void *link_all(const Loading *loading, JitBytes *messages)
{
    const Units *units = loading->units;
    JitSymbol *symbols = arena_array(loading->ctx->graph, JitSymbol, units->count + 1);
    Linked *one = calloc(1, sizeof *one + (size_t)units->count * sizeof *one->objects);
    int symbol_count = 0;
    if (one == NULL)
        abort();
    *one = (Linked){.plugin = loading->plugin, .units = units, .next = linked, .count = units->count};
    for (int i = 0; i < units->count; i++) {
        const Unit *unit = &units->items[i];
        one->objects[i] = (JitObject){unit->name, loading->jobs[i].object.data, loading->jobs[i].object.length, unit->anchor, NULL};
        if (unit->weights_name != NULL)
            symbols[symbol_count++] = (JitSymbol){unit->weights_name, unit->weights};
    }
    void *model = loading->plugin->load(one->objects, units->count, symbols, symbol_count, units->model, messages);
    one->entry = model;
    if (model != NULL)
        linked = one;
    else
        free_linked(one);
    return model;
}

void jit_unload(Context *ctx, const void *entry)
{
    const char *why = NULL;
    const JitPlugin *plugin = jit_plugin(ctx, &why);
    Linked **at = &linked;
    while (*at != NULL && (*at)->entry != entry)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    Linked *one = *at;
    *at = one->next;
    plugin->unload(entry);
    free_linked(one);
}

const Unit *jit_locate(const void *address, JitPlace *place)
{
    for (const Linked *one = linked; one != NULL; one = one->next)
        for (int i = 0; i < one->count; i++)
            if (one->objects[i].address != NULL && one->plugin->locate(&one->objects[i], address, place))
                return &one->units->items[i];
    return NULL;
}

void *jit_load(Context *ctx, const Isa *isa, const Units *units, const JitOptions *options)
{
    const char *why = NULL;
    Loading loading = {ctx, jit_plugin(ctx, &why), isa, units, options, -1, NULL};
    JitBytes messages = {0};
    if (loading.plugin == NULL)
        fail(ctx, STATUS_USAGE, NULL, NULL, "%s", why);
    if (!options->no_cache)
        loading.folder = objects_open(ctx);
    const bool kept = compile_all(&loading, false);
    for (int i = 0; i < units->count; i++)
        jit_check_object(ctx, loading.plugin, &units->items[i], loading.jobs[i].object.data, loading.jobs[i].object.length);
    void *model = link_all(&loading, &messages);
    if (model == NULL && kept) {
        say(ctx, "note: objects of an earlier run do not load, all are compiled again");
        loading.plugin->release(&messages);
        compile_all(&loading, true);
        model = link_all(&loading, &messages);
    }
    if (loading.folder >= 0)
        close(loading.folder);
    for (int i = 0; i < units->count && model == NULL; i++)
        if (units->items[i].path != NULL)
            fail(ctx, STATUS_USAGE, text_quote(ctx->graph, units->items[i].path, strlen(units->items[i].path)), "it must stand alone", "it cannot be loaded:\n%s",
                 messages.data != NULL ? text_lines(ctx->graph, messages.data, strnlen(messages.data, MESSAGE_BYTES)) : "(nothing says why)");
    if (model == NULL)
        jit_fail(ctx, loading.plugin, "loading code", messages.data);
    return model;
}
