/* From a connected socket to an open endpoint (docs/ras-protocol.md 2.3, 4). */
#include "cluster/ras/conn_open.h"

#include <string.h>

#include "base/check.h"
#include "cluster/ras/conn_bytes.h"

enum { CONNECT_TIMEOUT_MS = 2000 }; /* what rac sends; its effect on the server is not known */
enum { LIST_BYTES = 160 };

static void open_version(struct ras_conn *conn, unsigned version)
{
    struct ras_version_text text = ras_version_format(version);
    struct ras_packet_value value = {
        .type = RAS_PACKET_OPEN,
        .open = {.service = TEXT(RAS_SERVICE),
                 .version = text_of(text.text),
                 .params = {true, 0, NULL}},
    };
    AUTO_BUF out;
    buf_init(&out, 256);
    CHECK(ras_packet_encode(&value, version, &out, NULL) == ERR_OK);
    conn->version = version;
    conn->tried |= 1u << version;
    conn->state = CONN_OPENING;
    conn_write(conn, out.data, out.length);
}

void conn_greet(struct ras_conn *conn)
{
    struct ras_param timeout = {
        .name = TEXT("connect.timeout"), .type = RAS_PARAM_INT, .number = CONNECT_TIMEOUT_MS};
    struct ras_packet_value value = {.type = RAS_PACKET_CONNECT,
                                     .connect = {.count = 1, .items = &timeout}};
    AUTO_BUF out;
    buf_init(&out, 256);
    buf_add(&out, ras_negotiate, RAS_NEGOTIATE_BYTES);
    CHECK(ras_packet_encode(&value, 0, &out, NULL) == ERR_OK);
    conn->state = CONN_GREETING;
    conn_await(conn, conn->deadline);
    conn_write(conn, out.data, out.length);
}

static void add_version(struct buf *list, unsigned version)
{
    buf_format(list, "%s%s", list->length ? ", " : "", ras_version_format(version).text);
}

/* The highest version of RAS's list that Curfew knows and has not asked for; 0: none. Numbers, in
 * any order; `list` gets them as text. */
static unsigned pick(const struct ras_conn *conn, const uint8_t *supported, size_t count,
                     struct buf *list)
{
    unsigned best = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned version = supported[i];
        add_version(list, version);
        if (ras_version_known(version) && !(conn->tried & 1u << version) && version > best)
            best = version;
    }
    return best;
}

/* RAS named no versions: ours below the refused one, newest first. */
static unsigned next_lower(const struct ras_conn *conn)
{
    for (size_t i = 0; ras_versions[i]; i++)
        if (ras_versions[i] < conn->version && !(conn->tried & 1u << ras_versions[i]))
            return ras_versions[i];
    return 0;
}

static void refused(struct ras_conn *conn, const struct ras_exception *exception)
{
    uint8_t supported[32];
    size_t count = ras_supported_versions(exception, supported, sizeof supported);
    AUTO_BUF theirs;
    AUTO_BUF ours;
    buf_init(&theirs, LIST_BYTES);
    buf_init(&ours, LIST_BYTES);
    unsigned version = count ? pick(conn, supported, count, &theirs) : next_lower(conn);
    if (version) {
        open_version(conn, version); /* a refusal leaves the connection open (4.2 there) */
        return;
    }
    for (size_t i = 0; ras_versions[i]; i++)
        add_version(&ours, ras_versions[i]);
    struct error err;
    (void)ras_exception_error(exception, NULL, &err);
    conn_fail(conn, ERR_UNSUPPORTED,
              "no common version of the service: RAS names %s, this worker speaks %s (%s)",
              count ? buf_text(&theirs) : "none", buf_text(&ours), err.message);
}

static void opened(struct ras_conn *conn, const struct ras_packet_value *value)
{
    unsigned version;
    if (!text_equal(value->open.service, TEXT(RAS_SERVICE)) ||
        ras_version_read(value->open.version, &version, NULL)) {
        conn_fail(conn, ERR_PROTOCOL, "RAS opened something else than the service asked for");
        return;
    }
    if (!ras_version_known(version)) {
        conn_fail(conn, ERR_UNSUPPORTED, "RAS opened version %u.0, whose records are not known",
                  version);
        return;
    }
    conn->version = version; /* the server's word rules the layout of every record */
    conn->endpoint = value->open.endpoint;
    conn->state = CONN_IDLE;
    uv_timer_stop(&conn->timer);
    conn->owner.opened(conn->owner.self, ERR_OK, NULL);
}

void conn_opening_packet(struct ras_conn *conn, const struct ras_packet_value *value)
{
    if (conn->state == CONN_GREETING && value->type == RAS_PACKET_CONNECT_ACK)
        open_version(conn, conn->config.version_first);
    else if (conn->state == CONN_OPENING && value->type == RAS_PACKET_OPEN_ACK)
        opened(conn, value);
    else if (conn->state == CONN_OPENING && value->type == RAS_PACKET_FAILURE)
        refused(conn, &value->failure.exception);
    else
        conn_fail(conn, ERR_PROTOCOL, "packet type %u in answer to %s", value->type,
                  conn->state == CONN_GREETING ? "connect" : "open");
}
