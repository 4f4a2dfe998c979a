/* One way to fail on the user's fault: a message, then back to context_run, which cleans up. Faults can also be collected and told together. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/base/cleanup.h"

enum { MOST_COMPLAINTS = 1000 };

struct Unwind {
    sigjmp_buf place;
    Status status;
    Arena *graph, *scratch;  /* as they were before */
};

typedef struct Complaint {
    struct Complaint *next;
    Status status;
    char *where, *hint, *what;       /* copies of our own; where and hint may be NULL */
} Complaint;

struct Complaints {
    Complaint *first, **last;
    int kept, dropped;
    Status status;           /* what the command ends with */
};

/* ---- messages ---- */

static FILE *stream_of(const Context *ctx)
{
    return ctx && ctx->messages ? ctx->messages : stderr;
}

static bool colours(const FILE *stream)
{
    const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return stream == stderr && isatty(STDERR_FILENO) && !(refused && *refused) && !(terminal && !strcmp(terminal, "dumb"));
}

/* The last guard of the terminal: whatever a caller forgot to quote does not reach it as a control sequence. Lines after the first are kept. */
static void print_text(FILE *stream, const char *text)
{
    for (size_t left = strlen(text); left;) {
        size_t length = *text == '\n' || *text == '\t' ? 1 : text_character(text, left);
        if (length)
            fwrite(text, 1, length, stream);
        else
            fprintf(stream, "\\x%02x", (unsigned char)*text);
        length += !length;
        text += length;
        left -= length;
    }
}

static void print_hint(FILE *stream, const char *hint)
{
    while (*hint) {
        size_t length = strcspn(hint, "\n");
        char *line = strndup(hint, length);
        fputs("  hint: ", stream);
        print_text(stream, line ? line : "");
        fputc('\n', stream);
        free(line);
        hint += length + (hint[length] == '\n');
    }
}

static void print_message(const Context *ctx, const char *where, const char *hint, const char *what)
{
    FILE *stream = stream_of(ctx);
    flockfile(stream);
    fputs(colours(stream) ? "\033[1mtulle: \033[31merror:\033[0m " : "tulle: error: ", stream);
    const char *parts[] = {ctx ? ctx->file : NULL, where};
    for (int i = 0; i < COUNT(parts); i++)
        if (parts[i]) {
            print_text(stream, parts[i]);
            fputs(": ", stream);
        }
    print_text(stream, what);
    fputc('\n', stream);
    if (hint)
        print_hint(stream, hint);
    funlockfile(stream);
}

