/* Runs each stage of a generated program once, one instruction at a time, and writes how often each instruction ran: lines "layer stage address
   count". The program runs in a child of its own under ptrace. Exit code 77: this system does not let us. x86-64 only. */
#include PROGRAM_HEADER

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77
#define SLOTS (1 << 16)

/* ---- the child ---- */

static volatile int at_layer, at_stage;

__attribute__((noinline)) static void begin_counting(void)
{
    __asm__ volatile("int3");
}

__attribute__((noinline)) static void end_counting(void)
{
    __asm__ volatile("nop");
}

static void *aligned(size_t bytes)
{
    char *memory = aligned_alloc(64, (bytes + 4159) / 64 * 64);
    for (size_t i = 0; memory && i < bytes / sizeof(float); i++)
        ((float *)(void *)memory)[i] = (float)((i * 37) % 101) / 50 - 1;
    return memory;
}

static void run(const struct tulle_model *model)
{
    const void **inputs = calloc((size_t)model->input_count + 1, sizeof *inputs);
    void **outputs = calloc((size_t)model->output_count + 1, sizeof *outputs);
    for (int i = 0; i < model->input_count; i++)
        inputs[i] = aligned(model->inputs[i].bytes);
    for (int i = 0; i < model->output_count; i++)
        outputs[i] = aligned(model->outputs[i].bytes);
    const struct tulle_context context = {inputs, outputs, aligned(model->workspace_bytes + model->thread_bytes), 0};
    for (at_layer = 0; at_layer < model->layer_count; at_layer++)
        for (at_stage = 0; at_stage < model->layers[at_layer].stage_count; at_stage++) {
            tulle_stage *const stage = model->stages[model->layers[at_layer].first_stage + at_stage];
            stage(&context, 0, 1);    /* addresses of the library's functions are found now */
            begin_counting();
            stage(&context, 0, 1);
            end_counting();
        }
}

/* ---- the parent ---- */

typedef struct Histogram {
    unsigned long long address[SLOTS], count[SLOTS];
} Histogram;

static Histogram histogram;

static void note(unsigned long long address)
{
    size_t slot = (size_t)(address * 0x9e3779b97f4a7c15u >> 48);
    while (histogram.count[slot] > 0 && histogram.address[slot] != address)
        slot = (slot + 1) % SLOTS;
    histogram.address[slot] = address;
    histogram.count[slot]++;
}

static unsigned long long register_of(pid_t child)
{
    return (unsigned long long)ptrace(PTRACE_PEEKUSER, child, offsetof(struct user_regs_struct, rip), NULL);
}

static void step_through(pid_t child, int layer, int stage)
{
    int status = 0;
    unsigned long long at = 0;
    memset(&histogram, 0, sizeof histogram);
    while (at != (unsigned long long)(size_t)end_counting) {
        if (at != 0)
            note(at);
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
            exit(2);
        at = register_of(child);
    }
    for (size_t i = 0; i < SLOTS; i++)
        if (histogram.count[i] > 0)
            printf("%d %d %llx %llu\n", layer, stage, histogram.address[i], histogram.count[i]);
}

int main(void)
{
    const struct tulle_model *model = counted_model();
    const pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(SKIPPED);
        run(model);
        _exit(0);
    }
    for (;;) {
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child)
            return SKIPPED;
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
            return 2;
        const int layer = (int)ptrace(PTRACE_PEEKDATA, child, (void *)(size_t)&at_layer, NULL);
        const int stage = (int)ptrace(PTRACE_PEEKDATA, child, (void *)(size_t)&at_stage, NULL);
        step_through(child, layer, stage);
        ptrace(PTRACE_CONT, child, NULL, NULL);
    }
}
