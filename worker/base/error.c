#include "base/error.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

struct row {
    const char *name;
    enum error_retry retry;
    int status;
    const char *meaning;
};

static const struct row rows[ERR_COUNT] = {
    [ERR_OK] = {"OK", RETRY_NEVER, 0, "no error"},
#define ROW(name, retry, status, meaning) [ERR_##name] = {#name, RETRY_##retry, status, meaning},
#include "base/error.def"
#undef ROW
};

/* A cut inside a character would make the message invalid UTF-8 for JSON and protobuf. */
static void cut_at_character(char *text)
{
    size_t length = strlen(text);
    size_t start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (length - (start - 1) < want)
        text[start - 1] = '\0';
}

enum error_code error_set(struct error *err, enum error_code code, const char *format, ...)
{
    CHECK(code > ERR_OK);
    CHECK(code < ERR_COUNT);
    if (!err)
        return code;
    err->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    cut_at_character(err->message);
    return code;
}

enum error_code error_wrap(struct error *err, const char *format, ...)
{
    CHECK(err);
    char before[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(before, sizeof before, format, args);
    va_end(args);
    char whole[2 * ERROR_MESSAGE_MAX + 2];
    snprintf(whole, sizeof whole, "%s: %s", before, err->message);
    memcpy(err->message, whole, sizeof err->message - 1);
    err->message[sizeof err->message - 1] = '\0';
    cut_at_character(err->message);
    return err->code;
}

enum { LABEL_MAX = 24 };

static char labels[ERR_COUNT][LABEL_MAX];
static pthread_once_t labels_once = PTHREAD_ONCE_INIT; /* any thread may ask */

static void make_labels(void)
{
    for (size_t code = 0; code < ERR_COUNT; code++)
        for (size_t i = 0; rows[code].name[i] && i + 1 < LABEL_MAX; i++)
            labels[code][i] = (char)tolower((unsigned char)rows[code].name[i]);
}

static const char *label_of(enum error_code code)
{
    int failed = pthread_once(&labels_once, make_labels);
    CHECK(!failed);
    return labels[code];
}

const char *error_label(enum error_code code)
{
    CHECK((unsigned)code < ERR_COUNT);
    return label_of(code);
}

const char *error_meaning(enum error_code code)
{
    CHECK((unsigned)code < ERR_COUNT);
    return rows[code].meaning;
}

enum error_retry error_retry(enum error_code code)
{
    CHECK((unsigned)code < ERR_COUNT);
    return rows[code].retry;
}

int error_exit_status(enum error_code code)
{
    CHECK((unsigned)code < ERR_COUNT);
    return rows[code].status;
}

enum error_code error_from_label(const char *label)
{
    for (int code = ERR_OK; code < ERR_COUNT; code++)
        if (!strcmp(label_of((enum error_code)code), label))
            return (enum error_code)code;
    return ERR_COUNT;
}
