/* drive.c - what surrounds a measurement: produces commands, waits for events, measures latency.
 * Every subcommand prints one JSON object.
 *
 *   load   BROKERS TOPIC TARGETS FIRST COUNT PER_COMMAND [json]      commands for targets FIRST...
 *   wait   BROKERS EVENTS EXPECTED PID JOURNAL JOURNAL_BEFORE        from the first journal record until
 *          EXPECTED events stand in EVENTS; seconds and the CPU of PID meanwhile
 *   ends   BROKERS TOPIC                                             records in it
 *   sizes  BROKERS JOURNAL EVENTS                                    what a run wrote, by kind
 *   steps  BROKERS COMMANDS EVENTS SCRATCH TARGETS FIRST ROUNDS HOST PORT EMBEDDED [WARM_UP]
 *          latency of one command after another, each beside its own bare counterpart
 *   pace   BROKERS COMMANDS EVENTS TARGETS FIRST COUNT RATE EMBEDDED BUT
 *          latency of commands at a fixed rate; those of cluster BUT are sent and not counted */
#include <inttypes.h>
#include <math.h>
#include <unistd.h>
#include <uthash.h>
#include <uv.h>

#include "base/check.h"
#include "client.h"
#include "cluster/ras/ras.h"
#include "command/message.h"
#include "model/record.h"

enum { POLL_MS = 5, RECORD_BYTES = 600, STEPS_PER_COMMAND = 6, GIVE_UP_S = 120 };

struct drive {
    const char *brokers;
    rd_kafka_t *writer;
    rd_kafka_t *reader;
    rd_kafka_queue_t *queue;
    size_t failed;
};

static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *self)
{
    struct drive *drive = self;
    (void)handle;
    drive->failed += message->err != 0;
}

static size_t number(const char *text)
{
    return strtoul(text, NULL, 10);
}

/* ---- commands ---- */

static struct uuid produce_command(struct drive *drive, const char *topic,
                                   const struct bench_target *targets, size_t count,
                                   enum message_form form)
{
    struct uuid sessions[LIMIT_TARGETS];
    struct message_style style = {form, "curfew/bench", "curfew."};
    struct error err;
    AUTO(command) command = command_create();
    AUTO(outgoing) outgoing = NULL;
    CHECK(count <= LIMIT_TARGETS);
    for (size_t i = 0; i < count; i++)
        sessions[i] = targets[i].session;
    command->id = uuid_random();
    command->origin = ORIGIN_APPLICATION;
    command->requested_by = "bench@localhost";
    command->reason = "measurement";
    command->cluster = targets[0].cluster;
    command->action = ACTION_TERMINATE;
    command->selector =
        (struct selector){.kind = SELECTOR_SESSIONS, .sessions = sessions, .count = count};
    command->selector.infobase = "";
    command->selector.guard = (struct guard){.user = "", .application = ""};
    if (message_encode(command, &style, &outgoing, &err))
        bench_die("%s", err.message);
    const struct message *message = &outgoing->messages[0];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
    for (size_t i = 0; i < message->header_count; i++)
        rd_kafka_header_add(headers, message->headers[i].name.at,
                            (ssize_t)message->headers[i].name.length, message->headers[i].value.at,
                            (ssize_t)message->headers[i].value.length);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        drive->writer, RD_KAFKA_V_TOPIC(topic),
        RD_KAFKA_V_KEY(message->key.at, message->key.length),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.at, message->value.length),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (code)
        bench_die("cannot produce: %s", rd_kafka_err2str(code));
    return command->id;
}

static size_t run_of_cluster(const struct bench_targets *targets, size_t at, size_t end, size_t max)
{
    size_t count = 1;
    while (count < max && at + count < end &&
           targets->at[at + count].cluster == targets->at[at].cluster)
        count++;
    return count;
}

