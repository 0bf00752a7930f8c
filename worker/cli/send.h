/* send.h - a command onto a topic of Kafka, acknowledged. */
#ifndef CLI_SEND_H
#define CLI_SEND_H

#include "cli/common.h"
#include "cli/link.h"
#include "model/command.h"

enum { SEND_TEXT_MAX = 64 * 1024 * 1024 }; /* of JSON made for the terminal */

/* Encodes (CloudEvents binary mode around protobuf) and sends; keyed by the command's cluster. */
enum error_code send_command(struct link *link, const char *topic, const struct command *command,
                             struct instant until, struct kafka_receipt *ret,
                             struct error *err) MUST_CHECK;
/* Prints {"id","cluster","topic","partition","offset"} as one line on standard output. */
void send_json(const char *topic, const struct command *command,
               const struct kafka_receipt *receipt);
/* Onto the control topic, and tells its id (or, with --json, its place). */
enum error_code send_control(const struct cli_common *common, struct cli_setup *setup,
                             const struct command *command, struct error *err) MUST_CHECK;
/* The same for who needs the configuration for nothing else. */
enum error_code send_order(const struct cli_common *common, const struct command *command,
                           struct error *err) MUST_CHECK;

#endif
