/* The graph as text: docs/graph-text.md. Everything is streamed; nothing depends on the locale. */
#define _GNU_SOURCE
#include "compiler/graph/lexer.h"

#include <stdlib.h>
#include <string.h>

#define LISTED 64            /* constants of so many elements or fewer are written out as numbers, larger ones in hexadecimal */

static bool plain_name(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-") == strlen(name);
}

static void dump_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20 || *c >= 0x7f)
            fprintf(out, "\\x%02x", *c);
        else
            fputc(*c, out);
    fputc('"', out);
}

static void dump_name(FILE *out, const Value *value)
{
    if (!value) {
        fputc('_', out);
        return;
    }
    fputc('%', out);
    if (plain_name(value->name))
        fputs(value->name, out);
    else
        dump_quoted(out, value->name);
}

static void dump_shape(FILE *out, const Shape *shape)
{
    fputc('[', out);
    for (int i = 0; i < shape->rank; i++)
        fprintf(out, shape->dims[i] < 0 ? "%s?" : "%s%lld", i ? "," : "", (long long)shape->dims[i]);
    fputc(']', out);
}

static void dump_type(FILE *out, const Value *value)
{
    fprintf(out, " : %s", type_info(value->type)->name);
    if (value->known)
        dump_shape(out, &value->shape);
}

/* The shortest decimal that reads back as the same number. */
static void dump_real(FILE *out, double value, bool single)
{
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        double back = strtod(digits, NULL);
        if (single ? (float)back == (float)value : back == value)
            break;
    }
    fputs(digits, out);
}

static void dump_element(FILE *out, Type type, const void *data, int64_t index)
{
    union { float f32; double f64; int8_t i8; int16_t i16; int32_t i32; int64_t i64; uint8_t u8; uint16_t u16; uint32_t u32; uint64_t u64; } element;
    int bytes = type_info(type)->bytes;
    memcpy(&element, (const char *)data + index * bytes, (size_t)bytes);
    switch (type) {
    case TYPE_F32: dump_real(out, (double)element.f32, true); break;
    case TYPE_F64: dump_real(out, element.f64, false); break;
    case TYPE_I8: fprintf(out, "%d", element.i8); break;
    case TYPE_I16: fprintf(out, "%d", element.i16); break;
    case TYPE_I32: fprintf(out, "%lld", (long long)element.i32); break;
    case TYPE_I64: fprintf(out, "%lld", (long long)element.i64); break;
    case TYPE_U8: case TYPE_BOOL: fprintf(out, "%u", element.u8); break;
    case TYPE_U16: fprintf(out, "%u", element.u16); break;
    case TYPE_U32: fprintf(out, "%llu", (unsigned long long)element.u32); break;
    default: fprintf(out, "%llu", (unsigned long long)element.u64); break;
    }
}

/* Not-a-number has many forms, and half precision none that C can print: those are written as bytes. */
static bool listable(Type type, const void *data, int64_t count)
{
    if (type == TYPE_F16 || type == TYPE_BF16 || count > LISTED)
        return false;
    for (int64_t i = 0; i < count && (type == TYPE_F32 || type == TYPE_F64); i++) {
        float single = 0;
        double real = 0;
        if (type == TYPE_F32)
            memcpy(&single, (const char *)data + 4 * i, 4);
        else
            memcpy(&real, (const char *)data + 8 * i, 8);
        if (single != single || real != real)
            return false;
    }
    return true;
}

static bool all_equal(Type type, const void *data, int64_t count)
{
    size_t size = (size_t)type_info(type)->bytes;
    return memcmp(data, (const char *)data + size, (size_t)(count - 1) * size) == 0;
}

static void dump_data(FILE *out, Type type, const void *data, int64_t count)
{
    if (count > LISTED && listable(type, data, 1) && all_equal(type, data, count)) {
        fputs(" all ", out);
        dump_element(out, type, data, 0);
        return;
    }
    if (listable(type, data, count)) {
        for (int64_t i = 0; i < count; i++) {
            fputc(' ', out);
            dump_element(out, type, data, i);
        }
        return;
    }
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    fputs(" hex ", out);
    for (int64_t i = 0; i < count * type_info(type)->bytes; i++) {
        putc_unlocked(digits[bytes[i] >> 4], out);
        putc_unlocked(digits[bytes[i] & 15], out);
    }
}