static int load(struct drive *drive, int argc, char **argv)
{
    struct bench_targets targets = bench_targets_read(argv[1]);
    size_t first = number(argv[2]);
    size_t end = first + number(argv[3]);
    size_t commands = 0;
    bool json = argc > 5 && strcmp(argv[5], "json") == 0;
    CHECK(end <= targets.count);
    client_partitions(drive->writer, argv[0]);
    for (size_t at = first; at < end; commands++) {
        size_t count = run_of_cluster(&targets, at, end, number(argv[4]));
        produce_command(drive, argv[0], &targets.at[at], count,
                        json ? MESSAGE_FORM_BINARY_JSON : MESSAGE_FORM_BINARY_PROTOBUF);
        rd_kafka_poll(drive->writer, 0);
        at += count;
    }
    rd_kafka_flush(drive->writer, 60000);
    if (drive->failed)
        bench_die("%zu commands were not taken", drive->failed);
    printf("{\"commands\": %zu}\n", commands);
    return 0;
}

/* ---- throughput ---- */

static double cpu_of(const char *pid)
{
    char path[64];
    char text[1024] = "";
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return NAN;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    char *at = strrchr(text, ')');
    unsigned long user = 0;
    unsigned long system = 0;
    if (at)
        sscanf(at + 2, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user, &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int64_t ends(struct drive *drive, const char *topic, int32_t partitions)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < partitions; i++)
        sum += client_end(drive->reader, topic, i);
    return sum;
}

static int wait_for(struct drive *drive, char **argv)
{
    int32_t event_partitions = client_partitions(drive->reader, argv[0]);
    int32_t journal_partitions = client_partitions(drive->reader, argv[3]);
    int64_t expected = (int64_t)number(argv[1]);
    int64_t before = (int64_t)number(argv[4]);
    double give_up = bench_now() + GIVE_UP_S;
    while (ends(drive, argv[3], journal_partitions) <= before && bench_now() < give_up)
        usleep(1000);
    double start = bench_now();
    double cpu = cpu_of(argv[2]);
    double used = cpu;
    int64_t reached;
    while ((reached = ends(drive, argv[0], event_partitions)) < expected && bench_now() < give_up) {
        double now = cpu_of(argv[2]);
        used = isnan(now) ? used : now; /* the bare program leaves at the end */
        usleep(POLL_MS * 1000);
    }
    double end = bench_now();
    double now = cpu_of(argv[2]);
    used = isnan(now) ? used : now;
    printf("{\"events\": %" PRId64 ", \"seconds\": %.4f, \"cpu_s\": %.3f}\n", reached, end - start,
           used - cpu);
    return reached < expected;
}

static int print_ends(struct drive *drive, char **argv)
{
    int32_t partitions = client_partitions(drive->reader, argv[0]);
    printf("{\"records\": %" PRId64 "}\n", ends(drive, argv[0], partitions));
    return 0;
}

/* ---- what a run wrote ---- */

struct tally {
    char kind[48];
    uint64_t count;
    uint64_t bytes;
    UT_hash_handle hh;
};

static void tally_add(struct tally **tallies, const char *kind, size_t bytes)
{
    struct tally *tally;
    HASH_FIND_STR(*tallies, kind, tally);
    if (!tally) {
        tally = mem_new(struct tally);
        snprintf(tally->kind, sizeof tally->kind, "%s", kind);
        HASH_ADD_STR(*tallies, kind, tally);
    }
    tally->count++;
    tally->bytes += bytes;
}

static size_t headers_bytes(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    size_t ret = 0;
    const char *name;
    const void *value;
    size_t length;
    if (rd_kafka_message_headers(message, &headers))
        return 0;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &length) == 0; i++)
        ret += strlen(name) + length + 2;
    return ret;
}

static void tally_message(struct tally **tallies, const rd_kafka_message_t *message, bool journal)
{
    struct record *record;
    char kind[48];
    struct text bytes = {message->payload, message->len};
    if (!journal) {
        struct text type = client_header(message, "ce_type");
        snprintf(kind, sizeof kind, "%.*s", TEXT_ARGS(type));
        tally_add(tallies, kind, message->len + headers_bytes(message));
        return;
    }
    if (record_decode(bytes, &record, NULL))
        bench_die("not a record of the journal");
    tally_add(tallies, record_kind_label(record->kind), message->len);
    record_destroy(record);
}

