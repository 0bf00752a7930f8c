/* One connection against a RAS that plays its part well, or badly. */
#include "test_ras_script.h"

#include <signal.h>
#include <sodium.h>

#include "tests/vectors/vector.h"

static uv_loop_t loop;
static struct script script;
static struct ras_conn *conn;
static struct ras_conn_config config;
static bool came; /* the callback waited for */
static bool memory_gone;
static enum error_code open_code;
static struct error open_error;
static struct ras_answer last;
static unsigned last_count; /* records of the last answer */
static struct uuid cluster_a = {{0xa1}};
static struct uuid cluster_b = {{0xb1}};

static void on_opened(void *self, enum error_code code, const struct error *err)
{
    (void)self;
    script_came(&script, &came);
    open_code = code;
    if (code) {
        open_error = *err;
        conn = NULL;
    }
}

static void on_answered(void *self, const struct ras_answer *answer)
{
    (void)self;
    script_came(&script, &came);
    last = *answer;
    last_count = answer->message ? answer->message->count : 0;
    last.message = NULL;
    if (answer->lost)
        conn = NULL;
}

static void on_lost(void *self)
{
    (void)self;
    script_came(&script, &came);
    conn = NULL;
}

static void on_closed(void *self)
{
    (void)self;
    memory_gone = true;
}

static int setup(void **state)
{
    (void)state;
    CHECK(uv_loop_init(&loop) == 0);
    script_start(&script, &loop);
    config = (struct ras_conn_config){
        .host = "127.0.0.1", .port = script.port, .version_first = 10, .clock = clock_real()};
    memory_gone = false;
    conn = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ras_conn_close(conn);
    script_close(&script);
    CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
    script_release(&script);
    CHECK(memory_gone);
    CHECK(uv_loop_close(&loop) == 0);
    return 0;
}

static struct instant in_ms(int64_t ms)
{
    return instant_add_ms(clock_now(&config.clock), ms);
}

static void connect_within(int64_t ms)
{
    const struct ras_conn_owner owner = {
        .opened = on_opened, .answered = on_answered, .lost = on_lost, .closed = on_closed};
    came = false;
    conn = ras_conn_create(&loop, &config, &owner, in_ms(ms));
    script_run_until(&script, &came);
}

static void connect_well(void)
{
    connect_within(10000);
    assert_int_equal(open_code, ERR_OK);
}

static void call_within(enum ras_request number, const void *record, struct uuid cluster,
                        int64_t ms)
{
    struct ras_call call = {.number = number,
                            .record = record,
                            .cluster = cluster,
                            .login = config.infobase_count ? 0 : RAS_LOGIN_NONE,
                            .send_by = in_ms(10000),
                            .deadline = in_ms(ms)};
    came = false;
    ras_conn_call(conn, &call);
    assert_false(came); /* never from inside */
    script_run_until(&script, &came);
}

static void terminate_within(int64_t ms)
{
    struct ras_terminate record = {.cluster = cluster_a, .session = {{7}}};
    call_within(RAS_TERMINATE_SESSION, &record, cluster_a, ms);
}

static void list_within(int64_t ms)
{
    struct ras_of_cluster record = {cluster_a};
    call_within(RAS_GET_SESSIONS, &record, cluster_a, ms);
}

/* ---- recordings ---- */

static struct vector vector;
static size_t replayed; /* packets of `vector` that are through */
static bool exact;      /* the client is rac's twin: every byte the same */

/* khorevaa's client sends messages that ours does not need: message 10 after 9. */
static void skip_what_we_do_not_send(uint8_t number)
{
    while (replayed < vector.count && !exact && vector.packets[replayed].from_client &&
           vector.packets[replayed].bytes[0] == RAS_PACKET_MESSAGE &&
           vector.packets[replayed].bytes[6] == RAS_ADD_AUTHENTICATION &&
           number != RAS_ADD_AUTHENTICATION)
        replayed += 2;
}

static bool replay(struct script_peer *peer, struct ras_packet packet,
                   const struct ras_packet_value *value)
{
    skip_what_we_do_not_send(value->type == RAS_PACKET_MESSAGE ? value->message.head.type : 0);
    assert_true(replayed < vector.count);
    const struct vector_packet *wanted = &vector.packets[replayed++];
    assert_true(wanted->from_client);
    assert_int_equal(wanted->bytes[0], packet.type);
    if (exact || packet.type == RAS_PACKET_MESSAGE) {
        assert_true(packet.length < wanted->length);
        assert_memory_equal(wanted->bytes + wanted->length - packet.length, packet.body,
                            packet.length);
    }
    if (replayed < vector.count && !vector.packets[replayed].from_client) {
        script_send(peer, vector.packets[replayed].bytes, vector.packets[replayed].length);
        replayed++;
    }
    return true;
}

