/* curfew doctor: looks at everything the worker needs, one by one, and says what to do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include "cli/cluster_list.h"
#include "cli/doctor.h"
#include "cli/handler_look.h"
#include "cli/kill_switch.h"
#include "cli/link.h"
#include "cli/lock_look.h"
#include "cli/main_table.h"
#include "cli/rac_look.h"
#include "cli/say.h"
#include "kafka/admin.h"
#include "select/filter.h"
#include "service/settings.h"

enum {
    KEY_CLUSTER = 0x2000,
    CLUSTER_MS = 10000, /* for one cluster to answer */
    CLOCK_SKEW_MS = 30000,
    FILES_BASE = 256, /* descriptors beside the clusters' connections */
    RAC_FILES = 4,    /* of one program that runs */
    PROBLEMS_MAX = CONFIG_PROBLEMS_MAX * 1024,
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct doctor *doctor = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &doctor->common);
        return 0;
    case KEY_CLUSTER:
        doctor->only = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_table[] = {
    {"cluster", KEY_CLUSTER, "NAME", 0, "Of the clusters only this one", 0}, {0}};

const struct argp cmd_doctor_argp = {
    options_table,
    parse,
    NULL,
    "Looks at everything the worker needs, and says what to do.\n\n"
    "Examples:\n"
    "  curfew doctor --config /etc/curfew/curfew.yaml\n"
    "  curfew doctor --json | jq '.[] | select(.state != \"ok\")'\n"
    "\vChecks the configuration, the limits of this process, the clock, the brokers, the "
    "topics, the journal and the kill switch, lists the sessions of every cluster once, side by "
    "side, and reads the locks of infobases that were drained. Changes nothing.\n\n"
    "Exit status: 0 nothing fails (there may be warnings), else that of the first failure.",
    cli_children,
    NULL,
    NULL};

/* ---- this machine ---- */

static void look_at_limits(struct doctor *doctor, const struct config *config)
{
    struct rlimit files;
    uint64_t wanted = FILES_BASE + config->http.connections;
    for (size_t i = 0; i < config->cluster_count; i++)
        wanted += config->clusters[i].executor == CONFIG_EXECUTOR_RAC
                      ? RAC_FILES * config->clusters[i].in_flight
                      : config->clusters[i].pool;
    if (getrlimit(RLIMIT_NOFILE, &files))
        return;
    if (files.rlim_max < wanted)
        TELL(doctor, "descriptors", FINDING_WARN, ERR_OK,
             "set LimitNOFILE of the unit, or the container's ulimit",
             "at most %" PRIu64 ", and up to %" PRIu64 " can be needed", (uint64_t)files.rlim_max,
             wanted);
    else
        TELL(doctor, "descriptors", FINDING_OK, ERR_OK, NULL,
             "up to %" PRIu64 ", %" PRIu64 " can be needed", (uint64_t)files.rlim_max, wanted);
}

static void look_at_clock(struct doctor *doctor)
{
    struct timex clock = {.modes = 0};
    int state = adjtimex(&clock);
    if (state == -1 || state == TIME_ERROR)
        TELL(doctor, "clock", FINDING_WARN, ERR_OK,
             "run chrony or systemd-timesyncd: times in records and events come from this clock",
             "not synchronised, as far as the kernel knows");
    else
        TELL(doctor, "clock", FINDING_OK, ERR_OK, NULL, "synchronised");
}

/* ---- Kafka ---- */

/* False: they cannot be looked at. */
static bool look_at_topics(struct doctor *doctor, const struct kafka_settings *settings)
{
    struct kafka_report report;
    struct error err;
    if (kafka_topics_check(settings, cli_first_look_ms(&doctor->common), &report, &err)) {
        TELL(doctor, "topics", FINDING_FAIL, err.code, doctor_kafka_todo(err.code), "%s",
             err.message);
        return false;
    }
    size_t told = 0;
    for (size_t i = 0; i < report.count; i++) {
        const struct kafka_finding *finding = &report.findings[i];
        bool unsafe = finding->severity == KAFKA_UNSAFE;
        if (finding->severity < KAFKA_WARN)
            continue;
        told++;
        AUTO_BUF text;
        buf_init(&text, 2 * FINDING_TEXT_MAX);
        kafka_finding_say(finding, &text);
        TELL(doctor, "topics", unsafe ? FINDING_FAIL : FINDING_WARN, unsafe ? ERR_UNSAFE : ERR_OK,
             finding->fix, "%s", buf_text(&text));
    }
    if (!told)
        TELL(doctor, "topics", FINDING_OK, ERR_OK, NULL,
             report.embedded ? "there; on the embedded broker nothing else can be promised"
                             : "there, with safe settings");
    kafka_report_release(&report);
    return true;
}

