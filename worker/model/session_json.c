/* A session's properties as JSON: what `curfew sessions --json`, verdicts and handlers show. */
#include "base/limits.h"
#include "model/json.h"
#include "model/session.h"

static bool is_plain(enum session_field_type type)
{
    return type == SESSION_TYPE_U32 || type == SESSION_TYPE_I64 || type == SESSION_TYPE_BOOL;
}

void session_json(const struct session *session, struct buf *out)
{
    AUTO_BUF value;
    buf_init(&value, LIMIT_RECORD_BYTES);
    for (int at = 0; at < SESSION_FIELD_COUNT; at++) {
        enum session_field field = (enum session_field)at;
        buf_clear(&value);
        session_field_print(session, field, &value);
        buf_format(out, "%c\"%s\":", at ? ',' : '{', session_field_name(field));
        if (is_plain(session_field_type(field)))
            buf_str(out, buf_text(&value));
        else if (value.length)
            json_quote(out, text_of(buf_text(&value)));
        else
            buf_str(out, "null");
    }
    buf_byte(out, '}');
}
