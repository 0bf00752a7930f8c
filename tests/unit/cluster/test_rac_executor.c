/* The executor rac over small shell scripts that play the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "cluster/process.h"
#include "cluster/rac/rac.h"
#include "model/infobase.h"

enum { REPLIES_MAX = 16, TEXT_MAX = 65536, LONG_MS = 60000 };

#define CLUSTER "1619820a-d36f-4d8a-a716-1516b1dea077"
#define SESSION "8397b7bb-e836-4c95-9a4f-cf22bef822ff"
#define INFOBASE "717bdda7-2f60-4577-b262-f1fc8c0e472c"
#define VERSION "*--version*) echo 8.3.21.1895;;\n"
#define CLUSTERS                                                                                   \
    "*'cluster list'*) printf 'cluster : " CLUSTER "\\nhost : h\\nname : \"Main\"\\n\\n';;\n"
#define NAMES                                                                                      \
    "*'summary list'*) printf 'infobase : " INFOBASE "\\nname     : ut\\ndescr    : \\n\\n';;\n"
#define BLOCK                                                                                      \
    "session : " SESSION "\\nsession-id : 2\\ninfobase : " INFOBASE                                \
    "\\nuser-name : u\\nhost : h\\napp-id : 1CV8C\\nstarted-at : 2026-02-23T03:32:56\\n\\n"
#define SESSIONS "*'session list'*) printf '" BLOCK "';;\n"
#define USUAL VERSION CLUSTERS NAMES

static uv_loop_t loop;
static char folder[32];
static char program[64];
static char log_path[64];
static struct executor *executor;
static struct executor_reply replies[REPLIES_MAX];
static unsigned reply_count;
static bool stopped;
static bool inside_start;
static struct ras_address addresses[] = {{"ras1", 1545}, {"ras2", 1546}};

/* ---- the stage ---- */

/* `cases`: branches of a `case` over the arguments. Each run is written down. */
static void plays(const char *cases)
{
    FILE *file = fopen(program, "w");
    assert_non_null(file);
    fprintf(file,
            "#!/bin/sh\necho \"$*\" >> '%s'\ncase \"$*\" in\n%s*) echo 'Error: no such scene' >&2; "
            "exit 255;;\nesac\n",
            log_path, cases);
    fclose(file);
    assert_int_equal(chmod(program, 0700), 0);
}

static const char *logged(void)
{
    static char text[TEXT_MAX];
    FILE *file = fopen(log_path, "r");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = '\0';
    if (file)
        fclose(file);
    return text;
}

static unsigned runs(const char *what)
{
    unsigned count = 0;
    for (const char *at = logged(); (at = strstr(at, what)); at++)
        count++;
    return count;
}

static void on_done(void *self, struct executor_reply *reply)
{
    (void)self;
    assert_false(inside_start);
    assert_true(reply_count < REPLIES_MAX);
    replies[reply_count++] = *reply;
}

static void on_stopped(void *self)
{
    (void)self;
    stopped = true;
}

static struct rac_settings usual_settings(void)
{
    return (struct rac_settings){
        .name = "main", .program = program, .addresses = addresses, .address_count = 1};
}

static void make(const struct rac_settings *settings)
{
    struct error err;
    if (rac_executor_create(&loop, clock_real(), settings, on_done, NULL, &executor, &err))
        fail_msg("%s", err.message);
}

static void make_usual(void)
{
    struct rac_settings settings = usual_settings();
    make(&settings);
}

static struct uuid uuid(const char *text)
{
    struct uuid ret;
    assert_int_equal(uuid_read(text_of(text), &ret, NULL), ERR_OK);
    return ret;
}

static struct executor_request request(enum executor_op op)
{
    return (struct executor_request){
        .op = op,
        .tag = 7,
        .session = uuid(SESSION),
        .send_by = INSTANT_NEVER,
        .deadline = instant_add_ms(clock_real().now(NULL), LONG_MS),
    };
}

