/* What the vector kernels share: the epilogue, the geometry of windows over padded planes, tiles of accumulators. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_CPU_H
#define TULLE_CODEGEN_CPU_H

#include "codegen/kernel.h"

#include <string.h>

/* ---- meter.c: what emitted text issues. Kernels walk their text as emit does, piece by piece ---- */

typedef struct Meter {
    const Isa *isa;
    Work *work;
    StageWork *stage;
    double runs;                     /* of the text that is counted next */
    double bytes, loop;              /* of the text counted so far; where the loop began that is counted now */
} Meter;

Meter meter_begin(const Problem *problem, Work *work);   /* a new stage, in the order of stages() */
void meter_end(Meter *meter);                            /* its text belongs to the layer's code */
void meter_loop(Meter *meter, double runs);              /* a loop's body begins, which runs so often in the whole stage */
void meter_hot(Meter *meter);                            /* the body that was counted since is the loop that the stage spends its time in */
/* `count` instructions of the text, each of them running meter->runs times. `split`: the share of loads that straddle two cache lines. */
void meter_issue(Meter *meter, double instructions, double bytes);   /* of text known to the byte; loads and the like are added beside */
void meter_other(Meter *meter, double count);            /* of integers: addresses, counts, branches */
void meter_move(Meter *meter, double count);             /* of vectors, without arithmetic */
void meter_shuffles(Meter *meter, double count);         /* so many of them that no multiply-add runs beside them */
void meter_load(Meter *meter, double count, double split);
void meter_scalar_load(Meter *meter, double count);
void meter_store(Meter *meter, double count);
void meter_vector(Meter *meter, double count);           /* arithmetic but for multiply-adds */
void meter_operand(Meter *meter, double count, double split);        /* loads that arithmetic has as its operands, where it can */
void meter_vector_load(Meter *meter, double count, double split);    /* with an operand in memory */
void meter_times(Meter *meter, double count);            /* v_mul */
void meter_fma(Meter *meter, double count);              /* v_fma */
void meter_fma_load(Meter *meter, double count, double split);       /* v_fma of a v_load */
void meter_extreme(Meter *meter, double count);          /* v_max, v_min */
void meter_bound(Meter *meter, double count);            /* v_at_least, v_at_most, v_relu */
void meter_extreme_load(Meter *meter, double count, double split);   /* of a v_load */
void meter_divide(Meter *meter, double count);           /* divisions and roots */
void meter_part(Meter *meter, int part);                 /* v_load_part of a constant number of elements */
void meter_store_part(Meter *meter, int part);
void meter_gather(Meter *meter);                         /* v_gather */
void meter_widest(Meter *meter);                         /* v_max_across */
void meter_sum(Meter *meter);                            /* v_sum */
/* Each run has a row of `links` multiply-adds that wait for one another, among so many instructions: short ones run beside the next. */
void meter_chain(Meter *meter, double links, double instructions);

double split_share(int lanes);                           /* of vectors at any address */
/* Of vectors at these offsets from multiples of `step` floats. */
double split_share_of(int lanes, const int64_t *offsets, int64_t count, int64_t step);

/* ---- vector.c: f32 operators as expressions of the vocabulary ---- */

/* An expression in the vectors a (and b, s), with the node's parameters as vectors p and q; NULL if there is none. */
const char *vector_expression(Op op);
void meter_expression(Meter *meter, Op op);              /* the expression's instructions */
/* Opens a block, declares p and q as far as the operator has them; `a = EXPRESSION;` may follow. */
void vector_parameters(const Emission *emission, const Node *node, bool as_double);

bool problem_vector(const Problem *problem);             /* a target with vectors; every operand f32, with elements; an epilogue we can write */
int problem_lanes(const Problem *problem);

/* ---- epilogue.c: from an accumulator to the output ---- */

