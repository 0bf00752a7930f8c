#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* With its end a line fits PIPE_BUF: a pipe takes it whole or not at all. */
enum { LINE_MAX_BYTES = PIPE_BUF - 1, NUMBERS = 32 };

static enum log_level threshold = LOG_LEVEL_INFO;
static atomic_uint_fast64_t dropped;
static atomic_uint_fast64_t confessed; /* of those, the ones that a later line told of */

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_wants(enum log_level level)
{
    return level <= threshold;
}

bool log_level_read(const char *text, enum log_level *ret)
{
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {{"error", LOG_LEVEL_ERROR},
                 {"warning", LOG_LEVEL_WARNING},
                 {"info", LOG_LEVEL_INFO},
                 {"debug", LOG_LEVEL_DEBUG}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(text, names[i].name)) {
            *ret = names[i].level;
            return true;
        }
    return false;
}

struct log_field log_number(const char *key, int64_t value)
{
    static _Thread_local char ring[NUMBERS][24];
    static _Thread_local unsigned next;
    char *at = ring[next++ % NUMBERS];
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    size_t first = sizeof ring[0];
    do {
        at[--first] = (char)('0' + rest % 10);
    } while (rest /= 10);
    if (value < 0)
        at[--first] = '-';
    return (struct log_field){key, {at + first, sizeof ring[0] - first}};
}

static bool needs_quotes(struct text text)
{
    if (!text.length)
        return true;
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] == ' ' || text.at[i] == '"' || text.at[i] == '=' || text.at[i] == '\\')
            return true;
    return false;
}

static void add_value(struct buf *line, struct text text)
{
    if (!needs_quotes(text)) {
        text_printable(line, text);
        return;
    }
    buf_byte(line, '"');
    for (size_t i = 0, from = 0; i <= text.length; i++) {
        if (i < text.length && text.at[i] != '"' && text.at[i] != '\\')
            continue;
        text_printable(line, (struct text){text.at + from, i - from});
        if (i < text.length)
            buf_byte(line, '\\');
        from = i;
        if (i < text.length) {
            buf_byte(line, (uint8_t)text.at[i]);
            from = i + 1;
        }
    }
    buf_byte(line, '"');
}

/* A writer may wait as long as nobody reads a full pipe, or a socket of the journal's: the loop
 * would stand still, and with it every session of the group and every deadline. */
static bool nobody_reads(void)
{
    struct pollfd there = {.fd = STDERR_FILENO, .events = POLLOUT};
    int ready;
    do {
        ready = poll(&there, 1, 0);
    } while (ready < 0 && errno == EINTR);
    return ready == 0;
}

static bool put(const void *bytes, size_t length)
{
    if (!nobody_reads() && write(STDERR_FILENO, bytes, length) == (ssize_t)length)
        return true;
    atomic_fetch_add(&dropped, 1);
    return false;
}

/* What was dropped is told as soon as somebody reads again, or the disk has room. */
static void confess(void)
{
    uint64_t lost = atomic_load(&dropped), told = atomic_load(&confessed);
    char line[128];
    if (lost == told || nobody_reads())
        return;
    int length =
        snprintf(line, sizeof line,
                 "<%d>curfew log lines were dropped, standard error took none lines=%llu\n",
                 LOG_LEVEL_WARNING, (unsigned long long)(lost - told));
    if (write(STDERR_FILENO, line, (size_t)length) == length)
        atomic_store(&confessed, lost);
}

uint64_t log_dropped(void)
{
    return atomic_load(&dropped);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    if (!log_wants(level))
        return;
    unsigned char first[1024];
    AUTO_BUF line;
    buf_init_on(&line, LINE_MAX_BYTES, first, sizeof first);
    buf_format(&line, "<%d>curfew ", (int)level);
    text_printable(&line, text_of(message));
    for (size_t i = 1; i < count; i++) { /* field 0 makes an empty list legal C */
        buf_byte(&line, ' ');
        buf_str(&line, fields[i].key);
        buf_byte(&line, '=');
        add_value(&line, fields[i].text);
    }
    line.full = false;
    line.max++;
    buf_byte(&line, '\n');
    confess();
    put(line.data, line.length); /* one write: lines of several threads do not mix */
}
