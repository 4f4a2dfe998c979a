/* What a program says of itself at run time: tensors, stages, layers, the check of assumed inputs, and its entry points. */
#include "codegen/internal.h"

#include <string.h>

double layer_density(const LayerPlan *layer)
{
    return layer->problem.pattern == NULL ? 1 : layer->problem.density;
}

static const char *tensor_type(Type type)
{
    static const char *const names[TYPE_COUNT] = {
        [TYPE_F32] = "TULLE_F32", [TYPE_F64] = "TULLE_F64", [TYPE_F16] = "TULLE_F16", [TYPE_BF16] = "TULLE_BF16", [TYPE_I8] = "TULLE_I8",
        [TYPE_I16] = "TULLE_I16", [TYPE_I32] = "TULLE_I32", [TYPE_I64] = "TULLE_I64", [TYPE_U8] = "TULLE_U8", [TYPE_U16] = "TULLE_U16",
        [TYPE_U32] = "TULLE_U32", [TYPE_U64] = "TULLE_U64", [TYPE_BOOL] = "TULLE_BOOL",
    };
    return names[type];
}

static void write_tensor(Out *out, Arena *arena, const Value *value)
{
    size_t bytes = 0;
    shape_bytes(&value->shape, value->type, &bytes);
    Text dims = text_new(arena);
    for (int i = 0; i < value->shape.rank; i++)
        text_format(&dims, "%s%lld", i == 0 ? "" : ", ", (long long)value->shape.dims[i]);
    out_line(out, "{%s, %s, %d, {%s}, %zu},", out_string(arena, value->name, strlen(value->name)), tensor_type(value->type), value->shape.rank,
             value->shape.rank == 0 ? "0" : dims.data, bytes);
}

static void write_tensors(Out *out, Arena *arena, const char *name, Value *const *values, int count)
{
    if (count == 0)
        return;
    out_open(out, "static const struct tulle_tensor %s[] =", name);
    for (int i = 0; i < count; i++)
        write_tensor(out, arena, values[i]);
    out_close(out, ";");
    out_blank(out);
}

static void write_stages(Out *out, const Plan *plan, const char *const *names)
{
    if (plan->stage_count == 0)
        return;
    out_open(out, "static tulle_stage *const program_stages[] =");
    for (int l = 0; l < plan->layer_count; l++)
        for (int s = 0; s < plan->layers[l].stage_count; s++)
            out_line(out, "%s_%d,", names[l], s);
    out_close(out, ";");
    out_blank(out);
}

static void write_waits(Out *out, const Plan *plan)
{
    if (plan->stage_count == 0)
        return;
    Text text = text_new(plan->graph->arena);
    for (int l = 0; l < plan->layer_count; l++)
        for (int s = 0; s < plan->layers[l].stage_count; s++)
            text_format(&text, "%s%d", text.length == 0 ? "" : text.length % 120 < 3 ? ",\n    " : ", ", s > 0 || plan->layers[l].waits);
    out_open(out, "static const unsigned char program_waits[] =");
    out_line(out, "%s", text.data);
    out_close(out, ";");
    out_blank(out);
}

static void write_layers(Out *out, const Plan *plan, Arena *arena)
{
    const double slices = (double)plan->slices;
    if (plan->layer_count == 0)
        return;
    out_open(out, "static const struct tulle_layer program_layers[] =");
    for (int l = 0; l < plan->layer_count; l++) {
        const LayerPlan *layer = &plan->layers[l];
        const Node *node = layer->problem.node;
        out_line(out, "{%s, \"%s\", \"%s\", %s, %s, %d, %d, %s, %s},", out_string(arena, node->name, strlen(node->name)), op_info(node->op)->name,
                 layer->kernel == NULL ? "view" : layer->kernel->name, out_float(arena, layer_density(layer), TYPE_F64),
                 out_float(arena, slices * dense_multiply_adds(node), TYPE_F64), layer->first_stage, layer->stage_count,
                 milliseconds(arena, slices * layer->price.seconds), milliseconds(arena, slices * layer->hot.seconds));
    }
    out_close(out, ";");
    out_blank(out);
}

/* ---- assumed inputs ---- */

static const char *element_text(Arena *arena, Type type, const unsigned char *data)
{
    int bytes = type_info(type)->bytes;
    uint64_t bits = 0;
    memcpy(&bits, data, (size_t)bytes);
    if (type == TYPE_F64) {
        double real;
        memcpy(&real, data, sizeof real);
        return out_float(arena, real, type);
    }
    if (type == TYPE_F32) {
        float real;
        memcpy(&real, data, sizeof real);
        return out_float(arena, (double)real, type);
    }
    if (bytes == 8)
        return arena_format(arena, "(%s)UINT64_C(%llu)", type_info(type)->c_name, (unsigned long long)bits);
    int64_t number = type_info(type)->is_signed ? (int64_t)(bits << (64 - 8 * bytes)) >> (64 - 8 * bytes) : (int64_t)bits;
    return arena_format(arena, "(%s)INT64_C(%lld)", type_info(type)->c_name, (long long)number);
}

