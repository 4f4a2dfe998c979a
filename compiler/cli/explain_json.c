/* explain's JSON: the rows of 'bench --json', and what the model knows beyond them. docs/explain.md lists the fields. */
#include <string.h>

#include "codegen/kernel.h"
#include "compiler/cli/explain.h"

/* ---- fields ---- */

static void field(const char *name)
{
    printf("\"%s\": ", name);
}

static void add_string(const char *name, const char *text)
{
    field(name);
    if (text)
        report_json_string(stdout, text);
    else
        fputs("null", stdout);
    fputs(", ", stdout);
}

/* Numbers that do not apply are 0 in a view, and null here. */
static void add_number(const char *name, double number, bool applies)
{
    field(name);
    if (applies)
        report_json_number(stdout, number);
    else
        fputs("null", stdout);
    fputs(", ", stdout);
}

static void add_tiling(const Tiling *tiling)
{
    field("tiling");
    for (int i = 0; i < COUNT(tiling->size); i++)
        printf("%s%d", i ? ", " : "[", tiling->size[i]);
    fputs("], ", stdout);
}

static void add_layout(const char *name, const Layout *layout)
{
    field(name);
    if (layout_plain(layout))
        fputs("null, ", stdout);
    else
        printf("{\"top\": %d, \"left\": %d, \"rows\": %d, \"pitch\": %d, \"slack\": %d}, ", layout->top, layout->left, layout->rows,
               layout->pitch, layout->slack);
}

/* ---- candidates ---- */

static void add_cycles(const double *cycles, double lost, bool gpu)
{
    field("cycles");
    for (int b = 0; b < BOUND_COUNT; b++) {
        fputs(b ? ", " : "{", stdout);
        field(bound_name((Bound)b, gpu));
        report_json_number(stdout, cycles[b]);
    }
    fputs("}, ", stdout);
    field("lost_cycles");
    report_json_number(stdout, lost);
}

static void print_stage(const StagePrice *price, const StagePlan *stage, bool gpu)
{
    fputs("{", stdout);
    add_string("says", stage->says);
    add_number("ms", price->seconds * 1e3, true);
    add_string("bound", bound_name(price->bound, gpu));
    add_cycles(price->cycles, price->lost, gpu);
    fputs("}", stdout);
}

static void print_candidate(const Explanation *explanation, const LayerView *view, const Candidate *candidate)
{
    const LayerPlan *layer = &explanation->plan->layers[view->layer];
    const Target *target = explanation->plan->target;
    const Pattern *pattern = layer->problem.pattern;
    const bool product = view->dense_flops > 0, gpu = target->isa.gpu;
    fputs("\n      {", stdout);
    add_string("kernel", candidate->kernel->name);
    add_tiling(&candidate->tiling);
    add_layout("layout_in", &candidate->tiling.in);
    add_layout("layout_out", &candidate->tiling.out);
    printf("\"sparse\": %s, \"projected\": %s, \"chosen\": %s, ", candidate->kernel->sparse ? "true" : "false",
           kernel_projected(candidate->kernel) ? "true" : "false", candidate_chosen(candidate, layer) ? "true" : "false");
    add_number("predicted_ms", candidate->price.seconds * 1e3, true);
    add_number("hot_ms", candidate->hot.seconds * 1e3, true);
    add_string("bound", candidate->price.stage_count == 0 ? "nothing" : bound_name(candidate->price.bound, gpu));
    add_number("alpha", work_alpha(&candidate->work, &candidate->price, target, explanation->plan->threads), product);
    add_number("beta", pattern ? work_beta(&candidate->work, pattern->nonzeros) : 0, product && pattern);
    add_string("why", lost_text(explanation, candidate, layer));
    field("stages");
    fputs("[", stdout);
    for (int s = 0; s < candidate->price.stage_count; s++) {
        fputs(s ? ", " : "", stdout);
        print_stage(&candidate->price.stages[s], &candidate->stages[s], gpu);
    }
    fputs("]}", stdout);
}

static bool first_of_kernel(const LayerView *view, int number)
{
    for (int i = 0; i < number; i++)
        if (view->candidates[i].kernel == view->candidates[number].kernel)
            return false;
    return true;
}

static void print_candidates(const Explanation *explanation, const LayerView *view, bool all)
{
    const LayerPlan *layer = &explanation->plan->layers[view->layer];
    const char *between = "";
    fputs("[", stdout);
    for (int i = 0; i < view->candidate_count; i++) {
        if (!all && !first_of_kernel(view, i) && !candidate_chosen(&view->candidates[i], layer))
            continue;
        fputs(between, stdout);
        print_candidate(explanation, view, &view->candidates[i]);
        between = ",";
    }
    fputs("]", stdout);
}

