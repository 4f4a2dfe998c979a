/* Convolutions with constant weights of middle density, zeros left out: a few output channels times a few vectors of positions stay in registers. The
   columns of the weights are sorted by the set of those channels that use them; each set has a loop, which loads the input once for all of its
   channels. Rare sets are taken apart. Any stride, dilation, padding, group; one or two axes. An infinity or NaN of the input reaches the outputs
   through nonzeros only: no zero is multiplied. */
#include "codegen/cpu/sparse_panel.h"

enum { SIZE_MODE, SIZE_VECTORS, SIZE_ROWS };

static int64_t largest_tap(const Panel *panel)
{
    int64_t largest = 0;
    for (int64_t t = 0; t < window_taps(&panel->window); t++)
        largest = panel->planes.taps[t] > largest ? panel->planes.taps[t] : largest;
    return largest;
}

int64_t panel_largest_offset(const Panel *panel)
{
    return (panel->slab - 1) * panel->planes.channel + largest_tap(panel);
}

#define L1_PART 0.6                  /* of level 1 that a slab's input may fill, under one tile */

/* Where several taps read the same lines, masks must not push them out in between. */
static int64_t slabs_of(const Problem *problem, const Panel *panel)
{
    const double l1 = problem->target->machine.l1_bytes;
    const double span = (double)(panel->tiles.size * panel->tiles.lanes + largest_tap(panel) % panel->planes.plane);
    const double channel = 4 * (span < (double)panel->planes.plane ? span : (double)panel->planes.plane) *
                           (double)(panel->planes.channel / panel->planes.plane);
    if (window_taps(&panel->window) == 1 || l1 <= 0)
        return 1;
    const double fitting = L1_PART * l1 / channel;
    return fitting >= (double)panel->group_channels ? 1 : fitting < 1 ? panel->group_channels : divide_up(panel->group_channels, (int64_t)fitting);
}

void panel_of(const Problem *problem, const Tiling *tiling, Panel *panel)
{
    *panel = (Panel){.rows = tiling->size[SIZE_ROWS]};
    window_of(problem->node, &panel->window);
    const Window *window = &panel->window;
    planes_for(problem, window, tiling, &panel->planes);
    panel->group_outputs = window->outputs / window->group;
    panel->group_channels = window->channels / window->group;
    panel->group_panels = divide_up(panel->group_outputs, panel->rows);
    panel->panels = window->group * panel->group_panels;
    tiles_of(&panel->planes, problem_lanes(problem), tiling->size[SIZE_VECTORS], panel->rows, window->batch * panel->panels, panel->group_channels,
             &panel->tiles);
    /* the last tile begins with a line, too: the buffer takes what is behind the last position */
    if (panel->planes.mode == PLANES_ALIGNED && !panel->planes.contiguous)
        panel->tiles.last = divide_up(panel->tiles.last, panel->tiles.lanes) * panel->tiles.lanes;
    panel->slab = divide_up(panel->group_channels, slabs_of(problem, panel));
    panel->slabs = divide_up(panel->group_channels, panel->slab);
    panel_masks(problem, panel);
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    PlaneMode modes[PLANE_MODES];
    if (node->op != OP_Conv || !problem_vector(problem) || !weights_constant(node) || !problem->pattern || !window_of(node, &window))
        return false;
    return window.outputs / window.group > 1 && problem->pattern->nonzeros < INT32_MAX && planes_modes(problem, &window, false, modes) > 0;
}

#define MOST_ALIGNED_FLOATS (1 << 26)

static const int row_choices[] = {6, 4, 3, 2};

/* Beside the accumulators a tile needs its loaded vectors and one weight. */
static int largest_tile(const Isa *isa, int rows)
{
    const int fit = isa->kept / (rows + 1);
    return fit > 8 ? 8 : fit > 1 ? fit : 1;
}

