/* How a command ended: parts, repeats, exit statuses, what people and scripts see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>

#include "cli/verdict.h"
#include "event/encode.h"
#include "model/session.h"
#include "tests/support/gen.h"

enum { TEXT_MAX = 16 * 1024 * 1024, MANY = 4000 };

static struct error err;

struct made {
    struct event event;
    struct event_target *targets; /* owned */
    struct reason reason;         /* of the command; no text owned */
};

static struct made make(enum event_kind kind, enum command_outcome outcome, size_t count,
                        enum target_outcome target)
{
    struct gen gen = {7};
    struct made made = {.targets = calloc(count + 1, sizeof *made.targets)};
    made.event = (struct event){.id = gen_uuid(&gen),
                                .kind = kind,
                                .command_id = gen_uuid(&gen),
                                .outcome = outcome,
                                .target_count = (uint32_t)count,
                                .time = {1700000000000},
                                .journal_partition = 1};
    for (size_t i = 0; i < count; i++)
        made.targets[i] = (struct event_target){.session = gen_uuid(&gen),
                                                .has_number = true,
                                                .number = (uint32_t)i + 1,
                                                .outcome = target};
    made.event.targets = made.targets;
    return made;
}

static struct outgoing *encode(struct made *made, enum error_code reason)
{
    struct event_style style = event_style_default();
    made->reason = (struct reason){reason, (char *)(uintptr_t) "because"};
    if (reason)
        made->event.reason = &made->reason;
    style.max_bytes = EVENT_BYTES_MIN;
    return event_encode(&made->event, "main", &style);
}

static struct event_view *view_of(const struct message *message)
{
    struct event_view *view = NULL;
    assert_int_equal(event_decode(message, &view, &err), ERR_OK);
    return view;
}

/* One event, in one part, gathered. */
static struct verdict gather(enum event_kind kind, enum command_outcome outcome, size_t count,
                             enum target_outcome target, enum error_code reason)
{
    struct made made = make(kind, outcome, count, target);
    AUTO(outgoing) outgoing = encode(&made, reason);
    struct verdict verdict = {0};
    for (size_t i = 0; i < outgoing->count; i++)
        verdict_add(&verdict, view_of(&outgoing->messages[i]));
    free(made.targets);
    assert_true(verdict_is_complete(&verdict));
    return verdict;
}

static int status_of(enum event_kind kind, enum command_outcome outcome, size_t count,
                     enum target_outcome target, enum error_code reason)
{
    struct verdict verdict = gather(kind, outcome, count, target, reason);
    int status = verdict_exit_status(&verdict);
    verdict_release(&verdict);
    return status;
}

static void every_end_has_its_exit_status(void **state)
{
    (void)state;
    assert_int_equal(status_of(EVENT_COMPLETED, COMMAND_COMPLETED, 2, TARGET_ENDED, ERR_OK), 0);
    assert_int_equal(status_of(EVENT_COMPLETED, COMMAND_COMPLETED, 1, TARGET_ALREADY_GONE, ERR_OK),
                     0);
    assert_int_equal(status_of(EVENT_DRY_RUN, COMMAND_DRY_RUN, 2, TARGET_NONE, ERR_OK), 0);
    assert_int_equal(status_of(EVENT_PARTIALLY_COMPLETED, COMMAND_PARTIALLY_COMPLETED, 2,
                               TARGET_PROTECTED, ERR_DENIED),
                     3);
    assert_int_equal(status_of(EVENT_FAILED, COMMAND_FAILED, 2, TARGET_SURVIVED, ERR_REFUSED), 1);
    assert_int_equal(status_of(EVENT_EXPIRED, COMMAND_EXPIRED, 1, TARGET_EXPIRED, ERR_EXPIRED), 6);
    assert_int_equal(
        status_of(EVENT_CANCELLED, COMMAND_CANCELLED, 1, TARGET_STOPPED, ERR_CANCELLED), 1);
}

static void protected_sessions_alone_are_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(status_of(EVENT_FAILED, COMMAND_FAILED, 3, TARGET_PROTECTED, ERR_DENIED), 5);
    assert_int_equal(status_of(EVENT_FAILED, COMMAND_FAILED, 0, TARGET_NONE, ERR_DENIED), 1);
}

