/* Who may ask, and how often: tokens, strangers, and a reload among requests that wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/secret.h"
#include "gateway/access.h"
#include "gateway/stranger.h"

static const struct instant start = {1000000000};

static struct instant after_ms(int64_t ms)
{
    return instant_add_ms(start, ms);
}

static void a_bucket_holds_a_minute_and_says_when_the_next_may_come(void **state)
{
    (void)state;
    struct bucket bucket = bucket_full(3, start);
    uint32_t retry_s = 0;
    for (int i = 0; i < 3; i++)
        assert_true(bucket_take(&bucket, 3, start, &retry_s));
    assert_false(bucket_take(&bucket, 3, start, &retry_s));
    assert_in_range(retry_s, 20, 21);
    assert_false(bucket_take(&bucket, 3, after_ms(19000), &retry_s));
    assert_in_range(retry_s, 1, 2);
    assert_true(bucket_take(&bucket, 3, after_ms(21000), &retry_s));
    /* Who comes when he was told to is let in. */
    struct bucket other = bucket_full(1, start);
    assert_true(bucket_take(&other, 1, start, &retry_s));
    for (int64_t ms = 0; ms < 60000; ms += 7001) {
        struct bucket each = other;
        assert_false(bucket_take(&each, 1, after_ms(ms), &retry_s));
        assert_true(bucket_take(&each, 1, after_ms(ms + 1000 * (int64_t)retry_s), &retry_s));
    }
    /* An hour makes no more than a minute's worth. */
    for (int i = 0; i < 3; i++)
        assert_true(bucket_take(&bucket, 3, after_ms(3600000), &retry_s));
    assert_false(bucket_take(&bucket, 3, after_ms(3600000), &retry_s));
    /* Nor does a full bucket stay full under a smaller limit. */
    bucket = bucket_full(100, start);
    assert_true(bucket_take(&bucket, 1, start, &retry_s));
    assert_false(bucket_take(&bucket, 1, start, &retry_s));
}

static struct http_peer v4(unsigned char last)
{
    return (struct http_peer){{[10] = 0xff, [11] = 0xff, 192, 0, 2, last}};
}

static void a_stranger_is_counted_by_his_address_alone(void **state)
{
    (void)state;
    struct strangers *strangers = strangers_create();
    struct http_peer one = v4(1);
    struct http_peer two = v4(2);
    uint32_t retry_s = 0;
    for (int i = 0; i < 5; i++)
        assert_true(strangers_count(strangers, &one, 5, start, &retry_s));
    assert_false(strangers_count(strangers, &one, 5, start, &retry_s));
    assert_in_range(retry_s, 1, 13);
    assert_true(strangers_count(strangers, &two, 5, start, &retry_s));
    assert_true(strangers_count(strangers, &one, 5, after_ms(13000), &retry_s));
    strangers_destroy(strangers);
}

static void addresses_of_one_network_of_ipv6_are_one_stranger(void **state)
{
    (void)state;
    struct strangers *strangers = strangers_create();
    struct http_peer peer = {{0x20, 0x01, 0x0d, 0xb8}};
    uint32_t retry_s = 0;
    for (int i = 0; i < 5; i++) {
        peer.bytes[15] = (unsigned char)i;
        assert_true(strangers_count(strangers, &peer, 5, start, &retry_s));
    }
    peer.bytes[8] = 7;
    assert_false(strangers_count(strangers, &peer, 5, start, &retry_s));
    peer.bytes[7] = 7; /* another network */
    assert_true(strangers_count(strangers, &peer, 5, start, &retry_s));
    strangers_destroy(strangers);
}

/* More addresses than there are places: who asks on and on is not forgotten for those who came
 * once. */
static void a_flood_of_addresses_does_not_wash_away_who_goes_on(void **state)
{
    (void)state;
    struct strangers *strangers = strangers_create();
    struct http_peer loud = v4(1);
    uint32_t retry_s = 0;
    int refused = 0;
    for (uint32_t i = 0; i < 40000; i++) {
        struct http_peer peer = {{[10] = 0xff,
                                  [11] = 0xff,
                                  10,
                                  (unsigned char)(i >> 16),
                                  (unsigned char)(i >> 8),
                                  (unsigned char)i}};
        struct instant now = after_ms(i / 40);
        assert_true(strangers_count(strangers, &peer, 5, now, &retry_s));
        if (i % 40 == 0 && !strangers_count(strangers, &loud, 5, now, &retry_s))
            refused++;
    }
    assert_true(refused > 900); /* of 1000 in one second, 5 are due */
    strangers_destroy(strangers);
}

/* ---- tokens ---- */

enum { TOKENS = 2 };

struct tokens {
    struct config_token tokens[TOKENS];
    struct config_gateway gateway;
};

static void tokens_init(struct tokens *tokens, const char *first, const char *second)
{
    const char *names[TOKENS] = {"ut", "shop"};
    const char *secrets[TOKENS] = {first, second};
    *tokens = (struct tokens){0};
    tokens->gateway.tokens = tokens->tokens;
    for (size_t i = 0; i < TOKENS && secrets[i]; i++) {
        tokens->tokens[i] = (struct config_token){.name = mem_text(names[i], strlen(names[i])),
                                                  .per_minute = 2,
                                                  .reads_per_minute = 3,
                                                  .waiting = 2};
        tokens->tokens[i].account.password = secret_of(text_of(secrets[i]));
        tokens->gateway.token_count++;
    }
}

