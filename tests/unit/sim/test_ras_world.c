/* The model behind the simulated server: numbers, UUIDs, lingering, locks, and one seed, one world.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sim/ras/world.h"

/* 2026-03-01T12:00:00Z */
static const struct wall noon = {1772366400000};
static const char masked[] = "\xef\xbf\xbd";

static struct wall after(int64_t ms)
{
    return (struct wall){noon.ms + ms};
}

static struct world_options quiet(void)
{
    struct world_options options = world_options_default();
    options.activity = false;
    options.connection_ms = 0;
    options.ras_session_ms = 0;
    return options;
}

static struct world *populated(struct world_options options, unsigned sessions)
{
    struct world *world = world_create(options);
    struct world_population population = {.clusters = 2, .infobases = 2, .sessions = sessions};
    world_populate(world, &population, noon);
    return world;
}

static struct world_cluster *first_cluster(struct world *world)
{
    return world_cluster_named(world, TEXT("sim-01"));
}

static struct world_infobase *first_infobase(struct world *world)
{
    return world_infobase_named(first_cluster(world), TEXT("IB-01"));
}

static void names_and_counts_are_as_asked(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 7);
    assert_int_equal(world_cluster_count(world), 2);
    assert_non_null(world_cluster_named(world, TEXT("sim-02")));
    struct world_cluster *cluster = first_cluster(world);
    assert_int_equal(cluster->infobase_count, 2);
    assert_int_equal(cluster->session_count, 7);
    assert_int_equal(first_infobase(world)->session_count, 4);
    assert_true(cluster->connection_count >= 7);
    assert_int_equal(world_totals(world).sessions, 14);
}

static void one_seed_makes_one_world(void **state)
{
    (void)state;
    struct world_options options = quiet();
    options.churn = 20;
    AUTO(world) one = populated(options, 100);
    AUTO(world) same = populated(options, 100);
    options.seed = 2;
    AUTO(world) other = populated(options, 100);
    for (int64_t ms = 100; ms < 5000; ms += 100) {
        world_tick(one, after(ms));
        world_tick(same, after(ms));
    }
    assert_true(uuid_equal(&first_cluster(one)->record.uuid, &first_cluster(same)->record.uuid));
    assert_false(uuid_equal(&first_cluster(one)->record.uuid, &first_cluster(other)->record.uuid));
    assert_int_equal(first_cluster(one)->session_count, first_cluster(same)->session_count);
    for (size_t i = 0; i < first_cluster(one)->session_count; i++)
        assert_true(uuid_equal(&first_cluster(one)->sessions[i]->record.uuid,
                               &first_cluster(same)->sessions[i]->record.uuid));
}

static void the_lowest_free_number_is_used_again(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 10);
    struct world_infobase *infobase = first_infobase(world);
    struct world_session *third = world_session_numbered(infobase, 3);
    assert_non_null(third);
    struct uuid old = third->record.uuid;
    assert_int_equal(world_terminate(first_cluster(world), &old, WORLD_USUAL, after(1)),
                     WORLD_DONE);
    assert_null(world_session_numbered(infobase, 3));
    struct world_session *next =
        world_login(infobase, TEXT("Иванов"), TEXT("1CV8C"), TEXT("WS"), after(2));
    assert_int_equal(next->record.session_id, 3);
    assert_false(uuid_equal(&next->record.uuid, &old));
    next = world_login(infobase, TEXT("Петров"), TEXT("1CV8C"), TEXT("WS"), after(3));
    assert_int_equal(next->record.session_id, 6);
}

static void numbers_belong_to_an_infobase(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 4);
    struct world_cluster *cluster = first_cluster(world);
    struct world_session *one = world_session_numbered(cluster->infobases[0], 1);
    struct world_session *other = world_session_numbered(cluster->infobases[1], 1);
    assert_non_null(one);
    assert_non_null(other);
    assert_ptr_not_equal(one, other);
}

static void a_second_terminate_finds_nothing(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 4);
    struct world_cluster *cluster = first_cluster(world);
    struct uuid uuid = cluster->sessions[0]->record.uuid;
    struct uuid never = uuid_random();
    assert_int_equal(world_terminate(cluster, &uuid, WORLD_USUAL, noon), WORLD_DONE);
    assert_int_equal(world_terminate(cluster, &uuid, WORLD_USUAL, noon), WORLD_GONE);
    assert_int_equal(world_terminate(cluster, &never, WORLD_USUAL, noon), WORLD_UNKNOWN);
    assert_int_equal(world_ghost_find(cluster, &uuid)->cause, WORLD_TERMINATED);
    assert_int_equal(cluster->session_count, 3);
}

