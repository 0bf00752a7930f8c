#include "kafka/reader.h"

#include "base/check.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/reader_state.h"

enum {
    ASK_MAX = 64,          /* tails asked about in one job */
    ASK_TIMEOUT_MS = 5000, /* one question; the rest of the job is given up after one that fails */
};

/* --- asking for watermarks ---------------------------------------------------------------------
 */

struct ask_job {
    struct kafka_job job;
    rd_kafka_t *handle;
    size_t count;
    struct question questions[ASK_MAX];
};

static void ask_run(struct kafka_job *job)
{
    struct ask_job *ask = (struct ask_job *)job;
    rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; i < ask->count; i++) {
        struct question *question = &ask->questions[i];
        if (!failed)
            question->code =
                rd_kafka_query_watermark_offsets(ask->handle, question->topic, question->partition,
                                                 &question->low, &question->high, ASK_TIMEOUT_MS);
        else
            question->code = failed;
        if (kafka_class(question->code) == ERR_UNAVAILABLE)
            failed = question->code;
    }
}

static void ask_release(struct kafka_job *job)
{
    struct ask_job *ask = (struct ask_job *)job;
    for (size_t i = 0; i < ask->count; i++)
        free(ask->questions[i].topic);
    free(ask);
}

static void ask_done(struct kafka_job *job)
{
    struct ask_job *ask = (struct ask_job *)job;
    struct kafka_reader *reader = job->owner;
    reader->ask = NULL;
    for (size_t i = 0; i < ask->count; i++)
        if (ask->questions[i].tail)
            tail_answered(ask->questions[i].tail, &ask->questions[i]);
}

/* One job at a time holds at most one thread of the pool, however many tails wait. */
static void ask_what_is_due(struct kafka_reader *reader)
{
    if (reader->ask || reader->closing)
        return;
    uint64_t now_ms = kafka_hub_ms(reader->hub);
    struct ask_job *ask = NULL;
    struct kafka_tail *tail;
    LIST_FOREACH(tail, &reader->tails, link)
    {
        if (!tail_is_due(tail, now_ms))
            continue;
        if (!ask)
            ask = mem_new(struct ask_job);
        if (ask->count == ASK_MAX)
            break;
        tail->question = &ask->questions[ask->count++];
        *tail->question = (struct question){.tail = tail,
                                            .topic = mem_text(tail->name, strlen(tail->name)),
                                            .partition = tail->partition};
    }
    if (!ask)
        return;
    ask->handle = reader->handle;
    ask->job = (struct kafka_job){
        .owner = reader, .run = ask_run, .done = ask_done, .release = ask_release};
    reader->ask = &ask->job;
    kafka_job_start(reader->hub, reader->ask);
}

/* --- the reader --------------------------------------------------------------------------------
 */

static void reader_dropped(void *owner)
{
    struct kafka_reader *reader = owner;
    reader->drop = NULL;
    reader->closed = true;
}

static void reader_drop(struct kafka_reader *reader)
{
    if (reader->ask || !reader->handle)
        return;
    rd_kafka_queue_destroy(reader->queue);
    reader->drop = kafka_handle_drop(reader->hub, reader->handle, reader, reader_dropped);
    reader->handle = NULL;
}

/* Runs before every `ready`. */
static void reader_serve(void *self)
{
    struct kafka_reader *reader = self;
    rd_kafka_event_t *event;
    for (int i = 0; reader->handle && i < KAFKA_NOTICES_MAX; i++) {
        if (!(event = rd_kafka_queue_poll(reader->queue, 0)))
            break;
        kafka_note_event(reader->hub, reader->name, event);
        rd_kafka_event_destroy(event);
    }
    if (reader->closing)
        reader_drop(reader);
    else
        ask_what_is_due(reader);
}

enum error_code kafka_reader_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                    enum kafka_reader_use use, const char *name,
                                    struct kafka_reader **ret, struct error *err)
{
    enum kafka_role role = use == KAFKA_READ_JOURNAL ? KAFKA_ROLE_TAIL : KAFKA_ROLE_READER;
    rd_kafka_conf_t *conf;
    rd_kafka_t *handle;
    if (kafka_conf(settings, role, &conf, err) || kafka_handle(role, conf, &handle, err))
        return ERR_CONFIG;
    struct kafka_reader *reader = mem_new(struct kafka_reader);
    reader->hub = hub;
    reader->use = use;
    reader->name = name;
    reader->handle = handle;
    reader->queue = rd_kafka_queue_get_main(handle);
    LIST_INIT(&reader->tails);
    kafka_hub_watch(hub, reader->queue);
    reader->served = (struct kafka_served){.serve = reader_serve, .self = reader};
    kafka_hub_serve(hub, &reader->served);
    *ret = reader;
    return ERR_OK;
}

void kafka_reader_close(struct kafka_reader *reader)
{
    if (reader->closing)
        return;
    reader->closing = true;
    while (!LIST_EMPTY(&reader->tails))
        kafka_tail_close(LIST_FIRST(&reader->tails));
    reader_drop(reader); /* or, while a question is out, when it is answered */
}

bool kafka_reader_closed(const struct kafka_reader *reader)
{
    return reader->closed;
}

void kafka_reader_destroy(struct kafka_reader *reader)
{
    if (!reader)
        return;
    kafka_reader_close(reader);
    if (reader->ask) {
        kafka_job_abandon(reader->ask);
        reader->ask = NULL;
        reader_drop(reader);
    }
    if (reader->drop)
        kafka_job_abandon(reader->drop);
    kafka_hub_unserve(&reader->served);
    free(reader);
}