static void tokens_release(struct tokens *tokens)
{
    for (size_t i = 0; i < tokens->gateway.token_count; i++) {
        free(tokens->tokens[i].name);
        secret_destroy(tokens->tokens[i].account.password);
    }
    /* Whoever still looks there is found out. */
    memset(tokens, 0xa5, sizeof *tokens);
}

static void a_token_is_good_for_its_clusters(void **state)
{
    (void)state;
    struct tokens tokens;
    char cluster[] = "Главный";
    char *names[] = {cluster};
    tokens_init(&tokens, "0123456789abcdef", "fedcba9876543210");
    tokens.tokens[1].clusters = (struct config_list){names, 1};
    struct access *access = access_create();
    access_configure(access, &tokens.gateway, start);
    assert_null(access_find(access, TEXT("0123456789abcdeX")));
    struct asker *ut = access_find(access, TEXT("0123456789abcdef"));
    struct asker *shop = access_find(access, TEXT("fedcba9876543210"));
    assert_string_equal(ut->name, "ut");
    assert_true(access_allows(ut, TEXT("whatever")));
    assert_true(access_allows(shop, TEXT("ГЛАВНЫЙ")));
    assert_false(access_allows(shop, TEXT("main")));
    access_destroy(access);
    tokens_release(&tokens);
}

static void reads_and_terminations_are_counted_apart(void **state)
{
    (void)state;
    struct tokens tokens;
    tokens_init(&tokens, "first", "second");
    struct access *access = access_create();
    access_configure(access, &tokens.gateway, start);
    struct asker *ut = access_find(access, TEXT("first"));
    uint32_t retry_s = 0;
    assert_non_null(ut);
    for (int i = 0; i < 2; i++)
        assert_true(access_count(ut, ACCESS_TERMINATION, start, &retry_s));
    assert_false(access_count(ut, ACCESS_TERMINATION, start, &retry_s));
    assert_in_range(retry_s, 30, 31);
    for (int i = 0; i < 3; i++)
        assert_true(access_count(ut, ACCESS_READ, start, &retry_s));
    assert_false(access_count(ut, ACCESS_READ, start, &retry_s));
    assert_true(access_count(access_find(access, TEXT("second")), ACCESS_READ, start, &retry_s));
    assert_null(access_find(access, TEXT("third")));
    assert_null(access_find(access, TEXT("")));
    access_destroy(access);
    tokens_release(&tokens);
}

static void nobody_waits_on_more_than_his_share(void **state)
{
    (void)state;
    struct tokens tokens;
    tokens_init(&tokens, "first", NULL);
    struct access *access = access_create();
    access_configure(access, &tokens.gateway, start);
    struct asker *ut = access_find(access, TEXT("first"));
    assert_true(access_may_wait(ut, 1)); /* of one connection there is no half */
    access_hold(ut);
    assert_false(access_may_wait(ut, 2));
    assert_true(access_may_wait(ut, 100));
    access_hold(ut);
    assert_false(access_may_wait(ut, 100));
    access_release(access, ut);
    assert_true(access_may_wait(ut, 100));
    access_release(access, ut);
    access_destroy(access);
    tokens_release(&tokens);
}

static void a_reload_keeps_what_was_used_up_and_who_waits(void **state)
{
    (void)state;
    struct tokens before;
    struct tokens after;
    uint32_t retry_s = 0;
    tokens_init(&before, "first", "second");
    struct access *access = access_create();
    access_configure(access, &before.gateway, start);
    struct asker *ut = access_find(access, TEXT("first"));
    struct asker *shop = access_find(access, TEXT("second"));
    while (access_count(ut, ACCESS_TERMINATION, start, &retry_s))
        continue;
    access_hold(ut);
    access_hold(shop);
    tokens_init(&after, "changed", NULL); /* another secret under the old name; one is taken away */
    access_configure(access, &after.gateway, start);
    tokens_release(&before);
    assert_null(access_find(access, TEXT("first")));
    assert_null(access_find(access, TEXT("second")));
    assert_ptr_equal(access_find(access, TEXT("changed")), ut);
    assert_false(access_count(ut, ACCESS_TERMINATION, start, &retry_s));
    assert_string_equal(shop->name, "shop"); /* his request is still told apart */
    access_release(access, shop);
    access_release(access, ut);
    /* All tokens gone: everybody is "local", and there is no limit. */
    struct config_gateway open = {0};
    access_configure(access, &open, start);
    tokens_release(&after);
    struct asker *local = access_find(access, TEXT("changed"));
    assert_string_equal(local->name, "local");
    for (int i = 0; i < 1000; i++)
        assert_true(access_count(local, ACCESS_READ, start, &retry_s));
    access_destroy(access);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_holds_a_minute_and_says_when_the_next_may_come),
        cmocka_unit_test(a_stranger_is_counted_by_his_address_alone),
        cmocka_unit_test(addresses_of_one_network_of_ipv6_are_one_stranger),
        cmocka_unit_test(a_flood_of_addresses_does_not_wash_away_who_goes_on),
        cmocka_unit_test(a_token_is_good_for_its_clusters),
        cmocka_unit_test(reads_and_terminations_are_counted_apart),
        cmocka_unit_test(nobody_waits_on_more_than_his_share),
        cmocka_unit_test(a_reload_keeps_what_was_used_up_and_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
