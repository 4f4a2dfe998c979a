/* One table of options: it drives parsing, help and suggestions. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/cli/cli.h"

typedef enum Takes { TAKES_NOTHING, TAKES_TEXT, TAKES_COUNT, TAKES_REAL, TAKES_SHARE, TAKES_LIMIT, TAKES_MANY, TAKES_PAIR, TAKES_LATER } Takes;

typedef struct Option {
    const char *name, *argument;
    CommandSet commands;
    Takes takes;
    size_t place;                    /* in Options */
    const char *says;
} Option;

#define AT(field) offsetof(Options, field)
static const Option table[] = {
    {"--target", "NAME", PLANNING, TAKES_TEXT, AT(target), "the machine to compile for, see 'tulle targets' (default: native, this machine)"},
    {"--target-file", "F", PLANNING | TARGETS, TAKES_TEXT, AT(target_file), "a machine of your own: 'tulle targets NAME' prints one to start from"},
    {"-o", "FILE", COMPILE | BUILD | TUNE, TAKES_TEXT, AT(output_path), "what to write (default: the model's name)"},
    {"--prefix", "NAME", COMPILE | BUILD, TAKES_TEXT, AT(prefix), "begins every visible name in C (default: from the name of the output)"},
    {"--input", "[NAME=]FILE", RUN | BENCH | TUNE, TAKES_MANY, AT(inputs), ".npy or .pb; or .npz with all inputs by name"},
    {"--output", "[NAME=]FILE", RUN, TAKES_MANY, AT(outputs), ".npy or .pb; or .npz with all outputs; '-': standard output (default: a summary)"},
    {"--threads", "N", PLANNING, TAKES_COUNT, AT(threads), "threads to run with (default 1; verify: 1, 2 and 3, which must agree bit for bit)"},
    {"--dim", "NAME=SIZE", PLANNING, TAKES_MANY, AT(dimensions), "fixes a symbolic dimension of the model"},
    {"--batch", "N", PLANNING, TAKES_COUNT, AT(batch), "size of a symbolic first dimension of the inputs (default 1)"},
    {"--kernel", "LAYER=KERNEL[:TILING]", PLANNING, TAKES_MANY, AT(kernels), "this kernel for this layer, in this tiling ('tulle explain M LAYER' lists both)"},
    {"--kernel-source", "LAYER=FILE", RUN | VERIFY | BENCH | INSPECT, TAKES_MANY, AT(kernel_sources), "this file's functions for this layer ('tulle inspect M LAYER --export FILE' writes ours)"},
    {"--select", "random:SEED", PLANNING, TAKES_TEXT, AT(select), "any valid kernels, tilings and layouts instead of the cheapest: for tests"},
    {"--optimize", "speed|size", PLANNING, TAKES_TEXT, AT(optimize), "size: fewer bytes of weights and loops, at 1.5 times the time at most"},
    {"--max-code", "BYTES", PLANNING, TAKES_COUNT, AT(max_code), "no more than this of loops in all; weights do not count"},
    {"--no-asm", NULL, PLANNING, TAKES_NOTHING, AT(rules.no_assembler), "C text only, no assembler in it"},
    {"--no-winograd", NULL, PLANNING, TAKES_NOTHING, AT(rules.no_winograd), "no Winograd kernels: they round differently (docs/model.md has the bound)"},
    {"--strict-nonfinite", NULL, PLANNING, TAKES_NOTHING, AT(rules.strict_nonfinite),
     "no kernel that spreads infinities and NaNs farther than the definition does"},
    {"--dtype", "TYPE", PLANNING, TAKES_TEXT, AT(type), "arithmetic of f32 layers: f32"},
    {"--threshold", "T", PLANNING, TAKES_REAL, AT(threshold), "weights smaller than T count as zeros (default 0)"},
    {"--prune", "D", PLANNING, TAKES_SHARE, AT(prune), "what if every layer had density D: the smallest weights are zeroed, and all is marked as a projection"},
    {"--prune-file", "F", PLANNING, TAKES_TEXT, AT(prune_file), "the same with a density for each layer: lines of 'LAYER DENSITY'"},
    {"--alpha", "paper", ASKING, TAKES_TEXT, AT(alpha), "the paper's formula with its published alpha, instead of our kernels' counts"},
    {"--svg", "F", EXPLAIN | INSPECT, TAKES_TEXT, AT(svg), "draws it, too"},
    {"--export", "FILE", INSPECT, TAKES_TEXT, AT(export_path), "writes the layer's C with all that must be known to change it; --kernel-source takes it back"},
    {"--show", "SECTION", INSPECT, TAKES_MANY, AT(show), "only this of the layer: c, ir, assembly, ... (docs/inspect.md lists them)"},
    {"--diff", "A B", INSPECT, TAKES_PAIR, AT(diff), "what another choice changes: two of KERNEL[:TILING] for the layer, side by side"},
    {"--max-time", "MS", GUIDE, TAKES_LIMIT, AT(max_time), "says what densities would reach this time"},
    {"--max-size", "MB", GUIDE, TAKES_LIMIT, AT(max_size), "... and this size of weights"},
    {"--keep", "LAYER", GUIDE, TAKES_MANY, AT(keep), "leave this layer as it is"},
    {"--probe", NULL, TARGETS, TAKES_NOTHING, AT(probe), "measures this machine again"},
    {"--tolerance", "R", VERIFY, TAKES_REAL, AT(tolerance), "relative tolerance of layers that are no products (default 1e-5)"},
    {"--quick", NULL, VERIFY, TAKES_NOTHING, AT(quick), "compare the outputs only, not every layer"},
    {"--repeat", "N", BENCH, TAKES_COUNT, AT(repeat), "runs at least (default: ten, and as many as take a second)"},
    {"--hot", NULL, BENCH, TAKES_NOTHING, AT(hot), "times each layer over and over by itself, too"},
    {"--cold", NULL, BENCH | TUNE, TAKES_NOTHING, AT(cold), "sweeps the caches before each run, as if other programs had run meanwhile"},
    {"--tuned", "F", PLANNING & ~(CommandSet)TUNE, TAKES_TEXT, AT(tuned), "takes the kernels that 'tulle tune' found to be the fastest on this machine"},
    {"--candidates", "N", TUNE, TAKES_COUNT, AT(candidates), "choices of each layer to try, the model's apart (default 8)"},
    {"--compare", "FILE", BENCH, TAKES_TEXT, AT(compare), "shows beside it what an earlier run took, which --json wrote there"},
    {"--against", "ENGINE", BENCH, TAKES_TEXT, AT(against), "times onnxruntime beside it, in turns, if a Python has it ($TULLE_PYTHON, or python3)"},
    {"--no-cache", NULL, RUNNING | INSPECT, TAKES_NOTHING, AT(no_cache), "compiles all of it again, and keeps nothing"},
    {"--single-file", NULL, COMPILE, TAKES_NOTHING, AT(single_file), "weights inside the source instead of in a .weights file"},
    {"--static", NULL, BUILD, TAKES_NOTHING, AT(static_link), "an executable that needs no libraries"},
    {"--dump", "PASS", COMPILE, TAKES_TEXT, AT(dump), "print the graph after this pass ('all': after each); writes a source only with -o"},
    {"--allow-external-data", "DIR", PLANNING, TAKES_TEXT, AT(external_data), "the model may keep weights in files beneath DIR"},
    {"--cc", "COMMAND", BUILD | RUNNING, TAKES_TEXT, AT(compiler), "the C compiler (default: to build the target's, or $CC, or cc; to run the one in this program)"},
    {"--json", NULL, RUNNING | ASKING | INSPECT | TARGETS, TAKES_NOTHING, AT(json), "the table or summary as JSON"},
    {"--help", NULL, ANY, TAKES_NOTHING, AT(help), "this text"},
    /* Other spellings that people try; not listed. */
    {"--output", "FILE", COMPILE | BUILD, TAKES_TEXT, AT(output_path), NULL},
    {"-o", "[NAME=]FILE", RUN, TAKES_MANY, AT(outputs), NULL},
    {"-h", NULL, ANY, TAKES_NOTHING, AT(help), NULL},
    /* Promised by the design, not written yet: refused by name. */
    {"--calibrate", "DIR", 0, TAKES_LATER, 0, NULL},
};

