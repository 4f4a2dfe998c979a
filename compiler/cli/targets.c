/* tulle targets: what can be compiled for, with the numbers that the model of machines uses. */
#include <string.h>

#include "compiler/cli/cli.h"

enum { COLUMNS = 10 };

/* Native first, then the rows. */
static const Target **all_targets(Context *ctx, bool probe)
{
    const Target **targets = arena_array(ctx->graph, const Target *, machine_count + 1);
    targets[0] = target_native(ctx, "native", probe);
    for (int i = 0; i < machine_count; i++)
        targets[i + 1] = target_named(ctx, machines[i].name);
    return targets;
}

/* ---- the table ---- */

static const char *number_text(Arena *arena, double number, const char *unit)
{
    return number > 0 ? arena_format(arena, "%.4g%s", number, unit) : "";
}

static const char *cache_text(Arena *arena, double bytes)
{
    if (bytes >= 1 << 20)
        return number_text(arena, bytes / (1 << 20), " MiB");
    return number_text(arena, bytes / 1024, " KiB");
}

static const char *peak_text(Arena *arena, const Machine *machine)
{
    return arena_format(arena, "%.0f", 2e-9 * machine_peak(machine, (int)machine->cores));
}

static void fill_row(Arena *arena, const Target *target, const char **cells)
{
    const Machine *machine = &target->machine;
    const char *says = machine->says ? machine->says : "";
    const char *const row[COLUMNS] = {
        machine->name, target->isa.name, text_quote(arena, says, strlen(says)), number_text(arena, machine->cores, ""), number_text(arena, machine->ghz, ""),
        peak_text(arena, machine), cache_text(arena, machine->l1_bytes), cache_text(arena, machine->l2_bytes), cache_text(arena, machine->l3_bytes),
        number_text(arena, machine->memory_all, ""),
    };
    memcpy(cells, row, sizeof row);
}

static void print_table(Context *ctx, const Target *const *targets, int count)
{
    static const char *const titles[COLUMNS] = {"target", "ISA", "", "cores", "GHz", "GFLOP/s", "L1d", "L2", "L3", "GB/s"};
    const char **cells = arena_array(ctx->graph, const char *, (count + 1) * COLUMNS);
    memcpy(cells, titles, sizeof titles);
    for (int i = 0; i < count; i++)
        fill_row(ctx->graph, targets[i], cells + (i + 1) * COLUMNS);
    report_table(stdout, cells, count + 1, COLUMNS, 3);
}

/* ---- JSON ---- */

static void print_field(const char *name, const char *text)
{
    printf("\"%s\": ", name);
    if (text)
        report_json_string(stdout, text);
    else
        fputs("null", stdout);
}

/* A number that is 0 is none, or not known: null. */
static void print_number(const Machine *machine, int index)
{
    const double number = machine_number(machine, index);
    printf(", \"%s\": ", machine_numbers[index].name);
    if (number > 0)
        report_json_number(stdout, number);
    else
        fputs("null", stdout);
}

static void print_target(const Target *target)
{
    const struct { const char *name, *text; } fields[] = {
        {"name", target->machine.name}, {"says", target->machine.says}, {"isa", target->isa.name}, {"core", target->machine.core},
        {"flags", target->isa.compiler_flags}, {"compiler", target->isa.compiler},
    };
    for (int i = 0; i < COUNT(fields); i++) {
        fputs(i ? ", " : "{", stdout);
        print_field(fields[i].name, fields[i].text);
    }
    for (int i = 0; i < machine_number_count; i++)
        print_number(&target->machine, i);
    printf(", \"isa_vector_bytes\": %d}", target->isa.vector_bytes);
}

static void print_json(const Target *const *targets, int count)
{
    fputs("{\"targets\": [", stdout);
    for (int i = 0; i < count; i++) {
        fputs(i ? ",\n  " : "\n  ", stdout);
        print_target(targets[i]);
    }
    fputs("\n]}\n", stdout);
}

/* ---- the command ---- */

/* The machine that is asked for; NULL: all. */
static const Target *one_target(Context *ctx, const Options *options)
{
    const Strings *words = &options->arguments;
    const char *name = words->count ? words->items[0] : NULL;
    if (words->count > 1 || (name && options->target_file))
        fail(ctx, STATUS_USAGE, NULL, "'tulle targets NAME' prints it as a file for --target-file", "one target at a time");
    if (options->probe && (options->target_file || (name && !target_is_native(name))))
        fail(ctx, STATUS_USAGE, NULL, NULL, "--probe measures this machine, no other");
    if (options->target_file)
        return target_file(ctx, options->target_file);
    return !name ? NULL : options->probe ? target_native(ctx, name, true) : target_named(ctx, name);
}

Status targets_command(Context *ctx, const Options *options)
{
    const Target *one = one_target(ctx, options);
    const Target *const *targets = one ? &one : all_targets(ctx, options->probe);
    const int count = one ? 1 : machine_count + 1;
    if (options->json)
        print_json(targets, count);
    else if (one)
        fputs(machine_text(ctx->graph, &one->machine), stdout);
    else
        print_table(ctx, targets, count);
    return STATUS_FINE;
}
