/* The domain types through their wire forms and back, and hostile bytes in each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <protobuf-c/protobuf-c.h>

#include "model/cloudevent.h"
#include "model/event.h"
#include "model/json.h"
#include "model/message.h"
#include "model/record.h"
#include "model/session.h"
#include "model/wire.h"
#include "tests/support/gen.h"

enum { BYTES_MAX = 1 << 20 };

static struct error err;

static struct text as_text(const struct buf *buf)
{
    return (struct text){(const char *)buf->data, buf->length};
}

/* ---- commands ---- */

static void a_command_reads_back_as_the_same_bytes(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(1000);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(command) command = gen_command(&gen);
        AUTO(command) back = NULL;
        AUTO_BUF bytes;
        AUTO_BUF again;
        buf_init(&bytes, BYTES_MAX);
        buf_init(&again, BYTES_MAX);
        command_encode(command, &bytes);
        if (command_decode(as_text(&bytes), &back, &err))
            fail_msg("seed=%llu: %s", (unsigned long long)seed, err.message);
        command_encode(back, &again);
        if (!text_equal(as_text(&bytes), as_text(&again)))
            fail_msg("seed=%llu: other bytes", (unsigned long long)seed);
    }
}

static void a_command_longer_than_its_limits_is_refused(void **state)
{
    (void)state;
    AUTO(command) command = command_create();
    struct gen gen = {1};
    char name[LIMIT_NAME_BYTES + 2];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    command->id = gen_uuid(&gen);
    command->cluster = name;
    AUTO_BUF bytes;
    buf_init(&bytes, BYTES_MAX);
    command_encode(command, &bytes);
    AUTO(command) back = NULL;
    assert_int_equal(command_decode(as_text(&bytes), &back, &err), ERR_TOO_LARGE);
    assert_non_null(strstr(err.message, "cluster"));
    name[LIMIT_NAME_BYTES] = '\0';
    buf_clear(&bytes);
    command_encode(command, &bytes);
    assert_int_equal(command_decode(as_text(&bytes), &back, &err), ERR_OK);
}

/* ---- records ---- */

static void fill_targets(struct gen *gen, struct record *record)
{
    uint32_t count = (uint32_t)gen_below(gen, 5);
    record->resolved.round = (uint32_t)gen_below(gen, 3);
    record->resolved.chunks = 1 + (uint32_t)gen_below(gen, 3);
    record->resolved.chunk = record->resolved.chunks;
    record->resolved.count = count;
    record->resolved.targets = mem_alloc(count, sizeof record->resolved.targets[0]);
    for (uint32_t i = 0; i < count; i++) {
        struct resolved_target *target = &record->resolved.targets[i];
        target->index = i;
        if (gen_chance(gen, 70)) {
            target->snapshot = (uint8_t *)mem_text("abc", 3);
            target->snapshot_length = 3;
        }
        target->asked_by_number = gen_chance(gen, 50);
        if (target->asked_by_number)
            target->asked_number = (uint32_t)gen_number(gen, UINT32_MAX);
        else
            target->asked_session = gen_uuid(gen);
        target->verdict = (enum target_outcome)gen_below(gen, TARGET_OUTCOMES);
        target->handler = (enum handler_mode)gen_below(gen, HANDLER_MODES);
        if (gen_chance(gen, 30))
            target->handler_of = mem_text("ut", 2);
        if (target->verdict && gen_chance(gen, 50))
            target->reason = (struct reason){ERR_DENIED, mem_text("left", 4)};
    }
}

static void fill_ends(struct gen *gen, struct record *record)
{
    uint32_t count = (uint32_t)gen_below(gen, 5);
    record->outcome.round = (uint32_t)gen_below(gen, 3);
    record->outcome.count = count;
    record->outcome.ends = mem_alloc(count, sizeof record->outcome.ends[0]);
    for (uint32_t i = 0; i < count; i++) {
        struct target_end *end = &record->outcome.ends[i];
        end->index = i;
        end->outcome = (enum target_outcome)(1 + gen_below(gen, TARGET_OUTCOMES - 1));
        end->attempts = (uint32_t)gen_below(gen, 9);
        if (gen_chance(gen, 50))
            end->reason = (struct reason){ERR_REFUSED, mem_text("no", 2)};
    }
}

