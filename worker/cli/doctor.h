/* doctor.h - the insides of `curfew doctor`, shared by its own files only. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/common.h"
#include "cli/finding.h"
#include "cli/say.h"
#include "cli/trace.h"

struct doctor {
    struct cli_common common;
    const char *only; /* of the clusters this one alone; NULL: all */
    struct findings findings;
    struct say out;
    struct trace *trace; /* owned: of the whole journal; NULL: it could not be read */
};

/* Notes a finding, and prints it unless all of them are wanted as JSON. */
#define TELL(doctor, check, state, code, todo, ...)                                                \
    doctor_tell(doctor, findings_add(&(doctor)->findings, check, state, code, todo, __VA_ARGS__))
void doctor_tell(struct doctor *doctor, const struct finding *finding);
/* What to do about a failure of Kafka's. Static. */
const char *doctor_kafka_todo(enum error_code code);

/* A topic that could not be read; one that is not there was told with the topics. */
void doctor_tell_unread(struct doctor *doctor, const char *check, const struct error *err);

/* The journal, and whether the commands topic is the one that it speaks of. Leaves what was read in
 * `doctor->trace`. */
void doctor_look_at_journal(struct doctor *doctor, struct cli_setup *setup);

#endif
