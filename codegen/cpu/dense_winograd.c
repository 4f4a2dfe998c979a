/* A projection: Winograd's F(2x2,3x3) and F(4x4,3x3) (size[2]: outputs of a tile's side), each a stage of its own: inputs of a tile are transformed
   into (size + 2)^2 planes, as many matrix products multiply them with weights transformed when compiling, and the sums are transformed back. Vectors
   hold one element of as many tiles as there are lanes. Operations of the transforms: Lavin and Gray, Fast algorithms for convolutional neural
   networks, section 4. */
#include "codegen/cpu/product.h"

typedef struct Winograd {
    Window window;
    int side, rows, vectors, lanes;  /* of a tile of outputs; of a tile of accumulators */
    double elements, outputs_each;   /* of a tile: products, outputs */
    double in_operations, out_operations;
    double tiles, packs;             /* of a plane, in vectors */
    double channels, outputs, groups;/* of a group */
    double input, product;           /* floats of transformed inputs and sums, tiles in whole panels */
    int64_t panels, blocks;          /* of one product */
} Winograd;

static void winograd_of(const Problem *problem, const Tiling *tiling, Winograd *winograd)
{
    window_of(problem->node, &winograd->window);
    const Window *window = &winograd->window;
    const int side = winograd->side = tiling->size[2];
    winograd->rows = tiling->size[0];
    winograd->vectors = tiling->size[1];
    winograd->lanes = problem_lanes(problem);
    winograd->elements = (side + 2) * (side + 2);
    winograd->outputs_each = side * side;
    winograd->in_operations = side == 2 ? 32 : 156;
    winograd->out_operations = side == 2 ? 24 : 90;
    const int64_t tiles = divide_up(window->out_height, side) * divide_up(window->out_width, side);
    const int64_t width = (int64_t)winograd->vectors * winograd->lanes;
    winograd->tiles = (double)tiles;
    winograd->packs = (double)divide_up(tiles, winograd->lanes);
    winograd->groups = (double)window->group;
    winograd->channels = (double)(window->channels / window->group);
    winograd->outputs = (double)(window->outputs / window->group);
    winograd->panels = divide_up(window->batch * tiles, width);
    winograd->blocks = divide_up(window->outputs / window->group, winograd->rows);
    winograd->input = winograd->elements * (double)window->channels * (double)(winograd->panels * width);
    winograd->product = winograd->elements * (double)window->outputs * (double)(winograd->panels * width);
}

static bool fits(const Problem *problem)
{
    Window window;
    if (problem->node->op != OP_Conv || !problem_vector(problem) || !weights_constant(problem->node) || !window_of(problem->node, &window))
        return false;
    const double positions = (double)(window.batch * window.out_height * window.out_width);
    const double floats = 4.0 * positions * (double)(window.channels + window.outputs);    /* F(2x2,3x3) has 16 products for 4 positions */
    return window.kernel_height == 3 && window.kernel_width == 3 && window.stride_y == 1 && window.stride_x == 1 && window.dilation_y == 1 &&
           window.dilation_x == 1 && floats < INT32_MAX;
}

/* Of a product's tiles the tallest of every width: they load least. */
static int tilings(const Problem *problem, Tiling *list, int most)
{
    Tiling all[64];
    Window window;
    window_of(problem->node, &window);
    int kept = 0;
    for (int side = 4; side >= 2; side -= 2) {
        const int64_t tiles = window.batch * divide_up(window.out_height, side) * divide_up(window.out_width, side);
        const int count = product_tilings(problem, window.outputs / window.group, tiles, all, COUNT(all));
        for (int i = 0; i < count && kept < most; i++)
            if (i == 0 || all[i].size[1] != all[i - 1].size[1])
                list[kept++] = (Tiling){.size = {all[i].size[0], all[i].size[1], side}};
    }
    return kept;
}

/* ---- what it costs ---- */