static void begin(const struct executor_request *asked)
{
    inside_start = true;
    executor_start(executor, asked);
    inside_start = false;
}

static void run_until(unsigned wanted)
{
    while (reply_count < wanted)
        uv_run(&loop, UV_RUN_ONCE);
}

static void reply_release(struct executor_reply *reply)
{
    session_list_destroy(reply->list);
    infobase_lock_destroy(reply->lock);
    connection_list_destroy(reply->connections);
    *reply = (struct executor_reply){0};
}

static struct executor_reply *asks(const struct executor_request *asked)
{
    while (reply_count)
        reply_release(&replies[--reply_count]);
    begin(asked);
    run_until(1);
    assert_int_equal(replies[0].tag, asked->tag);
    assert_int_equal(replies[0].op, asked->op);
    return &replies[0];
}

static struct executor_reply *does(enum executor_op op)
{
    struct executor_request asked = request(op);
    return asks(&asked);
}

static void stop(void)
{
    executor_stop(executor, on_stopped, NULL);
    while (!stopped)
        uv_run(&loop, UV_RUN_ONCE);
    executor_destroy(executor);
    executor = NULL;
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof folder, "/tmp/curfew-test-XXXXXX");
    CHECK(mkdtemp(folder));
    snprintf(program, sizeof program, "%s/rac", folder);
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    CHECK(uv_loop_init(&loop) == 0);
    executor = NULL;
    stopped = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (executor)
        stop();
    while (reply_count)
        reply_release(&replies[--reply_count]);
    uv_run(&loop, UV_RUN_DEFAULT);
    unlink(program);
    unlink(log_path);
    rmdir(folder);
    assert_int_equal(process_alive(), 0);
    return uv_loop_close(&loop);
}

static void came(const struct executor_reply *reply, enum error_code code, bool sent,
                 const char *word)
{
    if (reply->code != code)
        fail_msg("%s, not %s: %s", error_label(reply->code), error_label(code),
                 reply->error.message);
    assert_int_equal(reply->sent, sent);
    if (word && !strstr(reply->error.message, word))
        fail_msg("no '%s' in '%s'", word, reply->error.message);
}

/* ---- lists ---- */

static void a_list_comes_with_its_names_and_its_times(void **state)
{
    (void)state;
    plays(USUAL SESSIONS);
    make_usual();
    struct instant before = clock_real().now(NULL);
    struct executor_reply *reply = does(EXECUTOR_LIST);
    came(reply, ERR_OK, false, NULL);
    assert_int_equal(reply->list->count, 1);
    assert_string_equal(reply->list->sessions[0].infobase_name, "ut");
    assert_int_equal(reply->list->sessions[0].number, 2);
    assert_true(reply->list->has_infobases);
    assert_true(reply->list->started.ns >= before.ns);
    assert_true(reply->list->finished.ns > reply->list->started.ns);
    assert_string_equal(logged(), "--version\ncluster list ras1:1545\n"
                                  "session list --cluster=" CLUSTER " ras1:1545\n"
                                  "infobase summary list --cluster=" CLUSTER " ras1:1545\n");
    came(does(EXECUTOR_LIST), ERR_OK, false, NULL); /* and the next one costs one process */
    assert_int_equal(runs("\n"), 5);
}

static void nothing_printed_is_the_empty_list(void **state)
{
    (void)state;
    plays(USUAL "*'session list'*) ;;\n");
    make_usual();
    struct executor_reply *reply = does(EXECUTOR_LIST);
    came(reply, ERR_OK, false, NULL);
    assert_int_equal(reply->list->count, 0);
}

