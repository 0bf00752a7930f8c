#include "cli/journal.h"

#include <inttypes.h>

static uint64_t records_read(const struct trace *trace)
{
    uint64_t records = 0;
    for (int32_t i = 0; i < trace_partitions(trace); i++)
        records += trace_partition(trace, i)->records;
    return records;
}

void journal_take(struct link *link, struct trace *trace)
{
    struct kafka_message *message;
    while (link_take(link, &message)) {
        const struct trace_partition *partition = trace_partition(trace, message->partition);
        if (partition->records == 0 && link_low(link, message->partition) > 0)
            trace_from_middle(trace, message->partition);
        trace_record(trace, message->partition, message->value, message->timestamp);
        kafka_message_destroy(message);
    }
}

/* The time given counts from the last record: a long journal takes its time, a silent broker, or
 * one that lets nobody read, must not. */
enum error_code journal_read_all(const struct cli_common *common, struct say *talk,
                                 struct link *link, struct trace *trace, struct error *err)
{
    struct instant until = instant_add_ms(link_now(link), common->timeout_ms);
    for (uint64_t before = 0;;) {
        journal_take(link, trace);
        if (link_broken(link, err))
            return error_wrap(err, "the journal cannot be read");
        if (link_at_end(link)) {
            say_clear(talk);
            return ERR_OK;
        }
        uint64_t records = records_read(trace);
        if (records > before)
            until = instant_add_ms(link_now(link), common->timeout_ms);
        before = records;
        say_live(talk, "reading the journal: %" PRIu64 " records ...", records);
        enum link_wake wake = link_wait(link, until);
        if (wake != LINK_READY)
            return link_gave_up(link, wake, "the journal cannot be read: Kafka does not answer",
                                err);
    }
}

enum error_code journal_read(const struct cli_common *common, struct cli_setup *setup,
                             struct say *talk, trace_visit visit, void *self, struct trace **ret,
                             struct error *err)
{
    AUTO(link) link = NULL;
    AUTO(trace) trace = NULL;
    int32_t partitions;
    const char *topic = setup->config->topics.journal;
    if (link_create(NULL, &setup->settings, cli_first_look_ms(common), &link, err) ||
        link_partitions(link, topic, &partitions, err) ||
        link_read(link, KAFKA_READ_JOURNAL, topic, KAFKA_FROM_BEGINNING, err))
        return err->code;
    trace = trace_create(partitions);
    trace_on_record(trace, visit, self);
    if (journal_read_all(common, talk, link, trace, err))
        return err->code;
    *ret = STEAL(trace);
    return ERR_OK;
}
