/* fault.h - how curfew-rac-sim spoils one run.
 *
 * The file that RAC_SIM_FAULTS names has one rule a line: `KIND OPERATION [VALUE]`, the kinds of
 * fault.def, the operation as `session-list` or `infobase-summary-list`, or `any`. Rules of one
 * operation add up. A file that is not there has no rules. */
#ifndef SIM_RAC_FAULT_H
#define SIM_RAC_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum rac_fault {
#define KIND(NAME, word, meaning) RAC_FAULT_##NAME,
#include "sim/rac/fault.def"
    RAC_FAULT_COUNT
};

struct rac_faults {
    bool on[RAC_FAULT_COUNT];
    uint64_t value[RAC_FAULT_COUNT];
};

/* The rules for one operation. ERR_INVALID names the line that is wrong. */
enum error_code rac_faults_read(const char *path, const char *operation, struct rac_faults *ret,
                                struct error *err) MUST_CHECK;

#endif