/* Aligned planes are larger: they are worth it where several columns of a kernel read vectors that are half a line or more. */
static int modes_of(const Problem *problem, const Window *window, PlaneMode modes[static PLANE_MODES + 1])
{
    const int count = planes_modes(problem, window, false, modes), lanes = problem_lanes(problem);
    Planes planes;
    if (window->kernel_width == 1 || lanes < 8 || !planes_of(window, PLANES_ALIGNED, lanes, problem->graph->ctx->scratch, &planes))
        return count;
    modes[count] = PLANES_ALIGNED;
    return count + ((double)window->batch * (double)planes.image <= MOST_ALIGNED_FLOATS);
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Planes planes;
    window_of(problem->node, &window);
    const int lanes = problem_lanes(problem);
    const Isa *isa = &problem->target->isa;
    PlaneMode modes[PLANE_MODES + 1];
    const int mode_count = modes_of(problem, &window, modes);
    int count = 0, sizes[MOST_SIZES];
    for (int m = 0; m < mode_count; m++) {
        planes_of(&window, modes[m], lanes, problem->graph->ctx->scratch, &planes);
        for (int i = 0; i < COUNT(row_choices); i++) {
            if ((row_choices[i] > 4 && isa->registers < 32) || (row_choices[i] > 2 && row_choices[i] > window.outputs / window.group))
                continue;
            const int size = sizes[tiles_sizes(&planes, lanes, largest_tile(isa, row_choices[i]), sizes) - 1];
            count = planes_tilings(problem, &window, &planes, (Tiling){.size = {modes[m], size, row_choices[i]}}, list, count, most);
        }
    }
    return count;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Panel panel;
    panel_of(problem, tiling, &panel);
    if (planes_packs(&panel.planes))
        planes_stage(&panel.window, &panel.planes, layer);
    layer->stages[layer->stage_count++] = (StagePlan){.items = panel.window.batch * panel.tiles.blocks * panel.panels, .says = "multiply"};
    if (!panel.planes.contiguous)
        layer->thread_bytes = 4 * (size_t)(panel.rows * panel.tiles.block_floats);
}

/* ---- packing: by panel, slab, mask and column: an offset, and the values of the mask's rows ---- */

enum { VALUES, OFFSETS, LENGTHS, STARTS, ROWS, BIASES };

typedef struct Table {
    const Panel *panel;
    const Pattern *pattern;
    const void *weights;
    float *values;
    int64_t *offsets, *lengths;
    int32_t *starts;                 /* of values and offsets, by panel */
    int64_t value_count, offset_count, length_count;
    unsigned char *masks;            /* [columns]: what is left of the panel's rows that use each */
} Table;

static void find_masks(Table *table, const int32_t *rows)
{
    const int64_t columns = table->pattern->columns;
    for (int64_t column = 0; column < columns; column++) {
        table->masks[column] = 0;
        for (int r = 0; r < table->panel->rows; r++)
            if (rows[r] >= 0 && read_float(table->weights, rows[r] * columns + column) != 0)
                table->masks[column] |= (unsigned char)(1 << r);
    }
}

/* Entries of one loop; what is left of their columns' masks comes in later loops, or came in earlier ones. */
static void add_loop(Table *table, const int32_t *rows, int64_t slab, int mask)
{
    const Panel *panel = table->panel;
    const int64_t taps = window_taps(&panel->window), first = slab * panel->slab * taps, columns = table->pattern->columns;
    const int64_t past = first + panel->slab * taps < columns ? first + panel->slab * taps : columns, before = table->offset_count;
    for (int64_t column = first; column < past; column++) {
        bool taken = false;
        for (int left = table->masks[column]; left > 0 && !taken; left &= ~panel->piece[left])
            taken = panel->piece[left] == mask;
        if (!taken)
            continue;
        table->offsets[table->offset_count++] = (column - first) / taps * panel->planes.channel + panel->planes.taps[column % taps];
        for (int r = 0; r < panel->rows; r++)
            if (mask >> r & 1)
                table->values[table->value_count++] = read_float(table->weights, rows[r] * columns + column);
    }
    table->lengths[table->length_count++] = table->offset_count - before;
}

static void add_panel(Table *table, int64_t p)
{
    const Panel *panel = table->panel;
    const int32_t *rows = panel->order + p * panel->rows;
    table->starts[2 * p] = (int32_t)table->value_count;
    table->starts[2 * p + 1] = (int32_t)table->offset_count;
    find_masks(table, rows);
    for (int64_t slab = 0; slab < panel->slabs; slab++)
        for (int m = 0; m < panel->mask_count; m++)
            add_loop(table, rows, slab, panel->masks[m]);
}

