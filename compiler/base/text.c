/* Growing text, and strings from strangers made fit for people. */
#include "compiler/base/base.h"

#include <string.h>

#define QUOTE_LENGTH 120
#define WORD_LENGTH 64

Text text_new(Arena *arena)
{
    Text text = {.arena = arena, .capacity = 256};
    text.data = arena_alloc(arena, text.capacity, 1);
    return text;
}

static void reserve(Text *text, size_t more)
{
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity)
        return;
    while (text->capacity < needed)
        text->capacity *= 2;
    char *larger = arena_alloc(text->arena, text->capacity, 1);
    memcpy(larger, text->data, text->length + 1);
    text->data = larger;
}

void text_add_bytes(Text *text, const char *bytes, size_t length)
{
    reserve(text, length);
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = 0;
}

void text_add(Text *text, const char *piece)
{
    text_add_bytes(text, piece, strlen(piece));
}

void text_vformat(Text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    reserve(text, (size_t)length);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    text->length += (size_t)length;
}

void text_format(Text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_vformat(text, format, arguments);
    va_end(arguments);
}

/* Bytes of the UTF-8 character at `bytes` that a terminal may show as it is; 0 if there is none. */
static size_t printable(const unsigned char *bytes, size_t left)
{
    if (bytes[0] >= 0x20 && bytes[0] < 0x7f)
        return bytes[0] != '\'' && bytes[0] != '"' && bytes[0] != '\\';
    size_t length = bytes[0] >= 0xf1 && bytes[0] <= 0xf3 ? 4 : bytes[0] >= 0xe1 && bytes[0] <= 0xec ? 3 : bytes[0] >= 0xc3 && bytes[0] <= 0xdf ? 2 : 0;
    if (length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    /* U+2028 and the marks that turn the direction of text around are not for terminals. */
    return length == 3 && bytes[0] == 0xe2 && (bytes[1] == 0x80 || bytes[1] == 0x81) ? 0 : length;
}

const char *text_quote(Arena *arena, const char *bytes, size_t length)
{
    Text text = text_new(arena);
    for (size_t i = 0; i < length;) {
        if (text.length >= QUOTE_LENGTH) {
            text_add(&text, "...");
            break;
        }
        const unsigned char *byte = (const unsigned char *)bytes + i;
        size_t plain = printable(byte, length - i);
        if (plain)
            text_add_bytes(&text, bytes + i, plain);
        else if (*byte == '\'' || *byte == '"' || *byte == '\\')
            text_format(&text, "\\%c", *byte);
        else
            text_format(&text, "\\x%02x", *byte);
        i += plain ? plain : 1;
    }
    return text.data;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int edit_distance(const char *a, const char *b)
{
    int row[WORD_LENGTH + 1];
    int width = (int)strlen(b), height = (int)strlen(a);
    for (int j = 0; j <= width; j++)
        row[j] = j;
    for (int i = 1; i <= height; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= width; j++) {
            int replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smaller(replaced, 1 + smaller(row[j], row[j - 1]));
        }
    }
    return row[width];
}

const char *text_nearest(const char *word, const char *const *candidates, int count)
{
    size_t length = strlen(word);
    if (length > WORD_LENGTH)
        return NULL;
    const char *nearest = NULL;
    int least = 1 + (int)(length < 4 ? 1 : length / 3 + 1);
    for (int i = 0; i < count; i++) {
        if (!candidates[i] || strlen(candidates[i]) > WORD_LENGTH)
            continue;
        int distance = edit_distance(word, candidates[i]);
        if (distance < least) {
            least = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}
