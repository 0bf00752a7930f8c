/* The lock of a drained infobase: taken under a licence, given back whatever happens (I9). */
#include "by_hand.h"

static struct hand *owner(void)
{
    struct hand *hand = hand_create();
    hand_own(hand);
    return hand;
}

/* What an administrator left there: off, and with words of its own. */
static const struct infobase_lock as_found = {.infobase = {{0xba, 0x5e}},
                                              .denied_from = {639000000000000},
                                              .denied_to = {639000600000000},
                                              .denied_message = (char *)(uintptr_t) "last month",
                                              .permission_code = (char *)(uintptr_t) "sesame"};

static struct engine_action take_read(struct hand *hand)
{
    struct engine_action action = hand_take(hand, ENGINE_LOCK_READ);
    hand_read_lock(hand, action.tag);
    return action;
}

/* Accepted, LOCKED read back: the write is the next action. */
static void licensed(struct hand *hand, struct command *command)
{
    hand_accept(hand, command);
    take_read(hand);
    hand_appended(hand, RECORD_LOCKED);
}

static void locked(struct hand *hand, struct command *command)
{
    licensed(hand, command);
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    hand_write_lock(hand, &write);
    take_read(hand);
}

static void assert_as_found(const struct hand *hand, const struct infobase_lock *lock)
{
    assert_true(infobase_lock_equal(&hand->lock, lock));
}

static bool is_locked_by(const struct hand *hand, uint8_t id)
{
    struct uuid uuid = id_of(id);
    return hand->lock.sessions_deny &&
           !strcmp(hand->lock.denied_parameter, uuid_format(&uuid).text);
}

static void the_lock_is_read_licensed_written_over_what_was_seen_and_read_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    hand_accept(hand, drain(1, 60000, 0));
    struct engine_action read = take_read(hand);
    assert_string_equal(read.infobase, "ut");
    struct instant appended = hand->now;
    struct record *record = hand_append(hand, RECORD_LOCKED);
    assert_true(infobase_lock_equal(&record->locked.before, &as_found));
    assert_true(record->locked.during.sessions_deny);
    assert_true(record->locked.during.scheduled_jobs_deny);
    assert_true(record->locked.during.denied_to.ticks == 0);
    assert_int_equal(record->locked.attempt, 1);
    int64_t grace = record->locked.grace_until.ms - hand->wall.ms;
    assert_in_range(grace, 60000, 61000);
    assert_int_equal(record->locked.grace_until.ms % 1000, 0); /* the cluster keeps seconds */
    assert_true(record->locked.during.denied_from.ticks ==
                hand_ticks(record->locked.grace_until).ticks);
    assert_int_equal(record->locked.end_by.ms, record->locked.grace_until.ms + 600000);
    hand_is_quiet(hand);
    hand_read(hand, record);
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    assert_true(infobase_lock_equal(write.expected, &as_found));
    assert_int_equal(instant_ms_between(appended, write.send_by), LICENCE_AGE_MS);
    assert_true(engine_allows(hand->engine, ENGINE_LOCK_WRITE, write.tag));
    hand_write_lock(hand, &write);
    assert_true(is_locked_by(hand, 1));
    take_read(hand);
    hand_take(hand, ENGINE_LIST); /* now, and not before, the infobase is looked at */
}

static void a_drain_that_finds_nobody_gives_back_what_was_there(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    hand_accept(hand, drain(1, 0, 0));
    hand_run(hand);
    assert_as_found(hand, &as_found);
    assert_int_equal(hand->lock_writes, 2);
    assert_int_equal(hand_count(hand, RECORD_LOCKED), 1);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 1);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void no_lock_is_written_without_its_licence_nor_when_it_is_old(void **state) /* I1 */
{
    (void)state;
    AUTO(hand) hand = owner();
    licensed(hand, drain(1, 0, 0));
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    hand_lock_written(hand, write.tag, ERR_STALE, false);
    hand_pass(hand, LICENCE_AGE_MS);
    engine_control_seen(hand->engine, hand->now, hand->now);
    take_read(hand);
    struct record *again = hand_append(hand, RECORD_LOCKED); /* a new one, not the old licence */
    assert_int_equal(again->locked.attempt, 2);
    hand_read(hand, again);
    hand_take(hand, ENGINE_LOCK_WRITE);
}

static void a_write_in_doubt_is_decided_by_reading(void **state) /* I6 */
{
    (void)state;
    AUTO(hand) hand = owner();
    licensed(hand, drain(1, 0, 0));
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    hand_set_lock(hand, write.lock); /* it came through; its answer did not */
    hand_lock_written(hand, write.tag, ERR_IN_DOUBT, true);
    hand_wait(hand);
    take_read(hand);
    hand_take(hand, ENGINE_LIST);
}

static void a_change_between_reading_and_writing_is_what_is_given_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    licensed(hand, drain(1, 0, 0));
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    hand_set_lock(hand, &as_found); /* somebody, at that moment */
    hand_write_lock(hand, &write);
    assert_as_found(hand, &as_found);
    hand_run(hand);
    assert_as_found(hand, &as_found);
    assert_int_equal(hand_count(hand, RECORD_LOCKED), 2);
}

