/* read_back.h - records of a partition's journal, read back into its engine: only now they count.
 */
#ifndef SERVICE_READ_BACK_H
#define SERVICE_READ_BACK_H

#include <stdbool.h>

#include "base/clock.h"

struct partition;

/* A bounded number of records. True: there may be more. A record that cannot be read, and a hole,
 * stop the partition. */
bool read_back_pass(struct partition *partition, struct instant now);

#endif
