/* common.h - the options that every command shares, and what they lead to: a configuration and the
 * settings of the Kafka clients.
 *
 * Order of what wins: command line, then the file named by --config, $CURFEW_CONFIG or
 * /etc/curfew/curfew.yaml, then the defaults. */
#ifndef CLI_COMMON_H
#define CLI_COMMON_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "kafka/settings.h"

enum {
    CLI_OVERRIDES_MAX = 64,    /* -X and -F of one command line */
    CLI_TIMEOUT_MS = 60000,    /* unless --timeout says otherwise */
    CLI_FIRST_LOOK_MS = 15000, /* for the brokers to answer at all */
};

struct cli_override {
    const char *text; /* "key=value", or the name of a file of such lines; borrowed from argv */
    bool is_file;
};

struct cli_common {
    const char *config_path; /* --config; NULL: looked for */
    const char *brokers;     /* --brokers; NULL: as configured */
    struct cli_override overrides[CLI_OVERRIDES_MAX];
    size_t override_count;
    int64_t timeout_ms;
    bool timeout_given;
    bool json;
    bool no_color;
};

void cli_common_init(struct cli_common *common);

/* --config, --brokers, -X, -F, --timeout; and --json, --no-color, -h. Children of a command's own
 * argp; the input of both is the struct cli_common. */
extern const struct argp cli_kafka_argp;
extern const struct argp cli_output_argp;
/* Both as the list of children that most commands have, and what their parser does on
 * ARGP_KEY_INIT. */
extern const struct argp_child cli_children[];
void cli_children_init(struct argp_state *state, struct cli_common *common);
/* The command line of one command, in order, with exits on --help and on errors (status 2). */
void cli_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Reads a duration option, or ends the program with a usage error that names it. */
int64_t cli_duration(struct argp_state *state, const char *option, const char *text);
uint64_t cli_count(struct argp_state *state, const char *option, const char *text, uint64_t max);

/* How long the brokers may take to answer at all: CLI_FIRST_LOOK_MS, or less if --timeout is. */
int cli_first_look_ms(const struct cli_common *common);

struct cli_setup {
    struct config *config;          /* owned */
    const char *path;               /* of the configuration; NULL: defaults alone */
    struct kafka_settings settings; /* of `config` and the command line */
};

/* The file that will be read; NULL: none. Borrowed from the command line or the environment. */
const char *cli_config_path(const struct cli_common *common);
/* Without `need_passwords` no password file of clusters and tokens is opened. ERR_CONFIG: the file,
 * with all its problems in `problems` (may be NULL), or it names no brokers and the command line
 * none either. ERR_USAGE: there is no file, and no brokers are named. */
enum error_code cli_setup_load(const struct cli_common *common, bool need_passwords,
                               struct cli_setup *ret, struct buf *problems,
                               struct error *err) MUST_CHECK;
void cli_setup_release(struct cli_setup *setup);
/* Applies --brokers, -F and -X to settings. ERR_USAGE, ERR_CONFIG. */
enum error_code cli_override(const struct cli_common *common, struct kafka_settings *settings,
                             struct error *err) MUST_CHECK;

/* The same into a configuration, before it is handed to the worker. */
enum error_code cli_override_config(const struct cli_common *common, struct config *config,
                                    struct error *err) MUST_CHECK;

#endif
