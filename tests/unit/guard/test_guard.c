/* What is refused before it is accepted, and what is never ended (I14). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard/guard.h"

enum { MINUTE_MS = 60000, NUMBERS_MAX = 1000 };

static const int64_t appended_ms = 1790000000000;
static const char clusters_yaml[] = "clusters:\n"
                                    "- {name: main, addresses: a,\n"
                                    "   cluster: 0a1b0000-0000-4000-8000-000000000001}\n"
                                    "- {name: other, addresses: b}\n"
                                    "reply_topics: [answers]\n";

static struct config *config_with(const char *more)
{
    AUTO_BUF yaml;
    buf_init(&yaml, 65536);
    buf_format(&yaml, "%s%s\n", clusters_yaml, more);
    struct config *config = NULL;
    struct error err = {0};
    if (config_from_text(text_of(buf_text(&yaml)), &config, NULL, &err))
        fail_msg("%s", err.message);
    return config;
}

static struct uuid uuid_of(const char *text)
{
    struct uuid ret;
    assert_int_equal(uuid_read(text_of(text), &ret, NULL), ERR_OK);
    return ret;
}

static struct uuid sessions[] = {{{1}}, {{2}}, {{3}}};
static uint32_t numbers[NUMBERS_MAX] = {7, 8, 9};

/* A command that passes with clusters_yaml. */
static struct command *terminate(void)
{
    struct command *command = command_create();
    command->id = uuid_of("11111111-1111-4111-8111-111111111111");
    command->action = ACTION_TERMINATE;
    command->cluster = "main";
    command->requested_by = "ops";
    command->selector.kind = SELECTOR_NUMBERS;
    command->selector.infobase = "ut";
    command->selector.numbers = numbers;
    command->selector.count = 3;
    return command;
}

static struct command *cancel(void)
{
    struct command *command = terminate();
    command->action = ACTION_CANCEL;
    command->cluster = "";
    command->selector = (struct selector){.infobase = ""};
    command->other_id = uuid_of("22222222-2222-4222-8222-222222222222");
    return command;
}

static const struct guard_facts usual = {.appended_at = {1790000000000}};

static enum error_code ask(const struct config *config, const struct command *command,
                           const struct guard_facts *facts, struct guard_verdict *ret)
{
    struct error err = {0};
    enum error_code code = guard_command(config, command, facts, ret, &err);
    if (code)
        assert_true(err.message[0] != '\0');
    return code;
}

static void refused(const struct config *config, const struct command *command,
                    const struct guard_facts *facts, enum error_code wanted, const char *words)
{
    struct guard_verdict verdict;
    struct error err = {0};
    enum error_code code = guard_command(config, command, facts, &verdict, &err);
    if (code != wanted || !strstr(err.message, words))
        fail_msg("wanted %s '%s', got %s '%s'", error_label(wanted), words, error_label(code),
                 err.message);
}

static void a_plain_command_passes_with_its_cluster_expiry_and_ceiling(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    assert_ptr_equal(verdict.cluster, &config->clusters[0]);
    assert_int_equal(verdict.expires_at.ms, appended_ms + 15 * MINUTE_MS);
    assert_int_equal(verdict.max_targets, 500);
    command->cluster = "0A1B0000-0000-4000-8000-000000000001";
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    assert_ptr_equal(verdict.cluster, &config->clusters[0]);
}

static void the_shape_is_checked_before_anything_else(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    command->selector.kind = SELECTOR_NONE;
    refused(config, command, &usual, ERR_INVALID, "terminate.selector is missing");
    command->selector.kind = SELECTOR_FILTER;
    refused(config, command, &usual, ERR_INVALID, "an empty filter");
    struct filter empty = {.kind = FILTER_NONE};
    command->selector.filter = &empty;
    refused(config, command, &usual, ERR_INVALID, "an empty filter");
    command->selector.kind = SELECTOR_NUMBERS;
    command->selector.infobase = "";
    refused(config, command, &usual, ERR_INVALID, "numbers.infobase is missing");
    command->selector.infobase = "ut";
    command->selector.count = 0;
    refused(config, command, &usual, ERR_INVALID, "names no session");
    static uint32_t zero[] = {5, 0};
    command->selector.numbers = zero;
    command->selector.count = 2;
    refused(config, command, &usual, ERR_INVALID, "number 0");
    static struct uuid nil[1];
    command->selector.kind = SELECTOR_SESSIONS;
    command->selector.sessions = nil;
    command->selector.count = 1;
    refused(config, command, &usual, ERR_INVALID, "session 0 is the nil UUID");
    command->action = ACTION_NONE;
    refused(config, command, &usual, ERR_INVALID, "no action");
    command->id = (struct uuid){{0}};
    refused(config, command, &usual, ERR_INVALID, "id is missing");
}

