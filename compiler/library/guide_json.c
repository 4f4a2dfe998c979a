#include "compiler/library/guide_json.h"

#include "runtime/npy.h"

/* ---- fields; each but an object's last is followed by a comma ---- */

static void field(FILE *stream, const char *name)
{
    fprintf(stream, "\"%s\": ", name);
}

static void add_string(FILE *stream, const char *name, const char *text)
{
    field(stream, name);
    if (text != NULL)
        report_json_string(stream, text);
    else
        fputs("null", stream);
    fputs(", ", stream);
}

static void add_number(FILE *stream, const char *name, double number)
{
    field(stream, name);
    report_json_number(stream, number);
    fputs(", ", stream);
}

static void add_truth(FILE *stream, const char *name, bool truth)
{
    fprintf(stream, "\"%s\": %s, ", name, truth ? "true" : "false");
}

/* What does not apply is 0 in a row, and null here. */
static void add_some(FILE *stream, const char *name, double number)
{
    if (number > 0)
        add_number(stream, name, number);
    else
        fprintf(stream, "\"%s\": null, ", name);
}

static double ratio(double dense, double seconds)
{
    return seconds > 0 ? dense / seconds : 1;
}

/* ---- rows ---- */

const char *verdict_name(Verdict verdict)
{
    static const char *const names[] = {[VERDICT_DENSE] = "dense", [VERDICT_PRUNE] = "prune", [VERDICT_STOP] = "stop", [VERDICT_RESTORE] = "restore"};
    return names[verdict];
}

static void print_end(FILE *stream, const GuideLayer *row)
{
    field(stream, "end");
    fputs("{", stream);
    add_number(stream, "density", row->goal);
    add_string(stream, "kernel", row->end.kernel);
    add_number(stream, "predicted_ms", row->end.seconds * 1e3);
    add_number(stream, "bytes", row->end.bytes);
    field(stream, "speedup");
    report_json_number(stream, ratio(row->dense_seconds, row->end.seconds));
    fputs("}, ", stream);
}

static void print_structure(FILE *stream, const GuideLayer *row, const Pattern *pattern)
{
    field(stream, "structured");
    fputs("{", stream);
    add_number(stream, "at", row->structured_at);
    add_number(stream, "below", row->structured_below);
    add_some(stream, "compact_ms", row->compact_seconds * 1e3);
    fprintf(stream, "\"empty_rows\": %lld, \"empty_columns\": %lld, \"empty_channels\": %lld}", (long long)pattern->empty_rows,
            (long long)pattern->empty_columns, (long long)pattern->empty_channels);
}

static void print_row(FILE *stream, const Guide *guide, const GuideLayer *row)
{
    const Problem *problem = &guide->plan->layers[row->layer].problem;
    fputs("\n  {", stream);
    add_string(stream, "name", problem->node->name);
    add_string(stream, "op", op_info(problem->node->op)->name);
    add_number(stream, "weights", row->weights);
    add_number(stream, "multiply_adds", dense_multiply_adds(problem->node));
    add_number(stream, "density", row->density);
    add_string(stream, "kernel", row->now.kernel);
    add_number(stream, "predicted_ms", row->now.seconds * 1e3);
    add_number(stream, "dense_ms", row->dense_seconds * 1e3);
    add_number(stream, "speedup", ratio(row->dense_seconds, row->now.seconds));
    add_number(stream, "bytes", row->now.bytes);
    field(stream, "useful");
    if (row->high > 0)
        fprintf(stream, "[%.9g, %.9g], ", row->low, row->high);
    else
        fputs("null, ", stream);
    add_string(stream, "verdict", verdict_name(row->verdict));
    add_truth(stream, "kept", row->kept);
    print_end(stream, row);
    print_structure(stream, row, problem->pattern);
    fputs("}", stream);
}

/* ---- the whole ---- */

static void print_total(FILE *stream, const Guide *guide, const char *name, const GuideTotal *total)
{
    field(stream, name);
    fputs("{", stream);
    add_number(stream, "density", total->density);
    add_number(stream, "predicted_ms", total->seconds * 1e3);
    add_number(stream, "bytes", total->bytes);
    field(stream, "speedup");
    report_json_number(stream, ratio(guide->dense_seconds, total->seconds));
    fputs("}, ", stream);
}

static void print_limits(FILE *stream, const Guide *guide)
{
    field(stream, "limits");
    if (guide->densities == NULL) {
        fputs("null, ", stream);
        return;
    }
    fputs("{", stream);
    add_some(stream, "max_ms", guide->limits.seconds * 1e3);
    add_some(stream, "max_bytes", guide->limits.bytes);
    add_truth(stream, "reached", guide->reached);
    add_number(stream, "density", guide->suggested.density);
    add_number(stream, "predicted_ms", guide->suggested.seconds * 1e3);
    add_number(stream, "bytes", guide->suggested.bytes);
    field(stream, "densities");
    fputs("[", stream);
    for (int i = 0; i < guide->count; i++) {
        fputs(i > 0 ? ", {" : "{", stream);
        add_string(stream, "name", guide->plan->layers[guide->layers[i].layer].problem.node->name);
        field(stream, "density");
        report_json_number(stream, guide->densities[i]);
        fputs("}", stream);
    }
    fputs("]}, ", stream);
}

void guide_json(FILE *stream, const Guide *guide, const char *projection)
{
    const Plan *plan = guide->plan;
    const Shape *first = plan->graph->input_count > 0 ? &plan->graph->inputs[0]->shape : NULL;
    fputs("{", stream);
    add_string(stream, "model", plan->graph->name);
    add_string(stream, "target", plan->target->machine.name);
    fprintf(stream, "\"threads\": %d, \"batch\": %lld, ", plan->threads, first != NULL && first->rank > 0 ? (long long)first->dims[0] : 1LL);
    add_string(stream, "formula", guide->model->name);
    add_string(stream, "projection", projection);
    add_number(stream, "dense_ms", guide->dense_seconds * 1e3);
    add_number(stream, "other_ms", guide->other_seconds * 1e3);
    print_total(stream, guide, "now", &guide->now);
    print_total(stream, guide, "end", &guide->end);
    print_limits(stream, guide);
    field(stream, "layers");
    fputs("[", stream);
    for (int i = 0; i < guide->count; i++) {
        fputs(i > 0 ? "," : "", stream);
        print_row(stream, guide, &guide->layers[i]);
    }
    fputs("]}\n", stream);
}
