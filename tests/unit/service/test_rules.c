/* What the engine is told when it asks what to end: select/ finds, guard/ protects, and the
 * configuration of the moment decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "config/config.h"
#include "model/handler.h"
#include "service/rules.h"

static const struct uuid infobase = {{0x11, [15] = 1}};
static struct infobase_name names[1];
static struct session session;
static struct session_list list;
static const struct resolve_context context = {.first_append = {1795000000000}, .round = 1};
static struct config *config;
static struct command *command;
static uint32_t number = 7;
static struct uuid asked = {{5, [15] = 9}};

static void configure_all(const char *yaml)
{
    struct error err = {0};
    config_destroy(config);
    config = NULL;
    if (config_from_text(text_of(yaml), &config, NULL, &err))
        fail_msg("%s", err.message);
}

static void configure(const char *policy)
{
    AUTO_BUF yaml;
    buf_init(&yaml, 65536);
    buf_format(&yaml, "clusters: [{name: main, addresses: a}]\n%s\n", policy);
    configure_all(buf_text(&yaml));
}

static int setup(void **state)
{
    (void)state;
    names[0] = (struct infobase_name){.uuid = infobase, .name = "ut"};
    session = (struct session){.uuid = asked,
                               .infobase = infobase,
                               .infobase_name = "ut",
                               .number = number,
                               .user_name = "Иванов",
                               .app_id = "1CV8C",
                               .host = "pc",
                               .started_at = {638000000000000}};
    list = (struct session_list){.sessions = &session,
                                 .count = 1,
                                 .infobases = names,
                                 .infobase_count = 1,
                                 .has_infobases = true};
    command = command_create();
    command->action = ACTION_TERMINATE;
    command->cluster = "main";
    command->requested_by = "ops";
    command->selector.kind = SELECTOR_NUMBERS;
    command->selector.infobase = "ut";
    command->selector.numbers = &number;
    command->selector.count = 1;
    configure("");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    command_destroy(command);
    config_destroy(config);
    config = NULL;
    return 0;
}

static void ask_by_uuid(void)
{
    command->selector.kind = SELECTOR_SESSIONS;
    command->selector.sessions = &asked;
}

static void verdict(enum target_outcome wanted, const char *words)
{
    struct resolution resolution = {0};
    struct error err = {0};
    if (service_resolve(config, command, &context, &list, &resolution, &err))
        fail_msg("%s", err.message);
    assert_int_equal(resolution.count, 1);
    assert_string_equal(target_outcome_label(resolution.rows[0].verdict),
                        target_outcome_label(wanted));
    if (words)
        assert_non_null(strstr(resolution.rows[0].why.message, words));
    resolution_release(&resolution);
}

static void what_nothing_protects_is_to_be_ended(void **state)
{
    (void)state;
    verdict(TARGET_NONE, NULL);
    ask_by_uuid();
    verdict(TARGET_NONE, NULL);
}

static void a_list_that_is_frozen_bears_its_times(void **state)
{
    (void)state;
    struct resolution resolution = {0};
    struct error err;
    command->options.grace_ms = 90000;
    configure("policy: {acting_time: 7m}");
    assert_int_equal(service_resolve(config, command, &context, &list, &resolution, &err), ERR_OK);
    assert_int_equal(resolution.grace_ms, 90000);
    assert_int_equal(resolution.acting_ms, 420000);
    resolution_release(&resolution);
}

static void consoles_and_ras_are_never_ended_not_even_by_uuid(void **state) /* I14 */
{
    (void)state;
    static const char *const always[] = {"RAS", "SrvrConsole", "srvrconsole"};
    ask_by_uuid();
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        session.app_id = always[i];
        verdict(TARGET_PROTECTED, "never ended");
    }
}

static void designer_is_ended_only_when_it_was_meant(void **state) /* I14 */
{
    (void)state;
    session.app_id = "Designer";
    verdict(TARGET_PROTECTED, "names the session's UUID or this application");
    command->selector.guard.application = "designer";
    verdict(TARGET_NONE, NULL);
    ask_by_uuid();
    verdict(TARGET_NONE, NULL);
}

static void users_and_hosts_of_the_policy_are_protected_by_uuid_too(void **state) /* I14 */
{
    (void)state;
    ask_by_uuid();
    configure("policy: {protected_users: [иванов]}");
    verdict(TARGET_PROTECTED, "user is protected");
    configure("policy: {protected_hosts: [PC]}");
    verdict(TARGET_PROTECTED, "host is protected");
}

static void a_rule_about_an_infobase_binds_when_the_session_is_known(void **state)
{
    (void)state;
    ask_by_uuid(); /* at the door nobody knows which infobase this is */
    configure("policy: {rules: [{name: a, effect: deny, infobases: [UT]},"
              " {name: b, effect: allow}]}");
    verdict(TARGET_PROTECTED, NULL);
    configure("policy: {rules: [{name: a, effect: deny, infobases: [other]},"
              " {name: b, effect: allow}]}");
    verdict(TARGET_NONE, NULL);
}

