#include "cli/request_option.h"

#include <string.h>

#include "base/limits.h"
#include "cli/common.h"

/* Options that keep their text; NULL: this one is another. */
static const char **text_option(struct request *request, int key)
{
    switch (key) {
    case REQUEST_CLUSTER:
        return &request->cluster;
    case REQUEST_INFOBASE:
        return &request->infobase;
    case REQUEST_FILTER:
        return &request->filter;
    case REQUEST_EXCLUDE:
        return &request->exclude;
    case REQUEST_USER:
        return &request->user;
    case REQUEST_APPLICATION:
        return &request->application;
    case REQUEST_STARTED_AT:
        return &request->started_at;
    case REQUEST_REASON:
        return &request->reason;
    case REQUEST_MESSAGE:
        return &request->message;
    case REQUEST_REPLY_TOPIC:
        return &request->reply_topic;
    case REQUEST_ID:
        return &request->id;
    case REQUEST_REQUESTED_BY:
        return &request->requested_by;
    case REQUEST_CORRELATION_ID:
        return &request->correlation_id;
    default:
        return NULL;
    }
}

/* Options that switch something on; NULL: this one is another. */
static bool *flag_option(struct request *request, int key)
{
    switch (key) {
    case REQUEST_KEEP_JOBS:
        return &request->keep_jobs;
    case REQUEST_DRY_RUN:
        return &request->dry_run;
    case REQUEST_UNTIL_EMPTY:
        return &request->until_empty;
    case REQUEST_DISCONNECT:
        return &request->disconnect_connections;
    case REQUEST_INTERRUPT:
        return &request->interrupt_calls;
    default:
        return NULL;
    }
}

/* Where none would quietly mean the worker's own. */
static int64_t some_time(struct argp_state *state, const char *option, const char *arg)
{
    int64_t ms = cli_duration(state, option, arg);
    if (!ms)
        argp_error(state, "%s must be longer than nothing", option);
    return ms;
}

static enum standard_processing standard_processing(struct argp_state *state, const char *arg)
{
    if (strcmp(arg, "on") != 0 && strcmp(arg, "off") != 0)
        argp_error(state, "--standard-processing takes on or off");
    return arg[1] == 'n' ? STANDARD_PROCESSING_ON : STANDARD_PROCESSING_OFF;
}

/* Options that are read, and refused when they make no sense. */
static error_t value_option(struct request *request, int key, char *arg, struct argp_state *state)
{
    struct error err;
    switch (key) {
    case REQUEST_SESSION:
        if (request_session(request, arg, &err))
            argp_error(state, "%s", err.message);
        return 0;
    case REQUEST_NUMBER:
        if (numbers_add(&request->numbers, arg, &err))
            argp_error(state, "%s", err.message);
        return 0;
    case REQUEST_GRACE:
        request->grace_ms = cli_duration(state, "--grace", arg);
        return 0;
    case REQUEST_HOLD:
        request->hold_ms = cli_duration(state, "--hold", arg);
        return 0;
    case REQUEST_DEADLINE:
        request->deadline_ms = some_time(state, "--deadline", arg);
        return 0;
    case REQUEST_EXPIRES_IN:
        request->expires_in_ms = some_time(state, "--expires-in", arg);
        return 0;
    case REQUEST_STANDARD:
        request->standard_processing = standard_processing(state, arg);
        return 0;
    case REQUEST_MAX_TARGETS:
        request->max_targets = (uint32_t)cli_count(state, "--max-targets", arg, LIMIT_TARGETS);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

error_t request_option(struct request *request, int key, char *arg, struct argp_state *state)
{
    const char **text = text_option(request, key);
    bool *flag = flag_option(request, key);
    if (text)
        *text = arg;
    else if (flag)
        *flag = true;
    else
        return value_option(request, key, arg, state);
    return 0;
}
