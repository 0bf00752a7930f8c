/* Where a RAS is: in which order addresses are tried, and what is copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster/ras/reach.h"

static struct error err;
static const struct ras_address three[] = {{"a", 1545}, {"b", 1546}, {"c", 1547}};

static struct ras_reach reach_of_three(void)
{
    struct ras_reach reach;
    ras_reach_init(
        &reach, &(struct ras_reach_source){.name = "main", .addresses = three, .address_count = 3});
    return reach;
}

/* The hosts as a request that fails everywhere would try them. */
static const char *tried_in_turn(const struct ras_reach *reach)
{
    static char hosts[LIMIT_ADDRESSES + 1];
    uint32_t tried = 0;
    size_t count = 0, address;
    while (ras_reach_next(reach, tried, &address)) {
        hosts[count++] = reach->addresses[address].host[0];
        tried |= 1u << address;
    }
    hosts[count] = 0;
    return hosts;
}

static void who_stayed_silent_is_tried_last(void **state)
{
    (void)state;
    struct ras_reach reach = reach_of_three();
    assert_string_equal(tried_in_turn(&reach), "abc");
    ras_reach_demote(&reach, 0);
    assert_string_equal(tried_in_turn(&reach), "bca");
    ras_reach_demote(&reach, 2);
    assert_string_equal(tried_in_turn(&reach), "bac");
    ras_reach_demote(&reach, 2); /* it is last already */
    assert_string_equal(tried_in_turn(&reach), "bac");
    ras_reach_release(&reach);
}

static void without_an_address_left_nothing_is_written(void **state)
{
    (void)state;
    struct ras_reach reach = reach_of_three();
    size_t address = 77;
    assert_false(ras_reach_next(&reach, 7, &address));
    assert_int_equal(address, 77);
    ras_reach_release(&reach);
}

static void logins_are_copies_with_the_administrators_first(void **state)
{
    (void)state;
    char host[] = "ras", user[] = "admin", infobase[] = "ut";
    struct secret *password = secret_of(text_of("word"));
    struct ras_address address = {host, 1545};
    struct ras_infobase_login login = {infobase, {"keeper", password}};
    struct ras_reach reach;
    ras_reach_init(&reach,
                   &(struct ras_reach_source){"main", &address, 1, {user, NULL}, &login, 1});
    host[0] = user[0] = infobase[0] = 'X';
    assert_string_equal(reach.addresses[0].host, "ras");
    assert_string_equal(reach.logins[0].user, "admin");
    assert_null(reach.logins[0].password);
    assert_string_equal(reach.infobases[0].infobase, "ut");
    assert_string_equal(reach.logins[1].user, "keeper");
    assert_ptr_not_equal(reach.logins[1].password, password);
    assert_true(text_equal(secret_reveal(reach.logins[1].password), text_of("word")));
    secret_destroy(password);
    ras_reach_release(&reach);
}

static void too_few_or_too_many_are_told_with_their_cluster(void **state)
{
    (void)state;
    struct ras_reach_source source = {.name = "main", .addresses = three, .address_count = 3};
    assert_int_equal(ras_reach_check(&source, &err), ERR_OK);
    source.address_count = 0;
    assert_int_equal(ras_reach_check(&source, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "'main' has 0 addresses"));
    source.address_count = LIMIT_ADDRESSES + 1;
    assert_int_equal(ras_reach_check(&source, &err), ERR_CONFIG);
    source.address_count = 1;
    source.infobase_count = 10001;
    assert_int_equal(ras_reach_check(&source, &err), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stayed_silent_is_tried_last),
        cmocka_unit_test(without_an_address_left_nothing_is_written),
        cmocka_unit_test(logins_are_copies_with_the_administrators_first),
        cmocka_unit_test(too_few_or_too_many_are_told_with_their_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
