#include "examples.h"

#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "model/session.h"

enum { TARGETS = 2 };

static struct uuid uuid_of(const char *text)
{
    struct uuid uuid;
    struct error err;
    enum error_code code = uuid_read(text_of(text), &uuid, &err);
    CHECK(code == ERR_OK);
    return uuid;
}

static struct wall wall_of(const char *text)
{
    struct wall wall;
    struct error err;
    enum error_code code = wall_read(text_of(text), &wall, &err);
    CHECK(code == ERR_OK);
    return wall;
}

/* What is told of a kind, besides what all have. */
static const struct row {
    enum command_outcome outcome;
    struct {
        enum error_code code;
        char *message;
    } reason;
    const char *journal_time;             /* of the record that it follows from */
    const char *until;                    /* NULL: nothing is waited for */
    const char *digest;                   /* NULL: none */
    enum target_outcome targets[TARGETS]; /* NONE where `verdicts` is 0 */
    uint32_t target_count;
    enum progress progress;
    bool accepted, closed, released;
} rows[EVENT_KINDS] = {
    [EVENT_ACCEPTED] = {.journal_time = "2026-11-21T18:30:00.480Z", .accepted = true},
    [EVENT_REJECTED] = {.outcome = COMMAND_REJECTED,
                        .reason = {ERR_DENIED,
                                   (char[]){"the policy's rule 'office hours' denies this"}},
                        .journal_time = "2026-11-21T18:30:00.480Z",
                        .closed = true},
    [EVENT_COMPLETED] = {.outcome = COMMAND_COMPLETED,
                         .journal_time = "2026-11-21T18:35:02.120Z",
                         .targets = {TARGET_ENDED, TARGET_ALREADY_GONE},
                         .target_count = 2,
                         .accepted = true,
                         .closed = true},
    [EVENT_PARTIALLY_COMPLETED] =
        {.outcome = COMMAND_PARTIALLY_COMPLETED,
         .reason = {ERR_REFUSED, (char[]){"the cluster took the request, and still lists "
                                          "the session after the time for verification"}},
         .journal_time = "2026-11-21T18:35:32.040Z",
         .targets = {TARGET_ENDED, TARGET_SURVIVED},
         .target_count = 2,
         .accepted = true,
         .closed = true},
    [EVENT_FAILED] = {.outcome = COMMAND_FAILED,
                      .reason = {ERR_AUTH, (char[]){"cluster 'main': RAS 'ras1:1545': RAS refuses "
                                                    "'authenticate_cluster': wrong password"}},
                      .journal_time = "2026-11-21T18:45:00.010Z",
                      .targets = {TARGET_FAILED, TARGET_FAILED},
                      .target_count = 2,
                      .accepted = true,
                      .closed = true},
    [EVENT_EXPIRED] = {.outcome = COMMAND_EXPIRED,
                       .reason = {ERR_EXPIRED,
                                  (char[]){"the validity ended before it could be ended"}},
                       .journal_time = "2026-11-21T18:45:00.010Z",
                       .targets = {TARGET_EXPIRED, TARGET_EXPIRED},
                       .target_count = 2,
                       .accepted = true,
                       .closed = true},
    [EVENT_CANCELLED] = {.outcome = COMMAND_CANCELLED,
                         .reason = {ERR_CANCELLED,
                                    (char[]){"stopped before anything was sent for it: cancelled "
                                             "by 'anna@example.org': wrong infobase"}},
                         .journal_time = "2026-11-21T18:32:10.300Z",
                         .targets = {TARGET_STOPPED, TARGET_STOPPED},
                         .target_count = 2,
                         .accepted = true,
                         .closed = true},
    [EVENT_DRY_RUN] = {.outcome = COMMAND_DRY_RUN,
                       .journal_time = "2026-11-21T18:30:00.560Z",
                       .targets = {TARGET_NONE, TARGET_NONE},
                       .target_count = 2,
                       .accepted = true,
                       .closed = true},
    [EVENT_SESSION] = {.journal_time = "2026-11-21T18:35:02.110Z",
                       .targets = {TARGET_ENDED},
                       .target_count = 1,
                       .accepted = true},
    [EVENT_PENDING_APPROVAL] = {.journal_time = "2026-11-21T18:30:00.560Z",
                                .until = "2026-11-21T18:45:00.000Z",
                                .digest =
                                    "9f2c6a1b0d4e8f37a5c1e2d3b4f5968778695a4b3c2d1e0f00112233445566"
                                    "77",
                                .targets = {TARGET_NONE, TARGET_NONE},
                                .target_count = 2,
                                .accepted = true},
    [EVENT_PROGRESS] = {.journal_time = "2026-11-21T18:30:01.020Z",
                        .until = "2026-11-21T18:35:01.000Z",
                        .progress = PROGRESS_WARNED,
                        .accepted = true},
    [EVENT_RELEASED] = {.journal_time = "2026-11-21T18:35:04.700Z",
                        .targets = {TARGET_ENDED, TARGET_ALREADY_GONE},
                        .target_count = 2,
                        .accepted = true,
                        .released = true},
    [EVENT_RESTORED] = {.journal_time = "2026-11-21T20:30:01.330Z", .accepted = true},
    [EVENT_ORDER_REFUSED] = {.reason = {ERR_DENIED,
                                        (char[]){"restore was refused, and changed nothing: the "
                                                 "policy's rule 'night' denies this; somebody whom "
                                                 "policy.rules allow it must send it"}},
                             .journal_time = "2026-11-21T20:30:00.020Z"},
};

