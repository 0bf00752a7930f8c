#include "sim/rac/program.h"

#include <fcntl.h>
#include <iconv.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "cluster/ras/conn.h"
#include "model/json.h"
#include "sim/rac/fault.h"
#include "sim/rac/print.h"
#include "sim/rac/words.h"

enum {
    FAILED = 255, /* rac's only other exit status */
    TEXT_BYTES = 64 * 1024 * 1024,
    LOG_BYTES = 64 * 1024,
    CALL_MS = 60000,
};

struct program {
    uv_loop_t loop;
    struct words words;
    struct rac_faults faults;
    unsigned version;
    bool english;
    const char *encoding;
    bool crlf;
    struct ras_conn *conn;
    struct ras_login login;
    struct buf output;
    struct buf errors;
    int status;
    bool over;
};

extern char **environ;

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

/* ---- the log ---- */

static void log_texts(struct buf *line, const char *name, char *const *texts)
{
    buf_format(line, "\"%s\":[", name);
    for (size_t i = 0; texts[i]; i++) {
        struct text text = text_of(texts[i]);
        buf_str(line, i ? "," : "");
        json_quote(line, text_valid(text) ? text : TEXT("not UTF-8"));
    }
    buf_str(line, "]");
}

/* One write: lines of several processes do not mix. */
static void log_start(char **argv)
{
    const char *path = setting("RAC_SIM_LOG", NULL);
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    AUTO_BUF line;
    buf_init(&line, LOG_BYTES);
    if (fd < 0)
        return;
    buf_format(&line, "{\"pid\":%d,", (int)getpid());
    log_texts(&line, "argv", argv + 1);
    buf_str(&line, ",");
    log_texts(&line, "environment", environ);
    buf_str(&line, "}\n");
    ssize_t written = write(fd, line.data, line.length);
    CHECK(written == (ssize_t)line.length);
    close(fd);
}

/* ---- what is printed ---- */

static void end_lines(const struct buf *from, struct buf *to)
{
    for (size_t i = 0; i < from->length; i++) {
        if (from->data[i] == '\n')
            buf_byte(to, '\r');
        buf_byte(to, from->data[i]);
    }
}

/* To the code page, as far as it has the characters. */
static void convert(const struct buf *from, const char *code_page, struct buf *to)
{
    char name[32];
    snprintf(name, sizeof name, "%s//TRANSLIT", code_page);
    iconv_t converter = iconv_open(name, "UTF-8");
    CHECK(converter != (iconv_t)-1);
    char *in = (char *)from->data;
    size_t left = from->length;
    size_t room = from->length * 2 + 1;
    char *out = (char *)buf_room(to, room);
    size_t free_room = room;
    if (left)
        (void)iconv(converter, &in, &left, &out, &free_room);
    buf_grown(to, room - free_room);
    iconv_close(converter);
}

static void write_all(int fd, const struct program *program, const struct buf *text, size_t most)
{
    AUTO_BUF lines;
    AUTO_BUF bytes;
    buf_init(&lines, 2 * TEXT_BYTES);
    buf_init(&bytes, 4 * (size_t)TEXT_BYTES);
    if (program->crlf)
        end_lines(text, &lines);
    const struct buf *whole = program->crlf ? &lines : text;
    if (!strcmp(program->encoding, "utf-8"))
        buf_add(&bytes, whole->data, whole->length);
    else
        convert(whole, program->encoding, &bytes);
    size_t length = bytes.length < most ? bytes.length : most;
    for (size_t done = 0; done < length;) {
        ssize_t count = write(fd, bytes.data + done, length - done);
        if (count <= 0)
            return;
        done += (size_t)count;
    }
}

static bool has(const struct program *program, enum rac_fault fault)
{
    return program->faults.on[fault];
}

static void never_end(void)
{
    for (;;)
        pause();
}

static void leave_a_child(void)
{
    if (fork() == 0)
        never_end();
}

static int finish(struct program *program)
{
    size_t most = SIZE_MAX;
    int status = has(program, RAC_FAULT_ZERO) ? 0 : program->status;
    if (has(program, RAC_FAULT_LATE))
        never_end();
    if (has(program, RAC_FAULT_CUT))
        most = program->faults.value[RAC_FAULT_CUT];
    if (has(program, RAC_FAULT_DIES))
        most = program->faults.value[RAC_FAULT_DIES];
    write_all(has(program, RAC_FAULT_STDOUT) ? STDOUT_FILENO : STDERR_FILENO, program,
              &program->errors, SIZE_MAX);
    write_all(STDOUT_FILENO, program, &program->output, most);
    if (has(program, RAC_FAULT_ORPHAN))
        leave_a_child();
    if (has(program, RAC_FAULT_DIES))
        raise(SIGKILL);
    return status;
}