static struct infobase_lock any_lock(struct gen *gen)
{
    return (struct infobase_lock){
        .infobase = gen_uuid(gen),
        .sessions_deny = gen_chance(gen, 50),
        .scheduled_jobs_deny = gen_chance(gen, 50),
        .denied_from = {gen_chance(gen, 50) ? 638000000000000 : 0},
        .denied_message = gen_chance(gen, 50) ? mem_text("нет", strlen("нет")) : NULL,
        .denied_parameter = gen_chance(gen, 50) ? mem_text("curfew", 6) : NULL,
    };
}

static void fill_body(struct gen *gen, struct record *record)
{
    switch (record->kind) {
    case RECORD_OWNER:
        record->owner.instance = mem_text("worker-1", 8);
        break;
    case RECORD_ACCEPTED:
        record->accepted.command = gen_command(gen);
        record->accepted.first_appended_at = gen_wall(gen);
        record->accepted.expires_at.ms = 1 + (int64_t)gen_below(gen, 1000000);
        break;
    case RECORD_REJECTED:
        record->rejected.after_accepted = gen_chance(gen, 50);
        record->rejected.command = gen_chance(gen, 50) ? gen_command(gen) : NULL;
        break;
    case RECORD_DUPLICATE:
        record->duplicate.first_outcome = COMMAND_EXPIRED;
        record->duplicate.command = gen_command(gen);
        break;
    case RECORD_FORWARDED:
        record->forwarded.to_partition = (int32_t)gen_below(gen, 100);
        break;
    case RECORD_RESOLVED:
        fill_targets(gen, record);
        break;
    case RECORD_ATTEMPT:
        record->attempt.count = 3;
        record->attempt.targets = mem_alloc(3, sizeof record->attempt.targets[0]);
        record->attempt.targets[2] = UINT32_MAX;
        record->attempt.attempt = 2;
        record->attempt.act = ACT_DISCONNECT;
        record->attempt.connections = mem_alloc(1, sizeof record->attempt.connections[0]);
        record->attempt.connection_count = 1;
        record->attempt.connections[0] = (struct connection_ref){gen_uuid(gen), gen_uuid(gen)};
        break;
    case RECORD_OUTCOME:
        fill_ends(gen, record);
        break;
    case RECORD_CLOSED:
        record->closed.outcome = COMMAND_DRY_RUN;
        break;
    case RECORD_CANCELLED:
        record->cancelled.by = mem_text("Пётр", strlen("Пётр"));
        break;
    case RECORD_PENDING:
        record->pending.digest = mem_text("ab12", 4);
        record->pending.until.ms = 1 + (int64_t)gen_below(gen, 1000000);
        break;
    case RECORD_APPROVED:
        record->approved.by = mem_text("Пётр", strlen("Пётр"));
        record->approved.digest = mem_text("ab12", 4);
        break;
    case RECORD_LOCKED:
        record->locked.infobase = mem_text("УТ", strlen("УТ"));
        record->locked.name = mem_text("ут", strlen("ут"));
        record->locked.before = any_lock(gen);
        record->locked.during = any_lock(gen);
        record->locked.during.infobase = record->locked.before.infobase;
        record->locked.until = gen_wall(gen);
        record->locked.grace_until = gen_wall(gen);
        record->locked.end_by = gen_wall(gen);
        record->locked.attempt = 1 + (uint32_t)gen_below(gen, 5);
        break;
    case RECORD_RESTORED:
        record->restored.infobase = mem_text("УТ", strlen("УТ"));
        record->restored.now = any_lock(gen);
        record->restored.kept_foreign = gen_chance(gen, 50);
        break;
    case RECORD_TOPICS_ACCEPTED:
        record->topics_accepted.partitions = (int32_t)gen_below(gen, 1000);
        record->topics_accepted.from_beginning = gen_chance(gen, 50);
        record->topics_accepted.by = mem_text("Иванов", strlen("Иванов"));
        break;
    case RECORD_RELEASED:
        record->released.count = (uint32_t)gen_below(gen, 3);
        record->released.releases = mem_alloc(3, sizeof record->released.releases[0]);
        for (uint32_t i = 0; i < record->released.count; i++)
            record->released.releases[i] = (struct target_release){i, 2, 1, 1};
        break;
    default:
        break;
    }
}

