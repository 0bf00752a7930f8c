/* The executor as a whole: pool, failover, choice of the cluster, and what becomes of each
 * operation. */
#include "test_ras_script.h"

#include <signal.h>
#include <sodium.h>

#include "cluster/ras/map.h"
#include "cluster/ras/ras.h"

enum { REPLIES_MAX = 64 };

static uv_loop_t loop;
static struct script one;
static struct script two; /* a second RAS of the same cluster */
static struct executor *executor;
static struct executor_reply replies[REPLIES_MAX];
static unsigned reply_count;
static bool came; /* as many replies as were asked for */
static bool stopped;
static unsigned wanted;
static bool inside_start;

static const struct uuid infobase_ut = {{0x17, 1}};
static const struct uuid infobase_new = {{0x17, 2}};

static void on_done(void *self, struct executor_reply *reply)
{
    (void)self;
    assert_false(inside_start);
    assert_true(reply_count < REPLIES_MAX);
    replies[reply_count++] = *reply;
    if (reply_count == wanted)
        script_came(&one, &came);
}

static void on_stopped(void *self)
{
    (void)self;
    script_came(&one, &stopped);
}

static void reply_release(struct executor_reply *reply)
{
    session_list_destroy(reply->list);
    if (reply->lock) {
        free(reply->lock->denied_message);
        free(reply->lock->denied_parameter);
        free(reply->lock->permission_code);
        free(reply->lock->name);
        free(reply->lock);
    }
    if (reply->connections)
        arena_destroy(reply->connections->arena);
    free(reply->connections);
}

static void forget_replies(void)
{
    for (unsigned i = 0; i < reply_count; i++)
        reply_release(&replies[i]);
    reply_count = 0;
}

static int setup(void **state)
{
    (void)state;
    CHECK(uv_loop_init(&loop) == 0);
    script_start(&one, &loop);
    script_start(&two, &loop);
    executor = NULL;
    reply_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (executor) {
        stopped = false;
        executor_stop(executor, on_stopped, NULL);
        script_run_until(&one, &stopped);
        executor_destroy(executor);
    }
    forget_replies();
    script_close(&one);
    script_close(&two);
    CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
    script_release(&one);
    script_release(&two);
    CHECK(uv_loop_close(&loop) == 0);
    return 0;
}

static struct ras_settings settings_of(struct ras_address *addresses)
{
    addresses[0] = (struct ras_address){"127.0.0.1", one.port};
    addresses[1] = (struct ras_address){"127.0.0.1", two.port};
    return (struct ras_settings){.name = "north", .addresses = addresses, .address_count = 1};
}

static void create(const struct ras_settings *settings)
{
    struct error err;
    if (ras_executor_create(&loop, clock_real(), settings, on_done, NULL, &executor, &err))
        fail_msg("%s", err.message);
}

static void create_usual(void)
{
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    create(&settings);
}

static struct instant in_ms(int64_t ms)
{
    struct clock clock = clock_real();
    return instant_add_ms(clock_now(&clock), ms);
}

static struct executor_request request_of(enum executor_op op)
{
    return (struct executor_request){.op = op,
                                     .tag = op + 100,
                                     .session = {{0x5e, 1}},
                                     .process = {{0x9c}},
                                     .connection = {{0xc0}},
                                     .send_by = in_ms(10000),
                                     .deadline = in_ms(10000)};
}

static void start(const struct executor_request *request)
{
    inside_start = true;
    executor_start(executor, request);
    inside_start = false;
}

static void await(unsigned count)
{
    came = reply_count >= count;
    wanted = count;
    script_run_until(&one, &came);
}

static const struct executor_reply *ask(const struct executor_request *request)
{
    forget_replies();
    start(request);
    await(1);
    assert_int_equal(replies[0].op, request->op);
    assert_int_equal(replies[0].tag, request->tag);
    return &replies[0];
}

static const struct executor_reply *do_op(enum executor_op op)
{
    struct executor_request request = request_of(op);
    return ask(&request);
}

/* ---- a RAS with something in it ---- */

static struct ras_infobase stored; /* the record that message 48 reads and 40 writes */
static struct ras_terminate terminated;
static unsigned clusters_served;
static bool knows_new_infobase;

static void serve_sessions(struct script_peer *peer, enum ras_request number)
{
    struct ras_license license = {.full_name = TEXT("x")};
    struct ras_session sessions[2] = {
        {.uuid = {{0x5e, 1}},
         .app_id = TEXT("1CV8C"),
         .user_name = TEXT("Иванов"),
         .infobase = infobase_ut,
         .session_id = 17,
         .started_at = {639079650450000},
         .calls_all = -1,
         .memory_current = -5,
         .blocked_by_ls = 3,
         .hibernate = true,
         .licenses = {&license, 1},
         .client_ip = TEXT("10.1.2.3")},
        {.uuid = {{0x5e, 2}}, .app_id = TEXT("RAS")},
    };
    if (knows_new_infobase)
        sessions[1].infobase = infobase_new;
    script_answer(peer, number, sessions, number == RAS_GET_SESSION_INFO ? 1 : 2);
}

static void serve_infobases(struct script_peer *peer)
{
    struct ras_infobase_short infobases[2] = {
        {.uuid = infobase_new, .name = TEXT("Новая")},
        {.uuid = infobase_ut, .name = TEXT("UT"), .descr = TEXT("Trade")},
    };
    script_answer(peer, RAS_GET_INFOBASES_SHORT, knows_new_infobase ? infobases : infobases + 1,
                  knows_new_infobase ? 2 : 1);
}

static void serve_clusters(struct script_peer *peer)
{
    struct ras_cluster clusters[3] = {
        {.uuid = {{0xc1, 1}}, .name = TEXT("Main")},
        {.uuid = {{0xc1, 2}}, .name = TEXT("Second")},
        {.uuid = {{0xc1, 3}}, .name = TEXT("second")},
    };
    script_answer(peer, RAS_GET_CLUSTERS, clusters, clusters_served);
}

