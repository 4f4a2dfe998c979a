/* Reads JSON: values as a tree in the arena. A file may come from anywhere, so depth and size are bounded. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/cli/cli.h"

enum { MOST_DEPTH = 64, MOST_BYTES = 1 << 26 };

typedef struct Reader {
    Context *ctx;
    const char *at, *start;          /* a zero stands behind the end */
} Reader;

static _Noreturn void fail_at(const Reader *reader, const char *what)
{
    int line = 1;
    for (const char *at = reader->start; at < reader->at; at++)
        line += *at == '\n';
    fail(reader->ctx, STATUS_USAGE, arena_format(reader->ctx->graph, "line %d", line), NULL, "this is no JSON: %s", what);
}

static void skip_blanks(Reader *reader)
{
    reader->at += strspn(reader->at, " \t\r\n");
}

static bool take(Reader *reader, char byte)
{
    skip_blanks(reader);
    const bool there = *reader->at == byte;
    reader->at += there;
    return there;
}

/* ---- strings ---- */

/* As UTF-8; half of a pair without the other one becomes U+FFFD. */
static void add_character(Text *text, unsigned code)
{
    const unsigned c = code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
    const char ends[] = {(char)(0x80 | (c >> 12 & 0x3f)), (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))};
    const char first = (char)(c < 0x80 ? c : c < 0x800 ? 0xc0 | c >> 6 : c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
    const size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    text_add_bytes(text, &first, 1);
    text_add_bytes(text, ends + 3 - more, more);
}

/* Of "u1234"; false if it is none. */
static bool read_unit(const char *at, unsigned *code)
{
    char digits[5] = {0};
    for (int i = 0; *at == 'u' && i < 4 && isxdigit((unsigned char)at[1 + i]); i++)
        digits[i] = at[1 + i];
    *code = (unsigned)strtoul(digits, NULL, 16);
    return digits[3] != 0;
}

static void add_code(Reader *reader, Text *text)
{
    unsigned code, low;
    if (!read_unit(reader->at, &code))
        fail_at(reader, "an unknown escape in a string");
    if (code == 0)
        fail_at(reader, "a zero in a string");
    reader->at += 5;
    if (code >= 0xd800 && code < 0xdc00 && *reader->at == '\\' && read_unit(reader->at + 1, &low) && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
        reader->at += 6;
    }
    add_character(text, code);
}

static void add_escape(Reader *reader, Text *text)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *known = *reader->at ? strchr(from, *reader->at) : NULL;
    if (!known) {
        add_code(reader, text);
        return;
    }
    text_add_bytes(text, &to[known - from], 1);
    reader->at++;
}

static const char *read_string(Reader *reader)
{
    Text text = text_new(reader->ctx->graph);
    if (!take(reader, '"'))
        fail_at(reader, "a string is missing");
    for (; *reader->at != '"';) {
        const size_t plain = strcspn(reader->at, "\"\\\n");
        text_add_bytes(&text, reader->at, plain);
        reader->at += plain;
        if (!*reader->at || *reader->at == '\n')
            fail_at(reader, "a string has no end");
        if (*reader->at != '\\')
            continue;
        reader->at++;
        add_escape(reader, &text);
    }
    reader->at++;
    return text.data;
}

/* ---- numbers ---- */

/* How many bytes a number takes: -12.5e+3, no 0 in front of digits, no '+', nothing that only C reads. 0: it is none. */
static size_t number_length(const char *start)
{
    static const char digits[] = "0123456789";
    const char *at = start + (*start == '-');
    size_t whole = strspn(at, digits), more = 1;
    if (whole == 0 || (whole > 1 && *at == '0'))
        return 0;
    at += whole;
    if (*at == '.')
        at += 1 + (more = strspn(at + 1, digits));
    if (more > 0 && (*at == 'e' || *at == 'E')) {
        at += 1 + (at[1] == '-' || at[1] == '+');
        at += more = strspn(at, digits);
    }
    return more > 0 ? (size_t)(at - start) : 0;
}

static double read_number(Reader *reader)
{
    const size_t length = number_length(reader->at);
    const double number = length > 0 ? strtod(reader->at, NULL) : 0;
    if (length == 0)
        fail_at(reader, "a value is missing");
    if (!isfinite(number))
        fail_at(reader, "a number is too large");
    reader->at += length;
    return number;
}

/* ---- values ---- */

static Json *read_value(Reader *reader, int depth);

/* Members of an object or an array, up to the closing byte. */
static void read_members(Reader *reader, Json *json, char closing, int depth)
{
    Json **last = &json->first;
    if (take(reader, closing))
        return;
    do {
        const char *name = NULL;
        if (closing == '}') {
            skip_blanks(reader);
            name = read_string(reader);
            if (!take(reader, ':'))
                fail_at(reader, "a ':' is missing");
        }
        *last = read_value(reader, depth + 1);
        (*last)->name = name;
        last = &(*last)->next;
    } while (take(reader, ','));
    if (!take(reader, closing))
        fail_at(reader, "a list has no end");
}

/* One of those that JSON has; NULL if none stands here. */
static const char *read_word(Reader *reader)
{
    static const char *const words[] = {"null", "true", "false"};
    for (int i = 0; i < COUNT(words); i++)
        if (strncmp(reader->at, words[i], strlen(words[i])) == 0) {
            reader->at += strlen(words[i]);
            return words[i];
        }
    return NULL;
}

static Json *read_value(Reader *reader, int depth)
{
    Json *json = arena_new_of(reader->ctx->graph, Json);
    if (depth > MOST_DEPTH)
        fail_at(reader, "it is nested too deep");
    skip_blanks(reader);
    if (*reader->at == '"') {
        *json = (Json){.kind = JSON_STRING, .text = read_string(reader)};
    } else if (take(reader, '{')) {
        json->kind = JSON_OBJECT;
        read_members(reader, json, '}', depth);
    } else if (take(reader, '[')) {
        json->kind = JSON_ARRAY;
        read_members(reader, json, ']', depth);
    } else if ((json->text = read_word(reader)) != NULL) {
        json->kind = JSON_WORD;
    } else {
        *json = (Json){.kind = JSON_NUMBER, .number = read_number(reader)};
    }
    return json;
}

const Json *json_read(Context *ctx, const char *path)
{
    const char *before = ctx->file;
    const FileView view = file_map(ctx, path);
    if (view.size > MOST_BYTES)
        fail(ctx, STATUS_USAGE, NULL, NULL, "is larger than %d MB", MOST_BYTES >> 20);
    const char *text = arena_string(ctx->graph, (const char *)view.data, view.size);
    Reader reader = {ctx, text, text};
    const Json *json = read_value(&reader, 0);
    skip_blanks(&reader);
    if (reader.at != text + view.size)
        fail_at(&reader, "something stands behind its end");
    ctx->file = before;
    return json;
}

const Json *json_member(const Json *json, const char *name)
{
    for (const Json *at = json->kind == JSON_OBJECT ? json->first : NULL; at; at = at->next)
        if (!strcmp(at->name, name))
            return at;
    return NULL;
}
