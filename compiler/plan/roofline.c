/* From counts to a price. For now the price is the number of instructions and of vector-wide accesses to memory, all of them equal: enough to prefer
   leaving zeros out to multiplying by them, and vectors to scalars. Seconds need the machine's numbers, and come with the roofline model. */
#include "compiler/plan/internal.h"

double work_price(const Work *work, const Target *target)
{
    double bytes = work->bytes + work->weight_bytes + work->index_bytes;
    return work->vector_instructions + bytes / target->isa.vector_bytes;
}
