/* suggest.h - the name that was probably meant. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* The nearest of `names` (distance 2 at most, less for short words), or a name that begins with
 * `word`; NULL: none is near. */
const char *suggest(const char *word, const char *const *names, size_t count);

#endif