/* The requests of the recording, one after another, through the connection. */
static void ask_what_was_asked(const struct vector_packet *line)
{
    struct arena *arena = arena_create(SCRIPT_BYTES);
    struct ras_packet packet = {line->bytes[0], line->bytes + 2, line->length - 2};
    struct ras_packet_value value;
    assert_int_equal(ras_packet_decode(packet, vector.version, arena, &value, NULL), ERR_OK);
    uint8_t number = value.message.head.type;
    if (number != RAS_AUTHENTICATE_CLUSTER && number != RAS_ADD_AUTHENTICATION) {
        struct uuid cluster;
        memcpy(&cluster, value.message.records,
               sizeof cluster); /* the first field of all of them */
        call_within(number, value.message.records, cluster, 10000);
    }
    arena_destroy(arena);
}

static unsigned play(const char *name, enum error_code codes[])
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/vectors/%s", CURFEW_SOURCE_DIR, name);
    vector_load(&vector, path);
    replayed = 1; /* the eight bytes */
    script.hook = replay;
    script.version = config.version_first = vector.version;
    connect_well();
    unsigned calls = 0;
    for (size_t i = 0; i < vector.count; i++) {
        const struct vector_packet *line = &vector.packets[i];
        if (!line->from_client || line->bytes[0] != RAS_PACKET_MESSAGE ||
            line->bytes[6] == RAS_AUTHENTICATE_CLUSTER || line->bytes[6] == RAS_ADD_AUTHENTICATION)
            continue;
        ask_what_was_asked(line);
        codes[calls++] = last.code;
    }
    return calls;
}

static void a_recorded_terminate_of_rac_is_played_byte_for_byte(void **state)
{
    (void)state;
    enum error_code codes[VECTOR_PACKETS_MAX];
    exact = true;
    assert_int_equal(play("real_terminate_ok_16.hex", codes), 1);
    assert_int_equal(codes[0], ERR_OK);
    assert_true(last.sent);
    assert_int_equal(replayed, vector.count);
}

static void a_whole_recorded_session_is_played(void **state)
{
    (void)state;
    enum error_code codes[VECTOR_PACKETS_MAX];
    struct secret *password = secret_of(TEXT("cpass"));
    config.cluster = (struct ras_login){"cadmin", password};
    exact = false;
    unsigned calls = play("00_whole_session.hex", codes);
    assert_true(calls >= 4);
    assert_int_equal(codes[calls - 1], ERR_GONE); /* ended twice */
    assert_string_equal(last.remote_class, "v8.service.Admin.Cluster#SessionNotFound");
    assert_false(last.lost);
    for (unsigned i = 0; i + 1 < calls; i++)
        assert_int_equal(codes[i], ERR_OK);
    secret_destroy(password);
}

/* ---- what can go wrong with an answer ---- */

static size_t cut;      /* send so many bytes of the answer, then hang up */
static const void *raw; /* or exactly these */
static size_t raw_length;
static enum ras_request about; /* the request that the hook is about */

static bool is_about(const struct ras_packet_value *value)
{
    return value->type == RAS_PACKET_MESSAGE && value->message.head.type == about;
}

static bool answer_cut(struct script_peer *peer, struct ras_packet packet,
                       const struct ras_packet_value *value)
{
    (void)packet;
    if (!is_about(value))
        return false;
    static const uint8_t whole[] = {0x0e, 0x05, 0x40 | 6, 0x01, 0, 0, 0};
    script_send(peer, whole, cut);
    script_hang_up(peer);
    return true;
}

static void an_answer_cut_anywhere_leaves_a_terminate_in_doubt(void **state)
{
    (void)state;
    about = RAS_TERMINATE_SESSION;
    script.hook = answer_cut;
    for (cut = 0; cut <= 6; cut++) {
        connect_well();
        terminate_within(10000);
        assert_int_equal(last.code, ERR_IN_DOUBT);
        assert_true(last.sent);
        assert_true(last.lost);
        assert_false(last.timed_out);
        assert_int_equal(last.silent, cut == 0);
        assert_null(conn);
    }
}

