/* inspect without a layer: all of them, so that one can be picked. Bytes are the plan's counts. */
#include <math.h>
#include <string.h>

#include "compiler/cli/explain.h"
#include "compiler/cli/inspect.h"

enum { COLUMNS = 9, TEXT_COLUMNS = 4, LONGEST_NAME = 40, LONGEST_OPERATOR = 13 };

static double data_bytes(const Work *work)
{
    return work->weight_bytes + work->index_bytes;
}

static void fill_row(Arena *arena, const Plan *plan, const LayerPlan *layer, const char **cells)
{
    const Node *node = layer->problem.node;
    const Work *work = &layer->work;
    const char *const row[COLUMNS] = {
        short_name(arena, text_quote(arena, node->name, strlen(node->name)), LONGEST_NAME),
        short_name(arena, operators_text(arena, node), LONGEST_OPERATOR),
        layer->kernel->name, tiling_text(arena, &layer->tiling), layer->problem.pattern ? percent_text(arena, layer->problem.density) : "",
        data_bytes(work) > 0 ? bytes_text(arena, data_bytes(work)) : "", work->code_bytes > 0 ? bytes_text(arena, work->code_bytes) : "",
        brief_milliseconds(arena, layer->price.seconds), percent_text(arena, plan->seconds > 0 ? layer->price.seconds / plan->seconds : 0),
    };
    memcpy(cells, row, sizeof row);
}

void inspect_table(const Plan *plan)
{
    static const char *const titles[COLUMNS] = {"layer", "operators", "kernel", "tiling", "density", "weights", "code", "ms", "share"};
    Arena *arena = plan->graph->ctx->graph;
    const char **cells = arena_array(arena, const char *, (plan->layer_count + 1) * COLUMNS);
    int rows = 1;
    memcpy(cells, titles, sizeof titles);
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].kernel)
            fill_row(arena, plan, &plan->layers[l], cells + rows++ * COLUMNS);
    printf("%s on %s (%s), %d thread%s; 'tulle inspect MODEL.onnx LAYER' shows one of these layers\n",
           text_quote(arena, plan->graph->name, strlen(plan->graph->name)),
           text_quote(arena, plan->target->machine.name, strlen(plan->target->machine.name)), plan->target->isa.name, plan->threads,
           plan->threads == 1 ? "" : "s");
    if (plan->graph->projection)
        printf("%s\n", plan->graph->projection);
    printf("\n");
    report_table(stdout, cells, rows, COLUMNS, TEXT_COLUMNS);
}

static void add_layer(Arena *arena, JsonWriter *json, const LayerPlan *layer)
{
    json_open(json, NULL, '{');
    json_add_string(json, "name", layer->problem.node->name);
    json_add_string(json, "op", op_info(layer->problem.node->op)->name);
    json_add_string(json, "kernel", layer->kernel->name);
    json_add_string(json, "tiling", tiling_text(arena, &layer->tiling));
    json_add_number(json, "density", layer->problem.pattern ? layer->problem.density : NAN);
    json_add_number(json, "planned_weight_bytes", layer->work.weight_bytes);
    json_add_number(json, "planned_index_bytes", layer->work.index_bytes);
    json_add_number(json, "planned_code_bytes", layer->work.code_bytes);
    json_add_number(json, "predicted_ms", layer->price.seconds * 1e3);
    json_close(json);
}

void inspect_table_json(const Plan *plan, JsonWriter *json)
{
    json_open(json, NULL, '{');
    json_add_string(json, "model", plan->graph->name);
    json_add_string(json, "target", plan->target->machine.name);
    json_add_number(json, "threads", plan->threads);
    json_open(json, "layers", '[');
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].kernel)
            add_layer(plan->graph->ctx->graph, json, &plan->layers[l]);
    json_close(json);
    json_close(json);
}
