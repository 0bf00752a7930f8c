/* One call: what it needs is authenticated, then it is asked, then its answer is judged
 * (docs/ras-protocol.md 5, 6). */
#include "cluster/ras/conn_call.h"

#include <string.h>

#include "base/check.h"
#include "cluster/ras/conn_bytes.h"

/* The next step of the call under way: message 9, message 10, or the request itself. */
static void advance(struct ras_conn *conn);

static bool *login_slot(struct ras_conn *conn)
{
    size_t index =
        conn->call.login == RAS_LOGIN_NONE ? conn->config.infobase_count : conn->call.login;
    CHECK(index <= conn->config.infobase_count);
    return &conn->login_added[index];
}

static void send_login(struct ras_conn *conn, enum ras_request number,
                       const struct ras_login *login)
{
    struct ras_cluster_credentials record = {
        .cluster = conn->call.cluster,
        .user = login && login->user ? text_of(login->user) : (struct text){NULL, 0},
        .password = login ? secret_reveal(login->password) : (struct text){NULL, 0},
    };
    struct error err;
    enum error_code code =
        ras_request_encode(conn->endpoint, conn->version, number, &record, &conn->auth, &err);
    if (code)
        conn_finish(conn, code, "%s", err.message);
    else
        conn_write(conn, conn->auth.data, conn->auth.length);
    conn->logged_in = true;
    ras_wipe(&conn->auth);
}

static void ask(struct ras_conn *conn)
{
    conn->state = CONN_ASKED;
    conn->started = clock_now(&conn->config.clock);
    if (conn->row->changes && instant_passed(conn->started, conn->call.send_by)) {
        conn_finish(conn, ERR_STALE, "the time to send '%s' is over, nothing was sent",
                    conn->row->label);
        return;
    }
    if (conn->row->changes && conn->call.allowed && !conn->call.allowed(conn->call.tag)) {
        conn_finish(conn, ERR_STALE, "'%s' is not allowed any more, nothing was sent",
                    conn->row->label);
        return;
    }
    conn->sent = conn_write(conn, conn->request.data, conn->request.length) > 0;
    ras_wipe(&conn->request);
}

static void advance(struct ras_conn *conn)
{
    enum ras_needs needs = conn->row->needs;
    bool same = conn->cluster_accepted && uuid_equal(&conn->cluster, &conn->call.cluster);
    if ((needs == RAS_NEEDS_CLUSTER || needs == RAS_NEEDS_INFOBASE) && !same) {
        conn->cluster_accepted = false;
        memset(conn->login_added, 0, conn->config.infobase_count + 1);
        conn->state = CONN_AUTH_CLUSTER;
        send_login(conn, RAS_AUTHENTICATE_CLUSTER, &conn->config.cluster);
    } else if (needs == RAS_NEEDS_INFOBASE && !*login_slot(conn)) {
        conn->state = CONN_AUTH_INFOBASE;
        bool none = conn->call.login == RAS_LOGIN_NONE;
        send_login(conn, RAS_ADD_AUTHENTICATION,
                   none ? NULL : &conn->config.infobases[conn->call.login]);
    } else {
        ask(conn);
    }
}

void ras_conn_call(struct ras_conn *conn, const struct ras_call *call)
{
    CHECK(conn->state == CONN_IDLE);
    conn->row = ras_message_by_request((uint8_t)call->number);
    CHECK(conn->row);
    conn->call = *call;
    conn->call.record = NULL;
    conn->sent = conn->heard = conn->timed_out = conn->logged_in = false;
    conn->remote_class[0] = '\0';
    conn->state = CONN_AUTH_CLUSTER; /* busy */
    ras_wipe(&conn->request);
    if (conn->row->secret)
        buf_room(&conn->request, RAS_REQUEST_BYTES); /* at once: what a buffer outgrew stays */
    struct error err;
    enum error_code code = ras_request_encode(conn->endpoint, conn->version, call->number,
                                              call->record, &conn->request, &err);
    conn_await(conn, call->deadline);
    if (code)
        conn_finish(conn, code, "%s", err.message);
    else if (instant_passed(clock_now(&conn->config.clock), call->deadline))
        conn_finish(conn, ERR_UNAVAILABLE, "the time for '%s' is over", conn->row->label);
    else if (!conn->noted) /* it may have died idle in this very turn */
        advance(conn);
}

