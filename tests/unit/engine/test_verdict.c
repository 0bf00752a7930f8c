/* How a command ends follows from how its targets end, by one rule: over every mix of outcomes and
 * every way of closing, and once more through the engine's door. */
#include "by_hand.h"

#include "engine/lock.h"
#include "engine/verdict.h"

enum { MIX_MAX = 3 };

#define BIT(outcome) (1u << (outcome))

static const unsigned gone = BIT(TARGET_ENDED) | BIT(TARGET_ALREADY_GONE) | BIT(TARGET_LEFT);
static const unsigned trouble = BIT(TARGET_SURVIVED) | BIT(TARGET_FAILED) | BIT(TARGET_UNKNOWN);

/* ---- by hand: what people were wrong about, or may be ---- */

static const struct by_hand {
    enum target_outcome targets[MIX_MAX]; /* NONE: no such target */
    enum error_code unfinished;           /* ERR_OK: a list showed the end */
    enum command_outcome outcome;
    int why; /* index of the target whose reason is told; -1: of `unfinished`, or none */
} by_hand[] = {
    {{TARGET_STOPPED, TARGET_PROTECTED}, ERR_OK, COMMAND_CANCELLED, 0},
    {{TARGET_PROTECTED, TARGET_STOPPED}, ERR_OK, COMMAND_CANCELLED, 1},
    {{TARGET_NO_LONGER_MATCHES, TARGET_STOPPED}, ERR_OK, COMMAND_CANCELLED, 1},
    {{TARGET_PROTECTED, TARGET_EXPIRED}, ERR_OK, COMMAND_EXPIRED, 1},
    {{TARGET_EXPIRED, TARGET_STOPPED}, ERR_OK, COMMAND_CANCELLED, 1},
    {{TARGET_STOPPED, TARGET_UNKNOWN}, ERR_OK, COMMAND_FAILED, 1},
    {{TARGET_EXPIRED, TARGET_SURVIVED}, ERR_OK, COMMAND_FAILED, 1},
    {{TARGET_STOPPED, TARGET_LEFT}, ERR_OK, COMMAND_PARTIALLY_COMPLETED, 0},
    {{TARGET_ENDED, TARGET_PROTECTED, TARGET_UNKNOWN}, ERR_OK, COMMAND_PARTIALLY_COMPLETED, 2},
    {{TARGET_PROTECTED, TARGET_NO_LONGER_MATCHES}, ERR_OK, COMMAND_FAILED, 0},
    {{TARGET_ENDED, TARGET_LEFT, TARGET_ALREADY_GONE}, ERR_OK, COMMAND_COMPLETED, -1},
    {{TARGET_NONE}, ERR_OK, COMMAND_COMPLETED, -1},
    {{TARGET_NONE}, ERR_CANCELLED, COMMAND_CANCELLED, -1},
    {{TARGET_NONE}, ERR_EXPIRED, COMMAND_EXPIRED, -1},
    {{TARGET_NONE}, ERR_DEADLINE, COMMAND_EXPIRED, -1},
    {{TARGET_NONE}, ERR_AUTH, COMMAND_FAILED, -1},
    {{TARGET_ENDED}, ERR_CANCELLED, COMMAND_PARTIALLY_COMPLETED, -1},
    {{TARGET_SURVIVED}, ERR_CANCELLED, COMMAND_FAILED, 0},
    {{TARGET_UNKNOWN, TARGET_ENDED}, ERR_EXPIRED, COMMAND_PARTIALLY_COMPLETED, 0},
    {{TARGET_SURVIVED}, ERR_AUTH, COMMAND_FAILED, -1},
    {{TARGET_PROTECTED}, ERR_CANCELLED, COMMAND_CANCELLED, -1},
};

/* ---- a command that stands so ---- */

struct standing {
    struct command *command;
    struct drain drain;
    struct target targets[MIX_MAX];
    struct open open;
};

static const enum error_code of_outcome = ERR_REFUSED; /* a reason; whose, its address tells */

static void stand(struct standing *standing, const enum target_outcome *targets)
{
    struct open *open = &standing->open;
    memset(standing->targets, 0, sizeof standing->targets);
    *open = (struct open){.command = standing->command, .targets = standing->targets, .round = 1};
    while (open->target_count < MIX_MAX && targets[open->target_count] != TARGET_NONE) {
        struct target *target = &standing->targets[open->target_count];
        target->found = true;
        target->outcome = targets[open->target_count++];
        target->identity.uuid.bytes[0] = (uint8_t)open->target_count;
        if (!target_outcome_is_success(target->outcome))
            target->reason.code = of_outcome;
    }
}

