/* Growing text, and strings from strangers made fit to be shown. */
#include <ctype.h>
#include <string.h>

#include "compiler/base/base.h"

enum { FIRST_CAPACITY = 64, QUOTE_MOST = 120, LONGEST_WORD = 64 };

/* ---- growing text ---- */

Text text_new(Arena *arena)
{
    return (Text){.arena = arena, .data = arena_alloc(arena, FIRST_CAPACITY, 1), .capacity = FIRST_CAPACITY};
}

static void text_reserve(Text *text, size_t more)
{
    size_t needed;
    if (!checked_add(text->length, more, &needed) || !checked_add(needed, 1, &needed))
        needed = SIZE_MAX;   /* arena_resize refuses it by name */
    if (needed <= text->capacity)
        return;
    size_t capacity = text->capacity > SIZE_MAX / 2 || 2 * text->capacity < needed ? needed : 2 * text->capacity;
    text->data = arena_resize(text->arena, text->data, text->capacity, capacity);
    text->capacity = capacity;
}

void text_add_bytes(Text *text, const char *bytes, size_t length)
{
    text_reserve(text, length);
    if (length)
        memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add(Text *text, const char *piece)
{
    text_add_bytes(text, piece, strlen(piece));
}

void text_vformat(Text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(text->data + text->length, text->capacity - text->length, format, arguments);
    if (length > 0 && (size_t)length >= text->capacity - text->length) {
        text_reserve(text, (size_t)length);
        vsnprintf(text->data + text->length, text->capacity - text->length, format, again);
    }
    va_end(again);
    text->length += length > 0 ? (size_t)length : 0;
}

void text_format(Text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_vformat(text, format, arguments);
    va_end(arguments);
}

/* ---- strings from strangers ---- */

/* Decodes one UTF-8 sequence of two to four bytes; its length, or 0 if it is not valid (overlong, a surrogate, past the last plane, cut off). */
static size_t decode(const unsigned char *at, size_t length, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = (at[0] & 0xe0) == 0xc0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : (at[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (size == 0 || size > length)
        return 0;
    *code = at[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (at[i] & 0x3f);
    }
    return *code < least[size] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) ? 0 : size;
}

/* What shows nothing, or changes how the text around it is shown. */
static bool invisible(uint32_t code)
{
    static const struct { uint32_t first, last; } ranges[] = {
        {0x80, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
    };
    for (int i = 0; i < COUNT(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

size_t text_character(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    if (length == 0)
        return 0;
    if (*at < 0x80)
        return *at >= 0x20 && *at < 0x7f;
    uint32_t code;
    size_t size = decode(at, length, &code);
    return size && !invisible(code) ? size : 0;
}

const char *text_lines(Arena *arena, const char *bytes, size_t length)
{
    Text text = text_new(arena);
    while (length > 0 && bytes[length - 1] == '\n')
        length--;
    for (size_t at = 0, size; at < length; at += size) {
        size = text_character(bytes + at, length - at);
        const bool shown = size > 0 || bytes[at] == '\n';
        size = size > 0 ? size : 1;
        text_add_bytes(&text, shown ? bytes + at : "?", size);
    }
    return text.data;
}

/* The second character of a comment mark or a trigraph's "??" gets a backslash; a backslash at the very end would join two lines of C. */
static void quote_ascii(Text *text, const char *bytes, size_t at, size_t length)
{
    char c = bytes[at], before = at ? bytes[at - 1] : '\0';
    bool last = at + 1 == length;
    if (c == '\\' && last)
        text_add(text, "\\x5c");
    else if (c == '\\' || c == '"' || c == '\'' || (c == '/' && before == '*') || (c == '*' && before == '/') || (c == '?' && before == '?'))
        text_format(text, "\\%c", c);
    else
        text_add_bytes(text, &c, 1);
}

static void quote_escaped(Text *text, unsigned char c)
{
    static const char named[] = "\aa\bb\tt\nn\vv\ff\rr";
    const char *name = c ? strchr(named, c) : NULL;
    if (name && c < 0x20)
        text_format(text, "\\%c", name[1]);
    else
        text_format(text, "\\x%02x", c);
}

const char *text_quote(Arena *arena, const char *bytes, size_t length)
{
    Text text = text_new(arena);
    size_t shown = 0;
    for (size_t at = 0; at < length; shown++) {
        if (shown == QUOTE_MOST) {
            text_add(&text, "...");
            break;
        }
        size_t size = text_character(bytes + at, length - at);
        if (size == 1)
            quote_ascii(&text, bytes, at, length);
        else if (size)
            text_add_bytes(&text, bytes + at, size);
        else
            quote_escaped(&text, (unsigned char)bytes[at]);
        at += size ? size : 1;
    }
    return text.data;
}

/* ---- did you mean ---- */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Insertions, removals, replacements and swaps of neighbours, whatever the case of letters; one row of the table at a time. */
static int edit_distance(const char *a, int a_length, const char *b, int b_length)
{
    int rows[3][LONGEST_WORD + 1];
    for (int j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (int i = 1; i <= a_length; i++) {
        int *row = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            row[j] = least(least(before[j], row[j - 1]) + 1, before[j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], earlier[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *text_nearest(const char *word, const char *const *candidates, int count)
{
    size_t length = strnlen(word, LONGEST_WORD + 1);
    const char *nearest = NULL;
    int best = length < 3 ? 1 : (int)length / 3 + 1;     /* farther than that is another word */
    for (int i = 0; i < count && length && length <= LONGEST_WORD; i++) {
        size_t size = strnlen(candidates[i], LONGEST_WORD + 1);
        if (size > LONGEST_WORD)
            continue;
        int distance = edit_distance(word, (int)length, candidates[i], (int)size);
        if (distance < best + !nearest && distance < (int)size) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

const char *const *text_words(Arena *arena, const char *text, int *count)
{
    const char **words = arena_array(arena, const char *, strlen(text) / 2 + 2);
    for (int found = 0;; found++) {
        text += strspn(text, " \t");
        const size_t length = strcspn(text, " \t");
        if (count)
            *count = found;
        if (!length)
            return words;
        words[found] = arena_string(arena, text, length);
        text += length;
    }
}
