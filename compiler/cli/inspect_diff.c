/* inspect --diff A B: the same layer as two kernels or tilings make it, side by side. Each is planned with the whole network, whose layouts it may
   change. */
#include <math.h>
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/inspect.h"

enum { SIDES = 2, COLUMNS = 4, MOST_ROWS = 40 };

/* ---- the two ---- */

static Inspection *side_of(Context *ctx, const Options *options, const char *model, const char *layer, const char *choice)
{
    Options with = *options;
    const char **choices = arena_array(ctx->graph, const char *, options->kernels.count + 1);
    for (int i = 0; i < options->kernels.count; i++)
        choices[i] = options->kernels.items[i];
    choices[options->kernels.count] = arena_format(ctx->graph, "%s=%s", layer, choice);
    with.kernels = (Strings){choices, options->kernels.count + 1, options->kernels.count + 1};
    return inspection_make(ctx, options, driver_plan(ctx, &with, model), layer);
}

/* ---- the table ---- */

typedef struct Table {
    Arena *arena;
    const char *cells[MOST_ROWS * COLUMNS];
    int rows;
} Table;

static void add_texts(Table *table, const char *name, const char *a, const char *b, const char *ratio)
{
    const char *const row[COLUMNS] = {name, a, b, ratio};
    if (table->rows < MOST_ROWS)
        memcpy(table->cells + table->rows++ * COLUMNS, row, sizeof row);
}

static const char *number_text(Arena *arena, double number)
{
    return isnan(number) ? "" : number >= 1000 ? cycles_text(arena, number) : number > 0 ? figures_text(arena, number) : "0";
}

/* Nothing where neither has any; a blank where one is not known. */
static void add_numbers(Table *table, const char *name, double a, double b)
{
    Arena *arena = table->arena;
    if (a > 0 || b > 0)
        add_texts(table, name, number_text(arena, a), number_text(arena, b), a > 0 && b > 0 ? arena_format(arena, "%.2fx", b / a) : "");
}

/* Numbers of a round of one loop and of a round of bodies, which are the whole work, do not compare. */
static void add_rounds(Table *table, const char *name, const Code *a, const Code *b, double one, double other)
{
    if ((a->bodies > 0) == (b->bodies > 0))
        add_numbers(table, name, one, other);
    else
        add_texts(table, name, number_text(table->arena, one), number_text(table->arena, other), "");
}

static const char *round_text(Arena *arena, const Code *code)
{
    int modelled;
    loops_cycles(code, false, &modelled);
    if (code->bodies < 2)
        return code->bodies ? "one body" : "one loop";
    return arena_format(arena, modelled > 0 ? "%d bodies, cycles of %d" : "%d bodies", code->bodies, modelled);
}

static void add_cycles(Table *table, const Code *a, const Code *b)
{
    int modelled;
    add_numbers(table, "  cycles, at least", loops_cycles(a, false, &modelled), loops_cycles(b, false, &modelled));
    add_numbers(table, "  cycles, simulated", loops_cycles(a, true, &modelled), loops_cycles(b, true, &modelled));
}

static const char *layouts_text(Arena *arena, const Tiling *tiling)
{
    return arena_format(arena, "%s, %s", layout_text(arena, &tiling->in), layout_text(arena, &tiling->out));
}

static void add_counts(Table *table, const Inspection *a, const Inspection *b)
{
    const LayerPlan *one = a->layer, *other = b->layer;
    StageWork sums[SIDES] = {0};
    const LayerPlan *const layers[SIDES] = {one, other};
    for (int i = 0; i < SIDES; i++)
        for (int s = 0; s < layers[i]->stage_count; s++) {
            const StageWork *work = &layers[i]->work.stages[s];
            sums[i].instructions += work->instructions;
            sums[i].fma += work->fma;
            sums[i].loads += work->loads;
            sums[i].stores += work->stores;
        }
    add_texts(table, "kernel", one->kernel->name, other->kernel->name, "");
    add_texts(table, "tiling", tiling_text(table->arena, &one->tiling), tiling_text(table->arena, &other->tiling), "");
    add_texts(table, "reads, leaves", layouts_text(table->arena, &one->tiling), layouts_text(table->arena, &other->tiling), "");
    add_numbers(table, "ms of the whole network", a->plan->seconds * 1e3, b->plan->seconds * 1e3);
    add_numbers(table, "ms in the network", one->price.seconds * 1e3, other->price.seconds * 1e3);
    add_numbers(table, "ms alone", one->hot.seconds * 1e3, other->hot.seconds * 1e3);
    add_texts(table, "bound by", bound_name(one->price.bound, false), bound_name(other->price.bound, false), "");
    add_numbers(table, "counted multiply-adds", sums[0].fma, sums[1].fma);
    add_numbers(table, "counted instructions", sums[0].instructions, sums[1].instructions);
    add_numbers(table, "counted loads", sums[0].loads, sums[1].loads);
    add_numbers(table, "counted stores", sums[0].stores, sums[1].stores);
    add_numbers(table, "bytes of weights", (double)a->unit->weight_bytes, (double)b->unit->weight_bytes);
}

