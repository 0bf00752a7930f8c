#include "config/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "config/config.h"

void problem_add(struct problems *problems, uint32_t line, const char *format, ...)
{
    char message[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct error err;
    if (line)
        error_set(&err, ERR_CONFIG, "line %u: %s", line, message);
    else
        error_set(&err, ERR_CONFIG, "%s", message);
    if (problems->count == 0)
        problems->first = err;
    problems->count++;
    if (problems->all && problems->count <= CONFIG_PROBLEMS_MAX)
        buf_format(problems->all, "%s\n", err.message);
    else if (problems->all && problems->count == CONFIG_PROBLEMS_MAX + 1)
        buf_str(problems->all, "there are more: put these right first\n");
}

enum error_code problems_finish(const struct problems *problems, struct error *err)
{
    if (problems->count == 0)
        return ERR_OK;
    if (problems->count == 1)
        return error_set(err, ERR_CONFIG, "%s", problems->first.message);
    return error_set(err, ERR_CONFIG, "%s (and %u more)", problems->first.message,
                     problems->count - 1);
}
