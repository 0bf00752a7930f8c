/* What is ours in an infobase's lock, what was there before, what somebody else did: one rule each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/hold.h"

static const struct uuid infobase = {{0xba, 0x5e}};

static struct infobase_lock lock_of(bool deny, int64_t from, int64_t to, const char *message,
                                    const char *parameter, bool jobs)
{
    return (struct infobase_lock){
        .infobase = infobase,
        .sessions_deny = deny,
        .scheduled_jobs_deny = jobs,
        .denied_from = {from},
        .denied_to = {to},
        .denied_message = (char *)(uintptr_t)message,
        .denied_parameter = (char *)(uintptr_t)parameter,
        .permission_code = (char *)(uintptr_t) "",
    };
}

/* A hold that wrote `ours` over `before`. */
struct held {
    struct hold hold;
    struct infobase_lock before;
    struct infobase_lock ours;
};

static void begin(struct held *held, struct infobase_lock before, struct infobase_lock wanted)
{
    *held = (struct held){.before = before};
    held->ours = hold_during(&held->hold, &before, &wanted, (struct server_time){5000});
    hold_found(&held->hold, &before);
    hold_note(&held->hold, &before, &held->ours);
    held->hold.shares = 1;
}

static void end(struct held *held)
{
    infobase_lock_release(&held->ours);
    hold_release(&held->hold);
}

static void assert_lock(struct infobase_lock got, struct infobase_lock wanted)
{
    assert_true(infobase_lock_equal(&got, &wanted));
    infobase_lock_release(&got);
}

static const struct server_time now = {5000};

static void what_was_there_comes_back_also_what_is_switched_off(void **state) /* I9 */
{
    (void)state;
    struct held held;
    begin(&held, lock_of(false, 1, 2, "last month", "2026.01.01 10:00:00 7", false),
          lock_of(true, 7000, 0, "update", "id-1", true));
    assert_lock(hold_during(&held.hold, &held.ours, &held.ours, now),
                lock_of(true, 7000, 0, "update", "id-1", true));
    assert_lock(hold_back(&held.hold, &held.ours), held.before);
    assert_false(hold_kept_foreign(&held.hold, &held.before));
    end(&held);
}

static void a_stale_end_in_the_past_does_not_weaken_the_lock_and_comes_back(void **state)
{
    (void)state;
    struct held held;
    begin(&held, lock_of(true, 100, 4000, "theirs", "key", false),
          lock_of(true, 7000, 0, "update", "id-1", true));
    assert_lock(infobase_lock_copy(&held.ours), lock_of(true, 7000, 0, "update", "id-1", true));
    assert_lock(hold_back(&held.hold, &held.ours), held.before);
    end(&held);
}

static void a_delayed_lock_of_somebody_else_keeps_its_begin_words_and_code(void **state)
{
    (void)state;
    struct infobase_lock theirs = lock_of(true, 6000, 9000, "theirs", "key", false);
    theirs.permission_code = (char *)(uintptr_t) "sesame";
    struct infobase_lock wanted = lock_of(true, 7000, 0, "update", "id-1", false);
    struct infobase_lock stricter = lock_of(true, 6000, 0, "theirs", "id-1", false);
    stricter.permission_code = (char *)(uintptr_t) "sesame";
    struct held held;
    begin(&held, theirs, wanted);
    assert_lock(infobase_lock_copy(&held.ours), stricter);
    assert_lock(hold_back(&held.hold, &held.ours), theirs);
    end(&held);
}

static void without_a_known_clock_a_lock_that_is_on_counts_as_in_force(void **state)
{
    (void)state;
    struct hold hold = {.shares = 0};
    struct infobase_lock theirs = lock_of(true, 100, 4000, "theirs", "key", false);
    struct infobase_lock wanted = lock_of(true, 0, 0, "update", "id-1", false);
    assert_lock(hold_during(&hold, &theirs, &wanted, (struct server_time){0}),
                lock_of(true, 0, 0, "theirs", "id-1", false));
}

static void a_strangers_lock_over_ours_is_kept(void **state)
{
    (void)state;
    struct held held;
    begin(&held, lock_of(false, 0, 0, "", "", false), lock_of(true, 0, 0, "update", "id-1", true));
    struct infobase_lock theirs = lock_of(true, 0, 0, "theirs", "key", true);
    /* jobs are judged apart: denied they are by us, as far as can be told */
    struct infobase_lock back = lock_of(true, 0, 0, "theirs", "key", false);
    assert_lock(hold_back(&held.hold, &theirs), back);
    assert_true(hold_kept_foreign(&held.hold, &back));
    end(&held);
}

/* A drain that is not over takes its lock anew, over the words of somebody else: his come back, and
 * nobody may think that what was there at first does. */
static void a_lock_that_was_changed_and_taken_over_is_told_as_kept(void **state) /* I9 */
{
    (void)state;
    struct held held;
    struct infobase_lock wanted = lock_of(true, 0, 0, "update", "id-1", true);
    begin(&held, lock_of(false, 0, 0, "", "", false), wanted);
    struct infobase_lock edited = lock_of(true, 0, 0, "update, until six", "id-1", true);
    struct infobase_lock during = hold_during(&held.hold, &edited, &wanted, now);
    struct infobase_lock before = hold_back(&held.hold, &edited);
    hold_note(&held.hold, &before, &during);
    struct infobase_lock back = lock_of(true, 0, 0, "update, until six", "id-1", false);
    assert_lock(hold_back(&held.hold, &during), back);
    assert_true(hold_kept_foreign(&held.hold, &back));
    infobase_lock_release(&before);
    infobase_lock_release(&during);
    end(&held);
}