bool epilogue_fits(const Node *node);
bool epilogue_reads(const Node *node, const Value *value);   /* as a residual: then the output must not take its place */
/* The put of `count` vectors; `part` elements of each, 0: whole ones. */
void meter_put(Meter *meter, const Problem *problem, double count, int part);
void meter_ask(Meter *meter, const Problem *problem, double lines);
double epilogue_bytes(const Problem *problem);           /* constants that epilogue_pack adds */
void epilogue_touch(StageWork *stage, const Problem *problem);       /* residuals, and the output */
void epilogue_touch_asked(StageWork *stage, const Problem *problem);     /* the same of kernels whose lines of results come in while they multiply */
void epilogue_touch_residuals(StageWork *stage, const Problem *problem);
/* Of kernels that work in place: as far as a layer can tell, it does, and output lines are those just read. */
bool layer_overwrites(const Problem *problem, const Tiling *tiling);
void epilogue_pack(const Problem *problem, Packed *packed);
/* Defines NAME_put(y, a, ...) and NAME_put_part(..., n): the epilogue of a vector of outputs, and its store. */
void epilogue_define(const Emission *emission);
/* In a stage: declares y, the output, and the pointers that the epilogue reads. */
void epilogue_pointers(const Emission *emission);
const char *epilogue_parameters(const Emission *emission);    /* ", const float *r0": after y, in a function that calls epilogue_put */
const char *epilogue_arguments(const Emission *emission);     /* ", r0": the same in its call */
/* The call for output elements index .. index + lanes; `part` is NULL or how many of them there are. */
void epilogue_put(const Emission *emission, const char *index, const char *vector, const char *part);
/* Asks for the lines that hold output element `index`, and what the epilogue reads there: they will be put soon. It may be behind the last one. */
void epilogue_ask(const Emission *emission, const char *index);

/* ---- window.c: convolutions and poolings over one or two spatial axes ---- */

typedef struct Window {              /* one axis is two with a height of 1 */
    int64_t batch, channels, height, width;
    int64_t outputs, out_height, out_width;
    int64_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x;
    int64_t pad_top, pad_left, pad_bottom, pad_right, group;
} Window;

bool window_of(const Node *node, Window *window);        /* false: another rank, or pads below zero */
int64_t window_taps(const Window *window);

/* Where a channel's elements lie so that tap (r, s) of every output is one contiguous run: output (p, q) is position p * pitch + q, and its
   input for the tap is at position + offset(r, s). Positions between the rows compute values that nobody takes. */
typedef enum PlaneMode {
    PLANES_NONE,         /* the input as it is */
    PLANES_PADDED,       /* padded; split by the strides' phases; the padding at a row's end is the next row's beginning */
    PLANES_COLUMNS,      /* a plane for every column of the kernel, rows without gaps: for outputs much narrower than their input */
    PLANE_MODES,         /* those that planes_modes offers */
    PLANES_ALIGNED = PLANE_MODES,   /* the same with rows of whole vectors, or vectors of whole rows: no load straddles lines, but more is kept */
    PLANES_MASKED        /* the input as it is, of as many rows and columns as the output: the reader leaves out what a tap finds beyond them */
} PlaneMode;

typedef struct Planes {
    PlaneMode mode;
    bool given;                      /* the input's layout has them already: nothing is copied */
    int64_t pitch, rows, count;      /* of a plane; planes of a channel */
    int64_t wrap;                    /* padding behind a plane's last row, or between planes */
    int64_t source;                  /* elements between the rows that planes are filled from: the input's width, or the pitch of its layout */
    int64_t plane, channel, image;   /* elements */
    int64_t slack;                   /* readable elements behind the last image */
    int64_t positions;               /* from the first output to the last */
    bool contiguous;                 /* pitch is the output's width, and the output is plain: positions are outputs */
    int64_t padding;                 /* zeros around a plane of the output, where that is padded */
    int64_t *row, *column;           /* [count]: the input row and column at a plane's start, often negative */
    int64_t *taps;                   /* [kernel_height * kernel_width]: the offsets */
} Planes;

