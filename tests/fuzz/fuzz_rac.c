/* What rac prints, in any encoding: no list is shorter than its sessions, and all of it is text.
 * The first byte chooses the encoding. */
#include "cluster/rac/record.h"
#include "cluster/rac/says.h"
#include "cluster/ras/map.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

static bool begins_session(struct text line)
{
    static const char key[] = "session";
    while (line.length && (*line.at == ' ' || *line.at == '\t')) {
        line.at++;
        line.length--;
    }
    if (line.length < sizeof key - 1 || memcmp(line.at, key, sizeof key - 1) != 0)
        return false;
    size_t at = sizeof key - 1;
    while (at < line.length && (line.at[at] == ' ' || line.at[at] == '\t'))
        at++;
    return at < line.length && line.at[at] == ':';
}

static size_t sessions_in(struct text text)
{
    size_t count = 0;
    while (text.length) {
        const char *end = memchr(text.at, '\n', text.length);
        size_t length = end ? (size_t)(end - text.at) : text.length;
        count += begins_session((struct text){text.at, length});
        length += end != NULL;
        text.at += length;
        text.length -= length;
    }
    return count;
}

static void look_at_sessions(const struct ras_message *message, struct text text)
{
    AUTO(session_list) list = NULL;
    struct error err;
    if (ras_map_sessions(message, RAS_VERSION_MAX, &list, &err))
        return;
    /* I7. A text of several lines, which no list of sessions has, may speak of sessions. */
    if (!memmem(text.at, text.length, "descr", 5) && !memmem(text.at, text.length, "denied", 6) &&
        !memmem(text.at, text.length, "permission", 10))
        CHECK(list->count == sessions_in(text));
    for (size_t i = 0; i < list->count; i++)
        CHECK(text_valid(text_of(list->sessions[i].user_name)));
}

static void look(const struct rac_output *output, enum rac_record kind, struct arena *arena,
                 struct text text)
{
    struct ras_message message;
    struct error err;
    uint64_t found;
    enum error_code code = rac_records_read(output, kind, arena, &message, &found, &err);
    if (code) {
        fuzz_check_error(&err, code);
        return;
    }
    CHECK(message.count == output->count);
    if (kind == RAC_SESSIONS && output->count)
        look_at_sessions(&message, text);
    if (kind == RAC_INFOBASE && message.count == 1) {
        AUTO(infobase_lock) lock = NULL;
        if (!ras_map_lock(message.records, &lock, &err))
            CHECK(text_valid(text_of(lock->denied_message)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (!length)
        return 0;
    struct text raw = {(const char *)bytes + 1, length - 1};
    enum rac_encoding encoding = bytes[0] % 4;
    struct rac_output output;
    struct text text;
    struct error err;
    AUTO(arena) arena = arena_create(ARENA_BYTES);
    AUTO_BUF told;
    buf_init(&told, FUZZ_OUT_BYTES);
    if (encoding == RAC_AUTO && rac_encoding_of(raw, &encoding, &err))
        return 0;
    if (rac_decode(raw, encoding, arena, &text, &err))
        return 0;
    CHECK(text_valid(text));
    (void)rac_says(text, RAC_ABOUT_SESSION);
    rac_tell(&told, text, NULL, 0);
    CHECK(text_valid(text_of(buf_text(&told))));
    enum error_code code = rac_output_read(text, arena, &output, &err);
    if (code) {
        fuzz_check_error(&err, code);
        return 0;
    }
    for (int kind = RAC_SESSIONS; kind <= RAC_CONNECTIONS; kind++)
        look(&output, (enum rac_record)kind, arena, text);
    return 0;
}
