/* The words of the graph's text: names, numbers, strings. Hostile text ends in a message, never in anything else. */
#define _GNU_SOURCE
#include "compiler/graph/lexer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 400, SHOWN_BEFORE = 80, SHOWN = 120 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define IDENTIFIER LETTERS "0123456789_"

/* ---- errors ---- */

/* The part of the line around `place`, and under it the caret: one column a character, whatever its bytes. */
static void show_line(const Lexer *lexer, const char *line, const char *place, Text *text)
{
    Text caret = text_new(lexer->ctx->graph);
    text_add(text, "\n    ");
    text_add(&caret, "\n    ");
    const char *c = place - line > SHOWN_BEFORE ? place - SHOWN_BEFORE : line;
    for (int columns = 0; c < lexer->end && *c != '\n' && columns < SHOWN; columns++) {
        size_t size = text_character(c, (size_t)(lexer->end - c));
        if (size)
            text_add_bytes(text, c, size);
        else
            text_add(text, *c == '\t' || *c == '\r' ? " " : "?");
        if (c < place)
            text_add(&caret, " ");
        c += size ? size : 1;
    }
    text_add(text, caret.data);
    text_add(text, "^");
}

void lexer_fail(const Lexer *lexer, const char *place, const char *format, ...)
{
    int number = 1;
    const char *line = lexer->text;
    for (const char *c = lexer->text; c < place; c++)
        if (*c == '\n') {
            line = c + 1;
            number++;
        }
    Text text = text_new(lexer->ctx->graph);
    va_list arguments;
    va_start(arguments, format);
    text_vformat(&text, format, arguments);
    va_end(arguments);
    show_line(lexer, line, place, &text);
    const char *where = arena_format(lexer->ctx->graph, "%d:%d", number, (int)(place - line) + 1);
    fail(lexer->ctx, STATUS_MODEL, where, NULL, "%s", text.data);
}

/* ---- marks and words ---- */

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static void skip_blanks(Lexer *lexer)
{
    while (lexer->at < lexer->end && is_one_of(*lexer->at, " \t\r"))
        lexer->at++;
    if (lexer->at < lexer->end && *lexer->at == '#')
        while (lexer->at < lexer->end && *lexer->at != '\n')
            lexer->at++;
}

const char *lexer_place(Lexer *lexer)
{
    skip_blanks(lexer);
    return lexer->at;
}

bool lexer_at(Lexer *lexer, char c)
{
    skip_blanks(lexer);
    return lexer->at < lexer->end && *lexer->at == c;
}

bool lexer_line_end(Lexer *lexer)
{
    skip_blanks(lexer);
    return lexer->at >= lexer->end || *lexer->at == '\n';
}

bool lexer_accept(Lexer *lexer, const char *mark)
{
    skip_blanks(lexer);
    size_t length = strlen(mark);
    if ((size_t)(lexer->end - lexer->at) < length || memcmp(lexer->at, mark, length) != 0)
        return false;
    lexer->at += length;
    return true;
}

void lexer_expect(Lexer *lexer, const char *mark)
{
    if (!lexer_accept(lexer, mark))
        lexer_fail(lexer, lexer->at, "expected '%s'", mark);
}

bool lexer_accept_word(Lexer *lexer, const char *word)
{
    const char *start = lexer_place(lexer);
    if (lexer_accept(lexer, word) && (lexer->at >= lexer->end || !is_one_of(*lexer->at, IDENTIFIER)))
        return true;
    lexer->at = start;
    return false;
}

/* A run of characters from `set`; its length may be 0. */
static size_t run(Lexer *lexer, const char *set, const char **start)
{
    *start = lexer_place(lexer);
    while (lexer->at < lexer->end && is_one_of(*lexer->at, set))
        lexer->at++;
    return (size_t)(lexer->at - *start);
}

const char *lexer_identifier(Lexer *lexer, const char *what)
{
    const char *start;
    size_t length = run(lexer, IDENTIFIER, &start);
    if (!length)
        lexer_fail(lexer, start, "expected %s", what);
    return arena_string(lexer->ctx->graph, start, length);
}

