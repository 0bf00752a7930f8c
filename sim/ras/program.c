#include "sim/ras/program.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "sim/ras/control.h"
#include "sim/ras/server.h"

enum { FAULTS_MAX = 100, TEXT_BYTES = 64 * 1024 };

enum choice {
    OPTION_CLUSTERS = 256,
    OPTION_INFOBASES,
    OPTION_SESSIONS,
    OPTION_SEED,
    OPTION_CHURN,
    OPTION_STILL,
    OPTION_PLAIN,
    OPTION_LINGER,
    OPTION_CONNECTION_LINGER,
    OPTION_RELOGIN,
    OPTION_NAMELESS,
    OPTION_RAS_SESSION,
    OPTION_ZONE,
    OPTION_HOST,
    OPTION_PORT,
    OPTION_ONE_PORT,
    OPTION_ADDRESSES,
    OPTION_PORT_FILE,
    OPTION_VERSION,
    OPTION_ENDPOINT,
    OPTION_CREDENTIALS,
    OPTION_INFOBASE_CREDENTIALS,
    OPTION_ENGLISH,
    OPTION_FAULT,
    OPTION_SCRIPT,
    OPTION_LOG,
    OPTION_LOG_LIFE,
    OPTION_CONTROL_PORT,
    OPTION_CONTROL_PORT_FILE,
    OPTION_TOLERATE,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct {
    const char *name;
    enum choice option;
    const char *value; /* NULL: takes none */
    const char *meaning;
} table[] = {
    {"clusters", OPTION_CLUSTERS, "N", "clusters, named sim-01, sim-02, ... (1)"},
    {"infobases", OPTION_INFOBASES, "N", "infobases of each, named ib-01, ib-02, ... (3)"},
    {"sessions", OPTION_SESSIONS, "N", "sessions of each cluster (50)"},
    {"seed", OPTION_SEED, "S", "everything, UUIDs included, follows from it (1)"},
    {"churn", OPTION_CHURN, "RATE", "logins per second in all, and as many logouts (0)"},
    {"still", OPTION_STILL, NULL, "no counters move, no calls run"},
    {"plain", OPTION_PLAIN, NULL, "no odd user names and overlong texts"},
    {"linger", OPTION_LINGER, "TIME", "a terminated session stays listed (0s)"},
    {"connection-linger", OPTION_CONNECTION_LINGER, "TIME", "its connection after that (300ms)"},
    {"relogin", OPTION_RELOGIN, "TIME", "a terminated user comes back after this (never)"},
    {"nameless", OPTION_NAMELESS, "TIME", "who logs in has no user name for so long (0s)"},
    {"ras-session", OPTION_RAS_SESSION, "TIME", "life of the session that RAS opens itself (60s)"},
    {"zone", OPTION_ZONE, "MINUTES", "the servers' clock minus UTC (180)"},
    {"host", OPTION_HOST, "ADDRESS", "to listen on (127.0.0.1)"},
    {"port", OPTION_PORT, "P", "of the first cluster, the next ones follow (any)"},
    {"one-port", OPTION_ONE_PORT, NULL, "all clusters behind one port"},
    {"addresses", OPTION_ADDRESSES, "N", "ports of each cluster, for clients that change over (1)"},
    {"port-file", OPTION_PORT_FILE, "FILE",
     "gets `name host:port uuid` per cluster, once it listens"},
    {"version", OPTION_VERSION, "LIST",
     "endpoint versions offered, as 16.0 or 9.0,10.0 (all known)"},
    {"endpoint", OPTION_ENDPOINT, "N", "first endpoint id (1, 63, 64, 70, 4095 or 5000 by chance)"},
    {"credentials", OPTION_CREDENTIALS, "U:P",
     "of the clusters' and the agent's administrator (none)"},
    {"infobase-credentials", OPTION_INFOBASE_CREDENTIALS, "U:P", "of the infobases' (none)"},
    {"english", OPTION_ENGLISH, NULL, "texts of errors in English"},
    {"fault", OPTION_FAULT, "SPEC", "a fault from the start, as often as wanted; see below"},
    {"script", OPTION_SCRIPT, "FILE", "JSON array of {\"at\": \"2s\", \"do\": WORD, ...}"},
    {"log", OPTION_LOG, "FILE", "one JSON line per request that was to change something"},
    {"log-life", OPTION_LOG_LIFE, NULL, "and per session that starts or ends"},
    {"control-port", OPTION_CONTROL_PORT, "P", "of the control protocol (any, with the file)"},
    {"control-port-file", OPTION_CONTROL_PORT_FILE, "FILE",
     "gets `host:port` of the control protocol"},
    {"tolerate", OPTION_TOLERATE, "LIST", "violations that do not make the exit status 1"},
    {"json", OPTION_JSON, NULL, "the summary as JSON"},
    {"help", OPTION_HELP, NULL, "this"},
};
enum { OPTION_COUNT = sizeof table / sizeof *table };

struct program {
    struct world_options world_options;
    struct world_population population;
    struct ras_sim_options options;
    const char *host;
    uint16_t port;
    bool one_port;
    unsigned addresses; /* of each cluster */
    const char *port_file;
    const char *faults[FAULTS_MAX];
    size_t fault_count;
    const char *script;
    const char *log;
    bool log_life;
    bool control;
    uint16_t control_port;
    const char *control_port_file;
    bool tolerated[RAS_VIOLATION_COUNT];
    bool json;
    bool help;

