#include "cli/topics_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/link.h"

static struct topics_last *last_of(struct topics_state *state, int32_t partition)
{
    if (partition >= state->count) {
        state->at = mem_resize(state->at, (size_t)partition + 1, sizeof *state->at);
        memset(&state->at[state->count], 0,
               (size_t)(partition + 1 - state->count) * sizeof *state->at);
        state->count = partition + 1;
    }
    return &state->at[partition];
}

/* As engine/fold.c does it. */
void topics_state_visit(void *self, const struct record *record,
                        const struct trace_command *command, int32_t partition, struct wall at)
{
    struct topics_last *last = last_of(self, partition);
    (void)command;
    (void)at;
    if (record->kind == RECORD_OWNER && record->owner.partitions > 0)
        last->partitions = record->owner.partitions;
    if (record->kind == RECORD_TOPICS_ACCEPTED) {
        last->partitions = record->topics_accepted.partitions;
        last->known = last->known && !record->topics_accepted.from_beginning;
    }
    if (!record->source.known || record->source.partition != partition ||
        (last->known && record->source.offset <= last->offset))
        return;
    last->known = true;
    last->offset = record->source.offset;
    last->digest = record->source.digest;
}

static bool same(const struct topics_last *last, const struct kafka_message *message)
{
    struct sha256 digest = sha256_of(message->value.at, message->value.length);
    return message->offset > last->offset || /* the last one is gone by retention */
           (message->offset == last->offset && sha256_equal(&digest, &last->digest));
}

static void take_all(struct topics_state *state, struct link *link)
{
    struct kafka_message *message;
    while (link_take(link, &message)) {
        struct topics_last *last = &state->at[message->partition];
        if (!last->looked)
            last->gone = !same(last, message);
        last->looked = true;
        kafka_message_destroy(message);
    }
}

static bool all_looked(const struct topics_state *state)
{
    for (int32_t i = 0; i < state->count; i++)
        if (state->at[i].known && !state->at[i].looked)
            return false;
    return true;
}

static enum error_code look(struct topics_state *state, const struct cli_common *common,
                            struct link *link, struct error *err)
{
    struct instant until = instant_add_ms(link_now(link), common->timeout_ms);
    for (;;) {
        take_all(state, link);
        if (all_looked(state) || link_at_end(link))
            return ERR_OK;
        enum link_wake wake = link_wait(link, until);
        if (wake != LINK_READY)
            return link_gave_up(link, wake, "the commands topic cannot be read", err);
    }
}

static void judge(struct topics_state *state, const struct link *link)
{
    for (int32_t i = 0; i < state->count; i++) {
        struct topics_last *last = &state->at[i];
        if (last->partitions > 0)
            state->partitions_before = last->partitions;
        if (last->known && !last->looked)
            last->gone = i >= state->partitions || link_low(link, i) <= last->offset;
        state->gone += last->gone;
    }
}

enum error_code topics_state_compare(struct topics_state *state, const struct cli_common *common,
                                     struct cli_setup *setup, struct error *err)
{
    AUTO(link) link = NULL;
    const char *topic = setup->settings.topics.commands;
    if (link_create(NULL, &setup->settings, cli_first_look_ms(common), &link, err) ||
        link_partitions(link, topic, &state->partitions, err))
        return err->code;
    AUTO_FREE int64_t *from = mem_alloc((size_t)state->partitions, sizeof *from);
    for (int32_t i = 0; i < state->partitions; i++)
        from[i] = i < state->count && state->at[i].known ? state->at[i].offset : -1;
    if (link_read_at(link, topic, from, err) || look(state, common, link, err))
        return err->code;
    judge(state, link);
    return ERR_OK;
}

bool topics_state_recounted(const struct topics_state *state)
{
    return state->partitions_before > 0 && state->partitions_before != state->partitions;
}

void topics_state_release(struct topics_state *state)
{
    free(state->at);
    *state = (struct topics_state){0};
}
