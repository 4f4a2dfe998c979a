/* What instructions are, by their names: one table for x86-64 and aarch64, whose names do not collide where it matters. */
#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/cli/inspect.h"

const char *const class_names[CLASS_COUNT] = {
    "multiply-adds", "vector", "shuffles", "moves", "loads", "stores", "prefetches", "integer", "branches",
};
const char *const class_fields[CLASS_COUNT] = {
    "multiply_adds", "vector", "shuffles", "moves", "loads", "stores", "prefetches", "integer", "branches",
};

typedef struct Rule { Class class; const char *patterns[24]; } Rule;

/* Of instructions that name a vector register and are neither loads nor stores alone; the first that fits counts. What fits nothing is arithmetic. */
static const Rule vector_rules[] = {
    {CLASS_MULTIPLY, {"*fmadd*", "*fmsub*", "*fnmadd*", "*fnmsub*", "fml[as]*"}},
    {CLASS_SHUFFLE, {"*broadcast*", "*shuf*", "*perm*", "*unpck*", "*insert*", "*pinsr*", "*extract*", "*pextr*", "*blend*", "*align*", "*movddup",
                     "*mov[hl][lh]ps", "*movs[hl]dup", "*pmov[sz]x*", "*pack[us]s*", "*psl*dq", "*psr*dq"}},
    {CLASS_SHUFFLE, {"dup", "zip[12]", "uzp[12]", "trn[12]", "ext", "tbl", "ins", "rev*"}},
    {CLASS_MOVE, {"*mov*"}},
};

/* Where products and sums are two instructions, the products are what is counted. */
static const Rule product_rules[] = {{CLASS_MULTIPLY, {"*mul[ps][sd]", "fmul*"}}};

/* Those that load and do no more. Broadcasts from memory are loads: it is the load port that does them. */
static const Rule load_rules[] = {
    {CLASS_LOAD, {"*mov*", "*broadcast*", "ld*", "vlddqu", "pop*", "*gather*", "*expandload*"}},
};

static bool find_rule(const Rule *rules, int count, const char *name, Class *class)
{
    for (int i = 0; i < count; i++)
        for (int p = 0; p < COUNT(rules[i].patterns) && rules[i].patterns[p]; p++)
            if (fnmatch(rules[i].patterns[p], name, 0) == 0)
                return *class = rules[i].class, true;
    return false;
}

/* "vaddps" of "vaddps %ymm0, ..."; what stands before it, "lock", is left out of none that matters here. */
static void name_of(const JitInstruction *instruction, char name[32])
{
    const size_t length = strcspn(instruction->text, " ");
    const size_t kept = length < 31 ? length : 31;
    memcpy(name, instruction->text, kept);
    name[kept] = '\0';
}

/* An element of a vector: "mov v0.s[1], v1.s[0]" inserts, and no more moves than it shuffles. */
static bool moves_element(const JitInstruction *instruction)
{
    return strncmp(instruction->text, "mov ", 4) == 0 && strchr(instruction->text, '[') != NULL;
}

Class class_of(const JitInstruction *instruction, bool fuses)
{
    char name[32];
    Class class;
    name_of(instruction, name);
    if (instruction->is & (JIT_BRANCH | JIT_CALL | JIT_RETURN))
        return CLASS_BRANCH;
    if (strncmp(name, "prefetch", 8) == 0 || strcmp(name, "prfm") == 0)
        return CLASS_PREFETCH;
    const bool loads = instruction->is & JIT_LOADS, stores = instruction->is & JIT_STORES, vector = instruction->is & JIT_VECTOR;
    if (stores && !loads)
        return CLASS_STORE;
    if (loads && !stores && find_rule(load_rules, COUNT(load_rules), name, &class))
        return class;
    if (!vector)
        return CLASS_INTEGER;
    if (!fuses && find_rule(product_rules, COUNT(product_rules), name, &class))
        return class;
    if (moves_element(instruction))
        return CLASS_SHUFFLE;
    return find_rule(vector_rules, COUNT(vector_rules), name, &class) ? class : CLASS_VECTOR;
}

bool mix_fuses(const JitListing *listing)
{
    for (int f = 0; f < listing->function_count; f++)
        for (size_t i = 0; i < listing->functions[f].count; i++)
            if (class_of(&listing->functions[f].instructions[i], true) == CLASS_MULTIPLY)
                return true;
    return false;
}

/* Registers that a load or a store has: pairs have two, and lists as many as stand in their braces. */
static int transfers(const char *text)
{
    static const char *const pairs[] = {"ldp*", "stp *", "ldnp *", "stnp *", "ld*xp *", "st*xp *"};
    const char *list = strchr(text, '{');
    int count = 1;
    if (fnmatch("ld[1-4]*", text, 0) == 0 || fnmatch("st[1-4] *", text, 0) == 0) {
        for (; list != NULL && *list != '}' && *list != '\0'; list++)
            count += *list == ',';
        return count;
    }
    for (int i = 0; i < COUNT(pairs); i++)
        if (fnmatch(pairs[i], text, 0) == 0)
            return 2;
    return 1;
}

/* ---- spills ---- */

