/* curfew status: what the journal says: who owns which partition, and which commands are open; and
 * what the control topic says of the kill switch. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "cli/common.h"
#include "cli/journal.h"
#include "cli/kill_switch.h"
#include "cli/main_table.h"
#include "cli/say.h"
#include "cli/table.h"
#include "cli/topics_state.h"

enum { AGE_TEXT_MAX = 32, SECOND_MS = 1000, MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

struct status {
    struct cli_common common;
    struct say out;
    struct say talk;
    struct wall now;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct status *status = state->input;
    (void)arg;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    cli_children_init(state, &status->common);
    return 0;
}

const struct argp cmd_status_argp = {
    NULL,
    parse,
    NULL,
    "Says whether the kill switch is engaged, who owns which partition, which commands are open, "
    "which locks are held, and which locks of ours stand where they should not.\n\n"
    "Examples:\n"
    "  curfew status --brokers kafka-1:9092\n"
    "  curfew status --json | jq '.open[] | select(.age_s > 60)'\n"
    "  curfew status --json | jq .kill_switch\n"
    "\vReads the whole journal and folds it as the worker does, then the control topic: it needs "
    "no worker to answer. Which orders about the kill switch count is said by the policy of "
    "--config, or the default one; a worker that was stopped by a signal is not shown. Exit status "
    "1: the journal is damaged, or records are missing; what was printed is what the rest says.",
    cli_children,
    NULL,
    NULL};

/* ---- output ---- */

static const char *age_text(int64_t ms, char *ret)
{
    int64_t s = ms > 0 ? ms / SECOND_MS : 0;
    if (s < MINUTE_S)
        snprintf(ret, AGE_TEXT_MAX, "%" PRId64 "s", s);
    else if (s < HOUR_S)
        snprintf(ret, AGE_TEXT_MAX, "%" PRId64 "m %" PRId64 "s", s / MINUTE_S, s % MINUTE_S);
    else if (s < DAY_S)
        snprintf(ret, AGE_TEXT_MAX, "%" PRId64 "h %" PRId64 "m", s / HOUR_S, s % HOUR_S / MINUTE_S);
    else
        snprintf(ret, AGE_TEXT_MAX, "%" PRId64 "d %" PRId64 "h", s / DAY_S, s % DAY_S / HOUR_S);
    return ret;
}

static const char *switch_state(const struct kill_switch *state)
{
    if (!state || state->untold)
        return "not known";
    return state->engaged ? "engaged" : "not engaged";
}

static void print_switch(const struct status *status, const struct kill_switch *state)
{
    static const struct table_column columns[] = {{"KILL SWITCH", TABLE_LEFT},
                                                  {"SINCE", TABLE_LEFT},
                                                  {"BY", TABLE_LEFT},
                                                  {"WHY", TABLE_LEFT},
                                                  {"ORDER", TABLE_LEFT}};
    AUTO(table) table = table_create(&status->out, columns, sizeof columns / sizeof *columns);
    char age[AGE_TEXT_MAX];
    table_row(table);
    table_cell(table, 0, text_of(switch_state(state)));
    if (!state || state->untold || state->engaged)
        table_paint(table, 0, PAINT_BAD);
    if (state && !uuid_is_nil(&state->order)) {
        if (state->since.ms)
            table_format(table, 1, "%s ago", age_text(status->now.ms - state->since.ms, age));
        table_cell(table, 2, text_of(state->by));
        table_cell(table, 3, text_of(state->reason));
        table_cell(table, 4, text_of(uuid_format(&state->order).text));
    }
    table_print(table);
    fputc('\n', status->out.to);
}

/* Its OWNER may be among the records that are gone. */
static const char *owner_text(const struct trace_partition *partition)
{
    if (partition->owner.number)
        return partition->instance;
    return partition->extent.low > 0 ? "not known" : "nobody yet";
}

static void print_partitions(const struct status *status, const struct trace *trace)
{
    static const struct table_column columns[] = {
        {"PARTITION", TABLE_RIGHT}, {"OWNER", TABLE_LEFT},   {"EPOCH", TABLE_RIGHT},
        {"SINCE", TABLE_LEFT},      {"OPEN", TABLE_RIGHT},   {"FIRST", TABLE_RIGHT},
        {"RECORDS", TABLE_RIGHT},   {"DAMAGED", TABLE_RIGHT}};
    AUTO(table) table = table_create(&status->out, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < trace_partitions(trace); i++) {
        const struct trace_partition *partition = trace_partition(trace, i);
        char age[AGE_TEXT_MAX];
        table_row(table);
        table_format(table, 0, "%" PRId32, i);
        table_cell(table, 1, text_of(owner_text(partition)));
        if (partition->chain.owner.number)
            table_format(table, 2, "%" PRIu64, partition->chain.owner.number);
        if (partition->owner.number)
            table_format(table, 3, "%s ago",
                         age_text(status->now.ms - partition->owner_since.ms, age));
        table_format(table, 4, "%" PRIu32, partition->open);
        table_format(table, 5, "%" PRId64, partition->extent.low);
        if (trace_faults(trace, i))
            table_paint(table, 5, PAINT_BAD);
        table_format(table, 6, "%" PRIu64, partition->records);
        table_format(table, 7, "%" PRIu64, partition->chain.damaged + partition->chain.holes);
        if (partition->chain.damaged + partition->chain.holes)
            table_paint(table, 7, PAINT_BAD);
    }
    table_print(table);
}

