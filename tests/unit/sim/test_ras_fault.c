/* The rules of faults: their grammar, what they hit, how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster/ras/wire.h"
#include "sim/ras/fault.h"

static const struct instant now = {1000};

static void add(struct faults *faults, const char *spec)
{
    struct error err;
    if (faults_add(faults, text_of(spec), now, NULL, &err))
        fail_msg("%s", err.message);
}

static struct fault_plan pick(struct faults *faults, int op)
{
    struct fault_request request = {.op = op, .cluster_name = TEXT("sim-01"), .number = 7};
    return faults_pick(faults, &request, now);
}

static void wrong_rules_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "explode",       "delay",          "delay=soon",    "delay=1s..later",
        "lost=1",   "hang,op=dance", "hang,p=2",       "hang,p=",       "hang,colour=red",
        "cut=many", "error",         "hang,session=x", "hang,times=-1", "chaos=lots",
        "stay=now", "hang,for=ever", "\xff",
    };
    AUTO(faults) faults = faults_create(1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = {0};
        assert_int_equal(faults_add(faults, text_of(wrong[i]), now, NULL, &err), ERR_INVALID);
        assert_true(strlen(err.message) > 5);
    }
    assert_int_equal(faults_count(faults), 0);
}

static void a_rule_hits_its_operation_alone(void **state)
{
    (void)state;
    AUTO(faults) faults = faults_create(1);
    add(faults, "hang,op=terminate_session");
    struct fault_plan plan = pick(faults, RAS_TERMINATE_SESSION);
    assert_true(fault_has(&plan, FAULT_HANG));
    assert_int_equal(pick(faults, RAS_GET_SESSIONS).kinds, 0);
    assert_int_equal(pick(faults, FAULT_OP_CONNECT).kinds, 0);
}

static void without_an_operation_a_rule_hits_what_it_can(void **state)
{
    (void)state;
    AUTO(faults) faults = faults_create(1);
    add(faults, "empty");
    add(faults, "stay=forever");
    add(faults, "lie");
    add(faults, "credentials");
    struct fault_plan list = pick(faults, RAS_GET_SESSIONS);
    struct fault_plan end = pick(faults, RAS_TERMINATE_SESSION);
    struct fault_plan login = pick(faults, RAS_AUTHENTICATE_CLUSTER);
    assert_int_equal(list.kinds, 1u << FAULT_EMPTY);
    assert_int_equal(end.kinds, 1u << FAULT_STAY | 1u << FAULT_LIE);
    assert_int_equal(end.stay_ms, INT64_MAX);
    assert_int_equal(login.kinds, 1u << FAULT_CREDENTIALS);
    assert_int_equal(pick(faults, FAULT_OP_OPEN).kinds, 0);
}

static void times_and_skip_count(void **state)
{
    (void)state;
    AUTO(faults) faults = faults_create(1);
    add(faults, "drop,op=any,times=2,skip=1");
    assert_int_equal(pick(faults, FAULT_OP_OPEN).kinds, 0);
    assert_true(pick(faults, FAULT_OP_OPEN).kinds);
    assert_true(pick(faults, RAS_GET_SESSIONS).kinds);
    assert_int_equal(pick(faults, RAS_GET_SESSIONS).kinds, 0);
}

static void a_rule_ends_with_its_time(void **state)
{
    (void)state;
    AUTO(faults) faults = faults_create(1);
    struct fault_request request = {.op = RAS_GET_SESSIONS};
    add(faults, "hang,for=2s");
    assert_true(faults_pick(faults, &request, instant_add_ms(now, 1999)).kinds);
    assert_false(faults_pick(faults, &request, instant_add_ms(now, 2000)).kinds);
}

static void cluster_number_and_user_narrow_a_rule(void **state)
{
    (void)state;
    AUTO(faults) faults = faults_create(1);
    struct fault_request request = {.op = RAS_TERMINATE_SESSION,
                                    .cluster_name = TEXT("SIM-01"),
                                    .infobase_name = TEXT("ib-02"),
                                    .number = 7,
                                    .user = TEXT("Иванов")};
    add(faults, "hang,cluster=sim-01,infobase=ib-02,number=7,user=Иванов");
    assert_true(faults_pick(faults, &request, now).kinds);
    request.number = 8;
    assert_false(faults_pick(faults, &request, now).kinds);
    request.number = 7;
    request.cluster_name = TEXT("sim-02");
    assert_false(faults_pick(faults, &request, now).kinds);
    add(faults, "hang,port=1545");
    assert_false(faults_pick(faults, &request, now).kinds);
    request.port = 1545;
    assert_true(faults_pick(faults, &request, now).kinds);
}

static void a_probability_is_about_kept(void **state)
{
    (void)state;
    AUTO(faults) faults = faults_create(42);
    unsigned hits = 0;
    add(faults, "reset,p=0.1");
    for (unsigned i = 0; i < 10000; i++)
        hits += pick(faults, RAS_GET_SESSIONS).kinds != 0;
    assert_in_range(hits, 850, 1150);
}

static void chaos_draws_many_kinds_from_its_seed(void **state)
{
    (void)state;
    AUTO(faults) one = faults_create(5);
    AUTO(faults) same = faults_create(5);
    uint64_t kinds = 0;
    unsigned hits = 0;
    add(one, "chaos=0.2");
    add(same, "chaos=0.2");
    for (unsigned i = 0; i < 5000; i++) {
        struct fault_plan plan = pick(one, RAS_GET_SESSIONS);
        struct fault_plan again = pick(same, RAS_GET_SESSIONS);
        assert_true(plan.kinds == again.kinds);
        assert_int_equal(plan.delay_ms, again.delay_ms);
        kinds |= plan.kinds;
        hits += plan.kinds != 0;
    }
    assert_in_range(hits, 850, 1150);
    assert_true(__builtin_popcountll(kinds) >= 10);
    assert_false(kinds >> FAULT_LIE & 1);
}

static void ranges_are_drawn_and_rules_add_up(void **state)
{
    (void)state;
    AUTO(faults) faults = faults_create(1);
    add(faults, "delay=100ms..200ms");
    add(faults, "delay=1s");
    add(faults, "error=Rights,op=sessions");
    for (unsigned i = 0; i < 100; i++) {
        struct fault_plan plan = pick(faults, RAS_GET_SESSIONS);
        assert_in_range(plan.delay_ms, 1100, 1200);
        assert_true(text_equal(plan.error, TEXT("Rights")));
    }
}

static void rules_can_be_removed_and_shown(void **state)
{
    (void)state;
    AUTO(faults) faults = faults_create(1);
    AUTO_BUF text = {0};
    uint32_t id = 0;
    buf_init(&text, 4096);
    assert_int_equal(faults_add(faults, TEXT("refuse,cluster=sim-01"), now, &id, NULL), ERR_OK);
    struct fault_request address = {.op = FAULT_OP_ACCEPT, .cluster_name = TEXT("sim-01")};
    assert_true(faults_refuse(faults, &address, now));
    address.cluster_name = TEXT("sim-02");
    assert_false(faults_refuse(faults, &address, now));
    faults_print(faults, now, &text);
    assert_non_null(strstr(buf_text(&text), "\"spec\":\"refuse,cluster=sim-01\""));
    assert_true(faults_remove(faults, id));
    assert_false(faults_remove(faults, id));
}

static void every_operation_has_a_name_that_is_read_back(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 256; number++)
        if (ras_message_by_request((uint8_t)number))
            assert_int_equal(fault_op_read(text_of(fault_op_name((int)number))), number);
    assert_string_equal(fault_op_name(FAULT_OP_OPEN), "open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_rules_are_refused_with_a_reason),
        cmocka_unit_test(a_rule_hits_its_operation_alone),
        cmocka_unit_test(without_an_operation_a_rule_hits_what_it_can),
        cmocka_unit_test(times_and_skip_count),
        cmocka_unit_test(a_rule_ends_with_its_time),
        cmocka_unit_test(cluster_number_and_user_narrow_a_rule),
        cmocka_unit_test(a_probability_is_about_kept),
        cmocka_unit_test(chaos_draws_many_kinds_from_its_seed),
        cmocka_unit_test(ranges_are_drawn_and_rules_add_up),
        cmocka_unit_test(rules_can_be_removed_and_shown),
        cmocka_unit_test(every_operation_has_a_name_that_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
