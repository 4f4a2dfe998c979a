/* tulle verify: cases (folders of test data, or seeded random inputs), each run as users run it and walked stage by stage. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/cli/cli.h"

/* As in ONNX's own tests. */
static const double output_relative = 1e-3, output_absolute = 1e-7;
enum { SEED = 1, THREADS_TRIED = 3 };

typedef struct Case {
    const char *name, *folder;           /* folder NULL: random inputs */
    void **inputs;
    const void **expected;               /* outputs by number, NULL where the folder has none; NULL itself: there are none at all */
    Walk walk;
    bool walked;
    const char *fault;                   /* the first thing that is wrong, as a sentence; NULL: nothing */
    double largest;                      /* difference to the expected outputs */
} Case;

typedef struct Verify {
    Context *ctx;
    const Options *options;
    const Plan *plan;
    const struct tulle_model *model;     /* inputs and outputs */
    const Program *program;
    Case *cases;
    int case_count;
    int threads[THREADS_TRIED + 1], threads_count;   /* the user's first, if there is one */
} Verify;

/* ---- cases ---- */

static int by_number(const void *a, const void *b)
{
    const char *x = ((const Case *)a)->folder, *y = ((const Case *)b)->folder;
    size_t i = strlen(x), j = strlen(y);
    return i != j ? (i > j) - (i < j) : strcmp(x, y);
}

static void add_case(Verify *verify, int *capacity, const char *folder)
{
    Arena *arena = verify->ctx->graph;
    verify->cases = arena_grow(arena, verify->cases, capacity, verify->case_count, sizeof *verify->cases);
    const char *name = folder;
    if (folder) {
        size_t length = strlen(folder);
        while (length > 1 && folder[length - 1] == '/')
            length--;
        name = folder = arena_string(arena, folder, length);
        name = strrchr(folder, '/') && strrchr(folder, '/')[1] ? strrchr(folder, '/') + 1 : folder;
    }
    verify->cases[verify->case_count++] = (Case){.folder = folder, .name = folder ? text_quote(arena, name, strlen(name)) : "random inputs"};
}

/* Folders named test_data_set_N beside the model. */
static void find_cases(Verify *verify, int *capacity, const char *model)
{
    const char *folder = path_folder(verify->ctx->graph, model);
    DIR *listing = opendir(*folder ? folder : ".");
    if (!listing)
        return;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (!strncmp(entry->d_name, "test_data_set_", 14))
            add_case(verify, capacity, arena_format(verify->ctx->graph, "%s%s", folder, entry->d_name));
    closedir(listing);
    if (verify->case_count)
        qsort(verify->cases, (size_t)verify->case_count, sizeof *verify->cases, by_number);
}

/* The file for tensor `index` of a folder: input_2.pb or input_2.npy; NULL if there is none. */
static const char *case_file(Context *ctx, const char *folder, const char *kind, int index)
{
    static const char *const endings[] = {"pb", "npy"};
    for (int i = 0; i < COUNT(endings); i++) {
        const char *path = arena_format(ctx->graph, "%s/%s_%d.%s", folder, kind, index, endings[i]);
        if (access(path, F_OK) == 0)
            return path;
    }
    return NULL;
}

/* What does not fit is a bad file among the inputs, and a mismatch among the outputs. Files count from 0; each belongs to the tensor whose name it carries, else to that of its number. */
static void load_files(Verify *verify, const Case *one, const char *kind, const struct tulle_tensor *tensors, int count, void **data,
                       Status misfit)
{
    Context *ctx = verify->ctx;
    const char *path, *model_file = ctx->file;
    for (int i = 0; (path = case_file(ctx, one->folder, kind, i)) != NULL; i++) {
        ctx->file = NULL;
        NpyFile file = data_read(ctx, path);
        ctx->file = model_file;
        NpyArray *array = &file.arrays[0];
        int index = array->name ? tensors_named(tensors, count, array->name) : -1;
        NpyError error;
        if (index < 0)
            index = i;
        if (index >= count)
            continue;                    /* for an input that the model does not use */
        if (!tensors_check(&tensors[index], array, &error))
            fail(ctx, misfit, text_quote(ctx->graph, path, strlen(path)), NULL, "%s", error.text);
        data[index] = array->data;
    }
}

static bool any_of(void *const *data, int count)
{
    for (int i = 0; i < count; i++)
        if (data[i])
            return true;
    return false;
}

