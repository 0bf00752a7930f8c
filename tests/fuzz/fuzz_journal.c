/* One partition, its journal, its cluster and its people, all as the input says: records of another
 * owner (well formed or as bytes), appends that get lost, lists that fail, cancels, time.
 *
 * When the input is used up, everything turns well: then every command with targets must close and
 * every event be delivered. The engine may stop with ERR_JOURNAL at what another owner wrote. */
#include "base/limits.h"
#include "engine/engine.h"
#include "event/encode.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/sample.h"

enum { STEPS_MAX = 200, TURNS_MAX = 3000, SESSIONS = 4, IDS = 3, ACTIONS_MAX = 10000 };

enum step {
    STEP_BYTES, /* a record as bytes */
    STEP_RECORD,
    STEP_ASSIGN,
    STEP_TIME,
    STEP_ACTION,
    STEP_OFFER,
    STEP_CANCEL,
    STEP_HALT,
    STEP_COUNT
};

struct partition {
    struct engine *engine;
    struct engine_budget budget;
    struct epoch owner; /* by the log */
    uint64_t sequence;
    int64_t offset;
    int64_t next_source;
    struct instant now;
    struct wall wall;
    bool alive[SESSIONS];
    bool stopped; /* ERR_JOURNAL */
};

static const struct engine_asker people = {"people", "because"};
static const struct epoch nobody;
static const struct uuid other_writer = {{1}};
static const int64_t start_ticks = 638000000000000;

/* ---- the cluster ---- */

static struct session session_of(uint8_t number)
{
    struct session session = sample_session(number);
    session.uuid = (struct uuid){{0x5e, number}};
    session.started_at.ticks = start_ticks;
    return session;
}

static enum error_code resolve(void *self, const struct command *command,
                               const struct resolve_context *context,
                               const struct session_list *list, struct resolution *ret,
                               struct error *err)
{
    (void)self;
    (void)context;
    const struct selector *selector = &command->selector;
    if (selector->kind != SELECTOR_SESSIONS && selector->kind != SELECTOR_NUMBERS)
        return error_set(err, ERR_UNSUPPORTED, "not built");
    ret->rows = mem_alloc(selector->count, sizeof ret->rows[0]);
    ret->count = selector->count;
    for (size_t i = 0; i < selector->count; i++) {
        struct resolved_row *row = &ret->rows[i];
        row->asked_by_number = selector->kind == SELECTOR_NUMBERS;
        if (row->asked_by_number)
            row->asked_number = selector->numbers[i];
        else
            row->asked_session = selector->sessions[i];
        for (size_t s = 0; s < list->count; s++)
            if (row->asked_by_number ? list->sessions[s].number == row->asked_number
                                     : uuid_equal(&list->sessions[s].uuid, &row->asked_session))
                row->session = &list->sessions[s];
        row->verdict = row->session ? TARGET_NONE : TARGET_ALREADY_GONE;
    }
    return ERR_OK;
}

static void list(struct partition *partition, uint64_t tag, enum error_code code)
{
    struct session sessions[SESSIONS];
    struct infobase_name name = {.name = "ut"};
    struct session_list ret = {.sessions = sessions,
                               .infobases = &name,
                               .infobase_count = 1,
                               .has_infobases = true,
                               .started = partition->now,
                               .finished = partition->now};
    struct error why;
    for (uint8_t i = 0; i < SESSIONS; i++)
        if (partition->alive[i])
            sessions[ret.count++] = session_of(i);
    error_set(&why, code ? code : ERR_UNAVAILABLE, "no list");
    engine_listed(partition->engine, tag, code ? NULL : &ret, &why, partition->now);
}

/* ---- the journal ---- */

static void pass(struct partition *partition, int64_t ms)
{
    partition->now = instant_add_ms(partition->now, ms);
    partition->wall.ms += ms;
    engine_control_seen(partition->engine, partition->now, partition->now);
    engine_tick(partition->engine, partition->now);
}

static void follow_owner(struct partition *partition, const struct record *record)
{
    if (record->kind == RECORD_OWNER && record->sequence == 1 &&
        record->epoch.number > partition->owner.number) {
        partition->owner = record->epoch;
        partition->sequence = 1;
    } else if (epoch_equal(&record->epoch, &partition->owner) &&
               record->sequence == partition->sequence + 1) {
        partition->sequence++;
    }
}

static void land_bytes(struct partition *partition, struct text bytes)
{
    struct record *record;
    struct error err;
    if (record_decode(bytes, &record, NULL))
        return;
    follow_owner(partition, record);
    partition->wall.ms++;
    enum error_code code = engine_record(partition->engine, record, partition->offset++,
                                         partition->wall, partition->now, &err);
    CHECK(!code || code == ERR_JOURNAL);
    partition->stopped = code != ERR_OK;
}

