/* The text of Winograd's convolutions. Functions of a layer, as they call each other: NAME_turn brings channels side by side, NAME_tiles transforms
   tiles of a row; NAME_multiply fills a panel's products, NAME_lines takes results of a vector of channels into rows, NAME_back does so for all tiles
   of a panel. */
#include "codegen/cpu/dense_winograd.h"

/* A function that compilers leave alone: constants of its callers' loops would take registers from its own. */
static void open_apart(const WinogradWriter *writer, const char *name, const char *parameters)
{
    out_open(writer->out, "static __attribute__((noinline)) void %s_%s(%s)", writer->emission->name, name, parameters);
}

/* ---- bringing a vector of channels side by side ---- */

/* `channels` rows of pixels, as many as there are lanes, or the whole line where it is shorter. */
static void define_turn(const WinogradWriter *writer, const char *suffix, int64_t channels)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    const long long plane = winograd->window.height * winograd->window.width, lanes = winograd->lanes, width = winograd->window.width;
    open_apart(writer, arena_format(writer->emission->arena, "turn%s", suffix), "const float *from, float *to");
    out_line(out, "v_float r[%lld];", lanes);
    for (long long i = 0; i < lanes; i++)
        if (i >= channels)
            out_line(out, "r[%lld] = v_zero();", i);
        else if (width >= lanes)
            out_line(out, "r[%lld] = v_load(from + %lld);", i, i * plane);
        else
            out_line(out, "r[%lld] = v_load_part(from + %lld, %lld);", i, i * plane, width);
    out_line(out, "v_transpose(r);");
    for (long long i = 0; i < lanes && i < width; i++)
        out_line(out, "v_store(to + %lld, r[%lld]);", i * lanes, i);
    out_close(out, "");
    out_blank(out);
}

/* The channels that are there in the last vector of a group. */
static int64_t last_channels(const Winograd *winograd)
{
    return winograd->channels - (winograd->channel_blocks - 1) * winograd->lanes;
}

static void define_turns(const WinogradWriter *writer)
{
    const Winograd *winograd = writer->winograd;
    if (winograd->channels >= winograd->lanes)
        define_turn(writer, "", winograd->lanes);
    if (last_channels(winograd) < winograd->lanes)
        define_turn(writer, "_last", last_channels(winograd));
}

static void call_turn(const WinogradWriter *writer, const char *from, const char *to)
{
    const Winograd *winograd = writer->winograd;
    const char *name = writer->emission->name;
    const bool whole = winograd->channels >= winograd->lanes, last = last_channels(winograd) < winograd->lanes;
    if (whole && last)
        out_line(writer->out, "(last ? %s_turn_last : %s_turn)(%s, %s);", name, name, from, to);
    else
        out_line(writer->out, "%s_turn%s(%s, %s);", name, last ? "_last" : "", from, to);
}

/* Line i of the pixels under a row of tiles, from column `left`, with zeros for padding. Whole vectors may stand out on either side. */
static void emit_pixels(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    const Window *window = &winograd->window;
    const long long lanes = winograd->lanes, width = window->width, height = window->height;
    out_open(out, "for (int64_t i = 0; i < %d; i++)", winograd->reach);
    out_line(out, "const int64_t y = row * %d + i - %lld;", winograd->side, (long long)window->pad_top);
    out_line(out, "float *const line = pixels + (i * %lld + %lld) * %lld;", (long long)winograd->input_pitch, lanes, lanes);
    out_line(out, "const int inside = y >= 0 && y < %lld;", height);
    if (width >= lanes) {
        out_open(out, "for (int64_t at = first; inside && at < past; at += %lld)", lanes);
        out_line(out, "const int64_t x = at < %lld ? at : %lld;", width - lanes, width - lanes);
        call_turn(writer, arena_format(writer->emission->arena, "from + (y * %lld + x)", width),
                  arena_format(writer->emission->arena, "line + (x - left) * %lld", lanes));
    } else {
        out_open(out, "if (inside && first < past)");
        call_turn(writer, arena_format(writer->emission->arena, "from + y * %lld", width),
                  arena_format(writer->emission->arena, "line - left * %lld", lanes));
    }
    out_close(out, "");
    out_line(out, "for (int64_t x = left; x < (inside ? first : right); x++)");
    out_line(out, "    v_store(line + (x - left) * %lld, v_zero());", lanes);
    out_line(out, "for (int64_t x = past; inside && x < right; x++)");
    out_line(out, "    v_store(line + (x - left) * %lld, v_zero());", lanes);
    out_close(out, "");
}

