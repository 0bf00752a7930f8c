#include "kafka/committed.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "kafka/client.h"

/* An identity of its own is of no use to somebody who does not join. */
static enum error_code open_client(const struct kafka_settings *settings, rd_kafka_t **ret,
                                   struct error *err)
{
    struct kafka_settings nobody = *settings; /* borrows all of it */
    rd_kafka_conf_t *conf;
    nobody.instance = NULL;
    if (kafka_conf(&nobody, KAFKA_ROLE_GROUP, &conf, err))
        return err->code;
    return kafka_handle(KAFKA_ROLE_GROUP, conf, ret, err);
}

static rd_kafka_resp_err_t copy(const rd_kafka_topic_partition_list_t *list,
                                struct kafka_committed *ret)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *from = &list->elems[i];
        struct kafka_committed *to = &ret[from->partition];
        if (from->err)
            return from->err;
        to->offset = from->offset >= 0 ? from->offset : -1;
        if (from->metadata && from->metadata_size > 0)
            to->metadata =
                (struct text){mem_text(from->metadata, from->metadata_size), from->metadata_size};
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

enum error_code kafka_committed_ask(const struct kafka_settings *settings, int32_t partitions,
                                    int timeout_ms, struct kafka_committed **ret, struct error *err)
{
    rd_kafka_t *client;
    CHECK(partitions > 0);
    if (open_client(settings, &client, err))
        return err->code;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)partitions);
    struct kafka_committed *rows = mem_alloc((size_t)partitions, sizeof *rows);
    for (int32_t i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, settings->topics.commands, i);
        rows[i].offset = -1;
    }
    rd_kafka_resp_err_t code = rd_kafka_committed(client, list, timeout_ms);
    if (!code)
        code = copy(list, rows);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    if (code) {
        kafka_committed_release(rows, partitions);
        return kafka_fail(err, code, "cannot ask the group for its offsets");
    }
    *ret = rows;
    return ERR_OK;
}

void kafka_committed_release(struct kafka_committed *committed, int32_t partitions)
{
    for (int32_t i = 0; committed && i < partitions; i++)
        free((char *)committed[i].metadata.at);
    free(committed);
}
