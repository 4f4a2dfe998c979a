/* From a model's path and the options to a plan, the same way for every command; and how outputs are named and told. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "codegen/kernel.h"
#include "compiler/cli/cli.h"
#include "compiler/pass/pass.h"
#include "frontends/frontends.h"

/* ---- options that name things of the model ---- */

/* Splits "a=b" at the last '=': what stands before it is a name from the model, and may hold '=' itself. */
const char *driver_pair(Context *ctx, const char *option, const char *text, const char **value)
{
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text || !equals[1])
        fail(ctx, STATUS_USAGE, NULL, NULL, "%s takes NAME=VALUE, not '%s'", option, text_quote(ctx->graph, text, strlen(text)));
    *value = equals + 1;
    return arena_string(ctx->graph, text, (size_t)(equals - text));
}

static void set_dimensions(Context *ctx, const Strings *pairs, FrontendOptions *options)
{
    NamedDimension *dimensions = arena_array(ctx->graph, NamedDimension, pairs->count + 1);
    for (int i = 0; i < pairs->count; i++) {
        const char *value;
        dimensions[i].name = driver_pair(ctx, "--dim", pairs->items[i], &value);
        char *end;
        errno = 0;
        dimensions[i].size = strtoll(value, &end, 10);
        if (errno || *end || dimensions[i].size < 1 || dimensions[i].size > INT32_MAX)
            fail(ctx, STATUS_USAGE, NULL, NULL, "--dim %s: the size must be a whole number from 1 on",
                 text_quote(ctx->graph, pairs->items[i], strlen(pairs->items[i])));
    }
    options->dimensions = dimensions;
    options->dimension_count = pairs->count;
}

static ForcedKernel *forced_kernels(Context *ctx, const Strings *pairs)
{
    ForcedKernel *forced = arena_array(ctx->graph, ForcedKernel, pairs->count + 1);
    for (int i = 0; i < pairs->count; i++) {
        const char *kernel;
        forced[i].layer = driver_pair(ctx, "--kernel", pairs->items[i], &kernel);
        const char *colon = strchr(kernel, ':');
        forced[i].tiling = colon ? colon + 1 : NULL;
        forced[i].kernel = colon ? arena_string(ctx->graph, kernel, (size_t)(colon - kernel)) : kernel;
        forced_kernel_check(ctx, forced[i].kernel);
    }
    return forced;
}

static void check_type(Context *ctx, const char *type)
{
    static const char *const later[] = {"f16", "q16", "cb4"};
    static const char *const all[] = {"f32", "f16", "q16", "cb4"};
    if (!type || !strcmp(type, "f32"))
        return;
    for (int i = 0; i < COUNT(later); i++)
        if (!strcmp(type, later[i]))
            fail(ctx, STATUS_UNSUPPORTED, NULL, NULL, "--dtype %s is planned, but not there yet: f32 is", type);
    fail(ctx, STATUS_USAGE, NULL, options_hint(ctx, type, all, COUNT(all), "f32 is the one there is"), "there is no --dtype '%s'",
         text_quote(ctx->graph, type, strlen(type)));
}

static void check_pass(Context *ctx, const char *name)
{
    if (!name || !strcmp(name, "all"))
        return;
    const char **names = arena_array(ctx->graph, const char *, pass_count + 1);
    for (int i = 0; i < pass_count; i++) {
        names[i] = passes[i].name;
        if (!strcmp(names[i], name))
            return;
    }
    fail(ctx, STATUS_USAGE, NULL, options_hint(ctx, name, names, pass_count, "'tulle compile --help' lists the passes"), "there is no pass named '%s'",
         text_quote(ctx->graph, name, strlen(name)));
}

/* ---- the way to a plan ---- */

const char *driver_model(Context *ctx, const Options *options)
{
    if (options->arguments.count == 0)
        fail(ctx, STATUS_USAGE, NULL, "the usage is: tulle COMMAND MODEL.onnx ...; see --help", "no model is given");
    if (options->arguments.count > 1)
        fail(ctx, STATUS_USAGE, NULL, NULL, "one model at a time: what is '%s' for?",
             text_quote(ctx->graph, options->arguments.items[1], strlen(options->arguments.items[1])));
    return options->arguments.items[0];
}

const char *driver_layer(Context *ctx, Options *options, const char *command)
{
    if (options->arguments.count > 2)
        fail(ctx, STATUS_USAGE, NULL, arena_format(ctx->graph, "the usage is: tulle %s MODEL.onnx [LAYER]", command), "one layer at a time: what is '%s' for?",
             text_quote(ctx->graph, options->arguments.items[2], strlen(options->arguments.items[2])));
    if (options->arguments.count < 2)
        return NULL;
    options->arguments.count = 1;
    return options->arguments.items[1];
}