/* Tiles begin .. end of row `row` of a vector of channels, which stand at `from`; the first of them is tile `tile` of those at `to`. */
static void define_tiles(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    const char *name = writer->emission->name;
    const long long lanes = winograd->lanes, width = winograd->window.width, side = winograd->side, pad = winograd->window.pad_left;
    open_apart(writer, "tiles", "const float *from, float *pixels, float *to, int64_t row, int64_t begin, int64_t end, int64_t tile, int last");
    out_line(out, "const int64_t left = begin * %lld - %lld, right = end * %lld + %lld;", side, pad, side, 2 - pad);
    out_line(out, "const int64_t start = left > 0 ? left : 0, first = start < right ? start : right;");
    out_line(out, "const int64_t stop = right < %lld ? right : %lld, past = stop > first ? stop : first;", width, width);
    out_line(out, "(void)last;");
    emit_pixels(writer);
    out_line(out, "for (int64_t i = 0; i < end - begin; i++, tile++)");
    out_line(out, "    %s_forward(pixels + (i * %lld + %lld) * %lld, to + (tile / %lld * %lld + tile %% %lld * %lld));", name, side, lanes, lanes,
             (long long)winograd->panel, (long long)(winograd->window.group * winograd->inputs), (long long)winograd->panel, lanes);
    out_close(out, "");
    out_blank(out);
}

/* ---- products ---- */

/* A channel: weights of a block of outputs times the channel's element of every tile. */
static void emit_step(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    for (int v = 0; v < winograd->vectors; v++)
        out_line(out, "const v_float w%d = v_load(w + %d);", v, v * winograd->lanes);
    for (int row = 0; row < winograd->rows; row++) {
        out_line(out, "const v_float x%d = v_set1(x[%d]);", row, row * winograd->lanes);
        for (int v = 0; v < winograd->vectors; v++) {
            const char *sum = winograd_name(writer, "s", row, v);
            out_line(out, "%s = v_fma(x%d, w%d, %s);", sum, row, v, sum);
        }
    }
}

/* Of a few rounds clang would make one, and load so far ahead that sums go to the stack. */
static void emit_channels(const WinogradWriter *writer, int64_t count)
{
    if (writer->winograd->lanes < 8)
        out_line(writer->out, "#pragma GCC unroll 1");
    out_open(writer->out, "for (const float *const end = x + %lld; x < end; x++, w += %lld)", (long long)count, (long long)writer->winograd->width);
    emit_step(writer);
    out_close(writer->out, "");
}

static void define_product(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    const long long lanes = winograd->lanes, whole = winograd->channels / lanes, rest = winograd->channels % lanes;
    open_apart(writer, "product", "const float *x, const float *w, float *to");
    for (int row = 0; row < winograd->rows; row++)
        for (int v = 0; v < winograd->vectors; v++)
            out_line(out, "v_float %s = v_zero();", winograd_name(writer, "s", row, v));
    if (whole > 0) {
        out_open(out, "for (int64_t block = 0; block < %lld; block++, x += %lld)", whole, (winograd->panel - 1) * lanes);
        emit_channels(writer, lanes);
        out_close(out, "");
    }
    if (rest > 0)
        emit_channels(writer, rest);
    for (int row = 0; row < winograd->rows; row++)
        for (int v = 0; v < winograd->vectors; v++)
            out_line(out, "v_store(to + %lld, %s);", row * winograd->width + v * lanes, winograd_name(writer, "s", row, v));
    out_close(out, "");
    out_blank(out);
}