static void expect(const struct verdict *verdict, enum command_outcome outcome, const char *what)
{
    if (verdict->outcome != outcome)
        fail_msg("%s: wanted %s, got %s", what, command_outcome_label(outcome),
                 command_outcome_label(verdict->outcome));
}

static void the_mixes_that_people_get_wrong(void **state)
{
    (void)state;
    struct standing standing = {.command = command_create()};
    for (size_t i = 0; i < sizeof by_hand / sizeof *by_hand; i++) {
        const struct by_hand *row = &by_hand[i];
        const struct reason unfinished = {.code = row->unfinished};
        const struct reason *why = row->unfinished ? &unfinished : NULL;
        char what[40];
        snprintf(what, sizeof what, "row %zu", i);
        stand(&standing, row->targets);
        struct verdict verdict = verdict_of(&standing.open, why);
        expect(&verdict, row->outcome, what);
        assert_ptr_equal(verdict.why, row->why < 0 ? why : &standing.targets[row->why].reason);
    }
    command_destroy(standing.command);
}

/* ---- all of them ---- */

/* Said in sets of outcomes; protected ones are not in it where they do not count. */
static enum command_outcome by_rule(unsigned seen, enum error_code unfinished, bool leaks)
{
    if (unfinished == ERR_CANCELLED)
        seen |= BIT(TARGET_STOPPED);
    else if (unfinished == ERR_EXPIRED || unfinished == ERR_DEADLINE)
        seen |= BIT(TARGET_EXPIRED);
    else if (unfinished)
        seen |= BIT(TARGET_FAILED);
    if (!(seen & ~gone))
        return leaks ? COMMAND_PARTIALLY_COMPLETED : COMMAND_COMPLETED;
    if (seen & gone)
        return COMMAND_PARTIALLY_COMPLETED;
    if (seen & trouble)
        return COMMAND_FAILED;
    if (seen & BIT(TARGET_STOPPED))
        return COMMAND_CANCELLED;
    return seen & BIT(TARGET_EXPIRED) ? COMMAND_EXPIRED : COMMAND_FAILED;
}

enum kind_of_command { ONCE, EMPTIED, NOT_EMPTIED, DRAINED, KINDS_OF_COMMAND };

static void be_of_kind(struct standing *standing, enum kind_of_command kind)
{
    standing->command->options.until_empty = kind == EMPTIED || kind == NOT_EMPTIED;
    standing->open.nobody_left = kind != NOT_EMPTIED;
    standing->open.drain = kind == DRAINED ? &standing->drain : NULL;
}

static void check_closings(struct standing *standing, unsigned seen, const char *what)
{
    static const enum error_code closings[] = {ERR_OK,       ERR_CANCELLED, ERR_EXPIRED,
                                               ERR_DEADLINE, ERR_AUTH,      ERR_UNAVAILABLE};
    for (int kind = 0; kind < KINDS_OF_COMMAND; kind++) {
        be_of_kind(standing, (enum kind_of_command)kind);
        unsigned counted =
            kind == EMPTIED || kind == DRAINED ? seen & ~BIT(TARGET_PROTECTED) : seen;
        for (uint32_t i = 0; i < 2 * sizeof closings / sizeof *closings; i++) {
            const struct reason unfinished = {.code = closings[i / 2]};
            const struct reason *why = unfinished.code ? &unfinished : NULL;
            standing->open.leaked = i % 2;
            struct verdict verdict = verdict_of(&standing->open, why);
            expect(&verdict, by_rule(counted, unfinished.code, i % 2), what);
            if (counted & ~gone || why)
                assert_non_null(verdict.why); /* whatever is no success says why */
        }
    }
}

static void every_mix_of_outcomes_follows_the_rule_in_every_way_of_closing(void **state)
{
    (void)state;
    struct standing standing = {.command = command_create()};
    for (unsigned mix = 0; mix < TARGET_OUTCOMES * TARGET_OUTCOMES * TARGET_OUTCOMES; mix++) {
        enum target_outcome targets[MIX_MAX];
        unsigned seen = 0;
        unsigned rest = mix;
        char what[100] = "";
        for (int i = 0; i < MIX_MAX; i++, rest /= TARGET_OUTCOMES)
            targets[i] = (enum target_outcome)(rest % TARGET_OUTCOMES);
        for (int i = 0; i < MIX_MAX && targets[i] != TARGET_NONE; i++) {
            size_t length = strlen(what);
            seen |= BIT(targets[i]);
            snprintf(what + length, sizeof what - length, " %s", target_outcome_label(targets[i]));
        }
        stand(&standing, targets);
        check_closings(&standing, seen, what);
    }
    command_destroy(standing.command);
}

