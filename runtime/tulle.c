/* The runtime library: runs any model through its struct tulle_model, with or without a clock. Needs a C library's clock_gettime for profiles;
   uses OpenMP if compiled with it. */
#define _POSIX_C_SOURCE 199309L
#include "tulle.h"

#include <time.h>

#include "region.inc"

size_t tulle_workspace_bytes(const struct tulle_model *model, int threads)
{
    return model->workspace_bytes + (threads > 0 ? (size_t)threads : 0) * model->thread_bytes;
}

int tulle_run(const struct tulle_model *model, const void *const *inputs, void *const *outputs, void *workspace, size_t workspace_bytes, int threads)
{
    if (model == NULL)
        return TULLE_NULL_POINTER;
    if (model->abi != TULLE_ABI)
        return TULLE_OTHER_ABI;
    return tulle_region(model, inputs, outputs, workspace, workspace_bytes, threads, NULL, NULL);
}

struct profile {
    double *seconds;
    double before;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void note_time(void *user, int stage)
{
    struct profile *profile = user;
    const double after = now();
    profile->seconds[stage] += after - profile->before;
    profile->before = after;
}

int tulle_profile(const struct tulle_model *model, const void *const *inputs, void *const *outputs, void *workspace, size_t workspace_bytes,
                  int threads, double *seconds)
{
    if (model == NULL || seconds == NULL)
        return TULLE_NULL_POINTER;
    if (model->abi != TULLE_ABI)
        return TULLE_OTHER_ABI;
    for (int stage = 0; stage < model->stage_count; stage++)
        seconds[stage] = 0;
    struct profile profile = {seconds, now()};
    return tulle_region(model, inputs, outputs, workspace, workspace_bytes, threads, note_time, &profile);
}

const char *tulle_status_text(int status)
{
    static const char *const texts[] = {
        [TULLE_OK] = "fine",
        [TULLE_NULL_POINTER] = "an input, an output or the workspace is missing",
        [TULLE_SMALL_WORKSPACE] = "the workspace is too small, or not aligned to 64 bytes",
        [TULLE_BAD_THREADS] = "the number of threads is below 1",
        [TULLE_ASSUMED_INPUT] = "an input that shapes depend on has another value than the one the model was compiled for",
        [TULLE_OTHER_ABI] = "the model was compiled for another generation of the runtime",
    };
    const int count = (int)(sizeof texts / sizeof texts[0]);
    return status >= 0 && status < count ? texts[status] : "unknown status";
}
