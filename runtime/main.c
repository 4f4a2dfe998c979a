/* main() of an executable that `tulle build` makes. By hand: cc -fopenmp -DTULLE_MODEL=PREFIX_model PREFIX.c main.c bench.c tensors.c
   report.c npy.c npz.c inflate.c tulle.c -lm */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "npy.h"

#ifndef TULLE_MODEL
#error "say which model: -DTULLE_MODEL=PREFIX_model"
#endif
extern const struct tulle_model *TULLE_MODEL(void);
static const struct tulle_model *model;

/* Exit codes are those of tulle itself. */
enum { STATUS_USAGE = 1, STATUS_DATA = 2, STATUS_INTERNAL = 5, MOST_FILES = 256, MOST_THREADS = 1024, SEED = 1 };

typedef struct Arguments {
    const char *inputs[MOST_FILES], *outputs[MOST_FILES];
    int input_count, output_count, threads;
    bool bench, hot, cold, json;
} Arguments;

static const char *program = "model";

__attribute__((format(printf, 2, 3))) _Noreturn static void stop(int status, const char *format, ...)
{
    va_list arguments;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *at = text; *at; at++)
        *at = iscntrl((unsigned char)*at) ? '?' : *at;    /* names may come from strangers */
    fprintf(stderr, "%s: %s\n", program, text);
    exit(status);
}

/* A full disk, or a reader that has gone, is no success. */
static _Noreturn void finish(void)
{
    if (fflush(stdout) || ferror(stdout))
        stop(STATUS_USAGE, "standard output cannot be written: %s", strerror(errno));
    exit(0);
}

/* The model's code is compiled for one machine, and may be started on another. */
static void on_illegal(int number)
{
    static const char text[] = "this machine lacks an instruction of the target that the model was compiled for (see --version)\n";
    (void)number;
    _exit(write(2, text, sizeof text - 1) < 0 ? STATUS_INTERNAL : STATUS_USAGE);
}

/* ---- arguments ---- */

static void print_help(void)
{
    printf("usage: %s --input [NAME=]FILE ... [--output [NAME=]FILE ...] [options]\n\n"
           "Runs the model that was compiled into this program.\n\n"
           "  --input [NAME=]FILE    .npy, or .npz with all inputs by name; NAME may be left out when there is one input\n"
           "  --output [NAME=]FILE   .npy, or .npz with all outputs; '-' is standard output; without it a summary is printed\n"
           "  --bench                time the run and each layer; inputs that are not given get random values\n"
           "  --hot                  with --bench: time each layer by itself as well, over and over, with all it touches in the caches\n"
           "  --cold                 with --bench: sweep the caches before each run, as if other programs had run meanwhile\n"
           "  --threads N            threads to run with (default 1)\n"
           "  --json                 print the summary or the times as JSON\n"
           "  --help, --version\n\ninputs:\n", program);
    tensors_describe(stdout, model->inputs, model->input_count, "");
    printf("outputs:\n");
    tensors_describe(stdout, model->outputs, model->output_count, "");
}

static const char *option_value(int argc, char **argv, int *i, const char *option)
{
    size_t length = strlen(option);
    if (argv[*i][length] == '=')
        return argv[*i] + length + 1;
    if (*i + 1 == argc)
        stop(STATUS_USAGE, "%s needs a value; see %s --help", option, program);
    return argv[++*i];
}

static int parse_threads(const char *text)
{
    char *end;
    errno = 0;
    long threads = strtol(text, &end, 10);
    if (errno || *end || end == text || threads < 1 || threads > MOST_THREADS)
        stop(STATUS_USAGE, "--threads takes a number from 1 to %d", MOST_THREADS);
    return (int)threads;
}

static void add_file(const char **files, int *count, const char *file)
{
    if (*count == MOST_FILES)
        stop(STATUS_USAGE, "more than %d files", MOST_FILES);
    files[(*count)++] = file;
}

static bool is_option(const char *argument, const char *option)
{
    size_t length = strlen(option);
    return !strncmp(argument, option, length) && (!argument[length] || argument[length] == '=');
}