static void after_a_crash_at_any_record_the_lock_is_given_back(void **state) /* I9 */
{
    (void)state;
    AUTO(hand) whole = owner();
    hand_set_lock(whole, &as_found);
    hand_accept(whole, drain(1, 0, 5000));
    hand_run(whole);
    for (int64_t count = 2; count <= whole->journal_count; count++) {
        AUTO(hand) hand = owner();
        hand_set_lock(hand, &as_found);
        hand_accept(hand, drain(1, 0, 5000));
        struct engine_action action;
        for (int turn = 0; turn < TURNS_MAX && hand->journal_count < count; turn++) {
            while (hand->journal_count < count && hand_next(hand, &action))
                hand_carry_out(hand, &action);
            int64_t ms = instant_ms_between(hand->now, engine_wake(hand->engine)) + 1;
            if (hand->journal_count < count)
                hand_pass(hand, ms > 0 ? ms : 1);
        }
        hand_restart(hand, -1);
        hand_own(hand);
        hand_run(hand);
        assert_as_found(hand, &as_found);
        assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    }
}

static void a_late_write_of_an_earlier_owner_is_removed_before_restored_is_said(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    licensed(hand, drain(1, 0, 0));
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    struct infobase_lock late = infobase_lock_copy(write.lock);
    hand_restart(hand, -1);
    hand_own(hand);
    engine_halt(hand->engine, true, hand->now); /* so it is given up at once */
    take_read(hand);
    hand_is_quiet(hand); /* nothing of ours stands there, and yet RESTORED is not said */
    hand_set_lock(hand, &late);
    infobase_lock_release(&late);
    hand_run(hand);
    assert_false(hand->lock.sessions_deny);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 1);
}

static void the_kill_switch_stops_locking_and_not_giving_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    licensed(hand, drain(1, 0, 0));
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    engine_halt(hand->engine, true, hand->now);
    assert_false(engine_allows(hand->engine, ENGINE_LOCK_WRITE, write.tag));
    hand_lock_written(hand, write.tag, ERR_STALE, false);
    engine_halt(hand->engine, false, hand->now);
    hand_wait(hand);
    take_read(hand);
    hand_appended(hand, RECORD_LOCKED);
    write = hand_take(hand, ENGINE_LOCK_WRITE);
    hand_write_lock(hand, &write);
    engine_halt(hand->engine, true, hand->now);
    hand_run(hand);
    assert_false(hand->lock.sessions_deny);
    assert_false(hand->lock.scheduled_jobs_deny);
}

static void what_somebody_else_set_meanwhile_is_kept_and_said(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    locked(hand, drain(1, 0, 0));
    struct infobase_lock theirs = {.sessions_deny = true,
                                   .denied_message = (char *)(uintptr_t) "theirs",
                                   .scheduled_jobs_deny = true};
    hand_set_lock(hand, &theirs);
    hand_run(hand);
    assert_true(hand->lock.sessions_deny);
    assert_string_equal(hand->lock.denied_message, "theirs");
    assert_false(hand->lock.scheduled_jobs_deny); /* that was ours */
}

static void two_drains_share_one_lock_and_the_last_one_gives_it_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    hand_accept(hand, drain(1, 0, 60000));
    hand_accept(hand, drain(2, 0, 200000));
    hand_world(hand, 0);
    struct engine_action action;
    struct instant start = hand->now;
    bool one_closed = false;
    for (int turn = 0; turn < TURNS_MAX && instant_ms_between(start, hand->now) < 150000; turn++) {
        while (hand_next(hand, &action))
            hand_carry_out(hand, &action);
        one_closed |= engine_counts(hand->engine).open_commands == 1;
        int64_t ms = instant_ms_between(hand->now, engine_wake(hand->engine)) + 1;
        hand_pass(hand, ms > 10000 ? 10000 : ms > 0 ? ms : 1);
    }
    assert_true(one_closed);
    assert_true(hand->lock.sessions_deny); /* the second one still holds it */
    hand_run(hand);
    assert_as_found(hand, &as_found);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 2);
    assert_int_equal(hand->lock_writes, 2); /* the first write covers both */
}

static void giving_back_goes_on_until_the_cluster_is_there_again(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    locked(hand, drain(1, 0, 0));
    hand->cluster_down = true;
    engine_halt(hand->engine, true, hand->now);
    struct engine_action action;
    for (int i = 0; i < 400; i++) {
        while (hand_next(hand, &action))
            hand_carry_out(hand, &action);
        hand_pass(hand, 10000); /* more than an hour, far behind the expiry */
    }
    hand->cluster_down = false;
    struct instant back = hand->now;
    hand_run(hand);
    assert_as_found(hand, &as_found);
    assert_in_range(instant_ms_between(back, hand->now), 0, 60000);
}

static void an_infobase_that_is_gone_ends_the_hold_and_the_reason_says_so(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    locked(hand, drain(1, 0, 0));
    hand->infobase_gone = true;
    engine_halt(hand->engine, true, hand->now);
    hand_run(hand);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 1);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