static void an_answer_cut_anywhere_makes_a_list_unavailable(void **state)
{
    (void)state;
    about = RAS_GET_SESSIONS;
    script.hook = answer_cut;
    for (cut = 0; cut <= 6; cut++) {
        connect_well();
        list_within(10000);
        assert_int_equal(last.code, ERR_UNAVAILABLE);
        assert_true(last.lost);
    }
}

static bool answer_raw(struct script_peer *peer, struct ras_packet packet,
                       const struct ras_packet_value *value)
{
    (void)packet;
    if (!is_about(value))
        return false;
    script_send(peer, raw, raw_length);
    return true;
}

static void any_surprise_closes_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        {"\x0e\x04\x01\x00\x00\x00", 6},             /* endpoint 1, not 70 */
        {"\x0e\x06\x46\x01\x00\x00\x01\x42", 8},     /* a list without its count */
        {"\x0e\x07\x46\x01\x00\x00\x01\x42\x00", 9}, /* sessions in answer to terminate */
        {"\x0e\x06\x46\x01\x00\x00\x00\x00", 8},     /* void and a byte */
        {"\x0e\x05\x46\x01\x00\x00\x07", 7},         /* an unknown kind */
        {"\x0e\x05\x46\x01\x00\x01\x00", 7},         /* compressed */
        {"\x0e\x05\x46\x01\x00\x00\x00\x0e\x05\x46\x01\x00\x00\x00", 14}, /* answered twice */
        {"\x0e\x05\x46\x01\x00\x00\x00\x10\x00\x0e", 10}, /* a keep-alive hides another */
        {"\x02\x01\x80", 3},                              /* another kind of packet */
        {"\x63\x00", 2},                                  /* an unknown packet */
        {"\x0e\xff\xff\xff\xff\x07", 6},                  /* 2 GiB */
        {"\x0f\x0a\x80\x46\x01\x03"
         "a#B\x00\x00\x80",
         12}, /* the endpoint failed */
    };
    about = RAS_TERMINATE_SESSION;
    script.hook = answer_raw;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        raw = rows[i].bytes;
        raw_length = rows[i].length;
        connect_well();
        terminate_within(10000);
        assert_int_equal(last.code, ERR_IN_DOUBT);
        assert_true(last.lost);
        assert_false(last.timed_out);
    }
}

static void a_surprise_in_a_list_is_a_breach_of_the_protocol(void **state)
{
    (void)state;
    about = RAS_GET_SESSIONS;
    script.hook = answer_raw;
    raw = "\x0e\x05\x46\x01\x00\x00\x00"; /* void: never "no sessions" */
    raw_length = 7;
    connect_well();
    list_within(10000);
    assert_int_equal(last.code, ERR_PROTOCOL);
    assert_true(last.lost);
    assert_non_null(strstr(last.error.message, "get_sessions"));
}

static bool answer_another_question(struct script_peer *peer, struct ras_packet packet,
                                    const struct ras_packet_value *value)
{
    (void)packet;
    if (!is_about(value))
        return false;
    script_answer(peer, RAS_GET_INFOBASES_SHORT, NULL, 0);
    return true;
}

/* An empty list of something else is not "no sessions". */
static void the_answer_to_another_question_is_none(void **state) /* I6, I7 */
{
    (void)state;
    about = RAS_GET_SESSIONS;
    script.hook = answer_another_question;
    connect_well();
    list_within(10000);
    assert_int_equal(last.code, ERR_PROTOCOL);
    assert_true(last.lost);
}

static void keep_alives_around_an_answer_are_skipped(void **state)
{
    (void)state;
    about = RAS_TERMINATE_SESSION;
    script.hook = answer_raw;
    connect_well();
    raw = "\x10\x00\x10\x01x\x0e\x05\x46\x01\x00\x00\x00\x10\x00\x10\x02y";
    raw_length = 17; /* the last one is not whole yet */
    terminate_within(10000);
    assert_int_equal(last.code, ERR_OK);
    assert_false(last.lost);
    raw = "z\x0e\x05\x46\x01\x00\x00\x00";
    raw_length = 8;
    terminate_within(10000);
    assert_int_equal(last.code, ERR_OK);
}

