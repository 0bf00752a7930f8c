#include "cli/sift.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "guard/guard.h"
#include "model/json.h"

struct sift {
    const struct config *config;
    struct matcher *matcher;
    struct filter_view *view;
};

enum error_code sift_create(const char *expression, const struct config *config, struct sift **ret,
                            struct error *err)
{
    AUTO(sift) sift = mem_new(struct sift);
    sift->config = config;
    AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    struct filter *filter;
    struct error why;
    if (filter_parse(text_of(expression), arena, &filter, &why) ||
        matcher_create(filter, &sift->matcher, &why))
        return error_set(err, ERR_USAGE, "--filter: %s", why.message);
    *ret = STEAL(sift);
    return ERR_OK;
}

void sift_destroy(struct sift *sift)
{
    if (!sift)
        return;
    matcher_destroy(sift->matcher);
    filter_view_destroy(sift->view);
    free(sift);
}

enum error_code sift_list(struct sift *sift, const struct config_cluster *cluster,
                          const struct session_list *list, struct wall from, struct wall until,
                          struct error *err)
{
    struct filter_time time = {.zone = cluster->zone,
                               .from = from,
                               .until = until,
                               .tolerance_ms = cluster->clock_tolerance_ms};
    CHECK(!sift->view);
    sift->view = filter_view_create(list, &time);
    return matcher_fits(sift->matcher, sift->view, err);
}

enum truth sift_ask(const struct sift *sift, const struct session *session)
{
    return matcher_ask(sift->matcher, sift->view, session);
}

/* Does the session match, and is nevertheless never ended? */
static bool sift_is_spared(const struct sift *sift, const struct session *session)
{
    return sift_ask(sift, session) == TRUTH_YES && guard_is_never_meant(sift->config, session);
}

/* ---- for people ---- */

static enum paint paint_of(enum truth truth)
{
    static const enum paint paints[] = {PAINT_DIM, PAINT_WARN, PAINT_GOOD};
    return paints[truth];
}

static void print_condition(void *self, const char *condition, const char *value, enum truth truth)
{
    const struct say *say = self;
    printf("    %s%-7s%s ", say_on(say, paint_of(truth)), truth_label(truth), say_off(say));
    say_text(stdout, text_of(condition));
    printf("  (");
    say_text(stdout, text_of(value[0] ? value : "empty"));
    printf(")\n");
}

void sift_explain(const struct sift *sift, const struct session *session, const struct say *say)
{
    enum truth truth = sift_ask(sift, session);
    static const char *const words[] = {"does not match", "may match, so it is left alone",
                                        "matches"};
    say_text(stdout, text_of(session->infobase_name[0] ? session->infobase_name
                                                       : uuid_format(&session->infobase).text));
    printf(" %" PRIu32 " ", session->number);
    say_text(stdout, text_of(session->user_name[0] ? session->user_name : "(no user yet)"));
    printf(" ");
    say_text(stdout, text_of(session->app_id));
    printf(": %s%s%s%s\n", say_on(say, paint_of(truth)), words[truth], say_off(say),
           sift_is_spared(sift, session) ? ", but this application's sessions are never ended"
                                         : "");
    struct say copy = *say;
    matcher_explain(sift->matcher, sift->view, session, print_condition, &copy);
}

/* ---- for machines ---- */

struct conditions {
    struct buf *out;
    bool any;
};

static void add_condition(void *self, const char *condition, const char *value, enum truth truth)
{
    struct conditions *conditions = self;
    buf_str(conditions->out, conditions->any ? ",{\"condition\":" : "{\"condition\":");
    json_quote(conditions->out, text_of(condition));
    buf_str(conditions->out, ",\"value\":");
    json_quote(conditions->out, text_of(value));
    buf_format(conditions->out, ",\"answer\":\"%s\"}", truth_label(truth));
    conditions->any = true;
}

void sift_explain_json(const struct sift *sift, const struct session *session, struct buf *out)
{
    struct conditions conditions = {out, false};
    buf_str(out, "{\"session\":");
    session_json(session, out);
    buf_format(out, ",\"matches\":\"%s\",\"spared\":%s,\"conditions\":[",
               truth_label(sift_ask(sift, session)),
               sift_is_spared(sift, session) ? "true" : "false");
    matcher_explain(sift->matcher, sift->view, session, add_condition, &conditions);
    buf_str(out, "]}");
}
