/* What 'tulle tune' measured, as text: machines, of each the layers, of each what was tried and which was best. It may be edited and sent around, so
   whatever stands in it is checked. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

enum { MOST_BYTES = 16 << 20, MOST_WORDS = 9, MOST_CHOICES = 1024, LONGEST_WORD = 128 };

static const char opening[] = "# What 'tulle tune' measured, for --tuned F: of each layer the model's choice, what was tried in its place, and the best, which is taken.\n"
                              "# kernel, tiling, layouts in and out, microseconds in the network, over the model's choice: median, interval of 95 %. docs/tune.md\n";

/* ---- machines and layers ---- */

const char *tuned_title(Context *ctx, const Target *target, bool cold)
{
    const Machine *machine = &target->machine;
    const bool probed = strncmp(machine->name, "native", strlen("native")) == 0 && machine->says;
    const char *name = probed ? machine->says : machine->name;
    return arena_format(ctx->graph, "%s, %s, %g core%s%s", text_quote(ctx->graph, name, strlen(name)), target->isa.name, machine->cores, machine->cores > 1 ? "s" : "",
                        cold ? ", cold caches" : "");
}

static TunedMachine *find_machine(const TunedFile *file, const char *title)
{
    for (int i = 0; i < file->count; i++)
        if (!strcmp(file->machines[i].name, title))
            return &file->machines[i];
    return NULL;
}

TunedMachine *tuned_machine(Context *ctx, TunedFile *file, const char *title)
{
    TunedMachine *machine = find_machine(file, title);
    if (machine)
        return machine;
    file->machines = arena_grow(ctx->graph, file->machines, &file->capacity, file->count, sizeof *file->machines);
    file->machines[file->count] = (TunedMachine){.name = title, .version = TULLE_VERSION, .numbers = name_map(ctx->graph)};
    return &file->machines[file->count++];
}

TunedLayer *tuned_layer(Context *ctx, TunedMachine *machine, const char *key)
{
    void **slot = name_slot(&machine->numbers, arena_string(ctx->graph, key, strlen(key)));
    if (!*slot) {
        machine->layers = arena_grow(ctx->graph, machine->layers, &machine->capacity, machine->count, sizeof *machine->layers);
        machine->layers[machine->count] = (TunedLayer){.says = "", .best = -1};
        snprintf(machine->layers[machine->count].key, KEY_BYTES, "%s", key);
        *slot = (void *)(uintptr_t)++machine->count;
    }
    return &machine->layers[(uintptr_t)*slot - 1];
}

/* ---- reading ---- */

typedef struct Reader {
    Context *ctx;
    Arena *words;                    /* of one line */
    TunedFile *file;
    int line;
    TunedMachine *machine;           /* that the lines are of; NULL: none yet */
    TunedLayer *layer;
} Reader;

static _Noreturn void fail_line(const Reader *reader, const char *what, const char *word)
{
    Arena *arena = reader->ctx->graph;
    fail(reader->ctx, STATUS_USAGE, arena_format(arena, "line %d", reader->line), "'tulle tune' writes such files; docs/tune.md describes them", "%s, not '%s'", what,
         text_quote(arena, word, strlen(word)));
}

/* What stands behind a line's first word. It is shown and written again as it is: what cannot be shown has no place in it. */
static const char *rest_behind(const Reader *reader, const char *line, const char *word)
{
    const char *rest = strstr(line, word) + strlen(word);
    rest += strspn(rest, " \t");
    for (size_t length = strlen(rest), at = 0, one; at < length; at += one) {
        one = text_character(rest + at, length - at);
        if (one == 0)
            fail_line(reader, "characters that can be shown are expected", rest);
    }
    return arena_string(reader->ctx->graph, rest, strlen(rest));
}

static double read_number(const Reader *reader, const char *word)
{
    char *end;
    const double number = strtod(word, &end);
    if (end == word || *end || !isfinite(number) || number < 0 || number > 1e15)
        fail_line(reader, "a number is expected behind kernel, tiling and layouts", word);
    return number;
}

