/* curfew show: what the journal holds about one session: as it was before its end, and what became
 * of it. The cluster itself forgets a session at once. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "cli/cluster_list.h"
#include "cli/history.h"
#include "cli/journal.h"
#include "cli/main_table.h"
#include "cli/send.h"
#include "cli/table.h"

struct show {
    struct cli_common common;
    const char *asked;
    struct history history;
    struct say out;
    struct say talk;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct show *show = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &show->common);
        return 0;
    case ARGP_KEY_ARG:
        if (show->asked)
            argp_error(state, "one session at a time");
        show->asked = arg;
        return 0;
    case ARGP_KEY_END:
        if (!show->asked)
            argp_error(state, "which session? Give its UUID");
        if (uuid_read(text_of(show->asked), &show->history.session, NULL))
            argp_error(state,
                       "'%s' is not a UUID; a session's number is used again, so it cannot "
                       "be looked up afterwards",
                       show->asked);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cmd_show_argp = {
    NULL,
    parse,
    "SESSION",
    "Shows what the journal holds about a session: its properties as they were before the end, who "
    "asked for the end, and what became of it.\n\n"
    "Examples:\n"
    "  curfew show 4f1c...-...\n"
    "  curfew show 4f1c...-... --json | jq '.[].outcome'\n"
    "\vReads the whole journal; needs neither a worker nor the cluster. Exit status 4: no command "
    "ever selected that session. 1: the journal is damaged, or records are missing, so that what "
    "was printed may not be all.",
    cli_children,
    NULL,
    NULL};

/* The snapshot that was journalled; texts live in `arena`. */
static struct session snapshot_of(const struct history_entry *entry, struct arena *arena)
{
    struct session session;
    struct text bytes = {(const char *)entry->snapshot, entry->snapshot_length};
    enum error_code code = session_decode(bytes, arena, &session, NULL);
    CHECK(code == ERR_OK); /* history_note() has read it before */
    return session;
}

/* ---- for people ---- */

static void fact(struct table *table, const char *name, struct text value)
{
    if (!value.length)
        return;
    table_row(table);
    table_cell(table, 0, text_of(name));
    table_cell(table, 1, value);
}

static void time_fact(struct table *table, const char *name, struct wall at)
{
    if (at.ms)
        fact(table, name, text_of(wall_format(at).text));
}

static const char *outcome_text(const struct history_entry *entry)
{
    if (entry->outcome != TARGET_NONE)
        return target_outcome_label(entry->outcome);
    return entry->closed && entry->closed_as == COMMAND_DRY_RUN ? "dry_run" : "open";
}

static void print_entry(const struct show *show, const struct history_entry *entry)
{
    static const struct table_column columns[] = {{"", TABLE_LEFT}, {"", TABLE_LEFT}};
    AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    AUTO(table) table = table_create(&show->out, columns, sizeof columns / sizeof *columns);
    struct session session = snapshot_of(entry, arena);
    AUTO_BUF value;
    buf_init(&value, LIMIT_RECORD_BYTES);
    fact(table, "outcome", text_of(outcome_text(entry)));
    fact(table, "why", text_of(entry->reason.message ? entry->reason.message : ""));
    fact(table, "command", text_of(uuid_format(&entry->command).text));
    fact(table, "cluster", text_of(entry->cluster));
    fact(table, "asked by", text_of(entry->requested_by));
    fact(table, "reason", text_of(entry->requested_reason));
    time_fact(table, "listed", entry->resolved_at);
    time_fact(table, "decided", entry->decided_at);
    time_fact(table, "released", entry->released_at);
    if (entry->leaked > 0) {
        buf_clear(&value);
        buf_format(&value, "%" PRIu32, entry->leaked);
        fact(table, "connections left", (struct text){(const char *)value.data, value.length});
    }
    for (enum session_field field = 0; field < SESSION_FIELD_COUNT; field++) {
        buf_clear(&value);
        session_field_print(&session, field, &value);
        fact(table, session_field_name(field),
             (struct text){(const char *)value.data, value.length});
    }
    table_print(table);
}

/* ---- for programs ---- */

static json_t *text_or_null(struct wall at)
{
    return at.ms ? json_string(wall_format(at).text) : json_null();
}

static json_t *snapshot_json(const struct history_entry *entry)
{
    AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    AUTO_BUF text;
    struct session session = snapshot_of(entry, arena);
    buf_init(&text, SEND_TEXT_MAX);
    session_json(&session, &text);
    json_t *json = json_loadb((const char *)text.data, text.length, 0, NULL);
    CHECK(json);
    return json;
}

static json_t *entry_json(const struct history_entry *entry)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:I, s:o}", "command",
        uuid_format(&entry->command).text, "cluster", entry->cluster, "requested_by",
        entry->requested_by, "requested_reason", entry->requested_reason, "outcome",
        outcome_text(entry), "reason_code",
        entry->reason.code ? error_label(entry->reason.code) : "", "reason",
        entry->reason.message ? entry->reason.message : "", "attempts", (json_int_t)entry->attempts,
        "resolved_at", text_or_null(entry->resolved_at), "decided_at",
        text_or_null(entry->decided_at), "released_at", text_or_null(entry->released_at),
        "connections_left", (json_int_t)entry->leaked, "snapshot", snapshot_json(entry));
    CHECK(json);
    return json;
}

static void print_json(const struct history *history)
{
    json_t *whole = json_array();
    for (size_t i = 0; i < history->count; i++)
        json_array_append_new(whole, entry_json(&history->entries[i]));
    json_dumpf(whole, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(whole);
}

/* `*ret_status`: of a journal that is not whole. */
static enum error_code walk(struct show *show, struct cli_setup *setup, int *ret_status,
                            struct error *err)
{
    AUTO(trace) trace = NULL;
    if (journal_read(&show->common, setup, &show->talk, history_note, &show->history, &trace, err))
        return err->code;
    if (show->history.count == 0 &&
        journal_vouch(trace, "whether a command ever selected that session is not known", err))
        return err->code;
    if (show->history.count == 0)
        return error_set(err, ERR_NOT_FOUND,
                         "the journal knows no session %s: no command ever selected it",
                         uuid_format(&show->history.session).text);
    if (show->common.json)
        print_json(&show->history);
    for (size_t i = 0; !show->common.json && i < show->history.count; i++) {
        if (i)
            putchar('\n');
        print_entry(show, &show->history.entries[i]);
    }
    *ret_status = journal_tell_doubts(trace, &show->talk);
    return ERR_OK;
}

int cmd_show(int argc, char **argv)
{
    struct show show = {0};
    struct cli_setup setup;
    struct error err;
    cli_common_init(&show.common);
    cli_parse(&cmd_show_argp, argc, argv, &show);
    show.out = say_open(stdout, show.common.no_color);
    show.talk = say_open(stderr, show.common.no_color);
    if (cli_setup_load(&show.common, false, &setup, NULL, &err))
        return say_error("show", &err);
    int status = 0;
    enum error_code code = walk(&show, &setup, &status, &err);
    say_clear(&show.talk);
    cli_setup_release(&setup);
    history_release(&show.history);
    return code ? say_error("show", &err) : status;
}