/* A reply topic is somebody else's: events for one that is not there end in the dead letters. */
static void look_at_replies(struct doctor *doctor, struct kafka_settings *settings,
                            const struct config_list *topics)
{
    AUTO(link) link = NULL;
    struct error err;
    if (topics->count == 0 ||
        link_create(NULL, settings, cli_first_look_ms(&doctor->common), &link, &err))
        return; /* what is wrong with the brokers is told by the next check */
    for (size_t i = 0; i < topics->count; i++) {
        int32_t partitions;
        if (!link_partitions(link, topics->items[i], &partitions, &err))
            TELL(doctor, "reply topic", FINDING_OK, ERR_OK, NULL, "'%s' is there",
                 topics->items[i]);
        else
            TELL(doctor, "reply topic", FINDING_WARN, ERR_OK,
                 "make it, grant Describe and Write on it, or take it from reply_topics: until "
                 "then its events go to the dead letters",
                 "'%s' cannot be written to", topics->items[i]);
    }
}

/* The newest record of every partition; its append time cannot lie in our future. */
static void compare_clocks(struct doctor *doctor, struct link *link)
{
    struct clock clock = clock_real();
    struct kafka_message *message;
    int64_t ahead = INT64_MIN;
    struct instant until = instant_add_ms(link_now(link), cli_first_look_ms(&doctor->common));
    do {
        while (link_take(link, &message)) {
            int64_t by = message->timestamp.ms - clock_wall(&clock).ms;
            if (message->timestamp_type == KAFKA_TIMESTAMP_APPEND && by > ahead)
                ahead = by;
            kafka_message_destroy(message);
        }
    } while (!link_at_end(link) && link_wait(link, until) == LINK_READY);
    if (ahead > CLOCK_SKEW_MS)
        TELL(doctor, "broker's clock", FINDING_WARN, ERR_OK,
             "compare the clocks of the brokers and of this machine",
             "%" PRId64 " s ahead of the clock here", ahead / 1000);
    else if (ahead != INT64_MIN)
        TELL(doctor, "broker's clock", FINDING_OK, ERR_OK, NULL, "not ahead of the clock here");
}

static void look_at_broker_clock(struct doctor *doctor, struct kafka_settings *settings)
{
    AUTO(link) link = NULL;
    struct error err;
    if (settings->embedded || /* its times mean nothing */
        link_create(NULL, settings, cli_first_look_ms(&doctor->common), &link, &err) ||
        link_read_last(link, settings->topics.journal, &err))
        return; /* what is wrong there was told already */
    compare_clocks(doctor, link);
}

static void tell_engaged(struct doctor *doctor, const struct kill_switch *seen)
{
    const char *refused = uuid_is_nil(&seen->refused.order) || seen->refused.engages
                              ? ""
                              : "; a release was refused: ";
    TELL(doctor, "kill switch", FINDING_WARN, ERR_OK,
         "when its cause is mended: 'curfew halt --release --reason ...'",
         "engaged since %s by '%s' ('%s'): nothing is ended%s%s",
         seen->since.ms ? wall_format(seen->since).text : "an unknown time", seen->by, seen->reason,
         refused, refused[0] ? seen->refused.why.message : "");
}

static void look_at_kill_switch(struct doctor *doctor, struct cli_setup *setup)
{
    struct cli_common common = doctor->common;
    struct kill_switch seen;
    struct error err;
    common.timeout_ms = cli_first_look_ms(&doctor->common);
    if (kill_switch_read(&common, setup, &seen, &err))
        doctor_tell_unread(doctor, "kill switch", &err);
    else if (seen.engaged)
        tell_engaged(doctor, &seen);
    else if (seen.untold)
        TELL(doctor, "kill switch", FINDING_WARN, ERR_OK,
             "look at curfew_kill_switch of each worker, and keep the topic without retention",
             "not known: the beginning of '%s' is gone", setup->config->topics.control);
    else
        TELL(doctor, "kill switch", FINDING_OK, ERR_OK, NULL, "not engaged");
}

