/* The full infobase record, replaced as a whole: what a careful client must not lose
 * (docs/ras-protocol.md 8.7). */
#include <string.h>

#include "base/check.h"
#include "sim/ras/server_internal.h"

/* What a lock owns; everything else must come back as it was read. */
static bool of_lock(const char *name)
{
    static const char *const names[] = {"denied_from",         "denied_to",       "denied_message",
                                        "denied_parameter",    "permission_code", "sessions_deny",
                                        "scheduled_jobs_deny", "db_pwd"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static size_t value_size(const struct ras_field *field)
{
    switch (field->type) {
    case RAS_TYPE_BOOL:
        return sizeof(bool);
    case RAS_TYPE_INT:
        return sizeof(int32_t);
    case RAS_TYPE_UUID:
        return sizeof(struct uuid);
    case RAS_TYPE_DATETIME:
        return sizeof(struct server_time);
    default:
        CHECK(ras_type_is_text(field->type));
        return sizeof(struct text);
    }
}

static bool same_value(const struct ras_field *field, const void *a, const void *b)
{
    const unsigned char *left = (const unsigned char *)a + field->offset;
    const unsigned char *right = (const unsigned char *)b + field->offset;
    if (!ras_type_is_text(field->type))
        return !memcmp(left, right, value_size(field));
    struct text one, other;
    memcpy(&one, left, sizeof one);
    memcpy(&other, right, sizeof other);
    return text_equal(one, other);
}

static void judge_fields(struct sim_conn *conn, const struct sim_endpoint *endpoint,
                         const struct ras_infobase *stored, const struct ras_infobase *record)
{
    for (size_t i = 0; i < ras_infobase_layout.field_count; i++) {
        const struct ras_field *field = &ras_infobase_layout.fields[i];
        if (field->since > endpoint->version || of_lock(field->name) ||
            same_value(field, stored, record))
            continue;
        sim_violation(conn, RAS_VIOLATION_UPDATE_FIELD, "'%s' differs from the stored one",
                      field->name);
    }
}

/* Ticks of 1/10000 s since year 1: 1 January 2000 and 1 January 2101. */
#define YEAR_2000 INT64_C(630822816000000)
#define YEAR_2101 INT64_C(662695776000000)

static void judge_date(struct sim_conn *conn, const char *name, struct server_time date)
{
    const struct world *world = conn->sim->world;
    const struct world_options *options = world_options(world);
    int64_t utc = 621355968000000 + sim_wall(conn->sim).ms * 10;
    int64_t minute = 600000;
    if (date.ticks == 0)
        return;
    if (date.ticks < YEAR_2000 || date.ticks >= YEAR_2101)
        sim_violation(conn, RAS_VIOLATION_DATE_RANGE, "'%s' is %lld ticks", name,
                      (long long)date.ticks);
    else if (options->zone_minutes > 1 && date.ticks > utc - minute && date.ticks < utc + minute)
        sim_violation(conn, RAS_VIOLATION_DATE_ZONE, "'%s' is %s", name,
                      server_time_format(date).text);
}

/* Fields that this version does not carry stay as they are. */
static struct ras_infobase merged(const struct sim_endpoint *endpoint,
                                  const struct ras_infobase *stored,
                                  const struct ras_infobase *record)
{
    struct ras_infobase ret = *record;
    for (size_t i = 0; i < ras_infobase_layout.field_count; i++) {
        const struct ras_field *field = &ras_infobase_layout.fields[i];
        if (field->since > endpoint->version)
            memcpy((unsigned char *)&ret + field->offset,
                   (const unsigned char *)stored + field->offset, value_size(field));
    }
    return ret;
}

enum world_effect sim_update_infobase(struct sim_conn *conn, struct sim_endpoint *endpoint,
                                      struct world_infobase *infobase,
                                      const struct ras_infobase *record, bool lie)
{
    judge_fields(conn, endpoint, &infobase->record, record);
    if (record->denied_from.ticks != infobase->record.denied_from.ticks)
        judge_date(conn, "denied_from", record->denied_from);
    if (record->denied_to.ticks != infobase->record.denied_to.ticks)
        judge_date(conn, "denied_to", record->denied_to);
    struct ras_infobase whole = merged(endpoint, &infobase->record, record);
    if (lie)
        return WORLD_DONE;
    enum world_effect effect = world_update(infobase, &whole);
    if (effect == WORLD_REFUSED)
        sim_violation(conn, RAS_VIOLATION_UPDATE_PASSWORD, "of infobase '%.*s'",
                      TEXT_ARGS(infobase->record.name));
    return effect;
}
