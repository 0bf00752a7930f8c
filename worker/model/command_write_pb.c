/* The command into protobuf (curfew.v1.Command), canonical: the same command gives the same bytes.
 * Generated structs are built in a scratch arena, packed, and thrown away. */
#include "curfew/v1/command.pb-c.h"

#include "base/check.h"
#include "base/limits.h"
#include "model/command.h"
#include "model/pb.h"

typedef Curfew__V1__Command Pb;
typedef Curfew__V1__Filter PbFilter;

enum { SCRATCH_BYTES = 2048 }; /* most commands need less: no allocation */

/* An empty message in the scratch arena, which has room for any command. */
#define NEW(scratch, type, prefix)                                                                 \
    __extension__({                                                                                \
        type *made_ = arena_take(scratch, 1, sizeof(type));                                        \
        CHECK(made_);                                                                              \
        prefix##__init(made_);                                                                     \
        made_;                                                                                     \
    })

static Google__Protobuf__Timestamp *put_wall(struct arena *scratch, struct wall wall)
{
    if (wall.ms == 0)
        return NULL;
    Google__Protobuf__Timestamp *at =
        NEW(scratch, Google__Protobuf__Timestamp, google__protobuf__timestamp);
    at->seconds = wall.ms / 1000;
    at->nanos = (int32_t)(wall.ms % 1000) * 1000000;
    return at;
}

static Google__Protobuf__Duration *put_duration(struct arena *scratch, int64_t ms)
{
    if (ms == 0)
        return NULL;
    Google__Protobuf__Duration *at =
        NEW(scratch, Google__Protobuf__Duration, google__protobuf__duration);
    at->seconds = ms / 1000;
    at->nanos = (int32_t)(ms % 1000) * 1000000;
    return at;
}

static ProtobufCBinaryData put_text(const char *text)
{
    return pb_bytes(text_of(text));
}

static ProtobufCBinaryData put_uuid(struct arena *scratch, const struct uuid *uuid)
{
    if (uuid_is_nil(uuid))
        return pb_bytes((struct text){NULL, 0});
    struct uuid_text text = uuid_format(uuid);
    char *copy = arena_text(scratch, text_of(text.text));
    CHECK(copy);
    return put_text(copy);
}

static PbFilter *put_filter(struct arena *scratch, const struct filter *filter);

static Curfew__V1__FilterList *put_filter_list(struct arena *scratch, const struct filter *filter)
{
    Curfew__V1__FilterList *list = NEW(scratch, Curfew__V1__FilterList, curfew__v1__filter_list);
    list->n_filters = filter->child_count;
    list->filters = arena_take(scratch, filter->child_count, sizeof list->filters[0]);
    CHECK(list->filters);
    for (size_t i = 0; i < filter->child_count; i++)
        list->filters[i] = put_filter(scratch, filter->children[i]);
    return list;
}

static Curfew__V1__Condition *put_condition(struct arena *scratch, const struct filter *filter)
{
    Curfew__V1__Condition *condition = NEW(scratch, Curfew__V1__Condition, curfew__v1__condition);
    condition->field = put_text(filter->field);
    condition->comparison = (Curfew__V1__Comparison)filter->comparison;
    condition->n_values = filter->value_count;
    condition->values = arena_take(scratch, filter->value_count, sizeof condition->values[0]);
    CHECK(condition->values);
    for (size_t i = 0; i < filter->value_count; i++)
        condition->values[i] = put_text(filter->values[i]);
    return condition;
}

/* Recursion is bounded by LIMIT_FILTER_DEPTH: decoders refuse deeper trees. */
static PbFilter *put_filter(struct arena *scratch, const struct filter *filter)
{
    if (!filter)
        return NULL;
    PbFilter *made = NEW(scratch, PbFilter, curfew__v1__filter);
    switch (filter->kind) {
    case FILTER_NONE:
        break;
    case FILTER_ALL:
        made->node_case = CURFEW__V1__FILTER__NODE_ALL;
        made->all = put_filter_list(scratch, filter);
        break;
    case FILTER_ANY:
        made->node_case = CURFEW__V1__FILTER__NODE_ANY;
        made->any = put_filter_list(scratch, filter);
        break;
    case FILTER_NOT:
        made->node_case = CURFEW__V1__FILTER__NODE_NOT;
        made->not_ = put_filter(scratch, filter->children[0]);
        break;
    case FILTER_CONDITION:
        made->node_case = CURFEW__V1__FILTER__NODE_CONDITION;
        made->condition = put_condition(scratch, filter);
        break;
    }
    return made;
}

