/* record.h - one journal record: what moves the engine's state, and nothing else does.
 *
 * The wire form is curfew.v1.Record (proto/curfew/v1/journal.proto); how records are folded is
 * docs/journal.md. */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "model/command.h"
#include "model/infobase.h"
#include "model/outcome.h"

enum { RECORD_VERSION = 1 };

/* Values are the numbers of the oneof in journal.proto. */
enum record_kind {
    RECORD_NONE = 0,
    RECORD_OWNER = 20,
    RECORD_ACCEPTED = 21,
    RECORD_REJECTED = 22,
    RECORD_DUPLICATE = 23,
    RECORD_FORWARDED = 24,
    RECORD_RESOLVED = 25,
    RECORD_PENDING = 26,
    RECORD_APPROVED = 27,
    RECORD_CANCELLED = 28,
    RECORD_LOCKED = 29,
    RECORD_ATTEMPT = 30,
    RECORD_OUTCOME = 31,
    RECORD_RESTORED = 32,
    RECORD_CLOSED = 33,
    RECORD_POLICY = 34,
    RECORD_RELEASED = 35,
    RECORD_TOPICS_ACCEPTED = 36
};

/* Whose record it is. Every OWNER has an epoch of its own, also when the same process asks again.
 */
struct epoch {
    struct uuid writer; /* random at the process's start */
    uint64_t number;    /* from 1; 0 = none */
};

static inline bool epoch_equal(const struct epoch *a, const struct epoch *b)
{
    return a->number == b->number && uuid_equal(&a->writer, &b->writer);
}

/* Where a command stood on the commands topic. */
struct source {
    bool known;
    int32_t partition;
    int64_t offset;
    struct sha256 digest; /* of the very bytes that stood there */
};

/* A record of another topic. */
struct place {
    bool known;
    int32_t partition;
    int64_t offset; /* -1: written, the broker did not say where */
};

struct reason {
    enum error_code code; /* ERR_OK: none */
    char *message;        /* owned; NULL: none */
};

/* When the operator's own program runs. Values are those of curfew.v1.HandlerMode. */
enum handler_mode {
    HANDLER_UNSAID,  /* as NONE */
    HANDLER_NONE,    /* never: the worker ends the session */
    HANDLER_INSTEAD, /* the program ends it; the worker only when the program asks for it */
    HANDLER_BEFORE,  /* the program first, then the worker what is left */
    HANDLER_AFTER,   /* the worker; then the program is told how it ended */
    HANDLER_MODES
};

/* What was asked for at `index`, and what was found. */
struct resolved_target {
    uint32_t index;
    uint8_t *snapshot; /* owned: SessionSnapshot bytes; NULL when nothing was found */
    uint32_t snapshot_length;
    bool asked_by_number;
    uint32_t asked_number;
    struct uuid asked_session;   /* nil when asked by number */
    enum target_outcome verdict; /* NONE: to be ended; otherwise left alone, and why */
    struct reason reason;
    enum handler_mode handler;
    char *handler_of; /* owned: infobase whose handler it is, as configured; NULL: the cluster's */
};

/* What an ATTEMPT is a licence for; values are those of curfew.v1.Act. UNSAID is as END. */
enum act_kind {
    ACT_UNSAID,
    ACT_END,
    ACT_HANDLE,
    ACT_RESTORE,
    ACT_DISCONNECT,
    ACT_INTERRUPT,
    ACT_COUNT
};

struct connection_ref {
    struct uuid connection;
    struct uuid process;
};

/* What became of the connections of one session that ended. */
struct target_release {
    uint32_t index;
    uint32_t connections;  /* that outlived the session */
    uint32_t disconnected; /* of them by us */
    uint32_t leaked;       /* still there when the time was over */
};

struct target_end {
    uint32_t index;
    enum target_outcome outcome;
    struct reason reason;
    uint32_t attempts;
};

