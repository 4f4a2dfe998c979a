/* Reads the letters of samples/glyphs/test.npy with the compiled net, and says how many it got right. Also an example of embedding: the
   model is linked in, the memory is this program's own. samples/demo.sh builds and runs it:  classify test.npy [THREADS] */
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glyphs.h"

enum { PIXELS = GLYPHS_INPUT_0_COUNT, CLASSES = GLYPHS_OUTPUT_0_COUNT, MOST_THREADS = 64 };
static const char names[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabdefghnqrt";   /* as in draw.py */
_Static_assert(sizeof names == CLASSES + 1, "a name for every class");
static alignas(GLYPHS_ALIGNMENT) char workspace[GLYPHS_WORKSPACE_BYTES(MOST_THREADS)];

/* Opens the .npy file behind its header: bytes, a row an image, the label before the pixels. */
static FILE *open_images(const char *path)
{
    unsigned char start[10] = {0};
    char header[1 << 16], shape[32];
    FILE *file = fopen(path, "rb");
    if (!file || fread(start, 1, sizeof start, file) != sizeof start || memcmp(start, "\x93NUMPY\1", 7) != 0) {
        fprintf(stderr, "%s: %s\n", path, file || !errno ? "not a .npy file" : strerror(errno));
        exit(1);
    }
    size_t length = start[8] | (size_t)start[9] << 8;
    size_t got = fread(header, 1, length, file);
    header[got] = 0;
    snprintf(shape, sizeof shape, ", %d)", PIXELS + 1);
    if (got != length || !strstr(header, "'|u1'") || !strstr(header, shape)) {
        fprintf(stderr, "%s: expected bytes, %d a row\n", path, PIXELS + 1);
        exit(1);
    }
    return file;
}

static int classify(const unsigned char *pixels, int threads)
{
    float image[PIXELS], scores[CLASSES];
    for (int i = 0; i < PIXELS; i++)
        image[i] = (float)pixels[i] / 255;
    int status = glyphs_run((const void *[]){image}, (void *[]){scores}, workspace, sizeof workspace, threads);
    if (status != TULLE_OK) {
        fprintf(stderr, "the model failed with status %d\n", status);
        exit(1);
    }
    int best = 0;
    for (int i = 1; i < CLASSES; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

int main(int argc, char **argv)
{
    int threads = argc == 3 ? atoi(argv[2]) : 1;
    if (argc < 2 || argc > 3 || threads < 1 || threads > MOST_THREADS) {
        fprintf(stderr, "usage: %s test.npy [THREADS, at most %d]\n", argv[0], MOST_THREADS);
        return 1;
    }
    FILE *file = open_images(argv[1]);
    unsigned char row[PIXELS + 1];
    int images = 0, right = 0;
    printf("misread:");
    for (; fread(row, 1, sizeof row, file) == sizeof row && row[0] < CLASSES; images++) {
        int found = classify(row + 1, threads);
        right += found == row[0];
        if (found != row[0])
            printf(" %c as %c,", names[row[0]], names[found]);
    }
    fclose(file);
    printf(" all others right\naccuracy: %d of %d images, %.2f %%\n", right, images, 100.0 * right / (images ? images : 1));
    return images ? 0 : 1;
}
