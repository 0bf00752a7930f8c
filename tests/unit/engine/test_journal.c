/* Whose records count, what survives a crash, what is said about repeats, what is announced. */
#include "by_hand.h"

static struct hand *owner(void)
{
    struct hand *hand = hand_create();
    hand_own(hand);
    hand_world(hand, 3, 7u, 8u, 9u);
    return hand;
}

/* ---- ownership ---- */

static void nothing_is_taken_before_the_own_owner_record_was_read_back(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    assert_int_equal(engine_role(hand->engine), ENGINE_READING);
    engine_assign(hand->engine, true, hand->now);
    hand_is_quiet(hand); /* the journal was not read to its end */
    engine_at_end(hand->engine, hand->now);
    struct record *record = hand_append(hand, RECORD_OWNER);
    assert_int_equal(record->epoch.number, 1);
    assert_int_equal(record->sequence, 1);
    assert_string_equal(record->owner.instance, "w-1");
    assert_false(engine_wants(hand->engine));
    hand_read(hand, record);
    assert_true(engine_wants(hand->engine));
    assert_int_equal(engine_epochs(hand->engine), 1);
}

static void an_epoch_is_above_every_one_that_was_read(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_read(hand, foreign(RECORD_OWNER, 41, 1));
    engine_assign(hand->engine, true, hand->now);
    engine_at_end(hand->engine, hand->now);
    struct record *record = hand_append(hand, RECORD_OWNER);
    assert_int_equal(record->epoch.number, 42);
    hand_read(hand, record);
    hand_read(hand, foreign(RECORD_OWNER, 40, 1)); /* late: void */
    assert_int_equal(engine_role(hand->engine), ENGINE_OWNING);
    assert_int_equal(engine_counts(hand->engine).voided, 1);
}

/* I8 */
static void anothers_owner_record_stops_at_once_and_is_answered_by_a_new_epoch(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    hand_read(hand, foreign(RECORD_OWNER, 2, 1));
    assert_false(engine_allows(hand->engine, ENGINE_END, end.tag));
    assert_false(engine_wants(hand->engine));
    assert_true(engine_was_overtaken(hand->engine));
    hand_end(hand, end.tag, ERR_STALE, false);
    hand_is_quiet(hand);
    hand_wait(hand);
    hand_appended(hand, RECORD_OWNER); /* still assigned: no partition stays without an owner */
    hand_listed(hand);                 /* and what may have been sent is looked at first */
    hand_appended(hand, RECORD_ATTEMPT);
    hand_take(hand, ENGINE_END);
}

static void without_the_assignment_nobody_asks_to_own(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    engine_assign(hand->engine, false, hand->now);
    assert_false(engine_allows(hand->engine, ENGINE_END, end.tag));
    hand_read(hand, foreign(RECORD_OWNER, 2, 1));
    hand_pass(hand, 60000);
    hand_is_quiet(hand);
    assert_int_equal(engine_wake(hand->engine).ns, INSTANT_NEVER.ns);
}

static void an_append_that_ends_uncertain_is_never_repeated_but_begun_anew(void **state) /* I11 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    struct engine_action append = hand_take(hand, ENGINE_APPEND);
    record_destroy(append.record); /* it never stood in the log */
    engine_appended(hand->engine, append.tag, ENGINE_MAYBE_PERSISTED, hand->now);
    assert_false(engine_wants(hand->engine));
    hand_wait(hand);
    struct record *record = hand_append(hand, RECORD_OWNER);
    assert_int_equal(record->epoch.number, 2);
    hand_is_quiet(hand);
    hand_read(hand, record);
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->epoch.number, 2);
    assert_int_equal(resolved->sequence, 2);
    hand_read(hand, resolved);
    hand_take(hand, ENGINE_END);
}

