/* answer.h - one termination as JSON: what GET and POST answer with. Pure. */
#ifndef GATEWAY_ANSWER_H
#define GATEWAY_ANSWER_H

#include "gateway/book.h"
#include "gateway/language.h"
#include "http/server.h"

/* "submitted", "accepted" or "ended" */
const char *answer_state(const struct book_entry *entry);
/* Status, headers and body: 200 for what has ended, 202 with Retry-After for what has not; 202 and
 * `location` say where to look again. */
void answer_write(const struct book_entry *entry, enum language language, int status,
                  struct http_response *response);

#endif
