#include "service/acknowledged.h"

#include "base/check.h"

static bool is_unread(const struct acknowledged *acknowledged)
{
    return acknowledged->given > acknowledged->read;
}

void acknowledged_give(struct acknowledged *acknowledged, uint64_t tag, struct instant now)
{
    bool waited = is_unread(acknowledged);
    if (tag > acknowledged->given)
        acknowledged->given = tag;
    if (!waited && is_unread(acknowledged))
        acknowledged->since = now;
}

void acknowledged_read(struct acknowledged *acknowledged, uint64_t tag)
{
    if (tag > acknowledged->read)
        acknowledged->read = tag;
}

bool acknowledged_is_late(const struct acknowledged *acknowledged, struct instant now)
{
    return is_unread(acknowledged) &&
           instant_passed(now, instant_add_ms(acknowledged->since, UNREAD_MS));
}

void acknowledged_look(struct acknowledged *acknowledged, struct instant now)
{
    acknowledged->asked = acknowledged->given;
    acknowledged->since = now;
}

enum error_code acknowledged_looked(struct acknowledged *acknowledged, struct error *err)
{
    uint64_t asked = acknowledged->asked;
    acknowledged->asked = 0;
    if (asked <= acknowledged->read)
        return ERR_OK;
    return error_set(err, ERR_JOURNAL,
                     "Kafka acknowledged record %u of epoch %u and does not have it any more: an "
                     "unclean leader election, or somebody, removed it",
                     (unsigned)(asked & UINT32_MAX), (unsigned)(asked >> 32));
}
