/* curfew config check | explain: every problem of a configuration file at once; every key. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/say.h"
#include "cli/send.h"
#include "cli/table.h"
#include "service/settings.h"

enum { KEY_SCHEMA = 0x2000, KEY_REFERENCE, PROBLEMS_MAX = CONFIG_PROBLEMS_MAX * 1024 };

struct config_options {
    struct cli_common common;
    const char *word; /* "check" or "explain"; NULL: not given */
    bool schema;
    bool reference;
};

static void take_word(struct argp_state *state, struct config_options *options, char *arg)
{
    if (!options->word && (!strcmp(arg, "check") || !strcmp(arg, "explain")))
        options->word = arg;
    else if (!options->word)
        argp_error(state, "say 'check' or 'explain'; not '%s'", arg);
    else if (options->common.config_path)
        argp_error(state, "one file at a time");
    else
        options->common.config_path = arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct config_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &options->common);
        return 0;
    case KEY_SCHEMA:
        options->schema = true;
        return 0;
    case KEY_REFERENCE:
        options->reference = true;
        return 0;
    case ARGP_KEY_ARG:
        take_word(state, options, arg);
        return 0;
    case ARGP_KEY_END:
        if (!options->word)
            argp_error(state, "say what to do: check or explain");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_table[] = {
    {"schema", KEY_SCHEMA, NULL, 0, "With explain: the JSON Schema of the file", 0},
    {"reference", KEY_REFERENCE, NULL, 0, "With explain: all keys as Markdown", 0},
    {0}};

const struct argp cmd_config_argp = {
    options_table,
    parse,
    "check|explain [FILE]",
    "Checks a configuration file, or explains every key.\n\n"
    "Examples:\n"
    "  curfew config check curfew.yaml\n"
    "  curfew config explain --config curfew.yaml   what is in force\n"
    "  curfew config explain --reference > configuration.md\n"
    "\vNothing is connected to: 'curfew doctor' does that. Passwords are shown as ***. Exit "
    "status 78: the file is wrong; every problem is listed with its line: unknown keys first, and "
    "when there are none, what is wrong with the values.",
    cli_children,
    NULL,
    NULL};

static enum error_code no_file(struct error *err)
{
    return error_set(err, ERR_USAGE, "no configuration: name a FILE, --config or $CURFEW_CONFIG");
}

static enum error_code check_kafka(const struct config_options *options,
                                   const struct config *config, struct buf *problems,
                                   struct error *err)
{
    struct kafka_settings settings;
    service_kafka_problems(config, problems);
    if (service_kafka_settings(config, &settings, err))
        return err->code;
    enum error_code code = cli_override(&options->common, &settings, err);
    kafka_settings_release(&settings);
    return code;
}

/* UTF-8, whatever the file and its name hold. */
static json_t *printable_json(struct text text)
{
    AUTO_BUF printable;
    buf_init(&printable, PROBLEMS_MAX);
    text_printable(&printable, text);
    return json_string(buf_text(&printable));
}

/* "line 7: what" of config_load() as {"line":7,"problem":"what"}; of a whole file, without a line.
 */
static json_t *problem_json(const char *text, size_t length)
{
    unsigned line = 0;
    int head = 0;
    if (sscanf(text, "line %u: %n", &line, &head) == 1 && head > 0 && (size_t)head < length)
        return json_pack("{s:i, s:o}", "line", (int)line, "problem",
                         printable_json((struct text){text + head, length - (size_t)head}));
    return json_pack("{s:n, s:o}", "line", "problem", printable_json((struct text){text, length}));
}

