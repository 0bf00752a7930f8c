/* contract.h - what the generated code of curfew.v1.Event does not know by itself. For the files of
 * this room that see generated types. */
#ifndef EVENT_CONTRACT_H
#define EVENT_CONTRACT_H

#include "model/pb_json.h"

enum { EVENT_WHOLE = 1 };
/* A verdict's snapshot is stored and passed on whole. */
extern const struct pb_whole event_whole[EVENT_WHOLE];

#endif
