#include "cli/common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/say.h"
#include "service/settings.h"

static const char system_config[] = "/etc/curfew/curfew.yaml";

enum { KEY_BROKERS = 0x1000, KEY_TIMEOUT, KEY_JSON, KEY_NO_COLOR };

void cli_common_init(struct cli_common *common)
{
    *common = (struct cli_common){.timeout_ms = CLI_TIMEOUT_MS};
}

/* ---- options ---- */

int64_t cli_duration(struct argp_state *state, const char *option, const char *text)
{
    struct error err;
    int64_t ms = 0;
    if (text_duration_ms(text_of(text), &ms, &err))
        argp_error(state, "%s: %s", option, err.message);
    return ms;
}

uint64_t cli_count(struct argp_state *state, const char *option, const char *text, uint64_t max)
{
    struct error err;
    uint64_t count = 0;
    if (text_u64(text_of(text), max, &count, &err) || count == 0)
        argp_error(state, "%s needs a number from 1 to %llu, not '%s'", option,
                   (unsigned long long)max, text);
    return count;
}

int cli_first_look_ms(const struct cli_common *common)
{
    int64_t ms = common->timeout_ms < CLI_FIRST_LOOK_MS ? common->timeout_ms : CLI_FIRST_LOOK_MS;
    return ms < 1 ? 1 : (int)ms;
}

static void add_override(struct argp_state *state, struct cli_common *common, const char *text,
                         bool is_file)
{
    if (common->override_count == CLI_OVERRIDES_MAX)
        argp_error(state, "at most %d of -X and -F", CLI_OVERRIDES_MAX);
    else
        common->overrides[common->override_count++] = (struct cli_override){text, is_file};
}

static error_t parse_kafka(int key, char *arg, struct argp_state *state)
{
    struct cli_common *common = state->input;
    switch (key) {
    case 'c':
        common->config_path = arg;
        return 0;
    case KEY_BROKERS:
        common->brokers = arg;
        return 0;
    case 'X':
        add_override(state, common, arg, false);
        return 0;
    case 'F':
        add_override(state, common, arg, true);
        return 0;
    case KEY_TIMEOUT:
        common->timeout_ms = cli_duration(state, "--timeout", arg);
        common->timeout_given = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option kafka_options[] = {
    {"config", 'c', "FILE", 0,
     "Configuration; default $CURFEW_CONFIG, then /etc/curfew/curfew.yaml", 0},
    {"brokers", KEY_BROKERS, "LIST", 0, "Brokers as host:port,host:port", 0},
    {NULL, 'X', "KEY=VALUE", 0, "Set a librdkafka property (repeatable)", 0},
    {NULL, 'F', "FILE", 0, "Read such properties from a file, one per line", 0},
    {"timeout", KEY_TIMEOUT, "DURATION", 0,
     "How long to wait; default 60s (watch: for ever; --wait for a drain, a grace, rounds or an "
     "approval: 60s to be accepted, then for ever)",
     0},
    {0}};

const struct argp cli_kafka_argp = {kafka_options, parse_kafka, NULL, NULL, NULL, NULL, NULL};

static error_t parse_output(int key, char *arg, struct argp_state *state)
{
    struct cli_common *common = state->input;
    (void)arg;
    switch (key) {
    case KEY_JSON:
        common->json = true;
        return 0;
    case KEY_NO_COLOR:
        common->no_color = true;
        return 0;
    case 'h':
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option output_options[] = {
    {"json", KEY_JSON, NULL, 0, "JSON on standard output (stable)", 0},
    {"no-color", KEY_NO_COLOR, NULL, 0, "No colours, as with NO_COLOR", 0},
    {NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0},
    {0}};

const struct argp cli_output_argp = {output_options, parse_output, NULL, NULL, NULL, NULL, NULL};

const struct argp_child cli_children[] = {
    {&cli_kafka_argp, 0, "Kafka:", 10}, {&cli_output_argp, 0, "Output:", 11}, {0}};

void cli_children_init(struct argp_state *state, struct cli_common *common)
{
    state->child_inputs[0] = common;
    state->child_inputs[1] = common;
}

void cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    struct error err;
    if (options_check(argp, argc, argv, &err)) {
        const char *blank = strchr(argv[0], ' '); /* "curfew terminate" */
        exit(say_error(blank ? blank + 1 : NULL, &err));
    }
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0); /* nobody misses that sentence */
    if (argp_parse(argp, argc, argv, 0, NULL, input))
        exit(error_exit_status(ERR_USAGE));
}

/* ---- settings ---- */

static enum error_code override_brokers(const char *brokers, struct kafka_settings *settings,
                                        struct error *err)
{
    AUTO_BUF text;
    buf_init(&text, KAFKA_VALUE_MAX);
    buf_format(&text, "bootstrap.servers=%s", brokers);
    if (!brokers[0] || text.full)
        return error_set(err, ERR_USAGE, "--brokers needs host:port,host:port");
    return kafka_settings_override(settings, text_of(buf_text(&text)), err);
}

/* kcat's form: key=value, blanks around are dropped, # begins a comment line. */
static enum error_code override_line(struct text line, struct kafka_settings *settings,
                                     struct error *err)
{
    while (line.length && strchr(" \t\r\n", line.at[line.length - 1]))
        line.length--;
    while (line.length && strchr(" \t", line.at[0]))
        line = (struct text){line.at + 1, line.length - 1};
    if (!line.length || line.at[0] == '#')
        return ERR_OK;
    return kafka_settings_override(settings, line, err);
}

static enum error_code override_file(const char *path, struct kafka_settings *settings,
                                     struct error *err)
{
    AUTO_FREE char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, ERR_USAGE, "-F: cannot read '%s': %s", path, strerror(errno));
    enum error_code code = ERR_OK;
    ssize_t length;
    unsigned number = 0;
    while (!code && (length = getline(&line, &room, file)) >= 0) {
        number++;
        code = override_line((struct text){line, (size_t)length}, settings, err);
    }
    fclose(file);
    return code ? error_wrap(err, "'%s' line %u", path, number) : ERR_OK;
}

/* -X: what stands on the command line, everybody on this machine can read. */
static enum error_code override_argument(const char *text, struct kafka_settings *settings,
                                         struct error *err)
{
    struct text key = {text, strcspn(text, "=")};
    if (kafka_key_wants_file(key))
        return error_set(err, ERR_USAGE,
                         "-X %.*s: a secret would show in the list of processes: put the line into "
                         "a file and name that with -F",
                         TEXT_ARGS(key));
    return kafka_settings_override(settings, text_of(text), err);
}

enum error_code cli_override(const struct cli_common *common, struct kafka_settings *settings,
                             struct error *err)
{
    if (common->brokers && override_brokers(common->brokers, settings, err))
        return error_wrap(err, "--brokers");
    for (size_t i = 0; i < common->override_count; i++) {
        const struct cli_override *override = &common->overrides[i];
        enum error_code code = override->is_file ? override_file(override->text, settings, err)
                                                 : override_argument(override->text, settings, err);
        if (code)
            return code;
    }
    return ERR_OK;
}

static void replace_text(char **at, const char *text)
{
    free(*at);
    *at = mem_text(text, strlen(text));
}

static void replace_brokers(struct config_list *list, const char *brokers)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    list->count = 0;
    for (const char *at = brokers;; at++) {
        const char *comma = strchrnul(at, ',');
        list->items = mem_resize(list->items, list->count + 1, sizeof *list->items);
        list->items[list->count++] = mem_text(at, (size_t)(comma - at));
        if (!*comma)
            return;
        at = comma;
    }
}