static void every_action_has_one_topic(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) end = terminate();
    AUTO(command) stop = cancel();
    struct guard_facts control = usual;
    struct guard_verdict verdict;
    control.control = true;
    assert_int_equal(ask(config, stop, &control, &verdict), ERR_OK);
    assert_null(verdict.cluster);
    refused(config, stop, &usual, ERR_INVALID, "'cancel' belongs on the control topic");
    refused(config, end, &control, ERR_INVALID, "'terminate' belongs on the commands topic");
    stop->other_id = stop->id;
    refused(config, stop, &control, ERR_INVALID, "own id");
    stop->other_id = (struct uuid){{0}};
    refused(config, stop, &control, ERR_INVALID, "cancel.command_id is missing");
    stop->action = ACTION_KILL_SWITCH;
    assert_int_equal(ask(config, stop, &control, &verdict), ERR_OK);
}

static void a_drain_names_its_infobase_and_needs_no_word_to_go_on(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    command->action = ACTION_DRAIN;
    refused(config, command, &usual, ERR_INVALID, "drain.infobase is missing");
    command->infobase = "ut";
    command->options.until_empty = true;
    refused(config, command, &usual, ERR_INVALID, "a drain goes on until its infobase is empty");
}

static void rounds_need_a_filter(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    command->options.until_empty = true;
    refused(config, command, &usual, ERR_INVALID, "options.until_empty needs a filter");
}

static void an_approval_names_a_command_and_a_digest(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct guard_facts control = {.appended_at = {1790000000000}, .control = true};
    struct guard_verdict verdict;
    command->action = ACTION_APPROVE;
    refused(config, command, &control, ERR_INVALID, "approve.command_id is missing");
    command->other_id = (struct uuid){{9}};
    refused(config, command, &control, ERR_INVALID, "approve.resolved_digest is not the SHA-256");
    command->resolved_digest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    assert_int_equal(ask(config, command, &control, &verdict), ERR_OK);
}

static void a_drain_with_a_grace_needs_the_clusters_time_zone(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    command->action = ACTION_DRAIN;
    command->infobase = "ut";
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->options.grace_ms = 60000;
    if (config->clusters[0].zone)
        assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    config->clusters[0].zone = NULL;
    refused(config, command, &usual, ERR_UNSUPPORTED, "time_zone");
}

static const struct uuid shop = {{0x0a, 0x1b, [6] = 0x40, [8] = 0x80, [15] = 1}};
static const char shop_text[] = "0a1b0000-0000-4000-8000-000000000001";

static void may_lock(const struct config *config, const struct command *command,
                     const struct uuid *infobase, const char *name, const char *denied_by)
{
    struct error err = {.code = ERR_OK};
    enum error_code code =
        guard_infobase(config, &config->clusters[0], command, infobase, name, &err);
    assert_int_equal(code, denied_by ? ERR_DENIED : ERR_OK);
    if (denied_by && !strstr(err.message, denied_by))
        fail_msg("'%s' does not speak of '%s'", err.message, denied_by);
}

/* A drain knows one of the two; what the cluster says before the lock decides. */
static void a_rule_by_name_or_uuid_holds_for_drains_by_either(void **state)
{
    (void)state;
    static const char *const patterns[] = {"prod*", "0a1b0000-0000-4000-8000-000000000001",
                                           "0A1B*"};
    static const struct uuid other = {{7, [15] = 7}};
    for (size_t i = 0; i < 3; i++) {
        char yaml[256];
        snprintf(yaml, sizeof yaml,
                 "policy: {rules: [{name: not-prod, effect: deny, infobases: ['%s']}, "
                 "{name: rest, effect: allow}]}",
                 patterns[i]);
        AUTO(config) config = config_with(yaml);
        AUTO(command) command = terminate();
        struct guard_verdict verdict;
        command->action = ACTION_DRAIN;
        command->infobase = i == 0 ? "PROD-1" : shop_text;
        refused(config, command, &usual, ERR_DENIED, "not-prod");
        command->infobase = i == 0 ? shop_text : "PROD-1";
        assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
        may_lock(config, command, &shop, "PROD-1", "not-prod");
        may_lock(config, command, &other, "ut", NULL);
        may_lock(config, command, &other, NULL, "not-prod"); /* in doubt */
        command->action = ACTION_RESTORE;                    /* nothing is read before it */
        struct guard_facts on_control = usual;
        on_control.control = true;
        refused(config, command, &on_control, ERR_DENIED, i == 0 ? "by its name" : "by its UUID");
    }
}

