/* by_hand.h - the engine driven by hand: a journal that is a list of bytes, a cluster that is an
 * array of sessions, a clock that moves when the test says so.
 *
 * A test takes actions one by one and says what becomes of each; hand_run() does the usual with all
 * of them until nothing moves any more. Events are taken as delivered and noted, unless
 * `hold_events`. Everything appended goes through its bytes, as in the product. */
#ifndef TESTS_ENGINE_BY_HAND_H
#define TESTS_ENGINE_BY_HAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/limits.h"
#include "engine/engine.h"
#include "tests/support/sample.h"

enum {
    JOURNAL_MAX = 400,
    EVENTS_MAX = 64,
    WORLD_MAX = 1000,
    CONNECTIONS_MAX = 8,
    TURNS_MAX = 2000
};

struct hand {
    struct engine_config config;
    struct engine_budget budget;
    struct engine *engine;
    struct instant now;
    struct wall wall; /* the broker's clock: moves with `now` */
    int64_t next_source;
    struct landed {
        struct buf bytes;
        struct wall time;
    } journal[JOURNAL_MAX]; /* by offset */
    int64_t journal_count;
    struct session world[WORLD_MAX]; /* what the cluster lists */
    size_t world_count;
    bool cluster_down;
    const char *infobase;   /* the only one that lists know by name */
    uint32_t protects;      /* resolve: this number is protected; 0: none */
    uint32_t doubts;        /* resolve: nobody can tell this number; 0: none */
    uint32_t resolves;      /* how often the rule was asked */
    uint32_t unapproved;    /* what it was told of earlier rounds, last */
    uint32_t approve_above; /* resolve: more sessions than these need an approval; 0: never */
    uint32_t ends;          /* END actions seen by hand_run() */
    uint32_t handler;       /* resolve: enum handler_mode of every row */
    uint32_t own_handler;   /* resolve: this number's infobase has a handler of its own; 0: none */
    uint32_t handles;       /* HANDLE actions seen by hand_run(), which does as it is told */
    uint32_t interrupts;    /* INTERRUPT actions seen by hand_run() */
    struct connection connections[CONNECTIONS_MAX]; /* what the cluster shows */
    size_t connection_count;
    enum error_code connections_refused; /* ERR_OK: they are shown */
    bool hold_events;
    bool control_lost;         /* the engine is not told any more that the control topic was read */
    struct infobase_lock lock; /* of main_infobase, as the cluster has it; owned */
    bool infobase_gone;
    int64_t set_back_ms;  /* hand_deny: the cluster's clock was set back by so much */
    bool may_not_lock;    /* hand_deny: the policy denies it */
    uint32_t lock_writes; /* LOCK_WRITE actions seen by hand_run() */
    struct told {
        struct uuid id;
        enum event_kind kind;
        bool duplicate;
        uint32_t targets;
        uint32_t released; /* of these */
        int64_t offset;
    } told[EVENTS_MAX];
    size_t told_count; /* progress events stand apart */
    enum progress progress[EVENTS_MAX];
    size_t progress_count;
    char last_reason[ERROR_MESSAGE_MAX]; /* of the last of `told`; "": none */
    char pending_digest[80];             /* of the last PENDING_APPROVAL event */
};

/* ---- the world ---- */

static const struct uuid main_infobase = {{0xba, 0x5e}};

static inline struct session session_of(uint32_t number)
{
    struct session session = sample_session(number);
    session.infobase = main_infobase;
    session.started_at.ticks = 638000000000000;
    session.uuid.bytes[0] = 0x5e;
    memcpy(session.uuid.bytes + 8, &number, sizeof number);
    return session;
}

static inline struct uuid uuid_of(uint32_t number)
{
    return session_of(number).uuid;
}

static inline void hand_world(struct hand *hand, size_t count, ...)
{
    va_list numbers;
    va_start(numbers, count);
    hand->world_count = count;
    for (size_t i = 0; i < count; i++)
        hand->world[i] = session_of(va_arg(numbers, unsigned));
    va_end(numbers);
}

static inline struct session *world_find(struct hand *hand, const struct uuid *uuid)
{
    for (size_t i = 0; i < hand->world_count; i++)
        if (uuid_equal(&hand->world[i].uuid, uuid))
            return &hand->world[i];
    return NULL;
}

static inline void world_end(struct hand *hand, const struct uuid *uuid)
{
    struct session *session = world_find(hand, uuid);
    if (session)
        *session = hand->world[--hand->world_count];
}