static void answer(struct ras_conn *conn, struct ras_answer *answer)
{
    answer->sent = conn->sent;
    answer->version = conn->version;
    answer->started = conn->started;
    answer->finished = clock_now(&conn->config.clock);
    memcpy(answer->remote_class, conn->remote_class, sizeof answer->remote_class);
    ras_wipe(&conn->request);
    conn->owner.answered(conn->owner.self, answer);
}

void conn_call_noted(struct ras_conn *conn)
{
    struct ras_answer told = {
        .code = conn->noted_code,
        .error = conn->noted_error,
        .lost = conn->noted_lost,
        .silent = !conn->heard,
        .timed_out = conn->timed_out,
    };
    conn->noted = false;
    if (told.lost && conn->sent && conn->row->changes) {
        told.code = told.error.code = ERR_IN_DOUBT;
        error_wrap(&told.error, "'%s' went out without an answer", conn->row->label);
    }
    if (!told.lost)
        conn->state = CONN_IDLE;
    answer(conn, &told);
}

/* The rights may have been lost on the other side (a restarted agent): the next call shows them
 * again. */
static void forget_logins(struct ras_conn *conn)
{
    conn->cluster_accepted = false;
    memset(conn->login_added, 0, conn->config.infobase_count + 1);
}

static void exception_came(struct ras_conn *conn, const struct ras_exception *exception)
{
    enum ras_request asked = conn->state == CONN_AUTH_CLUSTER    ? RAS_AUTHENTICATE_CLUSTER
                             : conn->state == CONN_AUTH_INFOBASE ? RAS_ADD_AUTHENTICATION
                                                                 : conn->call.number;
    const struct ras_message_row *row = ras_message_by_request((uint8_t)asked);
    struct ras_answer refused = {.code = ras_exception_error(exception, row, &refused.error)};
    error_wrap(&refused.error, "RAS '%s:%u'", conn->config.host, conn->config.port);
    ras_class_copy(exception->class_name, conn->remote_class);
    /* The rights held before: the next question of this kind shows them again. An end that is
     * refused stays refused; a list before it would have found out. */
    if (refused.code == ERR_AUTH && !conn->logged_in && !conn->row->changes)
        refused.code = refused.error.code = ERR_REFUSED;
    if (conn->state != CONN_ASKED || refused.code == ERR_AUTH || refused.code == ERR_REFUSED)
        forget_logins(conn);
    conn->state = CONN_IDLE; /* the endpoint stays usable after an exception (5.3 there) */
    uv_timer_stop(&conn->timer);
    answer(conn, &refused);
}

/* Void in answer to message 9 or 10. */
static void accepted(struct ras_conn *conn)
{
    if (conn->state == CONN_AUTH_CLUSTER) {
        conn->cluster = conn->call.cluster;
        conn->cluster_accepted = true;
    } else {
        *login_slot(conn) = true;
    }
    advance(conn);
}

static bool fits(const struct ras_conn *conn, const struct ras_message *message)
{
    bool is_void = message->head.kind == RAS_KIND_VOID;
    if (conn->state != CONN_ASKED || conn->row->shape == RAS_SHAPE_VOID)
        return is_void;
    return !is_void && message->head.type == conn->row->number + 1;
}

void conn_call_packet(struct ras_conn *conn, const struct ras_packet_value *value)
{
    const struct ras_message *message = &value->message;
    if (value->type == RAS_PACKET_FAILURE) {
        struct error err;
        (void)ras_exception_error(&value->failure.exception, conn->row, &err);
        ras_class_copy(value->failure.exception.class_name, conn->remote_class);
        conn_fail(conn, ERR_UNAVAILABLE, "the endpoint failed: %s", err.message);
    } else if (value->type != RAS_PACKET_MESSAGE) {
        conn_fail(conn, ERR_PROTOCOL, "packet type %u in answer to '%s'", value->type,
                  conn->row->label);
    } else if (message->head.endpoint != conn->endpoint) {
        conn_fail(conn, ERR_PROTOCOL, "an answer of endpoint %lld, ours is %lld",
                  (long long)message->head.endpoint, (long long)conn->endpoint);
    } else if (message->head.kind == RAS_KIND_EXCEPTION) {
        exception_came(conn, &message->exception);
    } else if (!fits(conn, message)) {
        conn_fail(conn, ERR_PROTOCOL, "kind %u, message %u in answer to '%s'", message->head.kind,
                  message->head.type, conn->row->label);
    } else if (conn->state != CONN_ASKED) {
        accepted(conn);
    } else {
        conn->state = CONN_IDLE;
        uv_timer_stop(&conn->timer);
        struct ras_answer good = {.code = ERR_OK, .message = message};
        answer(conn, &good);
    }
}