    uv_loop_t loop;
    uv_signal_t signals[2];
    struct world *world;
    struct ras_sim *sim;
    bool stopping;
};

/* ---- the command line ---- */

static enum error_code read_number(const char *value, uint64_t max, uint64_t *ret,
                                   struct error *err)
{
    return text_u64(text_of(value), max, ret, err);
}

static enum error_code read_unsigned(const char *value, unsigned max, unsigned *ret,
                                     struct error *err)
{
    uint64_t number = 0;
    enum error_code code = read_number(value, max, &number, err);
    *ret = (unsigned)number;
    return code;
}

static enum error_code read_port(const char *value, uint16_t *ret, struct error *err)
{
    unsigned number = 0;
    enum error_code code = read_unsigned(value, UINT16_MAX, &number, err);
    *ret = (uint16_t)number;
    return code;
}

static enum error_code read_rate(const char *value, double *ret, struct error *err)
{
    char *end = NULL;
    double rate = strtod(value, &end);
    if (end == value || *end || !(rate >= 0) || rate > 1e6)
        return error_set(err, ERR_USAGE, "'%s' is not a rate", value);
    *ret = rate;
    return ERR_OK;
}

static enum error_code read_pair(const char *value, struct text *user, struct text *password,
                                 struct error *err)
{
    const char *colon = strchr(value, ':');
    if (!colon || colon == value)
        return error_set(err, ERR_USAGE, "credentials are user:password");
    *user = (struct text){value, (size_t)(colon - value)};
    *password = text_of(colon + 1);
    return ERR_OK;
}

/* The next of `a,b,c`; false at the end. */
static bool next_item(const char **rest, struct text *ret)
{
    if (!**rest)
        return false;
    size_t length = strcspn(*rest, ",");
    *ret = (struct text){*rest, length};
    *rest += length + ((*rest)[length] == ',');
    return true;
}

static enum error_code read_version(struct text item, unsigned *ret, struct error *err)
{
    uint64_t number = 0;
    if (ras_version_read(item, ret, NULL) && text_u64(item, RAS_VERSION_MAX, &number, NULL))
        return error_set(err, ERR_USAGE, "'%.*s' is not a version", TEXT_ARGS(item));
    if (number)
        *ret = (unsigned)number;
    if (!ras_version_known(*ret))
        return error_set(err, ERR_USAGE, "the layouts of version %u are not known", *ret);
    return ERR_OK;
}

static enum error_code read_versions(const char *value, uint8_t *ret, struct error *err)
{
    struct text item;
    size_t count = 0;
    while (next_item(&value, &item)) {
        unsigned version = 0;
        if (count == RAS_SIM_VERSIONS_MAX)
            return error_set(err, ERR_USAGE, "too many versions");
        if (read_version(item, &version, err))
            return err->code;
        ret[count++] = (uint8_t)version;
    }
    return ERR_OK;
}

static enum error_code read_tolerated(const char *value, bool *ret, struct error *err)
{
    struct text item;
    while (next_item(&value, &item)) {
        int found = 0;
        while (found < RAS_VIOLATION_COUNT &&
               !text_equal(item, text_of(ras_violation_name((enum ras_violation)found))))
            found++;
        if (found == RAS_VIOLATION_COUNT)
            return error_set(err, ERR_USAGE, "there is no violation '%.*s'", TEXT_ARGS(item));
        ret[found] = true;
    }
    return ERR_OK;
}

static enum error_code add_fault(struct program *program, const char *value, struct error *err)
{
    if (program->fault_count == FAULTS_MAX)
        return error_set(err, ERR_USAGE, "more than %d faults", FAULTS_MAX);
    program->faults[program->fault_count++] = value;
    return ERR_OK;
}

static enum error_code take_world(struct program *program, enum choice option, const char *value,
                                  struct error *err)
{
    struct world_options *world = &program->world_options;
    struct world_population *people = &program->population;
    switch (option) {
    case OPTION_CLUSTERS:
        return read_unsigned(value, 1000, &people->clusters, err);
    case OPTION_INFOBASES:
        return read_unsigned(value, 1000, &people->infobases, err);
    case OPTION_SESSIONS:
        return read_unsigned(value, 100000, &people->sessions, err);
    case OPTION_SEED:
        return read_number(value, UINT64_MAX, &world->seed, err);
    case OPTION_CHURN:
        return read_rate(value, &world->churn, err);
    case OPTION_LINGER:
        return text_duration_ms(text_of(value), &world->linger_ms, err);
    case OPTION_CONNECTION_LINGER:
        return text_duration_ms(text_of(value), &world->connection_ms, err);
    case OPTION_RELOGIN:
        return text_duration_ms(text_of(value), &world->relogin_ms, err);
    case OPTION_NAMELESS:
        return text_duration_ms(text_of(value), &world->nameless_ms, err);
    case OPTION_RAS_SESSION:
        return text_duration_ms(text_of(value), &world->ras_session_ms, err);
    case OPTION_ZONE:
        return text_i64(text_of(value), &world->zone_minutes, err);
    case OPTION_CREDENTIALS:
        return read_pair(value, &people->user, &people->password, err);
    case OPTION_INFOBASE_CREDENTIALS:
        return read_pair(value, &people->infobase_user, &people->infobase_password, err);
    default:
        break;
    }
    check_failed(__FILE__, __LINE__, "every option has a place");
}

static enum error_code take_server(struct program *program, enum choice option, const char *value,
                                   struct error *err)
{
    switch (option) {
    case OPTION_HOST:
        program->host = value;
        return ERR_OK;
    case OPTION_PORT:
        return read_port(value, &program->port, err);
    case OPTION_ADDRESSES:
        return read_unsigned(value, 16, &program->addresses, err);
    case OPTION_PORT_FILE:
        program->port_file = value;
        return ERR_OK;
    case OPTION_VERSION:
        return read_versions(value, program->options.versions, err);
    case OPTION_ENDPOINT:
        return read_unsigned(value, INT32_MAX, &program->options.first_endpoint, err);
    case OPTION_FAULT:
        return add_fault(program, value, err);
    case OPTION_SCRIPT:
        program->script = value;
        return ERR_OK;
    case OPTION_LOG:
        program->log = value;
        return ERR_OK;
    case OPTION_CONTROL_PORT:
        program->control = true;
        return read_port(value, &program->control_port, err);
    case OPTION_CONTROL_PORT_FILE:
        program->control = true;
        program->control_port_file = value;
        return ERR_OK;
    case OPTION_TOLERATE:
        return read_tolerated(value, program->tolerated, err);
    default:
        return take_world(program, option, value, err);
    }
}

static enum error_code take_option(struct program *program, enum choice option, const char *value,
                                   struct error *err)
{
    switch (option) {
    case OPTION_STILL:
        program->world_options.activity = false;
        return ERR_OK;
    case OPTION_PLAIN:
        program->world_options.stress = false;
        return ERR_OK;
    case OPTION_ONE_PORT:
        program->one_port = true;
        return ERR_OK;
    case OPTION_ENGLISH:
        program->options.english = true;
        return ERR_OK;
    case OPTION_LOG_LIFE:
        program->log_life = true;
        return ERR_OK;
    case OPTION_JSON:
        program->json = true;
        return ERR_OK;
    case OPTION_HELP:
        program->help = true;
        return ERR_OK;
    default:
        return take_server(program, option, value, err);
    }
}

static enum error_code read_command_line(struct program *program, int argc, char **argv,
                                         struct error *err)
{
    struct option longs[OPTION_COUNT + 1] = {0};
    for (size_t i = 0; i < OPTION_COUNT; i++)
        longs[i] = (struct option){table[i].name, table[i].value ? required_argument : no_argument,
                                   NULL, (int)table[i].option};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (option == '?')
            return error_set(err, ERR_USAGE, "see --help");
        if (option == 'h')
            option = OPTION_HELP;
        if (take_option(program, (enum choice)option, optarg, err))
            return error_wrap(err, "--%s", table[option - OPTION_CLUSTERS].name);
    }
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%s' is too much", argv[optind]);
    if (program->population.clusters == 0 || program->population.infobases == 0 ||
        program->addresses == 0)
        return error_set(err, ERR_USAGE, "at least one cluster, infobase and address are needed");
    return ERR_OK;
}

