/* If with a condition that is known now: the branch that is taken becomes part of the graph around it. */
#include "frontends/importer.h"

static bool known_condition(Call *call, bool *condition)
{
    double number;
    if (call->input_count != 1 || !call->inputs[0])
        return call_fault(call, "it needs one input, its condition");
    if (!sketch_scalar(call->inputs[0], &number))
        return call_refuse(call, "onnxsim, or exporting the model for one case, removes such nodes",
                           "an If whose condition is only known at run time is not supported");
    *condition = number != 0;
    return true;
}

static bool branch_fits(Call *call, const GraphProto *graph)
{
    if (graph->n_input > 0)
        return call_fault(call, "its branch has inputs");
    if (graph->n_output < (size_t)call->output_count)
        return call_fault(call, "it has %d outputs, its branch %zu", call->output_count, graph->n_output);
    return true;
}

void import_branch(Call *call)
{
    bool condition = false;
    if (!known_condition(call, &condition))
        return;
    const char *name = condition ? "then_branch" : "else_branch";
    const AttributeProto *attribute = call_attribute(call, name, ARGUMENT_GRAPH);
    if (!attribute) {
        if (!call->failed)
            call_fault(call, "its attribute '%s' is missing", name);
        return;
    }
    const GraphProto *graph = attribute->g;
    if (!branch_fits(call, graph))
        return;
    Scope body;
    scope_open(&body, call->importer, call->scope, call->scope->environment, NULL);
    const char **outputs = arena_array(call->importer->arena, const char *, graph->n_output + 1);
    for (size_t i = 0; i < graph->n_output; i++)
        outputs[i] = graph->output[i]->name ? graph->output[i]->name : "";
    if (!import_initializers(&body, graph))
        return;
    body_rename_outputs(call, &body, outputs, graph->n_output);
    if (import_nodes(&body, graph->node, graph->n_node))
        body_take_outputs(call, &body, outputs, graph->n_output);
}
