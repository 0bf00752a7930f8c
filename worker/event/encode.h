/* encode.h - one event into the messages of the events topic: curfew.v1.Event inside a CloudEvent.
 *
 * The key is the cluster's name, so that one cluster's events stay in order. Attributes hold no
 * user names: they get logged everywhere. A verdict list that would make a message larger than
 * `max_bytes` is split into parts with ids of their own; each part says `part` of `parts` and
 * carries the totals of the whole. The same event encodes to the same bytes: a re-send after a
 * crash is recognised by (source, id). */
#ifndef EVENT_ENCODE_H
#define EVENT_ENCODE_H

#include "model/event.h"
#include "model/message.h"

enum event_mode { EVENT_MODE_BINARY, EVENT_MODE_STRUCTURED };
enum event_format { EVENT_FORMAT_JSON, EVENT_FORMAT_PROTOBUF };

/* The least that a style may allow: the longest head and envelope leave room for a verdict. */
enum { EVENT_BYTES_MIN = 128 * 1024 };

/* Borrowed texts, none NULL, each at most LIMIT_NAME_BYTES; event_style_default() fills them in. */
struct event_style {
    enum event_mode mode;
    enum event_format format;
    const char *type_prefix; /* of the CloudEvents type: "<prefix>command.completed.v1" */
    const char *source;      /* CloudEvents source: a URI reference; the same for every worker and
                                every start, or a re-send is not recognised */
    const char *data_schema; /* an absolute URI; "": none */
    const char *worker;      /* this instance's name, told in the data: the one thing in which a
                                repeat by another worker differs */
    const char *commands_topic; /* where the event's source is: the control topic, for an order */
    const char *journal_topic;
    bool include_snapshots; /* of the sessions, as they were before the end */
    uint32_t max_bytes;     /* of one value, EVENT_BYTES_MIN..LIMIT_EVENT_BYTES */
};

/* Binary JSON, "curfew.", source "curfew", snapshots in, LIMIT_EVENT_BYTES. */
struct event_style event_style_default(void);

/* `cluster` is the configured name: key and subject; "" where it is not known (the name in the
 * command is taken then). A single target too large for a message goes without its snapshot. Cannot
 * fail on what the engine makes. */
struct outgoing *event_encode(const struct event *event, const char *cluster,
                              const struct event_style *style);
/* The same in the caller's memory, which stays his, as far as it reaches: for messages that are
 * gone before it is; NULL: as event_encode(). Most events fit into EVENT_ROOM_BYTES. */
enum { EVENT_ROOM_BYTES = 8 * 1024 };
struct event_room {
    _Alignas(max_align_t) unsigned char bytes[EVENT_ROOM_BYTES];
};
struct outgoing *event_encode_in(struct event_room *room, const struct event *event,
                                 const char *cluster, const struct event_style *style);

#endif