static void print_help(void)
{
    AUTO_BUF text = {0};
    buf_init(&text, TEXT_BYTES);
    buf_str(&text, "curfew-ras-sim: a simulated 1C:Enterprise administration server\n\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "--%s%s%s", table[i].name, table[i].value ? " " : "",
                 table[i].value ? table[i].value : "");
        buf_format(&text, "  %-30s %s\n", name, table[i].meaning);
    }
    buf_str(&text,
            "\nA fault is KIND[=VALUE][,op=OP][,cluster=C][,port=P][,infobase=IB]"
            "[,session=UUID][,number=N][,user=U]\n[,times=N][,skip=N][,p=0.1][,for=30s]. Kinds:\n");
    faults_help(&text);
    buf_str(&text, "\nThe control protocol takes a line and answers a line of JSON. Words:\n");
    control_help(&text);
    fputs(buf_text(&text), stdout);
}

/* ---- running ---- */

static void on_closed(void *self)
{
    struct program *program = self;
    for (size_t i = 0; i < sizeof program->signals / sizeof *program->signals; i++)
        uv_close((uv_handle_t *)&program->signals[i], NULL);
}

static void stop(void *self)
{
    struct program *program = self;
    if (program->stopping)
        return;
    program->stopping = true;
    ras_sim_close(program->sim, on_closed, program);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    stop(signal->data);
}

