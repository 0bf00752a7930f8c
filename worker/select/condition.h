/* condition.h - one condition of a filter made ready, and its answer for a session. Inside this
 * room only. */
#ifndef SELECT_CONDITION_H
#define SELECT_CONDITION_H

#include "base/address.h"
#include "base/arena.h"
#include "select/field.h"
#include "select/filter.h"

struct network {
    struct address address; /* its bits behind `bits` are 0 */
    unsigned bits;          /* 0..128; 128: one address */
};

struct value {
    struct text text; /* folded: names and masks */
    bool has_uuid;
    struct uuid uuid;
    int64_t
        number; /* NUMBER, BLOCKER; SIZE bytes; DURATION, AGE ms; MOMENT ticks; FLAG 0, 1; CLASS */
    struct network network;
};

struct condition {
    struct field field;
    enum comparison comparison;
    struct value *values;
    size_t count; /* 1, or more with IN */
    bool sorted;  /* the values, by their texts */
    const char *expression;
};

/* From a FILTER_CONDITION; texts go to `arena`. ERR_INVALID names the field and what to write, and
 * sets `*ret_value` to the value that is wrong (value_count: none of them). */
enum error_code condition_make(const struct filter *filter, struct arena *arena,
                               struct condition *ret, size_t *ret_value,
                               struct error *err) MUST_CHECK;
enum truth condition_ask(const struct condition *condition, const struct filter_view *view,
                         const struct session *session);
/* What the session has there, for people. */
void condition_value(const struct condition *condition, const struct filter_view *view,
                     const struct session *session, struct buf *out);

/* filter_value.c */
enum error_code filter_value_read(const struct field *field, enum comparison comparison,
                                  struct text text, struct arena *arena, struct value *ret,
                                  struct error *err) MUST_CHECK;

/* view.c */
struct age {
    bool known;
    int64_t least_ms;
    int64_t most_ms;
};
/* How long before the list the session's moment was. */
struct age view_age(const struct filter_view *view, struct server_time moment);
bool view_blocks(const struct filter_view *view, const struct session *session);
const struct session_list *view_list(const struct filter_view *view);
bool view_has_zone(const struct filter_view *view);

#endif
