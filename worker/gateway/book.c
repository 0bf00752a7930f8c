#include "gateway/book.h"

#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "model/session.h"

/* A verdict of LIMIT_TARGETS sessions with a reason each. */
enum { ENTRY_BYTES_MAX = 8 * 1024 * 1024 };

struct book {
    struct book_entry *by_id;
    TAILQ_HEAD(, book_entry) entries; /* oldest first */
    size_t count;
    size_t bytes;
    size_t commands_max;
    size_t bytes_max;
    bool ending;
};

struct book *book_create(size_t commands_max, size_t bytes_max)
{
    struct book *book = mem_new(struct book);
    book->commands_max = commands_max;
    book->bytes_max = bytes_max;
    TAILQ_INIT(&book->entries);
    return book;
}

void book_drop(struct book *book, struct book_entry *entry)
{
    CHECK(TAILQ_EMPTY(&entry->waiters));
    CHECK(!entry->sending || book->ending); /* its receipt would find nothing */
    HASH_DEL(book->by_id, entry);
    TAILQ_REMOVE(&book->entries, entry, of_book);
    book->count--;
    book->bytes -= entry->bytes;
    verdict_release(&entry->verdict);
    arena_destroy(entry->arena);
    free(entry);
}

void book_destroy(struct book *book)
{
    if (!book)
        return;
    book->ending = true;
    while (!TAILQ_EMPTY(&book->entries))
        book_drop(book, TAILQ_FIRST(&book->entries));
    free(book);
}

size_t book_count(const struct book *book)
{
    return book->count;
}

struct book_entry *book_find(struct book *book, const struct uuid *id)
{
    struct book_entry *entry;
    HASH_FIND(hh, book->by_id, id, sizeof *id, entry);
    return entry;
}

/* Keeps `but`. */
static void make_room(struct book *book, const struct book_entry *but)
{
    struct book_entry *entry = TAILQ_FIRST(&book->entries);
    while (entry && (book->count > book->commands_max || book->bytes > book->bytes_max)) {
        struct book_entry *next = TAILQ_NEXT(entry, of_book);
        if (entry != but && TAILQ_EMPTY(&entry->waiters) && !entry->sending)
            book_drop(book, entry);
        entry = next;
    }
}

static void count_bytes(struct book *book, struct book_entry *entry)
{
    size_t bytes = sizeof *entry + arena_used(entry->arena);
    for (uint32_t i = 0; i < entry->verdict.count; i++)
        if (entry->verdict.parts[i])
            bytes += arena_used(entry->verdict.parts[i]->arena);
    book->bytes += bytes - entry->bytes;
    entry->bytes = bytes;
}

struct book_entry *book_add(struct book *book, const struct uuid *id)
{
    struct book_entry *entry = book_find(book, id);
    if (entry)
        return entry;
    entry = mem_new(struct book_entry);
    entry->id = *id;
    entry->arena = arena_create(ENTRY_BYTES_MAX);
    entry->cluster = entry->requested_by = entry->reason.code = entry->reason.message = "";
    TAILQ_INIT(&entry->waiters);
    HASH_ADD(hh, book->by_id, id, sizeof entry->id, entry);
    TAILQ_INSERT_TAIL(&book->entries, entry, of_book);
    book->count++;
    count_bytes(book, entry);
    make_room(book, entry);
    return entry;
}

void book_set_text(struct book_entry *entry, const char **field, const char *text)
{
    if (!strcmp(*field, text))
        return;
    const char *copy = arena_text(entry->arena, text_of(text));
    *field = copy ? copy : "";
}

/* ---- events ---- */

static void fill_row(struct book_entry *entry, struct book_row *row,
                     const struct event_target_view *target)
{
    AUTO(arena) scratch = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    struct session session;
    *row = (struct book_row){.session = target->session,
                             .has_number = target->has_number,
                             .number = target->number,
                             .outcome = target->outcome,
                             .reason = {"", ""},
                             .user = "",
                             .application = "",
                             .decided_at = target->decided_at};
    book_set_text(entry, &row->reason.code, target->reason.code);
    book_set_text(entry, &row->reason.message, target->reason.message);
    if (!target->snapshot.length || session_decode(target->snapshot, scratch, &session, NULL))
        return;
    book_set_text(entry, &row->user, session.user_name);
    book_set_text(entry, &row->application, session.app_id);
}

