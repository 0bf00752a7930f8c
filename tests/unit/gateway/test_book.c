/* What is known of commands, by events as a worker sends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "event/encode.h"
#include "gateway/answer.h"
#include "gateway/book.h"
#include "gateway/problem.h"

static struct book *book;

static int setup(void **state)
{
    (void)state;
    book = book_create(10, 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    book_destroy(book);
    return 0;
}

static struct uuid id_of(uint32_t number)
{
    return uuid_derive(&number, sizeof number);
}

/* One event, through its wire form. */
struct told {
    uint32_t command;
    enum event_kind kind;
    enum command_outcome outcome;
    const char *mark; /* NULL: none */
    const char *reason_label;
    const enum target_outcome *targets;
    uint32_t target_count;
    bool duplicate;
};

static enum book_news tell(const struct told *told, struct book_entry **ret)
{
    struct command *command = command_create();
    command->id = id_of(told->command);
    command->cluster = "main";
    command->requested_by = "ut";
    command->correlation_id = told->mark ? told->mark : "";
    struct event_target targets[8];
    for (uint32_t i = 0; i < told->target_count; i++)
        targets[i] = (struct event_target){
            .has_number = true, .number = 100 + i, .outcome = told->targets[i]};
    char why[] = "why";
    struct reason reason = {error_from_label(told->reason_label ? told->reason_label : "denied"),
                            why};
    struct event event = {.id = id_of(1000),
                          .kind = told->kind,
                          .command_id = command->id,
                          .command = command,
                          .outcome = told->outcome,
                          .reason = told->reason_label ? &reason : NULL,
                          .targets = targets,
                          .target_count = told->target_count,
                          .time = {1790000000000},
                          .accepted_at = {told->kind == EVENT_REJECTED ? 0 : 1790000000000},
                          .closed_at = {told->outcome ? 1790000001000 : 0},
                          .duplicate = told->duplicate};
    struct event_style style = event_style_default();
    style.worker = "w";
    style.commands_topic = "c";
    style.journal_topic = "j";
    AUTO(outgoing) outgoing = event_encode(&event, "main", &style);
    assert_int_equal(outgoing->count, 1);
    struct event_view *view = NULL;
    struct error err;
    if (event_decode(&outgoing->messages[0], &view, &err))
        fail_msg("%s", err.message);
    enum book_news news = book_event(book, view, ret);
    command_destroy(command);
    return news;
}

#define MARK_A "curfew-gateway:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MARK_B "curfew-gateway:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const enum target_outcome gone[] = {TARGET_ENDED, TARGET_ALREADY_GONE, TARGET_LEFT};
static const enum target_outcome mixed[] = {TARGET_ENDED, TARGET_UNKNOWN};

static struct told accepted(uint32_t command, const char *mark)
{
    return (struct told){.command = command, .kind = EVENT_ACCEPTED, .mark = mark};
}

static struct told completed(uint32_t command, const char *mark)
{
    return (struct told){.command = command,
                         .kind = EVENT_COMPLETED,
                         .outcome = COMMAND_COMPLETED,
                         .mark = mark,
                         .targets = gone,
                         .target_count = 3};
}

static struct told conflict(uint32_t command, const char *mark)
{
    return (struct told){.command = command,
                         .kind = EVENT_REJECTED,
                         .outcome = COMMAND_REJECTED,
                         .mark = mark,
                         .reason_label = "conflict"};
}

static struct book_entry *sent(uint32_t command, const char *mark, uint32_t asked)
{
    struct uuid id = id_of(command);
    struct book_entry *entry = book_add(book, &id);
    entry->sent = true;
    entry->asked = asked;
    snprintf(entry->mark.text, sizeof entry->mark.text, "%s", mark);
    return entry;
}

static void nothing_is_gone_before_the_event_of_the_end(void **state)
{
    (void)state;
    struct book_entry *entry = sent(1, MARK_A, 3);
    struct book_entry *told;
    assert_false(book_all_gone(entry));
    assert_string_equal(answer_state(entry), "submitted");
    struct told first = accepted(1, MARK_A);
    assert_int_equal(tell(&first, &told), BOOK_ACCEPTED);
    assert_ptr_equal(told, entry);
    assert_string_equal(answer_state(entry), "accepted");
    assert_false(book_all_gone(entry));
    struct told end = completed(1, MARK_A);
    assert_int_equal(tell(&end, &told), BOOK_ENDED);
    assert_string_equal(answer_state(entry), "ended");
    assert_true(book_all_gone(entry));
    assert_int_equal(entry->row_count, 3);
    assert_int_equal(entry->rows[1].number, 101);
}