/* All elements of a panel's `rows` blocks of tiles; an element's weights serve all of them. */
static void define_multiply(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    out_open(out, "static void %s_multiply(const float *x, const float *w, float *to, int64_t rows)", writer->emission->name);
    out_open(out, "for (int64_t element = 0; element < %d; element++, x += %lld, w += %lld, to += %lld)", winograd->elements,
             (long long)winograd->input_step, (long long)(winograd->channels * winograd->width), (long long)winograd->product_step);
    out_line(out, "for (int64_t row = 0; row < rows; row++)");
    out_line(out, "    %s_product(x + row * %d, w, to + row * %lld);", writer->emission->name, winograd->rows * winograd->lanes,
             (long long)(winograd->rows * winograd->width));
    out_close(out, "");
    out_close(out, "");
    out_blank(out);
}

/* ---- results into the output's rows ---- */

static void put_channels(const WinogradWriter *writer, const char *part)
{
    const Winograd *winograd = writer->winograd;
    const long long plane = winograd->window.out_height * winograd->window.out_width;
    const int64_t last = winograd->outputs % winograd->lanes;
    for (int channel = 0; channel < winograd->lanes; channel++) {
        const bool guarded = last > 0 && channel >= last;
        if (guarded)
            out_open(writer->out, "if (channels > %d)", channel);
        epilogue_put(writer->emission, arena_format(writer->emission->arena, "at + %lld", channel * plane),
                     arena_format(writer->emission->arena, "r[%d]", channel), part);
        if (guarded)
            out_close(writer->out, "");
    }
}

/* `rows` lines of `width` results of a vector of channels, of which `channels` are there; the first is element `to` of the output. */
static void define_lines(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    const long long lanes = winograd->lanes;
    open_apart(writer, "lines", arena_format(writer->emission->arena, "const float *from, float *y%s, int64_t to, int64_t rows, int64_t width, "
                                             "int64_t channels", epilogue_parameters(writer->emission)));
    out_line(out, "(void)channels;");
    out_line(out, "for (int64_t row = 0; row < rows; row++)");
    out->indent++;
    out_open(out, "for (int64_t x = 0; x < width; x += %lld)", lanes);
    out_line(out, "const int64_t at = to + row * %lld + x;", (long long)winograd->window.out_width);
    out_line(out, "v_float r[%lld];", lanes);
    for (long long i = 0; i < lanes; i++)
        out_line(out, "r[%lld] = v_load(from + (row * %lld + x + %lld) * %lld);", i, (long long)winograd->output_pitch, i, lanes);
    out_line(out, "v_transpose(r);");
    out_open(out, "if (width - x >= %lld)", lanes);
    put_channels(writer, NULL);
    out_close(out, " else {");
    out->indent++;
    out_line(out, "const int left = (int)(width - x);");
    put_channels(writer, "left");
    out_close(out, "");
    out_close(out, "");
    out->indent--;
    out_close(out, "");
    out_blank(out);
}

/* The tiles of a panel, row by row of the image: `count` of row `line` from column `column` on. Opens the loop. */
static void open_panel(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    const long long wide = winograd->wide, tall = winograd->tall, panel = winograd->panel, tiles = winograd->tiles;
    out_line(out, "const int64_t from = panel * %lld, tiles = %lld - from < %lld ? %lld - from : %lld;", panel, tiles, panel, tiles, panel);
    out_open(out, "for (int64_t tile = 0, count = 0; tile < tiles; tile += count)");
    out_line(out, "const int64_t line = (from + tile) / %lld, column = (from + tile) %% %lld;", wide, wide);
    out_line(out, "const int64_t image = line / %lld, row = line %% %lld;", tall, tall);
    out_line(out, "count = %lld - column < tiles - tile ? %lld - column : tiles - tile;", wide, wide);
}

