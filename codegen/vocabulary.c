/* Cuts out of a vocabulary header what a program uses. The header marks its operations (targets/vocab/README.md):
   "op: NAME" in a comment of its own opens one, "end" closes it, "needs: NAME ..." tells what it calls; lines before the first are always wanted. */
#include "codegen/internal.h"

#include <assert.h>
#include <string.h>

#define MOST_OPERATIONS 256

typedef struct Operation {
    const char *name;
    size_t name_length;
    const char *body, *end;          /* from the line after the mark to the closing one */
    bool used;
} Operation;

typedef struct Vocabulary {
    Operation operations[MOST_OPERATIONS];
    int count;
} Vocabulary;

static const char opens[] = "/* op: ", closes[] = "/* end */", needs[] = "/* needs: ";

static bool word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (word_byte(text[length]))
        length++;
    return length;
}

static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end == NULL ? text + strlen(text) : end + 1;
}

static void find_operations(Vocabulary *vocabulary, const char *text)
{
    for (const char *at = text; (at = strstr(at, opens)) != NULL && vocabulary->count < MOST_OPERATIONS;) {
        Operation *operation = &vocabulary->operations[vocabulary->count++];
        operation->name = at + strlen(opens);
        operation->name_length = word_length(operation->name);
        assert(memchr(operation->name, '_', operation->name_length) != NULL);
        operation->body = next_line(at);
        at = operation->end = strstr(operation->body, closes);
        if (at == NULL) {
            vocabulary->count--;
            break;
        }
    }
}

static bool use(Vocabulary *vocabulary, const char *word, size_t length)
{
    for (int i = 0; i < vocabulary->count; i++) {
        Operation *operation = &vocabulary->operations[i];
        if (operation->name_length != length || memcmp(operation->name, word, length) != 0)
            continue;
        bool fresh = !operation->used;
        operation->used = true;
        return fresh;
    }
    return false;
}

/* Marks every operation named between text and end; true if one was new. A program has megabytes of words, few of them with an underscore: only these
   are looked up, since every operation's name has one. */
static bool use_words(Vocabulary *vocabulary, const char *text, const char *end)
{
    bool fresh = false;
    for (const char *mark; text < end && (mark = memchr(text, '_', (size_t)(end - text))) != NULL;) {
        const char *word = mark;
        while (word > text && word_byte(word[-1]))
            word--;
        const size_t length = word_length(word);
        if (use(vocabulary, word, length))
            fresh = true;
        text = word + length;
    }
    return fresh;
}

static bool use_needs(Vocabulary *vocabulary, const Operation *operation)
{
    const char *at = strstr(operation->body, needs);
    return at != NULL && at < operation->end && use_words(vocabulary, at + strlen(needs), next_line(at));
}

/* Until nothing new is needed. */
static void close_over_needs(Vocabulary *vocabulary)
{
    for (bool fresh = true; fresh;) {
        fresh = false;
        for (int i = 0; i < vocabulary->count; i++)
            if (vocabulary->operations[i].used && use_needs(vocabulary, &vocabulary->operations[i]))
                fresh = true;
    }
}

static void add_operation(Text *text, const Operation *operation)
{
    for (const char *line = operation->body; line < operation->end; line = next_line(line))
        if (strncmp(line, needs, strlen(needs)) != 0)
            text_add_bytes(text, line, (size_t)(next_line(line) - line));
}

const char *vocabulary_used(Arena *arena, const char *header, const char *const *codes, int code_count)
{
    Vocabulary *vocabulary = arena_new_of(arena, Vocabulary);
    find_operations(vocabulary, header);
    bool any = false;
    for (int i = 0; i < code_count; i++)
        any |= use_words(vocabulary, codes[i], codes[i] + strlen(codes[i]));
    if (!any)
        return "";
    close_over_needs(vocabulary);
    Text text = text_new(arena);
    const char *first = strstr(header, opens);
    text_add_bytes(&text, header, (size_t)(first - header));
    for (int i = 0; i < vocabulary->count; i++)
        if (vocabulary->operations[i].used)
            add_operation(&text, &vocabulary->operations[i]);
    return text.data;
}