static void what_the_guard_left_alone_or_is_gone_keeps_its_own_reason(void **state)
{
    (void)state;
    configure("policy: {protected_users: [иванов]}");
    command->selector.guard.user = "Петров";
    verdict(TARGET_NO_LONGER_MATCHES, "another user");
    session.number = 8;
    verdict(TARGET_ALREADY_GONE, NULL);
}

static void a_reload_is_in_force_for_the_next_list(void **state)
{
    (void)state;
    verdict(TARGET_NONE, NULL);
    configure("policy: {protected_applications: [1CV8C]}");
    verdict(TARGET_PROTECTED, "never ended");
}

static void a_cluster_that_a_reload_took_away_is_named(void **state)
{
    (void)state;
    struct resolution resolution = {0};
    struct error err = {0};
    command->cluster = "second";
    assert_int_equal(service_resolve(config, command, &context, &list, &resolution, &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "'second'"));
    command->cluster = "main";
    command->selector.infobase = "buh";
    assert_int_equal(service_resolve(config, command, &context, &list, &resolution, &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "'buh'"));
}

/* The handler of the only row; "refused: ..." when the command is refused. */
static void handler(enum standard_processing standard, enum handler_mode mode, const char *place)
{
    struct resolution resolution;
    struct error err = {0};
    command->options.standard_processing = standard;
    if (service_resolve(config, command, &context, &list, &resolution, &err))
        fail_msg("%s", err.message);
    assert_string_equal(handler_mode_label(resolution.rows[0].handler), handler_mode_label(mode));
    assert_string_equal(resolution.rows[0].handler_of ? resolution.rows[0].handler_of : "", place);
    resolution_release(&resolution);
}

static void no_handler(const char *words)
{
    struct resolution resolution;
    struct error err = {0};
    command->options.standard_processing = STANDARD_PROCESSING_OFF;
    assert_int_equal(service_resolve(config, command, &context, &list, &resolution, &err),
                     ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, words));
}

#define WITH(handler, more)                                                                        \
    "clusters: [{name: main, addresses: a, handler: {program: /h, mode: " handler "}" more "}]"

static void the_command_may_turn_the_handler_on_and_off(void **state)
{
    (void)state;
    configure_all(WITH("before", ""));
    handler(STANDARD_PROCESSING_DEFAULT, HANDLER_BEFORE, "");
    handler(STANDARD_PROCESSING_ON, HANDLER_NONE, "");
    handler(STANDARD_PROCESSING_OFF, HANDLER_INSTEAD, "");
    configure_all(WITH("on_request", ""));
    handler(STANDARD_PROCESSING_DEFAULT, HANDLER_NONE, "");
    handler(STANDARD_PROCESSING_OFF, HANDLER_INSTEAD, "");
    configure_all(WITH("after", ""));
    handler(STANDARD_PROCESSING_DEFAULT, HANDLER_AFTER, "");
    no_handler("runs after the end");
    configure("");
    handler(STANDARD_PROCESSING_DEFAULT, HANDLER_NONE, "");
    no_handler("neither infobase 'ut' nor cluster 'main' has a handler");
}

static void an_infobase_has_its_own_handler(void **state)
{
    (void)state;
    configure_all(WITH("instead", ", infobases: {UT: {handler: {program: /own, mode: after}}}"));
    handler(STANDARD_PROCESSING_DEFAULT, HANDLER_AFTER, "UT");
    session.infobase_name = "other";
    ask_by_uuid();
    handler(STANDARD_PROCESSING_DEFAULT, HANDLER_INSTEAD, "");
    session.infobase_name = "ut";
    session.number = 8; /* nobody has the number asked for: its infobase is known all the same */
    command->selector.kind = SELECTOR_NUMBERS;
    handler(STANDARD_PROCESSING_DEFAULT, HANDLER_AFTER, "UT");
}

static void what_is_left_alone_needs_no_handler(void **state)
{
    (void)state;
    ask_by_uuid();
    session.app_id = "RAS";
    handler(STANDARD_PROCESSING_OFF, HANDLER_NONE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_nothing_protects_is_to_be_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_that_is_frozen_bears_its_times, setup, teardown),
        cmocka_unit_test_setup_teardown(consoles_and_ras_are_never_ended_not_even_by_uuid, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(designer_is_ended_only_when_it_was_meant, setup, teardown),
        cmocka_unit_test_setup_teardown(users_and_hosts_of_the_policy_are_protected_by_uuid_too,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_rule_about_an_infobase_binds_when_the_session_is_known,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_guard_left_alone_or_is_gone_keeps_its_own_reason,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_is_in_force_for_the_next_list, setup, teardown),
        cmocka_unit_test_setup_teardown(the_command_may_turn_the_handler_on_and_off, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_infobase_has_its_own_handler, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_left_alone_needs_no_handler, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cluster_that_a_reload_took_away_is_named, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