/* To be freed; NULL if there is no memory for it. */
static char *formatted(const char *format, va_list arguments)
{
    char *text = NULL;
    return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

void say(Context *ctx, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *const what = formatted(format, arguments);
    va_end(arguments);
    fputs("tulle: ", stream_of(ctx));
    print_text(stream_of(ctx), what ? what : "out of memory");
    fputc('\n', stream_of(ctx));
    free(what);
}

/* ---- complaints ---- */

static char *copy_of(const char *text)
{
    return text ? strdup(text) : NULL;
}

static Status worse(Status a, Status b)
{
    return a == STATUS_FINE || b == STATUS_MODEL ? b : a;
}

static void complaint_add(struct Complaints *list, Status status, const char *where, const char *hint, char *what)
{
    Complaint *complaint = list->kept < MOST_COMPLAINTS ? calloc(1, sizeof *complaint) : NULL;
    list->status = worse(list->status, status);
    if (!complaint) {
        list->dropped++;
        free(what);
        return;
    }
    *complaint = (Complaint){.status = status, .where = copy_of(where), .hint = copy_of(hint), .what = what};
    *list->last = complaint;
    list->last = &complaint->next;
    list->kept++;
}

static struct Complaints *complaints_of(Context *ctx)
{
    if (!ctx->complaints) {
        ctx->complaints = calloc(1, sizeof *ctx->complaints);
        if (!ctx->complaints)
            fail(ctx, STATUS_MODEL, NULL, NULL, "out of memory");
        ctx->complaints->last = &ctx->complaints->first;
    }
    return ctx->complaints;
}

void complain(Context *ctx, Status status, const char *where, const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *const what = formatted(format, arguments);
    va_end(arguments);
    complaint_add(complaints_of(ctx), status, where, hint, what);
}

static void complaints_print(Context *ctx)
{
    struct Complaints *list = ctx ? ctx->complaints : NULL;
    if (!list)
        return;
    for (const Complaint *complaint = list->first; complaint; complaint = complaint->next)
        print_message(ctx, complaint->where, complaint->hint, complaint->what ? complaint->what : "out of memory");
    if (list->dropped)
        fprintf(stream_of(ctx), "tulle: and %d more\n", list->dropped);
}

static void complaints_free(Context *ctx)
{
    for (Complaint *complaint = ctx->complaints ? ctx->complaints->first : NULL; complaint;) {
        Complaint *next = complaint->next;
        free(complaint->where);
        free(complaint->hint);
        free(complaint->what);
        free(complaint);
        complaint = next;
    }
    free(ctx->complaints);
    ctx->complaints = NULL;
}

/* ---- ending ---- */

static _Noreturn void unwind(Context *ctx, Status status)
{
    if (!ctx || !ctx->unwind)
        exit(status);
    ctx->unwind->status = status;
    siglongjmp(ctx->unwind->place, 1);
}

void fail(Context *ctx, Status status, const char *where, const char *hint, const char *format, ...)
{
    complaints_print(ctx);
    va_list arguments;
    va_start(arguments, format);
    char *const what = formatted(format, arguments);
    va_end(arguments);
    print_message(ctx, where, hint, what ? what : "out of memory");
    free(what);
    unwind(ctx, status);
}

void fail_complaints(Context *ctx)
{
    if (!ctx->complaints)
        return;
    complaints_print(ctx);
    unwind(ctx, ctx->complaints->status);
}

/* ---- the run ---- */

/* What an arena may take: never more than the machine has, so that a model too large ends in a message and not in the hands of the kernel. */
static size_t memory_limit(void)
{
    const size_t most = (size_t)16 << 30;
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    size_t memory = pages > 0 && size > 0 ? (size_t)pages * (size_t)size : most;
    return memory < most ? memory : most;
}

/* Nothing that changes after sigsetjmp lives in this frame. */
static Status run_protected(Context *ctx, Status (*work)(Context *, void *), void *argument)
{
    if (sigsetjmp(ctx->unwind->place, 1))
        return ctx->unwind->status;
    if (!ctx->graph)
        ctx->graph = arena_new(ctx, "graph", memory_limit());
    if (!ctx->scratch)
        ctx->scratch = arena_new(ctx, "scratch", memory_limit());
    Status status = work(ctx, argument);
    fail_complaints(ctx);
    return status;
}

static void free_all(Context *ctx)
{
    while (ctx->arenas)
        arena_free(ctx->arenas);
    mappings_drop(ctx);
}

Status context_run(Status (*work)(Context *, void *), void *argument)
{
    struct Unwind place = {.status = STATUS_INTERNAL};
    Context ctx = {.unwind = &place};
    Status status = run_protected(&ctx, work, argument);
    outputs_drop();
    scratch_remove_all();
    complaints_free(&ctx);
    free_all(&ctx);
    return status;
}

/* ---- the same in pieces ---- */

Context *context_open(void)
{
    return calloc(1, sizeof(Context));
}

Status context_call(Context *ctx, Status (*work)(Context *, void *), void *argument, char **messages)
{
    struct Unwind place = {.status = STATUS_INTERNAL, .graph = ctx->graph, .scratch = ctx->scratch};
    size_t length;
    *messages = NULL;
    ctx->messages = open_memstream(messages, &length);
    if (!ctx->messages)
        return STATUS_MODEL;
    ctx->unwind = &place;
    Status status = run_protected(ctx, work, argument);
    if (place.graph) {       /* work that failed may have put others in their places for a while */
        ctx->graph = place.graph;
        ctx->scratch = place.scratch;
    }
    outputs_drop();
    complaints_free(ctx);
    fclose(ctx->messages);
    ctx->messages = NULL;
    ctx->unwind = NULL;
    return status;
}

void context_close(Context *ctx)
{
    free_all(ctx);
    free(ctx);
}
