/* What the gateway makes of two events of its topic: whatever they say, a state is told in JSON,
 * and "all gone" stands on the event of a completed end with a good verdict for each session. */
#include "event/decode.h"
#include "gateway/answer.h"
#include "model/json.h"
#include "tests/fuzz/fuzz.h"

enum { COMMANDS = 2, BYTES = 1 << 20 };

static void look_at_gone(const struct book_entry *entry)
{
    CHECK(entry->outcome == COMMAND_COMPLETED);
    CHECK(entry->row_count > 0);
    for (uint32_t i = 0; i < entry->row_count; i++)
        CHECK(target_outcome_is_success(entry->rows[i].outcome));
}

static void look_at_entry(const struct book_entry *entry)
{
    bool gone = book_all_gone(entry);
    if (gone)
        look_at_gone(entry);
    for (int language = 0; language < LANGUAGES; language++) {
        struct http_response response;
        struct error err;
        http_response_init(&response);
        answer_write(entry, (enum language)language, 202, &response);
        CHECK(!response.body.full);
        json_t *json =
            json_read((struct text){(const char *)response.body.data, response.body.length}, &err);
        CHECK(json_is_object(json));
        CHECK(json_is_true(json_object_get(json, "allGone")) == gone);
        CHECK(json_array_size(json_object_get(json, "sessions")) == entry->row_count);
        json_decref(json);
        buf_release(&response.body);
    }
}

static void take(struct book *book, struct text input)
{
    struct fuzz_message message;
    struct event_view *view = NULL;
    struct book_entry *entry;
    fuzz_message_read(input, &message);
    if (event_decode(&message.message, &view, NULL))
        return;
    enum book_news news = book_event(book, view, &entry);
    CHECK(news == BOOK_NOTHING || entry);
    if (news == BOOK_ENDED)
        CHECK(entry->outcome != COMMAND_NONE);
    if (entry)
        look_at_entry(entry);
}

/* Two bytes: the length of the first event; the second one is the rest, or the first again. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length};
    struct book *book = book_create(COMMANDS, BYTES);
    size_t first = fuzz_byte(&input);
    first = first << 8 | fuzz_byte(&input);
    struct text event = fuzz_take(&input, first);
    take(book, event);
    take(book, input.length ? input : event);
    book_destroy(book);
    return 0;
}
