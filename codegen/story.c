/* The comments of a program: what it was made from, how to compile it, what its layers are, and above each layer why it is computed as it is. */
#include "codegen/internal.h"

#include <math.h>
#include <string.h>

#define NAME_COLUMNS 24
#define MACHINE_COLUMNS 110

static const char *quoted_name(Arena *arena, const char *name, size_t most)
{
    const char *quoted = text_quote(arena, name, strlen(name));
    return strlen(quoted) <= most ? quoted : arena_format(arena, "%.*s...", (int)most - 3, quoted);
}

static const char *padded_text(const Tiling *tiling)
{
    const bool in = !layout_plain(&tiling->in), out = !layout_plain(&tiling->out);
    return in && out ? "in+out" : in ? "in" : out ? "out" : "-";
}

static void add_layout(Text *text, const char *what, const Layout *layout)
{
    if (!layout_plain(layout))
        text_format(text, " %s in planes of %d rows of %d, the first element in row %d, column %d, zeros around.", what, layout->rows, layout->pitch,
                    layout->top, layout->left);
}

static const char *density_text(Arena *arena, const LayerPlan *layer)
{
    if (layer->problem.pattern == NULL)
        return "-";
    int tenths = (int)(layer->problem.density * 1000 + 0.5);
    return arena_format(arena, "%d.%d %%", tenths / 10, tenths % 10);
}

static const char *multiply_adds_text(Arena *arena, const LayerPlan *layer)
{
    double count = dense_multiply_adds(layer->problem.node);
    return count == 0 ? "-" : arena_format(arena, "%lld", (long long)count);
}

static const Value *result(const Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] != NULL)
            return node->outputs[i];
    return NULL;
}

static const char *result_text(Arena *arena, const Node *node)
{
    const Value *value = result(node);
    return value == NULL ? "-" : shape_text(arena, &value->shape);
}

/* Three digits are a whole number from 100 to 999 and a power of ten: printf's %g would follow the locale. */
const char *milliseconds(Arena *arena, double seconds)
{
    if (!(seconds > 0))
        return "0";
    int places = (int)fmin(12, 2 - floor(log10(seconds * 1e3)));
    long long digits = llround(seconds * 1e3 * pow(10, places));
    for (; places > 0 && digits % 10 == 0; places--)
        digits /= 10;
    if (places <= 0)
        return arena_format(arena, "%lld", (long long)((double)digits * pow(10, -places)));
    const long long one = llround(pow(10, places));
    return arena_format(arena, "%lld.%0*lld", digits / one, places, digits % one);
}

/* ---- the top of the file ---- */

#define ROW "%-16s %-20s %-18s %-16s %-8s %-6s %7s %13s %8s  %s"

static void layer_row(Text *text, Arena *arena, const LayerPlan *layer, const char *name)
{
    const Node *node = layer->problem.node;
    text_format(text, "\n" ROW, name, quoted_name(arena, operators_text(arena, node), 20), result_text(arena, node),
                layer->kernel == NULL ? "view" : layer->kernel->name, tiling_text(arena, &layer->tiling), padded_text(&layer->tiling),
                density_text(arena, layer), multiply_adds_text(arena, layer), layer->kernel == NULL ? "-" : milliseconds(arena, layer->price.seconds),
                quoted_name(arena, node->name, NAME_COLUMNS));
}

/* Those of a machine that no name of ours stands for: a probed one, or one from a file. */
static void add_machine(Text *text, const Machine *machine)
{
    if (machine_known(machine))
        return;
    text_add(text, "Machine:   ");
    size_t column = 0;
    for (const char *at = machine_brief(text->arena, machine); *at != '\0'; at++, column++) {
        text_add_bytes(text, at, 1);
        if (*at != ',' || column < MACHINE_COLUMNS)
            continue;
        text_add(text, "\n          ");
        column = 0;
    }
    text_add(text, "\n");
}

static const char *compile_line(Arena *arena, const Target *target, const ModuleOptions *options)
{
    const char *source = strcmp(options->source_path, "-") == 0 ? "model.c" : base_name(options->source_path);
    const char *compiler = target->isa.compiler == NULL ? "cc" : target->isa.compiler;
    const char *flags = target->isa.compiler_flags == NULL ? "" : target->isa.compiler_flags;
    return arena_format(arena, "%s -std=gnu11 -O2 %s%s-ffp-contract=off -fopenmp -I. -c %s", compiler, flags, flags[0] == '\0' ? "" : " ", source);
}

