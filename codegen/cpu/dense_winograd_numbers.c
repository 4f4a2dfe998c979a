/* Winograd's matrices, the weights as they are multiplied, and the bound of the error.

   With the points 0, +-p, +-q and infinity, M(x) = x (x^2 - p^2) (x^2 - q^2): a row of B' holds the coefficients of M without the point's own
   factor (of M itself for infinity), a row of G is (1, a, a^2) over the product of a's differences from the other finite points, a column of A' the
   powers of a. p = 5/8 and q = 3/2 are exact, and so are all numbers that follow for B' and A'; docs/model.md has what other points lose. */
#include "codegen/cpu/dense_winograd.h"

#include <math.h>

const double *winograd_points(int side)
{
    static const double two[] = {1}, four[] = {0.625, 1.5};
    return side == 2 ? two : four;
}

typedef struct Matrices {
    int side, reach;
    double input[MOST_REACH][MOST_REACH];    /* B' */
    double weight[MOST_REACH][3];            /* G */
    double output[MOST_SIDE][MOST_REACH];    /* A' */
} Matrices;

/* Times x - root. */
static void multiply_root(double *polynomial, int degree, double root)
{
    for (int i = degree + 1; i >= 0; i--)
        polynomial[i] = (i > 0 ? polynomial[i - 1] : 0) - (i <= degree ? root * polynomial[i] : 0);
}

static void matrices_of(int side, Matrices *matrices)
{
    const double *pairs = winograd_points(side);
    const int reach = side + 2, finite = reach - 1;
    double points[MOST_REACH] = {0};
    for (int i = 1; i < finite; i++)
        points[i] = i % 2 == 1 ? pairs[(i - 1) / 2] : -pairs[(i - 1) / 2];
    *matrices = (Matrices){.side = side, .reach = reach};
    for (int i = 0; i < reach; i++) {
        double *polynomial = matrices->input[i], scale = 1;
        int degree = 0;
        polynomial[0] = 1;
        for (int j = 0; j < finite; j++)
            if (j != i) {
                multiply_root(polynomial, degree++, points[j]);
                scale *= i < finite ? points[i] - points[j] : 1;
            }
        for (int power = 0; power < 3; power++)
            matrices->weight[i][power] = i == finite ? power == 2 : pow(points[i], power) / scale;
        for (int power = 0; power < side; power++)
            matrices->output[power][i] = i == finite ? power == side - 1 : pow(points[i], power);
    }
}

/* G w G' of one filter. */
static void transform_filter(const Matrices *matrices, const void *filter, double to[MOST_REACH][MOST_REACH])
{
    double half[MOST_REACH][3] = {{0}};
    for (int i = 0; i < matrices->reach; i++)
        for (int s = 0; s < 3; s++)
            for (int r = 0; r < 3; r++)
                half[i][s] += matrices->weight[i][r] * (double)read_float(filter, 3 * r + s);
    for (int i = 0; i < matrices->reach; i++)
        for (int j = 0; j < matrices->reach; j++) {
            to[i][j] = 0;
            for (int s = 0; s < 3; s++)
                to[i][j] += half[i][s] * matrices->weight[j][s];
        }
}

static const void *filter_at(const Node *node, int64_t number)
{
    return (const char *)node->inputs[1]->data + (size_t)number * 9 * sizeof(float);
}

/* ---- packing: weights [group][block of outputs][element][channel][output], biases [group][block][output] ---- */

int64_t winograd_weight_floats(const Winograd *winograd)
{
    return winograd->window.group * winograd->output_blocks * winograd->width * winograd->channels * winograd->elements;
}

static void pack_output(const Winograd *winograd, const Matrices *matrices, const Node *node, int64_t output, float *weights)
{
    const int64_t group = output / winograd->outputs, within = output % winograd->outputs, block = within / winograd->width;
    const int64_t step = winograd->channels * winograd->width;
    float *to = weights + (group * winograd->output_blocks + block) * winograd->elements * step + within % winograd->width;
    for (int64_t c = 0; c < winograd->channels; c++, to += winograd->width) {
        double products[MOST_REACH][MOST_REACH];
        transform_filter(matrices, filter_at(node, output * winograd->channels + c), products);
        for (int i = 0; i < winograd->elements; i++)
            to[i * step] = (float)products[i / winograd->reach][i % winograd->reach];
    }
}

void winograd_pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Winograd winograd;
    Matrices matrices;
    winograd_of(problem, tiling, &winograd);
    matrices_of(winograd.side, &matrices);
    const Node *node = problem->node;
    const Value *bias = node->input_count > 2 ? node->inputs[2] : NULL;
    const int64_t count = winograd_weight_floats(&winograd), padded = winograd.output_blocks * winograd.width;
    float *weights = arena_array(packed->arena, float, count), *biases = arena_array(packed->arena, float, winograd.window.group * padded);
    for (int64_t k = 0; k < winograd.window.outputs; k++) {
        pack_output(&winograd, &matrices, node, k, weights);
        if (bias)
            biases[k / winograd.outputs * padded + k % winograd.outputs] = read_float(bias->data, k);
    }
    packed_add(packed, "float", weights, (size_t)count * sizeof(float));
    packed_add(packed, "float", biases, (size_t)(winograd.window.group * padded) * sizeof(float));
    epilogue_pack(problem, packed);
}

