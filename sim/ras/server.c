/* The server's life: the ticker, from its making to its end. */
#include "sim/ras/server.h"

#include <unistd.h>

#include "base/check.h"
#include "sim/ras/server_internal.h"

enum { TICK_MS = 50 };

static void on_tick(uv_timer_t *timer)
{
    struct ras_sim *sim = timer->data;
    world_tick(sim->world, sim_wall(sim));
    sim_review_addresses(sim);
}

static void on_world(void *self, const struct world_event *event)
{
    sim_log_life(self, event);
}

static size_t known_versions(uint8_t *ret)
{
    size_t count = 0;
    while (ras_versions[count] && count < RAS_SIM_VERSIONS_MAX) {
        ret[count] = ras_versions[count];
        count++;
    }
    return count;
}

struct ras_sim *ras_sim_create(uv_loop_t *loop, struct world *world,
                               const struct ras_sim_options *options)
{
    struct ras_sim *sim = mem_new(struct ras_sim);
    sim->loop = loop;
    sim->world = world;
    sim->options = *options;
    if (!sim->options.clock.now)
        sim->options.clock = clock_real();
    if (!sim->options.versions[0])
        known_versions(sim->options.versions);
    sim->rng.state = options->seed ^ 0x5e55;
    sim->faults = faults_create(options->seed);
    sim->log.fd = -1;
    world_watch(world, on_world, sim);
    uv_timer_init(loop, &sim->ticker);
    sim->ticker.data = sim;
    sim->open = 1;
    if (options->tick_ms >= 0) {
        uint64_t every = options->tick_ms ? (uint64_t)options->tick_ms : TICK_MS;
        uv_timer_start(&sim->ticker, on_tick, every, every);
    }
    return sim;
}

static void on_ticker_closed(uv_handle_t *handle)
{
    sim_one_closed(handle->data);
}

void ras_sim_close(struct ras_sim *sim, void (*closed)(void *self), void *self)
{
    CHECK(!sim->closing);
    sim->closing = true;
    sim->closed = closed;
    sim->self = self;
    sim_close_addresses(sim);
    ras_sim_cut(sim, NULL);
    sim_control_close(sim);
    world_unwatch(sim->world, on_world, sim);
    uv_close((uv_handle_t *)&sim->ticker, on_ticker_closed);
}

void ras_sim_destroy(struct ras_sim *sim)
{
    if (!sim)
        return;
    CHECK(sim->closing);
    CHECK(sim->open == 0);
    for (size_t i = 0; i < sim->listener_count; i++)
        free(sim->listeners[i]);
    for (size_t i = 0; i < RAS_SIM_NOTES_MAX; i++)
        free(sim->notes[i]);
    if (sim->log.fd >= 0)
        close(sim->log.fd);
    faults_destroy(sim->faults);
    free(sim->listeners);
    free(sim);
}
