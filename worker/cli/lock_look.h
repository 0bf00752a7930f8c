/* lock_look.h - locks with the mark of a command that is over, as the clusters have them now.
 *
 * Looks at the infobases that drains of the whole journal locked, also of those that no worker
 * remembers any more, and changes nothing. */
#ifndef CLI_LOCK_LOOK_H
#define CLI_LOCK_LOOK_H

#include "cli/trace.h"
#include "config/config.h"

enum { LOCK_LOOKS_MAX = 200 /* infobases asked about; a second each at the worst cluster */ };

struct lock_look {
    struct trace_stray *found; /* owned: `mark` is whose lock stands there */
    size_t found_count;
    size_t looked; /* infobases whose lock was read */
    size_t unseen; /* that could not be read, or were too many */
    char why[200]; /* of the first that could not be read */
};

/* Asks these clusters; each answer is waited for up to `wait_ms`. `trace` has read the whole
 * journal. */
void lock_look(const struct config_cluster *const *clusters, size_t cluster_count,
               const struct trace *trace, int64_t wait_ms, struct lock_look *ret);
void lock_look_release(struct lock_look *look);

#endif
