/* What the files of reference/ share: templates (a text and its instances), building calls, the families of operators. */
#ifndef TULLE_REFERENCE_INTERNAL_H
#define TULLE_REFERENCE_INTERNAL_H

#include "compiler/reference/macros.h"
#include "compiler/reference/reference.h"

typedef struct Builder Builder;

/* ---- template.c: a text and the types it is instantiated for ---- */

/* Types that each.h instantiates a text for; macros, since the preprocessor asks. */
#define EACH_REAL 1
#define EACH_UNSIGNED_32 2               /* of up to 32 bits */
#define EACH_SIGNED_32 4
#define EACH_U64 8
#define EACH_I64 16
#define EACH_BOOL 32
#define EACH_HALF 64
#define EACH_UNSIGNED (EACH_UNSIGNED_32 | EACH_U64)
#define EACH_SIGNED (EACH_SIGNED_32 | EACH_I64)

/* Tables of instances, by type. */
#define RUNS_REAL(stem) [TYPE_F32] = stem##_f32, [TYPE_F64] = stem##_f64
#define RUNS_UNSIGNED(stem) [TYPE_U8] = stem##_u8, [TYPE_U16] = stem##_u16, [TYPE_U32] = stem##_u32, [TYPE_U64] = stem##_u64
#define RUNS_SIGNED(stem) [TYPE_I8] = stem##_i8, [TYPE_I16] = stem##_i16, [TYPE_I32] = stem##_i32, [TYPE_I64] = stem##_i64
#define RUNS_NUMBER(stem) RUNS_REAL(stem), RUNS_UNSIGNED(stem), RUNS_SIGNED(stem)

typedef struct Template {
    const char *stem;                    /* "ref_conv": its functions are ref_conv_f32 ... */
    const char *text;
    ReferenceFunction *runs[TYPE_COUNT]; /* NULL: not for this type */
} Template;

/* Takes the template's instance for a type. Every macro of the type that the text uses is set; what else it uses, the builder defines first. */
void instance_of(Builder *builder, const Template *template, Type type);
void instance_named(Builder *builder, const char *name, const char *text, ReferenceFunction *run);   /* an instance of another making */
void instance_define(Builder *builder, const char *name, const char *value);
void instance_define_typed(Builder *builder, Type type);          /* the macros of the type that text and defines so far use */
const char *template_macro(Type type, const char *name);              /* "W": "double"; NULL if there is none */
bool template_mentions(const char *text, const char *word);                /* as a word of its own */
Type template_size(Type type);            /* the unsigned type of as many bytes: all that moving elements needs to know */

/* ---- build.c: building a call ---- */

#define MOST_DEFINES 16
#define MOST_AXES 16                     /* REF_RANK of the prelude */
#define MOST_INTS 128
#define MOST_REALS 64

struct Builder {
    Arena *arena;
    const Node *node;
    int part;
    const char *name, *text;
    ReferenceFunction *run;
    ReferenceDefine defines[MOST_DEFINES];
    int define_count;
    int64_t p[MOST_INTS];
    const char *p_names[MOST_INTS];
    int p_count;
    double r[MOST_REALS];
    const char *r_names[MOST_REALS];
    int r_count;
    int64_t items;
    bool contiguous, in_place;
};

void build_int(Builder *builder, const char *name, int64_t value);
void build_ints(Builder *builder, const char *name, const int64_t *values, int count);
void build_real(Builder *builder, const char *name, double value);
void build_elements(Builder *builder, bool in_place);             /* items are the elements of output 0 */
const Value *build_input(const Builder *builder, int index);      /* NULL if absent */
const Shape *build_result(const Builder *builder);                /* of the first output that is there */
int64_t build_product(const int64_t *values, int count);
int64_t build_inner(const Shape *shape, int axis);                   /* elements behind an axis */

/* A box of items whose operands are walked by strides. */
#define MOST_OPERANDS 3
typedef struct Box {
    int rank;
    int64_t dims[MOST_AXES];
    int64_t strides[MOST_OPERANDS][MOST_AXES];
} Box;

void box_axis(Box *box, int64_t size, int64_t stride_0, int64_t stride_1, int64_t stride_2);
void box_merge(Box *box);                /* drops axes of one element, joins those that are walked as one; at least one axis remains */
void box_broadcast(const Shape *from, const Shape *to, int64_t *strides);    /* 0 where `from` is repeated */
void build_box(Builder *builder, const Box *box, const char *const *stride_names);   /* sizes, then the strides of each operand that has a name */

/* ---- the families of operators, which the table in call.c points to ---- */

typedef struct Family {
    const char *(*refuses)(const Node *node);    /* why not; NULL if it can. NULL itself: never refuses */
    void (*build)(Builder *builder);
} Family;

const char *template_refuses(const Template *template, Type type);    /* "f16 arithmetic", or NULL */

extern const Family family_elementwise, family_clip;                                                          /* elementwise.c */
extern const Family family_cast;                                                                              /* cast.c */
extern const Family family_conv, family_conv_transpose;                                                       /* convolution.c */
extern const Family family_gemm, family_matmul;                                                               /* product.c */
extern const Family family_max_pool, family_average_pool, family_global_max_pool, family_global_average_pool; /* pool.c */
extern const Family family_batch_normalization, family_lrn, family_instance_normalization;                    /* normalization.c */
extern const Family family_layer_normalization, family_softmax, family_log_softmax;
extern const Family family_same_bytes, family_concat, family_split, family_slice, family_transpose;           /* copy.c */
extern const Family family_expand, family_tile, family_depth_to_space, family_space_to_depth;
extern const Family family_where, family_gather, family_pad;                                                  /* move.c */
extern const Family family_resize;                                                                            /* resize.c */
extern const Family family_reduce, family_arg_max, family_arg_min;                                            /* reduce.c */
extern const Family family_quantize, family_dequantize;                                                       /* quantize.c */

/* ---- cast.c ---- */

uint64_t cast_bits(double value, Type type);                   /* a number as an element of a type */

/* ---- run.c ---- */

const void *reference_aligned(const Value *value, const void *data, Arena *arena);   /* itself, or a copy where elements can be loaded */

/* ---- convolution.c, product.c: the same operators with other loads, for bounds ---- */

typedef struct MagnitudeRuns { ReferenceFunction *f32, *f64; } MagnitudeRuns;   /* sums of absolute products, as doubles */
extern const MagnitudeRuns magnitude_conv, magnitude_conv_transpose, magnitude_product;

#endif
