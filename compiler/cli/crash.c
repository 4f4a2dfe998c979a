/* Crashes of generated code, a user's own kernel above all: told with layer, stage and line, on whichever of the pool's threads they happen; nothing is
   left behind. */
#define _GNU_SOURCE
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "codegen/jit/jit.h"
#include "compiler/cli/cli.h"

enum { STACK_BYTES = 1 << 20, MOST_FRAMES = 32, PATIENCE = 5 /* seconds */ };

static char message[512];            /* what is told if nothing better is found */
static volatile sig_atomic_t watching;
static atomic_int crashed;           /* the thread that is telling */
static volatile sig_atomic_t number_of_crash;

/* ---- what happened ---- */

static const char *cause_of(int number)
{
    switch (number) {
    case SIGFPE: return "it divided by zero, or a quotient was too large";
    case SIGABRT: return "it ended the program";
    case SIGILL: case SIGTRAP: return "it met an instruction that this machine lacks, or a trap";
    default: return "it left its memory";
    }
}

static const char lacks[] = "  hint: this machine lacks an instruction of the target; see 'tulle targets'\n";

static void put(const char *text)
{
    if (write(2, text, strlen(text)) < 0)
        _exit(STATUS_INTERNAL);
}

static _Noreturn void end(void)
{
    scratch_remove_all();
    _exit(STATUS_INTERNAL);
}

/* Nothing more can be found out: looking crashed, too, or does not end. */
static void give_up(int number)
{
    (void)number;
    put(message);
    if (number_of_crash == SIGILL)
        put(lacks);
    end();
}

static const void *address_of(const void *context)
{
    const ucontext_t *state = context;
#if defined(__x86_64__)
    return (const void *)(uintptr_t)state->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (const void *)(uintptr_t)state->uc_mcontext.pc;
#else
    (void)state;
    return NULL;
#endif
}

/* Where a call came from that went to no code: backtrace() finds no way from there. Anything, where it was no call. */
static const void *caller_of(const void *context)
{
    const ucontext_t *state = context;
#if defined(__x86_64__)
    const uintptr_t stack = (uintptr_t)state->uc_mcontext.gregs[REG_RSP];
    return stack % sizeof(void *) == 0 ? *(const void *const *)stack : NULL;
#elif defined(__aarch64__)
    return (const void *)(uintptr_t)state->uc_mcontext.regs[30];
#else
    (void)state;
    return NULL;
#endif
}

/* Where generated code is: at the address, or, inside a function of the C library, on the way to it. */
static const Unit *find(const void *context, JitPlace *place)
{
    void *frames[MOST_FRAMES];
    const Unit *unit = jit_locate(address_of(context), place);
    const void *caller = unit ? NULL : caller_of(context);
    if (caller)
        unit = jit_locate((const char *)caller - 1, place);
    const int count = unit ? 0 : backtrace(frames, MOST_FRAMES);
    for (int i = 0; i < count && !unit; i++)
        unit = jit_locate((const char *)frames[i] - 1, place);
    return unit;
}

/* Up to the line's end, as a terminal may show it. */
static void copy_line(char *to, size_t size, const char *line)
{
    size_t length = 0;
    for (size_t bytes, left = strcspn(line, "\n"); left > 0 && length + 4 < size; left -= bytes, line += bytes) {
        bytes = text_character(line, left);
        memcpy(to + length, bytes > 0 ? line : "?", bytes > 0 ? bytes : 1);
        bytes = bytes > 0 ? bytes : 1;
        length += bytes;
    }
    to[length] = '\0';
}