static inline void hand_protect(const struct hand *hand, struct resolved_row *row)
{
    if (!hand->protects || !row->session || row->session->number != hand->protects)
        return;
    row->verdict = TARGET_PROTECTED;
    error_set(&row->why, ERR_DENIED, "session %u is protected", hand->protects);
}

static inline void hand_choose_handlers(const struct hand *hand, struct resolution *ret)
{
    for (size_t i = 0; i < ret->count; i++) {
        struct resolved_row *row = &ret->rows[i];
        row->handler = (enum handler_mode)hand->handler;
        if (hand->own_handler && row->session && row->session->number == hand->own_handler)
            row->handler_of = "ut";
    }
}

enum { HAND_ACTING_MS = 60000, HAND_APPROVAL_MS = 3600000 };

enum { BYSTANDER = 90 };

/* Of whom nobody can tell whether he is meant. */
static inline bool hand_doubts(const struct hand *hand, const struct session *session,
                               struct resolution *ret)
{
    if (!hand->doubts || session->number != hand->doubts)
        return false;
    error_set(&ret->doubt, ERR_DENIED, "session %u has no user yet", hand->doubts);
    return true;
}

/* A filter selects everybody whose number is below BYSTANDER. */
static inline void hand_resolve_filter(const struct hand *hand, const struct session_list *list,
                                       struct resolution *ret)
{
    ret->rows = mem_alloc(list->count, sizeof ret->rows[0]);
    for (size_t i = 0; i < list->count; i++) {
        if (list->sessions[i].number >= BYSTANDER || hand_doubts(hand, &list->sessions[i], ret))
            continue;
        struct resolved_row *row = &ret->rows[ret->count++];
        row->session = &list->sessions[i];
        hand_protect(hand, row);
    }
}

static inline void hand_resolve_times(const struct hand *hand, const struct command *command,
                                      struct resolution *ret)
{
    ret->grace_ms = command->options.grace_ms;
    ret->acting_ms = HAND_ACTING_MS;
    hand_choose_handlers(hand, ret);
    if (hand->approve_above && ret->count + hand->unapproved > hand->approve_above)
        ret->approval_ms = HAND_APPROVAL_MS;
}

/* A drain selects everybody but the protected one. */
static inline enum error_code hand_resolve_drain(struct hand *hand,
                                                 const struct resolve_context *context,
                                                 const struct session_list *list,
                                                 struct resolution *ret)
{
    uint32_t fresh = 0;
    ret->rows = mem_alloc(list->count, sizeof ret->rows[0]);
    ret->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (hand_doubts(hand, &list->sessions[i], ret))
            continue;
        struct resolved_row *row = &ret->rows[ret->count++];
        row->session = &list->sessions[i];
        hand_protect(hand, row);
        fresh +=
            row->verdict == TARGET_NONE && !resolve_context_knows(context, &row->session->uuid);
    }
    if (hand->approve_above && fresh && fresh + context->unapproved > hand->approve_above)
        ret->approval_ms = HAND_APPROVAL_MS;
    return ERR_OK;
}

/* Numbers are those of main_infobase; `protects` is left alone. select/ and guard/ have tests of
 * their own. */
static inline enum error_code hand_resolve(void *self, const struct command *command,
                                           const struct resolve_context *context,
                                           const struct session_list *list, struct resolution *ret,
                                           struct error *err)
{
    struct hand *hand = self;
    CHECK(context->first_append.ms > 0);
    CHECK(context->round > 0);
    const struct selector *selector = &command->selector;
    bool by_number = selector->kind == SELECTOR_NUMBERS;
    hand->resolves++;
    hand->unapproved = context->unapproved;
    if (selector->kind == SELECTOR_FILTER) {
        hand_resolve_filter(hand, list, ret);
        hand_resolve_times(hand, command, ret);
        return ERR_OK;
    }
    if (command->action == ACTION_DRAIN)
        return hand_resolve_drain(hand, context, list, ret);
    if (by_number && !session_list_infobase(list, text_of(selector->infobase)))
        return error_set(err, ERR_NOT_FOUND, "no infobase '%s'", selector->infobase);
    ret->rows = mem_alloc(selector->count, sizeof ret->rows[0]);
    ret->count = selector->count;
    for (size_t i = 0; i < selector->count; i++) {
        struct resolved_row *row = &ret->rows[i];
        row->asked_by_number = by_number;
        row->asked_number = by_number ? selector->numbers[i] : 0;
        row->asked_session = by_number ? (struct uuid){{0}} : selector->sessions[i];
        for (size_t s = 0; s < list->count; s++)
            if (by_number ? list->sessions[s].number == row->asked_number
                          : uuid_equal(&list->sessions[s].uuid, &row->asked_session))
                row->session = &list->sessions[s];
        if (!row->session)
            row->verdict = TARGET_ALREADY_GONE;
        hand_protect(hand, row);
    }
    hand_resolve_times(hand, command, ret);
    return ERR_OK;
}

