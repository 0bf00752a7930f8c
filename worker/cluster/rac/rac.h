/* rac.h - the executor that runs the vendor's `rac` program, one process for each step.
 *
 * For clusters whose administration server cannot be reached by the native client (ras/), under the
 * same contract. What rac prints is read by key; its exit status and its texts are hints, and a
 * repeated list decides (docs/rac.md):
 *   - a list or a record counts only when rac ended by itself with status 0, said no known refusal,
 *     left nobody behind with its output open, and printed whole blocks (output.h); else there is
 * no list at all (I7). Empty output counts as the empty list only when standard error is empty too;
 *   - a change is "sent" from the moment its process started. Status 0 is "sent", nothing more; a
 *     known refusal has its class; whatever else happened is ERR_IN_DOUBT (I6).
 *
 * `allowed` and `send_by` are asked right before the process of the change is started. From there
 * on the program decides when bytes leave, so a change may reach the cluster up to the request's
 * deadline later; at that time the whole process group is ended (process.h).
 *
 * Addresses are tried in turn by what only reads; a change goes to the address that answered last.
 * The cluster is found by name once in `infobase_cache_ms` for each address, and the first one of
 * several is never taken silently. A version is detected once by `rac --version` unless it is
 * configured. Processes at once: as many as requests, at most RAC_PROCESSES_MAX.
 *
 * INFOBASE_WRITE reads the record first and passes only what differs; with nothing to change
 * nothing is sent. EXECUTOR_PROCESSES answers ERR_OK without carrying them. The message of END is
 * shown from rac 8.3.21 on; INTERRUPT with an older one is ERR_UNSUPPORTED. */
#ifndef CLUSTER_RAC_RAC_H
#define CLUSTER_RAC_RAC_H

#include "cluster/executor.h"
#include "cluster/rac/output.h"
#include "cluster/rac/version.h"
#include "cluster/ras/ras.h"

enum { RAC_PROCESSES_MAX = 64, RAC_KILL_AFTER_MS = 1000 };

struct rac_variable {
    const char *name;
    const char *value;
};

/* All of it is copied, secrets included. */
struct rac_settings {
    const char *name;    /* of the cluster in the configuration, for errors */
    const char *program; /* absolute path */
    const struct ras_address *addresses;
    size_t address_count;   /* 1..LIMIT_ADDRESSES; no IPv6 addresses: rac cannot parse them */
    const char *cluster;    /* UUID or name; NULL or "" = the only one */
    struct ras_login admin; /* of the cluster; empty where it has none */
    const struct ras_infobase_login *infobases;
    size_t infobase_count;
    const struct rac_variable *environment; /* besides PATH and LC_ALL; wins over them */
    size_t environment_count;
    struct rac_version version; /* 0 = ask the program */
    enum rac_encoding encoding;
    bool passwords_allowed; /* to stand on a command line, where every user of the host sees them */
    int64_t infobase_cache_ms; /* names, and the cluster's UUID; 0 = 60 s */
};

/* ERR_CONFIG names the setting that is wrong; a password without `passwords_allowed` is one. */
enum error_code rac_executor_create(uv_loop_t *loop, struct clock clock,
                                    const struct rac_settings *settings, executor_done done,
                                    void *self, struct executor **ret,
                                    struct error *err) MUST_CHECK;

#endif
