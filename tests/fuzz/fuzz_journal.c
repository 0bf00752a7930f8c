/* A whole journal partition, read by the engine, which then owns it: whatever stands there, the
 * engine stops with ERR_JOURNAL or goes on, and what it announces can be encoded. */
#include "base/limits.h"
#include "engine/engine.h"
#include "event/encode.h"
#include "tests/fuzz/fuzz.h"

enum { TURNS_MAX = 300, STEP_MS = 500, RECORDS_MAX = 64 };

/* Of one record of the input: a byte, two for the length, the bytes. */
enum { MARK_COUNTS = 1 /* give it the epoch and sequence that count */ };

struct partition {
    struct engine *engine;
    struct engine_budget budget;
    struct epoch owner; /* of the records that were made to count */
    uint64_t sequence;
    int64_t offset;
    struct instant now;
    struct wall wall;
};

static enum error_code nothing_there(void *self, const struct command *command,
                                     const struct session_list *list, struct resolution *ret,
                                     struct error *err)
{
    (void)self;
    (void)list;
    (void)ret;
    return error_set(err, ERR_NOT_FOUND, "cluster '%s' is not here", command->cluster);
}

static void step(struct partition *partition, int64_t ms)
{
    partition->now = instant_add_ms(partition->now, ms);
    partition->wall.ms += ms;
}

static enum error_code read_record(struct partition *partition, struct record *record)
{
    struct error err;
    step(partition, 1);
    enum error_code code = engine_record(partition->engine, record, partition->offset++,
                                         partition->wall, partition->now, &err);
    CHECK(!code || code == ERR_JOURNAL);
    return code;
}

static void make_it_count(struct partition *partition, struct record *record)
{
    if (record->kind == RECORD_OWNER) {
        partition->owner.writer.bytes[0] = 1;
        partition->owner.number++;
        partition->sequence = 0;
    }
    record->epoch = partition->owner;
    record->sequence = ++partition->sequence;
}

static bool read_journal(struct partition *partition, struct text input)
{
    for (int i = 0; input.length && i < RECORDS_MAX; i++) {
        uint8_t marks = fuzz_byte(&input);
        size_t length = fuzz_byte(&input);
        length = length << 8 | fuzz_byte(&input);
        struct record *record;
        if (record_decode(fuzz_take(&input, length), &record, NULL))
            continue;
        if (marks & MARK_COUNTS && (record->kind == RECORD_OWNER || partition->sequence))
            make_it_count(partition, record);
        if (read_record(partition, record))
            return false;
    }
    return true;
}

static void publish(struct partition *partition, const struct engine_action *action)
{
    struct event_style style = event_style_default();
    AUTO(outgoing) out = event_encode(&action->event, "main", &style);
    CHECK(out->count > 0);
    engine_published(partition->engine, action->tag, true, partition->now);
}

static struct record *through_bytes(struct record *record)
{
    AUTO_BUF bytes;
    struct record *again;
    buf_init(&bytes, FUZZ_OUT_BYTES);
    record_encode(record, &bytes);
    CHECK(!bytes.full);
    CHECK(bytes.length <= LIMIT_RECORD_BYTES);
    CHECK(!record_decode((struct text){(const char *)bytes.data, bytes.length}, &again, NULL));
    record_destroy(record);
    return again;
}

static bool carry_out(struct partition *partition, const struct engine_action *action)
{
    struct error down;
    error_set(&down, ERR_UNAVAILABLE, "the cluster does not answer");
    switch (action->kind) {
    case ENGINE_APPEND:
        return read_record(partition, through_bytes(action->record)) == ERR_OK;
    case ENGINE_LIST:
        engine_listed(partition->engine, action->tag, NULL, &down, partition->now);
        return true;
    case ENGINE_PROBE:
        engine_probed(partition->engine, action->tag, down.code, partition->now);
        return true;
    case ENGINE_END:
        engine_ended(partition->engine, action->tag, down.code, false, &down, partition->now);
        return true;
    case ENGINE_PUBLISH:
        publish(partition, action);
        return true;
    }
    return true;
}

static void own(struct partition *partition)
{
    struct engine_action action;
    struct engine_command_view view;
    engine_assign(partition->engine, true, partition->now);
    engine_at_end(partition->engine, partition->now);
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        step(partition, STEP_MS);
        engine_tick(partition->engine, partition->now);
        while (engine_next(partition->engine, &action, partition->now))
            if (!carry_out(partition, &action))
                return;
        while (engine_finished(partition->engine, &view))
            CHECK(view.outcome != COMMAND_NONE);
    }
    (void)engine_checkpoint(partition->engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct engine_config config = {
        .writer = {{9}},
        .instance = "fuzz",
        .open_commands_max = 100,
        .open_targets_max = 20000,
        .remembered_max = 1000,
        .cluster_share = 50,
        .attempts_max = 2,
        .remember_ms = 900000,
        .verify_ms = 15000,
        .identity_max_age_ms = 5000,
        .empty_confirm_ms = 2000,
        .session_events = true,
        .resolve = nothing_there,
    };
    struct partition partition = {.now = {1000000}, .wall = {1790000000000}};
    partition.engine = engine_create(&config, &partition.budget);
    if (read_journal(&partition, (struct text){(const char *)bytes, length}))
        own(&partition);
    engine_destroy(partition.engine);
    return 0;
}
