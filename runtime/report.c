/* Text for people and for programs: tables with aligned columns, JSON strings and numbers. Names come from models and may hold any bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npy.h"

/* Bytes of the UTF-8 character at `at`, 0 if it is none (overlong forms, surrogates and values past U+10FFFF are none). */
static int utf8_length(const unsigned char *at)
{
    int length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool wrong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] >= 0x90);
    return length && wrong ? 0 : length;
}

void report_json_string(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        int length = utf8_length(at);
        if (!length)
            fputs("\\ufffd", stream);
        else if (*at < 32 || *at == 127)
            fprintf(stream, "\\u%04x", *at);
        else if (*at == '"' || *at == '\\')
            fprintf(stream, "\\%c", *at);
        else
            fwrite(at, 1, (size_t)length, stream);
        at += length ? length : 1;
    }
    fputc('"', stream);
}

void report_json_number(FILE *stream, double number)
{
    if (isfinite(number))
        fprintf(stream, "%.9g", number);
    else
        fputs("null", stream);
}

/* Columns of the terminal that a text takes: UTF-8 characters, broken bytes counted one each. */
static int width_of(const char *text)
{
    int width = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at; width++) {
        int length = utf8_length(at);
        at += length ? length : 1;
    }
    return width;
}

static void print_cell(FILE *stream, const char *text, int pad, bool left)
{
    if (!left)
        fprintf(stream, "%*s", pad, "");
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        int length = utf8_length(at);
        bool plain = length && *at >= 32 && *at != 127 && !(at[0] == 0xc2 && at[1] < 0xa0);
        if (plain)
            fwrite(at, 1, (size_t)length, stream);
        else
            fputc('?', stream);
        at += length ? length : 1;
    }
    if (left)
        fprintf(stream, "%*s", pad, "");
}

void report_table(FILE *stream, const char *const *cells, int rows, int columns, int text_columns)
{
    int *widths = calloc((size_t)columns + 1, sizeof *widths);
    if (!widths)
        return;
    for (int i = 0; i < rows * columns; i++) {
        int width = width_of(cells[i]);
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    for (int i = 0; i < rows * columns; i++) {
        int column = i % columns;
        bool last = column == columns - 1, left = column < text_columns;
        print_cell(stream, cells[i], last && left ? 0 : widths[column] - width_of(cells[i]), left);
        fputs(last ? "\n" : "  ", stream);
    }
    free(widths);
}

void report_shape(char *text, size_t size, int rank, const int64_t *dims)
{
    size_t length = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%lld", i ? "," : "", (long long)dims[i]);
    if (length < size)
        snprintf(text + length, size - length, "]");
}
