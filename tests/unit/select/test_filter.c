/* Filters: the language, the checks, and the answers, three-valued. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "select/filter.h"

#include "tests/support/gen.h"

static const struct uuid trade = {{0x11, [15] = 1}};
static const struct uuid books = {{0x22, [15] = 2}};
static struct infobase_name infobases[2];
static struct session sessions[6];
static struct session_list list;
static struct zone *moscow;
static struct filter_time when;

/* 2026-11-21 15:00 UTC is 18:00 in Moscow. */
static const int64_t now_ms = 1795273200000;

static struct server_time at(const char *text)
{
    struct server_time ret;
    struct error err;
    if (server_time_read(text_of(text), &ret, &err))
        fail_msg("%s", err.message);
    return ret;
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    if (zone_load(TEXT("Europe/Moscow"), &moscow, &err))
        fail_msg("%s", err.message);
    infobases[0] = (struct infobase_name){.uuid = trade, .name = "Торговля"};
    infobases[1] = (struct infobase_name){.uuid = books, .name = "books"};
    struct session usual = {.infobase = trade,
                            .infobase_name = "Торговля",
                            .user_name = "Иванов",
                            .app_id = "1CV8C",
                            .host = "PC-17",
                            .client_ip = "10.1.2.3",
                            .locale = "ru_RU",
                            .db_proc_info = "",
                            .current_service_name = "",
                            .data_separation = "",
                            .reported = UINT64_MAX};
    for (uint8_t i = 0; i < 6; i++) {
        sessions[i] = usual;
        sessions[i].uuid = (struct uuid){{i, [15] = 9}};
        sessions[i].number = i + 1u;
        sessions[i].started_at = at("2026-11-21T09:00:00");
        sessions[i].last_active_at = at("2026-11-21T17:59:30");
    }
    /* 1: at work. 2: idle for three hours. 3: a job that runs for long. 4: just logging in. 5:
     * asleep, in the other infobase. 6: of an unknown kind, blocked by 3. */
    sessions[1].user_name = "robot-7";
    sessions[1].host = "srv";
    sessions[1].client_ip = "fd00::5";
    sessions[1].last_active_at = at("2026-11-21T15:00:00");
    sessions[2].app_id = "BackgroundJob";
    sessions[2].client_ip = "";
    sessions[2].duration_current = 5400000;
    sessions[2].memory_last_5min = 800LL << 20;
    sessions[2].cpu_time_last_5min = 240000;
    sessions[3].user_name = "";
    sessions[3].started_at = at("2026-11-21T17:59:59");
    sessions[4].infobase = books;
    sessions[4].infobase_name = "books";
    sessions[4].hibernate = true;
    sessions[4].memory_last_5min = -1024;
    sessions[4].passive_session_hibernate_time = 1200;
    sessions[5].app_id = "MobileThing";
    sessions[5].blocked_by_dbms = 3;
    list = (struct session_list){.sessions = sessions,
                                 .count = 6,
                                 .infobases = infobases,
                                 .infobase_count = 2,
                                 .has_infobases = true};
    when = (struct filter_time){
        .zone = moscow, .from = {now_ms}, .until = {now_ms + 200}, .tolerance_ms = 2000};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    zone_destroy(moscow);
    return 0;
}

static struct matcher *matcher_of(const char *expression)
{
    AUTO(arena) arena = arena_create(1 << 20);
    struct filter *filter;
    struct matcher *matcher = NULL;
    struct error err;
    if (filter_parse(text_of(expression), arena, &filter, &err) ||
        matcher_create(filter, &matcher, &err))
        fail_msg("%s: %s", expression, err.message);
    return matcher;
}

/* One letter a session: y, n, or ? for unknown. */
static void answers(const char *expression, const char *wanted)
{
    AUTO(matcher) matcher = matcher_of(expression);
    AUTO(filter_view) view = filter_view_create(&list, &when);
    struct error err;
    char found[8] = "";
    if (matcher_fits(matcher, view, &err))
        fail_msg("%s: %s", expression, err.message);
    for (size_t i = 0; i < list.count; i++)
        found[i] = "n?y"[matcher_ask(matcher, view, &sessions[i])];
    if (strcmp(found, wanted) != 0)
        fail_msg("%s: %s and not %s", expression, found, wanted);
}

