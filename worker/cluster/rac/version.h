/* version.h - what a rac of some version understands (docs/rac.md). */
#ifndef CLUSTER_RAC_VERSION_H
#define CLUSTER_RAC_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* 8.3.21.1895 as 8 << 24 | 3 << 16 | 21 << 8; the build does not matter. 0: not known. */
struct rac_version {
    uint32_t number;
};

/* `8.3.21` or `8.3.21.1895`, blanks and line breaks around it; ERR_INVALID. */
enum error_code rac_version_read(struct text text, struct rac_version *ret,
                                 struct error *err) MUST_CHECK;

/* `session terminate --error-message` and `session interrupt-current-server-call`: absent in the
 * help of 2017, present in that of 8.3.21; when they came is not published, so they are used from
 * 8.3.21 on. */
bool rac_has_error_message(struct rac_version version);
bool rac_has_interrupt(struct rac_version version);
/* `--infobase-user` and `--infobase-pwd`: gone in 8.5.4. */
bool rac_has_infobase_user(struct rac_version version);

#endif