/* Written beside and renamed, so that a reader sees all of it or nothing. */
static enum error_code write_file(const char *path, struct buf *text, struct error *err)
{
    char beside[4096];
    int length = snprintf(beside, sizeof beside, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof beside)
        return error_set(err, ERR_USAGE, "'%s' is too long a name", path);
    FILE *file = fopen(beside, "w");
    if (!file)
        return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", beside, strerror(errno));
    bool written = fwrite(text->data, 1, text->length, file) == text->length;
    if (fclose(file) || !written || rename(beside, path))
        return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerror(errno));
    return ERR_OK;
}

/* One address; without `only` it serves every cluster and gets a line for each. */
static enum error_code listen_one(struct program *program, struct world_cluster *only,
                                  struct buf *lines, struct error *err)
{
    uint16_t port = 0;
    size_t count = world_cluster_count(program->world);
    enum error_code code =
        ras_sim_listen(program->sim, program->host, program->port, only, &port, err);
    if (program->port)
        program->port++;
    for (size_t i = 0; i < count && !code; i++) {
        const struct world_cluster *cluster = world_cluster_at(program->world, i);
        if (!only || only == cluster)
            buf_format(lines, "%.*s %s:%u %s\n", TEXT_ARGS(cluster->record.name), program->host,
                       port, uuid_format(&cluster->record.uuid).text);
    }
    return code;
}

static enum error_code listen_all(struct program *program, struct buf *lines, struct error *err)
{
    size_t clusters = program->one_port ? 1 : world_cluster_count(program->world);
    enum error_code code = ERR_OK;
    for (size_t c = 0; c < clusters; c++) {
        struct world_cluster *only = program->one_port ? NULL : world_cluster_at(program->world, c);
        for (unsigned i = 0; i < program->addresses && !code; i++)
            code = listen_one(program, only, lines, err);
    }
    return code;
}

static enum error_code start_control(struct program *program, struct error *err)
{
    AUTO_BUF line = {0};
    uint16_t port = 0;
    ras_sim_on_stop(program->sim, stop, program);
    if (!program->control)
        return ERR_OK;
    if (ras_sim_control(program->sim, program->control_port, &port, err))
        return err->code;
    buf_init(&line, 256);
    buf_format(&line, "127.0.0.1:%u\n", port);
    return program->control_port_file ? write_file(program->control_port_file, &line, err) : ERR_OK;
}