static double each(const Mix *mix, double count)
{
    return mix->count[CLASS_MULTIPLY] > 0 ? count / (double)mix->count[CLASS_MULTIPLY] : NAN;
}

static const char *spills_text(Arena *arena, const Mix *mix)
{
    return mix->spilled + mix->reloaded ? arena_format(arena, "%lld+%lld", (long long)mix->spilled, (long long)mix->reloaded) : "none";
}

/* Of the loops' instructions for each multiply-add. */
static void add_loops(Table *table, const Code *a, const Code *b)
{
    const Mix one = code_round(a), other = code_round(b);
    Arena *arena = table->arena;
    add_numbers(table, "bytes of code", (double)a->listing->code_bytes, (double)b->listing->code_bytes);
    add_numbers(table, "bytes of tables", (double)a->listing->table_bytes, (double)b->listing->table_bytes);
    add_texts(table, "a round is of", round_text(arena, a), round_text(arena, b), "");
    add_rounds(table, "instructions a round", a, b, (double)one.all, (double)other.all);
    add_rounds(table, "multiply-adds a round", a, b, (double)one.count[CLASS_MULTIPLY], (double)other.count[CLASS_MULTIPLY]);
    add_texts(table, "of each multiply-add:", "", "", "");
    add_numbers(table, "  instructions", each(&one, (double)one.all), each(&other, (double)other.all));
    for (int c = CLASS_MULTIPLY + 1; c < CLASS_COUNT; c++)
        add_numbers(table, arena_format(arena, "  %s", class_names[c]), each(&one, (double)one.count[c]), each(&other, (double)other.count[c]));
    add_numbers(table, "  loads, operands included", each(&one, (double)one.loaded), each(&other, (double)other.loaded));
    add_cycles(table, a, b);
    add_texts(table, "spills in the loop", spills_text(arena, &one), spills_text(arena, &other), "");
    add_numbers(table, "vector registers", __builtin_popcountll(one.registers), __builtin_popcountll(other.registers));
}

static void print_table(const Inspection *a, const Inspection *b)
{
    Table table = {.arena = a->ctx->graph};
    add_texts(&table, "", "A", "B", "B over A");
    add_counts(&table, a, b);
    if (a->code && b->code)
        add_loops(&table, a->code, b->code);
    report_table(stdout, table.cells, table.rows, COLUMNS, 1);
    if (a->missing)
        printf("\nnothing is compiled: %s\n", a->missing);
    else if (a->code && a->code->core)
        printf("\ncycles are of LLVM's model of %s, without cache misses\n", a->code->core);
}

/* ---- the texts ---- */

static void print_texts(const Inspection *a, const Inspection *b)
{
    for (int i = 0; i < inspect_section_count; i++) {
        const Section *section = &inspect_sections[i];
        if (!section->text || !inspect_asked(a->options, section))
            continue;
        const TextDiff diff = text_diff(a->ctx->graph, section->text(a), section->text(b));
        printf("\n%s: %d lines only in A (-), %d only in B (+)%s\n%s", section->says, diff.removed, diff.added,
               diff.rough ? "; they are too different to be compared line by line" : "", diff.text);
    }
    if (a->options->show.count == 0) {
        const TextDiff diff = text_diff(a->ctx->graph, inspect_c(a), inspect_c(b));
        printf("\nits C: %d lines only in A, %d only in B; '--show c' shows them, '--show assembly' those of its assembly\n", diff.removed,
               diff.added);
    }
}

static void print_json(const Inspection *a, const Inspection *b)
{
    JsonWriter json = {.stream = stdout};
    json_open(&json, NULL, '{');
    json_add_string(&json, "model", a->plan->graph->name);
    json_add_string(&json, "target", a->plan->target->machine.name);
    json_open(&json, "a", '{');
    inspect_sections_json(a, &json);
    json_close(&json);
    json_open(&json, "b", '{');
    inspect_sections_json(b, &json);
    json_close(&json);
    json_close(&json);
}

void inspect_diff(Context *ctx, const Options *options, const char *model, const char *layer)
{
    const Inspection *a = side_of(ctx, options, model, layer, options->diff.items[0]);
    const Inspection *b = side_of(ctx, options, model, layer, options->diff.items[1]);
    if (options->json) {
        print_json(a, b);
    } else {
        printf("%s on %s (%s)\n\n", text_quote(ctx->graph, layer, strlen(layer)),
               text_quote(ctx->graph, a->plan->target->machine.name, strlen(a->plan->target->machine.name)), a->plan->target->isa.name);
        print_table(a, b);
        print_texts(a, b);
    }
    inspection_end(a);
    inspection_end(b);
}
