/* POST /v1/terminations and GET /v1/terminations/{id}.
 *
 * A POST is answered when Kafka has its command, or, when it prefers to wait, when the event of the
 * end came. A repeat with the same Idempotency-Key joins what is under way or gets the same end;
 * with another body it is refused, also when only the worker still knew (book.c, BOOK_OTHER). */
#include "gateway/api.h"

#include <inttypes.h>
#include <strings.h>

#include "gateway/answer.h"
#include "gateway/ask.h"
#include "gateway/done.h"
#include "gateway/ready.h"
#include "gateway/send.h"
#include "gateway/waiting.h"
#include "gateway/wish.h"

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
    done_note(call->gateway, &done);
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
    done_note(call->gateway, &done);
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

/* ---- POST ---- */

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
    waiting_add(gateway, waiter, call->begun);
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
               ? send_once(call.gateway, command, &mark, &entry)
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
