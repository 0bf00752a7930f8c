/* examples.h - one event of each kind, as a worker would tell it of the commands that
 * schemas/asyncapi.yaml shows: what that file's examples of events are made from. */
#ifndef TESTS_CLIENT_EXAMPLES_H
#define TESTS_CLIENT_EXAMPLES_H

#include "event/encode.h"

/* NULL: no such kind. The caller's. */
struct outgoing *example_event(enum event_kind kind);

#endif
