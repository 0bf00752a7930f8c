/* wire.h - the bytes between a client and the 1C:Enterprise administration server (RAS), both
 * directions.
 *
 * Layers (docs/ras-protocol.md 1): TCP; 8 bytes of negotiation; packets (type, length, body);
 * endpoint messages inside packets (void, message or exception). The tables records.def and
 * messages.def are the only place where a layout stands: the client and the simulator share them
 * through this header.
 *
 * Strict in both directions: a body is consumed to its last byte, texts are UTF-8 without NUL (but
 * for those that only people read, RAS_TYPE_LABEL), a bool is 0 or 1, numbers of variable length
 * have their shortest form. So decoding and encoding again gives the same bytes. Anything else is
 * ERR_PROTOCOL; a peer that breaks the protocol must not be read any further. No I/O, no clock, no
 * logging. */
#ifndef CLUSTER_RAS_WIRE_H
#define CLUSTER_RAS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "base/uuid.h"
#include "model/server_time.h"

/* ---- values (docs/ras-protocol.md 3) ---- */

/* Strings are `struct text`. A zeroed one is empty (wire 00); RAS_NULL is the wire's null (80),
 * which means the same and is kept apart only so that bytes can be reproduced. */
extern const char ras_null_at[1];
#define RAS_NULL ((struct text){ras_null_at, 0})
static inline bool ras_is_null(struct text text)
{
    return text.at == ras_null_at;
}

enum ras_type {
    RAS_TYPE_BOOL,     /* bool */
    RAS_TYPE_SHORT,    /* uint16_t */
    RAS_TYPE_INT,      /* int32_t */
    RAS_TYPE_LONG,     /* int64_t */
    RAS_TYPE_DOUBLE,   /* double */
    RAS_TYPE_UUID,     /* struct uuid, all zero = none */
    RAS_TYPE_DATETIME, /* struct server_time: the server's wall clock, 0 = none */
    RAS_TYPE_STRING,   /* struct text, valid UTF-8 */
    RAS_TYPE_LABEL,    /* struct text for people: bytes as they came, not judged; one name in
                          another encoding must not hide a whole list. Check with text_valid() */
    RAS_TYPE_SECRET,   /* struct text: bytes as they came, not judged, never shown */
    RAS_TYPE_LIST,     /* struct ras_<element>_list */
    RAS_TYPE_NESTED    /* struct ras_<element> */
};
/* Is the value a struct text? */
static inline bool ras_type_is_text(enum ras_type type)
{
    return type == RAS_TYPE_STRING || type == RAS_TYPE_LABEL || type == RAS_TYPE_SECRET;
}

#define RAS_C_BOOL bool
#define RAS_C_SHORT uint16_t
#define RAS_C_INT int32_t
#define RAS_C_LONG int64_t
#define RAS_C_DOUBLE double
#define RAS_C_UUID struct uuid
#define RAS_C_DATETIME struct server_time
#define RAS_C_STRING struct text
#define RAS_C_LABEL struct text
#define RAS_C_SECRET struct text

/* struct ras_session, struct ras_session_list { items, count }, and so on for every RECORD of
 * records.def. */
#define RECORD(record) struct ras_##record {
#define FIELD(record, type, name, since) RAS_C_##type name;
#define LIST(record, element, name, since) struct ras_##element##_list name;
#define NESTED(record, element, name, since) struct ras_##element name;
#define END(record)                                                                                \
    }                                                                                              \
    ;                                                                                              \
    struct ras_##record##_list {                                                                   \
        struct ras_##record *items;                                                                \
        uint32_t count;                                                                            \
    };
#include "cluster/ras/records.def"

/* ---- tables ---- */

struct ras_layout;

struct ras_field {
    const char *name;
    enum ras_type type;
    uint8_t since;                    /* endpoint version, 0 = always */
    uint16_t offset;                  /* in the C struct; of a list: of its `items` */
    uint16_t count_offset;            /* of a list: of its `count` */
    const struct ras_layout *element; /* of lists and nested records */
};

