/* From counts to a price. For now the unit is an instruction: what is issued, and as many as fit the time that data takes to come. Activations come
   from a cache, a vector an instruction; weights and indices are read once a run, large ones from memory, at about 8 bytes an instruction. Enough to
   prefer leaving zeros out to multiplying by them, and vectors to scalars. Seconds need the machine's numbers: the roofline model brings them. */
#include "compiler/plan/internal.h"

double work_price(const Work *work, const Target *target)
{
    const double weight_bytes_each = 8;
    return work->vector_instructions + work->bytes / target->isa.vector_bytes + (work->weight_bytes + work->index_bytes) / weight_bytes_each;
}
