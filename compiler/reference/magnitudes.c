/* The size of rounding errors: for each result of a convolution or product, the sum of |w||x| and how many of its terms are not zero. */
#include "internal.h"

#include <math.h>

static bool is_zero(const void *data, Type type, int64_t index)
{
    return type == TYPE_F64 ? ((const double *)data)[index] == 0 : ((const float *)data)[index] == 0;
}

/* Weights that are not zero among `count`, the first at `first`, others `step` apart. */
static int64_t count_terms(const void *weights, Type type, int64_t first, int64_t step, int64_t count)
{
    int64_t terms = 0;
    for (int64_t i = 0; i < count; i++)
        terms += !is_zero(weights, type, first + i * step);
    return terms;
}

/* Terms of each filter; one more for the bias. */
static void conv_terms(const Node *node, const void *weights, int64_t *terms)
{
    const Shape *w = &node->inputs[1]->shape, *y = &node->outputs[0]->shape;
    int64_t filters = y->dims[1], plane = build_inner(y, 1), taps = build_inner(w, 1), group = node_int(node, ATTR_group, 1);
    for (int64_t filter = 0; filter < filters; filter++) {
        int64_t count = 1;
        if (node->op == OP_Conv)
            count += count_terms(weights, node->inputs[1]->type, filter * build_inner(w, 0), 1, build_inner(w, 0));
        else
            for (int64_t channel = 0; channel < w->dims[0] / group; channel++) {
                int64_t row = filter / w->dims[1] * (w->dims[0] / group) + channel;
                count += count_terms(weights, node->inputs[1]->type, (row * w->dims[1] + filter % w->dims[1]) * taps, 1, taps);
            }
        for (int64_t image = 0; image < y->dims[0]; image++)
            for (int64_t i = 0; i < plane; i++)
                terms[(image * filters + filter) * plane + i] = count;
    }
}

/* Terms of each column of b, where all products share b; p is laid out as reference/text/product.h says. */
static void product_terms(const Node *node, const int64_t *p, const void *b, int64_t *terms)
{
    int64_t columns = p[1], depth = p[2], count = shape_count(&node->outputs[0]->shape);
    bool shared = node->inputs[1]->shape.rank <= 2;
    for (int64_t column = 0; column < columns; column++) {
        int64_t own = 1 + (shared ? count_terms(b, node->inputs[1]->type, column * p[6], p[5], depth) : depth);
        for (int64_t i = column; i < count; i += columns)
            terms[i] = own;
    }
}

static const MagnitudeRuns *runs_of(Op op)
{
    switch (op) {
    case OP_Conv: return &magnitude_conv;
    case OP_ConvTranspose: return &magnitude_conv_transpose;
    case OP_Gemm: case OP_MatMul: return &magnitude_product;
    default: return NULL;
    }
}

bool reference_magnitudes(const Graph *graph, const Node *node, const void *const *inputs, double *sums, int64_t *terms, Arena *arena)
{
    const MagnitudeRuns *runs = runs_of(node->op);
    Type type = node->inputs[0]->type;
    const void *in[3] = {NULL};
    void *out = sums;
    ReferenceCall call;
    if (!runs || (type != TYPE_F32 && type != TYPE_F64))
        return false;
    reference_call(graph, node, 0, arena, &call);
    for (int i = 0; i < 3 && i < node->input_count; i++)
        in[i] = node->inputs[i] ? reference_aligned(node->inputs[i], inputs[i], arena) : NULL;
    const double scales[2] = {fabs(call.r[0]), fabs(call.r[1])};    /* alpha and beta of products, unused by convolutions */
    (type == TYPE_F64 ? runs->f64 : runs->f32)(call.p, scales, in, &out, 0, call.items);
    if (node->op == OP_Conv || node->op == OP_ConvTranspose)
        conv_terms(node, in[1], terms);
    else
        product_terms(node, call.p, in[1], terms);
    return true;
}
