#include "model/cloudevent.h"

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

enum error_code base64_read(struct text text, struct arena *arena, struct text *ret,
                            struct error *err)
{
    size_t length = text.length;
    while (length && text.at[length - 1] == '=' && text.length - length < 2)
        length--;
    bool padded = length != text.length;
    if (length % 4 == 1 || (padded && text.length % 4))
        return error_set(err, ERR_UNDECODABLE, "base64 of a wrong length");
    char *bytes = arena_take(arena, length / 4 * 3 + 3, 1);
    if (!bytes)
        return error_set(err, ERR_TOO_LARGE, "the message is too large");
    size_t count = 0;
    unsigned held = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < length; i++) {
        int value = digit(text.at[i]);
        if (value < 0)
            return error_set(err, ERR_UNDECODABLE, "not base64 at character %zu", i + 1);
        held = held << 6 | (unsigned)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[count++] = (char)(held >> bits & 0xFF);
        }
    }
    *ret = (struct text){bytes, count};
    return ERR_OK;
}
