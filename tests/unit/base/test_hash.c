/* SHA-256: the published answers, and the same as another library at every length that could be
 * wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/text.h"

static void assert_hash(const char *bytes, const char *wanted)
{
    AUTO_BUF hex;
    struct sha256 got = sha256_of(bytes, strlen(bytes));
    buf_init(&hex, 2 * sizeof got.bytes);
    text_hex(&hex, got.bytes, sizeof got.bytes);
    assert_string_equal(buf_text(&hex), wanted);
}

/* FIPS 180-4, its examples. */
static void the_published_examples_have_their_hashes(void **state)
{
    (void)state;
    assert_hash("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hash("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void another_library_says_the_same_of_every_length(void **state)
{
    enum { LENGTHS = 300 }; /* over four blocks of 64 bytes */
    unsigned char bytes[LENGTHS];
    (void)state;
    for (size_t i = 0; i < LENGTHS; i++)
        bytes[i] = (unsigned char)(i * 31 + 7);
    for (size_t length = 0; length < LENGTHS; length++) {
        struct sha256 other;
        struct sha256 ours = sha256_of(bytes, length);
        assert_int_equal(crypto_hash_sha256(other.bytes, bytes, length), 0);
        assert_true(sha256_equal(&ours, &other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples_have_their_hashes),
        cmocka_unit_test(another_library_says_the_same_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