const char *options_hint(Context *ctx, const char *word, const char *const *candidates, int count, const char *otherwise)
{
    const char *nearest = text_nearest(word, candidates, count);
    return nearest ? arena_format(ctx->graph, "did you mean '%s'? %s", nearest, otherwise) : otherwise;
}

static const char *quoted(Context *ctx, const char *word)
{
    return text_quote(ctx->graph, word, strlen(word));
}

/* ---- parsing ---- */

typedef struct Parser {
    Context *ctx;
    char *const *words;
    int count, next;
    CommandSet command;
    const char *command_name;
    Options *options;
} Parser;

static _Noreturn void fail_unknown(const Parser *parser, const char *word)
{
    const char *names[COUNT(table)];
    int count = 0;
    for (int i = 0; i < COUNT(table); i++)
        if (table[i].commands & parser->command && table[i].says)
            names[count++] = table[i].name;
    const char *more = arena_format(parser->ctx->graph, "'tulle %s --help' lists the options", parser->command_name);
    fail(parser->ctx, STATUS_USAGE, NULL, options_hint(parser->ctx, word, names, count, more), "unknown option '%s'", quoted(parser->ctx, word));
}

/* The row of a word such as "--dim" or "--dim=n=4"; `value` gets what stands behind the '='. */
static const Option *find_option(const Parser *parser, const char *word, const char **value)
{
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    *value = equals ? equals + 1 : NULL;
    const char *name = arena_string(parser->ctx->graph, word, length);
    bool known = false;
    for (int i = 0; i < COUNT(table); i++) {
        if (strcmp(table[i].name, name))
            continue;
        if (table[i].takes == TAKES_LATER)
            fail(parser->ctx, STATUS_UNSUPPORTED, NULL, NULL, "option '%s' is planned, but not there yet", name);
        if (table[i].commands & parser->command)
            return &table[i];
        known = true;
    }
    if (known)
        fail(parser->ctx, STATUS_USAGE, NULL, arena_format(parser->ctx->graph, "'tulle %s --help' lists the options", parser->command_name),
             "'tulle %s' does not take '%s'", parser->command_name, name);
    fail_unknown(parser, name);
}

