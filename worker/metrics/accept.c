#include <string.h>
#include <strings.h>

#include "metrics/metrics.h"

/* The weight of `q=0.75` in thousandths; 1000 without one. */
static int weight_of(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at != ';')
            continue;
        const char *name = at + 1 + strspn(at + 1, " \t");
        if (strncasecmp(name, "q=", 2) != 0)
            continue;
        int value = 0;
        int digits = 0;
        for (const char *digit = name + 2; digit < end && digits < 4; digit++) {
            if (*digit == '.')
                continue;
            if (*digit < '0' || *digit > '9')
                break;
            value = value * 10 + (*digit - '0');
            digits++;
        }
        for (; digits < 4; digits++)
            value *= 10;
        return value < 1000 ? value : 1000;
    }
    return 1000;
}

/* The highest weight that the header gives to this very type; 0 when it does not name it. */
static int weight_in(const char *accept, const char *type)
{
    int best = 0;
    while (*accept) {
        accept += strspn(accept, ", \t");
        size_t length = strcspn(accept, ",");
        size_t named = strlen(type);
        if (length >= named && !strncasecmp(accept, type, named) &&
            strchr(",; \t", accept[named])) { /* strchr finds the closing zero as well */
            int weight = weight_of(accept + named, accept + length);
            if (weight > best)
                best = weight;
        }
        accept += length;
    }
    return best;
}

enum metrics_format metrics_format_of(const char *accept)
{
    if (!accept)
        return METRICS_TEXT;
    int open = weight_in(accept, "application/openmetrics-text");
    return open > 0 && open >= weight_in(accept, "text/plain") ? METRICS_OPENMETRICS : METRICS_TEXT;
}

const char *metrics_content_type(enum metrics_format format)
{
    if (format == METRICS_OPENMETRICS)
        return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    return "text/plain; version=0.0.4; charset=utf-8";
}