static void all_gone_needs_every_number_that_was_asked_for(void **state)
{
    (void)state;
    struct book_entry *told;
    struct book_entry *entry = sent(1, MARK_A, 4);
    struct told end = completed(1, MARK_A);
    assert_int_equal(tell(&end, &told), BOOK_ENDED);
    assert_false(book_all_gone(entry)); /* three verdicts for four numbers */
    struct told partly = {.command = 2,
                          .kind = EVENT_PARTIALLY_COMPLETED,
                          .outcome = COMMAND_PARTIALLY_COMPLETED,
                          .targets = mixed,
                          .target_count = 2};
    assert_int_equal(tell(&partly, &told), BOOK_ENDED);
    assert_false(book_all_gone(told));
    struct told nobody = {
        .command = 3, .kind = EVENT_COMPLETED, .outcome = COMMAND_COMPLETED, .target_count = 0};
    assert_int_equal(tell(&nobody, &told), BOOK_ENDED);
    assert_false(book_all_gone(told)); /* nobody's verdict proves nothing */
    struct told lying = {.command = 4,
                         .kind = EVENT_COMPLETED,
                         .outcome = COMMAND_COMPLETED,
                         .targets = mixed,
                         .target_count = 2};
    assert_int_equal(tell(&lying, &told), BOOK_ENDED);
    assert_false(book_all_gone(told));
}

static void another_content_under_the_same_id_is_noticed(void **state)
{
    (void)state;
    struct book_entry *told;
    struct book_entry *entry = sent(1, MARK_B, 1);
    struct told first = accepted(1, MARK_A); /* an earlier gateway's, still open */
    assert_int_equal(tell(&first, &told), BOOK_OTHER);
    assert_string_equal(entry->mark.text, MARK_A);
    struct told refused = conflict(1, MARK_B);
    assert_int_equal(tell(&refused, &told), BOOK_NOTHING); /* known by now */
    struct told end = completed(1, MARK_A);
    assert_int_equal(tell(&end, &told), BOOK_ENDED);
    assert_true(book_all_gone(entry));
}

static void a_conflict_is_about_the_one_who_asked(void **state)
{
    (void)state;
    struct book_entry *told;
    struct told strange = conflict(9, MARK_A); /* nobody here asked */
    assert_int_equal(tell(&strange, &told), BOOK_NOTHING);
    assert_null(told);
    struct book_entry *entry = sent(1, MARK_B, 1);
    struct told others = conflict(1, MARK_A); /* of another gateway */
    assert_int_equal(tell(&others, &told), BOOK_NOTHING);
    struct told ours = conflict(1, MARK_B);
    assert_int_equal(tell(&ours, &told), BOOK_OTHER);
    assert_ptr_equal(told, entry);
    assert_int_equal(entry->outcome, COMMAND_NONE); /* of the first one nothing is known */
    assert_string_equal(entry->mark.text, "");
    entry = sent(2, MARK_B, 1); /* the event may be here before Kafka's receipt */
    entry->sent = false;
    entry->sending = 1;
    struct told early = conflict(2, MARK_B);
    assert_int_equal(tell(&early, &told), BOOK_OTHER);
    assert_int_equal(entry->sending, 1);
}

static void the_end_is_told_once(void **state)
{
    (void)state;
    struct book_entry *told;
    struct told end = completed(1, MARK_A);
    struct told again = completed(1, MARK_A);
    again.duplicate = true;
    assert_int_equal(tell(&end, &told), BOOK_ENDED);
    assert_int_equal(tell(&again, &told), BOOK_NOTHING);
    assert_int_equal(told->row_count, 3);
}