static void an_uncertain_append_that_landed_counts_but_is_no_licence_any_more(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    struct engine_action append = hand_take(hand, ENGINE_APPEND);
    engine_appended(hand->engine, append.tag, ENGINE_MAYBE_PERSISTED, hand->now);
    hand_read(hand, append.record);
    hand_is_quiet(hand);
    hand_wait(hand);
    hand_appended(hand, RECORD_OWNER);
    hand_listed(hand);
    hand_appended(hand, RECORD_ATTEMPT);
    hand_take(hand, ENGINE_END);
    assert_int_equal(hand->resolves, 1);
}

static void behind_a_hole_in_the_sequence_nothing_of_the_epoch_counts(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_offer(hand, by_uuid(1, 1, 7u));
    hand_offer(hand, by_uuid(2, 1, 8u));
    hand_offer(hand, by_uuid(3, 1, 9u));
    record_destroy(hand_append(hand, RECORD_ACCEPTED)); /* lost */
    hand_appended(hand, RECORD_ACCEPTED);
    hand_appended(hand, RECORD_ACCEPTED);
    assert_int_equal(engine_counts(hand->engine).voided, 2);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(engine_checkpoint(hand->engine).next_command, -1);
    hand_wait(hand);
    hand_appended(hand, RECORD_OWNER);
    assert_int_equal(engine_epochs(hand->engine), 2); /* offer again from the checkpoint */
    hand_accept(hand, by_uuid(1, 1, 7u));
}

static void a_repeat_of_a_record_changes_nothing(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    struct landed *again = &hand->journal[hand->journal_count];
    buf_init(&again->bytes, LIMIT_RECORD_BYTES);
    buf_add(&again->bytes, hand->journal[1].bytes.data, hand->journal[1].bytes.length);
    again->time = hand->wall;
    hand_feed(hand, hand->journal_count++);
    assert_int_equal(engine_counts(hand->engine).voided, 1);
    hand_run(hand);
    assert_int_equal(hand->ends, 1);
    assert_int_equal(hand->told_count, 2);
}

static void an_offset_that_goes_back_stops_the_partition(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct error err;
    hand_accept(hand, by_uuid(1, 1, 7u));
    assert_int_equal(
        engine_record(hand->engine, foreign(RECORD_OWNER, 2, 1), 0, hand->wall, hand->now, &err),
        ERR_JOURNAL);
    assert_int_equal(engine_role(hand->engine), ENGINE_OWNING);
}

static void not_decoded(struct record *record, const char *why)
{
    AUTO_BUF bytes;
    struct record *again;
    struct error err = {0};
    buf_init(&bytes, LIMIT_RECORD_BYTES);
    record_encode(record, &bytes);
    struct text text = {(const char *)bytes.data, bytes.length};
    assert_int_equal(record_decode(text, &again, &err), ERR_UNDECODABLE);
    assert_non_null(strstr(err.message, why));
    record_destroy(record);
}

/* Arithmetic on them would overflow, in the decoder or here. */
static void numbers_that_no_worker_writes_are_not_decoded(void **state)
{
    (void)state;
    struct record *record = foreign(RECORD_OWNER, UINT64_MAX, 1);
    not_decoded(record, "epoch");
    record = foreign(RECORD_OWNER, 1, UINT64_MAX);
    not_decoded(record, "sequence");
    record = foreign(RECORD_OWNER, 1, 1);
    record->written_at.ms = INT64_MAX;
    not_decoded(record, "1970");
    record = foreign(RECORD_FORWARDED, 1, 2);
    record->source = (struct source){.known = true, .offset = INT64_MAX};
    not_decoded(record, "offset");
    record = foreign(RECORD_FORWARDED, 1, 2);
    record->source = (struct source){.known = true, .offset = -1};
    not_decoded(record, "offset");
    record = foreign(RECORD_CLOSED, 1, 2);
    not_decoded(record, "without an outcome");
}

/* ---- RESOLVED in chunks ---- */

enum { MANY = 600 };

static struct command *many(struct hand *hand)
{
    struct command *command = by_uuid(1, 0);
    command->selector.count = hand->world_count = MANY;
    command->selector.sessions = arena_take(command->arena, MANY, sizeof(struct uuid));
    for (uint32_t i = 0; i < MANY; i++) {
        hand->world[i] = session_of(i + 1);
        command->selector.sessions[i] = uuid_of(i + 1);
    }
    return command;
}

