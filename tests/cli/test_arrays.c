/* Arrays in files: what is written is read back, hand-made and damaged bytes are read or refused, and nothing outside the bytes is touched
   (the sanitized build sees to that: every input is a block of its exact size). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/npy.h"
#include "deflated.inc"

/* ---- helpers ---- */

typedef struct Bytes { unsigned char *data; size_t size; } Bytes;

static Bytes bytes_of(const void *data, size_t size)
{
    Bytes bytes = {malloc(size ? size : 1), size};
    assert_non_null(bytes.data);
    memcpy(bytes.data, data, size);
    return bytes;
}

static Bytes written(const NpyArray *arrays, int count, bool zip)
{
    NpyError error;
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_true(zip ? npz_write(stream, arrays, count, &error) : npy_write(stream, arrays, &error));
    fclose(stream);
    Bytes bytes = bytes_of(text, size);
    free(text);
    return bytes;
}

static uint32_t state = 1;

static uint32_t random_below(uint32_t limit)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)state * limit >> 32);
}

static NpyArray sample(enum tulle_type type, unsigned char *data)
{
    NpyArray array = {.name = (char *)(uintptr_t)"x", .type = type, .rank = 3, .dims = {2, 3, 5}, .data = data};
    array.bytes = 30 * (size_t)npy_type_bytes(type);
    for (size_t i = 0; i < array.bytes; i++)
        data[i] = (unsigned char)(type == TULLE_BOOL ? i % 2 : i * 37);
    return array;
}

/* A version 1 file with this header and this many bytes of data. */
static Bytes file_with_header(const char *header, size_t data_bytes)
{
    size_t length = strlen(header);
    Bytes bytes = {calloc(10 + length + data_bytes, 1), 10 + length + data_bytes};
    memcpy(bytes.data, "\x93NUMPY\1", 8);
    bytes.data[8] = (unsigned char)length;
    bytes.data[9] = (unsigned char)(length >> 8);
    memcpy(bytes.data + 10, header, length);
    return bytes;
}

static bool parses(Bytes bytes, NpyFile *file)
{
    NpyError error = {""};
    bool fine = npy_parse(bytes.data, bytes.size, file, &error);
    assert_true(fine || error.text[0]);
    free(bytes.data);
    return fine;
}

static void assert_refused(Bytes bytes)
{
    NpyFile file;
    assert_false(parses(bytes, &file));
    assert_null(file.arrays);
}

/* ---- .npy ---- */

static void every_type_comes_back(void **unused)
{
    (void)unused;
    for (int type = TULLE_F32; type <= TULLE_BOOL; type++) {
        unsigned char data[30 * 8];
        NpyArray array = sample((enum tulle_type)type, data);
        for (int zip = 0; zip < 2; zip++) {
            NpyFile file;
            assert_true(parses(written(&array, 1, zip), &file));
            assert_int_equal(file.count, 1);
            assert_int_equal(file.arrays[0].type, type);
            assert_int_equal(file.arrays[0].rank, 3);
            assert_memory_equal(file.arrays[0].dims, array.dims, 3 * sizeof array.dims[0]);
            assert_int_equal(file.arrays[0].bytes, array.bytes);
            assert_memory_equal(file.arrays[0].data, data, array.bytes);
            npy_free(&file);
        }
    }
}

static void data_begins_at_a_multiple_of_64(void **unused)
{
    (void)unused;
    for (int rank = 0; rank <= 8; rank++) {
        NpyArray array = {.type = TULLE_U8, .rank = rank, .bytes = 1, .data = (unsigned char[]){7}};
        for (int i = 0; i < rank; i++)
            array.dims[i] = 1;
        Bytes bytes = written(&array, 1, false);
        assert_int_equal(bytes.size % 64, 1);
        NpyFile file;
        assert_true(parses(bytes, &file));
        assert_int_equal(file.arrays[0].rank, rank);
        npy_free(&file);
    }
}

static void empty_arrays_and_scalars(void **unused)
{
    (void)unused;
    NpyFile file;
    assert_true(parses(file_with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 0), &file));
    assert_int_equal(file.arrays[0].bytes, 0);
    npy_free(&file);
    assert_true(parses(file_with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 8), &file));
    assert_int_equal(file.arrays[0].rank, 0);
    npy_free(&file);
}

static void headers_in_other_order_and_spacing(void **unused)
{
    (void)unused;
    static const char *const headers[] = {
        "{\"shape\":(2,),\"descr\":\"|u1\",\"fortran_order\":False}", "{'fortran_order' : True,'shape': (2L,) , 'descr':'u1'}   \n",
        "{'descr': '>u1', 'fortran_order': False, 'shape': (2), }",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        NpyFile file;
        assert_true(parses(file_with_header(headers[i], 2), &file));
        assert_int_equal(file.arrays[0].bytes, 2);
        npy_free(&file);
    }
}

