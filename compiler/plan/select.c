/* A kernel, a tiling and the layouts of input and output for each layer: of all assignments over the graph the cheapest. How a value lies is agreed
   between the layer that makes it and those that read it: plain, or as all of its readers wish. A kernel that must lay its input out anew does so
   in a stage of its own, which is part of its price; nothing turns padded values back into plain ones. */
#include "compiler/plan/choices.h"

#include <math.h>

#define FARTHER 0.05                 /* of the weights: worth pricing everything again */

/* ---- what was chosen, and why ---- */

/* Could it stand in the chosen one's place? It reads the same input, or would if it were plain, and leaves the same output if it can. */
static bool stands_in(const Selection *selection, const Problem *problem, const Choice *other, const Choice *chosen)
{
    Tiling same = other->tiling;
    same.out = selection->layouts[chosen->out];
    const bool reads = other->in == chosen->in || other->in == 0;
    return reads && (other->out == chosen->out || (other->out == 0 && !kernel_leaves(other->kernel, problem, &same)));
}

/* The best that could stand in the place of the chosen one, with another kernel, or of the dense side; NULL: none. */
static const Choice *best_instead(const Selection *selection, const Problem *problem, const Choice *chosen, bool dense)
{
    const Choice *best = NULL;
    for (int i = 0; i < selection->count; i++) {
        const Choice *choice = &selection->choices[i];
        const bool wanted = dense ? !choice->kernel->sparse : choice->kernel != chosen->kernel;
        if (wanted && stands_in(selection, problem, choice, chosen) && (best == NULL || choice_better(choice, best)))
            best = choice;
    }
    return best;
}

static const char *time_text(Arena *arena, int64_t price)
{
    static const struct { double picoseconds; const char *unit; } units[] = {{1e12, "s"}, {1e9, "ms"}, {1e6, "us"}};
    int i = 0;
    while (i < COUNT(units) - 1 && (double)price < units[i].picoseconds)
        i++;
    return arena_format(arena, "%.4g %s", (double)price / units[i].picoseconds, units[i].unit);
}

static const char *tuned_reason(Arena *arena, const TunedChoice *tuned)
{
    if (tuned->model)
        return "the model's choice; nothing that was measured is surely faster";
    return arena_format(arena, "taken from --tuned; measured to take %.2f of the time that the model's choice takes", tuned->ratio);
}

/* Its own price is told beside it. */
static const char *reason(const Selecting *selecting, const LayerPlan *layer, const Selection *selection, const Choice *chosen)
{
    Arena *arena = selecting->plan->graph->arena;
    if (selection->forced != NULL)
        return "asked for by --kernel";
    if (selecting->options->random != 0)
        return "drawn by --select random";
    if (selection->tuned != NULL && tuned_is(selection->tuned, chosen))
        return tuned_reason(arena, selection->tuned);
    if (selection->kernels == 1)
        return "the only kernel that fits";
    if (selecting->options->small)
        return "of those that are small, the fastest";
    const Choice *next = best_instead(selection, &layer->problem, chosen, false);
    if (next == NULL)
        return "no other kernel fits in these layouts";
    const char *time = time_text(arena, next->price);
    if (next->kernel->sparse && !chosen->kernel->sparse && next->price < chosen->price && (double)chosen->price < SPARSE_MARGIN * (double)next->price)
        return arena_format(arena, "%s with %s is predicted too little faster to be sure of it", next->kernel->name, time);
    if (next->price < chosen->price)
        return arena_format(arena, "%s alone would be faster with %s, but %s", next->kernel->name, time,
                            selecting->options->most_code > 0 ? "its code larger, or the layers around it slower" : "the layers around it slower");
    return arena_format(arena, "the cheapest; next is %s with %s", next->kernel->name, time);
}

static void compare_with_dense(LayerPlan *layer, const Selection *selection, const Choice *chosen)
{
    const Choice *dense = dense_multiply_adds(layer->problem.node) > 0 ? best_instead(selection, &layer->problem, chosen, true) : NULL;
    if (dense == NULL)
        return;
    Candidate candidate;
    candidate_price(&layer->problem, dense->kernel, &dense->tiling, &layer->surroundings, &candidate);
    layer->dense_kernel = dense->kernel;
    layer->dense_seconds = candidate.price.seconds;
}

