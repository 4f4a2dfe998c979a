/* Matrix products whose second matrix is constant, zeros left out. With one row of input, or few, an output's nonzeros are lanes
   (sparse_fc_gather.c); with more, rows are: the input is transposed first, and finished tiles are transposed back. An item is then as many outputs
   as a vector has lanes. An infinity or NaN of the input reaches the outputs through nonzeros only. */
#include "codegen/cpu/sparse_fc.h"

#include <math.h>

#define TRANSPOSE_ROWS 16            /* of the transposed input, an item of the first stage */

typedef struct SparseProduct {
    Product product;
    int lanes, size, ways;           /* vectors of a tile of rows; sums of each */
    int64_t blocks, tiles, pitch;    /* of outputs; of rows; rows in whole tiles */
    int64_t largest;                 /* offset */
} SparseProduct;

static bool gathers(const Tiling *tiling)
{
    return tiling->size[0] == 0;
}

static void sparse_of(const Problem *problem, const Tiling *tiling, SparseProduct *sparse)
{
    product_of(problem->node, &sparse->product);
    const Product *product = &sparse->product;
    sparse->lanes = problem_lanes(problem);
    sparse->size = tiling->size[0];
    sparse->ways = sum_ways(sparse->size);
    sparse->blocks = divide_up(product->n, sparse->lanes);
    sparse->tiles = divide_up(product->m, (int64_t)sparse->size * sparse->lanes);
    sparse->pitch = sparse->tiles * sparse->size * sparse->lanes;
    sparse->largest = (product->k - 1) * sparse->pitch;
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Product product;
    if (!problem_vector(problem) || !product_of(node, &product) || !value_constant(node->inputs[1]) || !problem->pattern)
        return false;
    if (!product_plain_bias(&product) || product.batch != 1 || product.b_batch != 1 || value_constant(node->inputs[0]))
        return false;
    /* offsets are 32 bits */
    return problem->pattern->nonzeros < INT32_MAX && (double)product.k * (double)(product.m + 1024) < INT32_MAX;
}

/* Rows of input in vectors: enough of them for few tiles, and few that stay empty. */
static int tilings(const Problem *problem, Tiling *list, int most)
{
    Product product;
    product_of(problem->node, &product);
    int count = gather_tilings(problem, list, most), sizes[MOST_SIZES];
    const Planes rows = {.positions = product.m};
    if (count > 0 && product.m == 1)
        return count;
    for (int i = tiles_sizes(&rows, problem_lanes(problem), problem->target->isa.registers == 32 ? 24 : 12, sizes); i > 0 && count < most; i--)
        list[count++] = (Tiling){.size = {sizes[i - 1]}};
    return count;
}

/* ---- what it costs ---- */

/* The nonzeros of outputs, as the loops over them meet them. */
typedef struct Rows {
    double rounds, rest;             /* runs of the loop over `ways` nonzeros; nonzeros left over for the other */
    double largest;                  /* nonzeros of the outputs of one item, at most */
} Rows;

static Rows rows_of(const Problem *problem, const SparseProduct *sparse)
{
    const Pattern *pattern = problem->pattern;
    Rows rows = {0, 0, 0};
    double item = 0;
    for (int64_t n = 0; n < sparse->product.n; n++) {
        const int32_t count = pattern->row_nonzeros[n];
        rows.rounds += count / sparse->ways;
        rows.rest += count % sparse->ways;
        item = n % sparse->lanes == 0 ? count : item + count;
        rows.largest = fmax(rows.largest, item);
    }
    return rows;
}

static double table_bytes(const Problem *problem, const SparseProduct *sparse)
{
    return (double)(problem->pattern->nonzeros + 1) * (sparse->largest <= UINT16_MAX ? 2 : 4) + 4.0 * (double)(sparse->product.n + 1);
}

static double value_bytes(const Problem *problem, const SparseProduct *sparse)
{
    return 4.0 * (double)(problem->pattern->nonzeros + 1 + sparse->product.n);
}

/* Vectors of outputs, whole or in part. */
static void meter_puts(Meter *meter, const Problem *problem, const SparseProduct *sparse)
{
    const double runs = meter->runs;
    const int rest = (int)(sparse->product.n % sparse->lanes);
    meter->runs = runs * (double)(sparse->product.n / sparse->lanes);
    meter_load(meter, 1, 0);
    meter_put(meter, problem, 1, 0);
    meter_other(meter, 6);
    if (rest > 0) {
        meter->runs = runs;
        meter_load(meter, 1, 0);
        meter_put(meter, problem, 1, rest);
    }
    meter->runs = runs;
}

