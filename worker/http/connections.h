/* connections.h - the connections there are, and how long each may take; inside this room only. */
#ifndef HTTP_CONNECTIONS_H
#define HTTP_CONNECTIONS_H

#include "http/state.h"

/* libmicrohttpd tells that one begins or ends; `self` is the server. */
void connections_changed(void *self, struct MHD_Connection *connection, void **context,
                         enum MHD_ConnectionNotificationCode code);
/* Its time begins anew: a request has ended, or rests until its answer is there. */
void connections_begin_anew(struct http_server *server, struct MHD_Connection *connection,
                            bool waiting);
/* Cuts those whose time is over; libmicrohttpd sees the end and closes them. False: none. */
bool connections_cut(struct http_server *server);

#endif
