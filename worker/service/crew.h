/* crew.h - the executors of one cluster: the present one, and those that a reload replaced and that
 * still finish what they run. Loop thread only; work.c calls. */
#ifndef SERVICE_CREW_H
#define SERVICE_CREW_H

#include <sys/queue.h>

#include "cluster/executor.h"
#include "config/config.h"

struct cluster_work;
struct crews;
struct service;

struct crew {
    TAILQ_ENTRY(crew) of_cluster;
    struct crews *crews;
    struct executor *executor;
    uint32_t running; /* requests without a reply; counted up by whoever starts one */
    bool stopping;
};

struct crews {
    struct service *service;
    struct cluster_work *cluster; /* for `done`, not looked into here */
    TAILQ_HEAD(, crew) all;       /* the present one first */
};

void crews_init(struct crews *crews, struct service *service, struct cluster_work *cluster);
/* Makes one that takes all that follows; `done` gets the crew and each reply. The configuration is
 * copied. ERR_CONFIG: the present one goes on. */
enum error_code crew_add(struct crews *crews, const struct config_cluster *config,
                         executor_done done, struct error *err) MUST_CHECK;
/* One of its requests is answered. */
void crew_done(struct crew *crew);
/* They answer what they run and go; `all` is empty then. */
void crews_stop(struct crews *crews);
/* Before anything was asked of them: they end by themselves. */
void crews_forget(struct crews *crews);

#endif
