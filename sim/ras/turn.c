#include "sim/ras/turn.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"

#define ADMIN "v8.service.Admin.Cluster#"
#define HEADLINE                                                                                   \
    "Ошибка операции администрирования\n" /* up to 8.3.2x; 8.5 sends the reason alone */

enum { HEADLINE_UNTIL = 15 };

static const struct {
    const char *name;
    const char *class_name;
    const char *russian;
    const char *english;
} errors[] = {
#define ROW(NAME, name, class_name, russian, english) {name, class_name, russian, english},
#include "sim/ras/error.def"
};

/* ---- whom it is about ---- */

/* Every request about a cluster starts with its UUID. */
const struct uuid *turn_asked_cluster(const struct ras_message *message)
{
    if (message->layout->field_count == 0 || message->layout->fields[0].type != RAS_TYPE_UUID)
        return NULL;
    return message->records;
}

struct turn turn_of(struct sim_conn *conn, struct sim_endpoint *endpoint)
{
    const struct ras_message *message = &conn->request.message;
    const struct uuid *cluster = turn_asked_cluster(message);
    return (struct turn){
        .conn = conn,
        .sim = conn->sim,
        .endpoint = endpoint,
        .row = ras_message_by_request(message->head.type),
        .record = message->records,
        .cluster = cluster ? sim_cluster(conn, cluster) : NULL,
        .now = sim_wall(conn->sim),
        .lie = fault_has(&conn->plan, FAULT_LIE),
    };
}

static const struct uuid *asked_session(const struct ras_message *message)
{
    switch (message->head.type) {
    case RAS_TERMINATE_SESSION:
    case RAS_INTERRUPT_SESSION:
        return &((const struct ras_terminate *)message->records)->session;
    case RAS_GET_SESSION_INFO:
        return &((const struct ras_of_session *)message->records)->session;
    default:
        return NULL;
    }
}

const struct uuid *turn_asked_infobase(const struct ras_message *message)
{
    switch (message->head.type) {
    case RAS_UPDATE_INFOBASE:
        return &((const struct ras_infobase_update *)message->records)->info.uuid;
    case RAS_UPDATE_INFOBASE_SHORT:
        return &((const struct ras_infobase_short_update *)message->records)->info.uuid;
    default:
        break;
    }
    return message->layout == &ras_of_infobase_layout
               ? &((const struct ras_of_infobase *)message->records)->infobase
               : NULL;
}

struct fault_request sim_fault_request(struct sim_conn *conn)
{
    const struct ras_message *message = &conn->request.message;
    struct fault_request request = {
        .op = conn->request.type == RAS_PACKET_CONNECT ? FAULT_OP_CONNECT : FAULT_OP_OPEN};
    struct world_cluster *cluster = conn->listener->only;
    request.port = conn->listener->port;
    if (conn->request.type == RAS_PACKET_MESSAGE) {
        request.op = message->head.type;
        request.cluster = turn_asked_cluster(message);
        request.session = asked_session(message);
        if (request.cluster)
            cluster = sim_cluster(conn, request.cluster);
    }
    if (!cluster)
        return request;
    request.cluster = &cluster->record.uuid;
    request.cluster_name = cluster->record.name;
    const struct world_session *session =
        request.session ? world_session_find(cluster, request.session) : NULL;
    const struct uuid *asked =
        conn->request.type == RAS_PACKET_MESSAGE ? turn_asked_infobase(message) : NULL;
    const struct world_infobase *infobase = asked ? world_infobase_find(cluster, asked) : NULL;
    if (session) {
        infobase = session->infobase;
        request.number = (uint32_t)session->record.session_id;
        request.user = session->record.user_name;
    }
    if (infobase)
        request.infobase_name = infobase->record.name;
    return request;
}

/* ---- exceptions ---- */

/* `%s` stands at most once in these texts. */
static void fill_in(const char *pattern, const char *detail, struct buf *out)
{
    const char *at = strstr(pattern, "%s");
    if (!at) {
        buf_str(out, pattern);
        return;
    }
    buf_add(out, pattern, (size_t)(at - pattern));
    buf_str(out, detail ? detail : "");
    buf_str(out, at + 2);
}

static void put_exception(struct sim_conn *conn, int64_t endpoint, struct text class_name,
                          struct text message)
{
    enum error_code code = ras_exception_encode(endpoint == RAS_NONE ? 0 : endpoint, class_name,
                                                message, &conn->reply, NULL);
    CHECK(code == ERR_OK);
}

void sim_answer_exception(struct sim_conn *conn, int64_t endpoint, struct text name,
                          const char *detail)
{
    AUTO_BUF message = {0};
    buf_init(&message, LIMIT_RAS_STRING_BYTES - 1);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (!text_equal(name, text_of(errors[i].name)))
            continue;
        bool english = conn->sim->options.english;
        fill_in(english ? errors[i].english : errors[i].russian, detail, &message);
        put_exception(conn, endpoint, text_of(errors[i].class_name), text_of(buf_text(&message)));
        return;
    }
    put_exception(conn, endpoint, name, TEXT("Ошибка по заказу"));
}

