/* What a client of the HTTP endpoint sends: headers and a body. A request that is taken is one
 * command, the same each time, that a worker reads back as it was; one that is not is refused with
 * words that are JSON in both languages. */
#include "base/limits.h"
#include "command/message.h"
#include "gateway/ask.h"
#include "gateway/connection.h"
#include "gateway/wish.h"
#include "model/json.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_SIZE = 256 };

/* One byte of length, and a header's value: what the server hands on ends at a NUL. */
static const char *take_header(struct text *input, char room[TEXT_SIZE])
{
    struct text value = fuzz_take(input, fuzz_byte(input));
    memcpy(room, value.at, value.length);
    room[value.length] = '\0';
    return room;
}

static void look_at_headers(const char *type, const char *prefer, const char *token)
{
    uint32_t seconds;
    wish_wait(prefer, &seconds);
    struct text found = wish_token(token);
    CHECK(!found.length || (found.at > token && found.at[found.length] == '\0'));
    if (wish_is_json(type))
        CHECK(!strncasecmp(type, "application/json", 16));
}

static void look_at_problem(const struct problem *problem)
{
    for (int language = 0; language < LANGUAGES; language++) {
        struct http_response response;
        struct error err;
        http_response_init(&response);
        problem_write(problem, (enum language)language, &response);
        CHECK(response.status >= 400);
        struct text body = {(const char *)response.body.data, response.body.length};
        CHECK(text_valid(body));
        json_t *json = json_read(body, &err);
        CHECK(json_is_object(json));
        CHECK(json_is_string(json_object_get(json, "detail")));
        json_decref(json);
        buf_release(&response.body);
    }
}

static void look_at_selector(const struct selector *selector)
{
    CHECK(selector->kind == SELECTOR_NUMBERS || selector->kind == SELECTOR_SESSIONS);
    CHECK(selector->count >= 1);
    CHECK(selector->count <= LIMIT_TARGETS);
    if (selector->kind == SELECTOR_NUMBERS)
        CHECK(selector->infobase[0]);
    for (size_t i = 0; i < selector->count; i++)
        if (selector->kind == SELECTOR_NUMBERS)
            CHECK(selector->numbers[i] > 0);
        else
            CHECK(!uuid_is_nil(&selector->sessions[i]));
}

/* Sent, and read by a worker. */
static void look_at_command(const struct command *command, const struct ask_mark *mark)
{
    static const struct message_style style = {MESSAGE_FORM_BINARY_PROTOBUF, "curfew/gateway",
                                               "curfew."};
    struct error err;
    AUTO(outgoing) outgoing = NULL;
    AUTO(command) again = NULL;
    CHECK(command->action == ACTION_TERMINATE);
    CHECK(command->cluster[0]);
    CHECK(ask_is_mark(mark->text));
    CHECK(!strcmp(command->correlation_id, mark->text));
    CHECK(!strncmp(command->requested_by, "fuzz", 4));
    CHECK(!command->requested_at.ms);
    look_at_selector(&command->selector);
    enum error_code code = message_encode(command, &style, &outgoing, &err);
    if (code) {
        fuzz_check_error(&err, code);
        return;
    }
    code = message_decode(&outgoing->messages[0], &again, NULL, &err);
    CHECK(code == ERR_OK);
    struct sha256 sent = command_digest(command);
    struct sha256 read = command_digest(again);
    CHECK(sha256_equal(&sent, &read));
    CHECK(uuid_equal(&command->id, &again->id));
}

static void look_at_request(const struct ask *ask)
{
    struct ask_mark mark[2];
    struct problem problem;
    AUTO(command) first = NULL;
    AUTO(command) second = NULL;
    enum problem_kind kind = ask_read(ask, &first, &mark[0], &problem);
    if (kind) {
        CHECK(problem.kind == kind);
        look_at_problem(&problem);
        return;
    }
    look_at_command(first, &mark[0]);
    kind = ask_read(ask, &second, &mark[1], &problem);
    CHECK(kind == PROBLEM_NONE);
    CHECK(!strcmp(mark[0].text, mark[1].text));
    CHECK(uuid_equal(&first->id, &second->id));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char names[2][TEXT_SIZE] = {"srv1", "сервер-2:1541"};
    char clusters[2][TEXT_SIZE] = {"main", "other"};
    struct config_pair pairs[] = {{.name = names[0], .value = clusters[0]},
                                  {.name = names[1], .value = clusters[1]}};
    const struct config_gateway config = {.servers = {pairs, 2}};
    char type[TEXT_SIZE];
    char prefer[TEXT_SIZE];
    char token[TEXT_SIZE];
    char language[TEXT_SIZE];
    char key[TEXT_SIZE];
    struct text input = {(const char *)bytes, length};
    take_header(&input, type);
    take_header(&input, prefer);
    take_header(&input, token);
    CHECK((unsigned)language_of(take_header(&input, language)) < LANGUAGES);
    look_at_headers(type, prefer, token);
    struct connection_parts parts;
    connection_read(input, &parts);
    struct ask ask = {.config = &config,
                      .asker = "fuzz",
                      .key = wish_key(take_header(&input, key)),
                      .body = input};
    CHECK(ask.key.length <= WISH_KEY_MAX);
    if (ask.key.length)
        look_at_request(&ask);
    return 0;
}
