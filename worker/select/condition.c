#include "select/condition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "model/application.h"

/* ---- making ---- */

static enum error_code check_count(const struct filter *filter, const struct field *field,
                                   struct error *err)
{
    if (filter->value_count == 0)
        return error_set(err, ERR_INVALID, "'%s' is compared with nothing", field->name);
    if (filter->value_count > 1 && filter->comparison != COMPARISON_IN)
        return error_set(err, ERR_INVALID, "'%s' is compared with several values: write in (...)",
                         field->name);
    return ERR_OK;
}

static enum error_code check_comparison(const struct filter *filter, const struct field *field,
                                        struct error *err)
{
    if (filter->comparison <= COMPARISON_NONE || filter->comparison >= COMPARISON_COUNT)
        return error_set(err, ERR_INVALID, "a condition on '%s' has no comparison", field->name);
    if (field_has(field, filter->comparison))
        return ERR_OK;
    AUTO_BUF has;
    buf_init(&has, 256);
    field_comparisons(field, &has);
    return error_set(err, ERR_INVALID, "'%s' cannot be compared by %s: it has %s", field->name,
                     comparison_label(filter->comparison), buf_text(&has));
}

static int compare_texts(const void *a, const void *b)
{
    const struct text *left = &((const struct value *)a)->text;
    const struct text *right = &((const struct value *)b)->text;
    if (left->length != right->length)
        return left->length < right->length ? -1 : 1;
    return left->length ? memcmp(left->at, right->at, left->length) : 0;
}

/* Long lists of names are looked up, for each of thousands of sessions. */
static void sort_names(struct condition *condition)
{
    condition->sorted =
        condition->comparison != COMPARISON_MATCHES &&
        (condition->field.kind == FIELD_TEXT || condition->field.kind == FIELD_USER);
    if (condition->sorted)
        qsort(condition->values, condition->count, sizeof condition->values[0], compare_texts);
}

enum error_code condition_make(const struct filter *filter, struct arena *arena,
                               struct condition *ret, size_t *ret_value, struct error *err)
{
    CHECK(filter->kind == FILTER_CONDITION);
    struct condition made = {.comparison = filter->comparison, .count = filter->value_count};
    *ret_value = filter->value_count;
    if (field_find(text_of(filter->field), &made.field, err) ||
        check_comparison(filter, &made.field, err) || check_count(filter, &made.field, err))
        return ERR_INVALID;
    AUTO_BUF printed;
    buf_init(&printed, LIMIT_COMMAND_DECODE_BYTES);
    filter_print(filter, &printed);
    made.expression = arena_text(arena, text_of(buf_text(&printed)));
    made.values = arena_take(arena, made.count, sizeof made.values[0]);
    if (!made.expression || !made.values)
        return error_set(err, ERR_TOO_LARGE, "the filter is too large");
    for (size_t i = 0; i < made.count; i++) {
        *ret_value = i;
        if (filter_value_read(&made.field, made.comparison, text_of(filter->values[i]), arena,
                              &made.values[i], err))
            return err ? err->code : ERR_INVALID;
    }
    sort_names(&made);
    *ret = made;
    return ERR_OK;
}

/* ---- what the session has ---- */

static const char *text_in(const struct session *session, enum session_field field)
{
    const char *ret = NULL;
    switch (field) {
#define SESSION_TEXT_OF_UUID(name)
#define SESSION_TEXT_OF_U32(name)
#define SESSION_TEXT_OF_I64(name)
#define SESSION_TEXT_OF_TIME(name)
#define SESSION_TEXT_OF_BOOL(name)
#define SESSION_TEXT_OF_TEXT(name)                                                                 \
    case SESSION_##name:                                                                           \
        ret = session->name;                                                                       \
        break;
#define FIELD(type, name) SESSION_TEXT_OF_##type(name)
#include "model/session.def"
#undef FIELD
    default:
        CHECK(!"a field that is no text");
    }
    return ret;
}