/* Takes the record. `ours`: then its bytes are within the limit and decode. */
static void land(struct partition *partition, struct record *record, bool ours)
{
    AUTO_BUF bytes;
    struct record *again = NULL;
    buf_init(&bytes, FUZZ_OUT_BYTES);
    record_encode(record, &bytes);
    record_destroy(record);
    struct text text = {(const char *)bytes.data, bytes.length};
    CHECK(!ours || bytes.length <= LIMIT_RECORD_BYTES);
    CHECK(!ours || !record_decode(text, &again, NULL));
    record_destroy(again);
    land_bytes(partition, text);
}

static struct uuid id_of(uint8_t number)
{
    return (struct uuid){{4, number % IDS}};
}

static struct command *command_of(struct text *input)
{
    struct command *command = command_create();
    uint8_t shape = fuzz_byte(input);
    command->id = id_of(fuzz_byte(input));
    command->cluster = "main";
    command->action = ACTION_TERMINATE;
    command->options.dry_run = shape & 2;
    command->selector.count = 1 + (shape >> 2) % SESSIONS;
    command->selector.infobase = "ut";
    command->selector.kind = shape & 1 ? SELECTOR_NUMBERS : SELECTOR_SESSIONS;
    command->selector.numbers = arena_take(command->arena, SESSIONS, sizeof(uint32_t));
    command->selector.sessions = arena_take(command->arena, SESSIONS, sizeof(struct uuid));
    for (size_t i = 0; i < command->selector.count; i++) {
        uint8_t number = fuzz_byte(input) % (SESSIONS + 2);
        command->selector.numbers[i] = number;
        command->selector.sessions[i] = session_of(number).uuid;
    }
    return command;
}

static void fill_resolved(struct record *record, struct text *input)
{
    record->resolved.round = 1;
    record->resolved.chunks = 1 + fuzz_byte(input) % 3;
    record->resolved.chunk = 1 + fuzz_byte(input) % record->resolved.chunks;
    record->resolved.count = fuzz_byte(input) % SESSIONS;
    record->resolved.targets = mem_alloc(SESSIONS, sizeof record->resolved.targets[0]);
    for (uint32_t i = 0; i < record->resolved.count; i++) {
        struct resolved_target *target = &record->resolved.targets[i];
        struct session session = session_of(fuzz_byte(input) % SESSIONS);
        uint8_t shape = fuzz_byte(input);
        AUTO_BUF bytes;
        buf_init(&bytes, FUZZ_OUT_BYTES);
        session_encode(&session, &bytes);
        target->index = shape & 7;
        target->asked_by_number = shape & 8;
        target->verdict = (enum target_outcome)((shape >> 4) % TARGET_OUTCOMES);
        if (fuzz_byte(input) & 1)
            continue;
        target->snapshot = mem_alloc(bytes.length, 1);
        target->snapshot_length = (uint32_t)bytes.length;
        memcpy(target->snapshot, bytes.data, bytes.length);
    }
}

static void fill_outcome(struct record *record, struct text *input)
{
    record->outcome.round = 1;
    record->outcome.count = fuzz_byte(input) % SESSIONS;
    record->outcome.ends = mem_alloc(SESSIONS, sizeof record->outcome.ends[0]);
    for (uint32_t i = 0; i < record->outcome.count; i++) {
        struct target_end *end = &record->outcome.ends[i];
        end->index = fuzz_byte(input) & 7;
        end->outcome = (enum target_outcome)(1 + fuzz_byte(input) % (TARGET_OUTCOMES - 1));
        end->reason.code = (enum error_code)(fuzz_byte(input) % ERR_COUNT);
        end->attempts = fuzz_byte(input);
    }
}

static void fill_attempt(struct record *record, struct text *input)
{
    record->attempt.round = 1;
    record->attempt.attempt = fuzz_byte(input);
    record->attempt.count = fuzz_byte(input) % SESSIONS;
    record->attempt.targets = mem_alloc(SESSIONS, sizeof record->attempt.targets[0]);
    for (uint32_t i = 0; i < record->attempt.count; i++)
        record->attempt.targets[i] = fuzz_byte(input);
}

static void fill_accepted(struct partition *partition, struct record *record, struct text *input)
{
    record->accepted.command = command_of(input);
    record->command_id = record->accepted.command->id;
    record->command_digest = command_digest(record->accepted.command);
    record->accepted.first_appended_at = partition->wall;
    record->accepted.expires_at.ms = partition->wall.ms + 1000 * (1 + fuzz_byte(input));
}

