/* What the worker says of itself: whether it is ready, and figures in the units that they name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/log.h"
#include "service/control.h"
#include "service/health.h"
#include "service/note.h"
#include "service/partition.h"
#include "service/state.h"

static const struct instant start = {1000000000000};
static struct service service;
static struct partition partition; /* its only one */

static int setup(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    service = (struct service){.options = {.quiet = true},
                               .joined = true,
                               .control_read = true,
                               .control_seen = start,
                               .metrics = metrics_create(METRICS_OF_WORKER)};
    partition = (struct partition){.service = &service, .stage = PARTITION_RUNNING, .owning = true};
    TAILQ_INIT(&service.partitions);
    TAILQ_INSERT_TAIL(&service.partitions, &partition, of_service);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    metrics_destroy(service.metrics);
    return 0;
}

static void whatever_keeps_commands_waiting_makes_it_not_ready(void **state)
{
    (void)state;
    bool *const needed[] = {&service.joined, &service.control_read, &partition.owning};
    bool *const troubles[] = {&service.journal_failing, &service.events_failing,
                              &service.letters_failing, &service.control_stale};
    static const enum partition_stage stages[] = {PARTITION_RECOVERING, PARTITION_CLAIMING,
                                                  PARTITION_STOPPED};
    static const unsigned held[] = {HELD_MADE_ANEW, HELD_RECOUNTED};
    assert_true(service_is_ready(&service));
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        *needed[i] = false;
        assert_false(service_is_ready(&service));
        *needed[i] = true;
    }
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
        *troubles[i] = true;
        assert_false(service_is_ready(&service));
        *troubles[i] = false;
    }
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        partition.stage = stages[i];
        assert_false(service_is_ready(&service));
        partition.stage = PARTITION_RUNNING;
    }
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        partition.held = held[i];
        assert_false(service_is_ready(&service));
        partition.held = 0;
    }
    service.phase = SERVICE_DRAINING;
    assert_false(service_is_ready(&service));
    service.phase = SERVICE_RUNNING;
    TAILQ_REMOVE(&service.partitions, &partition, of_service);
    assert_true(service_is_ready(&service)); /* more members than partitions is no trouble */
}

static void pass(struct instant now)
{
    struct error err;
    assert_int_equal(control_pass(&service, now, &err), ERR_OK);
}

/* From then on the engine ends nothing: a kill switch may stand there. */
static void a_control_topic_unread_for_a_licences_age_makes_it_not_ready(void **state)
{
    (void)state;
    struct instant over = instant_add_ms(start, LICENCE_AGE_MS);
    pass(instant_add_ms(over, -1));
    assert_true(service_is_ready(&service));
    pass(over);
    assert_false(service_is_ready(&service));
    service.control_seen = instant_add_ms(start, 1);
    pass(over);
    assert_true(service_is_ready(&service));
}

static void shows(const char *line)
{
    AUTO_BUF page;
    buf_init(&page, 1 << 20);
    metrics_write(service.metrics, METRICS_TEXT, &page);
    if (!strstr(buf_text(&page), line))
        fail_msg("'%s' is not in:\n%s", line, buf_text(&page));
}

static enum error_code resolves_nothing(void *self, const struct command *of,
                                        const struct resolve_context *context,
                                        const struct session_list *list, struct resolution *ret,
                                        struct error *err)
{
    (void)self, (void)of, (void)context, (void)list, (void)ret;
    return error_set(err, ERR_NOT_FOUND, "nothing");
}

static void every_bound_that_holds_consumption_back_is_shown_and_named(void **state) /* I13 */
{
    (void)state;
    static const struct engine_config config = {.instance = "",
                                                .resolve = resolves_nothing,
                                                .attempts_max = 1,
                                                .open_commands_max = 2,
                                                .open_targets_max = 2,
                                                .kept_targets_max = 2,
                                                .remembered_max = 2};
    uint32_t *const used[ENGINE_BOUNDS] = {
        [ENGINE_BOUND_COMMANDS] = &service.budget.open_commands,
        [ENGINE_BOUND_TARGETS] = &service.budget.open_targets,
        [ENGINE_BOUND_KEPT] = &service.budget.kept_targets,
        [ENGINE_BOUND_IDS] = &service.budget.remembered_ids,
    };
    AUTO(engine) engine = engine_create(&config, &service.budget);
    partition.engine = engine;
    struct instant now = start;
    for (int bound = ENGINE_BOUND_NONE + 1; bound < ENGINE_BOUNDS; bound++) {
        *used[bound] = 2;
        health_pass(&service, now);
        shows("\ncurfew_consumption_paused 1\n");
        assert_int_equal(service.bound_told, bound);
        *used[bound] = 1;
        health_pass(&service, now);
        shows("\ncurfew_consumption_paused 0\n");
        assert_int_equal(service.bound_told, bound); /* it may be back at once */
        now = instant_add_ms(now, 10000);
        health_pass(&service, now);
        assert_int_equal(service.bound_told, ENGINE_BOUND_NONE);
    }
    *used[ENGINE_BOUND_IDS] = 2;
    partition.owning = false; /* others consume it */
    health_pass(&service, now);
    shows("\ncurfew_consumption_paused 0\n");
    partition.engine = NULL;
}

static void a_finished_command_is_counted_with_each_of_its_targets(void **state)
{
    (void)state;
    const struct engine_command_view view = {
        .cluster = "main",
        .outcome = COMMAND_PARTIALLY_COMPLETED,
        .targets = 5,
        .gave_back = true,
        .kept_foreign = true,
        .leaked = 2,
        .by_outcome = {[TARGET_ENDED] = 3, [TARGET_SURVIVED] = 2},
        .accepted_at = {1790000001000},
        .closed_at = {1790000003500},
    };
    note_finished(&service, &view);
    shows("\ncurfew_commands_finished_total{cluster=\"main\",outcome=\"partially_completed\"} 1\n");
    shows("\ncurfew_terminations_total{cluster=\"main\",outcome=\"ended\"} 3\n");
    shows("\ncurfew_terminations_total{cluster=\"main\",outcome=\"survived\"} 2\n");
    shows("\ncurfew_connections_leaked_total{cluster=\"main\"} 2\n");
    shows("\ncurfew_locks_given_back_total{cluster=\"main\",kept_foreign=\"yes\"} 1\n");
    shows("\ncurfew_command_age_seconds_sum 2.5\n");
    shows("\ncurfew_termination_duration_seconds_sum{cluster=\"main\"} 2.5\n");
}

static void a_refused_command_is_counted_by_its_reason_and_has_no_age(void **state)
{
    (void)state;
    const struct engine_command_view view = {.cluster = "",
                                             .outcome = COMMAND_REJECTED,
                                             .reason = ERR_DENIED,
                                             .closed_at = {1790000003500}};
    note_finished(&service, &view);
    shows("\ncurfew_commands_rejected_total{reason=\"denied\"} 1\n");
    shows("\ncurfew_command_age_seconds_count 0\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_keeps_commands_waiting_makes_it_not_ready),
        TEST(a_control_topic_unread_for_a_licences_age_makes_it_not_ready),
        TEST(every_bound_that_holds_consumption_back_is_shown_and_named),
        TEST(a_finished_command_is_counted_with_each_of_its_targets),
        TEST(a_refused_command_is_counted_by_its_reason_and_has_no_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
