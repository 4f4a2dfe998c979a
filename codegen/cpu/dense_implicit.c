/* Convolutions with constant weights as products with a lowered matrix that is never built: lanes are output channels, rows of a tile are neighbouring
   outputs, whose inputs are broadcast from where they lie. So nothing is wasted at the ends of rows, strides and dilations are constant offsets, and only
   padding asks for a copy of the input. Weights are packed when compiling, in order of execution; finished tiles are turned before they are stored. Any
   geometry over one or two axes. Infinities and NaNs spread as in the operator's definition, where padding is a zero that weights are multiplied with. */
#include "codegen/cpu/cpu.h"

#include <math.h>

#define IN_PLACE PLANE_MODES         /* beside the modes of planes: strides walked in the input as it is */
#define ENOUGH_ITEMS 16              /* to share among threads */
#define MOST_VECTORS 8
#define SMALL_L2 (1 << 18)           /* bytes: of cores whose level 2 is not known */

enum { MODE, VECTORS, WIDE, HIGH };  /* a tiling's numbers: of a tile, vectors of channels, columns and rows of outputs */

typedef struct Implicit {
    Window window;
    Planes planes;                   /* none in place */
    int lanes, vectors, wide, high;
    int64_t group_outputs, group_channels, units;    /* of a group; panels of its weights */
    bool flat;                       /* neighbouring rows of outputs are one row */
    int64_t height, width;           /* of outputs, as tiles see them */
    int64_t down, right;             /* input elements from one output to the one below, beside */
    int64_t channel, image;          /* input elements */
    const int64_t *taps;
    int64_t rows, columns, strips;   /* of tiles; an item does a strip of rows (flat: of columns) for one panel */
} Implicit;

static int tile_rows(const Implicit *implicit)
{
    return implicit->wide * implicit->high;
}

static int64_t panel_width(const Implicit *implicit)
{
    return (int64_t)implicit->vectors * implicit->lanes;
}

static int64_t terms_of(const Implicit *implicit)
{
    return implicit->group_channels * window_taps(&implicit->window);
}

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

static void implicit_of(const Problem *problem, const Tiling *tiling, Implicit *implicit)
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

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    PlaneMode modes[PLANE_MODES];
    return node->op == OP_Conv && problem_vector(problem) && weights_constant(node) && window_of(node, &window) &&
           planes_modes(problem, &window, false, modes) > 0;
}

/* Outputs of a tile so many vectors wide that its sums, the weights of a step and one input stay in registers. */
static int most_rows(const Problem *problem, int vectors)
{
    const Isa *isa = &problem->target->isa;
    const int room = isa->registers - (isa->fuses ? 1 : 2) - vectors, most = 16 / vectors > 4 ? 16 : 24;
    return room / vectors < most ? room / vectors : most;
}

