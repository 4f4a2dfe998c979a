/* Convolutions in which every output channel has one input channel: the taps are unrolled with their offsets as constants, over a tile of positions.
   A channel's planes are filled just before use, in memory of the thread's own, so that they are still in L1. */
#include "codegen/cpu/cpu.h"

#define MOST_UNROLLED_TAPS 64

typedef struct Depthwise {
    Window window;
    Planes planes;
    Tiles tiles;
    int64_t multiplier;              /* output channels of an input channel */
} Depthwise;

static void depthwise_of(const Problem *problem, const Tiling *tiling, Depthwise *depthwise)
{
    window_of(problem->node, &depthwise->window);
    const int lanes = problem_lanes(problem);
    planes_for(problem, &depthwise->window, tiling, &depthwise->planes);
    /* as many items as channels, without blocks: a channel's planes serve all of its outputs */
    tiles_of(&depthwise->planes, lanes, tiling->size[1], 1, INT32_MAX, 1, &depthwise->tiles);
    depthwise->multiplier = depthwise->window.outputs / depthwise->window.channels;
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    PlaneMode modes[PLANE_MODES];
    if (node->op != OP_Conv || !problem_vector(problem) || !weights_constant(node) || !window_of(node, &window))
        return false;
    if (window.group != window.channels || window_taps(&window) > MOST_UNROLLED_TAPS)
        return false;
    return planes_modes(problem, &window, true, modes) > 0;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Planes planes;
    window_of(problem->node, &window);
    const int lanes = problem_lanes(problem), limit = problem->target->isa.registers == 32 ? 16 : 8;
    PlaneMode modes[PLANE_MODES];
    const int mode_count = planes_modes(problem, &window, true, modes);
    int count = 0, sizes[MOST_SIZES];
    for (int i = 0; i < mode_count; i++) {
        planes_of(&window, modes[i], lanes, problem->graph->ctx->scratch, &planes);
        for (int size = tiles_sizes(&planes, lanes, limit, sizes) - 1; size >= 0; size--)
            count = planes_tilings(problem, &window, &planes, (Tiling){.size = {modes[i], sizes[size]}}, list, count, most);
    }
    return count;
}

/* All taps of a tile, unrolled. The taps' values are broadcast once for all tiles where registers are many, else for each. */
static void meter_tile(Meter *meter, const Problem *problem, const Depthwise *depthwise)
{
    const double taps = (double)window_taps(&depthwise->window), size = depthwise->tiles.size;
    const bool kept = meter->isa->registers >= 32 && size > 1 && size + taps <= meter->isa->registers - 2;
    const double split = split_share_of(depthwise->tiles.lanes, depthwise->planes.taps, (int64_t)taps, depthwise->planes.channel);
    meter_other(meter, 7);
    meter_move(meter, size);
    meter_load(meter, kept ? 0 : taps, 0);
    meter_fma_load(meter, taps * size, split);
    meter_tiles_store(meter, problem, &depthwise->planes, &depthwise->tiles);
    meter_chain(meter, taps, 8 + taps * (1 + size));
}