/* Texts of a decoded record live as long as its packet: keep what the test looks at. */
static void store(const struct ras_infobase *record)
{
    static char parameter[100];
    static char password[10];
    stored = *record;
    memcpy(parameter, record->denied_parameter.at, record->denied_parameter.length);
    stored.denied_parameter.at = parameter;
    memcpy(password, record->db_pwd.at, record->db_pwd.length);
    stored.db_pwd.at = password;
    stored.dbms = TEXT("PostgreSQL");
    stored.denied_message = stored.permission_code = (struct text){NULL, 0};
    stored.db_name = stored.name = stored.locale = TEXT("");
}

static bool world(struct script_peer *peer, struct ras_packet packet,
                  const struct ras_packet_value *value)
{
    (void)packet;
    if (value->type != RAS_PACKET_MESSAGE)
        return false;
    switch (value->message.head.type) {
    case RAS_GET_CLUSTERS:
        serve_clusters(peer);
        return true;
    case RAS_GET_SESSIONS:
    case RAS_GET_SESSION_INFO:
        serve_sessions(peer, value->message.head.type);
        return true;
    case RAS_GET_INFOBASES_SHORT:
        serve_infobases(peer);
        return true;
    case RAS_GET_INFOBASE_INFO:
        script_answer(peer, RAS_GET_INFOBASE_INFO, &stored, 1);
        return true;
    case RAS_UPDATE_INFOBASE:
        store(&((const struct ras_infobase_update *)value->message.records)->info);
        return false;
    case RAS_TERMINATE_SESSION:
        terminated = *(const struct ras_terminate *)value->message.records;
        return false;
    default:
        return false;
    }
}

static int setup_world(void **state)
{
    setup(state);
    one.hook = two.hook = world;
    clusters_served = 1;
    knows_new_infobase = false;
    stored = (struct ras_infobase){.uuid = infobase_ut,
                                   .db_pwd = TEXT("\xef\xbf\xbd"),
                                   .dbms = TEXT("PostgreSQL"),
                                   .license_distribution = 1,
                                   .denied_from = {639074016000000}};
    return 0;
}

/* ---- the operations ---- */

static void a_list_names_users_infobases_and_its_time(void **state)
{
    (void)state;
    create_usual();
    struct instant before = in_ms(0);
    const struct executor_reply *reply = do_op(EXECUTOR_LIST);
    assert_int_equal(reply->code, ERR_OK);
    const struct session_list *list = reply->list;
    assert_int_equal(list->count, 2);
    assert_true(list->has_infobases);
    assert_false(list->one_infobase);
    assert_false(instant_before(list->started, before));
    assert_false(instant_before(list->finished, list->started));
    const struct session *session = &list->sessions[0];
    assert_string_equal(session->user_name, "Иванов");
    assert_string_equal(session->infobase_name, "UT");
    assert_string_equal(session->client_ip, "10.1.2.3");
    assert_int_equal(session->number, 17);
    assert_int_equal(session->blocked_by_ls, 3);
    assert_int_equal(session->memory_current, -5);
    assert_true(session->started_at.ticks == 639079650450000);
    assert_true(session->hibernate);
    assert_string_equal(list->sessions[1].infobase_name, "");
    assert_true(session->reported & 1ull << SESSION_client_ip);
    assert_true(session->reported & 1ull << SESSION_number);
}

static void an_old_version_reports_fewer_fields(void **state)
{
    (void)state;
    one.version = 5;
    create_usual();
    const struct executor_reply *reply = do_op(EXECUTOR_LIST);
    assert_int_equal(reply->code, ERR_OK);
    uint64_t reported = reply->list->sessions[0].reported;
    assert_false(reported & 1ull << SESSION_client_ip);
    assert_false(reported & 1ull << SESSION_cpu_time_total);
    assert_true(reported & 1ull << SESSION_current_service_name);
    assert_string_equal(reply->list->sessions[0].client_ip, "");
}

static void names_are_read_again_only_when_needed(void **state)
{
    (void)state;
    create_usual();
    do_op(EXECUTOR_LIST);
    do_op(EXECUTOR_LIST);
    assert_int_equal(one.requests[RAS_GET_INFOBASES_SHORT], 1);
    knows_new_infobase = true; /* a session of an infobase that is not in the cache */
    const struct executor_reply *reply = do_op(EXECUTOR_LIST);
    assert_int_equal(one.requests[RAS_GET_INFOBASES_SHORT], 2);
    assert_string_equal(reply->list->sessions[1].infobase_name, "Новая");
    assert_non_null(session_list_infobase(reply->list, TEXT("НОВАЯ")));
    struct executor_request request = request_of(EXECUTOR_LIST);
    request.infobase = "unheard of"; /* asked for by name: look again */
    ask(&request);
    assert_int_equal(one.requests[RAS_GET_INFOBASES_SHORT], 3);
    request.infobase = "ut";
    ask(&request);
    assert_int_equal(one.requests[RAS_GET_INFOBASES_SHORT], 3);
}

static void one_session_is_looked_up(void **state)
{
    (void)state;
    create_usual();
    const struct executor_reply *reply = do_op(EXECUTOR_INFO);
    assert_int_equal(reply->code, ERR_OK);
    assert_int_equal(reply->list->count, 1);
    assert_string_equal(reply->list->sessions[0].app_id, "1CV8C");
}

static const char *refusal;
static enum ras_request about;

static bool refuse(struct script_peer *peer, struct ras_packet packet,
                   const struct ras_packet_value *value)
{
    if (value->type != RAS_PACKET_MESSAGE || value->message.head.type != about)
        return world(peer, packet, value);
    script_refuse(peer, refusal, "text");
    return true;
}

static void a_vanished_session_is_gone(void **state)
{
    (void)state;
    one.hook = refuse;
    refusal = "v8.service.Admin.Cluster#SessionNotFound";
    create_usual();
    about = RAS_GET_SESSION_INFO;
    const struct executor_reply *reply = do_op(EXECUTOR_INFO);
    assert_int_equal(reply->code, ERR_GONE);
    assert_false(reply->sent);
    about = RAS_TERMINATE_SESSION;
    reply = do_op(EXECUTOR_END);
    assert_int_equal(reply->code, ERR_GONE);
    assert_true(reply->sent);
    assert_string_equal(reply->remote_class, refusal);
    assert_non_null(strstr(reply->error.message, "north"));
    assert_non_null(strstr(reply->error.message, "127.0.0.1"));
}