/* I7: whatever is wrong with it, there is no list, and none that is shorter. */
static void nothing_less_than_a_whole_list_is_a_list(void **state)
{
    (void)state;
    static const struct {
        const char *scene;
        enum error_code code;
        const char *word;
    } cases[] = {
        {"printf '" BLOCK "'; exit 255", ERR_REFUSED, "status 255"},
        {"printf '" BLOCK "'; kill -KILL $$", ERR_PROTOCOL, "signal 9"},
        {"printf '" BLOCK "session : '", ERR_PROTOCOL, "stops in the middle"},
        {"printf '" BLOCK "x : 1\\n\\n'", ERR_PROTOCOL, "other keys"},
        {"printf '" BLOCK "'; sleep 1000 &", ERR_PROTOCOL, "kept its output open"},
        {"echo 'something odd' >&2", ERR_REFUSED, "something odd"},
        {"printf '\\221\\321' >&2", ERR_REFUSED, "cannot be read"},
        {"echo 'Use: --help --version'", ERR_PROTOCOL, "stops in the middle"},
        {"echo 'Сервер не обнаружен'; exit 255", ERR_UNAVAILABLE, "Сервер не обнаружен"},
        {"echo 'Сервер не обнаружен' >&2", ERR_UNAVAILABLE, "status 0"},
        {"printf 'Ошибка операции администрирования\\nАдминистратор кластера не "
         "аутентифицирован\\n'"
         " >&2; exit 255",
         ERR_AUTH, "администрирования: Администратор"},
        {"printf '" BLOCK "'; echo 'Администратор кластера не аутентифицирован' >&2", ERR_AUTH,
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        snprintf(text, sizeof text, "%s*'session list'*) %s;;\n", USUAL, cases[i].scene);
        plays(text);
        make_usual();
        struct executor_reply *reply = does(EXECUTOR_LIST);
        came(reply, cases[i].code, false, cases[i].word);
        assert_null(reply->list);
        stop();
        stopped = false;
    }
}

static void a_warning_beside_a_whole_list_is_no_harm(void **state)
{
    (void)state;
    plays(USUAL "*'session list'*) printf '" BLOCK "'; echo 'locale is not set' >&2;;\n");
    make_usual();
    came(does(EXECUTOR_LIST), ERR_OK, false, NULL);
}

/* A timeout is not "no sessions". */
static void a_list_that_takes_too_long_is_unknown(void **state)
{
    (void)state;
    plays(USUAL "*'session list'*) exec sleep 1000;;\n");
    make_usual();
    came(does(EXECUTOR_INFO), ERR_PROTOCOL, false, NULL); /* prepares, so that little is left */
    struct executor_request asked = request(EXECUTOR_LIST);
    asked.deadline = instant_add_ms(clock_real().now(NULL), 50);
    struct executor_reply *reply = asks(&asked);
    came(reply, ERR_UNAVAILABLE, false, "did not end within its time");
    assert_null(reply->list);
}

static void one_session_is_asked_for_by_its_uuid(void **state)
{
    (void)state;
    plays(USUAL "*'session info'*" SESSION "*) printf '" BLOCK "';;\n"
                "*'session info'*) echo 'Сеанс с указанным идентификатором не найден' >&2; exit "
                "255;;\n");
    make_usual();
    struct executor_reply *reply = does(EXECUTOR_INFO);
    came(reply, ERR_OK, false, NULL);
    assert_int_equal(reply->list->count, 1);
    struct executor_request other = request(EXECUTOR_INFO);
    other.session.bytes[0] ^= 1;
    came(asks(&other), ERR_GONE, false, NULL);
    plays(USUAL "*'session info'*) printf '" BLOCK "';;\n");
    came(asks(&other), ERR_PROTOCOL, false, "another session");
}

static void words_in_a_code_page_are_understood(void **state)
{
    (void)state;
    /* "Сеанс отсутствует или удален" in code page 866; then a user's name that alone is doubtful */
    plays(USUAL "*'session info'*) printf '\\221\\245\\240\\255\\341 "
                "\\256\\342\\341\\343\\342\\341\\342\\242\\343\\245\\342 \\250\\253\\250 "
                "\\343\\244\\240\\253\\245\\255' >&2; exit 255;;\n"
                "*'session list'*) printf '" BLOCK
                "' | sed 's/: u$/: '$(printf '\\340\\341')'/';;\n");
    make_usual();
    came(does(EXECUTOR_LIST), ERR_PROTOCOL, false, "clusters[].rac.encoding");
    came(does(EXECUTOR_INFO), ERR_GONE, false, "Сеанс отсутствует или удален");
    struct executor_reply *reply = does(EXECUTOR_LIST); /* by now its code page is known */
    came(reply, ERR_OK, false, NULL);
    assert_string_equal(reply->list->sessions[0].user_name, "рс");
}

/* ---- changes ---- */

static void an_end_is_sent_and_nothing_more_is_said(void **state)
{
    (void)state;
    plays(USUAL "*'session terminate'*) ;;\n");
    make_usual();
    struct executor_request asked = request(EXECUTOR_END);
    asked.message = "Закройте \"всё\"; rm -rf $HOME";
    came(asks(&asked), ERR_OK, true, NULL);
    assert_non_null(strstr(logged(),
                           "session terminate --cluster=" CLUSTER " --session=" SESSION
                           " --error-message=Закройте \"всё\"; rm -rf $HOME ras1:1545\n"));
}

/* I6: from the start of the process on, only a known refusal is an answer. */
static void an_end_without_a_clear_answer_is_in_doubt(void **state)
{
    (void)state;
    static const struct {
        const char *scene;
        enum error_code code;
    } cases[] = {
        {"echo 'Сеанс с указанным идентификатором не найден' >&2; exit 255", ERR_GONE},
        {"echo 'Администратор кластера не аутентифицирован'; exit 255", ERR_AUTH},
        {"echo 'Кластер с указанным идентификатором не найден' >&2; exit 255", ERR_NOT_FOUND},
        {"echo 'what nobody knows' >&2; exit 255", ERR_IN_DOUBT},
        {"exit 255", ERR_IN_DOUBT},
        {"echo 'unexpected'", ERR_IN_DOUBT},
        {"echo 'Use: --help --version'", ERR_UNSUPPORTED},
        {"echo 'Ошибка соединения с сервером' >&2; exit 255", ERR_IN_DOUBT},
        {"kill -SEGV $$", ERR_IN_DOUBT},
        {"sleep 1000 &", ERR_IN_DOUBT},
        {"echo 'locale is not set' >&2", ERR_OK},
    };
    make_usual();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        snprintf(text, sizeof text, "%s*'session terminate'*) %s;;\n", USUAL, cases[i].scene);
        plays(text);
        struct executor_reply *reply = does(EXECUTOR_END);
        if (reply->code != cases[i].code)
            fail_msg("%s: %s, %s", cases[i].scene, error_label(reply->code), reply->error.message);
        assert_true(reply->sent);
    }
}

