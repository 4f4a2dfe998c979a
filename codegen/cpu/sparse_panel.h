/* Panels of output channels that share loads of the input: their geometry and masks, which text, packing and counts share. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_SPARSE_PANEL_H
#define TULLE_CODEGEN_SPARSE_PANEL_H

#include "codegen/cpu/cpu.h"

#define MOST_PANEL_ROWS 6
#define MOST_MASKS (1 << MOST_PANEL_ROWS)

typedef struct Panel {
    Window window;
    Planes planes;
    Tiles tiles;
    int rows;                        /* output channels of a panel */
    int64_t group_outputs, group_channels, group_panels, panels;
    int64_t slabs, slab;             /* of a group's input channels, so that what a tile reads of one stays in level 1; channels of a slab */
    int32_t *order;                  /* [panels * rows]: output channels; a panel's are neighbours in the order of nonzeros, the panels are spread; -1: none */
    double total[MOST_MASKS];        /* columns of all panels that exactly these rows use */
    int piece[MOST_MASKS];           /* the mask whose loop takes these rows; of the others what is left of it takes the rest */
    double entries[MOST_MASKS];      /* of a mask's loop, in all panels */
    int masks[MOST_MASKS], mask_count;   /* that have a loop, in order */
} Panel;

void panel_of(const Problem *problem, const Tiling *tiling, Panel *panel);
void panel_masks(const Problem *problem, Panel *panel);           /* order, and all about masks: the last part of panel_of */
int64_t panel_largest_offset(const Panel *panel);
double panel_entries(const Panel *panel);        /* of all loops */
void panel_work(const Problem *problem, const Tiling *tiling, Work *work);

#endif
