/* book.h - what is known of commands: from their events, and of those asked for here, from before.
 *
 * A cache and no state: everything in it can be read again from the events topic. Bounded by
 * commands and by bytes; the oldest go first, but none that somebody waits for. Loop thread only.
 */
#ifndef GATEWAY_BOOK_H
#define GATEWAY_BOOK_H

#include <sys/queue.h>
#include <uthash.h>

#include "event/verdict.h"
#include "gateway/ask.h"

struct book_row {        /* one session asked for */
    struct uuid session; /* nil: none was found */
    bool has_number;
    uint32_t number;
    enum target_outcome outcome; /* NONE: one that this program does not know */
    struct event_reason reason;
    const char *user;
    const char *application;
    struct wall decided_at;
};

struct waiter; /* internal.h */
TAILQ_HEAD(waiters, waiter);

/* Texts are never NULL and live as long as the entry. */
struct book_entry {
    UT_hash_handle hh;
    TAILQ_ENTRY(book_entry) of_book;
    struct uuid id;
    uint32_t sending; /* receipts that Kafka owes: an event may come before them */
    bool sent;        /* by this gateway, and Kafka has it */
    bool uncertain;   /* a copy was sent, and Kafka may have it */
    struct waiters waiters;
    uint32_t asked;       /* sessions that were asked for here; 0: not known */
    struct ask_mark mark; /* of its content; "": not known */
    struct arena *arena;
    const char *cluster; /* "": not known */
    const char *requested_by;
    struct wall accepted_at; /* 0: not seen */
    struct wall closed_at;
    enum command_outcome outcome; /* NONE: not ended */
    struct event_reason reason;
    struct event_totals totals;
    struct book_row *rows;
    uint32_t row_count;
    struct verdict verdict; /* parts of the end, until all are there */
    size_t bytes;
};

struct book;

struct book *book_create(size_t commands_max, size_t bytes_max);
/* Nobody may wait any more. */
void book_destroy(struct book *book);
struct book_entry *book_find(struct book *book, const struct uuid *id);
/* The entry of that id, a new one if there is none. */
struct book_entry *book_add(struct book *book, const struct uuid *id);
/* It was not sent after all, and nothing else is known of it. */
void book_drop(struct book *book, struct book_entry *entry);
size_t book_count(const struct book *book);

enum book_news {
    BOOK_NOTHING,
    BOOK_ACCEPTED,
    BOOK_ENDED,
    BOOK_OTHER /* the command of this id has other content than what was asked for here */
};
/* Takes an event; `*ret` is its entry, NULL where there is none. */
enum book_news book_event(struct book *book, struct event_view *event, struct book_entry **ret);

/* Is every session that was asked for verified gone? False until the end is known. */
bool book_all_gone(const struct book_entry *entry);
void book_set_text(struct book_entry *entry, const char **field, const char *text);

#endif
