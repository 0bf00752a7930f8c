#include "cli/doctor.h"

void doctor_tell(struct doctor *doctor, const struct finding *finding)
{
    if (!doctor->common.json)
        finding_print(finding, &doctor->out);
}

const char *doctor_kafka_todo(enum error_code code)
{
    switch (code) {
    case ERR_UNAVAILABLE:
    case ERR_DEADLINE:
        return "start the brokers, or set kafka.brokers to the address of their client listener";
    case ERR_AUTH:
        return "check user, password file and certificates under kafka.librdkafka, and the rights "
               "that docs/operations.md lists";
    case ERR_CONFIG:
        return "mend that key: 'curfew config explain' says what each takes";
    case ERR_USAGE:
        return "mend that option of the command line";
    case ERR_NOT_FOUND:
    case ERR_UNSAFE:
        return "'curfew topics check' says what is wrong, and what mends it";
    case ERR_JOURNAL:
        return "keep the topic as it is, and look there first: docs/operations.md, \"When "
               "something "
               "stands still\"";
    default:
        return "look into the log of the brokers, then try again";
    }
}

void doctor_tell_unread(struct doctor *doctor, const char *check, const struct error *err)
{
    if (err->code != ERR_NOT_FOUND)
        TELL(doctor, check, FINDING_FAIL, err->code, doctor_kafka_todo(err->code), "%s",
             err->message);
}
