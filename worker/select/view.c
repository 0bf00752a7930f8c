/* A list made ready to be asked: who blocks whom, and what its times mean. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "select/condition.h"

struct blocker {
    struct uuid infobase;
    uint32_t number;
};

struct filter_view {
    const struct session_list *list;
    struct filter_time time;
    struct blocker *blockers; /* owned, sorted */
    size_t blocker_count;
};

static int compare(const void *a, const void *b)
{
    const struct blocker *left = a;
    const struct blocker *right = b;
    int order = memcmp(left->infobase.bytes, right->infobase.bytes, sizeof left->infobase.bytes);
    return order ? order : (left->number > right->number) - (left->number < right->number);
}

static void add_blocker(struct filter_view *view, const struct session *session, uint32_t number)
{
    if (number)
        view->blockers[view->blocker_count++] = (struct blocker){session->infobase, number};
}

struct filter_view *filter_view_create(const struct session_list *list,
                                       const struct filter_time *time)
{
    struct filter_view *view = mem_new(struct filter_view);
    CHECK(time->tolerance_ms >= 0);
    view->list = list;
    view->time = *time;
    view->blockers = mem_alloc(2 * list->count + 1, sizeof view->blockers[0]);
    for (size_t i = 0; i < list->count; i++) {
        add_blocker(view, &list->sessions[i], list->sessions[i].blocked_by_dbms);
        add_blocker(view, &list->sessions[i], list->sessions[i].blocked_by_ls);
    }
    qsort(view->blockers, view->blocker_count, sizeof view->blockers[0], compare);
    return view;
}

void filter_view_destroy(struct filter_view *view)
{
    if (!view)
        return;
    free(view->blockers);
    free(view);
}

const struct session_list *view_list(const struct filter_view *view)
{
    return view->list;
}

bool view_has_zone(const struct filter_view *view)
{
    return view->time.zone != NULL;
}

bool view_blocks(const struct filter_view *view, const struct session *session)
{
    struct blocker wanted = {session->infobase, session->number};
    return view->blocker_count &&
           bsearch(&wanted, view->blockers, view->blocker_count, sizeof wanted, compare) != NULL;
}

struct age view_age(const struct filter_view *view, struct server_time moment)
{
    const struct filter_time *time = &view->time;
    if (!time->zone || !time->from.ms || !time->until.ms || !moment.ticks)
        return (struct age){.known = false};
    struct wall_span meant = zone_read(time->zone, server_time_ms(moment));
    return (struct age){true, time->from.ms - meant.until.ms - time->tolerance_ms,
                        time->until.ms - meant.from.ms + time->tolerance_ms};
}

enum truth filter_began_before(const struct filter_time *time, const struct session *session,
                               struct wall moment)
{
    if (!time->zone || !session->started_at.ticks)
        return TRUTH_UNKNOWN;
    struct wall_span began = zone_read(time->zone, server_time_ms(session->started_at));
    if (began.until.ms + time->tolerance_ms <= moment.ms)
        return TRUTH_YES;
    return began.from.ms - time->tolerance_ms > moment.ms ? TRUTH_NO : TRUTH_UNKNOWN;
}
