/* One line per request. */
#include "gateway/done.h"

#include <stdio.h>

#include "base/log.h"

void done_note(struct gateway *gateway, const struct done *done)
{
    char status[16];
    struct instant now = clock_now(&gateway->clock);
    snprintf(status, sizeof status, "%d", done->status);
    metrics_add(gateway->metrics, METRIC_gateway_requests_total, LABELS(done->method, status), 1);
    log_line(
        done->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "request", LOG_TEXT("method", done->method),
        log_number("status", done->status), LOG_TEXT("result", done->code),
        LOG_TEXT("id", done->id ? uuid_format(done->id).text : "-"), LOG_TEXT("token", done->asker),
        log_number("duration_ms", instant_ms_between(done->begun, now)));
}
