/* Tables as they come out, on a terminal and in a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/table.h"

enum { SHOWN_MAX = 4096 };

#define SOME_ID "0b5f0000-0000-4000-8000-000000000001"
#define SOME_WHY "the cluster took the request, and still lists the session after its time"

static void print(FILE *to)
{
    static const struct table_column columns[] = {
        {"SESSION", TABLE_LEFT}, {"USER", TABLE_LEFT}, {"WHY", TABLE_LEFT}};
    struct say say = {.to = to};
    AUTO(table) table = table_create(&say, columns, 3);
    table_row(table);
    table_cell(table, 0, TEXT(SOME_ID));
    table_cell(table, 1, TEXT("somebody with a rather long name of his own"));
    table_cell(table, 2, TEXT(SOME_WHY));
    table_print(table);
}

static void an_id_stays_whole_on_a_narrow_terminal(void **state)
{
    (void)state;
    struct winsize narrow = {.ws_row = 24, .ws_col = 60};
    char shown[SHOWN_MAX];
    int mine, its;
    assert_int_equal(openpty(&mine, &its, NULL, NULL, &narrow), 0);
    FILE *to = fdopen(its, "w");
    print(to);
    fflush(to);
    for (size_t length = 0, lines = 0; lines < 2;) { /* a terminal gives what it has so far */
        ssize_t got = read(mine, shown + length, sizeof shown - 1 - length);
        assert_true(got > 0);
        for (ssize_t i = 0; i < got; i++)
            lines += shown[length + (size_t)i] == '\n';
        length += (size_t)got;
        shown[length] = '\0';
    }
    fclose(to);
    close(mine);
    assert_non_null(
        strstr(shown, SOME_ID " somebody with a rather long name of his own " SOME_WHY));
}

static void without_titles_there_is_no_head(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"", TABLE_LEFT}, {"", TABLE_LEFT}};
    char *shown = NULL;
    size_t length = 0;
    struct say say = {.to = open_memstream(&shown, &length)};
    AUTO(table) table = table_create(&say, columns, 2);
    table_row(table);
    table_cell(table, 0, TEXT("outcome"));
    table_cell(table, 1, TEXT("ended"));
    table_row(table);
    table_cell(table, 0, TEXT("why"));
    table_print(table);
    fclose(say.to);
    assert_string_equal(shown, "outcome ended\nwhy\n"); /* and no blanks at the end of a line */
    free(shown);
}

static void a_cell_cannot_steer_the_terminal(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"USER", TABLE_LEFT}};
    char *shown = NULL;
    size_t length = 0;
    struct say say = {.to = open_memstream(&shown, &length)};
    AUTO(table) table = table_create(&say, columns, 1);
    table_row(table);
    table_cell(table, 0, TEXT("a\x1b[2J\nb\u202ec"));
    table_print(table);
    fclose(say.to);
    assert_string_equal(shown, "USER\na\\u{1b}[2J\\u{a}b\\u{202e}c\n");
    free(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_cannot_steer_the_terminal),
        cmocka_unit_test(an_id_stays_whole_on_a_narrow_terminal),
        cmocka_unit_test(without_titles_there_is_no_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
