#include "cluster/rac/says.h"

#include <string.h>

static const struct {
    enum error_code code;
    enum rac_about about;
    const char *part;
    const char *another;
} rows[] = {
#define SAYS(code, about, part, another) {ERR_##code, RAC_ABOUT_##about, part, another},
#include "cluster/rac/says.def"
};

enum { FOLDED_MAX = 64 * 1024 };

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static bool fits(enum rac_about row, enum rac_about asked)
{
    return row == RAC_ABOUT_ANYTHING || row == asked ||
           (row == RAC_ABOUT_CLUSTER && asked != RAC_ABOUT_INFOBASE);
}

enum error_code rac_says(struct text text, enum rac_about about)
{
    AUTO_BUF folded;
    buf_init(&folded, FOLDED_MAX);
    if (text.length > FOLDED_MAX / 4)
        text.length = 0; /* no message is that long */
    text_fold(&folded, text);
    const char *at = buf_text(&folded);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fits(rows[i].about, about) && has(at, rows[i].part) && has(at, rows[i].another))
            return rows[i].code;
    return ERR_OK;
}

bool rac_says_help(struct text text)
{
    static const char *const parts[] = {"--help", "--version"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!text.length || !memmem(text.at, text.length, parts[i], strlen(parts[i])))
            return false;
    return true;
}

/* How many bytes of a password stand at `text`'s start; 0: none. */
static size_t secret_at(struct text text, const struct ras_login *logins, size_t count)
{
    size_t longest = 0;
    for (size_t i = 0; i < count; i++) {
        struct text secret = secret_reveal(logins[i].password);
        if (secret.length > longest && secret.length <= text.length &&
            !memcmp(text.at, secret.at, secret.length))
            longest = secret.length;
    }
    return longest;
}

/* Lines become one; what begins with a byte of a character keeps the whole of it. */
void rac_tell(struct buf *out, struct text text, const struct ras_login *logins, size_t count)
{
    AUTO_BUF plain;
    buf_init(&plain, RAC_TOLD_MAX);
    while (text.length && !plain.full) {
        size_t secret = secret_at(text, logins, count);
        size_t length = secret ? secret : 1;
        while (!secret && length < text.length && ((unsigned char)text.at[length] & 0xc0) == 0x80)
            length++;
        bool end_of_line = *text.at == '\n' || *text.at == '\r';
        if (secret)
            buf_str(&plain, "***");
        else if (!end_of_line)
            buf_add(&plain, text.at, length);
        else if (plain.length && plain.data[plain.length - 1] != ' ' && text.length > 1)
            buf_str(&plain, plain.data[plain.length - 1] == ':' ? " " : ": ");
        text.at += length;
        text.length -= length;
    }
    while (plain.length && strchr(": ", plain.data[plain.length - 1]))
        plain.length--;
    text_printable(out, (struct text){(const char *)plain.data, plain.length});
}
