/* wish.h - what the headers of a request ask for. Pure. */
#ifndef GATEWAY_WISH_H
#define GATEWAY_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { WISH_KEY_MAX = 128 }; /* bytes of an Idempotency-Key */

/* Seconds of `wait` in a Prefer header (RFC 7240); false: none, or not usable, which the RFC wants
 * ignored. NULL: no header. */
bool wish_wait(const char *prefer, uint32_t *ret_s);
/* The key itself, without the quotes it may stand in; empty: not usable. Borrowed. */
struct text wish_key(const char *idempotency_key);
/* The token of "Bearer <token>"; empty: none. NULL: no header. Borrowed. */
struct text wish_token(const char *authorization);
/* Is it application/json, and in no other charset than UTF-8? NULL: no header. */
bool wish_is_json(const char *content_type);

#endif
