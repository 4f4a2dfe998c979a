/* Runs a generated program on the inputs of a file (sizes of inputs and outputs first, since layouts may pad them), its stages in several numbers
   of parts, last part first, and compares the bits. Inputs, outputs and workspace end where memory does, or begin there; what is written starts as
   NaNs, inputs cannot be written. The outputs go to another file. */
#include PROGRAM_HEADER

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST 4096

static uint64_t input_bytes[MOST], output_bytes[MOST];

static const char *running;          /* a layer */

static void crashed(int number)
{
    static const char says[] = ": touched memory that is not its own, or crashed otherwise\n";
    if (write(2, running, strlen(running)) < 0 || write(2, says, sizeof says - 1) < 0)
        _exit(3);
    _exit(128 + number);
}

/* Memory between two pages that nobody may touch: at its end, or at its beginning. */
static void *guarded(size_t bytes, int at_end)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
    char *memory = mmap(NULL, whole + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || (whole > 0 && mprotect(memory + page, whole, PROT_READ | PROT_WRITE) != 0)) {
        perror("mmap");
        exit(2);
    }
    memset(memory + page, 0xff, whole);
    return memory + page + (at_end ? whole - bytes : 0);
}

static FILE *open_or_die(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (!file) {
        perror(path);
        exit(2);
    }
    return file;
}

static void *read_only(FILE *file, size_t bytes, int at_end)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = guarded(bytes, at_end);
    if (fread(memory, 1, bytes, file) != bytes)
        exit(2);
    if (bytes > 0)
        mprotect((void *)((uintptr_t)memory / page * page), (bytes + page - 1) / page * page, PROT_READ);
    return memory;
}

static void read_inputs(const struct tulle_model *model, const char *path, void **inputs, int at_end)
{
    FILE *file = open_or_die(path, "rb");
    if (fread(input_bytes, sizeof *input_bytes, (size_t)model->input_count, file) != (size_t)model->input_count ||
        fread(output_bytes, sizeof *output_bytes, (size_t)model->output_count, file) != (size_t)model->output_count)
        exit(2);
    for (int i = 0; i < model->input_count; i++)
        inputs[i] = read_only(file, input_bytes[i], at_end);
    fclose(file);
}

/* The workspace is one stretch of memory, aligned at both ends. */
static void run(const struct tulle_model *model, void **inputs, void **outputs, int parts, int at_end)
{
    char *workspace = guarded(model->workspace_bytes + (size_t)parts * model->thread_bytes, at_end);
    const struct tulle_context context = {.inputs = (const void *const *)inputs, .outputs = outputs, .workspace = workspace};
    for (int i = 0; i < model->output_count; i++)
        outputs[i] = guarded(output_bytes[i], at_end);
    for (int layer = 0; layer < model->layer_count; layer++) {
        const struct tulle_layer *at = &model->layers[layer];
        running = at->name;
        for (int stage = at->first_stage; stage < at->first_stage + at->stage_count; stage++)
            for (int part = parts - 1; part >= 0; part--)
                model->stages[stage](&context, part, parts);
    }
    running = "between layers";
}

static int compare(const struct tulle_model *model, void **first, void **other, int parts)
{
    int differences = 0;
    for (int i = 0; i < model->output_count; i++) {
        if (memcmp(first[i], other[i], output_bytes[i]) == 0)
            continue;
        printf("%s: other bits in %d parts\n", model->outputs[i].name, parts);
        differences++;
    }
    return differences;
}

int main(int argc, char **argv)
{
    static void *inputs[2][MOST], *first[MOST], *other[MOST];
    const struct tulle_model *model = random_model();
    int differences = 0;
    if (argc != 3 || model->input_count > MOST || model->output_count > MOST)
        return 2;
    signal(SIGSEGV, crashed);
    signal(SIGBUS, crashed);
    signal(SIGILL, crashed);
    for (int at_end = 0; at_end < 2; at_end++)
        read_inputs(model, argv[1], inputs[at_end], at_end);
    run(model, inputs[1], first, 1, 1);
    for (int parts = 2; parts < 8; parts += parts - 1) {     /* 2, 3, 5 */
        const int at_end = parts == 3;
        run(model, inputs[at_end], other, parts, at_end);
        differences += compare(model, first, other, parts);
    }
    FILE *file = open_or_die(argv[2], "wb");
    for (int i = 0; i < model->output_count; i++)
        fwrite(first[i], 1, output_bytes[i], file);
    return fclose(file) != 0 || differences > 0;
}
