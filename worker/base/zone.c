#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/zone_rule.h"

enum {
    HEADER_SIZE = 44,
    TYPE_SIZE = 6,
    /* No place on earth is further from UTC, and no change is larger. */
    OFFSET_MAX_S = 26 * 3600,
    CHANGES_NEAR_MAX =
        64, /* within two days of a moment: two at most, in any zone there ever was */
};

struct zone {
    struct change { /* from `at` on the clock is `offset_s` ahead of UTC */
        int64_t at; /* seconds since 1970 UTC */
        int32_t offset_s;
    } * changes; /* owned, in order */
    size_t count;
    int32_t first_s; /* before the first change */
    bool has_rule;   /* for what comes after the last change */
    struct zone_rule rule;
};

/* ---- the file ---- */

struct counts {
    uint32_t utc, standard, leaps, times, types, characters;
};

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t i64_at(const uint8_t *at)
{
    return (int64_t)((uint64_t)u32_at(at) << 32 | u32_at(at + 4));
}

/* RFC 8536, 3.1 */
static bool read_header(struct text bytes, struct counts *ret)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    if (bytes.length < HEADER_SIZE || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
        return false;
    *ret = (struct counts){u32_at(at + 20), u32_at(at + 24), u32_at(at + 28),
                           u32_at(at + 32), u32_at(at + 36), u32_at(at + 40)};
    return ret->types > 0 && ret->types <= 256;
}

/* Bytes of the data block behind a header; `width` is that of a time. */
static uint64_t block_size(const struct counts *counts, unsigned width)
{
    return (uint64_t)counts->times * (width + 1) + (uint64_t)counts->types * TYPE_SIZE +
           counts->characters + (uint64_t)counts->leaps * (width + 4) + counts->standard +
           counts->utc;
}

static bool read_changes(const uint8_t *block, const struct counts *counts, struct zone *zone)
{
    const uint8_t *indices = block + (size_t)counts->times * 8;
    const uint8_t *types = indices + counts->times;
    for (uint32_t i = 0; i < counts->types; i++) {
        int32_t offset_s = (int32_t)u32_at(types + (size_t)i * TYPE_SIZE);
        if (offset_s <= -OFFSET_MAX_S || offset_s >= OFFSET_MAX_S)
            return false;
    }
    zone->first_s = (int32_t)u32_at(types);
    zone->changes = mem_alloc(counts->times, sizeof zone->changes[0]);
    for (; zone->count < counts->times; zone->count++) {
        struct change *change = &zone->changes[zone->count];
        if (indices[zone->count] >= counts->types)
            return false;
        change->at = i64_at(block + zone->count * 8);
        change->offset_s = (int32_t)u32_at(types + (size_t)indices[zone->count] * TYPE_SIZE);
        if (zone->count && change->at <= change[-1].at)
            return false;
    }
    return true;
}

/* Between two line feeds; may be empty. */
static bool read_footer(struct text footer, struct zone *zone)
{
    if (footer.length < 2 || footer.at[0] != '\n')
        return false;
    const char *end = memchr(footer.at + 1, '\n', footer.length - 1);
    if (!end)
        return false;
    struct text rule = {footer.at + 1, (size_t)(end - footer.at) - 1};
    zone->has_rule = rule.length > 0;
    return !rule.length || zone_rule_read(rule, &zone->rule);
}

enum error_code zone_parse(struct text bytes, struct zone **ret, struct error *err)
{
    AUTO(zone) zone = mem_new(struct zone);
    struct counts counts;
    if (bytes.length > ZONE_FILE_MAX)
        return error_set(err, ERR_INVALID, "larger than %d bytes", (int)ZONE_FILE_MAX);
    if (!read_header(bytes, &counts))
        return error_set(err, ERR_INVALID, "no TZif file of version 2 or later");
    /* The first block is for readers of 32-bit times. */
    uint64_t skip = HEADER_SIZE + block_size(&counts, 4);
    if (skip > bytes.length)
        return error_set(err, ERR_INVALID, "the file is cut off");
    bytes = (struct text){bytes.at + skip, bytes.length - (size_t)skip};
    if (!read_header(bytes, &counts) || HEADER_SIZE + block_size(&counts, 8) > bytes.length)
        return error_set(err, ERR_INVALID, "the file is cut off");
    if (counts.leaps)
        return error_set(err, ERR_INVALID, "it counts leap seconds, which no cluster does");
    size_t used = HEADER_SIZE + (size_t)block_size(&counts, 8);
    if (!read_changes((const uint8_t *)bytes.at + HEADER_SIZE, &counts, zone))
        return error_set(err, ERR_INVALID, "its changes are out of order or out of range");
    if (!read_footer((struct text){bytes.at + used, bytes.length - used}, zone))
        return error_set(err, ERR_INVALID, "its rule for later years cannot be read");
    *ret = STEAL(zone);
    return ERR_OK;
}