static const struct row {
    const char *expression;
    const char *wanted; /* of each session */
} rows[] = {
    {"infobase = торговля", "yyyyny"},
    {"infobase = BOOKS", "nnnnyn"},
    {"infobase = 22000000-0000-0000-0000-000000000002", "nnnnyn"},
    {"infobase in (books, 'ТОРГОВЛЯ')", "yyyyyy"},
    {"infobase like 'Торг*'", "yyyyny"},
    {"infobase != books", "yyyyny"},
    {"infobase not in (books)", "yyyyny"},
    {"user = иванов", "yny?yy"},
    {"user != иванов", "nyn?nn"},
    {"user not in (иванов)", "nyn?nn"},
    {"user like 'robot*'", "nyn?nn"},
    {"user ~ 'r?bot-?'", "nyn?nn"},
    {"user like \"?????"
     "?\"",
     "yny?yy"}, /* six letters, not twelve bytes */
    {"user not like '*'", "nnn?nn"},
    {"user_name = ИВАНОВ", "yny?yy"},
    {"host in (pc-17, pc-18)", "ynyyyy"},
    {"app = 1cv8c", "yynyyn"},
    {"app_id = 1cv8c", "yynyyn"},
    {"class = interactive", "yynyy?"},
    {"class != interactive", "nnynn?"},
    {"class in (job, designer)", "nnynn?"},
    {"client-ip = 10.1.2.3", "yn?yyy"},
    {"client-ip in (10.1.0.0/16, fd00::/8)", "yy?yyy"},
    {"client-ip != 10.0.0.0/8", "ny?nnn"},
    {"client-ip = ::ffff:10.1.2.3", "yn?yyy"},
    {"client-ip like '10.1.*'", "yn?yyy"},
    {"locale = RU_ru", "yyyyyy"},
    {"db-proc-info = ''", "yyyyyy"},
    {"host in (z, pc-18, srv, '', pc-17, aaaaaaaaaaaa)", "yyyyyy"},
    {"started < 2026-11-21T12:00:00", "yyynyy"},
    {"started >= 2026-11-21T17:59:59", "nnnynn"},
    {"last-active <= 2026-11-21T15:00:00", "nynnnn"},
    {"age > 8h", "yyynyy"},
    {"idle >= 2h", "nynnnn"},
    {"idle < 2h", "ynyyyy"},
    {"idle >= 30s", "?y????"}, /* within the tolerance */
    {"hibernating", "nnnnyn"},
    {"not hibernating", "yyyyny"},
    {"hibernating = no", "yyyyny"},
    {"hibernate = true", "nnnnyn"},
    {"blocked-by = 3", "nnnnny"},
    {"blocked-by = 0", "yyyyyn"},
    {"blocked-by != 0", "nnnnny"},
    {"blocked-by in (2, 3)", "nnnnny"},
    {"blocking", "nnynnn"},
    {"not blocking", "yynyyy"},
    {"call-duration > 1h", "nnynnn"},
    {"memory > 500MB", "nnynnn"},
    {"memory < 0", "nnnnyn"},
    {"memory_last_5min = -1KB", "nnnnyn"},
    {"cpu >= 4m", "nnynnn"},
    {"passive-session-hibernate-time = 20m", "nnnnyn"}, /* RAS counts seconds here */
    {"number in (1, 6)", "ynnnny"},
    {"number >= 5", "nnnnyy"},
    {"session = 03000000-0000-0000-0000-000000000009", "nnnynn"},
    {"uuid in (03000000-0000-0000-0000-000000000009)", "nnnynn"},
};

static void each_field_answers_as_it_is_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        answers(rows[i].expression, rows[i].wanted);
}