/* ---- the conversation ---- */

static void over(struct program *program, int status)
{
    program->status = status;
    program->over = true;
    ras_conn_close(program->conn);
    program->conn = NULL;
}

static void no_server(struct program *program, const char *why)
{
    buf_format(&program->errors,
               program->english ? "Server connection error\n%s\n"
                                : "Ошибка соединения с сервером\n%s\n",
               why);
}

static void ask(struct program *program, enum ras_request number, const void *record)
{
    struct ras_call call = {
        .number = number,
        .record = record,
        .cluster = words_uuid(&program->words, "cluster"),
        .login = words_option(&program->words, "infobase-user") ? 0 : RAS_LOGIN_NONE,
        .send_by = INSTANT_NEVER,
        .deadline = instant_add_ms(clock_real().now(NULL), CALL_MS),
    };
    ras_conn_call(program->conn, &call);
}

/* Every request begins with the cluster; what follows is what the command needs. */
static void ask_first(struct program *program)
{
    const struct words *words = &program->words;
    const char *message = words_option(words, "error-message");
    struct uuid cluster = words_uuid(words, "cluster");
    struct uuid infobase = words_uuid(words, "infobase");
    struct uuid session = words_uuid(words, "session");
    struct ras_of_infobase of_infobase = {cluster, infobase};
    enum ras_request number = words->command->request;
    switch (number) {
    case RAS_GET_CLUSTERS:
        ask(program, number, NULL);
        return;
    case RAS_GET_SESSIONS:
        number = uuid_is_nil(&infobase) ? RAS_GET_SESSIONS : RAS_GET_INFOBASE_SESSIONS;
        ask(program, number, &of_infobase); /* the shorter record is its beginning */
        return;
    case RAS_GET_SESSION_INFO:
        ask(program, number, &(struct ras_of_session){cluster, session});
        return;
    case RAS_TERMINATE_SESSION:
    case RAS_INTERRUPT_SESSION:
        ask(program, number,
            &(struct ras_terminate){cluster, session, text_of(message ? message : "")});
        return;
    case RAS_DISCONNECT:
        ask(program, number,
            &(struct ras_disconnect){cluster, words_uuid(words, "process"),
                                     words_uuid(words, "connection")});
        return;
    case RAS_UPDATE_INFOBASE:
        ask(program, RAS_GET_INFOBASE_INFO, &of_infobase);
        return;
    default:
        ask(program, number, &of_infobase);
        return;
    }
}

static void set_text(const struct words *words, const char *name, struct text *field)
{
    const char *value = words_option(words, name);
    if (value)
        *field = text_of(value);
}

static void set_switch(const struct words *words, const char *name, bool *field)
{
    const char *value = words_option(words, name);
    if (value)
        *field = !strcmp(value, "on");
}

static bool set_time(const struct words *words, const char *name, struct server_time *field)
{
    const char *value = words_option(words, name);
    return !value || !server_time_read(text_of(value), field, NULL);
}

/* The record came: it goes back changed. */
static void update(struct program *program, const struct ras_infobase *record)
{
    const struct words *words = &program->words;
    struct ras_infobase_update update = {words_uuid(words, "cluster"), *record};
    set_switch(words, "sessions-deny", &update.info.sessions_deny);
    set_switch(words, "scheduled-jobs-deny", &update.info.scheduled_jobs_deny);
    set_text(words, "denied-message", &update.info.denied_message);
    set_text(words, "denied-parameter", &update.info.denied_parameter);
    set_text(words, "permission-code", &update.info.permission_code);
    if (!set_time(words, "denied-from", &update.info.denied_from) ||
        !set_time(words, "denied-to", &update.info.denied_to)) {
        buf_str(&program->errors, "Error parsing option: denied-from\n");
        over(program, FAILED);
        return;
    }
    ask(program, RAS_UPDATE_INFOBASE, &update);
}

static void answered(void *self, const struct ras_answer *answer)
{
    struct program *program = self;
    if (answer->lost)
        program->conn = NULL;
    if (answer->code && answer->remote_class[0]) {
        words_refusal(answer->remote_class, program->english, program->version, &program->errors);
        over(program, FAILED);
    } else if (answer->code) {
        no_server(program, answer->error.message);
        over(program, FAILED);
    } else if (program->words.command->request == RAS_UPDATE_INFOBASE &&
               answer->message->layout == &ras_infobase_layout) {
        update(program, answer->message->records);
    } else {
        rac_sim_print(answer->message, program->version, &program->output);
        over(program, 0);
    }
}

