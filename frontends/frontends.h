/* From files to graphs. protobuf-c stays inside this folder. Includes graph. */
#ifndef TULLE_FRONTENDS_H
#define TULLE_FRONTENDS_H

#include "compiler/graph/graph.h"

typedef struct NamedDimension { const char *name; int64_t size; } NamedDimension;

typedef struct FrontendOptions {
    const NamedDimension *dimensions;    /* --dim name=size */
    int dimension_count;
    int64_t batch;                       /* --batch: the size of a symbolic first dimension of the inputs; 0: 1 */
    const char *external_data;           /* --allow-external-data DIR, or NULL: refused */
    bool unnamed;                        /* nothing that is kept will name the file: its hash is left out, which takes longer than all else of reading */
} FrontendOptions;

/* Reads an ONNX model. Every fault of it is told: bad bytes as STATUS_MODEL, what tulle cannot do as STATUS_UNSUPPORTED, all at once. */
Graph *onnx_read(Context *ctx, const char *path, const FrontendOptions *options);

/* A TensorProto in a file of its own (test_data_set_N/input_0.pb). Data lives in ctx->graph or in the mapped file. */
typedef struct TensorFile {
    const char *name;                    /* may be empty */
    Type type;
    Shape shape;
    const void *data;
} TensorFile;

void onnx_read_tensor(Context *ctx, const char *path, TensorFile *tensor);
void onnx_write_tensor(Context *ctx, const TensorFile *tensor, FILE *out);

#endif
