/* config.h - the configuration file: one table of keys (keys.def), read into plain fields.
 *
 * Every key has a row that gives its type, default, range, whether a reload is enough, and its
 * help. The same rows make the reader, `curfew config explain`, the JSON schema and the
 * documentation. Unknown keys, repeated keys, wrong types and values out of range are errors that
 * say the line and what to write instead; up to CONFIG_PROBLEMS_MAX of them are told at once.
 *
 * Passwords come from files only and live in struct secret; no function here prints one (I12).
 * Nothing here listens, connects or looks up names. Any thread, one at a time; after loading, a
 * config is never changed: a reload makes another one. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/uuid.h"
#include "base/zone.h"

enum {
    CONFIG_FILE_MAX = 8 * 1024 * 1024, /* bytes: 10,000 clusters of 800 bytes */
    CONFIG_PROBLEMS_MAX = 20,          /* errors told at once */
    CONFIG_LIST_MAX = 10000,           /* entries of one list or free mapping */
    CONFIG_PATH_SIZE = 512,            /* "clusters[main].infobases.ut.user" and a zero */
};

/* Texts below are owned by the config, zero-closed, valid UTF-8 and never NULL: "" where nothing is
 * set. Durations are milliseconds. */

struct config_list {
    char **items;
    size_t count;
};

struct config_pair {
    char *name;
    char *value;
    uint32_t line; /* where it stands, from 1 */
};

/* A mapping with free keys, in file order. */
struct config_map {
    struct config_pair *items;
    size_t count;
};

struct config_address {
    char *host; /* name or address, an IPv6 one without brackets */
    uint16_t port;
};

struct config_addresses {
    struct config_address *items;
    size_t count;
};

struct config_account {
    char *user;
    char *password_file;     /* as written; "" = no password */
    struct secret *password; /* NULL = none */
};

enum config_handler_mode {
    CONFIG_HANDLER_INSTEAD,
    CONFIG_HANDLER_BEFORE,
    CONFIG_HANDLER_AFTER,
    CONFIG_HANDLER_ON_REQUEST /* only for commands that ask for it: standard processing off */
};

/* The operator's own program that may stand before the end of sessions (docs/handler.md). */
struct config_handler {
    char *program; /* absolute path; "" = no handler */
    struct config_list args;
    enum config_handler_mode mode;
    int64_t timeout_ms;
    uint32_t output_max;           /* bytes */
    struct config_map environment; /* all that it gets */
};

struct config_infobase {
    char *name; /* name or UUID, as written */
    struct config_account account;
    struct config_handler handler; /* with a program: instead of the cluster's, whole */
};

enum config_executor { CONFIG_EXECUTOR_RAS, CONFIG_EXECUTOR_RAC };
enum config_encoding { CONFIG_AUTO, CONFIG_UTF8, CONFIG_CP866, CONFIG_CP1251 };

/* Used with CONFIG_EXECUTOR_RAC alone. */
struct config_rac {
    char *program; /* absolute path */
    char *version; /* "auto", or "8.3.21" with or without a build */
    enum config_encoding encoding;
    bool allow_password_on_command_line;
    struct config_map environment;
};

struct config_cluster {
    char *name; /* unique; record key of this cluster's commands */
    enum config_executor executor;
    struct config_rac rac;
    struct config_addresses addresses; /* 1..LIMIT_ADDRESSES */
    char *cluster;                     /* UUID or name at the RAS; "" = the only one there */
    char *time_zone;                   /* IANA name; "" = not set */
    const struct zone *zone;           /* of that name; NULL = not set. The config owns it */
    int64_t clock_tolerance_ms;        /* between this cluster's clock and the broker's */
    struct config_account admin;
    struct config_infobase *infobases;
    size_t infobase_count;
    uint32_t endpoint_version; /* 10 for "10.0": asked for first */
    uint32_t pool;             /* connections kept */
    uint32_t in_flight;        /* requests at once */
    uint32_t per_minute;       /* ends started in any minute */
    uint32_t waiting;          /* requests waiting in the lane */
    uint32_t breaker_failures; /* in a row until the breaker opens */
    int64_t connect_ms;
    int64_t request_ms;
    int64_t infobase_cache_ms;
    struct config_handler handler;
    uint32_t handlers_at_once; /* programs that run at once, those of its infobases included */
};

