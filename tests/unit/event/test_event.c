/* Events out in every style and back; parts; what attributes may hold; the stable JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>

#include "event/decode.h"
#include "event/encode.h"
#include "model/session.h"
#include "tests/support/gen.h"
#include "tests/support/sample.h"

enum { STYLES = 4, MANY_TARGETS = 3000, BYTES_MAX = 1 << 20 };

static struct error err;
static struct buf snapshot;
static struct command *command;
static const struct reason no_such = {ERR_GONE, (char[]){"the session \"7\" is gone\n"}};

static int setup(void **state)
{
    (void)state;
    struct session session = sample_session(7);
    session.data_separation = "''";
    session.memory_current = -5;
    session.cpu_time_total = INT64_MAX;
    session.duration_last_5min_dbms = 41;
    session.hibernate = true;
    struct gen gen = {1};
    session.uuid = gen_uuid(&gen);
    buf_init(&snapshot, BYTES_MAX);
    session_encode(&session, &snapshot);
    command = command_create();
    command->id = gen_uuid(&gen);
    command->cluster = "main";
    command->requested_by = "ivan@example.org";
    command->reason = "maintenance";
    command->correlation_id = "job-1";
    command->origin = ORIGIN_POLICY;
    command->requested_at.ms = 1700000000123;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    command_destroy(command);
    buf_release(&snapshot);
    return 0;
}

static struct event_target target_of(enum target_outcome outcome)
{
    struct gen gen = {99};
    return (struct event_target){
        .session = gen_uuid(&gen),
        .has_number = true,
        .number = 0,
        .outcome = outcome,
        .snapshot = snapshot.data,
        .snapshot_length = (uint32_t)snapshot.length,
        .attempts = 2,
        .decided_at = {1700000001000},
    };
}

static struct event event_of(const struct event_target *targets, uint32_t count)
{
    struct gen gen = {7};
    return (struct event){
        .id = gen_uuid(&gen),
        .kind = EVENT_PARTIALLY_COMPLETED,
        .command_id = command->id,
        .command = command,
        .outcome = COMMAND_PARTIALLY_COMPLETED,
        .targets = targets,
        .target_count = count,
        .source = {true, 3, 1234567890123, {{0}}},
        .journal_partition = 3,
        .journal_offset = 77,
        .time = {1700000002000},
        .accepted_at = {1700000000500},
        .closed_at = {1700000002000},
    };
}

static struct event_style style_of(int index)
{
    struct event_style style = event_style_default();
    style.mode = index & 1 ? EVENT_MODE_STRUCTURED : EVENT_MODE_BINARY;
    style.format = index & 2 ? EVENT_FORMAT_PROTOBUF : EVENT_FORMAT_JSON;
    style.source = "curfew/test";
    style.worker = "worker-1";
    style.commands_topic = "curfew.commands";
    style.journal_topic = "curfew.journal";
    return style;
}

static struct event_view *read_back(const struct message *message)
{
    struct event_view *view = NULL;
    if (event_decode(message, &view, &err))
        fail_msg("%s", err.message);
    return view;
}

static const char *header_of(const struct message *message, const char *name)
{
    struct text value;
    assert_int_equal(message_header(message, name, &value, &err), ERR_OK);
    return value.at;
}

static void every_style_carries_every_fact(void **state)
{
    (void)state;
    struct event_target targets[] = {target_of(TARGET_ENDED), target_of(TARGET_ALREADY_GONE),
                                     target_of(TARGET_SURVIVED)};
    targets[1].session = (struct uuid){{0}};
    targets[1].snapshot = NULL;
    targets[1].reason = &no_such;
    struct event event = event_of(targets, 3);
    event.duplicate = true;
    for (int i = 0; i < STYLES; i++) {
        struct event_style style = style_of(i);
        AUTO(outgoing) out = event_encode(&event, "", &style);
        assert_int_equal(out->count, 1);
        AUTO(event_view) view = read_back(&out->messages[0]);
        assert_string_equal(out->messages[0].key.at, "main");
        assert_string_equal(view->id, uuid_format(&event.id).text);
        assert_string_equal(view->source, "curfew/test");
        assert_int_equal(view->time.ms, event.time.ms);
        assert_int_equal(view->kind, EVENT_PARTIALLY_COMPLETED);
        assert_string_equal(view->kind_label, "partially_completed");
        assert_true(uuid_equal(&view->command_id, &command->id));
        assert_string_equal(view->cluster, "main");
        assert_int_equal(view->outcome, COMMAND_PARTIALLY_COMPLETED);
        assert_int_equal(view->origin, ORIGIN_POLICY);
        assert_string_equal(view->requested_by, "ivan@example.org");
        assert_string_equal(view->requested_reason, "maintenance");
        assert_string_equal(view->correlation_id, "job-1");
        assert_int_equal(view->requested_at.ms, 1700000000123);
        assert_int_equal(view->accepted_at.ms, 1700000000500);
        assert_int_equal(view->closed_at.ms, 1700000002000);
        assert_true(view->duplicate);
        assert_int_equal(view->part, 1);
        assert_int_equal(view->parts, 1);
        assert_true(event_view_is_final(view));
        assert_string_equal(view->worker, "worker-1");
        assert_string_equal(view->commands_topic, "curfew.commands");
        assert_int_equal(view->command_partition, 3);
        assert_true(view->command_offset == 1234567890123);
        assert_string_equal(view->journal_topic, "curfew.journal");
        assert_int_equal(view->journal_offset, 77);
        assert_int_equal(view->totals.targets, 3);
        assert_int_equal(view->totals.ended, 1);
        assert_int_equal(view->totals.already_gone, 1);
        assert_int_equal(view->totals.not_ended, 1);
        assert_int_equal(view->target_count, 3);
        const struct event_target_view *first = &view->targets[0];
        assert_true(uuid_equal(&first->session, &targets[0].session));
        assert_true(first->has_number);
        assert_int_equal(first->number, 0);
        assert_int_equal(first->outcome, TARGET_ENDED);
        assert_int_equal(first->attempts, 2);
        assert_int_equal(first->decided_at.ms, 1700000001000);
        assert_int_equal(first->snapshot.length, snapshot.length);
        assert_memory_equal(first->snapshot.at, snapshot.data, snapshot.length);
        assert_true(uuid_is_nil(&view->targets[1].session));
        assert_string_equal(view->targets[1].reason.code, "gone");
        assert_string_equal(view->targets[1].reason.message, no_such.message);
    }
}

static void binary_mode_shows_its_attributes_as_headers(void **state)
{
    (void)state;
    struct event event = event_of(NULL, 0);
    struct event_style style = style_of(0);
    style.data_schema = "https://example.org/event.json";
    AUTO(outgoing) out = event_encode(&event, "a/b%\n", &style);
    const struct message *message = &out->messages[0];
    assert_string_equal(header_of(message, "content-type"), "application/json");
    assert_string_equal(header_of(message, "ce_specversion"), "1.0");
    assert_string_equal(header_of(message, "ce_type"), "curfew.command.partially_completed.v1");
    assert_string_equal(header_of(message, "ce_time"), "2023-11-14T22:13:22.000Z");
    assert_string_equal(header_of(message, "ce_correlationid"), "job-1");
    assert_string_equal(header_of(message, "ce_causationid"), uuid_format(&command->id).text);
    assert_string_equal(header_of(message, "ce_dataschema"), "https://example.org/event.json");
    AUTO_BUF subject;
    buf_init(&subject, 200);
    buf_format(&subject, "cluster/a%%2Fb%%25%%0A/command/%s", uuid_format(&command->id).text);
    assert_string_equal(header_of(message, "ce_subject"), buf_text(&subject));
}

static void attributes_name_no_user_and_hold_no_controls(void **state)
{
    (void)state;
    struct event_target target = target_of(TARGET_ENDED);
    struct event event = event_of(&target, 1);
    command->correlation_id = "a\nb";
    for (int i = 0; i < STYLES; i++) {
        struct event_style style = style_of(i);
        AUTO(outgoing) out = event_encode(&event, "main", &style);
        const struct message *message = &out->messages[0];
        for (size_t h = 0; h < message->header_count; h++) {
            assert_null(strstr(message->headers[h].value.at, "ivan"));
            assert_null(strstr(message->headers[h].value.at, "Иван"));
            assert_null(strchr(message->headers[h].value.at, '\n'));
            assert_string_not_equal(message->headers[h].name.at, "ce_correlationid");
        }
        AUTO(event_view) view = read_back(message);
        assert_string_equal(view->correlation_id, "a\nb");
    }
    static const char *const controls[] = {"a\x7f", "a\xc2\x85"
                                                    "b"};
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        struct event_style style = style_of(0);
        struct text value;
        command->correlation_id = controls[i];
        AUTO(outgoing) out = event_encode(&event, "main", &style);
        assert_int_equal(message_header(&out->messages[0], "ce_correlationid", &value, &err),
                         ERR_OK);
        assert_int_equal(value.length, 0);
    }
}

/* Journals of other programs may hold longer ones than ours writes. */
static void a_long_reason_is_cut_at_a_character(void **state)
{
    (void)state;
    AUTO_BUF text;
    buf_init(&text, BYTES_MAX);
    buf_byte(&text, 'x'); /* so that the bound falls into a letter of two bytes */
    while (text.length <= LIMIT_TEXT_BYTES)
        buf_str(&text, "Ж");
    struct reason reason = {ERR_REFUSED, (char *)(uintptr_t)buf_text(&text)};
    struct event event = event_of(NULL, 0);
    event.reason = &reason;
    for (int i = 0; i < STYLES; i++) {
        struct event_style style = style_of(i);
        AUTO(outgoing) out = event_encode(&event, "main", &style);
        AUTO(event_view) view = read_back(&out->messages[0]);
        assert_int_equal(strlen(view->reason.message), LIMIT_TEXT_BYTES - 1);
    }
}

