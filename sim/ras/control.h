/* control.h - changes faults and the world while the server runs, and asks what is there.
 *
 * A line protocol on TCP 127.0.0.1: one request per line, one JSON object per line as the answer,
 * with "ok": true or false and "error". A request is a JSON object {"do": WORD, KEY: VALUE...} or
 * the same as words: `WORD [VALUE] KEY=VALUE...`, where the bare value is the word's first key.
 * Session arguments are `session=UUID` or `infobase=IB number=N`. Words: control_help(). */
#ifndef SIM_RAS_CONTROL_H
#define SIM_RAS_CONTROL_H

#include "sim/ras/server.h"

/* Carries out one line and appends the answer with its line break; false: the line asks to stop. */
bool ras_sim_command(struct ras_sim *sim, struct text line, struct buf *out);
/* A JSON array of {"at": "2s", "do": ...}: each request is carried out at its time after the call.
 * ERR_INVALID names the entry. */
enum error_code ras_sim_script(struct ras_sim *sim, const char *path, struct error *err) MUST_CHECK;
/* Called when a client of the control port says `stop`; NULL: it is ignored. */
void ras_sim_on_stop(struct ras_sim *sim, void (*stop)(void *self), void *self);
void control_help(struct buf *out);

#endif
