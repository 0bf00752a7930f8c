/* demo_world.h - the two simulated clusters of `curfew demo`, and what really happened in them.
 *
 * People come and go there all the time. Every end of a session is written down with its cause, by
 * the simulator and not by Curfew: that is what the demo's claims are held against. */
#ifndef CLI_DEMO_WORLD_H
#define CLI_DEMO_WORLD_H

#include <uv.h>

#include "base/uuid.h"
#include "cli/verdict.h"

enum {
    DEMO_CLUSTERS = 2,
    DEMO_INFOBASES = 3,
    DEMO_SESSIONS = 150, /* of each cluster */
    DEMO_ASKED_MAX = 32,
};

struct demo_world;

/* Servers listen on the loopback when this returns. */
enum error_code demo_world_create(uv_loop_t *loop, struct demo_world **ret,
                                  struct error *err) MUST_CHECK;
/* Runs the loop until the servers are closed. NULL is fine. */
void demo_world_destroy(struct demo_world *world);
AUTO_TYPE(demo_world)

const char *demo_world_name(const struct demo_world *world, unsigned cluster);
uint16_t demo_world_port(const struct demo_world *world, unsigned cluster);
size_t demo_world_sessions(const struct demo_world *world, unsigned cluster);

/* What one command asks for, chosen from what is there now. */
struct demo_asked {
    unsigned cluster;
    bool by_number;
    const char *infobase; /* by number; static */
    uint32_t numbers[DEMO_ASKED_MAX];
    struct uuid sessions[DEMO_ASKED_MAX]; /* also by number; nil: nobody has the number */
    size_t count;
    size_t guarded; /* place of the session that is protected by its application; count: none */
};

/* Ordinary sessions of one infobase, one cluster console, and one number that nobody has. */
void demo_world_ask_numbers(struct demo_world *world, size_t ordinary, struct demo_asked *ret);
/* Ordinary sessions of the other cluster. */
void demo_world_ask_sessions(struct demo_world *world, size_t ordinary, struct demo_asked *ret);

struct demo_truth {
    size_t terminated;  /* sessions that RAS was told to end, and ended */
    size_t asked;       /* of those, asked for and announced as ended */
    size_t strangers;   /* of those, neither asked for nor announced: must be 0 */
    size_t announced;   /* announced as ended */
    size_t untrue;      /* announced as ended, and not: must be 0 */
    size_t left_over;   /* asked for, not protected, and still there: must be 0 */
    size_t by_itself;   /* sessions that logged out meanwhile, which is nobody's doing */
    bool guarded_ended; /* a protected session was ended: must be false */
};
/* Holds the verdicts against what happened. One verdict for each of `asked`. */
struct demo_truth demo_world_judge(const struct demo_world *world, const struct demo_asked *asked,
                                   const struct verdict *verdicts, size_t count);
bool demo_truth_is_good(const struct demo_truth *truth);

#endif
