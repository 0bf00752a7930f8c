/* topics_accept.h - `curfew topics accept`: an operator releases what stopped because the commands
 * topic was made anew, or has another number of partitions. */
#ifndef CLI_TOPICS_ACCEPT_H
#define CLI_TOPICS_ACCEPT_H

#include "cli/common.h"
#include "cli/request.h"

/* Reads journal and commands topic, and sends the release of what differs to the control topic.
 * Prints the id of the release. ERR_DENIED: nothing differs, and nothing was sent. ERR_UNSAFE: the
 * journal has fewer partitions than the commands topic. Other errors as of reading and sending. */
enum error_code topics_accept(const struct cli_common *common, struct cli_setup *setup,
                              const struct request *request, struct error *err) MUST_CHECK;

#endif
