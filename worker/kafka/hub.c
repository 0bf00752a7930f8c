#include "kafka/hub.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/work.h"

enum { HUB_HANDLES = 3 };

struct kafka_hub {
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t tick;
    uv_idle_t again;
    int fd;
    void (*ready)(void *context);
    void *context;
    LIST_HEAD(, kafka_served) served;
    struct kafka_notice notices[KAFKA_NOTICES_MAX]; /* a ring */
    size_t notice_first;
    size_t notice_count;
    size_t notices_dropped;
    unsigned jobs;
    unsigned handles; /* open libuv handles */
    bool closing;
};

static void free_when_idle(struct kafka_hub *hub)
{
    if (!hub->closing || hub->jobs || hub->handles)
        return;
    close(hub->fd);
    free(hub);
}

static void make_ready(struct kafka_hub *hub)
{
    if (hub->closing)
        return;
    struct kafka_served *next;
    for (struct kafka_served *served = LIST_FIRST(&hub->served); served; served = next) {
        next = LIST_NEXT(served, link);
        served->serve(served->self);
    }
    hub->ready(hub->context);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct kafka_hub *hub = poll->data;
    uint64_t count;
    /* Read first, drain afterwards: an enqueue in between signals again. */
    if (read(hub->fd, &count, sizeof count) < 0 && errno != EAGAIN)
        CHECK(errno == EINTR);
    make_ready(hub);
}

static void on_tick(uv_timer_t *tick)
{
    make_ready(tick->data);
}

static void on_again(uv_idle_t *again)
{
    uv_idle_stop(again);
    make_ready(again->data);
}

enum error_code kafka_hub_create(uv_loop_t *loop, void (*ready)(void *context), void *context,
                                 struct kafka_hub **ret, struct error *err)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "no event descriptor for the Kafka clients: %s",
                         strerror(errno));
    struct kafka_hub *hub = mem_new(struct kafka_hub);
    hub->loop = loop;
    hub->fd = fd;
    hub->ready = ready;
    hub->context = context;
    LIST_INIT(&hub->served);
    CHECK(uv_poll_init(loop, &hub->poll, fd) == 0);
    CHECK(uv_timer_init(loop, &hub->tick) == 0);
    CHECK(uv_idle_init(loop, &hub->again) == 0);
    hub->poll.data = hub->tick.data = hub->again.data = hub;
    hub->handles = HUB_HANDLES;
    CHECK(uv_poll_start(&hub->poll, UV_READABLE, on_readable) == 0);
    CHECK(uv_timer_start(&hub->tick, on_tick, KAFKA_TICK_MS, KAFKA_TICK_MS) == 0);
    *ret = hub;
    return ERR_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct kafka_hub *hub = handle->data;
    hub->handles--;
    free_when_idle(hub);
}

void kafka_hub_destroy(struct kafka_hub *hub)
{
    if (!hub)
        return;
    CHECK(!hub->closing);
    CHECK(LIST_EMPTY(&hub->served));
    hub->closing = true;
    uv_close((uv_handle_t *)&hub->poll, on_closed);
    uv_close((uv_handle_t *)&hub->tick, on_closed);
    uv_close((uv_handle_t *)&hub->again, on_closed);
}

void kafka_hub_again(struct kafka_hub *hub)
{
    CHECK(uv_idle_start(&hub->again, on_again) == 0);
}

bool kafka_hub_notice(struct kafka_hub *hub, struct kafka_notice *ret, size_t *ret_dropped)
{
    if (ret_dropped) {
        *ret_dropped = hub->notices_dropped;
        hub->notices_dropped = 0;
    }
    if (hub->notice_count == 0)
        return false;
    *ret = hub->notices[hub->notice_first];
    hub->notice_first = (hub->notice_first + 1) % KAFKA_NOTICES_MAX;
    hub->notice_count--;
    return true;
}

void kafka_hub_note(struct kafka_hub *hub, const char *client, int level, enum error_code code,
                    const char *text)
{
    AUTO_BUF printable;
    /* A character can take ten bytes when it is made printable; what is cut is the end. */
    size_t length = strnlen(text, KAFKA_NOTICE_TEXT_MAX - 1);
    buf_init(&printable, KAFKA_NOTICE_TEXT_MAX * 10);
    text_printable(&printable, (struct text){text, length});
    if (hub->notice_count == KAFKA_NOTICES_MAX) {
        hub->notice_first = (hub->notice_first + 1) % KAFKA_NOTICES_MAX;
        hub->notice_count--;
        hub->notices_dropped++;
    }
    size_t place = (hub->notice_first + hub->notice_count++) % KAFKA_NOTICES_MAX;
    struct kafka_notice *notice = &hub->notices[place];
    notice->client = client;
    notice->level = level;
    notice->code = code;
    size_t kept =
        printable.length < sizeof notice->text ? printable.length : sizeof notice->text - 1;
    while (kept > 0 && kept < printable.length && (printable.data[kept] & 0xc0) == 0x80)
        kept--; /* never half a character */
    memcpy(notice->text, printable.data ? (const char *)printable.data : "", kept);
    notice->text[kept] = 0;
}

void kafka_hub_serve(struct kafka_hub *hub, struct kafka_served *served)
{
    LIST_INSERT_HEAD(&hub->served, served, link);
}

void kafka_hub_unserve(struct kafka_served *served)
{
    LIST_REMOVE(served, link);
}

void kafka_hub_watch(struct kafka_hub *hub, rd_kafka_queue_t *queue)
{
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, hub->fd, &one, sizeof one);
}

uint64_t kafka_hub_ms(const struct kafka_hub *hub)
{
    return uv_now(hub->loop);
}

static void run_job(uv_work_t *request)
{
    struct kafka_job *job = request->data;
    job->run(job);
    uv_sem_post(&job->finished);
}

static void end_job(uv_work_t *request, int status)
{
    struct kafka_job *job = request->data;
    struct kafka_hub *hub = job->hub;
    CHECK(status == 0 || !job->owner); /* only an abandoned job is ever cancelled */
    bool wanted = job->owner != NULL;
    if (wanted)
        job->done(job);
    uv_sem_destroy(&job->finished);
    job->release(job);
    hub->jobs--;
    if (wanted)
        make_ready(hub);
    free_when_idle(hub);
}

void kafka_job_start(struct kafka_hub *hub, struct kafka_job *job)
{
    CHECK(!hub->closing);
    CHECK(job->owner);
    job->hub = hub;
    job->request.data = job;
    CHECK(uv_sem_init(&job->finished, 0) == 0);
    hub->jobs++;
    CHECK(uv_queue_work(hub->loop, &job->request, run_job, end_job) == 0);
}

void kafka_job_abandon(struct kafka_job *job)
{
    job->owner = NULL;
    if (uv_cancel((uv_req_t *)&job->request) != 0)
        uv_sem_wait(&job->finished);
    else if (job->must_run)
        job->run(job);
}