void story_open(Out *out, const Plan *plan, const char *const *names, const ModuleOptions *options)
{
    const Graph *graph = plan->graph;
    Arena *arena = graph->ctx->scratch;
    Text text = text_new(arena);
    text_format(&text, "Model '%s', compiled by tulle %s for target %s (%s). The code belongs to whoever ran tulle.\n",
                text_quote(arena, graph->name, strlen(graph->name)), TULLE_VERSION, text_quote(arena, plan->target->machine.name,
                strlen(plan->target->machine.name)), plan->target->isa.name);
    if (graph->sha256[0] != '\0')
        text_format(&text, "SHA-256 of the model's file: %s\n", graph->sha256);
    if (graph->projection != NULL)
        text_format(&text, "This is %s.\n", graph->projection);
    text_format(&text, "\nCompile:   %s\n", compile_line(arena, plan->target, options));
    text_add(&text, "           -I names the folder of the .weights file, if there is one; without -fopenmp it runs on one thread; link with -lm.\n"
                    "           Without -ffp-contract=off compilers may fuse products into sums, and results then differ in their last bits.\n");
    add_machine(&text, &plan->target->machine);
    text_format(&text, "Workspace: %zu bytes and %zu for each thread; no plan needs less than %zu in all.\n", plan->workspace_bytes,
                plan->thread_bytes, plan->peak_values_bytes);
    text_format(&text, "Predicted: %s ms for a run with %d thread%s; in the table, ms of each layer.\n",
                milliseconds(arena, (double)plan->slices * plan->seconds), plan->threads, plan->threads == 1 ? "" : "s");
    if (plan->slices > 1)
        text_format(&text, "Batch:     all stages run %lld times, for %lld of the images each; the table and the comments below speak of one such run.\n",
                    (long long)plan->slices, (long long)plan->graph->inputs[0]->shape.dims[0]);
    text_format(&text, "\n" ROW, "layer", "operators", "result", "kernel", "tiling", "padded", "density", "multiply-adds", "ms",
                "name in the model");
    for (int l = 0; l < plan->layer_count; l++)
        layer_row(&text, arena, &plan->layers[l], names[l]);
    out_comment(out, "%s", text.data);
    out_blank(out);
}

/* ---- above a layer ---- */

static const char *operand_shapes(Arena *arena, const Node *node)
{
    Text text = text_new(arena);
    for (int i = 0; i < node->input_count && i < 8; i++)
        text_format(&text, "%s%s", i == 0 ? "" : " ", node->inputs[i] == NULL ? "-" : shape_text(arena, &node->inputs[i]->shape));
    text_add(&text, node->input_count > 8 ? " ..." : "");
    return text.data;
}

void story_layer(Out *out, const LayerPlan *layer, const char *name)
{
    Arena *arena = layer->problem.graph->ctx->scratch;
    const Node *node = layer->problem.node;
    Text text = text_new(arena);
    text_format(&text, "%s, '%s': %s, %s -> %s.", name, quoted_name(arena, node->name, 2 * NAME_COLUMNS), operators_text(arena, node),
                operand_shapes(arena, node), result_text(arena, node));
    if (layer->problem.pattern != NULL)
        text_format(&text, " Density %s of %s multiply-adds.", density_text(arena, layer), multiply_adds_text(arena, layer));
    const char *tiling = tiling_text(arena, &layer->tiling);
    text_format(&text, "\nKernel %s (%s)%s%s: %s.", layer->kernel->name, layer->kernel->says, tiling[0] == '-' ? "" : ", tiling ",
                tiling[0] == '-' ? "" : tiling, layer->why);
    text_format(&text, "\nPredicted: %s ms, bound by %s; %s ms alone, over and over.", milliseconds(arena, layer->price.seconds),
                bound_name(layer->price.bound, false), milliseconds(arena, layer->hot.seconds));
    add_layout(&text, "It reads its input", &layer->tiling.in);
    add_layout(&text, "It leaves its result", &layer->tiling.out);
    out_comment(out, "%s", text.data);
}
