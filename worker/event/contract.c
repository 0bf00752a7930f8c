#include "curfew/v1/event.pb-c.h"

#include "event/contract.h"

const struct pb_whole event_whole[EVENT_WHOLE] = {
    {&curfew__v1__target_verdict__descriptor, "snapshot",
     &curfew__v1__session_snapshot__descriptor},
};
