/* Inputs and outputs in files: .npy and .npz through runtime/, TensorProto through the frontend. */
#include <stdlib.h>
#include <string.h>

#include "compiler/cli/cli.h"
#include "frontends/frontends.h"

_Static_assert((int)TYPE_F32 == (int)TULLE_F32 && (int)TYPE_I8 == (int)TULLE_I8 && (int)TYPE_BOOL == (int)TULLE_BOOL, "the two lists of types are one");

/* ---- what the model takes and gives, before anything is compiled ---- */

static struct tulle_tensor *describe(Context *ctx, Value *const *values, int count)
{
    struct tulle_tensor *tensors = arena_array(ctx->graph, struct tulle_tensor, count + 1);
    for (int i = 0; i < count; i++) {
        tensors[i] = (struct tulle_tensor){.name = values[i]->name, .type = (enum tulle_type)values[i]->type, .rank = values[i]->shape.rank};
        memcpy(tensors[i].dims, values[i]->shape.dims, sizeof tensors[i].dims);
        shape_bytes(&values[i]->shape, values[i]->type, &tensors[i].bytes);
    }
    return tensors;
}

const struct tulle_model *data_model(const Graph *graph)
{
    struct tulle_model *model = arena_new_of(graph->ctx->graph, struct tulle_model);
    model->inputs = describe(graph->ctx, graph->inputs, graph->input_count);
    model->outputs = describe(graph->ctx, graph->outputs, graph->output_count);
    model->input_count = graph->input_count;
    model->output_count = graph->output_count;
    return model;
}

/* ---- reading ---- */

static void *copy_data(Context *ctx, const void *data, size_t bytes)
{
    void *copy = arena_alloc(ctx->graph, bytes + 1, 1);
    if (bytes)
        memcpy(copy, data, bytes);
    return copy;
}

static NpyFile read_tensor_proto(Context *ctx, const char *path)
{
    TensorFile tensor;
    onnx_read_tensor(ctx, path, &tensor);
    NpyArray *array = arena_new_of(ctx->graph, NpyArray);
    size_t bytes;
    if (!shape_bytes(&tensor.shape, tensor.type, &bytes))
        fail(ctx, STATUS_MODEL, NULL, NULL, "the tensor's size overflows");
    *array = (NpyArray){.type = (enum tulle_type)tensor.type, .rank = tensor.shape.rank, .bytes = bytes};
    if (tensor.name && *tensor.name)
        array->name = arena_string(ctx->graph, tensor.name, strlen(tensor.name));
    memcpy(array->dims, tensor.shape.dims, sizeof array->dims);
    array->data = copy_data(ctx, tensor.data, bytes);
    return (NpyFile){.arrays = array, .count = 1};
}

/* Moves what npy.c allocated into the arena, where nothing needs freeing. */
static NpyFile keep(Context *ctx, NpyFile *file)
{
    NpyFile kept = {.arrays = arena_array(ctx->graph, NpyArray, file->count + 1), .count = file->count, .zip = file->zip};
    for (int i = 0; i < file->count; i++) {
        kept.arrays[i] = file->arrays[i];
        kept.arrays[i].data = copy_data(ctx, file->arrays[i].data, file->arrays[i].bytes);
        if (file->arrays[i].name)
            kept.arrays[i].name = arena_string(ctx->graph, file->arrays[i].name, strlen(file->arrays[i].name));
    }
    npy_free(file);
    return kept;
}

NpyFile data_read(Context *ctx, const char *path)
{
    if (path_ends(path, ".pb"))
        return read_tensor_proto(ctx, path);
    NpyError error;
    NpyFile file;
    if (!npy_load(path, &file, &error))
        fail(ctx, STATUS_MODEL, text_quote(ctx->graph, path, strlen(path)), NULL, "%s", error.text);
    return keep(ctx, &file);
}