Graph *driver_graph(Context *ctx, const Options *options, const char *model)
{
    FrontendOptions frontend = {.batch = options->batch, .external_data = options->external_data,
                                .unnamed = (options->command & (RUNNING | ASKING)) != 0};
    PassOptions pass = {.threshold = options->threshold, .prune = options->prune, .dump = options->dump, .dump_to = stdout};
    set_dimensions(ctx, &options->dimensions, &frontend);
    check_type(ctx, options->type);
    check_pass(ctx, options->dump);
    if (options->prune_file)
        densities_read(ctx, options->prune_file, &pass);
    ctx->file = model;
    Graph *graph = onnx_read(ctx, model, &frontend);
    passes_run(graph, &pass);
    return graph;
}

const Target *driver_target(Context *ctx, const Options *options)
{
    if (options->target && options->target_file)
        fail(ctx, STATUS_USAGE, NULL, "give one of them", "--target and --target-file name two machines");
    if (options->target_file)
        return target_file(ctx, options->target_file);
    return target_named(ctx, options->target ? options->target : "native");
}

static void refuse_gpu(Context *ctx, const Options *options, const Target *target)
{
    if (target->isa.gpu && options->command & WRITING)
        fail(ctx, STATUS_UNSUPPORTED, NULL, "'tulle explain' and 'tulle guide' can price it", "'%s' is a GPU: code for GPUs cannot be written yet",
             target->machine.name);
}

/* PlanOptions.random: 0 stands for the cheapest. */
static uint64_t random_seed(Context *ctx, const char *select)
{
    static const char start[] = "random:";
    if (!select)
        return 0;
    const char *digits = strncmp(select, start, sizeof start - 1) == 0 ? select + sizeof start - 1 : "";
    errno = 0;
    const unsigned long long seed = strtoull(digits, NULL, 10);
    if (!*digits || digits[strspn(digits, "0123456789")] || errno || seed > INT64_MAX)
        fail(ctx, STATUS_USAGE, NULL, "--select random:7 draws kernels, tilings and layouts; without it the cheapest are taken",
             "--select takes random: and a whole number, not '%s'", text_quote(ctx->graph, select, strlen(select)));
    return seed + 1;
}

static bool optimizes_size(Context *ctx, const char *what)
{
    static const char *const all[] = {"speed", "size"};
    if (!what || !strcmp(what, "speed"))
        return false;
    if (strcmp(what, "size"))
        fail(ctx, STATUS_USAGE, NULL, options_hint(ctx, what, all, COUNT(all), "speed or size"), "there is no --optimize '%s'",
             text_quote(ctx->graph, what, strlen(what)));
    return true;
}

/* Tuning is for the fastest program, whatever its size. */
static void refuse_mixed(Context *ctx, const Options *options)
{
    const char *other = options->select ? "--select" : options->max_code ? "--max-code" : optimizes_size(ctx, options->optimize) ? "--optimize size" : NULL;
    const char *own = options->command & TUNE ? "'tulle tune'" : options->tuned ? "--tuned" : NULL;
    if (own && other)
        fail(ctx, STATUS_USAGE, NULL, "leave one of them out", "%s asks for the fastest kernels, %s for others", own, other);
}

/* The target and the kernels are looked up first: a slip in a name should not cost the reading of a large model. */
Plan *driver_plan(Context *ctx, const Options *options, const char *model)
{
    const Target *target = driver_target(ctx, options);
    refuse_gpu(ctx, options, target);
    PlanOptions plan = {.forced = forced_kernels(ctx, &options->kernels), .forced_count = options->kernels.count,
                        .random = random_seed(ctx, options->select), .threads = (int)options->threads, .rules = options->rules,
                        .small = optimizes_size(ctx, options->optimize), .most_code = options->max_code};
    refuse_mixed(ctx, options);
    if (options->tuned)
        tuned_take(ctx, options->tuned, target, &plan);
    Graph *graph = driver_graph(ctx, options, model);
    if (graph->projection && !(options->command & (ASKING | INSPECT)))
        say(ctx, "%s", graph->projection);
    Plan *made = (options->command & GUIDE ? plan_make : plan_batch)(graph, target, &plan);
    if (options->tuned)
        tuned_check(ctx, options->tuned, made);
    return made;
}

const char *driver_source(Context *ctx, const Plan *plan, const char *folder, const char *name, const char *prefix, size_t *weight_bytes)
{
    const char *base = arena_format(ctx->graph, "%s/%s", folder, name);
    ModuleOptions options = {.prefix = prefix, .source_path = arena_format(ctx->graph, "%s.c", base), .header_path = arena_format(ctx->graph, "%s.h", base),
                             .weights_path = arena_format(ctx->graph, "%s.weights", base)};
    ModuleFiles files = {.count = 0};
    module_write(ctx, plan, &options, &files);
    outputs_commit(files.files, files.count);
    *weight_bytes = files.weight_bytes;
    return options.source_path;
}