static void print_open(const struct status *status, const struct trace_command *commands,
                       size_t count)
{
    static const struct table_column columns[] = {{"COMMAND", TABLE_LEFT}, {"CLUSTER", TABLE_LEFT},
                                                  {"AGE", TABLE_LEFT},     {"STATE", TABLE_LEFT},
                                                  {"LEFT", TABLE_RIGHT},   {"OF", TABLE_RIGHT},
                                                  {"ASKED BY", TABLE_LEFT}};
    AUTO(table) table = table_create(&status->out, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        const struct trace_command *command = &commands[i];
        char age[AGE_TEXT_MAX];
        table_row(table);
        table_cell(table, 0, text_of(uuid_format(&command->id).text));
        table_cell(table, 1, text_of(command->cluster));
        table_cell(table, 2, text_of(age_text(status->now.ms - command->accepted_at.ms, age)));
        table_cell(table, 3, text_of(record_kind_label(command->last)));
        if (command->last != RECORD_ACCEPTED) {
            table_format(table, 4, "%" PRIu32, command->targets - command->decided);
            table_format(table, 5, "%" PRIu32, command->targets);
        }
        table_cell(table, 6, text_of(command->requested_by));
    }
    if (count)
        fputc('\n', status->out.to);
    table_print(table);
}

static void print_holds(const struct status *status, const struct trace_command *commands,
                        size_t count)
{
    static const struct table_column columns[] = {{"LOCKED", TABLE_LEFT},
                                                  {"CLUSTER", TABLE_LEFT},
                                                  {"SINCE", TABLE_LEFT},
                                                  {"STATE", TABLE_LEFT},
                                                  {"UNTIL AT THE LATEST", TABLE_LEFT},
                                                  {"FOR", TABLE_LEFT},
                                                  {"COMMAND", TABLE_LEFT}};
    AUTO(table) table = table_create(&status->out, columns, sizeof columns / sizeof *columns);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        const struct trace_hold *hold = &commands[i].holds;
        char age[AGE_TEXT_MAX];
        if (!hold->locked)
            continue;
        any = true;
        table_row(table);
        table_cell(table, 0, text_of(hold->name[0] ? hold->name : hold->infobase));
        table_cell(table, 1, text_of(commands[i].cluster));
        table_format(table, 2, "%s ago", age_text(status->now.ms - hold->since.ms, age));
        table_cell(table, 3, text_of(hold->empty ? "empty" : "emptying"));
        table_cell(table, 4, text_of(wall_format(hold->until).text));
        table_cell(table, 5, text_of(commands[i].requested_by));
        table_cell(table, 6, text_of(uuid_format(&commands[i].id).text));
    }
    if (!any)
        return;
    fputc('\n', status->out.to);
    table_print(table);
}

static const char *stray_state(const struct trace_stray *stray)
{
    return stray->removing ? "being removed" : "not explained";
}

static void print_strays(const struct status *status, const struct trace_stray *strays,
                         size_t count)
{
    static const struct table_column columns[] = {{"STRAY LOCK", TABLE_LEFT},
                                                  {"CLUSTER", TABLE_LEFT},
                                                  {"FOUND", TABLE_LEFT},
                                                  {"STATE", TABLE_LEFT},
                                                  {"OF COMMAND", TABLE_LEFT}};
    AUTO(table) table = table_create(&status->out, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        char age[AGE_TEXT_MAX];
        table_row(table);
        table_cell(table, 0, text_of(strays[i].infobase));
        table_cell(table, 1, text_of(strays[i].cluster));
        table_format(table, 2, "%s ago", age_text(status->now.ms - strays[i].since.ms, age));
        table_cell(table, 3, text_of(stray_state(&strays[i])));
        table_paint(table, 3, PAINT_BAD);
        table_cell(table, 4, text_of(uuid_format(&strays[i].mark).text));
    }
    if (!count)
        return;
    fputc('\n', status->out.to);
    table_print(table);
}

