/* zone_rule.h - the rule that a TZif file ends with: two changes a year, for ever (RFC 8536, 3.3;
 * the TZ variable of POSIX, with hours up to 167 as version 3 allows). Inside this room only. */
#ifndef BASE_ZONE_RULE_H
#define BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct zone_date {
    enum { ZONE_DATE_WEEKDAY, ZONE_DATE_JULIAN, ZONE_DATE_DAY } kind;
    unsigned month;   /* WEEKDAY: 1..12 */
    unsigned week;    /* WEEKDAY: 1..5, 5 the last one */
    unsigned day;     /* WEEKDAY: 0 Sunday; JULIAN 1..365 without 29 February; DAY 0..365 */
    int32_t second_s; /* of that day, by the clock before the change; may be negative */
};

struct zone_rule {
    int32_t standard_s; /* ahead of UTC */
    bool changes;
    int32_t summer_s;
    struct zone_date to_summer;
    struct zone_date to_standard;
};

/* False: it is no such rule. */
bool zone_rule_read(struct text text, struct zone_rule *ret);
/* Seconds ahead of UTC at `at`, and until when (seconds since 1970 UTC; INT64_MAX: for good). */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t at, int64_t *ret_until);

#endif
