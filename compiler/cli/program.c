/* A model compiled for this process: a shared object made in a temporary folder, loaded, and called on memory that shows stray accesses. */
#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

/* ---- crashes ---- */

static char crash_message[512];
static volatile sig_atomic_t crash_length;

static void on_crash(int number)
{
    if (crash_length && write(2, crash_message, (size_t)crash_length) < 0)
        _exit(STATUS_INTERNAL);
    if (crash_length && number == SIGILL) {
        static const char hint[] = "  hint: this machine lacks an instruction of the target; see 'tulle targets'\n";
        if (write(2, hint, sizeof hint - 1) < 0)
            _exit(STATUS_INTERNAL);
    }
    scratch_remove_all();
    if (crash_length)
        _exit(STATUS_INTERNAL);
    signal(number, SIG_DFL);
    raise(number);
}

void program_watch(const char *layer)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    crash_length = 0;
    if (!layer)
        return;
    int length = snprintf(crash_message, sizeof crash_message, "tulle: error: the generated code crashed in %s: it left its memory, or met a bad instruction\n", layer);
    crash_length = length < (int)sizeof crash_message ? length : (int)sizeof crash_message - 1;
    for (int i = 0; i < COUNT(crashes); i++)
        signal(crashes[i], on_crash);
}

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

/* ---- loading ---- */

static void check_tensors(Context *ctx, const Graph *graph, const struct tulle_model *model)
{
    if (model->abi != TULLE_ABI || model->input_count != graph->input_count || model->output_count != graph->output_count)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "the compiled model is not the one that was planned");
}

static void *find_symbol(Context *ctx, void *handle, const char *name)
{
    void *symbol = dlsym(handle, name);
    if (!symbol)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "the compiled model lacks '%s'", name);
    return symbol;
}

Program *program_load(Context *ctx, const Options *options, const Plan *plan)
{
    const Compiler *compiler = compiler_find(ctx, options, plan->target);
    size_t weight_bytes;
    const char *source = driver_source(ctx, plan, compiler->folder, "model", "model", &weight_bytes), *object = arena_format(ctx->graph, "%s/model.so", compiler->folder);
    const char *const arguments[] = {"-shared", "-fPIC", arena_format(ctx->graph, "-I%s", compiler->folder), source, "-o", object, "-lm"};
    compiler_run(ctx, compiler, arguments, COUNT(arguments));
    void *handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        fail(ctx, STATUS_USAGE, NULL, "use 'tulle build', and run the result on such a machine, or under qemu", "code for target '%s' cannot be loaded on this machine",
             plan->target->machine.name);
    scratch_remove_all();            /* it stays loaded; nothing is left behind whatever happens next */
    Program *program = arena_new_of(ctx->graph, Program);
    const struct tulle_model *(*model)(void);
    *(void **)&model = find_symbol(ctx, handle, "model_model");
    *(void **)&program->run = find_symbol(ctx, handle, "model_run");
    program->model = model();
    check_tensors(ctx, plan->whole, program->model);
    return program;
}

void program_run(Context *ctx, const Program *program, void *const *inputs, void *const *outputs, int threads)
{
    size_t bytes = program->model->workspace_bytes + (size_t)threads * program->model->thread_bytes;
    void *workspace = program_memory(ctx, bytes);
    program_watch("its run as a whole");
    int status = program->run((const void *const *)inputs, outputs, workspace, bytes, threads);
    program_watch(NULL);
    program_release(workspace, bytes);
    if (status != TULLE_OK)
        fail(ctx, status == TULLE_ASSUMED_INPUT ? STATUS_MODEL : STATUS_INTERNAL, NULL, NULL, "the model did not run: %s",
             tulle_status_text(status));
}
