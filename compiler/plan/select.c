/* A kernel, a tiling and the layouts of input and output for each layer: of all assignments over the graph the cheapest. How a value lies is agreed
   between the layer that makes it and those that read it: plain, or as all of its readers wish. A kernel that must lay its input out anew does so
   in a stage of its own, which is part of its price; nothing turns padded values back into plain ones. */
#include "codegen/kernel.h"
#include "compiler/plan/internal.h"

#include <string.h>

#define MOST_STATES 4096             /* combinations of layouts that assign.c keeps: networks have a few */

typedef struct Choice {
    const Kernel *kernel;
    Tiling tiling;
    int in, out;                     /* layouts, by their numbers in the lists of the two values */
    int64_t price;
} Choice;

typedef struct Selection {           /* of a layer */
    const ForcedKernel *forced;      /* NULL: any */
    int kernels;                     /* that fit */
    Choice *choices;                 /* as the kernels and their tilings come; first without prices, for plain outputs */
    int count, capacity;
    int from;                        /* the layer that makes input 0, if that may be padded; -1 */
    bool may_pad;                    /* nobody needs its output plain, so far */
    Layout layouts[MOST_LAYOUTS];    /* that its output may have; the first is plain */
    int layout_count;
} Selection;

typedef struct Selecting {
    Plan *plan;
    const PlanOptions *options;
    Arena *arena;
    Selection *layers;
} Selecting;

/* ---- what fits ---- */

static const char *kernels_that_fit(const Problem *problem)
{
    Text text = text_new(problem->graph->ctx->graph);
    for (int i = 0; i < kernel_count; i++)
        if (kernel_choosable(kernels[i], problem->target) && kernels[i]->fits(problem))
            text_format(&text, "%s%s", text.length == 0 ? "what fits here: " : ", ", kernels[i]->name);
    return text.length == 0 ? NULL : text.data;
}

/* The tilings of the kernel that was asked for with another. */
static const char *tilings_that_fit(const Problem *problem, const Kernel *kernel)
{
    Arena *arena = problem->graph->ctx->graph;
    Tiling tilings[MOST_TILINGS];
    const int count = kernel->tilings(problem, tilings, MOST_TILINGS);
    Text text = text_new(arena);
    const char *before = "";
    for (int i = 0; i < count; i++) {
        const char *tiling = tiling_text(arena, &tilings[i]);
        if (strcmp(tiling, before) != 0)     /* the same with another layout follows at once */
            text_format(&text, "%s%s", i == 0 ? "its tilings here: " : " ", tiling);
        before = tiling;
    }
    return text.data;
}

static void complain_no_kernel(const Problem *problem, const ForcedKernel *forced)
{
    const Graph *graph = problem->graph;
    const char *where = node_where(graph, problem->node), *why = "its operator or one of its types";
    const Kernel *kernel = forced == NULL ? NULL : kernel_named(forced->kernel);
    if (kernel != NULL && kernel->fits(problem)) {
        complain(graph->ctx, STATUS_USAGE, where, tilings_that_fit(problem, kernel), "kernel '%s' has no tiling '%s' for this layer", kernel->name,
                 text_quote(graph->ctx->graph, forced->tiling, strlen(forced->tiling)));
        return;
    }
    if (kernel != NULL) {
        complain(graph->ctx, STATUS_USAGE, where, kernels_that_fit(problem), "kernel '%s' cannot compute this layer on this target", kernel->name);
        return;
    }
    reference_supports(problem->node, &why);
    complain(graph->ctx, STATUS_UNSUPPORTED, where, NULL, "not supported: %s", why);
}

static void add_choice(const Selecting *selecting, Selection *selection, const Choice *choice)
{
    selection->choices = arena_grow(selecting->arena, selection->choices, &selection->capacity, selection->count, sizeof *selection->choices);
    selection->choices[selection->count++] = *choice;
}

static bool tiling_wanted(const ForcedKernel *forced, const Tiling *tiling, Arena *arena)
{
    return forced == NULL || forced->tiling == NULL || strcmp(tiling_text(arena, tiling), forced->tiling) == 0;
}

