/* The command from protobuf (curfew.v1.Command), with every text checked. */
#include "curfew/v1/command.pb-c.h"

#include "base/limits.h"
#include "model/command.h"
#include "model/pb.h"

typedef Curfew__V1__Command Pb;
typedef Curfew__V1__Filter PbFilter;

struct reader {
    struct command *command;
    struct error *err;
    size_t filter_nodes;
    size_t filter_values;
};

static enum error_code get_text(struct reader *reader, ProtobufCBinaryData bytes, size_t max,
                                const char *what, const char **ret)
{
    struct text text;
    enum error_code code = pb_text(bytes, max, what, &text, reader->err);
    if (code)
        return code;
    *ret = arena_text(reader->command->arena, text);
    return *ret ? ERR_OK : error_set(reader->err, ERR_TOO_LARGE, "the command is too large");
}

static enum error_code get_uuid(struct reader *reader, ProtobufCBinaryData bytes, const char *what,
                                struct uuid *ret)
{
    if (uuid_read(pb_raw(bytes), ret, reader->err))
        return bytes.len == 0
                   ? error_set(reader->err, ERR_INVALID, "%s is missing: give a UUID", what)
                   : error_wrap(reader->err, "%s", what);
    if (uuid_is_nil(ret))
        return error_set(reader->err, ERR_INVALID, "%s is the nil UUID", what);
    return ERR_OK;
}

static enum error_code get_wall(struct reader *reader, const Google__Protobuf__Timestamp *at,
                                const char *what, struct wall *ret)
{
    const int64_t last_second = 253402300799; /* 9999-12-31T23:59:59Z, the contract's last moment */
    if (!at)
        return ERR_OK;
    if (at->seconds < 0 || at->seconds > last_second || at->nanos < 0 || at->nanos > 999999999)
        return error_set(reader->err, ERR_INVALID, "%s is not a time between 1970 and 9999", what);
    ret->ms = at->seconds * 1000 + at->nanos / 1000000;
    return ERR_OK;
}

static enum error_code get_duration(struct reader *reader, const Google__Protobuf__Duration *at,
                                    const char *what, int64_t *ret_ms)
{
    const int64_t year_s = 366LL * 86400;
    if (!at)
        return ERR_OK;
    if (at->seconds < 0 || at->seconds > year_s || at->nanos < 0 || at->nanos > 999999999)
        return error_set(reader->err, ERR_INVALID, "%s is not a duration between 0 and a year",
                         what);
    *ret_ms = at->seconds * 1000 + at->nanos / 1000000;
    return ERR_OK;
}

static enum error_code get_filter(struct reader *reader, const PbFilter *from, unsigned depth,
                                  struct filter **ret);

static enum error_code get_children(struct reader *reader, PbFilter *const *from, size_t count,
                                    unsigned depth, struct filter *filter)
{
    filter->children = arena_take(reader->command->arena, count, sizeof filter->children[0]);
    if (!filter->children)
        return error_set(reader->err, ERR_TOO_LARGE, "the filter is too large");
    filter->child_count = count;
    for (size_t i = 0; i < count; i++)
        if (get_filter(reader, from[i], depth + 1, &filter->children[i]))
            return reader->err->code;
    return ERR_OK;
}

static enum error_code get_condition(struct reader *reader, const Curfew__V1__Condition *from,
                                     struct filter *filter)
{
    filter->kind = FILTER_CONDITION;
    if ((unsigned)from->comparison >= COMPARISON_COUNT || from->comparison == 0)
        return error_set(reader->err, ERR_INVALID, "a filter condition has no known comparison");
    filter->comparison = (enum comparison)from->comparison;
    reader->filter_values += from->n_values;
    if (reader->filter_values > LIMIT_FILTER_VALUES)
        return error_set(reader->err, ERR_TOO_LARGE, "the filter has more than %d values",
                         LIMIT_FILTER_VALUES);
    filter->value_count = from->n_values;
    filter->values = arena_take(reader->command->arena, from->n_values, sizeof filter->values[0]);
    if (!filter->values)
        return error_set(reader->err, ERR_TOO_LARGE, "the filter is too large");
    enum error_code code =
        get_text(reader, from->field, LIMIT_NAME_BYTES, "filter field", &filter->field);
    for (size_t i = 0; !code && i < from->n_values; i++)
        code =
            get_text(reader, from->values[i], LIMIT_TEXT_BYTES, "filter value", &filter->values[i]);
    return code;
}

