/* POST /v1/terminations and GET /v1/terminations/{id}.
 *
 * A POST is answered when Kafka has its command, or, when it prefers to wait, when the event of the
 * end came. A repeat with the same Idempotency-Key joins what is under way or gets the same end;
 * with another body it is refused, also when only the worker still knew (book.c, BOOK_OTHER). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/log.h"
#include "command/message.h"
#include "gateway/answer.h"
#include "gateway/ask.h"
#include "gateway/internal.h"
#include "gateway/wish.h"

/* ---- one line per request ---- */

struct done {
    const char *method;
    const char *asker; /* "-": none */
    const char *code;  /* of a problem, or the state */
    const struct uuid *id;
    struct instant begun;
    int status;
    bool quiet; /* one of very many */
};

static void note_done(struct gateway *gateway, const struct done *done)
{
    char status[16];
    struct instant now = clock_now(&gateway->clock);
    snprintf(status, sizeof status, "%d", done->status);
    metrics_add(gateway->metrics, METRIC_gateway_requests_total, LABELS(done->method, status), 1);
    log_line(
        done->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "request", LOG_TEXT("method", done->method),
        log_number("status", done->status), LOG_TEXT("result", done->code),
        LOG_TEXT("id", done->id ? uuid_format(done->id).text : "-"), LOG_TEXT("token", done->asker),
        log_number("duration_ms", instant_ms_between(done->begun, now)));
}

/* ---- the request at hand ---- */

struct call {
    struct gateway *gateway;
    const struct http_request *request;
    struct http_response *response;
    const char *method;
    struct asker *asker;
    enum language language;
    struct instant begun;
    bool quiet;
};

static struct call call_of(struct gateway *gateway, const char *method,
                           const struct http_request *request, struct http_response *response)
{
    return (struct call){.gateway = gateway,
                         .request = request,
                         .response = response,
                         .method = method,
                         .language = language_of(http_header(request, "Accept-Language")),
                         .begun = clock_now(&gateway->clock)};
}

static void refuse(const struct call *call, const struct problem *problem)
{
    problem_write(problem, call->language, call->response);
    struct done done = {.method = call->method,
                        .asker = call->asker ? call->asker->name : "-",
                        .code = problem_label(problem->kind),
                        .id = uuid_is_nil(&problem->command) ? NULL : &problem->command,
                        .begun = call->begun,
                        .status = call->response->status,
                        .quiet = call->quiet};
    note_done(call->gateway, &done);
}

static void refuse_as(const struct call *call, enum problem_kind kind, const char *about)
{
    struct problem problem;
    problem_set(&problem, kind, "%s", about);
    refuse(call, &problem);
}

static void give_state(const struct call *call, const struct book_entry *entry, int status)
{
    answer_write(entry, call->language, status, call->response);
    struct done done = {.method = call->method,
                        .asker = call->asker->name,
                        .code = answer_state(entry),
                        .id = &entry->id,
                        .begun = call->begun,
                        .status = status};
    note_done(call->gateway, &done);
}

static void refuse_rate(const struct call *call, enum problem_kind kind, uint32_t per_minute,
                        uint32_t retry_s)
{
    struct problem problem;
    problem_set(&problem, kind, "%" PRIu32, per_minute);
    problem.retry_s = retry_s;
    refuse(call, &problem);
}

static void find_asker(struct call *call)
{
    const char *header = http_single_header(call->request, "Authorization");
    call->asker = access_find(call->gateway->access, wish_token(header));
}

/* Whoever shows no valid token is counted by his address, and after too many the log has heard
 * enough of him. */
static bool count_stranger(struct call *call, uint32_t *ret_s)
{
    struct gateway *gateway = call->gateway;
    struct http_peer peer = http_peer(call->request);
    uint32_t most = gateway->config->gateway.failed_per_minute;
    call->quiet = !strangers_count(gateway->strangers, &peer, most, call->begun, ret_s);
    return !call->quiet;
}

static bool let_in(struct call *call)
{
    uint32_t retry_s = 0;
    find_asker(call);
    if (call->asker)
        return true;
    if (count_stranger(call, &retry_s))
        refuse_as(call, PROBLEM_UNAUTHORIZED, "");
    else
        refuse_rate(call, PROBLEM_FAILED_RATE, 0, retry_s);
    return false;
}

static bool count(const struct call *call, enum access_kind kind)
{
    uint32_t retry_s;
    if (access_count(call->asker, kind, call->begun, &retry_s))
        return true;
    refuse_rate(call, kind == ACCESS_READ ? PROBLEM_READ_RATE : PROBLEM_RATE,
                access_per_minute(call->asker, kind), retry_s);
    return false;
}