static void fill(struct partition *partition, struct record *record, struct text *input)
{
    record->command_id = id_of(fuzz_byte(input));
    record->reason.code = (enum error_code)(fuzz_byte(input) % ERR_COUNT);
    if (fuzz_byte(input) & 1)
        record->source = (struct source){true, 0, partition->next_source++, {{1}}};
    record->events_through = partition->offset - fuzz_byte(input);
    switch (record->kind) {
    case RECORD_ACCEPTED:
        fill_accepted(partition, record, input);
        break;
    case RECORD_REJECTED:
        record->rejected.after_accepted = fuzz_byte(input) & 1;
        record->rejected.command = fuzz_byte(input) & 1 ? command_of(input) : NULL;
        record->rejected.first_appended_at = partition->wall;
        break;
    case RECORD_DUPLICATE:
        record->duplicate.command = command_of(input);
        break;
    case RECORD_RESOLVED:
        fill_resolved(record, input);
        break;
    case RECORD_ATTEMPT:
        fill_attempt(record, input);
        break;
    case RECORD_OUTCOME:
        fill_outcome(record, input);
        break;
    case RECORD_CLOSED:
        record->closed.outcome =
            (enum command_outcome)(1 + fuzz_byte(input) % (COMMAND_OUTCOMES - 1));
        break;
    default:
        break;
    }
}

/* Of the other owner, who may or may not own the partition just now. */
static void other_record(struct partition *partition, struct text *input)
{
    static const enum record_kind kinds[] = {
        RECORD_OWNER,    RECORD_ACCEPTED, RECORD_REJECTED, RECORD_DUPLICATE, RECORD_FORWARDED,
        RECORD_RESOLVED, RECORD_ATTEMPT,  RECORD_OUTCOME,  RECORD_CLOSED,    RECORD_CANCELLED};
    uint8_t shape = fuzz_byte(input);
    struct record *record = record_create(kinds[shape % (sizeof kinds / sizeof kinds[0])]);
    if (record->kind == RECORD_OWNER) {
        record->epoch = (struct epoch){other_writer, partition->owner.number + 1};
        record->sequence = 1;
    } else {
        bool owns = uuid_equal(&partition->owner.writer, &other_writer);
        record->epoch = owns ? partition->owner : (struct epoch){other_writer, 1};
        record->sequence = partition->sequence + (shape < 240); /* or a repeat */
        record->sequence += record->sequence == 0;
        fill(partition, record, input);
    }
    land(partition, record, false);
}

/* ---- actions ---- */

static void publish(struct partition *partition, const struct engine_action *action, bool well)
{
    struct event_style style = event_style_default();
    AUTO(outgoing) out = event_encode(&action->event, "main", &style);
    CHECK(out->count > 0);
    engine_published(partition->engine, action->tag, well, partition->now);
}

static void append(struct partition *partition, const struct engine_action *action, uint8_t how)
{
    enum engine_append result = how == 0  ? ENGINE_PERSISTED
                                : how & 1 ? ENGINE_MAYBE_PERSISTED
                                          : ENGINE_NOT_PERSISTED;
    engine_appended(partition->engine, action->tag, result, partition->now);
    if (how & 2)
        record_destroy(action->record); /* never stood in the log */
    else
        land(partition, action->record, true);
}

static void end(struct partition *partition, const struct engine_action *action, uint8_t how)
{
    static const enum error_code codes[] = {ERR_OK,   ERR_IN_DOUBT, ERR_GONE,     ERR_REFUSED,
                                            ERR_AUTH, ERR_STALE,    ERR_PROTOCOL, ERR_UNAVAILABLE};
    enum error_code code = codes[how % 8];
    bool sent = code == ERR_OK || code == ERR_GONE || (code != ERR_STALE && how & 8);
    struct error why = {.code = ERR_OK};
    CHECK(action->session.bytes[0] == 0x5e);
    CHECK(action->session.bytes[1] < SESSIONS); /* nobody else was ever resolved */
    CHECK(engine_allows(partition->engine, ENGINE_END, action->tag));
    if (code)
        error_set(&why, code, "so it is");
    if (sent && !(how & 16))
        partition->alive[action->session.bytes[1]] = false;
    engine_ended(partition->engine, action->tag, code, sent, &why, partition->now);
}

/* `how` 0: well. */
static void carry_out(struct partition *partition, const struct engine_action *action, uint8_t how)
{
    static const enum error_code codes[] = {ERR_OK, ERR_UNAVAILABLE, ERR_AUTH, ERR_PROTOCOL};
    bool there = action->session.bytes[1] < SESSIONS && partition->alive[action->session.bytes[1]];
    switch (action->kind) {
    case ENGINE_APPEND:
        append(partition, action, how);
        break;
    case ENGINE_LIST:
        list(partition, action->tag, codes[how % 4]);
        break;
    case ENGINE_PROBE:
        engine_probed(partition->engine, action->tag,
                      how     ? ERR_REFUSED
                      : there ? ERR_OK
                              : ERR_GONE,
                      NULL, partition->now);
        break;
    case ENGINE_END:
        end(partition, action, how);
        break;
    case ENGINE_PUBLISH:
        publish(partition, action, how == 0);
        break;
    default: /* asked for by no command here */
        CHECK(!"an action that this journal leads to");
    }
}

