/* How kernels fill their counts in. */
#include "compiler/plan/plan.h"

#include <assert.h>

StageWork *work_stage(Work *work)
{
    assert(work->stage_count < MAX_STAGES);
    StageWork *stage = &work->stages[work->stage_count++];
    *stage = (StageWork){0};
    return stage;
}

LaunchWork *work_launch(Work *work)
{
    assert(work->stage_count < MAX_STAGES);
    LaunchWork *launch = &work->launches[work->stage_count++];
    *launch = (LaunchWork){0};
    return launch;
}

static void add_traffic(StageWork *stage, Traffic traffic)
{
    if (traffic.bytes <= 0)
        return;
    assert(stage->traffic_count < MAX_TRAFFIC);
    stage->traffic[stage->traffic_count++] = traffic;
}

void stage_touch(StageWork *stage, Touch touch, double bytes)
{
    add_traffic(stage, (Traffic){touch, bytes, 0});
}

void stage_touch_again(StageWork *stage, double bytes, double distance)
{
    add_traffic(stage, (Traffic){TOUCH_AGAIN, bytes, distance});
}