static void transpose_work(const Problem *problem, const SparseProduct *sparse, Work *work)
{
    const double m = (double)sparse->product.m, k = (double)sparse->product.k, groups = ceil(k / TRANSPOSE_ROWS), pitch = (double)sparse->pitch;
    Meter meter = meter_begin(problem, work);
    meter.runs = groups;
    meter_other(&meter, 30);
    meter.runs = groups * m;
    meter_other(&meter, 8);
    meter_loop(&meter, m * k);
    meter_scalar_load(&meter, 1);
    meter_store(&meter, 1);
    meter_other(&meter, 4);
    meter_hot(&meter);
    meter.runs = pitch > m ? k : 0;
    meter_other(&meter, 20);
    meter.runs = k * (pitch - m) / sparse->lanes;
    meter_store(&meter, 1);
    meter_end(&meter);
    meter.stage->vector_bytes = sizeof(float);
    stage_touch(meter.stage, TOUCH_INPUT, 4 * m * k);
    stage_touch(meter.stage, TOUCH_OUTPUT, 4 * k * pitch);
    /* a line of the turned input is written by as many rows as it has elements, its neighbours in between */
    stage_touch_again(meter.stage, 4 * k * m * (double)(sparse->lanes - 1) / sparse->lanes, 64 * TRANSPOSE_ROWS);
}

static void meter_nonzeros(Meter *meter, const SparseProduct *sparse, double count)
{
    meter_scalar_load(meter, 2 * count);
    meter_other(meter, count);
    meter_fma_load(meter, count * sparse->size, 0);
}

/* All outputs pass over one tile of rows, which a buffer holds for each block of them, then over the next. */
static void rows_touch(const Problem *problem, const SparseProduct *sparse, StageWork *stage)
{
    const double m = (double)sparse->product.m, n = (double)sparse->product.n, k = (double)sparse->product.k, tiles = (double)sparse->tiles;
    const double nonzeros = (double)problem->pattern->nonzeros / n, width = 4 * (double)(sparse->size * sparse->lanes);
    const double turned = 4 * k * (double)sparse->pitch, weights = value_bytes(problem, sparse) + table_bytes(problem, sparse);
    const double buffer = width * sparse->lanes, strip = turned / tiles;
    stage_touch_again(stage, turned, turned + 4 * m * k);
    stage_touch_again(stage, (n - 1) * fmin(strip, nonzeros * width) * tiles, strip + weights / n);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, (tiles - 1) * weights, weights + strip + n * width);
    stage_touch_again(stage, 2 * tiles * (double)sparse->blocks * buffer, buffer + strip);
}

/* Rows are lanes: an output's nonzeros over a tile of rows, into a buffer; from there row by row into the output. */
static void rows_work(const Problem *problem, const SparseProduct *sparse, const Rows *rows, Work *work)
{
    const double m = (double)sparse->product.m, n = (double)sparse->product.n, tiles = (double)sparse->tiles, size = sparse->size;
    const double ways = sparse->ways;
    const double nonzeros = (double)problem->pattern->nonzeros / n, blocks = (double)sparse->blocks;
    Meter meter = meter_begin(problem, work);
    meter_loop(&meter, tiles * rows->rounds);
    meter_nonzeros(&meter, sparse, ways);
    meter_other(&meter, 3);
    meter_hot(&meter);
    meter.runs = tiles * rows->rest;
    if (ways > 1) {
        meter_nonzeros(&meter, sparse, 1);
        meter_other(&meter, 3);
    }
    meter.runs = tiles * n;
    meter_other(&meter, 12);
    meter_scalar_load(&meter, 3);
    meter_move(&meter, size * ways);
    meter_vector(&meter, size * (ways - 1));
    meter_store(&meter, size);
    meter_chain(&meter, nonzeros / ways, nonzeros * (6 + size));
    meter.runs = m * n;
    meter_scalar_load(&meter, 1);
    meter_store(&meter, 1);
    meter_other(&meter, 3);
    meter.runs = m * blocks;
    meter_other(&meter, 10);
    meter.runs = m;
    meter_puts(&meter, problem, sparse);
    meter.runs = blocks * tiles;
    meter_other(&meter, 30);
    meter_end(&meter);
    meter.stage->mispredicts = (ways > 1 ? 2 : 1) * tiles * n;
    rows_touch(problem, sparse, meter.stage);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    SparseProduct sparse;
    if (gathers(tiling)) {
        gather_work(problem, tiling, work);
        return;
    }
    sparse_of(problem, tiling, &sparse);
    const double nonzeros = (double)problem->pattern->nonzeros;
    const Rows rows = rows_of(problem, &sparse);
    transpose_work(problem, &sparse, work);
    rows_work(problem, &sparse, &rows, work);
    StageWork *const stage = &work->stages[work->stage_count - 1];
    const double fixed = 10.0 * sparse.lanes, mean = nonzeros / (double)sparse.blocks;
    stage->largest_item = (rows.largest + fixed) / (mean + fixed);
    epilogue_touch(stage, problem);
    work->multiply_adds = (double)sparse.product.m * nonzeros;
    work->weight_bytes = value_bytes(problem, &sparse) + epilogue_bytes(problem);
    work->index_bytes = table_bytes(problem, &sparse);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    SparseProduct sparse;
    if (gathers(tiling)) {
        gather_stages(problem, tiling, layer);
        return;
    }
    sparse_of(problem, tiling, &sparse);
    layer->stages[layer->stage_count++] = (StagePlan){.items = divide_up(sparse.product.k, TRANSPOSE_ROWS), .says = "transpose"};
    layer->scratch_bytes = 4 * (size_t)(sparse.product.k * sparse.pitch);
    layer->thread_bytes = 4 * (size_t)sparse.lanes * (size_t)(sparse.size * sparse.lanes);
    layer->stages[layer->stage_count++] = (StagePlan){.items = sparse.blocks * sparse.tiles, .says = "multiply"};
}

