/* What a handler answers: taken whole, with a word for every target, or not at all. */
#include "cluster/handler/codec.h"
#include "tests/fuzz/fuzz.h"

enum { TARGETS = 2 };

static void look(const struct handler_answer *answer)
{
    CHECK(answer->count == TARGETS);
    for (uint32_t i = 0; i < TARGETS; i++) {
        const struct handler_word *word = &answer->words[i];
        CHECK(word->result > HANDLER_SAYS_NOTHING);
        CHECK(word->result < HANDLER_RESULTS);
        if (!word->message)
            continue;
        CHECK(text_valid(text_of(word->message)));
        CHECK(strlen(word->message) <= HANDLER_MESSAGE_MAX);
        CHECK(!strpbrk(word->message, "\n\r\x1b"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct handler_target targets[TARGETS] = {{.index = 0}, {.index = 1}};
    for (int mode = HANDLER_INSTEAD; mode <= HANDLER_BEFORE; mode++) {
        struct handler_task task = {
            .mode = (enum handler_mode)mode, .targets = targets, .count = TARGETS};
        AUTO_HANDLER_ANSWER answer = {0};
        struct error err;
        struct text json = {(const char *)bytes, length};
        enum error_code code = handler_answer_read(&task, json, &answer, &err);
        if (code)
            fuzz_check_error(&err, code);
        else
            look(&answer);
    }
    return 0;
}