static void words_join_conditions_and_not_binds_first(void **state)
{
    (void)state;
    answers("app in (1CV8, 1CV8C) and idle >= 2h and not user in (robot)", "nynnnn");
    answers("app = 1CV8C and idle < 2h and not user like 'robot*'", "ynn?yn");
    answers("not hibernating and class = job", "nnynn?");
    answers("not (hibernating or class = job)", "yynyn?");
    answers("hibernating or class = job and host = srv", "nnnnyn");
    answers("(hibernating or class = job) and host = pc-17", "nnyny?");
    answers("NOT not hibernating", "nnnnyn");
}

/* Unknown is neither: `not` leaves it, a `no` beside it decides `and`, a `yes` decides `or`. */
static void unknown_never_becomes_a_yes(void **state)
{
    (void)state;
    answers("user = x", "nnn?nn");
    answers("not user = x", "yyy?yy");
    answers("user = x or number = 4", "nnnynn");
    answers("user = x and number = 5", "nnnnnn");
    answers("not (user = x and number = 4)", "yyy?yy");
}

/* ---- time ---- */

static void an_age_is_unknown_in_the_hour_that_comes_twice(void **state)
{
    (void)state;
    AUTO(zone) berlin = NULL;
    struct error err;
    assert_int_equal(zone_load(TEXT("Europe/Berlin"), &berlin, &err), ERR_OK);
    /* 2026-10-25 01:10 UTC is 02:10, for the second time. */
    when = (struct filter_time){berlin, {1792890600000}, {1792890600000}, 1000};
    sessions[0].last_active_at = at("2026-10-25T02:05:00"); /* 5 minutes ago, or 65 */
    sessions[1].last_active_at = at("2026-10-25T01:55:00"); /* 75 minutes ago, surely */
    sessions[2].last_active_at = at("2026-10-25T02:10:00"); /* now, or an hour ago */
    list.count = 3;
    answers("idle >= 1h", "?y?");
    answers("idle >= 70m", "nyn");
    answers("idle < 2m", "nn?");
}

static void an_age_over_the_hour_left_out_counts_real_time(void **state)
{
    (void)state;
    AUTO(zone) berlin = NULL;
    struct error err;
    assert_int_equal(zone_load(TEXT("Europe/Berlin"), &berlin, &err), ERR_OK);
    /* 2026-03-29 01:30 UTC is 03:30; an hour and a half before it was 01:00. */
    when = (struct filter_time){berlin, {1774747800000}, {1774747800000}, 1000};
    sessions[0].last_active_at = at("2026-03-29T01:00:00");
    list.count = 1;
    answers("idle >= 2h", "n");
    answers("idle >= 89m", "y");
}

static enum error_code fits(const char *expression, const char *words)
{
    AUTO(matcher) matcher = matcher_of(expression);
    AUTO(filter_view) view = filter_view_create(&list, &when);
    struct error err = {.code = ERR_OK};
    enum error_code code = matcher_fits(matcher, view, &err);
    if (code && !strstr(err.message, words))
        fail_msg("%s: %s", expression, err.message);
    return code;
}

static void what_the_cluster_does_not_report_is_refused_and_never_a_yes(void **state)
{
    (void)state;
    for (size_t i = 0; i < list.count; i++) {
        sessions[i].reported &= ~(UINT64_C(1) << SESSION_cpu_time_last_5min);
        sessions[i].reported &= ~(UINT64_C(1) << SESSION_blocked_by_ls);
    }
    assert_int_equal(fits("blocked-by = 0", "does not report 'blocked-by'"), ERR_UNSUPPORTED);
    assert_int_equal(fits("user = x or cpu >= 0s", "does not report 'cpu'"), ERR_UNSUPPORTED);
    assert_int_equal(fits("not cpu > 1h", "does not report 'cpu'"), ERR_UNSUPPORTED);
    assert_int_equal(fits("cpu-time-total > 1h", ""), ERR_OK);
    AUTO(matcher) matcher = matcher_of("not cpu > 1h");
    AUTO(filter_view) view = filter_view_create(&list, &when);
    assert_int_equal(matcher_ask(matcher, view, &sessions[0]), TRUTH_UNKNOWN);
}

