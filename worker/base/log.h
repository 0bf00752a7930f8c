/* log.h - one structured line per event on standard error, as journald and containers take it.
 *
 * Form: <N>curfew message key=value key="quoted value". Lower case, no full stop, no secrets; user
 * names never at info. Only service/, gateway/, cli/ and sim/
 * log; lower rooms return errors. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

/* Lines above `level` are dropped. Default: info. */
void log_set_level(enum log_level level);
/* "error", "warning", "info", "debug"; false when unknown. */
bool log_level_read(const char *text, enum log_level *ret);
bool log_wants(enum log_level level);

struct log_field {
    const char *key;
    struct text text; /* made printable and quoted where needed */
};

#define LOG_TEXT(key_, value_) ((struct log_field){(key_), text_of(value_)})
/* Numbers are formatted into a thread-local ring of 32 places: fine within one log_line(). */
struct log_field log_number(const char *key, int64_t value);

/* log_line(LOG_LEVEL_INFO, "command closed", LOG_TEXT("id", id), log_number("targets", 3)) */
#define log_line(level, message, ...)                                                              \
    log_write(level, message, (const struct log_field[]){{"", {0}}, ##__VA_ARGS__},                \
              sizeof((const struct log_field[]){{"", {0}}, ##__VA_ARGS__}) /                       \
                  sizeof(struct log_field))
/* Behind log_line(): one line of at most PIPE_BUF - 1 bytes; never waits. The first field is a
 * placeholder. */
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);
/* Lines that standard error did not take since the start: its reader stands still or is gone, or
 * the disk is full. A line never waits: it is dropped, counted, and told of by the next that fits.
 */
uint64_t log_dropped(void);

#endif
