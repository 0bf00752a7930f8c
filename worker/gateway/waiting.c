/* Requests that wait for Kafka, or for the end of their command. */
#include "gateway/waiting.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/answer.h"
#include "gateway/done.h"

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
    done_note(gateway, &done);
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

void waiting_add(struct gateway *gateway, struct waiter *waiter, struct instant now)
{
    TAILQ_INSERT_TAIL(&waiter->entry->waiters, waiter, of_entry);
    TAILQ_INSERT_TAIL(&gateway->waiting, waiter, of_gateway);
    if (is_done(waiter, now))
        tell_state(gateway, waiter);
    else
        kafka_hub_again(gateway->hub); /* the next pass sets the timer */
}

void waiting_tell(struct gateway *gateway, struct book_entry *entry)
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

void waiting_fail(struct gateway *gateway, struct book_entry *entry, enum problem_kind kind)
{
    while (!TAILQ_EMPTY(&entry->waiters))
        tell_problem(gateway, TAILQ_FIRST(&entry->waiters), kind, "");
}

void waiting_news(struct gateway *gateway, struct book_entry *entry, enum book_news news)
{
    if (news == BOOK_OTHER)
        waiting_fail(gateway, entry, PROBLEM_KEY_REUSED);
    else if (news == BOOK_ENDED)
        waiting_tell(gateway, entry);
}

void waiting_expire(struct gateway *gateway, struct instant now)
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

struct instant waiting_next(const struct gateway *gateway)
{
    const struct waiter *waiter;
    struct instant next = INSTANT_NEVER;
    TAILQ_FOREACH(waiter, &gateway->waiting, of_gateway)
    if (!waiter->entry->sending) /* else Kafka's receipt wakes it */
        next = instant_min(next, waiter->until);
    return next;
}
