/* The sweep of cold runs: every line of its memory is touched, and once, however many threads share it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/npy.h"

enum { LINE = 64 };

static void check_sweep(size_t lines, int threads)
{
    unsigned char *memory = tensors_memory(lines * LINE);
    assert_non_null(memory);
    memset(memory, 0, lines * LINE);
    bench_sweep(&(BenchSweep){memory, lines * LINE, threads});
    for (size_t i = 0; i < lines * LINE; i++)
        assert_int_equal(memory[i], i % LINE == 0);
    free(memory);
}

static void all_lines_once(void **unused)
{
    (void)unused;
    for (size_t lines = 1; lines <= 24; lines++)
        for (int threads = 1; threads <= 7; threads++)
            check_sweep(lines, threads);
}

static void more_than_the_caches(void **unused)
{
    (void)unused;
    BenchSweep sweep;
    assert_true(bench_sweep_new(&sweep, 2));
    assert_true(sweep.bytes >= (size_t)64 << 20 && sweep.threads == 2);
    free(sweep.memory);
    bench_sweep(&(BenchSweep){.memory = NULL});      /* hot runs have none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_lines_once), cmocka_unit_test(more_than_the_caches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
