/* order.h - an order on the control topic: what became of it, as the events say. `cancel` and
 * `approve` send one about one command, and wait. */
#ifndef CLI_ORDER_H
#define CLI_ORDER_H

#include "cli/common.h"
#include "cli/link.h"
#include "model/command.h"

enum { ORDER_WAIT = 0x3200 }; /* the key of --wait */

/* clang-format off */
#define ORDER_ROW_WAIT(group) \
    {"wait", ORDER_WAIT, NULL, 0, "Wait until a worker says what became of it", group}
/* clang-format on */

/* Has a worker refused that order, by what has come of the events that `events` reads? Takes them;
 * on true `*ret` says why. */
bool order_refused(struct link *events, const struct uuid *order, struct error *ret);
/* Sends it and waits: for the end of the command that a cancel means, for the answer to an
 * approval. Tells the order's id on standard output, and what became of it on standard error.
 * ERR_NOT_FOUND: that command has ended before, and nothing was sent. The class of the refusal: a
 * worker refused the order, or the approval. ERR_CONFLICT: the command ended unapproved.
 * ERR_DEADLINE: it was sent, and nobody said a word; it stands. Other errors as of sending. */
enum error_code order_and_wait(const struct cli_common *common, const struct command *order,
                               struct error *err) MUST_CHECK;

#endif