static void fortran_order_is_turned(void **unused)
{
    (void)unused;
    Bytes bytes = file_with_header("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3, 2), }", 12);
    for (int i = 0; i < 12; i++)
        bytes.data[bytes.size - 12 + (size_t)i] = (unsigned char)i;
    NpyFile file;
    assert_true(parses(bytes, &file));
    const unsigned char turned[12] = {0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11};
    assert_memory_equal(file.arrays[0].data, turned, 12);
    npy_free(&file);
}

static void wrong_headers_are_refused(void **unused)
{
    (void)unused;
    static const char *const headers[] = {
        "", "{", "{}", "{'descr': '<f4'", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", "{'descr': '<f4', 'fortran_order': False, }",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,), }", "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,,), }", "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 2), }", "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "{'descr': '', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", "{'descr': '<f4 and much more than fits', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        assert_refused(file_with_header(headers[i], 8));
    assert_refused(bytes_of("\x93NUMPY\1\0\xff\xff{", 11));
    assert_refused(bytes_of("\x93NUMPY\4\0\0\0", 10));
    assert_refused(bytes_of("\x93NUMPY\2\0\1\0", 10));
    assert_refused(bytes_of("", 0));
    assert_refused(bytes_of("PK", 2));
}

/* ---- .npz ---- */

static void archives_keep_names_and_order(void **unused)
{
    (void)unused;
    float a[2] = {1, 2};
    int64_t b[1] = {3};
    NpyArray arrays[] = {{.name = (char *)(uintptr_t)"first", .type = TULLE_F32, .rank = 1, .dims = {2}, .bytes = 8, .data = a},
                         {.name = (char *)(uintptr_t)"folder/second", .type = TULLE_I64, .rank = 0, .bytes = 8, .data = b}};
    NpyFile file;
    assert_true(parses(written(arrays, 2, true), &file));
    assert_true(file.zip);
    assert_int_equal(file.count, 2);
    assert_string_equal(file.arrays[0].name, "first");
    assert_string_equal(file.arrays[1].name, "folder/second");
    assert_memory_equal(file.arrays[1].data, b, 8);
    npy_free(&file);
}

static void a_changed_byte_in_an_archive_is_noticed(void **unused)
{
    (void)unused;
    unsigned char data[30 * 8];
    NpyArray array = sample(TULLE_F32, data);
    Bytes bytes = written(&array, 1, true);
    bytes.data[200] ^= 1;            /* within the data: the checksum tells */
    assert_refused(bytes);
}

static void archives_cut_short_are_refused(void **unused)
{
    (void)unused;
    unsigned char data[30 * 8];
    NpyArray array = sample(TULLE_I8, data);
    Bytes whole = written(&array, 1, true);
    for (size_t size = 0; size < whole.size; size++)
        assert_refused(bytes_of(whole.data, size));
    free(whole.data);
}

/* Three entries of the directory for the one member there is. */
static void members_that_overlap_are_refused(void **unused)
{
    (void)unused;
    enum { LOCAL = 30, CENTRAL = 46, NAME = 5, END = 22 };
    unsigned char data[30 * 8];
    NpyArray array = sample(TULLE_I64, data);
    const Bytes one = written(&array, 1, true);
    const size_t entry = CENTRAL + NAME, before = one.size - END - entry;
    Bytes three = {malloc(one.size + 2 * entry), one.size + 2 * entry};
    memcpy(three.data, one.data, before);
    for (size_t i = 0; i < 3; i++)
        memcpy(three.data + before + i * entry, one.data + before, entry);
    memcpy(three.data + before + 3 * entry, one.data + before + entry, END);
    three.data[three.size - END + 8] = three.data[three.size - END + 10] = 3;
    assert_memory_equal(one.data + before, "PK\1\2", 4);
    assert_refused(three);
    free(one.data);
}

/* ---- inflate ---- */

static void unpacks(const unsigned char *packed, size_t size, const unsigned char *plain, size_t plain_size)
{
    Bytes in = bytes_of(packed, size), out = {malloc(plain_size + 1), plain_size};
    assert_true(inflate_bytes(in.data, in.size, out.data, plain_size));
    assert_memory_equal(out.data, plain, plain_size);
    assert_false(inflate_bytes(in.data, in.size, out.data, plain_size + 1));
    assert_false(inflate_bytes(in.data, in.size, out.data, plain_size - 1));
    for (size_t cut = 0; cut < size; cut++) {
        Bytes part = bytes_of(packed, cut);
        assert_false(inflate_bytes(part.data, part.size, out.data, plain_size));
        free(part.data);
    }
    free(in.data);
    free(out.data);
}

/* Geometric, so that rare values get codes longer than the fast table's. */
static void make_geometric(unsigned char *data, size_t size)
{
    uint32_t x = 1;
    for (size_t i = 0; i < size; i++) {
        x = x * 1103515245u + 12345u;
        data[i] = (unsigned char)__builtin_ctz(x >> 8 | 1u << 20);
    }
}

static void all_kinds_of_blocks_unpack(void **unused)
{
    (void)unused;
    static const char text[] = "a very light net, a very light net; zeros are gone, zeros are gone.";
    unsigned char geometric[1500];
    make_geometric(geometric, sizeof geometric);
    unpacks(deflated_fixed, sizeof deflated_fixed, (const unsigned char *)text, sizeof text - 1);
    unpacks(deflated_dynamic, sizeof deflated_dynamic, geometric, sizeof geometric);
    const unsigned char stored[] = {0, 2, 0, 0xfd, 0xff, 'a', 'b', 1, 1, 0, 0xfe, 0xff, 'c'};
    unpacks(stored, sizeof stored, (const unsigned char *)"abc", 3);
}

static void unsound_codes_are_refused(void **unused)
{
    (void)unused;
    unsigned char out[16];
    static const unsigned char streams[][8] = {
        {7},                                 /* block kind 3 */
        {1, 1, 0, 0xff, 0xff, 'a'},          /* a stored block whose length is not confirmed */
        {0x4b, 0x04, 0x00},                  /* ends within the fixed block */
        {0x03, 0x02, 0x00},                  /* a distance before the beginning */
        {0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},    /* too many codes */
        {0x05, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},    /* code lengths oversubscribed */
    };
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++)
        assert_false(inflate_bytes(streams[i], sizeof streams[i], out, sizeof out));
}

static void damaged_streams_stay_within_bounds(void **unused)
{
    (void)unused;
    for (int round = 0; round < 20000; round++) {
        Bytes in = round % 2 ? bytes_of(deflated_dynamic, sizeof deflated_dynamic) : bytes_of(deflated_fixed, sizeof deflated_fixed);
        for (uint32_t flips = 1 + random_below(4); flips > 0; flips--)
            in.data[random_below(round % 4 < 2 ? 40 : (uint32_t)in.size)] ^= (unsigned char)(1u << random_below(8));
        size_t out_size = random_below(3000);
        unsigned char *out = malloc(out_size + 1);
        inflate_bytes(in.data, in.size, out, out_size);
        free(out);
        free(in.data);
    }
}

static void damaged_files_stay_within_bounds(void **unused)
{
    (void)unused;
    unsigned char data[30 * 8];
    NpyArray arrays[] = {sample(TULLE_F32, data), sample(TULLE_F32, data)};
    arrays[1].name = (char *)(uintptr_t)"y";
    for (int round = 0; round < 20000; round++) {
        Bytes bytes = written(arrays, 2, round % 2);
        uint32_t reach = round % 3 ? (uint32_t)bytes.size : 120;
        for (uint32_t flips = 1 + random_below(4); flips > 0; flips--)
            bytes.data[random_below(reach)] ^= (unsigned char)(1u << random_below(8));
        bytes.size -= random_below(4) ? 0 : random_below((uint32_t)bytes.size);
        Bytes exact = bytes_of(bytes.data, bytes.size);
        free(bytes.data);
        NpyFile file;
        if (parses(exact, &file))
            npy_free(&file);
    }
}

/* ---- a model's inputs ---- */

static const struct tulle_tensor two_inputs[] = {{"a", TULLE_F32, 2, {2, 3}, 24}, {"a=b", TULLE_I64, 0, {0}, 8}};

static void names_may_hold_an_equals_sign(void **unused)
{
    (void)unused;
    NpyError error;
    int index;
    const char *path;
    assert_true(tensors_split(two_inputs, 2, "a=x.npy", &index, &path, &error));
    assert_int_equal(index, 0);
    assert_string_equal(path, "x.npy");
    assert_true(tensors_split(two_inputs + 1, 1, "a=b=x.npy", &index, &path, &error));
    assert_int_equal(index, 0);
    assert_string_equal(path, "x.npy");
    assert_true(tensors_split(two_inputs, 2, "folder/c=d.npz", &index, &path, &error));
    assert_int_equal(index, -1);
    assert_false(tensors_split(two_inputs, 2, "c=x.npy", &index, &path, &error));
    assert_non_null(strstr(error.text, "'a', 'a=b'"));
    assert_false(tensors_split(two_inputs, 2, "a=", &index, &path, &error));
}

static void types_and_shapes_are_compared(void **unused)
{
    (void)unused;
    NpyError error;
    NpyArray array = {.type = TULLE_F32, .rank = 2, .dims = {2, 3}, .bytes = 24};
    assert_true(tensors_check(two_inputs, &array, &error));
    array.dims[1] = 4;
    assert_false(tensors_check(two_inputs, &array, &error));
    assert_non_null(strstr(error.text, "[2,4]"));
    assert_non_null(strstr(error.text, "[2,3]"));
    array.dims[1] = 3;
    array.type = TULLE_F64;
    assert_false(tensors_check(two_inputs, &array, &error));
    assert_non_null(strstr(error.text, "float64"));
    assert_non_null(strstr(error.text, "float32"));
}

static void random_values_have_a_seed_and_a_range(void **unused)
{
    (void)unused;
    float once[100], again[100], other[100];
    const struct tulle_tensor tensor = {"x", TULLE_F32, 1, {100}, sizeof once};
    tensors_random(&tensor, 1, once);
    tensors_random(&tensor, 1, again);
    tensors_random(&tensor, 2, other);
    assert_memory_equal(once, again, sizeof once);
    assert_memory_not_equal(once, other, sizeof once);
    for (int i = 0; i < 100; i++)
        assert_true(once[i] >= -1 && once[i] < 1);
    uint16_t halves[100];
    const struct tulle_tensor half = {"h", TULLE_F16, 1, {100}, sizeof halves};
    tensors_random(&half, 1, halves);
    for (int i = 0; i < 100; i++)
        assert_true(tensors_element(TULLE_F16, halves, (size_t)i) > -1 && tensors_element(TULLE_F16, halves, (size_t)i) < 1);
}

static void half_precision_is_read(void **unused)
{
    (void)unused;
    const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7bff}, brains[] = {0x3f80, 0xc000};
    assert_true(tensors_element(TULLE_F16, halves, 0) == 1 && tensors_element(TULLE_F16, halves, 1) == -2);
    assert_true(tensors_element(TULLE_F16, halves, 2) == 0x1p-24 && tensors_element(TULLE_F16, halves, 3) == 65504);
    assert_true(tensors_element(TULLE_BF16, brains, 0) == 1 && tensors_element(TULLE_BF16, brains, 1) == -2);
}

/* ---- reports ---- */

static char *printed(void (*print)(FILE *stream, const void *argument), const void *argument)
{
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    print(stream, argument);
    fclose(stream);
    return text;
}

static void print_json(FILE *stream, const void *text)
{
    report_json_string(stream, text);
}

static void print_cells(FILE *stream, const void *cells)
{
    report_table(stream, cells, 2, 2, 1);
}

static void json_strings_are_escaped(void **unused)
{
    (void)unused;
    char *text = printed(print_json, "a\"\\\n\x7f\xc3\xa9\xff\xed\xa0\x80");
    assert_string_equal(text, "\"a\\\"\\\\\\u000a\\u007f\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffd\"");
    free(text);
}

static void tables_are_aligned_and_harmless(void **unused)
{
    (void)unused;
    const char *const cells[] = {"a\033[31m", "1", "\xc3\xa9", "1000"};
    char *text = printed(print_cells, cells);
    assert_string_equal(text, "a?[31m     1\n\xc3\xa9       1000\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back), cmocka_unit_test(data_begins_at_a_multiple_of_64), cmocka_unit_test(empty_arrays_and_scalars),
        cmocka_unit_test(headers_in_other_order_and_spacing), cmocka_unit_test(fortran_order_is_turned), cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(archives_keep_names_and_order), cmocka_unit_test(a_changed_byte_in_an_archive_is_noticed),
        cmocka_unit_test(archives_cut_short_are_refused), cmocka_unit_test(members_that_overlap_are_refused),
        cmocka_unit_test(all_kinds_of_blocks_unpack), cmocka_unit_test(unsound_codes_are_refused), cmocka_unit_test(damaged_streams_stay_within_bounds),
        cmocka_unit_test(damaged_files_stay_within_bounds),
        cmocka_unit_test(names_may_hold_an_equals_sign), cmocka_unit_test(types_and_shapes_are_compared),
        cmocka_unit_test(random_values_have_a_seed_and_a_range), cmocka_unit_test(half_precision_is_read), cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(tables_are_aligned_and_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