static void dump_attribute(FILE *out, const Attribute *attribute)
{
    fprintf(out, "%s=", attribute_text(attribute->name));
    AttributeKind kind = attribute_kind(attribute->name);
    if (kind == KIND_WORD) {
        dump_quoted(out, attribute->word);
        return;
    }
    bool list = attribute->count != 1;
    if (list)
        fputc('[', out);
    for (int i = 0; i < attribute->count; i++) {
        fputs(i ? "," : "", out);
        if (attribute->name == ATTR_to && attribute->ints[i] > TYPE_UNKNOWN && attribute->ints[i] < TYPE_COUNT)
            fputs(type_info((Type)attribute->ints[i])->name, out);
        else if (kind == KIND_INTS)
            fprintf(out, "%lld", (long long)attribute->ints[i]);
        else
            dump_real(out, attribute->reals[i], false);
    }
    if (list)
        fputc(']', out);
}

/* In the order of names, so that the order in which passes set them does not show. */
static void dump_attributes(FILE *out, const Node *node)
{
    if (node->attribute_count == 0)
        return;
    const char *between = " {";
    for (int name = 0; name < ATTR_COUNT; name++)
        for (int i = 0; i < node->attribute_count; i++)
            if ((int)node->attributes[i].name == name) {
                fputs(between, out);
                dump_attribute(out, &node->attributes[i]);
                between = ", ";
            }
    fputc('}', out);
}

/* Op(inputs from `first` on) {attributes} "name" */
static void dump_call(FILE *out, const Node *node, int first)
{
    fprintf(out, "%s(", op_info(node->op)->name);
    for (int i = first; i < node->input_count; i++) {
        fputs(i > first ? ", " : "", out);
        dump_name(out, node->inputs[i]);
    }
    fputc(')', out);
    dump_attributes(out, node);
    fputc(' ', out);
    dump_quoted(out, node->name);
    fputc('\n', out);
}

static void dump_node(FILE *out, const Node *node)
{
    for (int i = 0; i < node->output_count; i++) {
        fputs(i ? ", " : "", out);
        dump_name(out, node->outputs[i]);
        if (node->outputs[i])
            dump_type(out, node->outputs[i]);
    }
    fputs(" = ", out);
    dump_call(out, node, 0);
    for (int i = 0; i < node->epilogue_count; i++) {
        fputs("  then ", out);
        dump_call(out, node->epilogue[i], 1);
    }
}

static void dump_offers(FILE *out, const Graph *graph)
{
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i]->residual_offer_count; k++) {
            fputs("offer ", out);
            dump_quoted(out, graph->nodes[i]->residual_offers[k]->name);
            fputs(" to ", out);
            dump_quoted(out, graph->nodes[i]->name);
            fputc('\n', out);
        }
}

static void dump_values(FILE *out, const Graph *graph)
{
    for (int i = 0; i < graph->input_count; i++) {
        fputs("input ", out);
        dump_name(out, graph->inputs[i]);
        dump_type(out, graph->inputs[i]);
        fputc('\n', out);
    }
    for (int i = 0; i < graph->value_count; i++) {
        const Value *value = graph->values[i];
        if (!value_constant(value))
            continue;
        fputs("const ", out);
        dump_name(out, value);
        dump_type(out, value);
        fputs(" =", out);
        dump_data(out, value->type, value->data, shape_count(&value->shape));
        fputc('\n', out);
    }
}

static void dump_outputs(FILE *out, const Graph *graph)
{
    for (int i = 0; i < graph->output_count; i++) {
        fputs("output ", out);
        dump_name(out, graph->outputs[i]);
        if (graph->outputs[i]->declared.rank >= 0) {
            fputs(" declared ", out);
            dump_shape(out, &graph->outputs[i]->declared);
        }
        fputc('\n', out);
    }
    for (int i = 0; i < graph->assumed_count; i++) {
        const AssumedInput *assumed = &graph->assumed[i];
        fputs("assume ", out);
        dump_name(out, assumed->input);
        fprintf(out, " %d =", assumed->choices);
        dump_data(out, assumed->input->type, assumed->expected, assumed->choices * shape_count(&assumed->input->shape));
        fputc('\n', out);
    }
}

void graph_dump(const Graph *graph, FILE *out)
{
    locale_t before = uselocale(lexer_locale());
    fputs("graph ", out);
    dump_quoted(out, graph->name);
    if (graph->sha256[0])
        fprintf(out, " sha256 %s", graph->sha256);
    fputc('\n', out);
    dump_values(out, graph);
    for (int i = 0; i < graph->node_count; i++)
        dump_node(out, graph->nodes[i]);
    dump_offers(out, graph);
    dump_outputs(out, graph);
    uselocale(before);
}
