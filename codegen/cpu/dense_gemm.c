/* Matrix products, every weight multiplied: rows of a times panels of b, a few of each in registers. b is packed into panels of a few vectors, when
   compiling if it is constant, else by a first stage. Infinities and NaNs spread as in the operator's definition. */
#include "codegen/cpu/dense_gemm.h"

#include <math.h>

#define FLOATS_AHEAD 2048            /* what comes from memory while as much is multiplied: of 2048, 4096 none was faster */

static void gemm_of(const Problem *problem, const Tiling *tiling, Gemm *gemm)
{
    product_of(problem->node, &gemm->product);
    const Product *product = &gemm->product;
    gemm->vectors = tiling->size[1];
    gemm->lanes = problem_lanes(problem);
    gemm->blocks = divide_up(product->m, tiling->size[0]);
    gemm->rows = (int)divide_up(product->m, gemm->blocks);
    gemm->ways = sum_ways(gemm->rows * gemm->vectors);
    gemm->tall = product->m - gemm->blocks * (gemm->rows - 1);
    gemm->panels = divide_up(product->n, (int64_t)gemm->vectors * gemm->lanes);
    gemm->panel = product->k * gemm->vectors * gemm->lanes;
    gemm->constant = value_constant(problem->node->inputs[1]);
    /* one row reads each panel once: what no cache holds is asked for early */
    gemm->ahead = product->m == 1 && 4.0 * (double)product->k * (double)product->n > problem->target->machine.l3_bytes ? FLOATS_AHEAD : 0;
}

static bool fits(const Problem *problem)
{
    Product product;
    if (!problem_vector(problem) || !product_of(problem->node, &product))
        return false;
    const double floats = (double)product.b_batch * (double)product.k * (double)(product.n + 64);
    return floats < 1 << 28 && (problem->node->op != OP_Conv || weights_constant(problem->node));
}

int product_tilings(const Problem *problem, int64_t m, int64_t n, Tiling *list, int most)
{
    const int lanes = problem_lanes(problem), room = problem->target->isa.kept;
    int count = 0;
    for (int vectors = 6; vectors >= 1; vectors--)
        for (int rows = 8; rows >= 1 && count < most; rows--) {
            const bool used = rows <= m && (vectors - 1) * (int64_t)lanes < n;
            if (used && rows * vectors + vectors <= room && rows * vectors * sum_ways(rows * vectors) <= room)
                list[count++] = (Tiling){.size = {rows, vectors}};
        }
    return count;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Product product;
    product_of(problem->node, &product);
    return product_tilings(problem, product.m, product.n, list, most);
}

/* ---- what it costs ---- */

static double bias_bytes(const Problem *problem, const Gemm *gemm)
{
    const Product *product = &gemm->product;
    double bytes = 0;
    if (product->c && product_plain_bias(product))
        bytes = 4.0 * (double)gemm->panels * gemm->vectors * gemm->lanes;
    else if (value_constant(product->c))
        bytes = 4.0 * (double)shape_count(&product->c->shape);
    const Value *a = problem->node->inputs[0];
    return bytes + (value_constant(a) ? 4.0 * (double)shape_count(&a->shape) : 0);
}

/* One k: the panel's vectors are loaded once for all rows, or are operands where there are one or two; an element of a is broadcast for each row. */
static void meter_step(Meter *meter, double rows, double vectors, double count)
{
    if (rows <= 2) {
        meter_fma_load(meter, count * rows * vectors, 0);
    } else {
        meter_load(meter, count * vectors, 0);
        meter_fma(meter, count * rows * vectors);
    }
    meter_load(meter, count * rows, 0);
}

/* `rows` x `vectors` sums over k, from zero. */
static void meter_sums(Meter *meter, double rows, double vectors, double ways, double k, bool line, bool ahead)
{
    const double runs = meter->runs, sums = rows * vectors, rounds = floor(k / ways);
    meter_loop(meter, runs * rounds);
    meter_step(meter, rows, vectors, ways);
    meter_other(meter, (line ? 5 : 4) + (ahead ? ceil(ways * vectors * (meter->isa->vector_bytes / 64.0)) : 0));
    meter_hot(meter);
    meter->runs = runs;
    if (k > rounds * ways)
        meter_step(meter, rows, vectors, k - rounds * ways);
    meter_other(meter, 12);
    meter_move(meter, sums * ways);
    meter_vector(meter, sums * (ways - 1));
    meter_chain(meter, rounds, rounds * ways * (2 + vectors + rows + sums));
}