/* One wrong word is no reason to leave users locked out. */
static void an_infobase_that_is_missing_for_a_moment_is_given_back(void **state) /* I9 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    locked(hand, drain(1, 0, 0));
    hand->infobase_gone = true;
    engine_halt(hand->engine, true, hand->now);
    hand_run_for(hand, 20000);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 0);
    hand->infobase_gone = false;
    hand_run(hand);
    assert_as_found(hand, &as_found);
}

static void a_drain_of_an_unknown_infobase_is_refused_at_once(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->infobase_gone = true;
    hand_accept(hand, drain(1, 0, 0));
    struct instant asked = hand->now;
    hand_run(hand);
    assert_true(instant_ms_between(asked, hand->now) < 2000);
    assert_int_equal(hand->lock_writes, 0);
    assert_int_equal(hand_count(hand, RECORD_LOCKED), 0);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(hand_told(hand), EVENT_REJECTED);
}

/* A rule of the policy names the infobase's UUID, the drain its name: what the cluster says
 * decides. */
static void a_drain_that_may_not_lock_is_refused_before_it_does(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    hand->may_not_lock = true;
    hand_accept(hand, drain(1, 0, 0));
    hand_run(hand);
    assert_int_equal(hand->lock_writes, 0);
    assert_int_equal(hand_count(hand, RECORD_LOCKED), 0);
    assert_as_found(hand, &as_found);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(hand->told[hand->told_count - 1].kind, EVENT_REJECTED);
}

/* As over rac, when the lock's code would stand on a command line and may not. */
static void a_lock_that_cannot_be_written_fails_the_drain_for_that_reason(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    licensed(hand, drain(1, 0, 0));
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    hand_lock_written(hand, write.tag, ERR_CONFIG, false);
    hand_run(hand);
    assert_int_equal(hand->lock_writes, 0);
    assert_int_equal(hand_count(hand, RECORD_LOCKED), 1);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 1);
    assert_as_found(hand, &as_found);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(hand_told(hand), EVENT_FAILED);
}

static void users_leave_in_the_grace_the_rest_is_ended_in_rounds_and_then_it_holds(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    hand_world(hand, 3, 7u, 8u, 9u);
    hand->protects = 9;
    hand_accept(hand, drain(1, 60000, 100000));
    hand_run_for(hand, 30000);
    assert_true(hand->lock.sessions_deny);
    assert_int_equal(hand->ends, 0);
    hand->world[0] = hand->world[1]; /* 7 leaves */
    hand->world[1] = hand->world[2];
    hand->world_count = 2;
    hand_run_for(hand, 60000);
    assert_int_equal(hand->ends, 1); /* 8; 9 is protected */
    assert_int_equal(hand->world_count, 1);
    assert_true(is_locked_by(hand, 1)); /* it holds */
    assert_int_equal(hand_count(hand, RECORD_CLOSED), 0);
    hand_run(hand);
    assert_as_found(hand, &as_found);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void the_way_of_a_drain_is_announced(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 1, 7u);
    hand_accept(hand, drain(1, 60000, 100000));
    hand_run(hand);
    static const enum event_kind way[] = {EVENT_ACCEPTED, EVENT_RESTORED, EVENT_COMPLETED};
    static const enum progress between[] = {PROGRESS_WARNED, PROGRESS_NONE /* released */,
                                            PROGRESS_HOLDING};
    assert_int_equal(hand->told_count, sizeof way / sizeof way[0]);
    for (size_t i = 0; i < hand->told_count; i++)
        assert_int_equal(hand->told[i].kind, way[i]);
    assert_int_equal(hand->progress_count, sizeof between / sizeof between[0]);
    for (size_t i = 0; i < hand->progress_count; i++)
        assert_int_equal(hand->progress[i], between[i]);
}

static void whoever_slips_in_is_ended_in_a_further_round(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 2, 7u, 8u);
    hand_accept(hand, drain(1, 0, 0));
    hand_run_until(hand, 2);
    hand_world(hand, 1, 11u);
    hand_run(hand);
    assert_int_equal(hand->ends, 3);
    assert_int_equal(hand->world_count, 0);
    assert_false(hand->lock.sessions_deny);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

/* He may be one who stays, or one who does not: only a later list tells. */
static void a_drain_is_not_empty_while_somebody_has_no_user_yet(void **state) /* I7 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 2, 7u, 11u);
    hand->doubts = 11;
    hand_accept(hand, drain(1, 0, 3600000));
    hand_run_for(hand, 46000);
    assert_int_equal(hand->ends, 1); /* the other one */
    assert_int_equal(hand->world_count, 1);
    for (size_t i = 0; i < hand->progress_count; i++)
        assert_int_not_equal(hand->progress[i], PROGRESS_HOLDING);
    hand->doubts = 0; /* he has one now, who may be ended */
    hand_run_for(hand, 60000);
    assert_int_equal(hand->ends, 2);
    assert_int_equal(hand->world_count, 0);
    assert_int_equal(hand->progress[hand->progress_count - 1], PROGRESS_HOLDING);
}

static void who_has_no_user_until_the_deadline_is_named_and_nothing_is_called_empty(void **state)
{
    (void)state;
    static const uint32_t beside[] = {0, 7};
    for (size_t i = 0; i < 2; i++) {
        AUTO(hand) hand = owner();
        hand_set_lock(hand, &as_found);
        hand_world(hand, beside[i] ? 2 : 1, 11u, beside[i]);
        hand->doubts = 11;
        struct command *command = drain(1, 0, 3600000);
        command->drain_deadline_ms = 60000;
        hand_accept(hand, command);
        hand_run_for(hand, 120000);
        assert_as_found(hand, &as_found);
        assert_int_equal(hand->world_count, 1);
        assert_int_equal(hand_told(hand), beside[i] ? EVENT_PARTIALLY_COMPLETED : EVENT_EXPIRED);
        assert_non_null(strstr(hand->last_reason, "session 11 has no user"));
    }
}

