/* codec.h - what a handler reads on its standard input and writes on its standard output.
 *
 * JSON by the published schemas (schemas/handler-request.schema.json, handler-answer.schema.json);
 * docs/handler.md explains them. Pure. */
#ifndef CLUSTER_HANDLER_CODEC_H
#define CLUSTER_HANDLER_CODEC_H

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "model/handler.h"

enum {
    HANDLER_VERSION = 1,                   /* of the request */
    HANDLER_REQUEST_MAX = 8 * 1024 * 1024, /* bytes: HANDLER_TARGETS_MAX large snapshots */
};

/* Appends the request, one JSON object and a line feed. `time_limit_ms` is what the program has.
 * ERR_TOO_LARGE: `out` is full. */
enum error_code handler_request_write(const struct handler_task *task, int64_t time_limit_ms,
                                      struct buf *out, struct error *err) MUST_CHECK;
/* Reads the answer to `task` (INSTEAD, BEFORE). Strict, because a slip of the pen could end what
 * the operator wanted spared: ERR_PROTOCOL for what is no JSON, a member or result that is not
 * known, a target that was not asked for, is there twice or is missing. */
enum error_code handler_answer_read(const struct handler_task *task, struct text json,
                                    struct handler_answer *ret, struct error *err) MUST_CHECK;

#endif