static void parse_arguments(int argc, char **argv, Arguments *arguments)
{
    arguments->threads = 1;
    for (int i = 1; i < argc; i++) {
        if (is_option(argv[i], "--input"))
            add_file(arguments->inputs, &arguments->input_count, option_value(argc, argv, &i, "--input"));
        else if (is_option(argv[i], "--output"))
            add_file(arguments->outputs, &arguments->output_count, option_value(argc, argv, &i, "--output"));
        else if (is_option(argv[i], "--threads"))
            arguments->threads = parse_threads(option_value(argc, argv, &i, "--threads"));
        else if (!strcmp(argv[i], "--bench"))
            arguments->bench = true;
        else if (!strcmp(argv[i], "--hot"))
            arguments->hot = true;
        else if (!strcmp(argv[i], "--cold"))
            arguments->cold = true;
        else if (!strcmp(argv[i], "--json"))
            arguments->json = true;
        else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            print_help(), finish();
        else if (!strcmp(argv[i], "--version"))
            printf("tulle %s, target %s, model %s\n", model->version, model->target, model->sha256), finish();
        else
            stop(STATUS_USAGE, "unknown argument '%s'; see %s --help", argv[i], program);
    }
    if ((arguments->hot || arguments->cold) && !arguments->bench)
        stop(STATUS_USAGE, "--%s goes with --bench; see %s --help", arguments->hot ? "hot" : "cold", program);
}

/* ---- inputs ---- */

static void load_input(const char *argument, void **inputs)
{
    NpyError error;
    NpyFile file;
    int index;
    const char *path;
    if (!tensors_split(model->inputs, model->input_count, argument, &index, &path, &error))
        stop(STATUS_USAGE, "--input %s: %s", argument, error.text);
    if (!npy_load(path, &file, &error))
        stop(STATUS_DATA, "%s: %s", path, error.text);
    if (!tensors_take(model->inputs, model->input_count, index, &file, inputs, &error))
        stop(STATUS_DATA, "%s: %s", path, error.text);
    npy_free(&file);
}

static void *new_buffer(size_t bytes)
{
    void *buffer = tensors_memory(bytes);
    if (!buffer)
        stop(STATUS_INTERNAL, "out of memory: %zu bytes", bytes);
    return buffer;
}

static void fill_missing(const Arguments *arguments, void **inputs)
{
    for (int i = 0; i < model->input_count; i++) {
        if (inputs[i])
            continue;
        if (!arguments->bench) {
            fprintf(stderr, "%s takes\n", program);
            tensors_describe(stderr, model->inputs, model->input_count, "");
            stop(STATUS_USAGE, "input '%s' is missing: give it with --input %s=FILE", model->inputs[i].name, model->inputs[i].name);
        }
        inputs[i] = new_buffer(model->inputs[i].bytes);
        tensors_random(&model->inputs[i], SEED + (uint64_t)i, inputs[i]);
    }
}

/* ---- outputs ---- */

static void write_arrays(FILE *stream, const char *path, const NpyArray *arrays, int count, bool zip)
{
    NpyError error;
    if (!(zip ? npz_write(stream, arrays, count, &error) : npy_write(stream, arrays, &error)))
        stop(STATUS_USAGE, "%s: %s", path, error.text);
    if (fflush(stream) || ferror(stream))
        stop(STATUS_USAGE, "%s: cannot be written: %s", path, strerror(errno));
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), ending_length = strlen(ending);
    return length >= ending_length && !strcmp(text + length - ending_length, ending);
}

static char unfinished[PATH_MAX];     /* the temporary name of an output, removed if the program ends before it is complete */

static void remove_unfinished(void)
{
    if (unfinished[0])
        unlink(unfinished);
}

/* Under a temporary name beside the path, then renamed: a full disk leaves no half of a file. */
static void save_arrays(const char *path, const NpyArray *arrays, int count)
{
    bool zip = ends_with(path, ".npz");
    if (!strcmp(path, "-")) {
        write_arrays(stdout, "standard output", arrays, count, false);
        return;
    }
    if (snprintf(unfinished, sizeof unfinished, "%s.%ld.tmp", path, (long)getpid()) >= (int)sizeof unfinished)
        stop(STATUS_USAGE, "%s: the name is too long", path);
    FILE *stream = fopen(unfinished, "wbx");
    if (!stream) {
        int reason = errno;
        unfinished[0] = 0;
        stop(STATUS_USAGE, "%s: cannot be written: %s", path, strerror(reason));
    }
    write_arrays(stream, path, arrays, count, zip);
    if (fclose(stream) || rename(unfinished, path))
        stop(STATUS_USAGE, "%s: cannot be written: %s", path, strerror(errno));
    unfinished[0] = 0;
}

