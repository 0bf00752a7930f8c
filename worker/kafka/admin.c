#include "kafka/admin.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kafka/blocking.h"
#include "kafka/client.h"
#include "kafka/consumer.h"
#include "kafka/topics.h"

enum {
    SAID_MAX = 256,
    DEFAULT_PARTITIONS = 12,
    DEFAULT_REPLICATION = 3,
    LOOK_AGAIN_MS = 100, /* new topics reach every broker's metadata a moment later */
};

/* One run of create or check. */
struct admin {
    struct kafka_blocking *blocking;
    const struct kafka_settings *settings;
    struct clock clock;
    struct instant deadline;
    struct kafka_report *report;
    struct kafka_topic_state states[KAFKA_TOPIC_COUNT];
    rd_kafka_event_t *configs; /* the answer that the values of `states` live in */
    int32_t brokers;
};

static const char *name_of(const struct admin *admin, int topic)
{
    return kafka_topic_name(&admin->settings->topics, (enum kafka_topic)topic);
}

static int left_ms(const struct admin *admin)
{
    int64_t left = instant_ms_between(clock_now(&admin->clock), admin->deadline);
    return left > 1 ? (int)left : 1;
}

static rd_kafka_AdminOptions_t *options_for(struct admin *admin, rd_kafka_admin_op_t operation)
{
    char said[SAID_MAX];
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(admin->blocking->handle, operation);
    CHECK(!rd_kafka_AdminOptions_set_request_timeout(options, left_ms(admin), said, sizeof said));
    if (operation == RD_KAFKA_ADMIN_OP_CREATETOPICS)
        CHECK(!rd_kafka_AdminOptions_set_operation_timeout(options, left_ms(admin), said,
                                                           sizeof said));
    return options;
}

/* Waits for the one answer on a queue of its own; takes the queue. */
static enum error_code await(struct admin *admin, rd_kafka_queue_t *queue, rd_kafka_event_t **ret,
                             struct error *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, left_ms(admin));
    rd_kafka_queue_destroy(queue);
    if (!event)
        return error_set(err, ERR_UNAVAILABLE, "the broker did not answer in time");
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code) {
        enum error_code class = kafka_class(code);
        error_set(err, class, "the broker refuses: %s", rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return class;
    }
    *ret = event;
    return ERR_OK;
}

/* --- reading what is there ---------------------------------------------------------------------
 */

static const char *value_of(const struct kafka_topic_state *state, const char *key)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries =
        rd_kafka_ConfigResource_configs(state->context, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), key) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    return NULL;
}

static enum error_code read_metadata(struct admin *admin, struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    enum error_code code = kafka_blocking_metadata(admin->blocking, left_ms(admin), &metadata, err);
    if (code)
        return code;
    admin->brokers = metadata->broker_cnt;
    for (int topic = 0; topic < KAFKA_TOPIC_COUNT; topic++) {
        struct kafka_topic_state *state = &admin->states[topic];
        *state = (struct kafka_topic_state){.reason = ""};
        for (int i = 0; i < metadata->topic_cnt; i++) {
            const struct rd_kafka_metadata_topic *from = &metadata->topics[i];
            if (strcmp(from->topic, name_of(admin, topic)) != 0 || from->err)
                continue;
            state->exists = from->partition_cnt > 0;
            state->partitions = from->partition_cnt;
            state->replication = from->partition_cnt ? from->partitions[0].replica_cnt : 0;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return ERR_OK;
}

static void ask_configs(struct admin *admin, rd_kafka_queue_t *queue)
{
    rd_kafka_ConfigResource_t *resources[KAFKA_TOPIC_COUNT];
    for (int topic = 0; topic < KAFKA_TOPIC_COUNT; topic++)
        resources[topic] =
            rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name_of(admin, topic));
    rd_kafka_AdminOptions_t *options = options_for(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(admin->blocking->handle, resources, KAFKA_TOPIC_COUNT, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy_array(resources, KAFKA_TOPIC_COUNT);
}

static void take_configs(struct admin *admin)
{
    size_t count;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(admin->configs), &count);
    for (int topic = 0; topic < KAFKA_TOPIC_COUNT; topic++) {
        struct kafka_topic_state *state = &admin->states[topic];
        state->value = value_of;
        state->code = ERR_UNAVAILABLE;
        state->reason = "the broker did not tell";
        for (size_t i = 0; i < count; i++) {
            if (strcmp(rd_kafka_ConfigResource_name(resources[i]), name_of(admin, topic)) != 0)
                continue;
            rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resources[i]);
            state->context = resources[i];
            state->code = kafka_class(code);
            state->reason = code ? rd_kafka_err2str(code) : "";
        }
    }
}

static enum error_code read_configs(struct admin *admin, struct error *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->blocking->handle);
    ask_configs(admin, queue);
    enum error_code code = await(admin, queue, &admin->configs, err);
    if (code == ERR_OK)
        take_configs(admin);
    return code;
}

