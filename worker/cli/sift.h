/* sift.h - a filter over a list that was just made, as the worker would apply it. */
#ifndef CLI_SIFT_H
#define CLI_SIFT_H

#include "cli/say.h"
#include "config/config.h"
#include "model/session.h"
#include "select/filter.h"

struct sift;

/* ERR_USAGE: what is wrong with the expression, and in which column. `config` is borrowed. */
enum error_code sift_create(const char *expression, const struct config *config, struct sift **ret,
                            struct error *err) MUST_CHECK;
void sift_destroy(struct sift *sift);
AUTO_TYPE(sift)
/* Takes the list, made between the two moments, and the cluster's clock; both are borrowed.
 * ERR_UNSUPPORTED: the cluster does not report a field, or an age is asked for without a time zone.
 * ERR_INVALID: it names an infobase that the cluster does not have. */
enum error_code sift_list(struct sift *sift, const struct config_cluster *cluster,
                          const struct session_list *list, struct wall from, struct wall until,
                          struct error *err) MUST_CHECK;
enum truth sift_ask(const struct sift *sift, const struct session *session);
/* One line for the session and one for each condition, on standard output. */
void sift_explain(const struct sift *sift, const struct session *session, const struct say *say);
/* Appends
 * {"session":{...},"matches":"yes","spared":false,"conditions":[{"condition","value","answer"}]}.
 */
void sift_explain_json(const struct sift *sift, const struct session *session, struct buf *out);

#endif