void zone_destroy(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->changes);
    free(zone);
}

/* ---- by name ---- */

enum { PATH_SIZE = 24 + ZONE_NAME_MAX };

/* The name is looked up below the database, so it must not lead anywhere else. */
static bool path_of(struct text name, char *ret)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/";
    if (!name.length || name.length > ZONE_NAME_MAX || name.at[0] == '/')
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (!name.at[i] || !strchr(allowed, name.at[i]))
            return false;
    snprintf(ret, PATH_SIZE, "/usr/share/zoneinfo/%.*s", TEXT_ARGS(name));
    return true;
}

bool zone_exists(struct text name)
{
    char path[PATH_SIZE];
    struct stat found;
    if (text_equal(name, TEXT("UTC")))
        return true;
    return path_of(name, path) && !stat(path, &found) && S_ISREG(found.st_mode);
}

enum error_code zone_load(struct text name, struct zone **ret, struct error *err)
{
    char path[PATH_SIZE];
    struct error why;
    if (text_equal(name, TEXT("UTC"))) {
        *ret = mem_new(struct zone);
        return ERR_OK;
    }
    FILE *file = path_of(name, path) ? fopen(path, "re") : NULL;
    if (!file)
        return error_set(err, ERR_CONFIG,
                         "'%.*s' is not a time zone that this machine knows; write one like "
                         "Europe/Moscow (its package is called tzdata)",
                         TEXT_ARGS(name));
    AUTO_FREE char *bytes = mem_alloc(ZONE_FILE_MAX + 1, 1);
    size_t length = fread(bytes, 1, ZONE_FILE_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed)
        return error_set(err, ERR_CONFIG, "'%s' cannot be read", path);
    if (zone_parse((struct text){bytes, length}, ret, &why))
        return error_set(err, ERR_CONFIG, "'%s': %s", path, why.message);
    return ERR_OK;
}

/* ---- what holds when ---- */

struct period {
    int32_t offset_s;
    int64_t until; /* seconds since 1970 UTC; INT64_MAX: for good */
};

static struct period period_at(const struct zone *zone, int64_t at)
{
    size_t low = 0;
    size_t high = zone->count; /* changes before `low` are past, those from `high` on are not */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < zone->count)
        return (struct period){low ? zone->changes[low - 1].offset_s : zone->first_s,
                               zone->changes[low].at};
    if (zone->has_rule) {
        struct period ret;
        ret.offset_s = zone_rule_offset(&zone->rule, at, &ret.until);
        return ret;
    }
    return (struct period){low ? zone->changes[low - 1].offset_s : zone->first_s, INT64_MAX};
}

static int64_t seconds_of(int64_t ms)
{
    return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}

int32_t zone_offset(const struct zone *zone, struct wall at)
{
    return period_at(zone, seconds_of(at.ms)).offset_s;
}

static void widen(struct wall_span *span, bool *ret_found, int64_t ms)
{
    if (!*ret_found || ms < span->from.ms)
        span->from.ms = ms;
    if (!*ret_found || ms > span->until.ms)
        span->until.ms = ms;
    *ret_found = true;
}

struct wall_span zone_read(const struct zone *zone, int64_t local_ms)
{
    struct wall_span ret = {{0}, {0}};
    bool found = false;
    int64_t begin = seconds_of(local_ms) - OFFSET_MAX_S;
    int64_t end = seconds_of(local_ms) + OFFSET_MAX_S;
    struct period before = {0, INT64_MIN};
    struct wall_span left_out = {{0}, {0}};
    bool is_left_out = false;
    for (int i = 0; i < CHANGES_NEAR_MAX && begin <= end; i++) {
        struct period period = period_at(zone, begin);
        int64_t as_now = local_ms - period.offset_s * INT64_C(1000);
        bool in_period = seconds_of(as_now) >= before.until && seconds_of(as_now) < period.until;
        if (in_period)
            widen(&ret, &found, as_now);
        int64_t as_before = local_ms - before.offset_s * INT64_C(1000);
        if (before.until != INT64_MIN && seconds_of(as_before) >= before.until &&
            seconds_of(as_now) < before.until) { /* the clock jumped over it */
            widen(&left_out, &is_left_out, as_now);
            widen(&left_out, &is_left_out, as_before);
        }
        if (period.until == INT64_MAX)
            break;
        CHECK(period.until > begin);
        before = period;
        begin = period.until;
    }
    if (!found && !is_left_out) /* no database has so many changes: nothing is known */
        return (struct wall_span){{local_ms - OFFSET_MAX_S * INT64_C(1000)},
                                  {local_ms + OFFSET_MAX_S * INT64_C(1000)}};
    return found ? ret : left_out;
}