static void a_long_list_is_split_and_nothing_is_lost(void **state)
{
    (void)state;
    struct event_target *targets = mem_alloc(MANY_TARGETS, sizeof targets[0]);
    for (uint32_t i = 0; i < MANY_TARGETS; i++) {
        targets[i] = target_of(TARGET_ENDED);
        targets[i].number = i;
    }
    struct event event = event_of(targets, MANY_TARGETS);
    for (int i = 0; i < STYLES; i++) {
        struct event_style style = style_of(i);
        style.max_bytes = EVENT_BYTES_MIN;
        AUTO(outgoing) out = event_encode(&event, "main", &style);
        assert_true(out->count > 1);
        uint32_t next = 0;
        for (size_t part = 0; part < out->count; part++) {
            assert_true(out->messages[part].value.length <= style.max_bytes);
            AUTO(event_view) view = read_back(&out->messages[part]);
            assert_int_equal(view->part, part + 1);
            assert_int_equal(view->parts, out->count);
            assert_int_equal(event_view_is_final(view), part + 1 == out->count);
            assert_int_equal(view->totals.targets, MANY_TARGETS);
            for (uint32_t t = 0; t < view->target_count; t++)
                assert_int_equal(view->targets[t].number, next++);
        }
        assert_int_equal(next, MANY_TARGETS);
    }
    free(targets);
}

