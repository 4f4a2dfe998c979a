/* What sparse_inline issues and moves. Bodies are counted as they are emitted, instruction by instruction, with their bytes: these are the text of
   which the program is made, and none of a compiler's choosing. */
#include "codegen/cpu/sparse_inline.h"

#include <math.h>

#define CALL_INSTRUCTIONS 24.0       /* of a body: its fields set, its pointers loaded */
#define ITEM_INSTRUCTIONS 40.0
#define LINE_FLOATS 16.0
#define ASK_BYTES 7.5
#define ALIGN_BYTES 7.0              /* a vector out of two registers */
#define COPY_BYTES 6.0               /* a masked one of a register */
#define MASK_BYTES 5.0               /* a step to a mask; a word of them loaded */
#define MASK_TURNS 9.0               /* of the multiply-adds' ports, for a word of masks on its way into its register: measured on Zen 4 */
#define STRADDLED_BYTES 32.0         /* of the line behind a vector that straddles two: half of it is still there for the next tile */

/* Bytes of instructions: a vector from the input at a long offset, one from the buffer or to the results, a multiply-add with its weight, a
   broadcast, a multiply-add of registers, any of integers. */
typedef struct Sizes { double load, move, fold, broadcast, fma, other; } Sizes;

static Sizes sizes_of(const Inline *inl)
{
    if (inl->dialect == DIALECT_NEON)
        return (Sizes){4, 4, 0, 4, 4, 4};
    if (inl->dialect == DIALECT_AVX512)
        return (Sizes){10, 10, 7, 7, 6, 4.5};
    return inl->dialect == DIALECT_AVX2 ? (Sizes){8, 8, 0, 6, 5, 4.5} : (Sizes){10, 10, 9, 9, 6, 4.5};
}

static bool folds(const Inline *inl, const Isa *isa)
{
    return inl->vectors == 1 && isa->folds && isa->vector_bytes == 64;
}

static bool x86(const Inline *inl)
{
    return inl->dialect == DIALECT_AVX512 || inl->dialect == DIALECT_AVX2;
}

/* Lines asked for: nothing waits for them. */
static void meter_ahead(Meter *meter, double lines)
{
    meter_issue(meter, lines, lines * ASK_BYTES);
}

/* Sums of a group of one tile: begun, and left. */
static void meter_sums(Meter *meter, const Problem *problem, const Inline *inl, const InlineSet *set, double rows, Sizes sizes)
{
    const double all = rows * inl->vectors, passes = set->chunks - 1;
    meter_issue(meter, all, all * sizes.broadcast);
    meter->stage->loads += meter->runs * all;
    meter->stage->narrow_loads += meter->runs * all;
    if (inl->dialect == DIALECT_NEON)
        neon_meter_sums(meter, inl, set, all, passes);
    meter_issue(meter, 2 * passes * all, 2 * passes * all * sizes.move);
    meter->stage->loads += meter->runs * passes * all;
    meter->stage->stores += meter->runs * passes * all;
    if (inl->finish == FINISH_ROWS) {
        meter_issue(meter, all, all * sizes.move);
        meter->stage->stores += meter->runs * all;
        return;
    }
    if (inl->finish == FINISH_LANES)
        meter_vector(meter, all);
    meter_put(meter, problem, all, 0);
    if (x86(inl))
        meter_ahead(meter, all * (inl->epilogue.add ? 2 : 1));
}

/* Multiply-adds and their weights: of each four a load on NEON. */
static void meter_nonzeros(Meter *meter, const Inline *inl, double nonzeros, Sizes sizes)
{
    const double fma = nonzeros * inl->vectors, weights = inl->dialect == DIALECT_NEON ? nonzeros / 4 : nonzeros;
    const double each = meter->isa->fuses ? fma : 2 * fma;
    meter->stage->loads += meter->runs * weights;
    meter->stage->narrow_loads += inl->dialect == DIALECT_NEON ? 0 : meter->runs * weights;
    meter->stage->fma += meter->runs * fma;
    meter->stage->vector += meter->runs * each;
    if (folds(inl, meter->isa))
        meter_issue(meter, nonzeros, nonzeros * sizes.fold);
    else
        meter_issue(meter, weights + each, weights * sizes.broadcast + each * sizes.fma);
}

