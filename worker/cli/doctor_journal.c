/* What the doctor says of the journal, and of the commands topic that it speaks of. */
#include <inttypes.h>

#include "cli/doctor.h"
#include "cli/journal.h"
#include "cli/topics_state.h"

static const char *journal_todo(unsigned faults)
{
    if (faults & ~(unsigned)EXTENT_BEGINNING)
        return "nothing is run from it: keep it as it is for the auditors, find out who removed "
               "them, hold the events topic and the clusters' logs against it; then "
               "docs/operations.md, \"When something stands still\"";
    if (faults)
        return "find out who deleted them ('curfew topics check'), keep what is left for the "
               "auditors, and begin another journal: docs/operations.md, \"How the journal grows\"";
    return "keep the topic as it is for the auditors, and find out who wrote to it";
}

/* True when the partition is not whole. */
static bool tell_partition(struct doctor *doctor, const struct trace *trace, int32_t partition)
{
    const struct trace_partition *seen = trace_partition(trace, partition);
    AUTO_BUF doubt;
    buf_init(&doubt, 2 * FINDING_TEXT_MAX);
    trace_say_doubt(trace, partition, &doubt);
    if (doubt.length)
        TELL(doctor, "journal", FINDING_FAIL, ERR_JOURNAL,
             journal_todo(trace_faults(trace, partition)), "partition %" PRId32 ": %s", partition,
             buf_text(&doubt));
    if (seen->chain.repeats)
        TELL(doctor, "journal", FINDING_WARN, ERR_OK,
             "an append that came twice looks so; many of them, or a writer that you do not know, "
             "do not",
             "partition %" PRId32 ": %" PRIu64 " records stand once more, or behind later ones of "
             "their epoch; they count for nothing",
             partition, seen->chain.repeats);
    return doubt.length > 0;
}

/* Without an offset of the group nothing speaks of the end. */
static void tell_whole(struct doctor *doctor, const struct kafka_settings *settings,
                       const struct trace *trace)
{
    uint64_t records = 0;
    int32_t unpromised = 0;
    for (int32_t i = 0; i < trace_partitions(trace); i++) {
        const struct trace_partition *partition = trace_partition(trace, i);
        records += partition->records;
        unpromised += partition->records > 0 && !partition->extent.promise.known;
    }
    if (settings->embedded)
        TELL(doctor, "journal", FINDING_OK, ERR_OK, NULL,
             "%" PRIu64 " records, every chain whole; this broker drops old ones by itself",
             records);
    else if (unpromised)
        TELL(doctor, "journal", FINDING_WARN, ERR_OK,
             "start a worker, which commits within a second; if one runs, look whether this user "
             "may read the group",
             "%" PRIu64 " records, every chain whole from its first record on; of %" PRId32
             " partitions group '%s' has no offset, so nothing tells whether records at their end "
             "are missing",
             records, unpromised, kafka_settings_group(settings));
    else
        TELL(doctor, "journal", FINDING_OK, ERR_OK, NULL,
             "%" PRIu64 " records, every chain whole, from its first record to what the group's "
             "offsets promise",
             records);
}

static void tell_chains(struct doctor *doctor, const struct kafka_settings *settings,
                        const struct trace *trace)
{
    bool whole = true;
    for (int32_t i = 0; i < trace_partitions(trace); i++)
        whole = !tell_partition(doctor, trace, i) && whole;
    if (whole)
        tell_whole(doctor, settings, trace);
}

/* Workers hold such a partition: they take no commands from it. */
static void tell_commands(struct doctor *doctor, const struct topics_state *topics)
{
    bool recounted = topics_state_recounted(topics);
    if (topics->gone)
        TELL(doctor, "commands", FINDING_FAIL, ERR_UNSAFE,
             "find out who did it, then release them with 'curfew topics accept'",
             "%" PRId32 " of %" PRId32 " partitions do not hold the command that the journal names "
             "last: the topic was made anew, and no commands are taken from them",
             topics->gone, topics->partitions);
    if (recounted)
        TELL(doctor, "commands", FINDING_FAIL, ERR_UNSAFE,
             "give the journal as many partitions, wait until open commands have ended, then run "
             "'curfew topics accept'",
             "%" PRId32 " partitions, and the journal knows %" PRId32 ": no commands are taken",
             topics->partitions, topics->partitions_before);
    if (!topics->gone && !recounted)
        TELL(doctor, "commands", FINDING_OK, ERR_OK, NULL,
             "the topic is the one that the journal speaks of");
}

void doctor_look_at_journal(struct doctor *doctor, struct cli_setup *setup)
{
    struct say talk = say_open(stderr, doctor->common.no_color);
    struct topics_state topics = {0};
    struct cli_common common = doctor->common;
    AUTO(trace) trace = NULL;
    struct error err;
    common.timeout_ms = cli_first_look_ms(&doctor->common);
    if (journal_read(&common, setup, &talk, topics_state_visit, &topics, &trace, &err)) {
        doctor_tell_unread(doctor, "journal", &err);
    } else {
        tell_chains(doctor, &setup->settings, trace);
        if (topics_state_compare(&topics, &common, setup, &err))
            doctor_tell_unread(doctor, "commands", &err);
        else
            tell_commands(doctor, &topics);
        doctor->trace = STEAL(trace);
    }
    topics_state_release(&topics);
}