static void touch(const Problem *problem, const Depthwise *depthwise, StageWork *stage)
{
    const Window *window = &depthwise->window;
    const double output = 4 * (double)(depthwise->multiplier * window->out_height * window->out_width);
    planes_touch_private(stage, window, &depthwise->planes, &depthwise->tiles, (double)depthwise->multiplier, output);
    stage_touch(stage, TOUCH_WEIGHTS, 4 * (double)(window->outputs * (window_taps(window) + 1)));
    epilogue_touch(stage, problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Depthwise depthwise;
    depthwise_of(problem, tiling, &depthwise);
    const Window *window = &depthwise.window;
    const double channels = (double)(window->batch * window->channels), outputs = (double)(window->batch * window->outputs);
    const double taps = (double)window_taps(window);
    Meter meter = meter_begin(problem, work);
    meter_loop(&meter, outputs * (double)depthwise.tiles.tiles);
    meter_tile(&meter, problem, &depthwise);
    meter_hot(&meter);
    meter.runs = outputs;
    meter_other(&meter, 15);
    meter_load(&meter, taps, 0);
    meter_tiles_finish(&meter, problem, window, &depthwise.planes, &depthwise.tiles);
    meter.runs = channels;
    meter_other(&meter, 10);
    meter_planes(&meter, window, &depthwise.planes, depthwise.tiles.lanes);
    meter_end(&meter);
    touch(problem, &depthwise, meter.stage);
    work->multiply_adds = outputs * taps * (double)(window->out_height * window->out_width);
    work->weight_bytes = 4.0 * (double)window->outputs * (taps + 1) + epilogue_bytes(problem);
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Depthwise depthwise;
    depthwise_of(problem, tiling, &depthwise);
    layer->stages[layer->stage_count++] = (StagePlan){.items = depthwise.window.batch * depthwise.window.channels, .says = "multiply"};
    layer->thread_bytes = 4 * (size_t)planes_private_floats(&depthwise.planes);
    if (!depthwise.planes.contiguous)
        layer->thread_bytes += 4 * (size_t)depthwise.tiles.block_floats;
}

enum { WEIGHTS, BIASES };

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    (void)tiling;
    const Node *node = problem->node;
    const int64_t outputs = node->outputs[0]->shape.dims[1];
    packed_value(packed, node->inputs[1]);
    packed_add(packed, "float", weights_bias(node, outputs, 1, packed->arena), (size_t)outputs * sizeof(float));
    epilogue_pack(problem, packed);
}

static void emit_taps(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const int64_t taps = window_taps(&depthwise->window);
    for (int v = 0; v < depthwise->tiles.size; v++)
        out_line(out, "v_float a%d = v_set1(bias[k]);", v);
    out_line(out, "const float *const from = planes + at;");
    for (int64_t t = 0; t < taps; t++) {
        out_line(out, "const v_float w%lld = v_set1(w[%lld]);", (long long)t, (long long)t);
        const char *from = arena_format(emission->arena, "from + %lld", (long long)depthwise->planes.taps[t]);
        for (int v = 0; v < depthwise->tiles.size; v++)
            out_line(out, "a%d = v_fma(w%lld, %s, a%d);", v, (long long)t, tiles_load(emission, &depthwise->planes, &depthwise->tiles, from, v), v);
    }
}

static void emit_channel(const Emission *emission, const Depthwise *depthwise)
{
    Out *out = emission->out;
    const Window *window = &depthwise->window;
    const long long taps = window_taps(window), multiplier = depthwise->multiplier;
    planes_channel(emission, window, &depthwise->planes);
    out_open(out, "for (int64_t j = 0; j < %lld; j++)", multiplier);
    out_line(out, "const int64_t k = item %% %lld * %lld + j;", (long long)window->channels, multiplier);
    out_line(out, "const float *const w = weights + k * %lld;", taps);
    out_line(out, "const int64_t out = (item * %lld + j) * %lld;", multiplier, (long long)(window->out_height * window->out_width));
    if (depthwise->tiles.blocks > 1)
        out_open(out, "for (int64_t block = 0; block < %lld; block++)", (long long)depthwise->tiles.blocks);
    tiles_open(emission, &depthwise->planes, &depthwise->tiles);
    emit_taps(emission, depthwise);
    tiles_store(emission, &depthwise->planes, &depthwise->tiles, "a", "out", 0);
    out_close(out, "");
    tiles_finish(emission, &depthwise->planes, &depthwise->tiles, "out", 0);
    if (depthwise->tiles.blocks > 1)
        out_close(out, "");
    out_close(out, "");
}

static void emit(const Emission *emission)
{
    Depthwise depthwise;
    depthwise_of(emission->problem, &emission->layer->tiling, &depthwise);
    Out *out = emission->out;
    const bool packed = planes_packs(&depthwise.planes);
    epilogue_define(emission);
    tiles_define_rows(emission, &depthwise.window, &depthwise.planes, &depthwise.tiles);
    if (packed)
        planes_define_pack(emission, &depthwise.window, &depthwise.planes, "0.0f");
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "const float *const weights = %s;", emit_packed(emission, WEIGHTS));
    out_line(out, "const float *const bias = %s;", emit_packed(emission, BIASES));
    planes_private(emission, &depthwise.planes, "0.0f");
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_channel(emission, &depthwise);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_depthwise = {
    .name = "depthwise",
    .says = "one input channel an output channel, taps unrolled",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