static void pack_biases(const Problem *problem, const Panel *panel, Packed *packed)
{
    const int64_t rows = panel->panels * panel->rows;
    const float *bias = weights_bias(problem->node, panel->window.outputs, 1, packed->arena);
    float *biases = arena_array(packed->arena, float, rows);
    for (int64_t i = 0; i < rows; i++)
        biases[i] = panel->order[i] < 0 ? 0 : bias[panel->order[i]];
    packed_add(packed, "int32_t", arena_copy(packed->arena, panel->order, (size_t)rows * sizeof(int32_t)), (size_t)rows * sizeof(int32_t));
    packed_add(packed, "float", biases, (size_t)rows * sizeof(float));
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Panel panel;
    panel_of(problem, tiling, &panel);
    Arena *arena = packed->arena;
    /* one more, so that no array is empty */
    const int64_t nonzeros = problem->pattern->nonzeros + 1, entries = (int64_t)panel_entries(&panel) + 1;
    const int64_t lengths = panel.panels * panel.slabs * panel.mask_count;
    Table table = {.panel = &panel, .pattern = problem->pattern, .weights = problem->node->inputs[1]->data,
                   .values = arena_array(arena, float, nonzeros), .offsets = arena_array(arena, int64_t, entries),
                   .lengths = arena_array(arena, int64_t, lengths), .starts = arena_array(arena, int32_t, 2 * panel.panels),
                   .masks = arena_array(arena, unsigned char, problem->pattern->columns)};
    for (int64_t p = 0; p < panel.panels; p++)
        add_panel(&table, p);
    packed_add(packed, "float", table.values, (size_t)nonzeros * sizeof(float));
    packed_offsets(packed, table.offsets, entries, panel_largest_offset(&panel));
    packed_offsets(packed, table.lengths, lengths, panel.slab * window_taps(&panel.window));
    packed_add(packed, "int32_t", table.starts, (size_t)(2 * panel.panels) * sizeof(int32_t));
    pack_biases(problem, &panel, packed);
    epilogue_pack(problem, packed);
}

/* ---- text ---- */

/* The loop of one mask. A vector that only one row takes is its multiply-add's operand. */
static void emit_loop(const Emission *emission, const Panel *panel, int number)
{
    Out *out = emission->out;
    const int mask = panel->masks[number], shared = (mask & (mask - 1)) != 0;
    out_line(out, "stop = offset + length[%d];", number);
    out_open(out, "for (; offset != stop; offset++, value += %d)", __builtin_popcount((unsigned)mask));
    out_line(out, "const float *const from = image + *offset;");
    for (int v = 0; v < panel->tiles.size && shared; v++)
        out_line(out, "const v_float x%d = %s;", v, tiles_load(emission, &panel->planes, &panel->tiles, "from", v));
    for (int r = 0, place = 0; r < panel->rows; r++) {
        if (!(mask >> r & 1))
            continue;
        out_line(out, "const v_float w%d = v_set1(value[%d]);", r, place++);
        for (int v = 0; v < panel->tiles.size; v++) {
            const char *x = shared ? arena_format(emission->arena, "x%d", v) : tiles_load(emission, &panel->planes, &panel->tiles, "from", v);
            out_line(out, "a%d_%d = v_fma(w%d, %s, a%d_%d);", r, v, r, x, r, v);
        }
    }
    out_close(out, "");
}

static void emit_product(const Emission *emission, const Panel *panel)
{
    Out *out = emission->out;
    const long long loops = panel->slabs * panel->mask_count;
    const char *type = offset_type(panel_largest_offset(panel));
    for (int r = 0; r < panel->rows; r++)
        for (int v = 0; v < panel->tiles.size; v++)
            out_line(out, "v_float a%d_%d = v_set1(bias[%d]);", r, v, r);
    out_line(out, "const float *value = values + start[0];");
    out_line(out, "const %s *offset = offsets + start[1], *stop;", type);
    out_line(out, "const %s *length = lengths + unit * %lld;", offset_type(panel->slab * window_taps(&panel->window)), loops);
    out_line(out, "const float *image = x + (input + at);");
    if (panel->slabs > 1)
        out_open(out, "for (int slab = 0; slab < %lld; slab++, length += %d, image += %lld)", (long long)panel->slabs, panel->mask_count,
                 (long long)(panel->slab * panel->planes.channel));
    for (int m = 0; m < panel->mask_count; m++)
        emit_loop(emission, panel, m);
    if (panel->slabs > 1)
        out_close(out, "");
}

