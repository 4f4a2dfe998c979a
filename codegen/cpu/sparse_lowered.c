/* Convolutions with constant weights as the papers' baseline computes them: the input's windows laid out as a matrix (im2col), then the weights'
   rows of nonzeros (CSR) times that matrix, a tile of its columns at a time. Every element of the input is written and read once for each tap. An
   infinity or NaN of the input reaches the outputs through nonzeros only. */
#include "codegen/cpu/cpu.h"

#include <math.h>

typedef struct Lowered {
    Window window, matrix;           /* the layer; the 1x1 layer that is left of it, a channel for each (input channel, tap) pair */
    Planes planes;                   /* of the matrix */
    Tiles tiles;
    int ways;                        /* accumulators a vector: small tiles need several to hide the latency of v_fma */
    int64_t rows;                    /* of a group's matrix */
} Lowered;

static Window matrix_of(const Window *window)
{
    Window matrix = *window;
    matrix.channels *= window_taps(window);
    matrix.height = window->out_height;
    matrix.width = window->out_width;
    matrix.kernel_height = matrix.kernel_width = matrix.stride_y = matrix.stride_x = matrix.dilation_y = matrix.dilation_x = 1;
    matrix.pad_top = matrix.pad_left = matrix.pad_bottom = matrix.pad_right = 0;
    return matrix;
}

static int64_t plane_of(const Window *window)
{
    return window->out_height * window->out_width;
}

static int64_t largest_offset(const Lowered *lowered)
{
    return (lowered->rows - 1) * plane_of(&lowered->window);
}

static void lowered_of(const Problem *problem, const Tiling *tiling, Lowered *lowered)
{
    const int lanes = problem_lanes(problem);
    window_of(problem->node, &lowered->window);
    lowered->matrix = matrix_of(&lowered->window);
    const Window *matrix = &lowered->matrix;
    planes_of(matrix, PLANES_NONE, lanes, problem->graph->ctx->scratch, &lowered->planes);
    if (!layout_plain(&tiling->out)) {
        lowered->planes.contiguous = false;
        lowered->planes.padding = (int64_t)tiling->out.rows * tiling->out.pitch - plane_of(matrix);
    }
    lowered->rows = matrix->channels / matrix->group;
    tiles_of(&lowered->planes, lanes, tiling->size[0], 1, matrix->batch * matrix->outputs, lowered->rows, &lowered->tiles);
    lowered->ways = sum_ways(tiling->size[0]);
}

/* A window of one tap, stride 1, is a matrix already. */
static bool lowers(const Window *window)
{
    return window_taps(window) > 1 || window->stride_y > 1 || window->stride_x > 1;
}

static double matrix_bytes(const Window *window)
{
    return 4.0 * (double)(window->batch * window->channels) * (double)window_taps(window) * (double)plane_of(window);
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    if (node->op != OP_Conv || !problem_vector(problem) || !weights_constant(node) || !problem->pattern || !window_of(node, &window))
        return false;
    return problem->pattern->nonzeros < INT32_MAX && lowers(&window) && matrix_bytes(&window) <= INT32_MAX;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Planes planes;
    window_of(problem->node, &window);
    const Window matrix = matrix_of(&window);
    const Isa *isa = &problem->target->isa;
    planes_of(&matrix, PLANES_NONE, problem_lanes(problem), problem->graph->ctx->scratch, &planes);
    int sizes[MOST_SIZES], count = 0;
    const int most_sums = isa->registers < 32 ? 12 : isa->folds ? 24 : 20;
    for (int size = tiles_sizes(&planes, problem_lanes(problem), most_sums, sizes) - 1; size >= 0 && count < most; size--)
        list[count++] = (Tiling){.size = {sizes[size]}};
    return count;
}

/* ---- what it costs ---- */

/* What whole vectors leave of a row: a part of one; of rows with a stride all elements, one by one. */
static void meter_rest(Meter *meter, const Window *window, int lanes)
{
    const int rest = (int)(window->out_width % lanes);
    if (window->stride_x == 1 && rest > 0) {
        meter_part(meter, rest);
        meter_store_part(meter, rest);
        meter_scalar_load(meter, meter->isa->vector_bytes == 32 ? 2 : 0);        /* AVX2's masks come from a table */
        meter_other(meter, 6);
    } else if (window->stride_x > 1) {
        meter->runs *= (double)window->out_width;
        meter_scalar_load(meter, 1);
        meter_store(meter, 1);
        meter_other(meter, 3);
    }
}

