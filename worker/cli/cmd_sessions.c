/* curfew sessions: lists the sessions of a cluster, as the worker would see them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/suggest.h"
#include "cli/cluster_list.h"
#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/say.h"
#include "cli/send.h"
#include "cli/sift.h"
#include "cli/table.h"

enum { KEY_CLUSTER = 0x2000, KEY_INFOBASE, KEY_FILTER, KEY_EXPLAIN };

struct sessions_options {
    struct cli_common common;
    const char *cluster;
    const char *infobase; /* NULL: all */
    const char *filter;   /* NULL: all */
    bool explain;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct sessions_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &options->common);
        return 0;
    case KEY_CLUSTER:
        options->cluster = arg;
        return 0;
    case KEY_INFOBASE:
        options->infobase = arg;
        return 0;
    case KEY_FILTER:
        options->filter = arg;
        return 0;
    case KEY_EXPLAIN:
        options->explain = true;
        return 0;
    case ARGP_KEY_END:
        if (!options->cluster)
            argp_error(state, "--cluster is missing: the name of a configured cluster");
        if (options->explain && !options->filter)
            argp_error(state, "--explain needs --filter: it tells why a session matches it");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_table[] = {
    {"cluster", KEY_CLUSTER, "NAME", 0, "The cluster, by its configured name", 0},
    {"infobase", KEY_INFOBASE, "NAME", 0, "Only sessions of this infobase", 0},
    {"filter", KEY_FILTER, "EXPR", 0,
     "Only those that match, like: app = 1CV8C and idle >= 2h and not user like 'robot*'", 0},
    {"explain", KEY_EXPLAIN, NULL, 0, "Say of every session why it matches or not", 0},
    {0}};

const struct argp cmd_sessions_argp = {
    options_table,
    parse,
    NULL,
    "Lists the sessions of a cluster, asked of the cluster itself.\n\n"
    "Examples:\n"
    "  curfew sessions --cluster main\n"
    "  curfew sessions --cluster main --infobase ut --json | jq '.[].number'\n"
    "  curfew sessions --cluster main --filter 'idle >= 2h' --explain\n"
    "\vNeeds a configuration with that cluster. No sessions is an empty answer and exit status 0; "
    "a cluster that does not answer is an error (75), never an empty answer.",
    cli_children,
    NULL,
    NULL};

enum {
    COLUMN_INFOBASE,
    COLUMN_NUMBER,
    COLUMN_SESSION,
    COLUMN_USER,
    COLUMN_APP,
    COLUMN_HOST,
    COLUMN_STARTED,
    COLUMN_ACTIVE
};

static void print_row(struct table *table, const struct session *session)
{
    const char *infobase = session->infobase_name;
    table_row(table);
    table_cell(table, COLUMN_INFOBASE,
               text_of(infobase[0] ? infobase : uuid_format(&session->infobase).text));
    table_format(table, COLUMN_NUMBER, "%" PRIu32, session->number);
    table_cell(table, COLUMN_SESSION, text_of(uuid_format(&session->uuid).text));
    table_cell(table, COLUMN_USER, text_of(session->user_name));
    table_cell(table, COLUMN_APP, text_of(session->app_id));
    table_cell(table, COLUMN_HOST, text_of(session->host));
    table_cell(table, COLUMN_STARTED, text_of(server_time_format(session->started_at).text));
    table_cell(table, COLUMN_ACTIVE, text_of(server_time_format(session->last_active_at).text));
}

static int by_place(const void *a, const void *b)
{
    const struct session *first = *(const struct session *const *)a;
    const struct session *second = *(const struct session *const *)b;
    int order = strcmp(first->infobase_name, second->infobase_name);
    return order ? order : (first->number > second->number) - (first->number < second->number);
}

static void print_table(const struct session *const *sessions, size_t count, const struct say *say)
{
    static const struct table_column columns[] = {
        [COLUMN_INFOBASE] = {"INFOBASE", TABLE_LEFT}, [COLUMN_NUMBER] = {"NUMBER", TABLE_RIGHT},
        [COLUMN_SESSION] = {"SESSION", TABLE_LEFT},   [COLUMN_USER] = {"USER", TABLE_LEFT},
        [COLUMN_APP] = {"APPLICATION", TABLE_LEFT},   [COLUMN_HOST] = {"HOST", TABLE_LEFT},
        [COLUMN_STARTED] = {"STARTED", TABLE_LEFT},   [COLUMN_ACTIVE] = {"LAST ACTIVE", TABLE_LEFT},
    };
    AUTO(table) table = table_create(say, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++)
        print_row(table, sessions[i]);
    table_print(table);
}

