/* service.h - the worker: wires every room and carries out what the engines ask for.
 *
 * One libuv loop thread owns everything. Life: service_create (checks the topics, joins the group)
 * -> the loop runs -> service_drain (no new commands, open ones are finished up to timing.drain) ->
 * `stopped`. The walk of one command through the rooms stands in service.c. */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "config/config.h"

struct service;

struct service_options {
    const char *config_path; /* for reloads; NULL: reload is refused */
    /* What the command line says beside the file, for each configuration that is read; may be NULL.
     */
    enum error_code (*adjust)(void *self, struct config *config, struct error *err);
    bool quiet; /* no log lines of finished commands (demo) */
    /* The worker has come to rest: ERR_OK after a drain, or why it cannot go on. Called once, from
     * the loop. */
    void (*stopped)(void *self, enum error_code code, const struct error *err);
    /* The Kafka clients do not close (brokers that stand still): leave the process without
     * service_destroy(), which would wait for them. Nothing is lost, the journal has it. NULL: wait
     * on. */
    void (*abandoned)(void *self, const struct error *err);
    void *self;
};

/* Takes `config` on success. Blocks for the first look at the brokers (up to 20 s). ERR_UNSAFE: a
 * topic's settings break a promise (`curfew topics check` explains); ERR_UNAVAILABLE: no broker
 * answers, or a topic is not there (yet); ERR_AUTH, ERR_CONFIG, ERR_SYSTEM. */
enum error_code service_create(uv_loop_t *loop, struct config *config,
                               const struct service_options *options, struct service **ret,
                               struct error *err) MUST_CHECK;
/* Begins to stop; a second call stops without waiting for open commands. */
void service_drain(struct service *service);
/* Only after `stopped`; handles close in the loop's next turns. NULL is fine. */
void service_destroy(struct service *service);
/* Reads the configuration again and takes what a reload may change; a bad one changes nothing
 * (logged). */
void service_reload(struct service *service);
/* The kill switch of this worker alone, by signal: until released by this, or the process ends.
 * What the control topic says stands beside it; either stops. */
void service_halt(struct service *service, bool engaged);

bool service_is_ready(const struct service *service);
/* Port of the HTTP server; 0: off. */
uint16_t service_http_port(const struct service *service);

#endif
