/* The executors of a cluster: the present one, and those that a reload replaced and that still
 * finish what they run. */
#include <stdlib.h>

#include "base/check.h"
#include "service/executors.h"
#include "service/internal.h"
#include "service/wake.h"

static void crew_destroy(void *self)
{
    struct crew *crew = self;
    struct cluster_work *work = crew->cluster;
    TAILQ_REMOVE(&work->crews, crew, of_cluster);
    executor_destroy(crew->executor);
    free(crew);
    service_again(work->service);
}

static void crew_stop(struct crew *crew)
{
    if (crew->stopping)
        return;
    crew->stopping = true;
    executor_stop(crew->executor, crew_destroy, crew);
}

enum error_code crew_add(struct cluster_work *work, executor_done done, struct error *err)
{
    struct crew *crew = mem_new(struct crew);
    crew->cluster = work;
    if (executor_of_cluster(work->service->loop, work->config, done, crew, &crew->executor, err)) {
        free(crew);
        return err->code;
    }
    struct crew *before = TAILQ_FIRST(&work->crews);
    TAILQ_INSERT_HEAD(&work->crews, crew, of_cluster);
    if (before && before->running == 0)
        crew_stop(before);
    return ERR_OK;
}

void crew_done(struct crew *crew)
{
    crew->running--;
    if (crew->running == 0 && crew != TAILQ_FIRST(&crew->cluster->crews))
        crew_stop(crew);
}

void crews_stop(struct cluster_work *work)
{
    struct crew *next;
    for (struct crew *crew = TAILQ_FIRST(&work->crews); crew; crew = next) {
        next = TAILQ_NEXT(crew, of_cluster);
        crew_stop(crew);
    }
}

static void crew_forget(void *self)
{
    struct crew *crew = self;
    executor_destroy(crew->executor);
    free(crew);
}

/* Who stops as usual has none left (clusters_stopped). Of a start that failed: nothing was asked of
 * them yet, and they end by themselves, without the service, as soon as the loop turns. */
void crews_forget(struct cluster_work *work)
{
    struct crew *crew;
    while ((crew = TAILQ_FIRST(&work->crews))) {
        CHECK(!crew->stopping);
        TAILQ_REMOVE(&work->crews, crew, of_cluster);
        executor_stop(crew->executor, crew_forget, crew);
    }
}