static void a_list_in_chunks_counts_when_it_is_whole(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, many(hand));
    hand_listed(hand);
    struct record *record = hand_append(hand, RECORD_RESOLVED);
    uint32_t chunks = record->resolved.chunks;
    assert_true(chunks > 1);
    for (uint32_t chunk = 1; chunk < chunks; chunk++) {
        hand_read(hand, record);
        record = hand_append(hand, RECORD_RESOLVED);
        assert_int_equal(record->resolved.chunk, chunk + 1);
        assert_int_equal(record->resolved.chunks, chunks);
    }
    hand_is_quiet(hand);
    hand_read(hand, record);
    for (uint32_t i = 0; i < MANY; i++) {
        struct engine_action end = hand_take(hand, ENGINE_END);
        hand_end(hand, end.tag, ERR_STALE, false);
    }
    hand_run(hand);
    assert_int_equal(hand->ends, MANY);
    assert_int_equal(hand->told[1].kind, EVENT_COMPLETED);
    assert_int_equal(hand->told[1].targets, MANY);
}

static void chunks_of_two_epochs_are_no_list(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, many(hand));
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    struct record *second = hand_append(hand, RECORD_RESOLVED);
    hand_read(hand, foreign(RECORD_OWNER, 2, 1));
    second->epoch = (struct epoch){{{0xff}}, 2};
    hand_read(hand, second);
    struct engine_action action;
    while (hand_next(hand, &action)) /* the rest of the first list is lost */
        record_destroy(action.record);
    hand_wait(hand);
    hand_appended(hand, RECORD_OWNER);
    hand_listed(hand); /* still without a list of targets */
    struct record *first = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(first->resolved.chunk, 1);
    hand_read(hand, first);
    hand_run(hand);
    assert_int_equal(hand->ends, MANY);
    assert_int_equal(hand->resolves, 2);
}

/* ---- crashes ---- */

static void verdicts_of_a_list_survive_a_crash_before_their_outcome(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->protects = 8;
    hand_accept(hand, by_number(1, 3, 7u, 8u, 99u));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    struct resolved_target *targets = resolved->resolved.targets;
    struct error why;
    error_set(&why, ERR_CONFLICT, "session 7 belongs to another user than the guard names");
    targets[0].verdict = TARGET_NO_LONGER_MATCHES; /* as select/ says when a guard differs */
    reason_set(&targets[0].reason, &why);
    hand_read(hand, resolved);
    hand->protects = 0; /* another policy now: what was resolved stays so */
    hand_restart(hand, -1);
    hand_own(hand);
    struct record *outcome = hand_append(hand, RECORD_OUTCOME);
    const struct target_end *ends = outcome->outcome.ends;
    assert_int_equal(outcome->outcome.count, 3);
    assert_int_equal(ends[0].outcome, TARGET_NO_LONGER_MATCHES);
    assert_string_equal(ends[0].reason.message, why.message);
    assert_int_equal(ends[1].outcome, TARGET_PROTECTED);
    assert_int_equal(ends[1].reason.code, ERR_DENIED);
    assert_int_equal(ends[2].outcome, TARGET_ALREADY_GONE);
    hand_read(hand, outcome);
    hand_closed(hand, COMMAND_PARTIALLY_COMPLETED);
    assert_int_equal(hand->resolves, 1);
}

static void what_a_dead_owner_may_have_ended_is_ended_in_doubt_not_already_gone(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct uuid seven = uuid_of(7);
    world_end(hand, &seven); /* it sent the end, and died */
    hand_restart(hand, -1);
    hand_own(hand);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_IN_DOUBT, 0);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void after_a_crash_not_ended_is_said_only_when_the_old_licence_is_over(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_restart(hand, -1);
    hand_own(hand);
    struct instant owned = hand->now;
    assert_true(hand_cancel(hand, 1));
    hand_run(hand);
    assert_true(instant_ms_between(owned, hand->now) >= LICENCE_AGE_MS);
    assert_int_equal(hand_told(hand), EVENT_CANCELLED);
    assert_int_equal(hand->ends, 0);
}

