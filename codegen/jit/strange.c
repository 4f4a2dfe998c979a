/* What a user's object must not have: anything from outside but its weights and mathematics, names for others but its stages, memory that keeps a value
   from run to run, and what runs when it is loaded. Text can hide all of this from its reader, in macros and in assembler; an object cannot. */
#include "codegen/jit/jit.h"

#include <string.h>

typedef struct Check {
    Context *ctx;
    const Unit *unit;
    const char *where;               /* the user's file, quoted */
} Check;

static bool among(const char *const *words, int count, const char *name, size_t length)
{
    for (int i = 0; i < count; i++)
        if (strlen(words[i]) == length && memcmp(words[i], name, length) == 0)
            return true;
    return false;
}

/* Functions of the mathematics library, with or without an f; and what compilers call by themselves. */
static bool offered(const char *name)
{
    static const char *const mathematics[] = {
        "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos", "cosh", "erf", "erfc", "exp", "exp10", "exp2", "expm1", "fabs",
        "floor", "fma", "fmax", "fmin", "fmod", "frexp", "hypot", "ldexp", "log", "log10", "log1p", "log2", "nearbyint", "pow", "remainder", "rint", "round",
        "roundeven", "scalbn", "sin", "sincos", "sinh", "sqrt", "tan", "tanh", "trunc"};
    static const char *const compilers[] = {
        "memcpy", "memmove", "memset", "_GLOBAL_OFFSET_TABLE_", "__divti3", "__modti3", "__multi3", "__udivti3", "__umodti3", "__powisf2", "__powidf2", "__extendhfsf2",
        "__truncsfhf2", "__truncdfhf2", "__truncsfbf2", "__truncdfbf2"};
    const size_t length = strlen(name);
    return among(compilers, COUNT(compilers), name, length) || among(mathematics, COUNT(mathematics), name, length) ||
           (length > 1 && name[length - 1] == 'f' && among(mathematics, COUNT(mathematics), name, length - 1));
}

/* Its stages, and bodies in assembler: their names begin with the layer's, as all units see it. */
static bool own(const Unit *unit, const char *name)
{
    const size_t length = strlen(unit->anchor) - 1;      /* "model_conv3_" of "model_conv3_0" */
    return strncmp(name, unit->anchor, length) == 0;
}

static void told(void *user, JitSymbolKind kind, const char *name, const char *section)
{
    const Check *check = user;
    Context *ctx = check->ctx;
    const char *quoted = text_quote(ctx->graph, name, strlen(name));
    switch (kind) {
    case SYMBOL_TAKEN:
        if ((check->unit->weights_name == NULL || strcmp(name, check->unit->weights_name) != 0) && !offered(name))
            complain(ctx, STATUS_USAGE, check->where, "it must stand alone: functions of the mathematics library are all that it may call", "'%s' is not in it", quoted);
        break;
    case SYMBOL_SHOWN:
        if (!own(check->unit, name))
            complain(ctx, STATUS_USAGE, check->where, "make it static", "'%s' is seen by other layers", quoted);
        break;
    case SYMBOL_CHOSEN:
        complain(ctx, STATUS_USAGE, check->where, NULL, "'%s' is chosen while it is loaded, by code of its own", quoted);
        break;
    case SYMBOL_KEPT:
        complain(ctx, STATUS_USAGE, check->where, "make it const, or a local variable", "'%s' keeps a value between calls, or runs outside of them (section %s)",
                 name[0] != '\0' ? quoted : "a variable", text_quote(ctx->graph, section, strlen(section)));
        break;
    }
}

void jit_check_object(Context *ctx, const JitPlugin *plugin, const Unit *unit, const char *object, size_t length)
{
    if (unit->path == NULL)
        return;
    Check check = {ctx, unit, text_quote(ctx->graph, unit->path, strlen(unit->path))};
    JitBytes messages = {0};
    const char *model = ctx->file;
    ctx->file = NULL;                /* messages begin with the user's file */
    if (!plugin->symbols(object, length, told, &check, &messages))
        jit_fail_unit(ctx, plugin, unit, messages.data);
    fail_complaints(ctx);
    ctx->file = model;
}
