/* Gemm and MatMul: one text of strided products in a batch. */
#include "internal.h"

extern const char reference_text_product[];
#include "text/prelude.h"

#define EACH EACH_REAL | EACH_SIGNED | EACH_UNSIGNED
#define NAME JOIN(ref_product_, SUFFIX)
#define TEXT "text/product.h"
#include "each.h"
#define EACH EACH_REAL
#define NAME JOIN(magnitude_product_, SUFFIX)
#define LOAD(v) __builtin_fabs((double)(v))
#define U double
#define TEXT "text/product.h"
#include "each.h"

static const Template product = {"ref_product", reference_text_product, {RUNS_NUMBER(ref_product)}};
const MagnitudeRuns magnitude_product = {magnitude_product_f32, magnitude_product_f64};

static const char *refuses(const Node *node)
{
    return template_refuses(&product, node->inputs[0]->type);
}

static void gemm_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *y = build_result(builder);
    const int64_t *a = node->inputs[0]->shape.dims, *b = node->inputs[1]->shape.dims;
    bool a_turned = node_int(node, ATTR_transA, 0) != 0, b_turned = node_int(node, ATTR_transB, 0) != 0;
    int64_t c_strides[MAX_RANK] = {0};
    instance_of(builder, &product, node->inputs[0]->type);
    build_ints(builder, "rows, columns", y->dims, 2);
    build_int(builder, "depth", a[a_turned ? 0 : 1]);
    build_ints(builder, "strides of a", (int64_t[]){a_turned ? 1 : a[1], a_turned ? a[1] : 1}, 2);
    build_ints(builder, "strides of b", (int64_t[]){b_turned ? 1 : b[1], b_turned ? b[1] : 1}, 2);
    if (build_input(builder, 2))
        box_broadcast(&build_input(builder, 2)->shape, y, c_strides);
    build_ints(builder, "strides of c", c_strides, 2);
    build_int(builder, "axes of the batch", 0);
    build_real(builder, "alpha", node_real(node, ATTR_alpha, 1));
    build_real(builder, "beta", node_real(node, ATTR_beta, 1));
    build_elements(builder, false);
}

/* The shape without the axes of the matrix. */
static Shape batch_of(const Shape *shape)
{
    Shape batch = *shape;
    batch.rank = shape->rank > 2 ? shape->rank - 2 : 0;
    return batch;
}

/* A stride of a batch counts matrices: made to count elements. */
static void batch_box(Box *box, const Shape *a, const Shape *b, const Shape *y, int64_t a_size, int64_t b_size)
{
    int64_t a_strides[MAX_RANK], b_strides[MAX_RANK];
    box_broadcast(a, y, a_strides);
    box_broadcast(b, y, b_strides);
    for (int i = 0; i < y->rank; i++)
        box_axis(box, y->dims[i], a_strides[i] * a_size, b_strides[i] * b_size, 0);
    box_merge(box);
}

/* A vector takes part as a matrix of one row or column, which is not in the result. */
static void matmul_build(Builder *builder)
{
    const Node *node = builder->node;
    const Shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape, *y = build_result(builder);
    int64_t rows = a->rank > 1 ? a->dims[a->rank - 2] : 1, depth = a->dims[a->rank - 1], columns = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    Shape a_batch = batch_of(a), b_batch = batch_of(b), y_batch = *y;
    Box box = {0};
    y_batch.rank -= (a->rank > 1) + (b->rank > 1);
    batch_box(&box, &a_batch, &b_batch, &y_batch, rows * depth, depth * columns);
    instance_of(builder, &product, node->inputs[0]->type);
    build_ints(builder, "rows, columns", (int64_t[]){rows, columns}, 2);
    build_int(builder, "depth", depth);
    build_ints(builder, "strides of a", (int64_t[]){depth, 1}, 2);
    build_ints(builder, "strides of b", (int64_t[]){columns, 1}, 2);
    build_ints(builder, "strides of c", (int64_t[]){0, 0}, 2);
    build_int(builder, "axes of the batch", box.rank);
    build_box(builder, &box, (const char *const[]){"strides in a", "strides in b", NULL});
    build_real(builder, "alpha", 1);
    build_real(builder, "beta", 1);
    build_elements(builder, false);
}

const Family family_gemm = {refuses, gemm_build};
const Family family_matmul = {refuses, matmul_build};
