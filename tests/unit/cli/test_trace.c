/* What `curfew status` makes of a journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "cli/history.h"
#include "cli/trace.h"
#include "model/session.h"
#include "tests/support/gen.h"

static struct gen gen;
static struct trace *trace;
static struct chain chain;
static int64_t offset; /* of the next record of partition 0 */

static int setup(void **state)
{
    (void)state;
    gen = (struct gen){1};
    chain = (struct chain){0};
    offset = 0;
    trace = trace_create(2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    trace_destroy(trace);
    return 0;
}

/* Stamps, encodes and reads `owned`. */
static struct chain_verdict put(struct chain *writer, struct epoch epoch, struct record *owned,
                                int64_t at_ms)
{
    AUTO(record) record = owned;
    AUTO_BUF bytes;
    buf_init(&bytes, LIMIT_RECORD_BYTES);
    record->epoch = epoch;
    chain_stamp(writer, record);
    record_encode(record, &bytes);
    struct text text = {(const char *)bytes.data, bytes.length};
    chain_sealed(writer, text);
    return trace_record(trace, 0, offset++, text, (struct wall){at_ms});
}

static struct epoch own(struct chain *writer, uint64_t number, const char *instance)
{
    struct epoch epoch = {gen_uuid(&gen), number};
    struct record *record = record_create(RECORD_OWNER);
    record->owner.instance = mem_text(instance, strlen(instance));
    assert_true(put(writer, epoch, record, 1000).counts);
    return epoch;
}

static struct uuid accept_one(struct epoch epoch, int64_t at_ms)
{
    struct record *record = record_create(RECORD_ACCEPTED);
    struct command *command = command_create();
    struct uuid id = command->id = record->command_id = gen_uuid(&gen);
    command->cluster = "main";
    command->requested_by = "ivan";
    command->action = ACTION_TERMINATE;
    record->accepted.command = command;
    record->accepted.first_appended_at.ms = at_ms;
    record->accepted.expires_at.ms = at_ms + 1000;
    assert_true(put(&chain, epoch, record, at_ms).counts);
    return id;
}

static void resolve_round(struct epoch epoch, const struct uuid *id, uint32_t round, uint32_t first,
                          uint32_t count)
{
    struct record *record = record_create(RECORD_RESOLVED);
    record->command_id = *id;
    record->resolved.round = round;
    record->resolved.chunk = record->resolved.chunks = 1;
    record->resolved.count = count;
    record->resolved.targets = mem_alloc(count, sizeof *record->resolved.targets);
    for (uint32_t i = 0; i < count; i++) {
        record->resolved.targets[i].index = first + i;
        record->resolved.targets[i].asked_session = gen_uuid(&gen);
        record->resolved.targets[i].verdict = TARGET_ALREADY_GONE;
    }
    assert_true(put(&chain, epoch, record, 0).counts);
}

static void resolve(struct epoch epoch, const struct uuid *id, uint32_t count)
{
    resolve_round(epoch, id, 1, 0, count);
}

static void decide_as(struct epoch epoch, const struct uuid *id, uint32_t index,
                      enum target_outcome outcome)
{
    struct record *record = record_create(RECORD_OUTCOME);
    record->command_id = *id;
    record->outcome.round = 1;
    record->outcome.count = 1;
    record->outcome.ends = mem_alloc(1, sizeof *record->outcome.ends);
    record->outcome.ends[0] = (struct target_end){.index = index, .outcome = outcome};
    assert_true(put(&chain, epoch, record, 0).counts);
}

static void decide(struct epoch epoch, const struct uuid *id, uint32_t index)
{
    decide_as(epoch, id, index, TARGET_ALREADY_GONE);
}

static void close_one(struct chain *writer, struct epoch epoch, const struct uuid *id)
{
    struct record *record = record_create(RECORD_CLOSED);
    record->command_id = *id;
    record->closed.outcome = COMMAND_COMPLETED;
    put(writer, epoch, record, 0);
}

static size_t open_count(void)
{
    size_t count;
    free(trace_open(trace, &count));
    return count;
}

/* Its snapshot stands at `index` of a list. */
static void resolve_chunk(struct epoch epoch, const struct uuid *id, const struct uuid *session,
                          uint32_t index, uint32_t chunk, uint32_t chunks)
{
    struct record *record = record_create(RECORD_RESOLVED);
    struct session found = {
        .uuid = *session, .user_name = "anna", .app_id = "1CV8C", .reported = UINT64_MAX};
    AUTO_BUF bytes;
    buf_init(&bytes, LIMIT_RECORD_BYTES);
    session_encode(&found, &bytes);
    record->command_id = *id;
    record->resolved.round = 1;
    record->resolved.chunk = chunk;
    record->resolved.chunks = chunks;
    record->resolved.count = 1;
    record->resolved.targets = mem_alloc(1, sizeof *record->resolved.targets);
    record->resolved.targets[0].index = index;
    record->resolved.targets[0].snapshot_length = (uint32_t)bytes.length;
    record->resolved.targets[0].snapshot = mem_alloc(bytes.length, 1);
    memcpy(record->resolved.targets[0].snapshot, bytes.data, bytes.length);
    assert_true(put(&chain, epoch, record, 3000).counts);
}

static void resolve_session(struct epoch epoch, const struct uuid *id, const struct uuid *session,
                            uint32_t index)
{
    resolve_chunk(epoch, id, session, index, 1, 1);
}

static void the_history_of_a_session_tells_each_command_that_selected_it(void **state)
{
    (void)state;
    struct history history = {.session = gen_uuid(&gen)};
    struct uuid other = gen_uuid(&gen);
    trace_on_record(trace, history_note, &history);
    struct epoch epoch = own(&chain, 1, "worker-1");
    struct uuid first = accept_one(epoch, 2000), second = accept_one(epoch, 2000);
    resolve_chunk(epoch, &first, &history.session, 4, 1, 2);
    resolve_chunk(epoch, &first, &other, 5, 2, 2);
    decide(epoch, &first, 5); /* another target's */
    assert_int_equal(history.count, 1);
    assert_int_equal(history.entries[0].outcome, TARGET_NONE);
    decide(epoch, &first, 4);
    close_one(&chain, epoch, &first);
    resolve_session(epoch, &second, &history.session, 0);
    assert_int_equal(history.count, 2);
    assert_int_equal(history.entries[0].outcome, TARGET_ALREADY_GONE);
    assert_true(history.entries[0].closed);
    assert_string_equal(history.entries[0].requested_by, "ivan");
    assert_true(uuid_equal(&history.entries[1].command, &second));
    assert_int_equal(history.entries[1].outcome, TARGET_NONE);
    resolve_session(epoch, &second, &history.session, 0); /* the list once more */
    assert_int_equal(history.count, 2);
    history_release(&history);
}

static void released(struct epoch epoch, const struct uuid *id, struct target_release release,
                     bool more, int64_t at_ms)
{
    struct record *record = record_create(RECORD_RELEASED);
    record->command_id = *id;
    record->released.more = more;
    record->released.count = 1;
    record->released.releases = mem_alloc(1, sizeof *record->released.releases);
    record->released.releases[0] = release;
    assert_true(put(&chain, epoch, record, at_ms).counts);
}

static void a_session_is_released_when_the_last_record_does_not_name_it_as_left(void **state)
{
    (void)state;
    struct history history = {.session = gen_uuid(&gen)};
    trace_on_record(trace, history_note, &history);
    struct epoch epoch = own(&chain, 1, "worker-1");
    struct uuid clean = accept_one(epoch, 2000), leaking = accept_one(epoch, 2000);
    resolve_session(epoch, &clean, &history.session, 4);
    resolve_session(epoch, &leaking, &history.session, 4);
    decide_as(epoch, &clean, 4, TARGET_ENDED);
    decide_as(epoch, &leaking, 4, TARGET_ENDED);
    released(epoch, &clean, (struct target_release){.index = 5, .connections = 1}, true, 5000);
    released(epoch, &leaking, (struct target_release){.index = 4, .leaked = 2}, true, 5000);
    assert_int_equal(history.entries[0].released_at.ms, 0); /* more is to come */
    released(epoch, &clean, (struct target_release){.index = 6, .leaked = 1}, false, 6000);
    released(epoch, &leaking, (struct target_release){.index = 6}, false, 6000);
    assert_int_equal(history.entries[0].released_at.ms, 6000);
    assert_int_equal(history.entries[0].leaked, 0);
    assert_int_equal(history.entries[1].released_at.ms, 0);
    assert_int_equal(history.entries[1].leaked, 2);
    history_release(&history);
}

static void the_longest_name_is_kept_whole(void **state)
{
    (void)state;
    enum { LETTERS = LIMIT_NAME_BYTES / 2 };
    char name[LIMIT_NAME_BYTES + 1] = "";
    for (size_t i = 0; i < LETTERS; i++)
        strcat(name, "ф");
    struct epoch epoch = own(&chain, 1, "worker-1");
    struct record *record = record_create(RECORD_ACCEPTED);
    struct command *command = command_create();
    command->id = record->command_id = gen_uuid(&gen);
    command->cluster = "main";
    command->requested_by = name;
    command->action = ACTION_TERMINATE;
    record->accepted.command = command;
    record->accepted.first_appended_at.ms = record->accepted.expires_at.ms = 2000;
    assert_true(put(&chain, epoch, record, 2000).counts);
    size_t count;
    struct trace_command *open = trace_open(trace, &count);
    assert_int_equal(count, 1);
    assert_string_equal(open[0].requested_by, name);
    free(open);
}

/* Its epoch ended amid the chunks: at its place stands somebody else. */
static void a_list_that_never_counted_tells_nothing_of_a_session(void **state)
{
    (void)state;
    struct history history = {.session = gen_uuid(&gen)};
    struct uuid other = gen_uuid(&gen);
    struct chain next = {0};
    trace_on_record(trace, history_note, &history);
    struct epoch epoch = own(&chain, 1, "worker-1");
    struct uuid id = accept_one(epoch, 2000);
    resolve_chunk(epoch, &id, &history.session, 0, 1, 2);
    assert_int_equal(history.count, 1);
    epoch = own(&next, 2, "worker-2");
    chain = next;
    resolve_session(epoch, &id, &other, 0);
    decide_as(epoch, &id, 0, TARGET_ENDED);
    assert_int_equal(history.count, 0);
    history_release(&history);
}

static void an_empty_journal_has_no_owner(void **state)
{
    (void)state;
    assert_int_equal(trace_partitions(trace), 2);
    assert_int_equal(trace_partition(trace, 0)->owner.number, 0);
    assert_int_equal(open_count(), 0);
}

static void the_owner_is_the_last_one_that_counts(void **state)
{
    (void)state;
    struct chain other = {0};
    own(&chain, 1, "worker-1");
    struct epoch second = own(&other, 2, "worker-2");
    const struct trace_partition *partition = trace_partition(trace, 0);
    assert_string_equal(partition->instance, "worker-2");
    assert_true(epoch_equal(&partition->owner, &second));
    assert_int_equal(trace_partition(trace, 1)->owner.number, 0);
}

static void open_commands_are_counted_with_what_is_left(void **state)
{
    (void)state;
    struct epoch epoch = own(&chain, 1, "worker-1");
    struct uuid second = accept_one(epoch, 3000);
    struct uuid first = accept_one(epoch, 2000);
    size_t count;
    resolve(epoch, &second, 3);
    decide(epoch, &second, 1);
    decide(epoch, &second, 1); /* a repeat */
    struct trace_command *open = trace_open(trace, &count);
    assert_int_equal(count, 2);
    assert_true(uuid_equal(&open[0].id, &first)); /* oldest first */
    assert_int_equal(open[0].last, RECORD_ACCEPTED);
    assert_string_equal(open[0].cluster, "main");
    assert_string_equal(open[0].requested_by, "ivan");
    assert_int_equal(open[1].targets, 3);
    assert_int_equal(open[1].decided, 1);
    assert_int_equal(open[1].last, RECORD_OUTCOME);
    free(open);
    assert_int_equal(trace_partition(trace, 0)->open, 2);
    close_one(&chain, epoch, &second);
    assert_int_equal(trace_partition(trace, 0)->open, 1);
    assert_int_equal(open_count(), 1);
}

/* The last list of a drain holds nobody: what earlier ones held is not forgotten, and never fewer
 * than none are left. */
static void rounds_add_up(void **state)
{
    (void)state;
    struct epoch epoch = own(&chain, 1, "worker-1");
    struct uuid id = accept_one(epoch, 3000);
    size_t count;
    resolve(epoch, &id, 2);
    decide(epoch, &id, 0);
    decide(epoch, &id, 1);
    resolve_round(epoch, &id, 2, 2, 1);
    struct trace_command *open = trace_open(trace, &count);
    assert_int_equal(open[0].targets, 3);
    assert_int_equal(open[0].decided, 2);
    free(open);
    decide(epoch, &id, 2);
    resolve_round(epoch, &id, 3, 3, 0);
    open = trace_open(trace, &count);
    assert_int_equal(open[0].targets, 3);
    assert_int_equal(open[0].decided, 3);
    free(open);
}

static void approve(struct epoch epoch, const struct uuid *id, enum error_code refused)
{
    struct record *record = record_create(RECORD_APPROVED);
    record->command_id = *id;
    record->reason.code = refused;
    record->approved.by = mem_text("olga", 4);
    record->approved.digest = mem_text("ab", 2);
    assert_true(put(&chain, epoch, record, 0).counts);
}

static enum record_kind state_of_the_only_one(void)
{
    size_t count;
    struct trace_command *commands = trace_open(trace, &count);
    assert_int_equal(count, 1);
    enum record_kind ret = commands[0].last;
    free(commands);
    return ret;
}

static void what_waits_for_an_approval_is_told_as_pending(void **state)
{
    (void)state;
    struct epoch epoch = own(&chain, 1, "worker-1");
    struct uuid id = accept_one(epoch, 2000);
    struct record *record = record_create(RECORD_PENDING);
    record->command_id = id;
    record->pending.digest = mem_text("ab", 2);
    record->pending.until.ms = 9000;
    assert_true(put(&chain, epoch, record, 0).counts);
    resolve(epoch, &id, 2);
    assert_int_equal(state_of_the_only_one(), RECORD_PENDING);
    approve(epoch, &id, ERR_DENIED);
    assert_int_equal(state_of_the_only_one(), RECORD_PENDING);
    approve(epoch, &id, ERR_OK);
    assert_int_equal(state_of_the_only_one(), RECORD_APPROVED);
}

static void void_records_change_nothing(void **state)
{
    (void)state;
    struct chain other = {0};
    struct epoch first = own(&chain, 1, "worker-1");
    struct uuid id = accept_one(first, 2000);
    own(&other, 2, "worker-2");
    close_one(&chain, first, &id); /* of a worker that does not know yet */
    assert_int_equal(open_count(), 1);
    assert_int_equal(trace_partition(trace, 0)->chain.voided, 1);
}

static void rubbish_is_damage_and_no_crash(void **state)
{
    (void)state;
    own(&chain, 1, "worker-1");
    struct chain_verdict verdict =
        trace_record(trace, 0, offset++, TEXT("\xff\xff rubbish"), (struct wall){0});
    assert_int_equal(verdict.state, CHAIN_UNREADABLE);
    assert_false(verdict.counts);
    assert_int_equal(trace_partition(trace, 0)->chain.damaged, 1);
}

/* ---- is it all there? ---- */

static void assert_doubt(const char *what)
{
    AUTO_BUF doubt;
    buf_init(&doubt, 2000);
    trace_at_end(trace);
    trace_say_doubt(trace, 0, &doubt);
    if (!strstr(buf_text(&doubt), what))
        fail_msg("'%s' is not in '%s'", what, buf_text(&doubt));
    assert_int_equal(trace_doubtful(trace), 1); /* nothing is wrong with partition 1 */
}

static void a_whole_journal_gives_no_doubt(void **state)
{
    (void)state;
    AUTO_BUF doubt;
    buf_init(&doubt, 2000);
    struct epoch epoch = own(&chain, 1, "worker-1");
    struct uuid id = accept_one(epoch, 1000);
    close_one(&chain, epoch, &id);
    trace_at_end(trace);
    trace_say_doubt(trace, 0, &doubt);
    assert_int_equal(doubt.length, 0);
    assert_int_equal(trace_doubtful(trace), 0);
}

static void the_first_damaged_record_is_named_by_its_offset(void **state)
{
    (void)state;
    struct epoch epoch = own(&chain, 1, "worker-1");
    accept_one(epoch, 1000);
    trace_record(trace, 0, offset++, TEXT("\xff\xff rubbish"), (struct wall){0});
    trace_record(trace, 0, offset++, TEXT("\xff\xff rubbish"), (struct wall){0});
    assert_doubt("2 of 4 records are damaged or follow a hole, the first at offset 2");
}

static void a_beginning_that_is_gone_is_told_unless_the_host_forgets(void **state)
{
    (void)state;
    struct epoch epoch = {gen_uuid(&gen), 1};
    chain = (struct chain){.epoch = epoch, .sequence = 7};
    offset = 700;
    trace_begin(trace, 0, offset);
    struct uuid id = gen_uuid(&gen);
    close_one(&chain, epoch, &id);
    assert_int_equal(trace_partition(trace, 0)->chain.damaged, 0);
    assert_doubt(
        "the records below offset 700 are gone (the first one left is record 8 of epoch 1)");
    trace_forgive_beginnings(trace);
    assert_int_equal(trace_doubtful(trace), 0);
}

/* Where a worker goes on, `status` does: what is open behind that place is told. */
static void
behind_a_beginning_that_is_gone_open_commands_are_told_as_a_worker_knows_them(void **state)
{
    (void)state;
    struct epoch epoch = {gen_uuid(&gen), 5};
    chain = (struct chain){.epoch = epoch, .sequence = 7};
    offset = 700;
    trace_promise(trace, 0, &(struct extent_promise){true, 0, 700, epoch, 8});
    trace_begin(trace, 0, offset);
    accept_one(epoch, 1000);
    assert_int_equal(open_count(), 1);
    assert_doubt("which records count is known from offset 700 on");
}

static void an_end_that_is_gone_is_told(void **state)
{
    (void)state;
    trace_promise(trace, 0, &(struct extent_promise){true, 9, 5, {gen_uuid(&gen), 1}, 6});
    trace_begin(trace, 0, 0);
    accept_one(own(&chain, 1, "worker-1"), 1000);
    assert_doubt("it ends at offset 2, and a worker had read it up to 5");
}

/* ---- locks that should not stand ---- */

static const struct uuid base = {{0xba, 0x5e}};

static struct infobase_lock lock_with(bool deny, const char *mark)
{
    return (struct infobase_lock){.infobase = base,
                                  .sessions_deny = deny,
                                  .denied_parameter = mark ? mem_text(mark, strlen(mark)) : NULL};
}

static void lock_one(struct epoch epoch, const struct uuid *id, const char *before)
{
    struct record *record = record_create(RECORD_LOCKED);
    record->command_id = *id;
    record->locked.infobase = mem_text("ut", 2);
    record->locked.before = lock_with(before != NULL, before);
    record->locked.during = lock_with(true, uuid_format(id).text);
    record->locked.attempt = 1;
    record->locked.end_by.ms = record->locked.until.ms = 9000;
    assert_true(put(&chain, epoch, record, 2000).counts);
}

static void licence_to_restore(struct epoch epoch, const struct uuid *id, uint32_t attempt)
{
    struct record *record = record_create(RECORD_ATTEMPT);
    record->command_id = *id;
    record->attempt.act = ACT_RESTORE;
    record->attempt.round = 1;
    record->attempt.attempt = attempt;
    assert_true(put(&chain, epoch, record, 4000).counts);
}

static void restore_one(struct epoch epoch, const struct uuid *id, const char *now)
{
    struct record *record = record_create(RECORD_RESTORED);
    record->command_id = *id;
    record->restored.infobase = mem_text("ut", 2);
    record->restored.now = lock_with(now != NULL, now);
    assert_true(put(&chain, epoch, record, 3000).counts);
}

/* How many there are; `ret` gets the first. */
static size_t strays(struct trace_stray *ret)
{
    size_t count;
    struct trace_stray *all = trace_strays(trace, &count);
    if (count)
        *ret = all[0];
    free(all);
    return count;
}

static void a_lock_that_came_behind_the_end_is_told_until_it_is_removed(void **state)
{
    struct trace_stray stray;
    (void)state;
    struct epoch epoch = own(&chain, 1, "first");
    struct uuid id = accept_one(epoch, 1000);
    lock_one(epoch, &id, NULL);
    licence_to_restore(epoch, &id, 1);
    restore_one(epoch, &id, NULL);
    close_one(&chain, epoch, &id);
    assert_int_equal(strays(&stray), 0);
    licence_to_restore(epoch, &id, 2);
    licence_to_restore(epoch, &id, 3);
    assert_int_equal(strays(&stray), 1);
    assert_true(stray.removing);
    assert_true(uuid_equal(&stray.mark, &id));
    assert_string_equal(stray.infobase, "ut");
    assert_string_equal(stray.cluster, "main");
    assert_int_equal(stray.since.ms, 4000);
    restore_one(epoch, &id, NULL);
    assert_int_equal(strays(&stray), 0);
}

static void a_mark_of_a_command_that_has_no_share_is_told_and_one_that_has_is_not(void **state)
{
    struct trace_stray stray;
    struct uuid unknown = gen_uuid(&gen);
    (void)state;
    struct epoch epoch = own(&chain, 1, "first");
    struct uuid first = accept_one(epoch, 1000), second = accept_one(epoch, 1000);
    lock_one(epoch, &first, NULL);
    lock_one(epoch, &second, NULL);
    restore_one(epoch, &first, uuid_format(&first).text); /* the other one still needs it */
    assert_int_equal(strays(&stray), 0);
    restore_one(epoch, &second, uuid_format(&unknown).text);
    assert_int_equal(strays(&stray), 1);
    assert_false(stray.removing);
    assert_true(uuid_equal(&stray.mark, &unknown));
    close_one(&chain, epoch, &second);
    struct uuid third = accept_one(epoch, 1000);
    lock_one(epoch, &third, NULL); /* somebody has removed it since */
    assert_int_equal(strays(&stray), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_history_of_a_session_tells_each_command_that_selected_it, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_session_is_released_when_the_last_record_does_not_name_it_as_left, setup, teardown),
        cmocka_unit_test_setup_teardown(the_longest_name_is_kept_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_that_never_counted_tells_nothing_of_a_session, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_empty_journal_has_no_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(the_owner_is_the_last_one_that_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(open_commands_are_counted_with_what_is_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rounds_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_for_an_approval_is_told_as_pending, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(void_records_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(rubbish_is_damage_and_no_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(a_whole_journal_gives_no_doubt, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_damaged_record_is_named_by_its_offset, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_beginning_that_is_gone_is_told_unless_the_host_forgets,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            behind_a_beginning_that_is_gone_open_commands_are_told_as_a_worker_knows_them, setup,
            teardown),
        cmocka_unit_test_setup_teardown(an_end_that_is_gone_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_that_came_behind_the_end_is_told_until_it_is_removed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_mark_of_a_command_that_has_no_share_is_told_and_one_that_has_is_not, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