static void an_infobase_that_is_allowed_by_uuid_may_be_drained_by_name(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("policy: {rules: [{name: one, effect: allow, infobases: "
                         "['0a1b0000-0000-4000-8000-000000000001']}]}");
    AUTO(command) command = terminate();
    static const struct uuid other = {{7, [15] = 7}};
    struct guard_verdict verdict;
    command->action = ACTION_DRAIN;
    command->infobase = "ut";
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    may_lock(config, command, &shop, "ut", NULL);
    may_lock(config, command, &other, "ut", "no rule");
}

static void a_cluster_that_is_not_configured_is_not_found(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    command->cluster = "mian";
    refused(config, command, &usual, ERR_NOT_FOUND, "no cluster 'mian' is configured here");
    command->cluster = "";
    refused(config, command, &usual, ERR_INVALID, "cluster is missing");
}

static void i3_no_command_outlives_the_longest_validity(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {validity: 10m, validity_max: 1h}");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    assert_int_equal(verdict.expires_at.ms, appended_ms + 10 * MINUTE_MS);
    command->expires_at.ms = appended_ms + 30 * MINUTE_MS;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    assert_int_equal(verdict.expires_at.ms, appended_ms + 30 * MINUTE_MS);
    command->expires_at.ms = INT64_MAX;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    assert_int_equal(verdict.expires_at.ms, appended_ms + 60 * MINUTE_MS);
}

static void an_expired_command_is_refused_by_the_brokers_clock(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct guard_facts facts = usual;
    struct guard_verdict verdict;
    command->expires_at.ms = appended_ms;
    refused(config, command, &facts, ERR_EXPIRED, "when the broker took the message");
    command->expires_at.ms = appended_ms + 1;
    assert_int_equal(ask(config, command, &facts, &verdict), ERR_OK);
    facts.broker_now.ms = appended_ms + 1;
    refused(config, command, &facts, ERR_EXPIRED, "ended 0 s before");
    facts.broker_now.ms = appended_ms + 5001;
    refused(config, command, &facts, ERR_EXPIRED, "ended 5 s before");
    assert_int_equal(verdict.expires_at.ms, appended_ms + 1);
}

static void a_requester_whose_clock_is_ahead_is_told(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    command->requested_at.ms = appended_ms + MINUTE_MS;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->requested_at.ms++;
    refused(config, command, &usual, ERR_INVALID, "set the requester's clock");
    command->requested_at.ms = 1;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
}

static void a_cancel_is_never_too_late(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = cancel();
    struct guard_facts facts = usual;
    struct guard_verdict verdict;
    facts.control = true;
    facts.broker_now.ms = appended_ms + 48LL * 60 * MINUTE_MS;
    command->expires_at.ms = appended_ms - 1;
    command->requested_at.ms = appended_ms + 10 * MINUTE_MS;
    assert_int_equal(ask(config, command, &facts, &verdict), ERR_OK);
}

static void the_lowest_ceiling_applies(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("limits: {targets_per_command: 100}\n"
                         "policy: {max_targets: 50}");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    for (uint32_t i = 0; i < NUMBERS_MAX; i++)
        numbers[i] = i + 1;
    command->selector.count = 50;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    assert_int_equal(verdict.max_targets, 50);
    command->selector.count = 51;
    refused(config, command, &usual, ERR_TOO_LARGE, "at most 50 are allowed");
    command->selector.count = 3;
    command->options.max_targets = 2;
    refused(config, command, &usual, ERR_TOO_LARGE, "at most 2 are allowed");
    command->options.max_targets = 1000;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    assert_int_equal(verdict.max_targets, 50);
}

