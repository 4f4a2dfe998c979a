/* sparse_fc for one row of input, or few: an output's nonzeros are as many lanes, and the inputs they belong to are gathered by 16-bit indices. An
   item is some neighbouring outputs. Inputs that L1 does not hold beside the stream of weights are split into blocks: an item's outputs pass over one
   block, then over the next. An output's nonzeros in a block are filled up to whole vectors with zeros that belong to one of its own inputs, so that
   an infinity there may become a NaN, but no other output's. */
#include "codegen/cpu/sparse_fc.h"

#include <math.h>

#define ITEM_OUTPUTS 32
#define BLOCK_INPUTS 3072            /* 12 KB: less than half of a small L1 */
#define AHEAD 2048                   /* nonzeros: so far ahead they are asked for; measured, from memory, 1.6 times as fast as without */

typedef struct Gathered {
    Product product;
    int lanes, ways, step;           /* vectors of nonzeros at a time; nonzeros in them */
    int64_t outputs, items;          /* outputs of an item */
    int64_t blocks, width;           /* inputs of a block */
} Gathered;

static void gathered_of(const Problem *problem, const Tiling *tiling, Gathered *gathered)
{
    product_of(problem->node, &gathered->product);
    const Product *product = &gathered->product;
    gathered->lanes = problem_lanes(problem);
    gathered->ways = gathered->lanes == 4 ? 2 : 1;     /* so few loads are shorter than v_fma's latency */
    gathered->step = gathered->lanes * gathered->ways;
    gathered->outputs = product->n < 16 * ITEM_OUTPUTS ? gathered->lanes : ITEM_OUTPUTS;
    gathered->items = divide_up(product->n, gathered->outputs);
    gathered->blocks = tiling->size[1];
    gathered->width = divide_up(product->k, gathered->blocks);
}

int gather_tilings(const Problem *problem, Tiling *list, int most)
{
    Product product;
    product_of(problem->node, &product);
    const int64_t near = divide_up(product.k, BLOCK_INPUTS), least = divide_up(product.k, UINT16_MAX + 1);
    int count = 0;
    if (product.a_column != 1 || near > UINT16_MAX)
        return 0;
    if (count < most)
        list[count++] = (Tiling){.size = {0, (int32_t)near}};
    if (count < most && least < near)
        list[count++] = (Tiling){.size = {0, (int32_t)least}};
    return count;
}

/* ---- what it costs ---- */

/* Steps over nonzeros of all outputs. Where they are split into blocks, chance says how many of them each gets. */
static double steps_of(const Problem *problem, const Gathered *gathered, double *largest)
{
    const double step = gathered->step, blocks = (double)gathered->blocks;
    double steps = 0, item = 0;
    *largest = 0;
    for (int64_t n = 0; n < gathered->product.n; n++) {
        const double count = problem->pattern->row_nonzeros[n], mean = count / blocks;
        const double own = blocks == 1 ? ceil(count / step) : blocks * (mean / step + (1 - exp(-mean)) * (1 - 1 / step) / 2);
        item = n % gathered->outputs == 0 ? own : item + own;
        *largest = fmax(*largest, item);
        steps += own;
    }
    return floor(steps);
}

static double starts_of(const Gathered *gathered)
{
    return (double)(gathered->items * gathered->blocks * gathered->outputs + 1);
}

static void meter_text(Meter *meter, const Problem *problem, const Gathered *gathered, double steps)
{
    const double m = (double)gathered->product.m, items = (double)gathered->items, rows = starts_of(gathered) - 1, ways = gathered->ways;
    const int rest = (int)(gathered->product.n % gathered->lanes);
    meter_loop(meter, m * steps);
    for (int way = 0; way < gathered->ways; way++)
        meter_gather(meter);
    meter_fma_load(meter, ways, 0);
    meter_other(meter, 6);
    meter_hot(meter);
    meter->runs = m * rows;
    meter_other(meter, 6);
    meter_scalar_load(meter, 1);
    meter_move(meter, ways);
    meter_vector(meter, ways);
    meter_sum(meter);
    meter_operand(meter, 1, 0);
    meter_store(meter, 1);
    meter_chain(meter, steps / rows + 4, steps / rows * 4 * gathered->step + 20);
    meter->runs = m * items * (double)gathered->blocks;
    meter_other(meter, 10);
    meter->runs = m * items * (double)(gathered->outputs / gathered->lanes);
    meter_load(meter, 2, 0);
    meter_store(meter, 1);
    meter_put(meter, problem, 1, 0);
    meter_other(meter, 6);
    meter->runs = rest > 0 ? m : 0;
    meter_put(meter, problem, rest > 0, rest);
    meter->runs = m * items;
    meter_other(meter, 15);
}

