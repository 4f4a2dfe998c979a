/* The header of a program: what its caller must know, as macros, and the two functions that there are. */
#include "codegen/internal.h"
#include "runtime/tulle.h"

#include <string.h>

extern const char runtime_tulle_h[];

const char *upper_case(Arena *arena, const char *word)
{
    char *upper = arena_string(arena, word, strlen(word));
    for (char *at = upper; *at != '\0'; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    return upper;
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static const char *dims_text(Arena *arena, const Shape *shape)
{
    Text text = text_new(arena);
    text_add(&text, "{");
    for (int i = 0; i < shape->rank; i++)
        text_format(&text, "%s%lld", i == 0 ? "" : ", ", (long long)shape->dims[i]);
    text_add(&text, shape->rank == 0 ? "0}" : "}");
    return text.data;
}

static void write_tensor(Out *out, Arena *arena, const char *prefix, const char *kind, int index, const Value *value)
{
    size_t bytes = 0;
    shape_bytes(&value->shape, value->type, &bytes);
    const TypeInfo *info = type_info(value->type);
    const char *quoted = text_quote(arena, value->name, strlen(value->name));
    out_comment(out, "%s %d: '%s', %s %s", strcmp(kind, "INPUT") == 0 ? "input" : "output", index, quoted, info->name,
                shape_text(arena, &value->shape));
    out_line(out, "#define %s_%s_%d_NAME %s", prefix, kind, index, out_string(arena, value->name, strlen(value->name)));
    out_line(out, "#define %s_%s_%d_TYPE %s", prefix, kind, index, info->c_name);
    out_line(out, "#define %s_%s_%d_RANK %d", prefix, kind, index, value->shape.rank);
    out_line(out, "#define %s_%s_%d_SHAPE %s", prefix, kind, index, dims_text(arena, &value->shape));
    out_line(out, "#define %s_%s_%d_COUNT %lld", prefix, kind, index, (long long)shape_count(&value->shape));
    out_line(out, "#define %s_%s_%d_BYTES %zu", prefix, kind, index, bytes);
}

static void write_tensors(Out *out, Arena *arena, const char *prefix, const char *kind, Value *const *values, int count)
{
    out_line(out, "#define %s_%s_COUNT %d", prefix, kind, count);
    for (int i = 0; i < count; i++)
        write_tensor(out, arena, prefix, kind, i, values[i]);
    out_blank(out);
}

static void write_workspace(Out *out, const Plan *plan, const char *upper)
{
    out_comment(out, "The caller's memory for one run at a time, aligned to %s_ALIGNMENT. It needs no initial values, and keeps nothing from run to "
                     "run.", upper);
    out_line(out, "#define %s_WORKSPACE_BYTES(threads) ((size_t)%zu + (size_t)(threads) * (size_t)%zu)", upper, plan->workspace_bytes,
             plan->thread_bytes);
    out_line(out, "#define %s_ALIGNMENT %d", upper, WEIGHT_ALIGNMENT);
    out_blank(out);
}

static void write_functions(Out *out, const char *prefix, const char *upper)
{
    out_line(out, "#ifdef __cplusplus");
    out_line(out, "extern \"C\" {");
    out_line(out, "#endif");
    out_comment(out, "Computes the outputs from the inputs: arrays of pointers in the order above, each to BYTES bytes, row-major, aligned as its "
                     "type demands; buffers must not overlap. The workspace has at least %s_WORKSPACE_BYTES(threads) bytes. Returns TULLE_OK or "
                     "another status, and then has written nothing. Results do not depend on the number of threads. Reentrant: "
                     "concurrent runs need workspaces of their own, and share nothing else that is written.", upper);
    out_line(out, "int %s_run(const void *const *inputs, void *const *outputs, void *workspace, size_t workspace_bytes, int threads);", prefix);
    out_comment(out, "What tulle_run() and tulle_profile() take, and a thread pool of your own: fill a tulle_context, check() it, and have every "
                     "stage called in order with part = 0 .. parts-1, all parts of one done before the next begins:\n\n"
                     "    struct tulle_context context = {inputs, outputs, workspace, 0};   (%s_WORKSPACE_BYTES(parts) bytes)\n"
                     "    if (%s_model()->check(&context) != TULLE_OK) return ...;\n"
                     "    for (context.slice = 0; context.slice < %s_model()->slices; context.slice++)\n"
                     "        for (int stage = 0; stage < %s_model()->stage_count; stage++) {\n"
                     "            in thread number `part` of the pool: %s_model()->stages[stage](&context, part, parts);\n"
                     "            wait for all of them;\n"
                     "        }", upper, prefix, prefix, prefix, prefix);
    out_line(out, "const struct tulle_model *%s_model(void);", prefix);
    out_line(out, "#ifdef __cplusplus");
    out_line(out, "}");
    out_line(out, "#endif");
}

void header_write(Out *out, const Plan *plan, const ModuleOptions *options)
{
    Arena *arena = plan->graph->arena;
    const char *upper = upper_case(arena, options->prefix);
    out_comment(out, "Model '%s', compiled by tulle %s. How to call it: docs/generated-code.md of tulle, or the comments below.",
                text_quote(arena, plan->graph->name, strlen(plan->graph->name)), TULLE_VERSION);
    out_line(out, "#ifndef %s_TULLE_MODEL_H", upper);
    out_line(out, "#define %s_TULLE_MODEL_H", upper);
    out_blank(out);
    out_paste(out, runtime_tulle_h);
    out_blank(out);
    out_line(out, "#if TULLE_ABI != %d", TULLE_ABI);
    out_line(out, "#error \"this model was compiled by another generation of tulle than what was included before: compile it again\"");
    out_line(out, "#endif");
    out_blank(out);
    write_tensors(out, arena, upper, "INPUT", plan->whole->inputs, plan->whole->input_count);
    write_tensors(out, arena, upper, "OUTPUT", plan->whole->outputs, plan->whole->output_count);
    write_workspace(out, plan, upper);
    write_functions(out, options->prefix, upper);
    out_blank(out);
    out_line(out, "#endif");
}
