/* Attributes of a node, checked and converted by the words of its operator's row, which onnx_ops.c explains. */
#include "frontends/importer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct Word {
    char mark;                   /* 0, '+', '~', '@' */
    const char *name;
    bool list, required;
    const char *fallback;        /* the text behind '=', without quotes; NULL: none */
} Word;

/* Takes the next word off the text. False at its end. */
static bool next_word(Arena *arena, const char **text, Word *word)
{
    const char *at = *text + strspn(*text, " ");
    size_t length = strcspn(at, " ");
    *text = at + length;
    if (length == 0)
        return false;
    char *piece = arena_string(arena, at, length);
    *word = (Word){0};
    if (strchr("+~@", *piece))
        word->mark = *piece++;
    word->name = piece;
    char *end = piece + strcspn(piece, "[!=");
    char *rest = end;
    word->list = *rest == '[';
    rest += word->list ? 2 : 0;
    word->required = *rest == '!';
    rest += word->required ? 1 : 0;
    if (*rest == '=') {
        bool quoted = rest[1] == '\'';
        word->fallback = rest + 1 + quoted;
        if (quoted)
            rest[strlen(rest) - 1] = 0;
    }
    *end = 0;
    return true;
}

static ArgumentKind expected_kind(const Word *word)
{
    AttributeKind kind = attribute_kind(attribute_named(word->name));
    if (word->list)
        return kind == KIND_INTS ? ARGUMENT_INTS : ARGUMENT_REALS;
    if (kind == KIND_WORD)
        return ARGUMENT_WORD;
    bool whole = word->fallback ? !strpbrk(word->fallback, ".") : kind == KIND_INTS;
    return whole ? ARGUMENT_INT : ARGUMENT_REAL;
}

/* ---- putting values into the call ---- */

static Attribute *setting(Call *call, AttributeName name)
{
    for (int i = 0; i < call->setting_count; i++)
        if (call->settings[i].name == name)
            return &call->settings[i];
    call->settings = arena_grow(call->importer->arena, call->settings, &call->setting_capacity, call->setting_count, sizeof *call->settings);
    return &call->settings[call->setting_count++];
}

void call_set_ints(Call *call, AttributeName name, const int64_t *values, int count)
{
    const int64_t *copy = arena_copy(call->importer->arena, values, (size_t)count * sizeof *values);
    *setting(call, name) = (Attribute){.name = name, .count = count, .ints = copy};
}

void call_set_reals(Call *call, AttributeName name, const double *values, int count)
{
    const double *copy = arena_copy(call->importer->arena, values, (size_t)count * sizeof *values);
    *setting(call, name) = (Attribute){.name = name, .count = count, .reals = copy};
}

void call_set_word(Call *call, AttributeName name, const char *value)
{
    *setting(call, name) = (Attribute){.name = name, .count = 1, .word = value};
}

/* A whole number may be a real in our dialect. */
void call_set_int(Call *call, AttributeName name, int64_t value)
{
    if (attribute_kind(name) == KIND_REALS)
        call_set_reals(call, name, &(double){(double)value}, 1);
    else
        call_set_ints(call, name, &value, 1);
}

static void set_fallback(Call *call, const Word *word, AttributeName name)
{
    /* Reals are floats in ONNX: the default is the float nearest to what the specification writes. */
    if (attribute_kind(name) == KIND_WORD)
        call_set_word(call, name, arena_string(call->importer->arena, word->fallback, strcspn(word->fallback, "|")));
    else if (expected_kind(word) == ARGUMENT_REAL)
        call_set_reals(call, name, &(double){(double)strtof(word->fallback, NULL)}, 1);
    else
        call_set_int(call, name, strtoll(word->fallback, NULL, 10));
}

static bool choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *at = choices; *at; at += strcspn(at, "|"), at += *at == '|')
        if (strcspn(at, "|") == length && strncmp(at, value, length) == 0)
            return true;
    return false;
}

static void set_word(Call *call, const Word *word, AttributeName name)
{
    const char *value = call_word(call, word->name, NULL);
    if (value && choice(word->fallback, value))
        call_set_word(call, name, value);
    else if (value)
        call_fault(call, "its attribute '%s' is '%s', not one of %s", word->name, name_quote(call->importer->arena, value), word->fallback);
}

static void set_reals(Call *call, const Word *word, AttributeName name)
{
    const AttributeProto *proto = call_attribute(call, word->name, ARGUMENT_REALS);
    if (!proto)
        return;
    double *values = arena_array(call->importer->arena, double, proto->n_floats + 1);
    for (size_t i = 0; i < proto->n_floats; i++)
        values[i] = (double)proto->floats[i];
    call_set_reals(call, name, values, (int)proto->n_floats);
}

static void set_given(Call *call, const Word *word, AttributeName name)
{
    ArgumentKind kind = expected_kind(word);
    const AttributeProto *proto;
    if (kind == ARGUMENT_WORD)
        set_word(call, word, name);
    else if (kind == ARGUMENT_REALS)
        set_reals(call, word, name);
    else if ((proto = call_attribute(call, word->name, kind)) && kind == ARGUMENT_INTS)
        call_set_ints(call, name, proto->ints, (int)proto->n_ints);
    else if (proto && kind == ARGUMENT_INT)
        call_set_int(call, name, proto->i);
    else if (proto)
        call_set_reals(call, name, &(double){(double)proto->f}, 1);
}

static void read_word(Call *call, const Word *word, bool given)
{
    if (!given && word->required)
        call_fault(call, "its attribute '%s' is missing", word->name);
    if (word->mark == '~' || word->mark == '@')
        return;
    AttributeName name = attribute_named(word->name);
    assert(name != ATTR_COUNT);
    if (given)
        set_given(call, word, name);
    else if (word->fallback)
        set_fallback(call, word, name);
}

/* Old converters left these in files of any version; they never said anything about the result. */
static bool harmless(const Call *call, const char *name)
{
    return strcmp(name, "consumed_inputs") == 0 && call->version < 7;
}

void settings_read(Call *call, const char *text)
{
    Arena *arena = call->importer->arena;
    bool *known = arena_array(arena, bool, call->argument_count + 1);
    Word word;
    while (next_word(arena, &text, &word)) {
        const Argument *argument = word.mark == '+' ? NULL : argument_find(call->arguments, call->argument_count, word.name);
        if (argument)
            known[argument - call->arguments] = true;
        read_word(call, &word, argument != NULL);
    }
    for (int i = 0; i < call->argument_count; i++)
        if (!known[i] && !harmless(call, call->arguments[i].name))
            call_fault(call, "its attribute '%s' does not exist in opset %lld", name_quote(arena, call->arguments[i].name), (long long)call->version);
}