static Curfew__V1__Options *put_options(struct arena *scratch, const struct options *options)
{
    Curfew__V1__Options *made = NEW(scratch, Curfew__V1__Options, curfew__v1__options);
    made->grace = put_duration(scratch, options->grace_ms);
    made->message = put_text(options->message);
    made->dry_run = options->dry_run;
    made->until_empty = options->until_empty;
    made->disconnect_connections = options->disconnect_connections;
    made->interrupt_calls = options->interrupt_calls;
    made->max_targets = options->max_targets;
    made->standard_processing = (Curfew__V1__StandardProcessing)options->standard_processing;
    made->exclude = put_filter(scratch, options->exclude);
    return made;
}

static Curfew__V1__SessionUuids *put_sessions(struct arena *scratch,
                                              const struct selector *selector)
{
    Curfew__V1__SessionUuids *made =
        NEW(scratch, Curfew__V1__SessionUuids, curfew__v1__session_uuids);
    made->n_uuids = selector->count;
    made->uuids = arena_take(scratch, selector->count, sizeof made->uuids[0]);
    CHECK(made->uuids);
    for (size_t i = 0; i < selector->count; i++)
        made->uuids[i] = put_uuid(scratch, &selector->sessions[i]);
    return made;
}

static ProtobufCBinaryData put_time(struct arena *scratch, struct server_time time)
{
    struct server_time_text text = server_time_format(time);
    char *copy = arena_text(scratch, text_of(text.text));
    CHECK(copy);
    return put_text(copy);
}

static Curfew__V1__Guard *put_guard(struct arena *scratch, const struct guard *guard)
{
    Curfew__V1__Guard *made = NEW(scratch, Curfew__V1__Guard, curfew__v1__guard);
    made->user = put_text(guard->user);
    made->application = put_text(guard->application);
    made->started_at = put_time(scratch, guard->started_at);
    return made;
}

static Curfew__V1__SessionNumbers *put_numbers(struct arena *scratch,
                                               const struct selector *selector)
{
    Curfew__V1__SessionNumbers *made =
        NEW(scratch, Curfew__V1__SessionNumbers, curfew__v1__session_numbers);
    made->infobase = put_text(selector->infobase);
    made->n_numbers = selector->count;
    made->numbers = selector->numbers;
    const struct guard *guard = &selector->guard;
    if (guard->user[0] || guard->application[0] || guard->started_at.ticks)
        made->guard = put_guard(scratch, guard);
    if (!selector->guards)
        return made;
    made->n_guards = selector->count;
    made->guards = arena_take(scratch, selector->count, sizeof *made->guards);
    CHECK(made->guards);
    for (size_t i = 0; i < selector->count; i++)
        made->guards[i] = put_guard(scratch, &selector->guards[i]);
    return made;
}

static Curfew__V1__Selector *put_selector(struct arena *scratch, const struct selector *selector)
{
    Curfew__V1__Selector *made = NEW(scratch, Curfew__V1__Selector, curfew__v1__selector);
    switch (selector->kind) {
    case SELECTOR_NONE:
        break;
    case SELECTOR_SESSIONS:
        made->by_case = CURFEW__V1__SELECTOR__BY_SESSIONS;
        made->sessions = put_sessions(scratch, selector);
        break;
    case SELECTOR_NUMBERS:
        made->by_case = CURFEW__V1__SELECTOR__BY_NUMBERS;
        made->numbers = put_numbers(scratch, selector);
        break;
    case SELECTOR_FILTER:
        made->by_case = CURFEW__V1__SELECTOR__BY_FILTER;
        made->filter = selector->filter ? put_filter(scratch, selector->filter)
                                        : NEW(scratch, PbFilter, curfew__v1__filter);
        break;
    }
    return made;
}

