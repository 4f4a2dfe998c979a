/* inspect: what was compiled. Functions and loops by what their instructions do, loops in the model of the core, and all beside the counts. */
#include <math.h>
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/inspect.h"

static const char *count_text(Arena *arena, int64_t count)
{
    return count ? arena_format(arena, "%lld", (long long)count) : "";
}

static const char *loop_name(Arena *arena, const Loop *loop)
{
    const JitInstruction *instructions = loop->function->instructions;
    const unsigned long long offset = instructions[loop->first].address - instructions[0].address;
    const char *name = text_quote(arena, loop->function->name, strlen(loop->function->name));
    return loop->straight ? name : arena_format(arena, "%s+0x%llx", name, offset);
}

static int shown_loops(const Code *code)
{
    return code->loop_count < MOST_LOOPS ? code->loop_count : MOST_LOOPS;
}

/* ---- functions ---- */

enum { MIX_COLUMNS = CLASS_COUNT + 4 };

static void mix_titles(const char **cells, const char *first)
{
    cells[0] = first;
    cells[1] = "bytes";
    cells[2] = "all";
    for (int c = 0; c < CLASS_COUNT; c++)
        cells[3 + c] = class_names[c];
    cells[MIX_COLUMNS - 1] = "spills";
}

/* Spills: vectors stored on the stack and loaded again. */
static void mix_row(Arena *arena, const char **cells, const char *name, const Mix *mix)
{
    cells[0] = name;
    cells[1] = count_text(arena, mix->bytes);
    cells[2] = count_text(arena, mix->all);
    for (int c = 0; c < CLASS_COUNT; c++)
        cells[3 + c] = count_text(arena, mix->count[c]);
    cells[MIX_COLUMNS - 1] = mix->spilled + mix->reloaded ? arena_format(arena, "%lld+%lld", (long long)mix->spilled, (long long)mix->reloaded) : "";
}

static Mix all_functions(const Code *code)
{
    Mix all = {0};
    for (int i = 0; i < code->listing->function_count; i++)
        mix_add(&all, &code->functions[i]);
    return all;
}

enum { MOST_FUNCTIONS = 12 };

void inspect_code(const Inspection *inspection)
{
    const Code *code = inspection->code;
    Arena *arena = inspection->ctx->graph;
    const int count = code->listing->function_count, shown = count < MOST_FUNCTIONS ? count : MOST_FUNCTIONS;
    const char **cells = arena_array(arena, const char *, (shown + 2) * MIX_COLUMNS);
    const Mix all = all_functions(code);
    mix_titles(cells, "function");
    for (int i = 0; i < shown; i++) {
        const char *name = code->listing->functions[i].name;
        mix_row(arena, cells + (i + 1) * MIX_COLUMNS, text_quote(arena, name, strlen(name)), &code->functions[i]);
    }
    mix_row(arena, cells + (shown + 1) * MIX_COLUMNS, shown < count ? arena_format(arena, "all %d", count) : "all", &all);
    report_table(stdout, cells, shown + (count > 1 ? 2 : 1), MIX_COLUMNS, 1);
    printf("code %s, its tables %s, weights %s\n", bytes_text(arena, (double)code->listing->code_bytes),
           bytes_text(arena, (double)code->listing->table_bytes), bytes_text(arena, (double)inspection->unit->weight_bytes));
    if (!code->fuses && inspection->plan->target->isa.fuses && all.count[CLASS_MULTIPLY] > 0)
        printf("products and sums are instructions of their own here: multiply-adds are products\n");
}

static void add_mix(JsonWriter *json, const Mix *mix)
{
    json_add_number(json, "bytes", (double)mix->bytes);
    json_add_number(json, "instructions", (double)mix->all);
    for (int c = 0; c < CLASS_COUNT; c++)
        json_add_number(json, class_fields[c], (double)mix->count[c]);
    json_add_number(json, "loaded", (double)mix->loaded);
    json_add_number(json, "stored", (double)mix->stored);
    json_add_number(json, "spilled", (double)mix->spilled);
    json_add_number(json, "reloaded", (double)mix->reloaded);
    json_add_number(json, "vector_registers", __builtin_popcountll(mix->registers));
}

void inspect_code_json(const Inspection *inspection, JsonWriter *json)
{
    const JitListing *listing = inspection->code->listing;
    json_add_number(json, "code_bytes", (double)listing->code_bytes);
    json_add_number(json, "table_bytes", (double)listing->table_bytes);
    json_add_number(json, "weight_bytes", (double)inspection->unit->weight_bytes);
    json_add_bool(json, "fused", inspection->code->fuses);
    json_open(json, "functions", '[');
    for (int i = 0; i < listing->function_count; i++) {
        json_open(json, NULL, '{');
        json_add_string(json, "name", listing->functions[i].name);
        add_mix(json, &inspection->code->functions[i]);
        json_close(json);
    }
    json_close(json);
}