/* The products of a panel and a block of outputs, back into the output. */
static void define_back(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    const Window *window = &winograd->window;
    const Emission *emission = writer->emission;
    const long long lanes = winograd->lanes, side = winograd->side, height = window->out_height, width = window->out_width;
    open_apart(writer, "back", arena_format(emission->arena, "const float *products, const float *bias, float *results, float *y%s, int64_t panel, "
                                            "int64_t group, int64_t block", epilogue_parameters(emission)));
    open_panel(writer);
    out_line(out, "const int64_t high = %lld - row * %lld, across = %lld - column * %lld;", height, side, width, side);
    out_line(out, "const int64_t rows = high < %lld ? high : %lld, columns = across < count * %lld ? across : count * %lld;", side, side, side, side);
    out_open(out, "for (int64_t k = block * %lld, v = 0; v < %d && k < %lld; k += %lld, v++)", (long long)winograd->width, winograd->vectors,
             (long long)winograd->outputs, lanes);
    out_line(out, "const v_float biases = v_load(bias + v * %lld);", lanes);
    out_line(out, "for (int64_t i = 0; i < count; i++)");
    out_line(out, "    %s_backward(products + ((tile + i) * %lld + v * %lld), biases, results + i * %lld);", emission->name,
             (long long)winograd->width, lanes, side * lanes);
    out_line(out, "const int64_t to = ((image * %lld + group * %lld + k) * %lld + row * %lld) * %lld + column * %lld;", (long long)window->outputs,
             (long long)winograd->outputs, height, side, width, side);
    out_line(out, "%s_lines(results, y%s, to, rows, columns, %lld - k);", emission->name, epilogue_arguments(emission), (long long)winograd->outputs);
    out_close(out, "");
    out_close(out, "");
    out_close(out, "");
    out_blank(out);
}

/* ---- stages ---- */

/* Where the inputs of a vector of channels begin. */
static const char *plane_of(const WinogradWriter *writer, const char *image)
{
    const Winograd *winograd = writer->winograd;
    return arena_format(writer->emission->arena, "x + (%s * %lld + group * %lld + block * %d) * %lld", image, (long long)winograd->window.channels,
                        (long long)winograd->channels, winograd->lanes, (long long)(winograd->window.height * winograd->window.width));
}

static const char *last_of(const WinogradWriter *writer)
{
    return arena_format(writer->emission->arena, "block == %lld", (long long)writer->winograd->channel_blocks - 1);
}

/* All inputs, a row of tiles at a time: rows that follow share lines. */
static void emit_first_stage(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Emission *emission = writer->emission;
    const Winograd *winograd = writer->winograd;
    const long long lines = winograd_lines(winograd), blocks = winograd->channel_blocks, tall = winograd->tall, wide = winograd->wide;
    emit_stage_open(emission, 0);
    out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
    out_line(out, "float *const inputs = %s;", emit_scratch(emission, "float", 0));
    out_line(out, "float *const pixels = %s;", emit_thread_scratch(emission, "float", 0));
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    out_line(out, "const int64_t line = item %% %lld, block = item / %lld %% %lld, group = item / %lld;", lines, lines, blocks, lines * blocks);
    out_line(out, "%s_tiles(%s, pixels, inputs + (group * %lld + block * %lld), line %% %lld, 0, %lld, line * %lld, %s);", emission->name,
             plane_of(writer, arena_format(emission->arena, "(line / %lld)", tall)), (long long)winograd->inputs,
             (long long)(winograd->panel * winograd->lanes), tall, wide, wide, last_of(writer));
    out_close(out, "");
    out_close(out, "");
    out_blank(out);
}

/* In a stage that does all: the inputs of a panel. */
static void emit_inputs(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    out_open(out, "for (int64_t block = 0; block < %lld; block++)", (long long)winograd->channel_blocks);
    open_panel(writer);
    out_line(out, "%s_tiles(%s, pixels, inputs + block * %lld, row, column, column + count, tile, %s);", writer->emission->name,
             plane_of(writer, "image"), (long long)(winograd->panel * winograd->lanes), last_of(writer));
    out_close(out, "");
    out_close(out, "");
}

