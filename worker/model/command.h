/* command.h - one command, decoded and checked for shape, whatever its encoding was.
 *
 * Lives in an arena of its own; texts are zero-closed, valid UTF-8, never NULL, and within the
 * limits of base/limits.h. The canonical protobuf form (command_encode) is what the digest, the
 * journal and forwarding use: two commands with the same content have the same bytes, whatever
 * encoding they came in. */
#ifndef MODEL_COMMAND_H
#define MODEL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "model/server_time.h"

enum origin {
    ORIGIN_NONE,
    ORIGIN_USER_REQUEST,
    ORIGIN_REMOTE,
    ORIGIN_APPLICATION,
    ORIGIN_POLICY,
    ORIGIN_COUNT
};

enum action {
    ACTION_NONE,
    ACTION_TERMINATE,
    ACTION_DRAIN,
    ACTION_RESTORE,
    ACTION_CANCEL,
    ACTION_APPROVE,
    ACTION_KILL_SWITCH,
    ACTION_ACCEPT_TOPICS,
    ACTION_COUNT
};

enum selector_kind { SELECTOR_NONE, SELECTOR_SESSIONS, SELECTOR_NUMBERS, SELECTOR_FILTER };

struct guard {
    const char *user;              /* empty: not compared */
    const char *application;       /* empty: not compared */
    struct server_time started_at; /* none: not compared */
};

enum filter_kind { FILTER_NONE, FILTER_ALL, FILTER_ANY, FILTER_NOT, FILTER_CONDITION };

enum comparison {
    COMPARISON_NONE,
    COMPARISON_EQUAL,
    COMPARISON_NOT_EQUAL,
    COMPARISON_LESS,
    COMPARISON_LESS_OR_EQUAL,
    COMPARISON_GREATER,
    COMPARISON_GREATER_OR_EQUAL,
    COMPARISON_IN,
    COMPARISON_MATCHES,
    COMPARISON_COUNT
};

struct filter {
    enum filter_kind kind;
    struct filter **children; /* ALL, ANY: any number; NOT: one */
    size_t child_count;
    const char *field; /* CONDITION */
    enum comparison comparison;
    const char **values;
    size_t value_count;
};

struct selector {
    enum selector_kind kind;
    struct uuid *sessions; /* SESSIONS */
    const char *infobase;  /* NUMBERS: name or UUID */
    uint32_t *numbers;     /* NUMBERS */
    size_t count;          /* of sessions or numbers */
    struct guard guard;    /* NUMBERS: the same for all */
    struct guard *guards; /* NUMBERS: one for each, and `guard` is empty; NULL: none of their own */
    struct filter *filter; /* FILTER */
};

enum standard_processing {
    STANDARD_PROCESSING_DEFAULT,
    STANDARD_PROCESSING_ON,
    STANDARD_PROCESSING_OFF
};

struct options {
    int64_t grace_ms;
    const char *message;
    bool dry_run;
    bool until_empty;
    bool disconnect_connections;
    bool interrupt_calls;
    uint32_t max_targets; /* 0: the worker's own ceiling */
    enum standard_processing standard_processing;
    struct filter *exclude; /* may be NULL */
};

struct command {
    struct arena *arena; /* owns everything, this struct too */
    struct uuid id;
    struct wall requested_at; /* 0 ms: not said */
    struct wall expires_at;   /* 0 ms: not said */
    const char *requested_by;
    enum origin origin;
    const char *reason;
    const char *correlation_id;
    const char *reply_topic;
    const char *cluster; /* configured name or UUID, as the requester wrote it */
    enum action action;
    struct selector selector; /* TERMINATE */
    struct options options;   /* TERMINATE, DRAIN */
    const char *infobase;     /* DRAIN, RESTORE */
    int64_t hold_ms;          /* DRAIN */
    int64_t drain_deadline_ms;
    bool keep_jobs;
    struct uuid other_id; /* CANCEL, APPROVE: the command meant */
    const char *resolved_digest;
    bool kill_switch_engaged;
    struct accept_topics {         /* ACCEPT_TOPICS */
        int32_t partitions_before; /* 0, and so the next: it is not about that */
        int32_t partitions;
        const char **last_digests; /* lower-case hex */
        size_t digest_count;
    } accept_topics;
};

/* What the session of that number has to be; NUMBERS only. A number not asked for has the guard of
 * all. */
const struct guard *selector_guard(const struct selector *selector, uint32_t number);

/* SESSIONS, NUMBERS: of each place whether what it names stands before it, too; NULL: it names one.
 * `count` of them, owned by the caller; free() releases them. */
bool *selector_repeats(const struct selector *selector);

/* An empty command with its arena; every text is "". */
struct command *command_create(void);
/* The same, in one allocation with about `bytes` for its texts and lists. */
struct command *command_create_for(size_t bytes);
void command_destroy(struct command *command);
AUTO_TYPE(command)

/* Canonical protobuf (curfew.v1.Command), appended. */
void command_encode(const struct command *command, struct buf *out);
/* Reads protobuf in any field order. ERR_UNDECODABLE, ERR_INVALID (texts, UUIDs, times),
 * ERR_TOO_LARGE: the message names the field. Checks shape only; meaning is guard/'s. */
enum error_code command_decode(struct text bytes, struct command **ret,
                               struct error *err) MUST_CHECK;
/* Through the canonical form and back: what a worker's decoder would refuse is refused here, and
 * the result owns its texts. Errors as command_decode(). */
enum error_code command_settle(const struct command *draft, struct command **ret,
                               struct error *err) MUST_CHECK;
/* SHA-256 of the canonical form. */
struct sha256 command_digest(const struct command *command);

/* "user_request", ... ; NONE gives "". */
const char *origin_label(enum origin origin);
/* "terminate", ... */
const char *action_label(enum action action);

#endif
