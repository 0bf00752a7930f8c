#include "metrics/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/check.h"
#include "base/text.h"
#include "metrics/table.h"

enum {
    KEY_MAX = 1024,     /* bytes of all label values of a series, with separators */
    SEPARATOR = '\x1f', /* between label values in a key; cannot stand in a printable text */
};

struct metric_series {
    UT_hash_handle hh; /* keeps the order of first use */
    enum metric metric;
    char *labels; /* owned: `cluster="main",outcome="ended"`, escaped; "" without labels */
    char *key;    /* owned: the values, separated */
    double value; /* histograms: the sum */
    uint64_t count;
    uint64_t buckets[]; /* histograms: values of each bucket alone, not cumulated */
};

struct metrics {
    struct metric_series *series[METRIC_COUNT];
};

static void series_free(struct metric_series *series)
{
    free(series->labels);
    free(series->key);
    free(series);
}

/* ---- label values ---- */

struct key {
    char text[KEY_MAX];
    size_t length;
    bool full;
};

static void key_add(struct key *key, const void *bytes, size_t length)
{
    if (length >= sizeof key->text - key->length) {
        key->full = true;
        return;
    }
    memcpy(key->text + key->length, bytes, length);
    key->length += length;
}

static bool is_plain(const char *value)
{
    for (; *value; value++)
        if (*value < ' ' || *value > '~')
            return false;
    return true;
}

/* Plain values, which is nearly all, cost no memory. */
static void key_add_value(struct key *key, const char *value)
{
    if (is_plain(value)) {
        key_add(key, value, strlen(value));
        return;
    }
    AUTO_BUF printable;
    buf_init(&printable, KEY_MAX);
    text_printable(&printable, text_of(value));
    key->full = key->full || printable.full;
    key_add(key, buf_text(&printable), printable.length);
}

static void key_make(struct key *key, const struct metric_row *row, struct metric_labels labels)
{
    size_t count = metric_label_count(row);
    key->length = 0;
    key->full = false;
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        CHECK(!labels.values[i] == (i >= count)); /* exactly the table's labels */
        if (i >= count)
            break;
        if (i > 0)
            key_add(key, (char[]){SEPARATOR}, 1);
        key_add_value(key, labels.values[i]);
    }
    key->text[key->length] = '\0';
}

static size_t value_length(const char *at)
{
    return strcspn(at, (char[]){SEPARATOR, '\0'});
}

static void add_escaped(struct buf *out, struct text value)
{
    for (size_t i = 0; i < value.length; i++) {
        char c = value.at[i];
        if (c == '\\' || c == '"')
            buf_byte(out, '\\');
        buf_byte(out, (uint8_t)c);
    }
}

/* `key` is printable, so there are no line breaks to escape. */
static char *make_labels(const struct metric_row *row, const char *key)
{
    AUTO_BUF out;
    buf_init(&out, 4 * KEY_MAX);
    for (size_t i = 0; i < metric_label_count(row); i++) {
        size_t length = value_length(key);
        buf_format(&out, "%s%.*s=\"", i ? "," : "", TEXT_ARGS(metric_label_name(row, i)));
        add_escaped(&out, (struct text){key, length});
        buf_byte(&out, '"');
        key += length + (key[length] != '\0');
    }
    CHECK(!out.full);
    const char *text = buf_text(&out);
    return mem_text(text, out.length);
}

/* ---- series ---- */

static struct metric_series *series_create(struct metrics *metrics, enum metric metric,
                                           const char *key, size_t length)
{
    const struct metric_row *row = &metric_rows[metric];
    struct metric_series *series =
        mem_alloc(1, sizeof *series + (row->bucket_count + 1) * sizeof series->buckets[0]);
    series->metric = metric;
    series->key = mem_text(key, length);
    series->labels = make_labels(row, series->key);
    HASH_ADD_KEYPTR(hh, metrics->series[metric], series->key, length, series);
    return series;
}

static struct metric_series *series_find(struct metrics *metrics, enum metric metric,
                                         const struct key *key)
{
    struct metric_series *series;
    HASH_FIND(hh, metrics->series[metric], key->text, key->length, series);
    return series;
}

/* For what comes after the bound, or has absurdly long labels. */
static struct metric_series *series_other(struct metrics *metrics, enum metric metric)
{
    const struct metric_row *row = &metric_rows[metric];
    struct metric_labels labels = NO_LABELS;
    for (size_t i = 0; i < metric_label_count(row); i++)
        labels.values[i] = "other";
    if (metric != METRIC_metrics_overflow_total)
        metrics_add(metrics, METRIC_metrics_overflow_total, LABELS(row->name), 1);
    struct key key;
    key_make(&key, row, labels);
    struct metric_series *series = series_find(metrics, metric, &key);
    return series ? series : series_create(metrics, metric, key.text, key.length);
}

struct metric_series *metrics_series(struct metrics *metrics, enum metric metric,
                                     struct metric_labels labels)
{
    CHECK((unsigned)metric < METRIC_COUNT);
    const struct metric_row *row = &metric_rows[metric];
    struct key key;
    key_make(&key, row, labels);
    if (key.full)
        return series_other(metrics, metric);
    struct metric_series *series = series_find(metrics, metric, &key);
    if (series)
        return series;
    if (HASH_COUNT(metrics->series[metric]) >= row->series_max)
        return series_other(metrics, metric);
    return series_create(metrics, metric, key.text, key.length);
}

struct metrics *metrics_create(enum metrics_program program)
{
    struct metrics *metrics = mem_new(struct metrics);
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        if (!metric_rows[metric].labels[0] && metric_rows[metric].program & program)
            metrics_series(metrics, (enum metric)metric, NO_LABELS);
    return metrics;
}

