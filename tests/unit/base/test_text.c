/* Bytes with a length: UTF-8, names without case, numbers and durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"

static struct text bytes_of(const char *at, size_t length)
{
    return (struct text){at, length};
}

static void utf8_is_taken_whole_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        bool valid;
    } rows[] = {
        {"", 0, true},
        {"plain", 5, true},
        {"Иванов", 12, true},
        {"\xf0\x9f\x98\x80", 4, true},
        {"\xef\xbf\xbf", 3, true},
        {"\0", 1, false},
        {"a\0b", 3, false},
        {"\xff", 1, false},
        {"\x80", 1, false},
        {"\xc0\xaf", 2, false},         /* overlong */
        {"\xe0\x80\xaf", 3, false},     /* overlong */
        {"\xed\xa0\x80", 3, false},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, false}, /* above U+10FFFF */
        {"\xf0\x9f\x98", 3, false},     /* cut */
        {"\xd0", 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(text_valid(bytes_of(rows[i].bytes, rows[i].length)), rows[i].valid);
    assert_true(text_valid((struct text){NULL, 0}));
}

/* Runs of plain text and pairs of bytes are passed over in one step; what follows them is not. */
static void a_bad_byte_is_seen_wherever_it_stands(void **state)
{
    static const char *const bad[] = {"\x80",     "\xC1\xBF",     "\xD0", "\xD0z",
                                      "\xE2\x82", "\xED\xA0\x80", "\xFF"};
    (void)state;
    for (size_t before = 0; before < 20; before++)
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            char text[64] = "abcdefghijklmnopqrstuvwxyz";
            assert_true(text_valid(bytes_of(text, before)));
            memcpy(text + before, bad[i], strlen(bad[i]));
            assert_false(text_valid(bytes_of(text, before + strlen(bad[i]))));
            assert_false(text_valid(bytes_of(text, 40)));
            memcpy(text + before, "\xD1\x91", 2);
            assert_true(text_valid(bytes_of(text, before + 2)));
            assert_false(text_valid(bytes_of(text, before + 1)));
            text[before + 1] = '\0';
            assert_false(text_valid(bytes_of(text, before + 2)));
            text[before] = '\0';
            assert_false(text_valid(bytes_of(text, before + 1)));
        }
}

static void names_are_the_same_without_case_in_cyrillic_too(void **state)
{
    (void)state;
    assert_true(text_same_name(TEXT("Designer"), TEXT("DESIGNER")));
    assert_true(text_same_name(TEXT("Ёлка Щука"), TEXT("ёЛКА щУКА")));
    assert_true(text_same_name(TEXT(""), TEXT("")));
    assert_false(text_same_name(TEXT("ут"), TEXT("ут ")));
    assert_false(text_same_name(TEXT("е"), TEXT("ё")));
    assert_false(text_same_name(TEXT("a"), TEXT("а"))); /* Latin and Cyrillic */
    assert_false(text_same_name(TEXT("\xff"), TEXT("\xff")));
}

static void folded_texts_are_equal_exactly_when_names_are_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Main", "MAIN", "main ", "Магазин", "магазин", "МАГАЗИН", "магазины", "ẞ", "ß", "", "İ"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            AUTO_BUF a;
            AUTO_BUF b;
            buf_init(&a, 256);
            buf_init(&b, 256);
            text_fold(&a, text_of(names[i]));
            text_fold(&b, text_of(names[j]));
            assert_int_equal(!strcmp(buf_text(&a), buf_text(&b)),
                             text_same_name(text_of(names[i]), text_of(names[j])));
        }
    AUTO_BUF broken;
    buf_init(&broken, 256);
    text_fold(&broken, TEXT("A\xffБ\xd0")); /* no name, and no other than itself */
    assert_string_equal(buf_text(&broken), "a\xffб\xd0");
}

static const char *printable(struct buf *out, struct text text)
{
    buf_clear(out);
    text_printable(out, text);
    return buf_text(out);
}

static void nothing_printed_can_move_a_terminal_or_reverse_a_line(void **state)
{
    (void)state;
    AUTO_BUF out;
    buf_init(&out, 4096);
    assert_string_equal(printable(&out, TEXT("Иванов & co")), "Иванов & co");
    assert_string_equal(printable(&out, TEXT("a\nb\x1b[31m\x7f")), "a\\u{a}b\\u{1b}[31m\\u{7f}");
    assert_string_equal(printable(&out, TEXT("\xe2\x80\xae")), "\\u{202e}"); /* right to left */
    assert_string_equal(printable(&out, TEXT("\xe2\x80\xa8")), "\\u{2028}"); /* line separator */
    assert_string_equal(printable(&out, TEXT("\xc2\x9b")), "\\u{9b}");       /* C1 */
    assert_string_equal(printable(&out, TEXT("\xff\xd0")), "\\xff\\xd0");
    assert_string_equal(printable(&out, bytes_of("a\0b", 3)), "a\\u{0}b");
}

