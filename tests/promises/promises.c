/* The promises: no variable that changes, no calls but those of the text itself, of builtins and of assembler that stands in it, no recursion, and
   loops that are bounded by constants, by a share of the work, or by constant tables. File-level assembler is text to libclang: of its instructions
   it is checked here that none calls, and none asks the system for anything. */
#include "promises.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Check {
    Context *ctx;
    const char *name, *text;
    size_t length;
    JitReading reading;
    Tally *tally;
} Check;

static void broken(const Check *check, const JitFact *fact, const char *promise, const char *what)
{
    const char *function = fact->function >= 0 ? check->reading.facts[fact->function].name : "the file";
    printf("%s:%d:%d: %s: %s '%s', in %s\n", check->name, fact->line, fact->column, promise, what, fact->text[0] ? fact->text : fact->name, function);
    check->tally->faults++;
}

/* ---- calls ---- */

/* What compilers expand or the mathematics library has; docs/generated-code.md names that library. Memory, input and output are not among them. */
static bool builtin_allowed(const char *name)
{
    static const char *const plain[] = {
        "acos", "acosf", "acosh", "acoshf", "asin", "asinf", "asinh", "asinhf", "atan", "atanf", "atanh", "atanhf", "ceil", "ceilf", "clz", "clzll", "copysign",
        "copysignf", "cos", "cosf", "cosh", "coshf", "ctz", "ctzll", "erf", "erff", "exp", "expf", "expm1", "expm1f", "fabs", "fabsf", "floor", "floorf", "fma", "fmaf", "fmax", "fmaxf",
        "fmin", "fminf", "fmod", "fmodf", "frexp", "huge_val", "inf", "inff", "isfinite", "isinf", "isnan", "ldexp", "log", "log1p", "log1pf", "logf", "memcpy",
        "memset", "nan", "nanf", "nearbyint", "nearbyintf", "pow", "powf", "prefetch", "rint", "rintf", "round", "roundf", "roundeven", "roundevenf", "shufflevector",
        "shuffle", "convertvector", "signbit", "sin", "sinf", "sinh", "sinhf", "sqrt", "sqrtf", "tan", "tanf", "tanh", "tanhf", "trunc", "truncf", "expect", "unreachable"};
    static const char prefix[] = "__builtin_";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return true;                 /* an intrinsic of clang's headers */
    name += sizeof prefix - 1;
    if (strncmp(name, "ia32_", 5) == 0 || strncmp(name, "neon_", 5) == 0)
        return true;
    for (int i = 0; i < COUNT(plain); i++)
        if (strcmp(name, plain[i]) == 0)
            return true;
    return false;
}

/* A body in assembler that the text has itself. */
static bool assembled(const Check *check, const char *name)
{
    const char *label = arena_format(check->ctx->scratch, ".globl %s\\n", name);
    return strstr(check->text, label) != NULL;
}

/* The pool's loop over stages, which the runtime shares with the program. */
static bool pointer_allowed(const char *callee)
{
    static const char *const known[] = {"model->stages[stage]", "model->check", "mark"};
    for (int i = 0; i < COUNT(known); i++)
        if (strcmp(callee, known[i]) == 0)
            return true;
    return false;
}

static void check_call(const Check *check, const JitFact *fact)
{
    check->tally->calls++;
    if (fact->callee == CALLEE_COMPILER && !builtin_allowed(fact->name))
        broken(check, fact, "no foreign calls", "builtin");
    if (fact->callee == CALLEE_FOREIGN && !assembled(check, fact->name))
        broken(check, fact, "no foreign calls", "function");
    if (fact->callee == CALLEE_POINTER && !pointer_allowed(fact->text))
        broken(check, fact, "no foreign calls", "pointer");
}

/* ---- recursion ---- */


typedef struct Search { const Check *check; char *state; const NameMap *functions; } Search;     /* state: 1 on the way, 2 done */

static void follow(const Search *search, int function);

static void follow_call(const Search *search, const JitFact *call, int callee)
{
    if (search->state[callee] == 1)
        broken(search->check, call, "no recursion", "call of");
    else if (search->state[callee] == 0)
        follow(search, callee);
}

