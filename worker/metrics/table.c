#include "metrics/table.h"

#include <assert.h>
#include <string.h>

#include "base/check.h"

/* Durable steps and requests: from half a millisecond to ten seconds. */
static const double buckets_SHORT[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                       0.1,    0.25,  0.5,    1,     2.5,  5,     10};
/* Whole commands: up to an hour. */
static const double buckets_LONG[] = {0.05, 0.1, 0.25, 0.5, 1,   2.5, 5,
                                      10,   30,  60,   120, 300, 900, 3600};

#define BUCKETS_SHORT buckets_SHORT, sizeof buckets_SHORT / sizeof buckets_SHORT[0]
#define BUCKETS_LONG buckets_LONG, sizeof buckets_LONG / sizeof buckets_LONG[0]
#define BUCKETS_NONE NULL, 0

static_assert(METRIC_COUNT <= 128, "metrics_overflow_total has one series for each metric");

const struct metric_row metric_rows[METRIC_COUNT] = {
#define METRIC(name, program, kind, labels, buckets, series_max, help)                             \
    [METRIC_##name] = {                                                                            \
        #name, METRICS_OF_##program, METRIC_##kind, labels, BUCKETS_##buckets, series_max, help},
#include "metrics/metrics.def"
#undef METRIC
};

size_t metric_label_count(const struct metric_row *row)
{
    size_t count = row->labels[0] != '\0';
    for (const char *at = row->labels; *at; at++)
        count += *at == ',';
    return count;
}

struct text metric_label_name(const struct metric_row *row, size_t place)
{
    CHECK(place < metric_label_count(row));
    const char *at = row->labels;
    for (; place > 0; place--)
        at = strchr(at, ',') + 1;
    return (struct text){at, strcspn(at, ",")};
}

const char *metric_name(enum metric metric)
{
    static const char *const names[METRIC_COUNT] = {
#define METRIC(name, program, kind, labels, buckets, series_max, help)                             \
    [METRIC_##name] = METRICS_PREFIX #name,
#include "metrics/metrics.def"
#undef METRIC
    };
    CHECK((unsigned)metric < METRIC_COUNT);
    return names[metric];
}

enum metric_kind metric_kind(enum metric metric)
{
    CHECK((unsigned)metric < METRIC_COUNT);
    return metric_rows[metric].kind;
}

const char *metric_help(enum metric metric)
{
    CHECK((unsigned)metric < METRIC_COUNT);
    return metric_rows[metric].help;
}

const char *metric_label_names(enum metric metric)
{
    CHECK((unsigned)metric < METRIC_COUNT);
    return metric_rows[metric].labels;
}
