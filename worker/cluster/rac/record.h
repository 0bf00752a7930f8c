/* record.h - from the blocks that rac prints to the records of the administration service.
 *
 * The records are those of the wire (cluster/ras/wire.h), read by the same tables: rac prints their
 * fields under the same names with '-' for '_', the UUID under the record's own name. So what comes
 * behind, cluster/ras/map.h, is shared with the native client. */
#ifndef CLUSTER_RAC_RECORD_H
#define CLUSTER_RAC_RECORD_H

#include "cluster/rac/output.h"
#include "cluster/ras/wire.h"

enum rac_record { RAC_SESSIONS, RAC_CLUSTERS, RAC_NAMES, RAC_INFOBASE, RAC_CONNECTIONS };

/* All blocks as records in `arena`: `message.records` and `count`, and nothing else of it but the
 * layout is set. `*ret_found`: bit i, the i-th field of the layout was printed. Keys that the
 * layout does not have are passed over. ERR_PROTOCOL: a key without which the record means nothing
 * is not there, or a value is not of its type. */
enum error_code rac_records_read(const struct rac_output *output, enum rac_record kind,
                                 struct arena *arena, struct ras_message *ret, uint64_t *ret_found,
                                 struct error *err) MUST_CHECK;

/* RAC_SESSIONS: the fields of the model that were printed, as bits of struct session's `reported`.
 */
uint64_t rac_sessions_reported(uint64_t found);

#endif