struct ras_layout {
    const char *name;
    size_t size; /* sizeof the C struct, 0 for ras_nothing_layout */
    const struct ras_field *fields;
    size_t field_count;
};

extern const struct ras_layout
    ras_nothing_layout; /* no fields at all; its record pointer may be NULL */
#define RECORD(record) extern const struct ras_layout ras_##record##_layout;
#define FIELD(record, type, name, since)
#define LIST(record, element, name, since)
#define NESTED(record, element, name, since)
#define END(record)
#include "cluster/ras/records.def"

enum ras_shape { RAS_SHAPE_VOID, RAS_SHAPE_ONE, RAS_SHAPE_LIST };
enum ras_needs { RAS_NEEDS_NOBODY, RAS_NEEDS_AGENT, RAS_NEEDS_CLUSTER, RAS_NEEDS_INFOBASE };

/* RAS_GET_SESSIONS = 65 and so on: the number of a request. */
enum ras_request {
#define MESSAGE(number, name, label, request, shape, answer, needs, effect, privacy)               \
    RAS_##name = number,
#include "cluster/ras/messages.def"
};

struct ras_message_row {
    uint8_t number; /* of the request; a typed answer carries number + 1 */
    const char *label;
    const struct ras_layout *request;
    enum ras_shape shape;
    const struct ras_layout *answer; /* ras_nothing_layout for VOID */
    enum ras_needs needs;
    bool changes; /* the cluster: no answer means "in doubt" */
    bool secret;  /* no body is ever shown */
};
/* By the number of a request; NULL when Curfew does not know it. */
const struct ras_message_row *ras_message_by_request(uint8_t number);
/* By the number of a typed answer; NULL when unknown. */
const struct ras_message_row *ras_message_by_answer(uint8_t number);

/* ---- endpoint versions (docs/ras-protocol.md 4) ---- */

#define RAS_SERVICE "v8.service.Admin.Cluster"

/* Layouts are known for these; 8 (disputed field) is decoded for recordings and never
 * opened, 12..15 are unknown. */
enum { RAS_VERSION_MAX = 16, RAS_VERSION_FIRST = 10 };
bool ras_version_known(unsigned version);
/* The versions a client may open, newest first, ended by 0: 16, 11, 10, 9, 7, 6, 5, 4, 3. */
extern const uint8_t ras_versions[];
struct ras_version_text {
    char text[8]; /* "10.0" */
};
struct ras_version_text ras_version_format(unsigned version);
/* "10.0" -> 10. ERR_PROTOCOL unless it is a number 1..255, a dot and 0. */
enum error_code ras_version_read(struct text text, unsigned *ret, struct error *err) MUST_CHECK;

/* ---- packets (docs/ras-protocol.md 2, 4, 5) ---- */

enum { RAS_NEGOTIATE_BYTES = 8 };
extern const uint8_t
    ras_negotiate[RAS_NEGOTIATE_BYTES]; /* magic 1C535750, protocol 1.0, codec 1.0; no answer */

enum ras_packet_type {
    RAS_PACKET_CONNECT = 1,
    RAS_PACKET_CONNECT_ACK = 2,
    RAS_PACKET_DISCONNECT = 4,
    RAS_PACKET_OPEN = 11,
    RAS_PACKET_OPEN_ACK = 12,
    RAS_PACKET_CLOSE = 13,
    RAS_PACKET_MESSAGE = 14,
    RAS_PACKET_FAILURE = 15,
    RAS_PACKET_KEEP_ALIVE = 16
};

enum ras_param_type {
    RAS_PARAM_BOOL = 1,
    RAS_PARAM_BYTE = 2,
    RAS_PARAM_SHORT = 3,
    RAS_PARAM_INT = 4,
    RAS_PARAM_LONG = 5,
    RAS_PARAM_FLOAT = 6,
    RAS_PARAM_DOUBLE = 7,
    RAS_PARAM_SIZE = 8,
    RAS_PARAM_NSIZE = 9,
    RAS_PARAM_STRING = 10,
    RAS_PARAM_UUID = 11,
    RAS_PARAM_TYPE = 12,
    RAS_PARAM_ENDPOINT = 13,
    RAS_PARAM_NULL = 0x80
};