enum { SAVED_FIRST = 8, SAVED_LAST = 15 };       /* d8 to d15 of aarch64, which functions keep for their callers */

/* Bytes that a vector register holds by its letter, and its number; 0: it is none. */
static int register_bytes(const char *text, int *number)
{
    static const struct { char letter; int bytes; } widths[] = {{'b', 1}, {'h', 2}, {'s', 4}, {'d', 8}, {'q', 16}};
    for (int i = 0; i < COUNT(widths); i++)
        if (text[0] == widths[i].letter && isdigit((unsigned char)text[1])) {
            *number = atoi(text + 1);
            return widths[i].bytes;
        }
    return 0;
}

/* "[sp]" and "[sp, #32]": without another register, and without moving the pointer, as only saving and restoring does. */
static bool arm_place(const char *text, long *place)
{
    const char *at = strstr(text, "[sp");
    if (at == NULL)
        return false;
    char *end = (char *)at + 3;
    *place = 0;
    if (strncmp(end, ", #", 3) == 0)
        *place = strtol(end + 3, &end, 10);
    return strcmp(end, "]") == 0;
}

/* "(%rsp)", "-24(%rsp)". */
static bool x86_place(const char *text, long *place)
{
    const char *at = strstr(text, "(%rsp)"), *from = at;
    while (from != NULL && from > text && (isdigit((unsigned char)from[-1]) || from[-1] == '-'))
        from--;
    *place = from != NULL ? strtol(from, NULL, 10) : 0;
    return at != NULL && (from == text || from[-1] == ' ');
}

/* The places on the stack where an instruction has vectors, of constant distance; how many. */
static int places_of(const JitInstruction *one, long places[2])
{
    int number = 0;
    if (!(one->is & JIT_VECTOR) || !(one->is & (JIT_LOADS | JIT_STORES)) || one->is & (JIT_BRANCH | JIT_CALL))
        return 0;
    if (x86_place(one->text, &places[0]))
        return 1;
    const char *operands = strchr(one->text, ' ');
    const int bytes = operands != NULL ? register_bytes(operands + 1, &number) : 0;
    if (bytes == 0 || !arm_place(one->text, &places[0]) || (bytes == 8 && number >= SAVED_FIRST && number <= SAVED_LAST))
        return 0;
    places[1] = places[0] + bytes;
    return transfers(one->text);
}

static int by_place(const void *a, const void *b)
{
    const long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

/* All that are stored to, or read, once each and sorted. */
static int places_where(const JitFunction *function, unsigned is, Arena *arena, long **result)
{
    long *places = arena_array(arena, long, 2 * function->count + 2);
    int count = 0, kept = 0;
    for (size_t i = 0; i < function->count; i++)
        if (function->instructions[i].is & is)
            count += places_of(&function->instructions[i], places + count);
    qsort(places, (size_t)count, sizeof *places, by_place);
    for (int i = 0; i < count; i++)
        if (kept == 0 || places[kept - 1] != places[i])
            places[kept++] = places[i];
    *result = places;
    return kept;
}

Spills spills_of(const JitFunction *function, Arena *arena)
{
    long *stored, *loaded;
    const int stores = places_where(function, JIT_STORES, arena, &stored), loads = places_where(function, JIT_LOADS, arena, &loaded);
    Spills spills = {stored, 0};
    for (int i = 0; i < stores; i++)
        if (bsearch(&stored[i], loaded, (size_t)loads, sizeof *loaded, by_place) != NULL)
            stored[spills.count++] = stored[i];
    return spills;
}

static int spills_in(const JitInstruction *one, const Spills *spills)
{
    long places[2];
    int found = 0;
    for (int i = places_of(one, places) - 1; i >= 0; i--)
        found += bsearch(&places[i], spills->places, (size_t)spills->count, sizeof *places, by_place) != NULL;
    return found;
}

/* ---- sums ---- */

Mix mix_of(const JitInstruction *instructions, size_t count, const Spills *spills, bool fuses)
{
    Mix mix = {0};
    for (size_t i = 0; i < count; i++) {
        const JitInstruction *one = &instructions[i];
        const Class class = class_of(one, fuses);
        const bool memory = class != CLASS_PREFETCH && class != CLASS_BRANCH;
        const int spilled = spills_in(one, spills);
        mix.count[class]++;
        mix.all++;
        mix.bytes += one->bytes;
        mix.registers |= one->registers;
        mix.loaded += memory && one->is & JIT_LOADS ? transfers(one->text) : 0;
        mix.stored += memory && one->is & JIT_STORES ? transfers(one->text) : 0;
        mix.spilled += one->is & JIT_STORES ? spilled : 0;
        mix.reloaded += one->is & JIT_LOADS ? spilled : 0;
    }
    return mix;
}

void mix_add(Mix *sum, const Mix *mix)
{
    for (int c = 0; c < CLASS_COUNT; c++)
        sum->count[c] += mix->count[c];
    sum->all += mix->all;
    sum->loaded += mix->loaded;
    sum->stored += mix->stored;
    sum->spilled += mix->spilled;
    sum->reloaded += mix->reloaded;
    sum->bytes += mix->bytes;
    sum->registers |= mix->registers;
}