static Layout read_layout(const Reader *reader, const char *text)
{
    Layout layout = {0};
    int32_t *const fields[] = {&layout.top, &layout.left, &layout.rows, &layout.pitch, &layout.slack};
    const char *at = text;
    if (!strcmp(text, "plain"))
        return layout;
    for (int i = 0; i < COUNT(fields); i++) {
        char *end;
        errno = 0;
        const long number = strtol(at, &end, 10);
        if (errno || end == at || number < 0 || number > INT32_MAX || *end != (i + 1 < COUNT(fields) ? ',' : '\0'))
            fail_line(reader, "a layout is 'plain', or five whole numbers such as 1,1,58,64,0", text);
        *fields[i] = (int32_t)number;
        at = end + 1;
    }
    return layout;
}

/* "layer KEY says ...". Of two with one key the later counts: files may be put together. */
static void read_layer(Reader *reader, const char *line, const char *key)
{
    if (!reader->machine)
        fail_line(reader, "a line 'machine ...' must stand before the first layer", line);
    if (strlen(key) != KEY_BYTES - 1 || strspn(key, "0123456789abcdef") != KEY_BYTES - 1)
        fail_line(reader, "'layer' is followed by a key of sixteen digits", key);
    reader->layer = tuned_layer(reader->ctx, reader->machine, key);
    reader->layer->says = rest_behind(reader, line, key);
    reader->layer->choices = NULL;
    reader->layer->count = reader->layer->capacity = 0;
    reader->layer->best = -1;
}

bool tuned_same(const TunedChoice *a, const TunedChoice *b)
{
    return !strcmp(a->kernel, b->kernel) && !strcmp(a->tiling, b->tiling) && layout_equal(&a->in, &b->in) && layout_equal(&a->out, &b->out);
}

static const char *read_name(const Reader *reader, const char *word)
{
    if (strlen(word) > LONGEST_WORD)
        fail_line(reader, "a shorter name of a kernel or tiling is expected", word);
    return arena_string(reader->ctx->graph, word, strlen(word));
}

static TunedChoice read_numbers(const Reader *reader, const char *const *words)
{
    TunedChoice choice = {.kernel = read_name(reader, words[1]), .tiling = read_name(reader, words[2]), .in = read_layout(reader, words[3]),
                          .out = read_layout(reader, words[4]), .model = !strcmp(words[0], "model"), .seconds = read_number(reader, words[5]) * 1e-6,
                          .ratio = read_number(reader, words[6]), .low = read_number(reader, words[7]), .high = read_number(reader, words[8])};
    memcpy(choice.key, reader->layer->key, sizeof choice.key);
    return choice;
}

static void read_best(Reader *reader, const char *line, const TunedChoice *choice)
{
    TunedLayer *layer = reader->layer;
    if (layer->best >= 0)
        fail_line(reader, "one best choice of a layer is expected", line);
    for (int i = 0; i < layer->count; i++)
        if (tuned_same(&layer->choices[i], choice))
            layer->best = i;
    if (layer->best < 0)
        fail_line(reader, "the best is one of those that were tried", line);
}

static void read_choice(Reader *reader, const char *line, const char *const *words, int count)
{
    TunedLayer *layer = reader->layer;
    if (!layer)
        fail_line(reader, "a line 'layer ...' must stand before the first choice", line);
    if (count != MOST_WORDS)
        fail_line(reader, "kernel, tiling, two layouts, microseconds and three ratios are expected", line);
    const TunedChoice choice = read_numbers(reader, words);
    if (!strcmp(words[0], "best")) {
        read_best(reader, line, &choice);
        return;
    }
    if (choice.model != (layer->count == 0))
        fail_line(reader, "the model's choice comes first, and once", line);
    if (layer->count == MOST_CHOICES)
        fail_line(reader, "fewer choices of one layer are expected", line);
    layer->choices = arena_grow(reader->ctx->graph, layer->choices, &layer->capacity, layer->count, sizeof *layer->choices);
    layer->choices[layer->count++] = choice;
}

static void read_line(Reader *reader, const char *line)
{
    int count;
    const char *const *words = text_words(reader->words, line, &count);
    const char *word = count ? words[0] : "#";
    if (*word == '#')
        return;
    if (!strcmp(word, "machine") && count > 1) {
        reader->machine = tuned_machine(reader->ctx, reader->file, rest_behind(reader, line, word));
        reader->layer = NULL;
    } else if (!strcmp(word, "tulle") && count == 2 && reader->machine) {
        reader->machine->version = rest_behind(reader, line, word);
    } else if (!strcmp(word, "layer") && count > 1) {
        read_layer(reader, line, words[1]);
    } else if (!strcmp(word, "model") || !strcmp(word, "tried") || !strcmp(word, "best")) {
        read_choice(reader, line, words, count);
    } else {
        fail_line(reader, "lines begin with machine, tulle, layer, model, tried or best", line);
    }
}