/* The cluster's clock shows UTC. */
static inline struct server_time hand_ticks(struct wall at)
{
    return (struct server_time){at.ms ? INT64_C(621355968000000) + at.ms * 10 : 0};
}

/* What a drain wants: its id tells whose lock it is. */
static inline enum error_code hand_deny(void *self, const struct command *command,
                                        const struct infobase_lock *seen, struct wall from,
                                        struct wall now, struct deny *ret, struct error *err)
{
    struct uuid_text id = uuid_format(&command->id);
    const struct hand *hand = self;
    now.ms -= hand->set_back_ms;
    if (seen && hand->may_not_lock)
        return error_set(err, ERR_DENIED, "not this infobase");
    *ret = (struct deny){.wanted = {.sessions_deny = true,
                                    .scheduled_jobs_deny = !command->keep_jobs,
                                    .denied_from = hand_ticks(from),
                                    .denied_message = mem_text("wait", 4),
                                    .denied_parameter = mem_text(id.text, strlen(id.text))},
                         .now = hand_ticks(now)};
    return ERR_OK;
}

/* ---- life ---- */

static inline struct hand *hand_create(void)
{
    struct hand *hand = mem_new(struct hand);
    hand->config = (struct engine_config){
        .partition = 3,
        .writer = {{0xaa}},
        .instance = "w-1",
        .open_commands_max = 50,
        .open_targets_max = 5000,
        .kept_targets_max = 5000,
        .remembered_max = 1000,
        .cluster_share = 10,
        .attempts_max = 3,
        .remember_ms = 900000,
        .verify_ms = 15000,
        .release_ms = 20000,
        .identity_max_age_ms = 5000,
        .empty_confirm_ms = 2000,
        .resolve = hand_resolve,
        .resolve_self = hand,
        .deny = hand_deny,
        .settle_ms = 30000,
        .drain_ms = 600000,
    };
    hand->now.ns = 1000000000;
    hand->wall.ms = 1790000000000;
    hand->infobase = "ut";
    hand->lock.infobase = main_infobase;
    hand->engine = engine_create(&hand->config, &hand->budget);
    return hand;
}

static inline void hand_destroy(struct hand *hand)
{
    engine_destroy(hand->engine);
    for (int64_t i = 0; i < hand->journal_count; i++)
        buf_release(&hand->journal[i].bytes);
    infobase_lock_release(&hand->lock);
    free(hand);
}
AUTO_TYPE(hand)

static inline void hand_pass(struct hand *hand, int64_t ms)
{
    hand->now = instant_add_ms(hand->now, ms);
    hand->wall.ms += ms;
    engine_tick(hand->engine, hand->now);
}

/* ---- the journal ---- */

static inline void hand_feed(struct hand *hand, int64_t offset)
{
    struct landed *landed = &hand->journal[offset];
    struct text bytes = {(const char *)landed->bytes.data, landed->bytes.length};
    struct record *record;
    struct error err;
    assert_int_equal(record_decode(bytes, &record, &err), ERR_OK);
    if (engine_record(hand->engine, record, offset, landed->time, hand->now, &err))
        fail_msg("%s", err.message);
}

/* The record stands in the log. Takes it. */
static inline int64_t hand_land(struct hand *hand, struct record *record)
{
    assert_true(hand->journal_count < JOURNAL_MAX);
    struct landed *landed = &hand->journal[hand->journal_count];
    buf_init(&landed->bytes, LIMIT_RECORD_BYTES);
    record_encode(record, &landed->bytes);
    assert_false(landed->bytes.full);
    landed->time = hand->wall;
    record_destroy(record);
    return hand->journal_count++;
}

/* Stands in the log, and is read back. */
static inline void hand_read(struct hand *hand, struct record *record)
{
    hand_feed(hand, hand_land(hand, record));
}