static void parts_have_ids_of_their_own_and_a_repeat_has_the_same(void **state)
{
    (void)state;
    struct event_target *targets = mem_alloc(MANY_TARGETS, sizeof targets[0]);
    for (uint32_t i = 0; i < MANY_TARGETS; i++)
        targets[i] = target_of(TARGET_ENDED);
    struct event event = event_of(targets, MANY_TARGETS);
    struct event_style style = style_of(0);
    AUTO(outgoing) once = event_encode(&event, "main", &style);
    AUTO(outgoing) again = event_encode(&event, "main", &style);
    assert_int_equal(once->count, again->count);
    assert_true(once->count > 1);
    for (size_t i = 0; i < once->count; i++) {
        const char *id = header_of(&once->messages[i], "ce_id");
        assert_string_equal(id, header_of(&again->messages[i], "ce_id"));
        assert_true(text_equal(once->messages[i].value, again->messages[i].value));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(id, header_of(&once->messages[j], "ce_id"));
    }
    style.max_bytes = EVENT_BYTES_MIN; /* another cut of it is another set of messages */
    AUTO(outgoing) cut = event_encode(&event, "main", &style);
    assert_true(cut->count > once->count);
    for (size_t i = 0; i < once->count; i++)
        assert_string_not_equal(header_of(&cut->messages[i], "ce_id"),
                                header_of(&once->messages[i], "ce_id"));
    free(targets);
}

