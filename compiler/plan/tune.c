/* Other assignments than the cheapest, to be measured, and the best of what was measured. An assignment is found as the planner finds its own, with
   other costs; so all of them agree on the layouts between layers, and each is a whole program. */
#include "compiler/plan/choices.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MUCH_DEARER 1.3              /* than the model's choice: its prices are seldom so wrong */
#define ALIKE 0.03                   /* other tilings of a kernel that was tried promise that much less each */
/* A gain must be larger than this to be one: code that is the same but for where it lies differs by as much (measured on glyphs, Zen 4, between loads of one
   program). */
#define SURE 1.03
#define NEVER (MOST_COST / 1024)     /* the cost of what must not be chosen, if there is any other way */

typedef struct Note {                /* of one choice */
    bool tried;
    double seconds, ratio, low, high;
} Note;

typedef struct LayerTuning {
    int model;                       /* the number of the model's choice */
    int dense;                       /* the cheapest of the dense side; -1: the model's is one, or there is none */
    int tried;                       /* choices, the model's apart */
    int settled;                     /* the only other one that may be the best; the model's: none; -1: any */
    Note *notes;                     /* [selection->count] */
} LayerTuning;

struct Tuning {
    const Plan *plan;
    Selecting selecting;
    LayerTuning *layers;
};

/* ---- what there is to choose ---- */

static bool same_tiling(const Tiling *a, const Tiling *b)
{
    return memcmp(a->size, b->size, sizeof a->size) == 0 && layout_equal(&a->in, &b->in) && layout_equal(&a->out, &b->out);
}

static int number_of(const Selection *selection, const Kernel *kernel, const Tiling *tiling)
{
    for (int i = 0; i < selection->count; i++)
        if (selection->choices[i].kernel == kernel && same_tiling(&selection->choices[i].tiling, tiling))
            return i;
    return -1;
}

static int cheapest_dense(const Selection *selection, const LayerPlan *layer)
{
    int best = -1;
    if (!layer->kernel->sparse || layer->dense_kernel == NULL)
        return -1;
    for (int i = 0; i < selection->count; i++)
        if (!selection->choices[i].kernel->sparse && (best < 0 || choice_better(&selection->choices[i], &selection->choices[best])))
            best = i;
    return best;
}

static void describe_layer(Tuning *tuning, int l)
{
    const LayerPlan *layer = &tuning->plan->layers[l];
    const Selection *selection = &tuning->selecting.layers[l];
    LayerTuning *one = &tuning->layers[l];
    one->model = one->dense = one->settled = -1;
    if (layer->kernel == NULL)
        return;
    one->model = number_of(selection, layer->kernel, &layer->tiling);
    one->dense = cheapest_dense(selection, layer);
    one->notes = arena_array(tuning->selecting.arena, Note, selection->count + 1);
    assert(one->model >= 0);
}

/* The layers as the plan has them, with nothing chosen. */
static Plan *unchosen(const Plan *plan)
{
    Arena *arena = plan->graph->arena;
    Plan *copy = arena_copy(arena, plan, sizeof *plan);
    copy->layers = arena_array(arena, LayerPlan, plan->layer_count + 1);
    copy->places = arena_array(arena, Place, plan->graph->value_count + 1);
    copy->stage_count = copy->tuned_count = 0;
    copy->seconds = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        copy->layers[l].problem = plan->layers[l].problem;
        copy->layers[l].surroundings = plan->layers[l].surroundings;
    }
    return copy;
}

Tuning *tuning_new(const Plan *plan)
{
    Context *ctx = plan->graph->ctx;
    Tuning *tuning = arena_new_of(ctx->graph, Tuning);
    Arena *arena = arena_new(ctx, "what there is to choose", SIZE_MAX / 2);
    const LayerKey *keys = layer_keys(plan, arena);
    *tuning = (Tuning){plan, {unchosen(plan), &plan->options, arena, arena_array(arena, Selection, plan->layer_count + 1), keys},
                       arena_array(arena, LayerTuning, plan->layer_count + 1)};
    for (int l = 0; l < plan->layer_count; l++)
        choices_find(&tuning->selecting, l);
    choices_layouts(&tuning->selecting);
    for (int l = 0; l < plan->layer_count; l++)
        choices_price(&tuning->selecting, l);
    for (int l = 0; l < plan->layer_count; l++)
        describe_layer(tuning, l);
    return tuning;
}

/* ---- costs ---- */

static int tilings_tried(const LayerTuning *layer, const Selection *selection, const Kernel *kernel)
{
    int count = 0;
    for (int i = 0; i < selection->count; i++)
        count += layer->notes[i].tried && i != layer->model && selection->choices[i].kernel == kernel;
    return count;
}

/* What was not tried is wanted as long as it is not much dearer than the model's choice, which is better than trying the others again. */
static double cost_next(const LayerTuning *layer, const Selection *selection, int i, int most)
{
    const double price = (double)selection->choices[i].price, model = (double)selection->choices[layer->model].price;
    if (i == layer->model)
        return MUCH_DEARER * model;
    if (layer->notes[i].tried || layer->tried >= most)
        return 2 * MUCH_DEARER * fmax(price, model);
    return price * (1 + ALIKE * tilings_tried(layer, selection, selection->choices[i].kernel));
}

static double cost_dense(const LayerTuning *layer, const Selection *selection, int i, int most)
{
    (void)most;
    const double price = (double)selection->choices[i].price;
    const bool wanted = layer->dense >= 0 ? !selection->choices[i].kernel->sparse : i == layer->model;
    return wanted ? price : (double)NEVER + price;
}