/* NULL for what is empty or not known. */
static json_t *text_json(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *time_json(struct wall at)
{
    return text_json(at.ms ? wall_format(at).text : "");
}

static json_t *order_json(const struct uuid *order)
{
    return text_json(uuid_is_nil(order) ? "" : uuid_format(order).text);
}

static json_t *refused_json(const struct kill_switch *state)
{
    if (uuid_is_nil(&state->refused.order))
        return json_null();
    return json_pack("{s:o, s:b, s:o, s:o, s:s, s:s}", "order", order_json(&state->refused.order),
                     "engages", (int)state->refused.engages, "at", time_json(state->refused.at),
                     "by", text_json(state->refused.by), "code",
                     error_label(state->refused.why.code), "reason", state->refused.why.message);
}

static json_t *switch_json(const struct kill_switch *state)
{
    if (!state || state->untold)
        return json_null();
    json_t *json = json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "engaged", (int)state->engaged,
                             "since", time_json(state->since), "by", text_json(state->by), "reason",
                             text_json(state->reason), "order", order_json(&state->order),
                             "refused", refused_json(state));
    CHECK(json);
    return json;
}

static json_t *stray_json(const struct trace_stray *stray)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "infobase", stray->infobase,
                             "infobase_uuid", uuid_format(&stray->uuid).text, "cluster",
                             stray->cluster, "found", wall_format(stray->since).text, "state",
                             stray_state(stray), "command", uuid_format(&stray->mark).text);
    CHECK(json);
    return json;
}

static json_t *hold_json(const struct trace_command *command)
{
    const struct trace_hold *hold = &command->holds;
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s}", "infobase", hold->infobase,
                  "infobase_name", hold->name, "infobase_uuid", uuid_format(&hold->uuid).text,
                  "cluster", command->cluster, "since", wall_format(hold->since).text, "until",
                  wall_format(hold->until).text, "empty", (int)hold->empty, "requested_by",
                  command->requested_by, "command", uuid_format(&command->id).text);
    CHECK(json);
    return json;
}

/* Where the log begins and ends, what the group's offset promised, and what is missing. */
static json_t *extent_json(const struct trace *trace, int32_t i)
{
    const struct extent *extent = &trace_partition(trace, i)->extent;
    const struct extent_promise *promise = &extent->promise;
    unsigned faults = trace_faults(trace, i);
    json_t *missing = json_array();
    json_t *promised = promise->known
                           ? json_pack("{s:I, s:I}", "commands", (json_int_t)promise->commands,
                                       "journal", (json_int_t)promise->journal)
                           : json_null();
    for (unsigned fault = EXTENT_BEGINNING; fault <= EXTENT_LAST; fault <<= 1)
        if (faults & fault)
            json_array_append_new(missing, json_string(extent_fault_label(fault)));
    json_t *counted = extent->counted_from >= 0 ? json_integer(extent->counted_from) : json_null();
    json_t *json = json_pack("{s:I, s:I, s:o, s:o, s:o}", "first_offset", (json_int_t)extent->low,
                             "end_offset", (json_int_t)extent->end, "counted_from", counted,
                             "promised", promised, "missing", missing);
    CHECK(json);
    return json;
}

static json_t *partition_json(const struct trace *trace, int32_t i)
{
    const struct trace_partition *partition = trace_partition(trace, i);
    const struct epoch *owner = &partition->chain.owner;
    bool owned = partition->owner.number > 0;
    AUTO_BUF doubt;
    buf_init(&doubt, 2 * ERROR_MESSAGE_MAX);
    trace_say_doubt(trace, i, &doubt);
    json_t *json = json_pack(
        "{s:i, s:s?, s:I, s:s?, s:s?, s:I, s:I, s:I, s:I, s:s?}", "partition", (int)i, "owner",
        owned ? partition->instance : NULL, "epoch", (json_int_t)owner->number, "writer",
        owner->number ? uuid_format(&owner->writer).text : NULL, "since",
        owned ? wall_format(partition->owner_since).text : NULL, "open",
        (json_int_t)partition->open, "records", (json_int_t)partition->records, "damaged",
        (json_int_t)(partition->chain.damaged + partition->chain.holes), "repeats",
        (json_int_t)partition->chain.repeats, "doubt", doubt.length ? buf_text(&doubt) : NULL);
    CHECK(json);
    json_object_update_missing_new(json, extent_json(trace, i));
    return json;
}

static json_t *command_json(const struct status *status, const struct trace_command *command)
{
    json_t *json = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "id",
                             uuid_format(&command->id).text, "partition", (int)command->partition,
                             "cluster", command->cluster, "requested_by", command->requested_by,
                             "state", record_kind_label(command->last), "accepted_at",
                             wall_format(command->accepted_at).text, "age_s",
                             (json_int_t)((status->now.ms - command->accepted_at.ms) / SECOND_MS),
                             "targets", (json_int_t)command->targets, "targets_left",
                             (json_int_t)(command->targets - command->decided));
    CHECK(json);
    return json;
}

