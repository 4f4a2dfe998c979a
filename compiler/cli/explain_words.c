/* Numbers, names and reasons as people read them. */
#include <math.h>
#include <string.h>

#include "codegen/kernel.h"
#include "compiler/cli/explain.h"

/* ---- numbers ---- */

const char *figures_text(Arena *arena, double number)
{
    if (!(number > 0))
        return "";
    const double rounded_up = number * (1 + 0.5e-3);     /* 9.996 is 10.0 */
    const int before = (int)floor(log10(rounded_up)) + 1, after = before > 2 ? 0 : before < -3 ? 6 : 3 - before;
    return arena_format(arena, "%.*f", after, number);
}

const char *brief_milliseconds(Arena *arena, double seconds)
{
    return seconds > 0 ? figures_text(arena, seconds * 1e3) : "0";
}

const char *share_text(Arena *arena, double share)
{
    return share > 0 ? arena_format(arena, "%s %%", figures_text(arena, share * 100)) : "0 %";
}

const char *percent_text(Arena *arena, double part)
{
    return arena_format(arena, "%.1f %%", part * 100);
}

const char *cycles_text(Arena *arena, double cycles)
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    int unit = 0;
    for (; cycles >= 999.5 && unit < COUNT(units) - 1; unit++)
        cycles /= 1000;
    return arena_format(arena, unit > 0 && cycles < 9.95 ? "%.1f%s" : "%.0f%s", cycles, units[unit]);
}

const char *times_text(Arena *arena, double ratio)
{
    return arena_format(arena, "%.*fx", ratio < 1.095 ? 2 : ratio < 9.95 ? 1 : 0, ratio);
}

/* Five digits of the whole's time, as long as they are fewer than six behind the point; then three. */
const char *milliseconds_text(const Explanation *explanation, double seconds)
{
    const double before = explanation->seconds > 0 ? fmax(-4, ceil(log10(explanation->seconds * 1e3))) : 0;
    const double after = fmax(fmin(5 - before, 5), fmax(3 - before, 1));
    return arena_format(explanation->ctx->graph, "%.*f", (int)after, seconds * 1e3);
}

/* ---- names ---- */

const char *short_name(Arena *arena, const char *name, int most)
{
    const size_t length = strlen(name);
    int characters = 0, place = 0;
    for (size_t at = 0, step; at < length; at += step, characters++) {
        step = text_character(name + at, length - at);
        step += step == 0;
    }
    if (characters <= most)
        return name;
    const int head = (most - 1) / 2, tail = characters - (most - 1 - head);
    Text text = text_new(arena);
    for (size_t at = 0, step; at < length; at += step, place++) {
        step = text_character(name + at, length - at);
        step += step == 0;
        if (place < head || place >= tail)
            text_add_bytes(&text, name + at, step);
        else if (place == head)
            text_add(&text, "\xe2\x80\xa6");
    }
    return text.data;
}

const char *layout_text(Arena *arena, const Layout *layout)
{
    return layout_plain(layout) ? "plain" : arena_format(arena, "padded %d,%d in %dx%d", layout->top, layout->left, layout->rows, layout->pitch);
}

/* ---- reasons ---- */

/* What the candidate needs more of than the chosen one: the bound that holds it, or what overlaps with nothing, or just all stages together. */
static const char *slower_because(Arena *arena, const Candidate *candidate, const LayerPlan *layer)
{
    const Bound bound = candidate->price.bound;
    const char *other = candidate->kernel == layer->kernel ? "the chosen one" : layer->kernel->name;
    const double mine = price_cycles(&candidate->price, bound), its = price_cycles(&layer->price, bound);
    const double lost = price_lost(&candidate->price), its_lost = price_lost(&layer->price);
    if (mine - its < lost - its_lost)
        return arena_format(arena, "%s cycles of barriers and wrong guesses where %s loses %s", cycles_text(arena, lost), other,
                            cycles_text(arena, its_lost));
    const char *name = bound_name(bound, layer->problem.target->isa.gpu);
    if (mine > its)
        return arena_format(arena, "bound by %s, %s cycles where %s needs %s", name, cycles_text(arena, mine), other, cycles_text(arena, its));
    return arena_format(arena, "bound by %s, and its %d stages add up", name, candidate->price.stage_count);
}

static bool forced_by_name(const Plan *plan, const LayerPlan *layer)
{
    for (int i = 0; i < plan->options.forced_count; i++)
        if (plan->graph->nodes[layer_named(plan->graph, "--kernel", plan->options.forced[i].layer)] == layer->problem.node)
            return true;
    return false;
}