static void fill_snapshot(struct buf *out)
{
    struct session session = {.uuid = uuid_of("5f0d6a1e-0d54-4b8c-9f6f-7e3f2f0c9b11"),
                              .infobase = uuid_of("2b9a4c1d-77e0-4f63-8d25-6c1b0a9f8e7d"),
                              .number = 7,
                              .infobase_name = "ut",
                              .user_name = "Иванов",
                              .app_id = "1CV8C",
                              .host = "pc-17",
                              .client_ip = "192.0.2.17",
                              .locale = "ru",
                              .db_proc_info = "",
                              .current_service_name = "",
                              .data_separation = ""};
    struct error err;
    enum error_code code = server_time_read(TEXT("2026-11-21T09:02:11"), &session.started_at, &err);
    CHECK(code == ERR_OK);
    session_encode(&session, out);
}

static void fill_target(const struct row *row, const struct reason *reason, uint32_t place,
                        const struct buf *snapshot, struct event_target *ret)
{
    enum target_outcome outcome = row->targets[place];
    bool found = outcome != TARGET_ALREADY_GONE;
    bool first = place == 0;
    *ret = (struct event_target){.has_number = true,
                                 .number = first ? 7 : 12,
                                 .outcome = outcome,
                                 .attempts = outcome == TARGET_ENDED || outcome == TARGET_SURVIVED};
    if (found)
        ret->session = uuid_of(first ? "5f0d6a1e-0d54-4b8c-9f6f-7e3f2f0c9b11"
                                     : "8c2e7b90-3a41-4d6f-b1c8-0e9d8c7b6a55");
    if (found && first) {
        ret->snapshot = snapshot->data;
        ret->snapshot_length = (uint32_t)snapshot->length;
    }
    if (!target_outcome_is_success(outcome) && row->reason.code)
        ret->reason = reason;
    if (outcome != TARGET_NONE)
        ret->decided_at = wall_of(row->journal_time);
    if (row->released && outcome == TARGET_ENDED)
        ret->released_at = wall_of(row->journal_time);
}

static struct command *make_command(void)
{
    struct command *command = command_create();
    command->id = uuid_of("0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3");
    command->requested_at = wall_of("2026-11-21T18:30:00.000Z");
    command->expires_at = wall_of("2026-11-21T18:45:00.000Z");
    command->requested_by = "ivan@example.org";
    command->origin = ORIGIN_USER_REQUEST;
    command->reason = "month-end closing";
    command->correlation_id = "closing-2026-11";
    command->cluster = "main";
    return command;
}

struct outgoing *example_event(enum event_kind kind)
{
    if ((unsigned)kind >= EVENT_KINDS || !rows[kind].journal_time)
        return NULL;
    const struct row *row = &rows[kind];
    const char *label = event_kind_label(kind);
    const struct reason reason = {row->reason.code, row->reason.message};
    struct event_target targets[TARGETS];
    AUTO_BUF snapshot;
    buf_init(&snapshot, LIMIT_RECORD_BYTES);
    fill_snapshot(&snapshot);
    for (uint32_t i = 0; i < row->target_count; i++)
        fill_target(row, &reason, i, &snapshot, &targets[i]);
    AUTO(command) command = make_command();
    struct event event = {.id = uuid_derive(label, strlen(label)),
                          .kind = kind,
                          .command_id = command->id,
                          .command = command,
                          .outcome = row->outcome,
                          .reason = row->reason.code ? &reason : NULL,
                          .targets = targets,
                          .target_count = row->target_count,
                          .source = {true, 3, 4711, {{0}}},
                          .journal_partition = 3,
                          .journal_offset = 90210,
                          .time = wall_of(row->journal_time),
                          .progress = row->progress,
                          .resolved_digest = row->digest};
    if (row->accepted)
        event.accepted_at = wall_of("2026-11-21T18:30:00.480Z");
    if (row->closed)
        event.closed_at = wall_of(row->journal_time);
    if (row->until)
        event.until = wall_of(row->until);
    struct event_style style = event_style_default();
    style.worker = "worker-1";
    style.commands_topic = "curfew.commands";
    style.journal_topic = "curfew.journal";
    if (kind == EVENT_ORDER_REFUSED) {
        style.commands_topic = "curfew.control";
        event.source.partition = 0;
        event.journal_partition = -1;
    }
    return event_encode(&event, "main", &style);
}