static void an_age_needs_a_zone_and_a_named_infobase_must_exist(void **state)
{
    (void)state;
    assert_int_equal(fits("infobase != bokks", "does not have: infobase != bokks"), ERR_INVALID);
    assert_int_equal(fits("infobase = 33000000-0000-0000-0000-000000000002", "does not have"),
                     ERR_INVALID);
    assert_int_equal(fits("infobase like 'bokks*'", ""), ERR_OK);
    when.zone = NULL;
    assert_int_equal(fits("idle > 1h", "time_zone"), ERR_UNSUPPORTED);
    assert_int_equal(fits("started < 2026-01-01T00:00:00", ""), ERR_OK);
    AUTO(matcher) matcher = matcher_of("user = x and idle > 1h");
    assert_true(matcher_needs_zone(matcher));
}

static void a_start_is_before_a_moment_only_when_that_is_sure(void **state)
{
    (void)state;
    struct session session = {.started_at = at("2026-11-21T18:00:00")};
    assert_int_equal(filter_began_before(&when, &session, (struct wall){now_ms + 1999}),
                     TRUTH_UNKNOWN);
    assert_int_equal(filter_began_before(&when, &session, (struct wall){now_ms + 2000}), TRUTH_YES);
    assert_int_equal(filter_began_before(&when, &session, (struct wall){now_ms - 2000}),
                     TRUTH_UNKNOWN);
    assert_int_equal(filter_began_before(&when, &session, (struct wall){now_ms - 2001}), TRUTH_NO);
    session.started_at.ticks = 0;
    assert_int_equal(filter_began_before(&when, &session, (struct wall){now_ms}), TRUTH_UNKNOWN);
    when.zone = NULL;
    session.started_at = at("2000-01-01T00:00:00");
    assert_int_equal(filter_began_before(&when, &session, (struct wall){now_ms}), TRUTH_UNKNOWN);
}

/* ---- errors ---- */

static const struct {
    const char *expression;
    const char *words;
} bad[] = {
    {"", "the filter is empty"},
    {"   ", "the filter is empty"},
    {"idel > 2h", "column 1: there is no field 'idel'; did you mean 'idle'?"},
    {"user = x and usr = y", "column 14: there is no field 'usr'; did you mean 'user'?"},
    {"user-nam = x", "did you mean 'user-name'?"},
    {"владелец = x", "column 1: there is no field 'владелец'"},
    {"user = Ж and idel > 2h", "column 14: there is no field"},
    {"user", "column 5: a comparison is expected behind 'user' and not the end"},
    {"user x", "column 6: a comparison is expected behind 'user' and not 'x'"},
    {"user = ", "column 8: a value is expected and not the end"},
    {"user = x y", "column 10: 'and' or 'or' is expected and not 'y'"},
    {"user = x && host = y", "column 10: 'and' or 'or' is expected and not '&&'"},
    {"user == x", "column 7: write = for 'is', and != for 'is not'"},
    {"user <> x", "column 7: write = for 'is', and != for 'is not'"},
    {"user > x", "column 1: 'user' cannot be compared by >: it has = != in like"},
    {"user = and", "put it in quotes"},
    {"user = 'x", "column 8: the quote is not closed"},
    {"user = ''", "no value for 'user'"},
    {"(user = x", "a parenthesis was opened in column 1"},
    {"user = x)", "column 9: 'and' or 'or' is expected and not ')'"},
    {"user in x", "'(' is expected behind 'in'"},
    {"user in ()", "column 10: a value is expected and not ')'"},
    {"user in (x, )", "a value is expected"},
    {"user in (x y)", "',' or ')' is expected and not 'y'"},
    {"user not = x", "'in' or 'like' is expected behind 'not'"},
    {"not", "column 4: a condition is expected and not the end"},
    {"and user = x", "column 1: a condition is expected and not 'and'"},
    {"user = x and", "a condition is expected and not the end"},
    {"'user' = x", "a condition is expected"},
    {"idle >= 2", "column 9: '2' is no value for 'idle': write a duration like 90s, 15m or 2h"},
    {"idle = 2h", "'idle' cannot be compared by =: it has < <= > >="},
    {"memory > 5XB", "write a size like 500MB"},
    {"memory > 99999999999TB", "write a size"},
    {"number = x", "write a whole number"},
    {"started > 2026-11-21", "write a time of the cluster's clock like 2026-03-01T12:30:45"},
    {"started > 2026-11-21T10:00:00Z", "write a time of the cluster's clock"},
    {"session = 7", "write a UUID"},
    {"class = people", "column 9: 'people' is no value for 'class': write interactive, designer"},
    {"client-ip = 10.1.2", "write an address"},
    {"client-ip = 10.1.2.3/8", "or a network"},
    {"client-ip = 10.0.0.0/33", "or a network"},
    {"hibernating = maybe", "write yes or no"},
    {"number in (1, two)", "column 15: 'two' is no value for 'number'"},
};