static const enum record_kind kinds[] = {
    RECORD_OWNER,     RECORD_ACCEPTED,  RECORD_REJECTED, RECORD_DUPLICATE,
    RECORD_FORWARDED, RECORD_RESOLVED,  RECORD_ATTEMPT,  RECORD_OUTCOME,
    RECORD_CLOSED,    RECORD_CANCELLED, RECORD_PENDING,  RECORD_APPROVED,
    RECORD_LOCKED,    RECORD_RESTORED,  RECORD_RELEASED, RECORD_TOPICS_ACCEPTED};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct record *any_record(struct gen *gen)
{
    struct record *record = record_create(kinds[gen_below(gen, KINDS)]);
    record->epoch = (struct epoch){gen_uuid(gen), 1 + gen_number(gen, INT32_MAX - 1)};
    record->sequence = 1 + gen_number(gen, INT32_MAX - 1);
    if (record->sequence > 1)
        record->previous = sha256_of("x", 1);
    if (gen_chance(gen, 70))
        record->command_id = gen_uuid(gen);
    if (gen_chance(gen, 70))
        record->command_digest = sha256_of("y", 1);
    if (gen_chance(gen, 70))
        record->source =
            (struct source){true, (int32_t)gen_below(gen, 100),
                            (int64_t)gen_number(gen, INT64_MAX - 1), sha256_of("z", 1)};
    record->written_at = gen_wall(gen);
    record->events_through = (int64_t)gen_number(gen, INT64_MAX);
    if (gen_chance(gen, 50))
        record->reason = (struct reason){ERR_DENIED, mem_text("why", 3)};
    fill_body(gen, record);
    return record;
}

static void a_record_of_any_kind_reads_back_as_the_same_bytes(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(1000);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(record) record = any_record(&gen);
        AUTO(record) back = NULL;
        AUTO_BUF bytes;
        AUTO_BUF again;
        buf_init(&bytes, BYTES_MAX);
        buf_init(&again, BYTES_MAX);
        record_encode(record, &bytes);
        if (record_decode(as_text(&bytes), &back, &err))
            fail_msg("seed=%llu: %s", (unsigned long long)seed, err.message);
        assert_int_equal(back->kind, record->kind);
        record_encode(back, &again);
        if (!text_equal(as_text(&bytes), as_text(&again)))
            fail_msg("seed=%llu: other bytes", (unsigned long long)seed);
    }
}

static void corrupt_records_are_survived(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0xFF};
    struct gen_seeds seeds = gen_seeds(40);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(record) record = any_record(&gen);
        AUTO_BUF bytes;
        buf_init(&bytes, BYTES_MAX);
        record_encode(record, &bytes);
        for (size_t at = 0; at < bytes.length; at++)
            for (size_t i = 0; i < sizeof masks; i++) {
                AUTO(record) back = NULL;
                bytes.data[at] ^= masks[i];
                if (!record_decode(as_text(&bytes), &back, &err))
                    assert_non_null(back);
                bytes.data[at] ^= masks[i];
            }
    }
}

