#include "gateway/connection.h"

#include <string.h>
#include <strings.h>

/* One value up to its semicolon, without its quotes. False: it does not end, or is too long. */
static bool read_value(const char **at, const char *end, char *ret)
{
    bool quoted = *at < end && **at == '"';
    size_t length = 0;
    *at += quoted;
    for (; *at < end; ++*at) {
        if (!quoted && **at == ';')
            break;
        if (quoted && **at == '"') {
            ++*at;
            if (*at == end || **at != '"') {
                quoted = false;
                break;
            }
        }
        if (length + 1 == CONNECTION_PART_SIZE)
            return false;
        ret[length++] = **at;
    }
    ret[length] = '\0';
    return !quoted && (*at == end || *(*at)++ == ';');
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

static bool is_name(const char *at, size_t length, const char *name)
{
    return length == strlen(name) && !strncasecmp(at, name, length);
}

bool connection_read(struct text text, struct connection_parts *ret)
{
    const char *at = text.at;
    const char *end = text.at + text.length;
    char value[CONNECTION_PART_SIZE];
    *ret = (struct connection_parts){0};
    while ((at = skip_blanks(at, end)) < end) {
        const char *equals = memchr(at, '=', (size_t)(end - at));
        if (!equals)
            return false;
        const char *name = at;
        at = equals + 1;
        if (!read_value(&at, end, value))
            return false;
        if (is_name(name, (size_t)(equals - name), "Srvr"))
            memcpy(ret->server, value, sizeof value);
        else if (is_name(name, (size_t)(equals - name), "Ref"))
            memcpy(ret->infobase, value, sizeof value);
    }
    return ret->server[0] && ret->infobase[0];
}

static struct text without_usual_port(struct text server)
{
    static const char port[] = ":1541";
    size_t length = sizeof port - 1;
    if (server.length > length && !memcmp(server.at + server.length - length, port, length))
        server.length -= length;
    return server;
}

bool connection_same_server(struct text a, struct text b)
{
    return text_same_name(without_usual_port(a), without_usual_port(b));
}
