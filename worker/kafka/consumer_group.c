/* The group's client. */
#include "kafka/consumer_group.h"

#include "base/check.h"
#include "kafka/client.h"

static enum error_code join(struct kafka_consumer *consumer, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, consumer->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->group, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (!code)
        return ERR_OK;
    kafka_fail(err, code, "cannot subscribe to the commands topic");
    return ERR_CONFIG;
}

void kafka_consumer_rejoin(struct kafka_consumer *consumer)
{
    struct error err;
    bool member = consumer->membership == MEMBER_IN || consumer->membership == MEMBER_OUT;
    if (consumer->closing || !member || !consumer->group)
        return;
    if (join(consumer, &err))
        kafka_hub_note(consumer->hub, "group", 4, err.code, err.message);
}

enum error_code group_open(struct kafka_consumer *consumer, rd_kafka_conf_t *conf,
                           struct error *err)
{
    if (kafka_handle(KAFKA_ROLE_GROUP, conf, &consumer->group, err))
        return ERR_CONFIG;
    CHECK(rd_kafka_poll_set_consumer(consumer->group) == RD_KAFKA_RESP_ERR_NO_ERROR);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->group);
    kafka_hub_watch(consumer->hub, consumer->queue);
    return join(consumer, err);
}

static void group_dropped(void *owner)
{
    struct kafka_consumer *consumer = owner;
    consumer->drop = NULL;
}

void group_drop(struct kafka_consumer *consumer)
{
    rd_kafka_queue_destroy(consumer->queue);
    if (consumer->close_queue)
        rd_kafka_queue_destroy(consumer->close_queue);
    consumer->drop = kafka_handle_drop(consumer->hub, consumer->group, consumer, group_dropped);
    consumer->group = NULL;
    consumer->commit_out = false; /* its answer goes with the client that sent it */
}

void group_destroy(struct kafka_consumer *consumer)
{
    if (consumer->ask)
        kafka_job_abandon(consumer->ask);
    if (consumer->count)
        kafka_job_abandon(consumer->count);
    if (consumer->group) {
        rd_kafka_queue_destroy(consumer->queue);
        if (consumer->close_queue)
            rd_kafka_queue_destroy(consumer->close_queue);
        if (!consumer_is_out(consumer) && consumer->closing <= FLUSHING)
            rd_kafka_consumer_close(consumer->group);
        consumer->drop = kafka_handle_drop(consumer->hub, consumer->group, consumer, group_dropped);
    }
    if (consumer->drop)
        kafka_job_abandon(consumer->drop);
}
