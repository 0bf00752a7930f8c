#include "kafka/journal.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "kafka/out.h"

struct kafka_journal {
    struct kafka_out *out;
    char *name;              /* of the topic */
    rd_kafka_topic_t *topic; /* of the present client; NULL without one */
};

static void journal_renewed(void *self, rd_kafka_t *handle)
{
    struct kafka_journal *journal = self;
    journal->topic = rd_kafka_topic_new(handle, journal->name, NULL);
}

static void journal_dropped(void *self)
{
    struct kafka_journal *journal = self;
    if (journal->topic)
        rd_kafka_topic_destroy(journal->topic);
    journal->topic = NULL;
}

enum error_code kafka_journal_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                     struct kafka_journal **ret, struct error *err)
{
    struct kafka_journal *journal = mem_new(struct kafka_journal);
    journal->name = mem_text(settings->topics.journal, strlen(settings->topics.journal));
    struct kafka_out_user user = {journal_renewed, NULL, journal_dropped, journal};
    enum error_code code = kafka_out_create(hub, settings, KAFKA_ROLE_JOURNAL, "journal",
                                            KAFKA_APPENDS_MAX, user, &journal->out, err);
    if (code) {
        free(journal->name);
        free(journal);
        return code;
    }
    *ret = journal;
    return ERR_OK;
}

void kafka_journal_close(struct kafka_journal *journal)
{
    kafka_out_close(journal->out);
}

bool kafka_journal_closed(const struct kafka_journal *journal)
{
    return kafka_out_closed(journal->out);
}

void kafka_journal_destroy(struct kafka_journal *journal)
{
    if (!journal)
        return;
    kafka_out_destroy(journal->out);
    CHECK(!journal->topic);
    free(journal->name);
    free(journal);
}

enum error_code kafka_journal_append(struct kafka_journal *journal, int32_t partition,
                                     const void *bytes, size_t length, uint64_t tag,
                                     struct error *err)
{
    CHECK(partition >= 0);
    CHECK(length > 0);
    if (length > LIMIT_RECORD_BYTES)
        return error_set(err, ERR_TOO_LARGE, "a journal record of %zu bytes: at most %d", length,
                         LIMIT_RECORD_BYTES);
    if (kafka_out_handle(journal->out) && !journal->topic)
        return error_set(err, ERR_CONFIG, "'%s' is no topic name", journal->name);
    struct gate_message message = {.topic = journal->topic,
                                   .partition = partition,
                                   .has_value = true,
                                   .value = {bytes, length}};
    struct kafka_out_mark mark = {.tag = tag, .lane = (uint32_t)partition};
    return kafka_out_send(journal->out, &message, mark, err);
}

bool kafka_journal_poll(struct kafka_journal *journal, struct kafka_receipt *ret)
{
    return kafka_out_poll(journal->out, ret, NULL);
}

size_t kafka_journal_in_flight(const struct kafka_journal *journal)
{
    return kafka_out_in_flight(journal->out);
}

uint64_t kafka_journal_rebuilds(const struct kafka_journal *journal)
{
    return kafka_out_rebuilds(journal->out);
}
