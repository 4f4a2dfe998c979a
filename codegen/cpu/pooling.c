/* Largest and average values of windows over one or two axes, as depthwise layers without weights: a channel's planes are filled in memory of the
   thread's own (padding holds what changes no result) and taps are unrolled over a tile of positions. Averages divide by a table of counts where
   windows at the border count fewer elements. A NaN makes every window that sees it NaN. */
#include "codegen/cpu/cpu.h"

#define MOST_UNROLLED_TAPS 64

typedef struct Pooling {
    Window window;
    Planes planes;
    Tiles tiles;
    bool average, even;              /* even: all windows count the same */
    double count;
} Pooling;

/* Elements that the window at (p, q) counts: those of the input, or of the padded input. */
static int64_t window_count(const Window *window, bool padding, int64_t p, int64_t q)
{
    const int64_t below = padding ? window->pad_bottom : 0, right = padding ? window->pad_right : 0;
    const int64_t top = p * window->stride_y - window->pad_top, left = q * window->stride_x - window->pad_left;
    int64_t rows = 0, columns = 0;
    for (int64_t r = 0; r < window->kernel_height; r++) {
        const int64_t y = top + r * window->dilation_y;
        rows += (padding || y >= 0) && y < window->height + below;
    }
    for (int64_t s = 0; s < window->kernel_width; s++) {
        const int64_t x = left + s * window->dilation_x;
        columns += (padding || x >= 0) && x < window->width + right;
    }
    return rows * columns > 0 ? rows * columns : 1;
}

static bool counts_padding(const Node *node)
{
    return node_int(node, ATTR_count_include_pad, 0) != 0;
}

static bool counts_even(const Window *window, bool padding)
{
    const int64_t first = window_count(window, padding, 0, 0);
    for (int64_t p = 0; p < window->out_height; p++)
        for (int64_t q = 0; q < window->out_width; q++)
            if (window_count(window, padding, p, q) != first)
                return false;
    return true;
}

static void pooling_of(const Problem *problem, const Tiling *tiling, Pooling *pooling)
{
    const Node *node = problem->node;
    window_of(node, &pooling->window);
    const int lanes = problem_lanes(problem);
    planes_for(problem, &pooling->window, tiling, &pooling->planes);
    tiles_of(&pooling->planes, lanes, tiling->size[1], 1, INT32_MAX, 1, &pooling->tiles);
    pooling->average = node->op == OP_AveragePool;
    pooling->even = pooling->average && tiling->size[2] != 0;
    pooling->count = (double)window_count(&pooling->window, counts_padding(node), 0, 0);
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    PlaneMode modes[PLANE_MODES];
    if ((node->op != OP_MaxPool && node->op != OP_AveragePool) || !problem_vector(problem) || !window_of(node, &window))
        return false;
    if ((node->output_count > 1 && node->outputs[1]) || window_taps(&window) > MOST_UNROLLED_TAPS)
        return false;
    return planes_modes(problem, &window, true, modes) > 0;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Planes planes;
    window_of(problem->node, &window);
    const int lanes = problem_lanes(problem), limit = problem->target->isa.registers == 32 ? 16 : 8;
    const bool even = problem->node->op == OP_AveragePool && counts_even(&window, counts_padding(problem->node));
    PlaneMode modes[PLANE_MODES];
    const int mode_count = planes_modes(problem, &window, true, modes);
    int count = 0, sizes[MOST_SIZES];
    for (int i = 0; i < mode_count; i++) {
        planes_of(&window, modes[i], lanes, problem->graph->ctx->scratch, &planes);
        for (int size = tiles_sizes(&planes, lanes, limit, sizes) - 1; size >= 0; size--) {
            const int room = problem->node->op == OP_AveragePool || count == most ? most : count + 1;    /* a maximum's padding is not zero */
            count = planes_tilings(problem, &window, &planes, (Tiling){.size = {modes[i], sizes[size], even}}, list, count, room);
        }
    }
    return count;
}

/* All taps of a tile, unrolled. */
static void meter_tile(Meter *meter, const Problem *problem, const Pooling *pooling)
{
    const double taps = (double)window_taps(&pooling->window), size = pooling->tiles.size;
    const double split = split_share_of(pooling->tiles.lanes, pooling->planes.taps, (int64_t)taps, pooling->planes.channel);
    meter_other(meter, 7);
    meter_load(meter, size, split);
    if (pooling->average) {
        meter_vector_load(meter, (taps - 1) * size, split);
        meter_load(meter, pooling->even ? 0 : size, 0);
        meter_divide(meter, size);
    } else {
        meter_extreme_load(meter, (taps - 1) * size, split);
    }
    meter_tiles_store(meter, problem, &pooling->planes, &pooling->tiles);
    meter_chain(meter, (taps - 1) * (pooling->average ? 1 : 2), 8 + taps * size);
}

static void touch(const Problem *problem, const Pooling *pooling, StageWork *stage)
{
    const Window *window = &pooling->window;
    const double plane = 4 * (double)pooling->planes.channel, input = 4 * (double)(window->height * window->width);
    planes_touch_private(stage, window, &pooling->planes, &pooling->tiles, 1, pooling->planes.given ? plane : input);
    epilogue_touch(stage, problem);
}