void api_refuse(void *self, const struct http_request *request, struct http_response *response)
{
    enum problem_kind kind = response->status == 400   ? PROBLEM_FRAMING
                             : response->status == 405 ? PROBLEM_METHOD_NOT_ALLOWED
                             : response->status == 413 ? PROBLEM_TOO_LARGE
                                                       : PROBLEM_NO_SUCH_PATH;
    struct call call = call_of(self, "-", request, response);
    uint32_t retry_s;
    find_asker(&call);
    if (!call.asker)
        count_stranger(&call, &retry_s);
    refuse_as(&call, kind, "");
}

/* ---- GET ---- */

static void on_get(void *self, const struct http_request *request, struct http_response *response)
{
    struct call call = call_of(self, "GET", request, response);
    struct uuid id;
    if (!let_in(&call) || !count(&call, ACCESS_READ))
        return;
    struct text rest = text_of(request->rest);
    struct book_entry *entry =
        uuid_read(rest, &id, NULL) ? NULL : book_find(call.gateway->book, &id);
    /* Whoever may not ask about the cluster learns nothing, not even that there is such a command.
     */
    if (!entry || !access_allows(call.asker, text_of(entry->cluster))) {
        AUTO_BUF about;
        buf_init(&about, ERROR_MESSAGE_MAX);
        text_printable(&about, rest.length > UUID_TEXT_SIZE ? TEXT("?") : rest);
        refuse_as(&call, PROBLEM_UNKNOWN_TERMINATION, buf_text(&about));
        return;
    }
    give_state(&call, entry, 200);
}

/* ---- waiting ---- */

static void let_go(struct gateway *gateway, struct waiter *waiter, struct http_response *response,
                   const char *code)
{
    struct done done = {.method = "POST",
                        .asker = waiter->asker->name,
                        .code = code,
                        .id = &waiter->entry->id,
                        .begun = waiter->begun,
                        .status = response->status};
    if (waiter->prefers) {
        char applied[32];
        snprintf(applied, sizeof applied, "wait=%" PRIu32, waiter->wait_s);
        http_response_header(response, "Preference-Applied", applied);
    }
    note_done(gateway, &done);
    http_answer(waiter->waiting, response);
    access_release(gateway->access, waiter->asker);
    TAILQ_REMOVE(&waiter->entry->waiters, waiter, of_entry);
    TAILQ_REMOVE(&gateway->waiting, waiter, of_gateway);
    free(waiter);
}

static void tell_problem(struct gateway *gateway, struct waiter *waiter, enum problem_kind kind,
                         const char *about)
{
    struct http_response response;
    struct problem problem;
    http_response_init(&response);
    problem_set(&problem, kind, "%s", about);
    problem.command = waiter->entry->id;
    problem_write(&problem, waiter->language, &response);
    let_go(gateway, waiter, &response, problem_label(kind));
}

/* The end if it is known, else where to look for it. */
static void tell_state(struct gateway *gateway, struct waiter *waiter)
{
    const struct book_entry *entry = waiter->entry;
    struct http_response response;
    if (entry->outcome == COMMAND_REJECTED) {
        tell_problem(gateway, waiter, problem_of_refusal(entry->reason.code),
                     entry->reason.message);
        return;
    }
    http_response_init(&response);
    answer_write(entry, waiter->language, entry->outcome == COMMAND_NONE ? 202 : 200, &response);
    let_go(gateway, waiter, &response, answer_state(entry));
}

static bool is_done(const struct waiter *waiter, struct instant now)
{
    const struct book_entry *entry = waiter->entry;
    return entry->outcome != COMMAND_NONE ||
           (!entry->sending && instant_passed(now, waiter->until));
}

static void tell_all(struct gateway *gateway, struct book_entry *entry)
{
    struct instant now = clock_now(&gateway->clock);
    struct waiter *waiter = TAILQ_FIRST(&entry->waiters);
    while (waiter) {
        struct waiter *next = TAILQ_NEXT(waiter, of_entry);
        if (is_done(waiter, now))
            tell_state(gateway, waiter);
        waiter = next;
    }
}

static void fail_all(struct gateway *gateway, struct book_entry *entry, enum problem_kind kind)
{
    while (!TAILQ_EMPTY(&entry->waiters))
        tell_problem(gateway, TAILQ_FIRST(&entry->waiters), kind, "");
}

