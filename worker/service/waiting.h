/* waiting.h - the command of a partition that waits: for the engine to want it, or for its dead
 * letter or forward to be acknowledged. At most one waits at each partition, so commands are taken
 * in offset order. intake.c fills it in; loop thread only. */
#ifndef SERVICE_WAITING_H
#define SERVICE_WAITING_H

#include "config/config.h"
#include "engine/engine.h"
#include "kafka/message.h"

struct waiting {
    struct kafka_message *message; /* owned; NULL: none waits */
    struct engine_offer offer;
    bool offered;              /* `offer` is made out, and its command is owned */
    bool sending;              /* handed on, and not acknowledged yet */
    struct instant send_again; /* NEVER: under way; zero: delivered, or not to be handed on */
    uint64_t handed; /* counts messages: a late acknowledgement of an earlier one is dropped */
};

/* Forgets it: it is read again, or by another worker. */
void waiting_drop(struct waiting *waiting);
/* The engine took the offer, and owns its command. */
void waiting_taken(struct waiting *waiting);
/* It was to be handed on, and is under way, or was not `started` and is to be tried again. */
void waiting_handed_on(struct waiting *waiting, bool started, struct instant now);
/* What was handed on as number `handed` has its receipt. False: that was an earlier one. */
bool waiting_acknowledged(struct waiting *waiting, uint64_t handed,
                          const struct kafka_receipt *receipt, struct instant now);
/* Its cluster's name is borrowed from the configuration: from here on from this one. */
void waiting_rename(struct waiting *waiting, const struct config *config);

#endif
