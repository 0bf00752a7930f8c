/* acknowledged.h - is what Kafka acknowledged also read back?
 *
 * A record of ours that was acknowledged stands in the log, so the tail hands it over. If the log
 * was read to its end as it stood after the acknowledgement, and the record did not come, it is not
 * there any more: a leader that did not have it took over (unclean election), or somebody cut the
 * log. To wait on would be to wait for ever.
 *
 * Of one engine on one partition; zeroed is empty. Tags are the engine's for appends: they grow. */
#ifndef SERVICE_ACKNOWLEDGED_H
#define SERVICE_ACKNOWLEDGED_H

#include "base/clock.h"
#include "base/error.h"

enum { UNREAD_MS = 10000 /* between an acknowledgement, or a look, and the next look */ };

struct acknowledged {
    uint64_t given;       /* the newest one that was acknowledged; 0: none */
    uint64_t read;        /* the newest one that was read back; 0: none */
    uint64_t asked;       /* `given` as the look that is out began; 0: none is out */
    struct instant since; /* of the first unread acknowledgement, or of the last look */
};

/* Kafka has it. */
void acknowledged_give(struct acknowledged *acknowledged, uint64_t tag, struct instant now);
/* It was read back; all that stands in front of it cannot come any more. */
void acknowledged_read(struct acknowledged *acknowledged, uint64_t tag);
/* Has something been unread for so long that the end of the log should be looked for? */
bool acknowledged_is_late(const struct acknowledged *acknowledged, struct instant now);
/* The look begins. */
void acknowledged_look(struct acknowledged *acknowledged, struct instant now);
/* The log was read to its end as it stood when the look began. ERR_JOURNAL names the record that is
 * gone; ERR_OK: it has come meanwhile. */
enum error_code acknowledged_looked(struct acknowledged *acknowledged,
                                    struct error *err) MUST_CHECK;

#endif