/* A cluster's text may have megabytes; by a scan of the rest for each byte this takes hours. */
static void a_long_text_costs_no_more_than_its_length(void **state) /* I10 */
{
    (void)state;
    enum { LONG = 16 << 20 };
    char *text = mem_alloc(LONG, 1);
    memset(text, 'a', LONG);
    AUTO_BUF out;
    buf_init(&out, 100);
    text_printable(&out, (struct text){text, LONG});
    assert_true(out.full);
    assert_int_equal(out.length, 100);
    free(text);
}

static void numbers_are_whole_and_never_overflow(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t value;
    } rows[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"9", 5, false, 0},
        {"5", 5, true, 5},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"18446744073709551619", 5, false, 0}, /* comes to 3 when it wraps */
        {"99999999999999999999999", 7, false, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"007", 7, true, 7},
        {"", 9, false, 0},
        {"+1", 9, false, 0},
        {"-1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 9, false, 0},
        {"1e1", 99, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 77;
        enum error_code code = text_u64(text_of(rows[i].text), rows[i].max, &value, NULL);
        assert_int_equal(code, rows[i].good ? ERR_OK : ERR_INVALID);
        assert_true(value == (rows[i].good ? rows[i].value : 77)); /* untouched on failure */
    }
}

static void signed_numbers_reach_both_ends(void **state)
{
    (void)state;
    int64_t value;
    assert_int_equal(text_i64(TEXT("-9223372036854775808"), &value, NULL), ERR_OK);
    assert_true(value == INT64_MIN);
    assert_int_equal(text_i64(TEXT("9223372036854775807"), &value, NULL), ERR_OK);
    assert_true(value == INT64_MAX);
    assert_int_equal(text_i64(TEXT("-0"), &value, NULL), ERR_OK);
    assert_true(value == 0);
    assert_int_equal(text_i64(TEXT("9223372036854775808"), &value, NULL), ERR_INVALID);
    assert_int_equal(text_i64(TEXT("-9223372036854775809"), &value, NULL), ERR_INVALID);
    assert_int_equal(text_i64(TEXT("-"), &value, NULL), ERR_INVALID);
    assert_int_equal(text_i64(TEXT("--1"), &value, NULL), ERR_INVALID);
}

static void durations_need_a_unit_and_stay_below_ten_years(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"0s", 0},
        {"250ms", 250},
        {"90s", 90000},
        {"15m", 900000},
        {"2h", 7200000},
        {"1d", 86400000},
        {"3660d", 316224000000},
        {"3661d", -1},
        {"90", -1},
        {"", -1},
        {"s", -1},
        {"1.5h", -1},
        {"-1s", -1},
        {"1 s", -1},
        {"1S", -1},
        {"1w", -1},
        {"99999999999999999999ms", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        enum error_code code = text_duration_ms(text_of(rows[i].text), &ms, NULL);
        assert_int_equal(code, rows[i].ms >= 0 ? ERR_OK : ERR_INVALID);
        assert_true(ms == rows[i].ms);
    }
}

static void hex_is_lower_case(void **state)
{
    (void)state;
    AUTO_BUF out;
    buf_init(&out, 16);
    text_hex(&out, "\x00\xab\xff", 3);
    assert_string_equal(buf_text(&out), "00abff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_taken_whole_and_nothing_else),
        cmocka_unit_test(a_bad_byte_is_seen_wherever_it_stands),
        cmocka_unit_test(names_are_the_same_without_case_in_cyrillic_too),
        cmocka_unit_test(folded_texts_are_equal_exactly_when_names_are_the_same),
        cmocka_unit_test(nothing_printed_can_move_a_terminal_or_reverse_a_line),
        cmocka_unit_test(a_long_text_costs_no_more_than_its_length),
        cmocka_unit_test(numbers_are_whole_and_never_overflow),
        cmocka_unit_test(signed_numbers_reach_both_ends),
        cmocka_unit_test(durations_need_a_unit_and_stay_below_ten_years),
        cmocka_unit_test(hex_is_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