static void an_end_that_hangs_is_in_doubt(void **state)
{
    (void)state;
    plays(USUAL "*'session terminate'*) exec sleep 1000;;\n");
    make_usual();
    came(does(EXECUTOR_INFO), ERR_PROTOCOL, false, NULL);
    struct executor_request asked = request(EXECUTOR_END);
    asked.deadline = instant_add_ms(clock_real().now(NULL), 50);
    came(asks(&asked), ERR_IN_DOUBT, true, "did not end within its time");
}

static bool never(uint64_t tag)
{
    (void)tag;
    return false;
}

/* I1: asked right before the process is started, after all that was prepared. */
static void an_end_without_its_licence_starts_nothing(void **state)
{
    (void)state;
    plays(USUAL "*'session terminate'*) ;;\n");
    make_usual();
    struct executor_request asked = request(EXECUTOR_END);
    asked.allowed = never;
    came(asks(&asked), ERR_STALE, false, "nothing was sent");
    assert_int_equal(runs("cluster list"), 1);
    asked.allowed = NULL;
    asked.send_by = clock_real().now(NULL);
    came(asks(&asked), ERR_STALE, false, "nothing was sent");
    assert_int_equal(runs("terminate"), 0);
}

static void a_program_that_is_not_there_sends_nothing(void **state)
{
    (void)state;
    make_usual();
    came(does(EXECUTOR_END), ERR_CONFIG, false, "cannot run");
}