/* ---- layers ---- */

static void add_shape(const Shape *shape)
{
    field("shape");
    for (int i = 0; shape && i < shape->rank; i++)
        printf("%s%lld", i ? ", " : "[", (long long)shape->dims[i]);
    fputs(!shape ? "null, " : shape->rank ? "], " : "[], ", stdout);
}

static void add_pattern(const Pattern *pattern)
{
    field("pattern");
    if (!pattern) {
        fputs("null, ", stdout);
        return;
    }
    const struct { const char *name; int64_t count; } counts[] = {
        {"rows", pattern->rows}, {"columns", pattern->columns}, {"nonzeros", pattern->nonzeros}, {"taps", pattern->taps},
        {"channels", pattern->channels}, {"kernels", pattern->kernels}, {"empty_rows", pattern->empty_rows},
        {"empty_columns", pattern->empty_columns}, {"empty_channels", pattern->empty_channels}, {"distinct_rows", pattern->distinct_rows},
    };
    fputs("{", stdout);
    for (int i = 0; i < COUNT(counts); i++)
        printf("\"%s\": %lld, ", counts[i].name, (long long)counts[i].count);
    field("imbalance");
    report_json_number(stdout, pattern->imbalance);
    fputs("}, ", stdout);
}

static void add_range(const LayerView *view)
{
    field("useful");
    if (view->ranged && view->useful_high > 0) {
        fputs("[", stdout);
        report_json_number(stdout, view->useful_low);
        fputs(", ", stdout);
        report_json_number(stdout, view->useful_high);
        fputs("], ", stdout);
    } else {
        fputs("null, ", stdout);
    }
}

static void print_layer(const Explanation *explanation, const LayerView *view, bool all)
{
    const LayerPlan *layer = &explanation->plan->layers[view->layer];
    const bool product = view->dense_flops > 0, compared = view->dense_kernel != NULL;
    fputs("\n  {", stdout);
    add_string("name", view->name);
    add_string("op", view->op);
    add_shape(view->shape);
    add_string("kernel", view->kernel);
    if (!explanation->by_paper) {
        add_tiling(&layer->tiling);
        add_layout("layout_in", &layer->tiling.in);
        add_layout("layout_out", &layer->tiling.out);
    }
    add_number("density", view->density, true);
    add_pattern(layer->problem.pattern);
    add_number("median_ms", 0, false);
    add_number("predicted_ms", view->seconds * 1e3, true);
    add_number("hot_ms", view->hot_seconds * 1e3, !explanation->by_paper);
    add_number("share", view->seconds / explanation->seconds, explanation->seconds > 0);
    add_number("bytes", view->bytes, true);
    add_number("intensity", view_intensity(view), product);
    add_number("gflops", view_rate(view) * 1e-9, true);
    add_number("effective_gflops", view_effective_rate(view) * 1e-9, true);
    add_string("dense_kernel", view->dense_kernel);
    add_number("dense_ms", view->dense_seconds * 1e3, compared);
    add_number("speedup", view_gain(view), compared);
    add_string("bound", view->bound);
    add_number("alpha", view->alpha, product);
    add_number("beta", view->beta, view->beta > 0);
    add_range(view);
    add_string("why", explanation->by_paper ? NULL : layer->why);
    field("candidates");
    print_candidates(explanation, view, all);
    fputs("}", stdout);
}

static void print_head(const Explanation *explanation)
{
    const Plan *plan = explanation->plan;
    fputs("{", stdout);
    add_string("model", explanation->model);
    add_string("target", plan->target->machine.name);
    add_string("formula", explanation->by_paper ? "paper" : "counts");
    printf("\"threads\": %d, \"batch\": %lld, \"slices\": %lld, ", plan->threads, (long long)explanation->batch, (long long)plan->slices);
    add_string("projection", projection_line(explanation));
    add_number("peak_gflops", explanation->peak * 1e-9, true);
    add_number("memory_gbs", explanation->bandwidth * 1e-9, true);
    add_number("predicted_ms", explanation->seconds * 1e3, true);
    add_number("dense_ms", explanation->dense_seconds * 1e3, true);
    add_number("speedup", explanation->dense_seconds / explanation->seconds, explanation->seconds > 0);
}

void explain_json(const Explanation *explanation, const LayerView *only)
{
    print_head(explanation);
    field("layers");
    fputs("[", stdout);
    for (int i = 0; i < explanation->count; i++) {
        if (only && only != &explanation->views[i])
            continue;
        fputs(i && !only ? "," : "", stdout);
        print_layer(explanation, &explanation->views[i], only != NULL);
    }
    fputs("]}\n", stdout);
}