/* ---- repeats at the door ---- */

static void the_same_command_again_is_answered_with_the_first_result(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_run(hand);
    hand_offer(hand, by_uuid(1, 1, 7u));
    struct record *record = hand_append(hand, RECORD_DUPLICATE);
    assert_int_equal(record->duplicate.first_outcome, COMMAND_COMPLETED);
    hand_read(hand, record);
    hand_is_quiet(hand);
    assert_int_equal(hand->ends, 1);
    assert_int_equal(hand->told_count, 3);
    assert_int_equal(hand->told[2].kind, EVENT_COMPLETED);
    assert_true(hand->told[2].duplicate);
    assert_int_equal(hand->told[2].targets, 1);
    assert_false(uuid_equal(&hand->told[2].id, &hand->told[1].id));
}

static void a_copy_waits_until_the_first_one_was_read_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_offer(hand, by_uuid(1, 1, 7u));
    struct engine_offer again = offer_of(hand, by_uuid(1, 1, 7u));
    struct error err;
    assert_int_equal(engine_offer(hand->engine, &again, hand->now, &err), ERR_FULL);
    assert_non_null(again.command); /* nothing was taken */
    hand_appended(hand, RECORD_ACCEPTED);
    assert_int_equal(engine_offer(hand->engine, &again, hand->now, &err), ERR_OK);
    assert_null(again.command);
    struct record *record = hand_append(hand, RECORD_DUPLICATE);
    assert_int_equal(record->duplicate.first_outcome, COMMAND_NONE);
    hand_read(hand, record);
    hand_run(hand);
    assert_int_equal(hand->told_count, 2); /* its end answers both */
}

static void the_same_id_with_other_content_is_a_conflict_and_harms_nothing(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_offer(hand, by_uuid(1, 1, 8u));
    struct engine_action list = hand_take(hand, ENGINE_APPEND);
    assert_int_equal(list.record->kind, RECORD_REJECTED);
    assert_int_equal(list.record->reason.code, ERR_CONFLICT);
    assert_false(list.record->rejected.after_accepted);
    hand_read(hand, list.record);
    hand_run(hand);
    assert_int_equal(hand->world_count, 2);
    struct uuid eight = uuid_of(8);
    assert_non_null(world_find(hand, &eight));
}

static void an_id_comes_to_new_life_when_its_validity_is_long_over(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_run(hand);
    hand_pass(hand, hand->config.remember_ms + 1);
    hand_accept(hand, by_uuid(1, 1, 8u));
    hand_run(hand);
    assert_int_equal(hand->ends, 2);
}

static void a_command_that_waited_longer_than_ids_are_remembered_is_refused(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct engine_offer offer = offer_of(hand, by_uuid(1, 1, 7u));
    offer.appended_at.ms -= hand->config.remember_ms;
    assert_int_equal(engine_offer(hand->engine, &offer, hand->now, NULL), ERR_OK);
    struct record *record = hand_append(hand, RECORD_REJECTED);
    assert_int_equal(record->reason.code, ERR_EXPIRED);
    hand_read(hand, record);
}

static void refused_undecodable_and_forwarded_ones_move_the_place_on(void **state) /* I5 */
{
    (void)state;
    AUTO(hand) hand = owner();
    struct engine_offer refused = offer_of(hand, by_uuid(1, 1, 7u));
    error_set(&refused.refusal, ERR_DENIED, "policy");
    assert_int_equal(engine_offer(hand->engine, &refused, hand->now, NULL), ERR_OK);
    hand_appended(hand, RECORD_REJECTED);
    struct engine_offer nonsense = {.forwarded_to = -1, .source = {true, 3, 1, {{1}}}};
    error_set(&nonsense.refusal, ERR_UNDECODABLE, "no command");
    assert_int_equal(engine_offer(hand->engine, &nonsense, hand->now, NULL), ERR_OK);
    hand_appended(hand, RECORD_REJECTED);
    hand->next_source = 2;
    struct engine_offer forwarded = offer_of(hand, by_uuid(2, 1, 7u));
    forwarded.forwarded_to = 5;
    assert_int_equal(engine_offer(hand->engine, &forwarded, hand->now, NULL), ERR_OK);
    hand_appended(hand, RECORD_FORWARDED);
    assert_int_equal(engine_checkpoint(hand->engine).next_command, 3);
    hand_run(hand);
    assert_int_equal(hand->told_count, 2); /* the forwarded one is announced where it went */
    assert_int_equal(hand->told[0].kind, EVENT_REJECTED);
}