static void the_oldest_go_and_whoever_is_waited_for_stays(void **state)
{
    (void)state;
    struct book_entry *told;
    struct book_entry *first_entry = sent(1, MARK_A, 3);
    first_entry->sending = 1;
    for (uint32_t i = 2; i <= 40; i++) {
        struct told end = completed(i, NULL);
        assert_int_equal(tell(&end, &told), BOOK_ENDED);
    }
    assert_int_equal(book_count(book), 10);
    struct uuid first = id_of(1);
    struct uuid second = id_of(2);
    struct uuid last = id_of(40);
    assert_non_null(book_find(book, &first));
    assert_null(book_find(book, &second));
    assert_non_null(book_find(book, &last));
}

static void answers_speak_the_language_and_name_each_number(void **state)
{
    (void)state;
    struct book_entry *told;
    struct told partly = {.command = 2,
                          .kind = EVENT_PARTIALLY_COMPLETED,
                          .outcome = COMMAND_PARTIALLY_COMPLETED,
                          .targets = mixed,
                          .target_count = 2};
    assert_int_equal(tell(&partly, &told), BOOK_ENDED);
    struct http_response response;
    http_response_init(&response);
    answer_write(told, LANGUAGE_RU, 200, &response);
    const char *text = buf_text(&response.body);
    assert_non_null(strstr(text, "\"allGone\":false"));
    assert_non_null(strstr(text, "{\"number\":101,\"id\":null,\"outcome\":\"unknown\","
                                 "\"outcomeText\":\"неизвестно, завершён ли\",\"gone\":false"));
    buf_release(&response.body);
}

static const char *header_of(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (!strcmp(response->headers[i].name, name))
            return response->headers[i].value;
    return "";
}

/* Who gave up waiting is told where to look, and when. */
static void an_answer_without_an_end_says_where_to_look(void **state)
{
    (void)state;
    struct uuid id = id_of(9);
    const struct book_entry *entry = book_add(book, &id);
    struct http_response response;
    char location[80];
    http_response_init(&response);
    answer_write(entry, LANGUAGE_EN, 202, &response);
    snprintf(location, sizeof location, "/v1/terminations/%s", uuid_format(&id).text);
    assert_string_equal(header_of(&response, "Location"), location);
    assert_string_equal(header_of(&response, "Retry-After"), "1");
    assert_string_equal(header_of(&response, "Content-Language"), "en");
    buf_release(&response.body);
}

static void a_problem_says_what_to_do_and_steers_no_terminal(void **state)
{
    (void)state;
    struct problem problem;
    struct http_response response;
    problem_set(&problem, PROBLEM_UNAUTHORIZED, "%s", "");
    http_response_init(&response);
    problem_write(&problem, LANGUAGE_EN, &response);
    assert_int_equal(response.status, 401);
    assert_string_equal(header_of(&response, "WWW-Authenticate"), "Bearer");
    buf_release(&response.body);
    problem_set(&problem, PROBLEM_INVALID, "%s", "a\x1b[2J\u202e\"");
    http_response_init(&response);
    problem_write(&problem, LANGUAGE_EN, &response);
    assert_string_equal(header_of(&response, "WWW-Authenticate"), "");
    assert_non_null(strstr(buf_text(&response.body), "a\\\\u{1b}[2J\\\\u{202e}\\\""));
    buf_release(&response.body);
}

static void a_refusal_of_the_worker_keeps_its_class(void **state)
{
    (void)state;
    assert_int_equal(problem_of_refusal("denied"), PROBLEM_DENIED);
    assert_int_equal(problem_of_refusal("conflict"), PROBLEM_KEY_REUSED);
    assert_int_equal(problem_of_refusal("full"), PROBLEM_BUSY);
    assert_int_equal(problem_of_refusal("unavailable"), PROBLEM_BUSY);
    assert_int_equal(problem_of_refusal("not_found"), PROBLEM_REFUSED);
    assert_int_equal(problem_of_refusal("of a newer worker"), PROBLEM_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_gone_before_the_event_of_the_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(all_gone_needs_every_number_that_was_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(another_content_under_the_same_id_is_noticed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_conflict_is_about_the_one_who_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_go_and_whoever_is_waited_for_stays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_without_an_end_says_where_to_look, setup,
                                        teardown),
        cmocka_unit_test(a_problem_says_what_to_do_and_steers_no_terminal),
        cmocka_unit_test(a_refusal_of_the_worker_keeps_its_class),
        cmocka_unit_test_setup_teardown(answers_speak_the_language_and_name_each_number, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