static void look_at_kafka(struct doctor *doctor, struct cli_setup *setup)
{
    struct kafka_settings *settings = &setup->settings;
    struct kafka_seen seen;
    struct error err;
    if (kafka_probe(settings, cli_first_look_ms(&doctor->common), &seen, &err)) {
        TELL(doctor, "kafka", FINDING_FAIL, err.code, doctor_kafka_todo(err.code), "%s",
             err.message);
        return;
    }
    TELL(doctor, "kafka", seen.embedded ? FINDING_WARN : FINDING_OK, ERR_OK,
         seen.embedded ? "for trying out only: everything is gone when it ends" : NULL,
         "%d %s at %s, cluster id '%s', librdkafka %s%s", seen.brokers,
         seen.brokers == 1 ? "broker" : "brokers", kafka_settings_brokers(settings),
         seen.cluster_id, seen.library_version,
         seen.embedded ? ", the embedded development broker" : "");
    settings->embedded = seen.embedded;
    kafka_seen_release(&seen);
    if (!look_at_topics(doctor, settings))
        return;
    look_at_replies(doctor, settings, &setup->config->topics.replies);
    look_at_broker_clock(doctor, settings);
    doctor_look_at_journal(doctor, setup);
    look_at_kill_switch(doctor, setup);
}

/* ---- the clusters ---- */

static const char *cluster_todo(const struct config_cluster *cluster, enum error_code code)
{
    bool rac = cluster->executor == CONFIG_EXECUTOR_RAC;
    if (code == ERR_CONFIG && rac)
        return "check the keys `rac` and `cluster`";
    if (code == ERR_PROTOCOL && rac)
        return "check that `rac.program` is the rac of the cluster's own version";
    switch (code) {
    case ERR_PROTOCOL:
        return "check that the address is a RAS and not the agent or a cluster; if it is, set a "
               "lower `endpoint_version`, or `executor: rac`";
    case ERR_UNSUPPORTED:
        return "set `executor: rac`, with the rac of the cluster's own version";
    case ERR_NOT_FOUND:
        return "set the key `cluster` to one that is served there";
    case ERR_REFUSED:
        return "the words are the cluster's own: look there with its console";
    case ERR_UNAVAILABLE:
        return "check that the administration server (ras) runs there and can be reached";
    case ERR_AUTH:
        return "check admin.user and admin.password_file of this cluster";
    case ERR_CONFIG:
        return "set the key `cluster` to one of the names";
    default:
        return "look there with the cluster console; the log of the administration server says "
               "more";
    }
}

static int64_t cluster_wait_ms(const struct doctor *doctor)
{
    return doctor->common.timeout_ms < CLUSTER_MS ? doctor->common.timeout_ms : CLUSTER_MS;
}

/* False: without the program there is nothing more to see. */
static bool look_at_rac(struct doctor *doctor, const struct config_cluster *cluster)
{
    char check[160];
    char version[RAC_LOOK_SIZE];
    struct error err;
    snprintf(check, sizeof check, "rac %s", cluster->name);
    if (rac_look(cluster, cluster_wait_ms(doctor), version, &err)) {
        TELL(doctor, check, FINDING_FAIL, err.code,
             "set clusters[].rac.program to the rac of the cluster's own version", "%s",
             err.message);
        return false;
    }
    TELL(doctor, check, FINDING_OK, ERR_OK, NULL, "'%s' is version %s", cluster->rac.program,
         version);
    return true;
}

static void look_at_handler(struct doctor *doctor, const struct config_handler *handler,
                            const char *of)
{
    char check[160];
    struct error err;
    if (!handler->program[0])
        return;
    snprintf(check, sizeof check, "handler %s", of);
    if (handler_look(handler, &err))
        TELL(doctor, check, FINDING_FAIL, err.code,
             "set handler.program to a program that the worker's user may run", "%s", err.message);
    else
        TELL(doctor, check, FINDING_OK, ERR_OK, NULL, "'%s' can be run", handler->program);
}

static void look_at_handlers(struct doctor *doctor, const struct config_cluster *cluster)
{
    look_at_handler(doctor, &cluster->handler, cluster->name);
    for (size_t i = 0; i < cluster->infobase_count; i++) {
        char of[160];
        snprintf(of, sizeof of, "%s, infobase %s", cluster->name, cluster->infobases[i].name);
        look_at_handler(doctor, &cluster->infobases[i].handler, of);
    }
}