void api_news(struct gateway *gateway, struct book_entry *entry, enum book_news news)
{
    if (news == BOOK_OTHER)
        fail_all(gateway, entry, PROBLEM_KEY_REUSED);
    else if (news == BOOK_ENDED)
        tell_all(gateway, entry);
}

void api_expire(struct gateway *gateway, struct instant now)
{
    struct waiter *waiter = TAILQ_FIRST(&gateway->waiting);
    while (waiter) {
        struct waiter *next = TAILQ_NEXT(waiter, of_gateway);
        bool stopping = gateway->phase != GATEWAY_RUNNING;
        if (is_done(waiter, now) || (stopping && !waiter->entry->sending))
            tell_state(gateway, waiter);
        else if (stopping && instant_passed(now, gateway->stop_by))
            tell_problem(gateway, waiter, PROBLEM_UNCERTAIN, "");
        waiter = next;
    }
}

struct instant api_next(const struct gateway *gateway)
{
    const struct waiter *waiter;
    struct instant next = INSTANT_NEVER;
    TAILQ_FOREACH(waiter, &gateway->waiting, of_gateway)
    if (!waiter->entry->sending) /* else Kafka's receipt wakes it */
        next = instant_min(next, waiter->until);
    return next;
}

/* ---- POST ---- */

static enum problem_kind send_command(struct gateway *gateway, const struct command *command,
                                      const struct book_entry *entry)
{
    static const struct message_style style = {MESSAGE_FORM_BINARY_PROTOBUF, "curfew/gateway",
                                               "curfew."};
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    struct error err;
    AUTO(outgoing) outgoing = NULL;
    if (message_encode(command, &style, &outgoing, &err))
        return PROBLEM_TOO_MANY;
    CHECK(outgoing->count == 1);
    const struct message *message = &outgoing->messages[0];
    CHECK(message->header_count <= KAFKA_HEADERS_MAX);
    for (size_t i = 0; i < message->header_count; i++)
        headers[i] =
            (struct kafka_header){message->headers[i].name, message->headers[i].value, false};
    struct kafka_outgoing record = {.topic = gateway->config->topics.commands,
                                    .partition = KAFKA_ANY_PARTITION,
                                    .has_key = true,
                                    .key = message->key,
                                    .value = message->value,
                                    .headers = headers,
                                    .header_count = message->header_count};
    /* The tag of the receipt: an entry that is being sent is never dropped. */
    if (!kafka_producer_send(gateway->producer, &record, (uint64_t)(uintptr_t)entry, &err))
        return PROBLEM_NONE;
    log_line(LOG_LEVEL_WARNING, "the command could not be handed to Kafka",
             LOG_TEXT("reason", err.message));
    return PROBLEM_NOT_WRITTEN;
}

void api_receipt(struct gateway *gateway, const struct kafka_receipt *receipt)
{
    struct book_entry *entry = (struct book_entry *)(uintptr_t)receipt->tag;
    CHECK(entry->sending > 0);
    entry->sending--;
    if (receipt->delivery == KAFKA_PERSISTED) {
        entry->sent = true;
        tell_all(gateway, entry); /* those who did not want to wait */
        return;
    }
    entry->uncertain |= receipt->delivery != KAFKA_NOT_PERSISTED;
    /* An earlier copy of the same words may stand there all the same. */
    bool surely_not = !entry->uncertain && !entry->accepted_at.ms;
    log_line(LOG_LEVEL_WARNING, "Kafka did not acknowledge the command",
             LOG_TEXT("id", uuid_format(&entry->id).text), LOG_TEXT("reason", receipt->reason));
    fail_all(gateway, entry, surely_not ? PROBLEM_NOT_WRITTEN : PROBLEM_UNCERTAIN);
    if (surely_not && !entry->sending && !entry->sent && !entry->accepted_at.ms &&
        entry->outcome == COMMAND_NONE)
        book_drop(gateway->book, entry);
}

/* Makes the command known and sends it, unless that was done before. */
static enum problem_kind enter(struct call *call, const struct command *command,
                               const struct ask_mark *mark, struct book_entry **ret)
{
    struct book_entry *entry = book_find(call->gateway->book, &command->id);
    if (entry && entry->mark.text[0] && strcmp(entry->mark.text, mark->text) != 0)
        return PROBLEM_KEY_REUSED;
    if (entry && entry->mark.text[0] &&
        (entry->sending || entry->sent || entry->accepted_at.ms ||
         entry->outcome != COMMAND_NONE)) {
        *ret = entry;
        return PROBLEM_NONE;
    }
    bool is_new = !entry;
    entry = book_add(call->gateway->book, &command->id);
    enum problem_kind kind = send_command(call->gateway, command, entry);
    if (kind && is_new)
        book_drop(call->gateway->book, entry);
    if (kind)
        return kind;
    *ret = entry;
    entry->mark = *mark;
    entry->sending++;
    entry->sent = false;
    entry->asked = (uint32_t)command->selector.count;
    book_set_text(entry, &entry->cluster, command->cluster);
    book_set_text(entry, &entry->requested_by, command->requested_by);
    return PROBLEM_NONE;
}