static void opened(void *self, enum error_code code, const struct error *err)
{
    struct program *program = self;
    if (!code) {
        ask_first(program);
        return;
    }
    program->conn = NULL;
    no_server(program, err->message);
    over(program, FAILED);
}

static void lost(void *self)
{
    struct program *program = self;
    program->conn = NULL;
    over(program, FAILED);
}

static struct ras_login login_of(const struct words *words, const char *user, const char *password)
{
    const char *name = words_option(words, user);
    const char *secret = words_option(words, password);
    return (struct ras_login){name, secret ? secret_of(text_of(secret)) : NULL};
}

static void talk(struct program *program)
{
    const struct words *words = &program->words;
    struct ras_login admin = login_of(words, "cluster-user", "cluster-pwd");
    program->login = login_of(words, "infobase-user", "infobase-pwd");
    const struct ras_conn_config config = {
        .host = words->host,
        .port = words->port,
        .version_first = program->version < 805000 ? RAS_VERSION_FIRST : RAS_VERSION_MAX,
        .cluster = admin,
        .infobases = &program->login,
        .infobase_count = 1,
        .clock = clock_real(),
    };
    const struct ras_conn_owner owner = {
        .opened = opened, .answered = answered, .lost = lost, .self = program};
    CHECK(uv_loop_init(&program->loop) == 0);
    program->conn = ras_conn_create(&program->loop, &config, &owner,
                                    instant_add_ms(clock_real().now(NULL), CALL_MS));
    uv_run(&program->loop, UV_RUN_DEFAULT);
    CHECK(program->over);
    CHECK(uv_loop_close(&program->loop) == 0);
    secret_destroy((struct secret *)(uintptr_t)admin.password);
    secret_destroy((struct secret *)(uintptr_t)program->login.password);
}

/* ---- the walk ---- */

static void begin_badly(struct program *program)
{
    if (has(program, RAC_FAULT_STUBBORN))
        signal(SIGTERM, SIG_IGN);
    if (has(program, RAC_FAULT_HANG) || has(program, RAC_FAULT_STUBBORN))
        never_end();
    if (has(program, RAC_FAULT_CRASH))
        abort();
    if (has(program, RAC_FAULT_SLOW))
        usleep((useconds_t)program->faults.value[RAC_FAULT_SLOW] * 1000);
    if (has(program, RAC_FAULT_WARN))
        buf_str(&program->errors, "warning: the licence file cannot be read\n");
}

static void help(struct program *program)
{
    buf_str(&program->output,
            "1C:Enterprise Remote Administrative Client Utility (a stand-in)\n\nUse:\n\n"
            "\trac [mode] [command] [options] [arguments]\n\nShared options:\n\n"
            "    --version | -v\n        get the utility version\n\n"
            "    --help | -h | -?\n        display brief utility description\n");
}

static int run(struct program *program)
{
    char operation[64];
    struct error err;
    words_operation(&program->words, operation);
    if (rac_faults_read(setting("RAC_SIM_FAULTS", NULL), operation, &program->faults, &err)) {
        fprintf(stderr, "curfew-rac-sim: %s\n", err.message);
        return FAILED;
    }
    begin_badly(program);
    if (!program->words.command) {
        help(program); /* and status 0, as rac does */
    } else if (program->words.wrong) {
        bool russian = !strcmp(setting("RAC_SIM_CLIENT_LANGUAGE", "en"), "ru");
        buf_format(&program->errors,
                   russian ? "Ошибка разбора параметра: %s\n" : "Error parsing option: %s\n",
                   program->words.wrong);
        program->status = FAILED;
    } else if (has(program, RAC_FAULT_NOTHING)) {
        program->status = FAILED;
    } else if (!has(program, RAC_FAULT_LIE)) {
        talk(program);
    }
    return finish(program);
}

int rac_sim_main(int argc, char **argv)
{
    struct program program = {0};
    const char *version = setting("RAC_SIM_VERSION", "8.3.21.1895");
    buf_init(&program.output, TEXT_BYTES);
    buf_init(&program.errors, TEXT_BYTES);
    signal(SIGPIPE, SIG_IGN);
    log_start(argv);
    program.version = words_version(version);
    program.english = !strcmp(setting("RAC_SIM_LANGUAGE", "ru"), "en");
    program.encoding = setting("RAC_SIM_ENCODING", "utf-8");
    program.crlf = getenv("RAC_SIM_CRLF") != NULL;
    int status = 0;
    if (argc == 2 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v"))) {
        printf("%s\n", version);
    } else {
        words_read(argc, argv, program.version, &program.words);
        status = run(&program);
    }
    buf_release(&program.output);
    buf_release(&program.errors);
    return status;
}
