#include "cli/topics_accept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/journal.h"
#include "cli/send.h"
#include "cli/topics_state.h"

enum { HEX_SIZE = 2 * sizeof(struct sha256) + 1 };

/* What is released, for people, before it is sent. */
static void tell(const struct topics_state *state, struct say *talk)
{
    if (topics_state_recounted(state))
        say_line(talk,
                 "the commands topic has %" PRId32 " partitions, the journal knows %" PRId32
                 ": clusters may belong to other partitions from now on",
                 state->partitions, state->partitions_before);
    for (int32_t i = 0; i < state->count; i++)
        if (state->at[i].gone)
            say_line(talk,
                     "partition %" PRId32
                     " does not hold the command that was read last, at offset "
                     "%" PRId64 ": it will be read from its beginning",
                     i, state->at[i].offset);
}

static enum error_code check(const struct topics_state *state, int32_t journal, struct error *err)
{
    if (!state->gone && !topics_state_recounted(state))
        return error_set(err, ERR_DENIED,
                         "the commands topic is the one that the journal speaks of: nothing is to "
                         "be accepted");
    if (journal < state->partitions)
        return error_set(err, ERR_UNSAFE,
                         "the journal has %" PRId32 " partitions and the commands topic %" PRId32
                         ": add partitions to the journal first (`kafka-topics.sh --alter`)",
                         journal, state->partitions);
    if (state->gone > LIMIT_PARTITIONS_NAMED)
        return error_set(err, ERR_TOO_LARGE,
                         "%" PRId32 " partitions were made anew, at most %d are released at once: "
                         "make journal and commands under new names instead",
                         state->gone, LIMIT_PARTITIONS_NAMED);
    return ERR_OK;
}

static void name_digests(const struct topics_state *state, char (*hex)[HEX_SIZE],
                         const char **names)
{
    size_t count = 0;
    for (int32_t i = 0; i < state->count; i++) {
        if (!state->at[i].gone)
            continue;
        AUTO_BUF text;
        buf_init(&text, HEX_SIZE);
        text_hex(&text, state->at[i].digest.bytes, sizeof state->at[i].digest.bytes);
        memcpy(hex[count], buf_text(&text), HEX_SIZE);
        names[count] = hex[count];
        count++;
    }
}

static enum error_code make_command(const struct topics_state *state, const struct request *request,
                                    struct command **ret, struct error *err)
{
    struct clock clock = clock_real();
    AUTO_FREE char(*hex)[HEX_SIZE] = mem_alloc((size_t)state->gone + 1, HEX_SIZE);
    AUTO_FREE const char **names = mem_alloc((size_t)state->gone + 1, sizeof *names);
    struct accept_topics what = {.last_digests = names, .digest_count = (size_t)state->gone};
    if (topics_state_recounted(state)) {
        what.partitions_before = state->partitions_before;
        what.partitions = state->partitions;
    }
    name_digests(state, hex, names);
    return request_accept_topics(request, &what, clock_wall(&clock), ret, err);
}

enum error_code topics_accept(const struct cli_common *common, struct cli_setup *setup,
                              const struct request *request, struct error *err)
{
    struct say talk = say_open(stderr, common->no_color);
    struct topics_state state = {0};
    AUTO(trace) trace = NULL;
    AUTO(command) command = NULL;
    enum error_code code =
        journal_read(common, setup, &talk, topics_state_visit, &state, &trace, err);
    if (!code)
        code = topics_state_compare(&state, common, setup, err);
    if (!code)
        code = check(&state, trace_partitions(trace), err);
    if (!code)
        code = make_command(&state, request, &command, err);
    if (!code) {
        tell(&state, &talk);
        code = send_control(common, setup, command, err);
    }
    topics_state_release(&state);
    return code;
}