static void offer(struct partition *partition, struct text *input)
{
    struct engine_offer offer = {.command = command_of(input),
                                 .cluster = "main",
                                 .forwarded_to = -1,
                                 .source = {true, 0, partition->next_source++, {{1}}},
                                 .appended_at = partition->wall};
    offer.digest = command_digest(offer.command);
    offer.expires_at.ms = partition->wall.ms + 1000 * (1 + fuzz_byte(input));
    if (engine_offer(partition->engine, &offer, partition->now, NULL))
        partition->next_source--;
    command_destroy(offer.command);
}

static void take(struct partition *partition, struct text *input)
{
    struct engine_action action;
    uint8_t how = fuzz_byte(input);
    if (engine_next(partition->engine, &action, partition->now))
        carry_out(partition, &action, how);
}

static void step(struct partition *partition, struct text *input)
{
    struct uuid id;
    size_t length;
    switch ((enum step)(fuzz_byte(input) % STEP_COUNT)) {
    case STEP_BYTES:
        length = fuzz_byte(input);
        land_bytes(partition, fuzz_take(input, length << 8 | fuzz_byte(input)));
        break;
    case STEP_RECORD:
        other_record(partition, input);
        break;
    case STEP_ASSIGN:
        engine_assign(partition->engine, fuzz_byte(input) & 1, partition->now);
        engine_at_end(partition->engine, partition->now);
        break;
    case STEP_TIME:
        pass(partition, 50 * fuzz_byte(input));
        break;
    case STEP_ACTION:
        take(partition, input);
        break;
    case STEP_OFFER:
        offer(partition, input);
        break;
    case STEP_CANCEL:
        id = id_of(fuzz_byte(input));
        (void)engine_cancel(partition->engine, &id, &people, (struct wall){0}, partition->now);
        break;
    case STEP_HALT:
        engine_halt(partition->engine, fuzz_byte(input) & 1, partition->now);
        break;
    case STEP_COUNT:
        break;
    }
}

/* ---- and then all is well ---- */

static void is_not_stuck(void *self, const struct engine_command_view *view)
{
    (void)self;
    CHECK(view->targets == 0); /* nothing of ours writes such an ACCEPTED */
}

static void turn_well(struct partition *partition)
{
    struct engine_action action;
    struct engine_command_view view;
    int actions = 0;
    engine_halt(partition->engine, false, partition->now);
    engine_assign(partition->engine, true, partition->now);
    engine_at_end(partition->engine, partition->now);
    struct instant wake = partition->now;
    for (int turn = 0; turn < TURNS_MAX && wake.ns != INSTANT_NEVER.ns; turn++) {
        while (!partition->stopped && engine_next(partition->engine, &action, partition->now)) {
            carry_out(partition, &action, 0);
            CHECK(++actions < ACTIONS_MAX); /* it does not chase its tail */
        }
        while (engine_finished(partition->engine, &view))
            CHECK(view.outcome != COMMAND_NONE);
        if (partition->stopped)
            return;
        wake = engine_wake(partition->engine);
        int64_t ms = instant_ms_between(partition->now, wake) + 1;
        if (wake.ns != INSTANT_NEVER.ns)
            pass(partition, ms > 0 ? ms : 1);
    }
    CHECK(wake.ns == INSTANT_NEVER.ns); /* it has come to rest */
    CHECK(engine_role(partition->engine) == ENGINE_OWNING);
    CHECK(engine_counts(partition->engine).events_waiting == 0);
    engine_visit_open(partition->engine, is_not_stuck, NULL);
    (void)engine_checkpoint(partition->engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct engine_config config = {
        .writer = {{9}},
        .instance = "fuzz",
        .open_commands_max = 100,
        .open_targets_max = 20000,
        .kept_targets_max = 20000,
        .remembered_max = 1000,
        .cluster_share = 50,
        .attempts_max = 2,
        .remember_ms = 60000,
        .verify_ms = 15000,
        .identity_max_age_ms = 5000,
        .empty_confirm_ms = 2000,
        .session_events = length & 1,
        .resolve = resolve,
    };
    struct partition partition = {
        .owner = nobody, .now = {1000000}, .wall = {1790000000000}, .alive = {true, true, true}};
    struct text input = {(const char *)bytes, length};
    partition.engine = engine_create(&config, &partition.budget);
    for (int i = 0; i < STEPS_MAX && input.length && !partition.stopped; i++)
        step(&partition, &input);
    if (!partition.stopped)
        turn_well(&partition);
    engine_destroy(partition.engine);
    return 0;
}
