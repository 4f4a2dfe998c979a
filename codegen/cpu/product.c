/* Gemm, MatMul and whole-input convolutions in one form. */
#include "codegen/cpu/product.h"

static bool moderate(const Product *product)
{
    return product->m > 0 && product->n > 0 && product->k > 0 && product->m < 1 << 30 && product->n < 1 << 30 && product->k < 1 << 30;
}

static bool gemm_of(const Node *node, Product *product)
{
    const Shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape, *y = &node->outputs[0]->shape;
    if (a->rank != 2 || b->rank != 2)
        return false;
    const bool turn_a = node_int(node, ATTR_transA, 0) != 0, turn_b = node_int(node, ATTR_transB, 0) != 0;
    product->m = y->dims[0];
    product->n = y->dims[1];
    product->k = a->dims[turn_a ? 0 : 1];
    product->a_row = turn_a ? 1 : product->k;
    product->a_column = turn_a ? product->m : 1;
    product->b_row = turn_b ? 1 : product->n;
    product->b_column = turn_b ? product->k : 1;
    product->alpha = (float)node_real(node, ATTR_alpha, 1);
    product->beta = (float)node_real(node, ATTR_beta, 1);
    product->c = node->input_count > 2 ? node->inputs[2] : NULL;
    if (product->c) {
        const Shape *c = &product->c->shape;
        const int64_t columns = c->rank > 0 ? c->dims[c->rank - 1] : 1, rows = c->rank > 1 ? c->dims[c->rank - 2] : 1;
        product->c_column = columns == 1 ? 0 : 1;
        product->c_row = rows == 1 ? 0 : columns;
    }
    return true;
}

/* Steps through an operand's matrices for each batch axis of the output. */
static int64_t batch_steps(const Shape *shape, int rank, int64_t *steps)
{
    int64_t matrices = 1;
    const int own = shape->rank > 2 ? shape->rank - 2 : 0;
    for (int i = rank - 1; i >= 0; i--) {
        const int axis = i - (rank - own);
        const int64_t size = axis >= 0 ? shape->dims[axis] : 1;
        steps[i] = size == 1 ? 0 : matrices;
        matrices *= size;
    }
    return matrices;
}

/* All of a's matrices, one below the other, times one b. */
static void merge_batch(Product *product)
{
    if (product->b_batch != 1 || product->a_batch != product->batch || product->m * product->batch >= 1 << 30)
        return;
    product->m *= product->batch;
    product->batch = product->a_batch = 1;
    product->batch_rank = 0;
}

static bool matmul_of(const Node *node, Product *product)
{
    const Shape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape, *y = &node->outputs[0]->shape;
    if (a->rank < 1 || b->rank < 1)
        return false;
    product->k = a->dims[a->rank - 1];
    product->m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    product->n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    product->a_row = product->k;
    product->b_row = product->n;
    product->a_column = product->b_column = 1;
    const int matrix_axes = (a->rank > 1) + (b->rank > 1);
    product->batch_rank = y->rank - matrix_axes;
    for (int i = 0; i < product->batch_rank; i++) {
        product->batch_dims[i] = y->dims[i];
        product->batch *= y->dims[i];
    }
    product->a_batch = batch_steps(a, product->batch_rank, product->a_step);
    product->b_batch = batch_steps(b, product->batch_rank, product->b_step);
    merge_batch(product);
    return true;
}

/* A window as large as its input gives one output: images are rows, weights [outputs][channels * taps] are b, turned. */
static bool conv_of(const Node *node, Product *product)
{
    const Shape *x = &node->inputs[0]->shape, *w = &node->inputs[1]->shape, *y = &node->outputs[0]->shape;
    int count = 0;
    const int64_t *pads = node_ints(node, ATTR_pads, &count), *dilations = node_ints(node, ATTR_dilations, &count);
    if (node_int(node, ATTR_group, 1) != 1)
        return false;
    product->k = w->dims[1];
    for (int i = 2; i < x->rank; i++) {
        const int axes = x->rank - 2;
        const bool padded = pads && (pads[i - 2] != 0 || pads[i - 2 + axes] != 0);
        if (padded || y->dims[i] != 1 || w->dims[i] != x->dims[i] || (dilations && dilations[i - 2] != 1 && w->dims[i] != 1))
            return false;
        product->k *= x->dims[i];
    }
    product->m = x->dims[0];
    product->n = w->dims[0];
    product->a_row = product->k;
    product->a_column = 1;
    product->b_row = 1;
    product->b_column = product->k;
    product->c = node->input_count > 2 ? node->inputs[2] : NULL;
    product->c_column = product->n == 1 ? 0 : 1;
    return true;
}

bool product_of(const Node *node, Product *product)
{
    *product = (Product){.batch = 1, .a_batch = 1, .b_batch = 1, .alpha = 1, .beta = 1};
    const bool known = node->op == OP_Gemm   ? gemm_of(node, product)
                       : node->op == OP_MatMul ? matmul_of(node, product)
                       : node->op == OP_Conv   ? conv_of(node, product)
                                               : false;
    return known && moderate(product);
}

const char *product_matrix(Arena *arena, const Product *product, const int64_t *steps, const char *index)
{
    Text text = text_new(arena);
    int64_t inner = 1;
    for (int i = product->batch_rank - 1; i >= 0; i--) {
        if (steps[i] != 0) {
            text_format(&text, "%s%s", text.length ? " + " : "", index);
            if (inner > 1)
                text_format(&text, " / %lld", (long long)inner);
            text_format(&text, " %% %lld * %lld", (long long)product->batch_dims[i], (long long)steps[i]);
        }
        inner *= product->batch_dims[i];
    }
    return text.length ? text.data : "0";
}

bool product_plain_bias(const Product *product)
{
    return product->c == NULL || (value_constant(product->c) && product->c_row == 0);
}

const float *product_bias(const Product *product, int64_t multiple, Arena *arena)
{
    float *bias = arena_array(arena, float, (product->n + multiple - 1) / multiple * multiple);
    for (int64_t j = 0; j < product->n && product->c && product_plain_bias(product); j++)
        bias[j] = product->beta * read_float(product->c->data, j * product->c_column);
    return bias;
}
