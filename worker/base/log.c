#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, NUMBERS = 32 };

static enum log_level threshold = LOG_LEVEL_INFO;

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
    /* One write: lines of several threads do not mix. A blocked or closed pipe must not stop the
     * worker. */
    ssize_t ignored = write(STDERR_FILENO, line.data, line.length);
    (void)ignored;
}
