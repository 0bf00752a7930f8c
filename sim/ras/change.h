/* change.h - the messages that change something: carried out unless the turn lies, written down
 * either way, and answered. */
#ifndef SIM_RAS_CHANGE_H
#define SIM_RAS_CHANGE_H

#include "sim/ras/turn.h"

void change_update_infobase(struct turn *turn);
void change_update_infobase_short(struct turn *turn);
void change_disconnect(struct turn *turn);
void change_terminate_session(struct turn *turn);
void change_interrupt_session(struct turn *turn);

#endif