static void an_error_names_its_column_and_what_to_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO(arena) arena = arena_create(1 << 20);
        struct filter *filter;
        struct error err = {.message = "taken"};
        if (filter_parse(text_of(bad[i].expression), arena, &filter, &err) != ERR_INVALID ||
            !strstr(err.message, bad[i].words))
            fail_msg("'%s': '%s' and not '%s'", bad[i].expression, err.message, bad[i].words);
    }
}

static enum error_code parse_many(const char *before, const char *each, const char *last, size_t n)
{
    AUTO(arena) arena = arena_create(8 << 20);
    AUTO_BUF text;
    struct filter *filter;
    struct error err;
    buf_init(&text, 1 << 20);
    buf_str(&text, before);
    for (size_t i = 0; i < n; i++)
        buf_str(&text, each);
    buf_str(&text, last);
    return filter_parse(text_of(buf_text(&text)), arena, &filter, &err);
}

static void everything_is_bounded(void **state) /* I13 */
{
    (void)state;
    assert_int_equal(parse_many("", "not ", "hibernating", 10), ERR_OK);
    assert_int_equal(parse_many("", "not ", "hibernating", 100000), ERR_TOO_LARGE);
    assert_int_equal(parse_many("", "(", "hibernating", 30000), ERR_TOO_LARGE);
    assert_int_equal(parse_many("", "hibernating and ", "hibernating", 200), ERR_OK);
    assert_int_equal(parse_many("", "hibernating and ", "hibernating", 300), ERR_TOO_LARGE);
    assert_int_equal(parse_many("user in (", "x,", "y)", LIMIT_FILTER_VALUES - 1), ERR_OK);
    assert_int_equal(parse_many("user in (", "x,", "y)", LIMIT_FILTER_VALUES), ERR_TOO_LARGE);
    assert_int_equal(parse_many("user = ", "x", "", LIMIT_TEXT_BYTES), ERR_OK);
    assert_int_equal(parse_many("user = ", "x", "", LIMIT_TEXT_BYTES + 1), ERR_INVALID);
    assert_int_equal(parse_many("user = ", "x", "", 60000), ERR_TOO_LARGE);
}

/* ---- trees that came by another way ---- */

static void a_tree_without_sense_is_refused(void **state)
{
    (void)state;
    const char *values[] = {"x", "y"};
    struct filter nothing = {.kind = FILTER_NONE};
    struct filter *inside[] = {&nothing};
    struct filter no_children = {.kind = FILTER_ALL};
    struct filter holds_nothing = {.kind = FILTER_NOT, .children = inside, .child_count = 1};
    struct filter no_value = {
        .kind = FILTER_CONDITION, .field = "user", .comparison = COMPARISON_EQUAL};
    struct filter two = no_value;
    two.values = values;
    two.value_count = 2;
    struct filter unheard = two;
    unheard.field = "usr";
    struct filter no_comparison = two;
    no_comparison.comparison = COMPARISON_NONE;
    const struct {
        const struct filter *filter;
        const char *words;
    } trees[] = {
        {&nothing, "the filter is empty"},
        {&no_children, "a list of conditions in the filter is empty"},
        {&holds_nothing, "or a part of it"},
        {&no_value, "'user' is compared with nothing"},
        {&two, "write in (...)"},
        {&unheard, "did you mean 'user'?"},
        {&no_comparison, "has no comparison"},
    };
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        struct matcher *matcher;
        struct error err;
        assert_int_equal(matcher_create(trees[i].filter, &matcher, &err), ERR_INVALID);
        if (!strstr(err.message, trees[i].words))
            fail_msg("%s", err.message);
    }
}