static void graces_holds_and_deadlines_have_their_maxima(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {grace_max: 10m, hold_max: 1h}");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    const struct {
        int64_t *ms;
        int64_t max_ms;
        const char *words;
    } cases[] = {{&command->options.grace_ms, 10 * MINUTE_MS, "options.grace is 601 s"},
                 {&command->hold_ms, 60 * MINUTE_MS, "drain.hold is 3601 s"},
                 {&command->drain_deadline_ms, 60 * MINUTE_MS, "drain.deadline is 3601 s"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        *cases[i].ms = cases[i].max_ms;
        assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
        *cases[i].ms = cases[i].max_ms + 1000;
        refused(config, command, &usual, ERR_TOO_LARGE, cases[i].words);
        *cases[i].ms = -1;
        refused(config, command, &usual, ERR_INVALID, "is negative");
        *cases[i].ms = 0;
    }
}

static void a_reply_topic_must_be_on_the_list(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    command->reply_topic = "answers";
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->reply_topic = "curfew.journal";
    refused(config, command, &usual, ERR_DENIED, "reply_topic 'curfew.journal'");
    command->reply_topic = "answers.of.others";
    refused(config, command, &usual, ERR_DENIED, "reply_topic 'answers.of.others'");
}

static void reason_and_requester_are_asked_for_when_the_policy_says_so(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {require_reason: true, require_requester: true}");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    refused(config, command, &usual, ERR_INVALID, "reason is missing");
    command->reason = "maintenance";
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->requested_by = "";
    refused(config, command, &usual, ERR_INVALID, "requested_by is missing");
}

/* Its refusal would stand in the workers' logs alone, while sessions are ended. */
static void who_stops_something_is_asked_for_no_words(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {require_reason: true, require_requester: true}");
    AUTO(command) stop = cancel();
    struct guard_facts control = usual;
    struct guard_verdict verdict;
    control.control = true;
    stop->requested_by = "";
    stop->reason = "";
    assert_int_equal(ask(config, stop, &control, &verdict), ERR_OK);
    stop->action = ACTION_KILL_SWITCH;
    stop->kill_switch_engaged = true;
    assert_int_equal(ask(config, stop, &control, &verdict), ERR_OK);
    stop->kill_switch_engaged = false; /* a release lets sessions be ended again */
    refused(config, stop, &control, ERR_INVALID, "requested_by is missing");
    stop->requested_by = "ops";
    refused(config, stop, &control, ERR_INVALID, "reason is missing");
}

/* ---- rules ---- */

static const char rules_yaml[] =
    "policy:\n"
    "  rules:\n"
    "  - {name: night, effect: deny, requesters: [intern*]}\n"
    "  - {name: shops, effect: allow, requesters: ['shop-*'], infobases: [Магазин*]}\n"
    "  - {name: main only, effect: allow, requesters: [ops], clusters: [main]}\n";

static void any_rule_makes_the_rest_denied(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("policy: {rules: [{name: r, effect: allow,\n"
                         "          requesters: [OPS], actions: terminate}]}");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->requested_by = "eve";
    refused(config, command, &usual, ERR_DENIED, "no rule of the policy allows this");
    AUTO(command) stop = cancel();
    struct guard_facts control = usual;
    control.control = true;
    refused(config, stop, &control, ERR_DENIED, "no rule");
}

static void the_first_matching_rule_decides(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("policy: {rules: [\n"
                         "  {name: no, effect: deny, requesters: [intern*]},\n"
                         "  {name: yes, effect: allow, clusters: [MAIN]}]}");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    command->requested_by = "Intern-7";
    refused(config, command, &usual, ERR_DENIED, "the policy's rule 'no' denies this");
    command->requested_by = "staff";
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->cluster = "other";
    refused(config, command, &usual, ERR_DENIED, "no rule");
}

static struct session session_of(const char *app, const char *user, const char *infobase)
{
    return (struct session){.uuid = {{1}},
                            .infobase = {{9}},
                            .infobase_name = infobase,
                            .user_name = user,
                            .app_id = app,
                            .host = "PC-1"};
}

/* UNAVAILABLE stands for: denied as long as it has no user. */
static enum error_code may_end(const struct config *config, const struct command *command,
                               const struct session *session)
{
    struct error err;
    bool undecided = false;
    enum error_code code = guard_session(config, &config->clusters[0], command, session,
                                         guard_names_exactly(command, session), &undecided, &err);
    assert_false(undecided && code == ERR_OK);
    return undecided ? ERR_UNAVAILABLE : code;
}

