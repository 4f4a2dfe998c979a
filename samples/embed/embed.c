/* Two models in one program: `shrink` halves a picture, `glyphs` reads the letter on it. build.sh makes libshrink.a, libglyphs.a and this. */
#include <stdalign.h>
#include <stdio.h>

#include "glyphs.h"
#include "shrink.h"

/* One after the other, so one workspace serves both: here one larger than either needs. */
static alignas(TULLE_ALIGNMENT) char workspace[SHRINK_WORKSPACE_BYTES(1) + GLYPHS_WORKSPACE_BYTES(1)];
static float picture[56][56], small[GLYPHS_INPUT_0_COUNT], scores[GLYPHS_OUTPUT_0_COUNT];

int main(void)
{
    for (int y = 10; y < 46; y++)       /* a bright T on black */
        for (int x = 12; x < 44; x++)
            picture[y][x] = y < 16 || (x > 24 && x < 31) ? 0.9f : 0;

    int status = shrink_run((const void *[]){picture}, (void *[]){small}, workspace, sizeof workspace, 1);
    if (status == TULLE_OK)
        status = glyphs_run((const void *[]){small}, (void *[]){scores}, workspace, sizeof workspace, 1);
    if (status != TULLE_OK)
        return fprintf(stderr, "failed with status %d\n", status), 1;

    int best = 0;
    for (int i = 1; i < GLYPHS_OUTPUT_0_COUNT; i++)
        if (scores[i] > scores[best])
            best = i;
    printf("C reads %c\n", "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabdefghnqrt"[best]);
    return 0;
}
