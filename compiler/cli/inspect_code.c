/* From a layer's text to loops: compiled for its target, taken apart, and run in the model of its core. */
#include "compiler/cli/inspect.h"

#include <stdlib.h>
#include <string.h>

/* ---- loops ---- */

typedef struct Span { size_t first, last; } Span;        /* from the target of a jump back to the jump */

/* The number of the instruction at this address; `count`: there is none. */
static size_t at_address(const JitFunction *function, unsigned long long address)
{
    size_t low = 0, high = function->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (function->instructions[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < function->count && function->instructions[low].address == address ? low : function->count;
}

/* In order of where they end; of one beginning the longest. */
static int spans_of(const JitFunction *function, Arena *arena, Span **result)
{
    Span *spans = NULL;
    int count = 0, capacity = 0;
    for (size_t i = 0; i < function->count; i++) {
        const JitInstruction *jump = &function->instructions[i];
        const size_t first = jump->is & JIT_BRANCH && jump->target <= jump->address ? at_address(function, jump->target) : function->count;
        int same = 0;
        while (same < count && spans[same].first != first)
            same++;
        if (first == function->count)
            continue;
        if (same == count) {
            spans = arena_grow(arena, spans, &capacity, count, sizeof *spans);
            count++;
        }
        spans[same] = (Span){first, i};
    }
    *result = spans;
    return count;
}

static bool holds_another(const Span *spans, int count, int number)
{
    for (int i = 0; i < count; i++)
        if (spans[i].first > spans[number].first && spans[i].last <= spans[number].last)
            return true;
    return false;
}

/* Bodies are functions that the unit has as assembler, at the level of the file. */
static bool is_body(Arena *arena, const Unit *unit, const char *function)
{
    return strstr(unit->text, arena_format(arena, ".globl %s\\n", function)) != NULL;
}

typedef struct Finder {
    Arena *arena;
    const Unit *unit;
    bool fuses;
    Loop *loops;
    int count, capacity;
} Finder;

/* The mix of the whole function. */
static Mix find_loops(Finder *finder, const JitFunction *function)
{
    Span *spans;
    const Spills spills = spills_of(function, finder->arena);
    const Span whole = {0, function->count - 1};
    const int found = spans_of(function, finder->arena, &spans), count = found == 0 && function->count > 0 ? 1 : found;
    const bool body = count > 0 && is_body(finder->arena, finder->unit, function->name);
    for (int i = 0; i < count; i++) {
        const Span span = found > 0 ? spans[i] : whole;
        const size_t length = span.last - span.first + 1;
        if (found > 0 && holds_another(spans, count, i))
            continue;
        finder->loops = arena_grow(finder->arena, finder->loops, &finder->capacity, finder->count, sizeof *finder->loops);
        finder->loops[finder->count++] = (Loop){.function = function, .first = span.first, .count = length, .straight = found == 0, .body = body,
                                                .mix = mix_of(function->instructions + span.first, length, &spills, finder->fuses)};
    }
    return mix_of(function->instructions, function->count, &spills, finder->fuses);
}

/* Sums grow in loops that multiply and store nothing: they run more often than those that store what they multiplied. */
static bool sums_up(const Mix *mix)
{
    return mix->count[CLASS_MULTIPLY] > 0 && mix->stored == 0;
}

static bool multiplies(const Loop *body)
{
    return body->body && body->mix.count[CLASS_MULTIPLY] > 0;
}

static int by_work(const void *a, const void *b)
{
    const Mix *x = &((const Loop *)a)->mix, *y = &((const Loop *)b)->mix;
    const bool body = multiplies(a), other = multiplies(b);
    if (body != other)
        return body ? -1 : 1;
    if (sums_up(x) != sums_up(y))
        return sums_up(x) ? -1 : 1;
    if (x->count[CLASS_MULTIPLY] != y->count[CLASS_MULTIPLY])
        return x->count[CLASS_MULTIPLY] < y->count[CLASS_MULTIPLY] ? 1 : -1;
    return (x->count[CLASS_VECTOR] < y->count[CLASS_VECTOR]) - (x->count[CLASS_VECTOR] > y->count[CLASS_VECTOR]);
}

/* Those without arithmetic on vectors copy, clear and count. */
static int working_loops(const Loop *loops, int count)
{
    int working = 0;
    while (working < count && loops[working].mix.count[CLASS_MULTIPLY] + loops[working].mix.count[CLASS_VECTOR] > 0)
        working++;
    return working > 0 ? working : count < 1 ? count : 1;
}

/* ---- the code ---- */

/* What a file says of its core counts; without a word of it, this machine's own core is that of this machine alone. */
static const char *core_of(const Options *options, const Machine *machine)
{
    return machine->core ? machine->core : !options->target_file && target_is_native(machine->name) ? "native" : NULL;
}

static bool calls(const Loop *loop)
{
    for (size_t i = loop->first; i < loop->first + loop->count; i++)
        if (loop->function->instructions[i].is & JIT_CALL)
            return true;
    return false;
}

static void model_loops(Context *ctx, Code *code)
{
    for (int i = 0; i < code->loop_count && i < MOST_LOOPS && code->core; i++) {
        Loop *loop = &code->loops[i];
        if (calls(loop))
            loop->why = "it calls a function";
        else
            loop->modelled = jit_throughput(ctx, code->listing, (int)(loop->function - code->listing->functions), loop->first, loop->count,
                                            &loop->throughput, &loop->why);
    }
}

Code *code_of(Context *ctx, const Options *options, const Plan *plan, const Units *units)
{
    const Isa *isa = &plan->target->isa;
    Code *code = arena_new_of(ctx->graph, Code);
    const JitBytes *object = jit_object(ctx, isa, units, 0, options->no_cache);
    const JitListing *listing = jit_list(ctx, object, core_of(options, &plan->target->machine));
    Mix *mixes = arena_array(ctx->graph, Mix, listing->function_count + 1);
    Finder finder = {.arena = ctx->graph, .unit = &units->items[0], .fuses = mix_fuses(listing)};
    for (int i = 0; i < listing->function_count; i++)
        mixes[i] = find_loops(&finder, &listing->functions[i]);
    if (finder.count > 0)
        qsort(finder.loops, (size_t)finder.count, sizeof(Loop), by_work);
    *code = (Code){listing, mixes, finder.loops, working_loops(finder.loops, finder.count), 0, listing->core, finder.fuses};
    while (code->bodies < code->loop_count && multiplies(&code->loops[code->bodies]))
        code->bodies++;
    model_loops(ctx, code);
    return code;
}

void code_free(Context *ctx, const Code *code)
{
    jit_list_free(ctx, code->listing);
}

Mix code_round(const Code *code)
{
    Mix sum = {0};
    for (int i = 0; i < code_round_loops(code); i++)
        mix_add(&sum, &code->loops[i].mix);
    return sum;
}

int code_round_loops(const Code *code)
{
    return code->bodies > 0 ? code->bodies : code->loop_count > 0;
}
