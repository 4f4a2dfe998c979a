/* The command line's table of commands, its help, and the way into each. */
#include <string.h>

#include "compiler/cli/cli.h"
#include "compiler/pass/pass.h"

static const Command commands[] = {
    {"compile", COMPILE, "MODEL.onnx [-o out.c] [options]", "writes the model as C source, with a header and a file of weights",
     "Writes out.c and out.h, and out.weights if the weights take more than 1 MB (compile with -I of its folder).\n"
     "The source needs no library: call PREFIX_run() from your program. 'out.h' says how.\n"
     "\nexamples:\n"
     "  tulle compile glyphs.onnx                               glyphs.c and glyphs.h for this machine\n"
     "  tulle compile glyphs.onnx --target generic-neon -o net.c\n"
     "  tulle compile glyphs.onnx --single-file -o - | less     to read it\n"
     "  tulle compile glyphs.onnx --dump fuse                   the graph after the pass 'fuse'\n", compile_command},
    {"build", BUILD, "MODEL.onnx [-o name] [options]", "compiles it further: an executable, or a library if the name ends in .a or .so",
     "Writes the source into a temporary folder and calls the target's C compiler. An executable runs the model on .npy files\n"
     "and times it; '.a' and '.so' hold the model alone, and a header for them is written beside.\n"
     "\nexamples:\n"
     "  tulle build glyphs.onnx && ./glyphs --bench --threads 2\n"
     "  tulle build glyphs.onnx -o libglyphs.a                  and glyphs.h\n"
     "  tulle build glyphs.onnx --target generic-neon --static -o glyphs-arm\n", build_command},
    {"run", RUN, "MODEL.onnx --input FILE [--output FILE] [options]", "compiles the model, runs it on files and writes what comes out",
     "Files are .npy, .npz or TensorProto (.pb). Names may be left out where there is one input or output.\n"
     "\nexamples:\n"
     "  tulle run glyphs.onnx --input image.npy                 a summary of the output\n"
     "  tulle run net.onnx --input a=a.npy --input b=b.npy --output y=y.npy\n"
     "  tulle run net.onnx --input all.npz --output out.npz --threads 2\n", run_command},
    {"verify", VERIFY, "MODEL.onnx [DIR...] [options]", "compares every layer with a naive reference, and names the first that differs",
     "Runs the test data in DIR (input_0.pb ..., output_0.pb ...), or in test_data_set_N beside the model, or seeded random inputs.\n"
     "Every layer's result is compared with a double-precision reference fed the same inputs, so that one wrong layer is told from\n"
     "accumulated rounding: |error| <= 2^-23 * (terms + 8) * sum|w||x| for products, --tolerance times the layer's largest element for\n"
     "the rest. Outputs are compared with the test data's (relative 1e-3), and between 1, 2 and 3 threads (bit for bit).\n"
     "Exit code 4 if anything differs.\n"
     "\nexamples:\n"
     "  tulle verify glyphs.onnx\n"
     "  tulle verify net.onnx test_data_set_0 --target scalar\n", verify_command},
    {"bench", BENCH, "MODEL.onnx [--threads N] [--compare FILE] [--against onnxruntime] [options]", "compiles the model in memory and times every layer",
     "For each layer: its kernel, nonzeros, the median of its times, the spread (between the quartiles), what was predicted, GFLOP/s (effective: as if the\n"
     "zeros had been done, too), and the share of the peak of the cores that run it. Inputs that are not given are random.\n"
     "\nexamples:\n"
     "  tulle bench glyphs.onnx --threads 2\n"
     "  tulle bench net.onnx --json >before.json                and, after a change,\n"
     "  tulle bench net.onnx --compare before.json\n", bench_command},
    {"tune", TUNE, "MODEL.onnx [-o F] [--threads N] [options]", "measures other kernels in the place of the model's choices, and keeps the fastest for --tuned",
     "Programs in which layers have other kernels, tilings and layouts run in turns with the one that the machine's model chose; what was surely faster is\n"
     "put together, measured again as a whole, and written to F (default: MODEL.tuned), layer by layer. F is text, grows with each model and machine, and is\n"
     "saved after each program: interrupted, it goes on from there. docs/tune.md has the details.\n"
     "\nexamples:\n"
     "  tulle tune net.onnx --threads 2                         writes net.tuned\n"
     "  tulle build net.onnx --threads 2 --tuned net.tuned\n"
     "  tulle tune net.onnx --candidates 20                     tries more\n", tune_command},
    {"explain", EXPLAIN, "MODEL.onnx [LAYER] [--target T] [options]", "says what each layer will cost on a machine, and why; of one layer, every candidate",
     "Nothing is run, and the machine need not be at hand. For each layer: its density, FLOPs for each byte, kernel, what bounds it, predicted\n"
     "time and rate, and the gain over the best dense kernel. With LAYER: every kernel and tiling that could compute it, the cycles each needs\n"
     "of every resource, and why it lost. docs/explain.md describes the columns, the JSON and the picture.\n"
     "\nexamples:\n"
     "  tulle explain glyphs.onnx                               on this machine\n"
     "  tulle explain net.onnx --target atom-c2750 --threads 8\n"
     "  tulle explain net.onnx conv3                            one layer, all candidates\n"
     "  tulle explain net.onnx --prune 0.1 --svg net.svg        what if it were pruned, as a picture, too\n", explain_command},
    {"guide", GUIDE, "MODEL.onnx [--target T] [--max-time MS] [--max-size MB] [options]", "says where pruning pays on a machine, and how far",
     "Nothing is run. For each layer with weights: the range of densities in which it gains, whether to leave it dense, prune it, stop or restore it,\n"
     "what it has gained and would gain at the range's end, and below which share of its rows a structured pruning would gain more. With\n"
     "a limit: the densities that reach it with the fewest weights removed. docs/guide.md says how these are found, and describes the JSON.\n"
     "\nexamples:\n"
     "  tulle guide net.onnx --target atom-c2750 --threads 8\n"
     "  tulle guide net.onnx --max-time 20 --keep conv1          which densities would bring it under 20 ms\n"
     "  tulle guide net.onnx --prune 0.1 --json                 what if all layers had a density of 0.1, for a program to read\n", guide_command},
    {"inspect", INSPECT, "MODEL.onnx [LAYER] [--target T] [--show SECTION] [options]", "shows what a layer becomes: its C, IR, assembly, loops, zeros",
     "Nothing is run, and the machine need not be at hand. Without LAYER: a table of all layers. With it: why it is computed so, what the plan counts,\n"
     "what is compiled, and where its zeros lie. docs/inspect.md describes the sections and the JSON.\n"
     "\nexamples:\n"
     "  tulle inspect glyphs.onnx                               the layers\n"
     "  tulle inspect glyphs.onnx conv3 --target atom-c2750     one of them, for another machine\n"
     "  tulle inspect glyphs.onnx conv3 --show assembly         as a text alone; --show c: its C\n"
     "  tulle inspect glyphs.onnx conv3 --svg zeros.svg         where its zeros lie, as a picture, too\n"
     "  tulle inspect glyphs.onnx conv3 --diff sparse_direct sparse_panel\n", inspect_command},
    {"targets", TARGETS, "[NAME] [options]", "lists the machines it knows, and this one as probed; prints one as a file",
     "A machine is a list of numbers: cores, clock, ports, caches, bandwidths. GFLOP/s is the peak of all cores in f32, GB/s from memory to all cores.\n"
     "With NAME, the machine as a file for --target-file, to be edited; with --target-file, checks one. docs/targets.md describes them.\n"
     "\nexamples:\n"
     "  tulle targets                                           the table\n"
     "  tulle targets native >board.target                      a file to start from\n"
     "  tulle targets --target-file board.target                checked, and printed\n"
     "  tulle targets --probe                                   measures this machine again\n"
     "  tulle targets --json                                    all numbers of all machines\n", targets_command},
};