static void take_choice(const Selecting *selecting, int l, int number)
{
    Plan *plan = selecting->plan;
    LayerPlan *layer = &plan->layers[l];
    const Selection *selection = &selecting->layers[l];
    const Choice *choice = &selection->choices[number];
    Candidate candidate;
    candidate_price(&layer->problem, choice->kernel, &choice->tiling, &layer->surroundings, &candidate);
    layer->kernel = choice->kernel;
    layer->tiling = choice->tiling;
    layer->work = candidate.work;
    layer->price = candidate.price;
    layer->hot = candidate.hot;
    plan->seconds += candidate.price.seconds;
    compare_with_dense(layer, selection, choice);
    layer->why = reason(selecting, layer, selection, choice);
    plan->tuned_count += selection->tuned != NULL && tuned_is(selection->tuned, choice);
    choice->kernel->stages(&layer->problem, &layer->tiling, layer);
}

void choices_take(const Selecting *selecting, const int *chosen)
{
    for (int l = 0; l < selecting->plan->layer_count; l++)
        if (selecting->plan->layers[l].problem.node->op != OP_View)
            take_choice(selecting, l, chosen[l]);
}

static void check_forced(const Plan *plan, const PlanOptions *options)
{
    for (int i = 0; i < options->forced_count; i++) {
        layer_named(plan->graph, "--kernel", options->forced[i].layer);
        forced_kernel_check(plan->graph->ctx, options->forced[i].kernel);
    }
}

/* The weights were taken to come from as far as so many nonzeros with 16-bit offsets would put them; nonzeros as code are twice as large. Are they in
   another cache, as chosen? */
static bool farther_or_nearer(const Machine *machine, double before, double after)
{
    const double l2 = cache_keeps(before, machine->l2_bytes) - cache_keeps(after, machine->l2_bytes);
    const double l3 = cache_keeps(before, machine->l3_bytes) - cache_keeps(after, machine->l3_bytes);
    return fabs(l2) > FARTHER || fabs(l3) > FARTHER;
}

/* What surrounds the layers, now that each has a choice. False: the same as before, about. */
static bool surround_again(const Selecting *selecting, const int *chosen)
{
    Plan *plan = selecting->plan;
    Problem *problems = arena_array(selecting->arena, Problem, plan->layer_count + 1);
    double *constants = arena_array(selecting->arena, double, plan->layer_count + 1);
    for (int l = 0; l < plan->layer_count; l++) {
        problems[l] = plan->layers[l].problem;
        constants[l] = selecting->layers[l].count > 0 ? selecting->layers[l].choices[chosen[l]].bytes : 0;
    }
    const Surroundings *surroundings = network_surroundings(plan->graph, problems, constants, plan->threads, selecting->arena);
    if (plan->layer_count == 0 ||
        !farther_or_nearer(&plan->target->machine, plan->layers[0].surroundings.weights_distance, surroundings[0].weights_distance))
        return false;
    for (int l = 0; l < plan->layer_count; l++)
        plan->layers[l].surroundings = surroundings[l];
    return true;
}

static void select_cheapest(const Selecting *selecting, int *chosen)
{
    choose_cheapest(selecting, chosen);
    if (!surround_again(selecting, chosen))
        return;
    for (int l = 0; l < selecting->plan->layer_count; l++)
        choices_price_again(selecting, l);
    choose_cheapest(selecting, chosen);
}

void kernels_select(Plan *plan, const PlanOptions *options)
{
    Arena *arena = plan->graph->ctx->scratch;
    const Selecting selecting = {plan, options, arena, arena_array(arena, Selection, plan->layer_count + 1),
                                 options->tuned_count > 0 ? layer_keys(plan, arena) : NULL};
    int *chosen = arena_array(arena, int, plan->layer_count + 1);
    check_forced(plan, options);
    for (int l = 0; l < plan->layer_count; l++)
        choices_find(&selecting, l);
    fail_complaints(plan->graph->ctx);
    choices_layouts(&selecting);
    for (int l = 0; l < plan->layer_count; l++)
        choices_price(&selecting, l);
    (options->random != 0 ? choose_randomly : select_cheapest)(&selecting, chosen);
    choices_take(&selecting, chosen);
}
