#include "gateway/answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "model/json.h"

/* ---- members; each is written with the comma before it ---- */

static void put_text(struct buf *out, const char *name, const char *value)
{
    buf_format(out, ",\"%s\":", name);
    if (value[0])
        json_quote(out, text_of(value));
    else
        buf_str(out, "null");
}

static void put_wall(struct buf *out, const char *name, struct wall value)
{
    put_text(out, name, value.ms ? wall_format(value).text : "");
}

static void put_reason(struct buf *out, const struct event_reason *reason)
{
    if (!reason->code[0]) {
        buf_str(out, ",\"reason\":null");
        return;
    }
    buf_str(out, ",\"reason\":{\"code\":");
    json_quote(out, text_of(reason->code));
    put_text(out, "message", reason->message);
    buf_byte(out, '}');
}

static void put_row(struct buf *out, enum language language, const struct book_row *row)
{
    if (row->has_number)
        buf_format(out, "{\"number\":%" PRIu32, row->number);
    else
        buf_str(out, "{\"number\":null");
    put_text(out, "id", uuid_is_nil(&row->session) ? "" : uuid_format(&row->session).text);
    put_text(out, "outcome", row->outcome == TARGET_NONE ? "" : target_outcome_label(row->outcome));
    put_text(out, "outcomeText", language_target(language, row->outcome));
    buf_format(out, ",\"gone\":%s", target_outcome_is_success(row->outcome) ? "true" : "false");
    put_reason(out, &row->reason);
    put_text(out, "user", row->user);
    put_text(out, "application", row->application);
    put_wall(out, "decidedAt", row->decided_at);
    buf_byte(out, '}');
}

static void put_totals(struct buf *out, const struct event_totals *totals)
{
    buf_format(out,
               ",\"totals\":{\"targets\":%" PRIu32 ",\"ended\":%" PRIu32 ",\"alreadyGone\":%" PRIu32
               ",\"left\":%" PRIu32 ",\"notEnded\":%" PRIu32 "}",
               totals->targets, totals->ended, totals->already_gone, totals->left,
               totals->not_ended);
}

const char *answer_state(const struct book_entry *entry)
{
    if (entry->outcome != COMMAND_NONE)
        return "ended";
    return entry->accepted_at.ms ? "accepted" : "submitted";
}

void answer_write(const struct book_entry *entry, enum language language, int status,
                  struct http_response *response)
{
    struct buf *out = &response->body;
    response->status = status;
    response->content_type = "application/json";
    http_response_header(response, "Content-Language", language_tag(language));
    if (status == 202) {
        char location[64];
        snprintf(location, sizeof location, "/v1/terminations/%s", uuid_format(&entry->id).text);
        http_response_header(response, "Location", location);
    }
    if (entry->outcome == COMMAND_NONE)
        http_response_header(response, "Retry-After", "1");
    buf_format(out, "{\"id\":\"%s\"", uuid_format(&entry->id).text);
    put_text(out, "state", answer_state(entry));
    put_text(out, "outcome",
             entry->outcome == COMMAND_NONE ? "" : command_outcome_label(entry->outcome));
    put_text(out, "outcomeText", language_command(language, entry->outcome));
    buf_format(out, ",\"allGone\":%s", book_all_gone(entry) ? "true" : "false");
    put_reason(out, &entry->reason);
    put_text(out, "cluster", entry->cluster);
    put_text(out, "requestedBy", entry->requested_by);
    put_wall(out, "acceptedAt", entry->accepted_at);
    put_wall(out, "closedAt", entry->closed_at);
    put_totals(out, &entry->totals);
    buf_str(out, ",\"sessions\":[");
    for (uint32_t i = 0; i < entry->row_count; i++) {
        if (i)
            buf_byte(out, ',');
        put_row(out, language, &entry->rows[i]);
    }
    buf_str(out, "]}\n");
}
