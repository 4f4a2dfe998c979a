/* A model driven by threads of one's own: every worker calls its share of each stage, and all meet at a barrier between stages. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "glyphs.h"

enum { WORKERS = 3 };

static const struct tulle_model *model;
static struct tulle_context common;
static pthread_barrier_t barrier;

static void *work(void *part)
{
    struct tulle_context context = common;
    for (; context.slice < model->slices; context.slice++)
        for (int stage = 0; stage < model->stage_count; stage++) {
            model->stages[stage](&context, *(int *)part, WORKERS);
            pthread_barrier_wait(&barrier);
        }
    return NULL;
}

static void run_with_pool(void)
{
    pthread_t threads[WORKERS];
    int parts[WORKERS];
    pthread_barrier_init(&barrier, NULL, WORKERS);
    for (int i = 0; i < WORKERS; i++) {
        parts[i] = i;
        if (pthread_create(&threads[i], NULL, work, &parts[i]) != 0)
            abort();        /* the others would wait for it for ever */
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

int main(void)
{
    static float image[GLYPHS_INPUT_0_COUNT], scores[GLYPHS_OUTPUT_0_COUNT], alone[GLYPHS_OUTPUT_0_COUNT];
    for (int i = 0; i < GLYPHS_INPUT_0_COUNT; i++)
        image[i] = (float)(i % 29) / 29;
    char *workspace = aligned_alloc(GLYPHS_ALIGNMENT, GLYPHS_WORKSPACE_BYTES(WORKERS));
    if (!workspace)
        return 1;
    const void *inputs[] = {image};
    void *outputs[] = {scores};
    common = (struct tulle_context){.inputs = inputs, .outputs = outputs, .workspace = workspace};
    model = glyphs_model();
    if (model->abi != TULLE_ABI || model->check(&common) != TULLE_OK)
        return 1;
    run_with_pool();

    /* The number of threads changes nothing, not even the last bit. */
    int status = glyphs_run(inputs, (void *[]){alone}, workspace, GLYPHS_WORKSPACE_BYTES(1), 1);
    int different = 0;
    for (int i = 0; i < GLYPHS_OUTPUT_0_COUNT; i++)
        different += scores[i] != alone[i];
    printf("a pool of %d threads: %d stages, %d of %d results differ from one thread's\n", WORKERS, model->stage_count, different,
           GLYPHS_OUTPUT_0_COUNT);
    free(workspace);
    return status != TULLE_OK || different;
}
