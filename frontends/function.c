/* Functions of the model are imported where they are called: names get the call's as prefix, attributes are those of the call. */
#include "frontends/importer.h"

#include <string.h>

#define MOST_DEPTH 64

static const char *function_key(Arena *arena, const char *domain, const char *name, const char *overload)
{
    return arena_format(arena, "%s\x1f%s\x1f%s", domain_is_onnx(domain) ? "" : domain, name ? name : "", overload ? overload : "");
}

void functions_index(Importer *importer)
{
    importer->functions = name_map(importer->arena);
    for (size_t i = 0; i < importer->model->n_functions; i++) {
        FunctionProto *function = importer->model->functions[i];
        void **slot = name_slot(&importer->functions, function_key(importer->arena, function->domain, function->name, function->overload));
        if (*slot)
            complain(importer->ctx, STATUS_MODEL, NULL, NULL, "the model defines its function '%s' twice",
                     name_quote(importer->arena, function->name));
        *slot = function;
    }
}

const FunctionProto *function_find(const Importer *importer, const NodeProto *proto)
{
    if (importer->functions.count == 0)
        return NULL;
    return name_find(&importer->functions, function_key(importer->arena, proto->domain, proto->op_type, proto->overload));
}

/* ---- outputs of bodies ---- */

void body_rename_outputs(const Call *call, Scope *body, const char *const *names, size_t count)
{
    name_release(&call->importer->taken_nodes, call->name);
    for (size_t i = 0; i < count && i < (size_t)call->output_count; i++)
        if (call->output_names[i] && !name_find(&body->symbols, names[i])) {
            void **slot = name_slot(&body->renames, names[i]);
            if (!*slot)
                *slot = (void *)(uintptr_t)call->output_names[i];
        }
}

/* An input, a constant, or something that is two outputs keeps its name: the call's output is a copy. */
static void copy_output(Call *call, int index, Value *value)
{
    Importer *importer = call->importer;
    const char *name = name_unique(&importer->taken_nodes, call->output_names[index]);
    sketch_node(importer, graph_add(importer->graph, OP_Identity, name, &value, 1, (Value *[]){call_output(call, index)}, 1));
}

void body_take_outputs(Call *call, Scope *body, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && i < (size_t)call->output_count; i++) {
        Value *value;
        if (!call->output_names[i])
            continue;
        if (!scope_read(body, names[i], &value))
            call_fault(call, "its output '%s' is computed by no node of its body", name_quote(call->importer->arena, names[i]));
        else if (!value)
            call_fault(call, "its output %zu is an optional input that was left out", i);
        else if (strcmp(value->name, call->output_names[i]) == 0)
            call_give(call, (int)i, value);
        else
            copy_output(call, (int)i, value);
    }
}

/* ---- calls ---- */

void call_steps(const Call *call, size_t steps)
{
    call->importer->call_steps += steps;
    if (call->importer->call_steps > MOST_CALL_STEPS)
        fail(call->importer->ctx, STATUS_UNSUPPORTED, call_where(call), "inlining the model's functions before helps",
             "functions with many inputs, outputs or attributes are called too often");
}

static bool active(const Environment *environment, const FunctionProto *function)
{
    for (; environment; environment = environment->caller)
        if (environment->function == function)
            return true;
    return false;
}

static bool callable(Call *call, const FunctionProto *function)
{
    if (active(call->scope->environment, function))
        return call_fault(call, "the function calls itself");
    if (call->scope->environment->depth >= MOST_DEPTH)
        return call_refuse(call, NULL, "functions call each other more than %d deep", MOST_DEPTH);
    if (call->input_count > (int)function->n_input)
        return call_fault(call, "it has %d inputs, the function takes %zu", call->input_count, function->n_input);
    if (call->output_count > (int)function->n_output)
        return call_fault(call, "it has %d outputs, the function gives %zu", call->output_count, function->n_output);
    return true;
}

static bool bind_inputs(Call *call, Scope *body, const FunctionProto *function)
{
    for (size_t i = 0; i < function->n_input; i++) {
        Symbol *symbol = scope_add(body, function->input[i]);
        if (!symbol)
            return call_fault(call, "the function has two inputs '%s'", name_quote(call->importer->arena, function->input[i]));
        symbol->value = i < (size_t)call->input_count ? call->inputs[i] : NULL;
        symbol->absent = !symbol->value;
    }
    return true;
}

void import_function(Call *call, const FunctionProto *function)
{
    if (!callable(call, function))
        return;
    const Environment *around = call->scope->environment;
    call_steps(call, function->n_input + function->n_output + function->n_opset_import);
    Environment environment = {.version = onnx_version(function->opset_import, function->n_opset_import, around->version), .function = function,
                               .caller = around, .arguments = call->arguments, .argument_count = call->argument_count,
                               .depth = around->depth + 1};
    Scope body;
    scope_open(&body, call->importer, NULL, &environment, call->name);
    if (!bind_inputs(call, &body, function))
        return;
    const char *const *outputs = (const char *const *)function->output;
    body_rename_outputs(call, &body, outputs, function->n_output);
    if (import_nodes(&body, function->node, function->n_node))
        body_take_outputs(call, &body, outputs, function->n_output);
}
