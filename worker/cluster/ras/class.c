#include <stdio.h>
#include <string.h>

#include "cluster/ras/conn.h"

enum { TEXT_MAX = 400 }; /* bytes of a server's text that fit an error */

static const struct {
    const char *name;
    enum error_code code;
    enum error_code code_of_login;
} classes[] = {
#define CLASS(name, code, code_of_login) {name, ERR_##code, ERR_##code_of_login},
#include "cluster/ras/class.def"
};

static bool is_login(const struct ras_message_row *request)
{
    return request && (request->number == RAS_AUTHENTICATE_AGENT ||
                       request->number == RAS_AUTHENTICATE_CLUSTER ||
                       request->number == RAS_ADD_AUTHENTICATION);
}

/* The one question that a server need not know (engine/reply.c). A change that is not known is
 * refused like any other. */
static bool is_unknown_question(struct text name, const struct ras_message_row *request)
{
    return request && request->number == RAS_GET_SESSION_INFO &&
           text_equal(name, TEXT("v8.service.UnexpectedMessage"));
}

enum error_code ras_class_code(struct text class_name, const struct ras_message_row *request)
{
    struct text name = ras_class_name(class_name);
    if (is_unknown_question(name, request))
        return ERR_UNSUPPORTED;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (text_equal(name, text_of(classes[i].name)))
            return is_login(request) ? classes[i].code_of_login : classes[i].code;
    return ERR_REFUSED;
}

/* RAS breaks its texts into lines; an error is one. */
static void add_lines(struct buf *out, struct text text)
{
    while (text.length) {
        const char *end = memchr(text.at, '\n', text.length);
        size_t length = end ? (size_t)(end - text.at) : text.length;
        text_printable(out, (struct text){text.at, length});
        if (!end)
            return;
        buf_str(out, ": ");
        text = (struct text){end + 1, text.length - length - 1};
    }
}

enum error_code ras_exception_error(const struct ras_exception *exception,
                                    const struct ras_message_row *request, struct error *err)
{
    enum error_code code = ras_class_code(exception->class_name, request);
    AUTO_BUF class_name;
    AUTO_BUF message;
    buf_init(&class_name, RAS_CLASS_MAX * 4);
    buf_init(&message, TEXT_MAX * 4);
    struct text text = exception->message;
    if (text.length > TEXT_MAX)
        text.length = TEXT_MAX;
    while (text.length && text.length < exception->message.length &&
           ((unsigned char)text.at[text.length] & 0xc0) == 0x80)
        text.length--; /* not inside a character */
    struct text name = ras_class_name(exception->class_name);
    if (name.length > RAS_CLASS_MAX)
        name.length = RAS_CLASS_MAX;
    text_printable(&class_name, name);
    add_lines(&message, text);
    return error_set(err, code, "RAS refuses '%s': %s: %s", request ? request->label : "open",
                     buf_text(&class_name), buf_text(&message));
}

void ras_class_copy(struct text class_name, char ret[RAS_CLASS_MAX])
{
    AUTO_BUF printable;
    buf_init(&printable, RAS_CLASS_MAX - 1);
    for (size_t i = 0; i < class_name.length && !printable.full; i++)
        if (class_name.at[i] > ' ' && class_name.at[i] < 0x7f) /* classes are ASCII names */
            buf_byte(&printable, (uint8_t)class_name.at[i]);
    snprintf(ret, RAS_CLASS_MAX, "%s", buf_text(&printable));
}
