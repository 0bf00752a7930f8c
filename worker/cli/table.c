#include "cli/table.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>

#include "base/check.h"
#include "base/mem.h"

struct table {
    struct libscols_table *table;
    struct libscols_line *line; /* of the last row */
    const struct say *say;
    size_t columns;
    size_t rows;
};

struct table *table_create(const struct say *say, const struct table_column *columns, size_t count)
{
    CHECK(count >= 1);
    CHECK(count <= TABLE_COLUMNS_MAX);
    struct table *table = mem_new(struct table);
    table->table = scols_new_table();
    CHECK(table->table);
    table->say = say;
    table->columns = count;
    scols_table_set_stream(table->table, say->to);
    scols_table_enable_colors(table->table, say->color);
    /* Left to itself it would break ids over lines where the terminal is narrow. */
    CHECK(scols_table_set_termforce(table->table, SCOLS_TERMFORCE_NEVER) == 0);
    bool headed = false;
    for (size_t i = 0; i < count; i++) {
        headed |= columns[i].title[0] != '\0';
        int flags = columns[i].align == TABLE_RIGHT ? SCOLS_FL_RIGHT : 0;
        CHECK(scols_table_new_column(table->table, columns[i].title, 0.1, flags));
    }
    scols_table_enable_noheadings(table->table, !headed);
    scols_table_enable_minout(table->table, 1); /* no blanks at the ends of lines */
    return table;
}

void table_destroy(struct table *table)
{
    if (!table)
        return;
    scols_unref_table(table->table);
    free(table);
}

void table_row(struct table *table)
{
    table->line = scols_table_new_line(table->table, NULL);
    CHECK(table->line);
    table->rows++;
}

void table_cell(struct table *table, size_t column, struct text text)
{
    AUTO_BUF printable;
    CHECK(table->line);
    CHECK(column < table->columns);
    buf_init(&printable, TABLE_CELL_MAX * 10);
    if (text.length > TABLE_CELL_MAX)
        text.length = TABLE_CELL_MAX;
    text_printable(&printable, text);
    CHECK(scols_line_set_data(table->line, column, buf_text(&printable)) == 0);
}

void table_format(struct table *table, size_t column, const char *format, ...)
{
    char text[TABLE_CELL_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    table_cell(table, column, text_of(text));
}

void table_paint(struct table *table, size_t column, enum paint paint)
{
    struct libscols_cell *cell = scols_line_get_cell(table->line, column);
    if (cell && table->say->color)
        scols_cell_set_color(cell, say_on(table->say, paint));
}

void table_print(struct table *table)
{
    if (!table->rows)
        return;
    scols_print_table(table->table);
    fflush(table->say->to);
}