struct config_kafka {
    struct config_list brokers; /* host:port each */
    char *group;
    char *instance; /* "" in the file: host name and listen port (filled in by loading) */
    int64_t linger_ms;
    int64_t delivery_ms;
    int64_t fetch_wait_ms;    /* 0 = right for the broker */
    struct config_map common; /* librdkafka properties, as written: kafka/settings.h judges them */
    struct config_map consumer;
    struct config_map producer;
};

struct config_topics {
    char *commands;
    char *control;
    char *events;
    char *journal;
    char *dead_letters;
    struct config_list replies; /* reply topics that commands may name */
    bool allow_unsafe;          /* start although a topic's settings break a promise */
};

enum config_effect { CONFIG_ALLOW, CONFIG_DENY };

/* Ordered; the first rule that matches decides. An empty list matches everything. Patterns: exact
 * names without case, `*` stands for any run of characters. */
struct config_rule {
    char *name;
    enum config_effect effect;
    struct config_list requesters; /* requested_by, as the command claims it */
    struct config_list clusters;
    struct config_list infobases;
    struct config_list actions; /* "terminate", "drain", ... */
};

struct config_policy {
    struct config_list protected_applications;  /* besides those that are always protected */
    struct config_list named_only_applications; /* ended only when named exactly */
    struct config_list protected_users;
    struct config_list protected_hosts;
    struct config_rule *rules; /* none: everything not protected is allowed; any: default deny */
    size_t rule_count;
    bool require_reason;
    bool require_requester;
    uint32_t max_targets;   /* of one command, 0 = limits.targets_per_command */
    uint32_t max_share;     /* percent of an infobase's sessions that one filter may select */
    uint32_t share_from;    /* sessions; smaller infobases are not judged by it */
    uint32_t approve_above; /* sessions; more wait for a second person's approval; 0 = never */
    int64_t approval_ms;    /* how long that is waited for */
    int64_t acting_ms;      /* sessions are ended so long after a wait, and over all rounds */
    int64_t validity_ms;    /* of a command that names no expiry */
    int64_t validity_max_ms;
    int64_t future_skew_ms; /* how far ahead requested_at may be */
    int64_t grace_max_ms;
    int64_t hold_max_ms;
    int64_t drain_ms;      /* for ending, after the grace, where a drain names no deadline */
    char *drain_message;   /* for users, where the command has none */
    char *permission_code; /* lets a client into a locked infobase: /UC */
};

struct config_limits {
    uint32_t open_commands;
    uint32_t open_targets;
    uint32_t kept_targets;
    uint32_t targets_per_command;
    uint32_t remembered_ids;
    uint32_t ends_per_minute; /* by all workers together; 0: no limit */
    uint32_t cluster_share;   /* open commands of one cluster; filled in by loading when not set */
    uint32_t attempts;        /* end requests sent for one target */
};

struct config_timing {
    int64_t verify_ms;           /* a sent end is verified for this long */
    int64_t release_ms;          /* connections of an ended session are waited for this long */
    int64_t identity_max_age_ms; /* an end rests on a list at most this old */
    int64_t empty_confirm_ms;    /* an empty list is believed after a second one, this much later */
    int64_t drain_ms;            /* after SIGTERM */
};

enum config_event_mode { CONFIG_EVENT_BINARY, CONFIG_EVENT_STRUCTURED };
enum config_event_format { CONFIG_EVENT_JSON, CONFIG_EVENT_PROTOBUF };

struct config_events {
    bool per_session; /* one event for each target besides the command's */
    enum config_event_mode mode;
    enum config_event_format format;
    char *type_prefix;
    char *source;
    char *data_schema;
    bool include_snapshots;
    uint32_t max_bytes;
};

struct config_http {
    struct config_address listen; /* host "" = off */
    uint32_t connections;
    int64_t timeout_ms;
};

/* Who may ask the gateway. */
struct config_token {
    char *name;                    /* told as the requester; letters, digits, . _ - */
    struct config_account account; /* its password is the token; it has no user: NULL */
    struct config_list clusters;   /* names, without case; none: any */
    uint32_t per_minute;           /* terminations */
    uint32_t reads_per_minute;
    uint32_t waiting; /* requests at once */
};

struct config_gateway {
    struct config_address listen; /* host "" = off */
    uint32_t connections;
    int64_t timeout_ms;
    int64_t wait_max_ms;
    uint32_t remembered;
    uint32_t failed_per_minute; /* requests without a valid token, of one address */
    struct config_map servers;  /* Srvr of a connection string -> name of a cluster */
    struct config_token *tokens;
    size_t token_count;
};