static void a_newer_programs_record_is_unsupported(void **state)
{
    (void)state;
    struct gen gen = {3};
    AUTO(record) record = record_create(RECORD_CLOSED);
    record->epoch = (struct epoch){gen_uuid(&gen), 1};
    record->sequence = 1;
    AUTO_BUF bytes;
    buf_init(&bytes, BYTES_MAX);
    record_encode(record, &bytes);
    AUTO(record) back = NULL;
    bytes.data[1] = 2; /* version */
    assert_int_equal(record_decode(as_text(&bytes), &back, &err), ERR_UNSUPPORTED);
    bytes.data[1] = 1;
    bytes.length -= 2; /* the empty body of CLOSED */
    wire_put_bytes(&bytes, 200, TEXT(""));
    assert_int_equal(record_decode(as_text(&bytes), &back, &err), ERR_UNSUPPORTED);
}

extern const ProtobufCMessageDescriptor curfew__v1__record__descriptor;
extern const ProtobufCMessageDescriptor curfew__v1__session_snapshot__descriptor;
extern const ProtobufCMessageDescriptor curfew__v1__command__descriptor;

/* Messages within messages of this type; LEVELS_MAX when it holds itself, be it far down. */
enum { LEVELS_MAX = 16 };

static unsigned levels_of(const ProtobufCMessageDescriptor *is, unsigned above)
{
    unsigned deepest = above;
    for (unsigned i = 0; i < is->n_fields && above < LEVELS_MAX; i++) {
        if (is->fields[i].type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        unsigned levels = levels_of(is->fields[i].descriptor, above + 1);
        deepest = levels > deepest ? levels : deepest;
    }
    return deepest;
}

/* protobuf-c unpacks by recursion without a limit; these are unpacked without counting first. */
static void records_and_snapshots_do_not_hold_themselves(void **state)
{
    (void)state;
    assert_true(levels_of(&curfew__v1__record__descriptor, 0) < LEVELS_MAX);
    assert_true(levels_of(&curfew__v1__session_snapshot__descriptor, 0) < LEVELS_MAX);
    assert_int_equal(levels_of(&curfew__v1__command__descriptor, 0), LEVELS_MAX);
}

/* ---- sessions ---- */

static struct session any_session(struct gen *gen, struct arena *arena)
{
    struct session session = {.number = (uint32_t)gen_number(gen, UINT32_MAX)};
#define FILL_UUID(name) session.name = gen_uuid(gen)
#define FILL_U32(name) session.name = (uint32_t)gen_number(gen, UINT32_MAX)
#define FILL_I64(name) session.name = (int64_t)gen_next(gen)
#define FILL_TEXT(name) session.name = gen_text(gen, arena, LIMIT_NAME_BYTES)
#define FILL_TIME(name) session.name = gen_server_time(gen)
#define FILL_BOOL(name) session.name = gen_chance(gen, 50)
#define FIELD(type, name) FILL_##type(name);
#include "model/session.def"
#undef FIELD
    return session;
}

static void a_session_keeps_every_field_through_its_snapshot(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(300);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(arena) arena = arena_create(BYTES_MAX);
        struct session session = any_session(&gen, arena);
        struct session back;
        AUTO_BUF bytes;
        buf_init(&bytes, BYTES_MAX);
        session_encode(&session, &bytes);
        assert_int_equal(session_decode(as_text(&bytes), arena, &back, &err), ERR_OK);
        for (int field = 0; field < SESSION_FIELD_COUNT; field++) {
            AUTO_BUF left;
            AUTO_BUF right;
            buf_init(&left, BYTES_MAX);
            buf_init(&right, BYTES_MAX);
            session_field_print(&session, (enum session_field)field, &left);
            session_field_print(&back, (enum session_field)field, &right);
            if (!text_equal(as_text(&left), as_text(&right)))
                fail_msg("seed=%llu field %s", (unsigned long long)seed,
                         session_field_name((enum session_field)field));
        }
    }
}

