/* tulle compile: the source, its header and its weights. */
#include <string.h>

#include "codegen/kernel.h"
#include "compiler/cli/cli.h"

typedef struct Names { const char *source, *header, *weights; } Names;

static Names name_files(Context *ctx, const Options *options, const char *model)
{
    const char *path = options->output_path;
    if (path && !strcmp(path, "-"))
        return (Names){.source = "-"};
    if (!path)
        path = arena_format(ctx->graph, "%s.c", path_stem(ctx->graph, model));
    static const char *const taken[] = {".h", ".weights", ".onnx"};
    for (int i = 0; i < COUNT(taken); i++)
        if (path_ends(path, taken[i]))
            fail(ctx, STATUS_USAGE, NULL, "give the source's name, such as -o net.c", "the output's name ends in '%s'", taken[i]);
    const char *base = arena_format(ctx->graph, "%s%s", path_folder(ctx->graph, path), path_stem(ctx->graph, path));
    return (Names){path, arena_format(ctx->graph, "%s.h", base), arena_format(ctx->graph, "%s.weights", base)};
}

static const char *prefix_of(Context *ctx, const Options *options, const Names *names, const char *model)
{
    return driver_prefix(ctx, options, strcmp(names->source, "-") ? names->source : model);
}

static void tell(Context *ctx, const Plan *plan, const Names *names, const ModuleFiles *files)
{
    const char *const written[] = {names->source, names->header, names->weights};
    driver_summary(ctx, plan, files->weight_bytes);
    if (names->header)
        driver_written(ctx, written, files->count);
}

Status compile_command(Context *ctx, const Options *options)
{
    const char *model = driver_model(ctx, options);
    Names names = name_files(ctx, options, model);
    const char *prefix = prefix_of(ctx, options, &names, model);
    if (options->dump && !options->output_path) {
        driver_graph(ctx, options, model);
        return STATUS_FINE;
    }
    driver_refuse_same(ctx, model, names.source);
    Plan *plan = driver_plan(ctx, options, model);
    ModuleOptions module = {.prefix = prefix, .source_path = names.source, .header_path = names.header, .weights_path = names.weights,
                            .single_file = options->single_file || !names.header};
    ModuleFiles files = {.count = 0};
    module_write(ctx, plan, &module, &files);
    outputs_commit(files.files, files.count);
    tell(ctx, plan, &names, &files);
    return STATUS_FINE;
}