/* An output of the item picks its inputs of the block from whole lines, but for those that hold none; the next output comes at once, the next item
   when all blocks have passed. */
static void touch(const Problem *problem, const Gathered *gathered, StageWork *stage, double weights)
{
    const Product *product = &gathered->product;
    const double m = (double)product->m, n = (double)product->n, k = (double)product->k, items = (double)gathered->items, line = 16;
    const double density = (double)problem->pattern->nonzeros / (n * k), block = 4 * (double)gathered->width * (1 - pow(1 - density, line));
    const double item = weights / items, output = weights / n / (double)gathered->blocks;
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, (m - 1) * weights, item + 4 * k);
    stage_touch(stage, TOUCH_INPUT, 4 * m * k);
    stage_touch_again(stage, m * (items - 1) * 4 * k, 4 * k + item);
    stage_touch_again(stage, m * (n - items) * (double)gathered->blocks * block, block + output);
}

void gather_work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Gathered gathered;
    double largest;
    gathered_of(problem, tiling, &gathered);
    const double steps = steps_of(problem, &gathered, &largest), nonzeros = (steps + 1) * gathered.step;
    const double m = (double)gathered.product.m, fixed = 2.0 * (double)gathered.outputs, mean = steps / (double)gathered.items;
    Meter meter = meter_begin(problem, work);
    meter_text(&meter, problem, &gathered, steps);
    meter_end(&meter);
    work->multiply_adds = m * (double)problem->pattern->nonzeros;
    work->weight_bytes = 4 * nonzeros + 4.0 * (double)(gathered.items * gathered.outputs) + epilogue_bytes(problem);
    work->index_bytes = 2 * nonzeros + 4 * starts_of(&gathered);
    meter.stage->vector_bytes = sizeof(float);         /* most of it are scalars */
    meter.stage->mispredicts = m * (starts_of(&gathered) - 1);      /* the loop over an output's nonzeros ends */
    meter.stage->largest_item = (largest + fixed) / (mean + fixed);
    touch(problem, &gathered, meter.stage, work->weight_bytes + work->index_bytes - epilogue_bytes(problem));
    epilogue_touch(meter.stage, problem);
}

void gather_stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Gathered gathered;
    gathered_of(problem, tiling, &gathered);
    layer->stages[layer->stage_count++] = (StagePlan){.items = gathered.items, .says = "multiply"};
}

/* ---- constants ---- */

enum { VALUES, INDICES, STARTS, BIASES };

typedef struct Table {
    int32_t *count, *start;          /* by item, block and output: nonzeros, first step */
    float *values;
    uint16_t *indices;
} Table;

static void add_weight(const Gathered *gathered, const void *weights, int64_t n, int64_t k, Table *table)
{
    const Product *product = &gathered->product;
    const float value = read_float(weights, k * product->b_row + n * product->b_column);
    if (value == 0)
        return;
    const int64_t slot = (n / gathered->outputs * gathered->blocks + k / gathered->width) * gathered->outputs + n % gathered->outputs;
    const int64_t at = (int64_t)table->start[slot] * gathered->step + table->count[slot]++;
    if (table->values == NULL)
        return;
    table->values[at] = value * product->alpha;
    table->indices[at] = (uint16_t)(k % gathered->width);
}

/* In the order of memory, whichever way the matrix lies; without an array of values nonzeros are counted only. */
static void walk(const Gathered *gathered, const void *weights, Table *table)
{
    const int64_t n = gathered->product.n, k = gathered->product.k;
    const bool by_row = gathered->product.b_column == 1;
    for (int64_t i = 0; i < (by_row ? k : n); i++)
        for (int64_t j = 0; j < (by_row ? n : k); j++)
            add_weight(gathered, weights, by_row ? j : i, by_row ? i : j, table);
}

/* Zeros behind the nonzeros of a slot. */
static void fill_up(const Gathered *gathered, int64_t slots, Table *table)
{
    for (int64_t slot = 0; slot < slots; slot++) {
        const int64_t first = (int64_t)table->start[slot] * gathered->step + table->count[slot], past = (int64_t)table->start[slot + 1] * gathered->step;
        for (int64_t i = first; i < past; i++)
            table->indices[i] = table->indices[first - 1];
    }
}

