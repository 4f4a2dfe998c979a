#include "compiler/plan/paper.h"

#include <math.h>
#include <string.h>

#include "compiler/plan/internal.h"

#define BETA 2.0                     /* a 4-byte column index for each 4-byte value */

static double value_bytes(const Value *value)
{
    return (double)shape_count(&value->shape) * type_info(value->type)->bytes;
}

/* What lowering makes of the input: for each output position, all that its sum reads. */
static double lowered_input_bytes(const Node *node, double input_bytes)
{
    const Shape *w = &node->inputs[1]->shape, *y = &node->outputs[0]->shape;
    if (node->op != OP_Conv)
        return input_bytes;
    double elements = (double)y->dims[0] * (double)node->inputs[0]->shape.dims[1];
    for (int i = 2; i < y->rank; i++)
        elements *= (double)y->dims[i] * (double)w->dims[i];
    return elements * type_info(node->inputs[0]->type)->bytes;
}

static bool has_numbers(const Machine *machine)
{
    return machine->sgemm_gflops > 0 && machine->memory_all > 0 && machine->paper_alpha > 0;
}

void paper_check(Context *ctx, const Machine *machine)
{
    if (has_numbers(machine))
        return;
    Text text = text_new(ctx->graph);
    for (int i = 0; i < machine_count; i++)
        if (has_numbers(&machines[i]))
            text_format(&text, "%s%s", text.length > 0 ? ", " : "those with one: ", machines[i].name);
    fail(ctx, STATUS_USAGE, NULL, text.data, "the paper's formula has no alpha, SGEMM rate or bandwidth for '%s'",
         text_quote(ctx->graph, machine->name, strlen(machine->name)));
}

bool paper_of(const Node *node, const Machine *machine, Paper *paper)
{
    const double multiply_adds = dense_multiply_adds(node);
    if (multiply_adds <= 0 || !value_constant(node->inputs[1]) || !has_numbers(machine))
        return false;
    const double input = value_bytes(node->inputs[0]), output = value_bytes(node->outputs[0]);
    *paper = (Paper){
        .flops = 2 * multiply_adds, .activation_bytes = input + output, .lowered_bytes = lowered_input_bytes(node, input) + output,
        .weight_bytes = value_bytes(node->inputs[1]), .compute = machine->sgemm_gflops * 1e9, .bandwidth = machine->memory_all * 1e9,
        .alpha = machine->paper_alpha, .beta = BETA,
    };
    return true;
}

double paper_dense(const Paper *paper)
{
    return paper->flops / paper->compute;
}

double paper_sparse_compute(const Paper *paper, double density)
{
    return paper->alpha * density * paper_dense(paper);
}

double paper_sparse_bandwidth(const Paper *paper, double density)
{
    return (paper->activation_bytes + paper->beta * density * paper->weight_bytes) / paper->bandwidth;
}

double paper_sparse(const Paper *paper, double density)
{
    return fmax(paper_sparse_compute(paper, density), paper_sparse_bandwidth(paper, density));
}

double paper_speedup(const Paper *paper, double density)
{
    return paper_dense(paper) / paper_sparse(paper, density);
}

Paper paper_lowered(const Paper *paper)
{
    Paper lowered = *paper;
    lowered.activation_bytes = paper->lowered_bytes;
    return lowered;
}

/* Both times grow with x in a straight line: compute from 0, bandwidth from that of the activations. */
void paper_range(const Paper *paper, double *low, double *high)
{
    const double activations = paper->activation_bytes / paper->bandwidth, weights = paper->beta * paper->weight_bytes / paper->bandwidth;
    const double dense = paper_dense(paper), slope = paper->alpha * dense;
    const double meeting = slope > weights ? activations / (slope - weights) : INFINITY;
    const double last = fmin(1, fmin(1 / paper->alpha, (dense - activations) / weights));
    *low = *high = 0;
    if (activations >= dense)
        return;
    *high = last;
    *low = meeting < last ? meeting : fmin(last, (1 - MOST_OF_GAIN) * (dense - activations) / weights);
}
