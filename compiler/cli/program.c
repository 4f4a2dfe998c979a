/* A model compiled for this process, by the compiler in it or, with --cc or where there is none, by a C compiler in a temporary folder; and called on
   memory that shows stray accesses. Its stages run in the one pool of this process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "codegen/jit/jit.h"
#include "compiler/cli/cli.h"

/* ---- memory ---- */

/* A whole number of pages that ends with the tensor, and one page more that may not be touched. */
static size_t mapping_bytes(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page + page;
}

void *program_memory(Context *ctx, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = bytes < SIZE_MAX / 2 ? mapping_bytes(bytes) : SIZE_MAX;
    char *start = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + whole - page, page, PROT_NONE) != 0)
        fail(ctx, STATUS_MODEL, NULL, NULL, "%zu bytes do not fit into memory", bytes);
    char *memory = start + whole - page - bytes;
    memset(memory, 0xff, bytes);
    return memory;
}

static char *mapping_start(void *memory, size_t bytes)
{
    return (char *)memory + bytes + sysconf(_SC_PAGESIZE) - mapping_bytes(bytes);
}

void program_freeze(void *memory, size_t bytes)
{
    mprotect(mapping_start(memory, bytes), mapping_bytes(bytes) - (size_t)sysconf(_SC_PAGESIZE), PROT_READ);
}

void program_release(void *memory, size_t bytes)
{
    munmap(mapping_start(memory, bytes), mapping_bytes(bytes));
}

void **program_guard(Context *ctx, const struct tulle_model *model, void *const *inputs)
{
    void **guarded = arena_array(ctx->graph, void *, model->input_count + 1);
    for (int i = 0; i < model->input_count; i++) {
        const size_t bytes = model->inputs[i].bytes;
        guarded[i] = program_memory(ctx, bytes);
        if (bytes)
            memcpy(guarded[i], inputs[i], bytes);
        program_freeze(guarded[i], bytes);
    }
    return guarded;
}

void program_unguard(const struct tulle_model *model, void **guarded)
{
    for (int i = 0; i < model->input_count; i++)
        program_release(guarded[i], model->inputs[i].bytes);
}

/* ---- loading ---- */

enum { MOST_JOBS = 64 };             /* each takes memory of its own */

static void check_tensors(Context *ctx, const Graph *graph, const struct tulle_model *model)
{
    if (model->abi != TULLE_ABI || model->input_count != graph->input_count || model->output_count != graph->output_count)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "the compiled model is not the one that was planned");
}

static _Noreturn void fail_foreign(Context *ctx, const Plan *plan)
{
    fail(ctx, STATUS_USAGE, NULL, "use 'tulle build', and run the result on such a machine, or under qemu", "code for target '%s' cannot be loaded on this machine",
         plan->target->machine.name);
}

static void *find_symbol(Context *ctx, void *handle, const char *name)
{
    void *symbol = dlsym(handle, name);
    if (!symbol)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "the compiled model lacks '%s'", name);
    return symbol;
}

typedef const struct tulle_model *ModelEntry(void);

static ModelEntry *load_by_compiler(Context *ctx, const Options *options, const Plan *plan, Program *program)
{
    const Compiler *compiler = compiler_find(ctx, options, plan->target);
    size_t weight_bytes;
    const char *source = driver_source(ctx, plan, compiler->folder, "model", PROGRAM_PREFIX, &weight_bytes), *object = arena_format(ctx->graph, "%s/model.so", compiler->folder);
    const char *const arguments[] = {"-shared", "-fPIC", arena_format(ctx->graph, "-I%s", compiler->folder), source, "-o", object, "-lm"};
    compiler_run(ctx, compiler, false, arguments, COUNT(arguments));      /* the threads are ours */
    program->library = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    if (!program->library)
        fail_foreign(ctx, plan);
    scratch_remove_all();            /* it stays loaded; nothing is left behind whatever happens next */
    ModelEntry *entry;
    *(void **)&entry = find_symbol(ctx, program->library, PROGRAM_PREFIX "_model");
    return entry;
}

/* ---- in process ---- */

typedef struct Progress {
    struct timespec start;
    bool terminal, shown;
} Progress;

