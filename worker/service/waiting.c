#include "service/waiting.h"

#include "base/check.h"

enum { SEND_AGAIN_MS = 1000 };

void waiting_drop(struct waiting *waiting)
{
    if (waiting->offered)
        command_destroy(STEAL(waiting->offer.command));
    kafka_message_destroy(STEAL(waiting->message));
    waiting->offered = false;
    waiting->sending = false;
    waiting->handed++;
    waiting->send_again = (struct instant){0};
}

void waiting_taken(struct waiting *waiting)
{
    kafka_message_destroy(STEAL(waiting->message));
    waiting->offered = false;
    waiting->send_again = (struct instant){0};
}

void waiting_handed_on(struct waiting *waiting, bool started, struct instant now)
{
    waiting->sending = started;
    waiting->send_again = started ? INSTANT_NEVER : instant_add_ms(now, SEND_AGAIN_MS);
}

bool waiting_acknowledged(struct waiting *waiting, uint64_t handed,
                          const struct kafka_receipt *receipt, struct instant now)
{
    bool delivered = receipt->delivery == KAFKA_PERSISTED;
    if (handed != waiting->handed || !waiting->sending)
        return false;
    waiting->sending = false;
    waiting->offer.dead_letter =
        (struct place){!waiting->offer.command, receipt->partition, receipt->offset};
    waiting->send_again = delivered ? (struct instant){0} : instant_add_ms(now, SEND_AGAIN_MS);
    return true;
}

void waiting_rename(struct waiting *waiting, const struct config *config)
{
    if (!waiting->offered || !waiting->offer.cluster)
        return;
    const struct config_cluster *cluster =
        config_cluster_find(config, text_of(waiting->offer.cluster));
    CHECK(cluster); /* no reload takes one away */
    waiting->offer.cluster = cluster->name;
}
