#include "service/refusal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"

enum { AGAIN_MS = 1000, WORDS_MAX = 3 * ERROR_MESSAGE_MAX };

struct refusal {
    TAILQ_ENTRY(refusal) in_order;
    uint64_t tag;
    struct command *order; /* owned; NULL: it could not be read */
    struct reason reason;
    struct uuid event_id;
    struct source source;
    struct wall at;
    struct instant not_before; /* NEVER: on its way */
    struct instant forget_at;
};

struct refusals {
    TAILQ_HEAD(, refusal) order;
    size_t count;
    uint64_t tags;
};

struct refusals *refusals_create(void)
{
    struct refusals *refusals = mem_new(struct refusals);
    TAILQ_INIT(&refusals->order);
    return refusals;
}

static void drop(struct refusals *refusals, struct refusal *refusal)
{
    TAILQ_REMOVE(&refusals->order, refusal, in_order);
    refusals->count--;
    command_destroy(refusal->order);
    reason_release(&refusal->reason);
    free(refusal);
}

void refusals_destroy(struct refusals *refusals)
{
    if (!refusals)
        return;
    while (!TAILQ_EMPTY(&refusals->order))
        drop(refusals, TAILQ_FIRST(&refusals->order));
    free(refusals);
}

/* ---- the words ---- */

static const char *next_step(enum error_code code)
{
    switch (code) {
    case ERR_DENIED:
        return "somebody whom policy.rules allow it must send it";
    case ERR_NOT_FOUND:
        return "send it again with a cluster that the workers' configuration names";
    default:
        return "mend that and send it again";
    }
}

/* Which order, why, and what to do. */
static void say(const struct command *order, const struct error *why, struct reason *ret)
{
    AUTO_BUF words;
    buf_init(&words, WORDS_MAX);
    buf_str(&words, order ? action_label(order->action) : "a message on the control topic");
    if (order && !uuid_is_nil(&order->other_id))
        buf_format(&words, " of command %s", uuid_format(&order->other_id).text);
    buf_format(&words, " was refused, and changed nothing: %s; %s", why->message,
               next_step(why->code));
    ret->code = why->code;
    ret->message = mem_text(buf_text(&words), words.length);
}

/* The same in every worker, and another one on a topic that was made anew. */
static struct uuid id_of(const struct source *source, struct wall at)
{
    struct {
        struct sha256 digest;
        int64_t offset;
        int64_t at_ms;
    } name;
    memset(&name, 0, sizeof name);
    name.digest = source->digest;
    name.offset = source->offset;
    name.at_ms = at.ms;
    return uuid_derive(&name, sizeof name);
}

/* ---- in and out ---- */

void refusals_add(struct refusals *refusals, const struct kafka_message *message,
                  struct command *order, const struct error *why, struct instant forget_at)
{
    if (refusals->count == REFUSALS_MAX)
        drop(refusals, TAILQ_FIRST(&refusals->order));
    struct refusal *refusal = mem_new(struct refusal);
    refusal->tag = ++refusals->tags;
    refusal->order = order;
    refusal->source =
        (struct source){.known = true,
                        .partition = message->partition,
                        .offset = message->offset,
                        .digest = sha256_of(message->value.at, message->value.length)};
    refusal->at = message->timestamp;
    refusal->event_id = id_of(&refusal->source, message->timestamp);
    refusal->forget_at = forget_at;
    say(order, why, &refusal->reason);
    TAILQ_INSERT_TAIL(&refusals->order, refusal, in_order);
    refusals->count++;
}

static void forget(struct refusals *refusals, struct instant now)
{
    struct refusal *next;
    for (struct refusal *refusal = TAILQ_FIRST(&refusals->order); refusal; refusal = next) {
        next = TAILQ_NEXT(refusal, in_order);
        if (instant_passed(now, refusal->forget_at))
            drop(refusals, refusal);
    }
}

bool refusals_next(struct refusals *refusals, struct instant now, struct event *ret,
                   uint64_t *ret_tag)
{
    struct refusal *refusal;
    forget(refusals, now);
    TAILQ_FOREACH(refusal, &refusals->order, in_order)
    if (instant_passed(now, refusal->not_before))
        break;
    if (!refusal)
        return false;
    refusal->not_before = INSTANT_NEVER;
    *ret = (struct event){.id = refusal->event_id,
                          .kind = EVENT_ORDER_REFUSED,
                          .command_id = refusal->order ? refusal->order->id : (struct uuid){{0}},
                          .command = refusal->order,
                          .reason = &refusal->reason,
                          .source = refusal->source,
                          .journal_partition = -1,
                          .journal_offset = -1,
                          .time = refusal->at};
    *ret_tag = refusal->tag;
    return true;
}

void refusals_answered(struct refusals *refusals, uint64_t tag, bool delivered, struct instant now)
{
    struct refusal *refusal;
    TAILQ_FOREACH(refusal, &refusals->order, in_order)
    if (refusal->tag == tag)
        break;
    if (!refusal)
        return; /* forgotten meanwhile */
    if (delivered)
        drop(refusals, refusal);
    else
        refusal->not_before = instant_add_ms(now, AGAIN_MS);
}
