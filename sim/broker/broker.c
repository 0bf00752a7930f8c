#include "sim/broker/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"

enum {
    ACCEPT_WITHIN_MS = 10000,
    PATH_BYTES_MAX = 4096,
    EXIT_USAGE = 2,
};

struct broker {
    rd_kafka_t *host; /* hosting client: every socket of the cluster follows its settings */
    rd_kafka_mock_cluster_t *cluster;
};

static const struct broker_topic default_topics[] = {
    {"curfew.commands", 4}, {"curfew.control", 1},      {"curfew.events", 4},
    {"curfew.journal", 4},  {"curfew.dead-letters", 1},
};

const struct broker_topic *broker_default_topics(size_t *ret_count)
{
    *ret_count = sizeof default_topics / sizeof *default_topics;
    return default_topics;
}

const char *broker_caveats(void)
{
    return "this is the embedded development broker, for trying Curfew out and for tests:\n"
           "it keeps 5 MiB a partition and then drops the oldest records without a word\n"
           "its timestamps prove nothing, so the age of a command or a licence is not certain\n"
           "it has no retention, no replication and no administration of topics\n"
           "it ignores static membership, and joining a group takes it 3 s and more\n"
           "it has no authentication, and everything is gone when it ends";
}

static rd_kafka_t *make_host(struct error *err)
{
    char said[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    /* With Nagle's algorithm on, every answer of the cluster may wait 40 ms. */
    if (rd_kafka_conf_set(conf, "socket.nagle.disable", "true", said, sizeof said) ||
        rd_kafka_conf_set(conf, "client.id", "curfew-broker", said, sizeof said) ||
        rd_kafka_conf_set(conf, "log_level", "3", said, sizeof said)) {
        rd_kafka_conf_destroy(conf);
        error_set(err, ERR_CONFIG, "the embedded broker's host: %s", said);
        return NULL;
    }
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof said);
    if (!host) {
        rd_kafka_conf_destroy(conf);
        error_set(err, ERR_UNAVAILABLE, "the embedded broker's host: %s", said);
    }
    return host;
}

static enum error_code make_topics(struct broker *broker, int nodes,
                                   const struct broker_topic *topics, size_t count,
                                   struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (topics[i].partitions < 1 || topics[i].partitions > BROKER_PARTITIONS_MAX)
            return error_set(err, ERR_CONFIG, "topic '%s': 1 to %d partitions, not %d",
                             topics[i].name, BROKER_PARTITIONS_MAX, topics[i].partitions);
        rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(broker->cluster, topics[i].name,
                                                              topics[i].partitions, nodes);
        if (code)
            return error_set(err, ERR_CONFIG, "topic '%s' cannot be made: %s", topics[i].name,
                             rd_kafka_err2str(code));
    }
    return ERR_OK;
}

static bool accepts(const char *address)
{
    char host[64];
    const char *colon = strchr(address, ':');
    struct error error;
    uint64_t port;
    const char *comma = strchrnul(address, ',');
    if (!colon || (size_t)(colon - address) >= sizeof host ||
        text_u64((struct text){colon + 1, (size_t)(comma - colon - 1)}, 65535, &port, &error))
        return false;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        return false;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (fd >= 0)
        close(fd);
    return connected;
}

/* The cluster listens before it returns from its creation; this makes sure of it from outside. */
static enum error_code wait_until_it_accepts(const struct broker *broker, struct error *err)
{
    struct clock clock = clock_real();
    struct instant deadline = instant_add_ms(clock_now(&clock), ACCEPT_WITHIN_MS);
    while (!accepts(broker_address(broker)))
        if (instant_passed(clock_now(&clock), deadline))
            return error_set(err, ERR_UNAVAILABLE, "the embedded broker does not accept at '%s'",
                             broker_address(broker));
    return ERR_OK;
}

enum error_code broker_create(int nodes, const struct broker_topic *topics, size_t count,
                              struct broker **ret, struct error *err)
{
    CHECK(nodes >= 1);
    CHECK(nodes <= 9);
    AUTO(broker) broker = mem_new(struct broker);
    broker->host = make_host(err);
    if (!broker->host)
        return err ? err->code : ERR_UNAVAILABLE;
    broker->cluster = rd_kafka_mock_cluster_new(broker->host, nodes);
    if (!broker->cluster)
        return error_set(err, ERR_UNAVAILABLE, "the embedded broker cannot listen");
    enum error_code code = make_topics(broker, nodes, topics, count, err);
    if (!code)
        code = wait_until_it_accepts(broker, err);
    if (code)
        return code;
    *ret = STEAL(broker);
    return ERR_OK;
}

void broker_destroy(struct broker *broker)
{
    if (!broker)
        return;
    if (broker->cluster)
        rd_kafka_mock_cluster_destroy(broker->cluster);
    if (broker->host)
        rd_kafka_destroy(broker->host);
    free(broker);
}

