/* request.h - a command as people type it, made into struct command. Pure, but for a random id. */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include "model/command.h"

/* Session numbers of a list like "7,9-11", any number of lists after another. */
struct numbers {
    uint32_t *at; /* owned; in the order given, each once */
    size_t count; /* 0..LIMIT_TARGETS */
};

/* Adds the numbers of `list`. ERR_USAGE says what is wrong with it, or that there are too many. */
enum error_code numbers_add(struct numbers *numbers, const char *list,
                            struct error *err) MUST_CHECK;
void numbers_release(struct numbers *numbers);

/* Borrowed texts; NULL: not given. */
struct request {
    const char *id; /* given: the command carries no time of its own, so that it can be repeated */
    const char *cluster;
    struct uuid *sessions; /* owned */
    size_t session_count;
    struct numbers numbers;
    const char *infobase;
    const char *filter;  /* an expression of select/filter.h */
    const char *exclude; /* the same: who is left alone */
    const char *user;
    const char *application;
    const char *started_at;
    const char *reason;
    const char *message;
    const char *reply_topic;
    const char *correlation_id;
    const char *requested_by; /* NULL: user@host of this process */
    int64_t grace_ms;
    int64_t expires_in_ms; /* 0: the worker's own validity */
    uint32_t max_targets;
    bool dry_run;
    bool until_empty;
    bool disconnect_connections;
    bool interrupt_calls;
    enum standard_processing standard_processing;
    int64_t hold_ms;     /* drain */
    int64_t deadline_ms; /* drain; 0: the worker's own */
    bool keep_jobs;      /* drain */
};

/* Adds one UUID. ERR_USAGE. */
enum error_code request_session(struct request *request, const char *text,
                                struct error *err) MUST_CHECK;
void request_release(struct request *request);
/* A `terminate` command. ERR_USAGE: something is missing, contradicts itself or is too long. */
enum error_code request_terminate(const struct request *request, struct wall now,
                                  struct command **ret, struct error *err) MUST_CHECK;
/* A `drain` command. ERR_USAGE. */
enum error_code request_drain(const struct request *request, struct wall now, struct command **ret,
                              struct error *err) MUST_CHECK;
/* A `restore` command for the control topic. ERR_USAGE. */
enum error_code request_restore(const struct request *request, struct wall now,
                                struct command **ret, struct error *err) MUST_CHECK;
/* An `accept_topics` command for the control topic; the digests are borrowed until it returns. */
enum error_code request_accept_topics(const struct request *request,
                                      const struct accept_topics *what, struct wall now,
                                      struct command **ret, struct error *err) MUST_CHECK;
/* A `cancel` command for the control topic. */
enum error_code request_cancel(const struct request *request, const struct uuid *meant,
                               struct wall now, struct command **ret, struct error *err) MUST_CHECK;
/* The kill switch of every worker, engaged or released, for the control topic. */
enum error_code request_kill_switch(const struct request *request, bool engaged, struct wall now,
                                    struct command **ret, struct error *err) MUST_CHECK;
/* An `approve` command for the control topic: the list of `meant` with that digest. */
enum error_code request_approve(const struct request *request, const struct uuid *meant,
                                const char *digest, struct wall now, struct command **ret,
                                struct error *err) MUST_CHECK;

#endif
