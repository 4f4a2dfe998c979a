/* What 'tulle tune' measured, as text: machines, of each the layers, of each what was tried and which was best. It may be edited and sent around, so
   whatever stands in it is checked. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

enum { MOST_BYTES = 64 << 20, MOST_WORDS = 9, MOST_CHOICES = 4096, LONGEST_WORD = 128 };

static const char opening[] = "# What 'tulle tune' measured, for --tuned F: of each layer the model's choice, what was tried in its place, and the best, which is taken.\n"
                              "# kernel, tiling, layouts in and out, microseconds in the network, over the model's choice: median, interval of 95 %. docs/tune.md\n";

/* ---- machines and layers ---- */

static const char *machine_title(Context *ctx, const Target *target, bool cold)
{
    const Machine *machine = &target->machine;
    const bool probed = strncmp(machine->name, "native", strlen("native")) == 0 && machine->says;
    const char *name = probed ? machine->says : machine->name;
    return arena_format(ctx->graph, "%s, %s, %g core%s%s", text_quote(ctx->graph, name, strlen(name)), target->isa.name, machine->cores, machine->cores > 1 ? "s" : "",
                        cold ? ", cold caches" : "");
}

static TunedMachine *add_machine(Context *ctx, TunedFile *file, const char *name)
{
    file->machines = arena_grow(ctx->graph, file->machines, &file->capacity, file->count, sizeof *file->machines);
    file->machines[file->count] = (TunedMachine){.name = name};
    return &file->machines[file->count++];
}

static TunedMachine *find_machine(const TunedFile *file, const char *name)
{
    for (int i = 0; i < file->count; i++)
        if (!strcmp(file->machines[i].name, name))
            return &file->machines[i];
    return NULL;
}

TunedMachine *tuned_machine(Context *ctx, TunedFile *file, const Target *target, bool cold)
{
    const char *name = machine_title(ctx, target, cold);
    TunedMachine *machine = find_machine(file, name);
    return machine ? machine : add_machine(ctx, file, name);
}

static TunedLayer *add_layer(Context *ctx, TunedMachine *machine)
{
    machine->layers = arena_grow(ctx->graph, machine->layers, &machine->capacity, machine->count, sizeof *machine->layers);
    machine->layers[machine->count] = (TunedLayer){.says = "", .best = -1};
    return &machine->layers[machine->count++];
}

TunedLayer *tuned_layer(Context *ctx, TunedMachine *machine, const char *key)
{
    for (int i = 0; i < machine->count; i++)
        if (machine->layers[i].count && !strcmp(machine->layers[i].choices[0].key, key))
            return &machine->layers[i];
    return add_layer(ctx, machine);
}

/* ---- reading ---- */

typedef struct Reader {
    Context *ctx;
    TunedFile *file;
    int line;
    char key[KEY_BYTES];             /* of the layer whose lines come */
    TunedLayer *layer;               /* NULL: none yet */
} Reader;

static _Noreturn void fail_line(const Reader *reader, const char *what)
{
    fail(reader->ctx, STATUS_USAGE, arena_format(reader->ctx->graph, "line %d", reader->line), "'tulle tune' writes such files; docs/tune.md describes them", "%s", what);
}

static double read_number(const Reader *reader, const char *word)
{
    char *end;
    const double number = strtod(word, &end);
    if (end == word || *end || !isfinite(number) || number < 0 || number > 1e15)
        fail_line(reader, "a number is expected after kernel, tiling and layouts");
    return number;
}

static Layout read_layout(const Reader *reader, const char *word)
{
    Layout layout = {0};
    int32_t *const fields[] = {&layout.top, &layout.left, &layout.rows, &layout.pitch, &layout.slack};
    if (!strcmp(word, "plain"))
        return layout;
    for (int i = 0; i < COUNT(fields); i++) {
        char *end;
        errno = 0;
        const long number = strtol(word, &end, 10);
        if (errno || end == word || number < 0 || number > INT32_MAX || *end != (i + 1 < COUNT(fields) ? ',' : '\0'))
            fail_line(reader, "a layout is 'plain', or five whole numbers such as 1,1,58,64,0");
        *fields[i] = (int32_t)number;
        word = end + 1;
    }
    return layout;
}

static bool is_key(const char *word)
{
    return strlen(word) == KEY_BYTES - 1 && strspn(word, "0123456789abcdef") == KEY_BYTES - 1;
}