static void nobody_is_no_proof_before_the_lock_begins(void **state) /* I7 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, drain(1, 60000, 100000));
    hand_run_for(hand, 30000);
    hand_world(hand, 1, 11u); /* the lock lets him in */
    hand_run_for(hand, 60000);
    assert_int_equal(hand->ends, 1);
    assert_int_equal(hand->world_count, 0);
    assert_true(is_locked_by(hand, 1)); /* it holds, and it is empty */
    hand_run(hand);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

/* The later of two readings was written, lest users lose an hour. */
static void when_the_clocks_are_set_back_in_the_grace_the_lock_begins_with_its_end(void **state)
{
    (void)state;
    for (int someone = 0; someone < 2; someone++) {
        AUTO(hand) hand = owner();
        hand_world(hand, (size_t)someone, 7u);
        hand_accept(hand, drain(1, 60000, 100000));
        hand_run_for(hand, 30000);
        struct server_time announced = hand->lock.denied_from;
        hand->set_back_ms = 3600000;
        hand_run_for(hand, 20000);
        assert_true(server_time_equal(hand->lock.denied_from, announced));
        assert_int_equal(hand->ends, 0);
        hand_run_for(hand, 50000);
        assert_true(is_locked_by(hand, 1));
        assert_int_equal(hand->lock.denied_from.ticks, 0); /* at once */
        assert_int_equal(hand->ends, someone);
        assert_int_equal(hand_count(hand, RECORD_LOCKED), 2);
        hand_run(hand);
        assert_false(hand->lock.sessions_deny);
        assert_int_equal(hand_told(hand), EVENT_COMPLETED);
    }
}

static void who_comes_in_the_grace_when_all_have_left_has_the_rest_of_it(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 1, 7u);
    hand_accept(hand, drain(1, 60000, 100000));
    hand_run_for(hand, 10000);
    hand_world(hand, 0);
    hand_run_for(hand, 20000);
    hand_world(hand, 1, 11u);
    hand_run_for(hand, 25000);
    assert_int_equal(hand->ends, 0);
    hand_run_for(hand, 30000);
    assert_int_equal(hand->ends, 1);
    assert_int_equal(hand->world_count, 0);
    hand_run(hand);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void a_list_wanted_before_all_had_left_begins_no_round_in_the_grace(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 1, 7u);
    hand_accept(hand, drain(1, 60000, 100000));
    hand_run_for(hand, 5000);
    hand_world(hand, 0);
    struct engine_action action;
    for (;;) {
        if (!hand_next(hand, &action))
            hand_wait(hand);
        else if (action.kind == ENGINE_PROBE)
            break;
        else
            hand_carry_out(hand, &action);
    }
    hand_is_quiet(hand); /* while it is asked after him, a further list is wanted */
    engine_probed(hand->engine, action.tag, ERR_GONE, NULL, hand->now);
    hand_appended(hand, RECORD_OUTCOME);
    hand_world(hand, 1, 11u);
    hand_accept(hand, by_uuid(2, 1, 99u)); /* the cluster is listed for somebody else */
    hand_run_for(hand, 5000);
    assert_int_equal(hand_count(hand, RECORD_CLOSED), 1);
    assert_int_equal(hand_count(hand, RECORD_RESOLVED), 2); /* of both, and no second round */
    assert_int_equal(hand->ends, 0);
    hand_run_for(hand, 70000);
    assert_int_equal(hand->ends, 1);
    assert_true(is_locked_by(hand, 1));
}

static void
protected_ones_who_come_later_are_named_once_and_keep_nothing_from_being_done(void **state)
{
    static const unsigned later[] = {9u, 11u};
    (void)state;
    for (size_t others = 0; others < 2; others++) {
        AUTO(hand) hand = owner();
        hand_world(hand, 1, 7u);
        hand->protects = 9;
        hand_accept(hand, drain(1, 0, 5000));
        hand_run_until(hand, 1);
        hand_world(hand, 1 + others, later[0], later[1]);
        hand_run(hand);
        assert_int_equal(hand->world_count, 1);
        const struct told *end = &hand->told[hand->told_count - 1];
        assert_int_equal(end->kind, EVENT_COMPLETED);
        assert_int_equal(end->targets, 2 + others); /* 7, 9, and 11 when he is there */
    }
}

/* ---- approval ---- */

static void approve(struct hand *hand, uint8_t id)
{
    struct engine_approval said = {id_of(id), "chief", hand->pending_digest};
    assert_true(engine_approve(hand->engine, &said, hand->now));
}

/* A drain of 7 and 8, whose list waits. */
static struct hand *waiting(int64_t grace_ms, int64_t hold_ms)
{
    struct hand *hand = owner();
    hand->approve_above = 1;
    hand->config.drains_ask = true;
    engine_configure(hand->engine, &hand->config);
    hand_set_lock(hand, &as_found);
    hand_world(hand, 2, 7u, 8u);
    struct command *command = drain(1, grace_ms, hold_ms);
    command->requested_by = "asker";
    hand_accept(hand, command);
    hand_run_for(hand, 20000);
    assert_true(hand->pending_digest[0]);
    return hand;
}