static void keep_alives_without_end_are_not_skipped_for_ever(void **state) /* I10, I13 */
{
    (void)state;
    static char many[2 * 1001];
    for (size_t i = 0; i < sizeof many; i += 2)
        many[i] = 0x10;
    about = RAS_TERMINATE_SESSION;
    script.hook = answer_raw;
    raw = many;
    raw_length = sizeof many;
    connect_well();
    terminate_within(10000);
    assert_int_equal(last.code, ERR_IN_DOUBT);
    assert_true(last.lost);
    assert_false(last.timed_out);
    script.hook = NULL;
    connect_well();
    list_within(10000);
    came = false;
    script_send(script.peers[1], many, sizeof many); /* while nobody asks */
    script_run_until(&script, &came);
    assert_null(conn);
}

/* ---- time ---- */

static bool stay_silent(struct script_peer *peer, struct ras_packet packet,
                        const struct ras_packet_value *value)
{
    (void)peer;
    (void)packet;
    return is_about(value);
}

static void a_late_answer_finds_the_connection_closed(void **state)
{
    (void)state;
    about = RAS_TERMINATE_SESSION;
    script.hook = stay_silent;
    connect_well();
    terminate_within(20);
    assert_int_equal(last.code, ERR_IN_DOUBT);
    assert_true(last.timed_out);
    assert_true(last.lost);
    assert_null(conn);
    script_answer(script.peers[0], RAS_TERMINATE_SESSION, NULL, 0); /* too late: nobody is there */
    script.hook = NULL;
    connect_well();
    terminate_within(10000);
    assert_int_equal(last.code, ERR_OK);
    assert_int_equal(script.connections, 2);
}

static void a_silent_list_is_unavailable(void **state)
{
    (void)state;
    about = RAS_GET_SESSIONS;
    script.hook = stay_silent;
    connect_well();
    list_within(20);
    assert_int_equal(last.code, ERR_UNAVAILABLE);
    assert_true(last.timed_out);
    assert_true(last.silent);
}

static void nothing_leaves_after_its_time(void **state)
{
    (void)state;
    connect_well();
    struct ras_terminate record = {.cluster = cluster_a};
    struct ras_call call = {.number = RAS_TERMINATE_SESSION,
                            .record = &record,
                            .cluster = cluster_a,
                            .login = RAS_LOGIN_NONE,
                            .send_by = clock_now(&config.clock), /* has come */
                            .deadline = in_ms(10000)};
    came = false;
    ras_conn_call(conn, &call);
    script_run_until(&script, &came);
    assert_int_equal(last.code, ERR_STALE);
    assert_false(last.sent);
    assert_false(last.lost);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 1); /* judged after the login */
    terminate_within(10000);
    assert_int_equal(last.code, ERR_OK);
    assert_int_equal(script.requests[RAS_TERMINATE_SESSION], 1);
}

static bool is_still_allowed(uint64_t tag)
{
    return tag != 77;
}

static void what_is_not_allowed_any_more_does_not_leave(void **state) /* I1 */
{
    (void)state;
    connect_well();
    struct ras_terminate record = {.cluster = cluster_a};
    struct ras_call call = {.number = RAS_TERMINATE_SESSION,
                            .record = &record,
                            .cluster = cluster_a,
                            .login = RAS_LOGIN_NONE,
                            .allowed = is_still_allowed,
                            .tag = 77,
                            .send_by = in_ms(10000),
                            .deadline = in_ms(10000)};
    came = false;
    ras_conn_call(conn, &call);
    script_run_until(&script, &came);
    assert_int_equal(last.code, ERR_STALE);
    assert_false(last.sent);
    assert_int_equal(script.requests[RAS_TERMINATE_SESSION], 0);
}

static void a_call_without_time_sends_nothing(void **state)
{
    (void)state;
    connect_well();
    terminate_within(0);
    assert_int_equal(last.code, ERR_UNAVAILABLE);
    assert_false(last.sent);
    assert_false(last.lost);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 0);
}

/* ---- authentication ---- */

static void each_cluster_is_authenticated_once(void **state)
{
    (void)state;
    connect_well();
    list_within(10000);
    list_within(10000);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 1);
    struct ras_of_cluster other = {cluster_b};
    call_within(RAS_GET_SESSIONS, &other, cluster_b, 10000);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 2);
    assert_int_equal(script.requests[RAS_ADD_AUTHENTICATION], 0);
    call_within(RAS_GET_CLUSTERS, NULL, cluster_b, 10000);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 2);
}

