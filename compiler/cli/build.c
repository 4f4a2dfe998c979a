/* tulle build: the source compiled further, into an executable, a static library or a shared one. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/cli/cli.h"

/* The texts that an executable is made of. runtime/ has them as files. */
extern const char runtime_tulle_h[], runtime_region_inc[], runtime_tulle_c[], runtime_npy_h[], runtime_npy_c[], runtime_npz_c[], runtime_inflate_c[],
    runtime_tensors_c[], runtime_report_c[], runtime_bench_c[], runtime_bench_report_c[], runtime_main_c[];

static const struct { const char *name, *text; } texts[] = {
    {"tulle.h", runtime_tulle_h},     {"region.inc", runtime_region_inc}, {"npy.h", runtime_npy_h},       {"tulle.c", runtime_tulle_c},
    {"npy.c", runtime_npy_c},         {"npz.c", runtime_npz_c},           {"inflate.c", runtime_inflate_c}, {"tensors.c", runtime_tensors_c},
    {"report.c", runtime_report_c},   {"bench.c", runtime_bench_c},       {"bench_report.c", runtime_bench_report_c},
    {"main.c", runtime_main_c},
};

typedef enum Kind { EXECUTABLE, STATIC_LIBRARY, SHARED_LIBRARY } Kind;

typedef struct Build {
    Context *ctx;
    const Compiler *compiler;
    Kind kind;
    bool static_link;
    const char *path, *header_path;      /* header_path: libraries only */
    const char *prefix, *source;
    const char *result;                  /* in the temporary folder */
} Build;

static Kind kind_of(const char *path)
{
    return path_ends(path, ".a") ? STATIC_LIBRARY : path_ends(path, ".so") ? SHARED_LIBRARY : EXECUTABLE;
}

/* "lib/libglyphs.a" is glyphs to its users: header lib/glyphs.h, prefix glyphs. */
static const char *library_stem(Context *ctx, const char *path)
{
    const char *stem = path_stem(ctx->graph, path);
    return !strncmp(stem, "lib", 3) && stem[3] ? stem + 3 : stem;
}

static void write_text(Context *ctx, const char *folder, const char *name, const char *text)
{
    OutputFile *output = output_open(ctx, arena_format(ctx->graph, "%s/%s", folder, name));
    fputs(text, output_stream(output));
    output_commit(output);
}

/* All sources of an executable are compiled in one call. */
static int executable_arguments(const Build *build, const char **arguments)
{
    const char *folder = build->compiler->folder;
    Arena *arena = build->ctx->graph;
    int count = 0;
    arguments[count++] = build->source;
    for (int i = 0; i < COUNT(texts); i++) {
        write_text(build->ctx, folder, texts[i].name, texts[i].text);
        if (path_ends(texts[i].name, ".c"))
            arguments[count++] = arena_format(arena, "%s/%s", folder, texts[i].name);
    }
    arguments[count++] = arena_format(arena, "-DTULLE_MODEL=%s_model", build->prefix);
    if (build->static_link)
        arguments[count++] = "-static";
    return count;
}

static void compile(Build *build)
{
    const char *arguments[32], *folder = build->compiler->folder;
    Arena *arena = build->ctx->graph;
    int count = 0;
    build->result = arena_format(arena, "%s/result", folder);
    if (build->kind == EXECUTABLE)
        count = executable_arguments(build, arguments);
    else
        arguments[count++] = build->source;
    if (build->kind == STATIC_LIBRARY)
        arguments[count++] = "-c";
    if (build->kind == SHARED_LIBRARY)
        arguments[count++] = "-shared";
    if (build->kind != EXECUTABLE)
        arguments[count++] = "-fPIC";
    arguments[count++] = arena_format(arena, "-I%s", folder);
    arguments[count++] = "-o";
    const char *object = arena_format(arena, "%s/%s.o", folder, build->prefix);
    arguments[count++] = build->kind == STATIC_LIBRARY ? object : build->result;
    if (build->kind != STATIC_LIBRARY)
        arguments[count++] = "-lm";
    compiler_run(build->ctx, build->compiler, true, arguments, count);
    if (build->kind == STATIC_LIBRARY)
        compiler_tool(build->ctx, build->compiler, "ar", (const char *const[]){"rcsD", build->result, object}, 3);
}