/* The latest moment that the list tells of, as a session whose "start" it is. */
static struct session latest_of(const struct session_list *list)
{
    struct session ret = {.started_at = {0}};
    for (size_t i = 0; i < list->count; i++) {
        const struct session *session = &list->sessions[i];
        if (session->started_at.ticks > ret.started_at.ticks)
            ret.started_at = session->started_at;
        if (session->last_active_at.ticks > ret.started_at.ticks)
            ret.started_at = session->last_active_at;
    }
    return ret;
}

/* What filters and late numbers need to know. */
static void look_at_time_zone(struct doctor *doctor, const struct config_cluster *cluster,
                              const struct session_list *list, struct wall now)
{
    char check[160];
    snprintf(check, sizeof check, "time zone %s", cluster->name);
    if (!cluster->zone) {
        TELL(doctor, check, FINDING_WARN, ERR_OK,
             "set clusters[].time_zone: filters are refused without it, and a session number may "
             "mean a session that began after the command",
             "is not set, and the cluster tells times without one");
        return;
    }
    struct session latest = latest_of(list);
    struct filter_time time = {.zone = cluster->zone, .tolerance_ms = cluster->clock_tolerance_ms};
    struct server_time_text told = server_time_format(latest.started_at);
    if (!latest.started_at.ticks)
        return; /* nobody is there: nothing to compare with */
    if (filter_began_before(&time, &latest, now) == TRUTH_NO) {
        TELL(doctor, check, FINDING_FAIL, ERR_CONFIG,
             "set clusters[].time_zone, or the cluster's clock, right",
             "a session was active at %s, which is yet to come in '%s'", told.text,
             cluster->time_zone);
        return;
    }
    int64_t ago_s =
        (now.ms - zone_read(cluster->zone, server_time_ms(latest.started_at)).until.ms) / 1000;
    TELL(doctor, check, FINDING_OK, ERR_OK, NULL,
         "'%s': the latest activity was at %s, %" PRId64 " s ago", cluster->time_zone, told.text,
         ago_s > 0 ? ago_s : 0);
}

static void tell_listed(void *self, const struct cluster_listed *listed)
{
    struct doctor *doctor = self;
    const struct config_cluster *cluster = listed->cluster;
    char check[160];
    snprintf(check, sizeof check, "cluster %s", cluster->name);
    if (!listed->list) {
        TELL(doctor, check, FINDING_FAIL, listed->why.code, cluster_todo(cluster, listed->why.code),
             "%s", listed->why.message);
        return;
    }
    TELL(doctor, check, FINDING_OK, ERR_OK, NULL,
         "answers: %zu sessions in %zu infobases, listed in %" PRId64 " ms", listed->list->count,
         listed->list->infobase_count, listed->took_ms);
    look_at_time_zone(doctor, cluster, listed->list, listed->at);
}

/* Under systemd they are there while the worker runs. A login without one would be refused, and
 * some clusters count those. */
static bool look_at_passwords(struct doctor *doctor, struct config_cluster *cluster)
{
    char check[160];
    struct error err;
    if (!config_open_passwords(cluster, &err))
        return true;
    snprintf(check, sizeof check, "cluster %s", cluster->name);
    TELL(doctor, check, FINDING_FAIL, err.code,
         "let this user read the file; one of the unit's LoadCredential is there only while "
         "curfew.service runs, so look with: systemd-run --pipe --wait -p "
         "LoadCredential=NAME:PATH curfew doctor",
         "is not asked: %s", err.message);
    return false;
}

/* Everything but the question itself: may it be asked? */
static bool look_before_asking(struct doctor *doctor, struct config_cluster *cluster)
{
    look_at_handlers(doctor, cluster);
    return look_at_passwords(doctor, cluster) &&
           (cluster->executor != CONFIG_EXECUTOR_RAC || look_at_rac(doctor, cluster));
}

/* Those that may be asked: how many, first in `ret`, which has room for all. */
static size_t choose_clusters(struct doctor *doctor, const struct config *config,
                              const struct config_cluster **ret)
{
    const struct config_cluster *only =
        doctor->only ? config_cluster_find(config, text_of(doctor->only)) : NULL;
    size_t count = 0;
    if (doctor->only && !only)
        TELL(doctor, "clusters", FINDING_FAIL, ERR_NOT_FOUND,
             "'curfew config explain' lists those that are", "no cluster '%s' is configured",
             doctor->only);
    for (size_t i = 0; i < config->cluster_count; i++) {
        struct config_cluster *cluster = &config->clusters[i];
        if ((!doctor->only || cluster == only) && look_before_asking(doctor, cluster))
            ret[count++] = cluster;
    }
    return count;
}