static enum error_code judge(struct admin *admin, struct error *err)
{
    if (!admin->report->embedded) {
        enum error_code code = read_configs(admin, err);
        if (code)
            return error_wrap(err, "cannot read the topics' settings");
    }
    kafka_topics_judge(&admin->settings->topics, admin->states,
                       kafka_settings_brokers(admin->settings), admin->report);
    return ERR_OK;
}

/* --- making what is missing --------------------------------------------------------------------
 */

static int32_t partitions_of(const struct admin *admin, int topic, struct kafka_plan plan)
{
    const struct kafka_topic_state *commands = &admin->states[KAFKA_TOPIC_COMMANDS];
    switch (topic) {
    case KAFKA_TOPIC_CONTROL:
    case KAFKA_TOPIC_DEAD_LETTERS:
        return 1;
    case KAFKA_TOPIC_JOURNAL: /* as many as the commands have, also when those were there before */
        return commands->exists ? commands->partitions : plan.partitions;
    default:
        return plan.partitions;
    }
}

static int32_t replication_of(const struct admin *admin, struct kafka_plan plan)
{
    if (plan.replication)
        return plan.replication;
    return admin->brokers < DEFAULT_REPLICATION ? admin->brokers : DEFAULT_REPLICATION;
}

static enum error_code new_topic(const struct admin *admin, int topic, struct kafka_plan plan,
                                 rd_kafka_NewTopic_t **ret, struct error *err)
{
    char said[SAID_MAX];
    int32_t replication = replication_of(admin, plan);
    rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(
        name_of(admin, topic), partitions_of(admin, topic, plan), replication, said, sizeof said);
    if (!made)
        return error_set(err, ERR_CONFIG, "topic '%s': %s", name_of(admin, topic), said);
    const char *key, *value;
    for (size_t i = 0; kafka_topic_wanted((enum kafka_topic)topic, replication, i, &key, &value);
         i++)
        CHECK(!rd_kafka_NewTopic_set_config(made, key, value));
    *ret = made;
    return ERR_OK;
}

static void tell_made(struct admin *admin, const rd_kafka_topic_result_t *result)
{
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(result);
    const char *said = rd_kafka_topic_result_error_string(result);
    struct kafka_told told = {
        rd_kafka_topic_result_name(result), "exists", "created", "yes", "", "", KAFKA_FINE};
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return; /* somebody was faster: judged like any that was there */
    if (code) {
        told.found = said ? said : rd_kafka_err2str(code);
        told.why = "the broker did not make it";
        told.severity = KAFKA_UNSAFE;
        if (kafka_class(code) == ERR_AUTH)
            told.fix = "grant Create on the topic, or have it made by who may";
    }
    kafka_report_add(admin->report, &told);
}

static void take_made(struct admin *admin, rd_kafka_event_t *event)
{
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t i = 0; i < count; i++)
        tell_made(admin, results[i]);
    rd_kafka_event_destroy(event);
}