static void the_memory_makes_no_other_messages(void **state)
{
    (void)state;
    struct event_target *targets = mem_alloc(MANY_TARGETS, sizeof targets[0]);
    for (uint32_t i = 0; i < MANY_TARGETS; i++)
        targets[i] = target_of(TARGET_ENDED);
    const uint32_t counts[] = {0, 1, 5, MANY_TARGETS};
    for (size_t i = 0; i < 4; i++) {
        struct event event = event_of(targets, counts[i]);
        struct event_style style = style_of(0);
        struct event_room room;
        AUTO(outgoing) owned = event_encode(&event, "main", &style);
        AUTO(outgoing) lent = event_encode_in(&room, &event, "main", &style);
        assert_int_equal(owned->count, lent->count);
        for (size_t j = 0; j < owned->count; j++) {
            assert_true(text_equal(owned->messages[j].value, lent->messages[j].value));
            assert_true(text_equal(owned->messages[j].key, lent->messages[j].key));
        }
    }
    free(targets);
}

static void a_snapshot_too_large_for_a_message_is_left_out(void **state)
{
    (void)state;
    char *name = mem_alloc(EVENT_BYTES_MIN, 1);
    memset(name, 1, EVENT_BYTES_MIN - 1); /* \u0001 in JSON: six times as long */
    struct session session = sample_blank();
    session.infobase_name = name;
    AUTO_BUF large;
    buf_init(&large, BYTES_MAX);
    session_encode(&session, &large);
    struct event_target target = target_of(TARGET_ENDED);
    target.snapshot = large.data;
    target.snapshot_length = (uint32_t)large.length;
    struct event event = event_of(&target, 1);
    struct event_style style = style_of(0);
    style.max_bytes = EVENT_BYTES_MIN;
    AUTO(outgoing) out = event_encode(&event, "main", &style);
    AUTO(event_view) view = read_back(&out->messages[0]);
    assert_int_equal(view->target_count, 1);
    assert_int_equal(view->targets[0].snapshot.length, 0);
    free(name);
}

/* As protobuf's own libraries and schemas/event.schema.json have it; others refuse the event. */
static void an_underscore_before_a_digit_goes_out_of_the_name(void **state)
{
    (void)state;
    static const char wanted[] = "\"durationLast5minDbms\":\"41\"";
    struct event_target target = target_of(TARGET_ENDED);
    struct event event = event_of(&target, 1);
    struct event_style style = style_of(0);
    AUTO(outgoing) out = event_encode(&event, "main", &style);
    struct text json = out->messages[0].value;
    assert_non_null(memmem(json.at, json.length, wanted, sizeof wanted - 1));
    assert_null(memmem(json.at, json.length, "_5min", 5));
}