enum { VALUES, INDICES, STARTS, BIASES };

typedef struct Table {
    float *values;
    int64_t *indices, *next;         /* next[n]: where the next nonzero of output n goes */
} Table;

static void add_weight(const SparseProduct *sparse, const void *weights, int64_t n, int64_t k, Table *table)
{
    const Product *product = &sparse->product;
    const float value = read_float(weights, k * product->b_row + n * product->b_column);
    if (value == 0)
        return;
    table->values[table->next[n]] = value * product->alpha;
    table->indices[table->next[n]++] = k * sparse->pitch;
}

/* In the order of memory, whichever way the matrix lies; an output's nonzeros come in the order of k both ways. */
static void fill_table(const SparseProduct *sparse, const void *weights, Table *table)
{
    const int64_t n = sparse->product.n, k = sparse->product.k;
    const bool by_row = sparse->product.b_column == 1;
    for (int64_t i = 0; i < (by_row ? k : n); i++)
        for (int64_t j = 0; j < (by_row ? n : k); j++)
            add_weight(sparse, weights, by_row ? j : i, by_row ? i : j, table);
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    SparseProduct sparse;
    if (gathers(tiling)) {
        gather_pack(problem, tiling, packed);
        return;
    }
    sparse_of(problem, tiling, &sparse);
    const int64_t nonzeros = problem->pattern->nonzeros, outputs = sparse.product.n;
    /* one more, so that no array is empty */
    Table table = {.values = arena_array(packed->arena, float, nonzeros + 1), .indices = arena_array(packed->arena, int64_t, nonzeros + 1),
                   .next = arena_array(packed->arena, int64_t, outputs + 1)};
    int32_t *starts = arena_array(packed->arena, int32_t, outputs + 1);
    for (int64_t n = 0; n < outputs; n++) {
        starts[n + 1] = starts[n] + problem->pattern->row_nonzeros[n];
        table.next[n] = starts[n];
    }
    fill_table(&sparse, problem->node->inputs[1]->data, &table);
    packed_add(packed, "float", table.values, (size_t)(nonzeros + 1) * sizeof(float));
    packed_offsets(packed, table.indices, nonzeros + 1, sparse.largest);
    packed_add(packed, "int32_t", starts, (size_t)(outputs + 1) * sizeof *starts);
    packed_add(packed, "float", product_bias(&sparse.product, 1, packed->arena), (size_t)outputs * sizeof(float));
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

static void emit_transpose(const Emission *emission, const SparseProduct *sparse)
{
    Out *out = emission->out;
    const Product *product = &sparse->product;
    const long long k = product->k, m = product->m;
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "float *const turned = %s;", emit_scratch(emission, "float", 0));
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "const int64_t first = item * %d, past = first + %d < %lld ? first + %d : %lld;", TRANSPOSE_ROWS, TRANSPOSE_ROWS, k,
             TRANSPOSE_ROWS, k);
    out_line(out, "for (int64_t m = 0; m < %lld; m++)", m);
    out_line(out, "    for (int64_t k = first; k < past; k++)");
    out_line(out, "        turned[k * %lld + m] = x[m * %lld + k * %lld];", (long long)sparse->pitch, (long long)product->a_row,
             (long long)product->a_column);
    if (sparse->pitch > product->m) {
        out_line(out, "for (int64_t k = first; k < past; k++)");
        out_line(out, "    for (int64_t m = %lld; m < %lld; m++)", m, (long long)sparse->pitch);
        out_line(out, "        turned[k * %lld + m] = 0.0f;", (long long)sparse->pitch);
    }
    out_close(out, "");
    out_close(out, "");
    out_blank(out);
}

