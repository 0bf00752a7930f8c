#include "cli/verdict.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "cli/table.h"
#include "model/session.h"

/* ---- the exit status ---- */

static bool all_protected(const struct verdict *verdict)
{
    size_t targets = 0;
    for (uint32_t i = 0; i < verdict->count; i++)
        for (uint32_t j = 0; j < verdict->parts[i]->target_count; j++, targets++)
            if (verdict->parts[i]->targets[j].outcome != TARGET_PROTECTED)
                return false;
    return targets > 0;
}

int verdict_exit_status(const struct verdict *verdict)
{
    const struct event_view *head = verdict_head(verdict);
    if (head->outcome == COMMAND_REJECTED) {
        enum error_code code = error_from_label(head->reason.code);
        int status = code == ERR_COUNT ? 0 : error_exit_status(code);
        return status ? status : command_outcome_exit_status(COMMAND_REJECTED);
    }
    if (head->outcome == COMMAND_FAILED && all_protected(verdict))
        return error_exit_status(ERR_DENIED);
    return command_outcome_exit_status(head->outcome);
}

/* ---- for people ---- */

enum paint verdict_paint(enum command_outcome outcome)
{
    switch (outcome) {
    case COMMAND_COMPLETED:
    case COMMAND_DRY_RUN:
        return PAINT_GOOD;
    case COMMAND_PARTIALLY_COMPLETED:
    case COMMAND_CANCELLED:
    case COMMAND_EXPIRED:
        return PAINT_WARN;
    case COMMAND_FAILED:
    case COMMAND_REJECTED:
        return PAINT_BAD;
    default:
        return PAINT_DIM;
    }
}

enum { COLUMN_NUMBER, COLUMN_SESSION, COLUMN_USER, COLUMN_APP, COLUMN_VERDICT, COLUMN_WHY };

static void put_target(struct table *table, const struct event_target_view *target)
{
    struct session session = {.user_name = "", .app_id = ""};
    AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    if (target->snapshot.length && session_decode(target->snapshot, arena, &session, NULL))
        session = (struct session){.user_name = "", .app_id = ""};
    bool open = target->outcome == TARGET_NONE; /* of a dry run: nothing was decided */
    bool good = target_outcome_is_success(target->outcome);
    table_row(table);
    if (target->has_number)
        table_format(table, COLUMN_NUMBER, "%" PRIu32, target->number);
    if (!uuid_is_nil(&target->session))
        table_cell(table, COLUMN_SESSION, text_of(uuid_format(&target->session).text));
    table_cell(table, COLUMN_USER, text_of(session.user_name));
    table_cell(table, COLUMN_APP, text_of(session.app_id));
    table_cell(table, COLUMN_VERDICT,
               text_of(open ? "would be ended" : target_outcome_label(target->outcome)));
    table_paint(table, COLUMN_VERDICT, good ? PAINT_GOOD : PAINT_WARN);
    if (!good && !open)
        table_cell(
            table, COLUMN_WHY,
            text_of(target->reason.message[0] ? target->reason.message : target->reason.code));
}

void verdict_table(const struct verdict *verdict, const struct say *say)
{
    static const struct table_column columns[] = {
        [COLUMN_NUMBER] = {"NUMBER", TABLE_RIGHT},  [COLUMN_SESSION] = {"SESSION", TABLE_LEFT},
        [COLUMN_USER] = {"USER", TABLE_LEFT},       [COLUMN_APP] = {"APPLICATION", TABLE_LEFT},
        [COLUMN_VERDICT] = {"VERDICT", TABLE_LEFT}, [COLUMN_WHY] = {"WHY", TABLE_LEFT},
    };
    AUTO(table) table = table_create(say, columns, sizeof columns / sizeof *columns);
    bool dry_run = verdict_head(verdict)->outcome == COMMAND_DRY_RUN;
    for (uint32_t i = 0; i < verdict->count; i++)
        for (uint32_t j = 0; j < verdict->parts[i]->target_count; j++)
            if (dry_run || verdict->parts[i]->targets[j].outcome != TARGET_NONE)
                put_target(table, &verdict->parts[i]->targets[j]);
    table_print(table);
}