static void a_rejection_exits_by_its_reason(void **state)
{
    (void)state;
    static const struct {
        enum error_code reason;
        int status;
    } rows[] = {{ERR_DENIED, 5},    {ERR_NOT_FOUND, 4}, {ERR_FULL, 75},        {ERR_CONFLICT, 5},
                {ERR_INVALID, 5},   {ERR_EXPIRED, 6},   {ERR_UNAVAILABLE, 75}, {ERR_UNSUPPORTED, 5},
                {ERR_TOO_LARGE, 5}, {ERR_OK, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            status_of(EVENT_REJECTED, COMMAND_REJECTED, 0, TARGET_NONE, rows[i].reason),
            rows[i].status);
}

static void the_parts_of_a_large_end_are_joined(void **state)
{
    (void)state;
    struct made made = make(EVENT_COMPLETED, COMMAND_COMPLETED, MANY, TARGET_ENDED);
    AUTO(outgoing) outgoing = encode(&made, ERR_OK);
    struct verdict verdict = {0};
    AUTO_BUF json;
    buf_init(&json, TEXT_MAX);
    assert_true(outgoing->count > 2);
    /* Out of order, and some of them twice, as after a crash of the worker. */
    for (size_t i = outgoing->count; i-- > 1;) {
        assert_false(verdict_add(&verdict, view_of(&outgoing->messages[i])));
        assert_false(verdict_add(&verdict, view_of(&outgoing->messages[i])));
    }
    assert_true(verdict_add(&verdict, view_of(&outgoing->messages[0])));
    assert_true(verdict_add(&verdict, view_of(&outgoing->messages[0])));
    verdict_json(&verdict, &json);
    json_t *whole = json_loads(buf_text(&json), 0, NULL);
    assert_non_null(whole);
    assert_int_equal(json_array_size(json_object_get(whole, "targets")), MANY);
    assert_int_equal(json_integer_value(json_object_get(whole, "parts")), 1);
    assert_string_equal(json_string_value(json_object_get(whole, "outcome")), "completed");
    json_decref(whole);
    verdict_release(&verdict);
    free(made.targets);
}

/* Whoever may write to the events topic can put any number there. */
static void a_part_that_cannot_be_is_no_end(void **state)
{
    (void)state;
    static const struct {
        uint32_t part;
        uint32_t parts;
    } cases[] = {{0, 1}, {3, 2}, {1, VERDICT_PARTS_MAX + 1}, {1, UINT32_MAX}};
    struct made made = make(EVENT_COMPLETED, COMMAND_COMPLETED, 1, TARGET_ENDED);
    AUTO(outgoing) outgoing = encode(&made, ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verdict verdict = {0};
        struct event_view *view = view_of(&outgoing->messages[0]);
        view->part = cases[i].part;
        view->parts = cases[i].parts;
        assert_false(verdict_add(&verdict, view));
        assert_int_equal(verdict.count, 0);
        verdict_release(&verdict);
    }
    free(made.targets);
}

static void other_events_are_no_end(void **state)
{
    (void)state;
    static const enum event_kind kinds[] = {EVENT_ACCEPTED, EVENT_SESSION};
    for (size_t i = 0; i < 2; i++) {
        struct made made = make(kinds[i], COMMAND_NONE, i, TARGET_ENDED);
        AUTO(outgoing) outgoing = encode(&made, ERR_OK);
        struct verdict verdict = {0};
        assert_false(verdict_add(&verdict, view_of(&outgoing->messages[0])));
        assert_false(verdict_is_complete(&verdict));
        verdict_release(&verdict);
        free(made.targets);
    }
}

static char *summary_of(struct verdict *verdict, struct buf *text)
{
    verdict_summary(verdict, text);
    verdict_release(verdict);
    return (char *)(uintptr_t)buf_text(text);
}

static void a_summary_counts_in_words(void **state)
{
    (void)state;
    AUTO_BUF text;
    buf_init(&text, TEXT_MAX);
    struct verdict ended = gather(EVENT_COMPLETED, COMMAND_COMPLETED, 2, TARGET_ENDED, ERR_OK);
    assert_string_equal(summary_of(&ended, &text), "completed: 2 ended of 2");
    buf_clear(&text);
    struct verdict dry = gather(EVENT_DRY_RUN, COMMAND_DRY_RUN, 3, TARGET_NONE, ERR_OK);
    assert_string_equal(summary_of(&dry, &text), "dry_run: 3 would be ended");
    buf_clear(&text);
    struct verdict refused =
        gather(EVENT_REJECTED, COMMAND_REJECTED, 0, TARGET_NONE, ERR_NOT_FOUND);
    assert_string_equal(summary_of(&refused, &text), "rejected: because");
    buf_clear(&text);
    struct verdict nobody = gather(EVENT_COMPLETED, COMMAND_COMPLETED, 0, TARGET_NONE, ERR_OK);
    assert_string_equal(summary_of(&nobody, &text), "completed: no session was there to be ended");
}

static void a_table_shows_every_target(void **state)
{
    (void)state;
    struct verdict verdict = gather(EVENT_COMPLETED, COMMAND_COMPLETED, 3, TARGET_ENDED, ERR_OK);
    char *text = NULL;
    size_t length = 0, lines = 0;
    struct say say = {.to = open_memstream(&text, &length)};
    verdict_table(&verdict, &say);
    fclose(say.to);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 4);
    assert_non_null(strstr(text, "VERDICT"));
    assert_non_null(strstr(text, "ended"));
    assert_null(strchr(text, '\033'));
    free(text);
    verdict_release(&verdict);
}

