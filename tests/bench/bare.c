/* bare.c - the counterpart of the worker: moves the same records and does nothing else.
 *
 *   bench_bare BROKERS COMMANDS JOURNAL EVENTS COUNT OPEN_MAX EMBEDDED SIZES
 *
 * For each command read: a journal record of the size of ACCEPTED is appended; when it is read
 * back, the first event goes out and a record of the size of RESOLVED is appended; read back:
 * OUTCOME; read back: CLOSED; read back: the last event. So it has the worker's durable steps with
 * their order, at most OPEN_MAX commands at once, and no thought in between. SIZES is six numbers
 * with commas: the four records, the two events (headers included), as measured in the worker's
 * run; an event has as many headers as the worker's, and its command's key. The settings of
 * librdkafka are the worker's. One consumer and one producer serve everything: fewer clients and
 * threads than the worker has. Ends when COUNT last events are acknowledged.
 *
 *   bench_bare BROKERS --read JOURNAL EMBEDDED    reads the whole topic; prints records and seconds
 *   bench_bare BROKERS --idle COUNT               COUNT clients that do nothing; prints the
 * resident KiB */
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"

enum { STEPS = 4, SIZES = 6, SIZE_MAX_BYTES = 60000, KEY_BYTES_MAX = 32 };

/* Begins every record. The key is the command's, which is its cluster: events have it too. */
struct mark {
    uint32_t step;
    uint32_t partition;
    uint32_t key_length;
    char key[KEY_BYTES_MAX];
};

struct bare {
    rd_kafka_t *reader;
    rd_kafka_t *writer;
    rd_kafka_topic_t *journal;
    rd_kafka_topic_t *events;
    size_t sizes[SIZES];
    size_t count;
    size_t open_max;
    size_t begun;
    size_t announced; /* last events acknowledged */
    char *filler;
};

static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *self)
{
    struct bare *bare = self;
    (void)handle;
    if (message->err)
        bench_die("a record was not taken: %s", rd_kafka_err2str(message->err));
    bare->announced += message->_private != NULL;
}

static void append(struct bare *bare, const struct mark *mark)
{
    memcpy(bare->filler, mark, sizeof *mark);
    if (rd_kafka_produce(bare->journal, (int32_t)mark->partition, RD_KAFKA_MSG_F_COPY, bare->filler,
                         bare->sizes[mark->step], NULL, 0, NULL))
        bench_die("cannot append: %s", rd_kafka_err2str(rd_kafka_last_error()));
}

/* The worker's own names, and values of their usual lengths. */
static const struct {
    const char *name;
    const char *value;
} headers_of_event[] = {
    {"content-type", "application/json"},
    {"ce_specversion", "1.0"},
    {"ce_id", "00000000-0000-8000-8000-000000000000"},
    {"ce_source", "curfew"},
    {"ce_type", "curfew.command.completed.v1"},
    {"ce_causationid", "00000000-0000-8000-8000-000000000000"},
    {"ce_subject", "cluster/cluster-0000/command/00000000-0000-8000-8000-000000000000"},
    {"ce_time", "2026-11-21T12:00:00.000Z"},
};
enum { HEADERS = sizeof headers_of_event / sizeof headers_of_event[0] };