/* ---- bounds ---- */

static void above_its_share_a_cluster_is_busy_and_others_are_not(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->config.cluster_share = 1;
    engine_configure(hand->engine, &hand->config);
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_take(hand, ENGINE_LIST);
    hand_offer(hand, by_uuid(2, 1, 8u));
    struct record *record = hand_append(hand, RECORD_REJECTED);
    assert_int_equal(record->reason.code, ERR_FULL);
    hand_read(hand, record);
    struct engine_offer other = offer_of(hand, by_uuid(3, 1, 8u));
    other.cluster = "second";
    assert_int_equal(engine_offer(hand->engine, &other, hand->now, NULL), ERR_OK);
    hand_appended(hand, RECORD_ACCEPTED);
    assert_string_equal(hand_take(hand, ENGINE_LIST).cluster, "second");
}

static void at_the_total_bound_nothing_is_taken_until_a_command_is_closed(void **state) /* I13 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->config.open_commands_max = 1;
    engine_configure(hand->engine, &hand->config);
    hand_accept(hand, by_uuid(1, 1, 7u));
    assert_false(engine_wants(hand->engine));
    struct engine_offer offer = offer_of(hand, by_uuid(2, 1, 8u));
    struct error err;
    assert_int_equal(engine_offer(hand->engine, &offer, hand->now, &err), ERR_FULL);
    command_destroy(offer.command);
    hand_run(hand);
    assert_true(engine_wants(hand->engine));
    hand->config.open_targets_max = 1;
    hand->config.open_commands_max = 50;
    engine_configure(hand->engine, &hand->config);
    hand_accept(hand, by_uuid(3, 1, 8u));
    assert_false(engine_wants(hand->engine));
    hand_run(hand);
    hand->config.remembered_max = 2;
    engine_configure(hand->engine, &hand->config);
    assert_false(engine_wants(hand->engine));
}

static void an_engine_that_only_reads_along_uses_nothing_of_the_budget(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 2, 7u, 8u));
    assert_int_equal(hand->budget.open_commands, 1);
    assert_int_equal(hand->budget.open_targets, 2);
    assert_int_equal(hand->budget.remembered_ids, 1);
    hand_read(hand, foreign(RECORD_OWNER, 2, 1));
    assert_int_equal(hand->budget.open_commands, 0);
    assert_int_equal(hand->budget.open_targets, 0);
    assert_int_equal(hand->budget.remembered_ids, 0);
    hand_wait(hand);
    hand_appended(hand, RECORD_OWNER);
    assert_int_equal(hand->budget.open_targets, 2);
    hand_run(hand);
    assert_int_equal(hand->budget.open_commands, 0);
    assert_int_equal(hand->budget.open_targets, 0);
    assert_int_equal(hand->budget.remembered_ids, 1);
}

/* ---- events ---- */

