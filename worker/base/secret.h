/* secret.h - passwords: read from files only, never formatted, wiped when released (I12). */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

enum { SECRET_MAX = 1024 }; /* bytes; RAS strings stay below 4096 */

struct secret; /* opaque: memory is locked, left out of core files, and has no formatter */

/* Reads the file's first line (a closing line break is not part of it). ERR_CONFIG names the path,
 * never the content. */
enum error_code secret_load(const char *path, struct secret **ret, struct error *err) MUST_CHECK;
/* May every user of the host read or write this file? False also where it cannot be looked at. */
bool secret_file_open_to_all(const char *path);
/* For simulators and tests. */
struct secret *secret_of(struct text text);
void secret_destroy(struct secret *secret);
/* Compares in a time that depends on lengths alone. NULL equals nothing. */
bool secret_equal(const struct secret *secret, struct text text);
/* Borrowed; for the one place that puts it on the wire. NULL gives the empty text. */
struct text secret_reveal(const struct secret *secret);

#endif