static void corrupt_snapshots_are_survived(void **state)
{
    (void)state;
    struct gen gen = {5};
    AUTO(arena) arena = arena_create(BYTES_MAX);
    struct session session = any_session(&gen, arena);
    AUTO_BUF bytes;
    buf_init(&bytes, BYTES_MAX);
    session_encode(&session, &bytes);
    for (size_t at = 0; at < bytes.length; at++)
        for (unsigned mask = 1; mask < 256; mask *= 2) {
            AUTO(arena) scratch = arena_create(BYTES_MAX);
            struct session back;
            bytes.data[at] ^= (uint8_t)mask;
            if (session_decode(as_text(&bytes), scratch, &back, &err))
                assert_int_not_equal(err.code, ERR_OK);
            bytes.data[at] ^= (uint8_t)mask;
        }
}

static void server_times_keep_a_ten_thousandth_and_have_no_zone(void **state)
{
    (void)state;
    struct server_time time;
    static const char *const good[] = {"",
                                       "2026-11-21T18:30:00",
                                       "2026-11-21T18:30:00.0007",
                                       "1970-01-01T00:00:00",
                                       "9999-12-31T23:59:59.9999",
                                       "0001-01-01T00:00:00.0001",
                                       "0004-02-29T23:59:59",
                                       "1900-02-28T12:00:00",
                                       "1969-12-31T23:59:59.9999"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(server_time_read(text_of(good[i]), &time, &err), ERR_OK);
        assert_string_equal(server_time_format(time).text, good[i]);
    }
    static const char *const bad[] = {"2026-11-21",           "2026-11-21T18:30:00Z",
                                      "2026-11-21T18:30:00z", "2026-11-21T18:30:00+03:00",
                                      "2026-02-30T00:00:00",  "1900-02-29T00:00:00",
                                      "0000-01-01T00:00:00",  "10000-01-01T00:00:00",
                                      "-001-01-01T00:00:00",  "202",
                                      "2026-11-21T18:30:00.", "yesterday"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!server_time_read(text_of(bad[i]), &time, &err))
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(server_time_read(TEXT("9999-12-31T23:59:59.9999"), &time, &err), ERR_OK);
    assert_int_equal(time.ticks, SERVER_TIME_LAST);
    assert_int_equal(server_time_read(TEXT("0001-01-01T00:00:00.0001"), &time, &err), ERR_OK);
    assert_int_equal(time.ticks, 1);
}

static void outcomes_have_labels_and_partial_is_no_success(void **state)
{
    (void)state;
    assert_string_equal(target_outcome_label(TARGET_ALREADY_GONE), "already_gone");
    assert_string_equal(command_outcome_label(COMMAND_PARTIALLY_COMPLETED), "partially_completed");
    for (int i = TARGET_NONE; i < TARGET_OUTCOMES; i++)
        assert_int_equal(target_outcome_is_success((enum target_outcome)i),
                         i == TARGET_ENDED || i == TARGET_ALREADY_GONE || i == TARGET_LEFT);
    assert_int_equal(command_outcome_exit_status(COMMAND_PARTIALLY_COMPLETED), 3);
    assert_string_equal(event_kind_label(EVENT_DRY_RUN), "dry_run");
}

/* ---- wire, base64, JSON, headers ---- */

static void the_wire_reader_stops_at_bad_bytes(void **state)
{
    (void)state;
    AUTO_BUF bytes;
    buf_init(&bytes, 1000);
    wire_put_number(&bytes, 1, UINT64_MAX);
    wire_put_bytes(&bytes, 536870911, TEXT("abc"));
    struct text rest = as_text(&bytes);
    struct wire_field field;
    assert_true(wire_next(&rest, &field));
    assert_true(field.value == UINT64_MAX);
    assert_true(wire_next(&rest, &field));
    assert_int_equal(field.number, 536870911);
    assert_true(text_equal(field.bytes, TEXT("abc")));
    assert_false(wire_next(&rest, &field));
    assert_int_equal(rest.length, 0);
    static const struct text bad[] = {TEXT("\x0a"),
                                      TEXT("\x0a\x05"
                                           "abc"),
                                      TEXT("\x0b"),
                                      TEXT("\x0c"),
                                      TEXT("\x00\x01"),
                                      TEXT("\x09"
                                           "1234567"),
                                      TEXT("\x08\xff"),
                                      TEXT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                                      TEXT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rest = bad[i];
        assert_false(wire_next(&rest, &field));
        assert_int_equal(rest.length, bad[i].length);
    }
}