/* A record of somebody else. */
static inline struct record *foreign(enum record_kind kind, uint64_t epoch, uint64_t sequence)
{
    struct record *record = record_create(kind);
    record->epoch = (struct epoch){{{0xff}}, epoch};
    record->sequence = sequence;
    if (kind == RECORD_OWNER)
        record->owner.instance = mem_text("w-2", 3);
    return record;
}

/* The process dies; another one reads the first `count` records of the journal (all of them: -1).
 */
static inline void hand_restart(struct hand *hand, int64_t count)
{
    engine_destroy(hand->engine);
    memset(&hand->budget, 0, sizeof hand->budget);
    hand->config.writer.bytes[15]++;
    hand->engine = engine_create(&hand->config, &hand->budget);
    while (count >= 0 && hand->journal_count > count)
        buf_release(&hand->journal[--hand->journal_count].bytes);
    for (int64_t offset = 0; offset < hand->journal_count; offset++)
        hand_feed(hand, offset);
}

/* ---- actions ---- */

static inline void hand_note_event(struct hand *hand, const struct engine_action *action)
{
    assert_true(hand->told_count < EVENTS_MAX);
    const struct event *event = &action->event;
    if (event->kind == EVENT_PROGRESS || event->kind == EVENT_RELEASED) {
        hand->progress[hand->progress_count++] = event->progress;
        return;
    }
    if (event->kind == EVENT_PENDING_APPROVAL) {
        snprintf(hand->pending_digest, sizeof hand->pending_digest, "%s", event->resolved_digest);
        return;
    }
    struct told *told = &hand->told[hand->told_count++];
    *told = (struct told){.id = event->id,
                          .kind = event->kind,
                          .duplicate = event->duplicate,
                          .targets = event->target_count,
                          .offset = event->journal_offset};
    for (uint32_t i = 0; i < event->target_count; i++)
        told->released += event->targets[i].released_at.ms > 0;
    snprintf(hand->last_reason, sizeof hand->last_reason, "%s",
             event->reason && event->reason->message ? event->reason->message : "");
}

/* The next action that is no event; false when there is none. */
static inline bool hand_next(struct hand *hand, struct engine_action *ret)
{
    if (!hand->control_lost)
        engine_control_seen(hand->engine, hand->now, hand->now);
    while (engine_next(hand->engine, ret, hand->now)) {
        if (ret->kind != ENGINE_PUBLISH || hand->hold_events)
            return true;
        hand_note_event(hand, ret);
        engine_published(hand->engine, ret->tag, true, hand->now);
    }
    return false;
}

static inline const char *action_name(const struct engine_action *action)
{
    static const char *const labels[] = {"APPEND",      "LIST",       "PROBE",     "END",
                                         "CONNECTIONS", "DISCONNECT", "INTERRUPT", "HANDLE",
                                         "LOCK_READ",   "LOCK_WRITE", "PUBLISH"};
    return action->kind == ENGINE_APPEND ? record_kind_label(action->record->kind)
                                         : labels[action->kind];
}

static inline struct engine_action hand_take(struct hand *hand, enum engine_action_kind kind)
{
    struct engine_action action;
    if (!hand_next(hand, &action))
        fail_msg("no action, wanted kind %d", (int)kind);
    if (action.kind != kind)
        fail_msg("wanted kind %d, got %s", (int)kind, action_name(&action));
    return action;
}

static inline void hand_is_quiet(struct hand *hand)
{
    struct engine_action action;
    if (hand_next(hand, &action))
        fail_msg("nothing was to happen, got %s", action_name(&action));
}

/* The next action appends a record of that kind: it is the test's now. */
static inline struct record *hand_append(struct hand *hand, enum record_kind kind)
{
    struct engine_action action = hand_take(hand, ENGINE_APPEND);
    if (action.record->kind != kind)
        fail_msg("wanted %s, got %s", record_kind_label(kind), action_name(&action));
    return action.record;
}

/* ... and it is read back at once. */
static inline void hand_appended(struct hand *hand, enum record_kind kind)
{
    hand_read(hand, hand_append(hand, kind));
}

static inline void hand_own(struct hand *hand)
{
    engine_assign(hand->engine, true, hand->now);
    engine_at_end(hand->engine, hand->now);
    hand_appended(hand, RECORD_OWNER);
    assert_int_equal(engine_role(hand->engine), ENGINE_OWNING);
}