/* ---- the bound ----
   |error| <= 2^-23 (terms + 8) S, as of all sums, with another S. Of a tile whose largest input of channel c is d_c, element (a, b) of the
   transformed input is at most n_a n_b d_c, n the sums of the rows of |B'|. Where products and sums round apart, that input is off by at most 8
   roundings, four in a row each axis; the weight by one; the sum over C channels adds C + 1; the second transform four each axis, and the bias one:
   C + 19 roundings of S = |bias| + sum over (a, b) of |A'_ia| |A'_jb| sum over c of |U_cab| n_a n_b d_c, and a rounding is 2^-24. So `terms` is
   C + 2. */

static void magnitude_of_filter(const Matrices *matrices, const void *filter, double to[MOST_SIDE][MOST_SIDE])
{
    double products[MOST_REACH][MOST_REACH], norms[MOST_REACH] = {0};
    transform_filter(matrices, filter, products);
    for (int i = 0; i < matrices->reach; i++)
        for (int j = 0; j < matrices->reach; j++)
            norms[i] += fabs(matrices->input[i][j]);
    for (int i = 0; i < matrices->side; i++)
        for (int j = 0; j < matrices->side; j++) {
            to[i][j] = 0;
            for (int a = 0; a < matrices->reach; a++)
                for (int b = 0; b < matrices->reach; b++)
                    to[i][j] += fabs(matrices->output[i][a] * matrices->output[j][b] * products[a][b]) * norms[a] * norms[b];
        }
}

/* The largest finite input of each tile. */
static void largest_inputs(const Winograd *winograd, const float *plane, double *largest)
{
    const Window *window = &winograd->window;
    for (int64_t t = 0; t < winograd->tall * winograd->wide; t++) {
        largest[t] = 0;
        for (int i = 0; i < winograd->reach * winograd->reach; i++) {
            const int64_t row = t / winograd->wide * winograd->side + i / winograd->reach - window->pad_top;
            const int64_t column = t % winograd->wide * winograd->side + i % winograd->reach - window->pad_left;
            if (row >= 0 && row < window->height && column >= 0 && column < window->width)
                largest[t] = fmax(largest[t], fabs((double)plane[row * window->width + column]));
        }
    }
}

/* Adds what one filter contributes to a plane of outputs. */
static void add_magnitudes(const Winograd *winograd, double magnitudes[MOST_SIDE][MOST_SIDE], const double *largest, double *sums)
{
    const int64_t width = winograd->window.out_width;
    for (int64_t p = 0; p < winograd->window.out_height; p++)
        for (int64_t q = 0; q < width; q++)
            sums[p * width + q] += magnitudes[p % winograd->side][q % winograd->side] *
                                   largest[p / winograd->side * winograd->wide + q / winograd->side];
}

void winograd_magnitudes(const Problem *problem, const Tiling *tiling, const void *const *inputs, double *sums, int64_t *terms, Arena *arena)
{
    Winograd winograd;
    Matrices matrices;
    winograd_of(problem, tiling, &winograd);
    matrices_of(winograd.side, &matrices);
    const Window *window = &winograd.window;
    const Node *node = problem->node;
    const int64_t plane = window->height * window->width, results = window->out_height * window->out_width, tiles = winograd.tall * winograd.wide;
    double *largest = arena_array(arena, double, window->channels * tiles + 1);
    for (int64_t n = 0; n < window->batch; n++) {
        for (int64_t c = 0; c < window->channels; c++)
            largest_inputs(&winograd, (const float *)inputs[0] + (n * window->channels + c) * plane, largest + c * tiles);
        for (int64_t k = 0; k < window->outputs; k++) {
            double *to = sums + (n * window->outputs + k) * results, magnitudes[MOST_SIDE][MOST_SIDE];
            for (int64_t i = 0; i < results; i++) {
                to[i] = node->input_count > 2 && node->inputs[2] ? fabs((double)read_float(node->inputs[2]->data, k)) : 0;
                terms[(n * window->outputs + k) * results + i] = winograd.channels + 2;
            }
            for (int64_t c = 0; c < winograd.channels; c++) {
                magnitude_of_filter(&matrices, filter_at(node, k * winograd.channels + c), magnitudes);
                add_magnitudes(&winograd, magnitudes, largest + (k / winograd.outputs * winograd.channels + c) * tiles, to);
            }
        }
    }
}
