/* Lines of planes in vectors: every stride of them, and the ends of short ones. */
#include "codegen/cpu/lines.h"

const char *line_load(const Emission *emission, int64_t stride, const char *from, int64_t at)
{
    Arena *arena = emission->arena;
    const long long even = at / 2 * 2, lanes = problem_lanes(emission->problem);
    if (stride == 1)
        return arena_format(arena, "v_load(%s + %lld)", from, (long long)at);
    if (stride > 2)
        return arena_format(arena, "v_gather(%s + %lld, steps)", from, (long long)at);
    return arena_format(arena, "%s(v_load(%s + %lld), v_load(%s + %lld))", at % 2 == 0 ? "v_even" : "v_odd", from, even, from, even + lanes);
}

void line_steps(const Emission *emission, int64_t stride)
{
    const int lanes = problem_lanes(emission->problem);
    Text steps = text_new(emission->arena);
    for (int i = 0; i < lanes; i++)
        text_format(&steps, "%s%lld", i == 0 ? "" : ", ", (long long)(i * stride));
    if (stride > 2)
        out_line(emission->out, "static const uint16_t steps[%d] = {%s};", lanes, steps.data);
}

void meter_line_loads(Meter *meter, int64_t stride, int64_t count, int64_t step)
{
    const double split = split_share(meter->isa->vector_bytes / (int)sizeof(float));
    int64_t loaded = -1;
    for (int64_t i = 0; i < count; i++) {
        const int64_t pair = i * step / 2;
        if (stride == 1) {
            meter_operand(meter, 1, split);
        } else if (stride > 2) {
            meter_gather(meter);
        } else {
            meter_load(meter, pair != loaded ? 2 : meter->isa->folds, split);    /* as an operand, a vector is loaded again */
            meter_move(meter, meter->isa->vector_bytes == 16 ? 1 : 1.5);
            loaded = pair;
        }
    }
}

int64_t line_vectors(int64_t count, int lanes)
{
    return count <= 0 ? 0 : divide_up(count, lanes);
}

double line_loop(int64_t rounds)
{
    return rounds <= 1 ? 0 : rounds <= 3 ? 1 : 7;
}

void line_vectors_open(const Emission *emission, const char *i, int64_t count, int lanes)
{
    Out *out = emission->out;
    if (count <= lanes || count % lanes == 0) {
        out_open(out, "for (int64_t %s = 0; %s < %lld; %s += %d)", i, i, (long long)count, i, lanes);
        return;
    }
    out_open(out, "for (int64_t v = 0; v < %lld; v++)", (long long)divide_up(count, lanes));
    out_line(out, "const int64_t %s = v < %lld ? v * %d : %lld;", i, (long long)(count / lanes), lanes, (long long)(count - lanes));
}

void line_put(const Emission *emission, const char *index, const char *vector, int64_t width, const char *end)
{
    Out *out = emission->out;
    const int lanes = problem_lanes(emission->problem);
    if (width >= lanes) {
        epilogue_put(emission, index, vector, NULL);
        return;
    }
    out_line(out, "if (%s + %d <= %s)", index, lanes, end);
    out->indent++;
    epilogue_put(emission, index, vector, NULL);
    out->indent--;
    out_line(out, "else");
    out->indent++;
    epilogue_put(emission, index, vector, arena_format(emission->arena, "%lld", (long long)width));
    out->indent--;
}

void meter_line_put(Meter *meter, const Problem *problem, int64_t width)
{
    const double runs = meter->runs;
    meter_put(meter, problem, 1, 0);
    if (width >= problem_lanes(problem))
        return;
    meter_other(meter, 2);
    meter->runs = 0;
    meter_put(meter, problem, 1, (int)width);    /* of the last rows */
    meter->runs = runs;
}
