/* sparse_fc in its two forms. Private to codegen/cpu. */
#ifndef TULLE_CODEGEN_SPARSE_FC_H
#define TULLE_CODEGEN_SPARSE_FC_H

#include "codegen/cpu/product.h"

/* sparse_fc_gather.c: few rows of input; each output's nonzeros are lanes. Tilings have size[0] = 0 and size[1] blocks of inputs. */
int gather_tilings(const Problem *problem, Tiling *list, int most);    /* 0: too many inputs lie too far apart */
void gather_work(const Problem *problem, const Tiling *tiling, Work *work);
void gather_stages(const Problem *problem, const Tiling *tiling, LayerPlan *layer);
void gather_pack(const Problem *problem, const Tiling *tiling, Packed *packed);
void gather_emit(const Emission *emission);

#endif