/* False when there is nothing to count. */
static bool put_totals(const struct event_totals *totals, struct buf *out)
{
    const struct {
        uint32_t count;
        const char *what;
    } parts[] = {{totals->ended, "ended"},
                 {totals->already_gone, "already gone"},
                 {totals->left, "left by themselves"},
                 {totals->not_ended, "not ended"}};
    const char *before = "";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].count)
            continue;
        buf_format(out, "%s%" PRIu32 " %s", before, parts[i].count, parts[i].what);
        before = ", ";
    }
    return before[0];
}

static void put_reason(const struct event_reason *reason, const char *before, struct buf *out)
{
    if (!reason->code[0])
        return;
    buf_str(out, before);
    text_printable(out, text_of(reason->message[0] ? reason->message : reason->code));
}

void verdict_summary(const struct verdict *verdict, struct buf *out)
{
    const struct event_view *head = verdict_head(verdict);
    text_printable(out, text_of(head->kind_label));
    if (head->totals.targets) {
        const struct event_totals *totals = &head->totals;
        uint32_t decided = totals->ended + totals->already_gone + totals->left + totals->not_ended;
        if (decided)
            buf_str(out, ": ");
        if (put_totals(totals, out))
            buf_format(out, " of %" PRIu32, totals->targets);
        if (head->outcome == COMMAND_DRY_RUN && decided < totals->targets)
            buf_format(out, "%s %" PRIu32 " would be ended", decided ? "," : ":",
                       totals->targets - decided);
    }
    if (!head->totals.targets && head->outcome == COMMAND_COMPLETED)
        buf_str(out, ": no session was there to be ended"); /* a filter that nobody matches */
    put_reason(&head->reason, ": ", out);
    if (head->duplicate)
        buf_str(out, " (the first result of this id; nothing was done again)");
}

/* What is waited for, until when, and what a second person types. */
static void put_waiting(const struct event_view *view, struct buf *out)
{
    if (view->kind == EVENT_PENDING_APPROVAL)
        buf_format(out, "  %" PRIu32 " sessions", view->totals.targets);
    if (view->kind == EVENT_PROGRESS)
        buf_format(out, "  %s", progress_label(view->progress));
    if (view->until.ms)
        buf_format(out, " until %s", wall_format(view->until).text);
    if (view->kind == EVENT_PENDING_APPROVAL) {
        buf_format(out, ": curfew approve %s --digest ", uuid_format(&view->command_id).text);
        text_printable(out, text_of(view->resolved_digest));
    }
}

void event_line(const struct event_view *view, struct buf *out)
{
    buf_format(out, "%s  ", wall_format(view->time).text);
    size_t column = out->length;
    text_printable(out, text_of(view->kind_label));
    while (out->length < column + 19) /* "partially_completed" */
        buf_byte(out, ' ');
    buf_str(out, "  ");
    if (!uuid_is_nil(&view->command_id))
        buf_str(out, uuid_format(&view->command_id).text);
    buf_str(out, "  ");
    text_printable(out, text_of(view->cluster));
    if (view->kind == EVENT_SESSION && view->target_count == 1) {
        const struct event_target_view *target = &view->targets[0];
        if (target->has_number) /* else it was named by its UUID, and not found */
            buf_format(out, "  session %" PRIu32, target->number);
        else
            buf_format(out, "  session %s", uuid_format(&target->session).text);
        buf_format(out, " %s", target_outcome_label(target->outcome));
        put_reason(&target->reason, ": ", out);
    } else if (view->kind == EVENT_PENDING_APPROVAL || view->kind == EVENT_PROGRESS) {
        put_waiting(view, out);
    } else if (view->totals.targets) {
        size_t before = out->length;
        buf_str(out, "  ");
        if (!put_totals(&view->totals, out))
            out->length = before;
    }
    put_reason(&view->reason, "  ", out);
    if (view->parts > 1)
        buf_format(out, "  (part %" PRIu32 " of %" PRIu32 ")", view->part, view->parts);
    if (view->duplicate)
        buf_str(out, "  (duplicate)");
}