static void read_lines(Reader *reader, const char *at, size_t size)
{
    const char *end = at + size;
    if (size > MOST_BYTES)
        fail_line(reader, "at most 16 MB are expected", "more");
    if (memchr(at, '\0', size))
        fail_line(reader, "text is expected", "zeros");
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline ? newline : end;
        const size_t length = (size_t)(line_end - at);
        reader->line++;
        arena_reset(reader->words);
        read_line(reader, arena_string(reader->words, at, length > 0 && at[length - 1] == '\r' ? length - 1 : length));
        at = newline ? newline + 1 : end;
    }
}

/* Whatever makes no sense later (a kernel that there is not, a tiling of another version) is no layer's choice then. */
TunedFile *tuned_read(Context *ctx, const char *path)
{
    struct stat status;
    TunedFile *file = arena_new_of(ctx->graph, TunedFile);
    const char *before = ctx->file;
    if (stat(path, &status) != 0 || (S_ISREG(status.st_mode) && status.st_size == 0))
        return file;
    Reader reader = {.ctx = ctx, .words = arena_new(ctx, "words of a line", MOST_BYTES * (size_t)8), .file = file};
    const FileView view = file_map(ctx, path);
    read_lines(&reader, (const char *)view.data, view.size);
    file_drop(ctx, &view);
    arena_free(reader.words);
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
    fprintf(stream, "layer %s %s\n", layer->key, layer->says);
    for (int i = 0; i < layer->count; i++)
        write_choice(ctx, stream, i ? "tried" : "model", &layer->choices[i]);
    if (layer->best >= 0)
        write_choice(ctx, stream, "best", &layer->choices[layer->best]);
}

void tuned_write(Context *ctx, const TunedFile *file, const char *path)
{
    OutputFile *output = output_open(ctx, path);
    FILE *stream = output_stream(output);
    fputs(opening, stream);
    for (int m = 0; m < file->count; m++) {
        fprintf(stream, "machine %s\ntulle %s\n", file->machines[m].name, file->machines[m].version);
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
    const char *title = tuned_title(ctx, target, false);
    const TunedMachine *machine = find_machine(file, title);
    if (!machine)
        machine = find_machine(file, tuned_title(ctx, target, true));
    if (!machine)
        fail(ctx, STATUS_USAGE, "--tuned", machine_list(ctx, file), "'%s' has nothing that was measured on '%s'", quoted(ctx, path), title);
    if (strcmp(machine->version, TULLE_VERSION))
        say(ctx, "note: '%s' was measured by tulle %s, whose kernels may have been others: tune again", quoted(ctx, path), machine->version);
    TunedChoice *choices = arena_array(ctx->graph, TunedChoice, machine->count + 1);
    int count = 0;
    for (int i = 0; i < machine->count; i++)
        if (machine->layers[i].best >= 0)
            choices[count++] = machine->layers[i].choices[machine->layers[i].best];
    if (count == 0)
        fail(ctx, STATUS_USAGE, "--tuned", "the same 'tulle tune' command goes on from there", "the tuning in '%s' was not finished", quoted(ctx, path));
    options->tuned = choices;
    options->tuned_count = count;
}

void tuned_check(Context *ctx, const char *path, const Plan *plan)
{
    int layers = 0;
    for (int l = 0; l < plan->layer_count; l++)
        layers += plan->layers[l].stage_count > 0;
    if (plan->tuned_count == 0 && layers > 0)
        fail(ctx, STATUS_USAGE, "--tuned", "layers are known by their shapes, their zeros, the batch and the number of threads: tune this model with these options",
             "'%s' has no layer of this model", quoted(ctx, path));
    if (plan->tuned_count < layers)
        say(ctx, "note: %d of %d layers are as tuned in '%s', the others as the model chose", plan->tuned_count, layers, quoted(ctx, path));
}
