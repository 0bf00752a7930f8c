#include "gateway/wish.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t";

bool wish_wait(const char *prefer, uint32_t *ret_s)
{
    static const char name[] = "wait";
    for (const char *at = prefer; at && *at;) {
        at += strspn(at, ", \t");
        size_t length = strcspn(at, ",");
        const char *equals = memchr(at, '=', length);
        if (equals && !strncasecmp(at, name, sizeof name - 1) &&
            at + sizeof name - 1 + strspn(at + sizeof name - 1, blanks) == equals) {
            const char *from = equals + 1 + strspn(equals + 1, " \t\"");
            uint64_t seconds;
            struct text number = {from, strspn(from, "0123456789")};
            if (text_u64(number, UINT32_MAX, &seconds, NULL))
                return false;
            *ret_s = (uint32_t)seconds;
            return true;
        }
        at += length;
    }
    return false;
}

struct text wish_key(const char *idempotency_key)
{
    struct text key = text_of(idempotency_key);
    if (key.length >= 2 && key.at[0] == '"' && key.at[key.length - 1] == '"')
        key = (struct text){key.at + 1, key.length - 2};
    if (key.length > WISH_KEY_MAX)
        key.length = 0;
    for (size_t i = 0; i < key.length; i++)
        if (key.at[i] <= ' ' || key.at[i] > '~' || key.at[i] == '"' || key.at[i] == '\\')
            return (struct text){NULL, 0};
    return key;
}

struct text wish_token(const char *authorization)
{
    static const char scheme[] = "Bearer";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return (struct text){NULL, 0};
    const char *from = authorization + sizeof scheme - 1;
    size_t gap = strspn(from, blanks);
    return gap ? text_of(from + gap) : (struct text){NULL, 0};
}

/* `parameters` begins with its semicolon. */
static bool names_other_charset(const char *parameters)
{
    static const char name[] = "charset=";
    static const char utf8[] = "utf-8";
    for (const char *at = parameters; *at == ';';) {
        at += 1 + strspn(at + 1, blanks);
        size_t length = strcspn(at, ";");
        if (!strncasecmp(at, name, sizeof name - 1)) {
            const char *value = at + sizeof name - 1;
            bool quoted = *value == '"';
            value += quoted;
            if (strncasecmp(value, utf8, sizeof utf8 - 1) != 0)
                return true;
            value += sizeof utf8 - 1 + quoted * (value[sizeof utf8 - 1] == '"');
            return value[strspn(value, blanks)] != '\0' && value[strspn(value, blanks)] != ';';
        }
        at += length;
    }
    return false;
}

bool wish_is_json(const char *content_type)
{
    static const char json[] = "application/json";
    if (!content_type || strncasecmp(content_type, json, sizeof json - 1) != 0)
        return false;
    const char *rest = content_type + sizeof json - 1;
    rest += strspn(rest, blanks);
    return *rest == '\0' || (*rest == ';' && !names_other_charset(rest));
}