/* "layer KEY says ..." */
static void read_layer(Reader *reader, const char *rest)
{
    const size_t length = strcspn(rest, " ");
    const char *key = arena_string(reader->ctx->graph, rest, length);
    if (reader->file->count == 0)
        fail_line(reader, "a line 'machine ...' must stand before the first layer");
    if (!is_key(key))
        fail_line(reader, "'layer' is followed by a key of sixteen digits");
    reader->layer = add_layer(reader->ctx, &reader->file->machines[reader->file->count - 1]);
    memcpy(reader->key, key, sizeof reader->key);
    rest += length + strspn(rest + length, " ");
    reader->layer->says = text_quote(reader->ctx->graph, rest, strlen(rest));
}

bool tuned_same(const TunedChoice *a, const TunedChoice *b)
{
    return !strcmp(a->kernel, b->kernel) && !strcmp(a->tiling, b->tiling) && layout_equal(&a->in, &b->in) && layout_equal(&a->out, &b->out);
}

static int number_of(const TunedLayer *layer, const TunedChoice *choice)
{
    for (int i = 0; i < layer->count; i++)
        if (tuned_same(&layer->choices[i], choice))
            return i;
    return -1;
}

static void read_choice(Reader *reader, const char *kind, const char *const *words, int count)
{
    TunedLayer *layer = reader->layer;
    if (!layer)
        fail_line(reader, "a line 'layer ...' must stand before the first choice");
    if (count != MOST_WORDS)
        fail_line(reader, "kernel, tiling, two layouts, microseconds and three ratios are expected");
    for (int i = 1; i < 3; i++)
        if (strlen(words[i]) > LONGEST_WORD)
            fail_line(reader, "the name of a kernel or tiling is too long");
    TunedChoice choice = {.kernel = words[1], .tiling = words[2], .in = read_layout(reader, words[3]), .out = read_layout(reader, words[4]),
                          .seconds = read_number(reader, words[5]) * 1e-6, .ratio = read_number(reader, words[6]), .low = read_number(reader, words[7]),
                          .high = read_number(reader, words[8])};
    memcpy(choice.key, reader->key, sizeof choice.key);
    if (!strcmp(kind, "best")) {
        layer->best = number_of(layer, &choice);
        if (layer->best < 0)
            fail_line(reader, "the best is none of those that were tried");
        return;
    }
    if (!strcmp(kind, "model") != (layer->count == 0))
        fail_line(reader, "the model's choice comes first, and once");
    if (layer->count == MOST_CHOICES)
        fail_line(reader, "so many choices of one layer were never tried");
    layer->choices = arena_grow(reader->ctx->graph, layer->choices, &layer->capacity, layer->count, sizeof *layer->choices);
    layer->choices[layer->count++] = choice;
}

static const char *rest_behind(const char *line, const char *word)
{
    const char *rest = strstr(line, word) + strlen(word);
    return rest + strspn(rest, " \t");
}

static void read_line(Reader *reader, const char *line)
{
    int count;
    const char *const *words = text_words(reader->ctx->graph, line, &count);
    if (count == 0 || *words[0] == '#' || !strcmp(words[0], "tulle"))
        return;
    if (!strcmp(words[0], "machine") && count > 1) {
        const char *name = rest_behind(line, words[0]);
        add_machine(reader->ctx, reader->file, text_quote(reader->ctx->graph, name, strlen(name)));
        reader->layer = NULL;
    } else if (!strcmp(words[0], "layer") && count > 1) {
        read_layer(reader, rest_behind(line, words[0]));
    } else if (!strcmp(words[0], "model") || !strcmp(words[0], "tried") || !strcmp(words[0], "best")) {
        read_choice(reader, words[0], words, count);
    } else {
        fail_line(reader, "lines begin with machine, layer, model, tried or best");
    }
}

/* Whatever makes no sense later (a kernel that there is not, a tiling of another version) is no layer's choice then. */
TunedFile *tuned_read(Context *ctx, const char *path)
{
    TunedFile *file = arena_new_of(ctx->graph, TunedFile);
    const char *before = ctx->file;
    Reader reader = {.ctx = ctx, .file = file};
    if (access(path, F_OK) != 0)
        return file;
    const FileView view = file_map(ctx, path);
    const char *at = (const char *)view.data, *end = at + view.size;
    if (view.size > MOST_BYTES || memchr(at, '\0', view.size))
        fail_line(&reader, "this is no such text");
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline ? newline : end;
        reader.line++;
        read_line(&reader, arena_string(ctx->graph, at, (size_t)(line_end - at)));
        at = newline ? newline + 1 : end;
    }
    file_drop(ctx, &view);
    ctx->file = before;
    return file;
}