static enum error_code get_filter(struct reader *reader, const PbFilter *from, unsigned depth,
                                  struct filter **ret)
{
    if (depth > LIMIT_FILTER_DEPTH || ++reader->filter_nodes > LIMIT_FILTER_NODES)
        return error_set(reader->err, ERR_TOO_LARGE,
                         "the filter is deeper than %d or has more than %d parts",
                         LIMIT_FILTER_DEPTH, LIMIT_FILTER_NODES);
    struct filter *filter = arena_take(reader->command->arena, 1, sizeof *filter);
    if (!filter)
        return error_set(reader->err, ERR_TOO_LARGE, "the filter is too large");
    *ret = filter;
    switch (from->node_case) {
    case CURFEW__V1__FILTER__NODE_ALL:
        filter->kind = FILTER_ALL;
        return get_children(reader, from->all->filters, from->all->n_filters, depth, filter);
    case CURFEW__V1__FILTER__NODE_ANY:
        filter->kind = FILTER_ANY;
        return get_children(reader, from->any->filters, from->any->n_filters, depth, filter);
    case CURFEW__V1__FILTER__NODE_NOT:
        filter->kind = FILTER_NOT;
        return get_children(reader, &from->not_, 1, depth, filter);
    case CURFEW__V1__FILTER__NODE_CONDITION:
        return get_condition(reader, from->condition, filter);
    default:
        return ERR_OK; /* empty: guard/ refuses it with the reason */
    }
}

static enum error_code get_sessions(struct reader *reader, const Curfew__V1__SessionUuids *from)
{
    struct selector *selector = &reader->command->selector;
    selector->kind = SELECTOR_SESSIONS;
    if (from->n_uuids > LIMIT_TARGETS)
        return error_set(reader->err, ERR_TOO_LARGE, "%zu sessions are named, at most %d are taken",
                         from->n_uuids, LIMIT_TARGETS);
    selector->sessions =
        arena_take(reader->command->arena, from->n_uuids, sizeof selector->sessions[0]);
    if (!selector->sessions)
        return error_set(reader->err, ERR_TOO_LARGE, "the command is too large");
    selector->count = from->n_uuids;
    for (size_t i = 0; i < from->n_uuids; i++)
        if (get_uuid(reader, from->uuids[i], "session", &selector->sessions[i]))
            return ERR_INVALID;
    return ERR_OK;
}

static enum error_code get_guard(struct reader *reader, const Curfew__V1__Guard *from,
                                 struct guard *guard)
{
    guard->user = guard->application = "";
    if (!from)
        return ERR_OK;
    enum error_code code =
        get_text(reader, from->user, LIMIT_NAME_BYTES, "guard user", &guard->user);
    if (!code)
        code = get_text(reader, from->application, LIMIT_NAME_BYTES, "guard application",
                        &guard->application);
    if (!code && server_time_read(pb_raw(from->started_at), &guard->started_at, reader->err))
        code = error_wrap(reader->err, "guard started_at");
    return code;
}

static enum error_code get_guards(struct reader *reader, const Curfew__V1__SessionNumbers *from)
{
    struct selector *selector = &reader->command->selector;
    if (!from->n_guards)
        return ERR_OK;
    if (from->n_guards != from->n_numbers || from->guard)
        return error_set(reader->err, ERR_INVALID,
                         "there are %zu guards for %zu numbers%s: give each number one, or all of "
                         "them 'guard'",
                         from->n_guards, from->n_numbers, from->guard ? " and one for all" : "");
    selector->guards =
        arena_take(reader->command->arena, from->n_guards, sizeof selector->guards[0]);
    if (!selector->guards)
        return error_set(reader->err, ERR_TOO_LARGE, "the command is too large");
    enum error_code code = ERR_OK;
    for (size_t i = 0; i < from->n_guards && !code; i++)
        code = get_guard(reader, from->guards[i], &selector->guards[i]);
    return code;
}

