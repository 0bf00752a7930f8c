/* table.h - tables on standard output, by libsmartcols: plain, headed, in colour where it fits.
 *
 * A row is one line, the same on a terminal and in a file: nothing is shortened to fit, since what
 * would be shortened are ids to paste and reasons to read. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/mem.h"
#include "base/text.h"
#include "cli/say.h"

enum { TABLE_COLUMNS_MAX = 10, TABLE_CELL_MAX = 1000 };

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
    const char *title;
    enum table_align align;
};

struct table;

/* `count` columns, 1..TABLE_COLUMNS_MAX. */
struct table *table_create(const struct say *say, const struct table_column *columns, size_t count);
void table_destroy(struct table *table);
AUTO_TYPE(table)
/* Begins a row; cells follow. */
void table_row(struct table *table);
/* Sets the cell of a column; control characters are made visible. */
void table_cell(struct table *table, size_t column, struct text text);
void table_format(struct table *table, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void table_paint(struct table *table, size_t column, enum paint paint);
/* Prints it with its head, or without when no column has a title; an empty table prints nothing. */
void table_print(struct table *table);

#endif
