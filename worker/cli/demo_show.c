/* How the demo went: verdicts, the journal, and the proof. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/demo.h"
#include "cli/trace.h"

/* ---- the journal ---- */

/* "5 ended, 1 survived" */
static void count_ends(const struct target_end *ends, uint32_t count, struct buf *out)
{
    for (int outcome = TARGET_NONE + 1; outcome < TARGET_OUTCOMES; outcome++) {
        uint32_t of_it = 0;
        for (uint32_t i = 0; i < count; i++)
            of_it += ends[i].outcome == (enum target_outcome)outcome;
        if (of_it)
            buf_format(out, "%s%" PRIu32 " %s", out->length ? ", " : "", of_it,
                       target_outcome_label((enum target_outcome)outcome));
    }
}

/* What the record fixes, for people who see a journal for the first time. */
static void say_meaning(const struct record *record, struct buf *out)
{
    switch (record->kind) {
    case RECORD_ACCEPTED:
        buf_str(out, "who asks for what, and until when");
        return;
    case RECORD_RESOLVED:
        buf_format(out, "%" PRIu32 " targets: only these, and only from now on",
                   record->resolved.count);
        return;
    case RECORD_ATTEMPT:
        buf_format(out, "%" PRIu32 " of them may be ended now", record->attempt.count);
        return;
    case RECORD_OUTCOME:
        count_ends(record->outcome.ends, record->outcome.count, out);
        return;
    case RECORD_CLOSED:
        buf_str(out, command_outcome_label(record->closed.outcome));
        return;
    default:
        return;
    }
}

static void show_record(struct demo *demo, const struct kafka_message *message,
                        const struct record *record, const struct chain_verdict *verdict)
{
    bool good = verdict->state == CHAIN_WHOLE;
    AUTO_BUF meaning;
    buf_init(&meaning, DEMO_TEXT_MAX);
    say_meaning(record, &meaning);
    say_line(&demo->out, "  %d/%-4lld  %-9s %-43s epoch %llu, record %llu, chain %s%s%s",
             message->partition, (long long)message->offset, record_kind_label(verdict->kind),
             buf_text(&meaning), (unsigned long long)verdict->epoch.number,
             (unsigned long long)verdict->sequence,
             say_on(&demo->out, good ? PAINT_GOOD : PAINT_BAD), chain_state_label(verdict->state),
             say_off(&demo->out));
}

static void show_if_about(struct demo *demo, const struct kafka_message *message,
                          const struct chain_verdict *verdict)
{
    AUTO(record) record = NULL;
    if (!record_decode(message->value, &record, NULL) &&
        uuid_equal(&record->command_id, &demo->commands[0]->id))
        show_record(demo, message, record, verdict);
}

static enum error_code read_journal(struct demo *demo, struct trace *trace, struct error *err)
{
    struct instant until = instant_add_ms(clock_now(&demo->clock), demo->common.timeout_ms);
    for (;;) {
        struct kafka_message *message;
        while (link_take(demo->journal, &message)) {
            struct chain_verdict verdict = trace_record(trace, message->partition, message->offset,
                                                        message->value, message->timestamp);
            show_if_about(demo, message, &verdict);
            kafka_message_destroy(message);
        }
        if (link_broken(demo->journal, err))
            return err->code;
        if (link_at_end(demo->journal))
            return ERR_OK;
        enum link_wake wake = link_wait(demo->journal, until);
        if (wake != LINK_READY)
            return link_gave_up(demo->journal, wake, "the journal cannot be read", err);
    }
}

enum error_code demo_show_journal(struct demo *demo, bool *ret_good, struct error *err)
{
    int32_t partitions;
    const char *topic = demo->config->topics.journal;
    if (link_create(&demo->loop, &demo->settings, CLI_FIRST_LOOK_MS, &demo->journal, err) ||
        link_partitions(demo->journal, topic, &partitions, err) ||
        link_read(demo->journal, KAFKA_READ_JOURNAL, topic, KAFKA_FROM_BEGINNING, err))
        return err->code;
    demo_step(demo, "journal", "the first command's records, read back from Kafka and verified:");
    AUTO(trace) trace = trace_create(partitions);
    if (read_journal(demo, trace, err))
        return err->code;
    uint64_t damaged = 0;
    size_t open;
    for (int32_t i = 0; i < partitions; i++) {
        const struct chain_reader *chain = &trace_partition(trace, i)->chain;
        damaged += chain->damaged + chain->holes;
    }
    free(trace_open(trace, &open));
    *ret_good = damaged == 0 && open == 0;
    if (!*ret_good)
        demo_step(demo, "", "%llu damaged records, %zu commands still open",
                  (unsigned long long)damaged, open);
    return ERR_OK;
}

/* ---- the proof ---- */

void demo_show_verdicts(struct demo *demo)
{
    AUTO_BUF text;
    buf_init(&text, DEMO_TEXT_MAX);
    demo_step(demo, "verdicts", "of the first command:");
    verdict_table(&demo->verdicts[0], &demo->out);
    for (size_t i = 0; i < DEMO_ASKS; i++) {
        buf_clear(&text);
        verdict_summary(&demo->verdicts[i], &text);
        demo_step(demo, i ? "" : "outcome", "command %.8s %s",
                  uuid_format(&demo->commands[i]->id).text, buf_text(&text));
    }
}

static void print_json(const struct demo_truth *truth, bool good)
{
    printf("{\"good\":%s,\"terminated\":%zu,\"asked_and_announced\":%zu,\"strangers\":%zu,"
           "\"announced\":%zu,\"untrue\":%zu,\"left_over\":%zu,\"by_itself\":%zu,"
           "\"protected_ended\":%s}\n",
           good ? "true" : "false", truth->terminated, truth->asked, truth->strangers,
           truth->announced, truth->untrue, truth->left_over, truth->by_itself,
           truth->guarded_ended ? "true" : "false");
    fflush(stdout);
}

bool demo_prove(struct demo *demo, bool journal_good)
{
    struct demo_truth truth = demo_world_judge(demo->world, demo->asked, demo->verdicts, DEMO_ASKS);
    bool good = demo_truth_is_good(&truth) && journal_good;
    demo_step(demo, "proof",
              "the simulated clusters were told to end %zu sessions: %zu were asked for "
              "and announced, %zu were not",
              truth.terminated, truth.asked, truth.strangers);
    demo_step(demo, "",
              "%zu were announced as ended, %zu of them are not; %zu asked for are still "
              "there; the protected one %s",
              truth.announced, truth.untrue, truth.left_over,
              truth.guarded_ended ? "was ended" : "was let alone");
    demo_step(demo, "",
              "meanwhile %zu others logged out by themselves, and were not mistaken for ours",
              truth.by_itself);
    if (demo->common.json)
        print_json(&truth, good);
    say_line(&demo->out, "%s%s%s  (%.1f s)", say_on(&demo->out, good ? PAINT_GOOD : PAINT_BAD),
             good ? "exactly the right sessions are gone, and no others"
                  : "not as it should be: see above",
             say_off(&demo->out), demo_seconds(demo));
    return good;
}
