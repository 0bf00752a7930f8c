#include "service/memory.h"

#include "base/mem.h"
#include "service/state.h"

enum {
    QUIET_MS = 250,      /* without a record read back: the load is over */
    WORTH_RECORDS = 1000 /* since the last time; fewer leave nothing that would be missed */
};

void memory_pass(struct service *service, struct instant now)
{
    if (service->records_seen != service->records_read) {
        service->records_seen = service->records_read;
        if (service->records_read - service->records_given_back >= WORTH_RECORDS)
            service->give_back_at = instant_add_ms(now, QUIET_MS);
    } else if (instant_passed(now, service->give_back_at)) {
        service->give_back_at = INSTANT_NEVER;
        service->records_given_back = service->records_read;
        mem_give_back();
    }
}