static void a_rule_about_infobases_is_judged_for_each_session(void **state)
{
    (void)state;
    AUTO(config) config = config_with(rules_yaml);
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    command->requested_by = "shop-12";
    command->selector.infobase = "бухгалтерия";
    refused(config, command, &usual, ERR_DENIED, "no rule");
    command->selector.infobase = "МАГАЗИН 7";
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->selector.kind = SELECTOR_SESSIONS; /* does not say which infobase it means */
    command->selector.infobase = "";
    command->selector.sessions = sessions;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    struct session own = session_of("1CV8C", "u", "магазин 7");
    struct session foreign = session_of("1CV8C", "u", "бухгалтерия");
    struct session unnamed = session_of("1CV8C", "u", "");
    assert_int_equal(may_end(config, command, &own), ERR_OK);
    assert_int_equal(may_end(config, command, &foreign), ERR_DENIED);
    assert_int_equal(may_end(config, command, &unnamed), ERR_DENIED);
}

static void a_deny_about_an_infobase_holds_while_its_name_is_not_known(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("policy: {rules: [\n"
                         "  {name: no, effect: deny, infobases: [erp]},\n"
                         "  {name: yes, effect: allow}]}");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    command->selector.kind = SELECTOR_SESSIONS;
    command->selector.infobase = "";
    command->selector.sessions = sessions;
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    struct session erp = session_of("1CV8C", "u", "ERP");
    struct session ut = session_of("1CV8C", "u", "ut");
    struct session unnamed = session_of("1CV8C", "u", "");
    assert_int_equal(may_end(config, command, &erp), ERR_DENIED);
    assert_int_equal(may_end(config, command, &ut), ERR_OK);
    assert_int_equal(may_end(config, command, &unnamed), ERR_DENIED);
}

static void patterns_with_many_stars_stay_fast_and_right(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("policy: {rules: [{name: r, effect: allow, requesters:\n"
                         "  ['*a*a*a*a*a*a*a*a*a*a*b', 'x*y']}]}");
    AUTO(command) command = terminate();
    struct guard_verdict verdict;
    char long_name[257];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[256] = '\0';
    command->requested_by = long_name;
    refused(config, command, &usual, ERR_DENIED, "no rule");
    long_name[255] = 'B';
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->requested_by = "xy";
    assert_int_equal(ask(config, command, &usual, &verdict), ERR_OK);
    command->requested_by = "xyz";
    refused(config, command, &usual, ERR_DENIED, "no rule");
    command->requested_by = "x";
    refused(config, command, &usual, ERR_DENIED, "no rule");
}

/* ---- I14 ---- */

static void i14_service_sessions_and_consoles_are_never_ended(void **state)
{
    (void)state;
    static const char *const always[] = {
        "RAS",      "ras",          "SrvrConsole",       "COMConsole",
        "Debugger", "JobScheduler", "AgentStandardCall", "WebServerExtension"};
    AUTO(config) usual_config = config_with("");
    AUTO(config)
    emptied = config_with("policy: {protected_applications: [],\n"
                          "         named_only_applications: []}");
    AUTO(command) command = terminate();
    command->selector.kind = SELECTOR_SESSIONS; /* not even by UUID */
    command->selector.sessions = sessions;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        struct session session = session_of(always[i], "", "ut");
        assert_int_equal(may_end(usual_config, command, &session), ERR_DENIED);
        assert_int_equal(may_end(emptied, command, &session), ERR_DENIED);
    }
}

static void i14_designer_is_ended_only_when_named_exactly(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {named_only_applications: []}");
    AUTO(command) command = terminate();
    struct session designer = session_of("DESIGNER", "dev", "ut");
    command->selector.guard.application = "";
    assert_int_equal(may_end(config, command, &designer), ERR_DENIED);
    command->selector.guard.application = "1CV8";
    assert_int_equal(may_end(config, command, &designer), ERR_DENIED);
    command->selector.guard.application = "Designer";
    assert_int_equal(may_end(config, command, &designer), ERR_OK);
    command->selector.kind = SELECTOR_SESSIONS;
    command->selector.sessions = sessions;
    assert_int_equal(may_end(config, command, &designer), ERR_OK);
    designer.uuid = (struct uuid){{77}};
    assert_int_equal(may_end(config, command, &designer), ERR_DENIED);
}