void metrics_destroy(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        struct metric_series *series;
        struct metric_series *next;
        HASH_ITER(hh, metrics->series[metric], series, next)
        {
            HASH_DEL(metrics->series[metric], series);
            series_free(series);
        }
    }
    free(metrics);
}

static bool has_label(const struct metric_series *series, size_t place, const char *value)
{
    const char *at = series->key;
    for (size_t i = 0; i < place; i++)
        at += value_length(at) + 1;
    return text_equal((struct text){at, value_length(at)}, text_of(value));
}

static void forget(struct metrics *metrics, enum metric metric, size_t place, const char *value)
{
    struct metric_series *series;
    struct metric_series *next;
    HASH_ITER(hh, metrics->series[metric], series, next)
    {
        if (!has_label(series, place, value))
            continue;
        HASH_DEL(metrics->series[metric], series);
        series_free(series);
    }
}

void metrics_forget(struct metrics *metrics, const char *label, const char *value)
{
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        const struct metric_row *row = &metric_rows[metric];
        if (row->kind != METRIC_GAUGE)
            continue;
        for (size_t i = 0; i < metric_label_count(row); i++)
            if (text_equal(metric_label_name(row, i), text_of(label)))
                forget(metrics, (enum metric)metric, i, value);
    }
}

/* ---- values ---- */

void metric_add(struct metric_series *series, double by)
{
    CHECK(metric_rows[series->metric].kind == METRIC_COUNTER);
    CHECK(by >= 0);
    series->value += by;
}

void metric_set(struct metric_series *series, double value)
{
    CHECK(metric_rows[series->metric].kind == METRIC_GAUGE);
    series->value = value;
}

void metric_raise_to(struct metric_series *series, double value)
{
    CHECK(metric_rows[series->metric].kind == METRIC_COUNTER);
    if (value > series->value)
        series->value = value;
}

void metric_observe(struct metric_series *series, double value)
{
    const struct metric_row *row = &metric_rows[series->metric];
    CHECK(row->kind == METRIC_HISTOGRAM);
    CHECK(!isnan(value));
    size_t place = 0;
    while (place < row->bucket_count && value > row->buckets[place])
        place++;
    series->buckets[place]++;
    series->count++;
    series->value += value;
}

double metric_value(const struct metric_series *series)
{
    if (metric_rows[series->metric].kind == METRIC_HISTOGRAM)
        return (double)series->count;
    return series->value;
}

/* ---- the page ---- */

static void add_number(struct buf *out, double value)
{
    if (isinf(value))
        buf_str(out, value > 0 ? "+Inf" : "-Inf");
    else if (fabs(value) < 1e15 && value == (double)(int64_t)value)
        buf_format(out, "%.0f", value);
    else
        buf_format(out, "%.15g", value);
}

static void add_sample(struct buf *out, const struct metric_series *series, const char *suffix,
                       double value)
{
    buf_format(out, METRICS_PREFIX "%s%s", metric_rows[series->metric].name, suffix);
    if (series->labels[0])
        buf_format(out, "{%s}", series->labels);
    buf_byte(out, ' ');
    add_number(out, value);
    buf_byte(out, '\n');
}

static void add_bucket(struct buf *out, const struct metric_series *series, const char *bound,
                       uint64_t count)
{
    buf_format(out, METRICS_PREFIX "%s_bucket{%s%sle=\"%s\"} %llu\n",
               metric_rows[series->metric].name, series->labels, series->labels[0] ? "," : "",
               bound, (unsigned long long)count);
}

static void add_histogram(struct buf *out, const struct metric_series *series)
{
    const struct metric_row *row = &metric_rows[series->metric];
    uint64_t sum = 0;
    for (size_t i = 0; i < row->bucket_count; i++) {
        char bound[32]; /* canonical for both formats: with a point */
        snprintf(bound, sizeof bound, "%g", row->buckets[i]);
        if (!strchr(bound, '.'))
            snprintf(bound, sizeof bound, "%.1f", row->buckets[i]);
        sum += series->buckets[i];
        add_bucket(out, series, bound, sum);
    }
    add_bucket(out, series, "+Inf", series->count);
    CHECK(sum + series->buckets[row->bucket_count] == series->count);
    add_sample(out, series, "_sum", series->value);
    add_sample(out, series, "_count", (double)series->count);
}

static void add_head(struct buf *out, const struct metric_row *row, enum metrics_format format)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    size_t length = strlen(row->name);
    if (format == METRICS_OPENMETRICS && row->kind == METRIC_COUNTER)
        length -= strlen("_total"); /* names the family; the sample keeps the suffix */
    buf_format(out, "# HELP " METRICS_PREFIX "%.*s ", (int)length, row->name);
    for (const char *at = row->help; *at; at++) {
        if (*at == '\\' || (*at == '"' && format == METRICS_OPENMETRICS))
            buf_byte(out, '\\');
        buf_byte(out, (uint8_t)*at);
    }
    buf_format(out, "\n# TYPE " METRICS_PREFIX "%.*s %s\n", (int)length, row->name,
               types[row->kind]);
}

void metrics_write(const struct metrics *metrics, enum metrics_format format, struct buf *out)
{
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        const struct metric_series *series = metrics->series[metric];
        if (!series)
            continue;
        add_head(out, &metric_rows[metric], format);
        for (; series; series = series->hh.next)
            if (metric_rows[metric].kind == METRIC_HISTOGRAM)
                add_histogram(out, series);
            else
                add_sample(out, series, "", series->value);
    }
    if (format == METRICS_OPENMETRICS)
        buf_str(out, "# EOF\n");
}
