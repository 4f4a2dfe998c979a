/* Arrays in files: numpy's .npy (versions 1 to 3) and .npz, and text for reports. Shared by the command line and by the executables that
   `tulle build` makes. Needs libc and tulle.h only; C11. Every size that comes from a file is checked before it is used. */
#ifndef TULLE_NPY_H
#define TULLE_NPY_H

#include <stdbool.h>
#include <stdio.h>

#include "tulle.h"

/* ---- npy.c ---- */

typedef struct NpyArray {
    char *name;              /* in an .npz: the member without ".npy"; NULL for a plain .npy */
    enum tulle_type type;
    int rank;
    int64_t dims[8];
    size_t bytes;
    void *data;              /* row-major, little-endian */
} NpyArray;

typedef struct NpyFile {
    NpyArray *arrays;
    int count;
    bool zip;                /* it was an .npz */
} NpyFile;

typedef struct NpyError { char text[256]; } NpyError;
/* Fills it, without control characters (names may come from strangers); returns false. */
__attribute__((format(printf, 2, 3))) bool npy_bad(NpyError *error, const char *format, ...);

/* Reads .npy or .npz, whatever the ending. False: error->text says why, and nothing is left allocated. */
bool npy_load(const char *path, NpyFile *file, NpyError *error);
bool npy_parse(const void *bytes, size_t size, NpyFile *file, NpyError *error);
void npy_free(NpyFile *file);

/* Writes version 1.0; an .npz stores its members unpacked. False: error->text says why. The stream's own errors are for the caller to see. */
bool npy_write(FILE *stream, const NpyArray *array, NpyError *error);

const char *npy_type_name(enum tulle_type type);      /* as numpy says it: "float32"; "?" for none */
int npy_type_bytes(enum tulle_type type);             /* 0 for none */

/* ---- npz.c: the zip around them; reading is npy_load ---- */

enum { NPY_HEADER_MOST = 512 };
size_t npy_header(const NpyArray *array, char text[NPY_HEADER_MOST], NpyError *error);   /* its length; 0: error */
bool npz_parse(const unsigned char *bytes, size_t size, NpyFile *file, NpyError *error);
bool npz_write(FILE *stream, const NpyArray *arrays, int count, NpyError *error);
bool npy_parse_member(const unsigned char *bytes, size_t size, NpyArray *array, NpyError *error);

/* ---- inflate.c ---- */

/* Unpacks a deflate stream. True if it is sound and gives exactly out_bytes bytes. Reads and writes nothing outside the two blocks. */
bool inflate_bytes(const unsigned char *in, size_t in_bytes, unsigned char *out, size_t out_bytes);

/* ---- tensors.c: arrays from files and a model's inputs and outputs ---- */

/* --input and --output take NAME=PATH, or PATH alone. index gets the tensor's number, -1 if PATH stands alone. */
bool tensors_split(const struct tulle_tensor *tensors, int count, const char *argument, int *index, const char **path, NpyError *error);
int tensors_named(const struct tulle_tensor *tensors, int count, const char *name);                   /* -1 if there is none */
bool tensors_check(const struct tulle_tensor *tensor, const NpyArray *array, NpyError *error);      /* type and shape */
/* Takes the data of a file's arrays (their pointers become NULL) to the inputs they belong to: by `index`, by their names, or to the only input. */
bool tensors_take(const struct tulle_tensor *tensors, int count, int index, NpyFile *file, void **inputs, NpyError *error);
void tensors_describe(FILE *stream, const struct tulle_tensor *tensors, int count, const char *indent);   /* a line each: name, type, shape */
/* Reals in [-1, 1), bytes and 16-bit integers of any value, other integers and bools 0 or 1; the same seed gives the same values. */
void tensors_random(const struct tulle_tensor *tensor, uint64_t seed, void *data);
/* For buffers and workspaces, aligned to TULLE_ALIGNMENT; in huge pages where there are such, since large ones need many entries of the TLB. NULL: there
   is none. Given back by free(). */
void *tensors_memory(size_t bytes);
double tensors_element(enum tulle_type type, const void *data, size_t index);
/* What came out, for a person or as JSON: range, mean, the largest elements. */
void tensors_summary(FILE *stream, const struct tulle_tensor *tensors, void *const *data, int count, bool json);