static void print_version(void)
{
    printf("tulle %s\n", TULLE_VERSION);
}

static void print_help(FILE *stream)
{
    fprintf(stream, "tulle, a compiler for sparse neural networks: ONNX in, standalone C out\n\nusage: tulle COMMAND ...\n\n");
    for (int i = 0; i < COUNT(commands); i++)
        fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].says);
    fprintf(stream, "\n  tulle COMMAND --help       options and examples\n  tulle --version\n"
                    "\nexample:\n  tulle build model.onnx -o model && ./model --bench\n"
                    "\nexit codes: 0 fine, 1 wrong use, 2 bad model or data, 3 not supported, 4 mismatch, 5 tulle's own fault\n");
}

static void print_command_help(const Command *command)
{
    printf("usage: tulle %s %s\n\n%s\n%s\noptions:\n", command->name, command->arguments, command->says, command->more);
    options_help(stdout, command->bit);
    if (command->bit != COMPILE)
        return;
    printf("\npasses, in order:\n");
    for (int i = 0; i < pass_count; i++)
        printf("  %-26s %s\n", passes[i].name, passes[i].says);
}

static _Noreturn void fail_unknown(Context *ctx, const char *word)
{
    const char *names[COUNT(commands) + 2] = {"--help", "--version"};
    for (int i = 0; i < COUNT(commands); i++)
        names[i + 2] = commands[i].name;
    fail(ctx, STATUS_USAGE, NULL, options_hint(ctx, word, names, COUNT(names), "'tulle --help' lists the commands"), "unknown %s '%s'",
         word[0] == '-' ? "option" : "command", text_quote(ctx->graph, word, strlen(word)));
}

static const Command *find_command(Context *ctx, const char *word)
{
    for (int i = 0; i < COUNT(commands); i++)
        if (!strcmp(commands[i].name, word))
            return &commands[i];
    fail_unknown(ctx, word);
}

typedef struct Words { int count; char **words; } Words;

static Status dispatch(Context *ctx, void *argument)
{
    const Words *words = argument;
    const char *first = words->count > 1 ? words->words[1] : NULL;
    if (!first) {
        print_help(stderr);
        return STATUS_USAGE;
    }
    if (!strcmp(first, "--version"))
        return print_version(), STATUS_FINE;
    bool help = !strcmp(first, "help") || !strcmp(first, "--help") || !strcmp(first, "-h");
    if (help && words->count == 2)
        return print_help(stdout), STATUS_FINE;
    const Command *command = find_command(ctx, help ? words->words[2] : first);
    Options options;
    if (!help)
        options_parse(ctx, words->words + 2, words->count - 2, command->bit, command->name, &options);
    if (help || options.help)
        return print_command_help(command), STATUS_FINE;
    return command->run(ctx, &options);
}

int main(int argc, char **argv)
{
    Words words = {argc, argv};
    Status status = context_run(dispatch, &words);
    if (fflush(stdout) && status == STATUS_FINE) {
        fprintf(stderr, "tulle: standard output cannot be written\n");
        status = STATUS_USAGE;
    }
    return status;
}
