/* A lock of ours that is written after everything was given back is found, and what stood there
 * comes back (I9); nobody else's lock is taken for one. */
#include "by_hand.h"

static const struct infobase_lock as_found = {.infobase = {{0xba, 0x5e}},
                                              .denied_from = {639000000000000},
                                              .denied_to = {639000600000000},
                                              .denied_message = (char *)(uintptr_t) "last month",
                                              .permission_code = (char *)(uintptr_t) "sesame"};

enum { BOUND_MS = LICENCE_AGE_MS + 30000 /* settle_ms */ };

/* A drain whose write stays somewhere on its way is given up, given back and closed. The lock that
 * is still to come: owned by the caller. */
static struct infobase_lock overdue(struct hand *hand, uint8_t id)
{
    hand_accept(hand, drain(id, 0, 0));
    struct engine_action read = hand_take(hand, ENGINE_LOCK_READ);
    hand_read_lock(hand, read.tag);
    hand_appended(hand, RECORD_LOCKED);
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    struct infobase_lock ret = infobase_lock_copy(write.lock);
    hand_lock_written(hand, write.tag, ERR_IN_DOUBT, true);
    struct uuid uuid = id_of(id);
    assert_true(engine_cancel(hand->engine, &uuid, &people, hand->wall, hand->now));
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    return ret;
}

static struct hand *owner(void)
{
    struct hand *hand = hand_create();
    hand_set_lock(hand, &as_found);
    hand_own(hand);
    return hand;
}

static void arrives(struct hand *hand, struct infobase_lock *late)
{
    hand_set_lock(hand, late);
    infobase_lock_release(late);
}

static void assert_stands(const struct hand *hand, const struct infobase_lock *lock)
{
    assert_true(infobase_lock_equal(&hand->lock, lock));
}

static void a_lock_written_behind_the_end_is_found_and_what_was_there_comes_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    hand_told_of_no_lock(hand);
    arrives(hand, &late);
    hand_run_for(hand, BOUND_MS + 2000);
    assert_stands(hand, &as_found);
    assert_int_equal(hand_count(hand, RECORD_CLOSED), 1);
    assert_int_equal(hand_count(hand, RECORD_ATTEMPT), 1);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 2);
    assert_int_equal(hand_told(hand), EVENT_RESTORED);
    hand_told_of_lock(hand, ENGINE_STRAY_FOUND, 1);
    hand_told_of_lock(hand, ENGINE_STRAY_REMOVED, 1);
    hand_told_of_no_lock(hand);
    assert_int_equal(engine_counts(hand->engine).locks_stray, 0);
}

static void the_next_owner_looks_at_once_and_again_when_no_write_can_come_any_more(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    hand_restart(hand, -1);
    hand_own(hand);
    struct engine_action read = hand_take(hand, ENGINE_LOCK_READ);
    assert_true(uuid_read(text_of(read.infobase), &(struct uuid){{0}}, NULL) == ERR_OK);
    hand_read_lock(hand, read.tag);
    hand_is_quiet(hand);
    assert_int_equal(instant_ms_between(hand->now, engine_wake(hand->engine)), BOUND_MS);
    arrives(hand, &late);
    hand_run_for(hand, BOUND_MS + 2000);
    assert_stands(hand, &as_found);
}

static void it_goes_under_a_licence_that_was_read_back_and_only_the_owners(void **state) /* I1 */
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    arrives(hand, &late);
    hand_wait(hand);
    engine_control_seen(hand->engine, hand->now, hand->now);
    struct engine_action read = hand_take(hand, ENGINE_LOCK_READ);
    hand_read_lock(hand, read.tag);
    struct instant appended = hand->now;
    struct record *attempt = hand_append(hand, RECORD_ATTEMPT);
    assert_int_equal(attempt->attempt.act, ACT_RESTORE);
    assert_int_equal(attempt->attempt.count, 0);
    hand_is_quiet(hand);
    hand_read(hand, attempt);
    assert_int_equal(engine_counts(hand->engine).locks_stray, 1);
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    assert_int_equal(instant_ms_between(appended, write.send_by), LICENCE_AGE_MS);
    assert_true(infobase_lock_equal(write.expected, &hand->lock));
    assert_true(engine_allows(hand->engine, ENGINE_LOCK_WRITE, write.tag));
    engine_assign(hand->engine, false, hand->now);
    assert_false(engine_allows(hand->engine, ENGINE_LOCK_WRITE, write.tag));
}

