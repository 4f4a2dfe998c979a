/* The attributes of a node. In the body of a function they may refer to those of the call. */
#include "frontends/importer.h"

#include <string.h>

#define MOST_ARGUMENTS 100

const Argument *argument_find(const Argument *arguments, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(arguments[i].name, name) == 0)
            return &arguments[i];
    return NULL;
}

/* What a reference stands for: the call's attribute, or the function's default; NULL: the attribute is left out. */
static const AttributeProto *referenced(Call *call, const char *name)
{
    const Environment *environment = call->scope->environment;
    if (!environment->function) {
        call_fault(call, "its attribute refers to '%s' of a function, but it is in none", name_quote(call->importer->arena, name));
        return NULL;
    }
    const Argument *argument = argument_find(environment->arguments, environment->argument_count, name);
    if (argument)
        return argument->proto;
    call_steps(call, environment->function->n_attribute_proto);
    for (size_t i = 0; i < environment->function->n_attribute_proto; i++) {
        const AttributeProto *fallback = environment->function->attribute_proto[i];
        if (fallback->name && strcmp(fallback->name, name) == 0)
            return fallback;
    }
    return NULL;
}

static const AttributeProto *resolve(Call *call, const AttributeProto *proto)
{
    if (!proto->ref_attr_name || !*proto->ref_attr_name)
        return proto;
    const AttributeProto *meant = referenced(call, proto->ref_attr_name);
    if (meant && meant->g) {
        call_refuse(call, NULL, "a subgraph that is handed to a function as its attribute is not supported");
        return NULL;
    }
    return meant;
}

void arguments_resolve(Call *call)
{
    const NodeProto *proto = call->proto;
    if (proto->n_attribute > MOST_ARGUMENTS) {
        call_fault(call, "it has %zu attributes, %d at most are possible", proto->n_attribute, MOST_ARGUMENTS);
        return;
    }
    call->arguments = arena_array(call->importer->arena, Argument, proto->n_attribute + 1);
    for (size_t i = 0; i < proto->n_attribute; i++) {
        const char *name = proto->attribute[i]->name ? proto->attribute[i]->name : "";
        const AttributeProto *meant = resolve(call, proto->attribute[i]);
        if (argument_find(call->arguments, call->argument_count, name))
            call_fault(call, "its attribute '%s' is there twice", name_quote(call->importer->arena, name));
        else if (meant)
            call->arguments[call->argument_count++] = (Argument){name, meant};
    }
}

/* Files from before IR version 2 do not name the kind: it is what is there. */
ArgumentKind argument_kind(const AttributeProto *proto)
{
    if (proto->has_type && proto->type != ARGUMENT_NONE)
        return (ArgumentKind)proto->type;
    return proto->has_f           ? ARGUMENT_REAL
           : proto->has_i         ? ARGUMENT_INT
           : proto->has_s         ? ARGUMENT_WORD
           : proto->t             ? ARGUMENT_TENSOR
           : proto->g             ? ARGUMENT_GRAPH
           : proto->n_floats      ? ARGUMENT_REALS
           : proto->n_ints        ? ARGUMENT_INTS
           : proto->n_strings     ? ARGUMENT_WORDS
           : proto->sparse_tensor ? ARGUMENT_SPARSE_TENSOR
                                  : ARGUMENT_NONE;
}

const char *argument_kind_text(ArgumentKind kind)
{
    static const char *const texts[] = {"nothing", "a float", "an int", "a string", "a tensor", "a graph", "floats", "ints", "strings", "tensors",
                                        "graphs", "a sparse tensor", "sparse tensors", "a type", "types"};
    return (unsigned)kind < (unsigned)COUNT(texts) ? texts[kind] : "something unknown";
}

/* The pointers that a kind promises may still be missing. */
static bool complete(const AttributeProto *proto, ArgumentKind kind)
{
    return (kind != ARGUMENT_TENSOR || proto->t) && (kind != ARGUMENT_GRAPH || proto->g) && (kind != ARGUMENT_SPARSE_TENSOR || proto->sparse_tensor);
}

const AttributeProto *call_attribute(Call *call, const char *name, ArgumentKind kind)
{
    const Argument *argument = argument_find(call->arguments, call->argument_count, name);
    if (!argument)
        return NULL;
    ArgumentKind found = argument_kind(argument->proto);
    if (found == kind && complete(argument->proto, kind))
        return argument->proto;
    call_fault(call, "its attribute '%s' must be %s and is %s", name, argument_kind_text(kind), found == kind ? "empty" : argument_kind_text(found));
    return NULL;
}

int64_t call_int(Call *call, const char *name, int64_t absent)
{
    const AttributeProto *proto = call_attribute(call, name, ARGUMENT_INT);
    return proto ? proto->i : absent;
}

double call_real(Call *call, const char *name, double absent)
{
    const AttributeProto *proto = call_attribute(call, name, ARGUMENT_REAL);
    return proto ? (double)proto->f : absent;
}

const char *call_word(Call *call, const char *name, const char *absent)
{
    const AttributeProto *proto = call_attribute(call, name, ARGUMENT_WORD);
    return proto ? arena_string(call->importer->arena, proto->s.data ? (const char *)proto->s.data : "", proto->s.len) : absent;
}