/* Why the plan pays more than it had to for this layer. */
static const char *cheaper_but(const Explanation *explanation, const Candidate *candidate, const LayerPlan *layer)
{
    const bool in = layout_equal(&candidate->tiling.in, &layer->tiling.in), out = layout_equal(&candidate->tiling.out, &layer->tiling.out);
    if (forced_by_name(explanation->plan, layer))
        return "--kernel asked for another";
    if (explanation->plan->options.random)
        return "--select drew another";
    if (!in || !out)
        return arena_format(explanation->ctx->graph, "its %s in another layout than the neighbours', which would cost them more",
                            in ? "output is" : out ? "input is" : "input and output are");
    if (candidate->kernel->sparse && !layer->kernel->sparse)
        return "by too little to be sure, as sparse kernels must be";
    return "the network as a whole is no faster with it";
}

const char *lost_text(const Explanation *explanation, const Candidate *candidate, const LayerPlan *layer)
{
    Arena *arena = explanation->ctx->graph;
    if (candidate_chosen(candidate, layer))
        return "chosen";
    const double ratio = candidate->price.seconds / layer->price.seconds;
    const bool out_of_reach = kernel_projected(candidate->kernel) && !kernel_projected(layer->kernel);
    const char *projected = out_of_reach ? "priced only: cannot be written yet" : NULL;
    if (layer->price.seconds == 0)
        return "the other takes no time at all";
    if (ratio > 1.005) {
        const char *slower = arena_format(arena, "%s slower: %s", times_text(arena, ratio), slower_because(arena, candidate, layer));
        return projected ? arena_format(arena, "%s; %s", projected, slower) : slower;
    }
    if (ratio < 0.995)
        return arena_format(arena, "%s faster, but %s", times_text(arena, 1 / ratio),
                            projected ? projected : cheaper_but(explanation, candidate, layer));
    return projected ? projected : "as fast: a tie goes to the first by name";
}

/* ---- the head ---- */

const char *machine_line(const Explanation *explanation)
{
    const Plan *plan = explanation->plan;
    Arena *arena = explanation->ctx->graph;
    const Machine *machine = &plan->target->machine;
    const char *threads = arena_format(arena, "%d thread%s", plan->threads, plan->threads == 1 ? "" : "s");
    return arena_format(arena, "%s on %s (%s), %s: %s %s GFLOP/s, %s GB/s from memory",
                        short_name(arena, text_quote(arena, explanation->model, strlen(explanation->model)), 40),
                        text_quote(arena, machine->name, strlen(machine->name)), plan->target->isa.name,
                        plan->target->isa.gpu || explanation->by_paper ? "all of it" : threads, explanation->by_paper ? "SGEMM" : "peak",
                        figures_text(arena, explanation->peak * 1e-9), figures_text(arena, explanation->bandwidth * 1e-9));
}

const char *paper_line(const Explanation *explanation)
{
    if (!explanation->by_paper)
        return NULL;
    const Machine *machine = &explanation->plan->target->machine;
    return arena_format(explanation->ctx->graph, "by the formula of paper 000: alpha %.3g%s; layers without multiplications have no price",
                        machine->paper_alpha, machine->paper_alpha_fitted > 0 ? ", which the paper does not give: fitted to its result" : "");
}

const char *projection_line(const Explanation *explanation)
{
    const Plan *plan = explanation->plan;
    const char *gpu = plan->target->isa.gpu ? "a projection: kernels for GPUs are priced, they cannot be written yet" : NULL;
    return plan->graph->projection ? plan->graph->projection : gpu;
}

const char *slices_line(const Explanation *explanation)
{
    const Plan *plan = explanation->plan;
    if (plan->slices == 1)
        return NULL;
    return arena_format(explanation->ctx->graph, "the batch of %lld runs in %lld slices of %lld, %s ms in all; everything below is of one slice",
                        (long long)explanation->batch, (long long)plan->slices, (long long)(explanation->batch / plan->slices),
                        brief_milliseconds(explanation->ctx->graph, (double)plan->slices * plan->seconds));
}

const char *total_line(const Explanation *explanation)
{
    Arena *arena = explanation->ctx->graph;
    if (!(explanation->seconds > 0))
        return "no layers";
    return arena_format(arena, "whole network: %s ms predicted; with the best dense kernel in every layer %s ms: a gain of %.2fx",
                        milliseconds_text(explanation, explanation->seconds), milliseconds_text(explanation, explanation->dense_seconds),
                        explanation->dense_seconds / explanation->seconds);
}