static void events_follow_the_records_and_a_restart_gives_them_the_same_ids(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->config.session_events = true;
    engine_configure(hand->engine, &hand->config);
    hand_accept(hand, by_uuid(1, 2, 7u, 99u));
    hand_run(hand);
    assert_int_equal(hand->told_count, 4);
    struct told first[4];
    memcpy(first, hand->told, sizeof first);
    assert_int_equal(first[0].kind, EVENT_ACCEPTED);
    assert_int_equal(first[1].kind, EVENT_SESSION);
    assert_int_equal(first[2].kind, EVENT_SESSION);
    assert_int_equal(first[3].kind, EVENT_COMPLETED);
    for (int i = 1; i < 4; i++) {
        assert_true(first[i].offset >= first[i - 1].offset);
        assert_false(uuid_equal(&first[i].id, &first[i - 1].id));
    }
    hand->told_count = 0;
    hand_restart(hand, -1);
    hand_own(hand);
    hand_is_quiet(hand); /* those that no later record says delivered come again */
    assert_true(hand->told_count >= 1);
    for (size_t i = 1; i <= hand->told_count; i++) {
        const struct told *again = &hand->told[hand->told_count - i];
        assert_int_equal(again->kind, first[4 - i].kind);
        assert_true(uuid_equal(&again->id, &first[4 - i].id));
    }
}

static void a_refused_event_is_published_again_and_holds_nothing_else_up(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->hold_events = true;
    hand_offer(hand, by_uuid(1, 1, 99u));
    hand_appended(hand, RECORD_ACCEPTED);
    hand_listed(hand);
    struct engine_action event = hand_take(hand, ENGINE_PUBLISH);
    struct uuid id = event.event.id;
    engine_published(hand->engine, event.tag, false, hand->now);
    hand_appended(hand, RECORD_RESOLVED); /* the command itself goes on */
    hand_appended(hand, RECORD_OUTCOME);
    hand_appended(hand, RECORD_CLOSED);
    struct engine_action closing = hand_take(hand, ENGINE_PUBLISH);
    assert_int_equal(closing.event.kind, EVENT_COMPLETED);
    engine_published(hand->engine, closing.tag, true, hand->now);
    assert_int_equal(engine_counts(hand->engine).events_waiting, 1);
    assert_int_equal(engine_counts(hand->engine).open_commands, 1);
    hand_wait(hand);
    event = hand_take(hand, ENGINE_PUBLISH);
    assert_true(uuid_equal(&event.event.id, &id));
    engine_published(hand->engine, event.tag, true, hand->now);
    assert_int_equal(engine_counts(hand->engine).events_waiting, 0);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void records_tell_successors_which_events_were_delivered(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 99u));
    hand_run(hand);
    hand_offer(hand, by_uuid(2, 1, 99u));
    struct record *next = hand_append(hand, RECORD_ACCEPTED);
    assert_int_equal(next->events_through, hand->journal_count);
    hand_read(hand, next);
    hand->told_count = 0;
    hand_restart(hand, -1);
    hand_own(hand);
    hand_take(hand, ENGINE_LIST);
    hand_is_quiet(hand);
    assert_int_equal(hand->told_count, 1); /* only the second's */
    assert_int_equal(hand->told[0].kind, EVENT_ACCEPTED);
}

static void nobody_can_have_announced_what_stands_behind_his_record(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_read(hand, foreign(RECORD_OWNER, 1, 1));
    struct record *record = foreign(RECORD_FORWARDED, 1, 2);
    record->events_through = 1000000;
    hand_read(hand, record);
    hand_own(hand);
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_run(hand);
    assert_int_equal(hand->told_count, 2);
}

/* ---- the checkpoint ---- */

static void a_successor_at_the_checkpoint_stands_where_a_reader_of_everything_stands(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    assert_int_equal(engine_checkpoint(hand->engine).next_command, -1);
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_run(hand);
    hand_pass(hand, 2 * hand->config.remember_ms + 1000);
    hand_accept(hand, by_uuid(2, 1, 8u)); /* the first is forgotten by now */
    struct engine_checkpoint at = engine_checkpoint(hand->engine);
    assert_int_equal(at.next_command, 2);
    assert_true(at.journal_start > 1);
    assert_int_equal(at.last_digest.bytes[0], 1);
    engine_destroy(hand->engine);
    memset(&hand->budget, 0, sizeof hand->budget);
    hand->config.writer.bytes[15]++;
    hand->engine = engine_create(&hand->config, &hand->budget);
    engine_begin_at(hand->engine, at.journal_start, &at.journal_owner, at.journal_sequence);
    for (int64_t offset = at.journal_start; offset < hand->journal_count; offset++)
        hand_feed(hand, offset);
    assert_int_equal(engine_counts(hand->engine).voided, 0);
    assert_int_equal(engine_counts(hand->engine).open_commands, 1);
    assert_int_equal(engine_checkpoint(hand->engine).next_command, 2);
    hand_own(hand);
    hand_run(hand);
    assert_int_equal(hand->ends, 2);
}

