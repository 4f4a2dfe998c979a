/* One way to fail on the user's fault: say what is wrong and unwind to the command; or collect what is wrong and say it all at once. */
#include "compiler/base/base.h"

#include <setjmp.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST_COMPLAINTS 1000
#define ADDRESS_LIMIT ((size_t)16 << 30)

struct Unwind {
    jmp_buf back;
    Status status;
};

typedef struct Complaint {
    struct Complaint *next;
    Status status;
    const char *text;
} Complaint;

static bool coloured(void)
{
    return isatty(2) && !getenv("NO_COLOR");
}

static Text message(const Context *ctx, Arena *arena, const char *where, const char *hint, const char *format, va_list arguments)
{
    Text text = text_new(arena);
    text_add(&text, coloured() ? "tulle: \033[31merror:\033[0m " : "tulle: error: ");
    if (ctx->file)
        text_format(&text, "%s: ", ctx->file);
    if (where)
        text_format(&text, "%s: ", where);
    text_vformat(&text, format, arguments);
    text_add(&text, "\n");
    if (hint)
        text_format(&text, "  hint: %s\n", hint);
    return text;
}

/* Failing must not fail for want of memory: messages have an arena of their own, and the one that cannot be built is told plainly. */
static void say(const Context *ctx, const char *where, const char *hint, const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, coloured() ? "tulle: \033[31merror:\033[0m " : "tulle: error: ");
    if (ctx->file)
        fprintf(stderr, "%s: ", ctx->file);
    if (where)
        fprintf(stderr, "%s: ", where);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    if (hint)
        fprintf(stderr, "  hint: %s\n", hint);
}

static void say_complaints(const Context *ctx)
{
    for (const Complaint *complaint = ctx->complaints; complaint; complaint = complaint->next)
        fputs(complaint->text, stderr);
}

static _Noreturn void unwind(Context *ctx, Status status)
{
    if (!ctx->unwind)
        exit(status);
    ctx->unwind->status = status;
    longjmp(ctx->unwind->back, 1);
}

_Noreturn void fail(Context *ctx, Status status, const char *where, const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_complaints(ctx);
    say(ctx, where, hint, format, arguments);
    va_end(arguments);
    unwind(ctx, status);
}

void complain(Context *ctx, Status status, const char *where, const char *hint, const char *format, ...)
{
    int count = 0;
    Complaint **end = &ctx->complaints;
    for (; *end; end = &(*end)->next)
        count++;
    if (count > MOST_COMPLAINTS)
        return;
    va_list arguments;
    va_start(arguments, format);
    Complaint *complaint = arena_new_of(ctx->graph, Complaint);
    complaint->status = status;
    complaint->text = count == MOST_COMPLAINTS ? "tulle: error: and more of the same\n" : message(ctx, ctx->graph, where, hint, format, arguments).data;
    va_end(arguments);
    *end = complaint;
}

void fail_complaints(Context *ctx)
{
    if (!ctx->complaints)
        return;
    Status worst = ctx->complaints->status;
    for (const Complaint *complaint = ctx->complaints; complaint; complaint = complaint->next)
        if (complaint->status == STATUS_MODEL)
            worst = STATUS_MODEL;
    say_complaints(ctx);
    unwind(ctx, worst);
}

static size_t memory_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t memory = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : ADDRESS_LIMIT;
    return memory < ADDRESS_LIMIT ? memory : ADDRESS_LIMIT;
}

Status context_run(Status (*work)(Context *, void *), void *argument)
{
    struct Unwind here;
    Context ctx = {.unwind = &here};
    ctx.graph = arena_new(&ctx, "the graph", memory_limit());
    ctx.scratch = arena_new(&ctx, "a pass", memory_limit());
    if (setjmp(here.back) == 0)
        here.status = work(&ctx, argument);
    scratch_remove_all();
    arena_free(ctx.graph);
    arena_free(ctx.scratch);
    return here.status;
}
