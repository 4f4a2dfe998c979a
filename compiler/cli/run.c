/* tulle run: compiles the model for this process and runs it on files. */
#include <string.h>

#include "compiler/cli/cli.h"

static void load_inputs(Context *ctx, const Options *options, const struct tulle_model *model, void **inputs)
{
    for (int i = 0; i < options->inputs.count; i++)
        data_load(ctx, model, options->inputs.items[i], inputs);
    for (int i = 0; i < model->input_count; i++)
        if (!inputs[i]) {
            fprintf(stderr, "%s takes\n", ctx->file);
            tensors_describe(stderr, model->inputs, model->input_count, "");
            const char *name = text_quote(ctx->graph, model->inputs[i].name, strlen(model->inputs[i].name));
            fail(ctx, STATUS_USAGE, NULL, arena_format(ctx->graph, "give it with --input %s=FILE", name), "input '%s' is missing", name);
        }
}

Status run_command(Context *ctx, const Options *options)
{
    const char *path = driver_model(ctx, options);
    const Plan *plan = driver_plan(ctx, options, path);
    const struct tulle_model *model = data_model(plan->whole);
    void **inputs = arena_array(ctx->graph, void *, model->input_count + 1), **outputs = arena_array(ctx->graph, void *, model->output_count + 1);
    load_inputs(ctx, options, model, inputs);
    const Program *program = program_load(ctx, options, plan);
    for (int i = 0; i < model->output_count; i++)
        outputs[i] = program_memory(ctx, model->outputs[i].bytes);
    program_run(ctx, program, inputs, outputs, options->threads ? (int)options->threads : 1);
    if (options->outputs.count)
        data_save(ctx, model, &options->outputs, outputs);
    else
        tensors_summary(stdout, model->outputs, outputs, model->output_count, options->json);
    return STATUS_FINE;
}
