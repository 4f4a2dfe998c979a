/* Convolutions with constant weights as products with a lowered matrix that is never built: lanes are output channels, rows of a tile are
   neighbouring outputs, whose inputs are broadcast from where they lie. So nothing is wasted at the ends of rows, strides and dilations are constant
   offsets, and only padding asks for a copy of the input. Weights are packed when compiling, in order of execution; finished tiles are turned before
   they are stored. Any geometry over one or two axes. Infinities and NaNs spread as in the operator's definition, where padding is a zero that
   weights are multiplied with. */
#include "codegen/cpu/dense_implicit.h"

#include <math.h>

#define IN_PLACE PLANE_MODES         /* beside the modes of planes: strides walked in the input as it is */
#define ENOUGH_ITEMS 16              /* to share among threads */
#define MOST_VECTORS 8
#define SMALL_L2 (1 << 18)           /* bytes: of cores whose level 2 is not known */

enum { MODE, VECTORS, WIDE, HIGH };  /* a tiling's numbers: of a tile, vectors of channels, columns and rows of outputs */

/* What every output reads lies inside the input, or inside rows of a padded one. */
static bool reached(const Window *window, int64_t height, int64_t width)
{
    return (window->out_height - 1) * window->stride_y + (window->kernel_height - 1) * window->dilation_y < height &&
           (window->out_width - 1) * window->stride_x + (window->kernel_width - 1) * window->dilation_x < width;
}

static bool walks_plain(const Window *window)
{
    return window->pad_top == 0 && window->pad_left == 0 && reached(window, window->height, window->width);
}

static bool strided(const Window *window)
{
    return window->stride_x > 1 || window->stride_y > 1;
}

static void walk_in_place(const Problem *problem, const Tiling *tiling, Implicit *implicit)
{
    const Window *window = &implicit->window;
    const Layout *in = &tiling->in;
    const bool plain = layout_plain(in);
    const int64_t pitch = plain ? window->width : in->pitch;
    const int64_t first = plain ? 0 : (in->top - window->pad_top) * pitch + in->left - window->pad_left;
    int64_t *taps = arena_array(problem->graph->ctx->scratch, int64_t, window_taps(window));
    for (int64_t t = 0; t < window_taps(window); t++)
        taps[t] = first + t / window->kernel_width * window->dilation_y * pitch + t % window->kernel_width * window->dilation_x;
    implicit->taps = taps;
    implicit->down = window->stride_y * pitch;
    implicit->right = window->stride_x;
    implicit->channel = pitch * (plain ? window->height : in->rows);
    implicit->image = implicit->channel * window->channels;
}

static void walk_planes(const Problem *problem, const Tiling *tiling, Implicit *implicit)
{
    planes_for(problem, &implicit->window, tiling, &implicit->planes);
    implicit->taps = implicit->planes.taps;
    implicit->down = implicit->planes.pitch;
    implicit->right = 1;
    implicit->channel = implicit->planes.channel;
    implicit->image = implicit->planes.image;
}

/* Rows of outputs are joined where nothing lies between them. */
static void join_rows(const Tiling *tiling, Implicit *implicit)
{
    const Window *window = &implicit->window;
    implicit->height = window->out_height;
    implicit->width = window->out_width;
    implicit->flat = window->out_height == 1;
    if (implicit->flat || !layout_plain(&tiling->out))
        return;
    const bool column = window->out_width == 1;
    if (!column && implicit->down != window->out_width * implicit->right)
        return;
    implicit->right = column ? implicit->down : implicit->right;
    implicit->width = window->out_height * window->out_width;
    implicit->height = 1;
    implicit->flat = true;
}

static int64_t strips_of(const Problem *problem, const Implicit *implicit)
{
    const Window *window = &implicit->window;
    const double l2 = problem->target->machine.l2_bytes > 0 ? problem->target->machine.l2_bytes : SMALL_L2;
    const int64_t lines = implicit->flat ? implicit->columns : implicit->rows;
    const double line = 4 * (double)implicit->image / (double)(window->group * lines);
    /* the last tile of a row may begin inside the one before, which must be of the same strip */
    const int64_t most = implicit->flat && implicit->width % implicit->wide != 0 ? lines / 2 : lines;
    int64_t strips = (int64_t)ceil((double)lines * line / (l2 / 2));
    const int64_t items = window->batch * window->group * implicit->units;
    if (strips * items < ENOUGH_ITEMS)
        strips = divide_up(ENOUGH_ITEMS, items);
    return strips > most ? (most > 1 ? most : 1) : strips;
}

