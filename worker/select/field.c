#include "select/field.h"

#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/suggest.h"

static const struct field named[] = {
#define FIELD(name, kind, source, second, help)                                                    \
    {name, FIELD_##kind, SESSION_##source, SESSION_##second, 1},
#include "select/fields.def"
#undef FIELD
};

enum { NAMED = sizeof named / sizeof named[0], NAME_SIZE = 40 };

static bool same_name(const char *name, struct text typed)
{
    size_t length = strlen(name);
    if (length != typed.length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] != typed.at[i] && !(name[i] == '-' && typed.at[i] == '_') &&
            !(name[i] == '_' && typed.at[i] == '-'))
            return false;
    return true;
}

static bool begins(const char *name, const char *with)
{
    return !strncmp(name, with, strlen(with));
}

static bool ends(const char *name, const char *with)
{
    size_t length = strlen(name);
    return length >= strlen(with) && !strcmp(name + length - strlen(with), with);
}

/* The units stand in session.def. */
static struct field counter(const char *name, enum session_field source)
{
    struct field ret = {name, FIELD_NUMBER, source, source, 1};
    if (begins(name, "duration_") || begins(name, "cpu_time_") || !strcmp(name, "db_proc_took"))
        ret.kind = FIELD_DURATION;
    else if (ends(name, "_hibernate_time") || ends(name, "_terminate_time"))
        ret = (struct field){name, FIELD_DURATION, source, source, 1000};
    else if (begins(name, "bytes_") || begins(name, "dbms_bytes_") || begins(name, "memory_") ||
             begins(name, "read_") || begins(name, "write_"))
        ret.kind = FIELD_SIZE;
    return ret;
}

static struct field plain(enum session_field source)
{
    static const enum field_kind kinds[] = {
        [SESSION_TYPE_UUID] = FIELD_UUID,   [SESSION_TYPE_U32] = FIELD_NUMBER,
        [SESSION_TYPE_I64] = FIELD_NUMBER,  [SESSION_TYPE_TEXT] = FIELD_TEXT,
        [SESSION_TYPE_TIME] = FIELD_MOMENT, [SESSION_TYPE_BOOL] = FIELD_FLAG,
    };
    const char *name = session_field_name(source);
    if (session_field_type(source) == SESSION_TYPE_I64)
        return counter(name, source);
    enum field_kind kind = kinds[session_field_type(source)];
    return (struct field){name, source == SESSION_user_name ? FIELD_USER : kind, source, source, 1};
}

/* ERR_INVALID with what was probably meant, written the way fields.def writes names. */
static enum error_code unknown(struct text name, struct error *err)
{
    char words[NAMED + SESSION_FIELD_COUNT][NAME_SIZE];
    const char *names[NAMED + SESSION_FIELD_COUNT];
    char typed[NAME_SIZE];
    AUTO_BUF printed;
    buf_init(&printed, 4 * LIMIT_NAME_BYTES);
    text_printable(&printed, name);
    for (size_t i = 0; i < NAMED + SESSION_FIELD_COUNT; i++) {
        snprintf(words[i], NAME_SIZE, "%s",
                 i < NAMED ? named[i].name : session_field_name((enum session_field)(i - NAMED)));
        for (char *at = words[i]; *at; at++)
            *at = *at == '_' ? '-' : *at;
        names[i] = words[i];
    }
    snprintf(typed, sizeof typed, "%.*s", TEXT_ARGS(name));
    for (char *at = typed; *at; at++)
        *at = *at == '_' ? '-' : *at;
    const char *near = suggest(typed, names, NAMED + SESSION_FIELD_COUNT);
    if (near)
        return error_set(err, ERR_INVALID, "there is no field '%s'; did you mean '%s'?",
                         buf_text(&printed), near);
    return error_set(err, ERR_INVALID,
                     "there is no field '%s'; write for instance user, app, infobase, host, idle, "
                     "started, or a name that `curfew sessions --json` prints",
                     buf_text(&printed));
}

enum error_code field_find(struct text name, struct field *ret, struct error *err)
{
    for (size_t i = 0; i < NAMED; i++)
        if (same_name(named[i].name, name)) {
            *ret = named[i];
            return ERR_OK;
        }
    for (int i = 0; i < SESSION_FIELD_COUNT; i++)
        if (same_name(session_field_name((enum session_field)i), name)) {
            *ret = plain((enum session_field)i);
            return ERR_OK;
        }
    return unknown(name, err);
}

/* ---- comparisons ---- */

static const char *const comparison_labels[COMPARISON_COUNT] = {
    [COMPARISON_EQUAL] = "=",   [COMPARISON_NOT_EQUAL] = "!=",
    [COMPARISON_LESS] = "<",    [COMPARISON_LESS_OR_EQUAL] = "<=",
    [COMPARISON_GREATER] = ">", [COMPARISON_GREATER_OR_EQUAL] = ">=",
    [COMPARISON_IN] = "in",     [COMPARISON_MATCHES] = "like",
};

#define HAS(comparison) (1u << COMPARISON_##comparison)
#define EXACT (HAS(EQUAL) | HAS(NOT_EQUAL))
#define ORDER (HAS(LESS) | HAS(LESS_OR_EQUAL) | HAS(GREATER) | HAS(GREATER_OR_EQUAL))

static const unsigned comparisons[FIELD_KINDS] = {
    [FIELD_TEXT] = EXACT | HAS(IN) | HAS(MATCHES),
    [FIELD_USER] = EXACT | HAS(IN) | HAS(MATCHES),
    [FIELD_INFOBASE] = EXACT | HAS(IN) | HAS(MATCHES),
    [FIELD_UUID] = EXACT | HAS(IN),
    [FIELD_CLASS] = EXACT | HAS(IN),
    [FIELD_ADDRESS] = EXACT | HAS(IN) | HAS(MATCHES),
    [FIELD_NUMBER] = EXACT | ORDER | HAS(IN),
    [FIELD_SIZE] = EXACT | ORDER,
    [FIELD_DURATION] = EXACT | ORDER,
    [FIELD_MOMENT] = EXACT | ORDER,
    [FIELD_AGE] = ORDER, /* it is never a round number */
    [FIELD_FLAG] = EXACT,
    [FIELD_BLOCKER] = EXACT | HAS(IN),
    [FIELD_BLOCKING] = EXACT,
};

bool field_has(const struct field *field, enum comparison comparison)
{
    CHECK((unsigned)comparison < COMPARISON_COUNT);
    return comparisons[field->kind] >> comparison & 1;
}

void field_comparisons(const struct field *field, struct buf *out)
{
    const char *between = "";
    for (int comparison = COMPARISON_EQUAL; comparison < COMPARISON_COUNT; comparison++) {
        if (!field_has(field, (enum comparison)comparison))
            continue;
        buf_str(out, between);
        buf_str(out, comparison_labels[comparison]);
        between = " ";
    }
}

const char *comparison_label(enum comparison comparison)
{
    CHECK(comparison > COMPARISON_NONE);
    CHECK(comparison < COMPARISON_COUNT);
    return comparison_labels[comparison];
}
