/* control_words.h - one request of the control protocol (control.h), carried out. Internal to
 * sim/ras. */
#ifndef SIM_RAS_CONTROL_WORDS_H
#define SIM_RAS_CONTROL_WORDS_H

#include <jansson.h>

#include "sim/ras/server_internal.h"

/* Does what `request` says and fills in `answer`, "ok" and "error" included. `*ret_stop`: the
 * program is asked to stop; untouched when the word is unknown. */
void control_carry_out(struct ras_sim *sim, json_t *request, json_t *answer, bool *ret_stop);
/* The key that a bare value of `word` stands for; NULL: it takes none. */
const char *control_first_key(struct text word);
/* Milliseconds, or a text like "2s"; without the key `*ret_ms` stays. ERR_INVALID. */
enum error_code control_duration(const json_t *request, const char *key, int64_t *ret_ms,
                                 struct error *err) MUST_CHECK;

#endif