static void a_terminated_session_can_stay_listed(void **state)
{
    (void)state;
    struct world_options options = quiet();
    options.linger_ms = 2000;
    AUTO(world) world = populated(options, 4);
    struct world_cluster *cluster = first_cluster(world);
    struct uuid uuid = cluster->sessions[0]->record.uuid;
    struct uuid stuck = cluster->sessions[1]->record.uuid;
    assert_int_equal(world_terminate(cluster, &uuid, WORLD_USUAL, noon), WORLD_ACCEPTED);
    assert_int_equal(world_terminate(cluster, &uuid, WORLD_USUAL, noon), WORLD_AGAIN);
    assert_int_equal(world_terminate(cluster, &stuck, WORLD_FOREVER, noon), WORLD_ACCEPTED);
    world_tick(world, after(1999));
    assert_non_null(world_session_find(cluster, &uuid));
    world_tick(world, after(2000));
    assert_null(world_session_find(cluster, &uuid));
    world_tick(world, after(1000000000));
    assert_non_null(world_session_find(cluster, &stuck));
}

static void the_connection_outlives_its_session(void **state)
{
    (void)state;
    struct world_options options = quiet();
    options.connection_ms = 500;
    AUTO(world) world = populated(options, 4);
    struct world_cluster *cluster = first_cluster(world);
    struct uuid link = cluster->sessions[0]->link->record.uuid;
    struct uuid uuid = cluster->sessions[0]->record.uuid;
    assert_int_equal(world_terminate(cluster, &uuid, WORLD_USUAL, noon), WORLD_DONE);
    world_tick(world, after(499));
    assert_non_null(world_connection_find(cluster, &link));
    world_tick(world, after(500));
    assert_null(world_connection_find(cluster, &link));
}

static void the_same_user_comes_back_as_another_session(void **state)
{
    (void)state;
    struct world_options options = quiet();
    options.relogin_ms = 1000;
    AUTO(world) world = populated(options, 4);
    struct world_cluster *cluster = first_cluster(world);
    struct world_infobase *infobase = first_infobase(world);
    struct world_session *session = world_session_numbered(infobase, 2);
    struct text user = session->record.user_name;
    struct uuid old = session->record.uuid;
    assert_int_equal(world_terminate(cluster, &old, WORLD_USUAL, noon), WORLD_DONE);
    world_tick(world, after(999));
    assert_null(world_session_numbered(infobase, 2));
    world_tick(world, after(1000));
    session = world_session_numbered(infobase, 2);
    assert_non_null(session);
    assert_true(text_equal(session->record.user_name, user));
    assert_false(uuid_equal(&session->record.uuid, &old));
    assert_true(session->record.started_at.ticks > world_time(world, noon).ticks);
}

static void who_just_logged_in_has_no_name_yet(void **state)
{
    (void)state;
    struct world_options options = quiet();
    options.nameless_ms = 200;
    AUTO(world) world = populated(options, 4);
    assert_true(first_cluster(world)->sessions[0]->record.user_name.length > 0);
    struct world_session *session =
        world_login(first_infobase(world), TEXT("Иванов"), TEXT("1CV8C"), TEXT("h"), noon);
    assert_int_equal(session->record.user_name.length, 0);
    world_tick(world, after(199));
    assert_int_equal(session->record.user_name.length, 0);
    world_tick(world, after(200));
    assert_true(text_equal(session->record.user_name, TEXT("Иванов")));
}

static void a_lock_keeps_users_out_in_its_time_only(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 4);
    struct world_infobase *infobase = first_infobase(world);
    struct ras_infobase record = infobase->record;
    record.sessions_deny = true;
    record.denied_from = world_time(world, after(60000));
    record.denied_to = world_time(world, after(120000));
    assert_int_equal(world_update(infobase, &record), WORLD_DONE);
    assert_true(world_lets_in(infobase, TEXT("1CV8C"), noon));
    assert_false(world_lets_in(infobase, TEXT("1CV8C"), after(60000)));
    assert_true(world_lets_in(infobase, TEXT("1CV8C"), after(120000)));
    record.denied_to.ticks = 0;
    assert_int_equal(world_update(infobase, &record), WORLD_DONE);
    assert_false(world_lets_in(infobase, TEXT("1CV8C"), after(120000)));
}