/* ---- writing ---- */

static const char *layout_word(Arena *arena, const Layout *layout)
{
    return layout_plain(layout) ? "plain" : arena_format(arena, "%d,%d,%d,%d,%d", layout->top, layout->left, layout->rows, layout->pitch, layout->slack);
}

static void write_choice(Context *ctx, FILE *stream, const char *kind, const TunedChoice *choice)
{
    fprintf(stream, "  %-5s %-16s %-12s %-16s %-16s %10.4g %7.4f %7.4f %7.4f\n", kind, choice->kernel, choice->tiling, layout_word(ctx->graph, &choice->in),
            layout_word(ctx->graph, &choice->out), choice->seconds * 1e6, choice->ratio, choice->low, choice->high);
}

static void write_layer(Context *ctx, FILE *stream, const TunedLayer *layer)
{
    fprintf(stream, "layer %s %s\n", layer->choices[0].key, layer->says);
    for (int i = 0; i < layer->count; i++)
        write_choice(ctx, stream, i ? "tried" : "model", &layer->choices[i]);
    if (layer->best >= 0)
        write_choice(ctx, stream, "best", &layer->choices[layer->best]);
}

void tuned_write(Context *ctx, const TunedFile *file, const char *path)
{
    OutputFile *output = output_open(ctx, path);
    FILE *stream = output_stream(output);
    fprintf(stream, "%stulle %s\n", opening, TULLE_VERSION);
    for (int m = 0; m < file->count; m++) {
        fprintf(stream, "machine %s\n", file->machines[m].name);
        for (int l = 0; l < file->machines[m].count; l++)
            if (file->machines[m].layers[l].count)
                write_layer(ctx, stream, &file->machines[m].layers[l]);
    }
    output_commit(output);
}

/* ---- --tuned ---- */

static const char *machine_list(Context *ctx, const TunedFile *file)
{
    Text text = text_new(ctx->graph);
    for (int i = 0; i < file->count && i < 4; i++)
        text_format(&text, "%s'%s'", i ? ", " : "it is for ", file->machines[i].name);
    return file->count ? text.data : "'tulle tune' writes such files";
}

static const char *quoted(Context *ctx, const char *path)
{
    return text_quote(ctx->graph, path, strlen(path));
}

void tuned_take(Context *ctx, const char *path, const Target *target, PlanOptions *options)
{
    if (access(path, R_OK) != 0)
        fail(ctx, STATUS_USAGE, "--tuned", "'tulle tune MODEL.onnx -o F' writes it", "'%s' cannot be read: %s", quoted(ctx, path), strerror(errno));
    const TunedFile *file = tuned_read(ctx, path);
    const char *title = machine_title(ctx, target, false);
    const TunedMachine *machine = find_machine(file, title);
    if (!machine)
        machine = find_machine(file, machine_title(ctx, target, true));
    if (!machine)
        fail(ctx, STATUS_USAGE, "--tuned", machine_list(ctx, file), "'%s' has nothing that was measured on '%s'", quoted(ctx, path), title);
    TunedChoice *choices = arena_array(ctx->graph, TunedChoice, machine->count + 1);
    int count = 0;
    for (int i = 0; i < machine->count; i++)
        if (machine->layers[i].best >= 0)
            choices[count++] = machine->layers[i].choices[machine->layers[i].best];
    options->tuned = choices;
    options->tuned_count = count;
}

void tuned_check(Context *ctx, const char *path, const Plan *plan)
{
    int layers = 0;
    for (int l = 0; l < plan->layer_count; l++)
        layers += plan->layers[l].kernel != NULL;
    if (plan->tuned_count == 0 && layers > 0)
        fail(ctx, STATUS_USAGE, "--tuned", "layers are known by their shapes, their zeros, and the number of threads: tune this model with these options",
             "'%s' has no layer of this model", quoted(ctx, path));
    if (plan->tuned_count < layers)
        say(ctx, "note: %d of %d layers are as tuned in '%s', the others as the model chose", plan->tuned_count, layers, quoted(ctx, path));
}