/* What was measured, at the slower end of what it may be. */
static double cost_best(const LayerTuning *layer, const Selection *selection, int i, int most)
{
    (void)selection;
    (void)most;
    const Note *note = &layer->notes[i], *model = &layer->notes[layer->model];
    if (!note->tried)
        return i == layer->model ? 0 : (double)NEVER;
    if (i != layer->model && layer->settled >= 0 && layer->settled != i)
        return (double)NEVER;
    const double picoseconds = model->seconds * 1e12;
    return i == layer->model ? picoseconds : picoseconds * fmax(note->ratio, note->high) * SURE;
}

typedef double CostOf(const LayerTuning *layer, const Selection *selection, int i, int most);

static void set_costs(Tuning *tuning, CostOf *cost_of, int most)
{
    for (int l = 0; l < tuning->plan->layer_count; l++) {
        Selection *selection = &tuning->selecting.layers[l];
        for (int i = 0; i < selection->count; i++)
            selection->choices[i].cost = (int64_t)fmin(cost_of(&tuning->layers[l], selection, i, most), (double)MOST_COST);
    }
}

/* ---- trials ---- */

Trial tuning_trial(Tuning *tuning, TrialAim aim, int most)
{
    static CostOf *const costs[] = {[TRIAL_NEXT] = cost_next, [TRIAL_DENSE] = cost_dense, [TRIAL_BEST] = cost_best};
    const Plan *plan = tuning->plan;
    int *chosen = arena_array(plan->graph->arena, int, plan->layer_count + 1);
    Selecting selecting = tuning->selecting;
    set_costs(tuning, costs[aim], most);
    choose_by_cost(&selecting, chosen);
    Plan *made = unchosen(plan);
    Trial trial = {made, chosen, 0, 0};
    selecting.plan = made;
    choices_take(&selecting, chosen);
    plan_settle(made);
    for (int l = 0; l < plan->layer_count; l++)
        if (tuning->layers[l].notes != NULL) {
            trial.changed += chosen[l] != tuning->layers[l].model;
            trial.fresh += chosen[l] != tuning->layers[l].model && !tuning->layers[l].notes[chosen[l]].tried;
        }
    arena_reset(plan->graph->ctx->scratch);
    return trial;
}

static void note_choice(LayerTuning *layer, int choice, const Note *note)
{
    layer->tried += !layer->notes[choice].tried && choice != layer->model;
    layer->notes[choice] = *note;
}

void tuning_note(Tuning *tuning, const Trial *trial, int layer, double seconds, double ratio, double low, double high)
{
    LayerTuning *one = &tuning->layers[layer];
    const Note model = {true, seconds / ratio, 1, 1, 1}, note = {true, seconds, ratio, low, high};
    if (one->notes == NULL)
        return;
    note_choice(one, one->model, &model);
    if (trial->chosen[layer] != one->model)
        note_choice(one, trial->chosen[layer], &note);
}

bool tuning_changed(const Tuning *tuning, const Trial *trial, int layer)
{
    return tuning->layers[layer].notes != NULL && trial->chosen[layer] != tuning->layers[layer].model;
}

void tuning_settle(Tuning *tuning, const Trial *trial)
{
    for (int l = 0; l < tuning->plan->layer_count; l++)
        tuning->layers[l].settled = trial->chosen[l];
}

void tuning_give_up(Tuning *tuning, int layer)
{
    tuning->layers[layer].settled = tuning->layers[layer].model;
}

/* ---- to and from a file ---- */

static TunedChoice line_of(const Tuning *tuning, Arena *arena, int l, int i)
{
    const Choice *choice = &tuning->selecting.layers[l].choices[i];
    const Note *note = &tuning->layers[l].notes[i];
    TunedChoice line = {.kernel = choice->kernel->name, .tiling = tiling_text(arena, &choice->tiling), .in = choice->tiling.in, .out = choice->tiling.out,
                        .model = i == tuning->layers[l].model, .seconds = note->seconds, .ratio = note->ratio, .low = note->low, .high = note->high};
    memcpy(line.key, tuning->selecting.keys[l].text, sizeof line.key);
    return line;
}

int tuning_measured(const Tuning *tuning, Arena *arena, int layer, const Trial *trial, TunedChoice **choices, int *has)
{
    const LayerTuning *one = &tuning->layers[layer];
    int count = 0;
    *has = -1;
    if (one->notes == NULL || !one->notes[one->model].tried)
        return 0;
    *choices = arena_array(arena, TunedChoice, one->tried + 1);
    (*choices)[count++] = line_of(tuning, arena, layer, one->model);
    for (int i = 0; i < tuning->selecting.layers[layer].count; i++) {
        if (trial != NULL && trial->chosen[layer] == i && one->notes[i].tried)
            *has = i == one->model ? 0 : count;
        if (one->notes[i].tried && i != one->model)
            (*choices)[count++] = line_of(tuning, arena, layer, i);
    }
    return count;
}

static int choice_of(const Selection *selection, const TunedChoice *line)
{
    for (int i = 0; i < selection->count; i++)
        if (tuned_is(line, &selection->choices[i]))
            return i;
    return -1;
}

void tuning_recall(Tuning *tuning, const TunedChoice *choices, int count)
{
    for (int l = 0; l < tuning->plan->layer_count; l++) {
        LayerTuning *one = &tuning->layers[l];
        const Selection *selection = &tuning->selecting.layers[l];
        if (one->notes == NULL || strcmp(tuning->selecting.keys[l].text, choices[0].key) != 0 || choice_of(selection, &choices[0]) != one->model)
            continue;
        for (int i = 0; i < count; i++) {
            const int number = choice_of(selection, &choices[i]);
            const Note note = {true, choices[i].seconds, choices[i].ratio, choices[i].low, choices[i].high};
            if (number >= 0)
                note_choice(one, number, &note);
        }
    }
}
