/* message.h - a Kafka message as the pure rooms see it: key, value and headers, nothing else. */
#ifndef MODEL_MESSAGE_H
#define MODEL_MESSAGE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/text.h"

struct header {
    struct text name;  /* in what this program makes also zero-closed */
    struct text value; /* a null value is the same as an empty one */
};

/* Everything is borrowed. */
struct message {
    struct text key;
    struct text value;
    const struct header *headers;
    size_t header_count;
};

/* Messages made here, ready for the producer. Texts are zero-closed. An empty key means no key. */
struct outgoing {
    struct arena *arena; /* owns everything, this struct too */
    struct message *messages;
    size_t count;
};

/* `max_bytes` of memory in all; about `bytes` of it will be needed. */
struct outgoing *outgoing_create(size_t max_bytes, size_t bytes);
/* The same within the caller's memory, aligned for any type: what fits into `size` bytes costs no
 * allocation. */
struct outgoing *outgoing_create_on(size_t max_bytes, void *room, size_t size);
void outgoing_destroy(struct outgoing *outgoing);
AUTO_TYPE(outgoing)

/* The header of that name (ASCII, compared without case) in `*ret`; an absent one leaves it empty.
 * ERR_INVALID when it stands there twice with different values: nobody could say which one counts.
 */
enum error_code message_header(const struct message *message, const char *name, struct text *ret,
                               struct error *err) MUST_CHECK;

#endif
