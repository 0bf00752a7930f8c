#include "http/request.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- what a handler may ask ---- */

const char *http_query(const struct http_request *request, const char *name)
{
    const char *value =
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
    return value ? value : http_has_query(request, name) ? "" : NULL;
}

struct sought {
    const char *name;
    bool found;
};

static enum MHD_Result seek(void *context, enum MHD_ValueKind kind, const char *name,
                            const char *value)
{
    (void)kind;
    (void)value;
    struct sought *sought = context;
    sought->found = sought->found || !strcmp(name, sought->name);
    return MHD_YES;
}

bool http_has_query(const struct http_request *request, const char *name)
{
    struct sought sought = {name, false};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, seek, &sought);
    return sought.found;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct http_peer http_peer(const struct http_request *request)
{
    const struct sockaddr *address =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
            ->client_addr;
    struct http_peer peer = {{[10] = 0xff, [11] = 0xff}};
    if (address->sa_family == AF_INET6)
        memcpy(peer.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else if (address->sa_family == AF_INET)
        memcpy(peer.bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    return peer;
}

/* ---- headers that come once, or several times ---- */

struct gathered {
    const char *name;
    unsigned count;
    const char *value; /* of the first */
    size_t length;
    struct buf *all; /* may be NULL */
    bool odd_name;   /* there is one that is no name */
};

static bool is_name(const char *name, size_t length)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return length && strspn(name, token) == length;
}

static enum MHD_Result gather(void *context, enum MHD_ValueKind kind, const char *name,
                              size_t name_length, const char *value, size_t length)
{
    (void)kind;
    struct gathered *gathered = context;
    gathered->odd_name = gathered->odd_name || !is_name(name, name_length);
    if (strcasecmp(name, gathered->name) != 0)
        return MHD_YES;
    if (!gathered->count++) {
        gathered->value = value ? value : "";
        gathered->length = length;
    }
    if (gathered->all)
        buf_format(gathered->all, "%s%s", gathered->count > 1 ? ", " : "", value ? value : "");
    return MHD_YES;
}

static struct gathered gather_all(const struct http_request *request, const char *name,
                                  struct buf *all)
{
    struct gathered gathered = {.name = name, .all = all};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, gather, &gathered);
    return gathered;
}

const char *http_single_header(const struct http_request *request, const char *name)
{
    struct gathered gathered = gather_all(request, name, NULL);
    if (!gathered.count)
        return NULL;
    return gathered.count == 1 && strlen(gathered.value) == gathered.length ? gathered.value : "";
}

bool http_list_header(const struct http_request *request, const char *name, struct buf *out)
{
    return gather_all(request, name, out).count;
}

/* ---- before any handler ---- */

const char *http_path(const char *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (!strncasecmp(target, schemes[i], strlen(schemes[i]))) {
            const char *path = strchr(target + strlen(schemes[i]), '/');
            return path ? path : "/";
        }
    return target;
}

bool http_framing_is_clear(const struct http_request *request, const char *version)
{
    struct gathered length = gather_all(request, "Content-Length", NULL);
    struct gathered coding = gather_all(request, "Transfer-Encoding", NULL);
    if (length.odd_name || length.count + coding.count > 1)
        return false;
    return !coding.count ||
           (!strcasecmp(coding.value, "chunked") && strcmp(version, "HTTP/1.0") != 0);
}

bool http_announces_body(const struct http_request *request)
{
    const char *length = http_header(request, "Content-Length");
    return http_header(request, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}