static void before_its_approval_a_drain_does_not_even_lock(void **state)
{
    (void)state;
    AUTO(hand) hand = waiting(0, 5000);
    assert_int_equal(hand_count(hand, RECORD_PENDING), 1);
    assert_int_equal(hand_count(hand, RECORD_LOCKED), 0);
    assert_as_found(hand, &as_found);
    approve(hand, 1);
    hand_run(hand);
    assert_int_equal(hand->ends, 2);
    assert_int_equal(hand_count(hand, RECORD_LOCKED), 1);
    assert_as_found(hand, &as_found);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void an_approved_drain_ends_nobody_before_its_lock_stands(void **state)
{
    (void)state;
    AUTO(hand) hand = waiting(0, 5000);
    approve(hand, 1);
    struct engine_action action;
    while (hand_next(hand, &action)) {
        assert_int_not_equal(action.kind, ENGINE_END);
        if (action.kind == ENGINE_LOCK_WRITE)
            break;
        hand_carry_out(hand, &action);
    }
    assert_int_equal(action.kind, ENGINE_LOCK_WRITE);
    hand_lock_written(hand, action.tag, ERR_AUTH, true); /* it may not */
    hand_run(hand);
    assert_int_equal(hand->ends, 0);
    assert_int_equal(hand->world_count, 2);
    assert_as_found(hand, &as_found);
    assert_int_equal(hand_told(hand), EVENT_FAILED);
}

static void the_grace_of_an_approved_drain_begins_with_its_lock(void **state)
{
    (void)state;
    AUTO(hand) hand = waiting(60000, 5000);
    hand_run_for(hand, 1800000);
    approve(hand, 1);
    hand_run_for(hand, 30000);
    assert_true(is_locked_by(hand, 1));
    assert_int_equal(hand->progress[hand->progress_count - 1], PROGRESS_WARNED);
    hand_world(hand, 1, 8u); /* 7 leaves */
    hand_run_for(hand, 25000);
    assert_int_equal(hand->ends, 0);
    hand_run(hand);
    assert_int_equal(hand->ends, 1);
    assert_as_found(hand, &as_found);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void without_an_approval_in_time_a_drain_touches_nothing(void **state)
{
    (void)state;
    AUTO(hand) hand = waiting(0, 5000);
    hand_run(hand);
    assert_int_equal(hand->lock_writes, 0);
    assert_int_equal(hand->ends, 0);
    assert_int_equal(hand_told(hand), EVENT_EXPIRED);
}

static void
more_who_come_than_one_may_decide_wait_again_and_at_most_until_the_deadline(void **state)
{
    (void)state;
    for (int approved = 0; approved < 2; approved++) {
        AUTO(hand) hand = waiting(0, 5000);
        approve(hand, 1);
        hand_run_until(hand, 2);
        hand_world(hand, 2, 11u, 12u);
        hand_run_for(hand, 60000);
        assert_int_equal(hand->ends, 2);
        assert_int_equal(hand_count(hand, RECORD_PENDING), 2);
        assert_true(is_locked_by(hand, 1)); /* meanwhile nobody else comes */
        struct instant start = hand->now;
        if (approved)
            approve(hand, 1);
        hand_run(hand);
        assert_int_equal(hand->ends, approved ? 4 : 2);
        assert_as_found(hand, &as_found);
        assert_true(instant_ms_between(start, hand->now) < 600000 + 100000);
        assert_int_equal(hand_told(hand), approved ? EVENT_COMPLETED : EVENT_PARTIALLY_COMPLETED);
    }
}

static void few_who_come_later_need_no_further_approval(void **state)
{
    (void)state;
    AUTO(hand) hand = waiting(0, 5000);
    approve(hand, 1);
    hand_run_until(hand, 2);
    hand_world(hand, 2, 8u, 11u); /* one of them was approved, and did not go */
    hand_run(hand);
    assert_int_equal(hand_count(hand, RECORD_PENDING), 1);
    assert_int_equal(hand->world_count, 0);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void when_all_whom_it_names_are_gone_an_approved_drain_looks_for_others(void **state)
{
    (void)state;
    AUTO(hand) hand = waiting(0, 5000);
    hand_world(hand, 1, 11u);
    approve(hand, 1);
    hand_run(hand);
    assert_int_equal(hand->world_count, 0);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void after_a_crash_at_any_record_an_approved_drain_gives_back(void **state) /* I9 */
{
    (void)state;
    for (int64_t count = 2; count < 40; count++) {
        AUTO(hand) hand = waiting(10000, 5000);
        if (hand->journal_count < count)
            approve(hand, 1);
        struct engine_action action;
        for (int turn = 0; turn < TURNS_MAX && hand->journal_count < count; turn++) {
            while (hand->journal_count < count && hand_next(hand, &action))
                hand_carry_out(hand, &action);
            int64_t ms = instant_ms_between(hand->now, engine_wake(hand->engine)) + 1;
            if (hand->journal_count < count)
                hand_pass(hand, ms > 0 ? ms : 1);
        }
        hand_restart(hand, -1);
        hand_own(hand);
        hand_run_for(hand, 20000);
        struct engine_approval said = {id_of(1), "chief", hand->pending_digest};
        engine_approve(hand->engine, &said, hand->now);
        hand_run(hand);
        assert_as_found(hand, &as_found);
        assert_int_equal(hand->world_count, 0);
        assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    }
}

static void a_cancel_of_what_waits_leaves_everything_as_it_was(void **state)
{
    (void)state;
    for (int locking = 0; locking < 2; locking++) {
        AUTO(hand) hand = waiting(0, 5000);
        struct uuid id = id_of(1);
        if (locking) {
            struct engine_action action;
            approve(hand, 1);
            while (hand_next(hand, &action) && action.kind != ENGINE_LOCK_WRITE)
                hand_carry_out(hand, &action);
            hand_write_lock(hand, &action);
        }
        assert_true(engine_cancel(hand->engine, &id, &people, hand->wall, hand->now));
        hand_run(hand);
        assert_int_equal(hand->ends, 0);
        assert_as_found(hand, &as_found);
        assert_int_equal(hand_told(hand), EVENT_CANCELLED);
    }
}

static void what_came_behind_a_long_hold_is_forgotten_in_its_time(void **state) /* I13 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, drain(1, 0, 86400000));
    hand_run_for(hand, 60000);
    hand_accept(hand, by_uuid(2, 1, 99u));
    hand_run_for(hand, 60000);
    assert_int_equal(hand->budget.remembered_ids, 2);
    hand_run_for(hand, 2 * hand->config.remember_ms);
    hand_accept(hand, by_uuid(3, 1, 99u));
    assert_int_equal(hand->budget.remembered_ids, 2); /* the drain and the new one */
    assert_true(is_locked_by(hand, 1));
}

static void a_cancel_in_the_hold_gives_back_at_once(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    hand_accept(hand, drain(1, 0, 3600000));
    hand_run_for(hand, 60000);
    assert_true(is_locked_by(hand, 1));
    struct uuid id = id_of(1);
    assert_true(engine_cancel(hand->engine, &id, &people, hand->wall, hand->now));
    hand_run_for(hand, 2000);
    assert_as_found(hand, &as_found);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void restore_ends_the_holds_of_that_infobase_that_were_asked_for_before_it(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, drain(1, 0, 3600000));
    hand_run_for(hand, 60000);
    struct wall early = {hand->wall.ms - 60001};
    assert_int_equal(engine_give_back(hand->engine, "main", "UT", early, &people, hand->now), 0);
    assert_int_equal(
        engine_give_back(hand->engine, "main", "other", hand->wall, &people, hand->now), 0);
    assert_int_equal(engine_give_back(hand->engine, "main", "UT", hand->wall, &people, hand->now),
                     1);
    hand_run(hand);
    assert_false(hand->lock.sessions_deny);
}

static void restore_finds_a_drain_by_either_name_of_its_infobase(void **state)
{
    (void)state;
    static const char by_uuid[] = "ba5e0000-0000-0000-0000-000000000000";
    static const struct {
        const char *drained;
        const char *restored;
        uint32_t found;
    } cases[] = {{by_uuid, "UT", 1},
                 {"Ut", "ba5e0000-0000-0000-0000-000000000000", 1},
                 {by_uuid, "BA5E0000-0000-0000-0000-000000000000", 1},
                 {by_uuid, "ut2", 0},
                 {"ut", "ba5e0000-0000-0000-0000-000000000001", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(hand) hand = owner();
        hand->lock.name = mem_text("ut", 2);
        struct command *command = drain(1, 0, 100000);
        command->infobase = cases[i].drained;
        hand_accept(hand, command);
        hand_run_for(hand, 50000);
        assert_true(hand->lock.sessions_deny);
        hand_restart(hand, -1); /* the journal knows it */
        hand_own(hand);
        assert_int_equal(engine_give_back(hand->engine, "main", cases[i].restored, hand->wall,
                                          &people, hand->now),
                         cases[i].found);
        hand_run(hand);
        assert_false(hand->lock.sessions_deny);
    }
}

static void what_stays_until_the_deadline_is_named_and_the_lock_is_given_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    hand_world(hand, 1, 7u);
    struct command *command = drain(1, 0, 3600000);
    command->drain_deadline_ms = 60000;
    hand_accept(hand, command);
    struct engine_action action;
    for (int turn = 0; turn < TURNS_MAX && engine_counts(hand->engine).open_commands; turn++) {
        while (hand_next(hand, &action)) {
            if (action.kind == ENGINE_END)
                hand_end(hand, action.tag, ERR_OK, true); /* and it stays */
            else
                hand_carry_out(hand, &action);
        }
        int64_t ms = instant_ms_between(hand->now, engine_wake(hand->engine)) + 1;
        if (engine_counts(hand->engine).open_commands)
            hand_pass(hand, ms > 0 ? ms : 1);
    }
    assert_as_found(hand, &as_found);
    assert_int_equal(hand_told(hand), EVENT_FAILED);
    assert_true(hand->told[hand->told_count - 1].targets > 0);
}

static void a_dry_run_of_a_drain_locks_nothing(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 2, 7u, 8u);
    struct command *command = drain(1, 0, 0);
    command->options.dry_run = true;
    hand_accept(hand, command);
    hand_run(hand);
    assert_int_equal(hand->lock_writes, 0);
    assert_int_equal(hand->ends, 0);
    assert_int_equal(hand_told(hand), EVENT_DRY_RUN);
}

/* What was given back is not ended under, and not called held. */
static void a_kill_switch_that_comes_and_goes_leaves_no_drain_without_its_lock(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 2, 7u, 8u);
    locked(hand, drain(1, 0, 60000));
    struct engine_action list = hand_take(hand, ENGINE_LIST);
    struct engine_action action = {.kind = ENGINE_LIST};
    engine_halt(hand->engine, true, hand->now);
    while (action.kind != ENGINE_LOCK_WRITE && hand_next(hand, &action))
        hand_carry_out(hand, &action);
    assert_false(hand->lock.sessions_deny);
    engine_halt(hand->engine, false, hand->now); /* before RESTORED */
    hand_list(hand, list.tag);
    hand_run(hand);
    assert_int_equal(hand->ends, 0);
    assert_int_equal(hand_count(hand, RECORD_RESOLVED), 0);
    for (size_t i = 0; i < hand->progress_count; i++)
        assert_int_not_equal(hand->progress[i], PROGRESS_HOLDING);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void a_refused_write_waits_longer_each_time(void **state) /* I13 */
{
    (void)state;
    AUTO(hand) hand = owner();
    locked(hand, drain(1, 0, 0));
    engine_halt(hand->engine, true, hand->now);
    struct instant begun = hand->now;
    struct engine_action action;
    uint32_t writes = 0;
    while (instant_ms_between(begun, hand->now) < 60000) {
        while (hand_next(hand, &action)) {
            writes += action.kind == ENGINE_LOCK_WRITE;
            if (action.kind == ENGINE_LOCK_WRITE)
                hand_lock_written(hand, action.tag, ERR_REFUSED, true);
            else
                hand_carry_out(hand, &action);
        }
        int64_t ms = instant_ms_between(hand->now, engine_wake(hand->engine)) + 1;
        hand_pass(hand, ms > 0 ? ms : 1);
    }
    assert_in_range(writes, 5, 30);
}

/* The name is given to another infobase: the lock stands where it was written. */
static void a_lock_is_given_back_by_the_uuid_of_its_infobase(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    locked(hand, drain(1, 0, 60000));
    struct engine_action action = {.kind = ENGINE_LIST};
    struct uuid_text uuid = uuid_format(&hand->lock.infobase);
    for (int turn = 0; turn < 100 && action.kind != ENGINE_LOCK_READ; turn++) {
        while (action.kind != ENGINE_LOCK_READ && hand_next(hand, &action))
            if (action.kind != ENGINE_LOCK_READ)
                hand_carry_out(hand, &action);
        if (action.kind != ENGINE_LOCK_READ)
            hand_wait(hand);
    }
    assert_int_equal(action.kind, ENGINE_LOCK_READ);
    assert_string_equal(action.infobase, uuid.text);
    hand_read_lock(hand, action.tag);
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

/* Lists fail from now on; the lock can be written all the same. */
static void a_release_that_cannot_be_confirmed_keeps_no_lock(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 1, 7u);
    hand_connect(hand, 9, 7);
    locked(hand, drain(1, 0, 10000));
    struct instant begun = hand->now;
    struct engine_action action;
    bool looked = false;
    while (instant_ms_between(begun, hand->now) < 600000 &&
           engine_counts(hand->engine).open_commands) {
        while (hand_next(hand, &action)) {
            looked |= action.kind == ENGINE_CONNECTIONS;
            hand->cluster_down = looked && action.kind == ENGINE_LIST;
            hand_carry_out(hand, &action);
            hand->cluster_down = false;
        }
        if (!engine_counts(hand->engine).open_commands)
            break;
        int64_t ms = instant_ms_between(hand->now, engine_wake(hand->engine)) + 1;
        hand_pass(hand, ms > 0 ? ms : 1);
    }
    assert_true(looked);
    assert_false(hand->lock.sessions_deny);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void restored_of_the_last_waits_for_a_write_that_the_first_left_in_doubt(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_set_lock(hand, &as_found);
    licensed(hand, drain(1, 0, 0));
    struct engine_action write = hand_take(hand, ENGINE_LOCK_WRITE);
    struct infobase_lock late = infobase_lock_copy(write.lock);
    hand_lock_written(hand, write.tag, ERR_IN_DOUBT, true);
    struct instant doubt = hand->now;
    hand_accept(hand, drain(2, 0, 3600000));
    hand_run_for(hand, 5000);
    struct uuid first = id_of(1), second = id_of(2);
    engine_cancel(hand->engine, &first, &people, hand->wall, hand->now);
    hand_run_for(hand, 5000);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 1);
    engine_cancel(hand->engine, &second, &people, hand->wall, hand->now);
    hand_run_for(hand, 5000);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 1); /* not yet */
    assert_as_found(hand, &as_found);
    hand_set_lock(hand, &late);
    infobase_lock_release(&late);
    hand_run_for(hand, 30000 - instant_ms_between(doubt, hand->now) + 2000);
    assert_as_found(hand, &as_found);
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 2);
}