/* ---- loops ---- */

static void print_loops(const Inspection *inspection)
{
    const Code *code = inspection->code;
    Arena *arena = inspection->ctx->graph;
    const int shown = shown_loops(code), columns = MIX_COLUMNS + 1;
    const char **cells = arena_array(arena, const char *, (shown + 2) * columns);
    mix_titles(cells, "loop");
    cells[columns - 1] = "registers";
    for (int i = 0; i < shown; i++) {
        const Mix *mix = &code->loops[i].mix;
        mix_row(arena, cells + (i + 1) * columns, loop_name(arena, &code->loops[i]), mix);
        cells[(i + 2) * columns - 1] =
            arena_format(arena, "%d of %d", __builtin_popcountll(mix->registers), inspection->plan->target->isa.registers);
    }
    const Mix round = code_round(code);
    const bool sum = code->bodies > 1;
    mix_row(arena, cells + (shown + 1) * columns, arena_format(arena, "a round of all %d bodies", code->bodies), &round);
    cells[(shown + 2) * columns - 1] = "";
    report_table(stdout, cells, shown + (sum ? 2 : 1), columns, 1);
    if (code->loop_count > shown)
        printf("and %d more %s\n", code->loop_count - shown, code->bodies > shown ? "bodies and loops" : "loops with arithmetic on vectors");
    if (code->loops[0].straight)
        printf("nothing in it turns back: it is shown as a whole\n");
}

enum { MODEL_COLUMNS = 6 };

static const char *rate_text(Arena *arena, double count, double cycles)
{
    return cycles > 0 && count > 0 ? arena_format(arena, "%.2f", count / cycles) : "";
}

/* A group as its members: "Zn4FPFAdd01 (Zn4FP2, Zn4FP3)". */
static const char *busiest_text(Arena *arena, const JitThroughput *model)
{
    Text text = text_new(arena);
    if (!model->busiest)
        return arena_format(arena, "%d micro-ops a cycle", model->width);
    text_add(&text, model->busiest);
    for (int i = 0; i < model->member_count; i++)
        text_format(&text, "%s%s%s", i ? ", " : " (", model->members[i], i + 1 == model->member_count ? ")" : "");
    return text.data;
}

static void print_model(const Inspection *inspection)
{
    static const char *const titles[MODEL_COLUMNS] = {"loop",       "cycles a round",        "at least",
                                                      "because of", "multiply-adds a cycle", "micro-ops a cycle"};
    const Code *code = inspection->code;
    Arena *arena = inspection->ctx->graph;
    const char **cells = arena_array(arena, const char *, (MOST_LOOPS + 1) * MODEL_COLUMNS);
    int rows = 1;
    memcpy(cells, titles, sizeof titles);
    for (int i = 0; i < shown_loops(code); i++) {
        const Loop *loop = &code->loops[i];
        const JitThroughput *model = &loop->throughput;
        if (!loop->modelled) {
            const char *const row[MODEL_COLUMNS] = {loop_name(arena, loop), "", "", arena_format(arena, "not known: %s", loop->why), "", ""};
            memcpy(cells + rows++ * MODEL_COLUMNS, row, sizeof row);
            continue;
        }
        const char *const row[MODEL_COLUMNS] = {
            loop_name(arena, loop), arena_format(arena, "%.1f", model->cycles), arena_format(arena, "%.1f", model->bound),
            busiest_text(arena, model),
            rate_text(arena, (double)loop->mix.count[CLASS_MULTIPLY], model->cycles), rate_text(arena, model->micro_ops, model->cycles),
        };
        memcpy(cells + rows++ * MODEL_COLUMNS, row, sizeof row);
    }
    printf("\nin LLVM's model of %s, again and again, without cache misses:\n", code->core);
    report_table(stdout, cells, rows, MODEL_COLUMNS, 1);
}

enum { LINE_WIDTH = 140 };

/* Units of one kind stand behind its name, one after the other. */
static void print_ports(const Inspection *inspection)
{
    const Loop *loop = &inspection->code->loops[0];
    Arena *arena = inspection->ctx->graph;
    const JitThroughput *model = &loop->throughput;
    Text line = text_new(arena);
    text_format(&line, "cycles that a round of %s holds each unit:", loop_name(arena, loop));
    for (int p = 0; p < model->port_count; p++) {
        const bool first = p == 0 || strcmp(model->ports[p].name, model->ports[p - 1].name) != 0;
        if (first && p > 0)
            text_add(&line, ",");
        if (first && line.length > LINE_WIDTH - 20) {
            printf("%s\n", line.data);
            line = text_new(arena);
            text_add(&line, "   ");
        }
        if (first)
            text_format(&line, " %s", model->ports[p].name);
        text_format(&line, " %.1f", model->ports[p].cycles);
    }
    printf("%s\n", line.data);
}