void implicit_of(const Problem *problem, const Tiling *tiling, Implicit *implicit)
{
    *implicit = (Implicit){.lanes = problem_lanes(problem), .vectors = tiling->size[VECTORS], .wide = tiling->size[WIDE],
                           .high = tiling->size[HIGH]};
    window_of(problem->node, &implicit->window);
    const Window *window = &implicit->window;
    implicit->group_outputs = window->outputs / window->group;
    implicit->group_channels = window->channels / window->group;
    implicit->units = divide_up(implicit->group_outputs, panel_width(implicit));
    const bool planes = tiling->size[MODE] != IN_PLACE && layout_plain(&tiling->in);
    (planes ? walk_planes : walk_in_place)(problem, tiling, implicit);
    join_rows(tiling, implicit);
    implicit->columns = divide_up(implicit->width, implicit->wide);
    implicit->rows = divide_up(implicit->height, implicit->high);
    implicit->strips = strips_of(problem, implicit);
}

/* ---- what fits, and how ---- */

/* Outputs of a tile so many vectors wide that its sums, the weights of a step and one input stay in registers. */
static int most_rows(const Problem *problem, int vectors)
{
    const Isa *isa = &problem->target->isa;
    const int room = isa->kept - vectors, most = 16 / vectors > 4 ? 16 : 24;
    return room / vectors < most ? room / vectors : most;
}

/* The tile's rows shared out evenly over those of a plane; of narrow planes several rows at once, if they come out even. */
static int shapes(const Problem *problem, const Implicit *implicit, Tiling tiling, Tiling *list, int count, int most)
{
    for (int vectors = MOST_VECTORS; vectors >= 1; vectors--) {
        const int rows = most_rows(problem, vectors);
        const bool used = vectors == 1 || (vectors - 1) * (int64_t)implicit->lanes < implicit->group_outputs;
        /* wide tiles, and those wider than high, are for a few outputs: else two to four vectors load less */
        const bool odd = (vectors > 4 || rows < vectors) && (vectors % 2 != 0 || implicit->width * implicit->height > 6);
        if (rows < 1 || !used || odd || count == most)
            continue;
        const int wide = (int)divide_up(implicit->width, divide_up(implicit->width, rows));
        int high = wide == implicit->width ? rows / wide : 1;
        while (implicit->height % high != 0)
            high--;
        tiling.size[VECTORS] = vectors;
        tiling.size[WIDE] = wide;
        tiling.size[HIGH] = high;
        list[count++] = tiling;
    }
    return count;
}

/* All tiles of one way to read the input, then the same again with the padded layout that needs no copy, if its rows are as long to tiles. */
static int add_shapes(const Problem *problem, Tiling tiling, const Layout *padded, Tiling *list, int count, int most)
{
    Implicit plain, in_place;
    const int first = count;
    tiling.size[VECTORS] = tiling.size[WIDE] = tiling.size[HIGH] = 1;
    implicit_of(problem, &tiling, &plain);
    count = shapes(problem, &plain, tiling, list, count, most);
    if (padded == NULL)
        return count;
    tiling.in = *padded;
    implicit_of(problem, &tiling, &in_place);
    for (int i = first, past = count; i < past && count < most && in_place.flat == plain.flat; i++) {
        list[count] = list[i];
        list[count++].in = *padded;
    }
    return count;
}

/* The layout in which a strided window can be walked. */
static Layout padded_in_place(const Window *window)
{
    const int64_t down = (window->out_height - 1) * window->stride_y + (window->kernel_height - 1) * window->dilation_y + 1;
    const int64_t across = (window->out_width - 1) * window->stride_x + (window->kernel_width - 1) * window->dilation_x + 1;
    const int64_t rows = window->pad_top + window->height, pitch = window->pad_left + window->width;
    return (Layout){.top = (int32_t)window->pad_top, .left = (int32_t)window->pad_left, .rows = (int32_t)(rows > down ? rows : down),
                    .pitch = (int32_t)(pitch > across ? pitch : across)};
}

