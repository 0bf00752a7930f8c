/* say.h - what people see: errors once on standard error, colours only where they make sense. */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"

/* Prints "curfew COMMAND: what and why" and the next step, where there is a general one, on
 * standard error; returns the exit status of its class. `command` NULL: the program itself. */
int say_error(const char *command, const struct error *err);

/* How one stream may be written to; judged per stream. */
struct say {
    FILE *to;
    bool color; /* a terminal, and neither NO_COLOR, TERM=dumb nor --no-color */
    bool live;  /* a terminal that can rewrite its line */
    bool fresh; /* the line is rewritten at present: say_live() was the last */
};

struct say say_open(FILE *to, bool no_color);

enum paint { PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_DIM, PAINT_STRONG };
/* The sequences around a word; "" without colour. Static. */
const char *say_on(const struct say *say, enum paint paint);
const char *say_off(const struct say *say);

/* One line of talk. Ends a live line first. */
void say_line(struct say *say, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line that the next one replaces: only on a live terminal, else nothing is printed. */
void say_live(struct say *say, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes the live line away: before something else is printed. */
void say_clear(struct say *say);

/* Prints outside text so that it cannot steer the terminal. */
void say_text(FILE *to, struct text text);

#endif