static int64_t parse_count(Context *ctx, const char *name, const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 1 || value > INT32_MAX)
        fail(ctx, STATUS_USAGE, NULL, NULL, "%s takes a whole number from 1 on, not '%s'", name, quoted(ctx, text));
    return value;
}

static double parse_real(Context *ctx, const char *name, const char *text, Takes takes)
{
    const char *range = takes == TAKES_SHARE ? "above 0 and at most 1" : takes == TAKES_LIMIT ? "above 0" : "from 0 on";
    char *end;
    double value = strtod(text, &end);
    bool inside = value >= 0 && (takes == TAKES_REAL || value > 0) && (takes != TAKES_SHARE || value <= 1);
    if (end == text || *end || !isfinite(value) || !inside)
        fail(ctx, STATUS_USAGE, NULL, NULL, "%s takes a number %s, not '%s'", name, range, quoted(ctx, text));
    return value;
}

static void strings_add(Context *ctx, Strings *strings, const char *item)
{
    strings->items = arena_grow(ctx->graph, strings->items, &strings->capacity, strings->count, sizeof *strings->items);
    strings->items[strings->count++] = item;
}

static void store(Parser *parser, const Option *option, const char *value)
{
    char *place = (char *)parser->options + option->place;
    switch (option->takes) {
    case TAKES_NOTHING: *(bool *)place = true; break;
    case TAKES_TEXT: *(const char **)place = value; break;
    case TAKES_COUNT: *(int64_t *)place = parse_count(parser->ctx, option->name, value); break;
    case TAKES_REAL:
    case TAKES_SHARE:
    case TAKES_LIMIT: *(double *)place = parse_real(parser->ctx, option->name, value, option->takes); break;
    case TAKES_PAIR:
    case TAKES_MANY: strings_add(parser->ctx, (Strings *)place, value); break;
    case TAKES_LATER: break;
    }
}

/* The second of two values. */
static const char *next_word(Parser *parser, const Option *option)
{
    if (parser->next == parser->count)
        fail(parser->ctx, STATUS_USAGE, NULL, NULL, "%s needs two values: %s %s", option->name, option->name, option->argument);
    return parser->words[parser->next++];
}

static void parse_option(Parser *parser, const char *word)
{
    const char *value;
    const Option *option = find_option(parser, word, &value);
    if (option->takes == TAKES_NOTHING && value)
        fail(parser->ctx, STATUS_USAGE, NULL, NULL, "%s takes no value", option->name);
    if (option->takes != TAKES_NOTHING && !value) {
        if (parser->next == parser->count)
            fail(parser->ctx, STATUS_USAGE, NULL, NULL, "%s needs a value: %s %s", option->name, option->name, option->argument);
        value = parser->words[parser->next++];
    }
    store(parser, option, value);
    if (option->takes == TAKES_PAIR)
        store(parser, option, next_word(parser, option));
}

void options_parse(Context *ctx, char *const *words, int count, CommandSet command, const char *command_name, Options *options)
{
    Parser parser = {ctx, words, count, 0, command, command_name, options};
    *options = (Options){.command = command, .tolerance = 1e-5};
    bool only_arguments = false;
    while (parser.next < count) {
        const char *word = words[parser.next++];
        if (!only_arguments && !strcmp(word, "--"))
            only_arguments = true;
        else if (only_arguments || word[0] != '-' || !word[1])
            strings_add(ctx, &options->arguments, word);
        else
            parse_option(&parser, word);
    }
    if (options->threads > MOST_THREADS)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--threads takes %d at most", MOST_THREADS);
    if (options->repeat > BENCH_MOST_RUNS)
        fail(ctx, STATUS_USAGE, NULL, NULL, "--repeat takes %d at most", BENCH_MOST_RUNS);
}

void options_help(FILE *stream, CommandSet command)
{
    for (int i = 0; i < COUNT(table); i++) {
        const Option *option = &table[i];
        if (!(option->commands & command) || !option->says)
            continue;
        char name[40];
        snprintf(name, sizeof name, "%s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
        fprintf(stream, "  %-26s %s\n", name, option->says);
    }
}
