/* position.h - what stands beside a committed offset: where a successor may begin to read the
 * journal, and by that what the journal is promised to hold (docs/journal.md, rule 7). */
#ifndef SERVICE_POSITION_H
#define SERVICE_POSITION_H

#include "base/text.h"
#include "model/record.h"

enum { POSITION_TEXT_SIZE = 200 }; /* with its closing zero */

struct position {
    int64_t journal;    /* offset: everything below it is done with */
    struct epoch owner; /* of the partition there; number 0: nothing is known */
    uint64_t next;      /* sequence of its next record from there on */
    int32_t partitions; /* of the commands topic, as accepted there; 0: not known */
};

/* False: not words of ours, and `*ret` is untouched. Our words tell our commits from others'. */
bool position_read(struct text metadata, struct position *ret) MUST_CHECK;
void position_write(const struct position *position, char ret[POSITION_TEXT_SIZE]);

#endif