static void add_tilings(const Selecting *selecting, Selection *selection, const Problem *problem, const Kernel *kernel)
{
    Tiling tilings[MOST_TILINGS];
    const int count = kernel->tilings(problem, tilings, MOST_TILINGS);
    int added = 0;
    for (int i = 0; i < count; i++)
        if (tiling_wanted(selection->forced, &tilings[i], selecting->arena)) {
            add_choice(selecting, selection, &(Choice){.kernel = kernel, .tiling = tilings[i]});
            added++;
        }
    selection->kernels += added > 0;
}

static void find_fitting(const Selecting *selecting, int l)
{
    const Problem *problem = &selecting->plan->layers[l].problem;
    Selection *selection = &selecting->layers[l];
    selection->forced = forced_kernel(problem->node, selecting->options);
    if (problem->node->op == OP_View) {
        if (selection->forced != NULL)
            complain(problem->graph->ctx, STATUS_USAGE, node_where(problem->graph, problem->node), NULL,
                     "this layer is a view: no kernel computes it");
        return;
    }
    const Pricing pricing = pricing_begin(problem->graph->ctx);
    for (int k = 0; k < kernel_count; k++)
        if (kernel_choosable(kernels[k], problem->target) && (selection->forced == NULL || strcmp(kernels[k]->name, selection->forced->kernel) == 0) &&
            kernels[k]->fits(problem))
            add_tilings(selecting, selection, problem, kernels[k]);
    pricing_end(&pricing);
    if (selection->kernels == 0)
        complain_no_kernel(problem, selection->forced);
}

/* ---- layouts that a value may have ---- */

static int layout_number(const Layout *layouts, int count, const Layout *layout)
{
    for (int i = 0; i < count; i++)
        if (layout_equal(&layouts[i], layout))
            return i;
    return -1;
}

/* The layer whose output 0 this is; -1 if there is none. */
static int maker(const int *made, const Value *value)
{
    return value == NULL || value_constant(value) ? -1 : made[value->id];
}

static void needs_plain(const Selecting *selecting, const int *made, const Value *value)
{
    const int layer = maker(made, value);
    if (layer >= 0)
        selecting->layers[layer].may_pad = false;
}

static void find_plain_readers(const Selecting *selecting, const int *made)
{
    const Graph *graph = selecting->plan->graph;
    for (int i = 0; i < graph->output_count; i++)
        needs_plain(selecting, made, graph->outputs[i]);
    for (int l = 0; l < graph->node_count; l++) {
        const Node *node = graph->nodes[l];
        for (int i = node->op == OP_View ? 0 : 1; i < node->input_count; i++)
            needs_plain(selecting, made, node->inputs[i]);
        for (int e = 0; e < node->epilogue_count; e++)
            for (int i = 1; i < node->epilogue[e]->input_count; i++)
                needs_plain(selecting, made, node->epilogue[e]->inputs[i]);
    }
}

/* What the layer's tilings read their input as, plain first. */
static int wishes(const Selection *reader, Layout *layouts)
{
    int count = 1;
    layouts[0] = (Layout){0};
    for (int i = 0; i < reader->count && count < MOST_LAYOUTS; i++)
        if (layout_number(layouts, count, &reader->choices[i].tiling.in) < 0)
            layouts[count++] = reader->choices[i].tiling.in;
    return count;
}

/* The first reader's wishes stay as far as each further one shares them. */
static void agree(Selection *made, const Selection *reader, bool first)
{
    Layout wished[MOST_LAYOUTS];
    const int count = wishes(reader, wished);
    int kept = 0;
    for (int i = 0; i < (first ? count : made->layout_count); i++) {
        const Layout layout = first ? wished[i] : made->layouts[i];
        if (layout_number(wished, count, &layout) >= 0)
            made->layouts[kept++] = layout;
    }
    made->layout_count = kept;
}

