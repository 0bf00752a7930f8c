/* The table of metrics, its bounds, and both text forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/metrics.h"

enum { PAGE_MAX = 16 * 1024 * 1024 };

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, PAGE_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

/* Until the next page. */
static const char *page(struct metrics *metrics, enum metrics_format format)
{
    buf_clear(&out);
    metrics_write(metrics, format, &out);
    assert_false(out.full);
    return buf_text(&out);
}

static void assert_has(const char *text, const char *line)
{
    if (!strstr(text, line))
        fail_msg("'%s' is not on the page", line);
}

static void a_counter_keeps_its_labels_apart(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_WORKER);
    metrics_add(metrics, METRIC_terminations_total, LABELS("main", "ended"), 2);
    metrics_add(metrics, METRIC_terminations_total, LABELS("main", "failed"), 1);
    metrics_add(metrics, METRIC_terminations_total, LABELS("main", "ended"), 3);
    const char *text = page(metrics, METRICS_TEXT);
    assert_has(text, "# TYPE curfew_terminations_total counter\n");
    assert_has(text, "curfew_terminations_total{cluster=\"main\",outcome=\"ended\"} 5\n");
    assert_has(text, "curfew_terminations_total{cluster=\"main\",outcome=\"failed\"} 1\n");
}

static void metrics_without_labels_are_there_from_the_start(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_WORKER);
    const char *text = page(metrics, METRICS_TEXT);
    assert_has(text, "\ncurfew_open_commands 0\n");
    assert_has(text, "\ncurfew_licences_stale_total 0\n");
    assert_has(text, "\ncurfew_command_age_seconds_count 0\n");
    assert_null(strstr(text, "# EOF"));
}

static void a_program_shows_no_metric_of_the_other(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_GATEWAY);
    const char *text = page(metrics, METRICS_TEXT);
    assert_has(text, "\ncurfew_gateway_waiting 0\n");
    assert_has(text, "\ncurfew_config_timestamp_seconds 0\n");
    assert_null(strstr(text, "curfew_kill_switch"));
    assert_null(strstr(text, "curfew_journal_partitions_owned"));
    AUTO(metrics) of_worker = metrics_create(METRICS_OF_WORKER);
    text = page(of_worker, METRICS_TEXT);
    assert_has(text, "\ncurfew_kill_switch 0\n");
    assert_has(text, "\ncurfew_config_timestamp_seconds 0\n");
    assert_null(strstr(text, "curfew_gateway_waiting"));
}

static void openmetrics_names_the_family_without_total_and_ends_with_eof(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_WORKER);
    metrics_add(metrics, METRIC_dead_letters_total, LABELS("undecodable"), 1);
    const char *text = page(metrics, METRICS_OPENMETRICS);
    assert_has(text, "# TYPE curfew_dead_letters counter\n");
    assert_has(text, "\ncurfew_dead_letters_total{reason=\"undecodable\"} 1\n");
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

static void a_histogram_counts_into_cumulated_buckets(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_WORKER);
    struct metric_series *series =
        metrics_series(metrics, METRIC_ras_request_duration_seconds, LABELS("list"));
    metric_observe(series, 0.001); /* a bound belongs to its bucket */
    metric_observe(series, 0.0011);
    metric_observe(series, 0.7);
    metric_observe(series, 1000);
    const char *text = page(metrics, METRICS_TEXT);
    assert_has(text,
               "curfew_ras_request_duration_seconds_bucket{method=\"list\",le=\"0.0005\"} 0\n");
    assert_has(text,
               "curfew_ras_request_duration_seconds_bucket{method=\"list\",le=\"0.001\"} 1\n");
    assert_has(text,
               "curfew_ras_request_duration_seconds_bucket{method=\"list\",le=\"0.0025\"} 2\n");
    assert_has(text, "curfew_ras_request_duration_seconds_bucket{method=\"list\",le=\"1.0\"} 3\n");
    assert_has(text, "curfew_ras_request_duration_seconds_bucket{method=\"list\",le=\"+Inf\"} 4\n");
    assert_has(text, "curfew_ras_request_duration_seconds_sum{method=\"list\"} 1000.7021\n");
    assert_has(text, "curfew_ras_request_duration_seconds_count{method=\"list\"} 4\n");
    assert_true(metric_value(series) == 4);
}

static void hostile_label_values_stay_inside_their_quotes(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_WORKER);
    metrics_set(metrics, METRIC_ras_up, LABELS("a\"} 1\nevil 2"), 1);
    metrics_set(metrics, METRIC_ras_up, LABELS("back\\slash"), 1);
    metrics_set(metrics, METRIC_ras_up, LABELS("\xff\x1f"), 1);
    metrics_set(metrics, METRIC_ras_up, LABELS("бухгалтерия"), 1);
    const char *text = page(metrics, METRICS_TEXT);
    assert_has(text, "\ncurfew_ras_up{cluster=\"a\\\"} 1\\\\u{a}evil 2\"} 1\n");
    assert_has(text, "\ncurfew_ras_up{cluster=\"back\\\\slash\"} 1\n");
    assert_has(text, "\ncurfew_ras_up{cluster=\"\\\\xff\\\\u{1f}\"} 1\n");
    assert_has(text, "\ncurfew_ras_up{cluster=\"бухгалтерия\"} 1\n");
    assert_null(strstr(text, "\nevil"));
}

