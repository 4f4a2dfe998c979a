/* sparse_direct in blocks of input channels: what its files share. Private to codegen/cpu.

   An item is a strip of output rows and a share of the output channels. Its input channels pass in blocks: the block's planes are packed into the
   thread's own memory, where every load is aligned if the planes are, and stay in level 1 while all rows of weights pass over a tile; unfinished
   sums wait in the thread's memory between blocks. Rows of weights are in order of their nonzeros in the block, so that the loops' ends are
   predictable. */
#ifndef TULLE_SPARSE_DIRECT_H
#define TULLE_SPARSE_DIRECT_H

#include "codegen/cpu/cpu.h"

/* Of Tiling.size: the plane mode and the vectors of a tile, as without blocks; then these. */
enum { SIZE_MODE, SIZE_VECTORS, SIZE_CHANNELS, SIZE_ROWS, SIZE_SHARES };

typedef struct Blocks {
    Window window, strip;            /* strip: of a strip's output rows alone */
    Planes planes;                   /* of a channel of a strip */
    int lanes, vectors;              /* vectors: of a tile */
    int together;                    /* rows of weights that pass at once: small tiles need several to hide the latency of v_fma */
    int64_t channels, block, blocks; /* input channels of a group; of a block; blocks of a group */
    int64_t strips, tiles;           /* of an image; of a strip */
    int64_t group_outputs, outputs;  /* of a group, and the most of a share */
    int64_t group_shares, shares;    /* of a group; of all */
    int64_t lists;                   /* of `together` rows in a share */
    int64_t channel, sums;           /* floats of a channel's planes; of a row's sums */
    int64_t private_planes;          /* floats of a block's planes, and what may be read behind them */
    int64_t largest_offset;
} Blocks;

/* Where each block's nonzeros begin and how many lists of rows have any; each list's rounds of one nonzero a row, what remains of all rows but the
   last, and the rows' numbers in the share. */
enum { BLOCK_VALUES, BLOCK_OFFSETS, BLOCK_STARTS, BLOCK_LISTS, BLOCK_BIASES };

void blocks_of(const Problem *problem, const Tiling *tiling, Blocks *blocks);
int64_t blocks_share_rows(const Blocks *blocks, int64_t share);                /* output channels of a share */
int64_t blocks_first_row(const Blocks *blocks, int64_t share);
int blocks_tilings(const Problem *problem, const Window *window, int limit, Tiling *list, int count, int most);    /* added to the list */
void blocks_stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer);
void blocks_pack(const Problem *problem, const Tiling *tiling, Packed *packed);
void blocks_emit(const Emission *emission);

/* ---- sparse_direct_work.c ---- */

void blocks_work(const Problem *problem, const Tiling *tiling, Work *work);
double direct_crowding(const Isa *isa);          /* distances of planes read again count so many times */

#endif
