/* What stands between the engine and the lanes: how much the clusters may be asked to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "service/partition.h"
#include "service/state.h"
#include "service/work.h"

enum { PARTITIONS = 4, MINUTE_MS = 60000, LIMIT = 600 };

static struct service service;
static struct partition partitions[PARTITIONS];
static struct config *config;

static int setup(void **state)
{
    (void)state;
    config = config_defaults();
    service = (struct service){
        .config = config, .partition_count = PARTITIONS, .clusters_wake = INSTANT_NEVER};
    TAILQ_INIT(&service.busy);
    TAILQ_INIT(&service.partitions);
    for (int i = 0; i < PARTITIONS; i++) {
        partitions[i] = (struct partition){.service = &service, .id = i};
        TAILQ_INSERT_TAIL(&service.partitions, &partitions[i], of_service);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_destroy(config);
    return 0;
}

/* Ends that may start in the minute from `from` on, when there are always some that wait. */
static int ends_in_a_minute(struct instant from)
{
    int ends = 0;
    for (int64_t ms = 0; ms < MINUTE_MS; ms += 10) {
        struct instant now = instant_add_ms(from, ms);
        clusters_pass(&service, now);
        for (; ends <= LIMIT && instant_passed(now, rate_at(&service.estate)); ends++)
            rate_take(&service.estate, now);
    }
    return ends;
}

static void each_worker_takes_its_share_of_what_the_estate_may_end(void **state)
{
    (void)state;
    struct instant now = {1000000000000};
    config->limits.ends_per_minute = LIMIT;
    partitions[0].owning = true;
    assert_in_range(ends_in_a_minute(now), LIMIT / 4 - 10, LIMIT / 4);
    partitions[2].owning = true;
    now = instant_add_ms(now, 10 * MINUTE_MS);
    assert_in_range(ends_in_a_minute(now), LIMIT / 2 - 10, LIMIT / 2);
    config->limits.ends_per_minute = 0;
    now = instant_add_ms(now, 10 * MINUTE_MS);
    assert_true(ends_in_a_minute(now) > LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_worker_takes_its_share_of_what_the_estate_may_end,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