/* The engine takes "cannot be asked" for less than an answer, and a refusal for none. */
static void a_server_that_does_not_know_a_question_is_told_from_one_that_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *class_name;
        enum error_code info, end;
    } rows[] = {
        {"v8.service.UnexpectedMessage", ERR_UNSUPPORTED, ERR_REFUSED},
        {"v8.service.Admin.Cluster#Failure", ERR_REFUSED, ERR_REFUSED},
        {"something.New", ERR_REFUSED, ERR_REFUSED},
    };
    one.hook = refuse;
    create_usual();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        refusal = rows[i].class_name;
        about = RAS_GET_SESSION_INFO;
        assert_int_equal(do_op(EXECUTOR_INFO)->code, rows[i].info);
        about = RAS_TERMINATE_SESSION;
        assert_int_equal(do_op(EXECUTOR_END)->code, rows[i].end);
        assert_true(replies[0].sent);
    }
}

static void an_end_carries_session_and_message(void **state)
{
    (void)state;
    create_usual();
    struct executor_request request = request_of(EXECUTOR_END);
    request.message = "Сеанс завершён";
    const struct executor_reply *reply = ask(&request);
    assert_int_equal(reply->code, ERR_OK);
    assert_true(reply->sent);
    assert_true(uuid_equal(&terminated.session, &request.session));
    assert_true(uuid_equal(&terminated.cluster, &(struct uuid){{0xc1, 1}}));
    assert_int_equal(terminated.message.length, strlen(request.message));
    assert_int_equal(one.requests[RAS_ADD_AUTHENTICATION], 0);
}

static void the_other_operations_reach_their_messages(void **state)
{
    (void)state;
    create_usual();
    assert_int_equal(do_op(EXECUTOR_INTERRUPT)->code, ERR_OK);
    assert_int_equal(one.requests[RAS_INTERRUPT_SESSION], 1);
    assert_int_equal(do_op(EXECUTOR_PROCESSES)->code, ERR_OK);
    assert_int_equal(one.requests[RAS_GET_WORKING_PROCESSES], 1);
    assert_int_equal(do_op(EXECUTOR_DISCONNECT)->code, ERR_OK);
    assert_int_equal(one.requests[RAS_DISCONNECT], 1);
    assert_int_equal(one.requests[RAS_ADD_AUTHENTICATION], 1);
    struct executor_request request = request_of(EXECUTOR_CONNECTIONS);
    request.infobase = "ut";
    assert_int_equal(ask(&request)->code, ERR_OK);
    assert_int_equal(replies[0].connections->count, 0);
    request.infobase = "nowhere";
    assert_int_equal(ask(&request)->code, ERR_NOT_FOUND);
    assert_int_equal(one.requests[RAS_GET_INFOBASE_CONNECTIONS], 1);
    assert_int_equal(one.connections, 1); /* one after another: one connection serves all */
}

/* No script can send such a text, and a client that lets it in copies it piece by piece. */
static void a_connection_with_a_text_beyond_measure_is_no_answer(void **state) /* I10 */
{
    (void)state;
    static char beyond[LIMIT_RAS_STRING_BYTES + 1];
    memset(beyond, 'a', sizeof beyond);
    struct ras_connection connection = {.application = {beyond, sizeof beyond - 1},
                                        .host = {beyond, sizeof beyond - 1}};
    const struct ras_message message = {
        .layout = &ras_connection_layout, .records = &connection, .count = 1};
    struct connection_list *list;
    struct error err;
    assert_int_equal(ras_map_connections(&message, &list, &err), ERR_OK);
    arena_destroy(list->arena);
    free(list);
    struct text *const texts[] = {&connection.application, &connection.host};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        texts[i]->length++;
        assert_int_equal(ras_map_connections(&message, &list, &err), ERR_PROTOCOL);
        assert_non_null(strstr(err.message, "a text of a connection is longer"));
        texts[i]->length--;
    }
}

static void a_lock_is_read_and_only_its_fields_are_written(void **state)
{
    (void)state;
    struct secret *password = secret_of(TEXT("hidden"));
    struct ras_infobase_login login = {"ut", {"ibadmin", password}};
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    settings.infobases = &login;
    settings.infobase_count = 1;
    create(&settings);
    secret_destroy(password); /* copied */
    struct executor_request request = request_of(EXECUTOR_INFOBASE_READ);
    request.infobase = "UT";
    const struct executor_reply *reply = ask(&request);
    assert_int_equal(reply->code, ERR_OK);
    assert_true(uuid_equal(&reply->lock->infobase, &infobase_ut));
    assert_false(reply->lock->sessions_deny);
    assert_true(reply->lock->denied_from.ticks == 639074016000000);
    assert_string_equal(reply->lock->denied_message, "");

    struct infobase_lock lock = {.sessions_deny = true, .denied_parameter = (char *)"curfew-1"};
    request = request_of(EXECUTOR_INFOBASE_WRITE);
    request.infobase = "ut";
    request.lock = &lock;
    reply = ask(&request);
    assert_int_equal(reply->code, ERR_OK);
    assert_true(reply->sent);
    assert_true(stored.sessions_deny);
    assert_true(text_equal(stored.denied_parameter, TEXT("curfew-1")));
    assert_true(stored.denied_from.ticks == 0);
    assert_true(
        text_equal(stored.db_pwd, TEXT("\xef\xbf\xbd"))); /* the mask goes back as it came */
    assert_int_equal(stored.license_distribution, 1);
    assert_int_equal(one.requests[RAS_ADD_AUTHENTICATION], 1);
}

static void a_lock_that_somebody_changed_meanwhile_is_not_overwritten(void **state) /* I9 */
{
    (void)state;
    create_usual();
    struct executor_request request = request_of(EXECUTOR_INFOBASE_READ);
    request.infobase = "ut";
    struct infobase_lock seen = infobase_lock_copy(ask(&request)->lock);
    struct infobase_lock lock = {.sessions_deny = true, .denied_parameter = (char *)"curfew-1"};
    request = request_of(EXECUTOR_INFOBASE_WRITE);
    request.infobase = "ut";
    request.lock = &lock;
    request.expected = &seen;
    seen.scheduled_jobs_deny = !seen.scheduled_jobs_deny;
    assert_int_equal(ask(&request)->code, ERR_CONFLICT);
    assert_false(replies[0].sent);
    assert_int_equal(one.requests[RAS_UPDATE_INFOBASE], 0);
    seen.scheduled_jobs_deny = !seen.scheduled_jobs_deny;
    assert_int_equal(ask(&request)->code, ERR_OK);
    assert_int_equal(one.requests[RAS_UPDATE_INFOBASE], 1);
    infobase_lock_release(&seen);
}