static void the_journal_is_read_from_the_oldest_open_command_on(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    int64_t first = hand->journal_count - 1;
    hand_take(hand, ENGINE_LIST);
    hand_accept(hand, by_uuid(2, 1, 8u));
    assert_int_equal(engine_checkpoint(hand->engine).journal_start, first);
}

/* ---- every place of a journal ---- */

static struct command *plain(void)
{
    return by_uuid(1, 3, 7u, 8u, 99u);
}

static struct command *numbers(void)
{
    return by_number(1, 3, 7u, 8u, 99u);
}

static struct command *dry_run(void)
{
    struct command *command = plain();
    command->options.dry_run = true;
    return command;
}

static struct command *elsewhere(void)
{
    struct command *command = numbers();
    command->selector.infobase = "buh";
    return command;
}

static const struct life {
    struct command *(*command)(void);
    bool cancel;
    bool down;
    enum event_kind end;
} lives[] = {
    {plain, false, false, EVENT_COMPLETED}, {numbers, false, false, EVENT_COMPLETED},
    {dry_run, false, false, EVENT_DRY_RUN}, {elsewhere, false, false, EVENT_REJECTED},
    {plain, true, false, EVENT_CANCELLED},  {plain, false, true, EVENT_EXPIRED},
};

static void live(struct hand *hand, const struct life *life)
{
    hand_world(hand, 3, 7u, 8u, 9u);
    hand->cluster_down = life->down;
    hand_own(hand);
    hand_accept(hand, life->command());
    if (life->cancel)
        assert_true(hand_cancel(hand, 1));
    hand_run(hand);
}

static uint32_t outcomes_in(const struct hand *hand)
{
    uint32_t count = 0;
    for (int64_t i = 0; i < hand->journal_count; i++) {
        struct record *record;
        const struct buf *bytes = &hand->journal[i].bytes;
        struct text text = {(const char *)bytes->data, bytes->length};
        assert_int_equal(record_decode(text, &record, NULL), ERR_OK);
        if (record->kind == RECORD_OUTCOME)
            count += record->outcome.count;
        record_destroy(record);
    }
    return count;
}

/* Whatever a crash leaves behind (each state that a command can have, and each way into it), the
 * next owner brings the command to one end (I4). */
static void from_every_place_of_a_journal_a_command_comes_to_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        int64_t records = 3;
        for (int64_t kept = 2; kept <= records; kept++) { /* OWNER and ACCEPTED at least */
            AUTO(hand) hand = hand_create();
            live(hand, &lives[i]);
            assert_int_equal(hand_told(hand), lives[i].end);
            records = hand->journal_count;
            uint32_t ends = hand->ends;
            hand_restart(hand, kept);
            hand->told_count = 0;
            hand->cluster_down = false;
            hand_own(hand);
            hand_run(hand);
            assert_int_equal(engine_counts(hand->engine).open_commands, 0);
            assert_int_equal(engine_counts(hand->engine).events_waiting, 0);
            assert_true(hand->told_count > 0);
            assert_true(hand_told(hand) > EVENT_ACCEPTED);
            bool listed = lives[i].end != EVENT_DRY_RUN && lives[i].end != EVENT_REJECTED;
            assert_int_equal(outcomes_in(hand), listed ? 3 : 0);
            assert_true(hand->ends - ends <= 2); /* 99 never was, and 9 was not meant */
        }
    }
}