static void tally_topic(struct drive *drive, struct tally **tallies, const char *topic, bool journal)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(drive->reader);
    int64_t wanted = ends(drive, topic, client_partitions(drive->reader, topic));
    client_read(drive->reader, topic, RD_KAFKA_OFFSET_BEGINNING, queue);
    while (wanted > 0) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, 10000);
        if (!message)
            bench_die("cannot read '%s' to its end", topic);
        if (!message->err) {
            tally_message(tallies, message, journal);
            wanted--;
        }
        rd_kafka_message_destroy(message);
    }
}

static int sizes(struct drive *drive, char **argv)
{
    struct tally *tallies = NULL;
    tally_topic(drive, &tallies, argv[0], true);
    tally_topic(drive, &tallies, argv[1], false);
    printf("{");
    for (struct tally *tally = tallies; tally; tally = tally->hh.next)
        printf("%s\"%s\": {\"count\": %" PRIu64 ", \"bytes\": %" PRIu64 "}",
               tally == tallies ? "" : ", ", tally->kind, tally->count, tally->bytes / tally->count);
    printf("}\n");
    return 0;
}

/* ---- latency of one command after another ---- */

/* Waits for the last event of `id`. */
static void await_end(struct drive *drive, const struct uuid *id)
{
    struct uuid_text text = uuid_format(id);
    for (double give_up = bench_now() + GIVE_UP_S; bench_now() < give_up;) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(drive->queue, 1000);
        if (!message)
            continue;
        struct text type = client_header(message, "ce_type");
        bool ours = !message->err && text_equal(client_header(message, "ce_causationid"), text_of(text.text));
        bool last = ours && !text_equal(type, TEXT("curfew.command.accepted.v1"));
        bool good = text_equal(type, TEXT("curfew.command.completed.v1"));
        rd_kafka_message_destroy(message);
        if (last && !good)
            bench_die("command %s did not complete", text.text);
        if (last)
            return;
    }
    bench_die("no last event of command %s", text.text);
}

static void append_and_read(struct drive *drive, const char *topic, rd_kafka_queue_t *queue)
{
    char record[RECORD_BYTES];
    memset(record, 'r', sizeof record);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        drive->writer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
        RD_KAFKA_V_VALUE(record, sizeof record), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_END);
    if (code)
        bench_die("cannot append: %s", rd_kafka_err2str(code));
    for (double give_up = bench_now() + GIVE_UP_S; bench_now() < give_up;) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, 1000);
        bool got = message && !message->err;
        if (message)
            rd_kafka_message_destroy(message);
        if (got)
            return;
    }
    bench_die("a record was not read back");
}

struct direct {
    uv_loop_t loop;
    struct executor *executor;
    bool answered;
    enum error_code code;
    char message[ERROR_MESSAGE_MAX];
};

static void direct_done(void *self, struct executor_reply *reply)
{
    struct direct *direct = self;
    direct->answered = true;
    direct->code = reply->code;
    snprintf(direct->message, sizeof direct->message, "%s", reply->error.message);
    session_list_destroy(reply->list);
    uv_stop(&direct->loop);
}

static void direct_call(struct direct *direct, enum executor_op op, struct uuid session)
{
    struct clock clock = clock_real();
    struct executor_request request = {.op = op,
                                       .session = session,
                                       .message = "",
                                       .send_by = INSTANT_NEVER,
                                       .deadline = instant_add_ms(clock_now(&clock), 20000)};
    direct->answered = false;
    executor_start(direct->executor, &request);
    while (!direct->answered)
        uv_run(&direct->loop, UV_RUN_DEFAULT);
    if (direct->code)
        bench_die("the cluster's own calls fail: %s", direct->message);
}