static void a_lock_that_could_not_be_given_back_is_not_touched(void **state) /* I9 */
{
    (void)state;
    static const struct text bad[] = {{"\xca\xee\xe4", 3}, {"a\0b", 3}};
    create_usual();
    struct infobase_lock lock = {.sessions_deny = true};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        stored.permission_code = bad[i];
        struct executor_request request = request_of(EXECUTOR_INFOBASE_READ);
        request.infobase = "ut";
        assert_int_equal(ask(&request)->code, ERR_UNSUPPORTED);
        assert_non_null(strstr(replies[0].error.message, "permission_code"));
        request.op = EXECUTOR_INFOBASE_WRITE;
        request.lock = &lock;
        assert_int_equal(ask(&request)->code, ERR_UNSUPPORTED);
        assert_false(replies[0].sent);
    }
    assert_int_equal(one.requests[RAS_UPDATE_INFOBASE], 0);
}

/* ---- which cluster ---- */

static enum error_code list_of(const char *cluster)
{
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    settings.cluster = cluster;
    if (executor) {
        stopped = false;
        executor_stop(executor, on_stopped, NULL);
        script_run_until(&one, &stopped);
        executor_destroy(executor);
    }
    create(&settings);
    return do_op(EXECUTOR_LIST)->code;
}

static void the_cluster_is_chosen_and_never_guessed(void **state)
{
    (void)state;
    clusters_served = 2;
    assert_int_equal(list_of(NULL), ERR_CONFIG);
    assert_non_null(strstr(replies[0].error.message, "'Main' c1010000-"));
    assert_non_null(strstr(replies[0].error.message, "'Second' c1020000-"));
    assert_int_equal(one.requests[RAS_GET_SESSIONS], 0);
    assert_int_equal(list_of("SECOND"), ERR_OK);
    assert_int_equal(list_of("c1020000-0000-0000-0000-000000000000"), ERR_OK);
    assert_int_equal(list_of("third"), ERR_NOT_FOUND);
    assert_non_null(strstr(replies[0].error.message, "'Main'"));
    assert_int_equal(list_of("c1090000-0000-0000-0000-000000000000"), ERR_NOT_FOUND);
    clusters_served = 3;
    assert_int_equal(list_of("second"), ERR_CONFIG); /* two of that name */
    clusters_served = 0;
    assert_int_equal(list_of(NULL), ERR_UNAVAILABLE); /* it may only be starting */
}

static bool reborn; /* the cluster has another UUID by now */

static bool rebirth(struct script_peer *peer, struct ras_packet packet,
                    const struct ras_packet_value *value)
{
    if (value->type != RAS_PACKET_MESSAGE || !reborn)
        return world(peer, packet, value);
    struct ras_cluster cluster = {.uuid = {{0xc1, 9}}, .name = TEXT("Main")};
    if (value->message.head.type == RAS_GET_CLUSTERS) {
        script_answer(peer, RAS_GET_CLUSTERS, &cluster, 1);
        return true;
    }
    if (memcmp(value->message.records, &cluster.uuid, sizeof cluster.uuid) == 0)
        return world(peer, packet, value);
    script_refuse(peer, "v8.service.Admin.Cluster#ClusterNotFound", "x");
    return true;
}

static void a_cluster_named_by_name_is_found_again(void **state)
{
    (void)state;
    one.hook = rebirth;
    reborn = false;
    assert_int_equal(list_of("main"), ERR_OK);
    reborn = true;
    assert_int_equal(do_op(EXECUTOR_END)->code, ERR_OK);
    assert_true(uuid_equal(&terminated.cluster, &(struct uuid){{0xc1, 9}}));
    reborn = false;
    assert_int_equal(list_of("c1010000-0000-0000-0000-000000000000"), ERR_OK);
    reborn = true;
    assert_int_equal(do_op(EXECUTOR_END)->code, ERR_NOT_FOUND);
    assert_false(replies[0].sent);
}

static void a_cluster_that_is_served_and_unknown_at_once_is_not_asked_for_ever(void **state)
{
    (void)state;
    one.hook = refuse;
    about = RAS_TERMINATE_SESSION;
    refusal = "v8.service.Admin.Cluster#ClusterNotFound";
    create_usual();
    assert_int_equal(do_op(EXECUTOR_END)->code, ERR_NOT_FOUND);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], 2);
    assert_int_equal(one.connections, 2);
}

static bool fail_the_endpoint(struct script_peer *peer, struct ras_packet packet,
                              const struct ras_packet_value *value)
{
    if (value->type != RAS_PACKET_MESSAGE || value->message.head.type != about)
        return world(peer, packet, value);
    struct ras_exception exception = {
        .class_name = TEXT("v8.service.Admin.Cluster#ClusterNotFound"), .message = TEXT("x")};
    script_packet(peer, &(struct ras_packet_value){.type = RAS_PACKET_FAILURE,
                                                   .failure = {.service = TEXT("s"),
                                                               .version = TEXT("10.0"),
                                                               .endpoint = one.endpoint,
                                                               .exception = exception}});
    return true;
}

