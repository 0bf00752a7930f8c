/* language.h - the two languages of the endpoint, and its words for outcomes in both. */
#ifndef GATEWAY_LANGUAGE_H
#define GATEWAY_LANGUAGE_H

#include "model/outcome.h"

enum language { LANGUAGE_EN, LANGUAGE_RU, LANGUAGES };

/* What an Accept-Language header prefers (RFC 9110, 12.5.4); English without one, or when neither
 * is wanted. NULL: no header. */
enum language language_of(const char *accept_language);
/* "en", "ru" */
const char *language_tag(enum language language);
const char *language_target(enum language language, enum target_outcome outcome);
const char *language_command(enum language language, enum command_outcome outcome);

#endif