struct ras_param {
    struct text name;
    uint8_t type;   /* enum ras_param_type */
    int64_t number; /* bool, byte, short, int, long, size, type; nsize and endpoint with RAS_NONE
                       for null */
    uint64_t bits;  /* float and double: IEEE 754 as they stand on the wire */
    struct text string; /* string */
    struct uuid uuid;   /* uuid */
};

struct ras_params {
    bool null; /* written as 80, as RAS and rac do; false with count 0 is written as 00 */
    uint32_t count;
    struct ras_param *items;
};

enum { RAS_NONE = -1 }; /* a null number of variable length */

/* An exception (docs/ras-protocol.md 5.3). Classify by the part of `class_name` after '#', never by
 * the text. */
struct ras_exception {
    struct text class_name; /* empty or null: "no exception", and nothing else is on the wire */
    struct text message;    /* in the server's language */
    struct ras_frame_list stack;
    struct ras_exception *cause; /* NULL is written as a null class */
};

enum ras_kind { RAS_KIND_VOID = 0, RAS_KIND_MESSAGE = 1, RAS_KIND_EXCEPTION = 0xff };

/* The fixed start of an endpoint message: enough to route it, before its body is understood. */
struct ras_head {
    int64_t endpoint; /* 0..2^31-1 */
    uint16_t format;  /* 0; 0x0100 is seen from one client; bit 0 (compressed) is refused */
    uint8_t kind;     /* enum ras_kind */
    uint8_t type;     /* of the message; 0 for the other kinds */
};

struct ras_message {
    struct ras_head head;
    const struct ras_layout *layout; /* of the records; ras_nothing_layout where there are none */
    bool list;                       /* a count stands before the records */
    uint32_t count;                  /* records at `records`: 1 unless `list` */
    void *records;                   /* array of the layout's struct, e.g. struct ras_session */
    struct ras_exception exception;  /* kind RAS_KIND_EXCEPTION */
};

/* Any packet, decoded. `type` says which member of the union is meant. */
struct ras_packet_value {
    uint8_t type; /* enum ras_packet_type */
    union {
        struct ras_params connect; /* CONNECT and CONNECT_ACK */
        struct {
            struct text service;
            struct text version; /* "10.0" */
            int64_t endpoint;    /* OPEN_ACK only */
            struct ras_params params;
        } open; /* OPEN and OPEN_ACK */
        struct {
            int64_t endpoint;
        } close;                    /* CLOSE */
        struct ras_message message; /* MESSAGE */
        struct {
            struct text service;
            struct text version; /* on the wire only when `service` is not empty */
            int64_t endpoint;    /* RAS_NONE while opening */
            struct ras_exception exception;
        } failure;       /* FAILURE */
        struct text raw; /* KEEP_ALIVE and DISCONNECT: the body, whose form nobody has documented */
    };
};

struct ras_packet {
    uint8_t type;
    const uint8_t *body; /* borrowed */
    size_t length;       /* bytes of the body */
};

/* Decodes a whole packet of either direction. `version` is that of the endpoint (any value before
 * it is opened). Texts point into `packet.body`; lists are taken from `arena`. ERR_PROTOCOL names
 * field and offset; ERR_UNSUPPORTED is a message number that Curfew does not know; ERR_TOO_LARGE:
 * the arena's maximum. On failure `*ret` is not touched. */
enum error_code ras_packet_decode(struct ras_packet packet, unsigned version, struct arena *arena,
                                  struct ras_packet_value *ret, struct error *err) MUST_CHECK;
/* Only the head of a packet of type MESSAGE: for routing and for answers to what cannot be decoded.
 */
enum error_code ras_head_decode(struct ras_packet packet, struct ras_head *ret,
                                struct error *err) MUST_CHECK;