/* The group took the partition away and gave it back: its OWNER is on its way, and is returned. */
static inline struct record *hand_ask_again(struct hand *hand)
{
    engine_assign(hand->engine, false, hand->now);
    engine_assign(hand->engine, true, hand->now);
    return hand_append(hand, RECORD_OWNER);
}

/* Answers a LIST with the world as it is, asked for now and answered now. */
static inline void hand_list_since(struct hand *hand, uint64_t tag, struct instant started)
{
    struct error down;
    struct infobase_name name = {.uuid = main_infobase, .name = hand->infobase};
    struct session_list list = {
        .sessions = hand->world,
        .count = hand->world_count,
        .infobases = &name,
        .infobase_count = 1,
        .has_infobases = true,
        .started = started,
        .finished = hand->now,
    };
    error_set(&down, ERR_UNAVAILABLE, "the cluster does not answer");
    engine_listed(hand->engine, tag, hand->cluster_down ? NULL : &list, &down, hand->now);
}

static inline void hand_list(struct hand *hand, uint64_t tag)
{
    hand_list_since(hand, tag, hand->now);
}

/* The next action is a LIST; it is answered. */
static inline void hand_listed(struct hand *hand)
{
    hand_list(hand, hand_take(hand, ENGINE_LIST).tag);
}

/* A connection of that session number. */
static inline void hand_connect(struct hand *hand, uint8_t id, uint32_t number)
{
    hand->connections[hand->connection_count++] = (struct connection){
        .uuid = {{0xc0, [15] = id}},
        .process = {{0x9c}},
        .infobase = main_infobase,
        .application = "1CV8C",
        .host = "pc",
        .session_number = number,
    };
}

static inline void hand_answer(struct hand *hand, struct engine_answer *answer)
{
    struct error why = {.code = ERR_OK};
    if (answer->code)
        error_set(&why, answer->code, "the cluster answers so");
    answer->failure = &why;
    engine_answered(hand->engine, answer, hand->now);
}

static inline void hand_connections(struct hand *hand, uint64_t tag)
{
    struct connection_list list = {NULL, hand->connections, hand->connection_count};
    struct engine_answer answer = {
        .kind = ENGINE_CONNECTIONS,
        .tag = tag,
        .code = hand->connections_refused,
        .connections = hand->connections_refused ? NULL : &list,
    };
    hand_answer(hand, &answer);
}

static inline void hand_disconnect(struct hand *hand, const struct engine_action *action)
{
    struct engine_answer answer = {.kind = ENGINE_DISCONNECT, .tag = action->tag, .sent = true};
    assert_true(instant_before(hand->now, action->send_by));
    answer.code = ERR_GONE;
    for (size_t i = 0; i < hand->connection_count; i++)
        if (uuid_equal(&hand->connections[i].uuid, &action->connection.connection)) {
            hand->connections[i] = hand->connections[--hand->connection_count];
            answer.code = ERR_OK;
        }
    hand_answer(hand, &answer);
}

static inline void hand_end(struct hand *hand, uint64_t tag, enum error_code code, bool sent)
{
    struct error why = {.code = ERR_OK};
    if (code)
        error_set(&why, code, "the cluster answers so");
    engine_ended(hand->engine, tag, code, sent, &why, hand->now);
}

/* The engine waits for a moment, and has a next action when it has come. */
static inline void hand_wait(struct hand *hand)
{
    hand_is_quiet(hand);
    struct instant wake = engine_wake(hand->engine);
    assert_true(wake.ns != INSTANT_NEVER.ns);
    hand_pass(hand, instant_ms_between(hand->now, wake) + 1);
}

/* ---- the infobase's lock ---- */

static inline void hand_set_lock(struct hand *hand, const struct infobase_lock *lock)
{
    struct infobase_lock copy = infobase_lock_copy(lock);
    infobase_lock_release(&hand->lock);
    hand->lock = copy;
    hand->lock.infobase = main_infobase;
}

/* Answers a LOCK_READ with the lock as it is. */
static inline void hand_read_lock(struct hand *hand, uint64_t tag)
{
    struct error why = {.code = ERR_OK};
    if (hand->cluster_down)
        error_set(&why, ERR_UNAVAILABLE, "the cluster does not answer");
    else if (hand->infobase_gone)
        error_set(&why, ERR_NOT_FOUND, "no such infobase");
    struct engine_answer answer = {.kind = ENGINE_LOCK_READ,
                                   .tag = tag,
                                   .code = why.code,
                                   .failure = &why,
                                   .lock = why.code ? NULL : &hand->lock};
    engine_answered(hand->engine, &answer, hand->now);
}

