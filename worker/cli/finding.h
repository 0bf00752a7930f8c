/* finding.h - what `curfew doctor` saw: one line for each check, and what to do about it. */
#ifndef CLI_FINDING_H
#define CLI_FINDING_H

#include "base/error.h"
#include "cli/say.h"

enum finding_state { FINDING_OK, FINDING_WARN, FINDING_FAIL };
enum { FINDING_TEXT_MAX = 600, FINDINGS_MAX = 20000 };

struct finding {
    char check[160]; /* "kafka", "cluster main" */
    enum finding_state state;
    enum error_code code;         /* of a failure */
    char found[FINDING_TEXT_MAX]; /* printable */
    char todo[FINDING_TEXT_MAX];  /* "" = nothing */
};

struct findings {
    struct finding *at; /* owned */
    size_t count;
};

void findings_release(struct findings *findings);
/* Adds one; texts are made printable and cut. `todo` NULL: nothing to do, which holds for
 * FINDING_OK alone. Returns it, until the next one is added. */
const struct finding *findings_add(struct findings *findings, const char *check,
                                   enum finding_state state, enum error_code code, const char *todo,
                                   const char *format, ...) __attribute__((format(printf, 6, 7)));
/* One line, or two with something to do. */
void finding_print(const struct finding *finding, struct say *say);
void findings_json(const struct findings *findings, FILE *to);
/* 0 without failures, else the exit status of the first one's class (1 where that would be 0). */
int findings_exit_status(const struct findings *findings);

#endif
