/* fold_list.h - RESOLVED, PENDING, APPROVED. */
#ifndef ENGINE_FOLD_LIST_H
#define ENGINE_FOLD_LIST_H

#include "engine/state.h"

/* Takes the record. `licence`: what it gives ends then. */
enum error_code fold_resolved(struct engine *engine, struct open *open, struct record *record,
                              int64_t offset, struct wall broker_time, struct instant licence,
                              struct error *err) MUST_CHECK;
enum error_code fold_pending(struct open *open, const struct record *record,
                             struct error *err) MUST_CHECK;
enum error_code fold_approved(struct engine *engine, struct open *open, struct record *record,
                              int64_t offset, struct wall broker_time,
                              struct error *err) MUST_CHECK;
/* Who approved what, as one value. */
struct sha256 approval_key(const char *by, const char *digest);

#endif
