/* Lines of words with numbers behind them, as bodies are written: calls of macros of C or of an assembler. */
#include "codegen/cpu/sparse_inline.h"

void writer_end_line(WordWriter *writer)
{
    if (writer->length == 0)
        return;
    writer->line[writer->length] = '\0';
    out_line(writer->out, writer->assembler ? "\"%s\\n\"" : "%s", writer->line);
    writer->length = 0;
}

void writer_number(WordWriter *writer, int64_t number)
{
    char digits[24];
    int count = 0;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        digits[count++] = (char)('0' + rest % 10);
    } while ((rest /= 10) > 0);
    if (number < 0)
        writer->line[writer->length++] = '-';
    while (count > 0)
        writer->line[writer->length++] = digits[--count];
}

void writer_open_word(WordWriter *writer, char name)
{
    if (writer->length >= INLINE_COLUMNS)
        writer_end_line(writer);
    if (writer->length > 0)
        writer->line[writer->length++] = writer->assembler ? ';' : ' ';
    writer->line[writer->length++] = name;
}

void writer_first_operand(WordWriter *writer, int64_t number)
{
    writer->line[writer->length++] = writer->assembler ? ' ' : '(';
    writer_number(writer, number);
}

void writer_operand(WordWriter *writer, int64_t number)
{
    writer->line[writer->length++] = ',';
    writer_number(writer, number);
}

void writer_letter(WordWriter *writer, char letter)
{
    writer->line[writer->length++] = letter;
}

void writer_close_word(WordWriter *writer)
{
    if (!writer->assembler)
        writer->line[writer->length++] = ')';
}

void writer_word(WordWriter *writer, char name, int64_t number)
{
    writer_open_word(writer, name);
    writer_first_operand(writer, number);
    writer_close_word(writer);
}

void writer_word_two(WordWriter *writer, char name, int64_t a, int64_t b)
{
    writer_open_word(writer, name);
    writer_first_operand(writer, a);
    writer_operand(writer, b);
    writer_close_word(writer);
}

void writer_word_three(WordWriter *writer, char name, int64_t a, int64_t b, int64_t c)
{
    writer_open_word(writer, name);
    writer_first_operand(writer, a);
    writer_operand(writer, b);
    writer_operand(writer, c);
    writer_close_word(writer);
}

void writer_word_four(WordWriter *writer, char name, int64_t a, int64_t b, int64_t c, int64_t d)
{
    writer_open_word(writer, name);
    writer_first_operand(writer, a);
    writer_operand(writer, b);
    writer_operand(writer, c);
    writer_operand(writer, d);
    writer_close_word(writer);
}
