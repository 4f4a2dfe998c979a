/* What instructions are, by their names: one table for x86-64 and aarch64, whose names do not collide where it matters. */
#include <fnmatch.h>
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

/* Registers that it loads or stores: "ldp" and "ld1" have several. */
static int transfers(const JitInstruction *instruction)
{
    if (instruction->is & JIT_VECTOR && strchr("ls", instruction->text[0]))
        return __builtin_popcountll(instruction->registers);
    return strncmp(instruction->text, "ldp ", 4) == 0 || strncmp(instruction->text, "stp ", 4) == 0 ? 2 : 1;
}

Mix mix_of(const JitInstruction *instructions, size_t count, bool fuses)
{
    Mix mix = {0};
    for (size_t i = 0; i < count; i++) {
        const JitInstruction *one = &instructions[i];
        const Class class = class_of(one, fuses);
        const bool memory = class != CLASS_PREFETCH && class != CLASS_BRANCH;
        mix.count[class]++;
        mix.all++;
        mix.bytes += one->bytes;
        mix.registers |= one->registers;
        mix.loaded += memory && one->is & JIT_LOADS ? class == CLASS_LOAD ? transfers(one) : 1 : 0;
        mix.stored += memory && one->is & JIT_STORES ? class == CLASS_STORE ? transfers(one) : 1 : 0;
        if (one->is & JIT_STACK && one->is & JIT_VECTOR && memory) {
            mix.spilled += one->is & JIT_STORES ? 1 : 0;
            mix.reloaded += one->is & JIT_LOADS ? 1 : 0;
        }
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
