/* Commands as people type them: numbers, selections, guards, repeats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "cli/request.h"

static struct error err;
static const struct wall now = {1790000000000};
static const char some_id[] = "0b5f0000-0000-4000-8000-000000000001";

static void reads(const char *list, size_t count, const uint32_t *wanted)
{
    struct numbers numbers = {0};
    assert_int_equal(numbers_add(&numbers, list, &err), ERR_OK);
    assert_int_equal(numbers.count, count);
    assert_memory_equal(numbers.at, wanted, count * sizeof *wanted);
    numbers_release(&numbers);
}

static void numbers_come_as_lists_and_ranges(void **state)
{
    (void)state;
    reads("7", 1, (uint32_t[]){7});
    reads("7,9-11", 4, (uint32_t[]){7, 9, 10, 11});
    reads("5-5", 1, (uint32_t[]){5});
    reads("4294967295", 1, (uint32_t[]){UINT32_MAX});
    reads("4294967294-4294967295", 2, (uint32_t[]){UINT32_MAX - 1, UINT32_MAX});
}

static void a_number_twice_counts_once(void **state)
{
    (void)state;
    reads("3,1-3,3", 3, (uint32_t[]){3, 1, 2});
    struct numbers numbers = {0};
    assert_int_equal(numbers_add(&numbers, "1-3", &err), ERR_OK);
    assert_int_equal(numbers_add(&numbers, "2-4", &err), ERR_OK);
    assert_int_equal(numbers.count, 4);
    numbers_release(&numbers);
}

static void bad_numbers_are_usage_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   ",",   "7,",   "x",          "7x",  "-7", "7-",
                                      "0",  "-",   "9-7",  "4294967296", "1.5", " 7", "7 8",
                                      "+7", "0-3", "1--2", "1-2-3",      "0x10"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct numbers numbers = {0};
        if (numbers_add(&numbers, bad[i], &err) != ERR_USAGE)
            fail_msg("'%s' was taken", bad[i]);
        numbers_release(&numbers);
    }
}

static void a_range_is_bounded(void **state)
{
    (void)state;
    struct numbers numbers = {0};
    assert_int_equal(numbers_add(&numbers, "1-4294967295", &err), ERR_USAGE);
    assert_int_equal(numbers.count, 0);
    assert_int_equal(numbers_add(&numbers, "1-10000", &err), ERR_OK);
    assert_int_equal(numbers.count, LIMIT_TARGETS);
    assert_int_equal(numbers_add(&numbers, "10000", &err), ERR_OK);
    assert_int_equal(numbers_add(&numbers, "10001", &err), ERR_USAGE);
    numbers_release(&numbers);
}

static struct request by_number(void)
{
    struct request request = {.cluster = "main", .infobase = "ут"};
    assert_int_equal(numbers_add(&request.numbers, "7,9", &err), ERR_OK);
    return request;
}

static void a_request_becomes_a_command(void **state)
{
    (void)state;
    struct request request = by_number();
    AUTO(command) command = NULL;
    request.user = "Иванов";
    request.application = "1CV8C";
    request.started_at = "2026-03-01T12:30:45";
    request.reason = "why";
    request.message = "bye";
    request.grace_ms = 60000;
    request.expires_in_ms = 1000;
    request.max_targets = 5;
    request.dry_run = true;
    request.standard_processing = STANDARD_PROCESSING_OFF;
    assert_int_equal(request_terminate(&request, now, &command, &err), ERR_OK);
    assert_int_equal(command->action, ACTION_TERMINATE);
    assert_int_equal(command->origin, ORIGIN_USER_REQUEST);
    assert_int_equal(command->selector.kind, SELECTOR_NUMBERS);
    assert_int_equal(command->selector.count, 2);
    assert_int_equal(command->selector.numbers[1], 9);
    assert_string_equal(command->selector.infobase, "ут");
    assert_string_equal(command->selector.guard.user, "Иванов");
    assert_string_equal(server_time_format(command->selector.guard.started_at).text,
                        "2026-03-01T12:30:45");
    assert_string_equal(command->cluster, "main");
    assert_string_equal(command->reason, "why");
    assert_string_equal(command->options.message, "bye");
    assert_int_equal(command->options.grace_ms, 60000);
    assert_int_equal(command->options.max_targets, 5);
    assert_true(command->options.dry_run);
    assert_int_equal(command->options.standard_processing, STANDARD_PROCESSING_OFF);
    assert_int_equal(command->requested_at.ms, now.ms);
    assert_int_equal(command->expires_at.ms, now.ms + 1000);
    assert_false(uuid_is_nil(&command->id));
    assert_non_null(strchr(command->requested_by, '@'));
    request_release(&request);
}

static void a_filter_becomes_a_tree(void **state)
{
    (void)state;
    AUTO(command) command = NULL;
    struct request request = {.cluster = "main",
                              .filter = "app in (1CV8, 1CV8C) and not hibernating",
                              .exclude = "user like 'robot*'"};
    assert_int_equal(request_terminate(&request, now, &command, &err), ERR_OK);
    assert_int_equal(command->selector.kind, SELECTOR_FILTER);
    const struct filter *filter = command->selector.filter;
    assert_int_equal(filter->kind, FILTER_ALL);
    assert_int_equal(filter->child_count, 2);
    assert_int_equal(filter->children[0]->comparison, COMPARISON_IN);
    assert_string_equal(filter->children[0]->values[1], "1CV8C");
    assert_int_equal(filter->children[1]->kind, FILTER_NOT);
    assert_int_equal(command->options.exclude->comparison, COMPARISON_MATCHES);
}

static void sessions_are_selected_by_uuid(void **state)
{
    (void)state;
    struct request request = {.cluster = "main", .requested_by = "ivan"};
    AUTO(command) command = NULL;
    assert_int_equal(request_session(&request, some_id, &err), ERR_OK);
    assert_int_equal(request_session(&request, "x", &err), ERR_USAGE);
    assert_int_equal(request_session(&request, "00000000-0000-0000-0000-000000000000", &err),
                     ERR_USAGE);
    assert_int_equal(request_terminate(&request, now, &command, &err), ERR_OK);
    assert_int_equal(command->selector.kind, SELECTOR_SESSIONS);
    assert_int_equal(command->selector.count, 1);
    assert_string_equal(uuid_format(&command->selector.sessions[0]).text, some_id);
    assert_string_equal(command->requested_by, "ivan");
    request_release(&request);
}

/* The worker compares the content: with the caller's id nothing may depend on the moment. */
static void the_same_words_with_the_same_id_are_the_same_command(void **state)
{
    (void)state;
    struct request request = by_number();
    AUTO(command) first = NULL;
    AUTO(command) second = NULL;
    struct wall later = {now.ms + 5000};
    request.id = some_id;
    assert_int_equal(request_terminate(&request, now, &first, &err), ERR_OK);
    assert_int_equal(request_terminate(&request, later, &second, &err), ERR_OK);
    struct sha256 a = command_digest(first), b = command_digest(second);
    assert_true(sha256_equal(&a, &b));
    request_release(&request);
}