/* The tile's rows shared out evenly over those of a plane; of narrow planes several rows at once, if they come out even. */
static int shapes(const Problem *problem, const Implicit *implicit, Tiling tiling, Tiling *list, int count, int most)
{
    for (int vectors = MOST_VECTORS; vectors >= 1; vectors--) {
        const int rows = most_rows(problem, vectors);
        const bool used = vectors == 1 || (vectors - 1) * (int64_t)implicit->lanes < implicit->group_outputs;
        if (rows < 1 || !used || vectors == 5 || vectors == 7 || count == most)
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

/* ---- what it costs ---- */

/* A term: the panel's vectors are loaded, each output's input is broadcast and multiplied with all of them. Multiply-adds of AVX-512 broadcast an
   operand that they alone use; compilers load again what only two of them use. */
static void meter_term(Meter *meter, const Implicit *implicit)
{
    const double rows = tile_rows(implicit);
    if (implicit->vectors == 1 && meter->isa->folds && meter->isa->vector_bytes == 64) {
        meter_load(meter, 1, 0);
        meter_fma_load(meter, rows, 0);
    } else if (rows <= 2) {
        meter_load(meter, rows, 0);
        meter_fma_load(meter, rows * implicit->vectors, 0);
    } else {
        meter_load(meter, implicit->vectors + rows, 0);
        meter_fma(meter, rows * implicit->vectors);
    }
    if (window_taps(&implicit->window) > 1) {
        meter_scalar_load(meter, 1);
        meter_other(meter, 1);
    }
    meter_other(meter, 4);
}

/* Squares of sums are turned, then stored channel by channel. */
static void meter_turns(Meter *meter, const Problem *problem, const Implicit *implicit)
{
    const int lanes = implicit->lanes, rest = implicit->wide % lanes;
    const double runs = meter->runs, squares = (double)implicit->high * implicit->vectors, full = implicit->wide / lanes;
    meter_shuffles(meter, squares * (full + (rest > 0)) * lanes * log2(lanes));
    meter_other(meter, squares * 2);
    meter->runs = runs * (double)implicit->group_outputs / (double)(implicit->units * panel_width(implicit));
    meter_put(meter, problem, squares * full * lanes, 0);
    if (rest > 0)
        meter_put(meter, problem, squares * lanes, rest);
    meter->runs = runs;
}

static void meter_tile(Meter *meter, const Problem *problem, const Implicit *implicit)
{
    const double runs = meter->runs, taps = (double)window_taps(&implicit->window), channels = (double)implicit->group_channels;
    const double sums = (double)tile_rows(implicit) * implicit->vectors, each = 4 + implicit->vectors + tile_rows(implicit) + sums;
    meter_loop(meter, runs * channels * taps);
    meter_term(meter, implicit);
    meter_hot(meter);
    meter->runs = taps > 1 ? runs * channels : 0;
    meter_other(meter, 5);
    meter->runs = runs;
    meter_other(meter, 14);
    meter_load(meter, implicit->vectors, 0);
    meter_move(meter, sums - implicit->vectors);
    meter_turns(meter, problem, implicit);
    meter_chain(meter, channels * taps, channels * taps * each);
}

/* The zeros around a padded output's rows. */
static void meter_gaps(Meter *meter, const Problem *problem, const Tiling *tiling, const Implicit *implicit)
{
    const Window *window = &implicit->window;
    if (layout_plain(&tiling->out))
        return;
    const double planes = (double)(window->batch * window->outputs), outputs = (double)(window->out_height * window->out_width);
    meter->runs = planes * (double)(window->out_height + implicit->strips);
    meter_other(meter, 9);
    meter->runs = planes * ((double)tiling->out.rows * tiling->out.pitch - outputs) / problem_lanes(problem);
    meter_store(meter, 1);
    meter_other(meter, 2);
}

/* Each panel passes over a strip tile by tile; then the next panel comes, over the same strip. */
static void touch(const Problem *problem, const Implicit *implicit, StageWork *stage)
{
    const Window *window = &implicit->window;
    const double batch = (double)window->batch, groups = (double)window->group, units = (double)implicit->units, strips = (double)implicit->strips;
    const double tiles = (double)(implicit->rows * implicit->columns), panel = 4.0 * (double)(panel_width(implicit) * (terms_of(implicit) + 1));
    const double image = 4 * (double)implicit->image / groups, weights = groups * units * panel;
    /* a tile's rows of input begin anywhere in a line; those above and below are read again by the next row of tiles */
    const double lines = 1 + 60.0 / (4.0 * implicit->wide), halo = fmax(1, (double)window->kernel_height / (double)window->stride_y);
    const double tile = image / tiles * lines * halo;
    const double outputs = 4.0 * (double)(panel_width(implicit) * implicit->height * implicit->width) / strips;
    if (planes_packs(&implicit->planes))
        stage_touch_again(stage, batch * groups * image, batch * groups * image * 1.5);
    else
        stage_touch(stage, TOUCH_INPUT, batch * groups * image);
    stage_touch_again(stage, batch * groups * (units - 1) * image, image / strips + panel + outputs);
    stage_touch_again(stage, batch * groups * units * (tiles * tile - image), panel + (double)implicit->columns * tile);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch_again(stage, batch * (tiles - strips) * weights, panel + tile);
    stage_touch_again(stage, (batch * strips - 1) * weights, weights + image * groups / strips + groups * units * outputs);
    epilogue_touch(stage, problem);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Implicit implicit;
    implicit_of(problem, tiling, &implicit);
    const Window *window = &implicit.window;
    const double batch = (double)window->batch, units = (double)(window->group * implicit.units), terms = (double)terms_of(&implicit);
    if (planes_packs(&implicit.planes))
        planes_work(problem, window, &implicit.planes, work);
    Meter meter = meter_begin(problem, work);
    meter.runs = batch * units * (double)(implicit.rows * implicit.columns);
    meter_tile(&meter, problem, &implicit);
    meter.runs = batch * units * (double)implicit.strips;
    meter_other(&meter, 48);
    meter_gaps(&meter, problem, tiling, &implicit);
    meter_end(&meter);
    touch(problem, &implicit, meter.stage);
    work->multiply_adds = batch * (double)window->outputs * terms * (double)(window->out_height * window->out_width);
    work->weight_bytes = 4 * units * (double)panel_width(&implicit) * (terms + 1) + epilogue_bytes(problem);
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

enum { WEIGHTS, BIASES };

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

/* ---- text ---- */

/* What a padded output's planes, and its rows, have more than plain ones. */
static int64_t plane_gap(const Emission *emission, const Implicit *implicit)
{
    const Layout *layout = &emission->layer->tiling.out;
    const Window *window = &implicit->window;
    return layout_plain(layout) ? 0 : (int64_t)layout->rows * layout->pitch - window->out_height * window->out_width;
}

static int64_t row_gap(const Emission *emission, const Implicit *implicit)
{
    const Layout *layout = &emission->layer->tiling.out;
    return layout_plain(layout) ? 0 : layout->pitch - implicit->window.out_width;
}

/* NAME_turn_N: a square of sums, of which N rows are outputs, into as many planes as there are channels. */
static void define_turn(const Emission *emission, const Implicit *implicit, int count)
{
    Out *out = emission->out;
    const long long plane = implicit->window.out_height * implicit->window.out_width, gap = plane_gap(emission, implicit);
    const char *part = count < implicit->lanes ? arena_format(emission->arena, "%d", count) : NULL;
    out_open(out, "V_INLINE void %s_turn_%d(float *%s%s, int64_t at, int64_t channels, v_float *r)", emission->name, count, gap > 0 ? "to" : "y",
             epilogue_parameters(emission));
    out_line(out, "v_transpose(r);");
    for (int i = 0; i < implicit->lanes; i++) {
        out_open(out, "if (channels > %d)", i);
        if (gap > 0)
            out_line(out, "float *const y = to + %lld;", i * gap);
        epilogue_put(emission, arena_format(emission->arena, "at + %lld", i * plane), arena_format(emission->arena, "r[%d]", i), part);
        out_close(out, "");
    }
    out_close(out, "");
    out_blank(out);
}

/* `count` outputs of the tile from row `first` on, in vector `v` of their channels. */
static void emit_turn(const Emission *emission, const Implicit *implicit, int first, int count, int v)
{
    Out *out = emission->out;
    Text rows = text_new(emission->arena);
    for (int i = 0; i < implicit->lanes; i++)
        text_format(&rows, i < count ? "%ss%d_%d" : "%sv_zero()", i == 0 ? "" : ", ", first + i, v);
    const int64_t plane = implicit->window.out_height * implicit->window.out_width, channel = v * implicit->lanes;
    const int64_t high = first / implicit->wide, moved = channel * plane_gap(emission, implicit) + high * row_gap(emission, implicit);
    const int64_t at = channel * plane + high * implicit->width + first % implicit->wide;
    out_line(out, "v_float r%d_%d[] = {%s};", first, v, rows.data);
    out_line(out, "%s_turn_%d(to + %lld%s, at + %lld, channels - %lld, r%d_%d);", emission->name, count, (long long)moved,
             epilogue_arguments(emission), (long long)at, (long long)channel, first, v);
}

static void emit_turns(const Emission *emission, const Implicit *implicit)
{
    for (int v = 0; v < implicit->vectors; v++)
        for (int high = 0; high < implicit->high; high++)
            for (int wide = 0; wide < implicit->wide; wide += implicit->lanes) {
                const int left = implicit->wide - wide;
                emit_turn(emission, implicit, high * implicit->wide + wide, left < implicit->lanes ? left : implicit->lanes, v);
            }
}

static void emit_term(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    for (int v = 0; v < implicit->vectors; v++)
        out_line(out, "const v_float w%d = v_load(w + %d);", v, v * implicit->lanes);
    for (int row = 0; row < tile_rows(implicit); row++) {
        out_line(out, "const v_float x%d = v_set1(from[%lld]);", row,
                 (long long)(row / implicit->wide * implicit->down + row % implicit->wide * implicit->right));
        for (int v = 0; v < implicit->vectors; v++)
            out_line(out, "s%d_%d = v_fma(x%d, w%d, s%d_%d);", row, v, row, v, row, v);
    }
    out_line(out, "w += %lld;", (long long)panel_width(implicit));
}

static void emit_sums(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    const long long taps = window_taps(&implicit->window);
    for (int row = 0; row < tile_rows(implicit); row++)
        for (int v = 0; v < implicit->vectors; v++)
            out_line(out, "v_float s%d_%d = v_load(bias + %d);", row, v, v * implicit->lanes);
    out_line(out, "const float *w = weights + unit * %lld;", (long long)(terms_of(implicit) * panel_width(implicit)));
    out_line(out, "const float *image = x + (input + (p * %lld + q * %lld));", (long long)implicit->down, (long long)implicit->right);
    out_open(out, "for (int64_t channel = 0; channel < %lld; channel++, image += %lld)", (long long)implicit->group_channels,
             (long long)implicit->channel);
    if (taps > 1)
        out_open(out, "for (int tap = 0; tap < %lld; tap++)", taps);
    if (taps > 1)
        out_line(out, "const float *const from = image + taps[tap];");
    else
        out_line(out, "const float *const from = image + %lld;", (long long)implicit->taps[0]);
    emit_term(emission, implicit);
    if (taps > 1)
        out_close(out, "");
    out_close(out, "");
}

/* The tile whose first output is (p, q). */
static void emit_tile(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    out_line(out, "const int64_t at = out + (p * %lld + q);", (long long)implicit->width);
    out_line(out, "float *const to = y + (moved + p * %lld);", (long long)row_gap(emission, implicit));
    emit_sums(emission, implicit);
    emit_turns(emission, implicit);
}

static void emit_column(const Emission *emission, const Implicit *implicit, const char *number)
{
    const long long wide = implicit->wide, width = implicit->width;
    if (width % wide == 0)
        out_line(emission->out, "const int64_t q = %s * %lld;", number, wide);
    else
        out_line(emission->out, "const int64_t q = %s < %lld ? %s * %lld : %lld;", number, width / wide, number, wide, width - wide);
}

static void emit_tiles(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    const long long lines = implicit->flat ? implicit->columns : implicit->rows, strips = implicit->strips;
    out_line(out, "const int64_t first = strip %% %lld * %lld / %lld, past = (strip %% %lld + 1) * %lld / %lld;", strips, lines, strips, strips, lines,
             strips);
    out_open(out, "for (int64_t line = first; line < past; line++)");
    if (implicit->flat) {
        out_line(out, "const int64_t p = 0;");
        emit_column(emission, implicit, "line");
        emit_tile(emission, implicit);
    } else {
        out_line(out, "const int64_t p = line * %d;", implicit->high);
        out_open(out, "for (int64_t column = 0; column < %lld; column++)", (long long)implicit->columns);
        emit_column(emission, implicit, "column");
        emit_tile(emission, implicit);
        out_close(out, "");
    }
    out_close(out, "");
}

/* The zeros around the rows that this item has written. */
static void emit_gaps(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    const Layout *layout = &emission->layer->tiling.out;
    const Window *window = &implicit->window;
    if (layout_plain(layout))
        return;
    const int64_t lead = (int64_t)layout->top * layout->pitch + layout->left, pitch = layout->pitch, size = layout->rows * pitch;
    out_open(out, "for (int64_t i = 0; i < %lld && i < channels; i++)", (long long)panel_width(implicit));
    out_line(out, "float *const plane = y + (n * %lld + k + i) * %lld;", (long long)window->outputs, (long long)size);
    emit_zeros(emission, "first == 0", "plane", 0, lead);
    if (!implicit->flat && pitch > window->out_width) {
        out_open(out, "for (int64_t row = first * %d; row < past * %d; row++)", implicit->high, implicit->high);
        out_line(out, "float *const there = plane + (%lld + row * %lld);", (long long)lead, (long long)pitch);
        emit_zeros(emission, arena_format(emission->arena, "row < %lld", (long long)(window->out_height - 1)), "there", window->out_width, pitch);
        out_close(out, "");
    }
    emit_zeros(emission, arena_format(emission->arena, "past == %lld", (long long)(implicit->flat ? implicit->columns : implicit->rows)), "plane",
               lead + (window->out_height - 1) * pitch + window->out_width, size);
    out_close(out, "");
}

static void emit_item(const Emission *emission, const Implicit *implicit)
{
    Out *out = emission->out;
    const Window *window = &implicit->window;
    const Layout *layout = &emission->layer->tiling.out;
    const long long units = implicit->units, width = panel_width(implicit), outputs = implicit->group_outputs;
    const long long lead = layout_plain(layout) ? 0 : layout->top * layout->pitch + layout->left;
    out_line(out, "const int64_t unit = item %% %lld, strip = item / %lld, n = strip / %lld;", window->group * units, window->group * units,
             (long long)implicit->strips);
    out_line(out, "const int64_t group = unit / %lld, k = group * %lld + unit %% %lld * %lld;", units, outputs, units, width);
    if (outputs % width == 0)
        out_line(out, "const int64_t channels = %lld;", width);
    else
        out_line(out, "const int64_t channels = %lld - unit %% %lld * %lld;", outputs, units, width);
    out_line(out, "const int64_t input = n * %lld + group * %lld;", (long long)implicit->image,
             (long long)(implicit->group_channels * implicit->channel));
    out_line(out, "const int64_t out = (n * %lld + k) * %lld;", (long long)window->outputs, (long long)(window->out_height * window->out_width));
    out_line(out, "const int64_t moved = (n * %lld + k) * %lld + %lld;", (long long)window->outputs, (long long)plane_gap(emission, implicit), lead);
    out_line(out, "const float *const bias = biases + unit * %lld;", width);
    emit_tiles(emission, implicit);
    emit_gaps(emission, implicit);
}

static void emit_turn_helpers(const Emission *emission, const Implicit *implicit)
{
    const int rest = implicit->wide % implicit->lanes;
    if (implicit->wide >= implicit->lanes)
        define_turn(emission, implicit, implicit->lanes);
    if (rest > 0)
        define_turn(emission, implicit, rest);
}

static void emit(const Emission *emission)
{
    Implicit implicit;
    implicit_of(emission->problem, &emission->layer->tiling, &implicit);
    Out *out = emission->out;
    const bool packed = planes_packs(&implicit.planes), many = window_taps(&implicit.window) > 1;
    epilogue_define(emission);
    emit_turn_helpers(emission, &implicit);
    if (packed)
        planes_emit_stage(emission, &implicit.window, &implicit.planes);
    if (many)
        table_define(emission, arena_format(emission->arena, "%s_taps", emission->name), implicit.taps, window_taps(&implicit.window));
    emit_stage_open(emission, packed ? 1 : 0);
    out_line(out, "const float *const x = %s;", planes_read(emission, &implicit.planes));
    out_line(out, "const float *const weights = %s;", emit_packed(emission, WEIGHTS));
    out_line(out, "const float *const biases = %s;", emit_packed(emission, BIASES));
    if (many)
        out_line(out, "const int32_t *const taps = %s_taps;", emission->name);
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(emission, &implicit);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_dense_implicit = {
    .name = "dense_implicit",
    .says = "every weight, vectors of output channels times broadcast inputs, a tile of outputs in registers",
    .fits = fits, .tilings = tilings, .writes = writes, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
