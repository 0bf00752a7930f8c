/* strike.h - something happens at one record of the journal, and at each of them in turn: a world
 * is run as often as it has records, and each time another one is struck. */
#ifndef SIM_STRIKE_H
#define SIM_STRIKE_H

#include "worker.h"
#include "world.h"

/* The record that is due to be struck has landed: nobody has read it. */
void strike_landed(struct world *world);
/* ... was read by `worker`, which has done nothing about it yet. */
void strike_read(struct world *world, struct worker *worker, int32_t partition);
/* An action was carried out. */
void strike_acted(struct world *world, struct worker *worker);

/* Every kind of strike, in the busy world of each seed: at every `step`th record, as it lands and
 * as its owner reads it, and behind every `step`th action. An exit status. */
int strikes_run(uint64_t first, uint64_t count, uint32_t step, bool trace);

/* One of them, as a failure names it: `KIND@RECORD` as it lands, `KIND@RECORD+` as it is read,
 * `KIND@ACTION!` behind it. */
int strike_replay(uint64_t seed, const char *what, bool trace);

#endif