static void refuses(struct request *request, enum error_code code)
{
    AUTO(command) command = NULL;
    assert_int_equal(request_terminate(request, now, &command, &err), code);
    assert_null(command);
    request_release(request);
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    struct request none = {.cluster = "main"};
    refuses(&none, ERR_USAGE);
    struct request no_cluster = by_number();
    no_cluster.cluster = NULL;
    refuses(&no_cluster, ERR_USAGE);
    struct request no_infobase = by_number();
    no_infobase.infobase = NULL;
    refuses(&no_infobase, ERR_USAGE);
    struct request both = by_number();
    assert_int_equal(request_session(&both, some_id, &err), ERR_OK);
    refuses(&both, ERR_USAGE);
    struct request empty_filter = {.cluster = "main", .filter = ""};
    refuses(&empty_filter, ERR_USAGE);
    struct request filter = {.cluster = "main", .filter = "usr=x"};
    refuses(&filter, ERR_USAGE);
    struct request bad_time = by_number();
    bad_time.started_at = "yesterday";
    refuses(&bad_time, ERR_USAGE);
}

/* Whatever the worker would not decode is told before anything is sent. */
static void texts_that_no_worker_takes_are_usage_errors(void **state)
{
    (void)state;
    static char longest[LIMIT_TEXT_BYTES + 2];
    memset(longest, 'x', sizeof longest - 1);
    struct request long_reason = by_number();
    long_reason.reason = longest;
    refuses(&long_reason, ERR_USAGE);
    struct request long_cluster = by_number();
    long_cluster.cluster = longest;
    refuses(&long_cluster, ERR_USAGE);
    struct request bad_text = by_number();
    bad_text.reason = "\xff\xfe";
    refuses(&bad_text, ERR_USAGE);
}

static void a_cancel_names_the_command_meant(void **state)
{
    (void)state;
    struct request request = {.reason = "wrong", .requested_by = "ivan"};
    struct uuid meant;
    AUTO(command) command = NULL;
    assert_int_equal(uuid_read(text_of(some_id), &meant, &err), ERR_OK);
    assert_int_equal(request_cancel(&request, &meant, now, &command, &err), ERR_OK);
    assert_int_equal(command->action, ACTION_CANCEL);
    assert_true(uuid_equal(&command->other_id, &meant));
    assert_false(uuid_equal(&command->id, &meant));
}

