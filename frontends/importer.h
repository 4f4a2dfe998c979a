/* Private to the frontend: how a model file becomes a graph. The only folder that knows protobuf-c.

   onnx_read (onnx.c) maps the file, walks it (walker.c), lets protobuf-c unpack the slim copy (source.c), then imports the model's graph into
   ours: scopes of names (scope.c), order (order.c), one node after the other (node.c) by the table of operators (onnx_ops.c). */
#ifndef TULLE_IMPORTER_H
#define TULLE_IMPORTER_H

#include "frontends/frontends.h"
#include "onnx.pb-c.h"

typedef Onnx__ModelProto ModelProto;
typedef Onnx__GraphProto GraphProto;
typedef Onnx__FunctionProto FunctionProto;
typedef Onnx__NodeProto NodeProto;
typedef Onnx__AttributeProto AttributeProto;
typedef Onnx__TensorProto TensorProto;
typedef Onnx__SparseTensorProto SparseTensorProto;
typedef Onnx__ValueInfoProto ValueInfoProto;
typedef Onnx__TypeProto TypeProto;
typedef Onnx__OperatorSetIdProto OperatorSetIdProto;

#define NEWEST_OPSET 27
#define NEWEST_IR 13
#define MOST_NODES 500000       /* after inlining: a bound on what functions that call functions can grow to */
#define MOST_CALL_STEPS 50000000    /* what all calls of functions may cost besides: inputs bound, lists searched */

/* ---- names.c: names that nobody else has ---- */

/* `candidate`, or the first of "candidate#2", "candidate#3" ... that the map does not hold; it does afterwards. */
const char *name_unique(NameMap *taken, const char *candidate);
void name_release(NameMap *taken, const char *name);
const char *name_quote(Arena *arena, const char *name);      /* text_quote of a string, "" for NULL */

/* ---- walker.c ---- */

/* A place in the mapped file; what stands for a tensor's elements in the slim copy. */
typedef struct Piece {
    uint64_t offset, size;
} Piece;

typedef struct Slim {
    unsigned char *bytes;
    size_t size;
} Slim;

/* Checks the wire format of a message of the given kind, to every depth, and copies what its descriptor knows, elements of tensors cut out. */
Slim walker_slim(Context *ctx, Arena *arena, FileView file, const ProtobufCMessageDescriptor *kind);

/* ---- source.c: a file as messages ---- */

typedef struct Source {
    Context *ctx;
    Arena *arena;                /* messages, and all that only lives while reading: ctx->scratch */
    FileView file;
    const char *external_folder; /* NULL: external data is refused */
    struct External *externals;  /* files mapped so far */
    size_t message_bytes;        /* given to protobuf-c */
} Source;

void source_open(Source *source, Context *ctx, const char *path, const char *external_folder);
void *source_unpack(Source *source, const ProtobufCMessageDescriptor *kind);
FileView source_piece(const Source *source, ProtobufCBinaryData token);

/* ---- tensor.c, sparse.c, external.c: every tensor of a model goes through tensor_load ---- */

typedef struct DataType {
    int32_t number;              /* ONNX's */
    const char *name;
    Type type;                   /* TYPE_UNKNOWN: not supported */
} DataType;

const DataType *data_type(int32_t number);                   /* never NULL */
const DataType *data_type_of(Type type);

/* They complain, with `where`, and return false if the tensor is bad or of an unsupported type. Data lives as long as the graph. */
bool tensor_load(Source *source, const char *where, const TensorProto *proto, TensorFile *tensor);
bool sparse_load(Source *source, const char *where, const SparseTensorProto *proto, TensorFile *tensor);
bool shape_load(Source *source, const char *where, size_t rank, const int64_t *dims, Type type, Shape *shape, size_t *bytes);
/* `needed`: bytes that the shape asks for. */
bool external_load(Source *source, const char *where, const TensorProto *proto, size_t needed, const void **data);

/* ---- dimension.c: sizes of symbolic dimensions ---- */

typedef struct Dimensions {
    NameMap symbols;             /* name -> Symbol of dimension.c */
    struct DimensionSymbol *first, **end;
} Dimensions;

typedef struct Importer Importer;
typedef struct Scope Scope;

/* Gives every symbol in the inputs' shapes a size, or complains. `inputs`: those that are not initialisers. */
void dimensions_resolve(Importer *importer, ValueInfoProto *const *inputs, int count);
/* The size of one dimension; -1 if unknown. `input`: the name of the input it belongs to, or NULL. */
int64_t dimension_size(const Importer *importer, const Onnx__TensorShapeProto__Dimension *dimension, const char *input, int axis);

/* ---- onnx.c ---- */

