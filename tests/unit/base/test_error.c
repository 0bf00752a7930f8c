/* The error table, and messages that are never cut inside a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"

static void every_class_has_a_label_that_leads_back(void **state)
{
    (void)state;
    for (int i = ERR_OK; i < ERR_COUNT; i++) {
        enum error_code code = (enum error_code)i;
        const char *label = error_label(code);
        assert_int_equal(strspn(label, "abcdefghijklmnopqrstuvwxyz_"), strlen(label));
        assert_int_equal(error_from_label(label), code);
        assert_true(error_meaning(code)[0] != '\0');
        int status = error_exit_status(code);
        assert_true(status == 0 || status == 1 || status == 2 || status == 4 || status == 5 ||
                    status == 6 || status == 75 || status == 78);
    }
    assert_int_equal(error_from_label("nothing"), ERR_COUNT);
    assert_int_equal(error_from_label("CONFIG"), ERR_COUNT);
    assert_int_equal(error_exit_status(ERR_CONFIG), 78);
    assert_int_equal(error_exit_status(ERR_FULL), 75);
    assert_int_equal(error_retry(ERR_IN_DOUBT), RETRY_VERIFY);
}

/* What is no success may not end like one: a script goes on by it. */
static void only_what_is_gone_already_exits_as_done(void **state)
{
    (void)state;
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++)
        if (!error_exit_status((enum error_code)code) != (code == ERR_GONE))
            fail_msg("%s", error_label((enum error_code)code));
}

static void a_message_is_never_cut_inside_a_character(void **state)
{
    (void)state;
    static const char *const fillers[] = {"a", "ы", "€", "😀"};
    for (size_t f = 0; f < sizeof fillers / sizeof fillers[0]; f++)
        for (size_t shift = 0; shift < 4; shift++) {
            char text[2000] = "";
            memset(text, 'x', shift);
            while (strlen(text) < sizeof text - 8)
                strcpy(text + strlen(text), fillers[f]);
            struct error err;
            assert_int_equal(error_set(&err, ERR_INVALID, "%s", text), ERR_INVALID);
            assert_true(text_valid(text_of(err.message)));
            assert_in_range(strlen(err.message), ERROR_MESSAGE_MAX - 4, ERROR_MESSAGE_MAX - 1);
            assert_int_equal(error_wrap(&err, "%s", "ы"), ERR_INVALID);
            assert_true(text_valid(text_of(err.message)));
        }
}

static void wrapping_puts_the_sentence_before_and_keeps_the_class(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERR_CONFIG, "line %d: %s", 3, "no");
    assert_int_equal(error_wrap(&err, "cannot start from '%s'", "x"), ERR_CONFIG);
    assert_string_equal(err.message, "cannot start from 'x': line 3: no");
    for (int i = 0; i < 100; i++)
        error_wrap(&err, "again and again and again");
    assert_int_equal(err.code, ERR_CONFIG);
    assert_true(strlen(err.message) < ERROR_MESSAGE_MAX);
}

static void who_wants_only_the_class_gives_no_place(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERR_GONE, "%s", "x"), ERR_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_a_label_that_leads_back),
        cmocka_unit_test(only_what_is_gone_already_exits_as_done),
        cmocka_unit_test(a_message_is_never_cut_inside_a_character),
        cmocka_unit_test(wrapping_puts_the_sentence_before_and_keeps_the_class),
        cmocka_unit_test(who_wants_only_the_class_gives_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
