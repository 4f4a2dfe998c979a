/* tulle targets: what can be compiled for, with the numbers that the model of machines uses. */
#include <string.h>

#include "compiler/cli/cli.h"

enum { COLUMNS = 8 };

static const Target **all_targets(Context *ctx)
{
    const Target **targets = arena_array(ctx->graph, const Target *, machine_count + 1);
    targets[0] = target_named(ctx, "native");
    for (int i = 0; i < machine_count; i++)
        targets[i + 1] = target_named(ctx, machines[i].name);
    return targets;
}

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

static void fill_row(Arena *arena, const Target *target, const char *name, const char **cells)
{
    const Machine *machine = &target->machine;
    const char *const row[COLUMNS] = {name, target->isa.name, machine->says ? machine->says : "", number_text(arena, machine->cores, ""),
                                      number_text(arena, machine->ghz, ""), cache_text(arena, machine->l1_bytes), cache_text(arena, machine->l2_bytes),
                                      cache_text(arena, machine->l3_bytes)};
    memcpy(cells, row, sizeof row);
}

static void print_table(Context *ctx, const Target *const *targets, int count)
{
    static const char *const titles[COLUMNS] = {"target", "ISA", "", "cores", "GHz", "L1d", "L2", "L3"};
    const char **cells = arena_array(ctx->graph, const char *, (count + 1) * COLUMNS);
    memcpy(cells, titles, sizeof titles);
    for (int i = 0; i < count; i++)
        fill_row(ctx->graph, targets[i], i ? targets[i]->machine.name : "native", cells + (i + 1) * COLUMNS);
    report_table(stdout, cells, count + 1, COLUMNS, 3);
}

static void print_field(const char *name, const char *text, const char *after)
{
    printf("\"%s\": ", name);
    if (text)
        report_json_string(stdout, text);
    else
        fputs("null", stdout);
    fputs(after, stdout);
}

static void print_count(const char *name, double number, const char *after)
{
    printf("\"%s\": ", name);
    if (number > 0)
        report_json_number(stdout, number);
    else
        fputs("null", stdout);
    fputs(after, stdout);
}

static void print_json(const Target *const *targets, int count)
{
    fputs("{\"targets\": [", stdout);
    for (int i = 0; i < count; i++) {
        const Machine *machine = &targets[i]->machine;
        fputs(i ? ",\n  {" : "\n  {", stdout);
        print_field("name", i ? machine->name : "native", ", ");
        print_field("says", machine->says, ", ");
        print_field("isa", targets[i]->isa.name, ", ");
        print_field("flags", targets[i]->isa.compiler_flags, ", ");
        print_field("compiler", targets[i]->isa.compiler, ", ");
        print_count("vector_bytes", targets[i]->isa.vector_bytes, ", ");
        print_count("cores", machine->cores, ", ");
        print_count("ghz", machine->ghz, ", ");
        print_count("l1_bytes", machine->l1_bytes, ", ");
        print_count("l2_bytes", machine->l2_bytes, ", ");
        print_count("l3_bytes", machine->l3_bytes, "}");
    }
    fputs("\n]}\n", stdout);
}

Status targets_command(Context *ctx, const Options *options)
{
    if (options->arguments.count)
        fail(ctx, STATUS_USAGE, NULL, NULL, "'tulle targets' takes no arguments");
    const Target **targets = all_targets(ctx);
    (options->json ? (void)print_json(targets, machine_count + 1) : print_table(ctx, targets, machine_count + 1));
    return STATUS_FINE;
}
