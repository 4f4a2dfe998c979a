/* A tile's sums, and rows of nonzeros that are added to them. A few vectors alone would wait for v_fma's latency: such a tile has several sums of
   each, which take the nonzeros in turn and are added up in the end. */
#include "codegen/cpu/cpu.h"

int sum_ways(int sums)
{
    return sums >= 6 ? 1 : sums >= 3 ? 2 : 4;
}

const char *sum_name(const Emission *emission, int vector, int way)
{
    return way == 0 ? arena_format(emission->arena, "a%d", vector) : arena_format(emission->arena, "a%d_%d", vector, way);
}

void sums_declare(const Emission *emission, int size, int ways, const char *first)
{
    for (int way = first == NULL ? 1 : 0; way < ways; way++)
        for (int v = 0; v < size; v++)
            out_line(emission->out, "v_float %s = %s;", sum_name(emission, v, way), way == 0 ? first : "v_zero()");
}

void sums_join(const Emission *emission, int size, int ways)
{
    for (int half = ways / 2; half > 0; half /= 2)
        for (int way = 0; way < half; way++)
            for (int v = 0; v < size; v++) {
                const char *sum = sum_name(emission, v, way);
                out_line(emission->out, "%s = v_add(%s, %s);", sum, sum, sum_name(emission, v, way + half));
            }
}

/* ---- rows of nonzeros ---- */

static void emit_nonzero(const Emission *emission, const Walk *walk, int way)
{
    Out *out = emission->out;
    const Tiles *tiles = walk->tiles;
    const char *from = arena_format(emission->arena, "from%d", way);
    out_line(out, "const float *const %s = %s + %s[i + %d];", from, walk->base, walk->offsets, way);
    out_line(out, "const v_float w%d = v_set1(value[i + %d]);", way, way);
    for (int v = 0; v < tiles->size; v++) {
        const char *sum = sum_name(emission, v, way);
        out_line(out, "%s = v_fma(w%d, %s, %s);", sum, way, tiles_load(emission, walk->planes, tiles, from, v), sum);
    }
}

void walk_emit(const Emission *emission, const Walk *walk)
{
    Out *out = emission->out;
    const int ways = walk->ways;
    out_line(out, "const int32_t stop = start[%s + 1];", walk->row);
    if (ways == 1) {
        out_open(out, "for (int32_t i = start[%s]; i < stop; i++)", walk->row);
        emit_nonzero(emission, walk, 0);
        out_close(out, "");
        return;
    }
    out_line(out, "int32_t i = start[%s];", walk->row);
    out_open(out, "for (; i + %d <= stop; i += %d)", ways, ways);
    for (int way = 0; way < ways; way++)
        emit_nonzero(emission, walk, way);
    out_close(out, "");
    out_open(out, "for (; i < stop; i++)");
    emit_nonzero(emission, walk, 0);
    out_close(out, "");
    sums_join(emission, walk->tiles->size, ways);
}

void walk_rounds(const Pattern *pattern, int ways, double *rounds, double *rest)
{
    *rounds = *rest = 0;
    for (int64_t k = 0; k < pattern->rows; k++) {
        *rounds += pattern->row_nonzeros[k] / ways;
        *rest += pattern->row_nonzeros[k] % ways;
    }
}

/* A nonzero's offset and value are loaded, the address added up (of one vector alone by the multiply-add itself), then a multiply-add for every
   vector of the tile. */
static void meter_nonzeros(Meter *meter, double size, double count, double split)
{
    meter_scalar_load(meter, 2 * count);
    meter_other(meter, (size > 1 ? 2 : 1) * count);
    meter_fma_load(meter, count * size, split);
}

void walk_meter(Meter *meter, int size, int ways, double rounds, double rest, double split)
{
    const double runs = meter->runs;
    meter_loop(meter, runs * rounds);
    meter_nonzeros(meter, size, ways, split);
    meter_other(meter, 3);
    meter_hot(meter);
    meter->runs = runs * rest;
    if (ways > 1) {
        meter_nonzeros(meter, size, 1, split);
        meter_other(meter, 3);
    }
    meter->runs = runs;
}
