/* gateway.h - the HTTP endpoint for those who do not speak Kafka: a request becomes a command on
 * the commands topic, and its answer comes from the events topic.
 *
 * It owns no state and acts on no cluster: the journal stays the workers'. What it says of a
 * command it has read from the events, some way back at its start and on from there, so any number
 * of gateways may run and each may be restarted at any time. It never says of a session that it is
 * gone before the event of the end says so; who waits longer than he wanted is told where to look
 * again. One libuv loop thread owns everything. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "config/config.h"
#include "kafka/settings.h"

struct gateway;

struct gateway_options {
    const char *config_path; /* for reloads; NULL: reload is refused */
    /* It has come to rest after gateway_stop(); called once, from the loop. */
    void (*stopped)(void *self);
    void *self;
};

/* Listens as `config->gateway` says and starts to read the events. Blocks for the first look at the
 * brokers (up to 20 s). `config` and `settings` are borrowed until gateway_destroy(). ERR_CONFIG:
 * gateway.listen is off or not an address; ERR_NOT_FOUND: a topic is missing; ERR_UNAVAILABLE,
 * ERR_AUTH, ERR_SYSTEM. */
enum error_code gateway_create(uv_loop_t *loop, const struct config *config,
                               struct kafka_settings *settings,
                               const struct gateway_options *options, struct gateway **ret,
                               struct error *err) MUST_CHECK;
/* Reads the configuration again and takes over what a reload may change: tokens and their limits,
 * servers, the log's level. A bad one, or one that changes a key of the gateway that needs a
 * restart, changes nothing and says so in the log. Who waits goes on waiting, also when his token
 * was taken away: he was let in. */
void gateway_reload(struct gateway *gateway);
/* Answers everybody who waits with what is known, and stops; a second call changes nothing. */
void gateway_stop(struct gateway *gateway);
/* Only after `stopped`, or never started; handles close in the loop's next turns. NULL is fine. */
void gateway_destroy(struct gateway *gateway);

/* Port of the endpoint. */
uint16_t gateway_port(const struct gateway *gateway);

#endif