static void show_progress(void *user, int done, int count)
{
    Progress *progress = user;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!progress->terminal || (!progress->shown && now.tv_sec - progress->start.tv_sec < 1))
        return;
    progress->shown = true;
    fprintf(stderr, "\rcompiled %d of %d parts ", done, count);
    if (done == count)
        fprintf(stderr, "\r%*s\r", 40, "");
    fflush(stderr);
}

/* A user's layer finds its weights on pages that end where they do, and may not be written. */
static void guard_weights(Context *ctx, Units *units)
{
    for (int i = 0; i < units->count; i++) {
        Unit *unit = &units->items[i];
        if (unit->path == NULL || unit->weights_name == NULL)
            continue;
        void *memory = program_memory(ctx, unit->weight_bytes);
        memcpy(memory, unit->weights, unit->weight_bytes);
        program_freeze(memory, unit->weight_bytes);
        unit->weights = memory;
    }
}

static void release_weights(const Units *units)
{
    for (int i = 0; units != NULL && i < units->count; i++)
        if (units->items[i].path != NULL && units->items[i].weights_name != NULL)
            program_release((void *)(uintptr_t)units->items[i].weights, units->items[i].weight_bytes);
}

const char *program_source(const Program *program, int layer)
{
    for (int i = 0; program->units != NULL && i < program->units->count; i++)
        if (program->units->items[i].layer == layer)
            return program->units->items[i].path;
    return NULL;
}

static ModelEntry *load_in_process(Context *ctx, const Options *asked, const Plan *plan, Program *program)
{
    Progress progress = {.terminal = isatty(2)};
    clock_gettime(CLOCK_MONOTONIC, &progress.start);
    const int cores = machine_cores(ctx);
    const JitOptions options = {.jobs = cores < MOST_JOBS ? cores : MOST_JOBS, .no_cache = asked->no_cache, .progress = show_progress, .user = &progress,
                                .started = crash_thread};
    program->texts = arena_new(ctx, "the program", SIZE_MAX / 2);
    Units *units = arena_new_of(program->texts, Units);
    units_make(plan, PROGRAM_PREFIX, program->texts, units);
    program->units = units;
    kernel_sources_take(ctx, asked, plan, units, program->texts);
    guard_weights(ctx, units);
    ModelEntry *entry;
    program->entry = *(void **)&entry = jit_load(ctx, &plan->target->isa, units, &options);
    return entry;
}

void program_check(Context *ctx, const Plan *plan)
{
    if (isa_foreign(&plan->target->isa))
        fail_foreign(ctx, plan);
}

Program *program_load(Context *ctx, const Options *options, const Plan *plan)
{
    static bool told;
    program_check(ctx, plan);
    const char *missing = options->compiler ? NULL : jit_missing(ctx);
    const bool in_process = !options->compiler && !missing;
    if (options->kernel_sources.count > 0 && !in_process)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--kernel-source needs the compiler in this process: %s", missing ? missing : "leave out --cc");
    if (missing && !told)
        say(ctx, "note: %s; a C compiler is called instead", missing);
    told = true;
    Program *program = arena_new_of(ctx->graph, Program);
    ModelEntry *entry = (in_process ? load_in_process : load_by_compiler)(ctx, options, plan, program);
    program->model = entry();
    check_tensors(ctx, plan->whole, program->model);
    return program;
}

void program_unload(Context *ctx, Program *program)
{
    if (program->entry)
        jit_unload(ctx, program->entry);
    if (program->library)
        dlclose(program->library);
    release_weights(program->units);
    if (program->texts)
        arena_free(program->texts);
    *program = (Program){.model = NULL};
}

_Noreturn void program_fail(Context *ctx, int status)
{
    fail(ctx, status == TULLE_ASSUMED_INPUT ? STATUS_MODEL : STATUS_INTERNAL, NULL, NULL, "the model did not run: %s", tulle_status_text(status));
}

void program_run(Context *ctx, const Program *program, void *const *inputs, void *const *outputs, int threads)
{
    size_t bytes = tulle_workspace_bytes(program->model, threads);
    void *workspace = program_memory(ctx, bytes);
    program_watch("its run as a whole", threads);
    int status = tulle_run(program->model, (const void *const *)inputs, outputs, workspace, bytes, threads);
    program_watch(NULL, 0);
    program_release(workspace, bytes);
    if (status != TULLE_OK)
        program_fail(ctx, status);
}
