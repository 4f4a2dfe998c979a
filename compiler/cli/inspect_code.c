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

typedef struct Finder {
    Arena *arena;
    bool fuses;
    Loop *loops;
    int count, capacity;
} Finder;

static void add_loop(Finder *finder, const JitFunction *function, size_t first, size_t count, bool straight)
{
    finder->loops = arena_grow(finder->arena, finder->loops, &finder->capacity, finder->count, sizeof *finder->loops);
    finder->loops[finder->count++] = (Loop){.function = function, .first = first, .count = count, .straight = straight,
                                            .mix = mix_of(function->instructions + first, count, finder->fuses)};
}

static void find_loops(Finder *finder, const JitFunction *function)
{
    Span *spans;
    const int count = spans_of(function, finder->arena, &spans);
    for (int i = 0; i < count; i++)
        if (!holds_another(spans, count, i))
            add_loop(finder, function, spans[i].first, spans[i].last - spans[i].first + 1, false);
    if (count == 0 && function->count > 0)
        add_loop(finder, function, 0, function->count, true);
}

/* Sums grow in loops that multiply and store nothing: they run more often than those that store what they multiplied. */
static bool sums_up(const Mix *mix)
{
    return mix->count[CLASS_MULTIPLY] > 0 && mix->stored == 0;
}

static int by_work(const void *a, const void *b)
{
    const Mix *x = &((const Loop *)a)->mix, *y = &((const Loop *)b)->mix;
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

/* A stage of the layer is called as its unit, with a number. Anything else that multiplies is a body in assembler. */
static bool is_stage(const char *function, const char *unit)
{
    const size_t length = strlen(unit);
    return strncmp(function, unit, length) == 0 && function[length] == '_';
}

/* ---- the code ---- */

static const char *core_of(const Machine *machine)
{
    return target_is_native(machine->name) ? "native" : machine->core;
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
    const JitListing *listing = jit_list(ctx, object, core_of(&plan->target->machine));
    Mix *mixes = arena_array(ctx->graph, Mix, listing->function_count + 1);
    Finder finder = {.arena = ctx->graph, .fuses = isa->fuses};
    for (int i = 0; i < listing->function_count; i++) {
        mixes[i] = mix_of(listing->functions[i].instructions, listing->functions[i].count, isa->fuses);
        find_loops(&finder, &listing->functions[i]);
    }
    if (finder.count > 0)
        qsort(finder.loops, (size_t)finder.count, sizeof(Loop), by_work);
    *code = (Code){listing, object->length, mixes, finder.loops, working_loops(finder.loops, finder.count), listing->core, false};
    code->bodies = code->loop_count > 0 && !is_stage(code->loops[0].function->name, units->items[0].name);
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
    for (int i = 0; i < code->loop_count && (i == 0 || code->bodies); i++)
        if (!code->bodies || code->loops[i].mix.count[CLASS_MULTIPLY] > 0)
            mix_add(&sum, &code->loops[i].mix);
    return sum;
}
