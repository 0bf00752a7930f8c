#include "cli/say.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 4096 };

/* The next step, by class: for errors whose message cannot know it. */
static const char *next_step(enum error_code code)
{
    switch (code) {
    case ERR_UNAVAILABLE:
    case ERR_PROTOCOL:
        return "'curfew doctor' looks at the brokers and the clusters one by one";
    case ERR_UNSAFE:
        return "'curfew topics check' explains, and prints the commands that repair it";
    case ERR_AUTH:
        return "check the user, the password file and the rights that 'curfew doctor' names";
    case ERR_DEADLINE:
        return "a longer --timeout waits longer";
    default:
        return NULL;
    }
}

int say_error(const char *command, const struct error *err)
{
    const char *next = next_step(err->code);
    fflush(stdout);
    fprintf(stderr, "curfew%s%s: ", command ? " " : "", command ? command : "");
    say_text(stderr, text_of(err->message[0] ? err->message : error_meaning(err->code)));
    fputc('\n', stderr);
    if (next)
        fprintf(stderr, "  %s\n", next);
    /* GONE is fine for an end; what ends a command of ours is a failure, whatever the class. */
    int status = error_exit_status(err->code);
    return status ? status : error_exit_status(ERR_REFUSED);
}

struct say say_open(FILE *to, bool no_color)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    bool able = isatty(fileno(to)) && term && term[0] && strcmp(term, "dumb") != 0;
    return (struct say){.to = to, .color = able && !no_color && !(none && none[0]), .live = able};
}

const char *say_on(const struct say *say, enum paint paint)
{
    static const char *const sequences[] = {[PAINT_GOOD] = "\033[32m",
                                            [PAINT_WARN] = "\033[33m",
                                            [PAINT_BAD] = "\033[31m",
                                            [PAINT_DIM] = "\033[2m",
                                            [PAINT_STRONG] = "\033[1m"};
    return say->color ? sequences[paint] : "";
}

const char *say_off(const struct say *say)
{
    return say->color ? "\033[0m" : "";
}

void say_clear(struct say *say)
{
    if (say->fresh)
        fputs("\r\033[K", say->to);
    say->fresh = false;
    fflush(say->to);
}

void say_line(struct say *say, const char *format, ...)
{
    va_list list;
    say_clear(say);
    va_start(list, format);
    vfprintf(say->to, format, list);
    va_end(list);
    fputc('\n', say->to);
    fflush(say->to);
}

void say_live(struct say *say, const char *format, ...)
{
    va_list list;
    if (!say->live)
        return;
    say_clear(say);
    va_start(list, format);
    vfprintf(say->to, format, list);
    va_end(list);
    say->fresh = true;
    fflush(say->to);
}

void say_text(FILE *to, struct text text)
{
    AUTO_BUF printable;
    buf_init(&printable, LINE_BYTES_MAX * 10);
    text_printable(
        &printable,
        (struct text){text.at, text.length < LINE_BYTES_MAX ? text.length : LINE_BYTES_MAX});
    fputs(buf_text(&printable), to);
}