static void announce(struct bare *bare, const struct mark *mark, unsigned which)
{
    bool last = which + 1 == SIZES;
    size_t size = bare->sizes[which];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(HEADERS);
    for (size_t i = 0; i < HEADERS; i++) {
        size_t name = strlen(headers_of_event[i].name);
        size_t value = strlen(headers_of_event[i].value);
        rd_kafka_header_add(headers, headers_of_event[i].name, (ssize_t)name,
                            headers_of_event[i].value, (ssize_t)value);
        size -= name + value < size ? name + value : 0;
    }
    rd_kafka_resp_err_t code = rd_kafka_producev(
        bare->writer, RD_KAFKA_V_RKT(bare->events), RD_KAFKA_V_KEY(mark->key, mark->key_length),
        RD_KAFKA_V_VALUE(bare->filler, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(last ? bare : NULL), RD_KAFKA_V_END);
    if (code)
        bench_die("cannot announce: %s", rd_kafka_err2str(code));
}

static void read_back(struct bare *bare, const rd_kafka_message_t *message)
{
    struct mark mark;
    if (message->len < sizeof mark)
        bench_die("not our journal");
    memcpy(&mark, message->payload, sizeof mark);
    if (mark.key_length > sizeof mark.key)
        bench_die("not our journal");
    if (mark.step == 0)
        announce(bare, &mark, STEPS);
    if (++mark.step < STEPS)
        append(bare, &mark);
    else
        announce(bare, &mark, STEPS + 1);
}

/* The next message, without errors and ends of partitions; NULL: none within the time. */
static rd_kafka_message_t *take(rd_kafka_queue_t *queue, int wait_ms)
{
    rd_kafka_message_t *message = rd_kafka_consume_queue(queue, wait_ms);
    if (message && message->err && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        bench_die("cannot read: %s", rd_kafka_err2str(message->err));
    if (!message || !message->err)
        return message;
    rd_kafka_message_destroy(message);
    return NULL;
}

static void begin_commands(struct bare *bare, rd_kafka_queue_t *commands)
{
    rd_kafka_message_t *message;
    while (bare->begun < bare->count && bare->begun - bare->announced < bare->open_max &&
           (message = take(commands, 0))) {
        struct mark mark = {.partition = (uint32_t)message->partition,
                            .key_length = (uint32_t)message->key_len};
        if (message->key_len > sizeof mark.key)
            bench_die("a longer key than clusters have");
        memcpy(mark.key, message->key, message->key_len);
        append(bare, &mark);
        bare->begun++;
        rd_kafka_message_destroy(message);
    }
}

static void move(struct bare *bare, const char *commands_topic, const char *journal_topic)
{
    rd_kafka_queue_t *commands = rd_kafka_queue_new(bare->reader);
    rd_kafka_queue_t *journal = rd_kafka_queue_new(bare->reader);
    client_read(bare->reader, journal_topic, RD_KAFKA_OFFSET_END, journal);
    client_read(bare->reader, commands_topic, RD_KAFKA_OFFSET_BEGINNING, commands);
    while (bare->announced < bare->count) {
        rd_kafka_poll(bare->writer, 0);
        begin_commands(bare, commands);
        rd_kafka_message_t *message = take(journal, 1);
        while (message) {
            read_back(bare, message);
            rd_kafka_message_destroy(message);
            message = take(journal, 0);
        }
    }
}

static void read_sizes(struct bare *bare, char *list)
{
    char *rest;
    char *at = strtok_r(list, ",", &rest);
    for (unsigned i = 0; i < SIZES; i++, at = strtok_r(NULL, ",", &rest)) {
        bare->sizes[i] = at ? strtoul(at, NULL, 10) : 0;
        if (bare->sizes[i] < sizeof(struct mark) || bare->sizes[i] > SIZE_MAX_BYTES)
            bench_die("six sizes are needed");
    }
    bare->filler = mem_alloc(SIZE_MAX_BYTES, 1);
    for (size_t i = 0; i < SIZE_MAX_BYTES; i++)
        bare->filler[i] = (char)('a' + i * 7 % 23);
}

static int idle(const char *brokers, int count)
{
    char line[256];
    for (int i = 0; i < count; i++) {
        rd_kafka_t *handle =
            i % 2 ? client_reader(brokers, 0) : client_writer(brokers, delivered, NULL);
        const struct rd_kafka_metadata *metadata;
        if (rd_kafka_metadata(handle, 1, NULL, &metadata, 20000) == 0)
            rd_kafka_metadata_destroy(metadata);
    }
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmRSS:", 6) == 0)
            printf("{\"rss_kib\": %lu}\n", strtoul(line + 6, NULL, 10));
    return 0;
}

static int read_all(const char *brokers, const char *topic, int embedded)
{
    rd_kafka_t *reader = client_reader(brokers, embedded);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(reader);
    double start = bench_now();
    int32_t partitions = client_partitions(reader, topic);
    int64_t wanted = 0;
    int64_t got = 0;
    for (int32_t i = 0; i < partitions; i++)
        wanted += client_end(reader, topic, i);
    client_read(reader, topic, RD_KAFKA_OFFSET_BEGINNING, queue);
    while (got < wanted) {
        rd_kafka_message_t *message = take(queue, 100);
        if (!message)
            continue;
        got++;
        rd_kafka_message_destroy(message);
    }
    printf("{\"records\": %" PRId64 ", \"seconds\": %.4f}\n", got, bench_now() - start);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[2], "--read"))
        return read_all(argv[1], argv[3], argv[4][0] == '1');
    if (argc == 4 && !strcmp(argv[2], "--idle"))
        return idle(argv[1], (int)strtol(argv[3], NULL, 10));
    if (argc != 9)
        bench_die("eight arguments, see bare.c");
    struct bare bare = {.count = strtoul(argv[5], NULL, 10),
                        .open_max = strtoul(argv[6], NULL, 10)};
    read_sizes(&bare, argv[8]);
    bare.reader = client_reader(argv[1], argv[7][0] == '1');
    bare.writer = client_writer(argv[1], delivered, &bare);
    client_partitions(bare.writer, argv[3]);
    client_partitions(bare.writer, argv[4]);
    bare.journal = rd_kafka_topic_new(bare.writer, argv[3], NULL);
    bare.events = rd_kafka_topic_new(bare.writer, argv[4], NULL);
    move(&bare, argv[2], argv[3]);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"commands\": %zu, \"cpu_s\": %.4f}\n", bare.announced,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    fflush(stdout);
    _exit(0); /* what librdkafka does to close is not measured */
}