static void snapshots_are_left_out_when_not_wanted(void **state)
{
    (void)state;
    struct event_target target = target_of(TARGET_ENDED);
    struct event event = event_of(&target, 1);
    for (int i = 0; i < STYLES; i++) {
        struct event_style style = style_of(i);
        style.include_snapshots = false;
        AUTO(outgoing) out = event_encode(&event, "main", &style);
        AUTO(event_view) view = read_back(&out->messages[0]);
        assert_int_equal(view->targets[0].snapshot.length, 0);
    }
}

static void a_refusal_of_undecodable_input_has_no_command(void **state)
{
    (void)state;
    char *long_message = mem_alloc(60000, 1);
    memset(long_message, 2, 59999);
    const struct reason reason = {ERR_UNDECODABLE, long_message};
    struct event event = event_of(NULL, 0);
    event.kind = EVENT_REJECTED;
    event.outcome = COMMAND_REJECTED;
    event.command = NULL;
    event.command_id = (struct uuid){{0}};
    event.reason = &reason;
    struct event_style style = style_of(0);
    AUTO(outgoing) out = event_encode(&event, "", &style);
    const struct message *message = &out->messages[0];
    assert_int_equal(message->key.length, 0);
    assert_string_equal(header_of(message, "ce_subject"),
                        "topic/curfew.commands/partition/3/offset/1234567890123");
    assert_null(header_of(message, "ce_causationid"));
    AUTO(event_view) view = read_back(message);
    assert_string_equal(view->reason.code, "undecodable");
    assert_int_equal(strlen(view->reason.message), LIMIT_TEXT_BYTES);
    free(long_message);
}

static json_t *cli_json(const struct event_view *view)
{
    AUTO_BUF json;
    buf_init(&json, BYTES_MAX);
    event_to_cli_json(view, &json);
    json_error_t at;
    json_t *root = json_loads(buf_text(&json), JSON_REJECT_DUPLICATES, &at);
    if (!root)
        fail_msg("%s in %s", at.text, buf_text(&json));
    return root;
}

static void what_waits_says_until_when_and_what_an_approval_must_name(void **state)
{
    (void)state;
    static const enum event_format formats[] = {EVENT_FORMAT_JSON, EVENT_FORMAT_PROTOBUF};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct event_style style = event_style_default();
        style.format = formats[i];
        struct event event = {
            .kind = EVENT_PENDING_APPROVAL,
            .until = {1790000000123},
            .resolved_digest = "00ff",
            .time = {1790000000000},
        };
        AUTO(outgoing) out = event_encode(&event, "main", &style);
        AUTO(event_view) view = read_back(&out->messages[0]);
        assert_int_equal(view->kind, EVENT_PENDING_APPROVAL);
        assert_int_equal(view->until.ms, 1790000000123);
        assert_string_equal(view->resolved_digest, "00ff");
        assert_false(event_view_is_final(view));
        event.kind = EVENT_PROGRESS;
        event.progress = PROGRESS_LEFT;
        AUTO(outgoing) progress = event_encode(&event, "main", &style);
        AUTO(event_view) moved = read_back(&progress->messages[0]);
        assert_int_equal(moved->progress, PROGRESS_LEFT);
        assert_string_equal(progress_label(moved->progress), "left");
        event.kind = EVENT_RESTORED;
        event.kept_foreign = true;
        AUTO(outgoing) restored = event_encode(&event, "main", &style);
        AUTO(event_view) kept = read_back(&restored->messages[0]);
        assert_true(kept->kept_foreign);
        json_t *root = cli_json(kept);
        assert_true(json_is_true(json_object_get(root, "kept_foreign")));
        assert_true(json_is_false(json_object_get(root, "duplicate")));
        json_decref(root);
    }
}