static void find_layouts(const Selecting *selecting)
{
    const Plan *plan = selecting->plan;
    int *made = arena_array(selecting->arena, int, plan->graph->value_count + 1);
    bool *read = arena_array(selecting->arena, bool, plan->layer_count + 1);
    for (int id = 0; id < plan->graph->value_count; id++)
        made[id] = -1;
    for (int l = 0; l < plan->layer_count; l++) {
        const Node *node = plan->graph->nodes[l];
        selecting->layers[l].layout_count = 1;
        selecting->layers[l].may_pad = node->op != OP_View && node->output_count > 0 && node->outputs[0] != NULL;
        if (selecting->layers[l].may_pad)
            made[node->outputs[0]->id] = l;
    }
    find_plain_readers(selecting, made);
    for (int l = 0; l < plan->layer_count; l++) {
        const Node *node = plan->graph->nodes[l];
        const int from = node->op == OP_View || node->input_count == 0 ? -1 : maker(made, node->inputs[0]);
        selecting->layers[l].from = from >= 0 && selecting->layers[from].may_pad ? from : -1;
        if (selecting->layers[l].from < 0)
            continue;
        agree(&selecting->layers[from], &selecting->layers[l], !read[from]);
        read[from] = true;
    }
}

/* ---- prices ---- */

static void price_choice(const Selecting *selecting, int l, const Choice *choice)
{
    const LayerPlan *layer = &selecting->plan->layers[l];
    Selection *selection = &selecting->layers[l];
    Choice priced = *choice;
    for (priced.out = 0; priced.out < selection->layout_count; priced.out++) {
        Candidate candidate;
        priced.tiling.out = selection->layouts[priced.out];
        if (!kernel_leaves(priced.kernel, &layer->problem, &priced.tiling))
            continue;
        candidate_price(&layer->problem, priced.kernel, &priced.tiling, &layer->surroundings, &candidate);
        priced.price = price_rounded(candidate.price.seconds);
        add_choice(selecting, selection, &priced);
    }
}

static void price_layer(const Selecting *selecting, int l)
{
    static const Layout plain = {0};
    Selection *selection = &selecting->layers[l];
    const Selection *from = selection->from < 0 ? NULL : &selecting->layers[selection->from];
    const Choice *choices = selection->choices;
    const int count = selection->count;
    const Pricing pricing = pricing_begin(selecting->plan->graph->ctx);
    selection->choices = NULL;
    selection->count = selection->capacity = 0;
    for (int i = 0; i < count; i++) {
        Choice choice = choices[i];
        choice.in = layout_number(from == NULL ? &plain : from->layouts, from == NULL ? 1 : from->layout_count, &choice.tiling.in);
        if (choice.in >= 0)
            price_choice(selecting, l, &choice);
    }
    pricing_end(&pricing);
}

/* ---- the cheapest ---- */

static bool better(const Choice *a, const Choice *b)
{
    return a->price != b->price ? a->price < b->price : strcmp(a->kernel->name, b->kernel->name) < 0;
}

/* Of those between the same layouts; of equals the first by name, then by the order of tilings. -1: none. */
static int best_between(const Selection *selection, int in, int out)
{
    int best = -1;
    for (int i = 0; i < selection->count; i++) {
        const Choice *choice = &selection->choices[i];
        if (choice->in == in && choice->out == out && (best < 0 || better(choice, &selection->choices[best])))
            best = i;
    }
    return best;
}

typedef struct Options { AssignOption options[MOST_LAYOUTS * MOST_LAYOUTS]; int choices[MOST_LAYOUTS * MOST_LAYOUTS]; } Options;

static AssignNode options_of(const Selection *selection, Options *options)
{
    AssignNode node = {options->options, 0, selection->from};
    for (int in = 0; in < MOST_LAYOUTS; in++)
        for (int out = 0; out < MOST_LAYOUTS; out++) {
            const int best = best_between(selection, in, out);
            if (best < 0)
                continue;
            options->choices[node.option_count] = best;
            options->options[node.option_count++] = (AssignOption){selection->choices[best].price, in, out};
        }
    if (node.option_count == 0)      /* a view */
        options->options[node.option_count++] = (AssignOption){0, 0, 0};
    return node;
}