/* Rows of a group's last panel may not exist. */
static bool row_missing(const Panel *panel, int row)
{
    return row >= panel->group_outputs - (panel->group_panels - 1) * panel->rows;
}

static void emit_stores(const Emission *emission, const Panel *panel, bool finish)
{
    for (int r = 0; r < panel->rows; r++) {
        const char *start = arena_format(emission->arena, "out%d", r);
        if (row_missing(panel, r))
            out_open(emission->out, "if (row[%d] >= 0)", r);
        if (finish)
            tiles_finish(emission, &panel->planes, &panel->tiles, start, r);
        else
            tiles_store(emission, &panel->planes, &panel->tiles, arena_format(emission->arena, "a%d_", r), start, r);
        if (row_missing(panel, r))
            out_close(emission->out, "");
    }
}

static void emit_item(const Emission *emission, const Panel *panel)
{
    Out *out = emission->out;
    const Window *window = &panel->window;
    const long long blocks = panel->tiles.blocks, panels = panel->panels, plane = window->out_height * window->out_width;
    out_line(out, "const int64_t unit = item %% %lld, strip = item / %lld;", panels, panels);
    out_line(out, "const int64_t n = strip / %lld%s;", blocks, blocks == 1 ? "" : arena_format(emission->arena, ", block = strip %% %lld", blocks));
    out_line(out, "const int64_t input = n * %lld + unit / %lld * %lld;", (long long)panel->planes.image, (long long)panel->group_panels,
             (long long)(panel->group_channels * panel->planes.channel));
    out_line(out, "const int32_t *const row = rows + unit * %d, *const start = starts + unit * 2;", panel->rows);
    out_line(out, "const float *const bias = biases + unit * %d;", panel->rows);
    for (int r = 0; r < panel->rows; r++)
        out_line(out, "const int64_t out%d = (n * %lld + row[%d]) * %lld;", r, (long long)window->outputs, r, plane);
    tiles_open(emission, &panel->planes, &panel->tiles);
    emit_product(emission, panel);
    emit_stores(emission, panel, false);
    out_close(out, "");
    if (!panel->planes.contiguous)
        emit_stores(emission, panel, true);
}

static void emit(const Emission *emission)
{
    Panel panel;
    panel_of(emission->problem, &emission->layer->tiling, &panel);
    Out *out = emission->out;
    const bool packed = planes_packs(&panel.planes);
    epilogue_define(emission);
    tiles_define_rows(emission, &panel.window, &panel.planes, &panel.tiles);
    if (packed)
        planes_emit_stage(emission, &panel.window, &panel.planes);
    emit_stage_open(emission, packed ? 1 : 0);
    out_line(out, "const float *const x = %s;", planes_read(emission, &panel.planes));
    out_line(out, "const float *const values = %s;", emit_packed(emission, VALUES));
    out_line(out, "const %s *const offsets = %s;", offset_type(panel_largest_offset(&panel)), emit_packed(emission, OFFSETS));
    out_line(out, "const %s *const lengths = %s;", offset_type(panel.slab * window_taps(&panel.window)), emit_packed(emission, LENGTHS));
    out_line(out, "const int32_t *const starts = %s;", emit_packed(emission, STARTS));
    out_line(out, "const int32_t *const rows = %s;", emit_packed(emission, ROWS));
    out_line(out, "const float *const biases = %s;", emit_packed(emission, BIASES));
    if (!panel.planes.contiguous)
        out_line(out, "float *const buffer = %s;", emit_thread_scratch(emission, "float", 0));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(emission, &panel);
    out_close(out, "");
    out_close(out, "");
}

const Kernel kernel_sparse_panel = {
    .name = "sparse_panel", .sparse = true,
    .says = "nonzeros of a few output channels by the set of channels that use an input, which is loaded once for all of them",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = panel_work, .stages = stages, .pack = pack, .emit = emit,
};