static void a_line_of_an_event_cannot_steer_the_terminal(void **state)
{
    (void)state;
    struct made made = make(EVENT_REJECTED, COMMAND_REJECTED, 0, TARGET_NONE);
    struct reason hostile = {ERR_INVALID, (char[]){"bad \033[2J name\n"}};
    struct event_style style = event_style_default();
    made.event.reason = &hostile;
    AUTO(outgoing) outgoing = event_encode(&made.event, "ma\x1bin", &style);
    AUTO(event_view) view = view_of(&outgoing->messages[0]);
    AUTO_BUF line;
    buf_init(&line, TEXT_MAX);
    event_line(view, &line);
    assert_null(strchr(buf_text(&line), '\033'));
    assert_null(strchr(buf_text(&line), '\n'));
    assert_non_null(strstr(buf_text(&line), "rejected"));
    free(made.targets);
}

static void a_session_without_a_number_is_told_by_its_uuid(void **state)
{
    (void)state;
    struct made made = make(EVENT_SESSION, COMMAND_NONE, 1, TARGET_ALREADY_GONE);
    struct event_style style = event_style_default();
    for (int named = 1; named >= 0; named--) {
        made.targets[0].has_number = named;
        made.targets[0].number = (uint32_t)named;
        AUTO(outgoing) outgoing = event_encode(&made.event, "main", &style);
        AUTO(event_view) view = view_of(&outgoing->messages[0]);
        AUTO_BUF line;
        buf_init(&line, TEXT_MAX);
        event_line(view, &line);
        if (named)
            assert_non_null(strstr(buf_text(&line), "session 1 already_gone"));
        else
            assert_non_null(strstr(buf_text(&line), uuid_format(&view->targets[0].session).text));
        assert_null(strstr(buf_text(&line), "session 0 "));
    }
    free(made.targets);
}

static void what_waits_says_what_a_second_person_types(void **state)
{
    (void)state;
    struct made made = make(EVENT_PENDING_APPROVAL, COMMAND_NONE, 3, TARGET_NONE);
    struct event_style style = event_style_default();
    made.event.resolved_digest = "00ff";
    made.event.until.ms = 1790000000000;
    AUTO(outgoing) outgoing = event_encode(&made.event, "main", &style);
    AUTO(event_view) view = view_of(&outgoing->messages[0]);
    AUTO_BUF line;
    buf_init(&line, TEXT_MAX);
    event_line(view, &line);
    assert_non_null(strstr(buf_text(&line), "3 sessions until 2026-09-21T"));
    assert_non_null(strstr(buf_text(&line), uuid_format(&view->command_id).text));
    assert_non_null(strstr(buf_text(&line), "--digest 00ff"));
    free(made.targets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_has_its_exit_status),
        cmocka_unit_test(protected_sessions_alone_are_a_refusal),
        cmocka_unit_test(a_rejection_exits_by_its_reason),
        cmocka_unit_test(the_parts_of_a_large_end_are_joined),
        cmocka_unit_test(a_part_that_cannot_be_is_no_end),
        cmocka_unit_test(other_events_are_no_end),
        cmocka_unit_test(a_session_without_a_number_is_told_by_its_uuid),
        cmocka_unit_test(what_waits_says_what_a_second_person_types),
        cmocka_unit_test(a_summary_counts_in_words),
        cmocka_unit_test(a_table_shows_every_target),
        cmocka_unit_test(a_line_of_an_event_cannot_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