/* ---- ceilings ---- */

enum { MANY = 40 };
static struct session many[MANY];
static struct resolved_row rows[MANY];

static struct resolve_context first_round = {.round = 1};
static int64_t approval_ms; /* as resolved() found it */

/* Twenty sessions of one infobase, fifteen of another, five of RAS itself; the first `count` are
 * selected. */
static enum error_code resolved(const struct config *config, const struct command *command,
                                size_t count, struct error *err)
{
    struct session_list list = {.sessions = many, .count = MANY};
    struct resolution resolution = {.rows = rows, .count = count};
    for (size_t i = 0; i < MANY; i++) {
        many[i] = session_of(i < 35 ? "1CV8C" : "RAS", "u", i < 20 || i >= 35 ? "ut" : "books");
        many[i].infobase = (struct uuid){{i < 20 || i >= 35 ? 1 : 2}};
        rows[i] = (struct resolved_row){.session = &many[i]};
    }
    err->code = ERR_OK;
    enum error_code code = guard_resolution(config, command, &first_round, &list, &resolution, err);
    approval_ms = resolution.approval_ms;
    return code;
}

static void a_command_ends_no_more_than_its_lowest_ceiling(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {max_targets: 30}");
    AUTO(command) command = terminate();
    struct error err;
    command->selector.kind = SELECTOR_FILTER;
    assert_int_equal(resolved(config, command, 30, &err), ERR_OK);
    assert_int_equal(resolved(config, command, 31, &err), ERR_TOO_LARGE);
    assert_non_null(strstr(err.message, "31 sessions are selected, at most 30"));
    command->options.max_targets = 5;
    assert_int_equal(resolved(config, command, 6, &err), ERR_TOO_LARGE);
    command->options.max_targets = 50;
    assert_int_equal(resolved(config, command, 31, &err), ERR_TOO_LARGE);
}

static void what_is_left_alone_counts_for_no_ceiling(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct session session = session_of("1CV8C", "u", "ut");
    struct session_list list = {.sessions = &session, .count = 1};
    struct resolved_row three[] = {{.session = &session},
                                   {.session = &session, .verdict = TARGET_PROTECTED},
                                   {.verdict = TARGET_ALREADY_GONE}};
    struct resolution resolution = {.rows = three, .count = 3};
    struct error err;
    command->options.max_targets = 1;
    assert_int_equal(guard_resolution(config, command, &first_round, &list, &resolution, &err),
                     ERR_OK);
}

static void a_filter_takes_no_more_than_its_share_of_an_infobase(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {max_share: 50, share_from: 16}");
    AUTO(command) command = terminate();
    struct error err;
    command->selector.kind = SELECTOR_FILTER;
    assert_int_equal(resolved(config, command, 10, &err), ERR_OK);
    assert_int_equal(resolved(config, command, 11, &err), ERR_DENIED);
    assert_non_null(strstr(err.message, "11 of the 20 sessions of infobase 'ut'"));
    command->selector.kind = SELECTOR_SESSIONS; /* each was named */
    assert_int_equal(resolved(config, command, 20, &err), ERR_OK);
    command->selector.kind = SELECTOR_FILTER;
    AUTO(config) small = config_with("policy: {max_share: 50, share_from: 21}");
    assert_int_equal(resolved(small, command, 35, &err), ERR_OK);
    AUTO(config) enough = config_with("policy: {max_share: 50, share_from: 20}");
    assert_int_equal(resolved(enough, command, 11, &err), ERR_DENIED);
    AUTO(config) usual_share = config_with("");
    assert_int_equal(resolved(usual_share, command, 35, &err), ERR_OK);
}

static void above_the_threshold_a_second_person_must_approve(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("policy: {approve_above: 10, approval_time: 5m, max_share: 90}");
    AUTO(command) command = terminate();
    struct error err;
    assert_int_equal(resolved(config, command, 10, &err), ERR_OK);
    assert_int_equal(approval_ms, 0);
    assert_int_equal(resolved(config, command, 11, &err), ERR_OK);
    assert_int_equal(approval_ms, 300000);
    first_round.unapproved = 9; /* of earlier rounds */
    assert_int_equal(resolved(config, command, 2, &err), ERR_OK);
    assert_int_equal(approval_ms, 300000);
    assert_int_equal(resolved(config, command, 0, &err), ERR_OK);
    assert_int_equal(approval_ms, 0);
    first_round.unapproved = 0;
    AUTO(config) share = config_with("policy: {approve_above: 30, max_share: 50}");
    command->selector.kind = SELECTOR_FILTER;
    assert_int_equal(resolved(share, command, 11, &err), ERR_OK); /* approved, not refused */
    assert_int_equal(approval_ms, 3600000);
}

