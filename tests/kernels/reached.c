/* Counts of the tilings that random layers had, and of those that were tried. */
#define _GNU_SOURCE                  /* strverscmp */
#include "reached.h"
#include "compiler/base/base.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ISAS = 8, WORD = 32 };

typedef struct Row {
    char kernel[WORD], tiling[WORD];
    long offered, drawn[MOST_ISAS], padded;      /* padded: drawn with a padded input */
} Row;

typedef struct Programs {
    char isa[WORD];
    long copies, padded_inputs, padded_outputs;
} Programs;

struct Reached {
    Row *rows;
    int count, capacity;
    Programs programs[MOST_ISAS];
    int isa_count;
};

Reached *reached_new(void)
{
    return calloc(1, sizeof(Reached));
}

void reached_free(Reached *reached)
{
    free(reached->rows);
    free(reached);
}

static int isa_number(Reached *reached, const char *isa)
{
    int i = 0;
    while (i < reached->isa_count && strcmp(reached->programs[i].isa, isa) != 0)
        i++;
    if (i == reached->isa_count && i + 1 < MOST_ISAS)
        snprintf(reached->programs[reached->isa_count++].isa, WORD, "%s", isa);
    return i;
}

static Row *row_of(Reached *reached, const char *kernel, const char *tiling)
{
    for (int i = 0; i < reached->count; i++)
        if (strcmp(reached->rows[i].tiling, tiling) == 0 && strcmp(reached->rows[i].kernel, kernel) == 0)
            return &reached->rows[i];
    if (reached->count == reached->capacity) {
        reached->capacity = 2 * reached->capacity + 64;
        reached->rows = realloc(reached->rows, (size_t)reached->capacity * sizeof *reached->rows);
    }
    Row *row = &reached->rows[reached->count++];
    *row = (Row){0};
    snprintf(row->kernel, WORD, "%s", kernel);
    snprintf(row->tiling, WORD, "%s", tiling);
    return row;
}

void reached_read(Reached *reached, FILE *file)
{
    char isa[WORD], kernel[WORD], tiling[WORD];
    long first, second;
    rewind(file);
    while (fscanf(file, "%31s %31s %31s %ld %ld", isa, kernel, tiling, &first, &second) == 5) {
        const int number = isa_number(reached, isa);
        if (strcmp(kernel, "-") == 0) {
            reached->programs[number].copies += atol(tiling);
            reached->programs[number].padded_inputs += first;
            reached->programs[number].padded_outputs += second;
            continue;
        }
        Row *row = row_of(reached, kernel, tiling);
        row->offered++;
        row->drawn[number] += first;
        row->padded += first * second;
    }
}

static int by_name(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    return strcmp(x->kernel, y->kernel) != 0 ? strcmp(x->kernel, y->kernel) : strverscmp(x->tiling, y->tiling);
}

static bool print_row(const Reached *reached, const Row *row)
{
    long drawn = 0;
    printf("%-16s %-14s", row->kernel, row->tiling);
    for (int i = 0; i < reached->isa_count; i++) {
        printf(" %8ld", row->drawn[i]);
        drawn += row->drawn[i];
    }
    printf(" %8ld %8ld%s\n", row->padded, row->offered, drawn == 0 ? "  never drawn" : "");
    return drawn > 0;
}

static void print_table(Reached *reached)
{
    int missed = 0;
    qsort(reached->rows, (size_t)reached->count, sizeof *reached->rows, by_name);
    printf("%-16s %-14s", "kernel", "tiling");
    for (int i = 0; i < reached->isa_count; i++)
        printf(" %8s", reached->programs[i].isa);
    printf(" %8s %8s\n", "padded", "there");
    for (int i = 0; i < reached->count; i++)
        missed += !print_row(reached, &reached->rows[i]);
    printf("%d tilings of all kernels, %d of them never drawn\n", reached->count, missed);
}

void reached_print(Reached *reached, bool table)
{
    if (table)
        print_table(reached);
    for (int i = 0; i < reached->isa_count; i++) {
        const Programs *programs = &reached->programs[i];
        printf("%s: %ld layers with a kernel of their own, %ld read padded, %ld left padded\n", programs->isa, programs->copies,
               programs->padded_inputs, programs->padded_outputs);
    }
}
