/* What goes into a program of random layers, and what should come out of it: the naive reference in double, and how far a kernel may be off. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed_of(const char *name)
{
    return strtoull(name, NULL, 10);
}

/* ---- inputs ---- */

/* As the layout has it, behind the last plane NaNs: nothing may depend on them. */
static void write_input(const Bench *bench, const Value *value, const float *data, FILE *file)
{
    const size_t floats = bench_floats(bench, value, true), planes = bench_floats(bench, value, false);
    float *laid = arena_array(bench->ctx->scratch, float, floats + 1);
    for (int64_t i = 0; i < shape_count(&value->shape); i++)
        laid[bench_index(bench, value, i)] = data[i];
    for (size_t i = planes; i < floats; i++)
        laid[i] = nanf("");
    fwrite(laid, sizeof *laid, floats, file);
}

/* The bytes of every input and output, which layouts make larger, then the inputs. */
static void write_sizes(const Bench *bench, FILE *file)
{
    for (int i = 0; i < bench->graph->input_count; i++)
        fwrite(&(uint64_t){4 * bench_floats(bench, bench->graph->inputs[i], true)}, sizeof(uint64_t), 1, file);
    for (int i = 0; i < bench->graph->output_count; i++)
        fwrite(&(uint64_t){4 * bench_floats(bench, bench->graph->outputs[i], false)}, sizeof(uint64_t), 1, file);
}

/* Equal for every copy of a layer: drawn from the layer's seed and the input's number. */
static float *draw_input(const Bench *bench, const Value *value)
{
    const int64_t count = shape_count(&value->shape);
    const LayerKind kind = layer_kind(seed_of(value->name));
    uint64_t state = seed_of(value->name) * 1000003u + (uint64_t)value->name[strlen(value->name) - 1] + 1;
    float *data = arena_array(bench->ctx->graph, float, count + 1);
    random_floats(&state, data, count);
    if (kind == LAYER_UNARY || kind == LAYER_BINARY)
        random_specials(&state, data, count);
    return data;
}

void bench_inputs(Bench *bench)
{
    FILE *file = fopen(arena_format(bench->ctx->graph, "%s/inputs", bench->folder), "wb");
    write_sizes(bench, file);
    for (int i = 0; i < bench->graph->input_count; i++) {
        const Value *value = bench->graph->inputs[i];
        float *data = draw_input(bench, value);
        bench->data[value->id] = data;
        write_input(bench, value, data, file);
    }
    if (fclose(file) != 0)
        fail(bench->ctx, STATUS_INTERNAL, NULL, NULL, "cannot write the inputs");
}

/* ---- what should come out ---- */

static const void *operand(void *user, const Value *value)
{
    const Bench *bench = user;
    return value_constant(value) ? value->data : bench->data[value->id];
}

static void operands(Bench *bench, const Node *node, const void **inputs)
{
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = node->inputs[i] ? operand(bench, node->inputs[i]) : NULL;
}

/* Sums of a few numbers about as large as one, which may all but cancel. */
static bool small_sum(Op op)
{
    static const Op ops[] = {OP_Gelu, OP_GeluTanh, OP_LRN, OP_BatchNormalization, OP_InstanceNormalization, OP_LayerNormalization};
    bool found = false;
    for (int i = 0; i < COUNT(ops); i++)
        found = found || ops[i] == op;
    return found;
}

/* Of every element. Epilogues are functions that make an error at most half as large again. */
static double *tolerances(Bench *bench, const LayerPlan *layer, const float *expected)
{
    const Node *node = layer->problem.node;
    const void *inputs[8] = {NULL};
    const int64_t count = shape_count(&node->outputs[0]->shape);
    double *allowed = arena_array(bench->ctx->graph, double, count + 1);
    int64_t *terms = arena_array(bench->ctx->scratch, int64_t, count + 1);
    operands(bench, node, inputs);
    const bool summed = kernel_magnitudes(layer->kernel, &layer->problem, &layer->tiling, inputs, allowed, terms, bench->ctx->scratch);
    for (int64_t i = 0; i < count; i++) {
        const double sum = summed ? 0x1p-23 * (double)(terms[i] + 8) * allowed[i] : small_sum(node->op) ? 1e-6 : 0x1p-23;
        const double grown = node->epilogue_count > 0 ? 3.4 * sum + 0x1p-21 : sum;   /* 1.5 for each of three */
        allowed[i] = grown + 0x1p-20 * fabs((double)expected[i]);
    }
    return allowed;
}