static void emit_products(const WinogradWriter *writer, const char *inputs)
{
    Out *out = writer->out;
    const Emission *emission = writer->emission;
    const Winograd *winograd = writer->winograd;
    const long long blocks = winograd->output_blocks, weights = winograd->elements * winograd->channels * winograd->width;
    const long long all = winograd->row_blocks, each = winograd->blocks;
    out_line(out, "const int64_t rows = %lld - panel * %lld < %lld ? %lld - panel * %lld : %lld;", all, each, each, all, each, each);
    out_line(out, "%s_multiply(%s, weights + (group * %lld + block) * %lld, products, rows);", emission->name, inputs, blocks, weights);
    out_line(out, "%s_back(products, biases + (group * %lld + block) * %lld, results, y%s, panel, group, block);", emission->name, blocks,
             (long long)winograd->width, epilogue_arguments(emission));
}

static void emit_item(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Winograd *winograd = writer->winograd;
    const long long groups = winograd->window.group, blocks = winograd->output_blocks;
    if (winograd->shared) {
        out_line(out, "const int64_t block = item %% %lld, group = item / %lld %% %lld, panel = item / %lld;", blocks, blocks, groups,
                 groups * blocks);
        emit_products(writer, arena_format(writer->emission->arena, "inputs + (panel * %lld + group) * %lld", groups, (long long)winograd->inputs));
        return;
    }
    out_line(out, "const int64_t group = item %% %lld, panel = item / %lld;", groups, groups);
    emit_inputs(writer);
    out_open(out, "for (int64_t block = 0; block < %lld; block++)", blocks);
    emit_products(writer, "inputs");
    out_close(out, "");
}

static void emit_last_stage(const WinogradWriter *writer)
{
    Out *out = writer->out;
    const Emission *emission = writer->emission;
    const Winograd *winograd = writer->winograd;
    const WinogradPrivate private = winograd_private(winograd);
    emit_stage_open(emission, winograd->shared ? 1 : 0);
    if (winograd->shared) {
        out_line(out, "const float *const inputs = %s;", emit_scratch(emission, "const float", 0));
    } else {
        out_line(out, "const float *const x = %s;", emit_read(emission, emission->problem->node->inputs[0]));
        out_line(out, "float *const pixels = %s;", emit_thread_scratch(emission, "float", sizeof(float) * (size_t)private.pixels));
        out_line(out, "float *const inputs = %s;", emit_thread_scratch(emission, "float", sizeof(float) * (size_t)private.inputs));
    }
    out_line(out, "float *const products = %s;", emit_thread_scratch(emission, "float", sizeof(float) * (size_t)private.products));
    out_line(out, "float *const results = %s;", emit_thread_scratch(emission, "float", sizeof(float) * (size_t)private.results));
    out_line(out, "const float *const weights = %s;", emit_packed(emission, WINOGRAD_WEIGHTS));
    out_line(out, "const float *const biases = %s;", emit_packed(emission, WINOGRAD_BIASES));
    epilogue_pointers(emission);
    out_open(out, "for (int64_t item = begin; item < end; item++)");
    emit_item(writer);
    out_close(out, "");
    out_close(out, "");
}

void winograd_emit(const Emission *emission)
{
    Winograd winograd;
    winograd_of(emission->problem, &emission->layer->tiling, &winograd);
    const WinogradWriter writer = {emission, &winograd, emission->out};
    epilogue_define(emission);
    define_turns(&writer);
    winograd_define_forward(&writer);
    define_tiles(&writer);
    define_product(&writer);
    define_multiply(&writer);
    winograd_define_backward(&writer);
    define_lines(&writer);
    define_back(&writer);
    if (winograd.shared)
        emit_first_stage(&writer);
    emit_last_stage(&writer);
}