/* A vector of tiles: rows of the input are read whole and parted into the columns of tiles; every element of the transform is stored. */
static void input_work(const Problem *problem, const Winograd *winograd, Work *work)
{
    const Window *window = &winograd->window;
    const double planes = (double)(window->batch * window->channels), plane = 4 * (double)(window->height * window->width);
    const double reach = winograd->side + 2;
    Meter meter = meter_begin(problem, work);
    meter.runs = planes;
    meter_other(&meter, 30);
    meter_loop(&meter, planes * winograd->packs);
    meter_load(&meter, reach * (winograd->side + 1), split_share(winograd->lanes));
    meter_move(&meter, winograd->elements);
    meter_vector(&meter, winograd->in_operations);
    meter_store(&meter, winograd->elements);
    meter_other(&meter, 2 * reach + 8);
    meter_hot(&meter);
    meter_end(&meter);
    stage_touch(meter.stage, TOUCH_INPUT, planes * plane);
    stage_touch_again(meter.stage, planes * plane * 2 / winograd->side, plane / (double)window->height * reach * 2);    /* rows that tiles share */
    stage_touch(meter.stage, TOUCH_OUTPUT, 4 * winograd->input);
}

/* For each of the elements one product: all blocks of rows pass over one panel, then over the next. */
static void product_work(const Problem *problem, const Winograd *winograd, Work *work)
{
    const double panels = (double)winograd->panels, blocks = (double)winograd->blocks, products = winograd->elements * winograd->groups;
    const double panel = 4 * winograd->channels * winograd->vectors * winograd->lanes, matrix = 4 * winograd->outputs * winograd->channels;
    const double written = 4 * winograd->outputs * winograd->vectors * winograd->lanes;
    Meter meter = meter_begin(problem, work);
    meter.runs = products * panels * blocks;
    meter_other(&meter, 30);
    meter.runs = products * panels * winograd->outputs / winograd->rows;     /* the last block may be lower */
    meter_product(&meter, winograd->rows, winograd->vectors, winograd->window.channels / winograd->window.group);
    meter_store(&meter, (double)winograd->rows * winograd->vectors);
    meter_end(&meter);
    stage_touch_again(meter.stage, 4 * winograd->input, 4 * winograd->input * 1.5);
    stage_touch_again(meter.stage, 4 * winograd->input * (blocks - 1), panel + matrix / blocks);
    stage_touch(meter.stage, TOUCH_WEIGHTS, products * matrix);
    stage_touch_again(meter.stage, products * matrix * (panels - 1), matrix + panel + written);
    stage_touch(meter.stage, TOUCH_OUTPUT, 4 * winograd->product);
    work->weight_bytes = products * matrix + 4 * winograd->outputs * winograd->groups + epilogue_bytes(problem);
}

static void output_work(const Problem *problem, const Winograd *winograd, Work *work)
{
    const Window *window = &winograd->window;
    const double planes = (double)(window->batch * window->outputs);
    Meter meter = meter_begin(problem, work);
    meter.runs = planes;
    meter_other(&meter, 30);
    meter_loop(&meter, planes * winograd->packs);
    meter_load(&meter, winograd->elements, 0);
    meter_vector(&meter, winograd->out_operations + winograd->outputs_each);     /* and the bias */
    meter_move(&meter, winograd->outputs_each);
    meter_put(&meter, problem, winograd->outputs_each, 0);
    meter_other(&meter, 2 * winograd->side + 8);
    meter_hot(&meter);
    meter_end(&meter);
    stage_touch_again(meter.stage, 4 * winograd->product, 4 * winograd->product * 1.5);
    epilogue_touch(meter.stage, problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Winograd winograd;
    winograd_of(problem, tiling, &winograd);
    const Window *window = &winograd.window;
    input_work(problem, &winograd, work);
    product_work(problem, &winograd, work);
    output_work(problem, &winograd, work);
    work->multiply_adds = (double)(window->batch * window->outputs * window->out_height * window->out_width) * winograd.channels * 9;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Winograd winograd;
    winograd_of(problem, tiling, &winograd);
    const Window *window = &winograd.window;
    const int64_t products = (int64_t)winograd.elements * window->group;
    layer->stages[layer->stage_count++] = (StagePlan){.items = window->batch * window->channels, .says = "transform input"};
    layer->stages[layer->stage_count++] = (StagePlan){.items = products * winograd.panels * winograd.blocks, .says = "multiply"};
    layer->stages[layer->stage_count++] = (StagePlan){.items = window->batch * window->outputs, .says = "transform output"};
    layer->scratch_bytes = 4 * (size_t)(winograd.input + winograd.product);
}

const Kernel kernel_dense_winograd = {
    .name = "dense_winograd",
    .says = "Winograd's transforms around a batch of matrix products",
    .fits = fits, .tilings = tilings, .work = work, .stages = stages,
};