static void a_newer_workers_event_is_still_read(void **state)
{
    (void)state;
    struct message message = {
        .value = TEXT("{\"kind\":\"EVENT_KIND_PENDING_APPROVAL\",\"novelty\":{\"a\":1},"
                      "\"outcome\":\"COMMAND_OUTCOME_STRANGE\",\"cluster\":\"c\"}")};
    AUTO(event_view) view = read_back(&message);
    assert_int_equal(view->kind, EVENT_PENDING_APPROVAL);
    assert_string_equal(view->kind_label, "pending_approval");
    assert_int_equal(view->outcome, COMMAND_NONE);
    message.value = TEXT("\x08\x63\x1a\x01"
                         "c\x20\x63\xf8\x07\x01"); /* kind 99, cluster, outcome 99, field 127 */
    AUTO(event_view) binary = read_back(&message);
    assert_string_equal(binary->kind_label, "99");
    assert_string_equal(binary->cluster, "c");
    assert_int_equal(binary->outcome, COMMAND_NONE);
}

static void an_event_beyond_measure_is_refused_unread(void **state) /* I13 */
{
    (void)state;
    AUTO_FREE char *value = mem_alloc(4 * LIMIT_EVENT_BYTES + 1, 1);
    memset(value, ' ', 4 * LIMIT_EVENT_BYTES + 1);
    memcpy(value, "{}", 2);
    struct message message = {.value = {value, 4 * LIMIT_EVENT_BYTES}};
    AUTO(event_view) view = read_back(&message);
    assert_int_equal(view->target_count, 0);
    struct event_view *none = NULL;
    message.value.length++;
    assert_int_equal(event_decode(&message, &none, &err), ERR_TOO_LARGE);
}

static void the_stable_json_spells_outcomes_as_labels(void **state)
{
    (void)state;
    struct event_target targets[] = {target_of(TARGET_ALREADY_GONE), target_of(TARGET_ENDED)};
    targets[0].reason = &no_such;
    struct event event = event_of(targets, 2);
    struct event_style style = style_of(0);
    AUTO(outgoing) out = event_encode(&event, "main", &style);
    AUTO(event_view) view = read_back(&out->messages[0]);
    json_t *root = cli_json(view);
    const char *kind;
    const char *outcome;
    const char *first;
    const char *code;
    const char *user;
    json_int_t number;
    json_int_t memory;
    json_int_t cpu;
    int hibernate;
    json_t *none;
    assert_int_equal(json_unpack(root, "{s:s,s:s,s:o,s:[{s:s,s:{s:s},s:I,s:{s:s,s:I,s:I,s:b}},o]}",
                                 "event", &kind, "outcome", &outcome, "reason", &none, "targets",
                                 "outcome", &first, "reason", "code", &code, "number", &number,
                                 "properties", "user_name", &user, "memory_current", &memory,
                                 "cpu_time_total", &cpu, "hibernate", &hibernate, &none),
                     0);
    assert_string_equal(kind, "partially_completed");
    assert_string_equal(outcome, "partially_completed");
    assert_string_equal(first, "already_gone");
    assert_string_equal(code, "gone");
    assert_string_equal(user, "Иванов");
    assert_int_equal(number, 0);
    assert_int_equal(memory, -5);
    assert_true(cpu == INT64_MAX);
    assert_true(hibernate);
    json_decref(root);
}

static void the_stable_json_of_an_empty_event_is_whole(void **state)
{
    (void)state;
    struct message message = {.value = TEXT("{}")};
    AUTO(event_view) view = read_back(&message);
    json_t *root = cli_json(view);
    assert_true(json_is_null(json_object_get(root, "outcome")));
    assert_true(json_is_array(json_object_get(root, "targets")));
    assert_true(json_is_null(json_object_get(root, "source")));
    json_decref(root);
}