static enum error_code send_new(struct admin *admin, rd_kafka_NewTopic_t **topics, size_t count,
                                struct error *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->blocking->handle);
    rd_kafka_AdminOptions_t *options = options_for(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_event_t *event;
    rd_kafka_CreateTopics(admin->blocking->handle, topics, count, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    enum error_code code = await(admin, queue, &event, err);
    if (code)
        return error_wrap(err, "cannot make topics");
    take_made(admin, event);
    return ERR_OK;
}

static size_t missing(const struct admin *admin)
{
    size_t count = 0;
    for (int topic = 0; topic < KAFKA_TOPIC_COUNT; topic++)
        count += !admin->states[topic].exists;
    return count;
}

static enum error_code make_missing(struct admin *admin, struct kafka_plan plan, struct error *err)
{
    rd_kafka_NewTopic_t *topics[KAFKA_TOPIC_COUNT];
    size_t count = 0;
    enum error_code code = ERR_OK;
    for (int topic = 0; topic < KAFKA_TOPIC_COUNT && !code; topic++) {
        if (admin->states[topic].exists)
            continue;
        code = new_topic(admin, topic, plan, &topics[count], err);
        count += code == ERR_OK;
    }
    if (!code && count > 0)
        code = send_new(admin, topics, count, err);
    rd_kafka_NewTopic_destroy_array(topics, count);
    return code;
}

/* Until the new ones are in the metadata, or one was refused, or the time is over. On the embedded
 * broker nothing was made here: one look. */
static enum error_code wait_visible(struct admin *admin, struct error *err)
{
    for (;;) {
        enum error_code code = read_metadata(admin, err);
        if (code || admin->report->embedded || missing(admin) == 0 ||
            kafka_report_worst(admin->report) == KAFKA_UNSAFE ||
            instant_passed(clock_now(&admin->clock), admin->deadline))
            return code;
        rd_kafka_event_t *event = rd_kafka_queue_poll(admin->blocking->queue, LOOK_AGAIN_MS);
        if (event)
            rd_kafka_event_destroy(event);
    }
}

static enum error_code create(struct admin *admin, struct kafka_plan plan, struct error *err)
{
    enum error_code code = ERR_OK;
    if (!admin->report->embedded)
        code = make_missing(admin, plan, err);
    if (!code)
        code = wait_visible(admin, err);
    return code ? code : judge(admin, err);
}

/* --- both --------------------------------------------------------------------------------------
 */

static enum error_code check_plan(struct kafka_plan *plan, struct error *err)
{
    if (plan->partitions == 0)
        plan->partitions = DEFAULT_PARTITIONS;
    if (plan->partitions < 1 || plan->partitions > KAFKA_PARTITIONS_MAX)
        return error_set(err, ERR_USAGE, "%d partitions: it must be 1 to %d", plan->partitions,
                         KAFKA_PARTITIONS_MAX);
    if (plan->replication < 0)
        return error_set(err, ERR_USAGE, "a replication factor of %d", plan->replication);
    return ERR_OK;
}

static enum error_code run(const struct kafka_settings *settings, const struct kafka_plan *plan,
                           int timeout_ms, struct kafka_report *ret, struct error *err)
{
    AUTO(kafka_blocking) blocking = NULL;
    enum error_code code = kafka_blocking_create(settings, &blocking, err);
    if (code)
        return code;
    struct kafka_report report = {0};
    struct admin admin = {
        .blocking = blocking, .settings = settings, .clock = clock_real(), .report = &report};
    admin.deadline = instant_add_ms(clock_now(&admin.clock), timeout_ms);
    code = read_metadata(&admin, err);
    if (!code) {
        report.cluster_id = kafka_blocking_cluster_id(blocking, left_ms(&admin));
        report.embedded = kafka_is_embedded(report.cluster_id);
        code = plan ? create(&admin, *plan, err) : judge(&admin, err);
    }
    if (admin.configs)
        rd_kafka_event_destroy(admin.configs);
    if (code)
        kafka_report_release(&report);
    else
        *ret = report;
    return code;
}

enum error_code kafka_topics_create(const struct kafka_settings *settings, struct kafka_plan plan,
                                    int timeout_ms, struct kafka_report *ret, struct error *err)
{
    if (check_plan(&plan, err))
        return ERR_USAGE;
    return run(settings, &plan, timeout_ms, ret, err);
}

enum error_code kafka_topics_check(const struct kafka_settings *settings, int timeout_ms,
                                   struct kafka_report *ret, struct error *err)
{
    return run(settings, NULL, timeout_ms, ret, err);
}