static void load_case(Verify *verify, Case *one)
{
    Context *ctx = verify->ctx;
    one->inputs = arena_array(ctx->graph, void *, verify->model->input_count + 1);
    if (one->folder) {
        void **expected = arena_array(ctx->graph, void *, verify->model->output_count + 1);
        load_files(verify, one, "input", verify->model->inputs, verify->model->input_count, one->inputs, STATUS_MODEL);
        load_files(verify, one, "output", verify->model->outputs, verify->model->output_count, expected, STATUS_MISMATCH);
        if (any_of(expected, verify->model->output_count))
            one->expected = (const void **)expected;
        for (int i = 0; i < verify->model->input_count; i++)
            if (!one->inputs[i])
                fail(ctx, STATUS_MODEL, text_quote(ctx->graph, one->folder, strlen(one->folder)),
                     "a folder of test data has input_0.pb ... and output_0.pb ..., or .npy", "has no input_%d.pb for input '%s'", i,
                     text_quote(ctx->graph, verify->model->inputs[i].name, strlen(verify->model->inputs[i].name)));
    }
    data_random(verify->plan->whole, verify->model, SEED, one->inputs);
}

static void load_cases(Verify *verify, const char *model)
{
    int capacity = 0;
    const Strings *arguments = &verify->options->arguments;
    for (int i = 1; i < arguments->count; i++)
        add_case(verify, &capacity, arguments->items[i]);
    if (arguments->count <= 1)
        find_cases(verify, &capacity, model);
    if (!verify->case_count)
        add_case(verify, &capacity, NULL);
    for (int i = 0; i < verify->case_count; i++)
        load_case(verify, &verify->cases[i]);
}

/* ---- running ---- */

static void **new_outputs(const Verify *verify)
{
    void **outputs = arena_array(verify->ctx->graph, void *, verify->model->output_count + 1);
    for (int i = 0; i < verify->model->output_count; i++)
        outputs[i] = program_memory(verify->ctx, verify->model->outputs[i].bytes);
    return outputs;
}

static void drop_outputs(const Verify *verify, void *const *outputs)
{
    for (int i = 0; i < verify->model->output_count; i++)
        program_release(outputs[i], verify->model->outputs[i].bytes);
}

static const char *quoted_name(const Verify *verify, const char *name)
{
    return text_quote(verify->ctx->graph, name, strlen(name));
}

const char *difference_text(Arena *arena, const Shape *shape, const Difference *difference)
{
    return arena_format(arena, "%s is %.9g, expected %.9g, allowed difference %.2g (%lld of %lld elements differ)", index_text(arena, shape, difference->index),
                        difference->found, difference->expected, difference->allowed, (long long)difference->count, (long long)shape_count(shape));
}

/* Bit for bit. */
static void compare_outputs(Verify *verify, Case *one, void *const *outputs, void *const *others, const char *what)
{
    for (int i = 0; i < verify->model->output_count && !one->fault; i++)
        if (verify->model->outputs[i].bytes && memcmp(outputs[i], others[i], verify->model->outputs[i].bytes))
            one->fault = arena_format(verify->ctx->graph, "output '%s' differs between %s", quoted_name(verify, verify->model->outputs[i].name), what);
}

static void compare_threads(Verify *verify, Case *one, void *const *inputs, void *const *first)
{
    for (int t = 1; t < verify->threads_count && !one->fault; t++) {
        void **outputs = new_outputs(verify);
        program_run(verify->ctx, verify->program, inputs, outputs, verify->threads[t]);
        compare_outputs(verify, one, outputs, first, arena_format(verify->ctx->graph, "%d and %d threads", verify->threads[0], verify->threads[t]));
        drop_outputs(verify, outputs);
    }
}

static void compare_expected(Verify *verify, Case *one, void *const *outputs)
{
    for (int i = 0; i < verify->model->output_count; i++) {
        const Value *value = verify->plan->whole->outputs[i];
        if (!one->expected || !one->expected[i])
            continue;
        Difference difference = compare_tensors(value->type, one->expected[i], outputs[i], shape_count(&value->shape), output_relative, output_absolute, NULL);
        one->largest = fmax(one->largest, difference.largest);
        if (difference.index >= 0 && !one->fault)
            one->fault = arena_format(verify->ctx->graph, "output '%s' is not what the test data says: %s", quoted_name(verify, value->name),
                                      difference_text(verify->ctx->graph, &value->shape, &difference));
    }
}

/* Into outputs of its own, which are kept: the walk must not find what an earlier run left there. */
static void **walk_case(Verify *verify, Case *one, void *const *inputs)
{
    void **outputs = new_outputs(verify);
    one->walk = stages_walk(verify->ctx, verify->plan, verify->program, inputs, outputs, verify->options->tolerance, -1);
    one->walked = true;
    const Walk *walk = &one->walk;
    one->fault = walk->fault;
    if (walk->wrong)
        one->fault = arena_format(verify->ctx->graph, "%s, kernel %s, differs from the reference on the same inputs: '%s'%s", node_where(verify->plan->graph, walk->wrong),
                                  walk->kernel, quoted_name(verify, walk->value->name), difference_text(verify->ctx->graph, &walk->value->shape, &walk->difference));
    return outputs;
}

