/* Winograd's F(2x2,3x3) and F(4x4,3x3) for convolutions of stride 1: a panel of tiles of the input is transformed, each element of the transform is a
   matrix product with weights transformed when compiling, and the sums of a block of output channels are transformed back while they lie in the
   nearest cache. The inputs of a panel are a thread's own where they serve all output channels at once; or a first stage transforms all of them. An
   infinity or NaN spreads over its tile, and more inputs overflow than in the definition. Lavin and Gray, Fast algorithms for convolutional neural
   networks, has the method; dense_winograd_numbers.c the points and the bound of the error. */
#include "codegen/cpu/dense_winograd.h"

/* ---- geometry ---- */

void winograd_of(const Problem *problem, const Tiling *tiling, Winograd *winograd)
{
    *winograd = (Winograd){.rows = tiling->size[TILING_ROWS], .vectors = tiling->size[TILING_VECTORS], .side = tiling->size[TILING_SIDE],
                           .blocks = tiling->size[TILING_BLOCKS], .shared = tiling->size[TILING_SHARED] != 0, .lanes = problem_lanes(problem)};
    window_of(problem->node, &winograd->window);
    const Window *window = &winograd->window;
    winograd->reach = winograd->side + 2;
    winograd->elements = winograd->reach * winograd->reach;
    winograd->tall = divide_up(window->out_height, winograd->side);
    winograd->wide = divide_up(window->out_width, winograd->side);
    winograd->tiles = window->batch * winograd->tall * winograd->wide;
    winograd->row_blocks = divide_up(winograd->tiles, winograd->rows);
    winograd->panel = (int64_t)winograd->rows * winograd->blocks;
    winograd->panels = divide_up(winograd->row_blocks, winograd->blocks);
    winograd->channels = window->channels / window->group;
    winograd->outputs = window->outputs / window->group;
    winograd->channel_blocks = divide_up(winograd->channels, winograd->lanes);
    winograd->width = (int64_t)winograd->vectors * winograd->lanes;
    winograd->output_blocks = divide_up(winograd->outputs, winograd->width);
    winograd->input_step = (winograd->channel_blocks * winograd->panel + 1) * winograd->lanes;
    winograd->product_step = winograd->panel * winograd->width + winograd->lanes;
    winograd->inputs = winograd->elements * winograd->input_step;
    winograd->piece = winograd->shared || winograd->wide < winograd->panel ? winograd->wide : winograd->panel;
    winograd->input_pitch = winograd->piece * winograd->side + 2 + 2 * winograd->lanes;
    winograd->output_pitch = winograd->piece * winograd->side + winograd->lanes;
}

int64_t winograd_lines(const Winograd *winograd)
{
    return winograd->window.batch * winograd->tall;
}

WinogradPrivate winograd_private(const Winograd *winograd)
{
    WinogradPrivate private = {.pixels = 0};
    private.inputs = private.pixels + winograd->reach * winograd->input_pitch * winograd->lanes;
    private.products = private.inputs + (winograd->shared ? 0 : winograd->inputs);
    private.results = private.products + winograd->elements * winograd->product_step;
    private.all = private.results + winograd->side * winograd->output_pitch * winograd->lanes;
    return private;
}

/* ---- what there is to choose ---- */

static bool plain_window(const Window *window)
{
    return window->kernel_height == 3 && window->kernel_width == 3 && window->stride_y == 1 && window->stride_x == 1 && window->dilation_y == 1 &&
           window->dilation_x == 1;
}

static bool fits(const Problem *problem)
{
    Window window;
    if (problem->rules.no_winograd || problem->rules.strict_nonfinite || problem->node->op != OP_Conv || !problem_vector(problem) ||
        !weights_constant(problem->node) || !window_of(problem->node, &window) || !plain_window(&window))
        return false;
    /* the transform is no larger than 36 / 9 of the weights, of a plane 9 times that of its outputs in whole tiles, in whole vectors of channels */
    const double positions = (double)window.batch * (double)(window.out_height + 3) * (double)(window.out_width + 3);
    const double vectors = (double)window.group * ((double)window.channels / (double)window.group + problem_lanes(problem));
    return 9 * positions * vectors < INT32_MAX / 4.0 && 36.0 * (double)window.outputs * vectors < INT32_MAX / 4.0;
}

/* As few blocks of so many as there must be, and all about as large. */
static int64_t even(int64_t count, int64_t most)
{
    return divide_up(count, divide_up(count, most));
}

/* Products of `rows` x `vectors`, in panels of one, two or four blocks, with inputs transformed in a stage of their own or not. */
static int add_tilings(const Winograd *winograd, int rows, int vectors, Tiling *list, int count, int most)
{
    const int64_t row_blocks = divide_up(winograd->tiles, rows);
    for (int shared = 0; shared <= 1; shared++)
        for (int blocks = 1; blocks <= 4 && blocks <= row_blocks && count < most; blocks *= 2)
            list[count++] = (Tiling){.size = {rows, vectors, winograd->side, blocks, shared}};
    return count;
}

static int side_tilings(const Problem *problem, int side, Tiling *list, int count, int most)
{
    const int room = problem->target->isa.kept;
    Winograd winograd;
    winograd_of(problem, &(Tiling){.size = {1, 1, side, 1, 0}}, &winograd);
    int64_t seen = 0;
    for (int vectors = 1; vectors <= MOST_VECTORS && 3 * vectors <= room; vectors++) {
        const int64_t width = even(divide_up(winograd.outputs, winograd.lanes), vectors), rows = even(winograd.tiles, (room - vectors) / vectors);
        if (width == seen)
            continue;
        seen = width;
        count = add_tilings(&winograd, (int)rows, (int)width, list, count, most);
    }
    return count;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    return side_tilings(problem, 2, list, side_tilings(problem, 4, list, 0, most), most);
}

/* ---- what it costs ---- */

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Winograd winograd;
    winograd_of(problem, tiling, &winograd);
    const int64_t groups = winograd.window.group;
    if (winograd.shared) {
        layer->stages[layer->stage_count++] = (StagePlan){.items = winograd_lines(&winograd) * groups * winograd.channel_blocks, .says = "transform"};
        layer->scratch_bytes = (size_t)(winograd.panels * groups * winograd.inputs) * sizeof(float);
    }
    const int64_t items = winograd.panels * groups * (winograd.shared ? winograd.output_blocks : 1);
    layer->stages[layer->stage_count++] = (StagePlan){.items = items, .says = winograd.shared ? "multiply, transform back" : "transform, multiply"};
    layer->thread_bytes = (size_t)winograd_private(&winograd).all * sizeof(float);
}

const Kernel kernel_dense_winograd = {
    .name = "dense_winograd",
    .says = "Winograd's transforms around a batch of matrix products",
    .fits = fits, .tilings = tilings, .work = winograd_work, .stages = stages, .pack = winograd_pack, .magnitudes = winograd_magnitudes,
    .emit = winograd_emit,
};
