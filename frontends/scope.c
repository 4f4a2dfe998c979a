/* What names mean: in the model's graph, in the body of a function, in a branch of an If. */
#include "frontends/importer.h"

#include <string.h>

#define LONGEST_PREFIX 200

void scope_open(Scope *scope, Importer *importer, Scope *outer, const Environment *environment, const char *prefix)
{
    *scope = (Scope){.importer = importer, .environment = environment, .outer = outer};
    scope->symbols = name_map(importer->arena);
    scope->renames = name_map(importer->arena);
    scope->node_names = name_map(importer->arena);
    if (prefix)
        scope->prefix = arena_string(importer->arena, prefix, strnlen(prefix, LONGEST_PREFIX));
}

Symbol *scope_add(Scope *scope, const char *name)
{
    void **slot = name_slot(&scope->symbols, name);
    if (*slot)
        return NULL;
    Symbol *symbol = arena_new_of(scope->importer->arena, Symbol);
    symbol->producer = -1;
    *slot = symbol;
    return symbol;
}

void scope_complain_twice(Scope *scope, const char *where, const char *name)
{
    complain(scope->importer->ctx, STATUS_MODEL, where, NULL,
             "two producers of one value: '%s' is already an input, an initialiser or another output", name_quote(scope->importer->arena, name));
}

void scope_bind(Scope *scope, const char *name, Value *value)
{
    Symbol *symbol = name_find(&scope->symbols, name);
    if (symbol)
        symbol->value = value;
}

/* An initialiser becomes a constant when somebody asks for it. A bad one becomes a value without data: it was complained of once. */
static Value *load(Scope *scope, const char *name, const Symbol *symbol)
{
    Importer *importer = scope->importer;
    TensorFile tensor;
    const char *where = arena_format(importer->arena, "tensor '%s'", name_quote(importer->arena, name));
    bool good = symbol->tensor ? tensor_load(&importer->source, where, symbol->tensor, &tensor)
                               : sparse_load(&importer->source, where, symbol->sparse, &tensor);
    const char *final = scope_value_name(scope, name);
    return good ? graph_constant(importer->graph, final, tensor.type, &tensor.shape, tensor.data) : graph_value(importer->graph, final);
}

bool scope_read(Scope *scope, const char *name, Value **value)
{
    *value = NULL;
    if (!*name)
        return true;
    for (; scope; scope = scope->outer) {
        Symbol *symbol = name_find(&scope->symbols, name);
        if (!symbol)
            continue;
        if (!symbol->value && (symbol->tensor || symbol->sparse))
            symbol->value = load(scope, name, symbol);
        *value = symbol->value;
        if (*value || symbol->absent)
            return true;
    }
    return false;
}

const char *scope_value_name(Scope *scope, const char *name)
{
    if (scope->is_model)
        return name;
    const char *renamed = name_find(&scope->renames, name);
    if (renamed)
        return renamed;
    NameMap *taken = &scope->importer->taken_values;
    return name_unique(taken, scope->prefix ? arena_format(scope->importer->arena, "%s/%s", scope->prefix, name) : name);
}

static bool alone(const Scope *scope, const char *name)
{
    return (uintptr_t)name_find(&scope->node_names, name) == 1;
}

const char *scope_node_name(Scope *scope, const NodeProto *proto, const char *output)
{
    const char *name = proto->name && alone(scope, proto->name) ? proto->name : NULL;
    if (name && scope->is_model)
        return name;
    if (name && scope->prefix)
        name = arena_format(scope->importer->arena, "%s/%s", scope->prefix, name);
    if (!name)
        name = output ? output : proto->op_type ? proto->op_type : "node";
    return name_unique(&scope->importer->taken_nodes, name);
}

bool domain_is_onnx(const char *domain)
{
    return !domain || !*domain || strcmp(domain, "ai.onnx") == 0;
}

int64_t onnx_version(OperatorSetIdProto *const *opsets, size_t count, int64_t unsaid)
{
    for (size_t i = 0; i < count; i++)
        if (domain_is_onnx(opsets[i]->domain))
            return opsets[i]->version;
    return unsaid;
}
