/* keep.h - texts and records that live as long as the world: copies, every different text once.
 *
 * The world holds records of the wire (records.def), whose texts are borrowed. Here they get an
 * owner. Bounded: the keeper stops the program above its maximum, which only a simulator may do. */
#ifndef SIM_RAS_KEEP_H
#define SIM_RAS_KEEP_H

#include "base/mem.h"
#include "cluster/ras/wire.h"

struct keep;

struct keep *keep_create(size_t max_bytes);
void keep_destroy(struct keep *keep);
AUTO_TYPE(keep)
/* A kept copy, zero-closed; RAS_NULL stays RAS_NULL, the empty text stays empty. */
struct text keep_text(struct keep *keep, struct text text);
struct text keep_format(struct keep *keep, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Replaces every text and list inside `*record` by kept copies. */
void keep_record(struct keep *keep, const struct ras_layout *layout, void *record);

#endif
