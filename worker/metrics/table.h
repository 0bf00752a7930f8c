/* table.h - metrics.def as rows; inside this room only. */
#ifndef METRICS_TABLE_H
#define METRICS_TABLE_H

#include "base/text.h"
#include "metrics/metrics.h"

#define METRICS_PREFIX "curfew_"

struct metric_row {
    const char *name; /* without the prefix */
    enum metrics_program program;
    enum metric_kind kind;
    const char *labels; /* "cluster,outcome" */
    const double *buckets;
    size_t bucket_count; /* without +Inf */
    uint32_t series_max;
    const char *help;
};

extern const struct metric_row metric_rows[METRIC_COUNT];

size_t metric_label_count(const struct metric_row *row);
/* The label's name at `place`, which is below the count. */
struct text metric_label_name(const struct metric_row *row, size_t place);

#endif
