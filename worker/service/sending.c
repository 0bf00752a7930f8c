#include "service/sending.h"

#include "service/partition.h"
#include "service/state.h"

struct sending *sending_create(struct partition *partition, enum sending_kind kind)
{
    struct sending *sending = mem_new(struct sending);
    sending->kind = kind;
    sending->partition = partition->id;
    sending->engine_serial = partition->serial;
    partition->service->sendings++;
    return sending;
}

void sending_destroy(struct service *service, struct sending *sending)
{
    service->sendings--;
    outgoing_destroy(sending->reply);
    free(sending->reply_topic);
    free(sending);
}
