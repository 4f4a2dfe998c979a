/* inspect: what was decided for a layer, what the plan counts of it, and its text. */
#include <math.h>
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/inspect.h"

/* ---- the decision ---- */

/* The story, which is a comment in C, as plain lines. */
static void print_story(const char *story)
{
    for (const char *at = story; *at;) {
        const size_t length = strcspn(at, "\n");
        const char *from = at, *end = at + length;
        while (from < end && (*from == '/' || *from == '*' || *from == ' '))
            from++;
        while (end > from && (end[-1] == '/' || end[-1] == '*' || end[-1] == ' '))
            end--;
        if (end > from)
            printf("%.*s\n", (int)(end - from), from);
        at += length + (at[length] == '\n');
    }
}

void inspect_layer(const Inspection *inspection)
{
    const Plan *plan = inspection->plan;
    Arena *arena = inspection->ctx->graph;
    const LayerPlan *layer = inspection->layer;
    print_story(inspection->unit->story);
    if (layer->dense_kernel && layer->price.seconds > 0)
        printf("Best dense kernel: %s, %s ms.\n", layer->dense_kernel->name, brief_milliseconds(arena, layer->dense_seconds));
    printf("Target %s (%s), %d thread%s. Weights: %s.\n", text_quote(arena, plan->target->machine.name, strlen(plan->target->machine.name)),
           plan->target->isa.name, plan->threads, plan->threads == 1 ? "" : "s", bytes_text(arena, (double)inspection->unit->weight_bytes));
    if (plan->graph->projection)
        printf("This is %s.\n", plan->graph->projection);
}

void inspect_layer_json(const Inspection *inspection, JsonWriter *json)
{
    const LayerPlan *layer = inspection->layer;
    json_add_string(json, "name", layer->problem.node->name);
    json_add_string(json, "op", op_info(layer->problem.node->op)->name);
    json_add_string(json, "symbol", inspection->unit->name);
    json_add_string(json, "kernel", layer->kernel->name);
    json_add_string(json, "tiling", tiling_text(inspection->ctx->graph, &layer->tiling));
    json_add_string(json, "why", layer->why);
    json_add_number(json, "density", layer->problem.pattern ? layer->problem.density : NAN);
    json_add_number(json, "weight_bytes", (double)inspection->unit->weight_bytes);
    json_add_number(json, "threads", inspection->plan->threads);
    json_add_number(json, "predicted_ms", layer->price.seconds * 1e3);
    json_add_number(json, "hot_ms", layer->hot.seconds * 1e3);
    json_add_string(json, "dense_kernel", layer->dense_kernel ? layer->dense_kernel->name : NULL);
    json_add_string(json, "projection", inspection->plan->graph->projection);
}

/* ---- the counts ---- */

enum { COLUMNS = 10 };

void inspect_counts(const Inspection *inspection)
{
    static const char *const titles[COLUMNS] = {"stage",  "bound by", "items",        "multiply-adds", "vector",
                                                "loads", "stores",   "instructions", "cycles",        "ms"};
    Arena *arena = inspection->ctx->graph;
    const LayerPlan *layer = inspection->layer;
    const char **cells = arena_array(arena, const char *, (layer->stage_count + 1) * COLUMNS);
    memcpy(cells, titles, sizeof titles);
    for (int s = 0; s < layer->stage_count; s++) {
        const StageWork *work = &layer->work.stages[s];
        const StagePrice *price = &layer->price.stages[s];
        const char *const row[COLUMNS] = {
            layer->stages[s].says, bound_name(price->bound, false), arena_format(arena, "%lld", (long long)layer->stages[s].items),
            cycles_text(arena, work->fma), cycles_text(arena, work->vector), cycles_text(arena, work->loads), cycles_text(arena, work->stores),
            cycles_text(arena, work->instructions), cycles_text(arena, stage_cycles(price, true)), brief_milliseconds(arena, price->seconds),
        };
        memcpy(cells + (s + 1) * COLUMNS, row, sizeof row);
    }
    report_table(stdout, cells, layer->stage_count + 1, COLUMNS, 2);
    printf("as planned: weights %s, their indices %s, code %s\n", bytes_text(arena, layer->work.weight_bytes),
           bytes_text(arena, layer->work.index_bytes), bytes_text(arena, layer->work.code_bytes));
}

static void add_stage(const Inspection *inspection, JsonWriter *json, int s)
{
    const LayerPlan *layer = inspection->layer;
    const StageWork *work = &layer->work.stages[s];
    const StagePrice *price = &layer->price.stages[s];
    const struct { const char *name; double number; } numbers[] = {
        {"items", (double)layer->stages[s].items}, {"multiply_adds", work->fma}, {"vector", work->vector}, {"loads", work->loads},
        {"stores", work->stores}, {"instructions", work->instructions}, {"cycles", stage_cycles(price, true)}, {"predicted_ms", price->seconds * 1e3},
    };
    json_open(json, NULL, '{');
    json_add_string(json, "says", layer->stages[s].says);
    json_add_string(json, "bound", bound_name(price->bound, false));
    for (int i = 0; i < COUNT(numbers); i++)
        json_add_number(json, numbers[i].name, numbers[i].number);
    json_close(json);
}

void inspect_counts_json(const Inspection *inspection, JsonWriter *json)
{
    const Work *work = &inspection->layer->work;
    json_add_number(json, "planned_weight_bytes", work->weight_bytes);
    json_add_number(json, "planned_index_bytes", work->index_bytes);
    json_add_number(json, "planned_code_bytes", work->code_bytes);
    json_open(json, "stages", '[');
    for (int s = 0; s < inspection->layer->stage_count; s++)
        add_stage(inspection, json, s);
    json_close(json);
}

/* ---- texts ---- */

const char *inspect_c(const Inspection *inspection)
{
    const Unit *unit = inspection->unit;
    return arena_format(inspection->ctx->graph, "%s%s", unit->story, unit->text + unit->own);
}

const char *inspect_source(const Inspection *inspection)
{
    return inspection->unit->text;
}
