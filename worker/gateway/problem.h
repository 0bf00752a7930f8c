/* problem.h - refusals as application/problem+json (RFC 9457), in the language that was asked for.
 */
#ifndef GATEWAY_PROBLEM_H
#define GATEWAY_PROBLEM_H

#include "base/error.h"
#include "base/uuid.h"
#include "gateway/language.h"
#include "http/server.h"

enum problem_kind {
    PROBLEM_NONE,
#define PROBLEM(name, status, retry, title_en, text_en, title_ru, text_ru) PROBLEM_##name,
#include "gateway/problem.def"
#undef PROBLEM
    PROBLEM_COUNT
};

enum { PROBLEM_POINTER_MAX = 96 };

struct problem {
    enum problem_kind kind;
    char about[ERROR_MESSAGE_MAX];     /* stands for {}; valid UTF-8 */
    char pointer[PROBLEM_POINTER_MAX]; /* JSON pointer into the body; "": none */
    struct uuid command;               /* nil: none was made of it */
    uint32_t retry_s;                  /* for Retry-After; 0: as the table says */
};

/* Fills `*ret` and returns its kind. */
enum problem_kind problem_set(struct problem *ret, enum problem_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "key_reused" */
const char *problem_label(enum problem_kind kind);
/* Status, headers and body. */
void problem_write(const struct problem *problem, enum language language,
                   struct http_response *response);
/* What a refusal of the worker is, by the class of its reason. */
enum problem_kind problem_of_refusal(const char *reason_code);

#endif