static float *computed(Bench *bench, const Node *node)
{
    const void *inputs[8] = {NULL};
    void *result = arena_array(bench->ctx->graph, float, shape_count(&node->outputs[0]->shape) + 1);
    operands(bench, node, inputs);
    reference_run(bench->graph, node, inputs, &result, operand, bench, bench->ctx->scratch);
    return result;
}

/* Once for all copies of a layer. */
static void expect(Bench *bench, const LayerPlan *layer)
{
    const Node *node = layer->problem.node;
    const Value *y = node->outputs[0];
    Expected *expected = &bench->expected[seed_of(y->name) - bench->first];
    const bool out = y->output_index >= 0;
    float **result = out ? &expected->out : &expected->made;
    if (*result == NULL)
        *result = computed(bench, node);
    bench->data[y->id] = *result;
    const bool own = layer->kernel != NULL && layer->kernel->magnitudes != NULL;
    if (out && expected->allowed == NULL && !own)
        expected->allowed = tolerances(bench, layer, *result);
    bench->allowed[y->id] = out && own ? tolerances(bench, layer, *result) : expected->allowed;
}

/* ---- what came out ---- */

static void complain_of(Bench *bench, const Value *y)
{
    const Copy *copy = bench_copy(bench, y->name);
    const Layout *in = &copy->tiling.in, *out = &bench->plan->places[y->id].layout;
    const char *isa = bench->platform->isa, *kernel = copy->kernel->name, *tiling = tiling_text(bench->ctx->scratch, &copy->tiling);
    printf("%s, kernel %s, tiling %s, reads %s, leaves %s (alone: --isa %s --kernel %s --seed %llu --layers 1): ", isa, kernel, tiling,
           layout_plain(in) ? "plain" : "padded", layout_plain(out) ? "plain" : "padded", isa, kernel, (unsigned long long)copy->seed);
    bench->failures++;
}

/* The elements of a result, plain. What lies between them must be zero. */
static const float *read_result(Bench *bench, const Value *y, FILE *results)
{
    const size_t floats = bench_floats(bench, y, false), count = (size_t)shape_count(&y->shape);
    float *laid = arena_array(bench->ctx->scratch, float, floats + 1), *plain = arena_array(bench->ctx->scratch, float, count + 1);
    if (fread(laid, sizeof *laid, floats, results) != floats)
        fail(bench->ctx, STATUS_INTERNAL, NULL, NULL, "too few results");
    for (size_t i = 0; i < count; i++) {
        plain[i] = laid[bench_index(bench, y, (int64_t)i)];
        laid[bench_index(bench, y, (int64_t)i)] = 0;
    }
    for (size_t i = 0; i < floats; i++)
        if (laid[i] != 0) {
            complain_of(bench, y);
            printf("the padding at %zu is %.9g\n", i, (double)laid[i]);
            break;
        }
    return plain;
}

static void compare(Bench *bench, const Value *y, FILE *results)
{
    const int64_t count = shape_count(&y->shape);
    const float *const elements = read_result(bench, y, results), *const expected = bench->data[y->id];
    const double *allowed = bench->allowed[y->id];
    for (int64_t i = 0; i < count; i++) {
        const float got = elements[i];
        const double difference = fabs((double)got - (double)expected[i]);
        if (difference <= allowed[i] || got == expected[i] || (isnan(got) && isnan(expected[i])))
            continue;
        complain_of(bench, y);
        printf("element %lld of %s is %.9g, not %.9g (+- %.3g)\n", (long long)i, shape_text(bench->ctx->scratch, &y->shape), (double)got,
               (double)expected[i], allowed[i]);
        return;
    }
}

void bench_compare(Bench *bench)
{
    FILE *results = fopen(arena_format(bench->ctx->graph, "%s/outputs", bench->folder), "rb");
    bench->expected = arena_array(bench->ctx->graph, Expected, bench->layers + 1);
    bench->allowed = arena_array(bench->ctx->graph, const double *, bench->graph->value_count + 1);
    for (int i = 0; i < bench->plan->layer_count; i++)
        expect(bench, &bench->plan->layers[i]);
    for (int i = 0; i < bench->graph->output_count; i++)
        compare(bench, bench->graph->outputs[i], results);
    fclose(results);
}