void driver_refuse_same(Context *ctx, const char *model, const char *path)
{
    struct stat one, other;
    if (stat(model, &one) == 0 && stat(path, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino)
        fail(ctx, STATUS_USAGE, NULL, "name another file with -o", "the output would overwrite the model");
}

/* ---- names ---- */

const char *path_folder(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_string(arena, path, (size_t)(slash + 1 - path)) : "";
}

const char *path_stem(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return arena_string(arena, name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

bool path_ends(const char *path, const char *ending)
{
    size_t length = strlen(path), ending_length = strlen(ending);
    return length > ending_length && !strcmp(path + length - ending_length, ending);
}

/* Words that C, C++ or the generated code itself have taken; names with them in front would not compile, or would collide. */
static bool word_taken(const char *name)
{
    static const char *const taken[] = {
        "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float", "for", "goto", "if",
        "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union",
        "unsigned", "void", "volatile", "while", "asm", "typeof", "bool", "catch", "class", "delete", "explicit", "export", "false", "friend",
        "mutable", "namespace", "new", "operator", "private", "protected", "public", "template", "this", "throw", "true", "try", "typename",
        "using", "virtual", "and", "or", "not", "xor", "tulle", "program", "ref", "main",
    };
    for (int i = 0; i < COUNT(taken); i++)
        if (!strcasecmp(name, taken[i]))         /* the header's macros have the prefix in capitals */
            return true;
    return false;
}

static bool is_identifier(const char *name)
{
    if (!isalpha((unsigned char)name[0]))
        return false;
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at > 126 || (!isalnum((unsigned char)*at) && *at != '_'))
            return false;
    return true;
}

enum { LONGEST_PREFIX = 64 };

static const char *sanitised(Arena *arena, const char *stem)
{
    Text name = text_new(arena);
    if (!isalpha((unsigned char)stem[0]) || (unsigned char)stem[0] > 126)
        text_add(&name, "net_");
    for (const char *at = stem; *at && name.length < LONGEST_PREFIX - 4; at++) {
        bool plain = (unsigned char)*at < 127 && isalnum((unsigned char)*at);
        text_add_bytes(&name, plain ? at : "_", 1);
    }
    if (word_taken(name.data))
        text_add(&name, "_net");
    return name.data;
}

const char *driver_prefix(Context *ctx, const Options *options, const char *path)
{
    const char *prefix = options->prefix;
    if (!prefix)
        return sanitised(ctx->graph, path_stem(ctx->graph, path));
    const char *hint = "a letter first, then letters, digits and '_', at most 64, and no word of C or C++";
    if (!is_identifier(prefix) || strlen(prefix) > LONGEST_PREFIX || word_taken(prefix))
        fail(ctx, STATUS_USAGE, NULL, hint, "--prefix '%s' cannot begin names in C", text_quote(ctx->graph, prefix, strlen(prefix)));
    return prefix;
}

/* ---- telling ---- */

const char *bytes_text(Arena *arena, double bytes)
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB"};
    int unit = 0;
    for (; bytes >= 1000 && unit < COUNT(units) - 1; unit++)
        bytes /= 1000;
    return arena_format(arena, unit && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

void driver_summary(Context *ctx, const Plan *plan, size_t weight_bytes)
{
    int layers = 0;
    for (int i = 0; i < plan->layer_count; i++)
        layers += plan->layers[i].stage_count > 0;
    fprintf(stderr, "%d layer%s for %s (%s), %s of weights, workspace %s", layers, layers == 1 ? "" : "s", plan->target->machine.name, plan->target->isa.name,
            bytes_text(ctx->graph, (double)weight_bytes), bytes_text(ctx->graph, (double)plan->workspace_bytes));
    if (plan->thread_bytes)
        fprintf(stderr, " and %s a thread", bytes_text(ctx->graph, (double)plan->thread_bytes));
    if (plan->slices > 1)
        fprintf(stderr, ", a batch in %lld slices", (long long)plan->slices);
    fprintf(stderr, "\n");
}

void driver_written(Context *ctx, const char *const *paths, int count)
{
    fprintf(stderr, "wrote ");
    for (int i = 0; i < count; i++) {
        struct stat status;
        fprintf(stderr, "%s%s", i ? ", " : "", text_quote(ctx->graph, paths[i], strlen(paths[i])));
        if (stat(paths[i], &status) == 0)
            fprintf(stderr, " (%s)", bytes_text(ctx->graph, (double)status.st_size));
    }
    fprintf(stderr, "\n");
}