void gather_pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Gathered gathered;
    gathered_of(problem, tiling, &gathered);
    const void *weights = problem->node->inputs[1]->data;
    const int64_t slots = (int64_t)starts_of(&gathered) - 1;
    Table table = {.count = arena_array(packed->arena, int32_t, slots), .start = arena_array(packed->arena, int32_t, slots + 1)};
    walk(&gathered, weights, &table);
    for (int64_t slot = 0; slot < slots; slot++) {
        table.start[slot + 1] = table.start[slot] + (int32_t)divide_up(table.count[slot], gathered.step);
        table.count[slot] = 0;
    }
    const int64_t floats = ((int64_t)table.start[slots] + 1) * gathered.step;      /* one more, so that no array is empty */
    table.values = arena_array(packed->arena, float, floats);
    table.indices = arena_array(packed->arena, uint16_t, floats);
    walk(&gathered, weights, &table);
    fill_up(&gathered, slots, &table);
    packed_add(packed, "float", table.values, (size_t)floats * sizeof *table.values);
    packed_add(packed, "uint16_t", table.indices, (size_t)floats * sizeof *table.indices);
    packed_add(packed, "int32_t", table.start, (size_t)(slots + 1) * sizeof *table.start);
    const float *bias = product_bias(&gathered.product, gathered.outputs, packed->arena);
    packed_add(packed, "float", bias, (size_t)(gathered.items * gathered.outputs) * sizeof *bias);
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

/* An output's nonzeros in the block. */
static void emit_output(const Emission *emission, const Gathered *gathered)
{
    Out *out = emission->out;
    for (int way = 0; way < gathered->ways; way++)
        out_line(out, "v_float a%d = v_zero();", way);
    out_line(out, "const int64_t past = edge[j + 1];");
    out_open(out, "for (int64_t i = edge[j]; i < past; i++)");
    out_line(out, "v_prefetch(value + (i * %d + %d));", gathered->step, AHEAD);
    out_line(out, "v_prefetch(index + (i * %d + %d));", gathered->step, AHEAD);
    for (int way = 0; way < gathered->ways; way++)
        out_line(out, "a%d = v_fma(v_gather(from, index + (i * %d + %d)), v_load(value + (i * %d + %d)), a%d);", way, gathered->step,
                 way * gathered->lanes, gathered->step, way * gathered->lanes, way);
    out_close(out, "");
    out_line(out, "sums[j] += v_sum(%s);", gathered->ways == 2 ? "v_add(a0, a1)" : "a0");
}

static void emit_puts(const Emission *emission, const Gathered *gathered)
{
    Out *out = emission->out;
    const long long n = gathered->product.n, lanes = gathered->lanes, outputs = gathered->outputs;
    out_line(out, "const int64_t left = %lld - n < %lld ? %lld - n : %lld;", n, outputs, n, outputs);
    out_line(out, "int64_t j = 0;");
    out_line(out, "for (; j + %lld <= left; j += %lld)", lanes, lanes);
    out->indent++;
    epilogue_put(emission, arena_format(emission->arena, "m * %lld + n + j", n), "v_load(sums + j)", NULL);
    out->indent--;
    if (n % lanes == 0)
        return;
    out_line(out, "if (j < left)");
    out->indent++;
    epilogue_put(emission, arena_format(emission->arena, "m * %lld + n + j", n), "v_load(sums + j)", arena_format(emission->arena, "%lld", n % lanes));
    out->indent--;
}

static void emit_item(const Emission *emission, const Gathered *gathered)
{
    Out *out = emission->out;
    const long long outputs = gathered->outputs, lanes = gathered->lanes;
    out_line(out, "const int64_t n = item * %lld;", outputs);
    out_open(out, "for (int64_t m = 0; m < %lld; m++)", (long long)gathered->product.m);
    out_line(out, "float sums[%lld];", outputs);
    out_line(out, "for (int64_t j = 0; j < %lld; j += %lld)", outputs, lanes);
    out_line(out, "    v_store(sums + j, v_load(bias + (n + j)));");
    out_open(out, "for (int64_t block = 0; block < %lld; block++)", (long long)gathered->blocks);
    out_line(out, "const float *const from = x + (m * %lld + block * %lld);", (long long)gathered->product.a_row, (long long)gathered->width);
    out_line(out, "const int32_t *const edge = start + (item * %lld + block) * %lld;", (long long)gathered->blocks, outputs);
    out_open(out, "for (int64_t j = 0; j < %lld; j++)", outputs);
    emit_output(emission, gathered);
    out_close(out, "");
    out_close(out, "");
    emit_puts(emission, gathered);
    out_close(out, "");
}

void gather_emit(const Emission *emission)
{
    Gathered gathered;
    gathered_of(emission->problem, &emission->layer->tiling, &gathered);
    Out *out = emission->out;
    epilogue_define(emission);
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "const float *const value = %s;", emit_packed(emission, VALUES));
    out_line(out, "const uint16_t *const index = %s;", emit_packed(emission, INDICES));
    out_line(out, "const int32_t *const start = %s;", emit_packed(emission, STARTS));
    out_line(out, "const float *const bias = %s;", emit_packed(emission, BIASES));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(emission, &gathered);
    out_close(out, "");
    out_close(out, "");
}