static void meter_inputs(Meter *meter, double inputs, double split, Sizes sizes)
{
    meter_issue(meter, inputs, inputs * sizes.load);
    meter->stage->loads += meter->runs * inputs;
    meter->stage->split_loads += meter->runs * inputs * split;
}

static void meter_lines(Meter *meter, const InlineInput *input, Sizes sizes)
{
    meter_inputs(meter, input->loads, input->split / fmax(1, input->loads), sizes);
    meter_issue(meter, input->aligned, input->aligned * ALIGN_BYTES);
    meter_issue(meter, input->copied, input->copied * COPY_BYTES);
    meter_issue(meter, input->masks, input->masks * MASK_BYTES);
}

static void meter_group(Meter *meter, const Problem *problem, const Inline *inl, const InlineSet *set, int number, double split)
{
    const Sizes sizes = sizes_of(inl);
    const InlineGroup *group = &inl->groups[number];
    const double nonzeros = (double)group->nonzeros, vectors = inl->vectors, reach = 2 * (double)inline_reach(inl->dialect);
    const double inputs = inline_used(problem, inl)[number] * vectors, before = meter->stage->instructions;
    if (inl->lined)
        meter_lines(meter, &inline_inputs(problem, inl)[number], sizes);
    else
        meter_inputs(meter, inputs, split, sizes);
    meter_nonzeros(meter, inl, nonzeros, sizes);
    if (inl->dialect == DIALECT_NEON)
        neon_meter_columns(meter, inl, set, inputs / vectors);
    if (x86(inl) && group == inline_first_group(inl, set))
        meter_ahead(meter, fmin(inputs / vectors, (double)(inl->window.channels / inl->window.group)) * ceil(vectors * inl->lanes / LINE_FLOATS));
    if (reach > 0)
        meter_other(meter, floor(nonzeros / reach));
    const double longest = problem->pattern->row_nonzeros[inl->order[group->first]];
    meter_chain(meter, longest, (meter->stage->instructions - before) / fmax(1, meter->runs));
    meter_sums(meter, problem, inl, set, group->rows, sizes);
}

/* Masks of a tile, which each body loads. */
static void meter_masks(Meter *meter, const Inline *inl, double bodies)
{
    const double words = bodies * inl->mask_words, steps = inl->mask_words > 0 ? bodies * inline_masks_begin(inl).count : 0;
    meter_issue(meter, words + steps, (words + steps) * MASK_BYTES);
    meter->stage->loads += meter->runs * words;
    meter->stage->narrow_loads += meter->runs * words;
    meter->stage->apart += meter->runs * words * MASK_TURNS;
}

/* The tail's text has a share of all columns, on a part of a vector: the narrower it is, the fewer of its loads straddle lines. */
static void meter_tail(Meter *meter, const Problem *problem, const Inline *inl, const InlineSet *set, int number, double split)
{
    const Sizes sizes = sizes_of(inl);
    const InlineGroup *group = &inl->groups[number];
    const double nonzeros = (double)group->nonzeros * inl->tail.reached, inputs = inline_used(problem, inl)[number] * inl->tail.reached;
    meter_inputs(meter, inputs, split * (inl->tail.lanes - 1) / (inl->lanes - 1), sizes);
    meter_nonzeros(meter, inl, nonzeros, sizes);
    if (4 * inl->tail.lanes <= problem->target->machine.vector_bytes) {
        meter->stage->narrow_fma += meter->runs * nonzeros;
        meter->stage->narrow_loads += meter->runs * inputs;
    }
    meter_sums(meter, problem, inl, set, group->rows, sizes);
}

