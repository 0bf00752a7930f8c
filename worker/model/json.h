/* json.h - JSON from outside, read with bounds; and strings written. */
#ifndef MODEL_JSON_H
#define MODEL_JSON_H

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"

enum { JSON_DEPTH_MAX = 64 }; /* arrays and objects inside each other, counted before parsing */

/* Parses one JSON text; a UTF-8 byte order mark before it is skipped (1C writes one). NULL and
 * ERR_UNDECODABLE: not JSON, not UTF-8, a NUL in a text, a key twice, or too deep. json_decref()
 * it.
 */
json_t *json_read(struct text json, struct error *err);
/* Does it begin like a JSON object or array, behind blanks and a byte order mark? Blanks alone
 * prove nothing: protobuf with a first field of bytes begins with a line feed (0a). */
bool json_likely(struct text bytes);
/* Appends a JSON string, quoted. `text` must be valid UTF-8. */
void json_quote(struct buf *out, struct text text);
/* The string of `json` as bytes; empty when it is no string or NULL. Borrowed. */
struct text json_text(const json_t *json);

#endif
