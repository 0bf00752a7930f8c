#include "service/halt.h"

#include "base/log.h"
#include "service/partition.h"
#include "service/state.h"
#include "service/wake.h"

/* A signal bears no name; what the control topic says goes before it. */
void halt_tell(const struct service *service, struct engine *engine, struct instant now)
{
    struct engine_asker asker = {"SIGUSR1", "a signal to this worker alone"};
    if (!service->halted_by_signal || service->halted_by_control)
        asker = (struct engine_asker){service->halted_by.by, service->halted_by.why};
    if (service->halted)
        engine_halted_by(engine, &asker);
    engine_halt(engine, service->halted, now);
}

static void halt_apply(struct service *service)
{
    struct instant now = clock_now(&service->clock);
    struct partition *partition;
    bool engaged = service->halted_by_control || service->halted_by_signal;
    if (service->halted != engaged)
        log_line(LOG_LEVEL_WARNING,
                 engaged ? "kill switch engaged: nothing is ended" : "kill switch released",
                 LOG_TEXT("by_control_topic", service->halted_by_control ? "yes" : "no"),
                 LOG_TEXT("by_signal", service->halted_by_signal ? "yes" : "no"));
    service->halted = engaged;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->engine)
        halt_tell(service, partition->engine, now);
    service_again(service);
}

void service_halt(struct service *service, bool engaged)
{
    service->halted_by_signal = engaged;
    halt_apply(service);
}

/* Who engages it once more did not stop what is stopped. */
void halt_by_control(struct service *service, const struct command *command)
{
    struct halted_by *halted_by = &service->halted_by;
    if (command->kill_switch_engaged && !service->halted_by_control) {
        snprintf(halted_by->by, sizeof halted_by->by, "%s", command->requested_by);
        snprintf(halted_by->why, sizeof halted_by->why, "%s", command->reason);
    }
    service->halted_by_control = command->kill_switch_engaged;
    halt_apply(service);
}
