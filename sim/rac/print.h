/* print.h - records as rac prints them (keys.def). */
#ifndef SIM_RAC_PRINT_H
#define SIM_RAC_PRINT_H

#include "cluster/ras/wire.h"

/* Appends every record of the message as a block: keys padded to the longest one, an empty line
 * behind each block. `version`: 803021 for 8.3.21. */
void rac_sim_print(const struct ras_message *message, unsigned version, struct buf *out);

#endif