/* ---- locks that were left behind ---- */

static void tell_locks(struct doctor *doctor, const struct lock_look *look)
{
    char check[512];
    for (size_t i = 0; i < look->found_count; i++) {
        const struct trace_stray *stray = &look->found[i];
        snprintf(check, sizeof check, "lock %s, infobase %s", stray->cluster, stray->infobase);
        TELL(
            doctor, check, FINDING_WARN, ERR_OK,
            "a worker removes it if it remembers the command; else, if nobody needs it, change the "
            "lock in the cluster console",
            "users are kept out with the mark of command %s, which is over or not known",
            uuid_format(&stray->mark).text);
    }
    if (look->unseen)
        TELL(doctor, "locks", FINDING_WARN, ERR_OK, "look at them in the cluster console",
             "%zu infobases that were drained could not be looked at: %s", look->unseen, look->why);
    if (trace_doubtful(doctor->trace))
        TELL(doctor, "locks", FINDING_WARN, ERR_OK,
             "look at the infobases that are ever drained in the cluster console",
             "the journal is not whole: which infobases drains locked is known in part only");
    else if (!look->unseen && !look->found_count && look->looked)
        TELL(doctor, "locks", FINDING_OK, ERR_OK, NULL,
             "none left behind in the %zu infobases that drains locked", look->looked);
}

static void look_at_locks(struct doctor *doctor, const struct config_cluster *const *clusters,
                          size_t count)
{
    struct lock_look look;
    lock_look(clusters, count, doctor->trace, cluster_wait_ms(doctor), &look);
    tell_locks(doctor, &look);
    lock_look_release(&look);
}

/* ---- the walk ---- */

static struct config *look_at_config(struct doctor *doctor)
{
    const char *path = cli_config_path(&doctor->common);
    struct config *config = NULL;
    struct error err;
    AUTO_BUF problems;
    buf_init(&problems, PROBLEMS_MAX);
    if (!path) {
        TELL(doctor, "configuration", FINDING_WARN, ERR_OK, "name one with --config FILE",
             "none: the defaults, and no clusters");
        return config_defaults();
    }
    if (config_load(path, &config, &problems, &err)) {
        TELL(doctor, "configuration", FINDING_FAIL, err.code,
             "'curfew config check' lists all problems", "'%s': %s", path, err.message);
        /* If only passwords are missing, the rest can be looked at all the same. */
        return config_load_without_passwords(path, &config, NULL, &err) ? NULL : config;
    }
    TELL(doctor, "configuration", FINDING_OK, ERR_OK, NULL, "'%s', %zu %s", path,
         config->cluster_count, config->cluster_count == 1 ? "cluster" : "clusters");
    return config;
}

static void walk(struct doctor *doctor)
{
    AUTO(config) config = look_at_config(doctor);
    struct cli_setup setup = {.config = config};
    struct error err;
    if (!config)
        return;
    look_at_limits(doctor, config);
    look_at_clock(doctor);
    enum error_code code = service_kafka_settings(config, &setup.settings, &err);
    bool made = !code;
    if (!code)
        code = cli_override(&doctor->common, &setup.settings, &err);
    if (!code && !kafka_settings_brokers(&setup.settings)[0])
        code = error_set(&err, ERR_CONFIG, "no brokers are named: --brokers, or kafka.brokers");
    if (code)
        TELL(doctor, "kafka", FINDING_FAIL, err.code, doctor_kafka_todo(err.code), "%s",
             err.message);
    else
        look_at_kafka(doctor, &setup);
    if (made)
        kafka_settings_release(&setup.settings);
    AUTO_FREE const struct config_cluster **clusters =
        mem_alloc(config->cluster_count + 1, sizeof *clusters);
    size_t count = choose_clusters(doctor, config, clusters);
    cluster_lists(clusters, count, cluster_wait_ms(doctor), tell_listed, doctor);
    if (doctor->trace)
        look_at_locks(doctor, clusters, count);
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor doctor = {0};
    cli_common_init(&doctor.common);
    cli_parse(&cmd_doctor_argp, argc, argv, &doctor);
    doctor.out = say_open(stdout, doctor.common.no_color);
    walk(&doctor);
    if (doctor.common.json)
        findings_json(&doctor.findings, stdout);
    int status = findings_exit_status(&doctor.findings);
    findings_release(&doctor.findings);
    trace_destroy(doctor.trace);
    return status;
}