/* False: this mode does not apply. Arrays come from `arena`. */
bool planes_of(const Window *window, PlaneMode mode, int lanes, Arena *arena, Planes *planes);
/* Those that a tiling reads: of the mode size[0], or lying so in the input's layout. */
void planes_for(const Problem *problem, const Window *window, const Tiling *tiling, Planes *planes);
bool planes_packs(const Planes *planes);                 /* they are filled from the input first */
/* Adds a tiling with a plain input to the list; where these planes could be the input itself, the same again with that layout. The new count. */
int planes_tilings(const Problem *problem, const Window *window, const Planes *planes, Tiling tiling, Tiling *list, int count, int most);
/* The modes that apply and do not take too much memory, for the planes of all channels or of one at a time. */
int planes_modes(const Problem *problem, const Window *window, bool one_channel, PlaneMode modes[static PLANE_MODES]);
bool planes_fit(const Problem *problem);                 /* a convolution with constant weights whose planes a vector kernel can read */
/* The work of planes_emit_stage. */
void planes_work(const Problem *problem, const Window *window, const Planes *planes, Work *work);
/* A first stage that fills the planes of all channels, with zeros for padding; and where they are read then. */
void planes_stage(const Window *window, const Planes *planes, LayerPlan *layer);
void planes_emit_stage(const Emission *emission, const Window *window, const Planes *planes);
/* The planes of one channel at a time in the thread's own memory, from its start, and behind them the buffer of unfinished outputs: declares
   `planes` and `buffer`, as far as there are such. */
int64_t planes_private_floats(const Planes *planes);
void planes_private(const Emission *emission, const Planes *planes, const char *fill);
/* In such a kernel: declares or fills `planes` for channel `item` of x. */
void planes_channel(const Emission *emission, const Window *window, const Planes *planes);
const char *planes_read(const Emission *emission, const Planes *planes);

/* ---- window_pack.c: planes filled, channel by channel ---- */

void meter_planes(Meter *meter, const Window *window, const Planes *planes, int lanes);     /* fills the planes of a channel in each run */
void table_define(const Emission *emission, const char *name, const int64_t *numbers, int64_t count);   /* static const int32_t name[] */
/* Defines NAME_pack(to, from, down), which fills the planes of one channel, beginning `down` rows of the input further down than planes->row says:
   0 but for planes of a strip. `fill` is what padding holds, in C. */
void planes_define_pack(const Emission *emission, const Window *window, const Planes *planes, const char *fill);

/* ---- tiles.c: positions of a plane in tiles of accumulators, tiles in blocks ---- */

int64_t divide_up(int64_t a, int64_t b);                 /* a / b, rounded up */
int sum_ways(int sums);                                  /* accumulators for each of so many sums, which alone would wait for v_fma's latency */

typedef struct Tiles {
    int lanes, size;                 /* vectors of a tile */
    int64_t positions, tiles, blocks;
    int64_t last;                    /* where the last tile starts: it overlaps the one before it rather than pass the end */
    int part;                        /* a plane of less than a tile: elements of its last vector; else 0 */
    int64_t block_floats;            /* the most that a block covers, in whole tiles */
} Tiles;

/* The load of a tile's vector: a plane smaller than its tile ends inside the last one, and the caller's memory with it. */
const char *tiles_load(const Emission *emission, const Planes *planes, const Tiles *tiles, const char *from, int vector);
/* `size` vectors a tile; `rows` output channels are computed at once, `items` are there without counting blocks. */
void tiles_of(const Planes *planes, int lanes, int size, int rows, int64_t items, int64_t channels, Tiles *tiles);
/* Sizes from 1 to `most` worth pricing: of those that are alike, the one whose tiles cover the fewest positions that nobody takes. Their number. */
#define MOST_SIZES 8
int tiles_sizes(const Planes *planes, int lanes, int most, int sizes[static MOST_SIZES]);
bool tiles_writes(const Problem *problem, const Tiling *tiling);    /* Kernel.writes of all that store through here: any layout */
/* Under the condition, elements from .. to of a padded output's array are zeros; no text if there are none. */
void emit_zeros(const Emission *emission, const char *condition, const char *array, int64_t from, int64_t to);
/* Defines NAME_rows, which takes finished positions out of a buffer into the rows of the output and fills the padding that belongs to them.
   Only where rows are not contiguous. */
