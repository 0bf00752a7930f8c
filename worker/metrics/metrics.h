/* metrics.h - counters, gauges and histograms from one table (metrics.def), and their text form.
 *
 * A series is made at its first use and then kept, so a running worker allocates nothing here. Each
 * metric has a bound on its series: what comes after the bound is counted under the label value
 * "other" instead, so outside input can never grow the page. Labels never carry users, sessions,
 * commands or requests. Loop thread only. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"

enum metric {
#define METRIC(name, program, kind, labels, buckets, series_max, help) METRIC_##name,
#include "metrics/metrics.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Whose page a metric stands on; a set. */
enum metrics_program { METRICS_OF_WORKER = 1, METRICS_OF_GATEWAY = 2, METRICS_OF_BOTH = 3 };

enum { METRIC_LABELS_MAX = 3 };

/* Label values in the order of the table's label names; NULL behind the last. Copied. */
struct metric_labels {
    const char *values[METRIC_LABELS_MAX];
};
/* metrics_add(metrics, METRIC_terminations_total, LABELS("main", "ended"), 1) */
#define LABELS(...) ((struct metric_labels){{__VA_ARGS__}})
#define NO_LABELS ((struct metric_labels){{NULL}})

struct metrics;
struct metric_series; /* one metric with one set of label values */

/* For WORKER or GATEWAY. The metrics of that program that have no labels are shown at once, with
 * the value 0: a series that is absent cannot be alerted on. Those of the other are not shown:
 * nobody sets them, and their 0 would be untrue. */
struct metrics *metrics_create(enum metrics_program program);
void metrics_destroy(struct metrics *metrics);
AUTO_TYPE(metrics)

/* The series, for code that updates it often; valid until metrics_forget() or destroy. Making it
 * shows it with the value 0. */
struct metric_series *metrics_series(struct metrics *metrics, enum metric metric,
                                     struct metric_labels labels);
/* Counters: only forward. */
void metric_add(struct metric_series *series, double by);
/* Gauges. */
void metric_set(struct metric_series *series, double value);
/* Counters that are counted elsewhere: `value` is never below the present one. */
void metric_raise_to(struct metric_series *series, double value);
/* Histograms; seconds for durations. */
void metric_observe(struct metric_series *series, double value);
double metric_value(const struct metric_series *series); /* histograms: the number of values */

static inline void metrics_add(struct metrics *metrics, enum metric metric,
                               struct metric_labels labels, double by)
{
    metric_add(metrics_series(metrics, metric, labels), by);
}
static inline void metrics_set(struct metrics *metrics, enum metric metric,
                               struct metric_labels labels, double value)
{
    metric_set(metrics_series(metrics, metric, labels), value);
}
static inline void metrics_observe(struct metrics *metrics, enum metric metric,
                                   struct metric_labels labels, double value)
{
    metric_observe(metrics_series(metrics, metric, labels), value);
}

/* Drops the gauges with this label value: a cluster left the configuration, a partition was
 * revoked. Counters and histograms stay: they only ever grow. */
void metrics_forget(struct metrics *metrics, const char *label, const char *value);

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };
/* What the scraper's Accept header asks for; NULL = text. */
enum metrics_format metrics_format_of(const char *accept);
const char *metrics_content_type(enum metrics_format format);
/* Appends the whole page. */
void metrics_write(const struct metrics *metrics, enum metrics_format format, struct buf *out);

const char *metric_name(enum metric metric); /* with the prefix "curfew_" */
enum metric_kind metric_kind(enum metric metric);
const char *metric_help(enum metric metric);
const char *metric_label_names(enum metric metric); /* "cluster,outcome" */

#endif