static void print_json(const struct session *const *sessions, size_t count)
{
    AUTO_BUF line;
    buf_init(&line, SEND_TEXT_MAX);
    putchar('[');
    for (size_t i = 0; i < count; i++) { /* one at a time: lists can be long */
        buf_clear(&line);
        buf_str(&line, i ? ",\n" : "");
        session_json(sessions[i], &line);
        fwrite(line.data, 1, line.length, stdout);
    }
    puts("]");
}

/* The sessions wanted, in the order of infobase and number; the array is the caller's. */
static enum error_code choose(const struct sessions_options *options,
                              const struct session_list *list, const struct session ***ret,
                              size_t *ret_count, struct error *err)
{
    const struct infobase_name *infobase = NULL;
    if (options->infobase) {
        infobase = session_list_infobase(list, text_of(options->infobase));
        if (!infobase)
            return error_set(err, ERR_NOT_FOUND,
                             "cluster '%s' has no infobase '%s', or several of this name",
                             options->cluster, options->infobase);
    }
    const struct session **chosen = mem_alloc(list->count + 1, sizeof *chosen);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!infobase || uuid_equal(&infobase->uuid, &list->sessions[i].infobase))
            chosen[count++] = &list->sessions[i];
    qsort(chosen, count, sizeof *chosen, by_place);
    *ret = chosen;
    *ret_count = count;
    return ERR_OK;
}

static void explain(const struct sift *sift, const struct session *const *sessions, size_t count,
                    bool json, const struct say *say)
{
    AUTO_BUF line;
    buf_init(&line, SEND_TEXT_MAX);
    printf("%s", json ? "[" : "");
    for (size_t i = 0; i < count; i++) {
        if (!json) {
            sift_explain(sift, sessions[i], say);
            continue;
        }
        buf_clear(&line);
        buf_str(&line, i ? ",\n" : "");
        sift_explain_json(sift, sessions[i], &line);
        fwrite(line.data, 1, line.length, stdout);
    }
    printf("%s", json ? "]\n" : "");
}

/* Keeps those that clearly match, in their order; gives how many. */
static size_t keep_matching(const struct sift *sift, const struct session **sessions, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (sift_ask(sift, sessions[i]) == TRUTH_YES)
            sessions[kept++] = sessions[i];
    return kept;
}

static const char *nearest_name(const struct config *config, const char *name)
{
    AUTO_FREE const char **names = mem_alloc(config->cluster_count, sizeof *names);
    for (size_t i = 0; i < config->cluster_count; i++)
        names[i] = config->clusters[i].name;
    return suggest(name, names, config->cluster_count);
}

/* The one cluster that is asked, its passwords with it: those of others are nobody's business here.
 */
static enum error_code choose_cluster(const struct config *config, const char *name,
                                      const struct config_cluster **ret, struct error *err)
{
    *ret = config_cluster_find(config, text_of(name));
    if (!*ret) {
        const char *near = nearest_name(config, name);
        return error_set(err, ERR_NOT_FOUND, "no cluster '%s' is configured%s%s%s", name,
                         near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return config_open_passwords(&config->clusters[*ret - config->clusters], err);
}

static enum error_code walk(const struct sessions_options *options, const struct config *config,
                            struct error *err)
{
    struct say say = say_open(stdout, options->common.no_color);
    struct clock clock = clock_real();
    AUTO(session_list) list = NULL;
    AUTO(sift) sift = NULL;
    AUTO_FREE const struct session **chosen = NULL;
    size_t count = 0;
    const struct config_cluster *cluster;
    if (choose_cluster(config, options->cluster, &cluster, err))
        return err->code;
    if (options->filter && sift_create(options->filter, config, &sift, err))
        return err->code;
    struct wall from = clock_wall(&clock);
    if (cluster_list(cluster, options->infobase, options->common.timeout_ms, &list, err) ||
        choose(options, list, &chosen, &count, err) ||
        (sift && sift_list(sift, cluster, list, from, clock_wall(&clock), err)))
        return err->code;
    if (sift && !options->explain)
        count = keep_matching(sift, chosen, count);
    if (options->explain)
        explain(sift, chosen, count, options->common.json, &say);
    else if (options->common.json)
        print_json(chosen, count);
    else
        print_table(chosen, count, &say);
    return ERR_OK;
}

int cmd_sessions(int argc, char **argv)
{
    struct sessions_options options = {0};
    struct error err;
    AUTO(config) config = NULL;
    cli_common_init(&options.common);
    cli_parse(&cmd_sessions_argp, argc, argv, &options);
    const char *path = cli_config_path(&options.common);
    enum error_code code =
        path ? config_load_without_passwords(path, &config, NULL, &err)
             : error_set(&err, ERR_USAGE,
                         "no configuration: name one with --config FILE or $CURFEW_CONFIG");
    if (code && path)
        error_wrap(&err, "'%s'", path);
    if (!code)
        code = walk(&options, config, &err);
    return code ? say_error("sessions", &err) : 0;
}