/* Lines of code and weights that each tile asks for. */
static void meter_lines_ahead(Meter *meter, const Inline *inl)
{
    const double lines = inl->dialect == DIALECT_C ? 0 : (double)(inl->code_lines + inl->weight_lines) * inl->body_count;
    meter_scalar_load(meter, lines);
    meter->stage->narrow_loads += meter->runs * lines;
}

/* The loops over tiles, of all bodies. */
static void meter_loops(Meter *meter, const Problem *problem, const Inline *inl, double split)
{
    for (int s = 0; s < inl->set_count; s++) {
        const InlineSet *set = &inl->sets[s];
        for (int g = 0; g < set->groups; g++)
            meter_group(meter, problem, inl, set, set->first_group + g, split);
        meter_masks(meter, inl, set->chunks);
        meter_other(meter, 11.0 * set->chunks);
    }
    meter_lines_ahead(meter, inl);
}

static void meter_tails(Meter *meter, const Problem *problem, const Inline *inl, double split)
{
    for (int s = 0; s < inl->set_count && inl->tail.outputs > 0; s++) {
        const InlineSet *set = &inl->sets[s];
        for (int g = 0; g < set->groups; g++)
            meter_tail(meter, problem, inl, set, set->first_group + g, split);
        meter_other(meter, (2.0 * inl->tail.mask_count + 3) * set->chunks);
    }
    if (inl->tail.outputs > 0)
        meter_lines_ahead(meter, inl);
}

/* ---- memory ---- */

/* Input channels that a body walks, about, and lines of a channel that a tile's taps touch. */
static double body_channels(const Inline *inl)
{
    return fmax(1, (double)(inl->window.channels / inl->window.group) * inl->set_count / inl->body_count);
}

/* Rows of a channel's planes that taps begin in: each row of the kernel has those of its stride's phase. */
static double tap_rows(const Inline *inl, double planes)
{
    const Planes *of = &inl->planes;
    int64_t phases = 0;
    for (int64_t i = 0; i < of->count; i++) {
        int64_t same = 0;
        while (of->row[same] != of->row[i])
            same++;
        phases += same == i;
    }
    return planes * (double)inl->window.kernel_height / (double)(phases > 0 ? phases : 1);
}

/* What is walked again and again inside a body: its weights and code, by each tile; lines of the input, by the taps of a row of the kernel in the
   next tile where vectors straddle them, and by those of the next row some tiles later. */
static void touch_inside(const Problem *problem, const Inline *inl, double split, StageWork *stage)
{
    const Window *window = &inl->window;
    const double runs = (double)(window->batch * inl->tiles), calls = (double)(inl->strips * inl->blocks);
    const double channels = body_channels(inl), step = 4.0 * inl->vectors * inl->lanes, weights = 4 * (double)inline_weight_count(problem, inl);
    const double planes = (double)(inl->planes.channel / inl->planes.plane), rows = tap_rows(inl, planes);
    const double walked = weights / inl->body_count + channels * rows * (step + 64 * split) + 2.0 * inl->most_rows * step;
    const double lines = channels * planes * inl->body_count;
    stage_touch_again(stage, (runs - calls) * weights, walked);
    stage_touch_again(stage, (runs - calls) * stage->code_bytes * inl->body_count, stage->code_bytes);
    stage_touch_again(stage, runs * lines * split * STRADDLED_BYTES, walked);
    stage_touch_again(stage, runs * channels * inl->body_count * step * (rows - planes), walked + channels * planes * 4 * (double)inl->planes.pitch);
}

