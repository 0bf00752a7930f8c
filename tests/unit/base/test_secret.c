/* Ids, digests and passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/secret.h"
#include "base/uuid.h"

static void uuids_are_read_in_any_case_and_printed_in_lower(void **state)
{
    (void)state;
    struct uuid uuid;
    assert_int_equal(uuid_read(TEXT("0A1B2C3D-4e5f-6071-8293-A4B5C6D7E8F9"), &uuid, NULL), ERR_OK);
    assert_int_equal(uuid.bytes[0], 0x0a);
    assert_int_equal(uuid.bytes[15], 0xf9);
    assert_string_equal(uuid_format(&uuid).text, "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
    assert_false(uuid_is_nil(&uuid));
    assert_int_equal(uuid_read(TEXT("00000000-0000-0000-0000-000000000000"), &uuid, NULL), ERR_OK);
    assert_true(uuid_is_nil(&uuid));
}

static void what_is_no_uuid_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f90",
        "{a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9}",
        "0a1b2c3d4-e5f-6071-8293-a4b5c6d7e8f9",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fg",
        "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8 9",
        "0a1b2c3d_4e5f_6071_8293_a4b5c6d7e8f9",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct uuid uuid = {{7}};
        assert_int_equal(uuid_read(text_of(rows[i]), &uuid, NULL), ERR_INVALID);
        assert_int_equal(uuid.bytes[0], 7);
    }
}

static void derived_ids_depend_on_the_name_alone(void **state)
{
    (void)state;
    struct uuid a = uuid_derive("name", 4);
    struct uuid b = uuid_derive("name", 4);
    struct uuid c = uuid_derive("nam", 3);
    assert_true(uuid_equal(&a, &b));
    assert_false(uuid_equal(&a, &c));
    assert_int_equal(a.bytes[6] >> 4, 8);
    assert_int_equal(a.bytes[8] >> 6, 2);
    struct uuid random = uuid_random();
    struct uuid another = uuid_random();
    assert_int_equal(random.bytes[6] >> 4, 4);
    assert_false(uuid_equal(&random, &another));
}

static void sha256_is_that_of_the_standard(void **state)
{
    (void)state;
    struct sha256 digest = sha256_of("abc", 3);
    AUTO_BUF hex;
    buf_init(&hex, 64);
    text_hex(&hex, digest.bytes, sizeof digest.bytes);
    assert_string_equal(buf_text(&hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct sha256 again = sha256_of("abc", 3);
    struct sha256 empty = sha256_of(NULL, 0);
    assert_true(sha256_equal(&digest, &again));
    assert_false(sha256_equal(&digest, &empty));
}

/* ---- secrets ---- */

static enum error_code load(const void *content, size_t length, struct secret **ret,
                            struct error *err)
{
    char path[] = "/tmp/curfew-secret-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, length), length);
    close(file);
    enum error_code code = secret_load(path, ret, err);
    unlink(path);
    return code;
}

static void a_password_is_the_first_line_of_its_file(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        const char *password;
    } rows[] = {
        {"hunter2", "hunter2"},
        {"hunter2\n", "hunter2"},
        {"hunter2\r\n", "hunter2"},
        {"two\nlines", "two"},
        {" blanks \n", " blanks "},
        {"\n", ""},
        {"", ""},
        {"пароль\n", "пароль"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct secret *secret = NULL;
        struct error err;
        assert_int_equal(load(rows[i].content, strlen(rows[i].content), &secret, &err), ERR_OK);
        assert_true(text_equal(secret_reveal(secret), text_of(rows[i].password)));
        secret_destroy(secret);
    }
    assert_int_equal(secret_reveal(NULL).length, 0);
    secret_destroy(NULL);
}

static void the_longest_password_fits_and_one_byte_more_does_not(void **state)
{
    (void)state;
    char content[SECRET_MAX + 1];
    memset(content, 'p', sizeof content);
    struct secret *secret = NULL;
    struct error err;
    assert_int_equal(load(content, SECRET_MAX, &secret, &err), ERR_OK);
    assert_int_equal(secret_reveal(secret).length, SECRET_MAX);
    secret_destroy(secret);
    secret = NULL;
    assert_int_equal(load(content, SECRET_MAX + 1, &secret, &err), ERR_CONFIG);
    assert_null(secret);
}

static void a_secret_equals_its_own_text_alone(void **state)
{
    (void)state;
    struct secret *secret = secret_of(TEXT("0123456789abcdef"));
    struct secret *empty = secret_of(TEXT(""));
    assert_true(secret_equal(secret, TEXT("0123456789abcdef")));
    assert_false(secret_equal(secret, TEXT("0123456789abcdeF")));
    assert_false(secret_equal(secret, TEXT("0123456789abcde")));
    assert_false(secret_equal(secret, TEXT("0123456789abcdef0")));
    assert_false(secret_equal(secret, TEXT("")));
    assert_false(secret_equal(empty, TEXT(""))); /* no token is no proof */
    assert_false(secret_equal(NULL, TEXT("")));
    secret_destroy(secret);
    secret_destroy(empty);
}

static void i12_an_error_names_the_file_and_never_its_content(void **state)
{
    (void)state;
    struct secret *secret = NULL;
    struct error err;
    assert_int_equal(load("hunter2\xff", 8, &secret, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "/tmp/curfew-secret-"));
    assert_null(strstr(err.message, "hunter2"));
    assert_int_equal(load("hun\0ter", 7, &secret, &err), ERR_CONFIG);
    assert_int_equal(secret_load("/nowhere/at/all", &secret, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "'/nowhere/at/all': No such file"));
    assert_int_equal(secret_load("/", &secret, &err), ERR_CONFIG);
    assert_null(secret);
}

static void a_file_that_every_user_can_read_or_write_is_known(void **state) /* I12 */
{
    (void)state;
    static const struct {
        mode_t mode;
        bool open;
    } rows[] = {{0600, false}, {0640, false}, {0644, true}, {0602, true}};
    char path[] = "/tmp/curfew-secret-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(fchmod(file, rows[i].mode), 0);
        assert_int_equal(secret_file_open_to_all(path), rows[i].open);
    }
    close(file);
    unlink(path);
    assert_false(secret_file_open_to_all(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uuids_are_read_in_any_case_and_printed_in_lower),
        cmocka_unit_test(what_is_no_uuid_is_refused),
        cmocka_unit_test(a_file_that_every_user_can_read_or_write_is_known),
        cmocka_unit_test(derived_ids_depend_on_the_name_alone),
        cmocka_unit_test(sha256_is_that_of_the_standard),
        cmocka_unit_test(a_password_is_the_first_line_of_its_file),
        cmocka_unit_test(the_longest_password_fits_and_one_byte_more_does_not),
        cmocka_unit_test(a_secret_equals_its_own_text_alone),
        cmocka_unit_test(i12_an_error_names_the_file_and_never_its_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
