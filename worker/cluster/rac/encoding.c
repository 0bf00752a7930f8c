/* Code pages: rac writes UTF-8 on Linux and the OEM or ANSI code page of its process on Windows. */
#include <errno.h>
#include <iconv.h>

#include "cluster/rac/output.h"

enum { GROWTH = 3 }; /* bytes of UTF-8 that one byte of a code page can become */

static bool is_ascii(struct text bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        if ((unsigned char)bytes.at[i] >= 0x80 || !bytes.at[i])
            return false;
    return true;
}

/* Letters of Russian texts, and the signs that go with them. */
static bool is_cp866(unsigned char byte)
{
    return (byte >= 0x80 && byte <= 0xaf) || (byte >= 0xe0 && byte <= 0xf1) || byte == 0xfc;
}

static bool is_cp1251(unsigned char byte)
{
    return byte >= 0xc0 || byte == 0xa8 || byte == 0xb8 || /* Ё ё */
           byte == 0xab || byte == 0xbb || byte == 0xb9 || /* « » № */
           byte == 0x96 || byte == 0x97 || byte == 0xa0;
}

static bool all(struct text bytes, bool (*fits)(unsigned char byte))
{
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.at[i];
        if (byte >= 0x80 && !fits(byte))
            return false;
    }
    return true;
}

enum error_code rac_encoding_of(struct text bytes, enum rac_encoding *ret, struct error *err)
{
    if (is_ascii(bytes)) {
        *ret = RAC_AUTO;
        return ERR_OK;
    }
    if (text_valid(bytes)) {
        *ret = RAC_UTF8;
        return ERR_OK;
    }
    bool oem = all(bytes, is_cp866);
    bool ansi = all(bytes, is_cp1251);
    if (oem == ansi)
        return error_set(err, ERR_PROTOCOL,
                         "rac's output is not UTF-8, and %s: set clusters[].rac.encoding",
                         oem ? "may be of code page 866 or 1251" : "of no known code page");
    *ret = oem ? RAC_CP866 : RAC_CP1251;
    return ERR_OK;
}

static enum error_code convert(struct text bytes, const char *code_page, struct arena *arena,
                               struct text *ret, struct error *err)
{
    size_t room = bytes.length * GROWTH + 1;
    char *to = arena_take(arena, room, 1);
    if (!to)
        return error_set(err, ERR_TOO_LARGE, "rac's output exceeds the memory for it");
    iconv_t converter = iconv_open("UTF-8", code_page);
    if (converter == (iconv_t)-1) /* the type's own way to say no */
        return error_set(err, ERR_CONFIG, "this system's libc does not know '%s'", code_page);
    char *in = (char *)(uintptr_t)bytes.at;
    size_t left = bytes.length;
    char *out = to;
    size_t done = iconv(converter, &in, &left, &out, &room);
    int number = errno;
    iconv_close(converter);
    struct text text = {to, (size_t)(out - to)};
    if (done == (size_t)-1 || !text_valid(text))
        return error_set(err, ERR_PROTOCOL, "rac's output is not of '%s': %s", code_page,
                         number == EILSEQ ? "a byte has no meaning in it" : "it has a zero byte");
    *ret = text;
    return ERR_OK;
}

enum error_code rac_decode(struct text bytes, enum rac_encoding encoding, struct arena *arena,
                           struct text *ret, struct error *err)
{
    static const char mark[] = "\xef\xbb\xbf"; /* some consoles put it before UTF-8 */
    if (encoding == RAC_CP866 && !is_ascii(bytes))
        return convert(bytes, "CP866", arena, ret, err);
    if (encoding == RAC_CP1251 && !is_ascii(bytes))
        return convert(bytes, "CP1251", arena, ret, err);
    if (!text_valid(bytes))
        return error_set(err, ERR_PROTOCOL,
                         "rac's output is not UTF-8: see clusters[].rac.encoding");
    if (bytes.length >= 3 && text_equal((struct text){bytes.at, 3}, text_of(mark)))
        bytes = (struct text){bytes.at + 3, bytes.length - 3};
    *ret = bytes;
    return ERR_OK;
}
