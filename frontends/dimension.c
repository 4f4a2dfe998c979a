/* Symbolic dimensions of the inputs get sizes: from --dim, or as the batch. Those without one are told all at once. */
#include "frontends/importer.h"

#include <string.h>

typedef Onnx__TensorShapeProto__Dimension DimensionProto;

#define MOST_TOLD 50

typedef struct DimensionSymbol {
    struct DimensionSymbol *next;
    const char *name;
    int64_t size;                /* -1: none so far */
    bool first, inner;           /* it is the first dimension of some input; another than the first */
    const char *inputs;          /* where it occurs, for the message */
    size_t last_input;           /* of which input the text already speaks */
} DimensionSymbol;

/* Its name, or NULL for a size that is known. A dimension without a name is called INPUT:AXIS, so that --dim can give it a size. */
static const char *symbol_name(const Importer *importer, const DimensionProto *dimension, const char *input, int axis)
{
    if (dimension->has_dim_value && dimension->dim_value >= 0)
        return NULL;
    if (dimension->dim_param && *dimension->dim_param)
        return dimension->dim_param;
    return input ? arena_format(importer->arena, "%s:%d", input, axis) : "";
}

static DimensionSymbol *symbol_make(Importer *importer, const char *name)
{
    Dimensions *dimensions = &importer->dimensions;
    void **slot = name_slot(&dimensions->symbols, name);
    if (*slot)
        return *slot;
    DimensionSymbol *symbol = arena_new_of(importer->arena, DimensionSymbol);
    *symbol = (DimensionSymbol){.name = name, .size = -1, .inputs = ""};
    *slot = symbol;
    *dimensions->end = symbol;
    dimensions->end = &symbol->next;
    return symbol;
}

static void collect(Importer *importer, const ValueInfoProto *input, size_t number)
{
    const Onnx__TensorShapeProto *shape = input->type->tensor_type->shape;
    for (size_t axis = 0; shape && axis < shape->n_dim; axis++) {
        const char *name = symbol_name(importer, shape->dim[axis], input->name, (int)axis);
        if (!name)
            continue;
        DimensionSymbol *symbol = symbol_make(importer, name);
        symbol->first |= axis == 0;
        symbol->inner |= axis > 0;
        if (symbol->last_input == number + 1)
            continue;
        symbol->last_input = number + 1;
        if (strlen(symbol->inputs) < 400)
            symbol->inputs = arena_format(importer->arena, "%s%s'%s'", symbol->inputs, *symbol->inputs ? ", " : "",
                                          name_quote(importer->arena, input->name));
    }
}

static void unknown_option(Importer *importer, const char *name)
{
    const char *names[256] = {0};
    int count = 0;
    for (DimensionSymbol *symbol = importer->dimensions.first; symbol && count < COUNT(names); symbol = symbol->next)
        names[count++] = symbol->name;
    const char *nearest = text_nearest(name, names, count);
    const char *hint = nearest     ? arena_format(importer->arena, "did you mean '%s'?", name_quote(importer->arena, nearest))
                       : count > 0 ? arena_format(importer->arena, "one of them is '%s'", name_quote(importer->arena, names[0]))
                                   : "all dimensions of its inputs are numbers";
    complain(importer->ctx, STATUS_USAGE, NULL, hint, "--dim %s: no input of the model has a dimension of that name",
             name_quote(importer->arena, name));
}

static void apply_options(Importer *importer)
{
    const FrontendOptions *options = importer->options;
    for (int i = 0; i < options->dimension_count; i++) {
        NamedDimension given = options->dimensions[i];
        DimensionSymbol *symbol = name_find(&importer->dimensions.symbols, given.name);
        if (!symbol)
            unknown_option(importer, given.name);
        else if (given.size < 0 || (symbol->size >= 0 && symbol->size != given.size))
            complain(importer->ctx, STATUS_USAGE, NULL, NULL, "--dim %s=%lld: %s", name_quote(importer->arena, given.name), (long long)given.size,
                     given.size < 0 ? "a size cannot be negative" : "it was already given another size");
        else
            symbol->size = given.size;
    }
}

/* A batch is a first dimension wherever it occurs; the length of a sequence may be one here and there. */
static void apply_batch(Importer *importer)
{
    int64_t batch = importer->options->batch;
    bool used = batch <= 0;
    for (DimensionSymbol *symbol = importer->dimensions.first; symbol; symbol = symbol->next) {
        if (!symbol->first || symbol->inner || symbol->size >= 0)
            continue;
        symbol->size = batch > 0 ? batch : 1;
        used = true;
    }
    if (!used)
        complain(importer->ctx, STATUS_USAGE, NULL, "the batch of such a model is part of it; --dim NAME=SIZE sets other dimensions",
                 "--batch %lld: no input of the model has a first dimension without a size", (long long)batch);
}

static void tell_left_over(Importer *importer)
{
    Text names = text_new(importer->arena), hint = text_new(importer->arena);
    int count = 0;
    for (DimensionSymbol *symbol = importer->dimensions.first; symbol; symbol = symbol->next) {
        if (symbol->size >= 0 || count++ >= MOST_TOLD)
            continue;
        const char *name = name_quote(importer->arena, symbol->name);
        text_format(&names, "%s'%s' (input %s)", count > 1 ? ", " : "", name, symbol->inputs);
        text_format(&hint, "%s--dim %s=SIZE", count > 1 ? " " : "", name);
    }
    if (count > MOST_TOLD)
        text_add(&names, " and more");
    if (count > 0)
        complain(importer->ctx, STATUS_UNSUPPORTED, NULL, arena_format(importer->arena, "fix them: %s", hint.data), "%d dimension%s no size: %s",
                 count, count > 1 ? "s have" : " has", names.data);
}

void dimensions_resolve(Importer *importer, ValueInfoProto *const *inputs, int count)
{
    importer->dimensions.symbols = name_map(importer->arena);
    importer->dimensions.first = NULL;
    importer->dimensions.end = &importer->dimensions.first;
    for (int i = 0; i < count; i++)
        if (inputs[i]->type && inputs[i]->type->tensor_type)
            collect(importer, inputs[i], (size_t)i);
    apply_options(importer);
    apply_batch(importer);
    tell_left_over(importer);
}

int64_t dimension_size(const Importer *importer, const DimensionProto *dimension, const char *input, int axis)
{
    const char *name = symbol_name(importer, dimension, input, axis);
    if (!name)
        return dimension->dim_value;
    const DimensionSymbol *symbol = name_find(&importer->dimensions.symbols, name);
    return symbol ? symbol->size : -1;
}