/* The later of two pairs of one name counts (kafka_settings_set), so appending replaces. */
static void append_pairs(struct config_map *map, const struct kafka_pairs *pairs)
{
    map->items = mem_resize(map->items, map->count + pairs->count, sizeof *map->items);
    for (size_t i = 0; i < pairs->count; i++) {
        const struct kafka_pair *pair = &pairs->at[i];
        map->items[map->count++] =
            (struct config_pair){.name = mem_text(pair->key, strlen(pair->key)),
                                 .value = mem_text(pair->value, strlen(pair->value))};
    }
}

enum error_code cli_override_config(const struct cli_common *common, struct config *config,
                                    struct error *err)
{
    struct kafka_settings settings;
    kafka_settings_init(&settings);
    enum error_code code = cli_override(common, &settings, err);
    if (!code && settings.brokers_override)
        replace_brokers(&config->kafka.brokers, settings.brokers_override);
    if (!code && settings.group_override)
        replace_text(&config->kafka.group, settings.group_override);
    if (!code && settings.pairs[KAFKA_COMMON].count)
        append_pairs(&config->kafka.common, &settings.pairs[KAFKA_COMMON]);
    kafka_settings_release(&settings);
    return code;
}

const char *cli_config_path(const struct cli_common *common)
{
    if (common->config_path)
        return common->config_path;
    const char *named = getenv("CURFEW_CONFIG");
    if (named && named[0])
        return named;
    return access(system_config, F_OK) == 0 ? system_config : NULL;
}

static enum error_code no_brokers(const struct cli_common *common, const char *path,
                                  struct error *err)
{
    if (path && !common->brokers)
        return error_set(
            err, ERR_CONFIG,
            "'%s': kafka.brokers is missing: write the addresses of the Kafka brokers, "
            "like kafka: {brokers: [kafka1:9092]}, or give --brokers host:port",
            path);
    return error_set(err, ERR_USAGE,
                     "no brokers: name them with --brokers host:port, or a configuration with "
                     "--config FILE");
}

enum error_code cli_setup_load(const struct cli_common *common, bool need_passwords,
                               struct cli_setup *ret, struct buf *problems, struct error *err)
{
    AUTO(config) config = NULL;
    const char *path = cli_config_path(common);
    struct kafka_settings settings;
    if (path && (need_passwords ? config_load(path, &config, problems, err)
                                : config_load_without_passwords(path, &config, problems, err)))
        return err->code; /* it names the file */
    if (!path)
        config = config_defaults();
    if (service_kafka_settings(config, &settings, err))
        return path ? error_wrap(err, "'%s'", path) : err->code;
    enum error_code code = cli_override(common, &settings, err);
    if (!code && !kafka_settings_brokers(&settings)[0])
        code = no_brokers(common, path, err);
    if (code) {
        kafka_settings_release(&settings);
        return code;
    }
    *ret = (struct cli_setup){STEAL(config), path, settings};
    return ERR_OK;
}

void cli_setup_release(struct cli_setup *setup)
{
    kafka_settings_release(&setup->settings);
    config_destroy(setup->config);
    *setup = (struct cli_setup){0};
}