/* A released topic is another one: offsets begin anew, for whoever begins to read there as well. */
static void after_a_release_commands_are_read_from_the_beginning(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand->config.partitions = 4;
    engine_configure(hand->engine, &hand->config);
    hand_own(hand);
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_run(hand);
    struct engine_checkpoint at = engine_checkpoint(hand->engine);
    assert_int_equal(at.next_command, 1);
    assert_int_equal(at.partitions, 4);
    assert_true(engine_accept_topics(hand->engine, 8, true, "ops", hand->now));
    assert_int_equal(engine_checkpoint(hand->engine).next_command, 1); /* not read back yet */
    hand_appended(hand, RECORD_TOPICS_ACCEPTED);
    at = engine_checkpoint(hand->engine);
    assert_int_equal(at.next_command, -1);
    assert_int_equal(at.partitions, 8);
    assert_int_equal(at.releases, 1);
    hand_restart(hand, -1);
    hand_own(hand);
    at = engine_checkpoint(hand->engine);
    assert_int_equal(at.next_command, -1);
    assert_int_equal(at.partitions, 8); /* what was accepted, whatever the configuration says */
}

static void only_the_owner_journals_a_release(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    assert_false(engine_accept_topics(hand->engine, 8, true, "ops", hand->now));
    hand_is_quiet(hand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_taken_before_the_own_owner_record_was_read_back),
        cmocka_unit_test(an_epoch_is_above_every_one_that_was_read),
        cmocka_unit_test(anothers_owner_record_stops_at_once_and_is_answered_by_a_new_epoch),
        cmocka_unit_test(without_the_assignment_nobody_asks_to_own),
        cmocka_unit_test(an_append_that_ends_uncertain_is_never_repeated_but_begun_anew),
        cmocka_unit_test(an_uncertain_append_that_landed_counts_but_is_no_licence_any_more),
        cmocka_unit_test(behind_a_hole_in_the_sequence_nothing_of_the_epoch_counts),
        cmocka_unit_test(a_repeat_of_a_record_changes_nothing),
        cmocka_unit_test(an_offset_that_goes_back_stops_the_partition),
        cmocka_unit_test(numbers_that_no_worker_writes_are_not_decoded),
        cmocka_unit_test(a_list_in_chunks_counts_when_it_is_whole),
        cmocka_unit_test(chunks_of_two_epochs_are_no_list),
        cmocka_unit_test(verdicts_of_a_list_survive_a_crash_before_their_outcome),
        cmocka_unit_test(what_a_dead_owner_may_have_ended_is_ended_in_doubt_not_already_gone),
        cmocka_unit_test(after_a_crash_not_ended_is_said_only_when_the_old_licence_is_over),
        cmocka_unit_test(the_same_command_again_is_answered_with_the_first_result),
        cmocka_unit_test(a_copy_waits_until_the_first_one_was_read_back),
        cmocka_unit_test(the_same_id_with_other_content_is_a_conflict_and_harms_nothing),
        cmocka_unit_test(an_id_comes_to_new_life_when_its_validity_is_long_over),
        cmocka_unit_test(a_command_that_waited_longer_than_ids_are_remembered_is_refused),
        cmocka_unit_test(refused_undecodable_and_forwarded_ones_move_the_place_on),
        cmocka_unit_test(above_its_share_a_cluster_is_busy_and_others_are_not),
        cmocka_unit_test(at_the_total_bound_nothing_is_taken_until_a_command_is_closed),
        cmocka_unit_test(an_engine_that_only_reads_along_uses_nothing_of_the_budget),
        cmocka_unit_test(events_follow_the_records_and_a_restart_gives_them_the_same_ids),
        cmocka_unit_test(a_refused_event_is_published_again_and_holds_nothing_else_up),
        cmocka_unit_test(records_tell_successors_which_events_were_delivered),
        cmocka_unit_test(nobody_can_have_announced_what_stands_behind_his_record),
        cmocka_unit_test(a_successor_at_the_checkpoint_stands_where_a_reader_of_everything_stands),
        cmocka_unit_test(the_journal_is_read_from_the_oldest_open_command_on),
        cmocka_unit_test(from_every_place_of_a_journal_a_command_comes_to_its_end),
        cmocka_unit_test(after_a_release_commands_are_read_from_the_beginning),
        cmocka_unit_test(only_the_owner_journals_a_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