static void infobase_logins_are_added_where_they_are_needed(void **state)
{
    (void)state;
    struct ras_login login = {.user = "ibadmin"};
    config.infobases = &login;
    config.infobase_count = 1;
    connect_well();
    struct ras_of_infobase record = {cluster_a, {{5}}};
    call_within(RAS_GET_INFOBASE_INFO, &record, cluster_a, 10000);
    call_within(RAS_GET_INFOBASE_INFO, &record, cluster_a, 10000);
    assert_int_equal(last.code, ERR_OK);
    assert_int_equal(last_count, 1);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 1);
    assert_int_equal(script.requests[RAS_ADD_AUTHENTICATION], 1);
    assert_int_equal(script.requests[RAS_GET_INFOBASE_INFO], 2);
    record.cluster = cluster_b; /* its infobases are others */
    call_within(RAS_GET_INFOBASE_INFO, &record, cluster_b, 10000);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 2);
    assert_int_equal(script.requests[RAS_ADD_AUTHENTICATION], 2);
}

static const char *refusal;

static bool refuse(struct script_peer *peer, struct ras_packet packet,
                   const struct ras_packet_value *value)
{
    (void)packet;
    if (!is_about(value))
        return false;
    script_refuse(peer, refusal, "Ошибка\nвторая строка");
    return true;
}

static void a_refused_login_sends_nothing_and_is_tried_again(void **state)
{
    (void)state;
    about = RAS_AUTHENTICATE_CLUSTER;
    refusal = "v8.service.Admin.Cluster#Failure";
    script.hook = refuse;
    connect_well();
    terminate_within(10000);
    assert_int_equal(last.code, ERR_AUTH);
    assert_string_equal(last.remote_class, refusal);
    assert_false(last.sent);
    assert_false(last.lost);
    assert_int_equal(script.requests[RAS_TERMINATE_SESSION], 0);
    assert_null(strchr(last.error.message, '\n'));
    script.hook = NULL;
    terminate_within(10000);
    assert_int_equal(last.code, ERR_OK);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 2);
}

static void exceptions_are_judged_by_their_class(void **state)
{
    (void)state;
    static const struct {
        const char *class_name;
        enum error_code code;
    } rows[] = {
        {"v8.service.Admin.Cluster#SessionNotFound", ERR_GONE},
        {"v8.service.Admin.Cluster#ClientNotFound", ERR_GONE},
        {"v8.service.Admin.Cluster#ConnectionNotFound", ERR_GONE},
        {"v8.service.Admin.Cluster#ClusterNotFound", ERR_NOT_FOUND},
        {"v8.service.Admin.Cluster#InfoBaseNotFound", ERR_NOT_FOUND},
        {"v8.service.Admin.Cluster#Rights", ERR_AUTH},
        {"v8.service.Admin.Cluster#Failure", ERR_REFUSED},
        {"v8.service.UnsupportedService", ERR_UNSUPPORTED},
        {"swp.UnknownThrowable", ERR_UNAVAILABLE},
        {"something.New", ERR_REFUSED},
    };
    about = RAS_TERMINATE_SESSION;
    script.hook = refuse;
    connect_well();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refusal = rows[i].class_name;
        terminate_within(10000);
        assert_int_equal(last.code, rows[i].code);
        assert_string_equal(last.remote_class, rows[i].class_name);
        assert_true(last.sent);
        assert_false(last.lost);
    }
    assert_int_equal(script.connections, 1);
}

/* A RAS may forget whom it knew, as when its agent restarts; whoever never had rights has none. */
static void rights_that_held_before_are_shown_again_by_the_next_question(void **state)
{
    (void)state;
    connect_well();
    list_within(10000);
    assert_int_equal(last.code, ERR_OK);
    about = RAS_GET_SESSIONS;
    script.hook = refuse;
    refusal = "v8.service.Admin.Cluster#Rights";
    list_within(10000);
    assert_int_equal(last.code, ERR_REFUSED);
    assert_false(last.lost);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 1);
    list_within(10000);
    assert_int_equal(last.code, ERR_AUTH);
    assert_int_equal(script.requests[RAS_AUTHENTICATE_CLUSTER], 2);
}