/* Whatever class the failure names: the request went out, and nobody answered it. */
static void a_change_whose_endpoint_failed_is_in_doubt_and_not_sent_again(void **state) /* I6 */
{
    (void)state;
    one.hook = fail_the_endpoint;
    create_usual();
    do_op(EXECUTOR_LIST);
    about = RAS_TERMINATE_SESSION;
    assert_int_equal(do_op(EXECUTOR_END)->code, ERR_IN_DOUBT);
    assert_true(replies[0].sent);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], 1);
    about = RAS_UPDATE_INFOBASE;
    struct infobase_lock lock = {.sessions_deny = true};
    struct executor_request request = request_of(EXECUTOR_INFOBASE_WRITE);
    request.infobase = "ut";
    request.lock = &lock;
    assert_int_equal(ask(&request)->code, ERR_IN_DOUBT);
    assert_true(replies[0].sent);
    assert_int_equal(one.requests[RAS_UPDATE_INFOBASE], 1);
    about = RAS_TERMINATE_SESSION;
    do_op(EXECUTOR_LIST);
    uv_close((uv_handle_t *)&one.listener, NULL); /* there is no second connection either */
    assert_int_equal(do_op(EXECUTOR_END)->code, ERR_IN_DOUBT);
    assert_true(replies[0].sent);
}

/* ---- addresses and connections ---- */

static void create_with_two(int64_t connect_timeout_ms)
{
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    settings.address_count = 2;
    settings.connect_timeout_ms = connect_timeout_ms;
    create(&settings);
}

static void a_closed_address_is_left_for_the_next_and_tried_last(void **state)
{
    (void)state;
    create_with_two(0);
    uv_close((uv_handle_t *)&one.listener, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(do_op(EXECUTOR_LIST)->code, ERR_OK);
    assert_int_equal(two.connections, 1);
    script_hang_up(two.peers[0]); /* the next connection goes to the second address at once */
    assert_int_equal(do_op(EXECUTOR_END)->code, ERR_OK);
    assert_int_equal(two.connections, 2);
}

static bool say_nothing(struct script_peer *peer, struct ras_packet packet,
                        const struct ras_packet_value *value)
{
    (void)peer;
    (void)packet;
    (void)value;
    return true;
}

static void a_silent_address_is_left_after_its_time(void **state)
{
    (void)state;
    one.hook = say_nothing;
    create_with_two(30);
    assert_int_equal(do_op(EXECUTOR_LIST)->code, ERR_OK);
    assert_int_equal(one.connections, 1);
    assert_int_equal(two.connections, 1);
    script_hang_up(two.peers[0]);
    assert_int_equal(do_op(EXECUTOR_LIST)->code, ERR_OK);
    assert_int_equal(one.connections, 1); /* not asked again while the other one answers */
}

static void the_address_tried_last_is_still_tried(void **state)
{
    (void)state;
    one.hook = say_nothing;
    create_with_two(30);
    assert_int_equal(do_op(EXECUTOR_LIST)->code, ERR_OK);
    one.hook = world;
    uv_close((uv_handle_t *)&two.listener, NULL);
    script_hang_up(two.peers[0]);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(do_op(EXECUTOR_LIST)->code, ERR_OK);
    assert_int_equal(one.connections, 2);
}

static bool names_list; /* a refusal names what is supported */

/* Speaks version 9 alone, and closes the connection on which it refused another. */
static bool refuse_and_hang_up(struct script_peer *peer, struct ras_packet packet,
                               const struct ras_packet_value *value)
{
    unsigned version = 0;
    if (value->type == RAS_PACKET_OPEN)
        CHECK(ras_version_read(value->open.version, &version, NULL) == ERR_OK);
    if (version == 9)
        peer->script->version = 9;
    if (version == 0 || version == 9)
        return world(peer, packet, value);
    struct ras_exception exception = {.class_name = TEXT("swp.Endpoint"),
                                      .message = names_list ? TEXT("supported=[9.0]") : TEXT("")};
    script_packet(peer, &(struct ras_packet_value){.type = RAS_PACKET_FAILURE,
                                                   .failure = {.service = value->open.service,
                                                               .version = value->open.version,
                                                               .endpoint = RAS_NONE,
                                                               .exception = exception}});
    script_hang_up(peer);
    return true;
}

static void a_server_that_hangs_up_on_a_refused_version_is_asked_for_the_next(void **state)
{
    (void)state;
    one.hook = refuse_and_hang_up;
    for (unsigned turn = 0; turn < 2; turn++) {
        names_list = turn == 0;
        unsigned before = one.connections;
        create_usual();
        assert_int_equal(do_op(EXECUTOR_PROCESSES)->code, ERR_OK);
        assert_int_equal(one.connections - before, 2);
        stopped = false;
        executor_stop(executor, on_stopped, NULL);
        script_run_until(&one, &stopped);
        executor_destroy(executor);
        executor = NULL;
        forget_replies();
    }
}

static bool refuse_for_ever(struct script_peer *peer, struct ras_packet packet,
                            const struct ras_packet_value *value)
{
    if (value->type != RAS_PACKET_OPEN)
        return world(peer, packet, value);
    struct ras_exception exception = {.class_name = TEXT("swp.Endpoint"),
                                      .message = TEXT("supported=[9.0, 10.0, 16.0]")};
    script_packet(peer, &(struct ras_packet_value){.type = RAS_PACKET_FAILURE,
                                                   .failure = {.service = value->open.service,
                                                               .version = value->open.version,
                                                               .endpoint = RAS_NONE,
                                                               .exception = exception}});
    script_hang_up(peer);
    return true;
}

static void a_server_that_refuses_what_it_names_is_not_asked_for_ever(void **state)
{
    (void)state;
    one.hook = refuse_for_ever;
    create_usual();
    assert_int_equal(do_op(EXECUTOR_PROCESSES)->code, ERR_UNAVAILABLE);
    assert_in_range(one.connections, 1, 9);
}

static void no_address_at_all_is_unavailable(void **state)
{
    (void)state;
    create_with_two(0);
    uv_close((uv_handle_t *)&one.listener, NULL);
    uv_close((uv_handle_t *)&two.listener, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    const struct executor_reply *reply = do_op(EXECUTOR_END);
    assert_int_equal(reply->code, ERR_UNAVAILABLE);
    assert_false(reply->sent);
    assert_non_null(strstr(reply->error.message, "cannot connect"));
}

static bool die_on_request(struct script_peer *peer, struct ras_packet packet,
                           const struct ras_packet_value *value)
{
    if (value->type != RAS_PACKET_MESSAGE || value->message.head.type != about)
        return world(peer, packet, value);
    script_hang_up(peer);
    return true;
}

static void a_read_is_repeated_once_and_an_end_never(void **state)
{
    (void)state;
    one.hook = die_on_request;
    create_usual();
    about = RAS_GET_SESSIONS;
    assert_int_equal(do_op(EXECUTOR_LIST)->code, ERR_UNAVAILABLE);
    assert_int_equal(one.requests[RAS_GET_SESSIONS], 2);
    about = RAS_TERMINATE_SESSION;
    const struct executor_reply *reply = do_op(EXECUTOR_END);
    assert_int_equal(reply->code, ERR_IN_DOUBT);
    assert_true(reply->sent);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], 1);
}