static void choose_cheapest(const Selecting *selecting, int *chosen)
{
    const int count = selecting->plan->layer_count;
    Options *options = arena_array(selecting->arena, Options, count + 1);
    AssignNode *nodes = arena_array(selecting->arena, AssignNode, count + 1);
    int *numbers = arena_array(selecting->arena, int, count + 1);
    for (int l = 0; l < count; l++)
        nodes[l] = options_of(&selecting->layers[l], &options[l]);
    assign_cheapest(nodes, count, MOST_STATES, selecting->arena, numbers);
    for (int l = 0; l < count; l++)
        chosen[l] = options[l].choices[numbers[l]];
}

/* ---- --select random:SEED ---- */

uint64_t random_number(uint64_t seed, const Node *node, const char *what, int number)
{
    uint64_t hash = seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)number;
    for (const char *at = node->name; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    for (const char *at = what; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ hash >> 32;
}

/* Drawn by kernel first, then by layout, then by tiling: those with many tilings come up no more often than others. */
static bool drawn_before(uint64_t seed, const Node *node, const Choice *choices, int a, int b)
{
    const Choice *x = &choices[a], *y = &choices[b];
    if (x->kernel != y->kernel)
        return random_number(seed, node, x->kernel->name, 0) < random_number(seed, node, y->kernel->name, 0);
    if (x->out != y->out)
        return random_number(seed, node, "layout", x->out) < random_number(seed, node, "layout", y->out);
    return random_number(seed, node, "tiling", a) < random_number(seed, node, "tiling", b);
}

/* Each layer can go on from whatever was drawn before it, since the readers of a value can do with all layouts that it may have. */
static void choose_randomly(const Selecting *selecting, int *chosen)
{
    for (int l = 0; l < selecting->plan->layer_count; l++) {
        const Selection *selection = &selecting->layers[l];
        const int in = selection->from < 0 ? 0 : selecting->layers[selection->from].choices[chosen[selection->from]].out;
        int drawn = -1;
        for (int i = 0; i < selection->count; i++)
            if (selection->choices[i].in == in && (drawn < 0 || drawn_before(selecting->options->random, selecting->plan->layers[l].problem.node,
                                                                             selection->choices, i, drawn)))
                drawn = i;
        chosen[l] = drawn;
    }
}

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
        if (wanted && stands_in(selection, problem, choice, chosen) && (best == NULL || better(choice, best)))
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

/* Its own price is told beside it. */
static const char *reason(const Selecting *selecting, const LayerPlan *layer, const Selection *selection, const Choice *chosen)
{
    Arena *arena = selecting->plan->graph->arena;
    if (selection->forced != NULL)
        return "asked for by --kernel";
    if (selecting->options->random != 0)
        return "drawn by --select random";
    if (selection->kernels == 1)
        return "the only kernel that fits";
    const Choice *next = best_instead(selection, &layer->problem, chosen, false);
    if (next == NULL)
        return "no other kernel fits in these layouts";
    const char *time = time_text(arena, next->price);
    if (next->price < chosen->price)
        return arena_format(arena, "%s alone would be faster with %s, but the layers around it slower", next->kernel->name, time);
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
    choice->kernel->stages(&layer->problem, &layer->tiling, layer);
}

static void check_forced(const Plan *plan, const PlanOptions *options)
{
    for (int i = 0; i < options->forced_count; i++) {
        layer_named(plan->graph, "--kernel", options->forced[i].layer);
        forced_kernel_check(plan->graph->ctx, options->forced[i].kernel);
    }
}

void kernels_select(Plan *plan, const PlanOptions *options)
{
    Arena *arena = plan->graph->ctx->scratch;
    const Selecting selecting = {plan, options, arena, arena_array(arena, Selection, plan->layer_count + 1)};
    int *chosen = arena_array(arena, int, plan->layer_count + 1);
    check_forced(plan, options);
    for (int l = 0; l < plan->layer_count; l++)
        find_fitting(&selecting, l);
    fail_complaints(plan->graph->ctx);
    find_layouts(&selecting);
    for (int l = 0; l < plan->layer_count; l++)
        price_layer(&selecting, l);
    (options->random != 0 ? choose_randomly : choose_cheapest)(&selecting, chosen);
    for (int l = 0; l < plan->layer_count; l++)
        if (plan->layers[l].problem.node->op != OP_View)
            take_choice(&selecting, l, chosen[l]);
}
