/* Convolutions with constant weights, nonzeros as instructions: the sums of many output channels at a few vectors of positions stay in registers
   while the nonzeros are walked, each of them a multiply-add whose register and offset are constants of the text. What a column (an input channel's
   tap) has for all those channels is loaded once. The text is cut into bodies that fit the cache of decoded instructions; each loops over a block of
   positions, and the sums wait in a buffer for the next. An infinity or NaN of the input reaches the outputs through nonzeros only: a zero
   times infinity is not computed. */
#include "codegen/cpu/sparse_inline.h"

#include <math.h>
#include <string.h>

#define MOST_BYTES INT32_MAX         /* of an image: offsets are immediates */
#define MOST_C_NONZEROS 36000        /* compilers take a second for 4,000 of them */
#define MOST_NONZEROS 4000000
#define FEW_NONZEROS 128             /* a body that may as well be C */
#define MOST_IMAGES 64               /* of a block */
#define BLOCK_INPUT_FLOATS 131072    /* a block's input stays in L2 while all output channels pass over it */
#define LINE_FLOATS 16
#define LINE_BYTES 64

/* ---- what bodies know ---- */

static bool bounds_of(const Node *clip, InlineEpilogue *epilogue)
{
    if (clip->input_count < 3 || clip->inputs[1] == NULL || clip->inputs[2] == NULL)
        return false;
    epilogue->bounds = 2;
    epilogue->low = read_float(clip->inputs[1]->data, 0);
    epilogue->high = read_float(clip->inputs[2]->data, 0);
    return isfinite(epilogue->low) && isfinite(epilogue->high);
}

/* A residual has the output's shape: one number for all is another thing. */
static bool adds_residual(const Node *fused)
{
    return fused->op == OP_Add && !(value_constant(fused->inputs[1]) && shape_count(&fused->inputs[1]->shape) == 1);
}

static bool epilogue_of(const Node *node, InlineEpilogue *epilogue)
{
    int at = 0;
    *epilogue = (InlineEpilogue){.add = false};
    if (at < node->epilogue_count && adds_residual(node->epilogue[at])) {
        epilogue->add = true;
        at++;
    }
    if (at < node->epilogue_count && node->epilogue[at]->op == OP_Relu) {
        epilogue->relu = true;
        at++;
    } else if (at < node->epilogue_count && node->epilogue[at]->op == OP_Clip && bounds_of(node->epilogue[at], epilogue)) {
        at++;
    }
    return at == node->epilogue_count;
}

static InlineDialect dialect_of(const Problem *problem)
{
    const Isa *isa = &problem->target->isa;
    if (problem->rules.no_assembler || problem->pattern->nonzeros <= FEW_NONZEROS || !isa->fuses)
        return DIALECT_C;
    if (!isa->folds)
        return DIALECT_NEON;
    return isa->vector_bytes == 64 ? DIALECT_AVX512 : DIALECT_AVX2;
}

static InlineFinish finish_of(const Inline *inl, const Tiling *tiling, bool known)
{
    const Window *window = &inl->window;
    const bool whole = inl->planes.positions >= (int64_t)inl->vectors * inl->lanes;
    if (!known || !layout_plain(&tiling->out) || window->outputs * window->out_height * window->out_width > MOST_BYTES / 4)
        return FINISH_ROWS;
    if (inl->planes.contiguous && whole)
        return FINISH_STORE;
    return inl->dialect == DIALECT_AVX512 ? FINISH_LANES : FINISH_ROWS;
}

/* ---- positions in tiles, tiles in blocks ---- */

static void make_blocks(const Problem *problem, Inline *inl, const Tiling *tiling)
{
    const int wanted = tiling->size[INLINE_BLOCKS];
    const int64_t images = wanted < 0 ? -wanted : 1;
    const int64_t floats = (int64_t)inl->vectors * inl->lanes, positions = inl->planes.positions;
    inl->tiles = divide_up(positions, floats);
    inl->back = inl->tiles > 1 ? inl->tiles * floats - positions : 0;
    /* two tiles at least, so that the last one overlaps none of another block */
    inl->blocks = wanted < inl->tiles / 2 ? wanted : inl->tiles / 2;
    inl->blocks = inl->blocks < 1 ? 1 : inl->blocks;
    inl->strips = divide_up(inl->window.batch, images);
    inl->images = divide_up(inl->window.batch, inl->strips);
    if (inl->blocks == 1 && tiling->size[INLINE_TAIL])
        inline_tail(problem, inl);
    inl->block_tiles = divide_up(inl->tiles, inl->blocks) + (inl->tail.outputs > 0);
    /* an odd number of lines: rows of the buffer spread over all sets of a cache */
    inl->stride = (divide_up(inl->block_tiles * floats, LINE_FLOATS) | 1) * LINE_FLOATS;
    inl->image_floats = inl->stride * inl->most_rows;
}

