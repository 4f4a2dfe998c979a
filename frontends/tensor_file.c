/* Tensors in files of their own, as the test data of ONNX has them. */
#include "frontends/importer.h"

#include <string.h>

void onnx_read_tensor(Context *ctx, const char *path, TensorFile *tensor)
{
    const char *before = ctx->file;
    Source source;
    source_open(&source, ctx, path, NULL);
    const TensorProto *proto = source_unpack(&source, &onnx__tensor_proto__descriptor);
    if (!proto->has_data_type)
        fail(ctx, STATUS_MODEL, NULL, "a TensorProto is expected, as in test_data_set_0/input_0.pb", "no tensor in this file");
    tensor_load(&source, NULL, proto, tensor);
    fail_complaints(ctx);
    tensor->name = arena_string(ctx->graph, tensor->name, strlen(tensor->name));
    ctx->file = before;
}

static void write_varint(FILE *out, uint64_t value)
{
    for (; value > 127; value >>= 7)
        putc((int)(value & 127) | 128, out);
    putc((int)value, out);
}

static void write_bytes(FILE *out, unsigned field, const void *data, size_t size)
{
    write_varint(out, field << 3 | 2);
    write_varint(out, size);
    fwrite(data, 1, size, out);
}

void onnx_write_tensor(Context *ctx, const TensorFile *tensor, FILE *out)
{
    size_t bytes;
    if (!shape_bytes(&tensor->shape, tensor->type, &bytes))
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "a tensor of shape %s cannot be written", shape_text(ctx->scratch, &tensor->shape));
    for (int i = 0; i < tensor->shape.rank; i++) {
        write_varint(out, 1 << 3);
        write_varint(out, (uint64_t)tensor->shape.dims[i]);
    }
    write_varint(out, 2 << 3);
    write_varint(out, (uint64_t)data_type_of(tensor->type)->number);
    if (tensor->name && *tensor->name)
        write_bytes(out, 8, tensor->name, strlen(tensor->name));
    write_bytes(out, 9, tensor->data, bytes);
}