static void an_old_rac_gets_no_options_that_it_does_not_know(void **state)
{
    (void)state;
    plays("*--version*) echo 8.3.10.2252;;\n" CLUSTERS NAMES "*'session terminate'*) ;;\n");
    make_usual();
    struct executor_request asked = request(EXECUTOR_END);
    asked.message = "text";
    came(asks(&asked), ERR_OK, true, NULL);
    assert_null(strstr(logged(), "error-message"));
    came(does(EXECUTOR_INTERRUPT), ERR_UNSUPPORTED, false, "8.3.21");
    assert_int_equal(runs("interrupt"), 0);
}

static void another_program_is_told_from_rac(void **state)
{
    (void)state;
    plays("*--version*) echo 'bash 5.2';;\n");
    make_usual();
    came(does(EXECUTOR_LIST), ERR_CONFIG, false, "does not tell a version");
}

/* ---- which cluster, which address ---- */

#define TWO_CLUSTERS                                                                               \
    "*'cluster list'*) printf 'cluster : " CLUSTER "\\nname : \"Main\"\\n\\ncluster : " SESSION    \
    "\\nname : Другой\\n\\n';;\n"

static void the_first_of_several_clusters_is_never_taken_silently(void **state)
{
    (void)state;
    plays(VERSION TWO_CLUSTERS NAMES SESSIONS);
    make_usual();
    came(does(EXECUTOR_LIST), ERR_CONFIG, false, "'Main' " CLUSTER ", 'Другой' " SESSION);
    assert_int_equal(runs("session list"), 0);
    stop();
    stopped = false;
    struct rac_settings settings = usual_settings();
    settings.cluster = "ДРУГОЙ";
    make(&settings);
    came(does(EXECUTOR_LIST), ERR_OK, false, NULL);
    assert_int_equal(runs("session list --cluster=" SESSION), 1);
}

static void a_cluster_given_by_uuid_is_not_looked_up(void **state)
{
    (void)state;
    plays(USUAL SESSIONS);
    struct rac_settings settings = usual_settings();
    settings.cluster = CLUSTER;
    settings.version = (struct rac_version){8 << 24 | 3 << 16 | 24 << 8};
    make(&settings);
    came(does(EXECUTOR_PROCESSES), ERR_REFUSED, false, "no such scene");
    assert_string_equal(logged(), "process list --cluster=" CLUSTER " ras1:1545\n");
}

static void what_only_reads_goes_to_the_next_address(void **state)
{
    (void)state;
    plays(
        VERSION
        "*ras1:1545*) echo 'Ошибка соединения с сервером' >&2; exit 255;;\n" CLUSTERS NAMES SESSIONS
        "*terminate*) ;;\n");
    struct rac_settings settings = usual_settings();
    settings.address_count = 2;
    make(&settings);
    came(does(EXECUTOR_LIST), ERR_OK, false, NULL);
    assert_int_equal(runs("ras1"), 1);
    came(does(EXECUTOR_END), ERR_OK, true, NULL); /* goes where it worked last */
    assert_int_equal(runs("ras1"), 1);
}

/* The words do not say whether it was cut off before the cluster had it, or after. */
static void an_end_is_never_sent_to_a_second_address(void **state) /* I6 */
{
    (void)state;
    plays(USUAL "*'session terminate'*) echo 'Connection refused' >&2; exit 255;;\n");
    struct rac_settings settings = usual_settings();
    settings.address_count = 2;
    make(&settings);
    came(does(EXECUTOR_END), ERR_IN_DOUBT, true, NULL);
    assert_int_equal(runs("session terminate"), 1);
}