static inline void hand_lock_written(struct hand *hand, uint64_t tag, enum error_code code,
                                     bool sent)
{
    struct error why = {.code = ERR_OK};
    if (code)
        error_set(&why, code, "the cluster answers so");
    struct engine_answer answer = {
        .kind = ENGINE_LOCK_WRITE, .tag = tag, .code = code, .sent = sent, .failure = &why};
    engine_answered(hand->engine, &answer, hand->now);
}

/* As an executor does: reads, compares, writes. */
static inline void hand_write_lock(struct hand *hand, const struct engine_action *action)
{
    struct error why = {.code = ERR_OK};
    if (hand->cluster_down)
        error_set(&why, ERR_UNAVAILABLE, "the cluster does not answer");
    else if (!infobase_lock_equal(&hand->lock, action->expected))
        error_set(&why, ERR_CONFLICT, "somebody changed it");
    else
        hand_set_lock(hand, action->lock);
    hand_lock_written(hand, action->tag, why.code, !why.code);
}

/* ---- commands ---- */

static inline struct uuid id_of(uint8_t number)
{
    return (struct uuid){{number, [15] = 1}};
}

static inline struct command *terminate(uint8_t id)
{
    struct command *command = command_create();
    command->id = id_of(id);
    command->cluster = "main";
    command->requested_by = "ops";
    command->action = ACTION_TERMINATE;
    command->options.message = "the database is updated";
    return command;
}

static inline struct command *by_uuid(uint8_t id, size_t count, ...)
{
    struct command *command = terminate(id);
    va_list numbers;
    va_start(numbers, count);
    command->selector.kind = SELECTOR_SESSIONS;
    command->selector.count = count;
    command->selector.sessions =
        arena_take(command->arena, count, sizeof command->selector.sessions[0]);
    for (size_t i = 0; i < count; i++)
        command->selector.sessions[i] = uuid_of(va_arg(numbers, unsigned));
    va_end(numbers);
    return command;
}

static inline struct command *by_number(uint8_t id, size_t count, ...)
{
    struct command *command = terminate(id);
    va_list numbers;
    va_start(numbers, count);
    command->selector.kind = SELECTOR_NUMBERS;
    command->selector.infobase = "ut";
    command->selector.count = count;
    command->selector.numbers =
        arena_take(command->arena, count, sizeof command->selector.numbers[0]);
    for (size_t i = 0; i < count; i++)
        command->selector.numbers[i] = va_arg(numbers, unsigned);
    va_end(numbers);
    return command;
}

/* Everybody but bystanders (hand_resolve). */
static inline struct command *by_filter(uint8_t id)
{
    struct command *command = terminate(id);
    command->selector.kind = SELECTOR_FILTER;
    command->selector.filter = arena_take(command->arena, 1, sizeof *command->selector.filter);
    command->selector.filter->kind = FILTER_CONDITION;
    command->selector.filter->field = "user_name";
    command->selector.filter->comparison = COMPARISON_NOT_EQUAL;
    command->selector.filter->values =
        arena_take(command->arena, 1, sizeof command->selector.filter->values[0]);
    command->selector.filter->values[0] = "nobody";
    command->selector.filter->value_count = 1;
    return command;
}

static inline struct engine_offer offer_of(struct hand *hand, struct command *command)
{
    return (struct engine_offer){
        .command = command,
        .digest = command_digest(command),
        .cluster = "main",
        .forwarded_to = -1,
        .source = {true, hand->config.partition, hand->next_source++, {{1}}},
        .appended_at = hand->wall,
        .expires_at = {hand->wall.ms + 600000},
    };
}

/* Takes the command. */
static inline void hand_offer(struct hand *hand, struct command *command)
{
    struct engine_offer offer = offer_of(hand, command);
    struct error err;
    if (engine_offer(hand->engine, &offer, hand->now, &err))
        fail_msg("%s", err.message);
}

static inline struct command *drain(uint8_t id, int64_t grace_ms, int64_t hold_ms)
{
    struct command *command = terminate(id);
    command->action = ACTION_DRAIN;
    command->infobase = "ut";
    command->options.grace_ms = grace_ms;
    command->hold_ms = hold_ms;
    return command;
}

/* Offered, accepted, read back. */
static inline void hand_accept(struct hand *hand, struct command *command)
{
    hand_offer(hand, command);
    hand_appended(hand, RECORD_ACCEPTED);
}

