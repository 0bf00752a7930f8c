/* scenario.h - runs of worlds: many seeds, one mutation at a time, and worlds with one purpose.
 *
 * Every function returns an exit status: 0 when all is as it must be. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "oracle.h"
#include "world.h"

/* Runs chaos and then calm until everything is done; false: world->violation says why. */
bool run_out(struct world *world);
/* A world in which every cluster gets a command every `interval_ms`, `rounds` times. */
struct world *world_loaded(uint64_t seed, const struct plan *plan, int32_t interval_ms,
                           uint64_t rounds, bool trace);
/* Prints what reproduces a failure. */
void report(const struct world *world, const char *what);
/* Says which seed is running, from a signal handler. */
void report_running(void);

/* `ticks` 0: as drawn. One seed with a trace prints it. Checks on some seeds that a seed replays
 * exactly. */
int seeds_run(uint64_t first, uint64_t count, uint32_t ticks, bool trace);
/* The named guard taken away, or each of them (NULL): a violation must be found within `count`
 * seeds. */
int mutations_run(const char *name, uint64_t first, uint64_t count, bool trace);
/* "": each of them. */
int scenarios_run(const char *name, uint64_t first, bool trace);

#endif
