/* demo.h - the insides of `curfew demo`, shared by its own files only.
 *
 * cmd_demo.c is the walk; demo_setup.c makes broker, clusters and worker, and takes them away;
 * demo_show.c tells how it went; demo_world.h is the world outside. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include <uv.h>

#include "cli/common.h"
#include "cli/demo_world.h"
#include "cli/link.h"
#include "cli/say.h"
#include "model/command.h"

enum { DEMO_ASKS = 2, DEMO_TURN_MS = 100, DEMO_TEXT_MAX = 16 * 1024 };

struct demo {
    struct cli_common common;
    bool keep;
    bool verbose;
    struct say out;
    struct clock clock;
    struct instant started;
    uv_loop_t loop;
    struct broker *broker; /* NULL: one of the operator's */
    struct demo_world *world;
    char run[16];          /* part of the names of topics and group */
    struct config *config; /* the demo's own copy: the settings borrow from it */
    struct kafka_settings settings;
    struct service *service;
    bool stopped;
    struct error failure;
    struct link *link;    /* events */
    struct link *journal; /* reads the journal, at the end */
    struct demo_asked asked[DEMO_ASKS];
    struct command *commands[DEMO_ASKS];
    struct verdict verdicts[DEMO_ASKS];
};

/* One step, under its name ("" = more about the last one). */
void demo_step(struct demo *demo, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Since the start. */
double demo_seconds(const struct demo *demo);

/* demo_setup.c, in this order; demo_clean_up() after any of them, also a failed one. */
enum error_code demo_start_broker(struct demo *demo, struct error *err) MUST_CHECK;
enum error_code demo_start_clusters(struct demo *demo, struct error *err) MUST_CHECK;
/* Two equal configurations: the demo's own, and `*ret_worker` for the worker to keep. */
enum error_code demo_make_configs(struct demo *demo, struct config **ret_worker,
                                  struct error *err) MUST_CHECK;
enum error_code demo_make_topics(struct demo *demo, struct error *err) MUST_CHECK;
enum error_code demo_open_events(struct demo *demo, struct error *err) MUST_CHECK;
/* Takes `owned` in any case; waits until the worker is ready. */
enum error_code demo_start_worker(struct demo *demo, struct config *owned,
                                  struct error *err) MUST_CHECK;
void demo_clean_up(struct demo *demo);

/* demo_show.c */
void demo_show_verdicts(struct demo *demo);
/* Reads the journal back; `*ret_good`: it is whole, and nothing is left open. */
enum error_code demo_show_journal(struct demo *demo, bool *ret_good, struct error *err) MUST_CHECK;
/* Holds what was announced against what happened. */
bool demo_prove(struct demo *demo, bool journal_good);

#endif