static void a_list_and_its_names_come_from_one_address(void **state)
{
    (void)state;
    plays(VERSION CLUSTERS SESSIONS
          "*'summary list'*ras1:1545*) echo 'Connection refused' >&2; exit 255;;\n" NAMES);
    struct rac_settings settings = usual_settings();
    settings.address_count = 2;
    make(&settings);
    came(does(EXECUTOR_LIST), ERR_OK, false, NULL);
    assert_int_equal(runs("summary list"), 2);
    assert_int_equal(runs("session list"), 2);
}

/* 64 MiB are read of a list; what an end says at such length is no clear answer. */
static void what_says_too_much_is_ended_and_not_believed(void **state) /* I13 */
{
    (void)state;
    plays(USUAL
          "*'session list'*|*terminate*) exec yes 0123456789012345678901234567890123456789;;\n");
    struct rac_settings settings = usual_settings();
    settings.address_count = 2;
    make(&settings);
    came(does(EXECUTOR_LIST), ERR_TOO_LARGE, false, NULL);
    assert_int_equal(runs("session list"), 1); /* another address has the same list */
    came(does(EXECUTOR_END), ERR_IN_DOUBT, true, NULL);
}

static void a_cluster_that_nobody_serves_names_its_addresses(void **state)
{
    (void)state;
    plays(VERSION "*) echo 'Connection refused' >&2; exit 255;;\n");
    struct rac_settings settings = usual_settings();
    settings.address_count = 2;
    make(&settings);
    struct executor_request asked = request(EXECUTOR_LIST);
    for (unsigned i = 0; i < 3; i++)
        begin(&asked);
    run_until(3);
    for (unsigned i = 0; i < 3; i++)
        came(&replies[i], ERR_UNAVAILABLE, false, "cluster 'main': RAS 'ras2:1546': rac refuses");
    assert_int_equal(runs("cluster list"), 2); /* one asked for all */
}

/* ---- locks and connections ---- */

#define INFO                                                                                        \
    "*'infobase info'*) printf 'infobase : " INFOBASE                                               \
    "\\nname : ut\\nscheduled-jobs-deny : off\\n"                                                   \
    "sessions-deny : off\\ndenied-from : \\ndenied-message : \"Обед\"\\ndenied-parameter : \\n" \
    "denied-to : \\npermission-code : \"old\"\\n\\n';;\n"

static void a_lock_is_written_only_where_it_differs(void **state)
{
    (void)state;
    plays(USUAL INFO "*'infobase update'*) ;;\n");
    make_usual();
    struct executor_request asked = request(EXECUTOR_INFOBASE_READ);
    asked.infobase = "UT";
    struct executor_reply *reply = asks(&asked);
    came(reply, ERR_OK, false, NULL);
    assert_string_equal(reply->lock->denied_message, "Обед");
    AUTO(infobase_lock) expected = STEAL(reply->lock);
    struct infobase_lock wanted = *expected;
    wanted.sessions_deny = true;
    wanted.denied_message = (char[]){""};
    assert_int_equal(server_time_read(TEXT("2026-03-01T10:00:00"), &wanted.denied_from, NULL),
                     ERR_OK);
    asked.op = EXECUTOR_INFOBASE_WRITE;
    asked.lock = &wanted;
    asked.expected = expected;
    came(asks(&asked), ERR_OK, true, NULL);
    assert_non_null(strstr(logged(), "infobase update --cluster=" CLUSTER " --infobase=" INFOBASE
                                     " --sessions-deny=on --denied-from=2026-03-01T10:00:00 "
                                     "--denied-message= ras1:1545\n"));
    asked.lock = expected; /* it is so already */
    came(asks(&asked), ERR_OK, false, NULL);
    assert_int_equal(runs("infobase update"), 1);
    asked.lock = &wanted;
    asked.expected = &wanted; /* a stranger's change is kept */
    came(asks(&asked), ERR_CONFLICT, false, "meanwhile");
    assert_int_equal(runs("infobase update"), 1);
}

