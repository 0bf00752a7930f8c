/* exchange.h - one request, from its headers to the end of its answer; inside this room only. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/state.h"

/* libmicrohttpd calls it with the headers, then with each piece of the body, then with nothing;
 * once more when a resting connection goes on. `self` is the server. */
enum MHD_Result exchange_go_on(void *self, struct MHD_Connection *connection, const char *target,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state);
/* libmicrohttpd is done with it, however it ended. */
void exchange_over(void *self, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code);

#endif