/* Number 0 is no session's; one that was asked for by its UUID and not found has none. */
static void the_stable_json_of_a_target_without_a_number_says_null(void **state)
{
    (void)state;
    struct event_target target = target_of(TARGET_ALREADY_GONE);
    target.has_number = false;
    struct event event = event_of(&target, 1);
    struct event_style style = style_of(0);
    AUTO(outgoing) out = event_encode(&event, "main", &style);
    AUTO(event_view) view = read_back(&out->messages[0]);
    json_t *root = cli_json(view);
    const json_t *first = json_array_get(json_object_get(root, "targets"), 0);
    assert_true(json_is_null(json_object_get(first, "number")));
    assert_true(json_is_null(json_object_get(first, "released_at")));
    assert_string_equal(json_string_value(json_object_get(first, "decided_at")),
                        "2023-11-14T22:13:21.000Z");
    json_decref(root);
}

static void try_bytes(const struct message *like, struct text value)
{
    struct message message = *like;
    struct event_view *view = NULL;
    message.value = value;
    if (event_decode(&message, &view, &err))
        return;
    json_decref(cli_json(view));
    event_view_destroy(view);
}

static void any_corrupt_byte_is_survived(void **state)
{
    (void)state;
    struct event_target target = target_of(TARGET_ENDED);
    target.reason = &no_such;
    struct event event = event_of(&target, 1);
    AUTO_BUF copy;
    buf_init(&copy, BYTES_MAX);
    for (int i = 0; i < STYLES; i++) {
        struct event_style style = style_of(i);
        AUTO(outgoing) out = event_encode(&event, "main", &style);
        const struct message *message = &out->messages[0];
        for (size_t at = 0; at < message->value.length; at++) {
            static const uint8_t masks[] = {0x01, 0x80, 0xFF};
            try_bytes(message, (struct text){message->value.at, at});
            for (size_t m = 0; m < sizeof masks; m++) {
                buf_clear(&copy);
                buf_add(&copy, message->value.at, message->value.length);
                copy.data[at] ^= masks[m];
                try_bytes(message, (struct text){(const char *)copy.data, copy.length});
            }
        }
    }
}

static void any_command_can_be_announced(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(200);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(command) any = gen_command(&gen);
        struct event event = event_of(NULL, 0);
        event.command = any;
        event.command_id = any->id;
        event.kind = (enum event_kind)(1 + gen_below(&gen, EVENT_KINDS - 1));
        event.outcome = (enum command_outcome)gen_below(&gen, COMMAND_OUTCOMES);
        for (int i = 0; i < STYLES; i++) {
            struct event_style style = style_of(i);
            AUTO(outgoing) out = event_encode(&event, "", &style);
            AUTO(event_view) view = read_back(&out->messages[0]);
            if (strcmp(view->requested_reason, any->reason) ||
                strcmp(view->cluster, any->cluster) || view->outcome != event.outcome)
                fail_msg("seed=%llu style %d", (unsigned long long)seed, i);
            json_decref(cli_json(view));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_style_carries_every_fact),
        TEST(binary_mode_shows_its_attributes_as_headers),
        TEST(attributes_name_no_user_and_hold_no_controls),
        TEST(a_long_reason_is_cut_at_a_character),
        TEST(a_long_list_is_split_and_nothing_is_lost),
        TEST(parts_have_ids_of_their_own_and_a_repeat_has_the_same),
        TEST(the_memory_makes_no_other_messages),
        TEST(a_snapshot_too_large_for_a_message_is_left_out),
        TEST(an_underscore_before_a_digit_goes_out_of_the_name),
        TEST(snapshots_are_left_out_when_not_wanted),
        TEST(a_refusal_of_undecodable_input_has_no_command),
        TEST(what_waits_says_until_when_and_what_an_approval_must_name),
        TEST(a_newer_workers_event_is_still_read),
        TEST(the_stable_json_spells_outcomes_as_labels),
        TEST(an_event_beyond_measure_is_refused_unread),
        TEST(the_stable_json_of_an_empty_event_is_whole),
        TEST(the_stable_json_of_a_target_without_a_number_says_null),
        TEST(any_corrupt_byte_is_survived),
        TEST(any_command_can_be_announced),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
