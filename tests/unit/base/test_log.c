/* One structured line per event, whatever the values hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"

static char line[8192];

/* Standard error goes into a file while the line is written. */
static int redirect(FILE **ret)
{
    *ret = tmpfile();
    assert_non_null(*ret);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(*ret), STDERR_FILENO);
    return kept;
}

static const char *restore(int kept, FILE *file)
{
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    line[fread(line, 1, sizeof line - 1, file)] = '\0';
    fclose(file);
    return line;
}

#define LINE_OF(...)                                                                               \
    __extension__({                                                                                \
        FILE *file_;                                                                               \
        int kept_ = redirect(&file_);                                                              \
        log_line(__VA_ARGS__);                                                                     \
        restore(kept_, file_);                                                                     \
    })

static void a_line_has_priority_message_and_fields(void **state)
{
    (void)state;
    assert_string_equal(
        LINE_OF(LOG_LEVEL_INFO, "command closed", LOG_TEXT("id", "1-2"), log_number("targets", -3)),
        "<6>curfew command closed id=1-2 targets=-3\n");
    assert_string_equal(LINE_OF(LOG_LEVEL_ERROR, "alone"), "<3>curfew alone\n");
}

static void values_are_quoted_where_a_reader_could_be_misled(void **state)
{
    (void)state;
    assert_string_equal(LINE_OF(LOG_LEVEL_INFO, "m", LOG_TEXT("a", "two words")),
                        "<6>curfew m a=\"two words\"\n");
    assert_string_equal(LINE_OF(LOG_LEVEL_INFO, "m", LOG_TEXT("a", "")), "<6>curfew m a=\"\"\n");
    assert_string_equal(LINE_OF(LOG_LEVEL_INFO, "m", LOG_TEXT("a", "x\" b=\"y")),
                        "<6>curfew m a=\"x\\\" b=\\\"y\"\n");
    assert_string_equal(LINE_OF(LOG_LEVEL_INFO, "m", LOG_TEXT("a", "x=y")),
                        "<6>curfew m a=\"x=y\"\n");
    assert_string_equal(LINE_OF(LOG_LEVEL_INFO, "m", LOG_TEXT("a", "c:\\d\\")),
                        "<6>curfew m a=\"c:\\\\d\\\\\"\n");
    assert_string_equal(LINE_OF(LOG_LEVEL_INFO, "m", LOG_TEXT("a", "\"")),
                        "<6>curfew m a=\"\\\"\"\n");
}

static void no_value_can_begin_a_line_of_its_own(void **state)
{
    (void)state;
    const char *text = LINE_OF(LOG_LEVEL_WARNING, "m\nforged", LOG_TEXT("a", "x\n<3>curfew lie"),
                               LOG_TEXT("b", "\xe2\x80\xae\xff"));
    assert_string_equal(text,
                        "<4>curfew m\\u{a}forged a=\"x\\u{a}<3>curfew lie\" b=\\u{202e}\\xff\n");
}

static void an_endless_value_gives_one_line_that_ends(void **state)
{
    (void)state;
    static char endless[20000];
    memset(endless, 'x', sizeof endless - 1);
    const char *text = LINE_OF(LOG_LEVEL_INFO, "m", LOG_TEXT("a", endless), LOG_TEXT("b", "c"));
    size_t length = strlen(text);
    assert_in_range(length, 1000, 4200);
    assert_int_equal(text[length - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + length - 1);
}

static void lines_above_the_level_are_dropped(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_INFO;
    assert_string_equal(LINE_OF(LOG_LEVEL_DEBUG, "m"), "");
    assert_true(log_level_read("debug", &level));
    log_set_level(level);
    assert_string_equal(LINE_OF(LOG_LEVEL_DEBUG, "m"), "<7>curfew m\n");
    assert_true(log_level_read("error", &level));
    log_set_level(level);
    assert_false(log_wants(LOG_LEVEL_WARNING));
    assert_false(log_level_read("Info", &level));
    log_set_level(LOG_LEVEL_INFO);
}

static void many_numbers_of_one_line_keep_their_values(void **state)
{
    (void)state;
    const char *text =
        LINE_OF(LOG_LEVEL_INFO, "m", log_number("a", INT64_MIN), log_number("b", INT64_MAX),
                log_number("c", 0), log_number("d", 1), log_number("e", 2), log_number("f", 3));
    assert_string_equal(text, "<6>curfew m a=-9223372036854775808 b=9223372036854775807 c=0 d=1 "
                              "e=2 f=3\n");
}

/* Standard error is a pipe that nobody reads: the loop must not wait for it. */
static void a_reader_who_stands_still_stops_nobody_and_hears_what_he_missed(void **state)
{
    (void)state;
    enum { LINES = 100 };
    static char text[1 << 16];
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_in_range(fcntl(ends[1], F_SETPIPE_SZ, 8192), 8192, 65536);
    uint64_t before = log_dropped();
    static char long_value[3000];
    memset(long_value, 'x', sizeof long_value - 1);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    for (int i = 0; i < LINES; i++)
        log_line(LOG_LEVEL_INFO, "m", LOG_TEXT("a", long_value)); /* comes back, every time */
    uint64_t lost = log_dropped() - before;
    assert_in_range(read(ends[0], text, sizeof text), 3000, sizeof text);
    log_line(LOG_LEVEL_INFO, "heard");
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_in_range(lost, 1, LINES - 1);
    ssize_t length = read(ends[0], text, sizeof text - 1);
    assert_in_range(length, 1, sizeof text);
    text[length] = '\0';
    char wanted[128];
    snprintf(wanted, sizeof wanted,
             "<4>curfew log lines were dropped, standard error took none lines=%llu\n"
             "<6>curfew heard\n",
             (unsigned long long)lost);
    assert_string_equal(text, wanted);
    close(ends[0]);
    close(ends[1]);
}

static void a_full_disk_is_counted(void **state)
{
    (void)state;
    uint64_t before = log_dropped();
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(full, STDERR_FILENO);
    log_line(LOG_LEVEL_INFO, "m");
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(full);
    assert_int_equal(log_dropped() - before, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_priority_message_and_fields),
        cmocka_unit_test(values_are_quoted_where_a_reader_could_be_misled),
        cmocka_unit_test(no_value_can_begin_a_line_of_its_own),
        cmocka_unit_test(an_endless_value_gives_one_line_that_ends),
        cmocka_unit_test(lines_above_the_level_are_dropped),
        cmocka_unit_test(many_numbers_of_one_line_keep_their_values),
        cmocka_unit_test(a_reader_who_stands_still_stops_nobody_and_hears_what_he_missed),
        cmocka_unit_test(a_full_disk_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