static void a_hold_on_jobs_stops_jobs_alone(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 4);
    struct world_infobase *infobase = first_infobase(world);
    struct ras_infobase record = infobase->record;
    record.scheduled_jobs_deny = true;
    assert_int_equal(world_update(infobase, &record), WORLD_DONE);
    assert_false(world_lets_in(infobase, TEXT("BackgroundJob"), noon));
    assert_true(world_lets_in(infobase, TEXT("1CV8C"), noon));
}

static void the_masked_password_means_unchanged(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 4);
    struct world_infobase *infobase = first_infobase(world);
    struct ras_infobase record = infobase->record;
    record.descr = TEXT("новое");
    assert_true(text_equal(record.db_pwd, text_of(masked)));
    assert_int_equal(world_update(infobase, &record), WORLD_DONE);
    record.db_pwd = infobase->password;
    assert_int_equal(world_update(infobase, &record), WORLD_DONE);
    assert_true(text_equal(infobase->record.db_pwd, text_of(masked)));
    record.descr = TEXT("другое");
    record.db_pwd = (struct text){0};
    assert_int_equal(world_update(infobase, &record), WORLD_REFUSED);
    record.db_pwd = TEXT("?");
    assert_int_equal(world_update(infobase, &record), WORLD_REFUSED);
    assert_true(text_equal(infobase->record.descr, TEXT("новое")));
}

static void a_disconnected_client_builds_another_link(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 4);
    struct world_cluster *cluster = first_cluster(world);
    struct world_session *session = cluster->sessions[0];
    struct ras_connection link = session->link->record;
    struct uuid wrong = uuid_random();
    assert_int_equal(world_disconnect(cluster, &wrong, &link.uuid, noon), WORLD_UNKNOWN);
    assert_int_equal(world_disconnect(cluster, &link.process, &link.uuid, noon), WORLD_DONE);
    assert_null(world_connection_find(cluster, &link.uuid));
    assert_non_null(session->link);
    assert_int_equal(world_disconnect(cluster, &link.process, &link.uuid, noon), WORLD_UNKNOWN);
}

static void an_interrupt_ends_the_call_and_not_the_session(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 4);
    struct world_cluster *cluster = first_cluster(world);
    struct world_session *session = cluster->sessions[0];
    struct uuid uuid = session->record.uuid;
    assert_int_equal(world_interrupt(cluster, &uuid, noon), WORLD_IDLE);
    world_call(session, 5000);
    assert_false(uuid_is_nil(&session->record.connection));
    assert_int_equal(world_interrupt(cluster, &uuid, noon), WORLD_DONE);
    assert_int_equal(session->record.duration_current, 0);
    assert_true(uuid_is_nil(&session->record.connection));
    assert_ptr_equal(world_session_find(cluster, &uuid), session);
}

static void reading_an_infobase_brings_a_session_of_ras(void **state)
{
    (void)state;
    struct world_options options = quiet();
    options.ras_session_ms = 1000;
    AUTO(world) world = populated(options, 4);
    struct world_infobase *infobase = first_infobase(world);
    size_t before = infobase->session_count;
    world_ras_was_here(infobase, noon);
    world_ras_was_here(infobase, after(500));
    assert_int_equal(infobase->session_count, before + 1);
    assert_true(text_equal(infobase->ras->record.app_id, TEXT("RAS")));
    assert_int_equal(infobase->ras->record.user_name.length, 0);
    world_tick(world, after(1499));
    assert_int_equal(infobase->session_count, before + 1);
    world_tick(world, after(1500));
    assert_int_equal(infobase->session_count, before);
}

static void churn_keeps_the_house_about_as_full(void **state)
{
    (void)state;
    struct world_options options = quiet();
    options.churn = 50;
    options.activity = true;
    AUTO(world) world = populated(options, 500);
    for (int64_t ms = 50; ms <= 60000; ms += 50)
        world_tick(world, after(ms));
    struct world_totals totals = world_totals(world);
    assert_true(totals.ended[WORLD_LOGOUT] > 1000);
    assert_true(totals.sessions > 600);
    assert_true(totals.sessions < 1400);
    struct world_cluster *cluster = first_cluster(world);
    for (size_t i = 0; i < cluster->session_count; i++) {
        struct world_session *session = cluster->sessions[i];
        assert_ptr_equal(world_session_find(cluster, &session->record.uuid), session);
        assert_ptr_equal(
            world_session_numbered(session->infobase, (uint32_t)session->record.session_id),
            session);
    }
}

struct seen {
    unsigned started;
    unsigned ended;
    enum world_cause cause;
};