struct config {
    struct config_kafka kafka;
    struct config_topics topics;
    struct config_cluster *clusters;
    size_t cluster_count;
    struct config_zone {
        const char *name; /* a cluster's */
        struct zone *zone;
    } * zones; /* those in use, each once */
    size_t zone_count;
    struct config_policy policy;
    struct config_limits limits;
    struct config_timing timing;
    struct config_events events;
    struct config_http http;
    struct config_gateway gateway;
    enum log_level log_level;
    void *origin; /* where each value was set; for config_explain() and config_diff() */
};

/* Reads and checks the file, with the password files it names. ERR_CONFIG: the message begins with
 * the first problem ("line 7: ..."); all of them, one per line, are appended to `problems` (may be
 * NULL). */
enum error_code config_load(const char *path, struct config **ret, struct buf *problems,
                            struct error *err) MUST_CHECK;
/* The same for programs that ask no cluster, or not all of them, and check no token: password files
 * are named and not opened, and every password is NULL. Under systemd they are there only while the
 * service runs. */
enum error_code config_load_without_passwords(const char *path, struct config **ret,
                                              struct buf *problems, struct error *err) MUST_CHECK;
/* Opens what config_load_without_passwords() left of this cluster: its own password file and those
 * of its infobases. ERR_CONFIG names the first that cannot be read; the others are open then. */
enum error_code config_open_passwords(struct config_cluster *cluster, struct error *err) MUST_CHECK;
/* The same as config_load() from memory; password files are read too. The empty text is a config of
 * defaults. */
enum error_code config_from_text(struct text yaml, struct config **ret, struct buf *problems,
                                 struct error *err) MUST_CHECK;
/* Has it what a worker needs, and other programs may do without: brokers and clusters? ERR_CONFIG
 * names what is missing. */
enum error_code config_for_worker(const struct config *config, struct error *err) MUST_CHECK;
/* A config of defaults alone, without brokers and clusters: for commands that take --brokers and
 * for tests. */
struct config *config_defaults(void);
void config_destroy(struct config *config);
AUTO_TYPE(config)

/* A cluster by its configured name (without case), or by the UUID written in its `cluster` key.
 * NULL: none. */
const struct config_cluster *config_cluster_find(const struct config *config, struct text name);
/* The handler for sessions of this infobase (nil and "": not known): its own, or the cluster's.
 * `*ret_place` is the infobase's name as configured, "" for the cluster's. NULL: none. */
const struct config_handler *config_handler_for(const struct config_cluster *cluster,
                                                const struct uuid *infobase, struct text name,
                                                const char **ret_place);
/* The handler of such a place; NULL: there is none any more. */
const struct config_handler *config_handler_at(const struct config_cluster *cluster,
                                               const char *place);

/* One key of one place in the file. */
struct config_entry {
    char path[CONFIG_PATH_SIZE]; /* "clusters[main].limits.in_flight" */
    const char *key;             /* the row's path: "clusters[].limits.in_flight" */
    const char *value;           /* as in force; "***" for a secret. Valid until `visit` returns */
    const char *initial;         /* the default, "" = none */
    const char *range;           /* "1..64", "1s..1h", "ras"; "" = any */
    uint32_t line;               /* where it was set; 0 = the default */
    bool restart;                /* a change needs a restart */
    const char *help;
};
/* Visits every key: those of the file's top first, then each cluster's and rule's. */
void config_explain(const struct config *config,
                    void (*visit)(void *self, const struct config_entry *entry), void *self);
/* Appends an array of {path, key, value, default, line, range, restart, help}. */
void config_explain_json(const struct config *config, struct buf *out);
/* Appends the table of all keys for documentation, as Markdown. */
void config_reference(struct buf *out);
/* Appends the JSON Schema (2020-12) of the file: schemas/config.schema.json. */
void config_schema(struct buf *out);

/* One difference between two configs. Values of secrets are "***". */
struct config_change {
    char path[CONFIG_PATH_SIZE];
    const char *before;
    const char *after;
    bool restart;
};
/* Visits what differs; clusters and rules are paired by name. A password whose file holds something
 * else now is a change of its `password_file`. Returns how many differ. */
size_t config_diff(const struct config *before, const struct config *after,
                   void (*visit)(void *self, const struct config_change *change), void *self);

#endif