static enum error_code get_numbers(struct reader *reader, const Curfew__V1__SessionNumbers *from)
{
    struct selector *selector = &reader->command->selector;
    selector->kind = SELECTOR_NUMBERS;
    if (from->n_numbers > LIMIT_TARGETS)
        return error_set(reader->err, ERR_TOO_LARGE, "%zu numbers are named, at most %d are taken",
                         from->n_numbers, LIMIT_TARGETS);
    selector->numbers =
        arena_take(reader->command->arena, from->n_numbers, sizeof selector->numbers[0]);
    if (!selector->numbers)
        return error_set(reader->err, ERR_TOO_LARGE, "the command is too large");
    selector->count = from->n_numbers;
    for (size_t i = 0; i < from->n_numbers; i++)
        selector->numbers[i] = from->numbers[i];
    enum error_code code =
        get_text(reader, from->infobase, LIMIT_NAME_BYTES, "infobase", &selector->infobase);
    if (!code)
        code = get_guard(reader, from->guard, &selector->guard);
    return code ? code : get_guards(reader, from);
}

static enum error_code get_selector(struct reader *reader, const Curfew__V1__Selector *from)
{
    if (!from)
        return ERR_OK;
    switch (from->by_case) {
    case CURFEW__V1__SELECTOR__BY_SESSIONS:
        return get_sessions(reader, from->sessions);
    case CURFEW__V1__SELECTOR__BY_NUMBERS:
        return get_numbers(reader, from->numbers);
    case CURFEW__V1__SELECTOR__BY_FILTER:
        reader->command->selector.kind = SELECTOR_FILTER;
        return get_filter(reader, from->filter, 1, &reader->command->selector.filter);
    default:
        return ERR_OK;
    }
}

static enum error_code get_options(struct reader *reader, const Curfew__V1__Options *from)
{
    struct options *options = &reader->command->options;
    if (!from)
        return ERR_OK;
    options->dry_run = from->dry_run != 0;
    options->until_empty = from->until_empty != 0;
    options->disconnect_connections = from->disconnect_connections != 0;
    options->interrupt_calls = from->interrupt_calls != 0;
    options->max_targets = from->max_targets;
    if ((unsigned)from->standard_processing > STANDARD_PROCESSING_OFF)
        return error_set(reader->err, ERR_INVALID, "standard_processing has the unknown value %d",
                         (int)from->standard_processing);
    options->standard_processing = (enum standard_processing)from->standard_processing;
    enum error_code code = get_duration(reader, from->grace, "grace", &options->grace_ms);
    if (!code)
        code = get_text(reader, from->message, LIMIT_TEXT_BYTES, "message", &options->message);
    if (!code && from->exclude)
        code = get_filter(reader, from->exclude, 1, &options->exclude);
    return code;
}

static enum error_code get_drain(struct reader *reader, const Curfew__V1__Drain *from)
{
    struct command *command = reader->command;
    command->action = ACTION_DRAIN;
    command->keep_jobs = from->keep_jobs != 0;
    enum error_code code =
        get_text(reader, from->infobase, LIMIT_NAME_BYTES, "infobase", &command->infobase);
    if (!code)
        code = get_duration(reader, from->hold, "hold", &command->hold_ms);
    if (!code)
        code = get_duration(reader, from->deadline, "deadline", &command->drain_deadline_ms);
    return code ? code : get_options(reader, from->options);
}

static enum error_code get_approve(struct reader *reader, const Curfew__V1__Approve *from)
{
    struct command *command = reader->command;
    command->action = ACTION_APPROVE;
    enum error_code code = get_uuid(reader, from->command_id, "command_id", &command->other_id);
    return code ? code
                : get_text(reader, from->resolved_digest, 64, "resolved_digest",
                           &command->resolved_digest);
}

static enum error_code get_accept_topics(struct reader *reader,
                                         const Curfew__V1__AcceptTopics *from)
{
    struct accept_topics *accept = &reader->command->accept_topics;
    reader->command->action = ACTION_ACCEPT_TOPICS;
    if (from->partitions_before < 0 || from->partitions < 0)
        return error_set(reader->err, ERR_INVALID,
                         "accept_topics: a negative number of partitions");
    accept->partitions_before = from->partitions_before;
    accept->partitions = from->partitions;
    if (from->n_last_digests > LIMIT_PARTITIONS_NAMED)
        return error_set(reader->err, ERR_TOO_LARGE, "accept_topics: at most %d digests are taken",
                         LIMIT_PARTITIONS_NAMED);
    accept->last_digests =
        arena_take(reader->command->arena, from->n_last_digests, sizeof accept->last_digests[0]);
    if (!accept->last_digests)
        return error_set(reader->err, ERR_TOO_LARGE, "the command is too large");
    enum error_code code = ERR_OK;
    for (size_t i = 0; i < from->n_last_digests && !code; i++, accept->digest_count++)
        code =
            get_text(reader, from->last_digests[i], 64, "last_digests", &accept->last_digests[i]);
    return code;
}