static int64_t number_in(const struct session *session, enum session_field field)
{
    int64_t ret = 0;
    switch (field) {
#define SESSION_NUMBER_OF_UUID(name)
#define SESSION_NUMBER_OF_TEXT(name)
#define SESSION_NUMBER_CASE(name, value)                                                           \
    case SESSION_##name:                                                                           \
        ret = value;                                                                               \
        break;
#define SESSION_NUMBER_OF_U32(name) SESSION_NUMBER_CASE(name, session->name)
#define SESSION_NUMBER_OF_I64(name) SESSION_NUMBER_CASE(name, session->name)
#define SESSION_NUMBER_OF_BOOL(name) SESSION_NUMBER_CASE(name, session->name)
#define SESSION_NUMBER_OF_TIME(name) SESSION_NUMBER_CASE(name, session->name.ticks)
#define FIELD(type, name) SESSION_NUMBER_OF_##type(name)
#include "model/session.def"
#undef FIELD
    default:
        CHECK(!"a field that is no number");
    }
    return ret;
}

static const struct uuid *uuid_in(const struct session *session, enum session_field field)
{
    switch (field) {
    case SESSION_uuid:
        return &session->uuid;
    case SESSION_infobase:
        return &session->infobase;
    case SESSION_connection:
        return &session->connection;
    case SESSION_process:
        return &session->process;
    default:
        CHECK(!"a field that is no UUID");
        return NULL;
    }
}

static bool reports(const struct session *session, enum session_field field)
{
    return session->reported >> field & 1;
}

/* ---- answers ---- */

static enum truth truth_of(bool yes)
{
    return yes ? TRUTH_YES : TRUTH_NO;
}

/* `*` stands for any run of characters, `?` for one; both sides are folded UTF-8. On a mismatch
 * only the last star takes one character more. */