static void put_drain(struct arena *scratch, const struct command *command, Pb *message)
{
    message->drain = NEW(scratch, Curfew__V1__Drain, curfew__v1__drain);
    message->drain->infobase = put_text(command->infobase);
    message->drain->hold = put_duration(scratch, command->hold_ms);
    message->drain->deadline = put_duration(scratch, command->drain_deadline_ms);
    message->drain->keep_jobs = command->keep_jobs;
    message->drain->options = put_options(scratch, &command->options);
}

static Curfew__V1__AcceptTopics *put_accept_topics(struct arena *scratch,
                                                   const struct accept_topics *from)
{
    Curfew__V1__AcceptTopics *made =
        NEW(scratch, Curfew__V1__AcceptTopics, curfew__v1__accept_topics);
    made->partitions_before = from->partitions_before;
    made->partitions = from->partitions;
    made->n_last_digests = from->digest_count;
    made->last_digests = arena_take(scratch, from->digest_count, sizeof made->last_digests[0]);
    CHECK(made->last_digests);
    for (size_t i = 0; i < from->digest_count; i++)
        made->last_digests[i] = put_text(from->last_digests[i]);
    return made;
}

static void put_action(struct arena *scratch, const struct command *command, Pb *message)
{
    switch (command->action) {
    case ACTION_TERMINATE:
        message->action_case = CURFEW__V1__COMMAND__ACTION_TERMINATE;
        message->terminate = NEW(scratch, Curfew__V1__Terminate, curfew__v1__terminate);
        message->terminate->selector = put_selector(scratch, &command->selector);
        message->terminate->options = put_options(scratch, &command->options);
        break;
    case ACTION_DRAIN:
        message->action_case = CURFEW__V1__COMMAND__ACTION_DRAIN;
        put_drain(scratch, command, message);
        break;
    case ACTION_RESTORE:
        message->action_case = CURFEW__V1__COMMAND__ACTION_RESTORE;
        message->restore = NEW(scratch, Curfew__V1__Restore, curfew__v1__restore);
        message->restore->infobase = put_text(command->infobase);
        break;
    case ACTION_CANCEL:
        message->action_case = CURFEW__V1__COMMAND__ACTION_CANCEL;
        message->cancel = NEW(scratch, Curfew__V1__Cancel, curfew__v1__cancel);
        message->cancel->command_id = put_uuid(scratch, &command->other_id);
        break;
    case ACTION_APPROVE:
        message->action_case = CURFEW__V1__COMMAND__ACTION_APPROVE;
        message->approve = NEW(scratch, Curfew__V1__Approve, curfew__v1__approve);
        message->approve->command_id = put_uuid(scratch, &command->other_id);
        message->approve->resolved_digest = put_text(command->resolved_digest);
        break;
    case ACTION_KILL_SWITCH:
        message->action_case = CURFEW__V1__COMMAND__ACTION_KILL_SWITCH;
        message->kill_switch = NEW(scratch, Curfew__V1__KillSwitch, curfew__v1__kill_switch);
        message->kill_switch->engaged = command->kill_switch_engaged;
        break;
    case ACTION_ACCEPT_TOPICS:
        message->action_case = CURFEW__V1__COMMAND__ACTION_ACCEPT_TOPICS;
        message->accept_topics = put_accept_topics(scratch, &command->accept_topics);
        break;
    case ACTION_NONE:
    case ACTION_COUNT:
        break;
    }
}

void command_encode(const struct command *command, struct buf *out)
{
    unsigned char first[SCRATCH_BYTES];
    AUTO_ARENA arena;
    arena_init(&arena, 4 * LIMIT_COMMAND_DECODE_BYTES, first, sizeof first);
    struct arena *scratch = &arena;
    Pb message = CURFEW__V1__COMMAND__INIT;
    message.id = put_uuid(scratch, &command->id);
    message.requested_at = put_wall(scratch, command->requested_at);
    message.expires_at = put_wall(scratch, command->expires_at);
    message.requested_by = put_text(command->requested_by);
    message.origin = (Curfew__V1__Origin)command->origin;
    message.reason = put_text(command->reason);
    message.correlation_id = put_text(command->correlation_id);
    message.reply_topic = put_text(command->reply_topic);
    message.cluster = put_text(command->cluster);
    put_action(scratch, command, &message);
    pb_pack(&message.base, out);
}