struct record {
    enum record_kind kind;
    struct epoch epoch;
    uint64_t sequence;      /* within the epoch, from 1 */
    struct sha256 previous; /* of the epoch's record before; zero at sequence 1 */
    struct uuid command_id; /* nil where none is meant */
    struct sha256 command_digest;
    struct source source;
    struct wall written_at;
    struct reason reason;
    int64_t events_through; /* events from records below this offset have been delivered */

    union {
        struct {
            char *instance;     /* owned */
            int32_t partitions; /* of the commands topic, as accepted; 0: not known */
        } owner;
        struct {
            struct command *command; /* owned; may be moved out */
            struct wall first_appended_at;
            struct wall expires_at; /* resolved: never 0 */
        } accepted;
        struct {
            bool after_accepted;
            struct place dead_letter; /* undecodable input */
            struct command *command;  /* owned; NULL for undecodable input */
            struct wall first_appended_at;
        } rejected;
        struct {
            enum command_outcome first_outcome; /* NONE: the first is still open */
            struct command *command;            /* owned */
        } duplicate;
        struct {
            int32_t to_partition;
        } forwarded;
        struct {
            uint32_t round;
            uint32_t chunk; /* from 1 */
            uint32_t chunks;
            struct resolved_target *targets; /* owned */
            uint32_t count;
            struct wall grace_until; /* 0: no grace */
            struct wall end_by;      /* 0: the command's expiry */
            struct wall hold_until;  /* 0: no hold */
        } resolved;
        struct {
            char *digest; /* owned: lower-case hex */
            struct wall until;
        } pending;
        struct {
            char *by;     /* owned */
            char *digest; /* owned */
        } approved;       /* refused when the head has a reason */
        struct {
            uint32_t round;
            uint32_t attempt;
            uint32_t *targets; /* owned: indices */
            uint32_t count;
            enum act_kind act;
            struct connection_ref *connections; /* owned; DISCONNECT */
            uint32_t connection_count;
        } attempt;
        struct {
            char *infobase; /* owned: as the command names it */
            char *name;     /* owned: as the cluster does; NULL: not told */
            struct infobase_lock before;
            struct infobase_lock during; /* .infobase is the UUID in both */
            struct wall until;           /* given back by then */
            uint32_t attempt;            /* from 1 */
            struct wall grace_until;     /* 0: no grace */
            struct wall end_by;
        } locked;
        struct {
            char *infobase; /* owned */
            struct infobase_lock now;
            bool kept_foreign;
        } restored;
        struct {
            struct target_release *releases; /* owned */
            uint32_t count;
            bool more; /* further records say the rest */
        } released;
        struct {
            uint32_t round;
            struct target_end *ends; /* owned */
            uint32_t count;
        } outcome;
        struct {
            enum command_outcome outcome;
        } closed;
        struct {
            char *by; /* owned */
        } cancelled;
        struct {
            int32_t partitions;
            bool from_beginning; /* of the commands topic, which was made anew */
            char *by;            /* owned */
        } topics_accepted;
    };
};

/* Of that kind, everything else 0; what it points to is owned by it. NULL may be destroyed. */
struct record *record_create(enum record_kind kind);
void record_destroy(struct record *record);
AUTO_TYPE(record)
/* "owner", "accepted", ... */
const char *record_kind_label(enum record_kind kind);

/* Appends the wire form. The caller has set epoch, sequence and previous. */
void record_encode(const struct record *record, struct buf *out);
/* ERR_UNDECODABLE: not a record. ERR_UNSUPPORTED: a version or kind that this program does not
 * know: the owner must stop (an older program never runs on a newer journal). */
enum error_code record_decode(struct text bytes, struct record **ret, struct error *err) MUST_CHECK;

/* Class and message are copied, what was there before is freed. */
void reason_set(struct reason *reason, const struct error *err);
void reason_copy(struct reason *to, const struct reason *from);
void reason_release(struct reason *reason);

#endif
