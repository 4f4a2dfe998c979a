/* Text that grows, strings from strangers, and the hash. */
#include "captured.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/base/sha256.h"

static Status grow_text(Context *ctx, void *argument)
{
    (void)argument;
    Text text = text_new(ctx->graph);
    assert_string_equal(text.data, "");
    for (int i = 0; i < 100000; i++) {
        text_format(&text, "%05d", i);
        text_add(&text, ",");
        text_add_bytes(&text, "\0x", 2);
    }
    assert_int_equal(text.length, 800000);
    assert_memory_equal(text.data + 8 * 54321, "54321,\0x", 8);
    assert_int_equal(text.data[text.length], '\0');
    return STATUS_FINE;
}

static void text_grows(void **state)
{
    (void)state;
    assert_int_equal(captured(grow_text, NULL), STATUS_FINE);
}

static const struct { const char *bytes, *quoted; } quotes[] = {
    {"", ""},
    {"conv1/weight:0", "conv1/weight:0"},
    {"a\"b'c\\d", "a\\\"b\\'c\\\\d"},
    {"ends in \\", "ends in \\x5c"},
    {"\n\r\t\a\033[31m\x7f", "\\n\\r\\t\\a\\x1b[31m\\x7f"},
    {"*/ int main(void) /*", "*\\/ int main(void) /\\*"},
    {"/**/", "/\\**\\/"},
    {"tri?" "?/graph?" "?" "?=", "tri?\\?/graph?\\?\\?="},
    {"\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80", "\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"},      /* valid characters of 2, 3 and 4 bytes */
    {"\xff\xc3", "\\xff\\xc3"},                                                           /* no start, cut off */
    {"\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf"},                                 /* overlong */
    {"\xed\xa0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"},               /* a surrogate, past the last plane */
    {"\xe2\x80\xae\xc2\x85\xe2\x80\xa8", "\\xe2\\x80\\xae\\xc2\\x85\\xe2\\x80\\xa8"},      /* turned direction, a C1 control, a line separator */
};

static Status quote_all(Context *ctx, void *argument)
{
    (void)argument;
    for (int i = 0; i < COUNT(quotes); i++)
        assert_string_equal(text_quote(ctx->graph, quotes[i].bytes, strlen(quotes[i].bytes)), quotes[i].quoted);
    assert_string_equal(text_quote(ctx->graph, "a\0b", 3), "a\\x00b");
    char *lengthy = arena_alloc(ctx->graph, 1 << 16, 1);
    memset(lengthy, 1, 1 << 16);
    assert_int_equal(strlen(text_quote(ctx->graph, lengthy, 1 << 16)), 4 * 120 + 3);
    memset(lengthy, 'a', 120);
    assert_int_equal(strlen(text_quote(ctx->graph, lengthy, 120)), 120);
    return STATUS_FINE;
}

static void strangers_are_quoted(void **state)
{
    (void)state;
    assert_int_equal(captured(quote_all, NULL), STATUS_FINE);
}

static Status quote_noise(Context *ctx, void *argument)
{
    (void)argument;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        char bytes[12];
        static const char likely[] = "*/\\?'\"\n\xe2\x80\xae\xc3";
        for (int i = 0; i < COUNT(bytes); i++)
            bytes[i] = rand() % 2 ? likely[rand() % (int)sizeof likely] : (char)rand();
        const char *quoted = text_quote(ctx->scratch, bytes, sizeof bytes);
        assert_null(strstr(quoted, "*/"));
        assert_null(strstr(quoted, "/*"));
        assert_null(strstr(quoted, "?" "?"));
        for (const char *c = quoted; *c; c++)
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
        size_t length = strlen(quoted);
        assert_false(length && quoted[length - 1] == '\\');
        arena_reset(ctx->scratch);
    }
    return STATUS_FINE;
}

static void quoted_noise_is_safe_in_a_comment(void **state)
{
    (void)state;
    assert_int_equal(captured(quote_noise, NULL), STATUS_FINE);
}

static void nearest_word_is_found_or_none(void **state)
{
    (void)state;
    const char *words[] = {"Conv", "ConvTranspose", "Relu", "LeakyRelu", "Add", "threads"};
    assert_string_equal(text_nearest("Rellu", words, COUNT(words)), "Relu");
    assert_string_equal(text_nearest("conv", words, COUNT(words)), "Conv");
    assert_string_equal(text_nearest("thraeds", words, COUNT(words)), "threads");
    assert_string_equal(text_nearest("ConvTransposed", words, COUNT(words)), "ConvTranspose");
    assert_string_equal(text_nearest("Ad", words, COUNT(words)), "Add");
    assert_null(text_nearest("Softmax", words, COUNT(words)));
    assert_null(text_nearest("", words, COUNT(words)));
    char lengthy[1000];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    assert_null(text_nearest(lengthy, words, COUNT(words)));
    const char *only[] = {lengthy};
    assert_null(text_nearest("aaa", only, 1));
}

static const struct { const char *text, *hex; } hashes[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void hash_is_the_standards(void **state)
{
    (void)state;
    char hex[65];
    for (int i = 0; i < COUNT(hashes); i++) {
        sha256_hex(hashes[i].text, strlen(hashes[i].text), hex);
        assert_string_equal(hex, hashes[i].hex);
    }
    char *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    sha256_hex(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void both_ways_to_hash_agree(void **state)
{
    (void)state;
    unsigned char data[300];
    char plain[65], fast[65];
    for (int i = 0; i < COUNT(data); i++)
        data[i] = (unsigned char)(i * 37 + 11);
    if (!sha256_fast())
        skip();
    for (size_t size = 0; size < sizeof data; size++) {
        sha256_hex_by(sha256_plain, data + 1, size ? size - 1 : 0, plain);
        sha256_hex_by(sha256_fast(), data + 1, size ? size - 1 : 0, fast);
        assert_string_equal(plain, fast);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows),
        cmocka_unit_test(strangers_are_quoted),
        cmocka_unit_test(quoted_noise_is_safe_in_a_comment),
        cmocka_unit_test(nearest_word_is_found_or_none),
        cmocka_unit_test(hash_is_the_standards),
        cmocka_unit_test(both_ways_to_hash_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