static void a_crash_at_any_record_of_a_removal_leaves_no_lock_of_ours(void **state)
{
    (void)state;
    for (int64_t records = 1; records <= 3; records++) {
        AUTO(hand) hand = owner();
        struct infobase_lock late = overdue(hand, 1);
        int64_t before = hand->journal_count;
        arrives(hand, &late);
        struct infobase_lock stray = infobase_lock_copy(&hand->lock);
        hand_run_for(hand, BOUND_MS + 2000);
        assert_int_equal(hand->journal_count, before + 2);
        hand_restart(hand, before + records - 1);
        if (records == 1)
            hand_set_lock(hand, &stray);
        infobase_lock_release(&stray);
        hand_own(hand);
        hand_run_for(hand, 2000);
        assert_stands(hand, &as_found);
        assert_int_equal(hand_count(hand, RECORD_RESTORED), 2);
    }
}

static void somebody_elses_lock_with_our_mark_is_named_once_and_not_touched(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    uint32_t writes = hand->lock_writes;
    free(late.denied_message);
    late.denied_message = mem_text("wait, please", 12); /* edited by hand */
    struct infobase_lock theirs = infobase_lock_copy(&late);
    arrives(hand, &late);
    hand_run_for(hand, hand->config.remember_ms);
    assert_stands(hand, &theirs);
    assert_int_equal(hand->lock_writes, writes);
    hand_told_of_lock(hand, ENGINE_STRAY_UNKNOWN, 1);
    hand_told_of_no_lock(hand);
    infobase_lock_release(&theirs);
}

static void a_lock_of_a_command_that_nobody_remembers_is_named_and_kept(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct uuid unknown = id_of(77);
    struct infobase_lock theirs = as_found;
    theirs.sessions_deny = true;
    theirs.denied_to = (struct server_time){0};
    theirs.denied_parameter = uuid_format(&unknown).text;
    hand_set_lock(hand, &theirs);
    hand_accept(hand, drain(1, 0, 0));
    hand_run(hand);
    assert_stands(hand, &theirs);
    hand_told_of_lock(hand, ENGINE_STRAY_UNKNOWN, 77);
    hand_told_of_no_lock(hand);
}

static void jobs_that_somebody_denies_behind_the_end_stay_denied(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    infobase_lock_release(&late);
    uint32_t writes = hand->lock_writes;
    hand->lock.scheduled_jobs_deny = true;
    hand_run_for(hand, hand->config.remember_ms);
    assert_true(hand->lock.scheduled_jobs_deny);
    assert_int_equal(hand->lock_writes, writes);
    hand_accept(hand, drain(2, 0, 0));
    hand_run(hand);
    assert_true(hand->lock.scheduled_jobs_deny);
}

static void
a_drain_over_a_late_lock_has_its_own_words_and_gives_back_what_was_before_both(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    arrives(hand, &late);
    hand_accept(hand, drain(2, 0, 0));
    struct engine_action read = hand_take(hand, ENGINE_LOCK_READ);
    hand_read_lock(hand, read.tag);
    struct record *locked = hand_append(hand, RECORD_LOCKED);
    struct uuid second = id_of(2);
    assert_true(infobase_lock_equal(&locked->locked.before, &as_found));
    assert_string_equal(locked->locked.during.denied_parameter, uuid_format(&second).text);
    hand_read(hand, locked);
    hand_run(hand);
    assert_stands(hand, &as_found);
    hand_told_of_no_lock(hand);
}

static void a_late_write_into_the_hold_of_a_later_drain_goes_with_it(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    hand_accept(hand, drain(2, 0, 600000));
    hand_run_for(hand, 60000);
    arrives(hand, &late);
    hand_run(hand);
    assert_stands(hand, &as_found);
}

static void what_somebody_else_left_at_the_end_is_what_comes_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, drain(1, 0, 60000));
    hand_run_for(hand, 30000);
    struct infobase_lock late = infobase_lock_copy(&hand->lock);
    struct infobase_lock theirs = as_found;
    theirs.sessions_deny = true;
    theirs.denied_message = (char *)(uintptr_t) "restoring a backup";
    theirs.scheduled_jobs_deny = true;
    hand_set_lock(hand, &theirs);
    hand_run(hand);
    theirs.scheduled_jobs_deny = hand->lock.scheduled_jobs_deny;
    assert_stands(hand, &theirs);
    arrives(hand, &late);
    hand_run_for(hand, BOUND_MS + 2000);
    assert_stands(hand, &theirs);
}

static void
it_counts_as_open_nowhere_and_ends_with_the_memory_of_the_journal(void **state) /* I13 */
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    infobase_lock_release(&late);
    assert_int_equal(hand->budget.open_commands, 0);
    assert_int_equal(engine_counts(hand->engine).locks_watched, 1);
    assert_int_equal(engine_counts(hand->engine).locks_held, 0);
    hand_run_for(hand, 2 * hand->config.remember_ms + 1000);
    hand_accept(hand, by_uuid(2, 1, 99u));
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).locks_watched, 0);
    assert_int_equal(hand->budget.remembered_ids, 1);
    assert_true(engine_wake(hand->engine).ns == INSTANT_NEVER.ns);
}