static void i14_a_filter_names_an_application_only_positively(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        bool names;
    } filters[] = {
        {"app = designer", true},
        {"app_id in (1CV8, Designer) and user = x", true},
        {"user = x or app = DESIGNER", true},
        {"not app = designer", false},
        {"app != designer", false},
        {"app like 'design*'", false},
        {"class = designer", false},
        {"user = designer", false},
        {"app = 1CV8", false},
    };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        AUTO(arena) arena = arena_create(1 << 20);
        struct filter *filter;
        struct error err;
        assert_int_equal(filter_parse(text_of(filters[i].expression), arena, &filter, &err),
                         ERR_OK);
        if (filter_names_application(filter, "Designer") != filters[i].names)
            fail_msg("%s", filters[i].expression);
    }
}

/* ---- there and back ---- */

static bool same(const struct filter *a, const struct filter *b)
{
    if (a->kind != b->kind || a->child_count != b->child_count)
        return false;
    for (size_t i = 0; i < a->child_count; i++)
        if (!same(a->children[i], b->children[i]))
            return false;
    if (a->kind != FILTER_CONDITION)
        return true;
    if (strcmp(a->field, b->field) != 0 || a->comparison != b->comparison ||
        a->value_count != b->value_count)
        return false;
    for (size_t i = 0; i < a->value_count; i++)
        if (strcmp(a->values[i], b->values[i]) != 0)
            return false;
    return true;
}

/* A tree that filter_parse() can make: lists have two children at least. */
static struct filter *sense(struct gen *gen, struct arena *arena, unsigned depth)
{
    static const char *const fields[] = {"user", "host", "app", "infobase_name", "locale"};
    struct filter *filter = arena_take(arena, 1, sizeof *filter);
    filter->kind = depth > 4 ? FILTER_CONDITION : (enum filter_kind)(1 + gen_below(gen, 4));
    if (filter->kind == FILTER_CONDITION) {
        static const enum comparison by[] = {COMPARISON_EQUAL, COMPARISON_NOT_EQUAL, COMPARISON_IN,
                                             COMPARISON_MATCHES};
        filter->field = fields[gen_below(gen, 5)];
        filter->comparison = by[gen_below(gen, 4)];
        filter->value_count = filter->comparison == COMPARISON_IN ? 1 + gen_below(gen, 4) : 1;
        filter->values = arena_take(arena, filter->value_count, sizeof filter->values[0]);
        for (size_t i = 0; i < filter->value_count; i++) {
            filter->values[i] = gen_text(gen, arena, 60);
            if (!filter->values[i][0] || gen_chance(gen, 10))
                filter->values[i] = gen_chance(gen, 50) ? "and" : "it's \"so\"";
        }
        return filter;
    }
    filter->child_count = filter->kind == FILTER_NOT ? 1 : 2 + gen_below(gen, 3);
    filter->children = arena_take(arena, filter->child_count, sizeof filter->children[0]);
    for (size_t i = 0; i < filter->child_count; i++)
        filter->children[i] = sense(gen, arena, depth + 1);
    return filter;
}

static void what_is_printed_reads_as_the_same_tree(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(2000);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(arena) arena = arena_create(8 << 20);
        AUTO_BUF text;
        struct filter *back;
        struct error err;
        buf_init(&text, 1 << 20);
        const struct filter *filter = sense(&gen, arena, 1);
        filter_print(filter, &text);
        enum error_code code = filter_parse(text_of(buf_text(&text)), arena, &back, &err);
        if (code == ERR_TOO_LARGE)
            continue; /* more than LIMIT_FILTER_NODES */
        if (code)
            fail_msg("seed=%llu: %s\n%s", (unsigned long long)seed, err.message, buf_text(&text));
        if (!same(filter, back))
            fail_msg("seed=%llu: another tree comes of\n%s", (unsigned long long)seed,
                     buf_text(&text));
    }
}