static void a_permission_code_is_kept_off_the_command_line(void **state)
{
    (void)state;
    plays(USUAL INFO "*'infobase update'*) ;;\n");
    make_usual();
    struct infobase_lock wanted = {.infobase = uuid(INFOBASE),
                                   .denied_message = (char[]){"Обед"},
                                   .denied_parameter = (char[]){""},
                                   .permission_code = (char[]){"s3cret"}};
    struct executor_request asked = request(EXECUTOR_INFOBASE_WRITE);
    asked.infobase = "ut";
    asked.lock = &wanted;
    came(asks(&asked), ERR_CONFIG, false, "permission code would stand on rac's command line");
    assert_null(strstr(logged(), "s3cret"));
}

static void an_unknown_infobase_is_told(void **state)
{
    (void)state;
    plays(USUAL);
    make_usual();
    struct executor_request asked = request(EXECUTOR_CONNECTIONS);
    asked.infobase = "buh";
    came(asks(&asked), ERR_NOT_FOUND, false, "no infobase 'buh'");
}

static void connections_are_listed_and_cut(void **state)
{
    (void)state;
    plays(USUAL
          "*'connection list'*) printf 'connection : " SESSION "\\nconn-id : 17\\nhost : h\\n"
          "process : " CLUSTER "\\ninfobase : " INFOBASE "\\napplication : \"1CV8C\"\\n"
          "connected-at : 2026-02-23T04:19:37\\nsession-number : 0\\nblocked-by-ls : 0\\n\\n';;\n"
          "*'connection disconnect'*) ;;\n");
    make_usual();
    struct executor_request asked = request(EXECUTOR_CONNECTIONS);
    asked.infobase = "ut";
    struct executor_reply *reply = asks(&asked);
    came(reply, ERR_OK, false, NULL);
    assert_int_equal(reply->connections->count, 1);
    assert_string_equal(reply->connections->connections[0].application, "1CV8C");
    asked.op = EXECUTOR_DISCONNECT;
    asked.connection = uuid(SESSION);
    asked.process = uuid(CLUSTER);
    came(asks(&asked), ERR_OK, true, NULL);
    assert_int_equal(runs("connection disconnect --cluster=" CLUSTER " --process=" CLUSTER
                          " --connection=" SESSION),
                     1);
}

/* ---- passwords ---- */

static void a_password_needs_leave_and_is_never_told(void **state)
{
    (void)state;
    struct secret *secret = secret_of(TEXT("pass word"));
    struct rac_settings settings = usual_settings();
    struct error err;
    settings.admin = (struct ras_login){"admin", secret};
    plays(USUAL "*'session list'*) echo \"bad argument $*\" >&2; exit 255;;\n");
    assert_int_equal(
        rac_executor_create(&loop, clock_real(), &settings, on_done, NULL, &executor, &err),
        ERR_CONFIG);
    assert_non_null(strstr(err.message, "allow_password_on_command_line"));
    settings.passwords_allowed = true;
    make(&settings);
    struct executor_reply *reply = does(EXECUTOR_LIST);
    came(reply, ERR_REFUSED, false, "--cluster-pwd=***");
    assert_null(strstr(reply->error.message, "pass word"));
    assert_int_equal(runs("--cluster-user=admin --cluster-pwd=pass word"), 1);
    secret_destroy(secret);
}

static void infobase_administrators_go_where_they_are_known(void **state)
{
    (void)state;
    struct ras_infobase_login logins[] = {{"UT", {"Админ", NULL}}};
    struct rac_settings settings = usual_settings();
    settings.infobases = logins;
    settings.infobase_count = 1;
    plays(USUAL INFO);
    make(&settings);
    struct executor_request asked = request(EXECUTOR_INFOBASE_READ);
    asked.infobase = "ut";
    came(asks(&asked), ERR_OK, false, NULL);
    assert_int_equal(runs("--infobase-user=Админ"), 1);
    stop();
    stopped = false;
    plays("*--version*) echo 8.5.4.1878;;\n" CLUSTERS NAMES INFO);
    make(&settings);
    came(asks(&asked), ERR_OK, false, NULL);
    assert_int_equal(runs("--infobase-user=Админ"), 1); /* 8.5.4 has no such option */
}

