#include "cli/journal.h"

#include <inttypes.h>

#include "base/limits.h"
#include "kafka/committed.h"
#include "service/position.h"

enum { GROUP_MS = 5000, DOUBT_MAX = 2 * ERROR_MESSAGE_MAX };

/* ---- what the group's offsets promise ---- */

static void note_promise(struct trace *trace, int32_t partition, const struct kafka_committed *from)
{
    struct position position;
    if (from->offset < 0 || !position_read(from->metadata, &position))
        return;
    trace_promise(trace, partition,
                  &(struct extent_promise){.known = true,
                                           .commands = from->offset,
                                           .journal = position.journal,
                                           .owner = position.owner,
                                           .next = position.next});
}

/* Asked before the journal is opened, so that it must hold what they say. Whoever may not ask, or
 * gets no answer, reads all the same: then nothing is known of the end. The embedded broker drops
 * records by itself, and promises nothing. */
static void ask_promises(const struct cli_common *common, const struct cli_setup *setup,
                         const struct link *link, struct trace *trace)
{
    struct kafka_committed *committed;
    struct error err;
    int32_t count;
    int wait = cli_first_look_ms(common);
    if (link_partitions(link, setup->settings.topics.commands, &count, &err))
        return;
    if (count > trace_partitions(trace))
        count = trace_partitions(trace);
    if (kafka_committed_ask(&setup->settings, count, wait < GROUP_MS ? wait : GROUP_MS, &committed,
                            &err))
        return;
    for (int32_t i = 0; i < count; i++)
        note_promise(trace, i, &committed[i]);
    kafka_committed_release(committed, count);
}

/* ---- reading ---- */

enum error_code journal_open(const struct cli_common *common, struct cli_setup *setup,
                             struct link *link, struct trace **ret, struct error *err)
{
    int32_t partitions;
    const char *topic = setup->config->topics.journal;
    if (link_partitions(link, topic, &partitions, err))
        return err->code;
    AUTO(trace) trace = trace_create(partitions);
    if (setup->settings.embedded)
        trace_forgive_beginnings(trace);
    else
        ask_promises(common, setup, link, trace);
    if (link_read(link, KAFKA_READ_JOURNAL, topic, KAFKA_FROM_BEGINNING, err))
        return err->code;
    *ret = STEAL(trace);
    return ERR_OK;
}

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
        if (trace_partition(trace, message->partition)->records == 0)
            trace_begin(trace, message->partition, link_low(link, message->partition));
        trace_record(trace, message->partition, message->offset, message->value,
                     message->timestamp);
        kafka_message_destroy(message);
    }
}

/* Of a partition all of whose records were deleted no message comes. */
static void end(const struct link *link, struct trace *trace)
{
    for (int32_t i = 0; i < trace_partitions(trace); i++)
        if (trace_partition(trace, i)->records == 0)
            trace_begin(trace, i, link_low(link, i));
    trace_at_end(trace);
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
            end(link, trace);
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
    if (link_create(NULL, &setup->settings, cli_first_look_ms(common), &link, err) ||
        journal_open(common, setup, link, &trace, err))
        return err->code;
    trace_on_record(trace, visit, self);
    if (journal_read_all(common, talk, link, trace, err))
        return err->code;
    *ret = STEAL(trace);
    return ERR_OK;
}

/* ---- what it is worth ---- */

int journal_tell_doubts(const struct trace *trace, struct say *talk)
{
    for (int32_t i = 0; i < trace_partitions(trace); i++) {
        AUTO_BUF doubt;
        buf_init(&doubt, DOUBT_MAX);
        trace_say_doubt(trace, i, &doubt);
        if (doubt.length)
            say_line(talk, "%spartition %" PRId32 " of the journal is not whole%s: %s",
                     say_on(talk, PAINT_BAD), i, say_off(talk), buf_text(&doubt));
    }
    return trace_doubtful(trace) ? error_exit_status(ERR_JOURNAL) : 0;
}

enum error_code journal_vouch(const struct trace *trace, const char *cannot, struct error *err)
{
    for (int32_t i = 0; i < trace_partitions(trace); i++) {
        AUTO_BUF doubt;
        buf_init(&doubt, DOUBT_MAX);
        trace_say_doubt(trace, i, &doubt);
        if (doubt.length)
            return error_set(err, ERR_JOURNAL,
                             "%s: partition %" PRId32 " of the journal is not "
                             "whole: %s",
                             cannot, i, buf_text(&doubt));
    }
    return ERR_OK;
}