static void a_session_counts_with_the_last_round_that_saw_it(void **state)
{
    (void)state;
    struct standing standing = {.command = command_create()};
    stand(&standing, (enum target_outcome[]){TARGET_UNKNOWN, TARGET_STOPPED, TARGET_NONE});
    const struct reason cancelled = {.code = ERR_CANCELLED};
    struct verdict verdict = verdict_of(&standing.open, &cancelled);
    expect(&verdict, COMMAND_FAILED, "two sessions");
    standing.open.round = 2;
    standing.targets[1].identity.uuid = standing.targets[0].identity.uuid;
    verdict = verdict_of(&standing.open, &cancelled);
    expect(&verdict, COMMAND_CANCELLED, "one session, twice");
    command_destroy(standing.command);
}

/* ---- through the door ---- */

enum { PROTECTED = 8 };

enum way { BY_CANCEL, BY_SWITCH, BY_TIME, WAYS };

static void stop_by(struct hand *hand, enum way way)
{
    switch (way) {
    case BY_CANCEL:
        assert_true(hand_cancel(hand, 1));
        break;
    case BY_SWITCH:
        engine_halt(hand->engine, true, hand->now);
        break;
    default:
        hand->cluster_down = true;
        hand_pass(hand, 3600000);
        break;
    }
}

/* Two sessions are asked for, one of them protected; in its grace the command is stopped. */
static void a_protected_session_makes_no_failure_of_a_stop(void **state)
{
    (void)state;
    static const enum event_kind ends[WAYS] = {EVENT_CANCELLED, EVENT_CANCELLED, EVENT_EXPIRED};
    for (int way = 0; way < WAYS; way++) {
        AUTO(hand) hand = hand_create();
        hand_own(hand);
        hand_world(hand, 2, 7u, (unsigned)PROTECTED);
        hand->protects = PROTECTED;
        struct command *command = by_uuid(1, 2, 7u, (unsigned)PROTECTED);
        command->options.grace_ms = 60000;
        hand_resolved(hand, command);
        hand_run_for(hand, 15000);
        stop_by(hand, (enum way)way);
        hand_run(hand);
        assert_int_equal(hand->ends, 0);
        assert_int_equal(hand_told(hand), ends[way]);
        assert_int_equal(hand->told[hand->told_count - 1].targets, 2);
    }
}

static struct record *last_closed(const struct hand *hand)
{
    struct record *record = NULL;
    for (int64_t i = hand->journal_count; i-- > 0 && !record;) {
        const struct buf *bytes = &hand->journal[i].bytes;
        struct text text = {(const char *)bytes->data, bytes->length};
        assert_int_equal(record_decode(text, &record, NULL), ERR_OK);
        if (record->kind != RECORD_CLOSED)
            record_destroy(STEAL(record));
    }
    assert_non_null(record);
    return record;
}

/* Rounds are cut short while one session's end is not known: that is what is told, not the cut. */
static void a_cancel_between_rounds_hides_nobody_whose_end_is_not_known(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_own(hand);
    hand_world(hand, 2, 7u, 90u);
    struct command *command = by_filter(1);
    command->options.until_empty = true;
    hand_resolved(hand, command);
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_IN_DOUBT, true);
    hand->cluster_down = true;
    hand_run_for(hand, hand->config.verify_ms + 11000);
    assert_int_equal(hand_count(hand, RECORD_OUTCOME), 1);
    assert_true(hand_cancel(hand, 1));
    hand_run(hand);
    AUTO(record) closed = last_closed(hand);
    assert_int_equal(closed->closed.outcome, COMMAND_FAILED);
    assert_int_equal(closed->reason.code, ERR_IN_DOUBT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mixes_that_people_get_wrong),
        cmocka_unit_test(every_mix_of_outcomes_follows_the_rule_in_every_way_of_closing),
        cmocka_unit_test(a_session_counts_with_the_last_round_that_saw_it),
        cmocka_unit_test(a_protected_session_makes_no_failure_of_a_stop),
        cmocka_unit_test(a_cancel_between_rounds_hides_nobody_whose_end_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
