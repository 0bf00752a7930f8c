#include "cluster/rac/version.h"

#include <string.h>

static uint32_t number_of(unsigned a, unsigned b, unsigned c)
{
    return a << 24 | b << 16 | c << 8;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static struct text trim(struct text text)
{
    while (text.length && is_blank(*text.at)) {
        text.at++;
        text.length--;
    }
    while (text.length && is_blank(text.at[text.length - 1]))
        text.length--;
    return text;
}

enum error_code rac_version_read(struct text text, struct rac_version *ret, struct error *err)
{
    struct text left = trim(text);
    uint64_t parts[4] = {0};
    size_t count = 0;
    while (left.length && count < 4) {
        const char *dot = memchr(left.at, '.', left.length);
        size_t length = dot ? (size_t)(dot - left.at) : left.length;
        uint64_t most = count == 3 ? UINT32_MAX : UINT8_MAX;
        if (text_u64((struct text){left.at, length}, most, &parts[count], NULL))
            break;
        count++;
        left.at += length + (dot != NULL);
        left.length -= length + (dot != NULL);
        if (dot && !left.length)
            count = 0; /* a dot at the end */
    }
    if (count < 3 || left.length)
        return error_set(err, ERR_INVALID, "this is no version like 8.3.21 or 8.3.21.1895");
    ret->number = number_of((unsigned)parts[0], (unsigned)parts[1], (unsigned)parts[2]);
    return ERR_OK;
}

bool rac_has_error_message(struct rac_version version)
{
    return version.number >= number_of(8, 3, 21);
}

bool rac_has_interrupt(struct rac_version version)
{
    return version.number >= number_of(8, 3, 21);
}

bool rac_has_infobase_user(struct rac_version version)
{
    return version.number < number_of(8, 5, 4);
}