/* ... and its list is frozen. */
static inline void hand_resolved(struct hand *hand, struct command *command)
{
    hand_accept(hand, command);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
}

/* ---- what an OUTCOME and a CLOSED say ---- */

/* The next append gives exactly one target this outcome; it is read back. */
static inline void hand_outcome(struct hand *hand, enum target_outcome outcome,
                                enum error_code reason, uint32_t attempts)
{
    struct record *record = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(record->outcome.count, 1);
    const struct target_end *end = &record->outcome.ends[0];
    assert_string_equal(target_outcome_label(end->outcome), target_outcome_label(outcome));
    assert_string_equal(error_label(end->reason.code), error_label(reason));
    assert_int_equal(end->attempts, attempts);
    hand_read(hand, record);
}

/* The next append closes the command so; it is read back, and then nothing is left to do. */
static inline void hand_closed(struct hand *hand, enum command_outcome outcome)
{
    struct record *record = hand_append(hand, RECORD_CLOSED);
    assert_string_equal(command_outcome_label(record->closed.outcome),
                        command_outcome_label(outcome));
    hand_read(hand, record);
    hand_is_quiet(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

/* ---- handlers ---- */

/* The run is over, and was not to the engine's liking. */
static inline void hand_run_failed(struct hand *hand, uint64_t tag, enum error_code code, bool sent)
{
    struct error why;
    error_set(&why, code, "the handler failed so");
    struct engine_handled reply = {.tag = tag, .code = code, .sent = sent, .failure = &why};
    engine_handled(hand->engine, &reply, hand->now);
}

/* It answers: a letter for each target. e ended, l left, f failed, s skipped. */
static inline void hand_says(struct hand *hand, uint64_t tag, const char *letters,
                             bool standard_processing)
{
    static const char known[] = "?elfs"; /* as enum handler_result */
    struct handler_answer answer = {.count = (uint32_t)strlen(letters),
                                    .standard_processing = standard_processing};
    answer.words = mem_alloc(answer.count, sizeof answer.words[0]);
    for (uint32_t i = 0; i < answer.count; i++) {
        answer.words[i].result = (enum handler_result)(strchr(known, letters[i]) - known);
        answer.words[i].message = mem_text("so it says", 10);
    }
    struct engine_handled reply = {.tag = tag, .sent = true, .answer = &answer};
    engine_handled(hand->engine, &reply, hand->now);
    handler_answer_release(&answer);
}

static inline void hand_handle(struct hand *hand, const struct engine_action *action)
{
    char letters[HANDLER_TARGETS_MAX + 1] = "";
    assert_true(instant_before(hand->now, action->send_by));
    assert_true(engine_allows(hand->engine, ENGINE_HANDLE, action->tag));
    hand->handles++;
    memset(letters, 'e', action->task->count);
    for (uint32_t i = 0; i < action->task->count && action->task->mode != HANDLER_AFTER; i++) {
        struct session session;
        AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
        const struct handler_target *target = &action->task->targets[i];
        struct text bytes = {(const char *)target->snapshot, target->snapshot_length};
        assert_int_equal(session_decode(bytes, arena, &session, NULL), ERR_OK);
        world_end(hand, &session.uuid);
    }
    hand_says(hand, action->tag, letters, false);
}

/* ---- the usual, until nothing moves ---- */

static inline void hand_carry_out(struct hand *hand, const struct engine_action *action)
{
    switch (action->kind) {
    case ENGINE_APPEND:
        hand_read(hand, action->record);
        break;
    case ENGINE_LIST:
        hand_list(hand, action->tag);
        break;
    case ENGINE_PROBE:
        engine_probed(hand->engine, action->tag,
                      hand->cluster_down                   ? ERR_UNAVAILABLE
                      : world_find(hand, &action->session) ? ERR_OK
                                                           : ERR_GONE,
                      world_find(hand, &action->session), hand->now);
        break;
    case ENGINE_END:
        assert_true(instant_before(hand->now, action->send_by));
        assert_true(engine_allows(hand->engine, ENGINE_END, action->tag));
        hand->ends++;
        world_end(hand, &action->session);
        hand_end(hand, action->tag, ERR_OK, true);
        break;
    case ENGINE_CONNECTIONS:
        hand_connections(hand, action->tag);
        break;
    case ENGINE_DISCONNECT:
        assert_true(engine_allows(hand->engine, ENGINE_DISCONNECT, action->tag));
        hand_disconnect(hand, action);
        break;
    case ENGINE_INTERRUPT:
        assert_true(engine_allows(hand->engine, ENGINE_INTERRUPT, action->tag));
        hand->interrupts++;
        break;
    case ENGINE_HANDLE:
        hand_handle(hand, action);
        break;
    case ENGINE_LOCK_READ:
        hand_read_lock(hand, action->tag);
        break;
    case ENGINE_LOCK_WRITE:
        assert_true(instant_before(hand->now, action->send_by));
        assert_true(engine_allows(hand->engine, ENGINE_LOCK_WRITE, action->tag));
        hand->lock_writes++;
        hand_write_lock(hand, action);
        break;
    case ENGINE_PUBLISH:
        engine_published(hand->engine, action->tag, true, hand->now);
        break;
    }
}

/* All is over; only infobases that were drained are still looked at from time to time. */
static inline bool hand_only_watches(const struct hand *hand)
{
    struct engine_counts counts = engine_counts(hand->engine);
    return counts.locks_watched && !counts.locks_stray && !counts.open_commands &&
           !counts.events_waiting && !counts.appends_waiting;
}

/* Time jumps to what the engine waits for; ends when it waits for nothing, or only watches. */
static inline void hand_run(struct hand *hand)
{
    struct engine_action action;
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        while (hand_next(hand, &action))
            hand_carry_out(hand, &action);
        struct instant wake = engine_wake(hand->engine);
        if (wake.ns == INSTANT_NEVER.ns || hand_only_watches(hand))
            return;
        int64_t ms = instant_ms_between(hand->now, wake) + 1;
        hand_pass(hand, ms > 0 ? ms : 1);
    }
    fail_msg("the engine never comes to rest");
}

/* ... or `ms` pass, whatever it waits for. */
static inline void hand_run_for(struct hand *hand, int64_t ms)
{
    struct engine_action action;
    struct instant until = instant_add_ms(hand->now, ms);
    while (instant_before(hand->now, until)) {
        while (hand_next(hand, &action))
            hand_carry_out(hand, &action);
        int64_t left = instant_ms_between(hand->now, until);
        int64_t wake = instant_ms_between(hand->now, engine_wake(hand->engine)) + 1;
        hand_pass(hand, wake > left ? left : wake > 0 ? wake : 1);
    }
    while (hand_next(hand, &action))
        hand_carry_out(hand, &action);
}

/* Until so many sessions were ended. */
static inline void hand_run_until(struct hand *hand, uint32_t ends)
{
    struct engine_action action;
    while (hand->ends < ends && hand_next(hand, &action))
        hand_carry_out(hand, &action);
}

/* What the engine found out about a lock of that command: the next thing it tells. */
static inline void hand_told_of_lock(struct hand *hand, enum engine_stray_kind kind,
                                     uint8_t command)
{
    struct engine_stray told;
    struct uuid id = id_of(command);
    assert_true(engine_stray(hand->engine, &told));
    assert_int_equal(told.kind, kind);
    assert_true(uuid_equal(&told.command, &id));
    assert_string_equal(told.cluster, "main");
    assert_string_equal(told.infobase, "ut");
}

static inline void hand_told_of_no_lock(struct hand *hand)
{
    struct engine_stray told;
    assert_false(engine_stray(hand->engine, &told));
}

/* The last event that was published. */
static inline enum event_kind hand_told(const struct hand *hand)
{
    assert_true(hand->told_count > 0);
    return hand->told[hand->told_count - 1].kind;
}

/* Whoever cancels, restores and halts. */
static const struct engine_asker people = {"ops", "wrong infobase"};

/* Is the cancel of command `number` taken? */
static inline bool hand_cancel(struct hand *hand, uint8_t number)
{
    struct uuid id = id_of(number);
    return engine_cancel(hand->engine, &id, &people, (struct wall){0}, hand->now);
}

/* Records of that kind in the journal. */
static inline uint32_t hand_count(const struct hand *hand, enum record_kind kind)
{
    uint32_t count = 0;
    for (int64_t i = 0; i < hand->journal_count; i++) {
        AUTO(record) record = NULL;
        struct error err;
        struct text bytes = {(const char *)hand->journal[i].bytes.data,
                             hand->journal[i].bytes.length};
        assert_int_equal(record_decode(bytes, &record, &err), ERR_OK);
        count += record->kind == kind;
    }
    return count;
}

#endif
