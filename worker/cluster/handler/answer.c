/* The answer, from JSON. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cluster/handler/codec.h"
#include "model/json.h"

/* What every step gets. */
struct reading {
    const struct handler_task *task;
    struct handler_answer answer;
    struct error *err;
};

static enum error_code wrong(struct reading *reading, const char *what, const char *name)
{
    AUTO_BUF shown;
    buf_init(&shown, 100);
    text_printable(&shown, text_of(name));
    return error_set(reading->err, ERR_PROTOCOL, "the handler's answer %s '%s': docs/handler.md",
                     what, buf_text(&shown));
}

static enum error_code wrong_target(struct reading *reading, const char *what, json_int_t index)
{
    return error_set(reading->err, ERR_PROTOCOL,
                     "the handler's answer %s target %lld: docs/handler.md", what,
                     (long long)index);
}

static struct handler_word *word_of(struct reading *reading, json_int_t index)
{
    const struct handler_task *task = reading->task;
    for (uint32_t i = 0; i < task->count; i++)
        if (task->targets[i].index == index)
            return &reading->answer.words[i];
    return NULL;
}

static enum handler_result result_of(struct text label)
{
    for (int result = HANDLER_SAYS_ENDED; result < HANDLER_RESULTS; result++)
        if (text_equal(label, text_of(handler_result_label((enum handler_result)result))))
            return (enum handler_result)result;
    return HANDLER_SAYS_NOTHING;
}

/* The program's words go into journal, events and terminals: printable, and not too many. */
static char *words_kept(struct text message)
{
    AUTO_BUF shown;
    buf_init(&shown, HANDLER_MESSAGE_MAX);
    text_printable(&shown, message); /* what does not fit is cut at a character */
    return shown.length ? mem_text(buf_text(&shown), shown.length) : NULL;
}

static bool has_only(const json_t *object, const char *const *names, const char **ret_other)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (names[i])
            continue;
        *ret_other = key;
        return false;
    }
    return true;
}

static enum error_code read_target(struct reading *reading, const json_t *given)
{
    static const char *const names[] = {"index", "result", "message", NULL};
    const char *other;
    if (!json_is_object(given))
        return wrong(reading, "has something else than objects in", "targets");
    if (!has_only(given, names, &other))
        return wrong(reading, "has an unknown member of a target:", other);
    const json_t *index = json_object_get(given, "index");
    const json_t *message = json_object_get(given, "message");
    if (!json_is_integer(index))
        return wrong(reading, "has a target without a whole number as", "index");
    struct handler_word *word = word_of(reading, json_integer_value(index));
    if (!word)
        return wrong_target(
            reading, "speaks of a target that was not asked for:", json_integer_value(index));
    if (word->result != HANDLER_SAYS_NOTHING)
        return wrong_target(reading, "speaks twice of", json_integer_value(index));
    word->result = result_of(json_text(json_object_get(given, "result")));
    if (word->result == HANDLER_SAYS_NOTHING)
        return wrong_target(reading,
                            "has a result that is none of ended, left, failed, skipped for",
                            json_integer_value(index));
    if (message && !json_is_string(message) && !json_is_null(message))
        return wrong_target(reading, "has a message that is no text for",
                            json_integer_value(index));
    word->message = words_kept(json_text(message));
    return ERR_OK;
}

static enum error_code read_targets(struct reading *reading, const json_t *targets)
{
    if (!json_is_array(targets))
        return wrong(reading, "has no array", "targets");
    for (size_t i = 0; i < json_array_size(targets); i++)
        if (read_target(reading, json_array_get(targets, i)))
            return ERR_PROTOCOL;
    for (uint32_t i = 0; i < reading->answer.count; i++)
        if (reading->answer.words[i].result == HANDLER_SAYS_NOTHING)
            return wrong_target(reading, "says nothing of", reading->task->targets[i].index);
    return ERR_OK;
}

static enum error_code read_root(struct reading *reading, const json_t *root)
{
    static const char *const names[] = {"targets", "standard_processing", NULL};
    const char *other;
    if (!json_is_object(root))
        return error_set(reading->err, ERR_PROTOCOL, "the handler's answer is no JSON object");
    if (!has_only(root, names, &other))
        return wrong(reading, "has an unknown member", other);
    const json_t *standard = json_object_get(root, "standard_processing");
    if (standard && !json_is_boolean(standard))
        return wrong(reading, "has neither true nor false as", "standard_processing");
    reading->answer.standard_processing =
        standard ? json_is_true(standard) : reading->task->mode == HANDLER_BEFORE;
    return read_targets(reading, json_object_get(root, "targets"));
}

enum error_code handler_answer_read(const struct handler_task *task, struct text json,
                                    struct handler_answer *ret, struct error *err)
{
    CHECK(task->mode == HANDLER_INSTEAD || task->mode == HANDLER_BEFORE);
    struct error why;
    json_t *root = json_read(json, &why);
    if (!root)
        return error_set(err, ERR_PROTOCOL, "the handler's answer is %s", why.message);
    struct reading reading = {.task = task, .err = err};
    reading.answer.count = task->count;
    reading.answer.words = mem_alloc(task->count, sizeof reading.answer.words[0]);
    enum error_code code = read_root(&reading, root);
    json_decref(root);
    if (code)
        handler_answer_release(&reading.answer);
    else
        *ret = reading.answer;
    return code;
}