const char *lexer_name(Lexer *lexer)
{
    if (lexer_at(lexer, '"'))
        return lexer_quoted(lexer);
    const char *start;
    size_t length = run(lexer, IDENTIFIER ".:/-", &start);
    if (!length)
        lexer_fail(lexer, start, "expected a name");
    return arena_string(lexer->ctx->graph, start, length);
}

/* ---- strings ---- */

static int hex_digit(const Lexer *lexer, const char *at)
{
    char c = at < lexer->end ? *at : '\0';
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character after a backslash; moves past it. */
static char escaped(Lexer *lexer)
{
    const char *start = lexer->at - 1;
    char c = lexer->at < lexer->end ? *lexer->at++ : '\0';
    if (c == '"' || c == '\\')
        return c;
    int high = hex_digit(lexer, lexer->at), low = high < 0 ? -1 : hex_digit(lexer, lexer->at + 1);
    if (c != 'x' || low < 0 || high + low == 0)
        lexer_fail(lexer, start, "expected \\\", \\\\, or \\x and two hexadecimal digits that are not 00");
    lexer->at += 2;
    return (char)(high * 16 + low);
}

const char *lexer_quoted(Lexer *lexer)
{
    const char *start = lexer_place(lexer);
    lexer_expect(lexer, "\"");
    Text text = text_new(lexer->ctx->graph);
    for (;;) {
        char c = lexer->at < lexer->end ? *lexer->at : '\n';
        if (c == '\n' || c == '\0')
            lexer_fail(lexer, start, "this string does not end on its line");
        lexer->at++;
        if (c == '"')
            return text.data;
        if (c == '\\')
            c = escaped(lexer);
        text_add_bytes(&text, &c, 1);
    }
}

/* ---- numbers ---- */

/* A run of characters that numbers are made of, zero-terminated for strtod and its kin, into a buffer of LONGEST_NUMBER + 1. */
static const char *number_text(Lexer *lexer, char *buffer)
{
    const char *start;
    size_t length = run(lexer, IDENTIFIER "+-.", &start);
    if (length == 0 || length > LONGEST_NUMBER)
        lexer_fail(lexer, start, "expected a number");
    memcpy(buffer, start, length);
    buffer[length] = '\0';
    return start;
}

int64_t lexer_whole(Lexer *lexer, int64_t least, int64_t most)
{
    char digits[LONGEST_NUMBER + 1], *end;
    const char *start = number_text(lexer, digits);
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    if (*end)
        lexer_fail(lexer, start, "expected a whole number");
    if (errno || number < least || number > most)
        lexer_fail(lexer, start, "expected a whole number from %lld to %lld", (long long)least, (long long)most);
    return number;
}

uint64_t lexer_unsigned(Lexer *lexer)
{
    char digits[LONGEST_NUMBER + 1], *end;
    const char *start = number_text(lexer, digits);
    errno = 0;
    unsigned long long number = strtoull(digits, &end, 10);
    if (*end || errno || *digits == '-')
        lexer_fail(lexer, start, "expected a whole number from 0 to %llu", (unsigned long long)UINT64_MAX);
    return number;
}

locale_t lexer_locale(void)
{
    static locale_t plain;
    if (!plain)
        plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return plain;
}

double lexer_real(Lexer *lexer)
{
    char digits[LONGEST_NUMBER + 1], *end;
    const char *start = number_text(lexer, digits);
    double number = strtod_l(digits, &end, lexer_locale());
    if (*end)
        lexer_fail(lexer, start, "expected a number");
    return number;
}

void lexer_hex(Lexer *lexer, unsigned char *data, size_t bytes)
{
    skip_blanks(lexer);
    for (size_t i = 0; i < bytes; i++, lexer->at += 2) {
        int high = hex_digit(lexer, lexer->at), low = high < 0 ? -1 : hex_digit(lexer, lexer->at + 1);
        if (low < 0)
            lexer_fail(lexer, lexer->at, "expected the two hexadecimal digits of byte %zu of %zu", i + 1, bytes);
        data[i] = (unsigned char)(high * 16 + low);
    }
}
