/* show.h - a decoded packet as the lines that the vectors carry beside its bytes, offsets included.
 *
 * The offset of every field is counted from the decoded values alone, so a wrong width shows at
 * once. For tests: it prints passwords too. */
#ifndef TESTS_VECTORS_SHOW_H
#define TESTS_VECTORS_SHOW_H

#include "base/buf.h"
#include "cluster/ras/wire.h"

/* Appends one line per field, "@offset type name = value". */
void show_packet(const struct ras_packet_value *value, size_t body_length, unsigned version,
                 struct buf *out);
void show_negotiate(struct buf *out);

#endif