static void direct_open(struct direct *direct, const char *host, const char *port)
{
    struct error err;
    struct ras_address address = {host, (uint16_t)number(port)};
    struct ras_settings settings = {.name = "direct",
                                    .addresses = &address,
                                    .address_count = 1,
                                    .infobase_cache_ms = 3600000};
    CHECK(uv_loop_init(&direct->loop) == 0);
    if (ras_executor_create(&direct->loop, clock_real(), &settings, direct_done, direct,
                            &direct->executor, &err))
        bench_die("%s", err.message);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Sorts. */
static double quantile(double *values, size_t count, double q)
{
    if (!count)
        return NAN;
    qsort(values, count, sizeof *values, by_size);
    size_t at = (size_t)((double)(count - 1) * q + 0.5);
    return values[at];
}

static int steps(struct drive *drive, int argc, char **argv)
{
    struct bench_targets targets = bench_targets_read(argv[3]);
    size_t first = number(argv[4]);
    size_t rounds = number(argv[5]);
    size_t warm_up = argc > 9 ? number(argv[9]) : 5;
    struct direct direct;
    double *sums[4];
    for (unsigned i = 0; i < 4; i++)
        sums[i] = mem_alloc(rounds, sizeof *sums[i]);
    rd_kafka_queue_t *scratch = rd_kafka_queue_new(drive->reader);
    client_partitions(drive->writer, argv[0]);
    client_partitions(drive->writer, argv[2]);
    client_read(drive->reader, argv[1], RD_KAFKA_OFFSET_END, drive->queue);
    client_read(drive->reader, argv[2], RD_KAFKA_OFFSET_END, scratch);
    direct_open(&direct, argv[6], argv[7]);
    for (size_t i = 0; i < rounds + warm_up; i++) {
        const struct bench_target *pair = &targets.at[first + 2 * i];
        double start = bench_now();
        struct uuid id = produce_command(drive, argv[0], pair, 1, MESSAGE_FORM_BINARY_PROTOBUF);
        await_end(drive, &id);
        double command = bench_now();
        for (unsigned step = 0; step < STEPS_PER_COMMAND; step++)
            append_and_read(drive, argv[2], scratch);
        double appends = bench_now();
        direct_call(&direct, EXECUTOR_LIST, pair[1].session);
        direct_call(&direct, EXECUTOR_END, pair[1].session);
        direct_call(&direct, EXECUTOR_LIST, pair[1].session);
        double calls = bench_now();
        rd_kafka_poll(drive->writer, 0);
        if (i < warm_up)
            continue;
        sums[0][i - warm_up] = (command - start) * 1e3;
        sums[1][i - warm_up] = (appends - command) * 1e3;
        sums[2][i - warm_up] = (calls - appends) * 1e3;
        sums[3][i - warm_up] = (command - start) / (calls - command);
    }
    static const char *const names[] = {"command_ms", "steps_ms", "calls_ms", "ratio"};
    printf("{");
    for (unsigned i = 0; i < 4; i++)
        printf("%s\"%s\": {\"p50\": %.3f, \"p10\": %.3f, \"p90\": %.3f}", i ? ", " : "", names[i],
               quantile(sums[i], rounds, 0.5), quantile(sums[i], rounds, 0.1),
               quantile(sums[i], rounds, 0.9));
    printf(", \"rounds\": %zu}\n", rounds);
    fflush(stdout);
    _exit(0);
}

/* ---- latency at a fixed rate ---- */

struct sent {
    char id[UUID_TEXT_SIZE]; /* key */
    double due;
    bool counted;
    UT_hash_handle hh;
};

struct pace {
    struct sent *open;
    double *latencies;
    size_t count;
    size_t wanted;
    size_t failed;
};

static void pace_event(struct pace *pace, const rd_kafka_message_t *message)
{
    char id[UUID_TEXT_SIZE] = "";
    struct text type = client_header(message, "ce_type");
    struct text cause = client_header(message, "ce_causationid");
    struct sent *sent;
    if (message->err || cause.length != UUID_TEXT_SIZE - 1 ||
        text_equal(type, TEXT("curfew.command.accepted.v1")))
        return;
    memcpy(id, cause.at, cause.length);
    HASH_FIND_STR(pace->open, id, sent);
    if (!sent)
        return;
    HASH_DEL(pace->open, sent);
    if (sent->counted) {
        pace->latencies[pace->count++] = (bench_now() - sent->due) * 1e3;
        pace->failed += !text_equal(type, TEXT("curfew.command.completed.v1"));
    }
    free(sent);
}

static void pace_take(struct drive *drive, struct pace *pace, double until)
{
    do {
        double left = until - bench_now();
        rd_kafka_message_t *message =
            rd_kafka_consume_queue(drive->queue, left > 0.001 ? (int)(left * 1e3) : 0);
        if (!message && left <= 0.001)
            return;
        if (message) {
            pace_event(pace, message);
            rd_kafka_message_destroy(message);
        }
    } while (bench_now() < until);
}

static int pace_run(struct drive *drive, char **argv)
{
    struct bench_targets targets = bench_targets_read(argv[2]);
    size_t first = number(argv[3]);
    size_t count = number(argv[4]);
    double rate = strtod(argv[5], NULL);
    struct pace pace = {.latencies = mem_alloc(count, sizeof(double))};
    client_partitions(drive->writer, argv[0]);
    client_read(drive->reader, argv[1], RD_KAFKA_OFFSET_END, drive->queue);
    double start = bench_now() + 0.2;
    for (size_t i = 0; i < count; i++) {
        const struct bench_target *target = &targets.at[first + i];
        double due = start + (double)i / rate;
        pace_take(drive, &pace, due);
        struct uuid id = produce_command(drive, argv[0], target, 1, MESSAGE_FORM_BINARY_PROTOBUF);
        rd_kafka_poll(drive->writer, 0);
        struct sent *sent = mem_new(struct sent);
        memcpy(sent->id, uuid_format(&id).text, sizeof sent->id);
        sent->due = due;
        sent->counted = strcmp(target->cluster, argv[7]) != 0;
        pace.wanted += sent->counted;
        HASH_ADD_STR(pace.open, id, sent);
    }
    double give_up = bench_now() + 20;
    while (pace.count < pace.wanted && bench_now() < give_up)
        pace_take(drive, &pace, bench_now() + 0.01);
    printf("{\"sent\": %zu, \"answered\": %zu, \"failed\": %zu, \"p50\": %.3f, \"p90\": %.3f, "
           "\"p99\": %.3f, \"max\": %.3f}\n",
           pace.wanted, pace.count, pace.failed, quantile(pace.latencies, pace.count, 0.5),
           quantile(pace.latencies, pace.count, 0.9), quantile(pace.latencies, pace.count, 0.99),
           quantile(pace.latencies, pace.count, 1));
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv)
{
    struct drive drive = {0};
    if (argc < 4)
        bench_die("see drive.c");
    const char *what = argv[1];
    drive.brokers = argv[2];
    const char *flag = !strcmp(what, "steps") && argc > 11  ? argv[11]
                       : !strcmp(what, "pace") && argc > 9 ? argv[9]
                                                           : "0";
    drive.writer = client_writer(drive.brokers, delivered, &drive);
    drive.reader = client_reader(drive.brokers, flag[0] == '1');
    drive.queue = rd_kafka_queue_new(drive.reader);
    argc -= 3;
    argv += 3;
    if (!strcmp(what, "load") && argc >= 5)
        return load(&drive, argc, argv);
    if (!strcmp(what, "wait") && argc == 5)
        return wait_for(&drive, argv);
    if (!strcmp(what, "ends") && argc == 1)
        return print_ends(&drive, argv);
    if (!strcmp(what, "sizes") && argc == 2)
        return sizes(&drive, argv);
    if (!strcmp(what, "steps") && argc >= 9)
        return steps(&drive, argc, argv);
    if (!strcmp(what, "pace") && argc == 8)
        return pace_run(&drive, argv);
    bench_die("see drive.c");
}
