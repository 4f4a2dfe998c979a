/* From an ONNX file to a graph: the model as a whole, its inputs and outputs. */
#include "frontends/importer.h"

#include <string.h>

/* ---- nodes and initialisers of a scope ---- */

static bool add_initializer(Scope *scope, const char *name, const TensorProto *tensor, const SparseTensorProto *sparse)
{
    Symbol *symbol = name && *name ? scope_add(scope, name) : NULL;
    if (symbol) {
        symbol->tensor = tensor;
        symbol->sparse = sparse;
        if (scope->is_model)
            name_unique(&scope->importer->taken_values, name);
    } else if (name && *name) {
        scope_complain_twice(scope, NULL, name);
    } else {
        complain(scope->importer->ctx, STATUS_MODEL, NULL, NULL, "an initialiser has no name");
    }
    return symbol != NULL;
}

bool import_initializers(Scope *scope, const GraphProto *graph)
{
    bool good = true;
    for (size_t i = 0; i < graph->n_initializer; i++)
        good &= add_initializer(scope, graph->initializer[i]->name, graph->initializer[i], NULL);
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        const SparseTensorProto *sparse = graph->sparse_initializer[i];
        good &= add_initializer(scope, sparse->values ? sparse->values->name : NULL, NULL, sparse);
    }
    return good;
}

/* The model's own names are kept; what is made up, or comes from a function or branch, makes way. */
static void reserve_names(Scope *scope, NodeProto *const *nodes, size_t count)
{
    Importer *importer = scope->importer;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < nodes[i]->n_output; k++)
            if (*nodes[i]->output[k])
                name_unique(&importer->taken_values, nodes[i]->output[k]);
        if (nodes[i]->name && (uintptr_t)name_find(&scope->node_names, nodes[i]->name) == 1)
            name_unique(&importer->taken_nodes, nodes[i]->name);
    }
}

bool import_nodes(Scope *scope, NodeProto *const *nodes, size_t count)
{
    if (count > MOST_NODES)
        fail(scope->importer->ctx, STATUS_UNSUPPORTED, NULL, NULL, "more than %d nodes", MOST_NODES);
    const int *order = order_nodes(scope, nodes, (int)count);
    if (!order)
        return false;
    if (scope->is_model)
        reserve_names(scope, nodes, count);
    for (size_t i = 0; i < count; i++)
        import_node(scope, nodes[order[i]]);
    return true;
}

/* ---- inputs ---- */

static const char *input_where(const Importer *importer, const char *kind, const ValueInfoProto *info)
{
    return arena_format(importer->arena, "%s '%s'", kind, name_quote(importer->arena, info->name));
}

/* What it is, if it is not a tensor. */
static const char *other_kind(const TypeProto *type)
{
    return !type                      ? "of no type"
           : type->tensor_type        ? NULL
           : type->sequence_type      ? "a sequence"
           : type->map_type           ? "a map"
           : type->optional_type      ? "an optional"
           : type->sparse_tensor_type ? "a sparse tensor"
                                      : "of a type that is not ONNX's";
}

static bool known_type(Importer *importer, const char *kind, const ValueInfoProto *info, const DataType **type)
{
    const char *other = other_kind(info->type);
    if (other) {
        complain(importer->ctx, STATUS_UNSUPPORTED, input_where(importer, kind, info), NULL, "it is %s; only tensors are supported", other);
        return false;
    }
    *type = data_type(info->type->tensor_type->elem_type);
    if ((*type)->type != TYPE_UNKNOWN)
        return true;
    complain(importer->ctx, (*type)->number > 0 ? STATUS_UNSUPPORTED : STATUS_MODEL, input_where(importer, kind, info), NULL,
             "the element type %s is not supported", (*type)->name);
    return false;
}

static bool input_shape(Importer *importer, const ValueInfoProto *info, Type type, Shape *shape)
{
    const char *where = input_where(importer, "input", info);
    const Onnx__TensorShapeProto *proto = info->type->tensor_type->shape;
    if (!proto) {
        complain(importer->ctx, STATUS_UNSUPPORTED, where, "declare its shape in the model (symbolic dimensions are fine)",
                 "its number of dimensions is not known");
        return false;
    }
    int64_t dims[MAX_RANK];
    size_t bytes;
    for (size_t i = 0; i < proto->n_dim && i < MAX_RANK; i++) {
        dims[i] = dimension_size(importer, proto->dim[i], info->name, (int)i);
        if (dims[i] < 0)
            return false;    /* told already, with all others */
    }
    return shape_load(&importer->source, where, proto->n_dim, dims, type, shape, &bytes);
}

static void import_input(Scope *scope, const ValueInfoProto *info)
{
    Importer *importer = scope->importer;
    const char *name = info->name;
    const DataType *type;
    Shape shape;
    Symbol *symbol = name_find(&scope->symbols, name);
    bool good = known_type(importer, "input", info, &type) && input_shape(importer, info, type->type, &shape);
    symbol->value = good ? graph_input(importer->graph, name, type->type, &shape) : graph_value(importer->graph, name);
}