static void a_dead_pooled_connection_is_replaced_before_an_end_leaves(void **state)
{
    (void)state;
    create_usual();
    do_op(EXECUTOR_LIST);
    script_hang_up(one.peers[0]); /* the executor has not read its end yet */
    assert_int_equal(do_op(EXECUTOR_END)->code, ERR_OK);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], 1);
    assert_int_equal(one.connections, 2);
}

/* Behind each list, and only there. */
static bool hang_up_behind_lists(struct script_peer *peer, struct ras_packet packet,
                                 const struct ras_packet_value *value)
{
    if (value->type != RAS_PACKET_MESSAGE)
        return false;
    const struct ras_message_row *row = ras_message_by_request(value->message.head.type);
    if (row->shape != RAS_SHAPE_LIST)
        return world(peer, packet, value);
    if (!world(peer, packet, value))
        script_usual(peer, value);
    script_hang_up(peer);
    return true;
}

static void a_task_goes_on_where_its_connection_ended(void **state)
{
    (void)state;
    one.hook = hang_up_behind_lists;
    create_usual();
    const struct executor_reply *reply = do_op(EXECUTOR_LIST);
    assert_int_equal(reply->code, ERR_OK);
    assert_int_equal(reply->list->count, 2);
    assert_string_equal(reply->list->sessions[0].infobase_name, "UT");
    assert_int_equal(one.connections, 3);
    assert_int_equal(one.requests[RAS_GET_CLUSTERS], 1);
    assert_int_equal(one.requests[RAS_GET_SESSIONS], 1);
    assert_int_equal(one.requests[RAS_GET_INFOBASES_SHORT], 1);
    assert_int_equal(do_op(EXECUTOR_END)->code, ERR_OK);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], 1);
}

static unsigned bears; /* connections */

static bool bear_few(struct script_peer *peer, struct ras_packet packet,
                     const struct ras_packet_value *value)
{
    unsigned open = 0;
    for (unsigned i = 0; i < one.connections; i++)
        open += one.peers[i]->open;
    if (value->type != RAS_PACKET_CONNECT || open <= bears)
        return world(peer, packet, value);
    script_hang_up(peer);
    return true;
}

static void a_server_that_bears_few_connections_is_not_pressed_for_more(void **state)
{
    (void)state;
    enum { ENDS = 20 };
    one.hook = bear_few;
    bears = 1;
    create_usual();
    do_op(EXECUTOR_LIST);
    forget_replies();
    for (unsigned i = 0; i < ENDS; i++) {
        struct executor_request request = request_of(EXECUTOR_END);
        start(&request);
    }
    await(ENDS);
    for (unsigned i = 0; i < ENDS; i++)
        assert_int_equal(replies[i].code, ERR_OK);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], ENDS);
    assert_true(one.connections <= 4); /* what the pool tried at once */
}

static struct ras_session listed[2];

static bool list_these(struct script_peer *peer, struct ras_packet packet,
                       const struct ras_packet_value *value)
{
    if (value->type != RAS_PACKET_MESSAGE || value->message.head.type != RAS_GET_SESSIONS)
        return world(peer, packet, value);
    script_answer(peer, RAS_GET_SESSIONS, listed, 2);
    return true;
}

static void a_session_that_stands_twice_in_the_list_is_one(void **state)
{
    (void)state;
    one.hook = list_these;
    listed[0] = listed[1] = (struct ras_session){
        .uuid = {{0x5e, 1}}, .infobase = infobase_ut, .session_id = 7, .user_name = TEXT("u")};
    listed[1].calls_all = 7; /* it went on while the list was made */
    create_usual();
    const struct executor_reply *reply = do_op(EXECUTOR_LIST);
    assert_int_equal(reply->code, ERR_OK);
    assert_int_equal(reply->list->count, 1);
    listed[1].user_name = TEXT("Другой");
    reply = do_op(EXECUTOR_LIST);
    assert_int_equal(reply->code, ERR_PROTOCOL);
    assert_non_null(strstr(reply->error.message, "5e010000-0000-0000-0000-000000000000"));
}

static void a_text_that_is_no_utf8_is_shown_and_told(void **state) /* I14 */
{
    (void)state;
    one.hook = list_these;
    listed[0] = (struct ras_session){
        .uuid = {{0x5e, 1}}, .infobase = infobase_ut, .user_name = {"\xc8\xe2\xe0\0", 4}};
    listed[1] = (struct ras_session){.uuid = {{0x5e, 2}}, .infobase = infobase_ut};
    create_usual();
    const struct executor_reply *reply = do_op(EXECUTOR_LIST);
    assert_int_equal(reply->code, ERR_OK);
    assert_string_equal(reply->list->sessions[0].user_name, "\\xc8\\xe2\\xe0\\u{0}");
    assert_true(reply->list->sessions[0].unreadable);
    assert_false(reply->list->sessions[1].unreadable);
}

static void a_session_that_cannot_be_named_or_kept_makes_the_list_no_answer(void **state)
{
    (void)state;
    static char beyond[LIMIT_RAS_STRING_BYTES + 1];
    memset(beyond, 'a', sizeof beyond);
    struct ras_session session = {.uuid = {{0x5e, 1}}};
    struct text *const texts[] = {&session.user_name,
                                  &session.app_id,
                                  &session.host,
                                  &session.client_ip,
                                  &session.locale,
                                  &session.db_proc_info,
                                  &session.data_separation,
                                  &session.current_service_name};
    const struct ras_message message = {
        .layout = &ras_session_layout, .records = &session, .count = 1};
    struct session_list *list;
    struct error err;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = (struct text){beyond, sizeof beyond - 1};
        assert_int_equal(ras_map_sessions(&message, 16, &list, &err), ERR_OK);
        session_list_destroy(list);
        texts[i]->length++;
        assert_int_equal(ras_map_sessions(&message, 16, &list, &err), ERR_PROTOCOL);
        assert_non_null(strstr(err.message, "a text of a session is longer"));
        *texts[i] = (struct text){NULL, 0};
    }
    session.uuid = (struct uuid){{0}};
    assert_int_equal(ras_map_sessions(&message, 16, &list, &err), ERR_PROTOCOL);
    assert_non_null(strstr(err.message, "without a UUID"));
}

