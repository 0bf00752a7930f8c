#include "service/wake.h"

#include "kafka/hub.h"
#include "service/state.h"

void service_again(struct service *service)
{
    if (!service->again && service->hub)
        kafka_hub_again(service->hub);
    service->again = true;
}