static bool refuse_in_another_encoding(struct script_peer *peer, struct ras_packet packet,
                                       const struct ras_packet_value *value)
{
    (void)packet;
    if (!is_about(value))
        return false;
    script_refuse(peer, "v8.service.Admin.Cluster#Rights", "\xcd\xe5\xf2 right");
    return true;
}

static void a_refusal_counts_whatever_its_text_is_encoded_in(void **state)
{
    (void)state;
    about = RAS_TERMINATE_SESSION;
    script.hook = refuse_in_another_encoding;
    connect_well();
    terminate_within(10000);
    assert_int_equal(last.code, ERR_AUTH);
    assert_false(last.lost);
    assert_non_null(strstr(last.error.message, "Rights: \\xcd\\xe5\\xf2 right"));
}

static bool refuse_at_length(struct script_peer *peer, struct ras_packet packet,
                             const struct ras_packet_value *value)
{
    char text[601] = "x"; /* so that a cut at an even place falls into a letter */
    (void)packet;
    if (!is_about(value))
        return false;
    while (strlen(text) + sizeof "Ж" <= sizeof text)
        strcat(text, "Ж");
    script_refuse(peer, "v8.service.Admin.Cluster#Failure", text);
    return true;
}

static void a_long_refusal_is_cut_at_a_character(void **state)
{
    (void)state;
    about = RAS_TERMINATE_SESSION;
    script.hook = refuse_at_length;
    connect_well();
    terminate_within(10000);
    assert_int_equal(last.code, ERR_REFUSED);
    assert_non_null(strstr(last.error.message, "xЖЖЖЖ"));
    assert_null(strstr(last.error.message, "\\x"));
}

/* ---- versions ---- */

static uint8_t accepted; /* the version that the script opens */
static bool names_list;  /* a refusal names what is supported */
static char asked[64];   /* versions in the order in which they were asked for */

static bool refuse_versions(struct script_peer *peer, struct ras_packet packet,
                            const struct ras_packet_value *value)
{
    (void)packet;
    if (value->type != RAS_PACKET_OPEN)
        return false;
    unsigned version;
    assert_int_equal(ras_version_read(value->open.version, &version, NULL), ERR_OK);
    snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "%u ", version);
    if (version == accepted) {
        script.version = accepted;
        return false;
    }
    struct ras_exception cause = {
        .class_name = TEXT("v8.service.UnsupportedService"),
        .message = names_list ? TEXT("supported=[3.0, 4.0, 16.1, 9.0, 8.0, 14.0]") : TEXT("no")};
    script_packet(
        peer, &(struct ras_packet_value){
                  .type = RAS_PACKET_FAILURE,
                  .failure = {.service = value->open.service,
                              .version = value->open.version,
                              .endpoint = RAS_NONE,
                              .exception = {.class_name = TEXT("swp.Endpoint"), .cause = &cause}}});
    return true;
}

static void the_highest_common_version_is_opened(void **state)
{
    (void)state;
    script.hook = refuse_versions;
    asked[0] = '\0';
    names_list = true;
    accepted = 9;
    connect_well();
    assert_string_equal(asked, "10 9 ");
    assert_int_equal(ras_conn_version(conn), 9);
    assert_int_equal(script.connections, 1);
    list_within(10000);
    assert_int_equal(last.code, ERR_OK);
}

static void without_a_list_lower_versions_are_asked_one_by_one(void **state)
{
    (void)state;
    script.hook = refuse_versions;
    asked[0] = '\0';
    names_list = false;
    accepted = 5;
    connect_well();
    assert_string_equal(asked, "10 9 7 6 5 ");
    assert_int_equal(ras_conn_version(conn), 5);
}

static void no_common_version_names_both_lists(void **state)
{
    (void)state;
    script.hook = refuse_versions;
    asked[0] = '\0';
    names_list = true;
    accepted = 200;
    connect_within(10000);
    assert_int_equal(open_code, ERR_UNSUPPORTED);
    assert_string_equal(asked, "10 9 4 3 ");
    assert_non_null(strstr(open_error.message, "3.0, 4.0, 9.0, 8.0, 14.0"));
    assert_non_null(strstr(open_error.message, "16.0, 11.0, 10.0"));
    assert_non_null(strstr(open_error.message, "RAS refuses 'open'"));
}

static void a_version_with_unknown_records_is_not_used(void **state)
{
    (void)state;
    script.version = 12; /* opened although 10 was asked for */
    connect_within(10000);
    assert_int_equal(open_code, ERR_UNSUPPORTED);
}