static void wait_for(const struct call *call, struct book_entry *entry)
{
    struct gateway *gateway = call->gateway;
    uint32_t most_s = access_may_wait(call->asker, gateway->connections)
                          ? (uint32_t)(gateway->config->gateway.wait_max_ms / 1000)
                          : 0;
    uint32_t wait_s = 0;
    AUTO_BUF prefer;
    buf_init(&prefer, HTTP_MEMORY_MAX);
    http_list_header(call->request, "Prefer", &prefer);
    struct waiter *waiter = mem_new(struct waiter);
    waiter->prefers = wish_wait(buf_text(&prefer), &wait_s);
    waiter->wait_s = wait_s < most_s ? wait_s : most_s;
    waiter->until = instant_add_ms(call->begun, (int64_t)waiter->wait_s * 1000);
    waiter->entry = entry;
    waiter->waiting = http_wait(call->request);
    waiter->language = call->language;
    waiter->begun = call->begun;
    waiter->asker = call->asker;
    access_hold(call->asker);
    TAILQ_INSERT_TAIL(&entry->waiters, waiter, of_entry);
    TAILQ_INSERT_TAIL(&gateway->waiting, waiter, of_gateway);
    if (is_done(waiter, call->begun))
        tell_state(gateway, waiter);
    else
        kafka_hub_again(gateway->hub); /* the next pass sets the timer */
}

/* What is wrong with the headers; PROBLEM_NONE and the key. */
static enum problem_kind check_headers(const struct call *call, struct text *ret_key)
{
    const char *key = http_single_header(call->request, "Idempotency-Key");
    const char *coding = http_single_header(call->request, "Content-Encoding");
    if (!gateway_is_ready(call->gateway))
        return PROBLEM_NOT_READY;
    if (!wish_is_json(http_single_header(call->request, "Content-Type")) ||
        (coding && strcasecmp(coding, "identity") != 0))
        return PROBLEM_NOT_JSON;
    if (!key)
        return PROBLEM_KEY_MISSING;
    *ret_key = wish_key(key);
    return ret_key->length ? PROBLEM_NONE : PROBLEM_KEY_INVALID;
}

static void refuse_command(const struct call *call, enum problem_kind kind,
                           const struct command *command)
{
    struct problem problem;
    problem_set(&problem, kind, "%s", command->cluster);
    problem.command = kind == PROBLEM_KEY_REUSED ? command->id : (struct uuid){{0}};
    refuse(call, &problem);
}

static void on_post(void *self, const struct http_request *request, struct http_response *response)
{
    struct call call = call_of(self, "POST", request, response);
    struct problem problem;
    struct ask_mark mark;
    struct book_entry *entry = NULL;
    AUTO(command) command = NULL;
    if (!let_in(&call))
        return;
    struct ask ask = {
        .config = &call.gateway->config->gateway, .asker = call.asker->name, .body = request->body};
    enum problem_kind kind = check_headers(&call, &ask.key);
    if (kind) {
        refuse_as(&call, kind, "");
        return;
    }
    if (!count(&call, ACCESS_TERMINATION)) /* also what is no good: reading it costs as much */
        return;
    if (ask_read(&ask, &command, &mark, &problem)) {
        refuse(&call, &problem);
        return;
    }
    kind = access_allows(call.asker, text_of(command->cluster))
               ? enter(&call, command, &mark, &entry)
               : PROBLEM_FORBIDDEN_CLUSTER;
    if (kind)
        refuse_command(&call, kind, command);
    else
        wait_for(&call, entry);
}

void api_routes(struct gateway *gateway, struct http_route ret[API_ROUTES])
{
    ret[0] = (struct http_route){.path = "/v1/terminations",
                                 .summary = "POST: ask for the end of sessions",
                                 .handle = on_post,
                                 .self = gateway,
                                 .body_bytes = ASK_BODY_MAX};
    ret[1] = (struct http_route){.path = "/v1/terminations/",
                                 .summary = "{id}: how a termination stands",
                                 .handle = on_get,
                                 .self = gateway,
                                 .prefix = true};
}