static enum error_code start(struct program *program, struct error *err)
{
    AUTO_BUF lines = {0};
    buf_init(&lines, 1024 * 1024);
    enum error_code code = ERR_OK;
    if (program->log)
        code = ras_sim_log(program->sim, program->log, program->log_life, err);
    if (!code) /* after the log, so that the first sessions stand in it */
        world_populate(program->world, &program->population, clock_wall(&program->options.clock));
    for (size_t i = 0; i < program->fault_count && !code; i++)
        code = ras_sim_fault(program->sim, program->faults[i], NULL, err);
    if (!code)
        code = start_control(program, err);
    if (!code)
        code = listen_all(program, &lines, err);
    if (!code && program->script)
        code = ras_sim_script(program->sim, program->script, err);
    if (!code && program->port_file)
        code = write_file(program->port_file, &lines, err);
    if (!code) {
        fputs(buf_text(&lines), stdout);
        fflush(stdout);
    }
    return code;
}

static void watch_signals(struct program *program)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&program->loop, &program->signals[i]);
        program->signals[i].data = program;
        uv_signal_start(&program->signals[i], on_signal, numbers[i]);
    }
}

static uint64_t untolerated(const struct program *program)
{
    const struct ras_sim_counters *counters = ras_sim_counters(program->sim);
    uint64_t count = 0;
    for (int i = 0; i < RAS_VIOLATION_COUNT; i++)
        if (!program->tolerated[i])
            count += counters->violation[i];
    return count;
}

static void print_summary(struct program *program)
{
    const struct ras_sim_counters *counters = ras_sim_counters(program->sim);
    struct world_totals totals = world_totals(program->world);
    printf("sessions %zu started %llu terminated %llu logged out %llu; connections %llu requests "
           "%llu; terminates %llu effective %llu; updates %llu effective %llu; violations %llu\n",
           totals.sessions, (unsigned long long)totals.started,
           (unsigned long long)totals.ended[WORLD_TERMINATED],
           (unsigned long long)totals.ended[WORLD_LOGOUT],
           (unsigned long long)counters->connections, (unsigned long long)counters->requests,
           (unsigned long long)counters->terminates, (unsigned long long)counters->terminated,
           (unsigned long long)counters->updates, (unsigned long long)counters->updated,
           (unsigned long long)counters->violations);
    const char *note;
    for (size_t i = 0; (note = ras_sim_note(program->sim, i)); i++)
        fprintf(stderr, "violation: %s\n", note);
}

/* The same as `state` and `violations` of the control protocol, in one line each. */
static void print_json(struct program *program)
{
    AUTO_BUF text = {0};
    buf_init(&text, 64 * 1024 * 1024);
    ras_sim_command(program->sim, TEXT("state"), &text);
    ras_sim_command(program->sim, TEXT("violations"), &text);
    fputs(buf_text(&text), stdout);
}

static int run(struct program *program)
{
    struct error err = {0};
    int status = 0;
    uv_loop_init(&program->loop);
    program->world = world_create(program->world_options);
    program->options.clock = clock_real();
    program->options.seed = program->world_options.seed;
    program->sim = ras_sim_create(&program->loop, program->world, &program->options);
    watch_signals(program);
    if (start(program, &err)) {
        fprintf(stderr, "curfew-ras-sim: %s\n", err.message);
        status = err.code == ERR_USAGE || err.code == ERR_INVALID ? 2 : 78;
        stop(program);
    }
    uv_run(&program->loop, UV_RUN_DEFAULT);
    if (!status) {
        if (program->json)
            print_json(program);
        else
            print_summary(program);
        status = untolerated(program) ? 1 : 0;
    }
    ras_sim_destroy(program->sim);
    world_destroy(program->world);
    CHECK(uv_loop_close(&program->loop) == 0);
    return status;
}

int ras_sim_main(int argc, char **argv)
{
    struct error err = {0};
    struct program program = {
        .world_options = world_options_default(),
        .population = {.clusters = 1, .infobases = 3, .sessions = 50},
        .host = "127.0.0.1",
        .addresses = 1,
    };
    if (read_command_line(&program, argc, argv, &err)) {
        fprintf(stderr, "curfew-ras-sim: %s\n", err.message);
        return 2;
    }
    if (program.help) {
        print_help();
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    return run(&program);
}