static double counts_bytes(const Pooling *pooling)
{
    return pooling->average && !pooling->even ? 4 * (double)(pooling->planes.positions + pooling->tiles.lanes) : 0;
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Pooling pooling;
    pooling_of(problem, tiling, &pooling);
    const Window *window = &pooling.window;
    const double channels = (double)(window->batch * window->channels), outer = (double)(window->out_height * window->out_width);
    Meter meter = meter_begin(problem, work);
    meter_loop(&meter, channels * (double)pooling.tiles.tiles);
    meter_tile(&meter, problem, &pooling);
    meter_hot(&meter);
    meter.runs = channels;
    meter_other(&meter, 20);
    meter_tiles_finish(&meter, problem, window, &pooling.planes, &pooling.tiles);
    meter_planes(&meter, window, &pooling.planes, pooling.tiles.lanes);
    meter_end(&meter);
    touch(problem, &pooling, meter.stage);
    stage_touch(meter.stage, TOUCH_WEIGHTS, counts_bytes(&pooling));
    work->multiply_adds = channels * outer * (double)window_taps(window);
    work->weight_bytes = counts_bytes(&pooling) + epilogue_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Pooling pooling;
    pooling_of(problem, tiling, &pooling);
    layer->stages[layer->stage_count++] = (StagePlan){.items = pooling.window.batch * pooling.window.channels, .says = "pool"};
    layer->thread_bytes = 4 * (size_t)planes_private_floats(&pooling.planes);
    if (!pooling.planes.contiguous)
        layer->thread_bytes += 4 * (size_t)pooling.tiles.block_floats;
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Pooling pooling;
    pooling_of(problem, tiling, &pooling);
    const Window *window = &pooling.window;
    if (pooling.average && !pooling.even) {
        const int64_t floats = pooling.planes.positions + pooling.tiles.lanes;
        float *counts = arena_array(packed->arena, float, floats);
        for (int64_t i = 0; i < floats; i++)
            counts[i] = 1;
        for (int64_t p = 0; p < window->out_height; p++)
            for (int64_t q = 0; q < window->out_width; q++)
                counts[p * pooling.planes.pitch + q] = (float)window_count(window, counts_padding(problem->node), p, q);
        packed_add(packed, "float", counts, (size_t)floats * sizeof *counts);
    }
    epilogue_pack(problem, packed);
}

static void emit_taps(const Emission *emission, const Pooling *pooling)
{
    Out *out = emission->out;
    const int64_t taps = window_taps(&pooling->window);
    out_line(out, "const float *const from = planes + at;");
    for (int v = 0; v < pooling->tiles.size; v++) {
        const char *first = arena_format(emission->arena, "from + %lld", (long long)pooling->planes.taps[0]);
        out_line(out, "v_float a%d = %s;", v, tiles_load(emission, &pooling->planes, &pooling->tiles, first, v));
    }
    for (int64_t t = 1; t < taps; t++)
        for (int v = 0; v < pooling->tiles.size; v++) {
            const char *from = arena_format(emission->arena, "from + %lld", (long long)pooling->planes.taps[t]);
            const char *load = tiles_load(emission, &pooling->planes, &pooling->tiles, from, v);
            out_line(out, "a%d = %s(a%d, %s);", v, pooling->average ? "v_add" : "v_max", v, load);
        }
    for (int v = 0; v < pooling->tiles.size && pooling->average; v++) {
        if (pooling->even)
            out_line(out, "a%d = v_div(a%d, v_set1(%s));", v, v, out_float(emission->arena, pooling->count, TYPE_F32));
        else
            out_line(out, "a%d = v_div(a%d, v_load(counts + (at + %d)));", v, v, v * pooling->tiles.lanes);
    }
}

static void emit_channel(const Emission *emission, const Pooling *pooling)
{
    Out *out = emission->out;
    const Window *window = &pooling->window;
    planes_channel(emission, window, &pooling->planes);
    out_line(out, "const int64_t out = item * %lld;", (long long)(window->out_height * window->out_width));
    if (pooling->tiles.blocks > 1)
        out_open(out, "for (int64_t block = 0; block < %lld; block++)", (long long)pooling->tiles.blocks);
    tiles_open(emission, &pooling->planes, &pooling->tiles);
    emit_taps(emission, pooling);
    tiles_store(emission, &pooling->planes, &pooling->tiles, "a", "out", 0);
    out_close(out, "");
    tiles_finish(emission, &pooling->planes, &pooling->tiles, "out", 0);
    if (pooling->tiles.blocks > 1)
        out_close(out, "");
}

static void emit(const Emission *emission)
{
    Pooling pooling;
    pooling_of(emission->problem, &emission->layer->tiling, &pooling);
    Out *out = emission->out;
    const char *fill = pooling.average ? "0.0f" : "-__builtin_inff()";
    epilogue_define(emission);
    tiles_define_rows(emission, &pooling.window, &pooling.planes, &pooling.tiles);
    if (planes_packs(&pooling.planes))
        planes_define_pack(emission, &pooling.window, &pooling.planes, fill);
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    if (pooling.average && !pooling.even)
        out_line(out, "const float *const counts = %s;", emit_packed(emission, 0));
    planes_private(emission, &pooling.planes, fill);
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_channel(emission, &pooling);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_pooling = {
    .name = "pooling",
    .says = "windows over a channel's planes, taps unrolled",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