const char *broker_address(const struct broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

struct rd_kafka_mock_cluster_s *broker_mock(struct broker *broker)
{
    return broker->cluster;
}

/* --- curfew broker -----------------------------------------------------------------------------
 */

struct broker_options {
    const char *port_file; /* NULL = none */
    struct broker_topic topics[BROKER_TOPICS_MAX];
    char *names[BROKER_TOPICS_MAX]; /* owned; what topics[].name points at */
    size_t topic_count;
};

static void options_release(struct broker_options *options)
{
    for (size_t i = 0; i < options->topic_count; i++)
        free(options->names[i]);
}

static enum error_code add_topic(struct broker_options *options, const char *text,
                                 struct error *err)
{
    const char *colon = strrchr(text, ':');
    uint64_t partitions;
    if (options->topic_count == BROKER_TOPICS_MAX)
        return error_set(err, ERR_USAGE, "at most %d topics", BROKER_TOPICS_MAX);
    if (!colon || colon == text ||
        text_u64(text_of(colon + 1), BROKER_PARTITIONS_MAX, &partitions, NULL) || partitions == 0)
        return error_set(err, ERR_USAGE, "--topic needs name:partitions, as in orders:4");
    size_t place = options->topic_count++;
    options->names[place] = mem_text(text, (size_t)(colon - text));
    options->topics[place] = (struct broker_topic){options->names[place], (int32_t)partitions};
    return ERR_OK;
}

static void usage(FILE *to)
{
    fputs("usage: curfew broker [--port-file FILE] [--topic NAME:PARTITIONS ...]\n"
          "\n"
          "Runs the embedded development broker until it is interrupted. Prints its address\n"
          "(host:port) on standard output once it accepts connections.\n"
          "\n"
          "  --port-file FILE          write the address to FILE as well, in one step\n"
          "  --topic NAME:PARTITIONS   make this topic; given once or more, it replaces the\n"
          "                            topics of a default configuration\n",
          to);
}

/* ERR_OK, ERR_USAGE, or ERR_CANCELLED when help was asked for. */
static enum error_code read_options(int argc, char **argv, struct broker_options *options,
                                    struct error *err)
{
    static const struct option known[] = {
        {"port-file", required_argument, NULL, 'p'},
        {"topic", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    optind = 0; /* scan from the start, whatever was scanned before */
    int option;
    while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (option == 'h')
            return error_set(err, ERR_CANCELLED, "help");
        if (option == 'p')
            options->port_file = optarg;
        else if (option != 't')
            return error_set(err, ERR_USAGE, "see 'curfew broker --help'");
        else if (add_topic(options, optarg, err))
            return ERR_USAGE;
    }
    if (optind < argc)
        return error_set(err, ERR_USAGE, "curfew broker takes no argument '%s'", argv[optind]);
    return ERR_OK;
}

/* Written beside and renamed: whoever waits for the file never reads half an address. */
static enum error_code write_port_file(const char *path, const char *address, struct error *err)
{
    char beside[PATH_BYTES_MAX];
    if ((size_t)snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid()) >= sizeof beside)
        return error_set(err, ERR_USAGE, "the name of the port file is too long");
    FILE *file = fopen(beside, "we");
    if (!file)
        return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", beside, strerror(errno));
    int failed = fprintf(file, "%s\n", address) < 0;
    failed |= fclose(file);
    if (!failed && rename(beside, path) == 0)
        return ERR_OK;
    error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerror(errno));
    unlink(beside);
    return ERR_SYSTEM;
}

static enum error_code run_until_stopped(const struct broker_options *options,
                                         const sigset_t *stops, struct error *err)
{
    size_t count = options->topic_count;
    const struct broker_topic *topics = count ? options->topics : broker_default_topics(&count);
    AUTO(broker) broker = NULL;
    enum error_code code = broker_create(1, topics, count, &broker, err);
    if (code)
        return code;
    fprintf(stderr, "%s\n", broker_caveats());
    printf("%s\n", broker_address(broker));
    fflush(stdout);
    if (options->port_file && write_port_file(options->port_file, broker_address(broker), err))
        return ERR_SYSTEM;
    int signal;
    CHECK(sigwait(stops, &signal) == 0);
    if (options->port_file)
        unlink(options->port_file); /* an address nobody answers at is worse than none */
    return ERR_OK;
}

int broker_run(int argc, char **argv)
{
    struct error error = {0};
    struct broker_options options = {0};
    enum error_code code = read_options(argc, argv, &options, &error);
    if (code == ERR_CANCELLED) {
        usage(stdout);
        code = ERR_OK;
    } else if (code == ERR_OK) {
        sigset_t stops, before;
        sigemptyset(&stops);
        sigaddset(&stops, SIGINT);
        sigaddset(&stops, SIGTERM);
        /* Before any thread is made, so that none of librdkafka's takes the signal. */
        pthread_sigmask(SIG_BLOCK, &stops, &before);
        code = run_until_stopped(&options, &stops, &error);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (code)
        fprintf(stderr, "curfew broker: %s\n", error.message);
    options_release(&options);
    return code ? error_exit_status(code) : 0;
}