static bool any_chunks(const Inline *inl)
{
    for (int s = 0; s < inl->set_count; s++)
        if (inl->sets[s].chunks > 1)
            return true;
    return false;
}

/* Bytes of all bodies' code, about. */
static double code_bytes(const Problem *problem, const Inline *inl)
{
    const bool folds = inl->vectors == 1 && inl->dialect == DIALECT_AVX512;
    const bool neon = inl->dialect == DIALECT_NEON;
    const double nonzero = neon ? 4 * inl->vectors + 1 : folds ? 7 : 7 + 6 * inl->vectors, move = neon ? 6 : 10;
    const double columns = (double)problem->pattern->columns;
    double bytes = 0;
    for (int g = 0; g < inl->group_count; g++) {
        const InlineGroup *group = &inl->groups[g];
        const double count = (double)group->nonzeros, each = count / (columns * group->rows);
        bytes += nonzero * count + move * inl->vectors * (columns * (1 - pow(1 - each, group->rows)) + 3 * group->rows);
    }
    return bytes * (1 + inl->tail.reached);
}

/* As much is fetched ahead as is used up meanwhile: by all images of a block, where calls are told what was fetched before. */
static void plan_ahead(const Problem *problem, Inline *inl)
{
    const double bodies = inl->body_count, tiles = (double)(inl->block_tiles * inl->images);
    inl->code_lines = (int)ceil(code_bytes(problem, inl) / bodies / LINE_BYTES / tiles);
    inl->weight_lines = (int)ceil(4 * (double)problem->pattern->nonzeros / bodies / LINE_BYTES / tiles);
}

/* From the beginning of the last tile to the end of what may be read. */
static int64_t readable_lines(const Inline *inl, const Tiling *tiling)
{
    const Planes *planes = &inl->planes;
    const int64_t slack = planes->given ? tiling->in.slack : planes->slack, last = (inl->tiles - 1) * inl->vectors * inl->lanes - inl->back;
    return (planes->image + slack - last) / LINE_FLOATS;
}

void inline_of(const Problem *problem, const Tiling *tiling, Inline *inl)
{
    Arena *arena = problem->graph->ctx->scratch;
    *inl = (Inline){.lanes = problem_lanes(problem), .vectors = tiling->size[INLINE_VECTORS]};
    window_of(problem->node, &inl->window);
    planes_for(problem, &inl->window, tiling, &inl->planes);
    inl->dialect = dialect_of(problem);
    inl->finish = finish_of(inl, tiling, epilogue_of(problem->node, &inl->epilogue));
    inl->planes.contiguous = inl->finish == FINISH_STORE;
    inline_groups(problem, inl, tiling);
    make_blocks(problem, inl, tiling);
    inl->buffered = inl->finish == FINISH_ROWS || any_chunks(inl);
    const double code = 11.0 * (double)problem->pattern->nonzeros / inl->set_count;
    plan_ahead(problem, inl);
    inline_masks(inl, arena);
    inl->lined = inl->dialect == DIALECT_AVX512 && inl->vectors == 1;
    inl->past_line = readable_lines(inl, tiling);
    inl->sets_outside = code > 4.0 * (double)(inl->planes.image * inl->images) / (double)inl->blocks;
}

int64_t inline_items(const Inline *inl)
{
    return inl->strips * inl->blocks * inl->set_count;
}

const InlineGroup *inline_first_group(const Inline *inl, const InlineSet *set)
{
    const bool first = set == inl->sets || set[-1].part != set->part;
    return first || inl->sets_outside ? &inl->groups[set->first_group] : NULL;
}

/* ---- the kernel ---- */

/* SSE overwrites its operands and has no broadcast: tables serve it better. Portable C is there for tests. */
static bool fits_target(const Isa *isa)
{
    return isa->fuses || isa->guard == NULL;
}