static NpyArray array_of(int index, void *const *outputs)
{
    const struct tulle_tensor *tensor = &model->outputs[index];
    NpyArray array = {.name = (char *)(uintptr_t)tensor->name, .type = tensor->type, .rank = tensor->rank, .bytes = tensor->bytes, .data = outputs[index]};
    memcpy(array.dims, tensor->dims, sizeof array.dims);
    return array;
}

static void save_output(const char *argument, void *const *outputs)
{
    NpyError error;
    int index;
    const char *path;
    if (!tensors_split(model->outputs, model->output_count, argument, &index, &path, &error))
        stop(STATUS_USAGE, "--output %s: %s", argument, error.text);
    if (index < 0 && model->output_count > 1 && !ends_with(path, ".npz"))
        stop(STATUS_USAGE, "--output %s: the model has %d outputs: write NAME=FILE, or a file that ends in .npz", argument, model->output_count);
    NpyArray *arrays = new_buffer((size_t)model->output_count * sizeof *arrays);
    for (int i = 0; i < model->output_count; i++)
        arrays[i] = array_of(i, outputs);
    if (index >= 0 || model->output_count == 1)
        save_arrays(path, arrays + (index < 0 ? 0 : index), 1);
    else
        save_arrays(path, arrays, model->output_count);
    free(arrays);
}

/* ---- running ---- */

static _Noreturn void stop_run(int status)
{
    stop(status == TULLE_ASSUMED_INPUT ? STATUS_DATA : STATUS_INTERNAL, "the model did not run: %s", tulle_status_text(status));
}

static void run_model(const Arguments *arguments, void *const *inputs, void *const *outputs)
{
    int status = TULLE_OK;
    if (arguments->bench) {
        const BenchOptions options = {.threads = arguments->threads, .seconds = 0.5, .json = arguments->json, .hot = arguments->hot,
                                      .cold = arguments->cold};
        BenchTimes times;
        const bool fine = bench_measure(model, (const void *const *)inputs, outputs, &options, &times, &status) && bench_report(stdout, model, &options, &times, NULL);
        bench_free(&times);
        if (!fine && status == TULLE_OK)
            stop(STATUS_INTERNAL, "out of memory");
    } else {
        size_t bytes = tulle_workspace_bytes(model, arguments->threads);
        void *workspace = new_buffer(bytes);
        status = tulle_run(model, (const void *const *)inputs, outputs, workspace, bytes, arguments->threads);
        free(workspace);
    }
    if (status != TULLE_OK)
        stop_run(status);
}

int main(int argc, char **argv)
{
    static Arguments arguments;
    model = TULLE_MODEL();
    if (argc > 0 && argv[0])
        program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    signal(SIGILL, on_illegal);
    parse_arguments(argc, argv, &arguments);
    atexit(remove_unfinished);
    void **inputs = calloc((size_t)model->input_count + 1, sizeof *inputs);
    void **outputs = calloc((size_t)model->output_count + 1, sizeof *outputs);
    if (!inputs || !outputs)
        stop(STATUS_INTERNAL, "out of memory");
    for (int i = 0; i < arguments.input_count; i++)
        load_input(arguments.inputs[i], inputs);
    fill_missing(&arguments, inputs);
    for (int i = 0; i < model->output_count; i++)
        outputs[i] = new_buffer(model->outputs[i].bytes);
    run_model(&arguments, inputs, outputs);
    for (int i = 0; i < arguments.output_count; i++)
        save_output(arguments.outputs[i], outputs);
    if (!arguments.output_count && !arguments.bench)
        tensors_summary(stdout, model->outputs, outputs, model->output_count, arguments.json);
    for (int i = 0; i < model->input_count; i++)
        free(inputs[i]);
    for (int i = 0; i < model->output_count; i++)
        free(outputs[i]);
    free(inputs);
    free(outputs);
    finish();
}