static void outside_input_cannot_grow_the_page_without_end(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_WORKER);
    for (int i = 0; i < 1000; i++) {
        char reason[32];
        snprintf(reason, sizeof reason, "reason-%d", i);
        metrics_add(metrics, METRIC_dead_letters_total, LABELS(reason), 1);
    }
    char longest[4096];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    metrics_add(metrics, METRIC_dead_letters_total, LABELS(longest), 1);
    const char *text = page(metrics, METRICS_TEXT);
    assert_has(text, "curfew_dead_letters_total{reason=\"reason-31\"} 1\n");
    assert_null(strstr(text, "reason-32"));
    assert_has(text, "curfew_dead_letters_total{reason=\"other\"} 969\n");
    assert_has(text, "curfew_metrics_overflow_total{metric=\"dead_letters_total\"} 969\n");
}

static void a_cluster_that_left_takes_its_gauges_along_and_leaves_its_counters(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_WORKER);
    metrics_set(metrics, METRIC_ras_up, LABELS("old"), 1);
    metrics_set(metrics, METRIC_ras_up, LABELS("older"), 1);
    metrics_set(metrics, METRIC_consumer_lag, LABELS("commands", "7"), 5);
    metrics_add(metrics, METRIC_lane_refused_total, LABELS("old"), 1);
    metrics_forget(metrics, "cluster", "old");
    metrics_forget(metrics, "partition", "7");
    const char *text = page(metrics, METRICS_TEXT);
    assert_null(strstr(text, "curfew_ras_up{cluster=\"old\"}"));
    assert_has(text, "curfew_ras_up{cluster=\"older\"} 1\n");
    assert_null(strstr(text, "curfew_consumer_lag{"));
    assert_has(text, "curfew_lane_refused_total{cluster=\"old\"} 1\n");
}

static void a_raised_counter_never_falls(void **state)
{
    (void)state;
    AUTO(metrics) metrics = metrics_create(METRICS_OF_WORKER);
    struct metric_series *series =
        metrics_series(metrics, METRIC_journal_void_records_total, NO_LABELS);
    metric_raise_to(series, 5);
    metric_raise_to(series, 3);
    assert_true(metric_value(series) == 5);
}

static void the_accept_header_chooses_the_form(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum metrics_format format;
    } rows[] = {
        {NULL, METRICS_TEXT},
        {"", METRICS_TEXT},
        {"*/*", METRICS_TEXT},
        {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", METRICS_TEXT},
        {"application/openmetrics-text", METRICS_OPENMETRICS},
        {"application/openmetrics-textual", METRICS_TEXT},
        {"application/openmetrics-text;q=0", METRICS_TEXT},
        {"text/plain;q=0.9, application/openmetrics-text;q=0.25", METRICS_TEXT},
        {"Application/OpenMetrics-Text; Version=1.0.0; Q=0.75 , text/plain;q=0.5",
         METRICS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;q=0.5,application/"
         "openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         METRICS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/"
         "plain;version=1.0.0;q=0.3",
         METRICS_OPENMETRICS},
        {",,;q=,", METRICS_TEXT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(metrics_format_of(rows[i].accept), rows[i].format);
}

static void every_row_of_the_table_keeps_the_naming_rules(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT; i++) {
        enum metric metric = (enum metric)i;
        const char *name = metric_name(metric);
        size_t length = strlen(name);
        bool total = length > 6 && !strcmp(name + length - 6, "_total");
        assert_int_equal(total, metric_kind(metric) == METRIC_COUNTER);
        assert_null(strstr(name, "_ms"));
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), length);
        if (metric_kind(metric) == METRIC_HISTOGRAM)
            assert_string_equal(name + length - 8, "_seconds");
        const char *help = metric_help(metric);
        assert_int_equal(help[strlen(help) - 1], '.');
        static const char *const personal[] = {"user", "session", "command_id", "infobase"};
        for (size_t j = 0; j < sizeof personal / sizeof personal[0]; j++)
            assert_null(strstr(metric_label_names(metric), personal[j]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_keeps_its_labels_apart),
        cmocka_unit_test(metrics_without_labels_are_there_from_the_start),
        cmocka_unit_test(a_program_shows_no_metric_of_the_other),
        cmocka_unit_test(openmetrics_names_the_family_without_total_and_ends_with_eof),
        cmocka_unit_test(a_histogram_counts_into_cumulated_buckets),
        cmocka_unit_test(hostile_label_values_stay_inside_their_quotes),
        cmocka_unit_test(outside_input_cannot_grow_the_page_without_end),
        cmocka_unit_test(a_cluster_that_left_takes_its_gauges_along_and_leaves_its_counters),
        cmocka_unit_test(a_raised_counter_never_falls),
        cmocka_unit_test(the_accept_header_chooses_the_form),
        cmocka_unit_test(every_row_of_the_table_keeps_the_naming_rules),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
