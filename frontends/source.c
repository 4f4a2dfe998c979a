/* A file as messages: mapped, walked, and unpacked by protobuf-c with memory that is counted. */
#include "frontends/importer.h"

#include <string.h>

#define MOST_MESSAGE_BYTES ((size_t)2 << 30)   /* what protobuf-c may ask for */

void source_open(Source *source, Context *ctx, const char *path, const char *external_folder)
{
    *source = (Source){.ctx = ctx, .arena = ctx->scratch, .external_folder = external_folder};
    source->file = file_map(ctx, path);
}

static void *take(void *user, size_t size)
{
    Source *source = user;
    source->message_bytes += size;
    if (source->message_bytes > MOST_MESSAGE_BYTES)
        fail(source->ctx, STATUS_MODEL, NULL, NULL, "its messages need more than 2 GiB of memory");
    return arena_alloc(source->arena, size, 1);
}

static void give(void *user, void *pointer)
{
    (void)user;
    (void)pointer;    /* the arena goes as a whole */
}

void *source_unpack(Source *source, const ProtobufCMessageDescriptor *kind)
{
    Slim slim = walker_slim(source->ctx, source->arena, source->file, kind);
    ProtobufCAllocator allocator = {take, give, source};
    void *message = protobuf_c_message_unpack(kind, &allocator, slim.size, slim.bytes);
    if (!message)
        fail(source->ctx, STATUS_MODEL, NULL, "is this an ONNX file, and is it complete?", "not a protobuf message of the kind %s", kind->short_name);
    return message;
}

FileView source_piece(const Source *source, ProtobufCBinaryData token)
{
    Piece piece;
    memcpy(&piece, token.data, sizeof piece);
    return (FileView){source->file.data + piece.offset, (size_t)piece.size};
}