static void write_expected(Out *out, Arena *arena, const AssumedInput *assumed, int number)
{
    const unsigned char *data = assumed->expected;
    long long count = shape_count(&assumed->input->shape);
    const TypeInfo *info = type_info(assumed->input->type);
    out_open(out, "static const %s expected_%d[%d][%lld] =", info->c_name, number, assumed->choices, count);
    for (int row = 0; row < assumed->choices; row++) {
        Text line = text_new(arena);
        for (long long i = 0; i < count; i++, data += info->bytes)
            text_format(&line, "%s%s", i == 0 ? "" : ", ", element_text(arena, assumed->input->type, data));
        out_line(out, "{%s},", line.data);
    }
    out_close(out, ";");
}

static void write_comparison(Out *out, const AssumedInput *assumed, int number)
{
    const char *c_type = type_info(assumed->input->type)->c_name;
    out_line(out, "const %s *const given_%d = (const %s *)c->inputs[%d];", c_type, number, c_type, assumed->input->input_index);
    out_open(out, "for (int i = 0; i < %lld; i++)", (long long)shape_count(&assumed->input->shape));
    out_line(out, "int right = 0;");
    out_line(out, "for (int row = 0; row < %d; row++)", assumed->choices);
    out_line(out, "    right |= given_%d[i] == expected_%d[row][i];", number, number);
    out_line(out, "if (!right)");
    out_line(out, "    return TULLE_ASSUMED_INPUT;");
    out_close(out, "");
}

static void write_check(Out *out, const Plan *plan, Arena *arena)
{
    const Graph *graph = plan->graph;
    if (graph->assumed_count > 0)
        out_comment(out, "Shapes were derived from these inputs: element i is right if it equals element i of any row.");
    out_open(out, "static int program_check(const struct tulle_context *c)");
    for (int i = 0; i < graph->assumed_count; i++) {
        if (shape_count(&graph->assumed[i].input->shape) == 0)
            continue;
        write_expected(out, arena, &graph->assumed[i], i);
        write_comparison(out, &graph->assumed[i], i);
    }
    out_line(out, "(void)c;");
    out_line(out, "return TULLE_OK;");
    out_close(out, "");
    out_blank(out);
}

/* ---- the model ---- */

static void write_model(Out *out, const Plan *plan, Arena *arena)
{
    const Graph *graph = plan->graph;
    out_open(out, "static const struct tulle_model program =");
    out_line(out, ".abi = TULLE_ABI,");
    out_line(out, ".name = %s,", out_string(arena, graph->name, strlen(graph->name)));
    out_line(out, ".target = %s,", out_string(arena, plan->target->machine.name, strlen(plan->target->machine.name)));
    out_line(out, ".version = \"%s\",", TULLE_VERSION);
    out_line(out, ".sha256 = \"%s\",", graph->sha256);
    if (graph->input_count > 0)
        out_line(out, ".inputs = program_inputs,");
    if (graph->output_count > 0)
        out_line(out, ".outputs = program_outputs,");
    out_line(out, ".input_count = %d,", graph->input_count);
    out_line(out, ".output_count = %d,", graph->output_count);
    if (plan->stage_count > 0)
        out_line(out, ".stages = program_stages, .waits = program_waits,");
    out_line(out, ".stage_count = %d,", plan->stage_count);
    out_line(out, ".slices = %lld,", (long long)plan->slices);
    if (plan->layer_count > 0)
        out_line(out, ".layers = program_layers,");
    out_line(out, ".layer_count = %d,", plan->layer_count);
    out_line(out, ".workspace_bytes = %zu,", plan->workspace_bytes);
    out_line(out, ".thread_bytes = %zu,", plan->thread_bytes);
    out_line(out, ".threads = %d,", plan->threads);
    out_line(out, ".check = program_check,");
    out_close(out, ";");
    out_blank(out);
}

static void write_entry(Out *out, const char *prefix)
{
    out_open(out, "const struct tulle_model *%s_model(void)", prefix);
    out_line(out, "return &program;");
    out_close(out, "");
    out_blank(out);
}

extern const char runtime_region_inc[];

void tables_write_run(Out *out, const char *prefix)
{
    out_comment(out, "---- running it ----");
    out_blank(out);
    out_paste(out, runtime_region_inc);
    out_blank(out);
    out_open(out, "int %s_run(const void *const *inputs, void *const *outputs, void *workspace, size_t workspace_bytes, int threads)", prefix);
    out_line(out, "return tulle_region(&program, inputs, outputs, workspace, workspace_bytes, threads, NULL, NULL);");
    out_close(out, "");
}

void tables_write(Out *out, const Plan *plan, const char *const *names, const char *prefix)
{
    Arena *arena = plan->graph->arena;
    out_comment(out, "---- what the program says of itself ----");
    out_blank(out);
    write_tensors(out, arena, "program_inputs", plan->whole->inputs, plan->whole->input_count);
    write_tensors(out, arena, "program_outputs", plan->whole->outputs, plan->whole->output_count);
    write_stages(out, plan, names);
    write_waits(out, plan);
    write_layers(out, plan, arena);
    write_check(out, plan, arena);
    write_model(out, plan, arena);
    write_entry(out, prefix);
}
