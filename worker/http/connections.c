/* The connections there are, and how long each may take. */
#include "http/connections.h"

#include <sys/socket.h>

static MHD_socket socket_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static struct connection *find(struct http_server *server, MHD_socket socket)
{
    for (uint32_t i = 0; i < server->options.connections; i++)
        if (server->connections[i].used && server->connections[i].socket == socket)
            return &server->connections[i];
    return NULL;
}

void connections_changed(void *self, struct MHD_Connection *connection, void **context,
                         enum MHD_ConnectionNotificationCode code)
{
    (void)context;
    struct http_server *server = self;
    MHD_socket socket = socket_of(connection);
    struct connection *known = find(server, socket);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (known)
            known->used = false;
        server->closed_one = true;
        return;
    }
    for (uint32_t i = 0; i < server->options.connections && !known; i++)
        if (!server->connections[i].used)
            known = &server->connections[i];
    if (known)
        *known = (struct connection){socket, uv_now(server->loop), true, false};
}

void connections_begin_anew(struct http_server *server, struct MHD_Connection *connection,
                            bool waiting)
{
    struct connection *known = find(server, socket_of(connection));
    if (!known)
        return;
    known->waiting = waiting;
    known->since_ms = uv_now(server->loop);
}

bool connections_cut(struct http_server *server)
{
    uint64_t now = uv_now(server->loop);
    bool cut = false;
    for (uint32_t i = 0; i < server->options.connections; i++) {
        struct connection *connection = &server->connections[i];
        if (!connection->used || connection->waiting ||
            now - connection->since_ms < (uint64_t)server->options.timeout_s * 1000)
            continue;
        shutdown(connection->socket, SHUT_RDWR); /* libmicrohttpd sees the end and closes it */
        cut = true;
    }
    return cut;
}