static void a_negative_number_is_no_number_of_a_session(void **state)
{
    (void)state;
    one.hook = list_these;
    listed[0] = (struct ras_session){
        .uuid = {{0x5e, 1}}, .session_id = -1, .blocked_by_dbms = -7, .blocked_by_ls = INT32_MIN};
    listed[1] = (struct ras_session){.uuid = {{0x5e, 2}}, .session_id = INT32_MAX};
    create_usual();
    const struct executor_reply *reply = do_op(EXECUTOR_LIST);
    assert_int_equal(reply->code, ERR_OK);
    assert_int_equal(reply->list->sessions[0].number, 0);
    assert_int_equal(reply->list->sessions[0].blocked_by_dbms, 0);
    assert_int_equal(reply->list->sessions[0].blocked_by_ls, 0);
    assert_int_equal(reply->list->sessions[1].number, INT32_MAX);
}

/* That there is no such cluster says nothing about the infobase, whose lock may be ours. */
static void a_cluster_that_is_missing_makes_no_lock_gone(void **state) /* I9 */
{
    (void)state;
    struct executor_request request = request_of(EXECUTOR_INFOBASE_READ);
    request.infobase = "ut";
    assert_int_equal(list_of("third"), ERR_NOT_FOUND);
    assert_int_equal(ask(&request)->code, ERR_UNAVAILABLE);
    one.hook = refuse;
    about = RAS_GET_INFOBASE_INFO;
    refusal = "v8.service.Admin.Cluster#ClusterNotFound";
    assert_int_equal(list_of("main"), ERR_OK);
    assert_int_equal(ask(&request)->code, ERR_UNAVAILABLE);
    refusal = "v8.service.Admin.Cluster#InfoBaseNotFound";
    assert_int_equal(ask(&request)->code, ERR_NOT_FOUND);
}

static void of_a_write_whose_record_was_not_read_nothing_was_sent(void **state)
{
    (void)state;
    one.hook = refuse;
    about = RAS_GET_INFOBASE_INFO;
    refusal = "v8.service.Admin.Cluster#Failure";
    create_usual();
    struct infobase_lock lock = {.sessions_deny = true};
    struct executor_request request = request_of(EXECUTOR_INFOBASE_WRITE);
    request.infobase = "ut";
    request.lock = &lock;
    assert_int_equal(ask(&request)->code, ERR_REFUSED);
    assert_false(replies[0].sent);
    assert_int_equal(one.requests[RAS_UPDATE_INFOBASE], 0);
}

static char shown_user[20]; /* with message 10 */

static bool note_login(struct script_peer *peer, struct ras_packet packet,
                       const struct ras_packet_value *value)
{
    if (value->type == RAS_PACKET_MESSAGE && value->message.head.type == RAS_ADD_AUTHENTICATION) {
        const struct ras_cluster_credentials *login = value->message.records;
        snprintf(shown_user, sizeof shown_user, "%.*s", TEXT_ARGS(login->user));
    }
    return world(peer, packet, value);
}

static void an_infobases_login_may_be_configured_by_its_uuid(void **state)
{
    (void)state;
    struct ras_infobase_login logins[] = {
        {"ff000000-0000-0000-0000-000000000001", {"nobody", NULL}},
        {"17010000-0000-0000-0000-000000000000", {"chief", NULL}}};
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    settings.infobases = logins;
    settings.infobase_count = 2;
    one.hook = note_login;
    shown_user[0] = '\0';
    create(&settings);
    struct executor_request request = request_of(EXECUTOR_INFOBASE_READ);
    request.infobase = "ut";
    assert_int_equal(ask(&request)->code, ERR_OK);
    assert_string_equal(shown_user, "chief");
}

/* A rule that denies an infobase by name must not be asked about the bytes of another encoding. */
static void an_infobases_name_that_is_no_utf8_is_not_told_with_its_lock(void **state)
{
    (void)state;
    create_usual();
    struct executor_request request = request_of(EXECUTOR_INFOBASE_READ);
    request.infobase = "ut";
    stored.name = TEXT("\xc1\xf3\xf5");
    const struct executor_reply *reply = ask(&request);
    assert_int_equal(reply->code, ERR_OK);
    assert_string_equal(reply->lock->name, "");
    stored.name = TEXT("Бух");
    reply = ask(&request);
    assert_int_equal(reply->code, ERR_OK);
    assert_string_equal(reply->lock->name, "Бух");
}

static bool silent_about(struct script_peer *peer, struct ras_packet packet,
                         const struct ras_packet_value *value)
{
    if (value->type == RAS_PACKET_MESSAGE && value->message.head.type == about)
        return true;
    return world(peer, packet, value);
}

static void an_end_without_an_answer_is_in_doubt(void **state)
{
    (void)state;
    about = RAS_TERMINATE_SESSION;
    one.hook = silent_about;
    create_usual();
    struct executor_request request = request_of(EXECUTOR_END);
    request.deadline = in_ms(40);
    const struct executor_reply *reply = ask(&request);
    assert_int_equal(reply->code, ERR_IN_DOUBT);
    assert_true(reply->sent);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], 1);
}

static void a_stale_end_sends_nothing(void **state)
{
    (void)state;
    create_usual();
    struct executor_request request = request_of(EXECUTOR_END);
    request.send_by = in_ms(0);
    const struct executor_reply *reply = ask(&request);
    assert_int_equal(reply->code, ERR_STALE);
    assert_false(reply->sent);
    assert_int_equal(one.connections, 0); /* its time was over in the queue */
}

