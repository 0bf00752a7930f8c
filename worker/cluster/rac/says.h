/* says.h - what rac's words mean (says.def), and how they are told on. */
#ifndef CLUSTER_RAC_SAYS_H
#define CLUSTER_RAC_SAYS_H

#include "base/error.h"
#include "base/text.h"
#include "cluster/ras/conn.h"

/* What was asked about. CLUSTER: words that say nothing about an infobase. */
enum rac_about {
    RAC_ABOUT_ANYTHING,
    RAC_ABOUT_SESSION,
    RAC_ABOUT_CONNECTION,
    RAC_ABOUT_INFOBASE,
    RAC_ABOUT_CLUSTER
};

/* ERR_OK: the text says nothing that is known. Valid UTF-8; either language, any case. */
enum error_code rac_says(struct text text, enum rac_about about);
/* Is it the help that rac prints for a command it does not know, with exit status 0? */
bool rac_says_help(struct text text);

enum { RAC_TOLD_MAX = 320 }; /* bytes of a told text */

/* Appends the text in one line, printable, at most RAC_TOLD_MAX bytes, with the passwords of the
 * logins put out of sight in case rac repeats an argument. */
void rac_tell(struct buf *out, struct text text, const struct ras_login *logins, size_t count);

#endif