static bool open_another_service(struct script_peer *peer, struct ras_packet packet,
                                 const struct ras_packet_value *value)
{
    (void)packet;
    if (value->type != RAS_PACKET_OPEN)
        return false;
    script_packet(peer, &(struct ras_packet_value){.type = RAS_PACKET_OPEN_ACK,
                                                   .open = {.service = TEXT("v8.service.Other"),
                                                            .version = value->open.version,
                                                            .endpoint = 1,
                                                            .params = {.null = true}}});
    return true;
}

static void another_service_than_was_asked_for_is_not_used(void **state)
{
    (void)state;
    script.hook = open_another_service;
    connect_within(10000);
    assert_int_equal(open_code, ERR_PROTOCOL);
}

static void the_recorded_refusal_is_understood(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/tests/vectors/05_endpoint_open_refused_then_9.hex",
             CURFEW_SOURCE_DIR);
    vector_load(&vector, path);
    replayed = 0;
    while (vector.packets[replayed].bytes[0] != RAS_PACKET_OPEN)
        replayed++;
    about = 255;
    exact = false;
    script.hook = NULL;
    /* connect is answered as usual, both opens as recorded */
    script.hook = replay;
    static const uint8_t ack[] = {0x02, 0x01, 0x80};
    static uint8_t connect[] = {RAS_PACKET_CONNECT};
    memmove(&vector.packets[2], &vector.packets[replayed], 4 * sizeof vector.packets[0]);
    vector.packets[0] = (struct vector_packet){.from_client = true, .bytes = connect, .length = 1};
    vector.packets[1] = (struct vector_packet){.bytes = ack, .length = sizeof ack};
    vector.count = 6;
    replayed = 0;
    connect_well();
    assert_int_equal(ras_conn_version(conn), 9);
}

/* ---- connecting ---- */

static void a_closed_port_is_unavailable(void **state)
{
    (void)state;
    uv_close((uv_handle_t *)&script.listener, NULL);
    uv_run(&loop, UV_RUN_ONCE);
    connect_within(10000);
    assert_int_equal(open_code, ERR_UNAVAILABLE);
    assert_non_null(strstr(open_error.message, "127.0.0.1"));
}

static bool never_answer(struct script_peer *peer, struct ras_packet packet,
                         const struct ras_packet_value *value)
{
    (void)peer;
    (void)packet;
    (void)value;
    return true;
}

static void a_silent_greeting_ends_at_the_deadline(void **state)
{
    (void)state;
    script.hook = never_answer;
    connect_within(20);
    assert_int_equal(open_code, ERR_UNAVAILABLE);
}

static void a_name_is_resolved_and_its_addresses_are_tried(void **state)
{
    (void)state;
    config.host = "localhost"; /* may be ::1 first, where nobody listens */
    connect_well();
    list_within(10000);
    assert_int_equal(last.code, ERR_OK);
}

static void an_unknown_name_is_unavailable(void **state)
{
    (void)state;
    config.host = "no such host";
    connect_within(10000);
    assert_int_equal(open_code, ERR_UNAVAILABLE);
}

static void an_idle_connection_that_dies_is_told(void **state)
{
    (void)state;
    connect_well();
    came = false;
    script_hang_up(script.peers[0]);
    script_run_until(&script, &came);
    assert_null(conn);
}

/* What was asked before must not go out once more for it. */
static void an_answer_that_nobody_asked_for_ends_an_idle_connection(void **state)
{
    (void)state;
    connect_well();
    terminate_within(10000);
    assert_int_equal(last.code, ERR_OK);
    came = false;
    script_answer(script.peers[0], RAS_TERMINATE_SESSION, NULL, 0);
    script_run_until(&script, &came);
    assert_null(conn);
    assert_int_equal(script.requests[RAS_TERMINATE_SESSION], 1);
}

static void bytes_before_the_request_are_never_its_answer(void **state)
{
    (void)state;
    connect_well();
    list_within(10000);
    script_answer(script.peers[0], RAS_TERMINATE_SESSION, NULL, 0); /* nobody asked; not read yet */
    terminate_within(10000);
    assert_int_equal(last.code, ERR_PROTOCOL);
    assert_false(last.sent);
    assert_true(last.lost);
    assert_int_equal(script.requests[RAS_TERMINATE_SESSION], 0);
}