/* ---- beside the counts ---- */

int plan_main_stage(const LayerPlan *layer)
{
    int most = 0;
    for (int s = 1; s < layer->stage_count; s++)
        if (layer->work.stages[s].fma > layer->work.stages[most].fma)
            most = s;
    return most;
}

double stage_cycles(const StagePrice *price, bool with_memory)
{
    double most = 0;
    for (int b = 0; b < BOUND_COUNT; b++)
        if (with_memory || (b >= BOUND_MULTIPLY && b <= BOUND_LATENCY))
            most = fmax(most, price->cycles[b]);
    return most;
}

double loops_cycles(const Code *code, bool simulated, int *modelled)
{
    double cycles = 0, multiply_adds = 0;
    *modelled = 0;
    for (int i = 0; i < code_round_loops(code); i++) {
        const double multiplied = (double)code->loops[i].mix.count[CLASS_MULTIPLY];
        if (!code->loops[i].modelled || multiplied == 0)
            continue;
        ++*modelled;
        multiply_adds += multiplied;
        cycles += simulated ? code->loops[i].throughput.cycles : code->loops[i].throughput.bound;
    }
    return multiply_adds > 0 ? cycles / multiply_adds : NAN;
}

/* Of each multiply-add. */
typedef struct Agreement { const char *name, *field; double counted, compiled; } Agreement;      /* NAN: not known */

enum { AGREEMENTS = 5 };

static bool agreements_of(const Inspection *inspection, Agreement agreements[AGREEMENTS])
{
    int modelled;
    const LayerPlan *layer = inspection->layer;
    const int stage = plan_main_stage(layer);
    const StageWork *work = &layer->work.stages[stage];
    const Code *code = inspection->code;
    const Mix round = code_round(code);
    const double multiplied = (double)round.count[CLASS_MULTIPLY];
    if (layer->stage_count == 0 || work->fma <= 0 || multiplied <= 0)
        return false;
    const bool alone = inspection->plan->threads == 1;           /* else the cycles are of one of several cores */
    const double cycles = alone ? stage_cycles(&layer->price.stages[stage], false) / work->fma : NAN;
    agreements[0] = (Agreement){"instructions", "instructions", work->instructions / work->fma,
                                (double)(round.all - round.count[CLASS_PREFETCH]) / multiplied};
    agreements[1] = (Agreement){"loads", "loads", work->loads / work->fma, (double)round.loaded / multiplied};
    agreements[2] = (Agreement){"stores", "stores", work->stores / work->fma, (double)round.stored / multiplied};
    agreements[3] = (Agreement){"cycles, at least", "bound_cycles", cycles, loops_cycles(code, false, &modelled)};
    agreements[4] = (Agreement){"cycles, simulated", "cycles", cycles, loops_cycles(code, true, &modelled)};
    return true;
}

/* "the first of these loops", "a round of its 40 bodies, cycles of 6 of them". */
static const char *round_text(Arena *arena, const Code *code)
{
    int modelled;
    loops_cycles(code, false, &modelled);
    if (code->bodies < 2)
        return code->bodies ? "a round of its body" : "the first of these loops";
    return arena_format(arena, modelled > 0 && modelled < code->bodies ? "a round of its %d bodies, cycles of %d of them"
                                                                       : "a round of its %d bodies",
                        code->bodies, modelled);
}

static const char *figure_text(Arena *arena, double number)
{
    return isnan(number) ? "" : arena_format(arena, "%.3f", number);
}

/* What one must know of these numbers. */
static void print_reasons(const Inspection *inspection, const Agreement *agreements)
{
    const char *core = inspection->code->core;
    if (isnan(agreements[3].counted))
        printf("with %d threads the counted cycles are of one's part of the work: --threads 1 shows them\n", inspection->plan->threads);
    if (core && strcmp(core, "silvermont") == 0)
        printf("LLVM's model of silvermont takes its queues for shorter than they are: the core needs between these two numbers\n");
}