static void print_json(const struct status *status, const struct trace *trace,
                       const struct trace_command *commands, size_t count,
                       const struct kill_switch *kill_switch)
{
    json_t *partitions = json_array(), *open = json_array(), *locks = json_array(),
           *strays = json_array();
    size_t stray_count;
    AUTO_FREE struct trace_stray *stray = trace_strays(trace, &stray_count);
    for (size_t i = 0; i < stray_count; i++)
        json_array_append_new(strays, stray_json(&stray[i]));
    for (int32_t i = 0; i < trace_partitions(trace); i++)
        json_array_append_new(partitions, partition_json(trace, i));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(open, command_json(status, &commands[i]));
    for (size_t i = 0; i < count; i++)
        if (commands[i].holds.locked)
            json_array_append_new(locks, hold_json(&commands[i]));
    json_t *whole =
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "kill_switch", switch_json(kill_switch),
                  "partitions", partitions, "open", open, "locks", locks, "strays", strays);
    CHECK(whole);
    json_dumpf(whole, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(whole);
}

static int tell(struct status *status, const struct trace *trace,
                const struct kill_switch *kill_switch)
{
    size_t count;
    AUTO_FREE struct trace_command *commands = trace_open(trace, &count);
    if (status->common.json) {
        print_json(status, trace, commands, count, kill_switch);
    } else {
        print_switch(status, kill_switch);
        print_partitions(status, trace);
        print_open(status, commands, count);
        print_holds(status, commands, count);
        size_t stray_count;
        AUTO_FREE struct trace_stray *strays = trace_strays(trace, &stray_count);
        print_strays(status, strays, stray_count);
    }
    return journal_tell_doubts(trace, &status->talk);
}

/* The worker takes no commands then; the journal alone does not show it. */
static void tell_topics(struct status *status, struct cli_setup *setup, struct topics_state *topics)
{
    struct error err;
    if (topics_state_compare(topics, &status->common, setup, &err))
        say_line(&status->talk, "the commands topic could not be looked at: %s", err.message);
    else if (topics->gone || topics_state_recounted(topics))
        say_line(&status->talk,
                 "%sthe commands topic is not the one that the journal speaks of%s (%s): no "
                 "commands are taken until 'curfew topics accept'",
                 say_on(&status->talk, PAINT_BAD), say_off(&status->talk),
                 topics->gone ? "made anew" : "another number of partitions");
}

/* NULL: it is not known, which is said. */
static const struct kill_switch *look_at_switch(struct status *status, struct cli_setup *setup,
                                                struct kill_switch *ret)
{
    struct error err;
    if (kill_switch_read(&status->common, setup, ret, &err)) {
        say_line(&status->talk, "%sthe kill switch is not known%s: %s",
                 say_on(&status->talk, PAINT_BAD), say_off(&status->talk), err.message);
        return NULL;
    }
    if (ret->untold)
        say_line(
            &status->talk,
            "%sthe kill switch is not known%s: the beginning of '%s' is gone, and a worker may "
            "have read more; its metric curfew_kill_switch tells",
            say_on(&status->talk, PAINT_BAD), say_off(&status->talk),
            setup->config->topics.control);
    if (!uuid_is_nil(&ret->refused.order))
        say_line(&status->talk, "%s of the kill switch was refused (order %s): %s",
                 ret->refused.engages ? "an engaging" : "a release",
                 uuid_format(&ret->refused.order).text, ret->refused.why.message);
    return ret;
}

int cmd_status(int argc, char **argv)
{
    struct status status = {0};
    struct clock clock = clock_real();
    struct cli_setup setup;
    struct error err;
    cli_common_init(&status.common);
    cli_parse(&cmd_status_argp, argc, argv, &status);
    status.out = say_open(stdout, status.common.no_color);
    status.talk = say_open(stderr, status.common.no_color);
    status.now = clock_wall(&clock);
    if (cli_setup_load(&status.common, false, &setup, NULL, &err))
        return say_error("status", &err);
    AUTO(trace) trace = NULL;
    struct topics_state topics = {0};
    struct kill_switch kill_switch;
    int exit_status;
    if (journal_read(&status.common, &setup, &status.talk, topics_state_visit, &topics, &trace,
                     &err)) {
        exit_status = say_error("status", &err);
    } else {
        exit_status = tell(&status, trace, look_at_switch(&status, &setup, &kill_switch));
        tell_topics(&status, &setup, &topics);
    }
    topics_state_release(&topics);
    cli_setup_release(&setup);
    return exit_status;
}