/* How far taps of an input as it is lie from their outputs, in floats: offsets are immediates, of what is masked too. */
static double taps_reach(const Window *window)
{
    const double down = (double)(window->kernel_height * window->dilation_y + window->pad_top);
    return down * (double)window->width + (double)(window->kernel_width * window->dilation_x + window->pad_left);
}

/* Lanes of an input as it is that lie beyond its rows and columns are left out by AVX-512's masks. */
static bool masks_serve(const Problem *problem, const Window *window)
{
    const int64_t taps = window_taps(window), plane = window->height * window->width;
    Planes planes;
    return dialect_of(problem) == DIALECT_AVX512 && problem->target->isa.extended && taps > 1 && inline_masks_serve(window) &&
           plane >= problem_lanes(problem) && (double)plane * (double)window->channels + taps_reach(window) <= MOST_BYTES / 4 &&
           planes_of(window, PLANES_MASKED, problem_lanes(problem), problem->graph->ctx->scratch, &planes);
}

/* An input as it is can be read no further than its positions reach: a vector of them at least. */
static int modes_of(const Problem *problem, const Window *window, PlaneMode modes[static PLANE_MODES + 1])
{
    Planes planes;
    const int count = planes_modes(problem, window, false, modes), lanes = problem_lanes(problem);
    int kept = 0;
    for (int i = 0; i < count; i++) {
        planes_of(window, modes[i], lanes, problem->graph->ctx->scratch, &planes);
        if (planes.image <= MOST_BYTES / 4 && (modes[i] != PLANES_NONE || planes.positions >= lanes))
            modes[kept++] = modes[i];
    }
    if (masks_serve(problem, window))
        modes[kept++] = PLANES_MASKED;
    return kept;
}

/* Portable C spells out every lane. */
static int64_t most_nonzeros(const Problem *problem)
{
    const bool portable = problem->target->isa.guard == NULL;
    return dialect_of(problem) != DIALECT_C ? MOST_NONZEROS : portable ? MOST_C_NONZEROS / (8 * problem_lanes(problem)) : MOST_C_NONZEROS;
}

static bool fits(const Problem *problem)
{
    const Node *node = problem->node;
    Window window;
    PlaneMode modes[PLANE_MODES + 1];
    if (node->op != OP_Conv || !problem_vector(problem) || !weights_constant(node) || !problem->pattern || !window_of(node, &window) ||
        !fits_target(&problem->target->isa))
        return false;
    return problem->pattern->nonzeros <= most_nonzeros(problem) && modes_of(problem, &window, modes) > 0;
}

typedef struct Shape2 { int vectors, rows; } Shape2;

/* Vectors and output channels whose sums fill the registers, beside the input's vectors and a weight. */
static int shapes_of(const Isa *isa, InlineDialect dialect, Shape2 shapes[static 3])
{
    static const Shape2 of_32[] = {{1, 28}, {2, 14}, {3, 9}}, of_16[] = {{2, 6}, {3, 4}, {1, 13}};
    static const Shape2 arm[] = {{1, 28}, {2, 13}, {3, 8}}, arm_c[] = {{1, 24}, {2, 12}, {3, 8}};
    const bool folds = isa->folds;
    const Shape2 *list = isa->registers < 32 ? of_16 : folds ? of_32 : dialect == DIALECT_NEON ? arm : arm_c;
    memcpy(shapes, list, 3 * sizeof *shapes);
    if (isa->registers < 32 && dialect == DIALECT_C && !folds)
        shapes[2].rows = 12;
    return 3;
}

typedef struct Listing {
    const Problem *problem;
    const Window *window;
    Tiling *list;
    int count, most;
} Listing;

static void list_tails(Listing *listing, const Planes *planes, Tiling tiling)
{
    Inline inl = {.window = *listing->window, .planes = *planes, .dialect = dialect_of(listing->problem), .lanes = problem_lanes(listing->problem),
                  .vectors = tiling.size[INLINE_VECTORS]};
    inl.tiles = divide_up(planes->positions, (int64_t)inl.vectors * inl.lanes);
    inline_tail(listing->problem, &inl);
    for (int tail = 0; tail <= (inl.tail.outputs > 0 && tiling.size[INLINE_BLOCKS] <= 1); tail++) {
        tiling.size[INLINE_TAIL] = tail;
        listing->count = planes_tilings(listing->problem, listing->window, planes, tiling, listing->list, listing->count, listing->most);
    }
}