static void a_keep_alive_hides_no_answer_of_before(void **state)
{
    (void)state;
    connect_well();
    list_within(10000);
    script_send(script.peers[0], "\x10\x00\x10\x01x", 5);
    script_answer(script.peers[0], RAS_TERMINATE_SESSION, NULL, 0);
    terminate_within(10000);
    assert_int_equal(last.code, ERR_PROTOCOL);
    assert_false(last.sent);
    assert_true(last.lost);
    assert_int_equal(script.requests[RAS_TERMINATE_SESSION], 0);
}

static void half_an_answer_of_before_is_not_the_beginning_of_the_next(void **state) /* I6 */
{
    (void)state;
    connect_well();
    list_within(10000);
    script_send(script.peers[0], "\x0e\x05\x46", 3);
    for (int i = 0; i < 10; i++) /* it is read, and is no packet yet */
        uv_run(&loop, UV_RUN_NOWAIT);
    terminate_within(10000);
    assert_int_equal(last.code, ERR_PROTOCOL);
    assert_false(last.sent);
    assert_true(last.lost);
    assert_int_equal(script.requests[RAS_TERMINATE_SESSION], 0);
}

static void a_long_message_arrives_whole(void **state)
{
    (void)state;
    static char text[LIMIT_RAS_STRING_BYTES + 1];
    memset(text, 'x', sizeof text);
    connect_well();
    struct ras_terminate record = {.cluster = cluster_a, .message = {text, LIMIT_RAS_STRING_BYTES}};
    call_within(RAS_TERMINATE_SESSION, &record, cluster_a, 10000);
    assert_int_equal(last.code, ERR_OK);
    record.message.length = sizeof text;
    call_within(RAS_TERMINATE_SESSION, &record, cluster_a, 10000);
    assert_int_equal(last.code, ERR_TOO_LARGE);
    assert_false(last.sent);
    assert_false(last.lost);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    CHECK(sodium_init() >= 0);
    const struct CMUnitTest tests[] = {
        TEST(a_recorded_terminate_of_rac_is_played_byte_for_byte),
        TEST(a_whole_recorded_session_is_played),
        TEST(an_answer_cut_anywhere_leaves_a_terminate_in_doubt),
        TEST(an_answer_cut_anywhere_makes_a_list_unavailable),
        TEST(any_surprise_closes_the_connection),
        TEST(a_surprise_in_a_list_is_a_breach_of_the_protocol),
        TEST(keep_alives_around_an_answer_are_skipped),
        TEST(keep_alives_without_end_are_not_skipped_for_ever),
        TEST(a_late_answer_finds_the_connection_closed),
        TEST(a_silent_list_is_unavailable),
        TEST(nothing_leaves_after_its_time),
        TEST(the_answer_to_another_question_is_none),
        TEST(what_is_not_allowed_any_more_does_not_leave),
        TEST(a_call_without_time_sends_nothing),
        TEST(each_cluster_is_authenticated_once),
        TEST(infobase_logins_are_added_where_they_are_needed),
        TEST(a_refused_login_sends_nothing_and_is_tried_again),
        TEST(exceptions_are_judged_by_their_class),
        TEST(rights_that_held_before_are_shown_again_by_the_next_question),
        TEST(a_refusal_counts_whatever_its_text_is_encoded_in),
        TEST(a_long_refusal_is_cut_at_a_character),
        TEST(another_service_than_was_asked_for_is_not_used),
        TEST(an_answer_that_nobody_asked_for_ends_an_idle_connection),
        TEST(the_highest_common_version_is_opened),
        TEST(without_a_list_lower_versions_are_asked_one_by_one),
        TEST(no_common_version_names_both_lists),
        TEST(a_version_with_unknown_records_is_not_used),
        TEST(the_recorded_refusal_is_understood),
        TEST(a_closed_port_is_unavailable),
        TEST(a_silent_greeting_ends_at_the_deadline),
        TEST(a_name_is_resolved_and_its_addresses_are_tried),
        TEST(an_unknown_name_is_unavailable),
        TEST(an_idle_connection_that_dies_is_told),
        TEST(bytes_before_the_request_are_never_its_answer),
        TEST(a_keep_alive_hides_no_answer_of_before),
        TEST(half_an_answer_of_before_is_not_the_beginning_of_the_next),
        TEST(a_long_message_arrives_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
