/* A machine as text: 'key value' in each line, '#' before words. What machine_text() writes, machine_parse() reads back as the same machine. Whoever
   wrote a file may have copied it from anywhere: sizes and characters are checked before anything else. Numbers are read and written in the same
   way whatever the locale. */
#define _GNU_SOURCE
#include "targets/targets.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 16, LONGEST_NAME = 64, LONGEST_SAYS = 200, LONGEST_NUMBER = 40 };

/* ---- the table ---- */

#define CPU true, false
#define GPU false, true
#define BOTH true, true
#define NOBODY false, false
#define NUMBER(name, unit, least, most, needed, what) {#name, unit, what, least, most, needed, offsetof(Machine, name)},
const MachineNumber machine_numbers[] = {
#include "targets/numbers.inc"
};
#undef NUMBER
#undef CPU
#undef GPU
#undef BOTH
#undef NOBODY
const int machine_number_count = COUNT(machine_numbers);

static double *number_place(Machine *machine, int number)
{
    return (double *)(void *)((char *)machine + machine_numbers[number].place);
}

double machine_number(const Machine *machine, int number)
{
    return *(const double *)(const void *)((const char *)machine + machine_numbers[number].place);
}

static bool is_needed(const MachineNumber *number, const Isa *isa)
{
    return isa->gpu ? number->gpu_needs : number->cpu_needs;
}

/* ---- numbers as text ---- */

static locale_t plain_locale(void)
{
    static locale_t plain;
    if (!plain)
        plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return plain;
}

/* The shortest decimal that reads back as the same number; whole ones without an exponent. */
static const char *decimal(Arena *arena, double number)
{
    char digits[LONGEST_NUMBER];
    const locale_t before = uselocale(plain_locale());
    if (number == rint(number) && fabs(number) < 1e15)
        snprintf(digits, sizeof digits, "%.0f", number);
    else
        for (int precision = 1; precision <= 17; precision++) {
            snprintf(digits, sizeof digits, "%.*g", precision, number);
            if (strtod(digits, NULL) == number)
                break;
        }
    uselocale(before);
    return arena_string(arena, digits, strlen(digits));
}

/* Decimal digits only: no hexadecimal numbers, infinities or NaN. */
static bool read_decimal(const char *word, double *number)
{
    char *end;
    if (!*word || strlen(word) >= LONGEST_NUMBER || word[strspn(word, "0123456789.eE+-")])
        return false;
    *number = strtod_l(word, &end, plain_locale());
    return !*end;
}

/* ---- writing ---- */

const char *machine_text(Arena *arena, const Machine *machine)
{
    Text text = text_new(arena);
    text_add(&text, "# A machine for 'tulle --target-file': a name and a value in each line, words after '#'. 0: there is none, or nobody knows.\n");
    text_format(&text, "%-18s %s\n", "name", machine->name);
    if (machine->says && *machine->says)
        text_format(&text, "%-18s %s\n", "says", machine->says);
    text_format(&text, "%-18s %s\n", "isa", machine->isa);
    if (machine->core)
        text_format(&text, "%-18s %-10s # as LLVM calls its model of the core, for 'tulle inspect'\n", "core", machine->core);
    for (int i = 0; i < machine_number_count; i++) {
        const MachineNumber *number = &machine_numbers[i];
        const char *value = decimal(arena, machine_number(machine, i));
        text_format(&text, "%-18s %-10s # %s%s%s\n", number->name, value, number->unit, *number->unit ? ": " : "", number->what);
    }
    return text.data;
}

const char *machine_brief(Arena *arena, const Machine *machine)
{
    Text text = text_new(arena);
    text_format(&text, "isa %s", machine->isa);
    for (int i = 0; i < machine_number_count; i++)
        if (machine_number(machine, i) > 0)
            text_format(&text, ", %s %s", machine_numbers[i].name, decimal(arena, machine_number(machine, i)));
    return text.data;
}

/* ---- reading ---- */

typedef struct Reader {
    Arena *arena;
    Machine *machine;
    MachineFault *fault;
    int line;
    int name_line, says_line, isa_line, core_line;       /* where it was given; 0: not yet */
    int lines[COUNT(machine_numbers)];           /* the same of each number */
} Reader;

static bool faulty(const Reader *reader, int line, const char *hint, const char *format, ...) PRINTF_LIKE(4, 5);

static bool faulty(const Reader *reader, int line, const char *hint, const char *format, ...)
{
    Text what = text_new(reader->arena);
    va_list arguments;
    va_start(arguments, format);
    text_vformat(&what, format, arguments);
    va_end(arguments);
    *reader->fault = (MachineFault){line, what.data, hint};
    return false;
}

static const char *quoted(const Reader *reader, const char *word)
{
    return text_quote(reader->arena, word, strlen(word));
}