static bool countable(const Window *window, const Layout *layout)
{
    return (double)layout->rows * layout->pitch * (double)window->batch * (double)window->channels < 1 << 28;
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    PlaneMode modes[PLANE_MODES];
    window_of(problem->node, &window);
    const int mode_count = planes_modes(problem, &window, false, modes);
    const Layout own = padded_in_place(&window);
    int count = 0;
    if (strided(&window) && walks_plain(&window))
        count = add_shapes(problem, (Tiling){.size = {IN_PLACE}}, NULL, list, count, most);
    for (int m = 0; m < mode_count; m++) {
        Planes planes;
        Tiling same[2];
        planes_of(&window, modes[m], problem_lanes(problem), problem->graph->ctx->scratch, &planes);
        const bool two = planes_tilings(problem, &window, &planes, (Tiling){.size = {modes[m]}}, same, 0, COUNT(same)) > 1;
        const Layout *padded = two ? &same[1].in : modes[m] == PLANES_PADDED && strided(&window) && countable(&window, &own) ? &own : NULL;
        count = add_shapes(problem, (Tiling){.size = {modes[m]}}, padded, list, count, most);
    }
    return count;
}

/* Tiles over rows that are one row must also fit into the rows of a padded output. */
static bool writes(const Problem *problem, const Tiling *tiling)
{
    Implicit implicit;
    implicit_of(problem, tiling, &implicit);
    return tiles_writes(problem, tiling) && implicit.wide <= implicit.width && implicit.height % implicit.high == 0;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Implicit implicit;
    implicit_of(problem, tiling, &implicit);
    const Window *window = &implicit.window;
    if (planes_packs(&implicit.planes))
        planes_stage(window, &implicit.planes, layer);
    const int64_t items = window->batch * implicit.strips * window->group * implicit.units;
    layer->stages[layer->stage_count++] = (StagePlan){.items = items, .says = "multiply"};
}

/* ---- packing: weights [group][panel][channel][tap][lane], biases by panel, zeros past a group's last output ---- */

static void pack_panel(const Implicit *implicit, const Node *node, int64_t group, int64_t unit, float *weights, float *biases)
{
    const int64_t terms = terms_of(implicit), width = panel_width(implicit);
    const Value *bias = node->input_count > 2 ? node->inputs[2] : NULL;
    for (int64_t lane = 0; lane < width; lane++) {
        const int64_t within = unit * width + lane, k = group * implicit->group_outputs + within;
        if (within >= implicit->group_outputs)
            return;
        if (bias)
            biases[lane] = read_float(bias->data, k);
        for (int64_t i = 0; i < terms; i++)
            weights[i * width + lane] = read_float(node->inputs[1]->data, k * terms + i);
    }
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Implicit implicit;
    implicit_of(problem, tiling, &implicit);
    const int64_t panels = implicit.window.group * implicit.units, width = panel_width(&implicit), floats = terms_of(&implicit) * width;
    float *weights = arena_array(packed->arena, float, panels * floats);
    float *biases = arena_array(packed->arena, float, panels * width);
    for (int64_t i = 0; i < panels; i++)
        pack_panel(&implicit, problem->node, i / implicit.units, i % implicit.units, weights + i * floats, biases + i * width);
    packed_add(packed, "float", weights, (size_t)(panels * floats) * sizeof(float));
    packed_add(packed, "float", biases, (size_t)(panels * width) * sizeof(float));
    epilogue_pack(problem, packed);
}

const Kernel kernel_dense_implicit = {
    .name = "dense_implicit",
    .says = "every weight, vectors of output channels times broadcast inputs, a tile of outputs in registers",
    .fits = planes_fit, .tilings = tilings, .writes = writes, .work = implicit_work, .stages = stages, .pack = pack, .emit = implicit_emit,
};
