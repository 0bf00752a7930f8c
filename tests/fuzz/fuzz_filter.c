/* The expression of a filter. What is taken is printed and read again as the same words, and
 * answers the same for some sessions. */
#include "base/limits.h"
#include "select/filter.h"
#include "tests/fuzz/fuzz.h"

enum { SESSIONS = 4 };

static void make_sessions(struct session *sessions)
{
    for (uint8_t i = 0; i < SESSIONS; i++)
        sessions[i] = (struct session){.uuid = {{i}},
                                       .number = i,
                                       .infobase = {{(uint8_t)(i / 2 + 1)}},
                                       .infobase_name = i < 2 ? "ut" : "Торговля",
                                       .user_name = i ? "Иванов" : "",
                                       .app_id = i < 3 ? "1CV8C" : "Unheard",
                                       .host = "pc",
                                       .client_ip = i < 2 ? "10.1.2.3" : "fd00::1",
                                       .locale = "ru",
                                       .db_proc_info = "",
                                       .current_service_name = "",
                                       .data_separation = "",
                                       .started_at = {639000000000000},
                                       .last_active_at = {639000000000000 + i * 36000000},
                                       .hibernate = i == 1,
                                       .blocked_by_ls = i,
                                       .memory_last_5min = i * 1000000,
                                       .reported = UINT64_MAX};
}

static struct matcher *matcher_of(const struct filter *filter)
{
    struct matcher *matcher = NULL;
    CHECK(matcher_create(filter, &matcher, NULL) == ERR_OK);
    return matcher;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    AUTO(arena) arena = arena_create(64 << 20);
    struct filter *filter = NULL;
    struct filter *again = NULL;
    struct error err;
    enum error_code code =
        filter_parse((struct text){(const char *)bytes, length}, arena, &filter, &err);
    if (code) {
        CHECK(!filter);
        fuzz_check_error(&err, code);
        return 0;
    }
    AUTO_BUF once;
    AUTO_BUF twice;
    buf_init(&once, FUZZ_OUT_BYTES);
    buf_init(&twice, FUZZ_OUT_BYTES);
    filter_print(filter, &once);
    if (once.length > LIMIT_COMMAND_BYTES)
        return 0; /* quotes made it longer than an expression may be */
    code = filter_parse(text_of(buf_text(&once)), arena, &again, &err);
    CHECK(code == ERR_OK);
    filter_print(again, &twice);
    CHECK(text_equal(text_of(buf_text(&once)), text_of(buf_text(&twice))));

    struct session sessions[SESSIONS];
    make_sessions(sessions);
    struct session_list list = {.sessions = sessions, .count = SESSIONS};
    AUTO(zone) zone = NULL;
    CHECK(zone_load(TEXT("UTC"), &zone, NULL) == ERR_OK);
    struct filter_time time = {zone, {1764000000000}, {1764000001000}, 2000};
    AUTO(filter_view) view = filter_view_create(&list, &time);
    AUTO(matcher) first = matcher_of(filter);
    AUTO(matcher) second = matcher_of(again);
    for (size_t i = 0; i < SESSIONS; i++)
        CHECK(matcher_ask(first, view, &sessions[i]) == matcher_ask(second, view, &sessions[i]));
    return 0;
}