/* From the gathered parts to plain rows, which take less. */
static void fill_end(struct book_entry *entry)
{
    const struct verdict *verdict = &entry->verdict;
    const struct event_view *head = verdict_head(verdict);
    size_t count = 0;
    for (uint32_t i = 0; i < verdict->count; i++)
        count += verdict->parts[i]->target_count;
    entry->outcome = head->outcome;
    entry->closed_at = head->closed_at;
    entry->totals = head->totals;
    book_set_text(entry, &entry->reason.code, head->reason.code);
    book_set_text(entry, &entry->reason.message, head->reason.message);
    entry->rows = arena_take(entry->arena, count, sizeof *entry->rows);
    for (uint32_t i = 0; i < verdict->count && entry->rows; i++)
        for (uint32_t j = 0; j < verdict->parts[i]->target_count; j++)
            fill_row(entry, &entry->rows[entry->row_count++], &verdict->parts[i]->targets[j]);
    verdict_release(&entry->verdict);
}

static bool is_conflict(const struct event_view *event)
{
    return event->outcome == COMMAND_REJECTED &&
           !strcmp(event->reason.code, error_label(ERR_CONFLICT));
}

/* The worker knows this id with other content. It says so about the very command that was sent
 * here, or about another gateway's, which changes nothing. */
static enum book_news refused_as_other(struct book *book, const struct event_view *event,
                                       struct book_entry **ret)
{
    struct book_entry *entry = book_find(book, &event->command_id);
    if (!entry || !(entry->sent || entry->sending) || entry->accepted_at.ms ||
        entry->outcome != COMMAND_NONE || strcmp(entry->mark.text, event->correlation_id) != 0)
        return BOOK_NOTHING;
    entry->mark.text[0] = '\0'; /* what the worker has is not known */
    entry->sent = false;
    *ret = entry;
    return BOOK_OTHER;
}

/* The content that the worker has is what counts. */
static bool take_mark(struct book_entry *entry, const struct event_view *event)
{
    if (!ask_is_mark(event->correlation_id) || !strcmp(entry->mark.text, event->correlation_id))
        return false;
    bool other = entry->mark.text[0];
    memcpy(entry->mark.text, event->correlation_id, strlen(event->correlation_id) + 1);
    if (other)
        entry->asked = 0;
    return other;
}

static enum book_news take_event(struct book_entry *entry, struct event_view *event)
{
    AUTO(event_view) owned = event;
    book_set_text(entry, &entry->cluster, owned->cluster);
    book_set_text(entry, &entry->requested_by, owned->requested_by);
    if (owned->accepted_at.ms)
        entry->accepted_at = owned->accepted_at;
    if (owned->outcome == COMMAND_NONE)
        return owned->kind == EVENT_ACCEPTED ? BOOK_ACCEPTED : BOOK_NOTHING;
    if (!verdict_add(&entry->verdict, STEAL(owned)))
        return BOOK_NOTHING;
    fill_end(entry);
    return BOOK_ENDED;
}

enum book_news book_event(struct book *book, struct event_view *event, struct book_entry **ret)
{
    AUTO(event_view) owned = event;
    *ret = NULL;
    if (uuid_is_nil(&owned->command_id) || owned->kind == EVENT_SESSION)
        return BOOK_NOTHING;
    if (is_conflict(owned))
        return refused_as_other(book, owned, ret);
    struct book_entry *entry = *ret = book_add(book, &owned->command_id);
    bool other = take_mark(entry, owned);
    enum book_news news = BOOK_NOTHING;
    if (entry->outcome == COMMAND_NONE)
        news = take_event(entry, STEAL(owned));
    count_bytes(book, entry);
    make_room(book, entry);
    return other ? BOOK_OTHER : news;
}

bool book_all_gone(const struct book_entry *entry)
{
    if (entry->outcome != COMMAND_COMPLETED || !entry->row_count ||
        entry->row_count != entry->totals.targets)
        return false;
    for (uint32_t i = 0; i < entry->row_count; i++)
        if (!target_outcome_is_success(entry->rows[i].outcome))
            return false;
    return !entry->asked || entry->asked == entry->row_count;
}
