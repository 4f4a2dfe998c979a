/* One choice a layer: the cheapest assignment over the graph, within limits of code or of size if there are such; or any, drawn by a seed. */
#include "compiler/plan/choices.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MOST_STATES 4096             /* combinations of layouts that assign.c keeps: networks have a few */
#define MOST_SLOWER 1.4              /* predicted, of --optimize size: 1.5 is promised */

bool choice_better(const Choice *a, const Choice *b)
{
    return a->price != b->price ? a->price < b->price : strcmp(a->kernel->name, b->kernel->name) < 0;
}

/* ---- the cheapest ---- */

/* What a byte costs, in picoseconds: nothing, unless there are limits. */
typedef struct Toll { double code, bytes; } Toll;

static int64_t cost_of(const Choice *choice, const Toll *toll)
{
    const double cost = (double)choice->cost + toll->code * choice->code_bytes + toll->bytes * choice->bytes;
    return cost < (double)MOST_COST ? (int64_t)cost : MOST_COST;
}

static bool costs_less(const Choice *a, const Choice *b, const Toll *toll)
{
    const int64_t left = cost_of(a, toll), right = cost_of(b, toll);
    return left != right ? left < right : choice_better(a, b);
}

/* Of those between the same layouts; of equals the first by name, then by the order of tilings. -1: none. */
static int best_between(const Selection *selection, int in, int out, const Toll *toll)
{
    int best = -1;
    for (int i = 0; i < selection->count; i++) {
        const Choice *choice = &selection->choices[i];
        if (choice->in == in && choice->out == out && (best < 0 || costs_less(choice, &selection->choices[best], toll)))
            best = i;
    }
    return best;
}

typedef struct Options { AssignOption options[MOST_LAYOUTS * MOST_LAYOUTS]; int choices[MOST_LAYOUTS * MOST_LAYOUTS]; } Options;

static AssignNode options_of(const Selection *selection, const Toll *toll, Options *options)
{
    AssignNode node = {options->options, 0, selection->from};
    for (int in = 0; in < MOST_LAYOUTS; in++)
        for (int out = 0; out < MOST_LAYOUTS; out++) {
            const int best = best_between(selection, in, out, toll);
            if (best < 0)
                continue;
            options->choices[node.option_count] = best;
            options->options[node.option_count++] = (AssignOption){cost_of(&selection->choices[best], toll), in, out};
        }
    if (node.option_count == 0)      /* a view */
        options->options[node.option_count++] = (AssignOption){0, 0, 0};
    return node;
}

static void assign(const Selecting *selecting, const Toll *toll, Arena *arena, int *chosen)
{
    const int count = selecting->plan->layer_count;
    Options *options = arena_array(arena, Options, count + 1);
    AssignNode *nodes = arena_array(arena, AssignNode, count + 1);
    int *numbers = arena_array(arena, int, count + 1);
    for (int l = 0; l < count; l++)
        nodes[l] = options_of(&selecting->layers[l], toll, &options[l]);
    assign_cheapest(nodes, count, MOST_STATES, arena, numbers);
    for (int l = 0; l < count; l++)
        chosen[l] = options[l].choices[numbers[l]];
}

typedef struct Total { double picoseconds, code_bytes, bytes; } Total;

static Total choose_at(const Selecting *selecting, const Toll *toll, int *chosen)
{
    Total total = {0, 0, 0};
    Arena *arena = arena_new(selecting->plan->graph->ctx, "choosing", SIZE_MAX / 2);
    assign(selecting, toll, arena, chosen);
    for (int l = 0; l < selecting->plan->layer_count; l++)
        if (selecting->layers[l].count > 0) {
            const Choice *choice = &selecting->layers[l].choices[chosen[l]];
            total.picoseconds += (double)choice->price;
            total.code_bytes += choice->code_bytes;
            total.bytes += choice->bytes;
        }
    arena_free(arena);
    return total;
}

/* ---- within limits: the dearer a byte, the fewer of them, and the slower ---- */

enum { LEAST_TOLL = -20, MOST_TOLL = 80 };     /* halves of powers of two */

static double toll_at(int step)
{
    return exp2(step / 2.0);
}

/* The toll on bytes that leaves the program fast enough and makes the least of time and bytes, which count twice: a hundredth of the size is worth two
   of the time. */
static Toll small_program(const Selecting *selecting, double picoseconds, int *chosen)
{
    Toll best = {0, 0};
    double least = INFINITY;
    for (int step = LEAST_TOLL; step <= MOST_TOLL; step++) {
        const Toll toll = {0, toll_at(step)};
        const Total total = choose_at(selecting, &toll, chosen);
        const double merit = total.picoseconds * total.bytes * total.bytes;
        if (total.picoseconds <= picoseconds && merit < least) {
            best = toll;
            least = merit;
        }
    }
    return best;
}

/* The lowest toll on code that leaves as little of it as asked for. */
static Toll little_code(const Selecting *selecting, Toll toll, int64_t most, int *chosen)
{
    int low = LEAST_TOLL, high = MOST_TOLL;      /* low does not serve, high does */
    toll.code = toll_at(high);
    const double least = choose_at(selecting, &toll, chosen).code_bytes;
    if (least > (double)most)
        fail(selecting->plan->graph->ctx, STATUS_UNSUPPORTED, "--max-code", NULL, "the smallest program has %.0f bytes of loops, more than %lld", least,
             (long long)most);
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        toll.code = toll_at(middle);
        if (choose_at(selecting, &toll, chosen).code_bytes <= (double)most)
            high = middle;
        else
            low = middle;
    }
    toll.code = toll_at(high);
    return toll;
}

void choose_cheapest(const Selecting *selecting, int *chosen)
{
    const PlanOptions *options = selecting->options;
    Toll toll = {0, 0};
    Total total = choose_at(selecting, &toll, chosen);
    if (options->small) {
        toll = small_program(selecting, total.picoseconds * MOST_SLOWER, chosen);
        total = choose_at(selecting, &toll, chosen);
    }
    if (options->most_code == 0 || total.code_bytes <= (double)options->most_code)
        return;
    toll = little_code(selecting, toll, options->most_code, chosen);
    choose_at(selecting, &toll, chosen);
}

void choose_by_cost(const Selecting *selecting, int *chosen)
{
    choose_at(selecting, &(Toll){0, 0}, chosen);
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
void choose_randomly(const Selecting *selecting, int *chosen)
{
    for (int l = 0; l < selecting->plan->layer_count; l++) {
        const Selection *selection = &selecting->layers[l];
        const int in = selection->from < 0 ? 0 : selecting->layers[selection->from].choices[chosen[selection->from]].out;
        int drawn = -1;
        for (int i = 0; i < selection->count; i++)
            if (selection->choices[i].in == in && (drawn < 0 || drawn_before(selecting->options->random, selecting->plan->layers[l].problem.node,
                                                                             selection->choices, i, drawn)))
                drawn = i;
        assert(drawn >= 0 || selection->count == 0);     /* what reads a padded input is there for a plain one, too; a view has no choice */
        chosen[l] = drawn;
    }
}