static void a_cluster_that_takes_the_write_and_does_nothing_is_not_hammered(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    arrives(hand, &late);
    int64_t before = hand->journal_count;
    struct engine_action action;
    struct instant until = instant_add_ms(hand->now, BOUND_MS + 5000);
    while (instant_before(hand->now, until)) {
        while (hand_next(hand, &action))
            if (action.kind == ENGINE_LOCK_WRITE)
                hand_lock_written(hand, action.tag, ERR_OK, true);
            else
                hand_carry_out(hand, &action);
        hand_pass(hand, 1000);
        engine_control_seen(hand->engine, hand->now, hand->now);
    }
    assert_int_equal(hand->journal_count, before + 3);
    hand_run_for(hand, 3 * BOUND_MS);
    assert_stands(hand, &as_found);
}

/* Its events are held back by a broker that does not take them. */
static void run_without_events(struct hand *hand, int64_t ms)
{
    struct engine_action action;
    struct instant until = instant_add_ms(hand->now, ms);
    while (instant_before(hand->now, until)) {
        while (hand_next(hand, &action)) {
            if (action.kind == ENGINE_PUBLISH)
                engine_published(hand->engine, action.tag, false, hand->now);
            else
                hand_carry_out(hand, &action);
        }
        hand_pass(hand, 100);
    }
}

static void a_later_drain_ends_the_watch_before_its_last_event_is_delivered(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    arrives(hand, &late);
    hand->hold_events = true;
    run_without_events(hand, BOUND_MS + 2000);
    uint32_t restored = hand_count(hand, RECORD_RESTORED);
    assert_true(restored > 1);
    hand_offer(hand, drain(2, 0, 600000));
    run_without_events(hand, 5000);
    assert_int_equal(hand_count(hand, RECORD_LOCKED), 2);
    hand->hold_events = false;
    hand_restart(hand, -1); /* and so for the next owner */
    hand_own(hand);
    hand_run_for(hand, 3000);
    assert_int_equal(engine_counts(hand->engine).open_commands, 1);
    assert_int_equal(engine_counts(hand->engine).events_waiting, 0);
}

static void one_that_was_found_is_not_forgotten_before_it_is_removed(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    struct engine_action action;
    hand_run_for(hand, 400000);
    arrives(hand, &late);
    struct instant until = instant_add_ms(hand->now, hand->config.remember_ms + 300000);
    while (instant_before(hand->now, until)) { /* the cluster takes no write for all that time */
        while (hand_next(hand, &action)) {
            if (action.kind == ENGINE_LOCK_WRITE)
                hand_lock_written(hand, action.tag, ERR_UNAVAILABLE, false);
            else
                hand_carry_out(hand, &action);
        }
        hand_pass(hand, 1000);
    }
    hand_offer(hand, by_uuid(3, 1, 99u)); /* records of a later time */
    hand_run_for(hand, 1000000);
    assert_stands(hand, &as_found);
}

static void one_that_comes_just_before_the_memory_ends_is_removed(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct infobase_lock late = overdue(hand, 1);
    hand_run_for(hand, hand->config.remember_ms - 60000);
    arrives(hand, &late);
    hand_run_for(hand, 600000);
    assert_stands(hand, &as_found);
    assert_int_equal(engine_counts(hand->engine).locks_stray, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_written_behind_the_end_is_found_and_what_was_there_comes_back),
        cmocka_unit_test(the_next_owner_looks_at_once_and_again_when_no_write_can_come_any_more),
        cmocka_unit_test(it_goes_under_a_licence_that_was_read_back_and_only_the_owners),
        cmocka_unit_test(a_crash_at_any_record_of_a_removal_leaves_no_lock_of_ours),
        cmocka_unit_test(somebody_elses_lock_with_our_mark_is_named_once_and_not_touched),
        cmocka_unit_test(a_lock_of_a_command_that_nobody_remembers_is_named_and_kept),
        cmocka_unit_test(jobs_that_somebody_denies_behind_the_end_stay_denied),
        cmocka_unit_test(
            a_drain_over_a_late_lock_has_its_own_words_and_gives_back_what_was_before_both),
        cmocka_unit_test(a_late_write_into_the_hold_of_a_later_drain_goes_with_it),
        cmocka_unit_test(what_somebody_else_left_at_the_end_is_what_comes_back),
        cmocka_unit_test(it_counts_as_open_nowhere_and_ends_with_the_memory_of_the_journal),
        cmocka_unit_test(a_cluster_that_takes_the_write_and_does_nothing_is_not_hammered),
        cmocka_unit_test(a_later_drain_ends_the_watch_before_its_last_event_is_delivered),
        cmocka_unit_test(one_that_was_found_is_not_forgotten_before_it_is_removed),
        cmocka_unit_test(one_that_comes_just_before_the_memory_ends_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