static void a_lock_that_somebody_switched_off_stays_off_and_loses_our_words(void **state)
{
    (void)state;
    struct held held;
    begin(&held, lock_of(true, 3000, 0, "theirs", "key", false),
          lock_of(true, 0, 0, "update", "id-1", true));
    struct infobase_lock off = infobase_lock_copy(&held.ours);
    off.sessions_deny = false;
    struct infobase_lock back = lock_of(false, 3000, 0, "theirs", "key", false);
    assert_lock(hold_back(&held.hold, &off), back);
    assert_true(hold_kept_foreign(&held.hold, &back));
    infobase_lock_release(&off);
    end(&held);
}

static void jobs_that_were_denied_stay_denied_and_allowed_ones_stay_allowed(void **state)
{
    (void)state;
    struct held held;
    begin(&held, lock_of(false, 0, 0, "", "", true), lock_of(true, 0, 0, "update", "id-1", true));
    assert_lock(hold_back(&held.hold, &held.ours), held.before);
    struct infobase_lock allowed = infobase_lock_copy(&held.ours);
    allowed.scheduled_jobs_deny = false; /* somebody needs them */
    struct infobase_lock back = lock_of(false, 0, 0, "", "", false);
    assert_lock(hold_back(&held.hold, &allowed), back);
    assert_true(hold_kept_foreign(&held.hold, &back));
    infobase_lock_release(&allowed);
    end(&held);
}

static void with_keep_jobs_the_setting_of_jobs_is_nobodys_but_theirs(void **state)
{
    (void)state;
    struct held held;
    begin(&held, lock_of(false, 0, 0, "", "", false), lock_of(true, 0, 0, "update", "id-1", false));
    struct infobase_lock denied = infobase_lock_copy(&held.ours);
    denied.scheduled_jobs_deny = true; /* an administrator, meanwhile */
    struct infobase_lock back = lock_of(false, 0, 0, "", "", true);
    assert_lock(hold_back(&held.hold, &denied), back);
    infobase_lock_release(&denied);
    end(&held);
}

static void a_second_command_widens_the_lock_and_the_first_before_is_kept(void **state)
{
    (void)state;
    struct held held;
    begin(&held, lock_of(false, 0, 0, "old", "", false),
          lock_of(true, 9000, 0, "update", "id-1", false));
    struct infobase_lock second = lock_of(true, 7000, 0, "other", "id-2", true);
    struct infobase_lock both = hold_during(&held.hold, &held.ours, &second, now);
    assert_lock(infobase_lock_copy(&both), lock_of(true, 7000, 0, "update", "id-1", true));
    assert_false(hold_covers(&held.hold, &held.ours, &both));
    struct infobase_lock before = hold_back(&held.hold, &held.ours);
    hold_note(&held.hold, &before, &both);
    held.hold.shares = 2;
    assert_true(hold_covers(&held.hold, &both, &both));
    assert_lock(hold_back(&held.hold, &both), held.before);
    assert_lock(hold_back(&held.hold, &held.ours), held.before); /* a late write of the first */
    infobase_lock_release(&before);
    infobase_lock_release(&both);
    end(&held);
}

static void a_later_begin_or_allowed_jobs_do_not_cover(void **state)
{
    (void)state;
    struct held held;
    begin(&held, lock_of(false, 0, 0, "", "", false),
          lock_of(true, 7000, 0, "update", "id-1", true));
    struct infobase_lock weaker = infobase_lock_copy(&held.ours);
    assert_true(hold_covers(&held.hold, &weaker, &held.ours));
    weaker.scheduled_jobs_deny = false;
    assert_false(hold_covers(&held.hold, &weaker, &held.ours));
    weaker.scheduled_jobs_deny = true;
    weaker.sessions_deny = false;
    assert_false(hold_covers(&held.hold, &weaker, &held.ours));
    assert_false(hold_covers(&held.hold, &held.before, &held.ours));
    infobase_lock_release(&weaker);
    end(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_there_comes_back_also_what_is_switched_off),
        cmocka_unit_test(a_stale_end_in_the_past_does_not_weaken_the_lock_and_comes_back),
        cmocka_unit_test(a_delayed_lock_of_somebody_else_keeps_its_begin_words_and_code),
        cmocka_unit_test(without_a_known_clock_a_lock_that_is_on_counts_as_in_force),
        cmocka_unit_test(a_strangers_lock_over_ours_is_kept),
        cmocka_unit_test(a_lock_that_was_changed_and_taken_over_is_told_as_kept),
        cmocka_unit_test(a_lock_that_somebody_switched_off_stays_off_and_loses_our_words),
        cmocka_unit_test(jobs_that_were_denied_stay_denied_and_allowed_ones_stay_allowed),
        cmocka_unit_test(with_keep_jobs_the_setting_of_jobs_is_nobodys_but_theirs),
        cmocka_unit_test(a_second_command_widens_the_lock_and_the_first_before_is_kept),
        cmocka_unit_test(a_later_begin_or_allowed_jobs_do_not_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