static const char *did_you_mean(const Reader *reader, const char *word, const char *const *names, int count, const char *otherwise)
{
    const char *nearest = text_nearest(word, names, count);
    return nearest ? arena_format(reader->arena, "did you mean '%s'?", nearest) : otherwise;
}

static bool mark(const Reader *reader, int *line, const char *key)
{
    if (*line)
        return faulty(reader, reader->line, NULL, "'%s' is given again: line %d has it, too", key, *line);
    *line = reader->line;
    return true;
}

static bool read_name(const Reader *reader, const char *value, const char *of, const char **name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    *name = value;
    if (!*value || strlen(value) > LONGEST_NAME || value[strspn(value, allowed)])
        return faulty(reader, reader->line, "letters, digits, '.', '_' and '-', 64 at most", "'%s' is no name for a %s", quoted(reader, value), of);
    return true;
}

static bool read_says(const Reader *reader, const char *value)
{
    reader->machine->says = value;
    size_t left = strlen(value);
    if (left > LONGEST_SAYS)
        return faulty(reader, reader->line, NULL, "'says' is longer than %d bytes", LONGEST_SAYS);
    for (size_t size; left > 0; value += size, left -= size) {
        size = text_character(value, left);
        if (!size)
            return faulty(reader, reader->line, NULL, "'says' has characters that cannot be shown");
    }
    return true;
}

static bool read_isa(const Reader *reader, const char *value)
{
    const char **names = arena_array(reader->arena, const char *, machine_count);
    for (int i = 0; i < machine_count; i++)
        names[i] = machines[i].isa;
    const Isa *isa = isa_named(value);
    if (!isa) {
        const char *hint = did_you_mean(reader, value, names, machine_count, "'tulle targets' shows those there are");
        return faulty(reader, reader->line, hint, "there is no instruction set '%s'", quoted(reader, value));
    }
    reader->machine->isa = isa->name;
    return true;
}

static bool out_of_range(const Reader *reader, int line, int index)
{
    const MachineNumber *number = &machine_numbers[index];
    const char *least = decimal(reader->arena, number->least), *value = decimal(reader->arena, machine_number(reader->machine, index));
    const char *hint = arena_format(reader->arena, "%s: %s", number->name, number->what), *most = decimal(reader->arena, number->most);
    const char *space = *number->unit ? " " : "";
    return faulty(reader, line, hint, "%s is %s: it must be from %s to %s%s%s", number->name, value, least, most, space, number->unit);
}

/* 0 is always a number: whether this machine can do without is seen when all are read. */
static bool read_number(const Reader *reader, int index, const char *value)
{
    const MachineNumber *number = &machine_numbers[index];
    double *place = number_place(reader->machine, index);
    if (!read_decimal(value, place))
        return faulty(reader, reader->line, NULL, "%s: '%s' is not a number", number->name, quoted(reader, value));
    if (*place != 0 && !(*place >= number->least && *place <= number->most))
        return out_of_range(reader, reader->line, index);
    if (strcmp(number->unit, "bytes") == 0 && *place != rint(*place))
        return faulty(reader, reader->line, NULL, "%s is %s: bytes are whole", number->name, value);
    return true;
}

static bool read_unknown(const Reader *reader, const char *key)
{
    const char *names[COUNT(machine_numbers) + 4] = {"name", "says", "isa", "core"};
    for (int i = 0; i < COUNT(machine_numbers); i++)
        names[i + 4] = machine_numbers[i].name;
    const char *hint = did_you_mean(reader, key, names, COUNT(names), "'tulle targets native' prints a file with all of them");
    return faulty(reader, reader->line, hint, "nothing is called '%s'", quoted(reader, key));
}