/* A list of sessions 0 to `count` - 1, of which those below `known` stood in earlier rounds. */
static enum error_code drained(const struct config *config, const struct command *command,
                               size_t count, size_t known, uint32_t unapproved, struct error *err)
{
    struct session there[20];
    struct resolved_row found[20] = {0};
    struct uuid earlier[20];
    for (size_t i = 0; i < count; i++) {
        there[i] = session_of("1CV8C", "u", "ut");
        there[i].uuid = (struct uuid){{0x5e, (uint8_t)i}};
        earlier[i] = there[i].uuid;
        found[i].session = &there[i];
    }
    struct resolve_context context = {.round = known ? 2 : 1,
                                      .earlier = earlier,
                                      .earlier_count = known,
                                      .unapproved = unapproved};
    struct resolution resolution = {.rows = found, .count = count};
    err->code = ERR_OK;
    enum error_code code = guard_drain(config, command, &context, &resolution, err);
    approval_ms = resolution.approval_ms;
    return code;
}

static void a_drain_waits_for_an_approval_as_well_and_counts_nobody_twice(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {approve_above: 10, approval_time: 5m}");
    AUTO(command) command = terminate();
    struct error err;
    assert_int_equal(drained(config, command, 10, 0, 0, &err), ERR_OK);
    assert_int_equal(approval_ms, 0);
    assert_int_equal(drained(config, command, 11, 0, 0, &err), ERR_OK);
    assert_int_equal(approval_ms, 300000);
    assert_int_equal(drained(config, command, 20, 11, 0, &err), ERR_OK); /* 11 are approved */
    assert_int_equal(approval_ms, 0);
    assert_int_equal(drained(config, command, 20, 9, 9, &err), ERR_OK);
    assert_int_equal(approval_ms, 300000);
    assert_int_equal(drained(config, command, 9, 9, 9, &err), ERR_OK); /* they did not go */
    assert_int_equal(approval_ms, 0);
}

static void a_drain_ends_no_more_than_it_says_over_all_its_rounds(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct error err;
    command->options.max_targets = 10;
    assert_int_equal(drained(config, command, 10, 0, 0, &err), ERR_OK);
    assert_int_equal(drained(config, command, 11, 0, 0, &err), ERR_TOO_LARGE);
    assert_non_null(strstr(err.message, "11 sessions would be ended, at most 10"));
    assert_int_equal(drained(config, command, 10, 8, 8, &err), ERR_OK);
    assert_int_equal(drained(config, command, 11, 8, 8, &err), ERR_TOO_LARGE);
}

static void i14_configured_users_hosts_and_applications_are_protected_without_case(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("policy: {protected_users: [Иванов], protected_hosts: [srv],\n"
                         "         protected_applications: [BackgroundJob]}");
    AUTO(command) command = terminate();
    struct session session = session_of("1CV8C", "ИВАНОВ", "ut");
    assert_int_equal(may_end(config, command, &session), ERR_DENIED);
    session.user_name = "Петров";
    assert_int_equal(may_end(config, command, &session), ERR_OK);
    session.host = "SRV";
    assert_int_equal(may_end(config, command, &session), ERR_DENIED);
    session.host = "";
    session.app_id = "backgroundjob";
    assert_int_equal(may_end(config, command, &session), ERR_DENIED);
}

static void i14_a_session_that_cannot_be_read_may_be_a_protected_one(void **state)
{
    (void)state;
    AUTO(config) config = config_with("policy: {protected_users: [Иванов]}");
    AUTO(command) command = terminate();
    struct session session = session_of("1CV8C", "\\xc8\\xe2\\xe0", "ut");
    assert_int_equal(may_end(config, command, &session), ERR_OK); /* a user may be called so */
    session.unreadable = true;
    assert_int_equal(may_end(config, command, &session), ERR_DENIED);
}