void turn_refuse(struct turn *turn, const char *name, const char *detail)
{
    sim_answer_exception(turn->conn, turn->endpoint->id, text_of(name), detail);
}

void turn_refuse_credentials(struct turn *turn, const char *name)
{
    AUTO_BUF message = {0};
    bool agent = strcmp(name, "Failure") != 0;
    buf_init(&message, 1024);
    if (turn->sim->options.english || turn->endpoint->version > HEADLINE_UNTIL) {
        turn_refuse(turn, name, NULL);
        return;
    }
    buf_str(&message, HEADLINE);
    buf_str(&message, agent ? "Администратор центрального сервера не аутентифицирован"
                            : "Администратор кластера не аутентифицирован");
    put_exception(turn->conn, turn->endpoint->id, TEXT(ADMIN "Failure"),
                  text_of(buf_text(&message)));
}

/* ---- plain answers ---- */

void turn_reply(struct turn *turn, const void *records, size_t count)
{
    const struct fault_plan *plan = &turn->conn->plan;
    if (turn->row->shape == RAS_SHAPE_LIST) {
        if (fault_has(plan, FAULT_PARTIAL) && (size_t)plan->partial < count)
            count = (size_t)plan->partial;
        if (fault_has(plan, FAULT_EMPTY))
            count = 0;
    }
    enum error_code code =
        ras_answer_encode(turn->endpoint->id, turn->endpoint->version, turn->row->number, records,
                          (uint32_t)count, &turn->conn->reply, NULL);
    if (code) /* above 64 MiB: a real server has some limit too */
        turn_refuse(turn, "Generic", NULL);
}

void turn_reply_void(struct turn *turn)
{
    turn_reply(turn, NULL, 0);
}

/* ---- who may ---- */

const struct sim_credentials *turn_credentials(const struct sim_credentials *list,
                                               const struct uuid *cluster)
{
    for (; list; list = list->next)
        if (uuid_equal(&list->cluster, cluster))
            return list;
    return NULL;
}

bool turn_may(struct turn *turn)
{
    bool agent = turn->row->needs == RAS_NEEDS_AGENT;
    if (turn->row->needs == RAS_NEEDS_NOBODY || (agent && turn->endpoint->agent))
        return true;
    enum ras_violation missing = RAS_VIOLATION_COUNT;
    if (agent)
        missing = RAS_VIOLATION_AGENT_AUTHENTICATION;
    else if (!turn_credentials(turn->endpoint->clusters, &turn->cluster->record.uuid))
        missing = RAS_VIOLATION_CLUSTER_AUTHENTICATION;
    else if (turn->row->needs == RAS_NEEDS_INFOBASE &&
             !turn_credentials(turn->endpoint->infobases, &turn->cluster->record.uuid))
        missing = RAS_VIOLATION_INFOBASE_AUTHENTICATION;
    if (missing == RAS_VIOLATION_COUNT)
        return true;
    sim_violation(turn->conn, missing, "message %u (%s)", turn->row->number, turn->row->label);
    return false;
}

bool turn_may_use(struct turn *turn, const struct world_infobase *infobase)
{
    if (infobase->user.length == 0)
        return true;
    const struct sim_credentials *tried = turn->endpoint->infobases;
    for (; tried; tried = tried->next)
        if (uuid_equal(&tried->cluster, &turn->cluster->record.uuid) &&
            text_equal(tried->user, infobase->user) &&
            text_equal(tried->password, infobase->user_password))
            return true;
    return false;
}

void turn_refuse_rights(struct turn *turn, const struct world_infobase *infobase)
{
    char name[LIMIT_NAME_BYTES];
    snprintf(name, sizeof name, "%.*s", TEXT_ARGS(infobase->record.name));
    turn_refuse(turn, "Rights", name);
}

/* ---- unknown UUIDs ---- */

static struct uuid swapped(const struct uuid *uuid)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    struct uuid ret;
    for (size_t i = 0; i < sizeof order; i++)
        ret.bytes[i] = uuid->bytes[order[i]];
    return ret;
}

static struct uuid reversed(const struct uuid *uuid)
{
    struct uuid ret;
    for (size_t i = 0; i < sizeof ret.bytes; i++)
        ret.bytes[i] = uuid->bytes[sizeof ret.bytes - 1 - i];
    return ret;
}

void turn_unknown(struct turn *turn, const struct uuid *uuid, const char *name)
{
    struct uuid other = swapped(uuid), back = reversed(uuid);
    if (!world_knows(turn->sim->world, uuid) && !uuid_is_nil(uuid) &&
        (world_knows(turn->sim->world, &other) || world_knows(turn->sim->world, &back)))
        sim_violation(turn->conn, RAS_VIOLATION_UUID_ORDER, "%s", uuid_format(uuid).text);
    turn_refuse(turn, name, uuid_format(uuid).text);
}

struct world_infobase *turn_infobase(struct turn *turn, const struct uuid *uuid)
{
    struct world_infobase *infobase = world_infobase_find(turn->cluster, uuid);
    if (!infobase)
        turn_unknown(turn, uuid, "InfoBaseNotFound");
    return infobase;
}
