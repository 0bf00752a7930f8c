/* holds.h - who has a share in the lock of an infobase, and who works on it. */
#ifndef ENGINE_HOLDS_H
#define ENGINE_HOLDS_H

#include "engine/lock.h"

/* That of an infobase; NULL: there is none. */
struct hold *hold_known(const struct engine *engine, struct cluster *cluster,
                        const struct uuid *infobase);
/* ... or a new one. */
struct hold *hold_find(struct engine *engine, struct cluster *cluster, const struct uuid *infobase);
/* One command at a time works on a lock. False: another one does; its hold_leave() touches this
 * one. */
bool hold_enter(struct open *open, struct hold *hold);
/* The work on it is over for now; the next one may begin. */
void hold_leave(struct engine *engine, struct drain *drain);
/* Frees it when nobody has to do with it any more. */
void hold_drop_unused(struct engine *engine, struct hold *hold);
/* A look in its hold found the infobase open, or closed. Not lost, it needs no share. */
void hold_note_lost(struct drain *drain, bool lost);
/* The command has no share any more. */
void hold_drop_share(struct engine *engine, struct drain *drain);
void holds_free(struct engine *engine);

#endif
