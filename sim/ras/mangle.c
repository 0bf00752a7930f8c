/* Answers that are wrong on purpose, made from right ones. */
#include <string.h>

#include "base/check.h"
#include "cluster/ras/codec.h"
#include "sim/ras/server_internal.h"

enum { LENGTH_2_GIB = 5 };

/* Where things stand in the one packet of the reply. */
struct layout {
    size_t body;     /* first byte of the body */
    size_t endpoint; /* bytes of the endpoint id, from `body` */
    bool message;    /* packet 14 */
};

static struct layout layout_of(const struct buf *reply)
{
    struct layout layout = {.body = 2, .endpoint = 1};
    while (reply->data[layout.body - 1] & 0x80)
        layout.body++;
    layout.message = reply->data[0] == RAS_PACKET_MESSAGE;
    if (!layout.message || !(reply->data[layout.body] & 0x40))
        return layout;
    while (reply->data[layout.body + layout.endpoint] & 0x80)
        layout.endpoint++;
    layout.endpoint++;
    return layout;
}

/* A packet of the same type with another body. */
static void put_body(struct buf *reply, const struct buf *body)
{
    uint8_t type = reply->data[0];
    struct ras_out out = {.buf = reply, .field = ""};
    buf_clear(reply);
    buf_byte(reply, type);
    ras_out_size(&out, (uint32_t)body->length);
    buf_add(reply, body->data, body->length);
    CHECK(!reply->full);
}

static void take_body(const struct buf *reply, struct buf *body)
{
    struct layout layout = layout_of(reply);
    buf_init(body, SIM_REPLY_MAX);
    buf_add(body, reply->data + layout.body, reply->length - layout.body);
}

static void resize_body(struct buf *reply, int64_t less, int64_t more)
{
    AUTO_BUF body = {0};
    take_body(reply, &body);
    size_t drop = (size_t)less < body.length ? (size_t)less : body.length;
    body.length -= drop;
    for (int64_t i = 0; i < more; i++)
        buf_byte(&body, 0);
    put_body(reply, &body);
}

static void other_endpoint(struct buf *reply)
{
    AUTO_BUF body = {0}, other = {0};
    struct layout layout = layout_of(reply);
    if (!layout.message)
        return;
    take_body(reply, &body);
    buf_init(&other, SIM_REPLY_MAX);
    struct ras_out out = {.buf = &other, .field = ""};
    ras_out_nsize(&out, 77777);
    buf_add(&other, body.data + layout.endpoint, body.length - layout.endpoint);
    put_body(reply, &other);
}

/* The kind stands behind the endpoint and the format, the message type behind the kind. */
static void other_type(struct buf *reply)
{
    struct layout layout = layout_of(reply);
    size_t kind = layout.body + layout.endpoint + 2;
    if (!layout.message || kind >= reply->length)
        return;
    if (reply->data[kind] == RAS_KIND_MESSAGE)
        reply->data[kind + 1] ^= 0x02;
    else
        reply->data[kind] = RAS_KIND_MESSAGE + 1; /* no kind at all */
}

static void huge_count(struct buf *reply)
{
    AUTO_BUF body = {0}, other = {0};
    struct layout layout = layout_of(reply);
    size_t list = layout.endpoint + 4; /* format, kind, type */
    take_body(reply, &body);
    if (!layout.message || list >= body.length)
        return;
    buf_init(&other, SIM_REPLY_MAX);
    struct ras_out out = {.buf = &other, .field = ""};
    buf_add(&other, body.data, list);
    ras_out_size(&out, INT32_MAX);
    while (list < body.length && body.data[list] & 0x80)
        list++;
    buf_add(&other, body.data + list + 1, body.length - list - 1);
    put_body(reply, &other);
}

static void huge_packet(struct buf *reply)
{
    static const uint8_t length[LENGTH_2_GIB] = {0x80, 0x80, 0x80, 0x80, 0x08};
    uint8_t type = reply->data[0];
    buf_clear(reply);
    buf_byte(reply, type);
    buf_add(reply, length, sizeof length);
}

static void garbage(struct sim_conn *conn)
{
    buf_clear(&conn->reply);
    for (int64_t i = 0; i < conn->plan.garbage; i++)
        buf_byte(&conn->reply, (uint8_t)rng_next(&conn->sim->rng));
}

static void keep_alives_first(struct sim_conn *conn)
{
    AUTO_BUF all = {0};
    struct ras_packet_value alive = {.type = RAS_PACKET_KEEP_ALIVE};
    buf_init(&all, SIM_REPLY_MAX);
    for (int64_t i = 0; i < conn->plan.keep_alive; i++)
        if (ras_packet_encode(&alive, 0, &all, NULL))
            break;
    buf_add(&all, conn->reply.data, conn->reply.length);
    buf_clear(&conn->reply);
    buf_add(&conn->reply, all.data, all.length);
}

static void twice(struct buf *reply)
{
    size_t length = reply->length;
    uint8_t *room = buf_room(reply, length);
    if (!room)
        return;
    memcpy(room, reply->data, length);
    buf_grown(reply, length);
}

void sim_mangle(struct sim_conn *conn)
{
    const struct fault_plan *plan = &conn->plan;
    struct buf *reply = &conn->reply;
    if (reply->length == 0)
        return;
    if (fault_has(plan, FAULT_HUGE_COUNT))
        huge_count(reply);
    if (fault_has(plan, FAULT_SHORT) || fault_has(plan, FAULT_EXTRA))
        resize_body(reply, plan->cut_short, plan->extra);
    if (fault_has(plan, FAULT_WRONG_ENDPOINT))
        other_endpoint(reply);
    if (fault_has(plan, FAULT_WRONG_TYPE))
        other_type(reply);
    if (fault_has(plan, FAULT_WRONG_PACKET))
        reply->data[0] = RAS_PACKET_CONNECT_ACK;
    if (fault_has(plan, FAULT_HUGE_PACKET))
        huge_packet(reply);
    if (fault_has(plan, FAULT_GARBAGE))
        garbage(conn);
    if (fault_has(plan, FAULT_TWICE))
        twice(reply);
    if (fault_has(plan, FAULT_KEEP_ALIVE))
        keep_alives_first(conn);
}