/* For every channel and tap the rows of outputs: zeros in front, elements from the input, a vector at a time where they are neighbours, zeros
   behind. */
static void lower(const Problem *problem, const Window *window, Work *work)
{
    const int lanes = problem_lanes(problem);
    const double planes = (double)(window->batch * window->channels), taps = (double)window_taps(window), rows = (double)window->out_height;
    const double whole = window->stride_x == 1 ? (double)(window->out_width / lanes) : 0, pairs = planes * taps;
    const double input = 4 * planes * (double)(window->height * window->width), matrix = matrix_bytes(window);
    Meter meter = meter_begin(problem, work);
    meter.runs = planes;
    meter_other(&meter, 10);
    meter.runs = pairs;
    meter_other(&meter, 25);
    meter.runs = pairs * rows;
    meter_other(&meter, 18);
    meter_loop(&meter, pairs * rows * whole);
    meter_load(&meter, 1, split_share(lanes));
    meter_store(&meter, 1);
    meter_other(&meter, 3);
    meter_hot(&meter);
    meter.runs = pairs * rows;
    meter_rest(&meter, window, lanes);
    meter_end(&meter);
    stage_touch(meter.stage, TOUCH_INPUT, input);
    stage_touch_again(meter.stage, input * (taps - 1), (input + matrix / taps) / planes);
    stage_touch(meter.stage, TOUCH_OUTPUT, matrix);
}

static void meter_rows(Meter *meter, const Problem *problem, const Lowered *lowered)
{
    const int64_t zero = 0;
    const double size = lowered->tiles.size, ways = lowered->ways, outputs = (double)lowered->window.outputs;
    const double tiles = (double)(lowered->window.batch * lowered->tiles.tiles);
    const double split = split_share_of(lowered->tiles.lanes, &zero, 1, plane_of(&lowered->window));
    double rounds, rest;
    walk_rounds(problem->pattern, lowered->ways, &rounds, &rest);
    meter->runs = tiles;
    walk_meter(meter, lowered->tiles.size, lowered->ways, rounds, rest, split);
    meter->runs = tiles * outputs;
    meter_other(meter, 9 + (ways > 1 ? 10 : 0));
    meter_scalar_load(meter, 3);
    meter_move(meter, size * ways);
    meter_vector(meter, size * (ways - 1));
    meter_tiles_store(meter, problem, &lowered->planes, &lowered->tiles);
    meter_chain(meter, (rounds + rest) / outputs, (rounds + rest) / outputs * (7 + size * ways));
    meter->runs = (double)(lowered->window.batch * lowered->tiles.blocks) * outputs;
    meter_other(meter, 30);
    meter->runs = (double)lowered->window.batch * outputs;
    meter_tiles_finish(meter, problem, &lowered->matrix, &lowered->planes, &lowered->tiles);
}

