#include "gateway/problem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "model/json.h"

struct row {
    const char *name;
    int status;
    uint32_t retry_s;
    const char *title[LANGUAGES];
    const char *text[LANGUAGES];
};

static const struct row rows[PROBLEM_COUNT] = {
#define PROBLEM(name, status, retry, title_en, text_en, title_ru, text_ru)                         \
    [PROBLEM_##name] = {#name, status, retry, {title_en, title_ru}, {text_en, text_ru}},
#include "gateway/problem.def"
#undef PROBLEM
};

static const struct row *row_of(enum problem_kind kind)
{
    CHECK(kind > PROBLEM_NONE);
    CHECK(kind < PROBLEM_COUNT);
    return &rows[kind];
}

enum problem_kind problem_set(struct problem *ret, enum problem_kind kind, const char *format, ...)
{
    va_list args;
    struct error cut; /* cuts at a character */
    char text[ERROR_MESSAGE_MAX];
    *ret = (struct problem){.kind = kind};
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(&cut, ERR_INVALID, "%s", text);
    memcpy(ret->about, cut.message, sizeof ret->about);
    return kind;
}

const char *problem_label(enum problem_kind kind)
{
    static char labels[PROBLEM_COUNT][32];
    const char *name = row_of(kind)->name;
    CHECK(strlen(name) < sizeof labels[kind]);
    for (size_t i = 0; name[i] && !labels[kind][i]; i++)
        labels[kind][i] = name[i] == '_' ? '_' : (char)(name[i] | 0x20);
    return labels[kind];
}

enum problem_kind problem_of_refusal(const char *reason_code)
{
    enum error_code code = error_from_label(reason_code);
    if (code == ERR_CONFLICT)
        return PROBLEM_KEY_REUSED;
    if (code == ERR_DENIED)
        return PROBLEM_DENIED;
    return code == ERR_FULL || code == ERR_UNAVAILABLE ? PROBLEM_BUSY : PROBLEM_REFUSED;
}

static void put_member(struct buf *out, const char *name, struct text value)
{
    buf_format(out, ",\"%s\":", name);
    json_quote(out, value);
}

/* `text` with `about` in place of {}. */
static void put_detail(struct buf *out, const char *text, const char *about)
{
    AUTO_BUF whole;
    buf_init(&whole, 4 * ERROR_MESSAGE_MAX);
    const char *hole = strstr(text, "{}");
    if (hole) {
        buf_add(&whole, text, (size_t)(hole - text));
        text_printable(&whole, text_of(about));
        text = hole + 2;
    }
    buf_str(&whole, text);
    put_member(out, "detail", text_of(buf_text(&whole)));
}

static void put_headers(const struct problem *problem, enum language language,
                        struct http_response *response)
{
    const struct row *row = row_of(problem->kind);
    http_response_header(response, "Content-Language", language_tag(language));
    uint32_t retry_s = problem->retry_s ? problem->retry_s : row->retry_s;
    if (retry_s) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%" PRIu32, retry_s);
        http_response_header(response, "Retry-After", seconds);
    }
    if (problem->kind == PROBLEM_UNAUTHORIZED)
        http_response_header(response, "WWW-Authenticate", "Bearer");
}

void problem_write(const struct problem *problem, enum language language,
                   struct http_response *response)
{
    const struct row *row = row_of(problem->kind);
    struct buf *out = &response->body;
    response->status = row->status;
    response->content_type = "application/problem+json";
    put_headers(problem, language, response);
    buf_format(out, "{\"type\":\"urn:curfew:problem:%s\",\"status\":%d",
               problem_label(problem->kind), row->status);
    put_member(out, "code", text_of(problem_label(problem->kind)));
    put_member(out, "title", text_of(row->title[language]));
    put_detail(out, row->text[language], problem->about);
    if (problem->pointer[0])
        put_member(out, "pointer", text_of(problem->pointer));
    if (!uuid_is_nil(&problem->command))
        put_member(out, "id", text_of(uuid_format(&problem->command).text));
    buf_str(out, "}\n");
}