static void base64_is_read_in_both_alphabets(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_create(BYTES_MAX);
    static const char *const good[][2] = {{"", ""},
                                          {"Zg==", "f"},
                                          {"Zg", "f"},
                                          {"Zm8=", "fo"},
                                          {"Zm9v", "foo"},
                                          {"Zm9vYg==", "foob"},
                                          {"-_-_", "\xfb\xff\xbf"},
                                          {"+/+/", "\xfb\xff\xbf"}};
    struct text out;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(base64_read(text_of(good[i][0]), arena, &out, &err), ERR_OK);
        assert_true(text_equal(out, text_of(good[i][1])));
    }
    static const char *const bad[] = {"Z", "Zg=", "Zg===", "Z g=", "=", "Zm9v=", "Zm=v"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!base64_read(text_of(bad[i]), arena, &out, &err))
            fail_msg("taken: %s", bad[i]);
}

static void json_depth_counts_brackets_outside_texts_only(void **state)
{
    (void)state;
    json_t *root = json_read(TEXT("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                                  "[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}"),
                             &err);
    assert_non_null(root);
    json_decref(root);
    assert_null(json_read(TEXT("\"\\"), &err));
    assert_null(json_read(TEXT(""), &err));
    assert_false(json_likely(TEXT("\x0a\x24{")));
    assert_true(json_likely(TEXT("\n\n {")));
}

/* Where a terminal shows it raw, a DEL is obeyed as well; everything else stands for itself. */
static void quoted_json_holds_no_control_character(void **state)
{
    (void)state;
    AUTO_BUF out;
    buf_init(&out, 100);
    json_quote(&out, TEXT("a\"\\\n\x1b\x7f/Ж"));
    assert_string_equal(buf_text(&out), "\"a\\\"\\\\\\u000a\\u001b\\u007f/Ж\"");
}

static void a_header_is_found_without_case(void **state)
{
    (void)state;
    const struct header headers[] = {{TEXT("Content-Type"), TEXT("a")},
                                     {TEXT("content-type"), TEXT("a")},
                                     {TEXT("x"), {NULL, 0}}};
    const struct message message = {.headers = headers, .header_count = 3};
    struct text value;
    assert_int_equal(message_header(&message, "content-type", &value, &err), ERR_OK);
    assert_true(text_equal(value, TEXT("a")));
    assert_int_equal(message_header(&message, "x", &value, &err), ERR_OK);
    assert_int_equal(value.length, 0);
    assert_int_equal(message_header(&message, "content", &value, &err), ERR_OK);
    assert_null(value.at);
}

/* ---- lists ---- */

static struct session_list *list_of(uint32_t count)
{
    struct session_list *list = session_list_create(BYTES_MAX);
    list->sessions = arena_take(list->arena, count, sizeof list->sessions[0]);
    assert_non_null(list->sessions);
    list->count = count;
    for (uint32_t i = 0; i < count; i++) {
        list->sessions[i].uuid = uuid_derive(&i, sizeof i);
        list->sessions[i].number = i;
    }
    return list;
}

static void a_session_is_found_in_a_list_of_any_length(void **state)
{
    static const uint32_t counts[] = {0, 1, 15, 16, 17, 33, 1000};
    (void)state;
    for (size_t at = 0; at < sizeof counts / sizeof counts[0]; at++) {
        AUTO(session_list) list = list_of(counts[at]);
        struct session_list bare = {.sessions = list->sessions, .count = list->count};
        for (uint32_t i = 0; i < counts[at] + 50; i++) {
            struct uuid uuid = uuid_derive(&i, sizeof i);
            const struct session *wanted = i < counts[at] ? &list->sessions[i] : NULL;
            assert_ptr_equal(session_list_find(list, &uuid), wanted);
            assert_ptr_equal(session_list_find(&bare, &uuid), wanted);
        }
    }
}

static void of_two_sessions_with_one_uuid_the_first_is_found(void **state)
{
    (void)state;
    AUTO(session_list) list = list_of(40);
    list->sessions[30].uuid = list->sessions[7].uuid;
    assert_ptr_equal(session_list_find(list, &list->sessions[30].uuid), &list->sessions[7]);
}

/* Looked through one after the other they would take minutes. */
static void sessions_whose_uuids_were_counted_up_are_found_as_fast(void **state)
{
    enum { MANY = 200000 };
    (void)state;
    for (size_t byte = 0; byte < sizeof(struct uuid); byte += 6) {
        struct session_list *list = session_list_create((size_t)1 << 30);
        list->sessions = arena_take(list->arena, MANY, sizeof list->sessions[0]);
        list->count = MANY;
        for (uint32_t i = 0; i < MANY; i++)
            memcpy(list->sessions[i].uuid.bytes + byte, &i, sizeof i);
        for (uint32_t i = 0; i < MANY; i++)
            assert_ptr_equal(session_list_find(list, &list->sessions[i].uuid), &list->sessions[i]);
        session_list_destroy(list);
    }
}

static void a_session_twice_in_a_list_becomes_one_and_two_of_one_uuid_none(void **state)
{
    static const uint32_t counts[] = {3, 40}; /* without an index, and with one */
    (void)state;
    for (size_t at = 0; at < sizeof counts / sizeof counts[0]; at++) {
        AUTO(session_list) list = list_of(counts[at]);
        for (uint32_t i = 0; i < counts[at]; i++)
            list->sessions[i].user_name = list->sessions[i].app_id = list->sessions[i].host = "x";
        uint32_t last = counts[at] - 1;
        struct uuid uuid = list->sessions[last].uuid;
        list->sessions[1] = list->sessions[0];
        list->sessions[1].calls_all = 9;
        list->sessions[1].unreadable = true;
        assert_int_equal(session_list_unite(list, &err), ERR_OK);
        assert_int_equal(list->count, last);
        assert_true(list->sessions[0].unreadable);
        assert_ptr_equal(session_list_find(list, &uuid), &list->sessions[last - 1]);
        assert_int_equal(list->sessions[0].calls_all, 0);
        list->sessions[1].uuid = list->sessions[0].uuid;
        struct session_list bare = {.sessions = list->sessions, .count = list->count};
        assert_int_equal(session_list_unite(&bare, &err), ERR_PROTOCOL);
        assert_int_equal(bare.count, last);
        list->sessions[1] = list->sessions[0];
        list->sessions[1].host = "y";
        assert_int_equal(session_list_unite(&bare, &err), ERR_PROTOCOL);
    }
}

/* Who woke while the list was made has not been idle. */
static void of_a_session_twice_in_a_list_the_latest_activity_counts(void **state)
{
    (void)state;
    for (int later = 0; later < 2; later++) {
        AUTO(session_list) list = list_of(3);
        for (uint32_t i = 0; i < 3; i++)
            list->sessions[i].user_name = list->sessions[i].app_id = list->sessions[i].host = "x";
        list->sessions[2] = list->sessions[0];
        list->sessions[0].last_active_at.ticks = 1000;
        list->sessions[2].last_active_at.ticks = 1000;
        list->sessions[later ? 2 : 0].last_active_at.ticks = 5000;
        assert_int_equal(session_list_unite(list, &err), ERR_OK);
        assert_int_equal(list->count, 2);
        assert_int_equal(list->sessions[0].last_active_at.ticks, 5000);
    }
}

/* A UUID alone proves nothing: whoever lives under it now may be somebody else. */
static void a_session_is_the_same_by_uuid_start_user_and_application(void **state) /* I2 */
{
    (void)state;
    const struct session session = {
        .uuid = {{1}}, .started_at = {638000000000000}, .user_name = "Иванов", .app_id = "1CV8C"};
    struct session others[] = {session, session, session, session};
    others[0].uuid.bytes[0] = 2;
    others[1].started_at.ticks++;
    others[2].user_name = "Петров";
    others[3].app_id = "1CV8";
    struct identity identity = identity_of(&session);
    assert_true(identity_matches(&identity, &session));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(identity_matches(&identity, &others[i]));
    struct session again = session;
    again.user_name = "ИВАНОВ";
    again.app_id = "1cv8c";
    assert_true(identity_matches(&identity, &again));
    identity_release(&identity);
    again.user_name = ""; /* it was logging in */
    identity = identity_of(&again);
    assert_true(identity_matches(&identity, &session));
    identity_release(&identity);
    again.app_id = "BackgroundJob"; /* without a user for ever: with one it is another */
    identity = identity_of(&again);
    assert_true(identity_matches(&identity, &again));
    again.user_name = "Иванов";
    assert_false(identity_matches(&identity, &again));
    identity_release(&identity);
}

static void a_name_that_two_infobases_bear_finds_neither(void **state)
{
    (void)state;
    struct infobase_name names[] = {{.uuid = {{1}}, .name = "ut"},
                                    {.uuid = {{2}}, .name = "UT"},
                                    {.uuid = {{3}}, .name = "erp"},
                                    {.uuid = {{3}}, .name = "ERP"}};
    struct session_list list = {.infobases = names, .infobase_count = 4};
    assert_null(session_list_infobase(&list, TEXT("ut")));
    assert_ptr_equal(session_list_infobase(&list, TEXT("02000000-0000-0000-0000-000000000000")),
                     &names[1]);
    assert_non_null(session_list_infobase(&list, TEXT("Erp")));
}

/* A letter without a text of its own, as a refused reply needs it. */
static void the_smallest_message_out_can_be_made(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 64; bytes++) {
        struct outgoing *outgoing = outgoing_create(bytes, 0);
        assert_non_null(outgoing);
        outgoing_destroy(outgoing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_reads_back_as_the_same_bytes),
        cmocka_unit_test(a_command_longer_than_its_limits_is_refused),
        cmocka_unit_test(a_record_of_any_kind_reads_back_as_the_same_bytes),
        cmocka_unit_test(corrupt_records_are_survived),
        cmocka_unit_test(a_newer_programs_record_is_unsupported),
        cmocka_unit_test(records_and_snapshots_do_not_hold_themselves),
        cmocka_unit_test(a_session_keeps_every_field_through_its_snapshot),
        cmocka_unit_test(corrupt_snapshots_are_survived),
        cmocka_unit_test(server_times_keep_a_ten_thousandth_and_have_no_zone),
        cmocka_unit_test(outcomes_have_labels_and_partial_is_no_success),
        cmocka_unit_test(the_wire_reader_stops_at_bad_bytes),
        cmocka_unit_test(base64_is_read_in_both_alphabets),
        cmocka_unit_test(json_depth_counts_brackets_outside_texts_only),
        cmocka_unit_test(quoted_json_holds_no_control_character),
        cmocka_unit_test(a_header_is_found_without_case),
        cmocka_unit_test(a_session_is_found_in_a_list_of_any_length),
        cmocka_unit_test(of_two_sessions_with_one_uuid_the_first_is_found),
        cmocka_unit_test(sessions_whose_uuids_were_counted_up_are_found_as_fast),
        cmocka_unit_test(a_session_twice_in_a_list_becomes_one_and_two_of_one_uuid_none),
        cmocka_unit_test(of_a_session_twice_in_a_list_the_latest_activity_counts),
        cmocka_unit_test(a_session_is_the_same_by_uuid_start_user_and_application),
        cmocka_unit_test(a_name_that_two_infobases_bear_finds_neither),
        cmocka_unit_test(the_smallest_message_out_can_be_made),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