static void see(void *self, const struct world_event *event)
{
    struct seen *seen = self;
    seen->started += event->kind == WORLD_STARTED;
    seen->ended += event->kind == WORLD_ENDED;
    seen->cause = event->cause;
}

static void watchers_hear_of_every_start_and_end(void **state)
{
    (void)state;
    struct seen seen = {0};
    AUTO(world) world = populated(quiet(), 4);
    world_watch(world, see, &seen);
    struct world_session *session =
        world_login(first_infobase(world), TEXT(""), TEXT("1CV8"), TEXT("h"), noon);
    world_logout(session, WORLD_EVICTED, noon);
    assert_int_equal(seen.started, 1);
    assert_int_equal(seen.ended, 1);
    assert_int_equal(seen.cause, WORLD_EVICTED);
    world_unwatch(world, see, &seen);
    world_login(first_infobase(world), TEXT(""), TEXT("1CV8"), TEXT("h"), noon);
    assert_int_equal(seen.started, 1);
}

static void a_session_that_cannot_be_is_refused(void **state)
{
    (void)state;
    AUTO(world) world = populated(quiet(), 4);
    struct world_cluster *cluster = first_cluster(world);
    struct ras_session record = {.uuid = uuid_random(), .infobase = uuid_random()};
    assert_int_equal(world_add_session(cluster, &record, NULL, NULL), ERR_INVALID);
    record.infobase = cluster->infobases[0]->record.uuid;
    record.session_id = 1;
    assert_int_equal(world_add_session(cluster, &record, NULL, NULL), ERR_INVALID);
    record.session_id = 40000;
    assert_int_equal(world_add_session(cluster, &record, NULL, NULL), ERR_OK);
    record.session_id = 40001;
    assert_int_equal(world_add_session(cluster, &record, NULL, NULL), ERR_INVALID);
}

static void the_servers_clock_has_its_own_zone(void **state)
{
    (void)state;
    struct world_options options = quiet();
    options.zone_minutes = 180;
    AUTO(world) world = world_create(options);
    assert_string_equal(server_time_format(world_time(world, after(250))).text,
                        "2026-03-01T15:00:00");
}

static void a_map_survives_many_comings_and_goings(void **state)
{
    (void)state;
    enum { THINGS = 2000 };
    static struct uuid ids[THINGS];
    struct uuid_map map = {0};
    struct rng rng = {7};
    bool in[THINGS] = {0};
    for (size_t i = 0; i < THINGS; i++)
        ids[i] = uuid_random();
    for (unsigned turn = 0; turn < 50000; turn++) {
        size_t i = rng_below(&rng, THINGS);
        if (rng_chance(&rng, 0.5))
            uuid_map_put(&map, &ids[i], &ids[i]);
        else
            uuid_map_remove(&map, &ids[i]);
        in[i] = uuid_map_get(&map, &ids[i]) != NULL;
    }
    for (size_t i = 0; i < THINGS; i++)
        assert_ptr_equal(uuid_map_get(&map, &ids[i]), in[i] ? &ids[i] : NULL);
    uuid_map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_counts_are_as_asked),
        cmocka_unit_test(one_seed_makes_one_world),
        cmocka_unit_test(the_lowest_free_number_is_used_again),
        cmocka_unit_test(numbers_belong_to_an_infobase),
        cmocka_unit_test(a_second_terminate_finds_nothing),
        cmocka_unit_test(a_terminated_session_can_stay_listed),
        cmocka_unit_test(the_connection_outlives_its_session),
        cmocka_unit_test(the_same_user_comes_back_as_another_session),
        cmocka_unit_test(who_just_logged_in_has_no_name_yet),
        cmocka_unit_test(a_lock_keeps_users_out_in_its_time_only),
        cmocka_unit_test(a_hold_on_jobs_stops_jobs_alone),
        cmocka_unit_test(the_masked_password_means_unchanged),
        cmocka_unit_test(a_disconnected_client_builds_another_link),
        cmocka_unit_test(an_interrupt_ends_the_call_and_not_the_session),
        cmocka_unit_test(reading_an_infobase_brings_a_session_of_ras),
        cmocka_unit_test(churn_keeps_the_house_about_as_full),
        cmocka_unit_test(watchers_hear_of_every_start_and_end),
        cmocka_unit_test(a_session_that_cannot_be_is_refused),
        cmocka_unit_test(the_servers_clock_has_its_own_zone),
        cmocka_unit_test(a_map_survives_many_comings_and_goings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