static void list_blocks(Listing *listing, const Planes *planes, Tiling tiling)
{
    const double floats = (double)planes->image, most = BLOCK_INPUT_FLOATS;
    const int least = (int)fmin(64, ceil(floats / most));
    const int64_t tiles = divide_up(planes->positions, (int64_t)tiling.size[INLINE_VECTORS] * problem_lanes(listing->problem));
    for (int factor = 1; factor <= 4; factor *= 2) {
        tiling.size[INLINE_BLOCKS] = factor == 1 ? 1 : least * factor / 2;
        if (factor > 1 && (tiling.size[INLINE_BLOCKS] > tiles / 2 || tiling.size[INLINE_BLOCKS] == 1))
            continue;
        list_tails(listing, planes, tiling);
    }
    const int64_t batch = listing->window->batch;
    for (int64_t images = 2; images < 2 * batch && images <= MOST_IMAGES; images *= 2) {
        if (images >= 4 && floats * (double)images / 2 > most)
            break;
        tiling.size[INLINE_BLOCKS] = -(int32_t)(images < batch ? images : batch);
        list_tails(listing, planes, tiling);
    }
}

static void list_chunks(Listing *listing, const Planes *planes, Tiling tiling)
{
    static const int chunks[] = {1200, 2400, 5000};
    for (int c = 0; c < COUNT(chunks); c++) {
        tiling.size[INLINE_CHUNK] = chunks[c];
        for (int groups = 1; groups <= (planes->channel == planes->plane ? 4 : 1); groups *= 2) {
            tiling.size[INLINE_GROUPS] = groups;
            list_blocks(listing, planes, tiling);
        }
    }
}

static int tilings(const Problem *problem, Tiling *list, int most)
{
    Window window;
    Planes planes;
    PlaneMode modes[PLANE_MODES + 1];
    Shape2 shapes[3];
    window_of(problem->node, &window);
    const int lanes = problem_lanes(problem), mode_count = modes_of(problem, &window, modes);
    const int shape_count = shapes_of(&problem->target->isa, dialect_of(problem), shapes);
    Listing listing = {problem, &window, list, 0, most};
    for (int i = 0; i < mode_count; i++) {
        planes_of(&window, modes[i], lanes, problem->graph->ctx->scratch, &planes);
        for (int s = 0; s < shape_count; s++) {
            const int64_t floats = (int64_t)shapes[s].vectors * lanes;
            /* what is read past the positions must be there */
            if (shapes[s].vectors > divide_up(planes.positions, lanes) || (modes[i] == PLANES_NONE && planes.positions < floats))
                continue;
            if (modes[i] == PLANES_MASKED && shapes[s].vectors > 1)
                continue;
            Tiling tiling = {.size = {[INLINE_MODE] = (int32_t)modes[i], [INLINE_VECTORS] = shapes[s].vectors, [INLINE_ROWS] = shapes[s].rows}};
            list_chunks(&listing, &planes, tiling);
        }
    }
    return listing.count;
}

static void stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer)
{
    Inline inl;
    inline_of(problem, tiling, &inl);
    if (planes_packs(&inl.planes))
        planes_stage(&inl.window, &inl.planes, layer);
    layer->stages[layer->stage_count++] = (StagePlan){.items = inline_items(&inl), .says = "multiply"};
    if (inl.buffered)
        layer->thread_bytes = 4 * (size_t)(inl.images * inl.image_floats);
}

static void pack(const Problem *problem, const Tiling *tiling, Packed *packed)
{
    Inline inl;
    inline_of(problem, tiling, &inl);
    inline_pack_all(problem, &inl, packed);
}

static void emit(const Emission *emission)
{
    Inline inl;
    inline_of(emission->problem, &emission->layer->tiling, &inl);
    inline_emit(emission, &inl);
}

static void work(const Problem *problem, const Tiling *tiling, Work *work)
{
    Inline inl;
    inline_of(problem, tiling, &inl);
    inline_work(problem, &inl, work);
}

const Kernel kernel_sparse_inline = {
    .name = "sparse_inline", .sparse = true,
    .says = "nonzeros as instructions, a vector of many output channels in registers",
    .fits = fits, .tilings = tilings, .writes = tiles_writes, .work = work, .stages = stages, .pack = pack, .emit = emit,
};