/* The walk first: a crash is then told with its layer. */
static void run_case(Verify *verify, Case *one)
{
    void **inputs = program_guard(verify->ctx, verify->model, one->inputs), **outputs = new_outputs(verify), **walked = NULL;
    if (!verify->options->quick || !one->expected)
        walked = walk_case(verify, one, inputs);
    program_run(verify->ctx, verify->program, inputs, outputs, verify->threads[0]);
    if (walked != NULL) {
        compare_outputs(verify, one, outputs, walked, arena_format(verify->ctx->graph, "%d thread%s and layer after layer", verify->threads[0],
                                                                   verify->threads[0] == 1 ? "" : "s"));
        drop_outputs(verify, walked);
    }
    compare_threads(verify, one, inputs, outputs);
    compare_expected(verify, one, outputs);
    drop_outputs(verify, outputs);
    program_unguard(verify->model, inputs);
}

/* ---- telling ---- */

static void print_case(const Verify *verify, const Case *one)
{
    printf("%s: %s", one->name, one->fault ? "DIFFERS" : "fine");
    if (one->walked)
        printf(", %d layer%s", one->walk.layers, one->walk.layers == 1 ? "" : "s");
    if (one->walked && one->walk.drift_node)
        printf(", drift at most %.1e of a layer's largest element (%s)", one->walk.drift, quoted_name(verify, one->walk.drift_node->name));
    if (one->expected)
        printf(", outputs within %.1e", one->largest);
    printf("\n");
}

static void print_string(const char *before, const char *name, const char *text)
{
    printf("%s\"%s\": ", before, name);
    report_json_string(stdout, text);
}

static void print_number(const char *name, double number)
{
    printf(", \"%s\": ", name);
    report_json_number(stdout, number);
}

static void print_wrong(Arena *arena, const Walk *walk)
{
    print_string(", ", "layer", walk->wrong->name);
    print_string(", ", "kernel", walk->kernel);
    print_string(", ", "tensor", walk->value->name);
    printf(", \"index\": %s", index_text(arena, &walk->value->shape, walk->difference.index));
    print_number("expected", walk->difference.expected);
    print_number("found", walk->difference.found);
    print_number("allowed", walk->difference.allowed);
}

static void print_json_case(const Verify *verify, const Case *one)
{
    print_string("\n  {", "name", one->name);
    fputs(one->fault ? ", \"passed\": false" : ", \"passed\": true", stdout);
    if (one->walked) {
        printf(", \"layers\": %d", one->walk.layers);
        print_number("drift", one->walk.drift);
    }
    if (one->expected)
        print_number("largest_difference", one->largest);
    if (one->fault)
        print_string(", ", "fault", one->fault);
    if (one->walk.wrong)
        print_wrong(verify->ctx->graph, &one->walk);
    fputs("}", stdout);
}

static void print_json(const Verify *verify, const char *model)
{
    print_string("{", "model", model);
    print_string(", ", "target", verify->plan->target->machine.name);
    fputs(", \"threads\": [", stdout);
    for (int i = 0; i < verify->threads_count; i++)
        printf("%s%d", i ? ", " : "", verify->threads[i]);
    fputs("], \"cases\": [", stdout);
    for (int i = 0; i < verify->case_count; i++) {
        fputs(i ? "," : "", stdout);
        print_json_case(verify, &verify->cases[i]);
    }
    fputs("]}\n", stdout);
}

static void choose_threads(Verify *verify)
{
    const int asked = (int)verify->options->threads;
    if (asked)
        verify->threads[verify->threads_count++] = asked;
    for (int t = 1; t <= THREADS_TRIED; t++)
        if (t != asked)
            verify->threads[verify->threads_count++] = t;
}

Status verify_command(Context *ctx, const Options *options)
{
    Options first = *options;
    first.arguments.count = options->arguments.count ? 1 : 0;
    const char *model = driver_model(ctx, &first);
    Verify verify = {.ctx = ctx, .options = options, .plan = driver_plan(ctx, options, model)};
    verify.model = data_model(verify.plan->whole);
    choose_threads(&verify);
    load_cases(&verify, model);
    verify.program = program_load(ctx, options, verify.plan);
    for (int i = 0; i < verify.case_count; i++) {
        Case *one = &verify.cases[i];
        run_case(&verify, one);
        if (!options->json)
            print_case(&verify, one);
        if (one->fault)
            complain(ctx, STATUS_MISMATCH, one->name, NULL, "%s", one->fault);
    }
    if (options->json)
        print_json(&verify, model);
    fflush(stdout);
    fail_complaints(ctx);
    return STATUS_FINE;
}
