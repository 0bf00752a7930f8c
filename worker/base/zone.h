/* zone.h - a time zone of the system's database (TZif, RFC 8536): what a cluster's wall clock
 * means.
 *
 * A cluster tells times without a zone. Around a change of the clocks such a time may stand for two
 * moments (the hour that comes twice) or for none (the hour that is left out), so it is read as a
 * span of moments, which is a point nearly always. Never changed after loading: any thread may read
 * it. glibc's own reader knows one zone per process (TZ), hence this one. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"

enum {
    ZONE_FILE_MAX = 64 * 1024, /* bytes; the largest of the database has 4 KiB */
    ZONE_NAME_MAX = 64,        /* bytes */
};

struct zone;

/* The zone of this IANA name, from the package tzdata; "UTC" needs no database. ERR_CONFIG: no such
 * zone here, or its file cannot be used. */
enum error_code zone_load(struct text name, struct zone **ret, struct error *err) MUST_CHECK;
/* Is there a zone of this name here? Names that lead out of the database are none. */
bool zone_exists(struct text name);
/* The same from the bytes of a TZif file of version 2 or later. ERR_INVALID says what is wrong. */
enum error_code zone_parse(struct text bytes, struct zone **ret, struct error *err) MUST_CHECK;
void zone_destroy(struct zone *zone);
AUTO_TYPE(zone)

/* Seconds to add to UTC for the wall clock there, at this moment. */
int32_t zone_offset(const struct zone *zone, struct wall at);

struct wall_span {
    struct wall from;  /* the earliest moment that can be meant */
    struct wall until; /* the latest one; the same but for an hour around a change */
};
/* What the wall clock's time `local_ms` (milliseconds since 1970-01-01T00:00:00 of that clock)
 * means. A time that is left out is read by the clocks before and after the change. */
struct wall_span zone_read(const struct zone *zone, int64_t local_ms);

#endif