struct Importer {
    Source source;
    Context *ctx;
    Arena *arena;                /* source.arena */
    Graph *graph;
    const FrontendOptions *options;
    const ModelProto *model;
    Dimensions dimensions;
    NameMap functions;           /* the model's own, by domain, name and overload */
    NameMap taken_values, taken_nodes;   /* names given out or reserved */
    struct Sketch *sketches;     /* by value id */
    int sketch_capacity;
    int nodes;                   /* imported so far, those of function bodies included */
    size_t call_steps;           /* see MOST_CALL_STEPS */
};

/* A scope's initialisers are declared before its nodes. Both are false after complaining that the nodes cannot be imported at all. */
bool import_initializers(Scope *scope, const GraphProto *graph);
bool import_nodes(Scope *scope, NodeProto *const *nodes, size_t count);

/* ---- scope.c: what names mean ---- */

/* What belongs to the model, or to one call of a function: the version of operators, and attributes of the call. */
typedef struct Environment {
    int64_t version;                     /* of ONNX's operators; 0: it does not say */
    const FunctionProto *function;       /* NULL: the model itself */
    const struct Environment *caller;
    const struct Argument *arguments;    /* of the call */
    int argument_count;
    int depth;                           /* of calls */
} Environment;

typedef struct Symbol {
    Value *value;                        /* NULL: not there yet, or an initialiser not used so far */
    const TensorProto *tensor;           /* initialisers */
    const SparseTensorProto *sparse;
    int producer;                        /* number of the node that makes it, or -1 */
    bool absent;                         /* an optional input of a function that the call leaves out */
} Symbol;

struct Scope {
    Importer *importer;
    const Environment *environment;
    Scope *outer;                        /* where names are looked up that are not found here; NULL: nowhere */
    NameMap symbols;                     /* -> Symbol */
    NameMap renames;                     /* outputs of a function or branch -> the name that the value gets in the graph */
    NameMap node_names;                  /* -> number of nodes of that name */
    const char *prefix;                  /* NULL: names are kept as they are */
    bool is_model;                       /* the model's own graph: its names are reserved */
};

void scope_open(Scope *scope, Importer *importer, Scope *outer, const Environment *environment, const char *prefix);
Symbol *scope_add(Scope *scope, const char *name);                          /* NULL if the name is taken */
void scope_complain_twice(Scope *scope, const char *where, const char *name);
void scope_bind(Scope *scope, const char *name, Value *value);              /* a declared output is there */
/* False if there is no such thing; *value is NULL for the empty name and absent optional inputs. Loads initialisers, complaining of bad ones. */
bool scope_read(Scope *scope, const char *name, Value **value);
const char *scope_value_name(Scope *scope, const char *name);               /* its name in the graph; ask once for each value */
const char *scope_node_name(Scope *scope, const NodeProto *proto, const char *output);   /* unique; output: first output's name in the graph */
int64_t onnx_version(OperatorSetIdProto *const *opsets, size_t count, int64_t unsaid);   /* of ONNX's operators, as imported */
bool domain_is_onnx(const char *domain);

/* ---- order.c ---- */

/* Declares the nodes' outputs in the scope; an order of execution, the given one if that is legal. NULL after complaining of a cycle, or of
   two producers of one value. */
int *order_nodes(Scope *scope, NodeProto *const *nodes, int count);

/* ---- argument.c: the attributes of a node, references to those of a function's call resolved ---- */

typedef struct Argument {
    const char *name;
    const AttributeProto *proto;
} Argument;

typedef enum ArgumentKind {              /* ONNX's numbers */
    ARGUMENT_NONE = 0, ARGUMENT_REAL = 1, ARGUMENT_INT = 2, ARGUMENT_WORD = 3, ARGUMENT_TENSOR = 4, ARGUMENT_GRAPH = 5, ARGUMENT_REALS = 6,
    ARGUMENT_INTS = 7, ARGUMENT_WORDS = 8, ARGUMENT_SPARSE_TENSOR = 11
} ArgumentKind;

typedef struct Call Call;

void arguments_resolve(Call *call);
const Argument *argument_find(const Argument *arguments, int count, const char *name);
ArgumentKind argument_kind(const AttributeProto *proto);
const char *argument_kind_text(ArgumentKind kind);
/* Typed attributes for converters; `absent` if it is not there. They complain about another kind. */
int64_t call_int(Call *call, const char *name, int64_t absent);
double call_real(Call *call, const char *name, double absent);
const char *call_word(Call *call, const char *name, const char *absent);
/* The attribute, if it is there and of that kind. NULL otherwise; complains about another kind. */
const AttributeProto *call_attribute(Call *call, const char *name, ArgumentKind kind);

/* ---- node.c: one node on its way into the graph ---- */

