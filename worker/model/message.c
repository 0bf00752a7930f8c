#include "model/message.h"

#include <stddef.h>
#include <strings.h>

#include "base/check.h"

enum { OWN_BYTES = sizeof(struct outgoing) + _Alignof(max_align_t) }; /* as the arena rounds it */

static struct outgoing *create_in(struct arena *arena)
{
    struct outgoing *outgoing = arena_take(arena, 1, sizeof *outgoing);
    CHECK(outgoing);
    outgoing->arena = arena;
    return outgoing;
}

struct outgoing *outgoing_create(size_t max_bytes, size_t bytes)
{
    return create_in(arena_create_for(max_bytes + OWN_BYTES, bytes + OWN_BYTES));
}

struct outgoing *outgoing_create_on(size_t max_bytes, void *room, size_t size)
{
    return create_in(arena_create_on(max_bytes + OWN_BYTES, room, size));
}

void outgoing_destroy(struct outgoing *outgoing)
{
    if (outgoing)
        arena_destroy(outgoing->arena);
}

enum error_code message_header(const struct message *message, const char *name, struct text *ret,
                               struct error *err)
{
    const size_t length = strlen(name);
    const struct header *found = NULL;
    for (size_t i = 0; i < message->header_count; i++) {
        const struct header *header = &message->headers[i];
        if (header->name.length != length || strncasecmp(header->name.at, name, length))
            continue;
        if (found && !text_equal(found->value, header->value))
            return error_set(err, ERR_INVALID,
                             "header '%s' stands there twice with different values: send it once",
                             name);
        found = header;
    }
    *ret = found ? found->value : (struct text){NULL, 0};
    return ERR_OK;
}
