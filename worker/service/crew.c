#include "service/crew.h"

#include <stdlib.h>

#include "base/check.h"
#include "service/executors.h"
#include "service/state.h"
#include "service/wake.h"

static void crew_destroy(void *self)
{
    struct crew *crew = self;
    struct crews *crews = crew->crews;
    TAILQ_REMOVE(&crews->all, crew, of_cluster);
    executor_destroy(crew->executor);
    free(crew);
    service_again(crews->service);
}

static void crew_stop(struct crew *crew)
{
    if (crew->stopping)
        return;
    crew->stopping = true;
    executor_stop(crew->executor, crew_destroy, crew);
}

void crews_init(struct crews *crews, struct service *service, struct cluster_work *cluster)
{
    crews->service = service;
    crews->cluster = cluster;
    TAILQ_INIT(&crews->all);
}

enum error_code crew_add(struct crews *crews, const struct config_cluster *config,
                         executor_done done, struct error *err)
{
    struct crew *crew = mem_new(struct crew);
    crew->crews = crews;
    if (executor_of_cluster(crews->service->loop, config, done, crew, &crew->executor, err)) {
        free(crew);
        return err->code;
    }
    struct crew *before = TAILQ_FIRST(&crews->all);
    TAILQ_INSERT_HEAD(&crews->all, crew, of_cluster);
    if (before && before->running == 0)
        crew_stop(before);
    return ERR_OK;
}

void crew_done(struct crew *crew)
{
    crew->running--;
    if (crew->running == 0 && crew != TAILQ_FIRST(&crew->crews->all))
        crew_stop(crew);
}

void crews_stop(struct crews *crews)
{
    struct crew *next;
    for (struct crew *crew = TAILQ_FIRST(&crews->all); crew; crew = next) {
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
void crews_forget(struct crews *crews)
{
    struct crew *crew;
    while ((crew = TAILQ_FIRST(&crews->all))) {
        CHECK(!crew->stopping);
        TAILQ_REMOVE(&crews->all, crew, of_cluster);
        executor_stop(crew->executor, crew_forget, crew);
    }
}