struct Call {
    Scope *scope;
    Importer *importer;
    const NodeProto *proto;
    const char *name;                    /* the layer's */
    int64_t version;                     /* of ONNX's operators */
    Argument *arguments;
    int argument_count;
    Value **inputs;                      /* room for at least 8 */
    int input_count;
    const char **output_names;           /* in the graph; NULL where nobody asks */
    Value **outputs;                     /* made by call_output */
    int output_count;
    Op op;
    Attribute *settings;                 /* what the node will carry */
    int setting_count, setting_capacity;
    bool failed;
};

void import_node(Scope *scope, const NodeProto *proto);
/* They complain, and mark the call as failed; the result is false, for `return call_refuse(...)`. */
bool call_refuse(Call *call, const char *hint, const char *format, ...) PRINTF_LIKE(3, 4);   /* tulle cannot do this */
bool call_fault(Call *call, const char *format, ...) PRINTF_LIKE(2, 3);                      /* the model is bad */

const char *call_where(const Call *call);                    /* "node 'conv1' (Conv)" */

void call_set_ints(Call *call, AttributeName name, const int64_t *values, int count);
void call_set_int(Call *call, AttributeName name, int64_t value);
void call_set_reals(Call *call, AttributeName name, const double *values, int count);
void call_set_word(Call *call, AttributeName name, const char *value);

Value *call_output(Call *call, int index);                   /* made when first asked for; NULL if nobody asks for that output */
void call_give(Call *call, int index, Value *value);         /* the output is this value, which has its name */
Node *call_finish(Call *call);                               /* adds the node that `call` describes */
/* What a decomposition adds; names begin with the layer's. */
Value *call_add(Call *call, Op op, const char *tag, Value *const *inputs, int input_count);            /* a node; its output */
void call_add_to(Call *call, Op op, const char *tag, Value *const *inputs, int input_count, Value *output);
Value *call_constant(Call *call, const char *tag, Type type, const Shape *shape, const void *data);    /* data copied */
Value *call_number(Call *call, const char *tag, Value *like, double number);                           /* one element of `like`'s type */

/* ---- settings.c: attributes by the words of the operator's row ---- */

/* Reads the row's text (onnx_ops.c explains it), checks the call's attributes against it, and fills call->settings. */
void settings_read(Call *call, const char *text);

/* ---- onnx_ops.c: the operators ---- */

typedef struct OperatorRow {
    const char *name;
    int since;                           /* first version that it describes; it ends where the next row of that name begins */
    Op op;
    int fewest, most;                    /* inputs; most -1: any */
    const char *attributes;
    bool (*convert)(Call *call);         /* may change what `call` holds; false: it has added the nodes itself, or complained */
} OperatorRow;

extern const OperatorRow operator_rows[];
extern const int operator_row_count;
/* The row in force at a version; NULL if there is none, then *since is the first version that has the operator, 0 if none. */
const OperatorRow *operator_find(const char *name, int64_t version, int *since);

/* ---- convert.c, constant.c: old forms become ours ---- */

bool convert_broadcast(Call *call);
bool convert_prelu(Call *call);
bool convert_variadic(Call *call);
bool convert_clip(Call *call);
bool convert_cast(Call *call);
bool convert_constant(Call *call);
bool convert_constant_of_shape(Call *call);
bool convert_dropout(Call *call);
bool convert_dropout_mask(Call *call);
bool convert_batch_normalization(Call *call);
bool convert_layer_normalization(Call *call);
bool convert_pad(Call *call);
bool convert_split(Call *call);
bool convert_resize(Call *call);
bool convert_resize_scales(Call *call);
bool convert_upsample(Call *call);
bool convert_bit_shift(Call *call);
bool convert_mod(Call *call);
bool convert_gelu(Call *call);
bool convert_quantize(Call *call);
bool convert_withdrawn(Call *call);

/* ---- function.c, branch.c: nodes that become other nodes ---- */

void functions_index(Importer *importer);
const FunctionProto *function_find(const Importer *importer, const NodeProto *proto);
void import_function(Call *call, const FunctionProto *function);
void call_steps(const Call *call, size_t steps);             /* counts them, and ends the command when they are too many */
void import_branch(Call *call);                              /* If */
/* Before a body is imported: values that are its outputs get the names that the call's outputs have, and the call's own name is free for a layer
   within. After: those values become the outputs. */
void body_rename_outputs(const Call *call, Scope *body, const char *const *names, size_t count);
void body_take_outputs(Call *call, Scope *body, const char *const *names, size_t count);

/* ---- sketch.c: what little the frontend must know of values before inference ---- */

typedef struct Sketch {
    Type type;                           /* TYPE_UNKNOWN: not known */
    int rank;                            /* -1: not known */
} Sketch;

Sketch sketch_of(const Importer *importer, const Value *value);
void sketch_node(Importer *importer, const Node *node);      /* sets the sketches of its outputs */
/* The value of something with one element that only constants and declared shapes determine. */
bool sketch_scalar(const Value *value, double *number);

#endif