/* The input passes once a set; sums once a body; code and weights once a block. */
static void touch(const Problem *problem, const Inline *inl, const Work *work, double split, StageWork *stage)
{
    const Window *window = &inl->window;
    const double batch = (double)window->batch, blocks = (double)inl->blocks, images = (double)inl->images;
    const double sets = inl->set_count, bodies = inl->body_count;
    const double image = 4 * (double)inl->planes.image * pattern_read(problem->pattern), part = image / (double)window->group, strip = part * images / blocks;
    const double weights = 4 * (double)inline_weight_count(problem, inl), code = work->code_bytes + weights;
    const double sums = 4.0 * images * (double)inl->image_floats, results = 4 * images * (double)inl->planes.positions * (double)inl->most_rows;
    const double between = strip + code / sets + sums + results / blocks, strips = (double)inl->strips * blocks;
    if (planes_packs(&inl->planes))
        stage_touch_again(stage, batch * image, 6 * batch * (double)inl->planes.image);
    else
        stage_touch(stage, TOUCH_INPUT, batch * image);
    stage_touch_again(stage, batch * part * (sets - (double)window->group), inl->sets_outside ? batch * part + code / sets : between);
    stage_touch(stage, TOUCH_WEIGHTS, weights);
    stage_touch(stage, TOUCH_CODE, work->code_bytes);
    stage_touch_again(stage, (strips - 1) * code, inl->sets_outside ? code / sets + strip + sums : code + image * images / blocks);
    if (inl->buffered) {
        const double passes = bodies - sets + (inl->finish == FINISH_ROWS ? sets : 0);
        stage_touch_again(stage, 2 * strips * passes * sums, sums + (strip + code / sets) * sets / bodies);
    }
    touch_inside(problem, inl, split, stage);
    /* a line of results is read before it is written; where it comes from memory, TOUCH_OUTPUT has that */
    stage_touch(stage, TOUCH_INPUT, 4 * batch * (double)(window->outputs * window->out_height * window->out_width));
    (inl->finish == FINISH_ROWS ? epilogue_touch : epilogue_touch_asked)(stage, problem);
}

static double largest_set(const Inline *inl)
{
    double largest = 0;
    for (int s = 0; s < inl->set_count; s++)
        largest = fmax(largest, (double)inl->sets[s].nonzeros);
    return largest;
}

void inline_work(const Problem *problem, const Inline *inl, Work *work)
{
    const Window *window = &inl->window;
    const double nonzeros = (double)problem->pattern->nonzeros, runs = (double)(window->batch * inl->tiles);
    const double calls = (double)(window->batch * inl->blocks) * inl->body_count;
    const double split = split_share_of(inl->lanes, inl->planes.taps, window_taps(window), inl->planes.channel);
    if (planes_packs(&inl->planes))
        planes_work(problem, window, &inl->planes, work);
    Meter meter = meter_begin(problem, work);
    const double issued = meter.stage->instructions;
    meter_loop(&meter, runs);
    meter_loops(&meter, problem, inl, split);
    meter.stage->code_bytes = (meter.bytes - meter.loop) / inl->body_count;
    meter.stage->code_instructions = (meter.stage->instructions - issued) / runs / inl->body_count;
    meter.runs = (double)window->batch;
    meter_tails(&meter, problem, inl, split);
    meter.runs = calls;
    meter_other(&meter, CALL_INSTRUCTIONS);
    meter.runs = (double)inline_items(inl);
    meter_other(&meter, ITEM_INSTRUCTIONS);
    if (inl->finish == FINISH_ROWS) {
        const Tiles tiles = {.lanes = inl->lanes, .size = inl->vectors, .blocks = inl->blocks};
        meter.runs = (double)(window->batch * window->outputs);
        meter_tiles_finish(&meter, problem, window, &inl->planes, &tiles);
    }
    meter_end(&meter);
    meter.stage->mispredicts = 2 * calls;
    meter.stage->largest_item = nonzeros > 0 ? largest_set(inl) * inl->set_count / nonzeros : 1;
    touch(problem, inl, work, split, meter.stage);
    work->multiply_adds = (double)window->batch * nonzeros * (double)(window->out_height * window->out_width);
    work->weight_bytes = 4 * (double)inline_weight_count(problem, inl) + epilogue_bytes(problem);
    work->index_bytes = 4 * (double)inl->body_count +
                        (inl->finish == FINISH_LANES || inl->mask_count > 0 ? (double)(inl->record * inl->tiles) : 0);
}