void tiles_define_rows(const Emission *emission, const Window *window, const Planes *planes, const Tiles *tiles);
/* Opens the loop over the tiles of `block`; `at` is then the tile's first position, `first` the block's if a buffer is used. */
void tiles_open(const Emission *emission, const Planes *planes, const Tiles *tiles);
/* Stores accumulators PREFIX0 .. of the plane of outputs that begins at element `out`; buffer row `row` if rows are not contiguous. */
void tiles_store(const Emission *emission, const Planes *planes, const Tiles *tiles, const char *prefix, const char *out, int row);
/* After tiles_open's loop: buffer row `row` into the output. */
void tiles_finish(const Emission *emission, const Planes *planes, const Tiles *tiles, const char *out, int row);
void meter_tiles_store(Meter *meter, const Problem *problem, const Planes *planes, const Tiles *tiles);     /* tiles_store, in each tile */
/* tiles_finish of all blocks of a plane, in each run. */
void meter_tiles_finish(Meter *meter, const Problem *problem, const Window *window, const Planes *planes, const Tiles *tiles);
/* Of kernels with planes of one channel at a time: they are filled and read at once, and the buffer of unfinished outputs is passed so often a channel;
   between that and the next time lies only what a channel needs, `beside` bytes of it apart from the planes. */
void planes_touch_private(StageWork *stage, const Window *window, const Planes *planes, const Tiles *tiles, double passes, double beside);

/* ---- terms.c: the loop over all (channel, tap) pairs of a dense convolution's sums ---- */

typedef struct Terms {
    int64_t channels, channel;           /* of a group; elements from one to the next */
    const int64_t *taps;                 /* offsets in a channel */
    int64_t tap_count;
} Terms;

void terms_define(const Emission *emission, const Terms *terms);        /* NAME_taps, unless there is one alone */
void terms_pointer(const Emission *emission, const Terms *terms);       /* in a stage: declares what the loop reads of it */
/* From `image`, which the loop moves from channel to channel; the pair's input is at `from` then. */
void terms_open(const Emission *emission, const Terms *terms);
void terms_close(const Emission *emission, const Terms *terms);
double meter_terms_begin(Meter *meter, const Terms *terms);             /* what is counted next is done for each pair; gives the runs */
void meter_terms_end(Meter *meter, const Terms *terms, double runs);    /* that are counted from here on, as before */

/* ---- spread.c ---- */

int *spread_order(int count, Arena *arena);      /* of sorted things: in this order any share has large and small ones */

/* ---- sums.c: a tile's sums, and rows of nonzeros that are added to them ---- */

int sum_ways(int sums);                  /* accumulators for each of so many sums, which alone would wait for v_fma's latency */
const char *sum_name(const Emission *emission, int vector, int way);    /* "a3"; "a3_1" where it has a second */
/* Declares them: the first of each vector as the expression says, NULL: it is there; all others as zeros. */
void sums_declare(const Emission *emission, int size, int ways, const char *first);
void sums_join(const Emission *emission, int size, int ways);           /* adds them up into the first */

typedef struct Walk {                    /* of start[row] .. start[row + 1] in value[] and the array of offsets */
    const Planes *planes;                /* that are read, at base + offset */
    const Tiles *tiles;
    int ways;
    const char *row, *base, *offsets;    /* in C */
} Walk;

void walk_emit(const Emission *emission, const Walk *walk);             /* onto the declared sums, which are joined then */
void walk_rounds(const Pattern *pattern, int ways, double *rounds, double *rest);    /* of all rows: over so many nonzeros at once, and over one */
void walk_meter(Meter *meter, int size, int ways, double rounds, double rest, double split);    /* so many of both in each run */

/* ---- constants.c: constant weights as kernels want them ---- */

bool weights_constant(const Node *node);                 /* input 1 is a constant, input 2 a constant or absent */
/* Bias of `count` channels, zeros where there is none, up to a multiple of `multiple`. */
const float *weights_bias(const Node *node, int64_t count, int64_t multiple, Arena *arena);
/* Offsets as C type: uint16_t where all fit, else int32_t. Adds them to `packed`. */
const char *offset_type(int64_t largest);
int packed_offsets(Packed *packed, const int64_t *offsets, int64_t count, int64_t largest);
/* Constants may lie at any address. */
static inline float read_float(const void *data, int64_t index)
{
    float value;
    memcpy(&value, (const char *)data + (size_t)index * sizeof value, sizeof value);
    return value;
}

#endif