static void i14_who_logs_in_may_be_a_protected_user_and_a_job_without_one_is_nobodys(void **state)
{
    (void)state;
    AUTO(config)
    config = config_with("policy: {protected_users: [Иванов], protected_hosts: [srv]}");
    AUTO(config) open = config_with("");
    AUTO(command) command = terminate();
    static const char *const people[] = {"1CV8C", "COMConnection", "MobileThing"};
    struct session session = session_of("1CV8C", "", "ut");
    for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
        session.app_id = people[i];
        assert_int_equal(may_end(config, command, &session), ERR_UNAVAILABLE);
        assert_int_equal(may_end(open, command, &session), ERR_OK);
    }
    session.app_id = "Designer"; /* protected whoever it is */
    assert_int_equal(may_end(config, command, &session), ERR_DENIED);
    session.app_id = "backgroundjob";
    assert_int_equal(may_end(config, command, &session), ERR_OK);
    session.host = "SRV";
    assert_int_equal(may_end(config, command, &session), ERR_DENIED);
}

static void unknown_applications_are_not_protected(void **state)
{
    (void)state;
    AUTO(config) config = config_with("");
    AUTO(command) command = terminate();
    struct session session = session_of("MobileThing", "u", "ut");
    assert_int_equal(may_end(config, command, &session), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_command_passes_with_its_cluster_expiry_and_ceiling),
        cmocka_unit_test(the_shape_is_checked_before_anything_else),
        cmocka_unit_test(every_action_has_one_topic),
        cmocka_unit_test(a_drain_names_its_infobase_and_needs_no_word_to_go_on),
        cmocka_unit_test(rounds_need_a_filter),
        cmocka_unit_test(an_approval_names_a_command_and_a_digest),
        cmocka_unit_test(a_drain_with_a_grace_needs_the_clusters_time_zone),
        cmocka_unit_test(a_rule_by_name_or_uuid_holds_for_drains_by_either),
        cmocka_unit_test(an_infobase_that_is_allowed_by_uuid_may_be_drained_by_name),
        cmocka_unit_test(a_cluster_that_is_not_configured_is_not_found),
        cmocka_unit_test(i3_no_command_outlives_the_longest_validity),
        cmocka_unit_test(an_expired_command_is_refused_by_the_brokers_clock),
        cmocka_unit_test(a_requester_whose_clock_is_ahead_is_told),
        cmocka_unit_test(a_cancel_is_never_too_late),
        cmocka_unit_test(the_lowest_ceiling_applies),
        cmocka_unit_test(graces_holds_and_deadlines_have_their_maxima),
        cmocka_unit_test(a_reply_topic_must_be_on_the_list),
        cmocka_unit_test(reason_and_requester_are_asked_for_when_the_policy_says_so),
        cmocka_unit_test(who_stops_something_is_asked_for_no_words),
        cmocka_unit_test(any_rule_makes_the_rest_denied),
        cmocka_unit_test(the_first_matching_rule_decides),
        cmocka_unit_test(a_rule_about_infobases_is_judged_for_each_session),
        cmocka_unit_test(a_deny_about_an_infobase_holds_while_its_name_is_not_known),
        cmocka_unit_test(patterns_with_many_stars_stay_fast_and_right),
        cmocka_unit_test(i14_service_sessions_and_consoles_are_never_ended),
        cmocka_unit_test(i14_designer_is_ended_only_when_named_exactly),
        cmocka_unit_test(a_command_ends_no_more_than_its_lowest_ceiling),
        cmocka_unit_test(what_is_left_alone_counts_for_no_ceiling),
        cmocka_unit_test(a_filter_takes_no_more_than_its_share_of_an_infobase),
        cmocka_unit_test(above_the_threshold_a_second_person_must_approve),
        cmocka_unit_test(a_drain_waits_for_an_approval_as_well_and_counts_nobody_twice),
        cmocka_unit_test(a_drain_ends_no_more_than_it_says_over_all_its_rounds),
        cmocka_unit_test(i14_configured_users_hosts_and_applications_are_protected_without_case),
        cmocka_unit_test(i14_a_session_that_cannot_be_read_may_be_a_protected_one),
        cmocka_unit_test(i14_who_logs_in_may_be_a_protected_user_and_a_job_without_one_is_nobodys),
        cmocka_unit_test(unknown_applications_are_not_protected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