static bool mask_matches(struct text mask, struct text text)
{
    size_t m = 0, t = 0;
    size_t star = SIZE_MAX, resume = 0;
    while (t < text.length) {
        if (m < mask.length && mask.at[m] == '*') {
            star = ++m;
            resume = t;
        } else if (m < mask.length && mask.at[m] == '?') {
            m++;
            for (t++; t < text.length && ((unsigned char)text.at[t] & 0xc0) == 0x80;)
                t++;
        } else if (m < mask.length && mask.at[m] == text.at[t]) {
            m++;
            t++;
        } else if (star != SIZE_MAX) {
            m = star;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (m < mask.length && mask.at[m] == '*')
        m++;
    return m == mask.length;
}

static bool has_text(const struct condition *condition, const char *text)
{
    AUTO_BUF bytes;
    buf_init(&bytes, 4 * LIMIT_RAS_PACKET_BYTES);
    text_fold(&bytes, text_of(text));
    struct text folded = {(const char *)bytes.data, bytes.length};
    if (condition->sorted) {
        struct value wanted = {.text = folded};
        return bsearch(&wanted, condition->values, condition->count, sizeof wanted,
                       compare_texts) != NULL;
    }
    for (size_t i = 0; i < condition->count; i++)
        if (condition->comparison == COMPARISON_MATCHES
                ? mask_matches(condition->values[i].text, folded)
                : text_equal(condition->values[i].text, folded))
            return true;
    return false;
}

/* A text that is not UTF-8 is shown by its bytes (\xNN), which are nothing to compare. Which of the
 * session's texts that is, is not told: any with a backslash may be it. */
static enum truth ask_text(const struct condition *condition, const struct session *session,
                           const char *text)
{
    if (session->unreadable && strchr(text, '\\'))
        return TRUTH_UNKNOWN;
    return truth_of(has_text(condition, text));
}

static enum truth ask_infobase(const struct condition *condition, const struct session *session)
{
    bool by_name = false;
    for (size_t i = 0; i < condition->count; i++) {
        if (!condition->values[i].has_uuid)
            by_name = true;
        else if (uuid_equal(&condition->values[i].uuid, &session->infobase))
            return TRUTH_YES;
    }
    if (session->infobase_name[0] && by_name)
        return ask_text(condition, session, session->infobase_name);
    if (session->infobase_name[0])
        return truth_of(has_text(condition, session->infobase_name));
    return by_name ? TRUTH_UNKNOWN : TRUTH_NO;
}

static enum truth ask_class(const struct condition *condition, const struct session *session)
{
    enum application_class class = application_class_of(text_of(session->app_id));
    if (class == APPLICATION_UNKNOWN)
        return TRUTH_UNKNOWN;
    for (size_t i = 0; i < condition->count; i++)
        if (condition->values[i].number == class)
            return TRUTH_YES;
    return TRUTH_NO;
}

static bool in_network(const struct network *network, const struct address *address)
{
    for (unsigned bit = 0; bit < network->bits; bit++)
        if ((network->address.bytes[bit / 8] ^ address->bytes[bit / 8]) >> (7 - bit % 8) & 1)
            return false;
    return true;
}

static enum truth ask_address(const struct condition *condition, const struct session *session)
{
    struct address address;
    if (!session->client_ip[0])
        return TRUTH_UNKNOWN;
    if (condition->comparison == COMPARISON_MATCHES)
        return ask_text(condition, session, session->client_ip);
    if (!address_read(text_of(session->client_ip), &address))
        return TRUTH_UNKNOWN;
    for (size_t i = 0; i < condition->count; i++)
        if (in_network(&condition->values[i].network, &address))
            return TRUTH_YES;
    return TRUTH_NO;
}

static bool compare(enum comparison comparison, int64_t left, int64_t right)
{
    switch (comparison) {
    case COMPARISON_LESS:
        return left < right;
    case COMPARISON_LESS_OR_EQUAL:
        return left <= right;
    case COMPARISON_GREATER:
        return left > right;
    case COMPARISON_GREATER_OR_EQUAL:
        return left >= right;
    default:
        return left == right;
    }
}

static bool has_number(const struct condition *condition, int64_t number)
{
    for (size_t i = 0; i < condition->count; i++)
        if (compare(condition->comparison, number, condition->values[i].number))
            return true;
    return false;
}

static enum truth ask_uuid(const struct condition *condition, const struct session *session)
{
    const struct uuid *uuid = uuid_in(session, condition->field.source);
    for (size_t i = 0; i < condition->count; i++)
        if (uuid_equal(&condition->values[i].uuid, uuid))
            return TRUTH_YES;
    return TRUTH_NO;
}

static enum truth ask_age(const struct condition *condition, const struct filter_view *view,
                          const struct session *session)
{
    struct server_time moment = {number_in(session, condition->field.source)};
    struct age age = view_age(view, moment);
    if (!age.known)
        return TRUTH_UNKNOWN;
    bool least = has_number(condition, age.least_ms);
    bool most = has_number(condition, age.most_ms);
    return least == most ? truth_of(least) : TRUTH_UNKNOWN;
}

static enum truth ask_counter(const struct condition *condition, const struct session *session)
{
    const struct field *field = &condition->field;
    int64_t number = number_in(session, field->source);
    if (field->kind == FIELD_MOMENT && !number)
        return TRUTH_UNKNOWN;
    if (field->kind == FIELD_DURATION && __builtin_mul_overflow(number, field->unit_ms, &number))
        return TRUTH_UNKNOWN;
    return truth_of(has_number(condition, number));
}

static enum truth ask_equal(const struct condition *condition, const struct filter_view *view,
                            const struct session *session)
{
    const struct field *field = &condition->field;
    switch (field->kind) {
    case FIELD_USER:
        if (!session->user_name[0])
            return TRUTH_UNKNOWN;
        return ask_text(condition, session, session->user_name);
    case FIELD_TEXT:
        return ask_text(condition, session, text_in(session, field->source));
    case FIELD_INFOBASE:
        return ask_infobase(condition, session);
    case FIELD_UUID:
        return ask_uuid(condition, session);
    case FIELD_CLASS:
        return ask_class(condition, session);
    case FIELD_ADDRESS:
        return ask_address(condition, session);
    case FIELD_AGE:
        return ask_age(condition, view, session);
    case FIELD_NUMBER:
    case FIELD_SIZE:
    case FIELD_DURATION:
    case FIELD_MOMENT:
    case FIELD_FLAG:
        return ask_counter(condition, session);
    case FIELD_BLOCKER:
        if (!session->blocked_by_dbms || !session->blocked_by_ls) /* 0 is "none" of both only */
            return truth_of(
                has_number(condition, session->blocked_by_dbms | session->blocked_by_ls));
        return truth_of(has_number(condition, session->blocked_by_dbms) ||
                        has_number(condition, session->blocked_by_ls));
    case FIELD_BLOCKING:
        return truth_of(has_number(condition, view_blocks(view, session)));
    case FIELD_KINDS:
        break;
    }
    CHECK(!"a kind of field without an answer");
    return TRUTH_UNKNOWN;
}

enum truth condition_ask(const struct condition *condition, const struct filter_view *view,
                         const struct session *session)
{
    const struct field *field = &condition->field;
    if (!reports(session, field->source) || !reports(session, field->second))
        return TRUTH_UNKNOWN;
    enum truth truth = ask_equal(condition, view, session);
    if (condition->comparison == COMPARISON_NOT_EQUAL)
        return (enum truth)(TRUTH_YES - truth);
    return truth;
}

/* ---- for people ---- */

static void print_age(struct age age, struct buf *out)
{
    if (!age.known) {
        buf_str(out, "not known");
        return;
    }
    int64_t ms = age.least_ms + (age.most_ms - age.least_ms) / 2;
    int64_t seconds = ms > 0 ? ms / 1000 : 0;
    if (ms > 0 && ms < 1000) {
        buf_format(out, "%" PRId64 "ms", ms);
        return;
    }
    if (seconds >= 86400)
        buf_format(out, "%" PRId64 "d", seconds / 86400);
    if (seconds >= 3600)
        buf_format(out, "%" PRId64 "h", seconds / 3600 % 24);
    if (seconds >= 60)
        buf_format(out, "%" PRId64 "m", seconds / 60 % 60);
    buf_format(out, "%" PRId64 "s", seconds % 60);
    if (age.most_ms - age.least_ms >= 600000) /* the clocks changed */
        buf_format(out, " give or take %" PRId64 "m", (age.most_ms - age.least_ms) / 120000);
}

void condition_value(const struct condition *condition, const struct filter_view *view,
                     const struct session *session, struct buf *out)
{
    const struct field *field = &condition->field;
    if (!reports(session, field->source) || !reports(session, field->second)) {
        buf_str(out, "not reported by this cluster's version");
        return;
    }
    switch (field->kind) {
    case FIELD_INFOBASE:
        buf_str(out, session->infobase_name[0] ? session->infobase_name
                                               : uuid_format(&session->infobase).text);
        break;
    case FIELD_CLASS:
        buf_str(out, application_class_label(application_class_of(text_of(session->app_id))));
        break;
    case FIELD_AGE:
        print_age(view_age(view, (struct server_time){number_in(session, field->source)}), out);
        break;
    case FIELD_DURATION: {
        int64_t ms = number_in(session, field->source) * field->unit_ms;
        print_age((struct age){true, ms, ms}, out);
        break;
    }
    case FIELD_BLOCKING:
        buf_str(out, view_blocks(view, session) ? "yes" : "no");
        break;
    case FIELD_FLAG:
        buf_str(out, number_in(session, field->source) ? "yes" : "no");
        break;
    case FIELD_BLOCKER:
        buf_format(out, "%" PRIu32, session->blocked_by_dbms);
        if (session->blocked_by_ls)
            buf_format(out, ", %" PRIu32, session->blocked_by_ls);
        break;
    default:
        session_field_print(session, field->source, out);
        break;
    }
}