/* A row of weights reads its part of a block of the matrix, then the next row; chance gives which rows of the matrix they share. */
static void touch(const Problem *problem, const Lowered *lowered, StageWork *stage)
{
    const double batch = (double)lowered->window.batch, outputs = (double)lowered->window.outputs, blocks = (double)lowered->tiles.blocks;
    const double nonzeros = (double)problem->pattern->nonzeros, matrix = matrix_bytes(&lowered->window), block = matrix / batch / blocks;
    const double weights = nonzeros * (4 + (largest_offset(lowered) <= UINT16_MAX ? 2 : 4)) + 8 * outputs;
    const double read = batch * nonzeros * 4 * (double)plane_of(&lowered->window), tiles = (double)lowered->tiles.tiles / blocks;
    const double covered = 4 * (double)lowered->tiles.block_floats;
    stage_touch_again(stage, matrix, 1.5 * matrix);
    stage_touch_again(stage, fmax(0, read - matrix), block / (double)lowered->window.group);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, batch * blocks * (tiles - 1) * weights, weights / outputs + read / batch / blocks / outputs / tiles);
    stage_touch_again(stage, (batch * blocks - 1) * weights, weights + block + outputs * covered);
    epilogue_touch(stage, problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Lowered lowered;
    lowered_of(problem, tiling, &lowered);
    const double nonzeros = (double)problem->pattern->nonzeros, outputs = (double)lowered.window.outputs;
    lower(problem, &lowered.window, work);
    Meter meter = meter_begin(problem, work);
    meter_rows(&meter, problem, &lowered);
    meter_end(&meter);
    meter.stage->mispredicts = outputs * (double)(lowered.window.batch * lowered.tiles.blocks);
    touch(problem, &lowered, meter.stage);
    work->multiply_adds = (double)lowered.window.batch * nonzeros * (double)plane_of(&lowered.window);
    work->weight_bytes = 4 * (nonzeros + 1 + outputs) + epilogue_bytes(problem);
    work->index_bytes = (nonzeros + 1) * (largest_offset(&lowered) <= UINT16_MAX ? 2 : 4) + 4 * (outputs + 1);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Lowered lowered;
    lowered_of(problem, tiling, &lowered);
    const Window *window = &lowered.window;
    layer->stages[layer->stage_count++] = (StagePlan){.items = window->batch * window->channels, .says = "lower"};
    layer->stages[layer->stage_count++] = (StagePlan){.items = window->batch * lowered.tiles.blocks * window->outputs, .says = "multiply"};
    layer->scratch_bytes = (size_t)matrix_bytes(window);
    if (!lowered.planes.contiguous)
        layer->thread_bytes = 4 * (size_t)lowered.tiles.block_floats;
}

/* ---- packing: CSR, with columns as offsets of rows of the matrix ---- */

enum { VALUES, OFFSETS, STARTS, BIASES };

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Lowered lowered;
    lowered_of(problem, tiling, &lowered);
    const int64_t most = problem->pattern->nonzeros + 1, outputs = lowered.window.outputs;     /* one more, so that no array is empty */
    float *values = arena_array(packed->arena, float, most);
    int64_t *offsets = arena_array(packed->arena, int64_t, most);
    int32_t *starts = arena_array(packed->arena, int32_t, outputs + 1), count = 0;
    for (int64_t i = 0; i < outputs * lowered.rows; i++) {
        const float value = read_float(problem->node->inputs[1]->data, i);
        if (value != 0) {
            values[count] = value;
            offsets[count++] = i % lowered.rows * plane_of(&lowered.window);
        }
        starts[i / lowered.rows + 1] = count;
    }
    packed_add(packed, "float", values, (size_t)most * sizeof(float));
    packed_offsets(packed, offsets, most, largest_offset(&lowered));
    packed_add(packed, "int32_t", starts, (size_t)(outputs + 1) * sizeof(int32_t));
    packed_add(packed, "float", weights_bias(problem->node, outputs, 1, packed->arena), (size_t)outputs * sizeof(float));
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

static void emit_row(const Emission *emission, const Window *window)
{
    Out *out = emission->out;
    const int lanes = problem_lanes(emission->problem);
    const long long width = window->width, stride = window->stride_x;
    out_open(out, "for (int64_t i = 0; i < %lld; i++, to += %lld)", (long long)window->out_height, (long long)window->out_width);
    out_line(out, "const int64_t row = i * %lld + down;", (long long)window->stride_y);
    out_line(out, "const int inside = row >= 0 && row < %lld;", (long long)window->height);
    out_line(out, "const float *const line = from + (inside ? row : 0) * %lld;", width);
    out_line(out, "const int64_t past = inside ? end : 0;");
    out_line(out, "int64_t j = 0;");
    out_line(out, "for (; j < first; j++)");
    out_line(out, "    to[j] = 0.0f;");
    if (stride == 1) {
        out_line(out, "for (; j + %d <= past; j += %d)", lanes, lanes);
        out_line(out, "    v_store(to + j, v_load(line + (j + right)));");
        out_open(out, "if (j < past)");
        out_line(out, "v_store_part(to + j, v_load_part(line + (j + right), (int)(past - j)), (int)(past - j));");
        out_line(out, "j = past;");
        out_close(out, "");
    } else {
        out_line(out, "for (; j < past; j++)");
        out_line(out, "    to[j] = line[j * %lld + right];", stride);
    }
    out_line(out, "for (; j < %lld; j++)", (long long)window->out_width);
    out_line(out, "    to[j] = 0.0f;");
    out_close(out, "");
}

