/* A static member that is fenced by itself.
 *
 * A member whose session was lost asks to join without a member id. When the broker (or the way to
 * it) stands still for longer than that request may take, librdkafka asks again, and the broker,
 * awake again, takes both: each is given an id of its own, the later one gets the instance's place,
 * and when that was the request whose answer nobody waits for any more, the member that joined is
 * fenced. librdkafka calls that fatal, for it looks just like a second worker of that name.
 *
 * So trouble is kept in mind until the member was in the group for a session's length without a
 * break, and fenced in trouble it joins again by a client of its own, once. Were there a second
 * worker, that one is fenced now, and stops, or does the same and this one is fenced again and
 * stops: of two workers with one name one is left. */
#include "kafka/consumer_anew.h"

#include "base/check.h"
#include "base/text.h"
#include "kafka/consumer_events.h"
#include "kafka/consumer_group.h"

static uint64_t session_ms(const rd_kafka_conf_t *conf)
{
    char text[32] = "";
    size_t size = sizeof text;
    rd_kafka_conf_res_t result = rd_kafka_conf_get(conf, "session.timeout.ms", text, &size);
    CHECK(result == RD_KAFKA_CONF_OK);
    uint64_t ms = 0;
    enum error_code code = text_u64(text_of(text), INT32_MAX, &ms, NULL);
    CHECK(code == ERR_OK); /* librdkafka has checked it */
    return ms;
}

void anew_init(struct kafka_consumer *consumer, const rd_kafka_conf_t *conf)
{
    consumer->anew_conf = rd_kafka_conf_dup(conf);
    consumer->session_ms = session_ms(conf);
}

void anew_release(struct kafka_consumer *consumer)
{
    if (consumer->anew_conf)
        rd_kafka_conf_destroy(consumer->anew_conf);
    consumer->anew_conf = NULL;
}

void anew_joined(struct kafka_consumer *consumer)
{
    consumer->in_since_ms = kafka_hub_ms(consumer->hub);
}

void anew_settle(struct kafka_consumer *consumer)
{
    bool in = consumer->membership == MEMBER_IN;
    if (in && kafka_hub_ms(consumer->hub) - consumer->in_since_ms >= consumer->session_ms)
        consumer->trouble = TROUBLE_NONE;
}

void anew_trouble(struct kafka_consumer *consumer)
{
    if (consumer->trouble == TROUBLE_NONE)
        consumer->trouble = TROUBLE_LOST;
}

/* Only what leaves a request to join behind: a member in the group asks for nothing of the kind. */
void anew_note(struct kafka_consumer *consumer, rd_kafka_resp_err_t code)
{
    bool cut = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
               code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    if (cut && consumer->membership == MEMBER_OUT)
        anew_trouble(consumer);
}

bool anew_begin(struct kafka_consumer *consumer)
{
    if (consumer->trouble != TROUBLE_LOST || consumer->closing)
        return false;
    consumer->trouble = TROUBLE_ANEW;
    consumer->membership = MEMBER_FENCED;
    struct waiting *waiting = consumer_tell(consumer, KAFKA_CONSUMER_FENCED);
    error_set(&waiting->event.error, ERR_STALE,
              "the session of the group was lost, and then the place of kafka.instance '%s' was "
              "taken, by this worker's own late request to join or by another worker of that name; "
              "joining once more",
              consumer->instance);
    kafka_hub_again(consumer->hub);
    return true;
}

void anew_serve(struct kafka_consumer *consumer)
{
    struct error err;
    if (consumer->ask || consumer->count || consumer->drop)
        return; /* they end, and wake the hub */
    if (consumer->group) {
        group_drop(consumer);
        return;
    }
    consumer->membership = MEMBER_OUT;
    if (group_open(consumer, rd_kafka_conf_dup(consumer->anew_conf), &err) == ERR_OK)
        return;
    consumer->membership = MEMBER_FATAL;
    consumer_tell(consumer, KAFKA_CONSUMER_FATAL)->event.error = err;
}
