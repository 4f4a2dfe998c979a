/* Compiles graphs given as text through everything, loads the result, and computes what it should be. */
#include "harness.h"

#include "compiler/pass/pass.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <cmocka.h>

const char *harness_runtime_folder;

const char *harness_folder(Context *ctx, const char *name)
{
    const char *folder = arena_format(ctx->graph, "%s/%s", scratch_folder(ctx), name);
    assert_int_equal(mkdir(folder, 0700), 0);
    return folder;
}

void harness_command(Context *ctx, const char *format, ...)
{
    Text command = text_new(ctx->graph);
    va_list arguments;
    va_start(arguments, format);
    text_vformat(&command, format, arguments);
    va_end(arguments);
    int status = system(command.data);
    if (status != 0)
        print_message("failed: %s\n", command.data);
    assert_int_equal(status, 0);
}

const Plan *harness_plan(Context *ctx, const char *text, const char *target)
{
    Graph *graph = graph_parse(ctx, text, strlen(text));
    passes_run(graph, &(PassOptions){0});
    return plan_make(graph, target_named(ctx, target), &(PlanOptions){0});
}

void harness_write_plan(Context *ctx, const Plan *plan, const char *folder, const char *prefix, bool single_file)
{
    const char *base = arena_format(ctx->graph, "%s/%s", folder, prefix);
    ModuleOptions options = {.prefix = prefix, .source_path = arena_format(ctx->graph, "%s.c", base), .single_file = single_file,
                             .header_path = arena_format(ctx->graph, "%s.h", base), .weights_path = arena_format(ctx->graph, "%s.weights", base)};
    ModuleFiles files;
    module_write(ctx, plan, &options, &files);
    outputs_commit(files.files, files.count);
}

void harness_write(Context *ctx, const char *text, const char *target, const char *folder, const char *prefix, bool single_file)
{
    harness_write_plan(ctx, harness_plan(ctx, text, target), folder, prefix, single_file);
}

Program harness_load(Context *ctx, const char *compiler, const char *flags, const char *folder, const char *prefix)
{
    static int number;
    const char *library = arena_format(ctx->graph, "%s/%s%d.so", folder, prefix, number++);
    harness_command(ctx, "%s -std=gnu11 %s -Wall -Wextra -Wconversion -Werror -ffp-contract=off -fPIC -shared -I%s %s/%s.c -o %s -lm", compiler,
                    flags, folder, folder, prefix, library);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        print_message("%s\n", dlerror());
    assert_non_null(handle);
    Program program;
    void *run = dlsym(handle, arena_format(ctx->graph, "%s_run", prefix)), *model = dlsym(handle, arena_format(ctx->graph, "%s_model", prefix));
    assert_true(run != NULL && model != NULL);
    memcpy(&program.run, &run, sizeof run);
    ModelFunction *get;
    memcpy(&get, &model, sizeof model);
    program.model = get();
    return program;
}

static void fill(void *data, enum tulle_type type, size_t bytes, uint32_t *state)
{
    for (size_t at = 0; at < bytes; at += 4) {
        *state = *state * 1664525u + 1013904223u;
        float real = (float)((int)(*state >> 16) - 32768) / 8192;
        int32_t whole = (int32_t)(*state >> 24) % 5;
        memcpy((char *)data + at, type == TULLE_F32 ? (const void *)&real : (const void *)&whole, bytes - at < 4 ? bytes - at : 4);
    }
}

Buffers harness_inputs(Context *ctx, const struct tulle_model *model, uint32_t seed)
{
    Buffers inputs = {.count = model->input_count};
    assert_true(model->input_count <= MOST_TENSORS);
    for (int i = 0; i < model->input_count; i++) {
        inputs.bytes[i] = model->inputs[i].bytes;
        inputs.data[i] = arena_alloc(ctx->graph, inputs.bytes[i] + 1, 1);
        fill(inputs.data[i], model->inputs[i].type, inputs.bytes[i], &seed);
    }
    return inputs;
}

Buffers harness_run(Context *ctx, const Program *program, const Buffers *inputs, int threads)
{
    const struct tulle_model *model = program->model;
    Buffers outputs = {.count = model->output_count};
    size_t bytes = model->workspace_bytes + (size_t)threads * model->thread_bytes;
    char *workspace = aligned_alloc(TULLE_ALIGNMENT, bytes + TULLE_ALIGNMENT);
    memset(workspace, 0xff, bytes + TULLE_ALIGNMENT);
    for (int i = 0; i < model->output_count; i++) {
        outputs.bytes[i] = model->outputs[i].bytes;
        outputs.data[i] = arena_alloc(ctx->graph, outputs.bytes[i] + 1, 1);
        memset(outputs.data[i], 0xff, outputs.bytes[i]);
    }
    assert_int_equal(program->run((const void *const *)inputs->data, outputs.data, workspace, bytes, threads), TULLE_OK);
    for (size_t at = bytes; at < bytes + TULLE_ALIGNMENT; at++)
        assert_int_equal((unsigned char)workspace[at], 0xff);
    free(workspace);
    return outputs;
}

static const void *no_operand(void *user, const Value *value)
{
    (void)user;
    (void)value;
    return NULL;
}

static void compute(Graph *graph, const Node *node, void **data)
{
    const void *inputs[64];
    void *outputs[16];
    assert_true(node->input_count <= COUNT(inputs) && node->output_count <= COUNT(outputs));
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] == NULL ? NULL : data[node->inputs[i]->id];
    for (int i = 0; i < node->output_count; i++) {
        size_t bytes = 0;
        outputs[i] = NULL;
        if (node->outputs[i] == NULL)
            continue;
        assert_true(shape_bytes(&node->outputs[i]->shape, node->outputs[i]->type, &bytes));
        outputs[i] = data[node->outputs[i]->id] = arena_alloc(graph->arena, bytes + 1, 1);
    }
    if (node->op == OP_View)
        data[node->outputs[0]->id] = data[node->inputs[0]->id];
    else
        reference_run(graph, node, inputs, outputs, no_operand, NULL, graph->ctx->scratch);
}

Buffers harness_reference(Context *ctx, const char *text, const Buffers *inputs)
{
    static const char *const only[] = {"unused", "infer", "dead", "views"};
    Graph *graph = graph_parse(ctx, text, strlen(text));
    for (int i = 0; i < COUNT(only); i++)
        pass_run_named(graph, only[i], &(PassOptions){0});
    graph_index(graph);
    void **data = arena_array(ctx->graph, void *, graph->value_count + 1);
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i] != NULL && value_constant(graph->values[i]))
            data[i] = (void *)(uintptr_t)graph->values[i]->data;
    for (int i = 0; i < graph->input_count; i++)
        data[graph->inputs[i]->id] = inputs->data[i];
    for (int i = 0; i < graph->node_count; i++)
        compute(graph, graph->nodes[i], data);
    Buffers outputs = {.count = graph->output_count};
    for (int i = 0; i < graph->output_count; i++) {
        outputs.data[i] = data[graph->outputs[i]->id];
        assert_true(shape_bytes(&graph->outputs[i]->shape, graph->outputs[i]->type, &outputs.bytes[i]));
    }
    return outputs;
}

void harness_expect_same(const Buffers *a, const Buffers *b)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        assert_int_equal(a->bytes[i], b->bytes[i]);
        assert_memory_equal(a->data[i], b->data[i], a->bytes[i]);
    }
}