static void print_check(const char *path, const struct config *config, const char *problems)
{
    json_t *all = json_array();
    for (const char *at = problems, *end; (end = strchr(at, '\n')); at = end + 1) {
        json_t *json = problem_json(at, (size_t)(end - at));
        CHECK(json);
        json_array_append_new(all, json);
    }
    json_t *whole =
        json_pack("{s:o?, s:b, s:I, s:o}", "file", path ? printable_json(text_of(path)) : NULL,
                  "good", config != NULL, "clusters",
                  (json_int_t)(config ? config->cluster_count : 0), "problems", all);
    CHECK(whole);
    json_dumpf(whole, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(whole);
}

static void tell_check(const struct config_options *options, const char *path,
                       const struct config *config, struct buf *problems)
{
    struct say talk = say_open(stderr, options->common.no_color);
    if (options->common.json) {
        print_check(path, config, buf_text(problems));
        return;
    }
    fprintf(stderr, "%s", buf_text(problems));
    if (config)
        say_line(&talk, "%sgood%s: '%s' with %zu %s; 'curfew doctor' tries the connections",
                 say_on(&talk, PAINT_GOOD), say_off(&talk), path, config->cluster_count,
                 config->cluster_count == 1 ? "cluster" : "clusters");
}

static int check(const struct config_options *options)
{
    const char *path = cli_config_path(&options->common);
    AUTO(config) config = NULL;
    AUTO_BUF problems;
    struct error err;
    buf_init(&problems, PROBLEMS_MAX);
    enum error_code code = path ? config_load(path, &config, &problems, &err) : no_file(&err);
    if (!code && (code = check_kafka(options, config, &problems, &err)))
        error_wrap(&err, "'%s'", path);
    bool listed = problems.length > 0;
    if (code && !listed && options->common.json)
        buf_format(&problems, "%s\n", err.message);
    tell_check(options, path, code ? NULL : config, &problems);
    if (code && listed)
        error_set(&err, code, "'%s' cannot be used: %s", path,
                  options->common.json ? "every problem is on standard output" : "see above");
    return code ? say_error("config", &err) : 0;
}

static void explain_row(void *self, const struct config_entry *entry)
{
    struct table *table = self;
    table_row(table);
    table_cell(table, 0, text_of(entry->path));
    table_cell(table, 1, text_of(entry->value));
    if (entry->line)
        table_format(table, 2, "line %u", entry->line);
    else
        table_cell(table, 2, TEXT("default"));
    table_cell(table, 3, text_of(entry->range));
    table_cell(table, 4, text_of(entry->restart ? "restart" : "reload"));
    table_cell(table, 5, text_of(entry->help));
}

static void explain_table(const struct config *config, const struct say *say)
{
    static const struct table_column columns[] = {{"KEY", TABLE_LEFT},    {"VALUE", TABLE_LEFT},
                                                  {"SET BY", TABLE_LEFT}, {"RANGE", TABLE_LEFT},
                                                  {"TAKES", TABLE_LEFT},  {"MEANING", TABLE_LEFT}};
    AUTO(table) table = table_create(say, columns, sizeof columns / sizeof *columns);
    config_explain(config, explain_row, table);
    table_print(table);
}

static int explain(const struct config_options *options)
{
    struct say say = say_open(stdout, options->common.no_color);
    const char *path = cli_config_path(&options->common);
    AUTO(config) config = NULL;
    AUTO_BUF text;
    struct error err;
    buf_init(&text, SEND_TEXT_MAX);
    if (options->schema)
        config_schema(&text);
    else if (options->reference)
        config_reference(&text);
    else if (path && config_load_without_passwords(path, &config, NULL, &err))
        return error_wrap(&err, "'%s'", path), say_error("config", &err);
    else if (!path)
        config = config_defaults();
    if (config && options->common.json)
        config_explain_json(config, &text);
    else if (config)
        explain_table(config, &say);
    fputs(buf_text(&text), stdout);
    if (text.length && text.data[text.length - 1] != '\n')
        putchar('\n');
    return 0;
}

int cmd_config(int argc, char **argv)
{
    struct config_options options = {0};
    cli_common_init(&options.common);
    cli_parse(&cmd_config_argp, argc, argv, &options);
    return !strcmp(options.word, "check") ? check(&options) : explain(&options);
}
