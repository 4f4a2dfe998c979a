/* Instances of texts: names and macros of the type, as strings. See macros.h. */
#include "internal.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

typedef enum Class { CLASS_OF_REAL, CLASS_OF_F16, CLASS_OF_BF16, CLASS_OF_SIGNED, CLASS_OF_UNSIGNED, CLASS_OF_COUNT } Class;

static const struct {
    const char *t, *lowest, *highest;
    Class class;
} types[TYPE_COUNT] = {
#define TYPE(suffix, enumerator) \
    [TYPE_##enumerator] = {STRING(T_OF(suffix)), STRING(LOWEST_OF(suffix)), STRING(HIGHEST_OF(suffix)), JOIN(CLASS_OF_, CLASS_OF(suffix))},
    ELEMENT_TYPES(TYPE)
#undef TYPE
};

static const struct { const char *name, *values[CLASS_OF_COUNT]; } macros[] = {
    {"A", {STRING(A_REAL), NULL, NULL, STRING(A_SIGNED), STRING(A_UNSIGNED)}},
    {"NEGATIVE(v)", {STRING(NEGATIVE_REAL(v)), NULL, NULL, STRING(NEGATIVE_SIGNED(v)), STRING(NEGATIVE_UNSIGNED(v))}},
    {"SATURATE(v)", {STRING(SATURATE_REAL(v)), NULL, NULL, STRING(SATURATE_SIGNED(v)), STRING(SATURATE_UNSIGNED(v))}},
    {"NARROW(v)", {STRING(NARROW_REAL(v)), NULL, NULL, STRING(NARROW_SIGNED(v)), STRING(NARROW_UNSIGNED(v))}},
    {"EXCEEDS(v, w)", {STRING(EXCEEDS_REAL(v, w)), NULL, NULL, STRING(EXCEEDS_SIGNED(v, w)), STRING(EXCEEDS_UNSIGNED(v, w))}},
    {"LOAD(v)", {STRING(LOAD_REAL(v)), NULL, NULL, STRING(LOAD_SIGNED(v)), STRING(LOAD_UNSIGNED(v))}},
    {"SCALE(sum, c)", {STRING(SCALE_REAL(sum, c)), NULL, NULL, STRING(SCALE_SIGNED(sum, c)), STRING(SCALE_UNSIGNED(sum, c))}},
    {"W", {STRING(W_REAL), STRING(W_F16), STRING(W_BF16), STRING(W_SIGNED), STRING(W_UNSIGNED)}},
};

const char *template_macro(Type type, const char *name)
{
    if (strcmp(name, "T") == 0 || strcmp(name, "U") == 0)
        return types[type].t;
    if (strcmp(name, "LOWEST") == 0)
        return types[type].lowest;
    if (strcmp(name, "HIGHEST") == 0)
        return types[type].highest;
    for (int i = 0; i < COUNT(macros); i++)
        if (strcmp(name, macros[i].name) == 0)
            return macros[i].values[types[type].class];
    return NULL;
}

static bool part_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

bool template_mentions(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if ((at == text || !part_of_word(at[-1])) && !part_of_word(at[length]))
            return true;
    return false;
}

static bool used(const Builder *builder, const char *word)
{
    bool found = template_mentions(builder->text, word);
    for (int i = 0; i < builder->define_count && !found; i++)
        found = template_mentions(builder->defines[i].value, word);
    return found;
}

static bool defined(const Builder *builder, const char *name)
{
    for (int i = 0; i < builder->define_count; i++)
        if (strcmp(builder->defines[i].name, name) == 0)
            return true;
    return false;
}

void instance_define(Builder *builder, const char *name, const char *value)
{
    assert(builder->define_count < MOST_DEFINES && value);
    builder->defines[builder->define_count++] = (ReferenceDefine){name, value};
}

/* A macro with arguments is looked for by its name alone. */
static void define_if_used(Builder *builder, const char *name, Type type)
{
    char *word = arena_string(builder->arena, name, strcspn(name, "("));
    if (!defined(builder, name) && used(builder, word))
        instance_define(builder, name, template_macro(type, name));
}

void instance_define_typed(Builder *builder, Type type)
{
    static const char *const by_type[] = {"LOWEST", "HIGHEST", "U", "T"};
    for (int i = 0; i < COUNT(macros); i++)
        define_if_used(builder, macros[i].name, type);
    for (int i = 0; i < COUNT(by_type); i++)
        define_if_used(builder, by_type[i], type);
}

void instance_named(Builder *builder, const char *name, const char *text, ReferenceFunction *run)
{
    assert(run);
    builder->name = name;
    builder->text = text;
    builder->run = run;
    instance_define(builder, "NAME", name);
}

void instance_of(Builder *builder, const Template *template, Type type)
{
    const char *name = arena_format(builder->arena, "%s_%s", template->stem, type_info(type)->name);
    instance_named(builder, name, template->text, template->runs[type]);
    instance_define_typed(builder, type);
}

Type template_size(Type type)
{
    switch (type_info(type)->bytes) {
    case 1: return TYPE_U8;
    case 2: return TYPE_U16;
    case 4: return TYPE_U32;
    default: return TYPE_U64;
    }
}

const char *template_refuses(const Template *template, Type type)
{
    static const char *const reasons[TYPE_COUNT] = {
#define TYPE(suffix, enumerator) [TYPE_##enumerator] = "arithmetic on " #suffix " elements",
        ELEMENT_TYPES(TYPE)
#undef TYPE
    };
    return template->runs[type] ? NULL : reasons[type];
}