static bool read_pair(Reader *reader, const char *key, const char *value)
{
    if (strcmp(key, "name") == 0)
        return mark(reader, &reader->name_line, key) && read_name(reader, value, "machine", &reader->machine->name);
    if (strcmp(key, "says") == 0)
        return mark(reader, &reader->says_line, key) && read_says(reader, value);
    if (strcmp(key, "isa") == 0)
        return mark(reader, &reader->isa_line, key) && read_isa(reader, value);
    if (strcmp(key, "core") == 0)
        return mark(reader, &reader->core_line, key) && read_name(reader, value, "core", &reader->machine->core);
    for (int i = 0; i < machine_number_count; i++)
        if (strcmp(key, machine_numbers[i].name) == 0)
            return mark(reader, &reader->lines[i], key) && read_number(reader, i, value);
    return read_unknown(reader, key);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The end of text without blanks behind it. */
static const char *trimmed(const char *start, const char *end)
{
    while (end > start && is_blank(end[-1]))
        end--;
    return end;
}

/* Words begin with a '#' that opens the line or follows a blank; what 'says' says goes to the end of its line. */
static const char *before_words(const char *start, const char *end)
{
    for (const char *at = start; at < end; at++)
        if (*at == '#' && (at == start || is_blank(at[-1])))
            return at;
    return end;
}

static bool read_line(Reader *reader, const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    const char *key_end = at;
    while (key_end < end && !is_blank(*key_end))
        key_end++;
    if (at == end || *at == '#')
        return true;
    const char *key = arena_string(reader->arena, at, (size_t)(key_end - at));
    while (key_end < end && is_blank(*key_end))
        key_end++;
    const char *value_end = trimmed(key_end, strcmp(key, "says") == 0 ? end : before_words(key_end, end));
    return read_pair(reader, key, arena_string(reader->arena, key_end, (size_t)(value_end - key_end)));
}

/* ---- what must fit together ---- */

static bool check_missing(const Reader *reader, const Isa *isa)
{
    Text names = text_new(reader->arena);
    for (int i = 0; i < machine_number_count; i++) {
        if (!is_needed(&machine_numbers[i], isa) || machine_number(reader->machine, i) > 0)
            continue;
        if (reader->lines[i])
            return faulty(reader, reader->lines[i], NULL, "%s is 0: a %s needs it", machine_numbers[i].name, isa->gpu ? "GPU" : "CPU");
        text_format(&names, "%s%s", names.length ? ", " : "", machine_numbers[i].name);
    }
    if (!names.length)
        return true;
    const char *hint = "'tulle targets NAME' prints the file of a machine that may be like yours";
    return faulty(reader, 0, hint, "what a %s needs is missing: %s", isa->gpu ? "GPU" : "CPU", names.data);
}

static int line_of(const Reader *reader, const char *name)
{
    for (int i = 0; i < machine_number_count; i++)
        if (strcmp(machine_numbers[i].name, name) == 0)
            return reader->lines[i];
    return 0;
}

/* A level that is there, and smaller than the one inside it. */
static bool check_level(const Reader *reader, const char *outer, double bytes, const char *inner, double inside)
{
    if (bytes >= inside || bytes <= 0)
        return true;
    return faulty(reader, line_of(reader, outer), NULL, "%s is %s: less than %s, which is %s", outer, decimal(reader->arena, bytes), inner,
                  decimal(reader->arena, inside));
}

static bool check_caches(const Reader *reader)
{
    const Machine *machine = reader->machine;
    if (machine->l3_bytes > 0 && machine->l3_bandwidth <= 0)
        return faulty(reader, line_of(reader, "l3_bytes"), "0: there is no level 3", "l3_bytes is above 0: l3_bandwidth must be, too");
    return check_level(reader, "l2_bytes", machine->l2_bytes, "l1_bytes", machine->l1_bytes) &&
           check_level(reader, "l3_bytes", machine->l3_bytes, "l2_bytes", machine->l2_bytes);
}

static bool check_vectors(const Reader *reader, const Isa *isa)
{
    const char *given = decimal(reader->arena, reader->machine->vector_bytes);
    if (reader->machine->vector_bytes <= isa->vector_bytes)
        return true;
    return faulty(reader, line_of(reader, "vector_bytes"), NULL, "vector_bytes is %s: a vector of %s has %d", given, isa->name, isa->vector_bytes);
}

static bool check_whole(const Reader *reader)
{
    if (!reader->name_line || !reader->isa_line)
        return faulty(reader, 0, "lines such as 'name my-board' and 'isa avx2'", reader->name_line ? "the isa is missing" : "the name is missing");
    const Isa *isa = isa_named(reader->machine->isa);
    return check_missing(reader, isa) && check_vectors(reader, isa) && check_caches(reader);
}

bool machine_parse(Arena *arena, const char *text, size_t length, Machine *machine, MachineFault *fault)
{
    Reader reader = {.arena = arena, .machine = machine, .fault = fault};
    *machine = (Machine){.says = ""};
    if (length > MOST_BYTES)
        return faulty(&reader, 0, NULL, "%zu bytes are no target file: it has %d at most", length, MOST_BYTES);
    if (memchr(text, 0, length))
        return faulty(&reader, 0, NULL, "it holds a zero byte: it is no text");
    for (const char *at = text, *end = text + length, *line_end; at < end; at = line_end + (line_end < end)) {
        line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        reader.line++;
        if (!read_line(&reader, at, line_end))
            return false;
    }
    return check_whole(&reader);
}

const Target *target_file(Context *ctx, const char *path)
{
    const char *before = ctx->file;
    const FileView file = file_map(ctx, path);
    Target *target = arena_new_of(ctx->graph, Target);
    MachineFault fault;
    if (!machine_parse(ctx->graph, (const char *)file.data, file.size, &target->machine, &fault)) {
        const char *where = fault.line ? arena_format(ctx->scratch, "line %d", fault.line) : NULL;
        fail(ctx, STATUS_USAGE, where, fault.hint, "%s", fault.what);
    }
    ctx->file = before;
    target->isa = *isa_named(target->machine.isa);
    return target;
}
