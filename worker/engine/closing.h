/* closing.h - how a command ends: nothing counts before its record is read back. */
#ifndef ENGINE_CLOSING_H
#define ENGINE_CLOSING_H

#include "engine/state.h"

/* Ends a command whose targets all have their outcome. */
void command_close(struct engine *engine, struct open *open, struct instant now);
/* No further list can be had: what earlier rounds left is looked for, and told, before the end. */
void round_failed(struct engine *engine, struct open *open, const struct error *why);
/* ... or that ends before a list says that nobody is left, and why. */
void command_give_up(struct engine *engine, struct open *open, const struct error *why,
                     struct instant now);
/* What it names is not there, or it asks for too much: REJECTED, unless earlier rounds did
 * something, or a lock has to be given back first. */
void command_refuse(struct engine *engine, struct open *open, const struct error *why,
                    struct instant now);

#endif
