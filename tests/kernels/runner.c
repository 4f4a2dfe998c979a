/* Runs a generated program on the inputs of a file (sizes of inputs and outputs first, since layouts may pad them), its stages in several numbers
   of parts, last part first, and compares the bits. Inputs, outputs and workspace end where memory does; what is written starts as NaNs. The outputs
   go to another file. */
#include PROGRAM_HEADER

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST 4096

static uint64_t input_bytes[MOST], output_bytes[MOST];

static void *guarded(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
    char *memory = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + whole, page, PROT_NONE) != 0) {
        perror("mmap");
        exit(2);
    }
    memset(memory, 0xff, whole);
    return memory + (whole - bytes);
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

static void read_inputs(const struct tulle_model *model, const char *path, void **inputs)
{
    FILE *file = open_or_die(path, "rb");
    size_t left = fread(input_bytes, sizeof *input_bytes, (size_t)model->input_count, file) != (size_t)model->input_count;
    left += fread(output_bytes, sizeof *output_bytes, (size_t)model->output_count, file) != (size_t)model->output_count;
    for (int i = 0; i < model->input_count && left == 0; i++) {
        inputs[i] = guarded(input_bytes[i]);
        left += fread(inputs[i], 1, input_bytes[i], file) != input_bytes[i];
    }
    if (left > 0)
        exit(2);
    fclose(file);
}

static void run(const struct tulle_model *model, void **inputs, void **outputs, int parts)
{
    const size_t bytes = model->workspace_bytes + (size_t)parts * model->thread_bytes;
    char *workspace = guarded(bytes);
    const struct tulle_context context = {.inputs = (const void *const *)inputs, .outputs = outputs, .workspace = workspace};
    for (int i = 0; i < model->output_count; i++)
        outputs[i] = guarded(output_bytes[i]);
    for (int layer = 0; layer < model->layer_count; layer++) {
        const struct tulle_layer *at = &model->layers[layer];
        if (parts == 1 && getenv("TRACE"))
            fprintf(stderr, "%s\n", at->name);
        for (int stage = at->first_stage; stage < at->first_stage + at->stage_count; stage++)
            for (int part = parts - 1; part >= 0; part--)
                model->stages[stage](&context, part, parts);
    }
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
    static void *inputs[MOST], *first[MOST], *other[MOST];
    const struct tulle_model *model = random_model();
    int differences = 0;
    if (argc != 3 || model->input_count > MOST || model->output_count > MOST)
        return 2;
    read_inputs(model, argv[1], inputs);
    run(model, inputs, first, 1);
    for (int parts = 2; parts < 8; parts += parts - 1) {
        run(model, inputs, other, parts);
        differences += compare(model, first, other, parts);
    }
    FILE *file = open_or_die(argv[2], "wb");
    for (int i = 0; i < model->output_count; i++)
        fwrite(first[i], 1, output_bytes[i], file);
    return fclose(file) != 0 || differences > 0;
}