/* ---- bench.c ---- */

enum { BENCH_MOST_RUNS = 1 << 24 };     /* whose times are kept in memory; nothing runs so often in a second */

typedef struct BenchOptions {
    int threads;
    int repeat;        /* whole runs at least, BENCH_MOST_RUNS at most; ten in any case */
    double seconds;    /* ... and so long */
    bool json;
    bool hot;          /* each layer again and again by itself, too */
    bool cold;         /* before each run that is timed the caches are swept, as if other programs had run meanwhile */
} BenchOptions;

typedef struct BenchTime { double least, low, median, high; } BenchTime;      /* seconds; low and high: the quartiles */

typedef struct BenchTimes {
    int runs;
    BenchTime whole;
    BenchTime *layers; /* [layer_count], with the clock read between stages */
    double *hot;       /* [layer_count]: median of the layer alone; NULL: not asked for */
} BenchTimes;

typedef struct BenchSweep { void *memory; size_t bytes; int threads; } BenchSweep;
bool bench_sweep_new(BenchSweep *sweep, int threads);          /* its memory is free()d by the caller; false: there is none */
/* Leaves nothing in the caches of these threads' cores that was there before. */
void bench_sweep(const BenchSweep *sweep);

/* Times the model after warming up. False: out of memory, or status says why; bench_free() in any case. */
bool bench_measure(const struct tulle_model *model, const void *const *inputs, void *const *outputs, const BenchOptions *options, BenchTimes *times,
                   int *status);
void bench_free(BenchTimes *times);
double bench_now(void);                                         /* seconds, of a clock that only goes on */
BenchTime bench_time(double *samples, int count);              /* of one or more, which are sorted */

/* ---- bench_report.c ---- */

/* Of all threads that run it, in a run; below 0: not to be had. CPU time in nanoseconds. */
typedef enum BenchCounter {
    COUNT_CPU, COUNT_CYCLES, COUNT_INSTRUCTIONS, COUNT_L1_MISSES, COUNT_CACHE_MISSES, COUNT_BRANCH_MISSES, COUNT_PAGE_FAULTS, BENCH_COUNTERS
} BenchCounter;
typedef struct BenchCount { double of[BENCH_COUNTERS]; } BenchCount;

typedef struct BenchCounts {
    BenchCount whole, *layers;   /* [layer_count] */
    const char *missing;         /* why some, the processor's own mostly, are not to be had; NULL: all are */
} BenchCounts;

typedef struct BenchAgainst {    /* another engine with the same model, inputs and threads, in turns with ours */
    const char *engine;
    BenchTime ours, theirs;
    int runs;                    /* of each at least */
    double difference, largest;  /* the largest between an element of ours and theirs; of theirs the largest element */
} BenchAgainst;

typedef struct BenchBeside {     /* what only a compiler knows */
    double peak;                 /* FLOP/s of the cores that run it; 0: not known */
    const double *earlier;       /* [layer_count], milliseconds of an earlier run; 0: it was not there; NULL: there is no earlier run */
    double earlier_whole;        /* ... of the run as a whole */
    const BenchCounts *counts;   /* NULL: nothing was counted */
    const BenchAgainst *against; /* NULL: there was no race */
} BenchBeside;

/* A table or JSON. beside: NULL is nothing, and this program is the model alone, so that its memory is the model's. False: out of memory. */
bool bench_report(FILE *stream, const struct tulle_model *model, const BenchOptions *options, const BenchTimes *times, const BenchBeside *beside);
int64_t bench_batch(const struct tulle_model *model);          /* images of a run */
double bench_spread(const BenchTimes *times);                 /* of whole runs: between the quartiles, as a part of the median */

/* ---- report.c ---- */

void report_json_string(FILE *stream, const char *text);      /* quoted; bytes that are not UTF-8 become U+FFFD */
void report_json_number(FILE *stream, double number);         /* null unless finite */
/* A table with columns as wide as their widest cell; the first text_columns are aligned left, the others right. Control characters become '?'. */
void report_table(FILE *stream, const char *const *cells, int rows, int columns, int text_columns);
void report_shape(char *text, size_t size, int rank, const int64_t *dims);   /* "[1,3,224,224]" */

#endif
