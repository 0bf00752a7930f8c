/* common.h - the small parts that every other file uses. */
#ifndef ENGINE_COMMON_H
#define ENGINE_COMMON_H

#include "engine/state.h"

/* The entry that a record or offer with this first append time repeats; NULL: there is none, or it
 * is so much older that this is a new command under an old id. Depends on records alone, so that
 * every reader says the same. */
struct entry *engine_known(struct engine *engine, const struct uuid *id, struct wall first_append);
struct entry *engine_find(struct engine *engine, const struct uuid *id);
void flying_clear(struct engine *engine);
void flying_landed(struct engine *engine, const struct uuid *id);
/* No byte of an act on a session, or on what it left, at or after: its licence, the list that it
 * rests on (complete at `seen`) and what is known of the control topic all grow old while it waits
 * in a lane. */
struct instant engine_send_by(const struct engine *engine, struct instant licence_until,
                              struct instant seen);
/* The command that a tag of an END, PROBE, CONNECTIONS, DISCONNECT or INTERRUPT is about; NULL: of
 * an earlier epoch. */
struct open *engine_open(const struct engine *engine, uint64_t tag, uint32_t *ret_index);
struct cluster *engine_cluster(struct engine *engine, const char *name);
void engine_touch(struct engine *engine, struct open *open); /* decide() will look at it */
struct engine_action *engine_act(struct engine *engine, enum engine_action_kind kind);
/* Stamps epoch and sequence and hands the record out. The engine must be the owner, or the record
 * its OWNER. */
void engine_append(struct engine *engine, struct record *record, struct instant now);
/* A record about this command, head filled in. */
struct record *engine_record_about(const struct open *open, enum record_kind kind);
/* The broker's time is at most this; 0 while it is not known. */
struct wall engine_broker_now(const struct engine *engine, struct instant now);
/* ... and at least this; 0 while it is not known. */
struct wall engine_broker_then(const struct engine *engine, struct instant at);
/* When the broker's clock shows `wall`, at the earliest. */
struct instant engine_instant_of(const struct engine *engine, struct wall wall);
/* ... and when it surely does. */
struct instant engine_instant_past(const struct engine *engine, struct wall wall);
/* No first act at or after it: the command's expiry, or what its list says. */
struct wall open_end(const struct open *open);
/* Has that moment come, as far as can be told? Errs on the early side. */
bool open_is_over(const struct engine *engine, const struct open *open, struct instant now);
/* Do those selected still have time to leave? Errs on the late side. */
bool open_in_grace(const struct engine *engine, const struct open *open, struct instant now);
/* Why a command that is cancelled, or stopped by the kill switch, goes no further: `what` became of
 * it, who said so, and his words, as far as they fit. */
void stop_why(const struct engine *engine, const struct open *open, const char *what,
              struct error *ret);
/* Does a further round follow when every target has its outcome? */
bool open_goes_on(const struct open *open);
/* What counts against the bounds from here on, and what does no longer. */
void engine_charge(struct engine *engine, struct engine_budget more);
void engine_discharge(struct engine *engine, struct engine_budget less);
void engine_set_role(struct engine *engine, enum engine_role role);
/* The command waits for a list that starts at or after `after`, not asked for before `not_before`.
 */
void cluster_want(struct engine *engine, struct open *open, struct instant after,
                  struct instant not_before);
void cluster_served(struct open *open);
/* Somebody waits and no list is under way: clusters_step() will look at it. */
void cluster_ask(struct engine *engine, struct cluster *cluster);
/* Adds whom the last list left in doubt to why a command ends before nobody is left. */
void open_tell_doubt(const struct open *open, struct error *why);
void target_release(struct target *target);

#endif