/* Where the line begins, behind its blanks: a user's file has its lines numbered from where it begins. */
static const char *line_of(const Unit *unit, int line)
{
    const char *at = unit->text;
    if (unit->path) {
        at = strstr(unit->text, "\n#line 1 ");
        at = at ? strchr(at + 1, '\n') : NULL;
        at = at ? at + 1 : "";
    }
    for (; line > 1 && *at; line--) {
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    return at + strspn(at, " \t");
}

static bool is_stage(const Unit *unit, const char *function)
{
    const size_t length = strlen(unit->name);
    return strncmp(function, unit->name, length) == 0 && function[length] == '_' && function[length + 1] >= '0' && function[length + 1] <= '9';
}

/* Names that a user's own #line gave are of other texts. */
static bool of_file(const Unit *unit, const char *file)
{
    const size_t length = strlen(file), whole = strlen(unit->path);
    return length > 0 && length <= whole && strcmp(unit->path + whole - length, file) == 0;
}

static void tell(const Unit *unit, const JitPlace *place, int number)
{
    static char text[1500], path[300], line[200];
    copy_line(path, sizeof path, unit->path ? unit->path : "the generated code");
    copy_line(line, sizeof line, line_of(unit, place->line));
    const int length = snprintf(text, sizeof text, "tulle: error: %s: %s crashed in %s%s: %s\n", unit->says, path,
                                is_stage(unit, place->function) ? "stage " : "", place->function[0] ? place->function : "a function", cause_of(number));
    if (place->line > 0 && unit->path && !of_file(unit, place->file)) {
        copy_line(path, sizeof path, place->file);
        snprintf(text + length, sizeof text - (size_t)length, "%s:%d\n", path, place->line);
    } else if (place->line > 0 && unit->path)
        snprintf(text + length, sizeof text - (size_t)length, "%s:%d: %s\n", path, place->line, line);
    else if (place->line > 0)
        snprintf(text + length, sizeof text - (size_t)length, "  line %d of 'tulle inspect MODEL LAYER --show source': %s\n", place->line, line);
    put(text);
    if (number == SIGILL && !unit->path)
        put(lacks);
}

static _Noreturn void end_compiling(void)
{
    copy_line(message, sizeof message, jit_compiling()->path);
    put("tulle: error: ");
    put(message);
    put(": the compiler crashed: is an expression too long, or nested too deep?\n");
    end();
}

/* Reading line tables is nothing that a signal's handler may do by the book. But what crashed is generated code, which holds no lock and allocates
   nothing; and whatever happens meanwhile, the message that needs nothing is told in time. */
static void on_crash(int number, siginfo_t *information, void *context)
{
    int nobody = 0;
    (void)information;
    if (!atomic_compare_exchange_strong(&crashed, &nobody, (int)gettid())) {
        if (nobody == (int)gettid())
            give_up(number);
        for (;;)
            pause();
    }
    if (!watching && jit_compiling() && jit_compiling()->path)
        end_compiling();
    if (!watching) {
        scratch_remove_all();
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    number_of_crash = number;
    signal(SIGALRM, give_up);
    alarm(PATIENCE);
    JitPlace place;
    const Unit *unit = find(context, &place);
    if (!unit)
        give_up(SIGALRM);
    tell(unit, &place, number);
    end();
}

/* ---- watching ---- */

/* A stack for the handler: that of the thread may be what is full. */
void crash_thread(void)
{
    static _Thread_local bool prepared;
    if (prepared)
        return;
    void *memory = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        sigaltstack(&(stack_t){.ss_sp = memory, .ss_size = STACK_BYTES}, NULL);
    prepared = true;
}

static void prepare_process(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
    static bool prepared;
    void *frame;
    if (prepared)
        return;
    backtrace(&frame, 1);            /* loads what it needs */
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < COUNT(crashes); i++)
        sigaction(crashes[i], &action, NULL);
    prepared = true;
}

void crash_watch(const char *text)
{
    watching = 0;
    if (!text)
        return;
    snprintf(message, sizeof message, "%s", text);
    prepare_process();
    crash_thread();
    watching = 1;
}

void program_watch(const char *what, int threads)
{
    watching = 0;
    if (!what)
        return;
    snprintf(message, sizeof message, "tulle: error: the generated code crashed in %s: it left its memory, or met a bad instruction\n", what);
    prepare_process();
#pragma omp parallel num_threads(threads)
    crash_thread();
    watching = 1;
}