void data_load(Context *ctx, const struct tulle_model *model, const char *argument, void **inputs)
{
    NpyError error;
    const char *path, *model_file = ctx->file;
    int index;
    if (!tensors_split(model->inputs, model->input_count, argument, &index, &path, &error))
        fail(ctx, STATUS_USAGE, "--input", NULL, "%s", error.text);
    ctx->file = NULL;
    NpyFile file = data_read(ctx, path);
    ctx->file = model_file;
    bool alone = index < 0 && !file.zip && model->input_count == 1;      /* then a .pb's own name does not matter */
    if (!tensors_take(model->inputs, model->input_count, alone ? 0 : index, &file, inputs, &error))
        fail(ctx, STATUS_MODEL, text_quote(ctx->graph, path, strlen(path)), NULL, "%s", error.text);
}

void data_random(const Graph *graph, const struct tulle_model *model, uint64_t seed, void **inputs)
{
    for (int i = 0; i < model->input_count; i++) {
        if (inputs[i])
            continue;
        const struct tulle_tensor *tensor = &model->inputs[i];
        inputs[i] = arena_alloc(graph->ctx->graph, tensor->bytes + 1, 1);
        tensors_random(tensor, seed + (uint64_t)i, inputs[i]);
        for (int j = 0; j < graph->assumed_count; j++)
            if (graph->assumed[j].input->input_index == i)
                memcpy(inputs[i], graph->assumed[j].expected, tensor->bytes);
    }
}

/* ---- writing ---- */

static NpyArray array_of(const struct tulle_tensor *tensor, void *data)
{
    NpyArray array = {.name = (char *)(uintptr_t)tensor->name, .type = tensor->type, .rank = tensor->rank, .bytes = tensor->bytes, .data = data};
    memcpy(array.dims, tensor->dims, sizeof array.dims);
    return array;
}

static void write_tensor_proto(Context *ctx, const NpyArray *array, FILE *stream)
{
    TensorFile tensor = {.name = array->name, .type = (Type)array->type, .shape = {.rank = array->rank}, .data = array->data};
    memcpy(tensor.shape.dims, array->dims, sizeof tensor.shape.dims);
    onnx_write_tensor(ctx, &tensor, stream);
}

static OutputFile *save(Context *ctx, const char *path, const NpyArray *arrays, int count)
{
    NpyError error;
    OutputFile *output = output_open(ctx, path);
    FILE *stream = output_stream(output);
    if (path_ends(path, ".pb"))
        write_tensor_proto(ctx, arrays, stream);
    else if (!(path_ends(path, ".npz") ? npz_write(stream, arrays, count, &error) : npy_write(stream, arrays, &error)))
        fail(ctx, STATUS_USAGE, text_quote(ctx->graph, path, strlen(path)), NULL, "%s", error.text);
    return output;
}

void data_save(Context *ctx, const struct tulle_model *model, const Strings *arguments, void *const *outputs)
{
    OutputFile **files = arena_array(ctx->graph, OutputFile *, arguments->count + 1);
    NpyArray *arrays = arena_array(ctx->graph, NpyArray, model->output_count + 1);
    for (int i = 0; i < model->output_count; i++)
        arrays[i] = array_of(&model->outputs[i], outputs[i]);
    for (int i = 0; i < arguments->count; i++) {
        NpyError error;
        const char *path;
        int index;
        if (!tensors_split(model->outputs, model->output_count, arguments->items[i], &index, &path, &error))
            fail(ctx, STATUS_USAGE, "--output", NULL, "%s", error.text);
        if (index < 0 && model->output_count > 1 && !path_ends(path, ".npz"))
            fail(ctx, STATUS_USAGE, "--output", "write NAME=FILE for each, or name one file that ends in .npz", "the model has %d outputs", model->output_count);
        bool one = index >= 0 || model->output_count == 1;
        files[i] = save(ctx, path, arrays + (index < 0 ? 0 : index), one ? 1 : model->output_count);
    }
    outputs_commit(files, arguments->count);
}

void **data_inputs(Context *ctx, const Options *options, const Graph *graph)
{
    const struct tulle_model *model = data_model(graph);
    void **inputs = arena_array(ctx->graph, void *, model->input_count + 1);
    for (int i = 0; i < options->inputs.count; i++)
        data_load(ctx, model, options->inputs.items[i], inputs);
    data_random(graph, model, 1, inputs);
    return inputs;
}