static void a_list_that_was_asked_for_before_it_gave_up_does_not_resolve_it(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 1, 7u);
    hand_set_lock(hand, &as_found);
    licensed(hand, drain(1, 0, 0));
    struct engine_action action = hand_take(hand, ENGINE_LOCK_WRITE);
    hand_write_lock(hand, &action);
    action = hand_take(hand, ENGINE_LOCK_READ);
    engine_halt(hand->engine, true, hand->now); /* pressed by mistake, */
    hand_is_quiet(hand);
    engine_halt(hand->engine, false, hand->now); /* taken back, */
    hand_read_lock(hand, action.tag);
    struct engine_action list = hand_take(hand, ENGINE_LIST);
    engine_halt(hand->engine, true, hand->now); /* and pressed again */
    hand_appended(hand, RECORD_ATTEMPT);
    action = hand_take(hand, ENGINE_LOCK_WRITE);
    hand_list(hand, list.tag);
    hand_write_lock(hand, &action);
    hand_run(hand);
    assert_int_equal(hand_count(hand, RECORD_RESOLVED), 0);
    assert_as_found(hand, &as_found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lock_is_read_licensed_written_over_what_was_seen_and_read_back),
        cmocka_unit_test(a_drain_that_finds_nobody_gives_back_what_was_there),
        cmocka_unit_test(no_lock_is_written_without_its_licence_nor_when_it_is_old),
        cmocka_unit_test(a_write_in_doubt_is_decided_by_reading),
        cmocka_unit_test(a_change_between_reading_and_writing_is_what_is_given_back),
        cmocka_unit_test(after_a_crash_at_any_record_the_lock_is_given_back),
        cmocka_unit_test(a_late_write_of_an_earlier_owner_is_removed_before_restored_is_said),
        cmocka_unit_test(the_kill_switch_stops_locking_and_not_giving_back),
        cmocka_unit_test(what_somebody_else_set_meanwhile_is_kept_and_said),
        cmocka_unit_test(two_drains_share_one_lock_and_the_last_one_gives_it_back),
        cmocka_unit_test(restored_of_the_last_waits_for_a_write_that_the_first_left_in_doubt),
        cmocka_unit_test(a_list_that_was_asked_for_before_it_gave_up_does_not_resolve_it),
        cmocka_unit_test(giving_back_goes_on_until_the_cluster_is_there_again),
        cmocka_unit_test(an_infobase_that_is_gone_ends_the_hold_and_the_reason_says_so),
        cmocka_unit_test(an_infobase_that_is_missing_for_a_moment_is_given_back),
        cmocka_unit_test(a_drain_of_an_unknown_infobase_is_refused_at_once),
        cmocka_unit_test(a_drain_that_may_not_lock_is_refused_before_it_does),
        cmocka_unit_test(a_lock_that_cannot_be_written_fails_the_drain_for_that_reason),
        cmocka_unit_test(users_leave_in_the_grace_the_rest_is_ended_in_rounds_and_then_it_holds),
        cmocka_unit_test(the_way_of_a_drain_is_announced),
        cmocka_unit_test(whoever_slips_in_is_ended_in_a_further_round),
        cmocka_unit_test(before_its_approval_a_drain_does_not_even_lock),
        cmocka_unit_test(an_approved_drain_ends_nobody_before_its_lock_stands),
        cmocka_unit_test(the_grace_of_an_approved_drain_begins_with_its_lock),
        cmocka_unit_test(without_an_approval_in_time_a_drain_touches_nothing),
        cmocka_unit_test(
            more_who_come_than_one_may_decide_wait_again_and_at_most_until_the_deadline),
        cmocka_unit_test(few_who_come_later_need_no_further_approval),
        cmocka_unit_test(when_all_whom_it_names_are_gone_an_approved_drain_looks_for_others),
        cmocka_unit_test(after_a_crash_at_any_record_an_approved_drain_gives_back),
        cmocka_unit_test(a_cancel_of_what_waits_leaves_everything_as_it_was),
        cmocka_unit_test(a_drain_is_not_empty_while_somebody_has_no_user_yet),
        cmocka_unit_test(who_has_no_user_until_the_deadline_is_named_and_nothing_is_called_empty),
        cmocka_unit_test(nobody_is_no_proof_before_the_lock_begins),
        cmocka_unit_test(when_the_clocks_are_set_back_in_the_grace_the_lock_begins_with_its_end),
        cmocka_unit_test(who_comes_in_the_grace_when_all_have_left_has_the_rest_of_it),
        cmocka_unit_test(a_list_wanted_before_all_had_left_begins_no_round_in_the_grace),
        cmocka_unit_test(
            protected_ones_who_come_later_are_named_once_and_keep_nothing_from_being_done),
        cmocka_unit_test(what_came_behind_a_long_hold_is_forgotten_in_its_time),
        cmocka_unit_test(a_cancel_in_the_hold_gives_back_at_once),
        cmocka_unit_test(restore_finds_a_drain_by_either_name_of_its_infobase),
        cmocka_unit_test(restore_ends_the_holds_of_that_infobase_that_were_asked_for_before_it),
        cmocka_unit_test(what_stays_until_the_deadline_is_named_and_the_lock_is_given_back),
        cmocka_unit_test(a_dry_run_of_a_drain_locks_nothing),
        cmocka_unit_test(a_kill_switch_that_comes_and_goes_leaves_no_drain_without_its_lock),
        cmocka_unit_test(a_refused_write_waits_longer_each_time),
        cmocka_unit_test(a_lock_is_given_back_by_the_uuid_of_its_infobase),
        cmocka_unit_test(a_release_that_cannot_be_confirmed_keeps_no_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
