/* Failing: the message, the status, what is collected, what becomes of control. */
#include "captured.h"

#include <stdlib.h>
#include <string.h>

static Status succeed(Context *ctx, void *argument)
{
    (void)ctx;
    return *(Status *)argument;
}

static void status_of_the_work_is_given_back(void **state)
{
    (void)state;
    for (Status status = STATUS_FINE; status <= STATUS_INTERNAL; status++)
        assert_int_equal(captured(succeed, &status), status);
    assert_string_equal(said, "");
}

static Status fail_fully(Context *ctx, void *argument)
{
    (void)argument;
    ctx->file = "m.onnx";
    fail(ctx, STATUS_UNSUPPORTED, "node 'a' (Conv)", "do this\nor that", "found %d", 7);
}

static Status fail_barely(Context *ctx, void *argument)
{
    (void)argument;
    fail(ctx, STATUS_USAGE, NULL, NULL, "wrong");
}

static void message_has_file_place_cause_and_hints(void **state)
{
    (void)state;
    assert_int_equal(captured(fail_fully, NULL), STATUS_UNSUPPORTED);
    assert_string_equal(said, "tulle: error: m.onnx: node 'a' (Conv): found 7\n  hint: do this\n  hint: or that\n");
    assert_int_equal(captured(fail_barely, NULL), STATUS_USAGE);
    assert_string_equal(said, "tulle: error: wrong\n");
}

static Status fail_with_escapes(Context *ctx, void *argument)
{
    (void)argument;
    ctx->file = "a\033[31mb";
    fail(ctx, STATUS_MODEL, "\x9b" "31m", "c\rd", "%s", "e\bf\nsecond line \xc3\xa4");
}

static void control_sequences_never_reach_the_terminal(void **state)
{
    (void)state;
    assert_int_equal(captured(fail_with_escapes, NULL), STATUS_MODEL);
    assert_string_equal(said, "tulle: error: a\\x1b[31mb: \\x9b31m: e\\x08f\nsecond line \xc3\xa4\n  hint: c\\x0dd\n");
}

static Status complain_often(Context *ctx, void *argument)
{
    for (int i = 0; i < *(int *)argument; i++)
        complain(ctx, STATUS_UNSUPPORTED, "here", "try", "fault %d", i);
    fail_complaints(ctx);
    assert_int_equal(*(int *)argument, 0);
    return STATUS_FINE;
}

static void complaints_come_together_and_in_order(void **state)
{
    (void)state;
    int none = 0, some = 3;
    assert_int_equal(captured(complain_often, &none), STATUS_FINE);
    assert_int_equal(captured(complain_often, &some), STATUS_UNSUPPORTED);
    assert_string_equal(said, "tulle: error: here: fault 0\n  hint: try\ntulle: error: here: fault 1\n  hint: try\n"
                              "tulle: error: here: fault 2\n  hint: try\n");
}

static void complaints_are_bounded(void **state)
{
    (void)state;
    int many = 1234;
    assert_int_equal(captured(complain_often, &many), STATUS_UNSUPPORTED);
    assert_said("fault 999\n");
    assert_said("tulle: and 234 more\n");
    assert_null(strstr(said, "fault 1000\n"));
}

static Status complain_mixed(Context *ctx, void *argument)
{
    (void)argument;
    complain(ctx, STATUS_UNSUPPORTED, NULL, NULL, "one");
    complain(ctx, STATUS_MODEL, NULL, NULL, "two");
    complain(ctx, STATUS_UNSUPPORTED, NULL, NULL, "three");
    fail_complaints(ctx);
    return STATUS_FINE;
}

static Status complain_then_return(Context *ctx, void *argument)
{
    (void)argument;
    complain(ctx, STATUS_UNSUPPORTED, NULL, NULL, "forgotten");
    return STATUS_FINE;
}

static Status complain_then_fail(Context *ctx, void *argument)
{
    (void)argument;
    complain(ctx, STATUS_UNSUPPORTED, NULL, NULL, "first");
    fail(ctx, STATUS_MODEL, NULL, NULL, "then");
}

static void no_complaint_is_lost(void **state)
{
    (void)state;
    assert_int_equal(captured(complain_mixed, NULL), STATUS_MODEL);
    assert_string_equal(said, "tulle: error: one\ntulle: error: two\ntulle: error: three\n");
    assert_int_equal(captured(complain_then_return, NULL), STATUS_UNSUPPORTED);
    assert_string_equal(said, "tulle: error: forgotten\n");
    assert_int_equal(captured(complain_then_fail, NULL), STATUS_MODEL);
    assert_string_equal(said, "tulle: error: first\ntulle: error: then\n");
}

static Status run_inner(Context *ctx, void *argument)
{
    (void)argument;
    char *mine = arena_string(ctx->graph, "still here", 10);
    assert_int_equal(context_run(fail_barely, NULL), STATUS_USAGE);
    assert_string_equal(mine, "still here");
    fail(ctx, STATUS_MODEL, NULL, NULL, "outer");
}

static void runs_nest(void **state)
{
    (void)state;
    assert_int_equal(captured(run_inner, NULL), STATUS_MODEL);
    assert_string_equal(said, "tulle: error: wrong\ntulle: error: outer\n");
}

/* ---- in pieces ---- */

static Status note(Context *ctx, void *argument)
{
    if (!ctx->file)
        ctx->file = arena_format(ctx->graph, "kept %d", *(int *)argument);
    say(ctx, "a word");
    return STATUS_FINE;
}

static Status fail_elsewhere(Context *ctx, void *argument)
{
    (void)argument;
    ctx->scratch = arena_new(ctx, "other", 1 << 20);
    complain(ctx, STATUS_UNSUPPORTED, "here", NULL, "one");
    fail(ctx, STATUS_USAGE, NULL, "hint", "two");
}

static Status use_scratch(Context *ctx, void *argument)
{
    assert_ptr_equal(ctx->scratch, *(Arena **)argument);
    assert_string_equal(ctx->file, "kept 7");
    return STATUS_FINE;
}

static Status work_in_pieces(Context *ctx, void *argument)
{
    (void)ctx;
    (void)argument;
    char *messages;
    int seven = 7;
    Context *pieces = context_open();
    assert_int_equal(context_call(pieces, note, &seven, &messages), STATUS_FINE);
    assert_string_equal(messages, "tulle: a word\n");
    free(messages);
    Arena *scratch = pieces->scratch;
    assert_int_equal(context_call(pieces, fail_elsewhere, NULL, &messages), STATUS_USAGE);
    assert_string_equal(messages, "tulle: error: kept 7: here: one\ntulle: error: kept 7: two\n  hint: hint\n");
    free(messages);
    assert_int_equal(context_call(pieces, use_scratch, &scratch, &messages), STATUS_FINE);
    assert_string_equal(messages, "");
    free(messages);
    context_close(pieces);
    return STATUS_FINE;
}

static void a_context_in_pieces_keeps_what_it_holds_and_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(captured(work_in_pieces, NULL), STATUS_FINE);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_of_the_work_is_given_back),
        cmocka_unit_test(message_has_file_place_cause_and_hints),
        cmocka_unit_test(control_sequences_never_reach_the_terminal),
        cmocka_unit_test(complaints_come_together_and_in_order),
        cmocka_unit_test(complaints_are_bounded),
        cmocka_unit_test(no_complaint_is_lost),
        cmocka_unit_test(runs_nest),
        cmocka_unit_test(a_context_in_pieces_keeps_what_it_holds_and_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