void meter_product(Meter *meter, int rows, int vectors, int64_t k)
{
    meter_sums(meter, rows, vectors, sum_ways(rows * vectors), (double)k, true, false);
}

/* `rows` of a, one panel, all of k. */
static void meter_tile(Meter *meter, const Problem *problem, const Gemm *gemm, int rows)
{
    const Product *product = &gemm->product;
    const double runs = meter->runs, sums = rows * gemm->vectors;
    meter_sums(meter, rows, gemm->vectors, gemm->ways, (double)product->k, product->m > 1, gemm->ahead > 0);
    meter->runs = runs * (double)product->n / ((double)gemm->panels * gemm->vectors * gemm->lanes);
    meter_vector_load(meter, product->c ? sums : 0, 0);
    meter_put(meter, problem, sums, 0);
    meter->runs = runs;
}

/* All blocks of rows pass over one panel, then over the next: the panel is read again for each block, a for each panel. */
static void touch(const Problem *problem, const Gemm *gemm, StageWork *stage)
{
    const Product *product = &gemm->product;
    const double batch = (double)product->batch, panels = (double)gemm->panels, blocks = (double)gemm->blocks, panel = 4 * (double)gemm->panel;
    const double a = 4 * (double)(product->m * product->k), packed = (double)product->b_batch * panels * panel, lines = a / blocks;
    const double written = 4 * (double)product->m * gemm->vectors * gemm->lanes;
    if (gemm->constant)
        stage_touch(stage, TOUCH_WEIGHTS, packed);
    else
        stage_touch_again(stage, packed, packed);
    stage_touch_again(stage, batch * panels * (blocks - 1) * panel, panel + lines);
    stage_touch_again(stage, (batch * panels * panel) - packed, packed);
    stage_touch(stage, TOUCH_INPUT, (double)product->a_batch * a);
    stage_touch_again(stage, batch * panels * a - (double)product->a_batch * a, a + panel + written);
    epilogue_touch(stage, problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Gemm gemm;
    gemm_of(problem, tiling, &gemm);
    const Product *product = &gemm.product;
    const double batch = (double)product->batch, panels = (double)gemm.panels, tall = (double)gemm.tall, low = (double)gemm.blocks - tall;
    if (!gemm.constant)
        gemm_pack_work(problem, &gemm, work);
    Meter meter = meter_begin(problem, work);
    meter.runs = batch * panels * (double)gemm.blocks;
    meter_other(&meter, 30);
    if (low > 0) {
        meter.runs = batch * panels * low;
        meter_tile(&meter, problem, &gemm, gemm.rows - 1);
    }
    meter.runs = batch * panels * tall;
    meter_tile(&meter, problem, &gemm, gemm.rows);
    meter_end(&meter);
    touch(problem, &gemm, meter.stage);
    work->multiply_adds = batch * (double)(product->m * product->n * product->k);
    work->weight_bytes = (gemm.constant ? 4 * (double)(product->b_batch * gemm.panels * gemm.panel) : 0) + bias_bytes(problem, &gemm) +
                         epilogue_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Gemm gemm;
    gemm_of(problem, tiling, &gemm);
    if (!gemm.constant) {
        layer->stages[layer->stage_count++] = (StagePlan){.items = gemm_pack_items(&gemm), .says = "pack"};
        layer->scratch_bytes = 4 * (size_t)(gemm.product.b_batch * gemm.panels * gemm.panel);
    }
    layer->stages[layer->stage_count++] = (StagePlan){.items = gemm.product.batch * gemm.panels * gemm.blocks, .says = "multiply"};
}

/* ---- packing: panels [matrix][panel][k][vectors * lanes], zeros past n; then the bias ---- */

static void pack_panel(const Gemm *gemm, const void *b, int64_t panel, float *to)
{
    const Product *product = &gemm->product;
    const int64_t width = (int64_t)gemm->vectors * gemm->lanes, first = panel * width;
    const int64_t count = product->n - first < width ? product->n - first : width;
    for (int64_t i = 0; i < product->k; i++)
        for (int64_t j = 0; j < count; j++)
            to[i * width + j] = read_float(b, i * product->b_row + (first + j) * product->b_column);
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Gemm gemm;
    gemm_of(problem, tiling, &gemm);
    const Product *product = &gemm.product;
    const Node *node = problem->node;
    if (gemm.constant) {
        const int64_t count = product->b_batch * gemm.panels;
        float *panels = arena_array(packed->arena, float, count * gemm.panel);
        for (int64_t i = 0; i < count; i++) {
            const char *matrix = (const char *)node->inputs[1]->data + (size_t)(i / gemm.panels * product->k * product->n) * sizeof(float);
            pack_panel(&gemm, matrix, i % gemm.panels, panels + i * gemm.panel);
        }
        packed_add(packed, "float", panels, (size_t)(count * gemm.panel) * sizeof(float));
    }
    if (product->c && product_plain_bias(product)) {
        const int64_t width = (int64_t)gemm.vectors * gemm.lanes;
        packed_add(packed, "float", product_bias(product, width, packed->arena), (size_t)(gemm.panels * width) * sizeof(float));
    } else if (value_constant(product->c)) {
        packed_value(packed, product->c);
    }
    if (value_constant(node->inputs[0]))
        packed_value(packed, node->inputs[0]);
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

const char *product_sum(const Emission *emission, int row, int vector)
{
    return arena_format(emission->arena, "s%d_%d", row, vector);
}

static const char *accumulator(const Emission *emission, int row, int vector, int way)
{
    return way == 0 ? product_sum(emission, row, vector) : arena_format(emission->arena, "s%d_%d_%d", row, vector, way);
}

/* Step `way` of the sum: every row's element times the panel's vectors. */
static void emit_step(const Emission *emission, const ProductSums *sums, int way, int into)
{
    Out *out = emission->out;
    const long long width = (long long)sums->vectors * sums->lanes;
    for (int v = 0; v < sums->vectors; v++)
        out_line(out, "const v_float b%d_%d = v_load(from + %lld);", v, way, way * width + v * sums->lanes);
    for (int row = 0; row < sums->rows; row++) {
        out_line(out, "const v_float a%d_%d = v_set1(line[%lld]);", row, way, (long long)(row * sums->a_row + way * sums->a_column));
        for (int v = 0; v < sums->vectors; v++) {
            const char *sum = accumulator(emission, row, v, into);
            out_line(out, "%s = v_fma(a%d_%d, b%d_%d, %s);", sum, row, way, v, way, sum);
        }
    }
}

void product_emit_sums(const Emission *emission, const ProductSums *sums)
{
    Out *out = emission->out;
    const int ways = sum_ways(sums->rows * sums->vectors);
    const long long width = (long long)sums->vectors * sums->lanes, k = sums->k;
    for (int way = 0; way < ways; way++)
        for (int row = 0; row < sums->rows; row++)
            for (int v = 0; v < sums->vectors; v++)
                out_line(out, "v_float %s = v_zero();", accumulator(emission, row, v, way));
    if (k / ways > 0) {
        out_open(out, "for (int64_t k = 0; k < %lld; k++, from += %lld, line += %lld)", k / ways, ways * width, ways * (long long)sums->a_column);
        for (int way = 0; way < ways; way++)
            emit_step(emission, sums, way, way);
        for (int at = 0; at < ways * width && sums->ahead > 0; at += 16)      /* as a number: compilers see where constants end */
            out_line(out, "v_prefetch((const void *)((uintptr_t)from + %lld));", 4 * ((long long)sums->ahead + at));
        out_close(out, "");
    }
    for (int rest = 0; rest < k % ways; rest++)
        emit_step(emission, sums, rest, 0);
    for (int half = ways / 2; half > 0; half /= 2)
        for (int way = 0; way < half; way++)
            for (int row = 0; row < sums->rows; row++)
                for (int v = 0; v < sums->vectors; v++) {
                    const char *sum = accumulator(emission, row, v, way);
                    out_line(out, "%s = v_add(%s, %s);", sum, sum, accumulator(emission, row, v, way + half));
                }
}

/* What is added to a finished sum; columns past n are not read. */
static void emit_addend(const Emission *emission, const Gemm *gemm, const char *sum, int row, int v, const char *part)
{
    Out *out = emission->out;
    const Product *product = &gemm->product;
    const int offset = v * gemm->lanes;
    if (product->alpha != 1)
        out_line(out, "%s = v_mul(%s, v_set1(%s));", sum, sum, out_float(emission->arena, (double)product->alpha, TYPE_F32));
    if (!product->c)
        return;
    if (product_plain_bias(product)) {
        out_line(out, "%s = v_add(%s, v_load(bias + (n + %d)));", sum, sum, offset);
        return;
    }
    const char *at = arena_format(emission->arena, "c_matrix + ((m + %d) * %lld + (n + %d) * %lld)", row, (long long)product->c_row, offset,
                                  (long long)product->c_column);
    const char *vector = product->c_column == 0 ? arena_format(emission->arena, "v_set1(*(%s))", at)
                         : part                ? arena_format(emission->arena, "v_load_part(%s, %s)", at, part)
                                               : arena_format(emission->arena, "v_load(%s)", at);
    out_line(out, "%s = v_fma(v_set1(%s), %s, %s);", sum, out_float(emission->arena, (double)product->beta, TYPE_F32), vector, sum);
}

/* The panel's columns: `count` of them exist. */
static void emit_finish(const Emission *emission, const Gemm *gemm, int rows, int64_t count)
{
    for (int row = 0; row < rows; row++)
        for (int v = 0; v < gemm->vectors && v * gemm->lanes < count; v++) {
            const int64_t left = count - v * gemm->lanes;
            const char *part = left >= gemm->lanes ? NULL : arena_format(emission->arena, "%lld", (long long)left);
            const char *sum = product_sum(emission, row, v);
            emit_addend(emission, gemm, sum, row, v, part);
            epilogue_put(emission, arena_format(emission->arena, "out + %lld", (long long)(row * gemm->product.n + v * gemm->lanes)), sum, part);
        }
}

static void emit_tile(const Emission *emission, const Gemm *gemm, int rows)
{
    Out *out = emission->out;
    const Product *product = &gemm->product;
    const int64_t width = (int64_t)gemm->vectors * gemm->lanes, last = product->n - (gemm->panels - 1) * width;
    out_line(out, "const float *line = a_matrix + m * %lld;", (long long)product->a_row);
    out_line(out, "const float *from = panels + (%s * %lld + panel) * %lld;",
             arena_format(emission->arena, "(%s)", product_matrix(emission->arena, product, product->b_step, "matrix")), (long long)gemm->panels,
             (long long)gemm->panel);
    const ProductSums sums = {rows, gemm->vectors, gemm->lanes, product->k, product->a_row, product->a_column, gemm->ahead};
    product_emit_sums(emission, &sums);
    if (last == width) {
        emit_finish(emission, gemm, rows, width);
        return;
    }
    if (gemm->panels > 1) {
        out_open(out, "if (panel < %lld)", (long long)gemm->panels - 1);
        emit_finish(emission, gemm, rows, width);
        out_close(out, " else {");
        out->indent++;
        emit_finish(emission, gemm, rows, last);
        out_close(out, "");
    } else {
        emit_finish(emission, gemm, rows, last);
    }
}

static void emit_item(const Emission *emission, const Gemm *gemm)
{
    Out *out = emission->out;
    const Product *product = &gemm->product;
    const long long blocks = gemm->blocks, panels = gemm->panels, rows = gemm->rows, tall = gemm->tall;
    out_line(out, "const int64_t block = item %% %lld, panel = item / %lld %% %lld, matrix = item / %lld;", blocks,
             blocks, panels, blocks * panels);
    out_line(out, "const float *const a_matrix = a + (%s) * %lld;", product_matrix(emission->arena, product, product->a_step, "matrix"),
             (long long)(product->m * product->k));
    out_line(out, "const int64_t n = panel * %lld;", (long long)gemm->vectors * gemm->lanes);
    if (tall < blocks) {
        out_line(out, "const int64_t m = block < %lld ? block * %lld : block * %lld + %lld;", tall, rows, rows - 1, tall);
    } else {
        out_line(out, "const int64_t m = block * %lld;", rows);
    }
    out_line(out, "const int64_t out = (matrix * %lld + m) * %lld + n;", (long long)product->m, (long long)product->n);
    if (tall == blocks) {
        emit_tile(emission, gemm, gemm->rows);
        return;
    }
    out_open(out, "if (block < %lld)", tall);
    emit_tile(emission, gemm, gemm->rows);
    out_close(out, " else {");
    out->indent++;
    emit_tile(emission, gemm, gemm->rows - 1);
    out_close(out, "");
}

static void emit(const Emission *emission)
{
    Gemm gemm;
    gemm_of(emission->problem, &emission->layer->tiling, &gemm);
    Out *out = emission->out;
    const Product *product = &gemm.product;
    epilogue_define(emission);
    if (!gemm.constant)
        gemm_emit_pack(emission, &gemm);
    emit_stage_open(emission, gemm.constant ? 0 : 1);
    out_line(out, "const float *const a = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "const float *const panels = %s;", gemm.constant ? emit_packed(emission, 0) : emit_scratch(emission, "const float", 0));
    if (product->c && product_plain_bias(product))
        out_line(out, "const float *const bias = %s;", emit_packed(emission, gemm.constant ? 1 : 0));
    else if (product->c)
        out_line(out, "const float *const c_matrix = %s;", emit_read(emission, product->c));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(emission, &gemm);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_dense_gemm = {
    .name = "dense_gemm",
    .says = "a matrix product by tiles, the second matrix packed into panels",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