static OutputFile *copy_out(Context *ctx, const char *from, const char *to)
{
    char bytes[1 << 16];
    OutputFile *output = output_open(ctx, to);
    FILE *in = fopen(from, "rb");
    if (!in)
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "the compiler's result cannot be read: %s", strerror(errno));
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, in)) > 0;)
        fwrite(bytes, 1, got, output_stream(output));
    if (ferror(in))
        fail(ctx, STATUS_INTERNAL, NULL, NULL, "the compiler's result cannot be read to its end: %s", strerror(errno));
    fclose(in);
    return output;
}

/* For everyone who may read it. */
static void make_executable(Context *ctx, OutputFile *file, const char *path)
{
    struct stat status;
    int descriptor = fileno(output_stream(file));
    if (fstat(descriptor, &status) != 0 || fchmod(descriptor, status.st_mode | (status.st_mode & 0444) >> 2) != 0)
        fail(ctx, STATUS_USAGE, NULL, NULL, "%s cannot be made executable: %s", text_quote(ctx->graph, path, strlen(path)), strerror(errno));
}

static void deliver(const Build *build)
{
    Context *ctx = build->ctx;
    OutputFile *files[2] = {copy_out(ctx, build->result, build->path)};
    int count = 1;
    if (build->header_path)
        files[count++] = copy_out(ctx, arena_format(ctx->graph, "%s/%s.h", build->compiler->folder, build->prefix), build->header_path);
    if (build->kind != STATIC_LIBRARY)
        make_executable(ctx, files[0], build->path);
    outputs_commit(files, count);
    driver_written(ctx, (const char *const[]){build->path, build->header_path}, count);
}

static void name_outputs(Build *build, const Options *options, const char *model)
{
    Context *ctx = build->ctx;
    build->path = options->output_path ? options->output_path : path_stem(ctx->graph, model);
    if (!strcmp(build->path, "-"))
        fail(ctx, STATUS_USAGE, NULL, NULL, "a program cannot be written to standard output: name a file with -o");
    if (path_ends(build->path, ".c") || path_ends(build->path, ".h") || path_ends(build->path, ".o") || path_ends(build->path, ".onnx"))
        fail(ctx, STATUS_USAGE, NULL, "'tulle compile' writes sources; 'tulle build' writes executables, .a and .so", "the output's name ends like a source's");
    driver_refuse_same(ctx, model, build->path);
    build->kind = kind_of(build->path);
    const char *stem = build->kind == EXECUTABLE ? build->path : library_stem(ctx, build->path);
    build->prefix = driver_prefix(ctx, options, stem);
    if (build->kind != EXECUTABLE)
        build->header_path = arena_format(ctx->graph, "%s%s.h", path_folder(ctx->graph, build->path), stem);
    if (options->static_link && build->kind != EXECUTABLE)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--static is for executables");
    build->static_link = options->static_link;
}

Status build_command(Context *ctx, const Options *options)
{
    const char *model = driver_model(ctx, options);
    Build build = {.ctx = ctx};
    name_outputs(&build, options, model);
    const Plan *plan = driver_plan(ctx, options, model);
    build.compiler = compiler_find(ctx, options, plan->target);
    size_t weight_bytes;
    /* the runtime's files stand beside an executable's source: no prefix can make this name one of theirs */
    build.source = driver_source(ctx, plan, build.compiler->folder, build.kind == EXECUTABLE ? "tulle_model" : build.prefix, build.prefix, &weight_bytes);
    compile(&build);
    driver_summary(ctx, plan, weight_bytes);
    deliver(&build);
    return STATUS_FINE;
}