static void the_table_reads_the_same_after_printing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(arena) arena = arena_create(1 << 20);
        AUTO_BUF text;
        struct filter *filter;
        struct filter *back;
        struct error err;
        buf_init(&text, 4096);
        assert_int_equal(filter_parse(text_of(rows[i].expression), arena, &filter, &err), ERR_OK);
        filter_print(filter, &text);
        assert_int_equal(filter_parse(text_of(buf_text(&text)), arena, &back, &err), ERR_OK);
        assert_true(same(filter, back));
        answers(buf_text(&text), rows[i].wanted);
    }
}

/* ---- explanations ---- */

static void note(void *self, const char *condition, const char *value, enum truth truth)
{
    buf_format(self, "%s [%s] %s\n", condition, value, truth_label(truth));
}

static void an_explanation_tells_every_condition_and_the_same_answer(void **state)
{
    (void)state;
    AUTO(matcher)
    matcher =
        matcher_of("app in (1CV8, 1CV8C) and idle >= 2h and not user = иванов and class = job");
    AUTO(filter_view) view = filter_view_create(&list, &when);
    AUTO_BUF text;
    buf_init(&text, 4096);
    for (size_t i = 0; i < list.count; i++) {
        buf_clear(&text);
        assert_int_equal(matcher_explain(matcher, view, &sessions[i], note, &text),
                         matcher_ask(matcher, view, &sessions[i]));
    }
    buf_clear(&text);
    matcher_explain(matcher, view, &sessions[1], note, &text);
    assert_string_equal(buf_text(&text), "app in (1CV8, 1CV8C) [1CV8C] yes\n"
                                         "idle >= 2h [3h0m0s] yes\n"
                                         "user = 'иванов' [robot-7] no\n"
                                         "class = job [interactive] no\n");
}

/* ---- the documentation ---- */

static void every_field_is_documented(void **state)
{
    (void)state;
    static const char *const names[] = {
#define FIELD(name, kind, source, second, help) name,
#include "select/fields.def"
#undef FIELD
    };
    static char page[65536];
    FILE *file = fopen(CURFEW_SOURCE_DIR "/docs/filters.md", "re");
    assert_non_null(file);
    size_t length = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[length] = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "`%s`", names[i]);
        if (!strstr(page, wanted))
            fail_msg("docs/filters.md does not tell of %s", wanted);
    }
}

static void of_a_text_that_cannot_be_read_nothing_is_known(void **state)
{
    (void)state;
    sessions[0].user_name = "\\xc8\\xe2";
    answers("user = иванов", "nny?yy"); /* somebody may be called so */
    sessions[0].unreadable = true;
    answers("user = иванов", "?ny?yy");
    answers("user != иванов", "?yn?nn");
    answers("host = pc-17", "ynyyyy"); /* his other texts are read */
    answers("infobase = торговля", "yyyyny");
    sessions[0].infobase_name = "\\xd2";
    answers("infobase = books", "?nnnyn");
    answers("infobase = 22000000-0000-0000-0000-000000000002", "nnnnyn");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_field_answers_as_it_is_documented),
        TEST(words_join_conditions_and_not_binds_first),
        TEST(unknown_never_becomes_a_yes),
        TEST(of_a_text_that_cannot_be_read_nothing_is_known),
        TEST(an_age_is_unknown_in_the_hour_that_comes_twice),
        TEST(an_age_over_the_hour_left_out_counts_real_time),
        TEST(what_the_cluster_does_not_report_is_refused_and_never_a_yes),
        TEST(an_age_needs_a_zone_and_a_named_infobase_must_exist),
        TEST(a_start_is_before_a_moment_only_when_that_is_sure),
        TEST(an_error_names_its_column_and_what_to_write),
        TEST(everything_is_bounded),
        TEST(a_tree_without_sense_is_refused),
        TEST(i14_a_filter_names_an_application_only_positively),
        TEST(what_is_printed_reads_as_the_same_tree),
        TEST(the_table_reads_the_same_after_printing),
        TEST(every_field_is_documented),
        TEST(an_explanation_tells_every_condition_and_the_same_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
