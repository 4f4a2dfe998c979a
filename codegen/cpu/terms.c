/* The loop over all (channel, tap) pairs of a dense convolution's sums. */
#include "codegen/cpu/cpu.h"

void terms_define(const Emission *emission, const Terms *terms)
{
    if (terms->tap_count > 1)
        table_define(emission, arena_format(emission->arena, "%s_taps", emission->name), terms->taps, terms->tap_count);
}

void terms_pointer(const Emission *emission, const Terms *terms)
{
    if (terms->tap_count > 1)
        out_line(emission->out, "const int32_t *const taps = %s_taps;", emission->name);
}

void terms_open(const Emission *emission, const Terms *terms)
{
    Out *out = emission->out;
    out_open(out, "for (int64_t channel = 0; channel < %lld; channel++, image += %lld)", (long long)terms->channels, (long long)terms->channel);
    if (terms->tap_count == 1) {
        out_line(out, "const float *const from = image + %lld;", (long long)terms->taps[0]);
        return;
    }
    out_open(out, "for (int tap = 0; tap < %lld; tap++)", (long long)terms->tap_count);
    out_line(out, "const float *const from = image + taps[tap];");
}

void terms_close(const Emission *emission, const Terms *terms)
{
    if (terms->tap_count > 1)
        out_close(emission->out, "");
    out_close(emission->out, "");
}

double meter_terms_begin(Meter *meter, const Terms *terms)
{
    const double runs = meter->runs;
    meter_loop(meter, runs * (double)(terms->channels * terms->tap_count));
    return runs;
}

void meter_terms_end(Meter *meter, const Terms *terms, double runs)
{
    const bool many = terms->tap_count > 1;
    if (many) {
        meter_scalar_load(meter, 1);
        meter_other(meter, 1);
    }
    meter_other(meter, 4);
    meter_hot(meter);
    meter->runs = many ? runs * (double)terms->channels : 0;
    meter_other(meter, 5);
    meter->runs = runs;
}