/* ---- together ---- */

static void requests_run_side_by_side_and_prepare_once(void **state)
{
    (void)state;
    plays(USUAL SESSIONS "*terminate*) ;;\n");
    make_usual();
    struct executor_request asked = request(EXECUTOR_END);
    for (unsigned i = 0; i < REPLIES_MAX; i++)
        begin(&asked);
    run_until(REPLIES_MAX);
    for (unsigned i = 0; i < REPLIES_MAX; i++)
        came(&replies[i], ERR_OK, true, NULL);
    assert_int_equal(runs("--version"), 1);
    assert_int_equal(runs("cluster list"), 1);
    assert_int_equal(runs("terminate"), REPLIES_MAX);
}

static void a_stop_answers_everything_and_leaves_nobody(void **state)
{
    (void)state;
    plays(USUAL
          "*terminate* | *'process list'*) echo hangs >> \"${0%rac}log\"; exec sleep 1000;;\n");
    make_usual();
    struct executor_request asked = request(EXECUTOR_END);
    begin(&asked);
    asked.op = EXECUTOR_PROCESSES;
    begin(&asked);
    while (runs("hangs") < 2)
        uv_run(&loop, UV_RUN_NOWAIT);
    asked.op = EXECUTOR_LIST;
    begin(&asked);
    stop();
    assert_int_equal(reply_count, 3);
    assert_int_equal(process_alive(), 0);
    for (unsigned i = 0; i < 3; i++)
        if (replies[i].op == EXECUTOR_END)
            came(&replies[i], ERR_IN_DOUBT, true, NULL);
        else
            came(&replies[i], ERR_UNAVAILABLE, false, NULL);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_list_comes_with_its_names_and_its_times),
        TEST(nothing_printed_is_the_empty_list),
        TEST(nothing_less_than_a_whole_list_is_a_list),
        TEST(a_warning_beside_a_whole_list_is_no_harm),
        TEST(a_list_that_takes_too_long_is_unknown),
        TEST(one_session_is_asked_for_by_its_uuid),
        TEST(words_in_a_code_page_are_understood),
        TEST(an_end_is_sent_and_nothing_more_is_said),
        TEST(an_end_without_a_clear_answer_is_in_doubt),
        TEST(an_end_that_hangs_is_in_doubt),
        TEST(an_end_without_its_licence_starts_nothing),
        TEST(a_program_that_is_not_there_sends_nothing),
        TEST(an_old_rac_gets_no_options_that_it_does_not_know),
        TEST(another_program_is_told_from_rac),
        TEST(the_first_of_several_clusters_is_never_taken_silently),
        TEST(a_cluster_given_by_uuid_is_not_looked_up),
        TEST(what_only_reads_goes_to_the_next_address),
        TEST(an_end_is_never_sent_to_a_second_address),
        TEST(a_list_and_its_names_come_from_one_address),
        TEST(what_says_too_much_is_ended_and_not_believed),
        TEST(a_cluster_that_nobody_serves_names_its_addresses),
        TEST(a_lock_is_written_only_where_it_differs),
        TEST(a_permission_code_is_kept_off_the_command_line),
        TEST(an_unknown_infobase_is_told),
        TEST(connections_are_listed_and_cut),
        TEST(a_password_needs_leave_and_is_never_told),
        TEST(infobase_administrators_go_where_they_are_known),
        TEST(requests_run_side_by_side_and_prepare_once),
        TEST(a_stop_answers_everything_and_leaves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
