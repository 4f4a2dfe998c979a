/* C text that indents itself, and the three ways strangers' bytes and numbers get into it: string, comment, constant. */
#include "codegen/kernel.h"

#include <math.h>
#include <string.h>

#define INDENT 4
#define COMMENT_COLUMNS 146

static void begin_line(Out *out)
{
    for (int i = 0; i < out->indent * INDENT; i++)
        text_add_bytes(&out->text, " ", 1);
}

static void add_line(Out *out, const char *format, va_list arguments)
{
    begin_line(out);
    text_vformat(&out->text, format, arguments);
}

void out_line(Out *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_line(out, format, arguments);
    va_end(arguments);
    text_add(&out->text, "\n");
}

void out_blank(Out *out)
{
    text_add(&out->text, "\n");
}

void out_open(Out *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_line(out, format, arguments);
    va_end(arguments);
    /* A function's brace stands on a line of its own, as in our own sources. */
    bool function = out->indent == 0 && out->text.data[out->text.length - 1] == ')';
    text_add(&out->text, function ? "\n{\n" : " {\n");
    out->indent++;
}

void out_close(Out *out, const char *after)
{
    out->indent--;
    begin_line(out);
    text_add(&out->text, "}");
    text_add(&out->text, after);
    text_add(&out->text, "\n");
}

void out_paste(Out *out, const char *text)
{
    text_add(&out->text, text);
}

/* ---- comments ---- */

/* What one byte of a comment becomes, knowing the one before. Nothing here can end or open a comment, form a trigraph or reach a terminal raw. */
static const char *comment_byte(unsigned char byte, char before, char buffer[static 5])
{
    static const char hex[] = "0123456789abcdef";
    if ((byte == '/' && before == '*') || (byte == '*' && before == '/') || (byte == '?' && before == '?')) {
        memcpy(buffer, (char[]){' ', (char)byte, '\0'}, 3);
    } else if (byte < ' ' || byte > '~') {
        memcpy(buffer, (char[]){'\\', 'x', hex[byte >> 4], hex[byte & 15], '\0'}, 5);
    } else {
        memcpy(buffer, (char[]){(char)byte, '\0'}, 2);
    }
    return buffer;
}

/* One line of safe text. A backslash at its end would splice it to the next. */
static void comment_line(Out *out, const char *line, size_t length)
{
    char before = '\0', buffer[5];
    for (size_t i = 0; i < length; i++) {
        const char *piece = comment_byte((unsigned char)line[i], before, buffer);
        text_add(&out->text, piece);
        before = piece[strlen(piece) - 1];
    }
    if (before == '\\')
        text_add(&out->text, ".");
}

/* Bytes of `text` that fit on a line: up to a newline, or to the last blank before the limit, or (no blank) up to the next one. */
static size_t comment_break(const char *text, size_t room)
{
    size_t blank = 0, i = 0;
    for (; text[i] != '\0' && text[i] != '\n'; i++) {
        if (text[i] == ' ')
            blank = i;
        if (i >= room && blank > 0)
            return blank;
    }
    return i;
}

void out_comment(Out *out, const char *format, ...)
{
    Text body = text_new(out->text.arena);
    va_list arguments;
    va_start(arguments, format);
    text_vformat(&body, format, arguments);
    va_end(arguments);

    begin_line(out);
    text_add(&out->text, "/* ");
    size_t room = (size_t)(COMMENT_COLUMNS - out->indent * INDENT);
    for (const char *rest = body.data;;) {
        size_t length = comment_break(rest, room);
        comment_line(out, rest, length);
        if (rest[length] == '\0')
            break;
        rest += length + 1;
        text_add(&out->text, "\n");
        if (*rest == '\n')           /* no blanks on an empty line */
            continue;
        begin_line(out);
        text_add(&out->text, "   ");
    }
    text_add(&out->text, " */\n");
}

/* ---- strings and numbers ---- */

static void string_byte(Text *text, unsigned char byte)
{
    char octal[5] = {'\\', (char)('0' + (byte >> 6)), (char)('0' + (byte >> 3 & 7)), (char)('0' + (byte & 7)), '\0'};
    if (byte < ' ' || byte > '~')
        text_add(text, octal);
    else if (byte == '"' || byte == '\\' || byte == '?')
        text_add_bytes(text, (char[]){'\\', (char)byte}, 2);
    else
        text_add_bytes(text, (char[]){(char)byte}, 1);
}

const char *out_string(Arena *arena, const char *bytes, size_t length)
{
    Text text = text_new(arena);
    text_add(&text, "\"");
    for (size_t i = 0; i < length; i++)
        string_byte(&text, (unsigned char)bytes[i]);
    text_add(&text, "\"");
    return text.data;
}

/* printf's %a and %f follow the locale's decimal point, so digits are written here. */
static const char *hexadecimal(Arena *arena, double value, const char *suffix)
{
    int exponent = 0, places = 13;
    double fraction = frexp(fabs(value), &exponent);                        /* [0.5, 1) */
    uint64_t digits = (uint64_t)ldexp(fraction, 53) - (UINT64_C(1) << 52);  /* exact: the 52 bits behind the first */
    for (; places > 1 && (digits & 15) == 0; places--)
        digits >>= 4;
    return arena_format(arena, "%s0x1.%0*llxp%d%s", signbit(value) ? "-" : "", places, (unsigned long long)digits, exponent - 1, suffix);
}

const char *out_float(Arena *arena, double value, Type type)
{
    const char *suffix = type == TYPE_F32 ? "f" : "";
    const char *sign = signbit(value) ? "-" : "";
    if (isnan(value))
        return arena_format(arena, "__builtin_nan%s(\"\")", suffix);
    if (isinf(value))
        return arena_format(arena, "%s__builtin_inf%s()", sign, suffix);
    if (fabs(value) < (type == TYPE_F32 ? 0x1p24 : 1e15) && value == floor(value))
        return arena_format(arena, "%s%lld.0%s", sign, (long long)fabs(value), suffix);
    return hexadecimal(arena, value, suffix);
}
