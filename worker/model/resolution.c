#include "model/resolution.h"

#include <stdlib.h>
#include <string.h>

void resolution_release(struct resolution *resolution)
{
    free(resolution->rows);
    *resolution = (struct resolution){0};
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

bool resolve_context_knows(const struct resolve_context *context, const struct uuid *session)
{
    return context->earlier_count > 0 &&
           bsearch(session, context->earlier, context->earlier_count, sizeof *session, by_bytes);
}