/* Appends the whole packet: type, length, body. ERR_TOO_LARGE: a string above
 * LIMIT_RAS_STRING_BYTES, or `out` is full; then `out` is as before. Passwords can stand in `out`
 * and in what it outgrew: see ras_wipe(). */
enum error_code ras_packet_encode(const struct ras_packet_value *value, unsigned version,
                                  struct buf *out, struct error *err) MUST_CHECK;
/* Overwrites all the memory of `buf` and empties it. Give it its room (buf_room) before secrets are
 * written: memory that a buffer outgrew cannot be reached any more. */
void ras_wipe(struct buf *buf);

/* ---- messages in one call ---- */

/* A request, client to server. `record` is the struct that messages.def names for it (NULL for
 * `nothing`). */
enum error_code ras_request_encode(int64_t endpoint, unsigned version, enum ras_request number,
                                   const void *record, struct buf *out,
                                   struct error *err) MUST_CHECK;
/* The answer to request `number`, server to client: void, one record, or `count` records, as
 * messages.def says. */
enum error_code ras_answer_encode(int64_t endpoint, unsigned version, enum ras_request number,
                                  const void *records, uint32_t count, struct buf *out,
                                  struct error *err) MUST_CHECK;
enum error_code ras_exception_encode(int64_t endpoint, struct text class_name, struct text message,
                                     struct buf *out, struct error *err) MUST_CHECK;

/* ---- one record alone (tests, read-modify-write) ---- */

/* Decodes exactly `length` bytes. */
enum error_code ras_record_decode(const struct ras_layout *layout, unsigned version,
                                  const void *bytes, size_t length, struct arena *arena, void *ret,
                                  struct error *err) MUST_CHECK;
enum error_code ras_record_encode(const struct ras_layout *layout, unsigned version,
                                  const void *record, struct buf *out,
                                  struct error *err) MUST_CHECK;

/* ---- bytes as they arrive ---- */

/* Cuts a stream into packets, whatever pieces it comes in. The announced length is checked against
 * `max` before any memory is taken, and memory grows with what has arrived, not with what was
 * announced. */
struct ras_stream {
    struct buf body; /* of the packet under way */
    size_t max;
    uint32_t length; /* announced */
    uint8_t type;
    uint8_t header_bytes; /* of type and length read so far */
    bool header_whole;    /* `length` is final */
    uint8_t negotiated;   /* of the 8 bytes read so far; RAS_NEGOTIATE_BYTES when done */
    bool taken;           /* `body` was handed out and is dropped at the next call */
    bool failed;
};

/* `negotiate`: the stream starts with the 8 bytes (the server's side). `max`: bytes of a
 * body, 1..LIMIT_RAS_PACKET_BYTES. */
void ras_stream_init(struct ras_stream *stream, bool negotiate, size_t max);
/* Wipes and frees. */
void ras_stream_release(struct ras_stream *stream);
/* Takes bytes from `*bytes` (both are moved forward) until one packet is whole: then `*ret_ready`
 * is true and `*ret` is the packet, borrowed until the next call. False: all bytes are taken and
 * more are needed. ERR_PROTOCOL (wrong magic, wrong number) and ERR_TOO_LARGE are final for this
 * stream. */
enum error_code ras_stream_next(struct ras_stream *stream, const uint8_t **bytes, size_t *length,
                                struct ras_packet *ret, bool *ret_ready,
                                struct error *err) MUST_CHECK;
/* Is the stream between two packets? False: the peer stopped inside one. */
bool ras_stream_idle(const struct ras_stream *stream);

/* ---- refusals ---- */

/* The part after '#' of a class of the administration service ("SessionNotFound"), or the whole
 * class without '#'. */
struct text ras_class_name(struct text class_name);
/* The numbers inside `supported=[3.0, 4.0, ...]`, found anywhere in the texts of `exception` and
 * its causes. Returns how many were written to `ret` (at most `max`); 0: there is no list. */
size_t ras_supported_versions(const struct ras_exception *exception, uint8_t *ret, size_t max);

#endif
