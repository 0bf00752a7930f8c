/* intake.h - consume -> decode -> guard -> offer: one message of the commands topic at a time, in
 * offset order. Where a command's way begins. */
#ifndef SERVICE_INTAKE_H
#define SERVICE_INTAKE_H

#include "base/clock.h"

struct partition;

/* A bounded number, as long as the engine wants more. */
void intake(struct partition *partition, struct instant now);

#endif