static void emit_lower_stage(const Emission *emission, const Window *window)
{
    Out *out = emission->out;
    const long long taps = window_taps(window), stride = window->stride_x, width = window->width, outputs = window->out_width;
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "float *const matrix = %s;", emit_scratch(emission, "float", 0));
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "const float *const from = x + item * %lld;", (long long)window->height * width);
    out_line(out, "float *to = matrix + item * %lld;", taps * plane_of(window));
    out_open(out, "for (int64_t tap = 0; tap < %lld; tap++)", taps);
    out_line(out, "const int64_t down = tap / %lld * %lld - %lld;", (long long)window->kernel_width, (long long)window->dilation_y,
             (long long)window->pad_top);
    out_line(out, "const int64_t right = tap %% %lld * %lld - %lld;", (long long)window->kernel_width, (long long)window->dilation_x,
             (long long)window->pad_left);
    out_comment(out, "Columns first .. end lie in the input.");
    out_line(out, "const int64_t lead = right < 0 ? (%lld - right) / %lld : 0;", stride - 1, stride);
    out_line(out, "const int64_t room = right < %lld ? (%lld - right) / %lld : 0;", width, width + stride - 1, stride);
    out_line(out, "const int64_t first = lead < %lld ? lead : %lld, end = room < %lld ? room : %lld;", outputs, outputs, outputs, outputs);
    emit_row(emission, window);
    out_close(out, "");
    out_close(out, "");
    out_close(out, "");
    out_blank(out);
}

static void emit_multiply_stage(const Emission *emission, const Lowered *lowered)
{
    Out *out = emission->out;
    const Window *window = &lowered->window;
    const long long outputs = window->outputs, blocks = lowered->tiles.blocks, plane = plane_of(window), each = outputs / window->group;
    emit_stage_open(emission, 1);
    out_line(out, "const float *const matrix = %s;", emit_scratch(emission, "const float", 0));
    out_line(out, "const float *const value = %s;", emit_packed(emission, VALUES));
    out_line(out, "const %s *const offset = %s;", offset_type(largest_offset(lowered)), emit_packed(emission, OFFSETS));
    out_line(out, "const int32_t *const start = %s;", emit_packed(emission, STARTS));
    out_line(out, "const float *const bias = %s;", emit_packed(emission, BIASES));
    if (!lowered->planes.contiguous)
        out_line(out, "float *const buffer = %s;", emit_thread_scratch(emission, "float", 0));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "const int64_t k = item %% %lld, strip = item / %lld;", outputs, outputs);
    out_line(out, "const int64_t n = strip / %lld%s;", blocks, blocks == 1 ? "" : arena_format(emission->arena, ", block = strip %% %lld", blocks));
    out_line(out, "const float *const group = matrix + (n * %lld + k / %lld) * %lld;", (long long)window->group, each, lowered->rows * plane);
    out_line(out, "const int64_t out = (n * %lld + k) * %lld;", outputs, plane);
    tiles_open(emission, &lowered->planes, &lowered->tiles);
    sums_declare(emission, lowered->tiles.size, lowered->ways, "v_set1(bias[k])");
    out_line(out, "const float *const image = group + at;");
    walk_emit(emission, &(Walk){&lowered->planes, &lowered->tiles, lowered->ways, "k", "image", "offset"});
    tiles_store(emission, &lowered->planes, &lowered->tiles, "a", "out", 0);
    out_close(out, "");
    tiles_finish(emission, &lowered->planes, &lowered->tiles, "out", 0);
    out_close(out, "");
    out_close(out, "");
}

static void emit(const Emission *emission)
{
    Lowered lowered;
    lowered_of(emission->problem, &emission->layer->tiling, &lowered);
    epilogue_define(emission);
    tiles_define_rows(emission, &lowered.matrix, &lowered.planes, &lowered.tiles);
    emit_lower_stage(emission, &lowered.window);
    emit_multiply_stage(emission, &lowered);
}

const Kernel kernel_sparse_lowered = {
    .name = "sparse_lowered", .sparse = true,
    .says = "windows laid out as a matrix, then sparse rows times that matrix",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