static enum error_code get_action(struct reader *reader, const Pb *from)
{
    struct command *command = reader->command;
    switch (from->action_case) {
    case CURFEW__V1__COMMAND__ACTION_TERMINATE: {
        command->action = ACTION_TERMINATE;
        enum error_code code = get_selector(reader, from->terminate->selector);
        return code ? code : get_options(reader, from->terminate->options);
    }
    case CURFEW__V1__COMMAND__ACTION_DRAIN:
        return get_drain(reader, from->drain);
    case CURFEW__V1__COMMAND__ACTION_RESTORE:
        command->action = ACTION_RESTORE;
        return get_text(reader, from->restore->infobase, LIMIT_NAME_BYTES, "infobase",
                        &command->infobase);
    case CURFEW__V1__COMMAND__ACTION_CANCEL:
        command->action = ACTION_CANCEL;
        return get_uuid(reader, from->cancel->command_id, "command_id", &command->other_id);
    case CURFEW__V1__COMMAND__ACTION_APPROVE:
        return get_approve(reader, from->approve);
    case CURFEW__V1__COMMAND__ACTION_KILL_SWITCH:
        command->action = ACTION_KILL_SWITCH;
        command->kill_switch_engaged = from->kill_switch->engaged != 0;
        return ERR_OK;
    case CURFEW__V1__COMMAND__ACTION_ACCEPT_TOPICS:
        return get_accept_topics(reader, from->accept_topics);
    default:
        return ERR_OK; /* none: guard/ refuses it with the reason */
    }
}

static enum error_code get_head(struct reader *reader, const Pb *from)
{
    struct command *command = reader->command;
    if ((unsigned)from->origin >= ORIGIN_COUNT)
        return error_set(reader->err, ERR_INVALID, "origin has the unknown value %d",
                         (int)from->origin);
    command->origin = (enum origin)from->origin;
    enum error_code code = get_uuid(reader, from->id, "id", &command->id);
    if (!code)
        code = get_wall(reader, from->requested_at, "requested_at", &command->requested_at);
    if (!code)
        code = get_wall(reader, from->expires_at, "expires_at", &command->expires_at);
    if (!code)
        code = get_text(reader, from->requested_by, LIMIT_NAME_BYTES, "requested_by",
                        &command->requested_by);
    if (!code)
        code = get_text(reader, from->reason, LIMIT_TEXT_BYTES, "reason", &command->reason);
    if (!code)
        code = get_text(reader, from->correlation_id, LIMIT_NAME_BYTES, "correlation_id",
                        &command->correlation_id);
    if (!code)
        code = get_text(reader, from->reply_topic, LIMIT_NAME_BYTES, "reply_topic",
                        &command->reply_topic);
    if (!code)
        code = get_text(reader, from->cluster, LIMIT_NAME_BYTES, "cluster", &command->cluster);
    return code;
}

enum error_code command_decode(struct text bytes, struct command **ret, struct error *err)
{
    struct error unused; /* wrapping needs one to wrap */
    if (!err)
        err = &unused;
    struct pb_memory memory;
    Pb *message = (Pb *)pb_unpack(&memory, &curfew__v1__command__descriptor, bytes,
                                  LIMIT_COMMAND_DECODE_BYTES);
    if (!message)
        return error_set(err, ERR_UNDECODABLE, "the bytes are not a curfew.v1.Command in protobuf");
    AUTO(command)
    command = command_create_for(bytes.length > UUID_TEXT_SIZE ? bytes.length - UUID_TEXT_SIZE : 0);
    struct reader reader = {.command = command, .err = err};
    enum error_code code = get_head(&reader, message);
    if (!code)
        code = get_action(&reader, message);
    pb_memory_release(&memory);
    if (!code)
        *ret = STEAL(command);
    return code;
}