/* Inputs with an initialiser have a default, which we take for a constant; the others are asked for. */
static bool import_inputs(Scope *scope, const GraphProto *graph)
{
    Importer *importer = scope->importer;
    ValueInfoProto **inputs = arena_array(importer->arena, ValueInfoProto *, graph->n_input + 1);
    int count = 0;
    bool good = true;
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = graph->input[i]->name;
        Symbol *symbol = name ? name_find(&scope->symbols, name) : NULL;
        if (symbol && (symbol->tensor || symbol->sparse))
            continue;
        good &= name && *name && scope_add(scope, name);
        if (symbol)
            scope_complain_twice(scope, NULL, name);
        else if (!name || !*name)
            complain(importer->ctx, STATUS_MODEL, NULL, NULL, "an input has no name");
        else if (good)
            name_unique(&importer->taken_values, name);
        inputs[count++] = graph->input[i];
    }
    if (!good)
        return false;
    dimensions_resolve(importer, inputs, count);
    for (int i = 0; i < count; i++)
        import_input(scope, inputs[i]);
    return true;
}

/* ---- outputs ---- */

static void declare_shape(Importer *importer, const ValueInfoProto *info, Value *value)
{
    const Onnx__TensorShapeProto *shape = info->type && info->type->tensor_type ? info->type->tensor_type->shape : NULL;
    if (!shape || shape->n_dim > MAX_RANK)
        return;
    value->declared.rank = (int)shape->n_dim;
    for (size_t i = 0; i < shape->n_dim; i++)
        value->declared.dims[i] = dimension_size(importer, shape->dim[i], NULL, (int)i);
}

static void import_output(Scope *scope, const ValueInfoProto *info)
{
    Importer *importer = scope->importer;
    Value *value = NULL;
    const DataType *type;
    if (!info->name || !*info->name || !scope_read(scope, info->name, &value)) {
        complain(importer->ctx, STATUS_MODEL, input_where(importer, "output", info), NULL, "it is no node's output, no input and no initialiser");
        return;
    }
    if (!value || (info->type && !known_type(importer, "output", info, &type)))
        return;
    declare_shape(importer, info, value);
    graph_output(importer->graph, value);
}

/* ---- the model ---- */

static void check_versions(Importer *importer)
{
    const ModelProto *model = importer->model;
    if (!model->graph)
        fail(importer->ctx, STATUS_MODEL, NULL, "is this an ONNX model?", "it holds no graph");
    if (model->ir_version > NEWEST_IR)
        complain(importer->ctx, STATUS_UNSUPPORTED, NULL, "save it with an older version of onnx", "IR version %lld is newer than %d",
                 (long long)model->ir_version, NEWEST_IR);
    for (size_t i = 0; i < model->n_opset_import; i++)
        if (domain_is_onnx(model->opset_import[i]->domain) && model->opset_import[i]->version > NEWEST_OPSET)
            complain(importer->ctx, STATUS_UNSUPPORTED, NULL, "export it for an older opset, or use onnx.version_converter",
                     "opset %lld is newer than %d", (long long)model->opset_import[i]->version, NEWEST_OPSET);
    fail_complaints(importer->ctx);
}

static void import_model(Importer *importer)
{
    const ModelProto *model = importer->model;
    const GraphProto *graph = model->graph;
    Environment environment = {.version = onnx_version(model->opset_import, model->n_opset_import, 0)};
    Scope scope;
    scope_open(&scope, importer, NULL, &environment, NULL);
    scope.is_model = true;
    if (!import_initializers(&scope, graph) || !import_inputs(&scope, graph))
        return;
    if (!import_nodes(&scope, graph->node, graph->n_node))
        return;
    if (graph->n_output == 0)
        complain(importer->ctx, STATUS_MODEL, NULL, NULL, "the model has no outputs");
    for (size_t i = 0; i < graph->n_output; i++)
        import_output(&scope, graph->output[i]);
}

Graph *onnx_read(Context *ctx, const char *path, const FrontendOptions *options)
{
    Importer importer = {.ctx = ctx, .options = options};
    source_open(&importer.source, ctx, path, options->external_data);
    importer.arena = importer.source.arena;
    importer.model = source_unpack(&importer.source, &onnx__model_proto__descriptor);
    importer.taken_values = name_map(importer.arena);
    importer.taken_nodes = name_map(importer.arena);
    check_versions(&importer);
    importer.graph = graph_new(ctx, importer.model->graph->name ? importer.model->graph->name : "");
    functions_index(&importer);
    import_model(&importer);
    fail_complaints(ctx);
    if (!options->unnamed)
        sha256_hex(importer.source.file.data, importer.source.file.size, importer.graph->sha256);
    return importer.graph;
}