/* Through a pointer it may be any function of that type which is used as a value. */
static void follow(const Search *search, int function)
{
    const JitReading *reading = &search->check->reading;
    search->state[function] = 1;
    for (int i = function + 1; i < reading->count; i++) {
        const JitFact *call = &reading->facts[i];
        if (call->function != function || call->kind != FACT_CALL)
            continue;
        const JitFact *callee = call->callee == CALLEE_OWN ? name_find(search->functions, call->name) : NULL;
        if (callee != NULL)
            follow_call(search, call, (int)(callee - reading->facts));
        for (int k = 0; (call->callee == CALLEE_CHOICE || call->callee == CALLEE_POINTER) && k < reading->count; k++)
            if (reading->facts[k].kind == FACT_FUNCTION && reading->facts[k].taken && strcmp(reading->facts[k].type, call->type) == 0)
                follow_call(search, call, k);
    }
    search->state[function] = 2;
}

static void check_recursion(const Check *check)
{
    NameMap functions = name_map(check->ctx->graph);
    const JitReading *reading = &check->reading;
    const Search search = {check, arena_alloc(check->ctx->graph, (size_t)reading->count + 1, 1), &functions};
    for (int i = 0; i < reading->count; i++)
        if (reading->facts[i].kind == FACT_FUNCTION)
            *name_slot(&functions, reading->facts[i].name) = &reading->facts[i];
    for (int i = 0; i < reading->count; i++)
        if (reading->facts[i].kind == FACT_FUNCTION && search.state[i] == 0)
            follow(&search, i);
}

/* ---- loops ---- */

static void check_loop(const Check *check, const JitFact *fact)
{
    check->tally->loops++;
    check->tally->share += (fact->from & FROM_SHARE) != 0;
    check->tally->table += fact->from == FROM_TABLE;
    check->tally->constant += fact->from == 0;
    if (fact->from & FROM_ELSEWHERE)
        broken(check, fact, "bounded loops", "loop");
}

/* ---- assembler ---- */

static bool instruction_forbidden(const char *word, size_t length)
{
    static const char *const forbidden[] = {"call", "callq", "lcall", "bl", "blr", "svc", "syscall", "sysenter", "int", "int3", "in", "out", "hlt", "brk", "hvc", "smc"};
    for (int i = 0; i < COUNT(forbidden); i++)
        if (strlen(forbidden[i]) == length && strncmp(word, forbidden[i], length) == 0)
            return true;
    return false;
}

/* The first words of an assembler's lines, in the strings of some lines of C. */
static void check_assembler(const Check *check, const JitFact *fact)
{
    const char *at = check->text;
    for (int line = 1; line < fact->line && at != NULL; line++)
        at = (at = strchr(at, '\n')) != NULL ? at + 1 : NULL;
    bool inside = false, first = true;
    check->tally->assembler++;
    for (int line = fact->line; at != NULL && *at != '\0' && line <= fact->end_line; at++) {
        line += *at == '\n';
        if (*at == '"')
            inside = !inside;
        if (!inside || *at == '"')
            continue;
        if ((at[0] == '\\' && (at[1] == 'n' || at[1] == 't')) || *at == ';') {
            first = at[0] != '\\' || at[1] == 'n' || first;
            at += *at == '\\';
        } else if (first && (isalpha((unsigned char)*at) || *at == '.' || *at == '_')) {
            const size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._$%");
            check->tally->instructions++;
            if (instruction_forbidden(at, length))
                broken(check, fact, "no foreign calls", arena_format(check->ctx->scratch, "assembler '%.*s'", (int)length, at));
            at += length - 1;
            first = at[1] == ':';
            at += at[1] == ':';
        }
    }
}

/* ---- all ---- */

void promises_check(Context *ctx, const Isa *isa, const char *name, const char *text, size_t length, Tally *tally)
{
    Check check = {ctx, name, text, length, {0}, tally};
    const char *fault = jit_read(ctx, isa, name, text, length, &check.reading);
    tally->texts++;
    if (fault != NULL) {
        printf("%s: %s\n", name, fault);
        tally->faults++;
        return;
    }
    for (int i = 0; i < check.reading.count; i++) {
        const JitFact *fact = &check.reading.facts[i];
        switch (fact->kind) {
        case FACT_FUNCTION: tally->functions++; break;
        case FACT_LOOP: check_loop(&check, fact); break;
        case FACT_ARRAY: break;
        case FACT_STATIC:
            tally->statics++;
            if (fact->changes)
                broken(&check, fact, "no state", "variable");
            break;
        case FACT_CALL: check_call(&check, fact); break;
        case FACT_ASSEMBLER: check_assembler(&check, fact); break;
        }
    }
    check_recursion(&check);
}
