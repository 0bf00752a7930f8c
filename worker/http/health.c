#include "http/health.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static void on_metrics(void *self, const struct http_request *request,
                       struct http_response *response)
{
    struct http_health *health = self;
    enum metrics_format format = metrics_format_of(http_header(request, "Accept"));
    if (health->collect)
        health->collect(health->self);
    response->content_type = metrics_content_type(format);
    metrics_write(health->metrics, format, &response->body);
}

/* That this runs at all is the answer: it runs on the loop. */
static void on_live(void *self, const struct http_request *request, struct http_response *response)
{
    (void)self;
    (void)request;
    buf_str(&response->body, "live\n");
}

static bool wants_json(const struct http_request *request)
{
    const char *format = http_query(request, "format");
    const char *accept = http_header(request, "Accept");
    return (format && !strcmp(format, "json")) || (accept && strstr(accept, "application/json"));
}

static void write_json(const struct http_check *checks, size_t count, bool ready, struct buf *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "name", checks[i].name, "passed",
                                              checks[i].passed, "detail", checks[i].detail));
    json_t *whole = json_pack("{s:b, s:o}", "ready", ready, "checks", list);
    char *text = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
    CHECK(text); /* details are valid UTF-8 by contract */
    buf_str(out, text);
    buf_byte(out, '\n');
    free(text);
    json_decref(whole);
}

static void write_text(const struct http_check *checks, size_t count, bool ready, bool verbose,
                       struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        if (verbose || !checks[i].passed)
            buf_format(out, "[%c] %s%s%s\n", checks[i].passed ? '+' : '-', checks[i].name,
                       checks[i].detail[0] ? ": " : "", checks[i].detail);
    buf_str(out, ready ? "ready\n" : "not ready\n");
}

static void on_ready(void *self, const struct http_request *request, struct http_response *response)
{
    struct http_health *health = self;
    struct http_check checks[HTTP_CHECKS_MAX];
    size_t count = health->checks(health->self, checks, HTTP_CHECKS_MAX);
    CHECK(count <= HTTP_CHECKS_MAX);
    bool ready = true;
    for (size_t i = 0; i < count; i++)
        ready = ready && checks[i].passed;
    response->status = ready ? 200 : 503;
    if (wants_json(request)) {
        response->content_type = "application/json";
        write_json(checks, count, ready, &response->body);
    } else {
        write_text(checks, count, ready, http_has_query(request, "verbose"), &response->body);
    }
}

void http_health_routes(struct http_health *health, struct http_route ret[HTTP_HEALTH_ROUTES])
{
    static const struct {
        const char *path;
        const char *summary;
        http_handler handle;
    } pages[HTTP_HEALTH_ROUTES] = {
        {"/metrics", "Prometheus or OpenMetrics text", on_metrics},
        {"/livez", "200 while the loop turns", on_live},
        {"/healthz", "the same as /livez", on_live},
        {"/readyz", "200 when commands can be worked on; ?verbose", on_ready},
    };
    for (size_t i = 0; i < HTTP_HEALTH_ROUTES; i++)
        ret[i] = (struct http_route){.path = pages[i].path,
                                     .summary = pages[i].summary,
                                     .handle = pages[i].handle,
                                     .self = health};
}