static void a_drain_says_all_that_was_asked_for(void **state)
{
    (void)state;
    struct request request = {.cluster = "main",
                              .infobase = "ut",
                              .exclude = "user = robot",
                              .reason = "update",
                              .message = "back at nine",
                              .grace_ms = 900000,
                              .hold_ms = 7200000,
                              .deadline_ms = 3600000,
                              .max_targets = 50,
                              .keep_jobs = true,
                              .disconnect_connections = true,
                              .interrupt_calls = true,
                              .dry_run = true};
    AUTO(command) command = NULL;
    assert_int_equal(request_drain(&request, now, &command, &err), ERR_OK);
    assert_int_equal(command->action, ACTION_DRAIN);
    assert_string_equal(command->cluster, "main");
    assert_string_equal(command->infobase, "ut");
    assert_string_equal(command->reason, "update");
    assert_int_equal(command->hold_ms, 7200000);
    assert_int_equal(command->drain_deadline_ms, 3600000);
    assert_true(command->keep_jobs);
    const struct options *options = &command->options;
    assert_int_equal(options->grace_ms, 900000);
    assert_string_equal(options->message, "back at nine");
    assert_int_equal(options->max_targets, 50);
    assert_true(options->disconnect_connections);
    assert_true(options->interrupt_calls);
    assert_true(options->dry_run);
    assert_non_null(options->exclude);
    assert_string_equal(options->exclude->values[0], "robot");
    request.exclude = "";
    AUTO(command) other = NULL;
    assert_int_equal(request_drain(&request, now, &other, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "--exclude is empty"));
}

static void a_restore_names_its_infobase_and_an_approval_its_list(void **state)
{
    (void)state;
    static const char digest[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct request request = {.cluster = "main", .requested_by = "chief"};
    struct uuid meant;
    AUTO(command) restore = NULL;
    AUTO(command) approval = NULL;
    assert_int_equal(uuid_read(text_of(some_id), &meant, NULL), ERR_OK);
    assert_int_equal(request_restore(&request, now, &restore, &err), ERR_USAGE);
    request.infobase = "ut";
    assert_int_equal(request_restore(&request, now, &restore, &err), ERR_OK);
    assert_int_equal(restore->action, ACTION_RESTORE);
    assert_string_equal(restore->infobase, "ut");
    assert_string_equal(restore->requested_by, "chief");
    assert_int_equal(request_approve(&request, &meant, "aa55", now, &approval, &err), ERR_USAGE);
    assert_int_equal(request_approve(&request, &meant, digest, now, &approval, &err), ERR_OK);
    assert_int_equal(approval->action, ACTION_APPROVE);
    assert_true(uuid_equal(&approval->other_id, &meant));
    assert_string_equal(approval->resolved_digest, digest);
}

static void a_halt_engages_the_kill_switch_and_a_release_does_not(void **state)
{
    (void)state;
    struct request request = {.reason = "wrong", .requested_by = "ivan"};
    AUTO(command) halt = NULL;
    AUTO(command) release = NULL;
    assert_int_equal(request_kill_switch(&request, true, now, &halt, &err), ERR_OK);
    assert_int_equal(halt->action, ACTION_KILL_SWITCH);
    assert_true(halt->kill_switch_engaged);
    assert_string_equal(halt->reason, "wrong");
    assert_int_equal(request_kill_switch(&request, false, now, &release, &err), ERR_OK);
    assert_int_equal(release->action, ACTION_KILL_SWITCH);
    assert_false(release->kill_switch_engaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_as_lists_and_ranges),
        cmocka_unit_test(a_number_twice_counts_once),
        cmocka_unit_test(bad_numbers_are_usage_errors),
        cmocka_unit_test(a_range_is_bounded),
        cmocka_unit_test(a_request_becomes_a_command),
        cmocka_unit_test(a_filter_becomes_a_tree),
        cmocka_unit_test(sessions_are_selected_by_uuid),
        cmocka_unit_test(the_same_words_with_the_same_id_are_the_same_command),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(texts_that_no_worker_takes_are_usage_errors),
        cmocka_unit_test(a_cancel_names_the_command_meant),
        cmocka_unit_test(a_drain_says_all_that_was_asked_for),
        cmocka_unit_test(a_restore_names_its_infobase_and_an_approval_its_list),
        cmocka_unit_test(a_halt_engages_the_kill_switch_and_a_release_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
