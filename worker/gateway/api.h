/* api.h - POST /v1/terminations and GET /v1/terminations/{id}. */
#ifndef GATEWAY_API_H
#define GATEWAY_API_H

#include "gateway/state.h"

enum { API_ROUTES = 2 };
void api_routes(struct gateway *gateway, struct http_route ret[API_ROUTES]);
/* Words for 400, 404, 405 and 413; `self` is the gateway. */
void api_refuse(void *self, const struct http_request *request, struct http_response *response);

#endif