static void many_requests_share_few_connections(void **state)
{
    (void)state;
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    settings.connections_max = 2;
    create(&settings);
    for (unsigned i = 0; i < 40; i++) {
        struct executor_request request = request_of(i % 2 ? EXECUTOR_END : EXECUTOR_LIST);
        request.tag = i;
        start(&request);
    }
    await(40);
    uint64_t seen = 0;
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(replies[i].code, ERR_OK);
        seen |= 1ull << replies[i].tag;
    }
    assert_true(seen == (1ull << 40) - 1);
    assert_int_equal(one.connections, 2);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], 20);
}

static void a_request_that_waits_too_long_is_answered(void **state)
{
    (void)state;
    about = RAS_GET_SESSIONS;
    one.hook = silent_about;
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    settings.connections_max = 1;
    create(&settings);
    struct executor_request list = request_of(EXECUTOR_LIST);
    list.deadline = in_ms(10000);
    start(&list); /* keeps the only connection */
    struct executor_request end = request_of(EXECUTOR_END);
    end.deadline = in_ms(30);
    start(&end);
    struct executor_request stale = request_of(EXECUTOR_END);
    stale.send_by = in_ms(30);
    start(&stale);
    await(2);
    assert_int_equal(replies[0].code, ERR_UNAVAILABLE);
    assert_int_equal(replies[1].code, ERR_STALE);
    assert_int_equal(one.requests[RAS_TERMINATE_SESSION], 0);
}

static void idle_connections_are_closed(void **state)
{
    (void)state;
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    settings.idle_ms = 20;
    create(&settings);
    do_op(EXECUTOR_LIST);
    assert_true(one.peers[0]->open);
    while (one.peers[0]->open)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(do_op(EXECUTOR_LIST)->code, ERR_OK);
    assert_int_equal(one.connections, 2);
}

static void stopping_answers_everything(void **state)
{
    (void)state;
    about = RAS_TERMINATE_SESSION;
    one.hook = silent_about;
    struct ras_address addresses[2];
    struct ras_settings settings = settings_of(addresses);
    settings.connections_max = 1;
    create(&settings);
    struct executor_request request = request_of(EXECUTOR_END);
    start(&request);
    start(&request);
    while (!one.requests[RAS_TERMINATE_SESSION])
        uv_run(&loop, UV_RUN_ONCE);
    stopped = false;
    wanted = 0;
    executor_stop(executor, on_stopped, NULL);
    assert_int_equal(reply_count, 0);
    script_run_until(&one, &stopped);
    assert_int_equal(reply_count, 2);
    assert_int_equal(replies[0].code, ERR_UNAVAILABLE); /* it waited: nothing was sent */
    assert_false(replies[0].sent);
    assert_int_equal(replies[1].code, ERR_IN_DOUBT);
    assert_true(replies[1].sent);
    executor_destroy(executor);
    executor = NULL;
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    struct ras_address addresses[2];
    struct ras_settings good = settings_of(addresses);
    struct ras_settings bad[4] = {good, good, good, good};
    bad[0].address_count = 0;
    bad[1].version_first = 8;
    bad[2].connections_max = RAS_CONNECTIONS_MAX + 1;
    bad[3].address_count = LIMIT_ADDRESSES + 1;
    for (size_t i = 0; i < 4; i++) {
        struct error err;
        assert_int_equal(
            ras_executor_create(&loop, clock_real(), &bad[i], on_done, NULL, &executor, &err),
            ERR_CONFIG);
        assert_non_null(strstr(err.message, "north"));
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup_world, teardown)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    CHECK(sodium_init() >= 0);
    const struct CMUnitTest tests[] = {
        TEST(a_list_names_users_infobases_and_its_time),
        TEST(an_old_version_reports_fewer_fields),
        TEST(names_are_read_again_only_when_needed),
        TEST(one_session_is_looked_up),
        TEST(a_vanished_session_is_gone),
        TEST(a_server_that_does_not_know_a_question_is_told_from_one_that_refuses),
        TEST(an_end_carries_session_and_message),
        TEST(the_other_operations_reach_their_messages),
        TEST(a_connection_with_a_text_beyond_measure_is_no_answer),
        TEST(a_lock_is_read_and_only_its_fields_are_written),
        TEST(a_lock_that_somebody_changed_meanwhile_is_not_overwritten),
        TEST(a_lock_that_could_not_be_given_back_is_not_touched),
        TEST(the_cluster_is_chosen_and_never_guessed),
        TEST(a_cluster_named_by_name_is_found_again),
        TEST(a_cluster_that_is_served_and_unknown_at_once_is_not_asked_for_ever),
        TEST(a_change_whose_endpoint_failed_is_in_doubt_and_not_sent_again),
        TEST(a_closed_address_is_left_for_the_next_and_tried_last),
        TEST(a_silent_address_is_left_after_its_time),
        TEST(the_address_tried_last_is_still_tried),
        TEST(a_server_that_hangs_up_on_a_refused_version_is_asked_for_the_next),
        TEST(a_server_that_refuses_what_it_names_is_not_asked_for_ever),
        TEST(no_address_at_all_is_unavailable),
        TEST(a_read_is_repeated_once_and_an_end_never),
        TEST(a_dead_pooled_connection_is_replaced_before_an_end_leaves),
        TEST(a_task_goes_on_where_its_connection_ended),
        TEST(a_server_that_bears_few_connections_is_not_pressed_for_more),
        TEST(a_session_that_stands_twice_in_the_list_is_one),
        TEST(a_text_that_is_no_utf8_is_shown_and_told),
        TEST(an_infobases_name_that_is_no_utf8_is_not_told_with_its_lock),
        TEST(a_session_that_cannot_be_named_or_kept_makes_the_list_no_answer),
        TEST(a_negative_number_is_no_number_of_a_session),
        TEST(a_cluster_that_is_missing_makes_no_lock_gone),
        TEST(of_a_write_whose_record_was_not_read_nothing_was_sent),
        TEST(an_infobases_login_may_be_configured_by_its_uuid),
        TEST(an_end_without_an_answer_is_in_doubt),
        TEST(a_stale_end_sends_nothing),
        TEST(many_requests_share_few_connections),
        TEST(a_request_that_waits_too_long_is_answered),
        TEST(idle_connections_are_closed),
        TEST(stopping_answers_everything),
        TEST(wrong_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