static void emit_tables(const Emission *emission, const SparseProduct *sparse)
{
    Out *out = emission->out;
    out_line(out, "const float *const value = %s;", emit_packed(emission, VALUES));
    out_line(out, "const %s *const index = %s;", offset_type(sparse->largest), emit_packed(emission, INDICES));
    out_line(out, "const int32_t *const start = %s;", emit_packed(emission, STARTS));
    out_line(out, "const float *const bias = %s;", emit_packed(emission, BIASES));
}

/* lane[] holds outputs n .. n + count of row m. */
static void emit_put(const Emission *emission, const SparseProduct *sparse)
{
    Out *out = emission->out;
    const char *at = arena_format(emission->arena, "m * %lld + n", (long long)sparse->product.n);
    if (sparse->product.n % sparse->lanes == 0) {
        epilogue_put(emission, at, "v_load(lane)", NULL);
        return;
    }
    out_open(out, "if (count == %d)", sparse->lanes);
    epilogue_put(emission, at, "v_load(lane)", NULL);
    out_close(out, " else {");
    out->indent++;
    epilogue_put(emission, at, "v_load(lane)", arena_format(emission->arena, "%d", (int)(sparse->product.n % sparse->lanes)));
    out_close(out, "");
}

static void emit_count(const Emission *emission, const SparseProduct *sparse)
{
    out_line(emission->out, "const int64_t count = %lld - n < %d ? %lld - n : %d;", (long long)sparse->product.n, sparse->lanes,
             (long long)sparse->product.n, sparse->lanes);
}

static void emit_rows(const Emission *emission, const SparseProduct *sparse)
{
    Out *out = emission->out;
    const Product *product = &sparse->product;
    const long long width = (long long)sparse->size * sparse->lanes;
    out_line(out, "const int64_t n = item %% %lld * %d, from = item / %lld * %lld;", (long long)sparse->blocks, sparse->lanes,
             (long long)sparse->blocks, width);
    emit_count(emission, sparse);
    out_line(out, "const float *const tile = x + from;");
    out_open(out, "for (int64_t j = 0; j < count; j++)");
    sums_declare(emission, sparse->size, sparse->ways, "v_set1(bias[n + j])");
    const Tiles tiles = {.size = sparse->size, .lanes = sparse->lanes};
    walk_emit(emission, &(Walk){&(Planes){0}, &tiles, sparse->ways, "n + j", "tile", "index"});
    for (int v = 0; v < sparse->size; v++)
        out_line(out, "v_store(buffer + (j * %lld + %d), a%d);", width, v * sparse->lanes, v);
    out_close(out, "");
    out_line(out, "const int64_t past = from + %lld < %lld ? from + %lld : %lld;", width, (long long)product->m, width, (long long)product->m);
    out_open(out, "for (int64_t m = from; m < past; m++)");
    out_line(out, "float lane[%d] = {0.0f};", sparse->lanes);
    out_line(out, "for (int64_t j = 0; j < count; j++)");
    out_line(out, "    lane[j] = buffer[j * %lld + (m - from)];", width);
    emit_put(emission, sparse);
    out_close(out, "");
}

static void emit(const Emission *emission)
{
    SparseProduct sparse;
    if (gathers(&emission->layer->tiling)) {
        gather_emit(emission);
        return;
    }
    sparse_of(emission->problem, &emission->layer->tiling, &sparse);
    Out *out = emission->out;
    epilogue_define(emission);
    emit_transpose(emission, &sparse);
    emit_stage_open(emission, 1);
    out_line(out, "const float *const x = %s;", emit_scratch(emission, "const float", 0));
    emit_tables(emission, &sparse);
    out_line(out, "float *const buffer = %s;", emit_thread_scratch(emission, "float", 0));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_rows(emission, &sparse);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_sparse_fc = {
    .name = "sparse_fc", .sparse = true,
    .says = "a matrix product by the nonzeros of the second matrix",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