static void print_agreements(const Inspection *inspection)
{
    Agreement agreements[AGREEMENTS];
    Arena *arena = inspection->ctx->graph;
    if (!agreements_of(inspection, agreements))
        return;
    const char *cells[(AGREEMENTS + 1) * 3] = {"for each multiply-add", "counted", "compiled"};
    int rows = 1;
    for (int i = 0; i < AGREEMENTS; i++) {
        const char **row = cells + 3 * rows++;
        row[0] = agreements[i].name;
        row[1] = figure_text(arena, agreements[i].counted);
        row[2] = figure_text(arena, agreements[i].compiled);
    }
    printf("\nthe stage '%s' as the plan counts it, all of it, beside %s:\n", inspection->layer->stages[plan_main_stage(inspection->layer)].says,
           round_text(arena, inspection->code));
    report_table(stdout, cells, rows, 3, 1);
    print_reasons(inspection, agreements);
}

static const char *no_model(const Inspection *inspection)
{
    const Machine *machine = &inspection->plan->target->machine;
    Arena *arena = inspection->ctx->graph;
    return arena_format(arena, "no throughput: %s names no core that LLVM has a model of", text_quote(arena, machine->name, strlen(machine->name)));
}

void inspect_loops(const Inspection *inspection)
{
    const Code *code = inspection->code;
    if (code->loop_count == 0) {
        printf("there are none\n");
        return;
    }
    print_loops(inspection);
    if (!code->core)
        printf("\n%s\n", no_model(inspection));
    else {
        print_model(inspection);
        if (code->loops[0].modelled)
            print_ports(inspection);
    }
    print_agreements(inspection);
}

static void add_throughput(JsonWriter *json, const JitThroughput *model)
{
    json_open(json, "throughput", '{');
    json_add_number(json, "cycles", model->cycles);
    json_add_number(json, "bound_cycles", model->bound);
    json_add_string(json, "busiest", model->busiest);
    json_open(json, "busiest_units", '[');
    for (int i = 0; i < model->member_count; i++)
        json_add_string(json, NULL, model->members[i]);
    json_close(json);
    json_add_number(json, "micro_ops", model->micro_ops);
    json_add_number(json, "width", model->width);
    json_add_bool(json, "in_order", model->in_order);
    json_open(json, "units", '[');
    for (int p = 0; p < model->port_count; p++) {
        json_open(json, NULL, '{');
        json_add_string(json, "name", model->ports[p].name);
        json_add_number(json, "cycles", model->ports[p].cycles);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

static const char *why_not(const Code *code, const Loop *loop)
{
    return loop->why ? loop->why : !code->core ? "there is no model of the core" : "only the first loops are simulated";
}

void inspect_loops_json(const Inspection *inspection, JsonWriter *json)
{
    const Code *code = inspection->code;
    Agreement agreements[AGREEMENTS];
    int modelled;
    loops_cycles(code, false, &modelled);
    json_add_string(json, "core", code->core);
    json_add_bool(json, "bodies", code->bodies > 0);
    json_add_number(json, "round_loops", code_round_loops(code));
    json_add_number(json, "round_loops_modelled", modelled);
    json_open(json, "loops", '[');
    for (int i = 0; i < code->loop_count; i++) {
        const Loop *loop = &code->loops[i];
        json_open(json, NULL, '{');
        json_add_string(json, "name", loop_name(inspection->ctx->graph, loop));
        json_add_bool(json, "straight", loop->straight);
        add_mix(json, &loop->mix);
        if (loop->modelled)
            add_throughput(json, &loop->throughput);
        else
            json_add_string(json, "why", why_not(code, loop));
        json_close(json);
    }
    json_close(json);
    if (!agreements_of(inspection, agreements))
        return;
    json_open(json, "each_multiply_add", '{');
    for (int i = 0; i < AGREEMENTS; i++) {
        json_open(json, agreements[i].field, '{');
        json_add_number(json, "counted", agreements[i].counted);
        json_add_number(json, "compiled", agreements[i].compiled);
        json_close(json);
    }
    json_close(json);
}

/* ---- texts ---- */

const char *inspect_ir(const Inspection *inspection)
{
    return jit_compile(inspection->ctx, &inspection->plan->target->isa, &inspection->units, 0, JIT_IR)->data;
}

const char *inspect_assembly(const Inspection *inspection)
{
    return jit_compile(inspection->ctx, &inspection->plan->target->isa, &inspection->units, 0, JIT_ASSEMBLY)->data;
}

const char *inspect_hot(const Inspection *inspection)
{
    const Code *code = inspection->code;
    Text text = text_new(inspection->ctx->graph);
    if (code->loop_count == 0)
        return "there is none\n";
    const Loop *loop = &code->loops[0];
    for (size_t i = loop->first; i < loop->first + loop->count; i++) {
        const JitInstruction *one = &loop->function->instructions[i];
        const unsigned long long start = loop->function->instructions[0].address;
        text_format(&text, "%8llx  %-13s  %s", one->address - start, class_names[class_of(one, code->fuses)], one->text);
        text_add(&text, "\n");
    }
    return text.data;
}
